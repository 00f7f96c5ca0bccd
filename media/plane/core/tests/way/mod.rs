//! A conference over modelled network links: cameras with three simulcast layers, and viewers behind a queue with a given rate.
//! The tests set the clock. Random losses are the same in each run.

#![allow(dead_code, reason = "each test file uses a part")]

mod legs;

use std::collections::BTreeMap;

use super::peer::{Peer, Stage, layered, voice};
use super::watch::{Part, Watcher};
use legs::Wish;
pub use legs::{Losses, Uplink};
use plane_core::seam::command::Command;
use plane_core::seam::event::Event;
use plane_core::types::{Extension, PayloadMap};
use plane_core::wire::rtcp::{self, Packet, ReportBlock};
use plane_core::wire::rtcp_extended::Told;
use plane_core::wire::rtp;
use plane_core::wire::transport_feedback;

const FEEDBACK_US: u64 = 80_000;
const KEYFRAME_TIMES: f64 = 4.0;
/// The cameras' clock at the beginning.
const NTP_S: u64 = 2_208_988_800 + 1_600_000_000;
const PACKET_BYTES: usize = 1_100;
/// Temporal ids of the frames. `watch` holds the frame that each of them depends on.
const TEMPORAL: [u8; 4] = [0, 2, 1, 2];
/// The size of a frame of each temporal id, relative to the mean.
const SIZES: [f64; 3] = [1.6, 1.0, 0.7];

/// The feedback that a viewer sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tells {
    Arrivals,
    Remb(u64),
    Reports,
    /// No automatic feedback: the test sends it.
    Nothing,
}

pub struct Camera {
    pub peer: Peer,
    pub producer: u32,
    /// Bit/s of each layer.
    pub layers: Vec<f64>,
    pub level: u8,
    pub key: Vec<bool>,
    frame: u16,
    /// True if the camera sends no voice packets (discontinuous transmission).
    pub silent: bool,
    /// The time when each frame was taken.
    pub taken: Vec<u64>,
    /// None if packets of the camera arrive at once.
    pub up: Option<Uplink>,
}

/// Counters of the received packets of one stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    pub packets: u64,
    pub bytes: u64,
    pub lost: u64,
    pub highest: u32,
    told: (u64, u64),
}

pub struct Viewer {
    pub peer: Peer,
    pub rate_bps: fn(u64) -> f64,
    pub queue_us_max: f64,
    pub losses: Losses,
    pub delay_us: u64,
    /// The largest extra delay, chosen at random for each packet.
    pub jitter_us: u64,
    /// True if the link is cut, so that no packet passes.
    pub is_cut: bool,
    /// A watcher of the first camera's video.
    pub watch: Option<Watcher>,
    inbox: Vec<(u64, Vec<u8>)>,
    /// The last sender report of the watched stream: the middle of its time, and its arrival.
    heard: (u32, u64),
    reported_us: u64,
    pub tells: Tells,
    free_us: f64,
    arrivals: Vec<(u16, Option<u64>)>,
    feedbacks: Vec<(u64, Vec<u8>)>,
    told_us: u64,
    count: u8,
    pub streams: BTreeMap<u32, Stream>,
    /// Microseconds. The longest queue since the last check.
    pub worst_us: f64,
}

/// One change of the stream that a consumer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Layer(u8),
    Starved,
    Fed,
}

pub struct World {
    pub stage: Stage,
    pub cameras: Vec<Camera>,
    pub viewers: Vec<Viewer>,
    /// (time, consumer, change).
    pub changes: Vec<(u64, u32, Change)>,
    /// Key frames requested from the cameras.
    pub keys_asked: u64,
    began_us: u64,
}

pub const CAMERA: [f64; 3] = [150e3, 500e3, 1_500e3];
pub const VOICE_SSRC: u32 = 0x2_0000;
const CAMERA_VOICE_SSRC: u32 = 0x2000;
pub const VIDEO_SSRC: u32 = 0x1_0000;

impl World {
    pub fn new() -> Self {
        let stage = Stage::new();
        let began_us = stage.now_us;
        World { stage, cameras: Vec::new(), viewers: Vec::new(), changes: Vec::new(), keys_asked: 0, began_us }
    }

    /// Return the seconds since the beginning.
    pub fn now_s(&self) -> f64 {
        (self.stage.now_us - self.began_us) as f64 / 1e6
    }

