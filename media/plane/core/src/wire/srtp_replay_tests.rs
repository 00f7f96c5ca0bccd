use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

type Table = Sources<Window<2>>;

fn take(table: &mut Table, ssrc: u32, index: u64) -> Result<bool, SrtpError> {
    let place = table.find(ssrc);
    if !table.is_fresh(&place, index) {
        return Ok(false);
    }
    table.commit(place, ssrc, index).map(|()| true)
}

proptest! {
    /// The window agrees with a set of all received indices: an index is fresh if it is new and not older than the window.
    #[test]
    fn window_is_a_set(start in 0u64..1000, steps in prop::collection::vec(-200i64..300, 1..400)) {
        let mut window = Window::<2>::first(start);
        let (mut seen, mut at, mut highest) = (HashSet::from([start]), start, start);
        for step in steps {
            at = at.saturating_add_signed(step);
            let fresh = !seen.contains(&at) && at + 128 > highest;
            prop_assert_eq!(window.is_fresh(at), fresh, "index {} highest {}", at, highest);
            if fresh {
                window.commit(at);
                seen.insert(at);
                highest = highest.max(at);
            }
        }
    }
}

#[test]
fn a_jump_beyond_the_window_clears_it() {
    let mut window = Window::<2>::first(5);
    window.commit(5 + 128);
    assert!(!window.is_fresh(5));
    assert!(window.is_fresh(6) && window.is_fresh(132));
    assert!(!window.is_fresh(133));
}

#[test]
fn a_source_that_gave_way_cannot_be_replayed() {
    let mut table = Table::default();
    assert_eq!(take(&mut table, 1, 100), Ok(true));
    for ssrc in 2..=SOURCES_MAX as u32 + 1 {
        assert_eq!(take(&mut table, ssrc, 7), Ok(true));
    }
    assert!(matches!(table.find(1), Place::Retired(_, 100)));
    assert_eq!(take(&mut table, 1, 100), Ok(false));
    assert_eq!(take(&mut table, 1, 99), Ok(false));
    assert_eq!(take(&mut table, 1, 101), Ok(true));
    assert_eq!(take(&mut table, 1, 100), Ok(false));
    assert_eq!(take(&mut table, 1, 101), Ok(false));
}

#[test]
fn the_table_is_bounded() {
    let mut table = Table::default();
    let most = (SOURCES_MAX + RETIRED_MAX) as u32;
    for ssrc in 0..most {
        assert_eq!(take(&mut table, ssrc, 1), Ok(true));
    }
    assert_eq!(take(&mut table, most, 1), Err(SrtpError::TooManySources));
    assert_eq!(take(&mut table, most - 1, 2), Ok(true));
    assert_eq!(take(&mut table, 0, 2), Ok(true));
    assert_eq!(table.ssrcs.len(), SOURCES_MAX);
    assert_eq!(table.retired.len(), RETIRED_MAX);
}
