//! Whole frames over RTP, for the process that decodes and encodes: packets become frames, frames become packets.
//! Sans-IO like the rest, but not part of forwarding: it may allocate.

pub mod assembly;
pub mod h264;
pub mod inbound;
pub mod outbound;
pub mod port;