    /// Publish a voice and a camera.
    pub fn camera(&mut self, layers: &[f64]) -> usize {
        let at = self.cameras.len();
        let peer = self.stage.join(1 + at as u32);
        let producer = 100 + at as u32;
        self.stage.publish(&peer, producer, layers.len() as u32);
        self.stage.publish_audio(&peer, 200 + at as u32);
        let key = vec![true; layers.len()];
        self.cameras.push(Camera {
            peer,
            producer,
            layers: layers.to_vec(),
            level: 127,
            silent: false,
            key,
            frame: 0,
            taken: Vec::new(),
            up: None,
        });
        at
    }

    /// Add a viewer that receives all tracks published before.
    pub fn viewer(&mut self, rate_bps: fn(u64) -> f64, tells: Tells) -> usize {
        let at = self.viewers.len();
        let transport = 50 + at as u32;
        let peer = self.stage.join(transport);
        if tells != Tells::Arrivals {
            self.stage.command(Command::SetExtensions { transport, extensions: vec![(0, Extension::TransportCc)] });
        }
        for camera in 0..self.cameras.len() as u32 {
            let (video, audio) = (VIDEO_SSRC + 2 * camera, VOICE_SSRC + camera);
            let map = PayloadMap { from: 98, to: 96, rtx: Some(97) };
            self.stage.consume_as(&peer, consumer(at, camera), 100 + camera, (video, video + 1), map);
            let map = PayloadMap { from: 111, to: 111, rtx: None };
            self.stage.consume_as(&peer, consumer(at, camera) + 500, 200 + camera, (audio, 0), map);
        }
        self.viewers.push(Viewer {
            peer,
            rate_bps,
            queue_us_max: 300_000.0,
            losses: Losses::new(0.0, 1.0),
            delay_us: 25_000,
            jitter_us: 0,
            is_cut: false,
            watch: None,
            inbox: Vec::new(),
            heard: (0, 0),
            reported_us: 0,
            tells,
            free_us: 0.0,
            arrivals: Vec::new(),
            feedbacks: Vec::new(),
            told_us: 0,
            count: 0,
            streams: BTreeMap::new(),
            worst_us: 0.0,
        });
        at
    }

    pub fn run(&mut self, seconds: u64) -> &mut Self {
        for _ in 0..seconds * 1_000 {
            self.step();
        }
        self
    }

    pub fn step(&mut self) {
        let now_us = self.stage.now_us;
        let at_us = now_us - self.began_us;
        for at in 0..self.cameras.len() as u64 {
            // The cameras do not send all at once.
            let own_us = at_us + at * 3_000;
            let camera = &mut self.cameras[at as usize];
            let mut packets = Vec::new();
            if own_us % 20_000 == 0 && !camera.silent {
                packets.push(voice(&mut camera.peer, camera.level, true));
            }
            if own_us / 33_333 != (own_us + 1_000) / 33_333 {
                camera.picture(&mut packets);
            }
            if own_us / 33_333 != (own_us + 1_000) / 33_333 {
                camera.taken.push(now_us);
            }
            if let Some(up) = &mut camera.up {
                packets = up.pass(&mut camera.peer, packets, now_us);
                up.answer(&mut camera.peer, &mut camera.key, now_us);
                for compound in up.delays(now_us) {
                    self.stage.send_compound(&mut camera.peer, &compound);
                }
            }
            for packet in packets {
                self.stage.deliver(&self.cameras[at as usize].peer, &packet);
            }
        }
        if at_us % 1_000_000 == 0 {
            for camera in &mut self.cameras {
                let ntp = (NTP_S << 32) + ((u128::from(at_us) << 32) / 1_000_000) as u64;
                let (layers, rtp) = (0..camera.layers.len(), u32::from(camera.frame) * 3_000);
                layers.for_each(|layer| self.stage.sender_report_at(&mut camera.peer, layer, ntp, rtp));
            }
        }
        if at_us % 5_000_000 == 0 {
            let peers = self.cameras.iter().map(|camera| &camera.peer).chain(self.viewers.iter().map(|one| &one.peer));
            peers.for_each(|peer| self.stage.consent(peer));
        }
        self.stage.advance(1_000);
        self.carry();
        self.hear_wishes(at_us % 10_000 == 0);
        for event in std::mem::take(&mut self.stage.events) {
            let change = match event {
                Event::Switched { consumer, layer: Some(layer) } => (consumer, Change::Layer(layer)),
                Event::Starved { consumer, starved: true } => (consumer, Change::Starved),
                Event::Starved { consumer, .. } => (consumer, Change::Fed),
                _ => continue,
            };
            self.changes.push((self.stage.now_us - self.began_us, change.0, change.1));
        }
    }

