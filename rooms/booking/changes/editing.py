"""Edit a booking: all dates, one date, or one date and the following dates. An edit is one transaction: if the new booking
fails, the old one stays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import approval, creation, proposals
from rooms.booking.holds import guest_holds, rehearsals, resources, restoring
from rooms.booking.meeting import attendees, call_list, history, reading
from rooms.booking.planning import plans, stored
from rooms.booking.planning.plans import Plan
from rooms.booking.planning.requests import Request
from rooms.booking.rules import unit_rules
from rooms.booking.rules.calendar import day_of, is_late
from rooms.booking.rules.recurrence import ended, parsed, written
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.booking import Wanted
from rooms.store.tables.meetings import Attendee, DocumentRef, Meeting, Occurrence
from rooms.store.tables.org import Unit

Scope = Literal["this", "following", "all"]
TIME = ("starts_at", "duration_min", "rule")
THINGS = ("hall_ids", "terminal_ids", "chair_id", "secretary_id", "operator_id", "legs")
LED = frozenset(("chair_id", "secretary_id", "operator_id"))
REHEARSAL = frozenset(("rehearsal_at", "rehearsal_min"))
DEPUTIES = ("secretary_deputy_id", "operator_deputy_id")
AGREED = frozenset(("attendees", "connect", "uncalled_ids"))
"""Fields that decide which terminals are called. Their approval is also an approval to call the invited units."""
WORDS = (
    "title",
    "type_code",
    *DEPUTIES,
    "description",
    "agenda",
    "documents",
    "attendees",
    "public",
    "lobby",
    "entry_muted",
    "connect",
    "call_ahead_min",
    "uncalled_ids",
    "hold_guests",
)
UNTOLD = frozenset(("connect", "call_ahead_min", "uncalled_ids", "hold_guests", *DEPUTIES))
"""Fields that concern only the operators. Attendees are not notified about them."""
EFFECTS = frozenset(("title", "type_code", "public", "connect", "uncalled_ids", "hold_guests", *DEPUTIES))
"""Fields with an effect that needs approval: what is published, which halls are called, who leads."""
CHANGEABLE = frozenset((*TIME, *THINGS, *WORDS, *REHEARSAL, "skip_clashes", "urgent_reason"))
OF_ONE_DATE = frozenset(("starts_at", "duration_min", "hall_ids", "terminal_ids", "urgent_reason"))
COPIED = (
    "title",
    "search_title",
    "type_code",
    "chair_id",
    "secretary_id",
    "operator_id",
    *DEPUTIES,
    "description",
    "agenda",
    "public",
    "lobby",
    "entry_muted",
    "connect",
    "call_ahead_min",
    "duration_min",
    "rule",
    "uncalled",
    "hold_guests",
    "rehearsal_at",
    "rehearsal_min",
)
"""Columns of the meeting that an edit copies from the new plan."""
NAMES = {
    "starts_at": "thời gian",
    "duration_min": "thời lượng",
    "rule": "cách lặp",
    "hall_ids": "hội trường",
    "terminal_ids": "thiết bị",
    "chair_id": "chủ trì",
    "operator_id": "người điều hành",
    "legs": "số kết nối",
    "title": "tên",
    "type_code": "loại",
    "secretary_id": "thư ký",
    "secretary_deputy_id": "người thay thư ký",
    "operator_deputy_id": "người thay người điều hành",
    "description": "nội dung",
    "agenda": "chương trình",
    "documents": "văn bản",
    "attendees": "thành phần",
    "public": "công khai",
    "lobby": "phòng chờ",
    "entry_muted": "tắt micro khi vào họp",
    "connect": "cách kết nối",
    "call_ahead_min": "giờ gọi hội trường",
    "uncalled_ids": "danh sách hội trường không gọi",
    "hold_guests": "giữ hội trường của đơn vị được mời",
    "rehearsal_at": "giờ tổng duyệt",
    "rehearsal_min": "thời lượng tổng duyệt",
}


@dataclass(frozen=True)
class _Edit:
    """A change that is being carried out."""

    meeting: Meeting
    unit: Unit
    old: Request
    new: Request
    changed: frozenset[str]
    actor: Actor
    now: datetime
    decided: bool = False
    """The change has already been approved."""

    @property
    def time(self) -> bool:
        return bool(self.changed & set(TIME))

    @property
    def takes(self) -> bool:
        """Report whether the change needs other reservations or legs, and so new reservations."""
        return self.time or bool(self.changed & {*THINGS, "attendees"})

    @property
    def reserves(self) -> bool:
        """Report whether the change needs other reservations."""
        return self.takes or bool(self.changed & {"uncalled_ids", "hold_guests"})

    @property
    def has_effects(self) -> bool:
        """Report whether the change has effects. A change that only takes away has none: a hall is no longer called, or the
        meeting is no longer public.
        """
        back_in = set(self.old.uncalled_ids) - set(self.new.uncalled_ids)
        takes_away = {
            "public": not self.new.public,
            "connect": self.new.connect != plans.CALL,
            "uncalled_ids": not back_in,
            "hold_guests": not self.new.hold_guests,
        }
        return any(not takes_away.get(name, False) for name in self.changed & EFFECTS)

    @property
    def rehearses(self) -> bool:
        """Report whether the change needs another date for the rehearsal."""
        return bool(self.changed & REHEARSAL) and self.new.rehearsal_at is not None

    def needs_word(self, plan: Plan) -> bool:
        """Report whether an approved meeting needs a new approval for this change: another time, other people who lead, other
        effects, or things of other units. The rehearsal calls halls too, so its new time needs an approval.

        Guests, halls of the own unit, and everything that is only taken away need no new approval. The terminal of a new guest
        is called only after the guest's unit has accepted (`consent.consenting`).
        """
        added = {*self.new.hall_ids, *self.new.terminal_ids} - {*self.old.hall_ids, *self.old.terminal_ids}
        foreign = any(one.id in added and plan.concerns_others(one) for one in plan.things)
        return self.time or self.rehearses or bool(self.changed & LED) or self.has_effects or foreign

    @property
    def summary(self) -> str:
        return "Sửa " + ", ".join(NAMES[one] for one in NAMES if one in self.changed)


async def edit(
    session: AsyncSession,
    meeting_id: str,
    changes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    expected_version: int,
    scope: Scope = "all",
    occurrence_id: str | None = None,
) -> Meeting:
    """Edit the meeting. `changes` holds fields of `Request` by name; other fields stay. Return the meeting, or with `following`
    the new series.

    For an approved meeting, a change that needs approval is only proposed. The approved version stays in force until the
    approval (`rooms.booking.changes.proposals`).

    Raise `version_conflict`, `bad_field`, `wrong_state`, `unknown_date`, and the refusals of creation. Then nothing has
    changed.
    """
    meeting, unit = await reading.locked(session, meeting_id, actor)
    if meeting.created_by != (actor.id or actor.kind) or meeting.state == "approved":
        roles.require(actor, "meetings.edit", unit.path)
    if meeting.version != expected_version:
        raise conflict(meeting)
    rehearsals.require_own(meeting)
    if meeting.state not in restoring.TAKES:
        raise approval.wrong_state(meeting)
    if "attendees" in changes:
        # The form sends the whole list. A list that is approved already is no change, so it needs no approval and no notice.
        day = day_of(changes.get("starts_at", meeting.first_starts_at))
        if await attendees.are_agreed(session, meeting, changes["attendees"], day):
            changes = {name: value for name, value in changes.items() if name != "attendees"}
    if meeting.state != "approved":
        return await change(session, meeting, unit, changes, actor, now, scope, occurrence_id)
    old = await stored.request_of(session, meeting)
    new = dataclasses.replace(old, **_known(changes)).checked()
    names = {name: NAMES[name] for name in NAMES if name in changes and getattr(new, name) != getattr(old, name)}
    return await proposals.edit_or_propose(
        session,
        meeting,
        unit,
        proposals.Wish(old, new, names, scope, occurrence_id or "", reason=new.urgent_reason.strip()),
        lambda: change(session, meeting, unit, changes, actor, now, scope, occurrence_id),
        actor,
        now,
    )


async def change(
    session: AsyncSession,
    meeting: Meeting,
    unit: Unit,
    changes: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    scope: Scope,
    occurrence_id: str | None,
    decided: bool = False,
) -> Meeting:
    """Carry out a change. `decided`: the change has already been approved."""
    old = await stored.request_of(session, meeting)
    new = dataclasses.replace(old, **_known(changes)).checked()
    changed = frozenset(name for name in changes if getattr(new, name) != getattr(old, name))
    one = _Edit(meeting, unit, old, new, changed, actor, now, decided)
    if "connect" in changes:
        meeting.connect_asked = False
    if not changed:
        return meeting
    if scope == "all" or not meeting.rule:
        return await _all(session, one)
    date = await date_of(session, meeting, occurrence_id)
    if scope == "this":
        return await _this(session, one, date)
    return await _following(session, one, date)


def _known(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes as a dict. Raise `bad_field` for a field that may not change."""
    if not set(changes) <= CHANGEABLE:
        raise Refusal("bad_field", "Có mục không sửa được ở đây.", "one of the fields cannot be changed here")
    return dict(changes)


