//! The hot loop: what one layer gathered goes to each consumer as GSO runs, rewritten and sealed in the outbox.

use crate::path::Path;
use crate::seam::event::Event;
use crate::seam::outbox::{Outbox, RUN_BYTES_MAX, Sink};
use crate::seam::snapshot::Totals;
use crate::shard::Shard;
use crate::shard::packet::{Burst, Packet};
use crate::shard::tables::consumer::{Consumer, Verdict};
use crate::shard::tables::pacer::PACE_US;
use crate::shard::tables::producer::{Beginning, Layer, PACKET_OVERHEAD_MAX, Pending, Producer, Run, plan};
use crate::shard::tables::transport::Transport;
use crate::stream::cache::Entry;
use crate::stream::sent_log::Content;
use crate::stream::sequence::{Continuity, Left};
use crate::stream::voice::Audience;

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
