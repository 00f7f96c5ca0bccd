"""Calls each hall once when its call is due. `CALLER.md` beside this file gives the rules and the reasons.

The truth of a leg is its row. Behind the row is one ordered queue of the events that are not in the row yet (`queues.py`).
`conference.halls.dialout` decides, `writer.py` keeps the order, `transitions.py` writes and carries out. A worker holds the
lease of a leg that it calls. A worker that lost the lease, because it was late, writes nothing more and ends its calls. The
next worker repeats an unfinished try under the same Call-ID, so that a terminal never gets two calls of one try. This module
owns the loop; the composition root starts and ends it.
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
"""A leg of a dead worker in one of these states needs "recover", because only that worker knew how its call went on."""


class Caller:
    """The caller of halls of one process. `worker`: a random name. `place`: the first characters of the names of all workers
    that may have worked here before. Those workers are dead, because this process has their ports.
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
        """`now`: Unix seconds. `changed` gets the date of each leg that changed."""
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
        """Take an event of one try from the dialer. `more`: further fields of `Happening`."""
        self.writer.put(order.leg_id, LegEvent(event, order, more))

    def came(self, leg_id: str) -> None:
        """Note that a hall has dialled in. The dialer already has this call, and has ended any other call of the leg."""
        self.writer.put(leg_id, LegEvent(Event.CAME))

    def ended(self, leg_id: str, event: Event, order: DialOrder | None = None) -> None:
        """Note that an answered call has ended by one of `ENDS`, and that the dialer has removed it. `order`: of an outgoing
        call.
        """
        self.writer.put(leg_id, LegEvent(event, order))

    def registered(self, leg_id: str) -> None:
        """Note that the terminal can be reached now."""
        self.writer.put(leg_id, LegEvent(Event.REGISTERED))

    def probed(self, order: DialOrder, readiness: str, reason: str) -> None:
        self.writer.put(order.leg_id, LegEvent(Event.PROBED, order, look=Look(readiness, reason, self._clock())))

    # -- questions from above

    async def happen(
        self, leg_id: str, event: Event, order: DialOrder | None = None, *, granted: str = "", **more: Any
    ) -> Leg | None:
        """Return the leg after this event and all earlier events. Return None if another worker has the leg, or if the leg is
        gone.

        Raise the errors of the database; then the event is forgotten. `order`: the try; an event of an older try changes
        nothing. `granted`: the wish in the row that the event grants; if the row has a later wish, the later wish counts.
        """
        return await self.writer.ask(leg_id, LegEvent(event, order, more, granted=granted))

    async def want(self, leg_id: str, wish: str) -> str:
        """Carry out the wish of an operator. Return "" if it is done, else the reason why the row keeps the wish: `elsewhere`,
        `later`.

        Raise the error of the database if it takes neither the event nor the wish.
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
        """Wake the loop after a leg was written, if the leg needs it."""
        if is_held and not self._holds:
            self._holds = True
            self._wake.set()  # Otherwise the lease would not be renewed until the next plan.
        if leg.next_try_at is not None and leg.next_try_at <= self._now():
            self._wake.set()

    # -- the loop

    def wake(self) -> None:
        """Let the loop look at once, because a call may be due now."""
        self._planned_at = float("-inf")
        self._wake.set()

    async def run(self) -> None:
        """Run until the task is cancelled. The loop goes on while the database is away."""
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
            # Only after success: otherwise a renewal that the database refused would wait for a third of a lease.
            self._renewed_at = now
        if plans or (renews and self._holds):
            await self._claim()
        await self.writer.retry()
        if plans or self._holds or self._queues:
            await self._grant_wishes()
        if self._holds:
            await self._end_those_over()
            await self._begin()

    async def _plan(self) -> None:
        """Plan the legs of new dates. If the database refuses new dates, the existing legs go on."""
        try:
            await self._database.transact(lambda session: planning.plan(session, self._clock()))
        except Exception as error:
            if is_away(error):
                raise
            self._queues.report_all("halls of new dates cannot be called", error)

    async def _keep_leases(self) -> None:
        """Renew the leases, and end the calls whose lease was lost.

        A hall that dials in gets its lease when its arrival is written. So calls with waiting events, and new calls, are judged
        next time.
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
        """Carry out the wishes of rows. A wish stays in its row until it is done, so a refused wish, or a wish to a killed
        worker, is found next time.
        """
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
        """Call `deed` for each leg that has no waiting events. A refusal, or a bug of ours, does not stop the other legs. The
        failed leg is due again at the next tick, after all others. Raise the error if the database is away.
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
        """Give the leases back, and end no calls. Events not written within `NEWS_LAST_S` are given up."""
        await self.writer.close()
        try:
            await self._database.transact(lambda session: legs.hand_back(session, self.worker))
        except REFUSALS as error:
            log.warning(
                "the leases could not be given back, so the next server calls the halls only after they expire: %s",
                error,
            )

    def _clock(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)


def _as_room(ramp: dialout.Ramp, rows: Iterable[DialLeg], now: Callable[[], float]) -> Iterator[str]:
    """Return the legs of these rows, until the ramp has no room."""
    return (row.id for row in itertools.takewhile(lambda _: ramp.take(now()), rows))
