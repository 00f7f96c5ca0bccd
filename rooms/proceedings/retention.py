"""The end of what is stored about meetings: by the retention of the meeting's type, and by a stop for secret content."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.meetings import Meeting, MeetingType, Occurrence
from rooms.store.tables.proceedings import ChatLine, MeetingEvent, MeetingNote, Sitting, SittingState


async def end_lost(session: AsyncSession, now: datetime) -> None:
    """End the sittings that no server has seen for `SITTING_IDLE_HOURS`, at the time when they were last seen."""
    late = now - timedelta(hours=limits.SITTING_IDLE_HOURS)
    lost = (Sitting.ended_at.is_(None), Sitting.seen_at <= late)
    await session.execute(update(Sitting).where(*lost).values(ended_at=Sitting.seen_at))


async def forget(session: AsyncSession, now: datetime) -> None:
    """Delete the chat of ended sittings after the `chat_days` of their type, and all of a sitting after its `log_days`. A
    sitting without a date is deleted after `INSTANT_LOG_DAYS`.
    """
    types = (await session.execute(select(MeetingType.code, MeetingType.chat_days, MeetingType.log_days))).all()
    for code, chat_days, log_days in types:
        dates = (
            select(Occurrence.id).join(Meeting, Meeting.id == Occurrence.meeting_id).where(Meeting.type_code == code)
        )
        ended = select(Sitting.id).where(Sitting.occurrence_id.in_(dates), Sitting.ended_at.is_not(None))
        of_chat = ended.where(Sitting.ended_at <= now - timedelta(days=chat_days))
        await session.execute(delete(ChatLine).where(ChatLine.sitting_id.in_(of_chat)))
        of_all = ended.where(Sitting.ended_at <= now - timedelta(days=log_days))
        await session.execute(delete(Sitting).where(Sitting.id.in_(of_all)))
    late = now - timedelta(days=limits.INSTANT_LOG_DAYS)
    await session.execute(delete(Sitting).where(Sitting.occurrence_id.is_(None), Sitting.ended_at <= late))


async def wipe(session: AsyncSession, sitting_id: str, actor: Actor, now: datetime, for_chair: bool = False) -> None:
    """Delete chat, notes, states and the details of all events of a sitting, because secret content came up. Who came, left,
    spoke and acted stays, with the times. The audit trail gets who stopped the meeting, and no title.

    The deleted words are still in free pages of the files until `rooms.store.scrubbing.scrub`.
    """
    found = await session.get(Sitting, sitting_id, with_for_update=True)  # a note that is being written waits
    await session.execute(delete(ChatLine).where(ChatLine.sitting_id == sitting_id))
    await session.execute(delete(MeetingNote).where(MeetingNote.sitting_id == sitting_id))
    await session.execute(delete(SittingState).where(SittingState.sitting_id == sitting_id))
    await session.execute(update(MeetingEvent).where(MeetingEvent.sitting_id == sitting_id).values(detail={}))
    if found is None:
        return
    found.wiped_at = now
    kind, id_ = ("occurrence", found.occurrence_id) if found.occurrence_id else ("sitting", sitting_id)
    host = await session.scalar(
        select(Meeting.host_unit_id)
        .join(Occurrence, Occurrence.meeting_id == Meeting.id)
        .where(Occurrence.id == found.occurrence_id)
    )
    detail = {"by": actor.name, "for_chair": for_chair}
    await audit.record(session, now, actor, "meeting.secret_stop", kind, id_ or "", host or "", detail)


async def unscrubbed(session: AsyncSession) -> list[str]:
    """Return the wiped sittings whose words may still be in free pages of the files."""
    return list(
        await session.scalars(select(Sitting.id).where(Sitting.wiped_at.is_not(None), Sitting.scrubbed_at.is_(None)))
    )


async def note_scrubbed(session: AsyncSession, sitting_ids: list[str], now: datetime) -> None:
    await session.execute(update(Sitting).where(Sitting.id.in_(sitting_ids)).values(scrubbed_at=now))