def conflict(meeting: Meeting) -> Refusal:
    return Refusal(
        "version_conflict",
        "Cuộc họp vừa được người khác sửa. Hãy tải lại trang, xem thay đổi rồi sửa tiếp.",
        f"another user has changed the meeting to version {meeting.version}: load it again",
    )


async def date_of(session: AsyncSession, meeting: Meeting, occurrence_id: str | None) -> Occurrence:
    """Return this date of the meeting. Raise `unknown_date`."""
    date = await session.get(Occurrence, occurrence_id, with_for_update=True) if occurrence_id else None
    if date is None or date.meeting_id != meeting.id:
        raise Refusal(
            "unknown_date",
            "Không tìm thấy buổi họp này. Hãy tải lại trang.",
            "the meeting has no such date: load the page again",
        )
    return date


# All dates


async def _all(session: AsyncSession, one: _Edit) -> Meeting:
    meeting, actor, now = one.meeting, one.actor, one.now
    before = await history.snapshot(session, meeting)
    plan = await _plan(session, one, one.new)
    if one.rehearses and not one.decided:
        plans.require_rehearsal(plan, actor, now)
    await resources.lock(session, plan.lock_names())
    moves = one.time or bool(one.changed & REHEARSAL)
    if moves:
        await rehearsals.give_back(session, meeting, now)
    if one.time:
        await _move_dates(session, one, plan)
    await _apply(session, meeting, plan, one)
    if one.reserves:
        await restoring.retake(session, meeting, await restoring.coming(session, meeting.id, now), actor, now)
    await _ask_again(session, one, plan, "starts_at" in one.changed)
    if moves:
        await rehearsals.settle(session, meeting, actor, now, strict=one.rehearses and not one.decided)
    if "attendees" in one.changed and meeting.state == "approved":
        # The approval of the new attendees came after `retake`: their terminals and held halls become firm now.
        await restoring.take_guests(session, meeting, now)
    told = bool(one.changed - UNTOLD)
    await history.finish(session, meeting, actor, now, "edit", one.summary, before, tells=told)
    await _record(session, one, "all")
    return meeting


