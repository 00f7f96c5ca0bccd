//! Whether a queue grows on the way: the slope of one-way delay over groups of packets, against a threshold that follows
//! the path's own jitter (draft-ietf-rmcat-gcc-02 §5; the slope is a straight line fitted to the last groups).

/// Packets sent within this time are one group; its first packet tells what queue the group met.
const GROUP_US: u64 = 5_000;
const GROUPS: usize = 20;
const SMOOTHING: f64 = 0.9;
const GAIN: f64 = 4.0;
const COUNT_MAX: u32 = 60;
/// Bounds of the threshold, in milliseconds.
const THRESHOLD: (f64, f64) = (6.0, 600.0);
const THRESHOLD_START: f64 = 12.5;
const THRESHOLD_UP: f64 = 0.008_7;
const THRESHOLD_DOWN: f64 = 0.039;
/// A slope that is off by more is an outlier, which the threshold does not follow.
const OUTLIER: f64 = 15.0;
/// A growing queue counts after this time, and with this much in it.
const OVERUSE_US: u64 = 20_000;
const QUEUE_US_MIN: i64 = 15_000;
/// After this long without packets the slope begins anew.
const SILENCE_US: u64 = 500_000;
/// A queue that stands at this without growing is too long as well, after this time.
const STANDING_US: i64 = 150_000;
const STANDING_FOR_US: u64 = 700_000;
/// The least delay of so long ago and later counts as that of the empty path.
const LEAST_US: u64 = 8_000_000;
/// What rises by this from one such period to the next, again and again, is a queue that creeps up rather than the path. More
/// than clocks drift.
const CREEP_US: i64 = 4_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    #[default]
    Normal,
    /// The queue drains.
    Under,
    /// The queue grows, or stands too long.
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    sent_us: u64,
    arrived_us: i64,
}

#[derive(Debug)]
pub struct Trend {
    group: Option<Group>,
    before: Option<Group>,
    samples: [(f64, f64); GROUPS],
    len: usize,
    count: u32,
    delay_ms: f64,
    smoothed_ms: f64,
    threshold: f64,
    slope: f64,
    over_since_us: Option<u64>,
    standing_since_us: Option<u64>,
    least: Least,
    queue_us: i64,
    usage: Usage,
}

impl Default for Trend {
    fn default() -> Self {
        Trend {
            group: None,
            before: None,
            samples: [(0.0, 0.0); GROUPS],
            len: 0,
            count: 0,
            delay_ms: 0.0,
            smoothed_ms: 0.0,
            threshold: THRESHOLD_START,
            slope: 0.0,
            over_since_us: None,
            standing_since_us: None,
            least: Least::default(),
            queue_us: 0,
            usage: Usage::Normal,
        }
    }
}

