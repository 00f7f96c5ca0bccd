"""The page "My meetings": the dates that the user attends, leads or manages as desk, and whether the user may enter now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.meeting import leaders
from rooms.errors import Refusal
from rooms.meetings import entry
from rooms.org.fields import midnight, today
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.policy.classes import Way
from rooms.store.tables.booking import Reservation
from rooms.store.tables.meetings import Attendee, DateAnswer, Meeting, Occurrence
from rooms.store.tables.org import Person, Unit
from rooms.store.tables.sites import Hall

SHOWN = ("held", "asked", "approved", "cancelled")
WAY: Way = "browser"
ROLES: Final[Mapping[str, leaders.Columns]] = {
    "chair": (Meeting.chair_id,),
    "secretary": leaders.SECRETARIES,
    "operator": leaders.OPERATORS,
}
"""The roles of the people who lead a meeting. A deputy has the role of the represented person."""


@dataclass(frozen=True)
class OwnDate:
    """A date of the user's list.

    - `role`: the user's role as attendee, otherwise as chair, secretary or operator. Empty: the user booked the meeting, or the
      user's desk manages it.
    - `attendee_id`: the attendee row of the user.
    - `may_answer`: the user may give the answer.
    - `answer`: the answer that counts for this date.
    - `answered_alone`: the answer was given for this date, and not for the whole `series`.
    - `why_not`: the code of the refusal, if the user may not enter.
    """

    occurrence_id: str
    meeting_id: str
    title: str
    class_: str
    state: str
    meeting_state: str
    starts_at: datetime
    ends_at: datetime
    opens_at: datetime
    host_unit_name: str
    role: str
    answer: str
    answered_alone: bool
    series: bool
    attendee_id: str
    may_answer: bool
    place: str
    can_enter: bool
    why_not: str
    entry_muted: bool = False


async def dates(
    session: AsyncSession,
    actor: Actor,
    now: datetime,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> list[OwnDate]:
    """Return the dates from the beginning of today (or from `starts_at`), for at most `OWN_DATES_DAYS`, the earliest first.

    Raise Refusal `bad_span`.
    """
    first = starts_at or midnight(today(now))
    last = ends_at or first + timedelta(days=limits.OWN_DATES_DAYS)
    if not first < last <= first + timedelta(days=limits.OWN_DATES_DAYS):
        raise Refusal(
            "bad_span", f"Xem nhiều nhất {limits.OWN_DATES_DAYS} ngày.", f"choose at most {limits.OWN_DATES_DAYS} days"
        )
    unit_id = await session.scalar(select(Person.unit_id).where(Person.id == actor.person_id))
    rows = (await session.execute(_query(actor, unit_id, first, last))).all()
    invited = await _invited(session, actor, {meeting.id for _, meeting, _ in rows})
    places = await _places(session, [date.id for date, _, _ in rows])
    alone = await _alone(session, [one.id for one in invited.values()])
    headed = await entry.headed(session, actor, now)
    home = await session.scalar(select(Unit.path).where(Unit.id == unit_id))
    speaks_for = headed | ({unit_id} if unit_id and home and roles.allows(actor, "meetings.answers", home) else set())
    found = [
        _own_date(date, meeting, unit, invited.get(meeting.id), alone, places.get(date.id, ""), actor, headed, now)
        for date, meeting, unit in rows
    ]
    rehearsals = {meeting.id for _, meeting, _ in rows if meeting.rehearses_id is not None}
    return [_answerable(one, invited, rehearsals, actor, speaks_for) for one in found]


def _answerable(
    one: OwnDate, invited: Mapping[str, Attendee], rehearsals: set[str], actor: Actor, speaks_for: set[str]
) -> OwnDate:
    """Say whether the user may answer. An answer to a meeting also counts for its rehearsal, which asks for none."""
    if one.meeting_id in rehearsals:
        return replace(one, answer="")
    return replace(one, may_answer=_answers(invited.get(one.meeting_id), actor, speaks_for))


def _answers(attendee: Attendee | None, actor: Actor, speaks_for: set[str]) -> bool:
    """Report whether the user may give the answer: as the attendee, or for a unit that the user leads or serves as desk."""
    if attendee is None:
        return False
    own = {actor.person_id, *actor.deputises} - {""}
    return attendee.person_id in own or attendee.unit_id in speaks_for


def _query(actor: Actor, unit_id: str | None, first: datetime, last: datetime) -> Any:
    own = [one for one in (actor.person_id, *actor.deputises) if one]
    named = select(Attendee.meeting_id).where(
        or_(
            Attendee.person_id.in_(own),
            Attendee.substitute_person_id.in_(own) & (Attendee.substitute_state == "agreed"),
            (Attendee.unit_id == (unit_id or "-")) & Attendee.person_id.is_(None),
        )
    )
    mine: list[ColumnElement[bool]] = [Meeting.id.in_(named), leaders.led_by(own)]
    if actor.id:
        mine.append(Meeting.created_by == actor.id)
    desks = [one.unit_id for one in actor.roles if one.role == roles.SECRETARY]
    mine.append(Meeting.host_unit_id.in_(desks))
    return (
        select(Occurrence, Meeting, Unit)
        .join(Meeting, Meeting.id == Occurrence.meeting_id)
        .join(Unit, Unit.id == Meeting.host_unit_id)
        .where(or_(*mine), Meeting.state.in_(SHOWN), Occurrence.ends_at > first, Occurrence.starts_at < last)
        .order_by(Occurrence.starts_at, Occurrence.id)
        .limit(limits.MINE_DATES)
    )


async def _invited(session: AsyncSession, actor: Actor, meeting_ids: set[str]) -> dict[str, Attendee]:
    """Return the best attendee row of the user, by meeting (`entry.fit`). First comes a row of the user, or of a person whose
    deputy the user is. Then comes a row with the user as substitute, then a row of the user's unit.
    """
    own = {actor.person_id, *actor.deputises} - {""}
    unit_id = await session.scalar(select(Person.unit_id).where(Person.id == actor.person_id))
    rows = await session.scalars(
        select(Attendee)
        .where(Attendee.meeting_id.in_(meeting_ids))
        .where(
            or_(
                Attendee.person_id.in_(own),
                Attendee.substitute_person_id.in_(own),
                Attendee.unit_id == (unit_id or "-"),
            )
        )
        .order_by(Attendee.id)
    )
    best: dict[str, tuple[int, Attendee]] = {}
    for one in rows:
        rank = entry.fit(one, own, unit_id)
        if rank and rank < best.get(one.meeting_id, (9, one))[0]:
            best[one.meeting_id] = (rank, one)
    return {meeting_id: one for meeting_id, (_, one) in best.items()}


async def _places(session: AsyncSession, occurrence_ids: list[str]) -> dict[str, str]:
    rows = await session.execute(
        select(Reservation.occurrence_id, Hall.name)
        .join(Hall, Hall.id == Reservation.resource_id)
        .where(Reservation.occurrence_id.in_(occurrence_ids), Reservation.kind == "hall", Reservation.active)
        .where(~Reservation.guest)
        .order_by(Hall.name)
    )
    found: dict[str, str] = {}
    for occurrence_id, name in rows:
        found[occurrence_id] = f"{found[occurrence_id]}; {name}" if occurrence_id in found else name
    return found


async def _alone(session: AsyncSession, attendee_ids: list[str]) -> dict[tuple[str, str], str]:
    """Return, by date and attendee, the answers for single dates at their present time."""
    rows = await session.execute(
        select(DateAnswer.occurrence_id, DateAnswer.attendee_id, DateAnswer.answer)
        .join(Occurrence, Occurrence.id == DateAnswer.occurrence_id)
        .where(DateAnswer.attendee_id.in_(attendee_ids), Occurrence.starts_at == DateAnswer.starts_at)
        .limit(limits.DATE_ANSWERS)
    )
    return {(date_id, attendee_id): answer for date_id, attendee_id, answer in rows}


def _own_date(
    date: Occurrence,
    meeting: Meeting,
    unit: Unit,
    attendee: Attendee | None,
    alone: dict[tuple[str, str], str],
    place: str,
    actor: Actor,
    headed: set[str],
    now: datetime,
) -> OwnDate:
    own = {actor.person_id, *actor.deputises} - {""}
    host = (
        leaders.leads(meeting, actor)
        or roles.allows(actor, "meetings.edit", unit.path)
        or entry.leads(attendee, actor, headed)
    )
    door = entry.Entry(meeting, date, unit.name, WAY, "", "", host, attendee is not None)
    refusal = door.refusal(now) if host or attendee is not None else entry.not_invited()
    answered = alone.get((date.id, attendee.id)) if attendee is not None else None
    return OwnDate(
        occurrence_id=date.id,
        meeting_id=meeting.id,
        title=meeting.title,
        class_=meeting.class_,
        state=date.state,
        meeting_state=meeting.state,
        starts_at=date.starts_at,
        ends_at=date.ends_at,
        opens_at=door.opens_at,
        host_unit_name=unit.name,
        role=attendee.role if attendee else next((name for name in ROLES if _leads(meeting, name, own)), ""),
        answer=answered or (attendee.answer if attendee else ""),
        answered_alone=answered is not None,
        series=bool(meeting.rule),
        attendee_id=attendee.id if attendee else "",
        may_answer=False,
        place=place,
        can_enter=refusal is None,
        why_not=refusal.code if refusal else "",
        entry_muted=meeting.entry_muted and not host,
    )


def _leads(meeting: Meeting, name: str, own: set[str]) -> bool:
    return not own.isdisjoint(leaders.people_of(meeting, ROLES[name]))
