"""The routes of requests for precedence: a secretary asks, and an operator books the meeting with precedence or refuses."""

from typing import Annotated

from fastapi import Path, Response
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import precedence_asks
from rooms.booking.meeting import naming
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store.tables.booking import PrecedenceAsk as AskRow
from rooms.store.tables.org import Unit
from signaling.api.ground.visits import Caller, Rows, Visit
from signaling.api.models.meetings import (
    AskedMoves,
    AskRefusal,
    InTheWay,
    Moved,
    PrecedenceAsk,
    PrecedenceAskFields,
    PrecedenceDone,
)
from signaling.api.models.parts import Id, Page, shown
from signaling.api.routes.calendar import shapes
from signaling.host.declared import OWN, needs
from signaling.host.routers import new_router

router = new_router("precedence")
Key = Annotated[Id, Path()]


@router.get("/precedence-asks", openapi_extra=needs(OWN))
async def list_asks(visit: Caller, rows: Rows) -> Page[PrecedenceAsk]:
    """List the requests that wait for the caller's decision, and the caller's own recent requests."""

    async def work(session: AsyncSession) -> list[PrecedenceAsk]:
        found = await precedence_asks.asks(session, visit.actor, visit.now)
        names = await naming.accounts(session, [row.by for row, _ in found])
        return [_shown(row, unit, names.get(row.by, ""), visit.actor) for row, unit in found]

    return rows.cut(await visit.read(work), lambda one: one)


@router.post("/precedence-asks", status_code=201, openapi_extra=needs("meetings.create", of="unit"))
async def ask(visit: Caller, wanted: PrecedenceAskFields) -> PrecedenceAsk:
    """Ask an operator to book this meeting with precedence over those that clash. Nothing is reserved."""
    request, actor = shapes.request_of(wanted.request), visit.actor
    row = await visit.write(lambda session: precedence_asks.ask(session, request, wanted.reason, actor, visit.now))
    visit.desk.wake()
    return await _answer(visit, row)


@router.post("/precedence-asks/{ask_id}/look", openapi_extra=needs("meetings.precedence", of="precedence_ask"))
async def look(visit: Caller, ask_id: Key) -> list[InTheWay]:
    """List the dates that would have to give way to the requested meeting. Nothing is reserved."""
    found = await visit.read(lambda session: precedence_asks.look(session, ask_id, visit.actor, visit.now))
    return [shown(InTheWay, one) for one in found]


@router.post("/precedence-asks/{ask_id}/displace", openapi_extra=needs("meetings.precedence", of="precedence_ask"))
async def displace(visit: Caller, ask_id: Key, wanted: AskedMoves) -> PrecedenceDone:
    """Book the requested meeting with precedence. Each clashing date gives way as the operator says."""
    moves = {one.occurrence_id: one.starts_at for one in wanted.moves}
    given = (moves, wanted.reason, visit.actor, visit.now)
    done = await visit.write(lambda session: precedence_asks.displace(session, ask_id, *given))
    visit.desk.wake()
    return PrecedenceDone(meeting_id=done.meeting.id, moved=[shown(Moved, one) for one in done.moved])


@router.post("/precedence-asks/{ask_id}/refusal", openapi_extra=needs("meetings.precedence", of="precedence_ask"))
async def refuse(visit: Caller, ask_id: Key, wanted: AskRefusal) -> PrecedenceAsk:
    """Refuse the request, with a reason."""
    given = (wanted.reason, visit.actor, visit.now)
    row = await visit.write(lambda session: precedence_asks.refuse(session, ask_id, *given))
    visit.desk.wake()
    return await _answer(visit, row)


@router.delete("/precedence-asks/{ask_id}", status_code=204, openapi_extra=needs(OWN))
async def withdraw(visit: Caller, ask_id: Key) -> Response:
    """Withdraw the own request."""
    await visit.write(lambda session: precedence_asks.withdraw(session, ask_id, visit.actor, visit.now))
    visit.desk.wake()
    return Response(status_code=204)


async def _answer(visit: Visit, row: AskRow) -> PrecedenceAsk:
    async def work(session: AsyncSession) -> PrecedenceAsk:
        unit = await session.get_one(Unit, row.unit_id)
        names = await naming.accounts(session, [row.by])
        return _shown(row, unit, names.get(row.by, ""), visit.actor)

    return await visit.read(work)


def _shown(row: AskRow, unit: Unit, name: str, actor: Actor) -> PrecedenceAsk:
    decides = row.state == "waiting" and roles.allows(actor, "meetings.precedence", unit.path)
    own = row.by == (actor.id or actor.kind)[:32]
    return shown(PrecedenceAsk, row, unit_name=unit.name, by_name=name, own=own, decides=decides)
