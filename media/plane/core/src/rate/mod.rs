//! The bitrate that a path carries, and the division of this bitrate among streams.

pub mod allotment;
pub mod audio_redundancy;
pub mod bitrates;
pub mod estimate;
pub mod share;
