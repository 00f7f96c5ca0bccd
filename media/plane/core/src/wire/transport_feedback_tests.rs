use proptest::prelude::*;

use super::*;
use crate::wire::rtcp::{Packet, packets};

fn read(packet: &[u8]) -> Feedback<'_> {
    let Some(Ok(Packet::TransportFeedback(body))) = packets(packet).next() else { panic!("another packet") };
    parse(body).unwrap()
}

/// Check that the packet reports each arrival, relative to its reference time, with the precision of a tick.
fn check(out: &[u8], base: u16, arrivals: &[Option<u64>]) {
    let feedback = read(out);
    assert_eq!((feedback.sender, feedback.media, feedback.base, feedback.count), (1, 2, base, 3));
    let start_us = arrivals.iter().find_map(|arrival| *arrival).unwrap() / REFERENCE_US;
    assert_eq!(u64::from(feedback.reference), start_us & 0xff_ffff);
    let told: Vec<_> = feedback.arrivals().collect();
    assert_eq!(told.len(), usize::from(feedback.statuses));
    for (n, (sequence, at_us)) in told.into_iter().enumerate() {
        assert_eq!(sequence, base.wrapping_add(n as u16));
        assert_eq!(at_us.is_some(), arrivals[n].is_some(), "packet {n}");
        if let (Some(told), Some(real)) = (at_us, arrivals[n]) {
            let real = real as i64 - (start_us * REFERENCE_US) as i64;
            assert!((told - real).abs() <= TICK_US as i64 / 2, "packet {n}: {told} for {real}");
        }
    }
}

#[test]
fn a_plain_run_takes_one_chunk() {
    let arrivals: Vec<_> = (0..100).map(|n| Some(1_000_000 + n * 1000)).collect();
    let mut out = [0; 300];
    let (len, told) = write_transport_feedback(&mut out, 1, 2, 65_500, 3, &arrivals);
    assert_eq!((len, told), ((HEAD + 2 + 100usize).next_multiple_of(4), 100));
    check(&out[..len], 65_500, &arrivals);
}

#[test]
fn losses_late_packets_and_pauses() {
    let arrivals = [Some(5_000_000), None, None, Some(5_500_000), Some(5_400_000), None, Some(5_400_200), None];
    let mut out = [0; 300];
    let (len, told) = write_transport_feedback(&mut out, 1, 2, 7, 3, &arrivals);
    assert_eq!(told, arrivals.len());
    check(&out[..len], 7, &arrivals);
}

#[test]
fn a_delta_out_of_range_waits_for_the_next_packet() {
    let arrivals = [Some(0), Some(8_191_000), Some(20_000_000)];
    let mut out = [0; 300];
    let (len, told) = write_transport_feedback(&mut out, 1, 2, 7, 3, &arrivals);
    assert_eq!(told, 2);
    check(&out[..len], 7, &arrivals);
}

#[test]
fn nothing_to_tell() {
    let mut out = [0; 300];
    assert_eq!(write_transport_feedback(&mut out, 1, 2, 7, 3, &[]), (0, 0));
    assert_eq!(write_transport_feedback(&mut out, 1, 2, 7, 3, &[None; 9]), (0, 0));
    for room in 0..HEAD + 4 {
        assert_eq!(write_transport_feedback(&mut out[..room], 1, 2, 7, 3, &[Some(5)]), (0, 0), "room {room}");
    }
}

#[test]
fn cut_bodies_are_refused() {
    let arrivals: Vec<_> = (0..30u64).map(|n| (n % 3 != 0).then_some(n * 70_000)).collect();
    let mut out = [0; 300];
    let (len, _) = write_transport_feedback(&mut out, 1, 2, 7, 3, &arrivals);
    let padding = 3;
    for cut in 4..len - padding {
        assert!(parse(&out[4..cut]).is_err(), "length {cut}");
    }
}

/// The parser handles a run of 8191 in a packet with 3 statuses, reserved symbols, and a run without statuses.
#[test]
fn odd_but_well_formed() {
    let head = [0, 0, 0, 1, 0, 0, 0, 2, 0, 7, 0, 3, 0, 0, 0, 3];
    let run = [&head[..], &[0x3f, 0xff, 1, 2, 3]].concat();
    let arrivals: Vec<_> = parse(&run).unwrap().arrivals().map(|(_, at_us)| at_us).collect();
    assert_eq!(arrivals, [Some(250), Some(750), Some(1500)]);
    let reserved = [&head[..], &[0x60, 3]].concat();
    assert!(parse(&reserved).unwrap().arrivals().all(|(_, at_us)| at_us.is_none()));
    let endless = [&head[..], &[0; 1000]].concat();
    assert!(parse(&endless).is_err());
}

proptest! {
    #[test]
    fn feedback_round_trips(
        base: u16,
        start in 0u64..1 << 40,
        steps in prop::collection::vec(prop_oneof![
            4 => (0i64..5_000).prop_map(Some),
            2 => Just(None),
            1 => (-100_000i64..400_000).prop_map(Some),
        ], 1..600),
        room in 40usize..1400,
    ) {
        let mut at_us = start + 100_000_000;
        let arrivals: Vec<_> = steps
            .iter()
            .map(|step| {
                at_us = at_us.saturating_add_signed(step.unwrap_or(0));
                step.map(|_| at_us)
            })
            .collect();
        let mut out = vec![0; room];
        let (len, told) = write_transport_feedback(&mut out, 1, 2, base, 3, &arrivals);
        prop_assert!(len <= room && told <= arrivals.len());
        if len > 0 {
            check(&out[..len], base, &arrivals);
        }
    }
}
