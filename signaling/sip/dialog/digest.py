"""Digest authentication, RFC 3261 section 22 with RFC 8760. The server side challenges and checks, the client side answers.

A challenge has one algorithm, because terminals fail when MD5 and SHA-256 are both offered. A nonce is `time-random-HMAC(time,
random, source)`, so no challenge is stored. Only the counts of nonces in right proofs are stored.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Literal

from signaling.sip.ground import limits
from signaling.sip.wire.fields import Malformed, bad, quote, read_uri, unquote_string
from signaling.sip.wire.message import Message, Request

Algorithm = Literal["MD5", "SHA-256"]
_HASHES: Final[Mapping[str, Callable[[bytes], str]]] = {
    # Terminals use MD5. Nothing but the digest depends on it.
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}
_PAIR: Final = re.compile(r'[ \t]*([A-Za-z0-9_\-]{1,64})[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^\s",]+)[ \t]*(?:,|\Z)', re.S)
_COUNT: Final = re.compile(r"[0-9a-fA-F]{8}\Z")


def digest_of(algorithm: Algorithm, *parts: str) -> str:
    """Return the digest of the parts, joined by colons."""
    return _HASHES[algorithm](":".join(parts).encode("utf-8", "surrogateescape"))


def ha1(algorithm: Algorithm, username: str, realm: str, password: str) -> str:
    """Return the value that may be stored instead of a password. For this realm it works like the password."""
    return digest_of(algorithm, username, realm, password)


def read_fields(text: str) -> dict[str, str]:
    """Read `Digest a="b", c=d`. Raises Malformed, also for another scheme."""
    scheme, _, rest = text.partition(" ")
    if scheme.lower() != "digest":
        bad("another scheme")
    found: dict[str, str] = {}
    position = 0
    while position < len(rest):
        match = _PAIR.match(rest, position)
        if not match or match[1].lower() in found or len(found) >= limits.PARAMETERS:
            bad("bad digest fields")
        found[match[1].lower()] = unquote_string(match[2])
        position = match.end()
    return found


@dataclass(frozen=True, slots=True)
class Proof:
    """The fields by which a request proves its sender."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: Algorithm
    qop: str
    count: str
    cnonce: str


def read_proof(text: str) -> Proof:
    """Read an Authorization field. Raises Malformed."""
    found = read_fields(text)
    algorithm = found.get("algorithm", "MD5").upper()
    qop = found.get("qop", "")
    if algorithm not in _HASHES or qop not in {"", "auth"}:
        bad("another algorithm")
    count = found.get("nc", "")
    if qop and not (_COUNT.match(count) and found.get("cnonce")):
        bad("no count")
    names = ("username", "realm", "nonce", "uri", "response")
    if any(name not in found for name in names):
        bad("a digest field is missing")
    known: Algorithm = "SHA-256" if algorithm == "SHA-256" else "MD5"
    username, realm, nonce, uri, response = (found[name] for name in names)
    return Proof(username, realm, nonce, uri, response, known, qop, count, found.get("cnonce", ""))


def expected(proof: Proof, secret: str, method: str) -> str:
    """Return the right `response`. `secret`: HA1."""
    second = digest_of(proof.algorithm, method, proof.uri)
    if not proof.qop:
        return digest_of(proof.algorithm, secret, proof.nonce, second)
    return digest_of(proof.algorithm, secret, proof.nonce, proof.count, proof.cnonce, proof.qop, second)


class Verdict(Enum):
    NONE = auto()
    """There is no usable proof: challenge."""
    STALE = auto()
    """The proof is right, but its nonce is not ours, too old, or used before: challenge again with stale=true."""
    WRONG = auto()
    ELSEWHERE = auto()
    """The proof is right, but signed for another address than the request's (RFC 3261 section 22.4). This is a fault of the
    client, not a guess.
    """
    RIGHT = auto()


