"""The agreement between a hall terminal and the server for one call, and the values that the server brings to it.

All values are plain and frozen. `signaling` makes a MediaPlan from the terminal's description; `conference` opens lines by that
plan. This module knows no wire format, opens no socket and makes no key. "We send" is always seen from the server: the hall
receives it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from conference.ground import limits

AudioCodec = Literal["opus", "g722", "pcma", "pcmu"]
KeyProfile = Literal["AES128_CM_SHA1_80", "AES128_CM_SHA1_32", "AEAD_AES_128_GCM"]
"""The names that the packet plane uses."""
Feedback = Literal["nack", "pli", "fir", "tmmbr"]
Encryption = Literal["required", "best_effort", "off"]

KEY_BYTES: Final[dict[KeyProfile, int]] = {
    "AES128_CM_SHA1_80": 30,
    "AES128_CM_SHA1_32": 30,
    "AEAD_AES_128_GCM": 28,
}
"""Bytes of master key and master salt together (RFC 4568 §6.2, RFC 7714 §12)."""
_MEDIA_SHARE: Final = 0.95
"""The share of a terminal's bandwidth that is left for media after the headers of full packets. Larger: we send more than the
link carries. Smaller: the picture uses less bandwidth than the link has.
"""
_LEAST_PICTURE_BPS: Final = 64_000
"""The rate of the smallest picture (RATES_BPS)."""
CLOCK_HZ: Final[dict[AudioCodec, int]] = {"opus": 48_000, "g722": 8_000, "pcma": 8_000, "pcmu": 8_000}
"""The clock rate of RTP timestamps. G.722 counts 8000 although it carries 16,000 samples (RFC 3551 §4.5.2)."""


class Endpoint(NamedTuple):
    """A UDP or TCP address."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Keys:
    """The SRTP keys of one medium: master key || master salt for each direction. They are never printed."""

    profile: KeyProfile
    receive: bytes = field(repr=False)
    """The key with which the terminal encrypts."""
    send: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stream:
    """The parts that every RTP medium has: address, direction and keys."""

    remote: Endpoint
    """The address at which the terminal receives our RTP. While the terminal holds us with an address of zeros, this is its
    earlier address. If there was no earlier address, the host is empty.
    """
    remote_rtcp: Endpoint
    rtcp_mux: bool = False
    we_send: bool = True
    we_receive: bool = True
    keys: Keys | None = None
    limit_bps: int = 0
    """The most that the terminal receives, without IP headers. 0: the terminal gave no limit."""

    @property
    def held(self) -> bool:
        """Report whether the terminal has put this medium on hold, so we send nothing."""
        return not self.we_send


