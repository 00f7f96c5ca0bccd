//! Tests of the estimator with a simulated path: a queue with a rate, delay, seeded loss. The tests move the time.

use super::*;
use crate::wire::rtcp::{Packet, packets};
use crate::wire::transport_feedback::write_transport_feedback;

const FRAME_US: u64 = 33_333;
const FEEDBACK_US: u64 = 80_000;

/// The behaviour of the path by time.
#[derive(Clone, Copy)]
struct Path {
    rate_bps: fn(u64) -> f64,
    queue_us_max: u64,
    delay_us: u64,
    loss: f64,
    jitter_us: u64,
    /// The additional delay by time.
    longer_us: fn(u64) -> u64,
}

const WIDE: Path =
    Path { rate_bps: |_| 20e6, queue_us_max: 300_000, delay_us: 25_000, loss: 0.0, jitter_us: 0, longer_us: |_| 0 };

/// A sender that wants to send `wanted_bps`. It sends frames at the bitrate that the estimator permits, and a voice.
struct World {
    path: Path,
    estimator: Estimator,
    wanted_bps: f64,
    /// The bitrate that it sends even without permission.
    least_bps: f64,
    now_us: u64,
    free_us: f64,
    random: u64,
    /// Pairs (number, arrival) that the peer has not reported yet.
    arrivals: Vec<(u16, Option<u64>)>,
    feedbacks: Vec<(u64, Vec<u8>)>,
    told_us: u64,
    next: u16,
    /// Each second: estimate, delivered bit/s, longest queue in ms.
    log: Vec<(f64, f64, f64)>,
    delivered: usize,
    worst_us: f64,
    voices_lost: usize,
}

impl World {
    fn new(path: Path, wanted_bps: f64) -> Self {
        World {
            path,
            estimator: Estimator::default(),
            wanted_bps,
            least_bps: 0.0,
            now_us: 0,
            free_us: 0.0,
            random: 99,
            arrivals: Vec::new(),
            feedbacks: Vec::new(),
            told_us: 0,
            next: 0,
            log: Vec::new(),
            delivered: 0,
            worst_us: 0.0,
            voices_lost: 0,
        }
    }

