//! A producer: a published track with its layers. This file also plans the GSO runs in which new packets are sent.

use crate::codec::dependencies::Dependencies;
use crate::codec::parameter_sets::ParameterSets;
use crate::codec::red;
use crate::keys::{ConsumerKey, RouterKey, TransportKey};
use crate::rate::bitrates::Bitrates;
use crate::seam::outbox::{RUN_BYTES_MAX, RUN_SEGMENTS_MAX};
use crate::serial::is_before;
use crate::shard::tables::mirror_feed::{Mirror, MirrorStream};
use crate::stream::cache::{Cache, Entry};
use crate::stream::incoming::Incoming;
use crate::stream::levels::Level;
use crate::stream::meter::Meter;
use crate::stream::pause_gate::Heard;
use crate::stream::reception::{Arrival, Reception, SenderClock};
use crate::stream::voice::{AUDIENCES, Audience, Voice};
use crate::types::{Codec, Encoding, LAYERS_MAX, Payload};
use crate::wire::srtp::RTP_OVERHEAD_MAX;
/// Microseconds. The least time between two key frame requests for a layer. Longer: new viewers wait longer for a picture.
/// Shorter: publishers make many key frames, which are large, so all viewers get pictures of lower quality.
pub const KEYFRAME_INTERVAL_US: u64 = 300_000;
/// Microseconds. A layer without packets for this time is not chosen for viewers. Longer: viewers see a frozen picture for
/// longer. Shorter: a layer with few frames, such as a still screen, is left, and viewers get another size.
pub const LAYER_SILENT_US: u64 = 2_000_000;
/// Microseconds. A layer without packets for this time is not chosen if another layer continues. libwebrtc stops the layers
/// that its uplink cannot carry. Longer: viewers see a frozen picture for longer, but at most for `LAYER_SILENT_US` (2 s).
/// Shorter: a short gap in the network changes the picture's size.
const LAYER_STOPPED_US: u64 = 700_000;
/// Key frame requests to a publisher without an answer. Then the server sends no more until a viewer needs a key frame again.
/// Larger: more PLIs to a publisher that never answers. Smaller: on a bad uplink all requests may be lost, and viewers wait for
/// the picture.
const KEYFRAME_ASKS_MAX: u8 = 20;
/// Bytes of padding in one packet at most. Chosen. Padding makes the packets of a frame equally long, so that the kernel sends
/// them in one piece (UDP GSO). Larger: more useless bytes on the downlink, up to 1 % (`PADDING_SHARE`). Smaller: frames need
/// more pieces, and thus more work.
const PADDING_MAX: usize = 32;
/// At most one byte in this number is padding, which makes packets equally long for the kernel (UDP GSO). Chosen. Larger: less
/// padding is permitted, so frames need more system calls. Smaller: more of the viewers' downlink is padding.
const PADDING_SHARE: usize = 100;
/// Microseconds. A new viewer starts from a key frame in the cache that is at most this old. Many publishers make a key frame
/// every two seconds, so the cache nearly always holds a key frame. Longer: the viewer shows more old pictures in fast motion.
/// Shorter: more requests for key frames.
const REPLAY_US_MAX: u64 = 2_500_000;
/// Packets. A new viewer gets at most this many from the cache of recent packets: its largest size (1 MiB) in packets of 1,024
/// bytes. Larger: a new viewer gets a larger burst of old packets; beyond `WAITING_MAX` (1,024) they do not wait for their
/// turn. Smaller: a new viewer of a large picture waits for a new key frame.
const REPLAY_PACKETS_MAX: u16 = 1024;
/// Bytes that are added to a payload at most: RTP header (12), head of the extensions (4), extensions (40), descriptor (255),
/// tag (16), RTX number (2). Larger: fewer packets fit into one piece for the kernel, so there is more work. Smaller: packets
/// exceed their reserved space, and the write panics.
pub const PACKET_OVERHEAD_MAX: usize = 12 + 4 + 40 + 255 + RTP_OVERHEAD_MAX + 2;

/// A packet that waits to be forwarded, in the order of arrival.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    pub sequence: u16,
    pub padding: u8,
    len: u16,
}

impl Pending {
    pub fn new(sequence: u16, bytes: usize) -> Self {
        Pending { sequence, padding: 0, len: bytes as u16 }
    }

