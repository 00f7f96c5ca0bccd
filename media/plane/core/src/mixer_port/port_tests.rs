use super::*;
use proptest::prelude::*;

const SECOND_US: u64 = 1_000_000;
const MIXED: VideoFormat = VideoFormat::H264 { single_nal: false };

fn port() -> Port {
    Port::new("mixer", 1_700_000_000_000_000, 9)
}

fn sent(port: &mut Port, now_us: u64) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    port.timeout(now_us, &mut |datagram| datagrams.push(datagram.to_vec()));
    datagrams.retain(|datagram| classify(datagram) == Class::Rtp);
    datagrams
}

fn events(port: &mut Port) -> Vec<FrameEvent> {
    std::iter::from_fn(|| port.pop()).collect()
}

fn picture(units: &[usize]) -> Vec<u8> {
    units.iter().flat_map(|len| [&[0, 0, 0, 1, 0x65, 0x88][..], &vec![7; *len]].concat()).collect()
}

fn sound(number: u16, timestamp: u32) -> Vec<u8> {
    let mut packet = vec![0; 12];
    rtp::write_header(&mut packet, false, 8, number, timestamp, 5, &[]);
    packet.push(number as u8);
    packet
}

fn hear(port: &mut Port, number: u16, now_us: u64) {
    port.receive(&sound(number, u32::from(number) * 160), now_us, &mut |_| ());
}

fn numbers(port: &mut Port) -> Vec<Option<u8>> {
    let number = |event| match event {
        FrameEvent::Frame { bytes, .. } => Some(bytes[0]),
        _ => None,
    };
    events(port).into_iter().map(number).collect()
}

#[test]
fn the_first_sequence_numbers_of_streams_differ() {
    let mut port = port();
    for ssrc in 1..=8 {
        port.send_audio(ssrc, (8, 8_000, false), 0, b"sound", 0, None).unwrap();
    }
    let mut firsts: Vec<u16> =
        sent(&mut port, 0).iter().map(|packet| u16::from_be_bytes([packet[2], packet[3]])).collect();
    firsts.sort_unstable();
    firsts.dedup();
    assert_eq!(firsts.len(), 8, "{firsts:?}");
}

#[test]
fn packets_are_put_in_order_and_waited_for_no_longer_than_told() {
    let mut port = port();
    port.expect(5, Codec::Pcma, 8_000, 60_000).unwrap();
    for number in [65_534u16, 0, 1, 65_535] {
        hear(&mut port, number, 1_000);
    }
    assert_eq!(numbers(&mut port), [Some(254), Some(255), Some(0), Some(1)]);
    hear(&mut port, 3, 10_000);
    assert_eq!(numbers(&mut port), []);
    port.timeout(69_999, &mut |_| ());
    assert_eq!(numbers(&mut port), []);
    port.timeout(70_000, &mut |_| ());
    assert_eq!(numbers(&mut port), [None, Some(3)]);
    hear(&mut port, 2, 70_001);
    hear(&mut port, 3, 70_001);
    assert_eq!(numbers(&mut port), [], "too late, and twice");
}

#[test]
fn what_is_missing_is_asked_for_again() {
    let mut port = port();
    port.expect(5, Codec::Pcma, 8_000, 200_000).unwrap();
    hear(&mut port, 1, 0);
    hear(&mut port, 4, 0);
    let mut asked = Vec::new();
    for now_us in (0..100_000).step_by(5_000) {
        port.timeout(now_us, &mut |compound| {
            for packet in rtcp::packets(compound) {
                if let Packet::Nack { media: 5, items, .. } = packet.expect("ours") {
                    asked.push(items.collect::<Vec<_>>());
                }
            }
        });
    }
    assert!(asked.len() >= 2 && asked.iter().all(|items| *items == [2, 3]), "{asked:?}");
    hear(&mut port, 2, 100_000);
    hear(&mut port, 3, 100_000);
    assert_eq!(numbers(&mut port), [Some(1), Some(2), Some(3), Some(4)]);
}

#[test]
fn a_source_that_starts_anew_is_followed_after_two_packets() {
    let mut port = port();
    port.expect(5, Codec::Pcma, 8_000, 60_000).unwrap();
    hear(&mut port, 10, 0);
    hear(&mut port, 30_000, 0);
    hear(&mut port, 11, 0);
    hear(&mut port, 30_001, 0);
    assert_eq!(numbers(&mut port), [Some(10), Some(11)]);
    hear(&mut port, 30_002, 0);
    assert_eq!(numbers(&mut port), [Some(30_002u16 as u8)]);
}