    fn chance(&mut self) -> f64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) as f64 / (1_u64 << 31) as f64
    }

    /// Write the log of one second.
    fn write_log(&mut self) {
        let estimate = self.estimator.available_bps(self.now_us).map_or(f64::INFINITY, |bps| bps as f64);
        self.log.push((estimate, std::mem::take(&mut self.delivered) as f64 * 8.0, self.worst_us / 1_000.0));
        self.worst_us = 0.0;
    }

    fn send(&mut self, bytes: usize, voice: bool) {
        let number = self.estimator.note_sent(bytes, self.now_us);
        let now_us = self.now_us as f64;
        let queue_us = (self.free_us - now_us).max(0.0);
        self.worst_us = self.worst_us.max(queue_us);
        let (lost, jitter) = (self.chance() < self.path.loss, self.chance());
        if lost || queue_us > self.path.queue_us_max as f64 {
            self.voices_lost += usize::from(voice);
            self.arrivals.push((number, None));
            return;
        }
        self.free_us = now_us + queue_us + bytes as f64 * 8e6 / (self.path.rate_bps)(self.now_us);
        self.delivered += bytes;
        let jitter_us = (jitter * self.path.jitter_us as f64) as u64 + (self.path.longer_us)(self.now_us);
        self.arrivals.push((number, Some(self.free_us as u64 + self.path.delay_us + jitter_us)));
    }

    /// Send a feedback of all packets that have arrived. It arrives later.
    fn tell(&mut self) {
        let here = self.arrivals.iter().rposition(|(_, at)| at.is_some_and(|at| at <= self.now_us));
        let Some(last) = here else { return };
        let told: Vec<_> = self.arrivals.drain(..=last).collect();
        let times: Vec<_> = told.iter().map(|(_, at)| at.filter(|at| *at <= self.now_us)).collect();
        let first = times.iter().position(Option::is_some).unwrap_or(0);
        let mut rest = &times[first..];
        let mut base = told[first].0;
        while !rest.is_empty() {
            let mut buffer = [0; 1_200];
            let (len, count) = write_transport_feedback(&mut buffer, 1, 2, base, self.next as u8, rest);
            if count == 0 {
                break;
            }
            self.next += 1;
            self.feedbacks.push((self.now_us + self.path.delay_us, buffer[..len].to_vec()));
            (base, rest) = (base.wrapping_add(count as u16), &rest[count..]);
        }
    }

    fn run(&mut self, seconds: u64) -> &mut Self {
        let end_us = self.now_us + seconds * 1_000_000;
        while self.now_us < end_us {
            self.step();
            self.now_us += 1_000;
            if self.now_us % 1_000_000 == 0 {
                self.write_log();
            }
        }
        self
    }

    fn step(&mut self) {
        let now_us = self.now_us;
        while self.feedbacks.first().is_some_and(|(at, _)| *at <= now_us) {
            let (_, bytes) = self.feedbacks.remove(0);
            for packet in packets(&bytes) {
                let Ok(Packet::TransportFeedback(body)) = packet else { panic!() };
                self.estimator.note_feedback(body, 2 * self.path.delay_us, now_us).unwrap();
            }
        }
        if now_us.is_multiple_of(20_000) {
            self.send(120, true);
        }
        let allowed = self.estimator.available_bps(now_us).map_or(f64::INFINITY, |bps| bps as f64) - 48_000.0;
        let bps = self.wanted_bps.min(allowed).max(self.least_bps);
        if now_us / FRAME_US != (now_us + 1_000) / FRAME_US {
            let mut left = (bps / 8.0 * FRAME_US as f64 / 1e6) as usize;
            while left > 0 {
                let packet = left.min(1_100);
                self.send(packet, false);
                left -= packet;
            }
        }
        if allowed < self.wanted_bps {
            self.estimator.look_for((self.wanted_bps * 1.1) as u64, 2 * self.path.delay_us, now_us);
        }
        while now_us.is_multiple_of(5_000) && self.estimator.padding_bytes(now_us).is_some_and(|due| due >= 500) {
            self.send(1_000, false);
        }
        if now_us >= self.told_us {
            self.told_us = now_us + FEEDBACK_US;
            self.tell();
        }
    }

    /// Return for the last `seconds`: means of estimate and delivered bitrate, longest queue.
    fn last(&self, seconds: usize) -> (f64, f64, f64) {
        let part = &self.log[self.log.len() - seconds..];
        let mean = |of: fn(&(f64, f64, f64)) -> f64| part.iter().map(of).sum::<f64>() / seconds as f64;
        (mean(|row| row.0), mean(|row| row.1), part.iter().map(|row| row.2).fold(0.0, f64::max))
    }
}

#[test]
fn a_wide_path_limits_nothing() {
    let mut world = World::new(WIDE, 2.5e6);
    world.run(60);
    assert_eq!(world.estimator.available_bps(world.now_us), None);
    assert_eq!(world.estimator.lowered_us(), 0);
}

#[test]
fn random_loss_of_a_wide_path_does_not_limit_for_long() {
    for loss in [0.02, 0.05, 0.10, 0.20, 0.30] {
        let mut world = World::new(Path { loss, ..WIDE }, 2.5e6);
        world.run(60);
        let (_, delivered, _) = world.last(30);
        assert!(delivered > 0.9 * 2.5e6 * (1.0 - loss), "{loss}: {:?}", world.log);
    }
}

#[test]
fn jitter_of_a_wide_path_does_not_limit() {
    let mut world = World::new(Path { jitter_us: 30_000, ..WIDE }, 2.5e6);
    world.run(60);
    let (_, delivered, _) = world.last(30);
    assert!(delivered > 0.9 * 2.5e6, "{:?}", world.log);
}

