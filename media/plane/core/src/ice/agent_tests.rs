use super::*;
use crate::ice::limits::{
    ASK_AGAIN_US, DISCONNECTED_US, LENT_MAX, PATHS_MAX, PROVED_US, QUESTION_US, QUESTIONS_MAX, REMEMBERED_MAX,
    UNANSWERED_MAX, WELCOME_MAX,
};
use crate::ice::questions::Cause;

pub(crate) const SECOND: u64 = 1_000_000;
pub(crate) const OURS: (&str, &str) = ("ours", "a-password-of-22-chars");
pub(crate) const NEWER: (&str, &str) = ("newer", "a-newer-password-of-us");

pub(crate) fn path(port: u16) -> Path {
    Path::Udp { socket: 0, remote: SocketAddr::from(([192, 0, 2, 1], port)), local: None }
}

/// A peer that counts its transactions.
pub(crate) struct Peer {
    transaction: u8,
}

impl Peer {
    pub(crate) fn check(&mut self, (ufrag, pwd): (&str, &str), nominate: bool) -> Vec<u8> {
        self.transaction += 1;
        let username = format!("{ufrag}:theirs");
        let request = Request {
            transaction: [self.transaction; 12],
            username: username.as_bytes(),
            priority: 1,
            use_candidate: nominate,
            controlling: Some(1),
            controlled: None,
            nomination: None,
        };
        sign(&request, pwd)
    }
}

fn sign(request: &Request, pwd: &str) -> Vec<u8> {
    let mut out = vec![0; 400];
    let len = stun::write_request(&mut out, request, pwd.as_bytes());
    out.truncate(len);
    out
}

pub(crate) fn handle(agent: &mut Agent, datagram: &[u8], path: Path, now_us: u64) -> Result<Outcome, StunError> {
    let mut reply = [0; stun::REPLY_MAX];
    let (len, outcome) = agent.handle(datagram, path, path.remote(), now_us, &mut reply)?;
    assert!(len <= datagram.len(), "the answer to {} bytes has {len}", datagram.len());
    Ok(outcome)
}

fn connected() -> (Agent, Peer) {
    let (mut agent, mut peer) = (Agent::new(OURS.0, OURS.1, 0), Peer { transaction: 0 });
    let outcome = handle(&mut agent, &peer.check(OURS, true), path(1), 0).unwrap();
    assert_eq!(outcome.state, Some(IceState::Connected));
    (agent, peer)
}

#[test]
fn nomination_selects() {
    let (mut agent, mut peer) = (Agent::new(OURS.0, OURS.1, 0), Peer { transaction: 0 });
    let later = Outcome { nominates_later: true, ..Outcome::default() };
    assert_eq!(handle(&mut agent, &peer.check(OURS, false), path(1), 0), Ok(later));
    assert_eq!((agent.selected(), agent.path(), agent.knows(path(1))), (None, Some(path(1)), true));
    let states: Vec<_> = [(2, true), (2, true), (1, false), (1, true)]
        .into_iter()
        .map(|(port, nominate)| handle(&mut agent, &peer.check(OURS, nominate), path(port), 1).unwrap().state)
        .collect();
    assert_eq!(states, [Some(IceState::Connected), None, None, Some(IceState::Moved)]);
    assert_eq!(agent.selected(), Some(path(1)));
}

#[test]
fn forged_checks_change_nothing() {
    let (mut agent, mut peer) = connected();
    agent.set_remote("theirs", "");
    let wrong_pwd = peer.check((OURS.0, "no"), true);
    let wrong_ufrag = peer.check(("other", OURS.1), true);
    let longer_ufrag = peer.check(("oursX", OURS.1), true);
    for forged in [wrong_pwd, wrong_ufrag, longer_ufrag] {
        assert_eq!(handle(&mut agent, &forged, path(9), 20 * SECOND), Err(StunError::Unauthentic));
    }
    assert!(!agent.knows(path(9)));
    assert_eq!((agent.selected(), agent.deadline()), (Some(path(1)), DISCONNECTED_US), "nothing was heard");
}

