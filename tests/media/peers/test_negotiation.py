"""The results of negotiation and their text. Pure."""

from pathlib import Path

import pytest
from aiortc.sdp import SessionDescription

from media.ground.parameters import Acceptance, Candidate, Capabilities, Credentials, Sending
from media.peers.description import parse
from media.peers.negotiation import (
    Head,
    Plan,
    agree,
    layers,
    map_codecs,
    match,
    own_capabilities,
    published_order,
    write,
)
from media.peers.sections import own_section

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sdp"


def sections(kind: str) -> list[str]:
    """Return the media sections of recorded browsers' descriptions that contain `kind`."""
    texts = [path.read_bytes().decode() for path in sorted(FIXTURES.glob("js_*.sdp"))]
    parts = [part for text in texts for part in text.split("\r\nm=")[1:]]
    return [part for part in parts if kind in part]


def test_browsers_send_no_flexfec_and_carry_no_dtls_in_stun() -> None:
    """PROTOCOL.md is right: FlexFEC is only in what Chromium receives, and SPED only in offers of the Rust SDK."""
    assert sections("flexfec-03")
    assert all("a=recvonly" in part for part in sections("flexfec-03"))
    assert any("m=" + part.split()[0] == "m=video" for part in sections("a=sendonly") + sections("a=sendrecv"))
    assert {line for part in sections("ice-options") for line in part.split("\r\n") if "ice-options" in line} == {
        "a=ice-options:trickle"
    }
    assert "goog-sped-v1" in (FIXTURES / "python_single_join.sdp").read_bytes().decode()


def capabilities(name: str, mid: str) -> Capabilities:
    description = parse((FIXTURES / f"{name}.sdp").read_bytes().decode())
    found = next(section for section in description.sections if section.mid == mid).capabilities
    assert found is not None
    return found


def head(setup: str = "passive") -> Head:
    candidates = [Candidate("udp", "192.0.2.1", 7882, 1, 9), Candidate("tcp", "192.0.2.1", 7881, 2, 8)]
    return Head(7, 1, Credentials("ours", "p" * 24), "AB:" * 31 + "CD", setup, True, candidates)


def answer(name: str, accepted: dict[str, Acceptance], sending: dict[str, Sending] | None = None) -> str:
    description = parse((FIXTURES / f"{name}.sdp").read_bytes().decode())
    plans = [
        Plan(section, "sendrecv", accepted.get(section.mid), (sending or {}).get(section.mid))
        for section in description.sections
    ]
    return write(head(), plans)


def body(sdp: str, mid: str) -> list[str]:
    sections = [part.split("\r\n") for part in sdp.split("\r\nm=")[1:]]
    return next(lines for lines in sections if f"a=mid:{mid}" in lines)


def names(found: Capabilities, acceptance: Acceptance) -> list[str]:
    return [codec.name for codec in published_order(found.codecs, acceptance)]


def test_red_first_for_a_publisher_unless_refused() -> None:
    audio = capabilities("js_single_published", "8")
    assert names(audio, Acceptance()) == ["red", "opus", "g722", "pcmu", "pcma"]
    assert names(audio, Acceptance(red=False)) == ["opus", "g722", "pcmu", "pcma"]
    assert names(capabilities("go_single_published", "0"), Acceptance()) == ["opus", "pcmu", "pcma"]


def test_the_wanted_codec_and_constrained_baseline_come_first() -> None:
    video = capabilities("js_single_published", "7")
    assert names(video, Acceptance())[0] == "vp8"
    assert names(video, Acceptance(codec="video/av1"))[0] == "av1"
    ordered = published_order(video.codecs, Acceptance(codec="video/H264"))
    assert [codec.format for codec in ordered[:4]] == ["constrained/1", "baseline/1", "constrained/0", "baseline/0"]
    assert names(video, Acceptance(codec="video/unheard"))[0] == "vp8"


def test_opus_parameters_of_a_publisher_and_of_a_listener() -> None:
    audio = capabilities("js_single_published", "8")
    assert "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\n" in agree(audio, Acceptance()).text
    stereo = agree(audio, Acceptance(stereo=True, dtx=False)).text
    assert "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;maxaveragebitrate=510000\r\n" in stereo
    assert "a=fmtp:111 minptime=10;useinbandfec=1\r\n" in agree(audio, None).text


