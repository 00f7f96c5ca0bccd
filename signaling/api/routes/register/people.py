"""The routes of people and their deputies."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Path, Query, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import deputies
from rooms.accounts import roles as granted
from rooms.org import fields, people, posts, units
from rooms.policy import disclosure, roles
from rooms.store.tables.org import Deputy as DeputyRow
from rooms.store.tables.org import Holding, Post
from rooms.store.tables.org import Person as PersonRow
from rooms.store.tables.org import Unit as UnitRow
from signaling.api.ground.visits import Caller, Rows, Version, Visit, anywhere, tag
from signaling.api.models import limits
from signaling.api.models.org import Deputy, DeputyFields, PassedRole, Person, PersonFields, PersonPost
from signaling.api.models.parts import Id, Page, shown
from signaling.host.declared import OWN, needs
from signaling.host.routers import new_router

router = new_router("people")
Search = Annotated[str, Query(max_length=limits.QUERY_CHARACTERS, description="Diacritics and đ/d do not matter.")]
Key = Annotated[Id, Path()]


@router.get("/people", openapi_extra=needs("people.read"))
async def list_people(
    visit: Caller, rows: Rows, q: Search = "", unit_id: Id | None = None, active: bool | None = True
) -> Page[Person]:
    """Search people by name, code, address or post, in a unit and below it. Phones are empty for callers who may not correct the
    person.
    """
    actor = anywhere(visit, "people.read")

    async def work(session: AsyncSession) -> tuple[list[PersonRow], dict[str, str], dict[str, str]]:
        below = (await units.get(session, unit_id)).path if unit_id else ""
        found = await people.search(session, q, below, active, rows.reach)
        if q.strip() and len(found) < rows.reach:
            held = await posts.holders(session, q, fields.today(visit.now), rows.reach)
            found += await people.of_ids(session, held, {one.id for one in found}, below, active)
            found = found[: rows.reach]
        part = found[rows.offset :]
        titles = await people.titles(session, [one.id for one in part], fields.today(visit.now))
        own = select(UnitRow.id, UnitRow.path).where(UnitRow.id.in_({one.unit_id for one in part}))
        return part, titles, dict((await session.execute(own)).all())

    found, titles, paths = await visit.read(work)

    def view(one: PersonRow) -> Person:
        return shown(Person, one, title=titles.get(one.id, ""), **disclosure.blank_person(actor, paths[one.unit_id]))

    return rows.page(found, view)


@router.get("/people/{person_id}", openapi_extra=needs("people.read"))
async def get_person(visit: Caller, response: Response, person_id: Key) -> Person:
    """Return one person."""
    anywhere(visit, "people.read")
    return await visit.read(lambda session: _shown(session, person_id, visit, response))


@router.post("/people", status_code=201, openapi_extra=needs("people.write", of="unit"))
async def create_person(visit: Caller, response: Response, wanted: PersonFields) -> Person:
    """Add a person to a unit. A new post needs the right to change the unit's posts too."""

    async def work(session: AsyncSession) -> Person:
        made = await people.create(session, _values(wanted), visit.actor, visit.now)
        await _appoint(session, made, wanted, visit)
        return await _shown(session, made.id, visit, response)

    return await visit.write(work)


@router.put("/people/{person_id}", openapi_extra=needs("people.write", of="person"))
async def edit_person(
    visit: Caller, response: Response, person_id: Key, wanted: PersonFields, version: Version
) -> Person:
    """Correct a person. A move to another unit needs the right in both units."""

    async def work(session: AsyncSession) -> Person:
        person = await people.edit(session, person_id, _values(wanted), visit.actor, visit.now, version)
        await _appoint(session, person, wanted, visit)
        return await _shown(session, person_id, visit, response)

    return await visit.write(work)


@router.get("/people/{person_id}/posts", openapi_extra=needs("people.read"))
async def list_posts_of_person(visit: Caller, person_id: Key) -> list[PersonPost]:
    """List the posts that a person holds today or will hold later."""
    anywhere(visit, "people.read")

    async def work(session: AsyncSession) -> list[PersonPost]:
        await people.get(session, person_id)
        held = await posts.of_person(session, person_id, fields.today(visit.now))
        return [_held(*one) for one in held]

    return await visit.read(work)


