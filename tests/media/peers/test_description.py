"""Parsing of descriptions: offers of real clients, and hostile texts."""

import re
from pathlib import Path
from typing import Any

import pytest
from aiortc import sdp as aiortc_sdp
from aiortc.rtcrtpparameters import RTCRtcpFeedback
from aiortc.sdp import SessionDescription
from hypothesis import given, settings
from hypothesis import strategies as st

from media import PeerError
from media.ground import limits
from media.ground.parameters import Candidate, Codec, Description
from media.peers import description as reading
from media.peers.description import Memory, parse

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sdp"


def fixture(name: str) -> str:
    return (FIXTURES / f"{name}.sdp").read_bytes().decode()


def codecs(description: Description, mid: str) -> dict[int, Codec]:
    section = next(section for section in description.sections if section.mid == mid)
    assert section.capabilities is not None
    return {codec.payload_type: codec for codec in section.capabilities.codecs}


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.sdp")), ids=lambda path: path.stem)
def test_agrees_with_aiortc_on_every_recorded_description(path: Path) -> None:
    text = path.read_bytes().decode()
    ours, theirs = parse(text), SessionDescription.parse(text)
    assert [section.mid for section in ours.sections] == [media.rtp.muxId for media in theirs.media]
    assert [section.direction for section in ours.sections] == [media.direction or "sendrecv" for media in theirs.media]
    assert theirs.media[0].ice is not None
    assert ours.ufrag == theirs.media[0].ice.usernameFragment
    for section, media in zip(ours.sections, theirs.media, strict=True):
        known = {codec.payloadType: codec.mimeType for codec in media.rtp.codecs}
        if section.capabilities is not None:
            for codec in section.capabilities.codecs:
                assert known[codec.payload_type].lower() == codec.mime.lower()
                assert codec.rtx == -1 or known[codec.rtx] == "video/rtx"


def test_javascript_client_with_simulcast() -> None:
    description = parse(fixture("js_single_published"))
    assert [section.kind for section in description.sections] == ["audio"] * 3 + ["video"] * 3 + [
        "application",
        "video",
        "audio",
    ]
    assert (description.setup, description.allow_mixed, description.ufrag) == ("actpass", True, "0hq+")
    camera, microphone = description.sections[7:]
    assert camera.sends
    assert camera.track_id == "e5357954-1cab-49b4-abef-a5d2ad68cdd4"
    assert camera.simulcast == ("q", "h", "f")
    assert [encoding.rid for encoding in camera.encodings] == ["q", "h", "f"]
    assert [encoding.ssrc for encoding in microphone.encodings] == [1534158479]
    assert codecs(description, "8")[63].parameters == "111/111"
    assert description.sections[6].max_message_bytes == 262144


def test_no_dependency_descriptor_without_mixed_headers() -> None:
    """Without mixed headers there is no dependency descriptor. Its first table needs a long header, and the other extensions
    use short headers.
    """
    offered = fixture("js_single_published")
    plain = offered.replace("a=extmap-allow-mixed\r\n", "").replace("a=extmap-allow-mixed\n", "")
    assert plain != offered

    def names(sdp: str) -> list[list[str]]:
        told = [section.capabilities for section in parse(sdp).sections if section.kind == "video"]
        return [[extension.name for extension in one.extensions] for one in told if one is not None]

    assert all("dependency-descriptor" in found for found in names(offered))
    without = [[name for name in found if name != "dependency-descriptor"] for found in names(offered)]
    assert names(plain) == without
    again = [section.capabilities for section in parse(plain).sections]
    assert all(a is b for a, b in zip(again, [one.capabilities for one in parse(plain).sections], strict=True))


def test_h264_states_profile_and_mode_and_drops_wrong_formats() -> None:
    found = codecs(parse(fixture("js_single_join")), "3")
    formats = {number: codec.format for number, codec in found.items() if codec.name == "h264"}
    assert sorted(formats.values()) == ["baseline/0", "baseline/1", "constrained/0", "constrained/1"]
    assert found[108].format == "constrained/1"
    assert {codec.name for codec in found.values()} == {"vp8", "vp9", "h264", "av1"}
    assert {codec.format for codec in found.values() if codec.name == "vp9"} == {"0", "2"}


