//! The data that terminals may send: H.264 payloads, telephone events, all kinds of datagrams on a line, and datagrams to the
//! mixer's end.

use std::collections::HashMap;
use std::net::SocketAddr;

use plane_core::codec::parameter_sets::ParameterSets;
use plane_core::codec::telephone_event::Presses;
use plane_core::mixer_port::assembly::FRAME_BYTES_MAX;
use plane_core::mixer_port::h264;
use plane_core::mixer_port::outbound::PAYLOAD_BYTES_MAX;
use plane_core::mixer_port::port::{EVENTS_MAX, FrameEvent, Port, VideoFormat};
use plane_core::path::Path;
use plane_core::seam::command::Command;
use plane_core::seam::outbox::{Message, Outbox, Sink};
use plane_core::shard::Shard;
use plane_core::types::{Codec, Encoding, Payload, PayloadMap};
use plane_core::wire::{rtcp, rtp};

const STEPS_MAX: usize = 200;

/// Unpack the bytes as payloads whose length is the first byte. Then pack the same bytes as a picture, and check that its
/// packets give the picture back.
pub fn nal_units(data: &[u8]) {
    let Some((size, stream)) = data.split_first() else { return };
    let (mut open, mut picture, mut sets) = (false, Vec::new(), ParameterSets::default());
    for (n, payload) in stream.chunks(usize::from(*size).max(1)).enumerate() {
        let before = picture.len();
        if h264::unpack(payload, &mut open, &mut picture).is_err() {
            open = false;
        }
        assert!(picture.len() - before <= 4 * payload.len() + 4);
        if sets.look(payload, n as u32 / 3) {
            sets.put(n as u16, n as u32 / 3);
        }
        assert!(sets.units().map(<[u8]>::len).sum::<usize>() <= 5 * 256);
    }
    let most = usize::from(*size).max(3);
    let (mut open, mut again) = (false, Vec::new());
    h264::pack(stream, most, false, |parts| {
        let payload = parts.concat();
        assert!(payload.len() <= most);
        // A unit type that packets cannot carry is an error of the encoder. The receiver refuses the unit.
        if h264::unpack(&payload, &mut open, &mut again).is_err() {
            open = false;
        }
    })
    .expect("mode 1 takes all lengths");
    let single = h264::pack(stream, most, true, |parts| assert!(parts.concat().len() <= most));
    assert_eq!(
        single.is_ok(),
        h264::nal_units(stream).all(|unit| [9, 12].contains(&(unit[0] & 31)) || unit.len() <= most)
    );
}

/// Read packets of five bytes: a step of the timestamp, and an event. There must be no more presses than timestamps.
pub fn presses(data: &[u8]) {
    let (mut presses, mut timestamp, mut told, mut times) = (Presses::default(), 0u32, 0, 1);
    for (n, packet) in data.chunks(5).take(STEPS_MAX).enumerate() {
        times += usize::from(packet[0] != 0);
        timestamp = timestamp.wrapping_add(u32::from(packet[0]) << 20);
        let number = (n as u16, timestamp, 8_000);
        if let Ok(found) = presses.take(&packet[1..], number, n as u64 * 20_000) {
            told += found.iter().flatten().count();
        }
    }
    told += presses.timeout(u64::MAX).into_iter().count();
    assert!(told <= times, "{told} presses of {times}");
}

const REMOTE: ([u8; 4], u16) = ([192, 0, 2, 1], 5_000);
const VIEWER: ([u8; 4], u16) = ([192, 0, 2, 2], 6_000);

/// The sent packets. No packet goes to a stranger, and no number is used for two packets.
#[derive(Default)]
struct Sent {
    packets: HashMap<(u32, u16), Vec<u8>>,
}

impl Sink for Sent {
    fn send(&mut self, arena: &[u8], messages: &[Message]) {
        for message in messages {
            let ip = message.path.remote().ip();
            assert!(ip == SocketAddr::from(REMOTE).ip() || ip == SocketAddr::from(VIEWER).ip(), "sent to {ip}");
            let bytes = &arena[message.start as usize..(message.start + message.len) as usize];
            for datagram in bytes.chunks(usize::from(message.segment)) {
                self.note(datagram);
            }
        }
    }
}

