"""The one connection to SQL: reading sessions, and writing transactions that are whole or nothing.

SQLite (WAL, one writer at a time by `BEGIN IMMEDIATE`) is the embedded default, PostgreSQL the server's. Whatever must not
happen is refused by the database itself; this file only repeats a transaction that lost a race and could win the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from rooms import limits
from rooms.store import embedded

T = TypeVar("T")
AGAIN = {"40001", "40P01", "55P03"}
"""PostgreSQL: serialization failure, deadlock, lock not available."""
AWAY = ("08", "53", "57", "25006")
"""Beginnings of PostgreSQL's codes: the connection, no room for another one, it starts or was told to end; it only lets read,
as one that has not taken over yet.
"""


def reason(error: Exception) -> str:
    """Why a database does not answer: the first line of what its driver says."""
    return (str(getattr(error, "orig", None) or error) or type(error).__name__).splitlines()[0]


class Database:
    """One engine. Close it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._writers = asyncio.Semaphore(1 if self.dialect == "sqlite" else limits.WRITERS)
        """Writers of this process queue here, in order, rather than in SQLite's busy loop or, holding what they locked, before
        an event loop that has too much to do."""

    @classmethod
    def open(cls, url: str) -> Database:
        """`sqlite:///PATH` or `postgresql://USER@HOST/NAME`. Nothing is connected before the first statement."""
        pool: dict[str, Any] = {
            "pool_size": limits.CONNECTIONS,
            "max_overflow": 0,
            "pool_timeout": limits.POOL_WAIT_S,
            # What fails is logged with its statement: never with names, titles, PINs or digests.
            "hide_parameters": True,
        }
        if url.startswith("sqlite:"):
            engine = create_async_engine(
                url.replace("sqlite:", "sqlite+aiosqlite:", 1),
                connect_args={
                    "timeout": limits.BUSY_S,
                    "cached_statements": limits.STATEMENTS_KEPT,
                    "async_creator_fn": embedded.connect,
                },
                **pool,
            )
            embedded.prepare(engine.sync_engine)
        elif url.startswith("postgresql:"):
            from rooms.store import served  # its driver is loaded only where it is used

            engine = create_async_engine(
                url.replace("postgresql:", "postgresql+asyncpg:", 1),
                connect_args={
                    "command_timeout": limits.STATEMENT_S,
                    "prepared_statement_cache_size": limits.STATEMENTS_KEPT,
                    "statement_cache_size": limits.STATEMENTS_KEPT,
                    "async_creator_fn": served.connect,
                },
                **pool,
            )
            served.ask_idle_ones(engine)
        else:
            raise ValueError("a database address begins with sqlite: or postgresql:")
        return cls(engine)

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def reading(self, brief: bool = False) -> AsyncIterator[AsyncSession]:
        """A session of one look at the data; what is written in it is not kept. `brief`: a few rows by their keys, so that
        SQLite answers before a thread would have been asked.
        """
        async with self._sessions() as session:
            if brief and self.dialect == "sqlite":
                await session.connection(execution_options={embedded.BRIEF: True})
            yield session

    async def transact(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Run `work` in one writing transaction and commit it. It is run anew, from the start, when it lost a race
        (deadlock, serialization) or its connection before the commit; so it must do nothing but SQL. Whatever it raises
        leaves nothing.
        """
        worked = False

        async def noted(session: AsyncSession) -> T:
            nonlocal worked
            done = await work(session)
            worked = True
            return done

        for attempt in range(limits.ATTEMPTS):
            try:
                return await self._once(noted)
            except DBAPIError as error:
                lost = error.connection_invalidated and not worked
                if attempt + 1 == limits.ATTEMPTS or not (lost or _may_repeat(error)):
                    raise
                await asyncio.sleep(limits.RETRY_S * 2**attempt)
        raise AssertionError("unreachable")

    async def _once(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        async with self._writers, self._sessions() as session:
            if self.dialect == "sqlite":
                await session.connection(execution_options={embedded.WRITES: True})
            async with _committed(session):
                return await work(session)


def is_away(error: Exception) -> bool:
    """The database cannot be reached, or has no time now: the same may succeed later."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        if error.connection_invalidated or state.startswith(AWAY):
            return True
    return isinstance(error, OperationalError | InterfaceError | PoolTimeoutError)


@asynccontextmanager
async def _committed(session: AsyncSession) -> AsyncIterator[None]:
    try:
        yield
    except Exception:
        await _to_the_end(session.rollback())
        raise
    except BaseException:
        with suppress(Exception):  # it would be taken for what ended the work, and the work be done again
            await _to_the_end(session.rollback(), hurried=True)
        raise
    await _to_the_end(session.commit())


async def _to_the_end(ending: Coroutine[Any, Any, None], *, hurried: bool = False) -> None:
    """Whoever is cancelled meanwhile is so after it, whatever became of it: a transaction that is left half ended costs its
    connection. From then on, or from the beginning if `hurried`, a database that does not answer is not waited for longer than
    `ENDING_S`.
    """
    loop, task, cancelled = asyncio.get_running_loop(), asyncio.create_task(ending), None
    ends = loop.time() + limits.ENDING_S if hurried else None
    while not task.done():
        try:
            await asyncio.wait([task], timeout=None if ends is None else max(0.0, ends - loop.time()))
        except asyncio.CancelledError as error:
            cancelled = error
            ends = ends or loop.time() + limits.ENDING_S
        else:
            task.cancel()  # nothing, where it has ended
            ends = loop.time() + limits.ENDING_S
    if cancelled is not None:
        if not task.cancelled() and (failed := task.exception()) is not None:
            raise cancelled from failed
        raise cancelled
    task.result()


def _may_repeat(error: DBAPIError) -> bool:
    """The transaction surely left nothing, and may succeed when it is run again."""
    state = getattr(error.orig, "sqlstate", None)
    if state in AGAIN:
        return True
    return isinstance(error, OperationalError | InterfaceError) and "database is locked" in str(error.orig)