async def _plan(session: AsyncSession, one: _Edit, request: Request) -> Plan:
    begun = one.meeting.first_starts_at <= one.now
    ahead = "starts_at" in one.changed and not (begun and one.meeting.rule)
    if "attendees" in one.changed and "legs" not in one.changed:
        request = dataclasses.replace(request, legs=0)
    return await _counted(
        session, one, await plans.make(session, request, one.actor, one.now, action="", ahead=ahead and not one.decided)
    )


async def _counted(session: AsyncSession, one: _Edit, plan: Plan) -> Plan:
    """Return the plan with the stored attendees in its call list, if the edit does not change the attendees."""
    return (
        plan
        if "attendees" in one.changed
        else await _with_attendees(session, await _same_attendees(session, one.meeting.id), plan)
    )


async def _with_attendees(session: AsyncSession, stored: tuple[attendees.Invited, ...], plan: Plan) -> Plan:
    booked = {thing.id: thing.site_id for thing in plan.things if thing.kind == "hall"}
    added, out = plan.request.terminal_ids, plan.request.uncalled_ids
    calls = await call_list.of_wish(session, booked, added, stored, out)
    return dataclasses.replace(plan, invited=stored, calls=calls)


async def _record(session: AsyncSession, one: _Edit, scope: str) -> None:
    detail = {"fields": sorted(one.changed), "scope": scope, "version": one.meeting.version}
    await audit.record(session, one.now, one.actor, "meeting.edit", "meeting", one.meeting.id, one.unit.id, detail)


