//! The state of one viewer whose path does not carry everything. See `shard::downlink::allocate`.

use crate::rate::audio_redundancy::{AudioRates, AudioRedundancy};

/// Bit/s. The least that is reserved for all audio together if the viewer hears any: one voice of Opus with headers. If the
/// voices have more, their bitrate counts, and this value has no effect. Larger: pictures get less of a narrow path. Smaller:
/// when a voice begins to speak, pictures fill the path, and the viewer loses audio.
pub(crate) const VOICES_BPS_MIN: f64 = 40_000.0;

/// Microseconds in which half of a silent voice's reservation ends. Chosen; row `narrow-300` of `make bench-quality`. Longer:
/// after the voice, pictures stay small for longer. Shorter: when the voice speaks again, pictures fill the path, and the
/// viewer loses audio.
pub(crate) const VOICES_HALVE_US: f64 = 10e6;

/// Audio and pictures up to this multiple of the estimate may be an error of the estimate. They are tolerated for `SLIGHT_US`
/// (2.5 s), but not with a queue of 60 ms (`QUEUE_US_FULL`) or losses. Chosen; row `narrow-300` of `make bench-quality`.
/// Larger: a queue builds up, and the viewer's audio is late. Smaller: pictures step down without need.
pub(crate) const SLIGHT_RATIO: f64 = 1.25;

/// Microseconds for which pictures may exceed the estimate slightly (`SLIGHT_RATIO`, 1.25), if the path has no queue of 60 ms
/// and no losses. A probe (extra packets that test the path) starts and ends in this time: `PROBE_AFTER_LOWERING_US` (1.5 s)
/// and `PROBE_AGAIN_US` (1 s). Longer: a short queue stays, and the viewer's audio is late. Shorter: pictures step down before
/// the probe has a result.
pub(crate) const SLIGHT_US: u64 = 2_500_000;

/// Share of packets lost. Without a queue, the picture of highest priority keeps its lowest step below this share; the others
/// stop if they do not fit. Row `loss-30` of `make bench-quality` shows all pictures. Larger: the picture takes bandwidth while
/// the viewer loses audio. Smaller: a viewer on a lossy path sees no picture if none fits.
pub(crate) const LOSS_BORNE_SHARE_MAX: f64 = 0.4;

/// Microseconds. Until a queue has lasted this long, all pictures keep their lowest step. After that only the picture of
/// highest priority keeps it; the others stop if they do not fit, since audio suffers. Chosen; row `narrow-200` of `make
/// bench-quality`. Longer: the viewer hears late audio for longer; from 4 s (`CROWDED_US_FOREMOST`) on, the code does not
/// compile. Shorter: a short queue stops pictures that do not fit.
pub(crate) const CROWDED_US: u64 = 2_000_000;

/// Microseconds. When a queue has lasted this long, the picture of highest priority stops too if it does not fit. Chosen; row
/// `narrow-200` of `make bench-quality`. Longer: the viewer hears late audio for longer. Shorter: a short queue stops the last
/// picture; down to 2 s (`CROWDED_US`), the code does not compile.
pub(crate) const CROWDED_US_FOREMOST: u64 = 4_000_000;

/// Microseconds between two steps up of a viewer's pictures. The estimator (`trend`) sees a queue after half a second. Longer:
/// pictures become good later. Shorter: the next step comes before the queue of the last step is seen, and audio is late.
pub(crate) const RAISE_AGAIN_US: u64 = 500_000;

/// Microseconds from a step down of pictures to the next step up. The time doubles each time that the step up fails, up to
/// `LOWERED_US_MAX` (32 s). Chosen; row `narrow-300` of `make bench-quality`. Longer: pictures stay small for longer. Shorter:
/// pictures change their size often.
pub(crate) const LOWERED_US: u64 = 2_000_000;

/// Microseconds. The longest time from a step down of pictures to the next step up; the time begins at `LOWERED_US` (2 s) and
/// doubles. Chosen; row `narrow-300` of `make bench-quality`. Longer: on a path that recovers, pictures stay small, unless the
/// budget has grown by half (`PLENTY_RATIO`). Shorter: pictures change their size often; below `LOWERED_US`, the packet thread
/// panics at the first failed step.
pub(crate) const LOWERED_US_MAX: u64 = 32_000_000;

