"""The routes of units, their successions, and their posts."""

from datetime import date
from typing import Annotated

from fastapi import Path, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.org import fields, posts, root_unit, units
from rooms.store.tables.org import Unit as UnitRow
from rooms.succession import reforms
from rooms.succession.estate import Share
from signaling.api.ground.visits import Caller, Rows, Version, Visit, anywhere, tag
from signaling.api.models import limits
from signaling.api.models.org import (
    Block,
    HoldingFields,
    NewUnit,
    Post,
    PostFields,
    Succession,
    SuccessionReport,
    Top,
    TopFields,
    Unit,
    UnitFields,
)
from signaling.api.models.parts import Id, Page, shown
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("units")
Search = Annotated[str, Query(max_length=limits.QUERY_CHARACTERS, description="Diacritics and đ/d do not matter.")]
Key = Annotated[Id, Path()]


@router.get("/units", openapi_extra=needs("org.read"))
async def list_units(
    visit: Caller,
    rows: Rows,
    q: Search = "",
    parent_id: Id | None = None,
    tier: Annotated[int | None, Query(ge=0, le=9)] = None,
    block: Block | None = None,
    kind: Annotated[str | None, Query(max_length=40)] = None,
    on: date | None = None,
) -> Page[Unit]:
    """List the units that exist on a day (default: today), parents before children. `q`: only units whose name or code contains
    this text.
    """
    anywhere(visit, "org.read")
    day = on or fields.today(visit.now)

    async def work(session: AsyncSession) -> list[UnitRow]:
        if q:
            return await units.search(session, q, day, limit=limits.SEARCHED)
        return await units.tree(session, day)

    wanted = {"parent_id": parent_id, "tier": tier, "block": block, "kind": kind}
    given = {name: value for name, value in wanted.items() if value is not None}
    kept = [one for one in await visit.read(work) if all(getattr(one, name) == value for name, value in given.items())]
    return rows.cut(kept, lambda one: shown(Unit, one))


@router.get("/units/{unit_id}", openapi_extra=needs("org.read"))
async def get_unit(visit: Caller, response: Response, unit_id: Key) -> Unit:
    """Return one unit."""
    anywhere(visit, "org.read")
    unit = await visit.read(lambda session: units.get(session, unit_id))
    tag(response, unit.version)
    return shown(Unit, unit)


@router.post("/units", status_code=201, openapi_extra=needs("org.write", of="unit"))
async def create_unit(visit: Caller, response: Response, wanted: UnitFields) -> Unit:
    """Add a unit below `parent_id`."""
    unit = await visit.write(lambda session: units.create(session, wanted.model_dump(), visit.actor, visit.now))
    tag(response, unit.version)
    return shown(Unit, unit)


@router.put("/units/{unit_id}", openapi_extra=needs("org.write", of="unit"))
async def edit_unit(visit: Caller, response: Response, unit_id: Key, wanted: UnitFields, version: Version) -> Unit:
    """Correct a unit. Another `parent_id` moves the unit with all units below it."""
    values = wanted.model_dump()
    unit = await visit.write(lambda session: units.edit(session, unit_id, values, visit.actor, visit.now, version))
    tag(response, unit.version)
    return shown(Unit, unit)


@router.post("/units/{unit_id}/succession", openapi_extra=needs("org.write", of="unit"))
async def succeed(visit: Caller, unit_id: Key, wanted: Succession) -> SuccessionReport:
    """Merge, rename, split or abolish a unit, or (`preview`) only report what would move."""

    async def work(session: AsyncSession) -> reforms.Report:
        async def change() -> reforms.Report:
            return await _succeeded(session, visit, unit_id, wanted)

        return await (reforms.rehearse(session, change) if wanted.preview else change())

    return shown(SuccessionReport, await visit.write(work))


async def _succeeded(session: AsyncSession, visit: Visit, unit_id: str, wanted: Succession) -> reforms.Report:
    how = (wanted.on, wanted.decision, visit.actor, visit.now)
    if wanted.kind == "rename":
        return await reforms.rename(session, unit_id, wanted.name, *how)
    if wanted.kind == "abolish":
        return await reforms.abolish(session, unit_id, wanted.into_id, *how)
    if wanted.kind == "split":
        parts = [reforms.Part(one) for one in ([wanted.into_id] if wanted.into_id else []) + wanted.others]
        return await reforms.split(session, unit_id, await _parts(session, unit_id, wanted) or parts, *how)
    into = await _in_place_of(session, unit_id, wanted.new) if wanted.new else wanted.into_id or unit_id
    return await reforms.merge(session, [unit_id, *wanted.others], into, *how)


