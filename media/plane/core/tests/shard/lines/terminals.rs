//! Lines in a whole shard, with a clock that the tests set. The tests show which datagrams are accepted, which packets are sent
//! back, what happens when the far end changes, and what a terminal's video needs.

use std::net::SocketAddr;

use crate::peer::Stage;
use plane_core::path::Path;
use plane_core::seam::command::Command;
use plane_core::seam::event::{Event, LineState};
use plane_core::shard::tables::line::SILENT_US;
use plane_core::types::{Codec, Encoding, Feedback, Payload, PayloadMap};
use plane_core::wire::rtcp::{self, Packet, SenderInfo, TmmbrEntry};
use plane_core::wire::rtp;
use plane_core::wire::srtp::{Inbound, Outbound, RocTx};
use plane_core::wire::srtp_profile::Profile;
use proptest::prelude::*;

const SPS: &[u8] = &[0x67, 0x42, 0x80, 0x1f, 1];
const PPS: &[u8] = &[0x68, 0xce, 0x38, 0x80];
const IDR: &[u8] = &[0x65, 0x88, 0x84, 9];
const SLICE: &[u8] = &[0x41, 0x9a, 2, 9];
const MEDIA: u32 = 0x700;

/// The far end of a line. Line `n` has the sockets `4 n` and `4 n + 1`. The terminal has the ports 5000 + 10 n and one above.
#[derive(Clone, Copy)]
struct Terminal {
    n: u16,
}

impl Terminal {
    fn id(self) -> u32 {
        u32::from(self.n)
    }

    fn rtp(self) -> SocketAddr {
        ([192, 0, 2, self.n as u8], 5_000 + 10 * self.n).into()
    }

    fn from(self, remote: SocketAddr) -> Path {
        Path::Udp { socket: 4 * self.n, remote, local: None }
    }

    fn path(self) -> Path {
        self.from(self.rtp())
    }

    fn rtcp_path(self) -> Path {
        let remote = SocketAddr::new(self.rtp().ip(), self.rtp().port() + 1);
        Path::Udp { socket: 4 * self.n + 1, remote, local: None }
    }

    fn open(self, stage: &mut Stage) {
        stage.command(Command::OpenLine {
            router: 1,
            transport: self.id(),
            rtp_socket: 4 * self.n,
            rtcp_socket: Some(4 * self.n + 1),
            latch: true,
            silent_us: SILENT_US,
            cname: "bridge".into(),
        });
    }

    fn meet(self, stage: &mut Stage) {
        self.remote(stage, Some(self.rtp()));
    }

    fn remote(self, stage: &mut Stage, rtp: Option<SocketAddr>) {
        stage.command(Command::SetLineRemote { transport: self.id(), rtp, rtcp: None });
    }

    fn publish(self, stage: &mut Stage, producer: u32, video: bool, ssrc: u32) {
        let payloads = match video {
            true => vec![payload(97, Codec::H264, 90_000)],
            false => vec![payload(8, Codec::Pcma, 8_000), payload(101, Codec::TelephoneEvent, 8_000)],
        };
        let encodings = vec![Encoding { ssrc, ..Encoding::default() }];
        let transport = self.id();
        stage.command(Command::OpenProducer { transport, producer, video, mid: String::new(), encodings, payloads });
    }

    fn consume(self, stage: &mut Stage, consumer: u32, producer: u32, single_nal: bool) {
        let map = |from| PayloadMap { from, to: from, rtx: None };
        stage.command(Command::OpenConsumer {
            transport: self.id(),
            consumer,
            producer,
            mid: String::new(),
            ssrc: 0x9000 + consumer,
            rtx_ssrc: 0,
            payloads: vec![map(97), map(8)],
            strip_red: false,
            red_blocks: vec![],
            paused: false,
            single_nal,
        });
    }

    fn send(self, stage: &mut Stage, ssrc: u32, number: u16, timestamp: u32, payload: &[u8]) {
        let kind = if payload.first().is_some_and(|head| head & 0x1f != 0 && payload.len() < 160) { 97 } else { 8 };
        stage.deliver_from(self.path(), &packet(kind, ssrc, number, timestamp, payload));
    }

    fn feedback(self, stage: &mut Stage, feedback: Feedback) {
        stage.command(Command::SetLineFeedback { transport: self.id(), feedback });
    }

    fn report(self, stage: &mut Stage, body: &[u8]) {
        let mut compound = vec![0; 8];
        rtcp::write_rr(&mut compound, MEDIA, &[]);
        compound.extend_from_slice(body);
        stage.deliver_from(self.rtcp_path(), &compound);
    }

    /// Return the packets that the terminal got: sequence number, timestamp and payload.
    fn got(self, stage: &mut Stage) -> Vec<(u16, u32, Vec<u8>)> {
        stage.take_to(self.path()).iter().map(|datagram| read(datagram)).collect()
    }
}

fn payload(payload_type: u8, codec: Codec, clock_hz: u32) -> Payload {
    Payload { payload_type, codec, clock_hz, rtx: None }
}

