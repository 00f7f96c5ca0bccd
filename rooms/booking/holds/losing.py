"""Halls and terminals of invited units that a meeting loses: to a meeting with precedence, or to their own units."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.holds import restoring
from rooms.booking.meeting import history, timing
from rooms.booking.rules.calendar import local
from rooms.identifiers import digest
from rooms.policy.actors import SYSTEM, Actor
from rooms.store.tables.booking import Change, Reservation
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.sites import Hall, Site, Terminal

LOST: Final = "halls_lost"
"""The action of the line in the history."""
OWN: Final = "Đơn vị đặt cuộc họp khác tại hội trường của mình; thiết bị này hiện dành cho cuộc họp đó."


async def tell(
    session: AsyncSession,
    dates: Sequence[Occurrence],
    resource_ids: Collection[str],
    why: str,
    loss: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Write a line in the history of a meeting that has lost these halls and terminals, and tell its staff and their units. A
    second call with the same loss does nothing.

    `dates`: the dates of the meeting and of its rehearsal that lost something, in order. `loss`: the identifier of the event.
    The meeting itself has not changed. So its version stays, and its last change can still be undone.
    """
    lost_by = await session.get_one(Meeting, dates[0].meeting_id)
    id_ = lost_by.rehearses_id or lost_by.id
    meeting = await session.get_one(Meeting, id_, with_for_update=True, populate_existing=True)
    line_id = digest(f"{loss}:{meeting.id}")[:32]
    if await session.get(Change, line_id) is not None:
        return
    own = [one for one in dates if one.meeting_id == meeting.id]
    rehearsals = [one for one in dates if one.meeting_id != meeting.id]
    things = await _named(session, resource_ids)
    if len(own) > 1:
        why = f"{why} Số buổi: {len(own)}."
    about, told = ", ".join(one.name for one in things), why
    if rehearsals:
        told = f"{told} {'Và' if own else 'Buổi'} tổng duyệt {local(rehearsals[0].starts_at):%H:%M %d/%m/%Y}."
    before = await session.scalar(select(func.min(Change.version)).where(Change.meeting_id == meeting.id))
    version, only = min(before or 0, 0) - 1, own[0].id if len(own) == 1 else ""
    line = history.line(meeting.id, version, actor, now, LOST, f"{about}. {told}", date_id=only)
    await session.execute(insert(Change), [line | {"id": line_id}])
    for one in things:
        await timing.lost(session, meeting, own, rehearsals, one, why, loss, now)
    await timing.renewed(session, meeting.id, now)


async def _named(session: AsyncSession, resource_ids: Collection[str]) -> list[timing.LostThing]:
    """Return these halls and terminals, without the terminals in these halls: the name of the hall is enough."""
    halls = select(Hall.id, Hall.name, Site.unit_id).join(Site, Site.id == Hall.site_id)
    devices = select(Terminal.id, Terminal.name, Site.unit_id).join(Site, Site.id == Terminal.site_id)
    devices = devices.where(or_(Terminal.hall_id.is_(None), Terminal.hall_id.not_in(resource_ids)))
    return [
        timing.LostThing(*row)
        for query, id_ in ((halls, Hall.id), (devices, Terminal.id))
        for row in await session.execute(query.where(id_.in_(resource_ids)).order_by(id_))
    ]


async def won(session: AsyncSession, payload: Mapping[str, Any], now: datetime) -> None:
    """Handle the job `booking.won`: units have booked their own halls, and so taken the terminals there off these dates."""
    lost: dict[str, set[str]] = defaultdict(set)
    for date_id, terminal_id in payload["lost"]:
        lost[date_id].add(terminal_id)
    of = func.coalesce(Meeting.rehearses_id, Meeting.id)
    found = select(Occurrence, of).join(Meeting, Meeting.id == Occurrence.meeting_id)
    of_meeting: dict[str, list[Occurrence]] = defaultdict(list)
    for date, meeting_id in await session.execute(
        found.where(Occurrence.id.in_(lost), Occurrence.state.in_(timing.LIVE)).order_by(Occurrence.starts_at)
    ):
        of_meeting[meeting_id].append(date)
    for _, dates in sorted(of_meeting.items()):
        terminals = set().union(*(lost[one.id] for one in dates))
        await tell(session, dates, terminals, OWN, payload["loss"], SYSTEM, now)


async def still(session: AsyncSession, meeting_id: str, resource_ids: Collection[str], now: datetime) -> set[str]:
    """Return those of the halls and terminals that other meetings have at the coming dates of this meeting or its rehearsal."""
    of = func.coalesce(Meeting.rehearses_id, Meeting.id)
    dates = select(Occurrence).join(Meeting, Meeting.id == Occurrence.meeting_id).where(of == meeting_id)
    coming = dates.where(Occurrence.state.in_(timing.LIVE), Occurrence.ends_at > now).subquery()
    return set(
        await session.scalars(
            select(Reservation.resource_id)
            .join(coming, (coming.c.starts_at < Reservation.ends_at) & (coming.c.ends_at > Reservation.starts_at))
            .join(Occurrence, Occurrence.id == Reservation.occurrence_id)
            .join(Meeting, Meeting.id == Occurrence.meeting_id)
            .where(Reservation.resource_id.in_(resource_ids), Reservation.active, of != meeting_id)
        )
    )


async def regain(session: AsyncSession, meeting_id: str, now: datetime) -> None:
    """Reserve again the terminals and held halls of invited units that this meeting lost and that are free now."""
    meeting = await session.get(Meeting, meeting_id, with_for_update=True, populate_existing=True)
    if meeting is not None and meeting.state in restoring.TAKES:
        await restoring.take_guests(session, meeting, now)
        await timing.follow(session, meeting, now)
