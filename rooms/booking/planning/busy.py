"""Who of a stored meeting's attendees is busy at its times, for an approver who decides about the meeting."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import attendance
from rooms.booking.holds.attendance import Attendance
from rooms.booking.holds.resources import Span
from rooms.booking.meeting import attendees, naming
from rooms.booking.meeting.attendees import Invited
from rooms.policy.actors import Actor
from rooms.store.tables.meetings import Meeting, Occurrence


async def busy_of(session: AsyncSession, meeting: Meeting, actor: Actor, now: datetime) -> Attendance:
    """Return the busy people and units of the next dates, at most `DATES_COMPARED`. The chair is reserved, and so never busy."""
    rows = await session.scalars(
        select(Occurrence)
        .where(Occurrence.meeting_id == meeting.id, Occurrence.ends_at > now, Occurrence.state == "planned")
        .order_by(Occurrence.starts_at)
        .limit(limits.DATES_COMPARED)
    )
    listed = await attendees.listed(session, meeting.id)
    invited = [Invited(**{name: getattr(one, name) for name in attendees.STORED}) for one in listed]
    spans = [Span(one.id, one.starts_at, one.ends_at) for one in rows]
    leaders = await naming.people(session, [meeting.chair_id, meeting.operator_id])
    return await attendance.attendance(
        session, attendance.Question(spans, invited, leaders, (), actor, excluding=meeting.id)
    )
