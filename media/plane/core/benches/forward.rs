//! The cost of forwarding without the kernel: a frame is opened once, then rewritten and sealed for each viewer.
//!
//! `cargo bench -p plane-core [-- 50 10]`: the numbers of viewers. It prints the nanoseconds per forwarded packet of 1,130
//! bytes (7 packets a frame). It prints the same with feedback of each viewer every three frames (transport-wide feedback). It
//! also prints the memory of the whole shard per viewer.

#[path = "../tests/peer/mod.rs"]
mod peer;

use peer::{Peer, Stage, frame};
use plane_core::seam::outbox::{Message, Outbox, Sink};
use plane_core::wire::transport_feedback;
use std::time::Instant;

/// A sink that only counts packets.
#[derive(Default)]
struct Nowhere(u64);

impl Sink for Nowhere {
    fn send(&mut self, _arena: &[u8], messages: &[Message]) {
        self.0 += messages.iter().map(|m| u64::from(m.len.div_ceil(u32::from(m.segment)))).sum::<u64>();
    }
}

const FRAMES: u16 = 600;
const PACKETS: u16 = 7;
const FRAME_US: u64 = 33_333;
/// Frames that one feedback message reports: 100 ms of video at 30 frames a second, the interval of our own feedback
/// (`arrivals::FEEDBACK_US`). Larger: feedback is rarer, and its measured cost is too low. Smaller: its measured cost is too
/// high.
const TOLD: u16 = 3;

fn main() {
    let given: Vec<u32> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let usual = vec![1, 3, 10, 50, 200];
    for viewers in if given.is_empty() { usual } else { given } {
        let (silent_ns, _) = run(viewers, false);
        let (told_ns, kept) = run(viewers, true);
        println!(
            "{viewers:>4} viewers: {silent_ns:>5} ns a packet, {told_ns:>5} with feedback, {kept:>7} bytes kept a viewer"
        );
    }
}

fn run(viewers: u32, tells: bool) -> (u128, u64) {
    let mut stage = Stage::new();
    let mut publisher = stage.join(1);
    stage.publish(&publisher, 10, 1);
    let mut audience = Vec::new();
    for i in 0..viewers {
        let viewer = stage.join(2 + i);
        stage.consume(&viewer, 1_000 + i, 10);
        audience.push(viewer);
    }
    let mut out = Outbox::new(Nowhere::default());
    let mut spent_ns = 0;
    for n in 0..FRAMES {
        let mut packets = frame(&mut publisher, 0, n, n == 0, &[1130; PACKETS as usize]);
        let ends = tells && n % TOLD == TOLD - 1;
        let mut told: Vec<_> = if ends {
            audience.iter_mut().map(|one| (one.path, feedback(one, n, stage.now_us))).collect()
        } else {
            Vec::new()
        };
        let started = Instant::now();
        for packet in &mut packets {
            stage.shard.receive(publisher.path, packet, stage.now_us, &mut out);
        }
        stage.shard.flush(stage.now_us, &mut out);
        for (path, datagram) in &mut told {
            stage.shard.receive(*path, datagram, stage.now_us + 5_000, &mut out);
        }
        out.flush();
        spent_ns += started.elapsed().as_nanos();
        stage.now_us += FRAME_US;
    }
    let kept = stage.shard.snapshot(stage.now_us).totals.memory_bytes / u64::from(viewers);
    (spent_ns / u128::from(out.sink.0), kept)
}

/// Return a feedback message: all packets up to frame `n` arrived, the packets of a frame one after the other, 3 ms later.
fn feedback(viewer: &mut Peer, n: u16, now_us: u64) -> Vec<u8> {
    let first = n + 1 - TOLD;
    let arrivals: Vec<_> = (0..TOLD * PACKETS)
        .map(|i| Some(now_us + 3_000 - u64::from(TOLD - 1 - i / PACKETS) * FRAME_US + u64::from(i % PACKETS) * 50))
        .collect();
    let mut buffer = [0; 256];
    let (base, count) = (first * PACKETS, (n / TOLD) as u8);
    let (len, _) = transport_feedback::write_transport_feedback(&mut buffer, 5, 0x9000, base, count, &arrivals);
    viewer.seal_report(&buffer[..len])
}
