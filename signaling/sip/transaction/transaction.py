"""Transactions, RFC 3261 section 17 with RFC 6026: the four state machines as tables, and the layer that runs them.

A machine owns one state and the deadlines of its timers. `Transactions` owns all machines, matches messages to them, and
carries out the actions of the tables. This module knows no dialogs and no sockets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from signaling.sip.ground import limits
from signaling.sip.transaction.timers import Timer, Timers
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire.message import Request, Response


class State(Enum):
    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    ACCEPTED = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    TERMINATED = auto()


class Event(Enum):
    # received messages
    PROVISIONAL = auto()
    SUCCESS = auto()
    FAILURE = auto()
    REQUEST = auto()
    ACK = auto()
    UNREACHABLE = auto()
    # answers from the user of a server transaction
    SEND_PROVISIONAL = auto()
    SEND_SUCCESS = auto()
    SEND_FAILURE = auto()
    # timers, with the letters of the RFC
    A = auto()
    B = auto()
    D = auto()
    E = auto()
    F = auto()
    G = auto()
    H = auto()
    I = auto()  # noqa: E741
    J = auto()
    K = auto()
    L = auto()
    M = auto()


class Do(Enum):
    SEND = auto()
    """Send the stored request or response, again or for the first time."""
    ACKNOWLEDGE = auto()
    """Acknowledge a failure of an INVITE, hop by hop."""
    PASS = auto()
    """Pass the message to the user."""
    TIMED_OUT = auto()
    LOST = auto()
    """Report that the next hop is unreachable."""


class Kind(Enum):
    INVITE_CLIENT = auto()
    CLIENT = auto()
    INVITE_SERVER = auto()
    SERVER = auto()


Table = Mapping[tuple[State, Event], tuple[State, tuple[Do, ...]]]
S, V = State, Event

INVITE_CLIENT: Final[Table] = {
    (S.CALLING, V.A): (S.CALLING, (Do.SEND,)),
    (S.CALLING, V.B): (S.TERMINATED, (Do.TIMED_OUT,)),
    (S.CALLING, V.UNREACHABLE): (S.TERMINATED, (Do.LOST,)),
    (S.CALLING, V.PROVISIONAL): (S.PROCEEDING, (Do.PASS,)),
    (S.CALLING, V.SUCCESS): (S.ACCEPTED, (Do.PASS,)),
    (S.CALLING, V.FAILURE): (S.COMPLETED, (Do.ACKNOWLEDGE, Do.PASS)),
    (S.PROCEEDING, V.PROVISIONAL): (S.PROCEEDING, (Do.PASS,)),
    (S.PROCEEDING, V.SUCCESS): (S.ACCEPTED, (Do.PASS,)),
    (S.PROCEEDING, V.FAILURE): (S.COMPLETED, (Do.ACKNOWLEDGE, Do.PASS)),
    # A lost connection does not end this state: the answer may arrive over a new connection.
    (S.ACCEPTED, V.SUCCESS): (S.ACCEPTED, (Do.PASS,)),
    (S.ACCEPTED, V.M): (S.TERMINATED, ()),
    (S.COMPLETED, V.FAILURE): (S.COMPLETED, (Do.ACKNOWLEDGE,)),
    (S.COMPLETED, V.UNREACHABLE): (S.TERMINATED, ()),
    (S.COMPLETED, V.D): (S.TERMINATED, ()),
}
CLIENT: Final[Table] = {
    (S.TRYING, V.E): (S.TRYING, (Do.SEND,)),
    (S.TRYING, V.F): (S.TERMINATED, (Do.TIMED_OUT,)),
    (S.TRYING, V.UNREACHABLE): (S.TERMINATED, (Do.LOST,)),
    (S.TRYING, V.PROVISIONAL): (S.PROCEEDING, (Do.PASS,)),
    (S.TRYING, V.SUCCESS): (S.COMPLETED, (Do.PASS,)),
    (S.TRYING, V.FAILURE): (S.COMPLETED, (Do.PASS,)),
    (S.PROCEEDING, V.E): (S.PROCEEDING, (Do.SEND,)),
    (S.PROCEEDING, V.F): (S.TERMINATED, (Do.TIMED_OUT,)),
    (S.PROCEEDING, V.UNREACHABLE): (S.TERMINATED, (Do.LOST,)),
    (S.PROCEEDING, V.PROVISIONAL): (S.PROCEEDING, (Do.PASS,)),
    (S.PROCEEDING, V.SUCCESS): (S.COMPLETED, (Do.PASS,)),
    (S.PROCEEDING, V.FAILURE): (S.COMPLETED, (Do.PASS,)),
    (S.COMPLETED, V.K): (S.TERMINATED, ()),
}
INVITE_SERVER: Final[Table] = {
    (S.PROCEEDING, V.REQUEST): (S.PROCEEDING, (Do.SEND,)),
    (S.PROCEEDING, V.SEND_PROVISIONAL): (S.PROCEEDING, (Do.SEND,)),
    (S.PROCEEDING, V.SEND_SUCCESS): (S.ACCEPTED, (Do.SEND,)),
    (S.PROCEEDING, V.SEND_FAILURE): (S.COMPLETED, (Do.SEND,)),
    # RFC 6026 section 8.8: a lost answer does not end the transaction.
    (S.PROCEEDING, V.UNREACHABLE): (S.PROCEEDING, (Do.LOST,)),
    (S.ACCEPTED, V.SEND_SUCCESS): (S.ACCEPTED, (Do.SEND,)),
    (S.ACCEPTED, V.ACK): (S.ACCEPTED, (Do.PASS,)),
    (S.ACCEPTED, V.UNREACHABLE): (S.ACCEPTED, (Do.LOST,)),
    (S.ACCEPTED, V.L): (S.TERMINATED, ()),
    (S.COMPLETED, V.REQUEST): (S.COMPLETED, (Do.SEND,)),
    (S.COMPLETED, V.G): (S.COMPLETED, (Do.SEND,)),
    (S.COMPLETED, V.ACK): (S.CONFIRMED, ()),
    (S.COMPLETED, V.UNREACHABLE): (S.COMPLETED, ()),
    (S.COMPLETED, V.H): (S.TERMINATED, (Do.TIMED_OUT,)),
    (S.CONFIRMED, V.I): (S.TERMINATED, ()),
}
SERVER: Final[Table] = {
    (S.TRYING, V.SEND_PROVISIONAL): (S.PROCEEDING, (Do.SEND,)),
    (S.TRYING, V.SEND_SUCCESS): (S.COMPLETED, (Do.SEND,)),
    (S.TRYING, V.SEND_FAILURE): (S.COMPLETED, (Do.SEND,)),
    (S.TRYING, V.UNREACHABLE): (S.TRYING, (Do.LOST,)),
    (S.PROCEEDING, V.REQUEST): (S.PROCEEDING, (Do.SEND,)),
    (S.PROCEEDING, V.SEND_PROVISIONAL): (S.PROCEEDING, (Do.SEND,)),
    (S.PROCEEDING, V.SEND_SUCCESS): (S.COMPLETED, (Do.SEND,)),
    (S.PROCEEDING, V.SEND_FAILURE): (S.COMPLETED, (Do.SEND,)),
    (S.PROCEEDING, V.UNREACHABLE): (S.PROCEEDING, (Do.LOST,)),
    (S.COMPLETED, V.REQUEST): (S.COMPLETED, (Do.SEND,)),
    (S.COMPLETED, V.J): (S.TERMINATED, ()),
}
TABLES: Final[Mapping[Kind, Table]] = {
    Kind.INVITE_CLIENT: INVITE_CLIENT,
    Kind.CLIENT: CLIENT,
    Kind.INVITE_SERVER: INVITE_SERVER,
    Kind.SERVER: SERVER,
}
FIRST: Final = {
    Kind.INVITE_CLIENT: S.CALLING,
    Kind.CLIENT: S.TRYING,
    Kind.INVITE_SERVER: S.PROCEEDING,
    Kind.SERVER: S.TRYING,
}


@dataclass(frozen=True, slots=True)
class Timing:
    """The timers of RFC 3261 table 4, in seconds."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    d: float = 32.0

    @property
    def whole(self) -> float:
        return 64 * self.t1


