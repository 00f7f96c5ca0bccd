//! The packet core: it receives, checks and forwards media packets. It does no I/O and starts no thread. `shard/mod.rs` explains
//! the path of a packet. `media/_plane.pyi` explains the commands and events of the Python side.

pub mod bucket;
pub mod codec;
pub mod ice;
pub mod keys;
pub mod mixer_port;
pub mod ntp;
pub mod path;
pub mod rate;
pub mod seam;
pub mod serial;
pub mod shard;
pub mod stream;
pub mod ticks;
pub mod types;
pub mod wire;
