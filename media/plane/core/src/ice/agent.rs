//! The ICE-lite agent (RFC 8445 §2.5) of one transport. It answers connectivity checks. It knows the path to use, and whether
//! the peer still checks it (consent, RFC 7675). It also sends questions to the peer: STUN Binding requests.
//! `shard/whereabouts/WHEREABOUTS.md` says when and why.

use std::net::SocketAddr;

use crate::ice::checked_paths::{Checked, CheckedPaths};
use crate::ice::limits::{DISCONNECTED_US, FAILED_US, PROVED_US, UFRAG_MAX, UNSPENT_MAX, WELCOME_MAX};
use crate::ice::path_credit::PathCredit;
use crate::ice::questions::{Cause, Questions};
use crate::ice::replays::Replays;
use crate::ice::search::{Event, Search};
use crate::path::Path;
use crate::seam::event::IceState;
use crate::wire::stun::{self, Request, StunError};

/// The changes that a valid check or answer made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The new state: `Connected` or `Moved`.
    pub state: Option<IceState>,
    /// The restart is complete: the previous ufrag is not accepted any more (`local_ufrags` is shorter).
    pub restarted: bool,
    /// The check uses the current credentials, and the peer has not nominated a path with them yet.
    pub nominates_later: bool,
}

#[derive(Clone, Debug)]
struct Credentials {
    ufrag: Box<[u8]>,
    pwd: Box<[u8]>,
    remote_ufrag: Option<Box<[u8]>>,
    /// The peer's password; empty if it is not known.
    remote_pwd: Box<[u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Connected,
    Disconnected,
    Failed,
}

#[derive(Debug)]
pub struct Agent {
    current: Credentials,
    /// The old credentials, until the first nominated check with the current ones.
    previous: Option<Credentials>,
    selected: Option<Path>,
    /// The highest value of libwebrtc's nomination attribute.
    nomination: u32,
    paths: CheckedPaths,
    replays: Replays,
    phase: Phase,
    last_check_us: u64,
    questions: Questions,
    search: Search,
    /// The time of the peer's last answer at the selected path. Questions about an earlier silence are closed.
    settled_us: u64,
    /// A purse for the first questions at other paths. It holds the bytes of checks beyond our answers, if they came by the
    /// selected path and the peer has answered there recently. So a peer that forges addresses has sent more than all other
    /// hosts get. At most `UNSPENT_MAX`.
    spare: usize,
    /// A purse for the questions before the first nomination. It begins with `WELCOME_MAX`.
    welcome: usize,
    /// True if the control side has set the peer's credentials, perhaps before a restart.
    is_described: bool,
    credit: PathCredit,
}

impl Agent {
    pub fn new(ufrag: &str, pwd: &str, now_us: u64) -> Self {
        Agent {
            current: Credentials::new(ufrag, pwd),
            previous: None,
            selected: None,
            nomination: 0,
            paths: CheckedPaths::default(),
            replays: Replays::default(),
            phase: Phase::New,
            last_check_us: now_us,
            questions: Questions::default(),
            search: Search::default(),
            settled_us: 0,
            spare: 0,
            welcome: WELCOME_MAX,
            is_described: false,
            credit: PathCredit::default(),
        }
    }

    /// Set new local credentials. The path in use and the old credentials stay valid until the peer nominates with the new
    /// ones.
    pub fn restart(&mut self, ufrag: &str, pwd: &str, now_us: u64) {
        let replaced = std::mem::replace(&mut self.current, Credentials::new(ufrag, pwd));
        // After two restarts in a row, the credentials between them were never used.
        self.previous.get_or_insert(replaced);
        (self.search, _) = self.search.after(Event::Chose, now_us);
        // The peer requested this by signaling, so it is alive. Its time begins again, but it gets no media before a check.
        if matches!(self.phase, Phase::Failed | Phase::Disconnected) {
            self.phase = Phase::New;
            self.selected = None;
            self.last_check_us = now_us;
        }
    }

    /// Set the peer's credentials. Checks with another remote ufrag are then refused. With an empty `pwd` no question can be
    /// sent.
    pub fn set_remote(&mut self, ufrag: &str, pwd: &str) {
        self.is_described = true;
        let bytes = ufrag.as_bytes();
        self.current.remote_ufrag = Some(bytes[..bytes.len().min(UFRAG_MAX)].into());
        self.current.remote_pwd = pwd.as_bytes().into();
    }

