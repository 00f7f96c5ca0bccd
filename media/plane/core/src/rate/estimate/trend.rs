//! The decision whether a queue grows or stays on the path, by the least one-way delay of short times. A queue delays all
//! packets. A busy processor at either end, a radio link or disorder delays only some.
//!
//! The threshold follows the path's own jitter, as in draft-ietf-rmcat-gcc-02 §5.

/// Microseconds. The least one-way delay of all packets sent in this time is one sample. gcc-02 §5.2 groups 5 ms, but a busy
/// receiver stops for longer. Longer: a growing queue is noticed later, so the viewer's audio is late. Shorter: a busy receiver
/// looks like a queue, and pictures lose quality without need.
const SLOT_US: u64 = 50_000;
/// Samples of 50 ms (`SLOT_US`) that are kept: 8 for one measurement of the delay, 4 back to the measurement before, and 4
/// spare. More: more memory for each viewer. Fewer than 12: the older measurement reads overwritten samples, so the growth of a
/// queue is judged wrongly.
const SLOTS: usize = 16;
/// Samples of 50 ms (`SLOT_US`) in one measurement of the delay, which takes the least: 400 ms. libwebrtc's trend line has 20
/// groups. More: a growing queue is noticed later, so the viewer's audio is late. More than 12: the older measurement reads
/// overwritten samples, unless `SLOTS` (16) is larger too. Fewer: jitter looks like a queue, and pictures lose quality without
/// need.
const WINDOW_SLOTS: u64 = 8;
/// Samples of 50 ms (`SLOT_US`) in the short measurement of the delay (150 ms). This lowers the bitrate only if many packets
/// are lost too. More: on a path that suddenly becomes narrow, the bitrate falls later, and the viewer loses audio. Fewer: a
/// busy receiver with losses lowers the bitrate without need.
const GLANCE_SLOTS: u64 = 3;
/// Samples of 50 ms (`SLOT_US`) that must hold packets, of the 8 in one measurement of the delay (`WINDOW_SLOTS`). More: a
/// stream with pauses between its packets is never judged, and its queue stays. More than 8: no stream is judged. Fewer: one
/// late packet decides, so jitter looks like a queue.
const HEARD_SLOTS_MIN: usize = 4;
/// Samples of 50 ms (`SLOT_US`) between two measurements of the delay; their difference in 200 ms shows whether a queue grows.
/// More: a growing queue is noticed later; more than 8 need more `SLOTS` (16). Fewer: the difference of a queue that grows
/// slowly stays below `GROWS_US` (2 ms), and the viewer's audio becomes late.
const BACK_SLOTS: u64 = 4;
/// Microseconds above the path's own delay; a shorter delay is no queue. gcc-02 §5.4 begins at 12.5 ms. Chosen; row `disorder`
/// of `make bench-quality`. Larger: the viewer's audio is late, because short queues stay. Smaller: jitter lowers the bitrate,
/// and pictures lose quality without need.
pub(crate) const QUEUE_US_MIN: i64 = 25_000;
/// Multiple of the path's delay variation that is added to `QUEUE_US_MIN` (25 ms) as the threshold for a queue, but at most
/// `WANDER_US_MAX` (50 ms). The variation is the mean change of the delay in 200 ms. gcc-02 §5.4 adapts its threshold too.
/// Larger: a queue is noticed later, and the viewer's audio is late. Smaller: jitter lowers the bitrate without need.
const WANDER_TIMES: f64 = 4.0;
/// Microseconds. The path's delay variation (mean change of the delay in 200 ms) until it is measured; the threshold for a
/// queue is then 57 ms. Larger: at the start of a call, a queue is noticed later (at most 75 ms, `WANDER_US_MAX`), and audio is
/// late. Smaller: at the start, jitter lowers the bitrate without need.
const WANDER_US_START: f64 = 8_000.0;
/// Microseconds. The most that the path's delay variation adds to `QUEUE_US_MIN` (25 ms), the threshold for a queue. Larger: on
/// a path with jitter, queues grow longer, and the viewer's audio is late. Smaller: on such a path, jitter lowers the bitrate,
/// and pictures lose quality.
const WANDER_US_MAX: f64 = 50_000.0;
/// Weight of a new value in the path's delay variation (mean change of the delay in 200 ms). A value comes every 50 ms, so 50
/// values take 2.5 s. Larger: a slowly growing queue counts as variation and is noticed late. Smaller: when jitter begins, it
/// lowers the bitrate for some seconds.
const WANDER_SMOOTHING_SHARE: f64 = 0.02;
/// Microseconds. From this queue on, pictures do not step up, and after 2 s (`CROWDED_US`) those that do not fit stop. The
/// queue is blamed for losses, and the path's delay variation is not learned. The queues of the rows `narrow-300` and
/// `narrow-200` of `make bench-quality` hold 300 and 400 ms. Larger: queues are longer, and the viewer's audio is late.
/// Smaller: jitter keeps pictures at a low quality.
pub(crate) const QUEUE_US_FULL: i64 = 60_000;
/// Microseconds. A queue grows if the delay rose by more than this in 200 ms. Larger: a queue that grows slowly is not seen,
/// and the viewer's audio becomes late. Smaller: jitter looks like growth, and the bitrate falls without need.
const GROWS_US: i64 = 2_000;
/// Microseconds. A queue drains if the delay fell by more than 5 ms in 200 ms; the bitrate does not grow then. Nearer to 0:
/// jitter looks like draining, and the bitrate grows rarely. Farther: the bitrate grows before the queue is empty, and the
/// viewer's audio stays late.
const DRAINS_US: i64 = -5_000;
/// Samples of 50 ms (`SLOT_US`) without packets after which the samples are forgotten: 0.5 s, half of `DEAD_US` (1 s). More:
/// delays from before a pause are compared with later delays, and a new route looks like a queue. Fewer: each short pause in
/// sending hides a queue for 400 ms.
const SILENCE_SLOTS: u64 = 10;
/// Microseconds. A queue of this length that lasts for `STANDING_FOR_US` (0.7 s) lowers the bitrate even if the queue does not
/// grow. ITU-T G.114 aims at 150 ms in all. Larger: the viewer's audio is late. Smaller: a short, stable queue lowers the
/// bitrate, and pictures lose quality.
const STANDING_US: i64 = 120_000;
/// Microseconds for which a queue of `STANDING_US` (120 ms) may last before the bitrate is lowered. Longer: the viewer's audio
/// is late for longer. Shorter: one burst of packets lowers the bitrate, and pictures lose quality.
const STANDING_FOR_US: u64 = 700_000;
/// Microseconds of a period. The path's own delay is the least delay of this period and the period before. BBR keeps 10 s
/// (`MinRTTFilterLen` of draft-ietf-ccwg-bbr). Longer: clock drift or a longer route looks like a queue, and pictures lose
/// quality. Shorter: a queue that stays counts as the path's own delay, and the viewer's audio stays late.
const LEAST_US: u64 = 8_000_000;
/// Microseconds. A queue grows slowly if the least delay of 8 s (`LEAST_US`) exceeds the least delay of the 8 s before by more.
/// Clocks drift by 100 ppm, 0.8 ms in 8 s. Larger: the queue counts as the path's own delay, and the viewer's audio becomes
/// later and later. Smaller: clock drift looks like a queue, and pictures lose quality.
const CREEP_US: i64 = 4_000;
/// Microseconds. The value of a sample without packets: the largest `i64`, so that each real delay is smaller. Larger: the type
/// has no larger value. Smaller: longer delays are ignored, and a queue is not seen.
const NO_DELAY_US: i64 = i64::MAX;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    #[default]
    Normal,
    /// The queue drains.
    Under,
    /// The queue grows, or stays too long.
    Over,
}

