"""The bearer of an identity in a booked meeting: the person who stays the same when a new window or a new entry makes a new
identity. Pure.
"""

from __future__ import annotations

from typing import Final

from rooms.policy.classes import WAYS

GUEST: Final = "guest"
"""The middle part of an identity that names no person."""


def bearer(identity: str) -> str:
    """Return what stays the same when this person joins again: `WHO` of `WAY.WHO.SUFFIX`. One person may enter by a link, by
    an account, and by phone. Every other identity is its own bearer: a guest, a hall, a participant of an instant meeting.
    """
    way, _, rest = identity.partition(".")
    who, _, suffix = rest.partition(".")
    named = way in WAYS and who and who != GUEST and suffix and "." not in suffix
    return who if named else identity
