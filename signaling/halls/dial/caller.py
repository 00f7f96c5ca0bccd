"""Calls halls when they are due, once: legs in the database, decisions in `conference.halls.dialout`, calls by a Dialer.

A decision is committed before it is carried out. Whoever calls holds the leg's lease; a worker that has lost it (it was killed,
or late) writes nothing more and ends its calls. A new one repeats an unfinished try under the same Call-ID, so that a terminal
never gets two calls of it. Owns the loop; the composition root owns its start and end.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from conference import dialout
from conference.halls.dialout import Action, Event, Happening, Leg, State
from conference.ports.halls import Dialer, DialOrder
from rooms.dialling import legs, planning
from rooms.store.database import Database, is_away
from rooms.store.tables.dialling import DialLeg
from signaling.host import limits, tasks

log = logging.getLogger(__name__)
Changed = Callable[[str], None]
WISHES = {"call": Event.CALL, "redial": Event.REDIAL, "drop": Event.DROP}
ENDS = (Event.HUNG_UP, Event.LOST, Event.DROP, Event.END)
SETTLED = (*ENDS, Event.REFUSED, Event.AWAY, Event.FORBID)
"""What the leg is after these, it has to become however late they are written: nothing else tells whether it is to be called."""
STANDS = (Event.ANSWERED, Event.CAME)
"""Written late as long as the call is there; of one that is not, only its end would have told how it went on."""
AWAY = "halls cannot be called"
WELCOMES = (Event.CAME, Event.CALL, Event.REDIAL, Event.REGISTERED)
"""With these nobody is hung up on for want of a lease: the hall may have come by itself, and whoever holds it may have died."""
UNSURE = ("probing", "calling", "ringing", "connected")
"""States of which only the worker that died knew how they went on."""


@dataclass(frozen=True, slots=True)
class News:
    """What happened to a leg. `order`: in which try; `more`: of `Happening`; `seen`: how ready it was, why, and when."""

    event: Event
    order: DialOrder | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    seen: tuple[str, str, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an event does to a leg that was in the state `before`. `counts`: it concerns the leg as it is now."""

    before: State | None = None
    actions: tuple[Action, ...] = ()
    counts: bool = False


