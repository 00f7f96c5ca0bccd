"""The server's database: how PostgreSQL is connected, and kept connections are tried.

The driver has errors of several kinds for a server that is not there, is full, starts, ends or breaks off while it greets.
SQLAlchemy passes some of them on as they are; here each becomes one of its own, as an error of a statement does.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from rooms import limits

USED_AT = "diemcau_used_at"
AWAY = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.exceptions.OperatorInterventionError,
)


class Served(asyncpg.Connection):  # type: ignore[misc]
    async def set_type_codec(self, *arguments: Any, **options: Any) -> None:
        """The dialect's only words to a new connection that it does not send as a statement."""
        with _told():
            await super().set_type_codec(*arguments, **options)


async def connect(*arguments: Any, **options: Any) -> Served:
    """What `create_async_engine` opens connections with (`async_creator_fn`)."""
    with _told():
        found: Served = await asyncpg.connect(*arguments, connection_class=Served, **options)
        return found


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except asyncpg.ClientConfigurationError:
        raise
    except AWAY as error:
        words = f"{type(error).__name__}: {error}"
        raise AsyncAdapt_asyncpg_dbapi.OperationalError(words, error) from error  # type: ignore[no-untyped-call]


def ask_idle_ones(engine: AsyncEngine) -> None:
    """Before a connection is used that was idle for a while, whether its server is still there. One that has just answered is
    not asked: that would be a round trip of each transaction.
    """

    def came_back(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[USED_AT] = _loop_s()

    def goes_out(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if _loop_s() - record.info.get(USED_AT, math.inf) < limits.IDLE_CONNECTION_S:
            return
        dialect = engine.sync_engine.dialect
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error

    event.listen(engine.sync_engine, "checkin", came_back)
    event.listen(engine.sync_engine, "checkout", goes_out)


def _loop_s() -> float:
    """The clock of the event loop; for who gives a connection back without one, long ago."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return -math.inf
