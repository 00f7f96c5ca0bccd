"""The figures of the server, in the text form of Prometheus, at `GET /metrics` for any client with the token.

This module owns the names of the figures. Most values are read from their owners at each request. Events are counted here.
"""

import asyncio
import itertools
import os
from collections import Counter as Tallied
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from conference import Registry
from signaling.host import limits
from signaling.host.tokens import same

_LAG_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_DROPS = (
    "kernel_drops",
    "send_drops",
    "handover_drops",
    "bad_srtp",
    "replayed",
    "malformed",
    "excess_packets",
    "bad_stun",
    "stranger_datagrams",
)
_TASKS = Path("/proc/self/task")
_JIFFIES_S = os.sysconf("SC_CLK_TCK")
"""The clock ticks in a second: the unit of /proc (proc(5))."""


class PeerFigures(Protocol):
    """The figures of one media connection: see `media.PeerFigures`."""

    @property
    def up_loss(self) -> float: ...
    @property
    def down_loss(self) -> float: ...
    @property
    def rtt_ms(self) -> float: ...


class ShardFigures(Protocol):
    """The figures of one packet thread: see `media.ShardFigures`."""

    @property
    def received_packets(self) -> int: ...
    @property
    def sent_packets(self) -> int: ...
    @property
    def handed_over(self) -> int: ...
    @property
    def transports(self) -> int: ...
    @property
    def conferences(self) -> int: ...


class Delivered(Protocol):
    """The counts of the webhooks of live conferences."""

    delivered: int
    failed: int
    dropped: int


@dataclass(frozen=True)
class Live:
    """The sources of the figures, which are read in the event loop."""

    registry: Registry
    totals: Callable[[], Mapping[str, int]]
    """The totals of the packet plane: `Snapshot.totals`."""
    shards: Callable[[], Sequence[ShardFigures]]
    peers: Callable[[], Iterable[PeerFigures]]
    halls: Callable[[], Mapping[str, int]]
    """Calls of hall terminals by state."""
    webhooks: Callable[[], tuple[int, Delivered]]
    """(waiting, counts since the start)"""
    proceedings: Callable[[], tuple[int, int]]
    """Rows about live meetings: (waiting for the database, lost since the start)."""


@dataclass(frozen=True)
class Stored:
    """The figures from the database; empty if it did not answer in time."""

    queues: Mapping[str, int]
    legs: Mapping[str, int]


