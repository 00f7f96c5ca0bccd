//! The packets that a new viewer gets before its first key frame: padding, and then the key frame without a gap.

use std::collections::HashSet;

use crate::peer::{Got, Peer, Stage};
use plane_core::seam::command::Command;
use plane_core::types::Extension;
use plane_core::wire::rtcp::{self, ReportBlock};

/// Return a stage whose publisher has sent for a second without a key frame.
fn stage(layers: u32) -> (Stage, Peer) {
    let mut stage = Stage::new();
    let mut publisher = stage.join(1);
    stage.publish(&publisher, 10, layers);
    for n in 0..30 {
        (0..layers as usize).for_each(|layer| stage.publish_frame(&mut publisher, layer, n, false, &[300]));
    }
    (stage, publisher)
}

fn follow_each_other(all: &[Got]) {
    for pair in all.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((1..90_000).contains(&step), "time goes on: {step}");
    }
}

/// Check that the padding has the timestamp of the frame after it, so that a decoder never gets an empty frame.
fn are_of_one_frame(early: &[Got], key: &Got) {
    for (before, got) in early.iter().enumerate().map(|(at, got)| (early.len() - at, got)) {
        assert_eq!((got.sequence, got.timestamp), (key.sequence.wrapping_sub(before as u16), key.timestamp));
    }
}

#[test]
fn the_first_packet_comes_at_once_and_the_key_frame_follows_without_a_seam() {
    let (mut stage, mut publisher) = stage(1);
    let mut viewer = stage.join(2);
    stage.consume(&viewer, 100, 10);
    let mut early = stage.early_of(&mut viewer);
    assert_eq!(early.len(), 1, "before any time has passed");
    for n in 30..60 {
        stage.publish_frame(&mut publisher, 0, n, false, &[300]);
    }
    early.extend(stage.early_of(&mut viewer));
    assert!((9..=12).contains(&early.len()), "one in 100 ms: {}", early.len());
    assert!(early.iter().all(|got| (got.payload_len, got.payload_type, got.wide.is_some()) == (0, 96, true)));
    assert_eq!(stage.media_of(&mut viewer).len(), 0);

    stage.publish_frame(&mut publisher, 0, 60, true, &[700, 700]);
    let media = stage.media_of(&mut viewer);
    assert_eq!((media.len(), media[0].picture_id), (2, Some(60)));
    are_of_one_frame(&early, &media[0]);
    assert_eq!(media[1].sequence, media[0].sequence.wrapping_add(1));

    for n in 61..90 {
        stage.publish_frame(&mut publisher, 0, n, false, &[300]);
    }
    let after = stage.media_of(&mut viewer);
    assert_eq!((after.len(), stage.early_of(&mut viewer).len()), (29, 0));
    assert!(after.iter().all(|got| got.payload_len > 0), "no padding after the first media packet");
    follow_each_other(&[media[1..].to_vec(), after].concat());
}

#[test]
fn a_key_frame_of_another_layer_follows_without_a_seam_too() {
    let (mut stage, mut publisher) = stage(3);
    let mut viewer = stage.join(2);
    stage.consume(&viewer, 100, 10);
    stage.advance(250_000);
    let early = stage.early_of(&mut viewer);
    stage.command(Command::SetLayers { consumer: 100, layer: 0, temporal: 9 });
    stage.publish_frame(&mut publisher, 0, 30, true, &[300]);
    are_of_one_frame(&early, &stage.media_of(&mut viewer)[0]);
}

#[test]
fn padding_has_an_end() {
    let (mut stage, mut publisher) = stage(1);
    let mut viewer = stage.join(2);
    stage.consume(&viewer, 100, 10);
    stage.advance(10_000_000);
    let early = stage.early_of(&mut viewer);
    assert_eq!(early.len(), 20, "two seconds of it");
    for paused in [true, false] {
        stage.command(Command::PauseConsumer { consumer: 100, paused });
        stage.command(Command::PauseProducer { producer: 10, paused });
        stage.advance(500_000);
    }
    assert_eq!(stage.early_of(&mut viewer).len(), 0, "once only");
    stage.publish_frame(&mut publisher, 0, 30, true, &[300]);
    let media = stage.media_of(&mut viewer);
    assert_eq!((media.len(), media[0].sequence), (1, early[19].sequence.wrapping_add(1)));
}

#[test]
fn a_viewer_that_has_reported_on_the_stream_needs_no_more() {
    let (mut stage, mut publisher) = stage(1);
    let mut viewer = stage.join(2);
    stage.consume(&viewer, 100, 10);
    stage.advance(450_000);
    let early = stage.early_of(&mut viewer);
    assert_eq!(early.len(), 5);
    let block = ReportBlock { ssrc: 0x9000, highest: early[4].sequence.into(), ..ReportBlock::default() };
    let mut report = [0; 64];
    let len = rtcp::write_rr(&mut report, 5, &[block]);
    stage.send_compound(&mut viewer, &report[..len]);
    stage.advance(1_000_000);
    assert_eq!(stage.early_of(&mut viewer).len(), 0);
    stage.publish_frame(&mut publisher, 0, 30, true, &[300]);
    assert_eq!(stage.media_of(&mut viewer)[0].sequence, early[4].sequence.wrapping_add(1));
}

