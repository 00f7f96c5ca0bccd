//! The loudest voices of a conference: where more microphones are open than may be heard at once, the others' packets end
//! where they came in. Who mixes (a line) chooses himself and gets them all.
//!
//! Loudness rises with the first packets of a word and falls slowly, so that pauses between words cost nobody his place. A
//! free place is taken at once, a taken one by whoever is clearly louder. Silence has no place: a microphone that is muted
//! at its source, where nobody is told, is found by its packets alone (or by their absence, with DTX).

use crate::outbox::{Outbox, Sink};
use crate::producer::Producer;
use crate::shard::Shard;

/// Of the way up to a louder packet, with each one: a word is heard from its first packet or two on.
const ATTACK: f32 = 0.5;
/// What was loud is forgotten this fast; from a clear voice to silence it takes four seconds.
const RELEASE_DB_PER_S: f32 = 20.0;
/// As loud as this or quieter is silence (90 dB below the loudest that there is).
const SILENT_DB: f32 = 37.0;
/// Who takes another one's place is louder by so much.
const MARGIN_DB: f32 = 6.0;
/// More than this no conference asks for.
pub const VOICES_MAX: u16 = 1_000;

/// How loud a voice was lately, in dB above digital silence.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loudness {
    db: f32,
    at_us: u64,
}

impl Loudness {
    /// One packet with an RFC 6464 byte (0 loudest .. 127 silent, below the bit of voice activity).
    #[inline]
    pub fn note(&mut self, byte: u8, now_us: u64) {
        let (heard, before) = (f32::from(127 - (byte & 0x7f)), self.at(now_us));
        self.db = if heard > before { before + (heard - before) * ATTACK } else { before };
        self.at_us = now_us;
    }

    /// Its value now, 0..127.
    #[inline]
    pub fn at(&self, now_us: u64) -> f32 {
        let forgotten = now_us.saturating_sub(self.at_us) as f32 * (RELEASE_DB_PER_S / 1e6);
        (self.db - forgotten).max(0.0)
    }

    fn is_silent(&self, now_us: u64) -> bool {
        self.at(now_us) <= SILENT_DB
    }
}

/// One voice among those of its conference.
#[derive(Clone, Copy, Debug, Default)]
pub struct Voice {
    pub loudness: Loudness,
    /// Its packets tell how loud they are, and it is not paused: it competes.
    competes: bool,
    /// It goes out whatever others do: no microphone.
    kept: bool,
    /// Nothing of it goes to viewers now.
    unheard: bool,
    /// Counts how often it got in: numbers go on behind the gap there.
    pub entrance: u16,
}

impl Voice {
    #[inline]
    pub fn is_unheard(&self) -> bool {
        self.unheard
    }
}

/// The voices of one conference.
#[derive(Debug, Default)]
pub struct Voices {
    /// 0: all are heard.
    most: usize,
    competing: usize,
    /// While more compete than are heard: those who are, by their keys.
    heard: Vec<usize>,
}

impl Voices {
    fn are_chosen(&self) -> bool {
        self.most > 0 && self.competing > self.most
    }
}

impl Shard {
    /// 0: all.
    pub(crate) fn set_voices<S: Sink>(
        &mut self,
        router: u32,
        most: u16,
        now_us: u64,
        out: &mut Outbox<S>,
    ) -> Option<()> {
        let key = *self.ids.routers.get(&router)?;
        self.routers[key].voices.most = usize::from(most);
        self.choose_voices(key, now_us, out);
        Some(())
    }

    pub(crate) fn keep_voice<S: Sink>(&mut self, producer: u32, now_us: u64, out: &mut Outbox<S>) -> Option<()> {
        let key = *self.ids.producers.get(&producer)?;
        self.producers[key].voice.kept = true;
        self.withdraw_voice(key, now_us, out);
        Some(())
    }

    /// A packet told how loud it is: from here on its source is heard, or is not.
    #[inline]
    pub(crate) fn note_loudness<S: Sink>(&mut self, key: usize, byte: u8, now_us: u64, out: &mut Outbox<S>) {
        let producer = &mut self.producers[key];
        producer.voice.loudness.note(byte, now_us);
        if !producer.voice.competes && !producer.voice.kept {
            self.enter_voice(key, now_us, out);
        }
        if self.producers[key].voice.unheard {
            self.ask_in(key, now_us, out);
        }
    }

