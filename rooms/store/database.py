"""The one connection to SQL: reading sessions, and writing transactions that are whole or nothing.

SQLite (WAL, one writer at a time by `BEGIN IMMEDIATE`) is the embedded default, PostgreSQL the server's. Whatever must not
happen is refused by the database itself; this file only repeats a transaction that lost a race and could win the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from rooms import limits

T = TypeVar("T")
AGAIN = {"40001", "40P01", "55P03"}
"""PostgreSQL: serialization failure, deadlock, lock not available."""


class Database:
    """One engine. Close it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._writer = asyncio.Lock()
        """Writers of this process queue here rather than in SQLite's busy loop."""

    @classmethod
    def open(cls, url: str) -> Database:
        """`sqlite:///PATH` or `postgresql://USER@HOST/NAME`. Nothing is connected before the first statement."""
        if url.startswith("sqlite:"):
            engine = create_async_engine(
                url.replace("sqlite:", "sqlite+aiosqlite:", 1), connect_args={"timeout": limits.BUSY_S}
            )
            event.listen(engine.sync_engine, "connect", _on_sqlite_connect)
            event.listen(engine.sync_engine, "begin", _on_sqlite_begin)
        elif url.startswith("postgresql:"):
            engine = create_async_engine(
                url.replace("postgresql:", "postgresql+asyncpg:", 1),
                pool_size=limits.CONNECTIONS,
                max_overflow=0,
                pool_timeout=limits.POOL_WAIT_S,
                pool_pre_ping=True,
                connect_args={"command_timeout": limits.STATEMENT_S},
            )
        else:
            raise ValueError("a database address begins with sqlite: or postgresql:")
        return cls(engine)

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session of one look at the data; what is written in it is not kept."""
        async with self._sessions() as session:
            yield session

    async def transact(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Run `work` in one writing transaction and commit it. It is run anew, from the start, when it lost a race
        (deadlock, serialization) before the commit; so it must do nothing but SQL. Whatever it raises leaves nothing.
        """
        for attempt in range(limits.ATTEMPTS):
            try:
                return await self._once(work)
            except DBAPIError as error:
                if attempt + 1 == limits.ATTEMPTS or not _may_repeat(error):
                    raise
                await asyncio.sleep(limits.RETRY_S * 2**attempt)
        raise AssertionError("unreachable")

    async def _once(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        if self.dialect != "sqlite":
            async with self._sessions.begin() as session:
                return await work(session)
        async with self._writer, self._sessions() as session:
            await session.connection(execution_options={"diemcau_writes": True})
            async with _committed(session):
                return await work(session)


@asynccontextmanager
async def _committed(session: AsyncSession) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        await session.rollback()
        raise
    await session.commit()


def _may_repeat(error: DBAPIError) -> bool:
    """The transaction surely left nothing, and may succeed when it is run again."""
    state = getattr(error.orig, "sqlstate", None)
    if state in AGAIN:
        return True
    return isinstance(error, OperationalError | InterfaceError) and "database is locked" in str(error.orig)


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    # The driver must not begin by itself: `_on_sqlite_begin` says how.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_sqlite_begin(connection: Any) -> None:
    writes = connection.get_execution_options().get("diemcau_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
