//! A way that carried nothing for a while and does again: the peer is on another network, or a hole is behind it. All that
//! was sent meanwhile is lost, and receivers ask for it packet by packet, or wait for pictures that can't come (libwebrtc: three
//! seconds). So pictures begin anew with a key frame, and what would come too late is not sent again.

use crate::keys::TransportKey;
use crate::seam::outbox::Sink;
use crate::shard::downlink::{early_padding, send, target};
use crate::shard::report::keyframes;
use crate::shard::tables::Tables;
use crate::shard::turn::Turn;

/// From one start of all that a peer watches to the next.
const AGAIN_US: u64 = 200_000;

/// If media can be sent to it again, its pictures begin anew: what came meanwhile is missing. Not more often than at times, for
/// it may say that it is here and there without end.
pub(crate) fn reach_again<S: Sink>(tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    let Tables { transports, consumers, .. } = tables;
    let transport = &mut transports[key];
    if !transport.is_reached() {
        return;
    }
    for at in &transport.consumers {
        let consumer = &mut consumers[*at];
        // Who may ask for no key frame now goes on, and asks when it may.
        if consumer.video && consumer.current.is_some() && consumer.budget.may_ask_keyframe(turn.now_us) {
            consumer.stop();
        }
    }
    let start_us = *transport.start_us.get_or_insert(turn.now_us.max(transport.started_us + AGAIN_US));
    turn.wake_within(start_us.saturating_sub(turn.now_us));
}

/// The connection is up: what its consumers wait for is in the caches, or is asked for.
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

/// The peer is found elsewhere, or its word comes again. Does nothing where the way was not cut off.
pub(crate) fn begin_again<S: Sink>(tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    let transport = &tables.transports[key];
    let Some(since_us) = transport.estimator.cut_off_since_us(transport.rtt_or_guess_us(), turn.now_us) else { return };
    begin_after(tables, key, since_us, turn);
}

/// What was sent since then is lost.
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
