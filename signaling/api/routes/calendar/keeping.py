"""What is kept for the next time (templates, lists of attendees) and what counts for all bookings (rules, holidays, settings)."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

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

router = APIRouter(tags=["keeping"])
Key = Annotated[Id, Path()]


@router.get("/templates", openapi_extra=needs("board.read"))
async def list_templates(visit: Caller, rows: Rows) -> Page[Template]:
    """Those of one's units, of what is below and above them."""
    actor = anywhere(visit, "board.read")
    kept = await visit.read(lambda session: templates.templates(session, actor))
    return rows.cut(kept, _template)


@router.post("/templates", status_code=201, openapi_extra=needs("templates.write", of="unit"))
async def save_template(visit: Caller, wanted: TemplateFields) -> Template:
    """Keep a booking under a name, without its time; the same name of the same unit is replaced."""
    given = (wanted.unit_id, wanted.name, _request(wanted), visit.actor, visit.now)
    return _template(await visit.write(lambda session: templates.save_template(session, *given)))


@router.put("/templates/{template_id}", openapi_extra=needs("templates.write", of="template"))
async def replace_template(visit: Caller, template_id: Key, wanted: TemplateFields) -> Template:
    """Its name and what it holds."""
    actor = visit.actor

    async def work(session: AsyncSession) -> TemplateRow:
        row = found(await session.get(TemplateRow, template_id))
        if (row.unit_id, row.name) != (wanted.unit_id, wanted.name):
            await templates.delete_template(session, template_id, actor, visit.now)
        return await templates.save_template(session, wanted.unit_id, wanted.name, _request(wanted), actor, visit.now)

    return _template(await visit.write(work))


@router.delete("/templates/{template_id}", status_code=204, openapi_extra=needs("templates.write", of="template"))
async def delete_template(visit: Caller, template_id: Key) -> None:
    """Forget it."""
    await visit.write(lambda session: templates.delete_template(session, template_id, visit.actor, visit.now))


@router.get("/attendee-lists", openapi_extra=needs("board.read"))
async def list_lists(visit: Caller, rows: Rows) -> Page[AttendeeList]:
    """Those of one's units, of what is below and above them."""
    actor = anywhere(visit, "board.read")
    kept = await visit.read(lambda session: templates.lists(session, actor))
    return rows.cut(kept, lambda one: shown(AttendeeList, one))


@router.post("/attendee-lists", status_code=201, openapi_extra=needs("templates.write", of="unit"))
async def save_list(visit: Caller, wanted: AttendeeListFields) -> AttendeeList:
    """Keep attendees under a name; the same name of the same unit is replaced."""
    entries = [one.model_dump() for one in wanted.entries]
    given = (wanted.unit_id, wanted.name, entries, visit.actor, visit.now)
    return shown(AttendeeList, await visit.write(lambda session: templates.save_list(session, *given)))


@router.put("/attendee-lists/{list_id}", openapi_extra=needs("templates.write", of="attendee_list"))
async def replace_list(visit: Caller, list_id: Key, wanted: AttendeeListFields) -> AttendeeList:
    """Its name and what it holds."""
    actor, entries = visit.actor, [one.model_dump() for one in wanted.entries]

    async def work(session: AsyncSession) -> ListRow:
        row = found(await session.get(ListRow, list_id))
        if (row.unit_id, row.name) != (wanted.unit_id, wanted.name):
            await templates.delete_list(session, list_id, actor, visit.now)
        return await templates.save_list(session, wanted.unit_id, wanted.name, entries, actor, visit.now)

    return shown(AttendeeList, await visit.write(work))


@router.delete("/attendee-lists/{list_id}", status_code=204, openapi_extra=needs("templates.write", of="attendee_list"))
async def delete_list(visit: Caller, list_id: Key) -> None:
    """Forget it."""
    await visit.write(lambda session: templates.delete_list(session, list_id, visit.actor, visit.now))


