"""`make bench`: the cost of halls for the server, and the time until they see and hear. Prints the table in Markdown.

    python tests/bench/halls/halls.py                   all rows, about 6 minutes.
    python tests/bench/halls/halls.py --rows fan-out,fan-out-srtp --seconds 5

    nice -n -5 python tests/bench/halls/halls.py        with a higher priority on a busy machine (root)

A whole server runs, with SIP, register and mixer. Halls are scripted terminals that dial in, each from its own address. After
the calls are connected, the generator (Rust) takes over their sockets. It counts what many halls receive, and answers by RTCP.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from media.mixer.ground.layouts import rects
from media.mixer.sound.codecs import open_decoder
from rooms.store.database import Database
from rooms.store.tables.sites import Terminal as TerminalRow
from tests.bench import peers
from tests.bench.halls import terminals, transcoding, voices
from tests.bench.halls.terminals import SECOND_NS, Arrived, Camera, Film, Listener, Timed, Witness
from tests.interop.terminals import hallnet
from tests.interop.terminals.hallnet import Booked
from tests.ports import free_port

Result = dict[str, Any]
HALLS = 240
CAMERAS = 9
AT_ONCE = 8
"""Calls that are set up at the same time. Larger: calls delay each other. Smaller: all halls take longer to join."""
SIP_HOST = "127.0.0.1"
SETTLE_S = 6.0
LEAST_MBPS = 1.8
"""The least rate of a program of 2 Mbit/s. A mixer that gets too little CPU leaves pictures out. Smaller: such a row still
counts. Larger: a row with a normal variation of the rate is void.
"""
FIRST_FRAME_S = 20.0
BURST_EVERY = 20
"""Packets of 20 ms between two bursts, of all cameras together. Smaller: a burst overlaps with the next burst's delay."""
NEAR_NS = 390_000_000
"""A burst that is heard later belongs to the next burst."""
RECEIVER_BYTES = 2 << 20


