//! Peers and a whole shard, with a clock that the tests set: the packets that viewers get when publishers send, lose, switch
//! and pause.

use crate::peer::{self, Peer, Stage, frame, temporal_frame, voice};
use plane_core::seam::command::Command;
use plane_core::seam::event::Event;
use plane_core::types::{Codec, Encoding, Payload, PayloadMap};
use plane_core::wire::rtcp::Packet;
use plane_core::wire::{rtp, transport_feedback};

/// Return one publisher with `layers` simulcast layers, and its viewers.
fn stage(layers: u32, viewers: u32) -> (Stage, Peer, Vec<Peer>) {
    let mut stage = Stage::new();
    let publisher = stage.join(1);
    stage.publish(&publisher, 10, layers);
    let viewers: Vec<Peer> = (0..viewers).map(|i| stage.join(2 + i)).collect();
    for (i, viewer) in viewers.iter().enumerate() {
        stage.consume(viewer, 100 + i as u32, 10);
    }
    (stage, publisher, viewers)
}

#[test]
fn a_frame_reaches_every_viewer_as_one_run() {
    let (mut stage, mut publisher, mut viewers) = stage(1, 3);
    for n in 0..20 {
        stage.publish_frame(&mut publisher, 0, n, n == 0, &[1100, 1100, 1101]);
    }
    assert_eq!(stage.runs().iter().filter(|run| run.segments == 3).count(), 60);
    for viewer in &mut viewers {
        let got = stage.media_of(viewer);
        assert_eq!(got.len(), 60);
        for (i, packet) in got.iter().enumerate() {
            assert_eq!(packet.sequence, got[0].sequence.wrapping_add(i as u16));
            assert_eq!(packet.payload_type, 96);
        }
        assert_eq!(got[0].picture_id, Some(0));
        assert_eq!(got[59].picture_id, Some(19));
    }
    let padding = stage.shard.snapshot(stage.now_us).totals.padding_bytes;
    assert_eq!(padding, 20 * 2 * 3 + 3, "a byte for each viewer before the key frame");
}

#[test]
fn a_frame_without_its_end_is_known_until_the_end_comes() {
    let (mut stage, mut publisher, _) = stage(1, 1);
    let mut known = Vec::new();
    for mut packet in frame(&mut publisher, 0, 0, true, &[1100, 1100, 1100]) {
        stage.shard.receive(publisher.path, &mut packet, stage.now_us, &mut stage.out);
        known.push(stage.shard.is_mid_frame());
    }
    assert_eq!(known, [true, true, false]);
    let mut rest = frame(&mut publisher, 0, 1, false, &[1100, 1100]);
    stage.shard.receive(publisher.path, &mut rest[0], stage.now_us, &mut stage.out);
    assert!(stage.shard.is_mid_frame());
    stage.settle();
    assert!(!stage.shard.is_mid_frame(), "what has left waits for nothing");
}

#[test]
fn a_voice_is_never_mid_frame() {
    let mut stage = Stage::new();
    let mut speaker = stage.join(1);
    stage.publish_audio(&speaker, 10);
    for marker in [true, false] {
        let mut packet = voice(&mut speaker, 15, marker);
        stage.shard.receive(speaker.path, &mut packet, stage.now_us, &mut stage.out);
        assert!(!stage.shard.is_mid_frame());
    }
}

#[test]
fn no_media_goes_out_before_a_key_frame_and_one_is_asked_for_once() {
    let (mut stage, mut publisher, mut viewers) = stage(1, 5);
    for n in 0..5 {
        stage.publish_frame(&mut publisher, 0, n, false, &[500]);
    }
    assert!(viewers.iter_mut().all(|viewer| stage.media_of(viewer).is_empty()));
    let asked = stage.plis_to(&mut publisher);
    assert_eq!(asked, [0x1000], "five wishes, one request");
    stage.advance(1_000_000);
    assert!(!stage.plis_to(&mut publisher).is_empty(), "asked again while none came");
    stage.publish_frame(&mut publisher, 0, 6, true, &[500]);
    assert!(viewers.iter_mut().all(|viewer| stage.media_of(viewer).len() == 1));
    stage.plis_to(&mut publisher);
    stage.advance(2_000_000);
    assert_eq!(stage.plis_to(&mut publisher), [] as [u32; 0]);
}

