"""Events of one conference that wait for the end of the change that causes them.

A change is one call from outside: a client's request, a host's order, a report about a media path, or a timer. Because events
wait, a client only hears of a complete state. The events of one client keep their order. If a change calls another change, the
events are delivered at the end of the outer change. An event outside of any change is delivered at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from conference.ground.events import Event


class Receiver(Protocol):
    def deliver(self, event: Event) -> None: ...


class Outbox:
    """The queue of waiting events. As a context manager, the outbox is one change. One change causes a bounded number of
    events.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[Receiver, Event]] = deque()
        self._depth = 0

    def put(self, receiver: Receiver, event: Event) -> None:
        self._waiting.append((receiver, event))
        if self._depth == 0:
            self._flush()

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *error: object) -> None:
        try:
            if self._depth == 1:
                self._flush()
        finally:
            self._depth -= 1

    def _flush(self) -> None:
        """Deliver all events, then raise the first error of a receiver.

        A hall may cause new events while it handles an event. The new events go to the end of the queue.
        """
        first: Exception | None = None
        self._depth += 1
        while self._waiting:
            receiver, event = self._waiting.popleft()
            try:
                receiver.deliver(event)
            except Exception as error:  # our own bug in one receiver must not stop the events of the others
                first = first or error
        self._depth -= 1
        if first is not None:
            raise first


class Owner(Protocol):
    @property
    def outbox(self) -> Outbox: ...


Own = TypeVar("Own", bound=Owner)
P = ParamSpec("P")
R = TypeVar("R")


def change(function: Callable[Concatenate[Own, P], R]) -> Callable[Concatenate[Own, P], R]:
    """Make a function or a method one change of its first argument."""

    @wraps(function)
    def collected(owner: Own, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with owner.outbox:
            return function(owner, *args, **kwargs)

    return collected
