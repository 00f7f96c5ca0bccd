"""Our m-lines of a description: audio, video, content, floor channel, far camera. This module only writes; it reads nothing
from the peer.

`plan.py` decides which lines there are, in which order, and with which payload types. This module decides how a line is
written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from conference.ground.plan import AudioCodec, Feedback, OwnBfcp, OwnEnd, Policy
from signaling.sip.media.profiles import Profile
from signaling.sip.wire import h264, sdp

MAIN_LABEL: Final = "11"
CONTENT_LABEL: Final = "12"
"""Labels (RFC 4574). Tandberg and Cisco use these numbers, and other makes may expect them."""

AUDIO_BPS: Final = 64_000
_AUDIO_LINE_BPS: Final = 80_000
"""Bit/s of a call's sound that our session description names: 64 kbit/s, and 40 bytes of headers on each of 50 packets a
second. Larger: the terminal reserves bandwidth for nothing. Smaller: the headers exceed the reserved bandwidth.
"""
_VIDEO_LINE: Final = 1.05
"""The factor on a call's video bit rate in our session description, for the headers of packets of 1200 bytes (3.3 %, rounded
up). Larger: the terminal reserves bandwidth for nothing. Smaller: the headers exceed the reserved bandwidth.
"""
_NAMES: Final[dict[AudioCodec, str]] = {
    "opus": "opus/48000/2",
    "g722": "G722/8000",
    "pcma": "PCMA/8000",
    "pcmu": "PCMU/8000",
}
_FEEDBACK: Final[dict[Feedback, str]] = {"nack": "nack", "pli": "nack pli", "fir": "ccm fir", "tmmbr": "ccm tmmbr"}


class Dtmf(NamedTuple):
    payload_type: int
    clock_hz: int


class Picture(NamedTuple):
    """An H.264 payload type that we write."""

    payload_type: int
    prefix: str
    """The first four digits of profile-level-id."""
    mode: int
    level_most: int
    """The highest level: the level of the profile, or the offered level if both directions must have the same level."""
    asymmetric: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """The values of a line beside its codecs."""

    protocol: str
    direction: sdp.Direction
    crypto: tuple[tuple[str, str], ...] = ()
    mux: bool = False
    feedback: frozenset[Feedback] = frozenset()
    tias: bool = True


def audio(
    end: OwnEnd, shape: Shape, codecs: Iterable[tuple[int, AudioCodec]], events: Iterable[Dtmf], levels_id: int
) -> sdp.Media:
    """Return the audio line. `levels_id`: the header extension in which we accept audio levels; 0: none."""
    codecs, events = tuple(codecs), tuple(events)
    attributes = []
    for payload_type, codec in codecs:
        attributes.append(("rtpmap", f"{payload_type} {_NAMES[codec]}"))
        if codec == "opus":
            attributes.append(("fmtp", f"{payload_type} useinbandfec=1;maxaveragebitrate={AUDIO_BPS}"))
    for event in events:
        attributes.append(("rtpmap", f"{event.payload_type} telephone-event/{event.clock_hz}"))
        attributes.append(("fmtp", f"{event.payload_type} 0-15"))
    numbers = (*(number for number, _ in codecs), *(event.payload_type for event in events))
    attributes.append(("ptime", "20"))
    if levels_id:
        attributes.append(("extmap", f"{levels_id}/recvonly {sdp.AUDIO_LEVELS}"))
    return _rtp("audio", end, shape, numbers, attributes, AUDIO_BPS, _AUDIO_LINE_BPS)


def video(end: OwnEnd, shape: Shape, pictures: Iterable[Picture], policy: Policy, role: str, label: str) -> sdp.Media:
    """Return a video line. `role` is "main" or "slides" (RFC 4796)."""
    pictures = tuple(pictures)
    if role == "slides":
        wanted = h264.Level(policy.content_mbps, policy.content_fs, -(-policy.content_bps // 1000))
        rate_bps = policy.content_bps
    else:
        wanted = h264.Level(policy.receive_mbps, policy.receive_fs, -(-policy.receive_bps // 1000))
        rate_bps = policy.receive_bps
    attributes = []
    for picture in pictures:
        level = h264.weaker(picture.level_most, h264.level_within(wanted.max_fs, wanted.max_mbps))
        text = h264.describe(picture.prefix, picture.mode, level, wanted, asymmetric=picture.asymmetric)
        attributes.append(("rtpmap", f"{picture.payload_type} H264/90000"))
        attributes.append(("fmtp", f"{picture.payload_type} {text}"))
    attributes += [("rtcp-fb", f"* {text}") for kind, text in _FEEDBACK.items() if kind in shape.feedback]
    attributes += [("content", role), ("label", label)]
    numbers = tuple(picture.payload_type for picture in pictures)
    return _rtp("video", end, shape, numbers, attributes, rate_bps, round(rate_bps * _VIDEO_LINE))


def floor(own: OwnBfcp, protocol: str, role: str, setup: str, profile: Profile, label: str | None) -> sdp.Media:
    """Return the BFCP line (RFC 8856). With an empty `setup` the line does not say who connects. `label` names the content
    stream.
    """
    udp = protocol.upper().startswith("UDP")
    port = own.udp_port if udp else own.tcp_port
    attributes = [("floorctrl", role), ("confid", str(own.conference_id)), ("userid", str(own.user_id))]
    if label is not None:
        attributes.append(("floorid", f"{own.floor_id} {profile.floor_word}:{label}"))
    if setup:
        attributes += [("setup", setup), ("connection", "new")]
    # Port 9 means that we connect, and the peer cannot connect to us (RFC 4145 §4.1).
    return sdp.Media(
        "application", 9 if setup == "active" and not udp else port, protocol, ("*",), attributes=tuple(attributes)
    )


def camera(end: OwnEnd, shape: Shape, payload_type: int) -> sdp.Media:
    """Return the line of the far camera (RFC 4573)."""
    return _rtp("application", end, shape, (payload_type,), [("rtpmap", f"{payload_type} H224/4800")], 0, 0)


def _rtp(
    kind: str,
    end: OwnEnd,
    shape: Shape,
    numbers: tuple[int, ...],
    attributes: list[tuple[str, str]],
    rate_bps: int,
    line_bps: int,
) -> sdp.Media:
    written = list(attributes)
    written += shape.crypto
    if end.rtcp_port != end.port + 1:
        written.append(("rtcp", str(end.rtcp_port)))
    if shape.mux:
        written.append(("rtcp-mux", ""))
    written.append((shape.direction, ""))
    bandwidth = sdp.Bandwidth(as_bps=-(-line_bps // 1000) * 1000, tias_bps=rate_bps if shape.tias else 0)
    return sdp.Media(kind, end.port, shape.protocol, tuple(map(str, numbers)), None, bandwidth, tuple(written))
