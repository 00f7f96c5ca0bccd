//! How soon a shard wakes up again, by what it waits for.

/// Ticks come at least this often while media flows.
pub const BUSY_TICK_US: u64 = 100_000;

pub const ASKING_TICK_US: u64 = 20_000;

/// First look at a new gap.
pub(crate) const GAP_TICK_US: u64 = 6_000;

/// With nothing to do but wait for the peers' consent to end.
pub(crate) const IDLE_TICK_US: u64 = 1_000_000;
