"""The reading of sittings: what a restart needs, and what happened in the meetings of a date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.proceedings.writing import Run
from rooms.store.tables.meetings import Meeting, MeetingType, Occurrence
from rooms.store.tables.proceedings import Attendance, ChatLine, Sitting, SittingState, SpeakingTurn


@dataclass(frozen=True)
class Open:
    """A sitting that did not end, with everything that a restart needs."""

    run: Run
    seen_at: datetime
    wiped: bool
    """True: a stop for secret content has destroyed the words."""
    states: dict[str, dict[str, Any]]
    stays: tuple[Attendance, ...]
    """The stays without an end."""
    turns: tuple[SpeakingTurn, ...]
    """The turns to speak without an end."""
    lines: tuple[ChatLine, ...]
    """The last lines of the chat, the oldest first."""


async def unfinished(session: AsyncSession, now: datetime, most: int) -> list[Open]:
    """Return the newest `most` sittings that did not end and were seen in the last `SITTING_IDLE_HOURS`."""
    since = now - timedelta(hours=limits.SITTING_IDLE_HOURS)
    rows = await session.scalars(
        select(Sitting)
        .where(Sitting.ended_at.is_(None), Sitting.seen_at > since)
        .order_by(Sitting.seen_at.desc(), Sitting.id)
        .limit(most)
    )
    return [await _open(session, one) for one in rows.all()]


async def _open(session: AsyncSession, one: Sitting) -> Open:
    states = await session.scalars(select(SittingState).where(SittingState.sitting_id == one.id))
    stays = await session.scalars(
        select(Attendance).where(Attendance.sitting_id == one.id, Attendance.left_at.is_(None))
    )
    turns = await session.scalars(
        select(SpeakingTurn).where(SpeakingTurn.sitting_id == one.id, SpeakingTurn.ended_at.is_(None))
    )
    lines = await session.scalars(
        select(ChatLine)
        .where(ChatLine.sitting_id == one.id)
        .order_by(ChatLine.at.desc(), ChatLine.id.desc())
        .limit(limits.CHAT_LINES)
    )
    return Open(
        Run(one.id, one.conference, one.occurrence_id, one.began_at),
        one.seen_at,
        one.wiped_at is not None,
        {row.machine: row.state for row in states},
        tuple(stays),
        tuple(turns),
        tuple(reversed(lines.all())),
    )


async def exported(session: AsyncSession, occurrence_id: str) -> list[ChatLine] | None:
    """Return the public lines of the chat of a date, the earliest first, at most the last `CHAT_EXPORTED`. None: the type of the
    meeting does not export the chat.
    """
    kept = await session.scalar(
        select(MeetingType.chat_kept)
        .join(Meeting, Meeting.type_code == MeetingType.code)
        .join(Occurrence, Occurrence.meeting_id == Meeting.id)
        .where(Occurrence.id == occurrence_id)
    )
    if kept != "exported":
        return None
    rows = await session.scalars(
        select(ChatLine)
        .join(Sitting, Sitting.id == ChatLine.sitting_id)
        .where(Sitting.occurrence_id == occurrence_id, ChatLine.to_id == "")
        .order_by(ChatLine.at.desc(), ChatLine.id.desc())
        .limit(limits.CHAT_EXPORTED)
    )
    return list(reversed(rows.all()))


async def stays(session: AsyncSession, occurrence_id: str) -> list[Attendance]:
    """Return the stays in all sittings of a date, in order."""
    rows = await session.scalars(
        select(Attendance)
        .join(Sitting, Sitting.id == Attendance.sitting_id)
        .where(Sitting.occurrence_id == occurrence_id)
        .order_by(Attendance.came_at, Attendance.id)
    )
    return list(rows)


async def turns(session: AsyncSession, occurrence_id: str) -> list[SpeakingTurn]:
    """Return the turns to speak in all sittings of a date, in order."""
    rows = await session.scalars(
        select(SpeakingTurn)
        .join(Sitting, Sitting.id == SpeakingTurn.sitting_id)
        .where(Sitting.occurrence_id == occurrence_id)
        .order_by(SpeakingTurn.began_at, SpeakingTurn.id)
    )
    return list(rows)
