"""The reservations of terminals when halls are called. A terminal is called into a date only if the date has it.

The booking reserves most terminals (`rooms.booking.holds.terminals`). This module reserves the others before the call.
These are terminals that an operator adds, terminals that were not free before, and those of dates that an older server booked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.holds import clashes, resources
from rooms.booking.holds.clashes import Busy, Clash
from rooms.booking.holds.resources import Load, Span, Thing
from rooms.errors import Refusal
from rooms.policy.actors import Actor
from rooms.store.tables.booking import Reservation
from rooms.store.tables.meetings import Occurrence
from rooms.store.tables.sites import Terminal

MOMENT = timedelta(minutes=1)


async def ensure(
    session: AsyncSession, date: Occurrence, terminal_ids: Collection[str], now: datetime
) -> Mapping[str, Busy]:
    """Reserve these terminals from now to the end of the date, if they are not reserved for the date. Return the reservations
    of other dates that prevent it, by terminal.

    A date that continues after its end reserves nothing: the next date may have the terminal already.
    """
    if not terminal_ids:
        return {}
    begins = max(now, date.starts_at)
    window = begins, max(date.ends_at, begins + MOMENT)
    known = await clashes.timetable_of(session, terminal_ids, [window])
    if not _free(known, terminal_ids):
        return _others(known, date)
    await resources.lock(session, terminal_ids)
    known = await clashes.timetable_of(session, terminal_ids, [window])
    free = [Thing("terminal", one, "") for one in _free(known, terminal_ids)]
    if free and begins < date.ends_at:
        await resources.take(session, [(Span(date.id, begins, date.ends_at), free)], Load(), now)
    return _others(known, date)


def _free(known: Mapping[str, list[Busy]], terminal_ids: Collection[str]) -> list[str]:
    return [one for one in sorted(terminal_ids) if not known.get(one)]


def _others(known: Mapping[str, list[Busy]], date: Occurrence) -> dict[str, Busy]:
    found = {}
    for terminal, busy in known.items():
        others = [one for one in busy if one.occurrence_id != date.id]
        if others and len(others) == len(busy):
            found[terminal] = others[0]
    return found


async def require(session: AsyncSession, date: Occurrence, terminal: Terminal, actor: Actor, now: datetime) -> None:
    """Reserve the terminal for the date. Raise `terminal_taken` with the other meeting, if the actor may read that meeting."""
    busy = (await ensure(session, date, {terminal.id}, now)).get(terminal.id)
    if busy is None:
        return
    clash = Clash("terminal", terminal.id, terminal.name, busy.starts_at, busy.ends_at, busy.meeting_id)
    [(told,)] = await clashes.named(session, actor, [(clash,)])
    raise Refusal(
        "terminal_taken",
        f"{told.fact_vi} Một thiết bị chỉ dự được một cuộc họp: hãy đưa thiết bị ra khỏi cuộc họp kia trước.",
        f"{told.fact_en} A terminal can be in one meeting only: take it off the other meeting first.",
    )


async def give_back(session: AsyncSession, occurrence_id: str, terminal_id: str) -> None:
    """Release the terminal, because it was taken off the date."""
    await session.execute(
        delete(Reservation).where(Reservation.occurrence_id == occurrence_id, Reservation.resource_id == terminal_id)
    )
