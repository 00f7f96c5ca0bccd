"""The roles that are in force now: the roles granted to an account, and the working roles that a deputy gets from other
persons.

A deputyship passes on a role that its person held when the deputyship was granted (`DeputyRole`) and still holds. It does not
pass on a role that was granted later, except when this grant continues a passed role without a gap.

This module owns the grants. An administrator of the unit, or of a unit above it, grants a role there. The account must belong
to a person in the administrator's units. An administrator cannot grant a role that exceeds the administrator's own rights. The
last administrator of a root unit cannot be removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import limits
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.org import root_unit
from rooms.policy import roles as policy
from rooms.policy.actors import Actor, Role
from rooms.store import audit, locks
from rooms.store.tables.accounts import Account, DeputyRole, RoleGrant
from rooms.store.tables.columns import Utc
from rooms.store.tables.org import Deputy, Person, Unit

DEPUTISED = (policy.REQUESTER, policy.SECRETARY, policy.APPROVER)
"""The roles that a deputy gets. Operators, administrators and auditors each need a grant of their own, with its own dates."""


def in_force(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Return the SQL condition: the RoleGrant is in force."""
    return and_(RoleGrant.starts_at <= now, or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > now))


_NOW = bindparam("now", type_=Utc)
_DEPUTISED = (
    select(Deputy.id, Deputy.person_id)
    .where(Deputy.deputy_id == bindparam("person"), Deputy.revoked_at.is_(None))
    .where(Deputy.starts_at <= _NOW, Deputy.ends_at > _NOW)
    .order_by(Deputy.person_id)
    .limit(limits.DEPUTISED)
)
_FROZEN = select(DeputyRole.grant_id).where(DeputyRole.deputy_id.in_(bindparam("deputyships", expanding=True)))
_PASSED = and_(
    Account.person_id.in_(bindparam("persons", expanding=True)),
    RoleGrant.role.in_(DEPUTISED),
    RoleGrant.id.in_(_FROZEN),
)
_HELD = (
    select(RoleGrant.role, Unit.id, Unit.path, Account.id, Account.person_id)
    .join(Unit, Unit.id == RoleGrant.unit_id)
    .join(Account, Account.id == RoleGrant.account_id)
    .where(in_force(_NOW), Account.active)
    .where(or_(RoleGrant.account_id == bindparam("account"), _PASSED))
)
"""These queries are built once, because every request runs them."""


async def deputised(session: AsyncSession, person_id: str, now: datetime) -> dict[str, str]:
    """Return the deputyships of this person that are in force, each with the represented person. The deputy of a deputy does
    not count.
    """
    found = await session.execute(_DEPUTISED, {"person": person_id, "now": now})
    return {one.id: one.person_id for one in found}


async def freeze(session: AsyncSession, deputyship: Deputy, now: datetime) -> None:
    """Store which roles this new deputyship passes on: the working roles that its person holds now."""
    held_now = await session.scalars(
        select(RoleGrant)
        .join(Account, Account.id == RoleGrant.account_id)
        .where(Account.person_id == deputyship.person_id, RoleGrant.role.in_(DEPUTISED), in_force(now))
    )
    grants = held_now.all()
    session.add_all([DeputyRole(deputy_id=deputyship.id, grant_id=one.id) for one in grants])
    await session.flush()
    for one in grants:
        await _pass_on(session, one, now)


async def passing(
    session: AsyncSession, deputyships: Sequence[str], now: datetime
) -> dict[str, list[tuple[str, Unit]]]:
    """Return, by deputyship, each (role, unit) that it passes on and that its person still holds."""
    found = await session.execute(
        select(DeputyRole.deputy_id, RoleGrant.role, Unit)
        .join(RoleGrant, RoleGrant.id == DeputyRole.grant_id)
        .join(Account, Account.id == RoleGrant.account_id)
        .join(Deputy, and_(Deputy.id == DeputyRole.deputy_id, Deputy.person_id == Account.person_id))
        .join(Unit, Unit.id == RoleGrant.unit_id)
        .where(DeputyRole.deputy_id.in_(deputyships), RoleGrant.role.in_(DEPUTISED), in_force(now), Account.active)
        .order_by(Unit.path, RoleGrant.role)
    )
    passed: dict[str, list[tuple[str, Unit]]] = {}
    for deputyship, role, unit in found:
        rows = passed.setdefault(deputyship, [])
        if (role, unit) not in rows:  # two grants of one role overlap
            rows.append((role, unit))
    return passed


