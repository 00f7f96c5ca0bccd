"""The routes by which an operator enrols and revokes the PC of a hall (`signaling/halls/HALLMODE.md`)."""

from typing import Annotated

from fastapi import Path, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.dialling.devices import pcs
from rooms.policy import disclosure
from rooms.sites import terminals
from rooms.store.tables.dialling import HallPc
from signaling.api.ground.visits import Caller, Visit, anywhere, end_device
from signaling.api.models.devices import PcCode, PcState
from signaling.api.models.parts import Id
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("sites")
Key = Annotated[Id, Path()]
PAGE = "/diem-cau"


@router.get("/pc-states", openapi_extra=needs("sites.read"))
async def list_pcs(visit: Caller) -> list[PcState]:
    """List the PCs that are enrolled, or for which a code waits. Callers who do not operate the branch read no address."""
    actor = anywhere(visit, "sites.read")

    async def work(session: AsyncSession) -> list[PcState]:
        rows = list(await session.scalars(select(HallPc).order_by(HallPc.terminal_id)))
        paths = await terminals.unit_paths(session, [one.terminal_id for one in rows])
        return [_shown(visit, one, disclosure.operates(actor, paths[one.terminal_id])) for one in rows]

    return await visit.read(work)


@router.post("/terminals/{terminal_id}/pc-code", openapi_extra=needs("sites.write", of="terminal"))
async def give_pc_code(visit: Caller, response: Response, terminal_id: Key) -> PcCode:
    """Return a code of eight digits for the enrolment of the terminal's PC. It works once, for 15 minutes. A PC that is enrolled
    already stays until then.
    """
    code, until = await visit.write(lambda session: pcs.give_code(session, terminal_id, visit.actor, visit.now))
    response.headers["cache-control"] = "no-store"
    return PcCode(code=code, until=until, address=visit.base + PAGE)


@router.delete("/terminals/{terminal_id}/pc", status_code=204, openapi_extra=needs("sites.write", of="terminal"))
async def revoke_pc(visit: Caller, terminal_id: Key) -> None:
    """Revoke the key of the terminal's PC. The PC leaves its meeting at once, and cannot enter another."""
    await visit.write(lambda session: pcs.revoke(session, terminal_id, visit.actor, visit.now))
    end_device(visit, terminal_id)


def _shown(visit: Visit, one: HallPc, operates: bool) -> PcState:
    waits = one.code_until is not None and one.code_until > visit.now
    return PcState(
        terminal_id=one.terminal_id,
        enrolled_at=one.enrolled_at,
        seen_at=one.seen_at,
        seen_from=one.seen_from if operates else "",
        on=pcs.is_on(one, visit.now),
        code_until=one.code_until if waits else None,
    )
