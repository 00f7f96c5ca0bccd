//! STUN Binding requests and their answers (RFC 8489), only the part that an ICE-lite agent needs (RFC 8445 §7).
//!
//! Before the MESSAGE-INTEGRITY of a request is checked, only its user name is used, to find the key.

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, Mac};
use sha1::Sha1;

use crate::wire::rtp::{u16_at, u32_at};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StunError {
    /// The message is not a well-formed Binding request (or answer, where an answer is expected).
    Malformed,
    /// MESSAGE-INTEGRITY is missing or wrong, or the user name is not ours.
    Unauthentic,
    /// The request has an unknown attribute that a receiver must understand.
    UnknownAttribute,
    /// The same request came before on another path.
    Replay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    pub transaction: [u8; 12],
    /// The complete user name, `ours:theirs`.
    pub username: &'a [u8],
    pub priority: u32,
    pub use_candidate: bool,
    pub controlling: Option<u64>,
    pub controlled: Option<u64>,
    /// The nomination attribute of libwebrtc (renomination).
    pub nomination: Option<u32>,
}

const HEADER: usize = 20;
const COOKIE: u32 = 0x2112_a442;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const OPTIONAL_FROM: u16 = 0x8000;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802a;
const NOMINATION: u16 = 0xc001;

const INTEGRITY_BYTES: usize = 24;
const FINGERPRINT_BYTES: usize = 8;
const FINGERPRINT_XOR: u32 = 0x5354_554e;
/// Bytes of a user name in STUN (RFC 8489 §14.3: fewer than 509). Larger: no effect on honest peers, whose ufrag in the SDP has
/// at most 256 bytes; only buffers grow (`QUESTION_MAX`). Smaller: a peer with a long user name cannot connect.
const USERNAME_MAX: usize = 508;

/// Bytes of a STUN request or answer. Chosen: an Ethernet frame carries no more (RFC 894). Larger: a forged request costs more
/// work; above 2,048 bytes (`DATAGRAM_MAX`) no effect. Smaller: a request with long attributes is refused, and its peer cannot
/// connect.
pub const REQUEST_MAX: usize = 1500;
/// Bytes of the buffer for an answer to a STUN request. Chosen: the longest answer has 76 bytes. Larger: the buffer takes more
/// of the stack. Smaller than 76: the write panics.
pub const REPLY_MAX: usize = 128;
/// Bytes of the buffer for a STUN request of the server: a user name of 508 bytes (`USERNAME_MAX`), at most 76 more bytes, and
/// 24 spare. Larger: more bytes may go to a forged address (`ice::limits`). Smaller: a long user name does not fit, and the
/// write panics.
pub const QUESTION_MAX: usize = USERNAME_MAX + 100;

/// Return the size of a request of the server whose user name has `username` bytes. The request holds header, name, priority,
/// role, integrity and fingerprint.
pub fn question_bytes(username: usize) -> usize {
    20 + (4 + username.next_multiple_of(4)) + 8 + 12 + 24 + 8
}

/// Return the user name of a datagram that may be a Binding request. No cryptography is needed.
#[inline]
pub fn username(datagram: &[u8]) -> Option<&[u8]> {
    let attributes = body(datagram, BINDING_REQUEST).ok()?;
    let (_, _, name) = attributes.map_while(Result::ok).find(|(_, kind, _)| *kind == USERNAME)?;
    (name.len() <= USERNAME_MAX).then_some(name)
}

/// Parse a Binding request and check its integrity with `pwd`.
pub fn parse_request<'a>(datagram: &'a [u8], pwd: &[u8]) -> Result<Request<'a>, StunError> {
    let mut request = Request {
        transaction: [0; 12],
        username: &[],
        priority: 0,
        use_candidate: false,
        controlling: None,
        controlled: None,
        nomination: None,
    };
    let mut attributes = body(datagram, BINDING_REQUEST)?;
    request.transaction.copy_from_slice(&datagram[8..HEADER]);
    let mut unknown = false;
    loop {
        let (at, kind, value) = attributes.next().ok_or(StunError::Unauthentic)??;
        if kind == MESSAGE_INTEGRITY {
            check_integrity(datagram, at, value, pwd)?;
            break;
        }
        unknown |= !note(&mut request, kind, value)?;
    }
    // RFC 8489 §14.5: attributes after the integrity are ignored, except the fingerprint.
    for attribute in attributes {
        let (at, kind, value) = attribute?;
        if kind == FINGERPRINT {
            check_fingerprint(datagram, at, value)?;
        }
    }
    if unknown { Err(StunError::UnknownAttribute) } else { Ok(request) }
}

