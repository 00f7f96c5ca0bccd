//! The assembly of frames from packets that arrive in order, with their gaps reported: which packets belong together, and which
//! frames are complete.

use crate::codec::keyframe::starts_keyframe;
use crate::codec::vp8;
use crate::mixer_port::h264;
use crate::types::Codec;

/// Bytes of one coded picture to or from the mixer process. Chosen. A larger received picture is dropped, and a larger picture
/// to send is refused. Larger: a source that never ends its picture takes more memory; sent pictures of more than 2.4 MB are
/// refused by `QUEUE_MAX` anyway. Smaller: large key frames are lost, and halls see a frozen picture.
pub const FRAME_BYTES_MAX: usize = 2 << 20;

/// One packet, in order.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    pub timestamp: u32,
    pub marker: bool,
    pub payload: &'a [u8],
    pub arrived_us: u64,
}

/// A complete frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub timestamp: u32,
    /// Arrival time of its first packet.
    pub arrived_us: u64,
    pub bytes: Vec<u8>,
}

pub struct Assembly {
    codec: Codec,
    building: Option<Frame>,
    /// H.264: a fragmented unit has begun and not ended.
    open: bool,
    /// Timestamp of a frame with missing packets. The other packets of this frame are dropped.
    broken: Option<u32>,
    /// True if packets are missing before the next packet, or may be missing because it is the first packet.
    gap: bool,
}

impl Assembly {
    pub fn new(codec: Codec) -> Self {
        Assembly { codec, building: None, open: false, broken: None, gap: true }
    }

    /// Record that packets are missing before the next packet.
    pub fn miss(&mut self) {
        self.building = None;
        self.open = false;
        self.gap = true;
    }

    /// Take the next packet and return up to two complete frames. One is the frame before, if its last packet had no marker.
    /// The other is the packet's own frame.
    pub fn take(&mut self, piece: &Piece) -> [Option<Frame>; 2] {
        if piece.payload.is_empty() {
            return [None, None];
        }
        if !matches!(self.codec, Codec::H264 | Codec::Vp8) {
            self.gap = false;
            let bytes = piece.payload.to_vec();
            return [Some(Frame { timestamp: piece.timestamp, arrived_us: piece.arrived_us, bytes }), None];
        }
        let before = self.building.take_if(|frame| frame.timestamp != piece.timestamp);
        let before = before.filter(|_| !std::mem::take(&mut self.open));
        if !self.belongs(piece) {
            return [before, None];
        }
        let frame = self.building.get_or_insert_with(|| Frame {
            timestamp: piece.timestamp,
            arrived_us: piece.arrived_us,
            bytes: Vec::with_capacity(4 * piece.payload.len()),
        });
        let taken = match self.codec {
            Codec::Vp8 => vp8::parse(piece.payload)
                .map(|head| frame.bytes.extend_from_slice(&piece.payload[usize::from(head.size)..])),
            _ => h264::unpack(piece.payload, &mut self.open, &mut frame.bytes),
        };
        if taken.is_err() || frame.bytes.len() > FRAME_BYTES_MAX {
            (self.building, self.open, self.broken) = (None, false, Some(piece.timestamp));
            return [before, None];
        }
        let whole = self.building.take_if(|_| piece.marker);
        let whole = whole.filter(|_| !std::mem::take(&mut self.open));
        [before, whole]
    }

    /// Report whether the packet belongs to a usable frame. After a gap, the frame of the next packet is usable only if this
    /// packet certainly begins the frame. In H.264, only the beginning of a key frame is certain.
    fn belongs(&mut self, piece: &Piece) -> bool {
        if self.gap {
            self.gap = false;
            let begins = match self.codec {
                Codec::Vp8 => vp8::parse(piece.payload).is_ok_and(|head| head.starts_frame),
                codec => starts_keyframe(codec, piece.payload, None),
            };
            self.broken = (!begins).then_some(piece.timestamp);
        }
        if self.broken.is_some_and(|broken| broken != piece.timestamp) {
            self.broken = None;
        }
        self.broken.is_none()
    }
}

#[cfg(test)]
#[path = "assembly_tests.rs"]
mod tests;
