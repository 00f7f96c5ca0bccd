use super::*;

/// The first descriptor of a key frame of AV1 L2T2 from Chromium.
const L2T2: &[u8] = &[
    0x80, 0x00, 0x55, 0xc0, 0x03, 0x18, 0x7a, 0xaa, 0xf1, 0x30, 0xa0, 0xa0, 0x14, 0xd1, 0x41, 0x38, 0x23, 0x04, 0x60,
    0x08, 0x64, 0x22, 0x22, 0x65, 0x02, 0x7f, 0x01, 0x67, 0x04, 0xff, 0x02, 0xcf, 0x30,
];
/// The first descriptor of a key frame of VP9 L1T3 from Chromium.
const L1T3: &[u8] = &[
    0x80, 0x00, 0x70, 0x80, 0x02, 0x14, 0xea, 0xa8, 0x60, 0x41, 0x4d, 0x14, 0x10, 0x20, 0x84, 0x27, 0x02, 0x7f, 0x01,
    0x67,
];

fn references(frame: &Frame) -> Vec<u16> {
    frame.references().collect()
}

#[test]
fn temporal_layers() {
    let mut stream = Dependencies::default();
    let key = stream.read(L1T3, 0).unwrap();
    let Place { spatial, temporal, starts_frame, ends_frame, fresh, rise } = key.place;
    assert_eq!((key.number, spatial, temporal, starts_frame, ends_frame), (0x70, 0, 0, true, false));
    assert_eq!((fresh, rise, references(&key)), (true, Rise::After, vec![]));
    let last = stream.read(&[0x40, 0, 0x70], 0).unwrap();
    assert!(last.place.ends_frame && !last.place.starts_frame && last.place.fresh);
    for (template, temporal, back) in [(3, 2, 1), (2, 1, 2), (4, 2, 1), (1, 0, 4)] {
        let frame = stream.read(&[0xc0 | template, 1, 0], 0).unwrap();
        assert_eq!((frame.place.temporal, references(&frame), frame.place.fresh), (temporal, vec![256 - back], false));
        assert_eq!(frame.place.rise, if temporal < 2 { Rise::After } else { Rise::No });
    }
}

#[test]
fn spatial_layers_and_references_of_their_own() {
    let mut stream = Dependencies::default();
    assert!(stream.read(L2T2, 0).unwrap().place.fresh);
    // This descriptor has its own references and chains.
    let frame = stream.read(&[0x82, 0x00, 0x56, 0x1a, 0x00, 0x08, 0x00], 0).unwrap();
    assert_eq!((frame.place.spatial, frame.place.temporal, frame.place.fresh), (0, 1, false));
    assert_eq!(references(&frame), [0x55]);
    let tops: Vec<_> = (0..6).filter_map(|at| stream.read(&[at, 0, 0x57], 0).ok()).collect();
    assert_eq!(tops.iter().map(|frame| frame.place.spatial).max(), Some(1));
}

#[test]
fn what_names_no_template_is_refused() {
    let mut stream = Dependencies::default();
    assert_eq!(stream.read(&[0x80, 0, 1], 0), Err(Malformed), "no table came yet");
    stream.read(L1T3, 0).unwrap();
    assert_eq!(stream.read(&[0x80 | 40, 0, 1], 0), Err(Malformed));
    for len in 0..L1T3.len() - 4 {
        let cut = &L1T3[..len];
        assert_eq!(Dependencies::default().read(cut, 0), Err(Malformed), "length {len}");
    }
}

/// Return the highest spatial layer among the templates that packet `at` may name.
fn top(stream: &mut Dependencies, at: u32) -> Option<u8> {
    let frames = (0..64).filter_map(|template| stream.read(&[template, 0, 0x58], at).ok());
    frames.map(|frame| frame.place.spatial).max()
}

#[test]
fn a_table_holds_from_its_packet_on_whenever_that_comes() {
    for begin in [100, u32::MAX - 15, 0x7fff_fff0] {
        let at = |packet: u32| u32::wrapping_add(begin, packet);
        let mut stream = Dependencies::default();
        stream.read(L2T2, at(0)).unwrap();
        assert_eq!((top(&mut stream, at(9)), top(&mut stream, at(0).wrapping_sub(1))), (Some(1), None));
        // The packet with the table was lost, and its retransmission arrives after later packets.
        assert_eq!(stream.read(L1T3, at(10)).unwrap().place.temporal, 0);
        assert_eq!([9, 10, 11].map(|packet| top(&mut stream, at(packet))), [Some(1), Some(0), Some(0)]);
        // The first packet with its table arrives again, and then a packet from before it.
        stream.read(L2T2, at(0)).unwrap();
        stream.read(L1T3, at(0).wrapping_sub(20)).unwrap();
        assert_eq!([0, 9, 10].map(|packet| top(&mut stream, at(packet))), [Some(1), Some(1), Some(0)]);
        // The table arrives again, and then a late packet with the table that was valid in between.
        stream.read(L1T3, at(30)).unwrap();
        stream.read(L2T2, at(20)).unwrap();
        assert_eq!([19, 20, 29, 30].map(|packet| top(&mut stream, at(packet))), [None, Some(1), Some(1), Some(0)]);
    }
}

#[test]
fn all_packets_of_a_key_frame_may_bring_the_table() {
    for begin in [100, u32::MAX - 10] {
        let at = |packet: u32| u32::wrapping_add(begin, packet);
        let mut stream = Dependencies::default();
        stream.read(L2T2, at(0)).unwrap();
        stream.read(L1T3, at(13)).unwrap();
        stream.read(L1T3, at(8)).unwrap();
        assert_eq!([7, 8, 14].map(|packet| top(&mut stream, at(packet))), [Some(1), Some(0), Some(0)]);
    }
}

#[test]
fn a_table_holds_however_many_packets_follow() {
    for (begin, told) in [(0, true), (0, false), (0x8000_0000, true), (0x8000_0000, false)] {
        let mut stream = Dependencies::default();
        stream.read(L1T3, begin).unwrap();
        // The 32-bit numbers wrap four times.
        let mut at = begin;
        for _ in 0..64 {
            at = at.wrapping_add(1 << 28);
            if told {
                stream.read(L1T3, at).unwrap();
            }
            assert_eq!(top(&mut stream, at.wrapping_add(1)), Some(0), "{at:x}");
        }
        stream.read(L2T2, at.wrapping_add(9)).unwrap();
        assert_eq!([8, 9, 10].map(|packet| top(&mut stream, at.wrapping_add(packet))), [Some(0), Some(1), Some(1)]);
    }
}

#[test]
fn numbers_move_and_nothing_else() {
    let mut descriptor = L1T3.to_vec();
    set_frame_number(&mut descriptor, 0xfffe);
    assert_eq!((frame_number(&descriptor), &descriptor[3..]), (Some(0xfffe), &L1T3[3..]));
    let mut short = [0x80, 1];
    set_frame_number(&mut short, 7);
    assert_eq!((frame_number(&short), short), (None, [0x80, 1]));
}