@dataclass
class There:
    """A server with a meeting that has the halls as participants."""

    server: peers.Server
    booked: Booked
    sip_port: int
    tls_port: int
    data: Path

    @property
    def mixer_pid(self) -> int:
        """The only child process of the server that is a mixer."""
        children = Path(f"/proc/{self.server.pid}/task")
        pids = {int(pid) for task in children.iterdir() for pid in (task / "children").read_text().split()}
        mixers = [pid for pid in pids if b"media.mixer" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        if len(mixers) != 1:
            raise RuntimeError(f"{len(mixers)} mixers")
        return mixers[0]

    async def dial(self, terminal: Listener) -> None:
        """Let the terminal call the meeting. Raise RuntimeError if the server does not accept the call."""
        port = self.tls_port if terminal.quirk.transport == "tls" else self.sip_port
        status = await terminal.call(f"{self.booked.number}@{SIP_HOST}:{port}", SIP_HOST, port)
        if status != 200:
            raise RuntimeError(f"{terminal.name} was answered {status}")

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        """Send a request to the API for this date, as the host's secretary."""
        key = {"authorization": f"Bearer {self.booked.key}"}
        url = f"http://127.0.0.1:{self.server.port}/api/v1/occurrences/{self.booked.occurrence}{path}"
        async with httpx.AsyncClient(timeout=30) as client:
            answer = await client.request(method, url, headers=key, **more)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def alias(number: int) -> str:
    return f"hall-{number:03d}"


def host_of(number: int) -> str:
    """Return the hall's own address. Each hall has a different address because a server limits each address."""
    return f"127.0.{1 + number // 200}.{10 + number % 200}"


@contextlib.asynccontextmanager
async def server(count: int, call_port: int = 0) -> AsyncIterator[There]:
    """Start a server with `count` invited halls. In the register the terminals listen on `call_port`."""
    with tempfile.TemporaryDirectory(prefix="bench-halls-") as name:
        folder = Path(name)
        aliases = tuple(alias(number) for number in range(count))
        booked = await asyncio.to_thread(hallnet.prepare, folder, aliases, ("127.0.0.0/8",), lobby=False)
        if call_port:
            await _register(folder / "data", count, call_port)
        port, tls_port = free_port(), free_port()
        settings = {
            "DATA_DIR": str(folder / "data"),
            "SIP_HOST": SIP_HOST,
            "SIP_UDP_PORT": str(port),
            "SIP_TCP_PORT": str(port),
            "SIP_TLS_PORT": str(tls_port),
        }
        with peers.diemcau("", peers.ROOT, **settings) as running:
            yield There(running, booked, port, tls_port, folder / "data")


async def _register(data: Path, count: int, port: int) -> None:
    database = Database.open(f"sqlite:///{data / 'diemcau.sqlite'}")
    try:
        await database.transact(lambda session: _write_addresses(session, count, port))
    finally:
        await database.close()


async def _write_addresses(session: AsyncSession, count: int, port: int) -> None:
    for number in range(count):
        uri = f"sip:{alias(number)}@{host_of(number)}:{port}"
        await session.execute(update(TerminalRow).where(TerminalRow.id == alias(number)).values(sip_uri=uri))


async def at_once(works: Iterable[Callable[[], Any]], most: int = AT_ONCE) -> None:
    """Run all works, at most `most` at a time."""
    gate = asyncio.Semaphore(most)

    async def one(work: Callable[[], Any]) -> None:
        async with gate:
            await work()

    await asyncio.gather(*(one(work) for work in works))


def cpu_s(pid: int) -> float:
    """Return the user and system time of one process, without its children."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def spread(values: Sequence[float]) -> Result:
    ordered = sorted(values)
    if not ordered:
        return {"p50": None, "p95": None, "count": 0}
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return {"p50": round(statistics.median(ordered), 1), "p95": round(p95, 1), "count": len(ordered)}


def cameras(there: There, films: Sequence[Film], start: int = 0, **more: bool) -> list[Camera]:
    origin, every = asyncio.get_running_loop().time(), CAMERAS * BURST_EVERY
    return [
        Camera(
            alias(start + number),
            there.booked.passwords[alias(start + number)],
            host_of(start + number),
            films[number],
            origin=origin,
            first=number * BURST_EVERY,
            every=every,
            **more,
        )
        for number in range(CAMERAS)
    ]


# -- many halls


async def fan_out(seconds: float, *, secure: bool = False, whole: bool = False) -> Result:
    """Measure 240 halls that see one picture. With `whole` they also hear, speak and send a picture of 384 kbit/s that no hall
    watches.
    """
    films = await asyncio.to_thread(lambda: [terminals.film(seed) for seed in range(CAMERAS)])
    async with server(HALLS) as there, AsyncExitStack() as stack:
        more = {"sound": whole, "secure": secure}
        shown = cameras(there, films, **more)
        rest: list[Listener] = []
        for number in range(CAMERAS, HALLS):
            name = alias(number)
            password = there.booked.passwords[name]
            rest.append(Listener(name, password, host_of(number), shows=whole, sound=whole, secure=secure))
        halls = [*shown, *rest]
        for one in halls:
            for stream in (one.audio, one.video):
                stream.rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVER_BYTES)
            await stack.enter_async_context(one)
        first = CAMERAS if whole else 1
        for camera in shown[:first]:
            await there.dial(camera)
        await asyncio.sleep(1)  # by then the program runs
        if whole:
            await there.ask("PUT", "/program", json={"layout": "3x3"})  # the picture shows the halls that joined first
        calls = await set_up(there, halls[first:])
        if whole:
            await mute(there, rest)
        await asyncio.sleep(SETTLE_S)
        received = await asyncio.to_thread(take_over, there, halls, seconds, whole)
        return received | {"calls": calls} | {"transcoding": await asyncio.to_thread(transcoding.measure)}


async def mute(there: There, halls: Sequence[Listener]) -> None:
    """Mute these halls, as the chair of a large meeting does: nine halls may speak, and the sound of the others is not mixed."""
    rows = await there.ask("GET", "/legs")
    names = {one.name for one in halls}
    wanted = [row["leg_id"] for row in _items(rows) if row["terminal_id"] in names]
    await there.ask("POST", "/legs/commands", json={"action": "mute", "leg_ids": wanted})


def _items(rows: Any) -> list[Result]:
    found: list[Result] = rows["items"] if isinstance(rows, dict) else rows
    return found


async def set_up(there: There, halls: Sequence[Listener]) -> Result:
    """Let the halls dial, AT_ONCE at a time."""
    pids = there.server.pid, there.mixer_pid
    before, begun = [cpu_s(pid) for pid in pids], time.monotonic()
    await at_once([partial(there.dial, one) for one in reversed(halls)])
    lasted = time.monotonic() - begun
    used = [cpu_s(pid) - one for pid, one in zip(pids, before, strict=True)]
    return {
        "count": len(halls),
        "per_s": round(len(halls) / lasted, 1),
        "cpu_ms": round(used[0] / len(halls) * 1e3, 2),
        "mixer_cpu_ms": round(used[1] / len(halls) * 1e3, 2),
    }


def take_over(there: There, halls: Sequence[Listener], seconds: float, whole: bool) -> Result:
    """Let the generator read and answer for all halls. Raise RuntimeError with its error message."""
    lines = [line(one, kind, stream, whole) for one in halls for kind, stream in one.streams()]
    return generate(there, lines, {}, seconds)


def generate(there: There, lines: Sequence[Result], loops: dict[str, list[str]], seconds: float) -> Result:
    """Run the generator. `loops` are payloads that halls send in turn, by the names that the lines use."""
    pids = [there.server.pid, there.mixer_pid]
    orders = {"lines": lines, "loops": loops, "pids": pids, "warmup": 3, "seconds": seconds}
    handed = [fd for one in lines for fd in (one["rtp"], one["rtcp"])]
    done = subprocess.run(
        [str(peers.build_generator()), "halls"],
        input=json.dumps(orders),
        capture_output=True,
        text=True,
        pass_fds=handed,
        timeout=seconds + 60,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-500:])
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result


def line(hall: Listener, kind: str, stream: Any, whole: bool) -> Result:
    made: Result = {
        "kind": kind,
        "rtp": stream.rtp.fileno(),
        "rtcp": stream.rtcp.fileno(),
        "rtcp_remote": "{}:{}".format(*stream.remote_rtcp),
    }
    if hall.keys:
        made["keys"] = [hall.server_keys[kind].hex(), hall.keys[kind].hex()]
    if whole and not isinstance(hall, Camera):
        remote = "{}:{}".format(*stream.remote)
        voice = {"payload_type": stream.payload_type, "remote": remote}
        if kind == "audio":
            made["voice"] = voice | {"bytes": 160, "period_us": 20_000, "clock_step": 160}
        else:  # 40 packets/s of 1200 bytes
            made["voice"] = voice | {"bytes": 1200, "period_us": 25_000, "clock_step": 2250}
    return made


# -- open microphones


async def open_microphones(seconds: float, halls: int = HALLS) -> Result:
    """Measure halls that all send sound, and none is muted. No hall sends or sees pictures."""
    seconds = max(seconds, SETTLE_S + voices.WORDS * voices.BETWEEN_S)
    async with server(halls) as there, AsyncExitStack() as stack:
        given = [
            (number, alias(number), there.booked.passwords[alias(number)], host_of(number)) for number in range(halls)
        ]
        speakers = [voices.Speaker(*one) for one in given[: voices.WORDS]]
        ear = voices.Ear(*given[2 * voices.WORDS])  # hears by Opus, the codec of this number
        others = [one for one in given[voices.WORDS :] if one[1] != ear.name]
        rest = [Listener(*one[1:], sees=False, codec=voices.codec_of(one[0])) for one in others]
        for one in (*speakers, ear, *rest):
            one.audio.rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVER_BYTES)
            await stack.enter_async_context(one)
        await there.dial(ear)
        await asyncio.sleep(1)  # by then the mixer runs
        calls = await set_up(there, [*speakers, *rest])
        lines = [open_line(one, number) for number, one in zip((one[0] for one in others), rest, strict=True)]
        works = asyncio.to_thread(generate, there, lines, await asyncio.to_thread(voices.loops), seconds)
        running = asyncio.ensure_future(works)
        await asyncio.sleep(SETTLE_S)
        begun_ns = time.time_ns()
        for number, speaker in enumerate(speakers):
            speaker.at_s = asyncio.get_running_loop().time() + number * voices.BETWEEN_S
        received = await running
        heard = [one for one in ear.packets if one[0] > begun_ns]
        found = await asyncio.to_thread(voices.words, heard, ear.codec)
    return received | {"calls": calls, "words_ms": found}


def open_line(hall: Listener, number: int) -> Result:
    """Return the generator's line for a hall. The two halls with the numbers WORDS and WORDS + 1 talk."""
    made = line(hall, "audio", hall.audio, whole=False)
    talks = {0: voices.TALK_HZ[0], 1: voices.TALK_HZ[1]}.get(number - voices.WORDS)
    made["voice"] = {
        "payload_type": hall.audio.payload_type,
        "remote": "{}:{}".format(*hall.audio.remote or ("", 0)),
        "bytes": 160,
        "period_us": 20_000,
        "clock_step": voices.CLOCKS[hall.codec],
        "loop": voices.loop_of(number, talks),
    }
    return made


# -- how late


async def delays(seconds: float) -> Result:
    """Measure nine halls in one 3x3 picture of 720p30, another hall that sees and hears the picture, and a browser client."""
    films = await asyncio.to_thread(lambda: [terminals.film(seed) for seed in range(CAMERAS)])
    async with server(CAMERAS + 1) as there, AsyncExitStack() as stack:
        shown = cameras(there, films)
        name = alias(CAMERAS)
        witness = Witness(name, there.booked.passwords[name], host_of(CAMERAS))
        for one in (*shown, witness):
            await stack.enter_async_context(one)
            await there.dial(one)
        await asyncio.sleep(SETTLE_S)
        listening = asyncio.ensure_future(listen(there, seconds + SETTLE_S))
        await asyncio.sleep(SETTLE_S)  # the start of a process delays the cameras for a moment
        since = time.time_ns()
        pids = there.server.pid, there.mixer_pid
        before = [cpu_s(pid) for pid in pids]
        heard = await listening
        cores = [round((cpu_s(pid) - one) / seconds, 3) for pid, one in zip(pids, before, strict=True)]
        until = time.time_ns() - SECOND_NS
    bursts = sorted(at for one in shown for at in one.bursts if since < at < until)
    flashes = [[at for at in one.flashes if since < at < until] for one in shown]
    return {
        "hall_ms": spread(matched(bursts, onsets(hall_sound(witness.kept.audio)))),
        "browser_ms": spread(matched(bursts, onsets(browser_sound(heard)))),
        "picture_ms": spread(seen(flashes, witness.kept.video)),
        "bursts": len(bursts),
        "flashes": sum(len(one) for one in flashes),
        "cores": cores,
    }


async def listen(there: There, seconds: float) -> list[tuple[int, int, int, str]]:
    """Let a participant of the browser protocol hear all halls. Return (Unix ns, SSRC, RTP time, payload) of each packet."""
    words = [str(peers.build_generator()), "listen", "--server", there.server.url, "--pid", str(there.server.pid)]
    words += ["--key", there.server.key, "--secret", there.server.secret, "--seconds", str(int(seconds))]
    words += ["--conference", f"o-{there.booked.occurrence}"]
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, errors = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(errors.decode()[-500:])
    return [tuple(row) for row in json.loads(out)["heard"]]


Sound = list[tuple[int, np.ndarray, int]]
"""The arrival time of each packet (Unix ns), its samples, and their rate."""


def hall_sound(packets: Sequence[Arrived]) -> list[Sound]:
    decoder = open_decoder("pcma")
    return [[(one.at_ns, decoder.decode(one.data[12:]), 48_000) for one in sorted(packets, key=lambda one: one.at_ns)]]


def browser_sound(heard: Sequence[tuple[int, int, int, str]]) -> list[Sound]:
    found: dict[int, Sound] = {}
    decoders: dict[int, Any] = {}
    for at_ns, ssrc, _, payload in heard:
        decoder = decoders.setdefault(ssrc, open_decoder("opus"))
        samples = decoder.decode(bytes.fromhex(payload))
        found.setdefault(ssrc, []).append((at_ns, samples, 48_000))
    return list(found.values())


def onsets(sounds: Sequence[Sound]) -> list[int]:
    """Return the times (Unix ns) at which bursts begin to be heard, if each sample is played as soon as possible."""
    found = []
    for sound in sounds:
        quiet_until = 0
        for at_ns, samples, rate_hz in sound:
            loud = np.flatnonzero(np.abs(samples) > 4000)
            if not len(loud):
                continue
            if at_ns > quiet_until:
                found.append(at_ns + int(loud[0]) * SECOND_NS // rate_hz)
            quiet_until = at_ns + 150_000_000
    return sorted(found)


def matched(made: Sequence[int], found: Sequence[int]) -> list[float]:
    """Return the time from each item of `made` to the first item of `found` after it, in ms."""
    delays = []
    for at in made:
        later = [one - at for one in found if 0 < one - at < NEAR_NS]
        delays += [later[0] / 1e6] if later else []
    return delays


def seen(flashes: Sequence[Sequence[int]], packets: Sequence[Arrived]) -> list[float]:
    """Return the delays of each hall's flashes, in ms. A film flashes at unique moments. So a hall's place in the picture is
    the place where the delays vary least.
    """
    rises = bright(packets)
    found = []
    for made in flashes:
        ways = [way for way in (matched(made, rise) for rise in rises) if len(way) >= max(2, len(made) * 2 // 3)]
        found += min(ways, key=lambda way: statistics.pstdev(way), default=[])
    return found


def bright(packets: Sequence[Arrived]) -> list[list[int]]:
    """Return, for each place of a 3x3 picture, when its middle turned white (Unix ns of the last packet of that picture)."""
    places = rects("3x3", 1280, 720)
    middles = [(one.y + one.height // 2, one.x + one.width // 2) for one in places]
    rises: list[list[int]] = [[] for _ in places]
    was = [True] * len(places)
    for at_ns, luma in terminals.pictures(packets):
        for place, (row, column) in enumerate(middles):
            white = float(luma[row - 8 : row + 8, column - 8 : column + 8].mean()) > 205
            if white and not was[place]:
                rises[place].append(at_ns)
            was[place] = white
    return rises


# -- how soon


async def first_frames(calls: int, *, out: bool) -> Result:
    """Measure calls, one after another, into a running 3x3 group. With `out` the server calls the halls."""
    films = await asyncio.to_thread(lambda: [terminals.film(seed) for seed in range(CAMERAS)])
    port = free_port() if out else 0
    async with server(CAMERAS + calls, port) as there, AsyncExitStack() as stack:
        for shown in cameras(there, films):
            await stack.enter_async_context(shown)
            await there.dial(shown)
        await asyncio.sleep(SETTLE_S)
        timed = []
        for number in range(CAMERAS, CAMERAS + calls):
            name = alias(number)
            one = Timed(name, there.booked.passwords[name], host_of(number), port)
            timed.append(await stack.enter_async_context(one))
        taken = []
        for number, one in enumerate(timed):
            if out:
                await there.ask("POST", "/legs", json={"terminal_id": one.name})
            else:
                await there.dial(one)
            taken.append(await one.first_frame_ms(FIRST_FRAME_S))
            await asyncio.sleep(0.5 + number % 5 * 0.007)
        return {"first_frame_ms": spread(taken), "each": [round(one) for one in taken]}


# -- the table


@dataclass(frozen=True)
class Entry:
    """A line of the table. `read` returns the text, and whether the figure is within the budget (None without a budget)."""

    title: str
    row: str
    read: Callable[[Result], tuple[str, bool | None]]
    budget: str = ""


def core_a_hall(budget: float, secure: bool = False) -> Callable[[Result], tuple[str, bool | None]]:
    def read(result: Result) -> tuple[str, bool | None]:
        video, share = result["received"]["video"], result["cores"][0] / HALLS
        text = f"{share:.5f} core, {video['mbps_per_line']:.2f} Mbit/s each, lost {video['lost']} of {video['packets']}"
        void = faults(result, secure)
        if void:
            return f"{text}; VOID: {', '.join(void)}", False if budget else None
        return text, share <= budget if budget else None

    return read


def faults(result: Result, secure: bool) -> list[str]:
    """Return the reasons why a row of many halls is void."""
    video = result["received"]["video"]
    found = []
    if video["lines"] != HALLS or video["restarted"] or video["least_packets"] < 0.9 * video["most_packets"]:
        found.append("not all halls were served all the time")
    if result["dropped_at_halls"]:
        found.append(f"{result['dropped_at_halls']} dropped at the halls' own sockets")
    if video["mbps_per_line"] < LEAST_MBPS:
        found.append("the program was less than it should be")
    if video["forged"] or secure != (video["genuine"] > 0):
        found.append("packets that were not genuine")
    return found


def transcoded(result: Result) -> tuple[str, bool | None]:
    share = result["transcoding"]["cores"]
    return f"{share:.3f} core: {share / (result['cores'][0] / HALLS):.0f} times as much", None


def mixed(result: Result) -> tuple[str, bool | None]:
    return f"{result['cores'][1]:.2f} core for all", None


def chopped(result: Result) -> tuple[str, bool | None]:
    """Read the packets each second. The aim is 50, also for the hall that got the fewest. Half a packet may fall outside the
    window.
    """
    audio = result["received"]["audio"]
    least, most = (audio[name] / result["seconds"] for name in ("least_packets", "most_packets"))
    return f"{least:.1f} to {most:.1f}/s, lost {audio['lost']} of {audio['packets']}", least >= 49.9 and not audio[
        "lost"
    ]


def spent(result: Result) -> tuple[str, bool | None]:
    server, mixer = result["cores"]
    return f"{server + mixer:.2f} core (server {server:.2f}, mixer {mixer:.2f})", server + mixer <= 0.5


def first_words(result: Result) -> tuple[str, bool | None]:
    cut = voices.cut_ms(result["words_ms"])
    well = len(cut) == voices.WORDS and max(cut) <= 60
    return f"at most {max(cut, default=400):.0f} ms, {len(cut)} of {voices.WORDS} heard", well


def rate(result: Result) -> tuple[str, bool | None]:
    calls = result["calls"]
    return f"{calls['per_s']:.0f}/s, {calls['cpu_ms']:.1f} ms CPU each (mixer {calls['mixer_cpu_ms']:.1f} ms)", None


def within(name: str, budget_ms: float = 0) -> Callable[[Result], tuple[str, bool | None]]:
    def read(result: Result) -> tuple[str, bool | None]:
        found = result[name]
        text = f"{found['p50']:.0f} / {found['p95']:.0f} ms ({found['count']})"
        return text, found["p95"] <= budget_ms if budget_ms else None

    return read


ENTRIES = (
    Entry("240 halls see one program of 2 Mbit/s: server, a hall", "fan-out", core_a_hall(0.001), "0.001 core"),
    Entry("the same by SRTP", "fan-out-srtp", core_a_hall(0.002, secure=True), "0.002 core"),
    Entry("the same, and all hear, speak and show", "fan-out-whole", core_a_hall(0)),
    Entry("decoding and encoding 720p30 for one hall", "fan-out", transcoded),
    Entry("mixer process of the 240", "fan-out", mixed),
    Entry("239 halls dial in, 8 at once", "fan-out", rate),
    Entry("the same with SRTP", "fan-out-srtp", rate),
    Entry("240 halls send sound, two talk: packets at each", "open", chopped, "50.0/s"),
    Entry("the same: server and mixer", "open", spent, "0.5 core"),
    Entry("the same: missing of the first word of a new speaker", "open", first_words, "60 ms"),
    Entry("Speech, hall to hall, added, p50 / p95", "delays", within("hall_ms", 120), "120 ms"),
    Entry("Speech, hall to browser", "delays", within("browser_ms", 120), "120 ms"),
    Entry("Picture, camera to 3x3 program at another hall", "delays", within("picture_ms", 250), "250 ms"),
    Entry("INVITE to first decoded picture, hall dials", "dial-in", within("first_frame_ms")),
    Entry("the same, hall is called", "dial-out", within("first_frame_ms")),
)


async def run_row(name: str, given: argparse.Namespace) -> Result:
    rows: dict[str, Callable[[], Any]] = {
        "fan-out": lambda: fan_out(given.seconds),
        "fan-out-srtp": lambda: fan_out(given.seconds, secure=True),
        "fan-out-whole": lambda: fan_out(given.seconds, whole=True),
        "open": lambda: open_microphones(given.seconds),
        "delays": lambda: delays(max(given.seconds, 20)),
        "dial-in": lambda: first_frames(given.calls, out=False),
        "dial-out": lambda: first_frames(given.calls, out=True),
    }
    load = os.getloadavg()[0]
    result: Result = await rows[name]()
    return result | {"load": [round(load, 1), round(os.getloadavg()[0], 1)]}


def table(results: dict[str, Result]) -> str:
    lines = ["| Halls | measured | budget | |", "|---|---|---|---|"]
    for entry in ENTRIES:
        result = results.get(entry.row)
        if result is None:
            continue
        try:
            text, well = ("failed", None) if "error" in result else entry.read(result)
        except (TypeError, KeyError):
            text, well = "failed", None
        verdict = "" if well is None else "within" if well else "MISSED"
        lines.append(f"| {entry.title} | {text} | {entry.budget} | {verdict} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(dict.fromkeys(entry.row for entry in ENTRIES))
    parser.add_argument("--rows", default=",".join(names), help=f"some of {','.join(names)}")
    parser.add_argument("--seconds", type=float, default=12, help="measuring window")
    parser.add_argument("--calls", type=int, default=24, help="calls of the rows of first pictures")
    parser.add_argument("--json", type=Path, help="file for all results")
    given = parser.parse_args()
    wanted = given.rows.split(",")
    if not set(wanted) <= set(names):
        raise SystemExit(f"rows: {', '.join(names)}")
    peers.build_generator()
    results: dict[str, Result] = {}
    for name in wanted:
        try:
            results[name] = asyncio.run(run_row(name, given))
        except Exception as error:  # the other rows are still useful
            results[name] = {"error": f"{type(error).__name__}: {error}"}
        print(f"{name}: {json.dumps(results[name])}", file=sys.stderr, flush=True)
    print("\n" + table(results))
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 1 if any("error" in one for one in results.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
