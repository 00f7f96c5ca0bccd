//! A shard with peers. The peers make and read their packets with the same SRTP contexts, with the keys in reverse.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::HashSet;

use plane_core::codec::vp8;
use plane_core::path::Path;
use plane_core::seam::command::Command;
use plane_core::seam::event::Event;
use plane_core::seam::outbox::{Message, Outbox, Sink};
use plane_core::shard::Shard;
use plane_core::types::{Codec, Encoding, Extension, Payload, PayloadMap};
use plane_core::wire::rtcp::{self, Packet, SenderInfo};
use plane_core::wire::rtp;
use plane_core::wire::srtp::{Inbound, Outbound, RocTx};
use plane_core::wire::srtp_profile::Profile;
use plane_core::wire::stun::{self, Request};

pub const PWD: &str = "0123456789012345678901";
const START_US: u64 = 1_000_000;
/// Bytes of the header, the extensions, one byte of padding and the tag.
const PADDING_ALONE_BYTES_MAX: usize = 64;

#[derive(Default)]
pub struct Wire {
    pub datagrams: Vec<(Path, Vec<u8>)>,
    /// The padding before the first media packet of each stream. It is in no other list.
    pub early: Vec<(Path, Vec<u8>)>,
    begun: HashSet<(Path, [u8; 4])>,
    pub runs: Vec<SentRun>,
    pub count: usize,
}

#[derive(Clone, Debug)]
pub struct SentRun {
    pub segments: usize,
}

impl Sink for Wire {
    fn send(&mut self, arena: &[u8], messages: &[Message]) {
        for message in messages {
            let bytes = &arena[message.start as usize..(message.start + message.len) as usize];
            if self.is_early(message.path, bytes) {
                self.early.push((message.path, bytes.to_vec()));
                continue;
            }
            let mut segments = 0;
            for segment in bytes.chunks(message.segment as usize) {
                self.datagrams.push((message.path, segment.to_vec()));
                segments += 1;
            }
            self.count += segments;
            self.runs.push(SentRun { segments });
        }
    }
}

impl Wire {
    fn is_early(&mut self, path: Path, datagram: &[u8]) -> bool {
        if datagram[0] >> 6 != 2 || is_rtcp(datagram) {
            return false;
        }
        let stream = (path, [datagram[8], datagram[9], datagram[10], datagram[11]]);
        let is_padding = datagram[0] & 0x20 != 0 && datagram.len() <= PADDING_ALONE_BYTES_MAX;
        if !is_padding {
            self.begun.insert(stream);
        }
        is_padding && !self.begun.contains(&stream)
    }
}

pub struct Peer {
    pub path: Path,
    transport: u32,
    seal: Outbound,
    open: Inbound,
    sequences: [u16; 8],
    rocs: [RocTx; 8],
    transport_sequence: u16,
    timestamp: u32,
}

#[derive(Clone, Debug)]
pub struct Got {
    pub sequence: u16,
    pub timestamp: u32,
    pub payload_type: u8,
    pub picture_id: Option<u16>,
    pub original: Option<u16>,
    /// Transport-wide sequence number.
    pub wide: Option<u16>,
    pub payload_len: usize,
    pub payload_hash: u64,
}

pub struct Stage {
    pub shard: Shard,
    pub now_us: u64,
    pub events: Vec<Event>,
    pub out: Outbox<Wire>,
}

pub fn path(port: u16) -> Path {
    Path::Udp { socket: 0, remote: ([127, 0, 0, 1], port).into(), local: None }
}

impl Stage {
    pub fn new() -> Self {
        let mut stage = Stage {
            shard: Shard::new(0, 1_700_000_000_000_000, 7),
            now_us: START_US,
            events: Vec::new(),
            out: Outbox::new(Wire::default()),
        };
        stage.command(Command::OpenRouter { router: 1 });
        stage
    }

    pub fn command(&mut self, command: Command) {
        self.shard.command(command, self.now_us, &mut self.out);
        self.settle();
    }

    pub fn settle(&mut self) {
        self.shard.flush(self.now_us, &mut self.out);
        self.out.flush();
        self.events.append(self.shard.events());
    }

