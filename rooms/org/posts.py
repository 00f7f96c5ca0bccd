"""Posts and their holders, by day. A post has one holder at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
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
    """A post on a day, and its holder. None: the post is vacant."""

    post: Post
    person: Person | None


async def create(session: AsyncSession, values: Mapping[str, Any], actor: Actor, now: datetime) -> Post:
    """Create a post in a unit. Without `valid_from` it exists from today."""
    clean = read(FIELDS, values)
    unit = await units.get(session, clean["unit_id"])
    require(actor, "org.write", unit.path)
    post = made(clean, now)
    session.add(post)
    await session.flush()
    await audit.record(session, now, actor, "post.create", "post", post.id, unit.id, {"title": post.title})
    return post


async def edit(session: AsyncSession, post_id: str, values: Mapping[str, Any], actor: Actor, now: datetime) -> Post:
    """Change the given fields. `valid_to` ends the post and also its holdings."""
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
    """Appoint a person to a post from `valid_from` (None: today). The previous holder leaves on that day.

    An appointment from the same day is replaced: it was a mistake. Raise Refusal `post_taken` if another holder begins on a
    later day within this period.
    """
    post, person = await get(session, post_id, locked=True), await people.get(session, person_id)
    require(actor, "people.write", (await units.get(session, post.unit_id)).path)
    start = valid_from or today(now)
    if valid_to is not None and valid_to <= start:
        raise refusals.dates_reversed()
    held = await session.scalars(select(Holding).where(Holding.post_id == post_id))
    for one in held.all():
        if one.valid_from > start and (valid_to is None or one.valid_from < valid_to):
            raise Refusal(
                "post_taken",
                f"Từ ngày {one.valid_from:%d/%m/%Y} đã có người giữ chức vụ này. Hãy chọn ngày khác.",
                f"another person holds the post from {one.valid_from}: choose another day",
            )
        if one.valid_from <= start and (one.valid_to is None or one.valid_to > start):
            await _end(session, one, start)
    holding = Holding(id=new_id(), post_id=post_id, person_id=person_id, valid_from=start, valid_to=valid_to)
    session.add(holding)
    await session.flush()
    detail = {"person": person.id, "from": start.isoformat()}
    await audit.record(session, now, actor, "post.appoint", "post", post_id, post.unit_id, detail)
    return holding


async def appoint_new(
    session: AsyncSession, person: Person, title: str, valid_from: date | None, actor: Actor, now: datetime
) -> Holding:
    """Create a post with this title in the person's unit, and appoint the person to it. Needs the rights for both."""
    wanted = {"unit_id": person.unit_id, "title": title, "valid_from": valid_from}
    post = await create(session, wanted, actor, now)
    return await appoint(session, post.id, person.id, valid_from, actor, now)


async def vacate(
    session: AsyncSession,
    post_id: str,
    person_id: str,
    on: date | None,
    actor: Actor,
    now: datetime,
    since: date | None = None,
) -> None:
    """End the person's time in the post on day `on` (None: today). An appointment from that day or later is taken back.
    `since`: only the time that begins on this day.

    Raise Refusal `unknown_holding` if the person does not hold the post then.
    """
    post, day = await get(session, post_id, locked=True), on or today(now)
    require(actor, "people.write", (await units.get(session, post.unit_id)).path)
    mine = select(Holding).where(
        Holding.post_id == post_id,
        Holding.person_id == person_id,
        or_(Holding.valid_to.is_(None), Holding.valid_to > day),
    )
    held = [one for one in await session.scalars(mine) if since in (None, one.valid_from)]
    if not held:
        raise refusals.unknown("holding")
    for one in held:
        await _end(session, one, day)
    await session.flush()
    detail = {"person": person_id, "on": day.isoformat()}
    await audit.record(session, now, actor, "post.vacate", "post", post_id, post.unit_id, detail)


async def get(session: AsyncSession, post_id: str, locked: bool = False) -> Post:
    """Return a post. `locked`: read the row again, and lock it until this transaction ends. Raise Refusal `unknown_post`."""
    post = await session.get(Post, post_id, populate_existing=locked, with_for_update=locked or None)
    if post is None:
        raise refusals.unknown("post")
    return post


