//! The two cipher suites and their common key derivation (RFC 3711 §4.3). The keys are the only state.

use aes::Aes128;
use aes::cipher::{BlockEncrypt, InnerIvInit, KeyInit, StreamCipher};
use hmac::{Hmac, Mac};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha1::Sha1;

use crate::wire::srtp_profile::{BadKey, INDEX_WORD, Profile, RTCP_HEADER, SrtpError};

const GCM_TAG: usize = 16;
const SHA1_TAG: usize = 10;
const SHA1_TAG_SHORT: usize = 4;
const SALT_MAX: usize = 14;

/// The cipher of one direction of one protocol: session key, session salt and, for the older suite, the HMAC state.
pub enum Cipher {
    Gcm(Box<Gcm>),
    CmSha1(Box<CmSha1>),
    /// Plain RTP: no encryption and no tag.
    Null,
}

/// Return the ciphers for RTP and for RTCP under one master key.
pub fn pair(profile: Profile, key: &[u8], salt: &[u8]) -> Result<(Cipher, Cipher), BadKey> {
    if salt.len() != profile.salt_bytes() {
        return Err(BadKey);
    }
    let master = Aes128::new_from_slice(key).map_err(|_| BadKey)?;
    Ok((Cipher::new(profile, &master, salt, 0)?, Cipher::new(profile, &master, salt, 3)?))
}

