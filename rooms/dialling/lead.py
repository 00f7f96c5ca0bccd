"""The time at which the halls of a date are called: its start minus the minutes of the meeting, or of the meeting's type."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from rooms.store.tables.columns import Utc
from rooms.store.tables.meetings import Meeting, MeetingType, Occurrence


class _Before(FunctionElement[datetime]):
    """An instant minus a number of minutes."""

    type = Utc()
    inherit_cache = True


@compiles(_Before, "sqlite")
def _microseconds(element: _Before, compiler: Any, **more: Any) -> str:
    at, minutes = (compiler.process(one, **more) for one in element.clauses)
    return f"({at} - {minutes} * 60000000)"


@compiles(_Before, "postgresql")
def _interval(element: _Before, compiler: Any, **more: Any) -> str:
    at, minutes = (compiler.process(one, **more) for one in element.clauses)
    return f"({at} - make_interval(mins => {minutes}))"


def before(at: Any, minutes: int) -> ColumnElement[datetime]:
    """Return the instant this number of minutes earlier."""
    return _Before(at, minutes)


async def of_date(session: AsyncSession, occurrence_id: str) -> datetime:
    """Return the time of the calls of this date."""
    return (
        await session.scalars(
            select(calls_at())
            .select_from(Occurrence)
            .join(Meeting, Meeting.id == Occurrence.meeting_id)
            .join(MeetingType, MeetingType.code == Meeting.type_code)
            .where(Occurrence.id == occurrence_id)
        )
    ).one()


def calls_at() -> ColumnElement[datetime]:
    """Return the time of the calls, for a query that joins Occurrence, Meeting and MeetingType."""
    return _Before(Occurrence.starts_at, func.coalesce(Meeting.call_ahead_min, MeetingType.call_ahead_min))
