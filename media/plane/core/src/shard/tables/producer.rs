//! A published track: its layers, what was received of each, and the runs in which new packets will be sent.

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
/// One key frame request per layer in this time, whoever asks.
pub const KEYFRAME_INTERVAL_US: u64 = 300_000;
/// A layer that was silent this long is not chosen.
pub const LAYER_SILENT_US: u64 = 2_000_000;
/// Nor one from which nothing came for so long while another one went on: libwebrtc stops layers that its way does not carry.
const LAYER_STOPPED_US: u64 = 700_000;
/// Requests without an answer are repeated this often, then left to the next wish.
const KEYFRAME_ASKS_MAX: u8 = 20;
/// Padding that makes the packets of a frame equal: bytes a packet ...
const PADDING_MAX: usize = 32;
/// ... and at most one byte in so many.
const PADDING_SHARE: usize = 100;
/// A new viewer is given what was sent since a key frame not older than this. Many publishers make one every two seconds, so
/// that the cache holds a key frame nearly always; viewers show what is older in fast motion ...
const REPLAY_US_MAX: u64 = 2_500_000;
/// ... and not more than this: the largest ring in full packets.
const REPLAY_PACKETS_MAX: u16 = 1024;
/// What header, extensions and tag may add to a payload at most.
pub const PACKET_OVERHEAD_MAX: usize = 12 + 4 + 40 + 255 + RTP_OVERHEAD_MAX + 2;

/// A packet waiting to be forwarded, in order of arrival.
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

    /// Bytes of payload and descriptor.
    pub fn size(&self) -> usize {
        usize::from(self.len)
    }
}

/// Neighbours in the pending list that are sent as one GSO run: all as long as the first, the last may be shorter.
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
    /// The newest packet of this video was not the last of its frame.
    pub mid_frame: bool,
    pub keyframe: KeyframeWish,
    pub last_us: u64,
    /// Of sound.
    pub heard: Heard,
    /// The publisher said farewell, and nothing came since.
    pub ended: bool,
    last_keyframe: Option<Keyframe>,
    pub packets: u64,
    pub bytes: u64,
    bytes_at_snapshot: u64,
    pub bitrate_bps: u64,
    /// What it costs to forward.
    pub bitrates: Bitrates,
    pub clock_hz: u32,
    /// As its source gave it.
    pub newest_timestamp: Option<u32>,
    /// What the dependency descriptors of its packets refer to.
    pub dependencies: Dependencies,
    /// They came with the newest packet.
    pub described: bool,
    /// Of VP8: the frame number of the newest base picture.
    pub base: Option<u16>,
    /// Of H.264 from a line.
    pub sets: Option<Box<ParameterSets>>,
    /// By how much the numbers in the cache are ahead of the source's.
    pub moved: u16,
    /// A number far off the others: the next one in order begins the stream anew.
    pub strange: Option<u16>,
    /// When its source changed last.
    pub changed_us: u64,
    /// Tells mirrors when it begins anew; of a mirror: what it is fed.
    pub(crate) stream: MirrorStream,
}

/// What a viewer is sent first that begins with a key frame.
#[derive(Debug)]
pub enum Beginning {
    /// What waits: nothing of its first key frame or behind that has gone by.
    Waiting,
    /// Some has gone by before the first packet of a key frame came: all from the newest key frame of what waits on.
    Cached(Vec<Pending>),
    /// Too much has, or a key frame newer than that one: another one is needed.
    TooLate,
}

/// Where the newest key frame began, and when.
#[derive(Clone, Copy, Debug)]
struct Keyframe {
    sequence: u16,
    timestamp: u32,
    at_us: u64,
}

/// The state of asking a publisher for a key frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyframeWish {
    wanted: bool,
    asked_us: Option<u64>,
    asks: u8,
    /// 0: [`KEYFRAME_INTERVAL_US`].
    again_us: u64,
    /// Counts wishes, not their repetitions (RFC 5104 §4.3.1.1).
    pub serial: u8,
}

impl KeyframeWish {
    /// Someone needs a key frame. `true`: send the request now.
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

    /// `true`: the request got no answer yet and is to be sent again.
    pub fn again(&mut self, now_us: u64) -> bool {
        self.is_wanted() && self.is_due(now_us, self.interval_us()) && self.note(now_us)
    }

    /// Someone needs a key frame; the next tick asks.
    pub fn want_later(&mut self) {
        self.wanted = true;
        self.asks = 0;
    }

