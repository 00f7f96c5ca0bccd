"""The base of the routes of the desk: the parts from the composition root, and the interfaces of other packages.

The module imports neither FastAPI nor the models, because the server serves calls before the REST API is built.
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
from signaling.api.ground.notices import NoticeBoard
from signaling.host.throttle import CodeTries, NumberTries, Throttle

if TYPE_CHECKING:
    from signaling.api.ground.cursors import Cursors


class Doorman(Protocol):
    """The check of the signed-in user. `signaling.access` implements it."""

    async def actor(self, request: Request, now: datetime, *, seen: bool = True) -> Actor | None:
        """Return the user of a request, or None if the user is not signed in. `seen` false: the page asks by itself, so the
        session is not prolonged.
        """


@dataclass(frozen=True)
class Present:
    """A participant of a running meeting. `way`: how the participant joined. `closed`: a hall terminal that is registered,
    invited and in a closed network.
    """

    identity: str
    name: str
    way: str
    closed: bool = False


class BoardPeople(Protocol):
    """The people of a running date in browsers. `signaling.meetings.people` implements it. Rows are plain values of
    `models.boards`.
    """

    def rows(self, occurrence_id: str) -> list[dict[str, Any]]: ...
    def command(
        self, occurrence_id: str, action: str, identities: Iterable[str], name: str
    ) -> list[dict[str, Any]]: ...


class LiveMeetings(Protocol):
    """The running conferences of booked meetings. The composition root implements it."""

    @property
    def people(self) -> BoardPeople: ...

    def name_of(
        self,
        occurrence_id: str,
        class_: str,
        version: int,
        lobby: bool,
        entry_muted: bool = False,
        agenda: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        """Return the conference of a date, and open its door for participants whom this class admits. `lobby`, `entry_muted`,
        `agenda`: as in the booking. Raise Refusal `lobby_limit`.
        """

    def places(self, grants: Grants, /) -> None:
        """Raise Refusal `conference_full`, which says whom to call, if no connection is free for this participant."""

    def present(self, occurrence_id: str) -> list[Present]: ...
    def names(self, occurrence_id: str) -> list[str]:
        """Return the names of the participants that other participants see, in the order of their arrival."""

    def set_door(
        self,
        occurrence_id: str,
        class_: str,
        version: int,
        open_: bool = True,
        lobby: bool | None = None,
        entry_muted: bool | None = None,
        agenda: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        """Set the door: open for participants whom this class admits, or closed. A call with an older `version` of the meeting
        has no effect.
        """

    def bar(self, bearers: Iterable[str], at: float) -> None:
        """Block tokens that were issued up to `at` (Unix seconds). A bearer is an attendee, or `WAY.attendee` for one way of
        joining.
        """

    def mutes_entry(self, occurrence_id: str, planned: bool) -> bool:
        """Report whether the newcomers of a date are muted: by the rules of the running meeting, otherwise as planned."""

    def vouch(self, conference: str, identity: str, closed: bool) -> None:
        """Note a hall at the door. `closed`: the hall may be in an important meeting."""

    def begin(self, occurrence_id: str, terminals: Iterable[str]) -> None:
        """Open the meeting of a date for its halls. The microphones of the halls with these terminals go on."""

    def expel(self, occurrence_id: str, identity: str) -> None:
        """Send the client away. Its earlier tokens do not admit it again."""

    def shut(self, occurrence_id: str, final: bool = True) -> None:
        """End the conference of a date. `final`: the date is over, so close its door too."""


class BoardNews(Protocol):
    """The changes of a board. `phoned`: all telephone calls to sites; None: no change. `rehearsed`: changed results."""

    @property
    def legs(self) -> list[dict[str, Any]]: ...
    @property
    def phoned(self) -> list[dict[str, Any]] | None: ...
    @property
    def rehearsed(self) -> Sequence[Any]: ...


class HallRows(Protocol):
    async def rows(self, occurrence_id: str) -> list[dict[str, Any]]: ...
    def watch(self, occurrence_id: str) -> AsyncIterator[BoardNews]: ...
    def changed(self, occurrence_id: str) -> None: ...
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
    async def states(self, now: datetime, /) -> list[dict[str, Any]]: ...
    async def registered(self) -> dict[str, bool]: ...


class HallDesk(Protocol):
    """The hall terminals. `signaling.halls.board.board.Board` implements it. Rows are plain values of `models.boards`."""

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
    """The profiles of terminal models. `signaling.halls.sip.profile_book` implements it. `kept`: rows of
    `rooms.dialling.devices.profiles`.
    """

    def listed(self, kept: Iterable[TerminalProfile]) -> list[dict[str, Any]]: ...
    def checked(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]: ...
    def matched(self, kept: Iterable[TerminalProfile], agent: str) -> tuple[str, str]: ...


@dataclass(frozen=True)
class Passes:
    """The parts for entering a booked meeting: `routes.calendar.joining`."""

    lobbies: Lobbies
    sign: Callable[[Grants, float, float], str]
    """(grants, seconds, now) -> token."""
    suffix: Callable[[], str]
    """Returns a random suffix for identities."""
    number_tries: NumberTries
    """Counts tries of numbers with their PINs."""
    pc_codes: CodeTries
    """Counts tries of codes for the enrolment of PCs in hall mode."""
    links: Throttle
    """Counts wrong personal links of each network, and each use of a feed, of an answer by link and of a hook."""
    given: Throttle
    """Counts the passes that each network gets by link or by number, because each pass is written to the database."""
    pcs_count: bool = False
    """A PC in hall mode counts as a hall terminal in important meetings (setting `important_pcs`)."""


@dataclass(frozen=True)
class Desk:
    """The parts for every request of the desk (`visits.Visit`)."""

    database: Database
    doorman: Doorman
    live: LiveMeetings
    now: Callable[[], float]
    """Unix seconds."""
    key: bytes
    """The key of this installation: cursors, personal links."""
    seal: Seal
    """Seals secrets that must be read again."""
    wake: Callable[[], None]
    """Reports that due work was just written."""
    hall_desk: Callable[[], HallDesk | None]
    """Returns None if halls are switched off."""
    public_url: str
    mail_domains: Sequence[str] | None
    """The official domains of mail. None: this server sends no mail."""
    device_checks: bool
    """True: people may check their devices at /test, so that messages name the page."""
    notices: NoticeBoard
    push_key: str
    """The public key of pushes to browsers. Empty: pushes are off."""

    @property
    def halls(self) -> HallDesk | None:
        return self.hall_desk()

    @cached_property
    def cursors(self) -> Cursors:
        from signaling.api.ground.cursors import Cursors  # slow to import

        return Cursors(self.key)


@dataclass(frozen=True)
class DeskParts:
    """The parts that the composition root makes for the routes of the desk. A route gets only the parts that it names
    (`visits`).
    """

    desk: Desk
    passes: Passes
    checks: Checks
    profiles: DeviceProfiles
