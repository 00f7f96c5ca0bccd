"""The routes of the people of a date who are in the meeting by a browser: the list, and the commands of an operator."""

from typing import Annotated

from fastapi import Path
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.dialling import planning
from rooms.store import audit
from signaling.api.ground.visits import Caller
from signaling.api.models.boards import BoardPerson, PeopleCommand, PersonResult
from signaling.api.models.parts import Id
from signaling.api.routes.control.rights import require
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("halls")
Key = Annotated[Id, Path()]
READ, OPERATE = "halls.read", "halls.operate"


@router.get("/occurrences/{occurrence_id}/people", openapi_extra=needs(READ, of="occurrence"))
async def list_people(visit: Caller, occurrence_id: Key) -> list[BoardPerson]:
    """List the people who are in the meeting by a browser, in the order of their arrival."""
    await require(visit, occurrence_id, READ)
    return [BoardPerson.model_validate(row) for row in visit.desk.live.people.rows(occurrence_id)]


@router.post("/occurrences/{occurrence_id}/people/commands", openapi_extra=needs(OPERATE, of="occurrence"))
async def command_people(visit: Caller, occurrence_id: Key, wanted: PeopleCommand) -> list[PersonResult]:
    """Carry out a command for these people, and return the result of each. The people may switch their microphones on again."""
    await require(visit, occurrence_id, OPERATE)
    results = visit.desk.live.people.command(
        occurrence_id, wanted.action, dict.fromkeys(wanted.identities), visit.actor.name
    )
    detail = {"names": [one["name"] for one in results][:50], "count": len(results)}

    async def work(session: AsyncSession) -> None:
        unit = (await planning.date_of(session, occurrence_id))[1].host_unit_id
        action = f"people.{wanted.action}"
        await audit.record(session, visit.now, visit.actor, action, "occurrence", occurrence_id, unit, detail)

    await visit.write(work)
    return [PersonResult.model_validate(one) for one in results]
