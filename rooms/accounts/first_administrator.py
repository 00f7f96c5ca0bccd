"""The first administrator of a new installation: an account and, in an empty database, a unit and a person for the account."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import roles, signing
from rooms.identifiers import new_id
from rooms.org import root_unit
from rooms.org.fields import today
from rooms.org.names import plain
from rooms.policy import roles as policy
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.accounts import Account, RoleGrant
from rooms.store.tables.org import Person, Unit

NAME = "quantri"


async def administered(session: AsyncSession, now: datetime) -> bool:
    """Report whether a root unit has an active administrator who can sign in."""
    return bool(
        await session.scalar(
            select(func.count())
            .select_from(RoleGrant)
            .join(Account, Account.id == RoleGrant.account_id)
            .join(Unit, Unit.id == RoleGrant.unit_id)
            .where(roles.in_force(now), RoleGrant.role == policy.ADMIN, Account.active, Unit.parent_id.is_(None))
            .where(or_(Account.password != "", Account.issuer.is_not(None)))
        )
    )


async def link(
    session: AsyncSession, actor: Actor, now: datetime, unit_name: str = "Cơ quan của tôi"
) -> tuple[str, str]:
    """Return (name, secret of a sign-in link) of the administrator `quantri`. Create the administrator if it does not exist.

    Only commands on the server itself use this function: `dev`, and `diemcau user link`.
    """
    account = await session.scalar(select(Account).where(Account.name == NAME))
    root = await _root(session, now, unit_name)
    if account is None:
        person = Person(
            id=new_id(),
            code="quantri",
            name="Quản trị hệ thống",
            search_name=plain("Quản trị hệ thống"),
            unit_id=root.id,
        )
        account = Account(id=new_id(), name=NAME, person_id=person.id, recovery=[], created_at=now)
        session.add(person)
        await session.flush()
        session.add(account)
        await session.flush()
        await audit.record(session, now, actor, "accounts.create", "account", account.id, root.id, {"name": NAME})
    held, _ = await roles.held(session, account, now)
    if not any(role.role == policy.ADMIN and role.unit_path == root.path for role in held):
        await roles.grant(session, account, policy.ADMIN, root.id, actor, now)
    account.active = True
    secret, _ = await signing.new_link(session, account, actor, now)
    return account.name, secret


async def _root(session: AsyncSession, now: datetime, name: str) -> Unit:
    root = await root_unit.root(session) or await session.scalar(
        select(Unit).where(Unit.parent_id.is_(None)).order_by(Unit.tier, Unit.position, Unit.code).limit(1)
    )
    if root is not None:
        return root
    made = new_id()
    root = Unit(
        id=made,
        code="goc",
        name=name,
        search_name=plain(name),
        kind="office",
        tier=1,
        block="government",
        parent_id=None,
        path=f"/{made}/",
        valid_from=today(now),
    )
    session.add(root)
    await session.flush()
    return root
