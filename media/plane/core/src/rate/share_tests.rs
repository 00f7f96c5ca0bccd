//! Tests of the division with made-up streams: order, evenness, limits.

use super::*;

const WHOLE: u8 = u8::MAX;

fn steps(costs: &[(u8, u8, u64)]) -> Steps {
    let mut steps = Steps::default();
    costs.iter().for_each(|&(layer, temporal, bps)| steps.push(Step::new(Grant { layer, temporal }, bps)));
    steps
}

/// Return the steps of a camera with three layers, as Chromium sends them.
fn camera() -> Steps {
    steps(&[
        (0, 0, 60_000),
        (0, 1, 90_000),
        (0, WHOLE, 150_000),
        (1, 1, 300_000),
        (1, WHOLE, 500_000),
        (2, 1, 1_100_000),
        (2, WHOLE, 1_700_000),
    ])
}

fn stream(rank: u8, steps: Steps) -> Stream {
    Stream::new(ConsumerKey::default(), (rank, false), steps, Some(Grant::ALL))
}

fn shared(streams: &mut [Stream], budget_bps: u64) -> Vec<Option<(u8, u8)>> {
    share(streams, budget_bps, true);
    streams.iter().map(|one| one.granted().map(|grant| (grant.layer, grant.temporal))).collect()
}

#[test]
fn what_fits_is_sent_whole_and_nothing_is_missing() {
    let mut streams = [stream(0, camera()); 3];
    assert_eq!(shared(&mut streams, 6_000_000), [Some((2, WHOLE)); 3]);
    assert_eq!(share(&mut streams, 6_000_000, true).wanted_bps, None);
}

#[test]
fn equals_are_raised_evenly() {
    let mut streams = [stream(0, camera()); 3];
    assert_eq!(shared(&mut streams, 450_000), [Some((0, WHOLE)); 3]);
    let granted = shared(&mut streams, 1_000_000);
    assert_eq!(granted, [Some((1, 1)); 3]);
}

#[test]
fn the_foremost_is_served_first_and_the_others_are_not_forgotten() {
    let mut streams = [stream(4, camera()), stream(0, camera()), stream(0, camera())];
    let granted = shared(&mut streams, 650_000);
    assert_eq!(granted, [Some((1, WHOLE)), Some((0, 1)), Some((0, 0))]);
    let granted = shared(&mut streams, 170_000);
    assert_eq!(granted, [Some((0, WHOLE)), None, None]);
}

#[test]
fn a_screen_goes_before_cameras_and_one_that_does_not_fit_leaves_them_the_rest() {
    let screen = steps(&[(0, WHOLE, 900_000)]);
    let mut streams = [stream(1, screen), stream(0, camera()), stream(0, camera())];
    assert_eq!(shared(&mut streams, 1_100_000), [Some((0, WHOLE)), Some((0, 1)), Some((0, 1))]);
    assert_eq!(shared(&mut streams, 400_000), [None, Some((0, WHOLE)), Some((0, WHOLE))]);
}

#[test]
fn what_is_held_is_held_though_something_better_costs_less() {
    let crossed = [
        (&[(0, WHOLE, 200_000), (1, 1, 180_000), (1, WHOLE, 300_000)][..], (0, WHOLE), Some((1, 1))),
        (&[(0, WHOLE, 100_000), (1, WHOLE, 190_000), (2, 1, 180_000)], (1, WHOLE), Some((2, 1))),
        (&[(1, WHOLE, 180_000)], (0, WHOLE), None),
    ];
    for (costs, (layer, temporal), expected) in crossed {
        let mut streams =
            [Stream::new(ConsumerKey::default(), (0, false), steps(costs), Some(Grant { layer, temporal }))];
        share(&mut streams, 185_000, false);
        let granted = streams[0].granted().map(|grant| (grant.layer, grant.temporal));
        assert_eq!(granted, expected, "{costs:?}");
    }
}

#[test]
fn a_step_up_wants_more_room_than_what_is_held() {
    let held = Some(Grant { layer: 1, temporal: WHOLE });
    let mut streams = [Stream::new(ConsumerKey::default(), (0, false), camera(), held)];
    assert_eq!(shared(&mut streams, 500_000), [Some((1, WHOLE))]);
    assert_eq!(shared(&mut streams, 1_200_000), [Some((1, WHOLE))], "1.1 Mbit/s is too near");
    assert_eq!(shared(&mut streams, 1_250_000), [Some((2, 1))]);
    let told = share(&mut streams, 1_200_000, true);
    assert_eq!(told.wanted_bps, Some(1_222_223));
    share(&mut streams, 5_000_000, false);
    assert_eq!(streams[0].granted(), held, "not now");
}

#[test]
fn one_that_may_not_be_paused_keeps_its_first_step() {
    let mut streams = [Stream::new(ConsumerKey::default(), (0, true), camera(), None), stream(0, camera())];
    assert_eq!(shared(&mut streams, 0), [Some((0, 0)), None]);
}

