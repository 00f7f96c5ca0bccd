//! SRTP of a hall terminal: AES_CM_128_HMAC_SHA1_80 (RFC 3711, RFC 4568). Authenticates received packets and encrypts reports.

use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};
use aws_lc_rs::iv::FixedLength;

const KEY_BYTES: usize = 16;
const SALT_BYTES: usize = 14;
const TAG_BYTES: usize = 10;
/// RFC 3711 §4.3.1.
const RTP_AUTHENTICATION: u8 = 1;
const RTCP_ENCRYPTION: u8 = 3;
const RTCP_AUTHENTICATION: u8 = 4;
const RTCP_SALT: u8 = 5;

/// Authenticates received packets.
pub struct Guard {
    authentication: hmac::Key,
}

impl Guard {
    /// `master` is key and salt, 30 bytes.
    pub fn new(master: &[u8]) -> Result<Guard, String> {
        let key = derive(master, RTP_AUTHENTICATION, 20)?;
        Ok(Guard { authentication: hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key) })
    }

    /// Reports whether the packet is genuine. Sequence numbers may wrap once, because a run lasts only minutes.
    pub fn accepts(&self, packet: &[u8]) -> bool {
        let Some(at) = packet.len().checked_sub(TAG_BYTES) else { return false };
        (0..2u32).any(|turn| {
            let mut context = hmac::Context::with_key(&self.authentication);
            context.update(&packet[..at]);
            context.update(&turn.to_be_bytes());
            context.sign().as_ref()[..TAG_BYTES] == packet[at..]
        })
    }
}

/// Encrypts reports before they are sent.
pub struct Seal {
    encryption: Vec<u8>,
    salt: Vec<u8>,
    authentication: hmac::Key,
    index: u32,
}

impl Seal {
    pub fn new(master: &[u8]) -> Result<Seal, String> {
        let authentication = derive(master, RTCP_AUTHENTICATION, 20)?;
        Ok(Seal {
            encryption: derive(master, RTCP_ENCRYPTION, KEY_BYTES)?,
            salt: derive(master, RTCP_SALT, SALT_BYTES)?,
            authentication: hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &authentication),
            index: 0,
        })
    }

    /// RFC 3711 §3.4: the first eight bytes stay clear, and all later bytes are encrypted. Index and tag follow.
    pub fn protect(&mut self, packet: &mut Vec<u8>) {
        self.index += 1;
        let mut counter = [0; 16];
        counter[..SALT_BYTES].copy_from_slice(&self.salt);
        for (at, byte) in packet[4..8].iter().enumerate() {
            counter[4 + at] ^= byte;
        }
        for (at, byte) in self.index.to_be_bytes().iter().enumerate() {
            counter[10 + at] ^= byte;
        }
        let stream = keystream(&self.encryption, counter, packet.len() - 8).expect("keys of the right size");
        packet[8..].iter_mut().zip(stream).for_each(|(byte, mask)| *byte ^= mask);
        packet.extend_from_slice(&(self.index | 1 << 31).to_be_bytes());
        let tag = hmac::sign(&self.authentication, packet);
        packet.extend_from_slice(&tag.as_ref()[..TAG_BYTES]);
    }
}

/// RFC 3711 §4.3.3 with a key derivation rate of 0.
fn derive(master: &[u8], label: u8, length: usize) -> Result<Vec<u8>, String> {
    if master.len() != KEY_BYTES + SALT_BYTES {
        return Err(format!("a key of {} bytes", master.len()));
    }
    let mut counter = [0; 16];
    counter[..SALT_BYTES].copy_from_slice(&master[KEY_BYTES..]);
    counter[7] ^= label;
    keystream(&master[..KEY_BYTES], counter, length)
}

fn keystream(key: &[u8], counter: [u8; 16], length: usize) -> Result<Vec<u8>, String> {
    let mut stream = vec![0; length];
    let key = UnboundCipherKey::new(&AES_128, key).and_then(EncryptingKey::ctr).map_err(|e| e.to_string())?;
    let context = EncryptionContext::Iv128(FixedLength::from(counter));
    key.less_safe_encrypt(&mut stream, context).map_err(|e| e.to_string())?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_rfc() {
        // RFC 3711 §B.3.
        let master = [
            0xE1, 0xF9, 0x7A, 0x0D, 0x3E, 0x01, 0x8B, 0xE0, 0xD6, 0x4F, 0xA3, 0x2C, 0x06, 0xDE, 0x41, 0x39, 0x0E, 0xC6,
            0x75, 0xAD, 0x49, 0x8A, 0xFE, 0xEB, 0xB6, 0x96, 0x0B, 0x3A, 0xAB, 0xE6,
        ];
        let made = derive(&master, RTP_AUTHENTICATION, 20).unwrap();
        assert_eq!(made[..6], [0xCE, 0xBE, 0x32, 0x1F, 0x6F, 0xF7]);
        assert!(derive(&master[1..], 0, 16).is_err());
    }

    #[test]
    fn a_report_leaves_closed_and_signed() {
        let mut seal = Seal::new(&[7; 30]).unwrap();
        let mut packet = vec![0x81, 201, 0, 2, 1, 2, 3, 4, 9, 9, 9, 9];
        seal.protect(&mut packet);
        assert_eq!(packet.len(), 12 + 4 + TAG_BYTES);
        assert_ne!(packet[8..12], [9, 9, 9, 9]);
        assert_eq!(packet[12..16], [0x80, 0, 0, 1]);
    }
}
