"""Sixty terminals of one meeting: ten register late, five are busy at first, three never answer. The board is right at every
second, as a list of the server and as the page of an operator in Chromium.

A board is right if it shows a state that the terminal had a moment ago: `LAG_S` for the list, `PAGE_LAG_S` for the page.
"""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import expect
from sqlalchemy import select

from rooms.store.database import Database
from rooms.store.tables.meetings import Occurrence
from tests.interop.terminals import hallnet
from tests.interop.terminals.fleet import Phone
from tests.interop.terminals.hallnet import Booked
from tests.interop.terminals.test_killed import HOST, Server
from tests.ports import free_port
from tests.rooms.people import LOCAL_COOKIE, signed_in
from tests.rooms.postgres import at_once
from tests.web.shots import shot
from tests.web.visiting import Visit, Visitor

pytestmark = [pytest.mark.heavy, pytest.mark.slow, pytest.mark.sim, pytest.mark.browser, pytest.mark.timeout(600)]

LATE, BUSY, RINGS, DEAF = 10, 5, 2, 1
"""`RINGS` and `DEAF` are the silent terminals: nobody answers the ringing terminal, and the other one does not even ring."""
HALLS = 60
LASTS_S = 110
"""Seconds of the whole walk. A ringing terminal has no answer after 60 s (RING_S), and a busy one is called again after 30 s."""
COMES_S, EACH_S = 15.0, 2.0
"""The second in which the first late terminal registers, and the seconds until the next one."""
BUSY_S = 40.0
LAG_S, PAGE_LAG_S = 2.0, 4.0
"""The board is sent at most once a second (`BOARD_PACE_S`), and at least every two seconds (`BOARD_S`). Larger: a wrong board
passes. Smaller: a busy machine fails the test.
"""
LEAD_S = 1.0
"""Seconds by which the list may be ahead of a terminal: a call is stored before its INVITE is sent."""
SAMPLE_S = 0.05
ALLOWED: Mapping[str, frozenset[tuple[str, str]]] = {
    "away": frozenset({("idle", ""), ("failed", "not_registered"), ("calling", "")}),
    "waits": frozenset({("idle", ""), ("failed", "not_registered"), ("calling", "")}),
    "called": frozenset({("calling", "")}),
    "rings": frozenset({("ringing", "")}),
    "stands": frozenset({("connected", "")}),
    "busy": frozenset({("failed", "busy")}),
    "cancelled": frozenset({("failed", "no_answer")}),
    "deaf": frozenset({("calling", ""), ("failed", "unreachable")}),
}
"""The states of the board, with their reasons, that fit each state of a terminal."""
ROWS = (
    """() => [...document.querySelectorAll('[data-testid=leg]')].map((one) => [one.textContent, one.dataset.state])"""
)


@dataclass
class Watched:
    """A terminal with the states that it had, each with its time."""

    phone: Phone
    states: list[tuple[float, str]] = field(default_factory=lambda: [(0.0, "away")])
    calls: int = 0

    def look(self) -> None:
        """Note the present state, and each call that arrived since the last look."""
        now = time.monotonic()
        if self.phone.called > self.calls:
            self.calls = self.phone.called
            self.states.append((now, "called"))
        state = self._state()
        if self.states[-1][1] != state:
            self.states.append((now, state))

    def _state(self) -> str:
        phone, last = self.phone, (self.phone.told or [""])[-1]
        if "REGISTER" not in phone.told:
            return "away"
        if phone.lines:
            return "stands" if phone.stands else "rings"
        if phone.deaf and phone.called:
            return "deaf"
        return {"busy": "busy", "CANCEL": "cancelled"}.get(last, "waits")

    def within(self, start: float, end: float) -> set[str]:
        """Return the states that the terminal had between these times."""
        later = [at for at, _ in self.states[1:]] + [float("inf")]
        return {state for (at, state), until_ in zip(self.states, later, strict=True) if at <= end and until_ >= start}


@dataclass(frozen=True)
class Reading:
    """A board as it was read between two times: (state, reason) by terminal. The page shows no reason (None)."""

    begun: float
    ended: float
    lag_s: float
    rows: Mapping[str, tuple[str, str | None]]

    def wrong(self, watched: Mapping[str, Watched]) -> Iterator[str]:
        if self.rows.keys() != watched.keys():
            yield f"{len(self.rows)} rows"
        for name, (state, reason) in self.rows.items():
            had = watched[name].within(self.begun - self.lag_s, self.ended + LEAD_S)
            fits = {one for true in had for one in ALLOWED[true]}
            # A call that begins shows the reason of the failure before it.
            if not any(state == shown and (reason in (why, None) or state == "calling") for shown, why in fits):
                yield f"{name} is {state} {reason}, but was {had}"


@pytest.fixture
def booked(tmp_path: Path) -> Booked:
    names = tuple(f"hall-{place:02}" for place in range(HALLS))
    return hallnet.prepare(tmp_path, names, ("127.0.0.0/8",), lobby=False, connect="call")


