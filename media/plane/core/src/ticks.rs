//! The intervals between two ticks of a shard. The interval depends on what the shard waits for.

/// Longest time between two ticks while media flows. Longer: feedback and reports are late. Shorter: more work for each second
/// of media.
pub const BUSY_TICK_US: u64 = 100_000;

/// Microseconds between two ticks while packets are missing. Chosen. Longer: requests repeat late. Shorter: more work for each
/// second with losses.
pub const ASKING_TICK_US: u64 = 20_000;

/// Time from a new gap in the sequence numbers to the next tick. Longer: the NACK is late. Shorter: reordered packets cause
/// NACKs.
pub(crate) const GAP_TICK_US: u64 = 6_000;

/// Microseconds between two ticks without media. Chosen. A tick ends peers whose consent has expired (RFC 7675). Longer: such
/// peers are found later. Shorter: more work for peers that send nothing.
pub(crate) const IDLE_TICK_US: u64 = 1_000_000;
