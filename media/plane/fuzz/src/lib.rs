//! The fuzz targets. `core/tests/abuse/hostile.rs` runs the same functions a limited number of times.

mod targets;

pub use targets::*;
