//! The streams that viewers get when the downlink is narrow: allocator, estimator and pacer together over modelled links.

use crate::way::{self, CAMERA, Change, Losses, Tells, VOICE_SSRC, Viewer, World, consumer};
use plane_core::seam::command::Command;
use plane_core::wire::rtcp::{self, ReportBlock};

/// Return a world with one camera, its voice, and a viewer.
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
    // Another participant speaks.
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

/// A screen goes before cameras but behind the dominant speaker, with the priority that conferences give a shared screen. The
/// screen needs at least 170 kbit/s, a camera 60 and the voices 150.
#[test]
fn a_screen_goes_before_cameras_and_behind_whoever_speaks() {
    let mut world = World::new();
    (0..2).for_each(|_| _ = world.camera(&CAMERA));
    let screen = world.camera(&[400e3]) as u32;
    world.viewer(|_| 380e3, Tells::Arrivals);
    world.stage.command(Command::SetPriority { consumer: consumer(0, screen), priority: 1, keeps: false });
    world.run(60);
    let layers = |world: &World| (0..3).map(|camera| world.layer(0, camera)).collect::<Vec<_>>();
    assert_eq!(layers(&world), [None, None, Some(0)], "{:?}", world.changes);
    world.cameras[1].level = 20;
    world.run(60);
    assert_eq!(layers(&world), [None, Some(0), None], "{:?}", world.changes);
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

/// Return the number of seconds above the bound.
fn above(kbps: &[u64], bound: u64) -> usize {
    kbps.iter().filter(|kbps| **kbps > bound).count()
}

/// Return the bitrate of a voice in each second of three minutes: 48 kbit/s, or 149 with copies. `way` sets the state of the
/// link at each moment. `reports_s` is the time between two loss reports, besides the feedback `tells`.
fn voice_kbps(way: impl Fn(&mut Viewer, u64), pauses: bool, (tells, reports_s): (Tells, u64)) -> Vec<u64> {
    let mut world = two(|_| 20e6, tells);
    world.cameras[0].layers.clear();
    let voice = consumer(0, 0) + 500;
    world.stage.command(Command::MakeRed { consumer: voice, payload_type: 63 });
    let (mut sent, begun_us) = (Vec::new(), world.stage.now_us);
    let mut before = world.voice(0, 0);
    for second in 0..180 {
        world.cameras[0].silent = pauses && second % 6 >= 3;
        while world.stage.now_us < begun_us + (second + 1) * 1_000_000 {
            way(&mut world.viewers[0], world.stage.now_us - begun_us);
            world.step();
        }
        if second % reports_s == 0 {
            let now = world.voice(0, 0);
            let (lost, came) = (now.lost - before.lost, now.packets - before.packets);
            let fraction_lost = (lost * 256 / (lost + came).max(1)).min(255) as u8;
            let block = ReportBlock { ssrc: VOICE_SSRC, fraction_lost, highest: now.highest, ..ReportBlock::default() };
            let mut report = [0; 64];
            let len = rtcp::write_rr(&mut report, 5, &[block]);
            world.stage.send_compound(&mut world.viewers[0].peer, &report[..len]);
            before = now;
        }
        let snapshot = world.stage.shard.snapshot(world.stage.now_us);
        sent.push(snapshot.consumers.iter().find(|one| one.consumer == voice).expect("the voice").bytes);
    }
    sent.windows(2).map(|pair| (pair[1] - pair[0]) * 8 / 1_000).collect()
}

/// On a downlink that is too narrow for the copies, they are sent rarely. Most copies would be lost, and some packets that they
/// repair too, with or without a queue. A moment with even less bandwidth starts this state.
#[test]
fn on_a_way_that_does_not_carry_the_copies_they_go_out_seldom() {
    for rate_bps in [(|_| 40e3) as fn(u64) -> f64, |_| 64e3, |_| 100e3] {
        for (queue_us_max, pauses) in [(30_000.0, false), (300_000.0, false), (30_000.0, true), (300_000.0, true)] {
            let narrow = |viewer: &mut Viewer, us: u64| {
                viewer.queue_us_max = queue_us_max;
                viewer.rate_bps = if us / 2_000_000 == 5 { |_| 30e3 } else { rate_bps };
            };
            let kbps = &voice_kbps(narrow, pauses, (Tells::Arrivals, 1))[30..];
            let count = |least: u64| kbps.iter().filter(|kbps| **kbps > least).count();
            // If the voice itself needs more than the downlink, some packets are always lost. So the server must try sometimes
            // whether that state is over.
            let seldom = if rate_bps(0) < 48e3 { count(30) / 8 } else { count(30) / 30 };
            assert!(count(70) < seldom, "{:?}: {kbps:?}", (rate_bps(0), queue_us_max, pauses));
        }
    }
}

/// The same holds if the link also has random losses: copies repair only losses that they do not cause.
#[test]
fn nor_where_it_loses_some_of_its_own() {
    for (rate_bps, loses) in [((|_| 64e3) as fn(u64) -> f64, 0.03), (|_| 64e3, 0.08), (|_| 100e3, 0.08)] {
        for (queue_us_max, reports_s) in [(30_000.0, 1), (30_000.0, 5), (300_000.0, 1), (300_000.0, 5)] {
            let narrow = |viewer: &mut Viewer, us: u64| {
                viewer.queue_us_max = queue_us_max;
                viewer.rate_bps = if us / 2_000_000 == 5 { |_| 30e3 } else { rate_bps };
                if us == 0 {
                    viewer.losses = Losses::new(loses, 1.0);
                }
            };
            let kbps = &voice_kbps(narrow, false, (Tells::Arrivals, reports_s))[30..];
            let (speaks, often) = (above(kbps, 30), above(kbps, 70));
            assert!(speaks > kbps.len() / 2, "the voice itself: {kbps:?}");
            assert!(often < kbps.len() / 4, "{often}: {:?}: {kbps:?}", (rate_bps(0), loses, queue_us_max, reports_s));
        }
    }
}

/// A wide link that loses many packets for some seconds is not taken for a narrow link. Only losses without copies prove that a
/// link is narrow.
#[test]
fn a_wide_way_that_loses_very_much_for_seconds_is_not_taken_for_a_narrow_one() {
    for (on_s, period_s, loses) in [(4, 10, 0.5), (4, 10, 0.6), (4, 8, 0.6), (5, 9, 0.6), (2, 8, 0.7), (4, 10, 0.8)] {
        let lossy = |viewer: &mut Viewer, us: u64| match us % (period_s * 1_000_000) {
            0 => viewer.losses = Losses::new(loses, 1.0),
            us if us == on_s * 1_000_000 => viewer.losses = Losses::new(0.0, 1.0),
            _ => {}
        };
        let kbps = voice_kbps(lossy, false, (Tells::Arrivals, 1));
        let of_them = kbps.iter().zip(1..).skip(30).filter(|(_, second)| second % period_s < on_s);
        let (with, all) = of_them.fold((0, 0), |(with, all), (kbps, _)| (with + u64::from(*kbps > 70), all + 1));
        assert!(with * 10 >= all * 4, "{with} of {all}: {:?}: {kbps:?}", (on_s, period_s, loses));
    }
}

/// The same holds if rare reports are the only news of losses.
#[test]
fn nor_where_the_viewer_tells_seldom() {
    for rate_bps in [(|_| 64e3) as fn(u64) -> f64, |_| 100e3] {
        for reports_s in [1, 5] {
            let narrow = |viewer: &mut Viewer, us: u64| {
                viewer.queue_us_max = 30_000.0;
                viewer.rate_bps = if us / 2_000_000 == 5 { |_| 30e3 } else { rate_bps };
            };
            let kbps = &voice_kbps(narrow, false, (Tells::Nothing, reports_s))[30..];
            let (speaks, often) = (above(kbps, 30), above(kbps, 70));
            assert!(speaks > kbps.len() / 2, "the voice itself: {kbps:?}");
            assert!(often < kbps.len() / 8, "{often}: {:?}: {kbps:?}", (rate_bps(0), reports_s));
        }
    }
}

/// On a wide link with high loss, copies are sent nearly always. The server tests whether fewer packets are lost without
/// copies.
#[test]
fn on_a_wide_way_that_loses_much_copies_go_out_nearly_always() {
    for (loses, run) in [(0.1, 1.0), (0.2, 1.0), (0.2, 4.0), (0.3, 1.0), (0.3, 4.0)] {
        let lossy = |viewer: &mut Viewer, us: u64| {
            if us == 0 {
                viewer.losses = Losses::new(loses, run);
            }
        };
        let kbps = voice_kbps(lossy, false, (Tells::Arrivals, 1));
        let seldom = kbps.iter().filter(|kbps| **kbps < 70).count();
        assert!(seldom <= 10, "{loses} in runs of {run}: {seldom}: {kbps:?}");
    }
}

/// Copies are sent again each time that a wide link begins to lose packets, for five seconds in every twelve. The end of a loss
/// period looks as if the copies had caused the loss.
#[test]
fn copies_go_out_each_time_that_a_wide_way_begins_to_lose() {
    let lossy = |viewer: &mut Viewer, us: u64| match us % 12_000_000 {
        0 => viewer.losses = Losses::new(0.35, 1.0),
        5_000_000 => viewer.losses = Losses::new(0.0, 1.0),
        _ => {}
    };
    let kbps = voice_kbps(lossy, false, (Tells::Arrivals, 1));
    for episode in kbps.chunks_exact(12) {
        assert!(episode[..4].iter().filter(|kbps| **kbps > 100).count() >= 2, "{kbps:?}");
    }
}
