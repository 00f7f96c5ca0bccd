//! The fuzz targets. `core/tests/shard/abuse/hostile.rs` runs the same functions a limited number of times.

mod targets;

pub use targets::*;
