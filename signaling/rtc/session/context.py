"""What a session works with: the socket under it, what all sessions share, and the session as its requests see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol
from weakref import WeakKeyDictionary

from livekit.protocol import rtc

from conference import Grants, Participant, Registry, events
from signaling.rtc.session.long_metadata import LongMetadata
from signaling.rtc.session.rates import Rates
from signaling.rtc.wire import limits, messages
from signaling.rtc.wire.packets import Packets

NORMAL = 1000
GOING_AWAY = 1001
UNREADABLE = 1007
POLICY = 1008
TOO_LONG = 1009


class Authority(Protocol):
    """Who reads and signs tokens."""

    def verify(self, token: str, now: float) -> Grants:
        """Raises Refusal with a code that begins with `token_`."""

    def sign(self, grants: Grants, ttl_s: float, now: float) -> str: ...


class Tally(Protocol):
    """Who counts what happens at the door."""

    def joined(self, sid: str, since: float, client: str) -> None:
        """`since`: when its socket was asked for, by the monotonic clock. `client`: what its library calls itself, one of few."""

    def resumed(self) -> None: ...
    def refused(self, code: str) -> None:
        """`code` of a Refusal: one of few."""


class Uncounted:
    """Nobody counts."""

    def joined(self, sid: str, since: float, client: str) -> None: ...
    def resumed(self) -> None: ...
    def refused(self, code: str) -> None: ...


class Wire(Protocol):
    """The socket of a session. Takes at once, keeps order, bounded; after `close` it sends what it took and then
    closes.
    """

    def send(self, data: bytes | str) -> None: ...
    def close(self, code: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Context:
    """What all sessions share."""

    registry: Registry
    authority: Authority
    encoder: messages.Encoder
    packets: Packets
    tally: Tally
    cut_resumes: dict[str, bool] = field(default_factory=dict)
    kept: LongMetadata = field(default_factory=LongMetadata)
    rates: WeakKeyDictionary[Participant, Rates] = field(default_factory=WeakKeyDictionary)

    def cut_next_resume(self, sid: str, *, silent: bool) -> None:
        """The next resume of this participant loses its socket again, `silent`: before a word was said."""
        if len(self.cut_resumes) >= limits.CUT_RESUMES:
            del self.cut_resumes[next(iter(self.cut_resumes))]
        self.cut_resumes[sid] = silent


class Requester(Protocol):
    """The session, as `requests` and `scenarios` see it."""

    context: Context
    participant: Participant | None

    def respond(self, response: rtc.SignalResponse) -> None: ...
    def deliver(self, event: events.Event) -> None: ...
    def close(self, code: int) -> None: ...
    def take_offer(self) -> None: ...
    def take_facts(self, size_bytes: int) -> None: ...
