"""Administration of accounts: lists and changes. Each operation asks `rooms.policy`, and each change writes an audit row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import roles, second_factor, signing
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.org.names import plain
from rooms.policy import roles as policy
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.accounts import Account, RoleGrant, SignIn
from rooms.store.tables.org import Person, Unit

NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
LANGUAGES = ("vi", "en")


@dataclass(frozen=True)
class Seen:
    """An account with the data that a list shows about it."""

    account: Account
    person: Person | None
    unit: Unit | None
    grants: tuple[tuple[RoleGrant, Unit], ...] = ()
    last_seen_at: datetime | None = None


async def create(
    session: AsyncSession, name: str, person_id: str, actor: Actor, now: datetime, language: str = "vi"
) -> Account:
    """Create an account without a password and without roles.

    Raise Refusal `denied`, `name_wrong`, `name_taken`, `person_unknown`, `account_present`.
    """
    person, unit = await _person(session, person_id)
    policy.require(actor, "accounts.write", unit.path)
    name = await _free_name(session, name)
    if await session.scalar(select(Account.id).where(Account.person_id == person.id)):
        raise Refusal("account_present", "Người này đã có tài khoản.", "this person already has an account")
    account = Account(id=new_id(), name=name, person_id=person.id, recovery=[], created_at=now, language=language)
    session.add(account)
    await session.flush()
    await audit.record(session, now, actor, "accounts.create", "account", account.id, unit.id, {"name": name})
    return account


async def change(
    session: AsyncSession,
    account_id: str,
    actor: Actor,
    now: datetime,
    changes: dict[str, Any],
    expected_version: int | None = None,
) -> Account:
    """Change an account. `changes`: any of name, active, language.

    Raise Refusal `account_unknown`, `denied`, `version_old`, `name_wrong`, `name_taken`, `last_admin`.
    """
    account = await found(session, account_id)
    unit_id = await roles.require_over(session, account, "accounts.write", actor, now)
    if expected_version is not None and account.version != expected_version:
        raise Refusal(
            "version_old",
            "Tài khoản vừa được người khác sửa. Hãy tải lại.",
            "another user has changed this account: load it again",
        )
    if changes.get("name", account.name) != account.name:
        account.name = await _free_name(session, changes["name"])
    if changes.get("language") in LANGUAGES:
        account.language = changes["language"]
    if changes.get("active", account.active) != account.active:
        await _switch(session, account, changes["active"], now)
    account.version += 1
    await session.flush()
    await audit.record(session, now, actor, "accounts.change", "account", account.id, unit_id, dict(changes))
    return account


async def found(session: AsyncSession, account_id: str) -> Account:
    """Return the account. Raise Refusal `account_unknown`."""
    account = await session.get(Account, account_id)
    if account is None:
        raise roles.unknown()
    return account


async def link(session: AsyncSession, account_id: str, actor: Actor, now: datetime) -> tuple[str, datetime]:
    """Return (secret, end) of a sign-in link, for a new account or a forgotten password.

    Raise Refusal `account_unknown`, `denied`, `account_off`.
    """
    account = await found(session, account_id)
    await roles.require_over(session, account, "accounts.write", actor, now)
    if not account.active:
        raise Refusal(
            "account_off", "Tài khoản đang bị khóa. Hãy mở khóa trước.", "the account is disabled: enable it first"
        )
    return await signing.new_link(session, account, actor, now)


async def sign_out(session: AsyncSession, account_id: str, actor: Actor, now: datetime) -> None:
    """End all sessions of the account at once. Raise Refusal `account_unknown`, `denied`."""
    account = await found(session, account_id)
    unit_id = await roles.require_over(session, account, "accounts.write", actor, now)
    await signing.end_all(session, account.id)
    await audit.record(session, now, actor, "accounts.sign_out", "account", account.id, unit_id)


async def reset_second_factor(session: AsyncSession, account_id: str, actor: Actor, now: datetime) -> None:
    """Remove the second factor because the user lost the telephone. Raise Refusal `account_unknown`, `denied`."""
    account = await found(session, account_id)
    await roles.require_over(session, account, "accounts.write", actor, now)
    await second_factor.remove(session, account, actor, now)
    await signing.end_all(session, account.id)


async def view(session: AsyncSession, account_id: str, actor: Actor, now: datetime) -> Seen:
    """Return one account. Raise Refusal `account_unknown`, also for an account in a unit that the actor does not administer."""
    account = await found(session, account_id)
    await roles.require_over(session, account, "accounts.read", actor, now)
    return (await _seen(session, [account], now))[0]


async def listed(
    session: AsyncSession, actor: Actor, now: datetime, search: str = "", after: str = "", limit: int = 50
) -> list[Seen]:
    """Return the accounts of the units that the actor administers, by name. `after`: the last name of the previous page."""
    wanted = _within(
        select(Account).outerjoin(Person, Person.id == Account.person_id).outerjoin(Unit, Unit.id == Person.unit_id),
        actor,
    )
    if search:
        text = plain(search)
        wanted = wanted.where(
            or_(Account.name.contains(text, autoescape=True), Person.search_name.contains(text, autoescape=True))
        )
    rows = await session.scalars(wanted.where(Account.name > after).order_by(Account.name).limit(limit))
    return await _seen(session, rows.all(), now)


def _within(wanted: Select[Account], actor: Actor) -> Select[Account]:
    scopes = policy.scopes(actor, "accounts.read")
    if scopes is None:
        return wanted
    return wanted.where(or_(Account.id.is_(None), *(Unit.path.startswith(one, autoescape=True) for one in scopes)))


async def _seen(session: AsyncSession, accounts: Sequence[Account], now: datetime) -> list[Seen]:
    ids = [one.id for one in accounts]
    people = await session.execute(
        select(Person, Unit)
        .join(Unit, Unit.id == Person.unit_id)
        .where(Person.id.in_([a.person_id for a in accounts if a.person_id]))
    )
    homes = {person.id: (person, unit) for person, unit in people}
    grants = await roles.grants_of(session, ids, now)
    last = dict(
        (
            await session.execute(
                select(SignIn.account_id, func.max(SignIn.seen_at))
                .where(SignIn.account_id.in_(ids))
                .group_by(SignIn.account_id)
            )
        ).all()
    )
    seen = []
    for one in accounts:
        person, unit = homes.get(one.person_id or "", (None, None))
        own = tuple(pair for pair in grants if pair[0].account_id == one.id)
        seen.append(Seen(one, person, unit, own, last.get(one.id)))
    return seen


async def _person(session: AsyncSession, person_id: str) -> tuple[Person, Unit]:
    row = (
        await session.execute(select(Person, Unit).join(Unit, Unit.id == Person.unit_id).where(Person.id == person_id))
    ).first()
    if row is None:
        raise Refusal("person_unknown", "Không có người này.", "there is no such person")
    return row[0], row[1]


async def _free_name(session: AsyncSession, name: str) -> str:
    name = name.strip().lower()
    if not NAME.fullmatch(name):
        raise Refusal(
            "name_wrong",
            "Tên đăng nhập chỉ gồm chữ không dấu, số và các dấu . _ @ - (nhiều nhất 64 ký tự).",
            "use letters without diacritics, digits and . _ @ -, at most 64 characters",
        )
    if await session.scalar(select(Account.id).where(Account.name == name)):
        raise Refusal(
            "name_taken", "Tên đăng nhập này đã có người dùng.", "this name is already in use: choose another"
        )
    return name


async def _switch(session: AsyncSession, account: Account, active: bool, now: datetime) -> None:
    governs = await session.scalar(
        select(func.count())
        .select_from(RoleGrant)
        .join(Unit, Unit.id == RoleGrant.unit_id)
        .where(
            RoleGrant.account_id == account.id,
            RoleGrant.role == policy.ADMIN,
            Unit.parent_id.is_(None),
            roles.in_force(now),
        )
    )
    account.active = active
    await session.flush()
    if not active:
        await signing.end_all(session, account.id)
        if governs:
            await roles.keep_one_admin(session, now)