#[test]
fn a_better_step_that_costs_no_more_takes_the_place_of_the_other() {
    let odd = steps(&[(0, WHOLE, 150_000), (1, 1, 140_000), (1, WHOLE, 500_000)]);
    assert_eq!(odd.as_slice().len(), 2);
    assert_eq!(odd.as_slice()[0].grant, Grant { layer: 1, temporal: 1 });
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn costs() -> impl Strategy<Value = Steps> {
        proptest::collection::vec((0..4_u8, 0..4_u8, 1_000..3_000_000_u64), 0..10).prop_map(|mut all| {
            all.sort_unstable();
            steps(&all)
        })
    }

    fn streams() -> impl Strategy<Value = Vec<Stream>> {
        let held = proptest::option::of((0..4_u8, 0..4_u8));
        let one = (0..6_u8, proptest::bool::weighted(0.2), costs(), held).prop_map(|(rank, keeps, steps, held)| {
            Stream::new(
                ConsumerKey::default(),
                (rank, keeps),
                steps,
                held.map(|(layer, temporal)| Grant { layer, temporal }),
            )
        });
        proptest::collection::vec(one, 0..12).prop_map(|mut all| {
            all.sort_by_key(|stream| std::cmp::Reverse(stream.rank));
            all
        })
    }

    fn run(streams: &[Stream], budget_bps: u64, may_raise: bool) -> (Vec<Stream>, Shared) {
        let mut streams = streams.to_vec();
        let told = share(&mut streams, budget_bps, may_raise);
        (streams, told)
    }

    proptest! {
        #[test]
        fn never_above_the_budget_but_for_what_may_not_be_paused(all in streams(), budget in 0..8_000_000_u64) {
            let (got, told) = run(&all, budget, true);
            let kept: u64 = got.iter().filter(|one| one.keeps).filter_map(|one| one.steps.as_slice().first()).map(|step| step.bps).sum();
            prop_assert!(told.spent_bps <= budget.max(kept) && got.iter().map(Stream::granted_bps).sum::<u64>() == told.spent_bps);
        }

        /// With a larger budget, each stream alone never gets less. In a group, the base steps in order of service never get
        /// less.
        #[test]
        fn more_is_never_worse(all in streams(), budget in 0..8_000_000_u64, more in 0..4_000_000_u64) {
            for one in &all {
                let few = run(&[*one], budget, true).0[0].granted;
                prop_assert!(run(&[*one], budget + more, true).0[0].granted >= few);
            }
            // The base steps, in the order of service.
            let bases = |budget| -> Vec<u8> {
                run(&all, budget, true).0.iter().map(|one| one.granted.min(one.base())).collect()
            };
            prop_assert!(bases(budget + more) >= bases(budget));
        }

        #[test]
        fn what_is_wanted_would_change_something(all in streams(), budget in 0..8_000_000_u64) {
            let (before, told) = run(&all, budget, true);
            if let Some(wanted_bps) = told.wanted_bps {
                prop_assert!(wanted_bps > budget);
                let (after, more) = run(&all, wanted_bps, true);
                let changed = before.iter().zip(&after).any(|(a, b)| b.granted > a.granted);
                prop_assert!(changed, "{:?} {:?}", told, more);
            }
        }

        #[test]
        fn nobody_is_raised_when_it_is_too_soon(all in streams(), budget in 0..8_000_000_u64) {
            let (got, _) = run(&all, budget, false);
            prop_assert!(got.iter().all(|one| one.granted <= one.held.max(u8::from(one.keeps))));
        }

        #[test]
        fn what_is_held_stays_while_it_fits(all in streams()) {
            let held: u64 = all.iter().map(Stream::held_bps).sum();
            let (got, _) = run(&all, held, false);
            let kept = all.iter().filter(|one| one.keeps && one.held == 0).count();
            prop_assert!(kept > 0 || got.iter().all(|one| one.granted == one.held));
        }

        #[test]
        fn equals_with_equal_costs_are_a_step_apart_at_most(
            mut costs in proptest::collection::vec(1_000..900_000_u64, 0..8),
            count in 2..8_usize,
            budget in 0..8_000_000_u64,
        ) {
            // Each step costs more than the step before, as with real layers.
            costs.sort_unstable();
            let sums = costs.iter().scan(0, |sum, bps| Some({ *sum += bps; *sum }));
            let costs = steps(&sums.zip(0..).map(|(bps, layer)| (layer, WHOLE, bps)).collect::<Vec<_>>());
            let all = vec![Stream::new(ConsumerKey::default(), (0, false), costs, Some(Grant::ALL)); count];
            let (got, _) = run(&all, budget, true);
            let (least, most) = got.iter().fold((u8::MAX, 0), |ends, one| (ends.0.min(one.granted), ends.1.max(one.granted)));
            prop_assert!(most - least <= 1);
        }
    }
}
