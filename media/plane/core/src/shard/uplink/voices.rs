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

use crate::keys::{ConsumerKey, ProducerKey, RouterKey};
use crate::seam::event::Event;
use crate::seam::outbox::Sink;
use crate::shard::downlink::send;
use crate::shard::tables::Tables;
use crate::shard::tables::producer::Producer;
use crate::shard::turn::Turn;
use crate::stream::voice::{AUDIENCES, Audience, Loudness};

/// Who takes another one's place is louder by so much.
const MARGIN_DB: f32 = 6.0;
/// Packets before the first loud one that the mixer gets: 60 ms of packets of 20 ms.
const HISTORY_PACKETS: u64 = 3;
const PACKET_US: u64 = 20_000;

pub(crate) fn tick_speakers<S: Sink>(tables: &mut Tables, turn: &mut Turn<S>) {
    let Tables { routers, transports, producers, .. } = tables;
    for (_, router) in routers.iter_mut() {
        let keys = router.transports.iter().flat_map(|t| &transports[*t].producers);
        let mut levels: Vec<_> = keys
            .filter_map(|key| {
                let producer = &producers[*key];
                (!producer.video).then_some((producer.id, *key, producer.level))
            })
            .collect();
        let changed = router.speakers.close_window(levels.iter_mut().map(|(id, _, level)| (*id, level)));
        for (_, key, level) in levels {
            producers[key].level = level;
        }
        if let Some(speakers) = changed.filter(|_| !router.is_part) {
            turn.events.push(Event::Speakers { router: router.id, speakers });
        }
    }
}

/// 0: all.
pub(crate) fn set_voices<S: Sink>(
    tables: &mut Tables,
    router: u32,
    (most, audience): (u16, Audience),
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = *tables.ids.routers.get(&router)?;
    tables.routers[key].voices_of(audience).most = usize::from(most);
    choose_voices(tables, key, audience, turn);
    Some(())
}

pub(crate) fn keep_voice<S: Sink>(tables: &mut Tables, producer: u32, turn: &mut Turn<S>) -> Option<()> {
    let key = *tables.ids.producers.get(&producer)?;
    tables.producers[key].voice.kept = true;
    withdraw_voice(tables, key, turn);
    Some(())
}

/// A packet told how loud it is: from here on its source is heard, or is not.
#[inline]
pub(crate) fn note_loudness<S: Sink>(tables: &mut Tables, key: ProducerKey, byte: u8, turn: &mut Turn<S>) {
    tables.producers[key].voice.loudness.note(byte, turn.now_us);
    for audience in AUDIENCES {
        let standing = tables.producers[key].voice.standings[audience as usize];
        if !standing.competes && may_compete(tables, key, audience) {
            enter_voice(tables, key, audience, turn);
        }
        if tables.producers[key].voice.is_unheard(audience) {
            ask_in(tables, key, audience, turn);
        }
    }
}

/// The sound of a hall comes to viewers as the mixer gives it out; what the mixer gives out does not come back to it.
#[inline]
fn may_compete(tables: &Tables, key: ProducerKey, audience: Audience) -> bool {
    let producer = &tables.producers[key];
    if producer.voice.kept {
        return false;
    }
    match audience {
        Audience::Viewers => producer.meter.is_none(),
        Audience::Mixer => {
            let takes = |feed: &ConsumerKey| !tables.consumers[*feed].paused;
            (producer.meter.is_some() || !producer.on_line) && producer.feeds().iter().any(takes)
        }
    }
}

fn enter_voice<S: Sink>(tables: &mut Tables, key: ProducerKey, audience: Audience, turn: &mut Turn<S>) {
    let producer = &mut tables.producers[key];
    producer.voice.standings[audience as usize].competes = true;
    let router = producer.router;
    let voices = tables.routers[router].voices_of(audience);
    voices.competing += 1;
    if voices.competing == voices.most + 1 {
        choose_voices(tables, router, audience, turn);
    } else if voices.are_chosen() {
        leave_out(tables, key, audience, turn);
    }
}

/// It does not compete any more: paused, closed, or no microphone.
pub(crate) fn withdraw_voice<S: Sink>(tables: &mut Tables, key: ProducerKey, turn: &mut Turn<S>) {
    AUDIENCES.into_iter().for_each(|audience| withdraw(tables, key, audience, turn));
    tables.producers[key].voice.loudness = Loudness::default();
}

/// A mixer takes it no longer, or another one does.
pub(crate) fn feeds_changed<S: Sink>(tables: &mut Tables, key: ProducerKey, turn: &mut Turn<S>) {
    if !may_compete(tables, key, Audience::Mixer) {
        withdraw(tables, key, Audience::Mixer, turn);
    }
}

fn withdraw<S: Sink>(tables: &mut Tables, key: ProducerKey, audience: Audience, turn: &mut Turn<S>) {
    let producer = &mut tables.producers[key];
    let router = producer.router;
    if !std::mem::replace(&mut producer.voice.standings[audience as usize].competes, false) {
        return;
    }
    let_in(tables, key, audience, turn);
    let voices = tables.routers[router].voices_of(audience);
    voices.heard.retain(|heard| *heard != key);
    voices.competing -= 1;
    if voices.competing == voices.most {
        choose_voices(tables, router, audience, turn);
    }
}

