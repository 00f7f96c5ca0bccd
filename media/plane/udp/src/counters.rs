//! The counters of the sockets of one shard thread.

pub const RUN_PLACES: usize = 6;

pub const BATCH_PLACES: usize = 7;

/// Totals since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub received_packets: u64,
    pub received_bytes: u64,
    /// Datagrams that no real peer sends: too long, empty, or from port 0.
    pub refused: u64,
    pub sent_packets: u64,
    pub sent_bytes: u64,
    /// System calls for sending.
    pub send_calls: u64,
    /// Messages of more than one datagram that the kernel accepted as a whole.
    pub sent_runs: u64,
    pub send_drops: u64,
    /// Messages by their number of datagrams: 1, 2 to 3, 4 to 7 ... 32 and more.
    pub runs: [u64; RUN_PLACES],
    /// System calls for UDP by the number of messages that they sent: 1, 2 to 3 ... 64.
    pub batches: [u64; BATCH_PLACES],
    pub kernel_drops: u64,
}
