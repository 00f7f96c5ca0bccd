//! Layer descriptors: VP9 payloads and the dependency descriptor. The seeds come from Chromium (`core/tests/recordings`).

use plane_core::codec::dependencies::{Dependencies, frame_number, set_frame_number};
use plane_core::codec::selection::{Limits, Place, Selection};

const RECORDINGS: [&str; 7] = [
    include_str!("../../core/tests/recordings/vp9-l3t3-key.txt"),
    include_str!("../../core/tests/recordings/vp9-l3t3.txt"),
    include_str!("../../core/tests/recordings/vp9-l1t3.txt"),
    include_str!("../../core/tests/recordings/av1-l3t3-key.txt"),
    include_str!("../../core/tests/recordings/av1-l2t2.txt"),
    include_str!("../../core/tests/recordings/h264-l1t3.txt"),
    include_str!("../../core/tests/recordings/vp8-l1t3.txt"),
];
/// The beginning of Chromium's AV1 L3T3_KEY, after the frame number.
pub(super) const STRUCTURE: &[u8] = &[
    0x80, 0x08, 0x14, 0x85, 0x21, 0x4e, 0xaa, 0xaa, 0xa8, 0x00, 0x06, 0x00, 0x00, 0x40, 0x00, 0x10, 0x00, 0x02, 0xaa,
    0x80, 0xa8, 0x00, 0x06, 0x00, 0x00, 0x40, 0x00, 0x10, 0x00, 0x02, 0xa0, 0x00, 0xa8, 0x00, 0x06, 0x00, 0x00, 0x40,
    0x00, 0x16, 0xd5, 0x49, 0x24, 0x1b, 0x55, 0x24, 0x90, 0x6d, 0x54, 0x92, 0x31, 0x57, 0xe0, 0x01, 0x97, 0x4c, 0xa8,
    0x64, 0x33, 0x0e, 0x22, 0x23, 0x96, 0xec, 0xa8, 0x65, 0x53, 0x04, 0x22, 0x43, 0x90, 0xec, 0xa8, 0x77, 0x53, 0x01,
    0x3f, 0x00, 0xb3, 0x02, 0x7f, 0x01, 0x67, 0x04, 0xff, 0x02, 0xcf,
];
/// The beginning of Chromium's VP8 L1T3, after the frame number.
pub(super) const VP8_STRUCTURE: &[u8] = &[
    0x80, 0x02, 0x04, 0x4e, 0xaa, 0xaf, 0x28, 0x60, 0x41, 0x4d, 0x34, 0x53, 0x8a, 0x09, 0x40, 0x40, 0x4f, 0xc0, 0x2c,
    0xc0,
];
/// Pieces. A longer input only repeats short inputs.
const PIECES_MAX: usize = 256;

/// Cut the data into payloads: each is a length byte and that number of bytes.
fn pieces(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = data.split_first()?;
        let (piece, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        data = rest;
        Some(piece)
    })
    .take(PIECES_MAX)
}

pub fn vp9(data: &[u8]) {
    let mut viewer = Viewer::default();
    for (n, payload) in (0u32..).zip(pieces(data)) {
        let Ok(descriptor) = plane_core::codec::vp9::parse(payload) else { continue };
        let mut written = payload.to_vec();
        descriptor.numbers.shift(&mut written, 0x1234, 0x56);
        let again = plane_core::codec::vp9::parse(&written).expect("the same shape");
        assert_eq!((again.keyframe, again.place), (descriptor.keyframe, descriptor.place));
        let (before, after) = (descriptor.numbers, again.numbers);
        let mask = |long| if long { 0x7fff } else { 0x7f };
        assert_eq!(
            after.picture_id.map(|id| id.value),
            before.picture_id.map(|id| id.value.wrapping_add(0x1234) & mask(id.long))
        );
        assert_eq!(after.tl0, before.tl0.map(|tl0| tl0.wrapping_add(0x56)));
        if let Some(place) = descriptor.place {
            viewer.select(place, n / 3, payload);
        }
    }
}

/// A consumer whose source jumps in time.
#[derive(Default)]
struct Viewer {
    selection: Selection,
    /// The era of the source, and the number of its pictures in this era in a row.
    era: u32,
    pictures: u32,
    newest: Option<u32>,
}

