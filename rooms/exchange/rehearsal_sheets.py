"""The results of a rehearsal as a sheet. A cell that begins like a formula is text."""

from __future__ import annotations

from typing import Final, Literal

from rooms.booking.rules.calendar import local
from rooms.dialling.rehearsal.checks import Rehearsal, SiteResult
from rooms.exchange import sheets

HEADINGS: Final = (
    "Điểm cầu",
    "Đơn vị",
    "Trung tâm thấy hình",
    "Trung tâm nghe rõ",
    "Điểm cầu nghe rõ",
    "Biển tên đúng",
    "Số đại biểu",
    "Ghi chú",
    "Kết quả",
    "Người ký",
    "Lúc ký",
)
WORDS: Final = {True: "Đạt", False: "Chưa đạt", None: ""}


def sheet(rehearsal: Rehearsal, suffix: Literal["csv", "xlsx"]) -> bytes:
    """Return the file: one row a site."""
    rows = [_row(one) for one in rehearsal.sites]
    return sheets.to_csv(HEADINGS, rows) if suffix == "csv" else sheets.for_people("Tổng duyệt", HEADINGS, rows)


def _row(one: SiteResult) -> list[str]:
    seen = one.result
    results = (seen.picture, seen.sound_in, seen.sound_out, seen.name_plate)
    signed = "" if one.signed_at is None else f"{local(one.signed_at):%H:%M %d/%m/%Y}"
    return [
        one.site,
        one.unit,
        *(WORDS[result] for result in results),
        "" if seen.delegates is None else str(seen.delegates),
        seen.note,
        "Chưa ký" if one.signed_at is None else WORDS[seen.good],
        f"{one.signed_name} (điểm cầu)" if one.by_site and one.signed_name else one.signed_name,
        signed,
    ]
