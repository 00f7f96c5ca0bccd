//! One conference on two shards: publishers on the first shard, viewers on both shards.

use crate::peer::{self, Got, Peer, Stage};
use plane_core::codec::red;
use plane_core::seam::command::Command;
use plane_core::seam::event::Event;
use plane_core::shard::Shard;
use plane_core::types::{Codec, Encoding, Extension, Payload, PayloadMap};
use plane_core::wire::rtcp::{self, Packet, ReportBlock};
use plane_core::wire::rtcp_extended::{self, Delay, Told};
use plane_core::wire::rtp;

const CAMERA: u32 = 10;
const VOICE: u32 = 11;
/// The payload type of RED at the viewer, and the payload type of its blocks at the publisher.
const RED: u8 = 63;
const INNER: u8 = 96;
const PLAYOUT_DELAY: u8 = 5;

/// The two shards of a router, and the exchange between them.
struct Span {
    home: Stage,
    away: Stage,
}

impl Span {
    fn new() -> Self {
        let (mut home, mut away) = (Stage::new(), Stage::new());
        home.shard = std::mem::replace(&mut home.shard, Shard::new(0, 0, 1)).among(2);
        away.shard = Shard::new(1, 1_700_000_000_000_000, 9).among(2);
        away.command(Command::OpenPart { router: 1 });
        Span { home, away }
    }

    /// Return a publisher on the first shard that is mirrored on the second shard.
    fn published(layers: u32) -> (Self, Peer) {
        let mut span = Span::new();
        let publisher = span.home.join(1);
        span.home.publish(&publisher, CAMERA, layers);
        span.home.publish_audio(&publisher, VOICE);
        span.away.command(Command::OpenMirror { router: 1, transport: 1, from: 0, line: false });
        span.away.publish(&publisher, CAMERA, layers);
        span.away.publish_audio(&publisher, VOICE);
        (span, publisher)
    }

    fn feed(&mut self, producer: u32, on: bool) {
        self.home.command(Command::SetMirrored { producer, to: 1, on });
        self.exchange();
    }

    fn exchange(&mut self) {
        for _ in 0..4 {
            while let Some(parcel) = self.home.shard.parcel(1) {
                self.away.shard.unpack(parcel, self.away.now_us, &mut self.away.out);
                self.away.settle();
            }
            while let Some(parcel) = self.away.shard.parcel(0) {
                self.home.shard.unpack(parcel, self.home.now_us, &mut self.home.out);
                self.home.settle();
            }
        }
    }

    fn frame(&mut self, publisher: &mut Peer, n: u16, key: bool) {
        self.home.publish_frame(publisher, 0, n, key, &[1000, 1000, 700]);
        self.follow();
    }

    fn say(&mut self, publisher: &mut Peer, level: u8) {
        self.home.publish_voice(publisher, level);
        self.follow();
    }

    fn follow(&mut self) {
        self.exchange();
        self.away.advance(self.home.now_us - self.away.now_us);
        self.exchange();
    }
}

/// Return the fields that a viewer sees of each packet, without the numbers that begin at random.
fn seen(got: &[Got]) -> Vec<(usize, u64)> {
    got.iter().map(|packet| (packet.payload_len, packet.payload_hash)).collect()
}

fn speakers(stage: &mut Stage) -> Vec<u32> {
    let last = stage.events.drain(..).rev().find_map(|event| match event {
        Event::Speakers { speakers, .. } => Some(speakers),
        _ => None,
    });
    last.unwrap_or_default().into_iter().map(|(id, _)| id).collect()
}