#[test]
fn another_remote_ufrag_is_refused_once_it_is_known() {
    let (mut agent, mut peer) = connected();
    agent.set_remote("someone", "");
    assert_eq!(handle(&mut agent, &peer.check(OURS, true), path(1), 1), Err(StunError::Unauthentic));
    agent.set_remote("theirs", "");
    assert!(handle(&mut agent, &peer.check(OURS, true), path(1), 1).is_ok());
}

#[test]
fn a_captured_check_does_not_move_media() {
    let (mut agent, mut peer) = connected();
    let captured = peer.check(OURS, true);
    handle(&mut agent, &captured, path(1), 1).unwrap();
    assert!(handle(&mut agent, &captured, path(1), 2).is_ok(), "a retransmission");
    assert_eq!(handle(&mut agent, &captured, path(2), 3), Err(StunError::Replay));
    handle(&mut agent, &peer.check(OURS, false), path(2), 4).unwrap();
    assert_eq!(handle(&mut agent, &captured, path(2), 5), Err(StunError::Replay));
    assert_eq!(agent.selected(), Some(path(1)));
}

#[test]
fn silence() {
    let (mut agent, mut peer) = connected();
    assert_eq!((agent.deadline(), agent.timeout(10 * SECOND - 1)), (10 * SECOND, None));
    assert_eq!(agent.timeout(10 * SECOND), Some(IceState::Disconnected));
    assert_eq!((agent.timeout(11 * SECOND), agent.deadline()), (None, 30 * SECOND));
    let outcome = handle(&mut agent, &peer.check(OURS, false), path(1), 12 * SECOND).unwrap();
    assert_eq!(outcome.state, Some(IceState::Connected));
    assert_eq!(agent.timeout(22 * SECOND), Some(IceState::Disconnected));
    assert_eq!(agent.timeout(42 * SECOND), Some(IceState::Failed));
    assert_eq!((agent.selected(), agent.path(), agent.deadline()), (None, None, u64::MAX));
    assert_eq!((agent.timeout(99 * SECOND), agent.knows(path(1))), (None, false));
}

#[test]
fn nobody_ever_came() {
    let mut agent = Agent::new(OURS.0, OURS.1, SECOND);
    assert_eq!((agent.deadline(), agent.timeout(11 * SECOND)), (31 * SECOND, None));
    assert_eq!(agent.timeout(31 * SECOND), Some(IceState::Failed));
}

#[test]
fn restart_keeps_the_path_until_a_new_nomination() {
    let (mut agent, mut peer) = connected();
    agent.set_remote("theirs", "");
    agent.restart(NEWER.0, NEWER.1, SECOND);
    assert!(agent.local_ufrags().eq([&b"newer"[..], b"ours"]));
    assert_eq!(handle(&mut agent, &peer.check(OURS, true), path(1), SECOND), Ok(Outcome::default()));
    let later = Outcome { nominates_later: true, ..Outcome::default() };
    assert_eq!(handle(&mut agent, &peer.check(NEWER, false), path(2), SECOND), Ok(later));
    assert_eq!(agent.selected(), Some(path(1)));
    let outcome = handle(&mut agent, &peer.check(NEWER, true), path(2), SECOND).unwrap();
    assert_eq!(outcome, Outcome { state: Some(IceState::Moved), restarted: true, ..Outcome::default() });
    assert!(agent.local_ufrags().eq([&b"newer"[..]]));
    assert_eq!(handle(&mut agent, &peer.check(OURS, true), path(1), SECOND), Err(StunError::Unauthentic));
}

#[test]
fn two_restarts_keep_the_credentials_in_use() {
    let (mut agent, mut peer) = connected();
    agent.restart("between", "password-never-used-it", SECOND);
    agent.restart(NEWER.0, NEWER.1, SECOND);
    assert!(agent.local_ufrags().eq([&b"newer"[..], b"ours"]));
    assert!(handle(&mut agent, &peer.check(OURS, true), path(1), SECOND).is_ok());
}

#[test]
fn restart_after_failure() {
    let (mut agent, mut peer) = connected();
    agent.timeout(40 * SECOND);
    agent.restart(NEWER.0, NEWER.1, 50 * SECOND);
    assert_eq!((agent.deadline(), agent.timeout(79 * SECOND)), (80 * SECOND, None));
    let outcome = handle(&mut agent, &peer.check(NEWER, true), path(2), 79 * SECOND).unwrap();
    assert_eq!(outcome, Outcome { state: Some(IceState::Connected), restarted: true, ..Outcome::default() });
}

