"""The history of a meeting: its state before each change, for readers, and for an undo within a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import Date, insert, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.meeting import reading, timing
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.policy.actors import Actor
from rooms.store.tables.booking import Change, Wanted
from rooms.store.tables.columns import Row, Utc
from rooms.store.tables.meetings import Attendee, DocumentRef, Meeting, Occurrence

NEVER_RESTORED = frozenset(
    {"id", "version", "sequence", "created_at", "created_by", "updated_at", "number", "pin", "connect_asked"}
)


async def snapshot(session: AsyncSession, meeting: Meeting) -> dict[str, Any]:
    """Return the meeting with its dates, wishes, documents and attendees, as JSON."""
    await session.flush()

    async def rows(table: type[Row]) -> list[dict[str, Any]]:
        found = await session.scalars(select(table).where(table.meeting_id == meeting.id))  # type: ignore[attr-defined]
        return [as_json(one) for one in found]

    return {
        "meeting": as_json(meeting),
        "occurrences": await rows(Occurrence),
        "wanted": await rows(Wanted),
        "documents": await rows(DocumentRef),
        "attendees": await rows(Attendee),
    }


def as_json(row: Row) -> dict[str, Any]:
    """Return the row by the names of its attributes. Times are in ISO 8601."""
    values = {one.key: getattr(row, one.key) for one in inspect(type(row)).mapper.column_attrs}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def from_json(table: type[Row], values: Mapping[str, Any]) -> dict[str, Any]:
    """Read the output of `as_json`, for the columns that the table has now."""
    found = {}
    for one in inspect(table).mapper.column_attrs:
        if one.key in values:
            value, kind = values[one.key], one.columns[0].type
            if isinstance(value, str) and isinstance(kind, Utc):
                value = datetime.fromisoformat(value)
            elif isinstance(value, str) and isinstance(kind, Date):
                value = date.fromisoformat(value)
            found[one.key] = value
    return found


async def note(
    session: AsyncSession,
    meeting: Meeting,
    actor: Actor,
    now: datetime,
    action: str,
    summary: str,
    before: dict[str, Any],
    undoable: bool = True,
    date_id: str = "",
) -> None:
    """Write one line of the history, and store the job for the notices in the page. `summary` adds to `action` and is empty
    where `action` says all. `before` is a snapshot, or empty. `date_id` is the only date that the change concerns.
    """
    undo_until = now + timedelta(hours=limits.UNDO_HOURS) if undoable else None
    values = line(meeting.id, meeting.version, actor, now, action, summary, before, undo_until, date_id)
    await session.execute(insert(Change), [values])
    await timing.told(session, meeting, action, summary, values["by"], now)


def line(
    meeting_id: str,
    version: int,
    actor: Actor,
    now: datetime,
    action: str,
    summary: str,
    before: Mapping[str, Any] = MappingProxyType({}),
    undo_until: datetime | None = None,
    date_id: str = "",
) -> dict[str, Any]:
    """Return the row of a line of the history."""
    return {
        "id": new_id(),
        "meeting_id": meeting_id,
        "version": version,
        "at": now,
        "by": (actor.id or actor.kind)[:32],
        "action": action,
        "occurrence_id": date_id,
        "summary": summary[:1000],
        "before": dict(before),
        "undo_until": undo_until,
        "undone": False,
    }


def touch(meeting: Meeting, now: datetime, tells: bool = True) -> None:
    """Increase the version. With `tells`, also increase the SEQUENCE of the invitations."""
    meeting.version += 1
    meeting.updated_at = now
    if tells and meeting.number is not None:
        meeting.sequence += 1


async def finish(
    session: AsyncSession,
    meeting: Meeting,
    actor: Actor,
    now: datetime,
    action: str,
    summary: str,
    before: dict[str, Any],
    undoable: bool = True,
    tells: bool = True,
    date_id: str = "",
) -> None:
    """Finish a change: increase the version, write the history, add the next jobs and notify the attendees. With `date_id`, the
    change and the notice concern only this date of a series.
    """
    touch(meeting, now, tells)
    await note(session, meeting, actor, now, action, summary, before, undoable, date_id)
    if tells:
        await timing.changed(session, meeting, action, now, [date_id] if date_id else [])
    if meeting.state == "approved":
        await timing.next_date(session, meeting, now)


async def changes(session: AsyncSession, meeting_id: str, actor: Actor) -> list[Change]:
    """Return the newest changes first, at most `HISTORY_ROWS`."""
    await reading.meeting_of(session, meeting_id, actor)
    rows = await session.scalars(
        select(Change)
        .where(Change.meeting_id == meeting_id)
        .order_by(Change.at.desc(), Change.version.desc())
        .limit(limits.HISTORY_ROWS)
    )
    return list(rows)


async def dates_since_approval(session: AsyncSession, meeting: Meeting) -> list[str]:
    """Return the changed dates, if only single dates changed since the last approval. Return an empty list if more changed, or
    if the meeting was never approved. The newest line, of the present approval, does not count.
    """
    rows = await session.scalars(
        select(Change)
        .where(Change.meeting_id == meeting.id, Change.version < meeting.version)
        .order_by(Change.version.desc())
        .limit(limits.CHANGES_LOOKED_BACK)
    )
    found: list[str] = []
    for one in rows:
        if not one.before:
            continue  # a submission or a decision of a step: nothing has changed
        if not one.occurrence_id:
            return []
        found.append(one.occurrence_id)
        if one.before["meeting"]["state"] == "approved":
            return list(dict.fromkeys(found))
    return []


async def last_undoable(session: AsyncSession, meeting: Meeting, now: datetime) -> Change:
    """Return the newest change, if it may be undone. Raise `nothing_to_undo`."""
    change = (
        await session.scalars(
            select(Change).where(Change.meeting_id == meeting.id).order_by(Change.version.desc()).limit(1)
        )
    ).first()
    if change is None or change.undone or change.undo_until is None or change.undo_until <= now or not change.before:
        raise Refusal(
            "nothing_to_undo",
            f"Không có thay đổi nào hoàn tác được (chỉ trong {limits.UNDO_HOURS} giờ sau thay đổi mới nhất).",
            f"no change can be undone: only the latest one, within {limits.UNDO_HOURS} hours",
        )
    return change
