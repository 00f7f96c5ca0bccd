//! A peer with two paths whose selected path goes silent. The plane sends questions on both paths, and media goes to the path
//! that answers.

use crate::peer::{self, path};
use crate::way::{self, CAMERA, Tells, World};
use plane_core::path::Path;
use plane_core::seam::command::Command;
use plane_core::seam::event::{Event, IceState};
use plane_core::wire::{rtp, stun};

const THEIR_PWD: &str = "a-password-of-the-peer";
const CAMERA_SSRC: u32 = 0x1000;
/// Checks of the peer. A browser sends more checks than this on a path in its first seconds. The checks give the credit for the
/// plane's questions.
const CHECKS: usize = 12;

fn spare() -> Path {
    path(9_001)
}

/// Return a camera and a viewer that has sent feedback for two seconds. The transport `moving` has checked a second path
/// before.
fn world(moving: u32) -> World {
    world_of(moving, CHECKS)
}

/// Return a check of `transport` that does not nominate.
fn unchosen(transport: u32) -> Vec<u8> {
    let username = format!("ours{transport}:them");
    let request = stun::Request {
        transaction: [77; 12],
        username: username.as_bytes(),
        priority: 1,
        use_candidate: false,
        controlling: Some(1),
        controlled: None,
        nomination: None,
    };
    let mut datagram = vec![0; 256];
    let len = stun::write_request(&mut datagram, &request, peer::PWD.as_bytes());
    datagram.truncate(len);
    datagram
}

fn world_of(moving: u32, checks: usize) -> World {
    let mut world = World::new();
    world.camera(&CAMERA[..1]);
    world.viewer(|_| 20e6, Tells::Arrivals);
    let (ufrag, pwd) = ("them".into(), THEIR_PWD.into());
    world.stage.command(Command::SetRemoteCredentials { transport: moving, ufrag, pwd });
    let World { stage, cameras, viewers, .. } = &mut world;
    let peer = if moving == 1 { &mut cameras[0].peer } else { &mut viewers[0].peer };
    (0..checks).for_each(|_| stage.deliver_from(spare(), &unchosen(moving)));
    (0..CHECKS).for_each(|_| stage.consent(peer));
    world.run(2);
    world.stage.events.clear();
    world
}

/// Send frames that no client receives.
fn send(world: &mut World, frames: usize) {
    (0..frames).for_each(|n| world.stage.publish_frame(&mut world.cameras[0].peer, 0, n as u16, false, &[500]));
}

/// Return the transactions of the questions sent to this path.
fn questions(world: &mut World, path: Path) -> Vec<[u8; 12]> {
    let read = |datagram: Vec<u8>| stun::parse_request(&datagram, THEIR_PWD.as_bytes()).ok().map(|one| one.transaction);
    world.stage.take_to(path).into_iter().filter_map(read).collect()
}

fn answer(world: &mut World, from: Path, transaction: [u8; 12]) {
    let mut out = vec![0; stun::REPLY_MAX];
    let len = stun::write_success(&mut out, transaction, path(1).remote(), THEIR_PWD.as_bytes());
    world.stage.deliver_from(from, &out[..len]);
}

fn moved(world: &World) -> Vec<Path> {
    let moved = |event: &Event| match event {
        Event::Ice { state: IceState::Moved, path, .. } => Some(*path),
        _ => None,
    };
    world.stage.events.iter().filter_map(moved).collect()
}

/// Send frames without feedback until the viewer gets a question on its second path. Return this question and the question on
/// the first path.
fn silence(world: &mut World) -> ([u8; 12], [u8; 12]) {
    let first = world.viewers[0].peer.path;
    questions(world, first);
    for _ in 0..60 {
        send(world, 1);
        if let [there] = questions(world, spare())[..] {
            return (there, questions(world, first)[0]);
        }
    }
    panic!("nothing was asked in two seconds");
}

#[test]
fn a_viewer_whose_network_went_is_sent_to_where_it_answers() {
    let mut world = world(50);
    let first = world.viewers[0].peer.path;
    send(&mut world, 9);
    assert_eq!(questions(&mut world, spare()).len(), 0, "feedback may take a while");
    let (there, _) = silence(&mut world);
    answer(&mut world, spare(), there);
    send(&mut world, 4);
    assert_eq!(moved(&world), [], "it may answer at the first path too");
    assert!(!questions(&mut world, first).is_empty(), "where it is asked once more");
    world.stage.plis_to(&mut world.cameras[0].peer);
    send(&mut world, 10);
    assert_eq!(moved(&world), [spare()]);
    assert_eq!(world.stage.plis_to(&mut world.cameras[0].peer), [CAMERA_SSRC], "what went into the hole is lost");
    world.stage.take_to(first);
    send(&mut world, 10);
    let media = |one: &Vec<u8>| rtp::parse(one).is_ok_and(|header| header.ssrc == way::VIDEO_SSRC);
    assert!(world.stage.take_to(spare()).iter().any(media));
    assert!(!world.stage.take_to(first).iter().any(media));
    // The viewer moves back by its own nomination, as always.
    world.stage.consent(&world.viewers[0].peer);
    assert_eq!(moved(&world), [spare(), first]);
}