@router.get("/rules/{unit_id}", openapi_extra=needs("board.read"))
async def get_rule(visit: Caller, unit_id: Key) -> Rule:
    """What a unit may book: its own rule, or that of the nearest unit above which has one."""
    anywhere(visit, "board.read")
    return _rule(unit_id, await visit.read(lambda session: settings.rule_of(session, unit_id)))


@router.put("/rules/{unit_id}", openapi_extra=needs("rules.write", of="unit"))
async def set_rule(visit: Caller, unit_id: Key, wanted: RuleFields) -> Rule:
    """A rule of its own for a unit."""
    given = (unit_id, wanted.model_dump(), visit.actor, visit.now)
    return _rule(unit_id, await visit.write(lambda session: settings.set_rule(session, *given)))


@router.get("/holidays", openapi_extra=needs("board.read"))
async def list_holidays(visit: Caller, rows: Rows, year: Annotated[int, Query(ge=2000, le=2100)]) -> Page[Holiday]:
    """The days off of a year: the public calendar with what the province sets over it."""
    anywhere(visit, "board.read")
    return rows.cut(await visit.read(lambda session: settings.holidays(session, year)), lambda one: shown(Holiday, one))


@router.put("/holidays/{day}", openapi_extra=needs("settings.write"))
async def set_holiday(visit: Caller, day: date, wanted: HolidayFields) -> Holiday:
    """A day off, or a day worked instead."""
    given = (day, wanted.name, wanted.works, visit.actor, visit.now)
    return shown(Holiday, await visit.write(lambda session: settings.set_holiday(session, *given)))


@router.delete("/holidays/{day}", status_code=204, openapi_extra=needs("settings.write"))
async def remove_holiday(visit: Caller, day: date) -> None:
    """The public calendar counts again."""
    await visit.write(lambda session: settings.remove_holiday(session, day, visit.actor, visit.now))


@router.get("/pools", openapi_extra=needs("settings.read"))
async def list_pools(visit: Caller, rows: Rows) -> Page[Pool]:
    """Media capacity."""
    anywhere(visit, "settings.read")
    return rows.cut(await visit.read(settings.pools), lambda one: shown(Pool, one))


@router.put("/pools/{code}", openapi_extra=needs("settings.write"))
async def set_pool(visit: Caller, code: Annotated[Code, Path(max_length=32)], wanted: PoolFields) -> Pool:
    """How many legs there are at once; what is promised already stays."""
    given = (code, wanted.name, wanted.legs, visit.actor, visit.now)
    return shown(Pool, await visit.write(lambda session: settings.set_pool(session, *given)))


@router.get("/settings", openapi_extra=needs("settings.read"))
async def list_settings(visit: Caller, rows: Rows) -> Page[Setting]:
    """Every setting; version 0 is its default."""
    anywhere(visit, "settings.read")
    return rows.cut(await visit.read(settings.values), lambda one: shown(Setting, one))


@router.put("/settings/{name}", openapi_extra=needs("settings.write"))
async def set_setting(
    visit: Caller, response: Response, name: Annotated[Word, Path()], wanted: SettingFields, version: Version
) -> Setting:
    """The whole value."""
    given = (name, wanted.value, visit.actor, visit.now, version)
    row = await visit.write(lambda session: settings.set_value(session, *given))
    tag(response, row.version)
    return shown(Setting, row)


def _rule(unit_id: str, rule: unit_rules.Rule) -> Rule:
    return shown(Rule, rule, unit_id=unit_id, inherited_from=None if rule.unit_id == unit_id else rule.unit_id)


def _request(wanted: TemplateFields) -> dict[str, Any]:
    """As `rooms.booking` keeps it: there the class has a name that Python allows."""
    values = dict(wanted.request)
    if "class" in values:
        values["class_"] = values.pop("class") or ""
    return values


def _template(row: TemplateRow) -> Template:
    values = dict(row.request)
    if "class_" in values:
        values["class"] = values.pop("class_") or None
    return shown(Template, row, request=values)
