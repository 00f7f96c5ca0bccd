"""The writing of a live meeting. Each batch may be written twice with the same result, so a lost answer is no problem.

The process of the conference chooses all identifiers. So a batch needs nothing from the database, and waits while the database
is away.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Insert, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.policy.actors import SYSTEM
from rooms.store import audit
from rooms.store.tables.columns import EPOCH, MICROSECOND, Row
from rooms.store.tables.meetings import Meeting, MeetingType, Occurrence
from rooms.store.tables.proceedings import Attendance, ChatLine, MeetingEvent, Sitting, SittingState, SpeakingTurn

Values = dict[str, Any]


@dataclass
class Batch:
    """The rows that one sitting has to store. Rows are values by column, without `sitting_id`."""

    states: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """By machine. A new state replaces the old one."""
    events: list[Values] = field(default_factory=list)
    stays: dict[str, Values] = field(default_factory=dict)
    """By identifier. A stay with its end replaces the stay without an end, as a turn does."""
    turns: dict[str, Values] = field(default_factory=dict)
    lines: list[Values] = field(default_factory=list)
    retracted: set[int] = field(default_factory=set)
    """The places of events that must not be stored: their order was refused, but the database may have them."""
    ended_at: datetime | None = None
    """The end of the sitting."""
    stops: int = 0
    """The stops for secret content that this process has seen before this batch. A later stop takes its words."""
    withdrawn: bool = False
    """The order of this batch was refused. The batch is not written any more."""

    def __bool__(self) -> bool:
        return bool(len(self) or self.retracted or self.ended_at)

    def __len__(self) -> int:
        return len(self.states) + len(self.events) + len(self.stays) + len(self.turns) + len(self.lines)

    def add(self, later: Batch) -> None:
        """Add what happened after this batch."""
        self.states |= later.states
        self.events += later.events
        self.stays |= later.stays
        self.turns |= later.turns
        self.lines += later.lines
        self.retracted |= later.retracted
        self.ended_at = later.ended_at or self.ended_at


@dataclass(frozen=True)
class Run:
    """A sitting as the process of its conference knows it."""

    id: str
    conference: str
    occurrence_id: str | None
    began_at: datetime


def text(value: str, most: int) -> str:
    """Return the text as both databases can store it: no NUL, no half of a character, at most `most` characters."""
    return value.replace("\0", "").encode("utf-8", "replace").decode()[:most]


def detail(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the detail of an event. If it is longer than `EVENT_DETAIL_CHARS`, the longest parts are left out and named."""
    kept, left = dict(value), list[str]()
    sizes = {name: len(json.dumps({name: one}, ensure_ascii=True)) for name, one in kept.items()}
    while sum(sizes.values()) > limits.EVENT_DETAIL_CHARS:
        longest = max(sizes, key=lambda name: sizes[name])
        del kept[longest], sizes[longest]
        left.append(str(longest)[:40])
    return {**kept, "cut": True, "parts": sorted(left)[:50]} if left else kept


