"""Session timers, RFC 4028: how long a call lives without a refresh, and which side refreshes. Pure values and their fields."""

from __future__ import annotations

from dataclasses import dataclass

from signaling.sip.ground import limits
from signaling.sip.wire.fields import parameter, read_parameters
from signaling.sip.wire.message import Message, Request, Response


class TooShort(Exception):
    """The requested interval is too short: answer 422."""


@dataclass(frozen=True, slots=True)
class Session:
    interval_s: int
    ours: bool
    """True if we refresh."""
    agreed: bool = True
    """True if both sides support session timers. Otherwise only we refresh, to check that the other side is still there."""

    @property
    def refresh_s(self) -> float:
        return self.interval_s / 2

    @property
    def end_s(self) -> float:
        """The seconds after which the waiting side ends the call, section 10."""
        return self.interval_s - min(32.0, self.interval_s / 3)


def wanted(interval_s: int, least_s: int) -> list[tuple[str, str]]:
    """Return the fields of our request."""
    return [("session-expires", str(interval_s)), ("min-se", str(least_s))]


def _refresher(message: Message) -> str:
    text = message.headers.get("session-expires")
    _, semicolon, rest = text.partition(";")
    return (parameter(read_parameters(semicolon + rest), "refresher") or "").lower()


def as_server(request: Request, usual_s: int) -> tuple[Session, list[tuple[str, str]]]:
    """Return our timer for an INVITE or UPDATE, and the fields of the 2xx. Raises TooShort, Malformed."""
    asked = request.seconds("session-expires")
    least = request.seconds("min-se") or 0
    speaks = "timer" in request.options("supported") or asked is not None
    if asked is not None and asked < limits.SESSION_LEAST_S:
        raise TooShort
    interval = max(asked or usual_s, least, limits.SESSION_LEAST_S)
    interval = min(interval, limits.SESSION_MOST_S)
    if not speaks:
        return Session(interval, ours=True, agreed=False), []
    who = _refresher(request) if asked is not None else ""
    ours = who == "uas"
    fields = [("session-expires", f"{interval};refresher={'uas' if ours else 'uac'}")]
    if not ours:
        fields.append(("require", "timer"))
    return Session(interval, ours), fields


def as_client(response: Response, usual_s: int) -> Session:
    """Return the timer in their 2xx. Raises Malformed."""
    given = response.seconds("session-expires")
    if given is None:
        return Session(usual_s, ours=True, agreed=False)
    interval = min(max(given, limits.SESSION_LEAST_S), limits.SESSION_MOST_S)
    return Session(interval, ours=_refresher(response) != "uas")
