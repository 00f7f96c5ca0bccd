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

/// Whether the first DTLS record of a datagram is one, and all there (RFC 6347 §4.1, RFC 9147 §4). Whoever has only noise to
/// send fails here already; whether a record is genuine is the business of the session, which costs fifty times as much.
#[inline]
pub fn begins_with_record(datagram: &[u8]) -> bool {
    let head = match datagram.first() {
        // 001CSLEE: C, a connection identifier, is never agreed; without a length the record is all that follows.
        Some(first @ 32..=63) if first & 0b1_0000 != 0 => return false,
        Some(first @ 32..=63) if first & 0b100 == 0 => return true,
        Some(first @ 32..=63) => 4 + usize::from(first >> 3 & 1),
        _ if datagram.get(1) == Some(&DTLS_MAJOR) => DTLS_RECORD_HEADER,
        _ => return false,
    };
    let length = datagram.get(head - 2..head).map(|length| usize::from(length[0]) << 8 | usize::from(length[1]));
    length.is_some_and(|length| head + length <= datagram.len())
}

#[cfg(test)]
#[path = "demux_tests.rs"]
mod tests;