async def _apply(session: AsyncSession, meeting: Meeting, plan: Plan, one: _Edit) -> None:
    """Store all changes except the dates."""
    fresh = creation.new_meeting(plan, meeting.id, one.actor, one.now)
    for name in COPIED:
        setattr(meeting, name, getattr(fresh, name))
    if "legs" in one.changed or "attendees" in one.changed:
        meeting.legs = plan.legs
    if "starts_at" in one.changed:
        meeting.first_starts_at = one.new.starts_at
    if one.changed & set(THINGS):
        await resources.keep_wanted(session, meeting.id, plan.things)
    if "documents" in one.changed:
        await session.execute(delete(DocumentRef).where(DocumentRef.meeting_id == meeting.id))
        await creation.keep_documents(session, meeting.id, one.new.documents)
    if "attendees" in one.changed:
        await attendees.replace(session, meeting, plan.invited, one.actor, one.now)


async def _move_dates(session: AsyncSession, one: _Edit, plan: Plan) -> None:
    """Move the dates. A single date keeps its row. In a series, a date stays if it has begun, was moved by hand, or was
    cancelled, postponed or skipped by request. The other dates are made again.
    """
    meeting, now = one.meeting, one.now
    dated = select(Occurrence).where(Occurrence.meeting_id == meeting.id).order_by(Occurrence.original_at)
    rows = list(await session.scalars(dated))
    if not one.old.rule and not one.new.rule:
        await _move_only_date(session, one, plan, rows[0])
        return
    stay = {place: row for place, row in enumerate(rows) if _stays(row, now)}
    gone = [row for row in rows if not _stays(row, now)]
    ahead = {place: span for place, span in enumerate(plan.spans) if span.starts_at > now}
    if "rule" not in one.changed and rows[0].original_at == one.old.starts_at:
        moving = {place: row for place, row in stay.items() if place in ahead and _waits(row, now)}
        await _carry(session, meeting, [(row, ahead[place]) for place, row in moving.items()], gone)
        spans = tuple(span for place, span in ahead.items() if place not in stay)
    else:
        await _forget(session, gone)
        days = {day_of(row.original_at) for row in stay.values()}
        spans = tuple(span for span in ahead.values() if day_of(span.starts_at) not in days)
    await _add_dates(session, meeting, dataclasses.replace(plan, spans=spans), one.actor)


async def _move_only_date(session: AsyncSession, one: _Edit, plan: Plan, date: Occurrence) -> None:
    plans.skips_of(plan, one.actor)
    if date.state in restoring.OVER:
        raise begun()
    span = plan.spans[0]
    date.starts_at, date.ends_at = span.starts_at, span.ends_at
    date.state, date.reason, date.reason_code, date.displaced_by = "planned", "", "", ""
    kept = [(span.starts_at, span.ends_at)]
    await unit_rules.require_quota(session, one.unit.id, plan.rule, kept, one.meeting.id)


def _waits(row: Occurrence, now: datetime) -> bool:
    return row.starts_at > now and row.state not in restoring.OVER