KEPT: Final = {(Kind.CLIENT, S.PROCEEDING): (V.E, V.F)}
"""Timers that continue from the earlier state."""


def armed(kind: Kind, state: State, timing: Timing, reliable: bool) -> dict[Event, float]:
    """Return the timers, in seconds, that start when a state is entered."""
    again = {} if reliable else {V.A: timing.t1, V.E: timing.t1, V.G: timing.t1}
    table: dict[tuple[Kind, State], dict[Event, float]] = {
        (Kind.INVITE_CLIENT, S.CALLING): {V.B: timing.whole} | _only(again, V.A),
        (Kind.INVITE_CLIENT, S.ACCEPTED): {V.M: timing.whole},
        (Kind.INVITE_CLIENT, S.COMPLETED): {V.D: 0.0 if reliable else timing.d},
        (Kind.CLIENT, S.TRYING): {V.F: timing.whole} | _only(again, V.E),
        (Kind.CLIENT, S.COMPLETED): {V.K: 0.0 if reliable else timing.t4},
        (Kind.INVITE_SERVER, S.ACCEPTED): {V.L: timing.whole},
        (Kind.INVITE_SERVER, S.COMPLETED): {V.H: timing.whole} | _only(again, V.G),
        (Kind.INVITE_SERVER, S.CONFIRMED): {V.I: 0.0 if reliable else timing.t4},
        (Kind.SERVER, S.COMPLETED): {V.J: 0.0 if reliable else timing.whole},
    }
    return table.get((kind, state), {})


