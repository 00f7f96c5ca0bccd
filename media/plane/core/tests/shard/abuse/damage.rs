//! The damage that a hostile sender or viewer must not cause. Beside each attack, a test shows that the same without the
//! hostile part works.

use crate::peer::{PWD, Peer, Stage, check_of, frame, path};
use plane_core::path::Path;
use plane_core::seam::command::Command;
use plane_core::types::{Codec, Encoding, Payload};
use plane_core::wire::stun;

fn call() -> (Stage, Peer, Peer) {
    let mut stage = Stage::new();
    let mut publisher = stage.join(1);
    stage.publish(&publisher, 10, 1);
    let mut viewer = stage.join(2);
    stage.consume(&viewer, 100, 10);
    stage.publish_frame(&mut publisher, 0, 0, true, &[600]);
    assert_eq!(stage.media_of(&mut viewer).len(), 1);
    (stage, publisher, viewer)
}

/// Packets with a bad tag do not end the call (in FreeSWITCH, GHSA-jh42, a hundred such packets ended it).
#[test]
fn packets_under_another_key_are_not_forwarded_and_end_nothing() {
    let (mut stage, mut publisher, mut viewer) = call();
    let mut thief = stage.join(3);
    stage.nacks_to(&mut publisher);
    let events = stage.events.len();
    for n in 0..10_000u16 {
        // The thief uses the publisher's address, its SSRC and the next sequence numbers.
        for packet in frame(&mut thief, 0, n % 500, n % 7 == 0, &[60]) {
            stage.deliver(&publisher, &packet);
        }
        let kind = 200 + (n % 8) as u8;
        stage.deliver(&publisher, &[&[0x80, kind, 0, 6, 0, 0, 0x10, 0][..], &[n as u8; 32]].concat());
    }
    assert_eq!(stage.media_of(&mut viewer).len(), 0);
    stage.advance(100_000);
    assert_eq!(stage.nacks_to(&mut publisher), [] as [u16; 0], "nothing was believed to be missing");
    assert_eq!(stage.events.len(), events);
    // The call continues, and packets sealed with the right key are forwarded.
    for n in 1..30 {
        stage.publish_frame(&mut publisher, 0, n, false, &[60]);
    }
    let got = stage.media_of(&mut viewer);
    assert_eq!(got.len(), 29);
    assert!(got.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
}

#[test]
fn an_ssrc_of_another_room_is_its_senders_own() {
    let (mut stage, mut publisher, mut viewer) = call();
    stage.command(Command::OpenRouter { router: 2 });
    let mut thief = stage.join_of(2, 3);
    let encodings = vec![Encoding { ssrc: 0x1000, ..Encoding::default() }];
    let payloads = vec![Payload { payload_type: 98, codec: Codec::Vp8, clock_hz: 90_000, rtx: None }];
    let mid = "v".into();
    stage.command(Command::OpenProducer { transport: 3, producer: 11, video: true, mid, encodings, payloads });
    let mut watcher = stage.join_of(2, 4);
    stage.consume_as_video(&watcher, 101, 11);
    for n in 0..50 {
        stage.publish_frame(&mut thief, 0, 400 + n, n == 0, &[90]);
    }
    assert_eq!(stage.media_of(&mut viewer).len(), 0);
    assert_eq!(stage.media_of(&mut watcher).len(), 50, "in his own room it is he");
    for n in 1..50 {
        stage.publish_frame(&mut publisher, 0, n, false, &[60]);
    }
    let got = stage.media_of(&mut viewer);
    assert!(got.len() == 49 && got.iter().all(|packet| packet.payload_len == 60));
}

/// One viewer of two requests 5,000 packets and 200 key frames each second: it costs little, and the publisher gets no more
/// requests.
#[test]
fn a_viewer_that_asks_without_end_costs_little_and_the_publisher_nothing() {
    let egress = |asks: bool| {
        let (mut stage, mut publisher, mut viewer) = call();
        stage.plis_to(&mut publisher);
        let (mut bytes, mut asked, mut plis, mut key) = (0, 0, 0, false);
        let mut numbers: Vec<u16> = Vec::new();
        for n in 1..=300 {
            stage.publish_frame(&mut publisher, 0, n, key, &[900, 900]);
            let sent = stage.take_to(viewer.path);
            bytes += sent.iter().map(Vec::len).sum::<usize>();
            numbers.extend(
                sent.iter().filter(|d| d[8..12] == 0x9000_u32.to_be_bytes()).map(|d| u16::from_be_bytes([d[2], d[3]])),
            );
            for _ in 0..if asks { 10 } else { 0 } {
                let lost: Vec<u16> = numbers.iter().rev().take(17).copied().collect();
                asked += lost.len();
                stage.nack(&mut viewer, &lost);
            }
            for _ in 0..if asks { 7 } else { 0 } {
                stage.send_compound(&mut viewer, &[0x81, 206, 0, 2, 0, 0, 0, 5, 0, 0, 0x90, 0]);
            }
            let told = stage.plis_to(&mut publisher);
            key = !told.is_empty();
            plis += told.len();
        }
        bytes += stage.take_to(viewer.path).iter().map(Vec::len).sum::<usize>();
        (bytes, asked, plis)
    };
    let (quiet_bytes, _, quiet_plis) = egress(false);
    let (bytes, asked, plis) = egress(true);
    assert!(plis > quiet_plis, "a key frame is still asked for");
    assert!(plis <= quiet_plis + 10 + 3, "{plis} key frames asked for in ten seconds, {quiet_plis} without him");
    assert!(asked * 900 > 20 * quiet_bytes, "whoever gave all that was asked for would send twenty times as much");
    let allowance = 100 * 1_000;
    assert!(bytes <= quiet_bytes * 3 / 2 + allowance, "{bytes} bytes instead of {quiet_bytes}");
    assert!(bytes > quiet_bytes, "a repair is still given");
}

/// The same number of requests, but from ten viewers in turn, does reach the publisher.
#[test]
fn many_viewers_that_ask_each_for_itself_get_their_key_frames() {
    let (mut stage, mut publisher, first) = call();
    let mut viewers = vec![first];
    for id in 3..12 {
        viewers.push(stage.join(id));
        stage.consume(&viewers[viewers.len() - 1], 100 + id, 10);
    }
    stage.plis_to(&mut publisher);
    let (mut plis, mut key) = (0, false);
    for n in 1..=300 {
        stage.publish_frame(&mut publisher, 0, n, key, &[900, 900]);
        // Each viewer asks in its own tenth of a second, so the answer to one viewer is not the answer to the next.
        let viewer = &mut viewers[n as usize / 3 % 10];
        stage.send_compound(viewer, &[0x81, 206, 0, 2, 0, 0, 0, 5, 0, 0, 0x90, 0]);
        let told = stage.plis_to(&mut publisher);
        key = !told.is_empty();
        plis += told.len();
        stage.out.sink.datagrams.clear();
    }
    assert!(plis > 20, "{plis} key frames asked for in ten seconds");
}

/// A peer that uses every SSRC under its right key, each with the MID of its only video track, does not fill the memory.
#[test]
fn ssrcs_without_end_are_forgotten() {
    let (mut stage, mut publisher, mut viewer) = call();
    let mut other = stage.join(3);
    stage.publish_audio(&other, 20);
    stage.consume_voice(&viewer, 200, 20);
    let memory = |stage: &mut Stage| stage.shard.snapshot(stage.now_us).totals.memory_bytes;
    let flood = |stage: &mut Stage, publisher: &mut Peer, first: u32| {
        for n in 0..2_000 {
            for packet in publisher.named(first + n, n as u16, &[0x90, 0x80, 0x80, n as u8, 1, 7, 7]) {
                stage.deliver(publisher, &packet);
            }
            stage.now_us += 1_000;
        }
    };
    flood(&mut stage, &mut publisher, 0x10_0000);
    let before = memory(&mut stage);
    flood(&mut stage, &mut publisher, 0x20_0000);
    let after = memory(&mut stage);
    assert!(after <= before, "{before} bytes after 2,000 SSRCs, {after} after 4,000");
    stage.media_of(&mut viewer);
    stage.publish_voice(&mut other, 20);
    assert_eq!(stage.voice_of(&mut viewer).len(), 1);
}

/// Send full packets of one sender for two seconds, one each `apart_us`. Return the number of accepted packets and of excess
/// packets.
fn poured(apart_us: u64, spoofed: bool) -> (u64, u64) {
    let (mut stage, mut publisher, mut viewer) = call();
    let mut other = stage.join(3);
    stage.publish_audio(&other, 20);
    stage.consume_voice(&viewer, 200, 20);
    stage.command(Command::CloseConsumer { consumer: 100 });
    stage.media_of(&mut viewer);
    let mut thief = stage.join(4);
    for n in 0..2_000_000 / apart_us {
        let sender = if spoofed { &mut thief } else { &mut publisher };
        for packet in frame(sender, 0, n as u16, false, &[1_150]) {
            stage.deliver(&publisher, &packet);
        }
        stage.now_us += apart_us;
    }
    let snapshot = stage.shard.snapshot(stage.now_us);
    let taken = snapshot.transports.iter().find(|one| one.transport == 1).map_or(0, |one| one.received_packets);
    stage.publish_voice(&mut other, 20);
    assert_eq!(stage.voice_of(&mut viewer).len(), 1, "it is nobody else's share");
    let excess = |stage: &mut Stage| stage.shard.snapshot(stage.now_us).totals.excess_packets;
    let before = excess(&mut stage);
    stage.now_us += 10_000;
    stage.publish_frame(&mut publisher, 0, 30_000, true, &[600]);
    assert_eq!(excess(&mut stage), before, "what it sends after a moment's rest is taken");
    (taken, before)
}

#[test]
fn who_sends_without_measure_is_heard_in_part_only() {
    let (taken, excess) = poured(160, false);
    assert!((9_000..11_000).contains(&taken), "{taken} packets of 12,500 taken");
    assert_eq!(taken + excess, 12_500 + 1);
}

/// A camera and a screen of 4K with three layers each are accepted whole. Forged packets in the publisher's name change
/// nothing.
#[test]
fn who_sends_much_is_heard_whole_whatever_others_send_in_its_name() {
    let (taken, excess) = poured(320, false);
    assert_eq!((taken, excess), (6_250 + 1, 0));
    assert_eq!(poured(160, true).1, 0);
}

/// Send `datagrams` datagrams of `each` feedbacks 30 times a second, for 3.3 seconds. Each feedback reports `statuses` packets
/// (all lost, in one run). Return the number of datagrams or feedbacks that were ignored.
fn feedback_left_out(datagrams: usize, each: usize, statuses: u16) -> u64 {
    let (mut stage, mut publisher, mut viewer) = call();
    let mut feedback = [0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0];
    feedback[14..16].copy_from_slice(&statuses.to_be_bytes());
    feedback[20..22].copy_from_slice(&statuses.to_be_bytes());
    for n in 0..100 {
        for _ in 0..datagrams {
            stage.send_compound(&mut viewer, &feedback.repeat(each));
        }
        stage.publish_frame(&mut publisher, 0, n + 1, false, &[600]);
    }
    assert_eq!(stage.media_of(&mut viewer).len(), 100, "it is nobody else's share, and nothing of what one gets");
    let totals = stage.shard.snapshot(stage.now_us).totals;
    assert_eq!(totals.malformed, 0);
    totals.excess_packets
}

/// A feedback of 24 bytes that reports 4,096 packets costs the plane as much as a dozen packets. So only a fifth of 7.4 million
/// statuses a second is read, in one datagram or many. The honest feedback of a viewer of 6,000 packets a second is read whole.
#[test]
fn feedback_costs_by_what_it_tells_of() {
    let left_out = feedback_left_out(60, 1, 4_096);
    assert!((4_550..4_700).contains(&left_out), "{left_out} of 6,000 left out");
    let left_out = feedback_left_out(1, 60, 4_096);
    assert!(left_out > 90, "{left_out} of 100 datagrams, or what is left of them, left out");
    assert_eq!(feedback_left_out(1, 1, 200), 0);
}

const THEIR_PWD: &str = "a-password-of-the-peer";

/// The behaviour of a viewer of about 800 kbit/s that nominates two addresses in turn, each time with one check.
struct Nominated {
    /// The address (0 or 1) of the viewer in each thirtieth of a second.
    at: Box<dyn Fn(u32) -> usize>,
    /// The addresses that answer the plane's questions.
    answer: [bool; 2],
    restart: Restart,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Restart {
    None,
    /// The viewer's checks continue with the old credentials.
    Begun,
    /// The viewer's checks use the new credentials, but the viewer did not send new credentials of its own.
    Ended,
}

const NEWER: (&str, &str) = ("newer", "a-newer-password-of-ours");

/// Return the bytes sent to each address in 200 s. Also return the bytes sent in 40 more seconds to the viewer's own address,
/// where the viewer answers.
fn sent_to(Nominated { at: place, answer, restart }: Nominated) -> ([usize; 2], usize) {
    let (mut stage, mut publisher, viewer) = call();
    let (ufrag, pwd) = ("them".into(), THEIR_PWD.into());
    stage.command(Command::SetRemoteCredentials { transport: 2, ufrag, pwd });
    if restart != Restart::None {
        stage.command(Command::RestartIce { transport: 2, ufrag: NEWER.0.into(), pwd: NEWER.1.into() });
    }
    let (ufrag, pwd) = if restart == Restart::Ended { NEWER } else { ("ours2", PWD) };
    let (mut n, mut turn) = (0u16, 0u32);
    let mut frame_to = |stage: &mut Stage, to: Path, answers: bool| {
        if n % 30 == 0 {
            stage.consent(&publisher);
        }
        n += 1;
        stage.publish_frame(&mut publisher, 0, n, n % 30 == 0, &[1_100, 1_100, 1_100]);
        let datagrams = stage.take_to(to);
        let read = |datagram: &Vec<u8>| stun::parse_request(datagram, THEIR_PWD.as_bytes()).map(|one| one.transaction);
        for question in datagrams.iter().filter_map(|one| read(one).ok().filter(|_| answers)) {
            let mut answer = [0; stun::REPLY_MAX];
            let len = stun::write_success(&mut answer, question, to.remote(), THEIR_PWD.as_bytes());
            stage.deliver_from(to, &answer[..len]);
        }
        datagrams.iter().map(Vec::len).sum::<usize>()
    };
    let mut nominate = |stage: &mut Stage, path: Path| {
        turn += 1;
        let mut transaction = [0xab; 12];
        transaction[..4].copy_from_slice(&turn.to_be_bytes());
        stage.deliver_from(path, &check_of(&format!("{ufrag}:them"), pwd, transaction));
    };
    let mut bytes = [0; 2];
    for at in 0..6_000 {
        let to = place(at);
        let path = path(9_001 + to as u16);
        if at == 0 || place(at - 1) != to {
            nominate(&mut stage, path);
        }
        bytes[to] += frame_to(&mut stage, path, answer[to]);
    }
    let mut own = [0; 30];
    for at in 0..1_200 {
        if at % 30 == 0 {
            nominate(&mut stage, viewer.path);
        }
        own[at % 30] = frame_to(&mut stage, viewer.path, true);
    }
    (bytes, own.iter().sum())
}

fn in_turn(each: u32) -> Box<dyn Fn(u32) -> usize> {
    Box::new(move |at| (at / each % 2) as usize)
}

/// A viewer that names the addresses of others can send them little: one check allows one path credit, whatever the viewer does
/// in between. It may switch back and forth, answer elsewhere or restart ICE. If the addresses answer, they get the whole
/// stream.
#[test]
fn who_names_the_addresses_of_others_sends_them_little() {
    let ([first, second], own) = sent_to(Nominated { at: in_turn(600), answer: [true, true], restart: Restart::None });
    assert!(first > 8_000_000 && second > 8_000_000 && own > 90_000, "{first}, {second} and {own} bytes");
    for restart in [Restart::None, Restart::Begun, Restart::Ended] {
        for each in [1, 7, 200, 600] {
            let ([first, second], own) = sent_to(Nominated { at: in_turn(each), answer: [false, false], restart });
            let answers = (first + second) / 100 + 200 * 6_000 / each as usize;
            let (least, most) = (2_900_000, 3_150_000 + answers);
            assert!((least..most).contains(&(first + second)), "{each} {restart:?}: {first} and {second} bytes");
            assert!(own > 90_000 || restart != Restart::None, "{each}: {own} bytes");
        }
    }
    for each in [1, 7, 200, 600] {
        let nominated = Nominated { at: in_turn(each), answer: [true, false], restart: Restart::None };
        let ([own, other], _) = sent_to(nominated);
        let answers = 200 * 6_000 / each as usize;
        assert!((2_900_000..3_150_000 + answers).contains(&other), "{each}: {other} bytes");
        assert!(own > 4_000_000, "{each}: {own}");
    }
    // The viewer is at the answering address whenever the plane checks, ten times a second.
    for phase in 0..3 {
        let at = Box::new(move |at| usize::from(at % 3 != phase));
        let ([_, other], _) = sent_to(Nominated { at, answer: [true, false], restart: Restart::None });
        assert!((2_900_000..3_150_000 + 64 * 2_000).contains(&other), "{phase}: {other} bytes");
    }
}

/// Two viewers that take the victim's address from each other send it no more. The plane checks ten times a second, while the
/// second viewer has the address.
#[test]
fn two_who_take_turns_at_an_address_send_it_no_more() {
    for phase in 0..3 {
        let (mut stage, mut publisher, _) = call();
        stage.join(3);
        for transport in [2, 3] {
            let (ufrag, pwd) = ("them".into(), THEIR_PWD.into());
            stage.command(Command::SetRemoteCredentials { transport, ufrag, pwd });
        }
        let (victim, mut bytes) = (path(9_001), 0);
        for n in 1..6_000u32 {
            let who = if n % 3 == phase { 3 } else { 2 };
            if n % 3 != (phase + 2) % 3 {
                let mut transaction = [0xab; 12];
                transaction[..4].copy_from_slice(&n.to_be_bytes());
                stage.deliver_from(victim, &check_of(&format!("ours{who}:them"), PWD, transaction));
            }
            if n % 30 == 0 {
                stage.consent(&publisher);
            }
            stage.publish_frame(&mut publisher, 0, n as u16, n % 30 == 0, &[1_100, 1_100, 1_100]);
            bytes += stage.take_to(victim).iter().map(Vec::len).sum::<usize>();
        }
        let answers = 64 * 4_000 + 100 * 200;
        assert!((500_000..3_150_000 + answers).contains(&bytes), "{phase}: {bytes} bytes");
    }
}

/// The publisher makes no key frames for a viewer that gets nothing. When the viewer answers, it gets a key frame.
#[test]
fn a_viewer_that_nothing_goes_to_asks_for_no_key_frames() {
    for case in 0..8 {
        let (answers, layers, pauses) = (case & 1 == 0, if case & 2 == 0 { 3 } else { 1 }, case & 4 == 0);
        let mut stage = Stage::new();
        let mut publisher = stage.join(1);
        stage.publish(&publisher, 10, layers);
        let mut viewer = stage.join(2);
        let (ufrag, pwd) = ("them".into(), THEIR_PWD.into());
        stage.command(Command::SetRemoteCredentials { transport: 2, ufrag, pwd });
        stage.consume(&viewer, 100, 10);
        let mut n = 0;
        let mut run = |stage: &mut Stage, viewer: &mut Peer, answers: bool, seconds: u32| {
            let (mut asked, mut got) = (0, 0);
            for at in 0..30 * seconds {
                if at % 30 == 0 {
                    stage.consent(&publisher);
                    stage.consent(viewer);
                }
                for layer in 0..layers as usize {
                    for packet in frame(&mut publisher, layer, n, n == 0, &[1_100; 4]) {
                        stage.deliver(&publisher, &packet);
                    }
                }
                stage.advance(33_333);
                n += 1;
                asked += stage.plis_to(&mut publisher).len();
                for datagram in stage.take_to(viewer.path) {
                    got += datagram.len();
                    if let Ok(question) = stun::parse_request(&datagram, THEIR_PWD.as_bytes()) {
                        let mut answer = [0; stun::REPLY_MAX];
                        let remote = viewer.path.remote();
                        let len = stun::write_success(&mut answer, question.transaction, remote, THEIR_PWD.as_bytes());
                        if answers {
                            stage.deliver(viewer, &answer[..len]);
                        }
                    }
                }
            }
            (asked, got)
        };
        let (_, got) = run(&mut stage, &mut viewer, answers, 40);
        assert!(if answers { got > 5_000_000 } else { got < 3_100_000 }, "{got} bytes");
        for paused in [true, false].into_iter().filter(|_| pauses) {
            stage.command(Command::PauseConsumer { consumer: 100, paused });
        }
        let (asked, got) = run(&mut stage, &mut viewer, answers, 20);
        assert!(if answers { asked > 0 || !pauses } else { asked == 0 && got < 10_000 }, "{asked} asked, {got} bytes");
        for paused in [true, false].into_iter().filter(|_| pauses) {
            stage.command(Command::PauseConsumer { consumer: 100, paused });
        }
        let (asked, _) = run(&mut stage, &mut viewer, true, 20);
        assert_eq!(asked > 0, pauses || !answers, "{asked} asked: {answers} {layers} {pauses}");
    }
}
