use super::*;
use proptest::prelude::*;

const A: &[u8] = &[0x67, 1];
const P: &[u8] = &[0x68, 0x80];
const P1: &[u8] = &[0x68, 0x40, 7];
const PICTURE: &[u8] = &[0x65, 0x88];

fn known() -> ParameterSets {
    let mut sets = ParameterSets::default();
    assert!(!sets.look(A, 0) && !sets.look(P, 0) && !sets.look(PICTURE, 0));
    sets
}

#[test]
fn a_picture_lacks_what_did_not_come_with_it() {
    let mut sets = known();
    assert!(sets.look(PICTURE, 3_000));
    sets.put(10, 3_000);
    assert!(!sets.look(PICTURE, 3_000), "the other slices of the picture");
    assert!(!sets.look(&[0x65, 0x08], 6_000), "no first slice");
    assert!(sets.look(&[0x7c, 0x85, 0x88], 6_000), "a first fragment");
    assert!(!sets.look(&[0x7c, 0x05, 0x88], 6_000), "a later fragment");
    assert!(sets.look(&[0x78, 0, 2, 0x65, 0x88], 9_000), "a picture in an aggregate");
    assert!(!sets.look(&[0x78, 0, 2, 0x67, 1, 0, 2, 0x65, 0x88], 9_000), "an aggregate with an SPS of its own");
    assert!(!ParameterSets::default().look(PICTURE, 0), "no parameter sets are known");
}

#[test]
fn the_newest_of_each_identifier_is_kept_and_a_new_sps_drops_all() {
    let mut sets = known();
    sets.look(P1, 0);
    sets.look(&[0x68, 0x80, 9], 0);
    assert_eq!(sets.units().collect::<Vec<_>>(), [A, P1, &[0x68, 0x80, 9]]);
    sets.look(&[0x67, 2], 0);
    assert_eq!(sets.units().collect::<Vec<_>>(), [&[0x67, 2]]);
    for id in 1..=9u8 {
        sets.look(&[0x68, 0x08 | id >> 1, id << 7], 0);
    }
    assert_eq!(sets.units().count(), 1 + PPS_MAX);
    sets.look(&[&[0x67][..], &[1; UNIT_BYTES_MAX]].concat(), 0);
    assert!(!sets.look(PICTURE, 9_000), "too long to be kept");
}

#[test]
fn identifiers_are_exp_golomb() {
    for (bytes, id) in [
        (&[0x68, 0x80][..], Some(0)),
        (&[0x68, 0x40], Some(1)),
        (&[0x68, 0x60], Some(2)),
        (&[0x68, 0x20], Some(3)),
        (&[0x68, 0, 0x80, 0x40], Some(255)),
        (&[0x68], None),
        (&[0x68, 0, 0, 0, 0], None),
    ] {
        assert_eq!(identifier(bytes), id, "{bytes:?}");
    }
}

proptest! {
    /// No outgoing number is used twice, and the inserted packets get their own numbers, across the wrap too.
    #[test]
    fn numbers_are_given_once(start in any::<u16>(), steps in proptest::collection::vec(0u8..5, 1..400)) {
        let mut sets = known();
        let mut used = std::collections::HashSet::new();
        let mut late = Vec::new();
        for (n, step) in steps.into_iter().enumerate() {
            let sequence = start.wrapping_add(n as u16);
            match step {
                0 => {
                    let first = sets.number(sequence);
                    sets.put(sequence, n as u32);
                    let put = sets.units().count() as u16;
                    for at in 0..put {
                        prop_assert!(used.insert(first.wrapping_add(at)));
                    }
                    prop_assert_eq!(sets.number(sequence), first.wrapping_add(put));
                }
                1 if late.len() < 3 => {
                    late.push((sequence, sets.changes_len, sets.moved));
                    continue;
                }
                _ => {}
            }
            sets.forget_before(sequence);
            prop_assert!(used.insert(sets.number(sequence)));
            // Late packets keep their numbers as long as the change after them is remembered.
            if step == 4 {
                for (sequence, changes, moved) in late.drain(..) {
                    if sets.changes_len - changes.min(sets.changes_len) < CHANGES_MAX && sets.changes_len < CHANGES_MAX {
                        prop_assert_eq!(sets.number(sequence), sequence.wrapping_add(moved));
                        prop_assert!(used.insert(sets.number(sequence)));
                    }
                }
            }
        }
    }
}
