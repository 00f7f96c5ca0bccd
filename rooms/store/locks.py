"""Locks of a whole transaction, for what one row cannot guard. SQLite has one writer at a time and needs none."""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

SPACE = 5180
"""First key of all advisory locks of this program."""


class Lock(IntEnum):
    """Taken in this order when one transaction needs several."""

    MIGRATION = 1
    TREE = 2
    """The unit tree: two moves must not make a ring together."""
    ADMINS = 5
    """Two administrators must not remove each other: one stays."""
    AUDIT = 9
    """The end of the audit trail. Last of all: taken just before the commit."""


async def take(session: AsyncSession, lock: Lock) -> None:
    """Wait for it; it is given back with the end of the transaction."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(SPACE, int(lock))))
