//! A whole shard with a publisher and a viewer. The fuzz bytes decide what happens to it. In every case the viewer can open all
//! its packets, and no SRTP sequence number is used for two packets.

use std::collections::HashMap;

use plane_core::path::Path;
use plane_core::seam::command::Command;
use plane_core::seam::outbox::{Message, Outbox, Sink};
use plane_core::shard::Shard;
use plane_core::types::{Codec, Encoding, Extension, Payload, PayloadMap};
use plane_core::wire::srtp::{Outbound, RocTx};
use plane_core::wire::srtp_profile::Profile;
use plane_core::wire::{rtcp, rtp};

pub(super) const KEY: [u8; 16] = [1; 16];
pub(super) const SALT: [u8; 12] = [2; 12];
const STEPS_MAX: usize = 200;

/// The packets sent to the viewer: each SSRC and sequence number with its bytes. The streams here are too short to wrap.
#[derive(Default)]
pub(super) struct Viewed {
    packets: HashMap<(u32, u16), Vec<u8>>,
}

impl Sink for Viewed {
    fn send(&mut self, arena: &[u8], messages: &[Message]) {
        for message in messages {
            assert!(message.segment > 0 && u32::from(message.segment) <= message.len);
            let bytes = &arena[message.start as usize..(message.start + message.len) as usize];
            for datagram in bytes.chunks(usize::from(message.segment)) {
                assert!(datagram.len() <= 1_500 + 400);
                self.note(message.path, datagram);
            }
        }
    }
}

impl Viewed {
    pub fn count(&self) -> usize {
        self.packets.len()
    }

    fn note(&mut self, path: Path, datagram: &[u8]) {
        if path != super::udp(2) || datagram[0] >> 6 != 2 || (192..=223).contains(&datagram[1]) {
            return;
        }
        let header = rtp::parse(datagram).expect("a packet of ours");
        let before = self.packets.insert((header.ssrc, header.sequence), datagram.to_vec());
        assert!(before.is_none_or(|before| before == datagram), "two packets under one number");
    }
}

struct World {
    shard: Shard,
    out: Outbox<Viewed>,
    now_us: u64,
    seal: Outbound,
    rocs: HashMap<u32, RocTx>,
    sequences: [u16; 4],
}

pub fn shard(data: &[u8]) {
    let mut world = World::new();
    for step in data.chunks(4).take(STEPS_MAX) {
        let byte = |at: usize| step.get(at).copied().unwrap_or(0);
        world.step(byte(0), byte(1), byte(2), byte(3));
        world.shard.flush(world.now_us, &mut world.out);
        world.out.flush();
        world.shard.events().clear();
    }
    world.command(Command::CloseRouter { router: 1 });
    assert_eq!(world.shard.snapshot(world.now_us).totals.transports, 0);
}

/// Add a connected peer with keys, at the address of its number.
pub(super) fn join<S: Sink>(shard: &mut Shard, out: &mut Outbox<S>, transport: u32, now_us: u64) {
    let (ufrag, pwd) = (format!("our{transport}"), super::PWD.to_string());
    shard.command(Command::OpenTransport { router: 1, transport, ufrag, pwd }, now_us, out);
    let descriptor = (12, Extension::DependencyDescriptor);
    let extensions = vec![(1, Extension::Mid), (2, Extension::Rid), (3, Extension::TransportCc), descriptor];
    shard.command(Command::SetExtensions { transport, extensions }, now_us, out);
    check_in(shard, out, transport, now_us);
    let keys = Command::SetKeys {
        transport,
        profile: Profile::AeadAes128Gcm,
        receive_key: KEY.to_vec(),
        receive_salt: SALT.to_vec(),
        send_key: KEY.to_vec(),
        send_salt: SALT.to_vec(),
    };
    shard.command(keys, now_us, out);
}

/// Send a check: the peer (still) consents (RFC 7675).
pub(super) fn check_in<S: Sink>(shard: &mut Shard, out: &mut Outbox<S>, transport: u32, now_us: u64) {
    let mut check = super::check(format!("our{transport}:them").as_bytes(), transport, true);
    shard.receive(super::udp(transport as u16), &mut check, now_us, out);
}

