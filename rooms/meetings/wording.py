"""Dates, hours and names as Vietnamese official documents write them (Decree 30/2020/NĐ-CP, appendix I)."""

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
"""Bodies that decide together: who signs, signs on their behalf (TM.)."""
_PLACE = re.compile(r"(?:^|\s)(tỉnh|thành phố|huyện|thị xã|thị trấn|quận|xã|phường|đặc khu)\s+(\S.*)", re.IGNORECASE)
_SPLIT = re.compile(r"^(ủy ban nhân dân|uỷ ban nhân dân|hội đồng nhân dân)\s+(\S.*)$", re.IGNORECASE)


def local(at: datetime) -> datetime:
    return at.astimezone(ZONE)


def hour(at: datetime) -> str:
    """ "14 giờ 00 phút"."""
    return f"{local(at):%H} giờ {local(at):%M} phút"


def day(at: datetime) -> str:
    """ "thứ ba ngày 24/11/2026"."""
    return f"{WEEKDAYS[local(at).weekday()]} ngày {local(at):%d/%m/%Y}"


def moment(at: datetime) -> str:
    """ "14 giờ 00 phút, thứ ba ngày 24/11/2026"."""
    return f"{hour(at)}, {day(at)}"


def moment_en(at: datetime) -> str:
    """ "14:00, Tuesday 24 November 2026" would need names of months; day/month/year is what the Vietnamese text has."""
    return f"{local(at):%H:%M}, {WEEKDAYS_EN[local(at).weekday()]} {local(at):%d/%m/%Y}"


def place_and_date(place: str, on: date) -> str:
    """ "Long An, ngày 04 tháng 6 năm 2021": days under 10 and the months 1 and 2 have a zero before them."""
    month = f"{on.month:02}" if on.month < 3 else str(on.month)
    return f"{place}, ngày {on.day:02} tháng {month} năm {on.year}"


def short_date(on: date) -> str:
    return f"{on:%d/%m/%Y}"


def place_name(unit_name: str) -> str:
    """ "Long An" of "Ủy ban nhân dân tỉnh Long An"; empty when the name tells no place."""
    found = _PLACE.search(unit_name)
    return found[2] if found else ""


def in_full(unit_name: str) -> str:
    """ "Ủy ban nhân dân tỉnh Long An" of "UBND tỉnh Long An": letters do not abbreviate who writes them."""
    for short, long in (("UBND ", "Ủy ban nhân dân "), ("HĐND ", "Hội đồng nhân dân ")):
        if unit_name.startswith(short):
            return long + unit_name[len(short) :]
    return unit_name


def is_collective(unit_name: str) -> bool:
    return in_full(unit_name).lower().startswith(COLLECTIVE)


def heading(unit_name: str) -> list[str]:
    """The name of an agency in capitals, over two lines where a committee's place follows its kind."""
    name = in_full(unit_name)
    found = _SPLIT.match(name)
    return [found[1].upper(), found[2].upper()] if found else [name.upper()]


def bare_title(title: str, unit_names: list[str]) -> str:
    """ "Phó Chủ tịch" of "Phó Chủ tịch UBND tỉnh": what stands above a signature."""
    for name in (*unit_names, "Ủy ban nhân dân", "UBND"):
        place = title.lower().find(f" {name.lower()}") if name else -1
        if place > 0:
            return title[:place].rstrip(" ,-")
    return title