    /// Advance the clock in the steps that the shard asks for.
    pub fn advance(&mut self, us: u64) {
        let end = self.now_us + us;
        while self.shard.deadline() <= end {
            self.now_us = self.now_us.max(self.shard.deadline());
            self.shard.timeout(self.now_us, &mut self.out);
            self.settle();
        }
        self.now_us = end;
    }

    pub fn join(&mut self, transport: u32) -> Peer {
        self.join_of(1, transport)
    }

    pub fn join_of(&mut self, router: u32, transport: u32) -> Peer {
        let ufrag = format!("ours{transport}");
        self.command(Command::OpenTransport { router, transport, ufrag: ufrag.clone(), pwd: PWD.into() });
        let extensions = [
            (1, Extension::Mid),
            (2, Extension::Rid),
            (3, Extension::TransportCc),
            (4, Extension::AudioLevel),
            (5, Extension::PlayoutDelay),
            (6, Extension::RepairedRid),
        ];
        let extensions = extensions.to_vec();
        self.command(Command::SetExtensions { transport, extensions });
        let peer = Peer::new(transport, path(4_000 + transport as u16));
        self.check(&peer, &ufrag);
        self.out.sink.datagrams.clear();
        let (key, salt) = (vec![transport as u8; 16], vec![2; 12]);
        self.command(Command::SetKeys {
            transport,
            profile: Profile::AeadAes128Gcm,
            receive_key: key.clone(),
            receive_salt: salt.clone(),
            send_key: key,
            send_salt: salt,
        });
        peer
    }

    /// Send a check: the peer still consents (RFC 7675).
    pub fn consent(&mut self, peer: &Peer) {
        self.check(peer, &format!("ours{}", peer.transport));
    }

    fn check(&mut self, peer: &Peer, ufrag: &str) {
        let port = peer.path.remote().port() as u8;
        self.deliver(peer, &check(&format!("{ufrag}:them"), PWD, peer.transport as u8 ^ port));
    }

    pub fn publish(&mut self, peer: &Peer, producer: u32, layers: u32) {
        let encodings = (0..layers)
            .map(|i| Encoding {
                rid: if layers > 1 { i.to_string() } else { String::new() },
                ssrc: if layers > 1 { 0 } else { 0x1000 },
                rtx_ssrc: 0,
            })
            .collect();
        let payloads = vec![Payload { payload_type: 98, codec: Codec::Vp8, clock_hz: 90_000, rtx: Some(99) }];
        let transport = peer.transport;
        self.command(Command::OpenProducer { transport, producer, video: true, mid: "v".into(), encodings, payloads });
    }

    pub fn publish_h264(&mut self, peer: &Peer, producer: u32) {
        let encodings = vec![Encoding { ssrc: 0x1000, ..Encoding::default() }];
        let payloads = vec![Payload { payload_type: 98, codec: Codec::H264, clock_hz: 90_000, rtx: None }];
        let transport = peer.transport;
        self.command(Command::OpenProducer { transport, producer, video: true, mid: "v".into(), encodings, payloads });
    }

    pub fn publish_audio(&mut self, peer: &Peer, producer: u32) {
        let encodings = vec![Encoding { ssrc: 0x2000, ..Encoding::default() }];
        let payloads = vec![Payload { payload_type: 111, codec: Codec::Opus, clock_hz: 48_000, rtx: None }];
        let transport = peer.transport;
        self.command(Command::OpenProducer { transport, producer, video: false, mid: "a".into(), encodings, payloads });
    }

    pub fn consume(&mut self, peer: &Peer, consumer: u32, producer: u32) {
        self.command(Command::OpenConsumer {
            transport: peer.transport,
            consumer,
            producer,
            mid: "0".into(),
            ssrc: 0x9000,
            rtx_ssrc: 0x9001,
            payloads: vec![PayloadMap { from: 98, to: 96, rtx: Some(97) }],
            strip_red: false,
            red_blocks: vec![],
            paused: false,
            single_nal: false,
        });
    }

    pub fn consume_as_video(&mut self, peer: &Peer, consumer: u32, producer: u32) {
        self.consume_as(peer, consumer, producer, (0x9000, 0), PayloadMap { from: 98, to: 96, rtx: None });
    }

