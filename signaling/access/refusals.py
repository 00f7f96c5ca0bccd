"""The refusals of signing in, and the HTTP status of each code that accounts use."""

from __future__ import annotations

from typing import Final

from rooms.errors import Refusal

STATUS: Final = {
    "signed_out": 401,
    "sign_in_failed": 401,
    "second_factor_wrong": 401,
    "client_key_wrong": 401,
    "link_dead": 401,
    "denied": 403,
    "second_factor_needed": 403,
    "password_change_needed": 403,
    "origin_refused": 403,
    "identity_unknown": 403,
    "account_off": 409,
    "account_unknown": 404,
    "client_unknown": 404,
    "grant_unknown": 404,
    "session_unknown": 404,
    "person_unknown": 404,
    "unit_unknown": 404,
    "account_present": 409,
    "name_taken": 409,
    "role_held": 409,
    "last_admin": 409,
    "totp_present": 409,
    "totp_absent": 409,
    "identity_taken": 409,
    "seal_broken": 409,
    "own_deputy": 403,
    "version_old": 412,
    "type_refused": 415,
    "password_wrong": 422,
    "password_short": 422,
    "password_long": 422,
    "password_common": 422,
    "password_same": 422,
    "name_wrong": 422,
    "role_unknown": 422,
    "dates_wrong": 422,
    "too_many": 422,
    "sign_in_slowed": 429,
    "too_many_requests": 429,
    "issuer_failed": 502,
    "issuer_absent": 404,
    "flow_broken": 400,
    "busy": 503,
}
_TEXTS: Final = {
    "signed_out": ("Hãy đăng nhập.", "sign in first"),
    "sign_in_failed": ("Tên đăng nhập hoặc mật khẩu không đúng.", "the name or the password is wrong"),
    "client_key_wrong": ("Khóa của hệ thống không đúng hoặc đã bị thu hồi.", "the client key is wrong or was revoked"),
    "password_change_needed": ("Hãy đặt mật khẩu mới trước.", "choose a new password first"),
    "origin_refused": (
        "Trang web khác không được gọi máy chủ này.",
        "pages of another origin may not call this server",
    ),
    "type_refused": ("Máy chủ chỉ nhận JSON ở địa chỉ này.", "this address accepts only JSON"),
    "password_wrong": ("Mật khẩu hiện tại không đúng.", "the current password is wrong"),
    "password_same": ("Mật khẩu mới phải khác mật khẩu cũ.", "the new password must differ from the old password"),
    "session_unknown": ("Phiên đăng nhập này đã kết thúc.", "this session has already ended"),
    "too_many_requests": (
        "Có quá nhiều lượt đăng nhập từ mạng này. Hãy chờ một phút.",
        "too many sign-ins from this network: wait a minute",
    ),
    "issuer_absent": ("Máy chủ này không có đăng nhập một lần.", "this server has no single sign-on"),
    "issuer_failed": (
        "Hệ thống đăng nhập một lần không trả lời đúng. Hãy thử lại, hoặc đăng nhập bằng mật khẩu.",
        "the single sign-on gave a wrong answer: try again, or use a password",
    ),
    "flow_broken": (
        "Lượt đăng nhập này đã quá lâu hoặc mở ở trình duyệt khác. Hãy bắt đầu lại.",
        "this sign-in took too long or began in another browser: start again",
    ),
}


def refused(code: str) -> Refusal:
    vietnamese, english = _TEXTS[code]
    return Refusal(code, vietnamese, english)


def second_factor_needed() -> Refusal:
    return Refusal(
        "second_factor_needed",
        "Việc này cần đăng nhập hai bước. Hãy nhập mã từ ứng dụng xác thực rồi thử lại.",
        "this requires a sign-in with a second factor: enter the code and try again",
    )


def slowed(seconds: int) -> Refusal:
    return Refusal(
        "sign_in_slowed",
        f"Đã sai nhiều lần. Hãy thử lại sau {seconds} giây.",
        f"too many wrong tries: try again in {seconds} seconds",
    )