/// Return the transaction of a datagram that may answer a request of the server. No cryptography is needed.
pub fn answered(datagram: &[u8]) -> Option<[u8; 12]> {
    body(datagram, BINDING_SUCCESS).ok()?;
    datagram[8..HEADER].try_into().ok()
}

/// Check the integrity of an answer with `pwd`.
pub fn prove_answer(datagram: &[u8], pwd: &[u8]) -> Result<(), StunError> {
    for attribute in body(datagram, BINDING_SUCCESS)? {
        let (at, kind, value) = attribute?;
        if kind == MESSAGE_INTEGRITY {
            return check_integrity(datagram, at, value, pwd);
        }
    }
    Err(StunError::Unauthentic)
}

/// Record one attribute. Return false if the attribute is unknown and a receiver must understand it.
fn note<'a>(request: &mut Request<'a>, kind: u16, value: &'a [u8]) -> Result<bool, StunError> {
    match kind {
        USERNAME if value.len() > USERNAME_MAX => return Err(StunError::Malformed),
        USERNAME if request.username.is_empty() => request.username = value,
        USERNAME => {}
        PRIORITY => request.priority = u32::from_be_bytes(fixed(value)?),
        USE_CANDIDATE => request.use_candidate = true,
        ICE_CONTROLLING => request.controlling = Some(u64::from_be_bytes(fixed(value)?)),
        ICE_CONTROLLED => request.controlled = Some(u64::from_be_bytes(fixed(value)?)),
        NOMINATION => request.nomination = Some(u32::from_be_bytes(fixed(value)?)),
        // The fingerprint must be the last attribute, so it must not come before the integrity.
        FINGERPRINT => return Err(StunError::Malformed),
        _ => return Ok(kind >= OPTIONAL_FROM),
    }
    Ok(true)
}

fn fixed<const LEN: usize>(value: &[u8]) -> Result<[u8; LEN], StunError> {
    value.try_into().map_err(|_| StunError::Malformed)
}

/// Return the attributes of a Binding message of this kind, if its header is correct.
fn body(datagram: &[u8], kind: u16) -> Result<Attributes<'_>, StunError> {
    let whole = (HEADER..=REQUEST_MAX).contains(&datagram.len()) && datagram.len() % 4 == 0;
    if whole
        && u16_at(datagram, 0) == kind
        && usize::from(u16_at(datagram, 2)) == datagram.len() - HEADER
        && u32_at(datagram, 4) == COOKIE
    {
        Ok(Attributes { datagram, at: HEADER })
    } else {
        Err(StunError::Malformed)
    }
}

/// The position, type and value of each attribute. The iterator ends with an error at an attribute that runs past the end.
struct Attributes<'a> {
    datagram: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(usize, u16, &'a [u8]), StunError>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        if at >= self.datagram.len() {
            return None;
        }
        // The length of the datagram and all positions are multiples of four, so the attribute header is complete.
        let (kind, len) = (u16_at(self.datagram, at), usize::from(u16_at(self.datagram, at + 2)));
        self.at = at + 4 + len.next_multiple_of(4);
        if self.at > self.datagram.len() {
            self.at = self.datagram.len();
            return Some(Err(StunError::Malformed));
        }
        Some(Ok((at, kind, &self.datagram[at + 4..at + 4 + len])))
    }
}

/// RFC 8489 §14.5: the integrity covers all bytes before it. The length field then counts up to the end of the integrity.
fn check_integrity(datagram: &[u8], at: usize, value: &[u8], pwd: &[u8]) -> Result<(), StunError> {
    integrity(datagram, at, pwd).verify_slice(value).map_err(|_| StunError::Unauthentic)
}

fn integrity(datagram: &[u8], at: usize, pwd: &[u8]) -> Hmac<Sha1> {
    let mut hmac = Hmac::<Sha1>::new_from_slice(pwd).expect("HMAC takes keys of every length");
    hmac.update(&datagram[..2]);
    hmac.update(&((at + INTEGRITY_BYTES - HEADER) as u16).to_be_bytes());
    hmac.update(&datagram[4..at]);
    hmac
}

fn check_fingerprint(datagram: &[u8], at: usize, value: &[u8]) -> Result<(), StunError> {
    let last = at + FINGERPRINT_BYTES == datagram.len();
    let right = fixed(value)? == fingerprint(&datagram[..at]);
    if last && right { Ok(()) } else { Err(StunError::Malformed) }
}

