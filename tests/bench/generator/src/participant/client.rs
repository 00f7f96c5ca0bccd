//! One participant: joins by the real path of the browser protocol, then publishes or views. Decides the order of the messages.
//! `link` carries the messages, and `peer` carries the datagrams.

use crate::participant::audience::Audience;
use crate::participant::link::{self, Link};
use crate::participant::peer::Peer;
use crate::participant::token::{ApiKey, join_token};
use crate::participant::track::Track;
use crate::participant::wire::*;
use crate::streams::sink::{Arrival, Sink};
use crate::streams::source::{Kind, Source};
use mio::{Registry, Token};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use str0m::change::SdpApi;
use str0m::channel::{ChannelConfig, Reliability};
use str0m::config::DtlsCert;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind};
use str0m::rtp::{RtpPacket, Ssrc};
use str0m::{Event, RtcConfig};

/// Receiving sections of each kind that a client offers at once, as the browser client does.
const SECTIONS: u32 = 3;
/// Tokens (mio) of one client: its socket and up to two connections.
pub const TOKENS: usize = 4;
const SIGNAL: usize = 0;
const PUBLISHER: usize = 1;
const SUBSCRIBER: usize = 2;
/// Time between two checks for gaps and missing key frames.
const LOOK: Duration = Duration::from_millis(50);
const DEAF_LOOK: Duration = Duration::from_secs(1);
/// Payload type of Opus in our offers.
const OPUS: u8 = 111;

/// The join path: with one connection or with two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Single,
    Dual,
}

/// The server, conference and path of a join.
#[derive(Clone)]
pub struct Seat {
    pub server: String,
    pub api: ApiKey,
    pub conference: String,
    pub mode: Mode,
}

/// The work of a participant in the conference.
pub enum Role {
    Publisher(Source),
    Viewer(Sink),
    /// Stays connected, but its socket drops media and counts the dropped packets. So thousands of them cost this process
    /// little.
    Deaf,
    /// Publishes all of these sources and shows some cameras of the other members.
    Member(Vec<Source>, Audience),
    Listener(Vec<Heard>),
}

/// One packet of sound.
pub struct Heard {
    at: SystemTime,
    ssrc: u32,
    time: u32,
    payload: Vec<u8>,
}

impl Heard {
    /// Returns [nanoseconds of Unix time, SSRC, RTP time, payload in hexadecimal].
    pub fn json(&self) -> serde_json::Value {
        let at = self.at.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
        let payload: String = self.payload.iter().map(|byte| format!("{byte:02x}")).collect();
        serde_json::json!([at, self.ssrc, self.time, payload])
    }
}

/// Moments of a join. `started_at` is before the socket is opened.
pub struct Moments {
    pub started_at: Instant,
    pub connected_at: Option<Instant>,
}

pub struct Client {
    seat: Seat,
    pub role: Role,
    pub moments: Moments,
    pub failure: Option<String>,
    link: Link,
    publisher: Option<Peer>,
    subscriber: Option<Peer>,
    offer_id: u32,
    sections_owed: Option<(u32, u32)>,
    tracks: Vec<Track>,
    ping: Option<(Duration, Instant)>,
    look_at: Instant,
    /// The first stream received: whether it uses the subscriber connection, and its SSRC.
    received: Option<(bool, Ssrc)>,
    /// Packets of all later streams.
    other_packets: u64,
}

impl Client {
    /// Starts to join as `identity`. `base` is the first of this client's tokens.
    pub fn join(
        registry: &Registry,
        base: usize,
        seat: &Seat,
        identity: &str,
        mut role: Role,
    ) -> Result<Client, String> {
        let started_at = Instant::now();
        let token = join_token(&seat.api, &seat.conference, identity);
        let mut publisher = None;
        let mut subscriber = None;
        if seat.mode == Mode::Single || matches!(role, Role::Publisher(_)) {
            publisher = Some(Peer::new(registry, Token(base + PUBLISHER), config(&role))?);
        }
        if seat.mode == Mode::Dual {
            subscriber = Some(Peer::new(registry, Token(base + SUBSCRIBER), config(&role))?);
        }
        if matches!(role, Role::Deaf) {
            [&publisher, &subscriber].into_iter().flatten().try_for_each(Peer::deafen)?;
        }
        let sources = match &mut role {
            Role::Publisher(source) => {
                let empty = Source::new(source.kind());
                vec![std::mem::replace(source, empty)]
            }
            Role::Member(sources, _) => std::mem::take(sources),
            _ => Vec::new(),
        };
        let tracks = sources.into_iter().enumerate();
        let tracks = tracks.map(|(at, source)| Track::new(format!("bench-{identity}-{at}"), source)).collect();
        let url = match (&mut publisher, seat.mode) {
            (Some(peer), Mode::Single) => single_path(seat, &token, peer, &role)?,
            _ => link::dual_url(&seat.server, &token),
        };
        Ok(Client {
            seat: seat.clone(),
            moments: Moments { started_at, connected_at: None },
            failure: None,
            link: Link::open(registry, Token(base + SIGNAL), &url)?,
            publisher,
            subscriber,
            offer_id: 1,
            sections_owed: None,
            tracks,
            role,
            ping: None,
            look_at: started_at,
            received: None,
            other_packets: 0,
        })
    }