/// Return a packet of the peer. `numbers`: payload type, sequence number, timestamp and marker.
pub(super) fn sealed(
    seal: &Outbound,
    roc: u32,
    ssrc: u32,
    (payload_type, sequence, timestamp, marker): (u8, u16, u32, bool),
    extensions: &[(u8, &[u8])],
    payload: &[u8],
) -> Vec<u8> {
    let mut packet = vec![0; 1_400];
    let len = rtp::write_header(&mut packet, marker, payload_type, sequence, timestamp, ssrc, extensions);
    packet[len..len + payload.len()].copy_from_slice(payload);
    let len = seal.seal_rtp(&mut packet, len + payload.len(), len, roc);
    packet.truncate(len);
    packet
}

impl World {
    fn new() -> Self {
        let mut world = World {
            shard: Shard::new(0, 0, 1),
            out: Outbox::new(Viewed::default()),
            now_us: 1_000_000,
            seal: Outbound::new(Profile::AeadAes128Gcm, &KEY, &SALT).expect("right lengths"),
            rocs: HashMap::new(),
            sequences: [65_500, 7, 30_000, 65_535],
        };
        world.command(Command::OpenRouter { router: 1 });
        world.join(1);
        world.join(2);
        world.publish();
        world.consume(20, 10, 900);
        world.consume(21, 11, 910);
        world
    }

    fn join(&mut self, transport: u32) {
        join(&mut self.shard, &mut self.out, transport, self.now_us);
    }

    fn publish(&mut self) {
        let encodings = (0..3).map(|i| Encoding { rid: i.to_string(), ssrc: 100 + i, rtx_ssrc: 200 + i }).collect();
        let payloads = vec![Payload { payload_type: 98, codec: Codec::Vp8, clock_hz: 90_000, rtx: Some(99) }];
        let (transport, producer, mid) = (1, 10, "v".into());
        self.command(Command::OpenProducer { transport, producer, video: true, mid, encodings, payloads });
        let encodings = vec![Encoding { ssrc: 110, ..Encoding::default() }];
        let payload = |payload_type, codec| Payload { payload_type, codec, clock_hz: 90_000, rtx: None };
        let payloads = vec![payload(98, Codec::Vp9), payload(45, Codec::Av1)];
        let mid = "w".into();
        self.command(Command::OpenProducer { transport, producer: 11, video: true, mid, encodings, payloads });
    }

    fn consume(&mut self, consumer: u32, producer: u32, ssrc: u32) {
        let payload = |from, to| PayloadMap { from, to, rtx: None };
        self.command(Command::OpenConsumer {
            transport: 2,
            consumer,
            producer,
            mid: "0".into(),
            ssrc,
            rtx_ssrc: 0,
            payloads: vec![payload(98, 96), payload(45, 97)],
            strip_red: false,
            red_blocks: vec![],
            paused: false,
            single_nal: false,
        });
    }

    fn command(&mut self, command: Command) {
        self.shard.command(command, self.now_us, &mut self.out);
    }

    fn step(&mut self, what: u8, a: u8, b: u8, c: u8) {
        let layer = usize::from(a % 3);
        match what % 14 {
            0..=3 => self.media(layer, b, c),
            4 => self.advance(u64::from(a) * u64::from(b) * 100),
            5 => self.command(Command::SetLayers { consumer: 20, layer: a % 4, temporal: b % 4 }),
            6 => self.command(Command::PauseConsumer { consumer: 20 + u32::from(b & 1), paused: a % 2 == 0 }),
            7 => self.command(Command::PauseProducer { producer: 10, paused: a % 4 == 0 }),
            8 => self.nack(if c & 1 == 0 { 900 } else { 910 }, u16::from_be_bytes([a, b])),
            9 => self.remb(u64::from(u32::from_be_bytes([0, a, b, c]))),
            10 => self.command(Command::SetPriority { consumer: 20, priority: a % 8, keeps: b % 4 == 0 }),
            11 => self.command(Command::SetLayers { consumer: 21, layer: a % 4, temporal: b % 4 }),
            12 => self.layered(a, b, c),
            _ => self.rtcp(&[0x80 | (a & 0x1f), 200 + b % 8, 0, c % 8, a, b, c, 0, 0, 0, 3, 132, a, b, c, 9]),
        }
    }

    fn advance(&mut self, us: u64) {
        self.now_us += us;
        self.shard.timeout(self.now_us, &mut self.out);
    }