#[test]
fn a_controlled_peer_is_told_of_the_conflict() {
    let mut agent = Agent::new(OURS.0, OURS.1, 0);
    let request = Request {
        transaction: [5; 12],
        username: b"ours:theirs",
        priority: 1,
        use_candidate: true,
        controlling: None,
        controlled: Some(7),
        nomination: None,
    };
    let mut reply = [0; stun::REPLY_MAX];
    let check = sign(&request, OURS.1);
    let (len, outcome) = agent.handle(&check, path(1), path(1).remote(), 0, &mut reply).unwrap();
    assert_eq!((&reply[..2], outcome), (&[0x01, 0x11][..], Outcome::default()));
    assert!(len <= check.len() && !agent.knows(path(1)));
}

#[test]
fn a_late_renomination_does_not_move() {
    let (mut agent, _) = connected();
    let mut nominate = |transaction: u8, nomination, port| {
        let request = Request {
            transaction: [transaction; 12],
            username: b"ours:theirs",
            priority: 1,
            use_candidate: true,
            controlling: Some(1),
            controlled: None,
            nomination: Some(nomination),
        };
        handle(&mut agent, &sign(&request, OURS.1), path(port), 1).unwrap();
        agent.selected().unwrap().remote().port()
    };
    assert_eq!([nominate(100, 2, 2), nominate(101, 1, 3), nominate(102, 3, 4)], [2, 2, 4]);
}

#[test]
fn paths_are_bounded_and_the_selected_one_stays() {
    let (mut agent, mut peer) = connected();
    for port in 2..50 {
        handle(&mut agent, &peer.check(OURS, false), path(port), u64::from(port)).unwrap();
        assert!(agent.knows(path(1)) && agent.knows(path(port)));
        assert!(agent.paths().count() <= PATHS_MAX);
    }
    assert!(!agent.knows(path(42)));
    assert!(agent.knows(path(43)));
}

#[test]
fn a_closed_connection_is_forgotten() {
    let (mut agent, mut peer) = connected();
    let tcp = Path::Tcp { connection: 5, remote: path(7).remote() };
    handle(&mut agent, &peer.check(OURS, true), tcp, 1).unwrap();
    assert!(!agent.forget(path(1)));
    assert!(agent.forget(tcp));
    assert_eq!((agent.selected(), agent.path()), (None, None));
    let outcome = handle(&mut agent, &peer.check(OURS, true), path(1), 2).unwrap();
    assert_eq!(outcome.state, Some(IceState::Moved));
}

#[test]
fn replay_memory_is_bounded() {
    let mut agent = Agent::new(OURS.0, OURS.1, 0);
    for n in 0..REMEMBERED_MAX as u32 + 50 {
        let mut transaction = [0; 12];
        transaction[..4].copy_from_slice(&n.to_be_bytes());
        let request = Request {
            transaction,
            username: b"ours:theirs",
            priority: 1,
            use_candidate: false,
            controlling: Some(1),
            controlled: None,
            nomination: None,
        };
        handle(&mut agent, &sign(&request, OURS.1), path(1), 0).unwrap();
    }
    let check_elsewhere = |agent: &mut Agent, n: u32| {
        let mut transaction = [0; 12];
        transaction[..4].copy_from_slice(&n.to_be_bytes());
        let username = b"ours:theirs";
        let request = Request {
            transaction,
            username,
            priority: 1,
            use_candidate: false,
            controlling: Some(1),
            controlled: None,
            nomination: None,
        };
        handle(agent, &sign(&request, OURS.1), path(2), 0)
    };
    let kept_from = 50;
    assert_eq!(check_elsewhere(&mut agent, kept_from), Err(StunError::Replay));
    assert_eq!(check_elsewhere(&mut agent, REMEMBERED_MAX as u32 + 49), Err(StunError::Replay));
    assert!(check_elsewhere(&mut agent, kept_from - 1).is_ok(), "it is forgotten");
}

