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

#[test]
fn one_peer_cannot_fill_the_queue_that_all_share_with_dtls() {
    let mut stage = Stage::new();
    let (loud, quiet) = (stage.join(1), stage.join(2));
    let record = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 27][..], &[7; 27]].concat();
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
