//! RED that the server makes for a viewer, and retransmitted voices: the packets that are sent when the link loses packets,
//! byte by byte.

use crate::peer::{self, Peer, Stage, voice_of};
use plane_core::codec::red;
use plane_core::seam::command::Command;
use plane_core::stream::redundancy;
use plane_core::types::{Codec, Encoding, Extension, Payload, PayloadMap};
use plane_core::wire::rtcp::{self, ReportBlock};
use plane_core::wire::rtp;
use proptest::prelude::*;

const OPUS: PayloadMap = PayloadMap { from: 111, to: 109, rtx: None };
const RED: u8 = 63;
const SSRC: u32 = 0x9002;

struct Talk {
    stage: Stage,
    speaker: Peer,
    listener: Peer,
    said: Vec<Vec<u8>>,
}

/// One received packet: number, timestamp, payload type, payload.
type Heard = (u16, u32, u8, Vec<u8>);

impl Talk {
    fn new() -> Self {
        let mut talk = Talk::begun(Codec::Opus, OPUS, vec![]);
        talk.stage.command(Command::MakeRed { consumer: 100, payload_type: RED });
        talk.stage.advance(10_000);
        talk
    }

    /// Begin a talk. `codec` is the meaning of payload type 111 at the publisher. `blocks` maps the payload types within RED.
    fn begun(codec: Codec, payload: PayloadMap, blocks: Vec<(u8, u8)>) -> Self {
        let mut stage = Stage::new();
        let (speaker, listener) = (stage.join(1), stage.join(2));
        stage.command(Command::OpenProducer {
            transport: 1,
            producer: 10,
            video: false,
            mid: "a".into(),
            encodings: vec![Encoding { ssrc: 0x2000, ..Encoding::default() }],
            payloads: vec![Payload { payload_type: 111, codec, clock_hz: 48_000, rtx: None }],
        });
        stage.command(Command::OpenConsumer {
            transport: 2,
            consumer: 100,
            producer: 10,
            mid: "0".into(),
            ssrc: SSRC,
            rtx_ssrc: 0,
            payloads: vec![payload],
            strip_red: false,
            red_blocks: blocks,
            paused: false,
            single_nal: false,
        });
        Talk { stage, speaker, listener, said: Vec::new() }
    }

    fn say(&mut self, payload: &[u8]) {
        let packet = voice_of(&mut self.speaker, 30, payload);
        self.said.push(payload.to_vec());
        self.stage.deliver(&self.speaker, &packet);
        self.stage.advance(20_000);
    }

    /// Publish a video of 60 or 210 kbit/s, one frame with every second voice packet. `n` counts the voice packets.
    fn film(&mut self, camera: &mut Peer, n: u16) {
        if n % 2 == 0 {
            for (layer, bytes) in [(0, 250), (1, 1_000)] {
                let packets = peer::frame(camera, layer, n / 2, n % 100 == 0, &[bytes]);
                self.stage.deliver(camera, &packets[0]);
            }
        }
        if n % 50 == 0 {
            self.stage.consent(camera);
        }
    }

    fn heard(&mut self) -> Vec<Heard> {
        self.stage.payloads_of(&mut self.listener, SSRC)
    }

    fn tell_loss(&mut self, share: f32) {
        self.tell(ReportBlock { fraction_lost: (share * 256.0) as u8, ..ReportBlock::default() });
    }

    fn tell(&mut self, block: ReportBlock) {
        let mut report = [0; 64];
        let len = rtcp::write_rr(&mut report, 5, &[ReportBlock { ssrc: SSRC, ..block }]);
        self.stage.send_compound(&mut self.listener, &report[..len]);
    }

    /// Send the listener's own bandwidth estimate.
    fn tell_estimate(&mut self, bitrate_bps: u64) {
        let mut word = [0; 64];
        let len = rtcp::write_remb(&mut word, 5, bitrate_bps, &[SSRC]);
        self.stage.send_compound(&mut self.listener, &word[..len]);
    }

