//! The damage that a hostile or costly peer must not cause in a shard.

mod bounds;
mod damage;
mod hostile;
