use proptest::prelude::*;

use super::*;

fn cut(deframer: &mut Deframer, bytes: &[u8]) -> Result<Vec<Vec<u8>>, FrameTooLong> {
    let mut frames = Vec::new();
    deframer.feed(&mut bytes.to_vec(), |frame| frames.push(frame.to_vec()))?;
    Ok(frames)
}

#[test]
fn byte_by_byte() {
    let mut deframer = Deframer::default();
    let mut found = Vec::new();
    for byte in [0, 2, 7, 8, 0, 0, 0, 1, 9] {
        found.extend(cut(&mut deframer, &[byte]).unwrap());
    }
    assert_eq!(found, [vec![7, 8], vec![9]]);
}

#[test]
fn too_long_is_the_end() {
    let mut deframer = Deframer::default();
    let [high, low] = prefix(FRAME_MAX + 1);
    assert_eq!(cut(&mut deframer, &[high, low, 1]), Err(FrameTooLong));
    assert_eq!(cut(&mut deframer, &[0, 1, 1]), Err(FrameTooLong));
    let mut slow = Deframer::default();
    assert_eq!(cut(&mut slow, &[high]), Ok(vec![]));
    assert_eq!(cut(&mut slow, &[low]), Err(FrameTooLong));
    assert_eq!(cut(&mut slow, &[0]), Err(FrameTooLong));
}

proptest! {
    /// Any cut of the stream gives the frames that went in, and the deframer keeps at most one frame.
    #[test]
    fn frames_round_trip(
        sizes in prop::collection::vec(0usize..=FRAME_MAX, 0..12),
        pieces in prop::collection::vec(1usize..4000, 1..40),
    ) {
        let sent: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(n, size)| vec![n as u8; *size]).collect();
        let mut stream = Vec::new();
        for frame in &sent {
            write_frame(&mut stream, frame);
        }
        let (mut deframer, mut found, mut rest) = (Deframer::default(), Vec::new(), &stream[..]);
        for piece in pieces.iter().cycle() {
            let (now, later) = rest.split_at((*piece).min(rest.len()));
            found.extend(cut(&mut deframer, now).unwrap());
            prop_assert!(deframer.partial.len() < PREFIX + FRAME_MAX);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        let kept: Vec<Vec<u8>> = sent.into_iter().filter(|frame| !frame.is_empty()).collect();
        prop_assert_eq!(found, kept);
        prop_assert!(deframer.partial.is_empty());
    }
}
