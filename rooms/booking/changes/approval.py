"""The approval of a meeting. A held meeting is submitted, then its own unit's leadership decides, then the operator of the
system. An approved meeting gets a number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import rehearsals, rejoining, resources, restoring
from rooms.booking.meeting import attendees, call_list, history, numbering, reading, timing
from rooms.booking.planning import requests
from rooms.booking.planning.requests import Request
from rooms.booking.rules import calendar, settings, unit_rules
from rooms.booking.rules.unit_rules import Rule
from rooms.errors import Refusal
from rooms.identifiers import new_id, new_pin
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.booking import Proposal, Reservation, Setting, Step, Wanted
from rooms.store.tables.meetings import Meeting, MeetingType, Occurrence
from rooms.store.tables.org import Unit

ACTION_OF = {1: "meetings.approve.unit", 2: "meetings.approve.system"}
ROLE_OF = {1: roles.APPROVER, 2: roles.OPERATOR}
CALL: Final = "call"
"""The value of `Meeting.connect` for meetings whose halls the server calls."""
Changed = tuple[Iterable[str], Request]
"""A change that waits for approval: the names of the fields that differ, and the request with their new values."""


async def submit(session: AsyncSession, meeting_id: str, actor: Actor, now: datetime, reason: str = "") -> Meeting:
    """Submit a held meeting for approval. `reason`: why the meeting is urgent. Raise `wrong_state`, `hold_expired`,
    `late_reason_missing`.
    """
    meeting, unit = await reading.locked(session, meeting_id, actor)
    if meeting.created_by != (actor.id or actor.kind):
        roles.require(actor, "meetings.create", unit.path)
    rehearsals.require_own(meeting)
    if meeting.state != "held":
        raise wrong_state(meeting)
    if meeting.hold_until is not None and meeting.hold_until <= now:
        raise Refusal(
            "hold_expired",
            "Thời hạn giữ hội trường đã hết. Hãy đặt lại cuộc họp.",
            "the reservation has expired: book the meeting again",
        )
    await explain(session, meeting, reason, now)
    rule = await unit_rules.rule_of(session, unit.path)
    await ask(session, meeting, unit, rule, now)
    await history.finish(session, meeting, actor, now, "submit", "", {}, undoable=False, tells=False)
    await audit.record(session, now, actor, "meeting.submit", "meeting", meeting.id, unit.id)
    return meeting


async def explain(session: AsyncSession, meeting: Meeting, reason: str, now: datetime) -> None:
    """Store why the meeting is urgent, if the invitation to its next date would be late. Raise `late_reason_missing`."""
    coming = (Occurrence.meeting_id == meeting.id, Occurrence.state == "planned", Occurrence.starts_at > now)
    first = await session.scalar(select(func.min(Occurrence.starts_at)).where(*coming))
    if first is not None and not meeting.precedence_reason:
        type_ = await session.get_one(MeetingType, meeting.type_code)
        late = calendar.is_late(await calendar.load(session), first, type_.notice_days, now)
        keep_reason(meeting, late, reason)


def keep_reason(meeting: Meeting, late: bool, reason: str) -> None:
    """Store why a late meeting is urgent, if it has no reason yet. Raise `late_reason_missing`."""
    if late and not meeting.precedence_reason:
        calendar.require_reason(late, reason)
        meeting.precedence_reason = reason.strip()


def wrong_state(meeting: Meeting) -> Refusal:
    names = {
        "held": "đang giữ hội trường",
        "asked": "đang chờ duyệt",
        "approved": "đã duyệt",
        "refused": "bị từ chối",
        "cancelled": "đã hủy",
        "expired": "đã hết hạn giữ hội trường",
    }
    return Refusal(
        "wrong_state",
        f"Cuộc họp {names[meeting.state]} nên không làm được việc này. Hãy tải lại trang.",
        f"this is not possible, because the meeting is {meeting.state}: load the page again",
    )


async def ask(session: AsyncSession, meeting: Meeting, unit: Unit, rule: Rule, now: datetime) -> None:
    """Open the first step of the next round. The meeting becomes `asked`."""
    meeting.state, meeting.hold_until = "asked", None
    await open_round(session, meeting, unit, rule, now)


async def open_round(
    session: AsyncSession, meeting: Meeting, unit: Unit, rule: Rule, now: datetime, change: Changed | None = None
) -> int:
    """Open the first step of the next round, for a meeting or for a change of a meeting. Return the number of the round."""
    last = await session.scalar(select(func.max(Step.round)).where(Step.meeting_id == meeting.id))
    steps = [Step(**one) for one in steps_of(meeting.id, unit, (last or 0) + 1)]
    session.add_all(steps)
    await _open(session, meeting, steps[0], rule, now, change)
    return steps[0].round


async def pending(session: AsyncSession, meeting_id: str) -> Proposal | None:
    """Return the change of this meeting that waits for approval."""
    return (
        await session.scalars(
            select(Proposal).where(Proposal.meeting_id == meeting_id, Proposal.state == "waiting").limit(1)
        )
    ).first()


def starts_of(names: Iterable[str], request: Request) -> datetime | None:
    """Return the start that a change requests, or None if the change keeps the start. `names`: the fields that differ."""
    return request.starts_at if "starts_at" in names else None


async def drop(session: AsyncSession, proposal: Proposal, state: str) -> None:
    """End a waiting proposal with this `state`, and release its reservations."""
    proposal.state = state
    if proposal.held:
        await session.execute(delete(Reservation).where(Reservation.id.in_(proposal.held)))
    await session.flush()


def steps_of(meeting_id: str, unit: Unit, round_: int) -> list[dict[str, Any]]:
    """Return the rows of a round. No step is open to a decision yet."""
    root = next(one for one in unit.path.split("/") if one)
    return [
        {
            "id": new_id(),
            "meeting_id": meeting_id,
            "round": round_,
            "step": number,
            "unit_id": unit.id if number == 1 else root,
            "role": ROLE_OF[number],
            "state": "open",
        }
        for number in (1, 2)
    ]


def deadline_of(rule: Rule, first: datetime | None, now: datetime) -> datetime:
    """Return the deadline of the rule, or the first coming date if that is earlier."""
    wanted = now + timedelta(hours=rule.approval_hours)
    return min(wanted, first) if first else wanted


async def _open(
    session: AsyncSession, meeting: Meeting, step: Step, rule: Rule, now: datetime, change: Changed | None
) -> None:
    """Open a step. It must be decided before the first date and the rehearsal begin."""
    await session.flush()
    first = await session.scalar(
        select(func.min(Occurrence.starts_at)).where(
            Occurrence.meeting_id == meeting.id, Occurrence.state == "planned", Occurrence.starts_at > now
        )
    )
    step.opened_at = now
    names, request = change or ((), None)
    wanted = starts_of(names, request) if request is not None else None
    rehearsal = request.rehearsal_at if request is not None and "rehearsal_at" in names else meeting.rehearsal_at
    starts = [one for one in (first, wanted, rehearsal) if one is not None and one > now]
    step.deadline = deadline_of(rule, min(starts, default=None), now)
    await session.flush()
    await timing.keep(session, timing.deadline(meeting.id, step.id, step.deadline, now))


async def approve(session: AsyncSession, meeting: Meeting, actor: Actor, now: datetime) -> None:
    """Approve the meeting, and give it a number and a PIN if it has no number. The caller writes the history."""
    if meeting.number is None:
        meeting.number, meeting.pin = await numbering.free_number(session), new_pin(series=bool(meeting.rule))
    meeting.state, meeting.hold_until = "approved", None
    await session.flush()
    await timing.changed(session, meeting, "approve", now, await history.dates_since_approval(session, meeting))
    await timing.told(session, meeting, "approve", "", _by(actor), now)
    await timing.next_date(session, meeting, now)
    await timing.horizon(session, meeting, now)
    await audit.record(session, now, actor, "meeting.approve", "meeting", meeting.id, meeting.host_unit_id)


async def open_step(session: AsyncSession, meeting_id: str) -> Step | None:
    """Return the step that waits for a decision."""
    return (
        await session.scalars(
            select(Step)
            .where(Step.meeting_id == meeting_id, Step.state == "open", Step.opened_at.is_not(None))
            .order_by(Step.round.desc(), Step.step)
            .limit(1)
        )
    ).first()


async def require_open(session: AsyncSession, meeting_id: str, named_id: str, step_id: str) -> None:
    """Check that the link in a mail names the step that waits for a decision now. Raise `link_outdated`."""
    step = await open_step(session, meeting_id)
    if named_id != meeting_id or step is None or step.id != step_id:
        raise Refusal(
            "link_outdated",
            "Liên kết trong thư là của một bước duyệt khác. Hãy xem lại cuộc họp rồi duyệt từ mục Phê duyệt.",
            "the link in the mail belongs to another approval step: look at the meeting again",
        )


async def decide(
    session: AsyncSession, meeting_id: str, approve_: bool, reason: str, actor: Actor, now: datetime
) -> Meeting:
    """Store an approver's decision on the open step. Raise `wrong_state`, `denied`, `four_eyes`, `reason_missing`,
    `deadline_passed`.
    """
    meeting, unit = await reading.locked(session, meeting_id, actor)
    step = await open_step(session, meeting_id)
    if meeting.state not in ("asked", "approved") or step is None:
        raise wrong_state(meeting)
    at = await session.get(Unit, step.unit_id)
    assert at is not None
    roles.require(actor, ACTION_OF[step.step], at.path)
    bar = await barred(session, step, meeting, at.path, actor)
    if bar is not None:
        raise bar
    if step.deadline is not None and step.deadline <= now:
        raise Refusal(
            "deadline_passed",
            "Đã quá hạn duyệt. Hãy đề nghị đặt lại.",
            "the deadline has passed: ask the host to book again",
        )
    if not approve_ and not reason.strip():
        raise Refusal("reason_missing", "Hãy ghi lý do từ chối.", "write a reason for the refusal")
    step.state, step.decided_at, step.reason = (
        "approved" if approve_ else "refused",
        now,
        reason.strip()[: limits.REASON],
    )
    step.decided_by = _by(actor)
    step.decided_for = _decided_for(step, at.path, actor)
    detail = {"step": step.step, "round": step.round, "for": step.decided_for}
    word = "approve" if approve_ else "refuse"
    await audit.record(session, now, actor, f"meeting.step.{word}", "meeting", meeting.id, unit.id, detail)
    if approve_:
        await _go_on(session, meeting, unit, step, actor, now)
    else:
        await _refuse(session, meeting, step, actor, now)
    return meeting


async def barred(session: AsyncSession, step: Step, meeting: Meeting, path: str, actor: Actor) -> Refusal | None:
    """Return why this approver may not decide the step, or None. `path`: the path of the step's unit."""
    if await _decided_before(session, step, actor):
        return Refusal(
            "four_eyes",
            "Bước trước của cuộc họp này cũng do tài khoản này duyệt. Bước này phải do người khác duyệt.",
            "you decided the previous step: another user must decide this step",
        )
    proposal = await pending(session, meeting.id)
    asked_by = meeting.created_by if proposal is None else proposal.by
    if asked_by == _by(actor) and _decided_for(step, path, actor):
        return Refusal(
            "own_request",
            "Người được ủy quyền không duyệt thay lịch họp do chính mình đăng ký. Hãy để người có quyền duyệt khác quyết định.",
            "a deputy may not decide the own request: another approver must decide",
        )
    return None


