//! The damage that a hostile or costly peer must not cause in a shard.

mod abuse;
mod bounds;
mod hostile;
