//! The tests compare exact values where the model is exact. Random results use a fixed seed and binomial bounds.

use super::*;
use crate::conditions::MS;

const BYTES: usize = 1000;

fn conditions(words: &str) -> Conditions {
    Conditions::default().with(words.split_whitespace()).unwrap()
}

fn way(words: &str) -> Way {
    Way::new(conditions(words), 7)
}

/// Return a packet that contains its number.
fn packet(number: u32) -> Vec<u8> {
    let mut packet = vec![0; BYTES];
    packet[..4].copy_from_slice(&number.to_be_bytes());
    packet
}

fn number(packet: &[u8]) -> u32 {
    u32::from_be_bytes(packet[..4].try_into().unwrap())
}

/// Let all packets leave at their deadlines. Return (time, number) of each.
fn drain(way: &mut Way) -> Vec<(Nanos, u32)> {
    let mut out = Vec::new();
    while let Some(due) = way.deadline() {
        while let Some((at, packet)) = way.depart(due) {
            assert_eq!(at, due);
            out.push((at, number(&packet)));
        }
    }
    out
}

/// Send `count` packets, one every `every`. Return the delivered packets in order.
fn run(way: &mut Way, count: u32, every: Nanos) -> Vec<(Nanos, u32)> {
    let mut out = Vec::new();
    for index in 0..count {
        let now = Nanos::from(index) * every;
        while let Some(due) = way.deadline().filter(|due| *due <= now) {
            out.extend(way.depart(due).map(|(at, packet)| (at, number(&packet))));
        }
        way.arrive(packet(index), true, now);
    }
    out.extend(drain(way));
    out
}

fn numbers(out: &[(Nanos, u32)]) -> Vec<u32> {
    out.iter().map(|(_, number)| *number).collect()
}

/// Report whether `found` is within five standard deviations of `count` tries at `chance`.
fn is_likely(found: u64, count: u64, chance: f64) -> bool {
    let (mean, deviation) = (count as f64 * chance, (count as f64 * chance * (1.0 - chance)).sqrt());
    (found as f64 - mean).abs() <= 5.0 * deviation
}

#[test]
fn a_wire_passes_everything_at_once() {
    let out = run(&mut way(""), 100, MS);
    assert_eq!(out, (0..100).map(|index| (Nanos::from(index) * MS, index)).collect::<Vec<_>>());
}

#[test]
fn delay_is_exact() {
    let out = run(&mut way("delay_ms=25"), 100, MS);
    assert_eq!(out, (0..100).map(|index| (Nanos::from(index + 25) * MS, index)).collect::<Vec<_>>());
}

