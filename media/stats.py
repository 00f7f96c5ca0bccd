"""The typed view of the plane's snapshot: plain figures by the numbers of peers, producers and consumers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from media._plane import Snapshot


@dataclass(frozen=True, slots=True)
class PeerFigures:
    """Counters are totals; losses 0..1 and times are those of the last reports, -1: not known yet."""

    received_packets: int
    received_bytes: int
    sent_packets: int
    sent_bytes: int
    up_loss: float
    down_loss: float
    rtt_ms: float
    down_jitter_ms: float


@dataclass(frozen=True, slots=True)
class Link:
    """How the path of one peer fared lately. Losses 0..1; `rtt_ms` negative: not known."""

    up_loss: float
    down_loss: float
    rtt_ms: float
    jitter_ms: float


@dataclass(frozen=True, slots=True)
class LayerFigures:
    layer: int
    packets: int
    bitrate_bps: int
    jitter_ms: float


@dataclass(frozen=True, slots=True)
class ConsumerFigures:
    layer: int
    packets: int
    bytes: int
    lost_packets: int
    resent_packets: int
    keyframes_asked: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the last second; the keys are `Peer.id`, `Producer.id` and `Consumer.id`."""

    taken_at_us: int
    totals: Mapping[str, int]
    peers: Mapping[int, PeerFigures]
    producers: Mapping[int, list[LayerFigures]]
    consumers: Mapping[int, ConsumerFigures]


def read(snapshot: Snapshot) -> Statistics:
    layers: dict[int, list[LayerFigures]] = {}
    for producer, *figures in snapshot.producers():
        layer, packets, bitrate_bps, jitter_ms = figures
        layers.setdefault(producer, []).append(LayerFigures(int(layer), int(packets), int(bitrate_bps), jitter_ms))
    return Statistics(
        taken_at_us=snapshot.taken_at_us,
        totals=snapshot.totals,
        peers={row[0]: PeerFigures(*row[1:]) for row in snapshot.transports()},
        producers=layers,
        consumers={row[0]: ConsumerFigures(*row[1:]) for row in snapshot.consumers()},
    )
