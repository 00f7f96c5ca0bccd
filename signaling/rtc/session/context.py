"""The environment of a session: its socket, the objects that all sessions share, and the session as its requests see it."""

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
    """The part that verifies and signs tokens."""

    def verify(self, token: str, now: float) -> Grants:
        """Return the grants of a token. Raises Refusal with a code that begins with `token_`."""

    def sign(self, grants: Grants, ttl_s: float, now: float) -> str: ...


class Tally(Protocol):
    """A counter of joins, resumes and refusals."""

    def joined(self, sid: str, since: float, client: str) -> None:
        """Count a join. `since`: the monotonic time at which the client asked for its socket. `client`: the name of the
        client's library, from a short list.
        """

    def resumed(self) -> None: ...
    def refused(self, code: str) -> None:
        """Count a refusal. `code` is the code of a Refusal, from a short list."""


class Uncounted:
    """A `Tally` that counts nothing."""

    def joined(self, sid: str, since: float, client: str) -> None: ...
    def resumed(self) -> None: ...
    def refused(self, code: str) -> None: ...


class Wire(Protocol):
    """The socket of a session. `send` never blocks, keeps the order and has a bounded queue. After `close` the socket sends the
    queue and then closes.
    """

    def send(self, data: bytes | str) -> None: ...
    def close(self, code: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Context:
    """The objects that all sessions share."""

    registry: Registry
    authority: Authority
    encoder: messages.Encoder
    packets: Packets
    tally: Tally
    cut_resumes: dict[str, bool] = field(default_factory=dict)
    """The participants (by sid) whose clients asked the server to cut their next resume (`SimulateScenario`, for tests of
    clients). True: the server closes the socket before the first message. False: after the messages of the resume.
    """
    kept: LongMetadata = field(default_factory=LongMetadata)
    rates: WeakKeyDictionary[Participant, Rates] = field(default_factory=WeakKeyDictionary)

    def cut_next_resume(self, sid: str, *, silent: bool) -> None:
        """Cut the socket of this participant's next resume. `silent`: cut it before the first message."""
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
