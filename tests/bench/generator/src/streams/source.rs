//! The packets of a publisher: synthetic VP8 and Opus in the sizes and at the pace of real encoders. The content is noise.

use std::sync::OnceLock;
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

/// Names of a simulcast camera's layers, the smallest first.
pub const RIDS: [&str; 3] = ["q", "h", "f"];
/// Layers of a camera as libwebrtc makes them from 720p: packets a second and bytes of their payloads. Each frame has at least
/// one packet.
const LAYERS: [Layer; 3] = [
    Layer { packets_per_s: 36, payload_bytes: 528, key_packets: 8, size: (320, 180) },
    Layer { packets_per_s: 68, payload_bytes: 656, key_packets: 18, size: (640, 360) },
    Layer { packets_per_s: 128, payload_bytes: 706, key_packets: 45, size: (1280, 720) },
];
const ALONE: Layer = Layer {
    packets_per_s: VIDEO_PACKETS_PER_S,
    payload_bytes: VIDEO_PAYLOAD_BYTES,
    key_packets: KEY_FRAME_PACKETS,
    size: (WIDTH, HEIGHT),
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Video,
    Voice,
    /// A camera in three layers.
    Layered,
}

impl Kind {
    pub fn is_video(self) -> bool {
        self != Kind::Voice
    }
}

struct Layer {
    packets_per_s: u64,
    payload_bytes: usize,
    key_packets: usize,
    size: (u16, u16),
}

/// Bytes at the end of a video payload that hold the time of its writing.
const STAMP_BYTES: usize = 8;

/// Nanoseconds since the first call in this process.
fn clock_ns(at: Instant) -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    at.saturating_duration_since(*START.get_or_init(|| at)).as_nanos() as u64
}

/// Writes the time `now` into a payload of video.
pub fn stamp(payload: &mut [u8], now: Instant) {
    if let Some(end) = payload.last_chunk_mut::<STAMP_BYTES>() {
        *end = clock_ns(now).to_be_bytes();
    }
}

/// Returns the time from the writing of a payload until `now`. None if the payload holds no plausible time.
pub fn age(payload: &[u8], now: Instant) -> Option<Duration> {
    let written_ns = u64::from_be_bytes(*payload.last_chunk::<STAMP_BYTES>()?);
    let age_ns = clock_ns(now).checked_sub(written_ns)?;
    (age_ns < 60_000_000_000).then(|| Duration::from_nanos(age_ns))
}

/// One packet to write: payload, RTP time, marker and layer.
pub struct Packet {
    pub payload: Vec<u8>,
    pub time: u32,
    pub marker: bool,
    pub layer: usize,
}

pub struct Source {
    kind: Kind,
    next_at: Option<Instant>,
    started_at: Option<Instant>,
    count: u64,
    owed: [u64; 3],
    key_wanted: [bool; 3],
    /// The number of layers that subscribers want, from the smallest up.
    layers: usize,
    noise: u64,
    silent: bool,
    /// The period of key frames. With a period the source makes no key frame on request.
    key_every: Option<Duration>,
}

impl Source {
    pub fn new(kind: Kind) -> Source {
        let noise = 0x9E37_79B9_7F4A_7C15;
        let layers = if kind == Kind::Layered { LAYERS.len() } else { 1 };
        Source {
            kind,
            next_at: None,
            started_at: None,
            count: 0,
            owed: [0; 3],
            key_wanted: [true; 3],
            layers,
            noise,
            silent: false,
            key_every: None,
        }
    }

    /// Makes key frames at this period and none on request, as a file player or an encoder without feedback does.
    pub fn with_key_every(self, period: Option<Duration>) -> Source {
        Source { key_every: period, ..self }
    }

    /// A microphone in a quiet room. It sends as many packets as other microphones, with the level of silence.
    pub fn silent() -> Source {
        Source { silent: true, ..Source::new(Kind::Voice) }
    }

