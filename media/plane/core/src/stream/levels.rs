//! The active speakers and the dominant speaker of one conference, with hysteresis. The source is the levels of RFC 6464.
//!
//! Levels are judged in windows. A source becomes active if it was loud for [`START_SHARE`] of a window. It stays active down
//! to [`STAY_SHARE`]. While the dominant speaker is active, another source becomes dominant only if it is clearly louder in two
//! windows.

/// Microseconds in which the loudness of all sources is judged once. Longer: active speakers are shown later. Shorter: a cough
/// shows a person as active speaker.
pub const WINDOW_US: u64 = 400_000;
/// -dBov (0 is loudest, 127 silent). Chosen. Audio of this level or louder counts as speech of a person who is not an active
/// speaker. Larger: noise counts as speech. Smaller: a quiet speaker is not shown as active.
const LOUD: u8 = 35;
/// -dBov (0 is loudest, 127 silent). Chosen. Audio of this level or louder counts as speech of an active speaker. Larger: noise
/// keeps a person shown as active. Smaller: a speaker who lowers the voice is no longer shown.
const LOUD_STAYING: u8 = 42;
/// Share of the packets of a window (0.4 s) that must be loud before a person becomes an active speaker. Chosen. Larger:
/// speakers are shown late. Smaller: a cough shows a person as active speaker.
const START_SHARE: f32 = 0.4;
/// Share of the packets of a window (0.4 s) that must be loud so that a person stays an active speaker. Chosen. Larger: a
/// speaker is no longer shown in each short pause. Smaller: single noises keep a person shown as active.
const STAY_SHARE: f32 = 0.15;
/// A person must be louder than the main speaker by this factor to become the main speaker; levels are 0 to 1, and 1 is -8
/// dBov. Larger: a new main speaker is shown late, or only after a loud one has stopped. Smaller: the main picture changes
/// often between two speakers.
const CHALLENGE_RATIO: f32 = 1.3;
/// Windows (0.4 s each) in a row in which a person must be louder to become the main speaker. More: a new main speaker is shown
/// late. Fewer: the main picture changes often between two speakers.
const CHALLENGE_WINDOWS: u8 = 2;
/// Weight of a new window (0.4 s) in the smoothed level of a person. Chosen. Larger: one loud word makes a person the main
/// speaker, and meters jump. Smaller: a new main speaker is shown late.
const SMOOTHING: f32 = 0.5;
/// Loudness of speakers is reported to clients in this many steps. More: small changes cause more messages to all clients.
/// Fewer: the meters on the page move in jumps.
const STEPS: f32 = 8.0;

/// The level of one audio source.
#[derive(Clone, Copy, Debug, Default)]
pub struct Level {
    packets: u16,
    loud: u16,
    loudest: u8,
    active: bool,
    smoothed: f32,
}

impl Level {
    /// Note one packet with an RFC 6464 byte: bit 7 is voice activity, level 0 is loudest, level 127 is silent.
    pub fn note(&mut self, byte: u8) {
        let level = byte & 0x7f;
        if self.packets == 0 {
            self.loudest = 127;
        }
        self.packets = self.packets.saturating_add(1);
        self.loudest = self.loudest.min(level);
        if level <= if self.active { LOUD_STAYING } else { LOUD } {
            self.loud = self.loud.saturating_add(1);
        }
    }

    fn close_window(&mut self) {
        let expected = f32::from(self.packets).max(4.0);
        let share = f32::from(self.loud) / expected;
        self.active = share >= if self.active { STAY_SHARE } else { START_SHARE };
        let linear = if self.active { loudness(self.loudest) } else { 0.0 };
        self.smoothed += (linear - self.smoothed) * SMOOTHING;
        if !self.active {
            self.smoothed = 0.0;
        }
        (self.packets, self.loud) = (0, 0);
    }

    fn is_idle(&self) -> bool {
        self.packets == 0 && !self.active
    }

    fn told(&self) -> f32 {
        (self.smoothed * STEPS).ceil() / STEPS
    }
}

/// Convert -dBov to 0..1 for meters: -8 dBov and louder is 1, -60 dBov is 0.
fn loudness(level: u8) -> f32 {
    (1.0 - (f32::from(level) - 8.0) / 52.0).clamp(0.0, 1.0)
}

/// The speakers of one conference.
#[derive(Default)]
pub struct Speakers {
    dominant: Option<u32>,
    challenger: Option<u32>,
    challenges: u8,
    told: Vec<(u32, f32)>,
}

impl Speakers {
    /// Return the dominant speaker: it speaks now, or was the last to speak.
    pub fn dominant(&self) -> Option<u32> {
        self.dominant
    }

