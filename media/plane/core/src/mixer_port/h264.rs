//! H.264 in RTP (RFC 6184, packetization modes 0 and 1): NAL units read from payloads and written into payloads. A picture is a
//! byte stream with start codes (ITU-T H.264 Annex B).

use crate::codec::parameter_sets::units;
use crate::wire::rtp::Malformed;

const START_CODE: [u8; 4] = [0, 0, 0, 1];
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;
/// Bytes of the FU indicator and the FU header (RFC 6184 §5.8). Larger: fragments are smaller than necessary. Smaller:
/// fragments exceed the largest payload.
const FU_HEAD: usize = 2;

/// Append the units of one payload to `picture`. `open` is true if the last payload left a fragmented unit without its end.
pub fn unpack(payload: &[u8], open: &mut bool, picture: &mut Vec<u8>) -> Result<(), Malformed> {
    let head = *payload.first().ok_or(Malformed)?;
    let kind = head & 0x1f;
    if *open && kind != FU_A {
        return Err(Malformed);
    }
    match kind {
        1..=23 => append(payload, picture),
        STAP_A => {
            let before = picture.len();
            units(&payload[1..], |unit| append(unit, picture));
            if picture.len() == before {
                return Err(Malformed);
            }
        }
        FU_A => return fragment(payload, open, picture),
        _ => return Err(Malformed),
    }
    Ok(())
}

fn append(unit: &[u8], picture: &mut Vec<u8>) {
    if !unit.is_empty() {
        picture.extend_from_slice(&START_CODE);
        picture.extend_from_slice(unit);
    }
}

fn fragment(payload: &[u8], open: &mut bool, picture: &mut Vec<u8>) -> Result<(), Malformed> {
    let [indicator, head, rest @ ..] = payload else { return Err(Malformed) };
    let (start, end) = (head & 0x80 != 0, head & 0x40 != 0);
    if start == *open || start && end || rest.is_empty() {
        return Err(Malformed);
    }
    if start {
        picture.extend_from_slice(&START_CODE);
        picture.push(indicator & 0xe0 | head & 0x1f);
    }
    picture.extend_from_slice(rest);
    *open = !end;
    Ok(())
}

/// Return the NAL units of a byte stream, without their start codes.
pub fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = start_code(stream).map_or(&[][..], |(_, after)| &stream[after..]);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (unit, next) = match start_code(rest) {
            Some((before, after)) => (&rest[..before], &rest[after..]),
            None => (rest, &[][..]),
        };
        rest = next;
        // Zeros before a start code belong to no unit.
        let len = unit.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
        Some(&unit[..len])
    })
    .filter(|unit| !unit.is_empty())
}

/// Return the begin and the end of the first start code.
fn start_code(bytes: &[u8]) -> Option<(usize, usize)> {
    let at = bytes.windows(3).position(|three| three == [0, 0, 1])?;
    Some((at, at + 3))
}

/// The error for a unit that must not be split but is longer than a packet. The value is the length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong(pub usize);

/// Give `put` the payloads of one picture, in order. A unit goes alone; a unit longer than `most` goes in fragments. With
/// `single_nal` (mode 0) there are no fragments.
pub fn pack(picture: &[u8], most: usize, single_nal: bool, mut put: impl FnMut(&[&[u8]])) -> Result<(), TooLong> {
    let wanted = |unit: &&[u8]| !matches!(unit[0] & 0x1f, DELIMITER | FILLER);
    let long = nal_units(picture).filter(wanted).find(|unit| single_nal && unit.len() > most);
    if let Some(long) = long {
        return Err(TooLong(long.len()));
    }
    for unit in nal_units(picture).filter(wanted) {
        if unit.len() <= most {
            put(&[unit]);
        } else {
            pack_fragments(unit, most, &mut put);
        }
    }
    Ok(())
}

/// Split the unit into nearly equal fragments, so that they can be sent as one GSO run.
fn pack_fragments(unit: &[u8], most: usize, put: &mut impl FnMut(&[&[u8]])) {
    let (indicator, kind, body) = (unit[0] & 0xe0 | FU_A, unit[0] & 0x1f, &unit[1..]);
    let count = body.len().div_ceil(most - FU_HEAD);
    let size = body.len().div_ceil(count);
    let last = body.len().div_ceil(size) - 1;
    for (n, piece) in body.chunks(size).enumerate() {
        let flags = if n == 0 { 0x80 } else { 0 } | if n == last { 0x40 } else { 0 };
        put(&[&[indicator, flags | kind], piece]);
    }
}

#[cfg(test)]
#[path = "h264_tests.rs"]
mod tests;
