//! The hot loop: what one layer gathered goes to each consumer as GSO runs, rewritten and sealed in the outbox.

use crate::bitrates::OVERHEAD_BYTES;
use crate::cache::{ABSENT, Cache, Entry};
use crate::command::Codec;
use crate::consumer::{Consumer, Verdict};
use crate::dependencies;
use crate::event::Event;
use crate::ice::Path;
use crate::loudest::Audience;
use crate::outbox::{Outbox, RUN_BYTES_MAX, RUN_SEGMENTS_MAX, Sink};
use crate::pacing::{PACE_US, Pacer, Waiting};
use crate::producer::{Beginning, Layer, PACKET_OVERHEAD_MAX, Pending, Producer, Run, plan};
use crate::red;
use crate::rtp;
use crate::sent::{Content, Sent};
use crate::sequence::{Continuity, Left, Offsets};
use crate::shard::Shard;
use crate::srtp::Outbound;
use crate::stats::Totals;
use crate::transport::{ExtensionIds, Transport};

impl Shard {
    /// Sends the pending packets of every layer that has some.
    pub fn flush<S: Sink>(&mut self, now_us: u64, out: &mut Outbox<S>) {
        while let Some((producer, layer)) = self.dirty.pop() {
            self.forward(producer, layer, now_us, out);
        }
    }

    /// Of what waits for the next flush, some frame is not whole: its rest may be on the way.
    pub fn is_mid_frame(&self) -> bool {
        let layer = |(producer, layer): &(usize, u8)| self.producers.get(*producer)?.layers.get(usize::from(*layer));
        self.dirty.iter().any(|place| layer(place).is_some_and(|layer| layer.mid_frame))
    }

    pub(crate) fn forward<S: Sink>(&mut self, at: usize, layer: u8, now_us: u64, out: &mut Outbox<S>) {
        let Some(producer) = self.producers.get_mut(at) else {
            return;
        };
        let mut pending = std::mem::take(&mut producer.layers[layer as usize].pending);
        plan(&mut pending, &mut self.runs);
        let mut begins = None;
        let mut lacks_keyframe = false;
        if !producer.paused {
            for key in producer.receivers() {
                let consumer = &mut self.consumers[*key];
                if !consumer.looks_at(layer) {
                    continue;
                }
                let transport = &mut self.transports[consumer.transport];
                let (Some(path), Some(_)) = (transport.destination(), &transport.outbound) else {
                    continue;
                };
                let mut planned = Planned { pending: &pending, runs: &self.runs };
                if consumer.video && consumer.current != Some(layer) {
                    let begin = || Begin::new(producer.layers[layer as usize].beginning(&pending));
                    match begins.get_or_insert_with(begin) {
                        Begin::Waiting => {}
                        Begin::Cached(pending, runs) => planned = Planned { pending, runs },
                        Begin::TooLate => {
                            lacks_keyframe = true;
                            continue;
                        }
                    }
                }
                let feed = Feed { producer, layer, path, now_us };
                let fed = feed.run((*key, consumer), transport, planned, out);
                fed.tell(consumer, &mut self.totals, &mut self.events);
                if fed.waits && !std::mem::replace(&mut transport.pacer.listed, true) {
                    self.paced.push(consumer.transport);
                    self.pace_us = self.pace_us.min(now_us + PACE_US);
                }
            }
        }
        let fed = &mut producer.layers[layer as usize];
        fed.pending = pending;
        fed.clear_pending();
        if lacks_keyframe {
            self.ask_keyframe(at, layer, now_us, out);
        }
    }

