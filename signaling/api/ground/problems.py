"""The errors of the REST API (RFC 9457): the table from a refusal's code to its HTTP status, and the form of the answer.

Refusals of `rooms` have their own texts. If a code is not in the table, the form of the code decides (`token_…` and FORMS).
Every other code gets 422: the server understood the request but cannot carry it out.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from rooms.errors import Refusal, Trouble
from rooms.store.database import is_away
from signaling.host.routers import MEDIA_TYPE

TROUBLES = 500
UNKNOWN = 422
EXISTING = "/conferences"
"""The routes that answer a malformed body in an older form: 400, without a list of fields."""

TEXTS: Mapping[str, tuple[str, str]] = {
    "request_malformed": ("Yêu cầu không đúng dạng.", "the request is malformed"),
    "fields_wrong": ("Có mục chưa đúng. Hãy xem từng mục được nêu.", "some fields are wrong: correct each field shown"),
    "name_empty": ("Hãy nhập tên.", "a name is needed"),
    "name_too_long": ("Tên quá dài (nhiều nhất 100 ký tự).", "the name is too long (100 characters at most)"),
    "creation_denied": (
        "Không có quyền mở cuộc họp trên máy chủ này.",
        "you may not start a meeting on this server",
    ),
    "invitation_wrong": (
        "Đường dẫn mời không đúng. Hãy xin lại đường dẫn.",
        "the invitation is wrong: ask for the link again",
    ),
    "conference_unknown": (
        "Không có cuộc họp nào mang mã này. Hãy xem lại mã hoặc xin đường dẫn mời.",
        "no meeting has this number: check it, or ask for the link",
    ),
    "halls_off": (
        "Máy chủ này không nối thiết bị hội trường. Đặt halls = true trong diemcau.toml rồi khởi động lại.",
        "hall terminals are switched off on this server; set halls = true in diemcau.toml and start the server again",
    ),
    "snapshot_unknown": ("Không còn hình này.", "this picture is no longer kept"),
    "push_off": (
        "Máy chủ này chưa bật thông báo đẩy. Đặt web_push = true trong diemcau.toml rồi khởi động lại.",
        "pushes to browsers are switched off on this server; set web_push = true in diemcau.toml and start the server again",
    ),
    "not_found": ("Không có mục này, hoặc tài khoản này không được xem.", "this does not exist, or you may not see it"),
    "denied": ("Tài khoản này không có quyền xem hoặc làm việc này.", "you may not see this or do this"),
    "signed_out": ("Hãy đăng nhập.", "sign in first"),
    "method_refused": ("Địa chỉ này không nhận phương thức đó.", "this address does not accept that method"),
    "body_too_long": ("Yêu cầu quá dài.", "the request is too long"),
    "file_too_long": ("Tệp quá lớn.", "the file is too large"),
    "too_many_requests": ("Thử quá nhanh. Hãy chờ một phút.", "too many requests: wait a minute"),
    "link_wrong": (
        "Liên kết này không còn dùng được. Hãy xin liên kết mới ở thư ký cuộc họp.",
        "this link is no longer valid: ask the secretary of the meeting for a new link",
    ),
    "letter_not_approved": (
        "Cuộc họp chưa được duyệt. Chỉ cấp số giấy mời khi chắc chắn cuộc họp sẽ được duyệt.",
        "the meeting is not approved: give the letter a number only if you are sure of the approval",
    ),
    "mail_off": (
        "Máy chủ chưa gửi được thư. Hãy sao chép tin nhắn và gửi bằng cách khác.",
        "this server sends no mail: copy the messages and send them in another way",
    ),
    "nothing_to_preview": ("Hạ mức không có gì để xem trước.", "a change to a lower class has no preview"),
    "join_words": (
        "Hãy dùng liên kết cá nhân, hoặc số cuộc họp cùng mã PIN.",
        "use either a personal link, or the meeting number with the PIN",
    ),
    "version_missing": (
        "Thiếu phiên bản đang sửa (If-Match). Hãy tải lại trang.",
        "If-Match with the edited version is missing: load the page again",
    ),
    "version_malformed": ("If-Match không đúng dạng.", "If-Match is malformed"),
    "version_mismatch": (
        "Mục này vừa được người khác sửa. Hãy tải lại rồi sửa tiếp.",
        "another user has changed this: load it again",
    ),
    "cursor_wrong": ("Dấu trang không đúng. Hãy tải lại danh sách.", "the cursor is wrong: load the list again"),
    "key_malformed": ("Idempotency-Key không đúng dạng.", "the Idempotency-Key is malformed"),
    "internal": ("Máy chủ gặp lỗi.", "the server has failed"),
    "database_away": (
        "Cơ sở dữ liệu đang bận hoặc không kết nối được. Hãy thử lại.",
        "the database cannot be reached: try again",
    ),
}

STATUS: dict[str, int] = {
    "request_malformed": 400,
    "halls_off": 409,
    "snapshot_unknown": 404,
    "push_off": 409,
    "not_on_now": 409,
    "not_connected": 409,
    "undo_gone": 410,
    "ban_gone": 410,
    "call_gone": 410,
    "already_in": 409,
    "unknown_alarm": 404,
    "profile_unchanged": 404,
    "alias_taken": 409,
    "terminal_inactive": 409,
    "not_a_pc": 409,
    "pc_alone": 409,
    "pc_code_wrong": 403,
    "pc_taken_off": 403,
    "pc_key_wrong": 401,
    "pc_not_enrolled": 404,
    "name_empty": 400,
    "name_too_long": 400,
    "version_malformed": 400,
    "key_malformed": 400,
    "cursor_wrong": 400,
    "signed_out": 401,
    "creation_denied": 403,
    "four_eyes": 403,
    "invitation_wrong": 403,
    "link_expired": 403,
    "link_invalid": 403,
    "denied": 403,
    "not_in_call": 403,
    "not_allowed": 403,
    "second_factor_needed": 403,
    "conference_unknown": 404,
    "link_wrong": 404,
    "mail_off": 409,
    "letter_not_approved": 409,
    "number_or_pin_wrong": 403,
    "too_early": 403,
    "ended": 403,
    "cancelled": 403,
    "postponed": 403,
    "held": 403,
    "class_forbids": 403,
    "not_invited": 403,
    "state_secret": 403,
    "join_denied": 403,
    "removed": 403,
    "lobby_denied": 403,
    "lobby_waits": 403,
    "participant_not_found": 404,
    "conference_not_found": 404,
    "host_stays": 409,
    "chat_too_long": 422,
    "line_unknown": 404,
    "note_changed": 409,
    "note_early": 409,
    "note_stopped": 409,
    "microphone_on": 409,
    "microphone_denied": 409,
    **dict.fromkeys(
        (
            "already_locked",
            "chair_codes_open",
            "budget_limit",
            "camera_off",
            "chair_lent",
            "chat_off",
            "floor_full",
            "floor_needed",
            "floor_not_asked",
            "floor_not_given",
            "floor_queue_full",
            "in_lobby",
            "in_recess",
            "no_chair",
            "not_locked",
            "role_bad",
            "share_off",
            "unmute_off",
        ),
        409,
    ),
    "conference_locked": 403,
    "checks_off": 404,
    "checks_full": 503,
    "check_over": 410,
    "lobby_full": 503,
    "conference_full": 503,
    "lobby_pause": 429,
    "lobby_limit": 503,
    **dict.fromkeys(
        (
            "already_begun",
            "date_cancelled",
            "already_booked",
            "already_taken",
            "capacity",
            "deadline_passed",
            "hold_expired",
            "idempotency_key_reused",
            "meeting_not_open",
            "meeting_over",
            "link_of_guests_only",
            "link_outdated",
            "move_missing",
            "not_booked",
            "not_running",
            "nothing_asked",
            "nothing_to_undo",
            "over_quota",
            "overlap",
            "precedence_too_low",
            "wrong_state",
            "change_pending",
            "nothing_pending",
            "demo_not_empty",
            "org_not_empty",
            "import_outdated",
            "last_pool",
            "break_state",
            "roll_call_state",
            "roll_call_last",
            "roll_call_over",
            "roll_call_waits",
            "closed_inside",
        ),
        409,
    ),
    **dict.fromkeys(("unknown_class", "unknown_field", "unknown_kind", "role_unknown", "time_unchanged"), 422),
    "bad_signature": 401,
    "stale_webhook": 401,
    "file_too_large": 413,
    "encoding_unknown": 422,
    "version_conflict": 412,
    "version_old": 412,
    "version_mismatch": 412,
    "not_found": 404,
    "method_refused": 405,
    "body_too_long": 413,
    "file_too_long": 413,
    "fields_wrong": 422,
    "version_missing": 428,
    "too_many_requests": 429,
    "internal": 500,
    "database_away": 503,
    "not_stored": 503,
}
"""The codes of this package; `include` adds the codes of other packages."""

FORMS = (
    (re.compile(r"unknown_.+|.+_unknown"), 404),
    (re.compile(r".+_(taken|exists|held)"), 409),
)
"""The status of codes that are not in the table, by the form of the code."""
_BY_NUMBER = {
    401: "signed_out",
    404: "not_found",
    405: "method_refused",
    413: "body_too_long",
    429: "too_many_requests",
}
_FIELDS: Mapping[str, tuple[str, str]] = {
    "missing": ("Thiếu mục này.", "this is missing"),
    "extra_forbidden": ("Không có mục mang tên này.", "there is no field with this name"),
    "too_many_keys": ("Có quá nhiều mục lạ.", "there are too many unknown fields"),
    "string_too_long": ("Dài quá mức cho phép.", "this is too long"),
    "string_too_short": ("Không được để trống.", "this must not be empty"),
    "too_long": ("Nhiều mục quá mức cho phép.", "there are too many of these"),
    "string_pattern_mismatch": ("Không đúng dạng.", "this does not have the required form"),
    "timezone_aware": ("Thời điểm phải kèm múi giờ.", "the time needs a time zone"),
    "literal_error": ("Không có lựa chọn này.", "this is not one of the choices"),
    "greater_than_equal": ("Số quá nhỏ.", "the number is too small"),
    "less_than_equal": ("Số quá lớn.", "the number is too large"),
    "json_invalid": ("Nội dung không phải JSON.", "the body is not JSON"),
}
_WRONG = ("Giá trị không hợp lệ.", "the value is not valid")


def refused(code: str, troubles: Sequence[Trouble] = ()) -> Refusal:
    """Return a refusal of this package."""
    vi, en = TEXTS[code]
    return Refusal(code, vi, en, troubles)


def include(table: Mapping[str, int]) -> None:
    """Add another part's table."""
    STATUS.update(table)