    /// Talk for some seconds, with feedback of the listener each second. Return the packets that the listener got in the last
    /// second.
    fn talk_for(
        &mut self,
        seconds: u64,
        (loss, bitrate_bps): (f32, u64),
        mut say: impl FnMut(&mut Self),
    ) -> Vec<Heard> {
        let mut heard = self.heard();
        for _ in 0..seconds {
            [&self.speaker, &self.listener].into_iter().for_each(|peer| self.stage.consent(peer));
            let highest = heard.last().map_or(0, |(number, ..)| u32::from(*number));
            self.tell(ReportBlock { fraction_lost: (loss * 256.0) as u8, highest, ..ReportBlock::default() });
            self.tell_estimate(bitrate_bps);
            (0..50).for_each(|_| say(self));
            heard = self.heard();
        }
        heard
    }

    fn nack(&mut self, sequence: u16) {
        let mut request = [0; 64];
        let len = rtcp::write_nack(&mut request, 5, SSRC, [sequence]);
        self.stage.send_compound(&mut self.listener, &request[..len]);
    }
}

fn blocks(payload: &[u8]) -> Vec<(u8, u16, Vec<u8>)> {
    let found = red::blocks(payload).expect("RED");
    found.map(|block| (block.payload_type, block.timestamp_offset, payload[block.range].to_vec())).collect()
}

#[test]
fn without_loss_opus_stays_opus() {
    let mut talk = Talk::new();
    (0..5u8).for_each(|n| talk.say(&[n; 80]));
    talk.tell_loss(0.01);
    talk.say(&[9; 80]);
    assert!(talk.heard().iter().all(|(_, _, kind, payload)| *kind == 109 && payload.len() == 80));
}

#[test]
fn with_loss_each_packet_takes_the_one_before_along_and_with_much_several() {
    let mut talk = Talk::new();
    (0..5u8).for_each(|n| talk.say(&[n; 80]));
    for (loss, distances) in [(0.05, &[1][..]), (0.2, &[1, 2, 4])] {
        talk.tell_loss(loss);
        talk.heard();
        (0..4u8).for_each(|n| talk.say(&[100 + n; 70]));
        for (at, (_, timestamp, kind, payload)) in talk.heard().iter().enumerate() {
            assert_eq!(*kind, RED);
            let found = blocks(payload);
            let newest = talk.said.len() - 4 + at;
            assert_eq!(found.len(), distances.len() + 1);
            for (back, (kind, offset, block)) in [&0].into_iter().chain(distances).zip(found.iter().rev()) {
                assert_eq!((*kind, *offset), (109, 960 * *back as u16));
                assert_eq!(*block, talk.said[newest - *back]);
            }
            assert_eq!(timestamp % 960, 0);
        }
    }
}

const INNER: u8 = 96;

/// Return the number of copies in each packet.
fn copies(heard: &[Heard]) -> Vec<usize> {
    let count = |(_, _, kind, payload): &Heard| if *kind == RED { blocks(payload).len() - 1 } else { 0 };
    heard.iter().map(count).collect()
}

/// If the downlink is too narrow for a voice of 48 kbit/s, the copies stop, because they would cause more loss than they
/// repair. They start again ten seconds later.
#[test]
fn where_the_way_is_less_than_the_voices_they_go_out_once_and_ten_seconds_later_with_copies_again() {
    let mut talk = Talk::new();
    let speak = |talk: &mut Talk| talk.say(&[7; 80]);
    assert_eq!(copies(&talk.talk_for(3, (0.2, 60_000), speak)), [3; 50], "the voice itself fits");
    assert_eq!(copies(&talk.talk_for(2, (0.2, 40_000), speak)), [0; 50]);
    assert_eq!(copies(&talk.talk_for(8, (0.2, 60_000), speak)), [0; 50]);
    assert_eq!(copies(&talk.talk_for(4, (0.2, 60_000), speak)), [3; 50]);
}

/// RED of a publisher is undone in the same case: only its primary block is sent.
#[test]
fn red_of_a_publisher_is_undone_where_the_way_is_less_than_the_voices() {
    let mut talk = Talk::begun(Codec::Red, PayloadMap { from: 111, to: RED, rtx: None }, vec![(INNER, 109)]);
    // The listener's reports then show the loss.
    talk.stage.command(Command::SetExtensions { transport: 2, extensions: vec![(0, Extension::TransportCc)] });
    let speak = |talk: &mut Talk| {
        let (mut payload, copy) = ([0; 400], red::Copied { timestamp_offset: 960, payload: &[7; 80] });
        let len = red::write(&mut payload, INNER, &[copy], &[7; 80]).expect("it fits");
        talk.say(&payload[..len]);
    };
    assert_eq!(copies(&talk.talk_for(30, (0.1, 60_000), speak)), [3; 50], "without its copies it fits");
    let heard = talk.talk_for(2, (0.1, 40_000), speak);
    assert_eq!(copies(&heard), [0; 50]);
    assert!(heard.iter().all(|(_, _, kind, payload)| *kind == 109 && payload == &[7; 80]));
    assert_eq!(copies(&talk.talk_for(30, (0.1, 60_000), speak)), [3; 50]);
}

