//! What a consumer was sent lately: enough to send the very same packet again from the producer's cache.

use crate::sequence::Offsets;

const VIDEO_PACKETS: usize = 512;
const AUDIO_PACKETS: usize = 64;
/// So far ahead of what was sealed last may be noted what waits for its turn.
const AHEAD: u16 = 4_096;

/// One packet that went out under `sequence`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    pub sequence: u16,
    pub source: u16,
    pub picture: u16,
    pub frame: u16,
    /// Milliseconds (low 16 bits) of the last resend; 0 with `resends` 0.
    pub resent_ms: u16,
    /// The transport-wide number that it had; a resend on the same SSRC is the same to the last bit.
    pub wide: u16,
    /// Of the consumer, 0: no packet. A packet of another epoch had other offsets and can't be made again.
    pub epoch: u16,
    pub tl0: u8,
    pub padding: u8,
    /// It goes out as RED that is made for this consumer: what it holds of others cannot be told later.
    pub copies: bool,
    /// Two bits of layer, one of MID, one of the RTP marker; the upper half counts resends.
    pub(crate) marks: u8,
}

const LAYER: u8 = 0x03;
const WITH_MID: u8 = 0x04;
const MARKER: u8 = 0x08;
const RESENT: u8 = 0x10;

impl Sent {
    pub fn mark(&mut self, layer: u8, with_mid: bool, marker: bool) {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        self.marks = self.marks & 0xf0 | layer & LAYER | flag(with_mid, WITH_MID) | flag(marker, MARKER);
    }

    pub fn layer(&self) -> u8 {
        self.marks & LAYER
    }

    pub fn with_mid(&self) -> bool {
        self.marks & WITH_MID != 0
    }

    pub fn marker(&self) -> bool {
        self.marks & MARKER != 0
    }

    pub fn resends(&self) -> u8 {
        self.marks / RESENT
    }

    /// Not more than 15 times.
    pub fn count_resend(&mut self) {
        self.marks = self.marks.saturating_add(RESENT);
    }

    pub fn offsets(&self) -> Offsets {
        Offsets {
            sequence: self.sequence.wrapping_sub(self.source),
            picture: self.picture,
            frame: self.frame,
            tl0: self.tl0,
        }
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

    /// A packet went out under this number, or under a later one that took its place.
    #[inline]
    pub fn is_past(&self, sequence: u16) -> bool {
        let sent = &self.packets[sequence as usize & (self.packets.len() - 1)];
        sent.epoch != 0 && sent.sequence.wrapping_sub(sequence) < AHEAD
    }

    #[inline]
    pub fn note(&mut self, sent: Sent) {
        self.packets[sent.sequence as usize & (self.packets.len() - 1)] = sent;
    }

    pub fn get(&self, sequence: u16) -> Option<&Sent> {
        let sent = &self.packets[sequence as usize & (self.packets.len() - 1)];
        (sent.sequence == sequence && sent.epoch != 0).then_some(sent)
    }

    pub fn find(&mut self, sequence: u16) -> Option<&mut Sent> {
        let place = sequence as usize & (self.packets.len() - 1);
        let sent = &mut self.packets[place];
        (sent.sequence == sequence && sent.epoch != 0).then_some(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_a_later_one_has_written_over_is_past() {
        let mut log = SentLog::new(true);
        let note = |log: &mut SentLog, sequence: u16| log.note(Sent { sequence, epoch: 1, ..Sent::default() });
        assert!(!log.is_past(65_530));
        note(&mut log, 65_530);
        assert!(log.is_past(65_530) && log.has(65_530));
        let later = 65_530u16.wrapping_add(VIDEO_PACKETS as u16);
        assert!(!log.is_past(later));
        note(&mut log, later); // it waits for its turn; what was sealed last is still near the first
        assert!(log.is_past(65_530) && !log.has(65_530));
        assert!(log.is_past(later) && !log.is_past(65_531));
    }
}