    /// Return the bytes of payload and descriptor.
    pub fn size(&self) -> usize {
        usize::from(self.len)
    }
}

/// Neighbours in the pending list that are sent as one GSO run. All are as long as the first; only the last may be shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub start: usize,
    pub end: usize,
}

#[derive(Default)]
pub struct Layer {
    pub rid: String,
    pub ssrc: u32,
    pub rtx_ssrc: u32,
    pub reception: Reception,
    pub cache: Option<Cache>,
    pub pending: Vec<Pending>,
    pending_bytes: usize,
    /// The newest packet of this video was not the last packet of its frame.
    pub mid_frame: bool,
    pub keyframe: KeyframeWish,
    pub last_us: u64,
    /// The start of audible audio after a pause of the producer.
    pub heard: Heard,
    /// The publisher sent a BYE, and no packet arrived since.
    pub ended: bool,
    last_keyframe: Option<Keyframe>,
    pub packets: u64,
    pub bytes: u64,
    bytes_at_snapshot: u64,
    pub bitrate_bps: u64,
    /// The bitrates that forwarding this layer costs.
    pub bitrates: Bitrates,
    pub clock_hz: u32,
    /// The timestamp of the newest packet, as the source sent it.
    pub newest_timestamp: Option<u32>,
    /// The template structure that the dependency descriptors of the packets refer to.
    pub dependencies: Dependencies,
    /// The newest packet had a dependency descriptor.
    pub described: bool,
    /// The frame number of the newest VP8 base picture.
    pub base: Option<u16>,
    /// The parameter sets of H.264 from a line.
    pub sets: Option<Box<ParameterSets>>,
    /// The difference between the numbers in the cache and the numbers of the source.
    pub moved: u16,
    /// A number far from all others. If the next number follows it, the stream starts again there.
    pub strange: Option<u16>,
    /// The time of the last change of source.
    pub changed_us: u64,
    /// The identity of the stream: it changes when the stream starts again. On a mirror: the stream that the mirror is fed.
    pub(crate) stream: MirrorStream,
}

/// The packets that a viewer gets first if it starts at a key frame.
#[derive(Debug)]
pub enum Beginning {
    /// The pending packets: they include the first key frame and all packets after it.
    Waiting,
    /// The first packet of the key frame arrived after some of its later packets were forwarded. The viewer gets all cached
    /// packets from the newest pending key frame on.
    Cached(Vec<Pending>),
    /// Too many packets follow, or a newer key frame was forwarded. Another key frame is needed.
    TooLate,
}

/// The first sequence number, timestamp and arrival time of the newest key frame.
#[derive(Clone, Copy, Debug)]
struct Keyframe {
    sequence: u16,
    timestamp: u32,
    at_us: u64,
}

/// The state of the key frame requests to a publisher.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyframeWish {
    wanted: bool,
    asked_us: Option<u64>,
    asks: u8,
    /// 0: the interval is [`KEYFRAME_INTERVAL_US`].
    again_us: u64,
    /// The count of wishes without repetitions (RFC 5104 §4.3.1.1).
    pub serial: u8,
}

impl KeyframeWish {
    /// Note that a viewer needs a key frame. Return `true` if the request must be sent now.
    pub fn wish(&mut self, now_us: u64) -> bool {
        if !self.is_wanted() {
            self.asks = 0;
        }
        if !self.wanted {
            self.serial = self.serial.wrapping_add(1);
        }
        let asked_for = std::mem::replace(&mut self.wanted, true);
        let wait_us = if asked_for { self.interval_us() } else { KEYFRAME_INTERVAL_US };
        self.is_due(now_us, wait_us) && self.note(now_us)
    }

    /// Return `true` if the request has no answer yet and must be sent again now.
    pub fn again(&mut self, now_us: u64) -> bool {
        self.is_wanted() && self.is_due(now_us, self.interval_us()) && self.note(now_us)
    }

    /// Note that a viewer needs a key frame. The next tick sends the request.
    pub fn want_later(&mut self) {
        self.wanted = true;
        self.asks = 0;
    }

    /// Set the waiting time before the request is repeated.
    pub fn repeat_after(&mut self, us: u64) {
        self.again_us = us;
    }

