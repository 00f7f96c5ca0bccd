//! Whether media goes to a path where nobody has ever answered. A check may come under the address of somebody else, who would get
//! all that its sender watches, till the consent ends (RFC 7675). At first it is believed, for the answer to a question takes a
//! round trip and the first picture shall not wait for it. But a peer has a credit: what went where it never answered counts, in
//! all its paths together, and when that is spent nothing goes to such a path before it answers there. Who is there is asked long
//! before, and its answer gives back what went to that path, and to no other.

use crate::ice::agent::{Agent, Phase};
use crate::path::Path;

/// Some ten seconds of pictures.
const CREDIT_BYTES: u64 = 3_000_000;
/// Between two questions so much has gone there, of which they are a small part: so nothing has to pay for them.
const ASKED_BYTES: u64 = 20_000;
const ASKED_US: u64 = 200_000;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubt {
    /// Went to paths before the selected one that it left without an answer.
    spent_bytes: u64,
    /// Of that to the last one, whose answer may be under way.
    left: Option<(Path, u64)>,
    /// Had gone to the peer in all by now, and before it came here.
    sent_bytes: u64,
    before_bytes: u64,
    /// Went to the selected path; 0 once it has answered.
    gone_bytes: u64,
    /// At the last question.
    asked_bytes: u64,
    asked_us: u64,
    /// Nothing goes to the selected path.
    withheld: bool,
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

impl Agent {
    /// Where media goes.
    #[inline]
    pub fn sends_to(&self) -> Option<Path> {
        self.selected.filter(|_| !self.doubt.withheld)
    }

    /// So much has been sent to the peer by now. To be told before anything may take it elsewhere. True: the selected path has
    /// not answered, and more may go there.
    pub fn note_sent(&mut self, sent_bytes: u64) -> bool {
        self.doubt.sent_bytes = sent_bytes;
        let path = self.selected.filter(|path| matches!(path, Path::Udp { .. }));
        let is_doubtful = self.is_described && path.is_some_and(|path| !self.answered_at(path));
        let doubt = &mut self.doubt;
        if is_doubtful && !doubt.withheld {
            doubt.gone_bytes = sent_bytes.saturating_sub(doubt.before_bytes);
            doubt.withheld = doubt.spent_bytes + doubt.gone_bytes >= CREDIT_BYTES;
        }
        is_doubtful && !doubt.withheld
    }

    /// The selected path, if the peer is to be asked there now because it never answered from there. `sent_bytes`: to the peer
    /// so far. Who does not say by which password it answers, or is changing it, has the same credit.
    pub fn doubts(&mut self, sent_bytes: u64, now_us: u64) -> Option<Path> {
        if !self.note_sent(sent_bytes) {
            return None;
        }
        let path = self.selected?;
        let doubt = &mut self.doubt;
        let is_due = doubt.gone_bytes >= doubt.asked_bytes + ASKED_BYTES && now_us >= doubt.asked_us + ASKED_US;
        if !is_due || self.phase != Phase::Connected {
            return None;
        }
        (doubt.asked_bytes, doubt.asked_us) = (doubt.gone_bytes, now_us);
        Some(path)
    }

    /// Whenever that was.
    pub(super) fn answered_at(&self, path: Path) -> bool {
        self.checked.iter().any(|checked| checked.path == path && checked.proved_us.is_some())
    }
}

#[cfg(test)]
#[path = "path_credit_tests.rs"]
mod tests;
