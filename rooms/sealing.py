"""Encryption of secrets that the server must read again (TOTP keys, webhook secrets), with the key of the installation.

The cipher is AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits. The purpose of the secret is authenticated data, so
a sealed value that was copied into another row cannot be opened. This module does not own the key: the start of the program
reads the key from a private file.
"""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC

from rooms.identifiers import new_bytes

KEY_BYTES = 32
NONCE_BYTES = 12
SEALED_CHARACTERS = 8192
PREFIX = "1."
"""The version of the sealing method."""


class SealBroken(Exception):
    """The sealed value cannot be opened: the installation has another key, or the row was changed."""


class Seal:
    """An object that seals and opens texts. `key` has 32 bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError("a sealing key must have 32 bytes")
        self._cipher = AESGCM(key)
        self._key = key

    def seal(self, text: str, about: str) -> str:
        """Seal a text. `about` names its place: `totp:ACCOUNT`. The result is base64url: 1.4 times as long, plus about 40
        characters.
        """
        nonce = new_bytes(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), about.encode())
        return PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def open(self, sealed: str, about: str) -> str:
        """Open a sealed text. Raise SealBroken."""
        if not sealed.startswith(PREFIX) or len(sealed) > SEALED_CHARACTERS:
            raise SealBroken
        try:
            body = sealed.removeprefix(PREFIX)
            content = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
            return self._cipher.decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], about.encode()).decode()
        except (binascii.Error, InvalidTag, ValueError) as error:
            raise SealBroken from error

    def mark(self, text: str) -> str:
        """Return the HMAC-SHA-256 of `text` in hexadecimal. It proves that this installation wrote the text. Compare it in
        constant time.
        """
        stamp = HMAC(self._key, hashes.SHA256())
        stamp.update(b"mark:" + text.encode())
        return stamp.finalize().hex()
