//! Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1): written from arrival times, and read.

use crate::wire::rtcp_header::{TRANSPORT_SPECIFIC, TRANSPORT_WIDE, finish, put};
use crate::wire::rtp::{Malformed, u16_at, u32_at};

/// Packets that one transport-wide feedback of the server reports. Chosen: as many as the log of arrivals holds
/// (`arrivals::LOG_PACKETS`, 512). Larger: the write takes more of the stack. Smaller: more packets for one log.
pub const STATUSES_MAX: usize = 512;

const HEAD: usize = 20;
/// Microseconds. The unit of an arrival delta (transport-wide-cc-extensions-01 §3.1.5). Larger: publishers read too short times
/// between packets, our estimator reads too long times, and both estimates are wrong. Smaller: publishers read too long times,
/// and our estimator too short times.
const TICK_US: u64 = 250;
/// Microseconds. The unit of the reference time of a feedback (transport-wide-cc-extensions-01 §3.1). Larger or smaller: the
/// arrival times of two feedbacks do not fit together. So the publisher estimates a wrong bandwidth, and viewers get a bad
/// picture.
const REFERENCE_US: u64 = 64_000;

const NOT_RECEIVED: u8 = 0;
const SMALL: u8 = 1;
const LARGE: u8 = 2;

/// Packets that one run chunk of a transport-wide feedback reports: its length has 13 bits (transport-wide-cc-extensions-01
/// §3.1.3). Larger: no effect, because `STATUSES_MAX` (512) is smaller. Smaller than 512: long runs need more chunks.
const RUN_MAX: usize = 0x1fff;
const ONE_BIT_SYMBOLS: usize = 14;
const TWO_BIT_SYMBOLS: usize = 7;

/// Write the arrivals of the sequence numbers from `base` on. The entries of `arrivals` are times in microseconds; None means
/// that the packet was not received. Return the number of bytes and the number of entries written. Fewer entries are written if
/// the room or the range of a delta is used up.
///
/// Return (0, 0) if no packet arrived or `out` is too small. The caller should leave out the losses at the beginning.
pub fn write_transport_feedback(
    out: &mut [u8],
    sender: u32,
    media: u32,
    base: u16,
    count: u8,
    arrivals: &[Option<u64>],
) -> (usize, usize) {
    let Some(first_us) = arrivals.iter().take(STATUSES_MAX).find_map(|arrival| *arrival) else { return (0, 0) };
    let reference = first_us / REFERENCE_US;
    let mut statuses = Statuses { symbols: [0; STATUSES_MAX], deltas: [0; STATUSES_MAX], len: 0 };
    // Leave room for the largest chunks (two bytes for 7 statuses), the deltas and the padding.
    statuses.gather(arrivals, reference * REFERENCE_US, out.len().saturating_sub(HEAD + 2 + 3));
    if statuses.symbols[..statuses.len].iter().all(|symbol| *symbol == NOT_RECEIVED) {
        return (0, 0);
    }
    put(out, 4, sender);
    put(out, 8, media);
    put(out, 12, u32::from(base) << 16 | statuses.len as u32);
    put(out, 16, (reference as u32) << 8 | u32::from(count));
    let at = statuses.write_chunks(out, HEAD);
    let at = statuses.write_deltas(out, at);
    let len = at.next_multiple_of(4);
    out[at..len].fill(0);
    (finish(out, TRANSPORT_WIDE, TRANSPORT_SPECIFIC, len), statuses.len)
}

struct Statuses {
    symbols: [u8; STATUSES_MAX],
    deltas: [i16; STATUSES_MAX],
    len: usize,
}

impl Statuses {
    fn gather(&mut self, arrivals: &[Option<u64>], mut last_us: u64, room: usize) {
        let mut delta_bytes = 0;
        for arrival in arrivals.iter().take(STATUSES_MAX) {
            let mut symbol = NOT_RECEIVED;
            if let Some(at_us) = arrival {
                let delta_us = *at_us as i64 - last_us as i64;
                let ticks = (delta_us + TICK_US as i64 / 2).div_euclid(TICK_US as i64);
                let Ok(delta) = i16::try_from(ticks) else { return };
                symbol = if (0..=255).contains(&delta) { SMALL } else { LARGE };
                self.deltas[self.len] = delta;
                last_us = last_us.wrapping_add_signed(ticks * TICK_US as i64);
            }
            delta_bytes += usize::from(symbol);
            if delta_bytes + 2 * (self.len + 1).div_ceil(TWO_BIT_SYMBOLS) > room {
                return;
            }
            self.symbols[self.len] = symbol;
            self.len += 1;
        }
    }

    /// Write a run if it covers at least as many symbols as a vector. Otherwise write the narrowest vector that can hold the
    /// next symbols.
    fn write_chunks(&self, out: &mut [u8], mut at: usize) -> usize {
        let mut symbols = &self.symbols[..self.len];
        while let Some(&first) = symbols.first() {
            let run = symbols.iter().take(RUN_MAX).take_while(|symbol| **symbol == first).count();
            let narrow = symbols.iter().take(ONE_BIT_SYMBOLS).all(|symbol| *symbol != LARGE);
            let width = if narrow { ONE_BIT_SYMBOLS } else { TWO_BIT_SYMBOLS };
            let (chunk, taken) = if run >= width.min(symbols.len()) {
                (u16::from(first) << 13 | run as u16, run)
            } else {
                vector(symbols, narrow)
            };
            out[at..at + 2].copy_from_slice(&chunk.to_be_bytes());
            at += 2;
            symbols = &symbols[taken..];
        }
        at
    }

