use super::*;

#[test]
fn layers_and_numbers() {
    // Picture 0x1234, temporal id 2 with U, spatial layer 1 with D, TL0PICIDX 0x56.
    let mut payload = vec![0xec, 0x92, 0x34, 0x53, 0x56, 7];
    let descriptor = parse(&payload).unwrap();
    let place = descriptor.place.unwrap();
    assert_eq!((place.spatial, place.temporal, place.starts_frame, place.ends_frame), (1, 2, true, true));
    assert_eq!((place.fresh, place.rise, descriptor.keyframe), (false, Rise::After, false));
    assert_eq!(descriptor.numbers.picture_id.map(|id| (id.value, id.long)), Some((0x1234, true)));
    descriptor.numbers.shift(&mut payload, 0xffff, 1);
    assert_eq!(payload, [0xec, 0x92, 0x33, 0x53, 0x57, 7]);
}

#[test]
fn only_the_lowest_layer_of_a_picture_begins_anew() {
    let key = |payload: &[u8]| parse(payload).unwrap().keyframe;
    assert!(key(&[0xa8, 0x80, 0x01, 0x00, 0, 1]), "spatial 0");
    assert!(!key(&[0xa8, 0x80, 0x01, 0x02, 0, 1]), "spatial 1");
    assert!(!key(&[0xa0, 0x80, 0x01, 0x00, 0, 1]), "not its first packet");
    assert!(parse(&[0xa0, 0x80, 0x01, 0x00, 0, 1]).unwrap().place.unwrap().fresh);
    assert!(!key(&[0xe8, 0x80, 0x01, 0x00, 0, 1]), "it refers to others");
    assert!(key(&[0x08, 1]) && !key(&[0x48, 1]), "without layers");
    assert_eq!(parse(&[0x08, 1]).unwrap().place, None);
}

#[test]
fn flexible_mode_has_no_tl0() {
    let descriptor = parse(&[0xb8, 0x05, 0x20, 1]).unwrap();
    assert_eq!((descriptor.numbers.tl0, descriptor.place.unwrap().temporal), (None, 1));
}

#[test]
fn cut_descriptors() {
    let whole = [0xec, 0x92, 0x34, 0x53, 0x56, 7];
    for len in 0..whole.len() {
        assert_eq!(parse(&whole[..len]), Err(Malformed), "length {len}");
    }
}
