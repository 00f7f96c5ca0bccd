"""The people whom an operator phones about a date: the technician of each site, and the last telephone call to the site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.dialling import duty, planning
from rooms.errors import Refusal
from rooms.org import fields, units
from rooms.policy import disclosure
from rooms.policy.actors import Actor
from rooms.sites import terminals
from rooms.store import audit
from rooms.store.tables.dialling import DialLeg, SiteCall
from rooms.store.tables.meetings import Attendee, Meeting
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Site, Terminal


@dataclass(frozen=True)
class Called:
    """A telephone call to a site. `by`: the name of the operator."""

    site_id: str
    at: datetime
    by: str


@dataclass(frozen=True)
class Contact:
    """A site of a date. The technician and the telephone are empty for an actor who may not read them."""

    site_id: str
    site: str
    unit: str
    technician: str
    phone: str
    called: Called | None


async def of_date(session: AsyncSession, occurrence_id: str, actor: Actor, now: datetime) -> list[Contact]:
    """Return the sites of a date in the order of the unit tree: invited sites, booked halls, and called terminals."""
    meeting = (await planning.date_of(session, occurrence_id))[1]
    sites = await _sites(session, occurrence_id, meeting)
    rows = await session.execute(
        select(Site, Unit)
        .join(Unit, Unit.id == Site.unit_id)
        .where(Site.id.in_(sites))
        .order_by(Unit.tier, Unit.position, Site.search_name, Site.id)
    )
    on_duty = await duty.sites_of(session, actor, now)
    calls = {one.site_id: one for one in await calls_of(session, occurrence_id)}
    return [_contact(site, unit, actor, site.id in on_duty, calls.get(site.id)) for site, unit in rows.all()]


def _contact(site: Site, unit: Unit, actor: Actor, on_duty: bool, called: Called | None) -> Contact:
    hidden = disclosure.blank_site(actor, unit.path, on_duty)
    technician, phone = (hidden.get(name, getattr(site, name)) for name in disclosure.CONTACT)
    return Contact(site.id, site.name, unit.name, technician, phone, called)


async def _sites(session: AsyncSession, occurrence_id: str, meeting: Meeting) -> set[str]:
    return (await duty.sites_by_meeting(session, {occurrence_id: meeting.id}))[meeting.id]


async def calls_of(session: AsyncSession, occurrence_id: str) -> list[Called]:
    """Return the last telephone call to each site of a date."""
    rows = await session.scalars(
        select(SiteCall).where(SiteCall.occurrence_id == occurrence_id).order_by(SiteCall.site_id)
    )
    return [Called(one.site_id, one.at, one.by) for one in rows]


@dataclass(frozen=True)
class Expected:
    """A site that the roll call of a date expects. `terminal_id`: a terminal of the date there; empty: none. `dialled`: the
    server can call this terminal; a PC in hall mode enters by itself. `phone`: the telephone number of the technician there, for
    the hosts of the date. `invitation`: the invitation of the site's unit, whose link opens in a browser; empty: none.
    """

    site_id: str
    site: str
    unit: str
    terminal_id: str
    dialled: bool
    phone: str
    invitation: str


async def expected(session: AsyncSession, occurrence_id: str, now: datetime) -> list[Expected]:
    """Return the sites of a date in the order of the unit tree, one row for each terminal. Raise Refusal
    `occurrence_unknown`.
    """
    meeting = (await planning.date_of(session, occurrence_id))[1]
    sites = await _sites(session, occurrence_id, meeting)
    order = {unit.id: place for place, unit in enumerate(await units.tree(session, fields.today(now)))}
    found = await session.execute(select(Site, Unit).join(Unit, Unit.id == Site.unit_id).where(Site.id.in_(sites)))
    rows = sorted(found.all(), key=lambda row: (order.get(row[1].id, len(order)), row[0].search_name, row[0].id))
    called = await session.scalars(
        select(Terminal)
        .join(DialLeg, DialLeg.terminal_id == Terminal.id)
        .where(DialLeg.occurrence_id == occurrence_id)
        .order_by(Terminal.id)
    )
    there: dict[str, list[tuple[str, bool]]] = {}
    for one in called:
        there.setdefault(one.site_id, []).append((one.id, not terminals.is_pc(one)))
    links = await _invitations(session, meeting.id)
    return [
        Expected(
            site.id,
            site.name,
            unit.name,
            terminal_id,
            dialled,
            site.technician_phone,
            links.get((site.id, unit.id), ""),
        )
        for site, unit in rows
        for terminal_id, dialled in there.get(site.id, [("", False)])
    ]


async def _invitations(session: AsyncSession, meeting_id: str) -> dict[tuple[str, str], str]:
    """Return the invitation of each invited unit, by its site and the unit. The invitation of a person belongs to no site."""
    rows = await session.execute(
        select(Attendee.site_id, Attendee.unit_id, Attendee.id).where(
            Attendee.meeting_id == meeting_id, Attendee.person_id.is_(None), Attendee.site_id.is_not(None)
        )
    )
    return {(site_id, unit_id): id_ for site_id, unit_id, id_ in rows if site_id and unit_id}


async def note(
    session: AsyncSession, occurrence_id: str, site_id: str, called: bool, actor: Actor, now: datetime
) -> Called | None:
    """Store that the operator phoned the site, or remove the mark that was set by mistake. Raise Refusal
    `occurrence_unknown`, `unknown_site`.
    """
    meeting = (await planning.date_of(session, occurrence_id))[1]
    if site_id not in await _sites(session, occurrence_id, meeting):
        raise Refusal("unknown_site", "Điểm cầu này không có trong buổi họp.", "this site is not in the meeting")
    site = await session.get_one(Site, site_id)
    which = (SiteCall.occurrence_id == occurrence_id, SiteCall.site_id == site_id)
    given = {"at": now, "by": actor.name[:200]}
    if called:
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        await session.execute(
            insert(SiteCall)
            .values(occurrence_id=occurrence_id, site_id=site_id, **given)
            .on_conflict_do_update(index_elements=["occurrence_id", "site_id"], set_=given)
        )
    else:
        await session.execute(delete(SiteCall).where(*which))
    action = "site.called" if called else "site.not_called"
    detail = {"site": site.code}
    await audit.record(session, now, actor, action, "occurrence", occurrence_id, meeting.host_unit_id, detail)
    return Called(site_id, now, actor.name) if called else None