async def _decided_before(session: AsyncSession, step: Step, actor: Actor) -> bool:
    """Report whether the meeting needs two approvers and this actor approved another step of the same round. Then another user
    must decide this step.
    """
    if step.step == 1 or actor.kind in ("command", "system"):
        return False
    mine = select(Step.id).where(Step.meeting_id == step.meeting_id, Step.round == step.round, Step.id != step.id)
    if await session.scalar(mine.where(Step.state == "approved", Step.decided_by == _by(actor)).limit(1)) is None:
        return False
    proposal = await pending(session, step.meeting_id)
    return (proposal is not None and proposal.four_eyes) or await wants_four_eyes(session, step.meeting_id)


async def wants_four_eyes(session: AsyncSession, meeting_id: str) -> bool:
    """Report whether the meeting, as it is now, needs two approvers (setting `approval`)."""
    setting = await session.get(Setting, settings.APPROVAL)
    mode = setting.value.get("four_eyes", settings.HALLS) if setting else settings.HALLS
    if mode in (settings.ALWAYS, settings.NEVER):
        return bool(mode == settings.ALWAYS)
    takes = select(Wanted.resource_id).where(Wanted.meeting_id == meeting_id)
    halls = takes.where(Wanted.kind.in_(("hall", "terminal"))).limit(1)
    if await session.scalar(halls) is not None:
        return True
    meeting = await session.get_one(Meeting, meeting_id)
    return meeting.connect == CALL and bool((await call_list.of_date(session, meeting)).called)