impl Sent {
    fn note(&mut self, datagram: &[u8]) {
        if (192..=223).contains(&datagram[1]) {
            assert!(rtcp::packets(datagram).all(|packet| packet.is_ok()), "a compound of ours");
            return;
        }
        let header = rtp::parse(datagram).expect("a packet of ours");
        let before = self.packets.insert((header.ssrc, header.sequence), datagram.to_vec());
        assert!(before.is_none_or(|before| before == datagram), "two packets under one number");
    }
}

/// Drive a plain line with a viewer on another line. Each step is a datagram to one of its ports from some address.
pub fn line(data: &[u8]) {
    let (mut shard, mut out, mut now_us) = (Shard::new(0, 0, 1), Outbox::new(Sent::default()), 1_000_000);
    for command in furnished() {
        shard.command(command, now_us, &mut out);
    }
    let mut rest = data;
    for _ in 0..STEPS_MAX {
        let Some((head, more)) = rest.split_at_checked(2) else { break };
        let (body, more) = more.split_at(more.len().min(usize::from(head[1] % 64)));
        rest = more;
        let mut remote = SocketAddr::from(REMOTE);
        match head[0] >> 5 {
            0 => remote.set_port(u16::from(head[1])),
            1 => remote.set_ip([198, 51, 100, head[1]].into()),
            2 => {
                now_us += u64::from(head[1]) * 100_000;
                shard.timeout(now_us, &mut out);
            }
            _ => {}
        }
        let mut datagram = match head[0] & 3 {
            0 => body.to_vec(),
            1 => [&[0x80, 192 + head[1] % 32, 0, (body.len() / 4) as u8][..], body].concat(),
            kind => media(if kind == 2 { 97 } else { 101 }, head[0] >> 2 & 3, body),
        };
        let path = Path::Udp { socket: 4 + u16::from(head[0] >> 4 & 1), remote, local: None };
        shard.receive(path, &mut datagram, now_us, &mut out);
        shard.flush(now_us, &mut out);
        out.flush();
        assert!(shard.events().len() <= 64);
        shard.events().clear();
    }
    shard.command(Command::CloseRouter { router: 1 }, now_us, &mut out);
    out.flush();
    let mut released = std::mem::take(shard.released());
    released.sort_unstable();
    assert_eq!((released, shard.snapshot(now_us).totals.transports), (vec![4, 5, 8], 0));
}

/// Return a packet whose numbers are the first bytes of its body.
fn media(kind: u8, ssrc: u8, body: &[u8]) -> Vec<u8> {
    let (number, payload) = body.split_at(body.len().min(2));
    let number = number.iter().fold(0u16, |number, byte| number << 8 | u16::from(*byte));
    let mut packet = vec![0; 12];
    rtp::write_header(&mut packet, true, kind, number, u32::from(number / 4) * 3_000, 700 + u32::from(ssrc), &[]);
    packet.extend_from_slice(payload);
    packet
}

fn furnished() -> Vec<Command> {
    let open = |transport, rtp_socket, rtcp_socket| Command::OpenLine {
        router: 1,
        transport,
        rtp_socket,
        rtcp_socket,
        latch: true,
        silent_us: 30_000_000,
        cname: "fuzz".into(),
    };
    let meet =
        |transport, remote: ([u8; 4], u16)| Command::SetLineRemote { transport, rtp: Some(remote.into()), rtcp: None };
    let payload = |payload_type, codec, clock_hz| Payload { payload_type, codec, clock_hz, rtx: None };
    vec![
        Command::OpenRouter { router: 1 },
        open(1, 4, Some(5)),
        open(2, 8, None),
        meet(1, REMOTE),
        meet(2, VIEWER),
        Command::OpenProducer {
            transport: 1,
            producer: 10,
            video: true,
            mid: String::new(),
            encodings: vec![Encoding::default()],
            payloads: vec![payload(97, Codec::H264, 90_000), payload(101, Codec::TelephoneEvent, 8_000)],
        },
        Command::OpenConsumer {
            transport: 2,
            consumer: 20,
            producer: 10,
            mid: String::new(),
            ssrc: 900,
            rtx_ssrc: 0,
            payloads: vec![PayloadMap { from: 97, to: 97, rtx: None }],
            strip_red: false,
            red_blocks: vec![],
            paused: false,
            single_nal: false,
        },
    ]
}

