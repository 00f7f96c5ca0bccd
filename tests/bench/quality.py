"""The quality of calls over bad networks: pictures and sound of one sender at one receiver, clients with libwebrtc at both
ends.

`python tests/bench/quality.py --rows loss-10,narrow-300 --seeds 5 --seconds 120 --servers diemcau,livekit`. Sender, server and
receiver each run in a network namespace. One leg is impaired (`tests/simulation/impair.py`) in the same way for every server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import peers
from tests.interop.network import HTTP_PORT, MEDIA_PORT, Namespace, ServerThere, serve
from tests.simulation import impair, quality, scene
from tests.simulation.call import Side
from tests.simulation.impair import Way
from tests.simulation.quality import Quality
from tests.simulation.scene import LAYERED, SINK, SOURCE, USUAL, Call, Picture

SETTLE_S = 10.0
"""Seconds of the impaired call before the counting begins."""
HALF_RTT = Way(delay_ms=25)
WIDE, NARROW = Way(delay_ms=25, rate_kbps=2000, queue_bytes=75_000), Way(delay_ms=25, rate_kbps=300, queue_bytes=11_250)
NARROWEST = Way(delay_ms=25, rate_kbps=200, queue_bytes=10_000)
"""Queues of 300 and 400 ms. The aims for the delay on narrow ways are these values plus the 250 ms of a wide way."""


@dataclass(frozen=True)
class Row:
    """`wanted` holds the aims for the receiver's leg: share concealed, share frozen, share of pictures decoded, ms from camera
    to decoder.
    """

    name: str
    way: Way = HALF_RTT
    """The direction of the media on the impaired leg."""
    back: Way = HALF_RTT
    leg: str = SINK
    shows: Picture = USUAL
    wanted: tuple[float, float, float, float] | None = None
    longest_s: float = math.inf
    """Seconds. An aim for the longest time without a picture. `height` is an aim for the pictures' height."""
    height: int = 0


def _lossy(**changes: float) -> Way:
    """Return a way that loses only UDP packets, so that signalling is not impaired."""
    return replace(Way(udp_only=True), **({"delay_ms": HALF_RTT.delay_ms} | changes))  # type: ignore[arg-type]


RECEIVER = [
    Row("loss-0", wanted=(0.0005, 0.002, 0.99, 250)),
    Row("loss-1", _lossy(loss=0.01), wanted=(0.0005, 0.002, 0.99, 250)),
    Row("loss-5", _lossy(loss=0.05), wanted=(0.002, 0.005, 0.97, 250)),
    Row("loss-10", _lossy(loss=0.1), wanted=(0.005, 0.01, 0.95, 300)),
    Row("loss-20", _lossy(loss=0.2), wanted=(0.015, 0.03, 0.88, 400)),
    Row("loss-30", _lossy(loss=0.3), wanted=(0.04, 0.08, 0.75, 500)),
    Row("burst-10", _lossy(loss=0.1, burst=5), wanted=(0.03, 0.04, 0.85, 400)),
    Row("far-5", _lossy(loss=0.05, delay_ms=250), Way(delay_ms=250), wanted=(0.01, 0.05, 0.9, 900)),
    Row("narrow-300", NARROW, shows=LAYERED, wanted=(0.01, 1, 10 / 24, 300 + 250), longest_s=1, height=180),
    Row("narrow-200", NARROWEST, shows=LAYERED, wanted=(0.02, 1, 0, 400 + 250)),
    Row("disorder", _lossy(jitter_ms=30, delay_ms=30, reorder=0.2, duplicate=0.01), wanted=(0.003, 0.005, 0.98, 350)),
]
SENDER = [replace(row, name=f"up-{row.name}", leg=SOURCE) for row in RECEIVER[1:7]]
ROWS = {row.name: row for row in (*RECEIVER, *SENDER)}
STEP = Row("step", shows=LAYERED, wanted=(0.015, 1, 0, math.inf))
"""The aims from the first step to the end of the row. Only the sound has an aim here. The ways change during the row, so `ROWS`
does not hold it.
"""
AIMS = ROWS | {STEP.name: STEP}
EVENTS = ("step", "rebind", "rebind-sender", "switch", "switch-sender", "blackout")
GAPS_S = {"step": 1.5} | dict.fromkeys(EVENTS[1:], 2)
"""Aims in seconds: 99 of 100 gaps without a picture are shorter."""
ROAMS = {"switch": SINK, "switch-sender": SOURCE}
STEPS_S = 3, 15
"""Aims in seconds: until the pictures settle after the way became narrow, and until the old bitrate is back after it became
wide.
"""
QUICK = ("loss-0", "loss-5", "loss-20", "burst-10", "far-5", "narrow-300", "disorder", "up-loss-10")