#[derive(Debug)]
pub struct Trend {
    /// The least delay of each slot. The index is the low bits of the slot's number.
    slots: [i64; SLOTS],
    /// The numbers of the first slot that counts, and of the newest.
    span: Option<(u64, u64)>,
    wander_us: f64,
    standing_since_us: Option<u64>,
    least: Least,
    least_us: i64,
    delay_us: i64,
    /// The end of the slots of the last look, by our clock.
    looked_us: u64,
    /// The mean distance of delays from a straight line in that look.
    uneven_us: i64,
    queue_us: i64,
    glance_us: i64,
    usage: Usage,
    /// True if the usage was `Over` since the last call of `take_over`.
    was_over: bool,
}

impl Default for Trend {
    fn default() -> Self {
        Trend {
            slots: [NO_DELAY_US; SLOTS],
            span: None,
            wander_us: WANDER_US_START,
            standing_since_us: None,
            least: Least::default(),
            least_us: NO_DELAY_US,
            delay_us: 0,
            looked_us: 0,
            uneven_us: 0,
            queue_us: 0,
            glance_us: 0,
            usage: Usage::Normal,
            was_over: false,
        }
    }
}

/// The least one-way delay of the last one or two periods, or of the time before it began to creep up.
#[derive(Clone, Copy, Debug, Default)]
struct Least {
    now_us: Option<i64>,
    before_us: Option<i64>,
    base_us: Option<i64>,
    since_us: u64,
}

