//! Video over links that lose packets, as a viewer's library shows it: the repairs on the uplink and on the downlink, in
//! simulated time. `cargo test --test shard ways::loss -- --nocapture` prints the table.

use crate::watch::Watcher;
use crate::way::{Losses, Tells, Uplink, World};

const SECONDS: u64 = 40;
const SETTLED_S: u64 = 10;
const FPS: u64 = 30;

struct Row {
    name: &'static str,
    share: f64,
    burst: f64,
    delay_us: u64,
    /// The smallest share of pictures that are shown, with the losses on the downlink, and on the uplink.
    shown: (f64, f64),
    /// 95 % of the pictures are shown within this time.
    late_ms: u64,
    /// The longest time without a new picture, with the losses on the downlink.
    stood_ms: u64,
}

const NEAR_US: u64 = 25_000;
const FAR_US: u64 = 250_000;
const ROWS: [Row; 8] = [
    Row { name: "none", share: 0.0, burst: 1.0, delay_us: NEAR_US, shown: (0.99, 0.99), late_ms: 100, stood_ms: 100 },
    Row { name: "1 %", share: 0.01, burst: 1.0, delay_us: NEAR_US, shown: (0.992, 0.992), late_ms: 180, stood_ms: 250 },
    Row { name: "5 %", share: 0.05, burst: 1.0, delay_us: NEAR_US, shown: (0.98, 0.98), late_ms: 200, stood_ms: 250 },
    Row { name: "10 %", share: 0.10, burst: 1.0, delay_us: NEAR_US, shown: (0.97, 0.97), late_ms: 300, stood_ms: 250 },
    Row { name: "20 %", share: 0.20, burst: 1.0, delay_us: NEAR_US, shown: (0.97, 0.97), late_ms: 300, stood_ms: 300 },
    Row { name: "30 %", share: 0.30, burst: 1.0, delay_us: NEAR_US, shown: (0.96, 0.96), late_ms: 400, stood_ms: 450 },
    Row {
        name: "10 % in runs of 5",
        share: 0.10,
        burst: 5.0,
        delay_us: NEAR_US,
        shown: (0.97, 0.97),
        late_ms: 300,
        stood_ms: 250,
    },
    // A packet that was lost twice on the uplink arrives after more than two round-trip times, and the picture freezes.
    Row {
        name: "5 %, far",
        share: 0.05,
        burst: 1.0,
        delay_us: FAR_US,
        shown: (0.95, 0.94),
        late_ms: 1_300,
        stood_ms: 200,
    },
];

struct Seen {
    shown: f64,
    late_ms: u64,
    /// The longest time without a new picture.
    stood_ms: u64,
}

fn watch(row: &Row, up: bool) -> Seen {
    let losses = Losses::new(row.share, row.burst);
    let mut world = World::new();
    world.camera(&[160e3, 500e3]);
    world.viewer(|_| 20e6, Tells::Arrivals);
    let viewer = &mut world.viewers[0];
    (viewer.watch, viewer.delay_us) = (Some(Watcher::default()), row.delay_us);
    if up {
        world.cameras[0].up = Some(Uplink::new(losses, row.delay_us));
    } else {
        viewer.losses = losses;
    }
    world.run(SECONDS);
    let (taken, watcher) = (&world.cameras[0].taken, world.viewers[0].watch.as_ref().unwrap());
    let from = taken.len() - ((SECONDS - SETTLED_S) * FPS) as usize;
    let shown: Vec<_> = watcher.shown.iter().filter(|(frame, _)| usize::from(*frame) >= from).collect();
    let mut late: Vec<_> = shown.iter().map(|(frame, at_us)| (at_us - taken[usize::from(*frame)]) / 1_000).collect();
    late.sort_unstable();
    Seen {
        shown: shown.len() as f64 / (taken.len() - from) as f64,
        late_ms: late.get(late.len() * 95 / 100).copied().unwrap_or(u64::MAX),
        stood_ms: shown.windows(2).map(|pair| (pair[1].1 - pair[0].1) / 1_000).max().unwrap_or(u64::MAX),
    }
}

#[test]
fn what_is_lost_on_either_way_is_shown_nevertheless_and_in_time() {
    println!("lost | way | shown % | 95 % within ms | stood ms");
    for row in &ROWS {
        for (way, up, least) in [("down", false, row.shown.0), ("up", true, row.shown.1)] {
            let seen = watch(row, up);
            println!("{} | {way} | {:.1} | {} | {}", row.name, seen.shown * 100.0, seen.late_ms, seen.stood_ms);
            assert!(seen.shown >= least, "{} {way}: {}", row.name, seen.shown);
            assert!(seen.late_ms <= row.late_ms, "{} {way}: {} ms", row.name, seen.late_ms);
            assert!(up || seen.stood_ms <= row.stood_ms, "{} {way}: stood {} ms", row.name, seen.stood_ms);
        }
    }
}