@contextmanager
def livekit(center: Namespace, folder: Path) -> Iterator[ServerThere]:
    """Run LiveKit's server in a namespace, on all addresses of the namespace."""
    secret, file, log = secrets.token_hex(24), folder / "livekit.yaml", folder / "server.log"
    file.write_text(
        f"port: {HTTP_PORT}\nlogging: {{level: warn}}\nkeys: {{{peers.KEY}: {secret}}}\n"
        f"rtc:\n  udp_port: {MEDIA_PORT}\n  tcp_port: {MEDIA_PORT + 1}\n  use_external_ip: false\n",
        encoding="utf-8",
    )
    words = [*center.prefix, str(peers.livekit_binary()), "--config", str(file), "--node-ip", "198.18.0.1"]
    with log.open("w") as output, subprocess.Popen(words, stdout=output, stderr=output, text=True) as process:
        try:
            _await_answer(center, process, log)
            yield ServerThere(process, peers.KEY, secret, Path(os.devnull), log, scheme="ws")
        finally:
            process.terminate()


def _await_answer(center: Namespace, process: subprocess.Popen[str], log: Path) -> None:
    script = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{HTTP_PORT}/', timeout=2)"
    for _ in range(100):
        with suppress(AssertionError):
            center.run(sys.executable, "-c", script)
            return
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())


SERVERS: dict[str, Callable[[Namespace, Path], AbstractContextManager[ServerThere]]] = {
    "diemcau": serve,
    "livekit": livekit,
}


@dataclass
class Run:
    row: str
    server: str
    seed: int
    quality: Quality | None = None
    gaps_s: list[float] = field(default_factory=list)
    """The longest time without a picture after each event."""
    silences_s: list[float] = field(default_factory=list)
    settle_s: list[float] = field(default_factory=list)
    """Times of each step: until the last second without a picture ends, and until 0.9 of the old bitrate is back."""
    rejoined: int = 0
    busy: float = 0.0
    """The share of both processors that was busy, 0 to 1."""
    late_us: int = 0


async def measure(row: Row, server: str, seed: int, seconds: float) -> Run:
    with tempfile.TemporaryDirectory(prefix="quality-") as folder:
        async with scene.line_up(Path(folder), seed=seed, server=SERVERS[server]) as call:
            source, sink = await scene.enter(call, shows=row.shows)
            link = call.links[row.leg]
            down, up = (row.way, row.back) if row.leg == SINK else (row.back, row.way)
            link.change(down=down, up=up)
            await _watch(sink, SETTLE_S)
            run, busy, begin = Run(row.name, server, seed), jiffies(), time.monotonic_ns()
            await _watch(sink, seconds)
            await source.look()
            run.busy = busy_since(busy)
            run.quality = quality.judge(source, sink, begin, time.monotonic_ns(), row.way.delay_ms)
            run.rejoined = _rejoined(source) + _rejoined(sink)
            run.late_us = link.counters().late_p99_us
            return run


