//! A transport: one peer connection. It has an ICE agent or line, SRTP contexts, agreed header extensions, and the meaning of
//! each SSRC.

use rustc_hash::FxHashMap;

use crate::bucket::Bucket;
use crate::ice::agent::Agent;
use crate::keys::{ConsumerKey, ProducerKey, RouterKey};
use crate::path::Path;
use crate::rate::allotment::Allotment;
use crate::rate::estimate::estimator::Estimator;
use crate::shard::tables::line::Line;
use crate::shard::tables::message_stream;
use crate::shard::tables::pacer::Pacer;
use crate::stream::arrivals::Arrivals;
use crate::stream::reception::RTT_US_UNKNOWN;
use crate::wire::demux::{begins_with_record, holds_sealed_record};
use crate::wire::extensions::ExtensionIds;
use crate::wire::srtp::{Inbound, Outbound};

/// Microseconds between two RTCP reports to a peer (libwebrtc's interval for video). Longer: the peer learns losses, and we
/// learn the round-trip time, later. Shorter: more RTCP.
pub const REPORT_INTERVAL_US: u64 = 1_000_000;
/// Microseconds. Chosen. A measured round-trip time counts at most as four times the mean and this time. Larger: after a peer
/// has slept, lost packets are requested again late for some time. Smaller: a real rise of the round-trip time is learned late,
/// and packets are requested twice.
const RTT_US_MORE: u64 = 200_000;
/// Divisor. The offset between our clock and a sender's clock is measured at each sender report. A smaller value counts at
/// once; a larger value raises the offset by this part of the difference. The clocks may drift apart. Larger: the offset
/// follows a drift later, and lips and voice of that sender are apart for longer. Smaller: a delay spike puts lips and voice
/// apart.
const OFFSET_DRIFT: i64 = 64;

/// DTLS datagrams (handshake, data channels) of one peer per second, on average, that reach Python. Further ones are dropped.
/// Chosen. Larger: one hostile peer can fill the queue that all peers share. Smaller: a peer that sends many messages by data
/// channels loses datagrams, and its messages are late.
const DTLS_PER_S: u64 = 2_000;
/// DTLS datagrams of one peer in one burst that reach Python; the average is 2,000 a second (`DTLS_PER_S`). Chosen. Larger: one
/// hostile peer can fill the queue that all peers share. Smaller: a peer that sends many messages at once by data channels
/// loses datagrams, and its messages are late.
const DTLS_BURST: u64 = 1_000;
/// DTLS records that a peer may have numbered until the handshake ended. After that the limit rises by one record each
/// microsecond, which is more than a peer sends; higher numbers are noise. Larger: more noise reaches Python. Smaller: genuine
/// records are dropped, and data channels lose messages.
const RECORDS_BEFORE: u64 = 1 << 16;

/// Bytes per microsecond of media that one browser may send: 48 Mbit/s. Its further packets are dropped. Each packet costs 256
/// bytes extra (`PACKET_BYTES`), so this is 40 Mbit/s in full packets, or 19,000 short packets a second. A camera or a screen
/// in 4K with three layers takes 30 Mbit/s. Halls and the mixer have no limit. Larger: a hostile peer costs more work. Smaller:
/// packets of honest peers are dropped, and their pictures freeze.
const MEDIA_BYTES_PER_US: i64 = 6;
/// Bytes of media that one browser may send in one burst: half a second at 48 Mbit/s (`MEDIA_BYTES_PER_US`). Chosen. Larger: a
/// hostile peer causes more work at once. Smaller: after a pause of the network, packets of honest peers are dropped, and their
/// pictures freeze.
const MEDIA_BURST_BYTES: i64 = 500_000 * MEDIA_BYTES_PER_US;
/// Bytes that each packet from a browser counts beside its length in the limit of 48 Mbit/s (`MEDIA_BYTES_PER_US`), because
/// each packet causes work. Chosen. Larger: honest peers reach the limit sooner (at 34 Mbit/s in full packets, with 512 bytes),
/// and their packets are dropped. Smaller: a hostile peer can send more short packets.
const PACKET_BYTES: i64 = 256;
/// Bytes that each packet named in a transport-wide feedback counts in the peer's limit of 48 Mbit/s (`MEDIA_BYTES_PER_US`). A
/// feedback of 24 bytes may name thousands. Chosen. Larger: honest feedback uses up the limit, and the peer's media is dropped.
/// Smaller: a hostile peer causes much work with short feedback.
const STATUS_BYTES: i64 = 4;

/// The meaning of a received SSRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    pub producer: ProducerKey,
    pub layer: u8,
    pub rtx: bool,
}

