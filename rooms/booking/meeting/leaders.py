"""The people who lead a meeting: the chair, the secretary and the operator, and the deputies of the secretary and the operator.

A person who deputises for one of these people (`Actor.deputises`) leads the meeting too.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from rooms.policy.actors import Actor
from rooms.store.tables.meetings import Meeting
from rooms.store.tables.org import Person

SECRETARIES = (Meeting.secretary_id, Meeting.secretary_deputy_id)
OPERATORS = (Meeting.operator_id, Meeting.operator_deputy_id)
LEADERS = (Meeting.chair_id, *SECRETARIES, *OPERATORS)
Columns = Collection[InstrumentedAttribute[str | None]]


def people_of(meeting: Meeting, columns: Columns = LEADERS) -> dict[str, None]:
    """Return the people in these columns, each once, in the order of the columns."""
    return dict.fromkeys(id_ for one in columns if (id_ := getattr(meeting, one.key)))


async def contact_name(session: AsyncSession, meeting: Meeting) -> str | None:
    """Return the name of the person to call about the meeting: the secretary, or else the operator."""
    who = meeting.secretary_id or meeting.operator_id
    return await session.scalar(select(Person.name).where(Person.id == who)) if who else None


def persons_of(actor: Actor) -> frozenset[str]:
    """Return the actor's person, and the people for whom the actor deputises."""
    return frozenset({actor.person_id, *actor.deputises} - {""})


def leads(meeting: Meeting, actor: Actor) -> bool:
    return not persons_of(actor).isdisjoint(people_of(meeting))


def led_by(persons: Collection[str], columns: Columns = LEADERS) -> ColumnElement[bool]:
    """Return the condition for meetings with one of these people in one of these columns."""
    return or_(*(one.in_(persons) for one in columns))
