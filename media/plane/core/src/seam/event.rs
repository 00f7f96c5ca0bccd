//! What a shard tells the control side, in batches.

use crate::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceState {
    Connected,
    Moved,
    Disconnected,
    Failed,
}

/// Whether the far end of a line is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState {
    /// Its first RTP packet came.
    First,
    /// Neither RTP nor RTCP for as long as the line was told, [`crate::shard::tables::line::SILENT_US`] usually.
    Silent,
    /// Something came after that.
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
    /// A key was pressed at the terminal: 0..9, *, #, A..D, or ! for a hook flash.
    Dtmf {
        transport: u32,
        digit: char,
        duration_ms: u32,
    },
    /// What came in one packet of a line that carries messages.
    Message {
        transport: u32,
        message: Box<[u8]>,
    },
    /// A second after asking there was still no key frame.
    Keyframe {
        transport: u32,
    },
    /// The peer wants at most this much of a track (RFC 5104 TMMBR).
    Limit {
        consumer: u32,
        bitrate_bps: u64,
    },
    /// Its source sends packets that this consumer's receiver cannot take (FU-A or STAP-A in mode 0): nothing is sent.
    Unfit {
        consumer: u32,
    },
    /// The way to its viewer does not carry this track (any more, or again): nothing of it is sent.
    Starved {
        consumer: u32,
        starved: bool,
    },
}
