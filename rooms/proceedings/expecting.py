"""The invited people of a date, with the telephone numbers and the stays that are stored. Only for the hosts of the meeting."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from rooms.errors import Refusal
from rooms.policy.bearers import bearer
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Attendee, Occurrence
from rooms.store.tables.org import Person, Unit
from rooms.store.tables.proceedings import Attendance, Sitting
from rooms.store.tables.sites import Site, Terminal

AGREED = "agreed"


@dataclass(frozen=True)
class Invited:
    """An invited person or unit. `bearers`: who comes for it (`rooms.policy.bearers`), the attendee and the halls of its site."""

    attendee_id: str
    name: str
    unit: str
    role: str
    answer: str
    phone: str
    """The number of the person who comes, otherwise of the technician of the site, otherwise of the unit. Empty: not known."""
    bearers: tuple[str, ...]
    came_at: datetime | None
    """The first arrival. None: nobody has come."""
    left_at: datetime | None
    """The last departure. None: somebody is there, or nobody has come."""


async def of_date(session: AsyncSession, occurrence_id: str, *, phones: bool) -> list[Invited]:
    """Return the invited people and units of a date, in the order of the units. `phones`: with the telephone numbers. Raise
    Refusal `occurrence_unknown`.
    """
    date = await session.get(Occurrence, occurrence_id)
    if date is None:
        raise Refusal("occurrence_unknown", "Không có buổi họp này.", "there is no such date")
    instead = aliased(Person)
    rows = await session.execute(
        select(Attendee, Unit, Person, instead, Site)
        .outerjoin(Person, Person.id == Attendee.person_id)
        .outerjoin(instead, instead.id == Attendee.substitute_person_id)
        .outerjoin(Unit, Unit.id == Attendee.unit_id)
        .outerjoin(Site, Site.id == Attendee.site_id)
        .where(Attendee.meeting_id == date.meeting_id)
        .order_by(Unit.tier, Unit.position, Unit.name, Attendee.id)
    )
    halls = await _halls(session, occurrence_id)
    stays = await _stays(session, occurrence_id)
    found = [_invited(*row, halls, stays) for row in rows.all()]
    return found if phones else [replace(one, phone="") for one in found]


def _invited(
    one: Attendee,
    unit: Unit | None,
    person: Person | None,
    instead: Person | None,
    site: Site | None,
    halls: dict[str, list[str]],
    stays: dict[str, list[Attendance]],
) -> Invited:
    agreed = one.substitute_state == AGREED and bool(one.substitute_name)
    comes = instead if agreed else person
    name = one.substitute_name if agreed else one.label or one.guest_name or (person.name if person else "")
    phones = (comes.phone if comes else "", site.technician_phone if site else "", unit.phone if unit else "")
    bearers = (one.id, *(halls.get(one.site_id, []) if one.site_id else []))
    was = [stay for who in bearers for stay in stays.get(who, [])]
    here = any(stay.left_at is None for stay in was)
    return Invited(
        one.id,
        name or (unit.name if unit else ""),
        unit.name if unit else "",
        one.role,
        one.answer,
        next(filter(None, phones), ""),
        bearers,
        min((stay.came_at for stay in was), default=None),
        None if here else max((stay.left_at for stay in was if stay.left_at is not None), default=None),
    )


async def _halls(session: AsyncSession, occurrence_id: str) -> dict[str, list[str]]:
    """Return the identities of the terminals that the date calls, by site."""
    rows = await session.execute(
        select(Terminal.site_id, Terminal.id)
        .join(DialLeg, DialLeg.terminal_id == Terminal.id)
        .where(DialLeg.occurrence_id == occurrence_id)
        .order_by(Terminal.id)
    )
    found: dict[str, list[str]] = {}
    for site_id, terminal_id in rows.all():
        found.setdefault(site_id, []).append(f"hall_terminal.{terminal_id}")
    return found


async def _stays(session: AsyncSession, occurrence_id: str) -> dict[str, list[Attendance]]:
    """Return the stays in all sittings of a date, by the attendee or the hall."""
    rows = await session.scalars(
        select(Attendance)
        .join(Sitting, Sitting.id == Attendance.sitting_id)
        .where(Sitting.occurrence_id == occurrence_id)
        .order_by(Attendance.came_at)
    )
    found: dict[str, list[Attendance]] = {}
    for stay in rows:
        found.setdefault(bearer(stay.identity), []).append(stay)
    return found
