"""Parts for the routes of live meetings, a type for each file of routes. The composition root makes them.

Imports no FastAPI: a server that starts serves calls before the REST API is built.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from conference import Grants, Lobbies, Registry
from conference.ports.shared import Shared
from signaling.api.ground.invitations import Invitations
from signaling.api.ground.numbers import Numbers
from signaling.host.tokens import Authenticator


class Meetings(Protocol):
    """The live conferences, and the doors of booked meetings: `signaling.meetings.booked` implements it."""

    @property
    def registry(self) -> Registry | None: ...
    def identities(self, conference: str) -> list[str]: ...
    def owns(self, conference: str) -> bool:
        """Whether a conference of this name belongs to a booked meeting: such a one is entered by `/join` only."""

    def admit(self, grants: Grants) -> None:
        """Raises Refusal: what the calendar says of a host."""


class Hosts(Protocol):
    """Stores what hosts decide: `signaling.meetings.hosts` implements it. Each decision is stored before it acts."""

    async def note_lobby(self, grants: Grants, action: str, detail: Mapping[str, Any], address: str) -> None:
        """Write down what this host does."""

    async def keep_lobby(self, name: str, on: bool, planned: bool | None) -> None:
        """Store the switch, so that a restart does not open a lobby that a host has set."""

    async def keep_bars(self, name: str, bars: Sequence[tuple[str, str]]) -> None:
        """Store who is kept out for good, so that a restart lets no one back in."""

    async def still_host(self, grants: Grants) -> None:
        """Raises Refusal: the account behind a host's key is signed out, switched off, or no longer a host of the meeting."""

    async def end_meeting(self, name: str) -> None:
        """End a conference for everybody. Raises Refusal `conference_not_found`."""


@dataclass(frozen=True)
class Doorway:
    """The door of every live meeting: `routes.live.lobby` and `routes.live.hosting`."""

    authenticator: Authenticator
    lobbies: Lobbies
    shared: Shared
    """Of the throttles."""
    meetings: Meetings
    hosts: Hosts
    now: Callable[[], float]
    """Unix seconds."""


@dataclass(frozen=True)
class Starting:
    """Who may start a meeting without a token."""

    everybody: bool = False
    local: bool = False
    """Only a browser on this machine."""


@dataclass(frozen=True)
class InstantMeetings:
    """Meetings that are started without a booking: `routes.live.conferences`."""

    doorway: Doorway
    starting: Starting
    invitations: Invitations
    numbers: Numbers
    random_bytes: Callable[[int], bytes]
    public_url: str = ""


@dataclass(frozen=True)
class Probes:
    """Answers the questions of supervisors."""

    ready: Callable[[], bool]
    busy: Callable[[], bool]
    database_ready: Callable[[], Awaitable[bool]]

    async def health(self) -> tuple[dict[str, bool], int]:
        """Give the answer of `GET /health`, and its status: 200 while new participants are welcome, else 503."""
        ready = self.ready() and await self.database_ready()
        return {"live": True, "ready": ready, "busy": self.busy()}, 200 if ready else 503


@dataclass(frozen=True)
class ServerFacts:
    """Facts that the server tells about itself."""

    version: str
    starting: Starting
    authority: Callable[[], str | None]
    """Fingerprint of the local authority, None without one."""
    probes: Probes
