//! RED payloads (RFC 2198): where the blocks lie, and their payload types rewritten in place.

use std::ops::Range;

use crate::rtp::Malformed;

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

/// The primary block.
pub fn primary(payload: &[u8]) -> Result<Block, Malformed> {
    let (headers, redundant) = measure(payload)?;
    Ok(Block {
        payload_type: payload[headers - 1] & 0x7f,
        timestamp_offset: 0,
        range: headers + redundant..payload.len(),
    })
}

/// Every block in order, the primary last.
pub fn blocks(payload: &[u8]) -> Result<impl Iterator<Item = Block> + '_, Malformed> {
    let (headers, _) = measure(payload)?;
    let mut start = headers;
    Ok((0..headers).step_by(REDUNDANT_HEADER).map(move |at| {
        let last = at + 1 == headers;
        let word = if last { 0 } else { crate::rtp::u32_at(payload, at) };
        let end = if last { payload.len() } else { start + (word & 0x3ff) as usize };
        let range = start..end;
        start = end;
        Block { payload_type: payload[at] & 0x7f, timestamp_offset: (word >> 10 & 0x3fff) as u16, range }
    }))
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
        redundant += usize::from(crate::rtp::u16_at(length, 0) & 0x3ff);
    }
    Err(Malformed)
}

#[cfg(test)]
#[path = "red_tests.rs"]
mod tests;
