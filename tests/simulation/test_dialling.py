"""Halls are called exactly once although the server that calls them is killed again and again; on both databases.

Real processes, SIGKILL, and terminals that remember every Call-ID. The long form (1,000 legs, 20 kills) runs in `make sim`.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from conference import dialout, limits
from rooms.booking.tables import Wanted
from rooms.dialling import planning
from rooms.dialling.tables import DialLeg
from rooms.meetings.tables import Meeting
from rooms.sites.tables import Terminal
from rooms.store.database import Database
from signaling.dialling import leg_of
from tests.rooms import invited
from tests.rooms.province import Province
from tests.simulation.caller_process import KEY

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
DATES, HALLS, KILLS = (4, 250, 20) if LONG else (2, 30, 4)
ROOMS = ("tinh", "tinh-a", "khcn", "xa1")
SPEED = 30.0
"""Simulated seconds in a real one: a lease of 20 s is waited for in two thirds of one."""
SEED = 5180
PATIENCE_S = 900 if LONG else 180


class Terminals(asyncio.DatagramProtocol):
    """All halls. Each is in one call at a time, knows a repeated INVITE by its Call-ID, and one in ten is busy at first."""

    def __init__(self) -> None:
        self.live: dict[str, str] = {}
        self.calls: dict[str, list[str]] = defaultdict(list)
        """Every Call-ID that a terminal was invited by, in order."""
        self.doubled: list[str] = []
        self.invites = 0
        self.busy: set[str] = set()
        self.transport: asyncio.DatagramTransport | None = None
        self.crashed = False
        self._speaker: tuple[str, int] | None = None
        self._dead: set[tuple[str, int]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr in self._dead:
            return  # it lay unread when its sender was killed
        self._speaker = addr
        verb, call_id, _leg, terminal = data.decode().split()
        if verb == "BYE":
            if self.live.get(terminal) == call_id:
                del self.live[terminal]
            return
        new = call_id not in self.calls[terminal]
        if new:
            self.calls[terminal].append(call_id)
            self.invites += 1
        self._answer(self._judge(terminal, call_id), call_id, addr)

    def _judge(self, terminal: str, call_id: str) -> int:
        known = self.live.get(terminal)
        if known not in (None, call_id):
            self.doubled.append(terminal)
            return 486
        if terminal.endswith("7") and len(self.calls[terminal]) == 1:
            self.busy.add(terminal)
            return 486
        self.live[terminal] = call_id
        return 200

    def _answer(self, status: int, call_id: str, addr: tuple[str, int]) -> None:
        assert self.transport is not None
        self.transport.sendto(f"{status} {call_id}".encode(), addr)

    def silence(self) -> None:
        """The server is dead: no packets come, and each terminal ends its call."""
        self.live.clear()
        if self._speaker is not None:
            self._dead.add(self._speaker)


class Server:
    """The process that calls."""

    def __init__(self, url: str, port: int, start: float, began: float) -> None:
        self._arguments = [url, str(port), str(start), str(SPEED), str(began)]
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.simulation.caller_process", *self._arguments]
        return subprocess.Popen(command, cwd=Path(__file__).parents[2])

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def again(self) -> None:
        self.process = self._started()


async def prepare(session: AsyncSession, province: Province, now: datetime) -> None:
    """Dates that are on now, each with so many halls to be called."""
    for number in range(DATES):
        meeting = await invited.meeting(session, province, invited.Wanted(starts=(now,), hall=ROOMS[number]), now)
        meeting.connect = "dial"
        codes = [f"leg{number}-{place:03}" for place in range(HALLS)]
        rows = [{"id": code, "code": code, **_terminal(province)} for code in codes]
        await session.execute(insert(Terminal), rows)
        await session.execute(insert(Wanted), [_wanted(meeting, code) for code in codes])


def _terminal(province: Province) -> dict[str, object]:
    there = {"name": "Thiết bị", "site_id": province.sites["yt"], "protocols": ["sip"], "codecs": []}
    return there | {"sip_uri": "sip:hall@10.0.0.1", "network_id": province.networks["tslcd"], "dialled": False}


def _wanted(meeting: Meeting, code: str) -> dict[str, object]:
    return {"meeting_id": meeting.id, "resource_id": code, "kind": "terminal", "exclusive": False}


async def states(database: Database) -> Counter[str]:
    async with database.reading() as session:
        return Counter(await session.scalars(select(DialLeg.state).where(DialLeg.terminal_id.like("leg%"))))


@pytest.fixture
async def terminals() -> AsyncIterator[Terminals]:
    made = Terminals()
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, local_addr=("127.0.0.1", 0))
    yield made
    assert made.transport is not None
    made.transport.close()
    await asyncio.sleep(0)


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE_S + 60)
async def test_each_hall_is_called_once_whenever_the_server_is_killed(
    database: Database, database_url: str, province: Province, now: datetime, terminals: Terminals
) -> None:
    await database.transact(lambda session: prepare(session, province, now))
    assert terminals.transport is not None
    port = terminals.transport.get_extra_info("sockname")[1]
    server, moments = Server(database_url, port, now.timestamp(), time.time()), random.Random(SEED)
    wanted = [moments.randrange(1, DATES * HALLS) for _ in range(KILLS)]
    kills = 0
    try:
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            await asyncio.sleep(0.02)
            if kills < KILLS and terminals.invites >= sorted(wanted)[kills] // 2:
                await asyncio.to_thread(server.kill)
                terminals.silence()
                kills += 1
                server.again()
            elif kills == KILLS and (await states(database))["connected"] == DATES * HALLS:
                break
    finally:
        server.kill()
    await check(database, terminals, kills)


async def check(database: Database, terminals: Terminals, kills: int) -> None:
    async with database.reading() as session:
        rows = list(await session.scalars(select(DialLeg).where(DialLeg.terminal_id.like("leg%"))))
    assert kills == KILLS
    assert len(rows) == DATES * HALLS == len({one.terminal_id for one in rows})
    assert Counter(one.state for one in rows) == {"connected": DATES * HALLS}
    assert not [one for one in terminals.doubled if one.startswith("leg")]  # never a second call while one stands
    for one in rows:
        # The terminal is in exactly the call that is written down, and never heard of a Call-ID that no try had.
        assert terminals.live[one.terminal_id] == dialout.call_id(leg_of(one), KEY)
        calls = terminals.calls[one.terminal_id]
        possible = {
            dialout.call_id(dialout.Leg(one.occurrence_id, one.terminal_id, epoch=epoch, attempt=attempt), KEY)
            for epoch in range(1, one.epoch + 1)
            for attempt in range(1, limits.BUSY_TRIES + 2)
        }
        assert set(calls) <= possible and len(calls) == len(set(calls))
        assert one.epoch <= KILLS + 1
    assert any(one.epoch == 1 for one in rows) and terminals.busy


async def test_a_date_is_planned_once_whoever_asks(database: Database, province: Province, now: datetime) -> None:
    await database.transact(lambda session: prepare(session, province, now + timedelta(minutes=10)))
    made = await asyncio.gather(
        *(database.transact(lambda session: planning.plan(session, now)) for _ in range(4)), return_exceptions=True
    )
    assert not [one for one in made if isinstance(one, BaseException)]
    async with database.reading() as session:
        keys = list(await session.execute(select(DialLeg.occurrence_id, DialLeg.terminal_id)))
    assert len(keys) == len(set(keys)) >= DATES * HALLS
