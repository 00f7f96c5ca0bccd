"""The dates of a recurrence rule (RFC 5545), in local time, up to a fixed number of dates.

A rule can be hostile: `FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30` has no date, and a library searches for one up to the year 9999.
Therefore the search runs in a twin year near 9999. The years around the twin have the same weekdays and leap years as the years
around the first date. The search then covers at most `TWIN_SPAN` years, except around 2100 (see `twin`).
"""

from __future__ import annotations

import calendar as months
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from rooms import limits
from rooms.booking.rules.calendar import ZONE, local
from rooms.errors import Refusal

if TYPE_CHECKING:  # slow imports: each function imports what it uses
    import icalendar

FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
PARTS: Final = frozenset(
    (
        "FREQ",
        "INTERVAL",
        "COUNT",
        "UNTIL",
        "WKST",
        "BYDAY",
        "BYMONTHDAY",
        "BYYEARDAY",
        "BYWEEKNO",
        "BYMONTH",
        "BYSETPOS",
    )
) | {"BYHOUR", "BYMINUTE"}
RANGES: Final[Mapping[str, tuple[int, int, bool]]] = {
    "BYMONTHDAY": (1, 31, True),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYMONTH": (1, 12, False),
    "BYSETPOS": (1, 366, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
}
"""The smallest value, the largest value, and whether a value may count from the end (RFC 5545, 3.3.10)."""
LAST_TWIN: Final = 9990
TWIN_SPAN: Final = 40
WINDOW: Final = timedelta(days=92)
"""The time that one query of the library covers. Chosen. The search stops when there are too many dates. Longer: a rule with
many dates costs more CPU time before the search stops. Shorter: more queries.
"""


@dataclass(frozen=True)
class Series:
    """Instants in UTC, in order. `more`: the rule continues after the last instant."""

    dates: tuple[datetime, ...]
    more: bool = False


def expand(starts_at: datetime, rule: str, until: datetime | None = None) -> Series:
    """Return the dates of the rule from `starts_at`: 24 months (or until `until`, if that is earlier), at most 750 dates.

    Raise Refusal `bad_rule`, `rule_too_often`, `first_date_off_rule`, `series_too_long`.
    """
    if not rule:
        return Series((starts_at,))
    parts = parsed(rule)
    first = local(starts_at).replace(tzinfo=None)
    end = horizon(first)
    if until is not None:
        end = min(end, local(until).replace(tzinfo=None))
    shift = timedelta(days=(date(twin(first.year), 1, 1) - date(first.year, 1, 1)).days)
    shifted = _shifted(parts, shift, first)
    _require_first(first + shift, shifted, shift)
    found = _searched(first + shift, shifted, max(end, first) + shift)
    dates = tuple((one - shift).replace(tzinfo=ZONE).astimezone(UTC) for one in found)
    return Series(dates, _goes_on(parts, len(dates), end))


def parsed(rule: str) -> icalendar.vRecur:
    """Return the parts of an acceptable rule. Raise Refusal `bad_rule`, `rule_too_often`, `series_too_long`."""
    import icalendar

    try:
        parts = icalendar.vRecur.from_ical(rule.removeprefix("RRULE:"))
        frequency = str(parts["FREQ"][0]).upper()
        values = [value for name in parts if name.startswith("BY") for value in parts[name]]
        ok = len(rule) <= limits.RULE and set(parts) <= PARTS and len(values) <= limits.RULE_PARTS
        ok = ok and rule.count("=") == len(parts) and _within(parts, frequency)
        counts = [int(value) for name in ("COUNT", "INTERVAL") for value in parts.get(name, ())]
        times = len(parts.get("BYHOUR", (0,))) * len(parts.get("BYMINUTE", (0,)))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise _bad_rule() from error
    if frequency in ("HOURLY", "MINUTELY", "SECONDLY") or times > limits.TIMES_A_DAY:
        raise Refusal(
            "rule_too_often",
            f"Lịch lặp nhiều nhất {limits.TIMES_A_DAY} lần một ngày. Hãy chọn lặp theo ngày, tuần, tháng hoặc năm.",
            f"a series repeats by days, weeks, months or years, at most {limits.TIMES_A_DAY} times a day",
        )
    if not ok or frequency not in FREQUENCIES or any(not 1 <= one <= 100_000 for one in counts):
        raise _bad_rule()
    if int(parts.get("COUNT", (1,))[0]) > limits.OCCURRENCES:
        raise too_long()
    return icalendar.vRecur(parts)


def _within(parts: Mapping[str, Any], frequency: str) -> bool:
    """Report whether every number exists in a year, a month or a day."""
    for name, (least, most, negative) in RANGES.items():
        for value in parts.get(name, ()):
            number = -int(value) if negative and int(value) < 0 else int(value)
            if not least <= number <= most:
                return False
    ordinals = [abs(int(one.relative)) for one in parts.get("BYDAY", ()) if one.relative is not None]
    most = {"MONTHLY": 5, "YEARLY": 53}.get(frequency, 0)
    return all(1 <= one <= most for one in ordinals)


def written(parts: Mapping[str, Any]) -> str:
    """Return the rule as text."""
    import icalendar

    text: bytes = icalendar.vRecur(parts).to_ical()  # type: ignore[no-untyped-call]
    return text.decode()


def ended(rule: str, at: datetime) -> str:
    """Return the same rule with its end just before `at`."""
    parts = parsed(rule)
    parts.pop("COUNT", None)
    parts["UNTIL"] = [at.astimezone(UTC) - timedelta(seconds=1)]
    return written(parts)


def _bad_rule() -> Refusal:
    return Refusal(
        "bad_rule",
        "Quy tắc lặp không đúng. Hãy chọn lại cách lặp trong mẫu.",
        "the recurrence rule is not valid: choose the repetition again",
    )


def too_long() -> Refusal:
    return Refusal(
        "series_too_long",
        f"Chuỗi họp có quá {limits.OCCURRENCES} buổi trong {limits.HORIZON_MONTHS} tháng. Hãy đặt ngày kết thúc sớm hơn "
        "hoặc lặp thưa hơn.",
        f"the series has more than {limits.OCCURRENCES} dates: choose an earlier end, or repeat less often",
    )


def horizon(first: datetime) -> datetime:
    """Return the instant 24 months later, on the same day of the month, or on the last day of a shorter month."""
    year, month = divmod(first.month - 1 + limits.HORIZON_MONTHS, 12)
    year, month = first.year + year, month + 1
    return first.replace(year=year, month=month, day=min(first.day, months.monthrange(year, month)[1]))


@lru_cache(maxsize=64)
def twin(year: int) -> int:
    """Return the last year up to LAST_TWIN whose neighbouring years have the same weekdays and leap years as those of `year`."""
    wanted = _shapes(year)
    near = (one for one in range(LAST_TWIN, LAST_TWIN - TWIN_SPAN, -1) if _shapes(one) == wanted)
    # The years around 2100, which is not a leap year, have no near twin. The calendar repeats every 400 years.
    return next(near, year + (LAST_TWIN - year) // 400 * 400)


def _shapes(year: int) -> list[tuple[int, bool]]:
    return [(date(one, 1, 1).weekday(), months.isleap(one)) for one in range(year - 1, year + 4)]


def _shifted(parts: icalendar.vRecur, shift: timedelta, first: datetime) -> dict[str, Any]:
    """Return the rule for the twin years. A rule without COUNT ends at the end of the search at the latest."""
    shifted = {name: value for name, value in parts.items() if name != "UNTIL"}
    ends = [_end(value) for value in parts.get("UNTIL", ())]
    if ends or "COUNT" not in parts:
        shifted["UNTIL"] = [min([*ends, horizon(first)]) + shift]
    return shifted


def _end(value: date | datetime) -> datetime:
    """Return UNTIL as local time. A date without a time means the end of that day."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time(23, 59, 59))
    return value if value.tzinfo is None else local(value).replace(tzinfo=None)


def _searched(first: datetime, rule: dict[str, Any], end: datetime) -> list[datetime]:
    import icalendar
    import recurring_ical_events

    event = icalendar.Event()
    event.add("uid", "series")
    event.add("dtstart", first)
    event.add("dtend", first + timedelta(minutes=1))
    event.add("rrule", rule)
    calendar = icalendar.Calendar()
    calendar.add_component(event)
    try:
        query = recurring_ical_events.of(calendar)
        return _by_windows(query, first, end)
    except (ValueError, OverflowError, TypeError, LookupError, recurring_ical_events.InvalidCalendar) as error:
        raise _bad_rule() from error


def _by_windows(query: Any, first: datetime, end: datetime) -> list[datetime]:
    found: set[datetime] = set()
    start = first
    while start <= end:
        stop = min(start + WINDOW, end + timedelta(seconds=1))
        found |= {one["DTSTART"].dt for one in query.between(start, stop)}
        if len(found) > limits.OCCURRENCES:
            raise too_long()
        start = stop
        if stop > end:
            break
    return sorted(one for one in found if first <= one <= end)


def _require_first(first: datetime, rule: dict[str, Any], shift: timedelta) -> None:
    """Raise `first_date_off_rule` if the first date does not match the rule. RFC 5545 does not define such a series, and
    calendar programs disagree about it.
    """
    from dateutil.rrule import rrulestr

    text = written(rule)
    try:
        found = next(iter(rrulestr(text, dtstart=first)), None)
    except (ValueError, OverflowError, TypeError, LookupError) as error:
        raise _bad_rule() from error
    if found == first:
        return
    hint = f" Ngày đầu tiên khớp: {found - shift:%d/%m/%Y %H:%M}." if found else " Quy tắc này không có ngày nào."
    raise Refusal(
        "first_date_off_rule",
        f"Ngày họp đầu tiên không khớp quy tắc lặp. Hãy sửa ngày hoặc quy tắc.{hint}",
        "the first date does not match the rule: change the date or the rule",
    )


def _goes_on(parts: icalendar.vRecur, count: int, end: datetime) -> bool:
    if "COUNT" in parts:
        return count < int(parts["COUNT"][0])
    return all(_end(value) > end for value in parts.get("UNTIL", ()))
