//! SRTP and SRTCP (RFC 3711, RFC 7714): sealing and opening of packets in place, replay windows, rollover counters.
//!
//! Each transport has one [`Inbound`] and one [`Outbound`]. The keys come from outside (DTLS, SDES) and never leave this
//! module. A line whose session description has no keys uses the same two types with the null cipher, so its packets stay
//! unchanged.

use crate::wire::rtp::{u16_at, u32_at};
use crate::wire::srtp_cipher::{self, Cipher};
use crate::wire::srtp_profile::{BadKey, INDEX_WORD, Profile, RTCP_HEADER, SrtpError};
use crate::wire::srtp_replay::{RtcpWindow, RtpWindow, Sources};

/// Bytes that encryption adds to an RTP packet at most: the tag of AEAD_AES_128_GCM (RFC 7714 §14.2). Larger: fewer packets fit
/// into one piece for the kernel (UDP GSO), so there is more work. Smaller: the tag does not fit into the reserved space, and
/// the write panics.
pub const RTP_OVERHEAD_MAX: usize = 16;
/// Bytes that encryption adds to an RTCP datagram at most: the tag (16), and the E bit with the index (4), RFC 7714 §9. Larger:
/// buffers take more of the stack. Smaller: the tag does not fit into the buffer, and the write panics.
pub const RTCP_OVERHEAD_MAX: usize = 20;

const RTP_HEADER: usize = 12;
const ENCRYPTED: u32 = 0x8000_0000;

/// The receiving side: it opens the packets of one peer.
pub struct Inbound {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_sources: Sources<RtpWindow>,
    rtcp_sources: Sources<RtcpWindow>,
}

impl Inbound {
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, BadKey> {
        let (rtp, rtcp) = srtp_cipher::pair(profile, key, salt)?;
        Ok(Inbound { rtp, rtcp, rtp_sources: Sources::default(), rtcp_sources: Sources::default() })
    }

    /// Take over the rollover counters and replay windows of RTP from `before`: the same sources go on under a new key.
    pub fn go_on_from(&mut self, before: Inbound) {
        self.rtp_sources = before.rtp_sources;
    }

    /// Return a receiver of plain RTP, which leaves packets unchanged.
    pub fn clear() -> Self {
        let sources = (Sources::default(), Sources::default());
        Inbound { rtp: Cipher::Null, rtcp: Cipher::Null, rtp_sources: sources.0, rtcp_sources: sources.1 }
    }

    pub fn is_clear(&self) -> bool {
        self.rtp.is_null()
    }

    /// Decrypt an RTP packet in place and return the length of the plain packet. `header` is the parsed header of the packet.
    ///
    /// The replay check comes before the tag check, and the index is recorded after the tag check. So a new SSRC takes memory
    /// only if its packet is authentic.
    #[inline]
    pub fn open_rtp(&mut self, packet: &mut [u8], header: &crate::wire::rtp::Header) -> Result<usize, SrtpError> {
        if header.payload_offset < RTP_HEADER || packet.len() < header.payload_offset + self.rtp.tag_bytes() {
            return Err(SrtpError::TooShort);
        }
        if self.is_clear() {
            return Ok(packet.len());
        }
        let place = self.rtp_sources.find(header.ssrc);
        let highest = self.rtp_sources.highest(&place);
        let index = estimate(highest, header.sequence).ok_or(SrtpError::Replay)?;
        if !self.rtp_sources.is_fresh(&place, index) {
            return Err(SrtpError::Replay);
        }
        let len = self.rtp.open_rtp(packet, header.payload_offset, header.ssrc, index)?;
        self.rtp_sources.commit(place, header.ssrc, index)?;
        Ok(len)
    }

    /// Decrypt an RTCP compound in place and return its plain length.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        if self.rtcp.is_null() {
            return Ok(packet.len());
        }
        if packet.len() < RTCP_HEADER + self.rtcp.tag_bytes() + INDEX_WORD {
            return Err(SrtpError::TooShort);
        }
        let word_at = match self.rtcp.index_is_last() {
            true => packet.len() - INDEX_WORD,
            false => packet.len() - INDEX_WORD - self.rtcp.tag_bytes(),
        };
        let word = u32_at(packet, word_at);
        // RFC 8827 §6.5 forbids unencrypted media, so a cleared E bit is refused.
        if word & ENCRYPTED == 0 {
            return Err(SrtpError::Auth);
        }
        let (ssrc, index) = (u32_at(packet, 4), u64::from(word & !ENCRYPTED));
        let place = self.rtcp_sources.find(ssrc);
        if !self.rtcp_sources.is_fresh(&place, index) {
            return Err(SrtpError::Replay);
        }
        let len = self.rtcp.open_rtcp(packet, ssrc, word)?;
        self.rtcp_sources.commit(place, ssrc, index)?;
        Ok(len)
    }
}

