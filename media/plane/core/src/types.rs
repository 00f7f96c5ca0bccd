//! Types that all parts share: codecs, header extensions, payload types, layers.

/// The codec of a payload. The codec decides how key frames are recognized and how payloads are rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    Opus,
    Red,
    Pcmu,
    Pcma,
    G722,
    /// Keys that a person pressed at a terminal (RFC 4733). They are reported as events. A consumer that does not list their
    /// payload type does not get their packets.
    TelephoneEvent,
    Vp8,
    Vp9,
    H264,
    H265,
    Av1,
}

/// The RTP header extensions that the plane reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    Mid,
    Rid,
    RepairedRid,
    AudioLevel,
    TransportCc,
    AbsSendTime,
    Orientation,
    DependencyDescriptor,
    PlayoutDelay,
}

/// One simulcast layer of a published track. With SSRC 0 the SSRC is unknown: the shard latches it from MID and RID.
#[derive(Clone, Debug, Default)]
pub struct Encoding {
    pub rid: String,
    pub ssrc: u32,
    pub rtx_ssrc: u32,
}

/// A payload type that a publisher may send.
#[derive(Clone, Copy, Debug)]
pub struct Payload {
    pub payload_type: u8,
    pub codec: Codec,
    pub clock_hz: u32,
    pub rtx: Option<u8>,
}

/// A payload type of the producer, the payload type at a consumer, and the RTX payload type at that consumer.
#[derive(Clone, Copy, Debug)]
pub struct PayloadMap {
    pub from: u8,
    pub to: u8,
    pub rtx: Option<u8>,
}

impl PayloadMap {
    /// Return the entry of the producer's payload type `from`.
    #[inline]
    pub fn find(payloads: &[PayloadMap], from: u8) -> Option<&PayloadMap> {
        payloads.iter().find(|one| one.from == from)
    }
}

/// The feedback messages that the far end understands (RFC 4585, RFC 5104).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feedback {
    pub nack: bool,
    pub pli: bool,
    pub fir: bool,
    pub tmmbr: bool,
}

impl Default for Feedback {
    /// Assume PLI and FIR. A far end that does not know a key frame request ignores the request.
    fn default() -> Self {
        Feedback { nack: false, pli: true, fir: true, tmmbr: false }
    }
}

/// Layers of one track that have their own SSRC. Chosen: browsers send at most three. Larger: only more memory, because LAYERS
/// of `media/ground/limits.py` and `LAYERS_MAX` of `arguments.rs` pass at most four. If both grow too, the layer does not fit
/// into two bits (`sent_log`), and viewers get retransmissions from the wrong layer. Smaller: viewers never get the highest
/// layers.
pub const LAYERS_MAX: usize = 4;
