"""The media side of this process: the packet plane with its sockets, the certificate, and who its events are for.

The only importer of `media._plane`.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import itertools
import logging
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Any, Literal

import ifaddr

from media.ground import limits, stats
from media.ground.endings import Endings
from media.ground.errors import StaleLibrary
from media.ground.parameters import Candidate, Codec, Credentials, Encoding, Kind
from media.node import placement
from media.node.placement import Load
from media.node.router import Router
from media.peers.handshake import Certificate
from media.tracks.producer import Producer

if TYPE_CHECKING:
    from types import ModuleType

    from media import _plane
    from media.lines.line import Line, LineConsumer
    from media.peers.peer import Peer
    from media.peers.transport import Transport
    from media.tracks.consumer import Consumer

logger = logging.getLogger(__name__)

_ICE_CHARACTERS = string.ascii_letters + string.digits
_SOURCES = Path(__file__).parents[1] / "plane"


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """`udp` and `tcp` are (address, port) entries, port 0 takes a free one. `announced` are the IP literals that
    candidates name; empty: the bound addresses, and for a wildcard those of all interfaces. `local_only`: by UDP nobody but
    this machine gets in."""

    udp: Sequence[tuple[str, int]]
    tcp: Sequence[tuple[str, int]] = ()
    announced: Sequence[str] = ()
    shards: int = 1
    gather_us: int = 1000
    gso: bool = True
    local_only: bool = False
    voices: int = 0
    """Of one conference sent to a peer at once, the loudest; 0: all."""
    tcp_strangers: int = 1024
    """TCP connections of one thread without an answer of ours."""
    tcp_first_answer_ms: int = 10_000
    """Time of such a connection."""
    tcp_proved: int = 8192
    """TCP connections of one thread that were answered."""


class Node:
    """One per process. Lives in one event loop; every method is called from it."""

    def __init__(self, settings: NodeSettings, loop: asyncio.AbstractEventLoop, random: Random) -> None:
        native = load_plane()
        self.loop = loop
        self.random = random
        self.certificate = Certificate.new()
        self.fingerprint = self.certificate.fingerprint
        self.plane: _plane.Plane = native.Plane(
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
        self.udp_ports = self.plane.udp_ports()
        self.tcp_ports = self.plane.tcp_ports()
        self.candidates = tuple(_candidates(settings, self.udp_ports, self.tcp_ports))
        self.transports: dict[int, Transport] = {}
        self.producers: dict[int, Producer] = {}
        self.consumers: dict[int, Consumer] = {}
        self.lines: dict[int, Line] = {}
        self.line_consumers: dict[int, LineConsumer] = {}
        self.endings = Endings(loop)
        self._voices = settings.voices
        self._routers: dict[int, Router] = {}
        self._numbers = itertools.count(1)
        self._shards = settings.shards
        self._conferences = Counter[int]()
        self._participants = Counter[int]()
        self._faults = 0
        self._event_fd = self.plane.event_fd()
        self._closed = False
        self.dead = False
        loop.add_reader(self._event_fd, self._take_events)

    @classmethod
    def open(cls, settings: NodeSettings, loop: asyncio.AbstractEventLoop, random: Random | None = None) -> Node:
        """Raises `StaleLibrary`, `OSError` when a port is taken, `ValueError` for settings out of range."""
        return cls(settings, loop, random or SystemRandom())

    def close(self) -> None:
        """Ends every router, then the plane and its sockets. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for router in () if self.dead else tuple(self._routers.values()):
            router.close()
        self.endings.clear()
        self.loop.remove_reader(self._event_fd)
        self.plane.close()

    def open_router(self, shard: int | None = None) -> Router:
        """On the least loaded shard, unless one is told. Its lines live there, and its peers until it is too much for one."""
        if shard is None:
            shard = placement.least_loaded(self._loads()) if self._shards > 1 else 0
        router = Router(self, self.new_number(), shard)
        self.plane.open_router(router.id, shard)
        if self._voices:
            self.plane.set_voices(router.id, self._voices)
        self._routers[router.id] = router
        self._conferences[shard] += 1
        return router

    def statistics(self) -> stats.Statistics:
        return stats.Statistics(self.plane.snapshot())

    def shards(self) -> list[stats.ShardFigures]:
        """Of each packet thread."""
        rows = enumerate(self.plane.snapshot().shards())
        return [stats.ShardFigures(*row, self._conferences[shard]) for shard, row in rows]

    def links(self, peers: Iterable[Peer]) -> list[stats.Link | None]:
        """How the path of each peer fared in the last second; None: nothing known yet."""
        rows = {row[0]: row for row in self.plane.snapshot().transports()}
        return [stats.Link(*row[5:9]) if (row := rows.get(peer.id)) is not None else None for peer in peers]

    def measurements(self) -> Mapping[str, int]:
        """The plane's totals, and `faults`: errors of our own in handling its events."""
        return {**self.plane.snapshot().totals, "routers": len(self._routers), "faults": self._faults}

    # -- for the other files of `media`

    def new_number(self) -> int:
        """Never twice in a process; 2**32 of them last for years."""
        return next(self._numbers)

    def new_ssrc(self) -> int:
        return self.random.randrange(1, 1 << 32)

    def place_peer(self, router: Router) -> int:
        """The shard for one more peer."""
        if self._shards == 1:
            return 0
        return placement.for_peer(router.shard, router.sizes[router.shard], self._loads())

    def note_participant(self, shard: int, change: Literal[1, -1]) -> None:
        """A peer or line came or went there."""
        self._participants[shard] += change

    def new_credentials(self, shard: int) -> Credentials:
        """The first character of our ufrag names the shard."""
        first = _ICE_CHARACTERS[shard]
        return Credentials(
            first + "".join(self.random.choices(_ICE_CHARACTERS, k=11)),  # 65 bits
            "".join(self.random.choices(_ICE_CHARACTERS, k=24)),  # 142 bits; RFC 8839 asks for 128
        )

    def open_producer(
        self, transport: int, kind: Kind, mid: str, codecs: tuple[Codec, ...], encodings: tuple[Encoding, ...]
    ) -> Producer:
        producer = Producer(self.plane, self.endings, self.new_number(), kind, codecs, encodings, self._forget_producer)
        self.plane.open_producer(
            transport,
            producer.id,
            kind,
            mid,
            [(encoding.rid, encoding.ssrc, encoding.rtx_ssrc) for encoding in encodings],
            [(codec.payload_type, codec.name, codec.clock_hz, codec.rtx) for codec in codecs],
        )
        self.producers[producer.id] = producer
        return producer

    def forget_router(self, router: Router) -> None:
        self.endings.end(self.plane.close_router, router.id)
        if self._routers.pop(router.id, None) is not None:
            self._conferences[router.shard] -= 1

    def _forget_producer(self, producer: Producer) -> None:
        self.producers.pop(producer.id, None)

    def _loads(self) -> list[Load]:
        return [
            Load(figures.packets_per_s, self._participants[shard], figures.conferences, figures.busy)
            for shard, figures in enumerate(self.shards())
        ]

    # -- events of the plane

    def _take_events(self) -> None:
        try:
            self._take_some()
        except RuntimeError:
            # Its shard thread stopped. The descriptor stays readable: looking again would never end.
            logger.critical("the packet plane is dead", exc_info=True)
            self.dead = True
            self.loop.remove_reader(self._event_fd)

    def _take_some(self) -> None:
        for _ in range(limits.EVENTS_A_TURN // limits.EVENTS_A_POLL):
            events = self.plane.poll(limits.EVENTS_A_POLL)
            for event in events:
                self._take_event(event)
            if len(events) < limits.EVENTS_A_POLL:
                return
        self.loop.call_soon(self._take_more)

    def _take_more(self) -> None:
        if not self._closed:
            self._take_events()

    def _take_event(self, event: tuple[Any, ...]) -> None:
        """An event for something that has closed a moment ago is dropped."""
        try:
            self._dispatch(*event)
        except Exception:
            # Our own bug: it must not take the other conferences with it.
            self._faults += 1
            logger.exception("event %s of the plane", event[0])

    def _dispatch(self, name: str, number: int, *rest: Any) -> None:
        if name == "dtls":
            if transport := self.transports.get(number):
                transport.datagram_received(*rest)
        elif name == "ice":
            if transport := self.transports.get(number):
                transport.ice_event(*rest)
        elif name == "layer":
            if producer := self.producers.get(number):
                producer.layer_started(*rest)
        elif name in ("switched", "starved"):
            self._dispatch_consumer(name, number, *rest)
        elif name == "speakers":
            if router := self._routers.get(number):
                levels: list[tuple[int, float]] = rest[0]
                router.on_speakers([(self.producers[one], level) for one, level in levels if one in self.producers])
        else:
            self._dispatch_line(name, number, *rest)

    def _dispatch_consumer(self, name: str, number: int, *rest: Any) -> None:
        consumer = self.consumers.get(number)
        if name == "starved":
            if consumer is not None:
                consumer.starve(*rest)
        elif follower := consumer or self.line_consumers.get(number):
            follower.switched(*rest)

    def _dispatch_line(self, name: str, number: int, *rest: Any) -> None:
        if name == "bye":
            # Of a peer it needs nothing: the next description says what the publisher has ended.
            if (producer := self.producers.get(number)) and producer.on_bye is not None:
                producer.on_bye(producer)
        elif name in ("line", "dtmf", "message", "keyframe"):
            if line := self.lines.get(number):
                line.take_event(name, *rest)
        elif name in ("limit", "unfit") and (follower := self.line_consumers.get(number)):
            follower.take_event(name, *rest)


def load_plane() -> ModuleType:
    """Not at import: what needs no sockets (SDP, tests of the layers above) needs no library either."""
    try:
        from media import _plane
    except ImportError as error:
        raise StaleLibrary("the native library media._plane is missing: build it with `make build`") from error
    check_sources(_SOURCES, _plane.SOURCES_DIGEST)
    return _plane


def check_sources(folder: Path, digest: str) -> None:
    """In a checkout, `folder` holds the plane's sources; the recipe is that of `plane/build.rs`."""
    if not (folder / "Cargo.toml").exists():
        return
    names = ["Cargo.toml", "Cargo.lock", "core/Cargo.toml", "udp/Cargo.toml"]
    for part in ("src", "core/src", "udp/src"):
        names += [path.relative_to(folder).as_posix() for path in (folder / part).rglob("*.rs")]
    sha = hashlib.sha256()
    for name in sorted(names):
        content = (folder / name).read_bytes()
        sha.update(f"{name}\0{len(content)}\0".encode() + content)
    if sha.hexdigest() != digest:
        raise StaleLibrary("the native library media._plane is older than its sources: build it with `make build`")


def _candidates(settings: NodeSettings, udp_ports: list[int], tcp_ports: list[int]) -> Iterator[Candidate]:
    """Host candidates (RFC 8445 §5.1.2; TCP below all UDP, passive: RFC 6544 §4.2)."""
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
    """Of all interfaces; the loopback only when there is nothing else, link-local ones never."""
    texts = [ip.ip if isinstance(ip.ip, str) else ip.ip[0] for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    found = [one for one in map(ipaddress.ip_address, texts) if one.version == version and not one.is_link_local]
    return [str(one) for one in found if not one.is_loopback] or [str(one) for one in found]
