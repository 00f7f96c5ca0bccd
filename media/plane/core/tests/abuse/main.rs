//! What a hostile or costly peer may not bring about in a shard.

mod abuse;
mod bounds;
mod hostile;
#[path = "../peer/mod.rs"]
mod peer;
