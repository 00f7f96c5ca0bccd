//! The hot loop: it sends a layer's pending packets to each consumer as GSO runs, rewritten and encrypted in the outbox.

use crate::keys::{ConsumerKey, ProducerKey};
use crate::path::Path;
use crate::seam::event::Event;
use crate::seam::outbox::{Outbox, RUN_BYTES_MAX, Sink};
use crate::seam::snapshot::Totals;
use crate::shard::downlink::pace;
use crate::shard::downlink::packet::{Burst, Packet};
use crate::shard::report::keyframes;
use crate::shard::tables::Tables;
use crate::shard::tables::consumer::{Consumer, Verdict};
use crate::shard::tables::pacer::PACE_US;
use crate::shard::tables::producer::{Beginning, Layer, PACKET_OVERHEAD_MAX, Pending, Producer, Run, plan};
use crate::shard::tables::transport::Transport;
use crate::shard::turn::Turn;
use crate::shard::turn::agenda::Agenda;
use crate::stream::cache::{Cache, Entry};
use crate::stream::sent_log::Content;
use crate::stream::sequence::{Continuity, Left, Offsets};
use crate::stream::voice::Audience;

/// Send the pending packets of all layers.
pub(crate) fn flush<S: Sink>(tables: &mut Tables, turn: &mut Turn<S>) {
    while let Some((producer, layer)) = turn.agenda.dirty.pop() {
        forward(tables, producer, layer, turn);
    }
}

/// Report whether the packets for the next flush include an incomplete frame. The rest of the frame may arrive soon.
pub(crate) fn is_mid_frame(tables: &Tables, agenda: &Agenda) -> bool {
    let layer =
        |(producer, layer): &(ProducerKey, u8)| tables.producers.get(*producer)?.layers.get(usize::from(*layer));
    agenda.dirty.iter().any(|place| layer(place).is_some_and(|layer| layer.mid_frame))
}

pub(crate) fn forward<S: Sink>(tables: &mut Tables, at: ProducerKey, layer: u8, turn: &mut Turn<S>) {
    let Some(producer) = tables.producers.get_mut(at) else {
        return;
    };
    let mut pending = std::mem::take(&mut producer.layers[layer as usize].pending);
    plan(&mut pending, &mut turn.scratch.runs);
    let mut begins = None;
    let mut lacks_keyframe = false;
    if !producer.paused {
        for key in producer.receivers() {
            let consumer = &mut tables.consumers[*key];
            if !consumer.looks_at(layer) {
                continue;
            }
            let transport = &mut tables.transports[consumer.transport];
            let (Some(path), Some(_)) = (transport.destination(), &transport.outbound) else {
                continue;
            };
            let mut planned = Planned { pending: &pending, runs: &turn.scratch.runs };
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
            let feed = Feed { producer, layer, path, now_us: turn.now_us };
            let fed = feed.run((*key, consumer), transport, planned, turn.out);
            fed.tell(consumer, turn.totals, turn.events);
            if fed.waits && !std::mem::replace(&mut transport.pacer.listed, true) {
                turn.agenda.paced.push(consumer.transport);
                turn.agenda.pace_us = turn.agenda.pace_us.min(turn.now_us + PACE_US);
            }
        }
    }
    let fed = &mut producer.layers[layer as usize];
    fed.pending = pending;
    fed.clear_pending();
    if lacks_keyframe {
        keyframes::ask_keyframe(tables, at, layer, turn);
    }
}

