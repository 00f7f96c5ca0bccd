"""The top unit: its administrators decide what counts for the whole system (settings, meeting types, holidays, networks).

A tree may have other roots: a second province on the same server, or units beside the first root. Their administrators control
only their own units. One unit has the mark `top`. Without a mark, a single root is the top. The first root gets the mark before
a second root is created. Thus an administrator cannot become the top by adding a root.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.errors import Refusal
from rooms.org import refusals
from rooms.policy.actors import Actor, Role
from rooms.policy.roles import require_everywhere
from rooms.store import audit
from rooms.store.locks import Lock, take
from rooms.store.tables.org import Unit


async def root(session: AsyncSession) -> Unit | None:
    """Return the top unit. None: there is no root, or there are several roots without a mark."""
    marked = await session.scalar(select(Unit).where(Unit.top))
    if marked is not None:
        # If the marked unit was moved below another unit, the root above it is the top.
        return marked if marked.parent_id is None else await session.get(Unit, marked.path.split("/")[1])
    roots = list(await session.scalars(select(Unit).where(Unit.parent_id.is_(None)).limit(2)))
    return roots[0] if len(roots) == 1 else None


async def held_there(session: AsyncSession, roles: Iterable[Role]) -> tuple[Role, ...]:
    """Return the roles, and set `whole` for the roles in the top unit."""
    held = tuple(roles)
    if not any(one.unit_path.count("/") == 2 for one in held):
        return held  # no role in a root: a database query is not necessary
    top = await root(session)
    return tuple(replace(one, whole=top is not None and one.unit_id == top.id) for one in held)


async def change(session: AsyncSession, unit_id: str, actor: Actor, now: datetime) -> Unit:
    """Make another root the top. Raise Refusal `denied`, `unknown_unit`, `not_a_root`."""
    require_everywhere(actor, "settings.write")
    await take(session, Lock.TREE)
    unit = await session.get(Unit, unit_id)
    if unit is None:
        raise refusals.unknown("unit")
    if unit.parent_id is not None:
        raise Refusal(
            "not_a_root",
            f"{unit.name} trực thuộc đơn vị khác. Hãy chọn đơn vị không có cấp trên.",
            "the top unit cannot be below another unit: choose a unit with no parent",
        )
    await _mark(session, unit)
    await audit.record(session, now, actor, "unit.top", "unit", unit.id, unit.id, {"code": unit.code})
    return unit


async def keep(session: AsyncSession) -> None:
    """Mark the current top before another root is created."""
    top = await root(session)
    if top is not None and not top.top:
        await _mark(session, top)


async def follow(session: AsyncSession, old: Unit, heir: Unit) -> None:
    """Make `heir` the top if `old` is the top, because `heir` replaces `old`."""
    top = await root(session)
    if top is not None and top.id == old.id:
        await _mark(session, heir)


async def _mark(session: AsyncSession, unit: Unit) -> None:
    """Move the mark to a unit. The database allows one mark, so the old mark is removed first."""
    await session.flush()
    await session.execute(update(Unit).where(Unit.top, Unit.id != unit.id).values(top=False))
    unit.top = True
    await session.flush()