    /// Read the requests to the cameras. With `all`, read also the requests to cameras without a modelled uplink.
    fn hear_wishes(&mut self, all: bool) {
        let now_us = self.stage.now_us;
        for camera in self.cameras.iter_mut().filter(|camera| all || camera.up.is_some()) {
            let wishes = self.stage.rtcp_to(&mut camera.peer, |packet, wishes: &mut Vec<Wish>| match packet {
                Packet::Pli { media } => wishes.push(Wish::Key(media)),
                Packet::Extended { ssrc, blocks } => wishes.extend(blocks.filter_map(|told| match told {
                    Told::Time(ntp) => Some(Wish::Delay(ssrc, (ntp >> 16) as u32)),
                    Told::Delay(_) => None,
                })),
                Packet::Nack { media, items, .. } => wishes.extend(items.map(|one| Wish::Packet(media, one))),
                _ => {}
            });
            for wish in wishes {
                self.keys_asked += u64::from(matches!(wish, Wish::Key(_)));
                match (&mut camera.up, wish) {
                    (Some(up), Wish::Delay(..)) => up.asked_time.push_back((now_us + 2 * up.delay_us, wish)),
                    (Some(up), _) => up.asked.push_back((now_us + up.delay_us, wish)),
                    (None, Wish::Key(ssrc)) => camera.key[(ssrc - 0x1000) as usize] = true,
                    (None, Wish::Packet(..) | Wish::Delay(..)) => {}
                }
            }
        }
    }

    fn carry(&mut self) {
        let (now_us, began_us) = (self.stage.now_us, self.began_us);
        for viewer in &mut self.viewers {
            for datagram in self.stage.take_to(viewer.peer.path) {
                viewer.pass(&datagram, now_us, began_us);
            }
            if viewer.is_cut {
                viewer.feedbacks.clear();
                continue;
            }
            viewer.read(&self.cameras[0].taken, now_us);
            viewer.tell(now_us);
            while viewer.feedbacks.first().is_some_and(|(at, _)| *at <= now_us) {
                let (_, compound) = viewer.feedbacks.remove(0);
                self.stage.send_compound(&mut viewer.peer, &compound);
            }
        }
        let peers = || self.cameras.iter().map(|one| &one.peer).chain(self.viewers.iter().map(|one| &one.peer));
        self.stage.out.sink.datagrams.retain(|(path, _)| peers().any(|peer| peer.path == *path));
    }

    /// Return the layer that consumer `at` of a viewer gets now, or None.
    pub fn layer(&self, viewer: usize, camera: u32) -> Option<u8> {
        self.layer_at(viewer, camera, u64::MAX)
    }

    pub fn layer_at(&self, viewer: usize, camera: u32, at_us: u64) -> Option<u8> {
        let mut layer = None;
        let mine = |change: &&(u64, u32, Change)| change.0 <= at_us && change.1 == consumer(viewer, camera);
        for (_, _, change) in self.changes.iter().filter(mine) {
            match change {
                Change::Layer(now) => layer = Some(*now),
                Change::Starved => layer = None,
                Change::Fed => {}
            }
        }
        layer
    }

    /// Return the changes of one viewer's video since that time.
    pub fn changes_of(&self, viewer: usize, since_s: u64) -> Vec<(u64, u32, Change)> {
        let mine =
            |change: &&(u64, u32, Change)| change.1 / 1_000 == viewer as u32 + 1 && change.0 >= since_s * 1_000_000;
        self.changes.iter().filter(mine).copied().collect()
    }

    pub fn voice(&self, viewer: usize, camera: u32) -> Stream {
        self.viewers[viewer].streams.get(&(VOICE_SSRC + camera)).cloned().unwrap_or_default()
    }

    pub fn voices_lost(&self, viewer: usize) -> u64 {
        self.viewers[viewer].streams.range(VOICE_SSRC..).map(|(_, stream)| stream.lost).sum()
    }

    pub fn probe_bytes(&mut self) -> u64 {
        self.stage.shard.snapshot(self.stage.now_us).totals.probe_bytes
    }

    /// Return the estimated downlink bandwidth of this viewer in bit/s. 0 means no limit.
    pub fn estimate(&mut self, viewer: usize) -> u64 {
        let snapshot = self.stage.shard.snapshot(self.stage.now_us);
        snapshot.transports.iter().find(|one| one.transport == 50 + viewer as u32).unwrap().down_bps
    }
}

/// Return the consumer of a camera at a viewer.
pub fn consumer(viewer: usize, camera: u32) -> u32 {
    1_000 * (viewer as u32 + 1) + camera
}

