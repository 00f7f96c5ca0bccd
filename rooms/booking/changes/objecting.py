"""An invited unit objects to the hold of its hall, and the host gives the hall back. See `rooms.booking.holds.guest_holds`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import guest_holds, rehearsals, restoring
from rooms.booking.holds.guest_holds import HoldShown
from rooms.booking.meeting import consent, reading, timing
from rooms.errors import Refusal
from rooms.org.names import cleaned
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store import audit, outbox
from rooms.store.tables.booking import HallObjection
from rooms.store.tables.meetings import Meeting
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Hall, Site


async def object_to(
    session: AsyncSession, meeting_id: str, hall_id: str, reason: str, actor: Actor, now: datetime
) -> None:
    """Record the unit's objection. A soft hold ends at once. A firm hold stays until the host gives the hall back. Raise
    `denied`, `unknown_hold`, `reason_missing`.
    """
    meeting, unit = await _asked(session, meeting_id, hall_id, actor)
    said = cleaned(reason)[: limits.REASON]
    if not said:
        raise Refusal("reason_missing", "Hãy ghi lý do không giữ được hội trường.", "write the reason of the objection")
    shown = await _hold(session, meeting, hall_id, now)
    row = await session.get(HallObjection, (meeting_id, hall_id))
    rehearsal = await rehearsals.of_meeting(session, meeting.id)
    if row is None:
        row = HallObjection(meeting_id=meeting_id, hall_id=hall_id)
        session.add(row)
    elif rehearsal is not None:
        await guest_holds.forget_copy(session, row, rehearsal.id)
    row.reason, row.by, row.at = said, (actor.id or actor.kind)[:32], now
    row.released = not shown.firm_dates
    await session.flush()
    if row.released:
        await restoring.release_hall(session, meeting, hall_id, now)
    if rehearsal is not None:  # the board of the unit shows both at once
        await guest_holds.follow_objections(session, meeting.id, rehearsal.id)
    await timing.follow(session, meeting, now)
    payload = {"meeting_id": meeting.id, "hall_id": hall_id, "by": row.by}
    await outbox.enqueue(session, timing.OBJECTED, payload, now, now)
    detail = {"hall": hall_id, "reason": said, "released": row.released}
    await audit.record(session, now, actor, "hall.object", "meeting", meeting.id, unit.id, detail)


async def withdraw(session: AsyncSession, meeting_id: str, hall_id: str, actor: Actor, now: datetime) -> None:
    """Withdraw the unit's objection. The meeting holds the hall again, if the hall is still free. Raise `denied`,
    `unknown_hold`.
    """
    meeting, unit = await _asked(session, meeting_id, hall_id, actor)
    host = await session.get_one(Unit, meeting.host_unit_id)
    if not await consent.speaks_for(session, "halls.object", unit, host, actor):
        raise Refusal(
            "denied",
            "Chỉ đơn vị có hội trường mới rút được ý kiến của mình.",
            "only the unit of the hall can withdraw its objection",
        )
    row = await session.get(HallObjection, (meeting_id, hall_id))
    if row is None:
        raise _unknown()
    rehearsal = await rehearsals.of_meeting(session, meeting.id)
    if rehearsal is not None:
        await guest_holds.forget_copy(session, row, rehearsal.id)
    await session.delete(row)
    await session.flush()
    await restoring.take_guests(session, meeting, now)
    await timing.follow(session, meeting, now)
    await audit.record(session, now, actor, "hall.object.withdraw", "meeting", meeting.id, unit.id, {"hall": hall_id})


def may_give_back(meeting: Meeting, host: Unit, actor: Actor) -> bool:
    return meeting.state in restoring.TAKES and roles.allows(actor, "meetings.edit", host.path)


async def give_back(session: AsyncSession, meeting_id: str, hall_id: str, actor: Actor, now: datetime) -> None:
    """Give a hall back to its unit: the meeting holds it no longer. Raise `denied`, `unknown_meeting`, `unknown_hold`."""
    meeting, host = await reading.locked(session, meeting_id, actor)
    roles.require(actor, "meetings.edit", host.path)
    await _hold(session, meeting, hall_id, now)
    row = await session.get(HallObjection, (meeting_id, hall_id))
    if row is None:
        row = HallObjection(meeting_id=meeting_id, hall_id=hall_id, reason="", by=(actor.id or actor.kind)[:32], at=now)
        session.add(row)
    row.released = True
    await session.flush()
    await restoring.release_hall(session, meeting, hall_id, now)
    await timing.follow(session, meeting, now)
    await audit.record(session, now, actor, "hall.give_back", "meeting", meeting.id, host.id, {"hall": hall_id})


async def _asked(session: AsyncSession, meeting_id: str, hall_id: str, actor: Actor) -> tuple[Meeting, Unit]:
    """Return the meeting, locked, and the unit of the hall. The actor needs the right in that unit, not in the meeting."""
    hall = await session.get(Hall, hall_id)
    site = await session.get(Site, hall.site_id) if hall is not None else None
    unit = await session.get(Unit, site.unit_id) if site is not None else None
    if unit is None:
        raise _unknown()
    roles.require(actor, "halls.object", unit.path)
    meeting = await session.get(Meeting, meeting_id, with_for_update=True, populate_existing=True)
    if meeting is None or meeting.state not in restoring.TAKES:
        raise _unknown()
    return meeting, unit


async def _hold(session: AsyncSession, meeting: Meeting, hall_id: str, now: datetime) -> HoldShown:
    for one in await guest_holds.of_meeting(session, meeting, now):
        if one.hall_id == hall_id:
            return one
    raise _unknown()


def _unknown() -> Refusal:
    return Refusal(
        "unknown_hold",
        "Cuộc họp này không giữ hội trường này. Hãy tải lại trang.",
        "this meeting does not hold this hall: load the page again",
    )