    fn write_deltas(&self, out: &mut [u8], mut at: usize) -> usize {
        for (symbol, delta) in self.symbols[..self.len].iter().zip(&self.deltas) {
            match *symbol {
                SMALL => out[at] = *delta as u8,
                LARGE => out[at..at + 2].copy_from_slice(&delta.to_be_bytes()),
                _ => {}
            }
            at += usize::from(*symbol);
        }
        at
    }
}

fn vector(symbols: &[u8], narrow: bool) -> (u16, usize) {
    let (width, bits, head) = if narrow { (ONE_BIT_SYMBOLS, 1, 0x8000) } else { (TWO_BIT_SYMBOLS, 2, 0xc000) };
    let taken = symbols.len().min(width);
    let mut chunk = head;
    for (place, symbol) in symbols[..taken].iter().enumerate() {
        chunk |= u16::from(*symbol) << (bits * (width - 1 - place));
    }
    (chunk, taken)
}

/// The feedback of a peer. The parser has checked that all chunks and deltas are present.
#[derive(Clone, Debug)]
pub struct Feedback<'a> {
    pub sender: u32,
    pub media: u32,
    pub base: u16,
    pub statuses: u16,
    /// In 64 ms, modulo 2^24.
    pub reference: u32,
    pub count: u8,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

/// Return the number of packets that the body of a [`crate::wire::rtcp::Packet::TransportFeedback`] claims to report. The
/// caller reads this number first: each status costs time, and a run of thousands of statuses takes only two bytes.
pub fn told_in(body: &[u8]) -> u16 {
    if body.len() < 16 { 0 } else { u16_at(body, 10) }
}

/// Parse the body of a [`crate::wire::rtcp::Packet::TransportFeedback`].
pub fn parse(body: &[u8]) -> Result<Feedback<'_>, Malformed> {
    let head = body.get(..16).ok_or(Malformed)?;
    let mut feedback = Feedback {
        sender: u32_at(head, 0),
        media: u32_at(head, 4),
        base: u16_at(head, 8),
        statuses: u16_at(head, 10),
        reference: u32_at(head, 12) >> 8,
        count: head[15],
        chunks: &body[16..],
        deltas: &[],
    };
    let (mut left, mut chunks, mut delta_bytes) = (usize::from(feedback.statuses), 0, 0);
    while left > 0 {
        let chunk = body.get(16 + chunks..16 + chunks + 2).ok_or(Malformed)?;
        chunks += 2;
        let chunk = Chunk::new(u16_at(chunk, 0), left);
        left -= usize::from(chunk.left);
        delta_bytes += chunk.map(delta_bytes_of).sum::<usize>();
    }
    let deltas = &body[16 + chunks..];
    if deltas.len() < delta_bytes {
        return Err(Malformed);
    }
    feedback.chunks = &body[16..16 + chunks];
    feedback.deltas = &deltas[..delta_bytes];
    Ok(feedback)
}

fn delta_bytes_of(symbol: u8) -> usize {
    // The fourth symbol is reserved and has no delta.
    if symbol == LARGE { 2 } else { usize::from(symbol == SMALL) }
}

impl<'a> Feedback<'a> {
    /// Return the sequence number of each packet and its arrival, in microseconds after the reference time. None means that the
    /// packet was lost.
    pub fn arrivals(&self) -> impl Iterator<Item = (u16, Option<i64>)> + use<'a> {
        let (mut deltas, mut at_us, mut sequence) = (self.deltas, 0, self.base);
        self.symbols().map(move |symbol| {
            let here = sequence;
            sequence = sequence.wrapping_add(1);
            let (delta, rest) = deltas.split_at_checked(delta_bytes_of(symbol)).unwrap_or((&[], &[]));
            deltas = rest;
            let ticks = match delta {
                [small] => i64::from(*small),
                [high, low] => i64::from(i16::from_be_bytes([*high, *low])),
                _ => return (here, None),
            };
            at_us += ticks * TICK_US as i64;
            (here, Some(at_us))
        })
    }

    fn symbols(&self) -> impl Iterator<Item = u8> + use<'a> {
        let mut left = usize::from(self.statuses);
        self.chunks.chunks_exact(2).flat_map(move |bytes| {
            let chunk = Chunk::new(u16_at(bytes, 0), left);
            left -= usize::from(chunk.left);
            chunk
        })
    }
}

/// The symbols of one chunk.
struct Chunk {
    word: u16,
    left: u16,
    place: u16,
}

impl Chunk {
    /// Make a chunk. `most` is the number of statuses that remain.
    fn new(word: u16, most: usize) -> Self {
        let symbols = match word >> 14 {
            0b10 => ONE_BIT_SYMBOLS,
            0b11 => TWO_BIT_SYMBOLS,
            _ => usize::from(word & 0x1fff),
        };
        Chunk { word, left: symbols.min(most) as u16, place: 0 }
    }
}

impl Iterator for Chunk {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        self.left = self.left.checked_sub(1)?;
        self.place += 1;
        Some(match self.word >> 14 {
            0b10 => (self.word >> (14 - self.place) & 1) as u8,
            0b11 => (self.word >> (14 - 2 * self.place) & 3) as u8,
            _ => (self.word >> 13 & 3) as u8,
        })
    }
}

#[cfg(test)]
#[path = "transport_feedback_tests.rs"]
mod tests;
