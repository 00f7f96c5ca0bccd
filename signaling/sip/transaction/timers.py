"""Deadlines of everything in the SIP core, turned by hand: the driver asks for the next one and calls `advance`."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import count

from signaling.sip.ground import limits


class Timer:
    """One deadline; `cancel` may be called at any time and more than once."""

    __slots__ = ("_owner", "call", "due", "queued")

    def __init__(self, owner: Timers, due: float, call: Callable[[], None]) -> None:
        self._owner = owner
        self.due = due
        self.call: Callable[[], None] | None = call
        self.queued = True

    def cancel(self) -> None:
        if self.call is not None:
            self.call = None
            if self.queued:
                self._owner.forget()


class Timers:
    """A heap in which cancelled ones stay until half of it is dead. Raises OverflowError beyond the bound: a defect of
    ours, everything that may set a timer is bounded itself.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._dead = 0
        self.on_earlier: Callable[[], None] = lambda: None
        """Called when the next deadline has come nearer."""
        self.no_escape: Callable[[], AbstractContextManager[None]] = nullcontext
        """Around each call: one that fails must not stop the others."""

    def after(self, delay_s: float, call: Callable[[], None]) -> Timer:
        return self.at(self.now() + max(0.0, delay_s), call)

    def at(self, due: float, call: Callable[[], None]) -> Timer:
        """At that very moment: a difference that is added again would miss it by a rounding."""
        if len(self) >= limits.TIMERS:
            raise OverflowError("too many timers")
        timer = Timer(self, due, call)
        heapq.heappush(self._heap, (timer.due, next(self._order), timer))
        if self._heap[0][2] is timer:
            self.on_earlier()
        return timer

    def __len__(self) -> int:
        """Living ones."""
        return len(self._heap) - self._dead

    @property
    def next_due(self) -> float | None:
        while self._heap and self._heap[0][2].call is None:
            heapq.heappop(self._heap)
            self._dead -= 1
        return self._heap[0][0] if self._heap else None

    def advance(self) -> None:
        """Calls all that are due at this moment; what they set newly waits for the next call, even if it is due at
        once.
        """
        now = self.now()
        ripe: list[Timer] = []
        while (due := self.next_due) is not None and due <= now:
            timer = heapq.heappop(self._heap)[2]
            timer.queued = False
            ripe.append(timer)
        for timer in ripe:
            call, timer.call = timer.call, None
            if call is not None:
                with self.no_escape():
                    call()

    def forget(self) -> None:
        self._dead += 1
        if self._dead > 64 and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].call is not None]
            heapq.heapify(self._heap)
            self._dead = 0
