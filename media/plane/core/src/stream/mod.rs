//! One RTP stream: what came, what is kept of it, what went out, how loud it is.

pub mod arrivals;
pub mod cache;
pub mod incoming;
pub mod levels;
pub mod meter;
pub mod pause_gate;
pub mod playout;
pub mod reception;
pub mod redundancy;
pub mod sent_log;
pub mod sequence;
pub mod voice;
