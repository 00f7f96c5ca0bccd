"""The conferences that halls enter: the meeting of a date, the reception, and test rooms.

Owns no conference: the registry does. Who may enter is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from conference import Conference, Refusal, Registry
from rooms.store.tables.meetings import Meeting
from signaling.halls.ground import limits

RECEPTION: Final = "hall-reception"
ECHOES: Final = "hall-echo-"
"""How the names of test rooms begin."""


class Meetings(Protocol):
    """What the calls of halls ask of the booked meetings. `signaling.meetings.booked` implements it."""

    def name_of(self, occurrence_id: str, class_: str, version: int, lobby: bool) -> str:
        """Return the name of the date's conference, and open its door. Raises Refusal `lobby_limit`."""

    def owns(self, conference: str) -> bool:
        """Whether the conference belongs to a booked date."""

    def is_important(self, conference: str) -> bool: ...
    def vouch(self, conference: str, identity: str, closed: bool) -> None:
        """Note whether the hall with this identity fulfils what an important meeting demands of it."""


class Rooms:
    """One per process."""

    def __init__(self, registry: Registry, live: Meetings, random_bytes: Callable[[int], bytes]) -> None:
        self._registry = registry
        self._live = live
        self._random_bytes = random_bytes

    @property
    def closing(self) -> bool:
        """The server stops."""
        return self._registry.closed

    def meeting(self, occurrence_id: str, meeting: Meeting) -> Conference:
        """Raises Refusal."""
        name = self._live.name_of(occurrence_id, meeting.class_, meeting.version, meeting.lobby)
        return self._registry.create(name)

    def reception(self) -> Conference:
        """Raises Refusal."""
        return self._registry.create(RECEPTION)

    def test_room(self) -> Conference:
        """A new one. Raises Refusal."""
        taken = sum(one.name.startswith(ECHOES) and one.program is not None for one in self._registry.all())
        if taken >= limits.TEST_ROOMS:
            raise Refusal("conference_limit")
        return self._registry.create(ECHOES + self._random_bytes(6).hex())
