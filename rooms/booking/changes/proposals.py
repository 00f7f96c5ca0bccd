"""Proposals: changes of approved meetings that wait for approval. Until the decision, the approved version stays in force:
participants can join, and the server calls its halls.

The last approved step carries the proposal out. A proposal that is refused, expired or withdrawn has no effect. To find out
whether a change needs approval, `edit_or_propose` carries the change out in a savepoint (`editing`) and rolls the savepoint
back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import approval
from rooms.booking.holds import resources
from rooms.booking.meeting import history, reading, timing
from rooms.booking.planning import requests
from rooms.booking.planning.requests import Request
from rooms.booking.rules import unit_rules
from rooms.booking.rules.calendar import local
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.policy import roles
from rooms.policy.actors import SYSTEM, Actor
from rooms.store import audit, rows
from rooms.store.tables.booking import Proposal, Reservation, Step
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Person, RecipientSet, Unit
from rooms.store.tables.sites import Hall, Terminal

Slot = tuple[str, str, str, datetime, datetime, bool]
"""A reservation as (date, kind, resource, from, until)."""
SCOPES: Final[Mapping[str, str]] = {"this": "chỉ buổi", "following": "từ buổi"}
"""The scopes that name a date, with their names for users."""


@dataclass(frozen=True)
class Wish:
    """The requested change of a meeting. `names`: the fields that differ, with their names for users."""

    old: Request
    new: Request
    names: Mapping[str, str]
    scope: str
    occurrence_id: str
    told: str = ""
    """A sentence for the history with the reason, if a date is postponed or gave way. Otherwise empty."""
    reason_code: str = ""
    reason: str = ""

    @property
    def summary(self) -> str:
        return self.told or "Sửa " + ", ".join(self.names.values())


async def edit_or_propose(
    session: AsyncSession,
    meeting: Meeting,
    unit: Unit,
    wish: Wish,
    carry_out: Callable[[], Awaitable[Meeting]],
    actor: Actor,
    now: datetime,
) -> Meeting:
    """Carry out the change, or propose it if it needs approval. Raise the refusals of `carry_out`, and `change_pending`."""
    savepoint = await session.begin_nested()
    made = await carry_out()
    if made.state != "asked":
        await savepoint.commit()
        return made
    wanted = await _slots(session, await _with_rehearsals(session, {meeting.id, made.id}))
    four_eyes = await approval.wants_four_eyes(session, made.id)
    await savepoint.rollback()
    for one in (meeting, unit):
        await session.refresh(one)
    if await approval.pending(session, meeting.id) is not None:
        raise Refusal(
            "change_pending",
            "Cuộc họp đang có một thay đổi chờ duyệt. Hãy chờ duyệt hoặc rút thay đổi đó rồi sửa tiếp.",
            "another change of this meeting is waiting for approval: wait, or withdraw that change",
        )
    return await _propose(session, meeting, unit, wish, wanted, four_eyes, actor, now)


async def _propose(
    session: AsyncSession,
    meeting: Meeting,
    unit: Unit,
    wish: Wish,
    wanted: Iterable[Slot],
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> Meeting:
    rule = await unit_rules.rule_of(session, unit.path)
    round_ = await approval.open_round(session, meeting, unit, rule, now, (wish.names, wish.new))
    session.add(
        Proposal(
            id=new_id(),
            meeting_id=meeting.id,
            round=round_,
            scope=wish.scope,
            occurrence_id=wish.occurrence_id,
            names=list(wish.names),
            request=requests.as_json(wish.new),
            lines=await _lines(session, wish),
            summary=wish.summary[:1000],
            four_eyes=four_eyes,
            held=await _hold(session, meeting, wanted, now),
            reason_code=wish.reason_code,
            reason=wish.reason,
            by=(actor.id or actor.kind)[:32],
            at=now,
            state="waiting",
        )
    )
    await session.flush()
    told = f"Đề nghị thay đổi: {wish.summary}"
    await history.finish(session, meeting, actor, now, "propose", told, {}, undoable=False, tells=False)
    detail = {"fields": list(wish.names), "scope": wish.scope}
    await audit.record(session, now, actor, "meeting.propose", "meeting", meeting.id, unit.id, detail)
    return meeting


# Reservations of a proposal


async def _slots(session: AsyncSession, meeting_ids: set[str]) -> list[Slot]:
    found = await session.execute(
        select(
            Reservation.occurrence_id,
            Reservation.kind,
            Reservation.resource_id,
            Reservation.starts_at,
            Reservation.ends_at,
            Reservation.guest,
        )
        .join(Occurrence, Occurrence.id == Reservation.occurrence_id)
        .where(Occurrence.meeting_id.in_(meeting_ids), Reservation.active)
    )
    return [(date, kind, thing, starts_at, ends_at, guest) for date, kind, thing, starts_at, ends_at, guest in found]


async def _with_rehearsals(session: AsyncSession, meeting_ids: set[str]) -> set[str]:
    return meeting_ids | set(await session.scalars(select(Meeting.id).where(Meeting.rehearses_id.in_(meeting_ids))))


async def _hold(session: AsyncSession, meeting: Meeting, wanted: Iterable[Slot], now: datetime) -> list[str]:
    """Reserve what the change needs and the meeting does not have yet. Return the identifiers of these reservations."""
    have = await _slots(session, await _with_rehearsals(session, {meeting.id}))
    dates = await session.scalars(
        select(Occurrence.id)
        .where(Occurrence.meeting_id == meeting.id, Occurrence.ends_at > now)
        .order_by(Occurrence.starts_at)
    )
    known = list(dates)
    if not known:
        return []
    made: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "occurrence_id": date if date in known else known[0],
            "kind": kind,
            "resource_id": thing,
            "starts_at": starts_at,
            "ends_at": ends_at,
            "active": True,
            "guest": guest,
        }
        for date, kind, thing, first, last, guest in wanted
        for starts_at, ends_at in _without((first, last), [(one[3], one[4]) for one in have if one[2] == thing])
    ]
    # The search for a way to make the change has shown that these terminals outrank guests. It has been rolled back.
    await resources.win(
        session,
        [
            (one["resource_id"], one["starts_at"], one["ends_at"])
            for one in made
            if one["kind"] == "terminal" and not one["guest"]
        ],
        now,
    )
    await rows.add(session, {Reservation: made})
    return [str(one["id"]) for one in made]


def _without(
    span: tuple[datetime, datetime], taken: Iterable[tuple[datetime, datetime]]
) -> list[tuple[datetime, datetime]]:
    """Return the parts of `span` that are not in `taken`, in order."""
    left, end = [], span[1]
    at = span[0]
    for starts_at, ends_at in sorted(taken):
        if ends_at <= at or starts_at >= end:
            continue
        if starts_at > at:
            left.append((at, starts_at))
        at = max(at, ends_at)
    return [*left, (at, end)] if at < end else left


# In words


async def _lines(session: AsyncSession, wish: Wish) -> list[dict[str, str]]:
    """Describe each changed field: its name, the old value, the new value. A code or a number stays as it is: the page has its
    words in both languages. For attendees, only the new value is known.
    """
    made, old = [], wish.old
    date = await session.get(Occurrence, wish.occurrence_id) if wish.occurrence_id and wish.scope != "all" else None
    if date is not None:
        old = dataclasses.replace(old, starts_at=date.starts_at)
        told = await _text(session, "starts_at", date.starts_at)
        made.append({"field": wish.scope, "name": SCOPES[wish.scope], "before": "", "after": told})
    for field, name in (("reason_code", "lý do"), ("reason", "giải thích")):
        if getattr(wish, field):
            made.append({"field": field, "name": name, "before": "", "after": getattr(wish, field)})
    for name, told in wish.names.items():
        before = "" if name == "attendees" else await _text(session, name, getattr(old, name))
        after = await _text(session, name, getattr(wish.new, name))
        made.append({"field": name, "name": told, "before": before, "after": after})
    return made


async def _text(session: AsyncSession, name: str, value: Any) -> str:
    if value in (None, "", ()):
        return ""
    if isinstance(value, datetime):
        return f"{local(value):%H:%M %d/%m/%Y}"
    tables: dict[str, Any] = {
        "hall_ids": Hall,
        "terminal_ids": Terminal,
        "uncalled_ids": Terminal,
        "chair_id": Person,
        "secretary_id": Person,
        "secretary_deputy_id": Person,
        "operator_id": Person,
        "operator_deputy_id": Person,
    }
    if name in tables:
        return await _names(session, tables[name], (value,) if isinstance(value, str) else value)
    if name == "attendees":
        return await _attendees(session, value)
    if isinstance(value, tuple):
        return ", ".join(str(getattr(one, "title", "") or getattr(one, "number", "") or one) for one in value)[:1000]
    return str(value)[:1000]


async def _names(session: AsyncSession, table: Any, ids: Sequence[str]) -> str:
    return ", ".join(await session.scalars(select(table.name).where(table.id.in_(ids)).order_by(table.name)))[:1000]


async def _attendees(session: AsyncSession, wanted: Sequence[Any]) -> str:
    named = [one.label or one.guest_name for one in wanted if one.label or one.guest_name]
    for table, ids in (
        (Unit, [one.unit_id for one in wanted if one.unit_id and not one.label]),
        (Person, [one.person_id for one in wanted if one.person_id and not one.label]),
        (RecipientSet, [one.set_id for one in wanted if one.set_id]),
    ):
        if ids:
            named.append(await _names(session, table, ids))
    return ", ".join(named)[:1000]


# The end of a proposal


async def settle(
    session: AsyncSession,
    meeting: Meeting,
    proposal: Proposal,
    change: Callable[..., Awaitable[Meeting]],
    move: Callable[..., Awaitable[Meeting]],
    actor: Actor,
    now: datetime,
) -> None:
    """Settle a proposal after a decision. Carry it out if all its steps are approved. Drop it if one step is refused. Otherwise
    it waits.

    `change` is the function of `rooms.booking.changes.editing`. `move` is the function of `rooms.booking.changes.dates`, for a
    date that is postponed or gave way.
    """
    steps = list(await session.scalars(select(Step).where(Step.meeting_id == meeting.id, Step.round == proposal.round)))
    if any(one.state == "refused" for one in steps):
        reason = next(one.reason for one in steps if one.state == "refused")
        await approval.drop(session, proposal, "refused")
        for one in steps:
            if one.state == "open":
                one.state, one.decided_at = "withdrawn", now
        await _stays(session, meeting, proposal, "refuse", "Không duyệt thay đổi", reason, actor, now)
    elif all(one.state == "approved" for one in steps):
        await approval.drop(session, proposal, "applied")
        unit = await session.get_one(Unit, meeting.host_unit_id)
        request, who = requests.from_json(proposal.request), Actor("system", id=proposal.by)
        if proposal.reason_code:
            await move(session, meeting, unit, proposal, request.starts_at, who, now)
        else:
            changes = {name: getattr(request, name) for name in proposal.names}
            scope = (proposal.scope, proposal.occurrence_id or None)
            await change(session, meeting, unit, changes, who, now, *scope, decided=True)
        await timing.told(session, meeting, "applied", proposal.summary, actor.id, now)


async def lapse(session: AsyncSession, meeting: Meeting, now: datetime) -> None:
    """End a proposal that was not decided in time. The approved version stays in force."""
    proposal = await approval.pending(session, meeting.id)
    if proposal is not None:
        await approval.drop(session, proposal, "lapsed")
    await approval.withdraw(session, meeting.id, now)
    await _stays(session, meeting, proposal, "lapse", "Thay đổi quá hạn duyệt", "", SYSTEM, now)


async def _stays(
    session: AsyncSession,
    meeting: Meeting,
    proposal: Proposal | None,
    action: str,
    what: str,
    reason: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Record that a change was not approved. If the change was the new time of a postponed date, mail the people who lead the
    meeting: the date has no new time.
    """
    off = proposal is not None and "starts_at" in proposal.names and proposal.scope == "this"
    date = await session.get(Occurrence, proposal.occurrence_id) if proposal is not None and off else None
    if date is not None and date.state == "postponed":
        result = "buổi họp vẫn hoãn, chưa có thời gian mới"
    else:
        date, result = None, "giữ lịch đã duyệt"
    told = f"{what}, {result}" + (f": {reason}" if reason else "")
    await history.finish(session, meeting, actor, now, action, told, {}, undoable=False, tells=False)
    if date is not None:
        await timing.still_off(session, meeting, date, reason or "Quá hạn duyệt", now)


