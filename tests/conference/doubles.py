"""Test doubles below the conference: media without packets, and time that moves only by hand."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from conference import Registry, events
from media import Acceptance, Answer, Offer, OfferedTrack, PeerError, PeerFigures, Published

E = TypeVar("E")

_numbers = itertools.count(1)


@dataclass(order=True)
class Timer:
    at: float
    order: int
    callback: Callable[[], object] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class Time:
    """A clock and an event loop in one. Time moves only in `advance` or `turn`."""

    def __init__(self, start: float = 1000.0) -> None:
        self.now = start
        self._timers: list[Timer] = []

    def time(self) -> float:
        return 1_700_000_000.0 + self.now

    def monotonic(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Timer:
        return self.call_later(0.0, callback, *args)

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Timer:
        timer = Timer(self.now + delay, next(_numbers), lambda: callback(*args))
        heapq.heappush(self._timers, timer)
        return timer

    def turn(self) -> None:
        """Run all callbacks that are due now, and the callbacks that they cause."""
        self.advance(0.0)

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self._timers and self._timers[0].at <= end:
            timer = heapq.heappop(self._timers)
            self.now = max(self.now, timer.at)
            if not timer.cancelled:
                timer.callback()
        self.now = end


class FakeProducer:
    def __init__(self, kind: str, mime: str, layers: tuple[str, ...]) -> None:
        self.id = next(_numbers)
        self.kind, self.mime, self.layers = kind, mime, layers
        self.codecs: tuple[Any, ...] = ()
        self.followers: list[Any] = []
        self.paused = self.closed = self.kept = False
        self.keyframes = 0
        self.active_layers: set[int] = set()

    def pause(self, paused: bool) -> None:
        self.paused = paused

    def request_keyframe(self) -> None:
        self.keyframes += 1

    def keep(self) -> None:
        self.kept = True

    def close(self) -> None:
        """Close the producer, and close its consumers on lines."""
        self.closed = True
        for one in self.followers:
            one.closed = True


class FakeConsumer:
    def __init__(self, producer: FakeProducer, stream_id: str, track_id: str) -> None:
        self.producer, self.stream_id, self.track_id = producer, stream_id, track_id
        self.mid: str | None = None
        self.paused = self.closed = False
        self.layer = self.temporal = -1
        self.priority, self.keeps = 0, False
        self.starved = False
        self.on_starve: Callable[[bool], None] | None = None

    def pause(self, paused: bool) -> None:
        self.paused = paused

    def set_layers(self, layer: int, temporal: int) -> None:
        self.layer, self.temporal = layer, temporal

    def set_priority(self, priority: int, *, keeps: bool = False) -> None:
        self.priority, self.keeps = priority, keeps

    def starve(self, starved: bool) -> None:
        """Mark the consumer as starved, as the plane does."""
        self.starved = starved
        if self.on_starve is not None:
            self.on_starve(starved)


@dataclass
class Line:
    """A media section, with the fields that the tests' descriptions contain."""

    kind: str
    mid: str = ""
    direction: str = "sendrecv"
    track_id: str = ""
    stream_id: str = ""
    rids: list[str] = field(default_factory=list)


def sections(sdp: str) -> list[Line]:
    lines: list[Line] = []
    for text in sdp.replace("\r", "").split("\n"):
        if text.startswith("m="):
            lines.append(Line(text[2:].split(" ")[0]))
        elif lines:
            _read(lines[-1], text)
    return lines


def _read(line: Line, text: str) -> None:
    name, _, value = text.partition(":")
    if name == "a=mid":
        line.mid = value
    elif text[2:] in ("sendonly", "recvonly", "sendrecv", "inactive"):
        line.direction = text[2:]
    elif name == "a=msid":
        line.stream_id, _, line.track_id = value.partition(" ")
    elif name == "a=rid" and value.endswith(" send"):
        line.rids.append(value.split(" ")[0])


