//! A peer whose NAT binding was lost or whose network changed: its media comes from an unverified address.

use crate::peer::{Peer, Stage, Wire, frame, path, voice};
use crate::way::{CAMERA, Tells, World};
use plane_core::path::Path;
use plane_core::seam::command::Command;
use plane_core::seam::event::{Event, IceState};
use plane_core::seam::outbox::Outbox;
use plane_core::shard::Shard;
use plane_core::types::{Codec, Encoding, Payload};
use plane_core::wire::stun;

const THEIR_PWD: &str = "a-password-of-the-peer";
const QUIET_US: u64 = 100_000;

/// Return a publisher of audio and video, and a viewer of the video. The passwords of both are known.
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

/// Return a path with an IP address that no other peer has.
fn far(port: u16) -> Path {
    Path::Udp { socket: 0, remote: ([198, 51, 100, 9], port).into(), local: None }
}

/// Return the transactions of the questions sent to this path.
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
    a_publisher_goes_on_from(path(9_001));
}

#[test]
fn a_publisher_goes_on_from_another_ip() {
    a_publisher_goes_on_from(far(4_001));
}

fn a_publisher_goes_on_from(moved: Path) {
    let (mut stage, mut publisher, mut viewer) = stage();
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

/// Exchange the data between the two shards until nothing is left.
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
    [path(9_001), far(9_001)].into_iter().for_each(is_found_through_another_shard);
}

