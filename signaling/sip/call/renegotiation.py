"""Offers inside of a standing call, both ways: re-INVITE, UPDATE (RFC 3311), glare, refreshing (RFC 4028).

Owns the last session descriptions of both sides and who may offer now. One offer at a time: 491 where both began, 500
where theirs is not done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from signaling.sip.call.causes import Cause, Kind
from signaling.sip.call.states import State
from signaling.sip.dialog.core import Core, Exchange
from signaling.sip.transaction.timers import Timer
from signaling.sip.transaction.transaction import Do, ServerTransaction
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire import limits, session_timer
from signaling.sip.wire.fields import Malformed
from signaling.sip.wire.message import Request, Response, answer

if TYPE_CHECKING:
    from signaling.sip.call.call import Call


class Repeating:
    """A 2xx of an INVITE until its ACK comes, RFC 3261 section 13.3.1.4, also over TCP. `give_up` after 64*T1."""

    def __init__(self, core: Core, served: ServerTransaction, response: Response, give_up: Callable[[], None]) -> None:
        self._core = core
        self._served = served
        self._response = response
        self._give_up = give_up
        self._spacing = core.config.timing.t1
        self._until = core.now + core.config.timing.whole
        core.transactions.answer(served, response)
        self._timer: Timer | None = core.timers.after(self._spacing, self._ring)

    def _ring(self) -> None:
        timing = self._core.config.timing
        if self._core.now >= self._until:
            self._timer = None
            self._give_up()
            return
        self._core.transactions.answer(self._served, self._response)
        self._spacing = min(self._spacing * 2, timing.t2)
        self._timer = self._core.timers.at(min(self._core.now + self._spacing, self._until), self._ring)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Renegotiation:
    def __init__(self, call: Call) -> None:
        self._call = call
        self._core = call.core
        self.local = b""
        """Our last session description; before the first answer our offer."""
        self.remote = b""
        self.session: session_timer.Session | None = None
        self._ours: Exchange | None = None
        self._repeating: Repeating | None = None
        self._open: Request | None = None
        """Their re-INVITE whose ACK has not come."""
        self._waiting: deque[bytes] = deque()
        self._glare: Timer | None = None
        self._glares = 0
        self._refresh: Timer | None = None
        self._end: Timer | None = None
        self._ack: tuple[bytes, Hop] | None = None
        self._without_update = False
        self._quiet = False

    @property
    def busy(self) -> bool:
        return self._ours is not None or self._open is not None or self._glare is not None

    def begin(self, agreed: session_timer.Session, local: bytes, remote: bytes) -> None:
        self.session, self.local, self.remote = agreed, local, remote

    def stop(self) -> None:
        for timer in (self._glare, self._refresh, self._end):
            if timer is not None:
                timer.cancel()
        if self._repeating is not None:
            self._repeating.stop()
        self._glare = self._refresh = self._end = self._repeating = None
        self._waiting.clear()

    # --- ours

    def offer(self, body: bytes) -> None:
        """Sent now, or when the one before is done; of many that wait the last one counts."""
        if self._call.state not in {State.STANDING, State.ANSWERED}:
            self._core.timers.after(0.0, partial(self._call.told, "renegotiated", b"", 481))
        elif self.busy or self._call.state is State.ANSWERED:
            if len(self._waiting) >= limits.BODY_QUEUE:
                self._waiting.popleft()
            self._waiting.append(body)
        else:
            self._send(body, "INVITE")

    def _send(self, body: bytes, method: str, *, refresh: bool = False) -> None:
        """`body` empty: an UPDATE that only refreshes. What only refreshes is not told unless it changes something."""
        self._quiet = refresh
        self._ours = self._call.exchange(
            lambda: self._make(body, method), lambda response: self._answered(response, body, method), self._failed
        )

    def _make(self, body: bytes, method: str) -> Request:
        dialog, agreed = self._call.dialog, self.session
        assert dialog is not None
        made = dialog.request(method, self._core.contact(dialog.hop, focus=True))
        made.headers.rows.extend(self._core.capabilities())
        if agreed is not None:
            who = ("uac" if agreed.ours else "uas") if agreed.agreed else ""
            fields = session_timer.wanted(agreed.interval_s, limits.SESSION_LEAST_S)
            fields[0] = "session-expires", f"{agreed.interval_s};refresher={who}" if who else str(agreed.interval_s)
            made.headers.rows.extend(fields)
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
            self._call.gone(Cause(Kind.EXPIRED, response.status))
        elif response.status == 422 and self._stretch(response):
            self._send(body, method, refresh=self._quiet)
        else:
            self._refused(response, body, method)

    def _agreed(self, response: Response, body: bytes, method: str) -> None:
        """2xx. Each one gets its ACK, a repeated one the same."""
        dialog = self._call.dialog
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
        self._renew(response)
        if body and response.body:
            changed = response.body != self.remote
            self.local, self.remote = body, response.body
            if changed or not self._quiet:
                self._call.tell("renegotiated", response.body, response.status)
        self._continue()

    @staticmethod
    def _contacts(message: Response | Request) -> list:  # type: ignore[type-arg]
        try:
            return list(message.contacts)
        except Malformed:
            return []

    def _renew(self, response: Response) -> None:
        usual = self.session.interval_s if self.session else self._core.config.session_expires_s
        try:
            self.session = session_timer.as_client(response, usual)
        except Malformed:
            return
        self.arm()

    def _refused(self, response: Response, body: bytes, method: str) -> None:
        if method == "UPDATE":
            # Listed in Allow and refused all the same: the next refresh is a re-INVITE.
            self._without_update = True
            self._refresh_now()
            return
        if not self._quiet:
            self._call.tell("renegotiated", b"", response.status)
        self._continue()

    def _failed(self, why: Do) -> None:
        self._ours = None
        if why is Do.LOST and self._call.dialog is not None and self._call.dialog.hop.flow:
            self._call.disconnected(self._call.dialog.hop.flow)
        self._call.gone(Cause(Kind.UNREACHABLE, detail=why.name.lower()))

    def _wait(self, body: bytes, method: str) -> None:
        """Section 14.1: the one that chose the Call-ID waits longer, so that the two do not meet again."""
        self._glares += 1
        ms = self._core.chance(200) * 10 if self._call.inbound else 2100 + self._core.chance(191) * 10
        self._glare = self._core.timers.after(ms / 1000, lambda: self._after_glare(body, method))

    def _after_glare(self, body: bytes, method: str) -> None:
        self._glare = None
        if self._open is not None:
            self._waiting.appendleft(body)
        else:
            self._send(body, method, refresh=self._quiet)

    def _stretch(self, response: Response) -> bool:
        try:
            least = response.seconds("min-se")
        except Malformed:
            return False
        if least is None or self.session is None or not self.session.interval_s < least <= limits.SESSION_MOST_S:
            return False
        self.session = session_timer.Session(least, self.session.ours, self.session.agreed)
        return True

    def _continue(self) -> None:
        if self._waiting and not self.busy and self._call.state is State.STANDING:
            body = self._waiting.pop()
            self._waiting.clear()
            self._send(body, "INVITE")

    # --- theirs

    def take(self, request: Request, served: ServerTransaction) -> None:
        """re-INVITE or UPDATE."""
        offers = request.method == "INVITE" or bool(request.body)
        if self._call.state not in {State.STANDING, State.ANSWERED}:
            self._reply(request, served, 481 if self._call.state is State.CLOSED else 500, self._soon())
        elif offers and self._open is not None:
            self._reply(request, served, 500, self._soon())
        elif offers and (self._ours is not None or self._call.state is State.ANSWERED):
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
            reply = self._call.tell("reoffered", request.body)
            if not isinstance(reply, bytes):
                status, headers = getattr(reply, "status", 500), getattr(reply, "headers", ())
                self._reply(request, served, status, headers)
                return
            body = reply
        dialog = self._call.dialog
        assert dialog is not None
        dialog.refresh(self._contacts(request))
        self.session = agreed
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
        self._repeating = Repeating(self._core, served, made, self._no_ack)

    def acknowledged(self, request: Request) -> None:
        if self._open is None or self._open.cseq[0] != request.cseq[0]:
            return
        late, self._open = not self._open.body, None
        if self._repeating is not None:
            self._repeating.stop()
            self._repeating = None
        if late and request.body:
            self.remote = request.body
            self._call.tell("renegotiated", request.body, 200)
        elif late:
            self._call.gone(Cause(Kind.PROTOCOL, detail="no answer in the ACK"))
        self._continue()

    def _no_ack(self) -> None:
        self._repeating = self._open = None
        self._call.gone(Cause(Kind.PROTOCOL, detail="no ACK"))

    def _soon(self) -> list[tuple[str, str]]:
        return [("retry-after", str(self._core.chance(10)))]

    def _reply(
        self, request: Request, served: ServerTransaction, status: int, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self._core.transactions.answer(served, answer(request, status, headers=headers))

    # --- signs of life

    def arm(self) -> None:
        """Counts from now."""
        for timer in (self._refresh, self._end):
            if timer is not None:
                timer.cancel()
        self._refresh = self._end = None
        agreed = self.session
        if agreed is None:
            return
        if agreed.ours:
            self._refresh = self._core.timers.after(agreed.refresh_s, self._refresh_now)
        if agreed.agreed:
            self._end = self._core.timers.after(agreed.end_s, self._expired)
        if self._waiting:
            self._continue()

    def _refresh_now(self) -> None:
        self._refresh = None
        if self.busy:
            # Whatever is on its way refreshes too, if it succeeds.
            self._refresh = self._core.timers.after(self._core.config.timing.whole, self._refresh_now)
            return
        update = "update" in self._call.allow and not self._without_update
        self._send(b"" if update else self.local, "UPDATE" if update else "INVITE", refresh=True)

    def _expired(self) -> None:
        self._end = None
        self._call.gone(Cause(Kind.EXPIRED, detail="session expired"))
