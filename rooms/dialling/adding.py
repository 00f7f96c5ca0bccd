"""The halls that an operator can add to a date, the nearest first, and the move of a hall from one date to another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import clashes
from rooms.booking.holds.clashes import Busy
from rooms.dialling import legs, planning
from rooms.errors import Refusal
from rooms.policy import disclosure, roles
from rooms.policy.actors import Actor
from rooms.sites import places, terminals
from rooms.store import audit
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Hall, Site, Terminal

SHOWN = 20
"""Halls in one answer. Chosen. More: a long list. Fewer: the operator must type more characters."""


@dataclass(frozen=True)
class Candidate:
    """A terminal that an operator can add. `busy`: another date that has the terminal. `there`: this date has the terminal."""

    terminal: Terminal
    site: Site
    hall: Hall | None
    distance_km: float | None
    busy: Busy | None
    there: bool


async def candidates(
    session: AsyncSession, occurrence_id: str, typed: str, actor: Actor, now: datetime
) -> list[Candidate]:
    """Search SIP terminals without diacritics. The halls of the host unit come first, then those with the fewest steps in the
    tree of units, then the nearest. Raise Refusal `occurrence_unknown`.
    """
    date, meeting = await planning.date_of(session, occurrence_id)
    host = await session.get_one(Unit, meeting.host_unit_id)
    from_site = (
        await session.scalars(select(Site).where(Site.unit_id == host.id).order_by(Site.latitude.is_(None), Site.code))
    ).first()
    known = await terminals.search(session, typed, limit=limits.HALLS, addressed=disclosure.operated(actor))
    ids = [one.id for one in known if "sip" in one.protocols]
    rows = await session.execute(
        select(Terminal, Site, Hall, Unit.path)
        .join(Site, Site.id == Terminal.site_id)
        .join(Unit, Unit.id == Site.unit_id)
        .outerjoin(Hall, Hall.id == Terminal.hall_id)
        .where(Terminal.id.in_(ids))
    )
    ranked = []
    for terminal, site, hall, path in rows.all():
        away = places.distance_km(from_site, site) if from_site is not None else None
        far = math.inf if away is None else away
        ranked.append(
            ((places.steps(host.path, path), far, site.search_name, terminal.code), terminal, site, hall, away)
        )
    nearest = sorted(ranked, key=lambda one: one[0])[:SHOWN]
    window = max(now, date.starts_at), max(date.ends_at, now)
    busy = await clashes.timetable_of(session, [one[1].id for one in nearest], [window])
    there = set(
        await session.scalars(
            select(DialLeg.terminal_id).where(DialLeg.occurrence_id == occurrence_id, ~DialLeg.taken_off)
        )
    )
    return [
        Candidate(terminal, site, hall, away, _other(busy.get(terminal.id, ()), occurrence_id), terminal.id in there)
        for _, terminal, site, hall, away in nearest
    ]


def _other(found: list[Busy] | tuple[()], occurrence_id: str) -> Busy | None:
    return next((one for one in found if one.occurrence_id != occurrence_id), None)


async def move(
    session: AsyncSession, leg_id: str, occurrence_id: str, to_id: str, actor: Actor, now: datetime
) -> DialLeg:
    """Take a hall off a date, and add it to another date, in one transaction. Return the new leg.

    The transaction checks the rights in both dates. It also stores the wishes to end the old call and to start the new call.
    Raise Refusal `occurrence_unknown`, `denied`, `unknown_leg`, and the refusals of `planning.ask`.
    """
    host = await planning.host_of(session, occurrence_id)
    for unit in (host, await planning.host_of(session, to_id)):
        roles.require(actor, "halls.operate", unit.path)
    leg = await session.get(DialLeg, leg_id)
    if leg is None or leg.occurrence_id != occurrence_id or to_id == occurrence_id:
        raise Refusal("unknown_leg", "Không có điểm cầu này trong buổi họp.", "no such hall in this meeting")
    await planning.take_off(session, occurrence_id, leg.terminal_id)
    made = await planning.ask(session, to_id, leg.terminal_id, actor, now)
    await legs.set_wish(session, leg.id, "drop")
    await legs.set_wish(session, made.id, "call")
    detail = {"terminal": (await session.get_one(Terminal, leg.terminal_id)).code, "to": to_id}
    await audit.record(session, now, actor, "hall.move", "occurrence", occurrence_id, host.id, detail)
    return made
