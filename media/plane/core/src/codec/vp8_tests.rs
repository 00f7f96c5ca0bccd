use super::*;

#[test]
fn everything_present() {
    let mut payload = vec![0x90, 0xf0, 0x92, 0x34, 0x56, 0xa5, 0x00, 0x9d];
    let descriptor = parse(&payload).unwrap();
    assert!(descriptor.starts_frame && descriptor.keyframe && descriptor.sync);
    let id = descriptor.numbers.picture_id.unwrap();
    assert_eq!((id.value, id.long), (0x1234, true));
    assert_eq!((descriptor.numbers.tl0, descriptor.temporal_id, descriptor.size), (Some(0x56), Some(2), 6));
    descriptor.numbers.set_picture_id(&mut payload, 0xffff);
    descriptor.numbers.set_tl0(&mut payload, 9);
    assert_eq!(payload, [0x90, 0xf0, 0xff, 0xff, 0x09, 0xa5, 0x00, 0x9d]);
}

#[test]
fn short_picture_id() {
    let mut payload = [0x80, 0x80, 0x7f, 0x01];
    let descriptor = parse(&payload).unwrap();
    assert!(!descriptor.starts_frame && !descriptor.keyframe);
    assert!(!descriptor.numbers.picture_id.unwrap().long);
    descriptor.numbers.set_picture_id(&mut payload, 0x80 + 5);
    descriptor.numbers.set_tl0(&mut payload, 1);
    assert_eq!(payload, [0x80, 0x80, 5, 1]);
}

#[test]
fn key_index_without_temporal_id() {
    let descriptor = parse(&[0x80, 0x10, 0xe5, 0]).unwrap();
    assert_eq!((descriptor.temporal_id, descriptor.sync, descriptor.size), (None, false, 3));
}

#[test]
fn delta_frames_and_later_partitions_are_no_keyframes() {
    assert!(parse(&[0x10, 0x00]).unwrap().keyframe);
    assert!(!parse(&[0x10, 0x01]).unwrap().keyframe);
    assert!(!parse(&[0x11, 0x00]).unwrap().keyframe);
    assert!(!parse(&[0x00, 0x00]).unwrap().keyframe);
    assert!(!parse(&[0x10]).unwrap().keyframe);
}

#[test]
fn cut_descriptors() {
    let whole = [0x90, 0xf0, 0x92, 0x34, 0x56, 0xa5];
    for len in 0..whole.len() {
        assert_eq!(parse(&whole[..len]), Err(Malformed), "length {len}");
    }
}

#[test]
fn up_only_where_the_frame_says_so() {
    let rise = |temporal: u8, sync: bool| {
        let marks = temporal << 6 | u8::from(sync) << 5;
        parse(&[0x90, 0xe0, 0x80, 1, 7, marks, 1]).unwrap().place().unwrap().rise
    };
    assert_eq!(rise(0, false), Rise::No, "what follows may build on a higher one before it");
    assert_eq!(rise(0, true), Rise::No);
    assert_eq!((rise(1, false), rise(1, true)), (Rise::No, Rise::Here));
    assert_eq!((rise(2, false), rise(2, true)), (Rise::No, Rise::Here));
}
