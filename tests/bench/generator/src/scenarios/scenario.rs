//! The measurements: media at N viewers, joins, memory. Each returns one JSON object.

use crate::participant::client::{Client, Heard, Mode, Role, Seat};
use crate::participant::crowd::Crowd;
use crate::participant::token::ApiKey;
use crate::process::{busy_ns, cpu_ns, datagrams_dropped, rss_kib, threads_ns};
use crate::streams::sink::Sink;
use crate::streams::source::{Kind, Source};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Joins in progress at once while a crowd gathers. Larger: joins slow each other down. Smaller: a crowd gathers more slowly.
pub const PENDING_JOINS: usize = 8;
pub const JOIN_LIMIT: Duration = Duration::from_secs(15);
/// Time for a crowd to gather, plus the time of `GATHER_LIMIT_EACH` for each participant. Smaller: large crowds fail.
const GATHER_LIMIT: Duration = Duration::from_secs(300);
const GATHER_LIMIT_EACH: Duration = Duration::from_millis(150);
/// Time after the window for late retransmissions, before gaps count as lost (the sink gives up after 500 ms).
const LINGER: Duration = Duration::from_millis(1200);
/// Rest before memory is read. Shorter: memory of finished joins is still in the figure.
pub const SETTLE: Duration = Duration::from_secs(5);
/// Window that measures the publisher alone. The cost of the joins excludes this cost.
const BASELINE: Duration = Duration::from_secs(3);
const TICK: Duration = Duration::from_millis(20);

#[derive(Clone)]
pub struct Options {
    pub server: String,
    pub api: ApiKey,
    pub mode: Mode,
    pub pid: i32,
    pub kind: Option<Kind>,
    /// Empty: the run makes its own conference.
    pub conference: String,
    pub viewers: usize,
    /// Additional viewers whose sockets drop media. They cost the generator little.
    pub deaf: usize,
    /// Open microphones of quiet rooms, in addition to the publishers.
    pub silent: usize,
    pub publishers: usize,
    /// meeting: cameras that each member shows, and members who speak.
    pub tiles: usize,
    pub speakers: usize,
    /// load: share of a processor that the packet thread must reach, in percent.
    pub percent: usize,
    /// joins, churn: joins a second, even if earlier joins are not finished. If 0, the next join begins when an earlier join
    /// ends. siege: packets of junk a second.
    pub rate: usize,
    pub count: usize,
    pub concurrency: usize,
    pub pause: Duration,
    /// Period of the publishers' key frames. None: key frames are made when the server asks.
    pub key_every: Option<Duration>,
    pub warmup: Duration,
    pub window: Duration,
}

/// One publisher, N viewers: CPU of the server per packet received, and the loss.
pub fn media(options: &Options) -> Result<Value, String> {
    let kind = options.kind.unwrap_or(Kind::Video);
    let publisher = Publisher::start(options, kind)?;
    let rss_before = rss_kib(options.pid);
    let mut crowd = Crowd::new()?;
    gather(&mut crowd, &publisher.seat, "viewer", options.viewers, |_| Role::Viewer(Sink::new(kind)))?;
    gather(&mut crowd, &publisher.seat, "deaf", options.viewers + options.deaf, |_| Role::Deaf)?;
    crowd.run_until(Instant::now() + options.warmup);
    let before = Reading::take(&crowd, options.pid);
    crowd.run_until(before.at + options.window);
    let after = Reading::take(&crowd, options.pid);
    crowd.run_until(after.at + LINGER);
    let lost = crowd.clients().map(|client| client.counts().1).sum::<u64>() - before.lost;
    let failures = failures(&crowd);
    let rss_after = rss_kib(options.pid);
    crowd.leave_all();
    publisher.stop()?;
    let packets = after.packets - before.packets;
    let seconds = after.at.duration_since(before.at).as_secs_f64();
    let cpu = (after.cpu - before.cpu) as f64;
    let own = (after.own_cpu - before.own_cpu) as f64;
    let others = (after.machine_cpu - before.machine_cpu) as f64 - cpu - own;
    Ok(json!({
        "viewers": options.viewers + options.deaf,
        "silent": options.silent,
        "packets": packets,
        "packets_per_viewer_per_s": packets as f64 / seconds / (options.viewers + options.deaf) as f64,
        "cpu_us_per_packet": cpu / 1e3 / packets.max(1) as f64,
        "cpu_percent": cpu / 1e7 / seconds,
        "plane_percent": (after.plane_cpu - before.plane_cpu) as f64 / 1e7 / seconds,
        "generator_cpu_percent": own / 1e7 / seconds,
        "others_cpu_percent": others.max(0.0) / 1e7 / seconds,
        "lost": lost,
        "lost_percent": 100.0 * lost as f64 / (packets + lost).max(1) as f64,
        "dropped_at_viewers": after.dropped - before.dropped,
        "rss_before_kib": rss_before,
        "rss_after_kib": rss_after,
        "failures": failures,
    }))
}

