"""Why a call ended or never stood, as values that others decide on: one table from status codes, the only one.

Texts for people are made where they are shown; `Kind` is stable.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from conference.halls.causes import Cause as HallCause
from signaling.sip.ground import limits
from signaling.sip.wire.fields import Malformed
from signaling.sip.wire.message import Response


class Kind(Enum):
    NORMAL = "normal"
    """Somebody hung up."""
    CANCELLED = "cancelled"
    """The caller gave up before there was an answer."""
    BUSY = "busy"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    """It rang in vain, or the other side gave up waiting."""
    UNAVAILABLE = "unavailable"
    NOT_FOUND = "not_found"
    NOT_ACCEPTABLE = "not_acceptable"
    """No common media: a smaller offer may do."""
    UNAUTHORISED = "unauthorised"
    OVERLOADED = "overloaded"
    UNREACHABLE = "unreachable"
    """Nothing came back at all."""
    MOVED = "moved"
    """Redirections are not followed: a peer does not choose whom we call."""
    EXPIRED = "expired"
    """The session was not refreshed, or the dialog is gone on the other side."""
    PROTOCOL = "protocol"
    FORBIDDEN_TARGET = "forbidden_target"
    """An address that we never call."""
    LOCAL = "local"
    """Ended by this server: stopping, or out of room."""
    FAILED = "failed"


_BY_STATUS: Final = {
    401: (Kind.UNAUTHORISED, HallCause.FORBIDDEN),
    403: (Kind.UNAUTHORISED, HallCause.FORBIDDEN),
    404: (Kind.NOT_FOUND, HallCause.UNKNOWN_THERE),
    406: (Kind.NOT_ACCEPTABLE, HallCause.UNREACHABLE),
    407: (Kind.UNAUTHORISED, HallCause.FORBIDDEN),
    408: (Kind.NO_ANSWER, HallCause.NO_ANSWER),
    410: (Kind.NOT_FOUND, HallCause.UNKNOWN_THERE),
    415: (Kind.NOT_ACCEPTABLE, HallCause.PROFILE),
    480: (Kind.UNAVAILABLE, HallCause.NO_ANSWER),
    481: (Kind.EXPIRED, HallCause.UNREACHABLE),
    482: (Kind.FAILED, HallCause.MERGED),
    484: (Kind.NOT_FOUND, HallCause.UNKNOWN_THERE),
    486: (Kind.BUSY, HallCause.BUSY),
    487: (Kind.CANCELLED, HallCause.NO_ANSWER),
    488: (Kind.NOT_ACCEPTABLE, HallCause.PROFILE),
    503: (Kind.OVERLOADED, HallCause.OVERLOADED),
    600: (Kind.BUSY, HallCause.BUSY),
    603: (Kind.DECLINED, HallCause.DECLINED),
    604: (Kind.NOT_FOUND, HallCause.UNKNOWN_THERE),
    606: (Kind.NOT_ACCEPTABLE, HallCause.PROFILE),
}
"""Status of a final answer (RFC 3261 section 21) -> what it says of the dialog, and of the hall that is called."""
STATUSES: Final = {
    HallCause.BUSY: 486,
    HallCause.NO_ANSWER: 480,
    HallCause.UNREACHABLE: 500,
    HallCause.PROFILE: 488,
    HallCause.OVERLOADED: 503,
    HallCause.MERGED: 482,
    HallCause.UNKNOWN_THERE: 404,
    HallCause.FORBIDDEN: 403,
    HallCause.DECLINED: 603,
}
"""The way back: how an INVITE is refused."""


def hall_cause(status: int) -> HallCause:
    """Why a call to a hall came to nothing. `status` 0: no answer came."""
    return _BY_STATUS.get(status, _OTHER)[1]


_OTHER: Final = (Kind.FAILED, HallCause.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Cause:
    kind: Kind
    status: int = 0
    """Of SIP; 0: there was none."""
    retry_after_s: int | None = None
    detail: str = ""
    """In English, for logs: a reason phrase or a Warning, never shown as it is."""


NORMAL: Final = Cause(Kind.NORMAL)


def of_response(response: Response) -> Cause:
    """Of a failure (300 and above)."""
    kind = Kind.MOVED if response.status < 400 else _BY_STATUS.get(response.status, _OTHER)[0]
    try:
        wait = response.seconds("retry-after")
    except Malformed:
        wait = None
    detail = response.headers.get("warning") or response.reason
    retry = None if wait is None else min(wait, limits.RETRY_AFTER_MOST_S)
    return Cause(kind, response.status, retry, _for_logs(detail))


def _for_logs(text: str) -> str:
    return ascii(text)[1:-1][:200]
