"""Requests for precedence: a secretary whose meeting clashes asks an operator to book it with precedence, with a reason.

The request is stored as it was filled in, so nothing is typed twice. It reserves nothing. A request that holds a state secret is
refused before anything is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.changes import precedence
from rooms.booking.changes.precedence import Displaced, InTheWay
from rooms.booking.meeting import timing
from rooms.booking.planning import plans, requests
from rooms.booking.planning.requests import Request
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store import audit, outbox
from rooms.store.tables.booking import PrecedenceAsk
from rooms.store.tables.org import Unit

WAITING: Final = "waiting"


async def ask(session: AsyncSession, request: Request, reason: str, actor: Actor, now: datetime) -> PrecedenceAsk:
    """Store a request for precedence. Raise `reason_missing`, `nothing_in_the_way`, `too_many`, and the refusals of creation."""
    plan = await plans.make(session, request.checked(), actor, now)
    if not reason.strip():
        raise Refusal("reason_missing", "Hãy ghi lý do đề nghị xếp ưu tiên.", "write why the meeting needs precedence")
    if not await precedence.clashing(session, plan):
        raise Refusal(
            "nothing_in_the_way",
            "Giờ này không trùng lịch nào. Hãy đăng ký như bình thường.",
            "nothing clashes at this time: book as usual",
        )
    mine = select(func.count()).where(PrecedenceAsk.unit_id == plan.unit.id, PrecedenceAsk.state == WAITING)
    if (await session.scalar(mine.where(PrecedenceAsk.starts_at > now)) or 0) >= limits.PRECEDENCE_ASKS:
        raise Refusal(
            "too_many",
            f"Đơn vị đã có {limits.PRECEDENCE_ASKS} đề nghị xếp ưu tiên đang chờ.",
            f"the unit has {limits.PRECEDENCE_ASKS} waiting requests for precedence",
        )
    row = PrecedenceAsk(
        id=new_id(),
        unit_id=plan.unit.id,
        title=request.title[: limits.TITLE],
        starts_at=plan.spans[0].starts_at,
        ends_at=plan.spans[0].ends_at,
        request=requests.as_json(plan.request),
        reason=reason.strip()[: limits.REASON],
        by=_by(actor),
        at=now,
        state=WAITING,
        decided_by="",
        answer="",
        meeting_id="",
    )
    session.add(row)
    await session.flush()
    await _tell(session, row, now)
    await audit.record(session, now, actor, "meeting.ask_precedence", "precedence_ask", row.id, row.unit_id)
    return row


async def asks(session: AsyncSession, actor: Actor, now: datetime) -> list[tuple[PrecedenceAsk, Unit]]:
    """Return the waiting requests that the actor may decide, and the actor's own of the last days, the oldest first."""
    recent = now - timedelta(days=limits.PRECEDENCE_ASK_SHOWN_DAYS)
    own = (PrecedenceAsk.by == _by(actor)) & (PrecedenceAsk.at > recent)
    paths = roles.scopes(actor, "meetings.precedence")
    within = [true()] if paths is None else [Unit.path.startswith(one, autoescape=True) for one in paths]
    rows = await session.execute(
        select(PrecedenceAsk, Unit)
        .join(Unit, Unit.id == PrecedenceAsk.unit_id)
        .where(or_(own, (PrecedenceAsk.state == WAITING) & or_(false(), *within)), PrecedenceAsk.starts_at > now)
        .order_by(PrecedenceAsk.at, PrecedenceAsk.id)
        .limit(limits.SEARCH_ROWS)
    )
    return [(row, unit) for row, unit in rows]


async def look(session: AsyncSession, ask_id: str, actor: Actor, now: datetime) -> tuple[InTheWay, ...]:
    """Return what the requested meeting would move, as `precedence.in_the_way`."""
    row = await _decidable(session, ask_id, actor)
    return await precedence.in_the_way(session, requests.from_json(row.request), actor, now)


async def displace(
    session: AsyncSession,
    ask_id: str,
    moves: Mapping[str, datetime | None],
    reason: str,
    actor: Actor,
    now: datetime,
) -> Displaced:
    """Book the requested meeting with precedence, as `precedence.displace`. The account that asked has made the meeting."""
    row = await _decidable(session, ask_id, actor)
    done = await precedence.displace(session, requests.from_json(row.request), moves, reason, actor, now)
    done.meeting.created_by = row.by
    _decide(row, "done", actor, now)
    row.meeting_id = done.meeting.id
    await session.flush()
    await _tell(session, row, now)
    return done


async def refuse(session: AsyncSession, ask_id: str, answer: str, actor: Actor, now: datetime) -> PrecedenceAsk:
    """Refuse the request, with a reason."""
    row = await _decidable(session, ask_id, actor)
    if not answer.strip():
        raise Refusal("reason_missing", "Hãy ghi lý do không xếp ưu tiên.", "write why there is no precedence")
    _decide(row, "refused", actor, now)
    row.answer = answer.strip()[: limits.REASON]
    await _tell(session, row, now)
    await audit.record(session, now, actor, "meeting.refuse_precedence", "precedence_ask", row.id, row.unit_id)
    return row


async def withdraw(session: AsyncSession, ask_id: str, actor: Actor, now: datetime) -> PrecedenceAsk:
    """Withdraw the own request."""
    row = await session.get(PrecedenceAsk, ask_id, with_for_update=True)
    if row is None or row.by != _by(actor):
        raise _unknown()
    _require_waiting(row)
    _decide(row, "withdrawn", actor, now)
    await _tell(session, row, now)
    return row


async def forget(session: AsyncSession, now: datetime) -> None:
    """Delete old requests."""
    old = now - timedelta(days=limits.PRECEDENCE_ASK_DAYS)
    await session.execute(delete(PrecedenceAsk).where(PrecedenceAsk.at < old))


async def _tell(session: AsyncSession, row: PrecedenceAsk, now: datetime) -> None:
    """Store the job for the notices: to those who may decide, and the answer to the account that asked."""
    await outbox.enqueue(session, timing.PRECEDENCE, {"ask_id": row.id}, now, now)


async def _decidable(session: AsyncSession, ask_id: str, actor: Actor) -> PrecedenceAsk:
    row = await session.get(PrecedenceAsk, ask_id, with_for_update=True)
    if row is None:
        raise _unknown()
    unit = await session.get_one(Unit, row.unit_id)
    roles.require(actor, "meetings.precedence", unit.path)
    _require_waiting(row)
    return row


def _require_waiting(row: PrecedenceAsk) -> None:
    if row.state != WAITING:
        raise Refusal("already_decided", "Đề nghị này đã được xử lý. Hãy tải lại trang.", "this request is decided")


def _decide(row: PrecedenceAsk, state: str, actor: Actor, now: datetime) -> None:
    row.state, row.decided_by, row.decided_at = state, _by(actor), now


def _by(actor: Actor) -> str:
    return (actor.id or actor.kind)[:32]


def _unknown() -> Refusal:
    return Refusal("unknown_ask", "Không tìm thấy đề nghị này.", "there is no such request for precedence")
