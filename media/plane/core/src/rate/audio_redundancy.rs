//! Decides whether one viewer gets audio without its copies (RED, RFC 2198). See `AUDIO_REDUNDANCY.md`.

use crate::stream::redundancy::LOSS_FOR_ONE;

/// Largest share of the estimate for the publisher's copies on a path without loss; half of it to get them back.
/// Experiment: rows `narrow-300` and `narrow-200`. More takes bitrate from pictures; less drops copies at 500 kbit/s.
const COPIES_SHARE_MAX: f64 = 0.14;
/// Time without copies after audio alone was too much for the path by its losses. Experiment: `tests/ways/allocation.rs`.
const HOLD_US: u64 = 3_000_000;
/// The same where the path does not even carry audio without copies.
const HOLD_NARROW_US: u64 = 10_000_000;
/// Copies that are too much again stay away twice as long, up to this.
const HOLD_US_MAX: u64 = 40_000_000;
/// Copies are not the cause if loss without them is at least this share of the loss with them. The loss without them
/// is that before they went out, or that in this number of loss windows (`estimate::loss`) after they stopped.
const LOSS_WITHOUT_SHARE: f64 = 0.6;
const LOSS_WINDOWS: u32 = 4;

/// The state of one viewer.
#[derive(Debug, Default)]
pub struct AudioRedundancy {
    is_left_out: bool,
    /// Copies take too much of a path without loss.
    is_spared: bool,
    hold: Option<Hold>,
    /// Length of the last hold.
    hold_us: u64,
    /// Time and loss at which copies went out.
    out: Option<(u64, f64)>,
    /// Congestion up to this time was not caused by copies.
    cleared_us: u64,
}

/// Copies are suspected of congestion.
#[derive(Clone, Copy, Debug)]
struct Hold {
    until_us: u64,
    /// Bitrate and loss with copies.
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

    /// Begins or extends the hold after congestion. True if it begins.
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

    /// Ends the hold if copies turn out not to be the cause.
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

/// A change of what is known of the copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    Nothing,
    /// Copies may have caused the loss that was reported.
    Suspected,
    /// Copies did not cause it.
    Cleared,
}

/// Bitrates of all audio that the viewer hears.
#[derive(Clone, Copy, Debug, Default)]
pub struct AudioRates {
    /// Without copies.
    pub plain_bps: u64,
    /// With the copies of the publishers.
    pub whole_bps: u64,
    /// With the copies that are sent if nothing is left out.
    pub sent_bps: u64,
}

/// The estimator's knowledge of the path to the viewer.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathState {
    pub available_bps: u64,
    /// Time of the last queue; now if the viewer's REMB is the limit.
    pub narrow_us: Option<u64>,
    /// Time of the last cut for losses; None if none, or if the cut did not help.
    pub cut_us: Option<u64>,
    /// No picture is sent.
    pub has_audio_alone: bool,
    /// Loss windows since the cut that is on trial; None if none is.
    pub trial_windows: Option<u32>,
    /// Share of packets lost: smoothed, in the last window, and by the path itself.
    pub loss: f64,
    pub last_loss: f64,
    pub own_loss: f64,
}

impl PathState {
    /// Time of the last congestion that copies may have caused, and how long they stay away at least.
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
