"""One call: from INVITE to BYE, either way round. A table of states; what is agreed on while it stands is
`renegotiation`.

Owns the dialog, the first offer and answer, CANCEL, BYE, INFO, PRACK and REFER of ours. Bodies are opaque. Decides
nothing about who may call (`agent`) or what is in a body.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from signaling.sip.call.causes import NORMAL, Cause, Kind, of_response
from signaling.sip.call.renegotiation import Renegotiation, Repeating
from signaling.sip.call.states import TABLE, Event, State
from signaling.sip.dialog.core import EXTENSIONS, Core, Exchange
from signaling.sip.dialog.dialog import Dialog, from_request, from_response
from signaling.sip.dialog.digest import Prover
from signaling.sip.transaction.timers import Timer
from signaling.sip.transaction.transaction import Do, ServerTransaction
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire import limits, session_timer
from signaling.sip.wire.fields import Address, Malformed, Uri, quote
from signaling.sip.wire.message import Request, Response, answer

log = logging.getLogger(__name__)
SDP: Final = "application/sdp"
S, V = State, Event


@dataclass(frozen=True, slots=True)
class Refused:
    """Instead of an answer to an offer: 488 with a Warning, say."""

    status: int = 488
    headers: tuple[tuple[str, str], ...] = ()


class CallEvents(Protocol):
    """Whoever uses a call. What escapes from here ends this call and no other."""

    def ringing(self, call: Call, body: bytes) -> None:
        """A 180 or 183, `body` its SDP or empty."""

    def answered(self, call: Call, body: bytes) -> None:
        """It stands. `body`: their answer to our offer; empty where they offered and we answered."""

    def reoffered(self, call: Call, body: bytes) -> bytes | Refused:
        """Their new offer, our answer; an empty `body` asks for our offer (late offer), the answer comes by
        `renegotiated`.
        """

    def renegotiated(self, call: Call, body: bytes, status: int) -> None:
        """Their answer to an offer of ours in a standing call; status 300 and above: refused, all stays as it was."""

    def info(self, call: Call, content_type: str, body: bytes) -> int:
        """The status that answers it: 200, 415, 469."""

    def dtmf(self, call: Call, digit: str, duration_ms: int) -> None: ...

    def transferred(self, call: Call, status: int) -> None:
        """What became of `Call.refer`: its answer, then each sipfrag of a NOTIFY."""

    def ended(self, call: Call, cause: Cause) -> None:
        """The last event, once."""


class Owner(Protocol):
    """What keeps the calls (`Agent`)."""

    def closed(self, call: Call) -> None: ...


class Call:
    """Made by `Agent` only. Everything returns at once; outcomes come as events."""

    def __init__(
        self, core: Core, owner: Owner, *, call_id: str, local: Address, remote: Address, inbound: bool
    ) -> None:
        self.core = core
        self._owner = owner
        self.call_id = call_id
        self.local = local
        self.remote = remote
        self.inbound = inbound
        self.events: CallEvents | None = None
        self.state = S.OFFERED if inbound else S.DIALLING
        self.cause: Cause | None = None
        self.offer = b""
        """Of an inbound call: their SDP; empty: they want ours (late offer)."""
        self.request: Request | None = None
        """The INVITE of an inbound call."""
        self.identity = ""
        """The alias or trunk that proved itself; of an outbound call what was dialled."""
        self.user_agent = ""
        self.allow: frozenset[str] = frozenset()
        self.peers: set[str] = set()
        """Addresses that may speak because of it; the agent's."""
        self.dialog: Dialog | None = None
        self.prover: Prover | None = None
        self.realm_host = ""
        self.branch = core.token()
        """How the branches of our INVITEs begin."""
        self.keeps: Callable[[Dialog, Callable[[], None]], None] | None = None
        """Writes down a dialog of a call of ours before its 2xx is acknowledged, then calls back: until then the terminal
        repeats it, also to a server that starts in place of this one.
        """
        self._keeping: set[str] = set()
        self.renegotiation = Renegotiation(self)
        self._served: ServerTransaction | None = None
        self._repeating: Repeating | None = None
        self._timer: Timer | None = None
        self._ended = False
        # outbound only
        self.offer_by: Callable[[Hop], bytes] | None = None
        """Makes the offer for the hop that is tried next; None: it is the same for all."""
        self._hops: list[Hop] = []
        self._headers: tuple[tuple[str, str], ...] = ()
        self._target = remote.uri
        self._cseq = 0
        self._session_s, self._least_s = core.config.session_expires_s, limits.SESSION_LEAST_S
        self._session_tries = 0
        self._exchange: Exchange | None = None
        self._heard = False
        self._cancel_sent = False
        self._early: dict[str, Dialog] = {}
        self._rseq: dict[str, int] = {}
        self._early_answer = b""
        self._ack: dict[str, tuple[bytes, Hop]] = {}
        self._reason = ""
        self._refer = False
        self._queue: deque[tuple[str, tuple[tuple[str, str], ...], bytes, Callable[[int], None]]] = deque()

    # --- what its user does

    @property
    def may_ring(self) -> bool:
        """Not where the caller demands that such answers are confirmed (100rel)."""
        return self.state is S.OFFERED and self.request is not None and "100rel" not in self.request.options("require")

    def ring(self, body: bytes = b"") -> None:
        """180 (183 with a body)."""
        request, served = self.request, self._served
        if not self.may_ring or request is None or served is None:
            return
        headers = [("contact", self.core.contact(served.hop))] + ([("content-type", SDP)] if body else [])
        self.core.transactions.answer(
            served, answer(request, 183 if body else 180, tag=self.local.tag, headers=headers, body=body)
        )

    def accept(self, body: bytes) -> None:
        """200 with our answer, or our offer where theirs is still to come."""
        request, served = self.request, self._served
        if request is None or served is None or not self._go(V.ACCEPT):
            return
        served.cancelled = None
        self._stop_timer()
        agreed, fields = session_timer.as_server(request, self.core.config.session_expires_s)
        headers = [
            ("contact", self.core.contact(served.hop, focus=True)),
            *self.core.capabilities(),
            *fields,
            ("content-type", SDP),
        ]
        made = answer(request, 200, tag=self.local.tag, headers=headers, body=body)
        self.renegotiation.begin(agreed, body, self.offer)
        self._repeating = Repeating(self.core, served, made, lambda: self._no_ack())

    def refuse(self, status: int, headers: Sequence[tuple[str, str]] = ()) -> None:
        assert 300 <= status < 700
        if self._go(V.REFUSE):
            self._final(status, headers)
            self._end(Cause(Kind.LOCAL, status))

    def hang_up(self, reason: str = "") -> None:
        """Ends it whatever its state. `reason`: text of a Reason field (RFC 3326)."""
        self._reason = reason
        if self.state is S.OFFERED:
            self.refuse(480)
            return
        before = self.state
        if not self._go(V.HANG_UP):
            return
        if self.state is S.CANCELLING:
            self._give_up(before, NORMAL)
        elif self.state is S.CLOSED:
            self._bye()
            self._end(NORMAL)

    def reinvite(self, body: bytes) -> None:
        """A new offer. Waits for one that is on its way; the outcome is `renegotiated`."""
        self.renegotiation.offer(body)

    def info(self, content_type: str, body: bytes, done: Callable[[int], None] = lambda _: None) -> None:
        """INFO; `done` gets the status of its answer, 408 without one."""
        self._inside("INFO", [("content-type", content_type)], body, done)

    def refer(self, target: Uri) -> None:
        """Asks the terminal to call `target` (RFC 3515); it hangs up by itself when that stands. `transferred` tells
        the rest.
        """
        self._refer = True
        self._inside("REFER", [("refer-to", f"<{target}>")], b"", partial(self.told, "transferred"))

    # --- what happens to it

    def receive(self, request: Request, hop: Hop, served: ServerTransaction) -> None:
        """Their INVITE, of whom the agent knows who it is. `events` is set before anything else happens."""
        self.request, self._served = request, served
        self.offer = request.body
        self.allow = frozenset(request.options("allow"))
        self.user_agent = request.headers.get("user-agent")[:256]
        self.dialog = from_request(request, self.local.tag, hop)
        served.cancelled, served.tag = self._cancelled, self.local.tag
        self._timer = self.core.timers.after(self.core.config.ring_s * 3, lambda: self.refuse(480))

    def start(self, hops: Sequence[Hop], headers: Sequence[tuple[str, str]] = ()) -> None:
        """Dials the first of `hops`, the next one if nothing comes back. `headers` go into each INVITE."""
        self._hops, self._headers = list(hops[: limits.HOPS]), tuple(headers)
        if self.state is S.DIALLING:
            self._next()

    def fail(self, cause: Cause) -> None:
        """There is nowhere to dial to."""
        if self._go(V.LOST):
            self._end(cause)

    def acknowledged(self, request: Request) -> None:
        """The ACK of a 2xx: of the first one or of a re-INVITE."""
        if self.state not in {S.ANSWERED, S.LEAVING}:
            self.renegotiation.acknowledged(request)
            return
        if self.request is None or request.cseq[0] != self.request.cseq[0]:
            return
        self._stop_repeating()
        leaving = self.state is S.LEAVING
        self._go(V.ACK)
        if leaving:
            self._bye()
            self._end(NORMAL)
        elif not self.offer and not request.body:
            self.gone(Cause(Kind.PROTOCOL, detail="no answer in the ACK"))
        else:
            if not self.offer:
                self.renegotiation.remote = request.body
            self.renegotiation.arm()
            self._tell("answered", request.body if not self.offer else b"")

    def take(self, request: Request, served: ServerTransaction) -> None:
        """A request inside of the dialog, in order."""
        method = request.method
        if method == "BYE":
            self._they_left(request, served)
        elif method in {"INVITE", "UPDATE"}:
            self.renegotiation.take(request, served)
        elif method == "INFO":
            self._reply(request, served, self._information(request))
        elif method == "OPTIONS":
            self._reply(request, served, 200, self.core.capabilities())
        elif method == "NOTIFY" and self._refer and request.headers.get("event").lower().startswith("refer"):
            self._reply(request, served, 200)
            self._tell("transferred", _fragment(request.body))
        elif method in {"PRACK", "NOTIFY"}:
            self._reply(request, served, 481)
        elif method == "REFER":
            self._reply(request, served, 603)
        else:
            self._reply(request, served, 405, self.core.capabilities()[:1])

    def gone(self, cause: Cause) -> None:
        """It does not live any more; BYE goes out all the same."""
        if self._go(V.GONE):
            self._bye()
            self._end(cause)

    def disconnected(self, flow: int) -> None:
        """The connection that it came by has ended: later requests open one to where its Contact says, at the same
        address.
        """
        if self.dialog is not None and self.dialog.hop.flow == flow:
            hop = self.dialog.hop
            self.dialog.hop = Hop(hop.transport, hop.host, hop.port)
            self.dialog.refresh([Address(self.dialog.target)])

    # --- outbound

    def _next(self) -> None:
        if not self._hops:
            self.fail(Cause(Kind.UNREACHABLE))
            return
        hop = self._hops.pop(0)
        if self.offer_by is not None:
            self.renegotiation.local = self.offer_by(hop)
        self._stop_timer()
        self._timer = self.core.timers.after(self.core.config.ring_s, lambda: self._rang_in_vain())
        self._exchange = Exchange(
            self.core,
            lambda: self._invite(hop),
            hop,
            self._answer,
            self._lost,
            prover=self.prover,
            realm_host=self.realm_host,
            branch=self.branch,
        ).start()

    def _invite(self, hop: Hop) -> Request:
        self._cseq += 1
        made = Request(method="INVITE", uri=self._target, body=self.renegotiation.local)
        rows = [("max-forwards", "70"), ("from", str(self.local)), ("to", str(self.remote)), ("call-id", self.call_id)]
        rows += [
            ("cseq", f"{self._cseq} INVITE"),
            ("contact", self.core.contact(hop, focus=True)),
            *self.core.capabilities(),
        ]
        rows += [*session_timer.wanted(self._session_s, self._least_s), *self._headers]
        if made.body:
            rows.append(("content-type", SDP))
        else:
            # An offer in a confirmed provisional answer would want ours in the PRACK.
            rows = [
                (name, value if name != "supported" else ", ".join(sorted(EXTENSIONS - {"100rel"})))
                for name, value in rows
            ]
        made.headers.rows.extend(rows)
        return made

    def _answer(self, response: Response) -> None:
        if response.status > 100:
            self.user_agent = (response.headers.get("server") or response.headers.get("user-agent") or self.user_agent)[
                :256
            ]
        if response.status < 200:
            self._provisional(response)
        elif response.status < 300:
            self._success(response)
        elif response.status == 422 and self._longer(response):
            self._again()
        elif self._go(V.FAILURE):
            cause = of_response(response)
            self._end(self.cause or cause)

    def _provisional(self, response: Response) -> None:
        self._heard = True
        if not self._go(V.PROVISIONAL):
            return
        if self.state is S.CANCELLING:
            self._send_cancel()
        elif response.status > 100:
            self._confirm(response)
            self._tell("ringing", response.body)

    def _confirm(self, response: Response) -> None:
        """PRACK, RFC 3262: each reliable answer once and in order."""
        if "100rel" not in response.options("require") or self._exchange is None:
            return
        tag, number = response.to.tag, response.seconds("rseq")
        if not tag or number is None or len(self._early) >= limits.BINDINGS_PER_ALIAS:
            return
        if tag in self._rseq and number != self._rseq[tag] + 1:
            return
        self._rseq[tag] = number
        if tag not in self._early:
            self._early[tag] = from_response(self._exchange.request, response, self._exchange.hop)
        dialog, invite = self._early[tag], self._exchange.request.cseq[0]
        self._early_answer = response.body or self._early_answer

        def make() -> Request:
            made = dialog.request("PRACK")
            made.headers.add("rack", f"{number} {invite} INVITE")
            return made

        Exchange(
            self.core, make, dialog.hop, lambda _: None, lambda _: None, prover=self.prover, realm_host=self.realm_host
        ).start()

    def _success(self, response: Response) -> None:
        """Each 2xx gets its ACK, also a repeated one; one of another branch of a fork is left at once."""
        self._heard = True
        tag = response.to.tag
        if tag in self._ack:
            self.core.transports.send(self._ack[tag][1], self._ack[tag][0])
            return
        if max(len(self._ack), len(self._keeping)) >= limits.BINDINGS_PER_ALIAS or self._exchange is None:
            return
        dialog = self._dialog_of(response)
        if self.keeps is None:
            self._kept(response, dialog)
        elif tag not in self._keeping:
            self._keeping.add(tag)
            self.keeps(dialog, lambda: self._kept(response, dialog))

    def _kept(self, response: Response, dialog: Dialog) -> None:
        """Whether it is still wanted is seen now."""
        tag = response.to.tag
        wanted = self.state in {S.DIALLING, S.RINGING}
        late = wanted and not self.renegotiation.local
        reply: bytes | Refused = self._ask(response.body) if late and response.body else b""
        body = reply if isinstance(reply, bytes) else b""
        self._acknowledge(dialog, body, tag)
        if not wanted:
            self._bye(dialog)
            if self._go(V.SUCCESS):
                self._end(self.cause or Cause(Kind.CANCELLED))
            return
        self._stands(dialog, response, body, late)

    def _stands(self, dialog: Dialog, response: Response, ours: bytes, late: bool) -> None:
        self._stop_timer()
        self.dialog = dialog
        self.allow = frozenset(response.options("allow"))
        theirs = response.body or self._early_answer
        self._go(V.SUCCESS)
        if not theirs or (late and not ours):
            self.gone(Cause(Kind.PROTOCOL if not theirs else Kind.NOT_ACCEPTABLE, response.status, detail="no session"))
            return
        try:
            agreed = session_timer.as_client(response, self._session_s)
        except Malformed:
            agreed = session_timer.Session(self._session_s, ours=True, agreed=False)
        self.renegotiation.begin(agreed, ours or self.renegotiation.local, theirs)
        self.renegotiation.arm()
        self._tell("answered", theirs)

    def _dialog_of(self, response: Response) -> Dialog:
        assert self._exchange is not None
        request = self._exchange.request
        try:
            made = from_response(request, response, self._exchange.hop)
        except Malformed:
            # Some terminals forget the Contact; what was dialled still leads to them.
            made = Dialog(self.call_id, self.local, response.to, request.uri, self._exchange.hop, cseq=request.cseq[0])
        early = self._early.get(response.to.tag)
        made.cseq = max(made.cseq, early.cseq if early else 0)
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
        self._ack[tag] = self.core.post(made, dialog.hop), dialog.hop

    def _lost(self, why: Do) -> None:
        if self.state is S.CANCELLING or self._heard or not self._hops:
            self.fail(self.cause or Cause(Kind.NO_ANSWER if self._heard else Kind.UNREACHABLE, detail=why.name.lower()))
        else:
            self._next()

    def _longer(self, response: Response) -> bool:
        """422: their least interval. Twice at most."""
        try:
            least = response.seconds("min-se")
        except Malformed:
            return False
        self._session_tries += 1
        if least is None or least > limits.SESSION_MOST_S or self._session_tries > limits.SESSION_TRIES:
            return False
        self._least_s = max(self._least_s, least)
        self._session_s = max(self._session_s, self._least_s)
        return self.state in {S.DIALLING, S.RINGING}

    def _again(self) -> None:
        assert self._exchange is not None
        self._hops.insert(0, self._exchange.hop)
        self._next()

    def _rang_in_vain(self) -> None:
        before = self.state
        if self._go(V.HANG_UP):
            self._give_up(before, Cause(Kind.NO_ANSWER if self._heard else Kind.UNREACHABLE))

    def _give_up(self, before: State, cause: Cause) -> None:
        """CANCEL may go only after a provisional answer; without any, RFC 3261 section 9.1, it waits for one."""
        self.cause = cause if cause is not NORMAL else Cause(Kind.CANCELLED)
        self._stop_timer()
        if self._exchange is None:
            self.fail(self.cause)
            return
        if before is S.RINGING:
            self._send_cancel()
        self._timer = self.core.timers.after(self.core.config.timing.whole, self._abandon)

    def _send_cancel(self) -> None:
        if self._exchange is not None and not self._cancel_sent:
            self._cancel_sent = True
            self._exchange.cancel()

    def _abandon(self) -> None:
        if self._exchange is not None:
            self._exchange.drop()
        self.fail(self.cause or Cause(Kind.CANCELLED))

    # --- inbound

    def _cancelled(self) -> None:
        if self._go(V.CANCEL):
            self._final(487)
            self._end(Cause(Kind.CANCELLED, 487))

    def _no_ack(self) -> None:
        self._repeating = None
        if self._go(V.NO_ACK):
            self._bye()
            self._end(Cause(Kind.PROTOCOL, detail="no ACK"))

    def _final(self, status: int, headers: Sequence[tuple[str, str]] = ()) -> None:
        assert self.request is not None and self._served is not None
        self._served.cancelled = None
        made = answer(self.request, status, tag=self.local.tag, headers=headers)
        self.core.transactions.answer(self._served, made)

    # --- both

    def _they_left(self, request: Request, served: ServerTransaction) -> None:
        early = self.state is S.OFFERED
        known = self._go(V.BYE)
        self._reply(request, served, 200 if known else 481)
        if early:
            self._final(487)
        if known:
            self._end(NORMAL)

    def _information(self, request: Request) -> int:
        if self.state is not S.STANDING:
            return 481
        if request.content_type in {"application/dtmf-relay", "application/dtmf"}:
            press = _digit(request)
            if press is None:
                return 400
            self._tell("dtmf", *press)
            return 200
        status = self._tell("info", request.content_type, request.body)
        return status if isinstance(status, int) and 200 <= status < 700 else 500

    def _inside(
        self, method: str, headers: Sequence[tuple[str, str]], body: bytes, done: Callable[[int], None]
    ) -> None:
        """A request in the standing dialog that changes nothing of the session. One after the other: datagrams that
        overtake one another are out of order for whoever counts.
        """
        if self.dialog is None or self.state is not S.STANDING or len(self._queue) >= limits.BODY_QUEUE:
            status = 503 if self.state is S.STANDING else 481
            self.core.timers.after(0.0, lambda: done(status))
            return
        self._queue.append((method, tuple(headers), body, done))
        if len(self._queue) == 1:
            self._send_inside()

    def _send_inside(self) -> None:
        if not self._queue or self.dialog is None or self.state is not S.STANDING:
            for *_, done in self._queue:
                done(481)
            self._queue.clear()
            return
        (method, headers, body, done), dialog = self._queue[0], self.dialog

        def make() -> Request:
            made = dialog.request(method, self.core.contact(dialog.hop))
            made.headers.rows.extend(headers)
            made.body = body
            return made

        def finished(status: int) -> None:
            if self._queue:
                self._queue.popleft()
            done(status)
            if status == 481:
                self.gone(Cause(Kind.EXPIRED, 481))
            self._send_inside()

        def answered(response: Response) -> None:
            if response.is_final:
                finished(response.status)

        self.exchange(make, answered, lambda _: finished(408))

    def exchange(
        self, make: Callable[[], Request], answered: Callable[[Response], None], failed: Callable[[Do], None]
    ) -> Exchange:
        """A request in the dialog."""
        assert self.dialog is not None
        return Exchange(
            self.core, make, self.dialog.hop, answered, failed, prover=self.prover, realm_host=self.realm_host
        ).start()

    def _bye(self, dialog: Dialog | None = None) -> None:
        dialog = dialog or self.dialog
        if dialog is None:
            return
        reason = f"SIP;cause=200;text={quote(self._reason)}" if self._reason else ""

        def make() -> Request:
            made = dialog.request("BYE")
            if reason:
                made.headers.add("reason", reason)
            return made

        Exchange(
            self.core, make, dialog.hop, lambda _: None, lambda _: None, prover=self.prover, realm_host=self.realm_host
        ).start()

    def _reply(
        self, request: Request, served: ServerTransaction, status: int, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.core.transactions.answer(served, answer(request, status, tag=self.local.tag, headers=headers))

    def _ask(self, body: bytes) -> bytes | Refused:
        reply = self._tell("reoffered", body)
        return reply if isinstance(reply, bytes | Refused) else Refused(500)

    def tell(self, name: str, *values: object) -> object:
        return self._tell(name, *values)

    def told(self, name: str, *values: object) -> None:
        self._tell(name, *values)

    def _tell(self, name: str, *values: object) -> object:
        """An event. A defect above ends this call only."""
        if self.events is None or (self._ended and name != "ended"):
            return None
        try:
            return getattr(self.events, name)(self, *values)
        except Exception:
            log.exception("an event of a call failed")
            self.core.defects += 1
            if name != "ended":
                self.core.timers.after(0.0, self.hang_up)
            return None

    def _go(self, event: Event) -> bool:
        after = TABLE.get((self.state, event))
        if after is None:
            return False
        self.state = after
        return True

    def _end(self, cause: Cause) -> None:
        assert self.state is S.CLOSED
        if self._ended:
            return
        self.cause = cause
        self._stop_timer()
        self._stop_repeating()
        self.renegotiation.stop()
        self._owner.closed(self)
        self._ended = True
        self._tell("ended", cause)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_repeating(self) -> None:
        if self._repeating is not None:
            self._repeating.stop()
            self._repeating = None


def _digit(request: Request) -> tuple[str, int] | None:
    """(digit, milliseconds) of an INFO; None: it says none."""
    text = request.body[:256].decode("ascii", "replace").strip()
    if request.content_type == "application/dtmf":
        signal, duration = text, "160"
    else:
        pairs = dict(line.partition("=")[::2] for line in text.replace("\r", "\n").split("\n") if "=" in line)
        found = {name.strip().lower(): value.strip() for name, value in pairs.items()}
        signal, duration = found.get("signal", ""), found.get("duration", "160")
    signal = {"10": "*", "11": "#", "star": "*", "pound": "#"}.get(signal.lower(), signal.upper())
    if len(signal) != 1 or signal not in "0123456789*#ABCD":
        return None
    ok = duration.isascii() and duration.isdigit() and len(duration) <= 5
    return signal, int(duration) if ok else 160


def _fragment(body: bytes) -> int:
    """The status of a message/sipfrag; 0: it has none."""
    words = body[:64].split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() and len(words[1]) == 3 else 0
