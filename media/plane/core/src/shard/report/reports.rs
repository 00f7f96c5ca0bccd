//! Sender and receiver reports (RFC 3550), and arrival times for publishers (transport-wide feedback).

use crate::keys::{ConsumerKey, TransportKey};
use crate::ntp::{ntp, unix_us};
use crate::seam::outbox::Sink;
use crate::shard::report::mirror_out;
use crate::shard::report::rtcp_out::{self, COMPOUND_BYTES};
use crate::shard::tables::Tables;
use crate::shard::turn::Turn;
use crate::stream::voice::Audience;
use crate::wire::rtcp::{self, ReportBlock, SenderInfo};
use crate::wire::srtp::RTCP_OVERHEAD_MAX;
use crate::wire::{rtcp_extended, transport_feedback};

/// Tracks of a line (a hall's call or the mixer) in one RTCP datagram, each with its CNAME. Chosen. Larger: fewer datagrams.
/// With a CNAME of 64 bytes more than 9 do not fit into 1,200 bytes (`COMPOUND_BYTES`), with the server's names of 16 bytes
/// more than 18; then the write panics. Smaller: more datagrams.
const TRACKS_A_REPORT: usize = 8;
/// Report blocks of a line (a hall's call or the mixer) in one RTCP datagram. Chosen. Larger: fewer datagrams. With eight
/// tracks and a CNAME of 64 bytes more than 15 do not fit into 1,200 bytes (`COMPOUND_BYTES`), and the write panics. More than
/// 31 (`BLOCKS_MAX`): the last blocks are left out. Smaller: more datagrams.
const BLOCKS_A_REPORT: usize = 8;
/// Bytes of a sender report without report blocks (RFC 3550 §6.4.1). Larger: compounds end earlier, so there are more
/// datagrams. Smaller: a report does not fit into its compound, and the write panics.
const SENDER_REPORT_BYTES: usize = 28;
/// Bytes of an extended report with one receiver reference time block (RFC 3611 §4.4). Larger: some of these blocks get their
/// own datagram. Smaller: the block does not fit into its compound, and the write panics.
const RECEIVER_TIME_BYTES: usize = 20;
/// Microseconds. A publisher without a sender report for this time makes no sender reports. The packet threads that hold a copy
/// of its track (a mirror) then get its state each second without them. They get its losses at once in any case. Longer: these
/// threads learn its round-trip time later. Shorter: more messages between threads.
const REPORTS_US: u64 = 10_000_000;

/// Send the reports of a line: sender reports, report blocks, and for each SSRC the common CNAME of this router.
fn send_line_reports<S: Sink>(tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    let blocks = report_blocks(tables, key, turn);
    let mut blocks = blocks.chunks(BLOCKS_A_REPORT);
    let consumers = tables.transports[key].consumers.len();
    let mut at = 0;
    loop {
        let mut buffer = [0; COMPOUND_BYTES];
        let (mut len, mut ssrcs) = (0, [0; TRACKS_A_REPORT]);
        let mut tracks = 0;
        let mut told = blocks.next().unwrap_or_default();
        while at < consumers && tracks < TRACKS_A_REPORT {
            let info = sender_info(tables, tables.transports[key].consumers[at], turn);
            at += 1;
            let Some(info) = info else { continue };
            len += rtcp::write_sr(&mut buffer[len..], &info, std::mem::take(&mut told));
            ssrcs[tracks] = info.ssrc;
            tracks += 1;
        }
        if tracks == 0 {
            ssrcs[0] = rtcp_out::own_ssrc(tables, key);
            len = rtcp::write_rr(&mut buffer, ssrcs[0], told);
            tracks = 1;
        }
        let Some(line) = tables.transports[key].line() else { return };
        for ssrc in &ssrcs[..tracks] {
            len += rtcp::write_sdes_cname(&mut buffer[len..], *ssrc, &line.cname);
        }
        rtcp_out::put_line_rtcp(&mut tables.transports[key], &buffer[..len], turn);
        if at >= consumers && blocks.len() == 0 {
            return;
        }
    }
}

/// Tell a publisher when its packets arrived, and which are lost.
pub(crate) fn send_arrivals<S: Sink>(tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    let transport = &mut tables.transports[key];
    let (ssrc, media) = (transport.ssrc, transport.sources.keys().next().copied().unwrap_or(0));
    let (mut base, mut count, log) = transport.arrivals.take();
    let mut rest = &log[..];
    while !rest.is_empty() {
        let mut buffer = [0; COMPOUND_BYTES + RTCP_OVERHEAD_MAX];
        let room = &mut buffer[..COMPOUND_BYTES];
        let (len, told) = transport_feedback::write_transport_feedback(room, ssrc, media, base, count, rest);
        if told == 0 {
            break;
        }
        rtcp_out::send_rtcp(tables, key, &mut buffer, len, turn);
        count = count.wrapping_add(1);
        base = base.wrapping_add(told as u16);
        rest = &rest[told.min(rest.len())..];
    }
    tables.transports[key].arrivals.give_back(log, count);
}

