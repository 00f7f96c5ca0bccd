"""SRTP in offers and answers: by policy, by the style of the terminal, and with missing keys."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conference.ground.plan import Keys, OwnEnds, Policy
from signaling.sip.media.plan import NotAcceptable, make_offer, read_answer
from signaling.sip.media.profiles import GENERIC
from signaling.sip.wire import sdp
from tests.signaling.sip import terminals
from tests.signaling.sip.media.test_plan import AUDIO, CRYPTO, HEAD, KEY, POLICY, VIDEO, lines_of, reply, wire
from tests.signaling.sip.terminals import OWN

# -- encryption --------------------------------------------------------------------------------------------------------

SRTP_OFFERS = {
    "plain": AUDIO,
    "hoped": AUDIO + CRYPTO,
    "savp": AUDIO.replace("AVP", "SAVP") + CRYPTO,
    "savp, nothing usable": AUDIO.replace("AVP", "SAVP") + "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:AAAA\n",
    "dtls": AUDIO.replace("RTP/AVP", "UDP/TLS/RTP/SAVP") + "a=fingerprint:sha-1 00\n",
    "pair": AUDIO.replace("AVP", "SAVP") + CRYPTO + AUDIO.replace("5000", "5010"),
    "pair, plain first": AUDIO.replace("5000", "5010") + AUDIO.replace("AVP", "SAVP") + CRYPTO,
}
SRTP_TABLE = {
    # offer: the result when encryption is required, best effort, off: the used line with SRTP or not, or the refusal
    "plain": ("encryption_required", (0, False), (0, False)),
    "hoped": ((0, True), (0, True), (0, False)),
    "savp": ((0, True), (0, True), "encryption_off"),
    "savp, nothing usable": ("encryption_none", "encryption_none", "encryption_off"),
    "dtls": ("protocol_bad", "protocol_bad", "protocol_bad"),
    "pair": ((0, True), (0, True), (1, False)),
    "pair, plain first": ((1, True), (1, True), (0, False)),
}


@pytest.mark.parametrize("offered", SRTP_OFFERS)
@pytest.mark.parametrize("column", [0, 1, 2], ids=["required", "best_effort", "off"])
def test_srtp_by_policy(offered: str, column: int) -> None:
    encryption = ("required", "best_effort", "off")[column]
    expected = SRTP_TABLE[offered][column]
    policy = Policy(encryption=encryption)  # type: ignore[arg-type]
    if isinstance(expected, str):
        with pytest.raises(NotAcceptable) as refused:
            reply(SRTP_OFFERS[offered], policy)
        assert refused.value.code == expected
        return
    used, secure = expected
    body, found = reply(SRTP_OFFERS[offered], policy)
    assert [bool(media.port) for media in sdp.parse(body).media] == [
        index == used for index in range(len(lines_of(body)))
    ]
    assert found.audio is not None
    assert (found.audio.stream.keys is not None) == secure
    if secure:
        assert found.audio.stream.keys == Keys("AES128_CM_SHA1_80", bytes([1]) * 30, bytes([11]) * 30)
        assert "a=crypto:3 AES_CM_128_HMAC_SHA1_80" in body.decode(), "the answer repeats the tag"
    else:
        assert b"crypto" not in body


def test_required_encryption_refuses_partly_encrypted_media() -> None:
    with pytest.raises(NotAcceptable) as refused:
        reply(AUDIO + VIDEO.replace("RTP/AVP", "RTP/SAVP") + CRYPTO, Policy(encryption="required"))
    assert refused.value.code == "encryption_required"


@pytest.mark.parametrize(
    ("encryption", "style", "protocols"),
    [
        ("off", "avp", ["RTP/AVP"]),
        ("best_effort", "avp", ["RTP/AVP"]),
        ("best_effort", "savp", ["RTP/SAVP"]),
        ("best_effort", "pair", ["RTP/SAVP", "RTP/AVP"]),
        ("required", "avp", ["RTP/SAVP"]),
        ("required", "pair", ["RTP/SAVP"]),
    ],
)
def test_how_srtp_is_offered(encryption: str, style: str, protocols: list[str]) -> None:
    profile = replace(GENERIC, encryption_style=style)  # type: ignore[arg-type]
    body = make_offer(OwnEnds("192.0.2.1", audio=OWN.audio), profile, Policy(encryption=encryption))  # type: ignore[arg-type]
    media = sdp.parse(body).media
    assert [line.protocol for line in media] == protocols
    hopes = encryption == "best_effort" and style == "avp"
    assert [bool(line.crypto()) for line in media] == [protocol == "RTP/SAVP" or hopes for protocol in protocols]


def test_srtp_only_places_get_no_offer_of_an_unencrypted_line() -> None:
    bare = OwnEnds("192.0.2.1", audio=replace(terminals.AUDIO, keys=()))
    with pytest.raises(NotAcceptable):
        make_offer(bare, GENERIC, Policy(encryption="required"))
    assert b"crypto" not in make_offer(bare, GENERIC, POLICY)


@pytest.mark.parametrize(
    ("answered", "code"),
    [
        (AUDIO, "encryption_required"),
        (AUDIO.replace("AVP", "SAVP"), "encryption_none"),
        (AUDIO.replace("AVP", "SAVP") + f"a=crypto:9 AES_CM_128_HMAC_SHA1_80 {KEY}\n", "encryption_none"),
    ],
)
def test_an_answer_without_keys_ends_a_call_that_needs_them(answered: str, code: str) -> None:
    policy = Policy(encryption="required")
    with pytest.raises(NotAcceptable) as refused:
        read_answer(make_offer(OWN, GENERIC, policy), wire(HEAD + answered), GENERIC, policy)
    assert refused.value.code in (code, "encryption_none")


def test_srtp_of_an_answer() -> None:
    policy = Policy(encryption="required")
    answered = AUDIO.replace("AVP", "SAVP") + f"a=crypto:2 AES_CM_128_HMAC_SHA1_80 {KEY}\n"
    found = read_answer(make_offer(OWN, GENERIC, policy), wire(HEAD + answered), GENERIC, policy)
    assert found.audio is not None
    assert found.audio.stream.keys == Keys("AES128_CM_SHA1_80", bytes([1]) * 30, bytes([11]) * 30)
