//! How much more than its stream one viewer may cause: key frames, numbers without content, packets sent again.

use crate::bucket::Bucket;

/// Resent packets may be half of those sent, after a first allowance (in half packets).
const RESEND_CREDIT_START: u16 = 200;
const RESEND_CREDIT_MAX: u16 = 1_000;
const RESEND_COST: u16 = 2;
/// A viewer may ask for a key frame so often in the long run, and for so many at once: what each costs, all viewers pay.
const KEYFRAME_EVERY_US: i64 = 1_000_000;
const KEYFRAMES_AT_ONCE: i64 = 3;
/// Numbers that are filled, so evenly or at once: see `Verdict::Fill`.
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
    /// A packet went out: it pays for a part of one that is sent again.
    #[inline]
    pub fn earn(&mut self) {
        self.resend = (self.resend + 1).min(RESEND_CREDIT_MAX);
    }

    /// Whether the viewer's wish for a key frame counts; takes its cost.
    pub fn may_ask_keyframe(&mut self, now_us: u64) -> bool {
        self.keyframes.take(now_us)
    }

    /// Whether a number may be filled; takes its cost. A publisher who sends all late shall not fill anybody's way with nothing.
    pub fn may_fill(&mut self, now_us: u64) -> bool {
        self.fills.take(now_us)
    }

    /// Whether one more packet may be resent; takes its cost.
    pub fn may_resend(&mut self) -> bool {
        let allowed = self.resend >= RESEND_COST;
        if allowed {
            self.resend -= RESEND_COST;
        }
        allowed
    }

    /// Whether one packet may be resent twice at once; takes the cost of the second. From what is over alone: else packets that were
    /// not sent again yet would go without.
    pub fn may_resend_twice(&mut self) -> bool {
        self.resend > RESEND_CREDIT_MAX / 2 && self.may_resend()
    }
}