impl Least {
    fn note(&mut self, delay_us: i64, at_us: u64) -> i64 {
        if at_us.saturating_sub(self.since_us) > LEAST_US {
            let rises = self.before_us.zip(self.now_us).is_some_and(|(before, now)| now > before + CREEP_US);
            self.base_us = self.base_us.or(self.before_us).filter(|_| rises);
            (self.before_us, self.now_us, self.since_us) = (self.now_us, None, at_us);
        }
        let now = self.now_us.map_or(delay_us, |least| least.min(delay_us));
        self.now_us = Some(now);
        [self.before_us, self.base_us].into_iter().flatten().fold(now, i64::min)
    }
}

impl Trend {
    /// Note a packet that arrived. `arrived_us` is by the peer's clock, so only differences count. The calls are about in the
    /// order of sending.
    #[inline]
    pub fn note(&mut self, sent_us: u64, arrived_us: i64) {
        let (slot, delay_us) = (sent_us / SLOT_US, arrived_us - sent_us as i64);
        let Some((first, newest)) = self.span else { return self.begin(slot, delay_us) };
        if slot > newest {
            self.close(first, newest);
            if slot - newest > SILENCE_SLOTS {
                self.restart();
                return self.begin(slot, delay_us);
            }
            (newest + 1..=slot).for_each(|one| self.slots[place(one)] = NO_DELAY_US);
            self.span = Some((first, slot));
        } else if slot < first || newest - slot >= SLOTS as u64 {
            return;
        }
        let least = &mut self.slots[place(slot)];
        *least = delay_us.min(*least);
    }

    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Report whether a queue grew, or stayed too long, since the last call.
    pub fn take_over(&mut self) -> bool {
        std::mem::take(&mut self.was_over)
    }

    /// Return the least recent one-way delay. Only differences count.
    pub fn delay_us(&self) -> i64 {
        self.delay_us
    }

    /// Return the time up to which sent packets are part of the last look.
    pub fn looked_us(&self) -> u64 {
        self.looked_us
    }

    /// Return how uneven the delays in a look are. A queue that grows or empties gives a straight line.
    pub fn uneven_us(&self) -> i64 {
        self.uneven_us
    }

    /// Take this delay for the path's own. The path's wander may be larger too.
    pub fn take_for_path(&mut self, delay_us: i64, now_us: u64) {
        self.wander_us = self.wander_us.max(WANDER_US_MAX / WANDER_TIMES);
        self.least = Least { since_us: now_us, ..Least::default() };
        self.least_us = self.least.note(delay_us, now_us);
        (self.queue_us, self.standing_since_us, self.was_over) = (self.delay_us - delay_us, None, false);
        self.usage = Usage::Normal;
    }

    /// Return the recent delay above the least delay.
    pub fn queue_us(&self) -> i64 {
        self.queue_us
    }

    /// Return the queue delay of the last moment only. A processor that stopped for a moment looks the same.
    pub fn glance_us(&self) -> i64 {
        self.glance_us
    }

    /// Forget the slots and the usage, but keep the least delay and the result of the last look.
    pub fn restart(&mut self) {
        let Trend { wander_us, least, least_us, delay_us, looked_us, uneven_us, queue_us, .. } = *self;
        *self = Trend { wander_us, least, least_us, delay_us, looked_us, uneven_us, queue_us, ..Trend::default() };
    }

    fn begin(&mut self, slot: u64, delay_us: i64) {
        self.slots[place(slot)] = delay_us;
        self.span = Some((slot, slot));
    }

