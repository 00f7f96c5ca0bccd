//! The fuzz targets. Each target takes bytes; it panics if an invariant breaks, and does nothing otherwise.

#[path = "mirror.rs"]
mod elsewhere;
#[path = "layers.rs"]
mod layers;
#[path = "handover.rs"]
mod several;
#[path = "lines.rs"]
mod terminals;
#[path = "voices.rs"]
mod voices;
#[path = "shard.rs"]
mod whole;

use std::net::SocketAddr;

use plane_core::codec::{keyframe, red, vp8};
use plane_core::ice::agent::Agent;
use plane_core::ice::limits::PATHS_MAX;
use plane_core::ice::questions::Cause;
use plane_core::path::Path;
use plane_core::rate::estimate::estimator::Estimator;
use plane_core::types::Codec;
use plane_core::wire::demux::{Class, begins_with_record, classify, holds_sealed_record};
use plane_core::wire::framing::{self, Deframer, FRAME_MAX};
use plane_core::wire::rtcp::{self, Packet, ReportBlock, SenderInfo};
use plane_core::wire::srtp::{Inbound, Outbound, RTCP_OVERHEAD_MAX, RTP_OVERHEAD_MAX, RocTx};
use plane_core::wire::srtp_profile::Profile;
use plane_core::wire::stun::{self, Request};
use plane_core::wire::{rtcp_extended, rtp, transport_feedback};

pub use elsewhere::mirror;
pub use layers::{dependencies, vp9};
pub use several::handover;
pub use terminals::{line, mixer, nal_units, presses};
pub use voices::{red, voices};
pub use whole::shard;

