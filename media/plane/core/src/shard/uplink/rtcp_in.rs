//! Incoming RTCP: reports, requests and arrival times (RFC 3550, 4585, 4588, 5104).

use crate::keys::{ConsumerKey, TransportKey};
use crate::ntp::{ntp, unix_us};
use crate::rate::estimate::trend::QUEUE_US_FULL;
use crate::seam::event::Event;
use crate::seam::outbox::Sink;
use crate::shard::downlink::{allocate, resend, restart};
use crate::shard::report::{keyframes, limits, mirror_out};
use crate::shard::tables::Tables;
use crate::shard::turn::Turn;
use crate::shard::uplink::receive;
use crate::stream::playout::{Report, Told};
use crate::stream::reception::{SenderClock, ask_again_us};
use crate::ticks::ASKING_TICK_US;
use crate::types::Codec;
use crate::wire::demux::Class;
use crate::wire::rtcp::{self, Packet, ReportBlock, SenderInfo};
use crate::wire::{rtcp_extended, transport_feedback};

/// Microseconds. A longer round-trip time is ignored: the peer slept, or its report is false. Larger: after such a report, lost
/// packets are requested again late. Smaller: a peer on a very slow path has no round-trip time, and its packets are requested
/// too often.
const RTT_US_MAX: u64 = 5_000_000;
/// Microseconds. The round-trip time that the library of a viewer without own media assumes before it repeats a NACK; a longer
/// measured one counts instead. On a lossy path the server tells the viewer how long to keep pictures, and adds this time for a
/// second retransmission. Larger: pictures are shown later than necessary. Smaller: pictures with a packet that was lost twice
/// stutter.
const VIEWER_RTT_US: u64 = 100_000;
/// Microseconds until the viewer's library looks for missing packets again. On a lossy path the server adds this time to the
/// wait of pictures for a second retransmission. Longer: pictures are shown later than necessary. Shorter: pictures with a
/// packet that was lost twice stutter.
const VIEWER_LOOKS_US: u64 = 20_000;

/// Return the only video consumer of a line. Terminals put any SSRC into their key frame requests. If the line gets one video
/// only, the request means this video.
fn only_video(tables: &Tables, key: TransportKey) -> Option<ConsumerKey> {
    let transport = &tables.transports[key];
    transport.line()?;
    let mut videos = transport.consumers.iter().filter(|at| tables.consumers[**at].video);
    videos.next().filter(|_| videos.next().is_none()).copied()
}

/// Receive an RTCP datagram. Return false if the datagram is not the peer's, or contains a malformed packet.
pub(crate) fn receive_rtcp<S: Sink>(
    tables: &mut Tables,
    key: TransportKey,
    datagram: &mut [u8],
    turn: &mut Turn<S>,
) -> bool {
    let transport = &mut tables.transports[key];
    let Some(inbound) = &mut transport.inbound else { return false };
    if !transport.media.is_left(turn.now_us) {
        turn.totals.excess_packets += 1;
        return false;
    }
    let Ok(len) = inbound.open_rtcp(datagram) else {
        turn.totals.bad_srtp += 1;
        return false;
    };
    transport.media.charge_unit(datagram.len() as i64);
    for packet in rtcp::packets(&datagram[..len]) {
        let Ok(packet) = packet else {
            turn.totals.malformed += 1;
            return false;
        };
        receive_report(tables, key, packet, turn);
    }
    true
}

fn receive_report<S: Sink>(tables: &mut Tables, key: TransportKey, packet: Packet, turn: &mut Turn<S>) {
    match packet {
        Packet::SenderReport { info, reports } => {
            note_clock(tables, key, &info, turn);
            reports.for_each(|block| note_report(tables, key, &block, turn));
        }
        Packet::ReceiverReport { reports, .. } => {
            reports.for_each(|block| note_report(tables, key, &block, turn));
        }
        Packet::Nack { media, items, .. } => resend::resend(tables, key, media, items, turn),
        Packet::Pli { media } => keyframe_asked(tables, key, media, turn),
        Packet::Fir { entries } => entries.for_each(|(media, _)| keyframe_asked(tables, key, media, turn)),
        Packet::Bye { ssrcs } => ssrcs.for_each(|ssrc| note_bye(tables, key, ssrc, turn)),
        Packet::Tmmbr { sender, entries } => limits::limit_asked(tables, key, (sender, entries), turn),
        Packet::Tmmbn { .. } => tables.transports[key].line_mut().into_iter().for_each(|line| line.limit.confirm()),
        Packet::Remb { bitrate_bps, .. } => {
            tables.transports[key].estimator.note_remb(bitrate_bps, turn.now_us);
            allocate::note_available(tables, key, turn);
        }
        Packet::TransportFeedback(body) => note_feedback(tables, key, body, turn),
        Packet::Extended { blocks, .. } => note_delay(tables, key, blocks, turn),
        Packet::Sdes | Packet::Other(_) => {}
    }
}

