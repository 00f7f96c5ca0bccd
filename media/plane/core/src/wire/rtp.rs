//! RTP headers (RFC 3550 §5.1) and their extensions (RFC 8285), read and written in place. This module does not know any
//! payload format.

use std::ops::Range;

/// The error for bytes that do not follow their format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The place of an extension block: its 16-bit profile and the range of its bytes, without the four introducing bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub profile: u16,
    pub start: u16,
    pub end: u16,
}

/// The fields that are not encrypted in an SRTP packet. The number of padding bytes is encrypted: see [`Header::payload`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    /// The P bit.
    pub padded: bool,
    /// Bytes of the header, the CSRCs and the extension block. The payload begins at this offset.
    pub payload_offset: usize,
    pub extension: Option<Block>,
}

const FIXED: usize = 12;
const ONE_BYTE: u16 = 0xbede;
const TWO_BYTE: u16 = 0x1000;
/// Bytes. Longer RTP packets are refused, because positions in a packet ([`Block`]) have 16 bits. Larger: no effect, because
/// longer datagrams are ignored before (`DATAGRAM_MAX`, 2,048; `FRAME_MAX`, 1,500). Smaller: below 1,500, real packets are
/// refused.
const PACKET_MAX: usize = u16::MAX as usize;

#[inline]
pub fn parse(packet: &[u8]) -> Result<Header, Malformed> {
    if packet.len() < FIXED || packet.len() > PACKET_MAX || packet[0] >> 6 != 2 {
        return Err(Malformed);
    }
    let mut offset = FIXED + 4 * usize::from(packet[0] & 0x0f);
    let mut extension = None;
    if packet[0] & 0x10 != 0 {
        let head = packet.get(offset..offset + 4).ok_or(Malformed)?;
        let start = offset + 4;
        offset = start + 4 * usize::from(u16_at(head, 2));
        extension = Some(Block { profile: u16_at(head, 0), start: start as u16, end: offset.min(PACKET_MAX) as u16 });
    }
    if offset > packet.len() {
        return Err(Malformed);
    }
    Ok(Header {
        marker: packet[1] & 0x80 != 0,
        payload_type: packet[1] & 0x7f,
        sequence: u16_at(packet, 2),
        timestamp: u32_at(packet, 4),
        ssrc: u32_at(packet, 8),
        padded: packet[0] & 0x20 != 0,
        payload_offset: offset,
        extension,
    })
}

impl Header {
    /// Return the range of the payload without padding. `packet` is the decrypted packet of this header.
    #[inline]
    pub fn payload(&self, packet: &[u8]) -> Result<Range<usize>, Malformed> {
        let mut end = packet.len();
        if self.padded {
            let padding = usize::from(*packet.last().ok_or(Malformed)?);
            if padding == 0 {
                return Err(Malformed);
            }
            end = end.checked_sub(padding).ok_or(Malformed)?;
        }
        if end < self.payload_offset { Err(Malformed) } else { Ok(self.payload_offset..end) }
    }

    /// Return the header extensions of the packet of this header.
    #[inline]
    pub fn extensions<'a>(&self, packet: &'a [u8]) -> Extensions<'a> {
        let none = Extensions { block: &[], two_byte: false };
        let Some(block) = self.extension else { return none };
        let two_byte = block.profile & 0xfff0 == TWO_BYTE;
        match packet.get(usize::from(block.start)..usize::from(block.end)) {
            Some(bytes) if two_byte || block.profile == ONE_BYTE => Extensions { block: bytes, two_byte },
            _ => none,
        }
    }
}

/// The identifiers and values, in order. The iterator ends at the first element that does not fit into the block.
#[derive(Clone, Debug)]
pub struct Extensions<'a> {
    block: &'a [u8],
    two_byte: bool,
}

impl<'a> Iterator for Extensions<'a> {
    type Item = (u8, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let zeros = self.block.iter().take_while(|byte| **byte == 0).count();
        let block = &self.block[zeros..];
        let (id, skip, len) = if self.two_byte {
            (*block.first()?, 2, usize::from(*block.get(1)?))
        } else {
            let byte = *block.first()?;
            (byte >> 4, 1, usize::from(byte & 0x0f) + 1)
        };
        self.block = &[];
        // RFC 8285 §4.2: identifier 15 ends a one-byte block. Identifier 0 with a length is not an element.
        if !self.two_byte && (id == 15 || id == 0) {
            return None;
        }
        let value = block.get(skip..skip + len)?;
        self.block = &block[skip + len..];
        Some((id, value))
    }
}

/// Return the largest number of bytes that `write_header` writes for these extensions.
pub fn header_bytes_max(extensions: &[(u8, &[u8])]) -> usize {
    FIXED + 4 + extensions.iter().map(|(_, value)| value.len() + 2).sum::<usize>() + 3
}

/// Write the header and the extension block, and return the number of bytes written. The one-byte form is used if all
/// extensions fit it.
///
/// `out` must hold `header_bytes_max` bytes. A value has at most 255 bytes, and no identifier is 0.
#[inline]
pub fn write_header(
    out: &mut [u8],
    marker: bool,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    extensions: &[(u8, &[u8])],
) -> usize {
    out[0] = 0x80 | if extensions.is_empty() { 0 } else { 0x10 };
    out[1] = u8::from(marker) << 7 | payload_type & 0x7f;
    out[2..4].copy_from_slice(&sequence.to_be_bytes());
    out[4..8].copy_from_slice(&timestamp.to_be_bytes());
    out[8..12].copy_from_slice(&ssrc.to_be_bytes());
    if extensions.is_empty() { FIXED } else { write_block(out, extensions) }
}

fn write_block(out: &mut [u8], extensions: &[(u8, &[u8])]) -> usize {
    let one_byte = extensions.iter().all(|(id, value)| (1..=14).contains(id) && (1..=16).contains(&value.len()));
    let mut at = FIXED + 4;
    for (id, value) in extensions {
        if one_byte {
            out[at] = id << 4 | (value.len() - 1) as u8;
            at += 1;
        } else {
            out[at] = *id;
            out[at + 1] = value.len() as u8;
            at += 2;
        }
        out[at..at + value.len()].copy_from_slice(value);
        at += value.len();
    }
    let end = at.next_multiple_of(4);
    out[at..end].fill(0);
    let profile = if one_byte { ONE_BYTE } else { TWO_BYTE };
    out[FIXED..FIXED + 2].copy_from_slice(&profile.to_be_bytes());
    out[FIXED + 2..FIXED + 4].copy_from_slice(&(((end - FIXED - 4) / 4) as u16).to_be_bytes());
    end
}

/// Append `padding` bytes to the packet in `packet[..len]`, set its P bit, and return the new length.
#[inline]
pub fn pad(packet: &mut [u8], len: usize, padding: u8) -> usize {
    if padding == 0 {
        return len;
    }
    let end = len + usize::from(padding);
    packet[0] |= 0x20;
    packet[len..end].fill(0);
    packet[end - 1] = padding;
    end
}

#[inline]
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

#[inline]
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
#[path = "rtp_tests.rs"]
mod tests;
