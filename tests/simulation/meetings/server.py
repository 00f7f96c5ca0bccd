"""A simulated server process: real conferences, orders and proceedings on an SQLite file. The media, the network and the time are
doubles. The database can be slow or away, can lose its answers, and the process can be killed.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from conference import Conference, Grants, Lobbies
from conference.ports.proceedings import State
from rooms.store import embedded
from rooms.store.database import Database
from rooms.store.tables.proceedings import Attendance
from signaling.host.tokens import Authenticator
from signaling.meetings.proceedings import Proceedings
from signaling.orders.doorway import Doorway
from tests.conference.hall_doubles import HallWorld
from tests.signaling.doorways import NoHosts, NoMeetings
from tests.simulation.meetings.ledger import Ledger

T = TypeVar("T")
ROOM = "giao-ban"
CODE = "2468"
"""The chair code for keypads."""
TOKEN_S = 600.0
Mood = Literal["well", "slow", "away", "lossy"]
"""`lossy`: some transactions fail, and some are committed although their answer is lost."""
MOODS = get_args(Mood)
SLOW_S = 5.0
"""The longest delay before and after a slow transaction. It is longer than an order waits (`ORDER_STORED_S`, 3 s)."""


class Direct(embedded.Embedded):
    """A connection that runs everything in the event loop, so that a seed always gives the same meeting."""

    async def end(self) -> None:
        """Close the file and the idle thread."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        stopped = self.stop()
        if stopped is not None:
            await stopped

    async def _connect(self) -> Direct:
        if self._connection is None:
            self._connection = self._connector()
        return self

    async def _in_thread(self, fn: Callable[..., Any], *args: Any, **named: Any) -> Any:
        return fn(*args, **named)


def open_directly(path: Path, opened: list[Direct]) -> AsyncEngine:
    """Open the database. Its connections are added to `opened`."""

    def connect(path: str, **options: Any) -> Direct:
        opened.append(Direct(lambda: sqlite3.connect(path, **{**options, "check_same_thread": False})))
        return opened[-1]

    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", connect_args={"async_creator_fn": connect})
    embedded.prepare(engine.sync_engine)
    return engine


class Unsteady(Database):
    """A database with faults. `dead`: the process was killed, so no transaction ends any more."""

    def __init__(self, path: Path, chance: random.Random) -> None:
        self.opened: list[Direct] = []
        super().__init__(open_directly(path, self.opened))
        self.mood: Mood = "well"
        self.dead = False
        self._chance, self._never = chance, asyncio.Event()

    async def transact(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        lost = self.mood == "lossy" and self._chance.random() < 0.5
        await self._before()
        if self.mood == "lossy" and not lost and self._chance.random() < 0.5:
            raise away()
        done = await super().transact(work)
        if lost:
            raise away()
        if self.mood == "slow":
            await asyncio.sleep(self._chance.uniform(0.0, SLOW_S))
        if self.dead:
            await self._never.wait()
        return done

    @asynccontextmanager
    async def reading(self, brief: bool = False) -> AsyncIterator[AsyncSession]:
        await self._before()
        async with super().reading(brief) as session:
            yield session

    async def _before(self) -> None:
        if self.mood == "slow":
            await asyncio.sleep(self._chance.uniform(0.0, SLOW_S))
        if self.dead:
            await self._never.wait()
        if self.mood == "away":
            raise away()


def away() -> OperationalError:
    return OperationalError("COMMIT", {}, Exception("the database does not answer"))


class Shelf:
    """The keys of secret votes. A killed process cannot reach them any more."""

    def __init__(self, kept: dict[str, tuple[bytes, ...]]) -> None:
        self._kept = kept
        self.dead = False

    def hold(self, conference: str, keys: tuple[bytes, ...]) -> None:
        if not self.dead:
            self._kept[conference] = keys

    def held(self, conference: str) -> tuple[bytes, ...]:
        return self._kept.get(conference, ())


class Live(NoMeetings):
    """The live meetings, without a calendar."""


class Deciders(NoHosts):
    def __init__(self, world: HallWorld) -> None:
        self._world = world

    async def end_meeting(self, name: str) -> None:
        self._world.registry.delete(name)


@dataclass
class Data:
    """What survives a kill: the keys of secret votes, and the folder of the database. None: the states are in `states`."""

    folder: Path | None
    keys: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)


