//! The commands of the control side to a shard. Each command names things by the identifiers of the seam (`_plane.pyi`).

use std::net::SocketAddr;

use crate::types::{Encoding, Extension, Feedback, Payload, PayloadMap};
use crate::wire::srtp_profile::Profile;

#[derive(Clone, Debug)]
pub enum Command {
    OpenRouter {
        router: u32,
    },
    /// A router of another shard also gets a part on this shard.
    OpenPart {
        router: u32,
    },
    /// This shard mirrors a publisher of the shard `from`. Producers are then opened on the mirror as on any other transport.
    OpenMirror {
        router: u32,
        transport: u32,
        from: u8,
        line: bool,
    },
    /// The shard `to` mirrors this producer. `on`: it needs the packets now; otherwise it does not.
    SetMirrored {
        producer: u32,
        to: u8,
        on: bool,
    },
    CloseRouter {
        router: u32,
    },
    /// The maximum number of voices that peers hear at once. 0: all.
    SetVoices {
        router: u32,
        most: u16,
    },
    /// The maximum number of microphones that the mixer of the router receives at once. 0: all.
    SetMixedVoices {
        router: u32,
        most: u16,
    },
    OpenTransport {
        router: u32,
        transport: u32,
        ufrag: String,
        pwd: String,
    },
    /// The socket numbers come from the socket side, which owns the sockets. No other transport uses these sockets.
    OpenLine {
        router: u32,
        transport: u32,
        rtp_socket: u16,
        rtcp_socket: Option<u16>,
        latch: bool,
        /// Microseconds without RTP and RTCP until [`crate::seam::event::LineState::Silent`] is reported.
        silent_us: u64,
        cname: String,
    },
    /// With `rtp` None nothing is sent and nothing is accepted (hold, or no answer yet).
    SetLineRemote {
        transport: u32,
        rtp: Option<SocketAddr>,
        rtcp: Option<SocketAddr>,
    },
    SetLineFeedback {
        transport: u32,
        feedback: Feedback,
    },
    /// 0: the far end is no longer asked for a limit.
    SetBitrateLimit {
        transport: u32,
        bitrate_bps: u64,
    },
    /// The line carries short messages under these payload types instead of a track.
    OpenMessages {
        transport: u32,
        send_type: u8,
        receive_type: u8,
    },
    SendMessage {
        transport: u32,
        message: Vec<u8>,
    },
    SwitchSource {
        consumer: u32,
        producer: u32,
        payloads: Vec<PayloadMap>,
    },
    RestartIce {
        transport: u32,
        ufrag: String,
        pwd: String,
    },
    SetRemoteCredentials {
        transport: u32,
        ufrag: String,
        /// Empty: unknown.
        pwd: String,
    },
    SetExtensions {
        transport: u32,
        extensions: Vec<(u8, Extension)>,
    },
    SetKeys {
        transport: u32,
        profile: Profile,
        receive_key: Vec<u8>,
        receive_salt: Vec<u8>,
        send_key: Vec<u8>,
        send_salt: Vec<u8>,
    },
    SendDtls {
        transport: u32,
        datagram: Vec<u8>,
    },
    CloseTransport {
        transport: u32,
    },
    OpenProducer {
        transport: u32,
        producer: u32,
        video: bool,
        mid: String,
        encodings: Vec<Encoding>,
        payloads: Vec<Payload>,
    },
    CloseProducer {
        producer: u32,
    },
    PauseProducer {
        producer: u32,
        paused: bool,
    },
    /// The publisher cannot retransmit: the shard sends no NACK for losses.
    ForgoRepairs {
        producer: u32,
    },
    /// The producer is the microphone of a hall: the shard measures the loudness from the packets.
    MeterVoice {
        producer: u32,
    },
    /// The producer is not a microphone: it is always forwarded, whatever the voices do.
    KeepVoice {
        producer: u32,
    },
    RequestKeyframe {
        producer: u32,
        layer: Option<u8>,
    },
    OpenConsumer {
        transport: u32,
        consumer: u32,
        producer: u32,
        mid: String,
        ssrc: u32,
        rtx_ssrc: u32,
        payloads: Vec<PayloadMap>,
        strip_red: bool,
        red_blocks: Vec<(u8, u8)>,
        paused: bool,
        /// The receiver of this H.264 accepts single NAL units only (RFC 6184 packetization mode 0).
        single_nal: bool,
    },
    /// The shard may convert this consumer's Opus to RED, under this payload type.
    MakeRed {
        consumer: u32,
        payload_type: u8,
    },
    CloseConsumer {
        consumer: u32,
    },
    PauseConsumer {
        consumer: u32,
        paused: bool,
    },
    SetLayers {
        consumer: u32,
        layer: u8,
        temporal: u8,
    },
    /// If the downlink cannot carry everything, higher priorities are served first. `keeps`: the lowest layer is always sent,
    /// at least with its lowest frame rate.
    SetPriority {
        consumer: u32,
        priority: u8,
        keeps: bool,
    },
}
