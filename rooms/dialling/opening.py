"""The opening of a date by its chair (khai mạc). Until then the halls that the server calls wait, muted and before a splash."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.dialling import legs, planning
from rooms.errors import Refusal
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Meeting, Occurrence


def waits(date: Occurrence, meeting: Meeting) -> bool:
    """Report whether halls wait in the meeting of this date."""
    return meeting.connect == planning.CALL and date.begun_at is None


async def begin(session: AsyncSession, occurrence_id: str, actor: Actor, now: datetime) -> frozenset[str]:
    """Open a date, once. Return the terminals of the chair's halls, whose microphones go on. Raise Refusal
    `occurrence_unknown`, `not_on_now`.
    """
    date, meeting = await planning.date_of(session, occurrence_id)
    await session.refresh(date, with_for_update=True)
    if not planning.is_on(date, meeting, now):
        raise Refusal(
            "not_on_now",
            f"Chỉ khai mạc được từ {limits.ENTRY_HOST_MIN} phút trước giờ họp đến khi kết thúc.",
            f"a meeting can be opened only from {limits.ENTRY_HOST_MIN} minutes before the start until its end",
        )
    if date.begun_at is None:
        date.begun_at = now
        await audit.record(session, now, actor, "meeting.begin", "occurrence", date.id, meeting.host_unit_id)
    return await chairs(session, occurrence_id)


async def chairs(session: AsyncSession, occurrence_id: str) -> frozenset[str]:
    """Return the terminals of the date in halls of the host unit, or of the chair."""
    rows = await session.execute(select(DialLeg.id, DialLeg.terminal_id).where(DialLeg.occurrence_id == occurrence_id))
    known = {row.id: row.terminal_id for row in rows}
    return frozenset(known[leg_id] for leg_id in await legs.of_chairs(session, tuple(known)))
