"""The routes of saved things (templates, lists of attendees) and of the rules for all bookings (rules, holidays, settings)."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.meeting import naming
from rooms.booking.planning import templates
from rooms.booking.rules import settings, unit_rules
from rooms.store.tables.meetings import AttendeeList as ListRow
from rooms.store.tables.meetings import Template as TemplateRow
from signaling.api.ground.visits import Caller, Rows, Version, anywhere, found, tag
from signaling.api.models.booking import (
    Holiday,
    HolidayFields,
    Pool,
    PoolFields,
    Rule,
    RuleFields,
    Setting,
    SettingFields,
)
from signaling.api.models.meetings import AttendeeList, AttendeeListFields, Template, TemplateFields
from signaling.api.models.parts import Code, Id, Page, Word, shown
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("keeping")
Key = Annotated[Id, Path()]


@router.get("/templates", openapi_extra=needs("board.read"))
async def list_templates(visit: Caller, rows: Rows) -> Page[Template]:
    """List the templates of the caller's units, and of units below and above them."""
    actor = anywhere(visit, "board.read")
    kept = await visit.read(lambda session: templates.templates(session, actor))
    return rows.cut(kept, _template)


@router.post("/templates", status_code=201, openapi_extra=needs("templates.write", of="unit"))
async def save_template(visit: Caller, wanted: TemplateFields) -> Template:
    """Save a booking under a name, without its time. It replaces a template of the same name and unit."""
    given = (wanted.unit_id, wanted.name, _request(wanted), visit.actor, visit.now)
    return _template(await visit.write(lambda session: templates.save_template(session, *given)))


@router.put("/templates/{template_id}", openapi_extra=needs("templates.write", of="template"))
async def replace_template(visit: Caller, template_id: Key, wanted: TemplateFields) -> Template:
    """Replace the name and the content of a template."""
    actor = visit.actor

    async def work(session: AsyncSession) -> TemplateRow:
        row = found(await session.get(TemplateRow, template_id))
        await templates.rename(session, row, wanted.unit_id, wanted.name, actor)
        return await templates.save_template(session, wanted.unit_id, wanted.name, _request(wanted), actor, visit.now)

    return _template(await visit.write(work))


@router.delete("/templates/{template_id}", status_code=204, openapi_extra=needs("templates.write", of="template"))
async def delete_template(visit: Caller, template_id: Key) -> None:
    """Delete a template."""
    await visit.write(lambda session: templates.delete_template(session, template_id, visit.actor, visit.now))


@router.get("/attendee-lists", openapi_extra=needs("board.read"))
async def list_lists(visit: Caller, rows: Rows) -> Page[AttendeeList]:
    """List the attendee lists of the caller's units, and of units below and above them."""
    actor = anywhere(visit, "board.read")
    kept = await visit.read(lambda session: templates.lists(session, actor))
    return rows.cut(kept, lambda one: shown(AttendeeList, one))


@router.post("/attendee-lists", status_code=201, openapi_extra=needs("templates.write", of="unit"))
async def save_list(visit: Caller, wanted: AttendeeListFields) -> AttendeeList:
    """Save attendees under a name. The list replaces a list of the same name and unit."""
    entries = [one.model_dump() for one in wanted.entries]
    given = (wanted.unit_id, wanted.name, entries, visit.actor, visit.now)
    return shown(AttendeeList, await visit.write(lambda session: templates.save_list(session, *given)))


@router.put("/attendee-lists/{list_id}", openapi_extra=needs("templates.write", of="attendee_list"))
async def replace_list(visit: Caller, list_id: Key, wanted: AttendeeListFields) -> AttendeeList:
    """Replace the name and the content of an attendee list."""
    actor, entries = visit.actor, [one.model_dump() for one in wanted.entries]

    async def work(session: AsyncSession) -> ListRow:
        row = found(await session.get(ListRow, list_id))
        await templates.rename(session, row, wanted.unit_id, wanted.name, actor)
        return await templates.save_list(session, wanted.unit_id, wanted.name, entries, actor, visit.now)

    return shown(AttendeeList, await visit.write(work))


@router.delete("/attendee-lists/{list_id}", status_code=204, openapi_extra=needs("templates.write", of="attendee_list"))
async def delete_list(visit: Caller, list_id: Key) -> None:
    """Delete an attendee list."""
    await visit.write(lambda session: templates.delete_list(session, list_id, visit.actor, visit.now))


@router.get("/rules/{unit_id}", openapi_extra=needs("board.read"))
async def get_rule(visit: Caller, unit_id: Key) -> Rule:
    """Return the booking rule of a unit: its own rule, or the rule of the nearest unit above that has one."""
    anywhere(visit, "board.read")
    return _rule(unit_id, await visit.read(lambda session: settings.rule_of(session, unit_id)))