    pub fn consume_voice(&mut self, peer: &Peer, consumer: u32, producer: u32) {
        self.consume_as(peer, consumer, producer, (0x9002, 0), PayloadMap { from: 111, to: 111, rtx: None });
    }

    pub fn consume_as(&mut self, peer: &Peer, consumer: u32, producer: u32, ssrcs: (u32, u32), payload: PayloadMap) {
        self.consume_at(peer.transport, consumer, producer, ssrcs, payload);
    }

    pub fn consume_at(&mut self, transport: u32, consumer: u32, producer: u32, ssrcs: (u32, u32), payload: PayloadMap) {
        self.command(Command::OpenConsumer {
            transport,
            consumer,
            producer,
            mid: "0".into(),
            ssrc: ssrcs.0,
            rtx_ssrc: ssrcs.1,
            payloads: vec![payload],
            strip_red: false,
            red_blocks: vec![],
            paused: false,
            single_nal: false,
        });
    }

    /// Publish one frame of 30 a second, with all its packets at once.
    pub fn publish_frame(&mut self, peer: &mut Peer, layer: usize, n: u16, key: bool, lens: &[usize]) {
        for mut packet in frame(peer, layer, n, key, lens) {
            self.shard.receive(peer.path, &mut packet, self.now_us, &mut self.out);
        }
        self.settle();
        self.advance(33_333);
    }

    /// Publish one frame with temporal layers. `temporal` holds its id, and whether the frame needs only the base.
    pub fn publish_temporal(&mut self, peer: &mut Peer, n: u16, temporal: (u8, bool), key: bool, lens: &[usize]) {
        for mut packet in temporal_frame(peer, n, temporal, key, lens) {
            self.shard.receive(peer.path, &mut packet, self.now_us, &mut self.out);
        }
        self.settle();
        self.advance(33_333);
    }

    pub fn publish_voice(&mut self, peer: &mut Peer, level: u8) {
        let mut packet = voice(peer, level, true);
        self.shard.receive(peer.path, &mut packet, self.now_us, &mut self.out);
        self.settle();
        self.advance(20_000);
    }

    /// Publish one frame almost without an advance of the clock.
    pub fn publish_burst(&mut self, peer: &mut Peer, n: u16, lens: &[usize]) {
        for packet in frame(peer, 0, n, false, lens) {
            self.deliver(peer, &packet);
        }
        self.now_us += 100;
    }

    /// Publish a packet of padding alone, which publishers send to measure their uplink.
    pub fn publish_empty(&mut self, peer: &mut Peer) {
        let packet = peer.packet(0, 0x1000, (98, 0, false), &[], &[]);
        self.deliver(peer, &packet);
    }

    /// Open the consumer again on a connection without RTX.
    pub fn map_without_rtx(&mut self, peer: &Peer, consumer: u32, producer: u32) {
        self.command(Command::CloseConsumer { consumer });
        self.command(Command::OpenConsumer {
            transport: peer.transport,
            consumer,
            producer,
            mid: "0".into(),
            ssrc: 0x9000,
            rtx_ssrc: 0,
            payloads: vec![PayloadMap { from: 98, to: 96, rtx: None }],
            strip_red: false,
            red_blocks: vec![],
            paused: false,
            single_nal: false,
        });
    }

    /// Take all datagrams to one address, in order.
    pub fn take_to(&mut self, path: Path) -> Vec<Vec<u8>> {
        let mut taken = Vec::new();
        self.out.sink.datagrams.retain(|(to, datagram)| {
            if *to == path {
                taken.push(datagram.clone());
            }
            *to != path
        });
        taken
    }

    /// Take the media for this peer, still sealed.
    pub fn sealed_media(&mut self, peer: &Peer) -> Vec<Vec<u8>> {
        self.take(peer, |d| !is_rtcp(d) && d[8..12] == 0x9000_u32.to_be_bytes())
    }

    pub fn deliver(&mut self, peer: &Peer, datagram: &[u8]) {
        self.deliver_from(peer.path, datagram);
    }

    /// Deliver a copy, because a packet is opened in place.
    pub fn deliver_from(&mut self, path: Path, datagram: &[u8]) {
        self.shard.receive(path, &mut datagram.to_vec(), self.now_us, &mut self.out);
        self.settle();
    }

