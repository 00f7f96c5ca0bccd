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

/// Whether the first DTLS record of a datagram is one, and all there (RFC 6347 §4.1). Records of DTLS 1.3, whose first byte is 32
/// to 63 (RFC 9147 §4), are not spoken here. Most noise fails here already; whether a record is genuine is the business of the
/// session, which costs fifty times as much.
#[inline]
pub fn begins_with_record(datagram: &[u8]) -> bool {
    let Some(&[first, major, .., high, low]) = datagram.first_chunk::<DTLS_RECORD_HEADER>() else { return false };
    let length = usize::from(u16::from_be_bytes([high, low]));
    (20..32).contains(&first) && major == DTLS_MAJOR && DTLS_RECORD_HEADER + length <= datagram.len()
}

#[cfg(test)]
#[path = "demux_tests.rs"]
mod tests;
