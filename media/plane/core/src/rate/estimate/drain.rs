//! The decision whether the delay on the path is a queue that we fill. Our queue shrinks as soon as we send much less than the
//! path carried while the queue was there. A delay that stays is the path's own, and the path has become longer. The cause is
//! another route, a radio link, or the queue of another sender. To send still less would then end in sending nothing. BBR looks
//! for the round-trip time without a queue for the same reason (draft-ietf-ccwg-bbr §4.3.4).

use crate::rate::estimate::trend::QUEUE_US_MIN;

/// The queue test asks, after a lowering, whether the delay shrinks while less is sent; a delay that stays is the path's own.
/// The test begins below this share of the carried bitrate. A queue of ours then shrinks by a tenth of the time that passes.
/// Larger: jitter hides that our queue shrinks, and audio stays late; above 1.0 no further effect (`LESS_STILL_SHARE`).
/// Smaller: the test rarely begins, and pictures stay small on a path whose own delay grew.
const LESS_SHARE: f64 = 0.9;
/// The queue test (does the delay shrink while less is sent?) goes on up to this share of the carried bitrate. The test begins
/// below `LESS_SHARE` (0.9). Larger: we fill the queue during the test, and our queue may count as the path's own delay.
/// Smaller: the test often stops, and pictures stay small on a path whose own delay grew.
const LESS_STILL_SHARE: f64 = 1.0;
/// Microseconds between two measurements of the queue test (does the delay shrink while less is sent?). Each is the least delay
/// of 400 ms (`trend::WINDOW_SLOTS`). Longer: on a path whose own delay grew, pictures stay small for more time. Shorter: two
/// measurements share packets and seem equal, so our own queue may count as the path's own delay.
const APART_US: u64 = 400_000;
/// Microseconds. The queue test asks whether the delay shrinks while less is sent. Two of its delays are equal if they differ
/// by less than `min(clamp(UNEVEN_TIMES * jitter, SAME_US.0, SAME_US.1), MISSED_SHARE * decrease)`. The decrease is that of a
/// queue of ours in the same time. Row `disorder` of `make bench-quality`. The first value acts on an even path, the second on
/// an uneven path. Larger: our queue that shrinks slowly counts as the path's own delay. Smaller: on such a path no delays
/// count as equal, and pictures stay small on a path whose own delay grew.
const SAME_US: (i64, i64) = (2_000, 20_000);
/// The queue test asks whether the delay shrinks while less is sent. Two delays are equal if they differ by less than this
/// multiple of the path's jitter, but at least 2 and at most 20 ms (`SAME_US`). Chosen. Larger: our queue that shrinks slowly
/// counts as the path's own delay, and audio stays late. Smaller: on an uneven path no delays are equal, and pictures stay
/// small on a path whose own delay grew.
const UNEVEN_TIMES: i64 = 4;
/// A delay is the path's own if it shrinks by less than this share of the decrease that a queue of ours would show. `SAME_US`
/// (2 to 20 ms) is a limit too. Half: both errors are equally far. Larger: our queue that shrinks slowly counts as the path's
/// own delay, and audio stays late. Smaller: a path whose own delay grew is not found, and pictures stay small.
const MISSED_SHARE: f64 = 0.5;
/// Microseconds. While the queue test runs (does the delay shrink while less is sent?), only two events lower the bitrate
/// again. The delay grows by this value, or many packets are lost. Larger: a queue grows for longer, and the viewer's audio is
/// late. Smaller: jitter lowers the bitrate further, and pictures lose quality.
const GROWS_US: i64 = 40_000;
/// Microseconds between two returns of a bitrate that was taken for a delay of the path itself. Chosen; row `step` of `make
/// bench-quality`. Longer: on a path that becomes longer twice, pictures stay small for longer. Shorter: senders that share a
/// queue keep it full, and the viewer's audio is late.
const GIVEN_BACK_US: u64 = 3_000_000;
/// Microseconds without a queue after which a queue counts as gone: two measurements of 0.4 s (`APART_US`). Longer: the next
/// queue counts as the same queue, and the bitrate from before the first may be given back, which is too high. Shorter: one
/// short dip of the delay ends the queue test, and pictures stay small on a path whose own delay grew.
const GONE_US: u64 = 800_000;
/// Microseconds after a lowering until the queue test (does the delay shrink while less is sent?) ends without a result. As
/// `MinRTTFilterLen` of draft-ietf-ccwg-bbr. Longer: a bitrate that is too old may be given back, and a queue builds up.
/// Shorter: the test ends before its result, and pictures stay small on a path whose own delay grew.
const SERIES_US: u64 = 10_000_000;
/// Microseconds. The most by which the path's own delay may grow in `LONGER_WITHIN_US` (30 s). Growth by exactly this value is
/// still the path's own. A longer delay counts as a queue of ours, and the bitrate falls. Chosen. The networks of `make
/// bench-quality` have queues of at most 400 ms, so there only the queue test decides, and this limit hardly acts. Larger: on a
/// network with longer queues, our queue counts step by step as the path's own delay, and the viewer's audio is late. Smaller:
/// on a much longer route the bitrate falls to its least value, and the viewer sees no pictures.
const LONGER_US_MAX: i64 = 400_000;
/// Microseconds in which the path's own delay may grow by `LONGER_US_MAX` (400 ms) in all. Longer: a second longer route is
/// taken for a queue, and pictures lose quality. Shorter: a growing queue is taken for the path's own delay, and the viewer's
/// audio is late.
const LONGER_WITHIN_US: u64 = 30_000_000;

