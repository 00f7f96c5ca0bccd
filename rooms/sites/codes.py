"""Codes that the server proposes for new rows of the register. They follow from the name, so nobody must invent them."""

from __future__ import annotations

import re
from itertools import count
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.org.names import code_of, free
from rooms.sites import places
from rooms.store.tables.org import Person, RecipientSet, Unit
from rooms.store.tables.sites import Hall, Network, Site, Terminal

TABLES: Final[dict[str, Any]] = {
    "units": Unit,
    "people": Person,
    "sets": RecipientSet,
    "sites": Site,
    "halls": Hall,
    "terminals": Terminal,
    "networks": Network,
}
MOST = 48
"""Characters of a proposed code. Chosen below the 64 of the register, with room for the number of a namesake. More: codes that
nobody can read aloud. Fewer: names of long offices lose their last words.
"""
TYPED = 16
"""Characters of a site's code that a terminal's code repeats. Chosen: a remote control types them. More: users mistype names.
Fewer: more sites have only initials in these names.
"""


async def propose(session: AsyncSession, kind: str, name: str, site_id: str | None = None) -> str:
    """Return a code that is free now. The code of a hall begins with the code of its site. The code of a terminal is
    short, because it becomes the name of a SIP account: users type it with a remote control.

    Raise Refusal `unknown_site`.
    """
    own = code_of(name) or kind
    if site_id is not None:
        site = (await places.get(session, site_id)).code.lower()
        if kind == "terminals":
            own = f"{_initials(site)}.tb"
            taken = await _taken(session, kind, own)
            return next(one for n in count(1) if (one := f"{own}{n}") not in taken)
        own = f"{site}-{own}"
    own = _cut(own)
    taken = await _taken(session, kind, own)
    return free(own, taken)


async def _taken(session: AsyncSession, kind: str, own: str) -> set[str]:
    column = TABLES[kind].code
    return set(await session.scalars(select(func.lower(column)).where(column.istartswith(own, autoescape=True))))


def _initials(code: str) -> str:
    """Return a short code as it is. Of a long code return the first letter of each word."""
    return code if len(code) <= TYPED else "".join(word[0] for word in re.split(r"[-._]+", code) if word)


def _cut(code: str) -> str:
    """Return the whole words of a code that fit."""
    if len(code) <= MOST:
        return code
    whole = code[: MOST + 1].rpartition("-")[0]
    return (whole or code[:MOST]).rstrip("-._")
