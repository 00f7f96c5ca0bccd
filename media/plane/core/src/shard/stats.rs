//! The statistics that the control side gets once a second. `_plane.pyi` says what the fields mean.

use crate::seam::snapshot::{ConsumerStats, LayerStats, Snapshot, Totals, TransportStats};
use crate::shard::tables::Tables;
use crate::shard::tables::consumer::Consumer;
use crate::shard::tables::producer::Producer;
use crate::shard::tables::transport::Transport;

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

/// Return the statistics of the last second.
pub(crate) fn snapshot(tables: &mut Tables, totals: &Totals, (elapsed_us, now_us): (u64, u64)) -> Snapshot {
    for (_, producer) in tables.producers.iter_mut() {
        producer.layers.iter_mut().for_each(|layer| layer.measure(elapsed_us));
    }
    Snapshot {
        taken_at_us: now_us,
        totals: count_totals(tables, totals),
        // A mirror is counted on the shard of its publisher, so it is left out here.
        transports: own_transports(tables).map(|t| transport_stats(tables, t, now_us)).collect(),
        producers: own_producers(tables).flat_map(layer_stats).collect(),
        consumers: tables.consumers.iter().map(|(_, c)| consumer_stats(c)).collect(),
    }
}

pub(crate) fn own_transports(tables: &Tables) -> impl Iterator<Item = &Transport> {
    tables.transports.iter().map(|(_, transport)| transport).filter(|transport| !transport.is_mirror())
}

pub(crate) fn own_producers(tables: &Tables) -> impl Iterator<Item = &Producer> {
    let producers = tables.producers.iter().map(|(_, producer)| producer);
    producers.filter(|producer| !tables.transports[producer.transport].is_mirror())
}

pub(crate) fn count_totals(tables: &Tables, totals: &Totals) -> Totals {
    let caches: usize = tables.producers.iter().map(|(_, p)| p.memory_bytes()).sum();
    let logs: usize =
        tables.consumers.iter().map(|(_, c)| size_of::<Consumer>() + c.outgoing.sent.memory_bytes()).sum();
    let transports: usize = tables.transports.iter().map(|(_, t)| t.memory_bytes()).sum();
    Totals {
        transports: own_transports(tables).count() as u64,
        producers: own_producers(tables).count() as u64,
        consumers: tables.consumers.len() as u64,
        memory_bytes: (caches + logs + transports) as u64,
        ..*totals
    }
}

pub(crate) fn transport_stats(tables: &Tables, transport: &Transport, now_us: u64) -> TransportStats {
    let worst = |losses: &mut dyn Iterator<Item = f32>| losses.fold(0.0, f32::max);
    let layers = transport.producers.iter().flat_map(|p| &tables.producers[*p].layers);
    let consumers = transport.consumers.iter().map(|c| &tables.consumers[*c]);
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
