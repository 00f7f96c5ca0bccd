//! Counts the packets of padding that one consumer was sent before its first key frame.

/// What one consumer was sent before its first key frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Early {
    pub(crate) packets: u8,
    /// When the last packet went out.
    pub(crate) at_us: u64,
    /// It is among those that the shard looks at.
    pub(crate) listed: bool,
}