    /// Starts a consumer that has sent nothing yet from the last key frame in the cache, if that is fresh: a viewer
    /// sees a picture at once and the publisher is not asked for anything.
    pub(crate) fn start_from_cache<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        let consumer = &mut self.consumers[key];
        let producer = &self.producers[consumer.producer];
        let transport = &mut self.transports[consumer.transport];
        let (Some(path), Some(_)) = (transport.destination(), &transport.outbound) else {
            return;
        };
        if !consumer.video || consumer.is_off() || producer.paused || consumer.current.is_some() {
            return;
        }
        let fits = |layer: u8| {
            let (pending, at_us) = producer.layers.get(usize::from(layer))?.recent(now_us)?;
            (consumer.is_new_to_source() || at_us > consumer.last_sent_us).then_some((layer, pending))
        };
        let target = consumer.target.min(producer.layers.len() as u8);
        let Some((layer, mut pending)) = fits(target).or_else(|| (0..target).rev().find_map(fits)) else {
            return;
        };
        plan(&mut pending, &mut self.runs);
        let wanted = consumer.target;
        let spatial_top = producer.spatial_top();
        consumer.aim(layer, spatial_top);
        let planned = Planned { pending: &pending, runs: &self.runs };
        let fed = Feed { producer, layer, path, now_us }.run((key, consumer), transport, planned, out);
        consumer.aim(wanted, spatial_top);
        fed.tell(consumer, &mut self.totals, &mut self.events);
        if fed.waits {
            let transport = consumer.transport;
            self.pace(transport, now_us);
        }
    }
}

impl Shard {
    /// Sends a consumer of sound on a line the last `count` packets of its source that have gone by.
    pub(crate) fn send_last<S: Sink>(&mut self, key: usize, count: u16, now_us: u64, out: &mut Outbox<S>) {
        let consumer = &mut self.consumers[key];
        let producer = &self.producers[consumer.producer];
        let transport = &mut self.transports[consumer.transport];
        let (Some(path), Some(_)) = (transport.destination(), &transport.outbound) else {
            return;
        };
        if consumer.is_off() || producer.paused {
            return;
        }
        let pending = producer.layers[0].last(count);
        let runs: Vec<Run> = (0..pending.len()).map(|start| Run { start, end: start + 1 }).collect();
        let planned = Planned { pending: &pending, runs: &runs };
        let fed = Feed { producer, layer: 0, path, now_us }.run((key, consumer), transport, planned, out);
        fed.tell(consumer, &mut self.totals, &mut self.events);
    }
}

/// Packets and the runs to send them in.
#[derive(Clone, Copy)]
struct Planned<'a> {
    pending: &'a [Pending],
    runs: &'a [Run],
}

/// What consumers are fed that are not sent this layer yet; see [`Beginning`].
enum Begin {
    Waiting,
    Cached(Vec<Pending>, Vec<Run>),
    TooLate,
}

impl Begin {
    fn new(beginning: Beginning) -> Self {
        match beginning {
            Beginning::Waiting => Begin::Waiting,
            Beginning::Cached(mut pending) => {
                let mut runs = Vec::new();
                plan(&mut pending, &mut runs);
                Begin::Cached(pending, runs)
            }
            Beginning::TooLate => Begin::TooLate,
        }
    }
}

/// One layer's packets on the way to one consumer.
struct Feed<'a> {
    producer: &'a Producer,
    layer: u8,
    path: Path,
    now_us: u64,
}

/// What became of one layer's packets at one consumer.
#[derive(Default)]
struct Fed {
    switched: bool,
    unfit: bool,
    /// Some of it is left to the pacer.
    waits: bool,
    packets: u64,
    bytes: u64,
    padding_bytes: u64,
}

impl Fed {
    fn tell(&self, consumer: &Consumer, totals: &mut Totals, events: &mut Vec<Event>) {
        totals.padding_bytes += self.padding_bytes;
        if self.unfit {
            events.push(Event::Unfit { consumer: consumer.id });
        }
        if self.switched {
            events.push(Event::Switched { consumer: consumer.id, layer: consumer.layer() });
        }
    }
}

/// A run being written into the outbox.
#[derive(Default)]
pub(crate) struct Burst {
    len: usize,
    segment: usize,
    segments: usize,
}

impl Burst {
    /// Bytes written for it so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// No further packet is sure to fit it.
    pub fn is_long(&self) -> bool {
        self.segments >= RUN_SEGMENTS_MAX || self.len + self.segment + PACKET_OVERHEAD_MAX > RUN_BYTES_MAX
    }

    /// Adds the packet of `len` bytes that was written behind the others; a run ends where sizes stop being equal.
    #[inline]
    pub fn add<S: Sink>(&mut self, len: usize, path: Path, video: bool, out: &mut Outbox<S>) {
        if len > self.segment {
            self.end(path, video, out);
            self.segment = len;
        }
        self.len += len;
        self.segments += 1;
        if len < self.segment {
            self.end(path, video, out);
        }
    }

