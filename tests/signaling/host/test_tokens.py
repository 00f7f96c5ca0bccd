"""Tokens: a signed token is read back, and a forged token is refused."""

import base64
import hashlib
import hmac
import json
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from livekit import api as livekit_api
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration

from conference import Grants, Kind, Passage, Refusal, Source, Terms
from signaling.host.tokens import Authenticator, check_way, kept_secret

KEY = "office"
SECRET = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
NOW = 1_800_000_000.0
AUTHENTICATOR = Authenticator({KEY: SECRET})
CLAIMS: dict[str, Any] = {
    "iss": KEY,
    "sub": "an",
    "exp": NOW + 60,
    "nbf": NOW,
    "video": {"room": "r", "roomJoin": True},
}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(
    claims: Any = None, *, secret: str = SECRET, header: dict[str, Any] | None = None, digest: str = "sha256"
) -> str:
    """Return a token signed by hand, so that headers and algorithms can lie."""
    head = header if header is not None else {"alg": "HS256", "typ": "JWT"}
    body = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(CLAIMS if claims is None else claims).encode())}"
    return f"{body}.{b64(hmac.new(secret.encode(), body.encode(), digest).digest())}"


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in CLAIMS.items() if key != name}


def video(**changes: Any) -> dict[str, Any]:
    return CLAIMS | {"video": CLAIMS["video"] | changes}


def forged() -> list[tuple[str, str]]:
    good = token()
    head, body, signature = good.split(".")
    none = b64(json.dumps({"alg": "none", "typ": "JWT"}).encode())
    public = rsa.generate_private_key(65537, 2048)
    by_header: dict[str, dict[str, Any]] = {
        "alg none with a signature": {"alg": "none"},
        "alg None": {"alg": "None"},
        "alg missing": {"typ": "JWT"},
        "alg number": {"alg": 256},
        "alg HS512 named, HS256 made": {"alg": "HS512", "typ": "JWT"},
        "alg RS256 named": {"alg": "RS256", "typ": "JWT"},
        "alg ES256 named": {"alg": "ES256", "typ": "JWT"},
        "crit": {"alg": "HS256", "crit": ["exp"]},
        "b64 false": {"alg": "HS256", "b64": False, "crit": ["b64"]},
        "jku": {"alg": "HS256", "jku": "http://127.0.0.1/keys"},
        "x5u": {"alg": "HS256", "x5u": "http://127.0.0.1/keys"},
        "jwk": {"alg": "HS256", "jwk": {"kty": "oct", "k": b64(SECRET.encode())}},
        "x5c": {"alg": "HS256", "x5c": ["AA=="]},
        "typ of another token": {"alg": "HS256", "typ": "at+jwt"},
        "zip": {"alg": "HS256", "zip": "DEF"},
    }
    by_claims = {
        "expired": CLAIMS | {"exp": NOW - 11},
        "no exp": without("exp"),
        "exp text": CLAIMS | {"exp": "9999999999"},
        "exp true": CLAIMS | {"exp": True},
        "exp negative": CLAIMS | {"exp": -1},
        "exp beyond all time": CLAIMS | {"exp": 1e300},
        "exp list": CLAIMS | {"exp": [NOW + 60]},
        "early": CLAIMS | {"nbf": NOW + 11},
        "nbf text": CLAIMS | {"nbf": "x"},
        "other issuer": CLAIMS | {"iss": "foreign"},
        "no issuer": without("iss"),
        "issuer list": CLAIMS | {"iss": [KEY]},
        "issuer object": CLAIMS | {"iss": {"a": 1}},
        "for another audience": CLAIMS | {"aud": "mail"},
        "sub number": CLAIMS | {"sub": 5},
        "sub too long": CLAIMS | {"sub": "a" * 257},
        "sub with NUL": CLAIMS | {"sub": "a\0b"},
        "video list": CLAIMS | {"video": ["roomJoin"]},
        "roomJoin text": video(roomJoin="true"),
        "roomAdmin number": video(roomAdmin=1),
        "room number": video(room=7),
        "unknown source": video(canPublishSources=["brain"]),
        "source number": video(canPublishSources=[1]),
        "unknown kind": CLAIMS | {"kind": "king"},
        "attributes nested": CLAIMS | {"attributes": {"a": {"b": "c"}}},
        "too many attributes": CLAIMS | {"attributes": {str(i): "" for i in range(65)}},
        "lone surrogate": CLAIMS | {"name": "\ud800"},
        "lone surrogate as a key": CLAIMS | {"attributes": {"\ud800": "x"}},
        "end of text in a key": CLAIMS | {"attributes": {"a\0b": "x"}},
        "claims list": [1, 2],
        "claims text": "x",
    }
    return [
        ("empty", ""),
        ("one part", "x"),
        ("two parts", f"{head}.{body}"),
        ("four parts", f"{good}.{signature}"),
        ("no signature", f"{head}.{body}."),
        ("unsigned", f"{none}.{body}."),
        ("signature of another body", f"{head}.{b64(json.dumps(video(roomAdmin=True)).encode())}.{signature}"),
        ("cut signature", good[:-2]),
        ("other secret", token(secret=OTHER)),
        ("empty secret", token(secret="")),
        ("secret is the key's name", token(secret=KEY)),
        ("HS512 made and named", token(header={"alg": "HS512", "typ": "JWT"}, digest="sha512")),
        ("HS384 made, HS256 named", token(digest="sha384")),
        ("RS256", jwt.encode(CLAIMS, public, algorithm="RS256")),
        ("deep nesting", f"{head}.{b64(b'[' * 5000)}.{signature}"),
        ("not ASCII", good + "é"),
        ("white space", f" {good}"),
        ("too long", token(CLAIMS | {"metadata": "m" * 9000})),
        *((name, token(header=header)) for name, header in by_header.items()),
        *((name, token(claims)) for name, claims in by_claims.items()),
    ]


