//! Spreads over time what would be too much at once for the way to a peer: frames go out in runs as they are, and only
//! what exceeds a burst waits. Voices never wait. Sends the padding of probes too.
//!
//! A packet that waits has its numbers already; it is written when it goes out, from the producer's cache.

use std::collections::VecDeque;

use crate::forward::{Burst, Packet};
use crate::outbox::{Outbox, Sink};
use crate::sent::{Content, Sent};
use crate::shard::Shard;

/// What waits is looked at this often.
pub const PACE_US: u64 = 5_000;
/// Against the bitrate that the way carries.
const TIMES: f64 = 2.5;
/// Where nothing is known of the way.
const BPS_UNKNOWN: f64 = 40e6;
/// Sent at once: so long at the pacer's bitrate, between these bounds.
const BURST_US: f64 = 20_000.0;
const BURST_BYTES: (f64, f64) = (2_400.0, 15_000.0);
/// However much waits, it is gone after this time.
const WAIT_US_MAX: f64 = 250_000.0;
/// What comes while so many wait goes out at once.
pub const WAITING_MAX: usize = 1_024;
/// Padding packets of one transport at a time.
const PADDING_PACKETS_MAX: usize = 64;
/// A probe is padded when at least so much is missing.
const PADDING_BYTES_MIN: usize = 200;
/// Of packets that are nothing else.
const PADDING_ONLY: u8 = 224;
/// A probe repeats the last so many packets of a stream.
const REPEATED: u16 = 24;
const SPACE: usize = 2_048;

#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    pub consumer: usize,
    pub sent: Sent,
    pub timestamp: u32,
    pub bytes: u16,
}

#[derive(Debug, Default)]
pub struct Pacer {
    debt_bytes: f64,
    burst_bytes: f64,
    at_us: u64,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// It is among those that the shard looks at.
    pub listed: bool,
}

impl Pacer {
    /// What was sent before has gone on its way as far as `available_bps` lets it.
    #[inline]
    pub fn settle(&mut self, available_bps: Option<u64>, now_us: u64) {
        let known = available_bps.map_or(BPS_UNKNOWN, |bps| bps as f64 * TIMES);
        let bps = known.max(self.waiting_bytes as f64 * 8e6 / WAIT_US_MAX);
        let elapsed_us = now_us.saturating_sub(self.at_us) as f64;
        self.at_us = now_us;
        self.debt_bytes = (self.debt_bytes - bps * elapsed_us / 8e6).max(0.0);
        self.burst_bytes = (bps * BURST_US / 8e6).clamp(BURST_BYTES.0, BURST_BYTES.1);
    }

    #[inline]
    pub fn spend(&mut self, bytes: usize) {
        self.debt_bytes += bytes as f64;
    }

    /// The next packet has to wait.
    #[inline]
    pub fn is_full(&self) -> bool {
        (self.debt_bytes >= self.burst_bytes || !self.waiting.is_empty()) && self.waiting.len() < WAITING_MAX
    }

    pub fn put(&mut self, waiting: Waiting) {
        self.waiting_bytes += usize::from(waiting.bytes);
        self.waiting.push_back(waiting);
    }

    fn take(&mut self) -> Option<Waiting> {
        if self.debt_bytes >= self.burst_bytes {
            return None;
        }
        let waiting = self.waiting.pop_front()?;
        self.waiting_bytes -= usize::from(waiting.bytes);
        Some(waiting)
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// This consumer is gone, or has another source.
    pub fn forget(&mut self, consumer: usize) {
        self.waiting.retain(|waiting| waiting.consumer != consumer);
        self.waiting_bytes = self.waiting.iter().map(|waiting| usize::from(waiting.bytes)).sum();
    }

    pub fn memory_bytes(&self) -> usize {
        self.waiting.capacity() * size_of::<Waiting>()
    }
}

impl Shard {
    /// Something of this transport waits or is probed: it is looked at soon.
    pub(crate) fn pace(&mut self, transport: usize, now_us: u64) {
        let pacer = &mut self.transports[transport].pacer;
        if !std::mem::replace(&mut pacer.listed, true) {
            self.paced.push(transport);
        }
        self.pace_us = self.pace_us.min(now_us + PACE_US);
    }

    pub(crate) fn tick_pacers<S: Sink>(&mut self, now_us: u64, out: &mut Outbox<S>) {
        let mut paced = std::mem::take(&mut self.paced);
        paced.retain(|key| {
            self.release(*key, now_us, out);
            self.pad(*key, now_us, out);
            let Some(transport) = self.transports.get_mut(*key) else { return false };
            let is_waiting = !transport.pacer.is_empty() || transport.estimator.padding_bytes(now_us).is_some();
            transport.pacer.listed = is_waiting && transport.destination().is_some();
            transport.pacer.listed
        });
        self.pace_us = if paced.is_empty() { u64::MAX } else { now_us + PACE_US };
        self.paced = paced;
    }

