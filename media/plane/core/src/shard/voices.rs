//! The loudest voices of a conference: where more microphones are open than may be heard at once, the others' packets end
//! where they came in. There are two audiences with places of their own: viewers, and the mixer, which hears halls and browsers
//! and makes the sound of all halls.
//!
//! Loudness rises with the first packets of a word and falls slowly, so that pauses between words cost nobody his place. A
//! free place is taken at once, a taken one by whoever is clearly louder. Silence has no place: a microphone that is muted
//! at its source, where nobody is told, is found by its packets alone (or by their absence, with DTX).
//!
//! The mixer is given a voice from [`HISTORY_PACKETS`] before the packet that made it loud: the first word is whole, and its decoder
//! has found its state when the word begins.

use crate::seam::outbox::{Outbox, Sink};
use crate::shard::Shard;
use crate::shard::tables::producer::Producer;
use crate::stream::voice::{AUDIENCES, Audience, Loudness};
/// Who takes another one's place is louder by so much.
const MARGIN_DB: f32 = 6.0;
/// Packets before the first loud one that the mixer gets: 60 ms of packets of 20 ms.
const HISTORY_PACKETS: u64 = 3;
const PACKET_US: u64 = 20_000;

impl Shard {
    /// 0: all.
    pub(crate) fn set_voices<S: Sink>(
        &mut self,
        router: u32,
        (most, audience): (u16, Audience),
        now_us: u64,
        out: &mut Outbox<S>,
    ) -> Option<()> {
        let key = *self.ids.routers.get(&router)?;
        self.routers[key].voices_of(audience).most = usize::from(most);
        self.choose_voices(key, audience, now_us, out);
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
        self.producers[key].voice.loudness.note(byte, now_us);
        for audience in AUDIENCES {
            let standing = self.producers[key].voice.standings[audience as usize];
            if !standing.competes && self.may_compete(key, audience) {
                self.enter_voice(key, audience, now_us, out);
            }
            if self.producers[key].voice.is_unheard(audience) {
                self.ask_in(key, audience, now_us, out);
            }
        }
    }

    /// The sound of a hall comes to viewers as the mixer gives it out; what the mixer gives out does not come back to it.
    #[inline]
    fn may_compete(&self, key: usize, audience: Audience) -> bool {
        let producer = &self.producers[key];
        if producer.voice.kept {
            return false;
        }
        match audience {
            Audience::Viewers => producer.meter.is_none(),
            Audience::Mixer => {
                let takes = |feed: &usize| !self.consumers[*feed].paused;
                (producer.meter.is_some() || !producer.on_line) && producer.feeds().iter().any(takes)
            }
        }
    }

    fn enter_voice<S: Sink>(&mut self, key: usize, audience: Audience, now_us: u64, out: &mut Outbox<S>) {
        let producer = &mut self.producers[key];
        producer.voice.standings[audience as usize].competes = true;
        let router = producer.router;
        let voices = self.routers[router].voices_of(audience);
        voices.competing += 1;
        if voices.competing == voices.most + 1 {
            self.choose_voices(router, audience, now_us, out);
        } else if voices.are_chosen() {
            self.leave_out(key, audience, now_us, out);
        }
    }

