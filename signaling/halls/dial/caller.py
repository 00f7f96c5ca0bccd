"""Calls halls when they are due, once. `CALLER.md` beside this file gives the rules and the reasons.

The truth of a leg is its row, and behind it one ordered queue of the events that are not in the row yet (`queues.py`).
`conference.halls.dialout` decides, `writer.py` keeps the order, `transitions.py` writes and carries out. A worker holds the
lease of a leg that it calls. A worker without the lease (it was killed, or is late) writes nothing more and ends its calls. The
next worker repeats an unfinished try under the same Call-ID, so that a terminal never gets two calls of one try. Owns the loop;
the composition root owns its start and end.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from conference import dialout
from conference.halls.dialout import Event, Leg
from conference.ports.halls import Dialer, DialOrder
from rooms.dialling import legs, planning
from rooms.store.database import Database
from rooms.store.tables.dialling import DialLeg
from signaling.halls.dial.queues import LegEvent, LegQueues, Look
from signaling.halls.dial.rows import leg_of, order_of
from signaling.halls.dial.transitions import WISHES, Changed, Transitions
from signaling.halls.dial.writer import AWAY, REFUSALS, Writer, is_away
from signaling.halls.ground import limits

log = logging.getLogger(__name__)
UNSURE = ("probing", "calling", "ringing", "connected")
"""Only the worker that died knew how a leg in these states went on."""


class Caller:
    """The clockwork of a process. `worker`: a random name. `place`: the first characters of the names of all workers that may
    have worked here before. Those workers are dead, because this process has their ports.
    """

    def __init__(
        self,
        database: Database,
        dialer: Dialer,
        *,
        key: bytes,
        worker: str,
        place: str = "",
        now: Callable[[], float],
        ramp: dialout.Ramp | None = None,
        lease_s: float = limits.LEG_LEASE_S,
        changed: Changed = lambda occurrence_id: None,
    ) -> None:
        """`now`: Unix seconds. `changed` gets the date of each leg that moved."""
        self.worker = worker
        self._place = place
        self.dialer = dialer
        self._database = database
        self._key = key
        self._now = now
        self._ramp = ramp or dialout.Ramp()
        self._probes = dialout.Ramp()
        self._lease_s = lease_s
        self._queues = LegQueues(now)
        self._wake = asyncio.Event()
        transitions = Transitions(database, dialer, key=key, worker=worker, now=now, lease_s=lease_s, changed=changed)
        self.writer = Writer(
            self._queues, transitions, dialer, now, lease_s, written=self._note, refused=self._wake.set
        )
        self._planned_at = self._renewed_at = float("-inf")
        self._holds = False

    # -- events from below

    def tell(self, order: DialOrder, event: Event, **more: Any) -> None:
        """Take an event of one try of the dialer. `more`: of `Happening`."""
        self.writer.put(order.leg_id, LegEvent(event, order, more))

    def came(self, leg_id: str) -> None:
        """A hall has dialled in by itself: the dialer has its call already, and has ended any other of this leg."""
        self.writer.put(leg_id, LegEvent(Event.CAME))

    def ended(self, leg_id: str, event: Event, order: DialOrder | None = None) -> None:
        """A call that stood is over, by one of `ENDS`: the dialer has it no more. `order`: of a call of ours."""
        self.writer.put(leg_id, LegEvent(event, order))

    def registered(self, leg_id: str) -> None:
        """The terminal can be reached now."""
        self.writer.put(leg_id, LegEvent(Event.REGISTERED))

    def probed(self, order: DialOrder, readiness: str, reason: str) -> None:
        self.writer.put(order.leg_id, LegEvent(Event.PROBED, order, look=Look(readiness, reason, self._clock())))

    # -- questions from above

    async def happen(
        self, leg_id: str, event: Event, order: DialOrder | None = None, *, granted: str = "", **more: Any
    ) -> Leg | None:
        """Return the leg after this event, and after all that happened before. None: another worker has the leg, or it is gone.
        Raises what the database raises; then the event is forgotten. `order`: the try; an older try changes nothing. `granted`:
        the wish of the row that the event grants; a later wish counts instead.
        """
        return await self.writer.ask(leg_id, LegEvent(event, order, more, granted=granted))

    async def want(self, leg_id: str, wish: str) -> str:
        """Do what an operator wants. Return "" if it is done, else why the row of the leg keeps the wish: `elsewhere`, `later`.
        Raises where the database takes neither.
        """
        try:
            why = "" if await self.happen(leg_id, WISHES[wish]) is not None else "elsewhere"
        except REFUSALS as error:
            self._queues.refuse(leg_id, error)
            why = "later"
        if why:
            await self._database.transact(lambda session: legs.set_wish(session, leg_id, wish))
        self.wake()
        return why

    def _note(self, leg: Leg, is_held: bool) -> None:
        """A leg was written."""
        if is_held and not self._holds:
            self._holds = True
            self._wake.set()  # else no lease would be renewed until the next plan
        if leg.next_try_at is not None and leg.next_try_at <= self._now():
            self._wake.set()

    # -- the clockwork

    def wake(self) -> None:
        """Something may be due now."""
        self._planned_at = float("-inf")
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. A database that is away for a while ends nothing."""
        while True:
            try:
                await self.tick()
            except REFUSALS as error:
                self._queues.report_all(AWAY, error)
            wait_s = limits.CALLER_TICK_S if self._holds or self._queues else limits.CALLER_PLAN_S
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            self._wake.clear()

    async def tick(self) -> None:
        """Do everything that is due now."""
        self._queues.report()
        now = self._now()
        renews, plans = now - self._renewed_at >= self._lease_s / 3, now - self._planned_at >= limits.CALLER_PLAN_S
        if plans:
            self._planned_at = now
            await self._plan()
        if renews and self._holds:
            await self._keep_leases()
            self._renewed_at = now  # not before: else what the database did not take would wait for a third of a lease
        if plans or (renews and self._holds):
            await self._claim()
        await self.writer.retry()
        if plans or self._holds or self._queues:
            await self._grant_wishes()
        if self._holds:
            await self._end_those_over()
            await self._begin()

    async def _plan(self) -> None:
        """Dates that the database refuses do not hold up the legs that exist."""
        try:
            await self._database.transact(lambda session: planning.plan(session, self._clock()))
        except Exception as error:
            if is_away(error):
                raise
            self._queues.report_all("halls of new dates cannot be called", error)

    async def _keep_leases(self) -> None:
        """Renew the leases, and end the calls whose lease was lost. A hall that dials in has its lease only with its arrival:
        calls with events that wait, and new calls, are judged next time.
        """
        settled = self.dialer.live() - self._queues.behind()

        async def work(session: AsyncSession) -> frozenset[str]:
            await legs.renew(session, self._clock(), self.worker, self._lease_s)
            return await legs.held(session, self._clock(), self.worker)

        for leg_id in settled - await self._database.transact(work):
            self.dialer.hang_up(leg_id)

    async def _claim(self) -> None:
        claimed = await self._database.transact(
            lambda session: legs.claim(session, self._clock(), self.worker, self._lease_s, self._place)
        )
        for leg_id, state in claimed:
            if state in UNSURE:
                self._queues.put(leg_id, LegEvent(Event.RECOVER))
        async with self._database.reading() as session:
            self._holds = bool(await legs.held(session, self._clock(), self.worker))

    async def _grant_wishes(self) -> None:
        """A wish stays in its row until it is done: a refused wish, or the wish of a killed worker, is found next time."""
        async with self._database.reading() as session:
            wishes = await legs.wishes(session, self.worker, self._clock())
        await self._each(wishes, lambda leg_id: self._grant(leg_id, wishes[leg_id]))

    async def _grant(self, leg_id: str, wish: str) -> None:
        if wish in WISHES:
            await self.happen(leg_id, WISHES[wish], granted=wish)
        elif not await self._database.transact(lambda session: legs.clear_wish(session, leg_id, wish)):
            return
        elif wish == "probe":
            async with self._database.reading() as session:
                standing = await legs.standing(session, leg_id)
            if standing is not None:
                self.dialer.probe(order_of(standing.leg, self._key))
        else:
            log.error("unknown wish %r of leg %s", wish, leg_id)

    async def _end_those_over(self) -> None:
        async with self._database.reading() as session:
            over = await legs.over(session, self._clock(), self.worker)
        await self._each(over, lambda leg_id: self.happen(leg_id, Event.END))

    async def _begin(self) -> None:
        async with self._database.reading() as session:
            due = await legs.due(session, self._clock(), self.worker)
            room = self._probes.room(self._now()) + self._queues.count_refused()
            looks = await legs.to_probe(session, self._clock(), self.worker, room)
            chairs = await legs.of_chairs(session, [row.id for row in due])
        looks.sort(key=lambda row: self._queues.is_refused(row.id))
        await self._each(_as_room(self._probes, looks, self._now), lambda leg_id: self.happen(leg_id, Event.PROBE))

        def turn(row: DialLeg) -> tuple[bool, Any]:
            urgency = dialout.urgency(leg_of(row), row.readiness, chair=row.id in chairs)
            return self._queues.is_refused(row.id), urgency

        due.sort(key=turn)
        await self._each(_as_room(self._ramp, due, self._now), lambda leg_id: self.happen(leg_id, Event.DUE))

    async def _each(self, leg_ids: Iterable[str], deed: Callable[[str], Awaitable[object]]) -> None:
        """Do it for each leg whose row is the whole truth. A refusal, or a defect of ours, holds up no other leg; that leg is due
        again at the next tick, after all others. Raises where the database itself is away.
        """
        for leg_id in leg_ids:
            if self._queues.waits(leg_id):
                continue
            try:
                await deed(leg_id)
            except Exception as error:
                if is_away(error):
                    raise
                self._queues.refuse(leg_id, error)
            else:
                self._queues.accept(leg_id)

    async def close(self) -> None:
        """Give the leases back; the calls stay to their owner. Events that are not written soon are given up."""
        await self.writer.close()
        try:
            await self._database.transact(lambda session: legs.hand_back(session, self.worker))
        except REFUSALS as error:
            log.warning("halls are called by the next server only when the leases run out: %s", error)

    def _clock(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)


def _as_room(ramp: dialout.Ramp, rows: Iterable[DialLeg], now: Callable[[], float]) -> Iterator[str]:
    """Return the legs of these rows, as long as the ramp lets them through."""
    return (row.id for row in itertools.takewhile(lambda _: ramp.take(now()), rows))
