"""The checks that the routes of the operators' board share."""

from sqlalchemy.ext.asyncio import AsyncSession

from rooms.dialling import planning
from rooms.policy import roles
from rooms.store.tables.org import Unit
from signaling.api.ground import problems
from signaling.api.ground.visits import HallDesk, Visit


def hall_desk(visit: Visit) -> HallDesk:
    """Return the desk of halls. Raise Refusal `halls_off`."""
    if visit.desk.halls is None:
        raise problems.refused("halls_off")
    return visit.desk.halls


async def require(visit: Visit, occurrence_id: str, action: str) -> None:
    """Require the right in the unit that hosts the meeting. Raise Refusal `occurrence_unknown`, `denied`."""
    visit.actor  # noqa: B018 - raises

    async def work(session: AsyncSession) -> str:
        meeting = (await planning.date_of(session, occurrence_id))[1]
        return (await session.get_one(Unit, meeting.host_unit_id)).path

    roles.require(visit.actor, action, await visit.read(work))
