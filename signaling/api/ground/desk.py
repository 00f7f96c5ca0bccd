"""What the routes of the desk stand on: what the composition root hands them, and what the other parts do for them.

Imports neither FastAPI nor the models: a server that starts serves calls before the REST API is built.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from starlette.requests import Request

from conference import Grants, Lobbies
from rooms.policy.actors import Actor
from rooms.sealing import Seal
from rooms.store.database import Database
from rooms.store.tables.dialling import TerminalProfile
from signaling.api.ground.checks import Checks
from signaling.host.throttle import NumberTries, Throttle

if TYPE_CHECKING:
    from signaling.api.ground.cursors import Cursors


class Doorman(Protocol):
    """Who asks: `signaling.access` implements it."""

    async def actor(self, request: Request, now: datetime, *, seen: bool = True) -> Actor | None:
        """None: nobody is signed in. `seen` false: the server asks by itself, and its session may run out all the same."""


@dataclass(frozen=True)
class Present:
    """Somebody in a running meeting. `way`: how he came in. `closed`: a hall terminal that is registered, invited and in a
    closed network.
    """

    identity: str
    name: str
    way: str
    closed: bool = False


class LiveMeetings(Protocol):
    """The running conferences of booked meetings: the composition root implements it."""

    def name_of(self, occurrence_id: str, class_: str, version: int, lobby: bool) -> str:
        """The conference of a date; its door is open from now on to those whom this class admits. `lobby`: as its booking has it.
        Raises Refusal `lobby_limit`.
        """

    def present(self, occurrence_id: str) -> list[Present]: ...
    def set_door(
        self, occurrence_id: str, class_: str, version: int, open_: bool = True, lobby: bool | None = None
    ) -> None:
        """From now on only those come in whom this class admits, or nobody: what a newer version of the meeting said counts."""

    def bar(self, bearers: Iterable[str], at: float) -> None:
        """Tokens that were given to these attendees (or `WAY.attendee`) until `at` (Unix seconds) open nothing any more."""

    def expel(self, occurrence_id: str, identity: str) -> None:
        """Its client is told to go; tokens issued before no longer open."""


class HallRows(Protocol):
    async def rows(self, occurrence_id: str) -> list[dict[str, Any]]: ...
    def watch(self, occurrence_id: str) -> AsyncIterator[list[dict[str, Any]]]: ...
    def trace(self, leg_id: str) -> str: ...


class HallOrders(Protocol):
    async def order(self, occurrence_id: str, wanted: dict[str, Any], actor: Actor) -> dict[str, Any]: ...
    def undo(self, occurrence_id: str, token: str) -> None: ...
    async def acknowledge(self, occurrence_id: str, alarm_id: str, actor: Actor) -> dict[str, Any]: ...


class OperatorCalls(Protocol):
    async def rows(self, actor: Actor) -> list[dict[str, Any]]: ...
    async def acknowledge(self, call_id: str, actor: Actor) -> dict[str, Any]: ...
    async def place(self, call_id: str, occurrence_id: str, actor: Actor) -> None: ...
    async def end(self, call_id: str, actor: Actor) -> None: ...


class HallBans(Protocol):
    async def rows(self, actor: Actor) -> list[dict[str, Any]]: ...
    async def lift(self, subject: str, actor: Actor) -> None: ...


class HallPictures(Protocol):
    def program(self, occurrence_id: str) -> dict[str, Any]: ...
    def set_program(self, occurrence_id: str, name: str, text: str | None) -> None: ...
    def picture(self, occurrence_id: str) -> bytes | None: ...
    def thumbnail(self, occurrence_id: str, leg_id: str) -> bytes | None: ...


class HallTerminals(Protocol):
    @property
    def realm(self) -> str: ...
    @property
    def servers(self) -> Sequence[str]: ...
    @property
    def refresh(self) -> Callable[[], Awaitable[None]]: ...
    @property
    def wake(self) -> Callable[[], None]: ...
    def digest(self, algorithm: str, alias: str, password: str) -> str: ...
    async def states(self) -> list[dict[str, Any]]: ...


class HallDesk(Protocol):
    """Hall terminals: `signaling.halls.board.board.Board` implements it. Rows are plain values of `models.boards`."""

    @property
    def rows(self) -> HallRows: ...
    @property
    def orders(self) -> HallOrders: ...
    @property
    def calls(self) -> OperatorCalls: ...
    @property
    def bans(self) -> HallBans: ...
    @property
    def pictures(self) -> HallPictures: ...
    @property
    def terminals(self) -> HallTerminals: ...


class DeviceProfiles(Protocol):
    """Makes of terminals: `signaling.halls.sip.profile_book` implements it. `kept`: rows of `rooms.dialling.profiles`."""

    def listed(self, kept: Iterable[TerminalProfile]) -> list[dict[str, Any]]: ...
    def checked(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]: ...
    def matched(self, kept: Iterable[TerminalProfile], agent: str) -> tuple[str, str]: ...


@dataclass(frozen=True)
class Passes:
    """Parts for entering a booked meeting: `routes.calendar.joining`."""

    lobbies: Lobbies
    sign: Callable[[Grants, float, float], str]
    """(grants, seconds, now): a token."""
    suffix: Callable[[], str]
    """Random, for identities."""
    number_tries: NumberTries
    """Tries of numbers with their PINs."""
    links: Throttle
    """Wrong links of one network."""
    given: Throttle
    """Right ones from one network: each is written down."""


@dataclass(frozen=True)
class Desk:
    """Parts for every request of the desk (`visits.Visit`)."""

    database: Database
    doorman: Doorman
    live: LiveMeetings
    now: Callable[[], float]
    """Unix seconds."""
    key: bytes
    """Of this installation: cursors, personal links."""
    seal: Seal
    """For secrets that have to be read again."""
    wake: Callable[[], None]
    """Work that is due was just written."""
    hall_desk: Callable[[], HallDesk | None]
    """None: halls are switched off."""
    public_url: str

    @property
    def halls(self) -> HallDesk | None:
        return self.hall_desk()

    @cached_property
    def cursors(self) -> Cursors:
        from signaling.api.ground.cursors import Cursors  # heavy

        return Cursors(self.key)


@dataclass(frozen=True)
class DeskParts:
    """Parts that the composition root makes for the routes of the desk. A route gets only those that it names (`visits`)."""

    desk: Desk
    passes: Passes
    checks: Checks
    profiles: DeviceProfiles
