"""When work is done of which participants can cause much: none of it may hold up the calls of the others.

Descriptions of many tracks are asked for by `Pace`: their reading and writing is work that all conferences of the process share.
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
    """Turns of each conference in the order in which they were asked for. Conferences that have turns taken at the same time
    share the rate evenly and do not wait for each other. Whoever waits takes up what comes meanwhile: one description for all.
    """

    def __init__(self) -> None:
        self._taken_until: dict[str, float] = {}
        """By conference; only of those that have turns taken."""

    def claim(self, conference: str, tracks: int, now: float, *, first: bool = False) -> float:
        """Takes the time of a description of so many tracks; how long to wait for it, seconds. Few tracks wait for nobody, nor
        does the `first` description of a connection. What does not wait takes no more than NEGOTIATION_AHEAD_S of other turns.
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
    """Work for one participant after another, at the end of the turn. Whoever waits for his turn waits once, whatever is added
    for him meanwhile; what much work took, the next ones wait for in proportion.
    """

    def __init__(self, clock: Clock, turns: Turns, work: Callable[[L], float]) -> None:
        """`work` tells how long others have to wait for it, seconds."""
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