@pytest.mark.parametrize(("name", "text"), forged(), ids=[name for name, _ in forged()])
def test_forged_tokens_are_refused(name: str, text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        AUTHENTICATOR.verify(text, NOW)
    assert refusal.value.code.startswith("token_")
    if text:
        assert text not in str(refusal.value)


def test_the_forger_s_tools_make_a_good_token_too() -> None:
    """Show that a good token made by the forging tool is accepted. The refusals above thus come from the forged part."""
    assert len(forged()) >= 40
    grants = AUTHENTICATOR.verify(token(), NOW)
    assert (grants.identity, grants.conference, grants.join, grants.issued_at) == ("an", "r", True, NOW)
    assert AUTHENTICATOR.verify(token(header={"alg": "HS256", "kid": "../../etc/passwd"}), NOW).identity == "an"


def test_a_control_without_signature_checks_accepts_forgeries() -> None:
    """Show that a reader without signature checks would accept more than half of the forged tokens."""
    taken = 0
    for _, text in forged():
        with suppress(jwt.InvalidTokenError):
            claims = jwt.decode(text, options={"verify_signature": False, "verify_exp": False})
            taken += claims.get("video", {}) == CLAIMS["video"]
    assert taken > len(forged()) / 2


def test_no_token_says_that_the_lobby_is_not_asked() -> None:
    authenticator = Authenticator({"key": "x" * 32})
    signed = authenticator.sign(Grants(identity="a", conference="c", join=True, passage=Passage.EXEMPT), 60, 1000)
    with pytest.raises(Refusal, match="token_malformed"):
        authenticator.verify(signed, 1000)


def test_leeway_is_ten_seconds() -> None:
    assert AUTHENTICATOR.verify(token(CLAIMS | {"exp": NOW - 9.5}), NOW)
    assert AUTHENTICATOR.verify(token(CLAIMS | {"nbf": NOW + 9.5}), NOW)


def test_absent_permissions_are_the_protocol_s_defaults() -> None:
    grants = AUTHENTICATOR.verify(token(CLAIMS | {"video": None}), NOW)
    assert grants.can_publish
    assert grants.can_subscribe
    assert grants.can_publish_data
    assert not (grants.join)
    assert not (grants.admin)
    assert not (grants.create)
    assert not (grants.list)
    assert not (grants.hidden)


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)
everything = st.builds(
    Grants,
    identity=text,
    name=text,
    metadata=text,
    attributes=st.dictionaries(text, text, max_size=4),
    kind=st.sampled_from(Kind),
    conference=text,
    **{name: st.booleans() for name in ("join", "admin", "create", "list", "hidden", "recorder")},
    can_publish=st.booleans(),
    can_publish_sources=st.frozensets(st.sampled_from(Source)),
    can_subscribe=st.booleans(),
    can_publish_data=st.booleans(),
    can_update_own_metadata=st.booleans(),
    raises_hand=st.booleans(),
    account=text,
    session=text,
    passage=st.sampled_from((Passage.NONE, Passage.ADMITTED, Passage.HOST)),
    agent=st.booleans(),
    can_subscribe_metrics=st.booleans(),
    facts_kept=st.booleans(),
    network=st.sampled_from(("", "10.0.0.0/8", "fd00::/8")),
    destination=text,
    terms=st.none() | st.builds(Terms.of, text, *[st.integers(0, 2**32 - 1)] * 3),
    issued_at=st.just(NOW),
    expires_at=st.just(NOW + 60),
)


@pytest.mark.parametrize(
    ("network", "address", "scheme", "code"),
    [
        ("", "203.0.113.9", "ws", ""),
        ("10.0.0.0/8", "10.1.2.3", "wss", ""),
        ("10.0.0.0/8", "::ffff:10.1.2.3", "wss", ""),
        ("fd00::/8", "fd00::7%eth0", "https", ""),
        ("10.0.0.0/8", "203.0.113.9", "wss", "network_open"),
        ("10.0.0.0/8", "fd00::7", "wss", "network_open"),
        ("10.0.0.0/8", "", "wss", "network_open"),
        ("10.0.0.0/8", "10.1.2.3", "ws", "encryption_needed"),
    ],
)
def test_a_token_for_a_range_opens_sockets_only_from_there_and_over_tls(
    network: str, address: str, scheme: str, code: str
) -> None:
    grants = Grants(identity="hall_terminal.x", network=network)
    if not code:
        check_way(grants, address, scheme)
        return
    with pytest.raises(Refusal) as caught:
        check_way(grants, address, scheme)
    assert caught.value.code == code


