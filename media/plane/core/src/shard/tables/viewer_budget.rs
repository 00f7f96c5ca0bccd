//! The budget for the extra work that one viewer may cause: key frames, filled numbers, retransmissions.

use crate::bucket::Bucket;

/// The credit of a new viewer. It is enough for 100 retransmissions, which cost 2 each (`RESEND_COST`). Chosen. Larger: a
/// hostile viewer causes more traffic, up to `RESEND_CREDIT_MAX` (500). Smaller: losses at the start of a call are not
/// repaired, and the picture freezes.
const RESEND_CREDIT_START: u16 = 200;
/// The most credit of a viewer. It is enough for 500 retransmissions, which cost 2 each (`RESEND_COST`). A far viewer gets
/// a packet twice only above half of this (`FAR_US`). Chosen. Larger: a hostile viewer causes a larger burst. Smaller: a
/// long run of losses is not repaired, and the picture freezes.
const RESEND_CREDIT_MAX: u16 = 1_000;
/// Credit that one retransmission costs. Each packet sent to the viewer earns 1, so half of the packets may be sent again.
/// Chosen. Larger: on a lossy path, losses are not repaired, and the picture freezes. Smaller: a hostile viewer causes more
/// traffic.
const RESEND_COST: u16 = 2;
/// Microseconds. Chosen. A viewer may cause one key frame in this time, on average. A key frame is large, so all viewers of the
/// track get lower quality. Longer: a viewer with losses sees a frozen picture for longer. Shorter: one hostile viewer can
/// lower the quality for all.
const KEYFRAME_EVERY_US: i64 = 1_000_000;
/// Key frames that a viewer may cause at once, after a quiet time; the average is one a second (`KEYFRAME_EVERY_US`). Chosen.
/// More: one hostile viewer can lower the quality for all. Fewer: a viewer that changes its layout waits for its pictures.
const KEYFRAMES_AT_ONCE: i64 = 3;
/// Microseconds. Chosen. If a packet is left out after its sequence number was kept, an empty packet fills the number. Each
/// viewer gets at most one in this time, on average. Longer: viewers wait for missing numbers, and their pictures freeze.
/// Shorter: a hostile publisher whose packets are all late can fill downlinks with padding.
const FILL_EVERY_US: i64 = 20_000;
/// Empty packets that may fill missing sequence numbers of a viewer at once, after a quiet time; the average is 50 a second
/// (`FILL_EVERY_US`). Chosen. More: a hostile publisher can fill downlinks with padding. Fewer: after a burst of late packets,
/// viewers wait for missing numbers, and their pictures freeze.
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
