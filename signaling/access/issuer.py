"""The issuer of single sign-on: its discovery document, its keys, its token endpoint, and the check of its ID tokens.

The module follows OpenID Connect Core 1.0 and Discovery 1.0, code flow with PKCE (RFC 7636). Each answer has a limit of size
and time. Redirects are not followed. Every issuer except one on loopback (tests, a proxy) must use TLS.
"""

from __future__ import annotations

import functools
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlsplit

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from rooms.accounts.federation import Identity
from signaling.access import limits
from signaling.access.access import Issuer

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
"""Asymmetric algorithms only: the keys that all can read must not sign."""
SCOPE = "openid profile email"
SECOND_FACTORS = frozenset({"mfa", "otp", "hwk", "sc", "fpt", "face"})
"""Values of `amr` (RFC 8176) that prove more than a password."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class IssuerBroken(Exception):
    """The issuer does not answer, or not as the standard says. The message is for the log: it holds no token, code or secret."""


class Provider:
    """An issuer. Its published data are kept for an hour."""

    def __init__(self, settings: Issuer) -> None:
        self.settings = settings
        self._found: Mapping[str, Any] = {}
        self._keys: KeySet | None = None
        self._read_at = float("-inf")

    async def authorization_url(self, redirect: str, state: str, nonce: str, verifier: str, now: datetime) -> str:
        """Return the address to which the browser must go. Raises IssuerBroken."""
        found = await self._discovered(now)
        async with self._client(redirect) as client:
            url, _ = client.create_authorization_url(
                found["authorization_endpoint"], state=state, code_verifier=verifier, nonce=nonce
            )
        return str(url)

    async def identity(self, redirect: str, code: str, nonce: str, verifier: str, now: datetime) -> Identity:
        """Return the identity of the user that came back with `code`. Raises IssuerBroken."""
        found = await self._discovered(now)
        try:
            async with self._client(redirect) as client:
                token = await client.fetch_token(
                    found["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=verifier
                )
        except (httpx2.HTTPError, AuthlibBaseError, ValueError, UnicodeError) as error:
            raise IssuerBroken(f"the issuer did not accept the code: {type(error).__name__}") from error
        written = token.get("id_token")
        if not isinstance(written, str) or len(written) > limits.ID_TOKEN_BYTES:
            raise IssuerBroken("no ID token came with the code")
        return _identity(self.settings, await self._verified(written, nonce, now))

    async def _verified(self, written: str, nonce: str, now: datetime) -> Mapping[str, Any]:
        """Return the claims of a token that this issuer signed for us and for this flow. If the key is unknown, the keys are
        read again once.
        """
        keys = await self._key_set(now)
        try:
            return _claims(self.settings, written, keys, nonce, now)
        except _KeyUnknown:
            self._keys = None
        try:
            return _claims(self.settings, written, await self._key_set(now), nonce, now)
        except _KeyUnknown as error:
            raise IssuerBroken("the ID token is signed by a key that the issuer does not publish") from error

    async def _discovered(self, now: datetime) -> Mapping[str, Any]:
        at = now.timestamp()
        if self._found and 0 <= at - self._read_at < limits.ISSUER_REMEMBERED_S:
            return self._found
        found = await self._json(self.settings.url.rstrip("/") + "/.well-known/openid-configuration")
        if found.get("issuer") != self.settings.url:
            raise IssuerBroken("the discovery document belongs to another issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not _is_trusted(found.get(name)):
                raise IssuerBroken(f"{name} is missing or not https")
        self._found, self._keys, self._read_at = found, None, at
        return found

    async def _key_set(self, now: datetime) -> KeySet:
        if self._keys is None:
            found = await self._discovered(now)
            published = await self._json(found["jwks_uri"])
            keys = published.get("keys")
            usable = [one for one in keys if _is_for_signing(one)] if isinstance(keys, list) else []
            try:
                self._keys = KeySet.import_key_set({"keys": usable})
            except (JoseError, ValueError, TypeError, KeyError) as error:
                raise IssuerBroken("the issuer publishes no key that can be used") from error
        return self._keys

    async def _json(self, url: str) -> Mapping[str, Any]:
        if not _is_trusted(url):
            raise IssuerBroken("the address of the issuer must be https")
        try:
            async with self._client("") as client:
                answer = await client.request("GET", url, withhold_token=True)
                content = json.loads(answer.content) if answer.status_code == 200 else None
        except (httpx2.HTTPError, ValueError, UnicodeError, RecursionError) as error:
            raise IssuerBroken(f"no answer: {type(error).__name__}") from error
        if not isinstance(content, dict):
            raise IssuerBroken(f"status {answer.status_code}, or no JSON object")
        return content

    def _client(self, redirect: str) -> AsyncOAuth2Client:
        settings = self.settings
        return AsyncOAuth2Client(
            settings.client_id,
            quote_plus(settings.client_secret) or None,  # RFC 6749 section 2.3.1; the library does not quote
            token_endpoint_auth_method="client_secret_basic" if settings.client_secret else "none",
            scope=SCOPE,
            redirect_uri=redirect,
            code_challenge_method="S256",
            transport=_Bounded(_trust(settings.authority)),
            timeout=limits.ISSUER_S,
            follow_redirects=False,
            trust_env=False,
            headers={"accept-encoding": "identity", "accept": "application/json"},
        )


def _trust(authority: str) -> ssl.SSLContext:
    """Return the authorities that sign the issuer's certificate. A replaced file of the setting is read again. The authorities of
    the system are read once.
    """
    return _read(authority, Path(authority).stat().st_mtime_ns if authority else 0)


@functools.lru_cache(maxsize=4)
def _read(authority: str, _modified_ns: int) -> ssl.SSLContext:
    """Read the authorities. The reading takes 25 ms, in which no call is served."""
    return ssl.create_default_context(cafile=authority or None)


class _Bounded(httpx2.AsyncHTTPTransport):
    """A transport that stops reading at the limit and refuses compressed answers."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(verify=context, trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await super().handle_async_request(request)
        if answer.headers.get("content-encoding", "identity") != "identity":
            await answer.aclose()
            raise httpx2.DecodingError("packed", request=request)
        assert isinstance(answer.stream, httpx2.AsyncByteStream)
        answer.stream = _BoundedStream(answer.stream, request)
        return answer


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, request: httpx2.Request) -> None:
        self._stream = stream
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = limits.ISSUER_BYTES
        async for piece in self._stream:
            left -= len(piece)
            if left < 0:
                raise httpx2.ReadError("the answer is too long", request=self._request)
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


