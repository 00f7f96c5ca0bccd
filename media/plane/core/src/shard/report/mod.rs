//! What goes to publishers, and the RTCP that goes to everybody.

pub mod keyframes;
pub mod limits;
pub mod mirror_out;
pub mod reports;
pub mod rtcp_out;
