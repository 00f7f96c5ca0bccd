"""A refused or expired part of a split series: its dates go back to the series, as they were before the split."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.holds import restoring
from rooms.booking.meeting import history
from rooms.booking.rules.recurrence import ended
from rooms.errors import Refusal
from rooms.policy.actors import SYSTEM, Actor
from rooms.store import audit
from rooms.store.tables.booking import Change
from rooms.store.tables.meetings import Meeting, Occurrence

TAKEN = "Giờ này hội trường, thiết bị hoặc người dự đã có lịch khác."


async def rejoin(session: AsyncSession, part: Meeting, actor: Actor, now: datetime) -> bool:
    """Give the coming dates of `part` back to its series. The caller has already released the reservations of `part`.

    If another meeting has taken the time of a date, the date becomes skipped. Return False if nothing is given back:

    - `part` is no split part, or has a number.
    - The series takes no reservations any more, or lacks no coming date.
    """
    if part.split_from_id is None or part.number is not None:
        return False
    meeting = await session.get(Meeting, part.split_from_id, with_for_update=True, populate_existing=True)
    change = await _split_of(session, part)
    if meeting is None or change is None or meeting.state not in restoring.TAKES:
        return False
    before = await history.snapshot(session, meeting)
    rows = await _gone(session, meeting, change, now)
    if not rows:
        return False
    was = change.before["meeting"]["rule"]
    if meeting.rule == ended(was, rows[0].original_at):
        meeting.rule = was
    await _take(session, meeting, [one for one in rows if one.state == "planned"], now)
    await history.finish(session, meeting, actor, now, "rejoin", "", before, undoable=False)
    detail = {"part": part.id, "dates": len(rows)}
    await audit.record(session, now, actor, "meeting.rejoin", "meeting", meeting.id, meeting.host_unit_id, detail)
    return True


async def _split_of(session: AsyncSession, part: Meeting) -> Change | None:
    return (
        await session.scalars(
            select(Change).where(
                Change.meeting_id == part.split_from_id, Change.action == "split", Change.at == part.created_at
            )
        )
    ).first()


async def _gone(session: AsyncSession, meeting: Meeting, change: Change, now: datetime) -> list[Occurrence]:
    """Insert the coming dates of the snapshot that the series no longer has. This function makes no reservations for them."""
    present = list(await session.scalars(select(Occurrence).where(Occurrence.meeting_id == meeting.id)))
    last = max((one.original_at for one in present), default=None)
    values = [history.from_json(Occurrence, one) for one in change.before["occurrences"]]
    rows = [
        Occurrence(**one) for one in values if one["starts_at"] > now and (last is None or one["original_at"] > last)
    ]
    session.add_all(rows)
    await session.flush()
    return sorted(rows, key=lambda one: one.original_at)


async def _take(session: AsyncSession, meeting: Meeting, rows: Sequence[Occurrence], now: datetime) -> None:
    """Take all dates together. If the database refuses, take each date separately."""
    try:
        async with session.begin_nested():
            await restoring.retake(session, meeting, rows, SYSTEM, now)
    except Refusal:
        for one in rows:
            await _take_or_skip(session, meeting, one, now)


async def _take_or_skip(session: AsyncSession, meeting: Meeting, date: Occurrence, now: datetime) -> None:
    try:
        async with session.begin_nested():
            await restoring.retake(session, meeting, [date], SYSTEM, now)
    except Refusal:
        date.state, date.reason = "skipped", TAKEN
        await session.flush()