async def _watch(side: Side, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        await asyncio.sleep(min(1.0, left))
        await side.look()


def _rejoined(side: Side) -> int:
    return sum(name in {"disconnected", "participant_disconnected"} for name, _ in side.events)


# -- single events


async def step(server: str, seed: int) -> Run:
    """Measure a way of 2 Mbit/s that becomes 300 kbit/s for 20 s, and then 2 Mbit/s again."""
    with tempfile.TemporaryDirectory(prefix="quality-") as folder:
        async with scene.line_up(Path(folder), seed=seed, server=SERVERS[server]) as call:
            source, sink = await scene.enter(call, shows=STEP.shows)
            call.links[SINK].change(down=WIDE, up=HALF_RTT)
            await _watch(sink, 20)
            run, busy, marks = Run(STEP.name, server, seed), jiffies(), []
            for way in (NARROW, WIDE):
                marks.append(time.monotonic_ns())
                call.links[SINK].change(down=way)
                await _watch(sink, 20 if way is NARROW else 30)
            run.busy = busy_since(busy)
            run.settle_s = [_settled_s(sink, *marks), _recovered_s(sink, *marks)]
            run.gaps_s = [_gap_s(sink, mark, 20) for mark in marks]
            run.silences_s = [_silence_s(sink, mark, 20) for mark in marks]
            await source.look()
            run.quality = quality.judge(source, sink, marks[0], time.monotonic_ns(), NARROW.delay_ms)
            run.rejoined = _rejoined(source) + _rejoined(sink)
            run.late_us = call.links[SINK].counters().late_p99_us
            return run


def _settled_s(sink: Side, begin: int, end: int) -> float:
    """Return the seconds from `begin` to the end of the last gap of more than one second without a picture."""
    times = [begin, *(at for _, at, _ in sink.sights if begin < at < end), end]
    return max(((b - begin) / 1e9 for a, b in pairwise(times) if b - a > 1e9), default=0.0)


def _recovered_s(sink: Side, down: int, up: int) -> float:
    """Return the seconds from the second step (`up`) until the bitrate is back.

    Back: the bitrate over two seconds is 0.9 of the bitrate in the ten seconds before the first step (`down`).
    """
    rates = [
        (b.at_ns, (b.video_bytes - a.video_bytes) * 8e9 / (b.at_ns - a.at_ns))
        for a, b in zip(sink.samples, sink.samples[4:], strict=False)
        if b.at_ns > a.at_ns
    ]
    before = statistics.median([rate for at, rate in rates if down - 10e9 < at < down] or [0.0])
    return next(((at - up) / 1e9 for at, rate in rates if at > up + 2e9 and rate >= 0.9 * before), float("inf"))


async def happen(what: str, server: str, seed: int, times: int) -> Run:
    """Measure one kind of event `times` times. `rebind` and `rebind-sender`: the address translation of the receiver or of the
    sender forgets its mapping. `switch` and `switch-sender`: the receiver or the sender moves to its other network.
    `blackout`: for 10 s no packet reaches or leaves the receiver.
    """
    chance, run = Random(seed), Run(what, server, seed)
    with tempfile.TemporaryDirectory(prefix="quality-") as folder:
        lined_up = scene.line_up(
            Path(folder),
            seed=seed,
            translated=what.startswith("rebind"),
            roams=ROAMS.get(what, ""),
            server=SERVERS[server],
        )
        async with lined_up as call:
            source, sink = await scene.enter(call)
            for link in call.links.values():
                link.change(down=Way(delay_ms=12.5), up=Way(delay_ms=12.5))
            await _watch(sink, SETTLE_S)
            for turn in range(times):
                mark, rest_s = await _let_happen(what, call, turn), 6 + 3 * chance.random()
                await _watch(sink, rest_s)
                run.gaps_s.append(_gap_s(sink, mark, rest_s))
                run.silences_s.append(_silence_s(sink, mark, rest_s))
            await source.look()
            run.rejoined = _rejoined(source) + _rejoined(sink)
    return run


async def _let_happen(what: str, call: Call, turn: int) -> int:
    """Let the event happen and return the time of its end, by the monotonic clock."""
    if what in ROAMS:
        scene.switch(call, turn)
    elif what == "blackout":
        call.links[SINK].cut()
        await asyncio.sleep(10)
        call.links[SINK].mend()
    else:
        call.links[SOURCE if what == "rebind-sender" else SINK].rebind()
    return time.monotonic_ns()


def _gap_s(sink: Side, since: int, seconds: float) -> float:
    end = since + int(seconds * 1e9)
    return quality.longest_s([at for _, at, _ in sink.sights if since < at < end], since, end)


def _silence_s(sink: Side, since: int, seconds: float) -> float:
    end = since + int(seconds * 1e9)
    return quality.longest_s([at for at, heard in sink.heard if heard and since < at < end], since, end)


# -- the machine


def jiffies() -> tuple[int, int]:
    """Return the (busy, total) jiffies of all processors since the machine's start."""
    values = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(values) - values[3] - values[4], sum(values)


def busy_since(before: tuple[int, int]) -> float:
    busy, total = jiffies()
    return (busy - before[0]) / max(1, total - before[1])


# -- the table


def tell(runs: list[Run]) -> str:
    """Return the table with medians over the seeds."""
    lines = [
        "row | server | concealed % | MOS | frozen % | longest s | pictures % | fps | height | p95 ms | busy % | aims"
    ]
    for (row, server), group in _groups(runs).items():
        found = [run.quality for run in group if run.quality]
        if found:
            middle = {one.name: statistics.median(getattr(each, one.name) for each in found) for one in fields(Quality)}
            values = [middle["concealed"] * 100, middle["mos"], middle["frozen"] * 100, middle["longest_s"]]
            values += [middle["pictures"] * 100, middle["fps"], middle["height"], middle["delay_p95_ms"]]
            numbers = " | ".join(f"{value:.4g}" for value in values)
            busy = max(run.busy for run in group) * 100
            lines.append(f"{row} | {server} | {numbers} | {busy:.0f} | {_missed(row, middle)}")
    for (row, server), group in _groups(runs).items():
        gaps = [gap for run in group for gap in run.gaps_s]
        silences = [silence for run in group for silence in run.silences_s]
        if gaps:
            told = ", ".join(_spread(name, values) for name, values in (("picture", gaps), ("sound", silences)))
            steps = [
                statistics.median(values)
                for values in zip(*(run.settle_s for run in group if run.settle_s), strict=True)
            ]
            more = f"; settled {steps[0]:.1f} s, bitrate back {steps[1]:.1f} s" if steps else ""
            rejoined = sum(run.rejoined for run in group)
            late = steps and (steps[0] > STEPS_S[0] or steps[1] > STEPS_S[1])
            missed = late or rejoined or quality.percentile(gaps, 99) > GAPS_S[row]
            lines.append(
                f"{row} | {server} | gaps: {told}{more}; rejoined {rejoined} | {'missed' if missed else 'met'}"
            )
    return "\n".join(lines)


def _groups(runs: list[Run]) -> dict[tuple[str, str], list[Run]]:
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.row, run.server), []).append(run)
    return groups


