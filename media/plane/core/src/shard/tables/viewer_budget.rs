//! The budget for the extra work that one viewer may cause: key frames, filled numbers, retransmissions.

use crate::bucket::Bucket;

/// Half packets of credit. Retransmissions may be half of the packets sent, plus a first allowance. Larger: a hostile viewer
/// causes more traffic. Smaller: losses are not repaired.
const RESEND_CREDIT_START: u16 = 200;
const RESEND_CREDIT_MAX: u16 = 1_000;
const RESEND_COST: u16 = 2;
/// A viewer may cause one key frame in this time on average, and this number at once. All viewers pay for a key frame. More:
/// one viewer can lower the quality for all. Fewer: a viewer with losses waits for its picture.
const KEYFRAME_EVERY_US: i64 = 1_000_000;
const KEYFRAMES_AT_ONCE: i64 = 3;
/// One number may be filled in this time on average, and this number at once: see `Verdict::Fill`. More: a publisher can fill
/// downlinks with padding. Fewer: viewers wait for missing numbers.
const FILL_EVERY_US: i64 = 20_000;
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