/// The result of a look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    Nothing,
    /// The path is longer: its least delay is this now. True: the bitrate that was taken may be given back.
    Longer(i64, bool),
}

/// The last measurement.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The least delay in the [`APART_US`] before `at_us`, by the times at which packets were sent. Nothing newer is known.
    pub delay_us: i64,
    pub at_us: u64,
    /// The delay above the path's own delay.
    pub queue_us: i64,
    /// The mean distance of delays from a straight line.
    pub uneven_us: i64,
    pub sent_bps: f64,
}

#[derive(Debug, Default)]
pub struct Drain {
    series: Option<Series>,
    given_back_us: Option<u64>,
    /// The path's own delay before it was found to be longer, and the time of the finding.
    base: Option<(i64, u64)>,
}

/// The time from the first lowering of the bitrate for a queue until that queue is gone.
#[derive(Clone, Copy, Debug)]
struct Series {
    /// The bit/s that the path carried when the bitrate was lowered.
    carried_bps: f64,
    /// The highest bitrate before the lowerings. None if it was not limited.
    before: Option<f64>,
    /// The least delay at the last lowering.
    delay_us: i64,
    lowered_us: u64,
    /// The time since when less is sent.
    less_since_us: Option<u64>,
    /// The largest share of the carried bitrate that was sent since the look with the least delay.
    share: f64,
    looked: Option<Looked>,
    /// The time since when no queue is seen.
    gone_since_us: Option<u64>,
}

/// The looks since less is sent.
#[derive(Clone, Copy, Debug)]
struct Looked {
    last_us: u64,
    /// The least delay, and its time.
    least_us: i64,
    at_us: u64,
}

impl Series {
    fn is_over(&self, now_us: u64) -> bool {
        now_us > self.lowered_us + SERIES_US
    }
}

impl Drain {
    /// Note that the bitrate was lowered from `before` because of a queue. `delay_us`: the least of the recent delays.
    /// `carried_bps`: the bitrate that arrives. If the path could carry more than we send, this is the bitrate that we send. The
    /// queue test then begins when we send less than that.
    pub fn note_lowered(&mut self, before: Option<f64>, carried_bps: f64, delay_us: i64, now_us: u64) {
        let new = Series {
            carried_bps,
            before,
            delay_us,
            lowered_us: now_us,
            less_since_us: None,
            share: 0.0,
            looked: None,
            gone_since_us: None,
        };
        let Some(series) = self.series.as_mut().filter(|series| !series.is_over(now_us)) else {
            self.series = Some(new);
            return;
        };
        // The bitrate is higher than at first if the path carried a probe in the meantime.
        series.before = series.before.zip(before).map(|(a, b)| a.max(b));
        (series.delay_us, series.lowered_us) = (delay_us, now_us);
        // The path carries as much as at the first lowering, or up to a tenth less. Then the first value stays, because each
        // lowering also lowers what arrives. With the new value, the sent bitrate might never be low enough for the queue test.
        let as_ever = (LESS_SHARE..=1.0).contains(&(carried_bps / series.carried_bps));
        if !as_ever && series.less_since_us.is_none() {
            *series = Series { before: series.before, ..new };
        }
    }

