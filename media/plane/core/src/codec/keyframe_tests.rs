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
fn h265_units() {
    assert!(starts(Codec::H265, &[0x40, 1, 0x0c]), "VPS");
    assert!(starts(Codec::H265, &[0x26, 1, 0xaf]), "IDR_W_RADL, first slice segment");
    assert!(!starts(Codec::H265, &[0x26, 1, 0x2f]), "a later segment of it");
    assert!(!starts(Codec::H265, &[0x02, 1, 0xd0]), "TRAIL_R");
    assert!(starts(Codec::H265, &[0x60, 1, 0, 3, 0x46, 1, 0x50, 0, 3, 0x42, 1, 1]), "AUD and SPS, aggregated");
    assert!(!starts(Codec::H265, &[0x60, 1, 0, 9, 0x46, 1, 0x50, 0, 3, 0x42, 1, 1]), "aggregated, cut");
    assert!(starts(Codec::H265, &[0x62, 1, 0x93, 0xaf]), "IDR in fragments, the first");
    assert!(!starts(Codec::H265, &[0x62, 1, 0x13, 0xaf]), "the next");
    assert!(!starts(Codec::H265, &[]) && !starts(Codec::H265, &[0x60]));
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