#[test]
fn a_layer_switch_waits_for_its_key_frame_and_leaves_no_seam() {
    let (mut stage, mut publisher, mut viewers) = stage(3, 1);
    let viewer = &mut viewers[0];
    for layer in 0..3 {
        stage.publish_frame(&mut publisher, layer, 0, true, &[300]);
    }
    for n in 1..10 {
        for layer in 0..3 {
            stage.publish_frame(&mut publisher, layer, n, false, &[300]);
        }
    }
    stage.command(Command::SetLayers { consumer: 100, layer: 0, temporal: 9 });
    stage.publish_frame(&mut publisher, 0, 10, false, &[301]);
    stage.publish_frame(&mut publisher, 2, 10, false, &[303]);
    stage.publish_frame(&mut publisher, 0, 11, true, &[301]);
    stage.publish_frame(&mut publisher, 2, 11, false, &[303]);
    stage.publish_frame(&mut publisher, 0, 12, false, &[301]);
    let got = stage.media_of(viewer);
    let (last_but_two, tail) = (got.len() - 3, &got[got.len() - 3..]);
    assert_eq!(tail.iter().map(|p| p.payload_len).collect::<Vec<_>>(), [303, 301, 301]);
    assert!(last_but_two > 8);
    for pair in got.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((1..90_000).contains(&step), "timestamps go on: {step}");
        let pictures = (pair[0].picture_id.unwrap() + 1) & 0x7fff;
        assert_eq!(pair[1].picture_id, Some(pictures));
    }
    let switched = stage.events.iter().filter(|e| matches!(e, Event::Switched { .. })).count();
    assert!(switched >= 2);
}

#[test]
fn a_new_viewer_starts_from_the_cache_without_asking() {
    let (mut stage, mut publisher, _viewers) = stage(1, 0);
    stage.publish_frame(&mut publisher, 0, 0, true, &[900, 900]);
    for n in 1..6 {
        stage.publish_frame(&mut publisher, 0, n, false, &[600]);
    }
    stage.plis_to(&mut publisher);
    let mut viewer = stage.join(9);
    stage.consume(&viewer, 109, 10);
    stage.publish_frame(&mut publisher, 0, 6, false, &[600]);
    let got = stage.media_of(&mut viewer);
    assert_eq!(got.iter().map(|p| p.payload_len).collect::<Vec<_>>(), [900, 900, 600, 600, 600, 600, 600, 600]);
    assert!(got.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    assert_eq!(stage.plis_to(&mut publisher), [] as [u32; 0]);
    // Many publishers make a key frame every two seconds, and some ignore requests for key frames.
    stage.advance(2_000_000);
    let mut next = stage.join(8);
    stage.consume(&next, 108, 10);
    assert_eq!(stage.media_of(&mut next).len(), 8);
    assert_eq!(stage.plis_to(&mut publisher), [] as [u32; 0]);
    stage.advance(600_000);
    let late = stage.join(7);
    stage.consume(&late, 107, 10);
    assert_eq!(stage.plis_to(&mut publisher), [0x1000], "too old to be shown");
}

#[test]
fn a_viewer_gets_what_it_lost_once_per_round_trip() {
    let (mut stage, mut publisher, mut viewers) = stage(1, 1);
    let viewer = &mut viewers[0];
    for n in 0..10 {
        stage.publish_frame(&mut publisher, 0, n, n == 0, &[700, 700]);
    }
    let got = stage.media_of(viewer);
    let lost = got[5].clone();
    for _ in 0..50 {
        stage.nack(viewer, &[lost.sequence]);
    }
    let again = stage.rtx_of(viewer);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].original, Some(lost.sequence));
    assert_eq!(again[0].payload_hash, lost.payload_hash);
    assert_eq!(again[0].timestamp, lost.timestamp);
    stage.advance(100_000);
    stage.nack(viewer, &[lost.sequence, lost.sequence.wrapping_add(2), 40_000]);
    assert_eq!(stage.rtx_of(viewer).len(), 2);
}

