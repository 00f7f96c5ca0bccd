//! Who is sent what when the way is narrow: allocator, estimator and pacer together over modelled ways.

mod peer;
mod watch;
mod way;

use plane_core::command::Command;
use way::{CAMERA, Change, Losses, Tells, World, consumer};

/// One camera with a voice, and a viewer of it.
fn two(rate_bps: fn(u64) -> f64, tells: Tells) -> World {
    let mut world = World::new();
    world.camera(&CAMERA);
    world.viewer(rate_bps, tells);
    world
}

#[test]
fn a_wide_way_is_used_whole_and_never_probed() {
    let mut world = two(|_| 20e6, Tells::Arrivals);
    world.run(30);
    assert_eq!((world.layer(0, 0), world.estimate(0), world.probe_bytes()), (Some(2), 0, 0));
    assert_eq!(world.voices_lost(0), 0);
}

#[test]
fn a_step_down_is_usable_within_three_seconds_and_up_within_fifteen() {
    let rate = |us: u64| if (20_000_000..50_000_000).contains(&us) { 300e3 } else { 2e6 };
    let mut world = two(rate, Tells::Arrivals);
    world.run(20);
    assert_eq!(world.layer(0, 0), Some(2));
    world.run(3);
    assert_eq!(world.layer(0, 0), Some(0), "{:?}", world.changes);
    let lost = world.voices_lost(0);
    assert!(lost < 25, "{lost} of 150 while nobody knew");
    world.viewers[0].worst_us = 0.0;
    let before = world.viewers[0].streams[&way::VIDEO_SSRC].bytes;
    world.run(27);
    let got = world.viewers[0].streams[&way::VIDEO_SSRC].bytes - before;
    assert!(got * 8 / 27 > 100_000, "{got} {:?}", world.changes);
    assert_eq!(world.voices_lost(0), lost, "{:?}", world.changes);
    assert!(world.viewers[0].worst_us < 300_000.0);
    world.run(15);
    assert_eq!(world.layer(0, 0), Some(2), "{:?}", world.changes);
    assert_eq!(world.voices_lost(0), lost);
}

#[test]
fn at_an_even_rate_the_picture_does_not_flap_and_voices_are_whole() {
    let rates: [fn(u64) -> f64; 10] =
        [|_| 60e3, |_| 150e3, |_| 220e3, |_| 300e3, |_| 450e3, |_| 600e3, |_| 800e3, |_| 1.2e6, |_| 1.7e6, |_| 2.5e6];
    for rate in rates {
        let mut world = two(rate, Tells::Arrivals);
        world.run(20);
        let lost = world.voices_lost(0);
        world.run(70);
        let changes = world.changes_of(0, 20);
        assert!(changes.len() <= 6, "{}: {changes:?}", rate(0));
        assert_eq!(world.voices_lost(0), lost, "{}: {changes:?}", rate(0));
        let fits = CAMERA.iter().rposition(|bps| bps * 1.25 + 60e3 < rate(0)).map(|layer| layer as u8);
        assert!(world.layer(0, 0) >= fits, "{}: {:?} {changes:?}", rate(0), world.layer(0, 0));
    }
}

#[test]
fn a_thin_viewer_never_lowers_what_another_gets() {
    let mut world = World::new();
    world.camera(&CAMERA);
    world.camera(&CAMERA);
    let wide = world.viewer(|_| 20e6, Tells::Arrivals);
    let thin = world.viewer(|us| if us < 10_000_000 { 20e6 } else { 250e3 }, Tells::Arrivals);
    world.run(40);
    assert_eq!((world.layer(wide, 0), world.layer(wide, 1)), (Some(2), Some(2)));
    assert_eq!(world.changes_of(wide, 1), []);
    let figures = world.stage.shard.snapshot(world.stage.now_us).consumers;
    let lowered = |viewer| {
        let of = |camera| figures.iter().find(|of| of.consumer == consumer(viewer, camera)).unwrap().lowered;
        of(0) + of(1)
    };
    assert!(lowered(wide) == 0 && lowered(thin) > 0, "{figures:?}");
    assert!(world.layer(thin, 0) < Some(1) && world.layer(thin, 1) < Some(1));
    assert_eq!(world.voices_lost(wide), 0);
}

