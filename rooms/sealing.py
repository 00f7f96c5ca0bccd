"""Secrets that have to be read again (TOTP keys, webhook secrets), sealed with the key of the installation.

AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits; what the secret is about is bound to it, so that a sealed value
copied into another row does not open. Does not own the key: whoever starts the program reads it from a private file.
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
"""Which way of sealing."""


class SealBroken(Exception):
    """The key of the installation is another one, or the row was tampered with."""


class Seal:
    """Seals and opens; `key` has 32 bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError("a sealing key has 32 bytes")
        self._cipher = AESGCM(key)
        self._key = key

    def seal(self, text: str, about: str) -> str:
        """`about` names the place: `totp:ACCOUNT`. Base64url, about 1.4 times as long plus 40 characters."""
        nonce = new_bytes(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, text.encode(), about.encode())
        return PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def open(self, sealed: str, about: str) -> str:
        """Raises SealBroken."""
        if not sealed.startswith(PREFIX) or len(sealed) > SEALED_CHARACTERS:
            raise SealBroken
        try:
            body = sealed.removeprefix(PREFIX)
            content = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
            return self._cipher.decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], about.encode()).decode()
        except (binascii.Error, InvalidTag, ValueError) as error:
            raise SealBroken from error

    def mark(self, text: str) -> str:
        """HMAC-SHA-256 of `text` in hexadecimal: this installation wrote it. Compare in constant time."""
        stamp = HMAC(self._key, hashes.SHA256())
        stamp.update(b"mark:" + text.encode())
        return stamp.finalize().hex()
