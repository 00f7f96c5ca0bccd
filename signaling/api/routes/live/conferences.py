"""The routes that start a meeting, return a token for it, and return facts about the server.

These routes make the number of a meeting and seal its invitation. The live conference begins when the first participant joins.
A client with the invitation, or with the number of a meeting that was started here, gets a participant's token for ten minutes.
The only live state is the numbers and the titles that users typed: `signaling.api.ground.numbers`.
"""

import hashlib
from contextlib import suppress
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ConfigDict, Field

from conference import Grants, Knocker, Passage, Refusal, State, cleaned
from signaling.api.ground.doorway import InstantMeetings, ServerFacts, Starting
from signaling.api.ground.inside import of_conference
from signaling.api.ground.invitations import NUMBER, new_number
from signaling.api.ground.problems import refused
from signaling.api.models.joining import Inside
from signaling.api.routes.live.lobby import Waiting, host_key, waiting
from signaling.host import limits
from signaling.host.bodies import Body
from signaling.host.declared import PUBLIC, SECRET, needs
from signaling.host.routers import new_router
from signaling.host.throttle import Throttle, network

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
OPENER_COOKIE = "diemcau_opener"
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


class _Message(Body):
    """The base of the requests and answers of these routes."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class NewConference(_Message):
    """The options of a new meeting."""

    name: str = Field("", max_length=1000, description="The title, at most 100 characters after cleaning.")
    lobby: bool = Field(False, description="Participants wait until a host admits them.")


class Created(_Message):
    """A meeting and its link."""

    conference: str
    url: str
    invite: str
    moderator: str = Field(description="The opener's secret for `token`. A host decides who may enter.")


class Joining(_Message):
    """The name and the secrets of a user who wants to enter."""

    name: str = Field(max_length=1000)
    invite: str = Field("", max_length=64)
    moderator: str = Field("", max_length=64)
    ticket: str = Field("", max_length=64, description="The ticket of a user who has waited in the lobby.")


class Looking(_Message):
    """The invitation that a page checks before it opens devices."""

    invite: str = Field("", max_length=64)


class Found(_Message):
    """The meeting of a number or an invitation, as it is now."""

    conference: str
    title: str
    by_number: bool = Field(description="The number alone admits too, without the invitation.")
    lobby: bool = Field(description="Participants wait until a host admits them.")
    entry_muted: bool = Field(False, description="Newcomers join with their microphones off.")
    inside: Inside | None = Field(
        None, description="The participants now. Null: the caller must wait in the lobby first."
    )


class Pass(_Message):
    """The permission to enter within ten minutes."""

    token: str
    url: str
    identity: str
    conference: str
    title: str
    expires_at: int
    moderation: str = Field("", description="A key to the lobby, for a host.")
    by_number: bool = Field(False, description="The number alone admits too, without the invitation.")
    listed: bool = Field(False, description="The browser may keep number and title in its list of recent meetings.")


class AuthorityNote(_Message):
    """The local authority that phones must trust."""

    fingerprint: str
    download: str


class About(_Message):
    """The public facts about the server."""

    name: str
    version: str
    secure: bool
    may_start: bool = Field(description="The caller may start a meeting at once, without a token.")
    ca: AuthorityNote | None


class Health(_Message):
    """The health of the server, for supervisors."""

    live: bool
    ready: bool
    busy: bool = Field(description="The server is overloaded, and calls are getting worse.")


Number = Annotated[str, Path(pattern=f"^{NUMBER}$")]
Bearer = Annotated[str, Header()]


def routes(around: InstantMeetings) -> APIRouter:
    router = new_router("conferences")
    creations = Throttle(around.doorway.shared, "creations", limits.CREATIONS_PER_MINUTE)
    tokens = Throttle(around.doorway.shared, "tokens", limits.TOKENS_PER_MINUTE)
    looks = Throttle(around.doorway.shared, "looks", limits.LOOKS_PER_MINUTE)

    @router.post("/conferences", status_code=201, openapi_extra=needs(PUBLIC))
    async def create(
        request: Request, response: Response, wanted: NewConference, authorization: Bearer = ""
    ) -> Created:
        """Make a number and its invitation. The caller needs the right to start meetings. A browser also gets the opener's
        secret as a cookie that no script can read.
        """
        _take(creations, request, around.doorway.now())
        source = _creator(around, request, authorization)
        number, title = new_number(around.random_bytes), _checked(wanted.name, required=False)
        await around.numbers.add(number, title, source)
        if wanted.lobby:
            around.doorway.lobbies.check_settable()
            await around.doorway.hosts.keep_lobby(number, True, None)
            around.doorway.lobbies.get(number, around.doorway.now()).set(True, ())
        invitation = around.invitations
        url = invitation.link(_base(around, request), number)
        secret = invitation.seal_host(number)
        _keep_opener(around, request, response, number, secret)
        return Created(conference=number, url=url, invite=invitation.seal(number), moderator=secret)

    @router.post("/conferences/{conference}/look", openapi_extra=needs(SECRET))
    async def look(request: Request, conference: Number, looking: Looking) -> Found:
        """Report whether the invitation, or the number alone, opens a meeting, and how. A page asks this before it opens a
        camera, and before it invites others.
        """
        _take(looks, request, around.doorway.now())
        _check_invitation(around, conference, looking.invite)
        lobby = around.doorway.lobbies.find(conference)
        waits = lobby is not None and lobby.on
        seen = not waits or around.invitations.hosts(conference, request.cookies.get(OPENER_COOKIE, "")[:64])
        return Found(
            conference=conference,
            title=around.numbers.title(conference),
            by_number=conference in around.numbers,
            lobby=waits,
            entry_muted=_mutes_entry(around, conference),
            inside=of_conference(around.doorway.meetings.registry, conference) if seen else None,
        )

    @router.post("/conferences/{conference}/token", responses={202: {"model": Waiting}}, openapi_extra=needs(SECRET))
    async def join(request: Request, response: Response, conference: Number, joining: Joining) -> Pass | Waiting:
        """Return a participant's token to a client with the invitation, or with the number of a meeting started here. With 202:
        a ticket to wait while the lobby is on.
        """
        _take(tokens, request, around.doorway.now())
        _check_invitation(around, conference, joining.invite)
        host = _is_host(around, request, conference, joining.moderator)
        name = _checked(joining.name, required=True)
        await around.numbers.use(conference)
        identity = f"p-{around.random_bytes(10).hex()}"
        grants = Grants(identity=identity, name=name, conference=conference, join=True, raises_hand=True)
        if host:
            _keep_opener(around, request, response, conference, around.invitations.seal_host(conference))
            return _pass(around, request, replace(grants, passage=Passage.HOST))
        made = _through_lobby(around, request, grants, joining.ticket)
        if isinstance(made, Waiting):
            response.status_code = 202
            return made
        return _pass(around, request, made)

    return router


def server_routes(server: ServerFacts) -> APIRouter:
    router = new_router("server")

    @router.get("/about", openapi_extra=needs(PUBLIC))
    async def about(request: Request) -> About:
        """Return the name, the version, and whether the caller may start meetings without a token. With a local authority: the
        fingerprint that users compare before they trust the authority.
        """
        seal = server.authority()
        note = AuthorityNote(fingerprint=seal, download="/ca.crt") if seal else None
        secure = request.url.scheme == "https" or request.url.hostname in ("localhost", *LOOPBACK)
        may_start = _is_open(server.starting, request)
        return About(name="Điểm Cầu", version=server.version, secure=secure, may_start=may_start, ca=note)

    @router.get("/health", openapi_extra=needs(PUBLIC), responses={503: {"model": Health}})
    async def health() -> JSONResponse:
        """Return 200 while the server admits new participants, else 503."""
        told, status = await server.probes.health()
        return JSONResponse(told, status)

    @router.get("/health/live", openapi_extra=needs(PUBLIC))
    async def live() -> Health:
        """Return 200 while the server answers requests."""
        return Health(live=True, ready=server.probes.ready(), busy=server.probes.busy())

    return router


def _pass(around: InstantMeetings, request: Request, grants: Grants) -> Pass:
    now, sign = around.doorway.now(), around.doorway.authenticator.sign
    return Pass(
        token=sign(grants, limits.TOKEN_TTL_S, now),
        url=_base(around, request).replace("http", "ws", 1),
        identity=grants.identity,
        conference=grants.conference,
        title=around.numbers.title(grants.conference),
        expires_at=int(now) + limits.TOKEN_TTL_S,
        moderation=host_key(sign, grants, now) if grants.passage is Passage.HOST else "",
        by_number=grants.conference in around.numbers,
        listed=grants.conference in around.numbers,
    )


def _through_lobby(around: InstantMeetings, request: Request, grants: Grants, ticket: str) -> Grants | Waiting:
    """Return the grants to enter with, or a ticket. Raise Refusal `lobby_full`, `lobby_denied`, `lobby_pause`."""
    lobby = around.doorway.lobbies.find(grants.conference)
    if lobby is None:
        with suppress(Refusal):  # If the server has no room for a lobby, all enter and no bar works.
            lobby = around.doorway.lobbies.get(grants.conference, around.doorway.now())
    if lobby is None:
        return grants
    source = network(_address(request))
    who = Knocker(identity=grants.identity, name=grants.name, way="share_link", source=source)
    lobby.turned_away.check_barred(who)
    if not (lobby.on or (ticket and lobby.admits(who, ticket))):
        lobby.turned_away.note_entry(who)
        return grants
    knock = around.doorway.lobbies.knock(grants.conference, who, ticket, around.doorway.now())
    if knock.state is State.ADMITTED:  # The name that the host saw counts, not a name that the user gives now.
        lobby.turned_away.note_entry(knock.who)
        return replace(grants, identity=knock.who.identity, name=knock.who.name, passage=Passage.ADMITTED)
    return waiting(lobby, knock, around.numbers.title(grants.conference), around.doorway.now())


def _is_host(around: InstantMeetings, request: Request, conference: str, secret: str) -> bool:
    """Report whether the caller is a host. An expired cookie makes no host, but does not keep the caller out. Raise Refusal
    `invitation_wrong`.
    """
    if secret and not around.invitations.hosts(conference, secret):
        raise refused("invitation_wrong")
    return bool(secret) or around.invitations.hosts(conference, request.cookies.get(OPENER_COOKIE, "")[:64])


def _keep_opener(around: InstantMeetings, request: Request, response: Response, conference: str, secret: str) -> None:
    """Set the opener's cookie, so that this browser still decides who may enter after its tab was closed. It is sent only to
    this meeting's address.
    """
    response.set_cookie(
        OPENER_COOKIE,
        secret,
        max_age=limits.OPENER_KEPT_S,
        path=f"/api/v1/conferences/{conference}/",
        secure=_base(around, request).startswith("https:"),
        httponly=True,
        samesite="strict",
    )


def _mutes_entry(around: InstantMeetings, conference: str) -> bool:
    registry = around.doorway.meetings.registry
    try:
        return registry is not None and registry.get(conference).machines.rules.entry_muted
    except Refusal:  # the conference has not begun
        return False


def _take(throttle: Throttle, request: Request, now: float) -> None:
    if not throttle.takes(_address(request), now):
        raise refused("too_many_requests")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _check_invitation(around: InstantMeetings, conference: str, invite: str) -> None:
    """Raise Refusal if neither the invitation nor the number opens the meeting.

    A number is read from a screen or over the telephone. It has 10 random letters, which cannot be guessed at the allowed rate.
    """
    if around.doorway.meetings.owns(conference):
        raise refused("conference_unknown")
    if invite:
        if not around.invitations.opens(conference, invite):
            raise refused("invitation_wrong")
    elif conference not in around.numbers:
        raise refused("conference_unknown")


def _creator(around: InstantMeetings, request: Request, authorization: str) -> str:
    """Return the network or account that makes the new number. The number counts to the share of this network or account. Raise
    Refusal.
    """
    if authorization:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer":
            grants = around.doorway.authenticator.verify(token.strip(), around.doorway.now())
            if grants.create:
                return f"account:{hashlib.sha256(grants.identity.encode()).hexdigest()[:32]}"
    elif _is_open(around.starting, request):
        return network(_address(request))
    raise refused("creation_denied")


def _is_open(starting: Starting, request: Request) -> bool:
    """Report whether this client may start a meeting without a token."""
    return starting.everybody or (starting.local and is_local(request))


def is_local(request: Request) -> bool:
    """Report whether the request is from this machine, and not through a proxy on this machine."""
    direct = not any(name in request.headers for name in FORWARDED)
    return direct and request.client is not None and request.client.host in LOOPBACK


def _checked(text: str, *, required: bool) -> str:
    name = cleaned(text)
    if required and not name:
        raise refused("name_empty")
    if len(name) > limits.NAME_CHARACTERS:
        raise refused("name_too_long")
    return name


def _base(around: InstantMeetings, request: Request) -> str:
    """Return the address of this server for users. The Host header was checked before."""
    return around.public_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