def _spread(name: str, values: list[float]) -> str:
    p50, p99 = (quality.percentile(values, percent) for percent in (50, 99))
    return f"{name} n={len(values)} p50 {p50:.2f} p99 {p99:.2f} max {max(values):.2f} s"


def _missed(row: str, middle: dict[str, float]) -> str:
    wanted, aims = AIMS[row].wanted, AIMS[row]
    if wanted is None:
        return "-"
    concealed, frozen, pictures, delay_ms = wanted
    missed = {
        "concealed": middle["concealed"] > concealed,
        "frozen": middle["frozen"] > frozen,
        "pictures": middle["pictures"] < pictures,
        "delay": middle["delay_p95_ms"] > delay_ms,
        "longest": middle["longest_s"] > aims.longest_s,
        "height": middle["height"] < aims.height,
    }
    return ", ".join(f"{name} missed" for name, is_missed in missed.items() if is_missed) or "met"


async def main(given: argparse.Namespace) -> list[Run]:
    runs: list[Run] = []
    for row in given.rows.split(","):
        for seed in range(1, given.seeds + 1):
            for server in given.servers.split(","):
                if row == "step":
                    run = await step(server, seed)
                elif row in EVENTS:
                    run = await happen(row, server, seed, given.times)
                else:
                    run = await measure(ROWS[row], server, seed, given.seconds)
                runs.append(run)
                print(*tell([run]).splitlines()[1:], sep="\n", file=sys.stderr, flush=True)
    return runs


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default=",".join(QUICK), help=f"of {', '.join((*ROWS, *EVENTS))}; or all")
    parser.add_argument("--servers", default="diemcau")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=30, help="that are counted of each row")
    parser.add_argument("--times", type=int, default=100, help="that an event happens")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.rows == "all":
        options.rows = ",".join((*ROWS, *EVENTS))
    if why := impair.missing():
        raise SystemExit(why)
    results = asyncio.run(main(options))
    print(tell(results))
    if options.json:
        options.json.write_text(json.dumps([asdict(run) for run in results], indent=1))
