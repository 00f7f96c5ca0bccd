"""The clashes of a stored meeting in words, for the mail to its approvers. Many people read the mail, so it names no other
meeting: only who is busy, and when.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import attendance
from rooms.booking.holds.resources import Span
from rooms.booking.meeting import attendees, leaders
from rooms.booking.meeting.attendees import STORED, Invited, Standing
from rooms.policy.actors import Actor
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.org import Person, Unit

_NOBODY: Final = Actor("account")
"""An actor without rights: it reads the title of no meeting that is not public."""


async def clashes_in_words(session: AsyncSession, meeting: Meeting, now: datetime) -> list[str]:
    """Return one line for each busy person or unit, at most `limits.CLASHES_MAILED`, and lines that count the others and the
    dates that are not booked.
    """
    rows = await session.scalars(
        select(Occurrence)
        .where(Occurrence.meeting_id == meeting.id, Occurrence.state == "planned", Occurrence.ends_at > now)
        .order_by(Occurrence.starts_at)
        .limit(limits.DATES_KNOWN)
    )
    question = attendance.Question(
        spans=[Span(one.id, one.starts_at, one.ends_at) for one in rows],
        invited=await _invited(session, meeting),
        leaders=await _leaders(session, meeting),
        halls=(),
        actor=_NOBODY,
        excluding=meeting.id,
    )
    found = await attendance.attendance(session, question)
    told = [one.vi.rstrip(".") for one in found.occupied[: limits.CLASHES_MAILED]]
    if found.busy > len(told):
        told.append(f"và {found.busy - len(told)} thành phần khác cũng có lịch trùng")
    skipped = select(func.count()).where(Occurrence.meeting_id == meeting.id, Occurrence.state == "skipped")
    count = await session.scalar(skipped.select_from(Occurrence)) or 0
    return [*told, f"{count} ngày chưa đặt được vì trùng lịch"] if count else told


async def _invited(session: AsyncSession, meeting: Meeting) -> list[Invited]:
    everybody = await attendees.listed(session, meeting.id)
    ids = {one.unit_id for one in everybody if one.unit_id}
    rows = await session.scalars(select(Unit).where(Unit.id.in_(ids)))
    units = {one.id: Standing(one.id, one.name, one.tier, one.position) for one in rows}
    return [_of_row(one, units.get(one.unit_id or "")) for one in everybody]


def _of_row(row: Attendee, unit: Standing | None) -> Invited:
    return Invited(**{name: getattr(row, name) for name in STORED}, unit=unit)


async def _leaders(session: AsyncSession, meeting: Meeting) -> dict[str, str]:
    rows = await session.execute(select(Person.id, Person.name).where(Person.id.in_(leaders.people_of(meeting))))
    return dict(rows.all())