def test_feedback_is_what_both_have() -> None:
    video = capabilities("js_single_published", "7")
    published = [line for line in agree(video, Acceptance()).text.split("\r\n") if line.startswith("a=rtcp-fb:96")]
    assert published == [
        "a=rtcp-fb:96 transport-cc",
        "a=rtcp-fb:96 ccm fir",
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli",
    ]
    listened = [line for line in agree(video, None).text.split("\r\n") if line.startswith("a=rtcp-fb:96")]
    assert listened == published, "arrivals are told of what we send, too"
    assert "goog-remb" not in agree(video, None).text


@pytest.mark.parametrize("codec", [None, "video/VP8", "video/VP9", "video/AV1", "video/H264"])
def test_a_publisher_describes_dependencies_for_any_codec(codec: str | None) -> None:
    agreed = agree(capabilities("js_single_published", "7"), Acceptance(codec=codec))
    assert "dependency-descriptor" in [extension.name for extension in agreed.extensions]


def test_the_dependency_descriptor_is_negotiated() -> None:
    agreed = agree(capabilities("js_single_published", "7"), None)
    assert "dependency-descriptor" in [extension.name for extension in agreed.extensions]


def test_the_playout_delay_extension_is_negotiated() -> None:
    uri = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
    video = capabilities("js_single_join", "3")
    agreed = [agree(video, acceptance).text for acceptance in (None, Acceptance())]
    assert all(uri in text for text in agreed), "a browser offers later what the first answer held"
    assert uri in write(head("actpass"), [Plan(own_section("video", "1"), "sendonly")])


@pytest.mark.parametrize(
    ("rids", "ordered"),
    [
        (("f", "h", "q"), ("q", "h", "f")),
        (("q", "h"), ("q", "h")),
        (("h", "q"), ("q", "h")),
        (("low", "high"), ("low", "high")),
        ((), ()),
    ],
)
def test_layers_lowest_first(rids: tuple[str, ...], ordered: tuple[str, ...]) -> None:
    assert layers(rids) == ordered


def test_an_answer_keeps_section_order_and_aiortc_reads_it() -> None:
    sdp = answer("js_single_published", {"7": Acceptance(), "8": Acceptance()})
    read = SessionDescription.parse(sdp)
    assert [media.rtp.muxId for media in read.media] == [str(mid) for mid in range(9)]
    assert read.group[0].items == [str(mid) for mid in range(9)]
    assert sdp.count("a=candidate:") == 2
    assert sdp.count("a=end-of-candidates") == 1
    assert "a=ice-lite\r\n" in sdp
    assert "a=extmap-allow-mixed\r\n" in sdp
    assert sdp.count("a=setup:passive\r\n") == 9
    assert body(sdp, "6")[-3:] == ["a=ice-pwd:" + "p" * 24, "a=sctp-port:5000", "a=max-message-size:65535"]


def test_simulcast_is_answered_in_the_offered_order() -> None:
    rust = body(answer("python_single_published", {"7": Acceptance()}), "7")
    assert [line for line in rust if line.startswith(("a=rid", "a=simulcast"))] == [
        "a=rid:f recv",
        "a=rid:h recv",
        "a=rid:q recv",
        "a=simulcast:recv f;h;q",
    ]
    assert rust[0] == "video 9 UDP/TLS/RTP/SAVPF 96"


def test_a_refused_publisher_gets_no_simulcast() -> None:
    assert not [line for line in body(answer("js_single_published", {}), "7") if line.startswith("a=simulcast")]


def test_rejected_section_keeps_its_place() -> None:
    text = (FIXTURES / "js_single_join.sdp").read_bytes().decode().replace("a=mid:1\r\n", "a=mid:1\r\na=inactive\r\n")
    first, second, third = text.split("\r\nm=", 3)[1:]
    text = text.replace("m=" + second, "m=" + second.replace("audio 9", "audio 0"))
    description = parse(text)
    sdp = write(head(), [Plan(section, "sendonly") for section in description.sections])
    assert "a=group:BUNDLE 0 2 3 4 5 6\r\n" in sdp
    assert body(sdp, "1")[0] == "audio 0 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126"
    assert (first != second, third[:5]) == (True, "audio")


