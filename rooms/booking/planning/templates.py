"""Stored help for the next booking: a unit's templates, its attendee lists, and the copy of the last meeting."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.meeting import reading
from rooms.booking.planning import requests, stored
from rooms.booking.planning.requests import AttendeeRequest, Request
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.org.names import cleaned
from rooms.policy import classes, roles
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.meetings import Attendee, AttendeeList, Occurrence, Template
from rooms.store.tables.org import Unit

TIMELESS = ("starts_at", "rehearsal_at", "skip", "skip_clashes", "submit", "urgent_reason")
WEEK = timedelta(days=7)


async def copy_last(
    session: AsyncSession, meeting_id: str, actor: Actor, now: datetime, starts_at: datetime | None = None
) -> Request:
    """Return the meeting as a request with one date ("same as last time"). Without `starts_at`, use the same weekday and hour,
    in the first future week after the last date.
    """
    meeting, _ = await reading.meeting_of(session, meeting_id, actor)
    request = await stored.request_of(session, meeting)
    last = await session.scalar(select(func.max(Occurrence.starts_at)).where(Occurrence.meeting_id == meeting.id))
    at = starts_at or (last or meeting.first_starts_at) + WEEK
    while starts_at is None and at <= now:
        at += WEEK * max(1, (now - at) // WEEK)
    known = await reading.belongs(session, actor, meeting.id)
    entries = await session.scalars(select(Attendee).where(Attendee.meeting_id == meeting.id)) if known else ()
    return dataclasses.replace(
        request,
        starts_at=at,
        rehearsal_at=None,
        rule="",
        skip=(),
        submit=False,
        attendees=tuple(_entry(one) for one in entries),
    )


def _entry(one: Attendee) -> AttendeeRequest:
    common = {"site_id": one.site_id, "label": one.label, "role": one.role, "required": one.required}
    if one.person_id:
        return AttendeeRequest(person_id=one.person_id, must_be_head=one.must_be_head, **common)  # type: ignore[arg-type]
    if one.unit_id:
        return AttendeeRequest(unit_id=one.unit_id, must_be_head=one.must_be_head, **common)  # type: ignore[arg-type]
    return AttendeeRequest(guest_name=one.guest_name, guest_email=one.guest_email, **common)  # type: ignore[arg-type]


# Templates


async def save_template(
    session: AsyncSession, unit_id: str, name: str, request: Mapping[str, Any], actor: Actor, now: datetime
) -> Template:
    """Store a template without its time. A template with the same name and unit is replaced. Raise `bad_template`."""
    unit = await _unit(session, unit_id, actor)
    names = {one.name for one in dataclasses.fields(Request)} - set(TIMELESS)
    kept = {key: value for key, value in request.items() if key in names}
    if kept.get("class_") == classes.SECRET:
        raise Refusal(
            "state_secret",
            "Không lưu mẫu có nội dung bí mật nhà nước.",
            "a meeting about state secrets cannot be saved as a template",
        )
    try:
        requests.from_json({**kept, "starts_at": now.isoformat()})
        good = not kept.get("class_") or kept["class_"] in classes.RANK
    except (KeyError, TypeError, ValueError):
        good = False
    if not good or len(json.dumps(kept, ensure_ascii=False)) > limits.KEPT_CHARACTERS:
        raise Refusal("bad_template", "Mẫu đặt lịch không đúng. Hãy lưu lại từ mẫu nhập.", "not a booking")
    found = await _named(session, Template, unit_id, name)
    if found is None:
        await _room(session, Template, unit_id)
    template = found or Template(id=new_id(), unit_id=unit_id, name=_name(name))
    template.request = kept
    session.add(template)
    await session.flush()
    await audit.record(session, now, actor, "template.save", "template", template.id, unit.id)
    return template


async def templates(session: AsyncSession, actor: Actor) -> list[Template]:
    """Return the templates of the actor's units, and of the units above and below them."""
    return list(await session.scalars(_readable(Template, actor).limit(limits.TEMPLATES)))


async def delete_template(session: AsyncSession, template_id: str, actor: Actor, now: datetime) -> None:
    await _delete(session, await session.get(Template, template_id), "template", actor, now)


# Lists of attendees