/// Drive the mixer's end. Each step is a datagram, or an advance of the clock. The first bytes of media are its numbers.
pub fn mixer(data: &[u8]) {
    let mut port = Port::new("fuzz", 0, 1);
    port.expect(700, Codec::H264, 90_000, 50_000).expect("room");
    port.expect(701, Codec::Vp8, 90_000, 50_000).expect("room");
    port.expect(702, Codec::Opus, 48_000, 0).expect("room");
    let (mut now_us, mut rest) = (1_000_000, data);
    let mut send = |datagram: &[u8]| assert!(datagram.len() <= PAYLOAD_BYTES_MAX + 200);
    for _ in 0..STEPS_MAX {
        let Some((head, more)) = rest.split_at_checked(2) else { break };
        let (body, more) = more.split_at(more.len().min(usize::from(head[1] % 64)));
        rest = more;
        match head[0] & 7 {
            0 => port.receive(body, now_us, &mut send),
            1 => port.receive(
                &[&[0x80, 192 + head[1] % 32, 0, (body.len() / 4) as u8][..], body].concat(),
                now_us,
                &mut send,
            ),
            2 => drop(port.send_video(800, (96, VideoFormat::H264 { single_nal: false }), 0, body, now_us)),
            3 => drop(port.send_video(801, (97, VideoFormat::Vp8), 0, body, now_us)),
            _ => port.receive(&media(97, head[0] >> 4 & 3, body), now_us, &mut send),
        }
        now_us += u64::from(head[0]) * 50;
        port.timeout(now_us, &mut send);
        assert!(port.deadline() > now_us);
    }
    let events: Vec<_> = std::iter::from_fn(|| port.pop()).collect();
    assert!(events.len() <= EVENTS_MAX);
    for event in events {
        if let FrameEvent::Frame { bytes, .. } = event {
            assert!(bytes.len() <= FRAME_BYTES_MAX);
        }
    }
}

pub fn nal_unit_seeds() -> Vec<Vec<u8>> {
    vec![
        [&[5][..], &[0x7c, 0x85, 0x88, 1, 2], &[0x7c, 0x05, 3, 4, 5], &[0x7c, 0x45, 6, 7, 8]].concat(),
        [&[9][..], &[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 0x80], &[0x65, 0x88, 1, 1, 1, 1, 1, 1, 1]].concat(),
        [&[4][..], &[0, 0, 0, 1, 0x67, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 1, 0x68, 0x80, 0, 0, 1, 0x65, 0x88, 9]].concat(),
    ]
}

/// Return a seed with parameter sets, a key frame, another key frame without parameter sets, and key presses.
pub fn line_seed() -> Vec<u8> {
    let steps: [&[u8]; 6] = [
        &[0x62, 4, 0, 4, 0x67, 1],
        &[0x62, 4, 0, 5, 0x68, 0x80],
        &[0x62, 4, 0, 6, 0x65, 0x88],
        &[0x62, 4, 0, 8, 0x65, 0x88],
        &[0x63, 6, 0, 9, 5, 138, 0, 160],
        &[0x62, 4, 0, 12, 0x65, 0x88],
    ];
    steps.concat()
}

pub fn mixer_seed() -> Vec<u8> {
    let steps: [&[u8]; 5] = [
        &[0x04, 6, 0, 4, 0x7c, 0x85, 0x88, 1],
        &[0x04, 5, 0, 6, 0x7c, 0x45, 1],
        &[0x04, 5, 0, 5, 0x7c, 0x05, 1],
        &[0x14, 5, 0, 7, 0x90, 0, 1],
        &[0x02, 7, 0, 0, 1, 0x67, 1, 0, 0],
    ];
    steps.concat()
}