pub type Target = (&'static str, fn(&[u8]), Vec<Vec<u8>>);

/// Return the name, function and seeds of every target.
pub fn all() -> Vec<Target> {
    vec![
        ("stun", stun, vec![check(b"ours:theirs", 1, true)]),
        ("ice", ice, vec![(0..=255).collect()]),
        ("demux", demux, vec![vec![0; 20], vec![22; 13], vec![0x80; 12], vec![0x80, 200, 0, 0, 0, 0, 0, 0]]),
        ("rtp", rtp, vec![media(&[(1, b"0"), (3, b"mid")]), media(&[(15, &[7; 20])])]),
        ("rtcp", rtcp, compounds()),
        ("twcc", twcc, feedback_bodies()),
        ("extensions", extensions, extension_seeds()),
        ("srtp", srtp, vec![media(&[(1, b"0")]), media(&[])]),
        ("payloads", payloads, payload_seeds()),
        ("vp9", vp9, layers::vp9_seeds()),
        ("dependencies", dependencies, layers::dependency_seeds()),
        ("red", red, voices::red_seeds()),
        ("voices", voices, voices::voices_seeds()),
        (
            "shard",
            shard,
            vec![(0..=255).collect(), vec![0, 0, 2, 9, 1, 1, 4, 8, 4, 200, 200, 0, 8, 0, 9, 0].repeat(12)],
        ),
        ("nal_units", nal_units, terminals::nal_unit_seeds()),
        ("presses", presses, vec![vec![0, 5, 10, 0, 160, 0, 5, 138, 1, 64, 9, 5, 138, 1, 64, 40, 11, 10, 255, 255]]),
        ("line", line, vec![(0..=255).collect(), terminals::line_seed()]),
        ("mixer", mixer, vec![(0..=255).collect(), terminals::mixer_seed()]),
        (
            "handover",
            handover,
            vec![
                (0..=255).collect(),
                vec![8, 0, 6, 0, 0, 0, 6, 0, 16, 1, 7, 1, 4, 5, 3, 2, 6, 2, 9, 3, 15, 3].repeat(4),
                vec![0, 0, 6, 0, 8, 0, 6, 0, 5, 5, 0, 0, 5, 5, 5, 5, 8, 0, 6, 0, 8, 1, 0, 0, 6, 0, 131, 0, 16, 0, 6, 0],
            ],
        ),
        (
            "mirror",
            mirror,
            vec![
                (0..=255).collect(),
                vec![64, 1, 0, 1, 4, 0, 5, 0, 8, 0, 64, 1, 6, 0, 0, 1, 7, 0, 0, 250, 7, 0, 64, 3, 5, 0].repeat(4),
            ],
        ),
        ("framing", framing, vec![framed(&[&[1, 2], &[], &[9; 300]])]),
    ]
}

/// Return the inputs with which earlier runs found new code paths (`keep`), or nothing if none were kept. The file holds them
/// as frames of [`framing`].
pub fn kept(name: &str) -> Vec<Vec<u8>> {
    // The folder is relative to the crate that compiles these lines: this crate, or the tests of the core beside it.
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/kept");
    let mut stream = std::fs::read(folder.join(name).with_extension("bin")).unwrap_or_default();
    let mut found = Vec::new();
    Deframer::default().feed(&mut stream, |input| found.push(input.to_vec())).expect("as `keep` wrote it");
    found
}

const OURS: &str = "ours";
const PWD: &str = "a-password-of-22-chars";

pub fn stun(data: &[u8]) {
    let name = stun::username(data);
    if let Ok(request) = stun::parse_request(data, PWD.as_bytes()) {
        assert!(request.username.is_empty() || Some(request.username) == name);
    }
    let mut agent = Agent::new(OURS, PWD, 0);
    let mut reply = [0; stun::REPLY_MAX];
    if let Ok((len, _)) = agent.handle(data, udp(1), udp(1).remote(), 0, &mut reply) {
        assert!(len > 0 && agent.knows(udp(1)) || reply[1] == 0x11);
    }
    // The same bytes serve as a user name under a correct signature.
    let name = &data[..data.len().min(508)];
    let datagram = check(name, data.len() as u32, data.len() % 2 == 0);
    let request = stun::parse_request(&datagram, PWD.as_bytes()).expect("our own request");
    assert_eq!(request.username, name);
}

/// Drive an ICE agent. Each byte is one event, and only the first 64 bytes count.
pub fn ice(data: &[u8]) {
    let mut agent = Agent::new(OURS, PWD, 0);
    let mut now_us = 0;
    for (n, byte) in data.iter().take(64).enumerate() {
        let argument = byte >> 3;
        match byte & 7 {
            0 => now_us += u64::from(argument) * 1_000_000,
            1 => drop(agent.timeout(now_us)),
            2 => agent.restart(if argument % 2 == 0 { OURS } else { "newer" }, PWD, now_us),
            3 => {
                let (ufrag, path) = (if argument % 4 == 0 { "another" } else { "theirs" }, udp(u16::from(argument)));
                agent.set_remote(ufrag, if argument % 8 == 1 { "" } else { PWD });
                let cause = [Cause::Silence, Cause::Proof, Cause::Media][usize::from(argument % 3)];
                ask(&mut agent, path, (cause, usize::from(argument)), [n as u8; 12], now_us);
            }
            4 => drop(agent.forget(udp(u16::from(argument)))),
            kind => {
                let datagram = check(if kind == 5 { b"newer:theirs" } else { b"ours:theirs" }, n as u32, kind == 6);
                let path = udp(u16::from(argument));
                let mut reply = [0; stun::REPLY_MAX];
                if let Ok((len, _)) = agent.handle(&datagram, path, path.remote(), now_us, &mut reply) {
                    assert!(len <= datagram.len());
                    assert!(agent.knows(path));
                }
            }
        }
        assert!(agent.paths().count() <= PATHS_MAX);
        assert!(agent.selected().is_none_or(|path| agent.knows(path)));
        assert!((1..=2).contains(&agent.local_ufrags().count()));
        assert!(agent.path().is_some() || agent.paths().count() == 0);
    }
}

/// Let the peer answer at this path, if it gets a question.
fn ask(agent: &mut Agent, path: Path, (cause, came): (Cause, usize), transaction: [u8; 12], now_us: u64) {
    let (mut question, mut answer) = ([0; stun::QUESTION_MAX], [0; stun::REPLY_MAX]);
    let Some(len) = agent.ask(path, cause, came, || transaction, now_us, &mut question) else { return };
    let asked = stun::parse_request(&question[..len], PWD.as_bytes()).expect("our own request");
    let len = stun::write_success(&mut answer, asked.transaction, path.remote(), PWD.as_bytes());
    let answered = agent.hear_answer(&answer[..len], path, now_us).is_ok();
    assert!(!answered || agent.selected() != Some(path) || agent.holds(path, now_us));
    if answered && cause == Cause::Media {
        assert_eq!(agent.selected(), Some(path));
    }
    if let Some(path) = agent.settle(u64::from(transaction[0]), now_us + 100) {
        assert_eq!(agent.selected(), Some(path));
    }
}

pub fn demux(data: &[u8]) {
    match classify(data) {
        Class::Stun => assert!(data.len() >= 20 && data[0] < 4),
        Class::Dtls => assert!(data.len() >= 13 && (20..64).contains(&data[0])),
        Class::Rtp => assert!(data.len() >= 12 && data[0] >> 6 == 2),
        Class::Rtcp => assert!(data.len() >= 8 && data[0] >> 6 == 2 && data[1] >= 192),
        Class::Unknown => {}
    }
    assert!(!begins_with_record(data) || (data.len() >= 13 && data[0] < 32));
    assert!(!holds_sealed_record(data, u64::MAX) || begins_with_record(data));
    assert!(!holds_sealed_record(data, 0));
}

pub fn rtp(data: &[u8]) {
    let Ok(header) = rtp::parse(data) else { return };
    assert!((12..=data.len()).contains(&header.payload_offset));
    if let Ok(payload) = header.payload(data) {
        assert!(payload.start == header.payload_offset && payload.end <= data.len());
    }
    let extensions: Vec<_> = header.extensions(data).collect();
    let mut out = vec![0; rtp::header_bytes_max(&extensions)];
    let (marker, kind) = (header.marker, header.payload_type);
    let len = rtp::write_header(&mut out, marker, kind, header.sequence, header.timestamp, header.ssrc, &extensions);
    let again = rtp::parse(&out[..len]).expect("our own header");
    assert_eq!((again.marker, again.payload_type, again.sequence), (marker, kind, header.sequence));
    assert_eq!((again.timestamp, again.ssrc), (header.timestamp, header.ssrc));
    // A reader takes identifier 0 of the two-byte form for padding.
    assert!(again.extensions(&out[..len]).eq(extensions));
}

pub fn rtcp(data: &[u8]) {
    let mut out = vec![0; 2000];
    for packet in rtcp::packets(data) {
        match packet {
            Ok(Packet::SenderReport { info, reports }) => {
                let blocks: Vec<_> = reports.collect();
                let len = rtcp::write_sr(&mut out, &info, &blocks);
                let again = rtcp::packets(&out[..len]).next();
                assert!(
                    matches!(again, Some(Ok(Packet::SenderReport { reports, .. })) if reports.clone().eq(blocks.iter().copied()))
                );
            }
            Ok(Packet::ReceiverReport { reports, .. }) => assert!(reports.count() <= rtcp::BLOCKS_MAX),
            Ok(Packet::Bye { ssrcs }) => assert!(ssrcs.count() <= 31),
            Ok(Packet::Nack { items, .. }) => assert!(items.count() <= data.len() / 4 * 17),
            Ok(Packet::Fir { entries }) => assert!(entries.count() <= data.len() / 8),
            Ok(Packet::Remb { ssrcs, .. }) => assert!(ssrcs.count() <= 255),
            Ok(Packet::TransportFeedback(body)) => feedback(body),
            Ok(Packet::Tmmbr { sender, entries } | Packet::Tmmbn { sender, entries }) => {
                entries.for_each(|entry| limit(sender, entry));
            }
            Ok(Packet::Extended { blocks, .. }) => assert!(blocks.count() <= data.len() / 12),
            Ok(Packet::Sdes | Packet::Pli { .. } | Packet::Other(_)) | Err(_) => {}
        }
    }
}

/// Check that the written limit has 17 bits of precision and never exceeds the requested bitrate.
fn limit(sender: u32, entry: rtcp::TmmbrEntry) {
    let mut out = [0; 20];
    let len = rtcp::write_tmmbr(&mut out, sender, &entry);
    let Some(Ok(Packet::Tmmbr { mut entries, .. })) = rtcp::packets(&out[..len]).next() else { panic!("our own") };
    let again = entries.next().expect("one entry");
    assert_eq!((again.ssrc, again.overhead_bytes), (entry.ssrc, entry.overhead_bytes));
    assert!(
        again.bitrate_bps <= entry.bitrate_bps && again.bitrate_bps >= entry.bitrate_bps - (entry.bitrate_bps >> 16)
    );
}

fn feedback(body: &[u8]) {
    let Ok(feedback) = transport_feedback::parse(body) else { return };
    assert_eq!(feedback.arrivals().count(), usize::from(feedback.statuses));
    let times: Vec<_> = feedback.arrivals().take(512).map(|(_, at_us)| at_us).collect();
    let arrivals: Vec<_> = times.iter().map(|at_us| at_us.map(|at_us| (at_us + (1 << 40)) as u64)).collect();
    let mut out = [0; 1200];
    let (len, told) = transport_feedback::write_transport_feedback(&mut out, 1, 2, feedback.base, 0, &arrivals);
    assert!(told <= arrivals.len());
    if len > 0 {
        let again = transport_feedback::parse(&out[4..len]).expect("our own feedback");
        assert!(again.arrivals().map(|(_, at_us)| at_us.is_some()).eq(times[..told].iter().map(Option::is_some)));
    }
}

/// Read bodies of feedback, each after a byte with its length. Write them again, and give them to an estimator that has sent
/// the reported packets. Half of the bodies are moved to the estimator's numbers.
pub fn twcc(data: &[u8]) {
    let (mut estimator, mut now_us, mut rest) = (Estimator::default(), 1_000_000, data);
    for round in 0..8 {
        let Some((len, more)) = rest.split_first() else { break };
        let (body, more) = more.split_at(more.len().min(usize::from(*len)));
        rest = more;
        feedback(body);
        for _ in 0..16 {
            now_us += 5_000;
            estimator.note_sent(1_200, now_us);
        }
        let mut body = body.to_vec();
        if round % 2 == 0 && body.len() >= 10 {
            body[8..10].copy_from_slice(&estimator.next_number().wrapping_sub(16).to_be_bytes());
        }
        let before = estimator.available_bps(now_us);
        match estimator.note_feedback(&body, 50_000, now_us + 50_000) {
            Err(_) => assert_eq!(estimator.available_bps(now_us), before),
            Ok(_) => assert!(estimator.available_bps(now_us).is_none_or(|bps| (1_000..1 << 40).contains(&bps))),
        }
        assert!((0.0..=1.0).contains(&estimator.loss()));
    }
}

/// Read an extension block. The first byte chooses its form, and the rest is the block. The values lie in the block one after
/// the other, and a packet that the plane writes holds the same values.
pub fn extensions(data: &[u8]) {
    let Some((form, block)) = data.split_first() else { return };
    let block = &block[..block.len().min(1_200) / 4 * 4];
    let profile = if form % 2 == 0 { [0xbe, 0xde] } else { [0x10, form >> 4] };
    let words = (block.len() as u16 / 4).to_be_bytes();
    let packet = [&[0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..], &profile, &words, block, &[7; 9]].concat();
    let header = rtp::parse(&packet).expect("a whole header");
    assert_eq!(header.payload(&packet), Ok(packet.len() - 9..packet.len()));
    let mut at = packet.as_ptr_range().start;
    for (id, value) in header.extensions(&packet) {
        assert!(form % 2 == 1 || (1..15).contains(&id) && (1..=16).contains(&value.len()));
        assert!(at <= value.as_ptr() && value.as_ptr_range().end <= packet[packet.len() - 9..].as_ptr());
        at = value.as_ptr_range().end;
    }
    rtp(&packet);
}

/// Check that hostile bytes are refused, and that the same bytes as a payload come back.
pub fn srtp(data: &[u8]) {
    for profile in [Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80, Profile::Aes128CmSha1_32] {
        let (key, salt) = ([1; 16], &[2; 14][..profile.salt_bytes()]);
        let mut inbound = Inbound::new(profile, &key, salt).expect("a right key");
        let mut outbound = Outbound::new(profile, &key, salt).expect("a right key");
        let mut packet = data.to_vec();
        assert!(inbound.open_rtcp(&mut packet).is_err());
        let Ok(header) = rtp::parse(data) else { continue };
        assert!(inbound.open_rtp(&mut packet, &header).is_err());
        packet = data.to_vec();
        packet.resize(data.len() + RTP_OVERHEAD_MAX.max(RTCP_OVERHEAD_MAX), 0);
        let roc = RocTx::default().advance(header.sequence);
        let len = outbound.seal_rtp(&mut packet, data.len(), header.payload_offset, roc);
        assert_eq!(inbound.open_rtp(&mut packet[..len], &header), Ok(data.len()));
        assert_eq!(packet[..data.len()], *data);
        let len = outbound.seal_rtcp(&mut packet, data.len());
        assert_eq!(inbound.open_rtcp(&mut packet[..len]), Ok(data.len()));
        assert_eq!(packet[..data.len()], *data);
    }
}

pub fn payloads(data: &[u8]) {
    let (descriptor, payload) = data.split_at(data.len().min(12) / 2);
    for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::H265, Codec::Av1, Codec::Opus] {
        keyframe::starts_keyframe(codec, payload, Some(descriptor));
        keyframe::starts_keyframe(codec, data, None);
    }
    if let Ok(descriptor) = vp8::parse(data) {
        assert!(usize::from(descriptor.size) <= data.len());
        let mut written = data.to_vec();
        descriptor.numbers.set_picture_id(&mut written, 0x1234);
        descriptor.numbers.set_tl0(&mut written, 0x56);
        let again = vp8::parse(&written).expect("the same shape");
        assert_eq!(
            (again.size, again.keyframe, again.temporal_id),
            (descriptor.size, descriptor.keyframe, descriptor.temporal_id)
        );
        assert_eq!(again.numbers.tl0, descriptor.numbers.tl0.map(|_| 0x56));
    }
    if let Ok(blocks) = red::blocks(data) {
        let blocks: Vec<_> = blocks.collect();
        assert!(blocks.len() <= red::BLOCKS_MAX + 1);
        assert!(blocks.iter().all(|block| data.get(block.range.clone()).is_some()));
        assert_eq!(blocks.last(), red::primary(data).ok().as_ref());
        let mut written = data.to_vec();
        red::rewrite(&mut written, &[(blocks[0].payload_type, 5)]).expect("the same shape");
        assert_eq!(red::blocks(&written).map(Iterator::count), Ok(blocks.len()));
    }
}