    /// Reads all data from the socket with this `token` (relative to the base).
    pub fn ready(&mut self, token: usize, buffer: &mut [u8]) {
        let done = match token {
            SIGNAL => self.signal_ready(),
            PUBLISHER => self.datagrams_ready(false, buffer),
            _ => self.datagrams_ready(true, buffer),
        };
        self.note(done);
    }

    /// Does the work that is due at `now`.
    pub fn tick(&mut self, now: Instant) {
        let done = self.tick_all(now);
        self.note(done);
    }

    /// The latest time for the next call of `tick`.
    pub fn deadline(&self) -> Instant {
        let peers = [&self.publisher, &self.subscriber].into_iter().flatten().map(Peer::deadline).min();
        let source = self.tracks.iter().filter_map(|track| track.source.next_at()).min();
        let ping = self.ping.map(|(_, at)| at);
        [peers, source, ping].into_iter().flatten().fold(self.look_at, Instant::min)
    }

    pub fn sink(&self) -> Option<&Sink> {
        match &self.role {
            Role::Viewer(sink) => Some(sink),
            _ => None,
        }
    }

    /// Returns the sinks of all streams that the client receives.
    pub fn sinks(&self) -> Vec<&Sink> {
        match &self.role {
            Role::Viewer(sink) => vec![sink],
            Role::Member(_, audience) => audience.sinks().collect(),
            _ => Vec::new(),
        }
    }

    /// Begins to measure the delay of video packets.
    pub fn measure_delays(&mut self) {
        match &mut self.role {
            Role::Viewer(sink) => sink.measure_delays(),
            Role::Member(_, audience) => audience.measure_delays(),
            _ => {}
        }
    }

    /// Returns the numbers of received packets and of lost packets.
    pub fn counts(&self) -> (u64, u64) {
        match &self.role {
            Role::Viewer(sink) => (sink.packets + self.other_packets, sink.lost),
            Role::Member(_, audience) => (audience.packets(), audience.lost()),
            _ => (0, 0),
        }
    }

    /// True when the client has all the media or connections that its role needs.
    pub fn is_served(&self) -> bool {
        match &self.role {
            Role::Viewer(sink) => sink.is_served(),
            Role::Member(_, audience) => self.is_publishing() && audience.is_served(),
            Role::Publisher(_) => self.is_publishing(),
            Role::Deaf | Role::Listener(_) => self.moments.connected_at.is_some(),
        }
    }

    /// True when the next client may join. With `all`, a member must also receive all cameras that it shows.
    pub fn is_ready(&self, all: bool) -> bool {
        if all || !matches!(self.role, Role::Member(..)) { self.is_served() } else { self.is_publishing() }
    }

    pub fn is_deaf(&self) -> bool {
        matches!(self.role, Role::Deaf)
    }

    pub fn heard(&self) -> &[Heard] {
        match &self.role {
            Role::Listener(heard) => heard,
            _ => &[],
        }
    }

    /// True when packets of all published tracks flow. A member may have no tracks.
    pub fn is_publishing(&self) -> bool {
        self.tracks.iter().all(|track| track.source.next_at().is_some())
    }

    pub fn ports(&self) -> impl Iterator<Item = u16> {
        [&self.publisher, &self.subscriber].into_iter().flatten().map(Peer::port)
    }

    /// Returns copies of the client's sockets, with the remote address of its media. With them a caller can send in the
    /// client's name.
    pub fn ways(&self) -> impl Iterator<Item = (std::net::UdpSocket, std::net::SocketAddr)> {
        [&self.publisher, &self.subscriber].into_iter().flatten().filter_map(Peer::way)
    }