/// On a path without loss, RED is undone if its copy takes much of the bandwidth. The voice needs 48 kbit/s, and the
/// publisher's copy 34 more.
#[test]
fn red_of_a_publisher_is_undone_on_a_path_without_loss_of_which_the_copy_takes_much() {
    let mut talk = Talk::begun(Codec::Red, PayloadMap { from: 111, to: RED, rtx: None }, vec![(INNER, 109)]);
    let speak = |talk: &mut Talk| {
        let (mut payload, copy) = ([0; 400], red::Copied { timestamp_offset: 960, payload: &[7; 80] });
        let len = red::write(&mut payload, INNER, &[copy], &[7; 80]).expect("it fits");
        talk.say(&payload[..len]);
    };
    for (bitrate_bps, count) in [(300_000, 1), (200_000, 0), (300_000, 0), (600_000, 1), (300_000, 1)] {
        assert_eq!(copies(&talk.talk_for(3, (0.0, bitrate_bps), speak)), [count; 50], "{bitrate_bps}");
    }
}

/// Video gets the bandwidth that the copies leave. The video has 60 or 210 kbit/s. The voice has 48 kbit/s, or 150 with three
/// copies, or 270 where no copy fits into a packet.
#[test]
fn a_picture_has_what_the_copies_leave() {
    for (loss, spoken, bitrate_bps, picture) in
        [(0.0, 80, 320_000, 1_000), (0.2, 80, 320_000, 250), (0.2, 640, 560_000, 1_000)]
    {
        let mut talk = Talk::new();
        let mut camera = talk.stage.join(3);
        talk.stage.publish(&camera, 12, 2);
        talk.stage.consume(&talk.listener, 102, 12);
        let mut n = 0;
        talk.talk_for(20, (loss, bitrate_bps), |talk| {
            talk.say(&[7; 640][..spoken]);
            talk.film(&mut camera, n);
            n += 1;
        });
        let seen = talk.stage.media_of(&mut talk.listener);
        assert_eq!(seen.last().map(|one| one.payload_len), Some(picture), "{loss}, {spoken} bytes");
    }
}

/// An audio stream that is not a voice takes the bandwidth of video only while it lasts. The video has 60 or 210 kbit/s on a
/// link of 2 Mbit/s, and the stream has 6 Mbit/s for two seconds.
#[test]
fn what_no_voice_is_takes_the_way_of_pictures_only_while_it_lasts() {
    let mut talk = Talk::new();
    let mut camera = talk.stage.join(3);
    talk.stage.publish(&camera, 12, 2);
    talk.stage.consume(&talk.listener, 102, 12);
    let mut n = 0;
    let mut seconds = |talk: &mut Talk, count: u64, spoken: &[usize]| {
        talk.talk_for(count, (0.0, 2_000_000), |talk| {
            for bytes in &spoken[1..] {
                let packet = voice_of(&mut talk.speaker, 30, &vec![7; *bytes]);
                talk.stage.deliver(&talk.speaker, &packet);
            }
            talk.say(&vec![7; spoken[0]]);
            talk.film(&mut camera, n);
            n += 1;
        });
        talk.stage.media_of(&mut talk.listener).last().map(|one| one.payload_len)
    };
    assert_eq!(seconds(&mut talk, 10, &[80]), Some(1_000));
    seconds(&mut talk, 2, &[1_000; 15]);
    assert_eq!(seconds(&mut talk, 6, &[80]), Some(1_000));
}

#[test]
fn what_a_muted_one_sends_takes_nothing_of_the_way() {
    let mut talk = Talk::new();
    let mut muted = talk.stage.join(3);
    talk.stage.publish_audio(&muted, 11);
    let payload = PayloadMap { from: 111, to: 111, rtx: None };
    talk.stage.consume_as(&talk.listener, 101, 11, (0x9004, 0), payload);
    talk.stage.command(Command::PauseProducer { producer: 11, paused: true });
    let heard = talk.talk_for(4, (0.2, 60_000), |talk| {
        talk.say(&[7; 80]);
        let packet = voice_of(&mut muted, 30, &[9; 1_000]);
        talk.stage.deliver(&muted, &packet);
    });
    assert_eq!(copies(&heard), [3; 50]);
}