/// Check that a cut stream gives the same frames as the whole stream. The first byte gives the length of the pieces.
pub fn framing(data: &[u8]) {
    let Some((piece, stream)) = data.split_first() else { return };
    let (whole, whole_ended) = frames(stream, stream.len().max(1));
    let (pieces, pieces_ended) = frames(stream, usize::from(*piece).max(1));
    assert_eq!((&whole, whole_ended), (&pieces, pieces_ended));
    assert!(whole.iter().all(|frame| (1..=FRAME_MAX).contains(&frame.len())));
}

fn frames(stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, bool) {
    let (mut deframer, mut found) = (Deframer::default(), Vec::new());
    let mut fed = stream.chunks(piece).map(|bytes| {
        let mut bytes = bytes.to_vec();
        deframer.feed(&mut bytes, |frame| found.push(frame.to_vec()))
    });
    let ended = fed.any(|result| result.is_err());
    (found, ended)
}

fn udp(port: u16) -> Path {
    Path::Udp { socket: 0, remote: SocketAddr::from(([192, 0, 2, 1], port)), local: None }
}

fn check(username: &[u8], transaction: u32, nominate: bool) -> Vec<u8> {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&transaction.to_be_bytes());
    let request = Request {
        transaction: bytes,
        username,
        priority: 1,
        use_candidate: nominate,
        controlling: Some(1),
        controlled: None,
        nomination: None,
    };
    let mut out = vec![0; 700];
    let len = stun::write_request(&mut out, &request, PWD.as_bytes());
    out.truncate(len);
    out
}

