"""The routes for entering a booked meeting: signed in, by personal link, by number and PIN. Every way checks the class policy,
in `rooms`.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Path, Response
from sqlalchemy.ext.asyncio import AsyncSession

from conference import Grants, Knocker, Passage, State, marks
from conference import Refusal as LiveRefusal
from rooms.meetings import entry
from rooms.policy.actors import Actor
from rooms.policy.classes import ORDINARY
from rooms.store import audit
from signaling.api.ground import problems
from signaling.api.ground.inside import of_names
from signaling.api.ground.visits import Caller, EntryPasses, Passes, Stranger, Visit
from signaling.api.models.joining import BookedPass, Entering, Inside, JoinFields, JoinView, Moderation
from signaling.api.models.parts import Id
from signaling.api.routes.live.lobby import Waiting, host_key, session_of, waiting
from signaling.host import limits
from signaling.host.dates import PREFIX
from signaling.host.declared import OWN, SECRET, needs
from signaling.host.routers import new_router
from signaling.host.throttle import network

router = new_router("joining")
WAITS: dict[int | str, dict[str, Any]] = {202: {"model": Waiting, "description": "The user waits in the lobby."}}


@router.post("/join/look", openapi_extra=needs(SECRET))
async def look(visit: Stranger, passes: EntryPasses, wanted: JoinFields) -> JoinView:
    """Show the meeting that the bearer of a personal link, or of number and PIN, would enter, and why not yet."""
    found = await visit.read(lambda session: _by_secret(session, visit, passes, wanted))
    refusal = found.refusal(visit.now)
    why = {"code": refusal.code, "vi": refusal.vietnamese, "en": refusal.english} if refusal else {}
    return JoinView(
        title=found.meeting.title,
        host_unit_name=found.host_unit_name,
        class_=found.meeting.class_,
        starts_at=found.occurrence.starts_at,
        ends_at=found.occurrence.ends_at,
        opens_at=found.opens_at,
        name=found.name,
        entry_muted=not found.host and visit.desk.live.mutes_entry(found.occurrence.id, found.meeting.entry_muted),
        inside=_inside(visit, passes, found),
        **why,
    )


@router.post("/join", responses=WAITS, openapi_extra=needs(SECRET))
async def join(visit: Stranger, passes: EntryPasses, response: Response, wanted: JoinFields) -> BookedPass | Waiting:
    """Return a pass for the bearer of a personal link, or of number and PIN. With 202: a ticket to wait in the lobby."""

    async def work(session: AsyncSession) -> Comer:
        found = await _by_secret(session, visit, passes, wanted)
        if not passes.given.takes(visit.address, visit.now.timestamp()):
            raise problems.refused("too_many_requests")
        actor = Actor("link", found.attendee_id or "number", name=found.name, address=visit.address)
        return await _comer(session, visit, passes, found, actor, found.attendee_id, "", wanted.ticket)

    return _let_in(visit, passes, response, await visit.write(work), wanted.ticket)


@router.post("/occurrences/{occurrence_id}/pass", responses=WAITS, openapi_extra=needs(OWN))
async def enter(
    visit: Caller, passes: EntryPasses, response: Response, occurrence_id: Annotated[Id, Path()], wanted: Entering
) -> BookedPass | Waiting:
    """Return a pass for a signed-in invitee or the host's desk: the button "Vào họp". With 202: a ticket to wait in the lobby."""
    actor = visit.actor

    async def work(session: AsyncSession) -> Comer:
        found = await entry.by_account(session, occurrence_id, actor, visit.now, wanted.phone)
        who = found.attendee_id or actor.person_id or actor.id
        return await _comer(session, visit, passes, found, actor, who, actor.person_id or actor.id, wanted.ticket)

    return _let_in(visit, passes, response, await visit.write(work), wanted.ticket)


@router.get("/occurrences/{occurrence_id}/inside", openapi_extra=needs(OWN))
async def inside(visit: Caller, passes: EntryPasses, occurrence_id: Annotated[Id, Path()]) -> Inside:
    """Return the participants of a date, for a signed-in user who may enter it now without the lobby. Raise `denied`."""
    actor = visit.actor
    found = await visit.read(lambda session: entry.by_account(session, occurrence_id, actor, visit.now))
    seen = _inside(visit, passes, found)
    if seen is None:
        raise problems.refused("denied")
    return seen


