"""How a letter names its sender and its recipients: the agency, the agency above it, and each recipient's post and site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.meeting import attendees
from rooms.meetings import wording
from rooms.store.tables.meetings import Attendee, Meeting
from rooms.store.tables.org import Post, Unit
from rooms.store.tables.sites import Site

BY_BROWSER = "Tại đơn vị, qua trình duyệt"
_PARTY = {
    "tỉnh": "Tỉnh ủy",
    "thành phố": "Thành ủy",
    "quận": "Quận ủy",
    "huyện": "Huyện ủy",
    "thị xã": "Thị ủy",
}
"""The Party committee of an area by the kind of the area. The other areas have a "Đảng ủy"."""


@dataclass(frozen=True)
class Personal:
    """The parts of a letter that differ for each recipient. `place`: the recipient's own site in words."""

    label: str
    place: str


def agency(unit: Unit) -> str:
    """Return the name of the agency that writes for the unit. An area writes by its people's committee."""
    kind, place = wording.area(unit.name)
    if kind and unit.block == "government":
        return f"Ủy ban nhân dân {kind} {place}"
    return wording.in_full(unit.name)


def superior(host: Unit, parent: Unit | None) -> str:
    """Return the agency above the host, with usual words abbreviated as Decree 30 allows: "UBND tỉnh Tây Ninh". A committee has
    none, and neither has an agency right below the state.
    """
    if parent is None or parent.tier == 0 or wording.is_collective(agency(host)):
        return ""
    kind, place = wording.area(parent.name)
    if kind and host.block == "party":
        return f"{_PARTY[kind]} {place}" if kind in _PARTY else f"Đảng ủy {kind} {place}"
    if kind and host.block == "government":
        return f"UBND {kind} {place}"
    return wording.in_short(parent.name)


async def addressees(session: AsyncSession, invited: Sequence[Attendee], on: date) -> dict[str, str]:
    """Return the words for each attendee. A typed label stays. A unit is addressed by the post of its head: "Chủ tịch UBND xã
    10". Without a known post it is addressed as the agency.
    """
    ids = {one.unit_id for one in invited if one.unit_id and not one.person_id}
    units = {one.id: one for one in await session.scalars(select(Unit).where(Unit.id.in_(ids)))}
    rows = await session.execute(
        select(Post.unit_id, Post.title)
        .where(Post.unit_id.in_(ids), Post.is_head, Post.valid_from <= on)
        .where(or_(Post.valid_to.is_(None), Post.valid_to > on))
        .order_by(Post.rank.desc())
    )
    heads: dict[str, str] = dict(rows.all())
    return {one.id: _addressee(one, units.get(one.unit_id or ""), heads) for one in invited}


async def personal(session: AsyncSession, meeting: Meeting, on: date) -> list[Personal]:
    """Return what differs in the letter to each invitee, in official order. The chair gets no letter."""
    invited = [one for one in await attendees.listed(session, meeting.id) if one.role != "chair"]
    names = await addressees(session, invited, on)
    ids = {one.site_id for one in invited if one.site_id}
    sites = {one.id: one for one in await session.scalars(select(Site).where(Site.id.in_(ids)))}
    return [Personal(names[one.id], place_of(meeting, sites.get(one.site_id or ""))) for one in invited]


def place_of(meeting: Meeting, site: Site | None) -> str:
    """Return the site of an attendee in words. An attendee without a site joins an ordinary meeting by browser."""
    if site is not None:
        return ", ".join(filter(None, (site.name, site.address)))
    return BY_BROWSER if meeting.class_ == "ordinary" else ""


def _addressee(attendee: Attendee, unit: Unit | None, heads: dict[str, str]) -> str:
    label = attendee.label or attendee.guest_name
    if unit is None or attendee.person_id:
        return label
    title = heads.get(unit.id, "")
    if label not in (unit.name, attendees.post_of(title, unit.name)):
        return label
    return attendees.post_of(title, wording.within(unit.name)) if title else agency(unit)
