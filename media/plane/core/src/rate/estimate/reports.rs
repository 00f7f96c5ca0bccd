//! The bitrate sent to a peer that reports losses only in receiver reports, about once a second.

/// Microseconds. The least time over which a sent bitrate is measured, a little less than browsers' interval of receiver
/// reports (1 s). Losses are judged only then. Longer than 1 s: only each second report is judged, with the losses of both, so
/// the bitrate falls later. Shorter: two reports of two streams that arrive soon after each other are measured as two windows,
/// and the bitrate is wrong.
const WINDOW_US: u64 = 900_000;

#[derive(Debug, Default)]
pub struct Reports {
    since: Option<(u64, u64)>,
}

impl Reports {
    /// Return the bit/s since the last answer, and its microseconds. None if it is too early.
    pub fn settle(&mut self, sent_bytes: u64, now_us: u64) -> Option<(f64, u64)> {
        let (before, at_us) = *self.since.get_or_insert((sent_bytes, now_us));
        let elapsed_us = now_us.saturating_sub(at_us);
        if elapsed_us < WINDOW_US {
            return None;
        }
        self.since = Some((sent_bytes, now_us));
        Some(((sent_bytes - before) as f64 * 8e6 / elapsed_us as f64, elapsed_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_bytes_is_a_bitrate() {
        let mut reports = Reports::default();
        assert_eq!(reports.settle(1_000, 5_000_000), None);
        assert_eq!(reports.settle(50_000, 5_500_000), None);
        assert_eq!(reports.settle(126_000, 6_000_000), Some((1e6, 1_000_000)));
        assert_eq!(reports.settle(126_000, 8_000_000), Some((0.0, 2_000_000)));
    }
}
