"""A typed view of the plane's snapshot: plain figures by the number of a peer, producer or consumer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from media._plane import Snapshot


class PeerFigures(NamedTuple):
    """The figures of one peer. Counters are totals. Losses (0..1) and times are from the last reports; -1 means not known yet.
    They are made for all peers each second.
    """

    received_packets: int
    received_bytes: int
    sent_packets: int
    sent_bytes: int
    up_loss: float
    down_loss: float
    rtt_ms: float
    down_jitter_ms: float
    down_bps: int
    """The estimated bandwidth to the peer. 0: nothing limits the sending."""


@dataclass(frozen=True, slots=True)
class ShardFigures:
    """The figures of one packet thread. Counters are totals since the start. `packets_per_s` (received and sent) and `busy` are
    of the last second. `transports`, `memory_bytes` and `conferences` are current values.
    """

    packets_per_s: int
    busy: float
    """Share of the last second for which the thread ran, 0..1."""
    received_packets: int
    sent_packets: int
    handed_over: int
    """Datagrams that the kernel gave to this thread for a peer of another shard, and that this thread passed on."""
    handover_drops: int
    kernel_drops: int
    transports: int
    memory_bytes: int
    conferences: int


@dataclass(frozen=True, slots=True)
class Link:
    """The quality of the path to one peer in the last second. Losses are 0..1. A negative `rtt_ms` means not known."""

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
    lowered: int
    """Times that the plane sent a lower layer, because the path to the peer had too little bandwidth."""


class Statistics:
    """The statistics of the last second. The keys are `Peer.id`, `Producer.id` and `Consumer.id`.

    Each table is made when it is first read. Consumers are as many as pairs of participants, and most callers need only the
    peers.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.taken_at_us = snapshot.taken_at_us

    @cached_property
    def totals(self) -> Mapping[str, int]:
        return self._snapshot.totals

    @cached_property
    def peers(self) -> Mapping[int, PeerFigures]:
        return {row[0]: PeerFigures(*row[1:]) for row in self._snapshot.transports()}

    @cached_property
    def producers(self) -> Mapping[int, list[LayerFigures]]:
        layers: dict[int, list[LayerFigures]] = {}
        for producer, layer, packets, bitrate_bps, jitter_ms in self._snapshot.producers():
            layers.setdefault(producer, []).append(LayerFigures(layer, packets, bitrate_bps, jitter_ms))
        return layers

    @cached_property
    def consumers(self) -> Mapping[int, ConsumerFigures]:
        return {row[0]: ConsumerFigures(*row[1:]) for row in self._snapshot.consumers()}
