//! The VP8 payload descriptor (RFC 7741 §4.2), read and rewritten in place without a change of its width.

use crate::codec::numbers::{Numbers, PictureId};
use crate::codec::selection::{Place, Rise};
use crate::wire::rtp::Malformed;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// True for the first packet of a frame: S is set and the partition index is 0.
    pub starts_frame: bool,
    pub keyframe: bool,
    pub numbers: Numbers,
    pub temporal_id: Option<u8>,
    /// The Y bit: this frame depends on the base layer only, so a receiver may switch up to this layer here.
    pub sync: bool,
    /// Bytes of the descriptor. The VP8 data follows.
    pub size: u8,
}

pub fn parse(payload: &[u8]) -> Result<Descriptor, Malformed> {
    let first = *payload.first().ok_or(Malformed)?;
    let mut descriptor = Descriptor {
        starts_frame: first & 0x10 != 0 && first & 0x07 == 0,
        keyframe: false,
        numbers: Numbers::default(),
        temporal_id: None,
        sync: false,
        size: 1,
    };
    if first & 0x80 != 0 {
        read_extended(payload, &mut descriptor)?;
    }
    if payload.len() < usize::from(descriptor.size) {
        return Err(Malformed);
    }
    // RFC 7741 §4.3: the P bit of the payload header is 0 in key frames.
    let first = payload.get(usize::from(descriptor.size));
    descriptor.keyframe = descriptor.starts_frame && first.is_some_and(|byte| byte & 1 == 0);
    Ok(descriptor)
}

fn read_extended(payload: &[u8], descriptor: &mut Descriptor) -> Result<(), Malformed> {
    let flags = *payload.get(1).ok_or(Malformed)?;
    let mut at = 2;
    if flags & 0x80 != 0 {
        let id = PictureId::read(payload, at)?;
        at += id.width();
        descriptor.numbers.picture_id = Some(id);
    }
    if flags & 0x40 != 0 {
        descriptor.numbers.read_tl0(payload, at)?;
        at += 1;
    }
    if flags & 0x30 != 0 {
        let byte = *payload.get(at).ok_or(Malformed)?;
        if flags & 0x20 != 0 {
            descriptor.temporal_id = Some(byte >> 6);
            descriptor.sync = byte & 0x20 != 0;
        }
        at += 1;
    }
    descriptor.size = at as u8;
    Ok(())
}

impl Descriptor {
    /// Return the place of the frame among the layers, or None if the stream has no temporal layers.
    pub fn place(&self) -> Option<Place> {
        let temporal = self.temporal_id?;
        Some(Place {
            spatial: 0,
            temporal,
            starts_frame: self.starts_frame,
            ends_frame: false,
            fresh: self.keyframe,
            // A base frame never allows a switch up, because later frames may depend on enhancement frames before it.
            rise: if temporal > 0 && self.sync { Rise::Here } else { Rise::No },
        })
    }
}

#[cfg(test)]
#[path = "vp8_tests.rs"]
mod tests;
