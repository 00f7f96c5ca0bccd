//! The RTP stream of a line that carries short messages. See `messages`.

use crate::wire::rtp;
use crate::wire::srtp::RocTx;

/// RTP ticks in 10 ms (`TICK_US`): the clock rate of H.224 messages is 4800 Hz (RFC 4573 §3). Larger: timestamps run faster
/// than the session description says, and the receiver measures wrong jitter. Smaller: timestamps run slower, with the same
/// effect.
pub(crate) const TICKS: u64 = 48;

/// Microseconds in which the RTP clock of H.224 messages advances by 48 ticks (`TICKS`). Larger: timestamps run slower than
/// 4800 Hz, and the receiver measures wrong jitter. Smaller: timestamps run faster, with the same effect.
pub(crate) const TICK_US: u64 = 10_000;

/// Microseconds. Chosen. Interval of RTCP reports on a line with few H.224 messages; no receiver needs frequent reports (RFC
/// 3550 §6.2). Longer: the known round-trip time is older. Shorter: more packets.
pub const REPORT_INTERVAL_US: u64 = 5_000_000;

/// The state of a line that carries messages.
pub struct Messages {
    pub(crate) send_type: u8,
    pub(crate) receive_type: u8,
    sequence: u16,
    roc: RocTx,
    clock: u32,
}

impl Messages {
    pub(crate) fn new((send_type, receive_type): (u8, u8), random: u64) -> Self {
        // RFC 3711 §3.3.1: begin in the lower half. Then the loss of the first packets does not put the rollover counter out of
        // step.
        let sequence = random as u16 & 0x7fff;
        Messages { send_type, receive_type, sequence, roc: RocTx::default(), clock: (random >> 16) as u32 }
    }

    pub fn takes(&self, payload_type: u8) -> bool {
        self.receive_type == payload_type
    }

    /// Start the rollover counter: encryption begins.
    pub fn begin_counting(&mut self) {
        self.roc.begin();
    }

    /// Write the header of the next packet to `space`. Return its length and the rollover counter.
    pub(crate) fn write_header(&mut self, space: &mut [u8], ssrc: u32, now_us: u64) -> (usize, u32) {
        let timestamp = self.clock.wrapping_add((now_us * TICKS / TICK_US) as u32);
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let len = rtp::write_header(space, false, self.send_type, sequence, timestamp, ssrc, &[]);
        (len, self.roc.advance(sequence))
    }
}
