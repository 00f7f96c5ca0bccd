//! Whole frames over RTP, for the process that decodes and encodes: packets become frames, frames become packets.
//! Sans-IO like the rest, but not part of forwarding: it may allocate.

pub mod assembly;
pub mod h264;
mod inbound;
mod outbound;
mod port;

pub use port::{EVENTS_MAX, FrameEvent, Port, SendRefused, VideoFormat};

/// RTP payloads that we make.
pub const PAYLOAD_BYTES_MAX: usize = 1_200;
/// A coded picture, either way.
pub const FRAME_BYTES_MAX: usize = 2 << 20;
