"""The routes for the end of a date: what the operator is asked, and the end by the operator. The extension is a route of the
calendar (`/occurrences/{occurrence_id}/extend`).
"""

from typing import Annotated

from fastapi import Path
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import ending
from rooms.booking.meeting.timing import LIVE
from rooms.dialling import planning
from rooms.policy import roles
from rooms.store import audit
from signaling.api.ground.visits import Caller, Visit
from signaling.api.models.boards import DateEnd
from signaling.api.models.parts import Id
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("halls")
Key = Annotated[Id, Path()]


@router.get("/occurrences/{occurrence_id}/end", openapi_extra=needs("halls.read", of="occurrence"))
async def get_end(visit: Caller, occurrence_id: Key) -> DateEnd:
    """Return when a date ends, and whether the operator is asked to extend or to end it."""

    async def work(session: AsyncSession) -> DateEnd:
        await _require(session, visit, occurrence_id, "halls.read")
        end = (await ending.planned(session, [occurrence_id]))[occurrence_id]
        return DateEnd(
            state=end.state,
            begun=end.state in LIVE and end.starts_at <= visit.now,
            left_min=end.left_min(visit.now),
            ends_at=end.ends_at,
            closes_at=end.closes_at,
            asked_at=end.asked_at,
        )

    return await visit.read(work)


@router.post("/occurrences/{occurrence_id}/end", status_code=204, openapi_extra=needs("halls.operate", of="occurrence"))
async def end_date(visit: Caller, occurrence_id: Key) -> None:
    """End a date for all: halls are hung up, browsers are notified, and no participant can enter again. Before the booked
    start, only the present call ends.
    """

    async def work(session: AsyncSession) -> bool:
        unit_id = await _require(session, visit, occurrence_id, "halls.operate")
        ended = await ending.end_now(session, occurrence_id, visit.now)
        await audit.record(session, visit.now, visit.actor, "meeting.end", "occurrence", occurrence_id, unit_id)
        return ended

    visit.desk.live.shut(occurrence_id, final=await visit.write(work))
    visit.desk.wake()


async def _require(session: AsyncSession, visit: Visit, occurrence_id: str, action: str) -> str:
    """Require the right in the unit that hosts the meeting, and return the unit. Raise `occurrence_unknown`, `denied`."""
    actor = visit.actor
    host = await planning.host_of(session, occurrence_id)
    roles.require(actor, action, host.path)
    return host.id
