//! The running numbers in the payload descriptors of VP8 (RFC 7741 §4.2) and VP9 (RFC 9628 §4.2): picture id and TL0PICIDX.

use crate::wire::rtp::Malformed;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureId {
    pub value: u16,
    /// True if the picture id has 15 bits, false if it has 7 bits.
    pub long: bool,
    offset: u8,
}

impl PictureId {
    pub fn read(payload: &[u8], at: usize) -> Result<Self, Malformed> {
        let high = *payload.get(at).ok_or(Malformed)?;
        let long = high & 0x80 != 0;
        let value = match long {
            true => u16::from(high & 0x7f) << 8 | u16::from(*payload.get(at + 1).ok_or(Malformed)?),
            false => u16::from(high),
        };
        Ok(PictureId { value, long, offset: at as u8 })
    }

    /// Return the number of bytes of the picture id.
    pub fn width(&self) -> usize {
        if self.long { 2 } else { 1 }
    }
}

/// The running numbers of one descriptor, and their places in the payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    pub picture_id: Option<PictureId>,
    pub tl0: Option<u8>,
    tl0_offset: u8,
}

impl Numbers {
    pub fn read_tl0(&mut self, payload: &[u8], at: usize) -> Result<(), Malformed> {
        self.tl0 = Some(*payload.get(at).ok_or(Malformed)?);
        self.tl0_offset = at as u8;
        Ok(())
    }

    /// Write another picture id into a payload of exactly this shape. The value is cut to the width of the field.
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

    /// Add to both numbers the difference between the numbers of a consumer and the numbers of its source.
    #[inline]
    pub fn shift(&self, payload: &mut [u8], picture: u16, tl0: u8) {
        if let Some(id) = self.picture_id {
            self.set_picture_id(payload, id.value.wrapping_add(picture));
        }
        if let Some(value) = self.tl0 {
            self.set_tl0(payload, value.wrapping_add(tl0));
        }
    }
}
