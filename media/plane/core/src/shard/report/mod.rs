//! The messages to publishers, and the RTCP to all peers.

pub mod keyframes;
pub mod limits;
pub mod mirror_out;
pub mod reports;
pub mod rtcp_out;
