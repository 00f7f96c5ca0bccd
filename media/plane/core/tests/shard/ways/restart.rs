//! A link that carries nothing for a while: video continues with a key frame that is requested at once.

use crate::peer::{self, frame};
use crate::way::{CAMERA, Tells, VIDEO_SSRC, World};
use plane_core::wire::{rtcp, rtp};

const CAMERA_SSRC: u32 = 0x1000;

/// Return a camera and a viewer. After five seconds the viewer's link is cut for `ms` milliseconds, and then the viewer has
/// another port.
fn move_after(ms: u64) -> World {
    let mut world = World::new();
    world.camera(&CAMERA[..1]);
    world.viewer(|_| 20e6, Tells::Arrivals);
    world.run(5);
    world.viewers[0].is_cut = true;
    (0..ms).for_each(|_| world.step());
    world.viewers[0].is_cut = false;
    world.stage.take_to(world.cameras[0].peer.path);
    world.viewers[0].peer.path = peer::path(9_001);
    world.stage.consent(&world.viewers[0].peer);
    world
}

fn asked(world: &mut World) -> Vec<u32> {
    world.stage.plis_to(&mut world.cameras[0].peer)
}

/// Return how many of the last packets of the video are retransmitted.
fn resent(world: &mut World, last: u16) -> usize {
    let viewer = &mut world.viewers[0];
    let highest = viewer.streams[&VIDEO_SSRC].highest as u16;
    let mut buffer = [0; 256];
    let len = rtcp::write_nack(&mut buffer, 5, VIDEO_SSRC, (0..last).map(|back| highest - back));
    world.stage.send_compound(&mut viewer.peer, &buffer[..len]);
    let datagrams = world.stage.take_to(viewer.peer.path);
    datagrams.iter().filter(|one| rtp::parse(one).is_ok_and(|header| header.ssrc == VIDEO_SSRC + 1)).count()
}

#[test]
fn a_viewer_that_is_found_on_another_network_gets_a_key_frame_at_once() {
    let mut world = move_after(2_000);
    assert_eq!(asked(&mut world), [CAMERA_SSRC]);
    world.cameras[0].key[0] = true;
    assert_eq!(resent(&mut world, 20), 0, "what went into the hole would come too late");
    world.keys_asked = 0;
    world.run(3);
    assert_eq!(world.keys_asked, 0, "once is enough");
    assert_eq!(resent(&mut world, 20), 20);
}

#[test]
fn one_that_moves_without_a_gap_costs_the_publisher_nothing() {
    let mut world = move_after(100);
    assert_eq!(asked(&mut world), []);
    assert_eq!(resent(&mut world, 3), 3);
}

#[test]
fn a_way_that_comes_back_by_itself_is_noticed_by_the_first_word() {
    let mut world = World::new();
    world.camera(&CAMERA[..1]);
    world.viewer(|_| 20e6, Tells::Arrivals);
    world.run(5);
    world.viewers[0].is_cut = true;
    world.run(2);
    world.viewers[0].is_cut = false;
    world.keys_asked = 0;
    (0..250).for_each(|_| world.step());
    assert_eq!(world.keys_asked, 1);
}

#[test]
fn a_publisher_that_was_cut_off_is_asked_for_a_key_frame_instead_of_all_that_is_missing() {
    for (silent_ms, lost, key) in [(1_000, 20, true), (1_000, 5, false), (100, 20, false)] {
        let mut world = World::new();
        world.camera(&CAMERA[..1]);
        world.viewer(|_| 20e6, Tells::Arrivals);
        let World { stage, cameras, .. } = &mut world;
        let camera = &mut cameras[0].peer;
        for n in 0..10 {
            stage.publish_frame(camera, 0, n, n == 0, &[500]);
        }
        stage.take_to(camera.path);
        (10..10 + lost).for_each(|n| drop(frame(camera, 0, n, false, &[500])));
        stage.advance(silent_ms * 1_000);
        stage.publish_frame(camera, 0, 10 + lost, false, &[500]);
        let mut plis = Vec::new();
        let nacks = stage.rtcp_to(camera, |packet, nacks: &mut Vec<u16>| match packet {
            rtcp::Packet::Pli { media } => plis.push(media),
            rtcp::Packet::Nack { items, .. } => nacks.extend(items),
            _ => {}
        });
        assert_eq!(plis.len(), usize::from(key), "{silent_ms} ms, {lost}");
        assert_eq!(nacks.len(), if key { 0 } else { usize::from(lost) }, "{silent_ms} ms, {lost}");
    }
}
