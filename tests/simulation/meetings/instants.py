"""An event loop whose time jumps to the next timer, so that hours of a simulated meeting take seconds."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
STUCK_S = 10.0
"""Seconds of real time for an answer from another thread, when no timer is set. Chosen. Larger: a stuck simulation ends later.
Smaller: a busy machine ends a good one.
"""


class Jumping(selectors.SelectSelector):
    """A selector that never waits for a timer: it moves the time instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            found = super().select(STUCK_S)
            assert found, "nothing will ever happen"
            return found
        self.now += max(0.0, timeout)
        return super().select(0)


class Instants(asyncio.SelectorEventLoop):
    """The loop. It begins at 0 s."""

    def __init__(self) -> None:
        self._jumping = Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on a loop of its own, and return its result. Tasks that are left are cancelled."""
    with asyncio.Runner(loop_factory=Instants) as runner:
        return runner.run(work())