class Metrics:
    """The counters (implements the Tally of `signaling.rtc`), and the text for `GET /metrics`."""

    def __init__(self, version: str) -> None:
        self.live: Live | None = None
        """Set by the composition when the sources exist."""
        self.stored: Callable[[], Any] | None = None
        """Reads `Stored` from the database; a coroutine function."""
        registry = self._registry = CollectorRegistry()
        self._joins = Counter("diemcau_joins", "Participants that joined", registry=registry)
        self._resumes = Counter("diemcau_resumes", "Signalling connections that were resumed", registry=registry)
        self._refusals = Counter("diemcau_refusals", "Joins that were refused", ["reason"], registry=registry)
        self._lag = Histogram(
            "diemcau_event_loop_lag_seconds", "Delay of the event loop", registry=registry, buckets=_LAG_S
        )
        ProcessCollector(registry=registry)
        self._version = version
        self._stored = Stored({}, {})
        self._late = False
        self._load = Load()
        registry.register(_Reader(self._read))

    # -- signaling.rtc's Tally

    def joined(self, sid: str, since: float, client: str) -> None:
        self._joins.inc()

    def resumed(self) -> None:
        self._resumes.inc()

    def refused(self, code: str) -> None:
        self._refusals.labels(code).inc()

    # -- the event loop

    async def watch(self) -> None:
        """Measure the lag of the event loop, and from time to time the load of the packet threads, until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + limits.LAG_EVERY_S
            await asyncio.sleep(limits.LAG_EVERY_S)
            late_s = max(0.0, clock() - due)
            self._lag.observe(late_s)
            self._late = late_s > limits.BUSY_LAG_S
            self._load.look(clock())

    @property
    def busy(self) -> bool:
        """True if the event loop was late, or a packet thread uses more of its core than `BUSY_SHARE`. Calls suffer then."""
        return self._late or self._load.most > limits.BUSY_SHARE

    # -- answering

    async def text(self) -> bytes:
        """Return all figures as they are now."""
        if self.stored is not None:
            self._stored = await self.stored()
        return generate_latest(self._registry)

    def _read(self) -> Iterator[Metric]:
        info = InfoMetricFamily("diemcau", "The version of this server")
        info.add_metric([], {"version": self._version})
        yield info
        yield from plane_cpu()
        if self.live is not None:
            yield from conferences(self.live.registry)
            yield from plane(self.live.totals())
            yield from shards(self.live.shards())
            yield from paths(self.live.peers())
            yield gauge("diemcau_hall_calls", "Calls of hall terminals", "state", self.live.halls())
            waiting, count = self.live.webhooks()
            yield counter(
                "diemcau_webhook_events",
                "Webhook events of live conferences",
                "outcome",
                {"delivered": count.delivered, "failed": count.failed, "dropped": count.dropped},
            )
            unstored, lost = self.live.proceedings()
            yield counter("diemcau_proceedings", "Rows about live meetings", "outcome", {"lost": lost})
            queues = {"webhooks": waiting, "proceedings": unstored, **self._stored.queues}
            yield gauge("diemcau_queue_depth", "Entries that wait in a queue", "queue", queues)
        yield gauge("diemcau_hall_legs", "Halls of current dates", "state", self._stored.legs)


class Load:
    """The share of a core that the busiest packet thread uses, over some seconds."""

    def __init__(self, tasks: Path = _TASKS) -> None:
        self.most = 0.0
        self._tasks = tasks
        self._before: dict[str, float] = {}
        self._at = float("-inf")

    def look(self, now: float) -> None:
        """Measure the load, at most every LOAD_EVERY_S. `now`: seconds of a monotonic clock."""
        elapsed = now - self._at
        if elapsed < limits.LOAD_EVERY_S:
            return
        seconds = dict(plane_seconds(self._tasks))
        self.most = max((used - self._before.get(name, used) for name, used in seconds.items()), default=0.0) / elapsed
        self._before, self._at = seconds, now


class Door:
    """The ASGI endpoint of `GET /metrics`."""

    def __init__(self, metrics: Metrics, token: str) -> None:
        """An empty `token` disables the endpoint (404)."""
        self._metrics = metrics
        self._token = token

    async def __call__(self, request: Request) -> Response:
        if not self._token:
            return PlainTextResponse("not found", 404)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not same(given.strip(), self._token):
            return PlainTextResponse("unauthorized", 401, headers={"www-authenticate": "Bearer"})
        return Response(await self._metrics.text(), media_type=CONTENT_TYPE_PLAIN_1_0_0)


class _Reader(Collector):
    """The collector that reads the figures at each answer."""

    def __init__(self, read: Callable[[], Iterator[Metric]]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Return nothing, because the names are not known before the first reading."""
        return ()

    def collect(self) -> Iterator[Metric]:
        return self._read()


def conferences(registry: Registry) -> Iterator[Metric]:
    """Return figures of all conferences together. The names of conferences and people stay in the server."""
    found = list(registry.all())
    kinds: Tallied[str] = Tallied()
    tracks: Tallied[str] = Tallied()
    subscriptions: Tallied[str] = Tallied()
    for conference in found:
        for participant in conference.participants.values():
            kinds[participant.grants.kind.value] += 1
            tracks["data"] += len(participant.data.published)
            for track in participant.tracks.values():
                tracks[track.kind] += 1
                subscriptions[track.kind] += len(track.subscriptions)
    everything = GaugeMetricFamily("diemcau_conferences", "Live conferences")
    everything.add_metric([], len(found))
    yield everything
    late = GaugeMetricFamily("diemcau_hall_sound_late", "Live conferences in which the sound for halls is interrupted")
    late.add_metric([], sum(one.program is not None and one.program.status.sound_late for one in found))
    yield late
    yield gauge("diemcau_participants", "Participants", "kind", kinds)
    yield gauge("diemcau_tracks", "Published tracks", "kind", tracks)
    yield gauge("diemcau_subscriptions", "Subscriptions to tracks", "kind", subscriptions)
    drops = registry.around.data_drops
    yield counter(
        "diemcau_dropped_data",
        "Data packets and frames that were dropped because a participant sent too many",
        "kind",
        drops,
    )


