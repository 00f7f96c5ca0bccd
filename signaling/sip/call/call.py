"""A call from INVITE to BYE, in either direction. The table of its states is in `states`.

Each part holds only its own state: the INVITE that arrives (`incoming`) or goes out (`outgoing`), offers in the established
call (`renegotiation`), INFO (`info`). No part reads a session description; `info` reads only digits. The call does not decide
who may call (`signaling.sip.agent`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

from signaling.sip.call.causes import NORMAL, Cause
from signaling.sip.call.events import Events, Reports
from signaling.sip.call.far_end import FarEnd
from signaling.sip.call.incoming import IncomingInvite
from signaling.sip.call.info import Info
from signaling.sip.call.life import Life
from signaling.sip.call.outgoing import Invitation, OutgoingInvite
from signaling.sip.call.renegotiation import Renegotiation
from signaling.sip.call.states import Event, State
from signaling.sip.dialog.core import Core
from signaling.sip.dialog.dialog import Dialog
from signaling.sip.dialog.digest import Prover
from signaling.sip.transaction.transaction import ServerTransaction
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire.fields import Address
from signaling.sip.wire.message import Request, answer

S, V = State, Event
INSIDE: Final = {"OPTIONS": 200, "PRACK": 481, "NOTIFY": 481, "REFER": 603}
"""Answers to requests in the dialog that change nothing."""
CallEvents: TypeAlias = "Events[Call]"


class Owner(Protocol):
    """The owner of the calls (`signaling.sip.agent.calls`)."""

    def closed(self, call: Call) -> None: ...


class Call:
    """A call. Every method returns at once; events report the outcomes."""

    def __init__(
        self, core: Core, owner: Owner, call_id: str, local: Address, remote: Address, first: State, far_end: FarEnd
    ) -> None:
        self._core = core
        self._owner = owner
        self.call_id = call_id
        self.local = local
        self.remote = remote
        self.inbound = first is S.OFFERED
        self.identity = ""
        """The proven alias or trunk; in an outbound call the dialled alias."""
        self.far_end = far_end
        self.life = Life(first, self._ended)
        self.reports = Reports(core, self, self.hang_up)
        self.renegotiation = Renegotiation(core, self.life, self.far_end, self.reports, self.gone, inbound=self.inbound)
        self._info = Info(core, self.life, self.far_end, self.reports, self.gone)
        self._incoming: IncomingInvite | None = None
        self._outgoing: OutgoingInvite | None = None

    @classmethod
    def of_ours(
        cls, core: Core, owner: Owner, invitation: Invitation, events: CallEvents, prover: Prover | None = None
    ) -> Call:
        uri, far_end = invitation.remote.uri, FarEnd(core)
        if prover is not None:
            far_end = FarEnd(core, prover, uri.host)
        made = cls(core, owner, invitation.call_id, invitation.local, invitation.remote, S.DIALLING, far_end)
        made.identity = uri.alias
        made.reports.events = events
        made._outgoing = OutgoingInvite(
            core, invitation, made.life, far_end, made.reports, made.renegotiation, made.gone
        )
        return made

    @classmethod
    def of_theirs(
        cls, core: Core, owner: Owner, request: Request, hop: Hop, served: ServerTransaction, identity: str
    ) -> Call:
        """Return a call for an INVITE whose sender has proven `identity`.

        Set `events` before anything else. Raises Malformed.
        """
        local = Address(request.to.uri, request.to.display).with_tag(core.token())
        made = cls(core, owner, request.call_id, local, request.from_, S.OFFERED, FarEnd(core))
        made.identity = identity
        made._incoming = IncomingInvite(
            core, request, hop, served, local.tag, made.life, made.far_end, made.reports, made.renegotiation, made.gone
        )
        return made

    # --- values for the user of the call

    @property
    def state(self) -> State:
        return self.life.state

    @property
    def cause(self) -> Cause | None:
        return self.life.cause

    @property
    def dialog(self) -> Dialog | None:
        return self.far_end.dialog

    @property
    def user_agent(self) -> str:
        return self.far_end.user_agent

    @property
    def events(self) -> CallEvents | None:
        return self.reports.events

    @property
    def request(self) -> Request | None:
        """The INVITE of an inbound call; None for an outbound call."""
        return self._incoming.request if self._incoming is not None else None

    @property
    def offer(self) -> bytes:
        """The SDP of the caller in an inbound call; empty if they want our offer (late offer)."""
        return self._incoming.request.body if self._incoming is not None else b""

    # --- actions of the user of the call

    @property
    def may_ring(self) -> bool:
        return self._incoming is not None and self._incoming.may_ring

    def ring(self, body: bytes = b"") -> None:
        """Send 180, or 183 with a body, if provisional answers are possible (`may_ring`)."""
        if self._incoming is not None:
            self._incoming.ring(body)

    def accept(self, body: bytes) -> None:
        """Send 200 with our answer, or with our offer if they sent no offer."""
        if self._incoming is not None:
            self._incoming.accept(body)

    def refuse(self, status: int, headers: Sequence[tuple[str, str]] = ()) -> None:
        assert 300 <= status < 700
        if self._incoming is not None:
            self._incoming.refuse(status, headers)

    def hang_up(self, reason: str = "") -> None:
        """End the call in any state. `reason`: text of the Reason field of a BYE (RFC 3326)."""
        self.far_end.bye_reason = reason
        if self.state is S.OFFERED:
            self.refuse(480)
            return
        before = self.state
        if not self.life.go(V.HANG_UP):
            return
        if self.state is S.CANCELLING and self._outgoing is not None:
            self._outgoing.give_up(before, NORMAL)
        elif self.state is S.CLOSED:
            self.far_end.bye()
            self.life.end(NORMAL)

    def reinvite(self, body: bytes) -> None:
        """Send a new offer, after the present offer is answered. The outcome is `renegotiated`."""
        self.renegotiation.offer(body)

    def info(self, content_type: str, body: bytes, done: Callable[[int], None] = lambda _: None) -> None:
        """Send INFO. `done` gets the status of its answer: 408 without an answer, 481 outside an established call, 503 if too
        many wait.
        """
        self._info.send(content_type, body, done)

    # --- events from the agent

    def start(self, hops: Sequence[Hop]) -> None:
        """Dial the first of `hops`. Dial the next hop if no answer arrives."""
        if self._outgoing is not None:
            self._outgoing.start(hops)

    def fail(self, cause: Cause) -> None:
        """End an outbound call without CANCEL, for example because there is no address to dial."""
        if self._outgoing is not None:
            self._outgoing.fail(cause)

    def acknowledged(self, request: Request) -> None:
        """Take the ACK of a 2xx, of the first INVITE or of a re-INVITE."""
        if self.state not in {S.ANSWERED, S.LEAVING}:
            self.renegotiation.acknowledged(request)
        elif self._incoming is not None:
            self._incoming.acknowledged(request)

    def take(self, request: Request, served: ServerTransaction) -> None:
        """Take a request inside the dialog. Requests arrive in order."""
        method = request.method
        if method == "BYE":
            self._they_left(request, served)
        elif method in {"INVITE", "UPDATE"}:
            self.renegotiation.take(request, served)
        elif method == "INFO":
            self._reply(request, served, self._info.receive(request))
        elif method in INSIDE:
            self._reply(request, served, INSIDE[method], self._core.capabilities() if method == "OPTIONS" else ())
        else:
            self._reply(request, served, 405, self._core.capabilities()[:1])

    def gone(self, cause: Cause) -> None:
        """End an established call whose other side is gone. BYE is sent as well."""
        if self.life.go(V.GONE):
            self.far_end.bye()
            self.life.end(cause)

    def disconnected(self, flow: int) -> None:
        """Leave the connection `flow`, which has ended."""
        self.far_end.disconnected(flow)

    def _they_left(self, request: Request, served: ServerTransaction) -> None:
        early = self.state is S.OFFERED
        known = self.life.go(V.BYE)
        self._reply(request, served, 200 if known else 481)
        if early and self._incoming is not None:
            self._incoming.answer_finally(487)
        if known:
            self.life.end(NORMAL)

    def _reply(
        self, request: Request, served: ServerTransaction, status: int, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._core.transactions.answer(served, answer(request, status, tag=self.local.tag, headers=headers))

    def _ended(self, cause: Cause) -> None:
        for invite in (self._incoming, self._outgoing):
            if invite is not None:
                invite.stop()
        self.renegotiation.stop()
        self._owner.closed(self)
        self.reports.ended(cause)
