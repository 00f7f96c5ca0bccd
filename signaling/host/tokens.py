"""Tokens: a person's identity and rights, signed by an API key.

Tokens are JSON Web Tokens (RFC 7519) with HS256 only. They have the claim names of the browser protocol, so that the server
libraries of that protocol can make tokens. The module owns reading and writing of tokens; `conference` decides the effect of a
grant in a meeting. Every refusal has a code that starts with `token_` (HTTP 401) and never repeats the token.
"""

import base64
import hashlib
import hmac
import ipaddress
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import jwt

from conference import Grants, Kind, Passage, Refusal, Source, Terms
from conference.chair.rights import Role
from rooms.policy import classes
from signaling.host import limits
from signaling.host.files import write_private

Claims = Mapping[str, Any]
T = TypeVar("T")
OF_CLIENT = "client:"
"""The prefix of the session in a token that another system got by its key; the identifier of the client follows."""

ROLES = frozenset(role.value for role in Role)
_HEADER = {"alg", "typ", "kid"}
_TEXTS = {
    "token_missing": ("Thiếu thẻ vào cửa.", "no token was given"),
    "token_malformed": ("Thẻ vào cửa không đúng dạng.", "the token is malformed"),
    "token_key_unknown": ("Thẻ vào cửa do khóa lạ cấp.", "the token was issued by an unknown API key"),
    "token_forged": ("Thẻ vào cửa không đúng chữ ký.", "the signature of the token is wrong"),
    "token_expired": ("Thẻ vào cửa đã hết hạn.", "the token has expired"),
    "token_early": ("Thẻ vào cửa chưa có hiệu lực.", "the token is not valid yet"),
}


def refused(code: str) -> Refusal:
    vietnamese, english = _TEXTS[code]
    return Refusal(code, vietnamese, english)


class Authenticator:
    """A reader and signer of tokens, with the API keys of this server."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """`keys`: the secret for each key name; the first key signs. Raises ValueError for a secret that is too short."""
        if not keys or any(not key or len(secret) < limits.SECRET_CHARACTERS for key, secret in keys.items()):
            raise ValueError("an API key needs a name and a secret of 32 characters or more")
        self._keys = dict(keys)

    def verify(self, token: str, now: float) -> Grants:
        """Return the grants of a valid token. `now` in Unix seconds. Raises Refusal."""
        if not token:
            raise refused("token_missing")
        if len(token) > limits.TOKEN_BYTES or not token.isascii():
            raise refused("token_malformed")
        claims = self._open(token)
        issued_at, expires_at = _times(claims, now)
        return _grants(claims, issued_at, expires_at)

    def sign(self, grants: Grants, ttl_s: float, now: float) -> str:
        """Return a token for `grants` that expires `ttl_s` after `now`."""
        key, secret = next(iter(self._keys.items()))
        claims = {"iss": key, "nbf": int(now), "exp": math.ceil(now + ttl_s), **_claims(grants)}
        return jwt.encode(claims, secret, algorithm="HS256")

    def seal(self, text: str) -> bytes:
        """Return a seal of a text that only this server can make: 32 bytes. The text begins with its purpose."""
        return hmac.digest(next(iter(self._keys.values())).encode(), text.encode(), hashlib.sha256)

    def sign_body(self, body: bytes, now: float) -> str:
        """Return a token that signs `body`. The receiver of a webhook compares the hash in this token with the hash of the
        received body.
        """
        key, secret = next(iter(self._keys.items()))
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        claims = {"iss": key, "nbf": int(now), "exp": math.ceil(now + limits.BODY_TOKEN_TTL_S), "sha256": digest}
        return jwt.encode(claims, secret, algorithm="HS256")

    def _open(self, token: str) -> Claims:
        """Return the claims after a check of the signature. The times are checked later."""
        try:
            header = jwt.get_unverified_header(token)
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise refused("token_malformed") from error
        if header.get("alg") != "HS256" or not set(header) <= _HEADER or str(header.get("typ", "JWT")).upper() != "JWT":
            raise refused("token_malformed")
        secret = self._keys.get(issuer) if isinstance(issuer, str) else None
        if secret is None:
            raise refused("token_key_unknown")
        try:
            return jwt.decode(
                token,
                secret,
                algorithms=["HS256"],
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.InvalidSignatureError as error:
            raise refused("token_forged") from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise refused("token_malformed") from error


def kept_secret(path: Path, random_bytes: Callable[[int], bytes]) -> str:
    """Return the random secret in `path`, or make a secret if the file is absent or too short. With a kept secret the
    invitations of `dev` survive a restart.
    """
    if path.is_file():
        kept = path.read_text(encoding="ascii").strip()
        if len(kept) >= limits.SECRET_CHARACTERS:
            return kept
    made = random_bytes(32).hex()
    write_private(path, made.encode() + b"\n")
    return made


def same(left: str, right: str) -> bool:
    """Compare two texts in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def check_way(grants: Grants, address: str, scheme: str) -> None:
    """Check a socket that is opened with these grants: the address of the client, and the scheme of the URL. Raises Refusal
    `network_open` for an address outside the range of the token, `encryption_needed` for a socket without TLS.
    """
    if not grants.network:
        return
    if scheme not in ("https", "wss"):
        raise Refusal("encryption_needed", *classes.REFUSALS["encryption_needed"])
    try:
        here = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        raise Refusal("network_open", *classes.REFUSALS["network_open"]) from None
    if isinstance(here, ipaddress.IPv6Address) and here.ipv4_mapped is not None:
        here = here.ipv4_mapped
    if here not in ipaddress.ip_network(grants.network):
        raise Refusal("network_open", *classes.REFUSALS["network_open"])


