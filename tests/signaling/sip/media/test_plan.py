"""Offers, answers and plans: from real descriptions, from tables of rules, and between two of our own ends."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference import PeerError
from conference.ground.plan import Endpoint, MediaPlan, OwnEnds, Policy, VideoPlan
from signaling.sip.media import plan, profiles
from signaling.sip.media.plan import Agreed, NotAcceptable, answer, make_offer, read_answer
from signaling.sip.media.profiles import GENERIC, Profile, Profiles
from signaling.sip.wire import sdp
from tests.signaling.sip import terminals
from tests.signaling.sip.terminals import OWN, OWN6
from tests.signaling.sip.wire.test_sdp import mutated

POLICY = Policy()
HEAD = "v=0\no=- 7 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\n"
AUDIO = "m=audio 5000 RTP/AVP 8\n"
VIDEO = "m=video 5002 RTP/AVP 97\na=rtpmap:97 H264/90000\na=fmtp:97 profile-level-id=42801f;packetization-mode=1\n"
KEY = "inline:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
CRYPTO = f"a=crypto:3 AES_CM_128_HMAC_SHA1_80 {KEY}\n"


def wire(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def lines_of(body: bytes) -> list[str]:
    return [line for line in body.decode().split("\r\n") if line.startswith("m=")]


def block(body: bytes, index: int) -> str:
    return "m=" + body.decode().replace("\r\n", "\n").split("\nm=")[index + 1]


def reply(
    text: str, policy: Policy = POLICY, profile: Profile = GENERIC, own: OwnEnds = OWN
) -> tuple[bytes, MediaPlan]:
    return answer(wire(HEAD + text), own, profile, policy)


def video_of(found: MediaPlan) -> VideoPlan:
    assert found.video is not None
    return found.video


# -- real offers -------------------------------------------------------------------------------------------------------

LINES = {
    "a": "audio 20000",
    "v": "video 20002",
    "s": "video 20004",
    "f": "application 21000",
    "c": "application 20006",
    "-": "application 0",
}
OFFERS = {
    # - name: our m-lines in their order (audio, video, slides, floor, camera; - for a refused line)
    # - audio codec, mode, (max_fs, max_mbps), maximum bps of the camera line
    # - content, floor, far camera
    "polycom_group_offer": ("avfc", "g722", 1, (3600, 108_000), 908_800, False, "udp", True),
    "polycom_group_savp_offer": ("avfc", "g722", 1, (3600, 108_000), 787_200, False, "udp", True),
    "poly_tcp_offer": ("av-f", "g722", 1, (8192, 490_000), 20_000_000, False, "tcp", False),
    "tandberg_offer": ("av", "pcma", 1, (3600, 108_000), 1_836_000, False, None, False),
    "tandberg_movi_offer": ("avsfc", "pcma", 1, (3600, 108_000), 300_800, True, "udp", True),
    "cisco_ce_offer": ("avfsc-", "opus", 1, (8160, 490_000), 5_000_000, True, "udp", True),
    "cisco_srtp_offer": ("avsfc-", "opus", 1, (8160, 490_000), 1_760_000, True, "udp", True),
    "hdx_offer": ("avf", "g722", 0, (3600, 108_000), 300_800, False, "tcp", False),
    "hdx_ipv6_offer": ("avf", "g722", 0, (3600, 108_000), 1_600_000, False, "tcp", False),
}  # fmt: skip


@pytest.mark.parametrize("name", OFFERS)
def test_real_offers_are_answered(name: str) -> None:
    expected, codec, mode, size, rate_bps, content, floor, camera = OFFERS[name]
    offer = terminals.read(name)
    body, found = answer(offer, OWN6 if "ipv6" in name else OWN, GENERIC, POLICY)
    assert [" ".join(line[2:].split()[:2]) for line in lines_of(body)] == [LINES[letter] for letter in expected]
    protocols = [media.protocol for media in sdp.parse(offer).media]
    assert [media.protocol for media in sdp.parse(body).media] == protocols, (
        "the protocol of a line is not ours to change"
    )
    video = video_of(found)
    assert found.audio is not None
    assert found.audio.codec == codec
    assert (video.mode, (video.max_fs, video.max_mbps), video.max_br_bps) == (mode, size, rate_bps)
    assert (found.content is not None, found.far_camera is not None) == (content, camera)
    assert (found.bfcp.transport if found.bfcp else None) == floor
    assert found.encrypted == ("SAVP" in protocols[0])


@pytest.mark.parametrize("name", OFFERS)
def test_an_answer_has_one_audio_codec_and_dtmf(name: str) -> None:
    body, _ = answer(terminals.read(name), OWN6 if "ipv6" in name else OWN, GENERIC, POLICY)
    audio = sdp.parse(body).media[0]
    names = [one.name for one in audio.rtpmaps().values()]
    assert len([one for one in names if one != "telephone-event"]) == 1
    assert set(audio.formats) <= set(sdp.parse(terminals.read(name)).media[0].formats)


def test_a_far_end_that_repeats_its_offer_gets_the_same_answer() -> None:
    """Show that a repeated offer gets the same answer. A Poly's re-INVITE repeats its first offer, and so does a session
    refresh (RFC 4028).
    """
    offer = terminals.read("poly_tcp_offer")
    body, found = answer(offer, OWN, GENERIC, POLICY)
    assert answer(offer, OWN, GENERIC, POLICY, Agreed(body, found)) == (body, found)


# -- real answers ------------------------------------------------------------------------------------------------------

ANSWERS = {
    # name: User-Agent, audio codec, mode, level, (max_fs, max_mbps), maximum bps
    "hdx_answer": ("Polycom HDX 8000", "g722", 0, 13, (3600, 108_000), 1_395_200),
    "huawei_viewpoint_answer": ("Huawei ViewPoint9000", "g722", 0, 31, (3840, 108_000), 1_395_200),
    "yealink_vc400_answer": ("Yealink VC400", "g722", 0, 32, (8160, 244_800), 1_395_200),
    "aver_evc130_answer": ("AVer, EVC130", "g722", 0, 40, (8160, 244_800), 1_429_400),
    "sony_xg77_answer": ("Sony PCS-XG77", "g722", 0, 31, (3600, 108_000), 1_395_200),
    "tandberg_e20_answer": ("TANDBERG/257", "g722", 0, 13, (1344, 20_250), 906_000),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_real_answers_are_read(name: str) -> None:
    """Show that real answers are read. They answered other offers, so only their lines are read, each with our line of the same
    kind.
    """
    agent, codec, mode, level, size, rate_bps = ANSWERS[name]
    profile = Profiles().find(agent)
    policy = Policy(encryption="off")
    found = read_answer(make_offer(OWN, profile, policy), terminals.read(name), profile, policy)
    video = video_of(found)
    assert found.audio is not None
    assert found.audio.codec == codec
    assert (video.mode, video.level, (video.max_fs, video.max_mbps), video.max_br_bps) == (mode, level, size, rate_bps)
    assert found.audio.receive_payload_type == plan.AUDIO_TYPES[found.audio.codec]
    assert video.receive_payload_types == (plan.MODE_TYPES[0],)


def test_several_codecs_in_an_answer_may_all_come() -> None:
    found = read_answer(make_offer(OWN, GENERIC, POLICY), terminals.read("yealink_vc400_answer"), GENERIC, POLICY)
    assert found.audio is not None
    assert found.audio.also_receive == ((0, "pcmu"), (8, "pcma"))


def test_a_terminal_without_h264_is_a_voice() -> None:
    found = read_answer(make_offer(OWN, GENERIC, POLICY), terminals.read("vsx_answer"), GENERIC, POLICY)
    assert found.audio is not None
    assert found.video is None


def test_floor_and_slides_of_an_answer() -> None:
    own_offer = wire(
        HEAD + AUDIO + VIDEO
        + "m=application 21000 TCP/BFCP *\na=floorctrl:c-s\na=confid:77\na=userid:5\na=floorid:1 mstrm:12\na=setup:actpass\n"
        + VIDEO + "a=content:slides\na=label:12\n"
    )  # fmt: skip
    aver = terminals.read("aver_evc130_answer").replace(b"packetization-mode=0", b"packetization-mode=1")
    found = read_answer(
        own_offer, aver.replace(b"RTP/AVP 9\r\na=rtpmap:9 G722", b"RTP/AVP 8\r\na=rtpmap:8 PCMA"), GENERIC, POLICY
    )
    assert found.content is not None
    assert found.content.stream.remote == Endpoint("192.168.62.89", 30004)
    assert found.bfcp is not None
    assert (found.bfcp.transport, found.bfcp.we_connect) == ("tcp", True)
    assert (found.bfcp.conference_id, found.bfcp.user_id, found.bfcp.floor_id) == (77, 5, 1)


# -- our offer ---------------------------------------------------------------------------------------------------------


def test_the_offer_is_avp_with_feedback_lines() -> None:
    body = make_offer(OWN, GENERIC, POLICY)
    assert [line.split()[2] for line in lines_of(body)] == ["RTP/AVP", "RTP/AVP", "RTP/AVP", "UDP/BFCP", "RTP/AVP"]
    video = sdp.parse(body).media[1]
    assert video.feedback(97) == {"nack", "pli", "fir", "tmmbr"}
    assert b"AVPF" not in body
    assert b"rtcp-mux" not in body
    assert b"BUNDLE" not in body
    assert [video.parameters(number).get("packetization-mode") for number in video.payload_types] == ["1", None]
    assert all("max-fs" in video.parameters(number) and "max-mbps" in video.parameters(number) for number in (96, 97))
    for media in sdp.parse(body).media[:3]:
        assert media.bandwidth.as_bps > media.bandwidth.tias_bps > 0


def test_high_is_offered_only_where_both_want_it() -> None:
    high = replace(GENERIC, high=True)
    for profile, policy, types in (
        (GENERIC, POLICY, (97, 96)),
        (high, POLICY, (97, 96)),
        (GENERIC, Policy(high_profile=True), (97, 96)),
        (high, Policy(high_profile=True), (98, 97, 96)),
    ):
        assert sdp.parse(make_offer(OWN, profile, policy)).media[1].payload_types == types
    body, found = answer(terminals.read("polycom_group_offer"), OWN, high, Policy(high_profile=True))
    assert video_of(found).profile == "high"
    assert "profile-level-id=64001f" in body.decode()
    assert video_of(answer(terminals.read("polycom_group_offer"), OWN, high, POLICY)[1]).profile == "baseline"


def test_the_profile_is_obeyed() -> None:
    profile = replace(
        GENERIC, audio=("pcmu",), modes=(0,), max_level=13, feedback=(), tias=False, floor=("tcp",), floor_word="m-stream",
        floor_role="s-only", far_camera=False, baseline_prefix="4280",
    )  # fmt: skip
    body = make_offer(OWN, profile, Policy(encryption="off"))
    text = body.decode()
    assert lines_of(body) == [
        "m=audio 20000 RTP/AVP 0 101",
        "m=video 20002 RTP/AVP 96",
        "m=video 20004 RTP/AVP 96",
        "m=application 21000 TCP/BFCP *",
    ]
    assert "TIAS" not in text
    assert "crypto" not in text
    assert "rtcp-fb" not in text
    assert "profile-level-id=42800d;max-mbps=108000;max-fs=3600;max-br=2000" in text
    assert "a=floorid:1 m-stream:12" in text
    assert "a=floorctrl:s-only" in text
    assert "a=setup:actpass" in text
    avpf = make_offer(OWN, replace(GENERIC, feedback_profile=True), POLICY)
    assert lines_of(avpf)[0] == "m=audio 20000 RTP/AVPF 114 9 8 0 101"
    assert lines_of(make_offer(OWN, replace(GENERIC, video=False), POLICY))[1:] == [
        "m=application 21000 UDP/BFCP *",
        "m=application 20006 RTP/AVP 100",
    ]


def test_what_is_not_there_is_not_offered() -> None:
    assert lines_of(make_offer(OwnEnds("192.0.2.1", audio=OWN.audio), GENERIC, POLICY)) == [
        "m=audio 20000 RTP/AVP 114 9 8 0 101"
    ]
    assert (
        lines_of(make_offer(replace(OWN, bfcp=replace(terminals.FLOOR, udp_port=0)), GENERIC, POLICY))[3]
        == "m=application 21000 TCP/BFCP *"
    )


# -- what cannot be agreed ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "warning"),
    [
        ("", "media_none", 304),
        ("m=audio 5000 RTP/AVP 18\na=rtpmap:18 G729/8000\n", "codec_unknown", 305),
        ("m=video 5000 RTP/AVP 34\na=rtpmap:34 H263/90000\n", "codec_unknown", 305),
        ("m=audio 0 RTP/AVP 8\n", "media_none", 304),
        ("m=message 5000 TCP/MSRP *\n", "media_none", 304),
        ("m=audio 5000 UDP/TLS/RTP/SAVPF 8\n", "protocol_bad", 302),
        ("m=audio 5000 RTP/AVP 8\nc=IN IP4 terminal.example\n", "address_bad", 301),
        ("m=audio 5000 RTP/AVP 8\nc=IN IP6 2001:db8::1\n", "address_bad", 301),
        ("m=audio 5000 RTP/AVP 8\nc=IN IP4 224.2.1.1/127\n", "address_bad", 301),
        ("m=audio 5000 RTP/AVP 8\nc=IN IP4 255.255.255.255\n", "address_bad", 301),
        ("m=audio 5000 RTP/AVP 8\nc=IN IP4 127.0.0.1\n", "address_bad", 301),
        ("m=audio 5000 RTP/AVP 8\nc=IN IP4 169.254.169.254\n", "address_bad", 301),
        ("m=audio 5000 RTP/AVP 8\nc=IN IP4 10.9.9.9\n", "address_bad", 301),
        ("m=audio 5000 RTP/AVP 8\nc=IN IP4 192.0.2.1\n", "address_bad", 301),
    ],
)
def test_not_acceptable(text: str, code: str, warning: int) -> None:
    with pytest.raises(NotAcceptable) as refused:
        reply(text, Policy(media_networks=("192.0.2.0/24", "2001:db8::/32", "127.0.0.0/8")))
    assert (refused.value.code, refused.value.warning) == (code, warning)
    assert refused.value.header("mcu.example").startswith(f'{warning} mcu.example "')
    assert refused.value.vietnamese
    assert refused.value.vietnamese != refused.value.english


@pytest.mark.parametrize("host", ["224.2.1.1", "255.255.255.255", "127.0.0.1", "169.254.169.254", "192.0.2.1"])
def test_forbidden_addresses_get_no_media_in_any_network(host: str) -> None:
    """Show that no media go to multicast, to this machine (also by its own address), or to the local link."""
    text = HEAD.replace("192.0.2.9", host) + AUDIO
    with pytest.raises(NotAcceptable, match="address_bad"):
        answer(wire(text), OWN, GENERIC, Policy())
    with pytest.raises(NotAcceptable):
        read_answer(make_offer(OWN, GENERIC, Policy()), wire(text), GENERIC, Policy())


def test_behind_nat_packets_return_to_their_source() -> None:
    """Show that media go to the source of the packets, whatever address the terminal names. An address of zeros still means
    hold.
    """
    policy = Policy(media_networks=("198.51.100.7",), media_host="198.51.100.7")
    private = HEAD.replace("192.0.2.9", "192.168.1.5")
    _, found = answer(wire(private + AUDIO), OWN, GENERIC, policy)
    assert found.audio is not None
    assert found.audio.stream.remote == Endpoint("198.51.100.7", 5000)
    offer = make_offer(OWN, GENERIC, policy)
    taken = read_answer(offer, wire(private + AUDIO + VIDEO), GENERIC, policy)
    assert [stream.remote.host for stream in taken.streams] == ["198.51.100.7"] * 2
    _, held = answer(wire(HEAD.replace("192.0.2.9", "0.0.0.0") + AUDIO), OWN, GENERIC, policy)
    assert held.audio is not None
    assert held.audio.stream.held
    assert held.audio.stream.remote.host == ""


def test_loopback_is_for_loopback() -> None:
    local = replace(OWN, host="127.0.0.1")
    _, found = answer(wire(HEAD.replace("192.0.2.9", "127.0.0.1") + AUDIO), local, GENERIC, POLICY)
    assert found.audio is not None
    assert found.audio.stream.remote == Endpoint("127.0.0.1", 5000)


def test_rtcp_cannot_be_directed_to_a_third_address() -> None:
    _, found = reply(AUDIO + "a=rtcp:6001 IN IP4 198.51.100.1\n")
    assert found.audio is not None
    assert found.audio.stream.remote_rtcp == Endpoint("192.0.2.9", 6001)


# -- rules of answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "we_send", "we_receive", "answered"),
    [
        ("sendrecv", True, True, "sendrecv"),
        ("sendonly", False, True, "recvonly"),
        ("recvonly", True, False, "sendonly"),
        ("inactive", False, False, "inactive"),
    ],
)
def test_the_direction_attribute_sets_hold(offered: str, we_send: bool, we_receive: bool, answered: str) -> None:
    body, found = reply(AUDIO + f"a={offered}\n")
    assert found.audio is not None
    assert (found.audio.stream.we_send, found.audio.stream.we_receive) == (we_send, we_receive)
    assert f"a={answered}" in body.decode()
    assert found.held == (not we_send)


def test_hold_by_a_zero_address_keeps_the_former_address() -> None:
    body, found = reply(AUDIO + VIDEO)
    held = HEAD.replace("c=IN IP4 192.0.2.9", "c=IN IP4 0.0.0.0").replace("o=- 7 1", "o=- 7 2") + AUDIO + VIDEO
    again, after = answer(wire(held), OWN, GENERIC, POLICY, Agreed(body, found))
    assert after.held
    assert after.audio is not None
    assert after.audio.stream.remote == Endpoint("192.0.2.9", 5000)
    assert after.audio.stream.we_receive
    assert "a=recvonly" in block(again, 0)
    assert answer(wire(held), OWN, GENERIC, POLICY)[1].streams[0].remote == Endpoint("", 0)


def test_we_hold() -> None:
    body = make_offer(OWN, GENERIC, Policy(we_send=False))
    assert body.count(b"a=recvonly") == 4
    assert b"sendrecv" not in body
    _, found = reply(AUDIO, Policy(we_send=False, we_receive=False))
    assert found.audio is not None
    assert not found.audio.stream.we_send
    assert not found.audio.stream.we_receive


def test_rtcp_is_muxed_only_when_both_can() -> None:
    muxed = replace(OWN, audio=replace(terminals.AUDIO, rtcp_port=20_000))
    body, found = reply(AUDIO + "a=rtcp-mux\n", own=muxed)
    assert found.audio is not None
    assert found.audio.stream.rtcp_mux
    assert "a=rtcp-mux" in body.decode()
    assert found.audio.stream.remote_rtcp == found.audio.stream.remote
    body, found = reply(AUDIO, own=muxed)
    assert found.audio is not None
    assert not found.audio.stream.rtcp_mux
    assert "a=rtcp:20000" in body.decode()
    assert "a=rtcp-mux" not in body.decode()
    body, found = reply(AUDIO + "a=rtcp-mux\n")
    assert found.audio is not None
    assert not found.audio.stream.rtcp_mux
    assert b"rtcp" not in body


def test_the_label_of_the_floor_names_the_slides() -> None:
    floor = "m=application 5008 UDP/BFCP *\na=floorctrl:c-only\na=floorid:1 m-stream:3\n"
    slides = VIDEO.replace("5002", "5004") + "a=label:3\n"
    body, found = reply(AUDIO + slides + VIDEO + floor)
    assert [line.split()[1] for line in lines_of(body)] == ["20000", "20004", "20002", "21000"]
    assert found.content is not None
    assert found.content.stream.remote.port == 5004
    assert "a=floorid:1 m-stream:3" in block(body, 3), "their word, the label of our line"


def test_a_second_nameless_picture_beside_a_floor_is_slides() -> None:
    floor = "m=application 5008 UDP/BFCP *\n"
    second = VIDEO.replace("5002", "5004")
    _, found = reply(AUDIO + VIDEO + second + floor)
    assert found.content is not None
    assert found.content.stream.remote.port == 5004
    body, found = reply(AUDIO + VIDEO + second)
    assert found.content is None
    assert [line.split()[1] for line in lines_of(body)] == ["20000", "20002", "0"]


@pytest.mark.parametrize(
    ("line", "port", "ours", "connect"),
    [
        ("UDP/BFCP *\na=floorctrl:c-s", 21_000, "s-only", False),
        ("UDP/BFCP *\na=floorctrl:c-only s-only", 21_000, "s-only", False),
        ("UDP/BFCP *", 21_000, "s-only", False),
        ("UDP/BFCP *\na=floorctrl:s-only", 0, None, False),
        ("TCP/BFCP *\na=setup:actpass", 21_000, "passive", False),
        ("TCP/BFCP *\na=setup:active", 21_000, "passive", False),
        ("TCP/BFCP *\na=setup:passive", 9, "active", True),
        ("TCP/BFCP *", 21_000, "passive", False),
        ("TCP/BFCP *\na=setup:holdconn", 0, None, False),
        ("TCP/TLS/BFCP *\na=setup:actpass", 0, None, False),
        ("UDP/TLS/BFCP *\na=setup:actpass", 0, None, False),
    ],
)
def test_floor_lines(line: str, port: int, ours: str | None, connect: bool) -> None:
    body, found = reply(AUDIO + f"m=application 5008 {line}\n")
    assert lines_of(body)[1].split()[1] == str(port)
    assert (found.bfcp is None) == (port == 0)
    if found.bfcp is not None and ours:
        assert f":{ours}" in block(body, 1)
        assert found.bfcp.we_connect == connect
        assert found.bfcp.remote == Endpoint("192.0.2.9", 5008)


def test_the_preferred_of_two_bfcp_lines_is_chosen() -> None:
    both = "m=application 5010 TCP/BFCP *\na=setup:actpass\nm=application 5008 UDP/BFCP *\n"
    assert [line.split()[1] for line in lines_of(reply(AUDIO + both)[0])[1:]] == ["0", "21000"]
    first = replace(GENERIC, floor=("tcp", "udp"))
    assert [line.split()[1] for line in lines_of(reply(AUDIO + both, profile=first)[0])[1:]] == ["21000", "0"]


def test_h264_levels_differ_only_with_level_asymmetry_allowed() -> None:
    low = VIDEO.replace("42801f", "42800d")
    assert "profile-level-id=42800d;max-mbps=108000;max-fs=3600;max-br=2000" in block(reply(AUDIO + low)[0], 1)
    both = low.replace("packetization-mode=1", "packetization-mode=1;level-asymmetry-allowed=1")
    assert "profile-level-id=42801f;" in block(reply(AUDIO + both)[0], 1)


def test_only_main_or_high_is_better_than_no_picture() -> None:
    for identifier in ("4d001f", "64001f"):
        body, found = reply(AUDIO + VIDEO.replace("42801f", identifier))
        assert video_of(found).profile == "baseline"
        assert f"profile-level-id={identifier}" in block(body, 1)


@pytest.mark.parametrize(
    ("media", "session", "most"),
    [
        ("", "", 14_000_000),
        ("b=TIAS:512000\n", "", 512_000),
        ("b=AS:512\n", "", 486_400),
        ("b=AS:512\nb=TIAS:500000\n", "", 500_000),
        ("", "b=AS:384\n", 300_800),
        ("", "b=CT:384\n", 300_800),
        ("", "b=TIAS:384000\n", 320_000),
        ("b=TIAS:900000\n", "b=AS:384\n", 300_800),
        ("", "b=AS:64\n", 64_000),
        ("b=X-other:1\nb=AS:nothing\n", "", 14_000_000),
    ],
)
def test_bandwidth_is_obeyed(media: str, session: str, most: int) -> None:
    text = HEAD.replace("t=0", session + "t=0") + AUDIO + VIDEO.replace("\n", "\n" + media, 1)
    assert video_of(answer(wire(text), OWN, GENERIC, POLICY)[1]).max_br_bps == most


def test_the_profile_bounds_what_a_terminal_claims() -> None:
    _, found = answer(terminals.read("poly_tcp_offer"), OWN, replace(GENERIC, max_level=31), POLICY)
    video = video_of(found)
    assert (video.level, video.max_fs, video.max_mbps) == (31, 3600, 108_000)


def test_opus_uses_the_offered_bitrate_and_packet_time() -> None:
    offer = "m=audio 5000 RTP/AVP 96 97\na=rtpmap:96 opus/48000/2\na=fmtp:96 maxaveragebitrate=24000\na=ptime:40\n"
    _, found = reply(offer + "a=rtpmap:97 telephone-event/48000\n")
    assert found.audio is not None
    assert (found.audio.stream.limit_bps, found.audio.dtmf_send_payload_type, found.audio.packet_ms) == (24_000, 97, 40)
    assert found.audio.clock_hz == 48_000


def test_g722_offered_with_a_wrong_clock_rate_is_accepted() -> None:
    _, found = reply("m=audio 5000 RTP/AVP 9 8\na=rtpmap:9 G722/16000\n")
    assert found.audio is not None
    assert (found.audio.codec, found.audio.clock_hz) == ("g722", 8000)


# -- re-INVITEs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OFFERS)
def test_repeated_codecs_change_nothing(name: str) -> None:
    """Show, for S02, that a re-INVITE which repeats each payload type, rtpmap and fmtp several times changes nothing."""
    own = OWN6 if "ipv6" in name else OWN
    offer = terminals.read(name)
    body, found = answer(offer, own, GENERIC, POLICY)
    doubled = []
    for line in offer.decode().split("\r\n"):
        doubled.append(line + " " + " ".join(line.split()[3:]) if line.startswith("m=") and " RTP/" in line else line)
        if line.startswith(("a=rtpmap", "a=fmtp", "a=rtcp-fb")):
            doubled += [line, line]
    again, after = answer("\r\n".join(doubled).encode(), own, GENERIC, POLICY, Agreed(body, found))
    assert after == found
    assert sdp.parse(again).media[:2] == sdp.parse(body).media[:2]


def test_our_re_invite_keeps_places_and_payload_types() -> None:
    body, found = answer(terminals.read("cisco_ce_offer"), OWN, GENERIC, POLICY)
    before = Agreed(body, found)
    same = make_offer(OWN, GENERIC, POLICY, before)
    assert [line.split()[:2] for line in lines_of(same)] == [line.split()[:2] for line in lines_of(body)]
    small = make_offer(OWN, GENERIC, Policy(receive_bps=384_000, receive_fs=920, receive_mbps=27_600), before)
    first, second = sdp.parse(body), sdp.parse(small)
    assert int(second.origin.version) == int(first.origin.version) + 1
    assert second.origin.session == first.origin.session
    assert [media.formats for media in second.media] == [media.formats for media in first.media]
    assert second.media[1].bandwidth.tias_bps == 384_000
    assert second.media[1].parameters(126)["max-fs"] == "920"
    assert second.media[3].parameters(126) == first.media[3].parameters(126), "slides are as large as before"


def test_an_existing_bfcp_connection_is_kept() -> None:
    body, found = answer(terminals.read("hdx_offer"), OWN, GENERIC, POLICY)
    again = make_offer(OWN, GENERIC, POLICY, Agreed(body, found))
    assert "a=connection:new" in block(body, 2)
    assert "a=connection:existing" in block(again, 2)


def test_a_re_invite_after_srtp_offers_the_same_suite() -> None:
    body, found = answer(terminals.read("cisco_srtp_offer"), OWN, GENERIC, POLICY)
    again = sdp.parse(make_offer(OWN, GENERIC, POLICY, Agreed(body, found)))
    assert [[one.profile for one in media.crypto()] for media in again.media] == [["AES128_CM_SHA1_80"]] * 3 + [
        [],
        ["AES128_CM_SHA1_80"],
        [],
    ]


def test_a_polycom_gets_its_slides_by_a_re_invite() -> None:
    body, found = answer(terminals.read("polycom_group_offer"), OWN, GENERIC, POLICY)
    assert plan.needs_more(found, OWN, GENERIC)
    assert not plan.needs_more(MediaPlan(), OWN, GENERIC)
    again = make_offer(OWN, GENERIC, POLICY, Agreed(body, found))
    assert lines_of(again)[4] == "m=video 20004 RTP/AVP 97 96"
    assert "a=floorid:1 mstrm:12" in block(again, 2)
    theirs = body.replace(b"192.0.2.1", b"192.0.2.9")
    answered = theirs + wire(VIDEO.replace("5002", "3240") + "a=content:slides\na=label:3\n")
    assert not plan.needs_more(read_answer(again, answered, GENERIC, POLICY, found), OWN, GENERIC)


def test_what_is_no_longer_wanted_keeps_its_place() -> None:
    body = make_offer(OWN, GENERIC, POLICY)
    less = replace(OWN, content=None, far_camera=None)
    again = make_offer(less, GENERIC, POLICY, Agreed(body, MediaPlan()))
    assert [line.split()[1] for line in lines_of(again)] == ["20000", "20002", "0", "21000", "0"]


def test_an_unchanged_re_offer_has_the_same_version() -> None:
    body = make_offer(OWN, GENERIC, POLICY)
    again = make_offer(OWN, GENERIC, POLICY, Agreed(body, MediaPlan()))
    assert sdp.parse(again).origin.version in ("1", "2")
    third = make_offer(OWN, GENERIC, POLICY, Agreed(again, MediaPlan()))
    assert third == again


def test_a_re_invite_may_switch_everything_off() -> None:
    body, found = reply(AUDIO + VIDEO)
    off = wire(HEAD + "m=audio 0 RTP/AVP 8\nm=video 0 RTP/AVP 97\n")
    again, after = answer(off, OWN, GENERIC, POLICY, Agreed(body, found))
    assert after == MediaPlan()
    assert [line.split()[1] for line in lines_of(again)] == ["0", "0"]


def test_answers_that_do_not_fit() -> None:
    offer = make_offer(OWN, GENERIC, POLICY)
    with pytest.raises(PeerError):
        read_answer(offer, wire(HEAD + AUDIO * 6), GENERIC, POLICY)
    with pytest.raises(NotAcceptable):
        read_answer(offer, wire(HEAD + "m=audio 0 RTP/AVP 8\n" + "m=video 0 RTP/AVP 97\n"), GENERIC, POLICY)
    with pytest.raises(NotAcceptable):
        read_answer(offer, wire(HEAD + "m=audio 5000 RTP/AVP 18\n"), GENERIC, POLICY)
    with pytest.raises(NotAcceptable):
        read_answer(offer, wire(HEAD.replace("192.0.2.9", "224.0.0.1") + AUDIO), GENERIC, POLICY)


# -- two of our own ends -----------------------------------------------------------------------------------------------

PEER = replace(OWN, host="192.0.2.50", call_number=43)
PROFILES = st.builds(
    Profile,
    st.just("any"),
    feedback_profile=st.booleans(),
    feedback=st.sets(st.sampled_from(["nack", "pli", "fir", "tmmbr"])).map(tuple),
    audio=st.permutations(["opus", "g722", "pcma", "pcmu"]).map(tuple),
    modes=st.sampled_from([(0,), (1,), (0, 1), (1, 0)]),
    max_level=st.sampled_from([13, 31, 40, 42]),
    high=st.booleans(),
    content=st.booleans(),
    floor=st.sampled_from([(), ("udp",), ("tcp", "udp")]),
    floor_role=st.just("c-s"),
    far_camera=st.booleans(),
    encryption_style=st.sampled_from(["avp", "savp", "pair"]),
    tias=st.booleans(),
)
POLICIES = st.builds(
    Policy,
    encryption=st.sampled_from(["required", "best_effort", "off"]),
    receive_bps=st.integers(64_000, 4_000_000),
    receive_fs=st.integers(99, 8192),
    receive_mbps=st.integers(1485, 245_760),
    high_profile=st.booleans(),
    we_send=st.booleans(),
    we_receive=st.booleans(),
)


@given(PROFILES, POLICIES, POLICIES)
def test_both_ends_read_the_same_agreement(profile: Profile, mine: Policy, yours: Policy) -> None:
    """Show that each side sends only what the other takes, with mirrored directions and keys."""
    try:
        offer = make_offer(OWN, profile, mine)
        body, theirs = answer(offer, PEER, profile, yours)
    except NotAcceptable:
        assert {mine.encryption, yours.encryption} == {"required", "off"} or profile.encryption_style == "savp"
        return
    try:
        ours = read_answer(offer, body, profile, mine)
    except NotAcceptable:
        assert mine.encryption == "required"
        return
    for one, other in (
        (ours.audio, theirs.audio),
        (ours.video, theirs.video),
        (ours.content, theirs.content),
        (ours.far_camera, theirs.far_camera),
    ):
        assert (one is None) == (other is None)
        if one is None or other is None:
            continue
        assert (one.stream.we_send, one.stream.we_receive) == (other.stream.we_receive, other.stream.we_send)
        assert (one.stream.keys is None) == (other.stream.keys is None)
        if one.stream.keys and other.stream.keys:
            assert (one.stream.keys.send, one.stream.keys.receive) == (
                other.stream.keys.receive,
                other.stream.keys.send,
            )
            assert one.stream.keys.profile == other.stream.keys.profile
    assert ours.audio
    assert theirs.audio
    assert ours.audio.send_payload_type == theirs.audio.receive_payload_type
    assert ours.audio.codec == theirs.audio.codec
    if ours.video and theirs.video:
        assert (ours.video.mode, ours.video.profile) == (theirs.video.mode, theirs.video.profile)
        assert ours.video.max_br_bps <= yours.receive_bps * 1.01 + 64_000
        assert ours.video.send_payload_type in theirs.video.receive_payload_types


@pytest.mark.parametrize("name", OFFERS)
def test_mutated_offers_are_answered_or_refused(name: str) -> None:
    random_, answered = random.Random(name), 0
    offer = terminals.read(name)
    body, found = answer(offer, OWN6 if "ipv6" in name else OWN, GENERIC, POLICY)
    for _ in range(150):
        try:
            again, _ = answer(
                mutated(offer, random_), OWN6 if "ipv6" in name else OWN, GENERIC, POLICY, Agreed(body, found)
            )
        except (PeerError, NotAcceptable):
            continue
        answered += 1
        assert sdp.parse(again)
    assert answered > 10


@pytest.mark.parametrize("name", ANSWERS)
def test_mutated_answers_are_read_or_refused(name: str) -> None:
    random_, read_ = random.Random(name), 0
    offer = make_offer(OWN, GENERIC, POLICY)
    for _ in range(150):
        try:
            read_answer(offer, mutated(terminals.read(name), random_), GENERIC, POLICY)
        except (PeerError, NotAcceptable):
            continue
        read_ += 1
    assert read_ > 10


def test_each_rung_of_the_ladder_is_an_offer() -> None:
    sizes = [len(lines_of(make_offer(OWN, rung, POLICY))) for rung in profiles.ladder(GENERIC, "best_effort")]
    assert sizes == [5, 2, 2]
    least = make_offer(OWN, profiles.ladder(GENERIC, "best_effort")[2], POLICY)
    assert lines_of(least) == ["m=audio 20000 RTP/AVP 8 0 101", "m=video 20002 RTP/AVP 96"]
    assert b"crypto" not in least
    safe = make_offer(OWN, profiles.ladder(GENERIC, "required")[2], Policy(encryption="required"))
    assert [line.split()[2] for line in lines_of(safe)] == ["RTP/SAVP", "RTP/SAVP"]


# -- audio levels ------------------------------------------------------------------------------------------------------

OPUS = "m=audio 5000 RTP/AVP 120 8\na=rtpmap:120 opus/48000/2\n"
OPUS_FIRST = replace(GENERIC, audio=("opus", "g722", "pcma", "pcmu"))
LEVELS = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"


@pytest.mark.parametrize(
    ("theirs", "ours", "levels_id"),
    [
        (f"a=extmap:3 {LEVELS}\n", f"a=extmap:3/recvonly {LEVELS}", 3),
        (f"a=extmap:5/sendonly {LEVELS} vad=on\n", f"a=extmap:5/recvonly {LEVELS}", 5),
        (f"a=extmap:3/recvonly {LEVELS}\n", "", 0),
        (f"a=extmap:15 {LEVELS}\n", "", 0),
        (f"a=extmap:0 {LEVELS}\n", "", 0),
        ("a=extmap:3 urn:ietf:params:rtp-hdrext:toffset\n", "", 0),
        ("a=extmap\na=extmap:x y\n", "", 0),
        ("", "", 0),
    ],
)
def test_audio_levels_are_taken_where_the_terminal_tells_them(theirs: str, ours: str, levels_id: int) -> None:
    body, found = reply(OPUS + theirs, profile=OPUS_FIRST)
    assert found.audio is not None
    assert (found.audio.codec, found.audio.levels_id) == ("opus", levels_id)
    assert [line for line in block(body, 0).split("\n") if "extmap" in line] == ([ours] if ours else [])


def test_we_offer_to_receive_opus_levels_and_read_the_answer() -> None:
    offer = make_offer(OWN, OPUS_FIRST, POLICY)
    assert f"a=extmap:1/recvonly {LEVELS}" in block(offer, 0)
    assert "extmap" not in make_offer(OWN, replace(GENERIC, audio=("pcma",)), POLICY).decode()
    head, said = HEAD, OPUS.replace("120", "114")
    for more, levels_id in ((f"a=extmap:1/sendonly {LEVELS}\n", 1), ("", 0), (f"a=extmap:2/sendonly {LEVELS}\n", 0)):
        others = "".join(f"m={kind} 0 RTP/AVP 96\n" for kind in [line[2:].split()[0] for line in lines_of(offer)][1:])
        found = read_answer(offer, wire(head + said + more + others), OPUS_FIRST, POLICY)
        assert found.audio is not None
        assert found.audio.levels_id == levels_id
