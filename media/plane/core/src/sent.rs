//! What a consumer was sent lately: enough to send the very same packet again from the producer's cache.

use crate::sequence::Offsets;

const VIDEO_PACKETS: usize = 512;
const AUDIO_PACKETS: usize = 64;

/// One packet that went out under `sequence`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    pub sequence: u16,
    pub source: u16,
    pub picture: u16,
    /// Milliseconds (low 16 bits) of the last resend; 0 with `resends` 0.
    pub resent_ms: u16,
    pub tl0: u8,
    pub padding: u8,
    pub layer: u8,
    /// Of the consumer, 0: no packet. A packet of another epoch had other offsets and can't be made again.
    pub epoch: u16,
    pub with_mid: bool,
    pub resends: u8,
}

impl Sent {
    pub fn offsets(&self) -> Offsets {
        Offsets { sequence: self.sequence.wrapping_sub(self.source), picture: self.picture, tl0: self.tl0 }
    }
}

pub struct SentLog {
    packets: Box<[Sent]>,
}

impl SentLog {
    pub fn new(video: bool) -> Self {
        let packets = if video { VIDEO_PACKETS } else { AUDIO_PACKETS };
        SentLog { packets: vec![Sent::default(); packets].into_boxed_slice() }
    }

    pub fn memory_bytes(&self) -> usize {
        self.packets.len() * size_of::<Sent>()
    }

    /// Packets that it holds at most.
    #[allow(clippy::len_without_is_empty, reason = "a table of one size")]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// A packet went out under this number, in whatever epoch.
    pub fn has(&self, sequence: u16) -> bool {
        let sent = &self.packets[sequence as usize & (self.packets.len() - 1)];
        sent.sequence == sequence && sent.epoch != 0
    }

    #[inline]
    pub fn note(&mut self, sent: Sent) {
        self.packets[sent.sequence as usize & (self.packets.len() - 1)] = sent;
    }

    pub fn find(&mut self, sequence: u16) -> Option<&mut Sent> {
        let place = sequence as usize & (self.packets.len() - 1);
        let sent = &mut self.packets[place];
        (sent.sequence == sequence && sent.epoch != 0).then_some(sent)
    }
}
