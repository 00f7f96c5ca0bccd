"""The floor control server of one conference (RFC 8855 §§8-13) for hall terminals; sans-IO.

Bytes and time go in, bytes and a deadline come out. Browsers share the token itself (`conference.ContentToken`). Requests of
halls and actions of browsers or the chair give the same list of changes, and all terminals are notified. A Link holds one
terminal's requests, its subscription, and our messages that it has not acknowledged.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from conference import ContentToken, ContentTokenChange, ContentTokenState
from conference.ground.plan import BfcpPlan
from signaling.sip.wire import bfcp
from signaling.sip.wire import body_limits as limits
from signaling.sip.wire.bfcp import Attribute, BfcpError, Fault, Kind, Message, Primitive, Status

_STATES: Final[dict[ContentTokenState, Status]] = {
    "granted": Status.GRANTED,
    "denied": Status.DENIED,
    "released": Status.RELEASED,
    "revoked": Status.REVOKED,
}
_OVER: Final = frozenset({"denied", "released", "revoked"})
_ACKNOWLEDGED: Final = {
    Primitive.FLOOR_REQUEST_STATUS: Primitive.FLOOR_REQUEST_STATUS_ACK,
    Primitive.FLOOR_STATUS: Primitive.FLOOR_STATUS_ACK,
    Primitive.GOODBYE: Primitive.GOODBYE_ACK,
}
"""The messages that we send over UDP without a request, and their acknowledgements. TCP has no acknowledgements (RFC 8855
§8.2).
"""
_FOREIGN_USER: Final = 0xFFFE
"""The user id (0xFFFE) that terminals see in floor control (BFCP) when a browser presents. Chosen: above the ids of all halls.
Larger than 0xFFFF: the id does not fit into its 16 bits. Smaller: the id may belong to a hall
(`signaling.halls.sip.content_tokens.USERS`, up to 65533).
"""

_FOREIGN_REQUEST: Final = 0xFFFF
"""The request id that terminals see when a browser presents. `FloorServer._next_request` never gives it to a hall."""
_DECISIONS: Final = frozenset({Kind.FLOOR_REQUEST_STATUS, Kind.OVERALL_REQUEST_STATUS})


@dataclass(slots=True)
class _Waiting:
    """Our message that has not been acknowledged."""

    message: Message
    data: bytes
    tries: int
    due: float


@dataclass(slots=True)
class Link:
    """A terminal. `request_id` is 0 if it has no open request."""

    leg: str
    plan: BfcpPlan
    version: int
    unsent: set[str]
    """The server's legs that have something to send."""
    unanswered: set[str]
    """The server's legs that wait for an acknowledgement."""
    request_id: int = 0
    subscribed: bool = False
    outgoing: deque[bytes] = field(default_factory=lambda: deque(maxlen=4 * limits.BFCP_QUEUE))
    waiting: _Waiting | None = None
    queue: deque[Message] = field(default_factory=deque)
    answers: OrderedDict[tuple[int, int], tuple[float, bytes]] = field(default_factory=OrderedDict)
    """The end of validity and the bytes of each answer, by (transaction, primitive)."""
    transaction: int = 0
    second: float = -1.0
    seen: int = 0
    lost: int = 0
    """Messages of ours that were never acknowledged."""

    @property
    def reliable(self) -> bool:
        return self.plan.transport == "tcp"

    def is_flooding(self, now: float) -> bool:
        if now - self.second >= 1.0:
            self.second, self.seen = now, 0
        self.seen += 1
        return self.seen > limits.BFCP_PER_SECOND

    def send(self, data: bytes) -> None:
        self.outgoing.append(data)
        self.unsent.add(self.leg)

    def answer(self, request: Message, message: Message, now: float) -> None:
        """Send an answer. Over UDP, keep it for a request that is repeated because the answer was lost."""
        data = bfcp.encode(message)
        self.send(data)
        if not self.reliable:
            self.answers[request.transaction, request.primitive] = (now + limits.BFCP_T2_S, data)
            while len(self.answers) > limits.BFCP_REMEMBERED:
                self.answers.popitem(last=False)

    def notify(self, message: Message, now: float) -> None:
        """Send a message without a request. Over UDP, each message waits for the acknowledgement of the one before.

        A newer FloorStatus replaces a FloorStatus that still waits. A full queue loses its oldest message.
        """
        if self.reliable or self.version == bfcp.RELIABLE:
            self.send(bfcp.encode(replace(message, transaction=0, version=self.version)))
            return
        if message.primitive is Primitive.FLOOR_STATUS:
            self.queue = deque(one for one in self.queue if one.primitive is not Primitive.FLOOR_STATUS)
        if len(self.queue) >= limits.BFCP_QUEUE:
            self.queue.popleft()
            self.lost += 1
        self.queue.append(message)
        self.advance(now)

    def advance(self, now: float) -> None:
        if self.waiting is not None:
            return
        if not self.queue:
            self.unanswered.discard(self.leg)
            return
        self.transaction = self.transaction % 0xFFFF + 1
        message = replace(self.queue.popleft(), transaction=self.transaction, version=self.version)
        self.waiting = _Waiting(message, bfcp.encode(message), 1, now + limits.BFCP_T1_S)
        self.unanswered.add(self.leg)
        self.send(self.waiting.data)

    def acknowledge(self, message: Message, now: float) -> None:
        one = self.waiting
        wanted = one and one.message.transaction == message.transaction
        if one is not None and wanted and message.primitive in (_ACKNOWLEDGED[one.message.primitive], Primitive.ERROR):
            self.waiting = None
            self.advance(now)

    def tick(self, now: float) -> None:
        one = self.waiting
        if one is None or now < one.due:
            return
        if one.tries >= limits.BFCP_TRIES:
            self.lost += 1
            self.waiting = None
            self.advance(now)
            return
        one.due = now + limits.BFCP_T1_S * 2**one.tries
        one.tries += 1
        self.send(one.data)


