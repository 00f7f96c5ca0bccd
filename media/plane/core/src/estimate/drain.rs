//! Whether what waits on the way is a queue that we fill. One that we fill gets shorter as soon as much less is sent than
//! the path carried while it stood; a delay that stays is the path's own, which has become longer: another route, a radio
//! link, somebody else's queue. Sending still less would then end in sending nothing (as BBR's look for the round trip
//! without a queue, draft-ietf-ccwg-bbr §4.3.4).

/// Less than this share of what was carried empties a queue by at least a tenth of the time that passes.
const LESS: f64 = 0.9;
/// Apart from each other so much, two looks tell whether it gets shorter. Each is at the least delay of such a time.
const APART_US: u64 = 400_000;
/// Of a queue that we fill twice as much would be gone by then.
const STAYS_US: i64 = 20_000;
/// Longer than when less was sent by this, it grows all the same.
const GROWS_US: i64 = 40_000;
/// A delay of less is no queue.
const QUEUE_US: i64 = 25_000;
/// What was taken for nothing is given back once in this time.
const GIVEN_BACK_US: u64 = 3_000_000;

/// What a look says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    Nothing,
    /// The least delay is this now. True: what was taken may be given back.
    Longer(i64, bool),
}

#[derive(Debug, Default)]
pub struct Drain {
    series: Option<Series>,
    given_back_us: Option<u64>,
}

/// Since the bitrate was lowered for a queue, until that has gone.
#[derive(Clone, Copy, Debug)]
struct Series {
    /// What the path carried at its beginning, bit/s.
    carried_bps: f64,
    /// The bitrate before it; None: not limited.
    before: Option<f64>,
    /// Least delay when it was lowered last.
    delay_us: i64,
    /// Less has been sent since.
    less_since_us: Option<u64>,
    looked: Option<(u64, i64)>,
}

impl Drain {
    /// The bitrate is lowered from `before` because of a queue; `delay_us`: the least delay of late.
    pub fn note_lowered(&mut self, before: Option<f64>, carried_bps: f64, delay_us: i64) {
        let series =
            self.series.get_or_insert(Series { carried_bps, before, delay_us, less_since_us: None, looked: None });
        series.delay_us = delay_us;
    }

    /// The bitrate before all that was taken because of the delay that stays.
    pub fn before(&self) -> Option<f64> {
        self.series.and_then(|series| series.before)
    }

    /// It is being seen whether sending less helps, and the delay is not much longer than when it was lowered.
    pub fn is_tried(&self, delay_us: i64) -> bool {
        self.series.is_some_and(|series| series.less_since_us.is_some() && delay_us < series.delay_us + GROWS_US)
    }

    /// `delay_us`: the least of the last [`APART_US`]; `queue_us`: by how much that is more than the path's own.
    pub fn look(&mut self, (delay_us, queue_us): (i64, i64), sent_bps: f64, rtt_us: u64, now_us: u64) -> Verdict {
        let Some(series) = &mut self.series else { return Verdict::Nothing };
        let less = if series.less_since_us.is_some() { 1.0 } else { LESS };
        if sent_bps > less * series.carried_bps {
            (series.less_since_us, series.looked) = (None, None);
            return Verdict::Nothing;
        }
        let since_us = *series.less_since_us.get_or_insert(now_us);
        let looked_us = series.looked.map_or(since_us + rtt_us, |(at_us, _)| at_us);
        if now_us < looked_us + APART_US {
            return Verdict::Nothing;
        }
        let before = series.looked.replace((now_us, delay_us));
        if queue_us < QUEUE_US {
            self.series = None;
            return Verdict::Nothing;
        }
        let Some((_, before_us)) = before.filter(|(_, before_us)| (before_us - delay_us).abs() < STAYS_US) else {
            return Verdict::Nothing;
        };
        let gives_back = self.given_back_us.is_none_or(|at_us| now_us.saturating_sub(at_us) > GIVEN_BACK_US);
        if gives_back {
            self.given_back_us = Some(now_us);
        }
        Verdict::Longer(before_us.min(delay_us), gives_back)
    }

    /// The delay of late is that of the path.
    pub fn end(&mut self) {
        self.series = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks each tenth of a second for two seconds while this share is sent, at delays of so many ms.
    fn looks(sent: f64, delay_ms: impl Fn(f64) -> f64) -> Option<(i64, bool)> {
        let mut drain = Drain::default();
        drain.note_lowered(None, 1e6, 100_000);
        (0..20_u32).find_map(|i| {
            let delay_us = (delay_ms(f64::from(i) / 10.0) * 1e3) as i64;
            match drain.look((delay_us, delay_us), sent * 1e6, 50_000, 1_000_000 + u64::from(i) * 100_000) {
                Verdict::Longer(us, gives_back) => Some((us, gives_back)),
                Verdict::Nothing => None,
            }
        })
    }

    #[test]
    fn a_delay_that_stays_while_less_is_sent_is_the_path() {
        assert_eq!(looks(0.7, |_| 100.0), Some((100_000, true)));
        assert_eq!(looks(0.95, |_| 100.0), None, "too much is sent to tell");
        assert_eq!(looks(0.7, |s| (300.0 - 300.0 * s).max(0.0)), None, "it gets shorter, and has gone");
        assert_eq!(looks(0.7, |s| 100.0 + 200.0 * s), None, "it grows all the same");
    }

    #[test]
    fn what_was_taken_is_given_back_once_in_a_while() {
        let mut drain = Drain::default();
        let mut given = Vec::new();
        for second in 1..30_u64 {
            drain.note_lowered(Some(2e6), 1e6, 100_000);
            assert_eq!(drain.before(), Some(2e6));
            for tenth in 0..10 {
                let now_us = second * 1_000_000 + tenth * 100_000;
                if let Verdict::Longer(_, gives_back) = drain.look((100_000, 90_000), 5e5, 0, now_us) {
                    given.push(gives_back);
                    drain.end();
                    break;
                }
            }
        }
        assert!(given.len() > 20 && given.iter().filter(|gives| **gives).count() == 8, "{given:?}");
    }
}
