"""The rehearsal (Tổng duyệt) of a meeting: a meeting of its own, with one date, the same call list and the same state.

A meeting says when it wants its rehearsal (`Meeting.rehearsal_at`). `settle` makes the rehearsal as its meeting wants it. A
booking calls `settle` in its own transaction. After each later change of the meeting, a job calls `settle` (`timing.FOLLOW`).
`settle` writes only what differs.

The rehearsal reserves halls and terminals like any date. It reserves no people, and its units are not invited again: their
answer to the meeting counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import guest_holds, resources, restoring
from rooms.booking.holds.resources import Taken, Thing
from rooms.booking.meeting import numbering, timing
from rooms.booking.rules.calendar import local
from rooms.booking.rules.unit_rules import clock
from rooms.errors import Refusal
from rooms.identifiers import new_id, new_pin
from rooms.org.names import plain
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.booking import Reservation, Step, Wanted
from rooms.store.tables.meetings import Attendee, Meeting, MeetingType, Occurrence
from rooms.store.tables.sites import Hall

TYPE: Final = "rehearsal"
"""The meeting type whose precedence a rehearsal has, if the province has this type. Everything else comes from the type of the
meeting: rights in an internal meeting are narrower, and its rehearsal must not be wider.
"""
PREFIX: Final = "Tổng duyệt: "
LATE: Final = "Cuộc họp được duyệt sau giờ tổng duyệt."
FULL: Final = "Hệ thống không còn đủ kết nối vào giờ tổng duyệt."
COPIED: Final = (
    "type_code",
    "class_",
    "host_unit_id",
    "secretary_id",
    "secretary_deputy_id",
    "operator_id",
    "operator_deputy_id",
    "lobby",
    "entry_muted",
    "connect",
    "call_ahead_min",
    "uncalled",
    "hold_guests",
    "legs",
)
"""Columns that a rehearsal has from its meeting."""
OF_UNIT: Final = ("site_id", "label", "role", "required", "agreed", "answer", "answered_at", "answered_by")
"""Columns that the invitation of a unit to the rehearsal has from the unit's invitation to the meeting."""


def title_of(meeting: Meeting) -> str:
    return (PREFIX + meeting.title)[: limits.TITLE]


async def of_meeting(session: AsyncSession, meeting_id: str) -> Meeting | None:
    found: Meeting | None = await session.scalar(select(Meeting).where(Meeting.rehearses_id == meeting_id))
    return found


async def dates_of(session: AsyncSession, rehearsal_id: str) -> list[Occurrence]:
    """Return the dates of a rehearsal. The last one counts: an earlier one has ended."""
    rows = await session.scalars(
        select(Occurrence).where(Occurrence.meeting_id == rehearsal_id).order_by(Occurrence.starts_at)
    )
    return list(rows)


async def last_date(session: AsyncSession, meeting_id: str) -> Occurrence | None:
    """Return the date of the meeting's rehearsal that counts."""
    rehearsal = await of_meeting(session, meeting_id)
    dates = await dates_of(session, rehearsal.id) if rehearsal is not None else []
    return dates[-1] if dates else None


async def planned(session: AsyncSession, meeting_id: str) -> Occurrence | None:
    """Return the coming date of the meeting's rehearsal, at its real time."""
    last = await last_date(session, meeting_id)
    return last if last is not None and last.state == "planned" else None


async def missing_halls(session: AsyncSession, date: Occurrence) -> list[str]:
    """Return the names of the booked halls of the meeting that this coming date of its rehearsal has not reserved."""
    if date.state != "planned":
        return []
    wanted = select(Wanted.resource_id).where(Wanted.meeting_id == date.meeting_id, Wanted.kind == "hall")
    held = select(Reservation.resource_id).where(Reservation.occurrence_id == date.id, Reservation.active)
    names = select(Hall.name).where(Hall.id.in_(wanted), Hall.id.not_in(held)).order_by(Hall.name)
    return list(await session.scalars(names))


