//! The search for a peer that moved.

pub mod path_probe;
pub mod suspects;
pub mod unverified_source;
