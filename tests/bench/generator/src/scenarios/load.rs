//! The measurements of many clients at once: a meeting, a busy packet thread, idle participants, and joins and leaves over a
//! long time. Each returns one JSON object.

use crate::participant::audience::Audience;
use crate::participant::client::{Client, Role, Seat};
use crate::participant::crowd::Crowd;
use crate::process::{cpu_ns, rss_kib, threads_ns};
use crate::scenarios::scenario::{
    JOIN_LIMIT, Options, PENDING_JOINS, Publisher, Reading, SETTLE, failures, gather, seat,
};
use crate::streams::sink::{DELAY_US, Sink};
use crate::streams::source::{Kind, Source};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Deaf viewers of one step of the load, their limit, and the time that each step is measured. Longer: a row takes longer.
/// Shorter: the load of a step is less exact.
const STEP: usize = 25;
const DEAF_MAX: usize = 3000;
const STEP_WINDOW: Duration = Duration::from_millis(1500);
const LINGER: Duration = Duration::from_millis(1200);
/// Time in which clients join before memory is read.
const ROUND: Duration = Duration::from_secs(10);
/// Time that a client stays in the churn.
const STAY: Duration = Duration::from_secs(1);

/// Every member publishes a camera in three layers, and some members a voice. Each shows one camera large and some small.
pub fn meeting(options: &Options) -> Result<Value, String> {
    let (members, seat) = (options.viewers.max(2), seat(options));
    let mut crowd = Crowd::new()?;
    let (started, cpu) = (Instant::now(), cpu_ns(options.pid));
    gather(&mut crowd, &seat, "member", members, |number| {
        let voice = (number < options.speakers).then(|| Source::new(Kind::Voice));
        let sources = voice.into_iter().chain([Source::new(Kind::Layered)]).collect();
        Role::Member(sources, Audience::new(number, members, options.tiles))
    })?;
    let (gathered, cpu_joins) = (started.elapsed(), cpu_ns(options.pid) - cpu);
    crowd.run_until(Instant::now() + options.warmup);
    let before = Reading::take(&crowd, options.pid);
    crowd.run_until(before.at + options.window);
    let after = Reading::take(&crowd, options.pid);
    crowd.run_until(after.at + LINGER);
    let lost = crowd.clients().map(|client| client.counts().1).sum::<u64>() - before.lost;
    let (failures, rss) = (failures(&crowd), rss_kib(options.pid));
    crowd.leave_all();
    let mut result = shares(&before, &after);
    let packets = after.packets - before.packets;
    let more = json!({
        "members": members,
        "lost_percent": 100.0 * lost as f64 / (packets + lost).max(1) as f64,
        "dropped_at_viewers": after.dropped - before.dropped,
        "gather_s": gathered.as_secs_f64(),
        "cpu_ms_per_join": cpu_joins as f64 / 1e6 / members as f64,
        "kib_per_participant": rss as f64 / members as f64,
        "failures": failures,
    });
    extend(&mut result, more);
    Ok(result)
}

