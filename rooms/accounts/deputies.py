"""Deputies: which person acts for which person between two instants. A deputy cannot pass the deputyship on to another person."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.accounts import roles
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.org import people, refusals, units
from rooms.org.names import cleaned
from rooms.policy.actors import Actor
from rooms.policy.roles import require
from rooms.store import audit
from rooms.store.tables.org import Deputy, Person, Unit


async def grant(
    session: AsyncSession,
    person_id: str,
    deputy_id: str,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Deputy:
    """Make `deputy_id` the deputy of `person_id` between the two instants.

    The deputy gets the working roles that the person holds now. The person may appoint a deputy without any role. Raise Refusal
    `deputy_of_himself`, `own_deputy`, `deputy_dates`, `deputy_exists`, `denied`.
    """
    person, _ = await people.get(session, person_id), await people.get(session, deputy_id)
    await _require(session, person, actor)
    await roles.require_passing_on(session, person_id, deputy_id, actor, now)
    if person_id == deputy_id:
        raise Refusal("deputy_of_himself", "Không thể ủy quyền cho chính mình.", "a person cannot be their own deputy")
    if not starts_at < ends_at or ends_at <= now or ends_at - starts_at > timedelta(days=limits.DEPUTY_DAYS):
        raise Refusal(
            "deputy_dates",
            f"Thời gian ủy quyền phải kết thúc sau lúc này và không quá {limits.DEPUTY_DAYS} ngày.",
            f"the period must end in the future and last at most {limits.DEPUTY_DAYS} days",
        )
    same = select(Deputy).where(
        Deputy.person_id == person_id,
        Deputy.deputy_id == deputy_id,
        Deputy.revoked_at.is_(None),
        Deputy.starts_at < ends_at,
        Deputy.ends_at > starts_at,
    )
    if (await session.scalars(same)).first() is not None:
        raise Refusal(
            "deputy_exists",
            "Người này đã được ủy quyền trong thời gian đó.",
            "this person is already the deputy in that period",
        )
    made = Deputy(
        id=new_id(),
        person_id=person_id,
        deputy_id=deputy_id,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=cleaned(reason[:1200])[:300],
        granted_by=actor.id[:32],
    )
    session.add(made)
    await session.flush()
    await roles.freeze(session, made, now)
    detail = {"person": person_id, "deputy": deputy_id, "from": starts_at.isoformat(), "to": ends_at.isoformat()}
    await audit.record(session, now, actor, "deputy.grant", "deputy", made.id, person.unit_id, detail)
    return made


async def revoke(session: AsyncSession, grant_id: str, actor: Actor, now: datetime) -> Deputy:
    """End a deputyship now. A second call changes nothing."""
    found = await session.get(Deputy, grant_id)
    if found is None:
        raise refusals.unknown("deputy")
    person = await people.get(session, found.person_id)
    await _require(session, person, actor)
    if found.revoked_at is None:
        found.revoked_at = now
        await session.flush()
        await audit.record(session, now, actor, "deputy.revoke", "deputy", found.id, person.unit_id)
    return found


async def search(
    session: AsyncSession, person_id: str | None = None, below: str = "", limit: int = limits.FOUND
) -> list[Deputy]:
    """Return the deputyships in which the person is the represented person or the deputy, the latest first. `below`: a part of
    the tree.
    """
    wanted = (
        select(Deputy)
        .join(Person, Person.id == Deputy.person_id)
        .join(Unit, Unit.id == Person.unit_id)
        .where(Unit.path.startswith(below, autoescape=True))
    )
    if person_id is not None:
        wanted = wanted.where(or_(Deputy.person_id == person_id, Deputy.deputy_id == person_id))
    return list(await session.scalars(wanted.order_by(Deputy.starts_at.desc(), Deputy.id).limit(limit)))


def in_force(at: datetime) -> ColumnElement[bool]:
    """Return the SQL condition: the deputyship has begun, has not ended, and is not revoked."""
    return and_(Deputy.starts_at <= at, Deputy.ends_at > at, or_(Deputy.revoked_at.is_(None), Deputy.revoked_at > at))


async def _require(session: AsyncSession, person: Person, actor: Actor) -> None:
    if not (actor.kind == "account" and actor.person_id and actor.person_id == person.id):
        require(actor, "deputies.write", (await units.get(session, person.unit_id)).path)