#[test]
fn the_local_address_does_not_make_a_path() {
    let remote = path(1).remote();
    let here = Path::Udp { socket: 0, remote, local: Some(remote.ip()) };
    assert_eq!(here, path(1));
    assert_ne!(Path::Udp { socket: 1, remote, local: None }, path(1));
    assert_ne!(Path::Tcp { connection: 0, remote }, path(1));
}

fn ask(agent: &mut Agent, from: Path, transaction: u8, now_us: u64) -> Option<[u8; 12]> {
    ask_because(Cause::Media, agent, from, transaction, now_us)
}

fn ask_for_proof(agent: &mut Agent, from: Path, transaction: u8, now_us: u64) -> Option<[u8; 12]> {
    ask_because(Cause::Proof, agent, from, transaction, now_us)
}

pub(crate) fn ask_because(
    cause: Cause,
    agent: &mut Agent,
    from: Path,
    transaction: u8,
    now_us: u64,
) -> Option<[u8; 12]> {
    ask_for(200, cause, agent, from, transaction, now_us).map(|(transaction, _)| transaction)
}

/// Ask the peer after `came` bytes arrived. Return the transaction and the length.
fn ask_for(
    came: usize,
    cause: Cause,
    agent: &mut Agent,
    from: Path,
    transaction: u8,
    now_us: u64,
) -> Option<([u8; 12], usize)> {
    let mut question = [0; stun::QUESTION_MAX];
    let len = agent.ask(from, cause, came, || [transaction; 12], now_us, &mut question)?;
    let request = stun::parse_request(&question[..len], THEIR_PWD.as_bytes()).unwrap();
    assert_eq!((request.username, request.use_candidate, request.controlling), (&b"theirs:ours"[..], false, None));
    assert!(request.controlled.is_some());
    Some((request.transaction, len))
}

pub(crate) fn answer(transaction: [u8; 12], pwd: &str) -> Vec<u8> {
    let mut out = vec![0; stun::REPLY_MAX];
    let len = stun::write_success(&mut out, transaction, path(1).remote(), pwd.as_bytes());
    out.truncate(len);
    out
}

pub(crate) const THEIR_PWD: &str = "a-password-of-the-peer";

pub(crate) fn known() -> (Agent, Peer) {
    let (mut agent, peer) = connected();
    agent.set_remote("theirs", THEIR_PWD);
    (agent, peer)
}

#[test]
fn an_answer_moves_media_to_where_the_question_was_asked() {
    let (mut agent, mut peer) = known();
    let transaction = ask(&mut agent, path(2), 7, SECOND).unwrap();
    assert_eq!((agent.selected(), agent.knows(path(2))), (Some(path(1)), false));
    let outcome = agent.hear_answer(&answer(transaction, THEIR_PWD), path(2), SECOND + 1).unwrap();
    assert_eq!(outcome.state, Some(IceState::Moved));
    assert_eq!((agent.selected(), agent.knows(path(2)), agent.knows(path(1))), (Some(path(2)), true, true));
    assert_eq!(agent.deadline(), SECOND + 1 + DISCONNECTED_US, "an answer is a sign of life too");
    let late = handle(&mut agent, &peer.check(OURS, true), path(2), 2 * SECOND).unwrap();
    assert_eq!(late.state, None, "the peer's own next check finds it there");
}

#[test]
fn what_is_no_answer_moves_nothing() {
    let (mut agent, mut peer) = known();
    let nothing = answer([7; 12], THEIR_PWD);
    assert_eq!(agent.hear_answer(&nothing, path(2), 1), Err(StunError::Unauthentic), "nothing was asked");
    let transaction = ask(&mut agent, path(2), 7, SECOND).unwrap();
    let right = answer(transaction, THEIR_PWD);
    let mut bare = vec![0; 20];
    bare.copy_from_slice(&right[..20]);
    bare[2..4].fill(0);
    let forged = [answer([8; 12], THEIR_PWD), answer(transaction, OURS.1), bare, peer.check(OURS, true), vec![1; 20]];
    for forged in forged {
        assert!(agent.hear_answer(&forged, path(2), SECOND).is_err());
    }
    assert!(agent.hear_answer(&right, path(3), SECOND).is_err(), "it came from elsewhere");
    assert_eq!((agent.selected(), agent.paths().count()), (Some(path(1)), 1));
    assert!(agent.hear_answer(&right, path(2), SECOND).is_ok());
    assert!(agent.hear_answer(&right, path(2), SECOND).is_err(), "once");
}

