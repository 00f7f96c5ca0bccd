"""The routes of recipient sets: names that letters use, and the units that each name means on a day."""

from datetime import date
from typing import Annotated

from fastapi import Path, Query
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.org import fields, recipients
from signaling.api.ground.visits import Caller, Rows, Visit, anywhere
from signaling.api.models import limits
from signaling.api.models.org import RecipientRuleView, RecipientSet, RecipientSetFields, Unit
from signaling.api.models.parts import Id, Page, shown
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("recipient sets")
Key = Annotated[Id, Path()]


@router.get("/recipient-sets", openapi_extra=needs("org.read"))
async def list_sets(
    visit: Caller, rows: Rows, q: Annotated[str, Query(max_length=limits.QUERY_CHARACTERS)] = ""
) -> Page[RecipientSet]:
    """Search recipient sets by name or code, without their rules."""
    anywhere(visit, "org.read")
    day = fields.today(visit.now)

    async def look(session: AsyncSession) -> list[tuple[object, int]]:
        found = await recipients.search(session, q, limits.SEARCHED)
        sizes = await recipients.sizes(session, found, day)
        return [(one, sizes[one.id]) for one in found]

    return rows.cut(await visit.read(look), lambda one: shown(RecipientSet, one[0], rules=[], size=one[1]))


@router.get("/recipient-sets/{set_id}", openapi_extra=needs("org.read"))
async def get_set(visit: Caller, set_id: Key) -> RecipientSet:
    """Return a set with its rules and the number of its units today."""
    anywhere(visit, "org.read")
    return await visit.read(lambda session: _shown(session, set_id, visit))


@router.get("/recipient-sets/{set_id}/units", openapi_extra=needs("org.read"))
async def expand_set(visit: Caller, rows: Rows, set_id: Key, on: date | None = None) -> Page[Unit]:
    """List the units of a set on a day (default: today), in official order."""
    anywhere(visit, "org.read")
    day = on or fields.today(visit.now)
    found = await visit.read(lambda session: recipients.expand(session, set_id, day))
    return rows.cut(found, lambda one: shown(Unit, one))


@router.post("/recipient-sets", status_code=201, openapi_extra=needs("recipients.write", of="unit"))
async def create_set(visit: Caller, wanted: RecipientSetFields) -> RecipientSet:
    """Make a set with a name and its rules."""

    async def work(session: AsyncSession) -> RecipientSet:
        values = wanted.model_dump()
        made = await recipients.create(session, values, values.pop("rules"), visit.actor, visit.now)
        return await _shown(session, made.id, visit)

    return await visit.write(work)


@router.put("/recipient-sets/{set_id}", openapi_extra=needs("recipients.write", of="recipient_set"))
async def edit_set(visit: Caller, set_id: Key, wanted: RecipientSetFields) -> RecipientSet:
    """Replace name and rules of a set."""

    async def work(session: AsyncSession) -> RecipientSet:
        values = wanted.model_dump()
        await recipients.edit(session, set_id, values, values.pop("rules"), visit.actor, visit.now)
        return await _shown(session, set_id, visit)

    return await visit.write(work)


@router.delete("/recipient-sets/{set_id}", status_code=204, openapi_extra=needs("recipients.write", of="recipient_set"))
async def remove_set(visit: Caller, set_id: Key) -> None:
    """Delete a set. Letters that were sent keep their own list."""
    await visit.write(lambda session: recipients.remove(session, set_id, visit.actor, visit.now))


async def _shown(session: AsyncSession, set_id: str, visit: Visit) -> RecipientSet:
    row = await recipients.get(session, set_id)
    rules = [shown(RecipientRuleView, one) for one in await recipients.rules_of(session, set_id)]
    size = len(await recipients.expand(session, set_id, fields.today(visit.now)))
    return shown(RecipientSet, row, rules=rules, size=size)
