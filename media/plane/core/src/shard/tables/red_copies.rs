//! RED that the shard makes from the packets that one consumer was sent. See `redundancy`.

use crate::codec::red::{self, Copied};
use crate::rate::bitrates::Bitrates;
use crate::stream::cache::{Cache, Entry};
use crate::stream::redundancy::{BYTES_MAX, Redundancy};
use crate::stream::sent_log::{Sent, SentLog};
use crate::types::{Codec, PayloadMap};

/// Copies of older audio in one payload: the longest list of `redundancy::DISTANCES` (1, 2 and 4 packets back). Larger: no
/// effect. Smaller: the longest list has no place, and the write panics.
const COPIES_MAX: usize = 3;

/// Bytes of the header of each copy of audio in RED (RFC 2198 §3). Larger: copies seem to need more bitrate than they do, and
/// the viewer's pictures get less. Smaller: copies need more bitrate than is reserved, a queue builds up, and audio is late.
const BLOCK_BYTES: f64 = 4.0;

/// The redundant audio of one consumer.
pub struct RedCopies {
    pub redundancy: Redundancy,
    /// The receiver does not accept RED. Only the newest block is sent.
    pub strip: bool,
    /// The payload types of the blocks: the publisher's and the receiver's.
    pub blocks: Vec<(u8, u8)>,
    /// The downlink is so narrow that redundant audio is left out, though the receiver accepts it.
    left_out: bool,
    video: bool,
}

impl RedCopies {
    pub fn new(video: bool, strip: bool, blocks: Vec<(u8, u8)>) -> Self {
        RedCopies { redundancy: Redundancy::default(), strip, blocks, left_out: false, video }
    }

    /// Report whether only the newest block of redundant audio is sent.
    #[inline]
    pub fn strips(&self) -> bool {
        self.strip || self.left_out && !self.blocks.is_empty()
    }

    /// Leave redundant audio out, or send it again. Return true if this changes what is sent.
    pub fn leave_out(&mut self, left_out: bool) -> bool {
        let before = self.strips();
        self.left_out = left_out && !self.video;
        self.strips() != before
    }

    /// Return the bytes to reserve for RED in each payload. 0 if this consumer gets no RED that is made here.
    #[inline]
    pub fn bytes_max(&self) -> usize {
        if self.may_make() || self.may_remake() { BYTES_MAX } else { 0 }
    }

    /// Report whether Opus may be converted to RED.
    #[inline]
    fn may_make(&self) -> bool {
        self.redundancy.step > 0 && self.redundancy.payload_type.is_some() && !self.left_out
    }

    /// Report whether RED from the publisher, usually with one copy, may get more copies.
    #[inline]
    fn may_remake(&self) -> bool {
        self.redundancy.step > 1 && !self.video && !self.blocks.is_empty() && !self.strips()
    }

    /// Return the bit/s that the copies of this audio need if only the downlink limits them.
    pub fn copies_bps(&self, sound: &Bitrates) -> f64 {
        let makes = self.redundancy.payload_type.is_some() || self.redundancy.step > 1 && !self.blocks.is_empty();
        let (packets_per_s, bytes) = sound.packets();
        let copy = bytes + BLOCK_BYTES;
        let fit = ((BYTES_MAX as f64 - 1.0 - bytes) / copy).max(0.0).floor();
        let copies = if makes && !self.strip { self.redundancy.distances().len() as f64 } else { 0.0 };
        copies.min(fit) * copy * packets_per_s * 8.0
    }

    /// Report whether this packet must be sent as RED made here.
    #[inline]
    pub fn makes(&self, entry: &Entry) -> bool {
        let may = match entry.codec {
            Some(Codec::Opus) => self.may_make(),
            Some(Codec::Red) => self.may_remake(),
            _ => false,
        };
        may && usize::from(entry.len) < BYTES_MAX
    }

    /// Return the payload type of the RED that is made from this packet.
    #[inline]
    pub fn type_of(&self, entry: &Entry, payloads: &[PayloadMap]) -> Option<u8> {
        if entry.codec == Some(Codec::Red) {
            Some(PayloadMap::find(payloads, entry.payload_type)?.to)
        } else {
            self.redundancy.payload_type
        }
    }

    /// Write the RED payload of `entry`, which is sent as `sent`, with as many earlier packets as fit. Return the length.
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

/// Return the audio `back` packets before this packet. None unless this viewer got it, the payload type matches, and a block
/// can hold it.
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
        // The packet was lost on the uplink, but the RED packet after it contains a copy.
        None => second_newest(cache, cached(back - 1)?)?,
    };
    let offset = entry.timestamp.wrapping_sub(timestamp);
    let fits = found_type == kind && red::fits(offset, payload.len());
    fits.then_some(Copied { timestamp_offset: offset as u16, payload })
}

/// Return the payload type and bytes of a packet's content. For RED this is the newest block.
fn newest<'a>(cache: &'a Cache, entry: &Entry) -> Option<(u8, &'a [u8])> {
    let payload = cache.payload(entry);
    if entry.codec != Some(Codec::Red) {
        return Some((entry.payload_type, payload));
    }
    let block = red::primary(payload).ok()?;
    Some((block.payload_type, &payload[block.range]))
}

/// Return timestamp, payload type and bytes of the block before the newest one.
fn second_newest<'a>(cache: &'a Cache, entry: &Entry) -> Option<(u32, (u8, &'a [u8]))> {
    if entry.codec != Some(Codec::Red) {
        return None;
    }
    let payload = cache.payload(entry);
    let block = red::blocks(payload).ok()?.filter(|block| block.timestamp_offset > 0).last()?;
    let timestamp = entry.timestamp.wrapping_sub(block.timestamp_offset.into());
    Some((timestamp, (block.payload_type, &payload[block.range])))
}