async def _forget(session: AsyncSession, gone: list[Occurrence]) -> None:
    ids = [row.id for row in gone]
    await resources.give_back(session, ids, forget=True)
    await session.execute(delete(Occurrence).where(Occurrence.id.in_(ids)))
    for row in gone:
        session.expunge(row)


async def _carry(
    session: AsyncSession, meeting: Meeting, moving: list[tuple[Occurrence, resources.Span]], gone: list[Occurrence]
) -> None:
    """Keep dates that were moved by hand or cancelled at their place in the series. For example, the third date stays cancelled
    when Thursdays become Fridays. The caller makes the reservations.
    """
    anew = [
        {
            **creation.date_row(meeting.id, span, {}),
            **({"starts_at": row.starts_at, "ends_at": row.ends_at} if row.moved and row.state == "planned" else {}),
            "state": row.state,
            "moved": row.moved,
            "reason": row.reason,
            "reason_code": row.reason_code,
        }
        for row, span in moving
    ]
    await _forget(session, [*gone, *(row for row, _ in moving)])
    for row, span in moving:
        of_row = (Wanted.meeting_id == meeting.id, Wanted.occurrence_id == row.id)
        await session.execute(update(Wanted).where(*of_row).values(occurrence_id=span.occurrence_id))
    if anew:
        await session.execute(insert(Occurrence), anew)


def _stays(row: Occurrence, now: datetime) -> bool:
    if row.starts_at <= now or row.moved or row.state in (*restoring.OVER, "cancelled", "postponed"):
        return True
    return row.state == "skipped" and row.reason == plans.SKIPPED_BY_WISH


async def _add_dates(session: AsyncSession, meeting: Meeting, plan: Plan, actor: Actor) -> None:
    if not plan.spans:
        return
    skipped = await creation.skips(session, plan, actor, excluding=meeting.id)
    kept = [(s.starts_at, s.ends_at) for s in plan.spans if s.occurrence_id not in skipped]
    await unit_rules.require_quota(session, plan.unit.id, plan.rule, kept, meeting.id)
    await session.execute(insert(Occurrence), [creation.date_row(meeting.id, s, skipped) for s in plan.spans])


def begun() -> Refusal:
    return Refusal(
        "already_begun",
        "Buổi họp đã bắt đầu hoặc đã xong nên không đổi được.",
        "the date has already begun or is over, so it cannot be changed",
    )


def require_standing(date: Occurrence) -> None:
    """Raise `date_cancelled` if the date is cancelled: only `rebook` brings a cancelled date back."""
    if date.state == "cancelled":
        raise Refusal(
            "date_cancelled",
            "Buổi họp này đã bị hủy. Hãy đặt lại buổi họp trước khi đổi.",
            "this date was cancelled: book it again first",
        )


async def _ask_again(session: AsyncSession, one: _Edit, plan: Plan, moved: bool) -> None:
    """Submit the meeting for approval again if the change needs it, unless the actor may decide alone. `moved`: the dates of
    the plan have another time.
    """
    meeting = one.meeting
    if one.decided:
        if one.changed & AGREED:
            await attendees.agree(session, meeting.id)
        return
    if await _waits_again(session, one, plan):
        late = moved and _is_late(plan, one.now)
        await ask_again(session, meeting, one.unit, plan, one.actor, one.now, late, one.new.urgent_reason)
        return
    invites = "attendees" in one.changed and meeting.state == "approved" and plan.needs_approval
    if invites and await approval.decides_alone(session, meeting, one.unit.path, one.actor):
        await approval.keep_word(session, meeting, one.unit, one.actor, one.now)


async def _waits_again(session: AsyncSession, one: _Edit, plan: Plan) -> bool:
    """Report whether the change needs an approval. A meeting that no person has approved needs one as soon as its plan does."""
    if one.needs_word(plan):
        return True
    first = one.meeting.state == "approved" and (one.takes or one.has_effects)
    return first and not await approval.has_word(session, one.meeting.id)


