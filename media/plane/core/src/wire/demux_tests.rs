use super::*;

#[test]
fn first_bytes() {
    for first in 0..=255 {
        let mut datagram = [0; 40];
        datagram[0] = first;
        let expected = match first {
            0..=3 => Class::Stun,
            20..=63 => Class::Dtls,
            128..=191 => Class::Rtp,
            _ => Class::Unknown,
        };
        assert_eq!(classify(&datagram), expected, "first byte {first}");
    }
}

#[test]
fn rtcp_by_its_type() {
    for second in 0..=255 {
        let mut datagram = [0; 12];
        datagram[..2].copy_from_slice(&[0x80, second]);
        let expected = if (192..=223).contains(&second) { Class::Rtcp } else { Class::Rtp };
        assert_eq!(classify(&datagram), expected, "second byte {second}");
    }
}

#[test]
fn too_short_is_nothing() {
    for first in [0, 22, 128] {
        assert_eq!(classify(&[first; 7]), Class::Unknown);
    }
    assert_eq!(classify(&[]), Class::Unknown);
    assert_eq!(classify(&[0x80]), Class::Unknown);
    assert_eq!(classify(&[0x80, 200, 0, 1, 0, 0, 0, 1]), Class::Rtcp);
    assert_eq!(classify(&[0; 19]), Class::Unknown);
    assert_eq!(classify(&[22; 12]), Class::Unknown);
    assert_eq!(classify(&[0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0]), Class::Unknown);
}

#[test]
fn records_that_are_all_there() {
    let record = |first: u8, major: u8, length: u16, body: usize| {
        let [high, low] = length.to_be_bytes();
        [&[first, major, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, high, low], &vec![7; body][..]].concat()
    };
    assert!(begins_with_record(&record(22, 0xfe, 60, 60)));
    assert!(begins_with_record(&record(23, 0xfe, 60, 100)), "another one follows");
    assert!(begins_with_record(&record(21, 0xfe, 0, 0)));
    assert!(!begins_with_record(&record(22, 0xfe, 61, 60)), "cut");
    assert!(!begins_with_record(&record(22, 3, 60, 60)), "TLS");
    assert!(!begins_with_record(&[22, 0xfe, 0xfd, 0, 0]));
    assert!(!begins_with_record(&[]));
}

#[test]
fn records_of_dtls_1_3_are_not_spoken() {
    for first in 32..=63 {
        for length in 1..40 {
            let mut datagram = vec![0; length];
            datagram[0] = first;
            assert!(!begins_with_record(&datagram), "{length} bytes from {first}");
        }
    }
    assert!(!begins_with_record(&[0b0010_1100, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 0]));
}

#[test]
fn sealed_records() {
    let record = |kind: u8, epoch: u16, number: u64, body: usize| {
        let count = u64::from(epoch) << 48 | number;
        [&[kind, 0xfe, 0xfd][..], &count.to_be_bytes(), &(body as u16).to_be_bytes(), &vec![7; body]].concat()
    };
    let (hello, data) = (record(22, 0, 3, 60), record(23, 1, 99, 30));
    assert!(holds_sealed_record(&data, 100) && !holds_sealed_record(&data, 99), "nobody can have sent so many");
    assert!(!holds_sealed_record(&hello, 100));
    assert!(!holds_sealed_record(&record(23, 2, 3, 60), 100), "keys are agreed once");
    assert!(holds_sealed_record(&[&*hello, &*hello, &*data].concat(), 100), "the last flight once more");
    assert!(holds_sealed_record(&[&*data, &*hello].concat(), 100));
    assert!(!holds_sealed_record(&[&*hello, &data[..42]].concat(), 100), "cut");
    assert!(!holds_sealed_record(&[&*hello, &[0; 40]].concat(), 100));
    assert!(!holds_sealed_record(&[], 100));
    let empty = record(20, 0, 0, 0);
    assert!(!holds_sealed_record(&empty.repeat(150), 100));
}
