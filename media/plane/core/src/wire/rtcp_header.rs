//! The header at the beginning of every RTCP packet (RFC 3550 §6.4.1, RFC 4585 §6.1).

pub(crate) const HEADER: usize = 4;

pub(crate) const TRANSPORT_SPECIFIC: u8 = 205;

pub(crate) const TRANSPORT_WIDE: u8 = 15;

#[inline]
pub(crate) fn put(out: &mut [u8], at: usize, word: u32) {
    out[at..at + 4].copy_from_slice(&word.to_be_bytes());
}

/// Write the header into the first four bytes.
pub(crate) fn finish(out: &mut [u8], count: u8, kind: u8, len: usize) -> usize {
    out[0] = 0x80 | count;
    out[1] = kind;
    out[2..4].copy_from_slice(&((len / 4 - 1) as u16).to_be_bytes());
    len
}