/// Microseconds. A step up of pictures failed if a step down follows within this time. Then the wait for the next step up
/// doubles, up to `LOWERED_US_MAX` (32 s). Chosen; row `narrow-300` of `make bench-quality`. Longer: a new limit of the path
/// counts as a failed step, and pictures stay small for longer. Shorter: a failure that shows late is not seen, and pictures
/// change their size often.
pub(crate) const FAILED_US: u64 = 10_000_000;

/// A budget above this multiple of the pictures' bitrate at the last failed step up permits a new step up at once. Row `step`
/// of `make bench-quality`. Larger: on a path that became wide, good pictures come back later, at most after `LOWERED_US_MAX`
/// (32 s). Smaller: pictures change their size often.
pub(crate) const PLENTY_RATIO: f64 = 1.5;

/// The allocation state of one viewer.
#[derive(Debug, Default)]
pub struct Allotment {
    /// True if the shard allocates bitrate for this viewer.
    pub limited: bool,
    pub(crate) due_us: u64,
    pub(crate) looked_us: u64,
    pub(crate) voices_bps: f64,
    /// Bit/s reserved for the copies of voices (RED).
    more_bps: f64,
    pub(crate) audio_redundancy: AudioRedundancy,
    /// The time since when the pictures exceed the budget.
    slight_since_us: Option<u64>,
    /// The time since when packets wait in a queue on the path.
    crowded_since_us: Option<u64>,
    /// No step up is permitted before this time.
    raise_us: u64,
    raised_us: Option<u64>,
    wait_us: u64,
    /// Bit/s of the pictures when the last step up failed; 0 if it did not fail.
    failed_bps: u64,
}

impl Allotment {
    /// Return the bit/s to reserve for audio now. The reservation falls slowly. The part for copies ends at once when copies
    /// are left out.
    pub(crate) fn reserve(&mut self, voices: Option<AudioRates>, now_us: u64) -> u64 {
        let elapsed_us = now_us.saturating_sub(self.looked_us) as f64;
        self.looked_us = now_us;
        let left = 0.5_f64.powf(elapsed_us / VOICES_HALVE_US);
        let least = voices.map_or(0.0, |voices| VOICES_BPS_MIN.max(voices.plain_bps as f64));
        let more = voices.map_or(0.0, |voices| (voices.sent_bps - voices.plain_bps) as f64);
        self.voices_bps = (self.voices_bps * left).max(least);
        self.more_bps = if self.audio_redundancy.is_left_out() { 0.0 } else { (self.more_bps * left).max(more) };
        (self.voices_bps + self.more_bps) as u64
    }

    /// Return the bit/s that pictures may use for a moment although they exceed the budget. None if all fits, if the path is
    /// not calm, or if the moment is over.
    pub(crate) fn tolerates(&mut self, budget: &Budget, calm: bool, now_us: u64) -> Option<u64> {
        if budget.held_bps <= budget.bps {
            self.slight_since_us = None;
            return None;
        }
        let since_us = *self.slight_since_us.get_or_insert(now_us);
        // The estimate covers audio too, so its error is a share of both.
        let slight_bps = ((budget.bps + budget.voices_bps) as f64 * (SLIGHT_RATIO - 1.0)) as u64;
        let tolerated_bps = budget.held_bps.min(budget.bps + slight_bps);
        (calm && now_us - since_us < SLIGHT_US).then_some(tolerated_bps)
    }

    /// Return how many pictures that are sent now keep at least their lowest step, the foremost first. `flat`: the path has
    /// no queue.
    pub(crate) fn keeps(&mut self, flat: bool, loss: f64, loss_is_little: bool, now_us: u64) -> usize {
        if flat {
            self.crowded_since_us = None;
            return if loss_is_little { usize::MAX } else { usize::from(loss < LOSS_BORNE_SHARE_MAX) };
        }
        match now_us - *self.crowded_since_us.get_or_insert(now_us) {
            0..CROWDED_US => usize::MAX,
            CROWDED_US..CROWDED_US_FOREMOST => 1,
            _ => 0,
        }
    }

    pub(crate) fn may_raise(&self, budget_bps: u64, now_us: u64) -> bool {
        now_us >= self.raise_us || self.failed_bps > 0 && budget_bps as f64 > self.failed_bps as f64 * PLENTY_RATIO
    }

    pub(crate) fn note_raised(&mut self, now_us: u64) {
        self.raised_us = Some(now_us);
        self.raise_us = now_us + RAISE_AGAIN_US;
    }

