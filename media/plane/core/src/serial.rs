//! Serial number arithmetic (RFC 1982) for 16-bit sequence numbers.

/// Report whether `a` comes before `b` (serial number arithmetic, RFC 1982).
pub fn is_before(a: u16, b: u16) -> bool {
    a.wrapping_sub(b) >= 0x8000
}
