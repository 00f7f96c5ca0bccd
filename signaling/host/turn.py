"""Credentials for a TURN server, made from a secret that the TURN server shares with us. The TURN server keeps no users.

The form comes from draft-uberti-behave-turn-rest ("REST API for access to TURN services"), as in coturn with `use-auth-secret`.
The name begins with the second at which it expires. The password is the HMAC-SHA1 of the name.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

SCHEMES = ("turn:", "turns:")


@dataclass(frozen=True)
class Turn:
    """A set of TURN addresses that share one secret."""

    urls: Sequence[str]
    secret: str
    ttl_s: int
    """Life of the credentials in seconds. The TURN server checks them again when an allocation is renewed, so they must live as
    long as the call.
    """

    def credentials(self, name: str, now: float) -> tuple[str, str]:
        """Return (user, password) for `name`; the TURN server logs the user."""
        user = f"{int(now) + self.ttl_s}:{name}"
        digest = hmac.new(self.secret.encode(), user.encode(), hashlib.sha1).digest()
        return user, base64.b64encode(digest).decode()
