//! The statistics of all shards for Python. `_plane.pyi` explains the figures.

use crate::thread::Published;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::sync::Arc;

#[pyclass(frozen, module = "media._plane")]
pub struct Snapshot {
    shards: Vec<Arc<Published>>,
    outside: Outside,
}

/// The counters that do not belong to a shard thread.
#[derive(Clone, Copy)]
pub struct Outside {
    pub stale_commands: u64,
    pub events_dropped: u64,
    pub gso: bool,
}

impl Snapshot {
    pub fn new(shards: Vec<Arc<Published>>, outside: Outside) -> Self {
        Snapshot { shards, outside }
    }

    fn totals_list(&self) -> [(&'static str, u64); 39] {
        let totals = |field: fn(&plane_core::seam::snapshot::Totals) -> u64| {
            self.shards.iter().map(|shard| field(&shard.snapshot.totals)).sum::<u64>()
        };
        let counters = |field: fn(&plane_udp::Counters) -> u64| {
            self.shards.iter().map(|shard| field(&shard.counters)).sum::<u64>()
        };
        [
            ("received_packets", counters(|of| of.received_packets)),
            ("received_bytes", counters(|of| of.received_bytes)),
            ("sent_packets", counters(|of| of.sent_packets)),
            ("sent_bytes", counters(|of| of.sent_bytes)),
            ("send_calls", counters(|of| of.send_calls)),
            ("sent_runs", counters(|of| of.sent_runs)),
            ("runs_1", counters(|of| of.runs[0])),
            ("runs_2", counters(|of| of.runs[1])),
            ("runs_4", counters(|of| of.runs[2])),
            ("runs_8", counters(|of| of.runs[3])),
            ("runs_16", counters(|of| of.runs[4])),
            ("runs_32", counters(|of| of.runs[5])),
            ("batches_1", counters(|of| of.batches[0])),
            ("batches_2", counters(|of| of.batches[1])),
            ("batches_4", counters(|of| of.batches[2])),
            ("batches_8", counters(|of| of.batches[3])),
            ("batches_16", counters(|of| of.batches[4])),
            ("batches_32", counters(|of| of.batches[5])),
            ("batches_64", counters(|of| of.batches[6])),
            ("padding_bytes", totals(|of| of.padding_bytes)),
            ("probe_bytes", totals(|of| of.probe_bytes)),
            ("unheard_packets", totals(|of| of.unheard_packets)),
            ("stranger_datagrams", totals(|of| of.stranger_datagrams)),
            ("bad_stun", totals(|of| of.bad_stun)),
            ("bad_srtp", totals(|of| of.bad_srtp)),
            ("replayed", totals(|of| of.replayed)),
            ("malformed", totals(|of| of.malformed) + counters(|of| of.refused)),
            ("excess_packets", totals(|of| of.excess_packets)),
            ("kernel_drops", counters(|of| of.kernel_drops)),
            ("send_drops", counters(|of| of.send_drops)),
            ("handed_over", totals(|of| of.handed_over)),
            ("handover_drops", totals(|of| of.handover_drops)),
            ("stale_commands", totals(|of| of.stale_commands) + self.outside.stale_commands),
            ("events_dropped", self.outside.events_dropped),
            ("gso", u64::from(self.outside.gso)),
            ("transports", totals(|of| of.transports)),
            ("producers", totals(|of| of.producers)),
            ("consumers", totals(|of| of.consumers)),
            ("memory_bytes", totals(|of| of.memory_bytes)),
        ]
    }
}

/// Microseconds. Chosen. Each packet thread publishes its load once a second while it has work; older figures are reported as
/// 0. Larger: an idle thread shows an old load to the operator, and gets no new conference for that time. Smaller: a thread
/// that publishes late shows no load, and gets too many conferences.
const RATE_US: u64 = 2_500_000;

type ShardRow = (u64, f32, u64, u64, u64, u64, u64, u64, u64);

type TransportRow = (u32, u64, u64, u64, u64, f32, f32, f32, f32, u64);
type ConsumerRow = (u32, i8, u64, u64, i64, u64, u64, u64);

#[pymethods]
impl Snapshot {
    /// Return the time of the oldest snapshot among the shards, in microseconds of the monotonic clock.
    #[getter]
    fn taken_at_us(&self) -> u64 {
        self.shards.iter().map(|shard| shard.snapshot.taken_at_us).min().unwrap_or(0)
    }

    #[getter]
    fn totals<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let totals = PyDict::new(py);
        for (name, value) in self.totals_list() {
            totals.set_item(name, value)?;
        }
        Ok(totals)
    }

    fn shards(&self) -> Vec<ShardRow> {
        let row = |of: &Arc<Published>| {
            let (totals, counters) = (of.snapshot.totals, of.counters);
            let is_recent = plane_udp::now_us().saturating_sub(of.snapshot.taken_at_us) < RATE_US;
            let (per_s, busy) = if is_recent { (of.packets_per_s, of.busy) } else { (0, 0.0) };
            let (received, sent, kernel_drops) =
                (counters.received_packets, counters.sent_packets, counters.kernel_drops);
            let (handed_over, handover_drops) = (totals.handed_over, totals.handover_drops);
            let (transports, memory_bytes) = (totals.transports, totals.memory_bytes);
            (per_s, busy, received, sent, handed_over, handover_drops, kernel_drops, transports, memory_bytes)
        };
        self.shards.iter().map(row).collect()
    }

    fn transports(&self) -> Vec<TransportRow> {
        let all = self.shards.iter().flat_map(|shard| &shard.snapshot.transports);
        all.map(|of| {
            let counts = (of.received_packets, of.received_bytes, of.sent_packets, of.sent_bytes);
            let (up, down, rtt_ms, jitter_ms) = (of.up_loss, of.down_loss, of.rtt_ms.max(-1.0), of.down_jitter_ms);
            (of.transport, counts.0, counts.1, counts.2, counts.3, up, down, rtt_ms, jitter_ms, of.down_bps)
        })
        .collect()
    }

    fn producers(&self) -> Vec<(u32, u8, u64, u64, f32)> {
        let all = self.shards.iter().flat_map(|shard| &shard.snapshot.producers);
        all.map(|of| (of.producer, of.layer, of.packets, of.bitrate_bps, of.jitter_ms)).collect()
    }

    fn consumers(&self) -> Vec<ConsumerRow> {
        let all = self.shards.iter().flat_map(|shard| &shard.snapshot.consumers);
        all.map(|of| {
            let counts = (of.resent, of.keyframes_asked, of.lowered);
            (of.consumer, of.layer, of.packets, of.bytes, of.lost, counts.0, counts.1, counts.2)
        })
        .collect()
    }
}
