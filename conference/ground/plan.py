"""What a hall terminal and we agreed on for one call, and what we bring to that agreement. Plain frozen values.

Owned by nobody: `signaling` makes a MediaPlan of what the terminal wrote, `conference` opens lines by it. Holds no
words of any wire format, opens no socket, makes no key. "We send" is always seen from the server: what the hall receives.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

AudioCodec = Literal["opus", "g722", "pcma", "pcmu"]
KeyProfile = Literal["AES128_CM_SHA1_80", "AES128_CM_SHA1_32", "AEAD_AES_128_GCM"]
"""The names of the packet plane."""
Feedback = Literal["nack", "pli", "fir", "tmmbr"]
Encryption = Literal["required", "best_effort", "off"]

KEY_BYTES: Final[dict[KeyProfile, int]] = {
    "AES128_CM_SHA1_80": 30,
    "AES128_CM_SHA1_32": 30,
    "AEAD_AES_128_GCM": 28,
}
"""Master key and master salt together (RFC 4568 §6.2, RFC 7714 §12)."""
CLOCK_HZ: Final[dict[AudioCodec, int]] = {"opus": 48_000, "g722": 8_000, "pcma": 8_000, "pcmu": 8_000}
"""Of RTP timestamps; G.722 counts 8000 although it carries 16,000 samples (RFC 3551 §4.5.2)."""


class Endpoint(NamedTuple):
    """An address of UDP or TCP."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Keys:
    """SRTP of one medium: master key || master salt each way. Never printed."""

    profile: KeyProfile
    receive: bytes = field(repr=False)
    """What the terminal writes with."""
    send: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stream:
    """What every RTP medium has: where it goes, which way, under which keys."""

    remote: Endpoint
    """Where the terminal takes our RTP. While it holds us by an address of zeros: where it took it before; an empty host when
    that was never told."""
    remote_rtcp: Endpoint
    rtcp_mux: bool = False
    we_send: bool = True
    we_receive: bool = True
    keys: Keys | None = None
    limit_bps: int = 0
    """The most that the terminal takes, IP headers not counted; 0: it did not say."""

    @property
    def held(self) -> bool:
        """The terminal wants nothing from us at present."""
        return not self.we_send


@dataclass(frozen=True, slots=True)
class AudioPlan:
    stream: Stream
    codec: AudioCodec
    send_payload_type: int
    receive_payload_type: int
    dtmf_send_payload_type: int = -1
    """RFC 4733 events; -1: none agreed."""
    dtmf_receive_payload_type: int = -1
    packet_ms: int = 20
    """How much the terminal wants in one packet."""
    levels_id: int = 0
    """The header extension in which the terminal tells how loud its packets are (RFC 6464); 0: it does not."""
    also_receive: tuple[tuple[int, AudioCodec], ...] = ()
    """Further payload types it may change to: some answer with several codecs. The first is what to expect."""

    @property
    def clock_hz(self) -> int:
        return CLOCK_HZ[self.codec]