def _is_late(plan: Plan, now: datetime) -> bool:
    """Report whether the invitation to the next date of the plan would be late."""
    starts = [one.starts_at for one in plan.spans if one.starts_at > now]
    return bool(starts) and is_late(plan.calendar, min(starts), plan.type_.notice_days, now)


async def ask_again(
    session: AsyncSession,
    meeting: Meeting,
    unit: Unit,
    plan: Plan,
    actor: Actor,
    now: datetime,
    late: bool = False,
    reason: str = "",
) -> None:
    """Submit a meeting for approval again, because its resources or times differ. Do nothing for a held meeting, or if the plan
    needs no approval. An actor who may decide alone approves at once. `late`: the approvers need a reason for the new time.
    Raise `late_reason_missing`.
    """
    if meeting.state == "held" or not plan.needs_approval:
        return
    if meeting.state == "approved" and await approval.decides_alone(session, meeting, unit.path, actor):
        await approval.keep_word(session, meeting, unit, actor, now)
        return
    approval.keep_reason(meeting, late, reason)
    await approval.withdraw(session, meeting.id, now)
    await approval.ask(session, meeting, unit, plan.rule, now)


# One date


async def _this(session: AsyncSession, one: _Edit, date: Occurrence) -> Meeting:
    if not one.changed <= OF_ONE_DATE:
        raise Refusal(
            "bad_scope",
            "Với một buổi chỉ đổi được thời gian, hội trường và thiết bị. Hãy chọn sửa cả chuỗi.",
            "only the time, halls and terminals of a single date can be changed: edit the series instead",
        )
    require_standing(date)
    before = await history.snapshot(session, one.meeting)
    starts_at = one.new.starts_at if "starts_at" in one.changed else date.starts_at
    moved = starts_at != date.starts_at
    await move(session, one.meeting, date, starts_at, one.new, one.actor, one.now, one.decided)
    plan = await _one_plan(session, one, starts_at)
    await _ask_again(session, one, plan, moved)
    await history.finish(session, one.meeting, one.actor, one.now, "edit.one", one.summary, before, date_id=date.id)
    await _record(session, one, "this")
    return one.meeting


async def _one_plan(session: AsyncSession, one: _Edit, starts_at: datetime) -> Plan:
    request = dataclasses.replace(one.new, starts_at=starts_at, rule="")
    ahead = not one.decided
    return await _counted(session, one, await plans.make(session, request, one.actor, one.now, action="", ahead=ahead))


async def move(
    session: AsyncSession,
    meeting: Meeting,
    date: Occurrence,
    starts_at: datetime,
    request: Request,
    actor: Actor,
    now: datetime,
    decided: bool = False,
) -> Plan:
    """Give one date another time, length or other resources. `decided`: the change has been approved, and was early enough when
    it was submitted. Raise the refusals of creation.
    """
    if date.state in restoring.OVER or date.starts_at <= now < date.ends_at:
        raise begun()
    unit_rules.require_future(starts_at, now)
    one = dataclasses.replace(request, starts_at=starts_at, rule="")
    plan = await plans.make(session, one, actor, now, action="", ahead=not decided)
    locked = await _with_attendees(session, await _same_attendees(session, meeting.id), plan)
    await resources.lock(session, locked.lock_names())
    plans.skips_of(plan, actor)
    wanted = await resources.wanted(session, meeting.id)
    now_takes = {one.resource_id for one in wanted.get(date.id, wanted[""])}
    if now_takes != {one.id for one in plan.things}:
        await resources.keep_wanted(session, meeting.id, plan.things, date.id)
    date.starts_at, date.ends_at = starts_at, starts_at + timedelta(minutes=request.duration_min)
    date.state, date.moved, date.reason, date.reason_code, date.displaced_by = "planned", True, "", "", ""
    await rehearsals.give_back(session, meeting, now)
    await restoring.retake(session, meeting, [date], actor, now)
    await rehearsals.settle(session, meeting, actor, now)
    return plan


# One date and the following dates


