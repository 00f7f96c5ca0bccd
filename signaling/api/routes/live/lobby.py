"""`/api/v1/conferences/{conference}/lobby`: waiting outside of a meeting, and deciding who comes in.

Whoever waits holds a ticket and nothing else: it opens no socket. Once admitted he repeats the request that he began with, along
with his ticket, so that everything is judged once more and his token is made only then. A host shows the key of his Pass. Owns
the long questions (answered at the next news, at the latest after `LOBBY_POLL_S`); what waits and who may is
`conference.door.lobby`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import ConfigDict, Field

import conference
from conference import Grants, Knock, Lobby, Passage, Refusal, State
from rooms.policy.actors import Actor
from signaling.api.ground.doorway import Doorway
from signaling.api.models.parts import Text200
from signaling.api.routes.live.hosts import Bearer, Name, address_of, counted, host_of
from signaling.host import limits
from signaling.host.bodies import Body
from signaling.host.declared import SECRET, needs
from signaling.host.throttle import Throttle
from signaling.host.tokens import OF_CLIENT

MOST_IDS = conference.limits.LOBBY_WAITING


class _Message(Body):
    """What goes in and out here."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class Waiting(_Message):
    """Not yet: wait with the ticket, then ask for the pass again, along with it."""

    state: Literal["waiting"] = "waiting"
    ticket: str
    conference: str
    title: str
    hosted: bool = Field(description="a host of the meeting sees who waits")
    expires_at: int


class Ticket(_Message):
    """Who asks."""

    ticket: str = Field(pattern=r"^[0-9A-Za-z]{16,64}$")


class Patience(Ticket):
    """`wait` false: answered at once."""

    wait: bool = True


class Standing(_Message):
    """How it stands. `code` and the texts tell why not."""

    state: Literal["waiting", "admitted", "denied", "expired", "ended", "gone"]
    hosted: bool
    expires_at: int
    code: str = ""
    vi: str = ""
    en: str = ""


class Waiter(_Message):
    """Somebody who waits, as hosts see him. `named`: an invitation or an account vouches for the name."""

    id: str
    name: str
    way: str
    named: bool
    since: float


class LobbyView(_Message):
    """What a host sees. `revision` is handed back as `since`."""

    on: bool
    revision: int
    waiting: list[Waiter]
    barred: int = Field(0, description="how many were turned away for good")


class Admitting(_Message):
    """Whom; `all`: everybody who waits now."""

    ids: list[Annotated[str, Field(max_length=64)]] = Field(default_factory=list, max_length=MOST_IDS)
    all: bool = False


class Admitted(_Message):
    """How many came in."""

    admitted: int


class Denying(_Message):
    """`why` is shown to whoever is turned away."""

    id: str = Field(max_length=64)
    why: Text200 = ""
    final: bool = Field(False, description="for good: this account, this link, or this name from this network")


class Switch(_Message):
    """For everybody but those who wait whatever is set: guests by number and PIN."""

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
    """By which what this caller opened ends again."""
    return f"{OF_CLIENT}{actor.id}" if actor.kind == "client" else actor.session


def host_key(sign: Callable[[Grants, float, float], str], grants: Grants, now: float) -> str:
    """By which a host decides who comes in: it opens no socket itself."""
    return sign(replace(grants, join=False, passage=Passage.HOST), limits.MODERATION_TTL_S, now)


def routes(around: Doorway) -> APIRouter:
    router = APIRouter(tags=["lobby"], prefix="/conferences/{conference}/lobby")
    tries = Throttle(around.shared, "tries at a lobby", limits.LOBBY_TRIES_PER_MINUTE)
    _guests(router, around, tries)
    _hosts(router, around, tries)
    return router


