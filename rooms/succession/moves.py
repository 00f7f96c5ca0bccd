"""Merger of sites: halls, terminals and future invitations move into one site, and the old sites close."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.org import units
from rooms.org.fields import midnight
from rooms.policy.actors import Actor
from rooms.policy.roles import require
from rooms.sites import places
from rooms.store import audit
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.sites import Hall, Site, Terminal


async def merge(
    session: AsyncSession,
    site_ids: Sequence[str],
    into: str | Mapping[str, Any],
    on: date,
    actor: Actor,
    now: datetime,
) -> tuple[Site, Mapping[str, int]]:
    """Merge sites from day `on` into a new site (from values) or an existing site. Bookings of the halls do not change.

    Meetings that began before keep the old sites. Return the site and the numbers of moved halls, terminals and invitations,
    and of closed sites.
    """
    olds = [await places.get(session, one) for one in dict.fromkeys(site_ids) if one != into]
    for old in olds:
        require(actor, "sites.write", (await units.get(session, old.unit_id)).path)
    if isinstance(into, str):
        heir = await places.get(session, into)
        require(actor, "sites.write", (await units.get(session, heir.unit_id)).path)
    else:
        heir = await places.create(session, dict(into) | {"valid_from": on}, actor, now)
    moved: Counter[str] = Counter()
    ids = [old.id for old in olds]
    await _move_things(session, ids, heir, moved)
    await _move_invitations(session, ids, heir, on, moved)
    for old in olds:
        old.valid_to = max(on, old.valid_from)
        old.version += 1
        moved["sites_closed"] += 1
    await session.flush()
    detail = {"from": [old.code for old in olds][:50], "into": heir.code, "moved": dict(moved)}
    await audit.record(session, now, actor, "site.merge", "site", heir.id, heir.unit_id, detail)
    return heir, dict(moved)


async def _move_things(session: AsyncSession, ids: Sequence[str], heir: Site, moved: Counter[str]) -> None:
    tables: tuple[tuple[str, type[Hall | Terminal]], ...] = (("halls", Hall), ("terminals", Terminal))
    for name, table in tables:
        rows: Iterable[Any] = await session.scalars(select(table).where(table.site_id.in_(ids)))
        for one in rows:
            one.site_id = heir.id
            one.version += 1
            moved[name] += 1
    for site in await session.scalars(select(Site).where(Site.nearest_site_id.in_(ids), Site.id != heir.id)):
        site.nearest_site_id = heir.id
    await session.flush()


async def _move_invitations(
    session: AsyncSession, ids: Sequence[str], heir: Site, on: date, moved: Counter[str]
) -> None:
    begun = select(Occurrence.id).where(Occurrence.meeting_id == Meeting.id, Occurrence.starts_at < midnight(on))
    wanted = select(Attendee).join(Meeting, Meeting.id == Attendee.meeting_id)
    for one in await session.scalars(wanted.where(Attendee.site_id.in_(ids), ~begun.exists())):
        one.site_id = heir.id
        moved["invitations"] += 1
