//! The shards that mirror a producer, and the stream that each packet for them belongs to. See `uplink::mirror_in`.

/// The stream that a mirrored layer belongs to. In another stream, numbers and timestamps start again. Each slip carries this
/// identity, because any parcel may be lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MirrorStream {
    /// The count of times that a shard began to mirror the producer.
    feed: u16,
    /// How often `queue::restart_layer` restarted the layer.
    restarts: u16,
}

impl MirrorStream {
    pub fn restart(&mut self) {
        self.restarts = self.restarts.wrapping_add(1);
    }
}

/// A shard that mirrors a producer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mirror {
    pub(crate) shard: u8,
    pub(crate) feed: u16,
}

impl Mirror {
    /// Return the identity of the stream that goes to this shard, for a layer with the stream `of`.
    pub fn stream(self, of: MirrorStream) -> MirrorStream {
        MirrorStream { feed: self.feed, ..of }
    }
}
