"""The routes of rehearsals: the results of the sites, entered and signed by an operator."""

from typing import Annotated

from fastapi import Path

from rooms.dialling.rehearsal import checks
from signaling.api.ground.visits import Caller
from signaling.api.models.boards import Rehearsal, RehearsalSite, SiteResultFields
from signaling.api.models.parts import Id
from signaling.api.routes.control.rights import require
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("halls")
Key = Annotated[Id, Path()]
READ, OPERATE = "halls.read", "halls.operate"


@router.get("/occurrences/{occurrence_id}/rehearsal", openapi_extra=needs(READ, of="occurrence"))
async def read_rehearsal(visit: Caller, occurrence_id: Key) -> Rehearsal | None:
    """Return the rehearsal of this date's meeting, or the rehearsal that this date belongs to. Null: there is none."""
    await require(visit, occurrence_id, READ)
    found = await visit.read(lambda session: checks.of_date(session, occurrence_id))
    return None if found is None else Rehearsal.model_validate(found)


@router.put("/occurrences/{occurrence_id}/rehearsal/{site_id}", openapi_extra=needs(OPERATE, of="occurrence"))
async def enter_result(visit: Caller, occurrence_id: Key, site_id: Key, wanted: SiteResultFields) -> RehearsalSite:
    """Enter what was seen at a site, and sign it. A change after the signature removes the signature."""
    await require(visit, occurrence_id, OPERATE)
    result = checks.Result(**wanted.model_dump(exclude={"sign", "version"}))
    given = (occurrence_id, site_id, result, wanted.sign, wanted.version, visit.actor, visit.now)
    made = await visit.write(lambda session: checks.enter(session, *given))
    if visit.desk.halls is not None:
        visit.desk.halls.rows.changed(occurrence_id)
    return RehearsalSite.model_validate(made)