async def has_word(session: AsyncSession, meeting_id: str) -> bool:
    """Report whether a person has approved the meeting. An internal meeting can be approved without a person."""
    said = select(Step.id).where(Step.meeting_id == meeting_id, Step.state == "approved").limit(1)
    return await session.scalar(said) is not None


async def take_over(session: AsyncSession, meeting_id: str, part_id: str) -> None:
    """Copy the newest approved step of the system to the part of a split series, because the approval stands for the part."""
    said = select(Step).where(Step.meeting_id == meeting_id, Step.step == 2, Step.state == "approved")
    for step in await session.scalars(said.order_by(Step.round.desc()).limit(1)):
        values = {one.key: getattr(step, one.key) for one in Step.__mapper__.column_attrs}
        session.add(Step(**values | {"id": new_id(), "meeting_id": part_id, "round": 1}))
        await session.flush()


async def keep_word(session: AsyncSession, meeting: Meeting, unit: Unit, actor: Actor, now: datetime) -> None:
    """Store an approved step of the system, for an actor who changes the meeting and may decide alone."""
    last = await session.scalar(select(func.max(Step.round)).where(Step.meeting_id == meeting.id))
    row = steps_of(meeting.id, unit, (last or 0) + 1)[1]
    row |= {"state": "approved", "opened_at": now, "decided_at": now, "decided_by": _by(actor)}
    session.add(Step(**row))
    await session.flush()
    await attendees.agree(session, meeting.id)