def plane(totals: Mapping[str, int]) -> Iterator[Metric]:
    for noun in ("packets", "bytes"):
        both = {"in": totals[f"received_{noun}"], "out": totals[f"sent_{noun}"]}
        yield counter(f"diemcau_media_{noun}", f"Media {noun} at the sockets of this server", "direction", both)
    yield lengths("diemcau_media_run_datagrams", "Datagrams in one message to the kernel", totals, "runs_")
    yield lengths("diemcau_media_batch_runs", "Messages in one system call", totals, "batches_")
    dropped = {name: totals[name] for name in _DROPS if name in totals}
    yield counter("diemcau_media_dropped_packets", "Packets that were dropped", "why", dropped)
    events = {"events": totals.get("events_dropped", 0), "commands": totals.get("stale_commands", 0)}
    yield counter("diemcau_plane_lost", "Events and commands lost between Python and the packet plane", "what", events)
    yield gauge("diemcau_plane_memory_bytes", "Packet caches and records", "", {"": totals["memory_bytes"]})


def shards(figures: Sequence[ShardFigures]) -> Iterator[Metric]:
    """Return the figures of each packet thread. Its CPU is in the figures of the thread `plane-N`."""
    names = [str(shard) for shard in range(len(figures))]
    packets = CounterMetricFamily(
        "diemcau_shard_packets", "Media packets by packet thread", labels=["shard", "direction"]
    )
    for name, of in zip(names, figures, strict=True):
        packets.add_metric([name, "in"], of.received_packets)
        packets.add_metric([name, "out"], of.sent_packets)
    yield packets
    handed = {name: of.handed_over for name, of in zip(names, figures, strict=True)}
    yield counter(
        "diemcau_shard_handed_over_packets",
        "Packets for peers of another packet thread, handed over to that thread",
        "shard",
        handed,
    )
    for noun in ("conferences", "transports"):
        values = {name: getattr(of, noun) for name, of in zip(names, figures, strict=True)}
        yield gauge(f"diemcau_shard_{noun}", f"Open {noun} by packet thread", "shard", values)


def paths(peers: Iterable[PeerFigures]) -> Iterator[Metric]:
    """Return loss and delay over all connections that have measured them."""
    rows = list(peers)
    losses = {
        "up": [row.up_loss for row in rows if row.up_loss >= 0],
        "down": [row.down_loss for row in rows if row.down_loss >= 0],
    }
    family = GaugeMetricFamily("diemcau_loss_ratio", "Share of lost packets, 0 to 1", labels=["direction", "of"])
    for direction, values in losses.items():
        for name, value in _spread(values):
            family.add_metric([direction, name], value)
    yield family
    times = [row.rtt_ms / 1000 for row in rows if row.rtt_ms >= 0]
    yield gauge("diemcau_rtt_seconds", "Round-trip time to a client", "of", dict(_spread(times)))


def plane_cpu(tasks: Path = _TASKS) -> Iterator[Metric]:
    """Return the CPU time of each packet thread; nothing without /proc."""
    family = CounterMetricFamily("diemcau_plane_cpu_seconds", "CPU time of the packet threads", labels=["thread"])
    for name, seconds in plane_seconds(tasks):
        family.add_metric([name], seconds)
    yield family


def plane_seconds(tasks: Path = _TASKS) -> Iterator[tuple[str, float]]:
    """Return (thread, CPU seconds since its start) of each packet thread."""
    for folder in sorted(tasks.iterdir()) if tasks.is_dir() else ():
        try:
            head, _, rest = (folder / "stat").read_text().rpartition(")")
        except OSError:  # the thread has ended
            continue
        name, fields = head.partition("(")[2], rest.split()
        if name.startswith("plane-"):
            yield name, (int(fields[11]) + int(fields[12])) / _JIFFIES_S


def gauge(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label] if label else [])
    for value, number in sorted(values.items()):
        family.add_metric([value] if label else [], number)
    return family


def lengths(name: str, meaning: str, totals: Mapping[str, int], prefix: str) -> Metric:
    """Return a histogram. Each key is `prefix` and the smallest number of its range; these numbers are powers of two."""
    found = sorted((int(key.removeprefix(prefix)), value) for key, value in totals.items() if key.startswith(prefix))
    sums = itertools.accumulate(value for _, value in found)
    ends = [*(str(2 * least - 1) for least, _ in found[:-1]), "+Inf"]
    family = HistogramMetricFamily(name, meaning)
    if found:
        family.add_metric([], list(zip(ends, sums, strict=True)), None)
    return family


def counter(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=[label])
    for value, number in sorted(values.items()):
        family.add_metric([value], number)
    return family


def _spread(values: list[float]) -> list[tuple[str, float]]:
    return [("mean", sum(values) / len(values)), ("most", max(values))] if values else []