/// Return the most likely 48-bit index of a sequence number (RFC 3711 §3.3.1). None means that the index would be below 0 or
/// above 48 bits.
#[inline]
fn estimate(highest: Option<u64>, sequence: u16) -> Option<u64> {
    let Some(highest) = highest else { return Some(u64::from(sequence)) };
    let step = sequence.wrapping_sub(highest as u16) as i16;
    highest.checked_add_signed(i64::from(step)).filter(|index| *index >> 48 == 0)
}

/// The sending side: it seals the packets to one peer.
pub struct Outbound {
    rtp: Cipher,
    rtcp: Cipher,
    rtcp_index: u32,
}

impl Outbound {
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, BadKey> {
        let (rtp, rtcp) = srtp_cipher::pair(profile, key, salt)?;
        Ok(Outbound { rtp, rtcp, rtcp_index: 0 })
    }

    /// Continue the RTCP index of `before`. The new key may equal the old key, and an index must not be used twice under one
    /// key (RFC 3711 §3.4).
    pub fn go_on_from(&mut self, before: &Outbound) {
        self.rtcp_index = before.rtcp_index;
    }

    /// Return a sender of plain RTP, which leaves packets unchanged.
    pub fn clear() -> Self {
        Outbound { rtp: Cipher::Null, rtcp: Cipher::Null, rtcp_index: 0 }
    }

    /// Return the number of bytes that `seal_rtp` adds.
    #[inline]
    pub fn rtp_overhead(&self) -> usize {
        self.rtp.tag_bytes()
    }

    /// Return the number of bytes that `seal_rtcp` adds.
    #[inline]
    pub fn rtcp_overhead(&self) -> usize {
        if self.rtcp.is_null() { 0 } else { self.rtcp.tag_bytes() + INDEX_WORD }
    }

    /// Encrypt `buffer[..plain_len]` in place, add the tag, and return the total length.
    ///
    /// `header_len` includes the extensions. The caller must never use the same rollover counter and sequence number for two
    /// different plain texts.
    #[inline]
    pub fn seal_rtp(&self, buffer: &mut [u8], plain_len: usize, header_len: usize, roc: u32) -> usize {
        let index = u64::from(roc) << 16 | u64::from(u16_at(buffer, 2));
        let ssrc = u32_at(buffer, 8);
        self.rtp.seal_rtp(buffer, plain_len, header_len, ssrc, index)
    }

    /// Encrypt the compound in `buffer[..plain_len]`, add the tag and the index, and return the total length. Return 0 when all
    /// 2^31 indices of the key are used (RFC 3711 §9.2). Then the caller must send nothing.
    pub fn seal_rtcp(&mut self, buffer: &mut [u8], plain_len: usize) -> usize {
        if self.rtcp.is_null() {
            return plain_len;
        }
        if self.rtcp_index == ENCRYPTED {
            return 0;
        }
        let word = ENCRYPTED | self.rtcp_index;
        self.rtcp_index += 1;
        self.rtcp.seal_rtcp(buffer, plain_len, u32_at(buffer, 4), word)
    }
}

/// The rollover counter of one SSRC that the server sends.
#[derive(Clone, Copy, Debug, Default)]
pub struct RocTx {
    last: Option<u16>,
    roc: u32,
}

impl RocTx {
    /// Return the rollover counter for this packet and record the packet. The packet may be up to 32767 numbers older than the
    /// newest packet.
    #[inline]
    pub fn advance(&mut self, sequence: u16) -> u32 {
        let Some(last) = self.last else {
            self.last = Some(sequence);
            return self.roc;
        };
        let roc = self.of(sequence);
        if (sequence.wrapping_sub(last) as i16) > 0 {
            self.last = Some(sequence);
            self.roc = roc;
        }
        roc
    }

    /// Set the counter to 0 because encryption begins now. The newest sequence number stays.
    pub fn begin(&mut self) {
        self.roc = 0;
    }

    /// Return the newest sequence number, or None if nothing was sent.
    pub fn last(&self) -> Option<u16> {
        self.last
    }

    /// Return how many numbers `sequence` is behind the newest number, or None if it is newer or the first number.
    #[inline]
    pub fn behind(&self, sequence: u16) -> Option<u16> {
        let behind = self.last?.wrapping_sub(sequence);
        (behind <= 0x8000).then_some(behind)
    }

    /// Return the rollover counter for this packet without recording the packet.
    #[inline]
    pub fn of(&self, sequence: u16) -> u32 {
        let Some(last) = self.last else { return self.roc };
        match (sequence.wrapping_sub(last) as i16) > 0 {
            true if sequence < last => self.roc.wrapping_add(1),
            false if sequence > last => self.roc.wrapping_sub(1),
            _ => self.roc,
        }
    }
}

#[cfg(test)]
#[path = "srtp_tests.rs"]
mod tests;
