"""What the routes without a desk stand on, handed in by the composition root. Imports no FastAPI, as `desk`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conference import Grants, Lobbies, ProcessMemory, Registry
from conference.ports.shared import Shared
from rooms.identifiers import new_bytes
from signaling.api.ground.invitations import Invitations
from signaling.api.ground.numbers import Numbers
from signaling.host.tokens import Authenticator

Keep = Callable[[str, bool, bool | None], Awaitable[None]]
"""(conference, on, as planned): written down before it is done, so that a restart does not open what a host has shut."""
KeepBars = Callable[[str, Sequence[tuple[str, str]]], Awaitable[None]]
"""(conference, who is kept out for good): a restart lets nobody back in."""
Note = Callable[[Grants, str, Mapping[str, Any], str], Awaitable[None]]
"""(the host, action, detail, address): written down before it is done."""


async def note_nothing(_grants: Grants, _action: str, _detail: Mapping[str, Any], _address: str) -> None:
    """Of meetings that are in no calendar."""


async def keep_nothing(_conference: str, _on: bool, _planned: bool | None) -> None:
    """Where nothing is kept."""


async def keep_no_bars(_conference: str, _bars: Sequence[tuple[str, str]]) -> None:
    """Store nothing: a server without a database."""


async def still_a_host(_grants: Grants) -> None:
    """Where keys are bound to no account."""


async def end_nothing(_conference: str) -> None:
    """Where no conference runs."""


@dataclass(frozen=True)
class Doorway:
    """What the routes stand on."""

    authenticator: Authenticator
    lobbies: Lobbies
    shared: Shared
    now: Callable[[], float]
    """Unix seconds."""
    present: Callable[[str], list[str]]
    """Identities in a conference."""
    door: Callable[[Grants], None]
    """Raises Refusal: of whoever planned the meeting."""
    note: Note
    keep: Keep
    keep_bars: KeepBars
    still: Callable[[Grants], Awaitable[None]]
    """Raises Refusal: the account behind a host's key is signed out, switched off, or no host of the meeting any more."""
    registry: Callable[[], Registry | None]
    end: Callable[[str], Awaitable[None]]
    """A conference, for everybody. Raises Refusal `conference_not_found`."""


@dataclass
class Surroundings:
    """What the routes stand on, handed in by the composition root."""

    authenticator: Authenticator
    invitations: Invitations
    now: Callable[[], float]
    """Unix seconds."""
    random_bytes: Callable[[int], bytes]
    version: str
    public_url: str = ""
    open_creation: bool = False
    local_creation: bool = False
    """Whoever sits at this machine may start a meeting."""
    authority: Callable[[], str | None] = lambda: None
    """Fingerprint of the local authority, None without one."""
    ready: Callable[[], bool] = lambda: True
    busy: Callable[[], bool] = lambda: False
    database_ready: Callable[[], Awaitable[bool]] | None = None
    shared: Shared = field(default_factory=ProcessMemory)
    """Of the throttles."""
    numbers: Numbers = field(default_factory=lambda: Numbers(ProcessMemory()))
    """Of meetings that were started here."""
    booked: Callable[[str], bool] = lambda _: False
    """Whether a conference of this name belongs to a booked meeting: such a one is entered by `/join` only."""
    lobbies: Lobbies = field(default_factory=lambda: Lobbies(lambda: new_bytes(16).hex()))
    present: Callable[[str], list[str]] = lambda _: []
    """Identities in a conference."""
    door: Callable[[Grants], None] = lambda _: None
    """Raises Refusal: what the calendar says of a host."""
    note: Note = note_nothing
    keep_lobby: Keep = keep_nothing
    keep_bars: KeepBars = keep_no_bars
    still: Callable[[Grants], Awaitable[None]] = still_a_host
    registry: Callable[[], Registry | None] = lambda: None
    end: Callable[[str], Awaitable[None]] = end_nothing

    async def health(self) -> tuple[dict[str, bool], int]:
        """What `GET /health` answers, and its status: 200 while new participants are welcome, else 503."""
        ready = self.ready() and (self.database_ready is None or await self.database_ready())
        return {"live": True, "ready": ready, "busy": self.busy()}, 200 if ready else 503

    @property
    def doorway(self) -> Doorway:
        return Doorway(
            self.authenticator,
            self.lobbies,
            self.shared,
            self.now,
            self.present,
            self.door,
            self.note,
            self.keep_lobby,
            self.keep_bars,
            self.still,
            self.registry,
            self.end,
        )