async def _following(session: AsyncSession, one: _Edit, date: Occurrence) -> Meeting:
    """End the series before `date`. The rest becomes a series of its own, with its own number."""
    meeting, now = one.meeting, one.now
    rows = list(
        await session.scalars(
            select(Occurrence).where(Occurrence.meeting_id == meeting.id).order_by(Occurrence.original_at)
        )
    )
    place = next(n for n, row in enumerate(rows) if row.id == date.id)
    if place == 0:
        return await _all(session, one)
    if date.starts_at <= now:
        raise begun()
    before = await history.snapshot(session, meeting)
    starts_at = one.new.starts_at if "starts_at" in one.changed else date.original_at
    rule = one.new.rule if "rule" in one.changed else rest_of(meeting.rule, place)
    gone = rows[place:]
    await resources.give_back(session, [row.id for row in gone], forget=True)
    await session.execute(delete(Occurrence).where(Occurrence.id.in_([row.id for row in gone])))
    meeting.rule = ended(meeting.rule, date.original_at)
    made = await _split(session, one, dataclasses.replace(one.new, starts_at=starts_at, rule=rule))
    await history.finish(
        session, meeting, one.actor, now, "split", f"Tách chuỗi: {one.summary}", before, undoable=False
    )
    await _record(session, one, "following")
    return made


async def _split(session: AsyncSession, one: _Edit, request: Request) -> Meeting:
    meeting, actor, now = one.meeting, one.actor, one.now
    if "rehearsal_at" not in one.changed:
        request = dataclasses.replace(request, rehearsal_at=None)  # the rehearsal stays with the first part
    unit_rules.require_future(request.starts_at, now)
    plan = await plans.make(session, request, actor, now, action="", ahead=not one.decided)
    if not one.decided:
        plans.require_rehearsal(plan, actor, now)
    same = await _same_attendees(session, meeting.id)
    if "attendees" in one.changed:
        plan = dataclasses.replace(plan, invited=attendees.keeping(plan.invited, same))
    else:
        plan = await _with_attendees(session, same, plan)
    await resources.lock(session, plan.lock_names())
    skipped = await creation.skips(session, plan, actor)
    kept = [span for span in plan.spans if span.occurrence_id not in skipped]
    await unit_rules.require_quota(session, plan.unit.id, plan.rule, [(s.starts_at, s.ends_at) for s in kept])
    made = await creation.store_held(session, plan, new_id(), skipped, actor, now)
    made.split_from_id, made.created_by, made.legs = meeting.id, meeting.created_by, plan.legs
    made.precedence_reason = made.precedence_reason or meeting.precedence_reason
    await guest_holds.copy_objections(session, meeting.id, made.id)
    await creation.take_or_refuse(session, plan, kept, actor, now)
    stays = one.decided or not plan.needs_approval or not await _waits_again(session, one, plan)
    alone = await approval.decides_alone(session, made, one.unit.path, actor)
    if meeting.state == "approved" and (stays or alone):
        await approval.take_over(session, meeting.id, made.id)
        if alone or (one.decided and one.changed & AGREED):
            await attendees.agree(session, made.id)
        await approval.approve(session, made, actor, now)
    elif meeting.state == "held":
        made.hold_until = meeting.hold_until
    else:
        late = "starts_at" in one.changed and _is_late(plan, now)
        approval.keep_reason(made, late, one.new.urgent_reason)
        await approval.ask(session, made, one.unit, plan.rule, now)
    await restoring.take_guests(session, made, now)
    await rehearsals.settle(session, made, actor, now, strict=not one.decided)
    return made


async def _same_attendees(session: AsyncSession, meeting_id: str) -> tuple[attendees.Invited, ...]:
    rows = await session.scalars(select(Attendee).where(Attendee.meeting_id == meeting_id))
    return tuple(attendees.Invited(**{name: getattr(row, name) for name in attendees.STORED}) for row in rows)


def rest_of(rule: str, before: int) -> str:
    """Return the rule for the rest of the series after the first `before` dates."""
    parts = parsed(rule)
    if "COUNT" not in parts:
        return rule
    parts["COUNT"] = [max(1, int(parts["COUNT"][0]) - before)]
    return written(parts)