#[test]
fn viewers_on_both_shards_see_and_hear_the_same() {
    let (mut span, mut publisher) = Span::published(1);
    let (mut here, mut there) = (span.home.join(2), span.away.join(3));
    span.home.consume(&here, 100, CAMERA);
    span.away.consume(&there, 101, CAMERA);
    span.away.consume_voice(&there, 102, VOICE);
    span.feed(CAMERA, true);
    span.feed(VOICE, true);
    for n in 0..10 {
        span.frame(&mut publisher, n, n == 0);
        span.say(&mut publisher, 10);
    }
    let (at_home, away) = (span.home.media_of(&mut here), span.away.media_of(&mut there));
    assert_eq!(at_home.len(), 30);
    assert_eq!(seen(&at_home), seen(&away));
    let numbers: Vec<_> = away.iter().map(|packet| packet.sequence.wrapping_sub(away[0].sequence)).collect();
    assert_eq!(numbers, (0..30).collect::<Vec<_>>());
    assert_eq!(span.away.voice_of(&mut there).len(), 10);
    let totals = span.home.shard.snapshot(span.home.now_us).totals;
    assert_eq!((totals.handover_drops, totals.transports, totals.producers), (0, 2, 2));
    let mirrored = span.away.shard.snapshot(span.away.now_us);
    assert_eq!((mirrored.totals.transports, mirrored.totals.producers), (1, 0), "mirrors are counted at home");
    assert!(mirrored.producers.is_empty());
}

#[test]
fn a_key_frame_is_wished_for_across_and_asked_for_once() {
    let (mut span, mut publisher) = Span::published(1);
    span.frame(&mut publisher, 0, true);
    span.home.advance(3_000_000);
    span.follow();
    span.home.plis_to(&mut publisher);
    span.feed(CAMERA, true);
    for viewer in 3..8 {
        let there = span.away.join(viewer);
        span.away.consume(&there, 100 + viewer, CAMERA);
        span.exchange();
    }
    assert_eq!(span.home.plis_to(&mut publisher), [0x1000]);
    // No key frame comes, so the request is repeated. The two clocks together repeat it no more often than one clock.
    for _ in 0..30 {
        span.home.advance(100_000);
        span.follow();
    }
    let again = span.home.plis_to(&mut publisher).len();
    assert!((2..=10).contains(&again), "{again}");
    span.frame(&mut publisher, 1, true);
    span.home.plis_to(&mut publisher);
    for n in 2..40 {
        span.frame(&mut publisher, n, false);
    }
    assert!(span.home.plis_to(&mut publisher).is_empty());
}

#[test]
fn a_mirror_that_comes_later_begins_with_what_the_cache_holds() {
    let (mut span, mut publisher) = Span::published(1);
    for n in 0..5 {
        span.frame(&mut publisher, n, n == 0);
    }
    span.home.plis_to(&mut publisher);
    let mut there = span.away.join(3);
    span.away.advance(10_000);
    span.away.consume(&there, 101, CAMERA);
    // The plane does the same: it mirrors the producer before the consumer is known, or at once after it.
    span.feed(CAMERA, true);
    assert_eq!(span.away.media_of(&mut there).len(), 15, "a picture at once");
    assert!(span.home.plis_to(&mut publisher).len() <= 1);
    span.frame(&mut publisher, 5, false);
    assert_eq!(span.away.media_of(&mut there).len(), 3);
}

#[test]
fn nothing_is_missing_where_a_mirror_begins() {
    for waiting in 0..=3 {
        let (mut span, mut publisher) = Span::published(1);
        let mut there = span.away.join(3);
        span.away.consume(&there, 101, CAMERA);
        let key = peer::frame(&mut publisher, 0, 0, true, &[1000, 900, 800]);
        let (forwarded, queued) = key.split_at(3 - waiting);
        forwarded.iter().for_each(|packet| span.home.deliver(&publisher, packet));
        for packet in queued {
            let home = &mut span.home;
            home.shard.receive(publisher.path, &mut packet.clone(), home.now_us, &mut home.out);
        }
        span.feed(CAMERA, true);
        span.frame(&mut publisher, 1, false);
        let got = span.away.media_of(&mut there);
        assert_eq!(got.iter().map(|packet| packet.payload_len).collect::<Vec<_>>(), [1000, 900, 800, 1000, 1000, 700]);
        assert!(got.windows(2).all(|pair| pair[1].sequence == pair[0].sequence.wrapping_add(1)));
    }
}

