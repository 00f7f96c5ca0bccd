"""Identifiers of live objects. An identifier is a prefix that names the kind, then random characters.

Only two modules read randomness; this module is one of them.
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
_LENGTH: Final = 14
"""Characters of a random identifier (of a participant, track or conference): 83 bits. Chosen. More: longer messages and log
lines. Fewer: an attacker can guess an identifier.
"""


def random_suffix() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def random_bytes(count: int) -> bytes:
    """Return `count` random bytes for the SRTP keys of lines."""
    return secrets.token_bytes(count)
