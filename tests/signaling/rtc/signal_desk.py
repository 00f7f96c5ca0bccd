"""Sessions on doubles: sockets that record frames, and tokens that are names."""

from __future__ import annotations

from typing import Any

from livekit.protocol import models, rtc

from conference import Grants, Refusal
from signaling.rtc.session.context import Context, Uncounted
from signaling.rtc.session.session import Session
from signaling.rtc.wire.join import Ask
from signaling.rtc.wire.messages import Encoder, ServerFacts
from signaling.rtc.wire.packets import Packets
from tests.conference.doubles import World


class Names:
    """An authority whose token is the identity. The test sets the grants of each token."""

    def __init__(self) -> None:
        self.grants: dict[str, Grants] = {}
        self.signed: list[Grants] = []

    def verify(self, token: str, now: float) -> Grants:
        if token not in self.grants:
            raise Refusal("token_malformed", english="the token is malformed")
        return self.grants[token]

    def sign(self, grants: Grants, ttl_s: float, now: float) -> str:
        self.signed.append(grants)
        return f"token-{len(self.signed)}"


class Recorder:
    """The socket of one session."""

    def __init__(self) -> None:
        self.frames: list[bytes | str] = []
        self.code: int | None = None

    def send(self, data: bytes | str) -> None:
        assert self.code is None
        self.frames.append(data)

    def close(self, code: int) -> None:
        self.code = self.code or code

    def messages(self) -> list[rtc.SignalResponse]:
        return [rtc.SignalResponse.FromString(frame) for frame in self.frames if isinstance(frame, bytes)]

    def kinds(self) -> list[str]:
        return [str(message.WhichOneof("message")) for message in self.messages()]

    def of(self, kind: str) -> list[Any]:
        return [getattr(m, kind) for m in self.messages() if m.WhichOneof("message") == kind]

    def last(self, kind: str) -> Any:
        return self.of(kind)[-1]


class SignalDesk:
    """A world with the parts that sessions share. It opens sessions."""

    def __init__(self, **options: Any) -> None:
        self.world = World(**options)
        self.names = Names()
        self.context = Context(self.world.registry, self.names, Encoder(ServerFacts("ND_test")), Packets(), Uncounted())

    def open(self, grants: Grants, ask: Ask) -> tuple[Session, Recorder]:
        wire = Recorder()
        session = Session(self.context, wire, grants, self.world.time.now)
        session.start(ask)
        return session, wire

    def join(self, name: str, *, offer: str | None = None, dual: bool = False, **grants: Any) -> Guest:
        description = rtc.SessionDescription(type="offer", sdp=offer, id=1) if offer else None
        ask = Ask(dual=dual, client=models.ClientInfo(sdk="JS", client_protocol=2), offer=description)
        session, wire = self.open(Grants(identity=name, conference="c", join=True, **grants), ask)
        self.world.time.turn()
        return Guest(self, session, wire)


class Guest:
    """An open session."""

    def __init__(self, office: SignalDesk, session: Session, wire: Recorder) -> None:
        self.office, self.session, self.wire = office, session, wire

    @property
    def participant(self) -> Any:
        assert self.session.participant is not None
        return self.session.participant

    def ask(self, **message: Any) -> None:
        self.raw(rtc.SignalRequest(**message).SerializeToString())

    def raw(self, data: bytes | str) -> None:
        self.session.receive(data, self.office.world.time.now)
        self.office.world.time.turn()
