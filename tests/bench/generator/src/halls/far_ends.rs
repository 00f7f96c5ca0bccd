//! The far ends of many hall calls. The parent process set up the calls and opened the sockets. This module receives packets,
//! counts them, reports them by RTCP, and speaks where the orders say so. It handles RTP, RTCP and SRTP (RFC 3711), but no SIP
//! and no pictures.

use crate::halls::srtp::{Guard, Seal};
use crate::process::{busy_ns, clock_ns, cpu_ns, datagrams_dropped};
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use serde_json::{Value, json};
use std::io::Read;
use std::net::SocketAddr;
use std::os::fd::FromRawFd;
use std::time::{Duration, Instant};

/// Time between the reports of a terminal. RFC 3550 §6.2 allows 0.2 s at 2 Mbit/s; terminals usually use 1 to 5 s.
const REPORT_PERIOD: Duration = Duration::from_secs(1);
/// After the window: packets that were already sent arrive.
const LINGER: Duration = Duration::from_millis(300);
const TURN: Duration = Duration::from_millis(5);
/// The generator authenticates every 16th packet. Larger: fewer forged packets are detected. Smaller: more CPU of the
/// generator.
const CHECKED: u64 = 16;
const LINES_MOST: usize = 4000;

/// An RTP session with its RTCP.
struct Line {
    kind: String,
    rtp: UdpSocket,
    rtcp: UdpSocket,
    rtcp_remote: SocketAddr,
    port: u16,
    count: Count,
    report_at: Instant,
    guard: Option<Guard>,
    seal: Option<Seal>,
    voice: Option<Voice>,
    reports: u64,
    last_report: Option<(u32, Instant)>,
    own_ssrc: u32,
}

#[derive(Clone, Copy, Default)]
struct Count {
    packets: u64,
    bytes: u64,
    /// Extended sequence numbers, RFC 3550 §A.1.
    highest: u64,
    first: u64,
    ssrc: u32,
    genuine: u64,
    forged: u64,
    /// Packets expected and received at the last report.
    told: (u64, u64),
    transit: Option<i64>,
    jitter: f64,
}

/// The packets that a hall sends at a steady pace: packets of one size with meaningless content, or the packets of a loop.
struct Voice {
    remote: SocketAddr,
    packet: Vec<u8>,
    /// Payloads that are sent in turn. If empty, the payload never changes.
    turns: Vec<Vec<u8>>,
    period: Duration,
    clock_step: u32,
    at: Instant,
    sequence: u16,
    time: u32,
    sent: u64,
}

/// Reads the orders from standard input and returns one JSON object.
pub fn run() -> Result<Value, String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|e| e.to_string())?;
    let orders: Value = serde_json::from_str(&text).map_err(|e| format!("orders: {e}"))?;
    let mut ends = Ends::open(&orders["lines"], &orders["loops"])?;
    let seconds = |name: &str| Duration::from_secs_f64(orders[name].as_f64().unwrap_or(3.0).clamp(0.0, 600.0));
    let pids: Vec<i32> =
        orders["pids"].as_array().into_iter().flatten().filter_map(|pid| Some(pid.as_i64()? as i32)).collect();
    ends.run_until(Instant::now() + seconds("warmup"));
    let before = Reading::take(&ends, &pids);
    ends.run_until(before.at + seconds("seconds"));
    let after = Reading::take(&ends, &pids);
    ends.run_until(Instant::now() + LINGER);
    Ok(summary(&ends, &before, &after))
}

struct Ends {
    poll: Poll,
    events: Events,
    lines: Vec<Line>,
    buffer: Vec<u8>,
}

