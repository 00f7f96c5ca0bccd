//! Voices: RED payloads, and a shard with microphones, few places and a listener that loses packets. In every case no SRTP
//! number is used for two packets. A listener never gets more voices than the number of places and changes.

use std::collections::HashMap;

use plane_core::codec::red::{self, Copied};
use plane_core::path::Path;
use plane_core::seam::command::Command;
use plane_core::seam::outbox::{Message, Outbox, Sink};
use plane_core::shard::Shard;
use plane_core::stream::redundancy;
use plane_core::types::{Codec, Encoding, Extension, Payload, PayloadMap};
use plane_core::wire::rtcp::{self, ReportBlock};
use plane_core::wire::rtp;
use plane_core::wire::srtp::{Inbound, Outbound, RocTx};
use plane_core::wire::srtp_profile::Profile;

const KEY: [u8; 16] = [1; 16];
const SALT: [u8; 12] = [2; 12];
const STEPS_MAX: usize = 20;
const MICROPHONES: u32 = 3;
const LISTENER: u32 = 9;
const OPUS: u8 = 111;
const RED: u8 = 63;
const SSRC: u32 = 900;

pub fn red_seeds() -> Vec<Vec<u8>> {
    let mut most = [0x80 | OPUS, 0, 4, 1].repeat(red::BLOCKS_MAX);
    most.extend([OPUS; 40]);
    vec![vec![0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 4, 5], vec![OPUS, 9], vec![0xef, 0xff, 0xff, 0xff, OPUS, 1], most]
}

pub fn red(data: &[u8]) {
    let Ok(found) = red::blocks(data) else { return assert!(red::primary(data).is_err()) };
    let found: Vec<_> = found.collect();
    let (primary, redundant) = found.split_last().expect("a primary block");
    assert_eq!(Some(primary), red::primary(data).ok().as_ref());
    assert_eq!(primary.range.end, data.len());
    assert!(found.windows(2).all(|pair| pair[0].range.end == pair[1].range.start));
    // Blocks that can be written are read back unchanged.
    let copy =
        |block: &red::Block| Copied { timestamp_offset: block.timestamp_offset, payload: &data[block.range.clone()] };
    let fits = |block: &&red::Block| red::fits(block.timestamp_offset.into(), block.range.len());
    let copies: Vec<_> = redundant.iter().filter(fits).map(copy).collect();
    let mut space = vec![0; data.len()];
    let len = red::write(&mut space, primary.payload_type, &copies, &data[primary.range.clone()]).expect("no longer");
    let again: Vec<_> = red::blocks(&space[..len]).expect("our own").collect();
    assert_eq!(again.len(), copies.len() + 1);
    for (block, copy) in again.iter().zip(&copies) {
        assert_eq!((block.timestamp_offset, &space[block.range.clone()]), (copy.timestamp_offset, copy.payload));
    }
    assert_eq!(space[again[copies.len()].range.clone()], data[primary.range.clone()]);
}

#[derive(Default)]
struct Heard {
    packets: HashMap<(u32, u16), Vec<u8>>,
    fresh: Vec<Vec<u8>>,
}

impl Sink for Heard {
    fn send(&mut self, arena: &[u8], messages: &[Message]) {
        for message in messages.iter().filter(|message| message.path == path(LISTENER)) {
            let bytes = &arena[message.start as usize..(message.start + message.len) as usize];
            bytes.chunks(usize::from(message.segment)).for_each(|datagram| self.note(datagram));
        }
    }
}

impl Heard {
    fn note(&mut self, datagram: &[u8]) {
        if datagram[0] >> 6 != 2 || (192..=223).contains(&datagram[1]) {
            return;
        }
        let header = rtp::parse(datagram).expect("a packet of ours");
        match self.packets.insert((header.ssrc, header.sequence), datagram.to_vec()) {
            Some(before) => assert_eq!(before, datagram, "two packets under one number"),
            None => self.fresh.push(datagram.to_vec()),
        }
    }
}

struct World {
    shard: Shard,
    out: Outbox<Heard>,
    now_us: u64,
    seal: Outbound,
    open: Inbound,
    rocs: [RocTx; MICROPHONES as usize],
    sequences: [u16; MICROPHONES as usize],
}

pub fn voices_seeds() -> Vec<Vec<u8>> {
    let talk = [0, 20, 60, 0, 1, 100, 60, 0, 2, 127, 60, 0].repeat(3);
    let loss = [6, 40, 0, 0, 0, 20, 60, 0, 0, 20, 60, 0, 7, 0, 3, 0, 5, 1, 0, 0, 4, 0, 90, 0];
    vec![(0..=191).collect(), [talk.clone(), loss.to_vec(), talk].concat()]
}

pub fn voices(data: &[u8]) {
    let mut world = World::new();
    for step in data.chunks(4).take(STEPS_MAX) {
        let byte = |at: usize| step.get(at).copied().unwrap_or(0);
        world.step(byte(0), byte(1), byte(2), byte(3));
        world.shard.flush(world.now_us, &mut world.out);
        world.out.flush();
        world.shard.events().clear();
        world.open_all();
    }
}