    /// Forget the looks: the sent bitrate and the queue say nothing of the path now.
    pub fn interrupt(&mut self) {
        if let Some(series) = &mut self.series {
            (series.less_since_us, series.looked, series.share) = (None, None, 0.0);
        }
    }

    /// Return the bitrate before all lowerings of this series.
    pub fn before(&self) -> Option<f64> {
        self.series.and_then(|series| series.before)
    }

    /// Report whether a lowering is on trial, and the delay is not much longer than at the lowering.
    pub fn is_tried(&self, delay_us: i64) -> bool {
        self.series.is_some_and(|series| series.less_since_us.is_some() && delay_us < series.delay_us + GROWS_US)
    }

    pub fn look(&mut self, seen: &Seen, now_us: u64) -> Verdict {
        let Some(series) = &mut self.series else { return Verdict::Nothing };
        if series.is_over(now_us) {
            self.series = None;
            return Verdict::Nothing;
        }
        let share = seen.sent_bps / series.carried_bps;
        if share > if series.less_since_us.is_some() { LESS_STILL_SHARE } else { LESS_SHARE } {
            (series.less_since_us, series.looked, series.share) = (None, None, 0.0);
        } else {
            series.less_since_us.get_or_insert(now_us);
            series.share = series.share.max(share);
        }
        let last_us = series.looked.map(|looked| looked.last_us).or(series.less_since_us);
        if seen.at_us < last_us.unwrap_or(series.lowered_us) + APART_US {
            return Verdict::Nothing;
        }
        if seen.queue_us < QUEUE_US_MIN {
            let gone_since_us = *series.gone_since_us.get_or_insert(seen.at_us);
            self.series = self.series.filter(|_| seen.at_us < gone_since_us + GONE_US);
            return Verdict::Nothing;
        }
        series.gone_since_us = None;
        if series.less_since_us.is_none() {
            return Verdict::Nothing;
        }
        let new = Looked { last_us: seen.at_us, least_us: seen.delay_us, at_us: seen.at_us };
        let Some(looked) = &mut series.looked else {
            (series.looked, series.share) = (Some(new), share);
            return Verdict::Nothing;
        };
        looked.last_us = seen.at_us;
        let empties_us = (1.0 - series.share) * (seen.at_us - looked.at_us) as f64;
        let same_us =
            (UNEVEN_TIMES * seen.uneven_us).clamp(SAME_US.0, SAME_US.1).min((MISSED_SHARE * empties_us) as i64);
        if seen.delay_us <= looked.least_us - same_us {
            (series.looked, series.share) = (Some(new), share);
            return Verdict::Nothing;
        }
        if seen.delay_us >= looked.least_us + same_us {
            return Verdict::Nothing;
        }
        let least_us = looked.least_us.min(seen.delay_us);
        self.judge(least_us, seen.delay_us - seen.queue_us, now_us)
    }

    /// Judge a delay that stays at `least_us` on a path with a known delay of `floor_us`.
    fn judge(&mut self, least_us: i64, floor_us: i64, now_us: u64) -> Verdict {
        let base = self.base.filter(|(_, at_us)| now_us.saturating_sub(*at_us) < LONGER_WITHIN_US);
        let (base_us, at_us) = base.unwrap_or((floor_us, now_us));
        if least_us > base_us + LONGER_US_MAX {
            return Verdict::Nothing;
        }
        self.base = Some((base_us, at_us));
        let gives_back = self.given_back_us.is_none_or(|at_us| now_us.saturating_sub(at_us) > GIVEN_BACK_US);
        if gives_back {
            self.given_back_us = Some(now_us);
        }
        Verdict::Longer(least_us, gives_back)
    }

