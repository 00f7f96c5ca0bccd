"""Job handlers for bookings: a hold or a deadline expires, a date is released or over, a series is continued.

A handler may run twice. Each handler decides by the stored state at the time when it runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import approval, creation, ending, proposals
from rooms.booking.holds import losing, rehearsals, rejoining, resources, restoring
from rooms.booking.holds.resources import Taken
from rooms.booking.meeting import history, reading, timing
from rooms.booking.planning import plans, stored
from rooms.errors import Refusal
from rooms.policy.actors import SYSTEM
from rooms.store import audit
from rooms.store.tables.booking import Step
from rooms.store.tables.meetings import Meeting, Occurrence

Payload = Mapping[str, Any]


async def hold_over(session: AsyncSession, payload: Payload, now: datetime) -> None:
    """End a hold that was not submitted in time."""
    meeting = await _locked(session, payload["meeting_id"])
    if meeting is None or meeting.state != "held" or meeting.hold_until is None or meeting.hold_until > now:
        return
    await _expire(session, meeting, "Hết thời hạn giữ hội trường", now)


async def deadline_over(session: AsyncSession, payload: Payload, now: datetime) -> None:
    """End a request that no approver decided in time. An approved meeting with an expired change keeps the approved version."""
    meeting = await _locked(session, payload["meeting_id"])
    step = await session.get(Step, payload["step_id"], populate_existing=True)
    if meeting is None or step is None or step.state != "open" or meeting.state not in ("asked", "approved"):
        return
    if step.deadline is None or step.deadline > now:
        return
    step.state, step.decided_at = "lapsed", now
    await session.flush()
    if meeting.state == "approved":
        await proposals.lapse(session, meeting, now)
        return
    if step.round > 1 and meeting.number and await restoring.went_back(session, meeting, SYSTEM, now):
        await approval.withdraw(session, meeting.id, now)
        await timing.told(session, meeting, "lapse", "Quá hạn duyệt", "", now)
        return
    await _expire(session, meeting, "Quá hạn duyệt", now)


async def _expire(session: AsyncSession, meeting: Meeting, why: str, now: datetime) -> None:
    await approval.end(session, meeting, "expired", why, now)
    await history.finish(session, meeting, SYSTEM, now, "expire", why, {}, undoable=False)
    await audit.record(session, now, SYSTEM, "meeting.expire", "meeting", meeting.id, meeting.host_unit_id)
    await rejoining.rejoin(session, meeting, SYSTEM, now)


async def _locked(session: AsyncSession, meeting_id: str) -> Meeting | None:
    return await session.get(Meeting, meeting_id, with_for_update=True, populate_existing=True)


async def dates_due(session: AsyncSession, payload: Payload, now: datetime) -> None:
    await ending.go_on(session, payload["meeting_id"], now)


async def begun(session: AsyncSession, payload: Payload, now: datetime) -> None:
    await ending.begun(session, payload["occurrence_id"], now)


async def carry_on(session: AsyncSession, payload: Payload, now: datetime) -> None:
    """Book the dates of a series that are now within 24 months. A date with a clash is listed as skipped, with the clash."""
    meeting = await _locked(session, payload["meeting_id"])
    if meeting is None or meeting.state != "approved" or not meeting.rule:
        return
    unit = (await reading.meeting_of(session, meeting.id, SYSTEM))[1]
    request = replace(await stored.request_of(session, meeting), skip_clashes=True)
    known = set(await session.scalars(select(Occurrence.original_at).where(Occurrence.meeting_id == meeting.id)))
    try:
        request = await _from_now(request, known, now)
        plan = await plans.make(session, request, SYSTEM, now, action="", ahead=False)
    except Refusal:
        # The unit or a hall does not exist any more. The desk sees the refusal when it edits the next date.
        return
    spans = tuple(one for one in plan.spans if one.starts_at > max(known))
    if spans:
        await _book(session, meeting, replace(plan, spans=spans), now)
    await timing.horizon(session, meeting, now)
    await audit.record(session, now, SYSTEM, "meeting.carry_on", "meeting", meeting.id, unit.id, {"dates": len(spans)})


async def _from_now(request: Any, known: set[datetime], now: datetime) -> Any:
    """Return the series from its latest past date, so that the 24 months count from about now. A series with COUNT keeps its
    first date, because COUNT counts from there.
    """
    past = [at for at in known if at <= now]
    if not past or "COUNT" in request.rule.upper():
        return request
    return replace(request, starts_at=max(past))


async def _book(session: AsyncSession, meeting: Meeting, plan: plans.Plan, now: datetime) -> None:
    await resources.lock(session, plan.lock_names())
    try:
        skipped = await creation.skips(session, plan, SYSTEM, excluding=meeting.id)
    except Refusal as refusal:
        skipped = {one.occurrence_id: refusal.vietnamese[:1000] for one in plan.spans}
    await session.execute(insert(Occurrence), [creation.date_row(meeting.id, one, skipped) for one in plan.spans])
    kept = [(one, plan.needed) for one in plan.spans if one.occurrence_id not in skipped]
    try:
        await resources.take(session, kept, plan.load, now)
    except Taken as taken:
        raise AssertionError("a resource was reserved despite the lock") from taken
    await restoring.take_guests(session, meeting, now)
    await history.finish(session, meeting, SYSTEM, now, "carry_on", "", {}, undoable=False, tells=False)


async def follow(session: AsyncSession, payload: Payload, now: datetime) -> None:
    """Make the rehearsal of a meeting as the meeting wants it now."""
    meeting = await _locked(session, payload["meeting_id"])
    if meeting is not None:
        await rehearsals.follow(session, meeting, SYSTEM, now)


HANDLERS: Final[Mapping[str, Callable[[AsyncSession, Payload, datetime], Awaitable[None]]]] = {
    timing.HOLD: hold_over,
    timing.DEADLINE: deadline_over,
    timing.DATES: dates_due,
    timing.BEGUN: begun,
    timing.HORIZON: carry_on,
    timing.FOLLOW: follow,
    timing.WON: losing.won,
}
