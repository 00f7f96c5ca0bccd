"""Working days: the public calendar of Việt Nam, and the changes of the province (a day off, or a working day instead).

Only `load` reads the database. Days are local days in `ZONE`. Instants have a time zone and are in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.errors import Refusal
from rooms.store.tables.booking import Holiday

ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")
DAY: Final = timedelta(days=1)
WEEKEND: Final = "weekend"
SATURDAY: Final = 5
FARTHEST_DAYS: Final = 3660
"""Days: ten years. Chosen. A search for a working day, or a count of working days, ends here with the day or number that it has
reached. Larger: a calendar without working days costs more CPU time. Smaller: a long count ends too early, with a wrong result.
"""


def local(at: datetime) -> datetime:
    return at.astimezone(ZONE)


def day_of(at: datetime) -> date:
    return local(at).date()


def midnight(day: date) -> datetime:
    """Return the beginning of a local day, in UTC."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def week_of(day: date) -> date:
    """Return the Monday of the week of `day`."""
    return day - timedelta(days=day.weekday())


@dataclass(frozen=True)
class Calendar:
    """The calendar with the changes of the province. `overlay`: day -> (name, whether people work on that day)."""

    overlay: Mapping[date, tuple[str, bool]] = field(default_factory=dict)

    def off(self, day: date) -> str:
        """Return an empty text for a working day, otherwise the name of the holiday, or `weekend`."""
        if day in self.overlay:
            name, works = self.overlay[day]
            return "" if works else name
        return public_holidays(day.year).get(day, WEEKEND if day.weekday() >= SATURDAY else "")

    def holiday(self, day: date) -> str:
        """Return the name of the holiday, or an empty text for a weekend or a working day."""
        name = self.off(day)
        return "" if name == WEEKEND else name

    def works(self, day: date) -> bool:
        return not self.off(day)

    def later(self, day: date, working_days: int) -> date:
        """Return the day that is this number of working days after `day`. `day` itself does not count."""
        return self._step(day, working_days, DAY)

    def earlier(self, day: date, working_days: int) -> date:
        """Return the day that is this number of working days before `day`. `day` itself does not count."""
        return self._step(day, working_days, -DAY)

    def between(self, first: date, last: date) -> int:
        """Count the working days after `first`, up to and including `last`. Return 0 if `last` is not after `first`."""
        days = min((last - first).days, FARTHEST_DAYS)
        return sum(self.works(first + n * DAY) for n in range(1, days + 1))

    def _step(self, day: date, working_days: int, step: timedelta) -> date:
        left = working_days
        for _ in range(FARTHEST_DAYS):
            if left <= 0:
                break
            day += step
            left -= self.works(day)
        return day


@lru_cache(maxsize=200)
def public_holidays(year: int) -> dict[date, str]:
    """Return the Vietnamese names of the public holidays (Tết, Giỗ Tổ, national days) and of the days off that replace them."""
    import holidays  # a slow import

    return dict(holidays.country_holidays("VN", years=year, language="vi").items())


_CHANGES: Final = select(Holiday.day, Holiday.name, Holiday.works)


async def load(session: AsyncSession) -> Calendar:
    """Read the calendar with the stored changes of the province."""
    rows = await session.execute(_CHANGES)
    return Calendar({day: (name, works) for day, name, works in rows})


def notice_due(calendar: Calendar, starts_at: datetime, working_days: int) -> date:
    """Return the last day on which the invitation is in time (Decision 45/2018/QĐ-TTg: 3 working days)."""
    return calendar.earlier(day_of(starts_at), working_days)


def is_late(calendar: Calendar, starts_at: datetime, working_days: int, now: datetime) -> bool:
    """Report whether the invitation would be too late now."""
    return bool(working_days) and day_of(now) > notice_due(calendar, starts_at, working_days)


def require_reason(late: bool, reason: str) -> None:
    """Raise `late_reason_missing` if a submission is late and says no reason. The approvers decide by the reason."""
    if late and not reason.strip():
        raise Refusal(
            "late_reason_missing",
            "Giấy mời gửi gấp hơn quy định: hãy ghi lý do họp đột xuất trước khi gửi duyệt.",
            "the invitation would be late: write why the meeting is urgent",
        )


def conclusion_due(calendar: Calendar, ends_at: datetime, working_days: int) -> date:
    """Return the last day on which the notice of conclusion is in time (5 working days after the meeting)."""
    return calendar.later(day_of(ends_at), working_days)
