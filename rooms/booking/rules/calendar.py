"""Days that are worked: the public calendar of Việt Nam, and over it what the province sets (a day off, a day worked instead).

Pure but for `load`. Days are local days in `ZONE`; instants are aware and in UTC.
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

from rooms.store.tables.booking import Holiday

ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")
DAY: Final = timedelta(days=1)
WEEKEND: Final = "weekend"
SATURDAY: Final = 5
FARTHEST_DAYS: Final = 3660
"""Looking for a day that is worked goes no further."""


def local(at: datetime) -> datetime:
    return at.astimezone(ZONE)


def day_of(at: datetime) -> date:
    return local(at).date()


def midnight(day: date) -> datetime:
    """The beginning of a local day, in UTC."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def week_of(day: date) -> date:
    """Its Monday."""
    return day - timedelta(days=day.weekday())


@dataclass(frozen=True)
class Calendar:
    """`overlay`: day -> (name, whether it is worked)."""

    overlay: Mapping[date, tuple[str, bool]] = field(default_factory=dict)

    def off(self, day: date) -> str:
        """Empty on a working day; else the name of the holiday, or `weekend`."""
        if day in self.overlay:
            name, works = self.overlay[day]
            return "" if works else name
        return public_holidays(day.year).get(day, WEEKEND if day.weekday() >= SATURDAY else "")

    def holiday(self, day: date) -> str:
        """The same without weekends."""
        name = self.off(day)
        return "" if name == WEEKEND else name

    def works(self, day: date) -> bool:
        return not self.off(day)

    def later(self, day: date, working_days: int) -> date:
        """So many working days after `day`, which itself does not count."""
        return self._step(day, working_days, DAY)

    def earlier(self, day: date, working_days: int) -> date:
        """So many working days before `day`, which itself does not count."""
        return self._step(day, working_days, -DAY)

    def between(self, first: date, last: date) -> int:
        """Working days after `first` up to and with `last`; 0 when `last` is not after it."""
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
    """Names in Vietnamese, of Tết, Giỗ Tổ, the days of the state and the days off instead of them."""
    import holidays  # heavy

    return dict(holidays.country_holidays("VN", years=year, language="vi").items())


async def load(session: AsyncSession) -> Calendar:
    """With the overlay as it stands."""
    rows = await session.execute(select(Holiday.day, Holiday.name, Holiday.works))
    return Calendar({day: (name, works) for day, name, works in rows})


def notice_due(calendar: Calendar, starts_at: datetime, working_days: int) -> date:
    """The last day on which the invitation is in time (Decision 45/2018/QĐ-TTg: 3 working days)."""
    return calendar.earlier(day_of(starts_at), working_days)


def conclusion_due(calendar: Calendar, ends_at: datetime, working_days: int) -> date:
    """The last day on which the notice of conclusion is in time (5 working days after the meeting)."""
    return calendar.later(day_of(ends_at), working_days)