@router.post("/occurrences/{occurrence_id}/moderation", openapi_extra=needs("meetings.edit", of="occurrence"))
async def moderate(visit: Caller, passes: EntryPasses, occurrence_id: Annotated[Id, Path()]) -> Moderation:
    """Return a key to the lobby of a date for its hosts, while its door is open. The host need not enter the meeting."""
    actor = visit.actor

    async def work(session: AsyncSession) -> Comer:
        found = await entry.by_account(session, occurrence_id, actor, visit.now)
        if not found.host:
            raise problems.refused("denied")
        who = found.attendee_id or actor.person_id or actor.id
        return await _comer(session, visit, passes, found, actor, who, "", "", desk=True)

    grants = (await visit.write(work)).grants
    now = visit.now.timestamp()
    key = host_key(passes.sign, grants, now)
    return Moderation(conference=grants.conference, key=key, expires_at=int(now) + limits.MODERATION_TTL_S)


async def _by_secret(session: AsyncSession, visit: Visit, passes: Passes, wanted: JoinFields) -> entry.Entry:
    """Find the meeting of a link, or of number and PIN. Raise Refusal `join_words`, `too_many_requests`, `link_wrong`,
    `number_or_pin_wrong`, …
    """
    at = visit.now.timestamp()
    if wanted.link is not None and wanted.number is None and wanted.pin is None:
        if not passes.links.takes(visit.address, at):
            raise problems.refused("too_many_requests")
        found = await entry.by_link(session, wanted.link, visit.now)
        passes.links.gives_back(visit.address)
        return found
    if wanted.number is None or wanted.pin is None or wanted.link is not None:
        raise problems.refused("join_words")
    number = "".join(one for one in wanted.number if one.isdigit())
    if not passes.number_tries.takes(number, visit.address, at):
        raise problems.refused("too_many_requests")
    found = await entry.by_number(session, number, wanted.pin, wanted.name, visit.now)
    passes.number_tries.gives_back(number, visit.address)
    return found


def _inside(visit: Visit, passes: Passes, found: entry.Entry) -> Inside | None:
    """Return the participants of the date. Return None for an important meeting, and for a user whom the door refuses or the
    lobby would hold: names are for users who could enter now and see them. A guest with number and PIN always waits.
    """
    if found.meeting.class_ != ORDINARY or found.refusal(visit.now) is not None:
        return None
    try:
        lobby = passes.lobbies.find(PREFIX + found.occurrence.id)
    except LiveRefusal:  # The server has no room to restore the lobby, so the lobby may be on.
        return None
    if found.waits(found.meeting.lobby if lobby is None else lobby.on):
        return None
    return of_names(visit.desk.live.names(found.occurrence.id))


@dataclass(frozen=True)
class Comer:
    """A user whom the door does not refuse. `waits`: the user must wait, unless a host has admitted the user already."""

    found: entry.Entry
    grants: Grants
    knocker: Knocker
    waits: bool


