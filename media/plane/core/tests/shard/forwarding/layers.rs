//! Layers within one stream (SVC), as Chromium sends them: viewers with different limits get pictures that a decoder can
//! decode.

use crate::peer::{Peer, Stage};
use crate::recording::{Picture, Recorded, arrived, check, read};
use plane_core::codec::dependencies::{frame_number, set_frame_number};
use plane_core::seam::command::Command;
use plane_core::seam::event::Event;
use plane_core::types::{Codec, Encoding, Extension, Payload, PayloadMap};
use plane_core::wire::rtcp;
use proptest::prelude::*;

const VP9_L3T3_KEY: (Codec, &str) = (Codec::Vp9, include_str!("../../recordings/vp9-l3t3-key.txt"));
const VP9_L3T3: (Codec, &str) = (Codec::Vp9, include_str!("../../recordings/vp9-l3t3.txt"));
const VP9_L1T3: (Codec, &str) = (Codec::Vp9, include_str!("../../recordings/vp9-l1t3.txt"));
const AV1_L3T3_KEY: (Codec, &str) = (Codec::Av1, include_str!("../../recordings/av1-l3t3-key.txt"));
const AV1_L2T2: (Codec, &str) = (Codec::Av1, include_str!("../../recordings/av1-l2t2.txt"));
const H264_L1T3: (Codec, &str) = (Codec::H264, include_str!("../../recordings/h264-l1t3.txt"));
const VP8_L1T3: (Codec, &str) = (Codec::Vp8, include_str!("../../recordings/vp8-l1t3.txt"));
const ALL: [(Codec, &str); 7] = [VP9_L3T3_KEY, VP9_L3T3, VP9_L1T3, AV1_L3T3_KEY, AV1_L2T2, H264_L1T3, VP8_L1T3];

const VIEWERS: u32 = 2;

/// One publisher and its viewers.
struct Scene {
    stage: Stage,
    publisher: Peer,
    viewers: Vec<Peer>,
    codec: Codec,
}

impl Scene {
    fn new(codec: Codec) -> Self {
        let mut stage = Stage::new();
        let publisher = stage.join(1);
        let viewers: Vec<Peer> = (0..VIEWERS).map(|at| stage.join(2 + at)).collect();
        for transport in 1..2 + VIEWERS {
            let extensions = vec![(12, Extension::DependencyDescriptor)];
            stage.command(Command::SetExtensions { transport, extensions });
        }
        stage.command(Command::OpenProducer {
            transport: 1,
            producer: 10,
            video: true,
            mid: "v".into(),
            encodings: vec![Encoding { ssrc: 0x1000, rtx_ssrc: 0x1100, ..Encoding::default() }],
            payloads: vec![Payload { payload_type: 98, codec, clock_hz: 90_000, rtx: Some(99) }],
        });
        for (at, viewer) in (0..).zip(&viewers) {
            let payload = PayloadMap { from: 98, to: 96, rtx: Some(97) };
            stage.consume_as(viewer, 100 + at, 10, (0x9000, 0x9001), payload);
        }
        Scene { stage, publisher, viewers, codec }
    }

    fn want(&mut self, viewer: u32, layer: u8, temporal: u8) {
        self.stage.command(Command::SetLayers { consumer: 100 + viewer, layer, temporal });
    }

    /// Publish all these packets at once, for example the packets of one picture.
    fn publish(&mut self, packets: &[Recorded]) {
        for one in packets {
            let (timestamp, marker) = (one.timestamp, one.marker);
            let mut packet =
                self.publisher.recorded(one.sequence, (98, timestamp, marker), &one.descriptor, &one.payload);
            self.stage.shard.receive(self.publisher.path, &mut packet, self.stage.now_us, &mut self.stage.out);
        }
        self.stage.settle();
        self.stage.advance(66_667);
    }

