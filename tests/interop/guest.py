"""Participants in a separate process. The process may run in another network namespace, or several processes share a crowd.

`python -m tests.interop.guest '<JSON of Plan>'` starts it. For every line on standard input it prints a report, one line of
JSON. At the end of input all participants leave. Tests use `Guests`.
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

REPORT_PAUSE_S = 0.2
"""Seconds between two reports. Chosen. Larger: each wait may take longer. Smaller: the guests search tones in their sound and use
processor time.
"""


@dataclass
class Role:
    """A participant and its media. An empty `colour` means no camera. `hz` None means no microphone, and 0 means a silent
    microphone.
    """

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
    """The state of one participant, as plain values."""

    counter: int
    """The number of the newest picture from the participant's own camera."""
    present: list[str]
    known: list[str]
    """The published tracks in the conference, as `identity KIND_AUDIO` and similar."""
    subscribed: list[str]
    """The tracks that the participant receives, in the same form."""
    sights: dict[str, list[tuple[int, str, int]]] = field(default_factory=dict)
    """The received pictures (counter, colour, width), by identity."""
    tones: dict[str, float] = field(default_factory=dict)
    """Hz of the current tone, by identity. 0 means no tone."""
    events: list[tuple[str, str]] = field(default_factory=list)
    made: dict[str, int] = field(default_factory=dict)
    """The number of encoded pictures, by RID, if the participant's own camera has layers."""

    def sees(self, identity: str, colour: str, count: int = 1) -> bool:
        found = self.sights.get(identity, [])
        return len(found) >= count and {one[1] for one in found} == {colour}

    def hears(self, identity: str, hz: float) -> bool:
        return abs(self.tones.get(identity, 0.0) - hz) < 8


class Guests:
    """The test's control of one such process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, plan: Plan, *, prefix: Sequence[str] = ()) -> Guests:
        """Start the process. `prefix` is a command that runs the process elsewhere, such as `Namespace.prefix`."""
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
            told = await self.report()
            found.clear()
            found.update(told)
            holds = condition(found)
            if not holds:
                await asyncio.sleep(REPORT_PAUSE_S)
            return holds

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
        """End the process without leaving the conferences. Use it when the test does not check how the clients leave."""
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
    # Run the participants of the plan. The library's threads call Python for every event, so the switch interval is short.
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
            found = {role.identity: vars(await report) for role, report in zip(plan.roles, reports, strict=True)}
            print(json.dumps(found), flush=True)
    finally:
        await asyncio.gather(*(one.leave() for one in people.values()))


if __name__ == "__main__":
    given: dict[str, Any] = json.loads(sys.argv[1])
    roles = [Role(**{**role, "size": tuple(role["size"])}) for role in given["roles"]]
    asyncio.run(_run(Plan(given["url"], roles)))