#[test]
fn an_answer_to_a_path_that_was_left_meanwhile_proves_and_moves_nothing() {
    let (mut agent, mut peer) = known();
    assert!(agent.wants_proof(path(1), SECOND) && !agent.wants_proof(path(2), SECOND));
    let transaction = ask_for_proof(&mut agent, path(1), 7, SECOND).unwrap();
    handle(&mut agent, &peer.check(OURS, true), path(2), SECOND).unwrap();
    assert_eq!(agent.hear_answer(&answer(transaction, THEIR_PWD), path(1), SECOND).unwrap(), Outcome::default());
    assert_eq!((agent.selected(), agent.found_us()), (Some(path(2)), None));
    assert!(!agent.holds(path(1), SECOND) && !agent.holds(path(2), SECOND));
    // At its present path the peer holds the path by its answer, as long as it checks the path.
    let transaction = ask_for_proof(&mut agent, path(2), 8, SECOND).unwrap();
    assert!(!agent.holds(path(2), SECOND));
    assert_eq!(agent.hear_answer(&answer(transaction, THEIR_PWD), path(2), SECOND).unwrap().state, None);
    assert!(agent.holds(path(2), SECOND) && !agent.holds(path(2), SECOND + DISCONNECTED_US));
    assert!(!agent.wants_proof(path(2), SECOND) && agent.wants_proof(path(2), SECOND + PROVED_US / 2));
}

#[test]
fn an_answer_from_a_path_that_went_to_another_peer_counts_no_more() {
    let (mut agent, mut peer) = known();
    handle(&mut agent, &peer.check(OURS, false), path(2), SECOND).unwrap();
    let transaction = ask_for_proof(&mut agent, path(1), 7, SECOND).unwrap();
    assert!(agent.forget(path(1)));
    assert_eq!(agent.hear_answer(&answer(transaction, THEIR_PWD), path(1), SECOND), Err(StunError::Unauthentic));
    assert!(!agent.knows(path(1)) && agent.knows(path(2)));
}

#[test]
fn media_from_a_path_decides_whatever_else_is_asked_there() {
    for causes in [[Cause::Media, Cause::Silence], [Cause::Silence, Cause::Media]] {
        let (mut agent, mut peer) = known();
        handle(&mut agent, &peer.check(OURS, false), path(2), SECOND).unwrap();
        let asked = causes.map(|cause| ask_because(cause, &mut agent, path(2), 7, SECOND + ASK_AGAIN_US));
        assert_eq!(asked, [Some([7; 12]), None]);
        let outcome = agent.hear_answer(&answer([7; 12], THEIR_PWD), path(2), 2 * SECOND).unwrap();
        assert_eq!(outcome.state, Some(IceState::Moved), "{causes:?}");
    }
}

#[test]
fn a_question_is_repeated_in_measure() {
    let (mut agent, _) = known();
    let first = ask(&mut agent, path(2), 1, SECOND);
    assert_eq!(ask(&mut agent, path(2), 2, SECOND + ASK_AGAIN_US - 1), None);
    assert_eq!(ask(&mut agent, path(2), 3, SECOND + ASK_AGAIN_US), first, "the same, in case it was lost");
    assert_ne!(ask(&mut agent, path(3), 4, SECOND + ASK_AGAIN_US), first, "another path is another question");
    let again = ask(&mut agent, path(3), 5, SECOND + ASK_AGAIN_US + QUESTION_US);
    assert_eq!(again, Some([5; 12]), "the old one has lapsed");
}

