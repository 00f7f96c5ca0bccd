"""The routes of rehearsals: the results of the sites, entered and signed by an operator or by the site itself."""

import asyncio
from typing import Annotated, Literal

from fastapi import Path, Response
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.rules.calendar import local
from rooms.dialling.rehearsal import checks, site_pages
from rooms.exchange import rehearsal_sheets
from rooms.policy import roles
from signaling.api.ground import problems
from signaling.api.ground.sheets import FILE, download
from signaling.api.ground.visits import Caller, EntryPasses, Stranger, found, throttle
from signaling.api.models.parts import Id
from signaling.api.models.rehearsals import (
    Rehearsal,
    RehearsalSite,
    SiteLinkResult,
    SiteLook,
    SitePage,
    SiteResultFields,
)
from signaling.api.routes.control.rights import require
from signaling.host.declared import SECRET, needs
from signaling.host.routers import new_router

router = new_router("halls")
Key = Annotated[Id, Path()]
READ, OPERATE = "halls.read", "halls.operate"


@router.get("/occurrences/{occurrence_id}/rehearsal", openapi_extra=needs(READ, of="occurrence"))
async def read_rehearsal(visit: Caller, occurrence_id: Key) -> Rehearsal | None:
    """Return the rehearsal of this date's meeting, or the rehearsal that this date belongs to. Null: there is none."""
    host = await require(visit, occurrence_id, READ)

    async def work(session: AsyncSession) -> Rehearsal | None:
        told = await checks.of_date(session, occurrence_id)
        if told is None:
            return None
        links = await site_pages.links(session, visit.desk.key, visit.base, told, occurrence_id, visit.now)
        shown = Rehearsal.model_validate(told)
        for one in shown.sites if roles.allows(visit.actor, OPERATE, host) else ():
            one.link = links.get(one.site_id, "")
        return shown

    return await visit.read(work)


@router.put("/occurrences/{occurrence_id}/rehearsal/{site_id}", openapi_extra=needs(OPERATE, of="occurrence"))
async def enter_result(visit: Caller, occurrence_id: Key, site_id: Key, wanted: SiteResultFields) -> RehearsalSite:
    """Enter what was seen at a site, and sign it. A change after the signature removes the signature."""
    await require(visit, occurrence_id, OPERATE)
    result = checks.Result(**wanted.model_dump(exclude={"sign", "version"}))
    given = (occurrence_id, site_id, result, wanted.sign, wanted.version, visit.actor, visit.now)
    made = await visit.write(lambda session: checks.enter(session, *given))
    if visit.desk.halls is not None:
        visit.desk.halls.rows.changed(occurrence_id)
    return RehearsalSite.model_validate(made)


@router.get(
    "/occurrences/{occurrence_id}/rehearsal.{suffix}",
    openapi_extra=needs(READ, of="occurrence"),
    response_class=Response,
    responses=FILE,
)
async def rehearsal_sheet(
    visit: Caller, occurrence_id: Key, suffix: Annotated[Literal["csv", "xlsx"], Path()]
) -> Response:
    """Return the results of the rehearsal as a file, with one row a site."""
    await require(visit, occurrence_id, READ)
    told = found(await visit.read(lambda session: checks.of_date(session, occurrence_id)))
    content = await asyncio.to_thread(rehearsal_sheets.sheet, told, suffix)
    return download(content, f"tong-duyet-{local(told.starts_at):%Y-%m-%d}", suffix)


# The page of a site. Its link needs no account.


@router.post("/site-rehearsals/look", openapi_extra=needs(SECRET))
async def look_at_site(visit: Stranger, passes: EntryPasses, wanted: SiteLook) -> SitePage:
    """Show the rehearsal to the bearer of a site's link. The secret is in the body: proxies in front of this server log
    addresses.
    """
    throttle(visit, passes)
    return _page(await visit.read(lambda session: site_pages.look(session, visit.desk.key, wanted.link, visit.now)))


@router.post("/site-rehearsals", openapi_extra=needs(SECRET))
async def enter_by_site(visit: Stranger, passes: EntryPasses, wanted: SiteLinkResult) -> SitePage:
    """Enter the result of a site by its link, and sign it with a name."""
    throttle(visit, passes)
    result = checks.Result(**wanted.model_dump(include=set(checks.Result.__dataclass_fields__)))
    given = (wanted.link, result, wanted.sign, wanted.version, wanted.name, visit.address, visit.now)
    page = await visit.write(lambda session: site_pages.enter(session, visit.desk.key, *given))
    if page is not None and visit.desk.halls is not None:
        visit.desk.halls.rows.changed(page.rehearsal.occurrence_id)
    return _page(page)


def _page(page: site_pages.SitePage | None) -> SitePage:
    if page is None:
        raise problems.refused("link_wrong")
    told = page.rehearsal
    return SitePage(
        of_title=told.of_title,
        number=told.number,
        starts_at=told.starts_at,
        ends_at=told.ends_at,
        opens_at=told.opens_at,
        site=RehearsalSite.model_validate(page.site),
        open=page.open,
        contact=page.contact,
        phone=page.phone,
    )
