//! The decision whether one viewer gets audio without its copies (RED, RFC 2198). See `AUDIO_REDUNDANCY.md`.

use crate::stream::redundancy::LOSS_FOR_ONE;

/// Largest share of the estimate for the publisher's own copies of audio (RED), on a path without loss. They come back below
/// half of this share. Experiment: rows `narrow-300` and `narrow-200` of `make bench-quality`. A copy of 58 kbit/s reaches the
/// share at 414 kbit/s. Larger: on a narrow path, pictures lose bitrate to copies. Smaller: a path of 500 kbit/s gets no
/// copies, and its next losses are heard.
const COPIES_SHARE_MAX: f64 = 0.14;
/// Microseconds without copies of audio (RED) after a cut for losses, if no picture is sent and audio with copies exceeds the
/// estimate. The time ends earlier if the estimate rises enough, or if copies are found not to be the cause. Experiment:
/// `tests/shard/ways/allocation.rs`. Longer: after one burst of losses on a wide path, the next losses are heard. Shorter: on a
/// narrow path, copies come back too often and cause losses.
const HOLD_US: u64 = 3_000_000;
/// Microseconds without copies of audio (RED) if the path does not even carry audio without copies. The time ends earlier as
/// that of `HOLD_US` does. Experiment: `tests/shard/ways/redundancy.rs`. Longer: if the path loses by itself, lost audio is not
/// repaired for longer. Shorter: copies fill the narrow path again, and the viewer loses audio.
const HOLD_NARROW_US: u64 = 10_000_000;
/// Microseconds. The longest time without copies of audio (RED) after congestion. The time begins with 3 s (`HOLD_US`) or 10 s
/// (`HOLD_NARROW_US`). It doubles if copies are too much again within 40 s (also this constant) after they came back. Longer:
/// on a path that has recovered, lost audio is not repaired for longer, and a later failure still doubles the time. Shorter: on
/// a narrow path, copies come back too often and cause losses; below 10 s, the packet thread panics.
const HOLD_US_MAX: u64 = 40_000_000;
/// Copies of audio (RED) are not the cause of a loss if at least this share of the loss is there without them. The loss without
/// them is the loss before they were sent, or of the 4 windows (`LOSS_WINDOWS`) after they stopped. Larger: a path that loses
/// by itself gets no copies, and losses are heard. Smaller: copies that cause the loss come back.
const LOSS_WITHOUT_SHARE: f64 = 0.6;
/// Loss windows (`estimate::loss`: 0.2 s or more) without copies of audio (RED) before the loss is compared. Chosen. Larger: on
/// a path that loses by itself, copies come back later, and losses are heard. Smaller: chance decides, and copies that cause
/// the loss come back.
const LOSS_WINDOWS: u32 = 4;

/// The decision about copies for one viewer.
#[derive(Debug, Default)]
pub struct AudioRedundancy {
    is_left_out: bool,
    /// True if copies take too much of a path without loss.
    is_spared: bool,
    hold: Option<Hold>,
    /// Length of the last hold.
    hold_us: u64,
    /// The time since when copies are sent, and the loss at that time.
    out: Option<(u64, f64)>,
    /// Congestion up to this time does not count against copies.
    cleared_us: u64,
}

/// A time without copies, because copies may have caused congestion.
#[derive(Clone, Copy, Debug)]
struct Hold {
    until_us: u64,
    /// The bitrate and the loss with copies.
    sent_bps: u64,
    loss: f64,
}

impl AudioRedundancy {
    #[cfg(test)]
    pub fn left_out() -> Self {
        AudioRedundancy { is_left_out: true, ..AudioRedundancy::default() }
    }

    pub fn is_left_out(&self) -> bool {
        self.is_left_out
    }

