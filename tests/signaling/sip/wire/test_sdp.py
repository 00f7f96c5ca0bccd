"""Session descriptions: real ones are read completely, wrong and large ones are refused, and written ones are read back."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference import PeerError
from signaling.sip.wire import body_limits as limits
from signaling.sip.wire import sdp
from tests.signaling.sip import terminals

NAMES = sorted(path.stem for path in terminals.FIXTURES.glob("*.sdp"))
HEAD = b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
KEY30 = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
KEY28 = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=="


def one(lines: str) -> sdp.Media:
    return sdp.parse(HEAD + lines.replace("\n", "\r\n").encode()).media[0]


@pytest.mark.parametrize("name", NAMES)
def test_real_descriptions_survive_reading_and_writing(name: str) -> None:
    first = sdp.parse(terminals.read(name))
    assert first.media
    assert first.host
    assert sdp.parse(sdp.render(first)) == first


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r", b" \r\n"])
def test_line_ends_that_are_seen(line_end: bytes) -> None:
    body = terminals.read("cisco_ce_offer")
    assert sdp.parse(body.replace(b"\r\n", line_end)) == sdp.parse(body)


def test_the_fixtures_are_listed() -> None:
    text = (terminals.FIXTURES / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in NAMES)


def test_what_a_cisco_offers() -> None:
    audio, video, floor, slides, camera, foreign = sdp.parse(terminals.read("cisco_ce_offer")).media
    assert audio.rtpmaps()[114] == sdp.RtpMap(114, "opus", 48_000, 2)
    assert video.parameters(126)["max-fs"] == "8160"
    assert video.feedback(97) == {"pli", "fir", "tmmbr"}
    assert (floor.protocol, floor.formats, floor.attribute("floorid")) == ("UDP/BFCP", ("*",), "2 mstrm:12")
    assert slides.attribute("content") == "slides"
    assert slides.bandwidth.tias_bps == 6_000_000
    assert camera.rtpmaps()[100].name == "h224"
    assert foreign.protocol == "UDP/UDT/IX"


def test_two_rtpmaps_of_a_number_and_unoffered_numbers() -> None:
    slides = sdp.parse(terminals.read("aver_evc130_answer")).media[3]
    assert list(slides.rtpmaps()) == [100]


def test_static_payload_types_need_no_line() -> None:
    media = one("m=audio 5000 RTP/AVP 9 8 0 8 97 300\na=rtpmap:9 G722/8000\n")
    assert {number: found.name for number, found in media.rtpmaps().items()} == {9: "g722", 8: "pcma", 0: "pcmu"}
    assert media.payload_types == (9, 8, 0, 97)


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("* nack pli", {"pli"}),
        ("97 nack", {"nack"}),
        ("* ccm fir tmmbr", {"fir", "tmmbr"}),
        ("96 ccm fir", set()),
        ("* CCM FIR", {"fir"}),
        ("* ccm pan", set()),
        ("*", set()),
        ("", set()),
    ],
)
def test_feedback(line: str, kinds: set[str]) -> None:
    assert one(f"m=video 5000 RTP/AVP 97\na=rtcp-fb:{line}\n").feedback(97) == kinds


@pytest.mark.parametrize(
    ("line", "profile"),
    [
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}", "AES128_CM_SHA1_80"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}|2^48", "AES128_CM_SHA1_80"),
        (f"1 AES_CM_128_HMAC_SHA1_32 inline:{KEY30}|1048576", "AES128_CM_SHA1_32"),
        (f"7 AEAD_AES_128_GCM inline:{KEY28}", "AEAD_AES_128_GCM"),
        (f"7 AEAD_AES_128_GCM inline:{KEY28.rstrip('=')}", "AEAD_AES_128_GCM"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30} WSH=64", "AES128_CM_SHA1_80"),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}|2^31|1:4", None),  # an MKI in every packet
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}|1:4", None),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30} UNENCRYPTED_SRTCP", None),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY30} KDR=1", None),
        (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY28}", None),
        (f"1 AES_256_CM_HMAC_SHA1_80 inline:{KEY30}", None),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:AAAA;inline:BBBB", None),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 4000, None),
        ("", None),
        (f"999999999999 AES_CM_128_HMAC_SHA1_80 inline:{KEY30}", None),
    ],
)
def test_crypto(line: str, profile: str | None) -> None:
    found = one(f"m=audio 5000 RTP/SAVP 0\na=crypto:{line}\n").crypto()
    assert [crypto.profile for crypto in found] == ([profile] if profile else [])


def test_keys_are_neither_printed_nor_traced() -> None:
    body = terminals.read("cisco_srtp_offer")
    key = b"Wvey1lMjqFlezi0tk02bgEp8eil7RNXqaBb4OO7G"
    assert key in body
    assert key not in sdp.redacted(body)
    assert sdp.redacted(body).count(b"inline:...") == body.count(b"inline:")
    assert "\\x" not in repr(sdp.parse(body).media[0].crypto())


@pytest.mark.parametrize(
    ("attribute", "session", "expected"),
    [
        ("sendonly", "", "sendonly"),
        ("", "inactive", "inactive"),
        ("recvonly", "inactive", "recvonly"),
        ("", "", "sendrecv"),
    ],
)
def test_directions(attribute: str, session: str, expected: str) -> None:
    media = "m=audio 5000 RTP/AVP 0\r\n" + (f"a={attribute}\r\n" if attribute else "")
    head = HEAD + (f"a={session}\r\n".encode() if session else b"")
    description = sdp.parse(head + media.encode())
    assert description.direction_of(description.media[0]) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"v=1\r\no=- 1 1 IN IP4 1.2.3.4\r\n",
        b"v=0\r\ns=-\r\n",
        b"v=0\r\no=- 1 1 IN IP4\r\n",
        b"v=0\r\no=- x 1 IN IP4 1.2.3.4\r\n",
        HEAD + b"m=audio\r\n",
        HEAD + b"m=audio 5000 RTP/AVP\r\n",
        HEAD + b"m=audio -1 RTP/AVP 0\r\n",
        HEAD + b"m=audio 65536 RTP/AVP 0\r\n",
        HEAD + b"m=audio 5000 RTP/AVP 0<script>\r\n",
        HEAD + b"m=audio 5000 RTP\\AVP 0\r\n",
        HEAD.replace(b"c=IN IP4 192.0.2.9", b"c=IN IP4"),
        HEAD + b"no line\r\n",
        HEAD + b"a=x\0y\r\n",
        b"\xff\xfe" + HEAD,
    ],
)
def test_what_is_no_description(body: bytes) -> None:
    with pytest.raises(PeerError):
        sdp.parse(body)


def test_a_host_name_as_address_is_not_resolved() -> None:
    description = sdp.parse(HEAD + b"m=audio 5000 RTP/AVP 0\r\nc=IN IP4 metadata.internal\r\n")
    assert description.host_of(description.media[0]) == ""


def test_descriptions_beyond_the_limits_are_refused() -> None:
    media = b"m=audio 0 RTP/AVP 0\r\n"
    assert len(sdp.parse(HEAD + media * limits.SDP_MEDIA).media) == limits.SDP_MEDIA
    attribute = b"a=x:y\r\n"
    most = HEAD + media + attribute * limits.SDP_ATTRIBUTES
    assert len(sdp.parse(most).media[0].attributes) == limits.SDP_ATTRIBUTES
    formats = b" 0" * limits.SDP_FORMATS
    assert len(sdp.parse(HEAD + b"m=audio 0 RTP/AVP" + formats + b"\r\n").media[0].formats) == limits.SDP_FORMATS
    line = b"a=x:" + b"y" * (limits.SDP_LINE_BYTES - 4)
    assert sdp.parse(HEAD + line + b"\r\n")
    whole = HEAD + (line + b"\r\n") * 15
    whole += b"a=x:" + b"y" * (limits.SDP_BYTES - len(whole) - 4)
    assert len(whole) == limits.SDP_BYTES
    assert sdp.parse(whole)
    lines = b"i=x\r\n" * (limits.SDP_LINES - HEAD.count(b"\n"))
    assert sdp.parse(HEAD + lines)
    for too_much in (
        HEAD + media * (limits.SDP_MEDIA + 1),
        most + attribute,
        HEAD + attribute * (limits.SDP_ATTRIBUTES + 1),
        HEAD + b"m=audio 0 RTP/AVP" + formats + b" 0\r\n",
        HEAD + line + b"y\r\n",
        whole + b"y",
        HEAD + lines + b"i=x\r\n",
    ):
        with pytest.raises(PeerError):
            sdp.parse(too_much)


@pytest.mark.parametrize(
    "body",
    [
        HEAD + b"m=audio 5000 RTP/AVP 0\r\n" * 10_000,
        HEAD + b"a=" + b"x" * 2**20,
        HEAD + b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n" * 1400,
        HEAD + b"m=video 5000 RTP/AVP 96\r\n" + b"a=rtpmap:96 H264/90000\r\n" * 1400,
        HEAD + b"\r" * 60_000,
        b"v=0\n" * 16_000,
    ],
    ids=[
        "ten thousand media",
        "one line of a megabyte",
        "crypto lines",
        "one attribute again and again",
        "returns",
        "versions",
    ],
)
def test_hostile_sizes_are_refused_early(body: bytes) -> None:
    """Show that hostile sizes are refused early. S01 limits the time. This test counts calls of Python and of C, which must be
    far fewer than for the largest description.
    """
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        with pytest.raises(PeerError):
            sdp.parse(body)
    finally:
        sys.setprofile(None)
    assert calls < 100


HOSTS = st.sampled_from(["192.0.2.7", "10.1.2.3", "2001:db8::7"])
TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
VALUES = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x1EF9, exclude_categories=["Cc", "Cs", "Z"]), max_size=60
)
ATTRIBUTES = st.lists(st.tuples(TOKENS, VALUES), max_size=6).map(tuple)
BANDWIDTHS = st.builds(
    sdp.Bandwidth,
    st.integers(0, 9_999_999).map(lambda kbps: kbps * 1000),
    st.integers(0, 9_999_999_999),
    st.integers(0, 9_999_999).map(lambda kbps: kbps * 1000),
)
MEDIA = st.builds(
    sdp.Media,
    TOKENS,
    st.integers(0, 65535),
    st.sampled_from(["RTP/AVP", "RTP/SAVP", "UDP/BFCP", "TCP/TLS/BFCP"]),
    st.lists(TOKENS, min_size=1, max_size=6).map(tuple),
    st.none() | HOSTS,
    BANDWIDTHS,
    ATTRIBUTES,
)
DESCRIPTIONS = st.builds(
    sdp.Description,
    st.builds(sdp.Origin, TOKENS, st.integers(0, 2**64).map(str), st.integers(0, 2**64).map(str), HOSTS),
    st.none() | HOSTS,
    VALUES.filter(bool),
    BANDWIDTHS,
    ATTRIBUTES,
    st.lists(MEDIA, max_size=5).map(tuple),
)


@given(DESCRIPTIONS)
def test_what_is_written_is_read_back(description: sdp.Description) -> None:
    assert sdp.parse(sdp.render(description)) == description


@pytest.mark.parametrize("value", ["a\r\nm=audio 1 RTP/AVP 0", "a\nb", "a\0b"])
def test_an_attribute_value_cannot_add_a_line(value: str) -> None:
    with pytest.raises(ValueError):
        sdp.render(sdp.Description(media=(sdp.Media("audio", 1, "RTP/AVP", ("0",), attributes=(("x", value),)),)))


def mutated(body: bytes, random_: random.Random) -> bytes:
    """Return the body with some mutations of fuzzers: bytes changed, cut or doubled, and lines moved."""
    data = bytearray(body)
    for _ in range(random_.randint(1, 8)):
        at = random_.randrange(len(data) or 1)
        match random_.randrange(6):
            case 0 if data:
                data[at] = random_.randrange(256)
            case 1:
                del data[at : at + random_.randrange(1, 40)]
            case 2:
                data[at:at] = data[at : at + random_.randrange(1, 200)]
            case 3:
                data[at:at] = random_.choice(
                    (b"\r\n", b"\n\n", b"a=", b"m=", b"=", b" ", b"\xff", b"99999999999", b"|", b"%")
                )
            case 4:
                lines = bytes(data).split(b"\r\n")
                random_.shuffle(lines)
                data = bytearray(b"\r\n".join(lines))
            case _:
                data[at : at + 1] = bytes(random_.randrange(256) for _ in range(random_.randrange(1, 6)))
    return bytes(data)


@pytest.mark.parametrize("name", NAMES)
def test_mutated_descriptions_raise_only_peer_error(name: str) -> None:
    random_ = random.Random(name)
    body, read_ = terminals.read(name), 0
    for _ in range(150):
        try:
            description = sdp.parse(mutated(body, random_))
        except PeerError:
            continue
        read_ += 1
        for media in description.media:
            (
                media.rtpmaps(),
                media.crypto(),
                media.payload_types,
                description.host_of(media),
                description.direction_of(media),
            )
            for number in media.payload_types:
                media.parameters(number), media.feedback(number)
        if "" not in (description.host, *(media.host for media in description.media)):
            assert sdp.parse(sdp.render(description)) == description
    assert read_ > 10, "mutations that nothing survives test nothing"


def test_the_fixture_folder_exists() -> None:
    assert Path(terminals.FIXTURES).is_dir()
    assert len(NAMES) >= 16