    /// Publish a packet, and with `again` an unnecessary retransmission of the packet.
    fn publish_one(&mut self, one: &Recorded, again: bool) {
        let numbers = (98, one.timestamp, one.marker);
        let packet = self.publisher.recorded(one.sequence, numbers, &one.descriptor, &one.payload);
        self.stage.deliver(&self.publisher, &packet);
        if again {
            let repair = self.publisher.repair(one.sequence, one.timestamp, &one.payload);
            self.stage.deliver(&self.publisher, &repair);
        }
        self.stage.advance(7_000);
    }

    fn seen(&mut self, viewer: usize) -> Vec<Picture> {
        let sealed = self.stage.sealed_media(&self.viewers[viewer]);
        let packets = sealed.into_iter().map(|one| arrived(self.viewers[viewer].open(one))).collect();
        check(self.codec, packets)
    }

    /// Send the viewer's report of its downlink bandwidth.
    fn tell_remb(&mut self, viewer: usize, bitrate_bps: u64) {
        let mut compound = [0; 64];
        let len = rtcp::write_remb(&mut compound, 5, bitrate_bps, &[0x9000]);
        self.stage.send_compound(&mut self.viewers[viewer], &compound[..len]);
    }

    fn plis(&mut self) -> usize {
        self.stage.plis_to(&mut self.publisher).len()
    }
}

fn pictures(packets: &[Recorded]) -> Vec<&[Recorded]> {
    packets.chunk_by(|a, b| a.timestamp == b.timestamp).collect()
}

/// Return the highest spatial layer and the highest temporal id among the pictures.
fn tops(pictures: &[Picture]) -> (u8, u8) {
    (pictures.iter().map(Picture::top).max().unwrap(), pictures.iter().map(Picture::temporal).max().unwrap())
}

#[test]
fn whoever_wants_all_gets_all() {
    for (codec, text) in ALL {
        let (mut scene, packets) = (Scene::new(codec), read(text));
        pictures(&packets).into_iter().for_each(|picture| scene.publish(picture));
        let seen = scene.seen(0);
        assert_eq!(seen.iter().map(|one| one.places.len()).sum::<usize>(), packets.len());
        assert_eq!(scene.plis(), 1, "before the first");
    }
}

#[test]
fn whoever_wants_less_gets_whole_pictures_of_less() {
    for (codec, text) in ALL {
        let packets = read(text);
        let mut scene = Scene::new(codec);
        scene.want(0, 0, 0);
        scene.want(1, 1, 1);
        pictures(&packets).into_iter().for_each(|picture| scene.publish(picture));
        assert_eq!(tops(&scene.seen(0)), (0, 0));
        let seen = scene.seen(1);
        let (spatial, temporal) = tops(&seen);
        assert!(spatial <= 1 && temporal == 1, "{codec:?} {spatial} {temporal}");
        assert_eq!(spatial, if text.contains(" L1") { 0 } else { 1 });
        assert_eq!(scene.plis(), 1, "before the first");
    }
}

/// A viewer without the dependency descriptor (old clients, Firefox) gets lower layers of VP8 too.
#[test]
fn whoever_takes_no_descriptor_gets_less_of_vp8_too() {
    let (codec, text) = VP8_L1T3;
    let packets = read(text);
    let mut scene = Scene::new(codec);
    let extensions = vec![(0, Extension::DependencyDescriptor)];
    scene.stage.command(Command::SetExtensions { transport: 2, extensions });
    scene.want(0, 0, 0);
    pictures(&packets).into_iter().for_each(|picture| scene.publish(picture));
    let sealed = scene.stage.sealed_media(&scene.viewers[0]);
    let seen: Vec<_> = sealed.into_iter().map(|one| arrived(scene.viewers[0].open(one))).collect();
    assert!(seen.iter().all(|one| one.descriptor.is_empty()));
    let numbers: Vec<_> = seen.iter().map(|one| one.header.sequence).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{numbers:?}");
    let shown = seen.iter().filter(|one| one.header.marker).count();
    let all = scene.seen(1);
    let base = all.iter().filter(|one| one.temporal() == 0).count();
    assert!(shown == base && base < all.len() / 3, "{shown} of {}, {base} wanted", all.len());
}

