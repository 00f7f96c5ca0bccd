"""The booking rule of a unit: hours, days, how far ahead, how much. The nearest rule at the unit or above it applies. Without a
rule, the defaults apply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, bindparam, case, cast, func, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.rules.calendar import DAY, WEEKEND, Calendar, day_of, local, midnight, week_of
from rooms.errors import Refusal, Trouble
from rooms.store.tables.booking import UnitRule
from rooms.store.tables.columns import Utc
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Unit

FIELDS = (
    "opens_min",
    "closes_min",
    "weekends",
    "ahead_min",
    "ahead_days",
    "meetings_a_week",
    "hours_a_month",
    "approval_hours",
    "hold_hours",
    "release_min",
)
COUNTED = ("held", "asked", "approved")
"""States of meetings that use up a quota."""
UNCOUNTED = 100_000
"""A unit's quota (meetings a week, or hours a month) of this number or more counts as unlimited. Chosen. Smaller: a real quota
could be ignored. Larger: a quota that is meant as unlimited is counted at each booking, which costs a query and a lock.
"""
PERIODS = 60
"""Weeks and months for which one SQL statement counts a unit's meetings; further ones go into the next. Chosen. More: longer
statements. Above 1,664 PostgreSQL refuses the statement (its columns); above 2,000 SQLite does. Fewer: more statements.
"""
GONE = ("skipped", "cancelled", "postponed")
"""States of dates that do not use up a quota."""


@dataclass(frozen=True)
class Rule:
    """The fields of `UnitRule`. `unit_id` is the unit that has the rule; it is empty for the defaults."""

    unit_id: str = ""
    opens_min: int = 7 * 60
    closes_min: int = 18 * 60
    weekends: bool = False
    ahead_min: int = 0
    ahead_days: int = 730
    meetings_a_week: int = 200
    hours_a_month: int = 2000
    approval_hours: int = 24
    hold_hours: int = 48
    release_min: int = 30

    @property
    def counts(self) -> bool:
        """Report whether the rule has a quota."""
        return self.meetings_a_week < UNCOUNTED or self.hours_a_month < UNCOUNTED


async def rule_of(session: AsyncSession, path: str) -> Rule:
    """Read the rule that applies to the unit with this path."""
    above = [one for one in path.split("/") if one]
    return nearest(path, list(await session.scalars(select(UnitRule).where(UnitRule.unit_id.in_(above)))))


def nearest(path: str, found: Sequence[UnitRule]) -> Rule:
    """Return the rule out of `found` that applies to the unit with this path."""
    rows = {one.unit_id: one for one in found}
    nearest = next((rows[one] for one in reversed(path.split("/")) if one in rows), None)
    if nearest is None:
        return Rule()
    return Rule(nearest.unit_id, **{name: getattr(nearest, name) for name in FIELDS})


def clock(at: datetime) -> str:
    """Return the local time as the pages write it, for example "08:30"."""
    return f"{local(at):%H:%M}"


def _minutes(count: int) -> str:
    return f"{count // 60:02}:{count % 60:02}"


def trouble_of_hours(rule: Rule, starts_at: datetime, ends_at: datetime) -> Trouble | None:
    """Return a trouble if the date is outside the hours of the unit."""
    begin = midnight(day_of(starts_at))
    opens, closes = begin + timedelta(minutes=rule.opens_min), begin + timedelta(minutes=rule.closes_min)
    if opens <= starts_at and ends_at <= closes:
        return None
    hours = f"{_minutes(rule.opens_min)}-{_minutes(rule.closes_min)}"
    vietnamese = f"Giờ đặt họp của đơn vị là {hours}. Hãy chọn giờ khác, hoặc nhờ người điều hành đặt họp đột xuất."
    return Trouble(
        "outside_hours", vietnamese, f"the unit can book only within {hours}: choose another time", "starts_at"
    )


def trouble_of_day(rule: Rule, calendar: Calendar, day: date) -> Trouble | None:
    """Return a trouble if the unit does not work on that day."""
    off = calendar.off(day)
    if not off or (off == WEEKEND and rule.weekends):
        return None
    name = "ngày nghỉ cuối tuần" if off == WEEKEND else f"ngày nghỉ ({off})"
    vietnamese = f"Ngày {day:%d/%m/%Y} là {name}. Hãy chọn ngày làm việc, hoặc bỏ qua ngày này."
    return Trouble(
        "day_off", vietnamese, f"{day.isoformat()} is a day off: choose a working day", day.isoformat(), {"off": off}
    )


def require_future(starts_at: datetime, now: datetime) -> None:
    """Raise `past` if the start is not in the future."""
    if starts_at <= now:
        raise Refusal(
            "past",
            "Thời gian họp đã qua. Hãy chọn thời gian sau bây giờ.",
            "the time has passed: choose a time in the future",
        )


def require_ahead(rule: Rule, starts_at: datetime, now: datetime, urgent: bool) -> None:
    """Check the start against the rule. Raise `past`, `too_soon`, `too_far`."""
    require_future(starts_at, now)
    if not urgent and starts_at < now + timedelta(minutes=rule.ahead_min):
        raise Refusal(
            "too_soon",
            f"Đơn vị phải đặt trước ít nhất {rule.ahead_min} phút. Hãy chọn giờ muộn hơn hoặc ghi lý do họp đột xuất.",
            f"book at least {rule.ahead_min} minutes ahead",
        )
    if starts_at > now + timedelta(days=rule.ahead_days):
        last = day_of(now + timedelta(days=rule.ahead_days))
        raise Refusal(
            "too_far",
            f"Chỉ đặt được đến ngày {last:%d/%m/%Y}. Hãy chọn ngày sớm hơn.",
            f"book at most {rule.ahead_days} days ahead",
        )


async def require_quota(
    session: AsyncSession,
    unit_id: str,
    rule: Rule,
    spans: Sequence[tuple[datetime, datetime]],
    excluding: str = "",
) -> None:
    """Check the quota of the unit. Raise `over_quota`. The caller holds the lock of the unit. `excluding`: a meeting that is
    being changed.
    """
    if not spans or not rule.counts:
        return
    wanted_weeks = Counter(week_of(day_of(start)) for start, _ in spans)
    wanted_hours: Counter[date] = Counter()
    for start, end in spans:
        wanted_hours[day_of(start).replace(day=1)] += int((end - start).total_seconds())
    weeks, seconds = await _used(session, unit_id, sorted(wanted_weeks), sorted(wanted_hours), excluding)
    week = next((one for one, n in wanted_weeks.items() if n + weeks[one] > rule.meetings_a_week), None)
    if week is not None:
        raise _over(f"{rule.meetings_a_week} cuộc họp trong tuần từ {week:%d/%m/%Y}", f"{rule.meetings_a_week} a week")
    month = next((one for one, n in wanted_hours.items() if n + seconds[one] > rule.hours_a_month * 3600), None)
    if month is not None:
        raise _over(f"{rule.hours_a_month} giờ họp trong tháng {month:%m/%Y}", f"{rule.hours_a_month} h a month")


def _over(vietnamese: str, english: str) -> Refusal:
    return Refusal(
        "over_quota",
        f"Đơn vị đã dùng hết hạn mức {vietnamese}. Hãy chọn thời gian khác, hủy cuộc họp không cần nữa, hoặc đề nghị "
        "người điều hành nâng hạn mức.",
        f"the unit has used up its quota of {english}: choose another time",
    )


async def _used(
    session: AsyncSession, unit_id: str, weeks: Sequence[date], months: Sequence[date], excluding: str
) -> tuple[dict[date, int], dict[date, int]]:
    """Count the unit's existing dates in each of these weeks, and their seconds in each of these months. The database does the
    sum.
    """
    bounds = [(week, week + 7 * DAY) for week in weeks] + [
        (month, (month + 31 * DAY).replace(day=1)) for month in months
    ]
    found: list[int] = []
    for place in range(0, len(bounds), PERIODS):
        part = [(midnight(first), midnight(end)) for first, end in bounds[place : place + PERIODS]]
        dates = min(max(len(weeks) - place, 0), len(part))
        given: dict[str, Any] = {"unit": unit_id, "excluding": excluding}
        given |= {f"first{n}": first for n, (first, _) in enumerate(part)}
        given |= {f"end{n}": end for n, (_, end) in enumerate(part)}
        given |= {"since": min(first for first, _ in part), "before": max(end for _, end in part)}
        row = await session.execute(_sums(session.get_bind().dialect.name, dates, len(part)), given)
        found += [int(one or 0) for one in row.one()]
    return dict(zip(weeks, found, strict=False)), dict(zip(months, found[len(weeks) :], strict=True))


@lru_cache(maxsize=2 * PERIODS)
def _sums(dialect: str, dates: int, periods: int) -> Select[Any]:
    """Return the query for this many periods: the number of dates in each of the first periods, and the seconds in each of the
    others. The query is built once, because to build the query costs more than to run it.
    """
    at, length = Occurrence.starts_at, _length_s(dialect)
    bounds = [(bindparam(f"first{n}", type_=Utc), bindparam(f"end{n}", type_=Utc)) for n in range(periods)]
    columns = [
        func.sum(case((and_(at >= first, at < end), 1 if n < dates else length), else_=0))
        for n, (first, end) in enumerate(bounds)
    ]
    return (
        select(*columns)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .where(Meeting.host_unit_id == bindparam("unit"), Meeting.state.in_(COUNTED))
        .where(Meeting.id != bindparam("excluding"), Meeting.rehearses_id.is_(None))
        .where(at >= bindparam("since", type_=Utc), at < bindparam("before", type_=Utc))
        .where(Occurrence.state.not_in(GONE))
    )


def _length_s(dialect: str) -> ColumnElement[int]:
    """Return the SQL expression for the length of a date, in seconds."""
    if dialect == "postgresql":
        return cast(func.extract("epoch", Occurrence.ends_at - Occurrence.starts_at), BigInteger)
    microseconds = type_coerce(Occurrence.ends_at, BigInteger) - type_coerce(Occurrence.starts_at, BigInteger)
    return microseconds // 1_000_000


async def unit_of(session: AsyncSession, unit_id: str, day: date) -> Unit:
    """Return the unit if it exists on `day`. Raise `unknown_unit`."""
    return existing(await session.get(Unit, unit_id), day)


def existing(unit: Unit | None, day: date) -> Unit:
    """Check that the unit exists on `day`, and return it. Raise `unknown_unit`."""
    if unit is None or unit.valid_from > day or (unit.valid_to is not None and unit.valid_to <= day):
        raise Refusal(
            "unknown_unit",
            "Không tìm thấy đơn vị chủ trì, hoặc đơn vị không còn hoạt động vào ngày đó. Hãy chọn lại đơn vị.",
            "the unit does not exist on that day: choose the unit again",
        )
    return unit
