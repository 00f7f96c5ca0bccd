//! The decision on RED (RFC 2198) that is made for one viewer. If the path to the viewer loses packets, each packet of a voice
//! carries a copy of the packet before. At much loss it carries some of those before that packet too. RED that arrives with
//! fewer copies gets more. The copies are made from packets that this viewer was sent, so that no audio is sent that must not
//! be heard.

/// Share of loss, as the viewer reports it, from which each audio packet carries one copy of an older packet (RED). Larger: the
/// viewer loses audio. Smaller: copies cost bitrate without need.
pub const LOSS_FOR_ONE: f32 = 0.02;
/// Share of loss, as the viewer reports it, from which each audio packet carries several copies of older packets (RED). Losses
/// are then often next to each other. Larger: the viewer hears gaps at runs of losses. Smaller: copies cost bitrate without
/// need.
const LOSS_FOR_MORE: f32 = 0.06;
/// Microseconds for which audio packets carry copies (RED) after the last report of enough loss (`LOSS_FOR_ONE`, 0.02), and
/// until the next report. Longer: copies cost bitrate without need. Shorter: the viewer hears gaps at the next burst of losses.
const KEPT_US: u64 = 20_000_000;
/// How many packets back the copies in an audio packet (RED) are: no copy, one copy (`LOSS_FOR_ONE`), three copies
/// (`LOSS_FOR_MORE`). Chosen. Of a run of losses, as many of the last packets are repaired as the largest distance. Larger
/// distances: the receiver waits for the farthest copy, and audio is later. Smaller: the viewer hears gaps at runs of losses.
/// More than three copies (`red_copies::COPIES_MAX`): the packet thread panics.
const DISTANCES: [&[u16]; 3] = [&[], &[1], &[1, 2, 4]];
/// Bytes of the largest audio payload with copies (RED). With headers and tag it fits into every path. Larger: packets exceed
/// the MTU of a path and are lost. Smaller: fewer copies fit, and the viewer hears gaps.
pub const BYTES_MAX: usize = 1_100;

/// The decision about RED for the voice of one consumer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Redundancy {
    /// The payload type of RED. None if the viewer does not accept RED, or if the publisher makes it.
    pub payload_type: Option<u8>,
    /// The index in [`DISTANCES`].
    pub(crate) step: u8,
    until_us: u64,
    /// The time of the viewer's last report.
    told_us: u64,
    /// The time at which copies were found to cause the loss, and the step before it.
    forgotten_us: u64,
    forgotten: u8,
}

impl Redundancy {
    /// Take the loss that the viewer reports.
    pub fn note_loss(&mut self, fraction: f32, now_us: u64) {
        // A report covers all the time since the last report.
        let since_us = std::mem::replace(&mut self.told_us, now_us);
        if since_us < self.forgotten_us {
            return;
        }
        let wanted = u8::from(fraction >= LOSS_FOR_ONE) + u8::from(fraction >= LOSS_FOR_MORE);
        let as_bad = wanted > 0 && wanted >= self.step;
        if as_bad || now_us >= self.until_us {
            (self.step, self.until_us, self.forgotten) = (wanted, now_us + KEPT_US, 0);
        }
    }

    /// Forget the loss until now, because copies caused it. Copies wait for a report of later loss.
    pub fn forget(&mut self, now_us: u64) {
        self.forgotten = self.forgotten.max(self.step);
        (self.step, self.until_us, self.forgotten_us) = (0, 0, now_us);
    }

    /// Send copies as before, because they did not cause the loss.
    pub fn recall(&mut self, now_us: u64) {
        let step = std::mem::take(&mut self.forgotten);
        if step > self.step {
            (self.step, self.until_us) = (step, now_us + KEPT_US);
        }
        self.forgotten_us = 0;
    }

    pub(crate) fn distances(&self) -> &'static [u16] {
        DISTANCES[usize::from(self.step)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_follow_the_loss_and_stay_for_a_while() {
        let mut redundancy = Redundancy { payload_type: Some(63), ..Redundancy::default() };
        redundancy.note_loss(0.01, 0);
        assert_eq!(redundancy.distances(), []);
        redundancy.note_loss(0.05, 1_000_000);
        assert_eq!(redundancy.distances(), [1]);
        redundancy.note_loss(0.3, 2_000_000);
        assert_eq!(redundancy.distances(), [1, 2, 4]);
        redundancy.note_loss(0.0, 3_000_000);
        redundancy.note_loss(0.05, 21_000_000);
        assert_eq!(redundancy.distances(), [1, 2, 4], "not before its time");
        redundancy.note_loss(0.05, 22_000_000);
        assert_eq!(redundancy.distances(), [1]);
        redundancy.note_loss(0.0, 42_000_000);
        assert_eq!(redundancy.distances(), []);
    }

    #[test]
    fn what_was_lost_by_the_copies_counts_no_more_though_it_is_told_later() {
        let mut redundancy = Redundancy::default();
        redundancy.note_loss(0.3, 1_000_000);
        redundancy.forget(4_000_000);
        redundancy.note_loss(0.3, 6_000_000);
        assert_eq!(redundancy.distances(), [], "most of it is of the time before");
        redundancy.recall(7_000_000);
        assert_eq!(redundancy.distances(), [1, 2, 4], "it was not by the copies");
        redundancy.note_loss(0.0, 26_000_000);
        assert_eq!(redundancy.distances(), [1, 2, 4], "for a while");
        redundancy.forget(27_000_000);
        redundancy.note_loss(0.3, 28_000_000);
        redundancy.note_loss(0.03, 33_000_000);
        redundancy.recall(34_000_000);
        assert_eq!(redundancy.distances(), [1], "as was told since");
        redundancy.note_loss(0.0, 60_000_000);
        redundancy.recall(61_000_000);
        assert_eq!(redundancy.distances(), [], "once");
    }
}
