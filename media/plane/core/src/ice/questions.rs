//! What the peer is asked by STUN: whether it is at a path now. Only its answer, which its integrity proves, counts; and a question
//! has no more bytes than came by its path, because an address may be forged, but where far more than questions goes anyway
//! (`path_credit`). What came where it is for certain helps out for two.

use crate::ice::limits::{LENT_MAX, UNSPENT_MAX};
use crate::path::Path;

/// What a path's questions are paid from, in bytes: whoever forges the address of another has that one sent no more, but for what
/// is lent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Account {
    /// That came by it more than our answers have, less the questions.
    pub(super) unspent: usize,
    /// That others paid since the peer last answered there (`Agent::spare`).
    pub(super) lent: usize,
}

impl Account {
    pub(super) fn earn(&mut self, bytes: usize) {
        self.unspent = (self.unspent + bytes).min(UNSPENT_MAX);
    }

    /// Of a question of so many bytes this part is to be lent; None: more than `spare` or the bound.
    pub(super) fn short(&self, bytes: usize, spare: usize) -> Option<usize> {
        let short = bytes.saturating_sub(self.unspent);
        (short <= spare.min((LENT_MAX * bytes).saturating_sub(self.lent))).then_some(short)
    }

    pub(super) fn spend(&mut self, bytes: usize, lent: usize) {
        self.unspent = self.unspent.saturating_sub(bytes);
        self.lent += lent;
    }
}

/// Why the peer is asked at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its media comes from there: where it answers, it is.
    Media,
    /// The selected path is silent: it may answer there too.
    Silence,
    /// It has nominated the path: whether it gets what is sent there.
    Proof,
    /// It has checked the path and has not nominated any: pion nominates a path as soon as it is asked there, and else at its next
    /// turn, 200 ms later.
    Check,
    /// So it is, and far more has been sent there than a question has (`Agent::doubts`): none of it was paid for.
    Doubt,
}

/// Whether the peer is at a path now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) path: Path,
    pub(super) cause: Cause,
    pub(super) transaction: [u8; 12],
    /// When it was asked first; until then when something came by the path last.
    pub(super) begun_us: u64,
    /// None: what came by the path does not pay for it yet.
    pub(super) asked_us: Option<u64>,
    /// Where the peer has not checked the path.
    pub(super) account: Account,
}