fn fingerprint(before: &[u8]) -> [u8; 4] {
    (crc32fast::hash(before) ^ FINGERPRINT_XOR).to_be_bytes()
}

/// Write the success answer to a request, with the source address `mapped` of that request. `out` must hold `REPLY_MAX` bytes.
/// Return the length.
pub fn write_success(out: &mut [u8], transaction: [u8; 12], mapped: SocketAddr, pwd: &[u8]) -> usize {
    let mut message = Message::begin(out, BINDING_SUCCESS, transaction);
    let mut value = [0; 20];
    let len = xor_address(&mut value, transaction, mapped);
    message.put(XOR_MAPPED_ADDRESS, &value[..len]);
    message.finish(pwd)
}

/// Write the error 487 (RFC 8445 §7.3.1.1) for a peer that claims the role "controlled" too.
pub fn write_role_conflict(out: &mut [u8], transaction: [u8; 12], pwd: &[u8]) -> usize {
    let mut message = Message::begin(out, BINDING_ERROR, transaction);
    message.put(ERROR_CODE, b"\0\0\x04\x57Role Conflict");
    message.finish(pwd)
}

/// Write a request: a check for load generators and tests, or the server's question whether the peer has moved. `out` must hold
/// the user name and 100 more bytes.
pub fn write_request(out: &mut [u8], request: &Request, pwd: &[u8]) -> usize {
    let mut message = Message::begin(out, BINDING_REQUEST, request.transaction);
    message.put(USERNAME, request.username);
    message.put(PRIORITY, &request.priority.to_be_bytes());
    if let Some(tie_breaker) = request.controlling {
        message.put(ICE_CONTROLLING, &tie_breaker.to_be_bytes());
    }
    if let Some(tie_breaker) = request.controlled {
        message.put(ICE_CONTROLLED, &tie_breaker.to_be_bytes());
    }
    if request.use_candidate {
        message.put(USE_CANDIDATE, &[]);
    }
    if let Some(nomination) = request.nomination {
        message.put(NOMINATION, &nomination.to_be_bytes());
    }
    message.finish(pwd)
}

/// RFC 8489 §14.2: the family, then the port and the address XOR the cookie and the transaction.
fn xor_address(value: &mut [u8; 20], transaction: [u8; 12], address: SocketAddr) -> usize {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(&transaction);
    let port = address.port() ^ (COOKIE >> 16) as u16;
    value[2..4].copy_from_slice(&port.to_be_bytes());
    let (family, len) = match address.ip() {
        IpAddr::V4(ip) => (1, fill(value, &ip.octets())),
        IpAddr::V6(ip) => (2, fill(value, &ip.octets())),
    };
    value[1] = family;
    for (byte, mask) in value[4..len].iter_mut().zip(mask) {
        *byte ^= mask;
    }
    len
}

fn fill(value: &mut [u8; 20], octets: &[u8]) -> usize {
    value[4..4 + octets.len()].copy_from_slice(octets);
    4 + octets.len()
}

/// A message that is being written.
struct Message<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl<'a> Message<'a> {
    fn begin(out: &'a mut [u8], kind: u16, transaction: [u8; 12]) -> Self {
        out[..2].copy_from_slice(&kind.to_be_bytes());
        out[4..8].copy_from_slice(&COOKIE.to_be_bytes());
        out[8..HEADER].copy_from_slice(&transaction);
        Message { out, len: HEADER }
    }

    fn put(&mut self, kind: u16, value: &[u8]) {
        let start = self.len + 4;
        self.out[self.len..self.len + 2].copy_from_slice(&kind.to_be_bytes());
        self.out[self.len + 2..start].copy_from_slice(&(value.len() as u16).to_be_bytes());
        self.out[start..start + value.len()].copy_from_slice(value);
        self.len = (start + value.len()).next_multiple_of(4);
        self.out[start + value.len()..self.len].fill(0);
    }

    /// Add the integrity and the fingerprint.
    fn finish(mut self, pwd: &[u8]) -> usize {
        let tag = integrity(self.out, self.len, pwd);
        self.put(MESSAGE_INTEGRITY, &tag.finalize().into_bytes());
        let total = (self.len + FINGERPRINT_BYTES - HEADER) as u16;
        self.out[2..4].copy_from_slice(&total.to_be_bytes());
        let crc = fingerprint(&self.out[..self.len]);
        self.put(FINGERPRINT, &crc);
        self.len
    }
}

#[cfg(test)]
#[path = "stun_tests.rs"]
mod tests;
