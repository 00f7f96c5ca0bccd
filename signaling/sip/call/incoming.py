"""The INVITE of an inbound call: ringing, our answer, its ACK."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from signaling.sip.call.causes import NORMAL, Cause, Kind
from signaling.sip.call.events import Reports
from signaling.sip.call.far_end import FarEnd
from signaling.sip.call.life import Life
from signaling.sip.call.renegotiation import Renegotiation
from signaling.sip.call.repeated_answer import RepeatedAnswer
from signaling.sip.call.states import Event, State
from signaling.sip.dialog.core import Core
from signaling.sip.dialog.dialog import from_request
from signaling.sip.transaction.transaction import ServerTransaction
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire import session_timer
from signaling.sip.wire.message import Request, answer

RING_TURNS = 3
"""An incoming call that the server does not answer is refused (480) after this many times RING_S (60 s), so after three
minutes. Chosen. Larger: a call without an answer holds its place, and its caller hears ringing, for longer. Smaller: a caller
that would be answered late is refused.
"""


class IncomingInvite:
    """An INVITE from the other side. `tag`: ours. Raises Malformed when made, if the INVITE names no Contact."""

    def __init__(
        self,
        core: Core,
        request: Request,
        hop: Hop,
        served: ServerTransaction,
        tag: str,
        life: Life,
        far_end: FarEnd,
        reports: Reports[Any],
        renegotiation: Renegotiation,
        gone: Callable[[Cause], None],
    ) -> None:
        self._core = core
        self.request = request
        self._served = served
        self._tag = tag
        self._life = life
        self._far_end = far_end
        self._reports = reports
        self._renegotiation = renegotiation
        self._gone = gone
        self._repeating: RepeatedAnswer | None = None
        far_end.allow = frozenset(request.options("allow"))
        far_end.user_agent = request.headers.get("user-agent")[:256]
        far_end.dialog = from_request(request, tag, hop)
        served.cancelled, served.tag = self._cancelled, tag
        self._timer = core.timers.after(core.config.ring_s * RING_TURNS, lambda: self.refuse(480))

    @property
    def may_ring(self) -> bool:
        """True while the call is offered, unless the caller requires reliable provisional answers (100rel)."""
        return self._life.state is State.OFFERED and "100rel" not in self.request.options("require")

    def ring(self, body: bytes) -> None:
        if not self.may_ring:
            return
        headers = [("contact", self._core.contact(self._served.hop))]
        if body:
            headers.append(("content-type", "application/sdp"))
        made = answer(self.request, 183 if body else 180, tag=self._tag, headers=headers, body=body)
        self._core.transactions.answer(self._served, made)

    def accept(self, body: bytes) -> None:
        if not self._life.go(Event.ACCEPT):
            return
        self._served.cancelled = None
        self._timer.cancel()
        agreed, fields = session_timer.as_server(self.request, self._core.config.session_expires_s)
        headers = [
            ("contact", self._core.contact(self._served.hop, focus=True)),
            *self._core.capabilities(),
            *fields,
            ("content-type", "application/sdp"),
        ]
        made = answer(self.request, 200, tag=self._tag, headers=headers, body=body)
        self._renegotiation.begin(agreed, body, self.request.body)
        self._repeating = RepeatedAnswer(self._core, self._served, made, self._no_ack)

    def refuse(self, status: int, headers: Sequence[tuple[str, str]] = ()) -> None:
        if self._life.go(Event.REFUSE):
            self.answer_finally(status, headers)
            self._life.end(Cause(Kind.LOCAL, status))

    def answer_finally(self, status: int, headers: Sequence[tuple[str, str]] = ()) -> None:
        self._served.cancelled = None
        made = answer(self.request, status, tag=self._tag, headers=headers)
        self._core.transactions.answer(self._served, made)

    def acknowledged(self, request: Request) -> None:
        """Take the ACK of our 2xx."""
        if request.cseq[0] != self.request.cseq[0]:
            return
        self._stop_repeating()
        leaving = self._life.state is State.LEAVING
        self._life.go(Event.ACK)
        late = not self.request.body
        if leaving:
            self._far_end.bye()
            self._life.end(NORMAL)
        elif late and not request.body:
            self._gone(Cause(Kind.PROTOCOL, detail="no answer in the ACK"))
        else:
            if late:
                self._renegotiation.remote = request.body
            self._renegotiation.arm()
            self._reports.answered(request.body if late else b"")

    def stop(self) -> None:
        self._timer.cancel()
        self._stop_repeating()

    def _cancelled(self) -> None:
        if self._life.go(Event.CANCEL):
            self.answer_finally(487)
            self._life.end(Cause(Kind.CANCELLED, 487))

    def _no_ack(self) -> None:
        self._repeating = None
        if self._life.go(Event.NO_ACK):
            self._far_end.bye()
            self._life.end(Cause(Kind.PROTOCOL, detail="no ACK"))

    def _stop_repeating(self) -> None:
        if self._repeating is not None:
            self._repeating.stop()
            self._repeating = None