impl Ends {
    fn open(orders: &Value, loops: &Value) -> Result<Ends, String> {
        let poll = Poll::new().map_err(|e| e.to_string())?;
        let rows = orders.as_array().filter(|rows| rows.len() <= LINES_MOST).ok_or("no lines")?;
        let start = Instant::now();
        let mut lines = Vec::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            let mut line = Line::read(row, loops, index, start)?;
            let registry = poll.registry();
            registry.register(&mut line.rtp, Token(2 * index), Interest::READABLE).map_err(|e| e.to_string())?;
            registry.register(&mut line.rtcp, Token(2 * index + 1), Interest::READABLE).map_err(|e| e.to_string())?;
            line.take_rtp(&mut vec![0; 2000], start); // packets that arrived before the registration raise no event
            line.count = Count::default();
            lines.push(line);
        }
        Ok(Ends { poll, events: Events::with_capacity(256), lines, buffer: vec![0; 2000] })
    }

    fn run_until(&mut self, until: Instant) {
        let mut due = Instant::now();
        loop {
            let now = Instant::now();
            if now >= until {
                return;
            }
            if now >= due {
                self.lines.iter_mut().for_each(|line| line.tick(now));
                due = now + TURN;
            }
            if self.poll.poll(&mut self.events, Some(due.saturating_duration_since(now))).is_err() {
                continue; // interrupted by a signal
            }
            let now = Instant::now();
            for event in self.events.iter() {
                let line = &mut self.lines[event.token().0 / 2];
                match event.token().0 % 2 {
                    0 => line.take_rtp(&mut self.buffer, now),
                    _ => line.take_rtcp(&mut self.buffer, now),
                }
            }
        }
    }
}

impl Line {
    fn read(row: &Value, loops: &Value, index: usize, start: Instant) -> Result<Line, String> {
        let address = |value: &Value| value.as_str().and_then(|text| text.parse::<SocketAddr>().ok());
        let rtp = socket(&row["rtp"])?;
        let port = rtp.local_addr().map_err(|e| e.to_string())?.port();
        let keys = row["keys"].as_array().map(|keys| {
            let key = |at: usize| hexadecimal(keys.get(at).and_then(Value::as_str).unwrap_or_default());
            (key(0), key(1))
        });
        let voice = (!row["voice"].is_null()).then(|| Voice::read(&row["voice"], loops, index, start)).transpose()?;
        Ok(Line {
            kind: row["kind"].as_str().unwrap_or("video").to_owned(),
            rtp,
            rtcp: socket(&row["rtcp"])?,
            rtcp_remote: address(&row["rtcp_remote"]).ok_or("a line without an RTCP address")?,
            port,
            count: Count::default(),
            // Spread over the period, so that 240 halls do not report in the same moment.
            report_at: start + REPORT_PERIOD.mul_f64(index as f64 * 0.618 % 1.0),
            guard: keys.as_ref().map(|(theirs, _)| Guard::new(theirs)).transpose()?,
            seal: keys.as_ref().map(|(_, ours)| Seal::new(ours)).transpose()?,
            voice,
            reports: 0,
            last_report: None,
            own_ssrc: 0x4841_0000 + index as u32,
        })
    }

    fn take_rtp(&mut self, buffer: &mut [u8], now: Instant) {
        while let Ok((length, _)) = self.rtp.recv_from(buffer) {
            let packet = &buffer[..length];
            if length >= 12 && packet[0] >> 6 == 2 {
                self.count.take(packet, self.guard.as_ref(), now);
            }
        }
    }

