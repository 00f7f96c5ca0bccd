//! What comes into a shard and what goes out of it: commands, events, datagrams, figures.

pub mod command;
pub mod event;
pub mod outbox;
pub mod snapshot;
