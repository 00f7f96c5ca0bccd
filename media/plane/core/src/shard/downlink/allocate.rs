//! The allocation: it decides on ticks what each viewer gets when the downlink cannot carry everything. `send.rs` carries the
//! decision out. Viewers without a limit cost nothing.
//!
//! Bandwidth for voices is reserved first. `share.rs` divides the rest. Excess goes down at once, except for a small excess,
//! which may be an error of the estimate. The quality goes up only with spare bandwidth. Each failed step up makes the next one
//! later.

use crate::keys::{ConsumerKey, TransportKey};
use crate::rate::allotment::{Allotment, Budget};
use crate::rate::audio_redundancy::{AudioRates, Finding, PathState};
use crate::rate::estimate::trend::QUEUE_US_FULL;
use crate::rate::share::{Grant, Shared, Steps, Stream, share};
use crate::seam::event::Event;
use crate::seam::outbox::Sink;
use crate::shard::downlink::{early_padding, pace, send, target};
use crate::shard::report::keyframes;
use crate::shard::tables::Tables;
use crate::shard::tables::consumer::Consumer;
use crate::shard::tables::producer::Producer;
use crate::shard::tables::transport::Transport;
use crate::shard::turn::Turn;
use crate::stream::voice::Audience;

/// Microseconds between two divisions of the bitrate among the pictures of a viewer whose downlink is too narrow. Each fall of
/// the server's own estimate also causes one; a fall by REMB does not. Row `step` of `make bench-quality`. Longer: after the
/// network improves, the viewer gets better pictures later. After a REMB that falls, audio is late for longer. Shorter: more
/// work.
const EVERY_US: u64 = 200_000;
/// Microseconds. The least time between two divisions of the bitrate among the pictures of one viewer: one packet of audio (20
/// ms). Longer: if the estimate falls again soon after a division, pictures fill a queue for longer, and the viewer's audio is
/// late. Shorter: more work.
const SPACING_US: u64 = 20_000;
/// Bit/s. The most that is reserved for one heard voice, and again for its copies (RED). It is more than Opus has (RFC 6716
/// §2.1.1: 510 kbit/s). Larger: a hostile sender of audio takes more bandwidth from the pictures of viewers with a narrow path.
/// Smaller: pictures may fill the path, and a viewer loses audio of high bitrate.
const VOICE_BPS_MAX: u64 = 600_000;
/// A picture's layer stops at once if all pictures exceed the budget by this factor. The picture then freezes until the next
/// key frame. Otherwise the layer stops at the next key frame. Row `step` of `make bench-quality`. Larger: a queue stays
/// longer, and the viewer's audio is late. Smaller: the viewer sees frozen pictures more often.
const FLOOD_RATIO: f64 = 2.0;
/// The bonus on the priority of the active speaker's pictures. A picture with a higher sum gets bitrate first; pictures with the
/// same sum share. Python sets the priorities without the bonus (`Track.priority`). Chosen.
///
/// | Picture | Another participant | The active speaker |
/// |---|---|---|
/// | camera | 0 | 2 |
/// | screen | 1 | 3 |
/// | camera that the viewer looks at | 4 | 6 |
/// | screen that the viewer looks at | 5 | 7 |
///
/// Larger: the speaker's screen (at 3) or camera (at 4) shares with a camera that the viewer looks at. Above these values it
/// takes bitrate from that camera. Smaller: the speaker's camera shares with another screen (at 1), or gets no bonus (at 0).
const SPEAKS_PRIORITY: u8 = 2;

/// React to a changed estimate of this transport.
pub(crate) fn note_available<S: Sink>(tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    let transport = &mut tables.transports[key];
    let known = transport.estimator.available_bps(turn.now_us).is_some() && transport.line().is_none();
    let first = known && !transport.allotment.limited;
    if first {
        transport.allotment.limited = true;
        turn.agenda.limited.push(key);
    }
    if first || tables.transports[key].estimator.lowered_us() == turn.now_us {
        allocate_soon(&mut tables.transports[key], turn);
    }
}

pub(crate) fn allocate_soon<S: Sink>(transport: &mut Transport, turn: &mut Turn<S>) {
    let allotment = &mut transport.allotment;
    if allotment.limited {
        allotment.due_us = turn.now_us;
        let spaced_us = turn.now_us.max(allotment.looked_us + SPACING_US);
        turn.agenda.allocate_us = turn.agenda.allocate_us.min(spaced_us);
    }
}

/// Start a stream on a limited downlink with the lowest layer. The next allocation decides what it may have.
pub(crate) fn begin_low<S: Sink>(tables: &mut Tables, consumer: ConsumerKey, turn: &mut Turn<S>) {
    let Consumer { transport, video, .. } = tables.consumers[consumer];
    if video && tables.transports[transport].allotment.limited {
        set_grant(&mut tables.consumers[consumer], Some(Grant::LOWEST), turn);
        allocate_soon(&mut tables.transports[transport], turn);
    }
}

