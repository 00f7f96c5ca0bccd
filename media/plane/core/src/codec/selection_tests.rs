use super::*;

/// Return the place of a frame with one packet.
fn frame(spatial: u8, temporal: u8, fresh: bool) -> Place {
    let rise = if temporal == 0 { Rise::After } else { Rise::No };
    Place { spatial, temporal, starts_frame: true, ends_frame: true, fresh: fresh && spatial == 0, rise }
}

fn limits(spatial: u8, temporal: u8) -> Limits {
    Limits { spatial, temporal }
}

/// Return the place of a VP8 packet: only the first packet of a key frame shows that it belongs to a key frame.
fn packet(fresh: bool) -> Place {
    Place { rise: Rise::No, ..frame(0, 0, fresh) }
}

/// Send a picture of three layers. Return the layers that pass, and the layers that end the picture.
fn picture(selection: &mut Selection, n: u32, temporal: u8, fresh: bool, wanted: Limits) -> (Vec<u8>, Vec<u8>) {
    let (mut sent, mut ends) = (Vec::new(), Vec::new());
    for spatial in 0..3 {
        let place = frame(spatial, temporal, fresh);
        if selection.admits(place, n * 3_000, wanted) {
            sent.push(spatial);
            ends.extend(selection.ends_picture(place, n * 3_000).then_some(spatial));
        }
    }
    (sent, ends)
}

#[test]
fn down_with_the_next_picture_and_up_with_a_fresh_one() {
    let mut selection = Selection::default();
    selection.start(limits(2, 0), 0);
    assert_eq!(picture(&mut selection, 0, 0, true, limits(2, 0)), (vec![0, 1, 2], vec![2]));
    assert_eq!(picture(&mut selection, 1, 0, false, limits(0, 0)), (vec![0], vec![0]));
    assert_eq!(picture(&mut selection, 2, 0, false, limits(1, 0)), (vec![0], vec![0]));
    assert_eq!(picture(&mut selection, 3, 0, true, limits(1, 0)), (vec![0, 1], vec![1]));
}

#[test]
fn a_wish_in_the_middle_of_a_picture_waits_for_the_next() {
    let mut selection = Selection::default();
    selection.start(limits(2, 0), 0);
    assert!(selection.admits(frame(0, 0, false), 3_000, limits(2, 0)));
    assert!(selection.admits(frame(1, 0, false), 3_000, limits(0, 0)));
    assert!(!selection.ends_picture(frame(1, 0, false), 3_000));
    assert!(selection.admits(frame(2, 0, false), 3_000, limits(0, 0)));
    assert!(!selection.admits(frame(1, 0, false), 6_000, limits(0, 0)));
}

#[test]
fn temporal_layers_come_back_where_the_stream_lets_them() {
    let mut selection = Selection::default();
    selection.start(limits(0, 2), 0);
    let mut passes = |n: u32, place: Place, wanted| selection.admits(place, n * 3_000, limits(0, wanted));
    assert!(!passes(1, frame(0, 2, false), 0), "down at once");
    assert!(passes(2, frame(0, 0, false), 0));
    assert!(!passes(3, Place { rise: Rise::After, ..frame(0, 1, false) }, 2), "it may need one that was left out");
    assert!(passes(4, Place { rise: Rise::Here, ..frame(0, 1, false) }, 2), "it says that it does not");
    assert!(passes(5, frame(0, 2, false), 2));
    assert!(!passes(6, frame(0, 1, false), 0));
    assert!(passes(7, Place { rise: Rise::No, ..frame(0, 0, false) }, 2));
    assert!(!passes(8, frame(0, 1, false), 2));
    assert!(passes(9, frame(0, 0, false), 2));
    assert!(passes(10, frame(0, 2, false), 2));
}

#[test]
fn a_key_frame_whose_start_was_overtaken_brings_the_temporal_layers_back_alone() {
    let mut selection = Selection::default();
    selection.start(limits(2, 2), 0);
    let wanted = limits(2, 2);
    assert!(!selection.admits(frame(1, 1, false), 3_000, limits(0, 0)), "down");
    assert!(selection.admits(packet(false), 6_000, wanted));
    assert!(!selection.admits(frame(1, 0, false), 6_000, wanted));
    assert!(selection.admits(packet(true), 6_000, wanted));
    assert_eq!(selection.limits(), limits(0, 2));
    assert!(!selection.admits(frame(0, 1, false), 3_000, wanted), "of the picture before it nothing more");
    assert!(
        selection.admits(frame(0, 2, false), 9_000, wanted) && !selection.admits(frame(1, 2, false), 9_000, wanted)
    );
}