#[test]
fn down_is_at_once_and_up_asks_for_a_key_frame_once() {
    for (codec, text) in [VP9_L3T3_KEY, VP9_L3T3, AV1_L3T3_KEY] {
        let packets = read(text);
        let pictures = pictures(&packets);
        let mut scene = Scene::new(codec);
        let fresh = |picture: &&[Recorded]| picture[0].descriptor.get(3).is_some_and(|flags| flags & 0x80 != 0);
        let second = pictures[1..].iter().position(fresh).expect("a second key frame") + 1;
        let (down, up) = (second / 3, second / 2);
        for (at, picture) in pictures.iter().enumerate() {
            if at == down {
                scene.want(0, 0, 7);
            } else if at == up {
                assert_eq!(scene.plis(), 1, "before the first");
                scene.want(0, 2, 7);
                assert_eq!(scene.plis(), 1);
            }
            scene.publish(picture);
        }
        let (tops, all): (Vec<_>, Vec<_>) =
            (scene.seen(0).iter().map(Picture::top).collect(), scene.seen(1).iter().map(Picture::top).collect());
        assert_eq!(tops.len(), pictures.len());
        // The browser leaves out higher layers of some pictures.
        assert!(tops[..down] == all[..down] && tops[second..] == all[second..], "{tops:?} {all:?}");
        assert!(all[..down].contains(&2) && all[second] == 2);
        assert!(tops[down..second].iter().all(|top| *top == 0), "{tops:?}");
        let layers: Vec<_> = scene.stage.events.iter().filter_map(switched).collect();
        assert_eq!(layers[1..], [Some(0), Some(2)], "what there is was not known with the first packet");
    }
}

fn switched(event: &Event) -> Option<Option<u8>> {
    match event {
        Event::Switched { consumer: 100, layer } => Some(*layer),
        _ => None,
    }
}

/// Return the first recording followed by the second. The frame numbers of the second are moved by `frames`, and its template
/// ids change too. An encoder does this when it changes its layers.
fn behind(first: &[Recorded], second: &[Recorded], frames: u16) -> Vec<Recorded> {
    const TEMPLATES: u8 = 20;
    let (last, start) = (first.last().unwrap(), &second[0]);
    let moved = second.iter().cloned().map(|mut one| {
        one.sequence = one.sequence.wrapping_sub(start.sequence).wrapping_add(last.sequence).wrapping_add(1);
        one.timestamp = one.timestamp.wrapping_sub(start.timestamp).wrapping_add(last.timestamp).wrapping_add(6_000);
        one.descriptor[0] += TEMPLATES;
        if one.descriptor.get(3).is_some_and(|flags| flags & 0x80 != 0) {
            // The template offset has six bits after the five flag bits.
            assert_eq!((one.descriptor[3] & 7, one.descriptor[4] & 0xe0), (0, 0));
            one.descriptor[3] |= TEMPLATES >> 3;
            one.descriptor[4] |= TEMPLATES << 5;
        }
        let number = frame_number(&one.descriptor).unwrap();
        set_frame_number(&mut one.descriptor, number.wrapping_add(frames));
        one
    });
    first.iter().cloned().chain(moved).collect()
}

#[test]
fn a_table_of_templates_that_is_sent_again_holds_for_what_follows() {
    let (two_layers, three_layers) = (read(AV1_L2T2.1), read(AV1_L3T3_KEY.1));
    let (two_layers, three_layers) = (pictures(&two_layers)[..20].concat(), pictures(&three_layers)[..20].concat());
    let packets = behind(&two_layers, &three_layers, 5_000);
    let pictures = pictures(&packets);
    let mut scene = Scene::new(Codec::Av1);
    scene.want(0, 0, 7);
    pictures[..20].iter().for_each(|picture| scene.publish(picture));
    let (lost, rest) = pictures[20].split_first().unwrap();
    scene.publish(rest);
    let numbers = (lost.timestamp, lost.marker);
    let repair = scene.publisher.repair_recorded(lost.sequence, numbers, &lost.descriptor, &lost.payload);
    scene.stage.deliver(&scene.publisher, &repair);
    pictures[21..].iter().for_each(|picture| scene.publish(picture));
    let low: Vec<_> = scene.seen(0).iter().map(Picture::top).collect();
    assert_eq!(low.len(), 40);
    // The packets of the key frame that arrived before its table were sent already.
    assert!(low[..20].iter().chain(&low[21..]).all(|top| *top == 0), "{low:?}");
    let all = scene.seen(1);
    assert_eq!((tops(&all[..20]).0, tops(&all[20..]).0), (1, 2));
}

