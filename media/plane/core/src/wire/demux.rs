//! Separation of the protocols on one port (RFC 7983), and of RTP from RTCP (RFC 5761 §4). The code only looks at the bytes and
//! checks nothing else.

/// The protocol that a datagram claims to be. A datagram with an impossible length for its protocol is `Unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
    Unknown,
}

const STUN_HEADER: usize = 20;
const DTLS_RECORD_HEADER: usize = 13;
/// The first byte of the version in a record of DTLS 1.2: DTLS 1 and its minor versions count down from 255 (RFC 6347 §4.1).
/// Larger or smaller: no record is recognized, and all handshakes fail.
const DTLS_MAJOR: u8 = 0xfe;
/// The epoch number of the DTLS records after the handshake (RFC 6347 §4.1). There is only one handshake. Larger: all records
/// of data channels are dropped. Smaller: handshake records pass, and the records of data channels are dropped.
const SEALED: u64 = 1;
/// Mask for the 48 bits of a DTLS record's number, after the 16 bits of its epoch (RFC 6347 §4.1). More bits: all genuine
/// records are dropped. Fewer bits: noise with a high number reaches Python and costs work.
const NUMBER: u64 = (1 << 48) - 1;
const RTP_HEADER: usize = 12;
const RTCP_HEADER: usize = 8;

#[inline]
pub fn classify(datagram: &[u8]) -> Class {
    let len = datagram.len();
    match datagram.first() {
        Some(128..=191) => match datagram.get(1) {
            Some(192..=223) if len >= RTCP_HEADER => Class::Rtcp,
            Some(192..=223) => Class::Unknown,
            _ if len >= RTP_HEADER => Class::Rtp,
            _ => Class::Unknown,
        },
        Some(20..=63) if len >= DTLS_RECORD_HEADER => Class::Dtls,
        Some(0..=3) if len >= STUN_HEADER => Class::Stun,
        _ => Class::Unknown,
    }
}

/// Report whether the datagram begins with a complete DTLS record (RFC 6347 §4.1). The server does not speak DTLS 1.3, whose
/// first byte is 32 to 63 (RFC 9147 §4). This check removes most noise. The DTLS session decides whether a record is genuine,
/// and its check costs fifty times as much.
#[inline]
pub fn begins_with_record(datagram: &[u8]) -> bool {
    first_record(datagram).is_some()
}

/// Report whether one of the records claims to be sealed by the keys of the handshake and has a number below `numbers`. The
/// keys never change after the handshake, so a datagram without such a record is useless (RFC 6347 §4.1). Other records may be
/// in the same datagram as a sealed record.
#[inline]
pub fn holds_sealed_record(mut datagram: &[u8], numbers: u64) -> bool {
    while let Some((epoch_and_number, rest)) = first_record(datagram) {
        if epoch_and_number >> 48 == SEALED && epoch_and_number & NUMBER < numbers {
            return true;
        }
        datagram = rest;
    }
    false
}

/// Return the epoch and number of the first record, and the bytes after that record.
#[inline]
fn first_record(datagram: &[u8]) -> Option<(u64, &[u8])> {
    let (head, rest) = datagram.split_first_chunk::<DTLS_RECORD_HEADER>()?;
    let &[first, major, _, count @ .., high, low] = head;
    let is_one = (20..32).contains(&first) && major == DTLS_MAJOR;
    let rest = rest.get(usize::from(u16::from_be_bytes([high, low]))..).filter(|_| is_one)?;
    Some((u64::from_be_bytes(count), rest))
}

#[cfg(test)]
#[path = "demux_tests.rs"]
mod tests;
