"""The tools of each route of the desk: the database, the user, the time, and versions for ETag and If-Match.

The module has no rules: `rooms` decides who may do what. A route also states its right by `signaling.host.declared.needs`, for
the tests.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from fastapi import Depends, FastAPI, Header, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.policy import roles
from rooms.policy.actors import Actor
from signaling.api.ground import problems
from signaling.api.ground.checks import Checks
from signaling.api.ground.cursors import Window, window
from signaling.api.ground.desk import Desk, DeskParts, DeviceProfiles, Doorman, HallDesk, LiveMeetings, Passes, Present
from signaling.api.ground.doorway import Starting
from signaling.api.models import limits

log = logging.getLogger(__name__)
T = TypeVar("T")
Work = Callable[[AsyncSession], Awaitable[T]]
_ETAG = re.compile(r'"([0-9]{1,9})"')
FILES_AT_ONCE = 2
"""Letters of invitation that threads make at the same time; further ones wait. More: slower answers for all users. Fewer:
letters wait longer.
"""
_KEY = re.compile(r"[\x21-\x7e]{1,100}")


@dataclass(frozen=True)
class Visit:
    """A request with its time and its user (`somebody`; None: not signed in)."""

    desk: Desk
    request: Request
    now: datetime
    somebody: Actor | None

    @property
    def actor(self) -> Actor:
        """Return the user of the request. Raise Refusal `signed_out`."""
        if self.somebody is None:
            raise problems.refused("signed_out")
        return self.somebody

    async def read(self, work: Work[T], brief: bool = False) -> T:
        """Run the work in a session that only reads. `brief`: see `Database.reading`."""
        async with self.desk.database.reading(brief) as session:
            return await work(session)

    async def write(self, work: Work[T]) -> T:
        """Run the work in a transaction. The worker then looks for jobs that the transaction has stored."""
        done = await self.desk.database.transact(work)
        self.desk.wake()
        return done

    async def again(self) -> "Visit":
        """Return the same request with the present rights. The user may have signed out, or may have lost a right."""
        now = datetime.fromtimestamp(self.desk.now(), UTC)
        return Visit(self.desk, self.request, now, await self.desk.doorman.actor(self.request, now, seen=False))

    async def refresh_halls(self) -> None:
        """Make the halls read the stored register again at once. If this fails, they read it again within 30 s."""
        if self.desk.halls is None:
            return
        try:
            await self.desk.halls.terminals.refresh()
        except Exception:  # The change is stored, so an error here must not look like a failure of the change.
            log.exception("the halls could not read a change of the register; they read the register again within 30 s")

    @property
    def base(self) -> str:
        """Return the address of this server for users. The Host header was checked before."""
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
    """Return a visit without a look-up of the user, so that an expired cookie does not keep a guest out."""
    desk: Desk = request.app.state.desk
    return Visit(desk, request, datetime.fromtimestamp(desk.now(), UTC), None)


async def _expected(if_match: Annotated[str, Header(max_length=100, description='The ETag, such as `"3"`')]) -> int:
    """Return the version that the caller wants to change. Raise `version_malformed`; `version_missing` if there is none."""
    match = _ETAG.fullmatch(if_match.strip())
    if match is None:
        raise problems.refused("version_malformed")
    return int(match[1])


async def _key(idempotency_key: Annotated[str, Header(max_length=limits.KEY_CHARACTERS)] = "") -> str:
    if idempotency_key and not _KEY.fullmatch(idempotency_key):
        raise problems.refused("key_malformed")
    return idempotency_key


def install(app: FastAPI, parts: DeskParts | None, starting: Starting) -> None:
    """Store the parts that the dependencies below return in the state of `app`."""
    state = app.state
    state.starting, state.printing = starting, asyncio.Semaphore(FILES_AT_ONCE)
    if parts is not None:
        state.desk, state.passes, state.checks, state.profiles = parts.desk, parts.passes, parts.checks, parts.profiles


async def _passes(request: Request) -> Passes:
    passes: Passes = request.app.state.passes
    return passes


async def _checks(request: Request) -> Checks:
    checks: Checks = request.app.state.checks
    return checks


async def _profiles(request: Request) -> DeviceProfiles:
    profiles: DeviceProfiles = request.app.state.profiles
    return profiles


async def _starting(request: Request) -> Starting:
    starting: Starting = request.app.state.starting
    return starting


async def _printing(request: Request) -> asyncio.Semaphore:
    printing: asyncio.Semaphore = request.app.state.printing
    return printing


# All dependencies are coroutines, because FastAPI runs a plain function in a thread and waits for the thread.
Caller = Annotated[Visit, Depends(_known)]
Anybody = Annotated[Visit, Depends(_visit)]
Stranger = Annotated[Visit, Depends(_stranger)]
Version = Annotated[int, Depends(_expected)]
IdempotencyKey = Annotated[str, Depends(_key)]
Rows = Annotated[Window, Depends(window)]
EntryPasses = Annotated[Passes, Depends(_passes)]
DeviceChecks = Annotated[Checks, Depends(_checks)]
Profiles = Annotated[DeviceProfiles, Depends(_profiles)]
WhoStarts = Annotated[Starting, Depends(_starting)]
Printing = Annotated[asyncio.Semaphore, Depends(_printing)]


def tag(response: Response, version: int) -> None:
    response.headers["etag"] = f'"{version}"'


def check_version(expected: int, found: int) -> None:
    """Raise Refusal `version_mismatch`."""
    if expected != found:
        raise problems.refused("version_mismatch")


def anywhere(visit: Visit, action: str) -> Actor:
    """Return the user if the user has this right in at least one unit (for routes of lists and of the register). Raise Refusal
    `signed_out`, `denied`.
    """
    if not roles.anywhere(visit.actor, action):
        raise problems.refused("denied")
    return visit.actor


def found(thing: T | None) -> T:
    """Return the thing, or raise Refusal `not_found` if it is None."""
    if thing is None:
        raise problems.refused("not_found")
    return thing


def end_device(visit: Visit, terminal_id: str) -> None:
    """Send the PC of this terminal out of every meeting. Its earlier tokens do not admit it again."""
    visit.desk.live.bar([f"hall_terminal.{terminal_id}"], visit.now.timestamp())


def throttle(visit: Visit, passes: Passes) -> None:
    """Count the use of a link from this address. Raise Refusal `too_many_requests`."""
    if not passes.links.takes(visit.address, visit.now.timestamp()):
        raise problems.refused("too_many_requests")


__all__ = [
    "Anybody",
    "Caller",
    "Desk",
    "DeviceChecks",
    "DeviceProfiles",
    "Doorman",
    "EntryPasses",
    "HallDesk",
    "IdempotencyKey",
    "LiveMeetings",
    "Passes",
    "Present",
    "Printing",
    "Profiles",
    "Rows",
    "Stranger",
    "Version",
    "Visit",
    "WhoStarts",
    "anywhere",
    "check_version",
    "end_device",
    "found",
    "install",
    "tag",
    "throttle",
]
