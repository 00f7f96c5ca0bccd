//! Whether media goes to a path where nobody has ever answered. A check may come under the address of somebody else, who would get
//! all that its sender watches, till the consent ends (RFC 7675). At first it is believed, for the answer to a question takes a
//! round trip and the first picture shall not wait for it. But once more has gone there than a few questions are, the peer is
//! asked; where it answers none nothing goes there until it does. And it is believed no more: to its next path nothing goes before
//! it has answered there.

use super::{Agent, Path};

/// When something has gone there for so long, and so much.
const BELIEVED_US: u64 = 2_000_000;
const BELIEVED_BYTES: u64 = 50_000;
/// It is asked so often, and each time it has so long to answer.
const ASKED_MAX: u32 = 8;
const ASKED_US: u64 = 750_000;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doubt {
    /// When media was first seen to go to the selected path, and how much had gone to the peer by then.
    since: Option<(u64, u64)>,
    asked: u32,
    asked_us: u64,
    /// Nothing goes there.
    withheld: bool,
    /// It once was so: the peer has spent its credit.
    is_lasting: bool,
}

impl Doubt {
    /// The peer is elsewhere. `is_proved`: it answered there before.
    pub(super) fn begin(&mut self, is_proved: bool) {
        *self = Doubt { withheld: self.is_lasting && !is_proved, is_lasting: self.is_lasting, ..Doubt::default() };
    }

    /// The peer answered at the selected path.
    pub(super) fn end(&mut self) {
        self.begin(true);
    }
}

impl Agent {
    /// Where media goes.
    #[inline]
    pub fn sends_to(&self) -> Option<Path> {
        self.selected.filter(|_| !self.doubt.withheld)
    }

    /// The selected path, if the peer is to be asked there now because it never answered from there. `sent_bytes`: to the peer
    /// so far.
    pub fn doubts(&mut self, sent_bytes: u64, now_us: u64) -> Option<Path> {
        let path = self.selected.filter(|path| matches!(path, Path::Udp { .. }))?;
        let can_be_asked = self.previous.is_none() && !self.current.remote_pwd.is_empty();
        if !can_be_asked || self.doubt.withheld || self.answered_at(path) {
            return None;
        }
        let doubt = &mut self.doubt;
        let (since_us, before) = *doubt.since.get_or_insert((now_us, sent_bytes));
        let is_little = sent_bytes.saturating_sub(before) < BELIEVED_BYTES || now_us < since_us + BELIEVED_US;
        if is_little || doubt.asked > 0 && now_us < doubt.asked_us + ASKED_US {
            return None;
        }
        if doubt.asked == ASKED_MAX {
            (doubt.withheld, doubt.is_lasting) = (true, true);
            return None;
        }
        (doubt.asked, doubt.asked_us) = (doubt.asked + 1, now_us);
        Some(path)
    }

    /// Whenever that was.
    pub(super) fn answered_at(&self, path: Path) -> bool {
        self.checked.iter().any(|checked| checked.path == path && checked.proved_us.is_some())
    }
}

#[cfg(test)]
#[path = "doubt_tests.rs"]
mod tests;
