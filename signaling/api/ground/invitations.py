"""Conference numbers and the secret in an invitation link.

The secret of a number is an HMAC of it, so that nothing has to be stored: a link stays valid as long as the API secret does.
It travels in the fragment of the link, which browsers never send nor log.
"""

import base64
import hashlib
import hmac
import re
import string
from collections.abc import Callable

NUMBER = re.compile(r"[A-Za-z0-9_-]{1,64}")
SECRET_BYTES = 16
_LETTERS = string.ascii_lowercase


class Invitations:
    """Seals numbers with the server's secret."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"diemcau invitation 1", hashlib.sha256)
        self._host_key = hmac.digest(secret.encode(), b"diemcau moderator 1", hashlib.sha256)

    def seal(self, number: str) -> str:
        """22 characters of base64url: 128 bits."""
        return _sealed(self._key, number)

    def seal_host(self, number: str) -> str:
        """Of whoever opened the meeting: with it he decides who comes in. Never a part of the link that is passed on."""
        return _sealed(self._host_key, number)

    def hosts(self, number: str, secret: str) -> bool:
        return hmac.compare_digest(self.seal_host(number).encode(), secret.encode())

    def opens(self, number: str, secret: str) -> bool:
        return hmac.compare_digest(self.seal(number).encode(), secret.encode())

    def link(self, base: str, number: str) -> str:
        """`base` without a slash at its end."""
        return f"{base}/m/{number}#k={self.seal(number)}"


def _sealed(key: bytes, number: str) -> str:
    code = hmac.digest(key, number.encode(), hashlib.sha256)[:SECRET_BYTES]
    return base64.urlsafe_b64encode(code).rstrip(b"=").decode()


def new_number(random_bytes: Callable[[int], bytes]) -> str:
    """Like `abc-defg-hij`: to be read out over the telephone. One of 26**10: nobody hits a meeting by trying."""
    value = int.from_bytes(random_bytes(16), "big")
    letters = "".join(_LETTERS[value // 26**place % 26] for place in range(10))
    return f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"
