"""The jobs of a meeting: the end of a hold, a deadline, its next date. A job decides by the stored state when it runs, so a job
that is no longer needed does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.rules import unit_rules
from rooms.booking.rules.unit_rules import Rule
from rooms.identifiers import new_id
from rooms.store import outbox, rows
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Unit
from rooms.store.tables.records import Job

HOLD, DEADLINE, DATES, HORIZON = "booking.hold", "booking.deadline", "booking.dates", "booking.horizon"
BEGUN = "booking.begun"
FOLLOW = "booking.rehearsal"
"""The job that makes the rehearsal of a meeting as the meeting wants it now."""
CHANGED = "meeting.changed"
REHEARSAL, REHEARSED = "meeting.rehearsal", "notice.rehearsal"
"""The jobs that tell the units and the staff of a meeting what has become of its rehearsal."""
APPROVAL = "mail.approval"
DISPLACED = "mail.displaced"
OBJECTED = "notice.objected"
"""The job that tells the staff of a meeting that a unit objects to the hold of its hall."""
NOTICE, GAVE_WAY, SOON = "notice.meeting", "notice.displaced", "notice.soon"
LOST = "notice.lost"
WON = "booking.won"
"""The job that tells meetings which guest terminals their own units have taken back."""
ANSWERED, READINESS, PRECEDENCE = "notice.answered", "notice.hall", "notice.precedence"
"""The jobs of `rooms.notices`, which is above this package."""
LIVE = ("planned", "running")
Jobs = list[dict[str, Any]]
"""Rows of the job table."""
HORIZON_STEP = timedelta(days=30)
"""The time until a series is continued by further dates. Chosen. Longer: the last dates are booked later. Shorter: more jobs.
"""


def hold(meeting_id: str, until: datetime, now: datetime) -> Jobs:
    """Return the job for the end of a hold."""
    key = f"hold:{meeting_id}:{until.isoformat()}"
    return [outbox.job(HOLD, {"meeting_id": meeting_id}, until, now, key)]


def deadline(meeting_id: str, step_id: str, at: datetime, now: datetime) -> Jobs:
    """Return three jobs: notify the approvers of a step by mail and in the page, and end the step if no approver decides in
    time.
    """
    payload = {"meeting_id": meeting_id, "step_id": step_id}
    return [
        outbox.job(NOTICE, _told(meeting_id), now, now, f"notice:{step_id}"),
        outbox.job(APPROVAL, payload, now, now, f"approval:{step_id}"),
        outbox.job(DEADLINE, payload, at, now, f"deadline:{step_id}"),
    ]


async def keep(session: AsyncSession, jobs: Jobs) -> None:
    await rows.add(session, {Job: jobs}, passing=frozenset({Job}))


async def changed(
    session: AsyncSession,
    meeting: Meeting,
    action: str,
    now: datetime,
    date_ids: Sequence[str] = (),
    only_new: bool = False,
) -> None:
    """Notify the attendees of a change, and other systems. `date_ids`: the change concerns only these dates of a series.
    `only_new`: nothing has changed for attendees who were already notified.

    A meeting without a number has no notified attendees. Other systems still hear that it was refused. The units of a rehearsal
    get a mail about its meeting.
    """
    if meeting.rehearses_id is not None:
        if meeting.number is not None:
            # The staff of a displaced rehearsal get the notice `GAVE_WAY`.
            await rehearsal_changed(session, meeting.rehearses_id, now, staff=action != "displaced")
        return
    if meeting.number is None and meeting.state != "refused":
        return
    payload = {
        "meeting_id": meeting.id,
        "action": action,
        "version": meeting.version,
        "sequence": meeting.sequence,
        "occurrence_ids": list(date_ids),
        "only_new": only_new,
    }
    await outbox.enqueue(session, CHANGED, payload, now, now, f"changed:{meeting.id}:{meeting.version}")


async def told(session: AsyncSession, meeting: Meeting, action: str, reason: str, by: str, now: datetime) -> None:
    """Write the notices in the page that this change makes necessary, and settle the others. `by`: the account that made the
    change, which gets no notice. `action`: as in the history; `applied`: a change that waited for approval is in force.
    """
    if meeting.rehearses_id is not None:
        return
    await follow(session, meeting, now)
    key = f"notice:{meeting.id}:{meeting.version}:{action}"
    await outbox.enqueue(session, NOTICE, _told(meeting.id, action, reason, by), now, now, key)


async def renewed(session: AsyncSession, meeting_id: str, now: datetime) -> None:
    """Write the notices again that name the time of the rehearsal."""
    await outbox.enqueue(session, NOTICE, _told(meeting_id), now, now)


async def rehearsal_changed(
    session: AsyncSession, meeting_id: str, now: datetime, units: bool = True, staff: bool = True
) -> None:
    """Tell the units and the staff of this meeting what has become of its rehearsal. Without `units`, its time is the same."""
    if units:
        await outbox.enqueue(session, REHEARSAL, {"meeting_id": meeting_id}, now, now)
    if staff:
        await outbox.enqueue(session, REHEARSED, {"meeting_id": meeting_id, "changed": units}, now, now)


async def follow(session: AsyncSession, meeting: Meeting, now: datetime) -> None:
    """Store the job for the rehearsal, if the meeting wants or has a rehearsal."""
    if meeting.rehearsal_at is None:
        rehearsal = select(Meeting.id).where(Meeting.rehearses_id == meeting.id)
        if await session.scalar(rehearsal) is None:
            return
    await outbox.enqueue(session, FOLLOW, {"meeting_id": meeting.id}, now, now)


def _told(meeting_id: str, action: str = "", reason: str = "", by: str = "") -> dict[str, Any]:
    return {"meeting_id": meeting_id, "action": action, "reason": reason[: limits.REASON], "by": by}


async def displaced(
    session: AsyncSession,
    meeting: Meeting,
    date: Occurrence,
    was: datetime,
    to: datetime | None,
    waits: bool,
    reason: str,
    now: datetime,
) -> None:
    """Notify the chair, the secretary and the maker of a meeting at once, by mail and in the page, that its date gave way.
    `to`: the new time, or None. `waits`: the new time needs approval.
    """
    payload = {
        "meeting_id": meeting.id,
        "occurrence_id": date.id,
        "was": was.isoformat(),
        "to": to.isoformat() if to is not None else "",
        "waits": waits,
        "reason": reason,
    }
    await outbox.enqueue(session, DISPLACED, payload, now, now, f"displaced:{date.id}:{meeting.version}")
    await outbox.enqueue(session, GAVE_WAY, payload, now, now, f"notice:{date.id}:{meeting.version}")


@dataclass(frozen=True)
class LostThing:
    """A hall or terminal of a unit that a meeting has lost."""

    id: str
    name: str
    unit_id: str


async def lost(
    session: AsyncSession,
    meeting: Meeting,
    dates: Sequence[Occurrence],
    rehearsals: Sequence[Occurrence],
    thing: LostThing,
    reason: str,
    loss: str,
    now: datetime,
) -> None:
    """Notify the staff of a meeting, and the unit, that these dates and rehearsals have lost a hall or terminal of the unit."""
    payload = {
        "meeting_id": meeting.id,
        "occurrence_id": dates[0].id if dates else "",
        "until": max(one.ends_at for one in (*dates, *rehearsals)).isoformat(),
        "also_at": rehearsals[0].starts_at.isoformat() if rehearsals else "",
        "thing_id": thing.id,
        "about": thing.name[:200],
        "unit_id": thing.unit_id,
        "reason": reason[: limits.REASON],
    }
    await outbox.enqueue(session, LOST, payload, now, now, f"lost:{loss}:{meeting.id}:{thing.id}")


async def won(session: AsyncSession, lost: Sequence[tuple[str, str]], now: datetime) -> None:
    """Tell the meetings of these dates that they have lost a terminal: (date, terminal). One job carries all losses of a
    transaction.
    """
    loss = session.info.setdefault(WON, new_id())
    of_job = Job.dedupe_key == f"won:{loss}"
    earlier = await session.scalar(select(Job.payload).where(of_job))
    all_ = sorted([*((earlier or {}).get("lost", ())), *(list(one) for one in lost)])
    payload = {"lost": all_, "loss": loss}
    if earlier is None:
        await outbox.enqueue(session, WON, payload, now, now, f"won:{loss}")
    else:
        await session.execute(update(Job).where(of_job).values(payload=payload))


async def still_off(session: AsyncSession, meeting: Meeting, date: Occurrence, reason: str, now: datetime) -> None:
    """Mail the same people as `displaced` that the date stays postponed: its new time was not approved."""
    payload = {
        "meeting_id": meeting.id,
        "occurrence_id": date.id,
        "was": date.starts_at.isoformat(),
        "to": "",
        "still": True,
        "reason": reason,
    }
    await outbox.enqueue(session, DISPLACED, payload, now, now, f"displaced:{date.id}:{meeting.version}")


async def next_date(session: AsyncSession, meeting: Meeting, now: datetime) -> None:
    """Store a job that processes the dates when the next date can be released or has ended. Another job sends the notice
    shortly before its start.
    """
    row = (
        await session.execute(
            select(Occurrence)
            .where(Occurrence.meeting_id == meeting.id, Occurrence.state.in_(LIVE), Occurrence.ends_at > now)
            .order_by(Occurrence.starts_at)
            .limit(1)
        )
    ).scalar_one_or_none()
    if row is None:
        return
    rule = await rule_of_meeting(session, meeting)
    due = due_of(row, rule, now)
    key = f"dates:{meeting.id}:{due.isoformat()}"
    await outbox.enqueue(session, DATES, {"meeting_id": meeting.id}, due, now, key)
    if row.starts_at > now:
        at = row.starts_at.isoformat()
        soon = max(now, row.starts_at - timedelta(minutes=limits.SOON_MIN))
        await outbox.enqueue(
            session, SOON, {"occurrence_id": row.id, "starts_at": at}, soon, now, f"soon:{row.id}:{at}"
        )


def due_of(date: Occurrence, rule: Rule, now: datetime) -> datetime:
    """Return the time of the release if no participant has joined, otherwise the end of the date."""
    release = date.starts_at + timedelta(minutes=rule.release_min)
    waits = rule.release_min and date.opened_at is None and date.state == "planned" and now < release < date.ends_at
    return release if waits else date.ends_at


async def rule_of_meeting(session: AsyncSession, meeting: Meeting) -> Rule:
    unit = await session.get(Unit, meeting.host_unit_id)
    assert unit is not None
    return await unit_rules.rule_of(session, unit.path)


async def horizon(session: AsyncSession, meeting: Meeting, now: datetime) -> None:
    """Store a job that continues a series after one more `HORIZON_STEP`."""
    if meeting.rule:
        due = now + HORIZON_STEP
        key = f"horizon:{meeting.id}:{due.date().isoformat()}"
        await outbox.enqueue(session, HORIZON, {"meeting_id": meeting.id}, due, now, key)
