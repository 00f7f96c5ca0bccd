"""The steps when a leg enters a room. The hall hears what to do there. A call that stays too long without a meeting is ended,
unless its hall waits in a lobby.

The module serves calls in both directions. It has no state: the menu, the lobby and the operator know which legs they hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from rooms.store.database import Database
from signaling.halls.calls import titles
from signaling.halls.calls.announcing import say
from signaling.halls.calls.leg import Leg, Room
from signaling.halls.calls.lobby import WaitingHalls
from signaling.halls.calls.menu import Menus
from signaling.halls.calls.operator import Operator
from signaling.halls.calls.protection import Protection
from signaling.halls.calls.rooms import ECHOES
from signaling.halls.ground import limits
from signaling.host.dates import PREFIX


class Arrivals:
    """A process has one object of this class."""

    def __init__(
        self,
        menus: Menus,
        operator: Operator,
        waiting: WaitingHalls,
        protection: Protection,
        database: Database,
        clock: Callable[[], datetime],
        start: Callable[[Coroutine[Any, Any, Any]], None],
    ) -> None:
        self._menus, self._operator, self._waiting, self._protection = menus, operator, waiting, protection
        self._database, self._clock, self._start = database, clock, start

    def arrived(self, leg: Leg) -> None:
        """Check the protection of a leg that has entered a room, and greet the hall. Outside a meeting, start the timer that
        ends the call.
        """
        room = leg.room
        if room is None:
            return
        self._protection.agreed(leg)
        self._start(self._protection.keep(self._database, leg, self._clock()))
        self._greet(leg, room)
        if not room.conference.name.startswith(PREFIX):
            loop = asyncio.get_running_loop()
            leg.watch = loop.call_later(limits.HALL_WITHOUT_MEETING_S, self._tired, leg, room)

    def _greet(self, leg: Leg, room: Room) -> None:
        if leg in self._menus.guests:
            self._menus.ask(leg)
        elif leg in self._waiting:
            say(leg, "lobby")
        elif leg in self._operator:
            self._operator.tell(leg)
        elif room.conference.name.startswith(ECHOES):
            say(leg, "echo")
        else:
            muted = "joined_muted" if room.hall.muted else "joined"
            say(leg, "waiting" if room.conference.halls.waiting else muted)
            self._start(titles.name_meeting(self._database, room.conference))

    def _tired(self, leg: Leg, room: Room) -> None:
        if leg.room is not room or leg in self._waiting:
            return
        if leg in self._operator:
            self._operator.tired(leg)
        else:
            leg.end("idle")

    def agreed(self, leg: Leg) -> None:
        """Check the protection of the leg again, because its media were negotiated again."""
        self._protection.agreed(leg)

    def left(self, leg: Leg) -> None:
        """Remove a leg that has ended from all parts."""
        if leg.watch is not None:
            leg.watch.cancel()
        self._menus.gone(leg)
        self._operator.gone(leg)
        self._waiting.gone(leg)

    def pressed(self, leg: Leg, key: str) -> bool:
        """Give a key to the menu or the test room. Return True if one of them takes the key. In a test room `#` ends the call."""
        room = leg.room
        if room is not None and room.conference.name.startswith(ECHOES):
            if key == "#":
                leg.end("test ended")
            return True
        return self._menus.pressed(leg, key)
