//! No SRTP sequence number is used for two packets, whatever publishers repeat, restart or wrap.

use std::collections::HashMap;

use crate::peer::{Peer, Stage, frame, temporal_frame};
use plane_core::seam::command::Command;
use plane_core::types::Extension;
use plane_core::wire::rtp;

fn stage() -> (Stage, Peer, Peer) {
    let mut stage = Stage::new();
    let publisher = stage.join(1);
    stage.publish(&publisher, 10, 1);
    let viewer = stage.join(2);
    stage.consume(&viewer, 100, 10);
    (stage, publisher, viewer)
}

/// Return the datagrams under each number of the media SSRC.
fn numbers(datagrams: &[Vec<u8>]) -> HashMap<u16, Vec<&Vec<u8>>> {
    let mut numbers: HashMap<u16, Vec<&Vec<u8>>> = HashMap::new();
    for datagram in datagrams {
        numbers.entry(rtp::parse(datagram).unwrap().sequence).or_default().push(datagram);
    }
    numbers
}

fn assert_unique(datagrams: &[Vec<u8>]) {
    for (number, under) in numbers(datagrams) {
        assert!(under.iter().all(|one| *one == under[0]), "number {number} stands for {} packets", under.len());
    }
}

#[test]
fn a_packet_repaired_before_it_came_is_sent_once() {
    let (mut stage, mut publisher, viewer) = stage();
    stage.publish_frame(&mut publisher, 0, 0, true, &[600]);
    let repair = publisher.repair(1, 3_000, &[0x90, 0x80, 0x80, 1, 1, 7, 7]);
    stage.deliver(&publisher, &repair);
    stage.publish_frame(&mut publisher, 0, 1, false, &[900]);
    stage.publish_frame(&mut publisher, 0, 2, false, &[900]);
    let sealed = stage.sealed_media(&viewer);
    assert_unique(&sealed);
    assert_eq!(numbers(&sealed).len(), 3);
}

#[test]
fn a_repeat_of_what_the_ring_lost_is_sent_once() {
    let (mut stage, mut publisher, viewer) = stage();
    stage.publish_frame(&mut publisher, 0, 0, true, &[1_200]);
    for n in 1..100 {
        stage.publish_frame(&mut publisher, 0, n, false, &[1_200]);
    }
    let repair = publisher.repair(5, 15_000, &[0x90, 0x80, 0x80, 5, 1, 7, 7]);
    stage.deliver(&publisher, &repair);
    let sealed = stage.sealed_media(&viewer);
    assert_unique(&sealed);
    assert_eq!(numbers(&sealed).len(), 100);
}

#[test]
fn an_old_number_is_not_filled_from_another_source() {
    let (mut stage, mut publisher, mut viewer) = stage();
    stage.map_without_rtx(&viewer, 100, 10);
    for n in 0..5 {
        stage.publish_frame(&mut publisher, 0, n, n == 0, &[600]);
    }
    let lost = stage.media_of(&mut viewer).last().unwrap().sequence;
    publisher.restart(0);
    for n in 0..5 {
        for packet in publisher.named(0x7777, n, &[0x90, 0x80, 0x80, 9, 1, 9, 9]) {
            stage.deliver(&publisher, &packet);
        }
    }
    stage.nack(&mut viewer, &[lost]);
    assert_eq!(stage.media_of(&mut viewer).len(), 0);
}

#[test]
fn a_number_is_not_filled_again_under_other_header_extensions() {
    let (mut stage, mut publisher, mut viewer) = stage();
    stage.map_without_rtx(&viewer, 100, 10);
    for n in 0..5 {
        stage.publish_frame(&mut publisher, 0, n, n == 0, &[600]);
    }
    let sent = stage.sealed_media(&viewer);
    let lost = rtp::parse(&sent[3]).unwrap().sequence;
    stage.nack(&mut viewer, &[lost]);
    let again = stage.sealed_media(&viewer);
    assert_eq!(again, [sent[3].clone()], "the very same bytes");
    stage.command(Command::SetExtensions { transport: 2, extensions: vec![(9, Extension::Mid)] });
    stage.advance(100_000);
    stage.nack(&mut viewer, &[lost]);
    assert!(stage.sealed_media(&viewer).is_empty());
}

#[test]
fn a_paused_viewer_gets_nothing_by_asking_again() {
    let (mut stage, mut publisher, mut viewer) = stage();
    for n in 0..5 {
        stage.publish_frame(&mut publisher, 0, n, n == 0, &[600]);
    }
    let last = stage.media_of(&mut viewer).last().unwrap().sequence;
    stage.command(Command::PauseConsumer { consumer: 100, paused: true });
    stage.nack(&mut viewer, &[last]);
    assert!(stage.rtx_of(&mut viewer).is_empty());
}

