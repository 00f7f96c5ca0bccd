"""Halls: rooms that users can book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.identifiers import new_id
from rooms.org import refusals, units
from rooms.org.fields import CODE, Field, read
from rooms.org.names import plain, searched
from rooms.policy.actors import Actor
from rooms.policy.roles import require
from rooms.sites import places
from rooms.store import audit
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Hall, Site, Terminal

FIELDS: Final = (
    Field("code", "Mã", required=True, most=64, pattern=CODE),
    Field("name", "Tên phòng họp", required=True, most=200),
    Field("site_id", "Điểm cầu", required=True, refers="site"),
    Field("seats", "Số chỗ", "integer", required=True, least=1, most=20_000),
    Field("equipment", "Thiết bị", "codes", most=limits.EQUIPMENT, empty=[]),
    Field("setup_min", "Phút chuẩn bị", "integer", most=480, empty=15),
    Field("clearup_min", "Phút thu dọn", "integer", most=480, empty=15),
    Field("bookable", "Cho đặt", "yes", empty=True),
    Field("needs_approval", "Cần duyệt", "yes", empty=True),
    Field("main", "Hội trường chính", "yes", empty=False),
    Field("note", "Ghi chú", most=1000),
)


async def create(session: AsyncSession, values: Mapping[str, Any], actor: Actor, now: datetime) -> Hall:
    """Create a hall of a site."""
    clean = read(FIELDS, values)
    unit = await unit_of(session, clean["site_id"])
    require(actor, "sites.write", unit.path)
    if await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("hall", clean["code"])
    hall = made(clean)
    await refusals.store(session, hall, "hall")
    await keep_one_main(session, hall)
    await audit.record(session, now, actor, "hall.create", "hall", hall.id, unit.id, {"code": hall.code})
    return hall


async def edit(
    session: AsyncSession,
    hall_id: str,
    values: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> Hall:
    """Change the given fields. Existing bookings stay. The terminals of a hall move to another site with the hall."""
    clean = read(FIELDS, values, partial=True)
    hall = await get(session, hall_id, locked=True)
    unit = await unit_of(session, hall.site_id)
    require(actor, "sites.write", unit.path)
    if expected_version not in (None, hall.version):
        raise refusals.changed_meanwhile()
    if "site_id" in clean:
        require(actor, "sites.write", (await unit_of(session, clean["site_id"])).path)
    if clean.get("code", hall.code) != hall.code and await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("hall", clean["code"])
    changed = change(hall, clean)
    await session.flush()
    if "site_id" in changed:
        moved = update(Terminal).where(Terminal.hall_id == hall.id).values(site_id=hall.site_id)
        await session.execute(moved, execution_options={"synchronize_session": "fetch"})
    await keep_one_main(session, hall)
    await audit.record(session, now, actor, "hall.edit", "hall", hall.id, unit.id, {"fields": changed})
    return hall


async def get(session: AsyncSession, hall_id: str, locked: bool = False) -> Hall:
    """Return a hall. `locked`: read the row again, and lock it until this transaction ends. Raise Refusal `unknown_hall`."""
    hall = await session.get(Hall, hall_id, populate_existing=locked, with_for_update=locked or None)
    if hall is None:
        raise refusals.unknown("hall")
    return hall


async def by_code(session: AsyncSession, code: str) -> Hall | None:
    return (await session.scalars(select(Hall).where(Hall.code == code))).first()


async def search(
    session: AsyncSession,
    text: str = "",
    day: date | None = None,
    below: str = "",
    seats: int = 0,
    equipment: Sequence[str] = (),
    limit: int = limits.FOUND,
) -> list[Hall]:
    """Search by hall name, site name or code, without diacritics. Each hall has at least `seats` seats and all of `equipment`."""
    words = searched(text)
    wanted = (
        select(Hall)
        .join(Site, Site.id == Hall.site_id)
        .join(Unit, Unit.id == Site.unit_id)
        .where(
            or_(
                Hall.search_name.contains(words, autoescape=True),
                Site.search_name.contains(words, autoescape=True),
                Hall.code.icontains(words, autoescape=True),
            ),
            Unit.path.startswith(below, autoescape=True),
            Hall.seats >= seats,
        )
        .order_by(Unit.tier, Unit.position, Site.search_name, Hall.search_name, Hall.id)
    )
    if day is not None:
        wanted = wanted.where(places.existing(day))
    if not equipment:
        return list(await session.scalars(wanted.limit(limit)))
    return [one for one in await session.scalars(wanted) if set(equipment) <= set(one.equipment)][:limit]


async def unit_of(session: AsyncSession, site_id: str) -> Unit:
    """Return the unit of a site, where rights are checked."""
    return await units.get(session, (await places.get(session, site_id)).unit_id)


async def keep_one_main(session: AsyncSession, hall: Hall) -> None:
    """Remove the mark `main` from the other halls of the site if this hall is the main hall."""
    if hall.main:
        others = (Hall.site_id == hall.site_id, Hall.id != hall.id, Hall.main)
        await session.execute(update(Hall).where(*others).values(main=False, version=Hall.version + 1))


def made(clean: Mapping[str, Any]) -> Hall:
    """Return a row from checked values. The row is not stored yet."""
    return Hall(id=new_id(), search_name=plain(clean["name"]), version=1, **clean)


def change(hall: Hall, clean: Mapping[str, Any]) -> list[str]:
    """Set checked values. Return the names of the changed fields."""
    changed = [name for name, value in clean.items() if getattr(hall, name) != value]
    for name in changed:
        setattr(hall, name, clean[name])
    if changed:
        hall.search_name = plain(hall.name)
        hall.version += 1
    return sorted(changed)