@router.put("/rules/{unit_id}", openapi_extra=needs("rules.write", of="unit"))
async def set_rule(visit: Caller, unit_id: Key, wanted: RuleFields) -> Rule:
    """Give a unit its own rule."""
    given = (unit_id, wanted.model_dump(), visit.actor, visit.now)
    return _rule(unit_id, await visit.write(lambda session: settings.set_rule(session, *given)))


@router.get("/holidays", openapi_extra=needs("board.read"))
async def list_holidays(visit: Caller, rows: Rows, year: Annotated[int, Query(ge=2000, le=2100)]) -> Page[Holiday]:
    """List the days off of a year: the public calendar with the changes of the province."""
    anywhere(visit, "board.read")
    return rows.cut(await visit.read(lambda session: settings.holidays(session, year)), lambda one: shown(Holiday, one))


@router.put("/holidays/{day}", openapi_extra=needs("settings.write"))
async def set_holiday(visit: Caller, day: date, wanted: HolidayFields) -> Holiday:
    """Set a day off, or a working day in exchange."""
    given = (day, wanted.name, wanted.works, visit.actor, visit.now)
    return shown(Holiday, await visit.write(lambda session: settings.set_holiday(session, *given)))


@router.delete("/holidays/{day}", status_code=204, openapi_extra=needs("settings.write"))
async def remove_holiday(visit: Caller, day: date) -> None:
    """Delete a change, so that the public calendar counts again."""
    await visit.write(lambda session: settings.remove_holiday(session, day, visit.actor, visit.now))


@router.get("/pools", openapi_extra=needs("settings.read"))
async def list_pools(visit: Caller, rows: Rows) -> Page[Pool]:
    """List the media capacity."""
    anywhere(visit, "settings.read")
    return rows.cut(await visit.read(lambda session: _pools(session, visit.now)), lambda one: one)


async def _pools(session: AsyncSession, now: datetime, code: str = "") -> list[Pool]:
    """Return the pools with the names of their units and their use. `code`: only this pool."""
    found = [one for one in await settings.pools(session) if code in ("", one.code)]
    names = await naming.units(session, [one.unit_id for one in found if one.unit_id])
    used = await settings.booked(session, now)
    return [shown(Pool, one, unit_name=names.get(one.unit_id or "", ""), booked=used.get(one.code, 0)) for one in found]


@router.put("/pools/{code}", openapi_extra=needs("settings.write"))
async def set_pool(visit: Caller, code: Annotated[Code, Path(max_length=32)], wanted: PoolFields) -> Pool:
    """Make a pool, or set its simultaneous legs. Existing reservations stay. A meeting takes its legs from every pool that counts
    it.
    """
    given = (code, wanted.name, wanted.legs, visit.actor, visit.now, wanted.unit_id, wanted.counts)

    async def work(session: AsyncSession) -> Pool:
        await settings.set_pool(session, *given)
        return (await _pools(session, visit.now, code))[0]

    return await visit.write(work)


@router.delete("/pools/{code}", status_code=204, openapi_extra=needs("settings.write"))
async def remove_pool(visit: Caller, code: Annotated[Code, Path(max_length=32)]) -> None:
    """Delete a pool. The last pool stays."""
    await visit.write(lambda session: settings.remove_pool(session, code, visit.actor, visit.now))


@router.get("/settings", openapi_extra=needs("settings.read"))
async def list_settings(visit: Caller, rows: Rows) -> Page[Setting]:
    """List every setting. Version 0 is the default value."""
    anywhere(visit, "settings.read")
    return rows.cut(await visit.read(settings.values), lambda one: shown(Setting, one))


@router.put("/settings/{name}", openapi_extra=needs("settings.write"))
async def set_setting(
    visit: Caller, response: Response, name: Annotated[Word, Path()], wanted: SettingFields, version: Version
) -> Setting:
    """Replace the whole value of a setting."""
    given = (name, wanted.value, visit.actor, visit.now, version)
    row = await visit.write(lambda session: settings.set_value(session, *given))
    tag(response, row.version)
    return shown(Setting, row)


def _rule(unit_id: str, rule: unit_rules.Rule) -> Rule:
    return shown(Rule, rule, unit_id=unit_id, inherited_from=None if rule.unit_id == unit_id else rule.unit_id)


def _request(wanted: TemplateFields) -> dict[str, Any]:
    """Return the request as `rooms.booking` stores it. There the class has a name that Python allows."""
    values = dict(wanted.request)
    if "class" in values:
        values["class_"] = values.pop("class") or ""
    return values


def _template(row: TemplateRow) -> Template:
    values = dict(row.request)
    if "class_" in values:
        values["class"] = values.pop("class_") or None
    return shown(Template, row, request=values)
