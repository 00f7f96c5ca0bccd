"""The facts for an approver about several meetings at once: leader, place, attendees, and whether the invitation is late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.meeting import naming
from rooms.booking.rules import calendar
from rooms.store.tables.booking import Reservation
from rooms.store.tables.meetings import Attendee, Meeting, MeetingType, Occurrence
from rooms.store.tables.sites import Hall


@dataclass(frozen=True)
class Invited:
    """The number of invited units, people and guests."""

    units: int = 0
    people: int = 0
    guests: int = 0


@dataclass(frozen=True)
class Card:
    """The facts of a meeting that an approver decides by. `notice_due`: the last day for an invitation in time. `skipped`: the
    number of dates that are not booked because of clashes.
    """

    chair: str = ""
    halls: tuple[str, ...] = ()
    invited: Invited = field(default_factory=Invited)
    notice_due: date | None = None
    skipped: int = 0
    rehearsal_at: datetime | None = None


async def cards(session: AsyncSession, meetings: Sequence[Meeting], starts: Mapping[str, datetime]) -> dict[str, Card]:
    """Return the card of each meeting. `starts`: the start of the next date of each meeting. The number of statements does not
    depend on the number of meetings.
    """
    ids = [one.id for one in meetings]
    if not ids:
        return {}
    names = await naming.people(session, [one.chair_id for one in meetings])
    types = select(MeetingType.code, MeetingType.notice_days)
    notice = dict((await session.execute(types)).all())
    off = select(Occurrence.meeting_id, func.count()).where(
        Occurrence.meeting_id.in_(ids), Occurrence.state == "skipped"
    )
    skipped = dict((await session.execute(off.group_by(Occurrence.meeting_id))).all())
    halls, invited, days = (
        await _halls(session, ids, starts),
        await _invited(session, ids),
        await calendar.load(session),
    )
    return {
        one.id: Card(
            names.get(one.chair_id or "", ""),
            tuple(halls[one.id]),
            invited.get(one.id, Invited()),
            _due(days, starts.get(one.id), notice.get(one.type_code, 0)),
            skipped.get(one.id, 0),
            one.rehearsal_at,
        )
        for one in meetings
    }


def _due(days: calendar.Calendar, starts_at: datetime | None, notice: int) -> date | None:
    return calendar.notice_due(days, starts_at, notice) if notice and starts_at is not None else None


async def _halls(session: AsyncSession, ids: Sequence[str], starts: Mapping[str, datetime]) -> dict[str, list[str]]:
    """Return the names of the halls that the next date of each meeting reserves."""
    rows = await session.execute(
        select(Occurrence.meeting_id, Occurrence.starts_at, Hall.name)
        .join(Reservation, Reservation.occurrence_id == Occurrence.id)
        .join(Hall, Hall.id == Reservation.resource_id)
        .where(Occurrence.meeting_id.in_(ids), Occurrence.starts_at.in_(set(starts.values())))
        .where(Reservation.kind == "hall", Reservation.active)
        .order_by(Hall.name)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for meeting, at, name in rows:
        if starts.get(meeting) == at and name not in found[meeting]:
            found[meeting].append(name)
    return found


async def _invited(session: AsyncSession, ids: Sequence[str]) -> dict[str, Invited]:
    unit = case((Attendee.person_id.is_(None), Attendee.unit_id))
    rows = await session.execute(
        select(Attendee.meeting_id, func.count(unit), func.count(Attendee.person_id), func.count())
        .where(Attendee.meeting_id.in_(ids))
        .group_by(Attendee.meeting_id)
    )
    return {meeting: Invited(units, people, every - units - people) for meeting, units, people, every in rows}
