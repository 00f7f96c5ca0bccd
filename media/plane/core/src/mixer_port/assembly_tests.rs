use super::*;

fn take(assembly: &mut Assembly, timestamp: u32, marker: bool, payload: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let piece = Piece { timestamp, marker, payload, arrived_us: 5 };
    assembly.take(&piece).into_iter().flatten().map(|frame| (frame.timestamp, frame.bytes)).collect()
}

const VP8_FIRST: [u8; 4] = [0x90, 0x80, 0x80, 1];
const VP8_NEXT: [u8; 4] = [0x80, 0x80, 0x80, 1];

fn vp8(head: [u8; 4], body: u8) -> Vec<u8> {
    [&head[..], &[body, body]].concat()
}

#[test]
fn a_vp8_frame_ends_at_its_marker_or_before_the_next_one() {
    let mut assembly = Assembly::new(Codec::Vp8);
    assert_eq!(take(&mut assembly, 1, false, &vp8(VP8_FIRST, 1)), []);
    assert_eq!(take(&mut assembly, 1, true, &vp8(VP8_NEXT, 2)), [(1, vec![1, 1, 2, 2])]);
    assert_eq!(take(&mut assembly, 2, false, &vp8(VP8_FIRST, 3)), []);
    assert_eq!(take(&mut assembly, 3, true, &vp8(VP8_FIRST, 4)), [(2, vec![3, 3]), (3, vec![4, 4])]);
}

#[test]
fn after_a_gap_a_frame_counts_from_a_packet_that_begins_one() {
    let mut assembly = Assembly::new(Codec::Vp8);
    take(&mut assembly, 1, false, &vp8(VP8_FIRST, 1));
    assembly.miss();
    assert_eq!(take(&mut assembly, 1, true, &vp8(VP8_NEXT, 2)), []);
    assert_eq!(take(&mut assembly, 2, true, &vp8(VP8_FIRST, 3)), [(2, vec![3, 3])]);
    assembly.miss();
    assert_eq!(take(&mut assembly, 3, true, &vp8(VP8_FIRST, 4)), [(3, vec![4, 4])]);
}

#[test]
fn a_picture_with_a_hole_is_no_picture() {
    let mut assembly = Assembly::new(Codec::H264);
    take(&mut assembly, 1, false, &[0x41, 1]);
    assembly.miss();
    assert_eq!(take(&mut assembly, 1, false, &[0x41, 2]), []);
    assert_eq!(take(&mut assembly, 1, true, &[0x41, 3]), []);
    assert_eq!(take(&mut assembly, 2, true, &[0x41, 4]), [(2, vec![0, 0, 0, 1, 0x41, 4])]);
    assembly.miss();
    assert_eq!(take(&mut assembly, 3, false, &[0x67, 4]), [], "parameter sets begin a key frame");
    assert_eq!(take(&mut assembly, 3, true, &[0x65, 0x88]).len(), 1);
}

#[test]
fn an_open_fragment_is_no_picture() {
    let mut assembly = Assembly::new(Codec::H264);
    assert_eq!(take(&mut assembly, 1, true, &[0x7c, 0x81, 1]), []);
    assert_eq!(take(&mut assembly, 2, true, &[0x41, 4]).len(), 1);
    take(&mut assembly, 3, false, &[0x7c, 0x81, 1]);
    assert_eq!(take(&mut assembly, 4, true, &[0x41, 4]), [(4, vec![0, 0, 0, 1, 0x41, 4])]);
    // Bytes that are not H.264 spoil only their own picture.
    assert_eq!(take(&mut assembly, 5, true, &[0x1e, 4]), []);
    assert_eq!(take(&mut assembly, 6, true, &[0x41, 4]).len(), 1);
}

#[test]
fn sound_is_a_packet_each_and_empty_ones_are_none() {
    let mut assembly = Assembly::new(Codec::Opus);
    assert_eq!(take(&mut assembly, 1, false, &[]), []);
    assembly.miss();
    assert_eq!(take(&mut assembly, 1, false, &[9]), [(1, vec![9])]);
}

#[test]
fn a_picture_has_a_bound() {
    let mut assembly = Assembly::new(Codec::H264);
    take(&mut assembly, 1, false, &[0x7c, 0x81, 1]);
    let body = [&[0x7c, 0x01][..], &[7; 1_400]].concat();
    for _ in 0..FRAME_BYTES_MAX / 1_400 + 1 {
        take(&mut assembly, 1, false, &body);
    }
    assert_eq!(take(&mut assembly, 1, true, &[0x7c, 0x41, 1]), []);
    assert!(assembly.building.is_none());
}