    fn enter_voice<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        let producer = &mut self.producers[key];
        producer.voice.competes = true;
        let router = producer.router;
        let voices = &mut self.routers[router].voices;
        voices.competing += 1;
        if voices.competing == voices.most + 1 {
            self.choose_voices(router, now_us, out);
        } else if voices.are_chosen() {
            self.leave_out(key, now_us, out);
        }
    }

    /// It does not compete any more: paused, closed, or no microphone.
    pub(crate) fn withdraw_voice<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        let producer = &mut self.producers[key];
        if !std::mem::replace(&mut producer.voice.competes, false) {
            return;
        }
        let router = producer.router;
        producer.voice.loudness = Loudness::default();
        self.let_in(key, now_us, out);
        let voices = &mut self.routers[router].voices;
        voices.heard.retain(|heard| *heard != key);
        voices.competing -= 1;
        if voices.competing == voices.most {
            self.choose_voices(router, now_us, out);
        }
    }

    /// Those whose microphones tell nothing leave their places.
    pub(crate) fn tick_voices<S: Sink>(&mut self, now_us: u64, out: &mut Outbox<S>) {
        for router in 0..self.routers.capacity() {
            let Some(found) = self.routers.get(router) else { continue };
            let silent = |key: &&usize| self.producers[**key].voice.loudness.is_silent(now_us);
            let silent: Vec<usize> = found.voices.heard.iter().filter(silent).copied().collect();
            for key in silent {
                self.send_off(key, now_us, out);
            }
        }
    }

    /// All anew: there are more or fewer places, or from now on enough, or not any more.
    fn choose_voices<S: Sink>(&mut self, router: usize, now_us: u64, out: &mut Outbox<S>) {
        let transports = self.routers[router].transports.iter();
        let all = transports.flat_map(|transport| &self.transports[*transport].producers).copied();
        let mut all: Vec<usize> = all.filter(|key| self.producers[*key].voice.competes).collect();
        let voices = &mut self.routers[router].voices;
        voices.heard.clear();
        let mut places = all.len();
        if voices.are_chosen() {
            places = voices.most;
            let loudness = |key: &usize| self.producers[*key].voice.loudness.at(now_us);
            all.sort_by(|a, b| loudness(b).total_cmp(&loudness(a)));
            voices.heard.extend(all.iter().take(places));
        }
        let others = all.split_off(places);
        all.into_iter().for_each(|key| self.let_in(key, now_us, out));
        others.into_iter().for_each(|key| self.leave_out(key, now_us, out));
    }

    /// A free place is its own, or that of the quietest one.
    fn ask_in<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        let Producer { voice, router, .. } = &self.producers[key];
        let (loudness, router) = (voice.loudness.at(now_us), *router);
        if loudness <= SILENT_DB {
            return;
        }
        let voices = &self.routers[router].voices;
        if voices.heard.len() >= voices.most {
            let loudnesses = voices.heard.iter().map(|key| (*key, self.producers[*key].voice.loudness.at(now_us)));
            let quietest = loudnesses.min_by(|a, b| a.1.total_cmp(&b.1));
            let Some((quietest, _)) = quietest.filter(|(_, quiet)| loudness > quiet + MARGIN_DB) else { return };
            self.send_off(quietest, now_us, out);
        }
        self.routers[router].voices.heard.push(key);
        self.let_in(key, now_us, out);
    }

    fn send_off<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        let router = self.producers[key].router;
        self.routers[router].voices.heard.retain(|heard| *heard != key);
        self.leave_out(key, now_us, out);
    }

    fn leave_out<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        if !self.producers[key].voice.unheard {
            self.forward_waiting(key, now_us, out);
            self.producers[key].voice.unheard = true;
        }
    }

    fn let_in<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        if self.producers[key].voice.unheard {
            self.forward_waiting(key, now_us, out);
            let voice = &mut self.producers[key].voice;
            voice.unheard = false;
            voice.entrance = voice.entrance.wrapping_add(1);
        }
    }

    /// What came before goes where it went until now.
    fn forward_waiting<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        if !self.producers[key].layers[0].pending.is_empty() {
            self.forward(key, 0, now_us, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_loud_with_its_second_packet_and_stays_so_over_a_pause() {
        let mut loudness = Loudness::default();
        loudness.note(127, 0);
        assert!(loudness.is_silent(0));
        loudness.note(25, 20_000);
        loudness.note(25, 40_000);
        assert!(loudness.at(40_000) > 75.0);
        loudness.note(127, 60_000);
        assert!(loudness.at(540_000) > 65.0, "ten decibels in half a second");
        assert!(loudness.is_silent(4_040_000));
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