/// An audio stream of 1.2 Mbit/s without copies does not count as redundancy.
#[test]
fn what_no_voice_is_counts_for_no_copies() {
    let mut talk = Talk::begun(Codec::Red, PayloadMap { from: 111, to: RED, rtx: None }, vec![(INNER, 109)]);
    let mut loud = talk.stage.join(3);
    talk.stage.publish_audio(&loud, 11);
    talk.stage.consume_as(&talk.listener, 101, 11, (0x9004, 0), PayloadMap { from: 111, to: 111, rtx: None });
    let heard = talk.talk_for(4, (0.0, 2_000_000), |talk| {
        for _ in 0..3 {
            let packet = voice_of(&mut loud, 30, &[9; 1_000]);
            talk.stage.deliver(&loud, &packet);
        }
        let (mut payload, copy) = ([0; 400], red::Copied { timestamp_offset: 960, payload: &[7; 80] });
        let len = red::write(&mut payload, INNER, &[copy], &[7; 80]).expect("it fits");
        talk.say(&payload[..len]);
    });
    assert_eq!(copies(&heard), [1; 50]);
}

/// Relay RED with one copy, as libraries make it, to a listener that accepts RED. `lost` holds the packets of the publisher
/// that do not reach the server.
fn relay(loss: f32, count: u8, lost: &[u8]) -> Vec<Vec<(u16, Vec<u8>)>> {
    let mut talk = Talk::begun(Codec::Red, PayloadMap { from: 111, to: RED, rtx: None }, vec![(INNER, 109)]);
    talk.tell_loss(loss);
    let said = |n: u8| vec![n; 60 + usize::from(n)];
    for n in 0..count {
        let mut payload = [0; 400];
        let before = n.checked_sub(1).map(said).unwrap_or_default();
        let copies = [red::Copied { timestamp_offset: 960, payload: &before }];
        let len = red::write(&mut payload, INNER, &copies[usize::from(n == 0)..], &said(n)).expect("it fits");
        let packet = voice_of(&mut talk.speaker, 30, &payload[..len]);
        if !lost.contains(&n) {
            talk.stage.deliver(&talk.speaker, &packet);
        }
        talk.stage.advance(20_000);
    }
    let heard = talk.heard();
    let parts = heard.into_iter().map(|(_, _, kind, payload)| {
        assert_eq!(kind, RED);
        let found = blocks(&payload);
        let newest = &found.last().expect("a primary").2;
        for (kind, offset, block) in &found {
            assert_eq!((*kind, block), (109, &said(newest[0] - (offset / 960) as u8)));
        }
        found.into_iter().map(|(_, offset, block)| (offset / 960, block)).collect()
    });
    parts.collect()
}

#[test]
fn red_of_a_publisher_goes_out_with_more_copies_where_much_is_lost() {
    let distances = |loss| -> Vec<Vec<u16>> {
        let heard = relay(loss, 8, &[]);
        heard[5..].iter().map(|parts| parts.iter().map(|(back, _)| *back).collect()).collect()
    };
    assert_eq!(distances(0.0), [[1, 0], [1, 0], [1, 0]], "as it came");
    assert_eq!(distances(0.03), [[1, 0], [1, 0], [1, 0]]);
    assert_eq!(distances(0.2), [[4, 2, 1, 0], [4, 2, 1, 0], [4, 2, 1, 0]]);
}

#[test]
fn what_was_lost_on_the_way_up_is_in_the_copies_that_are_made() {
    let heard = relay(0.2, 12, &[5]);
    assert_eq!(heard.len(), 11);
    let holding: Vec<_> = heard.iter().filter(|parts| parts.iter().any(|(_, block)| block[0] == 5)).collect();
    assert_eq!(holding.len(), 3, "one, two and four after it");
}