def test_a_sending_section_names_its_track_and_sources() -> None:
    lines = body(answer("js_single_join", {}, {"3": Sending("PA_a|TR_b", "TR_b", 11, 22)}), "3")
    assert "a=msid:PA_a|TR_b TR_b" in lines
    assert "a=ssrc-group:FID 11 22" in lines
    assert "a=ssrc:11 cname:PA_a|TR_b" in lines
    assert "a=ssrc:22 msid:PA_a|TR_b TR_b" in lines
    alone = body(answer("js_single_join", {}, {"0": Sending("PA_a|TR_b", "TR_b", 11, 0)}), "0")
    assert not [line for line in alone if "FID" in line]


def test_aiortc_can_read_our_own_offer() -> None:
    sections = [own_section("application", "0"), own_section("audio", "1"), own_section("video", "2")]
    sdp = write(head("actpass"), [Plan(section, "sendonly") for section in sections])
    read = SessionDescription.parse(sdp)
    assert [media.kind for media in read.media] == ["application", "audio", "video"]
    again = parse(sdp)
    for section in again.sections[1:]:
        assert section.capabilities is not None
        own = own_capabilities(section.capabilities.kind)
        ours = [(codec.payload_type, codec.name, codec.format, codec.rtx) for codec in own.codecs]
        theirs = section.capabilities.codecs
        assert [(codec.payload_type, codec.name, codec.format, codec.rtx) for codec in theirs] == ours


# -- payload types from producer to consumer


def test_codecs_are_matched_by_name_and_format_not_by_number() -> None:
    go, rust = capabilities("go_single_published", "3"), capabilities("python_single_published", "3")
    mapping = map_codecs(agree(go, Acceptance()).codecs, rust.codecs)
    numbers = {old: (new, repair) for old, new, repair in mapping.payloads}
    assert numbers[96] == (96, 97)
    assert numbers[106] == (109, 114)  # H.264 constrained baseline, mode 1
    assert 116 not in numbers  # H.265
    assert mapping.repaired


def test_constrained_baseline_fits_baseline_but_not_vice_versa() -> None:
    video = capabilities("js_single_join", "3")
    constrained = next(codec for codec in video.codecs if codec.format == "constrained/1")
    baseline = next(codec for codec in video.codecs if codec.format == "baseline/1")
    assert match(constrained, [baseline]) is baseline
    assert match(baseline, [constrained]) is None
    other_mode = next(codec for codec in video.codecs if codec.format == "constrained/0")
    assert match(constrained, [other_mode]) is None


def test_red_is_forwarded_unchanged_or_stripped() -> None:
    chrome, go = capabilities("js_single_published", "8"), capabilities("go_single_published", "1")
    produced = agree(chrome, Acceptance()).codecs
    whole = map_codecs(produced, chrome.codecs)
    assert (63, 63, -1) in whole.payloads
    assert (whole.strip_red, whole.red_blocks) == (False, [(111, 111)])
    stripped = map_codecs(produced, go.codecs)
    assert {(111, 111, -1), (63, 111, -1)} <= set(stripped.payloads)
    assert (stripped.strip_red, stripped.red_blocks) == (True, [])


def test_red_may_be_made_where_the_publisher_sends_none() -> None:
    chrome, go = capabilities("js_single_published", "8"), capabilities("go_single_published", "1")
    plain = agree(chrome, Acceptance(red=False)).codecs
    assert map_codecs(plain, chrome.codecs).made_red == 63
    assert map_codecs(plain, go.codecs).made_red == -1
    assert map_codecs(agree(chrome, Acceptance()).codecs, chrome.codecs).made_red == -1
    without_opus = tuple(codec for codec in plain if codec.name != "opus")
    assert map_codecs(without_opus, chrome.codecs).made_red == -1


def test_our_offers_allow_nack_for_audio() -> None:
    assert "a=rtcp-fb:111 nack" in agree(own_capabilities("audio"), None).text.split("\r\n")


def test_without_a_common_codec_no_payload_is_mapped() -> None:
    rust = capabilities("python_single_published", "7")  # only VP8
    av1 = [codec for codec in capabilities("js_single_join", "3").codecs if codec.name == "av1"]
    assert map_codecs(tuple(av1), rust.codecs).payloads == []
    both = agree(capabilities("js_single_join", "3"), Acceptance(codec="video/AV1")).codecs
    assert {codec.name for codec in both} > {"av1", "vp8"}
    assert map_codecs(both, rust.codecs).payloads == [], "the first is what is sent"