async def overtaken(session: AsyncSession, meeting: Meeting, date: Occurrence, actor: Actor, now: datetime) -> str:
    """Withdraw the waiting change of this date, or of this and other following dates: the date is now cancelled or postponed.
    Return the summary of the change, or an empty text if there was none.
    """
    proposal = await approval.pending(session, meeting.id)
    if proposal is None or proposal.scope == "all" or not proposal.occurrence_id:
        return ""
    if proposal.occurrence_id != date.id:
        begins = await session.get(Occurrence, proposal.occurrence_id) if proposal.scope == "following" else None
        if begins is None or date.original_at < begins.original_at:
            return ""
    await take_back(session, meeting, proposal, actor, now)
    return proposal.summary


async def take_back(session: AsyncSession, meeting: Meeting, proposal: Proposal, actor: Actor, now: datetime) -> None:
    """Withdraw the proposal, and write a line in the history."""
    await approval.withdraw(session, meeting.id, now)
    told = f"Rút thay đổi: {proposal.summary}"
    await history.finish(session, meeting, actor, now, "withdraw", told, {}, undoable=False, tells=False)


async def withdraw(session: AsyncSession, meeting_id: str, actor: Actor, now: datetime) -> Meeting:
    """Withdraw the change that waits for approval. Raise `nothing_pending`, `denied`."""
    meeting, unit = await reading.locked(session, meeting_id, actor)
    proposal = await approval.pending(session, meeting.id)
    if proposal is None:
        raise Refusal("nothing_pending", "Không có thay đổi nào đang chờ duyệt.", "no change is waiting for approval")
    if proposal.by != (actor.id or actor.kind)[:32]:
        roles.require(actor, "meetings.edit", unit.path)
    await take_back(session, meeting, proposal, actor, now)
    await audit.record(session, now, actor, "meeting.withdraw_change", "meeting", meeting.id, unit.id)
    return meeting
