"""The time until all participants hear the others again, after the server was stopped or killed and another server took its
place.

`python tests/bench/returns/restart.py --people 50 --processes 5 --takes tones`. Clients are the `livekit` Python SDK
(libwebrtc) in separate processes. Each has a microphone, and two send a tone. The next server already runs. The CPU seconds
show what limits the return. With `--plain` all but the two clients with a tone are plain sockets that only listen (WebSocket,
STUN, DTLS and SRTP are real). So the crowd can be larger than the machine could run with the library. Plain sockets come back
at once. If that fails, they try again after a moment.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import aiohttp

from tests.bench import peers
from tests.clients.listener import Listener
from tests.interop.guest import Guests, Plan, Report, Role
from tests.interop.person import token
from tests.interop.proxy import Proxy

BOUND_S = 180.0
EVERY_S = 0.2
AGAIN_S = 0.3
TONES = {"p00": 400.0, "p01": 900.0}
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass
class Run:
    """Times from the old server's stop, for each client, and CPU seconds until the last client heard all tones again."""

    people: int
    back_s: dict[str, float] = field(default_factory=dict)
    heard_s: dict[str, float] = field(default_factory=dict)
    server_cpu_s: float = 0.0
    clients_cpu_s: float = 0.0
    sent_away: int = 0
    again: int = 0
    """Failed attempts of plain sockets."""


def _roles(names: Sequence[str], secret: str, takes: str) -> list[Role]:
    return [
        Role(
            name,
            token(peers.KEY, secret, name, "restart"),
            hz=TONES.get(name, 0.0),
            takes=None if takes == "all" else list(TONES),
            hears=list(TONES),
        )
        for name in names
    ]


async def _reports(processes: list[Guests]) -> dict[str, Report]:
    found: dict[str, Report] = {}
    for part in await asyncio.gather(*(one.report() for one in processes)):
        found |= part
    return found


def _hears(name: str, report: Report) -> bool:
    return all(report.hears(other, hz) for other, hz in TONES.items() if other != name)


class Crowd:
    """The participants on plain sockets. They join at the start of `async with`, and leave at its end."""

    def __init__(self, url: str, tokens: dict[str, str]) -> None:
        self._url, self._tokens = url, tokens
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._people: dict[str, Listener] = {}

    async def __aenter__(self) -> Self:
        await asyncio.gather(*(self._join(name) for name in self._tokens))
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(one.leave() for one in self._people.values()))
        await self._http.close()

    @property
    def hears(self) -> bool:
        return all(one.heard for one in self._people.values())

    async def come_again(self, run: Run, begin: float) -> None:
        await asyncio.gather(*(self._come_again(name, run, begin) for name in self._tokens))

    async def _come_again(self, name: str, run: Run, begin: float) -> None:
        while not self._people[name].is_cut:
            await asyncio.sleep(0.01)
        await self._people[name].leave()
        while True:
            try:
                await self._join(name)
                break
            except (AssertionError, aiohttp.ClientError, ConnectionError, TimeoutError):
                run.again += 1
                await self._people[name].leave()
                await asyncio.sleep(AGAIN_S)
        run.back_s[name] = time.monotonic() - begin
        while not self._people[name].heard:
            await asyncio.sleep(0.01)
        run.heard_s[name] = time.monotonic() - begin

    async def _join(self, name: str) -> None:
        self._people[name] = Listener(self._http, self._url, self._tokens[name])
        await self._people[name].join()


async def restart(given: argparse.Namespace) -> Run:
    secret, run = secrets.token_hex(24), Run(given.people)
    names = [f"p{number:02}" for number in range(given.people)]
    plain = [name for name in names if given.plain and name not in TONES]
    with peers.diemcau(API_SECRET=secret) as first, peers.diemcau(API_SECRET=secret) as second:
        async with Proxy(first.port) as proxy:
            count = 1 if given.plain else given.processes
            libraries = [name for name in names if name not in plain]
            plans = [Plan(proxy.url, _roles(libraries[place::count], secret, given.takes)) for place in range(count)]
            processes = [await Guests.start(plan) for plan in plans]
            try:
                await _until_all_hear(processes)
                async with Crowd(
                    proxy.url, {name: token(peers.KEY, secret, name, "restart") for name in plain}
                ) as crowd:
                    await _until(lambda: crowd.hears)
                    pids = [os.getpid() if given.plain else 0, *(process._process.pid for process in processes)]
                    before = (_cpu_s([second.pid]), _cpu_s(pids))
                    proxy.lead_to(second.port)
                    begin = time.monotonic()
                    os.kill(first.pid, signal.SIGKILL if given.killed else signal.SIGTERM)
                    async with asyncio.timeout(BOUND_S):
                        await asyncio.gather(_watch(processes, run, begin), crowd.come_again(run, begin))
                    run.server_cpu_s = _cpu_s([second.pid]) - before[0]
                    run.clients_cpu_s = _cpu_s(pids) - before[1]
            finally:
                await asyncio.gather(*(one.kill() for one in processes))
    return run


async def _until_all_hear(processes: list[Guests]) -> None:
    deadline = time.monotonic() + BOUND_S
    while not all(_hears(name, report) for name, report in (await _reports(processes)).items()):
        assert time.monotonic() < deadline, "they do not come together"
        await asyncio.sleep(EVERY_S)


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline, "they do not come together"
        await asyncio.sleep(EVERY_S)


async def _watch(processes: list[Guests], run: Run, begin: float) -> None:
    waited: set[str] = {"?"}
    while waited and time.monotonic() < begin + BOUND_S:
        await asyncio.sleep(EVERY_S)
        found = await _reports(processes)
        now_s = time.monotonic() - begin
        for name, report in found.items():
            names = [event for event, _ in report.events]
            if "reconnected" in names:
                run.back_s.setdefault(name, now_s)
                if _hears(name, report):
                    run.heard_s.setdefault(name, now_s)
        run.sent_away = sum("disconnected" in [event for event, _ in report.events] for report in found.values())
        waited = found.keys() - run.heard_s.keys()


def _cpu_s(pids: list[int]) -> float:
    """Return the user and system time of these processes."""
    fields = (Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids if pid)
    return sum(int(values[11]) + int(values[12]) for values in fields) / TICKS_PER_S


def _spread(values: list[float]) -> str:
    ordered = sorted(values)
    return f"n={len(ordered)} p50 {ordered[len(ordered) // 2]:.1f} max {ordered[-1]:.1f} s" if ordered else "nobody"


def tell(run: Run) -> str:
    return (
        f"{run.people} people: reconnected {_spread([*run.back_s.values()])}; heard again {_spread([*run.heard_s.values()])}; "
        f"CPU of the server {run.server_cpu_s:.1f} s, of the clients {run.clients_cpu_s:.1f} s; "
        f"sent away {run.sent_away}, attempts that failed {run.again}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--processes", type=int, default=5, help="one library has one thread for all its clients")
    parser.add_argument("--takes", choices=("all", "tones"), default="all", help="whose tracks each one subscribes to")
    parser.add_argument("--plain", action="store_true", help="all but two are plain sockets")
    parser.add_argument("--killed", action="store_true", help="instead of told to stop")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = asyncio.run(restart(options))
    print(tell(result))
    if options.json:
        options.json.write_text(json.dumps(asdict(result)))
