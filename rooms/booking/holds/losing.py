"""Halls and terminals of invited units that a meeting loses: to a meeting with precedence, or to their own units."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.meeting import history, timing
from rooms.policy.actors import SYSTEM, Actor
from rooms.store.tables.booking import Change
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.sites import Hall, Site, Terminal

LOST: Final = "halls_lost"
"""The action of the line in the history."""
OWN: Final = "Đơn vị đặt cuộc họp khác tại hội trường của mình, nên máy chủ không gọi được hội trường này."


async def tell(
    session: AsyncSession,
    meeting: Meeting,
    dates: Sequence[Occurrence],
    resource_ids: Collection[str],
    why: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Write a line in the history of a meeting that has lost these halls and terminals, and tell its staff and their units.
    `dates`: the dates that lost something, in order.
    """
    halls = select(Hall.id, Hall.name, Site.unit_id).join(Site, Site.id == Hall.site_id)
    devices = select(Terminal.id, Terminal.name, Site.unit_id).join(Site, Site.id == Terminal.site_id)
    # The name of the hall is enough for a terminal in it.
    devices = devices.where(or_(Terminal.hall_id.is_(None), Terminal.hall_id.not_in(resource_ids)))
    rows = [
        row
        for query, id_ in ((halls, Hall.id), (devices, Terminal.id))
        for row in await session.execute(query.where(id_.in_(resource_ids)).order_by(id_))
    ]
    about = ", ".join(name for _, name, _ in rows)
    if len(dates) > 1:
        why = f"{why} Số buổi: {len(dates)}."
    date = dates[0]
    only = date.id if len(dates) == 1 else ""
    await history.finish(session, meeting, actor, now, LOST, f"{about}. {why}", {}, False, False, only)
    await timing.lost(session, meeting, date, about, sorted({unit for _, _, unit in rows}), why, now)


async def won(session: AsyncSession, payload: Mapping[str, Any], now: datetime) -> None:
    """Handle the job `booking.won`: units have booked their own halls, and so taken the terminals there off these dates."""
    at = datetime.fromisoformat(payload["at"])
    lost: dict[str, set[str]] = defaultdict(set)
    for date_id, terminal_id in payload["lost"]:
        lost[date_id].add(terminal_id)
    found = select(Occurrence).where(Occurrence.id.in_(lost), Occurrence.state == "planned")
    of_meeting: dict[str, list[Occurrence]] = defaultdict(list)
    for date in await session.scalars(found.order_by(Occurrence.starts_at)):
        of_meeting[date.meeting_id].append(date)
    for meeting_id, dates in sorted(of_meeting.items()):
        meeting = await session.get(Meeting, meeting_id, with_for_update=True, populate_existing=True)
        said = (Change.meeting_id == meeting_id, Change.action == LOST, Change.at == at)
        if meeting is not None and await session.scalar(select(Change.id).where(*said)) is None:
            terminals = set().union(*(lost[one.id] for one in dates))
            await tell(session, meeting, dates, terminals, OWN, SYSTEM, at)