    #[inline]
    pub fn end<S: Sink>(&mut self, path: Path, video: bool, out: &mut Outbox<S>) {
        if self.len > 0 {
            out.push(path, self.len, self.segment, video);
        }
        *self = Burst::default();
    }
}

impl Feed<'_> {
    fn run<S: Sink>(
        &self,
        (key, consumer): (usize, &mut Consumer),
        transport: &mut Transport,
        planned: Planned,
        out: &mut Outbox<S>,
    ) -> Fed {
        let layer = &self.producer.layers[self.layer as usize];
        let mut fed = Fed::default();
        let Some(cache) = &layer.cache else { return fed };
        consumer.remember(cache);
        // Browsers take padded media packets; of the decoders in halls nobody knows.
        let pads = transport.line().is_none();
        let returns = consumer.meet(self.producer.voice.entrance(Audience::of(!pads)));
        let paces = pads && consumer.video;
        let fills = paces;
        if paces {
            transport.pacer.settle(transport.estimator.available_bps(self.now_us), self.now_us);
        }
        let more_bytes = consumer.red_bytes_max();
        for run in planned.runs {
            let pending = &planned.pending[run.start..run.end];
            let longest = pending.iter().map(|p| p.size() + PACKET_OVERHEAD_MAX).max().unwrap_or(0);
            out.reserve((longest + more_bytes) * pending.len());
            let mut burst = Burst::default();
            for waiting in pending {
                let Some(entry) = cache.get(waiting.sequence) else { continue };
                if consumer.single_nal && consumer.refuses(cache.payload(entry)) {
                    fed.unfit |= consumer.turn_unfit();
                    break;
                }
                let (verdict, switched) = self.decide(consumer, entry);
                fed.switched |= switched;
                let (offsets, content) = match verdict {
                    Verdict::Send(offsets) => (offsets, Content::Whole),
                    Verdict::Fill(offsets) => {
                        let sequence = entry.sequence.wrapping_add(offsets.sequence);
                        if !fills || !consumer.may_fill(sequence, self.now_us) {
                            continue;
                        }
                        (offsets, Content::Nothing)
                    }
                    Verdict::Leave => continue,
                };
                if more_bytes > 0 && burst.len + longest + more_bytes > RUN_BYTES_MAX {
                    burst.end(self.path, consumer.video, out);
                }
                let space = &mut out.space()[burst.len..];
                let padding = match content {
                    Content::Nothing => 1,
                    _ if pads => waiting.padding,
                    _ => 0,
                };
                let timestamp = consumer.continuity.timestamp(entry.timestamp);
                let marker = content != Content::Nothing && (entry.marker || consumer.ends_picture(entry));
                let packet = Packet { cache, entry, offsets, padding, content, timestamp, marker };
                if paces && transport.pacer.is_full() {
                    fed.waits |= packet.wait((key, consumer), self.layer, &mut transport.pacer);
                    continue;
                }
                let Some(len) = packet.write(consumer, self.layer, transport, self.now_us, space) else { continue };
                transport.pacer.spend(len);
                fed.packets += 1;
                fed.bytes += len as u64;
                fed.padding_bytes += u64::from(padding);
                match content {
                    Content::Nothing => consumer.count_filler(len),
                    _ => consumer.count(len, self.now_us),
                }
                burst.add(len, self.path, consumer.video, out);
            }
            burst.end(self.path, consumer.video, out);
        }
        if fed.switched {
            transport.report_due_us = transport.report_due_us.min(self.now_us);
            fed.switched = !returns;
        }
        transport.count_sent(fed.packets, fed.bytes);
        fed
    }

    #[inline]
    fn decide(&self, consumer: &mut Consumer, entry: &Entry) -> (Verdict, bool) {
        if consumer.payload(entry.payload_type).is_none() {
            if consumer.current == Some(self.layer) {
                consumer.continuity.skip(Left { sequence: entry.sequence, timestamp: None, counts: false });
            }
            return (Verdict::Leave, false);
        }
        let from = consumer.current_or_previous();
        let (clock_hz, last_us) = (consumer.clock_hz, consumer.last_sent_us);
        let step = |continuity: &Continuity| {
            elapsed(&self.producer.layers, (from, self.layer), (continuity, entry.timestamp), clock_hz)
                .unwrap_or_else(|| arrival_step(self.now_us.saturating_sub(last_us), clock_hz))
        };
        consumer.decide(self.layer, entry, step)
    }
}