#[test]
fn what_the_publisher_lost_is_asked_for_and_forwarded_late() {
    let (mut stage, mut publisher, mut viewers) = stage(1, 1);
    stage.publish_frame(&mut publisher, 0, 0, true, &[600]);
    let lost = frame(&mut publisher, 0, 1, false, &[600]);
    stage.publish_frame(&mut publisher, 0, 2, false, &[600]);
    stage.advance(60_000);
    let nacked = stage.nacks_to(&mut publisher);
    assert_eq!(nacked.first(), Some(&1));
    stage.deliver(&publisher, &lost[0]);
    let got = stage.media_of(&mut viewers[0]);
    assert_eq!(got.len(), 3);
    assert_eq!(got[2].sequence, got[0].sequence.wrapping_add(1));
    stage.nacks_to(&mut publisher);
    stage.advance(500_000);
    assert_eq!(stage.nacks_to(&mut publisher), [] as [u16; 0]);
}

#[test]
fn a_pause_leaves_no_gap_and_resumes_at_a_key_frame() {
    let (mut stage, mut publisher, mut viewers) = stage(1, 1);
    stage.publish_frame(&mut publisher, 0, 0, true, &[600]);
    stage.command(Command::PauseConsumer { consumer: 100, paused: true });
    for n in 1..5 {
        stage.publish_frame(&mut publisher, 0, n, false, &[600]);
    }
    stage.command(Command::PauseConsumer { consumer: 100, paused: false });
    stage.publish_frame(&mut publisher, 0, 5, false, &[600]);
    stage.publish_frame(&mut publisher, 0, 6, true, &[600]);
    let got = stage.media_of(&mut viewers[0]);
    assert_eq!(got.len(), 2);
    assert_eq!(got[1].sequence, got[0].sequence.wrapping_add(1));
    assert_eq!(got[1].timestamp.wrapping_sub(got[0].timestamp), 6 * 3_000);
}

#[test]
fn temporal_layers_are_dropped_whole_and_pictures_close_up() {
    let (mut stage, mut publisher, mut viewers) = stage(1, 1);
    stage.command(Command::SetLayers { consumer: 100, layer: 0, temporal: 0 });
    for n in 0..20u16 {
        stage.publish_temporal(&mut publisher, n, ((n % 2) as u8, false), n == 0, &[400, 400]);
    }
    let got = stage.media_of(&mut viewers[0]);
    assert_eq!(got.len(), 20);
    for pair in got.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
    }
    assert_eq!(got[19].picture_id, Some(9));
}

