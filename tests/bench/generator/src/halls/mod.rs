//! The far ends of hall calls, with the SRTP of hall terminals.

pub mod far_ends;
pub mod srtp;
