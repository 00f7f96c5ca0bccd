"""The parts for the routes of live meetings, one type for each file of routes. The composition root makes them.

The module imports no FastAPI, because the server serves calls before the REST API is built.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from signaling.api.ground.invitations import Invitations
from signaling.api.ground.numbers import Numbers
from signaling.orders.doorway import Doorway


@dataclass(frozen=True)
class Starting:
    """The clients that may start a meeting without a token."""

    everybody: bool = False
    local: bool = False
    """Only a browser on this machine."""


@dataclass(frozen=True)
class InstantMeetings:
    """The parts for meetings without a booking: `routes.live.conferences`."""

    doorway: Doorway
    starting: Starting
    invitations: Invitations
    numbers: Numbers
    random_bytes: Callable[[int], bytes]
    public_url: str = ""


@dataclass(frozen=True)
class Probes:
    """The probes that supervisors ask."""

    ready: Callable[[], bool]
    busy: Callable[[], bool]
    database_ready: Callable[[], Awaitable[bool]]

    async def health(self) -> tuple[dict[str, bool], int]:
        """Return the answer of `GET /health`, and its status: 200 while the server admits new participants, else 503."""
        ready = self.ready() and await self.database_ready()
        return {"live": True, "ready": ready, "busy": self.busy()}, 200 if ready else 503


@dataclass(frozen=True)
class ServerFacts:
    """The facts that the server publishes about itself."""

    version: str
    starting: Starting
    authority: Callable[[], str | None]
    """Returns the fingerprint of the local authority, or None if there is none."""
    probes: Probes