/// A viewer may switch up after any jump of the frame numbers. The layers of a simulcast share one sequence of frame numbers,
/// which continues while one layer is off.
#[test]
fn one_may_go_up_however_far_frame_numbers_have_gone_on() {
    let recorded = read(VP8_L1T3.1);
    for frames in [300, 20_000, 40_000, 65_000] {
        let packets = behind(&pictures(&recorded)[..20].concat(), &recorded, frames);
        let mut scene = Scene::new(Codec::Vp8);
        scene.want(0, 0, 0);
        for (at, picture) in pictures(&packets).iter().enumerate() {
            if at == 40 {
                scene.want(0, 0, 7);
            }
            scene.publish(picture);
        }
        let seen = scene.seen(0);
        assert!(seen.iter().rev().take(20).any(|one| one.temporal() == 2), "{frames}");
        assert_eq!(scene.plis(), 1, "before the first: no key frame is needed for it, {frames}");
    }
}

#[test]
fn a_narrow_way_gets_what_it_carries_and_a_wide_one_all() {
    for (codec, text) in [VP9_L3T3_KEY, VP9_L3T3] {
        let packets = read(text);
        let pictures = pictures(&packets);
        let mut scene = Scene::new(codec);
        for (at, picture) in pictures.iter().enumerate() {
            if at >= 4 {
                scene.tell_remb(0, 400_000);
            }
            scene.publish(picture);
        }
        let tops: Vec<_> = scene.seen(0).iter().map(Picture::top).collect();
        let all: Vec<_> = scene.seen(1).iter().map(Picture::top).collect();
        assert_eq!((tops.len(), all.len()), (pictures.len(), pictures.len()));
        assert!(tops[..4] == all[..4] && all.iter().all(|top| *top == 2), "{all:?}");
        assert!(tops[20..].iter().all(|top| *top < 2), "{tops:?}");
    }
}

#[test]
fn another_viewers_wish_changes_nothing() {
    let packets = read(VP9_L3T3_KEY.1);
    let mut scene = Scene::new(Codec::Vp9);
    for (at, picture) in pictures(&packets).into_iter().enumerate() {
        scene.want(1, (at % 3) as u8, (at % 2) as u8);
        scene.publish(picture);
    }
    assert_eq!(scene.seen(0).iter().map(|one| one.places.len()).sum::<usize>(), packets.len());
}

#[test]
fn what_was_sent_is_resent_with_the_same_marker() {
    let packets = read(VP9_L3T3_KEY.1);
    let mut scene = Scene::new(Codec::Vp9);
    scene.want(0, 1, 7);
    pictures(&packets)[..6].iter().for_each(|picture| scene.publish(picture));
    let viewer = &mut scene.viewers[0];
    let sent: Vec<_> = scene.stage.sealed_media(viewer).into_iter().map(|one| viewer.open(one).0).collect();
    let lost: Vec<u16> = sent.iter().map(|header| header.sequence).collect();
    scene.stage.take_to(viewer.path);
    scene.stage.nack(viewer, &lost[lost.len().saturating_sub(16)..]);
    let resent: Vec<_> = scene.stage.take_to(viewer.path).into_iter().map(|one| viewer.open(one)).collect();
    assert_eq!(resent.len(), 16.min(lost.len()));
    for (header, packet) in resent {
        let original = u16::from_be_bytes([packet[header.payload_offset], packet[header.payload_offset + 1]]);
        let first = sent.iter().find(|one| one.sequence == original).expect("it was sent");
        assert_eq!((header.marker, header.timestamp), (first.marker, first.timestamp));
    }
}