/// Return a delay up to 60 ms. It goes in straight lines between random values, one each tenth of a second.
fn drift_us(now_us: u64) -> u64 {
    let value = |slot: u64| (slot.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(7) >> 33) % 60_001;
    let (slot, part) = (now_us / 100_000, now_us % 100_000);
    (value(slot) * (100_000 - part) + value(slot + 1) * part) / 100_000
}

#[test]
fn a_path_that_becomes_longer_and_uneven_is_used_as_before() {
    let longer: [fn(u64) -> u64; 3] = [
        |us| if us < 20_000_000 { 0 } else { 30_000 + drift_us(us) },
        |us| if us < 20_000_000 { 0 } else { 80_000 },
        |us| if us < 20_000_000 { 0 } else { 250_000 },
    ];
    for (which, longer_us) in longer.into_iter().enumerate() {
        for (wanted_bps, least_bps) in [(300e3, 0.0), (300e3, 150e3), (300e3, 200e3), (2.5e6, 0.0)] {
            let mut world = World::new(Path { longer_us, ..WIDE }, wanted_bps);
            world.least_bps = least_bps;
            world.run(200);
            let carried = || world.log[20..].iter().map(|row| row.1 / wanted_bps);
            let fewest = carried().fold(f64::INFINITY, f64::min);
            let few = carried().filter(|share| *share < 0.9).count();
            assert!(
                fewest > 0.6 && few <= 3,
                "{which} {wanted_bps} {least_bps} {fewest} {few} {:?}",
                &world.log[18..40]
            );
        }
    }
}

#[test]
fn a_narrow_path_is_used_well_and_its_queue_kept_short() {
    for rate in [|_| 300e3, |_| 1e6, |_| 4e6] {
        let mut world = World::new(Path { rate_bps: rate, ..WIDE }, 6e6);
        world.run(90);
        let (_, delivered, queue_ms) = world.last(60);
        assert!(delivered > 0.7 * rate(0), "{:?}", world.log);
        assert!(queue_ms <= 300.0, "{queue_ms} {:?}", world.log);
    }
}

#[test]
fn a_step_down_is_followed_within_three_seconds_and_up_within_fifteen() {
    let rate = |us: u64| if (30_000_000..60_000_000).contains(&us) { 300e3 } else { 2e6 };
    let mut world = World::new(Path { rate_bps: rate, ..WIDE }, 1.7e6);
    world.run(33);
    let (estimate, ..) = world.last(1);
    assert!(estimate < 330e3, "{:?}", world.log);
    world.run(27);
    let (_, delivered, queue_ms) = world.last(20);
    assert!(delivered > 180e3 && queue_ms <= 300.0, "{:?}", world.log);
    world.run(15);
    let (estimate, ..) = world.last(1);
    assert!(estimate >= 0.9 * 1.7e6, "{:?}", world.log);
}

#[test]
fn the_estimate_of_an_even_path_does_not_swing() {
    let mut world = World::new(Path { rate_bps: |_| 1e6, ..WIDE }, 3e6);
    world.run(120);
    let part = &world.log[60..];
    let (least, most) = part.iter().fold((f64::MAX, 0.0_f64), |ends, row| (ends.0.min(row.0), ends.1.max(row.0)));
    assert!(least > 0.55 * 1e6 && most < 1.25 * 1e6, "{least} {most} {:?}", world.log);
}

#[test]
fn a_policer_without_a_queue_is_found_by_loss() {
    let mut world = World::new(Path { rate_bps: |_| 500e3, queue_us_max: 20_000, ..WIDE }, 2e6);
    world.run(60);
    let (estimate, delivered, _) = world.last(30);
    assert!(estimate < 700e3 && delivered > 250e3, "{:?}", world.log);
}

