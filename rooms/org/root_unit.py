"""The top: the one root whose administrators decide what counts for all (settings, meeting types, holidays, networks).

A tree may have other roots: a second province on the same server, units that were hung beside the first. Their administrators
keep their own units and nothing else. One unit bears the mark; where none does and there is one root, that is it, and before a
second root comes the first is marked, so that nobody becomes the top by what he adds beside it.
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
    """The top; None where several roots stand side by side and nobody has said which it is."""
    marked = await session.scalar(select(Unit).where(Unit.top))
    if marked is not None:
        # What was hung below another unit since is led by the root above it.
        return marked if marked.parent_id is None else await session.get(Unit, marked.path.split("/")[1])
    roots = list(await session.scalars(select(Unit).where(Unit.parent_id.is_(None)).limit(2)))
    return roots[0] if len(roots) == 1 else None


async def held_there(session: AsyncSession, roles: Iterable[Role]) -> tuple[Role, ...]:
    """The roles, those that are held in the top saying so."""
    held = tuple(roles)
    if not any(one.unit_path.count("/") == 2 for one in held):
        return held  # of no root at all: nothing has to be read
    top = await root(session)
    return tuple(replace(one, whole=top is not None and one.unit_id == top.id) for one in held)


async def change(session: AsyncSession, unit_id: str, actor: Actor, now: datetime) -> Unit:
    """Another root is the top from now on. Raises Refusal `denied`, `unknown_unit`, `not_a_root`."""
    require_everywhere(actor, "settings.write")
    await take(session, Lock.TREE)
    unit = await session.get(Unit, unit_id)
    if unit is None:
        raise refusals.unknown("unit")
    if unit.parent_id is not None:
        raise Refusal(
            "not_a_root",
            f"{unit.name} trực thuộc đơn vị khác. Hãy chọn đơn vị không có cấp trên.",
            "only a unit with none above it can be the top",
        )
    await _mark(session, unit)
    await audit.record(session, now, actor, "unit.top", "unit", unit.id, unit.id, {"code": unit.code})
    return unit


async def keep(session: AsyncSession) -> None:
    """Before another root comes: the one that is there stays the top."""
    top = await root(session)
    if top is not None and not top.top:
        await _mark(session, top)


async def follow(session: AsyncSession, old: Unit, heir: Unit) -> None:
    """`heir` stands for `old` from now on, also in this, if it is the top."""
    top = await root(session)
    if top is not None and top.id == old.id:
        await _mark(session, heir)


async def _mark(session: AsyncSession, unit: Unit) -> None:
    """The database allows one mark, so the old one goes first."""
    await session.flush()
    await session.execute(update(Unit).where(Unit.top, Unit.id != unit.id).values(top=False))
    unit.top = True
    await session.flush()