#[test]
fn nobody_is_asked_whose_answer_could_not_be_proved() {
    let mut agent = Agent::new(OURS.0, OURS.1, 0);
    agent.set_remote("theirs", THEIR_PWD);
    assert_eq!(ask(&mut agent, path(2), 1, 1), None, "it was never there");
    let (mut agent, _) = connected();
    agent.set_remote("theirs", "");
    assert_eq!(ask(&mut agent, path(2), 1, 1), None, "its password is not known");
    agent.set_remote("theirs", THEIR_PWD);
    agent.restart(NEWER.0, NEWER.1, SECOND);
    agent.set_remote("theirs", THEIR_PWD);
    assert_eq!(ask(&mut agent, path(2), 1, SECOND), None, "it is changing its credentials");
}

#[test]
fn questions_open_at_a_time_are_few() {
    let (mut agent, _) = known();
    for port in 2..100 {
        assert!(ask(&mut agent, path(port), port as u8, SECOND).is_some());
    }
    let is_open = |port: &u16| agent.has_asked(path(*port), [*port as u8; 12]);
    assert_eq!((2..100).filter(is_open).count(), QUESTIONS_MAX);
}

#[test]
fn a_question_has_no_more_bytes_than_came_by_its_path() {
    let (mut agent, mut peer) = known();
    let (mut came, mut sent) = (0, 0);
    for turn in 1..60 {
        came += 40;
        let question = ask_for(40, Cause::Media, &mut agent, path(2), turn, u64::from(turn) * 2 * ASK_AGAIN_US);
        sent += question.map_or(0, |(_, len)| len);
        assert!(sent <= came, "{sent} bytes of questions for {came}");
    }
    assert!(sent > came / 2, "it is asked all the same");
    let (mut came, mut sent) = (0, 0);
    for turn in 1..60 {
        let check = peer.check(OURS, true);
        let (mut reply, now_us) = ([0; stun::REPLY_MAX], u64::from(turn) * SECOND);
        let (len, _) = agent.handle(&check, path(3), path(3).remote(), now_us, &mut reply).unwrap();
        let question = ask_for(0, Cause::Proof, &mut agent, path(3), turn, now_us);
        (came, sent) = (came + check.len(), sent + len + question.map_or(0, |(_, len)| len));
        assert!(sent <= came, "{sent} bytes of answers and questions for {came}");
    }
    assert!(sent > came * 3 / 4);
    assert_eq!(ask_for(0, Cause::Proof, &mut agent, path(4), 200, 99 * SECOND), None, "nothing came");
}

/// Check each of `paths` `times` times without a nomination. Return the bytes of answers and questions beyond the bytes of the
/// checks, and the number of questions.
fn beyond(agent: &mut Agent, peer: &mut Peer, paths: u16, times: u64) -> (i64, usize) {
    let (mut bytes, mut questions) = (0, 0);
    for turn in 0..times {
        for port in 1..=paths {
            let (check, mut reply) = (peer.check(OURS, false), [0; stun::REPLY_MAX]);
            let (now_us, from) = (turn * 4 * ASK_AGAIN_US, path(port));
            let (len, outcome) = agent.handle(&check, from, from.remote(), now_us, &mut reply).unwrap();
            assert!(outcome.nominates_later);
            let question = ask_for(0, Cause::Check, agent, from, peer.transaction, now_us).map_or(0, |(_, len)| len);
            questions += usize::from(question > 0);
            bytes += (len + question) as i64 - check.len() as i64;
        }
    }
    (bytes, questions)
}