async def save_list(
    session: AsyncSession, unit_id: str, name: str, entries: Sequence[Mapping[str, Any]], actor: Actor, now: datetime
) -> AttendeeList:
    """Store an attendee list. `entries` holds the fields of `AttendeeRequest`. A list with the same name and unit is replaced.
    Raise `bad_attendee`, `too_many`.
    """
    unit = await _unit(session, unit_id, actor)
    try:
        known = requests.attendees_from_json(entries)
    except TypeError as error:
        raise Refusal("bad_attendee", "Danh sách có mục không đúng.", "the list has an invalid entry") from error
    if len(known) > limits.ATTENDEE_REQUESTS:
        raise Refusal("too_many", "Danh sách quá dài.", "the list is too long")
    if any(one.kinds != 1 for one in known):
        raise Refusal(
            "bad_attendee",
            "Mỗi dòng chọn đúng một đơn vị, nhóm, cá nhân hoặc khách.",
            "each line must be one unit, one set, one person or one guest",
        )
    found = await _named(session, AttendeeList, unit_id, name)
    if found is None:
        await _room(session, AttendeeList, unit_id)
    kept = found or AttendeeList(id=new_id(), unit_id=unit_id, name=_name(name))
    kept.entries = [dataclasses.asdict(one) for one in known]
    session.add(kept)
    await session.flush()
    await audit.record(session, now, actor, "attendee_list.save", "attendee_list", kept.id, unit.id)
    return kept


async def lists(session: AsyncSession, actor: Actor) -> list[AttendeeList]:
    return list(await session.scalars(_readable(AttendeeList, actor).limit(limits.TEMPLATES)))


async def delete_list(session: AsyncSession, list_id: str, actor: Actor, now: datetime) -> None:
    await _delete(session, await session.get(AttendeeList, list_id), "attendee_list", actor, now)


async def rename(session: AsyncSession, row: Template | AttendeeList, unit_id: str, name: str, actor: Actor) -> None:
    """Move a template or a list to this unit and name. Raise `name_taken`."""
    await _unit(session, row.unit_id, actor)
    await _unit(session, unit_id, actor)
    if (row.unit_id, row.name) == (unit_id, _name(name)):
        return
    if await _named(session, type(row), unit_id, name) is not None:
        raise Refusal(
            "name_taken", "Đơn vị đã có mục mang tên này. Hãy đặt tên khác.", "the name is taken: choose another"
        )
    if row.unit_id != unit_id:
        await _room(session, type(row), unit_id)
    row.unit_id, row.name = unit_id, _name(name)
    await session.flush()


async def _unit(session: AsyncSession, unit_id: str, actor: Actor) -> Unit:
    unit = await session.get(Unit, unit_id)
    if unit is None:
        raise Refusal("unknown_unit", "Không tìm thấy đơn vị. Hãy chọn lại.", "no such unit")
    roles.require(actor, "templates.write", unit.path)
    return unit


def _name(name: str) -> str:
    kept = cleaned(name)
    if not kept or len(kept) > 200:
        raise Refusal("bad_name", "Hãy đặt tên từ 1 đến 200 ký tự.", "the name must have 1 to 200 characters")
    return kept


async def _named(session: AsyncSession, table: Any, unit_id: str, name: str) -> Any:
    return (await session.scalars(select(table).where(table.unit_id == unit_id, table.name == _name(name)))).first()


async def _room(session: AsyncSession, table: Any, unit_id: str) -> None:
    """Check that the unit may keep one more row. Raise `too_many`."""
    if (await session.scalar(select(func.count()).where(table.unit_id == unit_id)) or 0) >= limits.KEPT_EACH:
        raise Refusal(
            "too_many",
            f"Một đơn vị lưu nhiều nhất {limits.KEPT_EACH} mẫu. Hãy xóa bớt mẫu cũ.",
            f"a unit can keep at most {limits.KEPT_EACH}: delete an old entry first",
        )


def _readable(table: Any, actor: Actor) -> Any:
    query = select(table).order_by(table.name)
    if actor.kind in ("command", "system"):
        return query
    above = {part for one in actor.roles for part in one.unit_path.split("/") if part}
    below = [Unit.path.startswith(one.unit_path, autoescape=True) for one in actor.roles]
    return query.join(Unit, Unit.id == table.unit_id).where(or_(table.unit_id.in_(above), *below))


async def _delete(session: AsyncSession, row: Any, kind: str, actor: Actor, now: datetime) -> None:
    if row is None:
        raise Refusal("not_found", "Không tìm thấy mục này.", "no such entry")
    await _unit(session, row.unit_id, actor)
    await session.delete(row)
    await audit.record(session, now, actor, f"{kind}.delete", kind, row.id, row.unit_id)
