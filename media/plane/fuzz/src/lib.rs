//! What each fuzz target does with its bytes. `core/tests/abuse/hostile.rs` runs the same functions, a bounded number of times.

mod targets;

pub use targets::*;
