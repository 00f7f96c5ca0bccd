//! What a layer costs to forward as it is sent now: bit/s up to each VP8 temporal id, smoothed over about a second.

pub const TEMPORALS: usize = 4;
/// RTP header, extensions and tag, about.
const OVERHEAD_BYTES: usize = 40;
const WINDOW_US: u64 = 200_000;
const SMOOTHING_US: f64 = 1e6;
/// A temporal id that makes up less than this of all is none.
const SHARE_MIN: f64 = 0.02;

#[derive(Debug, Default)]
pub struct Bitrates {
    bytes: [usize; TEMPORALS],
    since_us: Option<u64>,
    bps: [f64; TEMPORALS],
    measured: bool,
}

impl Bitrates {
    /// A packet came.
    #[inline]
    pub fn note(&mut self, temporal: Option<u8>, payload_bytes: usize) {
        let at = usize::from(temporal.unwrap_or(0)).min(TEMPORALS - 1);
        self.bytes[at] += payload_bytes + OVERHEAD_BYTES;
    }

    /// Takes what came since; to be called every now and then.
    pub fn settle(&mut self, now_us: u64) {
        let since_us = *self.since_us.get_or_insert(now_us);
        let elapsed_us = now_us.saturating_sub(since_us);
        if elapsed_us < WINDOW_US {
            return;
        }
        self.since_us = Some(now_us);
        let elapsed_us = elapsed_us as f64;
        let share = if self.measured { elapsed_us / (elapsed_us + SMOOTHING_US) } else { 1.0 };
        for (bps, bytes) in self.bps.iter_mut().zip(&mut self.bytes) {
            *bps += share * (std::mem::take(bytes) as f64 * 8e6 / elapsed_us - *bps);
        }
        self.measured = self.measured || self.total_bps() > 0;
    }

    pub fn total_bps(&self) -> u64 {
        self.bps.iter().sum::<f64>() as u64
    }

    /// Each temporal id that there is, with what all up to it cost. Nothing: not measured yet.
    pub fn steps(&self) -> impl Iterator<Item = (u8, u64)> {
        let all: f64 = self.bps.iter().sum();
        let mut sum = 0.0;
        (0..).zip(self.bps).filter_map(move |(temporal, bps)| {
            sum += bps;
            (self.measured && bps > all * SHARE_MIN).then_some((temporal, sum as u64))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds of 30 frames of 960 bytes with the temporal ids 0 2 1 2.
    fn run(bitrates: &mut Bitrates, from_s: u64, seconds: u64) {
        for n in from_s * 30..(from_s + seconds) * 30 {
            bitrates.note(Some([0, 2, 1, 2][n as usize % 4]), 960);
            bitrates.settle(n * 33_333);
        }
    }

    #[test]
    fn each_temporal_id_has_its_share() {
        let mut bitrates = Bitrates::default();
        run(&mut bitrates, 0, 10);
        let steps: Vec<_> = bitrates.steps().collect();
        let near = |bps: u64, wanted: f64| (bps as f64 - wanted).abs() < 0.15 * wanted;
        assert_eq!(steps.iter().map(|step| step.0).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(near(steps[0].1, 6e4) && near(steps[1].1, 12e4) && near(steps[2].1, 24e4), "{steps:?}");
    }

    #[test]
    fn without_temporal_ids_there_is_one_step_and_none_before_it_is_measured() {
        let mut bitrates = Bitrates::default();
        bitrates.note(None, 960);
        bitrates.settle(1_000_000);
        assert_eq!(bitrates.steps().count(), 0);
        (0..30).for_each(|_| bitrates.note(None, 960));
        bitrates.settle(2_000_000);
        assert_eq!(bitrates.steps().collect::<Vec<_>>(), [(0, 248_000)]);
    }

    #[test]
    fn what_falls_silent_fades() {
        let mut bitrates = Bitrates::default();
        run(&mut bitrates, 0, 10);
        (0..100).for_each(|n| bitrates.settle(10_000_000 + n * 100_000));
        assert!(bitrates.total_bps() < 1_000);
    }
}