@dataclass(frozen=True, slots=True)
class VideoPlan:
    """H.264. Sizes count macroblocks of 16x16 pixels; these are bounds on what we may send (RFC 6184 §8.1)."""

    stream: Stream
    send_payload_type: int
    receive_payload_types: tuple[int, ...]
    """It may send any of these; the first is the expected one."""
    profile: Literal["baseline", "high"]
    """"baseline" is Constrained Baseline."""
    mode: Literal[0, 1]
    """packetization-mode of what we send: 0 allows single NAL units alone."""
    level: int
    """The agreed level, ten times its number (31: level 3.1); 9 is 1b. The bounds below may allow more."""
    max_fs: int
    """Macroblocks in one picture."""
    max_mbps: int
    """Macroblocks in one second."""
    max_br_bps: int
    """The smallest of the level's bit rate, its raise and what the description allows: never send more."""
    max_fps: int = 60
    """Pictures in one second, whatever their size."""
    feedback: frozenset[Feedback] = frozenset()
    """What it promised to understand from us. A terminal that promised nothing may obey all the same."""
    signalled_keyframes: bool = True
    """Ask over the signalling connection as well when packets do not help."""
    codec: Literal["h264"] = "h264"

    def takes(self, width: int, height: int, fps: float) -> bool:
        """Whether the terminal can decode that picture (H.264 A.3.1: size, rate, and neither side too long)."""
        columns, rows = -(-width // 16), -(-height // 16)
        longest = math.isqrt(8 * self.max_fs)
        blocks = columns * rows
        fits = blocks <= self.max_fs and max(columns, rows) <= longest
        return width > 0 and height > 0 and fits and fps <= self.max_fps and blocks * fps <= self.max_mbps

    def best(self, wanted: Iterable[tuple[int, int, float]]) -> tuple[int, int, float] | None:
        """The first (width, height, fps) of `wanted` that the terminal takes."""
        return next((one for one in wanted if self.takes(*one)), None)


@dataclass(frozen=True, slots=True)
class BfcpPlan:
    """The channel on which the terminal asks for the content token. We are the floor server, always."""

    transport: Literal["udp", "tcp"]
    remote: Endpoint
    """Requests from another address are not its own. For TCP, when `we_connect` is false, the port is unknown (9)."""
    conference_id: int
    user_id: int
    """The terminal's number in this conference; a request with another one is refused."""
    floor_id: int
    we_connect: bool = False
    """TCP only: who opens the connection."""


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """Far end camera control (H.224 in RTP, RFC 4573)."""

    stream: Stream
    send_payload_type: int
    receive_payload_type: int


@dataclass(frozen=True, slots=True)
class MediaPlan:
    """All media of one call as agreed now. A later agreement replaces it whole."""

    audio: AudioPlan | None = None
    video: VideoPlan | None = None
    content: VideoPlan | None = None
    """The second picture: slides."""
    bfcp: BfcpPlan | None = None
    far_camera: CameraPlan | None = None
    limit_bps: int = 0
    """For all media together; 0: not told."""

    @property
    def streams(self) -> tuple[Stream, ...]:
        media = (self.audio, self.video, self.content, self.far_camera)
        return tuple(one.stream for one in media if one is not None)

    @property
    def encrypted(self) -> bool:
        """Whether everything people hear and see goes under SRTP."""
        return bool(self.streams) and all(stream.keys is not None for stream in self.streams)

    @property
    def held(self) -> bool:
        """The terminal's people put us on hold: it takes nothing."""
        return bool(self.streams) and all(stream.held for stream in self.streams)


# -- what we bring ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OwnEnd:
    """A line that is open: its ports and, for each SRTP profile it may be asked for, a fresh key || salt."""

    port: int
    rtcp_port: int
    """The same number when the line takes both on one port."""
    keys: tuple[tuple[KeyProfile, bytes], ...] = field(default=(), repr=False)
    """In order of liking. Empty: this line cannot encrypt."""


@dataclass(frozen=True, slots=True)
class OwnBfcp:
    """Where we serve floor requests of this call. A port of 0: that transport is not served."""

    udp_port: int
    tcp_port: int
    conference_id: int
    user_id: int
    """The number this terminal gets."""
    floor_id: int = 1


@dataclass(frozen=True, slots=True)
class OwnEnds:
    """What is ready on our side of one call. A medium that is None is neither offered nor accepted."""

    host: str
    audio: OwnEnd | None = None
    video: OwnEnd | None = None
    content: OwnEnd | None = None
    bfcp: OwnBfcp | None = None
    far_camera: OwnEnd | None = None
    call_number: int = 1
    """Names this call's descriptions, 1 .. 2^62; the same as long as the call lives."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What this call is allowed: set by the class of the meeting, the terminal's row and the state of the stage."""

    encryption: Encryption = "best_effort"
    receive_bps: int = 2_000_000
    """The most we want of its camera; what is not shown large needs little."""
    receive_fs: int = 3600
    """The largest camera picture we want, in macroblocks: 3600 is 1280x720, 8160 is 1920x1080."""
    receive_mbps: int = 108_000
    content_bps: int = 2_000_000
    content_fs: int = 8160
    content_mbps: int = 122_400
    """1920x1080 at 15 pictures a second."""
    high_profile: bool = False
    """Whether High may be offered to terminals whose vendor profile allows it."""
    we_send: bool = True
    """False holds the terminal: it hears and sees nothing."""
    we_receive: bool = True
    media_networks: tuple[str, ...] = ()
    """Where media may be sent, as "10.20.0.0/16"; empty: anywhere that is one machine."""
    media_host: str = ""
    """The terminal stands behind address translation: its packets go to and come from here, whatever its descriptions say."""