    /// Sends a leave message and closes the sockets.
    pub fn leave(&mut self, registry: &Registry) {
        if self.link.is_open() {
            let leave = Leave { reason: 1, action: 0 };
            let _ = self.link.send(Request { body: Some(RequestBody::Leave(leave)) });
        }
        for peer in [&mut self.publisher, &mut self.subscriber].into_iter().flatten() {
            peer.close(registry);
        }
        self.link.close(registry);
    }

    fn note(&mut self, done: Result<(), String>) {
        if let Err(reason) = done {
            self.failure.get_or_insert(reason);
        }
    }

    fn signal_ready(&mut self) -> Result<(), String> {
        self.link.advance()?;
        while let Some(response) = self.link.receive()? {
            if let Some(body) = response.body {
                self.respond(body)?;
            }
        }
        self.drain(false)?;
        self.drain(true)
    }

    fn respond(&mut self, body: ResponseBody) -> Result<(), String> {
        match body {
            ResponseBody::Join(join) => self.joined(&join),
            ResponseBody::Answer(answer) => self.answered(&answer),
            ResponseBody::Offer(offer) => self.offered(&offer),
            ResponseBody::Trickle(trickle) => {
                let peer = if trickle.target == 1 { &mut self.subscriber } else { &mut self.publisher };
                if let Some(peer) = peer {
                    peer.trickle(&trickle.candidate_init);
                }
                Ok(())
            }
            ResponseBody::TrackPublished(published) => {
                if let Some(track) = self.tracks.iter_mut().find(|track| track.cid == published.cid) {
                    track.sid = published.track.unwrap_or_default().sid;
                }
                self.start_sources();
                Ok(())
            }
            ResponseBody::Update(update) => self.meet(&update.participants),
            ResponseBody::SubscribedQuality(wish) => {
                self.tracks.iter_mut().for_each(|track| track.take_wish(&wish));
                Ok(())
            }
            ResponseBody::Leave(leave) => Err(format!("server says leave, reason {}", leave.reason)),
            // A client that only publishes receives no tracks.
            ResponseBody::MediaSectionsRequirement(_) if matches!(self.role, Role::Publisher(_)) => Ok(()),
            ResponseBody::MediaSectionsRequirement(need) => {
                let (audios, videos) = self.sections_owed.unwrap_or_default();
                self.sections_owed = Some((audios + need.audios, videos + need.videos));
                self.offer_sections()
            }
        }
    }

    fn joined(&mut self, join: &JoinResponse) -> Result<(), String> {
        if join.ping_interval > 0 {
            let period = Duration::from_secs(join.ping_interval as u64);
            self.ping = Some((period, Instant::now() + period));
        }
        self.meet(&join.others)?;
        if self.seat.mode == Mode::Dual { self.publish() } else { Ok(()) }
    }

    /// The server reported other participants with these tracks.
    fn meet(&mut self, participants: &[ParticipantInfo]) -> Result<(), String> {
        let Role::Member(_, audience) = &mut self.role else { return Ok(()) };
        audience.meet(participants).into_iter().try_for_each(|wish| {
            let body = Some(RequestBody::TrackSettings(wish));
            self.link.send(Request { body })
        })
    }

    fn answered(&mut self, answer: &SessionDescription) -> Result<(), String> {
        if answer.id != 0 && answer.id != self.offer_id {
            return Ok(());
        }
        if let Some(peer) = &mut self.publisher {
            peer.answered(&answer.sdp)?;
        }
        if self.seat.mode == Mode::Single && self.tracks.iter().any(|track| !track.is_offered()) {
            self.publish()?;
        }
        self.start_sources();
        self.offer_sections()
    }