/// Adds deaf viewers until the packet thread is as busy as `percent` says. Measures the cost of a packet then, and the delay at
/// viewers that receive the video.
pub fn load(options: &Options) -> Result<Value, String> {
    let kind = options.kind.unwrap_or(Kind::Video);
    let publisher = Publisher::start(options, kind)?;
    let mut crowd = Crowd::new()?;
    gather(&mut crowd, &publisher.seat, "viewer", options.viewers, |_| Role::Viewer(Sink::new(kind)))?;
    let mut total = options.viewers;
    loop {
        crowd.run_until(Instant::now() + STEP_WINDOW / 3);
        let (at, busy) = (Instant::now(), threads_ns(options.pid, "plane-"));
        crowd.run_until(at + STEP_WINDOW);
        let share = (threads_ns(options.pid, "plane-") - busy) as f64 / at.elapsed().as_nanos() as f64;
        if share * 100.0 >= options.percent as f64 || total >= options.viewers + DEAF_MAX {
            break;
        }
        total += STEP;
        gather(&mut crowd, &publisher.seat, "deaf", total, |_| Role::Deaf)?;
    }
    for index in 0..options.viewers {
        crowd.client_mut(index).into_iter().for_each(Client::measure_delays);
    }
    let before = Reading::take(&crowd, options.pid);
    crowd.run_until(before.at + options.window);
    let after = Reading::take(&crowd, options.pid);
    let delays = delays(&crowd);
    let failures = failures(&crowd);
    crowd.leave_all();
    publisher.stop()?;
    let mut result = shares(&before, &after);
    let plane = (after.plane_cpu - before.plane_cpu) as f64;
    let more = json!({
        "publishers": options.publishers,
        "viewers": total,
        "plane_us_per_packet": plane / 1e3 / (after.packets - before.packets).max(1) as f64,
        "delay_ms": delays,
        "lost": after.lost - before.lost,
        "failures": failures,
    });
    extend(&mut result, more);
    Ok(result)
}

/// Measures the cost of participants that do nothing, while no client joins or leaves.
pub fn idle(options: &Options) -> Result<Value, String> {
    let mut crowd = Crowd::new()?;
    gather(&mut crowd, &seat(options), "idle", options.viewers, |_| Role::Deaf)?;
    crowd.run_until(Instant::now() + SETTLE);
    let before = Reading::take(&crowd, options.pid);
    crowd.run_until(before.at + options.window);
    let after = Reading::take(&crowd, options.pid);
    let failures = failures(&crowd);
    crowd.leave_all();
    let mut result = shares(&before, &after);
    extend(&mut result, json!({"participants": options.viewers, "failures": failures}));
    Ok(result)
}

/// Lets viewers of a voice join and leave during the window, and records the server's resident memory. Each round begins with
/// joins and ends with a rest in which only the publisher is connected. Memory is read at the end of the rest. During a round
/// the number of viewers varies, and each viewer takes more memory than thousands of departed viewers may leave behind.
pub fn churn(options: &Options) -> Result<Value, String> {
    let kind = options.kind.unwrap_or(Kind::Voice);
    let publisher = Publisher::start(options, kind)?;
    let mut crowd = Crowd::new()?;
    let (mut begun, mut failed, mut samples): (u32, Vec<String>, Vec<(u32, u64)>) = (0, Vec::new(), Vec::new());
    let started = Instant::now();
    while started.elapsed() < options.window {
        failed.extend(pass_through(&mut crowd, (&publisher.seat, kind), options.rate, &mut begun)?);
        crowd.run_until(Instant::now() + SETTLE);
        samples.push((begun, rss_kib(options.pid)));
    }
    publisher.stop()?;
    let (first, last) = samples.split_at(samples.len() / 2);
    let ends = [samples.first(), samples.last()].map(|end| end.copied().unwrap_or_default());
    Ok(json!({
        "joins": begun,
        "seconds": started.elapsed().as_secs_f64(),
        "samples": samples,
        "gained_kib": ends[1].1 as i64 - ends[0].1 as i64,
        "first_half": slope(first),
        "second_half": slope(last),
        "kib_per_1000_joins": slope(last)["kib_per_1000_joins"],
        "failures": failed,
    }))
}

