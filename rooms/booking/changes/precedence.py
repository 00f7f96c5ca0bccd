"""The precedence of meetings, as a setting, and the operator's command that moves or postpones a meeting of lower precedence.

The system never displaces a meeting by itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.changes import approval, creation, dates, proposals
from rooms.booking.holds import clashes, losing, resources
from rooms.booking.meeting import history, reading, timing
from rooms.booking.planning import plans, requests
from rooms.booking.planning.requests import Request
from rooms.booking.rules import settings
from rooms.booking.rules.calendar import local
from rooms.errors import Refusal, Trouble
from rooms.identifiers import new_id
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.booking import Setting
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Unit

BY_ORDER: Final = "superior_order"


@dataclass(frozen=True)
class Moved:
    """A date that gave way. `to` is None if the date is postponed until further notice."""

    occurrence_id: str
    meeting_id: str
    title: str
    unit: str
    was: datetime
    to: datetime | None


@dataclass(frozen=True)
class InTheWay:
    """A date that a booking would have to move. `title` and `unit` are empty if the actor may not read the meeting. `why_not`
    is the code of a refusal, if the date cannot give way. `goes_on`: the date stays, and only loses halls or terminals of
    invited units. It needs no decision.
    """

    occurrence_id: str
    title: str
    unit: str
    starts_at: datetime
    ends_at: datetime
    why_not: str = ""
    goes_on: bool = False


@dataclass(frozen=True)
class Clashing:
    """A date of another meeting that has what a plan needs. `guests`: what it has, if all of this belongs to invited units."""

    date: Occurrence
    meeting: Meeting
    unit: Unit
    guests: frozenset[str]


@dataclass(frozen=True)
class Displaced:
    """The meeting of higher precedence, and the report of the dates that gave way."""

    meeting: Meeting
    moved: tuple[Moved, ...]


async def rank_of(session: AsyncSession, precedence: int, unit: Unit) -> int:
    """Return the rank of a meeting. A lower rank has priority."""
    setting = await session.get(Setting, settings.PRECEDENCE)
    tiers: Mapping[str, Any] = setting.value.get("tiers", settings.TIERS) if setting else settings.TIERS
    return precedence + int(tiers.get(str(unit.tier), settings.TIERS["3"]))


async def in_the_way(session: AsyncSession, request: Request, actor: Actor, now: datetime) -> tuple[InTheWay, ...]:
    """Return the dates that `displace` needs a decision for. Reserve nothing. Raise the refusals of creation."""
    plan = await plans.make(session, request.checked(), actor, now)
    roles.require(actor, "meetings.precedence", plan.unit.path)
    mine = await _rank_of_plan(session, plan)
    found = await clashing(session, plan)
    known = await reading.readable(session, actor, [one.meeting.id for one in found])
    told = []
    for one in found:
        date, meeting, unit = one.date, one.meeting, one.unit
        lower = await rank_of(session, meeting.precedence, unit) > mine
        allowed = roles.allows(actor, "meetings.precedence", unit.path)
        why_not = "" if lower and allowed else "denied" if lower else "precedence_too_low"
        title, name = (meeting.title, unit.short_name or unit.name) if meeting.id in known else ("", "")
        goes_on = bool(one.guests) and not why_not
        told.append(InTheWay(date.id, title, name, date.starts_at, date.ends_at, why_not, goes_on))
    return tuple(told)


async def _rank_of_plan(session: AsyncSession, plan: plans.Plan) -> int:
    own = plan.request.precedence
    return await rank_of(session, plan.type_.precedence if own is None else own, plan.unit)


async def displace(
    session: AsyncSession,
    request: Request,
    moves: Mapping[str, datetime | None],
    reason: str,
    actor: Actor,
    now: datetime,
    key: str = "",
) -> Displaced:
    """Book `request`. Move each clashing date of lower precedence to its time in `moves` (by occurrence; None: postpone it).
    A date that has only halls or terminals of invited units stays, without them.

    Raise `move_missing` with the clashing dates that are not in `moves`, `precedence_too_low`, and the refusals of creation.
    """
    request = request.checked()
    earlier = await creation.earlier_of(session, key, request, actor) if key else None
    if earlier is not None:
        return Displaced(earlier, await _moved_before(session, moves, actor))
    plan = await plans.make(session, request, actor, now)
    roles.require(actor, "meetings.precedence", plan.unit.path)
    if not reason.strip():
        raise Refusal("reason_missing", "Hãy ghi lý do dời cuộc họp khác.", "write a reason for moving another meeting")
    mine = await _rank_of_plan(session, plan)
    found = await clashing(session, plan)
    whole = [one for one in found if not one.guests]
    missing = [one.date for one in whole if one.date.id not in moves]
    if missing:
        raise Refusal(
            "move_missing",
            "Hãy chọn thời gian mới hoặc hoãn cho từng cuộc họp bị trùng.",
            "choose a new time, or postponement, for each date that clashes",
            [_trouble(one) for one in missing],
        )
    for one in found:
        await _require_lower(session, one, mine, actor)
        if one.guests:
            await _lose(session, one, plan.unit, reason, actor, now)
    moved = [await _give_way(session, one, moves[one.date.id], reason, actor, now) for one in whole]
    meeting = await creation.create(session, dataclasses.replace(request, submit=request.submit), actor, now, key)
    ids = [one.occurrence_id for one in moved]
    await session.execute(update(Occurrence).where(Occurrence.id.in_(ids)).values(displaced_by=meeting.id))
    detail: dict[str, Any] = {"moved": [one.occurrence_id for one in moved][:100], "reason": reason.strip()[:300]}
    lost = [{"occurrence": one.date.id, "things": sorted(one.guests)} for one in found if one.guests]
    detail |= {"released": lost[:100]} if lost else {}
    await audit.record(session, now, actor, "meeting.displace", "meeting", meeting.id, plan.unit.id, detail)
    return Displaced(meeting, tuple(moved))


async def _moved_before(session: AsyncSession, moves: Mapping[str, datetime | None], actor: Actor) -> tuple[Moved, ...]:
    """Return the dates that gave way when the same request came the first time. `was` is the first planned time of the date."""
    rows = await session.execute(
        select(Occurrence, Meeting, Unit)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(Unit, Unit.id == Meeting.host_unit_id)
        .where(Occurrence.id.in_(moves), Occurrence.reason_code == BY_ORDER)
        .order_by(Occurrence.original_at)
    )
    return tuple(
        [
            Moved(
                one.id,
                meeting.id,
                meeting.title,
                unit.short_name or unit.name,
                one.original_at,
                await _to(session, one),
            )
            for one, meeting, unit in rows
            if roles.allows(actor, "meetings.precedence", unit.path)
        ]
    )


async def _to(session: AsyncSession, date: Occurrence) -> datetime | None:
    """Return the new time of a date that gave way: its stored time, or the time that waits for approval."""
    if date.state not in ("postponed", "cancelled"):
        return date.starts_at
    waiting = await approval.pending(session, date.meeting_id)
    if waiting is None or (waiting.scope, waiting.occurrence_id) != ("this", date.id):
        return None
    return approval.starts_of(waiting.names, requests.from_json(waiting.request))


def _trouble(date: Occurrence) -> Trouble:
    at = local(date.starts_at)
    return Trouble("move_missing", f"Buổi họp {at:%H:%M %d/%m/%Y}.", f"the date at {at.isoformat()}", date.id)


async def clashing(session: AsyncSession, plan: plans.Plan) -> list[Clashing]:
    """Return the dates of other meetings that have what the plan needs, the earliest first."""
    needed = plan.needed
    ids = {thing.id for thing in needed}
    timetable = await clashes.timetable_of(session, ids, clashes.days_of(plan.spans))
    taken: dict[str, dict[str, bool]] = {}
    for span in plan.spans:
        for thing in needed:
            busy = clashes.taken(thing, span, timetable)
            if busy is not None:
                taken.setdefault(busy.occurrence_id, {})[thing.id] = busy.guest
    rows = await session.execute(
        select(Occurrence, Meeting, Unit)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(Unit, Unit.id == Meeting.host_unit_id)
        .where(Occurrence.id.in_(taken))
        .order_by(Occurrence.starts_at)
    )
    return [
        Clashing(date, meeting, unit, frozenset(taken[date.id]) if all(taken[date.id].values()) else frozenset())
        for date, meeting, unit in rows
    ]


async def _require_lower(session: AsyncSession, clashing: Clashing, mine: int, actor: Actor) -> None:
    """Raise `precedence_too_low`, `denied`."""
    meeting, unit = clashing.meeting, clashing.unit
    if await rank_of(session, meeting.precedence, unit) <= mine:
        raise Refusal(
            "precedence_too_low",
            f"{meeting.title} ({unit.short_name or unit.name}) có thứ tự ưu tiên không thấp hơn nên không dời được.",
            "a meeting with the same or a higher precedence cannot be moved",
        )
    roles.require(actor, "meetings.precedence", unit.path)


async def _lose(session: AsyncSession, clashing: Clashing, to: Unit, reason: str, actor: Actor, now: datetime) -> None:
    """Release the halls and terminals of invited units, and tell the staff of the meeting and these units."""
    await resources.release_guests(session, clashing.date.id, clashing.guests)
    why = f"Dành cho cuộc họp ưu tiên của {to.short_name or to.name}. Lý do: {reason.strip()[: limits.REASON]}"
    await losing.tell(session, [clashing.date], clashing.guests, why, new_id(), actor, now)


async def _give_way(
    session: AsyncSession, clashing: Clashing, to: datetime | None, reason: str, actor: Actor, now: datetime
) -> Moved:
    date, meeting, unit = clashing.date, clashing.meeting, clashing.unit
    was = date.starts_at
    before = await history.snapshot(session, meeting)
    given = reason.strip()[: limits.REASON]
    why = (BY_ORDER, given, f"Nhường lịch: {given}")
    stands = meeting.state == "approved"
    gone = await proposals.overtaken(session, meeting, date, actor, now)
    # The new meeting needs the resources now. If the displaced meeting is approved, its other dates stay in force while the new
    # time waits for approval.
    await dates.put_off(session, meeting, unit, date, None if stands else to, why, actor, now)
    told = f"{given}. Thay đổi đang chờ duyệt của buổi này không còn hiệu lực: {gone}" if gone else given
    if stands and to is not None and not await dates.propose(session, meeting, unit, date, to, why, actor, now):
        told += (
            f". Thời gian được đề nghị là {local(to):%H:%M %d/%m/%Y}, chưa trình duyệt được"
            " vì cuộc họp đang có thay đổi khác chờ duyệt"
        )
        to = None
    # Write this line last: then `undo` finds it as the newest line, and the timers of the date follow its new time.
    await history.finish(session, meeting, actor, now, "displaced", why[2], before, date_id=date.id)
    await timing.displaced(session, meeting, date, was, to, date.state == "postponed" and to is not None, told, now)
    return Moved(date.id, meeting.id, meeting.title, unit.short_name or unit.name, was, to)
