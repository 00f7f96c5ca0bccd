//! The bitrate that the path is believed to carry. It is unknown until the bitrate was too much once. Then it falls at once and
//! grows slowly (draft-ietf-rmcat-gcc-02 §5.5). It rises at once after a probe that the path carried.

/// Share of the delivered bitrate that is sent after a queue grew (gcc-02 §5.5, beta; libwebrtc `kDefaultBackoffFactor`).
/// Larger: the queue empties slowly, and the viewer's audio is late. Smaller: pictures lose more quality than necessary.
const BACK_OFF_SHARE: f64 = 0.85;
/// Below this share of the permitted bitrate the path is idle. Then a back-off keeps at least this share, and the bitrate does
/// not grow. We then fill no queue, and the little that arrives does not show the capacity. Chosen; row `step` of `make
/// bench-quality`. Larger: a used path counts as idle, so audio is late, and pictures stay small; above 1, the bitrate hardly
/// grows at all. Smaller: an idle call loses its bitrate, and later pictures begin small.
const IDLE_SHARE: f64 = 0.7;
/// Factor of growth per second, while the bitrate is far below the known capacity of the path, or no capacity is known. Source:
/// gcc-02 §5.5, eta; libwebrtc `MultiplicativeRateIncrease`. `OVER_DELIVERED_RATIO` (1.1) is the limit. Larger: the bitrate
/// exceeds the path and fills a queue, and the viewer's audio is late. Smaller: good pictures come back later.
const GROWTH_FACTOR_PER_S: f64 = 1.08;
/// The bitrate grows at most to this multiple of the delivered bitrate. gcc-02 §5.5 has 1.5. Less is enough, because a probe
/// (extra packets that test the path) finds more. Chosen; row `narrow-300` of `make bench-quality`. Larger: the bitrate grows
/// without proof, and pictures may fill a queue. Smaller: growth waits for probes, and pictures stay small.
const OVER_DELIVERED_RATIO: f64 = 1.1;
/// From this share of the known capacity on, the bitrate grows slowly (`GROWTH_NEAR_SHARE_PER_S`, 3 % per second). gcc-02 §5.5
/// uses three standard deviations. Chosen; row `narrow-300` of `make bench-quality`. Larger: fast growth fills a queue, and the
/// viewer's audio is late. Smaller: good pictures come back later.
const NEAR_CAPACITY_SHARE: f64 = 0.9;
/// Share of growth per second, near the known capacity. gcc-02 §5.5 instead adds half a packet in each response time (a round
/// trip and 100 ms). Chosen; row `narrow-300` of `make bench-quality`. Larger: the bitrate often exceeds the path, and the
/// viewer's audio is late. Smaller: a wider path is found late, and pictures stay small.
const GROWTH_NEAR_SHARE_PER_S: f64 = 0.03;
/// Bit/s per second. The least growth near the known capacity (libwebrtc `kMinIncreaseRateBpsPerSecond`). It counts below 133
/// kbit/s; above, `GROWTH_NEAR_SHARE_PER_S` (3 %) is more. Larger: a narrow path often gets a queue, and the viewer's audio is
/// late. Smaller: a narrow path that recovers stays unused, and pictures stay small.
const GROWTH_NEAR_BPS_PER_S_MIN: f64 = 4_000.0;
/// A delivered bitrate above this multiple of the known capacity shows a wider path. A smaller gain may be the error of a probe
/// (extra packets that test the path). Chosen; row `step` of `make bench-quality`. Larger: a wider path is not believed, and
/// pictures stay small, above `PROBE_TIMES_MAX` (2.0) at nearly every probe. Smaller: the error of a probe raises the bitrate,
/// and a queue builds up.
const WIDER_RATIO: f64 = 1.2;
/// Factor of growth per second if receiver reports are the only source (gcc-02 §6 adds 5 % for each report). Larger: the
/// bitrate soon exceeds the path, and the viewer loses packets. Smaller: good pictures come back later.
const CREEP_FACTOR_PER_S: f64 = 1.05;
/// Microseconds without growth after a lowering, if receiver reports are the only source: their interval (RFC 3550 §6.2).
/// Longer: good pictures come back later. Shorter: the bitrate grows before a report shows the losses, and the viewer loses
/// more packets.
const CREEP_AFTER_US: u64 = 5_000_000;
/// Microseconds, plus a round trip, between two lowerings for a queue, until feedback shows the first: about two feedback
/// intervals. If less than half of the bitrate arrives, the next lowering does not wait. libwebrtc waits 10 to 200 ms. Longer:
/// a path that narrows further is followed late, and audio is late. Shorter: one queue lowers the bitrate twice, and pictures
/// lose too much quality.
const AGAIN_US: u64 = 150_000;
/// Microseconds, plus a round trip, without growth after a lowering: one measurement of the delay (400 ms,
/// `trend::WINDOW_SLOTS`). Longer: good pictures come back later. Shorter: the bitrate grows while the queue still empties, and
/// the viewer's audio stays late.
const CALM_US: u64 = 400_000;
/// Bit/s. The least bitrate: one voice of Opus with headers (RFC 7587 §3.1.1: 16 to 20 kbit/s for wideband speech). Larger: a
/// very narrow path is overfilled, and the viewer's audio is late. Smaller: after a bad moment the bitrate grows back from a
/// lower value, so pictures come back later.
pub const FLOOR_BPS: f64 = 30_000.0;
/// Bit/s. The largest bitrate: more than any network interface of a viewer. Larger: no effect. Smaller: a viewer on a fast
/// network gets smaller pictures than its network carries.
pub const CEILING_BPS: f64 = 1e9;

