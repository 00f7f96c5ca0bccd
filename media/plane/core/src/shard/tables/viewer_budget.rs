//! The budget for the extra work that one viewer may cause: key frames, filled numbers, retransmissions.

use crate::bucket::Bucket;

/// Half packets. Chosen. The credit of a new viewer: 100 retransmissions. Larger: a hostile viewer causes more traffic.
/// Smaller: the losses at the start of a call are not repaired.
const RESEND_CREDIT_START: u16 = 200;
/// Half packets. Chosen. The most credit of a viewer: 500 retransmissions. Larger: a hostile viewer causes a larger burst.
/// Smaller: a long run of losses is not repaired.
const RESEND_CREDIT_MAX: u16 = 1_000;
/// Half packets that one retransmission costs. Chosen. Each packet sent earns one half packet, so half of the packets may be
/// sent again. Larger: on a lossy path, losses are not repaired. Smaller: a hostile viewer causes more traffic.
const RESEND_COST: u16 = 2;
/// Microseconds. Chosen. A viewer may cause one key frame in this time on average. All viewers pay for a key frame. Longer: a
/// viewer with losses waits for its picture. Shorter: one viewer can lower the quality for all.
const KEYFRAME_EVERY_US: i64 = 1_000_000;
/// Key frames that a viewer may cause at once, after a quiet time. Chosen. More: one viewer can lower the quality for all.
/// Fewer: a viewer that changes its layout waits for its pictures.
const KEYFRAMES_AT_ONCE: i64 = 3;
/// Microseconds. Chosen. One number of a viewer may be filled in this time on average: see `Verdict::Fill`. Longer: viewers
/// wait for missing numbers. Shorter: a publisher can fill downlinks with padding.
const FILL_EVERY_US: i64 = 20_000;
/// Numbers of a viewer that may be filled at once, after a quiet time. Chosen. More: a publisher can fill downlinks with
/// padding. Fewer: after a burst of late packets, viewers wait for missing numbers.
const FILLS_AT_ONCE: i64 = 200;

pub struct ViewerBudget {
    keyframes: Bucket,
    fills: Bucket,
    resend: u16,
}

impl Default for ViewerBudget {
    fn default() -> Self {
        let of = |every_us: i64, at_once: i64| Bucket::new(1, every_us * at_once, every_us, 0);
        ViewerBudget {
            keyframes: of(KEYFRAME_EVERY_US, KEYFRAMES_AT_ONCE),
            fills: of(FILL_EVERY_US, FILLS_AT_ONCE),
            resend: RESEND_CREDIT_START,
        }
    }
}

impl ViewerBudget {
    /// Earn half a retransmission for a packet that was sent.
    #[inline]
    pub fn earn(&mut self) {
        self.resend = (self.resend + 1).min(RESEND_CREDIT_MAX);
    }

    /// Report whether the viewer may ask for a key frame, and charge the cost.
    pub fn may_ask_keyframe(&mut self, now_us: u64) -> bool {
        self.keyframes.take(now_us)
    }

    /// Report whether a number may be filled, and charge the cost. A publisher whose packets are all late must not fill
    /// downlinks with padding.
    pub fn may_fill(&mut self, now_us: u64) -> bool {
        self.fills.take(now_us)
    }

    /// Report whether one more packet may be resent, and charge the cost.
    pub fn may_resend(&mut self) -> bool {
        let allowed = self.resend >= RESEND_COST;
        if allowed {
            self.resend -= RESEND_COST;
        }
        allowed
    }

    /// Report whether one packet may be resent twice at once, and charge the second. Only a surplus pays for this. Otherwise
    /// packets that were not resent yet would get nothing.
    pub fn may_resend_twice(&mut self) -> bool {
        self.resend > RESEND_CREDIT_MAX / 2 && self.may_resend()
    }
}
