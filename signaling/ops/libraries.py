"""The versions of OpenSSL that are safe for DTLS. The `cryptography` package contains OpenSSL, but its own version does not
show it.

This module owns the version numbers. `doctor` shows them, and the server does not start with a version that `is_refused` names.
Sources: the CVE records.
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
"""CVE-2026-75806: one short datagram ends an association. CVE-2026-84782: a repeated datagram also ends it. None of our checks
runs before the library reads a datagram. Other branches before 4.1 get no more fixes.
"""
MENDED_FROM: dict[tuple[int, int], Version] = {
    (3, 0): (3, 0, 24),
    (3, 5): (3, 5, 10),
    (4, 0): (4, 0, 4),
    (4, 1): (4, 1, 1),
}
"""CVE-2026-95690: memory for messages that claim to be long. `limits.HANDSHAKE_MESSAGE_BYTES` of `media` also limits it."""


def openssl() -> str:
    """Return the version text of the library."""
    return backend.openssl_version_text()


def is_refused(text: str) -> bool:
    """Report whether the server must not start with this version (see `REFUSED_BELOW`).

    Return False for a library with another name, or a version before its release; the operator must judge those.
    """
    version = _version_of(text)
    if version is None:
        return False
    floor = REFUSED_BELOW.get(version[:2])
    return version < floor if floor else version < (4, 1, 0)


def least_mended(text: str) -> str:
    """Return the lowest version of the same branch that has every fix, or a later branch's if the branch gets none. Empty: this
    version has every fix.
    """
    version = _version_of(text)
    if version is None:
        return ".".join(map(str, max(MENDED_FROM.values())))
    floor = MENDED_FROM.get(version[:2], version if version >= (4, 1, 0) else (3, 5, 10))
    return "" if version >= floor else ".".join(map(str, floor))


def _version_of(text: str) -> Version | None:
    """Return the version, or None if the text is no release of OpenSSL."""
    found = re.match(r"OpenSSL (\d{1,3})\.(\d{1,3})\.(\d{1,3})(?: |$)", text)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))
