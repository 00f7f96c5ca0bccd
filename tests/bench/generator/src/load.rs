//! The measurements of many at once: a meeting, a busy packet thread, idle participants, comings and goings for long.
//! Each gives one JSON object.

use crate::audience::Audience;
use crate::client::{Client, Role};
use crate::crowd::Crowd;
use crate::process::{cpu_ns, rss_kib, threads_ns};
use crate::scenario::{JOIN_LIMIT, Options, PENDING_JOINS, Publisher, Reading, SETTLE, failures, gather, seat};
use crate::sink::{DELAY_US, Sink};
use crate::source::{Kind, Source};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Deaf viewers that come at once while the load grows, the most there may be, and how long each step is looked at.
const STEP: usize = 25;
const DEAF_MAX: usize = 3000;
const STEP_WINDOW: Duration = Duration::from_millis(1500);
const LINGER: Duration = Duration::from_millis(1200);
const SAMPLE: Duration = Duration::from_secs(10);
/// How long one stays who comes and goes.
const STAY: Duration = Duration::from_secs(1);

/// Everybody publishes a camera in three layers, some a voice; each sees one camera large and some small.
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

/// Deaf viewers come until the packet thread is as busy as wanted; what a packet costs then, and how long it takes to some who see it.
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

/// Participants who do nothing: what they cost while nobody comes or goes.
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

/// Viewers of a voice come and go for the window: resident memory as time goes by.
pub fn churn(options: &Options) -> Result<Value, String> {
    let kind = options.kind.unwrap_or(Kind::Voice);
    let publisher = Publisher::start(options, kind)?;
    let mut crowd = Crowd::new()?;
    let (mut here, mut begun, mut failed): (Vec<(usize, Instant)>, u32, Vec<String>) = (Vec::new(), 0, Vec::new());
    let (started, rate) = (Instant::now(), options.rate.max(1) as u32);
    let mut samples: Vec<(u32, u64)> = Vec::new();
    while started.elapsed() < options.window {
        let due = started + Duration::from_secs(1) * begun / rate;
        if Instant::now() >= due && here.len() < PENDING_JOINS + options.rate * 3 {
            let index = crowd.join(&publisher.seat, &format!("passer-{begun}"), Role::Viewer(Sink::new(kind)))?;
            here.push((index, Instant::now()));
            begun += 1;
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
        if started.elapsed() >= SAMPLE * samples.len() as u32 {
            samples.push((begun, rss_kib(options.pid)));
        }
    }
    crowd.leave_all();
    publisher.stop()?;
    let (third, last) = (mean(&samples, 2), mean(&samples, 3));
    Ok(json!({
        "joins": begun,
        "seconds": started.elapsed().as_secs_f64(),
        "rss_kib": samples.iter().map(|sample| sample.1).collect::<Vec<_>>(),
        "kib_per_1000_joins": (last.1 - third.1) * 1e3 / (last.0 - third.0).max(1.0),
        "failures": failed,
    }))
}

/// Joins and memory of a quarter of the samples, the first one is 0: one sample alone goes up and down by a tenth.
fn mean(samples: &[(u32, u64)], quarter: usize) -> (f64, f64) {
    let all = samples.len();
    let part = &samples[all * quarter / 4..(all * (quarter + 1) / 4).max(1).min(all)];
    let count = part.len().max(1) as f64;
    let sum = part.iter().fold((0.0, 0.0), |sum, one| (sum.0 + f64::from(one.0), sum.1 + one.1 as f64));
    (sum.0 / count, sum.1 / count)
}

/// What the window cost, in shares of one processor and by the packet.
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
