//! The packet plane without sockets, threads, clock or Python: bytes and microseconds in, bytes and events out.

pub mod command;
pub mod demux;
pub mod event;
pub mod framing;
pub mod ice;
pub mod keyframe;
pub mod outbox;
pub mod red;
pub mod rtcp;
pub mod rtp;
pub mod srtp;
pub mod stun;
pub mod vp8;
