//! Layers that a publisher's library stops because its uplink has too little bandwidth, and layers without viewers. For a key
//! frame request of one layer, libwebrtc makes a key frame of every layer. So such requests must be few.

use crate::peer::{Peer, Stage, frame};

const LOW: usize = 0;
const HIGH: usize = 1;
const HIGH_SSRC: u32 = 0x1001;
const LOW_SSRC: u32 = 0x1000;

/// Return a publisher of two layers, and a viewer that gets the higher layer.
fn watched() -> (Stage, Peer, Peer) {
    let mut stage = Stage::new();
    let mut publisher = stage.join(1);
    stage.publish(&publisher, 10, 2);
    let mut viewer = stage.join(2);
    stage.consume(&viewer, 100, 10);
    for n in 0..30 {
        show(&mut stage, &mut publisher, n, &[LOW, HIGH], n == 1);
    }
    stage.plis_to(&mut publisher);
    assert!(stage.media_of(&mut viewer).len() > 20);
    (stage, publisher, viewer)
}

/// Publish one picture of each of the layers.
fn show(stage: &mut Stage, publisher: &mut Peer, n: u16, layers: &[usize], key: bool) {
    for layer in layers {
        let packets = frame(publisher, *layer, n, key, &[500]);
        packets.iter().for_each(|packet| stage.deliver(publisher, packet));
    }
    stage.advance(33_333);
}

fn lose(publisher: &mut Peer, layer: usize, n: u16) {
    drop(frame(publisher, layer, n, false, &[500]));
}

#[test]
fn no_key_frame_is_asked_for_where_nobody_would_see_it() {
    for (lossy, asked) in [(LOW, 0), (HIGH, 1)] {
        let (mut stage, mut publisher, _viewer) = watched();
        lose(&mut publisher, lossy, 30);
        for n in 31..121 {
            show(&mut stage, &mut publisher, n, &[LOW, HIGH], false);
        }
        let plis = stage.plis_to(&mut publisher);
        assert_eq!(plis.is_empty(), asked == 0, "{lossy}: {plis:x?}");
        assert!(plis.iter().all(|ssrc| *ssrc == HIGH_SSRC), "{lossy}: {plis:x?}");
    }
}

#[test]
fn what_its_publisher_has_stopped_is_left_soon_and_not_asked_for_again_and_again() {
    let (mut stage, mut publisher, mut viewer) = watched();
    lose(&mut publisher, HIGH, 30);
    show(&mut stage, &mut publisher, 31, &[LOW, HIGH], false);
    stage.media_of(&mut viewer);
    let (mut high, mut low) = (0, None);
    for n in 32..122 {
        let key = low.is_some_and(|asked| asked + 2 == n);
        show(&mut stage, &mut publisher, n, &[LOW], key);
        for ssrc in stage.plis_to(&mut publisher) {
            high += usize::from(ssrc == HIGH_SSRC);
            if ssrc == LOW_SSRC {
                low.get_or_insert(n);
            }
        }
    }
    assert!(high <= 1, "{high}");
    let asked = low.expect("the lower layer is asked for");
    assert!(u32::from(asked - 31) * 33 < 1_300, "{asked}");
    assert!(stage.media_of(&mut viewer).len() > 40);
}

#[test]
fn a_viewer_that_waits_on_a_stopped_layer_asks_for_the_one_that_goes_on() {
    let (mut stage, mut publisher, mut viewer) = watched();
    for n in 30..62 {
        show(&mut stage, &mut publisher, n, &[LOW], false);
    }
    stage.plis_to(&mut publisher);
    let mut buffer = [0; 64];
    let len = plane_core::wire::rtcp::write_pli(&mut buffer, 5, 0x9000);
    for n in 62..92 {
        if n % 15 == 0 {
            stage.send_compound(&mut viewer, &buffer[..len]);
        }
        show(&mut stage, &mut publisher, n, &[LOW], false);
    }
    let plis = stage.plis_to(&mut publisher);
    assert!(!plis.is_empty() && plis.iter().all(|ssrc| *ssrc == LOW_SSRC), "{plis:x?}");
}