#[test]
fn a_checked_path_is_asked_before_any_is_nominated() {
    let (mut agent, mut peer) = (Agent::new(OURS.0, OURS.1, 0), Peer { transaction: 0 });
    handle(&mut agent, &peer.check(OURS, false), path(1), 0).unwrap();
    let mut question = [0; stun::QUESTION_MAX];
    assert_eq!(agent.ask(path(1), Cause::Check, 0, || [9; 12], 0, &mut question), None, "whose it is is not known");
    agent.set_remote("theirs", THEIR_PWD);
    let (transaction, _) = ask_for(0, Cause::Check, &mut agent, path(1), 9, 0).unwrap();
    assert_eq!(ask_for(0, Cause::Check, &mut agent, path(1), 10, ASK_AGAIN_US - 1), None, "it is being asked");
    assert_eq!(ask_for(0, Cause::Check, &mut agent, path(2), 11, 0), None, "nobody checked that one");
    assert_eq!(agent.hear_answer(&answer(transaction, "another"), path(1), 1), Err(StunError::Unauthentic));
    assert_eq!(agent.hear_answer(&answer(transaction, THEIR_PWD), path(1), 1), Ok(Outcome::default()));
    let outcome = handle(&mut agent, &peer.check(OURS, true), path(1), 2).unwrap();
    assert_eq!((outcome.state, outcome.nominates_later), (Some(IceState::Connected), false));
    assert!(agent.holds(path(1), 3) && !agent.wants_proof(path(1), 3), "its answer counts as the proof");
    assert!(!handle(&mut agent, &peer.check(OURS, false), path(2), 4).unwrap().nominates_later);
    agent.restart(NEWER.0, NEWER.1, 5);
    agent.set_remote("theirs", THEIR_PWD);
    assert!(!handle(&mut agent, &peer.check(OURS, false), path(1), 6).unwrap().nominates_later, "the old credentials");
    assert!(handle(&mut agent, &peer.check(NEWER, false), path(2), 7).unwrap().nominates_later);
    let len = agent.ask(path(2), Cause::Check, 0, || [12; 12], 7, &mut question).expect("after a restart too");
    let request = stun::parse_request(&question[..len], THEIR_PWD.as_bytes()).unwrap();
    assert_eq!((request.username, request.use_candidate), (&b"theirs:newer"[..], false));
}

#[test]
fn questions_before_a_nomination_have_few_bytes_more_than_the_checks() {
    for (paths, times) in [(1, 1), (1, 200), (8, 20), (30, 8)] {
        let (mut agent, mut peer) = (Agent::new(OURS.0, OURS.1, 0), Peer { transaction: 0 });
        agent.set_remote("theirs", THEIR_PWD);
        let (bytes, questions) = beyond(&mut agent, &mut peer, paths, times);
        assert!(bytes <= WELCOME_MAX as i64, "{paths} paths, {times} times: {bytes} bytes more than came");
        assert!(questions >= usize::from(paths.min(8)), "{paths} paths, {times} times: {questions} questions");
    }
}

/// Return the agent of a browser that checks the path in use and answers there. Every 25 s it checks another path once.
fn settled(is_proved: bool) -> (Agent, usize) {
    let (mut agent, mut peer) = known();
    if is_proved {
        let transaction = ask_because(Cause::Proof, &mut agent, path(1), 1, 1).unwrap();
        agent.hear_answer(&answer(transaction, THEIR_PWD), path(1), 1).unwrap();
    }
    let mut more = 0;
    for (turn, port) in [2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1].into_iter().enumerate() {
        let (check, mut reply) = (peer.check(OURS, port == 1), [0; stun::REPLY_MAX]);
        more += check.len();
        more -= agent.handle(&check, path(port), path(port).remote(), turn as u64, &mut reply).unwrap().0;
    }
    (agent, more)
}

/// Return the lengths of the questions in a minute.
fn asked(agent: &mut Agent, came: usize, cause: Cause, port: u16) -> Vec<usize> {
    let seconds = (1..60).map(|turn| (turn, u64::from(turn) * SECOND));
    let lens = seconds.filter_map(|(turn, now_us)| ask_for(came, cause, agent, path(port), turn, now_us));
    lens.map(|(_, len)| len).collect()
}

#[test]
fn what_came_where_the_peer_is_pays_for_two_questions_elsewhere() {
    let (mut agent, more) = settled(true);
    assert_eq!(asked(&mut agent, 0, Cause::Proof, 2), [], "only where the peer is sought");
    assert_eq!(asked(&mut agent, 0, Cause::Silence, 3), [], "nobody ever checked it");
    let lens = asked(&mut agent, 0, Cause::Silence, 2);
    assert_eq!(lens.len(), LENT_MAX);
    assert!(lens.iter().sum::<usize>() <= more, "{lens:?} for {more}");
    let (mut agent, _) = settled(false);
    assert_eq!(asked(&mut agent, 0, Cause::Silence, 2), [], "whoever may have forged one address may have forged two");
}

