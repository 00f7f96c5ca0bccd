//! Tells the protocols on one port apart (RFC 7983), and RTP from RTCP (RFC 5761 §4). Looks only; checks nothing else.

/// What a datagram claims to be. Only lengths that the protocol could have are let through.
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
/// 1 and its parts count down from 255 (RFC 6347 §4.1).
const DTLS_MAJOR: u8 = 0xfe;
/// The epoch after the only handshake.
const SEALED: u64 = 1;
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

/// Whether the first DTLS record of a datagram is one, and all there (RFC 6347 §4.1). Records of DTLS 1.3, whose first byte is 32
/// to 63 (RFC 9147 §4), are not spoken here. Most noise fails here already; whether a record is genuine is the business of the
/// session, which costs fifty times as much.
#[inline]
pub fn begins_with_record(datagram: &[u8]) -> bool {
    first_record(datagram).is_some()
}

/// Whether one of the records says that it is sealed by the keys of the handshake, and has a number below `numbers`. After a
/// handshake no other record counts (RFC 6347 §4.1; nobody agrees on keys twice), but for those that stand beside such a one.
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

/// Epoch and number of the first record, and what follows it.
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
