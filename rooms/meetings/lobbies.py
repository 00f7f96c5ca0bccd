"""Stores how hosts have set lobbies, and who is kept out, so that a restart opens nothing.
`conference.door` owns the lobby.

Only what differs from the plan has a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.store.tables.meetings import LobbyBar, LobbySetting

State = tuple[str, bool, bool | None]
"""(conference, on, as it was planned then; None: it is in no calendar)"""


async def store(session: AsyncSession, state: State, now: datetime) -> None:
    """From now on it comes back so."""
    conference, on, planned = state
    if on == bool(planned):
        await session.execute(delete(LobbySetting).where(LobbySetting.conference == conference))
        return
    await session.merge(LobbySetting(conference=conference, held=on, planned=planned, set_at=now))


async def stored(session: AsyncSession, most: int) -> list[State]:
    """The newest `most` of them."""
    newest = select(LobbySetting).order_by(LobbySetting.set_at.desc(), LobbySetting.conference).limit(most)
    return [(one.conference, one.held, one.planned) for one in await session.scalars(newest)]


async def store_bars(session: AsyncSession, conference: str, bars: Sequence[tuple[str, str]], now: datetime) -> None:
    """From now on these are kept out, and nobody else."""
    if not bars:
        await session.execute(delete(LobbyBar).where(LobbyBar.conference == conference))
        return
    await session.merge(LobbyBar(conference=conference, bars=[list(one) for one in bars], set_at=now))


async def bars(session: AsyncSession, most: int) -> dict[str, tuple[tuple[str, str], ...]]:
    """By conference, of the newest `most`."""
    newest = select(LobbyBar).order_by(LobbyBar.set_at.desc(), LobbyBar.conference).limit(most)
    return {
        one.conference: tuple((identity, bar) for identity, bar in one.bars) for one in await session.scalars(newest)
    }


async def forget(session: AsyncSession, now: datetime) -> None:
    """Of meetings that are long over."""
    old = now - timedelta(days=limits.LOBBY_KEPT_DAYS)
    await session.execute(delete(LobbySetting).where(LobbySetting.set_at < old))
    await session.execute(delete(LobbyBar).where(LobbyBar.set_at < old))
