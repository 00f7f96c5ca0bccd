//! Many calls of two while strangers flood the media port: the cost for the server, and the damage to the calls.

use crate::participant::audience::Audience;
use crate::participant::client::{Client, Role};
use crate::participant::crowd::Crowd;
use crate::scenarios::load::{delays, extend, shares};
use crate::scenarios::scenario::{Options, Reading, failures, gather, seat};
use crate::streams::source::{Kind, Source};
use serde_json::{Value, json};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const STRANGERS: usize = 100;
/// Time between two checks of the flood's pace. Larger: the junk arrives in larger bursts. Smaller: the flood costs more CPU.
const PACE: Duration = Duration::from_millis(1);
/// Time after each window for late retransmissions. After it gaps count as lost.
const LINGER: Duration = Duration::from_millis(1200);
/// Record numbers that a DTLS record may have at any time after the handshake. The packet plane drops records with numbers that
/// no client can have reached.
const LIKELY_NUMBERS: u64 = 60_000;
/// The last place in `Sink::delays` (0.1 ms each). Packets in this place were so late that the picture stood still.
const FROZEN_PLACE: usize = 4999;

/// Runs `viewers` calls of two, where both sides show a picture and speak. First no junk is sent, then `rate` packets of junk a
/// second. Strangers send half of the junk, and half is sent in the name of the participants.
pub fn siege(options: &Options) -> Result<Value, String> {
    let mut crowd = Crowd::new()?;
    for call in 0..options.viewers {
        let mut there = seat(options);
        there.conference += &format!("-{call}");
        gather(&mut crowd, &there, "member", 2 * (call + 1), |number| {
            Role::Member(vec![Source::new(Kind::Voice), Source::new(Kind::Video)], Audience::new(number, 2, 1))
        })?;
    }
    crowd.run_until(Instant::now() + options.warmup);
    let quiet = window(&mut crowd, options);
    let ways: Vec<(UdpSocket, SocketAddr)> = crowd.clients().flat_map(Client::ways).collect();
    let flood = Flood::start(ways, options.rate.max(1))?;
    let mut besieged = window(&mut crowd, options);
    let told = flood.stop()?;
    let failures = failures(&crowd);
    crowd.leave_all();
    let gained = 100.0 * (share(&besieged) / share(&quiet) - 1.0);
    extend(&mut besieged, json!({"junk_per_s": told.sent as f64 / told.seconds}));
    Ok(json!({
        "calls": options.viewers,
        "quiet": quiet,
        "besieged": besieged,
        "cpu_gain_percent": gained,
        "answered_bytes_per_byte": told.answered_bytes as f64 / told.bytes.max(1) as f64,
        "failures": failures,
    }))
}

fn share(window: &Value) -> f64 {
    window["cpu_percent"].as_f64().unwrap_or(f64::NAN)
}

/// Measures one window: its cost, the delay of packets, and the number of packets that are lost or too late for a moving
/// picture.
fn window(crowd: &mut Crowd, options: &Options) -> Value {
    for index in 0..2 * options.viewers {
        crowd.client_mut(index).into_iter().for_each(Client::measure_delays);
    }
    let before = Reading::take(crowd, options.pid);
    crowd.run_until(before.at + options.window);
    let after = Reading::take(crowd, options.pid);
    let delay = delays(crowd);
    let sinks = crowd.clients().flat_map(Client::sinks);
    let frozen: u32 = sinks.filter_map(|sink| sink.delays().get(FROZEN_PLACE)).sum();
    crowd.run_until(Instant::now() + LINGER);
    let lost = crowd.clients().map(|client| client.counts().1).sum::<u64>() - before.lost;
    let mut told = shares(&before, &after);
    extend(
        &mut told,
        json!({"delay_ms": delay, "lost": lost, "frozen": frozen, "dropped_at_viewers": after.dropped - before.dropped}),
    );
    told
}

/// The junk that was sent, and the bytes that strangers received.
struct Told {
    seconds: f64,
    sent: u64,
    bytes: u64,
    answered_bytes: u64,
}

/// A flood of junk, on a separate thread.
struct Flood {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Told>,
}

