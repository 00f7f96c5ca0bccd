"""The cookies: the session of a user, the mark of a browser that signed in before, and a sign-in through another server.

`__Host-` (RFC 6265bis section 4.1.3.2) binds the cookies to this host and to TLS. Plain HTTP exists only for `dev` on the
loopback address, where browsers treat Secure differently. There the cookies have other names and lack Secure.
"""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest

from starlette.requests import HTTPConnection
from starlette.responses import Response

from rooms.accounts import limits as accounts
from rooms.identifiers import digest, new_secret
from rooms.sealing import Seal
from signaling.access import limits


@dataclass(frozen=True)
class Cookies:
    """`secure`: browsers reach this server by TLS, directly or through a proxy."""

    secure: bool
    seal: Seal

    @property
    def session(self) -> str:
        return "__Host-diemcau" if self.secure else "diemcau-local"

    @property
    def device(self) -> str:
        return "__Host-diemcau-device" if self.secure else "diemcau-local-device"

    @property
    def flow(self) -> str:
        return "__Host-diemcau-flow" if self.secure else "diemcau-local-flow"

    def secret(self, request: HTTPConnection) -> str | None:
        """Return the secret of the session; None without a session."""
        value = request.cookies.get(self.session, "")
        return value if 0 < len(value) <= limits.COOKIE_BYTES else None

    def sign_in(self, response: Response, secret: str, name: str) -> None:
        """Set the session's cookie, and remember this browser for the account with that name."""
        self._set(response, self.session, secret, int(accounts.SESSION_LIFE.total_seconds()))
        nonce = new_secret()
        self._set(response, self.device, f"{nonce}.{self._mark(nonce, name)}", limits.DEVICE_S)

    def renew(self, response: Response, secret: str) -> None:
        self._set(response, self.session, secret, int(accounts.SESSION_LIFE.total_seconds()))

    def sign_out(self, response: Response) -> None:
        response.delete_cookie(self.session, path="/", secure=self.secure, httponly=True, samesite="lax")

    def known(self, request: HTTPConnection, name: str) -> str | None:
        """Return a digest that identifies this browser if this account signed in here before. Return None for other browsers."""
        nonce, _, mark = request.cookies.get(self.device, "")[: limits.COOKIE_BYTES].partition(".")
        if not nonce or not compare_digest(mark.encode(), self._mark(nonce, name).encode()):
            return None
        return digest(nonce)

    def set_flow(self, response: Response, content: str) -> None:
        self._set(response, self.flow, self.seal.seal(content, "flow"), int(limits.FLOW_S))

    def flow_of(self, request: HTTPConnection) -> str:
        """Return the content that `set_flow` wrote. Raises SealBroken."""
        return self.seal.open(request.cookies.get(self.flow, ""), "flow")

    def end_flow(self, response: Response) -> None:
        response.delete_cookie(self.flow, path="/", secure=self.secure, httponly=True, samesite="lax")

    def _mark(self, nonce: str, name: str) -> str:
        return self.seal.mark(f"device:{name.strip().lower()}:{nonce}")

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(name, value, max_age=seconds, path="/", secure=self.secure, httponly=True, samesite="lax")
