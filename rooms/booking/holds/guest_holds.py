"""The hold of the halls of invited units, if the meeting has `hold_guests`.

- Soft: the meeting waits for its approval, or the unit was invited later and has not accepted yet. A soft hold is no
  reservation: it is on the board, the unit can object, and another meeting may still take the hall. It ends with the meeting,
  after `hold_hours` or at the deadline of the approval.
- Firm: the hall has a reservation for the date, so that the database refuses it to others. The hall becomes firm when the
  system approves the meeting or the unit accepts, if the hall is free then.
- A unit that declines, or that objects before its hold is firm, keeps its hall free. An objection to a firm hold stays until
  the host gives the hall back. With the hall, its terminal is free again.

Soft holds follow from the list of invitees and are not stored. So they need no care when a meeting is edited, moved or split.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.holds import clashes, guest_halls
from rooms.booking.holds.clashes import Busy
from rooms.booking.holds.guest_halls import GuestHall
from rooms.booking.holds.resources import LONGEST, Thing, touching
from rooms.booking.meeting import consent
from rooms.booking.meeting.timing import LIVE
from rooms.store.tables.booking import HallObjection, Reservation, Wanted
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Hall

TAKES = ("held", "asked", "approved")
HoldState = Literal["free", "soft", "firm", "taken", "none", "many"]
"""`free`: the meeting does not hold the hall. `taken`: another meeting has it. `none`, `many`: see `guest_halls.Gap`."""


async def halls_to_take(
    session: AsyncSession, meeting: Meeting, booked: Collection[str], unit_id: str = ""
) -> tuple[Thing, ...]:
    """Return the halls that the meeting may reserve now. `booked`: what the host booked. `unit_id`: only halls of this unit."""
    if not meeting.hold_guests or meeting.state != "approved":
        return ()
    out = await released(session, meeting) | set(booked)
    parties = await guest_halls.of_meeting(session, meeting, booked)
    held = [
        (one.unit_id, one.hall)
        for one in parties
        if one.hall and one.hall.id not in out and unit_id in ("", one.unit_id)
    ]
    agreed = await consent.consenting(session, meeting, {unit_id for unit_id, _ in held})
    found = {hall.id: hall for unit_id, hall in held if unit_id in agreed}
    return tuple(found.values())


async def released(session: AsyncSession, meeting: Meeting) -> set[str]:
    """Return the halls that the meeting does not hold, because the unit objected or the host gave them back."""
    return {one.hall_id for one in await objections(session, meeting.id) if one.released}


async def objections(session: AsyncSession, meeting_id: str) -> Sequence[HallObjection]:
    return (await session.scalars(select(HallObjection).where(HallObjection.meeting_id == meeting_id))).all()


async def copy_objections(session: AsyncSession, from_id: str, to_id: str) -> None:
    """Copy the objections to another meeting, which holds the halls of the same units."""
    for one in await objections(session, from_id):
        values = {column.key: getattr(one, column.key) for column in HallObjection.__mapper__.column_attrs}
        session.add(HallObjection(**values | {"meeting_id": to_id}))
    await session.flush()


async def follow_objections(session: AsyncSession, meeting_id: str, rehearsal_id: str) -> None:
    """Copy the objections of a meeting to its rehearsal. A unit may also object to the rehearsal alone."""
    own = {one.hall_id: one for one in await objections(session, rehearsal_id)}
    for one in await objections(session, meeting_id):
        known = own.get(one.hall_id)
        if known is None:
            values = {column.key: getattr(one, column.key) for column in HallObjection.__mapper__.column_attrs}
            session.add(HallObjection(**values | {"meeting_id": rehearsal_id}))
        else:
            known.released = known.released or one.released
    await session.flush()


async def forget_copy(session: AsyncSession, objection: HallObjection, rehearsal_id: str) -> None:
    """Delete the copy of this objection from the rehearsal. An objection to the rehearsal alone stays."""
    copy = await session.get(HallObjection, (rehearsal_id, objection.hall_id))
    if copy is not None and (copy.by, copy.at) == (objection.by, objection.at):
        await session.delete(copy)
        await session.flush()


async def reasons(session: AsyncSession, meeting_ids: Collection[str]) -> dict[tuple[str, str], str]:
    """Return the reasons of units against holds of these meetings, by meeting and hall."""
    if not meeting_ids:
        return {}
    rows = await session.scalars(select(HallObjection).where(HallObjection.meeting_id.in_(meeting_ids)))
    return {(one.meeting_id, one.hall_id): one.reason for one in rows}


# Soft holds of all meetings


@dataclass(frozen=True)
class Soft:
    """A date that holds a hall softly. `row`: the date, its meeting and the host, with the columns `DATED`."""

    hall_id: str
    busy: Busy
    row: Any


DATED = (
    Occurrence.id.label("occurrence_id"),
    Occurrence.starts_at,
    Occurrence.ends_at,
    Occurrence.state,
    Meeting.id.label("meeting_id"),
    Meeting.title,
    Meeting.class_,
    Meeting.state.label("meeting_state"),
    Meeting.created_by,
    Unit.short_name,
    Unit.name,
)
"""The columns of a date, its meeting and the host."""
_DATES = select(*DATED).join(Meeting, Meeting.id == Occurrence.meeting_id)
_DATES = _DATES.join(Unit, Unit.id == Meeting.host_unit_id)


async def soft(
    session: AsyncSession,
    hall_ids: Collection[str],
    windows: Sequence[tuple[datetime, datetime]],
    excluding: str = "",
) -> list[Soft]:
    """Return the soft holds of these halls that touch a window, in order of time. `excluding`: a meeting that does not count."""
    dates = await _holding_dates(session, windows, excluding) if hall_ids else []
    if not dates:
        return []
    sites = set(await session.scalars(select(Hall.site_id).where(Hall.id.in_(hall_ids))))
    meets = {
        site: hall
        for site, (hall, _) in (await guest_halls.of_sites(session, sites)).items()
        if hall is not None and hall.id in hall_ids
    }
    invited = await _invited(session, {one.meeting_id for one in dates}, meets)
    firm = await _reserved_sites(session, [one.occurrence_id for one in dates])
    found = []
    for row in dates:
        for site_id in invited.get(row.meeting_id, ()):
            hall = meets[site_id]
            if (row.occurrence_id, site_id) not in firm:
                times = hall.keeps(row.starts_at, row.ends_at)
                found.append(Soft(hall.id, Busy(*times, row.meeting_id, row.occurrence_id), row))
    return found


async def _holding_dates(
    session: AsyncSession, windows: Sequence[tuple[datetime, datetime]], excluding: str
) -> list[Any]:
    found: dict[str, Any] = {}
    for touches in touching(Occurrence, windows):
        rows = await session.execute(
            _DATES.where(touches, Occurrence.state.in_(LIVE), Meeting.state.in_(TAKES))
            .where(Meeting.hold_guests, Meeting.id != excluding, Occurrence.id != excluding)
            .order_by(Occurrence.starts_at)
        )
        found |= {row.occurrence_id: row for row in rows}
    return list(found.values())


async def _invited(
    session: AsyncSession, meeting_ids: Collection[str], meets: Mapping[str, Thing]
) -> dict[str, list[str]]:
    """Return, by meeting, the sites whose units are invited, have not declined, and have not taken their hall out."""
    ids = sorted(meeting_ids)
    found: dict[str, list[str]] = defaultdict(list)
    for chunk in (ids[place : place + 500] for place in range(0, len(ids), 500)):
        released = select(HallObjection).where(HallObjection.meeting_id.in_(chunk), HallObjection.released)
        out = {(one.meeting_id, one.hall_id) for one in await session.scalars(released)}
        rows = await session.execute(
            select(Attendee.meeting_id, Attendee.site_id)
            .join(Meeting, Meeting.id == Attendee.meeting_id)
            .where(Attendee.meeting_id.in_(chunk), Attendee.unit_id.is_not(None), Attendee.person_id.is_(None))
            .where(Attendee.unit_id != Meeting.host_unit_id, Attendee.answer != "declined")
            .where(Attendee.site_id.in_(list(meets)))
            .distinct()
        )
        for meeting_id, site_id in rows:
            if site_id and (meeting_id, meets[site_id].id) not in out:
                found[meeting_id].append(site_id)
    return found


async def _reserved_sites(session: AsyncSession, occurrence_ids: Sequence[str]) -> set[tuple[str, str]]:
    """Return (date, site) of every hall that these dates have reserved: a firm hold, or a hall that the host booked."""
    found: set[tuple[str, str]] = set()
    for chunk in (occurrence_ids[place : place + 500] for place in range(0, len(occurrence_ids), 500)):
        rows = await session.execute(
            select(Reservation.occurrence_id, Hall.site_id)
            .join(Hall, Hall.id == Reservation.resource_id)
            .where(Reservation.occurrence_id.in_(chunk), Reservation.kind == "hall", Reservation.active)
        )
        found |= {(date, site) for date, site in rows}
    return found


# The holds of one meeting


@dataclass(frozen=True)
class HoldShown:
    """The hall of an invited unit, as the meeting holds it on its next date."""

    unit_id: str
    unit_name: str
    state: HoldState
    hall_id: str = ""
    hall_name: str = ""
    objection: str = ""
    """The reason of the unit against the hold."""
    firm_dates: int = 0
    dates: int = 0
    """The dates to come for which the hold is firm, and all dates to come."""
    date_id: str = ""
    until: datetime | None = None
    """The next date, and the end of the last date."""


async def of_meeting(session: AsyncSession, meeting: Meeting, now: datetime) -> tuple[HoldShown, ...]:
    """Return the halls of all invited units, as the meeting holds them. `taken` counts for the next date."""
    if not meeting.hold_guests:
        return ()
    booked = set(
        await session.scalars(select(Wanted.resource_id).where(Wanted.meeting_id == meeting.id, Wanted.kind == "hall"))
    )
    parties = await guest_halls.of_meeting(session, meeting, booked)
    dates = list(
        await session.scalars(
            select(Occurrence)
            .where(Occurrence.meeting_id == meeting.id, Occurrence.state.in_(LIVE), Occurrence.ends_at > now)
            .order_by(Occurrence.starts_at)
        )
    )
    halls = {one.hall.id for one in parties if one.hall}
    windows = [(one.starts_at - LONGEST / 3, one.ends_at + LONGEST / 3) for one in dates]
    timetable = await clashes.timetable_of(session, halls, windows)
    said = {one.hall_id: one for one in await objections(session, meeting.id)}
    holds = meeting.state in TAKES
    return tuple(_shown(one, dates, timetable, said, holds) for one in parties)


def _shown(
    one: GuestHall,
    dates: Sequence[Occurrence],
    timetable: clashes.Timetable,
    said: Mapping[str, HallObjection],
    holds: bool,
) -> HoldShown:
    hall = one.hall
    if hall is None:
        return HoldShown(one.unit_id, one.unit_name, "many" if one.gap == "many_halls" else "none")
    rows = timetable.get(hall.id, ())
    met = [clashes.meets(rows, *hall.keeps(date.starts_at, date.ends_at)) for date in dates]
    firm = [bool(busy and busy.occurrence_id == date.id) for busy, date in zip(met, dates, strict=True)]
    objection = said.get(hall.id)
    out = objection is not None and objection.released
    state: HoldState = "soft" if holds and not out else "free"
    if firm and firm[0]:
        state = "firm"
    elif met and met[0]:
        state = "taken"
    return HoldShown(
        one.unit_id,
        one.unit_name,
        state,
        hall.id,
        hall.name,
        objection.reason if objection else "",
        sum(firm),
        len(dates),
        dates[0].id if dates else "",
        dates[-1].ends_at if dates else None,
    )
