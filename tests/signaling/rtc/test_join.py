"""The values that a stranger may put into the address of a session."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from contextlib import suppress
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given, strategies
from livekit.protocol import models, rtc

from conference import Refusal
from signaling.rtc.wire import join, limits


def packed(request: rtc.JoinRequest, compression: str = "GZIP") -> str:
    inner = request.SerializeToString()
    data = gzip.compress(inner) if compression == "GZIP" else inner
    wrapped = rtc.WrappedJoinRequest(compression=compression, join_request=data)
    return base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()


def test_a_single_join() -> None:
    request = rtc.JoinRequest(
        connection_settings=rtc.ConnectionSettings(auto_subscribe=True, adaptive_stream=True),
        publisher_offer=rtc.SessionDescription(type="offer", sdp="v=0", id=1),
        add_track_requests=[rtc.AddTrackRequest(cid="a")],
    )
    for compression in ("GZIP", "NONE"):
        ask = join.read({"join_request": packed(request, compression)}, v1=True)
        assert (ask.dual, ask.auto_subscribe, ask.adaptive_stream, ask.resume_sid) == (False, True, True, "")
        assert ask.offer is not None
        assert ask.offer.id == 1
        assert len(ask.add_tracks) == 1


def test_the_join_request_rules_not_the_path() -> None:
    assert not join.read({"join_request": packed(rtc.JoinRequest())}, v1=False).dual
    assert join.read({}, v1=False).dual
    with pytest.raises(Refusal):
        join.read({}, v1=True)


def test_padding_and_alphabet_do_not_matter() -> None:
    text = packed(rtc.JoinRequest(metadata="???>>>" * 20), "NONE")
    for variant in (text, text.rstrip("="), text.replace("-", "+").replace("_", "/")):
        assert join.read({"join_request": variant}, v1=True).metadata == "???>>>" * 20


def test_the_size_of_client_info_is_bounded() -> None:
    bomb = rtc.JoinRequest(client_info=models.ClientInfo(capabilities=["CAP_PACKET_TRAILER"] * limits.CLIENT_BYTES))
    assert len(packed(bomb)) < 500
    for query in ({"join_request": packed(bomb)}, {"os": "x" * limits.CLIENT_BYTES}):
        with pytest.raises(Refusal) as refused:
            join.read(query, v1=False)
        assert refused.value.code == "request_bad"


def test_whether_pictures_may_be_paused() -> None:
    for wish, may_pause in ((None, True), (True, True), (False, False)):
        settings = rtc.ConnectionSettings()
        if wish is not None:
            settings.subscriber_allow_pause = wish
        request = rtc.JoinRequest(connection_settings=settings)
        assert join.read({"join_request": packed(request)}, v1=True).may_pause is may_pause
        query = {} if wish is None else {"subscriber_allow_pause": str(int(wish))}
        assert join.read(query, v1=False).may_pause is may_pause


def test_python_and_rust_libraries_renew_their_decoders() -> None:
    for sdk, renews in (("PYTHON", True), ("RUST", True), ("JS", False), ("UNKNOWN", False)):
        request = rtc.JoinRequest(client_info=models.ClientInfo(sdk=sdk))
        assert join.read({"join_request": packed(request)}, v1=True).renews_decoders is renews


def test_a_resume() -> None:
    request = rtc.JoinRequest(reconnect=True, participant_sid="PA_x")
    assert join.read({"join_request": packed(request)}, v1=True).resume_sid == "PA_x"
    assert join.read({"reconnect": "1", "sid": "PA_x"}, v1=False).resume_sid == "PA_x"
    assert join.read({"sid": "PA_x"}, v1=False).resume_sid == ""


def test_a_dual_join() -> None:
    attributes = base64.urlsafe_b64encode(json.dumps({"k": "v"}).encode()).decode()
    query = {
        "sdk": "python",
        "protocol": "18",
        "client_protocol": "2",
        "auto_subscribe": "0",
        "auto_subscribe_data_track": "true",
        "adaptive_stream": "1",
        "attributes": attributes,
    }
    ask = join.read(query, v1=False)
    assert (ask.dual, ask.auto_subscribe, ask.auto_subscribe_data, ask.adaptive_stream) == (True, False, True, True)
    assert ask.attributes == {"k": "v"}
    ask = join.read({}, v1=False)
    assert (ask.dual, ask.auto_subscribe, ask.auto_subscribe_data, ask.adaptive_stream) == (True, True, False, False)
    assert ask.attributes == {}


def test_client_info_is_read_from_the_query() -> None:
    said = {
        "version": "2.1",
        "os": "android",
        "os_version": "15",
        "device_model": "Pixel",
        "browser": "chrome",
        "browser_version": "140",
        "network": "wifi",
    }
    numbers = {"protocol": "16", "client_protocol": "2"}
    ask = join.read(said | numbers | {"sdk": "js", "capabilities": "CAP_PACKET_TRAILER,CAP_UNHEARD_OF"}, v1=False)
    told = json_format.ParseDict(said, models.ClientInfo(sdk="JS", protocol=16, client_protocol=2))
    told.capabilities.append(models.ClientInfo.CAP_PACKET_TRAILER)
    assert ask.client == told
    ask = join.read({"sdk": "its own", "protocol": "x", "client_protocol": "-1"}, v1=False)
    assert (ask.library, ask.client) == ("UNKNOWN", models.ClientInfo())
    for name, sdk in {
        "ios": "SWIFT",
        "reactnative": "REACT_NATIVE",
        "unityweb": "UNITY_WEB",
        "Flutter": "FLUTTER",
    }.items():
        assert join.read({"sdk": name}, v1=False).library == sdk


def test_ignored_query_parameters_change_nothing() -> None:
    query = {"sdk": "js", "reconnect": "1", "sid": "PA_x", "auto_subscribe": "0"}
    ignored = {"room": "other", "reconnect_reason": "3", "disable_ice_lite": "1", "unheard_of": "1"}
    assert join.read(query | ignored, v1=False) == join.read(query, v1=False)


NO_GZIP = rtc.WrappedJoinRequest(compression="GZIP", join_request=b"no gzip")
NO_MESSAGE = rtc.WrappedJoinRequest(join_request=b"\xff\xff")


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "%%%",
        "AAAA",
        base64.urlsafe_b64encode(NO_GZIP.SerializeToString()).decode(),
        base64.urlsafe_b64encode(NO_MESSAGE.SerializeToString()).decode(),
        base64.urlsafe_b64encode(b"\x08\x07").decode(),
    ],
)
def test_unreadable_join_requests(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        join.read({"join_request": text}, v1=True)
    assert refused.value.code == "request_bad"


@pytest.mark.parametrize("attributes", [{"\ud800": "x"}, {"k": "\udfff"}, ["k"], {str(one): "" for one in range(65)}])
def test_attributes_that_cannot_be_sent_are_refused(attributes: object) -> None:
    """Show that attributes which cannot be sent to others are refused, such as half of a character."""
    with pytest.raises(Refusal, match="request_bad"):
        join.read({"attributes": base64.urlsafe_b64encode(json.dumps(attributes).encode()).decode()}, v1=False)


def test_a_compression_bomb_is_cut_short() -> None:
    bomb = zlib.compress(b"\0" * (64 * 1024 * 1024), 9, wbits=31)
    assert len(bomb) < 80_000
    small = zlib.compress(b"\0" * (limits.JOIN_REQUEST_BYTES + 1), 9, wbits=31)
    for data in (bomb, small):
        wrapped = rtc.WrappedJoinRequest(compression="GZIP", join_request=data).SerializeToString()
        with pytest.raises(Refusal):
            join._unpack(base64.urlsafe_b64encode(wrapped).decode())


def test_a_connection_only_to_publish_is_refused() -> None:
    with pytest.raises(Refusal, match="publish_only"):
        join.read({"publish": "screen"}, v1=False)


def test_long_parameters_are_refused() -> None:
    with pytest.raises(Refusal):
        join.read({"sdk": "x" * (limits.QUERY_VALUE_BYTES + 1)}, v1=False)


@given(
    strategies.dictionaries(
        strategies.sampled_from(["join_request", "sdk", "attributes", "protocol", "sid"]), strategies.text()
    )
)
def test_no_query_escapes(query: dict[str, Any]) -> None:
    for v1 in (False, True):
        with suppress(Refusal):
            join.read(query, v1=v1)


@pytest.mark.parametrize(
    ("authorization", "query", "token"),
    [
        ("Bearer a.b.c", {"access_token": "q"}, "a.b.c"),
        ("bearer  t ", {}, "t"),
        ("Basic x", {"access_token": "q"}, "q"),
        (None, {"access_token": "q"}, "q"),
        (None, {}, ""),
    ],
)
def test_where_the_token_is(authorization: str | None, query: dict[str, str], token: str) -> None:
    assert join.token_of(query, authorization) == token