async def decides_alone(session: AsyncSession, meeting: Meeting, path: str, actor: Actor) -> bool:
    """Report whether the actor may change an approved meeting without another approver. This is an actor with the right to
    approve for the system, if the meeting does not need two approvers, or the server's own command.
    """
    if not roles.allows(actor, "meetings.approve.system", path):
        return False
    return actor.kind in ("command", "system") or not await wants_four_eyes(session, meeting.id)


def _by(actor: Actor) -> str:
    return (actor.id or actor.kind)[:32]


async def _go_on(session: AsyncSession, meeting: Meeting, unit: Unit, step: Step, actor: Actor, now: datetime) -> None:
    later = (
        await session.scalars(
            select(Step)
            .where(Step.meeting_id == meeting.id, Step.round == step.round, Step.step > step.step)
            .order_by(Step.step)
            .limit(1)
        )
    ).first()
    if later is not None:
        proposal = await pending(session, meeting.id)
        change = (proposal.names, requests.from_json(proposal.request)) if proposal is not None else None
        await _open(session, meeting, later, await unit_rules.rule_of(session, unit.path), now, change)
        await history.finish(session, meeting, actor, now, "approve.unit", "", {}, undoable=False, tells=False)
        return
    if meeting.state == "approved":
        return  # a proposed change: `proposals.settle` carries it out
    history.touch(meeting, now)
    await history.note(session, meeting, actor, now, "approve", "", {}, undoable=False)
    await attendees.agree(session, meeting.id)
    await approve(session, meeting, actor, now)
    await restoring.take_guests(session, meeting, now)


