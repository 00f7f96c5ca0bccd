"""Advisory locks until the end of a transaction, for cases that a lock on one row cannot guard. SQLite has one writer at a time
and needs no lock.
"""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

SPACE = 5180
"""The first key of all advisory locks of this program on PostgreSQL. Chosen by chance. Larger or smaller: no effect, if all
processes use the same value and no other program uses it. During an update, processes with different values do not exclude each
other.
"""


class Lock(IntEnum):
    """The locks. A transaction that needs several takes them in this order."""

    MIGRATION = 1
    TREE = 2
    """Guards the unit tree: two simultaneous moves must not make a ring."""
    ADMINS = 5
    """Guards the last administrator: two administrators must not remove each other."""
    AUDIT = 9
    """Guards the end of the audit trail. This lock is last, because it is taken just before the commit."""


async def take(session: AsyncSession, lock: Lock) -> None:
    """Wait for the lock. The end of the transaction releases the lock."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(SPACE, int(lock))))