/// Send the report of a viewer on the second shard: its loss among the packets up to `highest`.
fn report(span: &mut Span, viewer: &mut Peer, ssrc: u32, (highest, share): (u32, f32)) {
    let block = ReportBlock { ssrc, highest, fraction_lost: (share * 256.0) as u8, ..ReportBlock::default() };
    let mut report = [0; 64];
    let len = rtcp::write_rr(&mut report, 5, &[block]);
    span.away.send_compound(viewer, &report[..len]);
}

/// While one in ten packets of the uplink is lost, a viewer on the second shard is told to keep its pictures longer (second
/// case). When the loss is over, this stops (third case). The publisher sends only one sender report.
#[test]
fn what_is_lost_on_the_way_up_is_waited_for_on_the_other_shard_too() {
    for (lost, packets, expected_ms) in [(0, 1_400, None), (1_400, 1_400, Some(125..=150)), (1_400, 3_400, Some(0..=0))]
    {
        let (mut span, mut publisher) = Span::published(1);
        let mut there = span.away.join(3);
        span.away.consume(&there, 101, CAMERA);
        span.feed(CAMERA, true);
        let (mut limits, mut highest, mut rtt_ms) = (None, 0, -1.0);
        for n in 0..packets {
            let packet = peer::frame(&mut publisher, 0, n, n == 0, &[500]).remove(0);
            if n % 10 != 9 || n >= lost {
                span.home.deliver(&publisher, &packet);
            }
            span.home.advance(20_000);
            span.follow();
            if n % 50 == 49 {
                report(&mut span, &mut there, 0x9000, (highest, 0.0));
                span.home.consent(&publisher);
                span.away.consent(&there);
            }
            if n == 40 {
                span.home.sender_report(&mut publisher, 0, 0);
            }
            // The publisher answers the server's time at once, so the round-trip time is known.
            if n == 100 {
                let told = span.home.rtcp_to(&mut publisher, |packet, told: &mut Vec<(u32, u64)>| {
                    let Packet::Extended { ssrc, blocks } = packet else { return };
                    told.extend(
                        blocks.filter_map(|one| if let Told::Time(ntp) = one { Some((ssrc, ntp)) } else { None }),
                    );
                });
                let (ssrc, ntp) = *told.last().expect("our time");
                let delays = [Delay { ssrc, last_time: (ntp >> 16) as u32, since: 0 }];
                let mut answer = [0; 64];
                let len = rtcp_extended::write_delays(&mut answer, 0x1000, &delays);
                span.home.send_compound(&mut publisher, &answer[..len]);
                let snapshot = span.home.shard.snapshot(span.home.now_us);
                rtt_ms = snapshot.transports.iter().find(|one| one.transport == 1).expect("the camera").rtt_ms;
            }
            for sent in span.away.sealed(&there, 0x9000) {
                let header = rtp::parse(&sent).expect("RTP");
                highest = u32::from(header.sequence);
                limits = header.extensions(&sent).find(|(id, _)| *id == PLAYOUT_DELAY).map(|(_, value)| value.to_vec());
            }
        }
        let keeps_ms = limits.map(|value: Vec<u8>| (u32::from(value[0]) << 4 | u32::from(value[1]) >> 4) * 10);
        assert!((10.0..20.0).contains(&rtt_ms), "{rtt_ms}");
        // The time to see the loss and to decode, and two round-trip times.
        let is_expected = match (&expected_ms, keeps_ms) {
            (Some(expected_ms), Some(keeps_ms)) => expected_ms.contains(&keeps_ms),
            (expected_ms, keeps_ms) => expected_ms.is_none() && keeps_ms.is_none(),
        };
        assert!(is_expected, "{keeps_ms:?} of {expected_ms:?}, {rtt_ms}");
    }
}