/// One participant hears others for the window. Returns each packet of sound with the time of its arrival.
pub fn listen(options: &Options) -> Result<Value, String> {
    let mut crowd = Crowd::new()?;
    let ear = crowd.join(&seat(options), "browser.ear", Role::Listener(Vec::new()))?;
    crowd.run_until(Instant::now() + options.window);
    let client = crowd.client(ear).ok_or("nobody listens")?;
    if let Some(reason) = &client.failure {
        return Err(reason.clone());
    }
    let heard: Vec<Value> = client.heard().iter().map(Heard::json).collect();
    crowd.leave_all();
    Ok(json!({"heard": heard}))
}

/// Participants join one conference one after another (or some at once). Measures the time and the cost of the joins.
pub fn joins(options: &Options) -> Result<Value, String> {
    let kind = options.kind.unwrap_or(Kind::Video);
    let publisher = Publisher::start(options, kind)?;
    let mut crowd = Crowd::new()?;
    let warm = crowd.join(&publisher.seat, "warm", Role::Viewer(Sink::new(kind)))?;
    crowd.run_until(Instant::now() + options.warmup);
    crowd.leave(warm);
    crowd.run_until(Instant::now() + Duration::from_secs(1));
    let idle = cpu_ns(options.pid);
    crowd.run_until(Instant::now() + BASELINE);
    let idle_share = (cpu_ns(options.pid) - idle) as f64 / BASELINE.as_nanos() as f64;
    let (started, cpu) = (Instant::now(), cpu_ns(options.pid));
    let mut line = Line::default();
    line.run(&mut crowd, options, &publisher.seat, kind)?;
    let elapsed = started.elapsed();
    crowd.run_until(Instant::now() + Duration::from_millis(200));
    let whole = started.elapsed().as_nanos() as f64;
    let cpu_joins = (cpu_ns(options.pid) - cpu) as f64 - idle_share * whole;
    crowd.leave_all();
    publisher.stop()?;
    let done = line.connect_ms.len();
    Ok(json!({
        "joins": done,
        "concurrency": options.concurrency,
        "joins_per_s": done as f64 / elapsed.as_secs_f64(),
        "cpu_ms_per_join": cpu_joins / 1e6 / done.max(1) as f64,
        "connect_ms": percentiles(&mut line.connect_ms),
        "first_packet_ms": percentiles(&mut line.packet_ms),
        "first_frame_ms": percentiles(&mut line.frame_ms),
        "failures": line.failures,
    }))
}

/// Resident memory of the server as N participants join, with a video to view or without any media.
pub fn memory(options: &Options) -> Result<Value, String> {
    let publisher = options.kind.map(|kind| Publisher::start(options, kind)).transpose()?;
    let seat = publisher.as_ref().map_or_else(|| seat(options), |p| p.seat.clone());
    let idle = rss_kib(options.pid);
    let mut crowd = Crowd::new()?;
    gather(&mut crowd, &seat, "viewer", 1, |_| watcher(options))?;
    crowd.run_until(Instant::now() + SETTLE);
    let first = rss_kib(options.pid);
    gather(&mut crowd, &seat, "viewer", options.viewers, |_| watcher(options))?;
    crowd.run_until(Instant::now() + SETTLE);
    let full = rss_kib(options.pid);
    let failures = failures(&crowd);
    crowd.leave_all();
    if let Some(publisher) = publisher {
        publisher.stop()?;
    }
    Ok(json!({
        "participants": options.viewers,
        "rss_start_kib": idle,
        "rss_one_kib": first,
        "rss_all_kib": full,
        "kib_per_participant": (full as f64 - first as f64) / options.viewers as f64,
        "failures": failures,
    }))
}

