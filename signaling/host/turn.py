"""Credentials for a TURN server, made from a secret that it shares with us, so that it knows no users.

The form is that of the "REST API for access to TURN services" (draft-uberti-behave-turn-rest), as coturn has it with
`use-auth-secret`: the name begins with the second at which it ends, the password is its HMAC-SHA1.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

SCHEMES = ("turn:", "turns:")


@dataclass(frozen=True)
class Turn:
    """One set of addresses with one secret."""

    urls: Sequence[str]
    secret: str
    ttl_s: int
    """As long as the longest meeting: the server asks again whenever an allocation is renewed."""

    def credentials(self, name: str, now: float) -> tuple[str, str]:
        """(user, password) for `name`, which stands in the logs of the TURN server."""
        user = f"{int(now) + self.ttl_s}:{name}"
        digest = hmac.new(self.secret.encode(), user.encode(), hashlib.sha1).digest()
        return user, base64.b64encode(digest).decode()
