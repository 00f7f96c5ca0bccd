//! What the peer is asked by STUN: whether it is at a path now. Only its answer, which its integrity proves, counts; and a question
//! has no more bytes than came by its path, because an address may be forged, but where far more than questions goes anyway
//! (`path_credit`). What came where it is for certain helps out for two.

use crate::ice::agent::{Agent, Outcome, PATHS_MAX, Phase, UNANSWERED_MAX, UNSPENT_MAX};
use crate::path::Path;
use crate::seam::event::IceState;
use crate::wire::stun::{self, Request, StunError};

/// A question is asked again after so long, and is another one after so long.
pub(super) const ASK_AGAIN_US: u64 = 50_000;
pub(super) const QUESTION_US: u64 = 2_000_000;
/// What came by a path counts towards a question so long after the last of it: a listener's reports are smaller than one, and up
/// to 7.5 s apart.
const SAVED_US: u64 = 10_000_000;
/// Questions open at a time: the paths, and some where media came from.
pub(super) const QUESTIONS_MAX: usize = 2 * PATHS_MAX;

/// A browser checks what it does not use once, and again after 25 s (libwebrtc); a listener's report is smaller than a question, and
/// the next one a second later. So others help to pay for so many questions to a path until it answers: one may be lost.
pub(super) const LENT_MAX: usize = 2;

/// What a path's questions are paid from, in bytes: whoever forges the address of another has that one sent no more, but for what
/// is lent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Account {
    /// That came by it more than our answers have, less the questions.
    unspent: usize,
    /// That others paid since the peer last answered there (`Agent::spare`).
    lent: usize,
}

impl Account {
    pub(super) fn earn(&mut self, bytes: usize) {
        self.unspent = (self.unspent + bytes).min(UNSPENT_MAX);
    }

    /// Of a question of so many bytes this part is to be lent; None: more than `spare` or the bound.
    fn short(&self, bytes: usize, spare: usize) -> Option<usize> {
        let short = bytes.saturating_sub(self.unspent);
        (short <= spare.min((LENT_MAX * bytes).saturating_sub(self.lent))).then_some(short)
    }

    fn spend(&mut self, bytes: usize, lent: usize) {
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
    path: Path,
    cause: Cause,
    transaction: [u8; 12],
    /// When it was asked first; until then when something came by the path last.
    begun_us: u64,
    /// None: what came by the path does not pay for it yet.
    asked_us: Option<u64>,
    /// Where the peer has not checked the path.
    account: Account,
}

impl Agent {
    /// A Binding request that asks the peer whether it is at this path. `came`: bytes of the peer's media that came by it just
    /// now. `fresh`: draws a transaction that nobody can guess. None: it cannot be asked (now), or no more came by that path than
    /// a question has: an address may be forged. `out` holds `stun::QUESTION_MAX`.
    pub fn ask(
        &mut self,
        path: Path,
        cause: Cause,
        came: usize,
        fresh: impl FnOnce() -> [u8; 12],
        now_us: u64,
        out: &mut [u8],
    ) -> Option<usize> {
        let username = self.current.remote_ufrag.as_ref()?.len() + 1 + self.current.ufrag.len();
        // During a restart it is not clear which credentials the peer goes by, but for those of its last check.
        let is_ready = cause == Cause::Check || (self.phase == Phase::Connected && self.previous.is_none());
        if !is_ready || self.current.remote_pwd.is_empty() {
            return None;
        }
        let bytes = if cause == Cause::Doubt { 0 } else { stun::question_bytes(username) };
        let spare = self.spare_for(cause, path);
        match self.account(path) {
            Some(account) => {
                account.earn(came);
                account.short(bytes, spare)?;
            }
            None if cause != Cause::Media => return None,
            None => {}
        }
        let at = self.question(path, cause, fresh, now_us);
        let question = &mut self.questions[at];
        let known = self.checked.iter_mut().find(|one| one.path == path);
        let account = known.map_or_else(
            || {
                question.account.earn(came);
                &mut question.account
            },
            |one| &mut one.account,
        );
        let lent = account.short(bytes, spare)?;
        if question.asked_us.is_some_and(|asked_us| now_us < asked_us + ASK_AGAIN_US) {
            return None;
        }
        if cause == Cause::Silence {
            account.unspent = account.unspent.min(UNANSWERED_MAX * bytes);
        }
        account.spend(bytes, lent);
        let lender = if cause == Cause::Check { &mut self.welcome } else { &mut self.spare };
        *lender -= lent;
        if question.asked_us.replace(now_us).is_none() {
            question.begun_us = now_us;
        }
        let username = [self.current.remote_ufrag.as_deref()?, b":", &self.current.ufrag].concat();
        let request = Request {
            transaction: question.transaction,
            username: &username,
            priority: 1,
            use_candidate: false,
            controlling: None,
            controlled: Some(1),
            nomination: None,
        };
        Some(stun::write_request(out, &request, &self.current.remote_pwd))
    }

