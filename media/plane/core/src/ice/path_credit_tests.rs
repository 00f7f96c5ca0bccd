use crate::ice::agent::Agent;
use crate::ice::agent::tests::{NEWER, OURS, Peer, SECOND, THEIR_PWD, answer, ask_because, handle, known, path};
use crate::ice::limits::{ASKED_BYTES, CREDIT_BYTES};
use crate::ice::questions::Cause;
use crate::path::Path;

/// Bytes sent to the peer in each second, at any path. Chosen: more than `ASKED_BYTES` (20,000), so that a STUN request is
/// possible each second. `CREDIT_BYTES` (3 MB) lasts 30 s. Larger: the credit ends before the tests have used enough paths, and
/// the tests fail. Smaller: the server asks less often, and the expected numbers of requests are wrong.
const SENT_A_SECOND: u64 = 100_000;
/// Seconds until the credit is spent.
const CREDIT_S: u64 = CREDIT_BYTES / SENT_A_SECOND;

/// Return the number of questions in these seconds. `answers`: the peer answers the first question.
fn asked(agent: &mut Agent, seconds: std::ops::Range<u64>, answers: bool) -> usize {
    let ask = |second: u64| {
        let path = agent.path_on_credit(second * SENT_A_SECOND, second * SECOND)?;
        let transaction = ask_because(Cause::PathCredit, agent, path, second as u8, second * SECOND)?;
        if answers {
            agent.hear_answer(&answer(transaction, THEIR_PWD), path, second * SECOND + 1).unwrap();
        }
        Some(())
    };
    seconds.filter_map(ask).count()
}

fn nominate(agent: &mut Agent, peer: &mut Peer, to: Path) {
    handle(agent, &peer.check(OURS, true), to, 0).unwrap();
}

#[test]
fn nothing_goes_to_who_never_answers_until_it_does() {
    let (mut agent, _) = known();
    assert_eq!(asked(&mut agent, 0..CREDIT_S, false) as u64, CREDIT_S - 1);
    assert_eq!(agent.sends_to(), Some(path(1)));
    assert_eq!(asked(&mut agent, CREDIT_S..CREDIT_S + 20, false), 0);
    assert_eq!((agent.sends_to(), agent.selected(), agent.path()), (None, Some(path(1)), None));
    let transaction = ask_because(Cause::Proof, &mut agent, path(1), 99, 99 * SECOND).expect("its checks pay for it");
    agent.hear_answer(&answer(transaction, THEIR_PWD), path(1), 99 * SECOND).unwrap();
    assert_eq!(agent.sends_to(), Some(path(1)));
    assert_eq!(asked(&mut agent, 100..400, false), 0, "one answer is enough; consent decides later");
    assert_eq!(agent.sends_to(), Some(path(1)));
}

#[test]
fn who_answers_is_asked_once_at_each_path_and_keeps_its_credit() {
    let (mut agent, mut peer) = known();
    for turn in 0..30 {
        assert_eq!(asked(&mut agent, 10 * turn..10 * turn + 10, true), 1);
        assert!(agent.sends_to().is_some());
        nominate(&mut agent, &mut peer, path(2 + turn as u16));
    }
    nominate(&mut agent, &mut peer, path(30));
    assert_eq!(asked(&mut agent, 300..400, false), 0, "the peer has answered there");
    assert_eq!(agent.sends_to(), Some(path(30)));
}

/// The credit stays spent even if the peer goes to another path and back, and even if it answers at that path.
#[test]
fn what_went_to_who_did_not_answer_stays_spent() {
    for (answers, stays_s) in [(true, 1), (true, 6), (false, 6)] {
        let (mut agent, mut peer) = known();
        let (mut unanswered_s, mut second) = (0, 0);
        while second < 4 * CREDIT_S {
            nominate(&mut agent, &mut peer, path(2 + (second / stays_s % 2) as u16));
            asked(&mut agent, second..second + stays_s + 1, false);
            unanswered_s += stays_s * u64::from(agent.sends_to().is_some());
            second += stays_s;
            nominate(&mut agent, &mut peer, path(1));
            asked(&mut agent, second..second + 2, answers);
            second += 1;
        }
        assert!(unanswered_s <= CREDIT_S + stays_s, "{unanswered_s} s: {answers} {stays_s}");
        nominate(&mut agent, &mut peer, path(1));
        assert_eq!(agent.sends_to().is_some(), answers);
        nominate(&mut agent, &mut peer, Path::Tcp { connection: 1, remote: path(9).remote() });
        assert!(agent.sends_to().is_some(), "a TCP connection exists only with the peer itself");
    }
}

#[test]
fn who_cannot_be_asked_has_no_more_credit() {
    let (mut agent, _) = known();
    agent.set_remote("theirs", "");
    assert_eq!(asked(&mut agent, 0..CREDIT_S + 1, false), 0);
    assert_eq!(agent.sends_to(), None);
    let (mut agent, _) = known();
    agent.restart(NEWER.0, NEWER.1, SECOND);
    agent.set_remote("theirs", THEIR_PWD);
    assert_eq!(asked(&mut agent, 0..CREDIT_S + 1, false), 0, "the peer does not end its restart");
    assert_eq!(agent.sends_to(), None);
    let (mut agent, _) = known();
    agent.timeout(10 * SECOND);
    assert_eq!(asked(&mut agent, 11..CREDIT_S + 12, false), 0, "the peer was silent for too long");
    assert_eq!(agent.sends_to(), None);
}

/// Bytes that arrive at an answered path also pay for a question at the next path. The checks at the next path alone may need
/// half a minute for one question.
#[test]
fn who_has_spent_its_credit_is_asked_at_the_next_path_at_once() {
    let (mut agent, mut peer) = known();
    asked(&mut agent, 0..5, true);
    for second in 5..20 {
        handle(&mut agent, &peer.check(OURS, true), path(1), second * SECOND).unwrap();
    }
    nominate(&mut agent, &mut peer, path(2));
    asked(&mut agent, 20..20 + CREDIT_S + 1, false);
    assert_eq!(agent.sends_to(), None);
    nominate(&mut agent, &mut peer, path(3));
    assert_eq!(agent.sends_to(), None);
    let mut question = [0; crate::wire::stun::QUESTION_MAX];
    let asked = agent.ask(path(3), Cause::Proof, 0, || [77; 12], 99 * SECOND, &mut question);
    assert!(asked.is_some());
    agent.hear_answer(&answer([77; 12], THEIR_PWD), path(3), 99 * SECOND).unwrap();
    assert_eq!(agent.sends_to(), Some(path(3)));
}

#[test]
fn the_questions_are_little_beside_what_is_sent() {
    assert!(crate::wire::stun::QUESTION_MAX as u64 * 20 < ASKED_BYTES);
}
