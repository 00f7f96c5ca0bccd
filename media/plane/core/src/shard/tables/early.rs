//! The count of padding packets that one consumer got before its first key frame.

/// The padding that one consumer got before its first key frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct Early {
    pub(crate) packets: u8,
    /// The time of the last padding packet.
    pub(crate) at_us: u64,
    /// The consumer is in the shard's `EarlyList`.
    pub(crate) listed: bool,
}
