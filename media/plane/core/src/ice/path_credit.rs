//! The decision whether media is sent to a path where the peer has never answered. A check may have the forged address of
//! another host. That host would get all media for the check's sender until the consent ends (RFC 7675).
//!
//! At first the check is believed, because an answer takes a round trip and the first picture must not wait for it. But each
//! peer has a credit. All bytes sent to paths without an answer count together. When the credit is spent, no media is sent to
//! such a path until the peer answers there. The peer is asked long before that. Its answer gives back the bytes sent to that
//! path, but to no other path.

use crate::ice::limits::{ASKED_BYTES, ASKED_US, CREDIT_BYTES};
use crate::path::Path;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PathCredit {
    /// Bytes sent to earlier paths without an answer.
    spent_bytes: u64,
    /// The path that was selected before, and its part of `spent_bytes`. The peer's answer from there may be on its way.
    left: Option<(Path, u64)>,
    /// The bytes sent to the peer in all, until now and until it moved here.
    sent_bytes: u64,
    before_bytes: u64,
    /// Bytes sent to the selected path; 0 once the peer has answered there.
    gone_bytes: u64,
    /// The value of `gone_bytes` at the last question, and the time of that question.
    asked_bytes: u64,
    asked_us: u64,
    /// True if no media is sent to the selected path.
    withheld: bool,
}

impl PathCredit {
    /// Begin with a new path after `before`. `has_answered`: the peer has answered at the new path at some time.
    pub fn begin(&mut self, before: Option<Path>, has_answered: bool) {
        let (spent_bytes, sent_bytes) = (self.spent_bytes + self.gone_bytes, self.sent_bytes);
        let left = before.map(|before| (before, self.gone_bytes));
        let withheld = !has_answered && spent_bytes >= CREDIT_BYTES;
        *self = PathCredit { spent_bytes, left, sent_bytes, before_bytes: sent_bytes, withheld, ..Self::default() };
    }

    /// Note that the peer answered at a path.
    pub fn note_answer(&mut self, path: Path, is_selected: bool) {
        if let Some((_, bytes)) = self.left.take_if(|(left, _)| *left == path) {
            self.spent_bytes -= bytes;
        }
        if is_selected {
            let PathCredit { spent_bytes, left, sent_bytes, .. } = *self;
            *self = PathCredit { spent_bytes, left, sent_bytes, ..Self::default() };
        }
    }

    /// Note the bytes sent to the peer in all. `is_doubtful`: the peer has not answered at the selected path.
    pub fn note_sent(&mut self, sent_bytes: u64, is_doubtful: bool) {
        self.sent_bytes = sent_bytes;
        if is_doubtful && !self.withheld {
            self.gone_bytes = sent_bytes.saturating_sub(self.before_bytes);
            self.withheld = self.spent_bytes + self.gone_bytes >= CREDIT_BYTES;
        }
    }

    pub fn withholds(&self) -> bool {
        self.withheld
    }

    /// Report whether the peer must be asked at the selected path. True once for each portion of bytes sent there.
    pub fn wants_question(&mut self, now_us: u64) -> bool {
        let is_due = self.gone_bytes >= self.asked_bytes + ASKED_BYTES && now_us >= self.asked_us + ASKED_US;
        if is_due {
            (self.asked_bytes, self.asked_us) = (self.gone_bytes, now_us);
        }
        is_due
    }
}

#[cfg(test)]
#[path = "path_credit_tests.rs"]
mod tests;