pub(crate) fn tick_allocations<S: Sink>(tables: &mut Tables, turn: &mut Turn<S>) {
    let mut limited = std::mem::take(&mut turn.agenda.limited);
    limited.retain(|key| {
        let Some(transport) = tables.transports.get_mut(*key) else { return false };
        if turn.now_us < transport.allotment.due_us {
            return true;
        }
        transport.allotment.due_us = turn.now_us + EVERY_US;
        let Some(available_bps) = transport.estimator.available_bps(turn.now_us) else {
            lift(tables, *key, turn);
            return false;
        };
        allocate(tables, *key, available_bps, turn);
        true
    });
    let next_us = limited.iter().map(|key| tables.transports[*key].allotment.due_us).min();
    turn.agenda.allocate_us = next_us.map_or(u64::MAX, |next_us| next_us.max(turn.now_us + SPACING_US));
    turn.agenda.limited = limited;
}

/// Remove the limits of this viewer: no estimate is left.
fn lift<S: Sink>(tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    tables.transports[key].allotment = Allotment::default();
    for at in 0..tables.transports[key].consumers.len() {
        let consumer = tables.transports[key].consumers[at];
        tables.consumers[consumer].leave_copies_out(false);
        grant(tables, consumer, Some(Grant::ALL), false, turn);
    }
}

pub(crate) fn allocate<S: Sink>(tables: &mut Tables, key: TransportKey, available_bps: u64, turn: &mut Turn<S>) {
    let mut streams = std::mem::take(&mut turn.scratch.streams);
    gather_streams(tables, key, turn.now_us, &mut streams);
    let budget = budget(tables, key, available_bps, &streams, turn.now_us);
    let Transport { allotment, estimator, .. } = &mut tables.transports[key];
    let flat = estimator.queue_us(turn.now_us) < QUEUE_US_FULL;
    let little = estimator.loss_is_little(turn.now_us);
    let calm = flat && little;
    let dead = estimator.is_stale(turn.now_us) && estimator.is_silent(turn.now_us);
    let kept = allotment.keeps(flat, estimator.loss(), little, turn.now_us);
    streams.iter_mut().filter(|stream| stream.is_held()).take(kept).for_each(|stream| stream.keeps = true);
    let tolerated_bps = allotment.tolerates(&budget, calm, turn.now_us);
    let limit_bps = tolerated_bps.unwrap_or(budget.bps);
    let may_raise = tolerated_bps.is_none() && calm && !dead && allotment.may_raise(budget.bps, turn.now_us);
    let shared = share(&mut streams, limit_bps, may_raise);
    if streams.iter().any(Stream::is_raised) {
        allotment.note_raised(turn.now_us);
    }
    if budget.held_bps > limit_bps {
        allotment.note_lowered(budget.held_bps, turn.now_us);
    }
    let flood = budget.held_bps as f64 > limit_bps as f64 * FLOOD_RATIO;
    for stream in &streams {
        tables.consumers[stream.consumer].lowered += u64::from(stream.is_lowered());
        grant(tables, stream.consumer, stream.granted(), flood, turn);
    }
    turn.scratch.streams = streams;
    look_for_more(tables, key, shared, tolerated_bps, budget, turn);
}

/// Collect the pictures that this viewer could get, highest rank first.
fn gather_streams(tables: &Tables, key: TransportKey, now_us: u64, streams: &mut Vec<Stream>) {
    let transport = &tables.transports[key];
    let dominant = tables.routers[transport.router].speakers.dominant();
    let speaks = dominant.and_then(|id| Some(tables.producers[*tables.ids.producers.get(&id)?].transport));
    streams.clear();
    for at in &transport.consumers {
        let consumer = &tables.consumers[*at];
        let producer = &tables.producers[consumer.producer];
        if !consumer.video || consumer.paused || producer.paused {
            continue;
        }
        let steps = steps_of(producer, consumer.wanted(), now_us);
        if steps.as_slice().is_empty() {
            continue;
        }
        let rank = consumer.priority + if speaks == Some(producer.transport) { SPEAKS_PRIORITY } else { 0 };
        streams.push(Stream::new(*at, (rank, consumer.keeps), steps, consumer.grant));
    }
    streams.sort_by_key(|stream| std::cmp::Reverse(stream.rank));
}