def test_offered_h265_of_the_main_tier_is_accepted() -> None:
    offered = {
        50: "level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST",
        51: "level-id=93;profile-id=2;tier-flag=0;tx-mode=SRST",
        52: "level-id=93;profile-id=1;tier-flag=1;tx-mode=SRST",
        53: "level-id=93;profile-id=4;tier-flag=0",
        54: "level-id=93;profile-id=1;tx-mode=MRST",
    }
    lines = "".join(f"a=rtpmap:{number} H265/90000\r\na=fmtp:{number} {words}\r\n" for number, words in offered.items())
    numbers = " ".join(map(str, offered))
    head, video, rest = re.split(r"(m=video [^\r]*\r\n)", fixture("js_single_join"), maxsplit=1)
    found = codecs(parse(head + video.replace("\r\n", f" {numbers}\r\n") + lines + rest), "3")
    assert {number: codec.format for number, codec in found.items() if codec.name == "h265"} == {50: "1/0", 51: "2/0"}
    assert found[50].mime == "video/H265"


def test_a_section_of_the_rust_client_has_one_codec_without_rtx() -> None:
    description = parse(fixture("python_single_published"))
    found = codecs(description, "7")
    assert [(codec.name, codec.rtx) for codec in found.values()] == [("vp8", -1)]
    assert description.sections[7].simulcast == ("f", "h", "q")


def test_go_sends_in_a_placeholder_and_shares_its_fingerprint() -> None:
    description = parse(fixture("go_single_published"))
    microphone, camera = description.sections[0], description.sections[3]
    assert (microphone.direction, microphone.track_id) == ("sendrecv", "TR_EqmkThSGo3eb")
    assert [(one.ssrc, one.rtx_ssrc) for one in camera.encodings] == [(3465666967, 1578346156)]
    assert len(description.fingerprints) == 1


def test_paused_layers_keep_their_tilde() -> None:
    text = fixture("js_single_published").replace("a=simulcast:send q;h;f", "a=simulcast:send ~q;~h;f")
    camera = parse(text).sections[7]
    assert camera.simulcast == ("~q", "~h", "f")
    assert [encoding.rid for encoding in camera.encodings] == ["q", "h", "f"]


def test_what_aiortc_stumbles_over_is_read() -> None:
    """An fmtp without rtpmap, an extmap with direction and attributes, and static payload types without rtpmap are read."""
    text = small("a=fmtp:99 apt=96", "a=extmap:4/recvonly urn:ietf:params:rtp-hdrext:sdes:mid x y", numbers="111 0 99")
    description = parse(text)
    assert set(codecs(description, "0")) == {111, 0}
    capabilities = description.sections[0].capabilities
    assert capabilities is not None
    assert [(one.id, one.name) for one in capabilities.extensions] == [(4, "mid")]