/// The measurements of one moment.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub now_us: u64,
    pub rtt_us: u64,
    /// The bitrate that arrives, over half a second and over a fifth.
    pub delivered_bps: f64,
    pub delivered_now_bps: f64,
    pub sent_bps: f64,
}

#[derive(Debug, Default)]
pub struct Rate {
    bps: Option<f64>,
    before: Option<f64>,
    /// The bitrate that arrived the last times that more was too much, smoothed.
    capacity_bps: Option<f64>,
    lowered_us: u64,
    narrow_us: Option<u64>,
    cut_us: Option<u64>,
    grown_us: u64,
}

impl Rate {
    pub fn bps(&self) -> Option<f64> {
        self.bps
    }

    /// Return the time of the last lowering; 0 without one.
    pub fn lowered_us(&self) -> u64 {
        self.lowered_us
    }

    /// Return the last time at which a queue asked for a lowering, even at the least bitrate. None without one, if the queue
    /// was not ours, or if the peer has moved.
    pub fn narrow_us(&self) -> Option<u64> {
        self.narrow_us
    }

    /// Return the time of the last cut for losses. None without one, if the cut did not help, or if the peer has moved.
    pub fn cut_us(&self) -> Option<u64> {
        self.cut_us
    }

    /// Report whether much less is sent than is permitted.
    pub fn is_idle(&self, sent_bps: f64) -> bool {
        self.bps.is_some_and(|bps| sent_bps < bps * IDLE_SHARE)
    }

    /// Lower the bitrate, because a queue grows. Return true if the bitrate is lower than before.
    pub fn back_off(&mut self, seen: &Seen) -> bool {
        let soon = seen.now_us.saturating_sub(self.lowered_us) < seen.rtt_us + AGAIN_US && self.lowered_us > 0;
        let through_bps = seen.delivered_now_bps.min(seen.delivered_bps);
        let mut to = BACK_OFF_SHARE * through_bps;
        if soon && self.bps.is_some_and(|bps| through_bps > bps * 0.5) {
            return false;
        }
        if let Some(bps) = self.bps.filter(|_| self.is_idle(seen.sent_bps)) {
            to = to.max(IDLE_SHARE * bps);
        } else {
            self.capacity_bps = Some(self.capacity_bps.map_or(through_bps, |was| was + 0.3 * (through_bps - was)));
        }
        let was = self.bps;
        self.narrow_us = Some(seen.now_us);
        self.lower(to, seen.now_us);
        self.before = self.bps;
        self.bps != was
    }

    /// Give back the bitrate that was taken for a queue that was not ours. `before`: the bitrate before the lowerings.
    pub fn give_back(&mut self, before: Option<f64>) {
        (self.narrow_us, self.cut_us) = (None, None);
        self.bps = before.map(|before| before.max(self.bps.unwrap_or(before)));
        self.before = self.bps;
        self.capacity_bps = None;
    }

    /// Lower the bitrate, because too many packets are lost.
    pub fn cut(&mut self, to_bps: f64, now_us: u64) {
        (self.before, self.cut_us) = (self.bps, Some(now_us));
        self.lower(to_bps, now_us);
    }

    /// Undo the last cut, which did not help.
    pub fn undo(&mut self) {
        (self.narrow_us, self.cut_us) = (None, None);
        self.bps = self.before.map(|before| before.max(self.bps.unwrap_or(before)));
    }

    /// Forget the last queue and cut: they say nothing of the peer's new path.
    pub fn note_moved(&mut self) {
        (self.narrow_us, self.cut_us) = (None, None);
    }

    fn lower(&mut self, to_bps: f64, now_us: u64) {
        let to_bps = to_bps.clamp(FLOOR_BPS, CEILING_BPS);
        if self.bps.is_none_or(|bps| to_bps < bps) {
            self.bps = Some(to_bps);
            self.lowered_us = now_us;
            self.grown_us = now_us;
        }
    }

