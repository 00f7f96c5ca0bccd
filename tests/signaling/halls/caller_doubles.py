"""Doubles of the dialer, the clock and a failing database, for the caller of halls. Also dates whose halls the caller calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from conference.halls.dialout import Event
from conference.ports.halls import DialOrder
from rooms.booking.planning.requests import AttendeeRequest
from rooms.dialling import legs
from rooms.store.database import Database
from rooms.store.tables.booking import Wanted
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.sites import Terminal
from signaling.halls.dial.caller import Caller
from signaling.halls.dial.rows import order_of
from signaling.halls.ground import limits as bounds
from tests.clock import Clock
from tests.rooms import invited
from tests.rooms.province import Province

KEY = b"k" * 32


class Wire:
    """A dialer that records its orders."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.orders: dict[str, DialOrder] = {}
        self.probed: list[DialOrder] = []

    def dial(self, order: DialOrder) -> None:
        self.done.append(("dial", order.terminal))
        self.orders[order.leg_id] = order

    def probe(self, order: DialOrder) -> None:
        self.done.append(("probe", order.terminal))
        self.probed.append(order)

    def cancel(self, leg_id: str) -> None:
        self._end("cancel", leg_id)

    def hang_up(self, leg_id: str, order: DialOrder | None = None) -> None:
        if order in (None, self.orders.get(leg_id)):
            self._end("hang_up", leg_id)

    def _end(self, verb: str, leg_id: str) -> None:
        if leg_id in self.orders:
            self.done.append((verb, self.orders.pop(leg_id).terminal))

    def live(self) -> frozenset[str]:
        return frozenset(self.orders)

    def calls(self) -> int:
        return sum(verb == "dial" for verb, _ in self.done)


Make = Callable[..., Caller]


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def make(database: Database, clock: Clock, wire: Wire) -> AsyncIterator[Make]:
    made: list[Caller] = []

    def build(worker: str = "one", dialer: Any = None, place: str = "") -> Caller:
        made.append(Caller(database, dialer or wire, key=KEY, worker=worker, place=place, now=clock.time))
        return made[-1]

    yield build
    for one in made:
        await one.close()


@pytest.fixture
def now() -> datetime:
    return datetime.fromisoformat("2026-03-03T01:00:00+00:00")


async def book(
    session: AsyncSession, province: Province, starts_at: datetime, halls: int, **changes: Any
) -> tuple[Meeting, str]:
    """Book a meeting that calls this number of halls. Return the meeting and the id of its date."""
    guest = AttendeeRequest(person_id=province.people["yt-1"])  # a person: a site would add its own terminal
    wanted = invited.Wanted(starts=(starts_at,), attendees=(guest,))
    meeting = await invited.meeting(session, province, wanted, starts_at)
    meeting.connect = changes.get("connect", "call")
    meeting.class_ = changes.get("class_", "ordinary")
    for place in range(halls):
        code = f"{changes.get('prefix', 'h')}{place:03}"
        network = changes.get("network", province.networks["tslcd"])
        session.add(
            Terminal(
                id=code,
                code=code,
                name=f"Thiết bị {place}",
                site_id=province.sites["yt"],
                protocols=["sip"],
                codecs=[],
                sip_uri="sip:hall@10.0.0.1",
                network_id=network,
                dialled=False,
            )
        )
        session.add(Wanted(meeting_id=meeting.id, resource_id=code, kind="terminal"))
    await session.flush()
    date = (await session.scalars(select(Occurrence.id).where(Occurrence.meeting_id == meeting.id))).one()
    return meeting, date


async def rows(database: Database) -> dict[str, DialLeg]:
    async with database.reading() as session:
        found = await session.scalars(select(DialLeg).where(DialLeg.terminal_id.like("h%")))
        return {one.terminal_id: one for one in found}


@dataclass
class Called:
    """A hall that is being called."""

    caller: Caller
    row: DialLeg
    """The row at the start of the call."""

    @property
    def leg_id(self) -> str:
        return self.row.id

    async def now(self, database: Database) -> DialLeg:
        return (await rows(database))[self.row.terminal_id]


