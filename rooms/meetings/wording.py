"""Dates, hours and names in the form of Vietnamese official documents (Decree 30/2020/NĐ-CP, appendix I)."""

from __future__ import annotations

import re
from datetime import date, datetime
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
WEEKDAYS = ("thứ hai", "thứ ba", "thứ tư", "thứ năm", "thứ sáu", "thứ bảy", "chủ nhật")
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
_SPLIT = re.compile(r"^(ủy ban nhân dân|uỷ ban nhân dân|hội đồng nhân dân)\s+(\S.*)$", re.IGNORECASE)


def local(at: datetime) -> datetime:
    return at.astimezone(ZONE)


def hour(at: datetime) -> str:
    """Return "14 giờ 00 phút"."""
    return f"{local(at):%H} giờ {local(at):%M} phút"


def day(at: datetime) -> str:
    """Return "thứ ba ngày 24/11/2026"."""
    return f"{WEEKDAYS[local(at).weekday()]} ngày {local(at):%d/%m/%Y}"


def moment(at: datetime) -> str:
    """Return "14 giờ 00 phút, thứ ba ngày 24/11/2026"."""
    return f"{hour(at)}, {day(at)}"


def moment_en(at: datetime) -> str:
    """Return "14:00, Tuesday 24/11/2026": the date has the same form as in the Vietnamese text."""
    return f"{local(at):%H:%M}, {WEEKDAYS_EN[local(at).weekday()]} {local(at):%d/%m/%Y}"


def place_and_date(place: str, on: date) -> str:
    """Return "Long An, ngày 04 tháng 6 năm 2021". Days below 10 and the months 1 and 2 have a leading zero."""
    month = f"{on.month:02}" if on.month < 3 else str(on.month)
    return f"{place}, ngày {on.day:02} tháng {month} năm {on.year}"


def short_date(on: date) -> str:
    return f"{on:%d/%m/%Y}"


def place_name(unit_name: str) -> str:
    """Return "Long An" for "Ủy ban nhân dân tỉnh Long An", or an empty text if the name contains no place."""
    found = _PLACE.search(unit_name)
    return found[2] if found else ""


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
