//! Lines of terminals and of the mixer in a whole shard.

mod keys;
mod messages;
mod mixed;
mod terminals;