/// Return the packets as a network delivers them: some arrive a few places late, and some are repeated as retransmissions.
fn shaken(packets: &[Recorded], seed: u64) -> Vec<(Recorded, bool)> {
    let mut dice = seed;
    let mut throw = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 40) % sides
    };
    let mut places: Vec<_> = (0..).zip(packets).map(|(at, one)| (at + throw(12) * throw(2), one.clone())).collect();
    // The first packet opens the stream, so no packet may come before it.
    places[0].0 = 0;
    places.sort_by_key(|(at, _)| *at);
    places.into_iter().map(|(_, one)| (one, throw(20) == 0)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// No sent frame lacks a frame that it needs, whenever the limits change or the consumer pauses.
    #[test]
    fn nothing_that_is_sent_lacks_what_it_needs(
        which in 0..ALL.len(),
        wishes in proptest::collection::vec((0usize..40, 0u8..4, 0u8..4, proptest::bool::weighted(0.1)), 1..12),
    ) {
        let (codec, text) = ALL[which];
        let (mut scene, packets) = (Scene::new(codec), read(text));
        let mut limit = (u8::MAX, u8::MAX);
        for (at, picture) in pictures(&packets).into_iter().enumerate() {
            for (_, layer, temporal, pause) in wishes.iter().filter(|wish| wish.0 == at) {
                scene.want(0, *layer, *temporal);
                limit = (*layer, *temporal);
                if *pause {
                    scene.stage.command(Command::PauseConsumer { consumer: 100, paused: true });
                    scene.stage.command(Command::PauseConsumer { consumer: 100, paused: false });
                }
            }
            scene.publish(picture);
        }
        let seen = scene.seen(0);
        let last = seen.last().unwrap();
        // After a pause the viewer may still wait for a key frame.
        let limit = if last.timestamp == packets.last().unwrap().timestamp { limit } else { (u8::MAX, u8::MAX) };
        prop_assert!(last.top() <= limit.0 && last.temporal() <= limit.1);
        prop_assert_eq!(scene.seen(1).iter().map(|one| one.places.len()).sum::<usize>(), packets.len());
    }

    /// Late and doubled packets do no harm. A viewer that wants all layers lacks nothing. A viewer that wants less gets each
    /// number once, because some receivers know the order of pictures only by the number. No picture continues after its
    /// marker.
    #[test]
    fn a_network_that_disorders_spoils_nothing(
        which in 0..ALL.len(),
        seed in any::<u64>(),
        wishes in proptest::collection::vec((0usize..400, 0u8..4, 0u8..4), 0..8),
    ) {
        let (codec, text) = ALL[which];
        let (mut scene, packets) = (Scene::new(codec), read(text));
        for (at, (one, again)) in shaken(&packets, seed).iter().enumerate() {
            for (_, layer, temporal) in wishes.iter().filter(|wish| wish.0 == at) {
                scene.want(0, *layer, *temporal);
            }
            scene.publish_one(one, *again);
        }
        let seen = scene.seen(1);
        prop_assert_eq!(seen.iter().map(|one| one.places.len()).sum::<usize>(), packets.len());
        let sealed = scene.stage.sealed_media(&scene.viewers[0]);
        let mut got: Vec<_> = sealed.into_iter().map(|one| arrived(scene.viewers[0].open(one))).collect();
        let first = got.iter().map(|one| one.header.sequence as i16).min().unwrap();
        got.sort_by_key(|one| (one.header.sequence as i16).wrapping_sub(first));
        let follow = got.windows(2).all(|pair| pair[1].header.sequence == pair[0].header.sequence.wrapping_add(1));
        prop_assert!(follow, "a number is missing or there twice");
        got.retain(|one| !one.payload.is_empty());
        for pair in got.windows(2) {
            let (a, b) = (&pair[0].header, &pair[1].header);
            prop_assert!(!a.marker || a.timestamp != b.timestamp, "a picture goes on behind its end");
        }
    }
}