fn media(extensions: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = vec![7; 80];
    let len = rtp::write_header(&mut out, true, 96, 1000, 90_000, 5, extensions) + 20;
    let len = rtp::pad(&mut out, len, 3);
    out.truncate(len);
    out
}

fn compounds() -> Vec<Vec<u8>> {
    let mut out = [0; 600];
    let blocks = [ReportBlock { ssrc: 1, cumulative_lost: -1, ..Default::default() }; 2];
    let mut len = rtcp::write_sr(&mut out, &SenderInfo { ssrc: 5, ..Default::default() }, &blocks);
    len += rtcp::write_sdes_cname(&mut out[len..], 5, b"name");
    len += rtcp::write_bye(&mut out[len..], &[5]);
    let reports = out[..len].to_vec();
    let mut len = rtcp::write_rr(&mut out, 5, &blocks);
    len += rtcp::write_nack(&mut out[len..], 1, 2, [65_535, 0, 1, 30]);
    len += rtcp::write_pli(&mut out[len..], 1, 2);
    len += rtcp::write_fir(&mut out[len..], 1, 2, 3);
    len += rtcp::write_remb(&mut out[len..], 1, 2_500_000, &[2]);
    let limit = rtcp::TmmbrEntry { ssrc: 5, bitrate_bps: 768_000, overhead_bytes: 40 };
    len += rtcp::write_tmmbr(&mut out[len..], 1, &limit);
    len += rtcp::write_tmmbn(&mut out[len..], 1, &limit);
    len += rtcp_extended::write_receiver_time(&mut out[len..], 1, 1 << 40);
    let delay = rtcp_extended::Delay { ssrc: 5, last_time: 0x1_0000, since: 3 };
    len += rtcp_extended::write_delays(&mut out[len..], 1, &[delay; 2]);
    let requests = out[..len].to_vec();
    let arrivals: Vec<_> = (0..40u64).map(|n| (n % 5 != 3).then_some(n * (n % 7) * 9_000)).collect();
    let (len, _) = transport_feedback::write_transport_feedback(&mut out, 1, 2, 65_520, 3, &arrivals);
    vec![reports, requests, out[..len].to_vec()]
}