    pub fn decide(&mut self, audio: AudioRates, path: PathState, now_us: u64) -> Finding {
        let goes_out = !self.is_left_out && audio.sent_bps > audio.plain_bps;
        let out = goes_out.then(|| self.out.unwrap_or((now_us, path.loss.max(path.last_loss))));
        let finding = if self.suspect(audio, path, now_us) { Finding::Suspected } else { self.clear(path, now_us) };
        self.out = out;
        self.hold = self.hold.filter(|hold| now_us < hold.until_us && path.available_bps < hold.sent_bps);
        let share = (audio.whole_bps - audio.plain_bps) as f64 / path.available_bps.max(1) as f64;
        let share_max = if self.is_spared { COPIES_SHARE_MAX / 2.0 } else { COPIES_SHARE_MAX };
        self.is_spared = share > share_max && path.own_loss < f64::from(LOSS_FOR_ONE);
        self.is_left_out = self.is_spared || self.hold.is_some();
        finding
    }

    /// Begin or extend the hold after congestion. Return true if the hold begins.
    fn suspect(&mut self, audio: AudioRates, path: PathState, now_us: u64) -> bool {
        let congestion = path.congestion(audio).filter(|(at_us, _)| *at_us > self.cleared_us);
        let Some((at_us, least_us)) = congestion else { return false };
        if let Some(hold) = &mut self.hold {
            hold.until_us = hold.until_us.max(at_us + self.hold_us);
            return false;
        }
        if now_us >= at_us + least_us {
            return false;
        }
        let loss = path.loss.max(path.last_loss);
        let is_again = |(since_us, before)| now_us < since_us + HOLD_US_MAX && before < loss * LOSS_WITHOUT_SHARE;
        self.hold_us = if self.out.is_some_and(is_again) { self.hold_us * 2 } else { 0 }.clamp(least_us, HOLD_US_MAX);
        self.hold = Some(Hold { until_us: at_us + self.hold_us, sent_bps: audio.sent_bps, loss });
        true
    }

    /// End the hold if copies are found not to be the cause.
    fn clear(&mut self, path: PathState, now_us: u64) -> Finding {
        let Some(hold) = self.hold else { return Finding::Nothing };
        let is_withdrawn = path.narrow_us.is_none() && path.cut_us.is_none();
        let has_looked = path.has_audio_alone && path.trial_windows.is_some_and(|count| count >= LOSS_WINDOWS);
        let is_lost_anyway = has_looked && path.loss.min(path.last_loss) >= hold.loss * LOSS_WITHOUT_SHARE;
        if !is_withdrawn && !is_lost_anyway {
            return Finding::Nothing;
        }
        (self.hold, self.cleared_us) = (None, now_us);
        Finding::Cleared
    }
}

/// The new knowledge about the copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    Nothing,
    /// Copies may have caused the loss that was reported.
    Suspected,
    /// Copies did not cause the loss that was reported.
    Cleared,
}

/// The bitrates of all audio that the viewer hears.
#[derive(Clone, Copy, Debug, Default)]
pub struct AudioRates {
    /// Bit/s without copies.
    pub plain_bps: u64,
    /// Bit/s with the copies that the publishers send.
    pub whole_bps: u64,
    /// Bit/s if no copies are left out: with the publishers' copies or those that this server makes, the larger of both.
    pub sent_bps: u64,
}

/// The estimator's knowledge of the path to the viewer.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathState {
    pub available_bps: u64,
    /// The time of the last queue. It is now if the viewer's REMB is the limit.
    pub narrow_us: Option<u64>,
    /// The time of the last cut for losses. None without a cut, or if the cut did not help.
    pub cut_us: Option<u64>,
    /// True if the viewer gets no picture.
    pub has_audio_alone: bool,
    /// Loss windows since the cut that is on trial. None without a trial.
    pub trial_windows: Option<u32>,
    /// Shares of packets lost: smoothed, in the last window, and by the path itself.
    pub loss: f64,
    pub last_loss: f64,
    pub own_loss: f64,
}

impl PathState {
    /// Return the time of the last congestion that copies may have caused, and the shortest hold for it.
    fn congestion(&self, audio: AudioRates) -> Option<(u64, u64)> {
        if audio.plain_bps > self.available_bps {
            return self.narrow_us.max(self.cut_us).map(|at_us| (at_us, HOLD_NARROW_US));
        }
        let is_too_much = self.has_audio_alone && audio.sent_bps > self.available_bps;
        self.cut_us.filter(|_| is_too_much).map(|at_us| (at_us, HOLD_US))
    }
}

#[cfg(test)]
#[path = "audio_redundancy_tests.rs"]
mod tests;