def _only(timers: Mapping[Event, float], event: Event) -> dict[Event, float]:
    return {event: timers[event]} if event in timers else {}


class Machine:
    """A transaction without its messages: events go in, actions and deadlines come out."""

    def __init__(self, kind: Kind, timing: Timing, reliable: bool, now: float) -> None:
        self.kind = kind
        self.timing = timing
        self.reliable = reliable
        self.state = FIRST[kind]
        self._spacing = timing.t1
        self.deadlines: dict[Event, float] = {}
        self._enter(now)

    def take(self, event: Event, now: float) -> tuple[Do, ...]:
        """Return the actions for an event. An event that the state does not know is ignored."""
        step = TABLES[self.kind].get((self.state, event))
        self.deadlines.pop(event, None)
        if step is None:
            return ()
        before, (self.state, actions) = self.state, step
        if self.state is not before:
            kept = {key: self.deadlines[key] for key in KEPT.get((self.kind, self.state), ()) if key in self.deadlines}
            self.deadlines = kept
            self._enter(now)
        elif event in {V.A, V.E, V.G}:
            self._again(event, now)
        return actions

    @property
    def deadline(self) -> float | None:
        return min(self.deadlines.values(), default=None)

    def due(self, now: float) -> Event | None:
        """Return the event of the earliest timer that has run out, or None."""
        event = min(self.deadlines, key=lambda key: self.deadlines[key], default=None)
        return event if event is not None and self.deadlines[event] <= now else None

    def _enter(self, now: float) -> None:
        started = armed(self.kind, self.state, self.timing, self.reliable)
        self.deadlines.update({event: now + delay for event, delay in started.items()})

    def _again(self, event: Event, now: float) -> None:
        """Set the timer again. A doubles without limit (B ends it). E and G double up to T2; in Proceeding E is T2 at once."""
        self._spacing *= 2
        if event is not V.A:
            waits_long = self.kind is Kind.CLIENT and self.state is S.PROCEEDING
            self._spacing = self.timing.t2 if waits_long else min(self._spacing, self.timing.t2)
        self.deadlines[event] = now + self._spacing


@dataclass(eq=False)
class ClientTransaction:
    """A request of ours. `answered` gets every response for the user. `failed` is called if there is no final response."""

    request: Request
    hop: Hop
    machine: Machine
    answered: Callable[[Response], None]
    failed: Callable[[Do], None]
    data: bytes = b""
    timer: Timer | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.request.via.branch, self.request.method


