"""Other systems that have a key: the document system, the one-stop shop. A client has few roles, in one unit and the units
below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import limits
from rooms.errors import Refusal
from rooms.identifiers import digest, new_id, new_secret
from rooms.org import root_unit
from rooms.org.names import cleaned
from rooms.policy import roles as policy
from rooms.policy.actors import Actor, Role
from rooms.store import audit
from rooms.store.tables.accounts import Client
from rooms.store.tables.org import Unit

PREFIX = "dck_"
"""The prefix of each key. With it a search finds a key that got into a log or a repository."""
ALLOWED = (policy.REQUESTER, policy.SECRETARY, policy.OPERATOR)


async def create(
    session: AsyncSession, name: str, unit_id: str, roles: Sequence[str], actor: Actor, now: datetime
) -> tuple[Client, str]:
    """Create a client. Return (client, key). Raise Refusal `denied`, `unit_unknown`, `role_unknown`, `name_taken`, `too_many`."""
    unit = await session.get(Unit, unit_id)
    if unit is None:
        raise Refusal("unit_unknown", "Không có đơn vị này.", "there is no such unit")
    policy.require(actor, "clients.write", unit.path)
    wanted = sorted(set(roles))
    if not wanted or any(role not in ALLOWED for role in wanted):
        raise Refusal(
            "role_unknown",
            "Hệ thống khác không được mang vai trò này.",
            f"a client can have only these roles: {', '.join(ALLOWED)}",
        )
    called = cleaned(name)[:100]
    if not called or await session.scalar(select(Client.id).where(Client.name == called)):
        raise Refusal("name_taken", "Đã có hệ thống mang tên này.", "another client already has this name")
    if (await session.scalar(select(func.count()).select_from(Client)) or 0) >= limits.CLIENTS:
        raise Refusal(
            "too_many", "Đã có quá nhiều hệ thống.", f"there are already {limits.CLIENTS} clients, the maximum"
        )
    key = PREFIX + new_secret()
    row = Client(id=new_id(), name=called, unit_id=unit_id, roles=wanted, key_digest=digest(key), created_at=now)
    session.add(row)
    await session.flush()
    await audit.record(session, now, actor, "clients.create", "client", row.id, unit_id, {"roles": wanted})
    return row, key


async def renew(session: AsyncSession, client_id: str, actor: Actor, now: datetime) -> tuple[Client, str]:
    """Return (client, new key). The old key is no longer valid. Raise Refusal `client_unknown`, `denied`."""
    row = await administered(session, client_id, actor)
    key = PREFIX + new_secret()
    row.key_digest, row.revoked_at = digest(key), None
    await audit.record(session, now, actor, "clients.key", "client", row.id, row.unit_id)
    return row, key


async def revoke(session: AsyncSession, client_id: str, actor: Actor, now: datetime) -> None:
    """Revoke the key of a client. Raise Refusal `client_unknown`, `denied`."""
    row = await administered(session, client_id, actor)
    row.revoked_at = row.revoked_at or now
    await audit.record(session, now, actor, "clients.revoke", "client", row.id, row.unit_id)


async def administered(session: AsyncSession, client_id: str, actor: Actor) -> Client:
    """Return a client in a unit that the actor administers.

    Raise Refusal `client_unknown`, `denied`, or `second_factor_needed` if only the second factor is missing.
    """
    found = (
        await session.execute(
            select(Client, Unit.path).join(Unit, Unit.id == Client.unit_id).where(Client.id == client_id)
        )
    ).first()
    if found is None or not policy.allows(actor, "accounts.read", found[1]):
        raise Refusal("client_unknown", "Không có hệ thống này.", "there is no such client")
    policy.require(actor, "clients.write", found[1])
    return found[0]


async def visible(session: AsyncSession, actor: Actor) -> list[tuple[Client, Unit]]:
    """Return all clients in the units that the actor administers, by name."""
    wanted = select(Client, Unit).join(Unit, Unit.id == Client.unit_id).order_by(Client.name)
    scopes = policy.scopes(actor, "accounts.read")
    if scopes is not None:
        wanted = wanted.where(or_(*(Unit.path.startswith(one, autoescape=True) for one in scopes)))
    return [(client, unit) for client, unit in await session.execute(wanted)] if scopes != () else []


async def by_key(session: AsyncSession, key: str, address: str) -> Actor | None:
    """Return the client that has this key, as an actor."""
    if not key.startswith(PREFIX):
        return None
    found = (
        await session.execute(
            select(Client, Unit.path)
            .join(Unit, Unit.id == Client.unit_id)
            .where(Client.key_digest == digest(key), Client.revoked_at.is_(None))
        )
    ).first()
    if found is None:
        return None
    client, path = found
    roles = tuple(Role(role, client.unit_id, path) for role in client.roles if role in ALLOWED)
    return Actor(
        "client", client.id, name=client.name, roles=await root_unit.held_there(session, roles), address=address
    )