#[test]
fn what_waits_is_bounded() {
    let mut port = port();
    port.expect(5, Codec::Pcma, 8_000, 60_000).unwrap();
    hear(&mut port, 0, 0);
    for number in 2..2_000u16 {
        hear(&mut port, number, 0);
    }
    assert_eq!(numbers(&mut port).len(), 1 + 1 + 1_998);
    for number in 2_000..2_000 + EVENTS_MAX as u16 + 1 {
        hear(&mut port, number, 0);
    }
    assert_eq!((port.dropped, numbers(&mut port).len()), (1, EVENTS_MAX));
    for ssrc in 6..6 + STREAMS_MAX as u32 - 1 {
        port.expect(ssrc, Codec::Opus, 48_000, 0).unwrap();
    }
    assert_eq!(port.expect(4, Codec::Opus, 48_000, 0), Err(SendRefused::Streams));
    assert_eq!(port.expect(5, Codec::Opus, 48_000, 0), Ok(()), "again is no more");
}

#[test]
fn a_stranger_ssrc_takes_no_room() {
    let mut port = port();
    hear(&mut port, 1, 0);
    assert!(port.inbound.is_empty() && !port.has_events());
}

#[test]
fn timestamps_and_sender_reports_are_counted_on_across_the_wrap() {
    let mut port = port();
    port.expect(5, Codec::Pcma, 8_000, 60_000).unwrap();
    for (number, timestamp) in [(1, u32::MAX - 100), (2, 60)] {
        port.receive(&sound(number, timestamp), 0, &mut |_| ());
    }
    let mut report = [0; 28];
    let info = rtcp::SenderInfo { ssrc: 5, ntp: (2_208_988_800 + 100) << 32, rtp: u32::MAX - 40, packets: 0, bytes: 0 };
    rtcp::write_sr(&mut report, &info, &[]);
    port.receive(&report, 0, &mut |_| ());
    let times: Vec<i64> = events(&mut port)
        .into_iter()
        .map(|event| match event {
            FrameEvent::Frame { timestamp, .. } => timestamp,
            FrameEvent::Clock { timestamp, unix_us, .. } => {
                assert_eq!(unix_us, 100 * SECOND_US as i64);
                timestamp
            }
            _ => panic!("{event:?}"),
        })
        .collect();
    assert_eq!(times, [(1 << 32) - 101, (1 << 32) + 60, (1 << 32) - 41]);
}

#[test]
fn a_key_frame_does_not_leave_all_at_once_and_sound_passes_it() {
    let mut port = port();
    port.send_video(7, (96, MIXED), 0, &picture(&[60_000]), 0).unwrap();
    port.send_audio(8, (111, 48_000, false), 0, b"sound", 0, Some((1, 20))).unwrap();
    let first = sent(&mut port, SECOND_US);
    let of = |packets: &[Vec<u8>], ssrc: u32| packets.iter().filter(|p| p[8..12] == ssrc.to_be_bytes()).count();
    assert_eq!((of(&first, 7), of(&first, 8)), (13, 1));
    let mut now_us = SECOND_US;
    let mut count = 13;
    while port.deadline() < now_us + SECOND_US / 2 {
        now_us = port.deadline().max(now_us + 1);
        let next = sent(&mut port, now_us);
        assert!(next.len() <= 2);
        count += next.len();
    }
    assert_eq!(count, 51);
    let us = now_us - SECOND_US;
    assert!((15_000..25_000).contains(&us), "{us}");
}

#[test]
fn a_picture_that_finds_no_room_is_refused_whole() {
    let mut port = port();
    let mut taken = 0;
    while port.send_video(7, (96, MIXED), 0, &picture(&[120_000]), 0).is_ok() {
        taken += 1;
    }
    assert_eq!(taken, 20);
    assert_eq!(port.send_video(7, (96, MIXED), 0, &picture(&[120_000]), 0), Err(SendRefused::Full));
    assert_eq!(port.send_video(7, (96, MIXED), 0, &[1; 9], 0), Err(SendRefused::Size(9)), "no unit in it");
    assert_eq!(
        port.send_video(7, (96, MIXED), 0, &vec![0; FRAME_BYTES_MAX + 1], 0),
        Err(SendRefused::Size(FRAME_BYTES_MAX + 1))
    );
    assert_eq!(port.send_audio(8, (0, 8_000, false), 0, &[0; 1_201], 0, None), Err(SendRefused::Size(1_201)));
    assert_eq!(
        port.send_video(9, (96, VideoFormat::H264 { single_nal: true }), 0, &picture(&[1_300]), 0),
        Err(SendRefused::TooLong(1_302))
    );
}

