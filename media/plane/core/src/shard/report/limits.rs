//! Bitrate limits between this server and a terminal (RFC 5104 TMMBR, TMMBN).

use crate::keys::TransportKey;
use crate::seam::event::Event;
use crate::seam::outbox::Sink;
use crate::shard::report::rtcp_out;
use crate::shard::tables::Tables;
use crate::shard::turn::Turn;
use crate::wire::rtcp::{self, TmmbrEntries, TmmbrEntry};

/// Bytes that UDP, IPv4 and RTP add to a packet: 8, 20 and 12 (RFC 5104 §4.2.1.1). A bitrate limit for a terminal (TMMBR)
/// counts them too. Larger: the terminal sends less media than the limit permits. Smaller: its packets exceed the limit.
const OVERHEAD_BYTES: u16 = 40;
/// Entries, one for each track, that are read from a terminal's request for lower bitrates (TMMBR). Larger: a hostile request
/// costs more work. Smaller: a terminal with many tracks gets more than it asked for on the last ones, and loses packets.
const LIMITS_MAX: usize = 8;

/// Ask the far end of a line for the limit, if it sends video and understands TMMBR.
pub(crate) fn ask_limit<S: Sink>(tables: &mut Tables, key: TransportKey, turn: &mut Turn<S>) {
    let transport = &mut tables.transports[key];
    let videos = transport.producers.iter().filter(|at| tables.producers[**at].video);
    let ssrcs = videos.map(|at| tables.producers[*at].layers[0].ssrc);
    let Some(media) = ssrcs.into_iter().find(|ssrc| *ssrc != 0) else { return };
    let Some(line) = transport.line_mut().filter(|line| line.feedback.tmmbr) else { return };
    let Some(bitrate_bps) = line.limit.ask() else { return };
    let mut body = [0; 32];
    let entry = TmmbrEntry { ssrc: media, bitrate_bps, overhead_bytes: OVERHEAD_BYTES };
    let len = rtcp::write_tmmbr(&mut body, rtcp_out::own_ssrc(tables, key), &entry);
    rtcp_out::send_line_rtcp(tables, key, &body[..len], turn);
}

/// Accept the far end's limit on our media. Confirm it at once (RFC 5104 §4.2.2) and report it to the control side.
pub(crate) fn limit_asked<S: Sink>(
    tables: &mut Tables,
    key: TransportKey,
    (sender, entries): (u32, TmmbrEntries),
    turn: &mut Turn<S>,
) {
    for entry in entries.take(LIMITS_MAX) {
        let transport = &mut tables.transports[key];
        let Some(at) = transport.outgoing.get(&entry.ssrc).copied() else { continue };
        if !transport.line_mut().is_some_and(|line| line.news.take(turn.now_us)) {
            return;
        }
        let consumer = &mut tables.consumers[at];
        if consumer.limit_bps != entry.bitrate_bps {
            consumer.limit_bps = entry.bitrate_bps;
            turn.events.push(Event::Limit { consumer: consumer.id, bitrate_bps: entry.bitrate_bps });
        }
        let mut body = [0; 32];
        let owned = TmmbrEntry { ssrc: sender, ..entry };
        let len = rtcp::write_tmmbn(&mut body, entry.ssrc, &owned);
        rtcp_out::send_line_rtcp(tables, key, &body[..len], turn);
    }
}