    /// What others may pay of a question there.
    fn spare_for(&self, cause: Cause, path: Path) -> usize {
        let is_sought = cause != Cause::Proof && self.selected != Some(path);
        match cause {
            Cause::Check => self.welcome,
            _ if is_sought || self.doubt.withholds() => self.spare,
            _ => 0,
        }
    }

    /// Of a path that the peer has checked.
    fn account(&mut self, path: Path) -> Option<&mut Account> {
        self.checked.iter_mut().find(|one| one.path == path).map(|one| &mut one.account)
    }

    /// The place of the question there, an open one or a new one.
    fn question(&mut self, path: Path, cause: Cause, fresh: impl FnOnce() -> [u8; 12], now_us: u64) -> usize {
        let settled_us = self.settled_us;
        let is_open = |one: &Question| {
            let settled = one.cause == Cause::Silence && one.begun_us <= settled_us;
            now_us < one.begun_us + one.asked_us.map_or(SAVED_US, |_| QUESTION_US) && !settled
        };
        self.questions.retain(is_open);
        if let Some(at) = self.questions.iter().position(|one| one.path == path) {
            let open = &mut self.questions[at];
            open.cause = if open.cause == Cause::Media { open.cause } else { cause };
            if open.asked_us.is_none() {
                open.begun_us = now_us;
            }
            return at;
        }
        if self.questions.len() == QUESTIONS_MAX {
            self.questions.remove(0);
        }
        let question = Question {
            path,
            cause,
            transaction: fresh(),
            begun_us: now_us,
            asked_us: None,
            account: Account::default(),
        };
        self.questions.push(question);
        self.questions.len() - 1
    }

    /// This question of ours is there, and not answered.
    pub fn has_asked(&self, path: Path, transaction: [u8; 12]) -> bool {
        self.questions.iter().any(|one| one.path == path && one.transaction == transaction)
    }

    /// What may be the answer came by `path`. It proves that the peer is there, as a check does. If media had come from there,
    /// media goes there from now on; if the selected path was silent, `settle` decides.
    pub fn hear_answer(&mut self, datagram: &[u8], path: Path, now_us: u64) -> Result<Outcome, StunError> {
        let transaction = stun::answered(datagram);
        let is_it = |one: &Question| one.path == path && Some(one.transaction) == transaction;
        let is_awaited = |at: &usize| match self.phase {
            Phase::Connected => true,
            Phase::New => self.questions[*at].cause == Cause::Check,
            Phase::Disconnected | Phase::Failed => false,
        };
        let at = self.questions.iter().position(is_it).filter(is_awaited).ok_or(StunError::Unauthentic)?;
        stun::prove_answer(datagram, &self.current.remote_pwd)?;
        let question = self.questions.remove(at);
        // It is there: nobody else could have answered.
        self.note_path(path, UNSPENT_MAX, now_us);
        let here = self.checked.iter_mut().find(|checked| checked.path == path);
        if let Some(checked) = here {
            checked.proved_us = Some(now_us);
            checked.account.lent = 0;
        }
        self.doubt.answered(path, self.selected == Some(path));
        if question.cause == Cause::Media {
            return Ok(Outcome { state: self.select(path).then_some(IceState::Moved), ..Outcome::default() });
        }
        if self.selected == Some(path) {
            (self.found, self.settled_us) = (None, now_us);
        } else if question.cause == Cause::Silence && question.begun_us > self.settled_us {
            self.found.get_or_insert((path, now_us));
        }
        Ok(Outcome::default())
    }
}
