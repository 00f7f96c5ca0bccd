"""Take the reservations of a meeting again, and restore a meeting to its state before a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.holds import clashes, resources
from rooms.booking.holds.resources import Span, Taken, Thing
from rooms.booking.meeting import attendees, history, timing
from rooms.booking.rules.calendar import day_of
from rooms.errors import Refusal
from rooms.policy import classes
from rooms.policy.actors import Actor
from rooms.store.tables.booking import Change, Wanted
from rooms.store.tables.meetings import CONNECTS, Attendee, DocumentRef, Meeting, Occurrence

TAKES = ("held", "asked", "approved")
OVER = ("running", "ended", "released")
"""States of dates that must not change any more."""


async def retake(session: AsyncSession, meeting: Meeting, dates: Sequence[Occurrence], actor: Actor) -> None:
    """Release the reservations of these dates and reserve what the meeting needs, all or none. Raise `overlap`, `capacity`."""
    await session.flush()
    wanted = await resources.wanted(session, meeting.id)
    day = day_of(dates[0].starts_at) if dates else day_of(meeting.first_starts_at)
    things: dict[str, tuple[Thing, ...]] = {
        key: await resources.things_of(session, rows, meeting.class_, day) for key, rows in wanted.items()
    }
    await resources.lock(session, {one.id for several in things.values() for one in several if one.exclusive})
    await resources.give_back(session, [one.id for one in dates], forget=True)
    wishes = [(Span(one.id, one.starts_at, one.ends_at), things.get(one.id, things[""])) for one in dates]
    load = await resources.load_of(session, meeting.legs)
    try:
        await resources.take(session, wishes, load)
    except Taken:
        rule = await timing.rule_of_meeting(session, meeting)
        found = await clashes.find(session, clashes.Question(wishes, load, actor, rule))
        raise clashes.refusal(wishes, found) from None


def of_maker(change: Change, actor: Actor) -> bool:
    """Report whether the person who made the booking may undo this change. Before approval, this person may undo every change.
    After approval, this person may undo only their own changes.
    """
    return change.before["meeting"]["state"] != "approved" or change.by == (actor.id or actor.kind)[:32]


async def went_back(session: AsyncSession, meeting: Meeting, actor: Actor, now: datetime) -> bool:
    """Restore an approved meeting after a change of it was refused. Return False if there is no approved version, or if its
    times are no longer free.
    """
    change = await _approved_before(session, meeting.id)
    if change is None:
        return False
    before = await history.snapshot(session, meeting)
    try:
        async with session.begin_nested():
            await restore(session, meeting, change.before, actor, now)
    except Refusal:
        await session.refresh(meeting)
        return False
    # Attendees were not notified of the refused change. But a secretary may have raised the class after the change.
    raised = meeting.class_ != change.before["meeting"]["class_"]
    await history.finish(session, meeting, actor, now, "restore", "", before, False, tells=raised)
    if not raised:
        await timing.changed(session, meeting, "restore", now, only_new=True)
    return True


async def _approved_before(session: AsyncSession, meeting_id: str) -> Change | None:
    rows = await session.scalars(
        select(Change).where(Change.meeting_id == meeting_id).order_by(Change.version.desc()).limit(50)
    )
    return next((one for one in rows if one.before and one.before["meeting"]["state"] == "approved"), None)


async def restore(
    session: AsyncSession, meeting: Meeting, before: Mapping[str, Any], actor: Actor, now: datetime
) -> None:
    """Restore everything in the snapshot except the number, the versions and the dates that have begun.

    Never lower the class: a lower class needs a decision of the leadership, and the class may have been raised after the
    snapshot.
    """
    raised = classes.lowers(meeting.class_, before["meeting"]["class_"])
    kept = history.NEVER_RESTORED | ({"class_", "lobby"} if raised else set())
    for name, value in history.from_json(Meeting, before["meeting"]).items():
        if name not in kept:
            setattr(meeting, name, value)
    if meeting.connect not in CONNECTS:  # The snapshot is older than the present two values of `connect`.
        meeting.connect = "call" if meeting.connect == "dial" else "dial_in"
    await _replace(session, Wanted, meeting.id, before["wanted"])
    await _replace(session, DocumentRef, meeting.id, before["documents"])
    await attendees.replace(session, meeting, [_invited(one) for one in before["attendees"]], actor, now)
    await _restore_dates(session, meeting, before["occurrences"], actor, now)


async def _replace(session: AsyncSession, table: Any, meeting_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    await session.execute(delete(table).where(table.meeting_id == meeting_id))
    if rows:
        await session.execute(insert(table), [history.from_json(table, one) for one in rows])


def _invited(values: Mapping[str, Any]) -> attendees.Invited:
    names = attendees.STORED
    return attendees.Invited(
        **{name: value for name, value in history.from_json(Attendee, values).items() if name in names}
    )


async def _restore_dates(
    session: AsyncSession, meeting: Meeting, rows: Sequence[Mapping[str, Any]], actor: Actor, now: datetime
) -> None:
    wanted = {one["id"]: history.from_json(Occurrence, one) for one in rows}
    present = {
        one.id: one for one in await session.scalars(select(Occurrence).where(Occurrence.meeting_id == meeting.id))
    }
    open_ = {id_ for id_, one in present.items() if one.state not in OVER and one.ends_at > now}
    await resources.give_back(session, sorted(open_), forget=True)
    gone = sorted(open_ - wanted.keys())
    if gone:
        await session.execute(delete(Occurrence).where(Occurrence.id.in_(gone)))
        for id_ in gone:
            session.expunge(present[id_])
    await session.flush()
    for id_, values in wanted.items():
        if id_ not in present:
            session.add(Occurrence(**values))
        elif id_ in open_:
            for name in ("starts_at", "ends_at", "state", "moved", "reason_code", "reason"):
                setattr(present[id_], name, values[name])
    await session.flush()
    if meeting.state in TAKES:
        await retake(session, meeting, await coming(session, meeting.id, now), actor)


async def coming(session: AsyncSession, meeting_id: str, now: datetime) -> list[Occurrence]:
    """Return the planned dates that have not begun, in order."""
    rows = await session.scalars(
        select(Occurrence)
        .where(Occurrence.meeting_id == meeting_id, Occurrence.state == "planned", Occurrence.starts_at > now)
        .order_by(Occurrence.starts_at)
    )
    return list(rows)
