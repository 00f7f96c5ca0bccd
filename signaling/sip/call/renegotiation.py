"""Offers in an established call, in both directions: re-INVITE, UPDATE (RFC 3311), glare, refreshing (RFC 4028).

This part owns the last session descriptions of both sides, and decides who may offer now. Only one offer may be open. The
answer is 491 if both sides offered at once, and 500 if their earlier offer is not finished.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from signaling.sip.call.causes import Cause, Kind
from signaling.sip.call.events import Reports
from signaling.sip.call.far_end import FarEnd
from signaling.sip.call.life import Life
from signaling.sip.call.refresh import SessionTimer
from signaling.sip.call.repeated_answer import RepeatedAnswer
from signaling.sip.call.states import State
from signaling.sip.dialog.core import Core
from signaling.sip.dialog.exchange import Exchange
from signaling.sip.ground import limits
from signaling.sip.transaction.timers import Timer
from signaling.sip.transaction.transaction import Do, ServerTransaction
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire import session_timer
from signaling.sip.wire.fields import Malformed
from signaling.sip.wire.message import Request, Response, answer


class Renegotiation:
    def __init__(
        self,
        core: Core,
        life: Life,
        far_end: FarEnd,
        reports: Reports[Any],
        gone: Callable[[Cause], None],
        *,
        inbound: bool,
    ) -> None:
        self._core = core
        self._life = life
        self._far_end = far_end
        self._reports = reports
        self._gone = gone
        self._inbound = inbound
        self.local = b""
        """Our last session description; before the first answer our offer."""
        self.remote = b""
        self._timer = SessionTimer(core, self._refresh_now, self._expired)
        self._ours: Exchange | None = None
        self._repeating: RepeatedAnswer | None = None
        self._open: Request | None = None
        """The re-INVITE of the other side whose ACK has not arrived."""
        self._waiting: deque[bytes] = deque()
        self._glare: Timer | None = None
        self._glares = 0
        self._ack: tuple[bytes, Hop] | None = None
        self._without_update = False
        self._quiet = False

    @property
    def busy(self) -> bool:
        return self._ours is not None or self._open is not None or self._glare is not None

    def begin(self, agreed: session_timer.Session, local: bytes, remote: bytes) -> None:
        self._timer.agreed, self.local, self.remote = agreed, local, remote

    def stop(self) -> None:
        self._timer.stop()
        if self._glare is not None:
            self._glare.cancel()
        if self._repeating is not None:
            self._repeating.stop()
        self._glare = self._repeating = None
        self._waiting.clear()

    # --- ours

    def offer(self, body: bytes) -> None:
        """Send an offer now, or after the present offer. Of several offers that wait, only the last is sent."""
        if self._life.state not in {State.STANDING, State.ANSWERED}:
            self._core.timers.after(0.0, partial(self._reports.renegotiated, b"", 481))
        elif self.busy or self._life.state is State.ANSWERED:
            if len(self._waiting) >= limits.BODY_QUEUE:
                self._waiting.popleft()
            self._waiting.append(body)
        else:
            self._send(body, "INVITE")

    def _send(self, body: bytes, method: str, *, refresh: bool = False) -> None:
        """Send an offer, or with an empty `body` an UPDATE that only refreshes. A refresh is reported only if it changes
        something.
        """
        self._quiet = refresh
        self._ours = self._far_end.ask_inside(
            lambda: self._make(body, method), lambda response: self._answered(response, body, method), self._failed
        )

    def _make(self, body: bytes, method: str) -> Request:
        dialog = self._far_end.dialog
        assert dialog is not None
        made = dialog.request(method, self._core.contact(dialog.hop, focus=True))
        made.headers.rows.extend(self._core.capabilities())
        made.headers.rows.extend(self._timer.fields())
        made.body = body
        if body:
            made.headers.add("content-type", "application/sdp")
        return made

    def _answered(self, response: Response, body: bytes, method: str) -> None:
        if response.status < 200:
            return
        if response.status < 300:
            self._agreed(response, body, method)
            return
        self._ours = None
        later = response.status == 491 or (response.status == 500 and "retry-after" in response.headers)
        if later and self._glares < limits.GLARE_TRIES:
            self._wait(body, method)
        elif response.status in {408, 481}:
            self._gone(Cause(Kind.EXPIRED, response.status))
        elif response.status == 422 and self._timer.stretch(response):
            self._send(body, method, refresh=self._quiet)
        else:
            self._refused(response, body, method)

    def _agreed(self, response: Response, body: bytes, method: str) -> None:
        """Take a 2xx. Each 2xx gets its ACK; a repeated 2xx gets the same ACK again."""
        dialog = self._far_end.dialog
        assert dialog is not None
        if method == "INVITE":
            if self._ours is None or self._ours.request.cseq != response.cseq:
                if self._ack is not None:
                    self._core.transports.send(self._ack[1], self._ack[0])
                return
            acknowledgement = dialog.request("ACK", cseq=response.cseq[0])
            for name in ("authorization", "proxy-authorization"):
                acknowledgement.headers.add(name, *self._ours.request.headers.all(name))
            self._ack = self._core.post(acknowledgement, dialog.hop), dialog.hop
        self._ours = None
        self._glares = 0
        dialog.refresh(self._contacts(response))
        if self._timer.renew(response):
            self.arm()
        if body and response.body:
            changed = response.body != self.remote
            self.local, self.remote = body, response.body
            if changed or not self._quiet:
                self._reports.renegotiated(response.body, response.status)
        self._continue()

    @staticmethod
    def _contacts(message: Response | Request) -> list:  # type: ignore[type-arg]
        try:
            return list(message.contacts)
        except Malformed:
            return []

    def _refused(self, response: Response, body: bytes, method: str) -> None:
        if method == "UPDATE":
            # Allow lists UPDATE, but the terminal refuses it. The next refresh is a re-INVITE.
            self._without_update = True
            self._refresh_now()
            return
        if not self._quiet:
            self._reports.renegotiated(b"", response.status)
        self._continue()

    def _failed(self, why: Do) -> None:
        self._ours = None
        if why is Do.LOST and self._far_end.dialog is not None and self._far_end.dialog.hop.flow:
            self._far_end.disconnected(self._far_end.dialog.hop.flow)
        self._gone(Cause(Kind.UNREACHABLE, detail=why.name.lower()))

    def _wait(self, body: bytes, method: str) -> None:
        """Wait after a glare. The side that chose the Call-ID waits longer, so that the offers do not collide again (section
        14.1).
        """
        self._glares += 1
        ms = self._core.chance(200) * 10 if self._inbound else 2100 + self._core.chance(191) * 10
        self._glare = self._core.timers.after(ms / 1000, lambda: self._after_glare(body, method))

    def _after_glare(self, body: bytes, method: str) -> None:
        self._glare = None
        if self._open is not None:
            self._waiting.appendleft(body)
        else:
            self._send(body, method, refresh=self._quiet)

    def _continue(self) -> None:
        if self._waiting and not self.busy and self._life.state is State.STANDING:
            body = self._waiting.pop()
            self._waiting.clear()
            self._send(body, "INVITE")

    # --- theirs

    def take(self, request: Request, served: ServerTransaction) -> None:
        """Take a re-INVITE or UPDATE."""
        offers = request.method == "INVITE" or bool(request.body)
        if self._life.state not in {State.STANDING, State.ANSWERED}:
            self._reply(request, served, 481 if self._life.state is State.CLOSED else 500, self._soon())
        elif offers and self._open is not None:
            self._reply(request, served, 500, self._soon())
        elif offers and (self._ours is not None or self._life.state is State.ANSWERED):
            self._reply(request, served, 491)
        else:
            self._negotiate(request, served)

    def _negotiate(self, request: Request, served: ServerTransaction) -> None:
        try:
            agreed, fields = session_timer.as_server(request, self._core.config.session_expires_s)
        except session_timer.TooShort:
            self._reply(request, served, 422, [("min-se", str(limits.SESSION_LEAST_S))])
            return
        except Malformed:
            self._reply(request, served, 400)
            return
        body = b""
        if request.method == "INVITE" or request.body:
            reply = self._reports.reoffered(request.body)
            if not isinstance(reply, bytes):
                self._reply(request, served, reply.status, reply.headers)
                return
            body = reply
        dialog = self._far_end.dialog
        assert dialog is not None
        dialog.refresh(self._contacts(request))
        self._timer.agreed = agreed
        self.arm()
        headers = [("contact", self._core.contact(dialog.hop, focus=True)), *self._core.capabilities(), *fields]
        if body:
            self.local, self.remote = body, request.body or self.remote
            headers.append(("content-type", "application/sdp"))
        made = answer(request, 200, headers=headers, body=body)
        if request.method == "UPDATE":
            self._core.transactions.answer(served, made)
            return
        self._open = request
        self._repeating = RepeatedAnswer(self._core, served, made, self._no_ack)

    def acknowledged(self, request: Request) -> None:
        if self._open is None or self._open.cseq[0] != request.cseq[0]:
            return
        late, self._open = not self._open.body, None
        if self._repeating is not None:
            self._repeating.stop()
            self._repeating = None
        if late and request.body:
            self.remote = request.body
            self._reports.renegotiated(request.body, 200)
        elif late:
            self._gone(Cause(Kind.PROTOCOL, detail="no answer in the ACK"))
        self._continue()

    def _no_ack(self) -> None:
        self._repeating = self._open = None
        self._gone(Cause(Kind.PROTOCOL, detail="no ACK"))

    def _soon(self) -> list[tuple[str, str]]:
        return [("retry-after", str(self._core.chance(10)))]

    def _reply(
        self, request: Request, served: ServerTransaction, status: int, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._core.transactions.answer(served, answer(request, status, headers=headers))

    # --- the session timer

    def arm(self) -> None:
        """Start the session timer again from now, and send an offer that waits."""
        self._timer.arm()
        if self._timer.agreed is not None and self._waiting:
            self._continue()

    def _refresh_now(self) -> None:
        if self.busy:
            self._timer.postpone()
            return
        update = "update" in self._far_end.allow and not self._without_update
        self._send(b"" if update else self.local, "UPDATE" if update else "INVITE", refresh=True)

    def _expired(self) -> None:
        self._gone(Cause(Kind.EXPIRED, detail="session expired"))