fn packet(kind: u8, ssrc: u32, number: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 12];
    rtp::write_header(&mut packet, false, kind, number, timestamp, ssrc, &[]);
    packet.extend_from_slice(payload);
    packet
}

fn read(datagram: &[u8]) -> (u16, u32, Vec<u8>) {
    let header = rtp::parse(datagram).expect("RTP");
    assert!(!header.padded, "nobody knows whether a terminal takes padding");
    (header.sequence, header.timestamp, datagram[header.payload_offset..].to_vec())
}

fn lines(stage: &Stage) -> Vec<LineState> {
    let state = |event: &Event| if let Event::Line { state, .. } = event { Some(*state) } else { None };
    stage.events.iter().filter_map(state).collect()
}

fn is_asked(compound: &[u8]) -> (Vec<u32>, Vec<(u32, u8)>) {
    let (mut plis, mut firs) = (Vec::new(), Vec::new());
    for packet in rtcp::packets(compound) {
        match packet.expect("ours") {
            Packet::Pli { media } => plis.push(media),
            Packet::Fir { entries } => firs.extend(entries),
            _ => {}
        }
    }
    (plis, firs)
}

/// Return a hall that sends video or audio, and another hall that receives it.
fn hall_and_viewer(video: bool) -> (Stage, Terminal, Terminal) {
    let mut stage = Stage::new();
    let (hall, viewer) = (Terminal { n: 1 }, Terminal { n: 2 });
    for terminal in [hall, viewer] {
        terminal.open(&mut stage);
        terminal.meet(&mut stage);
    }
    hall.publish(&mut stage, 10, video, 0);
    viewer.consume(&mut stage, 20, 10, false);
    (stage, hall, viewer)
}

const SOUND: [u8; 160] = [0xd5; 160];

#[test]
fn who_is_not_at_the_address_of_the_description_changes_nothing() {
    let (mut stage, hall, viewer) = hall_and_viewer(false);
    let before = stage.shard.snapshot(0).totals.memory_bytes;
    for n in 0..100u16 {
        let stranger = hall.from(([198, 51, 100, n as u8], 5_010).into());
        stage.deliver_from(stranger, &packet(8, u32::from(n), n, 0, &SOUND));
        stage.deliver_from(stranger, &[0x80, 203, 0, 1, 0, 0, 7, 0]);
    }
    let totals = stage.shard.snapshot(0).totals;
    assert_eq!((totals.stranger_datagrams, totals.memory_bytes), (200, before));
    assert_eq!((lines(&stage).len(), viewer.got(&mut stage).len()), (0, 0));
    hall.send(&mut stage, MEDIA, 1, 0, &SOUND);
    assert_eq!(viewer.got(&mut stage).len(), 1);
    assert_eq!(lines(&stage), [LineState::First]);
}

/// Without keys (the unprotected way) packets are not sealed, so a forged packet from the hall's address is forwarded.
#[test]
fn in_clear_what_comes_in_the_name_of_the_hall_is_forwarded() {
    let (mut stage, hall, viewer) = hall_and_viewer(false);
    hall.send(&mut stage, MEDIA, 1, 0, &SOUND);
    let forged = [7; 160];
    stage.deliver_from(hall.path(), &packet(8, MEDIA, 2, 160, &forged));
    assert_eq!(viewer.got(&mut stage).last().map(|one| one.2.clone()), Some(forged.to_vec()));
}

#[test]
fn what_only_keeps_a_door_open_leaves_no_gap() {
    let (mut stage, hall, viewer) = hall_and_viewer(false);
    for (number, kind, payload) in [(1, 8, &SOUND[..]), (2, 13, &[0x40]), (3, 126, &[]), (4, 8, &[]), (5, 8, &SOUND)] {
        stage.deliver_from(hall.path(), &packet(kind, MEDIA, number, u32::from(number) * 160, payload));
    }
    let got = viewer.got(&mut stage);
    let [(first, from, one), (second, to, other)] = &got[..] else { panic!("{got:?}") };
    assert_eq!((second.wrapping_sub(*first), to.wrapping_sub(*from), one.len(), other.len()), (1, 4 * 160, 160, 160));
    // The same packet of an unknown source proves nothing.
    stage.deliver_from(hall.path(), &packet(13, MEDIA + 1, 6, 0, &[0x40]));
    assert_eq!(viewer.got(&mut stage).len(), 0);
}

