//! One published track of a client: its announcement and its packets. `client` decides the order of messages.

use crate::participant::wire::{AddTrack, SimulcastCodec, SubscribedQualityUpdate, VideoLayer};
use crate::streams::source::{Kind, Packet, RIDS, Source, stamp};
use std::time::Instant;
use str0m::Rtc;
use str0m::change::SdpApi;
use str0m::format::Codec;
use str0m::media::{Direction, KeyframeRequest, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::rtp::{ExtensionValues, RtpWrite};

/// First sequence number of a published stream.
const FIRST_SEQUENCE: u64 = 1000;

pub struct Track {
    pub cid: String,
    pub sid: String,
    pub source: Source,
    mid: Option<Mid>,
    pt: Option<Pt>,
    /// The next sequence number of each layer.
    sequences: [u64; 3],
}

impl Track {
    pub fn new(cid: String, source: Source) -> Track {
        Track { cid, sid: String::new(), source, mid: None, pt: None, sequences: [FIRST_SEQUENCE; 3] }
    }

    pub fn announcement(&self) -> AddTrack {
        let track = AddTrack { cid: self.cid.clone(), disable_red: true, ..AddTrack::default() };
        let layer = |quality, width, height, bitrate| VideoLayer { quality, width, height, bitrate };
        let layers = match self.source.kind() {
            Kind::Voice => return AddTrack { name: "mic".into(), source: 2, ..track },
            Kind::Video => vec![layer(2, 1280, 720, 2_000_000)],
            Kind::Layered => {
                vec![layer(0, 320, 180, 160_000), layer(1, 640, 360, 360_000), layer(2, 1280, 720, 730_000)]
            }
        };
        AddTrack {
            name: "cam".into(),
            kind: 1,
            width: 1280,
            height: 720,
            source: 1,
            layers,
            simulcast_codecs: vec![SimulcastCodec { codec: "vp8".into(), cid: self.cid.clone() }],
            ..track
        }
    }

    /// Adds the track's section to the offer that is under construction.
    pub fn add(&mut self, api: &mut SdpApi<'_>) {
        let kind = self.source.kind();
        let media = if kind.is_video() { MediaKind::Video } else { MediaKind::Audio };
        let layers = (kind == Kind::Layered)
            .then(|| Simulcast { send: RIDS.iter().map(|rid| SimulcastLayer::new(rid)).collect(), recv: Vec::new() });
        self.mid =
            Some(api.add_media(media, Direction::SendOnly, Some("camera".into()), Some(self.cid.clone()), layers));
    }

    pub fn is_offered(&self) -> bool {
        self.mid.is_some()
    }

    /// True once the server has acknowledged the announcement. The server forwards the track only after that.
    pub fn is_acknowledged(&self) -> bool {
        !self.sid.is_empty()
    }

    /// Begins to send if the payload type is agreed on.
    pub fn start(&mut self, rtc: &Rtc, now: Instant) {
        let Some(mid) = self.mid else { return };
        self.pt = payload_type(rtc, mid, self.source.kind());
        if self.pt.is_some() {
            self.source.start(now);
        }
    }

    pub fn take_key_request(&mut self, request: &KeyframeRequest) {
        if self.mid != Some(request.mid) {
            return;
        }
        let named = request.rid.and_then(|rid| RIDS.iter().position(|name| Rid::from(*name) == rid));
        let layers = if self.source.kind() == Kind::Layered { RIDS.len() } else { 1 };
        (0..layers).filter(|layer| named.is_none_or(|named| named == *layer)).for_each(|l| self.source.want_key(l));
    }

    /// Applies the wishes of the track's subscribers.
    pub fn take_wish(&mut self, wish: &SubscribedQualityUpdate) {
        if wish.track_sid == self.sid && self.source.kind() == Kind::Layered {
            let highest = wish.qualities.iter().filter(|one| one.enabled).map(|one| one.quality + 1).max();
            self.source.want_layers(highest.unwrap_or(0).max(0) as usize);
        }
    }

    /// Writes the packets that are due. Returns false if no packet was due.
    pub fn tick(&mut self, rtc: &mut Rtc, now: Instant) -> bool {
        let frame = self.source.frame(now);
        let any = !frame.is_empty();
        frame.into_iter().for_each(|packet| self.write(rtc, packet, now));
        any
    }

    fn write(&mut self, rtc: &mut Rtc, mut packet: Packet, now: Instant) {
        let (Some(mid), Some(pt)) = (self.mid, self.pt) else { return };
        let kind = self.source.kind();
        if kind.is_video() {
            stamp(&mut packet.payload, now);
        }
        let rid = (kind == Kind::Layered).then(|| Rid::from(RIDS[packet.layer]));
        let mut direct = rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(mid, rid) else { return };
        let sequence = &mut self.sequences[packet.layer];
        let level = self.source.level();
        let active = level.map(|level| level > -100);
        let ext_vals = ExtensionValues { audio_level: level, voice_activity: active, ..ExtensionValues::default() };
        let rtp = RtpWrite::new(pt, (*sequence).into(), packet.time, now, packet.payload)
            .marker(packet.marker)
            .ext_vals(ext_vals)
            .nackable(kind.is_video());
        stream.write_rtp(rtp);
        *sequence += 1;
    }
}

fn payload_type(rtc: &Rtc, mid: Mid, kind: Kind) -> Option<Pt> {
    let codec = if kind.is_video() { Codec::Vp8 } else { Codec::Opus };
    let media = rtc.media(mid)?;
    let mut params = rtc.codec_config().params().iter().filter(|p| p.spec().codec == codec);
    params.find(|p| media.remote_pts().contains(&p.pt())).map(|p| p.pt())
}
