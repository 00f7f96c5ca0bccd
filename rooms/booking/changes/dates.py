"""Changes of one date by people: cancelled, postponed, extended, booked again. `ending` has its course and its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.changes import approval, editing, proposals
from rooms.booking.holds import clashes, rehearsals, resources, restoring
from rooms.booking.holds import free_times as searching
from rooms.booking.holds.clashes import FreeTime
from rooms.booking.meeting import history, leaders, reading
from rooms.booking.planning import stored
from rooms.booking.planning.plans import Plan
from rooms.booking.rules.calendar import day_of
from rooms.booking.rules.unit_rules import clock
from rooms.errors import Refusal
from rooms.policy import roles
from rooms.policy.actors import SYSTEM, Actor
from rooms.store import audit
from rooms.store.tables.booking import Proposal, Reservation
from rooms.store.tables.columns import EPOCH
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Unit

REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "force_majeure": ("Vì lý do bất khả kháng", "force majeure"),
    "superior_order": ("Theo ý kiến chỉ đạo của cấp trên", "on instruction of a superior authority"),
    "not_ready": ("Chưa bảo đảm điều kiện chuẩn bị", "preparations are not complete"),
    "other": ("Lý do khác", "another reason"),
}
"""The permitted reasons to postpone, cancel or change a meeting (Decision 45/2018/QĐ-TTg)."""


def _require_reason(code: str, reason: str) -> str:
    """Return the reason in words. Raise `bad_reason`, `reason_missing`."""
    if code not in REASONS:
        raise Refusal("bad_reason", "Hãy chọn lý do có trong danh sách.", "no such reason: choose one from the list")
    if code == "other" and not reason.strip():
        raise Refusal("reason_missing", "Hãy ghi rõ lý do.", "write what the other reason is")
    return REASONS[code][0] + (f": {reason.strip()}" if reason.strip() else "")


def _of(dates: list[Occurrence], one: str) -> str:
    """Return words that name the date if the change concerns one date of a series, otherwise an empty text."""
    return f" ngày {day_of(dates[0].starts_at):%d/%m/%Y}" if one and dates else ""


async def cancel(
    session: AsyncSession,
    meeting_id: str,
    reason_code: str,
    reason: str,
    actor: Actor,
    now: datetime,
    occurrence_id: str | None = None,
) -> Meeting:
    """Cancel one date, or all coming dates. Their reservations are released at once."""
    words = _require_reason(reason_code, reason)
    meeting, unit = await _changed_by(session, meeting_id, actor, "meetings.cancel")
    before = await history.snapshot(session, meeting)
    if occurrence_id:
        dates = [await editing.date_of(session, meeting, occurrence_id)]
        if dates[0].state in restoring.OVER:
            raise editing.begun()
    else:
        dates = await _open_dates(session, meeting.id, now)
    if occurrence_id:
        await proposals.overtaken(session, meeting, dates[0], actor, now)
    for one in dates:
        one.state, one.reason_code, one.reason = "cancelled", reason_code, reason.strip()[: limits.REASON]
    await session.flush()
    await resources.give_back(session, [one.id for one in dates])
    if not occurrence_id or not await _has_future(session, meeting.id, now):
        meeting.state, meeting.reason_code = "cancelled", reason_code
        await approval.end(session, meeting, "cancelled", reason.strip(), now)
    only = occurrence_id if occurrence_id and meeting.state != "cancelled" else ""
    await history.finish(
        session, meeting, actor, now, "cancel", f"Hủy{_of(dates, only)}. {words}", before, date_id=only
    )
    detail = {"reason": reason_code, "dates": len(dates)}
    await audit.record(session, now, actor, "meeting.cancel", "meeting", meeting.id, unit.id, detail)
    return meeting


async def _changed_by(session: AsyncSession, meeting_id: str, actor: Actor, action: str) -> tuple[Meeting, Unit]:
    meeting, unit = await reading.locked(session, meeting_id, actor)
    if meeting.created_by != (actor.id or actor.kind) or (meeting.state == "approved" and action == "meetings.edit"):
        roles.require(actor, action, unit.path)
    rehearsals.require_own(meeting)
    if meeting.state not in restoring.TAKES:
        raise approval.wrong_state(meeting)
    return meeting, unit


async def _open_dates(session: AsyncSession, meeting_id: str, now: datetime) -> list[Occurrence]:
    rows = await session.scalars(
        select(Occurrence).where(
            Occurrence.meeting_id == meeting_id,
            Occurrence.ends_at > now,
            Occurrence.state.in_(("planned", "skipped", "postponed")),
        )
    )
    return list(rows)


async def _has_future(session: AsyncSession, meeting_id: str, now: datetime) -> bool:
    return bool(
        await session.scalar(
            select(Occurrence.id)
            .where(
                Occurrence.meeting_id == meeting_id,
                Occurrence.state.in_(("planned", "running", "postponed", "skipped")),
            )
            .limit(1)
        )
    )


async def postpone(
    session: AsyncSession,
    meeting_id: str,
    occurrence_id: str,
    reason_code: str,
    reason: str,
    actor: Actor,
    now: datetime,
    starts_at: datetime | None = None,
) -> Meeting:
    """Postpone one date to `starts_at`, or until further notice.

    A new time needs approval again. For an approved meeting the new time is proposed, and the approved version stays in force.
    Raise `time_unchanged` and the refusals of an edit.
    """
    words = _require_reason(reason_code, reason)
    meeting, unit = await _changed_by(session, meeting_id, actor, "meetings.edit")
    date = await editing.date_of(session, meeting, occurrence_id)
    if date.state == "planned" and starts_at == date.starts_at:
        raise Refusal(
            "time_unchanged",
            "Thời gian mới trùng thời gian cũ. Hãy chọn thời gian khác.",
            "the new time is the same as the present time: choose another time",
        )
    why = (reason_code, reason.strip()[: limits.REASON], f"Hoãn{_of([date], meeting.rule)}. {words}")

    async def put() -> Meeting:
        return await _postpone(session, meeting, unit, date, starts_at, why, actor, now)

    if meeting.state != "approved" or starts_at is None:
        return await put()
    wish = await _wish(session, meeting, date, starts_at, why)
    return await proposals.edit_or_propose(session, meeting, unit, wish, put, actor, now)


Why = tuple[str, str, str]
"""(Code, reason as the user entered it, the whole reason in words)."""


async def _wish(
    session: AsyncSession, meeting: Meeting, date: Occurrence, starts_at: datetime, why: Why
) -> proposals.Wish:
    old = await stored.request_of(session, meeting)
    minutes = int((date.ends_at - date.starts_at).total_seconds()) // 60
    new = dataclasses.replace(old, starts_at=starts_at, duration_min=minutes)
    code, reason, told = why
    return proposals.Wish(old, new, {"starts_at": editing.NAMES["starts_at"]}, "this", date.id, told, code, reason)


async def _postpone(
    session: AsyncSession,
    meeting: Meeting,
    unit: Unit,
    date: Occurrence,
    starts_at: datetime | None,
    why: Why,
    actor: Actor,
    now: datetime,
    decided: bool = False,
) -> Meeting:
    before = await history.snapshot(session, meeting)
    if starts_at is None:
        await proposals.overtaken(session, meeting, date, actor, now)
    await put_off(session, meeting, unit, date, starts_at, why, actor, now, decided)
    await history.finish(session, meeting, actor, now, "postpone", why[2], before, date_id=date.id)
    detail = {"reason": why[0], "date": date.id, "to": starts_at.isoformat() if starts_at else ""}
    await audit.record(session, now, actor, "meeting.postpone", "meeting", meeting.id, unit.id, detail)
    return meeting


async def carry_out(
    session: AsyncSession,
    meeting: Meeting,
    unit: Unit,
    proposal: Proposal,
    starts_at: datetime,
    actor: Actor,
    now: datetime,
) -> Meeting:
    """Move a date to its approved new time."""
    date = await editing.date_of(session, meeting, proposal.occurrence_id)
    why = (proposal.reason_code, proposal.reason, proposal.summary)
    return await _postpone(session, meeting, unit, date, starts_at, why, actor, now, decided=True)


async def propose(
    session: AsyncSession,
    meeting: Meeting,
    unit: Unit,
    date: Occurrence,
    starts_at: datetime,
    why: Why,
    actor: Actor,
    now: datetime,
) -> bool:
    """Propose a new time for a postponed date of an approved meeting that gave way. The other dates stay in force.

    An actor who may decide alone moves the date at once. Otherwise the new time waits for approval. Return False if another
    change of the meeting already waits: the date then stays postponed without a time.
    """
    if await approval.pending(session, meeting.id) is not None:
        return False
    wish = await _wish(session, meeting, date, starts_at, why)

    async def move() -> Meeting:
        await put_off(session, meeting, unit, date, starts_at, why, actor, now)
        return meeting

    await proposals.edit_or_propose(session, meeting, unit, wish, move, actor, now)
    await session.refresh(date)
    return True


async def put_off(
    session: AsyncSession,
    meeting: Meeting,
    unit: Unit,
    date: Occurrence,
    starts_at: datetime | None,
    why: Why,
    actor: Actor,
    now: datetime,
    decided: bool = False,
) -> None:
    """Postpone a date without a line in the history: for `postpone`, or for a meeting of higher precedence. The new time needs
    approval again, unless `decided`.
    """
    if date.state in restoring.OVER:
        raise editing.begun()
    editing.require_standing(date)
    plan: Plan | None = None
    if starts_at is None:
        date.state = "postponed"
        await session.flush()
        await resources.give_back(session, [date.id])
    else:
        plan = await _move(session, meeting, date, starts_at, actor, now, decided)
    date.reason_code, date.reason = why[0], why[1]
    await session.flush()
    if plan is not None and not decided:
        await editing.ask_again(session, meeting, unit, plan, actor, now)


async def _move(
    session: AsyncSession,
    meeting: Meeting,
    date: Occurrence,
    starts_at: datetime,
    actor: Actor,
    now: datetime,
    decided: bool,
) -> Plan | None:
    """Move a date with its halls and terminals. Return the plan for the new time."""
    request = await stored.request_of(session, meeting)
    minutes = int((date.ends_at - date.starts_at).total_seconds()) // 60
    own = (await resources.wanted(session, meeting.id)).get(date.id)
    if own is not None:
        ids = {kind: tuple(one.resource_id for one in own if one.kind == kind) for kind in ("hall", "terminal")}
        request = dataclasses.replace(request, hall_ids=ids["hall"], terminal_ids=ids["terminal"])
    request = dataclasses.replace(request, starts_at=starts_at, duration_min=minutes).checked()
    return await editing.move(session, meeting, date, request.starts_at, request, actor, now, decided)


async def rebook(session: AsyncSession, occurrence_id: str, actor: Actor, now: datetime) -> Meeting:
    """Book a skipped, postponed or cancelled date again, at its own time. Raise `overlap`, `past`."""
    meeting, date, unit = await _date(session, occurrence_id, actor)
    if meeting.created_by != (actor.id or actor.kind) or meeting.state == "approved":
        roles.require(actor, "meetings.edit", unit.path)
    rehearsals.require_own(meeting)
    if meeting.state not in restoring.TAKES:
        raise approval.wrong_state(meeting)
    if date.state not in ("skipped", "postponed", "cancelled"):
        raise Refusal("already_booked", "Buổi họp này đã được đặt.", "this date is already booked")
    if date.starts_at <= now:
        raise Refusal(
            "past",
            "Thời gian của buổi họp đã qua. Hãy hoãn sang ngày khác.",
            "the time of this date has passed: postpone it to another day",
        )
    before = await history.snapshot(session, meeting)
    date.state, date.reason, date.reason_code, date.displaced_by = "planned", "", "", ""
    await restoring.retake(session, meeting, [date], actor, now)
    told = f"Đặt lại buổi {clock(date.starts_at)}"
    await history.finish(session, meeting, actor, now, "rebook", told, before, date_id=date.id)
    await audit.record(session, now, actor, "meeting.rebook", "occurrence", date.id, unit.id)
    return meeting


async def free_times(session: AsyncSession, occurrence_id: str, actor: Actor, now: datetime) -> list[FreeTime]:
    """Return the next free times of a date that the actor may move. Raise `denied`, `already_begun`."""
    row = await session.get(Occurrence, occurrence_id)
    if row is None:
        raise reading.unknown()
    meeting, unit = await reading.meeting_of(session, row.meeting_id, actor)
    if meeting.created_by != (actor.id or actor.kind) or meeting.state == "approved":
        roles.require(actor, "meetings.edit", unit.path)
    if row.state in restoring.OVER:
        raise editing.begun()
    return await searching.free_times(session, meeting, row, now)


async def _date(session: AsyncSession, occurrence_id: str, actor: Actor) -> tuple[Meeting, Occurrence, Unit]:
    row = await session.get(Occurrence, occurrence_id)
    if row is None:
        raise reading.unknown()
    meeting, unit = await reading.locked(session, row.meeting_id, actor)
    date = await session.get(Occurrence, occurrence_id, populate_existing=True)
    assert date is not None
    return meeting, date, unit


async def extend(
    session: AsyncSession, occurrence_id: str, minutes: int, actor: Actor, now: datetime, host: bool = False
) -> Occurrence:
    """Extend a running date, if its resources are free for that time. After the booked end, the time counts from now.

    `host`: the actor is a host of the running meeting, and needs no other right. Raise `not_running`, `bad_duration`, and
    `overlap` or `capacity` with the next meeting and the longest extension that is free.
    """
    meeting, date, unit = await _date(session, occurrence_id, SYSTEM if host else actor)
    if not (host or leaders.leads(meeting, actor)):
        roles.require(actor, "meetings.edit", unit.path)
    if not 1 <= minutes <= limits.EXTEND_MOST_MIN:
        raise Refusal(
            "bad_duration",
            f"Kéo dài từ 1 đến {limits.EXTEND_MOST_MIN} phút.",
            f"a date can be extended by 1 to {limits.EXTEND_MOST_MIN} minutes",
        )
    if date.state not in ("planned", "running") or not date.starts_at <= now:
        raise Refusal(
            "not_running",
            "Buổi họp chưa bắt đầu hoặc đã kết thúc. Hãy sửa lịch họp.",
            "this date has not begun, or is over: change the booking instead",
        )
    base = date.ends_at if now <= date.ends_at else _next_step(now)
    end = base + timedelta(minutes=minutes)
    if end - date.starts_at > timedelta(minutes=limits.DURATION_MOST_MIN):
        raise Refusal("bad_duration", "Buổi họp không thể dài quá 24 giờ.", "a date can last at most 24 hours")
    clearup = await _clearup(session, date)
    date.ends_at, date.end_asked_at = end, None
    try:
        await restoring.retake(session, meeting, [date], actor, now, keeps=True)
    except Refusal as refusal:
        raise _not_free(refusal, minutes, base, clearup) from refusal
    await history.finish(session, meeting, actor, now, "extend", f"Kéo dài {minutes} phút", {}, False, tells=False)
    await audit.record(session, now, actor, "meeting.extend", "occurrence", date.id, unit.id, {"minutes": minutes})
    return date


def _next_step(now: datetime) -> datetime:
    step = timedelta(minutes=limits.EXTEND_STEP_MIN)
    return now + (EPOCH - now) % step


async def _clearup(session: AsyncSession, date: Occurrence) -> timedelta:
    """Return the longest time after the end of the date for which one of its halls stays reserved."""
    last = await session.scalar(
        select(func.max(Reservation.ends_at)).where(Reservation.occurrence_id == date.id, Reservation.active)
    )
    return max(last - date.ends_at, timedelta(0)) if last is not None else timedelta(0)


def _not_free(refusal: Refusal, minutes: int, base: datetime, clearup: timedelta) -> Refusal:
    """Say who comes next, and which extension is free."""
    if refusal.code not in ("overlap", "capacity") or not refusal.troubles:
        return refusal
    found = [clashes.of_trouble(one) for one in refusal.troubles]
    step = timedelta(minutes=limits.EXTEND_STEP_MIN)
    until = min(one.starts_at - (timedelta(0) if one.kind == "capacity" else clearup) for one in found)
    free = max(0, (until - base) // step) * limits.EXTEND_STEP_MIN
    facts, facts_en = (
        " ".join(words) for words in zip(*((one.fact_vi, one.fact_en) for one in found[:3]), strict=True)
    )
    at = clock(base + timedelta(minutes=free))
    rest = f"Kéo dài được {free} phút, đến {at}." if free else "Không kéo dài thêm được nữa."
    rest_en = f"It can be extended by {free} minutes, until {at}." if free else "It cannot be extended any more."
    return Refusal(
        refusal.code,
        f"Chưa kéo dài được {minutes} phút. {facts} {rest}",
        f"It cannot be extended by {minutes} minutes. {facts_en} {rest_en}",
    )