#[test]
fn packets_are_sent_again_as_they_were() {
    let mut port = port();
    port.send_video(7, (96, MIXED), 0, &picture(&[5_000]), 0).unwrap();
    let first = sent(&mut port, SECOND_US);
    let lost = [&first[1], &first[3]].map(|packet| rtp::u16_at(packet, 2));
    let mut nack = [0; 32];
    let len = rtcp::write_nack(&mut nack, 1, 7, lost.into_iter().chain([lost[0].wrapping_sub(900)]));
    let mut again = Vec::new();
    port.receive(&nack[..len], SECOND_US, &mut |packet| again.push(packet.to_vec()));
    assert_eq!(again, [first[1].clone(), first[3].clone()]);
}

#[test]
fn a_wish_that_was_not_polled_yet_is_one_wish() {
    let mut port = port();
    port.send_video(7, (96, MIXED), 0, &picture(&[100]), 0).unwrap();
    let mut pli = [0; 12];
    for media in [7, 7, 8] {
        rtcp::write_pli(&mut pli, 1, media);
        port.receive(&pli, 0, &mut |_| ());
    }
    assert_eq!(events(&mut port), [FrameEvent::Keyframe { ssrc: 7 }]);
}

#[test]
fn reports_tell_where_the_clock_stands() {
    let mut port = port();
    port.send_video(7, (96, MIXED), 90_000, &picture(&[100]), SECOND_US).unwrap();
    let mut infos = Vec::new();
    port.timeout(3 * SECOND_US, &mut |compound| {
        if let Some(Ok(Packet::SenderReport { info, .. })) = rtcp::packets(compound).next() {
            infos.push((info.ssrc, info.rtp, unix_us(info.ntp), info.packets));
        }
    });
    let wall_us = 1_700_000_000_000_000 + 3 * SECOND_US as i64;
    assert_eq!(infos.len(), 1);
    let (ssrc, timestamp, unix_us, packets) = infos[0];
    assert_eq!((ssrc, timestamp, packets), (7, 90_000 + 2 * 90_000, 1));
    assert!((unix_us - wall_us).abs() <= 1);
}

proptest! {
    /// Two ports talk over a link that loses, doubles and swaps packets: every received frame was sent, none arrives twice, and
    /// all arrive in order.
    #[test]
    fn frames_arrive_whole_and_in_order(
        seed in any::<u64>(),
        sizes in proptest::collection::vec(1usize..6_000, 1..20),
        fates in proptest::collection::vec(0u8..10, 1..200),
        vp8 in any::<bool>(),
    ) {
        let (mut here, mut there) = (Port::new("a", 0, seed), Port::new("b", 0, seed.wrapping_add(2)));
        let (codec, format) = if vp8 { (Codec::Vp8, VideoFormat::Vp8) } else { (Codec::H264, MIXED) };
        there.expect(7, codec, 90_000, 100_000).unwrap();
        let mut fates = fates.into_iter().cycle();
        let mut told = Vec::new();
        let mut held: Vec<Vec<u8>> = Vec::new();
        let mut frames = Vec::new();
        let mut now_us = SECOND_US;
        for (n, size) in sizes.iter().enumerate() {
            let frame = if vp8 { vec![n as u8 | 1; *size] } else { [&[0, 0, 0, 1, 0x65, 0x88][..], &vec![n as u8 | 1; *size]].concat() };
            here.send_video(7, (96, format), (u32::MAX - 4_000).wrapping_add(3_000 * n as u32), &frame, now_us).ok();
            frames.push(frame);
            for _ in 0..60 {
                now_us += 1_000;
                let mut packets = Vec::new();
                here.timeout(now_us, &mut |packet| packets.push(packet.to_vec()));
                for packet in packets {
                    match fates.next() {
                        Some(0) => {}
                        Some(1) => held.push(packet),
                        Some(2) => (0..2).for_each(|_| there.receive(&packet, now_us, &mut |_| ())),
                        _ => there.receive(&packet, now_us, &mut |_| ()),
                    }
                }
                held.drain(..).for_each(|packet| there.receive(&packet, now_us, &mut |_| ()));
                let mut asked = Vec::new();
                there.timeout(now_us, &mut |compound| asked.push(compound.to_vec()));
                let mut again = Vec::new();
                asked.iter().for_each(|compound| here.receive(compound, now_us, &mut |packet| again.push(packet.to_vec())));
                again.iter().for_each(|packet| there.receive(packet, now_us, &mut |_| ()));
                told.extend(events(&mut there));
            }
        }
        let mut rest = frames.iter();
        for event in told {
            if let FrameEvent::Frame { bytes, .. } = event {
                prop_assert!(rest.any(|frame| *frame == bytes), "a frame that was not sent, or out of order");
            }
        }
    }
}
