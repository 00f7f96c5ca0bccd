"""Many rows of several tables at once: on PostgreSQL one statement and one round trip, on SQLite one call for each table.

For what a hot path writes. A row is a mapping by the names of columns; what it leaves out gets the default of its table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Table, TextClause, insert, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import make_transient_to_detached

from rooms.store.tables.columns import Row

R = TypeVar("R", bound=Row)
Batch = Mapping[type[Row], Sequence[Mapping[str, Any]]]
_postgresql = postgresql.dialect()  # type: ignore[no-untyped-call]


async def add(session: AsyncSession, batch: Batch, passing: frozenset[type[Row]] = frozenset()) -> None:
    """Insert in the order of the tables; a table comes after those that it refers to. `passing`: tables whose rows are left
    out where a unique one is there already.
    """
    filled = {kind.__table__: [{**defaults(kind), **row} for row in rows] for kind, rows in batch.items() if rows}
    if not filled:
        return
    await session.flush()
    connection = await session.connection()
    leaves = frozenset(kind.__table__ for kind in passing)
    if connection.dialect.name == "postgresql":
        values = {f"r{place}": json.dumps(rows, default=_plain) for place, rows in enumerate(filled.values())}
        await connection.execute(_statement(tuple(filled), leaves), values)
        return
    for table, rows in filled.items():
        statement = sqlite.insert(table).on_conflict_do_nothing() if table in leaves else insert(table)  # type: ignore[arg-type]
        await connection.execute(statement, rows)


def persistent(session: AsyncSession, kind: type[R], row: Mapping[str, Any]) -> R:
    """The object of a row that was just added, as if it had been read: what is set of it later is written."""
    made = transient(kind, row)
    make_transient_to_detached(made)
    session.add(made)
    return made


def transient(kind: type[R], row: Mapping[str, Any]) -> R:
    """The object of a row, for those who only look at it."""
    names = _attributes(kind)
    return kind(**{names[name]: value for name, value in {**defaults(kind), **row}.items()})


@cache
def defaults(kind: type[Row]) -> dict[str, Any]:
    """Of every column. Do not change what it gives."""
    found: dict[str, Any] = {}
    for column in kind.__table__.columns:
        default = column.default
        value = None if default is None else getattr(default, "arg", None)
        found[column.name] = value(None) if callable(value) else value
    return found


@cache
def _attributes(kind: type[Row]) -> dict[str, str]:
    return {one.columns[0].name: one.key for one in inspect(kind).mapper.column_attrs}


@cache
def _statement(tables: tuple[Table, ...], passing: frozenset[Table]) -> TextClause:
    """All inserts as parts of one statement: foreign keys are looked at when all of it has been done."""
    quote = _postgresql.identifier_preparer.quote
    parts = []
    for place, table in enumerate(tables):
        columns = ", ".join(quote(column.name) for column in table.columns)
        name, end = quote(table.name), " ON CONFLICT DO NOTHING" if table in passing else ""
        rows = f"json_populate_recordset(CAST(NULL AS {name}), CAST(:r{place} AS json))"
        parts.append(f"w{place} AS (INSERT INTO {name} ({columns}) SELECT {columns} FROM {rows}{end})")  # noqa: S608 (our own names)
    return text(f"WITH {', '.join(parts)} SELECT 1")


def _plain(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
