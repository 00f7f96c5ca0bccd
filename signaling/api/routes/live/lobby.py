"""The routes of the lobby: waiting outside a meeting, and deciding who may enter (`/api/v1/conferences/{conference}/lobby`).

A waiting user holds only a ticket, which opens no socket. After the admission the client repeats its first request with the
ticket. So every check runs again, and only then the token is made. A host shows the key in the Pass. The module owns the long
polls, which are answered at the next change, or after `LOBBY_POLL_S`. `conference.door.lobby` keeps the waiting users and the
rights.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import ConfigDict, Field

import conference
from conference import Grants, Knock, Lobby, Passage, Refusal, State
from conference.chair import rights
from conference.chair.rights import Act
from rooms.policy.actors import Actor
from signaling.api.models.parts import Text200
from signaling.api.routes.live.hosts import Bearer, Name, address_of, counted, host_of
from signaling.host import limits
from signaling.host.bodies import Body
from signaling.host.declared import SECRET, needs
from signaling.host.routers import new_router
from signaling.host.throttle import Throttle
from signaling.host.tokens import OF_CLIENT
from signaling.orders import authority, performing
from signaling.orders.doorway import Doorway
from signaling.orders.performing import Given
from signaling.orders.shapes import Admitted, Admitting


class _Message(Body):
    """The base of the requests and answers of these routes."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class Waiting(_Message):
    """The answer to a user who must wait. The client waits with the ticket, and then asks for the pass again with the ticket."""

    state: Literal["waiting"] = "waiting"
    ticket: str
    conference: str
    title: str
    hosted: bool = Field(description="A host of the meeting sees the waiting users.")
    expires_at: int


class Ticket(_Message):
    """The ticket of a waiting user."""

    ticket: str = Field(pattern=r"^[0-9A-Za-z]{16,64}$")


class Patience(Ticket):
    """A question for the state of a ticket. `wait` false: the server answers at once."""

    wait: bool = True


class Standing(_Message):
    """The state of a ticket. `code` and the texts give the reason of a refusal."""

    state: Literal["waiting", "admitted", "denied", "expired", "ended", "gone"]
    hosted: bool
    expires_at: int
    code: str = ""
    vi: str = ""
    en: str = ""


class Waiter(_Message):
    """A waiting user, as hosts see the user. `named`: the name is confirmed by an invitation or an account."""

    id: str
    name: str
    way: str
    named: bool
    since: float


class LobbyView(_Message):
    """The lobby, as a host sees it. Send `revision` as `since` to wait for the next change."""

    on: bool
    revision: int
    waiting: list[Waiter]
    barred: int = Field(0, description="The number of users who were finally turned away.")


class Denying(_Message):
    """A refusal. The refused user reads `why`."""

    id: str = Field(max_length=64)
    why: Text200 = ""
    final: bool = Field(False, description="Also bar this account, this link, or this name from this network.")


class Switch(_Message):
    """The switch of the lobby. Guests by number and PIN always wait, with the switch on or off."""

    on: bool


def waiting(lobby: Lobby, knock: Knock, title: str, now: float) -> Waiting:
    return Waiting(
        ticket=knock.ticket,
        conference=lobby.name,
        title=title,
        hosted=lobby.room.hosted(now),
        expires_at=int(knock.since + conference.limits.LOBBY_WAIT_S),
    )


def session_of(actor: Actor) -> str:
    """Return the session, or the client of another system. When it ends, the passes and keys of this caller end too."""
    return f"{OF_CLIENT}{actor.id}" if actor.kind == "client" else actor.session


def host_key(sign: Callable[[Grants, float, float], str], grants: Grants, now: float) -> str:
    """Return the key with which a host decides who may enter. The key opens no socket."""
    return sign(replace(grants, join=False, passage=Passage.HOST), limits.MODERATION_TTL_S, now)


def routes(around: Doorway) -> APIRouter:
    router = new_router("lobby", prefix="/conferences/{conference}/lobby")
    tries = Throttle(around.shared, "tries at a lobby", limits.LOBBY_TRIES_PER_MINUTE)
    _guests(router, around, tries)
    _hosts(router, around, tries)
    return router


def _guests(router: APIRouter, around: Doorway, tries: Throttle) -> None:
    @router.post("/wait", openapi_extra=needs(SECRET))
    async def wait(request: Request, conference: Name, asked: Patience) -> Standing:
        """Return the state of a waiting user's ticket when it changes, or after 25 s."""
        lobby, knock = _knock(around, request, conference, asked.ticket, tries)
        if asked.wait and knock.state is State.WAITING and not around.lobbies.closed:
            await _until_told(knock.listen, knock.listens_not)
            lobby.room.look(asked.ticket, around.now())
        return _standing(lobby, knock, around.now())

    @router.post("/leave", status_code=204, openapi_extra=needs(SECRET))
    async def leave(request: Request, conference: Name, asked: Ticket) -> None:
        """Stop waiting."""
        lobby, _ = _knock(around, request, conference, asked.ticket, tries)
        lobby.room.leave(asked.ticket)


