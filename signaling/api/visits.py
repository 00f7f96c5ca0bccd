"""What each route of the desk has at hand: the database, who asks and when, versions for ETag and If-Match.

Owns no rule: `rooms` decides who may do what. A route states its right by `signaling.declared.needs` as well, for the tests.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Depends, Header, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from conference import Grants, Lobbies
from rooms.dialling.tables import TerminalProfile
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store.database import Database
from signaling.api import problems
from signaling.api.cursors import Cursors, Window, window
from signaling.api.models import limits
from signaling.checks import Checks
from signaling.throttle import Throttle

T = TypeVar("T")
Work = Callable[[AsyncSession], Awaitable[T]]
FILES_AT_ONCE = 2
_ETAG = re.compile(r'"([0-9]{1,9})"')
_KEY = re.compile(r"[\x21-\x7e]{1,100}")


class Doorman(Protocol):
    """Who asks: `signaling.access` implements it."""

    async def actor(self, request: Request, now: datetime) -> Actor | None:
        """None: nobody is signed in."""


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


class HallDesk(Protocol):
    """Hall terminals: `signaling.hallboard.Board` implements it. Rows are plain values of `models.boards`."""

    @property
    def realm(self) -> str: ...
    @property
    def servers(self) -> Sequence[str]: ...
    async def rows(self, occurrence_id: str) -> list[dict[str, Any]]: ...
    def watch(self, occurrence_id: str) -> AsyncIterator[list[dict[str, Any]]]: ...
    async def order(self, occurrence_id: str, wanted: dict[str, Any], actor: Actor) -> dict[str, Any]: ...
    def undo(self, occurrence_id: str, token: str) -> None: ...
    def set_program(self, occurrence_id: str, name: str, text: str | None) -> None: ...
    async def acknowledge(self, occurrence_id: str, alarm_id: str, actor: Actor) -> dict[str, Any]: ...
    async def calls(self, actor: Actor) -> list[dict[str, Any]]: ...
    async def acknowledge_call(self, call_id: str, actor: Actor) -> dict[str, Any]: ...
    async def place_call(self, call_id: str, occurrence_id: str, actor: Actor) -> None: ...
    async def end_call(self, call_id: str, actor: Actor) -> None: ...
    def program(self, occurrence_id: str) -> dict[str, Any]: ...
    def picture(self, occurrence_id: str) -> bytes | None: ...
    def trace(self, leg_id: str) -> str: ...
    def thumbnail(self, occurrence_id: str, leg_id: str) -> bytes | None: ...
    def digest(self, algorithm: str, alias: str, password: str) -> str: ...
    async def refresh(self) -> None: ...
    async def states(self) -> list[dict[str, Any]]: ...
    def wake(self) -> None: ...


class DeviceProfiles(Protocol):
    """Makes of terminals: `signaling.hallprofiles.ProfileBook` implements it. `kept`: rows of `rooms.dialling.profiles`."""

    def listed(self, kept: Iterable[TerminalProfile]) -> list[dict[str, Any]]: ...
    def checked(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]: ...
    def matched(self, kept: Iterable[TerminalProfile], agent: str) -> tuple[str, str]: ...


@dataclass(frozen=True)
class Desk:
    """What the routes of the desk stand on, handed in by the composition root."""

    database: Database
    doorman: Doorman
    live: LiveMeetings
    lobbies: Lobbies
    sign: Callable[[Grants, float, float], str]
    """(grants, seconds, now): a token."""
    now: Callable[[], float]
    """Unix seconds."""
    key: bytes
    """Of this installation: cursors, personal links."""
    cursors: Cursors
    seal: Any
    """`rooms.sealing.Seal`, for secrets that have to be read again."""
    numbers: Throttle
    """Tries of number + PIN from one network."""
    number_tries: Throttle
    """Tries at one number, from wherever they come."""
    links: Throttle
    passes: Throttle
    """Right ones from one network: each is written down."""
    profiles: DeviceProfiles
    checks: Checks
    wake: Callable[[], None] = lambda: None
    """Work that is due was just written."""
    public_url: str = ""
    suffix: Callable[[], str] = lambda: ""
    """Random, for identities."""
    printing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FILES_AT_ONCE))
    """Letters that are made at the same time."""
    hall_desk: Callable[[], HallDesk | None] = lambda: None
    """None: halls are switched off."""
    local_demo: bool = False
    """`dev`: whoever sits at this machine may load the demo month into an empty organisation."""

    @property
    def halls(self) -> HallDesk | None:
        return self.hall_desk()


@dataclass(frozen=True)
class Visit:
    """One request."""

    desk: Desk
    request: Request
    now: datetime
    somebody: Actor | None

    @property
    def actor(self) -> Actor:
        """Who asks. Raises Refusal `signed_out`."""
        if self.somebody is None:
            raise problems.refused("signed_out")
        return self.somebody

    async def read(self, work: Work[T]) -> T:
        async with self.desk.database.reading() as session:
            return await work(session)

    async def write(self, work: Work[T]) -> T:
        return await self.desk.database.transact(work)

    @property
    def base(self) -> str:
        """Where people reach this server; the Host header was checked before."""
        url = self.request.url
        return self.desk.public_url.rstrip("/") or f"{url.scheme}://{url.netloc}"

    @property
    def address(self) -> str:
        return self.request.client.host if self.request.client else ""


async def _visit(request: Request) -> Visit:
    desk: Desk = request.app.state.desk
    now = datetime.fromtimestamp(desk.now(), UTC)
    return Visit(desk, request, now, await desk.doorman.actor(request, now))


async def _known(request: Request) -> Visit:
    visit = await _visit(request)
    visit.actor  # noqa: B018 - raises
    return visit


async def _stranger(request: Request) -> Visit:
    """Nobody is looked for: a dead cookie does not keep a guest out."""
    desk: Desk = request.app.state.desk
    return Visit(desk, request, datetime.fromtimestamp(desk.now(), UTC), None)


async def _expected(if_match: Annotated[str, Header(max_length=100, description='the ETag, such as `"3"`')]) -> int:
    """The version that the caller means to change. Raises `version_malformed`; `version_missing` when there is none."""
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        raise problems.refused("version_malformed")
    return int(match[1])


async def _key(idempotency_key: Annotated[str, Header(max_length=limits.KEY_CHARACTERS)] = "") -> str:
    if idempotency_key and not _KEY.fullmatch(idempotency_key):
        raise problems.refused("key_malformed")
    return idempotency_key


# Coroutines, all of them: what is no coroutine FastAPI hands to a thread, and waits.
Caller = Annotated[Visit, Depends(_known)]
Anybody = Annotated[Visit, Depends(_visit)]
Stranger = Annotated[Visit, Depends(_stranger)]
Version = Annotated[int, Depends(_expected)]
IdempotencyKey = Annotated[str, Depends(_key)]
Rows = Annotated[Window, Depends(window)]


def tag(response: Response, version: int) -> None:
    response.headers["etag"] = f'"{version}"'


def check_version(expected: int, found: int) -> None:
    """Raises Refusal `version_mismatch`."""
    if expected != found:
        raise problems.refused("version_mismatch")


def anywhere(visit: Visit, action: str) -> Actor:
    """Whoever may do it in some unit: lists and the directory. Raises Refusal `signed_out`, `denied`."""
    if not roles.anywhere(visit.actor, action):
        raise problems.refused("denied")
    return visit.actor


def found(thing: T | None) -> T:
    """Raises Refusal `not_found`."""
    if thing is None:
        raise problems.refused("not_found")
    return thing


__all__ = [
    "Anybody",
    "Caller",
    "Desk",
    "DeviceProfiles",
    "HallDesk",
    "IdempotencyKey",
    "LiveMeetings",
    "Present",
    "Rows",
    "Stranger",
    "Version",
    "Visit",
    "anywhere",
    "check_version",
    "found",
    "tag",
]
