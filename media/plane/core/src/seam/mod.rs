//! The input and output of a shard: commands, events, datagrams, statistics.

pub mod command;
pub mod event;
pub mod outbox;
pub mod snapshot;