#[test]
fn one_that_answers_at_its_path_stays_there() {
    let mut world = world(50);
    let first = world.viewers[0].peer.path;
    let (there, here) = silence(&mut world);
    answer(&mut world, spare(), there);
    answer(&mut world, first, here);
    send(&mut world, 10);
    assert_eq!(moved(&world), []);
    let (there, here) = silence(&mut world);
    answer(&mut world, first, here);
    answer(&mut world, spare(), there);
    send(&mut world, 10);
    assert_eq!(moved(&world), []);
    let (there, _) = silence(&mut world);
    answer(&mut world, spare(), there);
    send(&mut world, 10);
    assert_eq!(moved(&world), [spare()], "the network went after that");
}

#[test]
fn nobody_is_asked_without_need() {
    let mut world = world(50);
    let first = world.viewers[0].peer.path;
    send(&mut world, 1);
    questions(&mut world, first);
    world.stage.advance(1_500_000);
    let here = questions(&mut world, first)[0];
    answer(&mut world, first, here);
    world.stage.take_to(spare());
    world.stage.advance(3_000_000);
    assert_eq!(questions(&mut world, spare()).len(), 0, "nothing was sent of which it could tell");
    world.stage.advance(10_000_000);
    send(&mut world, 60);
    assert_eq!(questions(&mut world, spare()).len(), 0, "it is gone");
}

#[test]
fn the_questions_come_to_an_end() {
    let mut world = world(50);
    silence(&mut world);
    send(&mut world, 210);
    assert_eq!(questions(&mut world, spare()).len(), 2, "three in all, and nobody answered");
    let World { stage, viewers, .. } = &mut world;
    (0..CHECKS).for_each(|_| stage.deliver_from(spare(), &unchosen(50)));
    stage.consent(&viewers[0].peer);
    stage.take_to(spare());
    send(&mut world, 210);
    assert_eq!(questions(&mut world, spare()).len(), 3, "it checks that path again");
}

/// A path gets no more bytes of questions than the checks on the path had. So a forged check in the name of another address
/// cannot attack this address.
#[test]
fn a_path_is_not_asked_for_more_than_came_by_it() {
    for checks in 1..4 {
        let mut world = world_of(50, checks);
        let first = world.viewers[0].peer.path;
        let check = unchosen(50).len();
        let mut sent = 0;
        for _ in 0..40 {
            world.stage.consent(&world.viewers[0].peer);
            send(&mut world, 60);
            sent += world.stage.take_to(spare()).iter().map(Vec::len).sum::<usize>();
            world.stage.take_to(first);
        }
        assert!(sent <= checks * check, "{sent} bytes for {checks} checks of {check}");
    }
}

/// A path that was checked once gets two questions from the credit of other paths: packets at the peer's proved path pay for
/// them. No address gets more bytes than the peer sent.
#[test]
fn a_path_that_was_checked_once_is_asked_twice_on_account_of_others() {
    let mut world = world_of(50, 1);
    let first = world.viewers[0].peer.path;
    let (mut came, mut asked, mut sent) = (unchosen(50).len(), 0, 0);
    for turn in 0..60 {
        world.stage.consent(&world.viewers[0].peer);
        came += peer::check("ours50:them", peer::PWD, turn).len();
        if turn % 20 == 0 {
            world.stage.deliver_from(spare(), &unchosen(50));
            came += unchosen(50).len();
        }
        send(&mut world, 60);
        // The peer keeps its proof at its own path and never answers at the other path.
        let here = questions(&mut world, first);
        here.into_iter().filter(|_| turn % 10 == 0).for_each(|question| answer(&mut world, first, question));
        let there = world.stage.take_to(spare());
        asked += there.iter().filter(|one| stun::parse_request(one, THEIR_PWD.as_bytes()).is_ok()).count();
        sent += there.iter().map(Vec::len).sum::<usize>();
        assert!(sent <= came, "{sent} bytes for {came}");
    }
    assert!((2..=4).contains(&asked), "{asked} questions");
}

