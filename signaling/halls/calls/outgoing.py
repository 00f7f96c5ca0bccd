"""Outgoing calls: one leg for each order of the caller of halls, and the outcome of each call.

Implements `conference.ports.halls.Dialer` and, for outgoing calls, `LegEvents` and `DialEvents` of `leg`. The module decides
whether the meeting admits the hall. `signaling.halls.dial.caller` decides when to call it. A protocol is an implementation of
`Signalling`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from conference import Passage, Refusal
from conference.halls.causes import Cause
from conference.halls.dialout import Event
from conference.ports.halls import Dialer, DialOrder, LineOptions
from rooms.dialling import legs, planning
from rooms.dialling.devices import pcs
from rooms.dialling.legs import Standing
from rooms.policy.classes import IMPORTANT, Verdict
from rooms.sites.terminals import is_pc
from rooms.store.database import Database
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Meeting, Occurrence
from signaling.halls.calls.arrivals import Arrivals
from signaling.halls.calls.leg import Failure, Leg, Party, Side, cause_of, party_of
from signaling.halls.calls.rooms import Meetings, Rooms
from signaling.halls.calls.table import Calls, ending
from signaling.halls.dial import readiness
from signaling.halls.dial.caller import Caller
from signaling.halls.dial.rows import order_of
from signaling.halls.ground import limits

log = logging.getLogger(__name__)


class Attempt(Protocol):
    """A try at one terminal in its protocol."""

    @property
    def address(self) -> str:
        """Return the IP address that is called. Empty: the target is a name, which is resolved before the call."""

    @property
    def profile_count(self) -> int:
        """Return the number of profiles that the server can offer to this terminal."""

    async def begin(self, order: DialOrder, is_wanted: Callable[[], bool]) -> bool:
        """Save the call before the terminal receives it. Return False if the call is not wanted any more."""

    def side(self, leg: Leg) -> Side: ...
    def give_up(self) -> None:
        """Forget the saved call, because nothing will be sent."""

    def dial(self, order: DialOrder) -> None: ...
    def ask(self, done: Callable[[str, str], None]) -> None:
        """Ask the terminal whether it is there. `done` gets its readiness and the reason."""


class Signalling(Protocol):
    """A protocol that calls terminals: `signaling.halls.sip.signalling`."""

    def attempt(self, standing: Standing, *, strict: bool) -> Attempt | None:
        """Return a try, or None if the terminal has no address. `strict`: for an important meeting."""

    def has_account(self, standing: Standing) -> bool: ...
    def code(self, cause: Cause) -> int:
        """Return the protocol's status of this cause, for the row."""


