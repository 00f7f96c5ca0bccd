//! One snapshot a second: plain numbers for the control side. Fields mean what `_plane.pyi` says.

#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub taken_at_us: u64,
    pub totals: Totals,
    pub transports: Vec<TransportStats>,
    pub producers: Vec<LayerStats>,
    pub consumers: Vec<ConsumerStats>,
}

/// Of the whole shard. The socket side adds what it counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    pub received_packets: u64,
    pub received_bytes: u64,
    pub padding_bytes: u64,
    /// Sent to find out what a way carries.
    pub probe_bytes: u64,
    /// Of voices that were left out.
    pub unheard_packets: u64,
    pub stranger_datagrams: u64,
    pub bad_stun: u64,
    pub bad_srtp: u64,
    pub replayed: u64,
    pub malformed: u64,
    /// Of peers that sent more than their bucket has (`Transport::media`).
    pub excess_packets: u64,
    pub stale_commands: u64,
    /// Datagrams of other shards' peers that came here and went there.
    pub handed_over: u64,
    /// Those for which there was no room there.
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
    /// Negative: not known yet.
    pub rtt_ms: f32,
    pub down_jitter_ms: f32,
    /// What the way down is believed to carry; 0: nothing limits it.
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
    /// How often less was sent of what there was because the way did not carry it.
    pub lowered: u64,
}