class FakePeer:
    """Negotiates like media's Peer, with descriptions that hold only m-lines, mids, directions, msids and rids."""

    def __init__(self, owner: Any) -> None:
        self.id = next(_numbers)
        self.owner = owner
        self.closed = False
        self.restarts = 0
        self.channels: list[str] = []
        self.open_labels: set[str] = set()
        self.sent: list[tuple[str, bytes]] = []
        self.full = False
        self.producers: dict[str, tuple[FakeProducer, str]] = {}  # by mid, with the client's track id
        self.free: dict[str, str] = {}  # mid -> kind of receiving sections that have no track of the server
        self.bound: dict[str, FakeConsumer] = {}
        self.waiting: list[FakeConsumer] = []
        self.needs_offer = False
        self.ufrag = ""
        self.only: str | None = None
        self.held = False
        self.unread = 0
        self.lacks: frozenset[str] = frozenset()
        """MIME types that the client's browser does not decode."""

    def answer(self, offer_sdp: str, *, accept: Callable[[OfferedTrack], Acceptance | None]) -> Answer:
        if "m=" not in offer_sdp:
            raise PeerError("no sections")
        published: list[Any] = []
        ended: list[Any] = []
        for line in sections(offer_sdp):
            if line.kind not in ("audio", "video"):
                continue
            self._publish(line, accept, published, ended)
            if line.direction in ("recvonly", "sendrecv") and line.mid not in self.bound:
                self.free[line.mid] = line.kind
        newly = self._bind()
        unsupported = [one for one in newly if self._cannot(one)]
        self.needs_offer = bool(self.waiting)
        tracks = {mid: consumer.track_id for mid, consumer in self.bound.items()}
        return Answer("v=0 answer", tracks, published, ended, newly, unsupported)

    def offer(self) -> Offer:
        for consumer in self.waiting:
            consumer.mid = str(len(self.bound) + 1)
            self.bound[consumer.mid] = consumer
        self.waiting.clear()
        self.needs_offer = False
        return Offer("v=0 offer", {mid: consumer.track_id for mid, consumer in self.bound.items()})

    def accept_answer(self, sdp: str) -> list[Any]:
        if "m=" not in sdp:
            raise PeerError("no sections")
        for consumer in list(self.bound.values()):
            self._cannot(consumer)
        return []

    def _cannot(self, consumer: FakeConsumer) -> bool:
        """Close the consumer if the client lacks its codec, as the real peer does."""
        if consumer.producer.mime in self.lacks and not consumer.closed:
            self.stop(consumer)
        return consumer.closed

    @property
    def missing_sections(self) -> tuple[int, int]:
        def missing(kind: str) -> int:
            waiting = sum(one.producer.kind == kind for one in self.waiting)
            return max(0, waiting - sum(free == kind for free in self.free.values()))

        return missing("audio"), missing("video")

    @property
    def forwarded(self) -> int:
        return len(self.waiting) + len(self.bound)

    def consume(self, producer: Any, *, stream_id: str, track_id: str) -> FakeConsumer:
        assert not producer.closed
        assert not self.closed
        consumer = FakeConsumer(producer, stream_id, track_id)
        self.waiting.append(consumer)
        self.needs_offer = True
        return consumer

    def stop(self, consumer: Any) -> None:
        consumer.closed = True
        if consumer in self.waiting:
            self.waiting.remove(consumer)
        elif consumer.mid in self.bound:
            del self.bound[consumer.mid]
            self.free[consumer.mid] = consumer.producer.kind
        self.needs_offer = True

    def hold_pictures(self, held: bool) -> None:
        self.held = held

    def restart_ice(self) -> None:
        self.restarts += 1
        self.needs_offer = True

    def open_channels(self, labels: Sequence[str]) -> None:
        self.channels = list(labels)

    def send(self, label: str, data: bytes) -> bool:
        if label not in self.open_labels or self.full or len(data) > 65_535:
            return False
        self.sent.append((label, data))
        return True

    def hold(self, size_bytes: int) -> None:
        self.unread = size_bytes

    def close(self) -> None:
        self.closed = True

    # -- events of the network

    def connect(self) -> None:
        self.owner.ice_changed(self.id, "connected", "udp 127.0.0.1:1")
        self.owner.connected(self.id)
        for label in ("_reliable", "_lossy", "_data_track"):
            self.open_labels.add(label)
            self.owner.channel_opened(self.id, label)

    def drain(self) -> None:
        """Report that the channel accepts packets again."""
        self.full = False
        self.owner.channel_drained(self.id, "_reliable")

    def ice(self, state: str) -> None:
        self.owner.ice_changed(self.id, state, "")

    def hear(self, label: str, data: bytes) -> None:
        self.owner.message(self.id, label, data)

    def _publish(self, line: Line, accept: Callable[..., Any], published: list[Any], ended: list[Any]) -> None:
        sends = line.direction in ("sendonly", "sendrecv") and bool(line.track_id)
        known = self.producers.get(line.mid)
        if known is not None and (not sends or known[0].closed):
            self.producers.pop(line.mid)
            known[0].close()
            ended.append(known[0])
            known = None
        if not sends or known is not None:
            return
        kind: Any = line.kind
        rids = tuple(sorted(line.rids, key="qhf".find))
        offered = OfferedTrack(line.mid, kind, line.track_id, line.stream_id, rids, (), not rids)
        acceptance = accept(offered)
        if acceptance is not None:
            mime = acceptance.codec or ("audio/opus" if kind == "audio" else "video/VP8")
            producer: Any = FakeProducer(kind, mime, rids or ("",))
            self.producers[line.mid] = (producer, line.track_id)
            published.append(Published(line.mid, offered, producer, mime))

    def _bind(self) -> list[Any]:
        newly = []
        for consumer in list(self.waiting):
            mid = next((mid for mid, kind in self.free.items() if kind == consumer.producer.kind), None)
            if mid is not None:
                del self.free[mid]
                self.waiting.remove(consumer)
                consumer.mid = mid
                self.bound[mid] = consumer
                newly.append(consumer)
        return newly


