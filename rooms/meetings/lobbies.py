"""What hosts have set lobbies to, so that a restart does not open them. The lobby itself is `conference.lobby`'s.

Only what differs from the plan has a row.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.meetings.tables import LobbySetting

Kept = tuple[str, bool, bool | None]
"""(conference, on, as it was planned then; None: it is in no calendar)"""


async def keep(session: AsyncSession, kept: Kept, now: datetime) -> None:
    """From now on it comes back so."""
    conference, on, planned = kept
    if on == bool(planned):
        await session.execute(delete(LobbySetting).where(LobbySetting.conference == conference))
        return
    await session.merge(LobbySetting(conference=conference, held=on, planned=planned, set_at=now))


async def kept(session: AsyncSession, most: int) -> list[Kept]:
    """The newest `most` of them."""
    newest = select(LobbySetting).order_by(LobbySetting.set_at.desc(), LobbySetting.conference).limit(most)
    return [(one.conference, one.held, one.planned) for one in await session.scalars(newest)]


async def forget(session: AsyncSession, now: datetime) -> None:
    """Of meetings that are long over."""
    old = now - timedelta(days=limits.LOBBY_KEPT_DAYS)
    await session.execute(delete(LobbySetting).where(LobbySetting.set_at < old))