/// Create the bucket of a peer's media. Lines have no limit: the control side opens them for terminals and for the mixer. The
/// mixer sends all its programs on one line.
fn media_bucket(way: &Way, now_us: u64) -> Bucket {
    let most = if matches!(way, Way::Ice(_)) { MEDIA_BURST_BYTES } else { i64::MAX };
    Bucket::new(MEDIA_BYTES_PER_US, most, PACKET_BYTES, now_us)
}

/// The kind of path to the peer.
#[allow(clippy::large_enum_variant, reason = "the common one is read for every run of packets, so it lies here")]
pub enum Way {
    Ice(Agent),
    Line(Box<Line>),
    /// No path. The transport represents a transport of the shard `from`, which may be a line. See `uplink::mirror_in`.
    Mirror {
        from: u8,
        line: bool,
    },
}

pub struct Transport {
    pub id: u32,
    pub router: RouterKey,
    pub way: Way,
    pub inbound: Option<Inbound>,
    pub outbound: Option<Outbound>,
    pub extensions: ExtensionIds,
    pub sources: FxHashMap<u32, Source>,
    pub outgoing: FxHashMap<u32, ConsumerKey>,
    pub producers: Vec<ProducerKey>,
    pub consumers: Vec<ConsumerKey>,
    pub arrivals: Arrivals,
    /// The bandwidth estimator of the downlink.
    pub estimator: Estimator,
    pub pacer: Pacer,
    pub allotment: Allotment,
    pub dtls: Bucket,
    /// The bytes of genuine media. Packets of forgers, who have no key of the peer, take no tokens.
    pub media: Bucket,
    /// The time when keys were set. The handshake is over since then.
    pub keyed_us: Option<u64>,
    /// The time of the last media on the selected path.
    pub heard_us: u64,
    /// The time when the peer may be asked again on all its paths: see `whereabouts::path_probe`.
    pub seek_us: u64,
    /// The last turn of this peer in `whereabouts::suspects`.
    pub tried: u64,
    /// Our SSRC in receiver reports and feedback.
    pub ssrc: u32,
    pub rtt_us: Option<u64>,
    /// Our wall clock minus the peer's NTP clock, in microseconds, at the smallest delay seen.
    pub clock_offset_us: Option<i64>,
    pub report_due_us: u64,
    /// The time when the consumers may start from the caches. None: no start is due.
    pub start_us: Option<u64>,
    /// The time of their last start.
    pub started_us: u64,
    pub received_packets: u64,
    pub received_bytes: u64,
    pub sent_packets: u64,
    pub sent_bytes: u64,
}

impl Transport {
    pub fn new(id: u32, router: RouterKey, way: Way, ssrc: u32, now_us: u64) -> Self {
        Transport {
            id,
            router,
            media: media_bucket(&way, now_us),
            way,
            inbound: None,
            outbound: None,
            extensions: ExtensionIds::default(),
            sources: FxHashMap::default(),
            outgoing: FxHashMap::default(),
            producers: Vec::new(),
            consumers: Vec::new(),
            arrivals: Arrivals::default(),
            estimator: Estimator::default(),
            pacer: Pacer::default(),
            allotment: Allotment::default(),
            dtls: Bucket::per_second(DTLS_PER_S, DTLS_BURST, now_us),
            keyed_us: None,
            heard_us: 0,
            seek_us: 0,
            tried: 0,
            ssrc,
            rtt_us: None,
            clock_offset_us: None,
            report_due_us: now_us,
            start_us: None,
            started_us: 0,
            received_packets: 0,
            received_bytes: 0,
            sent_packets: 0,
            sent_bytes: 0,
        }
    }

    /// Report whether this DTLS datagram may be useful to the session. After the handshake, the record numbers show what is
    /// noise. A datagram that goes to the control side costs as much as hundreds that are dropped here.
    pub fn takes_dtls(&mut self, datagram: &[u8], now_us: u64) -> bool {
        let is_likely = match self.keyed_us {
            None => begins_with_record(datagram),
            Some(since_us) => holds_sealed_record(datagram, RECORDS_BEFORE + now_us.saturating_sub(since_us)),
        };
        is_likely && self.dtls.take(now_us)
    }

    /// Charge the packets that transport-wide feedback reports on: 24 bytes may report on thousands.
    #[inline]
    pub fn charge_statuses(&mut self, statuses: u16) {
        self.media.charge(i64::from(statuses) * STATUS_BYTES);
    }

    pub fn rtt_or_guess_us(&self) -> u64 {
        self.rtt_us.unwrap_or(RTT_US_UNKNOWN)
    }

    /// Add a round-trip time sample. A sample far above the average counts only a little more than the average: the peer may
    /// have slept.
    pub fn note_rtt(&mut self, sample_us: u64) {
        let sample_us = sample_us.min(4 * self.rtt_or_guess_us() + RTT_US_MORE);
        self.rtt_us = Some(self.rtt_us.map_or(sample_us, |rtt_us| (rtt_us * 7 + sample_us) / 8));
    }

