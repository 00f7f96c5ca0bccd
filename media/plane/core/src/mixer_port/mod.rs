//! Complete frames over RTP, for the process that decodes and encodes: packets become frames, and frames become packets. This
//! module is sans-IO like the others, but it is not part of forwarding, so it may allocate memory.

pub mod assembly;
pub mod h264;
pub mod inbound;
pub mod outbound;
pub mod port;
