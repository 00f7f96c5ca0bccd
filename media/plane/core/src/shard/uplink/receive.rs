//! Incoming media: it is decrypted, assigned to a source by SSRC (or MID and RID), counted, cached and queued.

use std::ops::Range;

use crate::keys::{ProducerKey, TransportKey};
use crate::seam::outbox::Sink;
use crate::shard::report::reports;
use crate::shard::tables::Tables;
use crate::shard::tables::producer::Producer;
use crate::shard::tables::table::Table;
use crate::shard::tables::transport::{Source, Transport};
use crate::shard::turn::Turn;
use crate::shard::uplink::{accept, line_sources, queue};
use crate::stream::arrivals::FEEDBACK_US;
use crate::stream::cache::PAYLOAD_BYTES_MAX;
use crate::stream::incoming::Incoming;
use crate::ticks::BUSY_TICK_US;
use crate::types::Codec;
use crate::wire::extensions::Marks;
use crate::wire::rtp::{self, Header};
use crate::wire::srtp_profile::SrtpError;

/// SSRCs that one browser may use; packets of further SSRCs are dropped. An SSRC that the server learned from a packet takes a
/// place until its track closes. Larger: a hostile peer takes more memory. Smaller: a peer with many tracks loses the media of
/// the last ones.
const SOURCES_MAX: usize = 64;

pub(crate) fn receive_rtp<S: Sink>(tables: &mut Tables, key: TransportKey, datagram: &mut [u8], turn: &mut Turn<S>) {
    if let Some((header, len)) = open_rtp(&mut tables.transports[key], datagram, turn) {
        receive_clear(tables, key, &header, &datagram[..len], turn);
    }
}

/// Decrypt a packet. Return its header and its decrypted length.
#[inline]
pub(crate) fn open_rtp<S: Sink>(
    transport: &mut Transport,
    datagram: &mut [u8],
    turn: &mut Turn<S>,
) -> Option<(Header, usize)> {
    let inbound = transport.inbound.as_mut()?;
    let Ok(header) = rtp::parse(datagram) else {
        turn.totals.malformed += 1;
        return None;
    };
    if !transport.media.is_left(turn.now_us) {
        turn.totals.excess_packets += 1;
        return None;
    }
    let len = match inbound.open_rtp(datagram, &header) {
        Ok(len) => len,
        Err(SrtpError::Replay) => {
            turn.totals.replayed += 1;
            return None;
        }
        Err(_) => {
            turn.totals.bad_srtp += 1;
            return None;
        }
    };
    transport.media.charge_unit(datagram.len() as i64);
    transport.received_packets += 1;
    transport.received_bytes += len as u64;
    turn.wake_within(BUSY_TICK_US);
    Some((header, len))
}

pub(crate) fn receive_clear<S: Sink>(
    tables: &mut Tables,
    key: TransportKey,
    header: &Header,
    packet: &[u8],
    turn: &mut Turn<S>,
) {
    let transport = &mut tables.transports[key];
    let marks = transport.extensions.read(header, packet);
    if let Some(sequence) = marks.transport_sequence {
        let first = transport.arrivals.is_empty();
        if transport.arrivals.note(sequence, turn.now_us) {
            reports::send_arrivals(tables, key, turn);
        } else if first {
            turn.wake_within(FEEDBACK_US);
        }
    }
    let Ok(range) = header.payload(packet) else {
        turn.totals.malformed += 1;
        return;
    };
    let Some(source) = source(tables, key, header, &marks, turn.now_us) else { return };
    let Some(incoming) = understand(&tables.producers[source.producer], source, header, packet, range, marks, turn)
    else {
        return;
    };
    if incoming.codec == Codec::TelephoneEvent {
        line_sources::note_press(tables, source, &incoming, turn);
    }
    accept::accept(tables, source, &incoming, turn);
}

