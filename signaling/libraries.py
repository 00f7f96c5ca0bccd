"""Which OpenSSL may stand below DTLS: the one inside the `cryptography` package, whose own version does not tell it.

Owns the numbers; `doctor` shows them, the start of the server refuses what `is_refused` names. Sources: the CVE records.
"""

from __future__ import annotations

from cryptography.hazmat.backends.openssl.backend import backend

Version = tuple[int, int, int]

REFUSED_BELOW: dict[tuple[int, int], Version] = {
    (3, 0): (3, 0, 23),
    (3, 4): (3, 4, 8),
    (3, 5): (3, 5, 9),
    (3, 6): (3, 6, 5),
    (4, 0): (4, 0, 3),
}
"""CVE-2026-75806: one short datagram ends an association. CVE-2026-84782: so does a repeated one. Nothing of ours stands
before the library there. Other branches before 4.1 get no mends any more.
"""
MENDED_FROM: dict[tuple[int, int], Version] = {
    (3, 0): (3, 0, 24),
    (3, 5): (3, 5, 10),
    (4, 0): (4, 0, 4),
    (4, 1): (4, 1, 1),
}
"""CVE-2026-95690: memory for messages that claim to be long. `limits.HANDSHAKE_MESSAGE_BYTES` of `media` bounds it too."""


def openssl() -> str:
    """As the library names itself."""
    return backend.openssl_version_text()


def version_of(text: str) -> Version:
    major, minor, patch = (int(part) for part in text.split()[1].split("-")[0].split("."))
    return major, minor, patch


def is_refused(text: str) -> bool:
    version = version_of(text)
    floor = REFUSED_BELOW.get(version[:2])
    return version < floor if floor else version < (4, 1, 0)


def least_mended(text: str) -> str:
    """The version that has every mend; empty: this one has."""
    version = version_of(text)
    floor = MENDED_FROM.get(version[:2], version if version >= (4, 1, 0) else (3, 5, 10))
    return "" if version >= floor else ".".join(map(str, floor))