/// The redundant part of a voice of 48 kbit/s (RED with one copy) is known on the other shard too. The copy costs no headers.
#[test]
fn what_is_redundant_of_a_voice_is_told_apart_on_the_other_shard() {
    for (bitrate_bps, kind) in [(60_000, RED), (40_000, 111)] {
        let mut span = Span::new();
        let mut speaker = span.home.join(1);
        span.away.command(Command::OpenMirror { router: 1, transport: 1, from: 0, line: false });
        for stage in [&mut span.home, &mut span.away] {
            stage.command(Command::OpenProducer {
                transport: 1,
                producer: VOICE,
                video: false,
                mid: "a".into(),
                encodings: vec![Encoding { ssrc: 0x2000, ..Encoding::default() }],
                payloads: vec![Payload { payload_type: 111, codec: Codec::Red, clock_hz: 48_000, rtx: None }],
            });
        }
        let mut there = span.away.join(3);
        // The viewer's reports then show the loss.
        span.away.command(Command::SetExtensions { transport: 3, extensions: vec![(0, Extension::TransportCc)] });
        span.away.command(Command::OpenConsumer {
            transport: 3,
            consumer: 102,
            producer: VOICE,
            mid: "0".into(),
            ssrc: 0x9002,
            rtx_ssrc: 0,
            payloads: vec![PayloadMap { from: 111, to: RED, rtx: None }],
            strip_red: false,
            red_blocks: vec![(INNER, 111)],
            paused: false,
            single_nal: false,
        });
        span.feed(VOICE, true);
        let (mut payload, copy) = ([0; 400], red::Copied { timestamp_offset: 960, payload: &[7; 80] });
        let len = red::write(&mut payload, INNER, &[copy], &[7; 80]).expect("it fits");
        let mut heard: Vec<(u16, u32, u8, Vec<u8>)> = Vec::new();
        for n in 0..1_200 {
            if n % 50 == 0 {
                let highest = heard.last().map_or(0, |(number, ..)| u32::from(*number));
                report(&mut span, &mut there, 0x9002, (highest, 0.1));
                let mut told = [0; 64];
                let len = rtcp::write_remb(&mut told, 5, bitrate_bps, &[0x9002]);
                span.away.send_compound(&mut there, &told[..len]);
            }
            let packet = peer::voice_of(&mut speaker, 30, &payload[..len]);
            span.home.deliver(&speaker, &packet);
            span.home.advance(20_000);
            span.follow();
            heard.extend(span.away.payloads_of(&mut there, 0x9002));
        }
        assert_eq!(heard.len(), 1_200);
        assert!(heard[1_150..].iter().all(|(_, _, sent, _)| *sent == kind), "{bitrate_bps}: {}", heard[1_199].2);
    }
}

#[test]
fn what_is_too_much_to_be_handed_on_at_once_is_wished_for() {
    let (mut span, mut publisher) = Span::published(4);
    let mut there = span.away.join(3);
    for layer in 0..4 {
        span.home.publish_frame(&mut publisher, layer, 0, true, &[1100; 250]);
    }
    span.home.plis_to(&mut publisher);
    span.away.consume(&there, 101, CAMERA);
    span.home.command(Command::SetMirrored { producer: CAMERA, to: 1, on: true });
    // New packets of the same round have room beside the key frame.
    span.home.publish_frame(&mut publisher, 3, 1, false, &[1100; 450]);
    let parcel = span.home.shard.parcel(1).unwrap();
    assert_eq!(parcel.datagrams(), 250 + 450, "one of four key frames, whole");
    span.away.shard.unpack(parcel, span.away.now_us, &mut span.away.out);
    span.away.settle();
    assert!(span.away.media_of(&mut there).len() > 10);
    span.home.publish_frame(&mut publisher, 3, 2, false, &[1000]);
    span.follow();
    assert_eq!(span.home.plis_to(&mut publisher), [0x1003]);
    assert_eq!(span.home.shard.snapshot(span.home.now_us).totals.handover_drops, 0);
}

