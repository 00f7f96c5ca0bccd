//! Bitrates over a short window: of arrived packets by the peer's clock, or of sent packets by ours.

/// Microseconds in which bytes are counted together. `BUCKETS` (10) of them make 0.5 s. Longer: the measured bitrate covers
/// more time, so a path that becomes narrow shows late. Shorter: it covers less time, so one frame moves the bitrate.
const BUCKET_US: i64 = 50_000;
/// Counters of 50 ms (`BUCKET_US`) in the measured bitrate: 0.5 s (gcc-02 §5.5 allows 0.5 to 1 s). More: a path that becomes
/// narrow shows late, and the viewer's audio is late. Fewer: one large frame changes the bitrate.
const BUCKETS: usize = 10;
/// Counters of 50 ms (`BUCKET_US`) in the short bitrate: 0.2 s, used when a long queue and losses grow together. More: on a
/// path that suddenly becomes narrow, the bitrate falls too little; more than 9 need more `BUCKETS` (10). Fewer: one large
/// frame changes the bitrate.
const RECENT_BUCKETS: i64 = 4;

#[derive(Debug, Default)]
pub struct Throughput {
    bytes: [u32; BUCKETS],
    /// The number of the newest bucket.
    newest: i64,
    started: Option<i64>,
}

impl Throughput {
    pub fn note(&mut self, at_us: i64, bytes: usize) {
        let bucket = at_us.div_euclid(BUCKET_US);
        if self.started.is_none() {
            (self.started, self.newest) = (Some(bucket), bucket);
        }
        self.advance(bucket);
        if self.newest - bucket < BUCKETS as i64 {
            self.bytes[bucket.rem_euclid(BUCKETS as i64) as usize] += bytes as u32;
        }
    }

    /// Return the bitrate of the complete buckets in the last half second before `at_us`. None if it is too early.
    pub fn bps(&mut self, at_us: i64) -> Option<f64> {
        let bucket = at_us.div_euclid(BUCKET_US);
        self.advance(bucket);
        let whole = (self.newest - self.started?).min(BUCKETS as i64 - 1);
        if whole < 3 {
            return None;
        }
        let current = self.newest.rem_euclid(BUCKETS as i64) as usize;
        let bytes: u32 = self.bytes.iter().enumerate().filter(|(at, _)| *at != current).map(|(_, bytes)| bytes).sum();
        Some(f64::from(bytes) * 8.0 * 1e6 / (whole * BUCKET_US) as f64)
    }

    /// Return the bitrate of the last fifth of a second.
    pub fn recent_bps(&mut self, at_us: i64) -> Option<f64> {
        let bucket = at_us.div_euclid(BUCKET_US);
        self.advance(bucket);
        if self.newest - self.started? < RECENT_BUCKETS {
            return None;
        }
        let bytes: u32 =
            (1..=RECENT_BUCKETS).map(|back| self.bytes[(self.newest - back).rem_euclid(BUCKETS as i64) as usize]).sum();
        Some(f64::from(bytes) * 8.0 * 1e6 / (RECENT_BUCKETS * BUCKET_US) as f64)
    }

    fn advance(&mut self, bucket: i64) {
        let steps = bucket - self.newest;
        for step in 1..=steps.min(BUCKETS as i64) {
            self.bytes[(bucket - steps.min(BUCKETS as i64) + step).rem_euclid(BUCKETS as i64) as usize] = 0;
        }
        self.newest = self.newest.max(bucket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_stream_has_its_bitrate_and_silence_none() {
        let mut throughput = Throughput::default();
        for i in 0..200 {
            throughput.note(-3_000_000 + i * 10_000, 1_250);
        }
        let bps = throughput.bps(-1_000_000).unwrap();
        assert!((bps - 1e6).abs() < 3e4, "{bps}");
        assert_eq!(throughput.bps(1_000_000), Some(0.0));
    }

    #[test]
    fn it_takes_a_moment_to_know() {
        let mut throughput = Throughput::default();
        throughput.note(0, 1_000);
        assert_eq!(throughput.bps(100_000), None);
        assert!(throughput.bps(200_000).is_some());
    }
}
