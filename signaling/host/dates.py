"""The names of the conferences of booked dates. The conference `o-…` belongs to the date with that identifier."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "o-"
GUEST: Final = "guest"
"""The prefix of the identity of a guest: neither an invitation nor the register vouches for this person."""


def is_date(conference: str) -> bool:
    return conference.startswith(PREFIX)
