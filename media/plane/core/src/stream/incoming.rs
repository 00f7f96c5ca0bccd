//! One media packet in clear, between the socket and its producer.

use crate::types::Codec;
use crate::wire::extensions::Marks;

/// One media packet in clear.
pub(crate) struct Incoming<'a> {
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub payload_type: u8,
    pub codec: Codec,
    pub payload: &'a [u8],
    pub marks: Marks<'a>,
    /// The packet is a retransmission (RTX).
    pub repaired: bool,
}