#[test]
fn strangers_take_no_room_from_media() {
    let (mut span, mut publisher) = Span::published(1);
    let mut there = span.away.join(3);
    span.away.consume(&there, 101, CAMERA);
    span.feed(CAMERA, true);
    for n in 0..3 {
        // The checks come from unknown peers, and each names the other shard.
        for from in 0..5_000 {
            span.home.deliver_from(peer::path(from), &peer::check(&format!("b{from}:them"), "guessed", from as u8));
        }
        span.frame(&mut publisher, n, n == 0);
    }
    assert_eq!(span.away.media_of(&mut there).len(), 9);
    let totals = span.home.shard.snapshot(span.home.now_us).totals;
    assert!(totals.handover_drops > 10_000);
}

#[test]
fn a_layer_that_begins_anew_goes_on_whichever_parcel_is_lost() {
    for lost in 0..3 {
        let (mut span, mut publisher) = Span::published(1);
        let mut there = span.away.join(3);
        span.away.consume(&there, 101, CAMERA);
        span.feed(CAMERA, true);
        span.home.publish_frame(&mut publisher, 0, 0, true, &[30; 250]);
        span.follow();
        assert_eq!(span.away.media_of(&mut there).len(), 250);
        // The publisher of the layer begins again under another SSRC.
        publisher.restart(0);
        let mut came = Vec::new();
        for n in 0..10 {
            let keyframe = [0x90, 0x80, 0x80, n, 0, 0, 0];
            for packet in publisher.named(0x7777, 100 + u16::from(n), &keyframe) {
                span.home.deliver(&publisher, &packet);
            }
            if n == lost {
                drop(span.home.shard.parcel(1));
            }
            span.home.advance(33_333);
            span.follow();
            came.push(span.away.media_of(&mut there).len());
        }
        assert_eq!(came, (0..10).map(|n| usize::from(n != lost)).collect::<Vec<_>>());
    }
}

#[test]
fn a_mirror_that_was_left_for_long_goes_on_with_the_numbers_of_now() {
    let (mut span, mut publisher) = Span::published(1);
    span.feed(CAMERA, true);
    span.frame(&mut publisher, 0, true);
    span.feed(CAMERA, false);
    for n in 1..134 {
        span.home.publish_frame(&mut publisher, 0, n, false, &[20; 250]);
    }
    span.follow();
    let mut there = span.away.join(3);
    span.away.consume(&there, 101, CAMERA);
    span.feed(CAMERA, true);
    span.frame(&mut publisher, 134, true);
    span.frame(&mut publisher, 135, false);
    assert_eq!(span.away.media_of(&mut there).len(), 6);
}

#[test]
fn losses_are_made_good_where_they_happen() {
    let (mut span, mut publisher) = Span::published(1);
    let mut there = span.away.join(3);
    span.away.consume(&there, 101, CAMERA);
    span.feed(CAMERA, true);
    for n in 0..5 {
        span.frame(&mut publisher, n, n == 0);
    }
    // The viewer's downlink lost one packet, and the viewer's own shard has that packet.
    let got = span.away.media_of(&mut there);
    span.away.nack(&mut there, &[got[7].sequence]);
    let again = span.away.rtx_of(&mut there);
    assert_eq!((again.len(), again[0].original), (1, Some(got[7].sequence)));
    assert!(span.home.nacks_to(&mut publisher).is_empty());
    // The publisher's uplink lost one packet. The publisher's own shard requests it, and both shards get it.
    let mut packets = peer::frame(&mut publisher, 0, 5, false, &[1000, 1000, 1000]);
    let late = packets.remove(1);
    packets.iter().for_each(|packet| span.home.deliver(&publisher, packet));
    span.home.advance(50_000);
    span.follow();
    assert_eq!(span.home.nacks_to(&mut publisher).len(), 1);
    assert!(span.away.out.sink.datagrams.iter().all(|(path, _)| *path == there.path));
    assert_eq!(span.away.media_of(&mut there).len(), 2);
    span.home.deliver(&publisher, &late);
    span.follow();
    let last = span.away.media_of(&mut there);
    assert_eq!((last.len(), last[0].payload_len), (1, 1000));
}

