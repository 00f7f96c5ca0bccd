//! Answers to NACKs, from the caches of the producers.

use crate::keys::TransportKey;
use crate::seam::outbox::Sink;
use crate::shard::downlink::packet::Packet;
use crate::shard::tables::Tables;
use crate::shard::tables::consumer::Consumer;
use crate::shard::turn::Turn;
use crate::stream::reception::VOICE_RTT_US_MAX;
use crate::stream::sent_log::{Content, Sent};

/// Microseconds. The least time between two retransmissions of a packet if the round trip is shorter; a longer round trip
/// counts itself. Longer: if the retransmission to a near viewer is lost too, the picture is repaired later. Shorter: two NACKs
/// for one loss cause two retransmissions.
const RESEND_US_MIN: u64 = 10_000;
/// Retransmissions of one packet; further NACKs for it are ignored. More: packets that are too late to be shown take bandwidth.
/// More than 15 (the counter has four bits): a packet that still waits is sent twice with one number, and the packet thread may
/// panic. Fewer: with heavy loss, a picture is not repaired and freezes.
const RESENDS_MAX: u8 = 10;
/// Retransmissions of one padding packet. Chosen. More: padding uses up the viewer's budget for packets with content. Fewer:
/// with heavy loss, a receiver that orders by numbers waits for the missing number, and its picture freezes.
const RESENDS_OF_NOTHING_MAX: u8 = 4;
/// Microseconds. A viewer whose round trip, without queues, is at least this long gets a picture's packet twice when it asks,
/// while it has credit (`RESEND_CREDIT_MAX`). If the first is lost, no other could arrive before the picture is due. Larger:
/// far viewers see more frozen pictures. Smaller: more traffic to near viewers, without use.
const FAR_US: u64 = 200_000;
/// Sequence numbers that are read from one NACK; further ones are ignored. Larger: a hostile NACK costs more work. Smaller:
/// after a long loss, packets stay missing until the next NACK, and the picture freezes.
const NACK_ITEMS_MAX: usize = 512;

/// Answer a NACK from the producer's cache.
pub(crate) fn resend<S: Sink>(
    tables: &mut Tables,
    key: TransportKey,
    media: u32,
    items: impl Iterator<Item = u16>,
    turn: &mut Turn<S>,
) {
    let transport = &mut tables.transports[key];
    let (Some(path), Some(consumer)) = (transport.destination(), transport.outgoing.get(&media)) else { return };
    let consumer = &mut tables.consumers[*consumer];
    if !consumer.video && transport.rtt_or_guess_us() > VOICE_RTT_US_MAX {
        return;
    }
    let queue_us = transport.estimator.queue_us(turn.now_us).max(0) as u64;
    let tells_of_queues = transport.extensions.transport_cc != 0;
    let is_far = tells_of_queues && transport.rtt_us.is_some_and(|rtt_us| rtt_us >= FAR_US + queue_us);
    let wait_ms = (transport.rtt_us.unwrap_or(0).max(RESEND_US_MIN) / 1_000) as u16;
    for sequence in items.take(NACK_ITEMS_MAX) {
        let Some(again) = recall(consumer, sequence, (turn.now_us / 1_000) as u16, wait_ms) else { continue };
        let layer = &tables.producers[consumer.producer].layers[usize::from(again.layer())];
        let Some((cache, entry)) = layer.cache.as_ref().and_then(|c| Some((c, c.get(again.source)?))) else {
            continue;
        };
        if !consumer.budget.may_resend() {
            return;
        }
        let timestamp = consumer.continuity.timestamp(entry.timestamp);
        let packet = Packet {
            cache,
            entry,
            offsets: again.offsets(),
            padding: again.padding,
            content: again.content,
            timestamp,
            marker: again.marker(),
        };
        let is_rtx = packet.rtx(consumer).is_some();
        let holds = again.content != Content::Nothing;
        let twice = is_far && is_rtx && holds && again.resends() == 1 && consumer.budget.may_resend_twice();
        for _ in 0..=usize::from(twice) {
            let space = turn.out.reserve(2_048);
            let written = match is_rtx {
                true => packet.write_rtx(consumer, transport, turn.now_us, space),
                false => packet.write_again(consumer, &again, transport, space),
            };
            if let Some(len) = written {
                transport.pacer.spend(len);
                turn.out.push(path, len, len, true);
                consumer.resent += 1;
                transport.count_sent(1, len as u64);
            }
        }
    }
}

/// Return the record of a packet that may be sent again now. A packet that still waits for its turn is refused. Otherwise its
/// number would be used twice with other bytes, which SRTP forbids.
fn recall(consumer: &mut Consumer, sequence: u16, now_ms: u16, wait_ms: u16) -> Option<Sent> {
    if !consumer.outgoing.is_recent(sequence) {
        return None;
    }
    let epoch = consumer.outgoing.epoch;
    let sent = consumer.outgoing.sent.find(sequence)?;
    let too_soon = sent.resends() > 0 && now_ms.wrapping_sub(sent.resent_ms) < wait_ms;
    let most = if sent.content == Content::Nothing { RESENDS_OF_NOTHING_MAX } else { RESENDS_MAX };
    if sent.epoch != epoch || sent.content == Content::WithCopies || too_soon || sent.resends() >= most {
        return None;
    }
    sent.count_resend();
    sent.resent_ms = now_ms;
    Some(*sent)
}