def place(at: datetime, last: int) -> int:
    """Return the place of an event after the place `last`."""
    return max(last + 1, (at - EPOCH) // MICROSECOND)


async def write(session: AsyncSession, run: Run, batch: Batch, now: datetime) -> bool:
    """Store a batch, and that the sitting was seen at `now`. Report whether the type of the meeting keeps the chat. The chat of
    other meetings is not stored.
    """
    await session.execute(_begun(session), [_sitting(run, now, await _occurrence(session, run.occurrence_id))])
    own = {"sitting_id": run.id}
    states = [own | {"machine": name, "state": dict(one), "at": now} for name, one in batch.states.items()]
    await _put(session, SittingState, ("sitting_id", "machine"), ("state", "at"), states)
    await _seal(session, run, batch)
    await _put(session, MeetingEvent, ("sitting_id", "place"), (), [own | one for one in batch.events])
    await _put(session, Attendance, ("id",), ("left_at", "reason"), [own | one for one in batch.stays.values()])
    await _put(session, SpeakingTurn, ("id",), ("ended_at",), [own | one for one in batch.turns.values()])
    keeps = bool(batch.lines) and await _keeps_chat(session, run.occurrence_id)
    if keeps:
        await _put(session, ChatLine, ("id",), (), [own | one for one in batch.lines])
    if batch.retracted:
        gone = (MeetingEvent.sitting_id == run.id, MeetingEvent.place.in_(batch.retracted))
        await session.execute(delete(MeetingEvent).where(*gone))
    if batch.ended_at is not None:
        await session.execute(update(Sitting).where(Sitting.id == run.id).values(ended_at=batch.ended_at))
    return keeps


async def _seal(session: AsyncSession, run: Run, batch: Batch) -> None:
    """Write the digests of the results of votes into the audit trail, once for each event. The trail gets no title: it outlives
    a stop for secret content.
    """
    closed = {one["place"]: one for one in batch.events if one["kind"] == "vote_closed" and "result" in one["detail"]}
    if not closed:
        return
    known = select(MeetingEvent.place).where(MeetingEvent.sitting_id == run.id, MeetingEvent.place.in_(closed))
    kind, id_ = ("occurrence", run.occurrence_id) if run.occurrence_id else ("sitting", run.id)
    unit = await session.scalar(
        select(Meeting.host_unit_id)
        .join(Occurrence, Occurrence.meeting_id == Meeting.id)
        .where(Occurrence.id == run.occurrence_id)
    )
    for place in closed.keys() - set(await session.scalars(known)):
        one = closed[place]
        detail = {"vote": one["detail"]["vote"], "digest": one["detail"]["result"]["digest"], "by": one["by_name"]}
        await audit.record(session, one["at"], SYSTEM, "meeting.vote_closed", kind, id_ or "", unit or "", detail)


async def seen(session: AsyncSession, sitting_ids: Collection[str], now: datetime) -> None:
    """Note that these sittings go on."""
    await session.execute(update(Sitting).where(Sitting.id.in_(sitting_ids)).values(seen_at=now))


async def _keeps_chat(session: AsyncSession, occurrence_id: str | None) -> bool:
    found = await session.scalar(
        select(MeetingType.chat_kept)
        .join(Meeting, Meeting.type_code == MeetingType.code)
        .join(Occurrence, Occurrence.meeting_id == Meeting.id)
        .where(Occurrence.id == occurrence_id)
    )
    return found in ("kept", "exported")


async def _occurrence(session: AsyncSession, id_: str | None) -> str | None:
    """Return the date of the sitting, or None if the date was deleted in the meantime."""
    return None if id_ is None else await session.scalar(select(Occurrence.id).where(Occurrence.id == id_))


def _sitting(run: Run, now: datetime, occurrence_id: str | None) -> Values:
    return {
        "id": run.id,
        "conference": run.conference,
        "occurrence_id": occurrence_id,
        "began_at": run.began_at,
        "seen_at": now,
    }


def _insert(session: AsyncSession, kind: type[Row]) -> Any:
    return (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(kind)


def _begun(session: AsyncSession) -> Insert:
    made = _insert(session, Sitting)
    kept: Insert = made.on_conflict_do_update(index_elements=["id"], set_={"seen_at": made.excluded.seen_at})
    return kept


async def _put(
    session: AsyncSession, kind: type[Row], key: Sequence[str], renewed: Sequence[str], rows: Sequence[Values]
) -> None:
    """Insert the rows. A row with the same key gets the `renewed` columns of the new row."""
    if not rows:
        return
    made = _insert(session, kind)
    if renewed:
        values = {name: made.excluded[name] for name in renewed}
        made = made.on_conflict_do_update(index_elements=list(key), set_=values)
    else:
        made = made.on_conflict_do_nothing(index_elements=list(key))
    await session.execute(made, list(rows))
