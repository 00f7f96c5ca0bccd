"""The clients' side: a signalling connection, and the format of its data channels. `signaling` implements the Protocols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from conference.ground import events
from conference.ground.permissions import Grants

PathWish = Literal["any", "tcp", "relay"]
"""The media path that a client wants. `relay`: only over TURN."""


class Client(Protocol):
    """A signalling connection of one participant."""

    def deliver(self, event: events.Event) -> None:
        """Take the event at once. An event that cannot be sent is queued or dropped. Raises nothing."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text stream between clients. Only a stream whose first piece `begins` is a chat line."""

    stream: str
    content: bytes = b""
    begins: bool = False
    ends: bool = False
    deflated: bool = False
    """The stream that begins is compressed (RFC 1951)."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A data packet that can be forwarded unchanged. Empty `destinations`: all participants except the sender."""

    payload: bytes
    destinations: frozenset[str] = frozenset()
    metrics: bool = False
    """The packet holds a client's metrics. Only participants whose grants allow metrics receive it."""
    chat: bytes | None = None
    """A message of our pages to the chat of the server (`data.chat`). The packet is not forwarded."""
    foreign_chat: bool = False
    """The packet begins a chat message between clients, in the way of LiveKit's own pages. The packet is forwarded."""
    piece: Piece | None = None
    """The part of a text stream in this packet. The chat of the server keeps the streams that are chat lines."""


class PacketFormat(Protocol):
    """The format of a client's data channels. Raises PeerError for bytes in another format."""

    def stamp(self, data: bytes, sender_sid: str, sender_identity: str, *, hidden: bool) -> Packet | None:
        """Return the packet with its true sender, or without a sender if the sender is `hidden`. None if the packet must not be
        forwarded.
        """

    def from_server(self, payload: bytes, topic: str) -> Packet:
        """Return a packet of the server, which has no sender."""

    def chat_line(self, line: str, text: str, at_ms: int, sender_sid: str, sender_identity: str) -> tuple[Packet, ...]:
        """Return a chat line for a client that does not read the chat of the server. `line` is the number of the line."""

    def frame_handle(self, frame: bytes) -> int: ...
    def with_handle(self, frame: bytes, handle: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """The options with which a client joins. `facts` comes from the client's protocol; `conference` does not read it."""

    grants: Grants
    dual: bool
    packets: PacketFormat
    auto_subscribe: bool = True
    auto_subscribe_data: bool = False
    # True: tracks that the downlink cannot carry may stop. False: their smallest layer continues.
    may_pause: bool = True
    # The client's library opens all video decoders again when it offers a video of its own.
    renews_decoders: bool = False
    first_quality_low: bool = False  # The client will request sizes itself, so begin with the smallest layer.
    facts: object = None
