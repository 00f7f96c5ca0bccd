"""The PCs in hall mode that are in meetings now: each has the row of its terminal on the board, as a called hall has.

A PC joins as a browser, with a pass of the REST API. This module reads the lifecycle of conferences, and reports to the caller
of halls which PCs came and went. `signaling/halls/HALLMODE.md` gives the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from conference import Hall, Participant, Refusal, Registry
from conference.chair.rights import Role
from conference.ground.events import Reason
from conference.ground.lifecycle import Happening, What
from conference.halls.dialout import Event
from rooms.dialling import planning
from rooms.store.database import Database
from signaling.halls.calls.table import Calls
from signaling.halls.dial.caller import Caller
from signaling.host.dates import PREFIX, is_date

WAY: Final = "hall_terminal."
"""The first characters of the identity of a PC. The terminal follows."""
ENDS: Final = {
    Reason.CLIENT_INITIATED: Event.HUNG_UP,
    Reason.REMOVED: Event.DROP,
    Reason.CONFERENCE_DELETED: Event.END,
}
"""The event of the row by the reason of leaving. All other reasons count as a lost connection: the PC comes back by itself."""


class HallPcs:
    """A process has one object of this class. Implements `conference.ports.watchers.Observer`. It is made before the caller of
    halls exists; `connect` gives it the caller.
    """

    def __init__(self, database: Database, start: Callable[[Coroutine[Any, Any, Any]], None]) -> None:
        self._database, self._start = database, start
        self._registry: Registry | None = None
        self._calls: Calls | None = None
        self._caller: Caller | None = None

    def connect(self, registry: Registry, calls: Calls, caller: Caller) -> None:
        self._registry, self._calls, self._caller = registry, calls, caller

    def happened(self, happening: Happening) -> None:
        """Note that a PC has joined or left (`conference.Observer`)."""
        one, name = happening.participant, happening.conference.name
        if happening.what not in (What.JOINED, What.LEFT) or one is None or not is_date(name):
            return
        if one.grants.role == Role.HALL.value and one.identity.startswith(WAY):
            self._start(self._note(name, one.identity, happening.reason))

    async def _note(self, conference: str, identity: str, reason: Reason) -> None:
        """Compare the row with the presence now, because a PC that loads its page again leaves and joins in one moment."""
        terminal = identity.removeprefix(WAY)
        async with self._database.reading() as session:
            row = await planning.leg_of(session, conference.removeprefix(PREFIX), terminal)
        if (
            row is None
            or self._calls is None
            or self._caller is None
            or self._registry is None
            or self._registry.closed
        ):
            return
        here, known = self.present(conference, identity) is not None, row.id in self._calls.pcs
        if here and not known:
            self._calls.pcs[row.id] = (conference, identity)
            self._caller.came(row.id)
        elif known and not here:
            del self._calls.pcs[row.id]
            self._caller.ended(row.id, ENDS.get(reason, Event.LOST))

    def present(self, conference: str, identity: str) -> Participant | None:
        """Return the PC if it is in the conference now."""
        try:
            found = self._registry.get(conference).participants.get(identity) if self._registry is not None else None
        except Refusal:
            return None
        return None if found is None or found.left or isinstance(found, Hall) else found
