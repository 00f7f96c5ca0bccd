"""The dates with halls on an operator's board: the dates of today and the running dates. Read-only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from rooms import limits
from rooms.booking.meeting import call_list
from rooms.dialling.planning import LIVE
from rooms.org.fields import midnight, today
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store.tables.booking import Wanted
from rooms.store.tables.dialling import DialLeg, LegAlarm
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Terminal


@dataclass(frozen=True)
class BoardDate:
    """A date with the numbers of its halls by state."""

    occurrence: Occurrence
    meeting: Meeting
    host: Unit
    states: dict[str, int]
    readiness: dict[str, int]
    """The readiness of the halls that are not connected."""
    alarmed: int
    """Halls with an alarm that no operator has acknowledged."""
    expected: int
    """Terminals of the call list that have no leg yet."""


async def with_halls(session: AsyncSession, actor: Actor, now: datetime) -> list[BoardDate]:
    """Return the dates of today (local time) and the running dates that have halls, in units where `actor` may read halls.

    A date has halls if it has legs, a booked hall or terminal, or an invited unit with a terminal. Cancelled dates are left
    out. The earliest date is first, and the number is limited. Late in the evening, the dates after midnight also appear when
    an operator may already call their halls.
    """
    day = midnight(today(now))
    until = max(day + timedelta(days=1), now + timedelta(minutes=limits.ENTRY_HOST_MIN))
    of_today = and_(Occurrence.starts_at < until, Occurrence.ends_at >= day)
    has_legs = select(DialLeg.id).where(DialLeg.occurrence_id == Occurrence.id).exists()
    booked = select(Wanted.meeting_id).where(Wanted.meeting_id == Meeting.id, Wanted.kind.in_(("hall", "terminal")))
    invited = (
        select(Attendee.id)
        .join(Terminal, Terminal.site_id == Attendee.site_id)
        .where(Attendee.meeting_id == Meeting.id, Attendee.unit_id.is_not(None), Terminal.active)
    )
    expected = or_(booked.exists(), invited.exists())
    rows = await session.execute(
        select(Occurrence, Meeting, Unit)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(Unit, Unit.id == Meeting.host_unit_id)
        .where(Meeting.state == "approved", or_(of_today, Occurrence.state == "running"))
        .where(or_(and_(expected, Occurrence.state.in_(LIVE)), has_legs), within(actor))
        .order_by(Occurrence.starts_at, Occurrence.id)
        .limit(limits.DATES_DIALLED)
    )
    found = rows.all()
    dates = [date.id for date, _, _ in found]
    states, readiness = await _counted(session, dates, DialLeg.state), await _counted(session, dates, DialLeg.readiness)
    alarmed = await _alarmed(session, dates)
    expects = await _expected(session, [(meeting, date.id) for date, meeting, _ in found])
    return [
        BoardDate(
            date,
            meeting,
            unit,
            states.get(date.id, {}),
            readiness.get(date.id, {}),
            alarmed.get(date.id, 0),
            expects.get(date.id, 0),
        )
        for date, meeting, unit in found
    ]


def within(actor: Actor) -> ColumnElement[bool]:
    """Return the condition for a host unit (`Unit`) in which the actor may read halls."""
    paths = roles.scopes(actor, "halls.read")
    if paths is None:
        return Unit.id.is_not(None)
    return or_(false(), *(Unit.path.startswith(path, autoescape=True) for path in paths))


async def _counted(
    session: AsyncSession, dates: Sequence[str], column: InstrumentedAttribute[str]
) -> dict[str, dict[str, int]]:
    """Return the number of legs of each date by state or by readiness."""
    counted: dict[str, dict[str, int]] = {}
    grouped = select(DialLeg.occurrence_id, column, func.count()).where(
        DialLeg.occurrence_id.in_(dates), ~DialLeg.taken_off
    )
    if column is DialLeg.readiness:
        grouped = grouped.where(DialLeg.state != "connected")
    for date, value, count in (await session.execute(grouped.group_by(DialLeg.occurrence_id, column))).all():
        counted.setdefault(date, {})[value] = count
    return counted


async def _expected(session: AsyncSession, dates: Sequence[tuple[Meeting, str]]) -> dict[str, int]:
    """Return the number of terminals in each date's call list that have no leg. Terminals that were removed from the call list
    do not count.
    """
    rows = await session.execute(
        select(DialLeg.occurrence_id, DialLeg.terminal_id).where(
            DialLeg.occurrence_id.in_([id_ for _, id_ in dates]), ~DialLeg.taken_off
        )
    )
    legs = {(date, terminal) for date, terminal in rows.all()}
    counted: dict[str, int] = {}
    for meeting, date in dates:
        lines = (await call_list.of_date(session, meeting, date)).lines
        counted[date] = sum(not one.out and (date, one.device.id) not in legs for one in lines)
    return counted


async def _alarmed(session: AsyncSession, dates: Sequence[str]) -> dict[str, int]:
    alarms = (
        select(DialLeg.occurrence_id, func.count(func.distinct(DialLeg.id)))
        .join(LegAlarm, LegAlarm.leg_id == DialLeg.id)
        .where(DialLeg.occurrence_id.in_(dates), LegAlarm.acknowledged_at.is_(None), ~DialLeg.taken_off)
        .group_by(DialLeg.occurrence_id)
    )
    return {row[0]: row[1] for row in (await session.execute(alarms)).all()}