    fn close(&mut self, first: u64, newest: u64) {
        let (now_us, delay_us) = ((newest + 1) * SLOT_US, self.slots[place(newest)]);
        if delay_us != NO_DELAY_US {
            self.least_us = self.least.note(delay_us, now_us);
        }
        self.usage = Usage::Normal;
        if let Some(glance_us) = self.look((first, newest), GLANCE_SLOTS, 2) {
            self.glance_us = glance_us - self.least_us;
        }
        let Some(look_us) = self.look((first, newest), WINDOW_SLOTS, HEARD_SLOTS_MIN) else { return };
        (self.delay_us, self.looked_us) = (look_us, now_us);
        self.uneven_us = self.unevenness_us(newest);
        self.queue_us = look_us - self.least_us;
        let grown_us =
            self.look((first, newest.saturating_sub(BACK_SLOTS)), WINDOW_SLOTS, HEARD_SLOTS_MIN).map(|us| look_us - us);
        self.judge(grown_us, now_us);
    }

    /// Return the least delay of `slots` slots up to `newest`.
    fn look(&self, (first, newest): (u64, u64), slots: u64, heard_min: usize) -> Option<i64> {
        if newest + 1 < first + slots {
            return None;
        }
        let heard = (newest + 1 - slots..=newest).map(|slot| self.slots[place(slot)]).filter(|us| *us != NO_DELAY_US);
        let (least_us, heard) = heard.fold((NO_DELAY_US, 0), |(least, count), us| (us.min(least), count + 1));
        (heard >= heard_min).then_some(least_us)
    }

    /// Return the mean distance of the slots of a look from the middle of their neighbours. The look ends at `newest`.
    fn unevenness_us(&self, newest: u64) -> i64 {
        let mut slots =
            (newest + 1 - WINDOW_SLOTS..=newest).map(|slot| self.slots[place(slot)]).filter(|us| *us != NO_DELAY_US);
        let (Some(mut before), Some(mut middle)) = (slots.next(), slots.next()) else { return 0 };
        let (mut sum, mut count) = (0, 0);
        for after in slots {
            sum += (before + after - 2 * middle).abs() / 2;
            count += 1;
            (before, middle) = (middle, after);
        }
        sum / count.max(1)
    }

    fn judge(&mut self, grown_us: Option<i64>, now_us: u64) {
        let length_us = QUEUE_US_MIN + (WANDER_TIMES * self.wander_us).min(WANDER_US_MAX) as i64;
        let grows = match grown_us {
            Some(grown_us) => self.queue_us > length_us && grown_us > GROWS_US,
            None => self.queue_us > 2 * length_us,
        };
        self.usage = if grows || self.stands(now_us) {
            Usage::Over
        } else if grown_us.is_some_and(|us| us < DRAINS_US) {
            Usage::Under
        } else {
            Usage::Normal
        };
        self.was_over |= self.usage == Usage::Over;
        if let Some(grown_us) = grown_us.filter(|_| self.queue_us < QUEUE_US_FULL) {
            self.wander_us += WANDER_SMOOTHING_SHARE * (grown_us.abs() as f64 - self.wander_us);
        }
    }

    fn stands(&mut self, now_us: u64) -> bool {
        if self.queue_us < STANDING_US {
            self.standing_since_us = None;
            return false;
        }
        now_us - *self.standing_since_us.get_or_insert(now_us) > STANDING_FOR_US
    }
}

