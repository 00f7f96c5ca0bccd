"""The events of legs that are not in the database yet: one queue for each leg, in the order of the events.

The module owns the order, the length limit, and the log of legs that the database refuses. `transitions.py` writes the events.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from conference.halls.dialout import Event
from conference.ports.halls import DialOrder
from signaling.halls.ground import limits

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """The result of a probe: how ready the hall was, why, and when."""

    readiness: str
    reason: str
    at: datetime


@dataclass(eq=False, slots=True)
class LegEvent:
    """An event of a leg. `order`: the try of the event. `more`: further fields of `Happening`. `granted`: the wish in the row
    that the event grants.
    """

    event: Event
    order: DialOrder | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    look: Look | None = None
    granted: str = ""
    held_elsewhere_since: float | None = None
    """Unix seconds of the first write that found the lease of another worker."""


@dataclass(eq=False, slots=True)
class LegQueue:
    """The events of one leg; the head is written first. The task that writes holds `lock`. `writers`: tasks that write or wait
    for the lock.
    """

    events: list[LegEvent] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    writers: int = 0
    refused_at: float | None = None
    """Unix seconds of the last refusal, if there was no write since."""


class LegQueues:
    """The queues of all legs of this worker. A queue exists while a task writes, events wait, or the last write was refused."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now`: Unix seconds."""
        self._now = now
        self._queues: dict[str, LegQueue] = {}
        self._counted_at = float("-inf")
        self._reported_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._queues)

    # -- events

    def put(self, leg_id: str, one: LegEvent) -> None:
        """Append the event, and remove the same event of the same try. The head stays if a task may write it now. A full queue
        loses its second event.
        """
        queue = self._queues.setdefault(leg_id, LegQueue())
        head = queue.events[: queue.lock.locked()]
        behind = queue.events[len(head) :]
        queue.events = [
            *head,
            *(other for other in behind if (other.event, other.order) != (one.event, one.order)),
            one,
        ]
        if len(queue.events) > limits.LEG_EVENTS:
            lost = queue.events.pop(1)
            log.error("too many events of leg %s are waiting: the event %s is lost", leg_id, lost.event.value)

    @asynccontextmanager
    async def turn(self, leg_id: str) -> AsyncIterator[LegQueue]:
        """Let only this task write the leg, and yield the queue."""
        queue = self._queues.setdefault(leg_id, LegQueue())
        queue.writers += 1
        try:
            async with queue.lock:
                yield queue
        finally:
            queue.writers -= 1
            self._forget(leg_id)

    def waits(self, leg_id: str, event: Event | None = None) -> bool:
        """Return True if this event waits, or, without an event, if any event waits. While events wait, the row is not up to
        date.
        """
        queue = self._queues.get(leg_id)
        return queue is not None and any(event in (None, one.event) for one in queue.events)

    def all(self) -> list[tuple[str, LegQueue]]:
        """Return each leg with its queue. The leg with the latest refusal comes last."""
        return list(self._queues.items())

    def behind(self) -> frozenset[str]:
        """Return the legs with waiting events."""
        return frozenset(leg_id for leg_id, one in self._queues.items() if one.events)

    # -- refusals

    def is_refused(self, leg_id: str) -> bool:
        return leg_id in self._queues and self._queues[leg_id].refused_at is not None

    def count_refused(self) -> int:
        return sum(one.refused_at is not None for one in self._queues.values())

    def refuse(self, leg_id: str, error: Exception) -> None:
        """Note that the leg cannot go on yet, and log this once. Next time all other legs are tried first."""
        if not self.count_refused():
            self._counted_at = self._now()
        if not self.is_refused(leg_id):
            log.warning("leg %s must wait: %s", leg_id, error, exc_info=_defect(error))
        self._queues.setdefault(leg_id, LegQueue()).refused_at = self._now()
        self.put_last(leg_id)

    def put_last(self, leg_id: str) -> None:
        """Let all other legs be tried before this leg."""
        self._queues[leg_id] = self._queues.pop(leg_id)

    def accept(self, leg_id: str) -> None:
        """Note that the database took an event of the leg."""
        if leg_id in self._queues:
            self._queues[leg_id].refused_at = None
            self._forget(leg_id)

    def report(self) -> None:
        """Log once a minute how many legs cannot go on. Forget a leg without waiting events that was not tried in the last
        minute, because another worker may have the leg now.
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
            log.warning("%d legs are still waiting, among them %s", len(refused), some)

    def report_all(self, what: str, error: Exception) -> None:
        """Log a fault that concerns all legs, at most once a minute."""
        now = self._now()
        if now - self._reported_at.get(what, float("-inf")) >= limits.TROUBLES_S:
            self._reported_at[what] = now
            log.warning("%s: %s", what, error, exc_info=_defect(error))

    def _forget(self, leg_id: str) -> None:
        """Remove a queue that is no longer needed."""
        queue = self._queues[leg_id]
        if not (queue.events or queue.writers or queue.refused_at is not None):
            del self._queues[leg_id]


def _defect(error: Exception) -> Exception | None:
    """Return the error if it is our own bug, so that its traceback is logged."""
    return None if isinstance(error, OSError | SQLAlchemyError) else error
