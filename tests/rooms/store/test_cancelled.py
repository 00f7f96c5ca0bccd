"""W13: a cancelled command never leaves its answer to another command, and never leaves half of its changes. With a control.

Many commands run, and many of them are cancelled at any moment. The moment can be before a command begins, while it waits for a
connection, during a statement, or at the commit. `CANCELLED_COMMANDS` sets the number of commands (`make sim`: 100,000).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.store import embedded, outbox, rows
from rooms.store.database import Database
from rooms.store.tables.records import Job
from tests.rooms.postgres import Postgres
from tests.rooms.proxy import before

COMMANDS = int(os.environ.get("CANCELLED_COMMANDS", "600"))
CLIENTS = 16
Ask = Callable[[int], Awaitable[int]]


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the errors that the database code logged."""
    ours = [one for one in caplog.records if one.name.startswith(("rooms", "sqlalchemy", "aiosqlite"))]
    return [one.getMessage() for one in ours if one.levelno >= logging.ERROR]


@dataclass
class Storm:
    """The outcome of each command, by its number."""

    answered: set[int] = field(default_factory=set)
    cancelled: set[int] = field(default_factory=set)
    strange: list[tuple[int, int]] = field(default_factory=list)
    """(sent number, answered number)"""

    async def rage(self, ask: Ask, commands: int, seed: int) -> None:
        numbers, chance = iter(range(commands)), random.Random(seed)
        await asyncio.gather(*(self._client(ask, numbers, chance) for _ in range(CLIENTS)))
        assert len(self.answered) > commands // 5, "too few got an answer"
        assert len(self.cancelled) > commands // 5, "too few were cancelled"

    async def _client(self, ask: Ask, numbers: Iterator[int], chance: random.Random) -> None:
        for number in numbers:
            task = asyncio.ensure_future(ask(number))
            if number % 4:
                await self._wait(task, number, chance)
                task.cancel()
            try:
                answer = await task
            except asyncio.CancelledError:
                self.cancelled.add(number)
                continue
            self.answered.add(number)
            if answer != number:
                self.strange.append((number, answer))

    async def _wait(self, task: asyncio.Future[int], number: int, chance: random.Random) -> None:
        """Wait before the cancellation. The wait is a few milliseconds, some turns of the event loop, one turn, or nothing."""
        if number % 4 == 1:
            await asyncio.sleep(chance.choice((0.0, 0.0, 0.001, 0.003, 0.01)))
        elif number % 4 == 2:
            for _ in range(chance.randrange(60)):
                if not task.done():
                    await asyncio.sleep(0)
        elif chance.random() < 0.5:
            await asyncio.sleep(0)