/// Start a consumer from the last key frame in the cache, if the key frame is fresh. The viewer sees a picture at once, and the
/// publisher gets no key frame request.
pub(crate) fn start_from_cache<S: Sink>(tables: &mut Tables, key: ConsumerKey, turn: &mut Turn<S>) {
    let consumer = &mut tables.consumers[key];
    let producer = &tables.producers[consumer.producer];
    let transport = &mut tables.transports[consumer.transport];
    let (Some(path), Some(_)) = (transport.destination(), &transport.outbound) else {
        return;
    };
    if !consumer.video || consumer.is_off() || producer.paused || consumer.current.is_some() {
        return;
    }
    let fits = |layer: u8| {
        let (pending, at_us) = producer.layers.get(usize::from(layer))?.recent(turn.now_us)?;
        (consumer.is_new_to_source() || at_us > consumer.last_sent_us).then_some((layer, pending))
    };
    let target = consumer.target.min(producer.layers.len() as u8);
    let Some((layer, mut pending)) = fits(target).or_else(|| (0..target).rev().find_map(fits)) else {
        return;
    };
    plan(&mut pending, &mut turn.scratch.runs);
    let wanted = consumer.target;
    let spatial_top = producer.spatial_top();
    consumer.aim(layer, spatial_top);
    let planned = Planned { pending: &pending, runs: &turn.scratch.runs };
    let fed = Feed { producer, layer, path, now_us: turn.now_us }.run((key, consumer), transport, planned, turn.out);
    consumer.aim(wanted, spatial_top);
    fed.tell(consumer, turn.totals, turn.events);
    if fed.waits {
        let transport = consumer.transport;
        pace::pace(tables, transport, turn);
    }
}

/// Send an audio consumer on a line the last `count` packets of its source that were already forwarded to others.
pub(crate) fn send_last<S: Sink>(tables: &mut Tables, key: ConsumerKey, count: u16, turn: &mut Turn<S>) {
    let consumer = &mut tables.consumers[key];
    let producer = &tables.producers[consumer.producer];
    let transport = &mut tables.transports[consumer.transport];
    let (Some(path), Some(_)) = (transport.destination(), &transport.outbound) else {
        return;
    };
    if consumer.is_off() || producer.paused {
        return;
    }
    let pending = producer.layers[0].last(count);
    let runs: Vec<Run> = (0..pending.len()).map(|start| Run { start, end: start + 1 }).collect();
    let planned = Planned { pending: &pending, runs: &runs };
    let fed = Feed { producer, layer: 0, path, now_us: turn.now_us }.run((key, consumer), transport, planned, turn.out);
    fed.tell(consumer, turn.totals, turn.events);
}

/// Packets and the runs to send them in.
#[derive(Clone, Copy)]
struct Planned<'a> {
    pending: &'a [Pending],
    runs: &'a [Run],
}

/// The packets for consumers that do not get this layer yet; see [`Beginning`].
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

/// The packets of one layer for one consumer.
struct Feed<'a> {
    producer: &'a Producer,
    layer: u8,
    path: Path,
    now_us: u64,
}

/// The result of sending one layer's packets to one consumer.
#[derive(Default)]
struct Fed {
    switched: bool,
    unfit: bool,
    /// The pacer holds some of the packets.
    waits: bool,
    packets: u64,
    bytes: u64,
    padding_bytes: u64,
}

impl Fed {
    fn count(&mut self, len: usize, padding: u8) {
        self.packets += 1;
        self.bytes += len as u64;
        self.padding_bytes += u64::from(padding);
    }

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

/// The consumer that is fed.
struct Receiver<'a> {
    key: ConsumerKey,
    consumer: &'a mut Consumer,
    transport: &'a mut Transport,
    /// Browsers accept padded media packets. The decoders in halls may not.
    pads: bool,
    paces: bool,
    /// Bytes that redundant audio may need for each payload.
    more_bytes: usize,
}

impl Receiver<'_> {
    /// Return the content and numbers that are sent for a packet. None if nothing is sent.
    #[inline]
    fn content(&mut self, verdict: Verdict, entry: &Entry, now_us: u64) -> Option<(Offsets, Content)> {
        match verdict {
            Verdict::Send(offsets) => Some((offsets, Content::Whole)),
            Verdict::Fill(offsets) => {
                let sequence = entry.sequence.wrapping_add(offsets.sequence);
                (self.paces && self.consumer.outgoing.is_unsent(sequence) && self.consumer.budget.may_fill(now_us))
                    .then_some((offsets, Content::Nothing))
            }
            Verdict::Leave => None,
        }
    }

    #[inline]
    fn packet<'p>(
        &self,
        (cache, entry): (&'p Cache, &'p Entry),
        padding: u8,
        (offsets, content): (Offsets, Content),
    ) -> Packet<'p> {
        let padding = match content {
            Content::Nothing => 1,
            _ if self.pads => padding,
            _ => 0,
        };
        let timestamp = self.consumer.continuity.timestamp(entry.timestamp);
        let marker = content != Content::Nothing && (entry.marker || self.consumer.ends_picture(entry));
        Packet { cache, entry, offsets, padding, content, timestamp, marker }
    }
}