    /// Close the window of every source (`id`, level). Return the new list, the dominant speaker first, if it changed.
    pub fn close_window<'a>(&mut self, sources: impl Iterator<Item = (u32, &'a mut Level)>) -> Option<Vec<(u32, f32)>> {
        let mut speaking = Vec::new();
        for (id, level) in sources {
            if level.is_idle() {
                continue;
            }
            level.close_window();
            if level.active {
                speaking.push((id, level.smoothed, level.told()));
            }
        }
        speaking.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        self.choose_dominant(&speaking);
        if let Some(at) = speaking.iter().position(|s| Some(s.0) == self.dominant) {
            speaking[..=at].rotate_right(1);
        }
        let list: Vec<(u32, f32)> = speaking.iter().map(|s| (s.0, s.2)).collect();
        if list == self.told {
            return None;
        }
        self.told.clone_from(&list);
        Some(list)
    }

    fn choose_dominant(&mut self, loudest_first: &[(u32, f32, f32)]) {
        let Some(&(loudest, level, _)) = loudest_first.first() else {
            self.challenges = 0;
            return;
        };
        let held = loudest_first.iter().find(|s| Some(s.0) == self.dominant);
        let Some(&(dominant, dominant_level, _)) = held else {
            self.crown(loudest);
            return;
        };
        if loudest == dominant || level < dominant_level * CHALLENGE_RATIO {
            self.challenges = 0;
            return;
        }
        if self.challenger != Some(loudest) {
            self.challenger = Some(loudest);
            self.challenges = 0;
        }
        self.challenges += 1;
        if self.challenges >= CHALLENGE_WINDOWS {
            self.crown(loudest);
        }
    }

    fn crown(&mut self, source: u32) {
        self.dominant = Some(source);
        self.challenger = None;
        self.challenges = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(speakers: &mut Speakers, levels: &mut [Level], heard: &[u8]) -> Option<Vec<u32>> {
        for (level, byte) in levels.iter_mut().zip(heard) {
            for _ in 0..20 {
                level.note(*byte);
            }
        }
        let sources = levels.iter_mut().enumerate().map(|(i, l)| (i as u32, l));
        speakers.close_window(sources).map(|list| list.iter().map(|s| s.0).collect())
    }

    #[test]
    fn silence_says_nothing_and_speech_starts_and_ends() {
        let (mut speakers, mut levels) = (Speakers::default(), [Level::default(); 2]);
        assert_eq!(window(&mut speakers, &mut levels, &[127, 127]), None);
        assert_eq!(window(&mut speakers, &mut levels, &[20, 127]), Some(vec![0]));
        let mut last = None;
        for _ in 0..4 {
            last = window(&mut speakers, &mut levels, &[127, 127]).or(last);
        }
        assert_eq!(last, Some(vec![]));
    }

    #[test]
    fn the_dominant_speaker_is_not_replaced_by_one_loud_window() {
        let (mut speakers, mut levels) = (Speakers::default(), [Level::default(); 2]);
        for _ in 0..4 {
            window(&mut speakers, &mut levels, &[32, 127]);
        }
        assert_eq!(window(&mut speakers, &mut levels, &[32, 10]).unwrap(), [0, 1]);
        assert_eq!(speakers.dominant(), Some(0));
        for _ in 0..3 {
            window(&mut speakers, &mut levels, &[32, 10]);
        }
        assert_eq!(speakers.dominant(), Some(1));
    }

    #[test]
    fn a_louder_speaker_has_the_larger_level() {
        let (mut speakers, mut levels) = (Speakers::default(), [Level::default(); 2]);
        let mut list = Vec::new();
        for _ in 0..4 {
            for _ in 0..20 {
                levels[0].note(10);
                levels[1].note(35);
            }
            let sources = levels.iter_mut().enumerate().map(|(i, l)| (i as u32, l));
            list = speakers.close_window(sources).unwrap_or(list);
        }
        assert!(0.5 < list[0].1 && list[0].1 <= 1.0, "{list:?}");
        assert!(0.1 < list[1].1 && list[1].1 < list[0].1, "{list:?}");
    }

    #[test]
    fn a_flood_of_packets_counts_as_much_as_it_can() {
        let mut levels = [Level::default(); 1];
        (0..70_000).for_each(|_| levels[0].note(10));
        assert_eq!(window(&mut Speakers::default(), &mut levels, &[10]), Some(vec![0]));
    }

    #[test]
    fn a_steady_speaker_is_told_once() {
        let (mut speakers, mut levels) = (Speakers::default(), [Level::default(); 1]);
        let told = (0..20).filter(|_| window(&mut speakers, &mut levels, &[20]).is_some()).count();
        assert!(told <= 4, "{told}");
    }
}
