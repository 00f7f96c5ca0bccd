"""Reasons why a call ended or was not established. This module holds the only table from status codes to reasons.

The texts for people are made by the code that shows them. The values of `Kind` do not change.
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
    """The caller or the called side hung up."""
    CANCELLED = "cancelled"
    """The caller gave up before there was an answer."""
    BUSY = "busy"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    """The terminal rang without an answer, or it answered 408."""
    UNAVAILABLE = "unavailable"
    NOT_FOUND = "not_found"
    NOT_ACCEPTABLE = "not_acceptable"
    """There are no common media. A smaller offer may succeed."""
    UNAUTHORISED = "unauthorised"
    OVERLOADED = "overloaded"
    UNREACHABLE = "unreachable"
    """No answer arrived at all."""
    MOVED = "moved"
    """We do not follow redirections, because a peer must not choose whom we call."""
    EXPIRED = "expired"
    """The session was not refreshed, or the other side has no such dialog."""
    PROTOCOL = "protocol"
    FORBIDDEN_TARGET = "forbidden_target"
    """The target has no address that we may call."""
    LOCAL = "local"
    """This server refused the call, or has no room for it."""
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
"""The kind and the hall's cause by the status of a final answer (RFC 3261 section 21)."""
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
"""The status with which an INVITE is refused, by cause."""


def hall_cause(status: int) -> HallCause:
    """Return why a call to a hall failed. `status` 0: no answer arrived."""
    return _BY_STATUS.get(status, _OTHER)[1]


_OTHER: Final = (Kind.FAILED, HallCause.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Cause:
    kind: Kind
    status: int = 0
    """The SIP status; 0 without an answer."""
    retry_after_s: int | None = None
    detail: str = ""
    """English text for logs: a reason phrase or a Warning. Users never see it."""


NORMAL: Final = Cause(Kind.NORMAL)


def of_response(response: Response) -> Cause:
    """Return the cause of a failure response (300 and above)."""
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