/// The audio from a muted time is cut out of a publisher's RED. The loss that the listener reports decides whether RED is
/// forwarded or made again.
#[test]
fn what_a_publishers_red_says_of_the_time_when_it_was_muted_is_cut_away() {
    const PAUSE: [(usize, bool); 2] = [(4, true), (8, false)];
    for loss in [0.0, 0.03, 0.2] {
        // The first packet after the pause is lost on the uplink, or the last packet in the pause, or both, or none.
        for lost in [&[][..], &[7], &[8], &[7, 8]] {
            let mut talk = Talk::begun(Codec::Red, PayloadMap { from: 111, to: RED, rtx: None }, vec![(INNER, 109)]);
            let mut said: Vec<Vec<u8>> = Vec::new();
            let mut counts = Vec::new();
            talk.tell_loss(loss);
            for n in 0..16 {
                if let Some((_, paused)) = PAUSE.iter().find(|(at, _)| *at == n) {
                    talk.stage.command(Command::PauseProducer { producer: 10, paused: *paused });
                }
                let now = if (4..8).contains(&n) { b"secret".to_vec() } else { vec![n as u8; 60] };
                let copies: Vec<_> = (1..=n.min(3)).rev().map(|back| (960 * back as u16, &said[n - back])).collect();
                let copied = |(timestamp_offset, payload)| red::Copied { timestamp_offset, payload };
                let copies: Vec<_> =
                    copies.into_iter().map(|(offset, payload)| copied((offset, &payload[..]))).collect();
                let mut payload = [0; 400];
                let len = red::write(&mut payload, INNER, &copies, &now).expect("it fits");
                let packet = voice_of(&mut talk.speaker, 30, &payload[..len]);
                if !lost.contains(&n) {
                    talk.stage.deliver(&talk.speaker, &packet);
                }
                talk.stage.advance(20_000);
                said.push(now);
                for (_, _, _, payload) in talk.heard() {
                    counts.push((n, blocks(&payload).len()));
                    let tells = payload.windows(6).any(|part| part == b"secret");
                    assert!(!tells, "{n} tells of the pause, at {loss} of loss without {lost:?}");
                }
            }
            assert_eq!(counts.iter().filter(|(n, _)| *n >= 8).count(), 8 - usize::from(lost.contains(&8)));
            assert!(counts.iter().filter(|(n, _)| *n >= 13).all(|(_, blocks)| *blocks == 4), "{counts:?}");
        }
    }
}

/// The late packet was lost and requested again, or another packet overtook it.
#[test]
fn what_was_said_while_muted_and_comes_late_is_heard_by_nobody() {
    for early in [false, true] {
        let mut talk = Talk::new();
        (0..3).for_each(|_| talk.say(&[1; 80]));
        talk.stage.command(Command::PauseProducer { producer: 10, paused: true });
        let late = voice_of(&mut talk.speaker, 30, b"secret");
        talk.say(b"secret");
        talk.stage.command(Command::PauseProducer { producer: 10, paused: false });
        if early {
            talk.stage.deliver(&talk.speaker, &late);
        }
        talk.say(&[2; 80]);
        talk.stage.deliver(&talk.speaker, &late);
        talk.say(&[2; 80]);
        let heard = talk.heard();
        assert!(heard.iter().all(|(_, _, _, payload)| payload != b"secret"), "before the next one: {early}");
        assert_eq!(heard.len(), 5);
    }
}

#[test]
fn what_was_said_while_muted_is_in_no_copy() {
    let mut talk = Talk::new();
    (0..3).for_each(|_| talk.say(&[1; 80]));
    talk.tell_loss(0.2);
    talk.stage.command(Command::PauseProducer { producer: 10, paused: true });
    (0..5).for_each(|_| talk.say(b"secret"));
    talk.stage.command(Command::PauseProducer { producer: 10, paused: false });
    talk.heard();
    (0..5).for_each(|_| talk.say(&[2; 80]));
    let heard = talk.heard();
    let counts: Vec<_> = heard.iter().map(|(_, _, _, payload)| blocks(payload).len()).collect();
    assert_eq!(counts, [1, 2, 3, 3, 4], "each copies what it was sent since");
    assert!(heard.iter().all(|(_, _, _, payload)| !payload.windows(6).any(|part| part == b"secret")));
}