impl World {
    fn new() -> Self {
        let mut world = World {
            shard: Shard::new(0, 0, 1),
            out: Outbox::new(Heard::default()),
            now_us: 1_000_000,
            seal: Outbound::new(Profile::AeadAes128Gcm, &KEY, &SALT).expect("right lengths"),
            open: Inbound::new(Profile::AeadAes128Gcm, &KEY, &SALT).expect("right lengths"),
            rocs: Default::default(),
            sequences: [65_530, 7, 30_000],
        };
        world.command(Command::OpenRouter { router: 1 });
        world.command(Command::SetVoices { router: 1, most: 1 });
        world.join(LISTENER);
        for n in 0..MICROPHONES {
            world.join(1 + n);
            let encodings = vec![Encoding { ssrc: 100 + n, ..Encoding::default() }];
            let payloads = vec![Payload { payload_type: OPUS, codec: Codec::Opus, clock_hz: 48_000, rtx: None }];
            let (transport, producer, mid) = (1 + n, 10 + n, "0".into());
            world.command(Command::OpenProducer { transport, producer, video: false, mid, encodings, payloads });
            world.command(Command::OpenConsumer {
                transport: LISTENER,
                consumer: 20 + n,
                producer,
                mid: "0".into(),
                ssrc: SSRC + n,
                rtx_ssrc: 0,
                payloads: vec![PayloadMap { from: OPUS, to: OPUS, rtx: None }],
                strip_red: false,
                red_blocks: vec![],
                paused: false,
                single_nal: false,
            });
            world.command(Command::MakeRed { consumer: 20 + n, payload_type: RED });
        }
        world
    }

    fn join(&mut self, transport: u32) {
        let ufrag = format!("our{transport}");
        self.command(Command::OpenTransport { router: 1, transport, ufrag: ufrag.clone(), pwd: super::PWD.into() });
        self.command(Command::SetExtensions { transport, extensions: vec![(4, Extension::AudioLevel)] });
        let mut check = super::check(format!("{ufrag}:them").as_bytes(), transport, true);
        self.shard.receive(path(transport), &mut check, self.now_us, &mut self.out);
        self.command(Command::SetKeys {
            transport,
            profile: Profile::AeadAes128Gcm,
            receive_key: KEY.to_vec(),
            receive_salt: SALT.to_vec(),
            send_key: KEY.to_vec(),
            send_salt: SALT.to_vec(),
        });
    }

    fn command(&mut self, command: Command) {
        self.shard.command(command, self.now_us, &mut self.out);
    }

    fn step(&mut self, what: u8, a: u8, b: u8, c: u8) {
        let who = u32::from(c) % MICROPHONES;
        match what % 10 {
            n @ 0..=2 => self.speak(n.into(), a, b, c),
            3 => self.command(Command::SetVoices { router: 1, most: u16::from(a % 4) }),
            4 => {
                self.now_us += u64::from(a) * u64::from(b) * 300;
                self.shard.timeout(self.now_us, &mut self.out);
            }
            5 => self.command(Command::PauseProducer { producer: 10 + who, paused: a % 2 == 0 }),
            6 => self.tell(|out| {
                let block = ReportBlock { ssrc: SSRC + who, fraction_lost: a, ..ReportBlock::default() };
                rtcp::write_rr(out, 1, &[block])
            }),
            7 => {
                let newest = self.sequences[who as usize];
                let sent = self.out.sink.packets.keys().filter(|(ssrc, _)| *ssrc == SSRC + who).map(|key| key.1).max();
                let lost = sent.unwrap_or(newest).wrapping_sub(u16::from(b % 8));
                self.tell(|out| rtcp::write_nack(out, 1, SSRC + who, [lost, lost.wrapping_add(1)]));
            }
            8 => self.command(Command::PauseConsumer { consumer: 20 + who, paused: a % 2 == 0 }),
            _ => self.command(Command::KeepVoice { producer: 10 + who }),
        }
    }

    /// Send a packet of a level and a size. The last byte may lose some packets before it, or delay it.
    fn speak(&mut self, who: usize, level: u8, size: u8, how: u8) {
        let newest = self.sequences[who];
        let sequence = match how & 7 {
            1 => newest.wrapping_sub(u16::from(how >> 5)),
            2 => newest.wrapping_add(u16::from(how >> 4)),
            _ => newest.wrapping_add(1),
        };
        if sequence.wrapping_sub(newest) < 0x8000 {
            self.sequences[who] = sequence;
        }
        let mut packet = vec![0; 1_500];
        let (ssrc, time) = (100 + who as u32, u32::from(sequence) * 960);
        let header = rtp::write_header(&mut packet, false, OPUS, sequence, time, ssrc, &[(4, &[level & 0x7f])]);
        let len = header + 1 + 4 * usize::from(size);
        packet[header..len].fill(size ^ level);
        let roc = self.rocs[who].advance(sequence);
        let len = self.seal.seal_rtp(&mut packet, len, header, roc);
        self.shard.receive(path(1 + who as u32), &mut packet[..len], self.now_us, &mut self.out);
    }

    fn tell(&mut self, write: impl FnOnce(&mut [u8]) -> usize) {
        let mut buffer = [0; 128];
        let len = write(&mut buffer);
        let len = self.seal.seal_rtcp(&mut buffer, len);
        self.shard.receive(path(LISTENER), &mut buffer[..len], self.now_us, &mut self.out);
    }

    /// Check that all received packets can be opened, and that RED of the server has the right length and the primary block.
    fn open_all(&mut self) {
        for mut datagram in std::mem::take(&mut self.out.sink.fresh) {
            let header = rtp::parse(&datagram).expect("a packet of ours");
            let len = self.open.open_rtp(&mut datagram, &header).expect("sealed for the listener");
            if header.payload_type == RED {
                let payload = &datagram[header.payload(&datagram[..len]).expect("whole")];
                let blocks: Vec<_> = red::blocks(payload).expect("RED").collect();
                assert!(blocks.len() <= 4 && payload.len() <= redundancy::BYTES_MAX);
                assert!(blocks.iter().all(|block| block.payload_type == OPUS && block.timestamp_offset % 960 == 0));
            }
        }
    }
}

fn path(transport: u32) -> Path {
    super::udp(transport as u16)
}