/// Derive a session key (RFC 3711 §4.3.3) with a key derivation rate of 0. A shorter salt is padded at its end (RFC 7714 §11).
pub fn derive<const LEN: usize>(master: &Aes128, salt: &[u8], label: u8) -> [u8; LEN] {
    let mut out = [0; LEN];
    for (count, chunk) in (0u16..).zip(out.chunks_mut(16)) {
        let mut block = [0; 16];
        block[..salt.len()].copy_from_slice(salt);
        block[7] ^= label;
        block[14..].copy_from_slice(&count.to_be_bytes());
        let mut block = block.into();
        master.encrypt_block(&mut block);
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
    out
}

impl Cipher {
    /// Make the cipher of RTP (`label` 0) or RTCP (`label` 3). The authentication key uses `label` + 1 and the salt uses
    /// `label` + 2.
    fn new(profile: Profile, master: &Aes128, salt: &[u8], label: u8) -> Result<Self, BadKey> {
        let (key, session_salt) = (derive(master, salt, label), derive(master, salt, label + 2));
        match profile {
            Profile::AeadAes128Gcm => Cipher::gcm(key, session_salt[..12].try_into().map_err(|_| BadKey)?),
            Profile::Aes128CmSha1_80 => Cipher::cm_sha1(key, derive(master, salt, label + 1), session_salt, SHA1_TAG),
            Profile::Aes128CmSha1_32 => {
                let tag = if label == 0 { SHA1_TAG_SHORT } else { SHA1_TAG };
                Cipher::cm_sha1(key, derive(master, salt, label + 1), session_salt, tag)
            }
        }
    }

    fn gcm(key: [u8; 16], salt: [u8; 12]) -> Result<Self, BadKey> {
        let key = UnboundKey::new(&AES_128_GCM, &key).map_err(|_| BadKey)?;
        Ok(Cipher::Gcm(Box::new(Gcm { key: LessSafeKey::new(key), salt })))
    }

    fn cm_sha1(key: [u8; 16], hmac: [u8; 20], salt: [u8; SALT_MAX], tag_bytes: usize) -> Result<Self, BadKey> {
        let hmac = <Hmac<Sha1> as Mac>::new_from_slice(&hmac).map_err(|_| BadKey)?;
        Ok(Cipher::CmSha1(Box::new(CmSha1 { key: Aes128::new(&key.into()), hmac, salt, tag_bytes })))
    }

    #[inline]
    pub fn tag_bytes(&self) -> usize {
        match self {
            Cipher::Gcm(_) => GCM_TAG,
            Cipher::CmSha1(cm) => cm.tag_bytes,
            Cipher::Null => 0,
        }
    }

    #[inline]
    pub fn is_null(&self) -> bool {
        matches!(self, Cipher::Null)
    }

    /// Report whether the SRTCP index word follows the tag (RFC 7714 §9.2) instead of preceding it (RFC 3711 §3.4).
    #[inline]
    pub fn index_is_last(&self) -> bool {
        matches!(self, Cipher::Gcm(_))
    }

    #[inline]
    pub fn seal_rtp(&self, buffer: &mut [u8], plain_len: usize, header_len: usize, ssrc: u32, index: u64) -> usize {
        match self {
            Cipher::Gcm(gcm) => {
                let (header, body) = buffer.split_at_mut(header_len);
                gcm.seal(body, plain_len - header_len, header, gcm.rtp_nonce(ssrc, index)) + header_len
            }
            Cipher::CmSha1(cm) => {
                cm.apply(&mut buffer[header_len..plain_len], ssrc, index);
                let tag = cm.tag(&buffer[..plain_len], roc(index)).finalize().into_bytes();
                buffer[plain_len..plain_len + cm.tag_bytes].copy_from_slice(&tag[..cm.tag_bytes]);
                plain_len + cm.tag_bytes
            }
            Cipher::Null => plain_len,
        }
    }

    #[inline]
    pub fn open_rtp(&self, packet: &mut [u8], header_len: usize, ssrc: u32, index: u64) -> Result<usize, SrtpError> {
        match self {
            Cipher::Gcm(gcm) => {
                let (header, body) = packet.split_at_mut(header_len);
                Ok(gcm.open(body, header, gcm.rtp_nonce(ssrc, index))? + header_len)
            }
            Cipher::CmSha1(cm) => {
                let (plain, tag) = packet.split_at_mut(packet.len() - cm.tag_bytes);
                cm.tag(plain, roc(index)).verify_truncated_left(tag).map_err(|_| SrtpError::Auth)?;
                cm.apply(&mut plain[header_len..], ssrc, index);
                Ok(plain.len())
            }
            Cipher::Null => Ok(packet.len()),
        }
    }

    /// Seal an RTCP compound. `word` holds the E bit and the index.
    pub fn seal_rtcp(&self, buffer: &mut [u8], plain_len: usize, ssrc: u32, word: u32) -> usize {
        let word_bytes = word.to_be_bytes();
        match self {
            Cipher::Gcm(gcm) => {
                let (header, body) = buffer.split_at_mut(RTCP_HEADER);
                let aad = rtcp_aad(header, word_bytes);
                let end = gcm.seal(body, plain_len - RTCP_HEADER, &aad, gcm.rtcp_nonce(ssrc, word)) + RTCP_HEADER;
                buffer[end..end + INDEX_WORD].copy_from_slice(&word_bytes);
                end + INDEX_WORD
            }
            Cipher::CmSha1(cm) => {
                cm.apply(&mut buffer[RTCP_HEADER..plain_len], ssrc, index(word));
                let tag = cm.tag(&buffer[..plain_len], word_bytes).finalize().into_bytes();
                let tag_at = plain_len + INDEX_WORD;
                buffer[plain_len..tag_at].copy_from_slice(&word_bytes);
                buffer[tag_at..tag_at + SHA1_TAG].copy_from_slice(&tag[..SHA1_TAG]);
                tag_at + SHA1_TAG
            }
            Cipher::Null => plain_len,
        }
    }

    pub fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, word: u32) -> Result<usize, SrtpError> {
        match self {
            Cipher::Gcm(gcm) => {
                let end = packet.len() - INDEX_WORD;
                let (header, body) = packet[..end].split_at_mut(RTCP_HEADER);
                let aad = rtcp_aad(header, word.to_be_bytes());
                Ok(gcm.open(body, &aad, gcm.rtcp_nonce(ssrc, word))? + RTCP_HEADER)
            }
            Cipher::CmSha1(cm) => {
                let (signed, tag) = packet.split_at_mut(packet.len() - SHA1_TAG);
                let plain_len = signed.len() - INDEX_WORD;
                let plain = &mut signed[..plain_len];
                cm.tag(plain, word.to_be_bytes()).verify_truncated_left(tag).map_err(|_| SrtpError::Auth)?;
                cm.apply(&mut plain[RTCP_HEADER..], ssrc, index(word));
                Ok(plain_len)
            }
            Cipher::Null => Ok(packet.len()),
        }
    }
}