    pub fn nack(&mut self, peer: &mut Peer, lost: &[u16]) {
        let mut buffer = [0; 256];
        let len = rtcp::write_nack(&mut buffer, 5, 0x9000, lost.iter().copied());
        self.send_rtcp(peer, &mut buffer, len);
    }

    pub fn sender_report(&mut self, peer: &mut Peer, layer: usize, rtp: u32) {
        self.sender_report_at(peer, layer, (2_208_988_800 + 1_600_000_000_u64) << 32, rtp);
    }

    pub fn sender_report_at(&mut self, peer: &mut Peer, layer: usize, ntp: u64, rtp: u32) {
        let info = SenderInfo { ssrc: 0x1000 + layer as u32, ntp, rtp, packets: 1, bytes: 1 };
        let mut buffer = [0; 256];
        let len = rtcp::write_sr(&mut buffer, &info, &[]);
        self.send_rtcp(peer, &mut buffer, len);
    }

    /// Send a sender report of the voice with the present time and the timestamp of its next packet.
    pub fn voice_report(&mut self, peer: &mut Peer, ntp: u64) {
        let info = SenderInfo { ssrc: 0x2000, ntp, rtp: peer.timestamp, packets: 1, bytes: 1 };
        let mut buffer = [0; 256];
        let len = rtcp::write_sr(&mut buffer, &info, &[]);
        self.send_rtcp(peer, &mut buffer, len);
    }

    pub fn send_compound(&mut self, peer: &mut Peer, compound: &[u8]) {
        let sealed = peer.seal_report(compound);
        self.deliver(peer, &sealed);
    }

    fn send_rtcp(&mut self, peer: &mut Peer, buffer: &mut [u8], len: usize) {
        let len = peer.seal.seal_rtcp(buffer, len);
        self.deliver(peer, &buffer[..len]);
    }

    pub fn runs(&self) -> &[SentRun] {
        &self.out.sink.runs
    }

    pub fn sent_datagrams(&self) -> usize {
        self.out.sink.count
    }

    fn take(&mut self, peer: &Peer, wanted: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
        let mut taken = Vec::new();
        self.out.sink.datagrams.retain(|(path, datagram)| {
            let hit = *path == peer.path && wanted(datagram);
            if hit {
                taken.push(datagram.clone());
            }
            !hit
        });
        taken
    }

    /// Return the packets to this peer under one SSRC since the last call.
    pub fn media(&mut self, peer: &mut Peer, ssrc: u32) -> Vec<Got> {
        let is_mine = |d: &[u8]| !is_rtcp(d) && d[8..12] == ssrc.to_be_bytes();
        self.take(peer, is_mine).into_iter().map(|datagram| peer.read(datagram)).collect()
    }

    /// Return the packets to this peer under one SSRC since the last call, still sealed.
    pub fn sealed(&mut self, peer: &Peer, ssrc: u32) -> Vec<Vec<u8>> {
        self.take(peer, |d| !is_rtcp(d) && d[8..12] == ssrc.to_be_bytes())
    }

    /// Return number, timestamp, payload type and payload of each packet.
    pub fn payloads_of(&mut self, peer: &mut Peer, ssrc: u32) -> Vec<(u16, u32, u8, Vec<u8>)> {
        self.sealed(peer, ssrc).into_iter().map(|datagram| peer.open_payload(datagram)).collect()
    }

    /// Return the padding that was sent to this peer before the first media packet.
    pub fn early_of(&mut self, peer: &mut Peer) -> Vec<Got> {
        let mut taken = Vec::new();
        self.out.sink.early.retain(|(path, datagram)| {
            let is_mine = *path == peer.path;
            if is_mine {
                taken.push(datagram.clone());
            }
            !is_mine
        });
        taken.into_iter().map(|datagram| peer.read(datagram)).collect()
    }

    pub fn media_of(&mut self, peer: &mut Peer) -> Vec<Got> {
        self.media(peer, 0x9000)
    }

    pub fn voice_of(&mut self, peer: &mut Peer) -> Vec<Got> {
        self.media(peer, 0x9002)
    }

    pub fn rtx_of(&mut self, peer: &mut Peer) -> Vec<Got> {
        self.media(peer, 0x9001)
    }

