"""Participants in a process of their own: in another network namespace, or to share a crowd among processes.

Started as `python -m tests.interop.guest '<JSON of Plan>'`; every line on standard input asks for a report, which is one line of
JSON on standard output; the end of input makes everybody leave. `Guests` is the test's side of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from livekit import rtc

from tests.conftest import ROOT
from tests.interop.person import BOUND_S, Camera, Person, View
from tests.waiting import until


@dataclass
class Role:
    """One participant. No colour: no camera; no tone (None): no microphone; 0 Hz: a silent one."""

    identity: str
    token: str
    colour: str = ""
    hz: float | None = None
    takes: list[str] | None = None
    hears: list[str] | None = None
    dual: bool = False
    size: tuple[int, int] = (320, 240)
    fps: int = 15
    bitrate_bps: int = 500_000
    simulcast: bool = False
    grain: int = 0


@dataclass
class Plan:
    url: str
    roles: list[Role]


@dataclass
class Report:
    """What one participant knows, as plain values."""

    counter: int
    """Of the own camera."""
    present: list[str]
    known: list[str]
    """`identity KIND_AUDIO` and so on of every track that exists."""
    subscribed: list[str]
    """Of every track that came."""
    sights: dict[str, list[tuple[int, str, int]]] = field(default_factory=dict)
    """identity -> (counter, colour, width) of every picture."""
    tones: dict[str, float] = field(default_factory=dict)
    """identity -> Hz of what is heard now; 0: nothing."""
    events: list[tuple[str, str]] = field(default_factory=list)
    made: dict[str, int] = field(default_factory=dict)
    """RID -> pictures that were encoded so far, where the own camera has layers."""

    def sees(self, identity: str, colour: str, count: int = 1) -> bool:
        found = self.sights.get(identity, [])
        return len(found) >= count and {one[1] for one in found} == {colour}

    def hears(self, identity: str, hz: float) -> bool:
        return abs(self.tones.get(identity, 0.0) - hz) < 8


class Guests:
    """The test's hand on one such process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, plan: Plan, *, prefix: Sequence[str] = ()) -> Guests:
        """`prefix`: a command that runs the rest elsewhere, such as `Namespace.prefix`."""
        process = await asyncio.create_subprocess_exec(
            *(*prefix, sys.executable, "-m", "tests.interop.guest", json.dumps(asdict(plan))),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        return cls(process)

    async def report(self) -> dict[str, Report]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"report\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), BOUND_S)
        assert line, f"the guests ended with {await self._process.wait()}"
        return {identity: Report(**values) for identity, values in json.loads(line).items()}

    async def until(
        self, condition: Callable[[dict[str, Report]], object], what: str, bound_s: float = BOUND_S
    ) -> None:
        """Wait until the reports of the guests meet the condition. Fail with `what` and the last reports."""
        found: dict[str, Report] = {}

        async def met() -> object:
            found.update(await self.report())
            return condition(found)

        await until(met, lambda: f"{what}: {found}", bound_s)

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), BOUND_S)
        except TimeoutError:
            await self.kill()
            raise

    async def kill(self) -> None:
        """Ends the process without leaving: where the test is over, and how the clients go is not its matter."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


async def _play(person: Person, role: Role) -> Camera | None:
    await person.join()
    if role.hz is not None:
        await person.speak(role.hz)
    if not role.colour:
        return None
    return await person.show(
        role.colour,
        size=role.size,
        fps=role.fps,
        bitrate_bps=role.bitrate_bps,
        simulcast=role.simulcast,
        grain=role.grain,
    )


async def _report(person: Person, camera: Camera | None, role: Role) -> Report:
    return Report(
        counter=camera.counter if camera else 0,
        present=sorted(person.room.remote_participants),
        known=[
            f"{who.identity} {rtc.TrackKind.Name(track.kind)}"
            for who in person.room.remote_participants.values()
            for track in who.track_publications.values()
        ],
        subscribed=[detail for name, detail in person.events if name == "subscribed"],
        sights={identity: _sights(view) for (identity, _), view in person.views.items()},
        tones={identity: ear.hz for identity, ear in person.ears.items()},
        events=person.events,
        made=await _made(camera) if camera and role.simulcast else {},
    )


async def _made(camera: Camera) -> dict[str, int]:
    track = camera.publication.track
    assert track is not None
    sent = [one.outbound_rtp for one in await track.get_stats() if one.HasField("outbound_rtp")]
    return {one.outbound.rid: one.outbound.frames_encoded for one in sent}


def _sights(view: View) -> list[tuple[int, str, int]]:
    return [(one.counter, one.colour, one.width) for one in view.sights]


async def _run(plan: Plan) -> None:
    # The library calls Python from its own threads for every event: they must not wait long for their turn.
    sys.setswitchinterval(0.0005)
    people = {
        role.identity: Person(plan.url, role.token, dual=role.dual, takes=role.takes, hears=role.hears)
        for role in plan.roles
    }
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    try:
        cameras = dict(
            zip(people, await asyncio.gather(*(_play(people[role.identity], role) for role in plan.roles)), strict=True)
        )
        while await lines.readline():
            reports = [_report(people[role.identity], cameras[role.identity], role) for role in plan.roles]
            found = {role.identity: asdict(await report) for role, report in zip(plan.roles, reports, strict=True)}
            print(json.dumps(found), flush=True)
    finally:
        await asyncio.gather(*(one.leave() for one in people.values()))


if __name__ == "__main__":
    given: dict[str, Any] = json.loads(sys.argv[1])
    roles = [Role(**{**role, "size": tuple(role["size"])}) for role in given["roles"]]
    asyncio.run(_run(Plan(given["url"], roles)))
