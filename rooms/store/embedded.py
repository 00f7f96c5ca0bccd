"""SQLite in this process: what is short is done at once in the event loop, what may wait for a disk or a lock in a thread.

A statement of a booking takes some ten microseconds; to hand it to a thread and back costs ten times as much, and between two of
them a busy loop does other work while the one writer's lock is held. So the statements of a writing transaction, and of reading
sessions that are known to be brief, run where they are called; what waits (COMMIT and ROLLBACK for the disk, BEGIN IMMEDIATE for
another process) and all other reading run in the connection's thread, as `aiosqlite` does it.
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
_AT_ONCE = frozenset({"cursor", "execute", "executemany", "fetchone", "fetchmany", "fetchall", "close"})
_CHUNK = 64
"""Rows that aiosqlite's own iteration fetches at once; SQLAlchemy fetches all."""


class Embedded(aiosqlite.Connection):
    """`at_once`: statements run in the loop until that is set back."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, _CHUNK)
        self._thread.daemon = True
        self.at_once = False
        self._queued, self._finished = 0, 0
        """By the thread: the first is counted by the loop only, the second by the thread only."""
        self._turn_s = 0.0
        self._ends: list[asyncio.Future[Any] | None] = []

    def stop(self) -> asyncio.Future[Any] | None:
        """Once: the thread ends with the first, and who waits for another one's would for ever. SQLAlchemy asks twice where a
        task is cancelled twice.
        """
        if not self._ends:
            self._ends.append(super().stop())
        first = self._ends[0]
        return first and asyncio.shield(first)

    async def _execute(self, fn: Callable[..., Any], *args: Any, **named: Any) -> Any:
        if not self.at_once or self._queued != self._finished or fn.__name__ not in _AT_ONCE or fn == self._conn.close:
            return await self._in_thread(fn, *args, **named)
        loop = asyncio.get_running_loop()
        if loop.time() - self._turn_s > limits.TURN_S:
            # A long transaction leaves room for everybody else.
            await asyncio.sleep(0)
            self._turn_s = loop.time()
        return fn(*args, **named)

    def begin_at_once(self) -> bool:
        """BEGIN IMMEDIATE, unless that would have to wait."""
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
    """What `create_async_engine` opens connections with (`async_creator_fn`)."""
    return Embedded(lambda: sqlite3.connect(path, **{**options, "check_same_thread": False}))


def prepare(engine: Engine) -> None:
    """Durable, with checks, and transactions that begin as their sessions say.

    A thread that comes back from the disk gets its turn after a millisecond instead of five: until then the one writer's
    lock is held.
    """
    sys.setswitchinterval(min(sys.getswitchinterval(), limits.SWITCH_S))
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)


def _on_connect(connection: Any, _record: Any) -> None:
    # The driver must not begin by itself: `_on_begin` says how.
    connection.isolation_level = None
    cursor = connection.cursor()
    _write_ahead(cursor)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """A new file becomes one with a write-ahead log. That wants the file alone: to two that begin together SQLite answers
    BUSY at once, whatever the time-out is.
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
    driver.at_once = options.get(BRIEF, False)
    if not writes:
        connection.exec_driver_sql("BEGIN")
    elif not driver.begin_at_once():
        # Another process writes: waiting for it is no work for the loop.
        driver.at_once = False
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    driver.at_once = driver.at_once or writes
