//! The pacing: it spreads data that the path to a peer cannot carry at once. A burst within the limit goes out as it is; only
//! packets beyond the limit wait. Voices never wait. This file also sends the padding of probes.
//!
//! A waiting packet already has its numbers. It is written from the producer's cache when it is sent.

use crate::keys::TransportKey;
use crate::seam::outbox::Sink;
use crate::shard::downlink::packet::{Burst, Packet, write_padding};
use crate::shard::tables::Tables;
use crate::shard::tables::pacer::PACE_US;
use crate::shard::turn::Turn;
use crate::stream::sent_log::Content;

/// Padding packets of a probe (extra packets that test the path) that are sent at once, each 5 ms (`PACE_US`). With padding
/// only (`PADDING_ONLY`) this is at most 24 Mbit/s, with repeated packets of 1,200 bytes 120 Mbit/s. More: after a late tick,
/// the probe is one burst and overflows a narrow path. Fewer: a probe of a wide path does not reach its bitrate, and pictures
/// stay small.
const PADDING_PACKETS_MAX: usize = 64;
/// Bytes. A probe (extra packets that test the path) gets another padding packet if at least this much is missing from its
/// bitrate. Larger: the bitrate of the probe is less even, and its result less exact. Smaller: more tiny packets.
const PADDING_BYTES_MIN: usize = 200;
/// Bytes of padding in a packet of padding only (libwebrtc `kMaxPaddingLength`). Larger than 255: the count byte of RFC 3550
/// §5.1 has no larger value, and the code does not compile. Smaller: a probe (extra packets that test the path) needs more
/// packets, and on a wide path does not reach its bitrate.
const PADDING_ONLY: u8 = 224;
/// Packets. Each 5 ms (`PACE_US`), a probe (extra packets that test the path) repeats the last packets of a stream, the newest
/// first. After this many it begins again with the newest. Larger: no effect unless one tick sends more (a probe above 40
/// Mbit/s, or a late tick). Then older packets go out instead of second copies. Fewer: the same packets are repeated more
/// often, which repairs nothing.
const REPEATED: u16 = 24;
/// Bytes reserved for one packet with its headers. Chosen: more than 1,500 (`PAYLOAD_BYTES_MAX`) and 329
/// (`PACKET_OVERHEAD_MAX`). Larger: the buffer of outgoing datagrams is sent off slightly earlier. Smaller than the longest
/// packet: the write panics.
const SPACE: usize = 2_048;

/// Put the transport on the list of the pacer: packets wait, or a probe is running.
pub(crate) fn pace<S: Sink>(tables: &mut Tables, transport: TransportKey, turn: &mut Turn<S>) {
    let pacer = &mut tables.transports[transport].pacer;
    if !std::mem::replace(&mut pacer.listed, true) {
        turn.agenda.paced.push(transport);
    }
    turn.agenda.pace_us = turn.agenda.pace_us.min(turn.now_us + PACE_US);
}

pub(crate) fn tick_pacers<S: Sink>(tables: &mut Tables, turn: &mut Turn<S>) {
    let mut paced = std::mem::take(&mut turn.agenda.paced);
    paced.retain(|key| {
        release(tables, *key, turn);
        pad(tables, *key, turn);
        let Some(transport) = tables.transports.get_mut(*key) else { return false };
        let is_waiting = !transport.pacer.is_empty() || transport.estimator.padding_bytes(turn.now_us).is_some();
        transport.pacer.listed = is_waiting && transport.destination().is_some();
        transport.pacer.listed
    });
    turn.agenda.pace_us = if paced.is_empty() { u64::MAX } else { turn.now_us + PACE_US };
    turn.agenda.paced = paced;
}

/// Send the waiting packets that may be sent now, in order.
fn release<S: Sink>(tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    let Some(transport) = tables.transports.get_mut(key) else { return };
    let Some(path) = transport.destination() else { return };
    transport.pacer.settle(transport.estimator.available_bps(turn.now_us), turn.now_us);
    let mut burst = Burst::default();
    while let Some(waiting) = transport.pacer.take() {
        let consumer = &mut tables.consumers[waiting.consumer];
        let layer = &tables.producers[consumer.producer].layers[usize::from(waiting.sent.layer())];
        let Some((cache, entry)) = layer.cache.as_ref().and_then(|c| Some((c, c.get(waiting.sent.source)?))) else {
            continue;
        };
        if burst.is_long() {
            burst.end(path, true, turn.out);
        }
        if turn.out.space().len() < SPACE + burst.len() {
            burst.end(path, true, turn.out);
            turn.out.reserve(SPACE);
        }
        let (offsets, timestamp) = (waiting.sent.offsets(), waiting.timestamp);
        let packet = Packet {
            cache,
            entry,
            offsets,
            padding: waiting.sent.padding,
            content: waiting.sent.content,
            timestamp,
            marker: waiting.sent.marker(),
        };
        let space = &mut turn.out.space()[burst.len()..];
        let Some(len) = packet.write_noted(consumer, waiting.sent, transport, turn.now_us, space) else { continue };
        match waiting.sent.content {
            Content::Nothing => consumer.count_filler(len),
            _ => consumer.count(len, turn.now_us),
        }
        transport.count_sent(1, len as u64);
        transport.pacer.spend(len);
        burst.add(len, path, true, turn.out);
    }
    burst.end(path, true, turn.out);
}

/// Send the bytes that the probe lacks now. Repeat packets of a stream if possible, otherwise send padding only.
fn pad<S: Sink>(tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    for repeat in 0..PADDING_PACKETS_MAX as u16 {
        let Some(transport) = tables.transports.get_mut(key) else { return };
        let due = transport.estimator.padding_bytes(turn.now_us).unwrap_or(0);
        let Some(path) = transport.destination().filter(|_| due >= PADDING_BYTES_MIN) else { return };
        let consumers = &tables.consumers;
        let candidates = || transport.consumers.iter().copied().filter(|at| consumers[*at].rtx().is_some());
        let running = candidates().find(|at| consumers[*at].current.is_some());
        let Some(at) = running.or_else(|| candidates().next()) else { return };
        let consumer = &mut tables.consumers[at];
        let producer = &tables.producers[consumer.producer];
        let space = turn.out.reserve(SPACE);
        let written = consumer
            .outgoing
            .sent_before(repeat % REPEATED)
            .filter(|sent| sent.content != Content::Nothing)
            .and_then(|sent| {
                let cache = producer.layers.get(usize::from(sent.layer()))?.cache.as_ref()?;
                let entry = cache.get(sent.source)?;
                let timestamp = consumer.continuity.timestamp(entry.timestamp);
                Some(Packet {
                    cache,
                    entry,
                    offsets: sent.offsets(),
                    padding: 0,
                    content: sent.content,
                    timestamp,
                    marker: sent.marker(),
                })
            })
            .and_then(|packet| packet.write_rtx(consumer, transport, turn.now_us, space));
        let written = written.or_else(|| write_padding(consumer, PADDING_ONLY, transport, turn.now_us, space));
        let Some(len) = written else { return };
        turn.out.push(path, len, len, true);
        transport.count_sent(1, len as u64);
        transport.pacer.spend(len);
        turn.totals.probe_bytes += len as u64;
    }
}