    pub fn rtcp_to<T: Default>(&mut self, peer: &mut Peer, mut see: impl FnMut(Packet, &mut T)) -> T {
        let mut seen = T::default();
        for mut datagram in self.take(peer, is_rtcp) {
            let len = peer.open.open_rtcp(&mut datagram).expect("sealed for this peer");
            for packet in rtcp::packets(&datagram[..len]) {
                see(packet.expect("well-formed"), &mut seen);
            }
        }
        seen
    }

    pub fn plis_to(&mut self, peer: &mut Peer) -> Vec<u32> {
        self.rtcp_to(peer, |packet, seen: &mut Vec<u32>| {
            if let Packet::Pli { media } = packet {
                seen.push(media);
            }
        })
    }

    pub fn nacks_to(&mut self, peer: &mut Peer) -> Vec<u16> {
        self.rtcp_to(peer, |packet, seen: &mut Vec<u16>| {
            if let Packet::Nack { items, .. } = packet {
                seen.extend(items);
            }
        })
    }
}

fn is_rtcp(datagram: &[u8]) -> bool {
    datagram[0] >> 6 == 2 && (192..=223).contains(&datagram[1])
}

impl Peer {
    fn new(transport: u32, path: Path) -> Self {
        let (key, salt) = ([transport as u8; 16], [2; 12]);
        Peer {
            path,
            transport,
            seal: Outbound::new(Profile::AeadAes128Gcm, &key, &salt).unwrap(),
            open: Inbound::new(Profile::AeadAes128Gcm, &key, &salt).unwrap(),
            sequences: [0; 8],
            rocs: [RocTx::default(); 8],
            transport_sequence: 0,
            timestamp: 0,
        }
    }

    fn packet(
        &mut self,
        stream: usize,
        ssrc: u32,
        (payload_type, timestamp, marker): (u8, u32, bool),
        extensions: &[(u8, &[u8])],
        payload: &[u8],
    ) -> Vec<u8> {
        let mut packet = vec![0; 1_700];
        let sequence = self.sequences[stream];
        self.sequences[stream] = sequence.wrapping_add(1);
        let wide = self.transport_sequence.to_be_bytes();
        self.transport_sequence = self.transport_sequence.wrapping_add(1);
        let mut all = vec![(3, &wide[..])];
        all.extend_from_slice(extensions);
        let header = rtp::write_header(&mut packet, marker, payload_type, sequence, timestamp, ssrc, &all);
        packet[header..header + payload.len()].copy_from_slice(payload);
        let roc = self.rocs[stream].advance(sequence);
        let len = self.seal.seal_rtp(&mut packet, header + payload.len(), header, roc);
        packet.truncate(len);
        packet
    }

    /// Return a packet of the only stream as it was recorded, with its number and its dependency descriptor (extension 12).
    pub fn recorded(
        &mut self,
        sequence: u16,
        (payload_type, timestamp, marker): (u8, u32, bool),
        descriptor: &[u8],
        payload: &[u8],
    ) -> Vec<u8> {
        self.sequences[0] = sequence;
        let extensions: [(u8, &[u8]); 1] = [(12, descriptor)];
        let extensions = if descriptor.is_empty() { &[] } else { &extensions[..] };
        self.packet(0, 0x1000, (payload_type, timestamp, marker), extensions, payload)
    }

    /// Return packet `original` of layer 0 over RTX.
    pub fn repair(&mut self, original: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        let payload = [&original.to_be_bytes(), payload].concat();
        self.packet(2, 0x1100, (99, timestamp, true), &[(1, b"v")], &payload)
    }

    /// Return a retransmission of a recorded stream, with its marker and its dependency descriptor.
    pub fn repair_recorded(
        &mut self,
        original: u16,
        (timestamp, marker): (u32, bool),
        descriptor: &[u8],
        payload: &[u8],
    ) -> Vec<u8> {
        let payload = [&original.to_be_bytes(), payload].concat();
        self.packet(2, 0x1100, (99, timestamp, marker), &[(1, b"v"), (12, descriptor)], &payload)
    }

