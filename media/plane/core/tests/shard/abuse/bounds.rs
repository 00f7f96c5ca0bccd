//! The limits of the cost that one peer may cause for others, and the repairs of publishers.

use crate::peer::{self, Peer, Stage, frame};
use plane_core::seam::command::Command;
use plane_core::seam::event::Event;
use plane_core::wire::rtcp;

#[test]
fn farewells_are_told_once_until_media_comes_again() {
    let mut stage = Stage::new();
    let mut publisher = stage.join(1);
    stage.publish(&publisher, 10, 1);
    let byes = |stage: &Stage| stage.events.iter().filter(|e| matches!(e, Event::Bye { .. })).count();
    let mut compound = [0; 2_000];
    let mut len = 0;
    for _ in 0..12 {
        len += rtcp::write_bye(&mut compound[len..], &[0x1000; 31]);
    }
    for _ in 0..50 {
        stage.send_compound(&mut publisher, &compound[..len]);
    }
    assert_eq!(byes(&stage), 1);
    stage.publish_frame(&mut publisher, 0, 0, true, &[600]);
    stage.send_compound(&mut publisher, &compound[..len]);
    assert_eq!(byes(&stage), 2);
}

#[test]
fn sender_reports_of_any_time_are_taken() {
    let mut stage = Stage::new();
    let mut publisher = stage.join(1);
    stage.publish(&publisher, 10, 2);
    let viewer = stage.join(2);
    stage.consume(&viewer, 100, 10);
    for layer in 0..2 {
        stage.publish_frame(&mut publisher, layer, 0, true, &[600]);
    }
    stage.sender_report_at(&mut publisher, 0, 1 << 63, 0);
    stage.sender_report_at(&mut publisher, 1, (1 << 63) - 1, 0);
    stage.command(Command::SetLayers { consumer: 100, layer: 0, temporal: 7 });
    stage.publish_frame(&mut publisher, 0, 1, true, &[600]);
    stage.command(Command::SetLayers { consumer: 100, layer: 1, temporal: 7 });
    stage.publish_frame(&mut publisher, 1, 1, true, &[600]);
    stage.advance(3_000_000);
}

#[test]
fn a_key_frame_whose_start_was_repaired_is_still_asked_for_the_rest() {
    let mut stage = Stage::new();
    let mut publisher = stage.join(1);
    stage.publish(&publisher, 10, 1);
    stage.publish_frame(&mut publisher, 0, 0, true, &[600]);
    let key = frame(&mut publisher, 0, 1, true, &[600, 600, 600, 600]);
    stage.deliver(&publisher, &key[1]);
    stage.deliver(&publisher, &key[3]);
    stage.deliver(&publisher, &key[0]);
    stage.advance(60_000);
    assert_eq!(stage.nacks_to(&mut publisher).first(), Some(&3));
}

/// Return a viewer that sees all frames from the beginning, and a viewer that waits for a key frame.
fn one_who_sees_and_one_who_waits() -> (Stage, Peer, [Peer; 2]) {
    let mut stage = Stage::new();
    let mut publisher = stage.join(1);
    stage.publish(&publisher, 10, 1);
    let (mut sees, mut waits) = (stage.join(2), stage.join(3));
    stage.consume(&sees, 100, 10);
    for n in 0..30 {
        stage.publish_frame(&mut publisher, 0, n, n == 0, &[600]);
    }
    // The key frame is then too old for a new viewer.
    stage.advance(2_000_000);
    stage.consume(&waits, 101, 10);
    assert_eq!((stage.media_of(&mut sees).len(), stage.media_of(&mut waits).len()), (30, 0));
    stage.plis_to(&mut publisher);
    (stage, publisher, [sees, waits])
}

#[test]
fn a_key_frame_whose_start_comes_last_is_seen_whole_and_once() {
    let (mut stage, mut publisher, viewers) = one_who_sees_and_one_who_waits();
    let key = frame(&mut publisher, 0, 30, true, &[601, 602, 603, 604]);
    let next = frame(&mut publisher, 0, 31, false, &[605, 606]);
    // Packets that are lost for good delay the viewer no longer than usual.
    for packet in key[1..3].iter().chain(&next).chain(&key[..1]) {
        stage.deliver(&publisher, packet);
    }
    stage.advance(10_000);
    stage.deliver(&publisher, &key[3]);
    stage.publish_frame(&mut publisher, 0, 32, false, &[607]);
    for mut viewer in viewers {
        let mut got: Vec<_> = stage.media_of(&mut viewer).iter().map(|one| (one.sequence, one.payload_len)).collect();
        got.sort_unstable();
        let first = got[0].0;
        assert_eq!(got, (0..7).map(|n| (first + n, 601 + usize::from(n))).collect::<Vec<_>>());
    }
}

#[test]
fn a_key_frame_that_comes_together_with_the_late_start_of_an_older_one_is_seen() {
    let (mut stage, mut publisher, [_, mut waits]) = one_who_sees_and_one_who_waits();
    let older = frame(&mut publisher, 0, 30, true, &[601, 602]);
    let newer = frame(&mut publisher, 0, 31, true, &[603, 604]);
    stage.deliver(&publisher, &older[1]);
    for packet in older[..1].iter().chain(&newer) {
        stage.shard.receive(publisher.path, &mut packet.clone(), stage.now_us, &mut stage.out);
    }
    stage.settle();
    for n in 32..47 {
        stage.publish_frame(&mut publisher, 0, n, false, &[600]);
    }
    let got: Vec<_> = stage.media_of(&mut waits).iter().map(|one| one.payload_len).collect();
    assert_eq!(got, [vec![603, 604], vec![600; 15]].concat());
    assert_eq!(stage.plis_to(&mut publisher), []);
}