    /// Return the other paths that the peer has checked in the last `FAILED_US`, if the peer is connected. Its consent to each
    /// of them lasts as long as to the selected path (RFC 7675 §5.1). Browsers check an unused path every 25 s (libwebrtc).
    pub fn others(&self, now_us: u64) -> impl Iterator<Item = Path> {
        let is_other = move |one: &&Checked| Some(one.path) != self.selected && now_us < one.at_us + FAILED_US;
        let others = self.paths.iter().filter(is_other).map(|one| one.path);
        others.filter(|_| self.phase == Phase::Connected && self.selected.is_some())
    }

    /// Select the path where the peer answered, if the selected path has not answered within `patience_us` after that. Return
    /// the path.
    pub fn settle(&mut self, patience_us: u64, now_us: u64) -> Option<Path> {
        let path;
        (self.search, path) = self.search.after(Event::Waited { patience_us }, now_us);
        path.filter(|path| self.knows(*path) && self.select(*path))
    }

    /// Return the time of the peer's last answer at the selected path.
    pub fn settled_us(&self) -> u64 {
        self.settled_us
    }

    /// Return the time since when the peer answers at another path. None if no such path was found.
    pub fn found_us(&self) -> Option<u64> {
        match self.search {
            Search::Calm => None,
            Search::Found { at_us, .. } => Some(at_us),
        }
    }

    /// Select a path. Return true if this path was not selected before.
    fn select(&mut self, path: Path) -> bool {
        let before = self.selected.replace(path);
        let moved = before != Some(path);
        if moved {
            (self.search, _) = self.search.after(Event::Chose, 0);
            self.credit.begin(before, self.paths.has_answered(path));
        }
        moved
    }

    /// Return each local ufrag that a check may name now: one, or two during a restart.
    pub fn local_ufrags(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.current).chain(&self.previous).map(|credentials| &*credentials.ufrag)
    }

    /// Report whether the peer has not nominated a path with the current credentials.
    pub fn awaits_nomination(&self) -> bool {
        self.selected.is_none() || self.previous.is_some()
    }

    /// Return the path that the peer nominated last, or that it has moved to.
    #[inline]
    pub fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// Return the path for DTLS. It is the selected path, or without a selected path the one that was checked last. None while
    /// media is withheld from the selected path.
    pub fn path(&self) -> Option<Path> {
        if self.selected.is_some() { self.sends_to() } else { self.paths.latest() }
    }

    /// Return the paths with a valid check: at most `PATHS_MAX`.
    pub fn paths(&self) -> impl Iterator<Item = Path> {
        self.paths.iter().map(|checked| checked.path)
    }

    /// Report whether the peer, and no other host, is at this path. The peer has nominated the path, still checks it, and gets
    /// what is sent there.
    pub fn holds(&self, path: Path, now_us: u64) -> bool {
        let is_fresh = |checked: &Checked| now_us.saturating_sub(checked.at_us) < DISCONNECTED_US;
        self.is_proved(path, PROVED_US, now_us) && self.paths.get(path).is_some_and(is_fresh)
    }

    /// Report whether `path` is the selected path and the peer's last proof there is old. Then `ask` must ask the peer whether
    /// it receives what is sent there.
    pub fn wants_proof(&self, path: Path, now_us: u64) -> bool {
        self.selected == Some(path) && !self.is_proved(path, PROVED_US / 2, now_us)
    }

    fn is_proved(&self, path: Path, within_us: u64, now_us: u64) -> bool {
        self.selected == Some(path) && self.paths.answered_within(path, within_us, now_us)
    }

    /// Report whether a valid check or answer arrived by this path.
    #[inline]
    pub fn knows(&self, path: Path) -> bool {
        self.paths.get(path).is_some()
    }

    /// Forget a path, because a TCP connection ended or another peer is at the path. Return true if it was the selected path.
    pub fn forget(&mut self, path: Path) -> bool {
        self.paths.forget(path);
        self.questions.forget(path);
        let lost = self.selected == Some(path);
        if lost {
            self.selected = None;
        }
        lost
    }

