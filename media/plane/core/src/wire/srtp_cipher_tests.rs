use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn array<const LEN: usize>(text: &str) -> [u8; LEN] {
    hex(text).try_into().unwrap()
}

/// The key derivation gives the keys of RFC 3711 B.3.
#[test]
fn derives_session_keys() {
    let master = Aes128::new(&array::<16>("E1F97A0D3E018BE0D64FA32C06DE4139").into());
    let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
    assert_eq!(derive::<16>(&master, &salt, 0), array("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(derive::<14>(&master, &salt, 2), array("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(derive::<20>(&master, &salt, 1), array("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

/// The key stream for SSRC 0 and index 0 is the stream of RFC 3711 B.2.
#[test]
fn counter_mode_key_stream() {
    let key = array("2B7E151628AED2A6ABF7158809CF4F3C");
    let cipher = Cipher::cm_sha1(key, [0; 20], array("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"), SHA1_TAG).unwrap();
    let Cipher::CmSha1(cm) = cipher else { panic!("the other suite") };
    let mut stream = [0; 48];
    cm.apply(&mut stream, 0, 0);
    let expected = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(stream, array(expected));
}

const GCM_KEY: &str = "000102030405060708090a0b0c0d0e0f";
const GCM_SALT: &str = "517569642070726f2071756f";

/// GCM seals and opens the RTP packet of RFC 7714 §16.1.1.
#[test]
fn gcm_rtp_vector() {
    let clear = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
        69736120 696e2070 61727465 73207472 6573";
    let sealed = "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
        0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce";
    let cipher = Cipher::gcm(array(GCM_KEY), array(GCM_SALT)).unwrap();
    let mut packet = hex(clear);
    let plain_len = packet.len();
    packet.resize(plain_len + GCM_TAG, 0);
    assert_eq!(cipher.seal_rtp(&mut packet, plain_len, 12, 0x5501_a0b2, 0xf17b), plain_len + GCM_TAG);
    assert_eq!(packet, hex(sealed));
    assert_eq!(cipher.open_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b), Ok(plain_len));
    assert_eq!(packet[..plain_len], hex(clear));
}

/// GCM seals and opens the RTCP packet of RFC 7714 §17.1.
#[test]
fn gcm_rtcp_vector() {
    let clear = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
        deadbeef deadbeef deadbeef deadbeef deadbeef";
    let sealed = "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
        c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4";
    let cipher = Cipher::gcm(array(GCM_KEY), array(GCM_SALT)).unwrap();
    let mut packet = hex(clear);
    let plain_len = packet.len();
    packet.resize(plain_len + GCM_TAG + INDEX_WORD, 0);
    assert_eq!(cipher.seal_rtcp(&mut packet, plain_len, 0x4d61_7273, 0x8000_05d4), packet.len());
    assert_eq!(packet, hex(sealed));
    assert_eq!(cipher.open_rtcp(&mut packet, 0x4d61_7273, 0x8000_05d4), Ok(plain_len));
    assert_eq!(packet[..plain_len], hex(clear));
}