def _guests(router: APIRouter, around: Doorway, tries: Throttle) -> None:
    @router.post("/wait", openapi_extra=needs(SECRET))
    async def wait(request: Request, conference: Name, asked: Patience) -> Standing:
        """Of whoever waits: answered when something changes, or after 25 s."""
        lobby, knock = _knock(around, request, conference, asked.ticket, tries)
        if asked.wait and knock.state is State.WAITING and not around.lobbies.closed:
            await _until_told(knock.listen, knock.listens_not)
            lobby.room.look(asked.ticket, around.now())
        return _standing(lobby, knock, around.now())

    @router.post("/leave", status_code=204, openapi_extra=needs(SECRET))
    async def leave(request: Request, conference: Name, asked: Ticket) -> None:
        """He waits no longer."""
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
        """Who waits. With `since` the answer comes when it is another one, or after 25 s."""
        lobby, _ = await _host(around, request, conference, authorization, tries)
        lobby.room.expire(around.now())
        lobby.room.hosted_now(around.now())
        if since == lobby.room.revision and not around.lobbies.closed:
            await _until_told(lobby.room.watch, lobby.room.watch_not)
            lobby, _ = await _host(
                around, request, conference, authorization, tries
            )  # he may have lost the right meanwhile
            lobby.room.hosted_now(around.now())
        return _view(lobby)

    turning = asyncio.Lock()

    @router.put("", openapi_extra=needs(SECRET))
    async def switch(request: Request, conference: Name, wanted: Switch, authorization: Bearer = "") -> LobbyView:
        """On or off, while the meeting runs. Off lets those in who waited only for that."""
        lobby, host = await _host(around, request, conference, authorization, tries)
        async with turning:  # two hosts at once: what is written is what holds
            around.lobbies.check_settable()
            await around.hosts.note_lobby(host, "lobby.switch", {"on": wanted.on}, address_of(request))
            await around.hosts.keep_lobby(conference, wanted.on, lobby.ordered)
            lobby = around.lobbies.get(conference, around.now())
            lobby.set(wanted.on, around.meetings.identities(conference))
        return _view(lobby)

    @router.post("/admit", openapi_extra=needs(SECRET))
    async def admit(request: Request, conference: Name, wanted: Admitting, authorization: Bearer = "") -> Admitted:
        """One, some or all. Whoever has gone meanwhile is passed over; `knock_unknown` when nobody of them waits."""
        lobby, host = await _host(around, request, conference, authorization, tries)
        lobby.room.expire(around.now())
        ids = list(lobby.room.waiting) if wanted.all else [one for one in wanted.ids if one in lobby.room.waiting]
        if not ids:
            raise Refusal("knock_unknown")
        names = [lobby.room.waiting[one].who.name for one in ids]
        await around.hosts.note_lobby(
            host, "lobby.admit", {"names": names[:50], "count": len(ids)}, address_of(request)
        )
        return Admitted(admitted=len(lobby.admit(ids)))

    @router.post("/deny", status_code=204, openapi_extra=needs(SECRET))
    async def deny(request: Request, conference: Name, wanted: Denying, authorization: Bearer = "") -> None:
        """He hears that he was turned away, and why; `final`: and does not ask again."""
        lobby, host = await _host(around, request, conference, authorization, tries)
        why = _cleaned(wanted.why)
        detail = {"name": lobby.room.find(wanted.id).who.name, "why": why, "final": wanted.final}
        await around.hosts.note_lobby(host, "lobby.deny", detail, address_of(request))
        lobby.deny(wanted.id, why, around.now(), final=wanted.final)
        if wanted.final:
            await around.hosts.keep_bars(conference, lobby.turned_away.bars)

    @router.post("/pardon", status_code=204, openapi_extra=needs(SECRET))
    async def pardon(request: Request, conference: Name, authorization: Bearer = "") -> None:
        """Whoever was turned away, for good too, may ask again."""
        lobby, host = await _host(around, request, conference, authorization, tries)
        await around.hosts.note_lobby(host, "lobby.pardon", {"count": lobby.turned_away.count}, address_of(request))
        lobby.pardon()
        await around.hosts.keep_bars(conference, lobby.turned_away.bars)


def _cleaned(text: str) -> str:
    return conference.cleaned(text)[: conference.limits.LOBBY_WHY_CHARACTERS]


def _knock(around: Doorway, request: Request, name: str, ticket: str, tries: Throttle) -> tuple[Lobby, Knock]:
    """Raises Refusal `knock_unknown`, `too_many_requests`: tickets are not tried out."""
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
    """As `host_of`, with the lobby."""
    host = await host_of(around, request, name, authorization, tries)
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
