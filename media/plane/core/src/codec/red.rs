//! RED payloads (RFC 2198): the places of their blocks, the rewriting of payload types in place, and the writing of new
//! payloads.

use std::ops::Range;

use crate::wire::rtp::Malformed;

/// One block. The last block is the primary block, and its `timestamp_offset` is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub payload_type: u8,
    pub timestamp_offset: u16,
    /// The bytes of the block within the RED payload.
    pub range: Range<usize>,
}

/// Copies of older audio in one RED payload. Chosen: senders use at most 9 copies. A payload with more is malformed. Larger: a
/// hostile payload costs more work. Smaller: the audio of a sender with many copies is dropped.
pub const BLOCKS_MAX: usize = 16;
/// Bytes of the header of a redundant block (RFC 2198 §3). Larger or smaller: blocks are cut at wrong places, their audio is
/// noise, and the write of our own RED panics (packet thread).
const REDUNDANT_HEADER: usize = 4;
/// RTP ticks. The timestamp offset of a redundant block has 14 bits (RFC 2198 §3). Larger: the offset overwrites the payload
/// type, and receivers drop the block. Smaller: copies of older packets are left out.
const TIMESTAMP_OFFSET_MAX: u32 = 0x3fff;
/// Bytes. The length of a redundant block has 10 bits (RFC 2198 §3). Larger: the length overwrites the offset, and receivers
/// play the wrong audio. Smaller: copies of long packets are left out.
const BLOCK_BYTES_MAX: usize = 0x3ff;

/// Return the primary block.
pub fn primary(payload: &[u8]) -> Result<Block, Malformed> {
    let (headers, redundant) = measure(payload)?;
    Ok(Block {
        payload_type: payload[headers - 1] & 0x7f,
        timestamp_offset: 0,
        range: headers + redundant..payload.len(),
    })
}

/// Return the number of bytes before the primary block, or 0 if the payload is malformed.
pub fn redundant(payload: &[u8]) -> usize {
    primary(payload).map_or(0, |block| block.range.start)
}

/// Return all blocks in order, the primary block last.
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

/// A packet that was sent earlier, as a redundant block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied<'a> {
    pub timestamp_offset: u16,
    pub payload: &'a [u8],
}

/// Report whether a redundant block can hold a packet of this age and length.
pub fn fits(timestamp_offset: u32, len: usize) -> bool {
    (1..=TIMESTAMP_OFFSET_MAX).contains(&timestamp_offset) && (1..=BLOCK_BYTES_MAX).contains(&len)
}

/// Write a RED payload whose blocks all have one payload type, and return its length. The copies keep the given order (the
/// oldest first). Return None if the space is too small, if there are more than [`BLOCKS_MAX`] copies, or if a copy does not
/// fit a block.
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

/// Return the payload without the blocks that are older than the primary block by more than `reach`.
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

/// Give each block the payload type of `map` (from, to). A type that is not in `map` stays.
pub fn rewrite(payload: &mut [u8], map: &[(u8, u8)]) -> Result<(), Malformed> {
    let (headers, _) = measure(payload)?;
    for byte in payload[..headers].iter_mut().step_by(REDUNDANT_HEADER) {
        if let Some((_, to)) = map.iter().find(|(from, _)| *from == *byte & 0x7f) {
            *byte = *byte & 0x80 | to & 0x7f;
        }
    }
    Ok(())
}

/// Return the bytes of all block headers and the bytes of all redundant blocks. Both fit into the payload.
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
