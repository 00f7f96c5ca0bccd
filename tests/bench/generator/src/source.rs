//! What a publisher sends: synthetic VP8 and Opus in the sizes and the pace of real encoders. Not their content.

use std::time::{Duration, Instant};

/// A 720p30 stream of 2 Mbit/s as libwebrtc makes it: 223 packets a second of about 1121 bytes of payload.
const VIDEO_PACKETS_PER_S: u64 = 223;
const FRAMES_PER_S: u64 = 30;
const VIDEO_PAYLOAD_BYTES: usize = 1121;
const KEY_FRAME_PACKETS: usize = 70;
const WIDTH: u16 = 1280;
const HEIGHT: u16 = 720;
/// Opus at 33 kbit/s: 20 ms packets of 75 to 90 bytes.
const VOICE_PERIOD: Duration = Duration::from_millis(20);
const VOICE_MIN_BYTES: u64 = 75;
const VOICE_SPREAD_BYTES: u64 = 16;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Video,
    Voice,
}

/// One packet to write: payload, RTP time and marker.
pub struct Packet {
    pub payload: Vec<u8>,
    pub time: u32,
    pub marker: bool,
}

pub struct Source {
    kind: Kind,
    next_at: Option<Instant>,
    started_at: Option<Instant>,
    count: u64,
    owed: u64,
    key_wanted: bool,
    noise: u64,
}

impl Source {
    pub fn new(kind: Kind) -> Source {
        let noise = 0x9E37_79B9_7F4A_7C15;
        Source { kind, next_at: None, started_at: None, count: 0, owed: 0, key_wanted: true, noise }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Begins to produce, from `now` on.
    pub fn start(&mut self, now: Instant) {
        if self.started_at.is_none() {
            self.started_at = Some(now);
            self.next_at = Some(now);
        }
    }

    /// When the next frame is due; none = not started.
    pub fn next_at(&self) -> Option<Instant> {
        self.next_at
    }

    /// A viewer asked for a key frame: the next frame is one, as with a real encoder.
    pub fn want_key(&mut self) {
        self.key_wanted = true;
    }

    /// The packets of the frame that is due at `now`, empty when none is.
    pub fn frame(&mut self, now: Instant) -> Vec<Packet> {
        let (Some(start), Some(due)) = (self.started_at, self.next_at) else { return Vec::new() };
        if now < due {
            return Vec::new();
        }
        self.count += 1;
        let (packets, period) = match self.kind {
            Kind::Video => (self.video_frame(), Duration::from_secs(1) * self.count as u32 / FRAMES_PER_S as u32),
            Kind::Voice => (self.voice_frame(), VOICE_PERIOD * self.count as u32),
        };
        self.next_at = Some(start + period);
        packets
    }

    fn video_frame(&mut self) -> Vec<Packet> {
        self.owed += VIDEO_PACKETS_PER_S;
        let usual = self.owed / FRAMES_PER_S;
        self.owed %= FRAMES_PER_S;
        let key = std::mem::take(&mut self.key_wanted);
        let total = if key { KEY_FRAME_PACKETS } else { usual as usize };
        let time = (self.count as u32).wrapping_mul(90_000 / FRAMES_PER_S as u32);
        (0..total).map(|index| self.video_packet(key, index, total, time)).collect()
    }

    /// RFC 7741 payload: descriptor with a 15-bit picture id, then in the first packet the frame tag of RFC 6386 §9.1.
    fn video_packet(&mut self, key: bool, index: usize, total: usize, time: u32) -> Packet {
        // libwebrtc splits a frame into equal parts, the later ones a byte longer.
        let size = VIDEO_PAYLOAD_BYTES - usize::from(index < total / 2);
        let picture_id = 0x8000 | (self.count as u16 & 0x7FFF);
        let mut payload = Vec::with_capacity(size);
        payload.extend([if index == 0 { 0x90 } else { 0x80 }, 0x80]);
        payload.extend(picture_id.to_be_bytes());
        if index == 0 {
            payload.extend(frame_tag(key, total * VIDEO_PAYLOAD_BYTES / 4));
        }
        self.fill(&mut payload, size);
        Packet { payload, time, marker: index + 1 == total }
    }

    fn voice_frame(&mut self) -> Vec<Packet> {
        let size = (VOICE_MIN_BYTES + self.random() % VOICE_SPREAD_BYTES) as usize;
        let mut payload = vec![0x78]; // RFC 6716 §3.1: hybrid, full band, 20 ms, mono, one frame
        self.fill(&mut payload, size);
        vec![Packet { payload, time: (self.count as u32).wrapping_mul(960), marker: self.count == 1 }]
    }

    fn fill(&mut self, payload: &mut Vec<u8>, size: usize) {
        while payload.len() < size {
            payload.extend(self.random().to_be_bytes());
        }
        payload.truncate(size);
    }

    /// xorshift64: incompressible bytes, the same in every run.
    fn random(&mut self) -> u64 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 7;
        self.noise ^= self.noise << 17;
        self.noise
    }
}

fn frame_tag(key: bool, first_part_bytes: usize) -> Vec<u8> {
    let tag = u32::from(!key) | 1 << 4 | (first_part_bytes as u32 & 0x7_FFFF) << 5;
    let mut bytes = tag.to_le_bytes()[..3].to_vec();
    if key {
        bytes.extend([0x9D, 0x01, 0x2A]);
        bytes.extend(WIDTH.to_le_bytes());
        bytes.extend(HEIGHT.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_video_has_its_packets_and_one_key_frame() {
        let start = Instant::now();
        let mut source = Source::new(Kind::Video);
        source.start(start);
        let first = source.frame(start);
        assert_eq!(first.len(), KEY_FRAME_PACKETS);
        assert_eq!(first[0].payload[4] & 1, 0);
        let mut rest = 0;
        for index in 1..=FRAMES_PER_S as u32 {
            rest += source.frame(start + Duration::from_secs(1) * index / FRAMES_PER_S as u32).len() as u64;
        }
        assert!(rest.abs_diff(VIDEO_PACKETS_PER_S) <= 1, "{rest}");
    }

    #[test]
    fn nothing_is_produced_before_its_time() {
        let start = Instant::now();
        let mut source = Source::new(Kind::Voice);
        assert!(source.frame(start).is_empty());
        source.start(start);
        assert_eq!(source.frame(start).len(), 1);
        assert!(source.frame(start + Duration::from_millis(19)).is_empty());
    }
}