    /// How long to wait for an answer before asking again.
    pub fn repeat_after(&mut self, us: u64) {
        self.again_us = us;
    }

    /// How often the wish of now was asked for.
    pub fn asks(&self) -> u8 {
        self.asks
    }

    /// It came, or nobody waits for it any more.
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
    /// Those of them that are on peers ...
    viewers: Vec<ConsumerKey>,
    /// ... and those on lines.
    feeds: Vec<ConsumerKey>,
    pub paused: bool,
    pub level: Level,
    /// Of sound.
    pub voice: Voice,
    /// A microphone at the other end of a line: it finds out how loud its packets are.
    pub meter: Option<Box<Meter>>,
    /// No SSRC was told: on a line the one that comes is followed, and the next one too.
    pub follows: bool,
    /// Its publisher is at the other end of a line.
    pub on_line: bool,
    /// What is lost may be asked for.
    pub repaired: bool,
    /// The shards that mirror it, each at most once.
    pub(crate) mirrors: Vec<Mirror>,
    /// Counts how often one began to.
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

    /// Whom its packets go to now.
    #[inline]
    pub fn receivers(&self) -> impl Iterator<Item = &ConsumerKey> {
        let heard = |by, all| if self.voice.is_unheard(by) { &[][..] } else { all };
        heard(Audience::Viewers, &self.viewers[..]).iter().chain(heard(Audience::Mixer, &self.feeds))
    }

    /// Its consumers on lines.
    pub fn feeds(&self) -> &[ConsumerKey] {
        &self.feeds
    }

    /// False: it is a voice among too many, and nobody mixes. What a mixer does not hear now is kept for when it does.
    #[inline]
    pub fn is_wanted(&self) -> bool {
        !self.voice.is_unheard(Audience::Viewers) || !self.feeds.is_empty()
    }

    /// Nothing of what it sends is heard by anybody now.
    #[inline]
    pub fn is_unheard(&self) -> bool {
        let unheard = |by, all: &[ConsumerKey]| all.is_empty() || self.voice.is_unheard(by);
        let left_out = AUDIENCES.iter().any(|by| self.voice.is_unheard(*by));
        left_out && unheard(Audience::Viewers, &self.viewers) && unheard(Audience::Mixer, &self.feeds)
    }

