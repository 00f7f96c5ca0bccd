//! What the sockets of one shard thread count.

pub const RUN_PLACES: usize = 6;

pub const BATCH_PLACES: usize = 7;

/// Totals since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub received_packets: u64,
    pub received_bytes: u64,
    /// Datagrams that no peer of ours sends: too long, empty, from port 0.
    pub refused: u64,
    pub sent_packets: u64,
    pub sent_bytes: u64,
    /// System calls.
    pub send_calls: u64,
    /// Messages of more than one datagram that the kernel took whole.
    pub sent_runs: u64,
    pub send_drops: u64,
    /// Messages by the datagrams in them: 1, 2 to 3, 4 to 7 ... 32 and more.
    pub runs: [u64; RUN_PLACES],
    /// System calls for UDP by the messages that they took: 1, 2 to 3 ... 64.
    pub batches: [u64; BATCH_PLACES],
    pub kernel_drops: u64,
}
