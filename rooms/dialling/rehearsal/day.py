"""The rehearsals of the meetings of one day, for the report of the morning: what failed, and which sites are not signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.dialling import dates
from rooms.dialling.planning import LIVE
from rooms.dialling.rehearsal import checks
from rooms.dialling.rehearsal.checks import Rehearsal
from rooms.org.fields import midnight, today
from rooms.policy.actors import Actor
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Unit


@dataclass(frozen=True)
class OfMeeting:
    """A meeting of the day with its rehearsal, which has begun."""

    meeting_id: str
    occurrence_id: str
    starts_at: datetime
    rehearsal: Rehearsal


async def of_today(session: AsyncSession, actor: Actor, now: datetime) -> list[OfMeeting]:
    """Return the meetings of today in units where the actor may read halls, the earliest first."""
    first = midnight(today(now))
    rehearsed = select(Meeting.rehearses_id).where(Meeting.rehearses_id.is_not(None))
    rows = await session.execute(
        select(Occurrence, Meeting.id)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(Unit, Unit.id == Meeting.host_unit_id)
        .where(Meeting.state == "approved", Occurrence.state.in_(LIVE), Meeting.id.in_(rehearsed), dates.within(actor))
        .where(Occurrence.starts_at >= first, Occurrence.starts_at < first + timedelta(days=1))
        .order_by(Occurrence.starts_at, Occurrence.id)
        .limit(limits.REHEARSALS_REPORTED)
    )
    today_ = rows.all()
    begun = await _begun(session, [meeting_id for _, meeting_id in today_], now)
    told = {one.of_meeting_id: one for one in await checks.of_dates(session, begun)} if begun else {}
    return [
        OfMeeting(meeting_id, date.id, date.starts_at, told[meeting_id])
        for date, meeting_id in today_
        if meeting_id in told
    ]


async def _begun(session: AsyncSession, meeting_ids: Sequence[str], now: datetime) -> list[tuple[Occurrence, Meeting]]:
    """Return the last date of each rehearsal of these meetings, if it has begun."""
    rows = await session.execute(
        select(Occurrence, Meeting)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .where(Meeting.rehearses_id.in_(meeting_ids))
        .order_by(Occurrence.starts_at)
    )
    last = {rehearsal.id: (date, rehearsal) for date, rehearsal in rows}
    return [one for one in last.values() if one[0].state not in ("cancelled", "skipped") and one[0].starts_at <= now]
