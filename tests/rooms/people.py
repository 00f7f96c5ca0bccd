"""Accounts for tests, with roles and sessions, without the time for hashing a password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import actors, signing
from rooms.identifiers import new_id
from rooms.policy.actors import Actor
from rooms.store.database import Database
from rooms.store.tables.accounts import Account, RoleGrant

LOCAL_COOKIE = "diemcau-local"
SECURE_COOKIE = "__Host-diemcau"


@dataclass
class SignedIn:
    """An account with a session. `cookies` fits both kinds of server. A request that changes something needs an Origin header
    too.
    """

    account_id: str
    actor: Actor
    secret: str

    @property
    def cookies(self) -> dict[str, str]:
        return {LOCAL_COOKIE: self.secret, SECURE_COOKIE: self.secret}


async def add_account(
    session: AsyncSession,
    name: str,
    person_id: str | None,
    roles: Mapping[str, str],
    now: datetime,
    password: str = "",
) -> Account:
    """Write an account. `roles`: the unit by role, held since yesterday. `password`: the hash of the password."""
    account = Account(id=new_id(), name=name, person_id=person_id, recovery=[], created_at=now, password=password)
    session.add(account)
    await session.flush()
    for role, unit_id in roles.items():
        session.add(
            RoleGrant(
                id=new_id(),
                account_id=account.id,
                role=role,
                unit_id=unit_id,
                starts_at=now - timedelta(days=1),
                granted_by="test",
            )
        )
    await session.flush()
    return account


async def signed_in(
    database: Database,
    role: str,
    unit_id: str,
    now: datetime,
    *,
    person_id: str | None = None,
    factors: int = 2,
    name: str = "",
) -> SignedIn:
    """Create an account with `role` in a unit, signed in with `factors` factors. Without `role` the account has no role."""

    async def work(session: AsyncSession) -> SignedIn:
        roles = {role: unit_id} if role else {}
        account = await add_account(session, name or f"{role or 'nobody'}-{new_id()[:8]}", person_id, roles, now)
        secret = await signing.start(session, account, now, factors=factors)
        actor = await actors.of_account(session, account, now, factors=factors)
        return SignedIn(account.id, actor, secret)

    return await database.transact(work)
