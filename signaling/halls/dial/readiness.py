"""How ready a hall is for its meeting before it is called: what is known without asking it. What an answer of it says is read by
its protocol (`signaling.halls.sip.probe`).

Pure. Colours are `green`, `amber` (worth a look), `red` (the call will fail); reasons are those of
`conference.halls.dialout.REASONS`.
"""

from __future__ import annotations

from rooms.policy.classes import Verdict

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
