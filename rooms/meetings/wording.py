"""Dates, hours and names in the form of Vietnamese official documents (Decree 30/2020/NĐ-CP, appendix I)."""

from __future__ import annotations

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
WEEKDAYS = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")
WEEKDAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
COLLECTIVE = (
    "ủy ban nhân dân",
    "uỷ ban nhân dân",
    "hội đồng nhân dân",
    "ban thường vụ",
    "ủy ban mặt trận",
    "ban chỉ đạo",
)
"""Bodies that decide together. The signer of such a body signs on its behalf (TM.)."""
_PLACE = re.compile(r"(?:^|\s)(tỉnh|thành phố|huyện|thị xã|thị trấn|quận|xã|phường|đặc khu)\s+(\S.*)", re.IGNORECASE)
_AREA = re.compile(
    r"^(tỉnh|thành phố|huyện|thị xã|thị trấn|quận|xã|phường|đặc khu)\s+(?!ủy\b|uỷ\b)(\S.*)$", re.IGNORECASE
)
_SPLIT = re.compile(r"^(ủy ban nhân dân|uỷ ban nhân dân|hội đồng nhân dân)\s+(\S.*)$", re.IGNORECASE)


def local(at: datetime) -> datetime:
    return at.astimezone(ZONE)


def hour(at: datetime) -> str:
    """Return "14 giờ 00 phút"."""
    return f"{local(at):%H} giờ {local(at):%M} phút"


def day(at: datetime) -> str:
    """Return "thứ Ba, ngày 24 tháng 11 năm 2026", as letters write it."""
    return f"{WEEKDAYS[local(at).weekday()]}, {_in_words(local(at).date())}"


def moment(at: datetime) -> str:
    """Return "14 giờ 00 phút, thứ Ba, ngày 24 tháng 11 năm 2026", as letters write it."""
    return f"{hour(at)}, {day(at)}"


def short_moment(at: datetime) -> str:
    """Return "14 giờ 00, thứ Ba ngày 24/11/2026", as mails write it."""
    return f"{_clock(at)}, {_short_day(at)}"


def span(starts_at: datetime, ends_at: datetime) -> str:
    """Return "từ 14 giờ 00 đến 16 giờ 30, thứ Ba ngày 24/11/2026", or both days if the end is on another day."""
    if local(starts_at).date() == local(ends_at).date():
        return f"từ {_clock(starts_at)} đến {_clock(ends_at)}, {_short_day(starts_at)}"
    return f"từ {short_moment(starts_at)} đến {short_moment(ends_at)}"


def span_en(starts_at: datetime, ends_at: datetime) -> str:
    """Return "14:00-16:30, Tuesday 24/11/2026": the date has the same form as in the Vietnamese text."""
    if local(starts_at).date() == local(ends_at).date():
        return f"{local(starts_at):%H:%M}-{local(ends_at):%H:%M}, {_short_day_en(starts_at)}"
    return f"{local(starts_at):%H:%M}, {_short_day_en(starts_at)} to {local(ends_at):%H:%M}, {_short_day_en(ends_at)}"


def place_and_date(place: str, on: date) -> str:
    """Return "Long An, ngày 04 tháng 6 năm 2021"."""
    return f"{place}, {_in_words(on)}"


def number(digits: str) -> str:
    """Return "123 456 789" for the number of a meeting."""
    return " ".join(digits[at : at + 3] for at in range(0, len(digits), 3))


def _clock(at: datetime) -> str:
    return f"{local(at):%H} giờ {local(at):%M}"


def _short_day(at: datetime) -> str:
    return f"{WEEKDAYS[local(at).weekday()]} ngày {local(at):%d/%m/%Y}"


def _short_day_en(at: datetime) -> str:
    return f"{WEEKDAYS_EN[local(at).weekday()]} {local(at):%d/%m/%Y}"


def _in_words(on: date) -> str:
    """Return "ngày 04 tháng 6 năm 2021". Days below 10 and the months 1 and 2 have a leading zero."""
    month = f"{on.month:02}" if on.month < 3 else str(on.month)
    return f"ngày {on.day:02} tháng {month} năm {on.year}"


def short_date(on: date) -> str:
    return f"{on:%d/%m/%Y}"


def place_name(unit_name: str) -> str:
    """Return "Long An" for "Ủy ban nhân dân tỉnh Long An", or an empty text if the name contains no place."""
    found = _PLACE.search(unit_name)
    return found[2] if found else ""


def area(unit_name: str) -> tuple[str, str]:
    """Return ("xã", "Mỹ Hạnh") for "Xã Mỹ Hạnh", the name of an area, or empty texts for the name of an agency."""
    found = _AREA.match(unit_name)
    return (found[1].lower(), found[2]) if found else ("", "")


def within(unit_name: str) -> str:
    """Return "xã Mỹ Hạnh" for "Xã Mỹ Hạnh": the name within a sentence."""
    return " ".join(area(unit_name)) if area(unit_name)[0] else unit_name


def in_short(unit_name: str) -> str:
    """Return "UBND tỉnh Long An" for "Ủy ban nhân dân tỉnh Long An"."""
    found = _SPLIT.match(unit_name)
    short = {"hội đồng nhân dân": "HĐND"}
    return f"{short.get(found[1].lower(), 'UBND')} {found[2]}" if found else unit_name


def in_full(unit_name: str) -> str:
    """Return "Ủy ban nhân dân tỉnh Long An" for "UBND tỉnh Long An". Letters do not abbreviate the name of the sender."""
    for short, long in (("UBND ", "Ủy ban nhân dân "), ("HĐND ", "Hội đồng nhân dân ")):
        if unit_name.startswith(short):
            return long + unit_name[len(short) :]
    return unit_name


def is_collective(unit_name: str) -> bool:
    return in_full(unit_name).lower().startswith(COLLECTIVE)


def heading(unit_name: str) -> list[str]:
    """Return the name of an agency in capitals. A committee has two lines: its kind and its place."""
    name = in_full(unit_name)
    found = _SPLIT.match(name)
    return [found[1].upper(), found[2].upper()] if found else [name.upper()]


def bare_title(title: str, unit_names: list[str]) -> str:
    """Return "Phó Chủ tịch" for "Phó Chủ tịch UBND tỉnh": the text above a signature."""
    for name in (*unit_names, "Ủy ban nhân dân", "UBND"):
        place = title.lower().find(f" {name.lower()}") if name else -1
        if place > 0:
            return title[:place].rstrip(" ,-")
    return title
