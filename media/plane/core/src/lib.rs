//! The packet plane without sockets, threads, clock or Python: bytes and microseconds in, bytes and events out.

pub mod command;
pub mod event;
pub mod outbox;