@router.get("/deputies", openapi_extra=needs(OWN))
async def list_deputies(visit: Caller, rows: Rows, person_id: Id | None = None) -> Page[Deputy]:
    """List the deputyships of or for a person, with the roles that pass. Without `person_id`: those of the caller, or of the
    caller's units if the caller may grant deputyships.
    """
    actor = visit.actor

    async def work(session: AsyncSession) -> list[Deputy]:
        scopes = roles.scopes(actor, "deputies.write")
        asked = person_id
        if asked is None and not roles.anywhere(actor, "deputies.write"):
            asked = actor.person_id or "-"
        found = await deputies.search(session, asked, limit=limits.SEARCHED)
        seen = [row for row in found if await _may_see(session, row, visit, scopes)]
        return await _deputies(session, seen, visit)

    return rows.cut(await visit.read(work), lambda one: one)


@router.post("/deputies", status_code=201, openapi_extra=needs("deputies.write", of="person"))
async def grant_deputy(visit: Caller, wanted: DeputyFields) -> Deputy:
    """Let one person act for another between two instants, with the working roles that the other person holds now. The
    represented person may ask for this too.
    """

    async def work(session: AsyncSession) -> Deputy:
        given = (wanted.person_id, wanted.deputy_id, wanted.starts_at, wanted.ends_at, wanted.reason)
        made = await deputies.grant(session, *given, visit.actor, visit.now)
        return (await _deputies(session, [made], visit))[0]

    return await visit.write(work)


@router.delete("/deputies/{deputy_id}", status_code=204, openapi_extra=needs("deputies.write", of="deputy"))
async def revoke_deputy(visit: Caller, deputy_id: Key) -> None:
    """End a deputyship. The deputy loses the roles at once."""
    await visit.write(lambda session: deputies.revoke(session, deputy_id, visit.actor, visit.now))


def _values(wanted: PersonFields) -> dict[str, Any]:
    return wanted.model_dump(exclude={"appointment"})


async def _appoint(session: AsyncSession, person: PersonRow, wanted: PersonFields, visit: Visit) -> None:
    given = wanted.appointment
    if given is None:
        return
    if given.post_id is None:
        await posts.appoint_new(session, person, given.title, given.valid_from, visit.actor, visit.now)
    else:
        await posts.appoint(session, given.post_id, person.id, given.valid_from, visit.actor, visit.now)


def _held(holding: Holding, post: Post, unit: UnitRow) -> PersonPost:
    return PersonPost(
        post_id=post.id,
        title=post.title,
        unit_name=unit.name,
        valid_from=holding.valid_from,
        valid_to=holding.valid_to,
    )


async def _shown(session: AsyncSession, person_id: str, visit: Visit, response: Response) -> Person:
    person = await people.get(session, person_id)
    unit = await units.get(session, person.unit_id)
    titles = await people.titles(session, [person_id], fields.today(visit.now))
    tag(response, person.version)
    blank = disclosure.blank_person(visit.actor, unit.path)
    return shown(Person, person, unit_name=unit.name, title=titles.get(person_id, ""), **blank)


async def _deputies(session: AsyncSession, rows: Sequence[DeputyRow], visit: Visit) -> list[Deputy]:
    passed = await granted.passing(session, [one.id for one in rows], visit.now)

    async def view(row: DeputyRow) -> Deputy:
        person, deputy = await people.get(session, row.person_id), await people.get(session, row.deputy_id)
        ended = row.ends_at <= visit.now or (row.revoked_at is not None and row.revoked_at <= visit.now)
        held = [] if ended else passed.get(row.id, [])
        return shown(
            Deputy,
            row,
            person_name=person.name,
            deputy_name=deputy.name,
            in_force=row.starts_at <= visit.now and not ended,
            roles=[PassedRole(role=role, unit_id=unit.id, unit_name=unit.name) for role, unit in held],
        )

    return [await view(row) for row in rows]


async def _may_see(session: AsyncSession, row: DeputyRow, visit: Visit, scopes: tuple[str, ...] | None) -> bool:
    if scopes is None or visit.actor.person_id in (row.person_id, row.deputy_id):
        return True
    path = (await units.get(session, (await people.get(session, row.person_id)).unit_id)).path
    return any(path.startswith(one) for one in scopes)
