"""How ready a hall is for its meeting before it is called: what is known without asking it, and what its answer to OPTIONS says.

Pure. Colours are `green`, `amber` (worth a look), `red` (the call will fail); reasons are those of
`conference.halls.dialout.REASONS`.
"""

from __future__ import annotations

from conference.halls.dialout import REASONS
from rooms.policy.classes import Verdict
from signaling.host import limits
from signaling.sip.call.causes import Cause, Kind
from signaling.sip.wire.message import Response

Ready = tuple[str, str]
"""(colour, reason)."""


def known(verdict: Verdict, *, reachable: bool, has_account: bool, elsewhere: bool) -> Ready | None:
    """None: nothing speaks against it, it has to be asked. `reachable`: it is registered or has an address; `elsewhere`: it is in
    another meeting now.
    """
    if not verdict.allowed:
        return "red", why_not(verdict)
    if not reachable:
        return "red", "not_registered" if has_account else "no_address"
    return ("amber", "other_meeting") if elsewhere else None


def why_not(verdict: Verdict) -> str:
    return "network_open" if verdict.code == "network_open" else "class_forbids"


def answered(cause: Cause | None, response: Response | None, took_s: float) -> Ready:
    """Of an answer to OPTIONS. Any answer is a sign of life; a slow or unwilling one is worth a look."""
    if cause is not None or response is None:
        if cause is not None and cause.kind is Kind.FORBIDDEN_TARGET and cause.detail in REASONS:
            return "red", cause.detail
        unknown = cause is not None and cause.kind in (Kind.NOT_FOUND, Kind.FORBIDDEN_TARGET)
        return "red", "unknown_there" if unknown else "unreachable"
    if response.status in (404, 410, 604):
        return "red", "unknown_there"
    if response.status in (486, 600):
        return "amber", "busy"
    if response.status >= 300:
        return "amber", "no_answer" if response.status == 480 else "unreachable"
    return ("amber", "slow") if took_s > limits.PROBE_SLOW_S else ("green", "")