@pytest.mark.parametrize("network", ["10.0.0.1/8", "tslcd", 7])
def test_a_range_that_is_none_is_refused(network: object) -> None:
    with pytest.raises(Refusal) as caught:
        AUTHENTICATOR.verify(jwt.encode(CLAIMS | {"network": network}, SECRET, algorithm="HS256"), NOW)
    assert caught.value.code == "token_malformed"


@given(everything)
def test_signed_grants_are_read_back_unchanged(grants: Grants) -> None:
    assert AUTHENTICATOR.verify(AUTHENTICATOR.sign(grants, 60, NOW), NOW) == grants


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_as_a_token(data: bytes) -> None:
    parts = token().split(".")
    for text in (data.decode("latin-1"), f"{parts[0]}.{b64(data)}.{parts[2]}", f"{b64(data)}.{parts[1]}.{parts[2]}"):
        with pytest.raises(Refusal):
            AUTHENTICATOR.verify(text, NOW)


def test_tokens_of_the_published_server_library_are_read() -> None:
    made = (
        livekit_api.AccessToken(KEY, SECRET)
        .with_identity("máy-1")
        .with_name("Nguyễn Văn An")
        .with_metadata("{}")
        .with_attributes({"điểm": "Huế"})
        .with_kind("agent")
        .with_grants(
            livekit_api.VideoGrants(room_join=True, room="họp", can_publish=False, can_publish_sources=["camera"])
        )
    )
    issued = jwt.decode(made.to_jwt(), options={"verify_signature": False})["nbf"]
    grants = AUTHENTICATOR.verify(made.to_jwt(), issued)
    assert (grants.identity, grants.name, grants.conference) == ("máy-1", "Nguyễn Văn An", "họp")
    assert grants.kind is Kind.AGENT
    assert grants.attributes == {"điểm": "Huế"}
    assert grants.can_publish_sources == {Source.CAMERA}
    assert not grants.can_publish


def test_a_room_ordered_by_a_token_of_that_library() -> None:
    configuration = RoomConfiguration(
        empty_timeout=60, departure_timeout=2**31, max_participants=9, metadata="m", agents=[RoomAgentDispatch()]
    )
    made = livekit_api.AccessToken(KEY, SECRET).with_identity("an").with_room_config(configuration)
    grants = AUTHENTICATOR.verify(made.to_jwt(), livekit_time())
    assert grants.terms == Terms("m", 9, 60, 24 * 3600)
    plain = livekit_api.AccessToken(KEY, SECRET).with_identity("an").with_room_config(RoomConfiguration())
    assert AUTHENTICATOR.verify(plain.to_jwt(), livekit_time()).terms is None


@pytest.mark.parametrize(
    "order", [[1], "x", {"maxParticipants": "9"}, {"emptyTimeout": -1}, {"emptyTimeout": 2**32}, {"metadata": 1}]
)
def test_bad_orders_in_tokens(order: object) -> None:
    with pytest.raises(Refusal, match="token_malformed"):
        AUTHENTICATOR.verify(token(CLAIMS | {"roomConfig": order}), NOW)


def test_a_signed_body_is_believed_by_that_library() -> None:
    signed = AUTHENTICATOR.sign_body(b'{"event": "room_started"}', livekit_time())
    receiver = livekit_api.WebhookReceiver(livekit_api.TokenVerifier(KEY, SECRET))
    assert receiver.receive('{"event": "room_started"}', signed).event == "room_started"
    with pytest.raises(Exception, match="hash mismatch"):
        receiver.receive('{"event": "room_finished"}', signed)


def test_our_tokens_are_read_by_the_published_server_library() -> None:
    grants = Grants(identity="an", name="An", conference="r", join=True, hidden=True)
    issued = int(livekit_time())
    claims = livekit_api.TokenVerifier(KEY, SECRET).verify(AUTHENTICATOR.sign(grants, 60, issued))
    assert claims.video is not None
    assert (claims.identity, claims.video.room, claims.video.room_join, claims.video.hidden) == ("an", "r", True, True)


def livekit_time() -> float:
    """Return the time that the LiveKit library reads from the clock."""
    made = livekit_api.AccessToken(KEY, SECRET).with_identity("x").to_jwt()
    return float(jwt.decode(made, options={"verify_signature": False})["nbf"])


def test_short_secrets_are_refused() -> None:
    for keys in ({}, {"k": "s" * 31}, {"": SECRET}):
        with pytest.raises(ValueError, match="32"):
            Authenticator(keys)


def test_kept_secret_stays_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "dev.secret"
    seed = hashlib.sha256(b"seed").digest()
    first = kept_secret(path, lambda n: seed[:n])
    assert kept_secret(path, lambda n: bytes(n)) == first
    assert len(first) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
