//! How much a path carries, and how that is shared.

pub mod allotment;
pub mod audio_redundancy;
pub mod bitrates;
pub mod estimate;
pub mod share;
