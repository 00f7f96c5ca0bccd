"""Incoming calls: from the dialled number to a meeting, its lobby, the menu, the operator or a test room.

Implements `signaling.halls.calls.leg.LegEvents` for incoming calls. `entrance` decides which halls may enter a meeting, and
`dialplan` decides what a number means. Events of rows go to the caller of halls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from conference import PeerError, Refusal
from conference.halls.causes import Cause
from rooms import errors
from signaling.halls.calls import dialplan
from signaling.halls.calls.announcing import explain, say
from signaling.halls.calls.arrivals import Arrivals
from signaling.halls.calls.dialplan import Dialled, Target
from signaling.halls.calls.entrance import Entrance
from signaling.halls.calls.leg import Leg, cause_of
from signaling.halls.calls.menu import Menus
from signaling.halls.calls.operator import Operator
from signaling.halls.calls.protection import Safety
from signaling.halls.calls.rooms import Rooms
from signaling.halls.calls.table import Calls, ending
from signaling.halls.dial.caller import Caller
from signaling.halls.ground import limits
from signaling.host.dates import PREFIX

LAST_WORDS: Final = {Cause.BUSY: "full", Cause.UNKNOWN_THERE: "unknown_address"}
"""The announcement before a call is refused with this cause."""


class Incoming:
    """A process has one object of this class. `own_name`: the user part of this server, which leads to the menu."""

    def __init__(
        self,
        own_name: str,
        safety: Safety,
        rooms: Rooms,
        menus: Menus,
        operator: Operator,
        entrance: Entrance,
        arrivals: Arrivals,
        calls: Calls,
        caller: Caller,
        start: Callable[[Coroutine[Any, Any, Any]], None],
    ) -> None:
        self._own_name, self._safety, self._rooms = own_name, safety, rooms
        self._menus, self._operator, self._entrance, self._arrivals = menus, operator, entrance, arrivals
        self._calls, self._caller, self._start = calls, caller, start

    def take(self, leg: Leg, dialled: str) -> None:
        """Take a call of a terminal that proved its identity. `dialled`: the number that it dialled."""
        self._start(self.route(leg, dialled))

    async def route(self, leg: Leg, dialled: str) -> None:
        target = dialplan.read(dialled, known=bool(leg.party.terminal), own_name=self._own_name)
        leg.side.ring()
        await leg.side.save()
        try:
            if self._safety.must_encrypt(False):
                leg.side.check_encryption()
            await self._lead(leg, target)
        except (Refusal, PeerError) as error:
            self._forget(leg)
            self._turn_away(leg, error)
        except errors.Refusal as refusal:  # from `rooms`: the class forbids the entry, or the door is shut
            leg.side.refuse(refusal)
        except Exception:
            self._menus.gone(leg)
            leg.side.refuse(Cause.UNREACHABLE)  # Without this answer the terminal would ring for minutes.
            raise

    async def _lead(self, leg: Leg, dialled: Dialled) -> None:
        """Connect the leg to its target. Raise PeerError, and Refusal of `conference` or of `rooms`."""
        if dialled.target is Target.ECHO:
            leg.accept_in(self._rooms.test_room(), "echo")
        elif dialled.target is Target.OPERATOR:
            self._operator.take(leg)
            leg.accept_in(self._rooms.reception(), "reception")
        elif dialled.target is Target.NOWHERE:
            self._turn_away(leg, Cause.UNKNOWN_THERE)
        else:
            await self._ask(leg, dialled)

    async def _ask(self, leg: Leg, dialled: Dialled) -> None:
        arrival = None
        if dialled.target is Target.NUMBER:
            arrival = await self._entrance.arrive(leg, dialled.number, dialled.pin)
        if arrival is not None:
            await self._entrance.let_in(leg, arrival)
        elif not leg.over:  # else the hall hung up during the check
            self._menus.begin(leg, dialled.number)
            leg.accept_in(self._rooms.reception(), "reception")

    def _forget(self, leg: Leg) -> None:
        self._menus.gone(leg)
        self._operator.gone(leg)

    def _turn_away(self, leg: Leg, why: Cause | Exception) -> None:
        """Refuse the call. If the server is full, or if the number leads nowhere, the hall first hears the reason.

        The hall hears the reason as early media, if the terminal can play early media.
        """
        words = LAST_WORDS.get(why if isinstance(why, Cause) else cause_of(why))
        try:
            listens = words is not None and leg.listen_in(self._rooms.reception(), "reception")
        except (Refusal, PeerError):
            listens = False
        if words is None or not listens:
            leg.side.refuse(why)
            return
        say(leg, words)
        if isinstance(why, Refusal):
            explain(leg, why)
        self._start(_refuse_after_words(leg, why))

    # -- events from legs (LegEvents)

    def stands(self, leg: Leg) -> None:
        self._has_come(leg)
        self._arrivals.arrived(leg)

    def moved(self, leg: Leg) -> None:
        self._has_come(leg)
        self._arrivals.arrived(leg)

    def _has_come(self, leg: Leg) -> None:
        """Report to the caller of halls that a hall with a row is in its meeting. End the earlier call of the row."""
        if leg.room is None or not leg.party.leg_id or not leg.room.conference.name.startswith(PREFIX):
            return
        older = self._calls.came(leg)
        if older is not None:
            older.end("came by itself")  # A hall has only one call, and the hall itself made this call now.
        self._caller.came(leg.party.leg_id)

    def agreed(self, leg: Leg) -> None:
        self._arrivals.agreed(leg)

    def over(self, leg: Leg, *, hung_up: bool) -> None:
        self._arrivals.left(leg)
        event = ending(leg, hung_up=hung_up)
        if self._calls.forget(leg.party.leg_id, leg) and event is not None:
            self._caller.ended(leg.party.leg_id, event)

    def pressed(self, leg: Leg, key: str) -> bool:
        return self._arrivals.pressed(leg, key)


async def _refuse_after_words(leg: Leg, why: Cause | Exception) -> None:
    """Refuse the call after LAST_WORDS_S, or later, when the mixer has played the announcement."""
    waited_s = 0.0
    while waited_s < limits.LAST_WORDS_S or (waited_s < limits.REFUSAL_WORDS_MOST_S and _hears_words(leg)):
        await asyncio.sleep(limits.REFUSAL_TICK_S)
        waited_s += limits.REFUSAL_TICK_S
    leg.side.refuse(why)


def _hears_words(leg: Leg) -> bool:
    return not leg.over and leg.room is not None and leg.room.hall.program.prompts.has(leg.room.hall.sid)