    /// Returns the level of the newest packet in dBov. None for pictures.
    pub fn level(&self) -> Option<i8> {
        match self.kind {
            Kind::Voice if self.silent => Some(-127),
            Kind::Voice => Some(-20 - (self.count % 20) as i8),
            Kind::Video | Kind::Layered => None,
        }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Begins to produce packets at `now`.
    pub fn start(&mut self, now: Instant) {
        if self.started_at.is_none() {
            self.started_at = Some(now);
            self.next_at = Some(now);
        }
    }

    /// The time of the next frame. None if the source has not started.
    pub fn next_at(&self) -> Option<Instant> {
        self.next_at
    }

    /// Makes the next frame a key frame because a viewer asked, as a real encoder does.
    pub fn want_key(&mut self, layer: usize) {
        self.key_wanted[layer] = true;
    }

    /// Sets the number of layers that subscribers want, from the smallest up. A layer that begins again starts with a key
    /// frame.
    pub fn want_layers(&mut self, count: usize) {
        let count = count.min(LAYERS.len());
        (self.layers..count).for_each(|layer| self.key_wanted[layer] = true);
        self.layers = count;
    }

    /// Returns the packets of the frame that is due at `now`. Empty if no frame is due.
    pub fn frame(&mut self, now: Instant) -> Vec<Packet> {
        let (Some(start), Some(due)) = (self.started_at, self.next_at) else { return Vec::new() };
        if now < due {
            return Vec::new();
        }
        self.count += 1;
        let (packets, period) = match self.kind {
            Kind::Video | Kind::Layered => {
                (self.video_frame(), Duration::from_secs(1) * self.count as u32 / FRAMES_PER_S as u32)
            }
            Kind::Voice => (self.voice_frame(), VOICE_PERIOD * self.count as u32),
        };
        self.next_at = Some(start + period);
        packets
    }

    fn video_frame(&mut self) -> Vec<Packet> {
        (0..self.layers).flat_map(|layer| self.layer_frame(layer)).collect()
    }

    fn layer_frame(&mut self, layer: usize) -> Vec<Packet> {
        let shape = self.shape(layer);
        self.owed[layer] += shape.packets_per_s;
        let usual = self.owed[layer] / FRAMES_PER_S;
        self.owed[layer] %= FRAMES_PER_S;
        let wanted = std::mem::take(&mut self.key_wanted[layer]);
        let key = match self.key_every {
            None => wanted,
            Some(period) => (self.count - 1).is_multiple_of(period.as_millis() as u64 * FRAMES_PER_S / 1_000),
        };
        let total = if key { shape.key_packets } else { usual as usize };
        let time = (self.count as u32).wrapping_mul(90_000 / FRAMES_PER_S as u32);
        (0..total).map(|index| self.video_packet(key, (layer, index), total, time)).collect()
    }

    fn shape(&self, layer: usize) -> &'static Layer {
        if self.kind == Kind::Layered { &LAYERS[layer] } else { &ALONE }
    }

    /// RFC 7741 payload: descriptor with a 15-bit picture id, then in the first packet the frame tag of RFC 6386 §9.1.
    fn video_packet(&mut self, key: bool, (layer, index): (usize, usize), total: usize, time: u32) -> Packet {
        let shape = self.shape(layer);
        // libwebrtc splits a frame into equal parts, the later ones a byte longer.
        let size = shape.payload_bytes - usize::from(index < total / 2);
        let picture_id = 0x8000 | (self.count as u16 & 0x7FFF);
        let mut payload = Vec::with_capacity(size);
        payload.extend([if index == 0 { 0x90 } else { 0x80 }, 0x80]);
        payload.extend(picture_id.to_be_bytes());
        if index == 0 {
            payload.extend(frame_tag(key, total * shape.payload_bytes / 4, shape.size));
        }
        self.fill(&mut payload, size);
        Packet { payload, time, marker: index + 1 == total, layer }
    }

    fn voice_frame(&mut self) -> Vec<Packet> {
        let size = (VOICE_MIN_BYTES + self.random() % VOICE_SPREAD_BYTES) as usize;
        let mut payload = vec![0x78]; // RFC 6716 §3.1: hybrid, full band, 20 ms, mono, one frame
        self.fill(&mut payload, size);
        vec![Packet { payload, time: (self.count as u32).wrapping_mul(960), marker: self.count == 1, layer: 0 }]
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

fn frame_tag(key: bool, first_part_bytes: usize, (width, height): (u16, u16)) -> Vec<u8> {
    let tag = u32::from(!key) | 1 << 4 | (first_part_bytes as u32 & 0x7_FFFF) << 5;
    let mut bytes = tag.to_le_bytes()[..3].to_vec();
    if key {
        bytes.extend([0x9D, 0x01, 0x2A]);
        bytes.extend(width.to_le_bytes());
        bytes.extend(height.to_le_bytes());
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
    fn key_frames_of_a_period_come_by_it_and_not_when_asked() {
        let start = Instant::now();
        let mut source = Source::new(Kind::Video).with_key_every(Some(Duration::from_secs(2)));
        source.start(start);
        let mut keys = Vec::new();
        for number in 0..150 {
            source.want_key(0);
            let frame = source.frame(start + Duration::from_secs(1) * number / 30);
            keys.extend((frame.len() == KEY_FRAME_PACKETS).then_some(number));
        }
        assert_eq!(keys, [0, 60, 120]);
    }

    #[test]
    fn a_camera_in_layers_sends_those_that_are_wanted_and_begins_with_a_key_frame() {
        let start = Instant::now();
        let mut source = Source::new(Kind::Layered);
        source.start(start);
        let key_packets: usize = LAYERS.iter().map(|layer| layer.key_packets).sum();
        assert_eq!(source.frame(start).len(), key_packets);
        source.want_layers(1);
        let second = source.frame(start + Duration::from_millis(34));
        assert!(second.iter().all(|packet| packet.layer == 0 && packet.payload.len() >= 527));
        source.want_layers(2);
        let third = source.frame(start + Duration::from_millis(67));
        assert_eq!(third.iter().filter(|packet| packet.layer == 1).count(), LAYERS[1].key_packets);
        assert_eq!(third.iter().find(|packet| packet.layer == 1).unwrap().payload[4] & 1, 0);
    }

    #[test]
    fn a_payload_tells_its_age() {
        let start = Instant::now();
        let mut payload = [0; 20];
        stamp(&mut payload, start);
        assert_eq!(age(&payload, start + Duration::from_millis(3)), Some(Duration::from_millis(3)));
        assert_eq!(age(&[0xFF; 20], start), None);
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
