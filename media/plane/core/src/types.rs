//! Names that all parts share: codecs, header extensions, payload types, layers.

/// What a payload holds; decides key frame tests and rewriting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    Opus,
    Red,
    Pcmu,
    Pcma,
    G722,
    /// Keys pressed at a terminal (RFC 4733); told, never forwarded.
    TelephoneEvent,
    Vp8,
    Vp9,
    H264,
    H265,
    Av1,
}

/// RTP header extensions that the plane reads or writes.
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

/// One simulcast layer of a published track; SSRC 0: not told, latched from MID and RID.
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

/// A payload type of the producer, what it becomes at a consumer, and the RTX payload type there.
#[derive(Clone, Copy, Debug)]
pub struct PayloadMap {
    pub from: u8,
    pub to: u8,
    pub rtx: Option<u8>,
}

impl PayloadMap {
    /// The entry of the producer's payload type `from`.
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
    /// Whoever does not know a key frame request passes over it.
    fn default() -> Self {
        Feedback { nack: false, pli: true, fir: true, tmmbr: false }
    }
}

pub const LAYERS_MAX: usize = 4;