fn budget(tables: &mut Tables, key: TransportKey, available_bps: u64, streams: &[Stream], now_us: u64) -> Budget {
    let Transport { consumers, allotment, estimator, .. } = &mut tables.transports[key];
    let sounds = consumers.iter().map(|at| &tables.consumers[*at]).filter(|one| !one.video && !one.paused);
    let voices = sounds.map(|one| (one, &tables.producers[one.producer]));
    let heard = voices.filter(|(_, producer)| !producer.paused && !producer.voice.is_unheard(Audience::Viewers));
    let sum = heard.fold(None, |sum: Option<AudioRates>, (one, producer)| {
        let (bitrates, sum) = (&producer.layers[0].bitrates, sum.unwrap_or_default());
        let plain_bps = bitrates.plain_bps().min(VOICE_BPS_MAX);
        let came_bps = if one.red.strip { 0 } else { bitrates.total_bps().saturating_sub(bitrates.plain_bps()) };
        let made_bps = one.red.copies_bps(bitrates) as u64;
        Some(AudioRates {
            plain_bps: sum.plain_bps + plain_bps,
            whole_bps: sum.whole_bps + plain_bps + came_bps.min(VOICE_BPS_MAX),
            sent_bps: sum.sent_bps + plain_bps + came_bps.max(made_bps).min(VOICE_BPS_MAX),
        })
    });
    let held_bps = streams.iter().map(Stream::held_bps).sum();
    let way = PathState {
        available_bps,
        narrow_us: estimator.narrow_us(now_us),
        has_audio_alone: held_bps == 0,
        cut_us: estimator.cut_us(),
        trial_windows: estimator.trial_looks(now_us),
        loss: estimator.loss(),
        last_loss: estimator.last_loss(),
        own_loss: estimator.inherent_loss(),
    };
    let finding = sum.map_or(Finding::Nothing, |voices| allotment.audio_redundancy.decide(voices, way, now_us));
    let left_out = allotment.audio_redundancy.is_left_out();
    for at in &*consumers {
        tables.consumers[*at].leave_copies_out(left_out);
        let redundancy = &mut tables.consumers[*at].red.redundancy;
        match finding {
            Finding::Nothing => {}
            Finding::Suspected => redundancy.forget(now_us),
            Finding::Cleared => redundancy.recall(now_us),
        }
    }
    // Lost packets are sent twice, so a lossy path carries less.
    let arrives = 1.0 - estimator.loss().min(0.5);
    let voices_bps = allotment.reserve(sum, now_us);
    let bps = ((available_bps as f64 * arrives) as u64).saturating_sub(voices_bps);
    Budget { bps, voices_bps, arrives, held_bps }
}

/// Probe the path if the viewer wants more than the estimate allows, or if the current bitrate is in doubt.
fn look_for_more<S: Sink>(
    tables: &mut Tables,
    key: TransportKey,
    shared: Shared,
    in_doubt: Option<u64>,
    budget: Budget,
    turn: &mut Turn<S>,
) {
    let Some(wanted_bps) = in_doubt.or(shared.wanted_bps) else { return };
    let transport = &mut tables.transports[key];
    let wanted_bps = (wanted_bps + budget.voices_bps) as f64 / budget.arrives;
    let rtt_us = transport.rtt_or_guess_us();
    if transport.estimator.look_for(wanted_bps as u64, rtt_us, turn.now_us) {
        pace::pace(tables, key, turn);
    }
}

/// Set the grant of a consumer. `flood`: a layer above the grant stops at once, though the picture then freezes until the next
/// key frame.
fn grant<S: Sink>(tables: &mut Tables, key: ConsumerKey, grant: Option<Grant>, flood: bool, turn: &mut Turn<S>) {
    let before = tables.consumers[key].grant;
    if !set_grant(&mut tables.consumers[key], grant, turn) {
        return;
    }
    target::choose_target(tables, key, turn.now_us);
    if before.is_none() {
        send::start_from_cache(tables, key, turn);
        early_padding::pad_until_keyframe(tables, key, turn);
    }
    let consumer = &mut tables.consumers[key];
    if flood && consumer.current.is_some_and(|current| current > consumer.target) {
        consumer.stop();
    }
    let (producer, target) = (consumer.producer, consumer.target);
    if tables.transports[consumer.transport].is_reached() && consumer.wants_keyframe() {
        keyframes::ask_keyframe(tables, producer, target, turn);
    }
}

/// Set the grant and report starvation. Return false if the grant is unchanged.
fn set_grant<S: Sink>(consumer: &mut Consumer, grant: Option<Grant>, turn: &mut Turn<S>) -> bool {
    let before = std::mem::replace(&mut consumer.grant, grant);
    if before.is_some() != grant.is_some() {
        let starved = grant.is_none();
        if starved {
            consumer.stop();
        }
        turn.events.push(Event::Starved { consumer: consumer.id, starved });
    }
    before != grant
}

/// Return the steps that `producer` sends now, up to the wanted layer and temporal id. The list is empty if nothing is sent, or
/// the bitrates are unknown.
fn steps_of(producer: &Producer, wanted: Grant, now_us: u64) -> Steps {
    let mut steps = Steps::default();
    match &producer.layers[..] {
        [layer] if layer.is_active(now_us) => {
            let top = wanted.layer.min(layer.bitrates.top_spatial());
            (0..=top).for_each(|spatial| steps.add(&layer.bitrates, (spatial, spatial), wanted));
        }
        layers => {
            let top = producer.choose_layer(wanted.layer, now_us);
            let active = layers.iter().zip(0..=top).filter(|(layer, _)| layer.is_active(now_us));
            active.for_each(|(layer, index)| steps.add(&layer.bitrates, (layer.bitrates.top_spatial(), index), wanted));
        }
    }
    steps
}