#[test]
fn the_seed_alone_decides() {
    let words = "loss=0.1 bad=0.01 good=0.3 delay_ms=20 jitter_ms=9 reorder=0.1 duplicate=0.05 rate_kbps=9000";
    let runs: Vec<_> =
        [1, 1, 2].map(|seed| run(&mut Way::new(conditions(words), seed), 3000, MS)).into_iter().collect();
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[test]
fn a_fate_does_not_depend_on_other_conditions() {
    let lost = |words: &str| {
        let mut come = numbers(&run(&mut way(words), 2000, MS));
        come.sort_unstable();
        come.dedup();
        come
    };
    let plain = lost("loss=0.2");
    assert_eq!(plain, lost("loss=0.2 delay_ms=100 jitter_ms=30 reorder=0.3 duplicate=0.2 rate_kbps=20000"));
    let more = lost("loss=0.3");
    assert!(more.len() < plain.len() && more.iter().all(|number| plain.contains(number)), "a higher loss takes more");
}

#[test]
fn random_loss_is_as_often_as_it_says_and_single() {
    for loss in [0.01, 0.1, 0.3] {
        let mut way = way(&format!("loss={loss}"));
        let out = run(&mut way, 100_000, MS);
        assert!(is_likely(way.counts().lost, 100_000, loss), "{loss}: {:?}", way.counts());
        assert_eq!(out.len() as u64 + way.counts().lost, 100_000);
        let pairs = out.windows(2).filter(|pair| pair[1].1 - pair[0].1 > 2).count() as u64;
        assert!(is_likely(pairs, out.len() as u64, loss * loss), "runs of two or more: {pairs}");
    }
}

#[test]
fn bursty_loss_has_the_mean_and_the_length_it_says() {
    // A tenth is lost in bursts of five: good = 1/5, bad = good * 0.1 / 0.9.
    let mut way = way("good=0.2 bad=0.0222222 bad_loss=1");
    let out = run(&mut way, 200_000, MS);
    let bursts = out.windows(2).filter(|pair| pair[1].1 - pair[0].1 > 1).count();
    let (share, length) = (way.counts().lost as f64 / 200_000.0, way.counts().lost as f64 / bursts as f64);
    assert!((0.095..0.105).contains(&share), "{share}");
    assert!((4.8..5.2).contains(&length), "{length}");
}

#[test]
fn the_rate_is_exact_and_the_queue_bounded() {
    // 1000 bytes at 800 kbit/s take 10 ms. A packet arrives every 5 ms, and ten packets fit.
    let mut way = way("rate_kbps=800 queue_bytes=10000");
    let out = run(&mut way, 400, 5 * MS);
    assert!(out.windows(2).all(|pair| pair[1].0 - pair[0].0 == 10 * MS && pair[1].1 > pair[0].1));
    assert_eq!(out[0], (10 * MS, 0));
    assert_eq!(way.counts().queue_max_bytes, 10_000);
    // Packets arrive for 2 s. The link serves 199 or 200 of them after the first 10 ms, and ten wait at the end.
    assert_eq!(way.counts().overflowed, 400 - out.len() as u64);
    assert!((208..=210).contains(&out.len()), "{}", out.len());
    assert_eq!(numbers(&out)[..10], (0..10).collect::<Vec<_>>(), "the tail is dropped, not the head");
}

#[test]
fn one_packet_fits_in_any_queue() {
    let out = run(&mut way("rate_kbps=800 queue_bytes=10"), 20, 20 * MS);
    assert_eq!(out.len(), 20);
}

#[test]
fn a_lost_packet_has_used_the_rate() {
    let out = run(&mut way("rate_kbps=800 loss=0.5"), 200, 10 * MS);
    assert!(out.len() < 130 && out.iter().all(|(at, number)| *at == Nanos::from(number + 1) * 10 * MS));
}

#[test]
fn a_new_rate_counts_for_what_waits() {
    let mut way = way("rate_kbps=800 queue_bytes=100000");
    (0..4).for_each(|index| way.arrive(packet(index), true, 0));
    way.change(conditions("rate_kbps=400 queue_bytes=100000"), 15 * MS); // half of the second packet is transmitted
    let first = way.depart(15 * MS).map(|(at, packet)| (at, number(&packet)));
    assert_eq!(first, Some((10 * MS, 0)));
    let times: Vec<_> = drain(&mut way).into_iter().map(|(at, _)| at / MS).collect();
    assert_eq!(times, [25, 45, 65]);
}

#[test]
fn without_a_limit_the_queue_is_released() {
    let mut way = way("rate_kbps=8 queue_bytes=100000");
    (0..4).for_each(|index| way.arrive(packet(index), true, 0));
    way.change(conditions("delay_ms=3"), 7 * MS);
    assert_eq!(drain(&mut way), (0..4).map(|index| (10 * MS, index)).collect::<Vec<_>>());
}

#[test]
fn less_delay_overtakes_nothing() {
    let mut way = way("delay_ms=250");
    way.arrive(packet(0), true, 0);
    way.change(conditions("delay_ms=10"), 5 * MS);
    way.arrive(packet(1), true, 5 * MS);
    assert_eq!(drain(&mut way), [(250 * MS, 0), (250 * MS, 1)]);
}

#[test]
fn jitter_drifts_within_its_bounds_and_keeps_the_order() {
    let out = run(&mut way("delay_ms=50 jitter_ms=30"), 200_000, MS);
    let delays: Vec<i64> = out.iter().map(|(at, number)| *at as i64 - i64::from(*number) * MS as i64).collect();
    let (low, high) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!(*low >= 20 * MS as i64 && *low < 21 * MS as i64, "{low}");
    assert!(*high <= 80 * MS as i64 && *high > 79 * MS as i64, "{high}");
    let mean = delays.iter().sum::<i64>() / delays.len() as i64;
    assert!((49..51).contains(&(mean / MS as i64)), "{mean}");
    assert_eq!(numbers(&out), (0..200_000).collect::<Vec<_>>());
}

#[test]
fn jitter_takes_no_more_than_there_is() {
    let out = run(&mut way("delay_ms=5 jitter_ms=30"), 5000, MS);
    assert!(out.iter().all(|(at, number)| *at >= Nanos::from(*number) * MS));
}

#[test]
fn reordered_packets_come_later_than_their_turn() {
    let mut way = way("delay_ms=10 reorder=0.2 reorder_by_ms=4.5");
    let out = run(&mut way, 10_000, MS);
    assert!(is_likely(way.counts().reordered, 10_000, 0.2));
    let late = out.iter().filter(|(at, number)| *at == Nanos::from(*number) * MS + 14 * MS + MS / 2).count() as u64;
    assert_eq!(late, way.counts().reordered);
    let turns: Vec<_> = out.iter().filter(|(at, _)| at % MS == 0).map(|(_, number)| *number).collect();
    assert!(turns.is_sorted(), "the others keep their order");
    let mut all = numbers(&out);
    all.sort_unstable();
    assert_eq!(all, (0..10_000).collect::<Vec<_>>());
}

#[test]
fn a_doubled_packet_follows_itself() {
    let mut way = way("duplicate=0.1 delay_ms=5");
    let out = run(&mut way, 10_000, MS);
    let twice = out.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
    assert!(is_likely(twice, 10_000, 0.1));
    assert_eq!((twice, out.len() as u64), (way.counts().duplicated, 10_000 + twice));
    assert_eq!(way.counts().delivered, out.len() as u64);
}

#[test]
fn a_cut_swallows_what_comes_and_lets_go_what_travels() {
    let mut way = way("delay_ms=10");
    way.arrive(packet(0), true, 0);
    way.change(conditions("delay_ms=10 cut=1"), MS);
    way.arrive(packet(1), true, 2 * MS);
    way.change(conditions("delay_ms=10"), 3 * MS);
    way.arrive(packet(2), true, 4 * MS);
    assert_eq!(drain(&mut way), [(10 * MS, 0), (14 * MS, 2)]);
    assert_eq!(way.counts().cut, 1);
}

#[test]
fn chance_spares_what_is_not_udp_if_asked() {
    let strike = |words: &str, is_udp: bool| {
        let mut way = way(words);
        (0..100).for_each(|index| way.arrive(packet(index), is_udp, 0));
        way.counts().lost + way.counts().duplicated
    };
    assert_eq!(strike("loss=1 udp_only=1", false), 0);
    assert_eq!(strike("duplicate=1 udp_only=1", false), 0);
    assert_eq!(strike("loss=1 udp_only=1", true), 100);
    assert_eq!(strike("loss=1", false), 100);
}

#[test]
fn what_travels_is_bounded() {
    let mut way = way("delay_ms=60000 duplicate=1");
    (0..TRAVELLING_MAX as u32).for_each(|index| way.arrive(vec![index as u8], true, 0));
    assert!(way.travelling.len() <= TRAVELLING_MAX);
    assert_eq!(way.counts().refused, TRAVELLING_MAX as u64 - way.travelling.len() as u64 / 2);
}

#[test]
fn every_packet_is_accounted_for() {
    let words =
        "loss=0.1 bad=0.02 good=0.4 delay_ms=20 jitter_ms=9 reorder=0.1 duplicate=0.05 rate_kbps=6000 queue_bytes=9000";
    let mut way = way(words);
    run(&mut way, 20_000, MS);
    let Counts { arrived, delivered, lost, overflowed, duplicated, .. } = *way.counts();
    assert!(lost > 0 && overflowed > 0 && duplicated > 0);
    assert_eq!(arrived + duplicated, delivered + lost + overflowed);
    assert_eq!((way.waiting_bytes, way.waiting.len()), (0, 0));
}
