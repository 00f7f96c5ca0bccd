"""SQLite in this process. Short statements run in the event loop. Work that may wait for a disk or a lock runs in a thread.

A statement of a booking takes some ten microseconds. To hand it to a thread and back costs ten times as much. A busy loop also
does other work between two statements, while the transaction holds the only write lock. So the statements of a write
transaction, and of brief read sessions, run in the loop. COMMIT and ROLLBACK of a write transaction wait for the disk, and
BEGIN IMMEDIATE waits for another process. They and all other reads run in the connection's thread, as in `aiosqlite`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

import aiosqlite
from sqlalchemy import Connection, Engine, event
from sqlalchemy.util import await_only

from rooms import limits

WRITES, BRIEF = "diemcau_writes", "diemcau_brief"
"""Execution options of a connection."""
_AT_ONCE = frozenset({"cursor", "execute", "executemany", "fetchone", "fetchmany", "fetchall", "close", "rollback"})
_CHUNK = 64
"""Rows that an iteration of aiosqlite fetches together. Source: the default of aiosqlite. SQLAlchemy fetches all rows itself,
so a larger or smaller value has no effect.
"""


class Embedded(aiosqlite.Connection):
    """A connection to SQLite. While `at_once` is True, statements run in the event loop. While `writes` is True, the transaction
    may write.
    """

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, _CHUNK)
        self._thread.daemon = True
        self.at_once, self.writes = False, False
        self._queued, self._finished = 0, 0
        """Calls in the thread. Only the loop counts `_queued`, and only the thread counts `_finished`."""
        self._turn_s = 0.0
        self._ends: list[asyncio.Future[Any] | None] = []

    def stop(self) -> asyncio.Future[Any] | None:
        """Stop the thread, only once. SQLAlchemy calls this method twice for a task that is cancelled twice. The thread ends
        after the first call, and a second call would never get an answer.
        """
        if not self._ends:
            self._ends.append(super().stop())
        first = self._ends[0]
        return first and asyncio.shield(first)

    async def _execute(self, fn: Callable[..., Any], *args: Any, **named: Any) -> Any:
        if not self.at_once or self._queued != self._finished or not self._is_short(fn):
            return await self._in_thread(fn, *args, **named)
        loop = asyncio.get_running_loop()
        if loop.time() - self._turn_s > limits.TURN_S:
            # A long transaction lets other tasks of the loop run.
            await asyncio.sleep(0)
            self._turn_s = loop.time()
        return fn(*args, **named)

    def _is_short(self, fn: Callable[..., Any]) -> bool:
        if fn.__name__ == "rollback" and self.writes and self._conn.in_transaction:
            return False
        return fn.__name__ in _AT_ONCE and fn != self._conn.close

    def begin_at_once(self) -> bool:
        """Run BEGIN IMMEDIATE, unless it would have to wait. Report whether the transaction began."""
        if self._queued != self._finished:
            return False
        self._conn.execute("PRAGMA busy_timeout = 0")
        try:
            self._conn.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        finally:
            self._conn.execute(f"PRAGMA busy_timeout = {int(limits.BUSY_S * 1000)}")
        return True

    async def _in_thread(self, fn: Callable[..., Any], *args: Any, **named: Any) -> Any:
        def run() -> Any:
            try:
                return fn(*args, **named)
            finally:
                self._finished += 1

        if self._running and self._connection:
            self._queued += 1
        found = await super()._execute(run)  # type: ignore[no-untyped-call]
        self._turn_s = asyncio.get_running_loop().time()
        return found


def connect(path: str, **options: Any) -> Embedded:
    """Open a connection for `create_async_engine` (`async_creator_fn`)."""
    return Embedded(lambda: sqlite3.connect(path, **{**options, "check_same_thread": False}))


def prepare(engine: Engine) -> None:
    """Set up the engine: durable commits, foreign keys, and transactions that begin as their sessions require.

    A thread that returns from the disk gets its turn after one millisecond instead of five. Until then it holds the only write
    lock.
    """
    sys.setswitchinterval(min(sys.getswitchinterval(), limits.SWITCH_S))
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)


def _on_connect(connection: Any, _record: Any) -> None:
    # Set up a new connection. The driver must not begin a transaction by itself, because `_on_begin` begins it.
    connection.isolation_level = None
    cursor = connection.cursor()
    _write_ahead(cursor)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Give the file a write-ahead log. This change needs the file alone: if two processes try at the same time, SQLite answers
    BUSY at once, whatever the timeout is.
    """
    for left in reversed(range(limits.WAL_ATTEMPTS)):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or left == 0:
                raise
            await_only(asyncio.sleep(limits.RETRY_S))


def _on_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    writes = options.get(WRITES, False)
    driver = connection.connection.driver_connection
    assert isinstance(driver, Embedded)
    driver.at_once, driver.writes = options.get(BRIEF, False), writes
    if not writes:
        connection.exec_driver_sql("BEGIN")
    elif not driver.begin_at_once():
        # Another process writes. The thread waits for it, so that the loop does not stop.
        driver.at_once = False
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    driver.at_once = driver.at_once or writes