#[test]
fn any_port_is_latched_once_and_another_only_when_it_is_told() {
    let (mut stage, hall, viewer) = hall_and_viewer(false);
    hall.consume(&mut stage, 21, 10, false);
    let (first, second) = ((hall.rtp().ip(), 6_000).into(), (hall.rtp().ip(), 7_000).into());
    // A payload type that was not agreed proves nothing, and RTCP proves nothing.
    stage.deliver_from(hall.from(second), &packet(0, MEDIA, 1, 0, &SOUND));
    stage.deliver_from(hall.from(second), &[0x80, 201, 0, 1, 0, 0, 7, 0]);
    stage.deliver_from(hall.from(first), &packet(8, MEDIA, 1, 0, &[]));
    stage.deliver_from(hall.from(second), &packet(8, MEDIA, 2, 160, &SOUND));
    stage.deliver_from(hall.from(first), &packet(8, MEDIA, 2, 160, &SOUND));
    assert_eq!(viewer.got(&mut stage).len(), 1);
    assert_eq!((stage.take_to(hall.from(first)).len(), stage.take_to(hall.path()).len()), (1, 0));
    // The same description again does not open the latch.
    hall.meet(&mut stage);
    stage.deliver_from(hall.from(second), &packet(8, MEDIA, 3, 320, &SOUND));
    assert_eq!(viewer.got(&mut stage).len(), 0);
    hall.remote(&mut stage, Some(second));
    stage.deliver_from(hall.from(first), &packet(8, MEDIA, 3, 320, &SOUND));
    stage.deliver_from(hall.from(second), &packet(8, MEDIA, 4, 480, &SOUND));
    stage.deliver_from(hall.from(first), &packet(8, MEDIA, 5, 640, &SOUND));
    // Before the new port is latched, the old port of the same address is still accepted, as any other port.
    assert_eq!(stage.take_to(hall.from(first)).len() + stage.take_to(hall.from(second)).len(), 2);
    assert_eq!(viewer.got(&mut stage).len(), 2);
}

#[test]
fn with_keys_only_what_they_sealed_is_latched_wherever_it_comes_from() {
    let mut stage = Stage::new();
    let (hall, viewer) = (Terminal { n: 1 }, Terminal { n: 2 });
    hall.open(&mut stage);
    let (key, salt) = ([1; 16], [2; 14]);
    stage.command(Command::SetKeys {
        transport: 1,
        profile: Profile::Aes128CmSha1_32,
        receive_key: key.to_vec(),
        receive_salt: salt.to_vec(),
        send_key: vec![3; 16],
        send_salt: vec![4; 14],
    });
    hall.meet(&mut stage);
    viewer.open(&mut stage);
    viewer.meet(&mut stage);
    hall.publish(&mut stage, 10, false, 0);
    viewer.consume(&mut stage, 20, 10, false);
    hall.consume(&mut stage, 21, 10, false);
    let behind_nat = hall.from(([203, 0, 113, 7], 40_000).into());
    stage.deliver_from(hall.path(), &packet(8, MEDIA, 1, 0, &SOUND));
    stage.deliver_from(behind_nat, &packet(8, MEDIA, 1, 0, &SOUND));
    assert_eq!((viewer.got(&mut stage).len(), lines(&stage).len()), (0, 0));
    let outbound = Outbound::new(Profile::Aes128CmSha1_32, &key, &salt).unwrap();
    let mut roc = RocTx::default();
    let mut sealed = |number: u16| {
        let mut bytes = packet(8, MEDIA, number, 0, &SOUND);
        let len = bytes.len();
        bytes.resize(len + 16, 0);
        let len = outbound.seal_rtp(&mut bytes, len, 12, roc.advance(number));
        assert_eq!(len, 12 + 160 + 4);
        bytes.truncate(len);
        bytes
    };
    let first = sealed(1);
    stage.deliver_from(behind_nat, &first);
    assert_eq!((viewer.got(&mut stage).len(), lines(&stage)), (1, vec![LineState::First]));
    let mut own = stage.take_to(behind_nat);
    let mut inbound = Inbound::new(Profile::Aes128CmSha1_32, &[3; 16], &[4; 14]).unwrap();
    let header = rtp::parse(&own[0]).unwrap();
    assert_eq!(inbound.open_rtp(&mut own[0], &header), Ok(172));
    // The line is latched: packets with the right keys from the signalled address come too late, and a replay is refused.
    let second = sealed(2);
    stage.deliver_from(hall.path(), &second);
    stage.deliver_from(behind_nat, &first);
    assert_eq!(viewer.got(&mut stage).len(), 0);
}

#[test]
fn without_latching_only_the_very_address_counts() {
    let mut stage = Stage::new();
    let (mixer, viewer) = (Terminal { n: 1 }, Terminal { n: 2 });
    stage.command(Command::OpenLine {
        router: 1,
        transport: 1,
        rtp_socket: 4,
        rtcp_socket: None,
        latch: false,
        silent_us: SILENT_US,
        cname: String::new(),
    });
    mixer.meet(&mut stage);
    viewer.open(&mut stage);
    viewer.meet(&mut stage);
    mixer.publish(&mut stage, 10, false, MEDIA);
    viewer.consume(&mut stage, 20, 10, false);
    stage.deliver_from(mixer.from((mixer.rtp().ip(), 1).into()), &packet(8, MEDIA, 1, 0, &SOUND));
    assert_eq!(viewer.got(&mut stage).len(), 0);
    mixer.send(&mut stage, MEDIA, 1, 0, &SOUND);
    // A line with a given SSRC does not follow another SSRC.
    for number in 2..6 {
        mixer.send(&mut stage, MEDIA + 1, number, 160, &SOUND);
    }
    assert_eq!(viewer.got(&mut stage).len(), 1);
}

