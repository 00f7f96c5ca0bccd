"""The routes of the telephone contacts of a date: the technician of each site, and the note of a telephone call."""

from typing import Annotated

from fastapi import Path
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.dialling import contacts, morning
from rooms.dialling.rehearsal import day
from rooms.policy.actors import Actor
from signaling.api.ground.visits import Caller, Visit, anywhere
from signaling.api.models.boards import MorningReport, SiteCalled, SiteContact, SitePhoned
from signaling.api.models.parts import Id, shown
from signaling.api.routes.control.rights import require
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("halls")
Key = Annotated[Id, Path()]
READ, OPERATE = "halls.read", "halls.operate"


@router.get("/hall-report", openapi_extra=needs(READ))
async def read_report(visit: Caller) -> MorningReport | None:
    """Return the report of today: the halls of today's meetings that were not registered when it was made, and whom to phone. It
    also has the rehearsals of today's meetings. Null: the report is not made yet.
    """
    return await _report(visit, anywhere(visit, READ))


@router.post("/hall-report", openapi_extra=needs(OPERATE))
async def make_report(visit: Caller) -> MorningReport | None:
    """Make the report of today now, in place of an earlier one, and return it. Before 06:30 nothing is made. Audited."""
    actor = anywhere(visit, OPERATE)
    await visit.write(lambda session: morning.make_again(session, actor, visit.now))
    return await _report(visit, actor)


async def _report(visit: Visit, actor: Actor) -> MorningReport | None:
    async def work(session: AsyncSession) -> MorningReport | None:
        found = await morning.read(session, actor, visit.now)
        if found is None:
            return None
        return shown(MorningReport, found, rehearsals=await day.of_today(session, actor, visit.now))

    return await visit.read(work)


@router.get("/occurrences/{occurrence_id}/contacts", openapi_extra=needs(READ, of="occurrence"))
async def list_contacts(visit: Caller, occurrence_id: Key) -> list[SiteContact]:
    """List the sites of a date with their technicians. Name and telephone are empty for callers who neither operate the branch
    nor look after the meeting.
    """
    await require(visit, occurrence_id, READ)
    found = await visit.read(lambda session: contacts.of_date(session, occurrence_id, visit.actor, visit.now))
    return [SiteContact.model_validate(one) for one in found]


@router.put("/occurrences/{occurrence_id}/contacts/{site_id}", openapi_extra=needs(OPERATE, of="occurrence"))
async def note_call(visit: Caller, occurrence_id: Key, site_id: Key, wanted: SitePhoned) -> SiteCalled | None:
    """Note that the caller phoned this site now, or remove the note. The other operators of the board see the note."""
    await require(visit, occurrence_id, OPERATE)
    note = (occurrence_id, site_id, wanted.called, visit.actor, visit.now)
    made = await visit.write(lambda session: contacts.note(session, *note))
    if visit.desk.halls is not None:
        visit.desk.halls.rows.changed(occurrence_id)
    return None if made is None else SiteCalled.model_validate(made)