class FloorServer:
    """All terminals of one conference. `name_of` gives the displayed name of a holder. `stop` stops the presentation of a holder
    by order of a leg, and reports whether the leg has the right.
    """

    def __init__(
        self,
        floor: ContentToken,
        floor_id: int = 1,
        name_of: Callable[[str], str] = lambda _: "",
        stop: Callable[[str, str], bool] = lambda _leg, _holder: False,
    ) -> None:
        self.floor = floor
        self._floor_id = floor_id
        self._name_of, self._stop = name_of, stop
        self._links: dict[str, Link] = {}
        self._unsent: set[str] = set()
        self._unanswered: set[str] = set()
        self._requests = 0

    @property
    def deadline(self) -> float | None:
        """The next time at which `tick` has work, or None."""
        waiting = (self._links[leg].waiting for leg in self._unanswered)
        return min((one.due for one in waiting if one is not None), default=None)

    def attach(self, leg: str, plan: BfcpPlan) -> Link:
        """Begin the channel of a terminal. A new channel of the same leg replaces the old one and keeps its request."""
        version = bfcp.RELIABLE if plan.transport == "tcp" else bfcp.UNRELIABLE
        before = self._links.get(leg)
        link = Link(leg, plan, version, self._unsent, self._unanswered, before.request_id if before else 0)
        self._links[leg] = link
        self._unanswered.discard(leg)
        return link

    def detach(self, leg: str, now: float) -> list[ContentTokenChange]:
        """End a leg and its request. The token changes are sent to the other terminals and returned."""
        if self._links.pop(leg, None) is None:
            return []
        self._unsent.discard(leg)
        self._unanswered.discard(leg)
        return self.apply(self.floor.give_up(leg), now)

    def apply(self, changes: list[ContentTokenChange], now: float) -> list[ContentTokenChange]:
        """Notify the terminals of these token changes. Return `changes`."""
        for change in changes:
            link = self._links.get(change.who)
            if link is not None and (link.request_id or change.state == "granted"):
                link.request_id = link.request_id or self._next_request()
                link.notify(self._status(link, change), now)
                link.request_id = 0 if change.state in _OVER else link.request_id
        if changes:
            self._show(now)
        return changes

    def receive(self, leg: str, data: bytes, now: float) -> list[ContentTokenChange]:
        """Handle one message of a terminal. Terminals are notified of the token changes, and the conference acts on the
        returned ones.
        """
        link = self._links.get(leg)
        if link is None or link.is_flooding(now):
            return []
        try:
            message = bfcp.decode(data)
        except BfcpError as error:
            self._refuse_bytes(link, data, error)
            return []
        link.version = message.version
        if message.primitive in _ACKNOWLEDGED.values() or message.primitive is Primitive.ERROR:
            link.acknowledge(message, now)
            return []
        if message.response:
            return []
        again = link.answers.get((message.transaction, message.primitive))
        if again is not None and again[0] > now:
            link.send(again[1])
            return []
        fault = self._fault(link, message)
        if fault is not None:
            self._refuse(link, message, fault, now)
            return []
        return self._serve(link, message, now)

    def take(self) -> list[tuple[str, bytes]]:
        """Return the messages to send, as (leg, bytes) in order. Over UDP each message is a datagram."""
        data = []
        for leg in self._unsent:
            link = self._links[leg]
            data += [(leg, one) for one in link.outgoing]
            link.outgoing.clear()
        self._unsent.clear()
        return data

    def tick(self, now: float) -> None:
        for leg in list(self._unanswered):
            self._links[leg].tick(now)

    @property
    def is_waiting(self) -> bool:
        """True if a retransmission may be necessary."""
        return bool(self._unanswered)

    @property
    def legs(self) -> tuple[str, ...]:
        return tuple(self._links)

    # -- one message ---------------------------------------------------------------------------------------------------

    def _fault(self, link: Link, message: Message) -> Fault | None:
        """Return the fault of a request that could be decoded, or None."""
        plan = link.plan
        if message.conference_id != plan.conference_id:
            return Fault.NO_CONFERENCE
        if message.user_id != plan.user_id:
            return Fault.NO_USER
        if any(number != self._floor_id for number in message.numbers(Kind.FLOOR_ID)):
            return Fault.INVALID_FLOOR
        if any(number != plan.user_id for number in message.numbers(Kind.BENEFICIARY_ID)):
            return Fault.UNAUTHORIZED
        return None

    def _serve(self, link: Link, message: Message, now: float) -> list[ContentTokenChange]:
        match message.primitive:
            case Primitive.HELLO:
                self._reply(link, message, Primitive.HELLO_ACK, bfcp.supported(), now)
            case Primitive.FLOOR_REQUEST:
                return self._request(link, message, now)
            case Primitive.FLOOR_RELEASE:
                return self._release(link, message, now)
            case Primitive.FLOOR_REQUEST_QUERY if self._is_standing(link, message):
                self._reply(link, message, Primitive.FLOOR_REQUEST_STATUS, self._standing(link), now)
            case Primitive.FLOOR_REQUEST_QUERY:
                self._refuse(link, message, Fault.NO_REQUEST, now)
            case Primitive.USER_QUERY:
                self._reply(link, message, Primitive.USER_STATUS, self._standing(link), now)
            case Primitive.FLOOR_QUERY:
                link.subscribed = message.number(Kind.FLOOR_ID) is not None
                self._reply(link, message, Primitive.FLOOR_STATUS, self._picture(), now)
            case Primitive.GOODBYE:
                self._reply(link, message, Primitive.GOODBYE_ACK, (), now)
                link.subscribed, link.request_id = False, 0
                return self.apply(self.floor.give_up(link.leg), now)
            case Primitive.CHAIR_ACTION:
                self._decide(link, message, now)
            case _:
                self._refuse(link, message, Fault.UNKNOWN_PRIMITIVE, now)
        return []

    def _request(self, link: Link, message: Message, now: float) -> list[ContentTokenChange]:
        if message.number(Kind.FLOOR_ID) is None:
            self._refuse(link, message, Fault.INVALID_FLOOR, now)
            return []
        own, *others = self.floor.ask(link.leg)
        link.request_id = self._next_request()
        self._reply(link, message, Primitive.FLOOR_REQUEST_STATUS, (self._information(link, own),), now)
        link.request_id = 0 if own.state in _OVER else link.request_id
        return self._told(own, others, now)

    def _release(self, link: Link, message: Message, now: float) -> list[ContentTokenChange]:
        if not self._is_standing(link, message):
            self._refuse(link, message, Fault.NO_REQUEST, now)
            return []
        own, *others = self.floor.give_up(link.leg) or [ContentTokenChange(link.leg, "released")]
        self._reply(link, message, Primitive.FLOOR_REQUEST_STATUS, (self._information(link, own),), now)
        link.request_id = 0
        return self._told(own, others, now)

    def _decide(self, link: Link, message: Message, now: float) -> None:
        """Carry out the order of a floor chair (RFC 8855 §13.6): a hall that leads the meeting ends the presentation of another.
        Each request is granted or denied at once, so there is nothing else to decide.
        """
        asked = next((one for one in message.attributes if one.kind == Kind.FLOOR_REQUEST_INFORMATION), None)
        parts = [one for one in (asked.inner if asked is not None else ()) if one.kind in _DECISIONS]
        states = {one.number >> 8 for part in parts for one in part.inner if one.kind == Kind.REQUEST_STATUS}
        floors = {part.number for part in parts if part.kind == Kind.FLOOR_REQUEST_STATUS}
        holder = self.floor.holder
        if asked is None or not states:
            self._refuse(link, message, Fault.UNPARSABLE, now)
        elif floors - {self._floor_id}:
            self._refuse(link, message, Fault.INVALID_FLOOR, now)
        elif holder is None or asked.number != self._holding(holder)[1]:
            self._refuse(link, message, Fault.NO_REQUEST, now)
        elif not states <= {Status.REVOKED, Status.DENIED} or not self._stop(link.leg, holder):
            self._refuse(link, message, Fault.UNAUTHORIZED, now)
        else:
            self._reply(link, message, Primitive.CHAIR_ACTION_ACK, (), now)

    def _holding(self, holder: str) -> tuple[int, int]:
        """Return the user and the request that terminals see for the holder."""
        link = self._links.get(holder)
        return (link.plan.user_id, link.request_id) if link else (_FOREIGN_USER, _FOREIGN_REQUEST)

    def _told(self, own: ContentTokenChange, others: list[ContentTokenChange], now: float) -> list[ContentTokenChange]:
        """Notify the other terminals after the requester has its answer, and show the holder to all subscribers."""
        self.apply(others, now)
        if not others:
            self._show(now)
        return [own, *others]

    def _is_standing(self, link: Link, message: Message) -> bool:
        return link.request_id != 0 and message.number(Kind.FLOOR_REQUEST_ID) == link.request_id

    def _standing(self, link: Link) -> tuple[Attribute, ...]:
        holds = self.floor.holder == link.leg and link.request_id != 0
        return (self._information(link, ContentTokenChange(link.leg, "granted")),) if holds else ()

    # -- what is said --------------------------------------------------------------------------------------------------

    def _reply(
        self, link: Link, message: Message, primitive: Primitive, attributes: Iterable[Attribute], now: float
    ) -> None:
        response = message.version == bfcp.UNRELIABLE
        answer = replace(message, primitive=primitive, attributes=tuple(attributes), response=response)
        link.answer(message, answer, now)

    def _refuse(self, link: Link, message: Message, fault: Fault, now: float) -> None:
        self._reply(link, message, Primitive.ERROR, (Attribute(Kind.ERROR_CODE, data=bytes((fault,))),), now)

    def _refuse_bytes(self, link: Link, data: bytes, error: BfcpError) -> None:
        """Answer an undecodable message as far as its header is readable. The answer is not kept. An answer gets no answer."""
        try:
            header = bfcp.read_header(data)
        except BfcpError:
            return
        if header.response or header.primitive == Primitive.ERROR:
            return
        version = header.version if header.version in (bfcp.RELIABLE, bfcp.UNRELIABLE) else link.version
        code = Attribute(Kind.ERROR_CODE, data=bytes((error.fault,)) + error.details)
        ids = (header.conference_id, header.transaction, header.user_id)
        message = Message(Primitive.ERROR, *ids, (code,), version, version == bfcp.UNRELIABLE)
        link.send(bfcp.encode(message))

    def _information(self, link: Link, change: ContentTokenChange) -> Attribute:
        state = bfcp.status(_STATES[change.state])
        return bfcp.request_information(link.request_id, self._floor_id, state)

    def _status(self, link: Link, change: ContentTokenChange) -> Message:
        plan = link.plan
        attributes = (self._information(link, change),)
        return Message(Primitive.FLOOR_REQUEST_STATUS, plan.conference_id, 0, plan.user_id, attributes)

    def _picture(self) -> tuple[Attribute, ...]:
        """Return the attributes of FloorStatus: the floor and its holder."""
        floor = Attribute(Kind.FLOOR_ID, self._floor_id)
        holder = self.floor.holder
        if holder is None:
            return (floor,)
        user, request = self._holding(holder)
        state = bfcp.status(Status.GRANTED)
        return floor, bfcp.request_information(request, self._floor_id, state, user, self._name_of(holder))

    def _show(self, now: float) -> None:
        for link in self._links.values():
            if link.subscribed:
                plan = link.plan
                link.notify(Message(Primitive.FLOOR_STATUS, plan.conference_id, 0, plan.user_id, self._picture()), now)

    def _next_request(self) -> int:
        """Return a number from 1 to 65534 that no open request has."""
        busy = {link.request_id for link in self._links.values()}
        for _ in range(len(busy) + 1):
            self._requests = self._requests % 0xFFFE + 1
            if self._requests not in busy:
                break
        return self._requests
