"""Export of the register into a file that `imports` can read back without any change."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.exchange import sheets
from rooms.exchange.forms import Form, Register, form, heading, load, needed
from rooms.org import posts
from rooms.org.fields import Field, to_text, today
from rooms.policy.actors import Actor
from rooms.policy.roles import scopes
from rooms.store.tables.org import Holding


async def export(
    session: AsyncSession, kind: str, actor: Actor, now: datetime, form_of_file: Literal["csv", "xlsx"] = "xlsx"
) -> bytes:
    """Return the file of all rows of a kind that the actor may read, by code. Raise Refusal `unknown_kind`."""
    one = form(kind)
    headings, rows = [heading(each) for each in one.fields], await lines(session, one, actor, now)
    if form_of_file == "csv":
        return await asyncio.to_thread(sheets.to_csv, headings, rows)
    return await asyncio.to_thread(sheets.to_xlsx, one.title, headings, rows)


async def lines(session: AsyncSession, one: Form, actor: Actor, now: datetime) -> list[list[str]]:
    """Return the cells in the order of the form's fields."""
    register = await load(session, needed(one))
    holders: dict[str, str] = {}
    if one.kind == "post":
        held = await session.execute(select(Holding.post_id, Holding.person_id).where(posts.holding_on(today(now))))
        holders = {row.post_id: row.person_id for row in held}
    allowed = scopes(actor, one.reads)
    rows = [
        row
        for row in register.by_id[one.kind].values()
        if allowed is None or register.path(one.kind, row).startswith(allowed)
    ]
    if one.kind == "post":
        day = today(now)
        rows = [row for row in rows if row.valid_to is None or row.valid_to > day]
        rows.sort(key=lambda row: (register.code("unit", row.unit_id), row.rank, row.title))
    else:
        rows.sort(key=lambda row: row.code)
    return [[_cell(register, each, row, holders) for each in one.fields] for row in rows]


def _cell(register: Register, one: Field, row: Any, holders: dict[str, str]) -> str:
    value = holders.get(row.id) if one.name == "person_id" else getattr(row, one.name)
    return register.code(one.refers, value) if one.refers else to_text(one, value)
