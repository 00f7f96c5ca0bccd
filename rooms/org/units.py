"""Units: the tree of agencies on a day, and its changes. Mergers and renames are in `rooms.succession.reforms`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.org import refusals, root_unit
from rooms.org.fields import CODE, EMAIL, PHONE, WORD, Field, read, today
from rooms.org.names import plain, searched
from rooms.policy.actors import Actor
from rooms.policy.roles import require
from rooms.store import audit
from rooms.store.locks import Lock, take
from rooms.store.tables.org import BLOCKS, Unit

FIELDS: Final = (
    Field("code", "Mã", required=True, most=64, pattern=CODE),
    Field("name", "Tên đơn vị", required=True, most=300),
    Field("short_name", "Tên viết tắt", most=100),
    Field("symbol", "Ký hiệu văn bản", most=40),
    Field("kind", "Loại", required=True, most=40, pattern=WORD),
    Field("tier", "Cấp", "integer", required=True, most=9),
    Field("block", "Khối", required=True, most=20, choices=BLOCKS),
    Field("parent_id", "Đơn vị cấp trên", refers="unit", empty=None),
    Field("address", "Địa chỉ", most=300),
    Field("email", "Thư công vụ", most=254, pattern=EMAIL),
    Field("phone", "Điện thoại", most=40, pattern=PHONE),
    Field("distance_km", "Khoảng cách (km)", "number", most=5000, empty=0.0),
    Field("position", "Thứ tự", "integer", most=100_000, empty=0),
    Field("valid_from", "Từ ngày", "day", empty=None),
    Field("valid_to", "Đến trước ngày", "day", empty=None),
)


async def create(session: AsyncSession, values: Mapping[str, Any], actor: Actor, now: datetime) -> Unit:
    """Create a unit below `parent_id`. Only the command line creates a root. Without `valid_from` the unit exists from today."""
    clean = read(FIELDS, values)
    await take(session, Lock.TREE)
    parent = await get(session, clean["parent_id"]) if clean["parent_id"] else None
    require(actor, "org.write", parent.path if parent else "/")
    if await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("unit", clean["code"])
    if parent is None:
        await root_unit.keep(session)
    unit = made(clean, parent, now)
    await refusals.store(session, unit, "unit")
    await audit.record(session, now, actor, "unit.create", "unit", unit.id, unit.id, {"code": unit.code})
    return unit


async def edit(
    session: AsyncSession,
    unit_id: str,
    values: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> Unit:
    """Change the given fields. Another `parent_id` moves the unit with all units below it."""
    clean = read(FIELDS, values, partial=True)
    unit = await get(session, unit_id, locked=True)
    require(actor, "org.write", unit.path)
    if expected_version not in (None, unit.version):
        raise refusals.changed_meanwhile()
    if clean.get("code", unit.code) != unit.code and await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("unit", clean["code"])
    if "parent_id" in clean and clean["parent_id"] != unit.parent_id:
        await move(session, unit_id, clean["parent_id"], actor, now)
    changed = change(unit, clean)
    await session.flush()
    await audit.record(session, now, actor, "unit.edit", "unit", unit.id, unit.id, {"fields": changed})
    return unit


async def move(session: AsyncSession, unit_id: str, parent_id: str | None, actor: Actor, now: datetime) -> int:
    """Move a unit, with all units below it, under another unit. Return the number of units that got a new path."""
    await take(session, Lock.TREE)
    unit = await get(session, unit_id, fresh=True)
    parent = await get(session, parent_id, fresh=True) if parent_id else None
    require(actor, "org.write", unit.path)
    require(actor, "org.write", parent.path if parent else "/")
    count = await rehang(session, unit, parent)
    unit.version += 1
    await session.flush()
    detail = {"parent": parent_id or "", "units": count}
    await audit.record(session, now, actor, "unit.move", "unit", unit.id, unit.id, detail)
    return count


async def get(session: AsyncSession, unit_id: str, fresh: bool = False, locked: bool = False) -> Unit:
    """Return a unit. Raise Refusal `unknown_unit`. `fresh`: read the row again. `locked`: also lock it until this transaction
    ends.
    """
    unit = await session.get(Unit, unit_id, populate_existing=fresh or locked, with_for_update=locked or None)
    if unit is None:
        raise refusals.unknown("unit")
    return unit


async def by_code(session: AsyncSession, code: str) -> Unit | None:
    return (await session.scalars(select(Unit).where(Unit.code == code))).first()


async def tree(session: AsyncSession, day: date, root: Unit | None = None) -> list[Unit]:
    """Return the units that exist on `day` (`root` and below it): parents before children, siblings in official order."""
    wanted = select(Unit).where(existing(day))
    if root is not None:
        wanted = wanted.where(Unit.path.startswith(root.path, autoescape=True))
    return in_order(list(await session.scalars(wanted)))


async def children(session: AsyncSession, parent_id: str | None, day: date) -> list[Unit]:
    wanted = select(Unit).where(existing(day), Unit.parent_id == parent_id).order_by(Unit.position, Unit.name, Unit.id)
    return list(await session.scalars(wanted))


async def search(
    session: AsyncSession, text: str, day: date | None = None, below: str = "", limit: int = limits.FOUND
) -> list[Unit]:
    """Search by name or code, without diacritics. `day`: only units that exist then. `below`: the beginning of the path."""
    words = searched(text)
    wanted = select(Unit).where(
        or_(
            Unit.search_name.contains(words, autoescape=True),
            Unit.code.icontains(words, autoescape=True),
        ),
        Unit.path.startswith(below, autoescape=True),
    )
    if day is not None:
        wanted = wanted.where(existing(day))
    return list(await session.scalars(wanted.order_by(Unit.tier, Unit.position, Unit.name, Unit.id).limit(limit)))


def existing(day: date) -> ColumnElement[bool]:
    """Return the SQL condition: the unit exists on that day."""
    return and_(Unit.valid_from <= day, or_(Unit.valid_to.is_(None), Unit.valid_to > day))


def in_order(units: Sequence[Unit]) -> list[Unit]:
    """Sort parents before children, and siblings by position and name. A unit whose parent is not in `units` counts as a root."""
    known = {one.id for one in units}
    below: dict[str | None, list[Unit]] = {}
    for one in sorted(units, key=lambda unit: (unit.position, unit.name, unit.id)):
        below.setdefault(one.parent_id if one.parent_id in known else None, []).append(one)
    ordered: list[Unit] = []
    stack = list(reversed(below.get(None, [])))
    while stack:
        unit = stack.pop()
        ordered.append(unit)
        stack += reversed(below.get(unit.id, []))
    return ordered


def made(clean: Mapping[str, Any], parent: Unit | None, now: datetime) -> Unit:
    """Return a row from checked values. The row is not stored yet. Raise Refusal `unit_too_deep`, `dates_reversed`."""
    values = dict(clean) | {"valid_from": clean["valid_from"] or today(now)}
    _in_turn(values["valid_from"], values["valid_to"])
    _check_depth(1 + (depth(parent.path) if parent else 0))
    new = new_id()
    path = f"{parent.path if parent else '/'}{new}/"
    return Unit(id=new, path=path, search_name=plain(values["name"]), version=1, **values)


def change(unit: Unit, clean: Mapping[str, Any]) -> list[str]:
    """Set checked values except the parent. Return the names of the changed fields."""
    wanted = {name: value for name, value in clean.items() if name != "parent_id"}
    if wanted.get("valid_from", unit) is None:
        del wanted["valid_from"]
    changed = [name for name, value in wanted.items() if getattr(unit, name) != value]
    for name in changed:
        setattr(unit, name, wanted[name])
    if changed:
        unit.search_name = plain(unit.name)
        unit.version += 1
    _in_turn(unit.valid_from, unit.valid_to)
    return sorted(changed)


async def rehang(session: AsyncSession, unit: Unit, parent: Unit | None) -> int:
    """Give the unit and all units below it new paths. The caller holds `Lock.TREE`. Raise Refusal `unit_cycle`,
    `unit_too_deep`.
    """
    if parent is not None and parent.path.startswith(unit.path):
        raise Refusal(
            "unit_cycle",
            "Không thể chuyển đơn vị vào chính nó hoặc vào đơn vị trực thuộc nó.",
            "a unit cannot be moved below itself or its own sub-units",
        )
    if parent is None:
        await root_unit.keep(session)
    old, new = unit.path, f"{parent.path if parent else '/'}{unit.id}/"
    below = list(await session.scalars(select(Unit).where(Unit.path.startswith(old, autoescape=True))))
    _check_depth(max(depth(one.path) for one in below) - depth(old) + depth(new))
    for one in below:
        one.path = new + one.path[len(old) :]
    unit.parent_id = parent.id if parent else None
    await session.flush()
    return len(below)


def depth(path: str) -> int:
    return path.count("/") - 1


def _check_depth(levels: int) -> None:
    if levels > limits.UNIT_DEPTH:
        raise Refusal(
            "unit_too_deep",
            f"Cây đơn vị sâu quá {limits.UNIT_DEPTH} cấp.",
            f"the tree would be deeper than {limits.UNIT_DEPTH} levels",
        )


def _in_turn(start: date, end: date | None) -> None:
    if end is not None and end <= start:
        raise refusals.dates_reversed()