#[test]
fn a_new_ssrc_takes_over_when_the_old_one_is_gone() {
    let (mut stage, hall, viewer) = hall_and_viewer(false);
    let (old, new) = (MEDIA, MEDIA + 1);
    hall.send(&mut stage, old, 65_535, 0, &SOUND);
    // Both SSRCs send at once, and the SSRC in use stays.
    for number in 0..20u16 {
        hall.send(&mut stage, old, number, 160 * u32::from(number), &SOUND);
        hall.send(&mut stage, new, 500 + number, 77, &[7; 160]);
    }
    let got = viewer.got(&mut stage);
    assert_eq!((got.len(), got.iter().all(|(_, _, payload)| payload[0] == 0xd5)), (21, true));
    // The new SSRC takes over after two of its packets in order, without packets of the old SSRC.
    hall.send(&mut stage, new, 600, 77, &[7; 160]);
    hall.send(&mut stage, new, 602, 77, &[7; 160]);
    assert_eq!(viewer.got(&mut stage).len(), 0);
    hall.send(&mut stage, new, 603, 77, &[7; 160]);
    let next = viewer.got(&mut stage);
    assert_eq!(next[0].0, got[20].0.wrapping_add(1));
    assert!(next[0].1.wrapping_sub(got[20].1) < 8_000);
    // After a silence one packet is enough.
    stage.advance(600_000);
    hall.send(&mut stage, old, 9, 0, &SOUND);
    assert_eq!(viewer.got(&mut stage).len(), 1);
}

#[test]
fn a_source_that_starts_anew_under_its_ssrc_is_heard() {
    let (mut stage, hall, viewer) = hall_and_viewer(true);
    hall.send(&mut stage, MEDIA, 40_000, 0, SPS);
    hall.send(&mut stage, MEDIA, 40_001, 0, IDR);
    hall.send(&mut stage, MEDIA, 10, 5_000, SLICE);
    assert_eq!(viewer.got(&mut stage).len(), 2, "one packet far off proves nothing");
    hall.send(&mut stage, MEDIA, 11, 8_000, SLICE);
    hall.send(&mut stage, MEDIA, 12, 11_000, SPS);
    hall.send(&mut stage, MEDIA, 13, 11_000, IDR);
    let got = viewer.got(&mut stage);
    assert_eq!(got.iter().map(|one| &one.2[..]).collect::<Vec<_>>(), [SPS, IDR]);
    assert!(got[1].1.wrapping_sub(0) < 900_000 || got[1].1 > u32::MAX - 900_000);
}

#[test]
fn parameter_sets_are_put_before_each_picture_that_lacks_them() {
    let (mut stage, hall, viewer) = hall_and_viewer(true);
    let stream: [(u16, u32, &[u8]); 9] = [
        (65_532, 0, SPS),
        (65_533, 0, PPS),
        (65_534, 0, IDR),
        (65_535, 3_000, SLICE),
        (0, 6_000, IDR),
        (1, 6_000, &[0x65, 0x08, 1]),
        (2, 9_000, SLICE),
        (3, 12_000, &[0x7c, 0x85, 0x88, 1]),
        (4, 12_000, &[0x7c, 0x45, 2]),
    ];
    for (number, timestamp, payload) in stream {
        hall.send(&mut stage, MEDIA, number, timestamp, payload);
    }
    let got = viewer.got(&mut stage);
    let kinds: Vec<u8> = got.iter().map(|(_, _, payload)| payload[0] & 0x1f).collect();
    assert_eq!(kinds, [7, 8, 5, 1, 7, 8, 5, 5, 1, 7, 8, 28, 28]);
    assert!(got.iter().enumerate().all(|(n, one)| one.0 == got[0].0.wrapping_add(n as u16)));
    assert_eq!([&got[4].2[..], &got[5].2[..]], [SPS, PPS]);
    assert_eq!([got[4].1, got[5].1, got[6].1], [6_000; 3]);
    // A later viewer gets the parameter sets from the cache.
    let late = Terminal { n: 3 };
    late.open(&mut stage);
    late.meet(&mut stage);
    late.consume(&mut stage, 30, 10, false);
    stage.advance(10_000);
    let kinds: Vec<u8> = late.got(&mut stage).iter().map(|(_, _, payload)| payload[0] & 0x1f).collect();
    assert_eq!(kinds, [7, 8, 28, 28]);
}

