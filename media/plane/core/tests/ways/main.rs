//! The packets that are sent over links that are narrow, lose packets, stop or change.

mod allocation;
mod loss;
mod pacing;
mod path_probe;
#[path = "../peer/mod.rs"]
mod peer;
mod playout;
mod redundancy;
mod restart;
mod unverified_source;
#[path = "../watch/mod.rs"]
mod watch;
#[path = "../way/mod.rs"]
mod way;