/// One picture of libwebrtc's patterns for VP8 (`default_temporal_layers.cc`). The fields are its temporal id, the buffers that
/// it refers to (last, golden, alternate), and the buffer that it replaces.
type Frame = (u8, &'static [usize], Option<usize>);

const TWO: [Frame; 4] = [(0, &[0], Some(0)), (1, &[0], Some(1)), (0, &[0], Some(0)), (1, &[0, 1], None)];
const THREE: [Frame; 8] = [
    (0, &[0], Some(0)),
    (2, &[0], None),
    (1, &[0], Some(1)),
    (2, &[0, 1], None),
    (0, &[0], Some(0)),
    (2, &[0, 1], None),
    (1, &[0, 1], Some(1)),
    (2, &[0, 1], None),
];
const THREE_SHORT: [Frame; 4] = [(0, &[0], Some(0)), (2, &[0], Some(2)), (1, &[0], Some(1)), (2, &[0, 1, 2], None)];
const FOUR: [Frame; 16] = [
    (0, &[0], Some(0)),
    (3, &[0], None),
    (2, &[0], Some(2)),
    (3, &[0, 2], None),
    (1, &[0], Some(1)),
    (3, &[0, 1, 2], None),
    (2, &[0, 1, 2], Some(2)),
    (3, &[0, 1, 2], None),
    (0, &[0], Some(0)),
    (3, &[0, 1, 2], None),
    (2, &[0, 1, 2], Some(2)),
    (3, &[0, 1, 2], None),
    (1, &[0, 1], Some(1)),
    (3, &[0, 1, 2], None),
    (2, &[0, 1, 2], Some(2)),
    (3, &[0, 1, 2], None),
];

/// Report whether the Y bit is set (`IsSyncFrame` in libwebrtc).
fn needs_base_alone((temporal, refers, _): Frame) -> bool {
    temporal > 0 && refers == [0]
}

/// Return the pictures that are in the three buffers after the shown pictures.
fn buffers(pattern: &[Frame], shown: impl Iterator<Item = u16>) -> [u16; 3] {
    shown.fold([0; 3], |mut buffers, n| {
        match (n, pattern[usize::from(n) % pattern.len()].2) {
            (0, _) => buffers = [0; 3],
            (_, Some(replaced)) => buffers[replaced] = n,
            _ => {}
        }
        buffers
    })
}

/// Return the pictures that a viewer gets in four rounds of the pattern. It wants temporal ids up to `low`, and from picture
/// `at` on up to `high`.
fn raised(pattern: &[Frame], (low, high): (u8, u8), at: u16) -> Vec<u16> {
    let (mut stage, mut publisher, mut viewers) = stage(1, 1);
    stage.command(Command::SetLayers { consumer: 100, layer: 0, temporal: low });
    for n in 0..4 * pattern.len() as u16 {
        if n == at {
            stage.command(Command::SetLayers { consumer: 100, layer: 0, temporal: high });
        }
        let frame = pattern[usize::from(n) % pattern.len()];
        stage.publish_temporal(&mut publisher, n, (frame.0, needs_base_alone(frame)), n == 0, &[400, 400]);
    }
    let got = stage.media_of(&mut viewers[0]);
    assert!(got.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    assert_eq!(stage.plis_to(&mut publisher).len(), 1, "before the first");
    let shown = got.iter().map(|packet| (packet.timestamp.wrapping_sub(got[0].timestamp) / 3_000) as u16);
    shown.step_by(2).collect()
}

#[test]
fn whoever_goes_up_again_gets_no_picture_without_what_it_refers_to() {
    for pattern in [&TWO[..], &THREE, &THREE_SHORT, &FOUR] {
        let (len, top) = (pattern.len() as u16, pattern.iter().map(|frame| frame.0).max().unwrap());
        let wishes = (0..top).flat_map(|low| (low + 1..=top).map(move |high| (low, high)));
        for ((low, high), at) in wishes.flat_map(|wish| (0..len).map(move |place| (wish, len + place))) {
            let shown = raised(pattern, (low, high), at);
            for (count, n) in shown.iter().enumerate() {
                let (_, refers, _) = pattern[usize::from(*n) % pattern.len()];
                let (theirs, ours) = (buffers(pattern, 0..*n), buffers(pattern, shown[..count].iter().copied()));
                let lacks = refers.iter().find(|buffer| theirs[**buffer] != ours[**buffer]);
                assert_eq!(lacks, None, "picture {n}; {low} to {high} at {at}: {shown:?}");
            }
            let wanted = (3 * len..4 * len).filter(|n| pattern[usize::from(n % len)].0 <= high);
            assert!(shown.ends_with(&wanted.collect::<Vec<_>>()), "{low} to {high} at {at}: {shown:?}");
        }
    }
}

#[test]
fn up_in_the_one_pattern_that_browsers_send_begins_where_the_frame_says_so() {
    for place in 8..16 {
        let shown = raised(&THREE, (0, 2), place);
        let first = shown.iter().find(|n| THREE[usize::from(*n % 8)].0 > 0).unwrap();
        assert!(needs_base_alone(THREE[usize::from(*first % 8)]), "{shown:?}");
        assert!(*first < place + 8, "{shown:?}");
    }
}

#[test]
fn who_cannot_go_up_is_helped_by_a_key_frame_after_a_moment() {
    [false, true].into_iter().for_each(help_up);
}

/// Run the test. With `overtaken`, the second packet of each key frame arrives before the first.
fn help_up(overtaken: bool) {
    let (mut stage, mut publisher, mut viewers) = stage(1, 2);
    let mut publish = |stage: &mut Stage, frames: std::ops::Range<u16>, key: bool| {
        for n in frames.clone() {
            let temporal = ([0, 2, 1, 2][usize::from(n % 4)], false);
            let key = key && n == frames.start;
            let mut packets = temporal_frame(&mut publisher, n, temporal, key, &[400, 400][usize::from(!key)..]);
            packets.rotate_left(usize::from(key && overtaken));
            packets.iter().for_each(|packet| stage.deliver(&publisher, packet));
            stage.advance(33_333);
        }
        stage.plis_to(&mut publisher).len()
    };
    let mut count = |stage: &mut Stage| stage.media_of(&mut viewers[0]).len();
    let want = |stage: &mut Stage, temporal| stage.command(Command::SetLayers { consumer: 100, layer: 0, temporal });
    want(&mut stage, 0);
    publish(&mut stage, 0..120, true);
    assert_eq!(count(&mut stage), 31);
    // Layers that the viewer does not want are no reason for a key frame.
    want(&mut stage, 2);
    assert_eq!(publish(&mut stage, 120..180, false), 0);
    want(&mut stage, 0);
    assert_eq!(publish(&mut stage, 180..300, false), 0);
    want(&mut stage, 2);
    assert_eq!(publish(&mut stage, 300..364, false), 0, "not yet");
    assert_eq!(count(&mut stage), 61);
    let asked = publish(&mut stage, 364..396, false);
    assert!((1..4).contains(&asked), "{asked}");
    publish(&mut stage, 396..400, true);
    assert_eq!(count(&mut stage), 13);
    assert_eq!(publish(&mut stage, 400..600, false), 0);
    assert_eq!(count(&mut stage), 200, "overtaken: {overtaken}");
}

/// The unit types of H.265 (its table 7-1), and the two packet types that are not units (RFC 7798 §4.4).
const TRAILING: u8 = 1;
const IDR: u8 = 19;
const PARAMETER_SETS: [u8; 3] = [32, 33, 34];
const AGGREGATED: u8 = 48;
const FRAGMENT: u8 = 49;

/// Return a unit with its header of two bytes. The first bit of a slice says whether the slice begins its picture.
fn unit(kind: u8, first: bool, len: usize) -> Vec<u8> {
    let mut unit: Vec<u8> = (0..len).map(|at| (at * 7) as u8).collect();
    unit[..3].copy_from_slice(&[kind << 1, 1, u8::from(first) << 7]);
    unit
}

/// Return a unit in three packets (RFC 7798 §4.4.3).
fn fragments(unit: &[u8]) -> Vec<Vec<u8>> {
    let kind = unit[0] >> 1;
    let body: Vec<&[u8]> = unit[2..].chunks((unit.len() - 2).div_ceil(3)).collect();
    let packet = |(place, part): (u8, &&[u8])| [&[FRAGMENT << 1, 1, place | kind][..], part].concat();
    [0x80, 0, 0x40].into_iter().zip(&body).map(packet).collect()
}

/// Return all parameter sets in one packet (RFC 7798 §4.4.2).
fn aggregated() -> Vec<u8> {
    let units = PARAMETER_SETS.iter().flat_map(|kind| [&[0, 20], &unit(*kind, false, 20)[..]].concat());
    [AGGREGATED << 1, 1].into_iter().chain(units).collect()
}

/// Publish the packets of picture `n`. The last packet has the marker.
fn publish_picture(stage: &mut Stage, publisher: &mut Peer, sequence: &mut u16, n: u32, packets: &[Vec<u8>]) {
    for (at, payload) in packets.iter().enumerate() {
        let numbers = (98, n * 3_000, at + 1 == packets.len());
        let mut packet = publisher.recorded(*sequence, numbers, &[], payload);
        *sequence += 1;
        stage.shard.receive(publisher.path, &mut packet, stage.now_us, &mut stage.out);
    }
    stage.settle();
    stage.advance(33_333);
}

/// Return for each packet whether it is the last of its picture, and its payload. Check that their numbers have no gap.
fn whole(stage: &mut Stage, viewer: &mut Peer) -> Vec<(bool, Vec<u8>)> {
    let got: Vec<(rtp::Header, Vec<u8>)> =
        stage.sealed_media(viewer).into_iter().map(|sealed| viewer.open(sealed)).collect();
    assert!(got.windows(2).all(|pair| pair[1].0.sequence == pair[0].0.sequence.wrapping_add(1)));
    assert!(got.iter().all(|(header, _)| header.payload_type == 96));
    got.iter().map(|(header, packet)| (header.marker, packet[header.payload(packet).unwrap()].to_vec())).collect()
}

#[test]
fn h265_goes_unchanged_from_a_key_frame_on_to_whoever_takes_it() {
    let mut stage = Stage::new();
    let mut publisher = stage.join(1);
    let payload = |payload_type, codec| Payload { payload_type, codec, clock_hz: 90_000, rtx: None };
    stage.command(Command::OpenProducer {
        transport: 1,
        producer: 10,
        video: true,
        mid: "v".into(),
        encodings: vec![Encoding { ssrc: 0x1000, ..Encoding::default() }],
        payloads: vec![payload(98, Codec::H265), payload(102, Codec::Vp8)],
    });
    let (mut early, mut other) = (stage.join(2), stage.join(3));
    stage.consume(&early, 100, 10);
    stage.consume_as(&other, 101, 10, (0x9000, 0), PayloadMap { from: 102, to: 96, rtx: None });
    let trailing = |len| vec![unit(TRAILING, true, len)];
    let key = [PARAMETER_SETS.map(|kind| unit(kind, false, 20)).to_vec(), fragments(&unit(IDR, true, 3_000))].concat();
    let pictures = [
        trailing(700),
        key.clone(),
        trailing(700),
        fragments(&unit(TRAILING, true, 2_500)),
        vec![unit(TRAILING, true, 900), unit(TRAILING, false, 400)],
    ];
    let ends = |packets: &[Vec<u8>]| {
        packets.iter().enumerate().map(|(at, one)| (at + 1 == packets.len(), one.clone())).collect::<Vec<_>>()
    };
    let wanted = pictures[1..].iter().flat_map(|picture| ends(picture)).collect::<Vec<_>>();
    let mut sequence = 0;
    for (n, picture) in (0..).zip(&pictures) {
        publish_picture(&mut stage, &mut publisher, &mut sequence, n, picture);
    }
    assert_eq!(stage.plis_to(&mut publisher), [0x1000], "before the first");
    assert_eq!(whole(&mut stage, &mut early), wanted);

    let mut late = stage.join(4);
    stage.consume(&late, 102, 10);
    assert_eq!(whole(&mut stage, &mut late), wanted, "the parameter sets first");

    stage.command(Command::PauseConsumer { consumer: 100, paused: true });
    publish_picture(&mut stage, &mut publisher, &mut sequence, 5, &trailing(300));
    stage.command(Command::PauseConsumer { consumer: 100, paused: false });
    let key = [vec![aggregated()], fragments(&unit(IDR, true, 2_000))].concat();
    for (n, picture) in (6..).zip([trailing(300), key.clone(), trailing(301)]) {
        publish_picture(&mut stage, &mut publisher, &mut sequence, n, &picture);
    }
    assert_eq!(whole(&mut stage, &mut early), [ends(&key), ends(&trailing(301))].concat(), "again a key frame first");
    assert_eq!(whole(&mut stage, &mut other), [], "it does not take H.265");
    let asked = stage.plis_to(&mut publisher).len();
    assert!(asked <= 1, "for the one who was paused: {asked}");
}

#[test]
fn strangers_change_nothing_and_get_no_answer() {
    let (mut stage, mut publisher, mut viewers) = stage(1, 1);
    stage.publish_frame(&mut publisher, 0, 0, true, &[600]);
    stage.media_of(&mut viewers[0]);
    let before = stage.sent_datagrams();
    let stolen = frame(&mut publisher, 0, 1, false, &[600]);
    let stranger = peer::path(9_999);
    stage.deliver_from(stranger, &stolen[0]);
    for first in 0..=255u8 {
        for len in [0, 1, 12, 13, 20, 64, 1_200] {
            stage.deliver_from(stranger, &vec![first; len]);
        }
    }
    assert_eq!(stage.sent_datagrams(), before);
    let dtls = stage.events.iter().any(|e| matches!(e, Event::Dtls { .. }));
    assert!(!dtls);
    // The same packet from the peer itself is forwarded, so the address was the reason of the refusal.
    stage.deliver(&publisher, &stolen[0]);
    assert_eq!(stage.media_of(&mut viewers[0]).len(), 1);
    // The second copy is a replay.
    stage.deliver(&publisher, &stolen[0]);
    assert_eq!(stage.media_of(&mut viewers[0]).len(), 0);
}

#[test]
fn arrivals_and_reports_go_to_the_publisher_and_clocks_to_the_viewer() {
    let (mut stage, mut publisher, mut viewers) = stage(1, 1);
    stage.sender_report(&mut publisher, 0, 0);
    for n in 0..60 {
        stage.publish_frame(&mut publisher, 0, n, n == 0, &[600]);
    }
    let told = stage.rtcp_to(&mut publisher, |packet, seen: &mut (usize, usize)| match packet {
        Packet::TransportFeedback(body) => {
            seen.0 += transport_feedback::parse(body).unwrap().arrivals().filter(|(_, at)| at.is_some()).count()
        }
        Packet::ReceiverReport { reports, .. } => seen.1 += reports.filter(|r| r.ssrc == 0x1000).count(),
        _ => {}
    });
    assert!(told.0 >= 55, "{told:?}");
    assert!(told.1 >= 1);
    let last = stage.media_of(&mut viewers[0]).last().unwrap().clone();
    let clock = stage.rtcp_to(&mut viewers[0], |packet, seen: &mut Option<u32>| {
        if let Packet::SenderReport { info, .. } = packet {
            *seen = Some(info.rtp);
        }
    });
    let ahead = clock.unwrap().wrapping_sub(last.timestamp) as i32;
    assert!(ahead.abs() < 90_000, "{ahead}");
}

#[test]
fn speakers_are_told_and_a_muted_one_is_not() {
    let mut stage = Stage::new();
    let mut publisher = stage.join(1);
    stage.publish_audio(&publisher, 20);
    for _ in 0..60 {
        stage.publish_voice(&mut publisher, 15);
    }
    let speakers = |stage: &Stage| {
        stage.events.iter().rev().find_map(|e| match e {
            Event::Speakers { speakers, .. } => Some(speakers.len()),
            _ => None,
        })
    };
    assert_eq!(speakers(&stage), Some(1));
    stage.command(Command::PauseProducer { producer: 20, paused: true });
    for _ in 0..60 {
        stage.publish_voice(&mut publisher, 15);
    }
    assert_eq!(speakers(&stage), Some(0));
}

#[test]
fn closing_leaves_nothing_behind() {
    let (mut stage, mut publisher, viewers) = stage(3, 4);
    for n in 0..5 {
        stage.publish_frame(&mut publisher, 0, n, n == 0, &[600]);
    }
    drop(viewers);
    stage.command(Command::CloseRouter { router: 1 });
    let totals = stage.shard.snapshot(stage.now_us).totals;
    assert_eq!((totals.transports, totals.producers, totals.consumers), (0, 0, 0));
    stage.command(Command::CloseConsumer { consumer: 100 });
    assert_eq!(stage.shard.snapshot(stage.now_us).totals.stale_commands, 1);
    stage.advance(5_000_000);
    assert_eq!(stage.shard.deadline(), u64::MAX);
}

#[test]
fn consent_ends_when_the_peer_falls_silent() {
    let (mut stage, _publisher, _viewers) = stage(1, 1);
    for _ in 0..40 {
        stage.advance(1_000_000);
    }
    let failed = stage
        .events
        .iter()
        .filter(|e| matches!(e, Event::Ice { state: plane_core::seam::event::IceState::Failed, .. }));
    assert_eq!(failed.count(), 2);
}

#[test]
fn a_new_viewer_sees_nothing_of_a_pause() {
    let (mut stage, mut publisher, _viewers) = stage(1, 0);
    stage.command(Command::PauseProducer { producer: 10, paused: true });
    stage.publish_frame(&mut publisher, 0, 0, true, &[600]);
    stage.publish_frame(&mut publisher, 0, 1, false, &[600]);
    stage.command(Command::PauseProducer { producer: 10, paused: false });
    let mut viewer = stage.join(9);
    stage.consume(&viewer, 109, 10);
    stage.advance(10_000);
    assert_eq!(stage.media_of(&mut viewer).len(), 0);
    stage.publish_frame(&mut publisher, 0, 2, true, &[600]);
    assert_eq!(stage.media_of(&mut viewer).len(), 1);
}

#[test]
fn an_ssrc_in_use_is_not_given_to_another_consumer() {
    let (mut stage, _publisher, viewers) = stage(1, 1);
    stage.consume(&viewers[0], 101, 10);
    let totals = stage.shard.snapshot(stage.now_us).totals;
    assert_eq!((totals.consumers, totals.stale_commands), (1, 1));
}
