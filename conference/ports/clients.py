"""The side of the clients: one signalling connection, and how its data channels are written. Implemented by `signaling`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from conference.ground import events
from conference.ground.permissions import Grants

PathWish = Literal["any", "tcp", "relay"]
"""How a client wants its media to go; `relay`: over TURN alone."""


class Client(Protocol):
    """One signalling connection of one participant."""

    def deliver(self, event: events.Event) -> None:
        """Takes the event at once (queues or drops what it cannot send); raises nothing."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A data packet ready to be forwarded as it is. `destinations` empty: everybody but the sender."""

    payload: bytes
    destinations: frozenset[str] = frozenset()
    metrics: bool = False
    """Figures of a client: for those alone whose grants ask for them."""


class PacketFormat(Protocol):
    """How a client's data channels are written. Raises PeerError for bytes that are not of the format."""

    def stamp(self, data: bytes, sender_sid: str, sender_identity: str, *, hidden: bool) -> Packet | None:
        """The packet with its true sender, with none if that is `hidden`; None: not to be forwarded."""

    def frame_handle(self, frame: bytes) -> int: ...
    def with_handle(self, frame: bytes, handle: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """How a client wants to come in. `facts` (what its protocol says of the client) is not read by conference."""

    grants: Grants
    dual: bool
    packets: PacketFormat
    auto_subscribe: bool = True
    auto_subscribe_data: bool = False
    may_pause: bool = True  # what its way does not carry may stop; else its smallest layer goes on
    renews_decoders: bool = False  # its library opens those of all pictures anew as it offers one of its own
    first_quality_low: bool = False  # the client will say sizes itself: begin with the smallest layer
    facts: object = None