/// Return the source of this SSRC. The first packet of an SSRC latches it by MID and RID, or without a MID by its payload type.
/// On a line only the payload type counts.
fn source(tables: &mut Tables, key: TransportKey, header: &Header, marks: &Marks, now_us: u64) -> Option<Source> {
    let transport = &mut tables.transports[key];
    if let Some(source) = transport.sources.get(&header.ssrc).copied() {
        if let Some(line) = transport.line_mut() {
            // The current SSRC is alive, so another SSRC may not replace it.
            line.newcomer = line.newcomer.filter(|newcomer| newcomer.producer != source.producer);
        }
        return Some(source);
    }
    if transport.line().is_some() {
        return line_sources::source_on_line(tables, key, header, now_us);
    }
    if transport.sources.len() >= SOURCES_MAX {
        return None;
    }
    let source = match marks.mid {
        Some(mid) => by_mid(transport, &mut tables.producers, mid, header, marks),
        None => by_payload_type(transport, &mut tables.producers, header),
    }?;
    let replaced = {
        let layer = &mut tables.producers[source.producer].layers[source.layer as usize];
        let place = if source.rtx { &mut layer.rtx_ssrc } else { &mut layer.ssrc };
        std::mem::replace(place, header.ssrc)
    };
    transport.sources.remove(&replaced);
    transport.sources.insert(header.ssrc, source);
    if replaced != 0 && !source.rtx {
        queue::restart_layer(tables, source);
    }
    Some(source)
}

/// Return the packet with RTX undone (RFC 4588) and its codec.
fn understand<'a, S: Sink>(
    producer: &Producer,
    source: Source,
    header: &Header,
    packet: &'a [u8],
    range: Range<usize>,
    marks: Marks<'a>,
    turn: &mut Turn<S>,
) -> Option<Incoming<'a>> {
    let payload = &packet[range];
    let mut incoming = Incoming {
        sequence: header.sequence,
        timestamp: header.timestamp,
        marker: header.marker,
        payload_type: header.payload_type,
        codec: Codec::Opus,
        payload,
        marks,
        repaired: source.rtx,
    };
    if source.rtx {
        let (original, rest) = payload.split_at_checked(2)?;
        let repaired = producer.repaired_by(header.payload_type)?;
        incoming.sequence = u16::from_be_bytes([original[0], original[1]]);
        incoming.payload = rest;
        incoming.payload_type = repaired.payload_type;
        if rest.is_empty() {
            return None;
        }
    }
    if incoming.payload.len() > PAYLOAD_BYTES_MAX {
        turn.totals.malformed += 1;
        return None;
    }
    if let Some(known) = producer.payload(incoming.payload_type) {
        incoming.codec = known.codec;
        return Some(incoming);
    }
    // A packet that keeps an address translation open (RFC 6263 §4.5), or comfort noise (RFC 3389). Its content is useless, but
    // its number belongs to the stream. Without the number, receivers would wait for a missing packet.
    let nearest = producer.payloads.first().filter(|_| producer.on_line && !source.rtx)?;
    (incoming.payload_type, incoming.codec) = (nearest.payload_type, nearest.codec);
    (incoming.payload, incoming.marker) = (&[], false);
    Some(incoming)
}

fn by_mid(
    transport: &Transport,
    producers: &mut Table<ProducerKey, Producer>,
    mid: &[u8],
    header: &Header,
    marks: &Marks,
) -> Option<Source> {
    let key = *transport.producers.iter().find(|key| producers[**key].mid.as_bytes() == mid)?;
    let producer = &producers[key];
    let repaired = producer.repaired_by(header.payload_type).is_some();
    let rid = if repaired { marks.repaired_rid.or(marks.rid) } else { marks.rid };
    let layer = match rid {
        Some(rid) => producer.layers.iter().position(|l| l.rid.as_bytes() == rid)?,
        None if producer.layers.len() == 1 => 0,
        None => return None,
    };
    (repaired || producer.payload(header.payload_type).is_some()).then_some(Source {
        producer: key,
        layer: layer as u8,
        rtx: repaired,
    })
}

/// Find the source without MID. The payload type must leave only one choice: one producer with one layer that has no SSRC yet.
fn by_payload_type(
    transport: &Transport,
    producers: &mut Table<ProducerKey, Producer>,
    header: &Header,
) -> Option<Source> {
    let mut found = None;
    for key in &transport.producers {
        let producer = &producers[*key];
        let rtx = producer.repaired_by(header.payload_type).is_some();
        if !rtx && producer.payload(header.payload_type).is_none() {
            continue;
        }
        let [layer] = &producer.layers[..] else { continue };
        let taken = if rtx { layer.rtx_ssrc } else { layer.ssrc };
        if taken == 0 && found.replace(Source { producer: *key, layer: 0, rtx }).is_some() {
            return None;
        }
    }
    found
}
