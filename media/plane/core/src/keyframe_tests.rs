use super::*;

fn starts(codec: Codec, payload: &[u8]) -> bool {
    starts_keyframe(codec, payload, None)
}

#[test]
fn vp8_and_audio() {
    assert!(starts(Codec::Vp8, &[0x10, 0x00]));
    assert!(!starts(Codec::Vp8, &[0x10, 0x01]));
    assert!(!starts(Codec::Opus, &[0x10, 0x00]));
}

#[test]
fn vp9_descriptors() {
    assert!(starts(Codec::Vp9, &[0x08, 0]), "B alone");
    assert!(!starts(Codec::Vp9, &[0x48, 0]), "inter-picture");
    assert!(!starts(Codec::Vp9, &[0x00, 0]), "not the start");
    assert!(starts(Codec::Vp9, &[0xa8, 0x80, 0x01, 0x00]), "15-bit id, spatial 0");
    assert!(!starts(Codec::Vp9, &[0xa8, 0x80, 0x01, 0x02]), "15-bit id, spatial 1");
    assert!(starts(Codec::Vp9, &[0xa8, 0x01, 0x10, 0]), "7-bit id, spatial 0");
    assert!(!starts(Codec::Vp9, &[0xa8, 0x81]), "cut");
    assert!(!starts(Codec::Vp9, &[]));
}

#[test]
fn h264_units() {
    assert!(starts(Codec::H264, &[0x67, 0x42]), "SPS");
    assert!(starts(Codec::H264, &[0x65, 0x88]), "IDR");
    assert!(!starts(Codec::H264, &[0x65, 0x40]), "a later slice of an IDR");
    assert!(!starts(Codec::H264, &[0x61, 0x88]), "a delta slice");
    assert!(starts(Codec::H264, &[0x78, 0, 2, 0x68, 1, 0, 2, 0x67, 1]), "SPS in STAP-A");
    assert!(!starts(Codec::H264, &[0x78, 0, 2, 0x68, 1, 0, 9, 0x67, 1]), "STAP-A cut");
    assert!(starts(Codec::H264, &[0x7c, 0x85, 0x88]), "FU-A, start");
    assert!(!starts(Codec::H264, &[0x7c, 0x05, 0x88]), "FU-A, middle");
    assert!(!starts(Codec::H264, &[]));
}

#[test]
fn av1_by_header_or_descriptor() {
    assert!(starts(Codec::Av1, &[0x18, 0]));
    assert!(!starts(Codec::Av1, &[0x98, 0]), "continues");
    assert!(!starts(Codec::Av1, &[0x10, 0]));
    assert!(starts_keyframe(Codec::Av1, &[0x10, 0], Some(&[0x80, 0, 1, 0x80])));
    assert!(!starts_keyframe(Codec::Av1, &[0x10, 0], Some(&[0x00, 0, 1, 0x80])));
    assert!(!starts_keyframe(Codec::Av1, &[0x10, 0], Some(&[0x80, 0, 1])));
}