def _times(claims: Claims, now: float) -> tuple[float, float]:
    """Return (issued, expires). The first is `nbf`, otherwise `iat`, otherwise 0. An `exp` is required: a token without an end
    would be a password.
    """
    expires_at = _number(claims, "exp")
    if expires_at is None:
        raise refused("token_malformed")
    not_before, issued_at = _number(claims, "nbf"), _number(claims, "iat")
    if now >= expires_at + limits.LEEWAY_S:
        raise refused("token_expired")
    if not_before is not None and now < not_before - limits.LEEWAY_S:
        raise refused("token_early")
    return (not_before if not_before is not None else issued_at or 0.0), expires_at


def _number(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise refused("token_malformed")
    return float(value)


def _grants(claims: Claims, issued_at: float, expires_at: float) -> Grants:
    video = _typed(claims, "video", dict, {})
    sources = _typed(video, "canPublishSources", list, [])
    return Grants(
        identity=_text(claims, "sub", limits.IDENTITY_BYTES),
        name=_text(claims, "name", limits.NAME_BYTES),
        metadata=_text(claims, "metadata", limits.METADATA_BYTES),
        attributes=_attributes(claims),
        kind=_kind(claims),
        conference=_text(video, "room", limits.CONFERENCE_BYTES),
        join=_typed(video, "roomJoin", bool, False),
        admin=_typed(video, "roomAdmin", bool, False),
        create=_typed(video, "roomCreate", bool, False),
        list=_typed(video, "roomList", bool, False),
        can_publish=_typed(video, "canPublish", bool, True),
        can_publish_sources=frozenset(map(_source, sources[: len(Source) + 1])),
        can_subscribe=_typed(video, "canSubscribe", bool, True),
        can_publish_data=_typed(video, "canPublishData", bool, True),
        can_update_own_metadata=_typed(video, "canUpdateOwnMetadata", bool, False),
        raises_hand=_typed(video, "raisesHand", bool, False),
        hidden=_typed(video, "hidden", bool, False),
        recorder=_typed(video, "recorder", bool, False),
        agent=_typed(video, "agent", bool, False),
        can_subscribe_metrics=_typed(video, "canSubscribeMetrics", bool, False),
        destination=_text(video, "destinationRoom", limits.CONFERENCE_BYTES),
        terms=_terms(claims),
        passage=_passage(claims),
        role=_role(claims),
        network=_network(claims),
        account=_text(claims, "account", limits.ACCOUNT_BYTES),
        session=_text(claims, "session", limits.ACCOUNT_BYTES),
        issued_at=issued_at,
        expires_at=expires_at,
        facts_kept=_typed(claims, "factsKept", bool, False),
    )


def _typed(claims: Claims, name: str, kind: type[T], absent: T) -> T:
    value = claims.get(name)
    if value is None:
        return absent
    if not isinstance(value, kind):
        raise refused("token_malformed")
    return value


def _text(claims: Claims, name: str, limit_bytes: int) -> str:
    return _fitting(_typed(claims, name, str, ""), limit_bytes)


def _fitting(text: str, limit_bytes: int) -> str:
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:  # lone surrogates
        raise refused("token_malformed") from error
    if size > limit_bytes or "\0" in text:
        raise refused("token_malformed")
    return text


def _attributes(claims: Claims) -> dict[str, str]:
    attributes = _typed(claims, "attributes", dict, {})
    if len(attributes) > limits.ATTRIBUTES or len(json.dumps(attributes)) > limits.ATTRIBUTE_BYTES:
        raise refused("token_malformed")
    most = limits.ATTRIBUTE_BYTES
    return {_fitting(name, most): _text(attributes, name, most) for name in attributes}


def _terms(claims: Claims) -> Terms | None:
    """Read `roomConfig`: proto3 JSON of the protocol's RoomConfiguration. Fields for functions that this server lacks (agents,
    egress, presets) are not read.
    """
    order = _typed(claims, "roomConfig", dict, {})
    if not order:
        return None
    return Terms.of(
        _text(order, "metadata", limits.METADATA_BYTES),
        _count(order, "maxParticipants"),
        _count(order, "emptyTimeout"),
        _count(order, "departureTimeout"),
    )


def _count(claims: Claims, name: str) -> int:
    value = claims.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise refused("token_malformed")
    return value


def _kind(claims: Claims) -> Kind:
    text = _typed(claims, "kind", str, "") or Kind.STANDARD.value
    try:
        return Kind(text.lower())
    except ValueError as error:
        raise refused("token_malformed") from error


def _passage(claims: Claims) -> Passage:
    """Return the passage from the claim `lobby`. Only this server sets the claim; tokens of other libraries lack it."""
    try:
        passage = Passage(_typed(claims, "lobby", str, ""))
    except ValueError as error:
        raise refused("token_malformed") from error
    if passage is Passage.EXEMPT:
        raise refused("token_malformed")
    return passage


def _network(claims: Claims) -> str:
    """Return the range from the claim `network`. Only this server sets the claim. A text that is no range is refused."""
    text = _typed(claims, "network", str, "")
    try:
        return str(ipaddress.ip_network(text)) if text else ""
    except ValueError as error:
        raise refused("token_malformed") from error


def _role(claims: Claims) -> str:
    """Return the role from the claim `role`. Only this server sets the claim. An unknown role is refused."""
    role = _typed(claims, "role", str, "")
    if role and role not in ROLES:
        raise refused("token_malformed")
    return role


def _source(text: object) -> Source:
    try:
        return Source(text.lower() if isinstance(text, str) else text)
    except ValueError as error:
        raise refused("token_malformed") from error


def _claims(grants: Grants) -> dict[str, Any]:
    """Return the claims of `grants`. A claim whose value equals the default is left out, so that tokens stay short in a URL."""
    video: dict[str, Any] = {}
    if grants.conference:
        video["room"] = grants.conference
    flags = {"roomJoin": grants.join, "roomAdmin": grants.admin, "roomCreate": grants.create, "roomList": grants.list}
    flags |= {
        "canUpdateOwnMetadata": grants.can_update_own_metadata,
        "raisesHand": grants.raises_hand,
        "hidden": grants.hidden,
        "recorder": grants.recorder,
        "agent": grants.agent,
        "canSubscribeMetrics": grants.can_subscribe_metrics,
    }
    video |= {name: True for name, value in flags.items() if value}
    allowed = {
        "canPublish": grants.can_publish,
        "canSubscribe": grants.can_subscribe,
        "canPublishData": grants.can_publish_data,
    }
    video |= {name: False for name, value in allowed.items() if not value}
    if grants.can_publish_sources:
        video["canPublishSources"] = sorted(source.value for source in grants.can_publish_sources)
    if grants.destination:
        video["destinationRoom"] = grants.destination
    claims: dict[str, Any] = {"sub": grants.identity, "name": grants.name, "metadata": grants.metadata}
    claims["attributes"] = dict(grants.attributes)
    claims["factsKept"] = grants.facts_kept
    claims["kind"] = "" if grants.kind is Kind.STANDARD else grants.kind.value
    claims["lobby"] = grants.passage.value
    claims["role"] = grants.role
    claims["network"] = grants.network
    claims["account"], claims["session"] = grants.account, grants.session
    claims["roomConfig"] = _room_configuration(grants.terms) if grants.terms else None
    return {name: value for name, value in claims.items() if value} | {"video": video}


def _room_configuration(terms: Terms) -> dict[str, Any]:
    order = {
        "metadata": terms.metadata,
        "maxParticipants": terms.max_participants,
        "emptyTimeout": int(terms.empty_s),
        "departureTimeout": int(terms.departure_s),
    }
    return {name: value for name, value in order.items() if value}
