"""The deadlines of the whole SIP core. No clock runs here: the driver reads the next deadline and calls `advance`."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import count

from signaling.sip.ground import limits


class Timer:
    """A deadline. `cancel` may be called at any time, also more than once."""

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
    """A heap of timers. Cancelled timers stay until they are more than half of a heap.

    Raises OverflowError beyond the limit. That would be a defect of ours, because all users of timers are limited themselves.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._dead = 0
        self.on_earlier: Callable[[], None] = lambda: None
        """Called when the next deadline is earlier than before."""
        self.no_escape: Callable[[], AbstractContextManager[None]] = nullcontext
        """The context manager around each call of a timer. It catches an exception, so that one failed call does not stop the
        others.
        """

    def after(self, delay_s: float, call: Callable[[], None]) -> Timer:
        return self.at(self.now() + max(0.0, delay_s), call)

    def at(self, due: float, call: Callable[[], None]) -> Timer:
        """Set a timer for exactly this moment. `after` adds a delay to the time of now, so its rounding error could miss the
        moment.
        """
        if len(self) >= limits.TIMERS:
            raise OverflowError("too many timers")
        timer = Timer(self, due, call)
        heapq.heappush(self._heap, (timer.due, next(self._order), timer))
        if self._heap[0][2] is timer:
            self.on_earlier()
        return timer

    def __len__(self) -> int:
        """Return the number of live timers."""
        return len(self._heap) - self._dead

    @property
    def next_due(self) -> float | None:
        while self._heap and self._heap[0][2].call is None:
            heapq.heappop(self._heap)
            self._dead -= 1
        return self._heap[0][0] if self._heap else None

    def advance(self) -> None:
        """Call all timers that are due now. A timer that they set waits for the next `advance`, even if it is already due."""
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
