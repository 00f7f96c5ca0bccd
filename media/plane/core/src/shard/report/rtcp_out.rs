//! Outgoing RTCP: encrypted for a peer, or in a full compound for a line (RFC 3550 §6.1).

use crate::keys::TransportKey;
use crate::seam::outbox::Sink;
use crate::shard::tables::Tables;
use crate::shard::tables::line::CNAME_BYTES_MAX;
use crate::shard::tables::transport::Transport;
use crate::shard::turn::Turn;
use crate::wire::rtcp;
use crate::wire::srtp::RTCP_OVERHEAD_MAX;

/// Bytes of one RTCP datagram. Larger: with headers it may exceed the MTU. Smaller: more datagrams; below 640, the reports of a
/// line with eight tracks do not fit (`TRACKS_A_REPORT`), and the write panics.
pub(crate) const COMPOUND_BYTES: usize = 1_200;

/// Return the SSRC of our reports. If we send a stream, it is the SSRC of the first one, so that the far end sees one
/// participant.
pub(crate) fn own_ssrc(tables: &Tables, key: TransportKey) -> u32 {
    let transport = &tables.transports[key];
    let first = transport.consumers.first().and_then(|consumer| tables.consumers.get(*consumer));
    first.map_or(transport.ssrc, |consumer| consumer.ssrc)
}

/// Send feedback or a BYE to a line, after the report and the CNAME that every compound begins with.
pub(crate) fn send_line_rtcp<S: Sink>(tables: &mut Tables, key: TransportKey, body: &[u8], turn: &mut Turn<S>) {
    /// Bytes before the feedback: an empty receiver report (8), the frame of the SDES packet (16) and the CNAME. Larger: the
    /// buffer takes more of the stack. Smaller: long feedback does not fit, and the copy panics.
    const HEAD_BYTES: usize = 8 + 16 + CNAME_BYTES_MAX;
    let own = own_ssrc(tables, key);
    let Some(line) = tables.transports[key].line() else { return };
    let mut buffer = [0; COMPOUND_BYTES + HEAD_BYTES];
    let mut len = rtcp::write_rr(&mut buffer, own, &[]);
    len += rtcp::write_sdes_cname(&mut buffer[len..], own, &line.cname);
    buffer[len..len + body.len()].copy_from_slice(body);
    len += body.len();
    put_line_rtcp(&mut tables.transports[key], &buffer[..len], turn);
}

pub(crate) fn put_line_rtcp<S: Sink>(transport: &mut Transport, compound: &[u8], turn: &mut Turn<S>) {
    let (Some(path), Some(outbound)) = (transport.rtcp_path(), &mut transport.outbound) else { return };
    let space = turn.out.reserve(compound.len() + RTCP_OVERHEAD_MAX);
    space[..compound.len()].copy_from_slice(compound);
    let sealed = outbound.seal_rtcp(space, compound.len());
    if sealed > 0 {
        turn.out.push(path, sealed, sealed, false);
        transport.count_sent(1, sealed as u64);
    }
}

pub(crate) fn send_pli<S: Sink>(tables: &mut Tables, transport: TransportKey, ssrc: u32, turn: &mut Turn<S>) {
    let mut buffer = [0; 64];
    let len = rtcp::write_pli(&mut buffer, tables.transports[transport].ssrc, ssrc);
    send_rtcp(tables, transport, &mut buffer, len, turn);
}

pub(crate) fn send_nack<S: Sink>(
    tables: &mut Tables,
    transport: TransportKey,
    ssrc: u32,
    lost: &[u16],
    turn: &mut Turn<S>,
) {
    for part in lost.chunks(128) {
        let mut buffer = [0; COMPOUND_BYTES + RTCP_OVERHEAD_MAX];
        let len = rtcp::write_nack(&mut buffer, tables.transports[transport].ssrc, ssrc, part.iter().copied());
        send_rtcp(tables, transport, &mut buffer, len, turn);
    }
}

pub(crate) fn send_bye<S: Sink>(tables: &mut Tables, transport: TransportKey, ssrc: u32, turn: &mut Turn<S>) {
    let mut buffer = [0; 64];
    let len = rtcp::write_bye(&mut buffer, &[ssrc]);
    send_rtcp(tables, transport, &mut buffer, len, turn);
}

pub(crate) fn send_rtcp<S: Sink>(
    tables: &mut Tables,
    key: TransportKey,
    buffer: &mut [u8],
    len: usize,
    turn: &mut Turn<S>,
) {
    let transport = &mut tables.transports[key];
    if transport.line().is_some() {
        return send_line_rtcp(tables, key, &buffer[..len], turn);
    }
    let (Some(path), Some(outbound)) = (transport.destination(), &mut transport.outbound) else { return };
    let sealed = outbound.seal_rtcp(buffer, len);
    if sealed > 0 {
        turn.out.put(path, &buffer[..sealed]);
        transport.count_sent(1, sealed as u64);
    }
}
