//! Whether redundant sound is left out for a viewer: where the way does not carry it, more is lost by it than it makes good.

/// Sound that is sent twice is sent once where the second time takes more than this of the way, and again where it takes less
/// than that; nor where the path itself loses some of it.
const PART: f64 = 0.14;
const PART_WHILE: f64 = 0.07;
const LOSS_MAX: f64 = 0.02;
const LOSS_MAX_WHILE: f64 = 0.03;
/// Where the voices alone are more than all of the way it is left out whatever is lost, for so long after the way was last found
/// narrow: more would be lost by it, and signalling too. Twice as long each time that it is so again within that time.
const NARROW_US: u64 = 10_000_000;
const NARROW_US_MAX: u64 = 40_000_000;
/// So it is where less was lost without it, the first time for this long: what was lost may have been over by itself. It was not
/// where it is too much again so soon after it has come back, and was not before: twice as long then.
const TRIED_US: u64 = 3_000_000;
const TRIED_US_MAX: u64 = 24_000_000;
const TRIED_AGAIN_US: u64 = 10_000_000;
const LOST_BEFORE: f64 = 0.5;
/// Where this share of the loss is there without it too, be it later, it was not the cause. That is seen after so many looks.
const LOST_WITHOUT: f64 = 0.7;
const LOOKS: u32 = 4;
const LITTLE: f64 = 0.1;
const FLOWS_US: u64 = 2_000_000;
/// No longer where there is so much room for all of it.
const ROOM: f64 = 1.5;

/// What is remembered of one viewer's redundant sound.
#[derive(Debug, Default)]
pub struct Lean {
    /// It is left out.
    on: bool,
    /// The way is less than the voices.
    narrow: Wait,
    /// Less was lost without it.
    tried: Wait,
    /// What it was with the voices then.
    tried_bps: u64,
    trial: Option<Trial>,
    /// What was too much till then may have been what is redundant.
    doubted_us: u64,
    /// Since when it goes out, and how much was lost before.
    back: Option<(u64, f64)>,
    /// What is laid to it: how much was lost with it, while it is not seen to be lost without it too.
    laid: Option<f64>,
    /// Next to nothing of the voices is lost, since then.
    flows: Option<u64>,
}

/// It stays away until then, and for so long each time.
#[derive(Clone, Copy, Debug, Default)]
struct Wait {
    until_us: u64,
    us: u64,
}

impl Wait {
    /// After a first time, or once more `again`.
    fn renew(&mut self, again: bool, (least_us, most_us): (u64, u64)) {
        self.us = if again && self.us > 0 { (self.us * 2).min(most_us) } else { least_us };
    }

    fn end(&mut self, now_us: u64) {
        self.until_us = self.until_us.min(now_us);
    }
}

impl Lean {
    #[cfg(test)]
    pub fn turned_on() -> Self {
        Lean { on: true, ..Lean::default() }
    }

    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Whether redundant sound is left out. `reserved_bps`: kept for voices.
    pub fn turn(&mut self, voices: VoiceRates, way: PathState, reserved_bps: f64, now_us: u64) -> bool {
        if let Some(narrow_us) = self.too_narrow_us(voices, way, now_us) {
            let Wait { until_us, us } = self.narrow;
            if now_us >= until_us {
                let soon = voices.sent_bps > voices.plain_bps && now_us < until_us + us;
                self.narrow.renew(soon, (NARROW_US, NARROW_US_MAX));
            }
            self.narrow.until_us = until_us.max(narrow_us + self.narrow.us);
        }
        // Between two words there is room on every way.
        let speaks = voices.plain_bps as f64 * 2.0 > reserved_bps.min(way.available_bps as f64);
        self.flows = (speaks && way.last_loss < LITTLE).then(|| self.flows.unwrap_or(now_us));
        if self.flows.is_some_and(|since_us| now_us > since_us + FLOWS_US) && !self.is_waiting(way, now_us) {
            self.doubted_us = now_us;
            self.narrow.end(now_us);
        }
        let has_room = |bps: u64| speaks && way.available_bps as f64 > bps as f64 * ROOM;
        if has_room(voices.sent_bps) {
            self.narrow.end(now_us);
        }
        if has_room(voices.sent_bps.max(self.tried_bps)) {
            self.tried.end(now_us);
        }
        let part = (voices.whole_bps - voices.plain_bps) as f64 / way.available_bps.max(1) as f64;
        let (least, most) = if self.on { (PART_WHILE, LOSS_MAX_WHILE) } else { (PART, LOSS_MAX) };
        let is_tried = matches!(self.trial, Some(Trial::Without { .. }));
        let waits = now_us < self.narrow.until_us.max(self.tried.until_us);
        self.on = part > least && way.own_loss < most || is_tried || waits;
        self.on
    }

