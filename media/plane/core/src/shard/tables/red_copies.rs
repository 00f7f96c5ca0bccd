//! RED made of what one consumer was sent. See `redundancy`.

use crate::codec::red::{self, Copied};
use crate::rate::bitrates::Bitrates;
use crate::stream::cache::{Cache, Entry};
use crate::stream::redundancy::{BYTES_MAX, Redundancy};
use crate::stream::sent_log::{Sent, SentLog};
use crate::types::{Codec, PayloadMap};

const COPIES_MAX: usize = 3;

/// Before each but the newest.
const BLOCK_BYTES: f64 = 4.0;

/// The redundant sound of one consumer.
pub struct RedCopies {
    pub redundancy: Redundancy,
    /// The receiver takes none: its newest part goes out alone.
    pub strip: bool,
    /// The payload types in it as the publisher calls them, and as the receiver does.
    pub blocks: Vec<(u8, u8)>,
    /// The path is so narrow that redundant sound is left out, though the receiver takes it.
    left_out: bool,
    video: bool,
}

impl RedCopies {
    pub fn new(video: bool, strip: bool, blocks: Vec<(u8, u8)>) -> Self {
        RedCopies { redundancy: Redundancy::default(), strip, blocks, left_out: false, video }
    }

    /// Whether redundant sound goes out as its newest part alone.
    #[inline]
    pub fn strips(&self) -> bool {
        self.strip || self.left_out && !self.blocks.is_empty()
    }

    /// Leaves redundant sound out, or no longer does. True: what goes out is another thing than before.
    pub fn leave_out(&mut self, left_out: bool) -> bool {
        let before = self.strips();
        self.left_out = left_out && !self.video;
        self.strips() != before
    }

    /// Bytes that a payload may have beyond its own.
    #[inline]
    pub fn bytes_max(&self) -> usize {
        if self.may_make() || self.may_remake() { BYTES_MAX } else { 0 }
    }

    /// Opus goes out as RED.
    #[inline]
    fn may_make(&self) -> bool {
        self.redundancy.step > 0 && self.redundancy.payload_type.is_some() && !self.left_out
    }

    /// What comes as RED, with one copy as a rule, goes out with more.
    #[inline]
    fn may_remake(&self) -> bool {
        self.redundancy.step > 1 && !self.video && !self.blocks.is_empty() && !self.strips()
    }

    /// Bit/s of the copies that are made of such sound, where nothing but the way keeps them back.
    pub fn copies_bps(&self, sound: &Bitrates) -> f64 {
        let makes = self.redundancy.payload_type.is_some() || self.redundancy.step > 1 && !self.blocks.is_empty();
        let (packets_per_s, bytes) = sound.packets();
        let copy = bytes + BLOCK_BYTES;
        let fit = ((BYTES_MAX as f64 - 1.0 - bytes) / copy).max(0.0).floor();
        let copies = if makes && !self.strip { self.redundancy.distances().len() as f64 } else { 0.0 };
        copies.min(fit) * copy * packets_per_s * 8.0
    }

    /// Whether this packet is to go out as RED that is made here.
    #[inline]
    pub fn makes(&self, entry: &Entry) -> bool {
        let may = match entry.codec {
            Some(Codec::Opus) => self.may_make(),
            Some(Codec::Red) => self.may_remake(),
            _ => false,
        };
        may && usize::from(entry.len) < BYTES_MAX
    }

    /// The payload type of RED made of this packet.
    #[inline]
    pub fn type_of(&self, entry: &Entry, payloads: &[PayloadMap]) -> Option<u8> {
        if entry.codec == Some(Codec::Red) {
            Some(PayloadMap::find(payloads, entry.payload_type)?.to)
        } else {
            self.redundancy.payload_type
        }
    }

    /// Writes the payload of `entry`, which goes out as `sent`, with as many of those before it as fit; gives its length.
    pub fn write(
        &self,
        (cache, entry): (&Cache, &Entry),
        payloads: &[PayloadMap],
        (log, sent): (&SentLog, &Sent),
        space: &mut [u8],
    ) -> Option<usize> {
        let (source_type, primary) = newest(cache, entry)?;
        let block_type = match entry.codec {
            Some(Codec::Red) => {
                self.blocks.iter().find(|(from, _)| *from == source_type).map_or(source_type, |found| found.1)
            }
            _ => PayloadMap::find(payloads, source_type)?.to,
        };
        let mut copies = [Copied { timestamp_offset: 0, payload: &[] }; COPIES_MAX];
        let mut first = COPIES_MAX;
        let mut len = primary.len() + 1;
        for back in self.redundancy.distances() {
            let Some(copy) = copied((cache, entry), (log, sent), (*back, source_type)) else { continue };
            let longer = len + copy.payload.len() + 4;
            if longer > BYTES_MAX {
                continue;
            }
            len = longer;
            first -= 1;
            copies[first] = copy;
        }
        red::write(space, block_type, &copies[first..], primary)
    }
}

/// What was said `back` packets before this one, of that payload type, if this viewer was sent it and a block can hold it.
fn copied<'a>(
    (cache, entry): (&'a Cache, &Entry),
    (log, sent): (&SentLog, &Sent),
    (back, kind): (u16, u8),
) -> Option<Copied<'a>> {
    let cached = |back: u16| {
        let source = entry.sequence.wrapping_sub(back);
        let is_sent = |before: &Sent| before.epoch == sent.epoch && before.source == source;
        let is_his = back == 0 || log.get(sent.sequence.wrapping_sub(back)).is_some_and(is_sent);
        cache.get(source).filter(|found| is_his && found.payload_type == entry.payload_type)
    };
    let (timestamp, (found_type, payload)) = match cached(back) {
        Some(found) => (found.timestamp, newest(cache, found)?),
        None if cache.contains(entry.sequence.wrapping_sub(back)) => return None,
        // Lost on the way here: the one after it holds it.
        None => second_newest(cache, cached(back - 1)?)?,
    };
    let offset = entry.timestamp.wrapping_sub(timestamp);
    let fits = found_type == kind && red::fits(offset, payload.len());
    fits.then_some(Copied { timestamp_offset: offset as u16, payload })
}

/// Payload type and bytes of what a packet holds, of RED of its newest block.
fn newest<'a>(cache: &'a Cache, entry: &Entry) -> Option<(u8, &'a [u8])> {
    let payload = cache.payload(entry);
    if entry.codec != Some(Codec::Red) {
        return Some((entry.payload_type, payload));
    }
    let block = red::primary(payload).ok()?;
    Some((block.payload_type, &payload[block.range]))
}

/// Timestamp, payload type and bytes of the block before the newest one.
fn second_newest<'a>(cache: &'a Cache, entry: &Entry) -> Option<(u32, (u8, &'a [u8]))> {
    if entry.codec != Some(Codec::Red) {
        return None;
    }
    let payload = cache.payload(entry);
    let block = red::blocks(payload).ok()?.filter(|block| block.timestamp_offset > 0).last()?;
    let timestamp = entry.timestamp.wrapping_sub(block.timestamp_offset.into());
    Some((timestamp, (block.payload_type, &payload[block.range])))
}
