"""Reads, decides and writes one event of one leg in one transaction; then the dialer carries the actions out. The module has no
state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from conference.halls import dialout
from conference.halls.dialout import Action, Event, Happening, Leg, State
from conference.ports.halls import Dialer, DialOrder
from rooms.dialling import legs
from rooms.store.database import Database
from rooms.store.tables.dialling import DialLeg
from signaling.halls.dial.queues import LegEvent
from signaling.halls.dial.rows import leg_of, order_of, values_of

Changed = Callable[[str], None]
WISHES = {"call": Event.CALL, "redial": Event.REDIAL, "drop": Event.DROP}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The effect of an event on a leg that was in the state `before`. `counts`: the event concerns the current try."""

    before: State | None = None
    actions: tuple[Action, ...] = ()
    counts: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """The leg after an event. `is_held`: this worker has the lease."""

    leg: Leg
    is_held: bool


class Transitions:
    """The only writer of the state of legs in this process. `key`: makes the Call-IDs. `now`: Unix seconds. `changed` gets the
    date of a leg that changed.
    """

    def __init__(
        self,
        database: Database,
        dialer: Dialer,
        *,
        key: bytes,
        worker: str,
        now: Callable[[], float],
        lease_s: float,
        changed: Changed,
    ) -> None:
        self._database = database
        self._dialer = dialer
        self._key = key
        self._worker = worker
        self._now = now
        self._lease_s = lease_s
        self._changed = changed

    async def write(self, leg_id: str, one: LegEvent, event: Event) -> Written | None:
        """Write the effect of the event and carry it out. `event`: the present meaning of `one`.

        Return None if another worker has the leg, or if the leg is gone. Raise the errors of the database; then nothing is
        written and nothing is carried out.
        """
        done = Outcome()
        own = one.order is None and event is Event.HUNG_UP
        happening = Happening(event, self._now(), own=own, **(one.more if event is one.event else {}))

        def decide(row: DialLeg) -> Mapping[str, Any] | None:
            nonlocal done
            done, values = self._decide(row, happening, one)
            return values

        async def work(session: AsyncSession) -> DialLeg | None:
            if one.look is not None:
                await legs.set_readiness(session, leg_id, one.look.readiness, one.look.reason, one.look.at)
            row = await legs.change(session, leg_id, self._worker, self.clock(), self._lease_s, decide)
            if row is not None and done.counts and event in WISHES.values():
                row.wish = ""  # The event is newer than the wish, or grants the wish.
            if row is not None and Action.ALARM in done.actions:
                await legs.raise_alarm(session, leg_id, row.reason, self.clock())
            return row

        row = await self._database.transact(work)
        if one.look is not None and one.order is not None:
            self._changed(one.order.occurrence)
        if row is None:
            return None
        leg = leg_of(row)
        self._carry_out(row, done.actions, one.order)
        if leg.state is not done.before or done.actions:
            self._changed(leg.occurrence)
        return Written(leg, row.leased_by == self._worker)

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    def _decide(self, row: DialLeg, happening: Happening, one: LegEvent) -> tuple[Outcome, Mapping[str, Any] | None]:
        """Return the effect of the event, and the columns that change."""
        leg, event = leg_of(row), happening.event
        nothing = Outcome(leg.state)
        if one.granted not in ("", row.wish):
            return nothing, None
        if event is Event.CAME and row.id not in self._dialer.live():
            return nothing, None  # The call of the hall has ended in the meantime.
        if one.order is not None and one.order.call_id != dialout.call_id(leg, self._key):
            return (replace(nothing, actions=(Action.HANG_UP,)) if event is Event.ANSWERED else nothing), None
        after, actions = dialout.step(leg, happening)
        values = values_of(after)
        if event in (Event.HUNG_UP, Event.LOST) and row.answered_at is None:
            values["answered_at"] = self.clock()
        return Outcome(leg.state, actions, counts=True), None if after == leg else values

    def _carry_out(self, row: DialLeg, actions: tuple[Action, ...], reported: DialOrder | None) -> None:
        """Carry out the actions. `reported`: the try of the event; the hall may have another call now."""
        order = order_of(row, self._key)
        for action in actions:
            if action is Action.DIAL:
                self._dialer.dial(order)
            elif action is Action.PROBE:
                self._dialer.probe(order)
            elif action is Action.CANCEL:
                self._dialer.cancel(row.id)
            elif action is Action.HANG_UP:
                self._dialer.hang_up(row.id, reported)
