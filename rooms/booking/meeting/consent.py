"""The units whose terminals the server may call into a meeting by itself, because they agreed or the system approved."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store.tables.booking import Step, Wanted
from rooms.store.tables.meetings import Attendee, Meeting
from rooms.store.tables.org import Person, Unit
from rooms.store.tables.sites import Hall, Site, Terminal


async def consented(session: AsyncSession, meeting: Meeting, unit_id: str) -> bool:
    """Report whether the server may call a terminal of this unit by itself. See `consenting`."""
    return unit_id in await consenting(session, meeting, {unit_id})


async def consenting(session: AsyncSession, meeting: Meeting, unit_ids: AbstractSet[str]) -> AbstractSet[str]:
    """Return the units of `unit_ids` whose terminals the server may call by itself.

    These are the host unit, and each unit that accepted the invitation. After an approval of the system, these are also
    the units that were invited then, and the owners of the booked things. A unit that was invited later must accept first,
    because its invitation needs no approval and its terminal answers by itself. A unit that declined does
    not agree.

    An answer that the host's desk entered for a unit does not count as the unit's consent. An answer of one of the unit's
    people does not count either.
    """
    if not unit_ids - {meeting.host_unit_id}:
        return unit_ids
    comes = select(Attendee.unit_id).where(
        Attendee.meeting_id == meeting.id,
        Attendee.unit_id.in_(unit_ids),
        Attendee.person_id.is_(None),
        Attendee.answer == "accepted",
        Attendee.answered_by.not_like("secretary:%"),
    )
    agreed = {meeting.host_unit_id, *(await session.scalars(comes))}
    said = select(Step.id).where(Step.meeting_id == meeting.id, Step.step == 2, Step.state == "approved").limit(1)
    if await session.scalar(said) is not None:
        agreed |= await _approved_units(session, meeting.id)
    return agreed & unit_ids


async def speaks_for(session: AsyncSession, action: str, unit: Unit, host: Unit, actor: Actor) -> bool:
    """Report whether the actor's word, under the right to `action`, counts as the word of the unit itself.

    A right that also covers the host is a right of the host's desk, unless the actor belongs to the unit.
    """
    if actor.kind in ("command", "system"):
        return True
    apart = (one for one in actor.roles if not host.path.startswith(one.unit_path))
    if roles.allows(replace(actor, roles=tuple(apart)), action, unit.path):
        return True
    home = select(Unit.path).join(Person, Person.unit_id == Unit.id).where(Person.id == actor.person_id)
    path = await session.scalar(home) if actor.person_id else None
    return path is not None and path.startswith(unit.path)


async def _approved_units(session: AsyncSession, meeting_id: str) -> set[str]:
    """Return the units that were invited at the approval, the owners of their sites, and the owners of the booked things."""
    invited = await session.execute(
        select(Attendee.unit_id, Site.unit_id)
        .outerjoin(Site, Site.id == Attendee.site_id)
        .where(Attendee.meeting_id == meeting_id, Attendee.agreed)
        .where(or_(Attendee.answer != "declined", Attendee.unit_id.is_(None)))
    )
    things = select(Wanted.resource_id).where(Wanted.meeting_id == meeting_id)
    owners = select(Site.unit_id).where(
        or_(
            Site.id.in_(select(Hall.site_id).where(Hall.id.in_(things))),
            Site.id.in_(select(Terminal.site_id).where(Terminal.id.in_(things))),
        )
    )
    return {one for row in invited for one in row if one} | set(await session.scalars(owners))
