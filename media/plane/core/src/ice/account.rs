//! The bytes of one path that pay for questions at the path (RFC 9000 §8.1 has the same limit). A source address may be forged.
//! So the owner of that address gets no more bytes from us than arrived in its name, except for a small loan.

use crate::ice::limits::{LENT_MAX, UNANSWERED_MAX, UNSPENT_MAX};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Account {
    /// Bytes that arrived by the path, less our answers and questions.
    unspent: usize,
    /// Bytes lent by a purse since the peer last answered there.
    pub lent: usize,
}

impl Account {
    pub fn earn(&mut self, bytes: usize) {
        self.unspent = (self.unspent + bytes).min(UNSPENT_MAX);
    }

    /// Keep no more than `UNANSWERED_MAX` questions of this length.
    pub fn keep_few(&mut self, bytes: usize) {
        self.unspent = self.unspent.min(UNANSWERED_MAX * bytes);
    }

    /// Return the part of a question that `purse` must lend. None if the purse has too little, or lends no more here.
    pub fn short(&self, bytes: usize, purse: usize) -> Option<usize> {
        let short = bytes.saturating_sub(self.unspent);
        (short <= purse.min((LENT_MAX * bytes).saturating_sub(self.lent))).then_some(short)
    }

    /// Pay for a question. Return the part that `purse` lends, as `short` does.
    pub fn pay(&mut self, bytes: usize, purse: usize) -> Option<usize> {
        let short = self.short(bytes, purse)?;
        self.unspent = self.unspent.saturating_sub(bytes);
        self.lent += short;
        Some(short)
    }
}
