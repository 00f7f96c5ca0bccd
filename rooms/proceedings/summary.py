"""What is stored about the meetings of a date, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.errors import Refusal
from rooms.store.tables.meetings import Meeting, MeetingType, Occurrence
from rooms.store.tables.proceedings import Sitting

OVER = ("ended", "released")


@dataclass(frozen=True)
class Summary:
    """What is stored about a date. `kept_until` None: the meeting goes on, or has not begun."""

    meeting_id: str
    title: str
    starts_at: datetime
    ends_at: datetime
    state: str
    began_at: datetime | None
    """The first arrival that is stored. None: nothing is stored."""
    ended_at: datetime | None
    wiped_at: datetime | None
    """The time of a stop for secret content, which destroyed the words."""
    kept_days: int
    kept_until: datetime | None
    expired: bool
    """True: the meeting is over, and what was stored is deleted by its retention."""
    chat: str
    """`kept`, `exported` or `forgotten`, as the type of the meeting says."""


async def of_date(session: AsyncSession, occurrence_id: str, now: datetime) -> Summary:
    """Return what is stored about a date. Raise Refusal `occurrence_unknown`."""
    found = (
        await session.execute(
            select(Occurrence, Meeting.title, MeetingType.log_days, MeetingType.chat_kept)
            .join(Meeting, Meeting.id == Occurrence.meeting_id)
            .join(MeetingType, MeetingType.code == Meeting.type_code)
            .where(Occurrence.id == occurrence_id)
        )
    ).first()
    if found is None:
        raise Refusal("occurrence_unknown", "Không có buổi họp này.", "there is no such date")
    date, title, kept_days, chat = found
    began_at, ended_at, wiped_at, sittings, ended = (
        await session.execute(
            select(
                func.min(Sitting.began_at),
                func.max(Sitting.ended_at),
                func.max(Sitting.wiped_at),
                func.count(),
                func.count(Sitting.ended_at),
            ).where(Sitting.occurrence_id == occurrence_id)
        )
    ).one()
    over = date.state in OVER and sittings == ended
    kept_until = (ended_at or date.starts_at) + timedelta(days=kept_days) if over else None
    return Summary(
        date.meeting_id,
        title,
        date.starts_at,
        date.ends_at,
        date.state,
        began_at,
        ended_at if over else None,
        wiped_at,
        kept_days,
        kept_until,
        kept_until is not None and not sittings and now >= kept_until,
        chat,
    )