class Outgoing:
    """A process has one object of this class. `key`: the key of this installation, from which the Call-IDs are made. `caller`
    makes the caller of halls, which uses this object as its dialer.
    """

    def __init__(
        self,
        database: Database,
        signalling: Signalling,
        rooms: Rooms,
        live: Meetings,
        key: bytes,
        arrivals: Arrivals,
        calls: Calls,
        options: LineOptions,
        now: Callable[[], float],
        start: Callable[[Coroutine[Any, Any, Any]], None],
        caller: Callable[[Dialer], Caller],
    ) -> None:
        self._database, self._signalling, self._rooms, self._live = database, signalling, rooms, live
        self._key = key
        self._arrivals, self._calls, self._options = arrivals, calls, options
        self._now, self._start = now, start
        self.caller = caller(self)

    # -- orders from the caller (Dialer)

    def dial(self, order: DialOrder) -> None:
        if self._calls.begin(order):
            self._start(self._dial_or_fail(order))

    def probe(self, order: DialOrder) -> None:
        self._start(self._probe_or_fail(order))

    def cancel(self, leg_id: str) -> None:
        self.hang_up(leg_id)

    def hang_up(self, leg_id: str, order: DialOrder | None = None) -> None:
        dropped = self._calls.drop(leg_id, order)
        if dropped is not None:
            dropped.end("dropped")
        if leg_id in self._calls.pcs:
            self._rooms.put_out(*self._calls.pcs[leg_id])

    def live(self) -> frozenset[str]:
        return frozenset((*self._calls.by_row, *self._calls.pcs))

    def probe_row(self, row: DialLeg) -> None:
        """Probe the hall because an operator asked for it."""
        self.probe(order_of(row, self._key))

    def call_again(self, leg_id: str) -> None:
        """Call the hall again because an operator took back a drop."""
        self._start(self.caller.want(leg_id, "redial"))

    # -- one call

    async def _dial_or_fail(self, order: DialOrder) -> None:
        """Dial, and report every error as an outcome. Without an outcome the row would wait, and the hall would never be called
        again.
        """
        try:
            await self._dial(order)
        except Exception:
            log.exception("a hall could not be called")
            one = self._calls.by_row.get(order.leg_id)
            if one is not None and one.order is order:
                self._calls.forget(order.leg_id, one)
                one.abandon()
            self._refuse(order, Failure(Cause.UNREACHABLE))
        finally:
            self._calls.looked_up(order)

    async def _dial(self, order: DialOrder) -> None:
        async with self._database.reading() as session:
            standing = await legs.standing(session, order.leg_id)
            date, meeting = await planning.date_of(session, order.occurrence)
            strict = meeting.class_ == IMPORTANT
            attempt = self._signalling.attempt(standing, strict=strict) if standing is not None else None
            verdict = await _judge(session, meeting, order.terminal, attempt)
        if standing is None or order_of(standing.leg, self._key) != order:
            return
        if standing.leg.state not in ("calling", "ringing") or not self._calls.is_wanted(order):
            return  # An operator dropped the hall, or the hall dialled in, during the look-up. The terminal must not ring.
        if is_pc(standing.terminal):
            self.caller.tell(order, Event.AWAY)  # It enters by itself as soon as it is on.
        elif not verdict.allowed:
            self.caller.tell(order, Event.FORBID, why=readiness.why_not(verdict))
        elif attempt is None:
            self._nowhere(order, standing)
        elif await attempt.begin(order, lambda: self._calls.is_wanted(order)):
            self._begin(order, standing, date, meeting, attempt)

    def _begin(
        self, order: DialOrder, standing: Standing, date: Occurrence, meeting: Meeting, attempt: Attempt
    ) -> None:
        leg = self.new_leg(party_of(standing), attempt, order)
        leg.passage = Passage.EXEMPT  # The server calls the hall, so the hall skips the lobby.
        leg.expected = True
        try:
            conference = self._rooms.meeting(date, meeting)
            # In an important meeting the hall sends and receives only protected media. For other meetings `Protection.agreed`
            # judges the media when the call is answered.
            self._live.vouch(conference.name, leg.party.identity, meeting.class_ == IMPORTANT)
            leg.begin_in(conference)
        except Refusal as refusal:
            attempt.give_up()
            cause = cause_of(refusal)
            self._refuse(order, Failure(cause, self._signalling.code(cause)), attempt.profile_count)
            return
        self._calls.by_row[order.leg_id] = leg
        attempt.dial(order)

    def new_leg(self, party: Party, attempt: Attempt, order: DialOrder) -> Leg:
        began, count = self._now(), attempt.profile_count
        return Leg(self, self._options, party, attempt.side, order, began=began, dialing=self, profile_count=count)

    def _nowhere(self, order: DialOrder, standing: Standing) -> None:
        """Report that the terminal has no address. A terminal with an account may have registered during the look-up; else the
        row waits for the registration.
        """
        if not self._signalling.has_account(standing):
            cause = Cause.UNKNOWN_THERE
            self._refuse(order, Failure(cause, self._signalling.code(cause)))
        elif not self._rooms.closing:
            self.caller.tell(order, Event.AWAY)
            if self._signalling.attempt(standing, strict=False) is not None:
                self.caller.registered(order.leg_id)

    def _refuse(self, order: DialOrder, failure: Failure, profile_count: int = 1) -> None:
        """Report a failure. Report nothing while the server stops: the failure says nothing about the hall, and the next server
        repeats the try.
        """
        if not self._rooms.closing:
            self.caller.tell(
                order,
                Event.REFUSED,
                cause=failure.cause,
                status=failure.code,
                retry_after_s=failure.retry_after_s,
                rungs=profile_count,
            )

    # -- readiness of a hall before its call

    async def _probe_or_fail(self, order: DialOrder) -> None:
        """Probe, and report every error as an outcome, as for a call."""
        try:
            await self._look(order)
        except Exception:
            log.exception("the readiness of a hall could not be checked")
            self.caller.probed(order, "unknown", "")

    async def _look(self, order: DialOrder) -> None:
        async with self._database.reading() as session:
            standing = await legs.standing(session, order.leg_id)
            if standing is None:
                return
            meeting = (await planning.date_of(session, order.occurrence))[1]
            attempt = self._signalling.attempt(standing, strict=meeting.class_ == IMPORTANT)
            verdict = await _judge(session, meeting, order.terminal, attempt)
            elsewhere = await legs.elsewhere(session, standing.leg)
            pc = (await pcs.of_terminals(session, [order.terminal])).get(order.terminal)
        if is_pc(standing.terminal):
            on = pcs.is_on(pc, datetime.fromtimestamp(self._now(), UTC))
            self.caller.probed(order, *(("green", "") if on else ("red", "not_registered")))
            return
        has_account = self._signalling.has_account(standing)
        found = readiness.known(verdict, reachable=attempt is not None, has_account=has_account, elsewhere=elsewhere)
        if found is not None or attempt is None:
            self.caller.probed(order, *(found or ("unknown", "")))
        else:
            attempt.ask(lambda ready, why: self.caller.probed(order, ready, why))

    # -- a terminal that has registered

    async def registered(self, terminal_id: str) -> None:
        """Make the waiting rows of a terminal due. Calls to its old address end if they get no response within `UNHEARD_S`;
        then the rows are due again.
        """
        await self._due(terminal_id)
        waiting = self._unheard(terminal_id)
        if not waiting:
            return
        await asyncio.sleep(limits.UNHEARD_S)
        for leg_id, one in waiting.items():
            if self._unheard(terminal_id).get(leg_id) is one:
                one.side.give_up("registered elsewhere")
        await self._due(terminal_id)

    async def _due(self, terminal_id: str) -> None:
        now = datetime.fromtimestamp(self._now(), UTC)
        async with self._database.reading() as session:
            found = await legs.of_terminal(session, terminal_id, now)
        for leg_id in found:
            self.caller.registered(leg_id)

    def _unheard(self, terminal_id: str) -> dict[str, Leg]:
        """Return the outgoing calls to this terminal that have received no answer at all, by row."""
        return {
            row: one
            for row, one in self._calls.by_row.items()
            if one.order is not None and one.party.terminal == terminal_id and one.side.is_unheard
        }

    # -- events from legs (LegEvents, DialEvents)

    def rang(self, leg: Leg) -> None:
        assert leg.order is not None
        self.caller.tell(leg.order, Event.RANG)

    def stands(self, leg: Leg) -> None:
        assert leg.order is not None
        self.caller.tell(leg.order, Event.ANSWERED)
        self._arrivals.arrived(leg)

    def moved(self, leg: Leg) -> None:
        self._arrivals.arrived(leg)

    def agreed(self, leg: Leg) -> None:
        self._arrivals.agreed(leg)

    def failed(self, leg: Leg, failure: Failure) -> None:
        if leg.order is not None and self._calls.forget(leg.order.leg_id, leg):
            self._refuse(leg.order, failure, leg.profile_count)

    def forbidden(self, leg: Leg, why: str) -> None:
        if leg.order is not None and self._calls.forget(leg.order.leg_id, leg):
            self.caller.tell(leg.order, Event.FORBID, why=why)

    def over(self, leg: Leg, *, hung_up: bool) -> None:
        self._arrivals.left(leg)
        event = ending(leg, hung_up=hung_up)
        if self._calls.forget(leg.party.leg_id, leg) and event is not None:
            self.caller.ended(leg.party.leg_id, event, leg.order)

    def pressed(self, leg: Leg, key: str) -> bool:
        return self._arrivals.pressed(leg, key)


async def _judge(session: AsyncSession, meeting: Meeting, terminal_id: str, attempt: Attempt | None) -> Verdict:
    """Judge the class policy for the IP address that will be called: of the registration, or in the register.

    If the address is a host name, the network in the register decides. The addresses of the name are checked before anything is
    sent.
    """
    reached = await planning.reached(session, terminal_id)
    address = attempt.address if attempt is not None else ""
    closed = await planning.closed_at(session, address) if address else reached.closed
    return planning.judge(meeting, closed, invited=True)
