"""The halls in which the invited units meet, at most one for each unit. The hall of the unit's line in the call list comes first,
then the main hall of the site, then the only hall of the site.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.holds import resources
from rooms.booking.holds.resources import Thing
from rooms.booking.meeting.attendees import Invited
from rooms.booking.meeting.call_list import CallList
from rooms.store.tables.sites import Hall

Gap = Literal["", "no_hall", "many_halls"]
"""`no_hall`: the site has no hall that can be booked. `many_halls`: the site has several halls, and none is the main hall."""


@dataclass(frozen=True)
class GuestHall:
    """An invited unit with its hall, or with the reason why it has no hall."""

    unit_id: str
    unit_name: str
    hall: Thing | None
    gap: Gap = ""


async def of_invited(
    session: AsyncSession, invited: Iterable[Invited], calls: CallList, booked_sites: Collection[str]
) -> tuple[GuestHall, ...]:
    """Return the halls of the invited units. Leave out the units that meet in a hall that the host booked."""
    units = [
        (one.unit_id, one.unit.name if one.unit else one.label, one.site_id or "")
        for one in invited
        if one.unit_id and not one.person_id and one.site_id not in booked_sites
    ]
    if not units:
        return ()
    here: dict[str, list[Any]] = defaultdict(list)
    for row in await session.execute(
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
        .where(Hall.site_id.in_({site_id for _, _, site_id in units if site_id}), Hall.bookable)
        .order_by(Hall.code)
    ):
        here[row.site_id].append(row)
    called = {one.unit_id: one.device.hall_id for one in calls.lines if one.unit_id}
    return tuple(_of_unit(unit_id, name, here[site_id], called.get(unit_id)) for unit_id, name, site_id in units)


def _of_unit(unit_id: str, name: str, halls: list[Any], called: str | None) -> GuestHall:
    if not halls:
        return GuestHall(unit_id, name, None, "no_hall")
    certain = [one for one in halls if one.id == called] or [one for one in halls if one.main] or halls
    if len(certain) > 1:
        return GuestHall(unit_id, name, None, "many_halls")
    return GuestHall(unit_id, name, resources.hall_thing(certain[0]))
