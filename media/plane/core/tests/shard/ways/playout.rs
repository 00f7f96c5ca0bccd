//! The time that a viewer must keep pictures, computed from its loss reports, packet by packet.

use crate::peer::{Peer, Stage, frame};
use plane_core::wire::rtcp::{self, Packet, ReportBlock};
use plane_core::wire::rtcp_extended::{self, Delay, Told};
use plane_core::wire::rtp;

const SSRC: u32 = 0x9000;
const PLAYOUT_DELAY: u8 = 5;

struct Call {
    stage: Stage,
    camera: Peer,
    viewer: Peer,
    frame: u16,
    told: ReportBlock,
}

impl Call {
    fn new() -> Self {
        let mut stage = Stage::new();
        let (camera, viewer) = (stage.join(1), stage.join(2));
        stage.publish(&camera, 10, 1);
        stage.consume(&viewer, 100, 10);
        Call { stage, camera, viewer, frame: 0, told: ReportBlock { ssrc: SSRC, ..ReportBlock::default() } }
    }

    /// Send `packets` packets and report `lost` of them as lost.
    fn tell(&mut self, packets: u32, lost: u32) {
        for _ in 0..packets {
            self.stage.publish_frame(&mut self.camera, 0, self.frame, self.frame == 0, &[500]);
            self.frame += 1;
            self.stage.advance(20_000);
        }
        let sent = self.stage.sealed(&self.viewer, SSRC);
        if self.told.highest == 0 {
            self.told.highest = u32::from(rtp::parse(&sent[0]).expect("RTP").sequence).wrapping_sub(1);
        }
        self.told.highest += packets;
        self.told.fraction_lost = (lost * 256 / packets).min(255) as u8;
        self.told.cumulative_lost += lost as i32;
        let mut report = [0; 64];
        let len = rtcp::write_rr(&mut report, 5, &[self.told]);
        self.stage.send_compound(&mut self.viewer, &report[..len]);
    }

    /// Send `packets` packets at 50 a second. Each packet number `lost` is lost on the uplink.
    fn send(&mut self, packets: u16, lost: u16) {
        for n in 0..packets {
            let sent = frame(&mut self.camera, 0, self.frame, self.frame == 0, &[500]);
            if n % lost != lost - 1 {
                self.stage.deliver(&self.camera, &sent[0]);
            }
            self.frame += 1;
            self.stage.advance(20_000);
        }
    }

    /// Send one more packet. Return the last time report to the camera since then: its SSRC and its time.
    fn told_time(&mut self) -> Option<(u32, u64)> {
        self.send(1, u16::MAX);
        let told = self.stage.rtcp_to(&mut self.camera, |packet, told: &mut Vec<(u32, u64)>| {
            let Packet::Extended { ssrc, blocks } = packet else { return };
            told.extend(blocks.filter_map(|one| if let Told::Time(ntp) = one { Some((ssrc, ntp)) } else { None }));
        });
        told.last().copied()
    }

    /// Return the smallest keep time in the newest packet, or None if the packet has no such value.
    fn keep_ms(&mut self) -> Option<u32> {
        self.stage.publish_frame(&mut self.camera, 0, self.frame, false, &[500]);
        self.frame += 1;
        let sent = self.stage.sealed(&self.viewer, SSRC);
        let newest = sent.last().expect("a packet");
        let header = rtp::parse(newest).expect("RTP");
        let (_, value) = header.extensions(newest).find(|(id, _)| *id == PLAYOUT_DELAY)?;
        Some((u32::from(value[0]) << 4 | u32::from(value[1]) >> 4) * 10)
    }
}

#[test]
fn four_packets_lost_of_the_first_eight_delay_nobody() {
    let mut call = Call::new();
    call.tell(8, 4);
    assert_eq!(call.keep_ms(), None);
    (0..3).for_each(|_| call.tell(40, 0));
    assert_eq!(call.keep_ms(), None);
}

#[test]
fn real_loss_counts_with_its_second_report() {
    let mut call = Call::new();
    call.tell(40, 4);
    call.tell(40, 4);
    // 60 ms for the unknown round-trip time, and 65 ms until the loss is seen and the picture is decoded.
    assert_eq!(call.keep_ms(), Some(130));
}

#[test]
fn what_was_lost_on_the_way_up_counts_once_however_often_the_viewer_tells() {
    for falls_silent in [false, true] {
        let mut call = Call::new();
        call.tell(1, 0);
        call.send(60, 15);
        call.stage.advance(if falls_silent { 900_000 } else { 0 });
        for _ in 0..20 {
            call.tell(1, 0);
        }
        assert_eq!(call.keep_ms(), None, "one second of 7 %, fallen silent: {falls_silent}");
    }
    let mut call = Call::new();
    call.tell(1, 0);
    for _ in 0..10 {
        call.send(49, 14);
        call.tell(1, 0);
    }
    // The time includes half of the 85 ms until the next request.
    assert_eq!(call.keep_ms(), Some(170), "that of ten seconds does count");
}

/// A publisher that only sends gets the server's time and answers how long ago it got that time. So its round-trip time is
/// measured.
#[test]
fn the_round_trip_to_a_publisher_who_watches_nothing_is_measured() {
    let mut call = Call::new();
    let rtt_ms = |call: &mut Call| {
        let snapshot = call.stage.shard.snapshot(call.stage.now_us);
        snapshot.transports.iter().find(|one| one.transport == 1).expect("the camera").rtt_ms
    };
    for answers_to_us in [false, true] {
        let (ssrc, ntp) = (0..100).find_map(|_| call.told_time()).expect("our time");
        // Up to 20 ms more have passed since the time report.
        call.stage.advance(270_000);
        let since = 200 * 65_536 / 1_000;
        let ssrc = if answers_to_us { ssrc } else { ssrc ^ 2 };
        let delays = [Delay { ssrc, last_time: 0, since }, Delay { ssrc, last_time: (ntp >> 16) as u32, since }];
        let mut answer = [0; 64];
        let len = rtcp_extended::write_delays(&mut answer, 0x1000, &delays);
        assert_eq!(rtt_ms(&mut call), -1.0, "nobody has answered");
        call.stage.send_compound(&mut call.camera, &answer[..len]);
        let expected = if answers_to_us { 69.9..91.0 } else { -1.0..0.0 };
        assert!(expected.contains(&rtt_ms(&mut call)), "{}", rtt_ms(&mut call));
    }
    // The publisher slept in between.
    let (ssrc, ntp) = (0..100).find_map(|_| call.told_time()).expect("our time");
    call.stage.advance(4_500_000);
    let mut answer = [0; 64];
    let len =
        rtcp_extended::write_delays(&mut answer, 0x1000, &[Delay { ssrc, last_time: (ntp >> 16) as u32, since: 0 }]);
    call.stage.send_compound(&mut call.camera, &answer[..len]);
    assert!((100.0..150.0).contains(&rtt_ms(&mut call)), "{}", rtt_ms(&mut call));
}
