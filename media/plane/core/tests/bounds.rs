//! What one peer may cost the others, and what publishers repair.

mod peer;

use peer::{Stage, frame};
use plane_core::command::Command;
use plane_core::event::Event;
use plane_core::rtcp;

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