#[test]
fn whoever_speaks_is_seen_best_and_what_does_not_fit_says_so() {
    let mut world = World::new();
    (0..5).for_each(|_| {
        world.camera(&CAMERA);
    });
    world.cameras[3].level = 20;
    world.viewer(|_| 1.2e6, Tells::Arrivals);
    world.run(40);
    let layers: Vec<_> = (0..5).map(|camera| world.layer(0, camera)).collect();
    assert_eq!(layers[3].max(Some(1)), layers[3], "{layers:?}");
    assert!(layers.iter().all(|layer| *layer <= layers[3]), "{layers:?}");
    world.viewers[0].rate_bps = |_| 500e3;
    world.run(20);
    let layers: Vec<_> = (0..5).map(|camera| world.layer(0, camera)).collect();
    assert!(layers[3].is_some() && layers.contains(&None), "{layers:?}");
    let starved = layers.iter().position(Option::is_none).unwrap() as u32;
    let last = world.changes.iter().rfind(|change| change.1 == consumer(0, starved)).unwrap();
    assert_eq!(last.2, Change::Starved);
    // Another one speaks.
    (world.cameras[3].level, world.cameras[starved as usize].level) = (127, 20);
    world.run(20);
    assert!(world.layer(0, starved).is_some(), "{:?}", world.changes);
}

#[test]
fn what_is_pinned_goes_first_and_what_may_not_be_paused_stays() {
    let mut world = World::new();
    (0..4).for_each(|_| {
        world.camera(&CAMERA);
    });
    world.viewer(|_| 700e3, Tells::Arrivals);
    world.stage.command(Command::SetPriority { consumer: consumer(0, 2), priority: 4, keeps: false });
    world.run(40);
    let layers: Vec<_> = (0..4).map(|camera| world.layer(0, camera)).collect();
    assert!(layers[2] == layers.iter().copied().max().unwrap() && layers[2].is_some(), "{layers:?}");
    world.viewers[0].rate_bps = |_| 120e3;
    world.stage.command(Command::SetPriority { consumer: consumer(0, 3), priority: 0, keeps: true });
    world.run(20);
    assert_eq!(world.layer(0, 3), Some(0), "{:?}", world.changes);
    assert_eq!((world.layer(0, 0), world.layer(0, 1)), (None, None));
}

#[test]
fn a_narrow_way_that_carries_all_that_is_wanted_is_not_probed() {
    let mut world = two(|us| if us < 10_000_000 { 300e3 } else { 5e6 }, Tells::Arrivals);
    world.run(40);
    assert_eq!(world.layer(0, 0), Some(2));
    let before = world.probe_bytes();
    assert!(before > 0);
    world.run(60);
    assert_eq!(world.probe_bytes(), before);
}

#[test]
fn remb_is_a_cap() {
    let mut world = two(|_| 20e6, Tells::Remb(400_000));
    world.run(10);
    assert_eq!(world.layer(0, 0), Some(0));
    world.viewers[0].tells = Tells::Remb(10_000_000);
    world.run(5);
    assert_eq!(world.layer(0, 0), Some(2));
}

#[test]
fn without_either_losses_that_are_reported_count() {
    let mut world = two(|us| if us < 20_000_000 { 20e6 } else { 400e3 }, Tells::Reports);
    world.run(20);
    assert_eq!((world.layer(0, 0), world.estimate(0)), (Some(2), 0));
    world.run(10);
    assert!(world.layer(0, 0) < Some(2) && world.estimate(0) < 500_000, "{:?}", world.changes);
    world.viewers[0].rate_bps = |_| 20e6;
    world.run(90);
    assert_eq!(world.layer(0, 0), Some(2), "{:?}", world.changes);
}

#[test]
fn what_a_way_loses_of_itself_stops_no_picture() {
    for loses in [0.05, 0.1, 0.2, 0.25] {
        for camera in [&CAMERA[..], &CAMERA[..2], &CAMERA[1..2]] {
            let mut world = World::new();
            world.camera(camera);
            world.viewer(|_| 20e6, Tells::Arrivals);
            world.viewers[0].losses = Losses::new(loses, 1.0);
            world.run(40);
            let starved = world.changes.iter().any(|change| change.2 == Change::Starved);
            assert!(!starved, "{loses} of {} layers: {:?}", camera.len(), world.changes);
        }
    }
}

#[test]
fn a_picture_that_was_stopped_comes_back_where_nobody_says_a_word() {
    let mut world = World::new();
    world.camera(&CAMERA);
    world.cameras[0].silent = true;
    world.viewer(|us| if (10_000_000..25_000_000).contains(&us) { 12e3 } else { 20e6 }, Tells::Arrivals);
    world.run(25);
    assert_eq!(world.layer(0, 0), None, "{:?}", world.changes);
    world.run(45);
    assert_eq!(world.layer(0, 0), Some(2), "{:?}", world.changes);
}
