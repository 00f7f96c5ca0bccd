//! A viewer's record of a received stream: packets, gaps that were not repaired, and the first complete key frame.
//! The module also decides when a decoder would ask for a key frame.

use crate::streams::source::{Kind, age};
use std::time::{Duration, Instant};

/// A gap older than this counts as lost. Larger: retransmissions that are too late for a decoder count as repairs. Smaller:
/// gaps that a retransmission still repairs count as lost.
const GIVE_UP: Duration = Duration::from_millis(500);
/// A decoder without a key frame asks at this period (libwebrtc: 200 ms).
const KEY_REQUEST_PERIOD: Duration = Duration::from_millis(200);
/// Sequence numbers remembered behind the highest number. Smaller: late retransmissions are not recognised.
const MEMORY: u64 = 8192;
/// Width (µs) and number of the buckets of the delays. Fewer buckets: a shorter longest delay can be seen.
pub const DELAY_US: usize = 100;
const DELAYS: usize = 5000;

/// A received RTP packet, with the fields that the bench needs.
pub struct Arrival<'a> {
    pub at: Instant,
    pub sequence: u64,
    pub time: u32,
    pub marker: bool,
    pub payload: &'a [u8],
}

pub struct Sink {
    kind: Kind,
    pub packets: u64,
    pub bytes: u64,
    pub lost: u64,
    pub key_frames: u64,
    pub first_packet_at: Option<Instant>,
    pub first_frame_at: Option<Instant>,
    seen: Vec<bool>,
    highest: u64,
    contiguous: u64,
    stuck_since: Option<Instant>,
    frame: Frame,
    key_asked_at: Option<Instant>,
    /// Packets by their delay in buckets of a tenth of a millisecond. The last bucket holds all longer delays.
    delays: Vec<u32>,
}

#[derive(Default)]
struct Frame {
    time: u32,
    count: u64,
    key_start: Option<u64>,
    end: Option<u64>,
}

impl Sink {
    pub fn new(kind: Kind) -> Sink {
        Sink {
            kind,
            packets: 0,
            bytes: 0,
            lost: 0,
            key_frames: 0,
            first_packet_at: None,
            first_frame_at: None,
            seen: vec![false; MEMORY as usize],
            highest: 0,
            contiguous: 0,
            stuck_since: None,
            frame: Frame::default(),
            key_asked_at: None,
            delays: Vec::new(),
        }
    }

    /// Begins to measure the delay of video packets.
    pub fn measure_delays(&mut self) {
        self.delays = vec![0; DELAYS];
    }

    pub fn delays(&self) -> &[u32] {
        &self.delays
    }

    pub fn is_video(&self) -> bool {
        self.kind.is_video()
    }

    /// True when the media that a user waits for has arrived: a key frame, or sound.
    pub fn is_served(&self) -> bool {
        match self.kind {
            Kind::Video | Kind::Layered => self.first_frame_at.is_some(),
            Kind::Voice => self.first_packet_at.is_some(),
        }
    }

    pub fn take(&mut self, arrival: &Arrival<'_>) {
        self.packets += 1;
        self.bytes += arrival.payload.len() as u64;
        if self.first_packet_at.is_none() {
            self.first_packet_at = Some(arrival.at);
            self.key_asked_at = Some(arrival.at);
            self.highest = arrival.sequence.saturating_sub(1);
            self.contiguous = self.highest;
        }
        if !self.delays.is_empty()
            && let Some(age) = age(arrival.payload, arrival.at)
        {
            self.delays[(age.as_micros() as usize / DELAY_US).min(DELAYS - 1)] += 1;
        }
        self.note_sequence(arrival.sequence, arrival.at);
        if self.kind.is_video() && !arrival.payload.is_empty() {
            self.note_frame(arrival);
        }
    }

    /// True when a decoder would send a PLI now: no key frame yet, or a gap that was not repaired.
    pub fn wants_key(&mut self, now: Instant) -> bool {
        let gave_up = self.give_up(now);
        if !self.kind.is_video() {
            return false;
        }
        let waiting = self.first_packet_at.is_some() && self.first_frame_at.is_none();
        let due = self.key_asked_at.is_some_and(|at| now >= at + KEY_REQUEST_PERIOD);
        if (waiting || gave_up) && due {
            self.key_asked_at = Some(now);
            return true;
        }
        false
    }