    /// Note that the peer has moved to another path.
    pub fn note_moved(&mut self, now_us: u64) {
        self.estimator.note_moved(now_us);
        self.heard_us = now_us;
    }

    /// Note a sender report: the peer's NTP clock was `peer_us` when our clock was `wall_us`.
    pub fn note_clock(&mut self, wall_us: i64, peer_us: i64) {
        let sample = wall_us - peer_us;
        self.clock_offset_us = Some(match self.clock_offset_us {
            Some(offset) if sample > offset && sample - offset < 2_000_000 => offset + (sample - offset) / OFFSET_DRIFT,
            _ => sample,
        });
    }

    /// Return the path of the peer.
    #[inline]
    pub fn path(&self) -> Option<Path> {
        match &self.way {
            Way::Ice(agent) => agent.selected(),
            Way::Line(line) => line.path(),
            Way::Mirror { .. } => None,
        }
    }

    /// Return the path for media. None while it is too doubtful that the peer is there.
    #[inline]
    pub fn destination(&self) -> Option<Path> {
        match &self.way {
            Way::Ice(agent) => agent.sends_to(),
            Way::Line(line) => line.path(),
            Way::Mirror { .. } => None,
        }
    }

    /// Return the ICE agent before input that may move the peer. The sent bytes are noted first.
    pub fn moving(&mut self) -> Option<&mut Agent> {
        let sent_bytes = self.sent_bytes;
        let agent = self.agent()?;
        agent.note_sent(sent_bytes);
        Some(agent)
    }

    /// Report whether media can be sent to the peer.
    #[inline]
    pub fn is_reached(&self) -> bool {
        self.outbound.is_some() && self.destination().is_some()
    }

    pub fn rtcp_path(&self) -> Option<Path> {
        match &self.way {
            Way::Ice(agent) => agent.sends_to(),
            Way::Line(line) => line.rtcp_path(),
            Way::Mirror { .. } => None,
        }
    }

    pub fn ice(&self) -> Option<&Agent> {
        match &self.way {
            Way::Ice(agent) => Some(agent),
            Way::Line(_) | Way::Mirror { .. } => None,
        }
    }

    pub fn agent(&mut self) -> Option<&mut Agent> {
        match &mut self.way {
            Way::Ice(agent) => Some(agent),
            Way::Line(_) | Way::Mirror { .. } => None,
        }
    }

    #[inline]
    pub fn line(&self) -> Option<&Line> {
        match &self.way {
            Way::Ice(_) | Way::Mirror { .. } => None,
            Way::Line(line) => Some(line),
        }
    }

    #[inline]
    pub fn line_mut(&mut self) -> Option<&mut Line> {
        match &mut self.way {
            Way::Ice(_) | Way::Mirror { .. } => None,
            Way::Line(line) => Some(line),
        }
    }

    /// Report whether the shard sends NACKs to this peer.
    pub fn repairs(&self) -> bool {
        match &self.way {
            Way::Ice(_) => true,
            Way::Line(line) => line.feedback.nack,
            Way::Mirror { .. } => false,
        }
    }

    pub fn is_mirror(&self) -> bool {
        matches!(self.way, Way::Mirror { .. })
    }

    pub fn is_line_or_its_mirror(&self) -> bool {
        matches!(self.way, Way::Line(_) | Way::Mirror { line: true, .. })
    }

    pub fn report_interval_us(&self) -> u64 {
        let seldom = self.line().is_some_and(|line| line.messages.is_some());
        if seldom { message_stream::REPORT_INTERVAL_US } else { REPORT_INTERVAL_US }
    }

    /// Report whether the peer's packets are authenticated.
    pub fn is_secured(&self) -> bool {
        self.inbound.as_ref().is_some_and(|inbound| !inbound.is_clear())
    }

    #[inline]
    pub fn count_sent(&mut self, packets: u64, bytes: u64) {
        self.sent_packets += packets;
        self.sent_bytes += bytes;
    }

    pub fn memory_bytes(&self) -> usize {
        /// Bytes of the four ciphers of a transport: RTP and RTCP in both directions, about 600 bytes each. Larger: the
        /// reported memory is too high. Smaller: the reported memory is too low.
        const CIPHERS: usize = 2 * 2 * 600;
        /// Bytes of the replay window of one source, about. Larger: the reported memory is too high. Smaller: the reported
        /// memory is too low.
        const WINDOW: usize = 160;
        size_of::<Self>()
            + CIPHERS
            + self.estimator.memory_bytes()
            + self.pacer.memory_bytes()
            + self.line().map_or(0, Line::memory_bytes)
            + self.sources.len() * (size_of::<Source>() + 8 + WINDOW)
            + (self.outgoing.capacity() + self.producers.capacity() + self.consumers.capacity()) * 16
    }
}