@dataclass(frozen=True, slots=True)
class AudioPlan:
    stream: Stream
    codec: AudioCodec
    send_payload_type: int
    receive_payload_type: int
    dtmf_send_payload_type: int = -1
    """The payload type of RFC 4733 events; -1: none agreed."""
    dtmf_receive_payload_type: int = -1
    packet_ms: int = 20
    """The duration of sound that the terminal wants in one packet."""
    levels_id: int = 0
    """The header extension in which the terminal reports the loudness of its packets (RFC 6464). 0: the terminal does not
    report it.
    """
    also_receive: tuple[tuple[int, AudioCodec], ...] = ()
    """Further payload types that the terminal may send, because some terminals answer with several codecs. The first one is the
    most probable.
    """

    @property
    def clock_hz(self) -> int:
        return CLOCK_HZ[self.codec]


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """The agreement on H.264 video. Sizes count macroblocks of 16x16 pixels. The sizes limit what we may send (RFC 6184 §8.1)."""

    stream: Stream
    send_payload_type: int
    receive_payload_types: tuple[int, ...]
    """The payload types that the terminal may send. The first one is the most probable."""
    profile: Literal["baseline", "high"]
    """"baseline" is Constrained Baseline."""
    mode: Literal[0, 1]
    """The packetization-mode of our stream. 0 allows only single NAL units."""
    level: int
    """The agreed level, ten times its number (31: level 3.1); 9 is 1b. The limits below may allow more."""
    max_fs: int
    """Macroblocks in one picture."""
    max_mbps: int
    """Macroblocks in one second."""
    max_br_bps: int
    """The smallest of three rates: the level's bit rate, its increase, and the description's limit. Never send more."""
    max_fps: int = 60
    """Pictures in one second, for every size."""
    feedback: frozenset[Feedback] = frozenset()
    """The feedback messages that the terminal promised to accept from us. A terminal that promised none may still accept them.
    """
    signalled_keyframes: bool = True
    """Ask for key frames over the signalling connection too, when RTCP packets do not help."""
    codec: Literal["h264"] = "h264"

    def takes(self, width: int, height: int, fps: float) -> bool:
        """Report whether the terminal can decode that picture (H.264 A.3.1: size, rate, and the longest side)."""
        columns, rows = -(-width // 16), -(-height // 16)
        longest = math.isqrt(8 * self.max_fs)
        blocks = columns * rows
        fits = blocks <= self.max_fs and max(columns, rows) <= longest
        return width > 0 and height > 0 and fits and fps <= self.max_fps and blocks * fps <= self.max_mbps

    def best(self, wanted: Iterable[tuple[int, int, float]]) -> tuple[int, int, float] | None:
        """Return the first (width, height, fps) of `wanted` that the terminal can decode."""
        return next((one for one in wanted if self.takes(*one)), None)


@dataclass(frozen=True, slots=True)
class BfcpPlan:
    """The channel on which the terminal asks for the content token. The server is always the floor server."""

    transport: Literal["udp", "tcp"]
    remote: Endpoint
    """Requests from another address do not belong to this terminal. For TCP, when `we_connect` is false, the port is unknown
    (9).
    """
    conference_id: int
    user_id: int
    """The terminal's number in this conference. The server refuses a request with another number."""
    floor_id: int
    we_connect: bool = False
    """TCP only: True if the server opens the connection."""


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """Far end camera control (H.224 in RTP, RFC 4573)."""

    stream: Stream
    send_payload_type: int
    receive_payload_type: int


@dataclass(frozen=True, slots=True)
class MediaPlan:
    """All media of one call as they are agreed now. A later agreement replaces the whole plan."""

    audio: AudioPlan | None = None
    video: VideoPlan | None = None
    content: VideoPlan | None = None
    """The second video stream: slides."""
    bfcp: BfcpPlan | None = None
    far_camera: CameraPlan | None = None
    limit_bps: int = 0
    """The limit for all media together that the hall receives: of its description and of the register. 0: no limit."""
    pictures_bps: int = 0
    """The limit of the register for all pictures that the hall sends. 0: no limit."""

    @property
    def streams(self) -> tuple[Stream, ...]:
        media = (self.audio, self.video, self.content, self.far_camera)
        return tuple(one.stream for one in media if one is not None)

    @property
    def encrypted(self) -> bool:
        """Report whether all sound and pictures are encrypted with SRTP."""
        return bool(self.streams) and all(stream.keys is not None for stream in self.streams)

    @property
    def held(self) -> bool:
        """Report whether the terminal put us on hold and receives nothing."""
        return bool(self.streams) and all(stream.held for stream in self.streams)


# -- the server's side of the agreement ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OwnEnd:
    """An open line: its ports and, for each SRTP profile that the terminal may choose, a fresh key || salt."""

    port: int
    rtcp_port: int
    """The same number as `port` when the line receives RTP and RTCP on one port."""
    keys: tuple[tuple[KeyProfile, bytes], ...] = field(default=(), repr=False)
    """The preferred profile first. Empty: this line cannot encrypt."""


@dataclass(frozen=True, slots=True)
class OwnBfcp:
    """The address at which the server handles floor requests of this call. With port 0 the transport is off."""

    udp_port: int
    tcp_port: int
    conference_id: int
    user_id: int
    """The number that this terminal gets."""
    floor_id: int = 1


@dataclass(frozen=True, slots=True)
class OwnEnds:
    """The open lines on our side of one call. A medium that is None is neither offered nor accepted."""

    host: str
    audio: OwnEnd | None = None
    video: OwnEnd | None = None
    content: OwnEnd | None = None
    bfcp: OwnBfcp | None = None
    far_camera: OwnEnd | None = None
    call_number: int = 1
    """The number of this call's descriptions, 1 .. 2^62. It does not change during the call."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules for this call. The class of the meeting, the terminal's row and the state of the stage set them."""

    encryption: Encryption = "best_effort"
    receive_bps: int = 2_000_000
    """The most that we want from the terminal's camera. A camera that is not shown large needs little."""
    receive_fs: int = 3600
    """The largest camera picture that we want, in macroblocks: 3600 is 1280x720, 8160 is 1920x1080."""
    receive_mbps: int = 108_000
    send_fs: int = 36_864
    """The largest main picture that the terminal may get, in macroblocks. The default is the largest of H.264."""
    send_mbps: int = 2_073_600
    most_bps: int = 0
    """The bandwidth of the terminal's link for all media with their headers, in each direction. 0: no limit."""
    content_bps: int = 2_000_000
    content_fs: int = 8160
    content_mbps: int = 122_400
    """Macroblocks of slides in one second: 1920x1080 at 15 pictures a second."""
    high_profile: bool = False
    """High may be offered to terminals whose vendor profile allows it."""
    we_send: bool = True
    """False puts the terminal on hold: it receives no sound and no picture."""
    we_receive: bool = True
    media_networks: tuple[str, ...] = ()
    """The networks to which media may be sent, as "10.20.0.0/16". Empty: any unicast address."""
    media_host: str = ""
    """The public address of a terminal behind address translation. Its packets go to and come from this address, whatever its
    descriptions say.
    """

    @property
    def media_bps(self) -> int:
        """Return the rate for all media of the call, without headers. 0: no limit."""
        return int(self.most_bps * _MEDIA_SHARE)

    @property
    def pictures_bps(self) -> int:
        """Return the rate for all pictures of the call, without headers. 0: no limit."""
        return max(self.media_bps - limits.AUDIO_BPS, _LEAST_PICTURE_BPS) if self.most_bps else 0
