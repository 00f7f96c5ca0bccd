//! A peer whose address translation forgot: its media comes from a port that nobody has checked.

mod peer;

use peer::{Peer, Stage, Wire, frame, path, voice};
use plane_core::command::Command;
use plane_core::event::{Event, IceState};
use plane_core::ice::Path;
use plane_core::outbox::Outbox;
use plane_core::shard::Shard;
use plane_core::stun;

const THEIR_PWD: &str = "a-password-of-the-peer";
const QUIET_US: u64 = 100_000;

/// A publisher of sound and pictures, and a viewer of the pictures; the passwords of both are known.
fn stage() -> (Stage, Peer, Peer) {
    let mut stage = Stage::new();
    let (mut publisher, viewer) = (stage.join(1), stage.join(2));
    for transport in [1, 2] {
        let (ufrag, pwd) = ("them".into(), THEIR_PWD.into());
        stage.command(Command::SetRemoteCredentials { transport, ufrag, pwd });
    }
    stage.publish(&publisher, 10, 1);
    stage.publish_audio(&publisher, 11);
    stage.consume(&viewer, 100, 10);
    for n in 0..10 {
        stage.publish_frame(&mut publisher, 0, n, n == 0, &[1000, 1000]);
    }
    stage.take_to(viewer.path);
    stage.take_to(publisher.path);
    (stage, publisher, viewer)
}

/// The transactions of the questions that went there.
fn questions(stage: &mut Stage, path: Path) -> Vec<[u8; 12]> {
    let read = |datagram: Vec<u8>| stun::parse_request(&datagram, THEIR_PWD.as_bytes()).ok().map(|one| one.transaction);
    stage.take_to(path).into_iter().filter_map(read).collect()
}

fn answer(transaction: [u8; 12], pwd: &str) -> Vec<u8> {
    let mut out = vec![0; stun::REPLY_MAX];
    let len = stun::write_success(&mut out, transaction, path(1).remote(), pwd.as_bytes());
    out.truncate(len);
    out
}

fn has_moved(stage: &Stage, transport: u32, to: Path) -> bool {
    let is_it = |event: &Event| matches!(event, Event::Ice { transport: id, state: IceState::Moved, path } if *id == transport && *path == to);
    stage.events.iter().any(is_it)
}

#[test]
fn a_publisher_goes_on_from_another_port() {
    let (mut stage, mut publisher, mut viewer) = stage();
    let moved = path(9_001);
    stage.advance(QUIET_US);
    for packet in frame(&mut publisher, 0, 10, false, &[1000, 1000]) {
        stage.deliver_from(moved, &packet);
    }
    assert_eq!(stage.media_of(&mut viewer).len(), 2, "what is genuine is not lost");
    let asked = questions(&mut stage, moved);
    assert_eq!(asked.len(), 1);
    assert!(!has_moved(&stage, 1, moved), "before it has answered");
    stage.deliver_from(moved, &answer(asked[0], THEIR_PWD));
    assert!(has_moved(&stage, 1, moved));
    publisher.path = moved;
    for n in 11..15 {
        stage.publish_frame(&mut publisher, 0, n, false, &[1000, 1000]);
    }
    assert_eq!(stage.media_of(&mut viewer).len(), 8);
    assert!(!stage.take_to(moved).is_empty(), "reports to it go there");
}

/// Hands on what the two shards have for each other until there is nothing.
fn exchange(stage: &mut Stage, other: &mut Shard, out: &mut Outbox<Wire>) {
    for _ in 0..4 {
        while let Some(parcel) = other.parcel(0) {
            stage.shard.unpack(parcel, stage.now_us, &mut stage.out);
            stage.settle();
        }
        while let Some(parcel) = stage.shard.parcel(1) {
            other.unpack(parcel, stage.now_us, out);
        }
    }
}

#[test]
fn a_publisher_that_moved_is_found_through_another_shard() {
    let (mut stage, mut publisher, mut viewer) = stage();
    stage.shard = std::mem::replace(&mut stage.shard, Shard::new(0, 0, 1)).among(2);
    let (mut other, mut out) = (Shard::new(1, 0, 1).among(2), Outbox::new(Wire::default()));
    let moved = path(9_001);
    stage.advance(QUIET_US);
    for packet in frame(&mut publisher, 0, 10, false, &[1000, 1000]) {
        other.receive(moved, &mut packet.clone(), stage.now_us, &mut out);
    }
    exchange(&mut stage, &mut other, &mut out);
    assert_eq!(stage.media_of(&mut viewer).len(), 2, "what is genuine is not lost");
    let asked = questions(&mut stage, moved);
    assert_eq!(asked.len(), 1);
    other.receive(moved, &mut answer(asked[0], THEIR_PWD), stage.now_us, &mut out);
    exchange(&mut stage, &mut other, &mut out);
    assert!(has_moved(&stage, 1, moved));
    let before = other.snapshot(stage.now_us).totals.stranger_datagrams;
    for n in 11..15 {
        for packet in frame(&mut publisher, 0, n, false, &[1000, 1000]) {
            other.receive(moved, &mut packet.clone(), stage.now_us, &mut out);
        }
    }
    exchange(&mut stage, &mut other, &mut out);
    assert_eq!(stage.media_of(&mut viewer).len(), 8);
    assert_eq!(other.snapshot(stage.now_us).totals.stranger_datagrams, before, "now it is known");
    out.flush();
    assert!(out.sink.datagrams.is_empty(), "it leaves by its own shard");
}

