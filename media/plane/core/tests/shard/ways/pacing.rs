//! The packets that leave at once, the packets that wait, and the numbers of all of them.

use crate::peer::{Peer, Stage, frame};
use plane_core::seam::command::Command;
use plane_core::types::Extension;

/// Return a publisher with a voice, and a viewer.
fn stage() -> (Stage, Peer, Peer) {
    let mut stage = Stage::new();
    let publisher = stage.join(1);
    stage.publish(&publisher, 10, 1);
    stage.publish_audio(&publisher, 20);
    let viewer = stage.join(2);
    stage.consume(&viewer, 100, 10);
    stage.consume_voice(&viewer, 200, 20);
    (stage, publisher, viewer)
}

#[test]
fn all_that_goes_to_a_peer_is_numbered_by_one_counter() {
    let (mut stage, mut publisher, mut viewer) = stage();
    for n in 0..20 {
        stage.publish_frame(&mut publisher, 0, n, n == 0, &[700, 700]);
        stage.publish_voice(&mut publisher, 20);
    }
    let pictures = stage.media_of(&mut viewer);
    stage.nack(&mut viewer, &[pictures[4].sequence]);
    let early = stage.early_of(&mut viewer);
    let all = [early, pictures, stage.voice_of(&mut viewer), stage.rtx_of(&mut viewer)].concat();
    let mut numbers: Vec<_> = all.iter().map(|got| got.wide.unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..62).collect::<Vec<_>>());
}

#[test]
fn a_peer_that_did_not_agree_gets_no_numbers() {
    let (mut stage, mut publisher, mut viewer) = stage();
    let extensions = vec![(0, Extension::TransportCc)];
    stage.command(Command::SetExtensions { transport: 2, extensions });
    stage.publish_frame(&mut publisher, 0, 0, true, &[700]);
    assert!(stage.media_of(&mut viewer).iter().all(|got| got.wide.is_none()));
}

#[test]
fn a_resend_on_the_same_ssrc_is_the_same_to_the_last_bit() {
    let (mut stage, mut publisher, mut viewer) = stage();
    stage.map_without_rtx(&viewer, 100, 10);
    stage.publish_frame(&mut publisher, 0, 0, true, &[700, 700]);
    let first = stage.sealed_media(&viewer);
    let sequence = u16::from_be_bytes([first[1][2], first[1][3]]);
    for _ in 0..3 {
        stage.advance(100_000);
        stage.nack(&mut viewer, &[sequence]);
        assert_eq!(stage.sealed_media(&viewer), [first[1].clone()]);
    }
}

#[test]
fn what_is_asked_for_again_while_it_waits_goes_out_once_and_can_be_resent_then() {
    let (mut stage, mut publisher, mut viewer) = stage();
    stage.map_without_rtx(&viewer, 100, 10);
    stage.publish_frame(&mut publisher, 0, 0, true, &[700]);
    let mut sealed = stage.sealed_media(&viewer);
    let first = number(&sealed[0]);
    let mut packets = frame(&mut publisher, 0, 1, false, &[1_100; 60]);
    let late = packets.remove(5);
    for packet in &packets[..40] {
        stage.deliver(&publisher, packet);
    }
    // The late packet arrives while others wait in the queue. Packets with higher numbers leave before it.
    stage.deliver(&publisher, &late);
    for packet in &packets[40..] {
        stage.deliver(&publisher, packet);
    }
    sealed.extend(stage.sealed_media(&viewer));
    assert!((7..40).contains(&sealed.len()), "{}", sealed.len());
    let missing = first.wrapping_add(6);
    assert!(number(sealed.last().unwrap()).wrapping_sub(missing) < 100);
    for _ in 0..3 {
        stage.nack(&mut viewer, &[missing]);
        sealed.extend(stage.sealed_media(&viewer));
        assert!(sealed.iter().all(|datagram| number(datagram) != missing));
    }
    stage.advance(100_000);
    sealed.extend(stage.sealed_media(&viewer));
    let mut numbers: Vec<_> = sealed.iter().map(|datagram| number(datagram).wrapping_sub(first)).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..61).collect::<Vec<_>>());
    let went = sealed.iter().find(|datagram| number(datagram) == missing).unwrap();
    for _ in 0..3 {
        stage.nack(&mut viewer, &[missing]);
        assert_eq!(stage.sealed_media(&viewer), std::slice::from_ref(went));
        stage.advance(100_000);
    }
}

fn number(datagram: &[u8]) -> u16 {
    u16::from_be_bytes([datagram[2], datagram[3]])
}

#[test]
fn a_large_frame_is_spread_in_order_and_voices_pass_it() {
    let (mut stage, mut publisher, mut viewer) = stage();
    let packets = frame(&mut publisher, 0, 0, true, &[1_100; 120]);
    for packet in &packets {
        stage.deliver(&publisher, packet);
    }
    let at_once = stage.media_of(&mut viewer);
    assert!((10..20).contains(&at_once.len()), "{}", at_once.len());
    stage.publish_voice(&mut publisher, 20);
    assert_eq!(stage.voice_of(&mut viewer).len(), 1);
    stage.advance(60_000);
    let rest = stage.media_of(&mut viewer);
    let all = [at_once, rest].concat();
    assert_eq!(all.len(), 120);
    for pair in all.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert!(pair[1].wide > pair[0].wide);
        assert_eq!(pair[1].timestamp, pair[0].timestamp);
    }
}

#[test]
fn what_waits_keeps_its_numbers_over_a_pause_and_a_switch() {
    let mut stage = Stage::new();
    let mut publisher = stage.join(1);
    stage.publish(&publisher, 10, 2);
    let mut viewer = stage.join(2);
    stage.consume(&viewer, 100, 10);
    stage.publish_frame(&mut publisher, 0, 0, true, &[300]);
    stage.publish_frame(&mut publisher, 1, 0, true, &[300]);
    for packet in &frame(&mut publisher, 1, 1, false, &[1_100; 60]) {
        stage.deliver(&publisher, packet);
    }
    // Some packets wait. In the meantime the viewer switches to a lower layer, and a key frame of that layer arrives.
    stage.command(Command::SetLayers { consumer: 100, layer: 0, temporal: 7 });
    for packet in &frame(&mut publisher, 0, 1, true, &[400]) {
        stage.deliver(&publisher, packet);
    }
    stage.advance(100_000);
    let got = stage.media_of(&mut viewer);
    assert_eq!(got.len(), 63);
    for pair in got.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert!(pair[1].timestamp.wrapping_sub(pair[0].timestamp) < 90_000);
    }
    assert_eq!(got[62].payload_len, 400);
    assert_eq!(got[2].timestamp, got[61].timestamp);
}

#[test]
fn a_consumer_may_close_while_its_packets_wait() {
    let (mut stage, mut publisher, mut viewer) = stage();
    for packet in &frame(&mut publisher, 0, 0, true, &[1_100; 120]) {
        stage.deliver(&publisher, packet);
    }
    stage.command(Command::CloseConsumer { consumer: 100 });
    let sent = stage.media_of(&mut viewer).len();
    assert!(sent < 20);
    stage.consume(&viewer, 101, 10);
    stage.command(Command::CloseTransport { transport: 2 });
    stage.advance(100_000);
    stage.command(Command::CloseRouter { router: 1 });
    stage.advance(2_000_000);
    assert_eq!(stage.shard.deadline(), u64::MAX);
}
