"""The numbers of conferences, and the secret in an invitation link.

The secret of a number is its HMAC, so nothing has to be stored. A link is valid while the API secret stays the same. The secret
is in the fragment of the link, which browsers neither send nor log.
"""

import base64
import hashlib
import hmac
import string
from collections.abc import Callable

NUMBER = r"[A-Za-z0-9_-]{1,64}"
"""The pattern of a number in an address."""
SECRET_BYTES = 16
"""Bytes of the secret in a link (a shortened HMAC-SHA256). Chosen: 128 bits cannot be guessed. Longer: longer links. Shorter:
links are easier to guess.
"""
CHAIR_CODE_DIGITS = 6
"""Digits of a chair code. Chosen: easy to type on a remote control. More: harder to type. Fewer: easier to guess, also with the
bound of wrong codes (`conference.ground.limits.CHAIR_CODE_TRIES`).
"""
_LETTERS = string.ascii_lowercase


class Invitations:
    """The seals of numbers, made with the server's secret."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"diemcau invitation 1", hashlib.sha256)
        self._chair_key = hmac.digest(secret.encode(), b"diemcau chair 1", hashlib.sha256)
        self._host_key = hmac.digest(secret.encode(), b"diemcau moderator 1", hashlib.sha256)

    def seal(self, number: str) -> str:
        """Return the secret of the link: 22 characters of base64url, 128 bits."""
        return _sealed(self._key, number)

    def seal_host(self, number: str) -> str:
        """Return the host's secret, for the user who opened the meeting. A host decides who may enter. The invitation link
        never has it.
        """
        return _sealed(self._host_key, number)

    def hosts(self, number: str, secret: str) -> bool:
        return hmac.compare_digest(self.seal_host(number).encode(), secret.encode())

    def chair_code(self, number: str) -> str:
        """Return the digits by which a hall takes the chair of this meeting with its keypad. Hosts read them at the desk."""
        value = int.from_bytes(hmac.digest(self._chair_key, number.encode(), hashlib.sha256)[:8], "big")
        return f"{value % 10**CHAIR_CODE_DIGITS:0{CHAIR_CODE_DIGITS}d}"

    def opens(self, number: str, secret: str) -> bool:
        return hmac.compare_digest(self.seal(number).encode(), secret.encode())

    def link(self, base: str, number: str) -> str:
        """Return the link. `base` has no slash at its end."""
        return f"{base}/m/{number}#k={self.seal(number)}"


def _sealed(key: bytes, number: str) -> str:
    code = hmac.digest(key, number.encode(), hashlib.sha256)[:SECRET_BYTES]
    return base64.urlsafe_b64encode(code).rstrip(b"=").decode()


def new_number(random_bytes: Callable[[int], bytes]) -> str:
    """Return a new number like `abc-defg-hij`, which can be read out over the telephone. There are 26**10, so guessing finds no
    meeting.
    """
    value = int.from_bytes(random_bytes(16), "big")
    letters = "".join(_LETTERS[value // 26**place % 26] for place in range(10))
    return f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"
