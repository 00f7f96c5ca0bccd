//! One snapshot a second: plain numbers for the control side. Fields mean what `_plane.pyi` says.

use crate::seam::snapshot::{ConsumerStats, LayerStats, Snapshot, Totals, TransportStats};
use crate::shard::Shard;
use crate::shard::tables::consumer::Consumer;
use crate::shard::tables::producer::Producer;
use crate::shard::tables::transport::Transport;

impl Shard {
    /// The figures of the last second.
    pub fn snapshot(&mut self, now_us: u64) -> Snapshot {
        let elapsed_us = now_us.saturating_sub(self.snapshot_us);
        self.snapshot_us = now_us;
        for (_, producer) in &mut self.producers {
            producer.layers.iter_mut().for_each(|layer| layer.measure(elapsed_us));
        }
        Snapshot {
            taken_at_us: now_us,
            totals: self.count_totals(),
            // Mirrors are in the figures of their own shards.
            transports: self.own_transports().map(|t| self.transport_stats(t, now_us)).collect(),
            producers: self.own_producers().flat_map(layer_stats).collect(),
            consumers: self.consumers.iter().map(|(_, c)| consumer_stats(c)).collect(),
        }
    }

    fn own_transports(&self) -> impl Iterator<Item = &Transport> {
        self.transports.iter().map(|(_, transport)| transport).filter(|transport| !transport.is_mirror())
    }

    fn own_producers(&self) -> impl Iterator<Item = &Producer> {
        let producers = self.producers.iter().map(|(_, producer)| producer);
        producers.filter(|producer| !self.transports[producer.transport].is_mirror())
    }

    fn count_totals(&self) -> Totals {
        let caches: usize = self.producers.iter().map(|(_, p)| p.memory_bytes()).sum();
        let logs: usize = self.consumers.iter().map(|(_, c)| size_of::<Consumer>() + c.sent.memory_bytes()).sum();
        let transports: usize = self.transports.iter().map(|(_, t)| t.memory_bytes()).sum();
        Totals {
            transports: self.own_transports().count() as u64,
            producers: self.own_producers().count() as u64,
            consumers: self.consumers.len() as u64,
            memory_bytes: (caches + logs + transports) as u64,
            ..self.totals
        }
    }

    fn transport_stats(&self, transport: &Transport, now_us: u64) -> TransportStats {
        let worst = |losses: &mut dyn Iterator<Item = f32>| losses.fold(0.0, f32::max);
        let layers = transport.producers.iter().flat_map(|p| &self.producers[*p].layers);
        let consumers = transport.consumers.iter().map(|c| &self.consumers[*c]);
        let jitter_ms = |c: &Consumer| c.jitter as f32 * 1_000.0 / c.clock_hz.max(1) as f32;
        TransportStats {
            transport: transport.id,
            received_packets: transport.received_packets,
            received_bytes: transport.received_bytes,
            sent_packets: transport.sent_packets,
            sent_bytes: transport.sent_bytes,
            up_loss: worst(&mut layers.map(|l| l.reception.fraction_lost)),
            down_loss: worst(&mut consumers.clone().map(|c| c.fraction_lost)),
            rtt_ms: transport.rtt_us.map_or(-1.0, |rtt| rtt as f32 / 1_000.0),
            down_jitter_ms: worst(&mut consumers.map(jitter_ms)),
            down_bps: transport.estimator.available_bps(now_us).unwrap_or(0),
        }
    }
}

fn layer_stats(producer: &Producer) -> impl Iterator<Item = LayerStats> {
    producer.layers.iter().enumerate().filter(|(_, layer)| layer.packets > 0).map(|(index, layer)| LayerStats {
        producer: producer.id,
        layer: index as u8,
        packets: layer.packets,
        bitrate_bps: layer.bitrate_bps,
        jitter_ms: layer.reception.jitter_us() as f32 / 1_000.0,
    })
}

fn consumer_stats(consumer: &Consumer) -> ConsumerStats {
    ConsumerStats {
        consumer: consumer.id,
        layer: consumer.layer().map_or(-1, |layer| layer as i8),
        packets: consumer.packets,
        bytes: consumer.bytes,
        lost: consumer.lost,
        resent: consumer.resent,
        keyframes_asked: consumer.keyframes_asked,
        lowered: consumer.lowered,
    }
}