class Verifier:
    """The server side."""

    def __init__(self, key: bytes, realm: str, random_bytes: Callable[[int], bytes]) -> None:
        self._key = key
        self.realm = realm
        self._random = random_bytes
        self._counts: OrderedDict[str, int] = OrderedDict()

    def challenge(self, source: str, algorithm: Algorithm, now: float, *, stale: bool = False) -> str:
        """Return a challenge. `now`: seconds of the same clock as in `judge`."""
        algorithm_ = "" if algorithm == "MD5" else f",algorithm={algorithm}"
        flag = ",stale=true" if stale else ""
        realm, nonce = quote(self.realm), self.nonce(source, now)
        return f'Digest realm={realm},nonce="{nonce}",qop="auth"{algorithm_}{flag}'

    def nonce(self, source: str, now: float) -> str:
        head = f"{int(now):x}-{self._random(6).hex()}"
        return f"{head}-{self._sign(head, source)}"

    def judge(
        self, request: Request, secret: str, algorithm: Algorithm, username: str, source: str, now: float
    ) -> Verdict:
        """Judge the proof of a request. `secret` and `username` belong to the account, or to a decoy.

        Every comparison is computed even after one has failed, so that the time reveals nothing. The URI of the proof must mean
        the request's URI.
        """
        texts = request.headers.all("authorization")
        if not texts:
            return Verdict.NONE
        try:
            proof = read_proof(next((text for text in texts if _is_for(text, self.realm)), texts[0]))
        except Malformed:
            return Verdict.NONE
        right = hmac.compare_digest(_bytes(expected(proof, secret, request.method)), _bytes(proof.response.lower()))
        right &= hmac.compare_digest(_bytes(proof.username), _bytes(username))
        right &= (proof.realm, proof.algorithm) == (self.realm, algorithm)
        ours, fresh = self._nonce_state(proof.nonce, source, now)
        if not right:
            # A proof without our nonce may have a forged source address. The sender is challenged, and no failure is counted.
            return Verdict.WRONG if ours else Verdict.NONE
        if not (ours and fresh and self._counted(proof)):
            return Verdict.STALE
        return Verdict.RIGHT if _means(proof.uri, request) else Verdict.ELSEWHERE

    def _nonce_state(self, nonce: str, source: str, now: float) -> tuple[bool, bool]:
        head, _, sign = nonce.rpartition("-")
        ours = hmac.compare_digest(_bytes(self._sign(head, source)), _bytes(sign))
        time, _, _ = head.partition("-")
        made = int(time, 16) if ours else 0
        return ours, 0 <= now - made <= limits.NONCE_S

    def _counted(self, proof: Proof) -> bool:
        """Report whether this count of the nonce is new, and store it. A nonce without qop is valid once."""
        count = int(proof.count, 16) if proof.qop else 1
        last = self._counts.get(proof.nonce, 0)
        if count <= last:
            return False
        self._counts[proof.nonce] = count
        self._counts.move_to_end(proof.nonce)
        if len(self._counts) > limits.NONCE_COUNTS:
            self._counts.popitem(last=False)
        return True

    def _sign(self, head: str, source: str) -> str:
        return hmac.new(self._key, _bytes(f"{head}|{source}"), hashlib.sha256).hexdigest()[:24]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _means(uri: str, request: Request) -> bool:
    """Report whether user and host of the proof's URI are those of the request.

    Terminals write this URI with other parameters, or without the port.
    """
    try:
        read = read_uri(uri)
    except Malformed:
        return False
    return (read.user, read.host) == (request.uri.user, request.uri.host)


def _is_for(text: str, realm: str) -> bool:
    try:
        return read_fields(text).get("realm") == realm
    except Malformed:
        return False


@dataclass(frozen=True, slots=True)
class Credentials:
    """Our credentials at a trunk. They are used only for this realm at this host."""

    username: str
    password: str
    realm: str
    host: str
    """The address or name that was dialled."""

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, realm={self.realm!r}, host={self.host!r})"


class Prover:
    """The client side, for one dialog or registration."""

    def __init__(self, credentials: Credentials, random_bytes: Callable[[int], bytes]) -> None:
        self._credentials = credentials
        self._random = random_bytes
        self._counts: dict[str, int] = {}

    def answer(self, challenged: Message, request: Request, host: str) -> tuple[str, str] | None:
        """Return (field name, value) for the next try of `request`, or None if the challenge is not for us.

        `host`: the destination of the request. Of several algorithms the strongest known one is taken.
        """
        for field, name in (("www-authenticate", "authorization"), ("proxy-authenticate", "proxy-authorization")):
            offers = [offer for text in challenged.headers.all(field) if (offer := self._acceptable(text, host))]
            offers.sort(key=lambda offer: offer.get("algorithm", "MD5").upper() == "MD5")
            if offers:
                return name, self._prove(offers[0], request)
        return None

    def _acceptable(self, text: str, host: str) -> dict[str, str] | None:
        try:
            found = read_fields(text)
        except Malformed:
            return None
        known = found.get("algorithm", "MD5").upper() in _HASHES
        qops = [one.strip() for one in found.get("qop", "auth").split(",")]
        ours = found.get("realm") == self._credentials.realm and host == self._credentials.host
        return found if ours and known and "auth" in qops and found.get("nonce") else None

    def _prove(self, offer: Mapping[str, str], request: Request) -> str:
        ours = self._credentials
        algorithm: Algorithm = "SHA-256" if offer.get("algorithm", "").upper() == "SHA-256" else "MD5"
        nonce = offer["nonce"]
        count = self._counts.get(nonce, 0) + 1
        self._counts = {nonce: count}
        qop, cnonce = ("auth", self._random(8).hex()) if "qop" in offer else ("", "")
        uri = str(request.uri)
        proof = Proof(ours.username, ours.realm, nonce, uri, "", algorithm, qop, f"{count:08x}", cnonce)
        response = expected(proof, ha1(algorithm, ours.username, ours.realm, ours.password), request.method)
        pairs = [
            ("username", ours.username),
            ("realm", ours.realm),
            ("nonce", nonce),
            ("uri", uri),
            ("response", response),
        ]
        text = ",".join(f"{name}={quote(value)}" for name, value in pairs)
        text += f",algorithm={algorithm}" if "algorithm" in offer else ""
        text += f',qop=auth,nc={proof.count},cnonce="{cnonce}"' if qop else ""
        text += f",opaque={quote(offer['opaque'])}" if "opaque" in offer else ""
        return f"Digest {text}"
