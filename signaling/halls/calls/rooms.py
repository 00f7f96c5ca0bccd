"""The conferences that halls enter: the meeting of a date, the reception, and test rooms.

The registry owns the conferences. Other modules decide which halls may enter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

from conference import Conference, Refusal, Registry
from rooms.dialling import opening
from rooms.store.tables.meetings import Meeting, Occurrence
from signaling.halls.ground import limits

RECEPTION: Final = "hall-reception"
ECHOES: Final = "hall-echo-"
"""The prefix of the names of test rooms."""


class Meetings(Protocol):
    """The questions that the calls of halls ask about booked meetings. `signaling.meetings.booked` implements them."""

    def name_of(
        self,
        occurrence_id: str,
        class_: str,
        version: int,
        lobby: bool,
        entry_muted: bool = False,
        agenda: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        """Return the name of the date's conference, and open its door. Raise Refusal `lobby_limit`."""

    def owns(self, conference: str) -> bool:
        """Report whether the conference belongs to a booked date."""

    def is_important(self, conference: str) -> bool: ...
    def begin(self, occurrence_id: str, terminals: Iterable[str]) -> None:
        """Open the meeting of a date for its halls. The microphones of the halls with these terminals go on."""

    def vouch(self, conference: str, identity: str, closed: bool) -> None:
        """Note whether the hall with this identity has the protection that an important meeting demands."""


class Rooms:
    """A process has one object of this class."""

    def __init__(self, registry: Registry, live: Meetings, random_bytes: Callable[[int], bytes]) -> None:
        self._registry = registry
        self._live = live
        self._random_bytes = random_bytes

    def put_out(self, conference: str, identity: str) -> None:
        """Send a participant out of a meeting. A participant that has left is ignored."""
        with suppress(Refusal):
            self._registry.get(conference).kick(identity)

    @property
    def closing(self) -> bool:
        """Report whether the server stops."""
        return self._registry.closed

    def meeting(self, date: Occurrence, meeting: Meeting) -> Conference:
        """Return the conference of a date. Its halls wait until the chair opens the meeting. Raise Refusal."""
        name = self._live.name_of(
            date.id, meeting.class_, meeting.version, meeting.lobby, meeting.entry_muted, meeting.agenda
        )
        conference = self._registry.create(name)
        if opening.waits(date, meeting):
            conference.halls.wait()
        return conference

    def reception(self) -> Conference:
        """Return the reception. Raise Refusal."""
        return self._registry.create(RECEPTION)

    def test_room(self) -> Conference:
        """Return a new test room. Raise Refusal."""
        taken = sum(one.name.startswith(ECHOES) and one.program is not None for one in self._registry.all())
        if taken >= limits.TEST_ROOMS:
            raise Refusal("conference_limit")
        return self._registry.create(ECHOES + self._random_bytes(6).hex())
