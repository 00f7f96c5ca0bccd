use proptest::prelude::*;

use super::*;

const PWD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";
const TRANSACTION: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

/// The sample request of RFC 5769 §2.1.
const SAMPLE: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\
    \x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09evtj:h6vY\x20\x20\x20\
    \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
    \x80\x28\x00\x04\xe5\x7a\x3b\xcf";

fn request(username: &[u8]) -> Request<'_> {
    Request {
        transaction: TRANSACTION,
        username,
        priority: 1,
        use_candidate: true,
        controlling: Some(2),
        controlled: None,
        nomination: Some(3),
    }
}

fn written(request: &Request, pwd: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 700];
    let len = write_request(&mut out, request, pwd);
    out.truncate(len);
    out
}

/// Return a signed request with this attribute after the user name. Its length, integrity and fingerprint are correct.
fn with_attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 700];
    let mut message = Message::begin(&mut out, BINDING_REQUEST, TRANSACTION);
    message.put(USERNAME, b"a:b");
    message.put(kind, value);
    let len = message.finish(PWD);
    out.truncate(len);
    out
}

#[test]
fn reads_the_sample_request() {
    let request = parse_request(SAMPLE, PWD).unwrap();
    assert_eq!(username(SAMPLE), Some(&b"evtj:h6vY"[..]));
    assert_eq!((request.username, request.transaction), (&b"evtj:h6vY"[..], TRANSACTION));
    assert_eq!((request.priority, request.controlled), (0x6e00_01ff, Some(0x932f_f9b1_5126_3b36)));
    assert!(!request.use_candidate && request.controlling.is_none() && request.nomination.is_none());
    assert_eq!(parse_request(SAMPLE, b"another"), Err(StunError::Unauthentic));
}

/// The mapped addresses are written as in the sample responses of RFC 5769 §2.2 and §2.3.
#[test]
fn writes_mapped_addresses() {
    let cases: [(&str, &[u8]); 2] = [
        ("192.0.2.1:32853", b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"),
        (
            "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
            b"\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9",
        ),
    ];
    for (address, attribute) in cases {
        let mut out = [0xff; REPLY_MAX];
        let len = write_success(&mut out, TRANSACTION, address.parse().unwrap(), PWD);
        assert_eq!(&out[20..20 + attribute.len()], attribute);
        assert_eq!(len, 20 + attribute.len() + INTEGRITY_BYTES + FINGERPRINT_BYTES);
        assert_eq!(u16_at(&out, 0), BINDING_SUCCESS);
        let at = 20 + attribute.len();
        check_integrity(&out[..len], at, &out[at + 4..at + 24], PWD).unwrap();
        check_fingerprint(&out[..len], at + 24, &out[at + 28..len]).unwrap();
    }
}

#[test]
fn role_conflict_is_487() {
    let mut out = [0; REPLY_MAX];
    let len = write_role_conflict(&mut out, TRANSACTION, PWD);
    assert_eq!(u16_at(&out, 0), BINDING_ERROR);
    assert_eq!(&out[20..28], b"\x00\x09\x00\x11\x00\x00\x04\x57");
    assert_eq!(len % 4, 0);
}

#[test]
fn every_cut_and_every_flipped_bit_is_refused() {
    for len in 0..SAMPLE.len() {
        assert!(parse_request(&SAMPLE[..len], PWD).is_err(), "length {len}");
    }
    // The type of the fingerprint is left out: an attribute that is not a fingerprint is ignored at this place.
    let fingerprint_at = SAMPLE.len() - FINGERPRINT_BYTES;
    for bit in (0..SAMPLE.len() * 8).filter(|bit| !(fingerprint_at..fingerprint_at + 2).contains(&(bit / 8))) {
        let mut forged = SAMPLE.to_vec();
        forged[bit / 8] ^= 1 << (bit % 8);
        assert!(parse_request(&forged, PWD).is_err(), "bit {bit}");
    }
}

/// A reader that believes every length (the unprotected way) would read beyond the end of many of the messages refused above.
#[test]
fn who_believes_the_lengths_reads_beyond_the_message() {
    let believed = |message: &[u8]| {
        let mut at = HEADER;
        while at + 4 <= message.len() {
            at += 4 + usize::from(u16_at(message, at + 2)).next_multiple_of(4);
        }
        at
    };
    assert_eq!(believed(SAMPLE), SAMPLE.len());
    let cut = (HEADER..SAMPLE.len()).filter(|len| believed(&SAMPLE[..*len]) > *len).count();
    let flipped = |bit: &usize| {
        let mut forged = SAMPLE.to_vec();
        forged[bit / 8] ^= 1 << (bit % 8);
        believed(&forged) > SAMPLE.len()
    };
    let flipped = (0..SAMPLE.len() * 8).filter(flipped).count();
    assert!(cut > 50 && flipped > 50, "{cut} of the cut ones and {flipped} of the flipped ones");
}

#[test]
fn integrity_is_required() {
    let mut bare = SAMPLE[..SAMPLE.len() - INTEGRITY_BYTES - FINGERPRINT_BYTES].to_vec();
    let len = (bare.len() - HEADER) as u16;
    bare[2..4].copy_from_slice(&len.to_be_bytes());
    assert_eq!(parse_request(&bare, PWD), Err(StunError::Unauthentic));
    let crc = fingerprint(&bare);
    let mut fingerprinted = bare;
    fingerprinted[2..4].copy_from_slice(&(len + 8).to_be_bytes());
    fingerprinted.extend_from_slice(&FINGERPRINT.to_be_bytes());
    fingerprinted.extend_from_slice(&4u16.to_be_bytes());
    fingerprinted.extend_from_slice(&crc);
    assert_eq!(parse_request(&fingerprinted, PWD), Err(StunError::Malformed));
}

#[test]
fn unknown_attributes() {
    assert_eq!(parse_request(&with_attribute(0x0030, b"?"), PWD), Err(StunError::UnknownAttribute));
    assert!(parse_request(&with_attribute(0x8030, b"?"), PWD).is_ok());
    assert_eq!(parse_request(&with_attribute(PRIORITY, b"123"), PWD), Err(StunError::Malformed));
    assert_eq!(parse_request(&with_attribute(0x0030, b"?"), b"wrong"), Err(StunError::Unauthentic));
}

/// An attribute after the integrity is ignored, because the integrity does not cover it.
#[test]
fn attributes_after_the_integrity_do_not_count() {
    let mut plain = request(b"a:b");
    plain.use_candidate = false;
    let mut forged = written(&plain, PWD);
    forged.truncate(forged.len() - FINGERPRINT_BYTES);
    forged.extend_from_slice(&[0x00, 0x25, 0x00, 0x00]);
    let len = (forged.len() - HEADER) as u16;
    forged[2..4].copy_from_slice(&len.to_be_bytes());
    assert!(!parse_request(&forged, PWD).unwrap().use_candidate);
}

proptest! {
    #[test]
    fn requests_round_trip(
        name in prop::collection::vec(any::<u8>(), 1..509),
        priority: u32,
        use_candidate: bool,
        controlling: Option<u64>,
        controlled: Option<u64>,
        nomination: Option<u32>,
        transaction: [u8; 12],
    ) {
        let sent = Request { transaction, username: &name, priority, use_candidate, controlling, controlled, nomination };
        let datagram = written(&sent, PWD);
        prop_assert_eq!(username(&datagram), Some(&name[..]));
        prop_assert_eq!(parse_request(&datagram, PWD), Ok(sent));
    }
}
