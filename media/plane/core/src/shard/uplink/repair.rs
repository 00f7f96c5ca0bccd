//! The requests for lost packets and key frames, which ticks send.

use crate::ice::agent::Agent;
use crate::keys::{ProducerKey, TransportKey};
use crate::seam::outbox::Sink;
use crate::shard::report::{keyframes, rtcp_out};
use crate::shard::tables::Tables;
use crate::shard::turn::Turn;
use crate::stream::reception::{ASKS_MAX, VOICE_ASKS_MAX, VOICE_RTT_US_MAX};

/// Microseconds, plus a round trip, without feedback on sent packets. After that a peer with several paths is looked for on the
/// others. Feedback arrives every 50 to 250 ms. Longer: a peer that moved is found later, and its media is missing until then.
/// Shorter: useless STUN requests.
const UNTOLD_US: u64 = 400_000;
/// Microseconds, plus a round trip, without packets of a publisher after which it is looked for on its other paths. Without
/// speech a packet arrives every 400 ms. Longer: a publisher that moved is found later, and its media is missing until then.
/// From 2 s (`LAYER_SILENT_US`) on, its silence never starts the search. Shorter: useless STUN requests.
const MUTE_US: u64 = 700_000;

/// Ask for lost packets and key frames. Return `true` while packets are missing.
pub(crate) fn tick_producers<S: Sink>(tables: &mut Tables, turn: &mut Turn<S>) -> bool {
    let mut asking = false;
    let mut asked = std::mem::take(&mut turn.scratch.asked);
    for at in tables.producers.places() {
        let Some(producer) = tables.producers.get(at) else { continue };
        let transport = producer.transport;
        let rtt_us = tables.transports[transport].rtt_us;
        let answers = tables.transports[transport].repairs();
        let in_time = producer.video || rtt_us.is_none_or(|rtt_us| rtt_us <= VOICE_RTT_US_MAX);
        let repairs = answers && in_time && producer.repaired && producer.is_wanted();
        let asks = if producer.video { ASKS_MAX } else { VOICE_ASKS_MAX };
        for index in 0..producer.layers.len() {
            let layer = &mut tables.producers[at].layers[index];
            let ssrc = layer.ssrc;
            layer.bitrates.settle(turn.now_us);
            asked.clear();
            if !repairs {
                layer.reception.give_up();
            }
            let given_up =
                layer.reception.is_missing_any() && layer.reception.ask(turn.now_us, rtt_us, asks, &mut asked);
            let wished = given_up || layer.keyframe.is_wanted();
            let seen = wished && keyframes::would_be_seen(tables, at, index as u8);
            let layer = &mut tables.producers[at].layers[index];
            if wished && !seen {
                layer.keyframe.came();
            }
            let again = layer.keyframe.again(turn.now_us);
            asking |= layer.reception.is_missing_any();
            if !asked.is_empty() {
                rtcp_out::send_nack(tables, transport, ssrc, &asked, turn);
            }
            if again {
                keyframes::send_keyframe_request(tables, transport, (at, index), turn);
            }
            if given_up && seen {
                keyframes::ask_keyframe(tables, at, index as u8, turn);
            }
        }
    }
    turn.scratch.asked = asked;
    asking
}

pub(crate) fn is_flowing(tables: &Tables, key: TransportKey, now_us: u64) -> bool {
    let transport = &tables.transports[key];
    let active = |at: &ProducerKey| tables.producers[*at].layers.iter().any(|l| l.is_active(now_us));
    transport.producers.iter().any(active)
}

/// Return the time since which the selected path is silent. None if it is not silent, or not for long enough.
pub(crate) fn silent_since_us(tables: &Tables, key: TransportKey, now_us: u64) -> Option<u64> {
    let transport = &tables.transports[key];
    let rtt_us = transport.rtt_or_guess_us();
    let settled_us = transport.ice().map_or(0, Agent::settled_us);
    let untold = transport.estimator.untold_since_us(settled_us);
    let mute_us = transport.heard_us.max(settled_us);
    let is_mute = now_us > mute_us + MUTE_US + rtt_us && is_flowing(tables, key, now_us);
    untold.filter(|since_us| now_us > since_us + UNTOLD_US + rtt_us).or(is_mute.then_some(mute_us))
}