/// Timestamp step by our own clock: at least one tick, so that time never stands still.
fn arrival_step(elapsed_us: u64, clock_hz: u32) -> u32 {
    ((u128::from(elapsed_us) * u128::from(clock_hz) / 1_000_000) as u32).max(1)
}

/// The time between two packets of different layers by the publisher's sender reports; None where they don't tell.
fn elapsed(
    layers: &[Layer],
    (from, to): (Option<u8>, u8),
    (continuity, timestamp): (&Continuity, u32),
    clock_hz: u32,
) -> Option<u32> {
    let (old, new) = (layers.get(usize::from(from?))?.clock()?, layers[usize::from(to)].clock()?);
    let ticks = |from_rtp: u32, to_rtp: u32| i64::from(to_rtp.wrapping_sub(from_rtp) as i32);
    let ntp_ticks = (i128::from(new.ntp.wrapping_sub(old.ntp) as i64) * i128::from(clock_hz)) >> 32;
    let step = ntp_ticks as i64 + ticks(new.rtp, timestamp) - ticks(old.rtp, continuity.source_timestamp());
    (1..i64::from(clock_hz) * 5).contains(&step).then_some(step as u32)
}

/// The header extensions by which a peer tells how long packets were under way.
#[derive(Clone, Copy)]
struct Times<'a> {
    /// None: no time of sending.
    at_us: Option<u64>,
    ids: &'a ExtensionIds,
}

/// Seconds modulo 64, 18 bits of fraction (the `abs-send-time` extension of WebRTC).
fn abs_send_time(at_us: u64) -> [u8; 3] {
    let fixed = (u128::from(at_us) << 18) / 1_000_000;
    let [.., a, b, c] = (fixed as u32).to_be_bytes();
    [a, b, c]
}

/// A cached packet with the numbers that it gets at one consumer.
pub(crate) struct Packet<'a> {
    pub cache: &'a Cache,
    pub entry: &'a Entry,
    pub offsets: Offsets,
    pub padding: u8,
    pub content: Content,
    /// As they go out.
    pub timestamp: u32,
    pub marker: bool,
}

