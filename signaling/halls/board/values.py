"""The plain values of the board and their texts: reasons, alarms, readiness, results of orders."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from conference.halls.dialout import REASONS
from rooms.errors import Refusal
from rooms.store.tables.dialling import DialLeg, LegAlarm

Row = dict[str, Any]
ALARMS: Final = {**REASONS, "operator": ("Gọi người điều hành", "the hall asks for the operator")}
TEXTS: Final = {
    "not_connected": ("Điểm cầu chưa vào họp.", "the hall is not in the meeting"),
    "unknown_leg": ("Không có điểm cầu này trong buổi họp.", "no such hall in this meeting"),
    "elsewhere": (
        "Máy chủ khác đang giữ cuộc gọi này; đã chuyển yêu cầu.",
        "another server has this call; the request was sent to that server",
    ),
    "later": (
        "Máy chủ chưa ghi được; sẽ làm ngay khi ghi được.",
        "the server cannot write this now; it will do this as soon as it can",
    ),
    "not_taken": ("Máy chủ chưa làm được; hãy thử lại.", "the server could not do this; try again"),
    "undo_gone": ("Không hoàn tác được nữa.", "this can no longer be undone"),
    "no_camera": ("Thiết bị này không cho điều khiển máy quay.", "the camera of this terminal cannot be moved"),
    "not_own_hall": (
        "Chỉ người điều hành điểm cầu của đơn vị này được lưu vị trí camera.",
        "only the operators of this hall's unit may store a position of its camera",
    ),
}


def done(leg_id: str) -> Row:
    """Return the result row of a hall that carried out an order."""
    return {"leg_id": leg_id, "ok": True, "code": "", "vi": "", "en": ""}


def refused(leg_id: str, refusal: Refusal) -> Row:
    return {"leg_id": leg_id, "ok": False, "code": refusal.code, "vi": refusal.vietnamese, "en": refusal.english}


def not_done(leg_id: str, code: str) -> Row:
    """Return the result row of a hall that did not carry out an order. `code`: a key of `TEXTS`."""
    return {"leg_id": leg_id, "ok": False, "code": code, "vi": TEXTS[code][0], "en": TEXTS[code][1]}


def reason_row(code: str) -> Row:
    return _told(REASONS, code)


def _told(texts: Mapping[str, tuple[str, str]], code: str) -> Row:
    vietnamese, english = texts.get(code, (code, code))
    return {"code": code, "vi": vietnamese, "en": english}


def readiness_row(leg: DialLeg) -> Row:
    return {"state": leg.readiness, "at": leg.readiness_at, "reason": reason_row(leg.readiness_reason)}


def alarm_row(alarm: LegAlarm) -> Row:
    return {
        "id": alarm.id,
        "code": alarm.code,
        "text": _told(ALARMS, alarm.code),
        "at": alarm.at,
        "acknowledged_by": alarm.acknowledged_name or alarm.acknowledged_by,
        "acknowledged_at": alarm.acknowledged_at,
    }


def moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