async def held(session: AsyncSession, account: Account, now: datetime) -> tuple[tuple[Role, ...], tuple[str, ...]]:
    """Return (roles in force now, persons whom this account's person represents as a deputy)."""
    standing_in = await deputised(session, account.person_id, now) if account.person_id else {}
    persons = tuple(dict.fromkeys(standing_in.values()))
    asked = {"account": account.id, "persons": persons, "deputyships": tuple(standing_in), "now": now}
    found = await session.execute(_HELD, asked)
    roles = {
        Role(role, unit_id, path, "" if holder == account.id else person or "")
        for role, unit_id, path, holder, person in found
    }
    ordered = sorted(roles, key=lambda one: (one.for_person, one.unit_path, one.role))
    return await root_unit.held_there(session, ordered), persons


async def grants_of(session: AsyncSession, account_ids: Sequence[str], now: datetime) -> list[tuple[RoleGrant, Unit]]:
    """Return the grants that are in force now or later, the oldest first."""
    found = await session.execute(
        select(RoleGrant, Unit)
        .join(Unit, Unit.id == RoleGrant.unit_id)
        .where(RoleGrant.account_id.in_(account_ids), or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > now))
        .order_by(RoleGrant.starts_at, RoleGrant.id)
    )
    return [(grant, unit) for grant, unit in found]


async def require_over(session: AsyncSession, account: Account, action: str, actor: Actor, now: datetime) -> str:
    """Check that `actor` may do `action` to this account. Return the id of the unit of its person.

    The actor needs the right in that unit and in each unit where the account has a role. Control of an account gives its
    roles. Raise Refusal `account_unknown`, `denied`, `second_factor_needed`.
    """
    unit = await _home(session, account)
    path = unit.path if unit else "/"
    if not policy.allows(actor, "accounts.read", path):
        raise unknown()
    policy.require(actor, action, path)
    if action not in policy.READS:
        for _, place in await grants_of(session, [account.id], now):
            policy.require(actor, action, place.path)
        for role in (await held(session, account, now))[0]:
            policy.require(actor, action, role.unit_path)
    return unit.id if unit else ""


def unknown() -> Refusal:
    return Refusal("account_unknown", "Không có tài khoản này.", "there is no such account")


