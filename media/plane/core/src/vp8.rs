//! The VP8 payload descriptor (RFC 7741 §4.2): read, and rewritten in place without changing its width.

use crate::rtp::Malformed;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureId {
    pub value: u16,
    /// 15 bits wide, else 7.
    pub long: bool,
    offset: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// First packet of a frame: S set and partition index 0.
    pub starts_frame: bool,
    pub keyframe: bool,
    pub picture_id: Option<PictureId>,
    pub tl0: Option<u8>,
    pub temporal_id: Option<u8>,
    /// The Y bit: this frame depends on the base layer only, so a receiver may go up here.
    pub sync: bool,
    /// Bytes of the descriptor; the VP8 data follows.
    pub size: usize,
    tl0_offset: u8,
}

pub fn parse(payload: &[u8]) -> Result<Descriptor, Malformed> {
    let first = *payload.first().ok_or(Malformed)?;
    let mut descriptor = Descriptor {
        starts_frame: first & 0x10 != 0 && first & 0x07 == 0,
        keyframe: false,
        picture_id: None,
        tl0: None,
        temporal_id: None,
        sync: false,
        size: 1,
        tl0_offset: 0,
    };
    if first & 0x80 != 0 {
        read_extended(payload, &mut descriptor)?;
    }
    if payload.len() < descriptor.size {
        return Err(Malformed);
    }
    // RFC 7741 §4.3: the P bit of the payload header is 0 in key frames.
    descriptor.keyframe = descriptor.starts_frame && payload.get(descriptor.size).is_some_and(|byte| byte & 1 == 0);
    Ok(descriptor)
}

fn read_extended(payload: &[u8], descriptor: &mut Descriptor) -> Result<(), Malformed> {
    let flags = *payload.get(1).ok_or(Malformed)?;
    let mut at = 2;
    if flags & 0x80 != 0 {
        let high = *payload.get(at).ok_or(Malformed)?;
        let long = high & 0x80 != 0;
        let value = match long {
            true => u16::from(high & 0x7f) << 8 | u16::from(*payload.get(at + 1).ok_or(Malformed)?),
            false => u16::from(high),
        };
        descriptor.picture_id = Some(PictureId { value, long, offset: at as u8 });
        at += if long { 2 } else { 1 };
    }
    if flags & 0x40 != 0 {
        descriptor.tl0 = Some(*payload.get(at).ok_or(Malformed)?);
        descriptor.tl0_offset = at as u8;
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
    descriptor.size = at;
    Ok(())
}

impl Descriptor {
    /// Puts another picture id into a payload of this very shape; cut to the width it has.
    #[inline]
    pub fn set_picture_id(&self, payload: &mut [u8], value: u16) {
        let Some(id) = self.picture_id else { return };
        let at = usize::from(id.offset);
        if id.long {
            payload[at] = 0x80 | (value >> 8) as u8;
            payload[at + 1] = value as u8;
        } else {
            payload[at] = value as u8 & 0x7f;
        }
    }

    #[inline]
    pub fn set_tl0(&self, payload: &mut [u8], value: u8) {
        if self.tl0.is_some() {
            payload[usize::from(self.tl0_offset)] = value;
        }
    }
}

#[cfg(test)]
#[path = "vp8_tests.rs"]
mod tests;
