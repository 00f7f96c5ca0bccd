"""Counts of the rows of the register, and of rows that lack something, for the first page of an administrator."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.org import posts, units
from rooms.org.fields import today
from rooms.policy.actors import Actor
from rooms.policy.roles import scopes
from rooms.sites import places
from rooms.store.tables.accounts import Account
from rooms.store.tables.dialling import SipAccount
from rooms.store.tables.org import Holding, Person, Post, Unit
from rooms.store.tables.sites import Hall, Site, Terminal


async def counted(session: AsyncSession, actor: Actor, now: datetime) -> dict[str, int]:
    """Count the rows below the units whose organisation the actor may change."""
    day, allowed = today(now), scopes(actor, "org.write")
    within = (
        true() if allowed is None else or_(false(), *(Unit.path.startswith(one, autoescape=True) for one in allowed))
    )
    post = _of(Post.unit_id, within).where(posts.existing(day))
    person = _of(Person.unit_id, within).where(Person.active)
    site = _of(Site.unit_id, within).where(places.existing(day))
    hall = _of(Site.unit_id, within).join(Hall, Hall.site_id == Site.id).where(places.existing(day))
    terminal = _of(Site.unit_id, within).join(Terminal, Terminal.site_id == Site.id).where(Terminal.active)
    held = exists().where(Holding.post_id == Post.id, posts.holding_on(day))
    counts: dict[str, Select[Any]] = {
        "units": select(func.count()).select_from(Unit).where(within, units.existing(day)),
        "posts": post,
        "vacant_posts": post.where(~held),
        "people": person,
        "people_without_account": person.where(~exists().where(Account.person_id == Person.id, Account.active)),
        "sites": site,
        "halls": hall,
        "halls_without_terminal": hall.where(~exists().where(Terminal.hall_id == Hall.id, Terminal.active)),
        "terminals": terminal,
        "terminals_without_account": terminal.where(~exists().where(SipAccount.terminal_id == Terminal.id)),
    }
    return {name: await session.scalar(one) or 0 for name, one in counts.items()}


def _of(column: Any, within: Any) -> Select[Any]:
    """Return the statement that counts rows of units in the branches."""
    return select(func.count()).select_from(column.class_).join(Unit, Unit.id == column).where(within)
