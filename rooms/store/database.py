"""The access to the SQL database: read sessions, and write transactions that succeed as a whole or leave nothing.

SQLite (WAL, one writer at a time by `BEGIN IMMEDIATE`) is the embedded default. PostgreSQL is for servers. The database itself
refuses every invalid state. This file only repeats a transaction that lost a race and can succeed the next time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
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
"""Error classes of PostgreSQL. 08: the connection failed. 53: there is no room. 57: the server starts or stops. The code 25006:
the server is read-only, for example a standby that is not promoted yet.
"""


def reason(error: Exception) -> str:
    """Return why a database does not answer: the first line of the driver's message."""
    return (str(getattr(error, "orig", None) or error) or type(error).__name__).splitlines()[0]


class Database:
    """A database engine. Close it after use."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.dialect = engine.dialect.name
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._writers = asyncio.Semaphore(1 if self.dialect == "sqlite" else limits.WRITERS)
        """The queue of this process's writers, in order. Without this queue, SQLite writers would wait in SQLite's busy loop.
        PostgreSQL writers would hold locks while they wait for a busy event loop.
        """
        self._jobs = asyncio.Semaphore(limits.JOB_WRITERS)
        self._people = 0
        """The number of sessions and transactions that are open, without those of `transact_job`."""
        self._quiet = asyncio.Event()
        self._quiet.set()

    @classmethod
    def open(cls, url: str) -> Database:
        """Open `sqlite:///PATH` or `postgresql://USER@HOST/NAME`. The first statement makes the first connection."""
        pool: dict[str, Any] = {
            "pool_size": limits.CONNECTIONS,
            "max_overflow": 0,
            "pool_timeout": limits.POOL_WAIT_S,
            # The log shows a failed statement, but never its names, titles, PINs or digests.
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
            from rooms.store import served  # load this driver only if it is used

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
            raise ValueError("a database address must begin with sqlite: or postgresql:")
        return cls(engine)

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def reading(self, brief: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a session that only reads. Its changes are not stored. `brief`: the session reads a few rows by key, so SQLite
        answers faster in the event loop than through a thread.
        """
        with self._person():
            async with self._sessions() as session:
                if brief and self.dialect == "sqlite":
                    await session.connection(execution_options={embedded.BRIEF: True})
                yield session

    async def quiet(self) -> None:
        """Wait until no session is open in this process except those of jobs, for at most `JOB_WAIT_S`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limits.JOB_WAIT_S):
                await self._quiet.wait()

    async def transact_job(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Do the same as `transact`, for a job. Few jobs use the database at once. While people use the database too, each of
        these jobs first gives way for at most `JOB_WAIT_S`.
        """
        async with self._jobs:
            await self.quiet()
            return await self._transact(work)

    async def transact(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Run `work` in one write transaction and commit it.

        `work` runs again from the start if it lost a race (deadlock, serialization) or lost its connection before the commit.
        So `work` must do nothing but SQL. If `work` raises an exception, nothing is stored.
        """
        with self._person():
            return await self._transact(work)

    @contextmanager
    def _person(self) -> Iterator[None]:
        self._people += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._people -= 1
            if not self._people:
                self._quiet.set()

    async def _transact(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
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
    """Report whether the database cannot be reached or is overloaded. The same work may succeed later."""
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
        with suppress(
            Exception
        ):  # an error here would look like the error of the work, and `transact` would repeat the work
            await _to_the_end(session.rollback(), hurried=True)
        raise
    await _to_the_end(session.commit())


async def _to_the_end(ending: Coroutine[Any, Any, None], *, hurried: bool = False) -> None:
    """Finish the commit or rollback. A cancellation waits until then: a transaction that is left half ended costs its
    connection.

    After a cancellation, or from the start if `hurried`, wait at most `ENDING_S` for a database that does not answer.
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
            task.cancel()  # no effect on a finished task
            ends = loop.time() + limits.ENDING_S
    if cancelled is not None:
        if not task.cancelled() and (failed := task.exception()) is not None:
            raise cancelled from failed
        raise cancelled
    task.result()


def _may_repeat(error: DBAPIError) -> bool:
    """Report whether the transaction certainly left nothing and may succeed when it runs again."""
    state = getattr(error.orig, "sqlstate", None)
    if state in AGAIN:
        return True
    return isinstance(error, OperationalError | InterfaceError) and "database is locked" in str(error.orig)
