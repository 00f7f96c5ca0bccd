"""Changes of a meeting's class. The people who lead the meeting, and several roles at the host, may raise the class at any
time. Only an approver or the head of the host may lower the class, with a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.changes.approval import wrong_state
from rooms.booking.holds import rehearsals, resources, restoring
from rooms.booking.meeting import history, leaders, reading
from rooms.booking.rules.calendar import day_of
from rooms.errors import Refusal
from rooms.policy import classes, roles
from rooms.policy.actors import Actor
from rooms.policy.classes import Dropped, Presence
from rooms.store import audit
from rooms.store.tables.meetings import Attendee, Meeting
from rooms.store.tables.org import Holding, Post, Unit
from rooms.store.tables.sites import Network, Terminal


@dataclass(frozen=True)
class ClassChanged:
    """The result of a change of class. `dropped`: the present participants that the new class does not admit. `excluded`: the
    planned ones that it does not admit.
    """

    meeting: Meeting
    applied: bool
    class_: str
    dropped: tuple[Dropped, ...] = ()
    excluded: tuple[Dropped, ...] = ()


async def raise_class(
    session: AsyncSession,
    meeting_id: str,
    class_: str,
    actor: Actor,
    now: datetime,
    present: Sequence[Presence] = (),
    preview: bool = False,
) -> ClassChanged:
    """Raise the class. `present`: the participants who are connected now. With `preview`, change nothing and only report.
    `secret` is refused: a meeting with state secrets must stop.
    """
    wanted = classes.resolved(class_, class_)
    meeting, unit = await reading.locked(session, meeting_id, actor)
    if not leaders.leads(meeting, actor):
        roles.require(actor, "meetings.raise_class", unit.path)
    rehearsals.require_own(meeting)
    if meeting.state not in restoring.TAKES:
        raise wrong_state(meeting)
    if not classes.raises(meeting.class_, wanted):
        raise Refusal(
            "not_raised", "Mức mới phải cao hơn mức hiện tại.", "the new class must be higher than the present class"
        )
    dropped = classes.dropped(wanted, present)
    excluded = classes.dropped(wanted, await expected(session, meeting))
    if preview:
        return ClassChanged(meeting, False, wanted, dropped, excluded)
    before = await history.snapshot(session, meeting)
    meeting.class_, meeting.lobby = wanted, True
    # The change cannot be undone: an undo would lower the class without a decision of the leadership.
    summary = f"Nâng mức: {classes.NAMES[wanted][0]}"
    await history.finish(session, meeting, actor, now, "raise_class", summary, before, undoable=False)
    detail = {"to": wanted, "dropped": len(dropped)}
    await audit.record(session, now, actor, "meeting.raise_class", "meeting", meeting.id, unit.id, detail)
    return ClassChanged(meeting, True, wanted, dropped, excluded)


async def lower_class(
    session: AsyncSession, meeting_id: str, class_: str, reason: str, actor: Actor, now: datetime
) -> ClassChanged:
    """Lower the class, for an approver or the head of the host unit. The operator may never lower it. Raise `denied`,
    `reason_missing`.
    """
    wanted = classes.resolved(class_, class_)
    meeting, unit = await reading.locked(session, meeting_id, actor)
    if not await _heads(session, unit, actor, now):
        roles.require(actor, "meetings.lower_class", unit.path)
    if not reason.strip():
        raise Refusal("reason_missing", "Hãy ghi lý do hạ mức.", "write a reason for the lower class")
    rehearsals.require_own(meeting)
    if meeting.state not in restoring.TAKES:
        raise wrong_state(meeting)
    if not classes.lowers(meeting.class_, wanted):
        raise Refusal(
            "not_lowered", "Mức mới phải thấp hơn mức hiện tại.", "the new class must be lower than the present class"
        )
    before = await history.snapshot(session, meeting)
    meeting.class_ = wanted
    summary = f"Hạ mức: {classes.NAMES[wanted][0]}. {reason.strip()}"
    await history.finish(session, meeting, actor, now, "lower_class", summary, before)
    detail = {"to": wanted, "reason": reason.strip()[: limits.REASON]}
    await audit.record(session, now, actor, "meeting.lower_class", "meeting", meeting.id, unit.id, detail)
    return ClassChanged(meeting, True, wanted)


async def expected(session: AsyncSession, meeting: Meeting) -> list[Presence]:
    """Return the planned terminals, and the guests, who can join only by a link."""
    rows = (await resources.wanted(session, meeting.id))[""]
    ids = [one.resource_id for one in rows if one.kind == "terminal"]
    terminals = await session.execute(
        select(Terminal.name, Network.closed)
        .outerjoin(Network, Network.id == Terminal.network_id)
        .where(Terminal.id.in_(ids))
    )
    guests = await session.scalars(
        select(Attendee.label).where(
            Attendee.meeting_id == meeting.id, Attendee.unit_id.is_(None), Attendee.person_id.is_(None)
        )
    )
    planned = [Presence(name, "hall_terminal", True, bool(closed), invited=True) for name, closed in terminals]
    return planned + [Presence(label, "guest", invited=True) for label in guests]


async def _heads(session: AsyncSession, unit: Unit, actor: Actor, now: datetime) -> bool:
    """Report whether the actor is head of this unit today, or deputy of its head."""
    people = [one for one in (actor.person_id, *actor.deputises) if one]
    if not people:
        return False
    day = day_of(now)
    found = await session.scalar(
        select(Holding.id)
        .join(Post, Post.id == Holding.post_id)
        .where(Post.unit_id == unit.id, Post.is_head, Holding.person_id.in_(people), Holding.valid_from <= day)
        .where(or_(Holding.valid_to.is_(None), Holding.valid_to > day))
        .limit(1)
    )
    return found is not None