    /// Return how often the current wish was requested.
    pub fn asks(&self) -> u8 {
        self.asks
    }

    /// End the wish: the key frame arrived, or no viewer needs it any more.
    pub fn came(&mut self) {
        self.wanted = false;
    }

    pub fn is_wanted(&self) -> bool {
        self.wanted && self.asks < KEYFRAME_ASKS_MAX
    }

    fn interval_us(&self) -> u64 {
        self.again_us.max(KEYFRAME_INTERVAL_US)
    }

    fn is_due(&self, now_us: u64, wait_us: u64) -> bool {
        self.asked_us.is_none_or(|asked| now_us.saturating_sub(asked) >= wait_us)
    }

    fn note(&mut self, now_us: u64) -> bool {
        self.asked_us = Some(now_us);
        self.asks += 1;
        true
    }
}

pub struct Producer {
    pub id: u32,
    pub transport: TransportKey,
    pub router: RouterKey,
    pub video: bool,
    pub mid: String,
    pub payloads: Vec<Payload>,
    pub layers: Vec<Layer>,
    consumers: Vec<ConsumerKey>,
    /// The consumers on peers.
    viewers: Vec<ConsumerKey>,
    /// The consumers on lines.
    feeds: Vec<ConsumerKey>,
    pub paused: bool,
    pub level: Level,
    /// The state of the voice of an audio track.
    pub voice: Voice,
    /// Some for a microphone of a hall. The meter measures the loudness of the packets.
    pub meter: Option<Box<Meter>>,
    /// The SSRC was not announced. On a line the producer follows each SSRC that arrives, and also later changes.
    pub follows: bool,
    /// The publisher is at the far end of a line.
    pub on_line: bool,
    /// The shard may send NACKs for lost packets.
    pub repaired: bool,
    /// The shards that mirror the producer, each at most once.
    pub(crate) mirrors: Vec<Mirror>,
    /// The count of times that a shard began to mirror the producer.
    pub(crate) feed: u16,
}

impl Producer {
    pub fn new(
        (id, transport, router): (u32, TransportKey, RouterKey),
        video: bool,
        mid: String,
        encodings: Vec<Encoding>,
        payloads: Vec<Payload>,
    ) -> Self {
        let layers: Vec<_> = encodings.into_iter().take(LAYERS_MAX).map(Layer::new).collect();
        let follows = matches!(&layers[..], [layer] if layer.ssrc == 0);
        Producer {
            id,
            transport,
            router,
            video,
            mid,
            payloads,
            layers,
            consumers: Vec::new(),
            viewers: Vec::new(),
            feeds: Vec::new(),
            paused: false,
            level: Level::default(),
            voice: Voice::default(),
            meter: None,
            follows,
            on_line: false,
            repaired: true,
            mirrors: Vec::new(),
            feed: 0,
        }
    }

    pub fn payload(&self, payload_type: u8) -> Option<&Payload> {
        self.payloads.iter().find(|p| p.payload_type == payload_type)
    }

    pub fn consumers(&self) -> &[ConsumerKey] {
        &self.consumers
    }

    /// Return the consumers that get the packets now.
    #[inline]
    pub fn receivers(&self) -> impl Iterator<Item = &ConsumerKey> {
        let heard = |by, all| if self.voice.is_unheard(by) { &[][..] } else { all };
        heard(Audience::Viewers, &self.viewers[..]).iter().chain(heard(Audience::Mixer, &self.feeds))
    }

    /// Return the consumers on lines.
    pub fn feeds(&self) -> &[ConsumerKey] {
        &self.feeds
    }

    /// Report whether packets must be kept. False for a voice that viewers do not hear, if there is no mixer. Packets that a
    /// mixer does not hear now are kept for later.
    #[inline]
    pub fn is_wanted(&self) -> bool {
        !self.voice.is_unheard(Audience::Viewers) || !self.feeds.is_empty()
    }

    /// Report whether the voice is left out for all audiences that take it.
    #[inline]
    pub fn is_unheard(&self) -> bool {
        let unheard = |by, all: &[ConsumerKey]| all.is_empty() || self.voice.is_unheard(by);
        let left_out = AUDIENCES.iter().any(|by| self.voice.is_unheard(*by));
        left_out && unheard(Audience::Viewers, &self.viewers) && unheard(Audience::Mixer, &self.feeds)
    }

