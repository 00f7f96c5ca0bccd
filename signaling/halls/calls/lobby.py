"""The halls that wait in the lobby of a meeting. They stay in their call, in the reception, until a host admits them or turns
them away.

The module keeps the waiting legs in memory. `entrance` decides which halls must wait; the lobby decides which halls may enter
(`conference.Lobbies`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from conference import Conference, Knock, Knocker, Lobbies, Passage, PeerError, Refusal
from conference import State as Waits
from signaling.halls.calls.announcing import last_words, say
from signaling.halls.calls.leg import Leg
from signaling.halls.calls.rooms import Rooms

log = logging.getLogger(__name__)


class WaitingHalls:
    """A process has one object of this class. `now` returns Unix seconds."""

    def __init__(self, lobbies: Lobbies, rooms: Rooms, now: Callable[[], float]) -> None:
        self._lobbies, self._rooms, self._now = lobbies, rooms, now
        self._waiting: dict[Leg, tuple[str, Knock]] = {}

    def __contains__(self, leg: Leg) -> bool:
        return leg in self._waiting

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self, leg: Leg, conference: Conference, who: Knocker) -> None:
        """Let the leg wait, with a picture and an announcement, until a host of the meeting admits it or turns it away. A hall
        that was admitted before enters at once. Raise Refusal.
        """
        knock = self._lobbies.knock(conference.name, who, "", self._now())
        if knock.state is Waits.ADMITTED:
            _admit(leg, conference)
            return
        self._waiting[leg] = (conference.name, knock)
        knock.listen(lambda: self._decided(leg, conference, knock))
        if not leg.stood:
            leg.accept_in(self._rooms.reception(), "reception")
        else:
            say(leg, "lobby")

    def _decided(self, leg: Leg, conference: Conference, knock: Knock) -> None:
        if leg not in self._waiting:
            return
        if knock.state is Waits.WAITING:
            knock.listen(lambda: self._decided(leg, conference, knock))
            return
        del self._waiting[leg]
        if knock.state is Waits.ADMITTED:
            _admit(leg, conference)
        else:
            last_words(leg, "denied")

    def gone(self, leg: Leg) -> None:
        """Remove a leg that has ended. Idempotent."""
        name, knock = self._waiting.pop(leg, ("", None))
        lobby = self._lobbies.find(name)
        if knock is not None and lobby is not None:
            lobby.room.leave(knock.ticket)

    def look(self) -> None:
        """Refresh the knock of every waiting hall. A browser's page refreshes its own knock, but a hall has no page."""
        for name, knock in tuple(self._waiting.values()):
            lobby = self._lobbies.find(name)
            if lobby is not None:
                lobby.room.look(knock.ticket, self._now())


def _admit(leg: Leg, conference: Conference) -> None:
    leg.passage = Passage.ADMITTED
    try:
        enter(leg, conference)
    except (Refusal, PeerError) as error:
        log.info("an admitted hall cannot enter the conference: %s", error)
        leg.end("full")


def enter(leg: Leg, conference: Conference) -> None:
    """Put the leg into the meeting, from the reception or as the answer to its call. Raise Refusal, PeerError."""
    if leg.stood:
        leg.move(conference, lambda well: None)
    else:
        leg.accept_in(conference)
