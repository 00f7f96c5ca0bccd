"""Conversion of an account to an Actor: the person's name and post, and the roles that are in force now."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Date, String, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import roles
from rooms.policy.actors import Actor
from rooms.store.tables.accounts import Account
from rooms.store.tables.org import Holding, Person, Post, Unit

_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_PERSON, _TODAY = bindparam("person", type_=String), bindparam("today", type_=Date)
_TITLE = (
    select(Post.title)
    .join(Holding, Holding.post_id == Post.id)
    .where(Holding.person_id == _PERSON, Holding.valid_from <= _TODAY)
    .where(or_(Holding.valid_to.is_(None), Holding.valid_to > _TODAY))
    .order_by(Post.rank, Post.id)
    .limit(1)
)
_NAMED = select(Person.name, _TITLE.scalar_subquery()).where(Person.id == _PERSON)
"""These queries are built once, because every request runs them."""


async def of_account(
    session: AsyncSession,
    account: Account,
    now: datetime,
    *,
    factors: int = 1,
    address: str = "",
    approver_factor: bool = False,
) -> Actor:
    """Return the actor of this account. `approver_factor`: approvers need a second factor."""
    held, persons = await roles.held(session, account, now)
    name = await name_of(session, account, now)
    own = (account.id, account.person_id or "", name)
    return Actor("account", *own, held, persons, address, factors, approver_factor)


async def name_of(session: AsyncSession, account: Account, now: datetime) -> str:
    """Return post and name: "Chánh Văn phòng Nguyễn Văn A". For an account without a person, return the name of the account."""
    if account.person_id is None:
        return account.name
    found = (await session.execute(_NAMED, _asked(account.person_id, now))).first()
    return f"{found[1] or ''} {found[0]}".strip() if found else account.name


async def title_of(session: AsyncSession, person_id: str, now: datetime) -> str:
    """Return the title of the highest post that the person holds today. Empty: the person holds no post."""
    return await session.scalar(_TITLE, _asked(person_id, now)) or ""


def _asked(person_id: str, now: datetime) -> dict[str, object]:
    return {"person": person_id, "today": now.astimezone(_ZONE).date()}


async def home_of(session: AsyncSession, account: Account) -> tuple[Person | None, Unit | None]:
    """Return the person of an account, and the unit where the person works."""
    if account.person_id is None:
        return None, None
    found = (
        await session.execute(
            select(Person, Unit).join(Unit, Unit.id == Person.unit_id).where(Person.id == account.person_id)
        )
    ).first()
    return (found[0], found[1]) if found else (None, None)
