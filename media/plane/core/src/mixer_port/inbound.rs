//! One expected SSRC: its packets are put in order. Missing packets are waited for, requested again, and given up after a time.

use std::collections::BTreeMap;

use crate::mixer_port::assembly::{Assembly, Frame, Piece};
use crate::stream::reception::Reception;
use crate::types::Codec;
use crate::wire::rtp::Header;

/// Packets of one source that wait for an earlier packet. Chosen. Larger: no effect, because a packet waits at most 80 ms
/// (VIDEO_JITTER_MS), and only a source of more than 12,000 packets a second fills this. Smaller: in a stream of high bitrate,
/// a missing packet is given up too early, and its picture is lost.
const WAITING_MAX: usize = 1_024;
/// Packets. Chosen. A sequence number further away belongs to a source that started again, if a second packet in order confirms
/// the jump. Larger: a restart at a near number is taken as loss, and the picture freezes. Smaller: a long loss is taken as a
/// restart.
const JUMP_MAX: i64 = 4_096;

struct Waiting {
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
    arrived_us: u64,
}

pub struct Inbound {
    jitter_us: u64,
    pub reception: Reception,
    assembly: Assembly,
    waiting: BTreeMap<i64, Waiting>,
    /// The extended number of the next packet.
    next: Option<i64>,
    /// A number out of range. The next number in order restarts the stream.
    strange: Option<u16>,
    newest_timestamp: Option<i64>,
}

/// One result: a frame, or a report of lost packets.
pub enum Out {
    Frame(Frame),
    Lost,
}

impl Inbound {
    pub fn new(codec: Codec, clock_hz: u32, jitter_us: u64) -> Self {
        Inbound {
            jitter_us,
            reception: Reception::new(clock_hz),
            assembly: Assembly::new(codec),
            waiting: BTreeMap::new(),
            next: None,
            strange: None,
            newest_timestamp: None,
        }
    }

    /// Take a packet that arrived.
    pub fn take(&mut self, header: &Header, payload: &[u8], now_us: u64, see: &mut impl FnMut(Out)) {
        let Some(number) = self.number(header.sequence) else { return };
        self.reception.count(header.sequence, header.timestamp, now_us);
        let next = *self.next.get_or_insert(number);
        if number < next || self.waiting.contains_key(&number) {
            return;
        }
        let waiting = Waiting {
            timestamp: header.timestamp,
            marker: header.marker,
            payload: payload.to_vec(),
            arrived_us: now_us,
        };
        self.waiting.insert(number, waiting);
        self.release(see);
        if self.waiting.len() > WAITING_MAX {
            self.give_up(see);
        }
    }

    /// Return the extended number for the 16-bit number, or None if it is too far away to belong to this stream.
    fn number(&mut self, sequence: u16) -> Option<i64> {
        let Some(next) = self.next else { return Some(i64::from(sequence)) };
        let number = next + i64::from(sequence.wrapping_sub(next as u16) as i16);
        if (number - next).abs() <= JUMP_MAX {
            self.strange = None;
            return Some(number);
        }
        let second = self.strange.replace(sequence).is_some_and(|before| sequence.wrapping_sub(before) == 1);
        second.then(|| self.restart(sequence))
    }

    fn restart(&mut self, sequence: u16) -> i64 {
        self.strange = None;
        self.waiting.clear();
        self.assembly.miss();
        self.reception = Reception::new(self.reception.clock_hz());
        self.next = Some(i64::from(sequence));
        i64::from(sequence)
    }

    fn release(&mut self, see: &mut impl FnMut(Out)) {
        while let Some(next) = self.next {
            let Some(packet) = self.waiting.remove(&next) else { return };
            self.next = Some(next + 1);
            let piece = Piece {
                timestamp: packet.timestamp,
                marker: packet.marker,
                payload: &packet.payload,
                arrived_us: packet.arrived_us,
            };
            self.assembly.take(&piece).into_iter().flatten().for_each(|frame| see(Out::Frame(frame)));
        }
    }

    fn give_up(&mut self, see: &mut impl FnMut(Out)) {
        let Some((first, _)) = self.waiting.first_key_value() else { return };
        self.next = Some(*first);
        self.assembly.miss();
        see(Out::Lost);
        self.release(see);
    }

    /// Return the time when the oldest packet has waited long enough for the packets before it.
    pub fn deadline(&self) -> u64 {
        self.waiting.first_key_value().map_or(u64::MAX, |(_, packet)| packet.arrived_us + self.jitter_us)
    }

    pub fn timeout(&mut self, now_us: u64, see: &mut impl FnMut(Out)) {
        for _ in 0..WAITING_MAX {
            if self.deadline() > now_us {
                return;
            }
            self.give_up(see);
        }
    }

    /// Return the extended timestamp (beyond 32 bits), counted from the newest timestamp.
    pub fn unwrap(&mut self, timestamp: u32) -> i64 {
        let newest = self.newest_timestamp.unwrap_or(i64::from(timestamp));
        let unwrapped = newest + i64::from(timestamp.wrapping_sub(newest as u32) as i32);
        self.newest_timestamp = Some(newest.max(unwrapped));
        unwrapped
    }
}
