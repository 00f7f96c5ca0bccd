"""The readiness of a hall before its call, as far as it is known without a question to the terminal. Pure.

The protocol reads the answer of the terminal (`signaling.halls.sip.probe`). Colours are `green`, `amber` (needs a look), `red`
(the call will fail). Reasons are keys of `conference.halls.dialout.REASONS`.
"""

from __future__ import annotations

from rooms.policy.classes import Verdict

Ready = tuple[str, str]
"""(colour, reason)."""


def known(verdict: Verdict, *, reachable: bool, has_account: bool, elsewhere: bool) -> Ready | None:
    """Return the readiness, or None if only the terminal can answer. `reachable`: the terminal is registered or has an address.
    `elsewhere`: the terminal is in another meeting now.
    """
    if not verdict.allowed:
        return "red", why_not(verdict)
    if not reachable:
        return "red", "not_registered" if has_account else "no_address"
    return ("amber", "other_meeting") if elsewhere else None


def why_not(verdict: Verdict) -> str:
    return "network_open" if verdict.code == "network_open" else "class_forbids"
