//! Short messages in RTP packets of their own, instead of a track: far end camera control (H.224 in RTP, RFC 4573). A line
//! carries them both ways under one payload type each; what is in them is the control side's.

use crate::event::Event;
use crate::outbox::{Outbox, Sink};
use crate::rtp::{self, Header};
use crate::shard::Shard;
use crate::srtp::RocTx;
use crate::transport::Way;

/// The longest message either way; an H.224 frame has at most 254 bytes and its header.
pub const MESSAGE_BYTES_MAX: usize = 512;
/// RFC 4573 §3: the clock counts 4800 in a second.
const TICKS: u64 = 48;
const TICK_US: u64 = 10_000;
/// Nobody waits for a report about a line that carries a message now and then (RFC 3550 §6.2).
pub const REPORT_INTERVAL_US: u64 = 5_000_000;
const HEADER_BYTES: usize = 12;

/// What a line that carries messages needs.
pub struct Messages {
    send_type: u8,
    receive_type: u8,
    sequence: u16,
    roc: RocTx,
    clock: u32,
}

impl Messages {
    fn new((send_type, receive_type): (u8, u8), random: u64) -> Self {
        // RFC 3711 §3.3.1: a number in the lower half, so that losing the first packets does not lose the counter.
        let sequence = random as u16 & 0x7fff;
        Messages { send_type, receive_type, sequence, roc: RocTx::default(), clock: (random >> 16) as u32 }
    }

    pub fn takes(&self, payload_type: u8) -> bool {
        self.receive_type == payload_type
    }

    /// Encryption begins.
    pub fn begin_counting(&mut self) {
        self.roc.begin();
    }

    /// The header of the next packet in `space`, and its rollover counter.
    fn write_header(&mut self, space: &mut [u8], ssrc: u32, now_us: u64) -> (usize, u32) {
        let timestamp = self.clock.wrapping_add((now_us * TICKS / TICK_US) as u32);
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let len = rtp::write_header(space, false, self.send_type, sequence, timestamp, ssrc, &[]);
        (len, self.roc.advance(sequence))
    }
}

impl Shard {
    /// Told again, only the payload types change: numbers go on.
    pub(crate) fn open_messages(&mut self, transport: u32, types: (u8, u8)) -> Option<()> {
        let random = self.random();
        let key = *self.ids.transports.get(&transport)?;
        let line = self.transports[key].line_mut()?;
        let messages = line.messages.get_or_insert_with(|| Messages::new(types, random));
        (messages.send_type, messages.receive_type) = types;
        Some(())
    }

    /// While there is no way to the far end it is lost, as on a network.
    pub(crate) fn send_message<S: Sink>(
        &mut self,
        transport: u32,
        message: &[u8],
        now_us: u64,
        out: &mut Outbox<S>,
    ) -> Option<()> {
        let key = *self.ids.transports.get(&transport)?;
        let transport = &mut self.transports[key];
        let (path, ssrc) = (transport.destination(), transport.ssrc);
        let Way::Line(line) = &mut transport.way else { return None };
        let messages = line.messages.as_mut()?;
        let (Some(path), Some(outbound)) = (path, &transport.outbound) else { return Some(()) };
        let space = out.reserve(HEADER_BYTES + message.len() + outbound.rtp_overhead());
        let (header, roc) = messages.write_header(space, ssrc, now_us);
        let len = header + message.len();
        space[header..len].copy_from_slice(message);
        let len = outbound.seal_rtp(space, len, header, roc);
        out.push(path, len, len, false);
        transport.count_sent(1, len as u64);
        Some(())
    }

    /// A packet in clear whose payload type is that of messages. Empty ones only keep a door open (RFC 6263).
    pub(crate) fn take_message(&mut self, key: usize, header: &Header, packet: &[u8], now_us: u64) {
        let transport = &mut self.transports[key];
        let id = transport.id;
        let Some(line) = transport.line_mut() else { return };
        match header.payload(packet) {
            Ok(range) if range.len() <= MESSAGE_BYTES_MAX => {
                if !range.is_empty() && line.news.take(now_us) {
                    self.events.push(Event::Message { transport: id, message: packet[range].into() });
                }
            }
            _ => self.totals.malformed += 1,
        }
    }
}
