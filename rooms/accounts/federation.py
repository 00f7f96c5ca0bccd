"""Accounts that sign in at another server (OpenID Connect).

An account is found by issuer and subject, which never change. It is not found by mail address or name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.org.names import cleaned, plain
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.accounts import Account
from rooms.store.tables.org import Person, Unit

_OTHER = re.compile(r"[^a-z0-9._@-]+")


@dataclass(frozen=True)
class Identity:
    """The content of a verified ID token. `subject` is unique at its issuer."""

    issuer: str
    subject: str
    username: str = ""
    name: str = ""
    email: str = ""
    second_factor: bool = False
    """True if `amr` (RFC 8176) names a method that proves more than a password."""


async def account_of(session: AsyncSession, identity: Identity) -> Account | None:
    """Return the account of an identity, active or not."""
    return await session.scalar(
        select(Account).where(Account.issuer == identity.issuer, Account.subject == identity.subject)
    )


async def connect(session: AsyncSession, account: Account, identity: Identity, actor: Actor, now: datetime) -> None:
    """Connect an identity with an account: the identity signs in to this account from now on. Raise Refusal `identity_taken`."""
    owner = await account_of(session, identity)
    if owner is not None and owner.id != account.id:
        raise Refusal(
            "identity_taken", "Danh tính này đã nối với tài khoản khác.", "this identity belongs to another account"
        )
    account.issuer, account.subject = identity.issuer, identity.subject
    await audit.record(session, now, actor, "accounts.connect", "account", account.id, "", {"issuer": identity.issuer})


async def admit(session: AsyncSession, identity: Identity, unit_code: str, actor: Actor, now: datetime) -> Account:
    """Create an account without roles for an identity that has no account here. `unit_code`: the unit of the new person.

    Raise Refusal `identity_unknown` if the settings name no such unit. In this case only administrators create accounts.
    """
    unit = await session.scalar(select(Unit).where(Unit.code == unit_code)) if unit_code else None
    if unit is None:
        raise not_known()
    name = cleaned(identity.name or identity.username)[:200] or "?"
    person = Person(
        id=new_id(),
        code=f"sso-{new_id()[:16]}",
        name=name,
        search_name=plain(name),
        email=identity.email[:254],
        unit_id=unit.id,
    )
    session.add(person)
    await session.flush()
    account = Account(
        id=new_id(),
        name=await _name(session, identity.username),
        person_id=person.id,
        recovery=[],
        issuer=identity.issuer,
        subject=identity.subject,
        created_at=now,
    )
    session.add(account)
    await session.flush()
    detail = {"name": account.name, "issuer": identity.issuer}
    await audit.record(session, now, actor, "accounts.create", "account", account.id, unit.id, detail)
    return account


def not_known() -> Refusal:
    return Refusal(
        "identity_unknown",
        "Danh tính này chưa có tài khoản ở đây. Hãy nhờ quản trị viên tạo tài khoản, rồi nối ở trang Tài khoản.",
        "this identity has no account here: ask an administrator for an account, then connect it on your own page",
    )


async def _name(session: AsyncSession, wanted: str) -> str:
    name = _OTHER.sub("-", plain(wanted)).strip("-._@")[:50] or "nguoi-dung"
    taken = await session.scalar(select(Account.id).where(Account.name == name))
    return f"{name}-{new_id()[:8]}" if taken else name
