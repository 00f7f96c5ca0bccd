//! Early padding: packets of padding only (RFC 3550 §5.1) for a new viewer of a picture until its first key frame. A publisher
//! may make a key frame only every two seconds, and the cache does not hold all of them. A padding packet shows the viewer's
//! library that the stream exists. Then libwebrtc opens the stream, reports on it and asks for a key frame. Then pion reports
//! the track to its application.
//!
//! The numbers of padding packets come right before the number of the first media packet, and all of them have its timestamp.
//! Otherwise a receiver that takes each new timestamp for a frame would give an empty frame to its decoder. The decoder of
//! aiortc takes an empty frame for the end of the stream, and decodes nothing after it. A NACK for a padding packet is not
//! answered, because no picture needs the packet. Padding ends with the first media packet, with the viewer's first report on
//! the stream, and at [`PACKETS_MAX`].

use crate::keys::ConsumerKey;
use crate::seam::outbox::Sink;
use crate::shard::tables::Tables;
use crate::shard::tables::consumer::Consumer;
use crate::shard::tables::transport::Transport;
use crate::shard::turn::Turn;
use crate::stream::sent_log::{Content, Sent};
use crate::wire::rtp;

/// Microseconds between two padding packets for a viewer that waits for its first key frame (LiveKit: `paddingOnMuteInterval`).
/// Longer: if packets are lost, the viewer opens the stream later. Shorter: more useless packets.
const EVERY_US: u64 = 100_000;
/// Padding packets for one viewer of one track, one in 0.1 s (`EVERY_US`). They end with its first key frame or its first
/// report. libwebrtc and pion report after at most 1.5 s. More: useless packets to a viewer that does not report. Fewer: if
/// packets are lost, the viewer does not open the stream, and the first picture is late.
pub const PACKETS_MAX: u8 = 20;
/// Bytes of padding in a packet: the minimum, because the last byte holds the count (RFC 3550 §5.1). Larger: more useless bytes
/// for each waiting viewer. Smaller: the packet is not marked as padding, and a receiver may give it to its decoder.
const PADDING: u8 = 1;
/// Bytes reserved for one padding packet: header, extensions, padding and tag. Chosen. Larger: the buffer of outgoing datagrams
/// is sent off slightly earlier. Smaller than a long header: the write panics.
const SPACE: usize = 512;

/// Start sending padding if the consumer waits for its first key frame.
pub(crate) fn pad_until_keyframe<S: Sink>(tables: &mut Tables, key: ConsumerKey, turn: &mut Turn<S>) {
    if tables.consumers[key].early.listed || !awaits_first_keyframe(tables, key) {
        return;
    }
    send_early(tables, key, turn);
    tables.consumers[key].early.listed = true;
    turn.agenda.early.consumers.push(key);
    turn.agenda.early.due_us = turn.agenda.early.due_us.min(turn.now_us + EVERY_US);
}

pub(crate) fn tick_early<S: Sink>(tables: &mut Tables, turn: &mut Turn<S>) {
    let mut consumers = std::mem::take(&mut turn.agenda.early.consumers);
    consumers.retain(|key| {
        if !tables.consumers.get(*key).is_some_and(|consumer| consumer.early.listed) {
            return false;
        }
        let waits = awaits_first_keyframe(tables, *key);
        // All packets are sent in one turn, so a viewer that has just joined waits for the next turn.
        if waits && turn.now_us >= tables.consumers[*key].early.at_us + EVERY_US / 2 {
            send_early(tables, *key, turn);
        }
        tables.consumers[*key].early.listed = waits;
        waits
    });
    turn.agenda.early.due_us = if consumers.is_empty() { u64::MAX } else { turn.now_us + EVERY_US };
    turn.agenda.early.consumers = consumers;
}

fn awaits_first_keyframe(tables: &Tables, key: ConsumerKey) -> bool {
    let consumer = &tables.consumers[key];
    let transport = &tables.transports[consumer.transport];
    // The decoders in halls may not accept padding, so lines get none.
    let takes = transport.line().is_none() && transport.is_reached();
    takes && awaits_first(consumer) && !tables.producers[consumer.producer].paused
}

fn send_early<S: Sink>(tables: &mut Tables, key: ConsumerKey, turn: &mut Turn<S>) {
    let timestamp = turn.random.draw() as u32;
    let consumer = &mut tables.consumers[key];
    let transport = &mut tables.transports[consumer.transport];
    let layer = tables.producers[consumer.producer].layers.get(usize::from(consumer.target));
    let newest = layer.and_then(|layer| layer.cache.as_ref()?.get(layer.newest()));
    let known = newest.and_then(|entry| consumer.payload(entry.payload_type)).or(consumer.payloads.first());
    let (Some(path), Some(payload_type)) = (transport.destination(), known.map(|payload| payload.to)) else {
        return;
    };
    let space = turn.out.reserve(SPACE);
    let Some(len) = write_early(consumer, (payload_type, timestamp), transport, turn.now_us, space) else { return };
    turn.out.push(path, len, len, true);
    consumer.early.packets += 1;
    consumer.early.at_us = turn.now_us;
    consumer.count_filler(len);
    transport.count_sent(1, len as u64);
    transport.pacer.spend(len);
    turn.totals.padding_bytes += u64::from(PADDING);
}

fn awaits_first(consumer: &Consumer) -> bool {
    consumer.video
        && !consumer.is_off()
        && !consumer.is_unfit()
        && !consumer.continuity.started()
        && !consumer.acknowledged
        && consumer.early.packets < PACKETS_MAX
}

/// Write a padding packet on the media SSRC. Return its length. `first` is the timestamp if this packet is the first.
fn write_early(
    consumer: &mut Consumer,
    (payload_type, first): (u8, u32),
    transport: &mut Transport,
    now_us: u64,
    space: &mut [u8],
) -> Option<usize> {
    let Transport { outbound, extensions: ids, estimator, .. } = transport;
    let outbound = outbound.as_ref()?;
    let (sequence, timestamp) = consumer.continuity.precede(first);
    let wide = estimator.next_number().to_be_bytes();
    let extensions = [(ids.transport_cc, &wide[..]), (ids.mid, &consumer.mid[..])];
    let from = usize::from(ids.transport_cc == 0);
    let to = if ids.mid == 0 { 1 } else { 2 };
    let header =
        rtp::write_header(space, false, payload_type, sequence, timestamp, consumer.ssrc, &extensions[from..to]);
    let len = rtp::pad(space, header, PADDING);
    let roc = consumer.outgoing.roc.advance(sequence);
    let len = outbound.seal_rtp(space, len, header, roc);
    // The epoch is no epoch of this consumer. So the packet is not sent again, and no other packet gets its number.
    consumer.outgoing.sent.note(Sent { sequence, epoch: u16::MAX, content: Content::Nothing, ..Sent::default() });
    if ids.transport_cc != 0 {
        estimator.note_sent(len, now_us);
    }
    Some(len)
}