#[test]
fn a_key_frame_whose_start_comes_far_too_late_is_left_and_another_asked_for() {
    let (mut stage, mut publisher, [_, mut waits]) = one_who_sees_and_one_who_waits();
    let key = frame(&mut publisher, 0, 30, true, &[600, 600]);
    stage.deliver(&publisher, &key[1]);
    for n in 31..121 {
        stage.publish_frame(&mut publisher, 0, n, false, &[700; 13]);
    }
    stage.advance(8_000_000);
    stage.plis_to(&mut publisher);
    let start = [0x90, 0x80, 0x80, 30, 0, 7, 7];
    let repair = publisher.repair(30, 90_000, &start);
    stage.deliver(&publisher, &repair);
    assert_eq!((stage.media_of(&mut waits).len(), stage.plis_to(&mut publisher).len()), (0, 1));
    stage.publish_frame(&mut publisher, 0, 121, true, &[600]);
    assert_eq!(stage.media_of(&mut waits).len(), 1);
}

/// A viewer of 4 Mbit/s with a round-trip time of half a second gets a packet that was lost twice. The viewer sees the gap
/// after half a round trip, and it asks again one round trip later, and once more.
#[test]
fn what_a_far_viewer_lost_twice_is_sent_again_though_much_went_out_meanwhile() {
    let mut stage = Stage::new();
    let (mut publisher, mut viewer) = (stage.join(1), stage.join(2));
    stage.publish(&publisher, 10, 1);
    stage.consume(&viewer, 100, 10);
    let mut n = 0;
    let mut show = |stage: &mut Stage, ms: usize| {
        for _ in 0..ms * 30 / 1_000 {
            stage.publish_frame(&mut publisher, 0, n, n == 0, &[1_042; 16]);
            n += 1;
        }
    };
    show(&mut stage, 5_000);
    let lost = stage.media_of(&mut viewer).last().expect("pictures").sequence;
    for (ms, times) in [(500, "once"), (600, "twice"), (600, "three times")] {
        show(&mut stage, ms);
        stage.nack(&mut viewer, &[lost]);
        let again: Vec<_> = stage.rtx_of(&mut viewer).iter().map(|one| one.original).collect();
        assert_eq!(again, [Some(lost)], "lost {times}");
    }
}

#[test]
fn a_new_viewer_of_h264_starts_with_the_parameter_sets() {
    let mut stage = Stage::new();
    let mut publisher = stage.join(1);
    stage.publish_h264(&publisher, 10);
    let (sps, idr, slice) = (&[0x67, 1, 2, 3][..], &[0x65, 0x88, 4, 4, 4][..], &[0x41, 0x9a, 5, 5, 5, 5][..]);
    for (n, payload) in [(0, sps), (0, idr), (1, slice)] {
        let packet = publisher.named(0x1000, n, payload).remove(0);
        stage.deliver(&publisher, &packet);
    }
    let mut viewer = stage.join(2);
    stage.consume(&viewer, 100, 10);
    stage.advance(10_000);
    let lens: Vec<usize> = stage.media_of(&mut viewer).iter().map(|p| p.payload_len).collect();
    assert_eq!(lens, [sps.len(), idr.len(), slice.len()]);
}

fn record(epoch: u16, number: u64) -> Vec<u8> {
    let count = u64::from(epoch) << 48 | number;
    [&[23, 0xfe, 0xfd][..], &count.to_be_bytes(), &[0, 27], &[7; 27]].concat()
}

#[test]
fn one_peer_cannot_fill_the_queue_that_all_share_with_dtls() {
    let mut stage = Stage::new();
    let (loud, quiet) = (stage.join(1), stage.join(2));
    let record = record(1, 9);
    for _ in 0..5_000 {
        stage.deliver(&loud, &record);
    }
    stage.deliver(&quiet, &record);
    let of = |stage: &Stage, id: u32| {
        stage.events.iter().filter(|e| matches!(e, Event::Dtls { transport, .. } if *transport == id)).count()
    };
    assert_eq!((of(&stage, 1), of(&stage, 2)), (1_000, 1));
    stage.advance(1_000_000);
    stage.deliver(&loud, &record);
    assert_eq!(of(&stage, 1), 1_001);
    stage.deliver(&loud, &record[..39]);
    assert_eq!(of(&stage, 1), 1_001, "no whole record: nobody up there has a use for it");
    assert_eq!(stage.shard.snapshot(stage.now_us).totals.malformed, 4_001);
}

#[test]
fn noise_in_the_name_of_a_peer_whose_handshake_is_over_is_told_by_its_numbers() {
    let mut stage = Stage::new();
    let peer = stage.join(1);
    stage.events.clear();
    let reaches = |stage: &mut Stage, epoch, number| {
        stage.deliver(&peer, &record(epoch, number));
        std::mem::take(&mut stage.events).iter().any(|event| matches!(event, Event::Dtls { .. }))
    };
    assert!(reaches(&mut stage, 1, 0) && reaches(&mut stage, 1, 60_000));
    assert!(!reaches(&mut stage, 0, 5), "before the keys");
    assert!(!reaches(&mut stage, 1, 3_000_000) && !reaches(&mut stage, 1, (1 << 48) - 1));
    stage.advance(3_000_000);
    assert!(reaches(&mut stage, 1, 3_000_000), "it has had the time for so many");
    let handshaking = Command::OpenTransport { router: 1, transport: 9, ufrag: "ours9".into(), pwd: peer::PWD.into() };
    stage.command(handshaking);
    stage.deliver_from(peer::path(9_009), &peer::check("ours9:them", peer::PWD, 1));
    stage.events.clear();
    stage.deliver_from(peer::path(9_009), &record(0, 5));
    assert!(stage.events.iter().any(|event| matches!(event, Event::Dtls { transport: 9, .. })));
}
