use crate::wire::{rtp, srtp_replay};
use proptest::prelude::*;

use super::*;

const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80];

fn ends(profile: Profile) -> (Outbound, Inbound) {
    let (key, salt) = ([7; 16], &[9; 14][..profile.salt_bytes()]);
    (Outbound::new(profile, &key, salt).unwrap(), Inbound::new(profile, &key, salt).unwrap())
}

fn sealed(outbound: &Outbound, sequence: u16, roc: u32, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 64 + payload.len()];
    let header_len = rtp::write_header(&mut packet, true, 96, sequence, 90_000, ssrc, &[(3, b"mid")]);
    packet[header_len..header_len + payload.len()].copy_from_slice(payload);
    let len = outbound.seal_rtp(&mut packet, header_len + payload.len(), header_len, roc);
    packet.truncate(len);
    packet
}

fn open(inbound: &mut Inbound, mut packet: Vec<u8>) -> Result<Vec<u8>, SrtpError> {
    let header = rtp::parse(&packet).unwrap();
    let len = inbound.open_rtp(&mut packet, &header)?;
    Ok(packet[header.payload_offset..len].to_vec())
}

#[test]
fn opens_once_what_was_sealed() {
    for profile in PROFILES {
        let (outbound, mut inbound) = ends(profile);
        let packet = sealed(&outbound, 17, 0, 5, b"clear words");
        assert_eq!(packet.len(), 12 + 8 + 11 + profile.tag_bytes());
        assert_eq!(open(&mut inbound, packet.clone()), Ok(b"clear words".to_vec()));
        assert_eq!(open(&mut inbound, packet), Err(SrtpError::Replay));
    }
}

#[test]
fn refuses_every_flipped_bit() {
    for profile in PROFILES {
        let (outbound, mut inbound) = ends(profile);
        let packet = sealed(&outbound, 17, 0, 5, b"payload");
        for bit in 0..packet.len() * 8 {
            let mut forged = packet.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let Ok(header) = rtp::parse(&forged) else { continue };
            assert!(inbound.open_rtp(&mut forged, &header).is_err(), "{profile:?} bit {bit}");
        }
        assert_eq!(inbound.rtp_sources.find(5), srtp_replay::Place::Unknown);
        assert!(open(&mut inbound, packet).is_ok());
    }
}

#[test]
fn a_forged_packet_does_not_use_up_its_index() {
    let (outbound, mut inbound) = ends(Profile::AeadAes128Gcm);
    open(&mut inbound, sealed(&outbound, 1, 0, 5, b"a")).unwrap();
    let mut forged = sealed(&outbound, 2, 0, 5, b"b");
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(open(&mut inbound, forged), Err(SrtpError::Auth));
    assert!(open(&mut inbound, sealed(&outbound, 2, 0, 5, b"b")).is_ok());
}

/// The unprotected ways accept forgeries and replays: the first way has no tag, the second way keeps no window.
#[test]
fn without_keys_all_is_taken_and_without_a_window_all_of_it_again() {
    let (outbound, _) = ends(Profile::AeadAes128Gcm);
    let packet = sealed(&outbound, 17, 0, 5, b"payload");
    let mut open_door = Inbound::clear();
    for bit in 12 * 8..packet.len() * 8 {
        let mut forged = packet.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        let header = rtp::parse(&packet).unwrap();
        assert!(open_door.open_rtp(&mut forged, &header).is_ok(), "bit {bit}");
    }
    for _ in 0..2 {
        let (_, mut forgetful) = ends(Profile::AeadAes128Gcm);
        assert!(open(&mut forgetful, packet.clone()).is_ok());
    }
}

/// The counter stays correct over three wraps, with every fifth packet lost and every pair swapped.
#[test]
fn follows_the_rollover_counter() {
    for profile in PROFILES {
        let (outbound, mut inbound) = ends(profile);
        let mut roc = RocTx::default();
        let order = (0u64..4 * 65_536).step_by(97).collect::<Vec<_>>();
        for pair in order.chunks(2) {
            for index in pair.iter().rev().filter(|index| *index % 5 != 0) {
                let sequence = *index as u16;
                let counter = roc.advance(sequence);
                assert_eq!(u64::from(counter), index >> 16);
                assert!(open(&mut inbound, sealed(&outbound, sequence, counter, 5, b"x")).is_ok(), "index {index}");
            }
        }
        assert_eq!(inbound.rtp_sources.highest(&inbound.rtp_sources.find(5)).unwrap() >> 16, 3);
    }
}