def _hosts(router: APIRouter, around: Doorway, tries: Throttle) -> None:
    @router.get("", openapi_extra=needs(SECRET))
    async def look(
        request: Request,
        conference: Name,
        since: Annotated[int, Query(ge=-1, le=2**53)] = -1,
        authorization: Bearer = "",
    ) -> LobbyView:
        """Return the waiting users. With `since` the answer comes when the list changes, or after 25 s."""
        lobby, _ = await _host(around, request, conference, authorization, tries)
        lobby.room.expire(around.now())
        lobby.room.hosted_now(around.now())
        if since == lobby.room.revision and not around.lobbies.closed:
            await _until_told(lobby.room.watch, lobby.room.watch_not)
            lobby, _ = await _host(
                around, request, conference, authorization, tries
            )  # The host may have lost the right during the wait.
            lobby.room.hosted_now(around.now())
        return _view(lobby)

    turning = asyncio.Lock()

    @router.put("", openapi_extra=needs(SECRET))
    async def switch(request: Request, conference: Name, wanted: Switch, authorization: Bearer = "") -> LobbyView:
        """Switch the lobby on or off, while the meeting runs. Off admits the users who waited only because it was on."""
        lobby, host = await _host(around, request, conference, authorization, tries)
        async with turning:  # If two hosts switch at once, the stored value must be the value in force.
            around.lobbies.check_settable()
            await around.hosts.note_lobby(host, "lobby.switch", {"on": wanted.on}, address_of(request))
            await around.hosts.keep_lobby(conference, wanted.on, lobby.ordered)
            lobby = around.lobbies.get(conference, around.now())
            lobby.set(wanted.on, around.meetings.identities(conference))
        return _view(lobby)

    @router.post("/admit", openapi_extra=needs(SECRET))
    async def admit(request: Request, conference: Name, wanted: Admitting, authorization: Bearer = "") -> Admitted:
        """Admit one, some or all waiting users. Users who have left are skipped; `knock_unknown` if none of the users waits."""
        _, host = await _host(around, request, conference, authorization, tries)
        given = Given(around, conference, host, address_of(request), authority.host_by(around, conference, host))
        return await performing.admit(given, wanted)

    @router.post("/deny", status_code=204, openapi_extra=needs(SECRET))
    async def deny(request: Request, conference: Name, wanted: Denying, authorization: Bearer = "") -> None:
        """Turn a user away with a reason. With `final` the user cannot ask again."""
        lobby, host = await _host(around, request, conference, authorization, tries)
        why = _cleaned(wanted.why)
        detail = {"name": lobby.room.find(wanted.id).who.name, "why": why, "final": wanted.final}
        await around.hosts.note_lobby(host, "lobby.deny", detail, address_of(request))
        lobby.deny(wanted.id, why, around.now(), final=wanted.final)
        if wanted.final:
            await around.hosts.keep_bars(conference, lobby.turned_away.bars)

    @router.post("/pardon", status_code=204, openapi_extra=needs(SECRET))
    async def pardon(request: Request, conference: Name, authorization: Bearer = "") -> None:
        """Allow all users who were turned away, finally too, to ask again."""
        lobby, host = await _host(around, request, conference, authorization, tries)
        await around.hosts.note_lobby(host, "lobby.pardon", {"count": lobby.turned_away.count}, address_of(request))
        lobby.pardon()
        await around.hosts.keep_bars(conference, lobby.turned_away.bars)


def _cleaned(text: str) -> str:
    return conference.cleaned(text)[: conference.limits.LOBBY_WHY_CHARACTERS]


def _knock(around: Doorway, request: Request, name: str, ticket: str, tries: Throttle) -> tuple[Lobby, Knock]:
    """Return the knock of a ticket. Raise Refusal `knock_unknown`, `too_many_requests`, so that tickets cannot be guessed."""
    try:
        lobby = around.lobbies.find(name)
        if lobby is None:
            raise Refusal("knock_unknown")
        return lobby, lobby.room.look(ticket, around.now())
    except Refusal as refusal:
        raise counted(refusal, around, request, tries) from refusal


async def _host(
    around: Doorway, request: Request, name: str, authorization: str, tries: Throttle
) -> tuple[Lobby, Grants]:
    """Return the lobby and the host (`host_of`). Raise Refusal if the host's role in the meeting may not admit people."""
    host = await host_of(around, request, name, authorization, tries)
    rights.ask(authority.host_by(around, name, host), Act.ADMIT)
    return around.lobbies.get(name, around.now()), host


async def _until_told(
    subscribe: Callable[[Callable[[], None]], bool], forget: Callable[[Callable[[], None]], None]
) -> None:
    told = asyncio.Event()
    tell = told.set
    if not subscribe(tell):
        return
    try:
        async with asyncio.timeout(limits.LOBBY_POLL_S):
            await told.wait()
    except TimeoutError:
        pass
    finally:
        forget(tell)


def _standing(lobby: Lobby, knock: Knock, now: float) -> Standing:
    why = knock.why
    return Standing(
        state=knock.state.value,
        hosted=lobby.room.hosted(now),
        expires_at=int(knock.since + conference.limits.LOBBY_WAIT_S),
        code=why.code if why else "",
        vi=why.vietnamese if why else "",
        en=why.english if why else "",
    )


def _view(lobby: Lobby) -> LobbyView:
    found = [
        Waiter(id=one.id, name=one.who.name, way=one.who.way, named=bool(one.who.bearer), since=one.since)
        for one in lobby.room.waiting.values()
    ]
    return LobbyView(on=lobby.on, revision=lobby.room.revision, waiting=found, barred=lobby.turned_away.count)
