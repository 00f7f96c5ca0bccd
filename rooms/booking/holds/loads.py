"""The load of a stored meeting on the pools of media capacity."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.holds import resources
from rooms.booking.holds.resources import Load
from rooms.booking.meeting import call_list
from rooms.store.tables.booking import Pool
from rooms.store.tables.meetings import Meeting
from rooms.store.tables.org import Unit


async def of_meeting(session: AsyncSession, meeting: Meeting) -> Load:
    """Return what each date of the meeting takes from the pools. The call list is read only if a pool counts halls or
    browsers.
    """
    pools = (await session.scalars(select(Pool))).all()
    path = await session.scalar(select(Unit.path).where(Unit.id == meeting.host_unit_id)) or "/"
    halls = 0
    if any(one.counts != "all" for one in pools):
        halls = (await call_list.of_date(session, meeting)).terminals
    return resources.load(pools, path, meeting.legs, halls)