async def _refuse(session: AsyncSession, meeting: Meeting, step: Step, actor: Actor, now: datetime) -> None:
    """Refuse the meeting. A meeting that was approved before its change returns to the approved version, if its times are still
    free.
    """
    if meeting.state == "approved":
        return  # a proposed change: `proposals.settle` drops it
    if step.round > 1 and meeting.number is not None and await restoring.went_back(session, meeting, actor, now):
        await timing.told(session, meeting, "refuse", step.reason, _by(actor), now)
        return
    before = await history.snapshot(session, meeting)
    await end(session, meeting, "refused", step.reason, now)
    await history.finish(session, meeting, actor, now, "refuse", step.reason, before, undoable=False)
    await rejoining.rejoin(session, meeting, actor, now)


async def end(session: AsyncSession, meeting: Meeting, state: str, reason: str, now: datetime) -> None:
    """End the meeting with this state: release the reservations of coming dates, and close the open steps. A running date keeps
    its halls, because people sit there.
    """
    meeting.state, meeting.reason, meeting.hold_until = state, reason[: limits.REASON], None
    ids = list(
        await session.scalars(
            select(Occurrence.id).where(
                Occurrence.meeting_id == meeting.id, Occurrence.ends_at > now, Occurrence.state != "running"
            )
        )
    )
    await resources.give_back(session, ids)
    await withdraw(session, meeting.id, now)


async def withdraw(session: AsyncSession, meeting_id: str, now: datetime) -> None:
    for step in await session.scalars(select(Step).where(Step.meeting_id == meeting_id, Step.state == "open")):
        step.state, step.decided_at = "withdrawn", now
    proposal = await pending(session, meeting_id)
    if proposal is not None:
        await drop(session, proposal, "withdrawn")
    await session.flush()


def _decided_for(step: Step, path: str, actor: Actor) -> str:
    """Return the person for whom the deputy decides, or an empty text if the actor has the role personally."""
    fitting = [one.for_person for one in actor.roles if one.role == step.role and path.startswith(one.unit_path)]
    return fitting[0] if fitting and all(fitting) else ""


# Waiting steps of an actor


@dataclass(frozen=True)
class Waiting:
    """An open step with its meeting."""

    step: Step
    meeting: Meeting
    unit: Unit
    at: str
    """The path of the unit that decides."""
    proposal: Proposal | None = None
    """The waiting change, if the step is about a change of an approved meeting."""


async def waiting(session: AsyncSession, actor: Actor, now: datetime, limit: int = limits.SEARCH_ROWS) -> list[Waiting]:
    """Return the open steps that the actor may decide, the nearest deadline first."""
    found: list[Waiting] = []
    for number, action in ACTION_OF.items():
        paths = roles.scopes(actor, action)
        if paths == ():
            continue
        at, host = Unit.__table__.alias("at"), Unit
        query = (
            select(Step, Meeting, host, at.c.path)
            .join(Meeting, Meeting.id == Step.meeting_id)
            .join(host, host.id == Meeting.host_unit_id)
            .join(at, at.c.id == Step.unit_id)
            .where(Step.state == "open", Step.step == number, Step.opened_at.is_not(None))
            .where(Meeting.state.in_(("asked", "approved")))
            .where(Step.deadline > now)
        )
        if paths is not None:
            query = query.where(or_(*(at.c.path.startswith(one, autoescape=True) for one in paths)))
        rows = await session.execute(query.order_by(Step.deadline).limit(limit))
        for step, meeting, unit, path in rows:
            proposal = await pending(session, meeting.id) if meeting.state == "approved" else None
            found.append(Waiting(step, meeting, unit, path, proposal))
    seen = [one for one in found if await barred(session, one.step, one.meeting, one.at, actor) is None]
    return sorted(seen, key=lambda one: (one.step.deadline or now, one.step.id))[:limit]
