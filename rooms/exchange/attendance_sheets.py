"""The attendance of a date as a sheet. A cell that begins like a formula is text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rooms.booking.rules.calendar import local
from rooms.exchange import sheets
from rooms.proceedings.attending import Attended

HEADINGS: Final = (
    "Người dự, điểm cầu",
    "Đơn vị",
    "Vào lúc",
    "Rời lúc",
    "Có mặt (phút)",
    "Số lần vào",
    "Số lượt phát biểu",
    "Phát biểu (giây)",
)


def sheet(rows: Sequence[Attended]) -> bytes:
    """Return the CSV file: one row for each person and hall."""
    return sheets.to_csv(HEADINGS, [_row(one) for one in rows])


def _row(one: Attended) -> list[str]:
    counts = (round(one.present_s / 60), one.stays, one.turns, round(one.spoken_s))
    return [one.name, one.delegation, _clock(one.came_at), _clock(one.left_at), *map(str, counts)]


def _clock(at: datetime | None) -> str:
    return "" if at is None else f"{local(at):%H:%M:%S %d/%m/%Y}"
