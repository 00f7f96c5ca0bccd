//! The last packets that a consumer was sent, with all that is needed to send the same packet again from the producer's cache.

use crate::stream::sequence::Offsets;

/// Packets that the record of what a viewer was sent holds at first, for video: 2 s of 2.3 Mbit/s. A power of two. The record
/// grows with the cache of its layer. Larger: more memory for each viewer. Smaller: until the record grows, packets of far
/// viewers are not sent again, and their picture freezes.
const VIDEO_PACKETS: usize = 512;
/// Packets that the record of what a viewer was sent holds at most: as many as the largest cache (1 MiB) in packets of 1,024
/// bytes. This costs 18 KiB for each viewer of such a picture, and 9 KiB for others. Larger: no effect unless
/// `cache::VIDEO_BYTES_MAX` (1 MiB) grows too. Smaller: packets of far viewers are not sent again, and their picture freezes.
const VIDEO_PACKETS_MAX: usize = 1_024;
/// Packets that the record of what a listener was sent holds: 1.3 s of packets of 20 ms, as many as the cache holds. A power of
/// two. Larger: only more memory for each listener, because the cache (`AUDIO_BYTES`) holds 64. Smaller: late requests for
/// audio are not answered, and the listener misses it.
const AUDIO_PACKETS: usize = 64;
/// Packets. A packet that waits in the pacer may have a number up to this far after the last encrypted packet. Larger, near
/// 2^15: an old packet looks like a waiting packet, and is not sent again. Smaller: the number of a waiting packet may be used
/// twice, which SRTP forbids.
const AHEAD: u16 = 4_096;

/// The part of the source's payload that a packet carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    #[default]
    Whole,
    /// RED that was made for this consumer. Its copies of other packets cannot be found again later.
    WithCopies,
    /// No payload. The number was kept for a packet that arrived late and was left out. A receiver that orders by numbers would
    /// wait for it.
    Nothing,
}

/// One packet that was sent with the number `sequence`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    pub sequence: u16,
    pub source: u16,
    pub picture: u16,
    pub frame: u16,
    /// Milliseconds (low 16 bits) of the last resend; 0 if `resends` is 0.
    pub resent_ms: u16,
    /// The transport-wide number of the packet. A resend on the same SSRC must be the same to the last bit.
    pub wide: u16,
    /// The epoch of the consumer; 0 for no packet. A packet of another epoch had other offsets and can't be made again.
    pub epoch: u16,
    pub tl0: u8,
    pub padding: u8,
    pub content: Content,
    /// The bits of `LAYER`, `WITH_MID` and `MARKER`. The upper half counts resends, and is full while the packet waits.
    pub(crate) marks: u8,
}

const LAYER: u8 = 0x03;
const WITH_MID: u8 = 0x04;
const MARKER: u8 = 0x08;
const RESENT: u8 = 0x10;
const ALL_RESENT: u8 = 0xf0;