#[test]
fn a_terminal_of_mode_0_gets_nothing_of_a_source_in_fragments() {
    let (mut stage, hall, _) = hall_and_viewer(true);
    let plain = Terminal { n: 3 };
    plain.open(&mut stage);
    plain.meet(&mut stage);
    plain.consume(&mut stage, 30, 10, true);
    hall.send(&mut stage, MEDIA, 1, 0, SPS);
    hall.send(&mut stage, MEDIA, 2, 0, IDR);
    assert_eq!(plain.got(&mut stage).len(), 2);
    for number in 3..6 {
        hall.send(&mut stage, MEDIA, number, 3_000, &[0x7c, 0x81, 1]);
        hall.send(&mut stage, MEDIA, number + 10, 3_000, SPS);
    }
    let unfit = |stage: &Stage| stage.events.iter().filter(|e| matches!(e, Event::Unfit { consumer: 30 })).count();
    assert_eq!((plain.got(&mut stage).len(), unfit(&stage)), (0, 1));
    // Another source gets another chance.
    hall.publish(&mut stage, 11, true, 0x800);
    stage.command(Command::SwitchSource {
        consumer: 30,
        producer: 11,
        payloads: vec![PayloadMap { from: 97, to: 97, rtx: None }],
    });
    hall.send(&mut stage, 0x800, 1, 0, SPS);
    assert_eq!(plain.got(&mut stage).len(), 1);
}

#[test]
fn a_key_frame_is_asked_for_each_second_until_it_comes() {
    let (mut stage, hall, viewer) = hall_and_viewer(true);
    hall.send(&mut stage, MEDIA, 1, 0, SLICE);
    let mut asked = Vec::new();
    for number in 0..28u16 {
        stage.advance(100_000);
        // The viewers request key frames all the time.
        let mut pli = [0; 12];
        rtcp::write_pli(&mut pli, 5, 0x9000 + 20);
        viewer.report(&mut stage, &pli);
        hall.send(&mut stage, MEDIA, 2 + number, 3_000, SLICE);
        asked.extend(
            stage
                .take_to(hall.rtcp_path())
                .iter()
                .map(|compound| is_asked(compound))
                .filter(|a| *a != (vec![], vec![])),
        );
    }
    // Both messages are sent, and the repeated FIR keeps its command number.
    assert_eq!(
        asked,
        [(vec![MEDIA], vec![(MEDIA, 1)]), (vec![MEDIA], vec![(MEDIA, 1)]), (vec![MEDIA], vec![(MEDIA, 1)])]
    );
    let missing = |stage: &Stage| stage.events.iter().filter(|e| matches!(e, Event::Keyframe { transport: 1 })).count();
    assert_eq!(missing(&stage), 2);
    hall.send(&mut stage, MEDIA, 40, 9_000, SPS);
    hall.send(&mut stage, MEDIA, 41, 9_000, IDR);
    stage.take_to(hall.rtcp_path());
    stage.advance(3_000_000);
    assert!(stage.take_to(hall.rtcp_path()).iter().all(|compound| is_asked(compound) == (vec![], vec![])));
    // The next request has a new command number.
    let mut pli = [0; 12];
    rtcp::write_pli(&mut pli, 5, 1);
    viewer.report(&mut stage, &pli);
    let asked: Vec<_> = stage.take_to(hall.rtcp_path()).iter().flat_map(|compound| is_asked(compound).1).collect();
    assert_eq!(asked, [(MEDIA, 2)], "and a terminal's odd SSRC means the only video");
}

#[test]
fn who_knows_no_feedback_is_asked_by_signalling_at_once() {
    let (mut stage, hall, _) = hall_and_viewer(true);
    hall.feedback(&mut stage, Feedback { nack: false, pli: false, fir: false, tmmbr: false });
    hall.send(&mut stage, MEDIA, 1, 0, SLICE);
    assert!(stage.events.iter().any(|event| matches!(event, Event::Keyframe { transport: 1 })));
    assert!(stage.take_to(hall.rtcp_path()).iter().all(|compound| is_asked(compound) == (vec![], vec![])));
}

#[test]
fn losses_are_asked_for_only_where_that_was_agreed() {
    for nack in [false, true] {
        let (mut stage, hall, _) = hall_and_viewer(true);
        hall.feedback(&mut stage, Feedback { nack, ..Feedback::default() });
        hall.send(&mut stage, MEDIA, 1, 0, SPS);
        hall.send(&mut stage, MEDIA, 4, 3_000, SLICE);
        stage.advance(50_000);
        let mut asked = Vec::new();
        for compound in stage.take_to(hall.rtcp_path()) {
            for packet in rtcp::packets(&compound) {
                if let Ok(Packet::Nack { items, .. }) = packet {
                    asked.extend(items);
                }
            }
        }
        assert_eq!(asked.contains(&2), nack);
    }
}