@pytest.fixture
async def called(database: Database, province: Province, clock: Clock, make: Make) -> Called:
    await database.transact(lambda session: book(session, province, clock.at, 1))
    caller = make()
    await caller.tick()
    return Called(caller, (await rows(database))["h000"])


class Late:
    """A hall that dials in. Its call exists before its arrival is written."""

    def __init__(self, caller: Caller, row: DialLeg, wire: Wire) -> None:
        self.caller, self._row, self._wire = caller, row, wire

    @property
    def leg_id(self) -> str:
        return self._row.id

    def comes(self) -> None:
        self._wire.orders[self.leg_id] = order_of(self._row, KEY)
        self.caller.came(self.leg_id)

    def goes(self, event: Event) -> None:
        del self._wire.orders[self.leg_id]
        self.caller.ended(self.leg_id, event)

    async def told(self) -> None:
        await written(self.caller)

    async def seen(self, database: Database) -> tuple[bool, str, str]:
        """Return whether the call exists, and the state and lease holder of its leg."""
        row = (await rows(database))[self._row.terminal_id]
        return self.leg_id in self._wire.orders, row.state, row.leased_by


class Away:
    """A database that fails one kind of work until `back` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        self.back = False
        self.tries = asyncio.Semaphore(0)
        self._real = getattr(legs, name)
        monkeypatch.setattr(legs, name, self._work)
        monkeypatch.setattr(bounds, "NEWS_AGAIN_S", 0.01)

    async def tried(self, caller: Caller, times: int = 1) -> None:
        """Wait for this number of new tries. A try that began earlier does not count."""
        while not self.tries.locked():
            await self.tries.acquire()
        async with asyncio.timeout(10):
            for _ in range(times):
                while self.tries.locked():
                    await again(caller)
                    await asyncio.sleep(0.002)
                await self.tries.acquire()

    async def _work(self, *given: Any) -> Any:
        if self.back:
            return await self._real(*given)
        self.tries.release()
        raise OSError("the database is away")


class Refusing:
    """A database that refuses all changes of these legs while `refuses` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *leg_ids: str) -> None:
        self.refuses, self.tries = True, 0
        self._leg_ids, self._change = leg_ids, legs.change
        monkeypatch.setattr(legs, "change", self._work)
        monkeypatch.setattr(bounds, "NEWS_AGAIN_S", 0)

    async def _work(self, session: AsyncSession, leg_id: str, *given: Any) -> DialLeg | None:
        if self.refuses and leg_id in self._leg_ids:
            self.tries += 1
            raise broken()
        return await self._change(session, leg_id, *given)


HELD = ContextVar("HELD", default=False)


class Held:
    """Writes that wait until `goes_on` is set, if their task began within `begins`. All other tasks continue."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
        self.waits, self.goes_on = asyncio.Event(), asyncio.Event()
        self._transact = database.transact
        monkeypatch.setattr(database, "transact", self._work)

    @contextmanager
    def begins(self) -> Iterator[None]:
        token = HELD.set(True)
        yield
        HELD.reset(token)

    async def _work(self, work: Any) -> Any:
        if HELD.get():
            self.waits.set()
            await self.goes_on.wait()
        return await self._transact(work)


def broken() -> IntegrityError:
    return IntegrityError("UPDATE", {}, Exception("it breaks a rule"))


async def written(caller: Caller) -> None:
    """Wait until all news is written, as far as the database accepts it."""
    while begun := writers(caller):
        await asyncio.gather(*begun)
        await asyncio.sleep(0)
    await again(caller)
    await asyncio.sleep(0)


def writers(caller: Caller) -> tuple[asyncio.Task[None], ...]:
    """Return the tasks that write news."""
    return tuple(caller.writer.tasks)


async def again(caller: Caller) -> None:
    """Try again to write the news that the database has not accepted."""
    await caller.writer.retry()
