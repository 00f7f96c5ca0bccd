use super::*;
use proptest::prelude::*;

fn event(digit: u8, end: bool, duration: u16) -> [u8; 4] {
    [digit, u8::from(end) << 7 | 10, (duration >> 8) as u8, duration as u8]
}

fn take(presses: &mut Presses, number: u16, timestamp: u32, payload: &[u8]) -> Vec<(char, u32)> {
    let told = presses.take(payload, (number, timestamp, 8_000), u64::from(number) * 20_000).unwrap();
    told.into_iter().flatten().map(|press| (press.digit, press.duration_ms)).collect()
}

#[test]
fn a_press_is_told_once_at_its_end() {
    let mut presses = Presses::default();
    let mut told = Vec::new();
    for (number, (end, duration)) in
        [(false, 160), (false, 320), (true, 480), (true, 480), (true, 480)].into_iter().enumerate()
    {
        told.push(take(&mut presses, number as u16, 9, &event(11, end, duration)));
    }
    assert_eq!(told, [vec![], vec![], vec![('#', 60)], vec![], vec![]]);
    assert_eq!(presses.timeout(u64::MAX), None);
}

#[test]
fn a_press_whose_end_was_lost_is_told_by_the_next_one_or_in_time() {
    let mut presses = Presses::default();
    assert_eq!(take(&mut presses, 1, 0, &event(1, false, 800)), []);
    assert_eq!(take(&mut presses, 9, 5_000, &event(1, true, 400)), [('1', 100), ('1', 50)]);
    assert_eq!(take(&mut presses, 10, 9_000, &event(2, false, 240)), []);
    assert_eq!(presses.timeout(10 * 20_000 + LOST_US - 1), None);
    assert_eq!(presses.timeout(10 * 20_000 + LOST_US), Some(Press { digit: '2', duration_ms: 30 }));
    assert_eq!(take(&mut presses, 11, 9_000, &event(2, true, 480)), [], "it was told");
}

#[test]
fn a_late_packet_of_the_press_before_is_no_press() {
    let mut presses = Presses::default();
    take(&mut presses, 65_534, 0, &event(4, true, 400));
    assert_eq!(take(&mut presses, 1, 900, &event(5, false, 160)), []);
    assert_eq!(take(&mut presses, 65_535, 0, &event(4, true, 400)), []);
    assert_eq!(take(&mut presses, 2, 900, &event(5, true, 320)), [('5', 40)]);
}

#[test]
fn a_long_press_goes_on_in_segments_across_the_wrap_of_the_timestamp() {
    let mut presses = Presses::default();
    let start = u32::MAX - 10;
    assert_eq!(take(&mut presses, 1, start, &event(0, false, 0xffff)), []);
    assert_eq!(
        take(&mut presses, 2, start.wrapping_add(0xffff), &event(0, true, 8_000)),
        [('0', (65_535 + 8_000) / 8)]
    );
}

#[test]
fn what_is_no_key_is_passed_over() {
    let mut presses = Presses::default();
    assert_eq!(take(&mut presses, 1, 0, &event(16, true, 400)), [('!', 50)]);
    assert_eq!(take(&mut presses, 2, 900, &event(17, true, 400)), []);
    assert_eq!(take(&mut presses, 3, 900, &event(255, true, 400)), []);
    assert_eq!(presses.take(&[1, 2, 3], (4, 0, 8_000), 0), Err(Malformed));
}

proptest! {
    /// Each press with at least one received packet is reported once, whatever packets are lost, doubled or swapped.
    #[test]
    fn each_press_is_told_once(keys in proptest::collection::vec((0u8..16, 0u8..63), 1..30), start in any::<u16>()) {
        let mut presses = Presses::default();
        let (mut number, mut told, mut pressed) = (start, Vec::new(), Vec::new());
        for (at, (digit, kept)) in keys.into_iter().enumerate() {
            let timestamp = (at as u32).wrapping_mul(4_000).wrapping_sub(9_000);
            let mut any = false;
            for n in 0..6u16 {
                if kept >> n & 1 == 1 {
                    any = true;
                    let payload = event(digit, n >= 3, 160 * (n.min(3) + 1));
                    let found = presses.take(&payload, (number, timestamp, 8_000), 0).unwrap();
                    told.extend(found.into_iter().flatten().map(|press| press.digit));
                }
                number = number.wrapping_add(1);
            }
            pressed.extend(any.then(|| char::from(DIGITS[usize::from(digit)])));
        }
        told.extend(presses.timeout(u64::MAX).map(|press| press.digit));
        prop_assert_eq!(told, pressed);
    }
}
