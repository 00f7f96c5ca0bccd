"""The media side of this process: the packet plane with its sockets, the certificate, and the dispatch of its events."""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any, Literal

import ifaddr

from media.ground import limits, stats
from media.ground.endings import Endings
from media.ground.library import load_plane
from media.ground.numbers import Numbers
from media.ground.parameters import Candidate
from media.ground.seam import Seam
from media.node.placement import Placement
from media.node.router import Router
from media.peers.handshake import Certificate
from media.peers.peer import Endpoint, Peer

if TYPE_CHECKING:
    from media._plane import Plane

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """The settings of a node. `udp` and `tcp` are (address, port) pairs; port 0 means any free port.

    `announced` are the IP literals in the candidates. If it is empty, these are the bound addresses, and for a wildcard address
    those of all interfaces. With `local_only`, UDP accepts packets only from this machine.
    """

    udp: Sequence[tuple[str, int]]
    tcp: Sequence[tuple[str, int]] = ()
    announced: Sequence[str] = ()
    shards: int = 1
    gather_us: int = 1000
    gso: bool = True
    local_only: bool = False
    voices: int = 0
    """Most voices of one conference that a peer receives at the same time, the loudest. 0: all."""
    tcp_strangers: int = 1024
    """Most TCP connections of one thread that have no answer from the server yet."""
    tcp_first_answer_ms: int = 10_000
    """Time that such a connection may wait for its first answer."""
    tcp_proved: int = 8192
    """Most TCP connections of one thread that have an answer."""


