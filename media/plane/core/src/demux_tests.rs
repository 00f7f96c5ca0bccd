use super::*;

#[test]
fn first_bytes() {
    for first in 0..=255 {
        let mut datagram = [0; 40];
        datagram[0] = first;
        let expected = match first {
            0..=3 => Class::Stun,
            20..=63 => Class::Dtls,
            128..=191 => Class::Rtp,
            _ => Class::Unknown,
        };
        assert_eq!(classify(&datagram), expected, "first byte {first}");
    }
}

#[test]
fn rtcp_by_its_type() {
    for second in 0..=255 {
        let mut datagram = [0; 12];
        datagram[..2].copy_from_slice(&[0x80, second]);
        let expected = if (192..=223).contains(&second) { Class::Rtcp } else { Class::Rtp };
        assert_eq!(classify(&datagram), expected, "second byte {second}");
    }
}

#[test]
fn too_short_is_nothing() {
    for first in [0, 22, 128] {
        assert_eq!(classify(&[first; 7]), Class::Unknown);
    }
    assert_eq!(classify(&[]), Class::Unknown);
    assert_eq!(classify(&[0x80]), Class::Unknown);
    assert_eq!(classify(&[0x80, 200, 0, 1, 0, 0, 0, 1]), Class::Rtcp);
    assert_eq!(classify(&[0; 19]), Class::Unknown);
    assert_eq!(classify(&[22; 12]), Class::Unknown);
    assert_eq!(classify(&[0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0]), Class::Unknown);
}
