//! The packets that were sent with transport-wide numbers, until feedback reports them. A ring that grows up to
//! [`PACKETS_MAX`].

/// Packets that the ring buffer of sent packets holds at first, until feedback reports them. A power of two. Larger: each
/// transport costs more memory. Smaller: the buffer is copied to a larger one more often.
const PACKETS_MIN: usize = 256;
/// Packets that the ring buffer of sent packets holds at most, until feedback reports them. A power of two. It is 1.3 s of 30
/// Mbit/s (libwebrtc's largest estimate) in packets of 1,200 bytes. Larger: more memory, but only for viewers that get more
/// than about 26 Mbit/s (`KEEP_US`); from 65,536 on, all feedback is refused (`STATUSES_MAX` is 16 bits). Smaller: on a fast
/// path, feedback arrives after its packets are forgotten, and the viewer gets no estimate.
pub const PACKETS_MAX: usize = 4096;
/// Microseconds. The ring buffer of sent packets grows if it would forget a packet younger than this and without feedback. It
/// is `UNTOLD_US` (0.6 s) and a long round trip. Longer: more memory for a viewer whose feedback is late, up to 4,096 packets
/// (`PACKETS_MAX`). Shorter: late feedback finds its packets forgotten, so loss and delay stay unknown.
const KEEP_US: u32 = 1_500_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fate {
    #[default]
    Empty,
    Flying,
    Lost,
    Received,
}

/// One packet. Times are the low 32 bits of microseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Packet {
    sent_us: u32,
    bytes: u16,
    cluster: u8,
    fate: Fate,
}

/// A packet that feedback reports for the first time, or that arrived after feedback had reported it as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub sent_us: u64,
    pub bytes: u16,
    /// The probe that the packet belongs to; 0 for no probe.
    pub cluster: u8,
    /// True if the packet was counted as lost.
    pub was_lost: bool,
}

/// The counter for all streams of a transport, and the packets of its last numbers.
#[derive(Debug, Default)]
pub struct History {
    packets: Box<[Packet]>,
    next: u16,
    flying: u32,
}

impl History {
    /// Note a packet and return its number.
    #[inline]
    pub fn push(&mut self, bytes: usize, cluster: u8, now_us: u64) -> u16 {
        let number = self.next;
        if self.packets.is_empty() || self.is_short(now_us as u32) {
            self.grow();
        }
        let place = &mut self.packets[usize::from(number) & (self.packets.len() - 1)];
        let forgotten = u32::from(place.fate == Fate::Flying);
        *place = Packet { sent_us: now_us as u32, bytes: bytes as u16, cluster, fate: Fate::Flying };
        self.flying = self.flying + 1 - forgotten;
        self.next = number.wrapping_add(1);
        number
    }

    /// Return the number of the next packet.
    pub fn next(&self) -> u16 {
        self.next
    }

    /// Return the number of packets without feedback.
    pub fn flying(&self) -> u32 {
        self.flying
    }

    /// Return the distance from `number` to the next number. None if the packet was not sent, or is too old.
    pub fn behind(&self, number: u16) -> Option<u16> {
        let behind = self.next.wrapping_sub(number);
        (behind != 0 && usize::from(behind) <= self.packets.len()).then_some(behind)
    }

    /// Note feedback about `number`. Return None if it says nothing new.
    pub fn answer(&mut self, number: u16, received: bool, now_us: u64) -> Option<Told> {
        self.behind(number)?;
        let place = usize::from(number) & (self.packets.len() - 1);
        let packet = &mut self.packets[place];
        let before = packet.fate;
        let news = match before {
            Fate::Flying => true,
            Fate::Lost => received,
            Fate::Empty | Fate::Received => false,
        };
        if !news {
            return None;
        }
        packet.fate = if received { Fate::Received } else { Fate::Lost };
        self.flying -= u32::from(before == Fate::Flying);
        let age_us = (now_us as u32).wrapping_sub(packet.sent_us);
        Some(Told {
            sent_us: now_us.saturating_sub(u64::from(age_us)),
            bytes: packet.bytes,
            cluster: packet.cluster,
            was_lost: before == Fate::Lost,
        })
    }

    pub fn memory_bytes(&self) -> usize {
        self.packets.len() * size_of::<Packet>()
    }

    #[inline]
    fn is_short(&self, now_us: u32) -> bool {
        let oldest = &self.packets[usize::from(self.next) & (self.packets.len() - 1)];
        oldest.fate == Fate::Flying && self.packets.len() < PACKETS_MAX && now_us.wrapping_sub(oldest.sent_us) < KEEP_US
    }

    #[cold]
    fn grow(&mut self) {
        let larger = (self.packets.len() * 2).max(PACKETS_MIN);
        let before = std::mem::replace(&mut self.packets, vec![Packet::default(); larger].into_boxed_slice());
        for behind in 1..=before.len() as u16 {
            let number = usize::from(self.next.wrapping_sub(behind));
            self.packets[number & (larger - 1)] = before[number & (before.len() - 1)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_found_across_the_wrap_and_answered_once() {
        let mut history = History::default();
        for i in 0..70_000_u64 {
            let number = history.push(1_000 + (i % 7) as usize, 0, i * 1_000);
            assert_eq!(number, i as u16);
            let told = history.answer(number, true, i * 1_000 + 30).unwrap();
            assert_eq!((told.sent_us, told.bytes), (i * 1_000, 1_000 + (i % 7) as u16));
            assert_eq!(history.answer(number, true, i * 1_000 + 30), None);
        }
        assert_eq!(history.flying(), 0);
        assert_eq!(history.memory_bytes(), PACKETS_MIN * 8);
    }

    #[test]
    fn a_packet_told_lost_may_come_later() {
        let mut history = History::default();
        let number = history.push(500, 3, 10);
        assert!(!history.answer(number, false, 20).unwrap().was_lost);
        assert_eq!(history.answer(number, false, 30), None);
        assert_eq!(
            history.answer(number, true, 40),
            Some(Told { sent_us: 10, bytes: 500, cluster: 3, was_lost: true })
        );
    }

    #[test]
    fn grows_while_nothing_is_answered_and_stops_at_the_bound() {
        let mut history = History::default();
        for i in 0..3 * PACKETS_MAX as u64 {
            history.push(1_200, 0, i * 10);
        }
        assert_eq!(history.memory_bytes(), PACKETS_MAX * 8);
        assert_eq!(history.flying(), PACKETS_MAX as u32);
        let next = history.next();
        assert!(history.answer(next.wrapping_sub(PACKETS_MAX as u16), true, 40_000).is_some());
        assert_eq!(history.answer(next.wrapping_sub(PACKETS_MAX as u16 + 1), true, 40_000), None);
        assert_eq!(history.answer(next, true, 40_000), None, "not sent yet");
    }
}
