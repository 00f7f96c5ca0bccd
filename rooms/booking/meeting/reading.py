"""The right to read a meeting. It belongs to the host's desk, the people who made or lead the meeting, and its attendees. Every
user may read a public meeting.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.meeting import leaders
from rooms.errors import Refusal
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store.tables.meetings import Attendee, Meeting
from rooms.store.tables.org import Person, Unit

CHUNK = 500
"""Identifiers in one SQL statement; further ones go into the next. Chosen. More: longer statements. Above some 32,000 databases
refuse the statement (32,766 parameters). Fewer: more statements.
"""


async def readable(session: AsyncSession, actor: Actor, meeting_ids: Collection[str]) -> set[str]:
    """Return the meetings of `meeting_ids` that the actor may read."""
    wanted = list(dict.fromkeys(meeting_ids))
    if actor.kind in ("command", "system"):
        return set(wanted)
    found: set[str] = set()
    for place in range(0, len(wanted), CHUNK):
        found |= await _readable(session, actor, wanted[place : place + CHUNK])
    return found


async def belongs(session: AsyncSession, actor: Actor, meeting_id: str) -> bool:
    """Report whether the actor may read the meeting even if it is not public. Then the actor also sees attendees with their
    addresses and comments, and the letters.
    """
    return actor.kind in ("command", "system") or bool(await _readable(session, actor, [meeting_id], public=False))


async def require_belongs(session: AsyncSession, actor: Actor, meeting_id: str) -> None:
    """Raise `denied` if the actor does not belong to the meeting."""
    if not await belongs(session, actor, meeting_id):
        raise Refusal(
            "denied",
            "Thư mời và thành phần chỉ dành cho đơn vị chủ trì và người được mời.",
            "only the host and the invitees may see the letters and the list of invitees",
        )


async def _readable(session: AsyncSession, actor: Actor, wanted: list[str], public: bool = True) -> set[str]:
    rows = await session.execute(
        select(
            Meeting.id,
            Meeting.public,
            Meeting.created_by,
            *leaders.LEADERS,
            Unit.path,
        )
        .join(Unit, Unit.id == Meeting.host_unit_id)
        .where(Meeting.id.in_(wanted))
    )
    own = leaders.persons_of(actor)
    found = {
        id_
        for id_, open_, by, *people, path in rows
        if (public and open_)
        or (actor.kind in ("account", "client") and by == actor.id)
        or not own.isdisjoint(people)
        or roles.allows(actor, "meetings.read", path)
    }
    if len(found) < len(wanted):
        found |= await _invited(session, actor, wanted)
    return found


async def _invited(session: AsyncSession, actor: Actor, wanted: list[str]) -> set[str]:
    query = select(Attendee.meeting_id).where(Attendee.meeting_id.in_(wanted))
    if actor.kind == "link":
        return set(await session.scalars(query.where(Attendee.id == actor.id)))
    if not actor.person_id:
        return set()
    own = (actor.person_id, *actor.deputises)
    unit = select(Person.unit_id).where(Person.id == actor.person_id).scalar_subquery()
    mine = (
        Attendee.person_id.in_(own)
        | (Attendee.substitute_person_id.in_(own) & (Attendee.substitute_state == "agreed"))
        | (Attendee.unit_id == unit)
    )
    return set(await session.scalars(query.where(mine)))


async def meeting_of(session: AsyncSession, meeting_id: str, actor: Actor) -> tuple[Meeting, Unit]:
    """Return a meeting that the actor may read, with its host. Raise `unknown_meeting`, also if the meeting exists but the
    actor may not read it.
    """
    meeting = await session.get(Meeting, meeting_id)
    if meeting is None or not await readable(session, actor, [meeting_id]):
        raise unknown()
    unit = await session.get(Unit, meeting.host_unit_id)
    assert unit is not None
    return meeting, unit


async def locked(session: AsyncSession, meeting_id: str, actor: Actor) -> tuple[Meeting, Unit]:
    """Return the same as `meeting_of`, and lock the meeting until the end of this transaction."""
    await session.get(Meeting, meeting_id, with_for_update=True, populate_existing=True)
    return await meeting_of(session, meeting_id, actor)


def unknown() -> Refusal:
    return Refusal(
        "unknown_meeting", "Không tìm thấy cuộc họp. Hãy kiểm tra lại đường dẫn.", "no such meeting: check the link"
    )