#[test]
fn what_is_idle_keeps_its_estimate() {
    let mut world = World::new(Path { rate_bps: |_| 1e6, ..WIDE }, 3e6);
    world.run(30);
    let (before, ..) = world.last(5);
    world.wanted_bps = 100e3;
    world.run(60);
    let (after, ..) = world.last(5);
    assert!(after > 0.8 * before && after < 1.3 * before, "{before} {after}");
}

#[test]
fn remb_is_a_cap_whatever_else_is_known() {
    let mut estimator = Estimator::default();
    estimator.note_remb(400_000, 1_000_000);
    assert_eq!(estimator.available_bps(2_000_000), Some(400_000));
    assert_eq!(estimator.available_bps(12_000_000), None, "an old one is forgotten");
    let mut world = World::new(WIDE, 1e6);
    world.estimator.note_remb(400_000, 0);
    world.run(5);
    world.estimator.note_remb(400_000, world.now_us);
    assert_eq!(world.estimator.available_bps(world.now_us), Some(400_000));
    let mut world = World::new(Path { rate_bps: |_| 300e3, ..WIDE }, 1e6);
    world.run(10);
    let own = world.estimator.available_bps(world.now_us);
    world.estimator.note_remb(5_000_000, world.now_us);
    assert_eq!(world.estimator.available_bps(world.now_us), own);
}

#[test]
fn losses_in_reports_count_where_nothing_is_numbered() {
    let mut estimator = Estimator::default();
    let (mut sent_bytes, mut bps) = (0, 2e6);
    let mut second = |estimator: &mut Estimator, s: u64, carries_bps: f64| {
        sent_bytes += (bps / 8.0) as u64;
        let lost = (100.0 * (1.0 - carries_bps / bps)).max(0.0) as u32;
        estimator.note_report((lost, 100 - lost), sent_bytes, 50_000, s * 1_000_000);
        let available_bps = estimator.available_bps(s * 1_000_000).map(|bps| bps as f64);
        bps = available_bps.map_or(2e6, |bps| bps.min(2e6));
        available_bps
    };
    let wide: Vec<_> = (1..20).map(|s| second(&mut estimator, s, 5e6)).collect();
    assert!(wide.iter().all(Option::is_none));
    let narrow: Vec<_> = (20..60).map(|s| second(&mut estimator, s, 4e5).unwrap_or(f64::INFINITY)).collect();
    assert!(narrow[5..].iter().all(|bps| (1e5..6e5).contains(bps)), "{narrow:?}");
    let wide = (60..120).map(|s| second(&mut estimator, s, 5e6)).last();
    assert!(wide.unwrap().unwrap() > 1.9e6, "{wide:?}");
}

#[test]
fn feedback_of_what_was_never_sent_changes_nothing() {
    let mut estimator = Estimator::default();
    let mut buffer = [0; 1_200];
    let times: Vec<_> = (0..400).map(|i| Some(i * 50_000)).collect();
    let (len, _) = write_transport_feedback(&mut buffer, 1, 2, 900, 0, &times);
    assert_eq!(estimator.note_feedback(&buffer[4..len], 50_000, 1_000_000), Ok(false));
    assert_eq!(estimator.available_bps(1_000_000), None);
    // In a few bytes, a run of more lost packets than the history holds.
    let mut body = [0; 24];
    body[10..12].copy_from_slice(&(STATUSES_MAX + 1).to_be_bytes());
    body[16..18].copy_from_slice(&0x1fff_u16.to_be_bytes());
    assert_eq!(estimator.note_feedback(&body, 50_000, 1_000_000), Err(Malformed));
    assert_eq!(estimator.note_feedback(&body[..15], 50_000, 1_000_000), Err(Malformed));
}