#[test]
fn who_has_a_picture_or_shall_have_none_gets_no_padding() {
    let (mut stage, mut publisher) = stage(1);
    let mut off = stage.join(2);
    stage.command(Command::PauseProducer { producer: 10, paused: true });
    stage.consume(&off, 100, 10);
    stage.advance(500_000);
    assert_eq!(stage.early_of(&mut off).len(), 0, "the camera is off");
    stage.command(Command::PauseConsumer { consumer: 100, paused: true });
    stage.command(Command::PauseProducer { producer: 10, paused: false });
    stage.advance(500_000);
    assert_eq!(stage.early_of(&mut off).len(), 0, "nobody looks");
    stage.command(Command::PauseConsumer { consumer: 100, paused: false });
    assert_eq!(stage.early_of(&mut off).len(), 1, "now somebody waits for a picture");
    stage.publish_frame(&mut publisher, 0, 30, true, &[300]);
    let mut sees = stage.join(3);
    stage.consume(&sees, 101, 10);
    assert_eq!((stage.media_of(&mut sees).len(), stage.early_of(&mut sees).len()), (1, 0), "from the cache");
    stage.publish_audio(&publisher, 20);
    stage.consume_voice(&sees, 200, 20);
    stage.advance(500_000);
    assert_eq!(stage.early_of(&mut sees).len(), 0, "sound needs no key frame");
}

#[test]
fn a_camera_that_is_switched_on_is_padded_until_its_key_frame() {
    let (mut stage, _publisher) = stage(1);
    stage.command(Command::PauseProducer { producer: 10, paused: true });
    let mut viewer = stage.join(2);
    stage.consume(&viewer, 100, 10);
    assert_eq!(stage.early_of(&mut viewer).len(), 0);
    stage.command(Command::PauseProducer { producer: 10, paused: false });
    assert_eq!(stage.early_of(&mut viewer).len(), 1);
}

#[test]
fn a_padding_that_was_lost_is_not_sent_again_and_its_number_is_never_used_again() {
    let (mut stage, mut publisher) = stage(1);
    let mut viewer = stage.join(2);
    stage.consume(&viewer, 100, 10);
    stage.advance(300_000);
    let early = stage.early_of(&mut viewer);
    let numbers: Vec<u16> = early.iter().map(|got| got.sequence).collect();
    stage.nack(&mut viewer, &numbers);
    // The viewer's cache grows because much is sent, and the log of sent packets grows with it.
    for n in 30..160 {
        stage.publish_frame(&mut publisher, 0, n, n == 30, &[1_100; 12]);
        if n == 31 {
            stage.nack(&mut viewer, &numbers);
        }
    }
    assert_eq!(stage.rtx_of(&mut viewer).len(), 0);
    let media = stage.media_of(&mut viewer);
    let mut used: HashSet<u16> = numbers.iter().copied().collect();
    assert!(media.iter().all(|got| used.insert(got.sequence)), "each number once");
    stage.nack(&mut viewer, &[media.last().unwrap().sequence]);
    assert_eq!(stage.rtx_of(&mut viewer).len(), 1, "media is sent again as ever");
}

#[test]
fn consumers_that_are_closed_while_they_wait_are_forgotten() {
    let (mut stage, _publisher) = stage(1);
    let mut viewer = stage.join(2);
    stage.consume(&viewer, 100, 10);
    stage.command(Command::CloseConsumer { consumer: 100 });
    stage.early_of(&mut viewer);
    stage.advance(500_000);
    assert_eq!(stage.early_of(&mut viewer).len(), 0);
    stage.consume(&viewer, 101, 10);
    stage.command(Command::CloseTransport { transport: 2 });
    stage.advance(500_000);
}

#[test]
fn without_numbers_of_the_transport_it_is_the_same() {
    let (mut stage, mut publisher) = stage(1);
    let mut viewer = stage.join(2);
    let extensions = vec![(0, Extension::TransportCc), (0, Extension::Mid)];
    stage.command(Command::SetExtensions { transport: 2, extensions });
    stage.consume(&viewer, 100, 10);
    stage.publish_frame(&mut publisher, 0, 30, true, &[300]);
    let (early, media) = (stage.early_of(&mut viewer), stage.media_of(&mut viewer));
    assert_eq!((early.len(), early[0].wide), (1, None));
    are_of_one_frame(&early, &media[0]);
}
