"""The kinds of files with their columns: the fields of each kind, references as codes, Vietnamese or English headings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.errors import Refusal
from rooms.org import people, posts, units
from rooms.org.fields import Field
from rooms.org.names import plain
from rooms.sites import halls, places, terminals
from rooms.store.tables.org import Person, Post, Unit
from rooms.store.tables.sites import Hall, Network, Site, Terminal

TABLES: Final[Mapping[str, Any]] = {
    "unit": Unit,
    "person": Person,
    "post": Post,
    "site": Site,
    "hall": Hall,
    "terminal": Terminal,
    "network": Network,
}
HOLDER: Final = Field("person_id", "Người giữ", refers="person", empty=None)


@dataclass(frozen=True)
class Form:
    """A kind of file. `kind` names the rows of the file. `made` and `change` are functions of the module of that kind."""

    kind: str
    title: str
    fields: Sequence[Field]
    reads: str
    writes: str
    made: Callable[[Mapping[str, Any], datetime], Any]
    change: Callable[[Any, Mapping[str, Any]], list[str]]


FORMS: Final[Mapping[str, Form]] = {
    "units": Form(
        "unit", "Đơn vị", units.FIELDS, "org.read", "org.write", lambda v, now: units.made(v, None, now), units.change
    ),
    "posts": Form("post", "Chức vụ", (*posts.FIELDS, HOLDER), "org.read", "org.write", posts.made, posts.change),
    "people": Form(
        "person", "Người", people.FIELDS, "people.read", "people.write", lambda v, _: people.made(v), people.change
    ),
    "sites": Form("site", "Điểm cầu", places.FIELDS, "sites.read", "sites.write", places.made, places.change),
    "halls": Form(
        "hall", "Phòng họp", halls.FIELDS, "sites.read", "sites.write", lambda v, _: halls.made(v), halls.change
    ),
    "terminals": Form(
        "terminal",
        "Thiết bị",
        terminals.FIELDS,
        "sites.read",
        "sites.write",
        lambda v, _: terminals.made(v),
        terminals.change,
    ),
}


def form(kind: str) -> Form:
    """Return the form of a kind. Raise Refusal `unknown_kind`."""
    if kind not in FORMS:
        listed = ", ".join(FORMS)
        raise Refusal("unknown_kind", f"Loại tệp phải là một trong: {listed}.", f"the kind must be one of {listed}")
    return FORMS[kind]


def column(one: Field) -> str:
    """Return the name of the column in a file: `unit_code` for `unit_id`."""
    return f"{one.name.removesuffix('_id')}_code" if one.refers else one.name


def heading(one: Field) -> str:
    return f"{one.title} (mã)" if one.refers else one.title


def recognised(fields: Sequence[Field]) -> dict[str, Field]:
    """Return every accepted heading, without diacritics, with its field."""
    return {plain(name): one for one in fields for name in (column(one), heading(one), one.title)}


@dataclass
class Register:
    """All rows that a file may refer to, loaded once: by kind and code, and by kind and identifier."""

    by_code: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_id: dict[str, dict[str, Any]] = field(default_factory=dict)

    def code(self, kind: str, identifier: str | None) -> str:
        found = self.by_id[kind].get(identifier or "")
        return found.code if found is not None else ""

    def path(self, kind: str, row: Any) -> str:
        """Return the path of the unit that owns the row."""
        if kind == "unit":
            return str(row.path)
        if kind in ("hall", "terminal"):
            row = self.by_id["site"][row.site_id]
        return str(self.by_id["unit"][row.unit_id].path)


async def load(session: AsyncSession, kinds: Sequence[str]) -> Register:
    """Load the rows of `kinds`, and the units."""
    register = Register()
    for kind in dict.fromkeys(("unit", *kinds)):
        rows = list(await session.scalars(select(TABLES[kind])))
        register.by_id[kind] = {one.id: one for one in rows}
        register.by_code[kind] = {one.code: one for one in rows if kind != "post"}
    return register


def needed(one: Form) -> list[str]:
    """Return the kind of this form and all kinds that its file refers to."""
    extra = ["site"] if one.kind in ("hall", "terminal") else []
    return [one.kind, *(each.refers for each in one.fields if each.refers), *extra]
