"""The rows of notices: writing, reading, the read state, and the end after 90 days.

Other modules choose the accounts. The rights to a meeting are checked at each reading. So a notice shows nothing of a meeting
that its account may not read any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.meeting import reading
from rooms.identifiers import new_id
from rooms.notices import kinds, pushes
from rooms.policy.actors import Actor
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.notices import Notice
from rooms.store.tables.org import Unit


@dataclass(frozen=True)
class News:
    """The content of a notice for some accounts. `dedupe` names the event. The other fields are as in the table."""

    kind: str
    dedupe: str
    meeting_id: str | None = None
    occurrence_id: str = ""
    subject_id: str = ""
    about: str = ""
    reason: str = ""
    until: datetime | None = None
    also_at: datetime | None = None


@dataclass(frozen=True)
class Shown:
    """A notice with its meeting. `meeting`: None if the reader may not read the meeting, or if there is none."""

    notice: Notice
    meeting: Meeting | None
    host: str
    date: Occurrence | None
    tally: Mapping[str, int]
    """The answers of the attendees by answer, for the kind `answered`."""
    done: bool
    """True: the notice asks for nothing any more."""


@dataclass(frozen=True)
class Wanted:
    """The filters of a list, and the place after which the list goes on: (time, identifier)."""

    kind: str = ""
    unread: bool = False
    waiting: bool = False
    after: tuple[datetime, str] | None = None


async def tell(session: AsyncSession, accounts: Iterable[str], news: News, now: datetime, again: bool = False) -> None:
    """Write the notice for each account. An account that has the notice keeps it. `again`: such a notice becomes new."""
    await tell_all(session, [(accounts, news)], now, again)


async def tell_all(
    session: AsyncSession,
    several: Iterable[tuple[Iterable[str], News]],
    now: datetime,
    again: bool = False,
    reopens: bool = False,
) -> None:
    """Write several notices, each for its accounts, with one statement. An account that has a notice keeps it. `again`: such a
    notice becomes new. `reopens`: it becomes new if it was settled, or if one of its times differs.
    """
    values = [row for accounts, news in several for row in _rows(accounts, news, now)]
    if not values:
        return
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(Notice)
    key = [Notice.account_id, Notice.dedupe]
    if again or reopens:
        renewed = ("occurrence_id", "at", "until", "also_at", "about", "reason", "read_at", "done_at", "changed_at")
        values_of = {one: insert.excluded[one] for one in renewed}
        times = (getattr(Notice, one).is_distinct_from(insert.excluded[one]) for one in ("until", "also_at"))
        differs = or_(Notice.done_at.is_not(None), *times)
        where = None if again else differs
        kept = insert.on_conflict_do_update(index_elements=key, set_=values_of, where=where)
    else:
        kept = insert.on_conflict_do_nothing(index_elements=key)
    told = await session.scalars(kept.returning(Notice.account_id), values)
    await pushes.wake(session, set(told), now)


def _rows(accounts: Iterable[str], news: News, now: datetime) -> list[dict[str, Any]]:
    fixed = {
        "kind": news.kind,
        "meeting_id": news.meeting_id,
        "occurrence_id": news.occurrence_id,
        "subject_id": news.subject_id,
        "about": news.about[:200],
        "reason": news.reason[: limits.REASON],
        "dedupe": news.dedupe,
        "at": now,
        "until": news.until,
        "also_at": news.also_at,
        "read_at": None,
        "done_at": None,
        "changed_at": now,
    }
    return [{"id": new_id(), "account_id": one, **fixed} for one in sorted(accounts)[: limits.NOTICE_ACCOUNTS]]


async def listed(
    session: AsyncSession, account_id: str, actor: Actor, wanted: Wanted, now: datetime, limit: int
) -> list[Shown]:
    """Return the notices of an account, the newest first."""
    query = select(Notice).where(Notice.account_id == account_id)
    if wanted.kind:
        query = query.where(Notice.kind == wanted.kind)
    if wanted.unread:
        query = query.where(_unread(now))
    if wanted.waiting:
        query = query.where(_waiting(now))
    if wanted.after is not None:
        at, id_ = wanted.after
        query = query.where(or_(Notice.at < at, and_(Notice.at == at, Notice.id < id_)))
    rows = list(await session.scalars(query.order_by(Notice.at.desc(), Notice.id.desc()).limit(limit)))
    return await _shown(session, rows, actor, now)


async def counts(session: AsyncSession, account_id: str, now: datetime) -> tuple[int, int]:
    """Return the number of unread notices, and of notices that wait for the account."""
    row = (
        await session.execute(
            select(
                func.coalesce(func.sum(case((_unread(now), 1), else_=0)), 0),
                func.coalesce(func.sum(case((_waiting(now), 1), else_=0)), 0),
            ).where(Notice.account_id == account_id, Notice.done_at.is_(None))
        )
    ).one()
    return int(row[0]), int(row[1])


async def mark_read(
    session: AsyncSession, account_id: str, ids: Collection[str], now: datetime, until: datetime | None = None
) -> None:
    """Mark these notices of the account as read, and with `until` all notices up to that time."""
    which: list[Any] = [Notice.id.in_(ids)] if ids else []
    if until is not None:
        which.append(Notice.at <= until)
    if which:
        mine = (Notice.account_id == account_id, Notice.read_at.is_(None), or_(*which))
        await session.execute(update(Notice).where(*mine).values(read_at=now, changed_at=now))


async def close(session: AsyncSession, ids: Collection[str], now: datetime) -> None:
    """Mark the tasks of these notices as settled."""
    if ids:
        await session.execute(update(Notice).where(Notice.id.in_(ids)).values(done_at=now, changed_at=now))


async def close_about(session: AsyncSession, kind: str, subject_id: str, now: datetime) -> None:
    """Mark the tasks of this kind and subject as settled."""
    open_ = (Notice.kind == kind, Notice.subject_id == subject_id, Notice.done_at.is_(None))
    await session.execute(update(Notice).where(*open_).values(done_at=now, changed_at=now))


async def purge(session: AsyncSession, now: datetime) -> None:
    """Delete the notices that are older than `NOTICE_DAYS`."""
    await session.execute(delete(Notice).where(Notice.at < now - timedelta(days=limits.NOTICE_DAYS)))


async def changes(session: AsyncSession, since: datetime) -> list[tuple[str, datetime, str]]:
    """Return (notice, time, account) of the changes since this time, at most `NOTICE_CHANGES`, the newest first."""
    rows = await session.execute(
        select(Notice.id, Notice.changed_at, Notice.account_id)
        .where(Notice.changed_at > since)
        .order_by(Notice.changed_at.desc())
        .limit(limits.NOTICE_CHANGES)
    )
    return [(one, at, account) for one, at, account in rows]


def _open(now: datetime) -> ColumnElement[bool]:
    return and_(Notice.done_at.is_(None), or_(Notice.until.is_(None), Notice.until > now))


def _unread(now: datetime) -> ColumnElement[bool]:
    return and_(_open(now), Notice.read_at.is_(None))


def _waiting(now: datetime) -> ColumnElement[bool]:
    return and_(_open(now), or_(Notice.read_at.is_(None), Notice.kind.in_(kinds.TASKS)))


async def _shown(session: AsyncSession, rows: Sequence[Notice], actor: Actor, now: datetime) -> list[Shown]:
    ids = {one.meeting_id for one in rows if one.meeting_id}
    known = await reading.readable(session, actor, ids)
    found = await session.execute(
        select(Meeting, Unit).join(Unit, Unit.id == Meeting.host_unit_id).where(Meeting.id.in_(known))
    )
    meetings: dict[str, tuple[Meeting | None, str]] = {
        one.id: (one, unit.short_name or unit.name) for one, unit in found
    }
    wanted = {one.occurrence_id for one in rows if one.occurrence_id}
    dates = {one.id: one for one in await session.scalars(select(Occurrence).where(Occurrence.id.in_(wanted)))}
    tallies = await _tallies(session, {one.meeting_id for one in rows if one.kind == kinds.ANSWERED} & known)
    shown = []
    for one in rows:
        meeting, host = meetings.get(one.meeting_id or "", (None, ""))
        date = dates.get(one.occurrence_id) if meeting is not None else None
        tally = tallies.get(one.meeting_id or "", {}) if one.kind == kinds.ANSWERED else {}
        over = one.done_at is not None or (one.until is not None and one.until <= now)
        shown.append(Shown(one, meeting, host, date, tally, over))
    return shown


async def _tallies(session: AsyncSession, meetings: Collection[str | None]) -> dict[str, dict[str, int]]:
    rows = await session.execute(
        select(Attendee.meeting_id, Attendee.answer, func.count())
        .where(Attendee.meeting_id.in_(meetings))
        .group_by(Attendee.meeting_id, Attendee.answer)
    )
    found: dict[str, dict[str, int]] = {}
    for meeting, answer, count in rows:
        found.setdefault(meeting, {})[answer] = count
    return found
