"""One channel of `/desk`: the messages for its client, the orders of its client, and their answers. Sans-IO.

A channel outlives its socket for a short time. The socket takes messages with `take`, and is woken by `wake`. The channel never
waits for a slow socket: events are bounded by `feed`, and all other messages by UNSENT_MESSAGES.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Final

from conference import TokenBucket, marks
from conference.chair.document import Audience, Document, encode
from rooms.errors import Refusal
from signaling.desk import limits
from signaling.desk.feed import PATCH, TO_YOU, Feed
from signaling.desk.reading import Order
from signaling.orders import table
from signaling.orders.authority import Bearer

POLICY: Final = 1008
RESUMED: Final = 4001
TOO_MANY: Final = 4002
ENDED: Final = 4003
OVER: Final = 4004
TEXTS: Final = {
    "too_many_orders": (
        "Lệnh trước chưa xong. Hãy thử lại sau giây lát.",
        "earlier orders are not done yet: try again",
    ),
    "order_old": ("Lệnh này đã gửi từ trước.", "this order was given before, and its answer is not kept"),
}


class Channel:
    """The channel of one client. `wake` is called when the socket has something to do."""

    def __init__(self, session: str, bearer: Bearer, document: Document, network: str, now: float) -> None:
        self.session = session
        self.bearer = bearer
        self.network = network
        self.bucket = TokenBucket(limits.MESSAGES_PER_S, limits.MESSAGES_BURST)
        self.wake: Callable[[], None] | None = None
        """None: the channel has no socket."""
        self.working = False
        """A task performs the orders."""
        self._superseded: Callable[[int], None] | None = None
        self.code: int | None = None
        """The close code, once the channel has ended. The socket writes the messages, and closes."""
        self.dropped_at: float | None = now
        """The time since which the channel has no socket."""
        self.orders: deque[Order] = deque()
        self._document = document
        self._answers: OrderedDict[int, str] = OrderedDict()
        self._last_id = 0
        self._said: deque[str] = deque()
        self._audience = audience_of(bearer)
        self._feed = Feed(self._whole)
        self._leave = document.subscribe(self._audience, self._patched)
        self._leave_private = document.listen(bearer.token.identity, self._told)

    @property
    def audience(self) -> Audience:
        return self._audience

    # -- the life

    def attach(self, wake: Callable[[], None], superseded: Callable[[int], None]) -> None:
        """Serve a socket. `superseded` is called with the close code when another socket takes the channel."""
        self.wake, self._superseded, self.dropped_at = wake, superseded, None

    def supersede(self, code: int) -> None:
        """Close the socket that the channel still has. Its unsent answers are kept with the others."""
        if self._superseded is not None:
            self._superseded(code)
        self.wake = self._superseded = None
        self._said.clear()

    def detach(self, now: float) -> None:
        """Note that the socket is gone. Its unsent answers are kept with the others."""
        self.wake, self._superseded, self.dropped_at = None, None, now
        self._said.clear()

    def resume(self, seq: int) -> bool:
        return self._feed.resume(seq)

    def judge(self, bearer: Bearer) -> None:
        """Take the present rights of the bearer. The client is told of a new role. Another audience gets the whole document."""
        changed, self.bearer = bearer.role is not self.bearer.role, bearer
        audience = audience_of(bearer)
        if audience != self._audience:
            self._leave()
            self._audience = audience
            self._leave = self._document.subscribe(audience, self._patched)
            self._feed.start_again()
            self._wake()
        if changed and self.wake is not None:
            self.say({"rights": self.rights()})

    def rights(self) -> dict[str, Any]:
        """Return what the client may read and order now."""
        return {"audience": self._audience, "role": self.bearer.role.value, "orders": table.allowed(self.bearer)}

    def end(self, code: int, why: Refusal | None = None) -> None:
        """End the channel. The client gets `why`, and can resume no more."""
        if self.code is not None:
            return
        self._leave()
        self._leave_private()
        self.orders.clear()
        if why is not None:
            self._said.append(refusal_text(why))
        self.code = code
        self._wake()

    # -- to the client

    def say(self, message: dict[str, Any]) -> None:
        """Send a message without a number. A client that does not read is cut."""
        self._say(encode(message))

    def take(self) -> str | None:
        """Return the next message for the client, or None."""
        if self._said:
            return self._said.popleft()
        return self._feed.take() if self.code is None else None

    def _say(self, text: str) -> None:
        if self.code is not None:
            return
        self._said.append(text)
        if len(self._said) > limits.UNSENT_MESSAGES:
            self._said.clear()
            self.end(POLICY)
        self._wake()

    def _patched(self, text: str) -> None:
        self._feed.put(PATCH, text)
        self._wake()

    def _told(self, text: str) -> None:
        self._feed.put(TO_YOU, text)
        self._wake()

    def _whole(self) -> str:
        return self._document.whole(self._audience)

    def _wake(self) -> None:
        if self.wake is not None:
            self.wake()

    # -- orders

    def ask(self, order: Order) -> None:
        """Queue an order. An order with a known `id` is not performed again."""
        known = self._answers.get(order.id)
        if known is not None:
            self._say(known)
        elif any(one.id == order.id for one in self.orders):
            return  # the answer comes when the order is done
        elif order.id <= self._last_id:
            self._say(answer_text(order.id, _refused("order_old")))
        elif len(self.orders) >= limits.ORDERS_WAITING:
            self._say(answer_text(order.id, _refused("too_many_orders")))
        else:
            self._last_id = order.id
            self.orders.append(order)
            self._wake()

    def answer(self, order: Order, made: dict[str, Any] | Refusal) -> None:
        """Answer the oldest order, and keep the answer."""
        if self.orders and self.orders[0] is order:
            self.orders.popleft()
        text = self._answers[order.id] = answer_text(order.id, made)
        if len(self._answers) > limits.ANSWERS:
            self._answers.popitem(last=False)
        if self.wake is not None:
            self._say(text)


def audience_of(bearer: Bearer) -> Audience:
    if bearer.leads:
        return "host"
    return "lobby" if marks.WAITS in bearer.grants.attributes else "member"


def answer_text(number: int, made: dict[str, Any] | Refusal) -> str:
    if isinstance(made, Refusal):
        return encode({"re": number, "refused": _told(made)})
    return encode({"re": number, "ok": made})


def refusal_text(why: Refusal) -> str:
    return encode({"refused": _told(why)})


def _told(why: Refusal) -> dict[str, str]:
    return {"code": why.code, "vi": why.vietnamese, "en": why.english}


def _refused(code: str) -> Refusal:
    return Refusal(code, *TEXTS[code])
