//! Whether media goes to a path where the peer has never answered. A check may come under the address of another host. That host
//! would get all that the sender of the check watches, until the consent ends (RFC 7675). At first the check is believed: an answer
//! takes a round trip, and the first picture does not wait for it. But a peer has a credit. Bytes that went where it never answered
//! count, in all its paths together. When the credit is spent, nothing goes to such a path before the peer answers there. The peer
//! is asked long before that. Its answer gives back what went to that path, and to no other path.

use crate::ice::limits::{ASKED_BYTES, ASKED_US, CREDIT_BYTES};
use crate::path::Path;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PathCredit {
    /// Went to paths before the selected path, where the peer did not answer.
    spent_bytes: u64,
    /// Of that to the path before: its answer may be under way.
    left: Option<(Path, u64)>,
    /// Had gone to the peer in all by now, and before it came here.
    sent_bytes: u64,
    before_bytes: u64,
    /// Went to the selected path; 0 once the peer has answered there.
    gone_bytes: u64,
    /// At the last question.
    asked_bytes: u64,
    asked_us: u64,
    /// Nothing goes to the selected path.
    withheld: bool,
}

impl PathCredit {
    /// The peer is elsewhere, and was at `before`. `has_answered`: it answered at the new path at some time.
    pub fn begin(&mut self, before: Option<Path>, has_answered: bool) {
        let (spent_bytes, sent_bytes) = (self.spent_bytes + self.gone_bytes, self.sent_bytes);
        let left = before.map(|before| (before, self.gone_bytes));
        let withheld = !has_answered && spent_bytes >= CREDIT_BYTES;
        *self = PathCredit { spent_bytes, left, sent_bytes, before_bytes: sent_bytes, withheld, ..Self::default() };
    }

    /// The peer answered at a path.
    pub fn note_answer(&mut self, path: Path, is_selected: bool) {
        if let Some((_, bytes)) = self.left.take_if(|(left, _)| *left == path) {
            self.spent_bytes -= bytes;
        }
        if is_selected {
            let PathCredit { spent_bytes, left, sent_bytes, .. } = *self;
            *self = PathCredit { spent_bytes, left, sent_bytes, ..Self::default() };
        }
    }

    /// `sent_bytes`: to the peer in all, by now. `is_doubtful`: it has not answered at the selected path.
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

    /// True, once for each such portion: enough went to the selected path that the peer is asked there.
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
