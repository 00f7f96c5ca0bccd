"""Events of legs that are not in the database yet: one queue for each leg, in the order in which they happened.

Owns the order, the bound, and the log of legs that the database refuses. Does not write events (`transitions.py`).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from conference.halls.dialout import Event, Leg
from conference.ports.halls import DialOrder
from signaling.host import limits

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """The result of a probe: how ready the hall was, why, and when."""

    readiness: str
    reason: str
    at: datetime


@dataclass(eq=False, slots=True)
class LegEvent:
    """An event of a leg that waits for its turn.

    `order`: the try that the event is about. `more`: further fields of `Happening`. `is_asked`: a task waits for the result, so
    the event leaves the queue with that task. `granted`: the wish of the row that the event grants. `leg`: the result.
    """

    event: Event
    order: DialOrder | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    look: Look | None = None
    is_asked: bool = False
    granted: str = ""
    leg: Leg | None = None
    held_elsewhere_since: float | None = None
    """Unix seconds of the first write that found the lease of another worker."""


@dataclass(eq=False, slots=True)
class LegQueue:
    """The events of one leg; the head is written first. `turn` is held by the task that writes the head."""

    events: list[LegEvent] = field(default_factory=list)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    refused_at: float | None = None
    """Unix seconds of the last refusal, if nothing was written since."""


class LegQueues:
    """The queues of all legs of this worker. A queue exists while events wait or the last write was refused."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now`: Unix seconds."""
        self._now = now
        self._queues: dict[str, LegQueue] = {}
        self._counted_at = float("-inf")
        self._reported_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._queues)

    # -- events

    def put(self, leg_id: str, one: LegEvent) -> LegQueue:
        """Append the event. It replaces the same event of the same try, which says nothing more, unless that is being written."""
        queue = self._queues.setdefault(leg_id, LegQueue())
        first = 1 if queue.turn.locked() else 0
        same = [other for other in queue.events[first:] if _replaces(one, other)]
        queue.events = [other for other in queue.events if other not in same] + [one]
        if len(queue.events) > limits.LEG_EVENTS:
            lost = queue.events.pop(1)
            log.error("too many events of leg %s wait: %s is lost", leg_id, lost.event.value)
        return queue

    def remove(self, leg_id: str, one: LegEvent) -> None:
        """Remove an event that is written or given up."""
        queue = self._queues.get(leg_id)
        if queue is not None and one in queue.events:
            queue.events.remove(one)
            self._forget_empty(leg_id)

    def waits(self, leg_id: str, event: Event | None = None) -> bool:
        """Return True if this event waits; without an event, if any event waits: the row is behind what happened."""
        queue = self._queues.get(leg_id)
        return queue is not None and any(event in (None, one.event) for one in queue.events)

    def all(self) -> list[tuple[str, LegQueue]]:
        """Return each leg with its queue; the leg that was refused last comes last."""
        return list(self._queues.items())

    def behind(self) -> frozenset[str]:
        """Return the legs with events that wait."""
        return frozenset(leg_id for leg_id, one in self._queues.items() if one.events)

    # -- refusals

    def is_refused(self, leg_id: str) -> bool:
        return leg_id in self._queues and self._queues[leg_id].refused_at is not None

    def count_refused(self) -> int:
        return sum(one.refused_at is not None for one in self._queues.values())

    def refuse(self, leg_id: str, error: Exception) -> None:
        """Note that the leg cannot go on yet, and log that once. The leg is tried after all others next time."""
        if not self.count_refused():
            self._counted_at = self._now()
        if not self.is_refused(leg_id):
            log.warning("leg %s cannot go on yet: %s", leg_id, error, exc_info=_defect(error))
        self._queues.setdefault(leg_id, LegQueue()).refused_at = self._now()
        self.put_last(leg_id)

    def put_last(self, leg_id: str) -> None:
        """Let all other legs be tried before this leg."""
        self._queues[leg_id] = self._queues.pop(leg_id)

    def accept(self, leg_id: str) -> None:
        """Note that the database took an event of the leg."""
        if leg_id in self._queues:
            self._queues[leg_id].refused_at = None
            self._forget_empty(leg_id)

    def report(self) -> None:
        """Log once a minute how many legs cannot go on. A leg that was not tried in the last minute is forgotten, unless events
        wait: another worker may have it now.
        """
        now = self._now()
        if now - self._counted_at < limits.TROUBLES_S:
            return
        self._counted_at = now
        for leg_id, one in tuple(self._queues.items()):
            if not one.events and one.refused_at is not None and now - one.refused_at >= limits.TROUBLES_S:
                self.accept(leg_id)
        if refused := [leg_id for leg_id, one in self._queues.items() if one.refused_at is not None]:
            some = ", ".join(itertools.islice(refused, 5))
            log.warning("%d legs still cannot go on, among them %s", len(refused), some)

    def report_all(self, what: str, error: Exception) -> None:
        """Log a fault that concerns all legs, at most once a minute."""
        now = self._now()
        if now - self._reported_at.get(what, float("-inf")) >= limits.TROUBLES_S:
            self._reported_at[what] = now
            log.warning("%s: %s", what, error, exc_info=_defect(error))

    def _forget_empty(self, leg_id: str) -> None:
        queue = self._queues[leg_id]
        if not queue.events and queue.refused_at is None:
            del self._queues[leg_id]


def _replaces(one: LegEvent, other: LegEvent) -> bool:
    return not (one.is_asked or other.is_asked) and (one.event, one.order) == (other.event, other.order)


def _defect(error: Exception) -> Exception | None:
    """Return the error if it is our own bug: then its traceback is logged."""
    return None if isinstance(error, OSError | SQLAlchemyError) else error