async def _comer(
    session: AsyncSession,
    visit: Visit,
    passes: Passes,
    found: entry.Entry,
    actor: Actor,
    bearer: str,
    key: str,
    ticket: str,
    desk: bool = False,
) -> Comer:
    """Judge and record an entry. `bearer`, `key`: as in `conference.Knocker`. `desk`: the host opens the desk, which carries
    orders without sound and picture. So the class of the meeting does not count.

    Raise the refusal of `entry.Entry.refusal`, or `lobby_limit`. A user whom the lobby refuses leaves no row in the audit
    trail.
    """
    refusal = entry.door(found, visit.now) if desk else found.refusal(visit.now)
    if refusal is not None:
        raise refusal
    action = "meeting.moderation" if desk else "meeting.pass"
    date, meeting = found.occurrence, found.meeting
    grants = Grants(
        identity=f"{found.way}.{bearer or 'guest'}.{passes.suffix()}",
        name=_shown(found.name),
        attributes=_marks(found),
        conference=visit.desk.live.name_of(
            date.id, meeting.class_, meeting.version, meeting.lobby, meeting.entry_muted, meeting.agenda
        ),
        join=True,
        raises_hand=True,
        passage=Passage.HOST if found.host else Passage.NONE,
        role=found.role or ("" if found.host else "guest" if found.guest else "delegate"),
        account=actor.id if actor.kind == "account" else "",
        session=session_of(actor),
    )
    knocker = Knocker(
        identity=grants.identity,
        name=grants.name,
        way=found.way,
        key=key,
        bearer=bearer,
        always=found.waits(False),
        source=network(visit.address),
    )
    now = visit.now.timestamp()
    lobby = passes.lobbies.get(grants.conference, now)
    lobby.turned_away.check_barred(knocker)
    waits = found.waits(lobby.on)
    if waits and not lobby.admits(knocker, ticket):
        action = "lobby.knock"
        if lobby.foresee(knocker, ticket, now) is not None:  # The user waits already: one row is enough.
            return Comer(found, grants, knocker, waits)
    detail = {"way": found.way, "attendee": found.attendee_id}
    await audit.record(session, visit.now, actor, action, "occurrence", date.id, meeting.host_unit_id, detail)
    return Comer(found, grants, knocker, waits)


def _let_in(visit: Visit, passes: Passes, response: Response, comer: Comer, ticket: str) -> BookedPass | Waiting:
    """Return the pass, or the ticket to wait. Raise `conference_full`, and the refusals of the lobby: `lobby_denied`,
    `lobby_full`, `lobby_pause`.
    """
    found, grants = comer.found, comer.grants
    now, lobbies = visit.now.timestamp(), passes.lobbies
    known = lobbies.get(grants.conference, now).room.known(comer.knocker, ticket) if comer.waits else None
    admitted = known is not None and known.state is State.ADMITTED
    back = replace(grants, identity=known.who.identity, passage=Passage.ADMITTED) if known and admitted else grants
    # A browser cannot read why a socket was refused, so the refusal comes before the pass.
    visit.desk.live.places(back)
    if not comer.waits:
        lobbies.get(grants.conference, now).turned_away.note_entry(comer.knocker)
        return _pass(visit, passes, found, grants)
    knock = lobbies.knock(grants.conference, comer.knocker, ticket, now)
    if knock.state is not State.ADMITTED:
        response.status_code = 202
        return waiting(lobbies.get(grants.conference, now), knock, found.meeting.title, now)
    lobbies.get(grants.conference, now).turned_away.note_entry(knock.who)
    # The name that the host saw counts, not a name that the user gives now.
    seen = replace(grants, identity=knock.who.identity, name=knock.who.name, passage=Passage.ADMITTED)
    return _pass(visit, passes, found, seen)


def _pass(visit: Visit, passes: Passes, found: entry.Entry, grants: Grants) -> BookedPass:
    date, meeting, now = found.occurrence, found.meeting, visit.now.timestamp()
    return BookedPass(
        token=passes.sign(grants, limits.TOKEN_TTL_S, now),
        url=visit.base.replace("http", "ws", 1),
        identity=grants.identity,
        conference=grants.conference,
        title=meeting.title,
        name=grants.name,
        expires_at=int(now) + limits.TOKEN_TTL_S,
        meeting_id=meeting.id,
        occurrence_id=date.id,
        starts_at=date.starts_at,
        ends_at=date.ends_at,
        moderation=host_key(passes.sign, grants, now) if found.host else "",
        number=(meeting.number or "") if found.host else "",
        listed=meeting.class_ == ORDINARY,
    )


def _marks(found: entry.Entry) -> dict[str, str]:
    """Return the attributes that the pages of all participants read, without empty ones."""
    told = {marks.UNIT: _shown(found.unit), marks.ROLE: found.role}
    return {name: value for name, value in told.items() if value}


def _shown(name: str) -> str:
    """Cut a name to the length that a token may carry."""
    while len(name.encode()) > limits.NAME_BYTES:
        name = name[:-1]
    return name
