//! Whether media goes to a path where nobody has ever answered. A check may come under the address of somebody else, who would get
//! all that its sender watches, till the consent ends (RFC 7675). At first it is believed, for the answer to a question takes a
//! round trip and the first picture shall not wait for it. But a peer has a credit: what went where it never answered counts, in
//! all its paths together, and when that is spent nothing goes to such a path before it answers there. Who is there is asked long
//! before, and its answer gives back what went to that path, and to no other.

use crate::ice::limits::CREDIT_BYTES;
use crate::path::Path;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubt {
    /// Went to paths before the selected one that it left without an answer.
    pub(super) spent_bytes: u64,
    /// Of that to the last one, whose answer may be under way.
    pub(super) left: Option<(Path, u64)>,
    /// Had gone to the peer in all by now, and before it came here.
    pub(super) sent_bytes: u64,
    pub(super) before_bytes: u64,
    /// Went to the selected path; 0 once it has answered.
    pub(super) gone_bytes: u64,
    /// At the last question.
    pub(super) asked_bytes: u64,
    pub(super) asked_us: u64,
    /// Nothing goes to the selected path.
    pub(super) withheld: bool,
}

impl Doubt {
    /// The peer is elsewhere, and was at `before`. `is_proved`: it answered there before.
    pub(super) fn begin(&mut self, before: Option<Path>, is_proved: bool) {
        let (spent_bytes, sent_bytes) = (self.spent_bytes + self.gone_bytes, self.sent_bytes);
        let left = before.map(|before| (before, self.gone_bytes));
        let withheld = !is_proved && spent_bytes >= CREDIT_BYTES;
        *self = Doubt { spent_bytes, left, sent_bytes, before_bytes: sent_bytes, withheld, ..Doubt::default() };
    }

    /// The peer answered at a path.
    pub(super) fn answered(&mut self, path: Path, is_selected: bool) {
        if let Some((_, bytes)) = self.left.take_if(|(left, _)| *left == path) {
            self.spent_bytes -= bytes;
        }
        if is_selected {
            let Doubt { spent_bytes, left, sent_bytes, .. } = *self;
            *self = Doubt { spent_bytes, left, sent_bytes, ..Doubt::default() };
        }
    }

    pub(super) fn withholds(&self) -> bool {
        self.withheld
    }
}

#[cfg(test)]
#[path = "path_credit_tests.rs"]
mod tests;
