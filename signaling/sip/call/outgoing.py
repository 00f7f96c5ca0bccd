"""The INVITE of an outbound call: the hops that it tries, its answers, CANCEL, the ACK of each 2xx."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from signaling.sip.call.causes import NORMAL, Cause, Kind, of_response
from signaling.sip.call.early_dialogs import EarlyDialogs
from signaling.sip.call.events import Refused, Reports
from signaling.sip.call.far_end import FarEnd
from signaling.sip.call.life import Life
from signaling.sip.call.renegotiation import Renegotiation
from signaling.sip.call.states import Event, State
from signaling.sip.dialog.core import EXTENSIONS, Core
from signaling.sip.dialog.dialog import Dialog, from_response
from signaling.sip.dialog.exchange import Exchange
from signaling.sip.ground import limits
from signaling.sip.transaction.timers import Timer
from signaling.sip.transaction.transaction import Do
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire import session_timer
from signaling.sip.wire.fields import Address, Malformed
from signaling.sip.wire.message import Request, Response

SDP: Final = "application/sdp"


@dataclass(frozen=True, slots=True)
class Invitation:
    """The values of an outbound INVITE."""

    call_id: str
    local: Address
    """Our address, with our tag."""
    remote: Address
    offer: bytes
    """Our SDP; empty if we want their offer (late offer)."""
    branch: str
    """The beginning of the branches of its INVITEs."""
    offer_by: Callable[[Hop], bytes] | None = None
    """Makes the offer for the next hop. None: every hop gets the same offer."""
    headers: tuple[tuple[str, str], ...] = ()
    """Additional fields of each INVITE."""
    keeps: Callable[[Dialog, Callable[[], None]], None] | None = None
    """Stores the dialog before the ACK of its 2xx, then calls back.

    Until the ACK, the terminal repeats the 2xx, also to a server that starts in place of this server.
    """


class OutgoingInvite:
    def __init__(
        self,
        core: Core,
        invitation: Invitation,
        life: Life,
        far_end: FarEnd,
        reports: Reports[Any],
        renegotiation: Renegotiation,
        gone: Callable[[Cause], None],
    ) -> None:
        self._core = core
        self._invitation = invitation
        self._life = life
        self._far_end = far_end
        self._reports = reports
        self._renegotiation = renegotiation
        self._gone = gone
        self._offer = invitation.offer
        self._hops: list[Hop] = []
        self._cseq = 0
        self._session_s, self._least_s = core.config.session_expires_s, limits.SESSION_LEAST_S
        self._session_tries = 0
        self._exchange: Exchange | None = None
        self._timer: Timer | None = None
        self._heard = False
        self._cancel_sent = False
        self._early = EarlyDialogs(far_end)
        self._ack: dict[str, tuple[bytes, Hop]] = {}
        """The ACK of each 2xx, by the tag of the far end."""
        self._keeping: set[str] = set()
        """Tags whose dialog is being stored."""

    def start(self, hops: Sequence[Hop]) -> None:
        """Dial the first of `hops`. Dial the next hop if no answer arrives."""
        self._hops = list(hops[: limits.HOPS])
        if self._life.state is State.DIALLING:
            self._next()

    def fail(self, cause: Cause) -> None:
        if self._life.go(Event.LOST):
            self._life.end(cause)

    def give_up(self, before: State, cause: Cause) -> None:
        """Send CANCEL now if the call rings, else after the first provisional answer (RFC 3261 section 9.1)."""
        self._life.cause = cause if cause is not NORMAL else Cause(Kind.CANCELLED)
        self.stop()
        if self._exchange is None:
            self.fail(self._life.cause)
            return
        if before is State.RINGING:
            self._send_cancel()
        self._timer = self._core.timers.after(self._core.config.timing.whole, self._abandon)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- sending

    def _next(self) -> None:
        if not self._hops:
            self.fail(Cause(Kind.UNREACHABLE))
            return
        hop = self._hops.pop(0)
        if self._invitation.offer_by is not None:
            self._offer = self._invitation.offer_by(hop)
        self.stop()
        self._timer = self._core.timers.after(self._core.config.ring_s, self._ring_ended)
        branch = self._invitation.branch
        self._exchange = self._far_end.ask(lambda: self._make(hop), hop, self._answered, self._lost, branch=branch)

    def _make(self, hop: Hop) -> Request:
        self._cseq += 1
        invitation = self._invitation
        made = Request(method="INVITE", uri=invitation.remote.uri, body=self._offer)
        rows = [
            ("max-forwards", "70"),
            ("from", str(invitation.local)),
            ("to", str(invitation.remote)),
            ("call-id", invitation.call_id),
            ("cseq", f"{self._cseq} INVITE"),
            ("contact", self._core.contact(hop, focus=True)),
            *self._core.capabilities(),
            *session_timer.wanted(self._session_s, self._least_s),
            *invitation.headers,
        ]
        if made.body:
            rows.append(("content-type", SDP))
        else:
            # With 100rel, an offer in a provisional answer would need our answer in the PRACK.
            rows = [
                (name, value if name != "supported" else ", ".join(sorted(EXTENSIONS - {"100rel"})))
                for name, value in rows
            ]
        made.headers.rows.extend(rows)
        return made

    def _send_cancel(self) -> None:
        if self._exchange is not None and not self._cancel_sent:
            self._cancel_sent = True
            self._exchange.cancel()

    def _abandon(self) -> None:
        if self._exchange is not None:
            self._exchange.drop()
        self.fail(self._life.cause or Cause(Kind.CANCELLED))

    # --- what comes back

    def _answered(self, response: Response) -> None:
        if response.status > 100:
            told = response.headers.get("server") or response.headers.get("user-agent")
            self._far_end.user_agent = (told or self._far_end.user_agent)[:256]
        if response.status < 200:
            self._provisional(response)
        elif response.status < 300:
            self._success(response)
        elif response.status == 422 and self._longer(response):
            assert self._exchange is not None
            self._hops.insert(0, self._exchange.hop)
            self._next()
        elif self._life.go(Event.FAILURE):
            self._life.end(self._life.cause or of_response(response))

    def _provisional(self, response: Response) -> None:
        self._heard = True
        if not self._life.go(Event.PROVISIONAL):
            return
        if self._life.state is State.CANCELLING:
            self._send_cancel()
        elif response.status > 100:
            if self._exchange is not None:
                self._early.confirm(response, self._exchange)
            self._reports.ringing(response.body)

    def _success(self, response: Response) -> None:
        """Send an ACK for each 2xx, also for a repeated one. A 2xx of another branch of a fork gets ACK and BYE at once."""
        self._heard = True
        tag, keeps = response.to.tag, self._invitation.keeps
        if tag in self._ack:
            self._core.transports.send(self._ack[tag][1], self._ack[tag][0])
            return
        if max(len(self._ack), len(self._keeping)) >= limits.BINDINGS_PER_ALIAS or self._exchange is None:
            return
        dialog = self._dialog_of(response, self._exchange)
        if keeps is None:
            self._kept(response, dialog)
        elif tag not in self._keeping:
            self._keeping.add(tag)
            keeps(dialog, lambda: self._kept(response, dialog))

    def _kept(self, response: Response, dialog: Dialog) -> None:
        """Send the ACK. Only now decide whether the call is still needed, because it may have been given up in the meantime."""
        wanted = self._life.state in {State.DIALLING, State.RINGING}
        late = wanted and not self._offer
        reply: bytes | Refused = self._reports.reoffered(response.body) if late and response.body else b""
        body = reply if isinstance(reply, bytes) else b""
        self._acknowledge(dialog, body, response.to.tag)
        if wanted:
            self._stand(dialog, response, body, late)
            return
        self._far_end.bye(dialog)
        if self._life.go(Event.SUCCESS):
            self._life.end(self._life.cause or Cause(Kind.CANCELLED))

    def _stand(self, dialog: Dialog, response: Response, ours: bytes, late: bool) -> None:
        self.stop()
        self._far_end.dialog = dialog
        self._far_end.allow = frozenset(response.options("allow"))
        theirs = response.body or self._early.answer
        self._life.go(Event.SUCCESS)
        if not theirs or (late and not ours):
            kind = Kind.NOT_ACCEPTABLE if theirs else Kind.PROTOCOL
            self._gone(Cause(kind, response.status, detail="no session"))
            return
        try:
            agreed = session_timer.as_client(response, self._session_s)
        except Malformed:
            agreed = session_timer.Session(self._session_s, ours=True, agreed=False)
        self._renegotiation.begin(agreed, ours or self._offer, theirs)
        self._renegotiation.arm()
        self._reports.answered(theirs)

    def _dialog_of(self, response: Response, exchange: Exchange) -> Dialog:
        request, local = exchange.request, self._invitation.local
        try:
            made = from_response(request, response, exchange.hop)
        except Malformed:
            # Some terminals omit the Contact. The dialled URI still leads to them.
            made = Dialog(request.call_id, local, response.to, request.uri, exchange.hop, cseq=request.cseq[0])
        made.cseq = max(made.cseq, self._early.cseq(response.to.tag))
        return made

    def _acknowledge(self, dialog: Dialog, body: bytes, tag: str) -> None:
        assert self._exchange is not None
        sent = self._exchange.request
        made = dialog.request("ACK", cseq=sent.cseq[0])
        for name in ("authorization", "proxy-authorization"):
            made.headers.add(name, *sent.headers.all(name))
        made.body = body
        if body:
            made.headers.add("content-type", SDP)
        self._ack[tag] = self._core.post(made, dialog.hop), dialog.hop

    def _lost(self, why: Do) -> None:
        if self._life.state is State.CANCELLING or self._heard or not self._hops:
            kind = Kind.NO_ANSWER if self._heard else Kind.UNREACHABLE
            self.fail(self._life.cause or Cause(kind, detail=why.name.lower()))
        else:
            self._next()

    def _longer(self, response: Response) -> bool:
        """Take the least interval of their 422, at most twice. Return whether to try again."""
        try:
            least = response.seconds("min-se")
        except Malformed:
            return False
        self._session_tries += 1
        if least is None or least > limits.SESSION_MOST_S or self._session_tries > limits.SESSION_TRIES:
            return False
        self._least_s = max(self._least_s, least)
        self._session_s = max(self._session_s, self._least_s)
        return self._life.state in {State.DIALLING, State.RINGING}

    def _ring_ended(self) -> None:
        before = self._life.state
        if self._life.go(Event.HANG_UP):
            self.give_up(before, Cause(Kind.NO_ANSWER if self._heard else Kind.UNREACHABLE))