def test_rejected_unbundled_and_foreign_sections_are_not_usable() -> None:
    base = small()
    assert parse(base).sections[0].usable
    assert not parse(base.replace("m=audio 9", "m=audio 0")).sections[0].usable
    assert parse(base.replace("m=audio 9", "m=audio 0") + "a=bundle-only\r\n").sections[0].usable
    assert not parse(base.replace("BUNDLE 0", "BUNDLE 1")).sections[0].usable
    assert not parse(base.replace("a=rtcp-mux\r\n", "")).sections[0].usable
    assert not parse(base.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP")).sections[0].usable
    assert not parse(base.replace("opus/48000/2", "speex/8000")).sections[0].usable


def test_same_codec_lines_are_read_once() -> None:
    text = fixture("js_single_join")
    first, second = parse(text), parse(text.replace("a=ice-ufrag:", "a=ice-ufrag:x"))
    assert first.sections[3].capabilities is second.sections[4].capabilities is first.sections[5].capabilities


def blocks(*codec_lines: list[str], numbers: range = range(96, 128)) -> str:
    """Return a description with a section for each block of codec lines."""
    mids = range(len(codec_lines))
    text = small().partition("m=audio")[0].replace("BUNDLE 0", "BUNDLE " + " ".join(map(str, mids)))
    mapped = [f"a=rtpmap:{number} VP8/90000" for number in numbers]
    for mid, lines in zip(mids, codec_lines, strict=True):
        head = [f"m=video 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, numbers))}", f"a=mid:{mid}", "a=rtcp-mux"]
        text += "\r\n".join([*head, "a=ice-ufrag:abcd", *mapped, *lines, ""])
    return text


def test_feedback_of_all_codecs_said_many_times_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    built = 0

    def counted(**said: str) -> RTCRtcpFeedback:
        nonlocal built
        built += 1
        return RTCRtcpFeedback(**said)

    monkeypatch.setattr(aiortc_sdp, "RTCRtcpFeedback", counted)
    again = ["a=rtcp-fb:* nack"] * 900
    found = codecs(
        parse(blocks(["a=rtcp-fb:97 nack pli", "a=rtcp-fb:098 ccm fir", "a=rtcp-fb:*  goog-remb ", *again])), "0"
    )
    assert len(found) == 32
    assert found[96].feedback == found[98].feedback == {"nack", "goog-remb"}
    assert found[97].feedback == {"nack", "goog-remb", "nack pli"}
    assert built <= 4 * 32


def test_codecs_of_all_sections_together_are_bounded() -> None:
    """The sum over all sections is limited. Each line and each section is allowed: 32 codecs with 30 kinds of feedback, 1,022
    entries.
    """
    sections = [[f"a=rtcp-fb:* one{mid} {way}" for way in range(30)] for mid in range(5)]
    memory = Memory()
    first = parse(blocks(*sections[:4]), memory)
    assert len(codecs(first, "3")[96].feedback) == 30
    for known in (None, memory):
        with pytest.raises(PeerError, match="too many codecs"):
            parse(blocks(*sections), known)
    parse(blocks(*(sections[mid % 4] for mid in range(400))))


@pytest.mark.parametrize("length", [10, limits.CODEC_CACHE_CHARACTERS])
def test_a_repeated_block_is_parsed_once_per_description(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    read = 0
    whole = reading._aiortc_codecs

    def counted(*said: Any) -> Any:
        nonlocal read
        read += 1
        return whole(*said)

    monkeypatch.setattr(reading, "_aiortc_codecs", counted)
    parse(blocks(*[[f"a=fmtp:96 once={'x' * length}"]] * 8))
    assert read == 1


def test_browsers_with_hundreds_of_tracks_stay_within_bounds() -> None:
    for name in ("js_single_published", "go_single_published"):
        head, *sections = fixture(name).removesuffix("\r\n").split("\r\nm=")
        media = [one for one in sections if one.startswith(("audio", "video"))]
        many = [re.sub("a=mid:[^\r]*", f"a=mid:{mid}", media[mid % len(media)]) for mid in range(500)]
        group = "a=group:BUNDLE " + " ".join(map(str, range(500)))
        text = "\r\nm=".join([re.sub("a=group:BUNDLE[^\r]*", group, head), *many]) + "\r\n"
        text += "a=x\r\n" * min((limits.SDP_CHARACTERS - len(text)) // 5, limits.SDP_LINES - text.count("\n"))
        assert sum(section.usable for section in parse(text).sections) == 500


def test_candidate_text() -> None:
    udp, tcp = Candidate("udp", "2001:db8::1", 7882, 1, 2), Candidate("tcp", "192.0.2.1", 7881, 3, 4)
    assert str(udp) == "candidate:1 1 udp 2 2001:db8::1 7882 typ host"
    assert str(tcp) == "candidate:3 1 tcp 4 192.0.2.1 7881 typ host tcptype passive"


# -- hostile


def small(*lines: str, numbers: str = "111") -> str:
    return "\r\n".join(
        [
            "v=0",
            "o=- 1 2 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            "a=group:BUNDLE 0",
            f"m=audio 9 UDP/TLS/RTP/SAVPF {numbers}",
            "a=mid:0",
            "a=rtcp-mux",
            "a=ice-ufrag:abcd",
            "a=fingerprint:sha-256 " + "AB:" * 31 + "CD",
            "a=setup:actpass",
            "a=rtpmap:111 opus/48000/2",
            *lines,
            "",
        ]
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n",
        small().replace("v=0", "v=0\x00"),
        small("a=x:\x07"),
        small().replace("m=audio 9 ", "m=audio "),
        small().replace("m=audio 9 ", "m=audio ٩ "),
        small(numbers="111 111"),
        small(numbers="111 128"),
        small(numbers="111 -1"),
        small(numbers="111 ١"),
        small("a=rtpmap:111 opus/48000/2"),
        small("a=rtpmap:112 opus", numbers="111 112"),
        small("a=rtpmap:112 opus/fast/2", numbers="111 112"),
        small().replace("a=mid:0", "a=mid:" + "x" * (limits.MID_CHARACTERS + 1)),
        small().replace("a=mid:0", "a=mid:a b"),
        small().replace("ufrag:abcd", "ufrag:abc"),
        small().replace("ufrag:abcd", "ufrag:ab d"),
        small().replace("m=audio 9 ", "a=ice-ufrag:abc\r\nm=audio 0 "),
        small().replace("sha-256 AB", "sha-256 XY"),
        small("a=sendonly", "a=ssrc:4294967296 cname:x"),
        small("a=sendonly", "a=ssrc:0 cname:x"),
        small("a=sendonly", "a=ssrc-group:FID one two"),
        small("a=sendonly", "a=rid:q send", "a=rid:q send"),
        small("a=sendonly", "a=rid:" + "q" * (limits.RID_CHARACTERS + 1) + " send"),
        small("a=sendonly", "a=simulcast:send q;;h"),
        small("a=max-message-size:-1"),
        small("a=sctp-port:65536"),
        small("a=x:" + "y" * limits.SDP_LINE_CHARACTERS),
        small(*(f"a=fingerprint:sha-256 {'AB:' * 31}CD" for _ in range(limits.SDP_FINGERPRINTS))),
        small("a=sendonly", *(f"a=ssrc:{ssrc} cname:x" for ssrc in range(1, limits.SDP_SOURCES + 2))),
        small(*("a=rtcp-fb:111 nack" for _ in range(limits.SDP_CODEC_LINES))),
        small() + "a=x\n" * limits.SDP_LINES,
        small() + ("a=x:" + "y" * 1000 + "\n") * (limits.SDP_CHARACTERS // 1000),
        small() + "m=audio 0 RTP/AVP 0\r\n" * limits.SDP_SECTIONS,
        small() + "".join(f"m=audio 0 RTP/AVP {number}\r\n" for number in range(limits.SDP_CODEC_BLOCKS)),
        small() + small().partition("t=0 0\r\n")[2].partition("\r\n")[2],
    ],
)
def test_wrong_descriptions_are_the_peers_error(text: str) -> None:
    with pytest.raises(PeerError):
        parse(text)


def test_only_the_changed_part_of_a_description_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a changed section is parsed. With hundreds of tracks, each change would otherwise cost a parse of all sections."""
    read: list[str] = []
    whole = reading._RawSection

    class Counted(whole):  # type: ignore[valid-type, misc]
        def __init__(self, body: str) -> None:
            read.append(body)
            super().__init__(body)

    monkeypatch.setattr(reading, "_RawSection", Counted)
    first = fixture("js_single_join")
    memory = Memory()
    known = parse(first, memory)
    assert len(read) == len(known.sections) > 3
    read.clear()
    assert parse(first, memory) == known
    assert not read
    changed = first.replace("a=recvonly", "a=inactive", 1)
    now = parse(changed, memory)
    assert len(read) == 1
    assert now == parse(changed)
    read.clear()
    head, *sections = first.split("\r\nm=")
    recvonly = next(one for one in sections if "a=recvonly" in one)
    mid = recvonly.split("a=mid:")[1].partition("\r\n")[0]
    more = head.replace("BUNDLE", "BUNDLE new") + "".join(f"\r\nm={one}" for one in sections)
    more = f"{more.removesuffix(chr(13) + chr(10))}\r\nm={recvonly.replace(f'a=mid:{mid}', 'a=mid:new')}\r\n"
    parse(first, memory)
    read.clear()
    assert parse(more, memory) == parse(more)
    assert len(read) == 1 + len(sections) + 1, "the new one; without a memory all"
    parse(changed, memory)
    read.clear()
    unbundled = changed.replace(f" {now.sections[-1].mid}\r\n", "\r\n", 1)
    assert unbundled != changed
    assert parse(unbundled, memory) == parse(unbundled)
    assert not parse(unbundled, memory).sections[-1].usable
    with pytest.raises(PeerError):
        parse(first.replace("a=ice-pwd:", "a=\x00ice-pwd:"), memory)
    assert parse(first, memory) == known


@pytest.mark.parametrize(
    "text",
    [
        small().replace("a=mid:0", "a=mid:" + "x" * limits.MID_CHARACTERS).replace("E 0", "E " + "x" * 16),
        small("a=x:" + "y" * (limits.SDP_LINE_CHARACTERS - 4)),
        small(*("a=rtcp-fb:111 nack" for _ in range(limits.SDP_CODEC_LINES - 1))),
        small("a=sendonly", *(f"a=ssrc:{ssrc} cname:x" for ssrc in range(1, limits.SDP_SOURCES + 1))),
        small() + "m=audio 0 RTP/AVP 0\r\n" * (limits.SDP_SECTIONS - 1),
        small() + "".join(f"m=audio 0 RTP/AVP {number}\r\n" for number in range(limits.SDP_CODEC_BLOCKS - 1)),
    ],
)
def test_bounds_themselves_pass(text: str) -> None:
    assert parse(text).sections[0].usable


LINES = st.sampled_from(
    [line for path in sorted(FIXTURES.glob("*_published.sdp")) for line in path.read_bytes().decode().split("\r\n")]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES | st.text(max_size=40), max_size=60), st.data())
def test_shuffled_lines_never_raise_anything_else(lines: list[str], data: st.DataObject) -> None:
    text = "\r\n".join(["v=0", *lines])
    cut = data.draw(st.integers(0, len(text)))
    for one in (text, text[:cut], text[:cut] + data.draw(st.text(max_size=3)) + text[cut:]):
        try:
            parse(one)
        except PeerError:
            continue
