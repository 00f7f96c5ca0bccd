"""The pace of work that participants can cause in large amounts. This work must not delay the calls of others.

`Pace` schedules descriptions of many tracks. All conferences of the process share the time for this work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from conference.ground import limits
from conference.ports.audience import Listener
from media import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from conference.ports.time import Cancellable, Clock, Turns


L = TypeVar("L", bound=Listener)


class Pace:
    """The turns of each conference, in the order of the requests.

    Conferences with reserved turns share the rate evenly and do not wait for each other. A connection that waits includes all
    later changes in one description.
    """

    def __init__(self) -> None:
        self._taken_until: dict[str, float] = {}
        """The time until which each conference has reserved turns. Conferences without reserved turns are not in the table."""

    def claim(self, conference: str, tracks: int, now: float, *, first: bool = False) -> float:
        """Reserve time for a description of `tracks` tracks. Returns the seconds to wait.

        A description of few tracks does not wait, nor does the `first` description of a connection. First descriptions together
        delay the other descriptions of their conference by at most NEGOTIATION_AHEAD_S.
        """
        if tracks <= limits.NEGOTIATION_TRACKS:
            return 0.0
        burst_s = limits.NEGOTIATED_TRACKS_BURST / limits.NEGOTIATED_TRACKS_PER_S
        self._taken_until = {sid: until for sid, until in self._taken_until.items() if until > now - burst_s}
        busy = 1 + sum(until > now for sid, until in self._taken_until.items() if sid != conference)
        start = max(self._taken_until.get(conference, now - burst_s), now - burst_s)
        taken_until = start + tracks * busy / limits.NEGOTIATED_TRACKS_PER_S
        if first:
            taken_until = max(start, min(taken_until, now + limits.NEGOTIATION_AHEAD_S))
        self._taken_until[conference] = taken_until
        return 0.0 if first else max(0.0, start - now)


class Paced(Generic[L]):
    """Work for one participant after another, at the end of the turn.

    A waiting participant waits only once, also when more work is added. After expensive work, the next participants wait in
    proportion to its cost.
    """

    def __init__(self, clock: Clock, turns: Turns, work: Callable[[L], float]) -> None:
        """`work` does the work and returns its cost: the seconds that others must wait."""
        self._clock = clock
        self._turns = turns
        self._work = work
        self._budget = TokenBucket(1.0, limits.PACED_S)
        self._waiting: dict[str, L] = {}  # by sid
        self._timer: Cancellable | None = None

    def add(self, participant: L) -> None:
        self._waiting[participant.sid] = participant
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting and self._timer is None:
            self._timer = self._turns.call_later(self._budget.wait_s(self._clock.monotonic()), self._run)

    def _run(self) -> None:
        self._timer = None
        try:
            while self._waiting and self._budget.wait_s(self._clock.monotonic()) == 0:
                participant = self._waiting.pop(next(iter(self._waiting)))
                if not participant.left:
                    self._budget.spend(self._work(participant))
        finally:
            self._go_on()
