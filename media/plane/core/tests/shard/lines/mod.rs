//! Lines of terminals and of the mixer in a whole shard.

mod keys;
mod lines;
mod messages;
mod mixed;
