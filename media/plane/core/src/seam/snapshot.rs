//! The statistics that the control side gets once a second. `_plane.pyi` says what the fields mean.

#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub taken_at_us: u64,
    pub totals: Totals,
    pub transports: Vec<TransportStats>,
    pub producers: Vec<LayerStats>,
    pub consumers: Vec<ConsumerStats>,
}

/// The counters of the whole shard. The socket side adds its own counters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub received_packets: u64,
    pub received_bytes: u64,
    pub padding_bytes: u64,
    /// Bytes that were sent only to measure the bandwidth of a downlink.
    pub probe_bytes: u64,
    /// Packets of voices that were not forwarded because other voices were louder.
    pub unheard_packets: u64,
    pub stranger_datagrams: u64,
    pub bad_stun: u64,
    pub bad_srtp: u64,
    pub replayed: u64,
    pub malformed: u64,
    /// Packets of peers that sent more than their bucket allows (`Transport::media`).
    pub excess_packets: u64,
    pub stale_commands: u64,
    /// Datagrams of other shards' peers that arrived here and were handed over.
    pub handed_over: u64,
    /// Datagrams that were dropped because the parcel to the other shard had no room.
    pub handover_drops: u64,
    pub transports: u64,
    pub producers: u64,
    pub consumers: u64,
    pub memory_bytes: u64,
}

#[derive(Clone, Copy, Debug)]
pub struct TransportStats {
    pub transport: u32,
    pub received_packets: u64,
    pub received_bytes: u64,
    pub sent_packets: u64,
    pub sent_bytes: u64,
    pub up_loss: f32,
    pub down_loss: f32,
    /// Negative: unknown.
    pub rtt_ms: f32,
    pub down_jitter_ms: f32,
    /// The estimated bandwidth of the downlink. 0: no limit is known.
    pub down_bps: u64,
}

#[derive(Clone, Copy, Debug)]
pub struct LayerStats {
    pub producer: u32,
    pub layer: u8,
    pub packets: u64,
    pub bitrate_bps: u64,
    pub jitter_ms: f32,
}

#[derive(Clone, Copy, Debug)]
pub struct ConsumerStats {
    pub consumer: u32,
    /// -1: nothing is sent.
    pub layer: i8,
    pub packets: u64,
    pub bytes: u64,
    pub lost: i64,
    pub resent: u64,
    pub keyframes_asked: u64,
    /// How often the sent quality was lowered because the downlink could not carry more.
    pub lowered: u64,
}
