"""The routes of users' own checks of network, microphone, speaker and camera: the start, the result, and the look-up by code."""

from typing import Annotated

from fastapi import Path

from rooms.sites import checks
from signaling.api.ground.visits import Caller, DeviceChecks, Stranger, anywhere, found
from signaling.api.models.checks import CheckCode, CheckFigures, CheckId, CheckKept, CheckOpened, CheckResult, CheckView
from signaling.host.declared import PUBLIC, SECRET, needs
from signaling.host.routers import new_router

router = new_router("checks")


@router.post("/checks", status_code=201, openapi_extra=needs(PUBLIC))
async def begin(visit: Stranger, door: DeviceChecks) -> CheckOpened:
    """Begin a check of this machine against this server, for a minute and a half. There is a limit of checks at once and of
    each network.
    """
    opened = door.open(visit.address, visit.now.timestamp())
    return CheckOpened(
        id=opened.id,
        key=opened.key,
        url=visit.base.replace("http", "ws", 1),
        sender=opened.sender,
        receiver=opened.receiver,
        relay=opened.relay,
        expires_at=int(opened.expires_at),
    )


@router.post("/checks/{check_id}/result", status_code=201, openapi_extra=needs(SECRET))
async def hand_in(
    visit: Stranger, door: DeviceChecks, check_id: Annotated[CheckId, Path()], result: CheckResult
) -> CheckKept:
    """Hand in the result once, from the browser that began the check. The check ends."""
    door.close(check_id, result.key, visit.now.timestamp())
    try:
        code = await visit.write(lambda session: checks.keep(session, result.figures.model_dump(), visit.now))
    except BaseException:
        door.reopen(check_id)
        raise
    return CheckKept(code=code, kept_until=checks.kept_until(visit.now))


@router.get("/checks/{check_code}", openapi_extra=needs("halls.read"))
async def look_up(visit: Caller, check_code: Annotated[CheckCode, Path()]) -> CheckView:
    """Return a check to the help desk. A check belongs to no unit, so a secretary, operator, administrator or auditor of any
    unit may read it.
    """
    anywhere(visit, "halls.read")
    row = found(await visit.read(lambda session: checks.find(session, check_code, visit.now)))
    return CheckView(
        code=row.code,
        made_at=row.made_at,
        kept_until=checks.kept_until(row.made_at),
        figures=CheckFigures.model_validate(row.figures),
    )
