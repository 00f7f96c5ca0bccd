use super::*;
use proptest::prelude::*;

fn join(units: &[Vec<u8>]) -> Vec<u8> {
    units.iter().flat_map(|unit| [&START_CODE[..], unit].concat()).collect()
}

fn packed(picture: &[u8], most: usize) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    pack(picture, most, false, |parts| payloads.push(parts.concat())).unwrap();
    payloads
}

fn unpacked(payloads: &[Vec<u8>]) -> Vec<u8> {
    let (mut open, mut picture) = (false, Vec::new());
    for payload in payloads {
        unpack(payload, &mut open, &mut picture).unwrap();
    }
    assert!(!open);
    picture
}

#[test]
fn units_are_found_between_start_codes_of_both_lengths() {
    let stream = [&[0, 0, 1, 0x67, 1, 0, 0][..], &[0, 0, 0, 1, 0x68], &[0, 0, 1], &[0, 0, 1, 0x65, 0, 3]].concat();
    assert_eq!(nal_units(&stream).collect::<Vec<_>>(), [&[0x67, 1][..], &[0x68], &[0x65, 0, 3]]);
    assert_eq!(nal_units(&[0x65, 1]).count(), 0, "no start code, no unit");
}

#[test]
fn delimiters_and_filler_are_left_out() {
    assert_eq!(packed(&join(&[vec![9, 0x10], vec![0x67, 1], vec![12, 255]]), 1_200), [vec![0x67, 1]]);
}

#[test]
fn fragments_are_nearly_equal_and_say_where_they_begin_and_end() {
    let unit: Vec<u8> = std::iter::once(0x65).chain((0..2_500).map(|n| (n % 255) as u8 + 1)).collect();
    let payloads = packed(&join(std::slice::from_ref(&unit)), 1_200);
    assert_eq!(payloads.iter().map(Vec::len).collect::<Vec<_>>(), [836, 836, 834]);
    assert_eq!(payloads.iter().map(|p| (p[0], p[1])).collect::<Vec<_>>(), [(0x7c, 0x85), (0x7c, 0x05), (0x7c, 0x45)]);
}

#[test]
fn mode_0_refuses_before_anything_goes() {
    let picture = join(&[vec![0x67, 1], vec![0x65; 1_201]]);
    let mut count = 0;
    assert_eq!(pack(&picture, 1_200, true, |_| count += 1), Err(TooLong(1_201)));
    assert_eq!(count, 0);
}

#[test]
fn what_breaks_the_format_is_refused() {
    let wrong: [&[&[u8]]; 9] = [
        &[&[]],
        &[&[0x78, 0, 9, 1]],
        &[&[0x7c, 0x85]],
        &[&[0x7c, 0x05, 1]],
        &[&[0x7c, 0xc5, 1]],
        &[&[0x7c, 0x85, 1], &[0x7c, 0x85, 1]],
        &[&[0x7c, 0x85, 1], &[0x41, 1]],
        &[&[0x79, 0, 0, 0, 0]],
        &[&[0]],
    ];
    for payloads in wrong {
        let (mut open, mut picture) = (false, Vec::new());
        assert!(payloads.iter().any(|payload| unpack(payload, &mut open, &mut picture).is_err()), "{payloads:?}");
    }
}

proptest! {
    #[test]
    fn what_is_packed_is_unpacked(
        units in proptest::collection::vec((1u8..24, proptest::collection::vec(1u8..=255, 1..5_000)), 1..8),
        most in 3usize..1_400,
    ) {
        let units: Vec<Vec<u8>> = units
            .into_iter()
            .filter(|(kind, _)| ![DELIMITER, FILLER].contains(kind))
            .map(|(kind, body)| [vec![0x60 | kind], body].concat())
            .collect();
        let payloads = packed(&join(&units), most);
        prop_assert!(payloads.iter().all(|payload| payload.len() <= most));
        prop_assert_eq!(unpacked(&payloads), join(&units));
    }
}