/// The least one-way delay of the last one to two periods, or of before it began to creep up.
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
    /// A packet that arrived. `arrived_us` is of the peer's clock; only differences count. In the order of sending.
    pub fn note(&mut self, sent_us: u64, arrived_us: i64) {
        let Some(group) = self.group else {
            self.group = Some(Group { sent_us, arrived_us });
            return;
        };
        if sent_us < group.sent_us.saturating_add(GROUP_US) {
            return;
        }
        self.close(group);
        self.group = Some(Group { sent_us, arrived_us });
    }

    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// By how much delay stands above the least of late.
    pub fn queue_us(&self) -> i64 {
        self.queue_us
    }

    /// What was seen of the slope no longer holds; the least delay does.
    pub fn restart(&mut self) {
        let (threshold, least) = (self.threshold, self.least);
        *self = Trend { threshold, least, ..Trend::default() };
    }

    fn close(&mut self, group: Group) {
        let delay_us = group.arrived_us - group.sent_us as i64;
        self.queue_us = delay_us - self.least.note(delay_us, group.sent_us);
        let Some(before) = self.before.replace(group) else { return };
        let sent_us = group.sent_us - before.sent_us;
        if sent_us > SILENCE_US {
            self.restart();
            self.before = Some(group);
            return;
        }
        let change_us = (group.arrived_us - before.arrived_us) - sent_us as i64;
        self.add(group.sent_us, change_us as f64 / 1_000.0);
        self.judge(group.sent_us, sent_us);
    }

    fn add(&mut self, sent_us: u64, change_ms: f64) {
        self.count = (self.count + 1).min(COUNT_MAX);
        self.delay_ms += change_ms;
        self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.delay_ms;
        if self.len == GROUPS {
            self.samples.copy_within(1.., 0);
            self.len -= 1;
        }
        self.samples[self.len] = (sent_us as f64 / 1_000.0, self.smoothed_ms);
        self.len += 1;
    }

    fn judge(&mut self, now_us: u64, step_us: u64) {
        let before = self.slope;
        self.slope = if self.len == GROUPS { fit(&self.samples) } else { 0.0 };
        let weighted = self.slope * f64::from(self.count) * GAIN;
        self.usage = if weighted > self.threshold {
            let since_us = *self.over_since_us.get_or_insert(now_us);
            let lasts = now_us - since_us >= OVERUSE_US && self.slope >= before && self.queue_us > QUEUE_US_MIN;
            if lasts { Usage::Over } else { Usage::Normal }
        } else {
            self.over_since_us = None;
            if weighted < -self.threshold { Usage::Under } else { Usage::Normal }
        };
        self.follow(weighted.abs(), step_us);
        if self.stands(now_us) && self.usage == Usage::Normal {
            self.usage = Usage::Over;
        }
    }

    fn stands(&mut self, now_us: u64) -> bool {
        if self.queue_us < STANDING_US {
            self.standing_since_us = None;
            return false;
        }
        now_us - *self.standing_since_us.get_or_insert(now_us) > STANDING_FOR_US
    }

    fn follow(&mut self, weighted: f64, step_us: u64) {
        if weighted > self.threshold + OUTLIER {
            return;
        }
        let gain = if weighted < self.threshold { THRESHOLD_DOWN } else { THRESHOLD_UP };
        let step_ms = step_us.min(100_000) as f64 / 1_000.0;
        self.threshold += gain * (weighted - self.threshold) * step_ms;
        self.threshold = self.threshold.clamp(THRESHOLD.0, THRESHOLD.1);
    }
}

/// The slope of the line with the least squares.
fn fit(samples: &[(f64, f64)]) -> f64 {
    let n = samples.len() as f64;
    let (x, y) = samples.iter().fold((0.0, 0.0), |sum, sample| (sum.0 + sample.0, sum.1 + sample.1));
    let (x, y) = (x / n, y / n);
    let (up, down) = samples.iter().fold((0.0, 0.0), |sum, sample| {
        let dx = sample.0 - x;
        (sum.0 + dx * (sample.1 - y), sum.1 + dx * dx)
    });
    if down > 0.0 { up / down } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups 20 ms apart, each `later_us` later than the one before; how many of them were judged so.
    fn run(trend: &mut Trend, from: u64, groups: u64, mut delay_us: impl FnMut(u64) -> i64) -> [usize; 3] {
        let mut seen = [0; 3];
        for i in from..from + groups {
            let sent_us = 1_000_000 + i * 20_000;
            trend.note(sent_us, sent_us as i64 + 50_000 + delay_us(i));
            seen[trend.usage() as usize] += 1;
        }
        seen
    }

    #[test]
    fn an_even_path_is_normal_whatever_the_clocks() {
        let mut trend = Trend::default();
        assert_eq!(run(&mut trend, 0, 500, |i| (i as i64 * 20_000) / 20_000), [500, 0, 0], "50 ppm of drift");
    }

    #[test]
    fn a_growing_queue_is_seen_within_half_a_second_and_its_end_too() {
        let mut trend = Trend::default();
        run(&mut trend, 0, 100, |_| 0);
        let over = run(&mut trend, 100, 25, |i| (i as i64 - 100) * 4_000);
        assert!(over[Usage::Over as usize] > 5, "{over:?}");
        let under = run(&mut trend, 125, 25, |i| (150 - i as i64) * 4_000);
        assert!(under[Usage::Under as usize] > 5, "{under:?}");
        run(&mut trend, 150, 50, |_| 0);
        assert_eq!(trend.usage(), Usage::Normal);
    }

    #[test]
    fn jitter_without_a_queue_is_normal() {
        let mut trend = Trend::default();
        let mut random = 7_u64;
        let seen = run(&mut trend, 0, 3_000, |_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) as i64 % 10_000
        });
        assert!(seen[Usage::Over as usize] <= 6, "{seen:?}");
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
        assert!(seen[Usage::Over as usize] > 50, "{seen:?}");
        run(&mut trend, 200, 1_300, |_| 250_000);
        assert_eq!(trend.usage(), Usage::Normal, "another route");
    }
}