/// Return the bodies of two feedback packets, each after its length.
fn feedback_bodies() -> Vec<Vec<u8>> {
    let told = compounds().pop().expect("the last is feedback");
    let plain = [&[20][..], &told[4..16], &[0, 2, 0x40, 2, 0, 0, 0, 4]].concat();
    let whole = [&[(told.len() - 4) as u8][..], &told[4..]].concat();
    vec![whole.repeat(2), [plain, whole].concat()]
}

fn extension_seeds() -> Vec<Vec<u8>> {
    vec![
        vec![0, 0x10, b'0', 0x31, 1, 2, 0x22, b'a', b'b', b'c', 0, 0, 0],
        vec![1, 1, 1, b'0', 0, 3, 2, 1, 2, 5, 0, 0, 0],
        vec![0, 0xf0, 1, 0x03, 0, 0x4f, 1, 2, 3],
    ]
}

fn payload_seeds() -> Vec<Vec<u8>> {
    vec![
        vec![0x90, 0xf0, 0x92, 0x34, 0x56, 0xa5, 0x00, 0x9d],
        vec![0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 4, 5],
        vec![0x78, 0, 2, 0x68, 1, 0, 2, 0x67, 1],
        vec![0xa8, 0x80, 0x01, 0x00, 1],
        vec![0x80, 0, 1, 0x80, 0x18, 0x0a, 0x0b],
    ]
}

/// Return the frames as a stream that is cut into pieces of nine bytes.
fn framed(frames: &[&[u8]]) -> Vec<u8> {
    let mut stream = vec![9];
    for frame in frames {
        framing::write_frame(&mut stream, frame);
    }
    stream
}
