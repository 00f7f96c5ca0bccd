//! What pays for the questions at a path, in bytes (RFC 9000 §8.1 has the same wall). A source address may be forged. So the
//! owner of that address gets no more bytes from us than came in its name, but for what is lent.

use crate::ice::limits::{LENT_MAX, UNANSWERED_MAX, UNSPENT_MAX};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Account {
    /// Bytes that came by the path, less our answers and questions.
    unspent: usize,
    /// Bytes that others paid since the peer last answered there.
    pub lent: usize,
}

impl Account {
    pub fn earn(&mut self, bytes: usize) {
        self.unspent = (self.unspent + bytes).min(UNSPENT_MAX);
    }

    /// Keeps no more than `UNANSWERED_MAX` questions of this length.
    pub fn keep_few(&mut self, bytes: usize) {
        self.unspent = self.unspent.min(UNANSWERED_MAX * bytes);
    }

    /// The part of a question that `purse` must lend. None: the purse has too little, or lends no more.
    pub fn short(&self, bytes: usize, purse: usize) -> Option<usize> {
        let short = bytes.saturating_sub(self.unspent);
        (short <= purse.min((LENT_MAX * bytes).saturating_sub(self.lent))).then_some(short)
    }

    /// Pays for a question. Gives the part that `purse` lends, as `short` does.
    pub fn pay(&mut self, bytes: usize, purse: usize) -> Option<usize> {
        let short = self.short(bytes, purse)?;
        self.unspent = self.unspent.saturating_sub(bytes);
        self.lent += short;
        Some(short)
    }
}
