"""Which OpenSSL may stand below DTLS: the one inside the `cryptography` package, whose own version does not tell it.

Owns the numbers; `doctor` shows them, the start of the server refuses what `is_refused` names. Sources: the CVE records.
"""

from __future__ import annotations

import re

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


def is_refused(text: str) -> bool:
    """Only what is known to have the hole: a library of another name, or one before its release, is for the operator to judge."""
    version = _version_of(text)
    if version is None:
        return False
    floor = REFUSED_BELOW.get(version[:2])
    return version < floor if floor else version < (4, 1, 0)


def least_mended(text: str) -> str:
    """The version that has every mend; empty: this one has."""
    version = _version_of(text)
    if version is None:
        return ".".join(map(str, max(MENDED_FROM.values())))
    floor = MENDED_FROM.get(version[:2], version if version >= (4, 1, 0) else (3, 5, 10))
    return "" if version >= floor else ".".join(map(str, floor))


def _version_of(text: str) -> Version | None:
    """None: it is no release of OpenSSL."""
    found = re.match(r"OpenSSL (\d{1,3})\.(\d{1,3})\.(\d{1,3})(?: |$)", text)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))
