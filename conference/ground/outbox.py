"""Events of one conference that wait for the end of the change that causes them.

A change is one call from outside: a client's request, an order of a host, news of a media path, a timer. A client then hears of a
state that is complete. The events of one client keep the order in which they were put. A change that calls another one
delivers at the end of the outer one; an event that is put outside of any change goes at once.
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
    """As a context manager it is one change. What waits is bounded by what one change causes."""

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
        """Delivers all events, then raises the first error of a receiver. A hall acts on an event at once: its events go last."""
        first: Exception | None = None
        self._depth += 1
        while self._waiting:
            receiver, event = self._waiting.popleft()
            try:
                receiver.deliver(event)
            except Exception as error:  # a fault of ours in one receiver holds back no event of the others
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
    """Makes a function, or a method, one change of its first argument."""

    @wraps(function)
    def collected(owner: Own, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with owner.outbox:
            return function(owner, *args, **kwargs)

    return collected