    fn offered(&mut self, offer: &SessionDescription) -> Result<(), String> {
        let Some(peer) = &mut self.subscriber else { return Ok(()) };
        let sdp = peer.accept(&offer.sdp)?;
        let answer = SessionDescription { r#type: "answer".into(), sdp, id: offer.id };
        self.link.send(Request { body: Some(RequestBody::Answer(answer)) })
    }

    /// The server asked for more receiving sections. If it named no number, it only wants a new offer.
    fn offer_sections(&mut self) -> Result<(), String> {
        let (Some(peer), Some((audios, videos))) = (&mut self.publisher, self.sections_owed) else { return Ok(()) };
        if peer.awaits_answer() {
            return Ok(());
        }
        self.sections_owed = None;
        if matches!(self.role, Role::Member(..)) {
            let offer = peer.offer_more(audios, videos);
            return self.send_offer(offer);
        }
        // str0m makes no offer without a change. So one more audio section is added when the server only wants a new offer.
        let audios = if audios + videos == 0 { 1 } else { audios };
        let offer = peer.offer(|api| add_sections(api, audios, videos));
        self.send_offer(offer.map(|(sdp, ())| sdp))
    }

    /// The second step of a publisher: announces its tracks and offers them.
    fn publish(&mut self) -> Result<(), String> {
        let Some(peer) = self.publisher.as_mut().filter(|_| !self.tracks.is_empty()) else { return Ok(()) };
        for track in &self.tracks {
            self.link.send(Request { body: Some(RequestBody::AddTrack(track.announcement())) })?;
        }
        let dual = self.seat.mode == Mode::Dual;
        let tracks = &mut self.tracks;
        let offer = peer.offer(|api| {
            if dual {
                add_channels(api);
            }
            tracks.iter_mut().for_each(|track| track.add(api));
        });
        self.send_offer(Some(offer.ok_or("no offer was made")?.0))
    }

    fn send_offer(&mut self, sdp: Option<String>) -> Result<(), String> {
        let Some(sdp) = sdp else { return Ok(()) };
        self.offer_id += 1;
        let offer = SessionDescription { r#type: "offer".into(), sdp, id: self.offer_id };
        self.link.send(Request { body: Some(RequestBody::Offer(offer)) })
    }

    fn start_sources(&mut self) {
        let Some(peer) = self.publisher.as_mut().filter(|peer| peer.rtc.is_connected() && !peer.awaits_answer()) else {
            return;
        };
        let now = Instant::now();
        for track in self.tracks.iter_mut().filter(|track| track.is_acknowledged() && track.source.next_at().is_none())
        {
            track.start(&peer.rtc, now);
        }
    }

    fn datagrams_ready(&mut self, subscriber: bool, buffer: &mut [u8]) -> Result<(), String> {
        loop {
            let peer = if subscriber { &mut self.subscriber } else { &mut self.publisher };
            let Some(peer) = peer else { return Ok(()) };
            if !peer.receive(buffer)? {
                return Ok(());
            }
            self.drain(subscriber)?;
        }
    }

    fn drain(&mut self, subscriber: bool) -> Result<(), String> {
        loop {
            let peer = if subscriber { &mut self.subscriber } else { &mut self.publisher };
            let Some(peer) = peer else { return Ok(()) };
            let Some(event) = peer.next_event()? else { return Ok(()) };
            self.take_event(event, subscriber)?;
        }
    }

    fn take_event(&mut self, event: Event, subscriber: bool) -> Result<(), String> {
        match (event, &mut self.role) {
            (Event::Connected, role) => {
                let counts = subscriber || self.seat.mode == Mode::Single || matches!(role, Role::Publisher(_));
                if counts {
                    self.moments.connected_at.get_or_insert_with(Instant::now);
                }
                self.start_sources();
            }
            (Event::RtpPacket(packet), Role::Member(_, audience)) => {
                let video = *packet.header.payload_type != OPUS;
                audience.take(*packet.header.ssrc, video, &arrival(&packet));
            }
            (Event::RtpPacket(packet), Role::Viewer(sink)) => {
                // With several streams, the viewer watches the first.
                let first = self.received.get_or_insert((subscriber, packet.header.ssrc)).1;
                if first != packet.header.ssrc {
                    self.other_packets += 1;
                    return Ok(());
                }
                sink.take(&arrival(&packet));
            }
            (Event::RtpPacket(packet), Role::Listener(heard)) if *packet.header.payload_type == OPUS => {
                heard.push(Heard {
                    at: SystemTime::now() - packet.timestamp.elapsed(),
                    ssrc: *packet.header.ssrc,
                    time: packet.header.timestamp,
                    payload: packet.payload.to_vec(),
                });
            }
            (Event::KeyframeRequest(request), _) => {
                self.tracks.iter_mut().for_each(|track| track.take_key_request(&request));
            }
            (Event::Closed, _) => return Err("the connection was closed".into()),
            _ => {}
        }
        Ok(())
    }

    fn tick_all(&mut self, now: Instant) -> Result<(), String> {
        self.tick_sources(now)?;
        for subscriber in [false, true] {
            let peer = if subscriber { &mut self.subscriber } else { &mut self.publisher };
            if let Some(peer) = peer.as_mut().filter(|peer| peer.deadline() <= now) {
                peer.tick(now)?;
                self.drain(subscriber)?;
            }
        }
        if self.look_at <= now {
            self.look_at = now + if self.is_deaf() { DEAF_LOOK } else { LOOK };
            self.look(now)?;
        }
        if let Some((period, at)) = self.ping.filter(|(_, at)| *at <= now) {
            self.ping = Some((period, at + period));
            let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
            self.link.send(Request { body: Some(RequestBody::Ping(Ping { timestamp })) })?;
        }
        Ok(())
    }

    fn tick_sources(&mut self, now: Instant) -> Result<(), String> {
        let Some(peer) = &mut self.publisher else { return Ok(()) };
        let mut any = false;
        for track in &mut self.tracks {
            any |= track.tick(&mut peer.rtc, now);
        }
        if !any {
            return Ok(());
        }
        peer.tick(now)?;
        self.drain(false)
    }

    /// Asks for a key frame where a decoder would ask.
    fn look(&mut self, now: Instant) -> Result<(), String> {
        let (subscriber, ssrcs) = match (&mut self.role, self.received) {
            (Role::Viewer(sink), Some((subscriber, ssrc))) => {
                (subscriber, if sink.wants_key(now) { vec![ssrc] } else { Vec::new() })
            }
            (Role::Member(_, audience), _) => {
                let wanted = audience.want_keys(now);
                (self.seat.mode == Mode::Dual, wanted.into_iter().map(Ssrc::from).collect())
            }
            _ => return Ok(()),
        };
        let peer = if subscriber { &mut self.subscriber } else { &mut self.publisher };
        let Some(peer) = peer.as_mut().filter(|_| !ssrcs.is_empty()) else { return Ok(()) };
        for ssrc in ssrcs {
            if let Some(stream) = peer.rtc.direct_api().stream_rx(&ssrc) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        }
        peer.tick(now)?;
        self.drain(subscriber)
    }
}

fn arrival(packet: &RtpPacket) -> Arrival<'_> {
    Arrival {
        at: packet.timestamp,
        sequence: *packet.seq_no,
        time: packet.header.timestamp,
        marker: packet.header.marker,
        payload: &packet.payload,
    }
}

/// One certificate for all clients: making certificates would cost the generator CPU, not the server.
fn certificate() -> DtlsCert {
    static CERTIFICATE: OnceLock<DtlsCert> = OnceLock::new();
    let make = || str0m::crypto::from_feature_flags().dtls_provider.generate_certificate().expect("a certificate");
    CERTIFICATE.get_or_init(make).clone()
}

/// A viewer offers the codecs that browsers offer. A publisher offers only the codec that it sends.
fn config(role: &Role) -> RtcConfig {
    let config = RtcConfig::new().set_rtp_mode(true).set_dtls_cert(certificate());
    match role {
        Role::Publisher(source) if source.kind() == Kind::Voice => config.clear_codecs().enable_opus(true, false),
        Role::Publisher(_) => config.clear_codecs().enable_vp8(true),
        Role::Viewer(_) | Role::Listener(_) | Role::Member(..) | Role::Deaf => config
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .enable_h264(true)
            .enable_vp9(true)
            .enable_av1(true),
    }
}

fn single_path(seat: &Seat, token: &str, peer: &mut Peer, role: &Role) -> Result<String, String> {
    let viewer = !matches!(role, Role::Publisher(_));
    let connection_settings = Some(ConnectionSettings { auto_subscribe: viewer });
    let (sdp, ()) = peer
        .offer(|api| {
            if viewer {
                add_sections(api, SECTIONS, SECTIONS);
            }
            add_channels(api);
        })
        .ok_or("no offer was made")?;
    let join = JoinRequest {
        client_info: Some(ClientInfo { sdk: 1, version: link::client_version(), protocol: 17 }),
        connection_settings,
        publisher_offer: Some(SessionDescription { r#type: "offer".into(), sdp, id: 1 }),
    };
    Ok(link::single_url(&seat.server, token, &join))
}

fn add_sections(api: &mut SdpApi<'_>, audios: u32, videos: u32) {
    for (kind, count) in [(MediaKind::Audio, audios), (MediaKind::Video, videos)] {
        for _ in 0..count.min(100) {
            api.add_media(kind, Direction::RecvOnly, None, None, None);
        }
    }
}

fn add_channels(api: &mut SdpApi<'_>) {
    let lossy = Reliability::MaxRetransmits { retransmits: 0 };
    let channel = |label: &str, ordered, reliability| ChannelConfig {
        label: label.into(),
        ordered,
        reliability,
        ..ChannelConfig::default()
    };
    api.add_channel_with_config(channel("_lossy", false, lossy));
    api.add_channel_with_config(channel("_reliable", true, Reliability::default()));
}
