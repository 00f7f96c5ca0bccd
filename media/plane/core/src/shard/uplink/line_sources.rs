//! The special treatment of media from a line: SSRC changes are followed, key presses are reported, and parameter sets are
//! inserted.

use crate::keys::{ProducerKey, TransportKey};
use crate::seam::event::Event;
use crate::seam::outbox::Sink;
use crate::shard::tables::Tables;
use crate::shard::tables::line::{Newcomer, SOURCE_CHANGE_US, SOURCE_SILENT_US};
use crate::shard::tables::transport::{Source, Transport};
use crate::shard::turn::Turn;
use crate::shard::uplink::queue;
use crate::stream::cache::Entry;
use crate::stream::incoming::Incoming;
use crate::stream::reception::Arrival;
use crate::types::Codec;
use crate::wire::rtp::Header;

/// Return the source for a new SSRC on a line. The payload type finds the producer. None while the new SSRC may not replace the
/// old one.
pub(crate) fn source_on_line(tables: &mut Tables, key: TransportKey, header: &Header, now_us: u64) -> Option<Source> {
    let transport = &tables.transports[key];
    let takes = |key: &&ProducerKey| {
        let producer = &tables.producers[**key];
        producer.follows && producer.payload(header.payload_type).is_some()
    };
    let producer = *transport.producers.iter().find(takes)?;
    let layer = &tables.producers[producer].layers[0];
    let replaced = layer.ssrc;
    let silent = now_us.saturating_sub(layer.last_us) >= SOURCE_SILENT_US;
    let soon = now_us.saturating_sub(layer.changed_us) < SOURCE_CHANGE_US;
    if replaced != 0 && !silent && (!is_second(&mut tables.transports[key], producer, header) || soon) {
        return None;
    }
    let source = Source { producer, layer: 0, rtx: false };
    tables.producers[producer].layers[0].ssrc = header.ssrc;
    let transport = &mut tables.transports[key];
    transport.sources.remove(&replaced);
    transport.sources.insert(header.ssrc, source);
    if let Some(line) = transport.line_mut() {
        line.newcomer = None;
        line.limit.renew();
    }
    if replaced != 0 {
        tables.producers[producer].layers[0].changed_us = now_us;
        queue::restart_layer(tables, source);
    }
    Some(source)
}

/// Report whether this is the second packet in order of a new SSRC, without a packet of the old SSRC between them.
fn is_second(transport: &mut Transport, producer: ProducerKey, header: &Header) -> bool {
    let Some(line) = transport.line_mut() else { return false };
    let next = Newcomer { producer, ssrc: header.ssrc, sequence: header.sequence };
    let before = line.newcomer.replace(next);
    before.is_some_and(|before| {
        let follows = header.sequence.wrapping_sub(before.sequence) == 1;
        before.producer == producer && before.ssrc == header.ssrc && follows
    })
}

/// Report whether a sequence number far from all others must be left out. If the source was silent, or the next number follows,
/// the source has started again (RFC 3550 A.1).
pub(crate) fn is_strange(tables: &mut Tables, source: Source, sequence: u16, now_us: u64) -> bool {
    let layer = &mut tables.producers[source.producer].layers[usize::from(source.layer)];
    if !layer.reception.is_far_off(sequence) {
        layer.strange = None;
        return false;
    }
    let silent = now_us.saturating_sub(layer.last_us) >= SOURCE_SILENT_US;
    let second = layer.strange.replace(sequence).is_some_and(|before| sequence.wrapping_sub(before) == 1);
    let soon = now_us.saturating_sub(layer.changed_us) < SOURCE_CHANGE_US;
    let anew = silent || second && !soon;
    if anew {
        (layer.strange, layer.changed_us) = (None, now_us);
        queue::restart_layer(tables, source);
    }
    !anew
}

/// Report the key presses of a packet of telephone events.
pub(crate) fn note_press<S: Sink>(tables: &mut Tables, source: Source, incoming: &Incoming, turn: &mut Turn<S>) {
    let producer = &tables.producers[source.producer];
    let clock_hz = producer.payload(incoming.payload_type).map_or(8_000, |p| p.clock_hz);
    let transport = &mut tables.transports[producer.transport];
    let id = transport.id;
    let Some(line) = transport.line_mut() else { return };
    let number = (incoming.sequence, incoming.timestamp, clock_hz);
    let Ok(presses) = line.presses.take(incoming.payload, number, turn.now_us) else {
        turn.totals.malformed += u64::from(!incoming.payload.is_empty());
        return;
    };
    for press in presses.into_iter().flatten().filter(|_| line.news.take(turn.now_us)) {
        turn.events.push(Event::Dtmf { transport: id, digit: press.digit, duration_ms: press.duration_ms });
    }
}

/// Return the packet's number in the cache. If an IDR picture has no parameter sets, insert them before it.
pub(crate) fn number_on_line<S: Sink>(
    tables: &mut Tables,
    source: Source,
    incoming: &Incoming,
    arrival: Arrival,
    turn: &mut Turn<S>,
) -> u16 {
    let layer = &mut tables.producers[source.producer].layers[usize::from(source.layer)];
    let Some(mut sets) = layer.sets.take() else { return incoming.sequence };
    let newest = arrival != Arrival::Late;
    let bare = incoming.codec == Codec::H264 && sets.look(incoming.payload, incoming.timestamp);
    if newest && bare {
        put_sets(tables, source, &mut sets, incoming, turn);
    }
    if newest {
        sets.forget_before(incoming.sequence);
    }
    let number = sets.number(incoming.sequence);
    let layer = &mut tables.producers[source.producer].layers[usize::from(source.layer)];
    (layer.moved, layer.sets) = (sets.moved(), Some(sets));
    number
}

fn put_sets<S: Sink>(
    tables: &mut Tables,
    source: Source,
    sets: &mut crate::codec::parameter_sets::ParameterSets,
    incoming: &Incoming,
    turn: &mut Turn<S>,
) {
    let first = sets.number(incoming.sequence);
    sets.put(incoming.sequence, incoming.timestamp);
    for (n, unit) in (0u16..).zip(sets.units()) {
        let entry = Entry {
            sequence: first.wrapping_add(n),
            timestamp: incoming.timestamp,
            payload_type: incoming.payload_type,
            codec: Some(Codec::H264),
            keyframe: n == 0,
            audio_level: crate::stream::cache::ABSENT,
            orientation: crate::stream::cache::ABSENT,
            ..Entry::default()
        };
        if n == 0 {
            let layer = &mut tables.producers[source.producer].layers[usize::from(source.layer)];
            layer.note_keyframe(entry.sequence, entry.timestamp, turn.now_us);
        }
        queue::queue(tables, source, entry, (unit, &[]), turn);
    }
}