    fn is_waiting(&self, way: PathState, now_us: u64) -> bool {
        way.narrow_us.is_some_and(|narrow_us| now_us < narrow_us + NARROW_US_MAX)
    }

    /// When the way was found not to carry the voices alone. An estimate that nothing confirms any more may be too low: nothing
    /// raises it while there are voices alone.
    fn too_narrow_us(&self, voices: VoiceRates, way: PathState, now_us: u64) -> Option<u64> {
        let cut_us = way.cut_us.filter(|cut_us| *cut_us > self.doubted_us);
        let is_less = voices.plain_bps > way.available_bps;
        way.narrow_us.max(cut_us).filter(|narrow_us| is_less && now_us < narrow_us + NARROW_US)
    }

    /// Where less is on trial and there is nothing else to take, what is redundant is taken, until that is over.
    pub fn note_trial(&mut self, voices: VoiceRates, way: PathState, now_us: u64) -> Finding {
        let goes_out = !self.on && voices.sent_bps > voices.plain_bps;
        // Of seldom reports the last one alone is of the time without it.
        let lost = way.loss.min(way.last_loss);
        self.laid = self.laid.filter(|_| way.has_voices_alone);
        if self.laid.is_some_and(|loss| lost >= loss * LOST_WITHOUT) {
            (self.laid, self.doubted_us) = (None, now_us);
            self.narrow.end(now_us);
            self.tried.end(now_us);
            return Finding::Vain;
        }
        if goes_out {
            self.laid = None;
        }
        self.back = goes_out.then(|| self.back.unwrap_or((now_us, way.loss)));
        let Some(looks) = way.trial_looks else {
            let Some(Trial::Without { since_us, loss, again }) = self.trial.take() else { return Finding::Nothing };
            let (eased_us, cured_us) = way.eased_us;
            // Silence ends it without a finding, neither that it has helped nor that it was for nothing: what was seen counts.
            let is_open = eased_us < since_us && way.cut_us.is_some();
            if eased_us >= since_us || is_open && way.loss < loss * LOST_WITHOUT {
                self.tried.renew(again, (TRIED_US, TRIED_US_MAX));
                self.tried.until_us = if is_open { now_us } else { eased_us } + self.tried.us;
                self.laid = Some(loss);
            }
            return if cured_us >= since_us { Finding::Cured } else { Finding::Nothing };
        };
        if let Some(Trial::Without { loss, .. }) = self.trial {
            if looks >= LOOKS && lost >= loss * LOST_WITHOUT {
                self.trial = Some(Trial::OfOthers);
            }
        }
        // In a pause of speech it is not known yet what there is to take.
        if self.trial.is_none() && (voices.plain_bps > 0 || !way.has_voices_alone) {
            self.trial = Some(Trial::OfOthers);
            if let Some((since_us, loss)) = self.back.filter(|_| way.has_voices_alone) {
                let again = now_us < since_us + TRIED_AGAIN_US && loss < way.loss * LOST_BEFORE;
                self.trial = Some(Trial::Without { since_us: now_us, loss: way.loss, again });
                (self.doubted_us, self.tried_bps) = (now_us, voices.sent_bps);
            }
        }
        Finding::Nothing
    }
}

/// What was found of redundant sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    Nothing,
    /// Next to nothing is lost without it.
    Cured,
    /// As much is lost without it.
    Vain,
}

/// What is taken of a viewer to see whether less is lost then.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trial {
    /// Something of the pictures, or nothing.
    OfOthers,
    /// What is redundant of the voices, since then, with which so much was lost. `again`: it had come back a moment before, and
    /// less was lost till then.
    Without { since_us: u64, loss: f64, again: bool },
}

/// What those that are heard cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct VoiceRates {
    /// Without what is redundant.
    pub plain_bps: u64,
    /// As they come.
    pub whole_bps: u64,
    /// As they go out, with the copies that are made here.
    pub sent_bps: u64,
}

/// What is known of the way to a viewer.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathState {
    pub available_bps: u64,
    /// When something waited on it last.
    pub narrow_us: Option<u64>,
    /// When less was last to be sent for what is lost.
    pub cut_us: Option<u64>,
    /// Nothing else is sent.
    pub has_voices_alone: bool,
    /// Less is to be sent, to see whether less is lost then: so often what is lost was looked at since. None: it is not so.
    pub trial_looks: Option<u32>,
    /// When less was lost then, last, and when next to nothing; 0: never.
    pub eased_us: (u64, u64),
    /// Share of packets lost now, in the last moment, and what the path itself loses.
    pub loss: f64,
    pub last_loss: f64,
    pub own_loss: f64,
}
