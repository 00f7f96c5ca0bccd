"""The route that proposes the code of a new row of the register."""

from typing import Annotated, Literal

from fastapi import Query

from rooms.sites import codes
from signaling.api.ground.visits import Caller, anywhere
from signaling.api.models.org import ProposedCode
from signaling.api.models.parts import Id
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("codes")
Kind = Literal["units", "people", "sets", "sites", "halls", "terminals", "networks"]


@router.get("/codes", openapi_extra=needs("org.read"))
async def propose_code(
    visit: Caller, kind: Kind, name: Annotated[str, Query(min_length=1, max_length=300)], site_id: Id | None = None
) -> ProposedCode:
    """Propose a free code from the name of a new row. With `site_id` the code begins with the code of the site."""
    anywhere(visit, "org.read")
    code = await visit.read(lambda session: codes.propose(session, kind, name, site_id))
    return ProposedCode(code=code)