fn note_feedback<S: Sink>(tables: &mut Tables, key: TransportKey, body: &[u8], turn: &mut Turn<S>) {
    let transport = &mut tables.transports[key];
    if !transport.media.is_left(turn.now_us) {
        turn.totals.excess_packets += 1;
        return;
    }
    transport.charge_statuses(transport_feedback::told_in(body));
    restart::begin_again(tables, key, turn);
    let transport = &mut tables.transports[key];
    let rtt_us = transport.rtt_or_guess_us();
    match transport.estimator.note_feedback(body, rtt_us, turn.now_us) {
        Ok(true) => allocate::note_available(tables, key, turn),
        Ok(false) => {}
        Err(_) => turn.totals.malformed += 1,
    }
}

fn note_clock<S: Sink>(tables: &mut Tables, key: TransportKey, info: &SenderInfo, turn: &mut Turn<S>) {
    let wall_us = turn.wall_us;
    let transport = &mut tables.transports[key];
    let Some(source) = transport.sources.get(&info.ssrc).filter(|s| !s.rtx).copied() else { return };
    transport.note_clock(wall_us, unix_us(info.ntp));
    let layer = &mut tables.producers[source.producer].layers[source.layer as usize];
    layer.reception.clock = Some(SenderClock { ntp: info.ntp, rtp: info.rtp, arrived_us: turn.now_us });
    mirror_out::tell_mirrors(tables, source.producer, source.layer, turn);
}

fn note_report<S: Sink>(tables: &mut Tables, key: TransportKey, block: &ReportBlock, turn: &mut Turn<S>) {
    let rtt_us = round_trip_us((block.last_sr, block.delay_since_sr), turn.wall_us);
    let transport = &mut tables.transports[key];
    let Some(&at) = transport.outgoing.get(&block.ssrc) else { return };
    let consumer = &mut tables.consumers[at];
    if block.ssrc != consumer.ssrc {
        return;
    }
    consumer.acknowledged = true;
    consumer.lost = i64::from(block.cumulative_lost);
    consumer.fraction_lost = f32::from(block.fraction_lost) / 256.0;
    consumer.jitter = block.jitter;
    // While a queue is full, more redundancy would not reduce the loss.
    let crowded = transport.estimator.queue_us(turn.now_us) >= QUEUE_US_FULL;
    let loss = if crowded { 0.0 } else { consumer.fraction_lost };
    consumer.red.redundancy.note_loss(loss, turn.now_us);
    let told = consumer.count_report(block);
    let packets = expected(told, block);
    rtt_us.into_iter().for_each(|rtt_us| transport.note_rtt(rtt_us));
    note_waits(tables, at, Report { fraction: loss, packets, at_us: turn.now_us }, turn.now_us);
    let transport = &mut tables.transports[key];
    // Lines have no layers to choose from. A peer with transport-wide numbers reports more in its transport feedback.
    if transport.extensions.transport_cc == 0 && transport.line().is_none() {
        let (rtt_us, sent_bytes) = (transport.rtt_or_guess_us(), transport.sent_bytes);
        if transport.estimator.note_report(told, sent_bytes, rtt_us, turn.now_us) {
            allocate::note_available(tables, key, turn);
        }
    }
}

/// Note the round-trip time that a peer reports for our receiver time. So the round-trip time is also known for peers that only
/// send media.
fn note_delay<S: Sink>(tables: &mut Tables, key: TransportKey, mut blocks: rtcp_extended::Blocks, turn: &mut Turn<S>) {
    let mine = tables.transports[key].ssrc;
    let is_mine = |told| match told {
        rtcp_extended::Told::Delay(delay) if delay.ssrc == mine && delay.last_time != 0 => {
            Some((delay.last_time, delay.since))
        }
        _ => None,
    };
    let rtt_us = blocks.find_map(is_mine).and_then(|told| round_trip_us(told, turn.wall_us));
    rtt_us.into_iter().for_each(|rtt_us| tables.transports[key].note_rtt(rtt_us));
}