impl Feed<'_> {
    fn run<S: Sink>(
        &self,
        (key, consumer): (ConsumerKey, &mut Consumer),
        transport: &mut Transport,
        planned: Planned,
        out: &mut Outbox<S>,
    ) -> Fed {
        let mut fed = Fed::default();
        let Some(cache) = &self.producer.layers[self.layer as usize].cache else { return fed };
        consumer.outgoing.remember(cache);
        let pads = transport.line().is_none();
        let returns = consumer.meet(self.producer.voice.entrance(Audience::of(!pads)));
        let paces = pads && consumer.video;
        if paces {
            transport.pacer.settle(transport.estimator.available_bps(self.now_us), self.now_us);
        }
        let more_bytes = consumer.red.bytes_max();
        let mut to = Receiver { key, consumer, transport, pads, paces, more_bytes };
        for run in planned.runs {
            self.send_run(&mut to, cache, &planned.pending[run.start..run.end], &mut fed, out);
        }
        if fed.switched {
            transport.report_due_us = transport.report_due_us.min(self.now_us);
            fed.switched = !returns;
        }
        transport.count_sent(fed.packets, fed.bytes);
        fed
    }

    fn send_run<S: Sink>(
        &self,
        to: &mut Receiver,
        cache: &Cache,
        pending: &[Pending],
        fed: &mut Fed,
        out: &mut Outbox<S>,
    ) {
        let longest = pending.iter().map(|p| p.size() + PACKET_OVERHEAD_MAX).max().unwrap_or(0);
        out.reserve((longest + to.more_bytes) * pending.len());
        let video = to.consumer.video;
        let mut burst = Burst::default();
        for waiting in pending {
            let Some(entry) = cache.get(waiting.sequence) else { continue };
            if to.consumer.single_nal && to.consumer.refuses(cache.payload(entry)) {
                fed.unfit |= to.consumer.turn_unfit();
                break;
            }
            let (verdict, switched) = self.decide(to.consumer, entry);
            fed.switched |= switched;
            let Some(content) = to.content(verdict, entry, self.now_us) else { continue };
            if to.more_bytes > 0 && burst.len() + longest + to.more_bytes > RUN_BYTES_MAX {
                burst.end(self.path, video, out);
            }
            let packet = to.packet((cache, entry), waiting.padding, content);
            if to.paces && to.transport.pacer.is_full() {
                fed.waits |= packet.wait((to.key, to.consumer), self.layer, &mut to.transport.pacer);
                continue;
            }
            let space = &mut out.space()[burst.len()..];
            let Some(len) = packet.write(to.consumer, self.layer, to.transport, self.now_us, space) else { continue };
            to.transport.pacer.spend(len);
            fed.count(len, packet.padding);
            match packet.content {
                Content::Nothing => to.consumer.count_filler(len),
                _ => to.consumer.count(len, self.now_us),
            }
            burst.add(len, self.path, video, out);
        }
        burst.end(self.path, video, out);
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

/// Return the timestamp step by our own clock. It is at least one tick, so that timestamps always advance.
fn arrival_step(elapsed_us: u64, clock_hz: u32) -> u32 {
    ((u128::from(elapsed_us) * u128::from(clock_hz) / 1_000_000) as u32).max(1)
}

/// Return the time between two packets of different layers, by the publisher's sender reports. None if there are no reports, or
/// the step is implausible.
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
