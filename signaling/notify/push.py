"""Web Push: a push without content wakes a browser, whose service worker then says "Có việc mới".

The push service of the browser's maker carries the push (RFC 8030). It learns when a user has news, and nothing else. This
server signs each push with its own key (VAPID, RFC 8292). The addresses come from browsers, so pushes go through the guard of
webhook targets.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rooms.notices import pushes
from rooms.sealing import Seal
from rooms.store.database import Database
from signaling.notify import limits, posting, targets
from signaling.notify.worker import GiveUp, Later

GONE: Final = (403, 404, 410)
"""The subscription ended, or belongs to another key of this server (RFC 8030 section 7.3, RFC 8292 section 4.2)."""
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order of the curve P-256 (SEC 2, section 2.4.2)."""


class PushKey:
    """The key by which push services know this server. It comes from the key of the installation, so a backup holds it."""

    def __init__(self, key: bytes, contact: str) -> None:
        """`contact`: a `mailto:` or `https:` address of the operator, for the push services (RFC 8292 section 2.1)."""
        seed = int.from_bytes(hmac.digest(key, b"diemcau web push 1", hashlib.sha512))
        self._private = ec.derive_private_key(seed % (_ORDER - 1) + 1, ec.SECP256R1())
        self._contact = contact
        point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public = base64.urlsafe_b64encode(point).rstrip(b"=").decode()
        """The public key as browsers want it (`applicationServerKey`)."""

    def header(self, endpoint: str, now: datetime) -> str:
        """Return the header `Authorization` for one push."""
        parts = urlsplit(endpoint)
        ends = now + timedelta(seconds=limits.PUSH_TOKEN_S)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(ends.timestamp()), "sub": self._contact}
        return f"vapid t={jwt.encode(claims, self._private, algorithm='ES256')}, k={self.public}"


class Pusher:
    """The handler of the jobs `push.deliver`. `key` None: pushes are off, and jobs do nothing."""

    def __init__(
        self,
        database: Database,
        seal: Seal,
        key: PushKey | None,
        private_ranges: Sequence[str] = (),
        lookup: targets.Lookup = targets.system_lookup,
    ) -> None:
        self._database = database
        self._seal = seal
        self._key = key
        self._allowed = [ipaddress.ip_network(one) for one in private_ranges]
        self._lookup = lookup

    async def deliver(self, payload: dict[str, Any], now: datetime) -> None:
        digest = str(payload["digest"])
        late = now - datetime.fromisoformat(payload["at"]) > timedelta(seconds=limits.PUSH_LATE_S)
        if self._key is None or late:
            return
        endpoint = await self._database.transact(lambda s: pushes.endpoint_of(s, self._seal, digest))
        if not endpoint:
            return
        headers = {
            "authorization": self._key.header(endpoint, now),
            "ttl": str(limits.PUSH_TTL_S),
            "topic": "notices",
            "content-length": "0",
        }
        status, error = await posting.post(endpoint, headers, b"", self._allowed, self._lookup)
        if status in GONE:
            await self._database.transact(lambda s: pushes.remove(s, digest))
        elif not 200 <= status < 300:
            why = error or f"status {status}"
            if status == 429 or status >= 500 or (status == 0 and not error.startswith("refused")):
                raise Later(why, limits.PUSH_RETRY_S)
            raise GiveUp(why)
