//! An ICE-lite agent (RFC 8445 §2.5) of one transport: answers checks, knows the path to use and whether the peer is
//! still there (RFC 7675, from the peer's own checks). A nominated path is asked by STUN whether the peer gets what is sent
//! there: till it answers, others may take the path. It learns nothing from media, but where that comes from to ask: a peer
//! whose address translation forgot does not know that it has moved, and its next check may be 2.5 s away (libwebrtc). One
//! whose path went silent is asked at all the others that it has checked (`shard::whereabouts::path_probe`).

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::ice::limits::{
    ASK_AGAIN_US, ASKED_BYTES, ASKED_US, CREDIT_BYTES, DISCONNECTED_US, FAILED_US, PATHS_MAX, PROVED_US, QUESTION_US,
    QUESTIONS_MAX, REMEMBERED_MAX, SAVED_US, UFRAG_MAX, UNANSWERED_MAX, UNSPENT_MAX, WELCOME_MAX,
};
use crate::ice::path_credit::Doubt;
use crate::ice::questions::{Account, Cause, Question};
use crate::path::Path;
use crate::seam::event::IceState;
use crate::wire::stun::{self, Request, StunError};

/// What a valid check changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// `Connected` or `Moved`.
    pub state: Option<IceState>,
    /// The restart is complete: the previous ufrag counts no more (`local_ufrags` is shorter).
    pub restarted: bool,
    /// The check is under the current credentials, and the peer has not nominated a path with them yet.
    pub nominates_later: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Credentials {
    pub(super) ufrag: Box<[u8]>,
    pwd: Box<[u8]>,
    pub(super) remote_ufrag: Option<Box<[u8]>>,
    /// Empty: not known.
    pub(super) remote_pwd: Box<[u8]>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Checked {
    pub(super) path: Path,
    at_us: u64,
    pub(super) account: Account,
    /// Never used twice in an agent.
    serial: u32,
    /// When the peer answered last what it was asked there: checks may be sent in the name of any address.
    pub(super) proved_us: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    New,
    Connected,
    Disconnected,
    Failed,
}

#[derive(Debug)]
pub struct Agent {
    pub(super) current: Credentials,
    /// In use until the first nominated check with the current ones.
    pub(super) previous: Option<Credentials>,
    pub(super) selected: Option<Path>,
    /// Highest value of libwebrtc's nomination attribute.
    nomination: u32,
    pub(super) checked: Vec<Checked>,
    /// Transactions, and the serial of the path that each came on.
    remembered: VecDeque<([u8; 12], u32)>,
    serial: u32,
    pub(super) phase: Phase,
    last_check_us: u64,
    /// At most `QUESTIONS_MAX`.
    pub(super) questions: Vec<Question>,
    /// Where the peer answered first while the selected path is silent, and when.
    pub(super) found: Option<(Path, u64)>,
    /// When the peer last answered at the selected path: what was asked because of a silence before that is settled.
    pub(super) settled_us: u64,
    /// Bytes that checks had more than our answers where the peer is for certain: they help to pay for the first questions
    /// elsewhere. So whoever forges addresses has sent more than all that others get. At most `UNSPENT_MAX`.
    pub(super) spare: usize,
    /// What is left of `WELCOME_MAX`.
    pub(super) welcome: usize,
    /// The control side has said who the peer is, be it before a restart.
    pub(super) is_described: bool,
    pub(super) doubt: Doubt,
}

impl Agent {
    pub fn new(ufrag: &str, pwd: &str, now_us: u64) -> Self {
        Agent {
            current: Credentials::new(ufrag, pwd),
            previous: None,
            selected: None,
            nomination: 0,
            checked: Vec::with_capacity(1),
            remembered: VecDeque::new(),
            serial: 0,
            phase: Phase::New,
            last_check_us: now_us,
            questions: Vec::new(),
            found: None,
            settled_us: 0,
            spare: 0,
            welcome: WELCOME_MAX,
            is_described: false,
            doubt: Doubt::default(),
        }
    }

    /// New credentials of ours. The path in use and the old credentials hold until the peer nominates with the new.
    pub fn restart(&mut self, ufrag: &str, pwd: &str, now_us: u64) {
        let replaced = std::mem::replace(&mut self.current, Credentials::new(ufrag, pwd));
        // Of two restarts in a row the credentials between were never used.
        self.previous.get_or_insert(replaced);
        self.found = None;
        // The peer asked over another way, so it is there: it has its time again, but no media before a check.
        if matches!(self.phase, Phase::Failed | Phase::Disconnected) {
            self.phase = Phase::New;
            self.selected = None;
            self.last_check_us = now_us;
        }
    }

    /// Checks with another remote ufrag are refused from now on. An empty `pwd`: the peer cannot be asked anything.
    pub fn set_remote(&mut self, ufrag: &str, pwd: &str) {
        self.is_described = true;
        let bytes = ufrag.as_bytes();
        self.current.remote_ufrag = Some(bytes[..bytes.len().min(UFRAG_MAX)].into());
        self.current.remote_pwd = pwd.as_bytes().into();
    }

    /// The other paths that the peer has checked; it is there to be asked. Its consent to each lasts as long as any
    /// (RFC 7675 §5.1): browsers check what they do not use every 25 s (libwebrtc).
    pub fn others(&self, now_us: u64) -> impl Iterator<Item = Path> {
        let is_other = move |one: &&Checked| Some(one.path) != self.selected && now_us < one.at_us + FAILED_US;
        let others = self.checked.iter().filter(is_other).map(|one| one.path);
        others.filter(|_| self.phase == Phase::Connected && self.selected.is_some())
    }

    /// The peer answered elsewhere, and for so long since then not at the selected path: media goes where it answered.
    pub fn settle(&mut self, patience_us: u64, now_us: u64) -> Option<Path> {
        let (path, _) = self.found.filter(|(_, at_us)| now_us >= at_us + patience_us)?;
        self.found = None;
        (self.knows(path) && self.select(path)).then_some(path)
    }

    /// When the peer last answered at the selected path, after that had been silent.
    pub fn settled_us(&self) -> u64 {
        self.settled_us
    }

    /// Since when it is known that the peer answers elsewhere; None: nothing was found.
    pub fn found_us(&self) -> Option<u64> {
        self.found.map(|(_, at_us)| at_us)
    }

    /// True: it was another one.
    pub(crate) fn select(&mut self, path: Path) -> bool {
        let before = self.selected.replace(path);
        let moved = before != Some(path);
        if moved {
            self.found = None;
            self.doubt.begin(before, matches!(path, Path::Tcp { .. }) || self.answered_at(path));
        }
        moved
    }

    /// Every ufrag of ours that a check may name now: one, or two during a restart.
    pub fn local_ufrags(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.current).chain(&self.previous).map(|credentials| &*credentials.ufrag)
    }

    /// The peer has not nominated a path with the current credentials.
    pub fn awaits_nomination(&self) -> bool {
        self.selected.is_none() || self.previous.is_some()
    }

    /// The path that the peer nominated last.
    #[inline]
    pub fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// Where DTLS goes: as media, or before a path is selected to the one checked last.
    pub fn path(&self) -> Option<Path> {
        let last = || self.checked.iter().max_by_key(|checked| checked.at_us).map(|checked| checked.path);
        if self.selected.is_some() { self.sends_to() } else { last() }
    }

    /// The paths with a valid check: at most `PATHS_MAX`.
    pub fn paths(&self) -> impl Iterator<Item = Path> {
        self.checked.iter().map(|checked| checked.path)
    }

    /// The peer has nominated this path, gets what is sent there and still checks it: it is there, and nobody else.
    pub fn holds(&self, path: Path, now_us: u64) -> bool {
        let fresh = |checked: &Checked| checked.path == path && now_us.saturating_sub(checked.at_us) < DISCONNECTED_US;
        self.is_proved(path, PROVED_US, now_us) && self.checked.iter().any(fresh)
    }

    /// The selected path is to be asked by `ask` whether the peer gets what is sent there.
    pub fn wants_proof(&self, path: Path, now_us: u64) -> bool {
        self.selected == Some(path) && !self.is_proved(path, PROVED_US / 2, now_us)
    }

    /// A TCP connection needs no proof: it stands only if the peer gets what is sent there.
    fn is_proved(&self, path: Path, within_us: u64, now_us: u64) -> bool {
        let proved = |at_us| now_us.saturating_sub(at_us) < within_us;
        let is_it = |checked: &Checked| checked.path == path && checked.proved_us.is_some_and(proved);
        self.selected == Some(path) && (matches!(path, Path::Tcp { .. }) || self.checked.iter().any(is_it))
    }

    /// Whether a valid check or answer came this way.
    #[inline]
    pub fn knows(&self, path: Path) -> bool {
        self.checked.iter().any(|checked| checked.path == path)
    }

    /// A TCP connection ended. True: it was the selected path.
    pub fn forget(&mut self, path: Path) -> bool {
        self.checked.retain(|checked| checked.path != path);
        let lost = self.selected == Some(path);
        if lost {
            self.selected = None;
        }
        lost
    }

    /// One STUN datagram. On success `reply[..len]` is to go back the same way; on an error nothing is.
    ///
    /// `mapped` is what the answer names: the address that we saw. `reply` holds `stun::REPLY_MAX`.
    pub fn handle(
        &mut self,
        datagram: &[u8],
        path: Path,
        mapped: SocketAddr,
        now_us: u64,
        reply: &mut [u8],
    ) -> Result<(usize, Outcome), StunError> {
        let (is_current, request) = self.authenticate(datagram)?;
        self.refuse_replay(&request, path)?;
        let pwd = &self.credentials(is_current).pwd;
        if request.controlled.is_some() {
            return Ok((stun::write_role_conflict(reply, request.transaction, pwd), Outcome::default()));
        }
        let len = stun::write_success(reply, request.transaction, mapped, pwd);
        let paid = datagram.len().saturating_sub(len);
        if self.is_proved(path, PROVED_US, now_us) {
            self.spare = (self.spare + paid).min(UNSPENT_MAX);
        }
        let serial = self.note_path(path, paid, now_us);
        self.remember(&request, serial);
        let outcome = self.advance(&request, is_current, path);
        Ok((len, outcome))
    }

    /// When `timeout` is wanted next; `u64::MAX`: not before another check.
    pub fn deadline(&self) -> u64 {
        match self.phase {
            Phase::Connected => self.last_check_us + DISCONNECTED_US,
            Phase::New | Phase::Disconnected => self.last_check_us + FAILED_US,
            Phase::Failed => u64::MAX,
        }
    }

    /// Tells once that the peer went silent. After `Failed` there is no path to send on (RFC 7675 §5.1).
    pub fn timeout(&mut self, now_us: u64) -> Option<IceState> {
        let silent_us = now_us.saturating_sub(self.last_check_us);
        match self.phase {
            Phase::Failed => None,
            _ if silent_us >= FAILED_US => {
                self.phase = Phase::Failed;
                self.selected = None;
                self.checked.clear();
                Some(IceState::Failed)
            }
            Phase::Connected if silent_us >= DISCONNECTED_US => {
                self.phase = Phase::Disconnected;
                Some(IceState::Disconnected)
            }
            _ => None,
        }
    }

    fn credentials(&self, is_current: bool) -> &Credentials {
        match &self.previous {
            Some(previous) if !is_current => previous,
            _ => &self.current,
        }
    }

    /// The request, and whether it is under the current credentials.
    fn authenticate<'a>(&self, datagram: &'a [u8]) -> Result<(bool, Request<'a>), StunError> {
        let username = stun::username(datagram).ok_or(StunError::Malformed)?;
        let is_current = self.current.fit(username);
        let credentials = self.credentials(is_current);
        if !is_current && !credentials.fit(username) {
            return Err(StunError::Unauthentic);
        }
        Ok((is_current, stun::parse_request(datagram, &credentials.pwd)?))
    }

    /// STUN has no replay protection: a captured check sent from elsewhere would move media there. So a transaction
    /// counts on the path where it was first seen, and nowhere else.
    fn refuse_replay(&self, request: &Request, path: Path) -> Result<(), StunError> {
        match self.remembered.iter().find(|(known, _)| *known == request.transaction) {
            Some((_, first)) if self.checked.iter().all(|checked| checked.path != path || checked.serial != *first) => {
                Err(StunError::Replay)
            }
            _ => Ok(()),
        }
    }

    fn remember(&mut self, request: &Request, serial: u32) {
        if self.remembered.iter().any(|(known, _)| *known == request.transaction) {
            return;
        }
        if self.remembered.len() == REMEMBERED_MAX {
            self.remembered.pop_front();
        }
        self.remembered.push_back((request.transaction, serial));
    }

    /// Marks the path as checked now, with `paid` bytes for questions; gives its serial.
    pub(crate) fn note_path(&mut self, path: Path, paid: usize, now_us: u64) -> u32 {
        self.last_check_us = now_us;
        if let Some(checked) = self.checked.iter_mut().find(|checked| checked.path == path) {
            checked.account.earn(paid);
            *checked = Checked { path, at_us: now_us, ..*checked };
            return checked.serial;
        }
        if self.checked.len() == PATHS_MAX {
            self.evict();
        }
        self.serial = self.serial.wrapping_add(1);
        let mut account = Account::default();
        account.earn(paid);
        self.checked.push(Checked { path, at_us: now_us, account, serial: self.serial, proved_us: None });
        self.serial
    }

    /// The path that was checked longest ago, the selected one aside, gives way.
    fn evict(&mut self) {
        let selected = self.selected;
        let others = self.checked.iter().enumerate().filter(|(_, checked)| Some(checked.path) != selected);
        if let Some((oldest, _)) = others.min_by_key(|(_, checked)| checked.at_us) {
            self.checked.swap_remove(oldest);
        }
    }

    fn advance(&mut self, request: &Request, is_current: bool, path: Path) -> Outcome {
        let mut outcome = Outcome::default();
        let before = self.selected;
        if self.nominates(request, is_current) {
            outcome.restarted = is_current && self.previous.take().is_some();
            self.select(path);
        } else {
            outcome.nominates_later = is_current && self.awaits_nomination();
        }
        if self.selected.is_none() {
            return outcome;
        }
        if self.phase != Phase::Connected {
            self.phase = Phase::Connected;
            outcome.state = Some(IceState::Connected);
        } else if self.selected != before {
            outcome.state = Some(IceState::Moved);
        }
        outcome
    }

    /// Nominations under old credentials end with the first under new ones; an older renomination came late.
    fn nominates(&mut self, request: &Request, is_current: bool) -> bool {
        if !request.use_candidate && request.nomination.is_none() {
            return false;
        }
        if is_current && self.previous.is_some() {
            self.nomination = 0;
        }
        let nomination = request.nomination.unwrap_or(self.nomination);
        let counts = nomination >= self.nomination;
        self.nomination = self.nomination.max(nomination);
        counts
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

impl Credentials {
    fn new(ufrag: &str, pwd: &str) -> Self {
        Credentials {
            ufrag: ufrag.as_bytes().into(),
            pwd: pwd.as_bytes().into(),
            remote_ufrag: None,
            remote_pwd: Box::default(),
        }
    }

    /// Whether a user name is `ours:theirs`.
    fn fit(&self, username: &[u8]) -> bool {
        let Some(rest) = username.strip_prefix(&*self.ufrag) else { return false };
        match (rest.split_first(), &self.remote_ufrag) {
            (Some((b':', theirs)), Some(remote)) => theirs == &**remote,
            (Some((b':', _)), None) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
#[path = "agent_tests.rs"]
pub(crate) mod tests;
