//! One RTP stream: the packets that arrive, that are kept and that are sent, and the loudness.

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