async def of_unit(session: AsyncSession, unit_id: str, day: date) -> list[Held]:
    """Return the posts of a unit on a day with their holders, the head first."""
    wanted = (
        select(Post, Person)
        .outerjoin(Holding, and_(Holding.post_id == Post.id, holding_on(day)))
        .outerjoin(Person, Person.id == Holding.person_id)
        .where(Post.unit_id == unit_id, existing(day))
        .order_by(Post.is_head.desc(), Post.rank, Post.title, Post.id)
    )
    return [Held(post, person) for post, person in await session.execute(wanted)]


async def of_person(session: AsyncSession, person_id: str, day: date) -> list[tuple[Holding, Post, Unit]]:
    """Return the posts that a person holds on a day or will hold later, the highest first."""
    wanted = (
        select(Holding, Post, Unit)
        .join(Post, Post.id == Holding.post_id)
        .join(Unit, Unit.id == Post.unit_id)
        .where(Holding.person_id == person_id, or_(Holding.valid_to.is_(None), Holding.valid_to > day))
        .order_by(Holding.valid_from, Post.rank, Post.title, Holding.id)
        .limit(limits.FOUND)
    )
    return [(holding, post, unit) for holding, post, unit in await session.execute(wanted)]


async def search(session: AsyncSession, text: str, day: date, limit: int) -> list[tuple[Held, Unit]]:
    """Return the posts of a day, by unit, the head first. Title, unit and holder together contain all words of `text`."""
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


async def holders(session: AsyncSession, text: str, day: date, limit: int) -> list[str]:
    """Return the people whose posts `search` finds, in the order of the posts. The title has a word of `text`: otherwise a name
    of a person also finds units.
    """
    words = set(plain(text).split())
    found = await search(session, text, day, limit)
    return [held.person.id for held, _ in found if held.person and words & set(plain(held.post.title).split())]


async def end_holdings(session: AsyncSession, post_ids: list[str], on: date) -> int:
    """End the holdings of these posts on day `on`, and delete the holdings that begin on that day or later. Return the number
    of holdings.
    """
    wanted = select(Holding).where(
        Holding.post_id.in_(post_ids), or_(Holding.valid_to.is_(None), Holding.valid_to > on)
    )
    ended = list(await session.scalars(wanted))
    for one in ended:
        await _end(session, one, on)
    await session.flush()
    return len(ended)


async def _end(session: AsyncSession, holding: Holding, on: date) -> None:
    if holding.valid_from >= on:
        await session.delete(holding)
    else:
        holding.valid_to = on


def existing(day: date) -> ColumnElement[bool]:
    """Return the SQL condition: the post exists on that day."""
    return and_(Post.valid_from <= day, or_(Post.valid_to.is_(None), Post.valid_to > day))


def holding_on(day: date) -> ColumnElement[bool]:
    """Return the SQL condition: the holding is valid on that day."""
    return and_(Holding.valid_from <= day, or_(Holding.valid_to.is_(None), Holding.valid_to > day))


def made(clean: Mapping[str, Any], now: datetime) -> Post:
    """Return a row from checked values. The row is not stored yet."""
    values = dict(clean) | {"valid_from": clean["valid_from"] or today(now)}
    if values["valid_to"] is not None and values["valid_to"] <= values["valid_from"]:
        raise refusals.dates_reversed()
    return Post(id=new_id(), **values)


def change(post: Post, clean: Mapping[str, Any]) -> list[str]:
    """Set checked values. Return the names of the changed fields."""
    wanted = {name: value for name, value in clean.items() if not (name == "valid_from" and value is None)}
    changed = [name for name, value in wanted.items() if getattr(post, name) != value]
    for name in changed:
        setattr(post, name, wanted[name])
    if post.valid_to is not None and post.valid_to <= post.valid_from:
        raise refusals.dates_reversed()
    return sorted(changed)
