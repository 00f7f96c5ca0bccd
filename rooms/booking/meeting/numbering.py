"""The numbers of meetings, for the keypads of terminals and telephones."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.identifiers import new_number
from rooms.store.tables.meetings import Meeting

TRIES = 20


async def free_number(session: AsyncSession) -> str:
    """Return a number that no meeting has."""
    for _ in range(TRIES):
        number = new_number()
        if await session.scalar(select(Meeting.id).where(Meeting.number == number)) is None:
            return number
    raise AssertionError("no free meeting number was found")
