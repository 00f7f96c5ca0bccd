//! The packets that wait for their turn on the path to one peer, and the current load of this path. See `downlink::pace`.

use std::collections::VecDeque;

use crate::keys::ConsumerKey;
use crate::stream::sent_log::Sent;

/// Microseconds. Chosen. Time between two sendings of packets that wait because the path is full. Longer: more packets leave at
/// once, and queues on the path fill. Shorter: more work.
pub const PACE_US: u64 = 5_000;

/// The pacing rate, as a multiple of the estimated downlink bandwidth. libwebrtc's pacer uses 2.5 too. Larger: bursts fill
/// queues on the path, and the viewer's audio is late. Smaller: key frames, which are large, arrive later, and so does the
/// first picture.
pub(crate) const TIMES: f64 = 2.5;

/// Bit/s. The pacing rate while the viewer's bandwidth is unknown. Chosen. Larger: bursts may overflow a narrow path, and the
/// viewer loses packets. Smaller: a first key frame waits, and the first picture is late.
pub(crate) const BPS_UNKNOWN: f64 = 40e6;

/// Microseconds of the pacing rate that may be sent at once, within the bounds of [`BURST_BYTES`]. So it counts only for an
/// estimate of 0.4 to 2.4 Mbit/s. Chosen. Longer: queues on the path fill, and the viewer's audio is late. Shorter: pictures
/// wait more often.
pub(crate) const BURST_US: f64 = 20_000.0;

/// Bytes. Chosen. The bounds of what may be sent at once. The first value (two packets) counts below an estimate of 0.4 Mbit/s,
/// the second (12 packets) above 2.4 Mbit/s and while the estimate is unknown. Larger: bursts fill queues on such a path, and
/// the viewer's audio is late. Smaller: on such a path even small pictures wait.
pub(crate) const BURST_BYTES: (f64, f64) = (2_400.0, 15_000.0);

/// Microseconds. The longest time that a packet waits: if much data waits, the pacing rate rises. Larger: pictures arrive too
/// late. Smaller: a narrow path is overfilled, and the viewer loses packets.
pub(crate) const WAIT_US_MAX: f64 = 250_000.0;

/// Packets that wait for their turn on the path to one peer. Further packets are sent at once. Larger: more memory for a peer
/// whose path is full. Smaller: a large key frame overfills a narrow path, and the viewer loses packets.
pub const WAITING_MAX: usize = 1_024;

#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    pub consumer: ConsumerKey,
    pub sent: Sent,
    pub timestamp: u32,
    pub bytes: u16,
}

#[derive(Debug, Default)]
pub struct Pacer {
    debt_bytes: f64,
    burst_bytes: f64,
    at_us: u64,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// The transport is in `Agenda::paced`.
    pub listed: bool,
}

impl Pacer {
    /// Reduce the debt by the bytes that the pacing rate has carried since the last call.
    #[inline]
    pub fn settle(&mut self, available_bps: Option<u64>, now_us: u64) {
        let known = available_bps.map_or(BPS_UNKNOWN, |bps| bps as f64 * TIMES);
        let bps = known.max(self.waiting_bytes as f64 * 8e6 / WAIT_US_MAX);
        let elapsed_us = now_us.saturating_sub(self.at_us) as f64;
        self.at_us = now_us;
        self.debt_bytes = (self.debt_bytes - bps * elapsed_us / 8e6).max(0.0);
        self.burst_bytes = (bps * BURST_US / 8e6).clamp(BURST_BYTES.0, BURST_BYTES.1);
    }

    #[inline]
    pub fn spend(&mut self, bytes: usize) {
        self.debt_bytes += bytes as f64;
    }

    /// Report whether the next packet must wait.
    #[inline]
    pub fn is_full(&self) -> bool {
        (self.debt_bytes >= self.burst_bytes || !self.waiting.is_empty()) && self.waiting.len() < WAITING_MAX
    }

    pub fn put(&mut self, waiting: Waiting) {
        self.waiting_bytes += usize::from(waiting.bytes);
        self.waiting.push_back(waiting);
    }

    pub(crate) fn take(&mut self) -> Option<Waiting> {
        if self.debt_bytes >= self.burst_bytes {
            return None;
        }
        let waiting = self.waiting.pop_front()?;
        self.waiting_bytes -= usize::from(waiting.bytes);
        Some(waiting)
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Drop the waiting packets of a consumer that was closed or has another source.
    pub fn forget(&mut self, consumer: ConsumerKey) {
        self.waiting.retain(|waiting| waiting.consumer != consumer);
        self.waiting_bytes = self.waiting.iter().map(|waiting| usize::from(waiting.bytes)).sum();
    }

    pub fn memory_bytes(&self) -> usize {
        self.waiting.capacity() * size_of::<Waiting>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Key;

    fn waiting(bytes: u16) -> Waiting {
        Waiting { consumer: ConsumerKey::new(1), sent: Sent::default(), timestamp: 0, bytes }
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_bitrate() {
        let mut pacer = Pacer::default();
        pacer.settle(Some(1_000_000), 0);
        let mut at_once = 0;
        for _ in 0..100 {
            if pacer.is_full() {
                pacer.put(waiting(1_000));
            } else {
                pacer.spend(1_000);
                at_once += 1;
            }
        }
        assert_eq!(at_once, 7, "20 ms of 2.5 Mbit/s");
        let mut out = 0;
        for now_us in (PACE_US..=100_000).step_by(PACE_US as usize) {
            pacer.settle(Some(1_000_000), now_us);
            while pacer.take().is_some() {
                pacer.spend(1_000);
                out += 1;
            }
        }
        assert!((25..=40).contains(&out), "{out}");
    }

    #[test]
    fn nothing_waits_longer_than_it_may_however_narrow_the_way() {
        let mut pacer = Pacer::default();
        pacer.settle(Some(30_000), 0);
        (0..WAITING_MAX).for_each(|_| pacer.put(waiting(1_200)));
        assert!(!pacer.is_full(), "more than that goes out at once");
        for now_us in (PACE_US..1_500_000).step_by(PACE_US as usize) {
            pacer.settle(Some(30_000), now_us);
            while let Some(one) = pacer.take() {
                pacer.spend(usize::from(one.bytes));
            }
        }
        assert!(pacer.waiting.len() < 20, "{}", pacer.waiting.len());
    }

    #[test]
    fn a_consumer_that_is_gone_waits_no_longer() {
        let mut pacer = Pacer::default();
        pacer.put(waiting(100));
        pacer.put(Waiting { consumer: ConsumerKey::new(2), ..waiting(50) });
        pacer.forget(ConsumerKey::new(1));
        assert_eq!((pacer.waiting.len(), pacer.waiting_bytes), (1, 50));
    }
}