    /// Send a packet of a layer. `how` may lose, repeat or delay the packet, begin a frame, describe the frame instead of
    /// numbering it, or leave only padding.
    fn media(&mut self, layer: usize, how: u8, size: u8) {
        let sequence = self.next(layer, how);
        let picture = (sequence / 2).to_be_bytes();
        let mut payload = vec![size; 20 + 4 * usize::from(size)];
        let key = u8::from(how & 0x30 != 0);
        payload[..7].copy_from_slice(&[
            0x90,
            0xe0,
            0x80 | picture[0],
            picture[1],
            picture[1],
            (how & 0xc0) & 0x40,
            key,
        ]);
        if how == 255 {
            payload.clear();
        }
        let numbers = (98, sequence, u32::from(sequence) * 1_500, true);
        if how & 0x0c != 0x08 {
            return self.send(100 + layer as u32, numbers, &[(1, b"v")], &payload);
        }
        let number = sequence.to_be_bytes();
        let mut descriptor = vec![0xc0 | size & 0x07, number[0], number[1]];
        if how & 0x30 == 0 {
            descriptor.extend_from_slice(super::layers::VP8_STRUCTURE);
        }
        payload[..2].copy_from_slice(&[0x10, key]);
        self.send(100 + layer as u32, numbers, &[(1, b"v"), (12, &descriptor)], &payload);
    }

    /// Send a packet of the stream with inner layers. `place` holds its layer indices, or names the template.
    fn layered(&mut self, place: u8, how: u8, marks: u8) {
        let sequence = self.next(3, how);
        let picture = (sequence / 3).to_be_bytes();
        let mut payload = vec![marks; 40];
        payload[..4].copy_from_slice(&[0xb0 | how & 0x40 | marks & 0x0c, 0x80 | picture[0], picture[1], place]);
        let number = sequence.to_be_bytes();
        let mut descriptor = vec![marks & 0xc0 | place & 0x3f, number[0], number[1]];
        if marks & 0x02 != 0 {
            descriptor.extend_from_slice(super::layers::STRUCTURE);
        }
        let payload_type = if marks & 0x20 == 0 { 98 } else { 45 };
        let numbers = (payload_type, sequence, u32::from(sequence / 3) * 3_000, marks & 1 != 0);
        self.send(110, numbers, &[(1, b"w"), (12, &descriptor)], &payload);
    }

    /// Return the next number of a stream. `how` may lose, repeat or delay it.
    fn next(&mut self, stream: usize, how: u8) -> u16 {
        let newest = self.sequences[stream];
        let sequence = match how & 7 {
            0 => newest.wrapping_sub(u16::from(how >> 3)),
            1 => newest.wrapping_add(u16::from(how >> 3)),
            _ => newest.wrapping_add(1),
        };
        if sequence.wrapping_sub(newest) < 0x8000 {
            self.sequences[stream] = sequence;
        }
        sequence
    }

    fn send(&mut self, ssrc: u32, numbers: (u8, u16, u32, bool), extensions: &[(u8, &[u8])], payload: &[u8]) {
        let roc = self.rocs.entry(ssrc).or_default().advance(numbers.1);
        let mut packet = sealed(&self.seal, roc, ssrc, numbers, extensions, payload);
        self.shard.receive(super::udp(1), &mut packet, self.now_us, &mut self.out);
    }

    fn nack(&mut self, ssrc: u32, sequence: u16) {
        let mut buffer = [0; 64];
        let len = rtcp::write_nack(&mut buffer, 1, ssrc, [sequence, sequence.wrapping_add(3)]);
        self.rtcp(&buffer[..len]);
    }

    /// Send the viewer's bandwidth limit.
    fn remb(&mut self, bitrate_bps: u64) {
        let mut buffer = [0; 64];
        let len = rtcp::write_remb(&mut buffer, 1, bitrate_bps, &[900]);
        self.rtcp(&buffer[..len]);
    }

    fn rtcp(&mut self, compound: &[u8]) {
        let mut buffer = [0; 128];
        buffer[..compound.len()].copy_from_slice(compound);
        let len = self.seal.seal_rtcp(&mut buffer, compound.len());
        self.shard.receive(super::udp(2), &mut buffer[..len], self.now_us, &mut self.out);
    }
}
