"""The values that two ends of a connection agree on: codecs, extensions, encodings, sections.

These values read no text and keep no state. `description.py` reads SDP into them, `negotiation.py` decides and writes, and
`peer.py` remembers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["audio", "video"]
CodecName = Literal["opus", "red", "pcmu", "pcma", "g722", "telephone-event", "vp8", "vp9", "h264", "h265", "av1"]
ExtensionName = Literal[
    "mid",
    "rid",
    "repaired-rid",
    "audio-level",
    "transport-cc",
    "abs-send-time",
    "orientation",
    "dependency-descriptor",
    "playout-delay",
]
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

MIME: dict[CodecName, str] = {
    "opus": "audio/opus",
    "red": "audio/red",
    "pcmu": "audio/PCMU",
    "pcma": "audio/PCMA",
    "g722": "audio/G722",
    "telephone-event": "audio/telephone-event",
    "vp8": "video/VP8",
    "vp9": "video/VP9",
    "h264": "video/H264",
    "h265": "video/H265",
    "av1": "video/AV1",
}


@dataclass(frozen=True, slots=True)
class Codec:
    """A payload type of a section. `rtx` is the payload type of its retransmissions (RFC 4588), or -1."""

    payload_type: int
    name: CodecName
    clock_hz: int
    channels: int
    parameters: str
    """The format parameters as the SDP has them."""
    format: str
    """The parameters that must be equal on both ends, besides the name. For H.264 they are profile and mode, for H.265 profile
    and tier, for VP9 and AV1 the profile.
    """
    rtx: int
    feedback: frozenset[str]

    @property
    def mime(self) -> str:
        return MIME[self.name]

    @property
    def wire(self) -> tuple[int, str, int, int, str, int]:
        """Return the values that decide the format of the packets. `parameters` is left out, because browsers change its order
        from offer to offer.
        """
        return self.payload_type, self.name, self.clock_hz, self.channels, self.format, self.rtx


@dataclass(frozen=True, slots=True)
class Extension:
    """A header extension (RFC 8285) and its number on this connection."""

    id: int
    name: ExtensionName


@dataclass(frozen=True, slots=True, eq=False)
class Capabilities:
    """The known codecs and extensions of one section, in the order of the SDP. An object is shared, so it is compared by
    identity.
    """

    kind: Kind
    codecs: tuple[Codec, ...]
    extensions: tuple[Extension, ...]


@dataclass(frozen=True, slots=True)
class Encoding:
    """A stream that a section sends: a simulcast layer with its RID, or the only stream with its SSRC. SSRC 0 means unknown."""

    rid: str
    ssrc: int
    rtx_ssrc: int


@dataclass(frozen=True, slots=True)
class Section:
    """An m-line of a description. `usable` is False if the section is rejected, not bundled, or of an unknown kind. Audio and
    video also need `a=rtcp-mux` and a known codec.
    """

    kind: Kind | Literal["application", "other"]
    media: str
    """The m-line without its port. An answer that rejects the section must repeat this text."""
    mid: str
    usable: bool
    direction: Direction
    capabilities: Capabilities | None
    stream_id: str
    track_id: str
    encodings: tuple[Encoding, ...]
    """The streams, in the order of the description."""
    simulcast: tuple[str, ...]
    """The entries of `a=simulcast:send`, or without this line the names of the `a=rid` lines. A paused entry keeps its tilde.
    """
    sctp_port: int = 5000
    max_message_bytes: int = 65536
    """The longest data channel message that the peer accepts (RFC 8841 §6). 0: no limit."""

    @property
    def sends(self) -> bool:
        return self.usable and self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        return self.usable and self.direction in ("sendrecv", "recvonly")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class Description:
    """A session description after parsing: the values that its sections share, and the sections in order."""

    sections: tuple[Section, ...]
    ufrag: str
    pwd: str
    fingerprints: tuple[Fingerprint, ...]
    setup: str
    """Empty if the description does not have the line."""
    allow_mixed: bool


@dataclass(frozen=True, slots=True)
class Credentials:
    ufrag: str
    pwd: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host candidate of the node (RFC 8839). `str()` gives its text without `a=`."""

    protocol: Literal["udp", "tcp"]
    address: str
    port: int
    foundation: int
    priority: int

    def __str__(self) -> str:
        end = " tcptype passive" if self.protocol == "tcp" else ""
        return f"candidate:{self.foundation} 1 {self.protocol} {self.priority} {self.address} {self.port} typ host{end}"


@dataclass(frozen=True, slots=True)
class Sending:
    """The description of the track that a section sends to the peer."""

    stream_id: str
    track_id: str
    ssrc: int
    rtx_ssrc: int


@dataclass(frozen=True, slots=True)
class OfferedTrack:
    """A track that the peer offers to publish."""

    mid: str
    kind: Kind
    track_id: str
    """The second part of `a=msid`. The client chooses it, and it may be empty."""
    stream_id: str
    rids: tuple[str, ...]
    """The simulcast layers, lowest quality first."""
    codecs: tuple[str, ...]
    """MIME types, in the peer's order of preference."""
    has_ssrc: bool


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The way in which the answer asks the peer to send a published track."""

    red: bool = True
    stereo: bool = False
    dtx: bool = True
    codec: str | None = None
    """The MIME type to put first, if the peer offers it."""
