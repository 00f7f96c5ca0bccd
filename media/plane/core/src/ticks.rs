//! The intervals between two ticks of a shard. The interval depends on what the shard waits for.

/// Microseconds. The longest time between two rounds of a packet thread's periodic work while media flows. Longer: feedback and
/// reports are late. Shorter: more work for each second of media.
pub const BUSY_TICK_US: u64 = 100_000;

/// Microseconds between two rounds of a packet thread's periodic work while packets are missing. Chosen. Longer: missing
/// packets are requested again later, and pictures are repaired later. Shorter: more work for each second with losses.
pub const ASKING_TICK_US: u64 = 20_000;

/// Microseconds from a new gap in the sequence numbers to the next round of periodic work, which requests the packets. Longer:
/// pictures are repaired later. Shorter than 5 ms (`REORDER_US`): the round comes too early to request them, so the next round
/// does, up to 20 ms (`ASKING_TICK_US`) later.
pub(crate) const GAP_TICK_US: u64 = 6_000;

/// Microseconds between two rounds of a packet thread's periodic work without media. Chosen. A round ends peers whose consent
/// has expired (RFC 7675). Longer: such peers are found later. Shorter: more work for peers that send nothing.
pub(crate) const IDLE_TICK_US: u64 = 1_000_000;