/// Those whose microphones tell nothing leave their places.
pub(crate) fn tick_voices<S: Sink>(tables: &mut Tables, turn: &mut Turn<S>) {
    for router in tables.routers.places() {
        for audience in AUDIENCES {
            let Some(found) = tables.routers.get(router) else { continue };
            let loudness = |key: &ProducerKey| tables.producers[*key].voice.loudness.at(turn.now_us);
            let heard = found.voices[audience as usize].heard.iter();
            let silent: Vec<ProducerKey> = heard.filter(|key| loudness(key) <= audience.silent_db()).copied().collect();
            for key in silent {
                send_off(tables, key, audience, turn);
            }
        }
    }
}

/// All anew: there are more or fewer places, or from now on enough, or not any more.
fn choose_voices<S: Sink>(tables: &mut Tables, router: RouterKey, audience: Audience, turn: &mut Turn<S>) {
    let transports = tables.routers[router].transports.iter();
    let all = transports.flat_map(|transport| &tables.transports[*transport].producers).copied();
    let competes = |key: &ProducerKey| tables.producers[*key].voice.standings[audience as usize].competes;
    let mut all: Vec<ProducerKey> = all.filter(competes).collect();
    let voices = tables.routers[router].voices_of(audience);
    voices.heard.clear();
    let mut places = all.len();
    if voices.are_chosen() {
        places = voices.most;
        let loudness = |key: &ProducerKey| tables.producers[*key].voice.loudness.at(turn.now_us);
        all.sort_by(|a, b| loudness(b).total_cmp(&loudness(a)));
        tables.routers[router].voices_of(audience).heard.extend(all.iter().take(places));
    }
    let others = all.split_off(places);
    all.into_iter().for_each(|key| let_in(tables, key, audience, turn));
    others.into_iter().for_each(|key| leave_out(tables, key, audience, turn));
}

/// A free place is its own, or that of the quietest one.
fn ask_in<S: Sink>(tables: &mut Tables, key: ProducerKey, audience: Audience, turn: &mut Turn<S>) {
    let Producer { voice, router, .. } = &tables.producers[key];
    let (loudness, router) = (voice.loudness.at(turn.now_us), *router);
    if loudness <= audience.silent_db() {
        return;
    }
    let voices = &tables.routers[router].voices[audience as usize];
    if voices.heard.len() >= voices.most {
        let loudnesses = voices.heard.iter().map(|key| (*key, tables.producers[*key].voice.loudness.at(turn.now_us)));
        let quietest = loudnesses.min_by(|a, b| a.1.total_cmp(&b.1));
        let Some((quietest, _)) = quietest.filter(|(_, quiet)| loudness > quiet + MARGIN_DB) else { return };
        send_off(tables, quietest, audience, turn);
    }
    tables.routers[router].voices_of(audience).heard.push(key);
    let_in(tables, key, audience, turn);
}

fn send_off<S: Sink>(tables: &mut Tables, key: ProducerKey, audience: Audience, turn: &mut Turn<S>) {
    let router = tables.producers[key].router;
    tables.routers[router].voices_of(audience).heard.retain(|heard| *heard != key);
    leave_out(tables, key, audience, turn);
}

fn leave_out<S: Sink>(tables: &mut Tables, key: ProducerKey, audience: Audience, turn: &mut Turn<S>) {
    if !tables.producers[key].voice.is_unheard(audience) {
        forward_waiting(tables, key, turn);
        tables.producers[key].voice.standings[audience as usize].unheard = true;
    }
}

fn let_in<S: Sink>(tables: &mut Tables, key: ProducerKey, audience: Audience, turn: &mut Turn<S>) {
    if tables.producers[key].voice.is_unheard(audience) {
        forward_waiting(tables, key, turn);
        let standing = &mut tables.producers[key].voice.standings[audience as usize];
        standing.unheard = false;
        standing.entrance = standing.entrance.wrapping_add(1);
        if audience == Audience::Mixer {
            tell_history(tables, key, turn);
        }
    }
}

/// The mixer gets what came last and was not sent to it.
fn tell_history<S: Sink>(tables: &mut Tables, key: ProducerKey, turn: &mut Turn<S>) {
    for feed in tables.producers[key].feeds().to_vec() {
        let since_us = turn.now_us.saturating_sub(tables.consumers[feed].last_sent_us);
        let count = HISTORY_PACKETS.min((since_us / PACKET_US).saturating_sub(1));
        send::send_last(tables, feed, count as u16, turn);
    }
}

/// What came before goes where it went until now.
fn forward_waiting<S: Sink>(tables: &mut Tables, key: ProducerKey, turn: &mut Turn<S>) {
    if !tables.producers[key].layers[0].pending.is_empty() {
        send::forward(tables, key, 0, turn);
    }
}