fn place(slot: u64) -> usize {
    slot as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Send packets 20 ms apart with this additional delay. Return how many packets found each usage.
    fn run(trend: &mut Trend, from: u64, packets: u64, mut delay_us: impl FnMut(u64) -> i64) -> [usize; 3] {
        let mut seen = [0; 3];
        for i in from..from + packets {
            let sent_us = 1_000_000 + i * 20_000;
            trend.note(sent_us, sent_us as i64 + 50_000 + delay_us(i));
            seen[trend.usage() as usize] += 1;
        }
        seen
    }

    /// Return a generator of random numbers from 0 to 1.
    fn dice(seed: u64) -> impl FnMut() -> f64 {
        let mut random = seed;
        move || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 40) as f64 / f64::from(1 << 24)
        }
    }

    #[test]
    fn an_even_path_is_normal_whatever_the_clocks() {
        let mut trend = Trend::default();
        assert_eq!(run(&mut trend, 0, 500, |i| (i as i64 * 20_000) / 20_000), [500, 0, 0], "50 ppm of drift");
    }

    #[test]
    fn a_growing_queue_is_seen_within_a_second_and_its_end_too() {
        let mut trend = Trend::default();
        run(&mut trend, 0, 100, |_| 0);
        let over = run(&mut trend, 100, 40, |i| (i as i64 - 100) * 4_000);
        assert!(over[Usage::Over as usize] > 5 && trend.take_over() && !trend.take_over(), "{over:?}");
        let under = run(&mut trend, 140, 40, |i| (180 - i as i64) * 4_000);
        assert!(under[Usage::Under as usize] > 5, "{under:?}");
        run(&mut trend, 180, 50, |_| 0);
        assert_eq!(trend.usage(), Usage::Normal);
    }

    #[test]
    fn jitter_and_disorder_without_a_queue_are_normal() {
        let (mut trend, mut dice) = (Trend::default(), self::dice(7));
        let seen = run(&mut trend, 0, 3_000, |_| (dice() * 30_000.0) as i64);
        assert_eq!(seen[Usage::Over as usize], 0);
        // The delay moves between two values in a tenth of a second, up and down by 60 ms.
        let (mut trend, mut dice) = (Trend::default(), self::dice(8));
        let (mut from, mut to) = (0.0, 0.0);
        let seen = run(&mut trend, 0, 60_000, |i| {
            if i % 5 == 0 {
                (from, to) = (to, dice() * 60_000.0);
            }
            (from + (to - from) * (i % 5) as f64 / 5.0) as i64 + if dice() < 0.2 { 20_000 } else { 0 }
        });
        assert!(seen[Usage::Over as usize] < 40, "{seen:?}");
    }

    #[test]
    fn a_queue_is_seen_on_a_path_that_wanders() {
        let (mut trend, mut dice) = (Trend::default(), self::dice(10));
        run(&mut trend, 0, 1_000, |_| (dice() * 60_000.0) as i64);
        let seen = run(&mut trend, 1_000, 75, |i| (i as i64 - 1_000) * 4_000 + (dice() * 60_000.0) as i64);
        assert!(seen[Usage::Over as usize] > 5, "of 1.5 s: {seen:?}");
    }

    #[test]
    fn a_processor_that_stands_still_again_and_again_is_no_queue() {
        // All packets that arrive in such a time are read at its end.
        let (mut trend, mut dice) = (Trend::default(), self::dice(9));
        let mut awake = 0;
        let seen = run(&mut trend, 0, 15_000, |i| {
            let now = i as i64 * 20_000;
            while awake < now {
                awake += (dice() * 250_000.0) as i64;
            }
            awake - now
        });
        assert_eq!(seen[Usage::Over as usize], 0, "{seen:?}");
        assert!(trend.queue_us() < 30_000);
    }

    #[test]
    fn a_queue_that_creeps_up_for_a_minute_is_not_taken_for_the_path() {
        for ms_per_s in [2, 5, 20] {
            let mut trend = Trend::default();
            run(&mut trend, 0, 100, |_| 0);
            let seen = run(&mut trend, 100, 200 * 50 / ms_per_s, |i| (i as i64 - 100) * 20 * ms_per_s as i64);
            assert!(seen[Usage::Over as usize] > 10, "{ms_per_s}: {seen:?} {}", trend.queue_us());
        }
    }

    #[test]
    fn a_queue_that_stands_is_too_long_until_it_is_the_path() {
        let mut trend = Trend::default();
        run(&mut trend, 0, 100, |_| 0);
        let seen = run(&mut trend, 100, 100, |_| 250_000);
        assert!(seen[Usage::Over as usize] > 40, "{seen:?}");
        run(&mut trend, 200, 1_300, |_| 250_000);
        assert_eq!(trend.usage(), Usage::Normal, "another route");
    }

    #[test]
    fn a_glance_sees_a_jump_at_once() {
        let mut trend = Trend::default();
        run(&mut trend, 0, 100, |_| 0);
        run(&mut trend, 100, 12, |_| 250_000);
        assert!(trend.glance_us() > 200_000 && trend.queue_us() < 1_000);
    }
}