@pytest.mark.timeout(7200)
async def test_a_storm_of_cancelled_commands(
    database: Database, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    """Each reader gets its own number. A transaction is stored completely or not at all, and no answered transaction is
    missing. No transaction is left half ended: its connection would be lost, and the log would hold an error.
    """

    async def write(session: AsyncSession, number: int) -> int:
        await rows.add(session, {Job: [outbox.job("one", {}, now, now, f"{number}-a")]})
        got = await session.scalar(text("SELECT CAST(:n AS INTEGER)"), {"n": number})
        await rows.add(session, {Job: [outbox.job("other", {}, now, now, f"{number}-b")]})
        return int(got or 0)

    async def ask(number: int) -> int:
        if number % 3 == 0:
            return await database.transact(lambda session: write(session, number))
        async with database.reading(brief=number % 3 == 1) as session:
            return int(await session.scalar(text("SELECT CAST(:n AS INTEGER)"), {"n": number}) or 0)

    storm = Storm()
    await storm.rage(ask, COMMANDS, seed=13)
    assert storm.strange == []
    async with database.reading() as session:
        kept = Counter(int(str(key).split("-")[0]) for key in await session.scalars(select(Job.dedupe_key)))
    assert set(kept.values()) == {2}, "half of a transaction"
    assert {number for number in storm.answered if number % 3 == 0} <= set(kept)
    assert set(kept) - storm.answered <= storm.cancelled
    for number in range(100):  # every connection of the pool still gives the right answer
        assert await ask(COMMANDS + number) == COMMANDS + number
    assert errors(caplog) == []


@pytest.mark.parametrize("moment", ["commit", "rollback", "reset"])
async def test_a_task_cancelled_at_commit_still_ends_the_transaction(
    database: Database, now: datetime, caplog: pytest.LogCaptureFixture, moment: str
) -> None:
    """The task is cancelled while it commits, rolls back or returns its connection. That step finishes first, and no connection
    is lost.
    """
    lost: list[object] = []

    async def work(session: AsyncSession) -> None:
        await rows.add(session, {Job: [outbox.job("one", {}, now, now, "one")]})
        ending.append(task)
        if moment == "rollback":
            raise ValueError

    def cancel(*_: object) -> None:
        if ending:
            ending.pop().cancel()

    ending: list[asyncio.Task[None]] = []
    engine = database.engine.sync_engine
    event.listen(engine.pool if moment == "reset" else engine, moment, cancel)
    event.listen(engine.pool, "invalidate", lambda *which: lost.append(which))
    task = asyncio.create_task(database.transact(work))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ending == []
    async with database.reading() as session:
        kept = list(await session.scalars(select(Job.dedupe_key)))
    assert kept == ([] if moment == "rollback" else ["one"])
    assert lost == []
    assert errors(caplog) == []


async def test_a_task_cancelled_twice_still_ends_the_transaction(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    ending: list[asyncio.Task[None]] = []
    lost: list[object] = []

    async def work(session: AsyncSession) -> None:
        await session.execute(text("SELECT 1"))
        ending.append(task)

    def cancel(*_: object) -> None:
        if ending:
            loop.call_soon(ending[0].cancel)
            ending.pop().cancel()

    loop = asyncio.get_running_loop()
    event.listen(database.engine.sync_engine, "commit", cancel)
    event.listen(database.engine.sync_engine.pool, "invalidate", lambda *which: lost.append(which))
    task = asyncio.create_task(database.transact(work))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (ending, lost) == ([], [])
    assert errors(caplog) == []


@pytest.mark.parametrize("how", ["at the commit", "in the work", "again and again"])
async def test_an_end_that_does_not_come_is_given_up(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The database does not answer. A cancelled task waits ENDING_S for its COMMIT or ROLLBACK, not the longer STATEMENT_S."""
    monkeypatch.setattr(limits, "ENDING_S", 0.2)
    async with before(postgres, "migrated") as (proxy, url):
        database = Database.open(url)

        async def work(session: AsyncSession) -> None:
            await session.execute(text("SELECT 1"))
            proxy.talks.clear()
            if how == "in the work":
                raise asyncio.CancelledError
            for number in range(1000 if how == "again and again" else 1):
                asyncio.get_running_loop().call_later(number * 0.02, task.cancel)

        task = asyncio.create_task(database.transact(work))
        try:
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(asyncio.shield(task), limits.STATEMENT_S / 2)
        finally:
            proxy.talks.set()
            await database.close()


async def test_a_connection_stopped_while_closing_is_closed(tmp_path: Path) -> None:
    """This happens when a reader is cancelled twice. Starlette does so with a stream to a browser that has left."""
    connection = await embedded.connect(str(tmp_path / "x.db"))
    closing = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    connection.stop()
    await asyncio.wait_for(closing, 10)


class Careless:
    """The control: a connection returns to the pool even with an answer outstanding, as in redis-py before 4.5.3
    (CVE-2023-28858).
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.all: list[asyncio.StreamWriter] = []

    async def ask(self, number: int) -> int:
        if not self._free:
            self._free.append(await asyncio.open_connection("127.0.0.1", self._port))
            self.all.append(self._free[-1][1])
        reader, writer = self._free.pop()
        try:
            writer.write(f"{number}\n".encode())
            return int(await reader.readline())
        finally:
            self._free.append((reader, writer))


async def test_control_a_kept_connection_gives_answers_to_others() -> None:
    tasks: list[asyncio.Task[None] | None] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                await asyncio.sleep(0.001)  # without a delay no command would wait for its answer
                writer.write(line)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        careless, storm = Careless(server.sockets[0].getsockname()[1]), Storm()
        await storm.rage(careless.ask, 1200, seed=13)
        for one in careless.all:
            one.close()
            await one.wait_closed()
        await asyncio.gather(*filter(None, tasks))
    assert len(storm.strange) > 20


def test_there_is_no_other_shared_connection() -> None:
    """A client library of Redis or similar must be added to the storm."""
    lock = (Path(__file__).parents[3] / "requirements.lock").read_text()
    assert not [name for name in ("redis", "valkey", "aiomcache", "aio-pika", "psycopg") if f"\n{name}==" in lock]