    /// Return the RFC 6464 byte of a packet. For a hall's microphone the meter measures the value; otherwise the sender gives
    /// it.
    #[inline]
    pub(crate) fn loudness_of(&mut self, incoming: &Incoming) -> Option<u8> {
        let told = incoming.marks.audio_level;
        match &mut self.meter {
            // The mixer reports which hall is speaking, so this level is not noted here.
            Some(meter) => meter.read(incoming.codec, incoming.payload).or(told),
            None => told.inspect(|byte| self.level.note(*byte)),
        }
    }

    pub fn attach(&mut self, consumer: ConsumerKey, on_line: bool) {
        self.consumers.push(consumer);
        if on_line { &mut self.feeds } else { &mut self.viewers }.push(consumer);
    }

    pub fn detach(&mut self, consumer: ConsumerKey) {
        self.consumers.retain(|one| *one != consumer);
        self.viewers.retain(|one| *one != consumer);
        self.feeds.retain(|one| *one != consumer);
    }

    /// Return the payload type that the RTX payload type `rtx` repairs.
    pub fn repaired_by(&self, rtx: u8) -> Option<&Payload> {
        self.payloads.iter().find(|p| p.rtx == Some(rtx))
    }

    /// Return the best active layer up to `wanted`. If there is none, return the lowest active layer, else `wanted` itself.
    pub fn choose_layer(&self, wanted: u8, now_us: u64) -> u8 {
        let top = (wanted as usize).min(self.layers.len().saturating_sub(1));
        let active = |i: &usize| self.layers[*i].is_active(now_us) && !self.is_stopped(*i as u8);
        let chosen = (0..=top).rev().find(active).or_else(|| (top..self.layers.len()).find(active));
        chosen.unwrap_or(top) as u8
    }

    /// Report whether this layer stopped while another layer continued.
    pub fn is_stopped(&self, layer: u8) -> bool {
        let stopped_us = self.layers[usize::from(layer)].last_us + LAYER_STOPPED_US;
        self.layers.iter().any(|other| other.last_us > stopped_us)
    }

    /// Return the highest spatial layer of the only stream. None if each layer is a separate stream.
    pub fn spatial_top(&self) -> Option<u8> {
        match &self.layers[..] {
            [layer] => Some(layer.bitrates.top_spatial()),
            _ => None,
        }
    }

    pub fn memory_bytes(&self) -> usize {
        let caches: usize = self.layers.iter().filter_map(|l| l.cache.as_ref()).map(Cache::memory_bytes).sum();
        let meter = self.meter.as_ref().map_or(0, |_| size_of::<Meter>());
        size_of::<Self>() + caches + meter + self.layers.len() * size_of::<Layer>()
    }
}

impl Layer {
    fn new(encoding: Encoding) -> Self {
        Layer { rid: encoding.rid, ssrc: encoding.ssrc, rtx_ssrc: encoding.rtx_ssrc, ..Layer::default() }
    }

    pub fn is_active(&self, now_us: u64) -> bool {
        self.packets > 0 && now_us.saturating_sub(self.last_us) < LAYER_SILENT_US
    }

    /// Return the highest number in the cache.
    #[inline]
    pub fn newest(&self) -> u16 {
        self.reception.highest.wrapping_add(self.moved)
    }

    /// Return the publisher's clock from the last sender report.
    pub fn clock(&self) -> Option<SenderClock> {
        self.reception.clock
    }

    /// Report whether the cache can take this packet without overwriting a packet that waits to be forwarded.
    pub fn has_room(&self, len: usize) -> bool {
        self.cache.as_ref().is_none_or(|cache| {
            self.pending_bytes + len <= cache.safe_bytes() && self.pending.len() < cache.safe_packets()
        })
    }

    /// Note the bytes that forwarding this packet costs. The redundant part of RED is counted separately.
    #[inline]
    fn note_cost(&mut self, entry: &Entry, payload: &[u8]) {
        let redundant = if entry.codec == Some(Codec::Red) { red::redundant(payload) } else { 0 };
        self.bitrates.note(entry.place, payload.len() - redundant);
        self.bitrates.note_redundant(redundant);
    }