class Troubles:
    """Legs that cannot go on, mostly because the database refuses them: each is told once, then all of them once a minute."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._seen: dict[str, float] = {}
        self._counted_at = 0.0
        self._told_at: dict[str, float] = {}

    def __contains__(self, leg_id: str) -> bool:
        return leg_id in self._seen

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, leg_id: str, error: Exception) -> None:
        now = self._now()
        if not self._seen:
            self._counted_at = now
        if leg_id not in self._seen:
            log.warning("leg %s cannot go on yet: %s", leg_id, error, exc_info=_defect(error))
        self._seen[leg_id] = now

    def over(self, leg_id: str) -> None:
        self._seen.pop(leg_id, None)

    def count(self) -> None:
        """Those that were not seen for a minute are forgotten: another worker may have them now."""
        now = self._now()
        if now - self._counted_at < limits.TROUBLES_S:
            return
        self._counted_at = now
        self._seen = {leg_id: at for leg_id, at in self._seen.items() if now - at < limits.TROUBLES_S}
        if self._seen:
            some = ", ".join(itertools.islice(self._seen, 5))
            log.warning("%d legs still cannot go on, among them %s", len(self._seen), some)

    def tell(self, what: str, error: Exception) -> None:
        """Of all legs."""
        now = self._now()
        if now - self._told_at.get(what, float("-inf")) >= limits.TROUBLES_S:
            self._told_at[what] = now
            log.warning("%s: %s", what, error, exc_info=_defect(error))


class Caller:
    """One per process. `worker`: random, of this process alone. `place`: how the names begin of all that may have worked here
    before; they are dead, because this one has their ports.
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
        """`now`: Unix seconds. `changed` is told the date of each leg that moved."""
        self.worker = worker
        self._place = place
        self.dialer = dialer
        self._database = database
        self._key = key
        self._now = now
        self._ramp = ramp or dialout.Ramp()
        self._probes = dialout.Ramp()
        self._lease_s = lease_s
        self._changed = changed
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._queues: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """News of one leg are written one after the other."""
        self._told: dict[asyncio.Task[None], tuple[str, Event]] = {}
        """News that are being written, with the leg of each."""
        self._wake = asyncio.Event()
        self._planned_at = self._renewed_at = float("-inf")
        self._unsure: dict[str, News] = {}
        """Legs that another worker was calling when it died, or of which the database did not take how it went on; and with what
        they go on.
        """
        self._holds = False
        self._troubles = Troubles(now)

    # -- what happens to calls

    def tell(self, order: DialOrder, event: Event, **more: Any) -> None:
        """The dialer's news of one try; taken up in its turn. `more`: of `Happening`."""
        self._later(order.leg_id, News(event, order, more))

    def came(self, leg_id: str) -> None:
        """A hall has dialled in by itself: the dialer has its call already, and has ended any other of this leg."""
        self._later(leg_id, News(Event.CAME))

    def ended(self, leg_id: str, event: Event, order: DialOrder | None = None) -> None:
        """A call that stood is over, by one of `ENDS`: the dialer has it no more. `order`: of a call of ours."""
        self._later(leg_id, News(event, order))

    def registered(self, leg_id: str) -> None:
        """Its terminal can be reached now."""
        self._later(leg_id, News(Event.REGISTERED))

    def probed(self, order: DialOrder, readiness: str, reason: str) -> None:
        self._later(order.leg_id, News(Event.PROBED, order, seen=(readiness, reason, self._clock())))

    async def happen(
        self, leg_id: str, event: Event, order: DialOrder | None = None, *, granted: str = "", **more: Any
    ) -> Leg | None:
        """The leg as it is after this event. None: it is another worker's, or there is none. `order`: of which try; an older one
        changes nothing. `granted`: by which wish of its row; a later one counts instead.
        """
        lock = self._locks.setdefault(leg_id, asyncio.Lock())
        async with lock:
            own = order is None and event is Event.HUNG_UP
            return await self._happen(leg_id, Happening(event, self._now(), own=own, **more), order, granted)

    async def want(self, leg_id: str, wish: str) -> str:
        """What an operator wants, now or as soon as it can be: "" when it is done, else why it was told to the row of the leg:
        `elsewhere`, `later`. Raises where the database takes neither.
        """
        try:
            why = "" if await self.happen(leg_id, WISHES[wish]) is not None else "elsewhere"
        except (OSError, SQLAlchemyError) as error:
            self._troubles.add(leg_id, error)
            why = "later"
        if why:
            await self._database.transact(lambda session: legs.set_wish(session, leg_id, wish))
        self.wake()
        return why

    async def _happen(self, leg_id: str, one: Happening, order: DialOrder | None, granted: str) -> Leg | None:
        done = Outcome()

        def decide(row: DialLeg) -> Mapping[str, Any] | None:
            nonlocal done
            done, values = self._decide(row, one, order, granted)
            return values

        async def work(session: AsyncSession) -> DialLeg | None:
            row = await legs.change(session, leg_id, self.worker, self._clock(), self._lease_s, decide)
            if row is not None and done.counts and one.event in WISHES.values():
                row.wish = ""  # with what it asked for: done by it, or wanted before
            if row is not None and Action.ALARM in done.actions:
                await legs.raise_alarm(session, leg_id, row.reason, self._clock())
            return row

        row = await self._database.transact(work)
        if row is None:
            if one.event not in WELCOMES:
                self.dialer.hang_up(leg_id, order)  # fencing: it is another worker's now, or nobody's
            return None
        leg = leg_of(row)
        known = self._unsure.get(leg_id)
        there = known is not None and known.event is Event.CAME and leg_id in self.dialer.live()
        if one.event is Event.CAME or (leg.state is not done.before and not there):
            self._unsure.pop(leg_id, None)  # that was before this; who has come is there all the same
        if row.leased_by == self.worker and not self._holds:
            self._holds = True
            self._wake.set()  # else nothing would be renewed until the next plan
        self._carry_out(row, leg, done.actions, order)
        if leg.state is not done.before or done.actions:
            self._changed(leg.occurrence)
        return leg

    def _decide(
        self, row: DialLeg, one: Happening, order: DialOrder | None, granted: str
    ) -> tuple[Outcome, Mapping[str, Any] | None]:
        """What it does, and the columns that become different."""
        leg = leg_of(row)
        nothing = Outcome(leg.state)
        if granted not in ("", row.wish):
            return nothing, None
        if one.event is Event.CAME and row.id not in self.dialer.live():
            return nothing, None  # put out while this waited for its turn
        if order is not None and order.call_id != dialout.call_id(leg, self._key):
            return (replace(nothing, actions=(Action.HANG_UP,)) if one.event is Event.ANSWERED else nothing), None
        after, actions = dialout.step(leg, one)
        values = values_of(after)
        if one.event in (Event.HUNG_UP, Event.LOST) and row.answered_at is None:
            values["answered_at"] = self._clock()
        return Outcome(leg.state, actions, counts=True), None if after == leg else values

    def _carry_out(self, row: DialLeg, leg: Leg, actions: tuple[Action, ...], told: DialOrder | None) -> None:
        """`told`: the try whose news it was; the hall may have another call by now."""
        order = self.order(row)
        for action in actions:
            if action is Action.DIAL:
                self.dialer.dial(order)
            elif action is Action.PROBE:
                self.dialer.probe(order)
            elif action is Action.CANCEL:
                self.dialer.cancel(row.id)
            elif action is Action.HANG_UP:
                self.dialer.hang_up(row.id, told)
        if leg.next_try_at is not None and leg.next_try_at <= self._now():
            self._wake.set()

    def order(self, row: DialLeg) -> DialOrder:
        leg = leg_of(row)
        return DialOrder(row.id, leg.occurrence, leg.terminal, dialout.call_id(leg, self._key), leg.rung)

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
            except (OSError, SQLAlchemyError) as error:
                self._troubles.tell(AWAY, error)
            waits = self._holds or self._unsure or self._troubles
            wait_s = limits.CALLER_TICK_S if waits else limits.CALLER_PLAN_S
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            self._wake.clear()

    async def tick(self) -> None:
        """Everything that is due now."""
        self._troubles.count()
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
        await self._recover()
        if plans or self._holds or self._troubles:
            await self._grant_wishes()
        if self._holds:
            await self._end_those_over()
            await self._begin()

    async def _plan(self) -> None:
        """Dates that the database refuses keep nobody from the legs that there are."""
        try:
            await self._database.transact(lambda session: planning.plan(session, self._clock()))
        except Exception as error:
            if _is_away(error):
                raise
            self._troubles.tell("halls of new dates cannot be called", error)

    async def _recover(self) -> None:
        """What the database does not take of one leg is tried again at the next tick, after all others. One that is away is asked
        once: each try may take seconds, and meanwhile no lease is renewed.
        """
        for leg_id in tuple(self._unsure):
            if leg_id in self._being_told():
                continue  # what happened since is being written
            news = self._unsure.pop(leg_id, None)
            if news is not None and news.event in STANDS and leg_id not in self.dialer.live():
                news = News(Event.RECOVER)
            if news is None or self._is_moot(leg_id, news.event):
                continue
            try:
                leg = await self._write(leg_id, news)
                if leg is None and news.event is Event.CAME:
                    self.came(leg_id)  # another worker has its lease: it waits for that as one that has just come
                self._troubles.over(leg_id)
            except Exception as error:
                self._unsure.setdefault(leg_id, news)
                if _is_away(error):
                    self._troubles.tell(AWAY, error)
                    break
                self._troubles.add(leg_id, error)
            except asyncio.CancelledError:
                self._unsure.setdefault(leg_id, news)  # the server stops, and tries it once more
                raise

    async def _grant_wishes(self) -> None:
        """Each stays in its row until it is done: what was refused, or would have died with this worker, is there next time."""
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
                self.dialer.probe(self.order(standing.leg))
        else:
            log.error("nobody knows how to %r leg %s", wish, leg_id)

    async def _claim(self) -> None:
        claimed = await self._database.transact(
            lambda session: legs.claim(session, self._clock(), self.worker, self._lease_s, self._place)
        )
        for leg_id, state in claimed:
            if state in UNSURE:
                self._leave(leg_id, News(Event.RECOVER))
        async with self._database.reading() as session:
            self._holds = bool(await legs.held(session, self._clock(), self.worker))

    async def close(self) -> None:
        """Calls stay to whoever owns them; the leases are given back. What is not written soon is given up."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + limits.NEWS_LAST_S
        await self._write_last(ends)  # others may wait for all of that time
        while self._told and loop.time() < ends:
            await asyncio.wait(tuple(self._told), timeout=ends - loop.time())
        given_up = dict(self._told)
        await tasks.end(given_up)
        for task, (leg_id, _) in given_up.items():
            if not task.done() or task.cancelled():
                log.warning("news of leg %s are given up: the server stops", leg_id)
        await self._write_last(ends)
        for leg_id, news in self._unsure.items():
            if news.event in SETTLED:
                log.error("news of leg %s (%s) are lost: the server stops", leg_id, news.event.value)
        try:
            await self._database.transact(lambda session: legs.hand_back(session, self.worker))
        except (OSError, SQLAlchemyError) as error:
            log.warning("halls are called by the next server only when the leases run out: %s", error)

    async def _write_last(self, ends: float) -> None:
        """How calls ended that the database did not take, until then: whoever comes next would call what an operator put out."""
        for leg_id, news in tuple(self._unsure.items()):
            if news.event not in SETTLED or leg_id in self._being_told():
                continue
            if asyncio.get_running_loop().time() >= ends:
                return
            with suppress(OSError, SQLAlchemyError):
                async with asyncio.timeout_at(ends):
                    if not self._is_moot(leg_id, news.event):
                        await self._write(leg_id, news)
                if self._unsure.get(leg_id) is news:
                    del self._unsure[leg_id]

    async def _keep_leases(self) -> None:
        """And ends the calls whose lease was lost. A hall that dials in has its lease only with its arrival: calls of which news
        are on their way, and those that come meanwhile, are judged next time.
        """
        arriving = {leg_id for leg_id, news in self._unsure.items() if news.event is Event.CAME}
        settled = self.dialer.live() - self._being_told() - arriving

        async def work(session: AsyncSession) -> frozenset[str]:
            await legs.renew(session, self._clock(), self.worker, self._lease_s)
            return await legs.held(session, self._clock(), self.worker)

        for leg_id in settled - await self._database.transact(work):
            self.dialer.hang_up(leg_id)

    async def _end_those_over(self) -> None:
        async with self._database.reading() as session:
            over = await legs.over(session, self._clock(), self.worker)
        await self._each(over, lambda leg_id: self.happen(leg_id, Event.END))

    async def _begin(self) -> None:
        async with self._database.reading() as session:
            due = await legs.due(session, self._clock(), self.worker)
            room = self._probes.room(self._now()) + len(self._troubles)
            looks = await legs.to_probe(session, self._clock(), self.worker, room)
            chairs = await legs.of_chairs(session, [row.id for row in due])
        looks.sort(key=lambda row: row.id in self._troubles)
        await self._each(_as_room(self._probes, looks, self._now), lambda leg_id: self.happen(leg_id, Event.PROBE))
        put_out = self._put_out()
        due = [row for row in due if row.id not in put_out]

        def turn(row: DialLeg) -> tuple[bool, Any]:
            return row.id in self._troubles, dialout.urgency(leg_of(row), row.readiness, chair=row.id in chairs)

        due.sort(key=turn)
        await self._each(_as_room(self._ramp, due, self._now), lambda leg_id: self.happen(leg_id, Event.DUE))

    async def _each(self, leg_ids: Iterable[str], deed: Callable[[str], Awaitable[object]]) -> None:
        """What the database refuses of one leg, or a defect makes impossible, holds up no other one: it is due again at the next
        tick, after those that wait for nothing but their turn. Raises where the database itself is away.
        """
        for leg_id in leg_ids:
            try:
                await deed(leg_id)
            except Exception as error:
                if _is_away(error):
                    raise
                self._troubles.add(leg_id, error)
            else:
                self._troubles.over(leg_id)

    async def _told_of(self, leg_id: str, news: News) -> None:
        """The database may be away for however long: what happened is not forgotten meanwhile, and written in its order. A hall
        that comes while another worker has its lease stays until that would have run out. What the database refuses again and
        again is left to the clockwork, which writes it as soon as it can.
        """
        tries, refusals, ends = 0, 0, self._now() + self._lease_s
        async with self._queues.setdefault(leg_id, asyncio.Lock()):
            while not self._is_moot(leg_id, news.event):
                late = self._now() > ends
                try:
                    leg = await self._write(leg_id, news)
                    if leg is not None or news.event is not Event.CAME:
                        return
                    if late:
                        self.dialer.hang_up(leg_id)
                        return
                except (OSError, SQLAlchemyError) as error:
                    tries += 1
                    if tries == 1:
                        log.warning("news of leg %s (%s) wait for the database: %s", leg_id, news.event.value, error)
                    refusals += not _is_away(error)
                    if refusals >= limits.NEWS_TRIES:
                        log.error("news of leg %s (%s) wait for the clockwork: %s", leg_id, news.event.value, error)
                        self._leave(leg_id, news)
                        self._wake.set()
                        return
                await asyncio.sleep(limits.NEWS_AGAIN_S)

    def _leave(self, leg_id: str, news: News) -> None:
        """To the clockwork. Of the call itself the last news count, and before what was seen of the hall; a call that rang goes
        on by itself, or as if this worker had died.
        """
        known = self._unsure.get(leg_id)
        if known is None or known.event is Event.PROBED or news.event in (*SETTLED, *STANDS):
            self._unsure[leg_id] = News(Event.RECOVER) if news.event is Event.RANG else news

    async def _write(self, leg_id: str, news: News) -> Leg | None:
        if news.seen is None:
            return await self.happen(leg_id, news.event, news.order, **news.more)
        readiness, reason, at = news.seen
        await self._database.transact(lambda session: legs.set_readiness(session, leg_id, readiness, reason, at))
        leg = await self.happen(leg_id, news.event, news.order)
        older = self._unsure.get(leg_id)
        if older is not None and older.event is Event.PROBED:
            del self._unsure[leg_id]
        if news.order is not None:
            self._changed(news.order.occurrence)
        return leg

    def _is_moot(self, leg_id: str, event: Event) -> bool:
        """It came and has gone again, which is told by itself; or it went, and has a newer call by now; or it has come by itself
        after a worker died.
        """
        lives = leg_id in self.dialer.live()
        return lives if event in (*ENDS, Event.RECOVER) else event is Event.CAME and not lives

    def _being_told(self) -> set[str]:
        return {leg_id for leg_id, _ in self._told.values()}

    def _put_out(self) -> set[str]:
        """Legs that were put out, which is not written yet."""
        waiting = {leg_id for leg_id, event in self._told.values() if event is Event.DROP}
        return waiting | {leg_id for leg_id, news in self._unsure.items() if news.event is Event.DROP}

    def _later(self, leg_id: str, news: News) -> None:
        task = asyncio.get_running_loop().create_task(_logged(self._told_of(leg_id, news)))
        self._told[task] = leg_id, news.event
        task.add_done_callback(self._told.pop)

    def _clock(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)


def _as_room(ramp: dialout.Ramp, rows: Iterable[DialLeg], now: Callable[[], float]) -> Iterator[str]:
    """Legs of these, as long as the ramp lets them through."""
    return (row.id for row in itertools.takewhile(lambda _: ramp.take(now()), rows))


def _defect(error: Exception) -> Exception | None:
    """One of ours, of which its place is worth knowing."""
    return None if isinstance(error, OSError | SQLAlchemyError) else error


def _is_away(error: Exception) -> bool:
    return isinstance(error, OSError) or is_away(error)


async def _logged(work: Any) -> None:
    try:
        await work
    except Exception:  # one leg's news must not end the caller
        log.exception("news of a leg could not be written")


def leg_of(row: DialLeg) -> Leg:
    """What `conference.halls.dialout` decides about."""
    return Leg(
        occurrence=row.occurrence_id,
        terminal=row.terminal_id,
        epoch=row.epoch,
        attempt=row.attempt,
        state=State(row.state),
        rung=row.rung,
        failure=row.failure,
        failures=row.failures,
        status=row.status,
        reason=row.reason,
        next_try_at=None if row.next_try_at is None else row.next_try_at.timestamp(),
        since=row.since.timestamp(),
        redialled=row.redialled,
    )


def values_of(leg: Leg) -> dict[str, Any]:
    """The columns of a leg."""
    return {
        "epoch": leg.epoch,
        "attempt": leg.attempt,
        "state": leg.state.value,
        "rung": leg.rung,
        "failure": leg.failure,
        "failures": leg.failures,
        "status": leg.status,
        "reason": leg.reason,
        "next_try_at": None if leg.next_try_at is None else datetime.fromtimestamp(leg.next_try_at, UTC),
        "since": datetime.fromtimestamp(leg.since, UTC),
        "redialled": leg.redialled,
    }
