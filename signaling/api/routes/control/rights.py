"""The checks that the routes of the operators' board share."""

from rooms.dialling import planning
from rooms.policy import roles
from signaling.api.ground import problems
from signaling.api.ground.visits import HallDesk, Visit


def hall_desk(visit: Visit) -> HallDesk:
    """Return the desk of halls. Raise Refusal `halls_off`."""
    if visit.desk.halls is None:
        raise problems.refused("halls_off")
    return visit.desk.halls


async def require(visit: Visit, occurrence_id: str, action: str) -> str:
    """Require the right in the unit that hosts the meeting, and return the path of the unit. Raise Refusal `occurrence_unknown`,
    `denied`.
    """
    actor = visit.actor
    host = await visit.read(lambda session: planning.host_of(session, occurrence_id))
    roles.require(actor, action, host.path)
    return host.path
