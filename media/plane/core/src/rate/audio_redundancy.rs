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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_goes_out_once_where_twice_takes_much_of_the_way() {
        let mut lean_of = Lean::default();
        let voices = VoiceRates { plain_bps: 58_000, whole_bps: 116_000, sent_bps: 116_000 };
        let mut lean = |available_bps, loss, now_us| {
            let way = PathState { available_bps, narrow_us: Some(7), own_loss: loss, ..PathState::default() };
            lean_of.turn(voices, way, 58e3, now_us)
        };
        assert!(!lean(600_000, 0.0, 1));
        assert!(!lean(300_000, 0.2, 2), "it is needed");
        assert!(lean(300_000, 0.0, 3));
        assert!(lean(600_000, 0.0, 4));
        assert!(!lean(900_000, 0.0, 5));
        assert!(!lean(60_000, 0.2, 6), "the estimate of a call of voices alone is little more than they are");
        assert!(lean(50_000, 0.2, 7), "it is the queue that loses");
        assert!(lean(50_000, 0.2, 6 + NARROW_US));
        assert!(!lean(50_000, 0.2, 7 + NARROW_US), "nothing has told for so long that the way is still so narrow");
    }

    #[test]
    fn where_sound_with_its_copies_was_too_much_again_they_stay_away_for_longer() {
        let mut lean_of = Lean::default();
        let voices = VoiceRates { plain_bps: 58_000, whole_bps: 58_000, sent_bps: 180_000 };
        let way = |narrow_us| PathState {
            available_bps: 40_000,
            narrow_us: Some(narrow_us),
            own_loss: 0.2,
            ..PathState::default()
        };
        let mut lean = |narrow_us, now_us| lean_of.turn(voices, way(narrow_us), 58e3, now_us);
        let (mut now_us, mut waits) = (1_000_000, Vec::new());
        for _ in 0..5 {
            let narrow_us = now_us;
            while lean(narrow_us, now_us) {
                now_us += 200_000;
            }
            waits.push((now_us - narrow_us) / 1_000_000);
            now_us += 3_000_000;
        }
        assert_eq!(waits, [10, 20, 40, 40, 40]);
        now_us += 2 * NARROW_US_MAX;
        assert!(lean(now_us, now_us) && !lean(now_us, now_us + NARROW_US));
        now_us += NARROW_US;
        assert!(lean(now_us, now_us));
        let wide = PathState { available_bps: 280_000, ..way(now_us) };
        let pause = VoiceRates { plain_bps: 9_000, whole_bps: 9_000, sent_bps: 20_000 };
        assert!(lean_of.turn(pause, wide, 58e3, now_us + 1), "there is room, for nobody speaks");
        assert!(!lean_of.turn(voices, wide, 58e3, now_us + 2), "there is room");
    }

    const VOICES: VoiceRates = VoiceRates { plain_bps: 48_000, whole_bps: 48_000, sent_bps: 149_000 };
    const S: u64 = 1_000_000;

    /// A way that an estimate of 200 kbit/s is told of, on which a share of 0.5 is lost.
    const LOSSY: PathState = PathState {
        available_bps: 200_000,
        narrow_us: None,
        cut_us: None,
        has_voices_alone: true,
        trial_looks: None,
        eased_us: (0, 0),
        loss: 0.5,
        last_loss: 0.5,
        own_loss: 0.2,
    };
    const TRIED: PathState = PathState { trial_looks: Some(0), ..LOSSY };

    /// What is found, and whether it is left out then.
    fn look(lean: &mut Lean, voices: VoiceRates, way: PathState, now_us: u64) -> (Finding, bool) {
        (lean.note_trial(voices, way, now_us), lean.turn(voices, way, 48e3, now_us))
    }

    /// With copies for a minute, without them on trial for two seconds; next to nothing was lost then.
    fn cured(now_us: u64) -> Lean {
        let mut lean = Lean::default();
        assert_eq!(look(&mut lean, VOICES, LOSSY, now_us - 60 * S), (Finding::Nothing, false));
        assert_eq!(look(&mut lean, VOICES, TRIED, now_us - 2 * S), (Finding::Nothing, true));
        let way = PathState { eased_us: (now_us, now_us), loss: 0.0, last_loss: 0.0, ..LOSSY };
        assert_eq!(look(&mut lean, VOICES, way, now_us), (Finding::Cured, true));
        lean
    }

    #[test]
    fn what_is_lost_is_laid_to_the_copies_only_where_they_alone_were_taken() {
        let (mut lean, bare) = (cured(100 * S), PathState { loss: 0.0, last_loss: 0.0, ..LOSSY });
        assert_eq!(look(&mut lean, VOICES, bare, 103 * S - 1), (Finding::Nothing, true));
        assert_eq!(look(&mut lean, VOICES, bare, 103 * S), (Finding::Nothing, false));
        let mut begins = Lean::default();
        look(&mut begins, VOICES, LOSSY, S);
        assert!(look(&mut begins, VOICES, TRIED, 2 * S).1);
        assert!(look(&mut begins, VOICES, PathState { has_voices_alone: false, ..TRIED }, 3 * S).1, "a picture begins");
        assert_eq!(look(&mut begins, VOICES, LOSSY, 4 * S), (Finding::Nothing, false), "it has not helped");
        let mut others = Lean::default();
        look(&mut others, VOICES, LOSSY, S);
        assert!(!look(&mut others, VOICES, PathState { has_voices_alone: false, ..TRIED }, 2 * S).1);
        assert!(!look(&mut others, VOICES, TRIED, 3 * S).1, "the picture has gone since");
        let after = PathState { eased_us: (4 * S, 4 * S), ..LOSSY };
        assert_eq!(look(&mut others, VOICES, after, 4 * S), (Finding::Nothing, false));
    }

    #[test]
    fn copies_that_were_too_much_as_soon_as_they_came_back_stay_away_for_longer() {
        for (lost_before, after_us, wait_s) in [(0.1, 2 * S, 6), (0.1, 20 * S, 3), (0.3, 2 * S, 3)] {
            let (mut lean, back_us) = (cured(100 * S), 110 * S);
            let bare = PathState { loss: lost_before, last_loss: lost_before, ..LOSSY };
            let plain = VoiceRates { sent_bps: 48_000, ..VOICES };
            look(&mut lean, plain, PathState { loss: 0.0, ..LOSSY }, 104 * S);
            look(&mut lean, VOICES, bare, back_us);
            let again_us = back_us + after_us;
            assert!(look(&mut lean, VOICES, TRIED, again_us).1);
            let after = PathState { eased_us: (again_us + S, 0), ..bare };
            assert_eq!(look(&mut lean, VOICES, after, again_us + S).0, Finding::Nothing, "some is lost still");
            let waits = |lean: &mut Lean, wait_us| look(lean, VOICES, after, again_us + S + wait_us).1;
            assert!(waits(&mut lean, wait_s * S - 1), "{lost_before} {after_us}");
            assert!(!waits(&mut lean, wait_s * S), "{lost_before} {after_us}");
        }
    }

    #[test]
    fn they_stay_away_for_twice_as_long_each_time_up_to_a_bound() {
        let (mut eased_us, mut waits) = (100 * S, Vec::new());
        let mut lean = cured(eased_us);
        let bare = PathState { loss: 0.0, last_loss: 0.0, ..LOSSY };
        for _ in 0..5 {
            let mut now_us = eased_us;
            while look(&mut lean, VOICES, bare, now_us).1 {
                now_us += S / 5;
            }
            waits.push((now_us - eased_us) / S);
            look(&mut lean, VOICES, bare, now_us);
            assert!(look(&mut lean, VOICES, TRIED, now_us + S).1);
            eased_us = now_us + 2 * S;
            look(&mut lean, VOICES, PathState { eased_us: (eased_us, 0), ..bare }, eased_us);
        }
        assert_eq!(waits, [3, 6, 12, 24, 24]);
    }

    #[test]
    fn room_for_the_voices_alone_brings_no_copies_back() {
        let (plain, bare) = (VoiceRates { sent_bps: 48_000, ..VOICES }, PathState { loss: 0.0, ..LOSSY });
        assert!(look(&mut cured(100 * S), plain, bare, 101 * S).1);
        assert!(
            !look(&mut cured(100 * S), plain, PathState { available_bps: 230_000, ..bare }, 101 * S).1,
            "it has room for both"
        );
    }

    #[test]
    fn where_as_much_is_lost_without_copies_they_go_out() {
        let mut lean = Lean::default();
        look(&mut lean, VOICES, LOSSY, S);
        look(&mut lean, VOICES, TRIED, 2 * S);
        assert!(
            look(&mut lean, VOICES, PathState { trial_looks: Some(LOOKS - 1), ..TRIED }, 3 * S).1,
            "of the time before, perhaps"
        );
        assert!(look(&mut lean, VOICES, PathState { trial_looks: Some(LOOKS), loss: 0.3, ..TRIED }, 3 * S).1);
        assert!(!look(&mut lean, VOICES, PathState { trial_looks: Some(LOOKS), ..TRIED }, 4 * S).1);
        assert_eq!(
            look(&mut lean, VOICES, PathState { eased_us: (5 * S, 5 * S), ..LOSSY }, 5 * S),
            (Finding::Nothing, false)
        );
        let mut later = cured(100 * S);
        assert_eq!(look(&mut later, VOICES, PathState { loss: 0.3, ..LOSSY }, 101 * S), (Finding::Nothing, true));
        assert_eq!(look(&mut later, VOICES, LOSSY, 102 * S), (Finding::Vain, false));
        assert_eq!(look(&mut later, VOICES, LOSSY, 103 * S).0, Finding::Nothing, "once");
        let mut seldom = cured(100 * S);
        assert_eq!(
            look(&mut seldom, VOICES, PathState { last_loss: 0.0, ..LOSSY }, 101 * S),
            (Finding::Nothing, true),
            "of the time before"
        );
        let mut shows = cured(100 * S);
        assert_eq!(
            look(&mut shows, VOICES, PathState { has_voices_alone: false, loss: 0.3, ..LOSSY }, 101 * S).0,
            Finding::Nothing
        );
        assert_eq!(look(&mut shows, VOICES, LOSSY, 200 * S).0, Finding::Nothing, "pictures were lost");
        let mut narrow = cured(100 * S);
        let bad = PathState { available_bps: 30_000, cut_us: Some(101 * S), ..LOSSY };
        assert_eq!(look(&mut narrow, VOICES, PathState { loss: 0.3, ..bad }, 101 * S), (Finding::Nothing, true));
        assert_eq!(look(&mut narrow, VOICES, bad, 102 * S), (Finding::Vain, false), "nor is the way too narrow");
    }

    #[test]
    fn a_trial_that_a_silence_ends_is_judged_by_what_was_seen() {
        for (loss, cut_us, stays_away) in [(0.3, Some(2 * S), true), (0.5, Some(2 * S), false), (0.3, None, false)] {
            let mut lean = Lean::default();
            look(&mut lean, VOICES, LOSSY, S);
            look(&mut lean, VOICES, PathState { cut_us: Some(2 * S), ..TRIED }, 2 * S);
            let after = PathState { loss, cut_us, ..LOSSY };
            assert_eq!(look(&mut lean, VOICES, after, 4 * S), (Finding::Nothing, stays_away), "{loss} {cut_us:?}");
            assert!(!look(&mut lean, VOICES, after, 7 * S).1);
        }
    }

    #[test]
    fn what_is_to_be_taken_is_seen_when_somebody_speaks() {
        let mut lean = Lean::default();
        look(&mut lean, VOICES, LOSSY, S);
        look(&mut lean, VoiceRates::default(), TRIED, 2 * S);
        assert!(look(&mut lean, VOICES, TRIED, 3 * S).1);
    }

    #[test]
    fn what_is_lost_with_copies_says_nothing_of_the_voices_alone() {
        let bad = |cut_us| PathState { available_bps: 30_000, cut_us: Some(cut_us), ..LOSSY };
        let mut lean = Lean::default();
        look(&mut lean, VOICES, LOSSY, S);
        look(&mut lean, VOICES, PathState { trial_looks: Some(0), ..bad(2 * S) }, 2 * S);
        assert!(!look(&mut lean, VOICES, bad(2 * S), 4 * S).1);
        look(&mut lean, VOICES, PathState { trial_looks: Some(0), ..bad(5 * S) }, 5 * S);
        let eased = PathState { eased_us: (6 * S, 0), loss: 0.3, last_loss: 0.3, ..bad(5 * S) };
        assert!(look(&mut lean, VOICES, eased, 6 * S).1);
        let again = PathState { cut_us: Some(8 * S), ..eased };
        look(&mut lean, VOICES, PathState { trial_looks: Some(0), ..again }, 8 * S);
        assert!(look(&mut lean, VOICES, again, 11 * S).1, "that was lost without them");
        let flows = PathState { loss: 0.3, last_loss: 0.0, ..again };
        assert!(look(&mut lean, VOICES, flows, 12 * S).1);
        assert!(look(&mut lean, VoiceRates::default(), flows, 12 * S + 1).1, "a pause");
        assert!(look(&mut lean, VOICES, flows, 13 * S).1);
        assert!(look(&mut lean, VOICES, flows, 12 * S + FLOWS_US + 1).1, "nothing was carried for a moment");
        assert!(look(&mut lean, VOICES, flows, 13 * S + FLOWS_US).1);
        assert!(!look(&mut lean, VOICES, flows, 13 * S + FLOWS_US + 1).1, "the voices alone are carried");
        let mut waits = Lean::default();
        let queue = PathState { narrow_us: Some(S), ..flows };
        look(&mut waits, VOICES, queue, S);
        assert!(look(&mut waits, VOICES, queue, 9 * S).1, "they waited");
    }
}
