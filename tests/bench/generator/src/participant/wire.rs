//! The messages of the browser protocol (protobuf) that the generator sends or reads. Other messages are skipped as unknown
//! fields. The field numbers come from the published protocol.

use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub struct SessionDescription {
    #[prost(string, tag = "1")]
    pub r#type: String,
    #[prost(string, tag = "2")]
    pub sdp: String,
    #[prost(uint32, tag = "3")]
    pub id: u32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Trickle {
    /// JSON of an RTCIceCandidateInit.
    #[prost(string, tag = "1")]
    pub candidate_init: String,
    /// 0 = publisher connection, 1 = subscriber connection.
    #[prost(int32, tag = "2")]
    pub target: i32,
    #[prost(bool, tag = "3")]
    pub last: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct VideoLayer {
    #[prost(int32, tag = "1")]
    pub quality: i32,
    #[prost(uint32, tag = "2")]
    pub width: u32,
    #[prost(uint32, tag = "3")]
    pub height: u32,
    #[prost(uint32, tag = "4")]
    pub bitrate: u32,
}

#[derive(Clone, PartialEq, Message)]
pub struct SimulcastCodec {
    #[prost(string, tag = "1")]
    pub codec: String,
    #[prost(string, tag = "2")]
    pub cid: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct AddTrack {
    #[prost(string, tag = "1")]
    pub cid: String,
    #[prost(string, tag = "2")]
    pub name: String,
    /// 0 = audio, 1 = video.
    #[prost(int32, tag = "3")]
    pub kind: i32,
    #[prost(uint32, tag = "4")]
    pub width: u32,
    #[prost(uint32, tag = "5")]
    pub height: u32,
    /// 1 = camera, 2 = microphone.
    #[prost(int32, tag = "8")]
    pub source: i32,
    #[prost(message, repeated, tag = "9")]
    pub layers: Vec<VideoLayer>,
    #[prost(message, repeated, tag = "10")]
    pub simulcast_codecs: Vec<SimulcastCodec>,
    #[prost(bool, tag = "13")]
    pub disable_red: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct TrackPublished {
    #[prost(string, tag = "1")]
    pub cid: String,
    #[prost(message, optional, tag = "2")]
    pub track: Option<TrackInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TrackInfo {
    #[prost(string, tag = "1")]
    pub sid: String,
    /// 0 = audio, 1 = video.
    #[prost(int32, tag = "2")]
    pub kind: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct ParticipantInfo {
    #[prost(string, tag = "2")]
    pub identity: String,
    #[prost(message, repeated, tag = "4")]
    pub tracks: Vec<TrackInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ParticipantUpdate {
    #[prost(message, repeated, tag = "1")]
    pub participants: Vec<ParticipantInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub struct SubscribedQuality {
    #[prost(int32, tag = "1")]
    pub quality: i32,
    #[prost(bool, tag = "2")]
    pub enabled: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct SubscribedQualityUpdate {
    #[prost(string, tag = "1")]
    pub track_sid: String,
    #[prost(message, repeated, tag = "2")]
    pub qualities: Vec<SubscribedQuality>,
}

/// A subscriber's settings for some tracks.
#[derive(Clone, PartialEq, Message)]
pub struct TrackSettings {
    #[prost(string, repeated, tag = "1")]
    pub track_sids: Vec<String>,
    #[prost(bool, tag = "3")]
    pub disabled: bool,
    #[prost(int32, tag = "4")]
    pub quality: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Leave {
    #[prost(int32, tag = "2")]
    pub reason: i32,
    #[prost(int32, tag = "3")]
    pub action: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Ping {
    #[prost(int64, tag = "1")]
    pub timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct MediaSectionsRequirement {
    #[prost(uint32, tag = "1")]
    pub audios: u32,
    #[prost(uint32, tag = "2")]
    pub videos: u32,
}

#[derive(Clone, PartialEq, Message)]
pub struct JoinResponse {
    #[prost(message, repeated, tag = "3")]
    pub others: Vec<ParticipantInfo>,
    /// Seconds between two `ping_req`; 0 means no pings.
    #[prost(int32, tag = "11")]
    pub ping_interval: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Request {
    #[prost(oneof = "RequestBody", tags = "1, 2, 3, 4, 7, 8, 16")]
    pub body: Option<RequestBody>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum RequestBody {
    #[prost(message, tag = "1")]
    Offer(SessionDescription),
    #[prost(message, tag = "2")]
    Answer(SessionDescription),
    #[prost(message, tag = "3")]
    Trickle(Trickle),
    #[prost(message, tag = "4")]
    AddTrack(AddTrack),
    #[prost(message, tag = "7")]
    TrackSettings(TrackSettings),
    #[prost(message, tag = "8")]
    Leave(Leave),
    #[prost(message, tag = "16")]
    Ping(Ping),
}

#[derive(Clone, PartialEq, Message)]
pub struct Response {
    #[prost(oneof = "ResponseBody", tags = "1, 2, 3, 4, 5, 6, 8, 14, 25")]
    pub body: Option<ResponseBody>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum ResponseBody {
    #[prost(message, tag = "1")]
    Join(JoinResponse),
    #[prost(message, tag = "2")]
    Answer(SessionDescription),
    #[prost(message, tag = "3")]
    Offer(SessionDescription),
    #[prost(message, tag = "4")]
    Trickle(Trickle),
    #[prost(message, tag = "5")]
    Update(ParticipantUpdate),
    #[prost(message, tag = "6")]
    TrackPublished(TrackPublished),
    #[prost(message, tag = "8")]
    Leave(Leave),
    #[prost(message, tag = "14")]
    SubscribedQuality(SubscribedQualityUpdate),
    #[prost(message, tag = "25")]
    MediaSectionsRequirement(MediaSectionsRequirement),
}

#[derive(Clone, PartialEq, Message)]
pub struct ClientInfo {
    /// 1 = JavaScript: the server then treats the generator as a browser.
    #[prost(int32, tag = "1")]
    pub sdk: i32,
    #[prost(string, tag = "2")]
    pub version: String,
    #[prost(int32, tag = "3")]
    pub protocol: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct ConnectionSettings {
    #[prost(bool, tag = "1")]
    pub auto_subscribe: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct JoinRequest {
    #[prost(message, optional, tag = "1")]
    pub client_info: Option<ClientInfo>,
    #[prost(message, optional, tag = "2")]
    pub connection_settings: Option<ConnectionSettings>,
    #[prost(message, optional, tag = "6")]
    pub publisher_offer: Option<SessionDescription>,
}

#[derive(Clone, PartialEq, Message)]
pub struct WrappedJoinRequest {
    /// 0 = none, 1 = gzip.
    #[prost(int32, tag = "1")]
    pub compression: i32,
    #[prost(bytes = "vec", tag = "2")]
    pub join_request: Vec<u8>,
}
