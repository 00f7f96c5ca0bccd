"""The typed view of the plane's snapshot: plain figures by the numbers of peers, producers and consumers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from media._plane import Snapshot


class PeerFigures(NamedTuple):
    """Made of everybody each second. Counters are totals; losses 0..1 and times are those of the last reports, -1: not known
    yet.
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
    """What the way to the peer is believed to carry; 0: nothing limits what is sent."""


@dataclass(frozen=True, slots=True)
class ShardFigures:
    """Of one packet thread; totals since the start, but for `packets_per_s` (received and sent), `busy` (both of the last
    second) and what is open now."""

    packets_per_s: int
    busy: float
    """Share of the last second for which the thread ran, 0..1."""
    received_packets: int
    sent_packets: int
    handed_over: int
    """Datagrams of other shards' peers that the kernel gave to this one and that went on to theirs."""
    handover_drops: int
    kernel_drops: int
    transports: int
    memory_bytes: int
    conferences: int


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
    lowered: int
    """How often less was sent of what there was because the way to the peer did not carry it."""


class Statistics:
    """Of the last second; the keys are `Peer.id`, `Producer.id` and `Consumer.id`. Each table is made when it is first read:
    there are as many consumers as pairs of participants, and most readers want the peers.
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
