//! The protection profiles of SRTP (RFC 3711, RFC 7714), and the possible errors of a packet or a key.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    AeadAes128Gcm,
    Aes128CmSha1_80,
    /// The tag of RTP is cut to 32 bits. The tag of RTCP stays at 80 bits (RFC 4568 §6.2.2).
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

    /// Return the number of bytes that sealing adds to an RTP packet.
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
    /// The tag is wrong, or the SRTCP packet claims that it is not encrypted.
    Auth,
    Replay,
    TooShort,
    /// The peer uses more SSRCs than the server allows for one peer.
    TooManySources,
}

/// The error for a key or salt of the wrong length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKey;

pub(crate) const RTCP_HEADER: usize = 8;

pub(crate) const INDEX_WORD: usize = 4;
