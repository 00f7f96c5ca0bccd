//! The events that a shard reports to the control side, in batches.

use crate::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceState {
    Connected,
    Moved,
    Disconnected,
    Failed,
}

/// The state of the media from the far end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState {
    /// The first RTP packet of the line arrived.
    First,
    /// No RTP and no RTCP arrived for the time that the line was opened with, usually
    /// [`crate::shard::tables::line::SILENT_US`].
    Silent,
    /// A packet arrived after the silence.
    Alive,
}

#[derive(Clone, Debug)]
pub enum Event {
    Dtls {
        transport: u32,
        datagram: Box<[u8]>,
    },
    Ice {
        transport: u32,
        state: IceState,
        path: Path,
    },
    Layer {
        producer: u32,
        layer: u8,
    },
    Switched {
        consumer: u32,
        layer: Option<u8>,
    },
    Speakers {
        router: u32,
        speakers: Vec<(u32, f32)>,
    },
    Bye {
        producer: u32,
    },
    Line {
        transport: u32,
        state: LineState,
    },
    /// A person pressed a key at the terminal: 0..9, *, #, A..D, or ! for a hook flash.
    Dtmf {
        transport: u32,
        digit: char,
        duration_ms: u32,
    },
    /// The content of one packet of a line that carries messages.
    Message {
        transport: u32,
        message: Box<[u8]>,
    },
    /// One second after the request no key frame had arrived, or the far end understands no key frame request.
    Keyframe {
        transport: u32,
    },
    /// The peer asks for at most this bitrate of a track (RFC 5104 TMMBR).
    Limit {
        consumer: u32,
        bitrate_bps: u64,
    },
    /// The source sends packets that this consumer's receiver cannot take (FU-A or STAP-A in mode 0). Nothing more is sent.
    Unfit {
        consumer: u32,
    },
    /// `starved`: the downlink of the viewer cannot carry this track, and nothing of the track is sent. Otherwise the downlink
    /// can carry it again.
    Starved {
        consumer: u32,
        starved: bool,
    },
}