    pub(crate) fn note_lowered(&mut self, held_bps: u64, now_us: u64) {
        let failed = self.raised_us.take().is_some_and(|raised_us| now_us - raised_us < FAILED_US);
        self.wait_us = if failed { (self.wait_us * 2).clamp(LOWERED_US, LOWERED_US_MAX) } else { LOWERED_US };
        self.failed_bps = if failed { held_bps } else { 0 };
        self.raise_us = self.raise_us.max(now_us + self.wait_us);
    }
}

/// The bitrate for the pictures of one viewer.
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) bps: u64,
    pub(crate) voices_bps: u64,
    /// Share of sent packets that arrive.
    pub(crate) arrives: f64,
    pub(crate) held_bps: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_that_falls_silent_keeps_its_place_for_a_while() {
        let mut allotment = Allotment::default();
        let of = |plain_bps| Some(AudioRates { plain_bps, whole_bps: plain_bps, sent_bps: 2 * plain_bps });
        assert_eq!(allotment.reserve(None, 1_000_000), 0);
        assert_eq!(allotment.reserve(of(0), 2_000_000), 40_000);
        assert_eq!(allotment.reserve(of(100_000), 3_000_000), 200_000);
        assert_eq!(allotment.reserve(of(2_000), 13_000_000), 100_000, "and so do its copies");
        allotment.audio_redundancy = AudioRedundancy::left_out();
        assert_eq!(allotment.reserve(of(2_000), 13_000_000), 50_000, "which are left out now");
        assert_eq!(allotment.reserve(of(2_000), 60_000_000), 40_000);
    }

    #[test]
    fn a_little_too_much_is_tolerated_for_a_moment_and_only_in_calm() {
        let mut allotment = Allotment::default();
        let mut ask = |held_bps, calm, now_us| {
            let budget = Budget { bps: 1_000, voices_bps: 200, arrives: 1.0, held_bps };
            allotment.tolerates(&budget, calm, now_us)
        };
        assert_eq!(ask(900, true, 1_000_000), None, "it fits");
        assert_eq!(ask(1_250, true, 2_000_000), Some(1_250));
        assert_eq!(ask(1_250, false, 2_100_000), None);
        assert_eq!(ask(3_000, true, 2_200_000), Some(1_300), "a quarter of all");
        assert_eq!(ask(1_250, true, 4_600_000), None);
        assert_eq!(ask(900, true, 5_000_000), None);
        assert_eq!(ask(1_250, true, 6_000_000), Some(1_250), "anew");
    }

    #[test]
    fn pictures_stop_when_something_has_waited_for_seconds() {
        let mut allotment = Allotment::default();
        assert_eq!(allotment.keeps(true, 0.0, true, 1_000_000), usize::MAX);
        assert_eq!(allotment.keeps(true, 0.3, false, 1_000_000), 1);
        assert_eq!(allotment.keeps(true, 0.6, false, 1_000_000), 0);
        assert_eq!(allotment.keeps(false, 0.6, false, 2_000_000), usize::MAX);
        assert_eq!(allotment.keeps(false, 0.6, false, 2_000_000 + CROWDED_US), 1);
        assert_eq!(allotment.keeps(false, 0.6, false, 2_000_000 + CROWDED_US_FOREMOST), 0);
        assert_eq!(allotment.keeps(true, 0.0, true, 9_000_000), usize::MAX);
        assert_eq!(allotment.keeps(false, 0.0, true, 10_000_000), usize::MAX, "anew");
    }

    #[test]
    fn steps_up_that_failed_are_tried_later_and_later() {
        let (mut allotment, mut now_us, mut waits) = (Allotment::default(), 1_000_000, Vec::new());
        for _ in 0..8 {
            allotment.note_raised(now_us);
            allotment.note_lowered(1_000, now_us + 3_000_000);
            waits.push((allotment.raise_us - now_us) / 1_000_000 - 3);
            now_us = allotment.raise_us;
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 32, 32, 32]);
        assert!(!allotment.may_raise(1_400, now_us - 1) && allotment.may_raise(1_600, now_us - 1));
        allotment.note_raised(now_us);
        allotment.note_lowered(1_000, now_us + 30_000_000);
        assert_eq!(allotment.raise_us, now_us + 32_000_000, "that one had held");
    }
}
