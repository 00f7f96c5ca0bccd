//! Open questions to one peer: STUN requests that ask whether the peer is at a path now. Only an answer counts, and its
//! integrity attribute proves it.

use crate::ice::account::Account;
use crate::ice::limits::{ASK_AGAIN_US, QUESTION_US, QUESTIONS_MAX, SAVED_US};
use crate::path::Path;

/// The reason to ask the peer at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The peer's media arrives from there. An answer moves the peer there.
    Media,
    /// The selected path is silent. An answer at another path may move the peer.
    Silence,
    /// The peer has nominated the path. An answer proves that the peer gets what is sent there.
    Proof,
    /// The peer has checked the path and has nominated no path. pion nominates a path as soon as pion is asked there. Without a
    /// question pion nominates at its next turn, 200 ms later.
    Check,
    /// The peer never answered at the selected path, and far more bytes were sent there than a question has (`path_credit`). So
    /// the question needs no payment.
    PathCredit,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub path: Path,
    pub cause: Cause,
    pub transaction: [u8; 12],
    /// The time at which it was first sent. Before that, the time of the last packet by the path.
    pub begun_us: u64,
    /// The time at which it was last sent. None while it is not paid.
    asked_us: Option<u64>,
    /// The account for a path that the peer has not checked.
    account: Account,
}

impl Question {
    /// Send the question because of `cause`, if it is not too early and is paid. Return what `purse` lends. `came`: new bytes
    /// by the path. `account`: the path's account if the peer has checked it, with the new bytes already in it.
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

/// The open questions, at most `QUESTIONS_MAX`.
#[derive(Debug, Default)]
pub(super) struct Questions(Vec<Question>);

impl Questions {
    /// Return the open question at the path, or a new one. Close questions about a silence that ended by `settled_us`.
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