    /// Grow a little on a calm path, if the bitrate is used.
    pub fn grow(&mut self, seen: &Seen) {
        let elapsed_us = seen.now_us.saturating_sub(std::mem::replace(&mut self.grown_us, seen.now_us)).min(200_000);
        let Some(bps) = self.bps else { return };
        if seen.now_us.saturating_sub(self.lowered_us) >= CALM_US + seen.rtt_us && seen.delivered_bps > bps {
            // The path carries more than the bitrate, and has no queue.
            self.bps = Some(seen.delivered_bps.min(CEILING_BPS));
            return;
        }
        if self.is_idle(seen.sent_bps) || seen.now_us.saturating_sub(self.lowered_us) < CALM_US + seen.rtt_us {
            return;
        }
        let elapsed_s = elapsed_us as f64 / 1e6;
        if self.capacity_bps.is_some_and(|capacity| seen.delivered_bps > capacity * WIDER_RATIO) {
            self.capacity_bps = None;
        }
        let near = self.capacity_bps.is_some_and(|capacity| bps > capacity * NEAR_CAPACITY_SHARE);
        let grown = if near {
            bps + (GROWTH_NEAR_SHARE_PER_S * bps).max(GROWTH_NEAR_BPS_PER_S_MIN) * elapsed_s
        } else {
            bps * GROWTH_FACTOR_PER_S.powf(elapsed_s)
        };
        self.bps = Some(grown.min(OVER_DELIVERED_RATIO * seen.delivered_bps + 10_000.0).max(bps).min(CEILING_BPS));
    }

    /// Grow a little after a report without losses, if no other source exists.
    pub fn creep(&mut self, elapsed_us: u64, now_us: u64) {
        if now_us.saturating_sub(self.lowered_us) >= CREEP_AFTER_US {
            self.bps = self.bps.map(|bps| (bps * CREEP_FACTOR_PER_S.powf(elapsed_us as f64 / 1e6)).min(CEILING_BPS));
        }
    }

    /// Raise the bitrate after a probe that arrived with `to_bps`. Return true if the bitrate is higher than before.
    pub fn raise(&mut self, to_bps: f64) -> bool {
        let wider = self.capacity_bps.is_none_or(|capacity| to_bps > capacity * WIDER_RATIO);
        let to_bps = if wider { to_bps } else { to_bps.min(self.capacity_bps.unwrap_or(to_bps)) };
        let raised = self.bps.is_some_and(|bps| to_bps > bps);
        if raised {
            self.bps = Some(to_bps.min(CEILING_BPS));
            self.capacity_bps = self.capacity_bps.filter(|_| !wider);
        }
        raised
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(now_us: u64, bps: f64) -> Seen {
        Seen { now_us, rtt_us: 50_000, delivered_bps: bps, delivered_now_bps: bps, sent_bps: bps }
    }

    #[test]
    fn nothing_limits_until_it_was_too_much_once() {
        let mut rate = Rate::default();
        (0..100).for_each(|i| rate.grow(&seen(i * 100_000, 1e6)));
        assert_eq!((rate.bps(), rate.raise(5e6)), (None, false));
        rate.back_off(&seen(10_000_000, 1e6));
        assert_eq!(rate.bps(), Some(0.85e6));
    }

    #[test]
    fn it_grows_only_while_it_is_used_and_never_far_beyond_what_arrives() {
        let mut rate = Rate::default();
        rate.back_off(&seen(1_000_000, 1e6));
        (0..100).for_each(|i| rate.grow(&seen(2_000_000 + i * 100_000, 2e5)));
        assert_eq!(rate.bps(), Some(0.85e6), "idle");
        (0..3_000).for_each(|i| rate.grow(&seen(20_000_000 + i * 100_000, 8.5e5)));
        assert!((0.9e6..=1.1 * 8.5e5 + 1e4).contains(&rate.bps().unwrap()));
    }

    #[test]
    fn it_is_lowered_once_in_a_round_trip_unless_it_is_far_off() {
        let mut rate = Rate::default();
        rate.back_off(&seen(1_000_000, 2e6));
        rate.back_off(&seen(1_050_000, 1.6e6));
        assert_eq!(rate.bps(), Some(1.7e6));
        rate.back_off(&Seen { sent_bps: 1.7e6, ..seen(1_100_000, 3e5) });
        assert_eq!(rate.bps(), Some(2.55e5));
        rate.back_off(&seen(9_000_000, 1e3));
        assert!(rate.bps().unwrap() >= FLOOR_BPS);
    }

    #[test]
    fn a_cut_can_be_undone() {
        let mut rate = Rate::default();
        rate.cut(3e5, 1_000_000);
        assert_eq!(rate.bps(), Some(3e5));
        rate.undo();
        assert_eq!(rate.bps(), None);
    }
}
