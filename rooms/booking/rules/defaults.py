"""The meeting types of a new installation. The province can change them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.store.tables.meetings import MeetingType

TYPES: Final = (
    # code, name, English name, class, minutes, notice and conclusion (both in working days), internal, precedence
    ("national", "Hội nghị trực tuyến do Chính phủ tổ chức", "National conference", "important", 240, 3, 5, False, 10),
    (
        "session",
        "Phiên họp UBND tỉnh thường kỳ",
        "Session of the People's Committee",
        "important",
        240,
        3,
        0,
        False,
        20,
    ),
    ("emergency", "Ban chỉ đạo họp đột xuất", "Emergency steering committee", "important", 90, 0, 5, False, 20),
    ("resolution", "Hội nghị quán triệt nghị quyết", "Study of a resolution", "important", 240, 3, 5, False, 30),
    ("briefing", "Giao ban của Chủ tịch UBND tỉnh", "Chair's briefing", "important", 120, 3, 5, False, 40),
    ("review", "Hội nghị sơ kết, tổng kết ngành", "Sector review", "ordinary", 180, 3, 5, False, 60),
    ("training", "Tập huấn nghiệp vụ", "Training", "ordinary", 180, 3, 0, False, 80),
    ("consultation", "Họp liên ngành góp ý dự thảo", "Consultation on a draft", "ordinary", 90, 3, 5, False, 80),
    (
        "voters",
        "Tiếp xúc cử tri, tiếp công dân trực tuyến",
        "Meeting voters and citizens",
        "ordinary",
        120,
        3,
        0,
        False,
        60,
    ),
    ("internal", "Họp nội bộ đơn vị", "Internal meeting", "ordinary", 60, 0, 0, True, 100),
    ("rehearsal", "Chạy thử, tổng duyệt", "Rehearsal", "ordinary", 60, 0, 0, False, 90),
)


MUTED: Final = frozenset(("national", "resolution", "review"))
"""The large conferences (hội nghị), where people and halls join with their microphones off."""


async def keep_types(session: AsyncSession) -> None:
    """Store the default types if the table has no types."""
    if await session.scalar(select(func.count()).select_from(MeetingType)):
        return
    for position, row in enumerate(TYPES):
        code, name, name_en, class_, minutes, notice, conclusion, internal, precedence = row
        session.add(
            MeetingType(
                code=code,
                name=name,
                name_en=name_en,
                default_class=class_,
                duration_min=minutes,
                notice_days=notice,
                conclusion_days=conclusion,
                entry_muted=code in MUTED,
                internal=internal,
                precedence=precedence,
                position=position,
            )
        )
    await session.flush()
