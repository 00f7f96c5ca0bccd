"""The identifiers and secrets of durable things. Only this module of `rooms` reads randomness. No module of `rooms` reads the
clock.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import uuid

SECRET_BYTES = 24
DIGITS = 9
PIN_DIGITS = 6
PIN_OF_SERIES_DIGITS = 8
CLEAR_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def new_id() -> str:
    """Return the 32 hexadecimal digits of a UUID version 4. An identifier reveals nothing, and knowledge of it gives no right."""
    return uuid.uuid4().hex


def new_secret() -> str:
    """Return 192 bits as base64url, for personal links, feeds and sessions. The database stores only the `digest`."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret in hexadecimal. The secret must have enough random bits, so that guessing is impossible."""
    return hashlib.sha256(secret.encode()).hexdigest()


def text_of(raw: bytes) -> str:
    """Return base64url without padding, for a link."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw_of(text: str) -> bytes | None:
    """Return the bytes of a `text_of`. None: it is the text of no bytes."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return raw if text_of(raw) == text else None


def new_number() -> str:
    """Return a meeting number for the keypad of a terminal: nine digits, and the first digit is not 0."""
    return str(secrets.randbelow(9 * 10 ** (DIGITS - 1)) + 10 ** (DIGITS - 1))


def new_pin(*, series: bool) -> str:
    """Return a PIN: six digits for one date, eight digits for a series, because the PIN of a series is valid for months.

    A caller gives the PIN after the meeting number. `signaling.host.limits` limits the rate of tries. All strangers together
    have 30 tries a minute at one number, which is 43,200 a day. Each network has 5 more tries an hour, which is 120,000 a day
    for 1,000 networks. To try half of 10^6 PINs, 1,000 networks need 3 days. To try half of 10^8 PINs, they need 306 days. A
    few networks need 12 days and more than 3 years.
    """
    digits = PIN_OF_SERIES_DIGITS if series else PIN_DIGITS
    return f"{secrets.randbelow(10**digits):0{digits}}"


def new_check_code() -> str:
    """Return eight digits that a technician reads to the help desk. The code gives no access without the right to see the
    check.
    """
    return f"{secrets.randbelow(10**8):08}"


def new_device_code() -> str:
    """Return eight digits for the enrolment of a PC, typed with a remote control. The code works once, for some minutes."""
    return f"{secrets.randbelow(10**8):08}"


def new_bytes(count: int) -> bytes:
    """Return random bytes for nonces and for the keys of second factors."""
    return secrets.token_bytes(count)


def new_recovery_code() -> str:
    """Return 79 random bits as letters and digits that users do not confuse, in groups of four."""
    letters = [secrets.choice(CLEAR_LETTERS) for _ in range(16)]
    return "-".join("".join(letters[at : at + 4]) for at in range(0, 16, 4))
