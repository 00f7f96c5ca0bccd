//! The H.264 parameter sets of a source that sends them only once. They are kept and inserted before each IDR picture that
//! arrives without parameter sets (RFC 6184 §8.4). The inserted packets need sequence numbers, so all later packets of the
//! source get higher numbers.

use crate::serial::is_before;
use crate::wire::rtp::u16_at;

const SPS: u8 = 7;
const PPS: u8 = 8;
const IDR: u8 = 5;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// Bytes. Chosen: no encoder of a terminal makes a larger H.264 parameter set. Larger sets are not kept. Larger: more memory
/// for each source. Smaller: viewers that join later cannot decode a source with long parameter sets, and see no picture.
const UNIT_BYTES_MAX: usize = 256;
/// H.264 picture parameter sets that are kept for each source, the newest. Chosen. Larger: more memory, and more packets before
/// each IDR picture. Smaller: viewers that join later cannot decode a source with several sets, and see no picture.
const PPS_MAX: usize = 4;
/// Insertions of parameter sets that are remembered for each source; each moves later sequence numbers up. Chosen. Larger: more
/// memory, and a longer search for each packet. Smaller: a packet that is late by several IDR pictures gets a wrong number, and
/// the viewer's picture breaks.
const CHANGES_MAX: usize = 8;
/// Packets. Chosen. A packet may arrive this much later than the newest. For a later packet, the move of its sequence number by
/// inserted parameter sets is forgotten, so it gets a wrong number. Larger: from 32768 on, sequence numbers no longer compare,
/// and all packets may get wrong numbers. Smaller: more late packets get wrong numbers.
const LATE_MAX: u16 = 4_096;

/// A change of the shift: packets before `from` move by `before` numbers, later packets by more.
#[derive(Clone, Copy, Default)]
struct Change {
    from: u16,
    before: u16,
}

#[derive(Default)]
pub struct ParameterSets {
    sps: Vec<u8>,
    pps: Vec<Vec<u8>>,
    /// Timestamp of the frame with the last SPS of the source.
    sps_timestamp: Option<u32>,
    /// Timestamp of the last frame that got inserted parameter sets.
    put_timestamp: Option<u32>,
    changes: [Change; CHANGES_MAX],
    changes_len: usize,
    moved: u16,
}

impl ParameterSets {
    /// Return by how many numbers the newest packets move.
    pub fn moved(&self) -> u16 {
        self.moved
    }

    /// Return the outgoing number of a packet of the source.
    pub fn number(&self, sequence: u16) -> u16 {
        let changes = &self.changes[..self.changes_len];
        let before = changes.iter().find(|change| is_before(sequence, change.from));
        sequence.wrapping_add(before.map_or(self.moved, |change| change.before))
    }

    /// Read a packet. Return true if it begins an IDR picture that came without its parameter sets, and the sets are known.
    pub fn look(&mut self, payload: &[u8], timestamp: u32) -> bool {
        match payload.first().map(|byte| byte & 0x1f) {
            Some(STAP_A) => {
                let mut idr = false;
                units(&payload[1..], |unit| idr |= self.look_at(unit, timestamp));
                idr && self.lacks(timestamp)
            }
            Some(FU_A) => {
                let starts = |head: &u8| head & 0x80 != 0 && head & 0x1f == IDR;
                payload.get(1).is_some_and(starts)
                    && payload.get(2).is_some_and(|first| first & 0x80 != 0)
                    && self.lacks(timestamp)
            }
            Some(_) => self.look_at(payload, timestamp) && self.lacks(timestamp),
            None => false,
        }
    }

    /// Keep the unit if it is a parameter set. Return true if the unit begins an IDR picture (`first_mb_in_slice` 0).
    fn look_at(&mut self, unit: &[u8], timestamp: u32) -> bool {
        match unit.first().map(|byte| byte & 0x1f) {
            Some(SPS) => {
                self.sps_timestamp = Some(timestamp);
                if self.sps != unit {
                    self.sps.clear();
                    self.pps.clear();
                    if unit.len() <= UNIT_BYTES_MAX {
                        self.sps.extend_from_slice(unit);
                    }
                }
                false
            }
            Some(PPS) => {
                self.keep_pps(unit);
                false
            }
            Some(IDR) => unit.get(1).is_some_and(|first| first & 0x80 != 0),
            _ => false,
        }
    }

    /// Keep the newest PPS of each identifier.
    fn keep_pps(&mut self, unit: &[u8]) {
        if unit.len() > UNIT_BYTES_MAX || self.pps.iter().any(|known| known == unit) {
            return;
        }
        let id = identifier(unit);
        self.pps.retain(|known| identifier(known) != id);
        if self.pps.len() == PPS_MAX {
            self.pps.remove(0);
        }
        self.pps.push(unit.to_vec());
    }

    fn lacks(&self, timestamp: u32) -> bool {
        let known = !self.sps.is_empty() && !self.pps.is_empty();
        known && self.sps_timestamp != Some(timestamp) && self.put_timestamp != Some(timestamp)
    }

    /// Insert the parameter sets before the packet `sequence` of the source: this packet and all later packets move up.
    pub fn put(&mut self, sequence: u16, timestamp: u32) {
        if self.changes_len == CHANGES_MAX {
            self.changes.copy_within(1.., 0);
            self.changes_len -= 1;
        }
        self.changes[self.changes_len] = Change { from: sequence, before: self.moved };
        self.changes_len += 1;
        self.moved = self.moved.wrapping_add(self.units().count() as u16);
        self.put_timestamp = Some(timestamp);
    }

    /// Return the units to insert, in order.
    pub fn units(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.sps[..]).chain(self.pps.iter().map(|pps| &pps[..]))
    }

    /// Forget the old changes of the shift, before the sequence numbers wrap and make old changes look new.
    pub fn forget_before(&mut self, newest: u16) {
        let sequence = newest.wrapping_sub(LATE_MAX);
        let old = self.changes[..self.changes_len].iter().take_while(|change| is_before(change.from, sequence)).count();
        self.changes.copy_within(old..self.changes_len, 0);
        self.changes_len -= old;
    }
}

/// RFC 6184 §5.7.1: a 16-bit length and a unit, repeated.
pub fn units(mut rest: &[u8], mut see: impl FnMut(&[u8])) {
    while rest.len() > 2 {
        let end = 2 + usize::from(u16_at(rest, 0));
        let Some(unit) = rest.get(2..end) else { return };
        see(unit);
        rest = &rest[end..];
    }
}

/// Return `pic_parameter_set_id`, the first Exp-Golomb number of a PPS, or None if it does not fit into the first four bytes.
fn identifier(pps: &[u8]) -> Option<u32> {
    let bytes = pps
        .get(1..)?
        .iter()
        .take(4)
        .fold((0u32, 0), |(word, n), byte| (word | u32::from(*byte) << (24 - 8 * n), n + 1));
    let zeros = bytes.0.leading_zeros();
    (zeros <= 15).then(|| (bytes.0 << zeros >> (31 - zeros)) - 1)
}

#[cfg(test)]
#[path = "parameter_sets_tests.rs"]
mod tests;