impl Sent {
    pub fn mark(&mut self, layer: u8, with_mid: bool, marker: bool) {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        self.marks = self.marks & ALL_RESENT | layer & LAYER | flag(with_mid, WITH_MID) | flag(marker, MARKER);
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

    /// Count a resend, up to 15.
    pub fn count_resend(&mut self) {
        self.marks = self.marks.saturating_add(RESENT);
    }

    /// Return the record of a packet that waits to be sent. It must not be resent, because it has not been sent.
    pub fn waiting(self) -> Self {
        Sent { marks: self.marks | ALL_RESENT, ..self }
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

    /// Return the number of packets that the log holds.
    #[allow(clippy::len_without_is_empty, reason = "a table of one size")]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Grow to `packets`, a power of two, up to the bound. `last`: the newest number that was sent. `epoch`: the epoch of the
    /// consumer. The log marks forgotten numbers as sent, because these packets cannot be made again.
    pub fn grow(&mut self, packets: usize, last: Option<u16>, epoch: u16) {
        let packets = packets.min(VIDEO_PACKETS_MAX);
        if packets <= self.packets.len() {
            return;
        }
        let mut larger = SentLog { packets: vec![Sent::default(); packets].into_boxed_slice() };
        let another = if epoch > 1 { epoch - 1 } else { u16::MAX };
        let numbers = last.map(|last| (0..packets as u16).map(move |back| (back, last.wrapping_sub(back))));
        for (back, sequence) in numbers.into_iter().flatten() {
            if usize::from(back) >= self.packets.len() || self.is_past(sequence) {
                larger.note(Sent { sequence, epoch: another, ..Sent::default() });
            }
        }
        let is_near = |sequence: u16, last: u16| {
            usize::from(last.wrapping_sub(sequence)) < packets || sequence.wrapping_sub(last) < AHEAD
        };
        for sent in self.packets.iter().filter(|sent| sent.epoch != 0) {
            if last.is_none_or(|last| is_near(sent.sequence, last)) {
                larger.note(*sent);
            }
        }
        *self = larger;
    }

    /// Report whether a packet was sent with this number, in any epoch.
    pub fn has(&self, sequence: u16) -> bool {
        let sent = &self.packets[sequence as usize & (self.packets.len() - 1)];
        sent.sequence == sequence && sent.epoch != 0
    }

    /// Report whether a packet was sent with this number, or with a later number in the same place.
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
        note(&mut log, later); // it waits to be sent; the packet sealed last is still near the first
        assert!(log.is_past(65_530) && !log.has(65_530));
        assert!(log.is_past(later) && !log.is_past(65_531));
    }

    #[test]
    fn what_waits_has_had_all_its_resends_and_is_otherwise_the_same() {
        let mut sent = Sent { sequence: 7, ..Sent::default() };
        sent.mark(2, true, true);
        sent.count_resend();
        let waiting = sent.waiting();
        assert_eq!((waiting.sequence, waiting.layer(), waiting.with_mid(), waiting.marker()), (7, 2, true, true));
        assert_eq!((sent.resends(), waiting.resends()), (1, 15));
    }

    /// Return a log in which two of nine numbers up to `last` were never sent, for 1,500 numbers. `waiting` packets after
    /// `last` wait to be sent.
    fn used(last: u16, waiting: u16) -> SentLog {
        let mut log = SentLog::new(true);
        let went = (0..1_500).rev().filter(|behind| behind % 9 < 7).map(|behind| last.wrapping_sub(behind));
        for sequence in went.chain((1..=waiting).map(|ahead| last.wrapping_add(ahead))) {
            log.note(Sent { sequence, source: !sequence, epoch: 5, ..Sent::default() });
        }
        log
    }

    #[test]
    fn a_log_that_grows_lets_no_number_out_again_and_keeps_what_it_had() {
        for (last, waiting) in [300, 40_000].into_iter().flat_map(|last| [0, 1, 300, 512, 1_024].map(|n| (last, n))) {
            let (small, mut log) = (used(last, waiting), used(last, waiting));
            log.grow(1_024, Some(last), 5);
            assert_eq!(log.len(), 1_024);
            let mine =
                |log: &SentLog, sequence| log.get(sequence).filter(|sent| sent.epoch == 5).map(|sent| sent.source);
            for behind in 0..1_024 {
                let sequence = last.wrapping_sub(behind);
                let refuses = behind >= 512 || small.is_past(sequence);
                assert_eq!(log.is_past(sequence), refuses, "{behind} behind {last}, {waiting} wait");
                assert_eq!(mine(&log, sequence), mine(&small, sequence));
            }
            for sequence in (1..=waiting).map(|ahead| last.wrapping_add(ahead)) {
                assert_eq!(mine(&log, sequence), mine(&small, sequence));
            }
        }
    }

    #[test]
    fn a_log_grows_within_its_bound_and_never_shrinks() {
        let mut log = SentLog::new(true);
        log.grow(256, None, 1);
        assert_eq!(log.len(), 512);
        log.grow(VIDEO_PACKETS_MAX * 2, None, 1);
        assert_eq!((log.len(), log.memory_bytes()), (VIDEO_PACKETS_MAX, 18 << 10));
        log.grow(512, Some(7), 1);
        assert_eq!(log.len(), VIDEO_PACKETS_MAX);
    }
}
