"""The dates in an operator's list: the dates of today and tomorrow, and the running dates. Read-only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from rooms import limits
from rooms.booking.meeting import call_list
from rooms.booking.meeting.call_list import CallList
from rooms.dialling.planning import LIVE
from rooms.org.fields import midnight, today
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store.tables.booking import Wanted
from rooms.store.tables.dialling import DialLeg, LegAlarm
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.org import Unit


@dataclass(frozen=True)
class BoardDate:
    """A date with the numbers of its halls by state."""

    occurrence: Occurrence
    meeting: Meeting
    host: Unit
    tomorrow: bool
    states: dict[str, int]
    readiness: dict[str, int]
    """The readiness of the halls that are not connected."""
    alarmed: int
    """Halls with an alarm that no operator has acknowledged."""
    expected: tuple[str, ...]
    """The terminals of the call list that have no leg yet."""
    gaps: int
    """Booked halls and invited units that have no terminal to call."""
    people: int
    """Invited persons and guests, who join by a browser."""


async def of_two_days(session: AsyncSession, actor: Actor, now: datetime) -> list[BoardDate]:
    """Return the dates of today and tomorrow (local time) and the running dates, in units where `actor` may read halls.

    A date is listed if it has legs, a booked hall or terminal, an invited site or unit, or a chair or operator. Cancelled dates
    are left out. The earliest date is first, and the number is limited.
    """
    day = midnight(today(now))
    morrow = day + timedelta(days=1)
    of_days = and_(Occurrence.starts_at < morrow + timedelta(days=1), Occurrence.ends_at >= day)
    has_legs = select(DialLeg.id).where(DialLeg.occurrence_id == Occurrence.id).exists()
    booked = select(Wanted.meeting_id).where(Wanted.meeting_id == Meeting.id, Wanted.kind.in_(("hall", "terminal")))
    place = or_(Attendee.site_id.is_not(None), Attendee.unit_id.is_not(None))  # a unit may have no site yet
    invited = select(Attendee.id).where(Attendee.meeting_id == Meeting.id, place)
    led = or_(Meeting.chair_id.is_not(None), Meeting.operator_id.is_not(None))
    expected = or_(booked.exists(), invited.exists(), led)
    rows = await session.execute(
        select(Occurrence, Meeting, Unit)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(Unit, Unit.id == Meeting.host_unit_id)
        .where(Meeting.state == "approved", or_(of_days, Occurrence.state == "running"))
        .where(or_(and_(expected, Occurrence.state.in_(LIVE)), has_legs), within(actor))
        .order_by(Occurrence.starts_at, Occurrence.id)
        .limit(limits.DATES_LISTED)
    )
    found = rows.all()
    dates = [date.id for date, _, _ in found]
    states, readiness = await _counted(session, dates, DialLeg.state), await _counted(session, dates, DialLeg.readiness)
    alarmed = await _alarmed(session, dates)
    people = await _people(session, {meeting.id for _, meeting, _ in found})
    calls = await call_list.of_dates(session, [(meeting, date.id) for date, meeting, _ in found])
    expects = await _expected(session, calls)
    return [
        BoardDate(
            date,
            meeting,
            unit,
            date.starts_at >= morrow,
            states.get(date.id, {}),
            readiness.get(date.id, {}),
            alarmed.get(date.id, 0),
            expects[date.id],
            len(calls[date.id].gaps),
            people.get(meeting.id, 0),
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


async def _expected(session: AsyncSession, calls: Mapping[str, CallList]) -> dict[str, tuple[str, ...]]:
    """Return the terminals in each date's call list that have no leg. Terminals that were removed from the call list do not
    count.
    """
    rows = await session.execute(
        select(DialLeg.occurrence_id, DialLeg.terminal_id).where(DialLeg.occurrence_id.in_(calls), ~DialLeg.taken_off)
    )
    legs = {(date, terminal) for date, terminal in rows.all()}
    return {
        date: tuple(line.device.id for line in listed.lines if not line.out and (date, line.device.id) not in legs)
        for date, listed in calls.items()
    }


async def _people(session: AsyncSession, meetings: Collection[str]) -> dict[str, int]:
    """Return the number of invited persons and guests of each meeting. A unit or site that is invited is no person."""
    person = or_(Attendee.person_id.is_not(None), and_(Attendee.unit_id.is_(None), Attendee.site_id.is_(None)))
    counted = (
        select(Attendee.meeting_id, func.count())
        .where(Attendee.meeting_id.in_(meetings), person)
        .group_by(Attendee.meeting_id)
    )
    return {row[0]: row[1] for row in (await session.execute(counted)).all()}


async def _alarmed(session: AsyncSession, dates: Sequence[str]) -> dict[str, int]:
    alarms = (
        select(DialLeg.occurrence_id, func.count(func.distinct(DialLeg.id)))
        .join(LegAlarm, LegAlarm.leg_id == DialLeg.id)
        .where(DialLeg.occurrence_id.in_(dates), LegAlarm.acknowledged_at.is_(None), ~DialLeg.taken_off)
        .group_by(DialLeg.occurrence_id)
    )
    return {row[0]: row[1] for row in (await session.execute(alarms)).all()}
