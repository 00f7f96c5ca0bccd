"""Refusals that units, people and sites share."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.errors import Refusal

THINGS: Final = {
    "unit": "đơn vị",
    "post": "chức vụ",
    "person": "người",
    "holding": "việc giữ chức vụ",
    "deputy": "ủy quyền",
    "recipient_set": "nhóm nơi nhận",
    "site": "điểm cầu",
    "hall": "phòng họp",
    "terminal": "thiết bị",
    "network": "mạng",
}


def unknown(kind: str) -> Refusal:
    """Return Refusal `unknown_unit`, `unknown_person`, …"""
    return Refusal(
        f"unknown_{kind}",
        f"Không tìm thấy {THINGS[kind]} này. Hãy tải lại trang.",
        f"no such {kind}: load the page again",
    )


def code_taken(kind: str, code: str) -> Refusal:
    return Refusal(
        "code_taken",
        f"Mã {code} đã dùng cho {THINGS[kind]} khác. Hãy chọn mã khác.",
        f"the code {code} is already in use: choose another",
    )


def changed_meanwhile() -> Refusal:
    return Refusal(
        "version_mismatch",
        "Người khác vừa sửa mục này. Hãy tải lại rồi sửa tiếp.",
        "another user has changed this: load it again",
    )


def dates_reversed() -> Refusal:
    return Refusal("dates_reversed", "Ngày kết thúc phải sau ngày bắt đầu.", "the end must be after the beginning")


async def store(session: AsyncSession, row: Any, kind: str) -> None:
    """Write a new row. Raise `code_taken` if another request has taken the code since the check."""
    session.add(row)
    code = row.code
    try:
        await session.flush()
    except IntegrityError:
        raise code_taken(kind, code) from None