/// The same holds for packets that a participant sends under the address of another: its media or its nominations.
#[test]
fn a_stranger_is_not_asked_for_more_than_came_in_its_name() {
    let mut world = world(50);
    let (first, stranger) = (world.viewers[0].peer.path, path(9_500));
    let (mut came, mut sent) = (0, 0);
    for _ in 0..100 {
        world.stage.advance(110_000);
        let before = world.stage.shard.snapshot(world.stage.now_us).totals.received_bytes;
        world.viewers[0].peer.path = stranger;
        world.stage.nack(&mut world.viewers[0].peer, &[60_000]);
        world.viewers[0].peer.path = first;
        came += (world.stage.shard.snapshot(world.stage.now_us).totals.received_bytes - before) as usize;
        sent += world.stage.take_to(stranger).iter().map(Vec::len).sum::<usize>();
        world.stage.consent(&world.viewers[0].peer);
        assert!(sent <= came, "{sent} bytes for {came} of reports");
    }
    assert!(sent > 0);
    let (stranger, mut came, mut sent) = (path(9_501), 0, 0);
    for turn in 0..100 {
        world.stage.advance(110_000);
        let nomination = peer::check("ours50:them", peer::PWD, 100 + turn);
        world.stage.deliver_from(stranger, &nomination);
        came += nomination.len();
        // Media goes to the nominated path, so only STUN counts here.
        let is_stun = |one: &&Vec<u8>| one[0] < 4;
        sent += world.stage.take_to(stranger).iter().filter(is_stun).map(Vec::len).sum::<usize>();
        assert!(sent <= came, "{sent} bytes for {came} of checks");
    }
    assert!(sent > came * 3 / 4);
}

#[test]
fn a_path_that_was_not_checked_for_long_is_not_asked() {
    let mut world = world(50);
    for _ in 0..30 {
        world.stage.consent(&world.viewers[0].peer);
        world.run(1);
    }
    world.stage.take_to(spare());
    send(&mut world, 120);
    assert_eq!(questions(&mut world, spare()).len(), 0, "its consent has expired");
}

#[test]
fn a_publisher_that_falls_silent_is_asked_too() {
    let mut world = world(1);
    world.stage.take_to(spare());
    world.stage.advance(600_000);
    assert_eq!(questions(&mut world, spare()).len(), 0, "without speech little comes");
    world.stage.advance(600_000);
    let there = questions(&mut world, spare())[0];
    answer(&mut world, spare(), there);
    world.stage.advance(300_000);
    assert_eq!(moved(&world), [spare()]);
}

#[test]
fn media_by_another_of_its_paths_is_a_choice_where_the_first_one_is_quiet() {
    let mut world = world(50);
    let first = std::mem::replace(&mut world.viewers[0].peer.path, spare());
    let nack = |world: &mut World| world.stage.nack(&mut world.viewers[0].peer, &[60_000]);
    world.viewers[0].peer.path = first;
    nack(&mut world);
    world.viewers[0].peer.path = spare();
    nack(&mut world);
    assert_eq!(questions(&mut world, spare()).len(), 0, "it came by the first one just now");
    world.stage.advance(100_000);
    nack(&mut world);
    let there = questions(&mut world, spare())[0];
    assert_eq!(moved(&world), []);
    answer(&mut world, spare(), there);
    assert_eq!(moved(&world), [spare()]);
    world.viewers[0].peer.path = first;
    nack(&mut world);
    assert_eq!(questions(&mut world, first).len(), 0, "what was under way comes late");
}

/// Return the datagrams to a path, in order: an answer (true) or a question (false).
fn taken(stage: &mut peer::Stage, path: Path) -> Vec<bool> {
    let is_answer = |datagram: &Vec<u8>| stun::parse_request(datagram, THEIR_PWD.as_bytes()).is_err();
    stage.take_to(path).iter().map(is_answer).collect()
}

/// A path gets a question after its first answer, in both orders of the check and the description. The pion library nominates a
/// path as soon as it gets a question. Without the question it waits for its next turn (200 ms).
#[test]
fn a_path_is_asked_behind_the_first_answer_whichever_comes_first_the_check_or_the_description() {
    for described_first in [true, false] {
        let mut stage = peer::Stage::new();
        let (ufrag, pwd) = ("ours7".into(), peer::PWD.into());
        stage.command(Command::OpenTransport { router: 1, transport: 7, ufrag, pwd });
        let described = || {
            let (ufrag, pwd) = ("them".into(), THEIR_PWD.into());
            Command::SetRemoteCredentials { transport: 7, ufrag, pwd }
        };
        if described_first {
            stage.command(described());
            assert_eq!(taken(&mut stage, spare()), [], "nobody has checked a path");
        }
        stage.deliver_from(spare(), &unchosen(7));
        if !described_first {
            assert_eq!(taken(&mut stage, spare()), [true], "an answer only");
            stage.command(described());
            assert_eq!(taken(&mut stage, spare()), [false]);
        } else {
            assert_eq!(taken(&mut stage, spare()), [true, false]);
        }
        stage.deliver_from(spare(), &unchosen(7));
        assert_eq!(taken(&mut stage, spare()), [true], "it is asked already");
    }
}
