"""The rehearsals of the meetings of one day, for the report of the morning: what failed, and which sites are not signed."""

from __future__ import annotations

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
    found = []
    for date, meeting_id in rows.all():
        rehearsal = await checks.of_date(session, date.id)
        if rehearsal is not None and rehearsal.starts_at <= now:
            found.append(OfMeeting(meeting_id, date.id, date.starts_at, rehearsal))
    return found