#[test]
fn a_dead_path_does_not_count_as_narrow() {
    let mut world = World::new(Path { rate_bps: |_| 5e6, ..WIDE }, 1e6);
    world.run(10);
    world.path.loss = 1.0;
    world.run(10);
    world.path.loss = 0.0;
    world.run(5);
    assert_eq!(world.estimator.available_bps(world.now_us), None, "{:?}", world.log);
}

#[test]
fn what_was_lost_where_the_peer_was_before_counts_for_nothing() {
    for told in [true, false] {
        let mut world = World::new(WIDE, 2.5e6);
        world.run(20);
        let gone: Vec<u16> = (0..40).map(|_| world.estimator.note_sent(1_100, world.now_us)).collect();
        world.now_us += 200_000;
        if told {
            world.estimator.note_moved(world.now_us);
        }
        let found = world.estimator.note_sent(1_100, world.now_us);
        let mut times: Vec<Option<u64>> = gone.iter().map(|_| None).collect();
        times.push(Some(world.now_us + 25_000));
        let mut buffer = [0; 1_200];
        let (len, count) = write_transport_feedback(&mut buffer, 1, 2, gone[0], world.next as u8, &times);
        assert_eq!((count, found), (times.len(), gone[39].wrapping_add(1)));
        world.next += 1;
        world.feedbacks.push((world.now_us + 50_000, buffer[..len].to_vec()));
        world.run(1);
        assert_eq!(world.estimator.loss() == 0.0, told);
    }
}

/// Run several senders that share one queue.
fn share(worlds: &mut [World], seconds: u64) {
    let mut free_us = 0.0;
    for ms in 1..=seconds * 1_000 {
        for world in &mut *worlds {
            world.free_us = free_us;
            world.step();
            free_us = world.free_us;
            world.now_us = ms * 1_000;
            if ms % 1_000 == 0 {
                world.write_log();
            }
        }
    }
}

#[test]
fn several_that_share_a_queue_do_not_take_it_for_the_path() {
    for (greedy, modest) in [(1, 9), (5, 5), (10, 0)] {
        let path = Path { rate_bps: |_| 10e6, queue_us_max: 1_000_000, ..WIDE };
        let wanted = |at: u64| if at < greedy { 3e6 } else { 950e3 };
        let mut worlds: Vec<_> = (0..greedy + modest).map(|at| World::new(path, wanted(at))).collect();
        (0..).zip(&mut worlds).for_each(|(at, world)| world.random += at * 77);
        share(&mut worlds, 120);
        for second in 20..120 {
            let queue_ms = worlds.iter().map(|world| world.log[second].2).fold(0.0, f64::max);
            assert!(queue_ms < 400.0, "{greedy} {modest} {second} {queue_ms}");
        }
        let carried: f64 = worlds.iter().map(|world| world.last(100).1).sum();
        assert!(carried > 0.9 * 10e6, "{carried}");
    }
}

#[test]
fn a_way_that_gets_a_little_too_narrow_for_what_is_sent_is_followed() {
    // The path was known to carry much more than is sent.
    let narrower: [fn(u64) -> f64; 4] = [
        |us| if us < 40_000_000 { 3e6 } else { 0.90 * 850e3 },
        |us| if us < 40_000_000 { 3e6 } else { 0.94 * 850e3 },
        |us| if us < 40_000_000 { 3e6 } else { 0.97 * 850e3 },
        |us| if us < 40_000_000 { 3e6 } else { 0.99 * 850e3 },
    ];
    for rate_bps in narrower {
        let mut world = World::new(Path { rate_bps, queue_us_max: 3_000_000, ..WIDE }, 4e6);
        world.run(30);
        world.wanted_bps = 800e3;
        world.run(100);
        let worst_ms = world.log[40..].iter().map(|row| row.2).fold(0.0, f64::max);
        assert!(worst_ms < 250.0, "{worst_ms} {:?}", world.log);
        let (_, delivered, _) = world.last(60);
        assert!(delivered > 0.9 * rate_bps(50_000_000), "{delivered}");
    }
}
