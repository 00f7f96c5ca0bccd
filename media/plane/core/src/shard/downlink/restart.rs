//! The restart of media on a path that carried nothing for a time and works again. The peer may be on another network, or may
//! have left a dead zone. All packets of that time are lost. Receivers ask for them one by one, or wait for pictures that
//! cannot arrive (libwebrtc: three seconds). So pictures start again with a key frame, and packets that would arrive too late
//! are not resent.

use crate::keys::TransportKey;
use crate::seam::outbox::Sink;
use crate::shard::downlink::{early_padding, send, target};
use crate::shard::report::keyframes;
use crate::shard::tables::Tables;
use crate::shard::turn::Turn;

/// Microseconds. The least time between two restarts of all streams to a peer that can be reached again. Longer: a peer that
/// moves twice waits for its picture. Shorter: a hostile peer that moves all the time causes more work.
const AGAIN_US: u64 = 200_000;

/// Restart the peer's pictures if media can be sent to it again. The packets of the meantime are missing. `AGAIN_US` limits the
/// rate, because a peer may claim to move all the time.
pub(crate) fn reach_again<S: Sink>(tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    let Tables { transports, consumers, .. } = tables;
    let transport = &mut transports[key];
    if !transport.is_reached() {
        return;
    }
    for at in &transport.consumers {
        let consumer = &mut consumers[*at];
        // A consumer without budget for a key frame continues. It asks when it may.
        if consumer.video && consumer.current.is_some() && consumer.budget.may_ask_keyframe(turn.now_us) {
            consumer.stop();
        }
    }
    let start_us = *transport.start_us.get_or_insert(turn.now_us.max(transport.started_us + AGAIN_US));
    turn.wake_within(start_us.saturating_sub(turn.now_us));
}

/// Start the consumers of a connected transport from the caches. Ask for the key frames that the caches do not hold.
pub(crate) fn start_consumers<S: Sink>(tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    let transport = &mut tables.transports[key];
    if transport.path().is_none() {
        return;
    }
    (transport.start_us, transport.started_us) = (None, turn.now_us);
    for consumer in transport.consumers.clone() {
        target::choose_target(tables, consumer, turn.now_us);
        send::start_from_cache(tables, consumer, turn);
        early_padding::pad_until_keyframe(tables, consumer, turn);
        target::retarget(tables, tables.consumers[consumer].producer, turn);
    }
}

/// Restart pictures when the peer is found on another path, or its feedback arrives again. Do nothing if the path was not cut
/// off.
pub(crate) fn begin_again<S: Sink>(tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    let transport = &tables.transports[key];
    let Some(since_us) = transport.estimator.cut_off_since_us(transport.rtt_or_guess_us(), turn.now_us) else { return };
    begin_after(tables, key, since_us, turn);
}

/// Restart the pictures whose packets since `since_us` are lost.
pub(crate) fn begin_after<S: Sink>(tables: &mut Tables, key: TransportKey, since_us: u64, turn: &mut Turn<S>) {
    if !tables.transports[key].is_reached() {
        return;
    }
    for at in 0..tables.transports[key].consumers.len() {
        let consumer = &mut tables.consumers[tables.transports[key].consumers[at]];
        let lost = consumer.video && !consumer.is_off() && consumer.last_sent_us >= since_us;
        let Some(layer) = consumer.current.filter(|_| lost && consumer.budget.may_ask_keyframe(turn.now_us)) else {
            continue;
        };
        consumer.outgoing.forget();
        let producer = consumer.producer;
        keyframes::ask_keyframe(tables, producer, layer, turn);
    }
}