async def grant(
    session: AsyncSession,
    account: Account,
    role: str,
    unit_id: str,
    actor: Actor,
    now: datetime,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> RoleGrant:
    """Give `account` a role. Raise Refusal `denied`, `unit_unknown`, `role_unknown`, `dates_wrong`, `role_held`, `too_many`."""
    if role not in policy.ALL:
        raise Refusal("role_unknown", "Không có vai trò này.", f"no such role; the roles are {', '.join(policy.ALL)}")
    await _require_account(session, account, actor)
    unit = await session.get(Unit, unit_id)
    if unit is None:
        raise Refusal("unit_unknown", "Không có đơn vị này.", "there is no such unit")
    policy.require(actor, "accounts.write", unit.path)
    starts_at = starts_at or now
    if ends_at is not None and (ends_at <= starts_at or ends_at <= now):
        raise Refusal(
            "dates_wrong",
            "Ngày hết hạn phải sau ngày bắt đầu và sau bây giờ.",
            "the role must end after its start, and in the future",
        )
    await _check_room(session, account, role, unit_id, now)
    row = RoleGrant(
        id=new_id(),
        account_id=account.id,
        role=role,
        unit_id=unit_id,
        starts_at=starts_at,
        ends_at=ends_at,
        granted_by=actor.id,
    )
    session.add(row)
    await session.flush()
    await _pass_on(session, row, now)
    detail = {"role": role, "starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat() if ends_at else None}
    await audit.record(session, now, actor, "accounts.grant", "account", account.id, unit_id, detail)
    return row


async def revoke(session: AsyncSession, account: Account, grant_id: str, actor: Actor, now: datetime) -> None:
    """End a role now. Raise Refusal `denied`, `grant_unknown`, `last_admin`."""
    await _require_account(session, account, actor)
    row = await session.get(RoleGrant, grant_id)
    if row is None or row.account_id != account.id or (row.ends_at is not None and row.ends_at <= now):
        raise Refusal("grant_unknown", "Tài khoản không còn vai trò này.", "the account no longer has this role")
    unit = await session.get_one(Unit, row.unit_id)
    policy.require(actor, "accounts.write", unit.path)
    if row.starts_at > now:
        await session.delete(row)
    else:
        row.ends_at = now
    await session.flush()
    await _pass_on(session, row, now, ended=True)
    if row.role == policy.ADMIN and unit.parent_id is None:
        await keep_one_admin(session, now)
    await audit.record(session, now, actor, "accounts.revoke", "account", account.id, unit.id, {"role": row.role})


async def require_passing_on(
    session: AsyncSession, person_id: str, deputy_id: str, actor: Actor, now: datetime
) -> None:
    """Check that `actor` may appoint this deputy, because the deputy gets the working roles of the represented person.

    The represented person may appoint any deputy. Another actor may not become the deputy, and needs the right to name deputies
    in each unit of these roles. Raise Refusal `own_deputy`, `denied`.
    """
    if actor.kind in ("command", "system") or actor.person_id == person_id:
        return
    if actor.person_id == deputy_id:
        raise Refusal(
            "own_deputy",
            "Không thể tự cử mình làm người thay. Hãy để người được thay hoặc người khác ghi việc này.",
            "you cannot make yourself a deputy: the person you represent or another user must do this",
        )
    accounts = (await session.scalars(select(Account.id).where(Account.person_id == person_id))).all()
    for row, unit in await grants_of(session, accounts, now):
        if row.role in DEPUTISED:
            policy.require(actor, "deputies.write", unit.path)


async def keep_one_admin(session: AsyncSession, now: datetime) -> None:
    """Check, after a change and before its commit, that an administrator of a root unit remains. Raise Refusal `last_admin`."""
    await locks.take(session, locks.Lock.ADMINS)
    left = await session.scalar(
        select(func.count())
        .select_from(RoleGrant)
        .join(Account, Account.id == RoleGrant.account_id)
        .join(Unit, Unit.id == RoleGrant.unit_id)
        .where(in_force(now), RoleGrant.role == policy.ADMIN, Account.active, Unit.parent_id.is_(None))
    )
    if not left:
        raise Refusal(
            "last_admin",
            "Đây là quản trị viên cuối cùng. Hãy cấp quyền quản trị cho người khác trước.",
            "this is the last administrator: make another user an administrator first",
        )


async def _pass_on(session: AsyncSession, changed: RoleGrant, now: datetime, ended: bool = False) -> None:
    """Update the `DeputyRole` rows after a change of one grant.

    A deputyship that passes this role on now continues to pass it while the person holds the role without a gap. `ended`: a
    grant was revoked, so grants after the gap no longer pass.
    """
    found = await session.scalars(
        select(RoleGrant)
        .where(RoleGrant.account_id == changed.account_id, RoleGrant.unit_id == changed.unit_id)
        .where(RoleGrant.role == changed.role, or_(RoleGrant.ends_at.is_(None), RoleGrant.ends_at > now))
        .order_by(RoleGrant.starts_at)
    )
    rows = found.all()
    unbroken = _unbroken(rows, now)
    counting = [one.id for one in unbroken if one.starts_at <= now]
    links = await session.execute(
        select(DeputyRole.deputy_id, DeputyRole.grant_id).where(DeputyRole.grant_id.in_([one.id for one in rows]))
    )
    linked = {(deputyship, grant_id) for deputyship, grant_id in links}
    passing_now = {deputyship for deputyship, grant_id in linked if grant_id in counting}
    wanted = {(deputyship, one.id) for deputyship in passing_now for one in unbroken}
    session.add_all([DeputyRole(deputy_id=one, grant_id=grant_id) for one, grant_id in wanted - linked])
    if ended:
        late = [one.id for one in rows if one not in unbroken]
        await session.execute(delete(DeputyRole).where(DeputyRole.grant_id.in_(late)))
    await session.flush()


def _unbroken(rows: Sequence[RoleGrant], now: datetime) -> list[RoleGrant]:
    """Return the grants in force now, and each grant that starts before the previous grants end. Pure.

    `rows`: the grants of one role that have not ended, in the order of their start.
    """
    reach: datetime | None = now
    kept: list[RoleGrant] = []
    for one in rows:
        if reach is not None and one.starts_at > reach:
            break
        kept.append(one)
        reach = None if reach is None or one.ends_at is None else max(reach, one.ends_at)
    return kept


async def _home(session: AsyncSession, account: Account) -> Unit | None:
    if account.person_id is None:
        return None
    return await session.scalar(
        select(Unit).join(Person, Person.unit_id == Unit.id).where(Person.id == account.person_id)
    )


async def _require_account(session: AsyncSession, account: Account, actor: Actor) -> None:
    """Check that the actor may change roles of this account: administrators change only the roles of persons in their own
    units.
    """
    unit = await _home(session, account)
    path = unit.path if unit else "/"
    if not policy.allows(actor, "accounts.read", path):
        raise unknown()
    policy.require(actor, "accounts.write", path)


async def _check_room(session: AsyncSession, account: Account, role: str, unit_id: str, now: datetime) -> None:
    current = await grants_of(session, [account.id], now)
    if any(row.role == role and row.unit_id == unit_id and row.ends_at is None for row, _ in current):
        raise Refusal("role_held", "Tài khoản đã có vai trò này.", "the account already has this role")
    if len(current) >= limits.GRANTS:
        raise Refusal(
            "too_many",
            "Tài khoản đã có quá nhiều vai trò.",
            f"the account already has {limits.GRANTS} roles, the maximum",
        )
