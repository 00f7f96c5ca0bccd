//! Messages on a line, in a whole shard: the orders to a camera and the answers of a terminal, plain and over SRTP. Other tests
//! show the effect of a stranger or a flood.

use std::net::SocketAddr;

use crate::peer::Stage;
use plane_core::path::Path;
use plane_core::seam::command::Command;
use plane_core::seam::event::{Event, LineState};
use plane_core::shard::tables::line::SILENT_US;
use plane_core::shard::tables::message_stream::REPORT_INTERVAL_US;
use plane_core::shard::uplink::messages::MESSAGE_BYTES_MAX;
use plane_core::wire::rtp;
use plane_core::wire::srtp::{Inbound, Outbound};
use plane_core::wire::srtp_profile::Profile;

const LINE: u32 = 7;
const SENT_TYPE: u8 = 100;
const RECEIVED_TYPE: u8 = 101;
const PROFILE: Profile = Profile::Aes128CmSha1_80;

fn camera() -> SocketAddr {
    ([192, 0, 2, 1], 5_000).into()
}

fn way(socket: u16, remote: SocketAddr) -> Path {
    Path::Udp { socket, remote, local: None }
}

/// Return a stage with one line. With `keys` it uses SRTP, and the far end has the same keys in reverse.
fn stage(keys: bool) -> Stage {
    let mut stage = Stage::new();
    stage.command(Command::OpenLine {
        router: 1,
        transport: LINE,
        rtp_socket: 4,
        rtcp_socket: Some(5),
        latch: true,
        silent_us: SILENT_US,
        cname: "bridge".into(),
    });
    stage.command(Command::OpenMessages { transport: LINE, send_type: SENT_TYPE, receive_type: RECEIVED_TYPE });
    if keys {
        stage.command(Command::SetKeys {
            transport: LINE,
            profile: PROFILE,
            receive_key: vec![1; 16],
            receive_salt: vec![2; 14],
            send_key: vec![3; 16],
            send_salt: vec![4; 14],
        });
    }
    stage.command(Command::SetLineRemote { transport: LINE, rtp: Some(camera()), rtcp: None });
    stage
}

fn send(stage: &mut Stage, message: &[u8]) {
    stage.command(Command::SendMessage { transport: LINE, message: message.to_vec() });
}

fn packet(kind: u8, number: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 12];
    rtp::write_header(&mut packet, false, kind, number, 0, 0x700, &[]);
    packet.extend_from_slice(payload);
    packet
}

fn told(stage: &Stage) -> Vec<Vec<u8>> {
    let message = |event: &Event| match event {
        Event::Message { transport: LINE, message } => Some(message.to_vec()),
        _ => None,
    };
    stage.events.iter().filter_map(message).collect()
}

#[test]
fn each_message_is_a_packet_with_the_next_number_at_its_time() {
    let mut stage = stage(false);
    send(&mut stage, b"start");
    stage.advance(400_000);
    send(&mut stage, b"on");
    stage.command(Command::OpenMessages { transport: LINE, send_type: 102, receive_type: RECEIVED_TYPE });
    send(&mut stage, b"stop");
    let got = stage.take_to(way(4, camera()));
    let headers: Vec<_> = got.iter().map(|datagram| rtp::parse(datagram).unwrap()).collect();
    let [first, second, third] = headers[..] else { panic!("{got:?}") };
    assert_eq!((&got[0][12..], &got[1][12..], &got[2][12..]), (&b"start"[..], &b"on"[..], &b"stop"[..]));
    assert_eq!((first.payload_type, second.payload_type, third.payload_type), (SENT_TYPE, SENT_TYPE, 102));
    assert_eq!(second.sequence.wrapping_sub(first.sequence), 1);
    assert_eq!(third.sequence.wrapping_sub(second.sequence), 1);
    assert_eq!((first.ssrc, second.ssrc), (third.ssrc, third.ssrc));
    // 400 ms of a clock of 4800 Hz.
    assert_eq!(second.timestamp.wrapping_sub(first.timestamp), 1_920);
}