/// Runs one round: clients join at `rate`, and each stays until it is served and `STAY` is over. The round ends when all have
/// left. Returns the failures.
fn pass_through(
    crowd: &mut Crowd,
    (seat, kind): (&Seat, Kind),
    rate: usize,
    begun: &mut u32,
) -> Result<Vec<String>, String> {
    let (mut here, mut failed): (Vec<(usize, Instant)>, Vec<String>) = (Vec::new(), Vec::new());
    let (started, before, rate) = (Instant::now(), *begun, rate.max(1));
    while started.elapsed() < ROUND || !here.is_empty() {
        let due = started + Duration::from_secs(1) * (*begun - before) / rate as u32;
        if due.elapsed() > Duration::ZERO && started.elapsed() < ROUND && here.len() < PENDING_JOINS + rate * 3 {
            let index = crowd.join(seat, &format!("passer-{begun}"), Role::Viewer(Sink::new(kind)))?;
            here.push((index, Instant::now()));
            *begun += 1;
        }
        crowd.turn(Instant::now() + Duration::from_millis(5));
        here.retain(|(index, since)| {
            let Some(client) = crowd.client(*index) else { return false };
            let stays = since.elapsed() < STAY || (!client.is_served() && since.elapsed() < JOIN_LIMIT);
            if stays && client.failure.is_none() {
                return true;
            }
            failed
                .extend(client.failure.clone().or_else(|| (!client.is_served()).then(|| "not served in time".into())));
            crowd.leave(*index);
            false
        });
    }
    Ok(failed)
}

/// Returns the line of least squares through memory by joins, and the standard error of its slope. Two samples have no standard
/// error.
fn slope(samples: &[(u32, u64)]) -> Value {
    let (count, samples_n) = (samples.len() as f64, samples.len());
    let points: Vec<(f64, f64)> = samples.iter().map(|one| (f64::from(one.0) / 1e3, one.1 as f64)).collect();
    let sums = points.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let middle = (sums.0 / count, sums.1 / count);
    let spread: f64 = points.iter().map(|one| (one.0 - middle.0).powi(2)).sum();
    if samples_n < 2 || spread == 0.0 {
        return json!({"kib_per_1000_joins": 0.0, "standard_error": null, "samples": samples_n});
    }
    let rise = points.iter().map(|one| (one.0 - middle.0) * (one.1 - middle.1)).sum::<f64>() / spread;
    let rest: f64 = points.iter().map(|one| (one.1 - middle.1 - rise * (one.0 - middle.0)).powi(2)).sum();
    let error = (samples_n > 2).then(|| (rest / (count - 2.0) / spread).sqrt());
    json!({"kib_per_1000_joins": rise, "standard_error": error, "samples": samples_n})
}

/// Returns the cost of the window, as shares of one processor and per packet.
pub fn shares(before: &Reading, after: &Reading) -> Value {
    let seconds = after.at.duration_since(before.at).as_secs_f64();
    let percent = |ns: u64| ns as f64 / 1e7 / seconds;
    let (cpu, plane) = (after.cpu - before.cpu, after.plane_cpu - before.plane_cpu);
    let own = after.own_cpu - before.own_cpu;
    let packets = after.packets - before.packets;
    json!({
        "packets_per_s": packets as f64 / seconds,
        "cpu_us_per_packet": cpu as f64 / 1e3 / packets.max(1) as f64,
        "cpu_percent": percent(cpu),
        "plane_percent": percent(plane),
        "python_percent": percent(cpu.saturating_sub(plane)),
        "generator_cpu_percent": percent(own),
        "others_cpu_percent": percent((after.machine_cpu - before.machine_cpu).saturating_sub(cpu + own)),
    })
}

pub fn delays(crowd: &Crowd) -> Value {
    let mut all: Vec<u64> = Vec::new();
    for sink in crowd.clients().flat_map(Client::sinks) {
        all.resize(all.len().max(sink.delays().len()), 0);
        sink.delays().iter().zip(&mut all).for_each(|(one, sum)| *sum += u64::from(*one));
    }
    let count: u64 = all.iter().sum();
    let at = |share: f64| {
        let (wanted, mut seen) = ((count as f64 * share) as u64, 0);
        let place = all.iter().position(|here| {
            seen += here;
            seen > wanted
        });
        place.map(|place| ((place + 1) * DELAY_US) as f64 / 1e3)
    };
    json!({"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "count": count})
}

pub fn extend(result: &mut Value, more: Value) {
    if let (Some(result), Value::Object(more)) = (result.as_object_mut(), more) {
        result.extend(more);
    }
}
