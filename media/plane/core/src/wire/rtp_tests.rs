use proptest::prelude::*;

use super::*;

#[test]
fn sources_extension_and_padding() {
    let packet = [
        0xb1, 0xe0, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0, 8, // one CSRC
        0xbe, 0xde, 0, 2, 0x10, 0xaa, 0x00, 0x21, 0xbb, 0xcc, 0xf0, 0xff, // id 1, padding, id 2, end
        1, 2, 3, 0, 2,
    ];
    let header = parse(&packet).unwrap();
    assert_eq!((header.marker, header.payload_type, header.sequence), (true, 96, 0x1234));
    assert_eq!((header.timestamp, header.ssrc, header.payload_offset), (9, 7, 28));
    assert_eq!(header.payload(&packet), Ok(28..31));
    let found: Vec<_> = header.extensions(&packet).collect();
    assert_eq!(found, [(1, &[0xaa][..]), (2, &[0xbb, 0xcc][..])]);
}

#[test]
fn bounds() {
    let mut packet = [0u8; 20];
    assert_eq!(parse(&packet), Err(Malformed), "version 0");
    packet[0] = 0x8f;
    assert_eq!(parse(&packet), Err(Malformed), "CSRCs beyond the end");
    packet[0] = 0x90;
    packet[15] = 2;
    assert_eq!(parse(&packet), Err(Malformed), "extension beyond the end");
    packet[15] = 1;
    assert_eq!(parse(&packet).unwrap().payload_offset, 20);
    packet[0] = 0xa0;
    for (padding, right) in [(0, false), (8, true), (9, false), (255, false)] {
        packet[19] = padding;
        assert_eq!(parse(&packet).unwrap().payload(&packet).is_ok(), right, "padding {padding}");
    }
    assert_eq!(parse(&packet[..11]), Err(Malformed));
}

#[test]
fn a_value_beyond_the_block_ends_it() {
    let packet = [0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1, 0x10, 0xaa, 0x2f, 0xbb];
    let header = parse(&packet).unwrap();
    assert_eq!(header.extensions(&packet).collect::<Vec<_>>(), [(1, &[0xaa][..])]);
}

#[test]
fn the_form_follows_the_values() {
    let mut out = [0xff; 64];
    let len = write_header(&mut out, false, 1, 2, 3, 4, &[(14, &[5; 16])]);
    assert_eq!((u16_at(&out, 12), len), (ONE_BYTE, 36));
    for extension in [(15, &[5u8; 2][..]), (3, &[5; 17]), (3, &[])] {
        let len = write_header(&mut out, false, 1, 2, 3, 4, &[extension]);
        assert_eq!(u16_at(&out, 12), TWO_BYTE);
        let header = parse(&out[..len]).unwrap();
        assert_eq!(header.extensions(&out[..len]).collect::<Vec<_>>(), [extension]);
    }
}

#[test]
fn padding_is_taken_off_again() {
    let mut packet = [0xff; 60];
    let len = write_header(&mut packet, false, 1, 2, 3, 4, &[]) + 10;
    assert_eq!(pad(&mut packet, len, 0), len);
    let padded = pad(&mut packet, len, 32);
    assert_eq!(padded, len + 32);
    let header = parse(&packet[..padded]).unwrap();
    assert_eq!(header.payload(&packet[..padded]), Ok(12..len));
}

proptest! {
    #[test]
    fn headers_round_trip(
        marker: bool,
        payload_type in 0u8..128,
        sequence: u16,
        timestamp: u32,
        ssrc: u32,
        values in prop::collection::vec((1u8..=20, prop::collection::vec(any::<u8>(), 0..40)), 0..6),
    ) {
        let extensions: Vec<_> = values.iter().map(|(id, value)| (*id, &value[..])).collect();
        let mut out = vec![0xff; header_bytes_max(&extensions)];
        let len = write_header(&mut out, marker, payload_type, sequence, timestamp, ssrc, &extensions);
        let header = parse(&out[..len]).unwrap();
        prop_assert_eq!(header.payload_offset, len);
        prop_assert_eq!((header.marker, header.payload_type, header.sequence), (marker, payload_type, sequence));
        prop_assert_eq!((header.timestamp, header.ssrc, header.padded), (timestamp, ssrc, false));
        prop_assert_eq!(header.extensions(&out[..len]).collect::<Vec<_>>(), extensions);
    }
}