    /// Take one STUN datagram. On success, the caller sends `reply[..len]` back by the same path. On an error it sends nothing.
    ///
    /// `mapped` is the address that the answer reports: the source that we saw. `reply` holds `stun::REPLY_MAX`.
    pub fn handle(
        &mut self,
        datagram: &[u8],
        path: Path,
        mapped: SocketAddr,
        now_us: u64,
        reply: &mut [u8],
    ) -> Result<(usize, Outcome), StunError> {
        let (is_current, request, pwd) = self.authenticate(datagram)?;
        if self.replays.contains(request.transaction, self.paths.get(path).map(|checked| checked.serial)) {
            return Err(StunError::Replay);
        }
        if request.controlled.is_some() {
            return Ok((stun::write_role_conflict(reply, request.transaction, pwd), Outcome::default()));
        }
        let len = stun::write_success(reply, request.transaction, mapped, pwd);
        let paid = datagram.len().saturating_sub(len);
        if self.is_proved(path, PROVED_US, now_us) {
            self.spare = (self.spare + paid).min(UNSPENT_MAX);
        }
        self.last_check_us = now_us;
        let serial = self.paths.note(path, paid, self.selected, now_us);
        self.replays.note(request.transaction, serial);
        let outcome = self.advance(&request, is_current, path);
        Ok((len, outcome))
    }

    /// Return the time of the next call of `timeout`; `u64::MAX` if only a check can change the state.
    pub fn deadline(&self) -> u64 {
        match self.phase {
            Phase::Connected => self.last_check_us + DISCONNECTED_US,
            Phase::New | Phase::Disconnected => self.last_check_us + FAILED_US,
            Phase::Failed => u64::MAX,
        }
    }

    /// Report once that the peer is silent. After `Failed` there is no path to send on (RFC 7675 §5.1).
    pub fn timeout(&mut self, now_us: u64) -> Option<IceState> {
        let silent_us = now_us.saturating_sub(self.last_check_us);
        match self.phase {
            Phase::Failed => None,
            _ if silent_us >= FAILED_US => {
                self.phase = Phase::Failed;
                self.selected = None;
                self.paths.clear();
                Some(IceState::Failed)
            }
            Phase::Connected if silent_us >= DISCONNECTED_US => {
                self.phase = Phase::Disconnected;
                Some(IceState::Disconnected)
            }
            _ => None,
        }
    }

