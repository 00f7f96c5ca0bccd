//! What the shards of one node hand to each other.

pub mod claims;
pub mod handover;
pub mod mirror;
pub mod parcel;
pub mod releases;
