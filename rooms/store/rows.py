"""Bulk insert into several tables: one statement and one round trip on PostgreSQL, one call for each table on SQLite.

This module is for code that must be fast. A row is a mapping by column names. A missing column gets the default of its table.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from sqlalchemy import Insert, Table, TextClause, insert, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import make_transient_to_detached

from rooms.store.tables.columns import Row

R = TypeVar("R", bound=Row)
Batch = Mapping[type[Row], Sequence[Mapping[str, Any]]]
_postgresql = postgresql.dialect()  # type: ignore[no-untyped-call]


async def add(session: AsyncSession, batch: Batch, passing: frozenset[type[Row]] = frozenset()) -> None:
    """Insert the rows in the order of the tables. A table comes after the tables that its foreign keys refer to. `passing`:
    tables whose duplicate rows are skipped.
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
        await connection.execute(_insert(table, table in leaves), rows)


def persistent(session: AsyncSession, kind: type[R], row: Mapping[str, Any]) -> R:
    """Return the object of a row that was just inserted, as if it had been read. Later changes of the object are stored."""
    made = transient(kind, row)
    make_transient_to_detached(made)
    session.add(made)
    return made


def transient(kind: type[R], row: Mapping[str, Any]) -> R:
    """Return an object of a row that is not stored, for reading only."""
    names = _attributes(kind)
    return kind(**{names[name]: value for name, value in {**defaults(kind), **row}.items()})


def seen(kind: type[R], row: Mapping[str, Any]) -> R:
    """Return the values of a row with the attributes of `kind`, for views of many rows. An object of the table takes ten times
    as long to make.
    """
    names = _attributes(kind)
    values = {**defaults(kind), **row}
    return cast(R, SimpleNamespace(**{names[name]: value for name, value in values.items()}))


@cache
def defaults(kind: type[Row]) -> dict[str, Any]:
    """Return the default of every column. Do not change the returned dict."""
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
def _insert(table: Table, passing: bool) -> Insert:
    return sqlite.insert(table).on_conflict_do_nothing() if passing else insert(table)


@cache
def _statement(tables: tuple[Table, ...], passing: frozenset[Table]) -> TextClause:
    """Return all inserts as parts of one statement. The database checks foreign keys after the whole statement."""
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