    /// Count a packet that is kept.
    #[inline]
    pub fn note_packet(&mut self, entry: &Entry, payload: &[u8], arrival: Arrival, now_us: u64) {
        if arrival != Arrival::Late {
            self.newest_timestamp = Some(entry.timestamp);
        }
        self.last_us = now_us;
        self.ended = false;
        self.packets += 1;
        self.bytes += payload.len() as u64;
        self.note_cost(entry, payload);
    }

    /// Put a packet into the cache and queue it for forwarding.
    pub fn take(&mut self, entry: Entry, payload: &[u8], descriptor: &[u8], video: bool, now_us: u64) {
        let cache = self.cache.get_or_insert_with(|| if video { Cache::video(now_us) } else { Cache::audio(now_us) });
        let stored = payload.len() + descriptor.len();
        cache.insert(entry, payload, descriptor, now_us);
        self.mid_frame = video && !entry.marker;
        if !payload.is_empty() {
            self.described = !descriptor.is_empty();
        }
        self.pending.push(Pending::new(entry.sequence, stored));
        self.pending_bytes += stored;
    }

    /// Note a packet that begins a key frame. An H.264 key frame has two such packets: parameter sets and picture. The first
    /// one counts.
    pub fn note_keyframe(&mut self, sequence: u16, timestamp: u32, now_us: u64) {
        self.keyframe.came();
        match &mut self.last_keyframe {
            Some(known) if known.timestamp == timestamp => {
                if is_before(sequence, known.sequence) {
                    known.sequence = sequence;
                }
            }
            last => *last = Some(Keyframe { sequence, timestamp, at_us: now_us }),
        }
    }

    pub fn forget_keyframe(&mut self) {
        self.last_keyframe = None;
    }

    /// Return the last `count` packets in order, without the packets that wait to be forwarded.
    pub fn last(&self, count: u16) -> Vec<Pending> {
        let Some(cache) = self.cache.as_ref() else { return Vec::new() };
        let waiting = |sequence: u16| self.pending.iter().any(|p| p.sequence == sequence);
        let numbers = (0..count).rev().map(|back| self.newest().wrapping_sub(back));
        let entries = numbers.filter(|number| !waiting(*number)).filter_map(|number| cache.get(number));
        entries.map(|entry| Pending::new(entry.sequence, entry.size())).collect()
    }

    /// Return the packets since the newest key frame that were already forwarded, and the time of that key frame. A viewer can
    /// start with these packets.
    pub fn recent(&self, now_us: u64) -> Option<(Vec<Pending>, u64)> {
        let (entries, at_us) = self.since_keyframe(now_us)?;
        let waiting = |entry: &&Entry| self.pending.iter().any(|p| p.sequence == entry.sequence);
        let pending = |entry: &Entry| Pending::new(entry.sequence, entry.size());
        Some((entries.filter(|entry| !waiting(entry)).map(pending).collect(), at_us))
    }

    /// Return the packets since the newest key frame, and its time. None if the key frame is too old, too many packets follow,
    /// or the cache has lost its start.
    pub fn since_keyframe(&self, now_us: u64) -> Option<(impl Iterator<Item = &Entry> + Clone, u64)> {
        let newest = self.last_keyframe.filter(|keyframe| now_us.saturating_sub(keyframe.at_us) <= REPLAY_US_MAX)?;
        Some((self.since(newest.sequence)?, newest.at_us))
    }

    /// Return the cached packets from `first` on. None if `first` is not in the cache, or too many packets follow.
    fn since(&self, first: u16) -> Option<impl Iterator<Item = &Entry> + Clone> {
        let cache = self.cache.as_ref()?;
        cache.get(first)?;
        let count = self.newest().wrapping_sub(first).wrapping_add(1);
        if count > REPLAY_PACKETS_MAX {
            return None;
        }
        Some((0..count).filter_map(move |i| cache.get(first.wrapping_add(i))))
    }

