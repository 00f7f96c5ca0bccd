"""A conference with many participants. All have a microphone, some have a camera, and some speak at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.conftest import LiveServer
from tests.interop.guest import Guests, Plan, Report, Role
from tests.interop.person import token
from tests.running.runs import LONG_RUN

pytestmark = [
    pytest.mark.native,
    pytest.mark.whole_machine if LONG_RUN else pytest.mark.heavy,
    pytest.mark.slow,
    pytest.mark.longer,
]

PEOPLE = [f"p{number:02}" for number in range(25 if LONG_RUN else 10)]
PROCESSES = len(PEOPLE) // 5
"""Client processes. Chosen: a library has one signalling thread for all its participants. Fewer: this thread gets too slow.
More: the processes need more memory.
"""
TAKES_ALL = PEOPLE[:PROCESSES]
"""The participants that receive every track, with one and with two connections. The other participants receive only tracks of
speakers and cameras. A client mixes all its received streams every 10 ms, and two cores cannot mix the 600 streams of 25
participants.
"""
TONES = {"p00": 400.0, "p07": 900.0}
COLOURS = {PEOPLE[0]: "red", PEOPLE[len(PEOPLE) // 2]: "blue", PEOPLE[-1]: "green"}
FPS = 5
FREEZE = 5 * FPS
"""Pictures. Chosen: the participants load the machine, and clients drop some pictures. A failure of the server stops
pictures for longer. Larger: the test misses a stopped picture. Smaller: the test fails on a loaded machine.
"""
LONG = FREEZE + 7
"""Pictures. Chosen: more than FREEZE. Larger: the test takes longer. Smaller: the test misses a picture that stops later."""
BOUND_S = 240.0


async def test_many_people_see_and_hear_all_others(server: LiveServer) -> None:
    processes = [await Guests.start(Plan(server.ws_url, _roles(server, first))) for first in range(PROCESSES)]
    try:
        await _all(processes, _is_complete, "all tracks of all at all")
        await _all(processes, _sees_all, "pictures that go on")
        await _all(processes, _hears_all, "the right tones")
        for reports in await asyncio.gather(*(one.report() for one in processes)):
            for report in reports.values():
                _check_pictures(report)
                assert not {"reconnecting", "disconnected", "participant_disconnected"} & {
                    name for name, _ in report.events
                }
        gone = processes.pop()
        await gone.stop()
        left = len(PEOPLE) - len(PEOPLE) // PROCESSES
        await _all(processes, lambda _, report: len(report.present) == left - 1, "all know who left")
    finally:
        await asyncio.gather(*(one.kill() for one in processes))


def _roles(server: LiveServer, first: int) -> list[Role]:
    return [
        Role(
            name,
            token(server.api_key, server.api_secret, name, "crowd"),
            colour=COLOURS.get(name, ""),
            hz=TONES.get(name, 0.0),
            takes=None if name in TAKES_ALL else [*TONES, *COLOURS],
            hears=list(TONES),
            dual=PEOPLE.index(name) % 2 == 0,
            size=(160, 120),
            fps=FPS,
            bitrate_bps=60_000,
        )
        for name in PEOPLE[first::PROCESSES]
    ]


async def _all(processes: list[Guests], condition: Callable[[str, Report], bool], what: str) -> None:
    def holds(reports: dict[str, Report]) -> bool:
        return all(condition(name, report) for name, report in reports.items())

    await asyncio.gather(*(one.until(holds, what, BOUND_S) for one in processes))


def _is_complete(name: str, report: Report) -> bool:
    wanted = {f"{other} KIND_AUDIO" for other in PEOPLE if other != name}
    wanted |= {f"{other} KIND_VIDEO" for other in COLOURS if other != name}
    taken = wanted if name in TAKES_ALL else {track for track in wanted if track.split()[0] in {*TONES, *COLOURS}}
    return sorted(wanted) == sorted(report.known) and sorted(taken) == sorted(report.subscribed)


def _sees_all(name: str, report: Report) -> bool:
    return all(report.sees(other, colour, LONG) for other, colour in COLOURS.items() if other != name)


def _hears_all(name: str, report: Report) -> bool:
    return all(report.hears(other, hz) for other, hz in TONES.items() if other != name)


def _check_pictures(report: Report) -> None:
    for sights in report.sights.values():
        counters = [counter for counter, _, _ in sights]
        assert counters == sorted(set(counters)), "pictures go forward, none twice"
        late = counters[len(counters) // 3 :]
        assert max(b - a for a, b in pairwise(late)) <= FREEZE