async def follow(session: AsyncSession, meeting: Meeting, actor: Actor, now: datetime) -> None:
    """Settle the rehearsal after a change of its meeting. Tell the units if the rehearsal has another time. Tell the staff also
    if a booked hall is missing, or if the rehearsal does not take place.
    """
    before, was = await _announced(session, meeting.id), await _held_at(session, meeting.id)
    await settle(session, meeting, actor, now)
    if was != await _held_at(session, meeting.id):
        await timing.renewed(session, meeting.id, now)
    if meeting.state != "approved" or not await _stands(session, meeting):
        return  # the mail about the meeting itself says so
    moved = before is not None and before != await _announced(session, meeting.id)
    last = await last_date(session, meeting.id)
    lost = last is not None and (last.state == "skipped" or bool(await missing_halls(session, last)))
    if moved or lost:
        await timing.rehearsal_changed(session, meeting.id, now, units=moved)


async def _held_at(session: AsyncSession, meeting_id: str) -> tuple[datetime, frozenset[str]] | None:
    """Return the time of the rehearsal, and the halls that it has reserved. The notices of holds name both."""
    date = await planned(session, meeting_id)
    if date is None:
        return None
    halls = (Reservation.occurrence_id == date.id, Reservation.kind == "hall", Reservation.active)
    return date.starts_at, frozenset(await session.scalars(select(Reservation.resource_id).where(*halls)))


async def _announced(session: AsyncSession, meeting_id: str) -> tuple[datetime, datetime] | tuple[()] | None:
    """Return the times that the units know. Empty: there is no rehearsal any more. None: the units know of no rehearsal."""
    last = await last_date(session, meeting_id)
    if last is None or (await session.get_one(Meeting, last.meeting_id)).number is None:
        return None
    return () if last.state in ("cancelled", "skipped", "postponed") else (last.starts_at, last.ends_at)


def require_own(meeting: Meeting) -> None:
    """Raise `follows_meeting` if the meeting is a rehearsal: people change its meeting instead."""
    if meeting.rehearses_id is not None:
        raise Refusal(
            "follows_meeting",
            "Buổi tổng duyệt theo cuộc họp của nó. Hãy mở cuộc họp đó để sửa hoặc bỏ tổng duyệt.",
            "a rehearsal follows its meeting: change the meeting instead",
        )


async def settle(session: AsyncSession, meeting: Meeting, actor: Actor, now: datetime, strict: bool = False) -> None:
    """Make, change or cancel the rehearsal, so that it is as the meeting wants it.

    `strict`: raise `rehearsal_taken` if a hall, a terminal or the capacity is not free. Otherwise reserve what is free.
    """
    rehearsal = await of_meeting(session, meeting.id)
    if rehearsal is not None:
        await session.refresh(rehearsal, with_for_update=True)
    if meeting.rehearsal_at is None or not await _stands(session, meeting):
        if rehearsal is not None:
            await _end(session, meeting, rehearsal, actor, now)
        return
    new = rehearsal is None
    if rehearsal is None:
        if meeting.rehearsal_at <= now:
            return
        rehearsal = await _make(session, meeting, actor, now)
    was = rehearsal.first_starts_at
    await _copy(session, meeting, rehearsal, now)
    date = await _dated(session, rehearsal, was, now)
    await _follow_state(session, meeting, rehearsal, actor, now)
    if date is not None:
        await _reserve(session, rehearsal, date, actor, now, strict)
    if rehearsal.state == "approved":
        await timing.next_date(session, rehearsal, now)
    if new:
        at = meeting.rehearsal_at.isoformat()
        detail = {"rehearses": meeting.id, "at": at}
        await audit.record(session, now, actor, "rehearsal.book", "meeting", rehearsal.id, meeting.host_unit_id, detail)


async def _stands(session: AsyncSession, meeting: Meeting) -> bool:
    """Report whether the meeting takes place: it is not over, cancelled, or put off until further notice."""
    dates = select(Occurrence.id).where(
        Occurrence.meeting_id == meeting.id, Occurrence.state.in_(("planned", "running"))
    )
    return meeting.state in restoring.TAKES and await session.scalar(dates.limit(1)) is not None


async def give_back(session: AsyncSession, meeting: Meeting, now: datetime) -> None:
    """Release the coming date of the rehearsal, because the meeting takes other times. The caller calls `settle` next."""
    rehearsal = await of_meeting(session, meeting.id)
    if rehearsal is not None:
        dates = await restoring.coming(session, rehearsal.id, now)
        await resources.give_back(session, [one.id for one in dates], forget=True)


