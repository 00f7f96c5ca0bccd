//! RED that is made for one viewer: where the way to it loses packets, each of a voice takes the one before it along, or the
//! two before (RFC 2198). Made of what this viewer was sent, so that nothing goes out that was not to be heard.

use crate::cache::{Cache, Entry};
use crate::command::Codec;
use crate::consumer::Consumer;
use crate::red::{self, Copied};
use crate::sent::Sent;

/// So much loss, as the viewer reports it, brings a copy ...
const LOSS_FOR_ONE: f32 = 0.02;
/// ... and so much two: then both losses next to each other are frequent.
const LOSS_FOR_TWO: f32 = 0.10;
/// Copies stay this long after the last report of such loss.
const KEPT_US: u64 = 20_000_000;
const COPIES_MAX: usize = 2;
/// A payload made so has at most this much: it fits every way with headers and tag.
pub const BYTES_MAX: usize = 1_100;

/// Whether a consumer's voice goes out as RED.
#[derive(Clone, Copy, Debug, Default)]
pub struct Redundancy {
    /// Its payload type; None: the viewer does not take it, or the publisher makes it.
    pub payload_type: Option<u8>,
    copies: u8,
    until_us: u64,
}

impl Redundancy {
    /// The viewer told what was lost on the way to it.
    pub fn note_loss(&mut self, fraction: f32, now_us: u64) {
        let wanted = u8::from(fraction >= LOSS_FOR_ONE) + u8::from(fraction >= LOSS_FOR_TWO);
        let as_bad = wanted > 0 && wanted >= self.copies;
        if as_bad || now_us >= self.until_us {
            (self.copies, self.until_us) = (wanted, now_us + KEPT_US);
        }
    }

    #[inline]
    pub fn is_wanted(&self) -> bool {
        self.copies > 0 && self.payload_type.is_some()
    }

    /// Bytes that a payload may have beyond its own.
    #[inline]
    pub fn bytes_max(&self) -> usize {
        if self.is_wanted() { BYTES_MAX } else { 0 }
    }
}

impl Consumer {
    /// Whether this packet is to go out as RED.
    #[inline]
    pub(crate) fn makes_red(&self, entry: &Entry) -> bool {
        self.redundancy.is_wanted() && entry.codec == Some(Codec::Opus) && usize::from(entry.len) < BYTES_MAX
    }

    /// Writes the payload of `entry`, which goes out as `sent`, with as many of those before it as fit; gives its length.
    pub(crate) fn write_red(&self, cache: &Cache, entry: &Entry, sent: &Sent, space: &mut [u8]) -> Option<usize> {
        let (primary, block_type) = (cache.payload(entry), self.payload(entry.payload_type)?.to);
        let mut copies = [Copied { timestamp_offset: 0, payload: &[] }; COPIES_MAX];
        let mut first = COPIES_MAX;
        let mut len = primary.len() + 1;
        for back in 1..=u16::from(self.redundancy.copies) {
            let Some(copy) = self.copied(cache, entry, sent, back) else { break };
            len += copy.payload.len() + 4;
            if len > BYTES_MAX {
                break;
            }
            first -= 1;
            copies[first] = copy;
        }
        red::write(space, block_type, &copies[first..], primary)
    }

    /// The packet `back` before this one, if this viewer was sent it and a block can hold it.
    fn copied<'a>(&self, cache: &'a Cache, entry: &Entry, sent: &Sent, back: u16) -> Option<Copied<'a>> {
        let before = self.sent.get(sent.sequence.wrapping_sub(back))?;
        if before.epoch != sent.epoch || before.source != entry.sequence.wrapping_sub(back) {
            return None;
        }
        let found = cache.get(before.source).filter(|found| found.payload_type == entry.payload_type)?;
        let offset = entry.timestamp.wrapping_sub(found.timestamp);
        let payload = cache.payload(found);
        red::fits(offset, payload.len()).then_some(Copied { timestamp_offset: offset as u16, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_follow_the_loss_and_stay_for_a_while() {
        let mut redundancy = Redundancy { payload_type: Some(63), ..Redundancy::default() };
        redundancy.note_loss(0.01, 0);
        assert!(!redundancy.is_wanted());
        redundancy.note_loss(0.05, 1_000_000);
        assert_eq!(redundancy.copies, 1);
        redundancy.note_loss(0.3, 2_000_000);
        assert_eq!(redundancy.copies, 2);
        redundancy.note_loss(0.0, 3_000_000);
        redundancy.note_loss(0.05, 21_000_000);
        assert_eq!(redundancy.copies, 2, "not before its time");
        redundancy.note_loss(0.05, 22_000_000);
        assert_eq!(redundancy.copies, 1);
        redundancy.note_loss(0.0, 42_000_000);
        assert!(!redundancy.is_wanted());
    }

    #[test]
    fn without_a_payload_type_none_is_made() {
        let mut redundancy = Redundancy::default();
        redundancy.note_loss(0.5, 0);
        assert!(!redundancy.is_wanted());
        assert_eq!(redundancy.bytes_max(), 0);
    }
}
