"""PostgreSQL connections: how they are opened, and how idle connections are tested.

The driver raises different errors for a server that is missing, full, starting, stopping, or that breaks off the handshake.
SQLAlchemy passes some of them on unchanged. This module turns each into an SQLAlchemy error, the same as the error of a
statement.
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
        """Set a codec. This is the dialect's only request on a new connection that is not an SQL statement."""
        with _told():
            await super().set_type_codec(*arguments, **options)


async def connect(*arguments: Any, **options: Any) -> Served:
    """Open a connection for `create_async_engine` (`async_creator_fn`)."""
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
    """Ping the server before the use of a connection that was idle for a while. A connection that was just used is not pinged,
    because a ping costs each transaction a round trip.
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
    """Return the clock of the event loop, or a time long ago if no loop runs."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return -math.inf
