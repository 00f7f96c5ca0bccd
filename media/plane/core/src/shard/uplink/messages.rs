//! Short messages in RTP packets of their own, instead of a track: far end camera control (H.224 in RTP, RFC 4573). A line
//! carries them in both directions, with one payload type for each. Only the control side reads their content.

use crate::seam::event::Event;
use crate::seam::outbox::Sink;
use crate::shard::tables::Tables;
use crate::shard::tables::message_stream::Messages;
use crate::shard::tables::transport::{Transport, Way};
use crate::shard::turn::Turn;
use crate::wire::rtp::Header;

/// Bytes of the longest H.224 message (far camera control) in both directions; a longer one is dropped. An H.224 frame has at
/// most 254 bytes and its header. Larger: only a hostile terminal sends longer messages, and they take more memory in the event
/// queue. Smaller: long H.224 frames are dropped, and a far camera does not move.
pub const MESSAGE_BYTES_MAX: usize = 512;
/// Bytes of an RTP header without extensions (RFC 3550 §5.1). Larger: the buffer of outgoing datagrams is sent off slightly
/// earlier. Smaller: the reserved space may be too short, and the write panics.
const HEADER_BYTES: usize = 12;

/// Open the message stream of a line. A repeated call changes only the payload types; the numbers continue.
pub(crate) fn open_messages<S: Sink>(
    tables: &mut Tables,
    transport: u32,
    types: (u8, u8),
    turn: &mut Turn<S>,
) -> Option<()> {
    let random = turn.random.draw();
    let key = *tables.ids.transports.get(&transport)?;
    let line = tables.transports[key].line_mut()?;
    let messages = line.messages.get_or_insert_with(|| Messages::new(types, random));
    (messages.send_type, messages.receive_type) = types;
    Some(())
}

/// Send a message. Without a path to the far end the message is lost, as on a network.
pub(crate) fn send_message<S: Sink>(
    tables: &mut Tables,
    transport: u32,
    message: &[u8],
    turn: &mut Turn<S>,
) -> Option<()> {
    let key = *tables.ids.transports.get(&transport)?;
    let transport = &mut tables.transports[key];
    let (path, ssrc) = (transport.destination(), transport.ssrc);
    let Way::Line(line) = &mut transport.way else { return None };
    let messages = line.messages.as_mut()?;
    let (Some(path), Some(outbound)) = (path, &transport.outbound) else { return Some(()) };
    let space = turn.out.reserve(HEADER_BYTES + message.len() + outbound.rtp_overhead());
    let (header, roc) = messages.write_header(space, ssrc, turn.now_us);
    let len = header + message.len();
    space[header..len].copy_from_slice(message);
    let len = outbound.seal_rtp(space, len, header, roc);
    turn.out.push(path, len, len, false);
    transport.count_sent(1, len as u64);
    Some(())
}

/// Receive a decrypted packet with the payload type of messages. An empty packet only keeps an address translation open (RFC
/// 6263).
pub(crate) fn take_message<S: Sink>(transport: &mut Transport, header: &Header, packet: &[u8], turn: &mut Turn<S>) {
    let id = transport.id;
    let Some(line) = transport.line_mut() else { return };
    match header.payload(packet) {
        Ok(range) if range.len() <= MESSAGE_BYTES_MAX => {
            if !range.is_empty() && line.news.take(turn.now_us) {
                turn.events.push(Event::Message { transport: id, message: packet[range].into() });
            }
        }
        _ => turn.totals.malformed += 1,
    }
}