    /// Return an earlier packet of a simulcast layer over RTX.
    pub fn again(&mut self, header: &rtp::Header, clear: &[u8]) -> Vec<u8> {
        let layer = header.ssrc - 0x1000;
        let payload = [&header.sequence.to_be_bytes(), &clear[header.payload(clear).unwrap()]].concat();
        let rid = layer.to_string();
        let names: [(u8, &[u8]); 2] = [(1, b"v"), (6, rid.as_bytes())];
        self.packet(4 + layer as usize, 0x1100 + layer, (99, header.timestamp, header.marker), &names, &payload)
    }

    /// Advance the voice's clock without a packet.
    pub fn rest(&mut self, ms: u32) {
        self.timestamp = self.timestamp.wrapping_add(48 * ms);
    }

    /// Restart the numbers of a stream at 0.
    pub fn restart(&mut self, stream: usize) {
        (self.sequences[stream], self.rocs[stream]) = (0, RocTx::default());
    }

    /// Return a packet of an SSRC that is known by its MID.
    pub fn named(&mut self, ssrc: u32, n: u16, payload: &[u8]) -> Vec<Vec<u8>> {
        vec![self.packet(0, ssrc, (98, u32::from(n) * 3_000, true), &[(1, b"v")], payload)]
    }

    /// Return the header and the decrypted bytes of a packet to this peer.
    pub fn open(&mut self, mut datagram: Vec<u8>) -> (rtp::Header, Vec<u8>) {
        let header = rtp::parse(&datagram).unwrap();
        let len = self.open.open_rtp(&mut datagram, &header).expect("sealed for this peer");
        datagram.truncate(len);
        (header, datagram)
    }

    /// Return a compound of this peer, sealed.
    pub fn seal_report(&mut self, compound: &[u8]) -> Vec<u8> {
        let mut buffer = [compound, &[0; 32]].concat();
        let len = self.seal.seal_rtcp(&mut buffer, compound.len());
        buffer.truncate(len);
        buffer
    }

    /// Return a compound to this peer, decrypted.
    pub fn open_reports(&mut self, mut datagram: Vec<u8>) -> Vec<u8> {
        let len = self.open.open_rtcp(&mut datagram).expect("sealed for this peer");
        datagram.truncate(len);
        datagram
    }

    fn open_payload(&mut self, datagram: Vec<u8>) -> (u16, u32, u8, Vec<u8>) {
        let (header, datagram) = self.open(datagram);
        let payload = datagram[header.payload(&datagram).unwrap()].to_vec();
        (header.sequence, header.timestamp, header.payload_type, payload)
    }

