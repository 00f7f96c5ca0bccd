//! RED payloads (RFC 2198): where the blocks lie, their payload types rewritten in place, and new ones written.

use std::ops::Range;

use crate::wire::rtp::Malformed;

/// One block; the last one is the primary, its `timestamp_offset` 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub payload_type: u8,
    pub timestamp_offset: u16,
    /// Within the RED payload.
    pub range: Range<usize>,
}

/// More blocks than this are refused: nobody sends more than 9 copies.
pub const BLOCKS_MAX: usize = 16;
const REDUNDANT_HEADER: usize = 4;
/// What the fields of a redundant block's header hold (14 and 10 bits).
const TIMESTAMP_OFFSET_MAX: u32 = 0x3fff;
const BLOCK_BYTES_MAX: usize = 0x3ff;

/// The primary block.
pub fn primary(payload: &[u8]) -> Result<Block, Malformed> {
    let (headers, redundant) = measure(payload)?;
    Ok(Block {
        payload_type: payload[headers - 1] & 0x7f,
        timestamp_offset: 0,
        range: headers + redundant..payload.len(),
    })
}

/// Bytes that the payload would be spared without its older blocks; 0: it is malformed.
pub fn redundant(payload: &[u8]) -> usize {
    primary(payload).map_or(0, |block| block.range.start)
}

/// Every block in order, the primary last.
pub fn blocks(payload: &[u8]) -> Result<impl Iterator<Item = Block> + '_, Malformed> {
    let (headers, _) = measure(payload)?;
    let mut start = headers;
    Ok((0..headers).step_by(REDUNDANT_HEADER).map(move |at| {
        let last = at + 1 == headers;
        let word = if last { 0 } else { crate::wire::rtp::u32_at(payload, at) };
        let end = if last { payload.len() } else { start + (word & 0x3ff) as usize };
        let range = start..end;
        start = end;
        Block { payload_type: payload[at] & 0x7f, timestamp_offset: (word >> 10 & 0x3fff) as u16, range }
    }))
}

/// A packet that was sent before, as a redundant block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied<'a> {
    pub timestamp_offset: u16,
    pub payload: &'a [u8],
}

/// Whether a redundant block can hold it.
pub fn fits(timestamp_offset: u32, len: usize) -> bool {
    (1..=TIMESTAMP_OFFSET_MAX).contains(&timestamp_offset) && (1..=BLOCK_BYTES_MAX).contains(&len)
}

/// Writes a RED payload of blocks of one payload type, the redundant ones in the order given (the oldest first); gives its
/// length. None: there is no space for it, or more than [`BLOCKS_MAX`] are given, or one that does not fit.
pub fn write(space: &mut [u8], payload_type: u8, copies: &[Copied], primary: &[u8]) -> Option<usize> {
    let headers = copies.len() * REDUNDANT_HEADER + 1;
    let copied: usize = copies.iter().map(|copy| copy.payload.len()).sum();
    let len = headers + copied + primary.len();
    let fitting = copies.iter().all(|copy| fits(copy.timestamp_offset.into(), copy.payload.len()));
    if copies.len() > BLOCKS_MAX || !fitting || len > space.len() {
        return None;
    }
    let mut at = headers;
    for (n, copy) in copies.iter().enumerate() {
        let word =
            u32::from(payload_type | 0x80) << 24 | u32::from(copy.timestamp_offset) << 10 | copy.payload.len() as u32;
        space[n * REDUNDANT_HEADER..][..REDUNDANT_HEADER].copy_from_slice(&word.to_be_bytes());
        space[at..at + copy.payload.len()].copy_from_slice(copy.payload);
        at += copy.payload.len();
    }
    space[headers - 1] = payload_type & 0x7f;
    space[at..len].copy_from_slice(primary);
    Some(len)
}

/// The payload without the blocks that are older than the primary by more than `reach`.
pub fn newer(payload: &[u8], reach: u32) -> Result<Vec<u8>, Malformed> {
    let is_kept = |block: &Block| u32::from(block.timestamp_offset) <= reach;
    let (headers, _) = measure(payload)?;
    let mut kept = Vec::with_capacity(payload.len());
    for (n, _) in blocks(payload)?.enumerate().filter(|(_, block)| is_kept(block)) {
        let at = n * REDUNDANT_HEADER;
        kept.extend_from_slice(&payload[at..headers.min(at + REDUNDANT_HEADER)]);
    }
    blocks(payload)?.filter(is_kept).for_each(|block| kept.extend_from_slice(&payload[block.range]));
    Ok(kept)
}

/// Gives each block the payload type that `map` (from, to) says; one that is not listed keeps its own.
pub fn rewrite(payload: &mut [u8], map: &[(u8, u8)]) -> Result<(), Malformed> {
    let (headers, _) = measure(payload)?;
    for byte in payload[..headers].iter_mut().step_by(REDUNDANT_HEADER) {
        if let Some((_, to)) = map.iter().find(|(from, _)| *from == *byte & 0x7f) {
            *byte = *byte & 0x80 | to & 0x7f;
        }
    }
    Ok(())
}

/// Bytes of all block headers, and of all redundant blocks; they fit into the payload.
fn measure(payload: &[u8]) -> Result<(usize, usize), Malformed> {
    let mut redundant = 0;
    for at in (0..=BLOCKS_MAX * REDUNDANT_HEADER).step_by(REDUNDANT_HEADER) {
        if payload.get(at).ok_or(Malformed)? & 0x80 == 0 {
            let headers = at + 1;
            return if headers + redundant <= payload.len() { Ok((headers, redundant)) } else { Err(Malformed) };
        }
        let length = payload.get(at + 2..at + 4).ok_or(Malformed)?;
        redundant += usize::from(crate::wire::rtp::u16_at(length, 0) & 0x3ff);
    }
    Err(Malformed)
}

#[cfg(test)]
#[path = "red_tests.rs"]
mod tests;