    /// It does not compete any more: paused, closed, or no microphone.
    pub(crate) fn withdraw_voice<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        AUDIENCES.into_iter().for_each(|audience| self.withdraw(key, audience, now_us, out));
        self.producers[key].voice.loudness = Loudness::default();
    }

    /// A mixer takes it no longer, or another one does.
    pub(crate) fn feeds_changed<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        if !self.may_compete(key, Audience::Mixer) {
            self.withdraw(key, Audience::Mixer, now_us, out);
        }
    }

    fn withdraw<S: Sink>(&mut self, key: usize, audience: Audience, now_us: u64, out: &mut Outbox<S>) {
        let producer = &mut self.producers[key];
        let router = producer.router;
        if !std::mem::replace(&mut producer.voice.standings[audience as usize].competes, false) {
            return;
        }
        self.let_in(key, audience, now_us, out);
        let voices = self.routers[router].voices_of(audience);
        voices.heard.retain(|heard| *heard != key);
        voices.competing -= 1;
        if voices.competing == voices.most {
            self.choose_voices(router, audience, now_us, out);
        }
    }

    /// Those whose microphones tell nothing leave their places.
    pub(crate) fn tick_voices<S: Sink>(&mut self, now_us: u64, out: &mut Outbox<S>) {
        for router in 0..self.routers.capacity() {
            for audience in AUDIENCES {
                let Some(found) = self.routers.get(router) else { continue };
                let loudness = |key: &usize| self.producers[*key].voice.loudness.at(now_us);
                let heard = found.voices[audience as usize].heard.iter();
                let silent: Vec<usize> = heard.filter(|key| loudness(key) <= audience.silent_db()).copied().collect();
                for key in silent {
                    self.send_off(key, audience, now_us, out);
                }
            }
        }
    }

    /// All anew: there are more or fewer places, or from now on enough, or not any more.
    fn choose_voices<S: Sink>(&mut self, router: usize, audience: Audience, now_us: u64, out: &mut Outbox<S>) {
        let transports = self.routers[router].transports.iter();
        let all = transports.flat_map(|transport| &self.transports[*transport].producers).copied();
        let competes = |key: &usize| self.producers[*key].voice.standings[audience as usize].competes;
        let mut all: Vec<usize> = all.filter(competes).collect();
        let voices = self.routers[router].voices_of(audience);
        voices.heard.clear();
        let mut places = all.len();
        if voices.are_chosen() {
            places = voices.most;
            let loudness = |key: &usize| self.producers[*key].voice.loudness.at(now_us);
            all.sort_by(|a, b| loudness(b).total_cmp(&loudness(a)));
            self.routers[router].voices_of(audience).heard.extend(all.iter().take(places));
        }
        let others = all.split_off(places);
        all.into_iter().for_each(|key| self.let_in(key, audience, now_us, out));
        others.into_iter().for_each(|key| self.leave_out(key, audience, now_us, out));
    }

    /// A free place is its own, or that of the quietest one.
    fn ask_in<S: Sink>(&mut self, key: usize, audience: Audience, now_us: u64, out: &mut Outbox<S>) {
        let Producer { voice, router, .. } = &self.producers[key];
        let (loudness, router) = (voice.loudness.at(now_us), *router);
        if loudness <= audience.silent_db() {
            return;
        }
        let voices = &self.routers[router].voices[audience as usize];
        if voices.heard.len() >= voices.most {
            let loudnesses = voices.heard.iter().map(|key| (*key, self.producers[*key].voice.loudness.at(now_us)));
            let quietest = loudnesses.min_by(|a, b| a.1.total_cmp(&b.1));
            let Some((quietest, _)) = quietest.filter(|(_, quiet)| loudness > quiet + MARGIN_DB) else { return };
            self.send_off(quietest, audience, now_us, out);
        }
        self.routers[router].voices_of(audience).heard.push(key);
        self.let_in(key, audience, now_us, out);
    }

    fn send_off<S: Sink>(&mut self, key: usize, audience: Audience, now_us: u64, out: &mut Outbox<S>) {
        let router = self.producers[key].router;
        self.routers[router].voices_of(audience).heard.retain(|heard| *heard != key);
        self.leave_out(key, audience, now_us, out);
    }

    fn leave_out<S: Sink>(&mut self, key: usize, audience: Audience, now_us: u64, out: &mut Outbox<S>) {
        if !self.producers[key].voice.is_unheard(audience) {
            self.forward_waiting(key, now_us, out);
            self.producers[key].voice.standings[audience as usize].unheard = true;
        }
    }

    fn let_in<S: Sink>(&mut self, key: usize, audience: Audience, now_us: u64, out: &mut Outbox<S>) {
        if self.producers[key].voice.is_unheard(audience) {
            self.forward_waiting(key, now_us, out);
            let standing = &mut self.producers[key].voice.standings[audience as usize];
            standing.unheard = false;
            standing.entrance = standing.entrance.wrapping_add(1);
            if audience == Audience::Mixer {
                self.tell_history(key, now_us, out);
            }
        }
    }

    /// The mixer gets what came last and was not sent to it.
    fn tell_history<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        for feed in self.producers[key].feeds().to_vec() {
            let since_us = now_us.saturating_sub(self.consumers[feed].last_sent_us);
            let count = HISTORY_PACKETS.min((since_us / PACKET_US).saturating_sub(1));
            self.send_last(feed, count as u16, now_us, out);
        }
    }

    /// What came before goes where it went until now.
    fn forward_waiting<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        if !self.producers[key].layers[0].pending.is_empty() {
            self.forward(key, 0, now_us, out);
        }
    }
}