    /// What may go out by now goes out, in the order that it came.
    fn release<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        let Some(transport) = self.transports.get_mut(key) else { return };
        let Some(path) = transport.destination() else { return };
        transport.pacer.settle(transport.estimator.available_bps(now_us), now_us);
        let mut burst = Burst::default();
        while let Some(waiting) = transport.pacer.take() {
            let consumer = &mut self.consumers[waiting.consumer];
            let layer = &self.producers[consumer.producer].layers[usize::from(waiting.sent.layer())];
            let Some((cache, entry)) = layer.cache.as_ref().and_then(|c| Some((c, c.get(waiting.sent.source)?))) else {
                continue;
            };
            if burst.is_long() {
                burst.end(path, true, out);
            }
            if out.space().len() < SPACE + burst.len() {
                burst.end(path, true, out);
                out.reserve(SPACE);
            }
            let (offsets, timestamp) = (waiting.sent.offsets(), waiting.timestamp);
            let packet = Packet {
                cache,
                entry,
                offsets,
                padding: waiting.sent.padding,
                content: waiting.sent.content,
                timestamp,
                marker: waiting.sent.marker(),
            };
            let space = &mut out.space()[burst.len()..];
            let Some(len) = packet.write_noted(consumer, waiting.sent, transport, now_us, space) else { continue };
            match waiting.sent.content {
                Content::Nothing => consumer.count_filler(len),
                _ => consumer.count(len, now_us),
            }
            transport.count_sent(1, len as u64);
            transport.pacer.spend(len);
            burst.add(len, path, true, out);
        }
        burst.end(path, true, out);
    }

    /// What a probe is short of by now: packets of a stream once more, else nothing but padding.
    fn pad<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        for repeat in 0..PADDING_PACKETS_MAX as u16 {
            let Some(transport) = self.transports.get_mut(key) else { return };
            let due = transport.estimator.padding_bytes(now_us).unwrap_or(0);
            let Some(path) = transport.destination().filter(|_| due >= PADDING_BYTES_MIN) else { return };
            let consumers = &self.consumers;
            let candidates = || transport.consumers.iter().copied().filter(|at| consumers[*at].rtx().is_some());
            let running = candidates().find(|at| consumers[*at].current.is_some());
            let Some(at) = running.or_else(|| candidates().next()) else { return };
            let consumer = &mut self.consumers[at];
            let producer = &self.producers[consumer.producer];
            let space = out.reserve(SPACE);
            let written = consumer
                .sent_before(repeat % REPEATED)
                .filter(|sent| sent.content != Content::Nothing)
                .and_then(|sent| {
                    let cache = producer.layers.get(usize::from(sent.layer()))?.cache.as_ref()?;
                    let entry = cache.get(sent.source)?;
                    let timestamp = consumer.continuity.timestamp(entry.timestamp);
                    Some(Packet {
                        cache,
                        entry,
                        offsets: sent.offsets(),
                        padding: 0,
                        content: sent.content,
                        timestamp,
                        marker: sent.marker(),
                    })
                })
                .and_then(|packet| packet.write_rtx(consumer, transport, now_us, space));
            let written = written.or_else(|| consumer.write_padding(PADDING_ONLY, transport, now_us, space));
            let Some(len) = written else { return };
            out.push(path, len, len, true);
            transport.count_sent(1, len as u64);
            transport.pacer.spend(len);
            self.totals.probe_bytes += len as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(bytes: u16) -> Waiting {
        Waiting { consumer: 1, sent: Sent::default(), timestamp: 0, bytes }
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_bitrate() {
        let mut pacer = Pacer::default();
        pacer.settle(Some(1_000_000), 0);
        let mut at_once = 0;
        for _ in 0..100 {
            if pacer.is_full() {
                pacer.put(waiting(1_000));
            } else {
                pacer.spend(1_000);
                at_once += 1;
            }
        }
        assert_eq!(at_once, 7, "20 ms of 2.5 Mbit/s");
        let mut out = 0;
        for now_us in (PACE_US..=100_000).step_by(PACE_US as usize) {
            pacer.settle(Some(1_000_000), now_us);
            while pacer.take().is_some() {
                pacer.spend(1_000);
                out += 1;
            }
        }
        assert!((25..=40).contains(&out), "{out}");
    }

    #[test]
    fn nothing_waits_longer_than_it_may_however_narrow_the_way() {
        let mut pacer = Pacer::default();
        pacer.settle(Some(30_000), 0);
        (0..WAITING_MAX).for_each(|_| pacer.put(waiting(1_200)));
        assert!(!pacer.is_full(), "more than that goes out at once");
        for now_us in (PACE_US..1_500_000).step_by(PACE_US as usize) {
            pacer.settle(Some(30_000), now_us);
            while let Some(one) = pacer.take() {
                pacer.spend(usize::from(one.bytes));
            }
        }
        assert!(pacer.waiting.len() < 20, "{}", pacer.waiting.len());
    }

    #[test]
    fn a_consumer_that_is_gone_waits_no_longer() {
        let mut pacer = Pacer::default();
        pacer.put(waiting(100));
        pacer.put(Waiting { consumer: 2, ..waiting(50) });
        pacer.forget(1);
        assert_eq!((pacer.waiting.len(), pacer.waiting_bytes), (1, 50));
    }
}
