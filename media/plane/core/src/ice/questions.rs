//! Questions to one peer, by STUN: whether the peer is at a path now. Only an answer counts, and its integrity proves it.

use crate::ice::account::Account;
use crate::ice::limits::{ASK_AGAIN_US, QUESTION_US, QUESTIONS_MAX, SAVED_US};
use crate::path::Path;

/// Why the peer is asked at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its media comes from there: an answer moves the peer there.
    Media,
    /// The selected path is silent: an answer elsewhere may move the peer.
    Silence,
    /// The peer has nominated the path: an answer proves that the peer gets what is sent there.
    Proof,
    /// The peer has checked the path and has nominated none. pion nominates a path as soon as pion is asked there. Without a
    /// question it does so at its next turn, 200 ms later.
    Check,
    /// The peer never answered at the selected path, and far more bytes went there than a question has (`path_credit`). So
    /// nothing pays for this question.
    PathCredit,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub path: Path,
    pub cause: Cause,
    pub transaction: [u8; 12],
    /// When it was asked first; until then when something came by the path last.
    pub begun_us: u64,
    /// None: what came by the path does not pay for it yet.
    asked_us: Option<u64>,
    /// Pays where the peer has not checked the path.
    account: Account,
}

impl Question {
    /// Asks it because of `cause`, if it is not too early and is paid. `came`: new bytes by its path. `account`: of the path, if the
    /// peer has checked it; the new bytes are in it. Gives what `purse` lends.
    pub fn ask(
        &mut self,
        cause: Cause,
        account: Option<&mut Account>,
        (came, bytes): (usize, usize),
        purse: usize,
        now_us: u64,
    ) -> Option<usize> {
        let account = account.unwrap_or_else(|| {
            self.account.earn(came);
            &mut self.account
        });
        if self.asked_us.is_some_and(|asked_us| now_us < asked_us + ASK_AGAIN_US) {
            return None;
        }
        if cause == Cause::Silence {
            account.keep_few(bytes);
        }
        let lent = account.pay(bytes, purse)?;
        if self.asked_us.replace(now_us).is_none() {
            self.begun_us = now_us;
        }
        Some(lent)
    }

    fn is_open(&self, now_us: u64) -> bool {
        now_us < self.begun_us + self.asked_us.map_or(SAVED_US, |_| QUESTION_US)
    }
}

/// Open questions, at most `QUESTIONS_MAX`.
#[derive(Debug, Default)]
pub(super) struct Questions(Vec<Question>);

impl Questions {
    /// The question at the path, an open one or a new one. Questions about a silence until `settled_us` are closed.
    pub fn at(
        &mut self,
        (path, cause): (Path, Cause),
        fresh: impl FnOnce() -> [u8; 12],
        (settled_us, now_us): (u64, u64),
    ) -> &mut Question {
        let is_settled = |one: &Question| one.cause == Cause::Silence && one.begun_us <= settled_us;
        self.0.retain(|one| one.is_open(now_us) && !is_settled(one));
        let place = self.0.iter().position(|one| one.path == path).unwrap_or_else(|| {
            if self.0.len() == QUESTIONS_MAX {
                self.0.remove(0);
            }
            let transaction = fresh();
            self.0.push(Question {
                path,
                cause,
                transaction,
                begun_us: now_us,
                asked_us: None,
                account: Account::default(),
            });
            self.0.len() - 1
        });
        let question = &mut self.0[place];
        if question.cause != Cause::Media {
            question.cause = cause;
        }
        if question.asked_us.is_none() {
            question.begun_us = now_us;
        }
        question
    }

    pub fn place(&self, path: Path, transaction: [u8; 12]) -> Option<usize> {
        self.0.iter().position(|one| one.path == path && one.transaction == transaction)
    }

    pub fn cause(&self, place: usize) -> Cause {
        self.0[place].cause
    }

    pub fn close(&mut self, place: usize) -> Question {
        self.0.remove(place)
    }

    pub fn forget(&mut self, path: Path) {
        self.0.retain(|one| one.path != path);
    }
}