impl Camera {
    /// Make the next frame of each layer.
    fn picture(&mut self, packets: &mut Vec<Vec<u8>>) {
        let n = self.frame;
        self.frame = (n + 1) & 0x7fff;
        for layer in 0..self.layers.len() {
            let key = std::mem::replace(&mut self.key[layer], false);
            let temporal = if key { 0 } else { TEMPORAL[usize::from(n % 4)] };
            let times = if key { KEYFRAME_TIMES } else { SIZES[usize::from(temporal)] };
            let mut left = (self.layers[layer] / 8.0 / 30.0 * times) as usize;
            let mut first = true;
            while left > 0 {
                let bytes = left.min(PACKET_BYTES);
                left -= bytes;
                let marks = (first, left == 0);
                packets.push(layered(&mut self.peer, layer, (n, temporal, key), marks, bytes.max(20)));
                first = false;
            }
        }
    }
}

impl Viewer {
    /// Send a datagram on the link, or drop it at the full queue.
    fn pass(&mut self, datagram: &[u8], now_us: u64, began_us: u64) {
        let queue_us = (self.free_us - now_us as f64).max(0.0);
        self.worst_us = self.worst_us.max(queue_us);
        let full = queue_us > self.queue_us_max || self.is_cut;
        let dropped = self.losses.hit() || full;
        if !full {
            let rate_bps = (self.rate_bps)(now_us - began_us);
            self.free_us = now_us as f64 + queue_us + datagram.len() as f64 * 8e6 / rate_bps;
        }
        if self.watch.is_some() && !dropped && datagram[0] >> 6 == 2 {
            let jitter_us = (self.losses.throw() * self.jitter_us as f64) as u64;
            self.inbox.push((self.free_us as u64 + self.delay_us + jitter_us, datagram.to_vec()));
        }
        let Ok(header) = rtp::parse(datagram) else { return };
        if is_rtcp(datagram) {
            return;
        }
        let stream = self.streams.entry(header.ssrc).or_default();
        stream.highest = stream.highest.max(u32::from(header.sequence));
        if dropped {
            stream.lost += 1;
        } else {
            stream.packets += 1;
            stream.bytes += datagram.len() as u64;
        }
        let wide = header.extensions(datagram).find(|(id, _)| *id == 3);
        if let Some((_, value)) = wide {
            let arrived_us = self.free_us as u64 + self.delay_us;
            self.arrivals.push((u16::from_be_bytes([value[0], value[1]]), (!dropped).then_some(arrived_us)));
        }
    }

    /// Give the library the packets that arrived until now, and send the library's requests.
    fn read(&mut self, taken: &[u64], now_us: u64) {
        let Some(mut watch) = self.watch.take() else { return };
        let (here, later) = std::mem::take(&mut self.inbox).into_iter().partition(|(at_us, _)| *at_us <= now_us);
        self.inbox = later;
        let mut here: Vec<(u64, Vec<u8>)> = here;
        here.sort_by_key(|(at_us, _)| *at_us);
        for (_, datagram) in here {
            if is_rtcp(&datagram) {
                self.note_clock(&datagram, now_us);
            } else if let Some((part, again)) = self.part(datagram) {
                watch.take(part, again, taken[usize::from(part.frame)], now_us);
            }
        }
        watch.look(|frame| taken[usize::from(frame)], now_us);
        let (lost, wants_key) = watch.take_asks();
        self.watch = Some(watch);
        let mut buffer = [0; 2_048];
        for lost in lost.chunks(200) {
            let len = rtcp::write_nack(&mut buffer, 5, VIDEO_SSRC, lost.iter().copied());
            self.feedbacks.push((now_us + self.delay_us, buffer[..len].to_vec()));
        }
        if wants_key {
            let len = rtcp::write_pli(&mut buffer, 5, VIDEO_SSRC);
            self.feedbacks.push((now_us + self.delay_us, buffer[..len].to_vec()));
        }
        if now_us >= self.reported_us + 1_000_000 {
            self.reported_us = now_us;
            self.report(now_us);
        }
    }

    /// Return a packet of the watched video, and whether the packet was retransmitted.
    fn part(&mut self, datagram: Vec<u8>) -> Option<(Part, bool)> {
        let (header, clear) = self.peer.open(datagram);
        let again = header.ssrc == VIDEO_SSRC + 1;
        let limits = header.extensions(&clear).find(|(id, _)| *id == 5).map(|(_, value)| (value[0], value[1]));
        let kept = limits.map(|(a, b)| (u64::from(a) << 4 | u64::from(b) >> 4) * 10_000);
        let mut payload = &clear[header.payload(&clear).unwrap()];
        let mut sequence = header.sequence;
        if payload.is_empty() || !again && header.ssrc != VIDEO_SSRC {
            return None;
        }
        if again {
            (sequence, payload) = (u16::from_be_bytes([payload[0], payload[1]]), &payload[2..]);
        }
        let part = Part {
            sequence,
            frame: u16::from_be_bytes([payload[7], payload[8]]),
            layer: payload[9],
            first: payload[0] & 0x10 != 0,
            last: header.marker,
            key: payload[6] == 0,
            keep_us: kept,
        };
        Some((part, again))
    }

