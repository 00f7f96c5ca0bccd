//! RED that is made for one viewer: where the way to it loses packets, each of a voice takes the one before it along, and where
//! it loses many some of those before that (RFC 2198), also of what comes as RED with fewer. Made of what this viewer was sent,
//! so that nothing goes out that was not to be heard.

use crate::bitrates::Bitrates;
use crate::cache::{Cache, Entry};
use crate::command::Codec;
use crate::consumer::Consumer;
use crate::red::{self, Copied};
use crate::sent::Sent;

/// So much loss, as the viewer reports it, brings a copy ...
const LOSS_FOR_ONE: f32 = 0.02;
/// ... and so much several: then losses next to each other are frequent.
const LOSS_FOR_MORE: f32 = 0.06;
/// Copies stay this long after the last report of such loss, and until the next one.
const KEPT_US: u64 = 20_000_000;
/// How many packets before its own each copy is, by how much is lost. Of a run of lost packets those are made good that are as near
/// to its end as the farthest copy; the receiver waits so long once it has found that it is worth it.
const DISTANCES: [&[u16]; 3] = [&[], &[1], &[1, 2, 4]];
const COPIES_MAX: usize = 3;
/// Before each but the newest.
const BLOCK_BYTES: f64 = 4.0;
/// A payload made so has at most this much: it fits every way with headers and tag.
pub const BYTES_MAX: usize = 1_100;

/// Whether a consumer's voice goes out as RED.
#[derive(Clone, Copy, Debug, Default)]
pub struct Redundancy {
    /// Its payload type; None: the viewer does not take it, or the publisher makes it.
    pub payload_type: Option<u8>,
    /// Into [`DISTANCES`].
    step: u8,
    until_us: u64,
    /// When the viewer told last.
    told_us: u64,
    /// When all that had been told was laid to the copies, and the step until then.
    forgotten_us: u64,
    forgotten: u8,
}

impl Redundancy {
    /// The viewer told what was lost on the way to it.
    pub fn note_loss(&mut self, fraction: f32, now_us: u64) {
        // What is told is of all the time since the last report.
        let since_us = std::mem::replace(&mut self.told_us, now_us);
        if since_us < self.forgotten_us {
            return;
        }
        let wanted = u8::from(fraction >= LOSS_FOR_ONE) + u8::from(fraction >= LOSS_FOR_MORE);
        let as_bad = wanted > 0 && wanted >= self.step;
        if as_bad || now_us >= self.until_us {
            (self.step, self.until_us, self.forgotten) = (wanted, now_us + KEPT_US, 0);
        }
    }

    /// What was lost till now was lost by the copies: they wait until it is told again.
    pub fn forget(&mut self, now_us: u64) {
        self.forgotten = self.forgotten.max(self.step);
        (self.step, self.until_us, self.forgotten_us) = (0, 0, now_us);
    }

    /// It was not: they go out as before.
    pub fn recall(&mut self, now_us: u64) {
        let step = std::mem::take(&mut self.forgotten);
        if step > self.step {
            (self.step, self.until_us) = (step, now_us + KEPT_US);
        }
        self.forgotten_us = 0;
    }

    fn distances(&self) -> &'static [u16] {
        DISTANCES[usize::from(self.step)]
    }
}

impl Consumer {
    /// Bytes that a payload may have beyond its own.
    #[inline]
    pub(crate) fn red_bytes_max(&self) -> usize {
        if self.may_make_red() || self.may_remake_red() { BYTES_MAX } else { 0 }
    }

    /// Opus goes out as RED.
    #[inline]
    fn may_make_red(&self) -> bool {
        self.redundancy.step > 0 && self.redundancy.payload_type.is_some() && !self.is_lean()
    }

    /// What comes as RED, with one copy as a rule, goes out with more.
    #[inline]
    fn may_remake_red(&self) -> bool {
        self.redundancy.step > 1 && !self.video && !self.red_blocks.is_empty() && !self.strips_red()
    }

    /// Bit/s of the copies that are made of such sound, where nothing but the way keeps them back.
    pub(crate) fn copies_bps(&self, sound: &Bitrates) -> f64 {
        let makes = self.redundancy.payload_type.is_some() || self.redundancy.step > 1 && !self.red_blocks.is_empty();
        let (packets_per_s, bytes) = sound.packets();
        let copy = bytes + BLOCK_BYTES;
        let fit = ((BYTES_MAX as f64 - 1.0 - bytes) / copy).max(0.0).floor();
        let copies = if makes && !self.strip_red { self.redundancy.distances().len() as f64 } else { 0.0 };
        copies.min(fit) * copy * packets_per_s * 8.0
    }

