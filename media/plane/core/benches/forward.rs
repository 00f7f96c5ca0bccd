//! What forwarding costs without the kernel: a frame opened once, rewritten and sealed for each viewer.
//!
//! `cargo bench -p plane-core`. Prints nanoseconds per forwarded packet of 1,130 bytes, 7 a frame, and the memory of the
//! whole shard for each viewer.

#[path = "../tests/peer/mod.rs"]
mod peer;

use peer::{Stage, frame};
use plane_core::outbox::{Message, Outbox, Sink};
use std::time::Instant;

/// Counts and forgets.
#[derive(Default)]
struct Nowhere(u64);

impl Sink for Nowhere {
    fn send(&mut self, _arena: &[u8], messages: &[Message]) {
        self.0 += messages.iter().map(|m| u64::from(m.len.div_ceil(u32::from(m.segment)))).sum::<u64>();
    }
}

const FRAMES: u16 = 600;

fn main() {
    for viewers in [1, 3, 10, 50, 200] {
        let mut stage = Stage::new();
        let mut publisher = stage.join(1);
        stage.publish(&publisher, 10, 1);
        for i in 0..viewers {
            let viewer = stage.join(2 + i);
            stage.consume(&viewer, 1_000 + i, 10);
        }
        let mut out = Outbox::new(Nowhere::default());
        let mut spent_ns = 0;
        for n in 0..FRAMES {
            let mut packets = frame(&mut publisher, 0, n, n == 0, &[1130; 7]);
            let started = Instant::now();
            for packet in &mut packets {
                stage.shard.receive(publisher.path, packet, stage.now_us, &mut out);
            }
            stage.shard.flush(stage.now_us, &mut out);
            out.flush();
            spent_ns += started.elapsed().as_nanos();
            stage.now_us += 33_333;
        }
        let kept = stage.shard.snapshot(stage.now_us).totals.memory_bytes / u64::from(viewers);
        println!(
            "{viewers:>4} viewers: {:>5} ns a packet, {kept:>7} bytes kept a viewer",
            spent_ns / u128::from(out.sink.0)
        );
    }
}
