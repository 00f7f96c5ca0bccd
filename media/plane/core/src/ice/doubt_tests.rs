use super::super::tests::{OURS, Peer, SECOND, THEIR_PWD, answer, ask_because, handle, known, path};
use super::*;
use crate::ice::questions::Cause;

/// Sent to the selected path in each second.
const SENT_A_SECOND: u64 = 100_000;

/// At which second it is asked, of so many; `answers`: at which it does.
fn asked(agent: &mut Agent, (first, count): (u64, u64), answers: Option<u64>) -> Vec<u64> {
    let ask = |second: u64| {
        let path = agent.doubts(second * SENT_A_SECOND, second * SECOND)?;
        let transaction = ask_because(Cause::Doubt, agent, path, second as u8 + 1, second * SECOND).unwrap();
        if answers == Some(second) {
            agent.hear_answer(&answer(transaction, THEIR_PWD), path, second * SECOND + 1).unwrap();
        }
        Some(second)
    };
    (first..first + count).filter_map(ask).collect()
}

fn nominate(agent: &mut Agent, peer: &mut Peer, to: Path) {
    handle(agent, &peer.check(OURS, true), to, 0).unwrap();
}

#[test]
fn nothing_goes_to_who_never_answers_until_it_does() {
    let (mut agent, _) = known();
    assert_eq!(asked(&mut agent, (0, 10), None), [2, 3, 4, 5, 6, 7, 8, 9], "once in each of these seconds");
    assert_eq!(agent.sends_to(), Some(path(1)));
    assert_eq!(asked(&mut agent, (10, 20), None), []);
    assert_eq!((agent.sends_to(), agent.selected(), agent.path()), (None, Some(path(1)), None));
    let transaction = ask_because(Cause::Proof, &mut agent, path(1), 99, 30 * SECOND).expect("its checks pay for it");
    agent.hear_answer(&answer(transaction, THEIR_PWD), path(1), 30 * SECOND).unwrap();
    assert_eq!(agent.sends_to(), Some(path(1)));
    assert_eq!(asked(&mut agent, (31, 20), None), [], "once is enough: what comes later is consent's");
}

#[test]
fn who_answers_is_not_asked_again() {
    let (mut agent, mut peer) = known();
    assert_eq!(asked(&mut agent, (0, 60), Some(5)), [2, 3, 4, 5]);
    nominate(&mut agent, &mut peer, path(2));
    assert_eq!(asked(&mut agent, (60, 60), Some(62)), [62], "but elsewhere");
    nominate(&mut agent, &mut peer, path(1));
    assert_eq!(asked(&mut agent, (120, 60), None), [], "there it has answered");
    assert_eq!(agent.sends_to(), Some(path(1)));
}

#[test]
fn who_never_answered_somewhere_gets_nothing_elsewhere_before_an_answer() {
    let (mut agent, mut peer) = known();
    asked(&mut agent, (0, 30), None);
    nominate(&mut agent, &mut peer, path(2));
    assert_eq!((agent.sends_to(), agent.selected()), (None, Some(path(2))));
    let transaction = ask_because(Cause::Media, &mut agent, path(2), 99, SECOND).unwrap();
    agent.hear_answer(&answer(transaction, THEIR_PWD), path(2), SECOND).unwrap();
    assert_eq!(agent.sends_to(), Some(path(2)));
    nominate(&mut agent, &mut peer, path(3));
    assert_eq!(agent.sends_to(), None, "it has spent its credit");
    nominate(&mut agent, &mut peer, path(2));
    assert_eq!(agent.sends_to(), Some(path(2)));
    nominate(&mut agent, &mut peer, Path::Tcp { connection: 1, remote: path(9).remote() });
    assert!(agent.sends_to().is_some(), "a connection stands only with who is there");
}

#[test]
fn who_gets_little_or_cannot_be_asked_is_left_in_peace() {
    let (mut agent, _) = known();
    for second in 0..60 {
        assert_eq!(agent.doubts(second * BELIEVED_BYTES / 60, second * SECOND), None);
    }
    assert!(agent.doubts(BELIEVED_BYTES, 60 * SECOND).is_some());
    let (mut agent, _) = known();
    agent.set_remote("theirs", "");
    assert_eq!(asked(&mut agent, (0, 60), None), []);
    assert_eq!(agent.sends_to(), Some(path(1)));
}

/// So none of them is a question of bytes that came: each is a small part of what went there.
#[test]
fn the_questions_are_little_beside_what_is_sent() {
    assert!(u64::from(ASKED_MAX) * (crate::stun::QUESTION_MAX as u64) < BELIEVED_BYTES / 10);
}