#[test]
fn the_first_shard_tells_who_speaks_wherever_that_is() {
    let (mut span, mut publisher) = Span::published(1);
    span.feed(VOICE, true);
    // Another publisher lives on the second shard.
    let mut other = span.away.join(4);
    span.away.publish_audio(&other, 21);
    span.home.command(Command::OpenMirror { router: 1, transport: 4, from: 1, line: false });
    span.home.publish_audio(&other, 21);
    span.away.command(Command::SetMirrored { producer: 21, to: 0, on: true });
    for _ in 0..100 {
        span.say(&mut publisher, 15);
    }
    assert_eq!(speakers(&mut span.home), [VOICE]);
    for _ in 0..100 {
        span.away.publish_voice(&mut other, 12);
        span.exchange();
        span.home.advance(20_000);
    }
    assert_eq!(speakers(&mut span.home), [21]);
    assert!(speakers(&mut span.away).is_empty(), "it knows, and says nothing");
}

#[test]
fn the_publishers_clock_is_told_to_viewers_of_the_mirror() {
    let (mut span, mut publisher) = Span::published(1);
    let mut there = span.away.join(3);
    span.away.consume(&there, 101, CAMERA);
    span.feed(CAMERA, true);
    span.frame(&mut publisher, 0, true);
    span.home.sender_report(&mut publisher, 0, 3_000);
    for n in 1..40 {
        span.frame(&mut publisher, n, false);
    }
    let reports = span.away.rtcp_to(&mut there, |packet, seen: &mut Vec<u32>| {
        if let Packet::SenderReport { info, .. } = packet {
            seen.push(info.ssrc);
        }
    });
    assert!(reports.contains(&0x9000));
}

#[test]
fn nothing_goes_across_when_nobody_looks_and_nothing_is_left() {
    let (mut span, mut publisher) = Span::published(3);
    let mut there = span.away.join(3);
    span.away.consume(&there, 101, CAMERA);
    span.feed(CAMERA, true);
    span.frame(&mut publisher, 0, true);
    assert_eq!(span.away.media_of(&mut there).len(), 3);
    span.feed(CAMERA, false);
    span.frame(&mut publisher, 1, false);
    assert!(span.away.media_of(&mut there).is_empty());
    // The producer is muted in the meantime, and then watched again.
    for stage in [&mut span.home, &mut span.away] {
        stage.command(Command::PauseProducer { producer: CAMERA, paused: true });
    }
    span.feed(CAMERA, true);
    span.frame(&mut publisher, 2, true);
    assert!(span.away.media_of(&mut there).is_empty());
    for stage in [&mut span.home, &mut span.away] {
        stage.command(Command::PauseProducer { producer: CAMERA, paused: false });
    }
    span.frame(&mut publisher, 3, true);
    assert_eq!(span.away.media_of(&mut there).len(), 3);
    for stage in [&mut span.home, &mut span.away] {
        stage.command(Command::CloseTransport { transport: 1 });
        stage.command(Command::CloseRouter { router: 1 });
        let totals = stage.shard.snapshot(stage.now_us).totals;
        assert_eq!((totals.transports, totals.consumers, totals.memory_bytes), (0, 0, 0));
    }
    span.exchange();
}

#[test]
fn packets_for_what_has_closed_are_left() {
    let (mut span, mut publisher) = Span::published(1);
    span.feed(CAMERA, true);
    span.away.command(Command::CloseTransport { transport: 1 });
    span.frame(&mut publisher, 0, true);
    assert!(span.away.out.sink.datagrams.is_empty());
}
