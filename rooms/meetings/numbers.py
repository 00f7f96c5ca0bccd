"""Numbers of meetings that were started without a booking, stored so that a restart does not lose them.

A number stays valid for `limits.INSTANT_NUMBER_DAYS` after the last participant left. Only the caller knows which meetings run
now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.store.tables.meetings import InstantNumber

PART = 500
"""Meeting numbers in one SQL statement; further ones go into the next. Chosen. More: longer statements. Above 32,766 databases
refuse the statement (its parameters). Fewer: more statements.
"""


async def store(session: AsyncSession, number: str, title: str, source: str, now: datetime) -> list[str]:
    """Store a number. Return the numbers that were deleted to make room, least recently used first: those of this source above
    its share, then those of all sources.
    """
    shares = ((limits.INSTANT_NUMBERS_OF_A_SOURCE, InstantNumber.source == source), (limits.INSTANT_NUMBERS, None))
    gone: list[str] = []
    for most, whose in shares:
        counted, oldest = select(func.count()).select_from(InstantNumber), select(InstantNumber.number)
        if whose is not None:
            counted, oldest = counted.where(whose), oldest.where(whose)
        over = (await session.scalar(counted) or 0) + 1 - most
        if over > 0:
            oldest = oldest.order_by(InstantNumber.used_at, InstantNumber.number).limit(over)
            found = list(await session.scalars(oldest))
            await _drop(session, found)
            gone += found
    session.add(InstantNumber(number=number, title=title, source=source, used_at=now))
    return gone


async def stored(session: AsyncSession) -> list[tuple[str, str]]:
    """Return each number with its title, the least recently used first."""
    rows = select(InstantNumber).order_by(InstantNumber.used_at, InstantNumber.number)
    return [(one.number, one.title) for one in await session.scalars(rows)]


async def touch(session: AsyncSession, numbers: Iterable[str], now: datetime) -> None:
    """Update the time of these numbers: a participant is connected, or was just let in."""
    for part in _parts(sorted(numbers)):
        await session.execute(update(InstantNumber).where(InstantNumber.number.in_(part)).values(used_at=now))


async def expire(session: AsyncSession, now: datetime) -> list[str]:
    """Delete the expired numbers and return them."""
    old = now - timedelta(days=limits.INSTANT_NUMBER_DAYS, seconds=limits.INSTANT_NUMBER_GRACE_S)
    found = list(await session.scalars(select(InstantNumber.number).where(InstantNumber.used_at < old)))
    await _drop(session, found)
    return found


async def _drop(session: AsyncSession, numbers: Sequence[str]) -> None:
    for part in _parts(numbers):
        await session.execute(delete(InstantNumber).where(InstantNumber.number.in_(part)))


def _parts(numbers: Sequence[str]) -> Iterable[Sequence[str]]:
    return (numbers[at : at + PART] for at in range(0, len(numbers), PART))