class Node:
    """The media side of one process. A node lives in one event loop, and every method is called from this loop."""

    def __init__(self, settings: NodeSettings, loop: asyncio.AbstractEventLoop, random: Random) -> None:
        plane: Plane = load_plane().Plane(
            udp=settings.udp,
            tcp=settings.tcp,
            shards=settings.shards,
            gather_us=settings.gather_us,
            gso=settings.gso,
            local_only=settings.local_only,
            tcp_strangers=settings.tcp_strangers,
            tcp_first_answer_ms=settings.tcp_first_answer_ms,
            tcp_proved=settings.tcp_proved,
        )
        self.seam = Seam(plane, loop, Endings(loop), Numbers(random))
        self.udp_ports = plane.udp_ports()
        self.tcp_ports = plane.tcp_ports()
        self.candidates = tuple(_candidates(settings, self.udp_ports, self.tcp_ports))
        self.certificate = Certificate.new()
        self._endpoint = Endpoint(self.certificate, self.certificate.fingerprint, self.candidates)
        self._placement = Placement(plane, settings.shards)
        self._voices = settings.voices
        self._routers: set[Router] = set()
        self._faults = 0
        self._event_fd = plane.event_fd()
        self._closed = False
        self.dead = False
        loop.add_reader(self._event_fd, self._take_events)

    @classmethod
    def open(cls, settings: NodeSettings, loop: asyncio.AbstractEventLoop, random: Random | None = None) -> Node:
        """Open a node. Raises `StaleLibrary`, `OSError` if a port is in use, and `ValueError` for settings out of range."""
        return cls(settings, loop, random or SystemRandom())

    def close(self) -> None:
        """Close every router, then the plane and its sockets. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for router in () if self.dead else tuple(self._routers):
            router.close()
        self.seam.endings.clear()
        self.seam.loop.remove_reader(self._event_fd)
        self.seam.plane.close()

    def open_router(self, shard: int | None = None) -> Router:
        """Open a router on `shard`, or on the shard with the least load. Its lines stay on this shard. Its peers do too, until
        the shard has too many.
        """
        if shard is None:
            shard = self._placement.for_conference()
        router = Router(self.seam, self._endpoint, self._placement, shard, self._forget_router)
        if self._voices:
            self.seam.plane.set_voices(router.id, self._voices)
        self._routers.add(router)
        self._placement.count_conference(shard, 1)
        return router

    def statistics(self) -> stats.Statistics:
        return stats.Statistics(self.seam.plane.snapshot())

    def shards(self) -> list[stats.ShardFigures]:
        """Return the figures of each packet thread."""
        return self._placement.shards()

    def links(self, peers: Iterable[Peer]) -> list[stats.Link | None]:
        """Return the quality of each peer's path in the last second, or None if no figures are known yet."""
        rows = {row[0]: row for row in self.seam.plane.snapshot().transports()}
        return [stats.Link(*row[5:9]) if (row := rows.get(peer.id)) is not None else None for peer in peers]

    def measurements(self) -> Mapping[str, int]:
        """Return the plane's totals, the number of routers, and `faults`, the number of our own errors in handling its events."""
        return {**self.seam.plane.snapshot().totals, "routers": len(self._routers), "faults": self._faults}

    def _forget_router(self, router: Router) -> None:
        self._routers.discard(router)
        self._placement.count_conference(router.shard, -1)

    # -- events of the plane

    def _take_events(self) -> None:
        try:
            self._take_some()
        except RuntimeError:
            # A shard thread stopped. The descriptor stays readable, so the reader would be called without end.
            logger.critical("a thread of the packet plane has stopped", exc_info=True)
            self.dead = True
            self.seam.loop.remove_reader(self._event_fd)

    def _take_some(self) -> None:
        for _ in range(limits.EVENTS_A_TURN // limits.EVENTS_A_POLL):
            events = self.seam.plane.poll(limits.EVENTS_A_POLL)
            for event in events:
                self._take_event(*event)
            if len(events) < limits.EVENTS_A_POLL:
                return
        self.seam.loop.call_soon(self._take_more)

    def _take_more(self) -> None:
        if not self._closed:
            self._take_events()

    def _take_event(self, name: str, number: int, *values: Any) -> None:
        """Pass an event to its object. An event for an object that has just closed is dropped."""
        receiver = self.seam.receivers.get(number)
        if receiver is None:
            return
        try:
            receiver.take_event(name, *values)
        except Exception:
            # This is a bug of our own. The other conferences must continue.
            self._faults += 1
            logger.exception("event %s of the packet plane could not be handled", name)


def _candidates(settings: NodeSettings, udp_ports: list[int], tcp_ports: list[int]) -> Iterator[Candidate]:
    """Yield the host candidates (RFC 8445 §5.1.2). TCP is passive and has a lower priority than all UDP (RFC 6544 §4.2)."""
    foundation = itertools.count(1)
    protocols: tuple[tuple[Literal["udp", "tcp"], Sequence[tuple[str, int]], list[int], int], ...] = (
        ("udp", settings.udp, udp_ports, 126 << 24),
        ("tcp", settings.tcp, tcp_ports, 90 << 24),
    )
    for protocol, entries, ports, preference in protocols:
        seen: set[tuple[str, int]] = set()
        for (address, _), port in zip(entries, ports, strict=True):
            for announced in _announced(address, settings.announced):
                if (announced, port) not in seen:
                    priority = preference | (65535 - len(seen)) << 8 | 255
                    seen.add((announced, port))
                    yield Candidate(protocol, announced, port, next(foundation), priority)


def _announced(bound: str, announced: Sequence[str]) -> list[str]:
    address = ipaddress.ip_address(bound)
    if announced:
        literals = [ipaddress.ip_address(text) for text in announced]
        return [str(one) for one in literals if one.version == address.version]
    return [str(address)] if not address.is_unspecified else _interface_addresses(address.version)


def _interface_addresses(version: int) -> list[str]:
    """Return the addresses of all interfaces without link-local addresses. Loopback addresses are used only if there is no
    other.
    """
    texts = [ip.ip if isinstance(ip.ip, str) else ip.ip[0] for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    found = [one for one in map(ipaddress.ip_address, texts) if one.version == version and not one.is_link_local]
    return [str(one) for one in found if not one.is_loopback] or [str(one) for one in found]
