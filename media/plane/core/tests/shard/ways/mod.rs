//! The packets that are sent over links that are narrow, lose packets, stop or change.

mod allocation;
mod loss;
mod pacing;
mod path_probe;
mod playout;
mod redundancy;
mod restart;
mod unverified_source;