async def _make(session: AsyncSession, meeting: Meeting, actor: Actor, now: datetime) -> Meeting:
    type_ = await session.get(MeetingType, TYPE)
    assert meeting.rehearsal_at is not None
    made = Meeting(
        id=new_id(),
        title=title_of(meeting),
        search_title="",
        type_code=meeting.type_code,
        class_=meeting.class_,
        state="held",
        host_unit_id=meeting.host_unit_id,
        created_by=meeting.created_by,
        created_at=now,
        updated_at=now,
        first_starts_at=meeting.rehearsal_at,
        duration_min=meeting.rehearsal_min,
        precedence=meeting.precedence if type_ is None else type_.precedence,
        rehearses_id=meeting.id,
    )
    session.add(made)
    await session.flush()
    return made


async def _copy(session: AsyncSession, meeting: Meeting, rehearsal: Meeting, now: datetime) -> None:
    """Copy what decides about the call list. Increase the version if a column has changed."""
    values = {name: getattr(meeting, name) for name in COPIED}
    title = title_of(meeting)
    values |= {"title": title, "search_title": plain(title)[: limits.TITLE]}
    values |= {"first_starts_at": meeting.rehearsal_at, "duration_min": meeting.rehearsal_min}
    changed = {name: value for name, value in values.items() if getattr(rehearsal, name) != value}
    for name, value in changed.items():
        setattr(rehearsal, name, value)
    if changed and rehearsal.number is not None:
        rehearsal.version, rehearsal.updated_at = rehearsal.version + 1, now
    things = await _things(session, meeting, now)
    present = (await resources.wanted(session, rehearsal.id))[""]
    if [(one.kind, one.resource_id) for one in present] != [(one.kind, one.id) for one in things]:
        await resources.keep_wanted(session, rehearsal.id, things)
    await _copy_units(session, meeting.id, rehearsal.id)
    await guest_holds.follow_objections(session, meeting.id, rehearsal.id)


async def _things(session: AsyncSession, meeting: Meeting, now: datetime) -> Sequence[Thing]:
    """Return the halls and terminals of the next date of the meeting."""
    wanted = await resources.wanted(session, meeting.id)
    coming = await restoring.coming(session, meeting.id, now)
    rows = wanted[coming[0].id if coming and coming[0].id in wanted else ""]
    return [Thing(one.kind, one.resource_id, "") for one in rows if one.kind in ("hall", "terminal")]


async def _copy_units(session: AsyncSession, meeting_id: str, rehearsal_id: str) -> None:
    rows = await session.scalars(
        select(Attendee).where(
            Attendee.meeting_id.in_((meeting_id, rehearsal_id)),
            Attendee.unit_id.is_not(None),
            Attendee.person_id.is_(None),
        )
    )
    wanted: dict[str | None, Attendee] = {}
    present: dict[str | None, Attendee] = {}
    for row in rows:
        (wanted if row.meeting_id == meeting_id else present)[row.unit_id] = row
    for unit_id, row in present.items():
        if unit_id not in wanted:
            await session.delete(row)
    for unit_id, row in wanted.items():
        copy = present.get(unit_id)
        if copy is None:
            copy = Attendee(id=new_id(), meeting_id=rehearsal_id, unit_id=unit_id)
            session.add(copy)
        for name in OF_UNIT:
            if getattr(copy, name) != getattr(row, name):
                setattr(copy, name, getattr(row, name))
    await session.flush()


async def _dated(session: AsyncSession, rehearsal: Meeting, was: datetime, now: datetime) -> Occurrence | None:
    """Give the rehearsal a date at the wanted time. `was`: the time that the meeting wanted before. Return None if the date must
    not change.

    A date that has not begun keeps its row, because results and links of sites belong to it. A date that gave way to another
    meeting stays where it is until the meeting wants another time.
    """
    at = rehearsal.first_starts_at
    length = timedelta(minutes=rehearsal.duration_min)
    rows = await dates_of(session, rehearsal.id)
    date = rows[-1] if rows else None
    anew = date is None or (was != at and date.state in restoring.OVER)
    if (anew or was != at) and at <= now:
        return None
    if date is None or anew:
        date = Occurrence(
            id=new_id(), meeting_id=rehearsal.id, original_at=at, starts_at=at, ends_at=at + length, state="planned"
        )
        session.add(date)
    elif was != at:
        date.starts_at, date.ends_at, date.moved = at, at + length, False
    elif date.state in (*restoring.OVER, "postponed"):
        return None
    elif date.starts_at <= now:
        if rehearsal.state != "approved" and date.state == "planned":
            date.state, date.reason = "skipped", LATE
            await resources.give_back(session, [date.id])
        return None
    elif not date.moved:
        date.starts_at, date.ends_at = at, at + length
    date.state, date.reason, date.reason_code = "planned", "", ""
    await session.flush()
    return date


