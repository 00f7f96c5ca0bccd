"""A single sign-on server in its own process (OpenID Connect, code flow with PKCE). It signs real tokens with real keys.

Each browser that opens /authorize is signed in at once, as the last call of /behave configured. The server checks the client's
secret, the redirect address, the code verifier, and that each code is used only once. A call of /behave makes the server do one
thing wrong.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import secrets
import sys
import time
from typing import Any
from urllib.parse import unquote_plus, urlencode

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "diemcau", "bí mật của máy khách"
PERSON = {"sub": "u-1", "preferred_username": "lan.vp", "name": "Trần Thị Lan", "email": "lan@x.vn"}


class Server:
    """The state of the server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.codes: dict[str, dict[str, str]] = {}
        self.behaviour: dict[str, Any] = {}
        self.rotate()

    def rotate(self) -> None:
        self.rsa = rsa.generate_private_key(65537, 2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        self.kid = secrets.token_hex(4)

    def person(self) -> dict[str, Any]:
        return PERSON | self.behaviour.get("person", {})

    def is_wrong(self, what: str) -> bool:
        return bool(self.behaviour.get("wrong") == what)

    async def behave(self, request: Request) -> Response:
        self.behaviour = await request.json()
        if self.behaviour.get("rotate"):
            self.rotate()
        return JSONResponse({})

    async def discovery(self, _request: Request) -> Response:
        found = {
            "issuer": self.url + ("/other" if self.is_wrong("discovery_issuer") else ""),
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": "http://10.255.255.1/jwks" if self.is_wrong("jwks_elsewhere") else f"{self.url}/jwks",
        }
        if self.is_wrong("redirected"):
            return RedirectResponse(f"{self.url}/jwks")
        if self.is_wrong("endless"):
            return JSONResponse(found | {"padding": "x" * 1_000_000})
        if self.is_wrong("packed"):
            packed = gzip.compress(json.dumps(found).encode())
            return Response(packed, headers={"content-encoding": "gzip"}, media_type="application/json")
        if self.is_wrong("no_json"):
            return Response(b"[" * 200_000)
        if self.is_wrong("status"):
            return JSONResponse(found, 500)
        return JSONResponse(found)

    async def jwks(self, _request: Request) -> Response:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.rsa.public_key()))
        curve = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.ec.public_key()))
        keys = [
            {"kty": "PQC", "kid": "future"},
            public | {"kid": f"{self.kid}r", "use": "sig", "alg": "RS256"},
            curve | {"kid": f"{self.kid}e", "use": "sig", "alg": "ES256"},
            {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "shared"},
        ]
        return JSONResponse({"keys": [] if self.is_wrong("no_keys") else keys})

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if asked.get("client_id") != CLIENT or asked.get("code_challenge_method") != "S256" or not asked.get("nonce"):
            return JSONResponse({"error": "invalid_request"}, 400)
        if self.is_wrong("denied"):
            return RedirectResponse(
                f"{asked['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': asked['state']})}"
            )
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.url + ("/x" if self.is_wrong("mixed_up") else "")}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}")

    async def token(self, request: Request) -> Response:
        given = await request.form()
        asked = self.codes.pop(str(given.get("code")), None)
        challenge = hashlib.sha256(str(given.get("code_verifier")).encode()).digest()
        if (
            asked is None
            or asked["redirect_uri"] != given.get("redirect_uri")
            or asked["code_challenge"] != base64.urlsafe_b64encode(challenge).decode().rstrip("=")
            or not self._is_client(request)
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        answer = {"access_token": secrets.token_hex(8), "token_type": "Bearer", "expires_in": 60}
        if not self.is_wrong("no_id_token"):
            answer["id_token"] = self._id_token(asked["nonce"])
        return JSONResponse(answer)

    def _is_client(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "basic" and unquote_plus(base64.b64decode(given).decode()) == f"{CLIENT}:{SECRET}"

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce} | self.person()
        claims |= self.behaviour.get("claims", {})
        for name in self.behaviour.get("without", ()):
            del claims[name]
        if "late_s" in self.behaviour:
            claims["exp"] = now - self.behaviour["late_s"]
        return self._signed(claims)

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.is_wrong("unsigned"):
            return jwt.encode(claims, "", algorithm="none")
        if self.is_wrong("public_key_as_secret"):
            # HS256 with the RSA public key as its secret. PyJWT refuses to sign this token, so `_by_hand` does it.
            public = self.rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            return _by_hand({"alg": "HS256", "kid": f"{self.kid}r"}, claims, public)
        if self.is_wrong("shared_key"):
            return _by_hand({"alg": "HS256", "kid": "shared"}, claims, b"secretsecretsecretsecret")
        if self.is_wrong("foreign_key"):
            other = rsa.generate_private_key(65537, 2048)
            return jwt.encode(claims, other, algorithm="RS256", headers={"kid": f"{self.kid}r"})
        if self.is_wrong("own_key_inside"):
            other = rsa.generate_private_key(65537, 2048)
            inside = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(other.public_key()))
            return jwt.encode(claims, other, algorithm="RS256", headers={"jwk": inside})
        if self.is_wrong("damaged"):
            written = jwt.encode(claims, self.rsa, algorithm="RS256", headers={"kid": f"{self.kid}r"})
            head, body, stamp = written.split(".")
            return f"{head}.{body[:-2]}AA.{stamp}"
        if self.behaviour.get("algorithm") == "ES256":
            return jwt.encode(claims, self.ec, algorithm="ES256", headers={"kid": f"{self.kid}e"})
        return jwt.encode(claims, self.rsa, algorithm="RS256", headers={"kid": f"{self.kid}r"})


def _by_hand(header: dict[str, str], claims: dict[str, Any], key: bytes) -> str:
    import hmac

    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in (header, claims)]
    stamp = hmac.new(key, ".".join(parts).encode(), "sha256").digest()
    return ".".join([*parts, base64.urlsafe_b64encode(stamp).decode().rstrip("=")])


def main(port: int) -> None:
    """Serve on the loopback address until the process is stopped."""
    server = Server(f"http://127.0.0.1:{port}")
    routes = [
        Route("/.well-known/openid-configuration", server.discovery),
        Route("/authorize", server.authorize),
        Route("/token", server.token, methods=["POST"]),
        Route("/jwks", server.jwks),
        Route("/behave", server.behave, methods=["POST"]),
    ]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="error")


if __name__ == "__main__":
    main(int(sys.argv[1]))
