//! What a shard keeps, one file a table: transports, producers, consumers, routers, lines, and the parts of each.

pub mod consumer;
pub mod early;
pub mod early_list;
pub mod line;
pub mod message_stream;
pub mod mirror_feed;
pub mod pacer;
pub mod producer;
pub mod red_copies;
pub mod router;
pub mod transport;
