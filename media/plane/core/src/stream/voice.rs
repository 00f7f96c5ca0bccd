//! The loudness of a voice, and the choice of the voices that are heard. See `uplink::voices`.

use crate::keys::ProducerKey;

/// Share of the difference to a louder packet that each packet adds to a voice's loudness. A word is heard from its first or
/// second packet. Larger: a click takes the place of a voice. Smaller: listeners miss the start of a word.
pub(crate) const ATTACK: f32 = 0.5;

/// Decibels per second by which a voice's loudness falls after a loud packet. From a clear voice to silence (80 dB) it takes 4
/// s. Larger: a voice loses its place in a pause between words. Smaller: a silent voice keeps its place, and another speaker is
/// not heard.
pub(crate) const RELEASE_DB_PER_S: f32 = 20.0;

/// Decibels above digital silence (127 is the largest). While more voices compete than may be heard, a microphone of this
/// loudness or less is not forwarded to viewers: 90 dB below the largest. Larger: viewers do not hear quiet speech then.
/// Smaller: noise is forwarded and takes a place.
pub(crate) const SILENT_DB: f32 = 37.0;

/// Decibels above digital silence (127 is the largest), as `SILENT_DB` (37) but for the mixer: 70 dB below the largest. Silence
/// of A-law is 72 dB below (ITU-T G.711: its smallest value is 8 of 32768). Larger: while more than six voices compete
/// (MIXER_HEARD), halls do not hear quiet speech. Smaller: silence of A-law counts as a voice and takes a place.
pub(crate) const MIXED_SILENT_DB: f32 = 57.0;

/// Voices heard at once that a conference may request at most. Larger: no effect. Smaller: a conference that requests more is
/// refused.
pub const VOICES_MAX: u16 = 1_000;

/// The recent loudness of a voice, in dB above digital silence.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loudness {
    db: f32,
    at_us: u64,
}

impl Loudness {
    /// Note one packet with an RFC 6464 byte (0 loudest .. 127 silent, below the bit of voice activity).
    #[inline]
    pub fn note(&mut self, byte: u8, now_us: u64) {
        let (heard, before) = (f32::from(127 - (byte & 0x7f)), self.at(now_us));
        self.db = if heard > before { before + (heard - before) * ATTACK } else { before };
        self.at_us = now_us;
    }

    /// Return the loudness now, 0..127.
    #[inline]
    pub fn at(&self, now_us: u64) -> f32 {
        let forgotten = now_us.saturating_sub(self.at_us) as f32 * (RELEASE_DB_PER_S / 1e6);
        (self.db - forgotten).max(0.0)
    }
}

/// The listeners of a voice: viewers behind a peer, or the mixer behind its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Viewers,
    Mixer,
}

pub const AUDIENCES: [Audience; 2] = [Audience::Viewers, Audience::Mixer];

impl Audience {
    /// Return the audience of a consumer on a line or on a peer.
    #[inline]
    pub fn of(on_line: bool) -> Self {
        if on_line { Audience::Mixer } else { Audience::Viewers }
    }

    pub(crate) fn silent_db(self) -> f32 {
        match self {
            Audience::Viewers => SILENT_DB,
            Audience::Mixer => MIXED_SILENT_DB,
        }
    }
}

/// The state of one voice for one audience.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    /// The voice competes: its packets report their loudness, it is not paused, and a consumer of this audience takes it.
    pub(crate) competes: bool,
    /// True if no packet of the voice is sent to this audience now.
    pub(crate) unheard: bool,
    /// Number of times that the voice was admitted. At each admission, the sequence numbers continue without a gap.
    pub(crate) entrance: u16,
}

/// One voice of a conference.
#[derive(Clone, Copy, Debug, Default)]
pub struct Voice {
    pub loudness: Loudness,
    /// The voice is always sent: it is no microphone.
    pub(crate) kept: bool,
    pub(crate) standings: [Standing; 2],
}

impl Voice {
    #[inline]
    pub fn is_unheard(&self, by: Audience) -> bool {
        self.standings[by as usize].unheard
    }

    #[inline]
    pub fn entrance(&self, before: Audience) -> u16 {
        self.standings[before as usize].entrance
    }
}

/// The voices of one conference for one audience.
#[derive(Debug, Default)]
pub struct Voices {
    /// Largest number of voices that are heard; 0 for all.
    pub(crate) most: usize,
    pub(crate) competing: usize,
    /// The keys of the voices that are heard, while more compete.
    pub(crate) heard: Vec<ProducerKey>,
}

impl Voices {
    pub(crate) fn are_chosen(&self) -> bool {
        self.most > 0 && self.competing > self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_loud_with_its_second_packet_and_stays_so_over_a_pause() {
        let mut loudness = Loudness::default();
        loudness.note(127, 0);
        assert!(loudness.at(0) <= SILENT_DB);
        loudness.note(25, 20_000);
        loudness.note(25, 40_000);
        assert!(loudness.at(40_000) > 75.0);
        loudness.note(127, 60_000);
        assert!(loudness.at(540_000) > 65.0, "ten decibels in half a second");
        assert!(loudness.at(4_040_000) <= SILENT_DB);
        assert_eq!(loudness.at(u64::MAX), 0.0);
    }

    #[test]
    fn silence_takes_it_down_no_faster_than_absence() {
        let (mut silent, mut absent) = (Loudness::default(), Loudness::default());
        for n in 0..10 {
            silent.note(20, n * 20_000);
            absent.note(20, n * 20_000);
        }
        for n in 10..100 {
            silent.note(127, n * 20_000);
        }
        assert!((silent.at(2_000_000) - absent.at(2_000_000)).abs() < 0.1);
    }

    #[test]
    fn the_bit_of_voice_activity_is_no_loudness() {
        let (mut with, mut without) = (Loudness::default(), Loudness::default());
        with.note(0x80 | 40, 0);
        without.note(40, 0);
        assert_eq!(with.at(0), without.at(0));
    }
}