@dataclass(eq=False)
class ServerTransaction:
    """A request of the other side that we answer. `failed` is called if no ACK arrives for a failure, or if the other side is
    unreachable.
    """

    request: Request
    hop: Hop
    machine: Machine
    key: tuple[str, ...]
    last: bytes = b""
    timer: Timer | None = None
    failed: Callable[[Do], None] = field(default=lambda _: None)
    cancelled: Callable[[], None] | None = None
    """Set while a CANCEL can still have an effect."""
    tag: str = ""
    """Our tag in its answers. The answer to its CANCEL has the same tag."""

    @property
    def is_open(self) -> bool:
        return self.machine.state in {S.TRYING, S.PROCEEDING}


def server_key(request: Request, host: str, method: str = "") -> tuple[str, ...]:
    """Return the key of RFC 3261 section 17.2.3, also for branches of RFC 2543. `host`: the source of the request.

    The source is in the key, so that no other host can name the transaction.
    """
    via, method = request.via, method or request.method
    method = "INVITE" if method == "ACK" else method
    if via.branch.startswith("z9hG4bK"):
        return host, via.branch, via.host, str(via.port), method
    number = str(request.cseq[0])
    return host, str(request.uri), request.from_.tag, request.call_id, number, str(via), method


class Full(Exception):
    """There is no room for a transaction, from this source or at all."""


class Transactions:
    """All transactions. `send(hop, data)` must return at once."""

    def __init__(self, timers: Timers, send: Callable[[Hop, bytes], None], timing: Timing) -> None:
        self._timers = timers
        self._send = send
        self.timing = timing
        self.clients: dict[tuple[str, str], ClientTransaction] = {}
        self.servers: dict[tuple[str, ...], ServerTransaction] = {}
        self.per_source: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self.clients) + len(self.servers)

    @property
    def awaits_answers(self) -> bool:
        """True if a request of ours has no final answer."""
        waiting = {State.CALLING, State.TRYING, State.PROCEEDING}
        return any(one.machine.state in waiting for one in self.clients.values())

    def request(
        self,
        request: Request,
        hop: Hop,
        answered: Callable[[Response], None],
        failed: Callable[[Do], None],
    ) -> ClientTransaction:
        """Send a request. Raises Full."""
        kind = Kind.INVITE_CLIENT if request.method == "INVITE" else Kind.CLIENT
        machine = self._machine(kind, hop)
        made = ClientTransaction(request, hop, machine, answered, failed, request.write())
        self.clients[made.key] = made
        self._rearm(made)
        self._send(hop, made.data)
        return made

    def serve(self, request: Request, hop: Hop) -> ServerTransaction:
        """Begin a transaction for a request that `known` has not taken. Raises Full."""
        kind = Kind.INVITE_SERVER if request.method == "INVITE" else Kind.SERVER
        machine = self._machine(kind, hop)
        made = ServerTransaction(request, hop, machine, server_key(request, hop.host))
        self.servers[made.key] = made
        self._rearm(made)
        return made

    def known(self, request: Request, hop: Hop) -> ServerTransaction | None:
        """Return the transaction that takes a repeated request or an ACK, or None for a new request.

        An ACK of a 2xx has a branch of its own, so it is always new.
        """
        found = self.servers.get(server_key(request, hop.host))
        if found is not None:
            self._take(found, V.ACK if request.method == "ACK" else V.REQUEST)
        return found

    def cancelled(self, request: Request, hop: Hop) -> ServerTransaction | None:
        """Return the INVITE to which a CANCEL belongs, or None."""
        return self.servers.get(server_key(request, hop.host, "INVITE"))

    def answer(self, served: ServerTransaction, response: Response) -> None:
        """Send an answer. After a final answer, only the repeated 2xx of an INVITE is sent."""
        event = (V.SEND_PROVISIONAL, V.SEND_SUCCESS, V.SEND_FAILURE)[_class(response)]
        if (served.machine.state, event) not in TABLES[served.machine.kind]:
            return
        served.last = response.write()
        self._take(served, event)

    def response(self, response: Response, source: str) -> bool:
        """Take a response.

        Return False if it belongs to no request, or comes from another host than the request's destination.
        """
        found = self.clients.get((response.via.branch, response.cseq[1]))
        if found is None or found.hop.host != source or len(response.headers.all("via")) != 1:
            return False
        if response.cseq != found.request.cseq or response.call_id != found.request.call_id:
            return False
        self._take(found, (V.PROVISIONAL, V.SUCCESS, V.FAILURE)[_class(response)], response)
        return True

    def unreachable(self, hop: Hop) -> None:
        """Fail the transactions of a hop that is unreachable or whose connection has ended."""
        for client in [one for one in self.clients.values() if one.hop == hop]:
            self._take(client, V.UNREACHABLE)
        for server in [one for one in self.servers.values() if one.hop == hop]:
            self._take(server, V.UNREACHABLE)

    def drop(self, transaction: ClientTransaction) -> None:
        """End a transaction whose user no longer needs an answer. Later answers are ignored."""
        transaction.machine.state = S.TERMINATED
        self._finish(transaction)

    def _machine(self, kind: Kind, hop: Hop) -> Machine:
        if len(self) >= limits.TRANSACTIONS or self.per_source[hop.host] >= limits.TRANSACTIONS_PER_SOURCE:
            raise Full
        self.per_source[hop.host] += 1
        return Machine(kind, self.timing, hop.reliable, self._timers.now())

    def _take(self, one: ClientTransaction | ServerTransaction, event: Event, message: Response | None = None) -> None:
        """Take an event. Timers and table change first, because the users' code may reach this transaction again."""
        actions = one.machine.take(event, self._timers.now())
        if one.machine.state is S.TERMINATED:
            self._finish(one)
        else:
            self._rearm(one)
        for action in actions:
            self._carry_out(one, action, message)

    def _carry_out(self, one: ClientTransaction | ServerTransaction, action: Do, message: Response | None) -> None:
        if action is Do.SEND:
            data = one.data if isinstance(one, ClientTransaction) else one.last
            if data:
                self._send(one.hop, data)
        elif action is Do.ACKNOWLEDGE:
            assert isinstance(one, ClientTransaction)
            assert message is not None
            self._send(one.hop, acknowledgement(one.request, message).write())
        elif action is Do.PASS:
            if isinstance(one, ClientTransaction):
                assert message is not None
                one.answered(message)
        else:
            one.failed(action)

    def _rearm(self, one: ClientTransaction | ServerTransaction) -> None:
        if one.timer is not None:
            one.timer.cancel()
            one.timer = None
        if (due := one.machine.deadline) is not None:
            one.timer = self._timers.at(due, lambda: self._ring(one))

    def _ring(self, one: ClientTransaction | ServerTransaction) -> None:
        event = one.machine.due(self._timers.now())
        if event is None:
            self._rearm(one)
        else:
            self._take(one, event)

    def _finish(self, one: ClientTransaction | ServerTransaction) -> None:
        if one.timer is not None:
            one.timer.cancel()
            one.timer = None
        if self._remove(one):
            self.per_source[one.hop.host] -= 1
            if self.per_source[one.hop.host] <= 0:
                del self.per_source[one.hop.host]

    def _remove(self, one: ClientTransaction | ServerTransaction) -> bool:
        if isinstance(one, ClientTransaction):
            return self.clients.pop(one.key, None) is not None
        return self.servers.pop(one.key, None) is not None


