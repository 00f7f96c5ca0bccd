//! RED that is made for one viewer: where the way to it loses packets, each of a voice takes the one before it along, and where
//! it loses many some of those before that (RFC 2198), also of what comes as RED with fewer. Made of what this viewer was sent,
//! so that nothing goes out that was not to be heard.

/// So much loss, as the viewer reports it, brings a copy ...
pub const LOSS_FOR_ONE: f32 = 0.02;
/// ... and so much several: then losses next to each other are frequent.
const LOSS_FOR_MORE: f32 = 0.06;
/// Copies stay this long after the last report of such loss, and until the next one.
const KEPT_US: u64 = 20_000_000;
/// How many packets before its own each copy is, by how much is lost. Of a run of lost packets those are made good that are as near
/// to its end as the farthest copy; the receiver waits so long once it has found that it is worth it.
const DISTANCES: [&[u16]; 3] = [&[], &[1], &[1, 2, 4]];
/// A payload made so has at most this much: it fits every way with headers and tag.
pub const BYTES_MAX: usize = 1_100;

/// Whether a consumer's voice goes out as RED.
#[derive(Clone, Copy, Debug, Default)]
pub struct Redundancy {
    /// Its payload type; None: the viewer does not take it, or the publisher makes it.
    pub payload_type: Option<u8>,
    /// Into [`DISTANCES`].
    pub(crate) step: u8,
    until_us: u64,
    /// When the viewer told last.
    told_us: u64,
    /// When all that had been told was laid to the copies, and the step until then.
    forgotten_us: u64,
    forgotten: u8,
}

impl Redundancy {
    /// The viewer told what was lost on the way to it.
    pub fn note_loss(&mut self, fraction: f32, now_us: u64) {
        // What is told is of all the time since the last report.
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

    /// What was lost till now was lost by the copies: they wait until it is told again.
    pub fn forget(&mut self, now_us: u64) {
        self.forgotten = self.forgotten.max(self.step);
        (self.step, self.until_us, self.forgotten_us) = (0, 0, now_us);
    }

    /// It was not: they go out as before.
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
