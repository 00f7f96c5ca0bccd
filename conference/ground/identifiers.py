"""Identifiers of live things: a prefix that tells the kind, then random characters. One of the two places that read
randomness.
"""

from __future__ import annotations

import secrets
import string
from typing import Final, NewType

ConferenceSid = NewType("ConferenceSid", str)
ParticipantSid = NewType("ParticipantSid", str)
TrackSid = NewType("TrackSid", str)
DataTrackSid = NewType("DataTrackSid", str)

_ALPHABET: Final = string.ascii_letters + string.digits
_LENGTH: Final = 14  # 83 bits: not to be guessed


def random_suffix() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def random_bytes(count: int) -> bytes:
    """Keys of lines."""
    return secrets.token_bytes(count)