class _KeyUnknown(Exception):
    pass


def _claims(settings: Issuer, written: str, keys: KeySet, nonce: str, now: datetime) -> Mapping[str, Any]:
    """Return the checked claims (Core 1.0 section 3.1.3.7). Raises IssuerBroken, or _KeyUnknown if new keys may help."""
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=limits.LEEWAY_S,
        iss={"essential": True, "value": settings.url},
        aud={"essential": True, "value": settings.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        token = jwt.decode(written, keys, algorithms=ALGORITHMS)
    except (JoseError, ValueError, TypeError) as error:
        raise _KeyUnknown from error
    claims = token.claims
    try:
        registry.validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise IssuerBroken(f"the ID token is not valid: {error}") from error
    audience, party = claims["aud"], claims.get("azp")
    if (isinstance(audience, list) and len(audience) > 1 and party is None) or party not in (None, settings.client_id):
        raise IssuerBroken("the ID token was made for another client")
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
        raise IssuerBroken("the ID token names no user")
    return claims


def _identity(settings: Issuer, claims: Mapping[str, Any]) -> Identity:
    def text(name: str) -> str:
        value = claims.get(name)
        return value[:300] if isinstance(value, str) else ""

    methods = claims.get("amr")
    strong = isinstance(methods, list) and any(one in SECOND_FACTORS for one in methods if isinstance(one, str))
    mail = text("email") if claims.get("email_verified") is True else ""
    return Identity(settings.url, claims["sub"], text("preferred_username"), text("name"), mail, strong)


def _is_trusted(url: object) -> bool:
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def _is_for_signing(key: object) -> bool:
    return isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"