#[test]
fn a_limit_is_asked_for_until_it_is_confirmed_and_theirs_is_confirmed_at_once() {
    let (mut stage, hall, viewer) = hall_and_viewer(true);
    hall.feedback(&mut stage, Feedback { tmmbr: true, ..Feedback::default() });
    hall.send(&mut stage, MEDIA, 1, 0, SPS);
    stage.command(Command::SetBitrateLimit { transport: 1, bitrate_bps: 768_000 });
    let limits = |stage: &mut Stage, terminal: Terminal| {
        let mut found = Vec::new();
        for compound in stage.take_to(terminal.rtcp_path()) {
            for packet in rtcp::packets(&compound) {
                if let Ok(Packet::Tmmbr { entries, .. } | Packet::Tmmbn { entries, .. }) = packet {
                    found.extend(entries);
                }
            }
        }
        found
    };
    let wanted = TmmbrEntry { ssrc: MEDIA, bitrate_bps: 768_000, overhead_bytes: 40 };
    assert_eq!(limits(&mut stage, hall), [wanted]);
    stage.advance(2_100_000);
    assert_eq!(limits(&mut stage, hall), [wanted, wanted]);
    let mut confirmed = [0; 20];
    rtcp::write_tmmbn(&mut confirmed, MEDIA, &TmmbrEntry { ssrc: 1, ..wanted });
    hall.report(&mut stage, &confirmed);
    stage.advance(5_000_000);
    assert_eq!(limits(&mut stage, hall), []);
    let theirs = TmmbrEntry { ssrc: 0x9000 + 20, bitrate_bps: 384_000, overhead_bytes: 40 };
    let mut asked = [0; 20];
    rtcp::write_tmmbr(&mut asked, 0x55, &theirs);
    viewer.report(&mut stage, &asked);
    viewer.report(&mut stage, &asked);
    assert_eq!(limits(&mut stage, viewer), [TmmbrEntry { ssrc: 0x55, ..theirs }; 2]);
    let told: Vec<_> =
        stage.events.iter().filter(|e| matches!(e, Event::Limit { consumer: 20, bitrate_bps: 384_000 })).collect();
    assert_eq!(told.len(), 1);
}

#[test]
fn reports_have_one_name_and_one_clock_for_all_tracks_of_a_hall() {
    let mut stage = Stage::new();
    let (hall, viewer) = (Terminal { n: 1 }, Terminal { n: 2 });
    let content = Terminal { n: 3 };
    for terminal in [hall, viewer, content] {
        terminal.open(&mut stage);
        terminal.meet(&mut stage);
    }
    hall.publish(&mut stage, 10, false, 0);
    hall.publish(&mut stage, 11, true, 0);
    viewer.consume(&mut stage, 20, 10, false);
    content.consume(&mut stage, 21, 11, false);
    // The hall reports the state of its two clocks at one moment ...
    let ntp = (2_208_988_800 + 1_600_000_000_u64) << 32;
    hall.send(&mut stage, MEDIA, 1, 8_000, &SOUND);
    hall.send(&mut stage, MEDIA + 1, 1, 900_000, SPS);
    for (ssrc, rtp) in [(MEDIA, 8_000), (MEDIA + 1, 900_000)] {
        let mut sr = [0; 28];
        rtcp::write_sr(&mut sr, &SenderInfo { ssrc, ntp, rtp, packets: 1, bytes: 1 }, &[]);
        stage.deliver_from(hall.rtcp_path(), &sr);
    }
    stage.advance(1_100_000);
    let mut told = Vec::new();
    for terminal in [viewer, content] {
        let compound = stage.take_to(terminal.rtcp_path()).pop().expect("a report");
        let text = compound.windows(6).any(|name| name == b"bridge");
        let Some(Ok(Packet::SenderReport { info, .. })) = rtcp::packets(&compound).next() else {
            panic!("no SR first")
        };
        told.push((info, text));
    }
    assert!(told.iter().all(|(_, text)| *text));
    // ... so that the two streams stay synchronous: their difference is only the difference of the clocks.
    let seconds = |info: &SenderInfo, zero: u32, clock_hz: f64| f64::from(info.rtp.wrapping_sub(zero)) / clock_hz;
    let audio = seconds(&told[0].0, 8_000, 8_000.0);
    let video = seconds(&told[1].0, 900_000, 90_000.0);
    let apart = (told[1].0.ntp as i64 - told[0].0.ntp as i64) as f64 / f64::from(u32::MAX);
    assert!((video - audio - apart).abs() < 0.001, "{audio} {video} {apart}");
}

#[test]
fn a_terminal_without_sender_reports_still_gets_its_viewers_one() {
    let (mut stage, hall, viewer) = hall_and_viewer(false);
    for number in 0..60u16 {
        hall.send(&mut stage, MEDIA, number, 160 * u32::from(number), &SOUND);
        stage.advance(20_000);
    }
    let compounds = stage.take_to(viewer.rtcp_path());
    let first = compounds.iter().find_map(|compound| match rtcp::packets(compound).next() {
        Some(Ok(Packet::SenderReport { info, .. })) => Some(info),
        _ => None,
    });
    assert_eq!(first.map(|info| info.ssrc), Some(0x9000 + 20));
}

#[test]
fn half_a_minute_without_a_word_is_told_once() {
    let (mut stage, hall, _) = hall_and_viewer(false);
    hall.send(&mut stage, MEDIA, 1, 0, &SOUND);
    // RTCP alone keeps a muted hall alive.
    for _ in 0..8 {
        stage.advance(5_000_000);
        hall.report(&mut stage, &[]);
    }
    let of_hall = |stage: &Stage| {
        let state = |event: &Event| match event {
            Event::Line { transport: 1, state } => Some(*state),
            _ => None,
        };
        stage.events.iter().filter_map(state).collect::<Vec<_>>()
    };
    assert_eq!(of_hall(&stage), [LineState::First]);
    stage.advance(70_000_000);
    assert_eq!(of_hall(&stage), [LineState::First, LineState::Silent]);
    hall.report(&mut stage, &[]);
    assert_eq!(of_hall(&stage), [LineState::First, LineState::Silent, LineState::Alive]);
    // No silence is reported during hold.
    hall.remote(&mut stage, None);
    stage.advance(70_000_000);
    assert_eq!(of_hall(&stage).len(), 3);
}