#[test]
fn a_silent_path_is_asked_three_times_however_often_it_was_checked() {
    let (mut agent, mut peer) = known();
    for turn in 0..100 {
        handle(&mut agent, &peer.check(OURS, false), path(2), turn).unwrap();
    }
    assert_eq!(asked(&mut agent, 0, Cause::Silence, 2).len(), UNANSWERED_MAX);
}

#[test]
fn a_silent_path_is_asked_three_times_though_media_from_there_is_asked_about() {
    let (mut agent, mut peer) = known();
    for turn in 0..100 {
        handle(&mut agent, &peer.check(OURS, false), path(2), turn).unwrap();
    }
    assert!(ask_for(0, Cause::Media, &mut agent, path(2), 7, SECOND).is_some());
    let times = (1..QUESTION_US / ASK_AGAIN_US).map(|turn| SECOND + turn * ASK_AGAIN_US);
    let asked = times.filter_map(|now_us| ask_for(0, Cause::Silence, &mut agent, path(2), 8, now_us));
    assert_eq!(asked.map(|(transaction, _)| transaction).collect::<Vec<_>>(), [[7; 12]; UNANSWERED_MAX]);
}

#[test]
fn a_question_that_nothing_pays_for_changes_no_open_one() {
    let (mut agent, mut peer) = known();
    for turn in 0..100 {
        handle(&mut agent, &peer.check(OURS, false), path(2), turn).unwrap();
    }
    let times = (0..UNANSWERED_MAX as u64).map(|turn| SECOND + turn * ASK_AGAIN_US);
    let asked = times.filter_map(|now_us| ask_for(0, Cause::Silence, &mut agent, path(2), 7, now_us));
    assert_eq!(asked.count(), UNANSWERED_MAX);
    assert_eq!(ask_for(0, Cause::Media, &mut agent, path(2), 8, 2 * SECOND), None);
    let outcome = agent.hear_answer(&answer([7; 12], THEIR_PWD), path(2), 2 * SECOND).unwrap();
    assert_eq!(outcome.state, None, "the silence alone was asked about");
}

/// A peer whose NAT binding was lost is found by its first report.
#[test]
fn one_report_pays_for_a_question_together_with_what_came_before() {
    let question = |is_proved| ask_for(60, Cause::Media, &mut settled(is_proved).0, path(3), 1, SECOND);
    assert!(question(true).is_some() && question(false).is_none());
    let (mut agent, more) = settled(true);
    let lens = asked(&mut agent, 10, Cause::Media, 3);
    assert!(lens.len() >= LENT_MAX && lens.iter().sum::<usize>() <= more + 59 * 10, "{lens:?}");
}

#[test]
fn a_transaction_is_drawn_for_a_new_question_only() {
    let (mut agent, _) = known();
    let (mut drawn, mut asked, mut out) = (0, 0, [0; stun::QUESTION_MAX]);
    for now_us in (SECOND..2 * SECOND).step_by(10_000) {
        let mut fresh = || {
            drawn += 1;
            [7; 12]
        };
        asked += usize::from(agent.ask(path(2), Cause::Media, 40, &mut fresh, now_us, &mut out).is_some());
        assert_eq!(agent.ask(path(3), Cause::Proof, 0, &mut fresh, now_us, &mut out), None);
    }
    assert_eq!((drawn, asked), (1, 20));
}

/// A viewer that hears only voices, without transport-wide feedback, sends a report about every 5 s.
#[test]
fn the_reports_of_a_listener_pay_for_a_question_in_time() {
    for report in [40, 46, 75] {
        let (mut agent, _) = known();
        let mut came = 0;
        let asked = (0..4).map(|turn| {
            came += report;
            ask_for(report, Cause::Media, &mut agent, path(2), 7 + turn, u64::from(turn) * 7 * SECOND)
        });
        let (transaction, len) = asked.flatten().next().expect("it is asked");
        assert!(len <= came, "{len} bytes for {came}");
        assert_eq!(transaction, [7; 12]);
    }
    let (mut agent, _) = known();
    let seldom = (0..9).map(|turn| ask_for(60, Cause::Media, &mut agent, path(2), turn, u64::from(turn) * 11 * SECOND));
    assert_eq!(seldom.flatten().count(), 0, "what came long ago is forgotten");
}