impl Flood {
    /// Starts the flood. `ways` are sockets of the participants whose name the junk uses, and the remote address of their
    /// media.
    fn start(ways: Vec<(UdpSocket, SocketAddr)>, per_s: usize) -> Result<Flood, String> {
        let target = ways.first().ok_or("nobody has a way to the server")?.1;
        let strangers = (0..STRANGERS).map(|n| {
            let socket = UdpSocket::bind(format!("127.7.{}.{}:0", n / 250, n % 250 + 1))?;
            socket.set_nonblocking(true)?;
            Ok((socket, target))
        });
        let strangers: Vec<_> = strangers.collect::<io::Result<_>>().map_err(|e| e.to_string())?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || shout(&ways, &strangers, per_s as u64, &told));
        Ok(Flood { stop, thread })
    }

    fn stop(self) -> Result<Told, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the flooder panicked".into())
    }
}

fn shout(
    ways: &[(UdpSocket, SocketAddr)],
    strangers: &[(UdpSocket, SocketAddr)],
    per_s: u64,
    stop: &AtomicBool,
) -> Told {
    let (started, mut turn) = (Instant::now(), 0);
    let mut told = Told { seconds: 0.0, sent: 0, bytes: 0, answered_bytes: 0 };
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let mut datagram = [0; 1200];
    while !stop.load(Ordering::Relaxed) {
        let due = started.elapsed().as_micros() as u64 * per_s / 1_000_000;
        while turn < due {
            let from = if turn % 2 == 0 { strangers } else { ways };
            let (socket, target) = &from[(turn / 2) as usize % from.len()];
            let len = noise.junk(&mut datagram);
            if socket.send_to(&datagram[..len], target).is_ok() {
                told.sent += 1;
                told.bytes += len as u64;
            }
            turn += 1;
        }
        for (socket, _) in strangers {
            while let Ok(len) = socket.recv(&mut [0; 2000]) {
                told.answered_bytes += len as u64;
            }
        }
        std::thread::sleep(PACE);
    }
    Told { seconds: started.elapsed().as_secs_f64(), ..told }
}

/// xorshift64*.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Writes a datagram that looks like RTP, RTCP, DTLS or STUN by its first bytes (RFC 7983), and is random after them.
    /// Returns its length. Half of the DTLS has the header of one record. Half of these records have a plausible epoch and
    /// number, so that only the handshake's library can detect the junk.
    fn junk(&mut self, datagram: &mut [u8]) -> usize {
        let draw = self.next();
        let len = 20 + (draw >> 32) as usize % (datagram.len() - 20);
        for chunk in datagram[..len].chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        match draw % 16 {
            0 => {
                datagram[..3].copy_from_slice(&[22, 0xfe, 0xfd]);
                if draw & 16 != 0 {
                    datagram[0] = 20 + (draw >> 5 & 3) as u8;
                    datagram[3..5].copy_from_slice(&[0, (draw >> 7 & 1) as u8]);
                    datagram[11..13].copy_from_slice(&(len as u16 - 13).to_be_bytes());
                    if draw & 256 != 0 {
                        let number = 1 << 48 | (draw >> 9) % LIKELY_NUMBERS;
                        datagram[3..11].copy_from_slice(&number.to_be_bytes());
                    }
                }
            }
            1 => datagram[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]),
            2 | 3 => datagram[..2].copy_from_slice(&[0x81, 206]),
            _ => datagram[..2].copy_from_slice(&[0x80, 96]),
        }
        len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junk_is_of_every_kind_and_fits() {
        let (mut noise, mut datagram) = (Noise(7), [0; 1200]);
        let (mut kinds, mut records, mut likely) = (std::collections::HashSet::new(), 0, 0);
        for _ in 0..1000 {
            let len = noise.junk(&mut datagram);
            assert!((20..1200).contains(&len));
            kinds.insert(if (20..24).contains(&datagram[0]) { 22 } else { datagram[0] });
            let claimed = usize::from(u16::from_be_bytes([datagram[11], datagram[12]]));
            let is_record = (20..24).contains(&datagram[0]) && 13 + claimed == len;
            records += usize::from(is_record);
            let is_likely = datagram[3..5] == [0, 1] && datagram[5..9] == [0; 4];
            likely += usize::from(is_record && is_likely);
        }
        assert_eq!(kinds.len(), 4);
        assert!((10..100).contains(&records), "{records} heads are well-formed");
        assert!((records / 4..records).contains(&likely), "{likely} of {records} have numbers that can be");
    }
}