    /// End the series: the recent delay is that of the path, or nothing is known of it.
    pub fn end(&mut self) {
        self.series = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: Seen = Seen { delay_us: 60_000, at_us: 0, queue_us: 60_000, uneven_us: 3_000, sent_bps: 8e5 };

    /// Return the first finding of looks at each tenth of a second for 2 s. `sent`: the share that is sent. `delay_ms`: delay
    /// by time.
    fn looks(sent: f64, uneven_ms: f64, delay_ms: impl Fn(f64) -> f64) -> Option<(i64, bool)> {
        let mut drain = Drain::default();
        drain.note_lowered(None, 1e6, 100_000, 1_000_000);
        (0..20_u64).find_map(|i| {
            let (delay_us, at_us) = ((delay_ms(i as f64 / 10.0) * 1e3) as i64, 1_000_000 + i * 100_000);
            let uneven_us = (uneven_ms * 1e3) as i64;
            let seen = Seen { delay_us, at_us, queue_us: delay_us, uneven_us, sent_bps: sent * 1e6 };
            match drain.look(&seen, at_us + 50_000) {
                Verdict::Longer(us, gives_back) => Some((us, gives_back)),
                Verdict::Nothing => None,
            }
        })
    }

    #[test]
    fn a_delay_that_stays_while_less_is_sent_is_the_path() {
        assert_eq!(looks(0.7, 1.0, |_| 100.0), Some((100_000, true)));
        assert_eq!(looks(0.92, 1.0, |_| 100.0), None, "too much is sent to tell");
        assert_eq!(looks(0.7, 1.0, |s| (300.0 - 300.0 * s).max(0.0)), None, "the queue shrinks, and is gone");
        assert_eq!(looks(0.7, 1.0, |s| 100.0 + 200.0 * s), None, "the queue grows although less is sent");
        assert_eq!(looks(0.7, 1.0, |s| 100.0 - 20.0 * s), None, "a queue that many senders fill shrinks slowly");
        assert_eq!(looks(0.7, 15.0, |s| 100.0 - 20.0 * s), Some((82_000, true)), "jitter hides that the queue shrinks");
        assert_eq!(looks(0.89, 15.0, |s| 100.0 - 60.0 * s), None, "our queue shrinks slowly if little less is sent");
    }

    #[test]
    fn what_is_carried_is_learned_when_more_is() {
        let mut drain = Drain::default();
        drain.note_lowered(None, 2e5, 60_000, 1_000_000);
        drain.note_lowered(Some(2e5), 3e5, 60_000, 2_000_000);
        let mut look = |at_us| drain.look(&Seen { at_us, sent_bps: 2.2e5, ..SEEN }, at_us);
        let found: Vec<_> = (2_100_000..4_000_000_u64).step_by(100_000).map(&mut look).collect();
        assert!(found.contains(&Verdict::Longer(60_000, true)), "less is not sent than was carried at first");
    }

    #[test]
    fn what_was_sent_while_much_was_lost_counts_as_less_no_longer() {
        let found = [false, true].map(|interrupts| {
            let mut drain = Drain::default();
            drain.note_lowered(None, 1e6, 60_000, 1_000_000);
            let mut look = |at_us| drain.look(&Seen { at_us, ..SEEN }, at_us);
            assert_eq!([look(1_500_000), look(1_950_000)], [Verdict::Nothing; 2]);
            if interrupts {
                drain.interrupt();
            }
            drain.look(&Seen { at_us: 4_000_000, ..SEEN }, 4_000_000)
        });
        assert_eq!(found, [Verdict::Longer(60_000, true), Verdict::Nothing]);
    }

    #[test]
    fn what_was_not_measured_again_says_nothing() {
        let mut drain = Drain::default();
        drain.note_lowered(None, 1e6, 100_000, 1_000_000);
        let seen = Seen { delay_us: 90_000, at_us: 1_500_000, queue_us: 90_000, uneven_us: 0, sent_bps: 1e4 };
        assert!((0..50).all(|i| drain.look(&seen, 1_500_000 + i * 100_000) == Verdict::Nothing));
    }

    #[test]
    fn a_series_ends_with_its_queue_and_after_a_while() {
        let seen = |at_us, queue_us, sent_bps| Seen { delay_us: queue_us, at_us, queue_us, uneven_us: 0, sent_bps };
        for (queue_us, until_us) in [(10_000, 3_000_000), (90_000, 12_000_000)] {
            let mut drain = Drain::default();
            drain.note_lowered(Some(3e6), 3e5, 100_000, 1_000_000);
            for at_us in (1_000_000..=until_us).step_by(100_000) {
                assert_eq!(drain.look(&seen(at_us, queue_us, 2.9e5), at_us), Verdict::Nothing);
            }
            assert_eq!(drain.before(), None, "as much was sent as was carried, all the time");
        }
    }

    #[test]
    fn what_is_given_back_is_the_most_that_there_was() {
        let mut drain = Drain::default();
        for (before, most) in [(3e5, 3e5), (2e6, 2e6), (1e6, 2e6)] {
            drain.note_lowered(Some(before), 1e6, 60_000, 1_000_000);
            assert_eq!(drain.before(), Some(most), "{before}");
        }
        drain.note_lowered(None, 1e6, 60_000, 1_000_000);
        drain.note_lowered(Some(1e6), 1e6, 60_000, 1_000_000);
        assert_eq!((drain.before(), drain.series.is_some()), (None, true), "there was no limit");
    }

    #[test]
    fn a_bitrate_of_long_ago_is_not_given_back_though_nothing_was_looked_at_meanwhile() {
        for (later_us, before) in [(SERIES_US, 2e6), (SERIES_US + 1, 4e5)] {
            let mut drain = Drain::default();
            drain.note_lowered(Some(2e6), 1e6, 60_000, 1_000_000);
            drain.interrupt(); // many packets are lost
            drain.note_lowered(Some(4e5), 3e5, 60_000, 1_000_000 + later_us);
            assert_eq!(drain.before(), Some(before), "{later_us}");
        }
    }

    #[test]
    fn the_path_becomes_only_so_much_longer() {
        let mut drain = Drain::default();
        let (mut floor_us, mut found) = (0, Vec::new());
        for at_us in (1_000_000..40_000_000_u64).step_by(100_000) {
            if drain.before().is_none() {
                drain.note_lowered(Some(2e6), 1e6, floor_us + 90_000, at_us);
            }
            let delay_us = floor_us + 90_000;
            let seen = Seen { delay_us, at_us, queue_us: 90_000, uneven_us: 0, sent_bps: 5e5 };
            if let Verdict::Longer(least_us, _) = drain.look(&seen, at_us) {
                (floor_us, found) = (least_us, [found, vec![(at_us, least_us)]].concat());
                drain.end();
            }
        }
        let first = found.iter().filter(|(at_us, _)| *at_us < 31_000_000);
        assert_eq!(first.map(|(_, us)| *us).max(), Some(360_000), "{found:?}");
        assert!(found.last().is_some_and(|(_, us)| *us > 360_000), "{found:?}");
    }

    #[test]
    fn what_was_taken_is_given_back_once_in_a_while() {
        let mut drain = Drain::default();
        let mut given = Vec::new();
        for second in 1..30_u64 {
            drain.note_lowered(Some(2e6), 1e6, 100_000, second * 1_000_000);
            assert_eq!(drain.before(), Some(2e6));
            for tenth in 0..10 {
                let at_us = second * 1_000_000 + tenth * 100_000;
                let seen = Seen { delay_us: 100_000, at_us, queue_us: 90_000, uneven_us: 0, sent_bps: 5e5 };
                if let Verdict::Longer(_, gives_back) = drain.look(&seen, at_us) {
                    given.push(gives_back);
                    drain.end();
                    break;
                }
            }
        }
        assert!(given.len() > 20 && given.iter().filter(|gives| **gives).count() == 8, "{given:?}");
    }
}