#[test]
fn a_viewer_is_found_by_its_reports() {
    let (mut stage, mut publisher, mut viewer) = stage();
    let moved = path(9_002);
    stage.advance(QUIET_US);
    let before = viewer.path;
    viewer.path = moved;
    // Three are as long as a question.
    (0..3).for_each(|_| stage.nack(&mut viewer, &[60_000]));
    let asked = questions(&mut stage, moved);
    stage.deliver_from(moved, &answer(asked[0], THEIR_PWD));
    assert!(has_moved(&stage, 2, moved));
    stage.take_to(before);
    stage.publish_frame(&mut publisher, 0, 10, false, &[1000, 1000]);
    assert_eq!(stage.media_of(&mut viewer).len(), 2);
    assert!(stage.take_to(before).is_empty());
}

#[test]
fn a_peer_that_is_where_it_was_is_not_asked() {
    let (mut stage, mut publisher, mut viewer) = stage();
    let elsewhere = path(9_003);
    stage.publish_voice(&mut publisher, 10);
    let packet = voice(&mut publisher, 10, false);
    stage.deliver_from(elsewhere, &packet);
    assert!(stage.take_to(elsewhere).is_empty());
    stage.deliver(&publisher, &packet);
    assert!(stage.media_of(&mut viewer).is_empty());
    assert_eq!(stage.shard.snapshot(stage.now_us).totals.replayed, 0, "the copy was not looked at");
}

#[test]
fn strangers_are_asked_nothing() {
    let (mut stage, mut publisher, mut viewer) = stage();
    stage.advance(QUIET_US);
    let seen = frame(&mut publisher, 0, 10, false, &[1000]);
    stage.deliver(&publisher, &seen[0]);
    stage.take_to(viewer.path);
    stage.take_to(publisher.path);
    stage.advance(QUIET_US);
    stage.out.sink.datagrams.clear();
    let mut fresh = frame(&mut publisher, 0, 11, false, &[1000]).remove(0);
    let same_host = path(9_004);
    let other_host = Path::Udp { socket: 0, remote: ([198, 51, 100, 9], 9_004).into(), local: None };
    stage.deliver_from(same_host, &seen[0]); // a copy of what has come
    stage.deliver_from(other_host, &fresh); // from another machine
    fresh[40] ^= 1;
    stage.deliver_from(same_host, &fresh); // forged
    for len in 12..80 {
        stage.deliver_from(same_host, &vec![0x80; len]);
        stage.deliver_from(same_host, &[&[0x81, 201][..], &vec![7; len]].concat());
    }
    stage.deliver_from(same_host, &answer([1; 12], THEIR_PWD));
    assert!(stage.out.sink.datagrams.is_empty());
    assert!(stage.media_of(&mut viewer).is_empty());
    assert!(!has_moved(&stage, 1, same_host) && !has_moved(&stage, 1, other_host));
}

#[test]
fn an_answer_must_be_the_peers_and_from_there() {
    let (mut stage, mut publisher, _) = stage();
    let moved = path(9_005);
    stage.advance(QUIET_US);
    stage.deliver_from(moved, &voice(&mut publisher, 10, false));
    let asked = questions(&mut stage, moved)[0];
    stage.deliver_from(moved, &answer(asked, "0123456789012345678901"));
    stage.deliver_from(moved, &answer([9; 12], THEIR_PWD));
    stage.deliver_from(path(9_006), &answer(asked, THEIR_PWD));
    assert!(!has_moved(&stage, 1, moved) && !has_moved(&stage, 1, path(9_006)));
    stage.deliver_from(moved, &answer(asked, THEIR_PWD));
    assert!(has_moved(&stage, 1, moved));
}

#[test]
fn few_datagrams_are_tried_and_a_question_is_not_repeated_at_once() {
    let (mut stage, mut publisher, _) = stage();
    let moved = path(9_007);
    stage.advance(QUIET_US);
    for _ in 0..1_000 {
        stage.deliver_from(moved, &voice(&mut publisher, 10, false));
    }
    let received = stage.shard.snapshot(stage.now_us).totals.stranger_datagrams;
    assert_eq!(received, 1_000);
    assert_eq!(questions(&mut stage, moved).len(), 1);
    let memory = stage.shard.snapshot(stage.now_us).totals.memory_bytes;
    for port in 10_000..12_000 {
        stage.advance(5_000);
        stage.deliver_from(path(port), &voice(&mut publisher, 10, false));
    }
    assert_eq!(stage.shard.snapshot(stage.now_us).totals.memory_bytes, memory);
}
