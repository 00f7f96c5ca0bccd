"""The media capacity that is reserved now, and the places of running dates. Reads only.

`signaling.meetings.places` compares these numbers with the people who are present.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.holds import resources
from rooms.booking.meeting import call_list
from rooms.booking.meeting.leaders import contact_name, people_of
from rooms.store.tables.booking import CapacityUse, Pool
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.org import Unit

LEADERS = ("chair", "secretary")


@dataclass(frozen=True)
class Whole:
    """The capacity of this installation."""

    most: int
    """Simultaneous connections of the first pool that counts all connections of all meetings."""
    reserved: int
    """Connections that dates have reserved in this quarter of an hour."""


@dataclass(frozen=True)
class Places:
    """The places of one date."""

    reserved: int
    """The reserved connections in this quarter of an hour. 0 before the date and after it."""
    kept: frozenset[str]
    """The bearers who always get a place: persons and attendees who lead, and terminals of the call list."""
    kept_count: int
    """Places of chair, secretary, operator and the call list. A leader is one place, as person and as attendee."""
    single: frozenset[str]
    """The attendees who are one person. Several people may enter for a unit."""
    contact: str
    """The person to call: the name, and the telephone of the office."""


async def whole(session: AsyncSession, now: datetime) -> Whole | None:
    """Return the capacity, or None if the installation has no pool."""
    pool = (
        await session.execute(
            select(Pool.code, Pool.legs)
            .where(Pool.unit_id.is_(None), Pool.counts == "all")
            .order_by(Pool.code)
            .limit(1)
        )
    ).first()
    if pool is None:
        return None
    first, last = _quarter(now)
    reserved = await session.scalar(
        select(func.sum(CapacityUse.legs)).where(
            CapacityUse.pool == pool[0], CapacityUse.starts_at < last, CapacityUse.ends_at > first
        )
    )
    return Whole(pool[1], reserved or 0)


async def places(session: AsyncSession, occurrence_ids: Collection[str], now: datetime) -> dict[str, Places]:
    """Return the places of these dates. Leave out unknown dates."""
    rows = await session.execute(
        select(Occurrence, Meeting, Unit)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(Unit, Unit.id == Meeting.host_unit_id)
        .where(Occurrence.id.in_(occurrence_ids))
    )
    first, last = _quarter(now)
    uses = await session.execute(
        select(CapacityUse.occurrence_id, func.max(CapacityUse.legs))
        .where(CapacityUse.occurrence_id.in_(occurrence_ids), CapacityUse.starts_at < last, CapacityUse.ends_at > first)
        .group_by(CapacityUse.occurrence_id)
    )
    reserved = dict(uses.all())
    return {
        date.id: await _places(session, date, meeting, unit, reserved.get(date.id, 0)) for date, meeting, unit in rows
    }


async def _places(session: AsyncSession, date: Occurrence, meeting: Meeting, unit: Unit, reserved: int) -> Places:
    people = {one for one in (meeting.chair_id, meeting.secretary_id, meeting.operator_id) if one}
    columns = (Attendee.id, Attendee.role, Attendee.person_id, Attendee.unit_id)
    attendees = (await session.execute(select(*columns).where(Attendee.meeting_id == meeting.id))).all()
    leaders = {one.id for one in attendees if one.role in LEADERS}
    single = frozenset(one.id for one in attendees if one.person_id or one.unit_id is None)
    called = {one.device.id for one in (await call_list.of_date(session, meeting, date.id)).lines if not one.out}
    contact = ", ".join(part for part in (await contact_name(session, meeting), unit.name, unit.phone) if part)
    kept = frozenset(people_of(meeting)) | leaders | called  # a deputy needs the place of the represented person
    return Places(reserved, kept, max(len(people), len(leaders)) + len(called), single, contact)


def _quarter(now: datetime) -> tuple[datetime, datetime]:
    """Return the first moment of the quarter of an hour, and the moment after its last one."""
    (first,) = resources.slots(now, now + resources.SLOT / 1000)[:1]
    return first, first + resources.SLOT
