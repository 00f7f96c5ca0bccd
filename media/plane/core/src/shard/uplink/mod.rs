//! The uplink: from datagrams to the caches of producers.

pub mod accept;
pub mod line_input;
pub mod line_sources;
pub mod messages;
pub mod mirror_in;
pub mod queue;
pub mod receive;
pub mod repair;
pub mod rtcp_in;
pub mod voices;
