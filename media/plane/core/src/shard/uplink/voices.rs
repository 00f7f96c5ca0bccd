//! The loudest voices of a conference. If more microphones are open than may be heard at once, the packets of the other
//! microphones are not forwarded. There are two audiences with their own places: viewers, and the mixer. The mixer hears halls
//! and browsers and makes the audio of all halls.
//!
//! The loudness rises with the first packets of a word and falls slowly. So a participant keeps the place in pauses between
//! words. A free place is taken at once. A taken place goes to a voice that is clearly louder. A silent voice has no place. The
//! shard is not notified of a microphone that is muted at its source. It finds the mute by the packets, or by their absence
//! (DTX).
//!
//! The mixer gets a voice from [`HISTORY_PACKETS`] before the packet that made it loud. So the first word is complete, and the
//! mixer's decoder has settled when the word begins.

use crate::keys::{ConsumerKey, ProducerKey, RouterKey};
use crate::seam::event::Event;
use crate::seam::outbox::Sink;
use crate::shard::downlink::send;
use crate::shard::tables::Tables;
use crate::shard::tables::producer::Producer;
use crate::shard::turn::Turn;
use crate::stream::voice::{AUDIENCES, Audience, Loudness};

/// Decibels. If all places of heard voices are taken, a voice must be louder by this much to take the place of the quietest.
/// Larger: a new speaker is heard later. Smaller: places change too often, and words of both are cut.
const MARGIN_DB: f32 = 6.0;
/// Packets before the first loud packet that the mixer gets: 60 ms in packets of 20 ms. More: the mixer gets more old audio in
/// a burst. Fewer: halls miss the start of the first word.
const HISTORY_PACKETS: u64 = 3;
/// Microseconds of audio in one packet, as most senders use it; used to count the old packets that the mixer has not got.
/// Longer: too few old packets are sent, and halls miss the start of the first word. Shorter: the mixer gets some packets
/// twice.
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

/// Set the number of voices of an audience. 0: all.
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

/// Note the loudness of a packet, and decide whether its voice is heard from now on.
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

/// Report whether the voice competes for places. Viewers get the audio of halls from the mixer. The mixer does not get its own
/// output back.
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

/// Withdraw a voice from the competition: it is paused, closed, or not a microphone.
pub(crate) fn withdraw_voice<S: Sink>(tables: &mut Tables, key: ProducerKey, turn: &mut Turn<S>) {
    AUDIENCES.into_iter().for_each(|audience| withdraw(tables, key, audience, turn));
    tables.producers[key].voice.loudness = Loudness::default();
}

/// Withdraw a voice from the mixer's places if no mixer takes the voice any more.
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

/// Remove silent voices from their places.
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

/// Choose all voices of an audience again. This happens when the number of places changes, or when more or fewer voices compete
/// than there are places.
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

/// Give the voice a free place, or the place of the quietest voice if this voice is clearly louder.
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

/// Send the mixer the last packets that it did not get.
fn tell_history<S: Sink>(tables: &mut Tables, key: ProducerKey, turn: &mut Turn<S>) {
    for feed in tables.producers[key].feeds().to_vec() {
        let since_us = turn.now_us.saturating_sub(tables.consumers[feed].last_sent_us);
        let count = HISTORY_PACKETS.min((since_us / PACKET_US).saturating_sub(1));
        send::send_last(tables, feed, count as u16, turn);
    }
}

/// Forward the waiting packets before the voice changes its place. They go to the audiences that heard the voice until now.
fn forward_waiting<S: Sink>(tables: &mut Tables, key: ProducerKey, turn: &mut Turn<S>) {
    if !tables.producers[key].layers[0].pending.is_empty() {
        send::forward(tables, key, 0, turn);
    }
}
