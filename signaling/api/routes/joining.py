"""Entering a booked meeting: signed in, by personal link, by number and PIN. Each way asks the class policy, in `rooms`."""

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy.ext.asyncio import AsyncSession

from conference import Grants
from rooms.errors import Refusal
from rooms.meetings import entry
from rooms.policy.actors import Actor
from rooms.store import audit
from signaling import limits
from signaling.api import problems
from signaling.api.models.joining import Entering, JoinFields, JoinView, Pass
from signaling.api.models.parts import Id
from signaling.api.visits import Caller, Stranger, Visit
from signaling.declared import OWN, SECRET, needs

router = APIRouter(tags=["joining"])


@router.post("/join/look", openapi_extra=needs(SECRET))
async def look(visit: Stranger, wanted: JoinFields) -> JoinView:
    """What the bearer of a personal link, or of number and PIN, would enter, and why not yet."""
    found = await visit.read(lambda session: _by_secret(session, visit, wanted))
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
        **why,
    )


@router.post("/join", openapi_extra=needs(SECRET))
async def join(visit: Stranger, wanted: JoinFields) -> Pass:
    """Leave to enter, for the bearer of a personal link, or of number and PIN."""

    async def work(session: AsyncSession) -> Pass:
        found = await _by_secret(session, visit, wanted)
        if not visit.desk.passes.takes(visit.address, visit.now.timestamp()):
            raise problems.refused("too_many_requests")
        actor = Actor("link", found.attendee_id or "number", name=found.name, address=visit.address)
        return await _let_in(session, visit, found, actor, found.attendee_id)

    return await visit.write(work)


@router.post("/occurrences/{occurrence_id}/pass", openapi_extra=needs(OWN))
async def enter(visit: Caller, occurrence_id: Annotated[Id, Path()], wanted: Entering) -> Pass:
    """Leave to enter, for an invitee or the host's desk who is signed in: the button "Vào họp"."""
    actor = visit.actor

    async def work(session: AsyncSession) -> Pass:
        found = await entry.by_account(session, occurrence_id, actor, visit.now, wanted.phone)
        return await _let_in(session, visit, found, actor, found.attendee_id or actor.person_id or actor.id)

    return await visit.write(work)


async def _by_secret(session: AsyncSession, visit: Visit, wanted: JoinFields) -> entry.Entry:
    """Raises Refusal `fields_wrong`, `too_many_requests`, `link_wrong`, `number_or_pin_wrong`, …"""
    desk, at = visit.desk, visit.now.timestamp()
    if wanted.link is not None and wanted.number is None and wanted.pin is None:
        if not desk.links.takes(visit.address, at):
            raise problems.refused("too_many_requests")
        found = await entry.by_link(session, wanted.link, visit.now)
        desk.links.gives_back(visit.address)
        return found
    if wanted.number is None or wanted.pin is None or wanted.link is not None:
        raise problems.refused("join_words")
    number = "".join(one for one in wanted.number if one.isdigit())
    if not (desk.numbers.takes(visit.address, at) and desk.number_tries.takes_key(number, at)):
        raise problems.refused("too_many_requests")
    found = await entry.by_number(session, number, wanted.pin, wanted.name, visit.now)
    # A whole province comes at the same minute, much of it through one address.
    desk.numbers.gives_back(visit.address)
    desk.number_tries.gives_back_key(number)
    return found


async def _let_in(session: AsyncSession, visit: Visit, found: entry.Entry, actor: Actor, who: str) -> Pass:
    """Raises what `entry.Entry.refusal` tells."""
    refusal: Refusal | None = found.refusal(visit.now)
    if refusal is not None:
        raise refusal
    date, meeting = found.occurrence, found.meeting
    detail = {"way": found.way, "attendee": found.attendee_id}
    await audit.record(session, visit.now, actor, "meeting.pass", "occurrence", date.id, meeting.host_unit_id, detail)
    identity = f"{found.way}.{who or 'guest'}.{visit.desk.suffix()}"
    name = visit.desk.live.name_of(date.id, meeting.class_, meeting.version)
    grants = Grants(
        identity=identity, name=_shown(found.name), conference=name, join=True, can_update_own_metadata=True
    )
    now = visit.now.timestamp()
    return Pass(
        token=visit.desk.sign(grants, limits.TOKEN_TTL_S, now),
        url=visit.base.replace("http", "ws", 1),
        identity=identity,
        conference=name,
        title=meeting.title,
        name=grants.name,
        expires_at=int(now) + limits.TOKEN_TTL_S,
        meeting_id=meeting.id,
        occurrence_id=date.id,
        starts_at=date.starts_at,
        ends_at=date.ends_at,
        lobby=found.lobby,
    )


def _shown(name: str) -> str:
    """What a token may carry."""
    while len(name.encode()) > limits.NAME_BYTES:
        name = name[:-1]
    return name