def status(code: str) -> int:
    if code in STATUS:
        return STATUS[code]
    if code.startswith("token_"):
        return 401
    return next((number for pattern, number in FORMS if pattern.fullmatch(code)), UNKNOWN)


def answer(code: str, vi: str, en: str, troubles: Sequence[Trouble] = ()) -> JSONResponse:
    number = status(code)
    body: dict[str, Any] = {"type": f"/api/v1/problems/{code}", "title": vi, "status": number, "code": code}
    body |= {"vi": vi, "en": en, "troubles": [_plain(one) for one in troubles[:TROUBLES]]}
    headers = {"retry-after": "60"} if number == 429 else {}
    return JSONResponse(body, number, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every exception of `app` with a problem."""
    app.add_exception_handler(Refusal, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_malformed)
    app.add_exception_handler(HTTPException, _on_status)
    app.add_exception_handler(SQLAlchemyError, _on_database)
    app.add_exception_handler(Exception, _on_failure)


def _plain(one: Trouble) -> dict[str, Any]:
    detail = dict(one.detail)
    return {"code": one.code, "vi": one.vietnamese, "en": one.english, "where": one.where, "detail": detail}


async def _on_refusal(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return answer(error.code, error.vietnamese, error.english, error.troubles)


async def _on_malformed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    path = str(request.scope.get("path", "")).removeprefix(str(request.scope.get("root_path", "")))
    faults = error.errors()[:TROUBLES]
    if path.startswith(EXISTING) or any(one["type"] == "json_invalid" for one in faults):
        return await _on_refusal(request, refused("request_malformed"))
    if any(one["type"] == "missing" and one["loc"][-1] == "if-match" for one in faults):
        return await _on_refusal(request, refused("version_missing"))
    return await _on_refusal(request, refused("fields_wrong", [_trouble(one) for one in faults]))


def _trouble(fault: Mapping[str, Any]) -> Trouble:
    """Return the trouble of one field. It does not repeat the value, because the value may be a password."""
    vi, en = _FIELDS.get(fault["type"], _WRONG)
    if fault["type"] == "literal_error":
        choices = str(fault["ctx"]["expected"]).replace("'", "").replace(" or ", ", ")
        vi, en = f"{vi} Hãy chọn: {choices}.", f"{en}: {choices}"
    where = ".".join(str(part)[:60] for part in fault["loc"][1:] or fault["loc"])
    limit = {
        name: value
        for name, value in (fault.get("ctx") or {}).items()
        if name in ("max_length", "min_length", "ge", "le")
    }
    return Trouble(fault["type"], vi, en, where, limit)


async def _on_status(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    made = await _on_refusal(request, refused(_BY_NUMBER.get(error.status_code, "request_malformed")))
    for name, value in (error.headers or {}).items():
        made.headers[name] = value
    return made


async def _on_database(request: Request, error: Exception) -> JSONResponse:
    if not is_away(error):
        raise error
    return await _on_refusal(request, refused("database_away"))


async def _on_failure(request: Request, _error: Exception) -> JSONResponse:
    return await _on_refusal(request, refused("internal"))