#[test]
fn copies_are_left_out_where_the_packet_would_be_too_long_or_the_pause_is() {
    let mut talk = Talk::new();
    (0..3).for_each(|_| talk.say(&[1; 80]));
    talk.tell_loss(0.2);
    talk.heard();
    for bytes in [400, 400, 400, 1_000, 1_000, 1_090, 1_400] {
        talk.say(&vec![7; bytes]);
    }
    let heard = talk.heard();
    let copies: Vec<_> =
        heard.iter().map(|(_, _, kind, p)| if *kind == RED { blocks(p).len() - 1 } else { 9 }).collect();
    assert_eq!(copies, [2, 3, 2, 1, 0, 0, 9], "{:?}", heard.iter().map(|one| one.3.len()).collect::<Vec<_>>());
    assert!(heard[..6].iter().all(|one| one.3.len() <= redundancy::BYTES_MAX));
    // Comfort noise comes after a pause. The timestamp offset of RED holds at most a third of a second.
    talk.say(&[1; 80]);
    talk.speaker.rest(400);
    talk.say(&[2; 80]);
    assert_eq!(blocks(&talk.heard()[1].3).len(), 1);
}

#[test]
fn a_lost_voice_is_sent_again_just_as_it_was_but_not_as_red_nor_late() {
    let mut talk = Talk::new();
    (0..3u8).for_each(|n| talk.say(&[n; 80]));
    let before = talk.stage.sealed(&talk.listener, SSRC);
    let lost = rtp::parse(&before[1]).expect("RTP").sequence;
    talk.nack(lost);
    assert_eq!(talk.stage.sealed(&talk.listener, SSRC), [before[1].clone()]);
    talk.tell_loss(0.05);
    (0..3u8).for_each(|n| talk.say(&[n; 80]));
    let sent = talk.stage.sealed(&talk.listener, SSRC);
    let numbers: Vec<_> = sent.iter().map(|datagram| rtp::parse(datagram).expect("RTP").sequence).collect();
    numbers.iter().for_each(|number| talk.nack(*number));
    assert!(talk.stage.sealed(&talk.listener, SSRC).is_empty(), "its copy is in the next one");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// After single losses the listener still has every packet, and each number is used for one packet only.
    #[test]
    fn single_losses_are_made_good(
        sizes in proptest::collection::vec(1usize..300, 12..60),
        lost in proptest::collection::vec(any::<bool>(), 60),
    ) {
        let mut talk = Talk::new();
        talk.say(&[0; 10]);
        talk.tell_loss(0.05);
        talk.heard();
        for (n, bytes) in sizes.iter().enumerate() {
            talk.say(&vec![n as u8; *bytes]);
        }
        let mut known = std::collections::BTreeMap::new();
        let mut dropped = true; // the first packet is never dropped
        for (n, (_, timestamp, kind, payload)) in talk.heard().into_iter().enumerate() {
            prop_assert_eq!(kind, RED);
            dropped = lost[n] && !dropped;
            if dropped && n + 1 < sizes.len() {
                continue;
            }
            for (_, offset, block) in blocks(&payload) {
                let first = known.entry(timestamp.wrapping_sub(offset.into())).or_insert_with(|| block.clone());
                prop_assert_eq!(&*first, &block);
            }
        }
        let said: Vec<_> = talk.said[1..].to_vec();
        let got: Vec<_> = known.into_values().collect();
        prop_assert!(got.ends_with(&said));
    }

    #[test]
    fn what_is_written_reads_the_same(
        copies in proptest::collection::vec((1u16..0x4000, proptest::collection::vec(any::<u8>(), 1..0x400)), 0..5),
        primary in proptest::collection::vec(any::<u8>(), 0..100),
        kind in 0u8..128,
        space in 0usize..5_000,
    ) {
        let given: Vec<_> = copies.iter().map(|(timestamp_offset, payload)| red::Copied { timestamp_offset: *timestamp_offset, payload }).collect();
        let mut written = vec![0xaa; space];
        let needed = 1 + primary.len() + copies.iter().map(|(_, payload)| payload.len() + 4).sum::<usize>();
        let len = red::write(&mut written, kind, &given, &primary);
        prop_assert_eq!(len, (needed <= space).then_some(needed));
        if let Some(len) = len {
            let found = blocks(&written[..len]);
            prop_assert_eq!(found.len(), copies.len() + 1);
            for ((k, offset, block), (wanted, payload)) in found.iter().zip(copies.iter().chain([&(0, primary.clone())])) {
                prop_assert_eq!((*k, *offset, block), (kind, *wanted, payload));
            }
            prop_assert!(written[len..].iter().all(|byte| *byte == 0xaa));
        }
    }
}