    /// Return the request, whether it uses the current credentials, and the password for its answer.
    fn authenticate<'a>(&self, datagram: &'a [u8]) -> Result<(bool, Request<'a>, &[u8]), StunError> {
        let username = stun::username(datagram).ok_or(StunError::Malformed)?;
        let is_current = self.current.fit(username);
        let previous = self.previous.as_ref().filter(|previous| previous.fit(username));
        let credentials = if is_current { Some(&self.current) } else { previous };
        let pwd = &credentials.ok_or(StunError::Unauthentic)?.pwd;
        Ok((is_current, stun::parse_request(datagram, pwd)?, pwd))
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

    /// Report whether the check nominates its path. The first nomination with new credentials resets the nomination value. A
    /// check with a lower value than an earlier one arrived late, and does not count.
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

    /// Return the path for media. None while media is withheld.
    #[inline]
    pub fn sends_to(&self) -> Option<Path> {
        self.selected.filter(|_| !self.credit.withholds())
    }

    /// Note the bytes that were sent to the peer. Call this before the path may change. Return true if the selected path has
    /// not answered and more may be sent there. A peer without a password, or in a restart, has the same credit.
    pub fn note_sent(&mut self, sent_bytes: u64) -> bool {
        let is_doubtful = self.is_described && self.selected.is_some_and(|path| !self.paths.has_answered(path));
        self.credit.note_sent(sent_bytes, is_doubtful);
        is_doubtful && !self.credit.withholds()
    }

    /// Return the selected path if the peer must be asked there now because it never answered there. `sent_bytes`: the total to
    /// the peer so far.
    pub fn path_on_credit(&mut self, sent_bytes: u64, now_us: u64) -> Option<Path> {
        let is_due = self.note_sent(sent_bytes) && self.phase == Phase::Connected && self.credit.wants_question(now_us);
        self.selected.filter(|_| is_due)
    }

    /// Write a Binding request that asks the peer whether it is at this path. Return its length. None if the peer cannot be
    /// asked now, or if no account pays for the request.
    ///
    /// - `came`: bytes of the peer's media that just arrived by the path.
    /// - `fresh`: draws a transaction that cannot be guessed.
    /// - `out`: holds `stun::QUESTION_MAX`.
    pub fn ask(
        &mut self,
        path: Path,
        cause: Cause,
        came: usize,
        fresh: impl FnOnce() -> [u8; 12],
        now_us: u64,
        out: &mut [u8],
    ) -> Option<usize> {
        let remote_ufrag = self.current.remote_ufrag.as_deref()?;
        // During a restart, only the credentials of the peer's last check are known to be in use.
        let is_ready = cause == Cause::Check || (self.phase == Phase::Connected && self.previous.is_none());
        if !is_ready || self.current.remote_pwd.is_empty() || cause != Cause::Media && !self.knows(path) {
            return None;
        }
        let username = remote_ufrag.len() + 1 + self.current.ufrag.len();
        let bytes = if cause == Cause::PathCredit { 0 } else { stun::question_bytes(username) };
        let is_sought = cause != Cause::Proof && self.selected != Some(path);
        let purse = if cause == Cause::Check { &mut self.welcome } else { &mut self.spare };
        let lends = cause == Cause::Check || is_sought || self.credit.withholds();
        let lendable = if lends { *purse } else { 0 };
        let mut account = self.paths.get_mut(path).map(|checked| &mut checked.account);
        if let Some(account) = &mut account {
            account.earn(came);
            // A question without payment is not opened, and changes no open question.
            account.short(bytes, lendable)?;
        }
        let question = self.questions.at((path, cause), fresh, (self.settled_us, now_us));
        *purse -= question.ask(cause, account, (came, bytes), lendable, now_us)?;
        let request = Request {
            transaction: question.transaction,
            username: &[remote_ufrag, b":", &self.current.ufrag].concat(),
            priority: 1,
            use_candidate: false,
            controlling: None,
            controlled: Some(1),
            nomination: None,
        };
        Some(stun::write_request(out, &request, &self.current.remote_pwd))
    }

    /// Report whether this question of ours is open.
    pub fn has_asked(&self, path: Path, transaction: [u8; 12]) -> bool {
        self.questions.place(path, transaction).is_some()
    }

    /// Take a datagram that may be the answer to a question. A valid answer counts as a check, and also proves that the peer is
    /// there. `Search` decides whether the peer moves.
    pub fn hear_answer(&mut self, datagram: &[u8], path: Path, now_us: u64) -> Result<Outcome, StunError> {
        let place = stun::answered(datagram).and_then(|transaction| self.questions.place(path, transaction));
        let is_awaited = |place: &usize| match self.phase {
            Phase::Connected => true,
            Phase::New => self.questions.cause(*place) == Cause::Check,
            Phase::Disconnected | Phase::Failed => false,
        };
        let place = place.filter(is_awaited).ok_or(StunError::Unauthentic)?;
        stun::prove_answer(datagram, &self.current.remote_pwd)?;
        let question = self.questions.close(place);
        self.last_check_us = now_us;
        self.paths.note(path, UNSPENT_MAX, self.selected, now_us);
        if let Some(checked) = self.paths.get_mut(path) {
            checked.proved_us = Some(now_us);
            checked.account.lent = 0;
        }
        let is_here = self.selected == Some(path);
        self.credit.note_answer(path, is_here);
        if is_here {
            self.settled_us = now_us;
        }
        let event = match question.cause {
            _ if is_here => Event::AnsweredHere,
            Cause::Media => Event::AnsweredAtItsMedia(path),
            Cause::Silence if question.begun_us > self.settled_us => Event::AnsweredElsewhere(path),
            _ => return Ok(Outcome::default()),
        };
        let found;
        (self.search, found) = self.search.after(event, now_us);
        let moved = found.is_some_and(|path| self.select(path));
        Ok(Outcome { state: moved.then_some(IceState::Moved), ..Outcome::default() })
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

    /// Report whether a user name is `ours:theirs`.
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