#[test]
fn on_hold_nothing_goes_and_nothing_is_taken() {
    let (mut stage, hall, viewer) = hall_and_viewer(false);
    hall.send(&mut stage, MEDIA, 1, 0, &SOUND);
    viewer.remote(&mut stage, None);
    viewer.got(&mut stage);
    hall.send(&mut stage, MEDIA, 2, 160, &SOUND);
    assert_eq!(viewer.got(&mut stage).len(), 0);
    hall.remote(&mut stage, None);
    viewer.meet(&mut stage);
    hall.send(&mut stage, MEDIA, 3, 320, &SOUND);
    assert_eq!(viewer.got(&mut stage).len(), 0);
}

#[test]
fn keys_pressed_leave_no_gap_in_the_sound() {
    let (mut stage, hall, viewer) = hall_and_viewer(false);
    hall.send(&mut stage, MEDIA, 1, 0, &SOUND);
    for number in 2..8u8 {
        let end = if number >= 5 { 0x80 } else { 0 };
        let event = [3, end | 10, 0, 40 * (number.min(5) - 1)];
        stage.deliver_from(hall.path(), &packet(101, MEDIA, number.into(), 160, &event));
    }
    hall.send(&mut stage, MEDIA, 8, 1_120, &SOUND);
    let got = viewer.got(&mut stage);
    assert_eq!((got.len(), got[1].0.wrapping_sub(got[0].0)), (2, 1));
    let pressed: Vec<_> = stage.events.iter().filter(|event| matches!(event, Event::Dtmf { digit: '3', .. })).collect();
    assert_eq!(pressed.len(), 1);
}

#[test]
fn a_closed_line_says_farewell_in_a_whole_compound_and_gives_its_sockets_back() {
    let (mut stage, hall, viewer) = hall_and_viewer(false);
    hall.send(&mut stage, MEDIA, 1, 0, &SOUND);
    stage.command(Command::CloseTransport { transport: 2 });
    let compound = stage.take_to(viewer.rtcp_path()).pop().expect("a farewell");
    let kinds: Vec<u8> = rtcp::packets(&compound)
        .map(|packet| match packet.expect("ours") {
            Packet::ReceiverReport { .. } => 201,
            Packet::Sdes => 202,
            Packet::Bye { .. } => 203,
            _ => 0,
        })
        .collect();
    assert_eq!(kinds, [201, 202, 203]);
    assert_eq!(*stage.shard.released(), [8, 9]);
    // A line that cannot be opened releases its sockets too.
    stage.command(Command::OpenLine {
        router: 9,
        transport: 5,
        rtp_socket: 30,
        rtcp_socket: None,
        latch: true,
        silent_us: SILENT_US,
        cname: String::new(),
    });
    assert_eq!(*stage.shard.released(), [8, 9, 30]);
    stage.deliver_from(viewer.path(), &packet(8, MEDIA, 1, 0, &SOUND));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Packets are lost or late at random. Each number that a viewer gets is used for one packet. Inserted parameter sets are
    /// between the packets before and after them.
    #[test]
    fn numbers_stay_unbroken_around_what_is_put_in(
        start in any::<u16>(),
        steps in proptest::collection::vec((0u8..6, 0u8..4), 1..120),
    ) {
        let (mut stage, hall, viewer) = hall_and_viewer(true);
        let mut number = start;
        for (n, payload) in [SPS, PPS, IDR].into_iter().enumerate() {
            hall.send(&mut stage, MEDIA, start.wrapping_add(n as u16), 0, payload);
        }
        number = number.wrapping_add(3);
        let mut late: Vec<(u16, u32)> = Vec::new();
        for (n, (what, more)) in steps.into_iter().enumerate() {
            let timestamp = 3_000 * (n as u32 + 1);
            match what {
                0 => late.push((number, timestamp)),
                1 => hall.send(&mut stage, MEDIA, number, timestamp, IDR),
                2 => late.drain(..).for_each(|(number, timestamp)| hall.send(&mut stage, MEDIA, number, timestamp, SLICE)),
                3 => number = number.wrapping_add(u16::from(more)),
                _ => hall.send(&mut stage, MEDIA, number, timestamp, SLICE),
            }
            if what != 2 {
                number = number.wrapping_add(1);
            }
        }
        let got = viewer.got(&mut stage);
        let mut seen = std::collections::HashMap::new();
        for (sequence, timestamp, payload) in &got {
            prop_assert!(seen.insert(*sequence, (*timestamp, payload.clone())).is_none());
        }
        for (sequence, timestamp, payload) in &got {
            if payload == SPS && *timestamp != 0 {
                prop_assert_eq!(seen.get(&sequence.wrapping_add(1)), Some(&(*timestamp, PPS.to_vec())));
                prop_assert_eq!(seen.get(&sequence.wrapping_add(2)), Some(&(*timestamp, IDR.to_vec())));
            }
        }
    }
}

