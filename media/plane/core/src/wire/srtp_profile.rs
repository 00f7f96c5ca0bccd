//! Protection profiles of SRTP (RFC 3711, RFC 7714), and what can be wrong with a packet or a key.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    AeadAes128Gcm,
    Aes128CmSha1_80,
    /// The tag of RTP is cut to 32 bits, that of RTCP is not (RFC 4568 §6.2.2).
    Aes128CmSha1_32,
}

impl Profile {
    pub const fn key_bytes(self) -> usize {
        16
    }

    pub const fn salt_bytes(self) -> usize {
        match self {
            Profile::AeadAes128Gcm => 12,
            Profile::Aes128CmSha1_80 | Profile::Aes128CmSha1_32 => 14,
        }
    }

    /// What sealing adds to an RTP packet.
    pub const fn tag_bytes(self) -> usize {
        match self {
            Profile::AeadAes128Gcm => 16,
            Profile::Aes128CmSha1_80 => 10,
            Profile::Aes128CmSha1_32 => 4,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SrtpError {
    /// The tag is wrong, or an SRTCP packet says it is not encrypted.
    Auth,
    Replay,
    TooShort,
    /// More SSRCs than one peer may use.
    TooManySources,
}

/// A key or salt of the wrong length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKey;

pub(crate) const RTCP_HEADER: usize = 8;

pub(crate) const INDEX_WORD: usize = 4;
