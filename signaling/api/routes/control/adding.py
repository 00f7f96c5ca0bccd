"""The routes that bring a hall into a date: the search for halls to add, and the move of a hall to another date."""

from typing import Annotated

from fastapi import Path, Query

from rooms.dialling import adding
from signaling.api.ground.visits import Caller
from signaling.api.models.boards import HallCandidate, Leg, LegMove
from signaling.api.models.parts import Id
from signaling.api.routes.control.rights import hall_desk, require
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("halls")
Key = Annotated[Id, Path()]
OPERATE = "halls.operate"


@router.get("/occurrences/{occurrence_id}/hall-candidates", openapi_extra=needs(OPERATE, of="occurrence"))
async def list_candidates(
    visit: Caller, occurrence_id: Key, q: Annotated[str, Query(max_length=100)] = ""
) -> list[HallCandidate]:
    """Search halls to add to a date, without diacritics: first those of the host unit, then the nearest."""
    await require(visit, occurrence_id, OPERATE)
    found = await visit.read(lambda session: adding.candidates(session, occurrence_id, q, visit.actor, visit.now))
    return [_candidate(one) for one in found]


def _candidate(one: adding.Candidate) -> HallCandidate:
    return HallCandidate(
        terminal_id=one.terminal.id,
        terminal=one.terminal.name,
        hall=one.hall.name if one.hall is not None else "",
        site=one.site.name,
        distance_km=one.distance_km,
        busy_from=one.busy.starts_at if one.busy is not None else None,
        busy_to=one.busy.ends_at if one.busy is not None else None,
        there=one.there,
    )


@router.post("/occurrences/{occurrence_id}/legs/{leg_id}/move", openapi_extra=needs(OPERATE, of="occurrence"))
async def move_leg(visit: Caller, occurrence_id: Key, leg_id: Key, wanted: LegMove) -> Leg:
    """Move a hall to another date: its call ends, and the server calls the hall into the other date. The caller needs the right
    in both dates.
    """
    desk = hall_desk(visit)
    change = (leg_id, occurrence_id, wanted.occurrence_id, visit.actor, visit.now)
    made = await visit.write(lambda session: adding.move(session, *change))
    desk.terminals.wake()
    for date_id in (occurrence_id, wanted.occurrence_id):
        desk.rows.changed(date_id)
    rows = await desk.rows.rows(wanted.occurrence_id)
    return next(Leg.model_validate(row) for row in rows if row["leg_id"] == made.id)
