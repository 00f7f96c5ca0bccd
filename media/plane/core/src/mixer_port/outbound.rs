//! One SSRC that this process sends: the numbering and pacing of its packets, their history for retransmissions, and its clock
//! for sender reports.

use std::collections::VecDeque;

use crate::ntp::ntp;
use crate::wire::rtcp::SenderInfo;
use crate::wire::rtp;

/// Bytes of the largest RTP payload that the mixer process makes. Chosen: with all headers the packet fits into usual paths,
/// and H.264 slices (NAL_BYTES, 1,200) fit into it. Larger: no effect on H.264; VP8 packets exceed the MTU of some paths, and
/// the server drops those above 1,500 bytes. Smaller: H.264 slices are split, and terminals with packetization mode 0 get no
/// picture.
pub const PAYLOAD_BYTES_MAX: usize = 1_200;

/// Packets of a frame that are sent at once. Each further packet waits 0.5 ms (`PACKET_US`). Chosen. Larger: a key frame floods
/// the link of a hall, and the hall loses packets. Smaller: ordinary frames arrive later.
const BURST: u64 = 12;
/// Microseconds between two packets of a frame after the first 12 (`BURST`). Chosen: 19 Mbit/s in packets of 1,200 bytes.
/// Longer: large frames arrive later, and the queue fills. Shorter: a key frame floods the link of a hall, and the hall loses
/// packets.
const PACKET_US: u64 = 500;
/// Packets of one stream that wait to be sent to the server. Chosen. A frame that does not fit is refused. Larger: if the
/// encoder is faster than 19 Mbit/s (`PACKET_US`), halls see the picture later. Smaller: large key frames are refused, and
/// halls see a frozen picture.
const QUEUE_MAX: usize = 2_048;
/// Packets of each stream that are kept for retransmissions. Chosen. Larger: more memory for each stream. Smaller: packets that
/// are requested late cannot be sent again, so the server requests key frames.
const HISTORY: usize = 512;
/// Packets that the mixer process sends again for one NACK of the server, at once and without the wait of `PACKET_US`. The rest
/// is requested again. Chosen. Larger: a larger burst, up to the 128 packets of one NACK (`send_nack`), may flood the link of a
/// hall, which then loses packets. Smaller: after a long loss, more NACKs are needed, and halls see the repaired picture later.
const RESENDS_A_REQUEST: usize = 64;

pub struct Outbound {
    pub ssrc: u32,
    clock_hz: u32,
    paced: bool,
    sequence: u16,
    pub picture: u16,
    queue: VecDeque<Vec<u8>>,
    history: VecDeque<Vec<u8>>,
    /// The time when the next packet may be sent. It stays at most one burst in the past.
    due_us: u64,
    clock: Option<(u32, u64)>,
    packets: u32,
    bytes: u32,
}

impl Outbound {
    pub fn new(ssrc: u32, clock_hz: u32, paced: bool, random: u64) -> Self {
        Outbound {
            ssrc,
            clock_hz,
            paced,
            sequence: random as u16 & 0x7fff,
            picture: (random >> 16) as u16 & 0x7fff,
            queue: VecDeque::new(),
            history: VecDeque::with_capacity(HISTORY),
            due_us: 0,
            clock: None,
            packets: 0,
            bytes: 0,
        }
    }

    /// Record the capture time of a frame that begins, with its timestamp.
    pub fn note_clock(&mut self, timestamp: u32, capture_us: u64) {
        self.clock = Some((timestamp, capture_us));
    }

    /// Report whether the queue has room for a frame of this many packets. Without room the caller must send no part of the
    /// frame.
    pub fn has_room(&self, packets: usize) -> bool {
        self.queue.len() + packets <= QUEUE_MAX
    }

    pub fn put(
        &mut self,
        (payload_type, timestamp, marker): (u8, u32, bool),
        extensions: &[(u8, &[u8])],
        parts: &[&[u8]],
    ) {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let mut packet = vec![0; rtp::header_bytes_max(extensions) + len];
        let mut at =
            rtp::write_header(&mut packet, marker, payload_type, self.sequence, timestamp, self.ssrc, extensions);
        for part in parts {
            packet[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        packet.truncate(at);
        self.sequence = self.sequence.wrapping_add(1);
        self.queue.push_back(packet);
    }

    /// Return the time when the next packet may be sent.
    pub fn deadline(&self) -> u64 {
        match self.queue.is_empty() {
            true => u64::MAX,
            false if self.paced => self.due_us,
            false => 0,
        }
    }

    /// Send the packets that are due.
    pub fn flush(&mut self, now_us: u64, send: &mut impl FnMut(&[u8])) {
        self.due_us = self.due_us.max(now_us.saturating_sub(BURST * PACKET_US));
        while self.deadline() <= now_us {
            let Some(packet) = self.queue.pop_front() else { return };
            self.due_us += PACKET_US;
            send(&packet);
            self.packets = self.packets.wrapping_add(1);
            self.bytes = self.bytes.wrapping_add(packet.len() as u32);
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(packet);
        }
    }

    /// Send again the packets that the other end reports as lost.
    pub fn resend(&self, lost: impl Iterator<Item = u16>, send: &mut impl FnMut(&[u8])) {
        let Some(newest) = self.history.back().map(|packet| rtp::u16_at(packet, 2)) else { return };
        for sequence in lost.take(RESENDS_A_REQUEST) {
            let back = usize::from(newest.wrapping_sub(sequence));
            let at = self.history.len().checked_sub(back + 1);
            if let Some(packet) = at.and_then(|at| self.history.get(at)) {
                send(packet);
            }
        }
    }

    /// Return the sender information with the media clock of this moment.
    pub fn sender_info(&self, now_us: u64, wall_us: i64) -> Option<SenderInfo> {
        let (timestamp, capture_us) = self.clock?;
        let since_us = i128::from(now_us) - i128::from(capture_us);
        let ticks = since_us * i128::from(self.clock_hz) / 1_000_000;
        Some(SenderInfo {
            ssrc: self.ssrc,
            ntp: ntp(wall_us),
            rtp: timestamp.wrapping_add(ticks as u32),
            packets: self.packets,
            bytes: self.bytes,
        })
    }
}
