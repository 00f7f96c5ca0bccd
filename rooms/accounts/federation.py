"""Accounts that sign in elsewhere (OpenID Connect): found by issuer and subject, which never change, and not by mail or name."""

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
    """What a verified ID token says. `subject` is unique at its issuer."""

    issuer: str
    subject: str
    username: str = ""
    name: str = ""
    email: str = ""
    second_factor: bool = False
    """`amr` says that two factors were shown there (RFC 8176)."""


async def account_of(session: AsyncSession, identity: Identity) -> Account | None:
    """Whose it is, active or not."""
    return await session.scalar(
        select(Account).where(Account.issuer == identity.issuer, Account.subject == identity.subject)
    )


async def connect(session: AsyncSession, account: Account, identity: Identity, actor: Actor, now: datetime) -> None:
    """From now on this identity signs in to this account. Raises Refusal `identity_taken`."""
    owner = await account_of(session, identity)
    if owner is not None and owner.id != account.id:
        raise Refusal(
            "identity_taken", "Danh tính này đã nối với tài khoản khác.", "this identity belongs to another account"
        )
    account.issuer, account.subject = identity.issuer, identity.subject
    await audit.record(session, now, actor, "accounts.connect", "account", account.id, "", {"issuer": identity.issuer})


async def admit(session: AsyncSession, identity: Identity, unit_code: str, actor: Actor, now: datetime) -> Account:
    """An account, without roles, for somebody whom the issuer knows and we do not; `unit_code`: where he is put.

    Raises Refusal `account_unknown` when the settings name no such unit: then accounts are made by administrators only.
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
        "Danh tính này chưa có tài khoản ở đây. Hãy nhờ quản trị viên tạo tài khoản, rồi nối ở trang của đồng chí.",
        "this identity has no account here: ask an administrator for one, then connect it on your own page",
    )


async def _name(session: AsyncSession, wanted: str) -> str:
    name = _OTHER.sub("-", plain(wanted)).strip("-._@")[:50] or "nguoi-dung"
    taken = await session.scalar(select(Account.id).where(Account.name == name))
    return f"{name}-{new_id()[:8]}" if taken else name
