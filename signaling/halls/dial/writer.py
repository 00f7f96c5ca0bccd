"""Writes the events of each leg in their order. The next event is written only after the database took the head.

The module owns the writing tasks, and the meaning of an event at the time of its write. `caller.py` owns the clock of the
retries.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from conference.halls.dialout import Event, Leg
from conference.ports.halls import Dialer
from rooms.store import database
from signaling.halls.dial.queues import LegEvent, LegQueue, LegQueues
from signaling.halls.dial.transitions import Transitions
from signaling.halls.ground import limits
from signaling.host import tasks

log = logging.getLogger(__name__)
REFUSALS = (OSError, SQLAlchemyError)
"""The database is away, or refuses. Any other error is our own bug."""
AWAY = "halls cannot be called"
ENDS = (Event.HUNG_UP, Event.LOST, Event.DROP, Event.END)
SETTLED = (*ENDS, Event.REFUSED, Event.AWAY, Event.FORBID)
"""After these events the call has no further event. Only these events tell whether the hall is called again."""
GOES_ON = (Event.RANG, Event.ANSWERED)
"""After these events the end of the call must still follow."""
WELCOMES = (Event.CAME, Event.CALL, Event.REDIAL, Event.REGISTERED)
"""After these events a missing lease ends no call: the hall may have dialled in, and the holder of the lease may be dead."""


class Writer:
    """The writer of all legs of a process. `written` gets each written leg, and whether this worker holds the leg. `refused` is
    called when an event must be tried again.
    """

    def __init__(
        self,
        queues: LegQueues,
        transitions: Transitions,
        dialer: Dialer,
        now: Callable[[], float],
        lease_s: float,
        *,
        written: Callable[[Leg, bool], None],
        refused: Callable[[], None],
    ) -> None:
        """`now`: Unix seconds."""
        self._queues = queues
        self._transitions = transitions
        self._dialer = dialer
        self._now = now
        self._lease_s = lease_s
        self._written = written
        self._refused = refused
        self.tasks: set[asyncio.Task[None]] = set()
        """A task for each event that was not tried yet."""

    def put(self, leg_id: str, one: LegEvent) -> None:
        """Take an event that has happened. The event is written after all earlier events, even if this takes long."""
        self._queues.put(leg_id, one)
        task = asyncio.get_running_loop().create_task(self._write_soon(leg_id))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def ask(self, leg_id: str, one: LegEvent) -> Leg | None:
        """Return the leg after this event and all earlier events. Return None if another worker has the leg, or if the leg is
        gone.

        Raise the errors of the database; then the event is forgotten.
        """
        if one.event is Event.REDIAL and self._queues.waits(leg_id, Event.CAME):
            one = replace(one, event=Event.CALL)  # The hall has dialled in already, and its own call stays.
        async with self._queues.turn(leg_id) as queue:
            is_ours = await self._write_queue(leg_id, queue)
            leg = await self._write(leg_id, one, one.event) if is_ours else None
        if leg is None:
            self._fence(leg_id, one)
        return leg

    async def retry(self) -> bool:
        """Try once to write all waiting events. Return False if the database is away.

        After the first error "away" the database gets no further query: each query may take seconds, and no lease is renewed in
        that time.
        """
        for leg_id, known in self._queues.all():
            if not known.events or known.writers:
                continue  # No event waits, or a task writes the events.
            try:
                async with self._queues.turn(leg_id) as queue:
                    await self._write_queue(leg_id, queue)
            except REFUSALS as error:
                if is_away(error):
                    self._queues.put_last(leg_id)
                    self._queues.report_all(AWAY, error)
                    return False
                self._queues.refuse(leg_id, error)
        return True

    async def close(self) -> None:
        """Write the events that the database takes within `NEWS_LAST_S`, and log the rest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limits.NEWS_LAST_S):
                await self._write_last()
        await tasks.end(self.tasks)
        for leg_id, queue in self._queues.all():
            for one in queue.events:
                if one.event in SETTLED:
                    log.error("the event of leg %s (%s) is lost: the server stops", leg_id, one.event.value)
                else:
                    log.warning("the event of leg %s is dropped (%s): the server stops", leg_id, one.event.value)

    async def _write_last(self) -> None:
        """Write the waiting events. Without the end of a call, the next server would call a hall that an operator put out."""
        while True:
            is_there = await self.retry()
            if self.tasks:
                await asyncio.wait(tuple(self.tasks))
            elif is_there:
                return
            else:
                await asyncio.sleep(limits.NEWS_AGAIN_S)

    async def _write_soon(self, leg_id: str) -> None:
        try:
            async with self._queues.turn(leg_id) as queue:
                await self._write_queue(leg_id, queue)
        except REFUSALS as error:
            self._queues.refuse(leg_id, error)
            self._refused()

    async def _write_queue(self, leg_id: str, queue: LegQueue) -> bool:
        """Write the events of a leg in their order. Return False if the head must still wait for the lease of another worker.

        Raise the errors of the database. A head that waits or was refused stays, with all events behind it.
        """
        while queue.events:
            head = queue.events[0]
            if not await self._write_head(leg_id, head, queue.events):
                return False
            queue.events.remove(head)
        return True

    async def _write_head(self, leg_id: str, head: LegEvent, events: list[LegEvent]) -> bool:
        """Write the head, and return False if it must still wait. A bug of ours loses the head, not the events behind it."""
        event = self._meaning(leg_id, events)
        if event is None:
            return True
        try:
            leg = await self._write(leg_id, head, event)
        except REFUSALS:
            raise
        except Exception:
            log.exception("the event %s of leg %s is lost after an error", head.event.value, leg_id)
            return True
        return leg is not None or not self._may_wait(leg_id, head)

    async def _write(self, leg_id: str, one: LegEvent, event: Event) -> Leg | None:
        written = await self._transitions.write(leg_id, one, event)
        self._queues.accept(leg_id)
        if written is None:
            return None
        self._written(written.leg, written.is_held)
        return written.leg

    def _meaning(self, leg_id: str, events: list[LegEvent]) -> Event | None:
        """Return the present meaning of the head, or None if it has none.

        A live call makes the ends of older calls void. A call that is gone, without its end in the queue, is treated like a
        call of a dead server.
        """
        head, is_live = events[0], leg_id in self._dialer.live()
        if head.event in (*ENDS, Event.RECOVER):
            return None if is_live else head.event
        if head.event is Event.CAME:
            return head.event if is_live else None
        if head.event in GOES_ON and not is_live and not any(one.event in SETTLED for one in events):
            return Event.RECOVER
        return head.event

    def _may_wait(self, leg_id: str, head: LegEvent) -> bool:
        """Report whether the head may wait for the lease of another worker.

        Only an arrival waits, until that lease must have run out. After this time the other worker keeps the hall, and this
        worker's call ends.
        """
        if head.event is not Event.CAME:
            self._fence(leg_id, head)
            return False
        if head.held_elsewhere_since is None:
            head.held_elsewhere_since = self._now()
        waits = self._now() - head.held_elsewhere_since <= self._lease_s
        if not waits:
            self._dialer.hang_up(leg_id)
        return waits

    def _fence(self, leg_id: str, one: LegEvent) -> None:
        """End the call here, because another worker has the leg, or the leg is gone."""
        if one.event not in WELCOMES:
            self._dialer.hang_up(leg_id, one.order)


def is_away(error: Exception) -> bool:
    """Report whether the same query may succeed later."""
    return isinstance(error, OSError) or database.is_away(error)
