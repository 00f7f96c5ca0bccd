//! What a consumer was sent lately: enough to send the very same packet again from the producer's cache.

use crate::stream::sequence::Offsets;

/// Of a picture at first: two seconds of 2.3 Mbit/s.
const VIDEO_PACKETS: usize = 512;
/// Where the cache that it is sent from has grown to its end: as many full packets as that holds, two seconds of 4.2 Mbit/s.
/// 18 KiB for each viewer of such a picture, 9 KiB for others.
const VIDEO_PACKETS_MAX: usize = 1_024;
const AUDIO_PACKETS: usize = 64;
/// So far ahead of what was sealed last may be noted what waits for its turn.
const AHEAD: u16 = 4_096;

/// What a packet has of its source's payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    #[default]
    Whole,
    /// It goes out as RED that is made for this consumer: what it holds of others cannot be told later.
    WithCopies,
    /// A number was kept for a packet that came late and is left out: whoever orders by numbers would wait for it.
    Nothing,
}

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
    pub content: Content,
    /// Two bits of layer, one of MID, one of the RTP marker; the upper half counts resends, and is full while it waits.
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

    /// Not more than 15 times.
    pub fn count_resend(&mut self) {
        self.marks = self.marks.saturating_add(RESENT);
    }

    /// As it is noted while it waits for its turn: not to be resent, for it has not gone out.
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

    /// Packets that it holds at most.
    #[allow(clippy::len_without_is_empty, reason = "a table of one size")]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Holds `packets`, a power of two, from now on, if that is more than so far and not beyond the bound. `last`: the newest
    /// number that went out; `epoch`: of the consumer. What is forgotten already cannot be made again, and has gone out.
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

    #[test]
    fn what_waits_has_had_all_its_resends_and_is_otherwise_the_same() {
        let mut sent = Sent { sequence: 7, ..Sent::default() };
        sent.mark(2, true, true);
        sent.count_resend();
        let waiting = sent.waiting();
        assert_eq!((waiting.sequence, waiting.layer(), waiting.with_mid(), waiting.marker()), (7, 2, true, true));
        assert_eq!((sent.resends(), waiting.resends()), (1, 15));
    }

    /// Of the last 1,500 numbers up to `last` two in nine never went out, and so many behind it wait for their turn.
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