impl Viewer {
    /// Check the selection. No frame above the present or previous limits passes, and no picture ends with a frame that is left
    /// out. From the second picture in a row on, the selection follows the source to any time.
    fn select(&mut self, place: Place, n: u32, payload: &[u8]) {
        let wish = payload.last().copied().unwrap_or(0);
        let era = payload.get(1).map_or(0, |byte| u32::from(byte & 7));
        let timestamp = (era << 29).wrapping_add(n * 3_000);
        let begins = (self.era, self.newest) != (era, Some(n));
        self.pictures = if self.era == era { self.pictures + u32::from(begins) } else { 1 };
        (self.era, self.newest) = (era, Some(n));
        let selection = &mut self.selection;
        let (before, wanted) = (selection.limits(), Limits { spatial: wish & 7, temporal: wish >> 3 & 7 });
        let sent = selection.admits(place, timestamp, wanted);
        assert!(!sent || place.spatial <= before.spatial.max(wanted.spatial));
        assert!(!sent || place.temporal <= before.temporal.max(wanted.temporal));
        assert!([before.spatial, wanted.spatial].contains(&selection.limits().spatial));
        assert!(!selection.ends_picture(place, timestamp) || place.ends_frame);
        if begins && self.pictures > 2 {
            let limits = selection.limits();
            assert!(limits.spatial <= wanted.spatial && limits.temporal <= wanted.temporal);
        }
    }
}

/// Read descriptors where every fifth packet is four packets late. A late packet must not change a newer table that arrived
/// before it.
pub fn dependencies(data: &[u8]) {
    let (mut stream, mut moved) = (Dependencies::default(), Dependencies::default());
    let mut brought = None;
    for (n, descriptor) in (0u32..).zip(pieces(data)) {
        let late = n % 5 == 4;
        // The packet numbers wrap during the test.
        let number_of = |n: u32| n.wrapping_sub(9);
        let at = number_of(if late { n - 4 } else { n });
        let probe = [n as u8 & 0x3f, 0, 0];
        let before = stream.read(&probe, number_of(n));
        let frame = stream.read(descriptor, at);
        if late && brought.is_some_and(|brought| brought > n - 4) {
            assert_eq!(stream.read(&probe, number_of(n)), before);
        }
        if !late && frame.is_ok() && descriptor.get(3).is_some_and(|flags| flags & 0x80 != 0) {
            brought = Some(n);
        }
        let mut written = descriptor.to_vec();
        let number = frame_number(descriptor).unwrap_or(0);
        set_frame_number(&mut written, number.wrapping_add(1_000));
        let again = moved.read(&written, at);
        assert_eq!(frame.is_ok(), again.is_ok());
        let (Ok(frame), Ok(again)) = (frame, again) else { continue };
        assert_eq!((frame.number, again.number), (number, number.wrapping_add(1_000)));
        assert_eq!(frame.place, again.place);
        assert!(frame.place.spatial < 8 && frame.place.temporal < 8);
        assert!(again.references().eq(frame.references().map(|number| number.wrapping_add(1_000))));
        assert_eq!(frame.place.fresh, frame.place.spatial == 0 && frame.references().next().is_none());
    }
}

fn seed<'a>(pieces: impl Iterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    pieces.flat_map(|piece| std::iter::once(piece.len() as u8).chain(piece.iter().copied())).collect()
}

/// Return one column of each packet of a recording, as bytes.
fn column(text: &str, at: usize) -> Vec<Vec<u8>> {
    let hex = |word: &str| {
        (0..word.len() / 2).filter_map(|at| u8::from_str_radix(word.get(2 * at..2 * at + 2)?, 16).ok()).collect()
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split(' ').nth(at)).map(hex).take(40).collect()
}

pub fn vp9_seeds() -> Vec<Vec<u8>> {
    RECORDINGS[..3].iter().map(|text| seed(column(text, 5).iter())).collect()
}

pub fn dependency_seeds() -> Vec<Vec<u8>> {
    RECORDINGS.iter().map(|text| seed(column(text, 4).iter())).collect()
}