async def _follow_state(
    session: AsyncSession, meeting: Meeting, rehearsal: Meeting, actor: Actor, now: datetime
) -> None:
    if rehearsal.state == meeting.state == "approved":
        await _copy_word(session, meeting.id, rehearsal.id)  # the system may have approved only now
        return
    rehearsal.hold_until, rehearsal.reason, rehearsal.reason_code = None, "", ""
    if meeting.state != "approved":
        # The approval of the meeting is also the approval of its rehearsal, so the rehearsal has no steps of its own.
        rehearsal.state = meeting.state
        await session.flush()
        return
    if rehearsal.number is None:
        rehearsal.number, rehearsal.pin = await numbering.free_number(session), new_pin(series=False)
    rehearsal.state = "approved"
    await _copy_word(session, meeting.id, rehearsal.id)
    await audit.record(session, now, actor, "meeting.approve", "meeting", rehearsal.id, rehearsal.host_unit_id)


async def _copy_word(session: AsyncSession, meeting_id: str, rehearsal_id: str) -> None:
    """Copy an approved step of the system once: with it, the server may call the invited units (`consent`)."""
    approved = select(Step).where(Step.step == 2, Step.state == "approved").order_by(Step.round.desc()).limit(1)
    step = await session.scalar(approved.where(Step.meeting_id == meeting_id))
    if step is None or await session.scalar(approved.where(Step.meeting_id == rehearsal_id)) is not None:
        return
    last = await session.scalar(select(func.max(Step.round)).where(Step.meeting_id == rehearsal_id))
    values = {one.key: getattr(step, one.key) for one in Step.__mapper__.column_attrs}
    session.add(Step(**values | {"id": new_id(), "meeting_id": rehearsal_id, "round": (last or 0) + 1}))
    await session.flush()


async def _reserve(
    session: AsyncSession, rehearsal: Meeting, date: Occurrence, actor: Actor, now: datetime, strict: bool
) -> None:
    """Reserve what is free. The board shows the terminals that another meeting has. Skip the date if the system is full.

    `strict`: raise `rehearsal_taken` instead.
    """
    try:
        await restoring.renew(session, rehearsal, date, actor, now, strict)
    except Refusal as refusal:
        if not strict:
            raise
        raise taken(refusal, date.starts_at) from None
    except Taken:
        await resources.give_back(session, [date.id], forget=True)
        date.state, date.reason = "skipped", FULL
        await session.flush()


def taken(refusal: Refusal, starts_at: datetime) -> Refusal:
    """Return the refusal of a booking because its rehearsal is not possible at that time."""
    at = f"{clock(starts_at)} ngày {local(starts_at):%d/%m/%Y}"
    return Refusal(
        "rehearsal_taken",
        f"Chưa đặt được tổng duyệt lúc {at}. {refusal.vietnamese} Hãy chọn giờ tổng duyệt khác, hoặc bỏ tổng duyệt.",
        f"The rehearsal cannot be booked at that time. {refusal.english} Choose another time, or no rehearsal.",
    )


async def _end(session: AsyncSession, meeting: Meeting, rehearsal: Meeting, actor: Actor, now: datetime) -> None:
    """Cancel the rehearsal with its coming date. A rehearsal that is running keeps its halls, because people sit there."""
    dates = await dates_of(session, rehearsal.id)
    coming = [one for one in dates if one.state not in restoring.OVER and one.ends_at > now]
    if rehearsal.state == "cancelled" or not coming:
        return
    for date in coming:
        date.state, date.reason = "cancelled", meeting.reason
    rehearsal.state, rehearsal.hold_until = "cancelled", None
    rehearsal.version, rehearsal.updated_at = rehearsal.version + 1, now
    await session.flush()
    await resources.give_back(session, [one.id for one in coming])
    detail = {"rehearses": meeting.id}
    await audit.record(session, now, actor, "rehearsal.cancel", "meeting", rehearsal.id, meeting.host_unit_id, detail)
