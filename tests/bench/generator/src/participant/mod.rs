//! The participants: one client with its messages, datagrams and tracks, and a crowd of clients on one thread.

pub mod audience;
pub mod client;
pub mod crowd;
pub mod link;
pub mod peer;
pub mod sections;
pub mod token;
pub mod track;
pub mod wire;
