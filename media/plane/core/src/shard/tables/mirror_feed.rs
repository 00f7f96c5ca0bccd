//! Which shards mirror a producer, and of which stream each packet for them is. See `uplink::mirror_in`.

/// Of which stream a mirrored layer is. In another one numbers and times begin anew; all that is handed on says so, for
/// each parcel may be lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MirrorStream {
    /// Counts how often a shard began to mirror the producer.
    feed: u16,
    /// Counts what `Shard::restart_layer` did.
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
    /// The stream that this shard is fed, of a layer whose stream is `of`.
    pub fn stream(self, of: MirrorStream) -> MirrorStream {
        MirrorStream { feed: self.feed, ..of }
    }
}
