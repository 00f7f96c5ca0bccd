"""The next free times of a date that needs another time: everything that the meeting must have is free then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date as date_
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import clashes, loads, restoring
from rooms.booking.holds.clashes import STEP, FreeTime
from rooms.booking.holds.resources import Load, Span, Thing
from rooms.booking.rules import calendar, unit_rules
from rooms.booking.rules.calendar import DAY, Calendar, day_of, local, midnight
from rooms.booking.rules.unit_rules import Rule
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Unit

NOON_H: Final = 12


async def free_times(session: AsyncSession, meeting: Meeting, date: Occurrence, now: datetime) -> list[FreeTime]:
    """Return free times within the hours of the host unit, in order. Each morning and each afternoon has at most one: the
    time nearest to the hour of the date.

    The search begins on the day of the date, but not in the past, and covers `REARRANGED_DAYS` days. The times only report:
    the database decides when the date is moved.
    """
    unit = await session.get_one(Unit, meeting.host_unit_id)
    hours = Hours(await unit_rules.rule_of(session, unit.path), await calendar.load(session), now)
    things = await restoring.needed(session, meeting, date)
    load = await loads.of_meeting(session, meeting)
    return await near(session, Span("", date.starts_at, date.ends_at), things, load, hours)


@dataclass(frozen=True)
class Hours:
    """The hours of a unit from now on."""

    rule: Rule
    known: Calendar
    now: datetime


async def near(
    session: AsyncSession, date: Span, things: Sequence[Thing], load: Load, hours: Hours, excluding: str = ""
) -> list[FreeTime]:
    """Return the times at which these things and the legs of `load` are free, as `free_times` does. `excluding`: a meeting
    whose own reservations do not count.
    """
    spans = [one for one in _spans(date, hours) if one.starts_at != date.starts_at]
    free = await clashes.free(session, spans, things, load, excluding)
    return _nearest(free, date.starts_at - midnight(day_of(date.starts_at)))


def _spans(date: Span, hours_: Hours) -> Iterator[Span]:
    """Return the possible times: every half an hour, and the hour of the date itself."""
    rule, known, now = hours_.rule, hours_.known, hours_.now
    length, hour = date.ends_at - date.starts_at, date.starts_at - midnight(day_of(date.starts_at))
    earliest = max(now + timedelta(minutes=rule.ahead_min), midnight(day_of(date.starts_at)))
    opens, closes = timedelta(minutes=rule.opens_min), timedelta(minutes=rule.closes_min)
    hours = {opens + n * STEP for n in range(max(0, (closes - length - opens) // STEP + 1))} | {hour}
    for n in range(limits.REARRANGED_DAYS):
        day = day_of(earliest) + n * DAY
        if unit_rules.trouble_of_day(rule, known, day):
            continue
        for at in sorted(midnight(day) + one for one in hours):
            if at > earliest and not unit_rules.trouble_of_hours(rule, at, at + length):
                yield Span("", at, at + length)


def _nearest(free: list[Span], hour: timedelta) -> list[FreeTime]:
    def far(one: Span) -> timedelta:
        return abs(one.starts_at - midnight(day_of(one.starts_at)) - hour)

    halves: dict[tuple[date_, bool], Span] = {}
    for one in sorted(free, key=far):
        halves.setdefault((day_of(one.starts_at), local(one.starts_at).hour < NOON_H), one)
    chosen = sorted(halves.values(), key=lambda one: one.starts_at)[: limits.REARRANGED_TIMES]
    return [FreeTime(one.starts_at, one.ends_at) for one in chosen]
