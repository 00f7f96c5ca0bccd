"""Identifiers and secrets of durable things. The only place of `rooms` that reads randomness; the clock is read nowhere."""

from __future__ import annotations

import hashlib
import secrets
import uuid

SECRET_BYTES = 24
DIGITS = 9
PIN_DIGITS = 6
PIN_OF_SERIES_DIGITS = 8
CLEAR_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def new_id() -> str:
    """32 hexadecimal digits of a UUID version 4: an identifier tells nothing, and knowing it gives no right."""
    return uuid.uuid4().hex


def new_secret() -> str:
    """192 bits as base64url: personal links, feeds, sessions. Only its `digest` is stored."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> str:
    """SHA-256 in hexadecimal of a secret with so many bits that nobody guesses it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_number() -> str:
    """A meeting number for a terminal's keypad: nine digits, the first is not 0."""
    return str(secrets.randbelow(9 * 10 ** (DIGITS - 1)) + 10 ** (DIGITS - 1))


def new_pin(*, series: bool) -> str:
    """Asked for with the number, at a limited rate. Six digits for one date, eight for a series, whose PIN lives for months.

    The sum (`signaling.host.limits`): all strangers together have 30 tries a minute at one number, which is 43,200 a day.
    Each network has 5 more an hour of its own, which is 120,000 a day for 1,000 networks. Half of 10^6 PINs take 1,000
    networks 3 days, half of 10^8 take them 306 days. Few networks need 12 days and more than 3 years.
    """
    digits = PIN_OF_SERIES_DIGITS if series else PIN_DIGITS
    return f"{secrets.randbelow(10**digits):0{digits}}"


def new_check_code() -> str:
    """Eight digits, read to the help desk; it opens nothing without the right to look."""
    return f"{secrets.randbelow(10**8):08}"


def new_bytes(count: int) -> bytes:
    """Random bytes: nonces, keys of second factors."""
    return secrets.token_bytes(count)


def new_recovery_code() -> str:
    """79 bits in letters and digits that are not mistaken for each other, four by four."""
    letters = [secrets.choice(CLEAR_LETTERS) for _ in range(16)]
    return "-".join("".join(letters[at : at + 4]) for at in range(0, 16, 4))