#[test]
fn what_held_before_a_key_frame_whose_start_was_overtaken_holds_for_what_comes_late() {
    let mut selection = Selection::default();
    selection.start(limits(1, 0), 0);
    assert!(selection.admits(packet(false), 3_000, limits(1, 0)));
    assert!(selection.admits(packet(false), 6_000, limits(0, 2)));
    assert!(selection.admits(packet(true), 6_000, limits(0, 2)));
    assert!(selection.admits(frame(1, 0, false), 3_000, limits(0, 2)), "a late packet of the picture before it");
}

#[test]
fn late_packets_go_by_what_held_for_their_picture() {
    let mut selection = Selection::default();
    selection.start(limits(1, 2), u32::MAX - 8_999);
    assert!(selection.admits(frame(0, 0, false), u32::MAX - 5_999, limits(1, 2)));
    assert!(selection.admits(frame(0, 0, false), 0, limits(0, 0)));
    assert!(!selection.admits(frame(1, 0, false), 0, limits(0, 0)));
    let late = frame(1, 2, false);
    assert!(selection.admits(late, u32::MAX - 5_999, limits(0, 0)) && selection.ends_picture(late, u32::MAX - 5_999));
}

#[test]
fn one_picture_of_another_time_changes_nothing() {
    for away in [0x7fff_0000u32, 0x8000_0000, 0x9000_0000, 1_000_000, 1_000_000u32.wrapping_neg()] {
        let mut selection = Selection::default();
        selection.start(limits(2, 0), 0);
        let stray =
            |selection: &mut Selection, n: u32| selection.admits(frame(0, 0, false), n * 3_000 + away, limits(2, 0));
        assert!(stray(&mut selection, 1));
        assert_eq!(picture(&mut selection, 2, 0, false, limits(1, 0)), (vec![0, 1], vec![1]));
        // One stray packet follows each picture.
        assert!(stray(&mut selection, 2));
        assert_eq!(picture(&mut selection, 3, 0, true, limits(2, 0)), (vec![0, 1, 2], vec![2]));
        assert!(stray(&mut selection, 3));
        assert_eq!(picture(&mut selection, 4, 0, false, limits(0, 0)), (vec![0], vec![0]));
    }
}

#[test]
fn a_source_that_jumps_is_followed_from_its_second_picture_or_a_fresh_one() {
    for away in [0x7fff_0000u32, 0x8000_0000, 1_000_000, 1_000_000u32.wrapping_neg(), 200_000u32.wrapping_neg()] {
        let mut selection = Selection::default();
        selection.start(limits(2, 0), 0);
        let at = away / 3_000 + 1;
        assert_eq!(picture(&mut selection, at, 0, false, limits(0, 0)).0, [0, 1, 2]);
        assert_eq!(picture(&mut selection, at + 1, 0, false, limits(0, 0)).0, [0]);
        // The source jumps back, with a key frame.
        assert_eq!(picture(&mut selection, 1, 0, true, limits(1, 0)).0, [0, 1]);
        assert_eq!(picture(&mut selection, 2, 0, false, limits(0, 0)).0, [0]);
    }
}

#[test]
fn a_source_that_jumps_back_is_followed_with_a_fresh_picture() {
    let mut selection = Selection::default();
    selection.start(limits(0, 0), 900_000);
    assert_eq!(picture(&mut selection, 30, 0, true, limits(2, 0)).0, [0, 1, 2]);
    // A late packet changes nothing, even from a key frame.
    for n in 31..33 {
        assert_eq!(picture(&mut selection, n, 0, false, limits(0, 0)).0, [0]);
    }
    assert_eq!(picture(&mut selection, 31, 0, true, limits(2, 0)).0, [0]);
}

#[test]
fn a_change_of_long_ago_is_not_yet_to_come() {
    let mut selection = Selection::default();
    selection.start(limits(2, 0), 0);
    // The loop covers seven hours in steps of five seconds.
    for n in 1..5_040u32 {
        let timestamp = n * 450_000;
        selection.admits(frame(0, 0, false), timestamp, limits(0, 0));
        assert!(!selection.admits(frame(1, 0, false), timestamp, limits(0, 0)), "{n}");
    }
}