async def test_the_board_of_sixty_terminals_is_right_at_every_second(
    tmp_path: Path, booked: Booked, visit: Visit
) -> None:
    server = Server(tmp_path, booked, "", free_port(), free_port(), free_port())
    address, cookie = await asyncio.to_thread(at_once, _operator(tmp_path, booked))
    async with AsyncExitStack() as stack:
        watched: dict[str, Watched] = {}
        for place, (name, password) in enumerate(booked.passwords.items()):
            phone = Phone(name, password, f"127.0.1.{place + 1}", (HOST, server.sip))
            watched[name] = Watched(await stack.enter_async_context(phone))
        await server.start()
        stack.push_async_callback(server.stop, signal.SIGKILL)
        visitor = await visit(width=1440, height=900)
        url = f"http://{HOST}:{server.http}"
        await visitor.page.context.add_cookies([{"name": LOCAL_COOKIE, "value": cookie, "url": url}])
        await visitor.page.goto(f"{url}{address}")
        await expect(visitor.part("leg")).to_have_count(HALLS, timeout=60_000)
        readings = await _walk(server, watched, visitor)
        await shot(visitor, tmp_path / "sixty.png")
        assert "Traceback" not in "".join(server.output), "".join(server.output)
    wrong = [f"{one.begun:.1f}: {what}" for one in readings for what in one.wrong(watched)]
    print(f"{len(readings)} boards; {Counter(one.states[-1][1] for one in watched.values())}; {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong[:20])
    assert len(readings) > LASTS_S
    _judge(watched)


async def _operator(folder: Path, booked: Booked) -> tuple[str, str]:
    """Sign an operator in. Return the address of the board and the cookie."""
    database = Database.open(f"sqlite:///{folder / 'data' / 'diemcau.sqlite'}")
    try:
        unit = booked.province.units["tinh"]
        operator = await signed_in(database, "operator", unit, datetime.now(UTC))
        async with database.reading() as session:
            meeting = await session.scalar(select(Occurrence.meeting_id).where(Occurrence.id == booked.occurrence))
        return f"/control/{meeting}/{booked.occurrence}", operator.secret
    finally:
        await database.close()


async def _walk(server: Server, watched: Mapping[str, Watched], visitor: Visitor) -> list[Reading]:
    """Play the part of the terminals, and read both boards once a second."""
    phones = [one.phone for one in watched.values()]
    busy, silent = phones[LATE : LATE + BUSY], phones[LATE + BUSY : LATE + BUSY + RINGS + DEAF]
    for place, one in enumerate(phones):
        one.rings_s = 0.2 * (place % 6)
    for one in busy:
        one.busy = True
    for one in silent[:RINGS]:
        one.rings_s = LASTS_S * 2.0
    for one in silent[RINGS:]:
        one.deaf = True
    begin = time.monotonic()
    readings: list[Reading] = []

    async def look() -> None:
        while True:
            for one in watched.values():
                one.look()
            await asyncio.sleep(SAMPLE_S)

    works = [asyncio.create_task(_come(phones, begin)), asyncio.create_task(look())]
    try:
        for second in range(LASTS_S):
            await asyncio.sleep(max(0.0, begin + second - time.monotonic()))
            readings += [await _listed(server), await _shown(visitor)]
            assert not works[1].done(), works[1].result()
        await works[0]
    finally:
        for work in works:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
    return readings


async def _come(phones: list[Phone], begin: float) -> None:
    """Register the terminals, the late ones one after another. Then the busy ones end their other calls."""
    await asyncio.gather(*(one.register() for one in phones[LATE:]))
    for place, one in enumerate(phones[:LATE]):
        await asyncio.sleep(max(0.0, begin + COMES_S + place * EACH_S - time.monotonic()))
        await one.register()
    await asyncio.sleep(max(0.0, begin + BUSY_S - time.monotonic()))
    for one in phones[LATE : LATE + BUSY]:
        one.busy = False


async def _listed(server: Server) -> Reading:
    begun = time.monotonic()
    rows = await server.rows()
    told = {one["terminal_id"]: (one["state"], (one["reason"] or {}).get("code", "")) for one in rows}
    return Reading(begun, time.monotonic(), LAG_S, told)


async def _shown(visitor: Visitor) -> Reading:
    begun = time.monotonic()
    rows: list[tuple[str, str]] = await visitor.page.evaluate(ROWS)
    told: dict[str, tuple[str, str | None]] = {}
    for text, state in rows:
        found = re.search(r"hall-\d\d", text)
        assert found is not None, text
        told[found[0]] = (state, None)
    return Reading(begun, time.monotonic(), PAGE_LAG_S, told)


def _judge(watched: Mapping[str, Watched]) -> None:
    """Check what became of each kind of terminal."""
    kinds = list(watched.values())
    late, busy = kinds[:LATE], kinds[LATE : LATE + BUSY]
    silent, others = kinds[LATE + BUSY : LATE + BUSY + RINGS + DEAF], kinds[LATE + BUSY + RINGS + DEAF :]
    assert all(one.phone.stands for one in [*late, *busy, *others])
    assert {one.phone.called for one in [*late, *others]} == {1}
    assert all(one.phone.told.count("busy") >= 1 and one.phone.told.count("stands") == 1 for one in busy)
    assert not any(one.phone.stands for one in silent)
    assert all("CANCEL" in one.phone.told for one in silent[:RINGS])
    assert not [what for one in kinds for what in one.phone.doubled]
