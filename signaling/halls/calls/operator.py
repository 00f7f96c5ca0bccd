"""Calls to the operator: a hall waits in the reception until an operator takes the call and puts the hall into a meeting.

The module keeps the waiting halls in memory, because a call ends with the process. A hall that calls the operator inside a
meeting (`*0`) is not here: it is an alarm on the board of that date (`rooms.dialling.legs`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from conference import Passage, Refusal
from rooms.dialling import legs, planning
from rooms.dialling.legs import Standing
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.policy.classes import refused
from rooms.sites import halls as places
from rooms.sites import terminals
from rooms.store import audit
from rooms.store.database import Database
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Site, Terminal
from signaling.halls.calls.announcing import last_words, say
from signaling.halls.calls.leg import Leg
from signaling.halls.calls.protection import Protection
from signaling.halls.calls.rooms import Rooms
from signaling.halls.ground import limits

OPERATE: Final = "halls.operate"
TEXTS: Final = {
    "call_gone": ("Cuộc gọi này không còn chờ nữa.", "this call is no longer waiting"),
    "already_in": ("Điểm cầu này đã ở trong cuộc họp đó.", "this hall is already in that meeting"),
}


@dataclass(eq=False)
class Waiting:
    id: str
    one: Leg
    since: datetime
    seen_by: str = ""
    seen_at: datetime | None = None


class Operator:
    """A process has one object of this class."""

    def __init__(
        self,
        database: Database,
        rooms: Rooms,
        protection: Protection,
        clock: Callable[[], datetime],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._database, self._rooms, self._protection = database, rooms, protection
        self._clock, self._random_bytes = clock, random_bytes
        self._waiting: dict[Leg, Waiting] = {}

    def __contains__(self, one: Leg) -> bool:
        return one in self._waiting

    def take(self, one: Leg) -> None:
        """Let a hall wait for the operator. Raise Refusal `conference_full` if too many halls wait."""
        if len(self._waiting) >= limits.OPERATOR_CALLS:
            raise Refusal("conference_full")
        self._waiting[one] = Waiting(self._random_bytes(16).hex(), one, self._clock())

    def takes(self, one: Leg) -> bool:
        """Let a hall wait for the operator, and announce this. Return False if too many halls wait, or if the terminal is not
        in the register.
        """
        if not one.party.terminal:
            return False
        try:
            self.take(one)
        except Refusal:
            return False
        self.tell(one)
        return True

    def tell(self, one: Leg) -> None:
        """Announce by voice and in the picture that the operator was notified."""
        say(one, "operator")

    def gone(self, one: Leg) -> None:
        self._waiting.pop(one, None)

    async def rows(self, actor: Actor) -> list[dict[str, Any]]:
        """Return the calls from units whose halls this operator may see. The longest wait comes first."""
        found = []
        async with self._database.reading() as session:
            for each in sorted(self._waiting.values(), key=lambda one: one.since):
                place = await _place(session, each.one)
                if roles.allows(actor, "halls.read", place.unit.path):
                    found.append(_row(each, place))
        return found

    async def acknowledge(self, call_id: str, actor: Actor) -> dict[str, Any]:
        """Note that an operator handles the call, and announce this to the hall. The first operator counts. Raise Refusal
        `call_gone`, `denied`.
        """
        each = self._find(call_id)
        async with self._database.reading() as session:
            place = await _place(session, each.one)
        roles.require(actor, OPERATE, place.unit.path)
        if not each.seen_by:
            each.seen_by, each.seen_at = actor.name or actor.label, self._clock()
            say(each.one, "operator_seen")
        return _row(each, place)

    async def place(self, call_id: str, occurrence_id: str, actor: Actor) -> None:
        """Put the hall into this date, in the same way as a hall that the operator called.

        Raise Refusal `call_gone`, `denied`, `already_in`, the refusals of `planning.ask` and of the class, and those of the
        conference.
        """
        each = self._find(call_id)
        one, now = each.one, self._clock()

        async def work(session: AsyncSession) -> tuple[Standing, Occurrence, Meeting, bool]:
            roles.require(actor, OPERATE, (await _place(session, one)).unit.path)
            leg = await planning.ask(session, occurrence_id, one.party.terminal, actor, now)
            if leg.state == "connected":
                raise Refusal("already_in", *TEXTS["already_in"])
            date, meeting = await planning.date_of(session, occurrence_id)
            closed = await planning.closed_at(session, one.address)
            verdict = planning.judge(meeting, closed, invited=True, host=True)
            if verdict.allowed and not self._protection.admits(one, meeting.class_):
                verdict = refused("encryption_needed")
            if not verdict.allowed:
                raise planning.forbidden(verdict)
            standing = await legs.standing(session, leg.id)
            assert standing is not None
            return standing, date, meeting, closed

        standing, date, meeting, closed = await self._database.transact(work)
        if self._find(call_id) is not each or one.room is None or one.moving:
            raise Refusal("call_gone", *TEXTS["call_gone"])
        conference = self._rooms.meeting(date, meeting)
        one.passage = Passage.EXEMPT
        one.name(standing)
        self._protection.expect(conference.name, one, closed)
        one.move(conference, lambda well: self._placed(one, well))

    def _placed(self, one: Leg, well: bool) -> None:
        if well:
            self.gone(one)
        else:
            say(one, "operator_seen")

    async def end(self, call_id: str, actor: Actor) -> None:
        """Announce the end to the hall, and hang up. Raise Refusal `call_gone`, `denied`."""
        each = self._find(call_id)
        now = self._clock()

        async def work(session: AsyncSession) -> None:
            place = await _place(session, each.one)
            roles.require(actor, OPERATE, place.unit.path)
            detail, terminal = {"terminal": place.terminal.code}, place.terminal.id
            await audit.record(session, now, actor, "hall.hang_up", "terminal", terminal, place.unit.id, detail)

        await self._database.transact(work)
        self.gone(each.one)
        last_words(each.one, "ended_by_operator")

    def tired(self, one: Leg) -> None:
        """End a call that no operator has put into a meeting for too long."""
        self.gone(one)
        last_words(one, "operator_absent")

    def _find(self, call_id: str) -> Waiting:
        found = next((each for each in self._waiting.values() if each.id == call_id), None)
        if found is None:
            raise Refusal("call_gone", *TEXTS["call_gone"])
        return found


@dataclass(frozen=True)
class Place:
    """A terminal with its site and its unit."""

    terminal: Terminal
    site: Site
    unit: Unit


async def _place(session: AsyncSession, one: Leg) -> Place:
    """Return the terminal of a leg with its site and unit. Raise Refusal `unknown_terminal`."""
    terminal = await terminals.get(session, one.party.terminal)
    unit = await places.unit_of(session, terminal.site_id)
    return Place(terminal, await session.get_one(Site, terminal.site_id), unit)


def _row(each: Waiting, place: Place) -> dict[str, Any]:
    return {
        "id": each.id,
        "terminal_id": place.terminal.id,
        "terminal": place.terminal.name,
        "site": place.site.name,
        "unit": place.unit.name,
        "address": each.one.address,
        "since": each.since,
        "seen_by": each.seen_by,
        "seen_at": each.seen_at,
    }
