"""Rows of several tables at once, the embedded database inside and outside the event loop, and lost connections."""

import asyncio
import sqlite3
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.identifiers import new_id
from rooms.store import embedded, outbox, rows
from rooms.store.database import Database
from rooms.store.tables.columns import Row
from rooms.store.tables.org import Person, Unit
from rooms.store.tables.records import Job
from tests.rooms.postgres import Postgres
from tests.rooms.province import Province


def job(now: datetime, key: str | None = None) -> dict[str, Any]:
    return outbox.job("kind", {"chữ": 'Xã "A"\\', "n": [1, None, True]}, now + timedelta(minutes=1), now, key)


async def count(database: Database, kind: type[Row]) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(kind)) or 0


async def test_what_is_added_is_what_is_read(database: Database, province: Province, now: datetime) -> None:
    del province
    unit = {"id": "nu", "code": "nu", "name": "Xã 'B'", "search_name": "xa b", "kind": "x", "tier": 3}
    unit |= {"block": "government", "path": "/nu/", "valid_from": now.date()}
    person = {"id": "np", "code": "np", "name": "An\nBình", "search_name": "an", "unit_id": "nu"}
    wanted = job(now, "a")

    async def work(session: AsyncSession) -> None:
        await rows.add(session, {Unit: [unit], Person: [person], Job: [wanted, job(now)]})
        kept = rows.persistent(session, Person, person)
        assert (await session.get(Person, "np")) is kept
        kept.phone = "0123"

    await database.transact(work)
    async with database.reading() as session:
        found = await session.get_one(Job, wanted["id"])
        assert {name: getattr(found, name) for name in wanted} == wanted
        assert (await session.get_one(Unit, "nu")).valid_to is None
        one = await session.get_one(Person, "np")
        assert (one.name, one.phone, one.active, one.version, one.email) == ("An\nBình", "0123", True, 1, "")


async def test_existing_rows_are_skipped_only_where_allowed(database: Database, now: datetime) -> None:
    await database.transact(lambda s: rows.add(s, {Job: [job(now, "a")]}))
    await database.transact(lambda s: rows.add(s, {Job: [job(now, "a"), job(now, "b")]}, frozenset({Job})))
    assert await count(database, Job) == 2
    with pytest.raises(IntegrityError):
        await database.transact(lambda s: rows.add(s, {Job: [job(now, "c"), job(now, "a")]}))
    assert await count(database, Job) == 2


def test_a_row_has_every_column() -> None:
    assert set(rows.defaults(Job)) == set(Job.__table__.columns.keys())
    assert rows.defaults(Job)["attempts"] == 0


async def test_a_lost_connection_is_replaced(now: datetime) -> None:
    """The server restarts during a transaction. A transaction before its commit runs again, and reading continues."""
    server = Postgres(durable=True)
    try:
        await asyncio.to_thread(server.start)
        await server.run("CREATE DATABASE lost")
        database = Database.open(server.url("lost"))
        tries: list[int] = []

        async def work(session: AsyncSession) -> int:
            tries.append(1)
            if len(tries) == 1:
                await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
            return await session.scalar(text("SELECT 7")) or 0

        assert await database.transact(work) == 7
        assert len(tries) == 2
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        await asyncio.sleep(limits.IDLE_CONNECTION_S + 0.1)
        async with database.reading() as session:
            assert await session.scalar(text("SELECT 8")) == 8
        await database.close()
    finally:
        await asyncio.to_thread(server.remove)


# SQLite


@pytest.fixture
async def file(tmp_path: Path, sqlite_template: Path) -> Path:
    path = tmp_path / "one.db"
    path.write_bytes(sqlite_template.read_bytes())
    return path


async def driver_of(session: AsyncSession) -> embedded.Embedded:
    raw = await (await session.connection()).get_raw_connection()
    assert isinstance(raw.driver_connection, embedded.Embedded)
    return raw.driver_connection


async def where(session: AsyncSession) -> str:
    """Return the name of the thread that runs a statement."""
    driver = await driver_of(session)
    driver._conn.create_function("thread", 0, lambda: threading.current_thread().name)
    return await session.scalar(text("SELECT thread()")) or ""


async def test_short_statements_run_in_the_loop_and_long_reads_do_not(file: Path) -> None:
    database = Database.open(f"sqlite:///{file}")
    own = threading.current_thread().name
    async with database.reading() as session:
        assert await where(session) != own
    async with database.reading(brief=True) as session:
        assert await where(session) == own
    assert await database.transact(where) == own
    async with database.reading() as session:  # the same connection again
        assert await where(session) != own
    await database.close()


async def test_a_writer_waits_for_another_process_outside_the_loop(file: Path, now: datetime) -> None:
    database = Database.open(f"sqlite:///{file}")
    await database.transact(lambda s: rows.add(s, {Job: [job(now)]}))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(database.transact(lambda s: rows.add(s, {Job: [job(now)]})))
    turns = 0
    for _ in range(50):
        await asyncio.sleep(0.002)
        turns += 1
    assert turns == 50
    assert not writing.done()
    other.execute("COMMIT")
    other.close()
    await writing
    assert await count(database, Job) == 2
    await database.close()


async def test_a_writer_that_times_out_leaves_a_working_connection(
    file: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BUSY_S", 2)
    database = Database.open(f"sqlite:///{file}")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await database.transact(lambda s: rows.add(s, {Job: [job(now)]}))
    other.execute("COMMIT")
    other.close()
    await database.transact(lambda s: rows.add(s, {Job: [job(now)]}))
    assert await count(database, Job) == 1
    await database.close()


async def test_a_long_transaction_gives_turns(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TURN_S", 0.0)
    database = Database.open(f"sqlite:///{file}")
    turns: list[int] = []

    async def tick() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    async def work(session: AsyncSession) -> int:
        before = len(turns)
        for _ in range(20):
            await session.execute(text("SELECT 1"))
        return len(turns) - before

    ticking = asyncio.create_task(tick())
    assert await database.transact(work) >= 20
    ticking.cancel()
    await database.close()


async def test_the_number_of_concurrent_writers_is_limited(database: Database) -> None:
    """At most WRITERS transactions write at the same time. The others wait in order."""
    at_once, most = 0, 0

    async def work(session: AsyncSession) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await session.execute(text("SELECT 1"))
        await asyncio.sleep(0.01)
        at_once -= 1

    await asyncio.gather(*(database.transact(work) for _ in range(limits.WRITERS + 1)))
    assert most == (1 if database.dialect == "sqlite" else limits.WRITERS)


async def test_what_failed_at_the_commit_is_not_repeated(database: Database) -> None:
    """After a failed commit the program does not know if the database kept the changes."""
    tries: list[str] = []

    async def work(session: AsyncSession) -> None:
        tries.append(new_id())

        async def lost() -> None:
            raise DBAPIError("COMMIT", None, OSError("gone"), connection_invalidated=True)

        session.commit = lost  # type: ignore[method-assign]

    with pytest.raises(DBAPIError):
        await database.transact(work)
    assert len(tries) == 1


async def test_an_error_names_no_value(database: Database) -> None:
    """Errors are logged, so an error must not contain a title, a name or the digest of a secret."""

    async def work(session: AsyncSession) -> None:
        await session.execute(text("INSERT INTO no_such_table (title) VALUES (:title)"), {"title": "Họp về cán bộ"})

    with pytest.raises(DBAPIError) as caught:
        await database.transact(work)
    assert "no_such_table" in str(caught.value)
    assert "cán bộ" not in str(caught.value)