    /// Whether this packet is to go out as RED that is made here.
    #[inline]
    pub(crate) fn makes_red(&self, entry: &Entry) -> bool {
        let may = match entry.codec {
            Some(Codec::Opus) => self.may_make_red(),
            Some(Codec::Red) => self.may_remake_red(),
            _ => false,
        };
        may && usize::from(entry.len) < BYTES_MAX
    }

    /// The payload type of RED made of this packet.
    #[inline]
    pub(crate) fn red_type(&self, entry: &Entry) -> Option<u8> {
        if entry.codec == Some(Codec::Red) {
            Some(self.payload(entry.payload_type)?.to)
        } else {
            self.redundancy.payload_type
        }
    }

    /// Writes the payload of `entry`, which goes out as `sent`, with as many of those before it as fit; gives its length.
    pub(crate) fn write_red(&self, cache: &Cache, entry: &Entry, sent: &Sent, space: &mut [u8]) -> Option<usize> {
        let (source_type, primary) = newest(cache, entry)?;
        let block_type = match entry.codec {
            Some(Codec::Red) => {
                self.red_blocks.iter().find(|(from, _)| *from == source_type).map_or(source_type, |found| found.1)
            }
            _ => self.payload(source_type)?.to,
        };
        let mut copies = [Copied { timestamp_offset: 0, payload: &[] }; COPIES_MAX];
        let mut first = COPIES_MAX;
        let mut len = primary.len() + 1;
        for back in self.redundancy.distances() {
            let Some(copy) = self.copied(cache, entry, sent, (*back, source_type)) else { continue };
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

    /// What was said `back` packets before this one, of that payload type, if this viewer was sent it and a block can hold it.
    fn copied<'a>(&self, cache: &'a Cache, entry: &Entry, sent: &Sent, (back, kind): (u16, u8)) -> Option<Copied<'a>> {
        let cached = |back: u16| {
            let source = entry.sequence.wrapping_sub(back);
            let is_sent = |before: &Sent| before.epoch == sent.epoch && before.source == source;
            let is_his = back == 0 || self.sent.get(sent.sequence.wrapping_sub(back)).is_some_and(is_sent);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_follow_the_loss_and_stay_for_a_while() {
        let mut redundancy = Redundancy { payload_type: Some(63), ..Redundancy::default() };
        redundancy.note_loss(0.01, 0);
        assert_eq!(redundancy.distances(), []);
        redundancy.note_loss(0.05, 1_000_000);
        assert_eq!(redundancy.distances(), [1]);
        redundancy.note_loss(0.3, 2_000_000);
        assert_eq!(redundancy.distances(), [1, 2, 4]);
        redundancy.note_loss(0.0, 3_000_000);
        redundancy.note_loss(0.05, 21_000_000);
        assert_eq!(redundancy.distances(), [1, 2, 4], "not before its time");
        redundancy.note_loss(0.05, 22_000_000);
        assert_eq!(redundancy.distances(), [1]);
        redundancy.note_loss(0.0, 42_000_000);
        assert_eq!(redundancy.distances(), []);
    }

    #[test]
    fn what_was_lost_by_the_copies_counts_no_more_though_it_is_told_later() {
        let mut redundancy = Redundancy::default();
        redundancy.note_loss(0.3, 1_000_000);
        redundancy.forget(4_000_000);
        redundancy.note_loss(0.3, 6_000_000);
        assert_eq!(redundancy.distances(), [], "most of it is of the time before");
        redundancy.recall(7_000_000);
        assert_eq!(redundancy.distances(), [1, 2, 4], "it was not by the copies");
        redundancy.note_loss(0.0, 26_000_000);
        assert_eq!(redundancy.distances(), [1, 2, 4], "for a while");
        redundancy.forget(27_000_000);
        redundancy.note_loss(0.3, 28_000_000);
        redundancy.note_loss(0.03, 33_000_000);
        redundancy.recall(34_000_000);
        assert_eq!(redundancy.distances(), [1], "as was told since");
        redundancy.note_loss(0.0, 60_000_000);
        redundancy.recall(61_000_000);
        assert_eq!(redundancy.distances(), [], "once");
    }
}
