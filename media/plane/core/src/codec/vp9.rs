//! The VP9 payload descriptor (RFC 9628 §4.2), read and rewritten in place without a change of its width.

use crate::codec::numbers::{Numbers, PictureId};
use crate::codec::selection::{Place, Rise};
use crate::wire::rtp::Malformed;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The B bit: the first packet of a layer frame.
    pub starts_frame: bool,
    /// True if the packet begins a picture that depends on no earlier picture.
    pub keyframe: bool,
    pub numbers: Numbers,
    /// None if the stream has no layers.
    pub place: Option<Place>,
}

const HAS_PICTURE_ID: u8 = 0x80;
const INTER_PICTURE: u8 = 0x40;
const HAS_LAYERS: u8 = 0x20;
const FLEXIBLE: u8 = 0x10;
const STARTS: u8 = 0x08;
const ENDS: u8 = 0x04;

/// Parse the descriptor up to the layer indices. The server does not use the references and the scalability structure after
/// them.
pub fn parse(payload: &[u8]) -> Result<Descriptor, Malformed> {
    let flags = *payload.first().ok_or(Malformed)?;
    let mut at = 1;
    let mut numbers = Numbers::default();
    if flags & HAS_PICTURE_ID != 0 {
        let id = PictureId::read(payload, at)?;
        at += id.width();
        numbers.picture_id = Some(id);
    }
    let (starts_frame, alone) = (flags & STARTS != 0, flags & INTER_PICTURE == 0);
    let mut place = None;
    if flags & HAS_LAYERS != 0 {
        let byte = *payload.get(at).ok_or(Malformed)?;
        at += 1;
        if flags & FLEXIBLE == 0 {
            numbers.read_tl0(payload, at)?;
            at += 1;
        }
        let spatial = byte >> 1 & 0x07;
        place = Some(Place {
            spatial,
            temporal: byte >> 5,
            starts_frame,
            ends_frame: flags & ENDS != 0,
            fresh: alone && spatial == 0,
            rise: if byte & 0x10 != 0 { Rise::After } else { Rise::No },
        });
    }
    if payload.len() <= at {
        return Err(Malformed);
    }
    let keyframe = starts_frame && place.map_or(alone, |place| place.fresh);
    Ok(Descriptor { starts_frame, keyframe, numbers, place })
}

#[cfg(test)]
#[path = "vp9_tests.rs"]
mod tests;