    /// Keeps the middle 32 bits of the sender report's time (RFC 3550 §6.4.1). Under SRTCP the report is not decrypted.
    fn take_rtcp(&mut self, buffer: &mut [u8], now: Instant) {
        while let Ok((length, _)) = self.rtcp.recv_from(buffer) {
            if length >= 28 && buffer[1] == 200 && self.seal.is_none() {
                self.last_report = Some((word(&buffer[10..14]), now));
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        if self.report_at <= now {
            self.report_at += REPORT_PERIOD;
            if self.count.ssrc != 0 {
                self.report(now);
            }
        }
        if let Some(voice) = &mut self.voice {
            voice.tick(&self.rtp, now);
        }
    }

    /// Sends RR and SDES (RFC 3550 §6.1: a compound packet needs both).
    fn report(&mut self, now: Instant) {
        let count = &mut self.count;
        let (expected, received) = (count.highest - count.first + 1, count.packets);
        let lost = expected.saturating_sub(received);
        let (expected_now, received_now) = (expected - count.told.0, received - count.told.1);
        let lost_now = expected_now.saturating_sub(received_now);
        count.told = (expected, received);
        let fraction = (lost_now * 256).checked_div(expected_now).unwrap_or(0).min(255);
        let (middle, delay) = self
            .last_report
            .map_or((0, 0), |(middle, at)| (middle, (now.duration_since(at).as_secs_f64() * 65536.0) as u32));
        let mut packet = vec![0x81, 201, 0, 7];
        for field in [
            self.own_ssrc,
            count.ssrc,
            ((fraction as u32) << 24) | (lost.min(0x7F_FFFF) as u32),
            count.highest as u32,
            count.jitter as u32,
            middle,
            delay,
        ] {
            packet.extend_from_slice(&field.to_be_bytes());
        }
        packet.extend_from_slice(&[0x81, 202, 0, 3]);
        packet.extend_from_slice(&self.own_ssrc.to_be_bytes());
        packet.extend_from_slice(b"\x01\x05hall \0"); // CNAME; the end of the list pads it to a multiple of four bytes
        if let Some(seal) = &mut self.seal {
            seal.protect(&mut packet);
        }
        if self.rtcp.send_to(&packet, self.rtcp_remote).is_ok() {
            self.reports += 1;
        }
    }
}

impl Count {
    fn take(&mut self, packet: &[u8], guard: Option<&Guard>, now: Instant) {
        let (sequence, ssrc) = (u16::from_be_bytes([packet[2], packet[3]]), word(&packet[8..12]));
        if ssrc != self.ssrc {
            let first = (1 << 16) + u64::from(sequence);
            *self =
                Count { ssrc, first, highest: first, genuine: self.genuine, forged: self.forged, ..Count::default() };
        }
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead < 0x8000 {
            self.highest += u64::from(ahead);
        }
        self.packets += 1;
        self.bytes += packet.len() as u64;
        self.note_jitter(word(&packet[4..8]), now);
        if let Some(guard) = guard.filter(|_| self.packets % CHECKED == 1) {
            *(if guard.accepts(packet) { &mut self.genuine } else { &mut self.forged }) += 1;
        }
    }

    /// RFC 3550 §A.8, in the clock of pictures. The start of the clock does not matter.
    fn note_jitter(&mut self, time: u32, now: Instant) {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        let elapsed = now.duration_since(*START.get_or_init(|| now)).as_micros() as i64 * 9 / 100;
        let transit = elapsed - i64::from(time);
        if let Some(before) = self.transit {
            let change = (transit - before).abs() as f64;
            if change < 90_000.0 {
                self.jitter += (change - self.jitter) / 16.0;
            }
        }
        self.transit = Some(transit);
    }
}

impl Voice {
    fn read(row: &Value, loops: &Value, index: usize, start: Instant) -> Result<Voice, String> {
        let number = |name: &str| row[name].as_u64().ok_or(format!("voice without {name}"));
        let mut packet = vec![0; 12 + number("bytes")?.min(1400) as usize];
        packet[0] = 0x80;
        packet[1] = number("payload_type")? as u8 & 127;
        packet[8..12].copy_from_slice(&(0x5600_0000 + index as u32).to_be_bytes());
        packet[12..].fill(0xD5);
        let period = Duration::from_micros(number("period_us")?.max(1000));
        let remote = row["remote"].as_str().and_then(|text| text.parse().ok()).ok_or("voice without an address")?;
        // The voices are not in step with each other.
        let at = start + period.mul_f64(index as f64 * 0.618 % 1.0);
        let clock_step = number("clock_step")? as u32;
        let turns = loops[row["loop"].as_str().unwrap_or_default()].as_array();
        let turns: Vec<_> = turns.into_iter().flatten().filter_map(|one| Some(hexadecimal(one.as_str()?))).collect();
        Ok(Voice { remote, packet, turns, period, clock_step, at, sequence: index as u16 * 7, time: 0, sent: 0 })
    }

    fn tick(&mut self, socket: &UdpSocket, now: Instant) {
        while self.at <= now {
            self.at += self.period;
            if !self.turns.is_empty() {
                let turn = usize::from(self.sequence) % self.turns.len();
                self.packet.truncate(12);
                self.packet.extend_from_slice(&self.turns[turn]);
            }
            self.packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
            self.packet[4..8].copy_from_slice(&self.time.to_be_bytes());
            self.sequence = self.sequence.wrapping_add(1);
            self.time = self.time.wrapping_add(self.clock_step);
            self.sent += u64::from(socket.send_to(&self.packet, self.remote).is_ok());
        }
    }
}

struct Reading {
    at: Instant,
    cpu: Vec<u64>,
    own_cpu: u64,
    machine_cpu: u64,
    dropped: u64,
    counts: Vec<Count>,
    reports: u64,
    sent: u64,
}

impl Reading {
    fn take(ends: &Ends, pids: &[i32]) -> Reading {
        let ports = ends.lines.iter().map(|line| line.port).collect();
        Reading {
            at: Instant::now(),
            cpu: pids.iter().map(|pid| clock_ns(*pid)).collect(),
            own_cpu: cpu_ns(std::process::id() as i32),
            machine_cpu: busy_ns(),
            dropped: datagrams_dropped(&ports),
            counts: ends.lines.iter().map(|line| line.count).collect(),
            reports: ends.lines.iter().map(|line| line.reports).sum(),
            sent: ends.lines.iter().filter_map(|line| Some(line.voice.as_ref()?.sent)).sum(),
        }
    }
}

fn summary(ends: &Ends, before: &Reading, after: &Reading) -> Value {
    let seconds = after.at.duration_since(before.at).as_secs_f64();
    let cores = |now: u64, then: u64| (now - then) as f64 / 1e9 / seconds;
    let processes: Vec<f64> = after.cpu.iter().zip(&before.cpu).map(|(now, then)| cores(*now, *then)).collect();
    let own = cores(after.own_cpu, before.own_cpu);
    let others = cores(after.machine_cpu, before.machine_cpu) - own - processes.iter().sum::<f64>();
    let mut kinds: Vec<&str> = ends.lines.iter().map(|line| line.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let of_kind: serde_json::Map<String, Value> =
        kinds.into_iter().map(|kind| (kind.to_owned(), kind_summary(ends, before, after, kind, seconds))).collect();
    json!({
        "seconds": seconds,
        "cores": processes,
        "generator_cores": own,
        "others_cores": others.max(0.0),
        "dropped_at_halls": after.dropped - before.dropped,
        "reports": after.reports - before.reports,
        "sent": after.sent - before.sent,
        "received": of_kind,
    })
}

fn kind_summary(ends: &Ends, before: &Reading, after: &Reading, kind: &str, seconds: f64) -> Value {
    let rows = ends.lines.iter().zip(before.counts.iter().zip(&after.counts)).filter(|(line, _)| line.kind == kind);
    let (mut packets, mut bytes, mut lost, mut genuine, mut forged, mut restarted) = (vec![], 0, 0, 0, 0, 0);
    for (_, (then, now)) in rows {
        if then.ssrc != now.ssrc {
            restarted += 1; // also counts a line that received no packet before: the server did not serve it all the time
            packets.push(0);
            continue;
        }
        packets.push(now.packets - then.packets);
        bytes += now.bytes - then.bytes;
        lost += (now.highest - then.highest).saturating_sub(now.packets - then.packets);
        genuine += now.genuine - then.genuine;
        forged += now.forged - then.forged;
    }
    json!({
        "lines": packets.len(),
        "packets": packets.iter().sum::<u64>(),
        "least_packets": packets.iter().min(),
        "most_packets": packets.iter().max(),
        "mbps_per_line": bytes as f64 * 8e-6 / seconds / packets.len().max(1) as f64,
        "lost": lost,
        "genuine": genuine,
        "forged": forged,
        "restarted": restarted,
    })
}

fn socket(value: &Value) -> Result<UdpSocket, String> {
    let number = value.as_i64().filter(|fd| (3..1 << 20).contains(fd)).ok_or("no descriptor")?;
    // SAFETY: the parent left this descriptor open for this process, and no other code here owns it. A wrong number makes calls
    // fail.
    let socket = unsafe { std::net::UdpSocket::from_raw_fd(number as i32) };
    socket.set_nonblocking(true).map_err(|e| format!("descriptor {number}: {e}"))?;
    Ok(UdpSocket::from_std(socket))
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn hexadecimal(text: &str) -> Vec<u8> {
    (0..text.len() / 2).filter_map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16) -> Vec<u8> {
        let mut made = vec![0; 20];
        made[0] = 0x80;
        made[2..4].copy_from_slice(&sequence.to_be_bytes());
        made[11] = 7;
        made
    }

    #[test]
    fn what_is_missing_is_lost_over_the_wrap_too() {
        let mut count = Count::default();
        for sequence in [65533, 65534, 0, 2, 1] {
            count.take(&packet(sequence), None, Instant::now());
        }
        assert_eq!((count.packets, count.highest - count.first + 1), (5, 6));
    }
}