    fn read(&mut self, mut datagram: Vec<u8>) -> Got {
        let header = rtp::parse(&datagram).unwrap();
        let len = self.open.open_rtp(&mut datagram, &header).expect("sealed for this peer");
        let range = header.payload(&datagram[..len]).unwrap();
        let rtx = header.ssrc == 0x9001;
        let payload = &datagram[range][if rtx { 2 } else { 0 }..];
        let original =
            rtx.then(|| u16::from_be_bytes([datagram[header.payload_offset], datagram[header.payload_offset + 1]]));
        let wide = header.extensions(&datagram).find(|(id, _)| *id == 3);
        let wide = wide.map(|(_, value)| u16::from_be_bytes([value[0], value[1]]));
        let picture_id = vp8::parse(payload).ok().and_then(|d| d.numbers.picture_id).map(|id| id.value);
        let payload_hash = payload.iter().fold(7u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        Got {
            sequence: header.sequence,
            timestamp: header.timestamp,
            payload_type: header.payload_type,
            picture_id,
            original,
            wide,
            payload_len: payload.len(),
            payload_hash,
        }
    }
}

/// Return a check that nominates.
pub fn check(username: &str, pwd: &str, transaction: u8) -> Vec<u8> {
    check_of(username, pwd, [transaction; 12])
}

pub fn check_of(username: &str, pwd: &str, transaction: [u8; 12]) -> Vec<u8> {
    let request = Request {
        transaction,
        username: username.as_bytes(),
        priority: 1,
        use_candidate: true,
        controlling: Some(1),
        controlled: None,
        nomination: None,
    };
    let mut datagram = vec![0; 256];
    let len = stun::write_request(&mut datagram, &request, pwd.as_bytes());
    datagram.truncate(len);
    datagram
}

/// Return a voice packet of 20 ms.
pub fn voice(peer: &mut Peer, level: u8, marker: bool) -> Vec<u8> {
    let packet = peer.packet(3, 0x2000, (111, peer.timestamp, marker), &[(4, &[level])], &[0; 80]);
    peer.timestamp = peer.timestamp.wrapping_add(960);
    packet
}

/// Return a voice packet of 20 ms with its own payload.
pub fn voice_of(peer: &mut Peer, level: u8, payload: &[u8]) -> Vec<u8> {
    let packet = peer.packet(3, 0x2000, (111, peer.timestamp, false), &[(4, &[level])], payload);
    peer.timestamp = peer.timestamp.wrapping_add(960);
    packet
}

/// Return the packets of frame `n` of a layer. Each layer has its own SSRC, clock and picture ids.
pub fn frame(peer: &mut Peer, layer: usize, n: u16, key: bool, lens: &[usize]) -> Vec<Vec<u8>> {
    packets(peer, layer, (n, None), key, lens)
}

/// Return the packets of frame `n` of the only layer. `temporal` holds its id, and whether the frame needs only the base.
pub fn temporal_frame(peer: &mut Peer, n: u16, temporal: (u8, bool), key: bool, lens: &[usize]) -> Vec<Vec<u8>> {
    packets(peer, 0, (n, Some(temporal)), key, lens)
}

/// Return the VP8 descriptor byte of a frame's temporal id. `sync` means that the frame needs only the base.
fn marks((temporal, sync): (u8, bool)) -> u8 {
    temporal << 6 | u8::from(sync) << 5
}

/// Return one packet of a simulcast layer with VP8 temporal ids as in `watch`. `first` and `last` refer to its frame.
pub fn layered(
    peer: &mut Peer,
    layer: usize,
    (n, temporal, key): (u16, u8, bool),
    (first, last): (bool, bool),
    bytes: usize,
) -> Vec<u8> {
    let mut payload = vec![0; bytes];
    let start = if first { 0x90 } else { 0x80 };
    let picture = 0x8000 | n;
    let marks = marks((temporal, temporal > 0 && matches!(n % 4, 1 | 2)));
    payload[..6].copy_from_slice(&[start, 0xe0, (picture >> 8) as u8, picture as u8, (n / 4) as u8, marks]);
    payload[6] = u8::from(!key);
    payload[7..10].copy_from_slice(&[(n >> 8) as u8, n as u8, layer as u8]);
    let (ssrc, rid) = (0x1000 + layer as u32, layer.to_string());
    peer.packet(layer, ssrc, (98, u32::from(n) * 3_000, last), &[(1, b"v"), (2, rid.as_bytes())], &payload)
}

fn packets(
    peer: &mut Peer,
    layer: usize,
    (n, temporal): (u16, Option<(u8, bool)>),
    key: bool,
    lens: &[usize],
) -> Vec<Vec<u8>> {
    let mut made = Vec::new();
    let picture = n + 1_000 * layer as u16;
    let timestamp = (u32::from(n) * 3_000).wrapping_add(0xfff0_0000_u32.wrapping_mul(layer as u32));
    for (i, len) in lens.iter().enumerate() {
        let mut payload = vec![(n % 251) as u8 | 1; *len];
        let flags = if temporal.is_some() { 0xe0 } else { 0x80 };
        let start = if i == 0 { 0x90 } else { 0x80 };
        let marks = temporal.map_or(0, marks);
        let head = [start, flags, 0x80 | (picture >> 8) as u8, picture as u8, (n / 2) as u8, marks];
        let size = if temporal.is_some() { 6 } else { 4 };
        payload[..size].copy_from_slice(&head[..size]);
        payload[size] = u8::from(!key);
        let (rid, mid) = (layer.to_string(), *b"v");
        let names: [(u8, &[u8]); 2] = [(1, &mid), (2, rid.as_bytes())];
        let names = if temporal.is_some() { &names[..1] } else { &names[..] };
        let marker = i + 1 == lens.len();
        made.push(peer.packet(layer, 0x1000 + layer as u32, (98, timestamp, marker), names, &payload));
    }
    made
}
