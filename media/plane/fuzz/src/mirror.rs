//! A publisher on one shard and its viewer on another. The fuzz bytes decide what happens between them. Parcels are lost, the
//! mirror is left and watched again, and the publisher begins again under another SSRC. In every case no number is used for two
//! packets. After one or two key frames the viewer sees the publisher again.

use std::collections::HashMap;

use plane_core::seam::command::Command;
use plane_core::seam::outbox::Outbox;
use plane_core::shard::Shard;
use plane_core::types::{Codec, Encoding, Payload, PayloadMap};
use plane_core::wire::srtp::{Outbound, RocTx};
use plane_core::wire::srtp_profile::Profile;

use super::whole::{self, KEY, SALT, Viewed};

const STEPS_MAX: usize = 200;
const CAMERA: u32 = 10;
/// The first key frame after a loss may only show which packets are missing.
const KEYFRAMES: usize = 2;

struct World {
    shards: [(Shard, Outbox<Viewed>); 2],
    now_us: u64,
    seal: Outbound,
    rocs: HashMap<u32, RocTx>,
    ssrc: u32,
    sequence: u16,
    picture: u16,
    fed: bool,
}

pub fn mirror(data: &[u8]) {
    let mut world = World::new();
    for step in data.chunks(2).take(STEPS_MAX) {
        world.step(step[0], step.get(1).copied().unwrap_or(0));
    }
    if !world.fed {
        world.feed();
    }
    let before = world.seen();
    for _ in 0..KEYFRAMES {
        world.exchange(false);
        world.media(true, 1);
        world.pass(40_000);
    }
    world.exchange(false);
    world.pass(40_000);
    assert!(world.seen() > before, "its picture stands still");
}

impl World {
    fn new() -> Self {
        let shard = |index| (Shard::new(index, 0, 1).among(2), Outbox::new(Viewed::default()));
        let mut world = World {
            shards: [shard(0), shard(1)],
            now_us: 1_000_000,
            seal: Outbound::new(Profile::AeadAes128Gcm, &KEY, &SALT).expect("right lengths"),
            rocs: HashMap::new(),
            ssrc: 100,
            sequence: 65_500,
            picture: 0,
            fed: false,
        };
        world.command(0, Command::OpenRouter { router: 1 });
        world.command(1, Command::OpenPart { router: 1 });
        for (at, transport) in [(0, 1), (1, 2)] {
            let (shard, out) = &mut world.shards[at];
            whole::join(shard, out, transport, world.now_us);
        }
        world.command(1, Command::OpenMirror { router: 1, transport: 1, from: 0, line: false });
        (0..2).for_each(|at| world.publish(at));
        world.consume();
        world.feed();
        world
    }

    fn publish(&mut self, at: usize) {
        let encodings = vec![Encoding { ssrc: self.ssrc, ..Encoding::default() }];
        let payloads = vec![Payload { payload_type: 98, codec: Codec::Vp8, clock_hz: 90_000, rtx: None }];
        let (transport, mid) = (1, "v".into());
        self.command(at, Command::OpenProducer { transport, producer: CAMERA, video: true, mid, encodings, payloads });
    }

    fn consume(&mut self) {
        let opening = Command::OpenConsumer {
            transport: 2,
            consumer: 20,
            producer: CAMERA,
            mid: "0".into(),
            ssrc: 900,
            rtx_ssrc: 0,
            payloads: vec![PayloadMap { from: 98, to: 96, rtx: None }],
            strip_red: false,
            red_blocks: vec![],
            paused: false,
            single_nal: false,
        };
        self.command(1, opening);
    }

    fn command(&mut self, at: usize, command: Command) {
        let (shard, out) = &mut self.shards[at];
        shard.command(command, self.now_us, out);
    }

    fn feed(&mut self) {
        self.fed = !self.fed;
        self.command(0, Command::SetMirrored { producer: CAMERA, to: 1, on: self.fed });
    }

    fn seen(&self) -> usize {
        self.shards[1].1.sink.count()
    }

    fn step(&mut self, what: u8, how: u8) {
        match what % 10 {
            0..=3 => self.media(what & 0x40 != 0, how),
            4 => self.flush(),
            5 => self.exchange(false),
            6 => self.exchange(true),
            7 => self.feed(),
            8 => (self.ssrc, self.sequence) = (self.ssrc + 1, u16::from(how) << 8),
            _ => self.pass(u64::from(how) * 5_000),
        }
    }

    /// Send a packet of a new frame. `how` may leave out numbers before it.
    fn media(&mut self, key: bool, how: u8) {
        self.sequence = self.sequence.wrapping_add(if how > 200 { u16::from(how) } else { 1 });
        self.picture = self.picture.wrapping_add(1);
        let picture = self.picture.to_be_bytes();
        let mut payload = vec![how; 30 + usize::from(how)];
        payload[..7].copy_from_slice(&[0x90, 0xe0, 0x80 | picture[0], picture[1], picture[1], 0, u8::from(!key)]);
        let numbers = (98, self.sequence, u32::from(self.picture) * 3_000, true);
        let roc = self.rocs.entry(self.ssrc).or_default().advance(self.sequence);
        let mut packet = whole::sealed(&self.seal, roc, self.ssrc, numbers, &[(1, b"v")], &payload);
        let (shard, out) = &mut self.shards[0];
        shard.receive(super::udp(1), &mut packet, self.now_us, out);
    }

    fn flush(&mut self) {
        for (shard, out) in &mut self.shards {
            shard.flush(self.now_us, out);
            out.flush();
            shard.events().clear();
        }
    }

    /// Exchange the data between the shards. With `lost`, the data of the publisher's shard is lost.
    fn exchange(&mut self, lost: bool) {
        let [(home, home_out), (away, away_out)] = &mut self.shards;
        while let Some(parcel) = home.parcel(1) {
            if !lost {
                away.unpack(parcel, self.now_us, away_out);
            }
        }
        while let Some(parcel) = away.parcel(0) {
            home.unpack(parcel, self.now_us, home_out);
        }
        self.flush();
    }

    /// Advance the clock while both peers still consent.
    fn pass(&mut self, us: u64) {
        self.now_us += us;
        for (transport, (shard, out)) in (1..).zip(&mut self.shards) {
            whole::check_in(shard, out, transport, self.now_us);
            shard.timeout(self.now_us, out);
        }
        self.flush();
    }
}
