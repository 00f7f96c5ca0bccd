"""Sites: create, change, search, and find the nearest hall for a site without a hall."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.org import refusals, units
from rooms.org.fields import CODE, PHONE, Field, read, today
from rooms.org.names import plain, searched
from rooms.policy.actors import Actor
from rooms.policy.roles import require
from rooms.sites import networks
from rooms.store import audit
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import CAPABILITIES, Hall, Site

FIELDS: Final = (
    Field("code", "Mã", required=True, most=64, pattern=CODE),
    Field("name", "Tên điểm cầu", required=True, most=300),
    Field("unit_id", "Đơn vị", required=True, refers="unit"),
    Field("capability", "Khả năng", required=True, most=10, choices=CAPABILITIES),
    Field("address", "Địa chỉ", most=300),
    Field("latitude", "Vĩ độ", "number", least=-90, most=90, empty=None),
    Field("longitude", "Kinh độ", "number", least=-180, most=180, empty=None),
    Field("network_id", "Mạng", refers="network", empty=None),
    Field("technician", "Cán bộ kỹ thuật", most=200),
    Field("technician_phone", "Điện thoại kỹ thuật", most=40, pattern=PHONE),
    Field("nearest_site_id", "Điểm cầu gần nhất", refers="site", empty=None),
    Field("note", "Ghi chú", most=1000),
    Field("valid_from", "Từ ngày", "day", empty=None),
    Field("valid_to", "Đến trước ngày", "day", empty=None),
)
EARTH_KM: Final = 6371.0


@dataclass(frozen=True)
class Nearest:
    """A site with a hall for a site that may have none. `why`: `own`, `set` by hand, `tree`, `distance`. `distance_km` None:
    not known.
    """

    site: Site
    why: str
    distance_km: float | None


async def create(session: AsyncSession, values: Mapping[str, Any], actor: Actor, now: datetime) -> Site:
    """Create a site of a unit. Without `valid_from` it exists from today."""
    clean = read(FIELDS, values)
    unit = await units.get(session, clean["unit_id"])
    require(actor, "sites.write", unit.path)
    await _check_references(session, clean)
    if await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("site", clean["code"])
    site = made(clean, now)
    await refusals.store(session, site, "site")
    await audit.record(session, now, actor, "site.create", "site", site.id, unit.id, {"code": site.code})
    return site


async def edit(
    session: AsyncSession,
    site_id: str,
    values: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> Site:
    """Change the given fields. A change of the unit needs the right in both units."""
    clean = read(FIELDS, values, partial=True)
    site = await get(session, site_id, locked=True)
    require(actor, "sites.write", (await units.get(session, site.unit_id)).path)
    if expected_version not in (None, site.version):
        raise refusals.changed_meanwhile()
    if "unit_id" in clean:
        require(actor, "sites.write", (await units.get(session, clean["unit_id"])).path)
    await _check_references(session, clean, site_id)
    if clean.get("code", site.code) != site.code and await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("site", clean["code"])
    changed = change(site, clean)
    await session.flush()
    await audit.record(session, now, actor, "site.edit", "site", site.id, site.unit_id, {"fields": changed})
    return site


async def get(session: AsyncSession, site_id: str, locked: bool = False) -> Site:
    """Return a site. `locked`: read the row again, and lock it until this transaction ends. Raise Refusal `unknown_site`."""
    site = await session.get(Site, site_id, populate_existing=locked, with_for_update=locked or None)
    if site is None:
        raise refusals.unknown("site")
    return site


async def by_code(session: AsyncSession, code: str) -> Site | None:
    return (await session.scalars(select(Site).where(Site.code == code))).first()


async def search(
    session: AsyncSession,
    text: str = "",
    day: date | None = None,
    below: str = "",
    capability: str | None = None,
    limit: int = limits.FOUND,
) -> list[Site]:
    """Search by name or code, without diacritics. `day`: only sites of that day. `below`: the beginning of the unit's path."""
    words = searched(text)
    wanted = (
        select(Site)
        .join(Unit, Unit.id == Site.unit_id)
        .where(
            or_(Site.search_name.contains(words, autoescape=True), Site.code.icontains(words, autoescape=True)),
            Unit.path.startswith(below, autoescape=True),
        )
    )
    if day is not None:
        wanted = wanted.where(existing(day))
    if capability is not None:
        wanted = wanted.where(Site.capability == capability)
    return list(
        await session.scalars(wanted.order_by(Unit.tier, Unit.position, Site.search_name, Site.id).limit(limit))
    )