def _class(response: Response) -> int:
    """Return 0 for a provisional response, 1 for a success, 2 for a failure."""
    return 0 if response.status < 200 else 1 if response.status < 300 else 2


def acknowledgement(request: Request, response: Response) -> Request:
    """Return the ACK of a failure, RFC 3261 section 17.1.1.3."""
    made = Request(method="ACK", uri=request.uri)
    made.headers.add("via", request.headers.all("via")[0])
    made.headers.add("max-forwards", "70")
    made.headers.add("from", request.headers.get("from"))
    made.headers.add("to", response.headers.get("to"))
    made.headers.add("call-id", request.call_id)
    made.headers.add("cseq", f"{request.cseq[0]} ACK")
    made.headers.add("route", *request.headers.all("route"))
    return made


def cancellation(request: Request) -> Request:
    """Return the CANCEL of a request, RFC 3261 section 9.1."""
    made = Request(method="CANCEL", uri=request.uri)
    made.headers.add("via", request.headers.all("via")[0])
    made.headers.add("max-forwards", "70")
    for name in ("from", "to", "call-id"):
        made.headers.add(name, request.headers.get(name))
    made.headers.add("cseq", f"{request.cseq[0]} CANCEL")
    made.headers.add("route", *request.headers.all("route"))
    return made