fn is_found_through_another_shard(moved: Path) {
    let (mut stage, mut publisher, mut viewer) = stage();
    stage.shard = std::mem::replace(&mut stage.shard, Shard::new(0, 0, 1)).among(2);
    let (mut other, mut out) = (Shard::new(1, 0, 1).among(2), Outbox::new(Wire::default()));
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
    // Three reports together are as long as a question.
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
    let other_host = far(9_004);
    fresh[40] ^= 1;
    for from in [same_host, other_host] {
        stage.deliver_from(from, &seen[0]); // a copy of a received packet
        stage.deliver_from(from, &fresh); // forged
        for len in 1..80 {
            stage.deliver_from(from, &vec![0x80; len]);
            stage.deliver_from(from, &[&[0x81, 201][..], &vec![7; len]].concat());
        }
        stage.deliver_from(from, &answer([1; 12], THEIR_PWD));
        stage.advance(QUIET_US);
        stage.deliver_from(from, &seen[0]);
        stage.advance(2 * QUIET_US);
    }
    assert_eq!(stage.shard.snapshot(stage.now_us).totals.replayed, 4, "the copies were looked at");
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

/// A participant sends its own media in the name of an address where another peer will be later. It cannot take the answer of
/// that peer.
#[test]
fn whoever_was_asked_there_before_takes_no_answer_from_the_peer() {
    let (mut stage, mut publisher, mut other) = stage();
    let moved = far(4_001);
    stage.advance(QUIET_US);
    stage.publish_audio(&other, 12);
    stage.publish_voice(&mut other, 10);
    stage.advance(QUIET_US);
    stage.deliver_from(moved, &voice(&mut other, 10, false));
    assert_eq!(questions(&mut stage, moved).len(), 1);
    stage.deliver_from(moved, &voice(&mut publisher, 10, false));
    let asked = questions(&mut stage, moved);
    stage.deliver_from(moved, &answer(asked[0], THEIR_PWD));
    assert!(has_moved(&stage, 1, moved) && !has_moved(&stage, 2, moved));
    // The same holds after the path belongs to a peer.
    stage.advance(QUIET_US);
    stage.deliver_from(far(4_002), &voice(&mut other, 10, false));
    assert_eq!(questions(&mut stage, far(4_002)).len(), 1);
    publisher.path = far(4_002);
    (0..12).for_each(|_| stage.consent(&publisher));
    let proof = questions(&mut stage, publisher.path);
    let before = stage.shard.snapshot(stage.now_us).totals.bad_stun;
    stage.deliver(&publisher, &answer(proof[0], THEIR_PWD));
    assert_eq!(stage.shard.snapshot(stage.now_us).totals.bad_stun, before);
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

fn tries(stage: &mut Stage) -> u64 {
    stage.shard.snapshot(stage.now_us).totals.bad_srtp
}

#[test]
fn a_known_ssrc_is_tried_within_the_allowance() {
    let (mut stage, mut publisher, mut viewer) = stage();
    stage.advance(QUIET_US);
    let mut forged = frame(&mut publisher, 0, 10, false, &[1000]).remove(0);
    forged[40] ^= 1;
    for port in 0..1_000 {
        stage.deliver_from(far(10_000 + port), &forged);
    }
    assert_eq!(tries(&mut stage), 25, "the publisher's keys alone: the SSRC is nobody else's");
    assert!(stage.media_of(&mut viewer).is_empty());
    assert!(!stage.events.iter().any(|event| matches!(event, Event::Ice { state: IceState::Moved, .. })));
    stage.advance(1_000_000);
    stage.take_to(publisher.path);
    stage.take_to(viewer.path);
    assert!(stage.out.sink.datagrams.is_empty());
}

/// A flood from one network does not hide a peer of another network. A flood from the peer's own network does hide the peer.
#[test]
fn who_floods_from_one_network_hides_nobody_of_another() {
    for (flooded, found) in [(far(0), true), (path(0), false)] {
        let (mut stage, mut publisher, _) = stage();
        stage.advance(QUIET_US);
        let mut forged = frame(&mut publisher, 0, 10, false, &[1000]).remove(0);
        forged[40] ^= 1;
        let mut from = flooded.remote();
        let mut flood = |stage: &mut Stage| {
            for _ in 0..100 {
                from.set_port(10_000 + from.port() % 20_000 + 1);
                stage.deliver_from(Path::Udp { socket: 0, remote: from, local: None }, &forged);
            }
        };
        flood(&mut stage);
        let moved = path(9_001);
        stage.deliver_from(moved, &voice(&mut publisher, 10, false));
        assert_eq!(questions(&mut stage, moved).len(), usize::from(found), "flooded from {flooded:?}");
        // The flood goes on with 2,000 datagrams a second.
        let mut asked = 0;
        for n in 0..40 {
            stage.advance(50_000);
            flood(&mut stage);
            stage.deliver_from(moved, &voice(&mut publisher, 11 + n, false));
            asked += questions(&mut stage, moved).len();
        }
        assert_eq!(asked > 0, found, "flooded from {flooded:?}");
    }
}

/// Return `count` more publishers with the SSRCs of the first publisher, all quiet.
fn copies(stage: &mut Stage, count: u32) -> Vec<Peer> {
    let copy = |n: u32| {
        let mut peer = stage.join(10 + n);
        let (ufrag, pwd) = ("them".into(), THEIR_PWD.into());
        stage.command(Command::SetRemoteCredentials { transport: 10 + n, ufrag, pwd });
        stage.publish(&peer, 110 + n, 1);
        stage.publish_frame(&mut peer, 0, 0, true, &[1000]);
        peer
    };
    (0..count).map(copy).collect()
}

#[test]
fn whoever_has_the_same_ssrc_gets_a_turn() {
    let (mut stage, _, _) = stage();
    let mut copies = copies(&mut stage, 9);
    stage.advance(QUIET_US);
    for (n, peer) in copies.iter_mut().enumerate().rev() {
        let moved = far(9_010 + n as u16);
        let mut asked = Vec::new();
        for turn in 1..=3 {
            let before = tries(&mut stage);
            frame(peer, 0, turn, false, &[1000]).iter().for_each(|packet| stage.deliver_from(moved, packet));
            assert!(tries(&mut stage) - before <= 4);
            asked.append(&mut questions(&mut stage, moved));
        }
        assert_eq!(asked.len(), 1, "ten in turns of four");
        stage.deliver_from(moved, &answer(asked[0], THEIR_PWD));
        assert!(has_moved(&stage, 10 + n as u32, moved));
        peer.path = moved;
        stage.advance(1_000_000);
    }
}

#[test]
fn who_comes_again_and_again_takes_no_turn_of_others() {
    let (mut stage, mut publisher, _) = stage();
    stage.advance(QUIET_US);
    let [forged, packet] = [0, 1].map(|_| frame(&mut publisher, 0, 10, false, &[1000]).remove(0));
    stage.deliver_from(far(9_000), &[&forged[..40], &[0; 60]].concat());
    copies(&mut stage, 4);
    stage.advance(QUIET_US);
    stage.deliver_from(far(9_000), &packet);
    assert_eq!(questions(&mut stage, far(9_000)).len(), 1);
}

/// Peers with the same SSRC leave a near viewer half of the tries. The reports of viewers have the SSRC 5 here.
#[test]
fn those_with_its_ssrc_leave_a_near_viewer_half_of_the_tries() {
    let (mut stage, _, mut viewer) = stage();
    for n in 0..6 {
        let (mut peer, transport) = (stage.join(10 + n), 10 + n);
        peer.path = far(4_100 + n as u16);
        stage.consent(&peer);
        let encodings = vec![Encoding { ssrc: 5, ..Encoding::default() }];
        let payloads = vec![Payload { payload_type: 98, codec: Codec::Vp8, clock_hz: 90_000, rtx: None }];
        let (video, mid) = (true, "v".into());
        stage.command(Command::OpenProducer { transport, producer: 110 + n, video, mid, encodings, payloads });
    }
    stage.advance(2_000_000);
    let moved = path(9_002);
    viewer.path = moved;
    let before = tries(&mut stage);
    (0..3).for_each(|_| stage.nack(&mut viewer, &[60_000]));
    assert_eq!(questions(&mut stage, moved).len(), 1, "three reports are as long as a question");
    assert!((6..=9).contains(&(tries(&mut stage) - before)), "two of them each time, and the publisher perhaps");
}

/// Return a camera and its viewers after two seconds.
fn watched(viewers: u32, tells: Tells) -> World {
    let mut world = World::new();
    world.camera(&CAMERA[..1]);
    for n in 0..viewers {
        world.viewer(|_| 20e6, tells);
        let (transport, ufrag, pwd) = (50 + n, "them".into(), THEIR_PWD.into());
        world.stage.command(Command::SetRemoteCredentials { transport, ufrag, pwd });
    }
    world.run(2);
    world.stage.events.clear();
    world
}

/// Send one report of a viewer, as long as a question. Return the questions that it causes.
fn report(world: &mut World, viewer: usize, from: Path) -> Vec<[u8; 12]> {
    let World { stage, viewers, .. } = world;
    let peer = &mut viewers[viewer].peer;
    let before = std::mem::replace(&mut peer.path, from);
    let lost: Vec<u16> = (0..20).map(|n| 30_000 + 20 * n).collect();
    stage.nack(peer, &lost);
    peer.path = before;
    questions(stage, from)
}

#[test]
fn a_viewer_that_is_sought_is_found_at_another_ip() {
    let mut world = watched(2, Tells::Arrivals);
    let moved = far(4_050);
    world.viewers[0].is_cut = true;
    (0..300).for_each(|_| world.step());
    assert!(report(&mut world, 0, moved).is_empty(), "feedback may take a while");
    assert!(report(&mut world, 1, far(4_051)).is_empty());
    (0..500).for_each(|_| world.step());
    assert!(report(&mut world, 1, far(4_051)).is_empty(), "it tells where it is what arrives there");
    let before = tries(&mut world.stage);
    world.stage.deliver_from(moved, &[[0x80; 12], [7; 12], [7; 12], [7; 12]].concat());
    assert_eq!(tries(&mut world.stage), before, "pictures and sound name who sends them");
    let asked = report(&mut world, 0, moved);
    assert_eq!(asked.len(), 1);
    assert!(!has_moved(&world.stage, 50, moved));
    world.stage.deliver_from(moved, &answer(asked[0], THEIR_PWD));
    assert!(has_moved(&world.stage, 50, moved));
    assert!(!has_moved(&world.stage, 51, far(4_051)));
}

#[test]
fn a_viewer_that_never_told_what_arrives_is_not_looked_for_everywhere() {
    let mut world = watched(1, Tells::Reports);
    world.viewers[0].is_cut = true;
    (0..2_000).for_each(|_| world.step());
    let before = tries(&mut world.stage);
    assert!(report(&mut world, 0, far(4_050)).is_empty());
    assert_eq!(tries(&mut world.stage), before);
}

#[test]
fn of_many_that_are_sought_each_gets_a_turn() {
    let mut world = watched(9, Tells::Arrivals);
    world.viewers.iter_mut().for_each(|viewer| viewer.is_cut = true);
    (0..800).for_each(|_| world.step());
    for viewer in (0..9).rev() {
        let (moved, mut asked) = (far(4_050 + viewer as u16), Vec::new());
        for _ in 0..3 {
            let before = tries(&mut world.stage);
            asked.append(&mut report(&mut world, viewer, moved));
            assert!(tries(&mut world.stage) - before <= 4);
        }
        assert_eq!(asked.len(), 1, "nine in turns of four");
    }
}
