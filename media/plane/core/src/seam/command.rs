//! What the control side may ask of a shard. Each command names things by the identifiers of the seam (`_plane.pyi`).

use std::net::SocketAddr;

use crate::types::{Encoding, Extension, Feedback, Payload, PayloadMap};
use crate::wire::srtp_profile::Profile;

#[derive(Clone, Debug)]
pub enum Command {
    OpenRouter {
        router: u32,
    },
    /// A router that began on another shard has something here too.
    OpenPart {
        router: u32,
    },
    /// A publisher of the shard `from` is watched here: producers are opened on it as on any other.
    OpenMirror {
        router: u32,
        transport: u32,
        from: u8,
        line: bool,
    },
    /// The shard `to` has a mirror of this producer and wants its packets, or does not want them now.
    SetMirrored {
        producer: u32,
        to: u8,
        on: bool,
    },
    CloseRouter {
        router: u32,
    },
    /// How many voices are heard at once where more microphones are open; 0: all.
    SetVoices {
        router: u32,
        most: u16,
    },
    /// How many of them its mixer is sent; 0: all.
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
    /// The sockets are numbers of the side that owns them; this transport has them alone.
    OpenLine {
        router: u32,
        transport: u32,
        rtp_socket: u16,
        rtcp_socket: Option<u16>,
        latch: bool,
        /// So long without RTP and RTCP and [`crate::seam::event::LineState::Silent`] is told.
        silent_us: u64,
        cname: String,
    },
    /// None: nothing is sent and nothing is taken (hold, or no answer yet).
    SetLineRemote {
        transport: u32,
        rtp: Option<SocketAddr>,
        rtcp: Option<SocketAddr>,
    },
    SetLineFeedback {
        transport: u32,
        feedback: Feedback,
    },
    /// 0: no limit is asked for any more.
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
        /// Empty: not known.
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
    /// Its publisher sends nothing again: losses are not asked for.
    ForgoRepairs {
        producer: u32,
    },
    /// The microphone of a hall: how loud it is, is found out by its packets.
    MeterVoice {
        producer: u32,
    },
    /// No microphone: it is heard whatever others say.
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
        /// The receiver of this H.264 takes single NAL units only (RFC 6184 packetization mode 0).
        single_nal: bool,
    },
    /// RED may be made of this consumer's Opus, under this payload type.
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
    /// Where the way does not carry all, the higher is served first. `keeps`: its lowest layer is sent whatever that costs.
    SetPriority {
        consumer: u32,
        priority: u8,
        keeps: bool,
    },
}