#[test]
fn what_the_far_end_says_is_told_and_latches_the_line() {
    let mut stage = stage(false);
    let (elsewhere, stranger) = ((camera().ip(), 6_000).into(), ([198, 51, 100, 1], 5_000).into());
    stage.deliver_from(way(4, stranger), &packet(RECEIVED_TYPE, 1, b"turn"));
    stage.deliver_from(way(4, camera()), &packet(8, 1, b"of another type"));
    assert!(told(&stage).is_empty());
    stage.deliver_from(way(4, elsewhere), &packet(RECEIVED_TYPE, 1, b"clients"));
    stage.deliver_from(way(4, elsewhere), &packet(RECEIVED_TYPE, 2, b""));
    stage.deliver_from(way(4, elsewhere), &packet(RECEIVED_TYPE, 3, &[0; MESSAGE_BYTES_MAX + 1]));
    assert_eq!(told(&stage), [b"clients"]);
    assert!(matches!(stage.events[..], [Event::Line { state: LineState::First, .. }, Event::Message { .. }]));
    send(&mut stage, b"here");
    assert_eq!((stage.take_to(way(4, elsewhere)).len(), stage.take_to(way(4, camera())).len()), (1, 0));
}

#[test]
fn under_srtp_both_ways_are_sealed() {
    let mut stage = stage(true);
    stage.deliver_from(way(4, camera()), &packet(RECEIVED_TYPE, 1, b"in clear"));
    assert!(told(&stage).is_empty());
    let outbound = Outbound::new(PROFILE, &[1; 16], &[2; 14]).unwrap();
    let mut sealed = [&packet(RECEIVED_TYPE, 1, b"clients")[..], &[0; 16]].concat();
    let len = outbound.seal_rtp(&mut sealed, 12 + 7, 12, 0);
    stage.deliver_from(way(4, camera()), &sealed[..len]);
    stage.deliver_from(way(4, camera()), &sealed[..len]);
    assert_eq!(told(&stage), [b"clients"], "once: the second is a replay");
    let mut inbound = Inbound::new(PROFILE, &[3; 16], &[4; 14]).unwrap();
    for message in [&b"one"[..], b"two"] {
        send(&mut stage, message);
        let mut got = stage.take_to(way(4, camera())).remove(0);
        let header = rtp::parse(&got).unwrap();
        let len = inbound.open_rtp(&mut got, &header).expect("sealed by our key");
        assert_eq!(&got[12..len], message);
    }
}

#[test]
fn numbers_turn_over_under_srtp() {
    let mut stage = stage(true);
    let mut inbound = Inbound::new(PROFILE, &[3; 16], &[4; 14]).unwrap();
    for n in 0..70_000u32 {
        send(&mut stage, &n.to_be_bytes());
        let mut got = stage.take_to(way(4, camera())).remove(0);
        let header = rtp::parse(&got).unwrap();
        let len = inbound.open_rtp(&mut got, &header).expect("the counter goes on");
        assert_eq!(&got[12..len], n.to_be_bytes());
    }
}

#[test]
fn nothing_goes_out_before_there_is_an_address_nor_on_hold() {
    let mut stage = stage(false);
    stage.command(Command::SetLineRemote { transport: LINE, rtp: None, rtcp: None });
    send(&mut stage, b"lost");
    assert!(stage.take_to(way(4, camera())).is_empty());
    // A line that carries tracks sends no messages.
    let stale = stage.shard.snapshot(0).totals.stale_commands;
    stage.command(Command::SendMessage { transport: LINE + 1, message: vec![1] });
    assert_eq!(stage.shard.snapshot(0).totals.stale_commands, stale + 1);
}

#[test]
fn a_flood_is_cut_to_what_one_far_end_may_tell() {
    let mut stage = stage(false);
    for number in 0..1_000 {
        stage.deliver_from(way(4, camera()), &packet(RECEIVED_TYPE, number, b"turn"));
    }
    assert_eq!(told(&stage).len(), 40);
    stage.advance(1_000_000);
    for number in 1_000..2_000 {
        stage.deliver_from(way(4, camera()), &packet(RECEIVED_TYPE, number, b"turn"));
    }
    assert_eq!(told(&stage).len(), 60);
}

#[test]
fn it_reports_seldom() {
    let mut stage = stage(false);
    stage.advance(10 * REPORT_INTERVAL_US);
    let reports = stage.take_to(way(5, (camera().ip(), 5_001).into()));
    assert!((10..=11).contains(&reports.len()), "{}", reports.len());
}