    /// Decide how a viewer starts that has to begin with a key frame of the `pending` packets. Normally it starts with the
    /// first key frame. If a part was already forwarded, it starts with the newest.
    pub fn beginning(&self, pending: &[Pending]) -> Beginning {
        let entry = |waiting: &Pending| self.cache.as_ref()?.get(waiting.sequence).filter(|entry| entry.keyframe);
        let mut keys = pending.iter().enumerate().filter_map(|(at, waiting)| Some((at, entry(waiting)?)));
        let Some((at, first)) = keys.next() else { return Beginning::Waiting };
        if self.is_all_there(first.sequence, &pending[at..]) {
            return Beginning::Waiting;
        }
        // Choose the first packet of the newest picture among them.
        let is_better =
            |key: &Entry, than: &Entry| is_before(key.sequence, than.sequence) == (key.timestamp == than.timestamp);
        let key = keys.fold(first, |best, (_, key)| if is_better(key, best) { key } else { best });
        let is_newer = |entry: &Entry| entry.keyframe && entry.timestamp != key.timestamp;
        match self.since(key.sequence) {
            Some(mut entries) if !entries.clone().any(is_newer) => {
                let pending = entries.by_ref().map(|entry| Pending::new(entry.sequence, entry.size()));
                Beginning::Cached(pending.collect())
            }
            _ => Beginning::TooLate,
        }
    }

    /// Report whether all packets from `first` on are in `pending`.
    fn is_all_there(&self, first: u16, pending: &[Pending]) -> bool {
        let there = pending.iter().filter(|waiting| !is_before(waiting.sequence, first)).count();
        let all = self.newest().wrapping_sub(first).wrapping_add(1);
        is_before(self.newest(), first) || there >= usize::from(all)
    }

    pub fn clear_pending(&mut self) {
        self.pending.clear();
        self.pending_bytes = 0;
    }

    /// Update the bitrate. The caller calls this once a second.
    pub fn measure(&mut self, elapsed_us: u64) {
        let bytes = self.bytes - self.bytes_at_snapshot;
        self.bytes_at_snapshot = self.bytes;
        self.bitrate_bps = bytes * 8_000_000 / elapsed_us.max(1);
    }
}

/// Cut packets into runs and set the padding of each packet.
///
/// libwebrtc's packets of a frame differ by one byte. Padding the smaller packets makes the frame one run. A packet that is
/// much shorter may end a run without padding.
pub fn plan(pending: &mut [Pending], runs: &mut Vec<Run>) {
    runs.clear();
    let mut start = 0;
    while start < pending.len() {
        let end = plan_run(pending, start);
        runs.push(Run { start, end });
        start = end;
    }
}