async def nearest(session: AsyncSession, site_id: str, day: date) -> Nearest | None:
    """Return a site with a hall that this site can use on a day. None: the tree has no site with a hall.

    The first choice is the site itself, then the site that was set by hand. The last choice is the site whose unit is the
    fewest steps away in the tree. Among several of these, it is the site at the shortest distance.
    """
    site = await get(session, site_id, locked=True)
    halls = select(Hall.id).where(Hall.site_id == Site.id, Hall.bookable).exists()
    rows = select(Site, Unit.path).join(Unit, Unit.id == Site.unit_id).where(existing(day), halls)
    found = [(one, path) for one, path in await session.execute(rows)]
    own = await units.get(session, site.unit_id)
    return choose(site, own.path, found)


def choose(site: Site, path: str, halls: Sequence[tuple[Site, str]]) -> Nearest | None:
    """Choose for `nearest` from plain rows. `halls`: the sites that have a hall, with the paths of their units. Pure."""
    by_id = {one.id: one for one, _ in halls}
    if site.id in by_id:
        return Nearest(site, "own", 0.0)
    if site.nearest_site_id in by_id:
        chosen = by_id[site.nearest_site_id]
        return Nearest(chosen, "set", distance_km(site, chosen))
    if not halls:
        return None
    ranked = sorted(halls, key=lambda hall: (steps(path, hall[1]), _far(site, hall[0]), hall[0].code))
    best, where = ranked[0]
    alike = [one for one, other in halls if steps(path, other) == steps(path, where)]
    away = distance_km(site, best)
    return Nearest(best, "distance" if len(alike) > 1 and away is not None else "tree", away)


def distance_km(one: Site, other: Site) -> float | None:
    """Return the great-circle distance. None: a position is not known."""
    if None in (one.latitude, one.longitude, other.latitude, other.longitude):
        return None
    assert one.latitude is not None
    assert one.longitude is not None
    assert other.latitude is not None
    assert other.longitude is not None
    north, south = math.radians(one.latitude), math.radians(other.latitude)
    wide = math.radians(other.longitude - one.longitude)
    part = math.sin((south - north) / 2) ** 2 + math.cos(north) * math.cos(south) * math.sin(wide / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(part)))


def existing(day: date) -> ColumnElement[bool]:
    """Return the SQL condition: the site exists on that day."""
    return and_(Site.valid_from <= day, or_(Site.valid_to.is_(None), Site.valid_to > day))


def made(clean: Mapping[str, Any], now: datetime) -> Site:
    """Return a row from checked values. The row is not stored yet."""
    values = dict(clean) | {"valid_from": clean["valid_from"] or today(now)}
    if values["valid_to"] is not None and values["valid_to"] <= values["valid_from"]:
        raise refusals.dates_reversed()
    return Site(id=new_id(), search_name=plain(values["name"]), version=1, **values)


def change(site: Site, clean: Mapping[str, Any]) -> list[str]:
    """Set checked values. Return the names of the changed fields."""
    wanted = {name: value for name, value in clean.items() if not (name == "valid_from" and value is None)}
    changed = [name for name, value in wanted.items() if getattr(site, name) != value]
    for name in changed:
        setattr(site, name, wanted[name])
    if changed:
        site.search_name = plain(site.name)
        site.version += 1
    if site.valid_to is not None and site.valid_to <= site.valid_from:
        raise refusals.dates_reversed()
    return sorted(changed)


async def _check_references(session: AsyncSession, clean: Mapping[str, Any], own_id: str = "") -> None:
    if clean.get("network_id"):
        await networks.get(session, clean["network_id"])
    if clean.get("nearest_site_id"):
        if clean["nearest_site_id"] == own_id:
            raise Refusal(
                "nearest_is_itself", "Điểm cầu gần nhất phải là điểm cầu khác.", "the nearest site must be another site"
            )
        await get(session, clean["nearest_site_id"])


def steps(one: str, other: str) -> int:
    """Return the number of steps in the tree between the units with these paths."""
    mine, theirs = one.strip("/").split("/"), other.strip("/").split("/")
    shared = 0
    for left, right in zip(mine, theirs, strict=False):
        if left != right:
            break
        shared += 1
    return len(mine) + len(theirs) - 2 * shared


def _far(one: Site, other: Site) -> float:
    away = distance_km(one, other)
    return math.inf if away is None else away