    fn note_clock(&mut self, datagram: &[u8], now_us: u64) {
        let clear = self.peer.open_reports(datagram.to_vec());
        for packet in rtcp::packets(&clear) {
            if let Ok(Packet::SenderReport { info, .. }) = packet {
                if info.ssrc == VIDEO_SSRC {
                    self.heard = ((info.ntp >> 16) as u32, now_us);
                }
            }
        }
    }

    /// Send a receiver report of the watched video.
    fn report(&mut self, now_us: u64) {
        let Some(stream) = self.streams.get_mut(&VIDEO_SSRC) else { return };
        let (lost, came) = (stream.lost - stream.told.0, stream.packets - stream.told.1);
        stream.told = (stream.lost, stream.packets);
        let block = ReportBlock {
            ssrc: VIDEO_SSRC,
            fraction_lost: (lost * 256 / (lost + came).max(1)).min(255) as u8,
            cumulative_lost: stream.lost as i32,
            highest: stream.highest,
            jitter: 0,
            last_sr: self.heard.0,
            delay_since_sr: ((now_us - self.heard.1) * 65_536 / 1_000_000) as u32,
        };
        let mut buffer = [0; 64];
        let len = rtcp::write_rr(&mut buffer, 5, &[block]);
        self.feedbacks.push((now_us + self.delay_us, buffer[..len].to_vec()));
    }

    fn tell(&mut self, now_us: u64) {
        if now_us < self.told_us {
            return;
        }
        let every_us = if self.tells == Tells::Arrivals { FEEDBACK_US } else { 1_000_000 };
        self.told_us = now_us + every_us;
        match self.tells {
            Tells::Arrivals => self.tell_arrivals(now_us),
            Tells::Reports => self.tell_reports(now_us),
            Tells::Nothing => {}
            Tells::Remb(bps) => {
                let mut buffer = [0; 64];
                let len = rtcp::write_remb(&mut buffer, 1, bps, &[]);
                self.feedbacks.push((now_us + self.delay_us, buffer[..len].to_vec()));
            }
        }
    }

    fn tell_arrivals(&mut self, now_us: u64) {
        let here = self.arrivals.iter().rposition(|(_, at)| at.is_some_and(|at| at <= now_us));
        let Some(last) = here else { return };
        let told: Vec<_> = self.arrivals.drain(..=last).collect();
        let times: Vec<_> = told.iter().map(|(_, at)| *at).collect();
        let (mut rest, mut base) = (&times[..], told[0].0);
        while !rest.is_empty() {
            let mut buffer = [0; 1_200];
            let (len, count) = transport_feedback::write_transport_feedback(&mut buffer, 1, 2, base, self.count, rest);
            assert!(count > 0);
            self.count = self.count.wrapping_add(1);
            self.feedbacks.push((now_us + self.delay_us, buffer[..len].to_vec()));
            (base, rest) = (base.wrapping_add(count as u16), &rest[count..]);
        }
    }

    fn tell_reports(&mut self, now_us: u64) {
        let mut blocks = Vec::new();
        for (ssrc, stream) in &mut self.streams {
            let (lost, came) = (stream.lost - stream.told.0, stream.packets - stream.told.1);
            stream.told = (stream.lost, stream.packets);
            blocks.push(ReportBlock {
                ssrc: *ssrc,
                fraction_lost: (lost * 256 / (lost + came).max(1)).min(255) as u8,
                cumulative_lost: stream.lost as i32,
                highest: (stream.lost + stream.packets) as u32,
                jitter: 0,
                last_sr: 0,
                delay_since_sr: 0,
            });
        }
        let mut buffer = [0; 1_200];
        let len = rtcp::write_rr(&mut buffer, 1, &blocks[..blocks.len().min(31)]);
        let told = rtcp::packets(&buffer[..len]).all(|packet| matches!(packet, Ok(Packet::ReceiverReport { .. })));
        assert!(told);
        self.feedbacks.push((now_us + self.delay_us, buffer[..len].to_vec()));
    }
}

fn is_rtcp(datagram: &[u8]) -> bool {
    datagram[0] >> 6 == 2 && (192..=223).contains(&datagram[1])
}