    fn note_sequence(&mut self, sequence: u64, at: Instant) {
        if sequence <= self.contiguous || sequence + MEMORY <= self.highest {
            return;
        }
        if sequence > self.highest + MEMORY {
            self.contiguous = sequence - 1;
            self.highest = sequence - 1;
        }
        while self.highest < sequence {
            self.highest += 1;
            self.seen[(self.highest % MEMORY) as usize] = false;
        }
        self.seen[(sequence % MEMORY) as usize] = true;
        self.run_on();
        self.stuck_since = if self.contiguous == self.highest { None } else { self.stuck_since.or(Some(at)) };
    }

    fn run_on(&mut self) {
        let before = self.contiguous;
        while self.contiguous < self.highest && self.seen[((self.contiguous + 1) % MEMORY) as usize] {
            self.contiguous += 1;
        }
        if self.contiguous != before {
            self.stuck_since = None;
        }
    }

    fn give_up(&mut self, now: Instant) -> bool {
        if self.stuck_since.is_none_or(|since| now < since + GIVE_UP) {
            return false;
        }
        while self.contiguous < self.highest && !self.seen[((self.contiguous + 1) % MEMORY) as usize] {
            self.contiguous += 1;
            self.lost += 1;
        }
        self.run_on();
        self.stuck_since = (self.contiguous < self.highest).then_some(now);
        true
    }

    fn note_frame(&mut self, arrival: &Arrival<'_>) {
        if self.frame.time != arrival.time || self.frame.count == 0 {
            self.frame = Frame { time: arrival.time, ..Frame::default() };
        }
        self.frame.count += 1;
        if starts_key_frame(arrival.payload) {
            self.frame.key_start = Some(arrival.sequence);
        }
        if arrival.marker {
            self.frame.end = Some(arrival.sequence);
        }
        if let (Some(start), Some(end)) = (self.frame.key_start, self.frame.end)
            && end.wrapping_sub(start) + 1 == self.frame.count
        {
            self.key_frames += 1;
            self.first_frame_at.get_or_insert(arrival.at);
        }
    }
}

/// RFC 7741 §4.2: first packet of the first partition, and the frame tag says "key frame".
fn starts_key_frame(payload: &[u8]) -> bool {
    if payload[0] & 0x1F != 0x10 {
        return false;
    }
    descriptor_bytes(payload).and_then(|at| payload.get(at)).is_some_and(|tag| tag & 1 == 0)
}

fn descriptor_bytes(payload: &[u8]) -> Option<usize> {
    if payload[0] & 0x80 == 0 {
        return Some(1);
    }
    let extension = *payload.get(1)?;
    let mut length = 2;
    if extension & 0x80 != 0 {
        length += if payload.get(2)? & 0x80 != 0 { 2 } else { 1 };
    }
    length += usize::from(extension & 0x40 != 0) + usize::from(extension & 0x30 != 0);
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::source::Source;

    fn arrival(sequence: u64, at: Instant) -> Arrival<'static> {
        Arrival { at, sequence, time: 1, marker: false, payload: &[0x80, 0] }
    }

    #[test]
    fn a_repaired_gap_is_no_loss_and_an_old_one_is() {
        let start = Instant::now();
        let mut sink = Sink::new(Kind::Video);
        for sequence in [10, 11, 14, 12, 15, 18] {
            sink.take(&arrival(sequence, start));
        }
        assert_eq!(sink.lost, 0);
        assert!(sink.wants_key(start + GIVE_UP));
        assert_eq!(sink.lost, 1);
        sink.give_up(start + GIVE_UP * 2);
        assert_eq!(sink.lost, 3);
    }

    #[test]
    fn a_jump_beyond_memory_is_a_new_stream() {
        let start = Instant::now();
        let mut sink = Sink::new(Kind::Voice);
        sink.take(&arrival(1, start));
        sink.take(&arrival(MEMORY * 3, start));
        sink.take(&arrival(MEMORY * 3 + 1, start));
        assert_eq!((sink.lost, sink.contiguous), (0, MEMORY * 3 + 1));
    }

    #[test]
    fn the_first_key_frame_is_complete_with_its_last_packet() {
        let start = Instant::now();
        let mut source = Source::new(Kind::Video);
        source.start(start);
        let mut sink = Sink::new(Kind::Video);
        let frame = source.frame(start);
        for (index, packet) in frame.iter().enumerate() {
            assert!(!sink.is_served());
            sink.take(&Arrival {
                at: start,
                sequence: 100 + index as u64,
                time: packet.time,
                marker: packet.marker,
                payload: &packet.payload,
            });
        }
        assert!(sink.is_served());
    }
}
