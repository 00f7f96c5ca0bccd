"""The names of the conferences of booked dates. The conference `o-…` belongs to the date with that identifier."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "o-"
GUEST: Final = "guest"
"""Stands in an identity for a person for whom neither an invitation nor the register vouches."""


def is_date(conference: str) -> bool:
    return conference.startswith(PREFIX)
