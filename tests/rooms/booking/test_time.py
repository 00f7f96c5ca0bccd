"""Working days, and the dates of a rule: by the standard's examples, by an independent library, and from hostile input."""

import time
from datetime import UTC, date, datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from rooms import limits
from rooms.booking.rules import calendar, recurrence
from rooms.booking.rules.calendar import ZONE, Calendar, conclusion_due, local, notice_due
from rooms.booking.rules.recurrence import expand
from rooms.errors import Refusal

DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))
OVERLAYS = st.dictionaries(DAYS, st.tuples(st.just("Ngày đặt"), st.booleans()), max_size=30)
CPU_S = 1.0
"""Seconds of CPU time for any rule, on a busy machine. Chosen. Larger: a hostile rule could block the server unnoticed.
Smaller: a busy machine fails the test.
"""


def at(text: str) -> datetime:
    """Return the UTC time for a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


# Working days


@pytest.mark.parametrize(
    ("day", "off"),
    [
        ("2026-09-02", "Quốc khánh"),
        ("2027-02-06", "Tết Nguyên Đán"),
        ("2030-02-02", "Tết Nguyên Đán"),  # one day before the Chinese new year
        ("2026-04-26", "Ngày Giỗ Tổ Hùng Vương"),
        ("2026-04-27", "Ngày Giỗ Tổ Hùng Vương (nghỉ bù)"),
        ("2026-11-24", "Ngày Văn hóa Việt Nam"),
        ("2026-03-07", "weekend"),
        ("2026-03-09", ""),
    ],
)
def test_days_off(day: str, off: str) -> None:
    assert Calendar().off(date.fromisoformat(day)) == off


def test_the_overlay_is_above_the_public_calendar() -> None:
    saturday, monday = date(2026, 3, 7), date(2026, 3, 9)
    days = Calendar({saturday: ("Làm bù", True), monday: ("Nghỉ đổi", False)})
    assert days.works(saturday)
    assert days.off(monday) == "Nghỉ đổi"
    assert days.holiday(monday) == "Nghỉ đổi"
    assert Calendar().holiday(saturday) == ""


def test_notice_and_conclusion_over_a_holiday() -> None:
    """1 May 2026 is a Friday, and 30 April is a holiday too."""
    days = Calendar()
    assert notice_due(days, at("2026-05-05T08:00"), 3) == date(2026, 4, 28)
    assert conclusion_due(days, at("2026-04-28T17:00"), 5) == date(2026, 5, 7)
    assert notice_due(days, at("2026-03-05T08:00"), 3) == date(2026, 3, 2)
    assert notice_due(days, at("2026-03-05T08:00"), 0) == date(2026, 3, 5)


@given(DAYS, st.integers(0, 60), OVERLAYS)
def test_stepping_counts_working_days(day: date, count: int, overlay: dict[date, tuple[str, bool]]) -> None:
    days = Calendar(overlay)
    later, earlier = days.later(day, count), days.earlier(day, count)
    assert days.between(day, later) == count
    assert days.between(earlier - timedelta(days=1), day - timedelta(days=1)) == count
    if count:
        assert days.works(later)
        assert days.works(earlier)
    if days.works(day):
        assert days.earlier(later, count) == day == days.later(earlier, count)


def test_a_calendar_without_a_working_day_ends_too() -> None:
    class Never(Calendar):
        def works(self, day: date) -> bool:
            return False

    assert Never().later(date(2026, 1, 1), 1) == date(2026, 1, 1) + timedelta(days=calendar.FARTHEST_DAYS)


# Recurrence


@pytest.mark.parametrize(
    ("start", "rule", "days"),
    [
        ("2026-03-02T08:00", "FREQ=WEEKLY;COUNT=3", ["02/03", "09/03", "16/03"]),
        ("2026-03-02T08:00", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=4", ["02/03", "04/03", "16/03", "18/03"]),
        ("2026-03-31T08:00", "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", ["31/03", "30/04", "31/05"]),
        ("2026-03-31T08:00", "FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3", ["31/03", "31/05", "31/07"]),
        ("2026-03-02T08:00", "FREQ=MONTHLY;BYDAY=1MO;COUNT=3", ["02/03", "06/04", "04/05"]),
        ("2026-03-27T08:00", "FREQ=MONTHLY;BYDAY=-1FR;COUNT=2", ["27/03", "24/04"]),
        ("2026-03-31T08:00", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3", ["31/03", "30/04", "29/05"]),
        ("2026-03-02T08:00", "FREQ=YEARLY;BYMONTH=3;BYDAY=1MO;COUNT=2", ["02/03", "01/03"]),
        ("2026-04-10T08:00", "FREQ=YEARLY;BYYEARDAY=100;COUNT=2", ["10/04", "10/04"]),
        ("2026-05-11T08:00", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=2", ["11/05", "17/05"]),
        ("2026-03-02T08:00", "FREQ=DAILY;BYHOUR=8,14;COUNT=3", ["02/03", "02/03", "03/03"]),
        ("2026-03-02T08:00", "FREQ=DAILY;UNTIL=20260304", ["02/03", "03/03", "04/03"]),
        ("2026-03-02T08:00", "FREQ=DAILY;UNTIL=20260304T005959Z", ["02/03", "03/03"]),
        ("2026-03-02T08:00", "FREQ=DAILY;UNTIL=20260304T010000Z", ["02/03", "03/03", "04/03"]),
        ("2026-03-01T08:00", "FREQ=WEEKLY;WKST=SU;INTERVAL=2;BYDAY=SU,TU;COUNT=3", ["01/03", "03/03", "15/03"]),
    ],
)  # fmt: skip
def test_kinds_of_rules(start: str, rule: str, days: list[str]) -> None:
    found = [local(one) for one in expand(at(start), rule).dates]
    assert [one.strftime("%d/%m") for one in found] == days
    assert {one.minute for one in found} == {0}


def test_local_time_is_kept() -> None:
    """06:00 on a Monday is Sunday in UTC. The rule is computed in local time, so the dates stay on Mondays."""
    found = expand(at("2026-03-02T06:00"), "FREQ=WEEKLY;BYDAY=MO").dates
    assert {(local(one).weekday(), local(one).hour) for one in found} == {(0, 6)}


def test_24_months_and_no_more() -> None:
    found = expand(at("2026-03-02T08:00"), "FREQ=WEEKLY")
    assert found.more
    assert local(found.dates[-1]).date() == date(2028, 2, 28)
    assert not expand(at("2026-03-02T08:00"), "FREQ=WEEKLY;UNTIL=20270101").more
    assert expand(at("2026-03-02T08:00"), "FREQ=YEARLY;COUNT=10").more
    assert len(expand(at("2026-03-02T08:00"), "FREQ=DAILY").dates) == 732
    assert len(expand(at("2028-02-29T08:00"), "FREQ=YEARLY;BYMONTHDAY=29;BYMONTH=2").dates) == 1


def test_one_date_more_than_the_limit_is_refused() -> None:
    most = expand(at("2026-03-02T08:00"), f"FREQ=DAILY;BYHOUR=8,14;COUNT={limits.OCCURRENCES}")
    assert len(most.dates) == limits.OCCURRENCES
    for rule in (f"FREQ=DAILY;COUNT={limits.OCCURRENCES + 1}", "FREQ=DAILY;BYHOUR=8,14"):
        with pytest.raises(Refusal) as caught:
            expand(at("2026-03-02T08:00"), rule)
        assert caught.value.code == "series_too_long"


HOSTILE = [
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
    "FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1",
    "FREQ=DAILY;BYSETPOS=300",
    "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO;BYSETPOS=7",
    "FREQ=SECONDLY",
    "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=HOURLY;BYSETPOS=9",
    "FREQ=YEARLY;INTERVAL=99999999999999999999",
    "FREQ=DAILY;COUNT=0",
    "FREQ=DAILY;COUNT=-5",
    "FREQ=DAILY;INTERVAL=0",
    "FREQ=DAILY;INTERVAL=100001",
    "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=" + ",".join(map(str, range(60))),
    "FREQ=DAILY;BYSECOND=1,2,3",
    "FREQ=DAILY;BYEASTER=0",
    "FREQ=DAILY;BYDAY=XX",
    "FREQ=DAILY;BYDAY=99999999999MO",
    "FREQ=MONTHLY;BYDAY=60MO",
    "FREQ=DAILY;BYMONTHDAY=0",
    "FREQ=DAILY;BYMONTH=13",
    "FREQ=DAILY;UNTIL=99999999",
    "FREQ=DAILY;UNTIL=00010101T000000Z",
    "FREQ=DAILY;FREQ=WEEKLY",
    "FREQ=DAILY\r\nATTENDEE:x",
    "RRULE:RRULE:FREQ=DAILY",
    "FREQ=",
    "FREQ",
    ";;;;",
    "=" * limits.RULE,
    "FREQ=DAILY;X=" + "9" * 600,
]


@pytest.mark.parametrize("rule", HOSTILE)
def test_an_enemy_costs_little_and_is_refused(rule: str) -> None:
    begin = time.process_time()
    with pytest.raises(Refusal) as caught:
        expand(at("2026-03-02T08:00"), rule)
    assert time.process_time() - begin < CPU_S
    assert caught.value.code in ("bad_rule", "rule_too_often", "first_date_off_rule", "series_too_long")


@given(
    st.text("FREQINTVALCOUYDMH=;,-+0123456789BSPWKZ", max_size=120).map(lambda text: f"FREQ=DAILY;{text}"),
    st.dates(date(2026, 1, 1), date(2031, 1, 1)),
)
def test_any_text_is_dates_or_a_refusal(rule: str, day: date) -> None:
    try:
        found = expand(at(f"{day}T08:00"), rule)
    except Refusal:
        return
    assert 1 <= len(found.dates) <= limits.OCCURRENCES


WEEKDAYS = st.lists(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, max_size=4, unique=True)
RULES = st.one_of(
    st.builds("FREQ=DAILY;INTERVAL={}".format, st.integers(1, 40)),
    st.builds(lambda n, days: f"FREQ=WEEKLY;INTERVAL={n};BYDAY={','.join(days)}", st.integers(1, 6), WEEKDAYS),
    st.builds("FREQ=MONTHLY;INTERVAL={};BYMONTHDAY={}".format, st.integers(1, 6), st.integers(-31, -1) | st.integers(1, 31)),
    st.builds(lambda n, day: f"FREQ=MONTHLY;BYDAY={n}{day}", st.sampled_from([-2, -1, 1, 2, 5]), st.sampled_from(["MO", "FR"])),
    st.builds(lambda m, days: f"FREQ=YEARLY;BYMONTH={m};BYDAY={','.join(days)}", st.integers(1, 12), WEEKDAYS),
    st.builds("FREQ=YEARLY;BYYEARDAY={}".format, st.integers(-366, -1) | st.integers(1, 366)),
    st.builds("FREQ=YEARLY;BYWEEKNO={};BYDAY=WE".format, st.integers(1, 53)),
)  # fmt: skip
ENDS = st.one_of(st.just(""), st.builds(";COUNT={}".format, st.integers(1, 60)), st.just(";UNTIL=20280229T235959"))


@given(RULES, ENDS, st.dates(date(2026, 1, 1), date(2030, 12, 31)))
def test_the_twin_year_means_the_same_dates(rule: str, end: str, day: date) -> None:
    """The rule is expanded near the year 9999 and moved back. The result equals the dates that another library finds in local
    time.
    """
    reading = rrulestr(rule + end, dtstart=datetime(day.year, day.month, day.day, 8))
    first = next(iter(reading), None)
    if first is None or first.year > 2040:
        return
    start = first.replace(tzinfo=ZONE).astimezone(UTC)
    last = recurrence.horizon(first)
    expected = [one for one in rrulestr(rule + end, dtstart=first).xafter(first, inc=True, count=800) if one <= last]
    try:
        found = [local(one).replace(tzinfo=None) for one in expand(start, rule + end).dates]
    except Refusal:
        assert len(expected) > limits.OCCURRENCES
        return
    assert found == expected


@given(st.integers(2020, 2100))
def test_a_twin_has_the_same_calendar(year: int) -> None:
    twin = recurrence.twin(year)
    assert twin > (9900 if year < 2090 else 9500)
    shift = date(twin, 1, 1) - date(year, 1, 1)
    assert shift.days % 7 == 0
    for days in range(-300, 1100, 37):
        day = date(year, 1, 1) + timedelta(days=days)
        assert (day + shift).timetuple()[1:3] == day.timetuple()[1:3]
        assert (day + shift).isocalendar()[1:] == day.isocalendar()[1:]
