use proptest::prelude::*;

use super::*;

fn block(ssrc: u32, lost: i32) -> ReportBlock {
    ReportBlock {
        ssrc,
        fraction_lost: 3,
        cumulative_lost: lost,
        highest: 0x1_0005,
        jitter: 44,
        last_sr: 0x1234_5678,
        delay_since_sr: 65_536,
    }
}

fn only(compound: &[u8]) -> Packet<'_> {
    let mut all = packets(compound);
    let first = all.next().unwrap().unwrap();
    assert!(all.next().is_none());
    first
}

#[test]
fn reports_round_trip() {
    let info = SenderInfo { ssrc: 9, ntp: 0x0102_0304_0506_0708, rtp: 10, packets: 11, bytes: 12 };
    let blocks = [block(1, 5), block(2, -1), block(3, -0x80_0000)];
    let mut out = [0xff; 200];
    let len = write_sr(&mut out, &info, &blocks);
    assert_eq!(len, 28 + 72);
    let Packet::SenderReport { info: read, reports } = only(&out[..len]) else { panic!("another packet") };
    assert_eq!(read, info);
    assert_eq!(reports.collect::<Vec<_>>(), blocks);
    let len = write_rr(&mut out, 9, &blocks[..2]);
    let Packet::ReceiverReport { ssrc: 9, reports } = only(&out[..len]) else { panic!("another packet") };
    assert_eq!(reports.collect::<Vec<_>>(), blocks[..2]);
}

#[test]
fn losses_are_cut_to_24_bits() {
    let mut out = [0; 64];
    let len = write_rr(&mut out, 9, &[block(1, i32::MAX), block(2, i32::MIN)]);
    let Packet::ReceiverReport { mut reports, .. } = only(&out[..len]) else { panic!("another packet") };
    assert_eq!(reports.next().unwrap().cumulative_lost, 0x7f_ffff);
    assert_eq!(reports.next().unwrap().cumulative_lost, -0x80_0000);
}

#[test]
fn no_more_blocks_than_the_count_holds() {
    let mut out = [0; 900];
    let len = write_rr(&mut out, 9, &[block(1, 0); 40]);
    assert_eq!(len, 8 + 24 * BLOCKS_MAX);
    let Packet::ReceiverReport { reports, .. } = only(&out[..len]) else { panic!("another packet") };
    assert_eq!(reports.count(), BLOCKS_MAX);
}

#[test]
fn small_packets_round_trip() {
    let mut out = [0xff; 64];
    let len = write_bye(&mut out, &[7, 8]);
    assert!(matches!(only(&out[..len]), Packet::Bye { ssrcs } if ssrcs.clone().eq([7, 8])));
    let len = write_pli(&mut out, 1, 2);
    assert!(matches!(only(&out[..len]), Packet::Pli { media: 2 }));
    let len = write_fir(&mut out, 1, 2, 3);
    assert!(matches!(only(&out[..len]), Packet::Fir { entries } if entries.clone().eq([(2, 3)])));
    for (name, expected) in [("abc", 16), ("abcd", 16), ("abcde", 16), ("abcdef", 20)] {
        let len = write_sdes_cname(&mut out, 1, name.as_bytes());
        assert!(matches!(only(&out[..len]), Packet::Sdes));
        assert_eq!((len, out[len - 1]), (expected, 0), "{name}");
    }
}

#[test]
fn remb_bitrates() {
    for bitrate in [0, 1, 262_143, 262_144, 2_500_000, u64::MAX] {
        let mut out = [0; 64];
        let len = write_remb(&mut out, 1, bitrate, &[5, 6]);
        let Packet::Remb { bitrate_bps, ssrcs } = only(&out[..len]) else { panic!("another packet") };
        assert!(bitrate_bps <= bitrate && bitrate - bitrate_bps <= bitrate >> 17, "{bitrate} {bitrate_bps}");
        assert!(ssrcs.eq([5, 6]));
    }
}

#[test]
fn remb_beyond_64_bits_is_the_most() {
    let mut out = [0; 64];
    let len = write_remb(&mut out, 1, 1, &[]);
    put(&mut out, 16, 63 << 18 | 3);
    assert!(matches!(only(&out[..len]), Packet::Remb { bitrate_bps: u64::MAX, .. }));
    put(&mut out, 16, 63 << 18);
    assert!(matches!(only(&out[..len]), Packet::Remb { bitrate_bps: 0, .. }));
}

#[test]
fn compounds_end_at_the_first_fault() {
    let mut out = [0; 64];
    let first = write_pli(&mut out, 1, 2);
    let len = first + write_bye(&mut out[first..], &[7]);
    assert_eq!(packets(&out[..len]).filter(Result::is_ok).count(), 2);
    assert_eq!(packets(&out[..len - 1]).map(|packet| packet.is_ok()).collect::<Vec<_>>(), [true, false]);
    out[first] = 0x9f;
    assert_eq!(packets(&out[..len]).map(|packet| packet.is_ok()).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn counts_beyond_the_body_are_refused() {
    for kind in [SENDER_REPORT, RECEIVER_REPORT, BYE, TRANSPORT_SPECIFIC, PAYLOAD_SPECIFIC] {
        let packet = [0x81, kind, 0, 0];
        assert!(matches!(packets(&packet).next(), Some(Err(Malformed))), "type {kind}");
    }
}

#[test]
fn padding_is_left_out() {
    let packet = [0xa1, BYE, 0, 2, 0, 0, 0, 7, 0, 0, 0, 4];
    assert!(matches!(only(&packet), Packet::Bye { ssrcs } if ssrcs.clone().eq([7])));
    let wrong = [0xa1, BYE, 0, 2, 0, 0, 0, 7, 0, 0, 0, 9];
    assert!(matches!(packets(&wrong).next(), Some(Err(Malformed))));
}

#[test]
fn nacks_over_the_wrap() {
    let lost = [65_530, 65_534, 65_535, 0, 10, 11, 500];
    let mut out = [0; 64];
    let len = write_nack(&mut out, 1, 2, lost);
    assert_eq!(len, 12 + 3 * 4);
    let Packet::Nack { sender: 1, media: 2, items } = only(&out[..len]) else { panic!("another packet") };
    assert_eq!(items.collect::<Vec<_>>(), lost);
    assert_eq!(write_nack(&mut out, 1, 2, []), 0);
    let len = write_nack(&mut out[..16], 1, 2, [1, 100, 200]);
    assert!(matches!(only(&out[..len]), Packet::Nack { items, .. } if items.clone().eq([1])));
}

proptest! {
    #[test]
    fn nacks_round_trip(start: u16, steps in prop::collection::vec(1u16..100, 1..200)) {
        let lost: Vec<u16> = steps
            .iter()
            .scan(start, |at, step| {
                *at = at.wrapping_add(*step);
                Some(*at)
            })
            .collect();
        let mut out = [0; 1200];
        let len = write_nack(&mut out, 1, 2, lost.iter().copied());
        let Packet::Nack { items, .. } = only(&out[..len]) else { panic!("another packet") };
        prop_assert_eq!(items.collect::<Vec<_>>(), lost);
    }
}
