"""The terminals of the call list as resources of a date. A terminal has one call at a time, whether it is called or dials in.

- The terminals of booked halls and the terminals that were added are reserved like halls. If one of them is taken, the booking
  is refused. The secretary can take the terminal off the call list.
- The terminal of an invited unit is reserved when the system approves the meeting or the unit accepts, if it is free then. If
  another date has it, the server does not call this terminal. Thus one unit with two meetings does not prevent a meeting of a
  hundred units. A meeting that waits for its approval keeps no unit out of its own hall.
- A unit that books its own hall gets the terminal in it, also if the terminal is a guest of a coming meeting then. To keep the
  terminal, that meeting holds the hall (`rooms.booking.holds.guest_holds`).
- A terminal that was taken off the list is not reserved.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import clashes
from rooms.booking.holds.clashes import Busy, Clash
from rooms.booking.holds.resources import Span, Thing
from rooms.booking.meeting.call_list import CallList, Device, NamedList, Taken
from rooms.policy import classes
from rooms.policy.actors import Actor
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Occurrence
from rooms.store.tables.sites import Terminal

Wishes = list[tuple[Span, Sequence[Thing]]]


def thing_of(device: Device) -> Thing:
    return Thing("terminal", device.id, device.name, site_id=device.site_id, hall_id=device.hall_id or "")


def needed(things: Sequence[Thing], calls: CallList, host_unit_id: str) -> tuple[Thing, ...]:
    """Return what a date must have: `things` without the terminals that were taken out, and the terminals of booked halls."""
    out = {one.device.id for one in calls.lines if one.out}
    found = {one.id: one for one in things if one.id not in out}
    for line in calls.lines:
        if line.why == "hall" and not line.out:
            own = line.device.unit_id == host_unit_id
            found.setdefault(line.device.id, replace(thing_of(line.device), outranks=own))
    return tuple(sorted(found.values(), key=lambda one: one.id))


def of_guests(calls: CallList, class_: str, known: Collection[str], agreed: Collection[str]) -> tuple[Thing, ...]:
    """Return the terminals of invited units, without those in `known`. `agreed`: the units whose terminals the server may
    call. Leave out a terminal that the class does not admit.
    """
    return tuple(
        replace(thing_of(one.device), guest=True)
        for one in calls.lines
        if one.why == "unit"
        and not one.out
        and one.device.id not in known
        and one.device.unit_id in agreed
        and admitted(class_, one.device.closed)
    )


def admitted(class_: str, closed: bool) -> bool:
    """Report whether the server may call a registered terminal into a meeting of this class."""
    return classes.admission(class_, "dial_out", terminal_registered=True, network_closed=closed, invited=True).allowed


async def wishes(
    session: AsyncSession,
    spans: Sequence[Span],
    must: Sequence[Thing],
    guests: Sequence[Thing],
    own: Collection[str] = (),
) -> Wishes:
    """Return what to reserve on each date: `must`, and those of `guests` that are free. The caller has locked all of them. `own`:
    dates whose reservations do not count.

    The number of guests' reservations is limited. The terminals of later dates are reserved shortly before their calls
    (`rooms.dialling.reserved`).
    """
    if not guests:
        return [(span, must) for span in spans]
    known = await clashes.timetable_of(session, {one.id for one in guests}, clashes.days_of(spans))
    timetable = {id_: [one for one in rows if one.occurrence_id not in own] for id_, rows in known.items()}
    found: Wishes = []
    left = limits.GUEST_TERMINALS_HELD
    for span in sorted(spans, key=lambda one: one.starts_at):
        free = [
            one
            for one in guests
            if not clashes.meets(timetable.get(one.id, ()), *one.keeps(span.starts_at, span.ends_at))
        ][:left]
        left -= len(free)
        found.append((span, (*must, *free)))
    return found


async def with_taken(
    session: AsyncSession, calls: NamedList, spans: Sequence[Span], actor: Actor, excluding: str = ""
) -> NamedList:
    """Add to each line the other meeting that has the terminal at the time of one of `spans`. `excluding`: this meeting."""
    ids = {one.terminal_id for one in calls.lines if not one.out}
    if not ids or not spans:
        return calls
    timetable = await clashes.timetable_of(session, ids, clashes.days_of(spans), excluding)
    first: dict[str, tuple[Busy, int]] = {}
    for terminal_id, rows in timetable.items():
        met = [busy for one in spans if (busy := clashes.meets(rows, one.starts_at, one.ends_at))]
        if met:
            first[terminal_id] = met[0], len(met)
    worded = await clashes.named(
        session,
        actor,
        [(Clash("terminal", id_, "", one.starts_at, one.ends_at, one.meeting_id),) for id_, (one, _) in first.items()],
    )
    taken = {
        one.resource_id: Taken(one.starts_at, one.ends_at, one.title, one.unit, first[one.resource_id][1])
        for (one,) in worded
    }
    return replace(calls, lines=tuple(replace(one, taken=taken.get(one.terminal_id)) for one in calls.lines))


async def of_operators(session: AsyncSession, meeting_id: str) -> tuple[dict[str, list[Thing]], dict[str, set[str]]]:
    """Return, by date, the terminals that an operator called into the meeting, and the terminals that an operator took off."""
    called: dict[str, list[Thing]] = {}
    off: dict[str, set[str]] = {}
    rows = await session.execute(
        select(DialLeg.occurrence_id, DialLeg.taken_off, Terminal.id, Terminal.name, Terminal.site_id, Terminal.hall_id)
        .join(Occurrence, Occurrence.id == DialLeg.occurrence_id)
        .join(Terminal, Terminal.id == DialLeg.terminal_id)
        .where(Occurrence.meeting_id == meeting_id, DialLeg.asked_by == "operator")
    )
    for date, taken_off, id_, name, site_id, hall_id in rows:
        if taken_off:
            off.setdefault(date, set()).add(id_)
        else:
            thing = Thing("terminal", id_, name, site_id=site_id, hall_id=hall_id or "")
            called.setdefault(date, []).append(thing)
    return called, off