    /// The RFC 6464 byte of a packet: as its sender says, or of a hall's microphone as it is.
    #[inline]
    pub(crate) fn loudness_of(&mut self, incoming: &Incoming) -> Option<u8> {
        let told = incoming.marks.audio_level;
        match &mut self.meter {
            // The mixer tells who of the halls speaks.
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

    /// The payload type that an RTX one repairs.
    pub fn repaired_by(&self, rtx: u8) -> Option<&Payload> {
        self.payloads.iter().find(|p| p.rtx == Some(rtx))
    }

    /// The best active layer not above `wanted`, else the lowest active one, else `wanted` itself.
    pub fn choose_layer(&self, wanted: u8, now_us: u64) -> u8 {
        let top = (wanted as usize).min(self.layers.len().saturating_sub(1));
        let active = |i: &usize| self.layers[*i].is_active(now_us) && !self.is_stopped(*i as u8);
        let chosen = (0..=top).rev().find(active).or_else(|| (top..self.layers.len()).find(active));
        chosen.unwrap_or(top) as u8
    }

    /// Others went on without this layer.
    pub fn is_stopped(&self, layer: u8) -> bool {
        let stopped_us = self.layers[usize::from(layer)].last_us + LAYER_STOPPED_US;
        self.layers.iter().any(|other| other.last_us > stopped_us)
    }

    /// The highest layer within its only stream; None: its layers are streams of their own.
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

    /// The highest number in the cache.
    #[inline]
    pub fn newest(&self) -> u16 {
        self.reception.highest.wrapping_add(self.moved)
    }

    /// The publisher's clock, from its last sender report.
    pub fn clock(&self) -> Option<SenderClock> {
        self.reception.clock
    }

    /// The cache can take this packet without overwriting one that waits to be forwarded.
    pub fn has_room(&self, len: usize) -> bool {
        self.cache.as_ref().is_none_or(|cache| {
            self.pending_bytes + len <= cache.safe_bytes() && self.pending.len() < cache.safe_packets()
        })
    }

    /// What it costs to send this packet to somebody, of sound its redundant part apart.
    #[inline]
    fn note_cost(&mut self, entry: &Entry, payload: &[u8]) {
        let redundant = if entry.codec == Some(Codec::Red) { red::redundant(payload) } else { 0 };
        self.bitrates.note(entry.place, payload.len() - redundant);
        self.bitrates.note_redundant(redundant);
    }

    /// Counts a packet that is kept.
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

    /// Keeps a packet and queues it for forwarding.
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

    /// A packet that begins a key frame. H.264 has two of a frame: parameter sets, and the picture; the first counts.
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

    /// The last `count` packets in order, without those that wait to be forwarded.
    pub fn last(&self, count: u16) -> Vec<Pending> {
        let Some(cache) = self.cache.as_ref() else { return Vec::new() };
        let waiting = |sequence: u16| self.pending.iter().any(|p| p.sequence == sequence);
        let numbers = (0..count).rev().map(|back| self.newest().wrapping_sub(back));
        let entries = numbers.filter(|number| !waiting(*number)).filter_map(|number| cache.get(number));
        entries.map(|entry| Pending::new(entry.sequence, entry.size())).collect()
    }

    /// The packets from the newest key frame on that were forwarded already: what a viewer needs to start at once; the second
    /// value is when it began.
    pub fn recent(&self, now_us: u64) -> Option<(Vec<Pending>, u64)> {
        let (entries, at_us) = self.since_keyframe(now_us)?;
        let waiting = |entry: &&Entry| self.pending.iter().any(|p| p.sequence == entry.sequence);
        let pending = |entry: &Entry| Pending::new(entry.sequence, entry.size());
        Some((entries.filter(|entry| !waiting(entry)).map(pending).collect(), at_us))
    }

    /// The packets from the newest key frame on, and when it began. None where that is too long ago, too much, or no longer
    /// whole in the cache.
    pub fn since_keyframe(&self, now_us: u64) -> Option<(impl Iterator<Item = &Entry> + Clone, u64)> {
        let newest = self.last_keyframe.filter(|keyframe| now_us.saturating_sub(keyframe.at_us) <= REPLAY_US_MAX)?;
        Some((self.since(newest.sequence)?, newest.at_us))
    }

    /// The packets of the cache from this one on; None: it is not there, or too much follows it.
    fn since(&self, first: u16) -> Option<impl Iterator<Item = &Entry> + Clone> {
        let cache = self.cache.as_ref()?;
        cache.get(first)?;
        let count = self.newest().wrapping_sub(first).wrapping_add(1);
        if count > REPLAY_PACKETS_MAX {
            return None;
        }
        Some((0..count).filter_map(move |i| cache.get(first.wrapping_add(i))))
    }

    /// How a viewer begins that is to begin with a key frame of what waits: with the first of them, or where part of that has
    /// gone by with the newest. `pending`: what waits.
    pub fn beginning(&self, pending: &[Pending]) -> Beginning {
        let entry = |waiting: &Pending| self.cache.as_ref()?.get(waiting.sequence).filter(|entry| entry.keyframe);
        let mut keys = pending.iter().enumerate().filter_map(|(at, waiting)| Some((at, entry(waiting)?)));
        let Some((at, first)) = keys.next() else { return Beginning::Waiting };
        if self.is_all_there(first.sequence, &pending[at..]) {
            return Beginning::Waiting;
        }
        // Of the newest picture among them the first packet.
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

    /// Whether all from this packet on is in `pending`.
    fn is_all_there(&self, first: u16, pending: &[Pending]) -> bool {
        let there = pending.iter().filter(|waiting| !is_before(waiting.sequence, first)).count();
        let all = self.newest().wrapping_sub(first).wrapping_add(1);
        is_before(self.newest(), first) || there >= usize::from(all)
    }

    pub fn clear_pending(&mut self) {
        self.pending.clear();
        self.pending_bytes = 0;
    }

    /// Updates the bitrate; call once a second.
    pub fn measure(&mut self, elapsed_us: u64) {
        let bytes = self.bytes - self.bytes_at_snapshot;
        self.bytes_at_snapshot = self.bytes;
        self.bitrate_bps = bytes * 8_000_000 / elapsed_us.max(1);
    }
}

/// Cuts packets into runs and tells each its padding.
///
/// libwebrtc's packets of a frame differ by a byte; padding the smaller ones makes the frame one run. A packet that
/// is shorter by more may end a run, unpadded.
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
