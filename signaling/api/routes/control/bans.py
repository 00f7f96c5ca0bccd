"""The routes of the bans of hall terminals: the list, and the way to lift a ban."""

from datetime import datetime
from typing import Annotated

from fastapi import Path

from signaling.api.ground.visits import Caller, anywhere
from signaling.api.models.parts import View
from signaling.api.routes.control.rights import hall_desk
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("halls")
OPERATE = "halls.operate"
Subject = Annotated[str, Path(max_length=200, description="`subject` of the list.")]


class HallBan(View):
    """A ban of a source, or of an account from one source, after wrong passwords or scans. SIP ignores the banned requests
    until `until`.
    """

    subject: str
    terminal: str
    """Empty if the whole source is banned."""
    site: str
    source: str
    reason: str
    until: datetime


@router.get("/hall-bans", openapi_extra=needs(OPERATE))
async def list_bans(visit: Caller) -> list[HallBan]:
    """List the bans of terminals that the caller operates. Operators of all units also see banned sources."""
    actor = anywhere(visit, OPERATE)
    return [HallBan.model_validate(row) for row in await hall_desk(visit).bans.rows(actor)]


@router.delete("/hall-bans/{subject:path}", status_code=204, openapi_extra=needs(OPERATE))
async def lift_ban(visit: Caller, subject: Subject) -> None:
    """Lift a ban. SIP accepts the terminal again at once."""
    actor = anywhere(visit, OPERATE)
    await hall_desk(visit).bans.lift(subject, actor)
