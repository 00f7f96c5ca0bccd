//! The arrival times of one publisher's packets, by transport-wide sequence number. The publisher estimates its bandwidth from
//! them (draft-holmer-rmcat-transport-wide-cc-extensions-01).

/// Packets whose arrival is logged for the next feedback to a publisher. A log that is half full is sent at once. Larger: more
/// memory for each publisher; above 2,560 packets a second, feedback is also less often. Smaller: after a jump of the packet
/// numbers, arrivals are forgotten, and the publisher counts them as lost.
const LOG_PACKETS: usize = 512;
/// Microseconds between two feedbacks on a publisher's packets. Longer: the publisher follows its network later, and fills a
/// queue. Shorter: more feedback packets.
pub const FEEDBACK_US: u64 = 100_000;

#[derive(Default)]
pub struct Arrivals {
    times: Vec<Option<u64>>,
    base: u16,
    next: u16,
    started: bool,
    feedbacks: u8,
    pub started_at_us: u64,
}

impl Arrivals {
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Note a packet. Return `true` if the log must be sent now.
    pub fn note(&mut self, sequence: u16, now_us: u64) -> bool {
        if !self.started {
            self.started = true;
            self.next = sequence;
        }
        if self.times.is_empty() {
            self.base = self.next;
            self.started_at_us = now_us;
        }
        let place = sequence.wrapping_sub(self.base);
        if place >= 0x8000 {
            // The packet is older than the last feedback, which reported it as lost.
            return false;
        }
        let place = usize::from(place);
        if place >= LOG_PACKETS {
            self.restart(sequence, now_us);
            return false;
        }
        if place >= self.times.len() {
            if self.times.capacity() == 0 {
                self.times.reserve_exact(64);
            }
            self.times.resize(place + 1, None);
        }
        self.times[place].get_or_insert(now_us);
        self.next = self.base.wrapping_add(self.times.len() as u16);
        self.times.len() >= LOG_PACKETS / 2
    }

    /// Begin again after a jump that is too large for one feedback.
    fn restart(&mut self, sequence: u16, now_us: u64) {
        self.times.clear();
        self.base = sequence;
        self.next = sequence.wrapping_add(1);
        self.times.push(Some(now_us));
        self.started_at_us = now_us;
    }

    /// Return the log since the last call: base sequence number, number of the next feedback, arrivals. The caller gives the
    /// buffer back.
    pub fn take(&mut self) -> (u16, u8, Vec<Option<u64>>) {
        (self.base, self.feedbacks, std::mem::take(&mut self.times))
    }

    pub fn give_back(&mut self, mut log: Vec<Option<u64>>, feedbacks: u8) {
        log.clear();
        self.times = log;
        self.feedbacks = feedbacks;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(log: &mut Arrivals) -> (u16, u8, Vec<Option<u64>>) {
        let (base, count, times) = log.take();
        log.give_back(times.clone(), count.wrapping_add(1));
        (base, count, times)
    }

    #[test]
    fn logs_gaps_and_goes_on_across_the_wrap() {
        let mut log = Arrivals::default();
        log.note(65_534, 10);
        log.note(0, 30);
        assert_eq!(drain(&mut log), (65_534, 0, vec![Some(10), None, Some(30)]));
        assert!(log.is_empty());
        log.note(65_535, 40);
        assert!(log.is_empty(), "already told lost");
        log.note(2, 50);
        assert_eq!(drain(&mut log), (1, 1, vec![None, Some(50)]));
    }

    #[test]
    fn is_bounded_under_jumps() {
        let mut log = Arrivals::default();
        let mut sequence = 0u16;
        for i in 0..100_000u64 {
            sequence = sequence.wrapping_add(if i % 3 == 0 { 9_000 } else { 1 });
            if log.note(sequence, i) {
                drain(&mut log);
            }
            assert!(log.times.len() <= LOG_PACKETS);
        }
    }
}
