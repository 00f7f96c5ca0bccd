"""Accounts for tests, with roles, sessions and without the time that a password's hash takes."""

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
    """Somebody with a session. `cookies` for either kind of server; on changing requests an Origin has to be sent too."""

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
    """`roles`: unit by role, held since yesterday; `password`: its hash."""
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
    """A new account with `role` in a unit (none when empty), signed in by `factors`."""

    async def work(session: AsyncSession) -> SignedIn:
        roles = {role: unit_id} if role else {}
        account = await add_account(session, name or f"{role or 'nobody'}-{new_id()[:8]}", person_id, roles, now)
        secret = await signing.start(session, account, now, factors=factors)
        actor = await actors.of_account(session, account, now, factors=factors)
        return SignedIn(account.id, actor, secret)

    return await database.transact(work)
