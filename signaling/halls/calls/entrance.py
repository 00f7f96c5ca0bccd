"""The entrance of meetings by number and PIN, for halls in a call: which halls enter, wait, or are turned away.

The module decides only the order of the checks: number and PIN, class and encryption, lobby. The typed number and PIN come from
the dial plan (`incoming`) or from the menu.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from conference import Knocker, Lobbies, Passage
from rooms import errors
from rooms.dialling import entering, legs, planning
from rooms.dialling.legs import Standing
from rooms.policy import classes
from rooms.store.database import Database
from signaling.halls.calls.leg import Leg
from signaling.halls.calls.lobby import WaitingHalls, enter
from signaling.halls.calls.protection import Protection
from signaling.halls.calls.rooms import Rooms
from signaling.host.throttle import NumberTries, network


class Entrance:
    """A process has one object of this class."""

    def __init__(
        self,
        database: Database,
        tries: NumberTries,
        clock: Callable[[], datetime],
        lobbies: Lobbies,
        waiting: WaitingHalls,
        protection: Protection,
        rooms: Rooms,
    ) -> None:
        self._database, self._tries, self._clock = database, tries, clock
        self._lobbies, self._waiting, self._protection, self._rooms = lobbies, waiting, protection, rooms

    async def arrive(self, leg: Leg, number: str, pin: str) -> entering.Arrival | None:
        """Return the meeting of this number and PIN, or None if they are wrong. An invited terminal of the register needs no
        PIN. After too many wrong tries the PIN is ignored.

        The limit stops a caller who tries all PINs of six digits by telephone. A terminal that proved the password of its
        account has its own count of tries, so strangers cannot use up its tries.
        """
        now, terminal = self._clock(), leg.party.terminal
        if pin and not self._tries.takes(number, leg.address, now.timestamp(), terminal):
            pin = ""
        try:
            async with self._database.reading() as session:
                found = await entering.by_number(session, number, pin, terminal, leg.address, now)
        except Exception:
            self._was_no_try(leg, number, pin)
            raise
        if found is not None:
            self._was_no_try(leg, number, pin)
        return found

    def _was_no_try(self, leg: Leg, number: str, pin: str) -> None:
        if pin:
            self._tries.gives_back(number, leg.address, leg.party.terminal)

    async def let_in(self, leg: Leg, arrival: entering.Arrival) -> None:
        """Send the leg into the meeting or its lobby. Raise Refusal if the class forbids the entry, the door is shut or a host
        barred the hall. Raise Refusal and PeerError if the call cannot be answered.
        """
        if arrival.verdict.allowed and not self._protection.admits(leg, arrival.meeting.class_):
            arrival = replace(arrival, verdict=classes.refused("encryption_needed"))
        if not arrival.verdict.allowed:
            await self._database.transact(
                lambda session: entering.refused(session, arrival, leg.party.name, leg.address, self._clock())
            )
            raise errors.Refusal("class_forbids", arrival.verdict.vietnamese, arrival.verdict.english)
        if arrival.refusal is not None:
            raise arrival.refusal
        await self._name(leg, arrival)
        if leg.over:
            return  # The hall hung up during the checks, so no leg has to wait.
        conference = self._rooms.meeting(arrival.occurrence, arrival.meeting)
        lobby = self._lobbies.get(conference.name, self._clock().timestamp())
        if arrival.exempt:
            leg.passage = Passage.EXEMPT
        self._protection.expect(
            conference.name, leg, arrival.closed, invited=arrival.terminal is not None and arrival.invited
        )
        who = _knocker(leg, always=arrival.always)
        lobby.turned_away.check_barred(who)
        lobby.turned_away.note_entry(who)
        if not arrival.exempt and (lobby.on or arrival.always):
            self._waiting.wait(leg, conference, who)
        else:
            enter(leg, conference)

    async def _name(self, leg: Leg, arrival: entering.Arrival) -> None:
        """Give a terminal of the register its row on the board, and the leg the name of that row. Other participants see this
        name. A leg without such a terminal keeps its name.
        """
        terminal = arrival.terminal
        if terminal is None:
            return

        async def work(session: AsyncSession) -> Standing | None:
            row = await planning.came(session, arrival.occurrence.id, terminal.id, self._clock())
            await leg.side.save_name(session, row.id)
            return await legs.standing(session, row.id)

        standing = await self._database.transact(work)
        assert standing is not None
        leg.name(standing)


def _knocker(leg: Leg, *, always: bool) -> Knocker:
    party, source = leg.party, network(leg.address)
    return Knocker(party.identity, party.name, "hall_terminal", key=party.terminal, always=always, source=source)
