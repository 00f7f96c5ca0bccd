"""Stored lobby settings of hosts and stored bars of participants, so that a restart neither opens a closed lobby nor admits a
barred person.

`conference.door` owns the lobby. Only a lobby that differs from the plan has a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.store.tables.meetings import LobbyBar, LobbySetting

State = tuple[str, bool, bool | None]
"""(conference, on, the planner's value when the host set the lobby). The planner's value is None for a conference without a
booking.
"""


async def store(session: AsyncSession, state: State, now: datetime) -> None:
    """Store the setting for the next start."""
    conference, on, planned = state
    if on == bool(planned):
        await session.execute(delete(LobbySetting).where(LobbySetting.conference == conference))
        return
    await session.merge(LobbySetting(conference=conference, held=on, planned=planned, set_at=now))


async def stored(session: AsyncSession, most: int) -> list[State]:
    """Return the newest `most` settings."""
    newest = select(LobbySetting).order_by(LobbySetting.set_at.desc(), LobbySetting.conference).limit(most)
    return [(one.conference, one.held, one.planned) for one in await session.scalars(newest)]


async def store_bars(session: AsyncSession, conference: str, bars: Sequence[tuple[str, str]], now: datetime) -> None:
    """Replace the bars of this conference: exactly these persons are barred."""
    if not bars:
        await session.execute(delete(LobbyBar).where(LobbyBar.conference == conference))
        return
    await session.merge(LobbyBar(conference=conference, bars=[list(one) for one in bars], set_at=now))


async def bars(session: AsyncSession, most: int) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return the newest `most` rows of bars, by conference."""
    newest = select(LobbyBar).order_by(LobbyBar.set_at.desc(), LobbyBar.conference).limit(most)
    return {
        one.conference: tuple((identity, bar) for identity, bar in one.bars) for one in await session.scalars(newest)
    }


async def forget(session: AsyncSession, now: datetime) -> None:
    """Delete the rows of old meetings."""
    old = now - timedelta(days=limits.LOBBY_KEPT_DAYS)
    await session.execute(delete(LobbySetting).where(LobbySetting.set_at < old))
    await session.execute(delete(LobbyBar).where(LobbyBar.set_at < old))