/// A viewer of the published kind, or a deaf participant if no kind is published.
fn watcher(options: &Options) -> Role {
    options.kind.map_or(Role::Deaf, |kind| Role::Viewer(Sink::new(kind)))
}

/// The publishers, on a separate thread, so that viewers never delay their pace.
pub struct Publisher {
    pub seat: Seat,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<(), String>>,
}

impl Publisher {
    pub fn start(options: &Options, kind: Kind) -> Result<Publisher, String> {
        let options = options.clone();
        let seat = seat(&options);
        let stop = Arc::new(AtomicBool::new(false));
        let (ready, started) = mpsc::channel();
        let thread = {
            let (seat, stop) = (seat.clone(), stop.clone());
            std::thread::spawn(move || publish(&seat, kind, &options, &stop, &ready))
        };
        if started.recv_timeout(JOIN_LIMIT).is_err() {
            stop.store(true, Ordering::Relaxed);
            let outcome = thread.join().map_err(|_| "the publisher panicked")?;
            return Err(outcome.err().unwrap_or_else(|| "the publisher could not publish in time".into()));
        }
        Ok(Publisher { seat, stop, thread })
    }

    pub fn stop(self) -> Result<(), String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the publisher panicked")?
    }
}

fn publish(
    seat: &Seat,
    kind: Kind,
    options: &Options,
    stop: &AtomicBool,
    ready: &mpsc::Sender<()>,
) -> Result<(), String> {
    let mut crowd = Crowd::new()?;
    for number in 0..options.publishers {
        let source = Source::new(kind).with_key_every(options.key_every);
        crowd.join(seat, &format!("publisher-{number}"), Role::Publisher(source))?;
    }
    for number in 0..options.silent {
        crowd.join(seat, &format!("silent-{number}"), Role::Publisher(Source::silent()))?;
    }
    let mut told = false;
    while !stop.load(Ordering::Relaxed) {
        crowd.turn(Instant::now() + TICK);
        if let Some(reason) = failures(&crowd).first() {
            return Err(format!("publisher: {reason}"));
        }
        if !told && crowd.clients().all(Client::is_publishing) {
            told = true;
            let _ = ready.send(());
        }
    }
    crowd.leave_all();
    Ok(())
}

/// Counters at one moment.
pub struct Reading {
    pub at: Instant,
    pub cpu: u64,
    /// CPU of the threads that move packets, if the server has such threads.
    pub plane_cpu: u64,
    pub own_cpu: u64,
    pub machine_cpu: u64,
    /// Packets received, or dropped by a deaf socket.
    pub packets: u64,
    pub lost: u64,
    /// Packets dropped because a socket that is not deaf was full.
    pub dropped: u64,
}

impl Reading {
    pub fn take(crowd: &Crowd, pid: i32) -> Reading {
        let ports = |deaf| crowd.clients().filter(|one| one.is_deaf() == deaf).flat_map(Client::ports).collect();
        let unheard = datagrams_dropped(&ports(true));
        Reading {
            dropped: datagrams_dropped(&ports(false)),
            plane_cpu: threads_ns(pid, "plane-"),
            own_cpu: cpu_ns(std::process::id() as i32),
            machine_cpu: busy_ns(),
            packets: unheard + crowd.clients().map(|client| client.counts().0).sum::<u64>(),
            lost: crowd.clients().map(|client| client.counts().1).sum(),
            cpu: cpu_ns(pid),
            at: Instant::now(),
        }
    }
}

/// Joins, one after another.
#[derive(Default)]
struct Line {
    connect_ms: Vec<f64>,
    packet_ms: Vec<f64>,
    frame_ms: Vec<f64>,
    failures: Vec<String>,
    under_way: Vec<usize>,
    begun: usize,
}

