"""What two ends of a connection can agree on, as plain values: codecs, extensions, encodings, sections.

Nothing here reads text or keeps state: `description.py` reads SDP into these, `negotiation.py` decides and writes,
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
    """One payload type of a section, with the payload type of its retransmissions (RFC 4588), -1 if there is none."""

    payload_type: int
    name: CodecName
    clock_hz: int
    channels: int
    parameters: str
    """The format parameters as their owner wrote them."""
    format: str
    """What must be equal on both ends beside the name: profile and mode of H.264, profile and tier of H.265, profile of VP9 and
    AV1."""
    rtx: int
    feedback: frozenset[str]

    @property
    def mime(self) -> str:
        return MIME[self.name]

    @property
    def wire(self) -> tuple[int, str, int, int, str, int]:
        """What makes its packets; browsers write the format parameters in another order from offer to offer."""
        return self.payload_type, self.name, self.clock_hz, self.channels, self.format, self.rtx


@dataclass(frozen=True, slots=True)
class Extension:
    """A header extension (RFC 8285) and the number it has on this connection."""

    id: int
    name: ExtensionName


@dataclass(frozen=True, slots=True, eq=False)
class Capabilities:
    """What we know of one section's codecs and extensions, in its owner's order. Shared, compared by identity."""

    kind: Kind
    codecs: tuple[Codec, ...]
    extensions: tuple[Extension, ...]


@dataclass(frozen=True, slots=True)
class Encoding:
    """One stream that a section sends: a simulcast layer by its RID, or the only one by its SSRC (0: not told)."""

    rid: str
    ssrc: int
    rtx_ssrc: int


@dataclass(frozen=True, slots=True)
class Section:
    """One m-line of a description. `usable` is false for rejected, unbundled and foreign ones."""

    kind: Kind | Literal["application", "other"]
    media: str
    """The m-line without its port: what an answer that rejects the section must repeat."""
    mid: str
    usable: bool
    direction: Direction
    capabilities: Capabilities | None
    stream_id: str
    track_id: str
    encodings: tuple[Encoding, ...]
    """In the order of the description."""
    simulcast: tuple[str, ...]
    """The entries of `a=simulcast:send`, paused ones with their tilde; empty without simulcast."""
    sctp_port: int = 5000
    max_message_bytes: int = 65536
    """What the peer takes in one data channel message (RFC 8841 §6); 0: any."""

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
    """A session description, read: what its sections share, and the sections in order."""

    sections: tuple[Section, ...]
    ufrag: str
    pwd: str
    fingerprints: tuple[Fingerprint, ...]
    setup: str
    """Empty when the description does not say."""
    allow_mixed: bool


@dataclass(frozen=True, slots=True)
class Credentials:
    ufrag: str
    pwd: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host candidate of the node (RFC 8839); `str()` is its text without `a=`."""

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
    """What a section says of the track it carries towards the peer."""

    stream_id: str
    track_id: str
    ssrc: int
    rtx_ssrc: int


@dataclass(frozen=True, slots=True)
class OfferedTrack:
    """A track that the peer would like to publish."""

    mid: str
    kind: Kind
    track_id: str
    """The second part of `a=msid`, chosen by the client; may be empty."""
    stream_id: str
    rids: tuple[str, ...]
    """Lowest quality first."""
    codecs: tuple[str, ...]
    """MIME types, in the order of the peer's preference."""
    has_ssrc: bool


@dataclass(frozen=True, slots=True)
class Acceptance:
    """How a published track is to be sent: what the answer asks for."""

    red: bool = True
    stereo: bool = False
    dtx: bool = True
    codec: str | None = None
    """The MIME type to put first, when it is offered."""
