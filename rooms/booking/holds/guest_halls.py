"""The halls in which the invited units meet, at most one for each site. The hall that the call list calls comes first: the main
hall with a terminal, or the only hall with a terminal. Then come the main hall, and the only hall of the site.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.holds import resources
from rooms.booking.holds.resources import Thing
from rooms.booking.meeting.attendees import Invited
from rooms.store.tables.meetings import Attendee, Meeting
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Hall, Terminal

Gap = Literal["", "no_hall", "many_halls"]
"""`no_hall`: the site has no hall that can be booked. `many_halls`: the site has several halls, and none is the main hall."""


@dataclass(frozen=True)
class GuestHall:
    """An invited unit with its hall, or with the reason why it has no hall."""

    unit_id: str
    unit_name: str
    hall: Thing | None
    gap: Gap = ""


@dataclass(frozen=True)
class _Party:
    unit_id: str
    name: str
    site_id: str


_PARTIES: Final = (
    select(Attendee.unit_id, Unit.name, Attendee.site_id)
    .join(Unit, Unit.id == Attendee.unit_id)
    .where(Attendee.meeting_id == bindparam("meeting"), Attendee.person_id.is_(None), Attendee.answer != "declined")
    .where(Attendee.unit_id != bindparam("host"))
    .order_by(Unit.tier, Unit.position, Unit.name)
)
_HALLS: Final = (
    select(
        Hall.id,
        Hall.name,
        Hall.site_id,
        Hall.main,
        Hall.seats,
        Hall.equipment,
        Hall.setup_min,
        Hall.clearup_min,
        Hall.needs_approval,
    )
    .where(Hall.site_id.in_(bindparam("sites", expanding=True)), Hall.bookable)
    .order_by(Hall.code)
)
_TERMINALS: Final = select(Terminal.hall_id, Terminal.protocols).where(
    Terminal.hall_id.in_(bindparam("halls", expanding=True)), Terminal.active
)
"""Every booking and every notice of a meeting reads these, so the statements are built once."""


async def of_invited(
    session: AsyncSession, invited: Iterable[Invited], host_id: str, booked_sites: Collection[str]
) -> tuple[GuestHall, ...]:
    """Return the halls of the invited units. Leave out the host, which books its halls itself, and units that meet in a hall
    that the host booked.
    """
    parties = [
        _Party(one.unit_id, one.unit.name if one.unit else one.label, one.site_id or "")
        for one in invited
        if one.unit_id and not one.person_id and one.unit_id != host_id and one.site_id not in booked_sites
    ]
    return await _of_parties(session, parties)


async def of_meeting(session: AsyncSession, meeting: Meeting, booked: Collection[str]) -> tuple[GuestHall, ...]:
    """Return the halls of the units that are invited to a stored meeting and have not declined. `booked`: the halls that the
    host booked.
    """
    rows = await session.execute(_PARTIES, {"meeting": meeting.id, "host": meeting.host_unit_id})
    sites = set(await session.scalars(select(Hall.site_id).where(Hall.id.in_(booked)))) if booked else set()
    parties = [_Party(id_ or "", name, site_id or "") for id_, name, site_id in rows if site_id not in sites]
    return await _of_parties(session, parties)


async def _of_parties(session: AsyncSession, parties: Sequence[_Party]) -> tuple[GuestHall, ...]:
    halls = await of_sites(session, {one.site_id for one in parties if one.site_id})
    return tuple(GuestHall(one.unit_id, one.name, *halls.get(one.site_id, (None, "no_hall"))) for one in parties)


async def of_sites(session: AsyncSession, site_ids: Collection[str]) -> Mapping[str, tuple[Thing | None, Gap]]:
    """Return the hall of each site in which its unit meets."""
    if not site_ids:
        return {}
    here: dict[str, list[Any]] = defaultdict(list)
    for row in await session.execute(_HALLS, {"sites": list(site_ids)}):
        here[row.site_id].append(row)
    several = [one.id for halls in here.values() if len(halls) > 1 for one in halls]
    devices = await session.execute(_TERMINALS, {"halls": several}) if several else ()
    called = {hall or "" for hall, known in devices if {"sip", "pc"} & {*known}}
    return {site_id: _chosen(halls, called) for site_id, halls in here.items()}


def _chosen(halls: Sequence[Any], called: Collection[str]) -> tuple[Thing | None, Gap]:
    """Return the hall in which the unit of the site meets. `called`: halls with a SIP terminal."""
    with_terminal = [one for one in halls if one.id in called]
    main = [one for one in halls if one.main]
    both = [one for one in main if one.id in called]
    certain = next((some for some in (both, with_terminal, main, halls) if len(some) == 1), None)
    return (resources.hall_thing(certain[0], guest=True), "") if certain else (None, "many_halls")
