"""The names of units, people, accounts, halls and terminals by identifier, for screens."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.store.tables.accounts import Account
from rooms.store.tables.org import Person, Unit
from rooms.store.tables.sites import Hall, Terminal

CHUNK = 500
"""Identifiers in one SQL statement; further ones go into the next. Chosen. More: longer statements. Above 32,766 databases
refuse the statement (its parameters). Fewer: more statements.
"""


async def units(session: AsyncSession, ids: Iterable[str | None]) -> dict[str, str]:
    return await _names(session, Unit, ids)


async def people(session: AsyncSession, ids: Iterable[str | None]) -> dict[str, str]:
    return await _names(session, Person, ids)


async def accounts(session: AsyncSession, ids: Iterable[str | None]) -> dict[str, str]:
    """Return the names of the accounts' people. An account without a person has its own name."""
    wanted = sorted({one for one in ids if one})
    found: dict[str, str] = {}
    for place in range(0, len(wanted), CHUNK):
        query = select(Account.id, Account.name, Person.name).outerjoin(Person, Person.id == Account.person_id)
        rows = await session.execute(query.where(Account.id.in_(wanted[place : place + CHUNK])))
        found |= {id_: person or login for id_, login, person in rows}
    return found


async def halls(session: AsyncSession, ids: Iterable[str | None]) -> dict[str, str]:
    return await _names(session, Hall, ids)


async def terminals(session: AsyncSession, ids: Iterable[str | None]) -> dict[str, str]:
    return await _names(session, Terminal, ids)


async def _names(session: AsyncSession, table: Any, ids: Iterable[str | None]) -> dict[str, str]:
    wanted = sorted({one for one in ids if one})
    found: dict[str, str] = {}
    for place in range(0, len(wanted), CHUNK):
        rows = await session.execute(_query(table), {"ids": wanted[place : place + CHUNK]})
        found |= {id_: name for id_, name in rows}  # noqa: C416 (rows are no mapping)
    return found


@cache
def _query(table: Any) -> Select[Any]:
    """Build the query once for each table: to build a query costs more than to run it."""
    return select(table.id, table.name).where(table.id.in_(bindparam("ids", expanding=True)))