#[test]
fn the_window_is_1024_wide_over_a_wrap() {
    let (outbound, mut inbound) = ends(Profile::AeadAes128Gcm);
    open(&mut inbound, sealed(&outbound, 65_000, 0, 5, b"x")).unwrap();
    open(&mut inbound, sealed(&outbound, 500, 1, 5, b"x")).unwrap();
    assert_eq!(open(&mut inbound, sealed(&outbound, 65_000, 0, 5, b"x")), Err(SrtpError::Replay));
    assert_eq!(open(&mut inbound, sealed(&outbound, 65_012, 0, 5, b"x")), Err(SrtpError::Replay));
    assert!(open(&mut inbound, sealed(&outbound, 65_013, 0, 5, b"x")).is_ok());
    assert!(open(&mut inbound, sealed(&outbound, 65_535, 0, 5, b"x")).is_ok());
}

#[test]
fn index_estimates_at_the_edges() {
    assert_eq!(estimate(None, 60_000), Some(60_000));
    assert_eq!(estimate(Some(5), 65_535), None);
    assert_eq!(estimate(Some(65_535), 0), Some(65_536));
    assert_eq!(estimate(Some(65_536 + 10), 65_530), Some(65_530));
    assert_eq!(estimate(Some((1 << 48) - 1), 0), None);
}

#[test]
fn older_packets_keep_their_counter() {
    let mut roc = RocTx::default();
    assert_eq!(roc.advance(65_534), 0);
    assert_eq!(roc.advance(2), 1);
    assert_eq!((roc.of(65_535), roc.of(1), roc.of(3)), (0, 1, 1));
    assert_eq!(roc.advance(65_535), 0);
    assert_eq!(roc.advance(3), 1);
}

#[test]
fn rtcp_indices_and_replay() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = ends(profile);
        let mut packets = Vec::new();
        for _ in 0..3 {
            let mut packet = [0; 64];
            let len = crate::wire::rtcp::write_pli(&mut packet, 1, 2);
            let total = outbound.seal_rtcp(&mut packet, len);
            assert_eq!(total, len + outbound.rtcp_overhead());
            packets.push(packet[..total].to_vec());
        }
        for at in [1, 0, 2] {
            let mut packet = packets[at].clone();
            assert_eq!(inbound.open_rtcp(&mut packet), Ok(12));
            let opened = crate::wire::rtcp::packets(&packet[..12]).next();
            assert!(matches!(opened, Some(Ok(crate::wire::rtcp::Packet::Pli { media: 2 }))));
            assert_eq!(inbound.open_rtcp(&mut packets[at].clone()), Err(SrtpError::Replay));
        }
    }
}

#[test]
fn rtcp_without_encryption_is_refused() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = ends(profile);
        let mut packet = [0; 64];
        let len = crate::wire::rtcp::write_pli(&mut packet, 1, 2);
        let total = outbound.rtcp.seal_rtcp(&mut packet, len, 1, 7);
        assert_eq!(inbound.open_rtcp(&mut packet[..total]), Err(SrtpError::Auth));
        outbound.rtcp_index = ENCRYPTED;
        assert_eq!(outbound.seal_rtcp(&mut packet, len), 0);
    }
}

#[test]
fn keys_must_have_their_length() {
    assert!(Inbound::new(Profile::AeadAes128Gcm, &[0; 16], &[0; 14]).is_err());
    assert!(Outbound::new(Profile::Aes128CmSha1_80, &[0; 16], &[0; 12]).is_err());
    assert!(Outbound::new(Profile::Aes128CmSha1_80, &[0; 15], &[0; 14]).is_err());
}

proptest! {
    #[test]
    fn any_payload_round_trips(
        payload in prop::collection::vec(any::<u8>(), 0..1400),
        sequence: u16,
        gcm: bool,
        ssrc: u32,
    ) {
        let (outbound, mut inbound) = ends(PROFILES[usize::from(gcm)]);
        prop_assert_eq!(open(&mut inbound, sealed(&outbound, sequence, 0, ssrc, &payload)), Ok(payload));
    }
}

#[test]
fn encryption_that_begins_late_begins_at_rollover_zero() {
    let mut roc = RocTx::default();
    assert_eq!([65_535, 0].map(|sequence| roc.advance(sequence)), [0, 1]);
    roc.begin();
    assert_eq!([1, 65_535, 0].map(|sequence| roc.advance(sequence)), [0, u32::MAX, 0]);
}
