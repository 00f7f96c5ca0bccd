"""Codes that the server proposes for new rows of the register. They follow from the name, so nobody must invent them."""

from __future__ import annotations

from itertools import count
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.org.names import code_of
from rooms.sites import places
from rooms.store.tables.org import Person, RecipientSet, Unit
from rooms.store.tables.sites import Hall, Network, Site, Terminal

TABLES: Final[dict[str, Any]] = {
    "unit": Unit,
    "person": Person,
    "recipient_set": RecipientSet,
    "site": Site,
    "hall": Hall,
    "terminal": Terminal,
    "network": Network,
}
MOST = 48
"""Characters of a proposed code. Chosen below the 64 of the register, with room for the number of a namesake. More: codes that
nobody can read aloud. Fewer: names of long offices lose their last words.
"""


async def propose(session: AsyncSession, kind: str, name: str, site_id: str | None = None) -> str:
    """Return a code that is free now. The code of a hall or a terminal begins with the code of its site.

    Raise Refusal `unknown_site`.
    """
    own = code_of(name) or kind.replace("_", "-")
    if site_id is not None:
        own = f"{(await places.get(session, site_id)).code.lower()}-{own}"
    own = _cut(own)
    column = TABLES[kind].code
    taken = set(await session.scalars(select(func.lower(column)).where(column.istartswith(own, autoescape=True))))
    return own if own not in taken else next(one for n in count(2) if (one := f"{own}-{n}") not in taken)


def _cut(code: str) -> str:
    """Return the whole words of a code that fit."""
    if len(code) <= MOST:
        return code
    whole = code[: MOST + 1].rpartition("-")[0]
    return (whole or code[:MOST]).rstrip("-._")