class Process:
    """A server process that begins at `at` (monotonic seconds)."""

    def __init__(self, data: Data, chance: random.Random, at: float) -> None:
        self.shelf = Shelf(data.keys)
        self.database: Unsteady | Ledger
        self.store: Proceedings | Ledger
        if data.folder is None:
            self.database = self.store = Ledger(data.states, chance, SLOW_S)
        else:
            self.database = Unsteady(data.folder / "diemcau.sqlite", chance)
            self.store = Proceedings(self.database, self.now)
        self.stays = Stays()
        lobbies = Lobbies(lambda: chance.randbytes(10).hex())
        self.world = HallWorld(
            lobbies=lobbies,
            proceedings=self.store,
            escrow=self.shelf,
            observers=(self.store, self.stays),
            chair_code=lambda name: CODE,
        )
        self.world.time.now = at
        self.stays.now = self.world.time.time
        registry = self.world.registry
        registry.around = replace(
            registry.around, suffix=lambda: chance.randbytes(8).hex(), random_bytes=chance.randbytes
        )
        live = Live()
        live.registry = registry
        self.authenticator = Authenticator({"simulation": "s" * 32})
        self.around = Doorway(
            self.authenticator, lobbies, lobbies.shared, live, Deciders(self.world), self.world.time.time
        )
        self.running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read what an earlier process left, and begin the timed work of the store."""
        await self.store.load()
        self.running = asyncio.create_task(self.store.run())

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.world.time.time(), UTC)

    def token(self, grants: Grants) -> str:
        return self.authenticator.sign(grants, TOKEN_S, self.world.time.time())

    @property
    def conference(self) -> Conference | None:
        return next((one for one in self.world.registry.all() if one.name == ROOM), None)

    async def pass_s(self, seconds: float) -> float:
        """Let the time pass, and return the seconds between two rounds of the timed work."""
        tick_s = max(1.0, seconds / 8)
        left_s = seconds
        while left_s > 0:
            step_s = min(tick_s, left_s)
            self.world.time.advance(step_s)
            self.world.registry.tick(self.world.time.now)
            self.world.time.turn()
            await asyncio.sleep(step_s)
            left_s -= step_s
        return tick_s

    def kill(self) -> None:
        """End the process as SIGKILL does: nothing that it does from now on reaches the database, the keys or a client."""
        self.database.dead = self.shelf.dead = True
        if self.running is not None:
            self.running.cancel()

    async def stored_ends(self) -> set[tuple[str, float]]:
        """Return the stays whose ends the database has: identity, and when the person came."""
        if not isinstance(self.database, Unsteady):
            return set()
        async with Database.reading(self.database) as session:  # a reading without the faults
            rows = await session.scalars(select(Attendance).where(Attendance.left_at.is_not(None)))
            return {(one.identity, round(one.came_at.timestamp(), 3)) for one in rows}

    async def close(self) -> None:
        """Close the files, after all tasks have ended."""
        if isinstance(self.database, Unsteady):
            for one in self.database.opened:
                await one.end()


class Stays:
    """An observer that notes who came and left, independently of the store."""

    def __init__(self) -> None:
        self.now: Callable[[], float] = lambda: 0.0
        self.here: dict[str, tuple[str, float]] = {}
        self.over: list[tuple[str, float, float, str]] = []
        """Identity, came, left (Unix seconds), and the reason."""

    def happened(self, happening: Any) -> None:
        who, what = happening.participant, happening.what.value
        if what == "joined":
            self.here[who.sid] = (who.identity, self.now())
        elif what == "left" and who.sid in self.here:
            identity, came = self.here.pop(who.sid)
            self.over.append((identity, came, self.now(), who.reason.value))