class FakeRouter:
    def __init__(self) -> None:
        self.on_speakers: Callable[[list[tuple[Any, float]]], None] = lambda speakers: None
        self.peers: list[FakePeer] = []
        self.lines: list[Any] = []
        self.full = False
        self.closed = False

    def open_peer(self, owner: Any) -> FakePeer:
        self.peers.append(FakePeer(owner))
        return self.peers[-1]

    def open_line(self, events: Any, *, host: str, ports: Sequence[int], silent_s: float = 30.0) -> Any:
        from tests.conference.hall_doubles import FakeLine

        if self.full:
            raise OSError("all ports are taken")
        self.lines.append(FakeLine(events, host, ports[2 * len(self.lines)]))
        return self.lines[-1]

    def close(self) -> None:
        self.closed = True


@dataclass(frozen=True)
class Measured:
    peers: dict[int, PeerFigures]


class FakeMedia:
    def __init__(self) -> None:
        self.routers: list[FakeRouter] = []
        self.figures: dict[int, PeerFigures] = {}

    def open_router(self) -> Any:
        self.routers.append(FakeRouter())
        return self.routers[-1]

    def statistics(self) -> Measured:
        return Measured(dict(self.figures))


def figures(*, up: float = 0.0, down: float = 0.0, rtt_ms: float = 20.0, jitter_ms: float = 1.0) -> PeerFigures:
    return PeerFigures(0, 0, 0, 0, up, down, rtt_ms, jitter_ms, 0)


class Listener:
    """A client that keeps its events."""

    def __init__(self) -> None:
        self.events: list[events.Event] = []

    def deliver(self, event: events.Event) -> None:
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def last(self, kind: type[E]) -> E:
        return self.of(kind)[-1]

    def clear(self) -> None:
        self.events.clear()


class World:
    """A registry on test doubles."""

    def __init__(self, **options: Any) -> None:
        self.time = Time()
        self.media = FakeMedia()
        self.registry = Registry(self.media, self.time, self.time, **options)

    def pass_time(self, seconds: float) -> None:
        """Advance the time, with ticks as often as the registry's timer makes them."""
        for step in _steps(seconds, 0.5):
            self.time.advance(step)
            self.registry.tick(self.time.now)
            self.time.turn()


def _steps(total: float, step: float) -> Iterator[float]:
    while total > 0:
        yield min(step, total)
        total -= step


def peer_of(participant: Any) -> FakePeer:
    """Return the publishing peer. A single connection has no other peer."""
    peer = participant.negotiated.publisher
    assert isinstance(peer, FakePeer)
    return peer


def receiver_of(participant: Any) -> FakePeer:
    peer = participant.negotiated.receiver
    assert isinstance(peer, FakePeer)
    return peer


def describe(*lines: str) -> str:
    """An offer from lines like `audio recvonly`, `video sendonly CID q h f`, `application`; mids count from 0."""
    text = ["v=0"]
    for mid, line in enumerate(lines):
        kind, *rest = line.split()
        text += [f"m={kind} 9 X 0", f"a=mid:{mid}"]
        if rest:
            text.append(f"a={rest[0]}")
        if len(rest) > 1:
            text.append(f"a=msid:- {rest[1]}")
            text += [f"a=rid:{rid} send" for rid in rest[2:]]
    return "\r\n".join(text)
