"""Files that a passphrase opens, in the age format (https://age-encryption.org/v1), with little work for the computer.

The product's library makes a passphrase take a second of work. A file may state less work, and every reader of the
format must accept this.
"""

from __future__ import annotations

import base64
import hashlib
import os

from cryptography.hazmat.primitives import hmac
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

WORK = 10
"""The binary logarithm of scrypt's N. One passphrase takes a few milliseconds."""


def sealed(content: bytes, words: str) -> bytes:
    """Return the file with this content, which must fit into one chunk of 64 KiB."""
    key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    wrapping = hashlib.scrypt(
        words.encode(), salt=b"age-encryption.org/v1/scrypt" + salt, n=2**WORK, r=8, p=1, dklen=32
    )
    body = ChaCha20Poly1305(wrapping).encrypt(bytes(12), key, None)
    header = f"age-encryption.org/v1\n-> scrypt {_text(salt)} {WORK}\n{_text(body)}\n---".encode()
    stamp = hmac.HMAC(_derived(key, b"", b"header"), SHA256())
    stamp.update(header)
    last_chunk = bytes(11) + b"\x01"
    chunk = ChaCha20Poly1305(_derived(key, nonce, b"payload")).encrypt(last_chunk, content, None)
    return header + f" {_text(stamp.finalize())}\n".encode() + nonce + chunk


def _derived(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, purpose).derive(key)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode().rstrip("=")