fn plan_run(pending: &mut [Pending], start: usize) -> usize {
    let (mut longest, mut bytes, mut padding) = (pending[start].size(), 0, 0);
    let mut shortest = longest;
    let mut end = start;
    while end < pending.len() && end - start < RUN_SEGMENTS_MAX {
        let len = pending[end].size();
        let grown = longest.max(len);
        let wanted = (grown - longest) * (end - start) + (grown - len);
        let fits = grown - shortest.min(len) <= PADDING_MAX
            && (padding + wanted) * PADDING_SHARE <= bytes + len
            && (end - start + 1) * (grown + PACKET_OVERHEAD_MAX) <= RUN_BYTES_MAX;
        if !fits {
            break;
        }
        (longest, shortest) = (grown, shortest.min(len));
        bytes += len;
        padding += wanted;
        end += 1;
    }
    for packet in &mut pending[start..end] {
        packet.padding = (longest - packet.size()) as u8;
    }
    let full = end - start == RUN_SEGMENTS_MAX || (end - start + 1) * (longest + PACKET_OVERHEAD_MAX) > RUN_BYTES_MAX;
    let short_tail = !full && end > start && pending.get(end).is_some_and(|next| next.size() < longest);
    if short_tail { end + 1 } else { end.max(start + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(lens: &[u16]) -> Layer {
        let mut layer = Layer::default();
        for (i, len) in lens.iter().enumerate() {
            layer.pending.push(Pending::new(i as u16, usize::from(*len)));
        }
        layer
    }

    fn planned(lens: &[u16]) -> (Vec<Run>, Vec<u8>) {
        let mut layer = layer(lens);
        let mut runs = Vec::new();
        plan(&mut layer.pending, &mut runs);
        (runs, layer.pending.iter().map(|p| p.padding).collect())
    }

    #[test]
    fn a_frame_of_nearly_equal_packets_is_one_run() {
        let (runs, padding) = planned(&[1100, 1100, 1101, 1101]);
        assert_eq!(runs, [Run { start: 0, end: 4 }]);
        assert_eq!(padding, [1, 1, 0, 0]);
    }

    #[test]
    fn a_short_last_packet_needs_no_padding() {
        let (runs, padding) = planned(&[1100, 1100, 300, 1100]);
        assert_eq!(runs, [Run { start: 0, end: 3 }, Run { start: 3, end: 4 }]);
        assert_eq!(padding, [0, 0, 0, 0]);
    }

    #[test]
    fn a_longer_packet_starts_a_new_run_when_padding_would_cost() {
        let (runs, _) = planned(&[60, 1100, 1100]);
        assert_eq!(runs, [Run { start: 0, end: 1 }, Run { start: 1, end: 3 }]);
    }

    #[test]
    fn a_key_frame_whose_first_packet_comes_late_is_begun_with_whole() {
        let mut layer = Layer::default();
        layer.reception.start(90_000);
        let mut take = |sequence: u16, keyframe, timestamp| {
            layer.reception.count(sequence, timestamp, 1_000_000);
            let entry = Entry { sequence, keyframe, timestamp, marker: true, ..Entry::default() };
            layer.take(entry, &[1; 100], &[], true, 1_000_000);
            let begins = layer.beginning(&layer.pending);
            layer.clear_pending();
            match begins {
                Beginning::Waiting => None,
                Beginning::Cached(all) => Some(all.iter().map(|one| one.sequence).collect::<Vec<_>>()),
                Beginning::TooLate => Some(Vec::new()),
            }
        };
        assert_eq!(take(65_530, true, 0), None, "it is the newest");
        for (sequence, timestamp) in [(65_533, 3_000), (65_534, 3_000), (0, 6_000)] {
            assert_eq!(take(sequence, false, timestamp), None);
        }
        assert_eq!(take(65_532, true, 3_000), Some(vec![65_532, 65_533, 65_534, 0]));
        assert_eq!(take(65_535, false, 6_000), None);
        assert_eq!(take(2, false, 9_000), None);
        assert_eq!(take(3, true, 12_000), None);
        assert_eq!(take(1, true, 9_000), Some(vec![]), "there is a newer one");
        for n in 4..100 {
            assert_eq!(take(n, false, 15_000), None);
        }
        assert_eq!(take(200, false, 18_000), None);
        assert_eq!(take(101, true, 18_000), Some(vec![101, 200]));
    }

    #[test]
    fn keyframe_requests_are_merged_and_repeated_until_one_comes() {
        let mut wish = KeyframeWish::default();
        assert!(wish.wish(0));
        assert!(!wish.wish(100_000));
        assert!(!wish.again(299_999));
        assert!(wish.again(300_000));
        wish.came();
        assert!(!wish.again(900_000));
    }

    mod properties {
        use super::*;
        use proptest::prelude::*;

        proptest! {
            #[test]
            fn every_run_obeys_the_kernel_and_the_padding_budget(lens in proptest::collection::vec(1u16..1400, 1..200)) {
                let mut layer = layer(&lens);
                let mut runs = Vec::new();
                plan(&mut layer.pending, &mut runs);
                let mut next = 0;
                for run in &runs {
                    prop_assert_eq!(run.start, next);
                    prop_assert!(run.end > run.start && run.end - run.start <= RUN_SEGMENTS_MAX);
                    next = run.end;
                    let sent: Vec<usize> =
                        layer.pending[run.start..run.end].iter().map(|p| p.len as usize + p.padding as usize).collect();
                    let (last, others) = sent.split_last().unwrap();
                    prop_assert!(others.iter().all(|len| *len == sent[0]) && *last <= sent[0]);
                    let padding: usize = layer.pending[run.start..run.end].iter().map(|p| p.padding as usize).sum();
                    prop_assert!(padding * PADDING_SHARE <= sent.iter().sum::<usize>());
                    prop_assert!(layer.pending[run.start..run.end].iter().all(|p| p.padding as usize <= PADDING_MAX));
                }
                prop_assert_eq!(next, lens.len());
            }
        }
    }
}