impl Line {
    fn run(&mut self, crowd: &mut Crowd, options: &Options, seat: &Seat, kind: Kind) -> Result<(), String> {
        let started_at = Instant::now();
        let mut next_at = started_at;
        while self.begun < options.count || !self.under_way.is_empty() {
            let now = Instant::now();
            if self.begun < options.count && self.under_way.len() < options.concurrency && now >= next_at {
                let role = Role::Viewer(Sink::new(kind));
                self.under_way.push(crowd.join(seat, &format!("joiner-{}", self.begun), role)?);
                self.begun += 1;
            }
            crowd.turn(Instant::now() + Duration::from_millis(1));
            if self.finish(crowd) {
                // Spread over the frame period, so that joins do not keep step with the frames.
                let jitter = Duration::from_millis(7 * (self.begun as u64 % 5));
                next_at =
                    if options.pause.is_zero() { Instant::now() } else { Instant::now() + options.pause + jitter };
            }
            if options.rate > 0 {
                next_at = started_at + Duration::from_secs(1) * self.begun as u32 / options.rate as u32;
            }
        }
        Ok(())
    }

    /// Lets clients leave that are finished. Returns true when a client left.
    fn finish(&mut self, crowd: &mut Crowd) -> bool {
        let done: Vec<usize> =
            self.under_way.iter().copied().filter(|i| crowd.client(*i).is_none_or(is_settled)).collect();
        for index in &done {
            if let Some(client) = crowd.client(*index) {
                self.note(client);
            }
            crowd.leave(*index);
        }
        self.under_way.retain(|index| !done.contains(index));
        !done.is_empty()
    }

    fn note(&mut self, client: &Client) {
        let moments = &client.moments;
        let since = |at: Instant| at.duration_since(moments.started_at).as_secs_f64() * 1e3;
        let (Some(connected), Some(sink)) = (moments.connected_at, client.sink().filter(|sink| sink.is_served()))
        else {
            self.failures.push(client.failure.clone().unwrap_or_else(|| "not served in time".into()));
            return;
        };
        self.connect_ms.push(since(connected));
        self.packet_ms.extend(sink.first_packet_at.map(since));
        self.frame_ms.extend(sink.first_frame_at.map(since));
    }
}

/// Fills the crowd up to `wanted` clients in all. Each must be served (or connected if deaf). Their names contain their
/// numbers.
pub fn gather(
    crowd: &mut Crowd,
    seat: &Seat,
    name: &str,
    wanted: usize,
    mut role: impl FnMut(usize) -> Role,
) -> Result<(), String> {
    let limit = Instant::now() + GATHER_LIMIT + GATHER_LIMIT_EACH * wanted as u32;
    loop {
        let joined = crowd.clients().count();
        let ready = crowd.clients().filter(|client| client.is_ready(joined == wanted)).count();
        if ready == wanted {
            return Ok(());
        }
        if let Some(reason) = failures(crowd).first() {
            return Err(format!("a viewer failed ({ready} of {wanted} served): {reason}"));
        }
        if Instant::now() > limit {
            return Err(format!("only {ready} of {wanted} viewers were served in time"));
        }
        if joined < wanted && joined - ready < PENDING_JOINS {
            crowd.join(seat, &format!("{name}-{joined}"), role(joined))?;
        }
        crowd.turn(Instant::now() + Duration::from_millis(5));
    }
}

pub fn seat(options: &Options) -> Seat {
    Seat {
        server: options.server.clone(),
        api: options.api.clone(),
        conference: match options.conference.as_str() {
            "" => format!("bench-{}", std::process::id()),
            named => named.to_owned(),
        },
        mode: options.mode,
    }
}

fn is_settled(client: &Client) -> bool {
    let late = client.moments.started_at.elapsed() > JOIN_LIMIT;
    let served = client.sink().is_some_and(Sink::is_served) && client.moments.connected_at.is_some();
    client.failure.is_some() || late || served
}

pub fn failures(crowd: &Crowd) -> Vec<String> {
    crowd.clients().filter_map(|client| client.failure.clone()).collect()
}

fn percentiles(values: &mut [f64]) -> Value {
    values.sort_by(f64::total_cmp);
    let at =
        |share: f64| values.get(((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1))).copied();
    json!({"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "count": values.len()})
}
