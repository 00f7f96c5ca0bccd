//! The RTP stream of a line that carries short messages. See `messages`.

use crate::wire::rtp;
use crate::wire::srtp::RocTx;

/// RFC 4573 §3: the clock counts 4800 in a second.
pub(crate) const TICKS: u64 = 48;

pub(crate) const TICK_US: u64 = 10_000;

/// Nobody waits for a report about a line that carries a message now and then (RFC 3550 §6.2).
pub const REPORT_INTERVAL_US: u64 = 5_000_000;

/// What a line that carries messages needs.
pub struct Messages {
    pub(crate) send_type: u8,
    pub(crate) receive_type: u8,
    sequence: u16,
    roc: RocTx,
    clock: u32,
}

impl Messages {
    pub(crate) fn new((send_type, receive_type): (u8, u8), random: u64) -> Self {
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
    pub(crate) fn write_header(&mut self, space: &mut [u8], ssrc: u32, now_us: u64) -> (usize, u32) {
        let timestamp = self.clock.wrapping_add((now_us * TICKS / TICK_US) as u32);
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let len = rtp::write_header(space, false, self.send_type, sequence, timestamp, ssrc, &[]);
        (len, self.roc.advance(sequence))
    }
}