async def _parts(session: AsyncSession, unit_id: str, wanted: Succession) -> list[reforms.Part]:
    return [
        reforms.Part(
            one.into_id or await _in_place_of(session, unit_id, one.new),
            Share(frozenset(one.site_ids), frozenset(one.person_ids), frozenset(one.unit_ids)),
        )
        for one in wanted.parts
    ]


async def _in_place_of(session: AsyncSession, unit_id: str, new: NewUnit | None) -> dict[str, object]:
    """Return the values of a new unit that takes the place of the old one."""
    assert new is not None, "the model checks this"
    old = await units.get(session, unit_id)
    same = {name: getattr(old, name) for name in ("kind", "tier", "block", "parent_id", "position", "distance_km")}
    return same | new.model_dump()


@router.get("/top", openapi_extra=needs("org.read"))
async def get_top(visit: Caller) -> Top:
    """Return the unit whose administrators decide for the whole system. Empty if there are several top units and none was
    named.
    """
    anywhere(visit, "org.read")
    return _top(await visit.read(root_unit.root))


@router.put("/top", openapi_extra=needs("settings.write"))
async def set_top(visit: Caller, wanted: TopFields) -> Top:
    """Name another top unit whose administrators decide for the whole system."""
    unit_id = wanted.unit_id
    return _top(await visit.write(lambda session: root_unit.change(session, unit_id, visit.actor, visit.now)))


def _top(unit: UnitRow | None) -> Top:
    return Top(unit_id=unit.id if unit else None, name=unit.name if unit else "")


@router.get("/posts", openapi_extra=needs("org.read"))
async def list_posts(
    visit: Caller, rows: Rows, unit_id: Id | None = None, q: Search = "", on: date | None = None
) -> Page[Post]:
    """List the posts of a unit (or of all units) on a day (default: today), the head first, with their holders. `q`: searches
    title, unit and holder; it has an effect only without `unit_id`.
    """
    anywhere(visit, "org.read")
    day = on or fields.today(visit.now)
    if unit_id is None:
        listed = await visit.read(lambda session: posts.search(session, q, day, limits.SEARCHED))
        return rows.cut(listed, lambda one: _post(one[0], one[1].name))

    async def work(session: AsyncSession) -> tuple[UnitRow, list[posts.Held]]:
        return await units.get(session, unit_id), await posts.of_unit(session, unit_id, day)

    unit, held = await visit.read(work)
    return rows.cut(held, lambda one: _post(one, unit.name))


@router.post("/posts", status_code=201, openapi_extra=needs("org.write", of="unit"))
async def create_post(visit: Caller, wanted: PostFields) -> Post:
    """Add a post to a unit. A holder needs the right to change people there too."""

    async def work(session: AsyncSession) -> Post:
        values = wanted.model_dump(exclude={"holder"})
        made = await posts.create(session, values, visit.actor, visit.now)
        return await _held(session, made.id, wanted.holder, visit)

    return await visit.write(work)


@router.put("/posts/{post_id}", openapi_extra=needs("org.write", of="post"))
async def edit_post(visit: Caller, post_id: Key, wanted: PostFields) -> Post:
    """Correct a post. `valid_to` ends the post and its holder's time in it."""

    async def work(session: AsyncSession) -> Post:
        values = wanted.model_dump(exclude={"holder"})
        await posts.edit(session, post_id, values, visit.actor, visit.now)
        return await _held(session, post_id, wanted.holder, visit)

    return await visit.write(work)


async def _held(session: AsyncSession, post_id: str, wanted: HoldingFields | None, visit: Visit) -> Post:
    """Appoint the wanted holder, and return the post with its holder then."""
    day = fields.today(visit.now)
    if wanted is not None:
        taken = (wanted.person_id, wanted.valid_from, visit.actor, visit.now, wanted.valid_to)
        await posts.appoint(session, post_id, *taken)
        day = wanted.valid_from or day
    post = await posts.get(session, post_id)
    held = await posts.of_unit(session, post.unit_id, day)
    found = next((one for one in held if one.post.id == post_id), posts.Held(post, None))
    return _post(found, (await units.get(session, post.unit_id)).name)


@router.delete("/posts/{post_id}/holder/{person_id}", status_code=204, openapi_extra=needs("people.write", of="post"))
async def vacate(visit: Caller, post_id: Key, person_id: Key, since: date | None = None) -> None:
    """End a person's time in the post today. `since`: only the time that begins on this day."""
    await visit.write(lambda session: posts.vacate(session, post_id, person_id, None, visit.actor, visit.now, since))


def _post(held: posts.Held, unit_name: str) -> Post:
    person = held.person
    named = {"holder_id": person.id, "holder_name": person.name} if person else {}
    return shown(Post, held.post, unit_name=unit_name, **named)