#[test]
fn what_one_terminal_tells_has_a_bound() {
    let (mut stage, hall, viewer) = hall_and_viewer(false);
    let told = |stage: &Stage| stage.events.iter().filter(|event| matches!(event, Event::Dtmf { .. })).count();
    let press = |stage: &mut Stage, number: u16| {
        let datagram = packet(101, MEDIA, number, 2_000 * u32::from(number), &[1, 0x8a, 1, 64]);
        stage.deliver_from(hall.path(), &datagram);
    };
    (0..41).for_each(|number| press(&mut stage, number));
    assert_eq!(told(&stage), 40);
    stage.advance(50_000);
    (41..50).for_each(|number| press(&mut stage, number));
    assert_eq!(told(&stage), 41);
    // Requests for a lower bitrate are limited in the same way.
    stage.take_to(viewer.rtcp_path());
    for n in 0..100u64 {
        let mut asked = [0; 20];
        let entry = TmmbrEntry { ssrc: 0x9000 + 20, bitrate_bps: 64_000 + n * 1_000, overhead_bytes: 40 };
        rtcp::write_tmmbr(&mut asked, 0x55, &entry);
        viewer.report(&mut stage, &asked);
    }
    assert_eq!(stage.take_to(viewer.rtcp_path()).len(), 40);
}

#[test]
fn sources_do_not_take_turns() {
    let (mut stage, hall, viewer) = hall_and_viewer(false);
    hall.send(&mut stage, MEDIA, 0, 0, &SOUND);
    let layers = |stage: &Stage| stage.events.iter().filter(|event| matches!(event, Event::Layer { .. })).count();
    for turn in 1..200u32 {
        for number in 0..2 {
            hall.send(&mut stage, MEDIA + turn, number, 0, &SOUND);
        }
        for number in 0..2 {
            hall.send(&mut stage, MEDIA + turn, 20_000 + number, 0, &SOUND);
        }
    }
    assert_eq!(layers(&stage), 2, "one change in so short a time");
    stage.advance(250_000);
    hall.send(&mut stage, MEDIA, 7, 0, &SOUND);
    hall.send(&mut stage, MEDIA, 8, 0, &SOUND);
    assert_eq!(layers(&stage), 3);
    assert!(!viewer.got(&mut stage).is_empty());
}

#[test]
fn new_keys_go_on_counting_where_the_old_ones_stopped() {
    let mut stage = Stage::new();
    let (hall, viewer) = (Terminal { n: 1 }, Terminal { n: 2 });
    let keys = |stage: &mut Stage, transport, byte: u8| {
        stage.command(Command::SetKeys {
            transport,
            profile: Profile::Aes128CmSha1_80,
            receive_key: vec![byte; 16],
            receive_salt: vec![byte; 14],
            send_key: vec![byte + 100; 16],
            send_salt: vec![byte + 100; 14],
        });
    };
    for terminal in [hall, viewer] {
        terminal.open(&mut stage);
    }
    keys(&mut stage, 1, 1);
    hall.meet(&mut stage);
    viewer.meet(&mut stage);
    hall.publish(&mut stage, 10, false, 0);
    viewer.consume(&mut stage, 20, 10, false);
    let mut roc = RocTx::default();
    let mut send = |stage: &mut Stage, byte: u8, number: u16| {
        let outbound = Outbound::new(Profile::Aes128CmSha1_80, &[byte; 16], &[byte; 14]).unwrap();
        let mut bytes = [&packet(8, MEDIA, number, 0, &SOUND)[..], &[0; 16]].concat();
        let len = outbound.seal_rtp(&mut bytes, 172, 12, roc.advance(number));
        stage.deliver_from(hall.path(), &bytes[..len]);
    };
    send(&mut stage, 1, 65_535);
    send(&mut stage, 1, 0);
    assert_eq!(viewer.got(&mut stage).len(), 2);
    keys(&mut stage, 1, 2);
    send(&mut stage, 1, 1);
    assert_eq!(viewer.got(&mut stage).len(), 0, "the old key is over");
    send(&mut stage, 2, 2);
    assert_eq!(viewer.got(&mut stage).len(), 1);
    // A stream that was plain before counts its rollovers from the first key, because a receiver knows of no rollover before
    // that key.
    keys(&mut stage, 2, 3);
    send(&mut stage, 2, 3);
    let mut sealed = stage.take_to(viewer.path()).remove(0);
    let mut inbound = Inbound::new(Profile::Aes128CmSha1_80, &[103; 16], &[103; 14]).unwrap();
    let header = rtp::parse(&sealed).unwrap();
    assert_eq!(inbound.open_rtp(&mut sealed, &header), Ok(172));
}
