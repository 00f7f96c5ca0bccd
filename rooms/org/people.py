"""People: the unit of each person, and the title of each person in a letter."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.identifiers import new_id
from rooms.org import refusals, units
from rooms.org.fields import CODE, EMAIL, PHONE, Field, read
from rooms.org.names import plain, searched
from rooms.policy.actors import Actor
from rooms.policy.roles import require
from rooms.store import audit
from rooms.store.tables.org import Holding, Person, Post, Unit

FIELDS: Final = (
    Field("code", "Mã", required=True, most=64, pattern=CODE),
    Field("name", "Họ tên", required=True, most=200),
    Field("email", "Thư công vụ", most=254, pattern=EMAIL),
    Field("phone", "Điện thoại", most=40, pattern=PHONE),
    Field("unit_id", "Đơn vị", required=True, refers="unit"),
    Field("active", "Đang công tác", "yes", empty=True),
)


async def create(session: AsyncSession, values: Mapping[str, Any], actor: Actor, now: datetime) -> Person:
    """Create a person in a unit."""
    clean = read(FIELDS, values)
    unit = await units.get(session, clean["unit_id"])
    require(actor, "people.write", unit.path)
    if await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("person", clean["code"])
    person = made(clean)
    await refusals.store(session, person, "person")
    await audit.record(session, now, actor, "person.create", "person", person.id, unit.id, {"code": person.code})
    return person


async def edit(
    session: AsyncSession,
    person_id: str,
    values: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> Person:
    """Change the given fields. A move to another unit needs the right in both units."""
    clean = read(FIELDS, values, partial=True)
    person = await get(session, person_id, locked=True)
    require(actor, "people.write", (await units.get(session, person.unit_id)).path)
    if expected_version not in (None, person.version):
        raise refusals.changed_meanwhile()
    if clean.get("code", person.code) != person.code and await by_code(session, clean["code"]) is not None:
        raise refusals.code_taken("person", clean["code"])
    if "unit_id" in clean:
        require(actor, "people.write", (await units.get(session, clean["unit_id"])).path)
    changed = change(person, clean)
    await session.flush()
    await audit.record(session, now, actor, "person.edit", "person", person.id, person.unit_id, {"fields": changed})
    return person


async def get(session: AsyncSession, person_id: str, locked: bool = False) -> Person:
    """Return a person. `locked`: read the row again, and lock it until this transaction ends. Raise Refusal `unknown_person`."""
    person = await session.get(Person, person_id, populate_existing=locked, with_for_update=locked or None)
    if person is None:
        raise refusals.unknown("person")
    return person


async def by_code(session: AsyncSession, code: str) -> Person | None:
    return (await session.scalars(select(Person).where(Person.code == code))).first()


async def search(
    session: AsyncSession, text: str, below: str = "", active: bool | None = True, limit: int = limits.FOUND
) -> list[Person]:
    """Search by name, code or mail address, without diacritics. The order is that of lists in Việt Nam: the given name, which is
    the last word, then the family name. `below`: the beginning of the unit's path.
    """
    words = searched(text)
    wanted = (
        select(Person)
        .join(Unit, Unit.id == Person.unit_id)
        .where(
            Unit.path.startswith(below, autoescape=True),
            or_(
                Person.search_name.contains(words, autoescape=True),
                Person.code.icontains(words, autoescape=True),
                Person.email.icontains(words, autoescape=True),
            ),
        )
    )
    if active is not None:
        wanted = wanted.where(Person.active.is_(active))
    family = func.rtrim(Person.search_name, func.replace(Person.search_name, " ", ""))
    given = func.replace(Person.search_name, family, "")
    return list(await session.scalars(wanted.order_by(given, Person.search_name, Person.id).limit(limit)))


async def of_ids(
    session: AsyncSession, ids: Sequence[str], known: Collection[str], below: str = "", active: bool | None = True
) -> list[Person]:
    """Return the people of these identifiers, in this order, without the `known` ones. `below`, `active`: as in `search`."""
    new = [one for one in dict.fromkeys(ids) if one not in known]
    wanted = select(Person).join(Unit, Unit.id == Person.unit_id).where(Person.id.in_(new))
    wanted = wanted.where(Unit.path.startswith(below, autoescape=True))
    if active is not None:
        wanted = wanted.where(Person.active.is_(active))
    found = {one.id: one for one in await session.scalars(wanted)}
    return [found[one] for one in new if one in found]


async def titles(session: AsyncSession, person_ids: Collection[str], day: date) -> dict[str, str]:
    """Return the title before each person's name: "Chủ tịch UBND xã B". For a person without a post, return only the unit."""
    people = select(Person.id, Unit.name).join(Unit, Unit.id == Person.unit_id).where(Person.id.in_(person_ids))
    named: dict[str, str] = {row.id: row.name for row in await session.execute(people)}
    held = (
        select(Holding.person_id, Post.title, Unit.name)
        .join(Post, Post.id == Holding.post_id)
        .join(Unit, Unit.id == Post.unit_id)
        .where(
            Holding.person_id.in_(person_ids),
            and_(Holding.valid_from <= day, or_(Holding.valid_to.is_(None), Holding.valid_to > day)),
        )
        .order_by(Post.rank.desc())
    )
    for person, title, unit in await session.execute(held):
        named[person] = f"{title} {unit}"
    return named


def made(clean: Mapping[str, Any]) -> Person:
    """Return a row from checked values. The row is not stored yet."""
    return Person(id=new_id(), search_name=plain(clean["name"]), version=1, **clean)


def change(person: Person, clean: Mapping[str, Any]) -> list[str]:
    """Set checked values. Return the names of the changed fields."""
    changed = [name for name, value in clean.items() if getattr(person, name) != value]
    for name in changed:
        setattr(person, name, clean[name])
    if changed:
        person.search_name = plain(person.name)
        person.version += 1
    return sorted(changed)
