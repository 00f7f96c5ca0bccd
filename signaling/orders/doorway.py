"""The door of every live meeting: what an order needs from the booked meetings, and from the store of hosts' decisions.

The composition root makes the parts. The routes of the API, the desks and the orders share them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from conference import Grants, Lobbies, Registry
from conference.chair.course.rollcall import Site
from conference.ports.shared import Shared
from rooms.proceedings.notes import Written
from signaling.host.tokens import Authenticator


@dataclass(frozen=True)
class Called:
    """A terminal that was called again. `vietnamese`, `english`: why the terminal could not be called."""

    terminal: str
    ok: bool
    vietnamese: str = ""
    english: str = ""


class Meetings(Protocol):
    """The live conferences, and the doors of booked meetings. `signaling.meetings.booked` implements it."""

    @property
    def registry(self) -> Registry | None: ...
    def identities(self, conference: str) -> list[str]: ...
    def owns(self, conference: str) -> bool:
        """Report whether a conference belongs to a booked meeting. Participants enter a booked meeting only by `/join`."""

    def is_important(self, conference: str) -> bool:
        """Report whether only halls may see and hear this meeting."""

    def admit(self, grants: Grants) -> None:
        """Raise Refusal if the calendar does not allow this host to enter."""


class Hosts(Protocol):
    """The store of hosts' decisions. `signaling.meetings.hosts` implements it."""

    async def note_lobby(self, grants: Grants, action: str, detail: Mapping[str, Any], address: str) -> None:
        """Record an action of this host in the audit trail, before it takes effect. Raise the errors of the database."""

    def note_later(self, grants: Grants, action: str, detail: Mapping[str, Any], address: str) -> None:
        """Record an action that took effect in the audit trail when the database answers."""

    async def keep_lobby(self, name: str, on: bool, planned: bool | None) -> None:
        """Store the switch, so that a restart does not switch off a lobby that a host switched on."""

    async def keep_bars(self, name: str, bars: Sequence[tuple[str, str]]) -> None:
        """Store the permanent bars, so that a barred person cannot enter after a restart."""

    async def still_host(self, grants: Grants, *, patient: bool = False) -> None:
        """Raise Refusal if the account behind a host's key is signed out, switched off, or no longer a host of the meeting. The
        host keeps the right if the database does not answer soon. `patient`: wait for the answer.
        """

    async def extend(self, grants: Grants, minutes: int, address: str) -> datetime:
        """Extend the booked date of this host, and return its new end. Raise Refusal if its halls are taken."""

    async def begin_meeting(self, grants: Grants, address: str) -> None:
        """Open the meeting of this host: its halls no longer wait. Raise Refusal `not_on_now`."""

    async def roll_sites(self, name: str) -> list[Site]:
        """Return the invited sites of a booked meeting in the order of the unit tree. Empty: it is not booked."""

    async def call_halls(self, grants: Grants, terminals: Collection[str], address: str) -> list[Called]:
        """Call these terminals of the booked date of a host again. Raise Refusal `halls_off`."""

    async def keep_note(self, name: str, wanted: Written, by_name: str) -> int:
        """Store a note about the booked date, and return its new version. Raise the refusals of `rooms.proceedings.notes.put`."""

    async def close_date(self, name: str) -> None:
        """Close the door of the booked date, so that no participant can enter again. The conference goes on."""

    async def end_meeting(self, name: str) -> None:
        """End a conference for all participants. Raise Refusal `conference_not_found`."""


@dataclass(frozen=True)
class Doorway:
    """The door of every live meeting."""

    authenticator: Authenticator
    lobbies: Lobbies
    shared: Shared
    """The shared tables of the throttles."""
    meetings: Meetings
    hosts: Hosts
    now: Callable[[], float]
    """Unix seconds."""