impl Packet<'_> {
    /// Writes the sealed packet to `space` and remembers it; gives its length.
    #[inline]
    pub fn write(
        &self,
        consumer: &mut Consumer,
        layer: u8,
        transport: &mut Transport,
        now_us: u64,
        space: &mut [u8],
    ) -> Option<usize> {
        let sent = self.number(consumer, layer);
        if !consumer.is_unsent(sent.sequence) {
            return None;
        }
        self.write_noted(consumer, sent, transport, now_us, space)
    }

    /// Leaves the packet to the pacer, with the numbers that it gets now. False: one went out under them.
    fn wait(&self, (key, consumer): (usize, &mut Consumer), layer: u8, pacer: &mut Pacer) -> bool {
        let sent = self.number(consumer, layer);
        if !consumer.is_unsent(sent.sequence) {
            return false;
        }
        consumer.sent.note(sent.waiting());
        let len = if self.content == Content::Nothing { 0 } else { self.entry.len };
        let bytes = len + u16::from(self.padding) + OVERHEAD_BYTES as u16;
        pacer.put(Waiting { consumer: key, sent, timestamp: self.timestamp, bytes });
        true
    }

    #[inline]
    fn number(&self, consumer: &Consumer, layer: u8) -> Sent {
        let mut sent = Sent {
            sequence: self.entry.sequence.wrapping_add(self.offsets.sequence),
            source: self.entry.sequence,
            picture: self.offsets.picture,
            frame: self.offsets.frame,
            tl0: self.offsets.tl0,
            padding: self.padding,
            epoch: consumer.epoch,
            ..Sent::default()
        };
        sent.mark(layer, !consumer.acknowledged, self.marker);
        sent.content = if consumer.makes_red(self.entry) { Content::WithCopies } else { self.content };
        sent
    }

    /// The packet for the first time, under the numbers of `sent`.
    #[inline]
    pub fn write_noted(
        &self,
        consumer: &mut Consumer,
        mut sent: Sent,
        transport: &mut Transport,
        now_us: u64,
        space: &mut [u8],
    ) -> Option<usize> {
        let Transport { outbound, extensions, estimator, .. } = transport;
        sent.wide = estimator.next_number();
        // What is resent on the media SSRC has to be the same to the last bit: no time of sending there.
        let at_us = self.rtx(consumer).map(|_| now_us);
        let len = self.write_media(consumer, &sent, Times { at_us, ids: extensions }, outbound.as_ref()?, space)?;
        consumer.sent.note(sent);
        if extensions.transport_cc != 0 {
            estimator.note_sent(len, now_us);
        }
        Some(len)
    }

    /// The packet once more on the media SSRC, where the peer takes no retransmissions on another one.
    pub fn write_again(
        &self,
        consumer: &mut Consumer,
        sent: &Sent,
        transport: &Transport,
        space: &mut [u8],
    ) -> Option<usize> {
        let times = Times { at_us: None, ids: &transport.extensions };
        self.write_media(consumer, sent, times, transport.outbound.as_ref()?, space)
    }

    /// The payload type of its retransmissions, if they go to an SSRC of their own.
    #[inline]
    pub fn rtx(&self, consumer: &Consumer) -> Option<u8> {
        consumer.payload(self.entry.payload_type)?.rtx.filter(|_| consumer.rtx_ssrc != 0)
    }

    /// The packet on the media SSRC; the same bytes each time for the same `sent`.
    #[inline]
    fn write_media(
        &self,
        consumer: &mut Consumer,
        sent: &Sent,
        times: Times,
        outbound: &Outbound,
        space: &mut [u8],
    ) -> Option<usize> {
        let copies = sent.content == Content::WithCopies;
        let red_type = if copies { consumer.red_type(self.entry) } else { None };
        let payload_type = red_type.or_else(|| self.payload_type(consumer))?;
        let number = (payload_type, sent.sequence, consumer.ssrc);
        let header = self.write_header(consumer, number, (sent.with_mid(), sent.wide), times, space);
        let space_left = &mut space[header..];
        let len = header
            + match red_type {
                Some(_) => consumer.write_red(self.cache, self.entry, sent, space_left)?,
                None => self.write_payload(consumer, space_left)?,
            };
        let len = rtp::pad(space, len, self.padding);
        let roc = consumer.roc.advance(sent.sequence);
        Some(outbound.seal_rtp(space, len, header, roc))
    }

    /// The packet as a retransmission (RFC 4588) on the RTX SSRC.
    pub fn write_rtx(
        &self,
        consumer: &mut Consumer,
        transport: &mut Transport,
        now_us: u64,
        space: &mut [u8],
    ) -> Option<usize> {
        let rtx = self.rtx(consumer)?;
        let Transport { outbound, extensions, estimator, .. } = transport;
        let times = Times { at_us: Some(now_us), ids: extensions };
        let original = self.entry.sequence.wrapping_add(self.offsets.sequence);
        let sequence = consumer.rtx_sequence;
        let number = (rtx, sequence, consumer.rtx_ssrc);
        let header = self.write_header(consumer, number, (false, estimator.next_number()), times, space);
        space[header..header + 2].copy_from_slice(&original.to_be_bytes());
        let len = header + 2 + self.write_payload(consumer, &mut space[header + 2..])?;
        let outbound = outbound.as_ref()?;
        consumer.rtx_sequence = sequence.wrapping_add(1);
        let roc = consumer.rtx_roc.advance(sequence);
        let len = outbound.seal_rtp(space, len, header, roc);
        if extensions.transport_cc != 0 {
            estimator.note_sent(len, now_us);
        }
        Some(len)
    }

    #[inline]
    fn write_header(
        &self,
        consumer: &Consumer,
        (payload_type, sequence, ssrc): (u8, u16, u32),
        (with_mid, wide): (bool, u16),
        Times { at_us, ids }: Times,
        space: &mut [u8],
    ) -> usize {
        let entry = self.entry;
        let (level, orientation, wide) = ([entry.audio_level], [entry.orientation], wide.to_be_bytes());
        let at = at_us.map(abs_send_time);
        let limits = at_us.and_then(|_| consumer.playout.limits());
        let mut extensions: [(u8, &[u8]); 6] = [(0, &[]); 6];
        let mut count = 0;
        let mut add = |id: u8, value| {
            if id != 0 {
                extensions[count] = (id, value);
                count += 1;
            }
        };
        if ids.transport_cc != 0 {
            add(ids.transport_cc, &wide[..]);
        } else if let Some(at) = &at {
            add(ids.abs_send_time, &at[..]);
        }
        if with_mid {
            add(ids.mid, &consumer.mid[..]);
        }
        if entry.audio_level != ABSENT {
            add(ids.audio_level, &level[..]);
        }
        if entry.orientation != ABSENT {
            add(ids.orientation, &orientation[..]);
        }
        if let Some(limits) = &limits {
            add(ids.playout_delay, &limits[..]);
        }
        let mut descriptor: [u8; u8::MAX as usize];
        if entry.descriptor_len > 0 && ids.dependency_descriptor != 0 && self.content != Content::Nothing {
            descriptor = [0; u8::MAX as usize];
            let descriptor = &mut descriptor[..usize::from(entry.descriptor_len)];
            descriptor.copy_from_slice(self.cache.descriptor(entry));
            dependencies::set_frame_number(descriptor, entry.frame.wrapping_add(self.offsets.frame));
            add(ids.dependency_descriptor, descriptor);
        }
        rtp::write_header(space, self.marker, payload_type, sequence, self.timestamp, ssrc, &extensions[..count])
    }

    #[inline]
    fn write_payload(&self, consumer: &Consumer, space: &mut [u8]) -> Option<usize> {
        if self.content == Content::Nothing {
            return Some(0);
        }
        let mut payload = self.cache.payload(self.entry);
        if consumer.strips_red() && self.is_red(consumer) {
            payload = &payload[red::primary(payload).ok()?.range];
        }
        let space = &mut space[..payload.len()];
        space.copy_from_slice(payload);
        self.entry.numbers.shift(space, self.offsets.picture, self.offsets.tl0);
        if !consumer.red_blocks.is_empty() && !consumer.strips_red() && self.is_red(consumer) {
            red::rewrite(space, &consumer.red_blocks).ok()?;
        }
        Some(payload.len())
    }

    /// As the peer calls it. Where redundant sound is left out though the peer takes it: that of what is in it.
    #[inline]
    fn payload_type(&self, consumer: &Consumer) -> Option<u8> {
        if consumer.strips_red() && !consumer.strip_red && self.is_red(consumer) {
            let inner = red::primary(self.cache.payload(self.entry)).ok()?.payload_type;
            return consumer.red_blocks.iter().find(|(from, _)| *from == inner).map(|(_, to)| *to);
        }
        Some(consumer.payload(self.entry.payload_type)?.to)
    }

    fn is_red(&self, consumer: &Consumer) -> bool {
        !consumer.video && self.entry.codec == Some(Codec::Red)
    }
}

impl Consumer {
    /// A packet of `padding` bytes that mean nothing, on the SSRC of retransmissions.
    pub(crate) fn write_padding(
        &mut self,
        padding: u8,
        transport: &mut Transport,
        now_us: u64,
        space: &mut [u8],
    ) -> Option<usize> {
        let rtx = self.rtx()?;
        let Transport { outbound, extensions, estimator, .. } = transport;
        let (outbound, sequence) = (outbound.as_ref()?, self.rtx_sequence);
        let wide = estimator.next_number().to_be_bytes();
        let ids = [(extensions.transport_cc, &wide[..])];
        let ids = if extensions.transport_cc != 0 { &ids[..] } else { &[] };
        let header = rtp::write_header(space, false, rtx, sequence, 0, self.rtx_ssrc, ids);
        let len = rtp::pad(space, header, padding);
        self.rtx_sequence = sequence.wrapping_add(1);
        let roc = self.rtx_roc.advance(sequence);
        let len = outbound.seal_rtp(space, len, header, roc);
        if extensions.transport_cc != 0 {
            estimator.note_sent(len, now_us);
        }
        Some(len)
    }
}