fn index(word: u32) -> u64 {
    u64::from(word & 0x7fff_ffff)
}

#[inline]
fn roc(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

fn rtcp_aad(header: &[u8], word: [u8; INDEX_WORD]) -> [u8; RTCP_HEADER + INDEX_WORD] {
    let mut aad = [0; RTCP_HEADER + INDEX_WORD];
    aad[..RTCP_HEADER].copy_from_slice(header);
    aad[RTCP_HEADER..].copy_from_slice(&word);
    aad
}

/// The suite AEAD_AES_128_GCM.
pub struct Gcm {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Gcm {
    /// RFC 7714 §8.1: two zero bytes, SSRC, rollover counter, sequence number; the result XOR the salt.
    #[inline]
    fn rtp_nonce(&self, ssrc: u32, index: u64) -> Nonce {
        self.nonce(u128::from(ssrc) << 48 | u128::from(index))
    }

    /// RFC 7714 §9.1: two zero bytes, SSRC, two zero bytes, index; the result XOR the salt.
    fn rtcp_nonce(&self, ssrc: u32, word: u32) -> Nonce {
        self.nonce(u128::from(ssrc) << 48 | u128::from(word & 0x7fff_ffff))
    }

    #[inline]
    fn nonce(&self, counter: u128) -> Nonce {
        let mut nonce = self.salt;
        for (byte, mask) in nonce.iter_mut().zip(&counter.to_be_bytes()[4..]) {
            *byte ^= mask;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    #[inline]
    fn seal(&self, body: &mut [u8], len: usize, aad: &[u8], nonce: Nonce) -> usize {
        let (plain, rest) = body.split_at_mut(len);
        // ring refuses only lengths above 64 GiB.
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(aad), plain).expect("length");
        rest[..GCM_TAG].copy_from_slice(tag.as_ref());
        len + GCM_TAG
    }

    #[inline]
    fn open(&self, body: &mut [u8], aad: &[u8], nonce: Nonce) -> Result<usize, SrtpError> {
        let plain = self.key.open_in_place(nonce, Aad::from(aad), body);
        plain.map(|plain| plain.len()).map_err(|_| SrtpError::Auth)
    }
}

/// AES-128 in counter mode with HMAC-SHA1. The tag is cut to 80 or 32 bits.
pub struct CmSha1 {
    key: Aes128,
    hmac: Hmac<Sha1>,
    salt: [u8; SALT_MAX],
    tag_bytes: usize,
}

impl CmSha1 {
    /// RFC 3711 §4.1.1: the counter starts at salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16.
    #[inline]
    fn apply(&self, body: &mut [u8], ssrc: u32, index: u64) {
        let mut counter = [0; 16];
        counter[..SALT_MAX].copy_from_slice(&self.salt);
        let mask = u128::from(ssrc) << 64 | u128::from(index) << 16;
        let counter = (u128::from_be_bytes(counter) ^ mask).to_be_bytes();
        let core = ctr::CtrCore::<_, ctr::flavors::Ctr128BE>::inner_iv_init(&self.key, &counter.into());
        ctr::cipher::StreamCipherCoreWrapper::from_core(core).apply_keystream(body);
    }

    #[inline]
    fn tag(&self, signed: &[u8], suffix: [u8; 4]) -> Hmac<Sha1> {
        let mut hmac = self.hmac.clone();
        hmac.update(signed);
        hmac.update(&suffix);
        hmac
    }
}

#[cfg(test)]
#[path = "srtp_cipher_tests.rs"]
mod tests;