/// Return the round-trip time. `told` holds the middle 32 bits of our NTP time that the peer received (0: none), and how long
/// the peer kept it, in 1/65536 s.
fn round_trip_us(told: (u32, u32), wall_us: i64) -> Option<u64> {
    let now = (ntp(wall_us) >> 16) as u32;
    let ticks = now.wrapping_sub(told.0).wrapping_sub(told.1);
    let rtt_us = u64::from(ticks) * 1_000_000 / 65_536;
    (told.0 != 0 && rtt_us < RTT_US_MAX).then_some(rtt_us)
}

/// Compute how long the pictures of a viewer must wait for retransmissions. `down` is the report on the downlink.
fn note_waits(tables: &mut Tables, consumer: ConsumerKey, down: Report, now_us: u64) {
    let consumer = &mut tables.consumers[consumer];
    let producer = &tables.producers[consumer.producer];
    let Some(layer) = consumer.current.filter(|_| consumer.video) else { return };
    let rtt_us = |key: TransportKey| tables.transports[key].rtt_or_guess_us();
    let layer = &producer.layers[usize::from(layer)];
    // VP9 also shows its layers in the payload. A viewer that accepts no descriptor uses the payload.
    let takes = tables.transports[consumer.transport].extensions.dependency_descriptor != 0;
    let is_vp9 = producer.payloads.first().is_some_and(|payload| payload.codec == Codec::Vp9);
    let (reception, described) = (&layer.reception, layer.described && (takes || !is_vp9));
    let up = reception.losses;
    let (down_us, up_us) = (rtt_us(consumer.transport), rtt_us(producer.transport));
    let sends = !tables.transports[consumer.transport].producers.is_empty();
    let viewer_us = if sends { down_us } else { down_us.max(VIEWER_RTT_US) };
    let down = Told { report: down, rtt_us: down_us, again_us: viewer_us + VIEWER_LOOKS_US };
    let up = Told { report: up, rtt_us: up_us, again_us: ask_again_us(up_us) + ASKING_TICK_US };
    consumer.playout.note_loss(down, up, described, now_us);
}

/// Report the BYE of a producer once, because one datagram can hold hundreds of BYEs.
fn note_bye<S: Sink>(tables: &mut Tables, key: TransportKey, ssrc: u32, turn: &mut Turn<S>) {
    let Some(source) = tables.transports[key].sources.get(&ssrc).filter(|s| !s.rtx) else { return };
    let producer = &mut tables.producers[source.producer];
    let layer = &mut producer.layers[usize::from(source.layer)];
    if !std::mem::replace(&mut layer.ended, true) {
        turn.events.push(Event::Bye { producer: producer.id });
    }
}

fn keyframe_asked<S: Sink>(tables: &mut Tables, key: TransportKey, media: u32, turn: &mut Turn<S>) {
    let transport = &tables.transports[key];
    let Some(consumer) = transport.outgoing.get(&media).copied().or_else(|| only_video(tables, key)) else { return };
    let consumer = &mut tables.consumers[consumer];
    consumer.keyframes_asked += 1;
    if !transport.is_reached() || !consumer.video || consumer.is_off() || !consumer.budget.may_ask_keyframe(turn.now_us)
    {
        return;
    }
    let (producer, target) = (consumer.producer, consumer.target);
    let current = consumer.current.filter(|layer| !tables.producers[producer].is_stopped(*layer));
    let layer = current.unwrap_or(target);
    keyframes::ask_keyframe(tables, producer, layer, turn);
}

/// Report whether the datagram is the peer's. A genuine datagram is also processed.
pub(crate) fn is_genuine<S: Sink>(
    tables: &mut Tables,
    key: TransportKey,
    class: Class,
    datagram: &mut [u8],
    turn: &mut Turn<S>,
) -> bool {
    if class == Class::Rtcp {
        return receive_rtcp(tables, key, datagram, turn);
    }
    let Some((header, len)) = receive::open_rtp(&mut tables.transports[key], datagram, turn) else { return false };
    receive::receive_clear(tables, key, &header, &datagram[..len], turn);
    true
}

/// Return how many packets a report covers. The first argument holds the lost and received packets since the report before. For
/// a first report the result is computed from the lost fraction and the number of lost packets.
fn expected((lost, received): (u32, u32), block: &ReportBlock) -> u32 {
    match (lost + received, block.fraction_lost) {
        (0, 1..) => block.cumulative_lost.max(0) as u32 * 256 / u32::from(block.fraction_lost),
        (expected, _) => expected,
    }
}