#[test]
fn late_packets_find_their_number_a_long_time_after_the_start() {
    let (mut stage, mut publisher, mut viewer) = stage();
    stage.publish_frame(&mut publisher, 0, 0, true, &[100]);
    // A packet with padding alone is left out.
    stage.publish_empty(&mut publisher);
    for n in 1..40_000u32 {
        stage.publish_burst(&mut publisher, n as u16, &[100]);
    }
    stage.media_of(&mut viewer);
    let late = frame(&mut publisher, 0, 40_000, false, &[101]);
    stage.publish_frame(&mut publisher, 0, 40_001, false, &[102]);
    stage.deliver(&publisher, &late[0]);
    let got = stage.media_of(&mut viewer);
    assert_eq!(got.iter().map(|p| p.payload_len).collect::<Vec<_>>(), [102, 101]);
    assert_eq!(got[1].sequence, got[0].sequence.wrapping_sub(1));
}

/// Return five frames of one packet each: base, second, first and second temporal layer, and the next base.
fn five(publisher: &mut Peer) -> Vec<Vec<u8>> {
    let ids = [(0, false), (2, true), (1, true), (2, true), (0, false)];
    (0..).zip(ids).flat_map(|(n, id)| temporal_frame(publisher, n, id, n == 0, &[200])).collect()
}

fn whoever_wants_the_base_alone() -> (Stage, Peer, Peer) {
    let (mut stage, publisher, viewer) = stage();
    stage.command(Command::SetLayers { consumer: 100, layer: 0, temporal: 0 });
    (stage, publisher, viewer)
}

#[test]
fn a_number_kept_for_what_is_left_out_is_filled_with_nothing_and_so_again() {
    let (mut stage, mut publisher, mut viewer) = whoever_wants_the_base_alone();
    let packets = five(&mut publisher);
    for at in [0, 1, 3, 4] {
        stage.deliver(&publisher, &packets[at]);
        stage.advance(10_000);
    }
    let before: Vec<_> = stage.sealed_media(&viewer).into_iter().map(|one| viewer.open(one).0.sequence).collect();
    assert_eq!(before.len(), 2);
    assert_eq!(before[1], before[0].wrapping_add(2), "one is kept for what is missing");
    stage.deliver(&publisher, &packets[2]);
    stage.advance(10_000);
    let filler = stage.sealed_media(&viewer).pop().expect("a packet");
    let (header, clear) = viewer.open(filler);
    assert_eq!((header.sequence, header.marker, clear[0] & 0x20), (before[0].wrapping_add(1), false, 0x20));
    assert_eq!((header.payload(&clear).unwrap().len(), clear.last()), (0, Some(&1)), "nothing but padding");
    stage.advance(100_000);
    stage.nack(&mut viewer, &[header.sequence]);
    let again = stage.sealed(&viewer, 0x9001).pop().expect("a retransmission");
    let (repair, clear) = viewer.open(again);
    assert_eq!(clear[repair.payload(&clear).unwrap()], header.sequence.to_be_bytes());
    let mut more = || {
        stage.advance(100_000);
        stage.nack(&mut viewer, &[header.sequence]);
        stage.sealed(&viewer, 0x9001).len()
    };
    assert_eq!([more(), more(), more(), more()], [1, 1, 1, 0], "four times are enough");
}

/// A publisher that sends all packets late does not fill the downlink: fillers are limited to two hundred at once, then fifty a
/// second.
#[test]
fn a_publisher_who_sends_all_late_fills_no_way() {
    let (mut stage, mut publisher, viewer) = whoever_wants_the_base_alone();
    let first = temporal_frame(&mut publisher, 0, (0, false), true, &[200]);
    stage.deliver(&publisher, &first[0]);
    stage.advance(10_000);
    let mut fillers = stage.sealed_media(&viewer).len();
    let mut late: Vec<_> = (1..450).flat_map(|n| temporal_frame(&mut publisher, n, (2, true), false, &[20])).collect();
    late.chunks_mut(90).for_each(<[_]>::reverse);
    for packet in late {
        stage.deliver(&publisher, &packet);
        stage.advance(1_000);
        fillers += stage.sealed_media(&viewer).len();
    }
    assert!((200..=230).contains(&fillers), "{fillers}");
}
