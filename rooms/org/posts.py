"""Posts and who holds them, day by day. A post has one holder at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.org import people, refusals, units
from rooms.org.fields import Field, read, today
from rooms.org.names import plain
from rooms.policy.actors import Actor
from rooms.policy.roles import require
from rooms.store import audit
from rooms.store.tables.org import Holding, Person, Post, Unit

FIELDS: Final = (
    Field("unit_id", "Đơn vị", required=True, refers="unit"),
    Field("title", "Chức vụ", required=True, most=200),
    Field("rank", "Thứ bậc", "integer", least=1, most=10_000, empty=100),
    Field("is_head", "Người đứng đầu", "yes", empty=False),
    Field("signs_as", "Thẩm quyền ký", most=8, choices=("", "TM.", "KT.", "TL.", "TUQ.")),
    Field("valid_from", "Từ ngày", "day", empty=None),
    Field("valid_to", "Đến trước ngày", "day", empty=None),
)


@dataclass(frozen=True)
class Held:
    """A post on a day, and who holds it then; nobody: it is vacant."""

    post: Post
    person: Person | None


async def create(session: AsyncSession, values: Mapping[str, Any], actor: Actor, now: datetime) -> Post:
    """A new post in a unit. `valid_from` absent: today."""
    clean = read(FIELDS, values)
    unit = await units.get(session, clean["unit_id"])
    require(actor, "org.write", unit.path)
    post = made(clean, now)
    session.add(post)
    await session.flush()
    await audit.record(session, now, actor, "post.create", "post", post.id, unit.id, {"title": post.title})
    return post


async def edit(session: AsyncSession, post_id: str, values: Mapping[str, Any], actor: Actor, now: datetime) -> Post:
    """Correct what is given. With `valid_to` it ends, and with it whoever holds it."""
    clean = read(FIELDS, values, partial=True)
    post = await get(session, post_id, locked=True)
    require(actor, "org.write", (await units.get(session, post.unit_id)).path)
    if "unit_id" in clean:
        require(actor, "org.write", (await units.get(session, clean["unit_id"])).path)
    changed = change(post, clean)
    if post.valid_to is not None:
        await end_holdings(session, [post.id], post.valid_to)
    await session.flush()
    await audit.record(session, now, actor, "post.edit", "post", post.id, post.unit_id, {"fields": changed})
    return post


async def appoint(
    session: AsyncSession,
    post_id: str,
    person_id: str,
    valid_from: date | None,
    actor: Actor,
    now: datetime,
    valid_to: date | None = None,
) -> Holding:
    """From `valid_from` (None: today) he holds the post; whoever held it leaves it that day.

    Raises Refusal `post_taken` when somebody is to hold it from a later day that this one runs into.
    """
    post, person = await get(session, post_id, locked=True), await people.get(session, person_id)
    require(actor, "people.write", (await units.get(session, post.unit_id)).path)
    start = valid_from or today(now)
    if valid_to is not None and valid_to <= start:
        raise refusals.dates_reversed()
    held = await session.scalars(select(Holding).where(Holding.post_id == post_id))
    for one in held.all():
        if one.valid_from >= start and (valid_to is None or one.valid_from < valid_to):
            raise Refusal(
                "post_taken",
                f"Từ ngày {one.valid_from:%d/%m/%Y} đã có người giữ chức vụ này. Hãy chọn ngày khác.",
                f"somebody holds the post from {one.valid_from}",
            )
        if one.valid_from < start and (one.valid_to is None or one.valid_to > start):
            one.valid_to = start
    holding = Holding(id=new_id(), post_id=post_id, person_id=person_id, valid_from=start, valid_to=valid_to)
    session.add(holding)
    await session.flush()
    detail = {"person": person.id, "from": start.isoformat()}
    await audit.record(session, now, actor, "post.appoint", "post", post_id, post.unit_id, detail)
    return holding


async def get(session: AsyncSession, post_id: str, locked: bool = False) -> Post:
    """Raises Refusal `unknown_post`. `locked`: as it is now, and nobody else changes it before this transaction ends."""
    post = await session.get(Post, post_id, populate_existing=locked, with_for_update=locked or None)
    if post is None:
        raise refusals.unknown("post")
    return post


async def of_unit(session: AsyncSession, unit_id: str, day: date) -> list[Held]:
    """The posts of a unit on a day, the head first, with who holds them."""
    wanted = (
        select(Post, Person)
        .outerjoin(Holding, and_(Holding.post_id == Post.id, holding_on(day)))
        .outerjoin(Person, Person.id == Holding.person_id)
        .where(Post.unit_id == unit_id, existing(day))
        .order_by(Post.is_head.desc(), Post.rank, Post.title, Post.id)
    )
    return [Held(post, person) for post, person in await session.execute(wanted)]


async def search(session: AsyncSession, text: str, day: date, limit: int) -> list[tuple[Held, Unit]]:
    """The posts of all units on a day whose title, unit or holder has these words, unit by unit, the head first."""
    wanted = (
        select(Post, Person, Unit)
        .join(Unit, Unit.id == Post.unit_id)
        .outerjoin(Holding, and_(Holding.post_id == Post.id, holding_on(day)))
        .outerjoin(Person, Person.id == Holding.person_id)
        .where(existing(day), units.existing(day))
        .order_by(Unit.position, Unit.name, Unit.id, Post.is_head.desc(), Post.rank, Post.title, Post.id)
    )
    words = plain(text).split()
    found = []
    for post, person, unit in await session.execute(wanted):
        said = " ".join((plain(post.title), unit.search_name, person.search_name if person else ""))
        if all(word in said for word in words):
            found.append((Held(post, person), unit))
        if len(found) >= limit:
            break
    return found


async def end_holdings(session: AsyncSession, post_ids: list[str], on: date) -> int:
    """Whoever holds one of them holds it until `on` at the longest; what would begin later is dropped. How many."""
    wanted = select(Holding).where(
        Holding.post_id.in_(post_ids), or_(Holding.valid_to.is_(None), Holding.valid_to > on)
    )
    ended = list(await session.scalars(wanted))
    for one in ended:
        if one.valid_from >= on:
            await session.delete(one)
        else:
            one.valid_to = on
    await session.flush()
    return len(ended)


def existing(day: date) -> ColumnElement[bool]:
    """SQL: the post exists on that day."""
    return and_(Post.valid_from <= day, or_(Post.valid_to.is_(None), Post.valid_to > day))


def holding_on(day: date) -> ColumnElement[bool]:
    """SQL: it is held on that day."""
    return and_(Holding.valid_from <= day, or_(Holding.valid_to.is_(None), Holding.valid_to > day))


def made(clean: Mapping[str, Any], now: datetime) -> Post:
    """A row that is not stored yet, from checked values."""
    values = dict(clean) | {"valid_from": clean["valid_from"] or today(now)}
    if values["valid_to"] is not None and values["valid_to"] <= values["valid_from"]:
        raise refusals.dates_reversed()
    return Post(id=new_id(), **values)


def change(post: Post, clean: Mapping[str, Any]) -> list[str]:
    """Set checked values; the names of what became different."""
    wanted = {name: value for name, value in clean.items() if not (name == "valid_from" and value is None)}
    changed = [name for name, value in wanted.items() if getattr(post, name) != value]
    for name in changed:
        setattr(post, name, wanted[name])
    if post.valid_to is not None and post.valid_to <= post.valid_from:
        raise refusals.dates_reversed()
    return sorted(changed)
