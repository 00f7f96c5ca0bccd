"""The routes of sites (điểm cầu), halls, terminals, networks."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import Path, Query, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.dialling import duty
from rooms.org import fields, units
from rooms.policy import disclosure, roles
from rooms.sites import halls, networks, places, terminals
from rooms.store.tables.org import Unit as UnitRow
from rooms.store.tables.sites import Hall as HallRow
from rooms.store.tables.sites import Site as SiteRow
from rooms.store.tables.sites import Terminal as TerminalRow
from signaling.api.ground.visits import Caller, Rows, Version, Visit, anywhere, end_device, tag
from signaling.api.models import limits
from signaling.api.models.parts import Id, Page, shown
from signaling.api.models.sites import (
    Capability,
    Hall,
    HallFields,
    Nearest,
    Network,
    NetworkFields,
    Site,
    SiteFields,
    Terminal,
    TerminalFields,
)
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("sites")
Search = Annotated[str, Query(max_length=limits.QUERY_CHARACTERS, description="Diacritics and đ/d do not matter.")]
Key = Annotated[Id, Path()]


@router.get("/sites", openapi_extra=needs("sites.read"))
async def list_sites(
    visit: Caller, rows: Rows, q: Search = "", unit_id: Id | None = None, capability: Capability | None = None
) -> Page[Site]:
    """List the sites of today, in a unit and below it. Technician and note are empty for callers who do not operate the branch.

    From one day before a meeting to its end, its secretary and its operator can read the technicians of its sites.
    """
    anywhere(visit, "sites.read")

    async def work(session: AsyncSession) -> list[Site]:
        below = await _below(session, unit_id)
        found = await places.search(session, q, fields.today(visit.now), below, capability, rows.reach)
        return await _sites_shown(session, visit, found[rows.offset :])

    return rows.page(await visit.read(work), lambda one: one)


@router.get("/sites/{site_id}", openapi_extra=needs("sites.read"))
async def get_site(visit: Caller, response: Response, site_id: Key) -> Site:
    """Return one site."""
    anywhere(visit, "sites.read")
    return await visit.read(lambda session: _site(session, visit, site_id, response))


@router.get("/sites/{site_id}/nearest", openapi_extra=needs("sites.read"))
async def nearest_site(visit: Caller, site_id: Key) -> Nearest | None:
    """Return the site with a hall that a site without a hall can use; null: there is none."""
    anywhere(visit, "sites.read")

    async def work(session: AsyncSession) -> Nearest | None:
        found = await places.nearest(session, site_id, fields.today(visit.now))
        if found is None:
            return None
        (site,) = await _sites_shown(session, visit, [found.site])
        return Nearest(site=site, why=found.why, distance_km=found.distance_km)

    return await visit.read(work)


@router.post("/sites", status_code=201, openapi_extra=needs("sites.write", of="unit"))
async def create_site(visit: Caller, response: Response, wanted: SiteFields) -> Site:
    """Add a site to a unit."""

    async def work(session: AsyncSession) -> Site:
        made = await places.create(session, wanted.model_dump(), visit.actor, visit.now)
        return await _site(session, visit, made.id, response)

    return await visit.write(work)


@router.put("/sites/{site_id}", openapi_extra=needs("sites.write", of="site"))
async def edit_site(visit: Caller, response: Response, site_id: Key, wanted: SiteFields, version: Version) -> Site:
    """Correct a site."""

    async def work(session: AsyncSession) -> Site:
        await places.edit(session, site_id, wanted.model_dump(), visit.actor, visit.now, version)
        return await _site(session, visit, site_id, response)

    return await visit.write(work)


@router.get("/halls", openapi_extra=needs("sites.read"))
async def list_halls(
    visit: Caller,
    rows: Rows,
    q: Search = "",
    unit_id: Id | None = None,
    site_id: Id | None = None,
    seats: Annotated[int, Query(ge=0, le=20_000)] = 0,
) -> Page[Hall]:
    """List the halls of today, in a unit and below it, or of a site, with at least `seats` seats."""
    anywhere(visit, "sites.read")

    async def work(session: AsyncSession) -> list[Hall]:
        below = await _below(session, unit_id)
        found = await halls.search(session, q, fields.today(visit.now), below, seats, limit=limits.SEARCHED)
        kept = [one for one in found if site_id is None or one.site_id == site_id]
        return await _halls(session, kept[rows.offset :][: rows.fetch])

    return rows.page(await visit.read(work), lambda one: one)


@router.get("/halls/{hall_id}", openapi_extra=needs("sites.read"))
async def get_hall(visit: Caller, response: Response, hall_id: Key) -> Hall:
    """Return one hall."""
    anywhere(visit, "sites.read")
    return await visit.read(lambda session: hall_view(session, hall_id, response))


@router.post("/halls", status_code=201, openapi_extra=needs("sites.write", of="site"))
async def create_hall(visit: Caller, response: Response, wanted: HallFields) -> Hall:
    """Add a hall to a site."""

    async def work(session: AsyncSession) -> Hall:
        made = await halls.create(session, wanted.model_dump(), visit.actor, visit.now)
        return await hall_view(session, made.id, response)

    return await visit.write(work)


@router.put("/halls/{hall_id}", openapi_extra=needs("sites.write", of="hall"))
async def edit_hall(visit: Caller, response: Response, hall_id: Key, wanted: HallFields, version: Version) -> Hall:
    """Correct a hall."""

    async def work(session: AsyncSession) -> Hall:
        await halls.edit(session, hall_id, wanted.model_dump(), visit.actor, visit.now, version)
        return await hall_view(session, hall_id, response)

    return await visit.write(work)


@router.get("/terminals", openapi_extra=needs("sites.read"))
async def list_terminals(
    visit: Caller,
    rows: Rows,
    q: Search = "",
    unit_id: Id | None = None,
    site_id: Id | None = None,
    changeable: bool = False,
) -> Page[Terminal]:
    """List the hall terminals, in a unit and below it, or of a site.

    Addresses, aliases, numbers and notes are empty for callers who do not operate the branch, and their searches skip these
    fields. `changeable`: only terminals that the caller may change.
    """
    anywhere(visit, "sites.read")

    async def work(session: AsyncSession) -> list[Terminal]:
        below, operated = await _below(session, unit_id), disclosure.operated(visit.actor)
        within = roles.scopes(visit.actor, "sites.write") if changeable else None
        found = await terminals.search(session, q, below, site_id, limit=rows.reach, addressed=operated, within=within)
        return await terminal_views(session, visit, found[rows.offset :])

    return rows.page(await visit.read(work), lambda one: one)


@router.get("/terminals/{terminal_id}", openapi_extra=needs("sites.read"))
async def get_terminal(visit: Caller, response: Response, terminal_id: Key) -> Terminal:
    """Return one terminal."""
    anywhere(visit, "sites.read")
    return await visit.read(lambda session: _terminal(session, visit, terminal_id, response))


@router.post("/terminals", status_code=201, openapi_extra=needs("sites.write", of="site"))
async def create_terminal(visit: Caller, response: Response, wanted: TerminalFields) -> Terminal:
    """Add a terminal to a site."""

    async def work(session: AsyncSession) -> Terminal:
        made = await terminals.create(session, wanted.model_dump(), visit.actor, visit.now)
        return await _terminal(session, visit, made.id, response)

    done = await visit.write(work)
    await visit.refresh_halls()
    return done


@router.put("/terminals/{terminal_id}", openapi_extra=needs("sites.write", of="terminal"))
async def edit_terminal(
    visit: Caller, response: Response, terminal_id: Key, wanted: TerminalFields, version: Version
) -> Terminal:
    """Correct a terminal. Fields that are not sent stay as they are. The next call obeys the new values."""
    values = wanted.model_dump(exclude_unset=True)

    async def work(session: AsyncSession) -> tuple[bool, Terminal]:
        was_pc = terminals.is_pc(await terminals.get(session, terminal_id))
        await terminals.edit(session, terminal_id, values, visit.actor, visit.now, version)
        return was_pc, await _terminal(session, visit, terminal_id, response)

    was_pc, done = await visit.write(work)
    await visit.refresh_halls()
    if was_pc and not (done.active and done.protocols == [terminals.PC]):
        end_device(visit, terminal_id)
    return done


@router.get("/networks", openapi_extra=needs("sites.read"))
async def list_networks(visit: Caller, rows: Rows) -> Page[Network]:
    """List the network zones. Ranges are empty for callers who operate no branch."""
    blank = disclosure.blank_network(anywhere(visit, "sites.read"))
    return rows.cut(await visit.read(networks.every), lambda one: shown(Network, one, **blank))


@router.get("/networks/{network_id}", openapi_extra=needs("sites.read"))
async def get_network(visit: Caller, network_id: Key) -> Network:
    """Return one zone."""
    blank = disclosure.blank_network(anywhere(visit, "sites.read"))
    return shown(Network, await visit.read(lambda session: networks.get(session, network_id)), **blank)


@router.post("/networks", status_code=201, openapi_extra=needs("sites.write", of="network"))
async def create_network(visit: Caller, wanted: NetworkFields) -> Network:
    """Add a zone. Important meetings are held only from closed zones, and SIP answers only zones with the mark `terminals`."""
    values = wanted.model_dump()
    made = await visit.write(lambda session: networks.create(session, values, visit.actor, visit.now))
    await visit.refresh_halls()
    return shown(Network, made)


@router.put("/networks/{network_id}", openapi_extra=needs("sites.write", of="network"))
async def edit_network(visit: Caller, network_id: Key, wanted: NetworkFields) -> Network:
    """Correct a zone. A missing field stays, so that a program that does not know the mark `terminals` keeps it."""
    values = wanted.model_dump(exclude_unset=True)
    made = await visit.write(lambda session: networks.edit(session, network_id, values, visit.actor, visit.now))
    await visit.refresh_halls()
    return shown(Network, made)


async def _below(session: AsyncSession, unit_id: str | None) -> str:
    return (await units.get(session, unit_id)).path if unit_id else ""


async def _units(session: AsyncSession, unit_ids: Iterable[str]) -> dict[str, UnitRow]:
    return {one.id: one for one in await session.scalars(select(UnitRow).where(UnitRow.id.in_(set(unit_ids))))}


async def _sites(session: AsyncSession, site_ids: Sequence[str]) -> dict[str, SiteRow]:
    return {one.id: one for one in await session.scalars(select(SiteRow).where(SiteRow.id.in_(set(site_ids))))}


async def _site(session: AsyncSession, visit: Visit, site_id: str, response: Response) -> Site:
    row = await places.get(session, site_id)
    tag(response, row.version)
    return (await _sites_shown(session, visit, [row]))[0]


async def _sites_shown(session: AsyncSession, visit: Visit, rows: Sequence[SiteRow]) -> list[Site]:
    of = await _units(session, [one.unit_id for one in rows])
    on_duty = await duty.sites_of(session, visit.actor, visit.now)

    def view(row: SiteRow) -> Site:
        unit = of[row.unit_id]
        return shown(Site, row, unit_name=unit.name, **disclosure.blank_site(visit.actor, unit.path, row.id in on_duty))

    return [view(one) for one in rows]


async def hall_view(session: AsyncSession, hall_id: str, response: Response) -> Hall:
    """Return a hall, with its version in the response."""
    row = await halls.get(session, hall_id)
    tag(response, row.version)
    return (await _halls(session, [row]))[0]


async def _halls(session: AsyncSession, rows: Sequence[Any]) -> list[Hall]:
    sites = await _sites(session, [one.site_id for one in rows])
    return [shown(Hall, one, site_name=sites[one.site_id].name, unit_id=sites[one.site_id].unit_id) for one in rows]


async def _terminal(session: AsyncSession, visit: Visit, terminal_id: str, response: Response) -> Terminal:
    row = await terminals.get(session, terminal_id)
    tag(response, row.version)
    return (await terminal_views(session, visit, [row]))[0]


async def terminal_views(session: AsyncSession, visit: Visit, rows: Sequence[TerminalRow]) -> list[Terminal]:
    """Return terminals, without the fields that the caller may not read."""
    sites = await _sites(session, [one.site_id for one in rows])
    of = await _units(session, [one.unit_id for one in sites.values()])
    rooms = {one.hall_id for one in rows if one.hall_id}
    named = dict((await session.execute(select(HallRow.id, HallRow.name).where(HallRow.id.in_(rooms)))).all())

    def view(row: TerminalRow) -> Terminal:
        site, hall = sites[row.site_id], named.get(row.hall_id or "", "")
        blank = disclosure.blank_terminal(visit.actor, of[site.unit_id].path)
        return shown(Terminal, row, site_name=site.name, hall_name=hall, **blank)

    return [view(one) for one in rows]