/// Send the regular compound: a sender report for each sent track, and receiver reports for all received layers.
pub(crate) fn send_reports<S: Sink>(tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    if tables.transports[key].line().is_some() {
        return send_line_reports(tables, key, turn);
    }
    let mut buffer = [0; COMPOUND_BYTES + RTCP_OVERHEAD_MAX];
    let mut len = 0;
    for at in 0..tables.transports[key].consumers.len() {
        let Some(info) = sender_info(tables, tables.transports[key].consumers[at], turn) else { continue };
        if len + SENDER_REPORT_BYTES > COMPOUND_BYTES {
            rtcp_out::send_rtcp(tables, key, &mut buffer, len, turn);
            len = 0;
        }
        len += rtcp::write_sr(&mut buffer[len..], &info, &[]);
    }
    let blocks = report_blocks(tables, key, turn);
    for part in blocks.chunks(rtcp::BLOCKS_MAX) {
        if len + 8 + 24 * part.len() > COMPOUND_BYTES {
            rtcp_out::send_rtcp(tables, key, &mut buffer, len, turn);
            len = 0;
        }
        len += rtcp::write_rr(&mut buffer[len..], tables.transports[key].ssrc, part);
    }
    if !blocks.is_empty() {
        if len + RECEIVER_TIME_BYTES > COMPOUND_BYTES {
            rtcp_out::send_rtcp(tables, key, &mut buffer, len, turn);
            len = rtcp::write_rr(&mut buffer, tables.transports[key].ssrc, &[]);
        }
        let time = ntp(turn.wall_us);
        len += rtcp_extended::write_receiver_time(&mut buffer[len..], tables.transports[key].ssrc, time);
    }
    if len > 0 {
        rtcp_out::send_rtcp(tables, key, &mut buffer, len, turn);
    }
}

/// Return the data of a sender report, with the publisher's clock converted to our clock. So a viewer plays the tracks of one
/// publisher in step.
fn sender_info<S: Sink>(tables: &Tables, consumer: ConsumerKey, turn: &mut Turn<S>) -> Option<SenderInfo> {
    let consumer = &tables.consumers[consumer];
    let producer = &tables.producers[consumer.producer];
    let layer = &producer.layers[usize::from(consumer.current?)];
    let publisher = &tables.transports[producer.transport];
    let on_line = tables.transports[consumer.transport].line().is_some();
    if !on_line && producer.voice.is_unheard(Audience::Viewers) {
        return None;
    }
    let wall_us = turn.wall_us;
    let (rtp, since_us) = match (layer.clock(), publisher.clock_offset_us) {
        (Some(clock), Some(offset_us)) => (clock.rtp, wall_us - (unix_us(clock.ntp) + offset_us)),
        // A terminal that has sent no sender report: its packets give the time.
        _ if publisher.is_line_or_its_mirror() => (layer.newest_timestamp?, (turn.now_us - layer.last_us) as i64),
        _ => return None,
    };
    let ticks = i128::from(since_us) * i128::from(layer.clock_hz.max(1)) / 1_000_000;
    Some(SenderInfo {
        ssrc: consumer.ssrc,
        ntp: ntp(wall_us),
        rtp: consumer.continuity.timestamp(rtp.wrapping_add(ticks as u32)),
        packets: consumer.packets as u32,
        bytes: consumer.bytes as u32,
    })
}

fn report_blocks<S: Sink>(tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) -> Vec<ReportBlock> {
    let mut blocks = Vec::new();
    for at in 0..tables.transports[key].producers.len() {
        let producer = tables.transports[key].producers[at];
        for layer in 0..tables.producers[producer].layers.len() {
            let reported = &mut tables.producers[producer].layers[layer];
            if reported.ssrc != 0 && reported.is_active(turn.now_us) {
                let before = reported.reception.losses.fraction;
                blocks.push(reported.reception.report(reported.ssrc, turn.now_us));
                // If the publisher sends sender reports, `note_clock` updates the mirrors at each report.
                let is_mute = reported.clock().is_none_or(|clock| turn.now_us > clock.arrived_us + REPORTS_US);
                if before + reported.reception.losses.fraction > 0.0 || is_mute {
                    mirror_out::tell_mirrors(tables, producer, layer as u8, turn);
                }
            }
        }
    }
    blocks
}
