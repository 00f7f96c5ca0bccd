"""The board of halls by time (schedule of halls), and the search for a hall and a time. Pages call the search at every
keystroke, so it must be fast.

The queries limit the start of a reservation. No reservation is longer than three days, so older rows are not read.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, null, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import clashes, guest_holds, resources
from rooms.booking.holds.clashes import Busy
from rooms.booking.meeting import reading
from rooms.booking.rules import calendar, unit_rules
from rooms.booking.rules.calendar import DAY, day_of, midnight
from rooms.errors import Refusal
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store.tables.booking import CapacitySlot, Pool, Reservation
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Person, Unit
from rooms.store.tables.sites import Hall, Site

TAKEN = "Đã có lịch"
Hold = Literal["", "soft", "firm"]
"""How a meeting holds the hall for an invited unit (`guest_holds`). Empty: the host booked the hall."""
STEP = timedelta(minutes=15)
"""The distance of the start times that the search tries. Chosen: the form has quarters of an hour. Longer: free times are not
found. Shorter: the search takes longer.
"""


@dataclass(frozen=True)
class BoardHall:
    """A hall, as one row of the board."""

    id: str
    name: str
    site_id: str
    site_name: str
    unit_id: str
    unit_name: str
    seats: int
    bookable: bool
    path: str = ""
    """The path of the unit."""


@dataclass(frozen=True)
class BoardEntry:
    """A date in a hall. If the actor may not read the meeting, the title is "Đã có lịch", and the identifiers of the date and
    the meeting are empty.
    """

    occurrence_id: str
    meeting_id: str
    hall_id: str
    title: str
    class_: str
    state: str
    meeting_state: str
    starts_at: datetime
    ends_at: datetime
    reserved_from: datetime
    reserved_to: datetime
    host_unit_name: str
    mine: bool
    hold: Hold = ""
    objects: str = ""
    """The meeting against whose hold the actor may object. Empty if the actor may not."""
    objection: str = ""
    """The reason of the unit against the hold."""
    rehearsal_at: datetime | None = None
    """The start of the coming rehearsal, for which an objection counts too."""


@dataclass(frozen=True)
class Board:
    """The halls and entries of a span of time. `off`: the holidays of the span, by day. `closed`: the days on which the reader's
    unit does not book. `opens_min`, `closes_min`: the hours of that unit, in minutes after midnight.
    """

    starts_at: datetime
    ends_at: datetime
    halls: tuple[BoardHall, ...]
    entries: tuple[BoardEntry, ...]
    off: Mapping[date, str]
    closed: tuple[date, ...]
    opens_min: int
    closes_min: int


async def board(
    session: AsyncSession,
    starts_at: datetime,
    ends_at: datetime,
    actor: Actor,
    now: datetime,
    unit_id: str = "",
    site_id: str = "",
    hall_ids: Sequence[str] = (),
) -> Board:
    """Return the board of at most six weeks. Raise `bad_span`, `denied`."""
    if not roles.anywhere(actor, "board.read"):
        raise Refusal("denied", "Tài khoản này không có quyền xem lịch.", "you may not read the calendar of halls")
    if not starts_at < ends_at <= starts_at + limits.BOARD_DAYS * DAY:
        raise Refusal(
            "bad_span", f"Hãy chọn tối đa {limits.BOARD_DAYS} ngày.", f"choose at most {limits.BOARD_DAYS} days"
        )
    halls = await halls_of(session, day_of(starts_at), unit_id, site_id, hall_ids)
    entries = await _entries(session, {one.id: one for one in halls}, starts_at, ends_at, actor)
    known = await calendar.load(session)
    span = [day_of(starts_at) + n * DAY for n in range((ends_at - starts_at) // DAY + 2)]
    off = {day: name for day in span if midnight(day) < ends_at and (name := known.holiday(day))}
    rule = await _rule_of_reader(session, actor)
    closed = tuple(day for day in span if midnight(day) < ends_at and unit_rules.trouble_of_day(rule, known, day))
    return Board(starts_at, ends_at, tuple(halls), tuple(entries), off, closed, rule.opens_min, rule.closes_min)


async def _rule_of_reader(session: AsyncSession, actor: Actor) -> unit_rules.Rule:
    """Return the rule of the reader's own unit, or of the unit of the reader's first role."""
    own = select(Unit.path).join(Person, Person.unit_id == Unit.id).where(Person.id == actor.person_id)
    path = await session.scalar(own) if actor.person_id else None
    path = path or next((one.unit_path for one in actor.roles), "")
    return await unit_rules.rule_of(session, path) if path else unit_rules.Rule()


async def halls_of(
    session: AsyncSession, day: date, unit_id: str = "", site_id: str = "", hall_ids: Sequence[str] = ()
) -> list[BoardHall]:
    """Return the halls of sites that exist on `day`, in official order. With `unit_id`, return only halls of this unit and of
    the units below it.
    """
    query = (
        select(
            Hall.id, Hall.name, Hall.site_id, Site.name, Site.unit_id, Unit.name, Hall.seats, Hall.bookable, Unit.path
        )
        .join(Site, Site.id == Hall.site_id)
        .join(Unit, Unit.id == Site.unit_id)
        .where(Site.valid_from <= day, or_(Site.valid_to.is_(None), Site.valid_to > day))
        .order_by(Unit.tier, Unit.position, Unit.name, Hall.name)
    )
    if unit_id:
        path = await session.scalar(select(Unit.path).where(Unit.id == unit_id))
        query = query.where(Unit.path.startswith(path or "-", autoescape=True))
    if site_id:
        query = query.where(Hall.site_id == site_id)
    if hall_ids:
        query = query.where(Hall.id.in_(list(hall_ids)[: limits.HALLS]))
    return [BoardHall(*row) for row in await session.execute(query)]


async def _entries(
    session: AsyncSession, halls: Mapping[str, BoardHall], starts_at: datetime, ends_at: datetime, actor: Actor
) -> list[BoardEntry]:
    rows = list(
        await session.execute(
            select(
                Reservation.resource_id,
                Reservation.starts_at.label("kept_from"),
                Reservation.ends_at.label("kept_to"),
                Reservation.guest,
                *guest_holds.DATED,
            )
            .join(Occurrence, Occurrence.id == Reservation.occurrence_id)
            .join(Meeting, Meeting.id == Occurrence.meeting_id)
            .join(Unit, Unit.id == Meeting.host_unit_id)
            .where(Reservation.kind == "hall", Reservation.active)
            .where(Reservation.starts_at > starts_at - resources.LONGEST, Reservation.starts_at < ends_at)
            .where(Reservation.ends_at > starts_at)
            .order_by(Reservation.starts_at)
            .limit(limits.BOARD_ROWS)
        )
    )
    taken = [
        _Taken(row, row.resource_id, row.kept_from, row.kept_to, "firm" if row.guest else "")
        for row in rows
        if row.resource_id in halls
    ]
    taken += [
        _Taken(one.row, one.hall_id, one.busy.starts_at, one.busy.ends_at, "soft")
        for one in await guest_holds.soft(session, halls, [(starts_at, ends_at)])
    ]
    may = await reading.readable(session, actor, {one.row.meeting_id for one in taken})
    said = await guest_holds.reasons(session, {one.row.meeting_id for one in taken if one.hold})
    asked = {one.id for one in halls.values() if roles.allows(actor, "halls.object", one.path)}
    rehearsed = await _rehearsals(session, {one.row.meeting_id for one in taken if one.hold and one.hall_id in asked})
    entries = [
        _answering(one, _entry(one, one.row.meeting_id in may, actor), said, rehearsed)
        if one.hold and one.hall_id in asked
        else _entry(one, one.row.meeting_id in may, actor)
        for one in taken
    ]
    return sorted(entries, key=lambda one: one.reserved_from)


@dataclass(frozen=True)
class _Taken:
    """A date that has a hall, or holds it softly. `row`: the date with its meeting and the host."""

    row: Any
    hall_id: str
    kept_from: datetime
    kept_to: datetime
    hold: Hold


async def _rehearsals(session: AsyncSession, meeting_ids: set[str]) -> dict[str, datetime]:
    """Return the start of the coming rehearsal of each meeting that has one."""
    if not meeting_ids:
        return {}
    rows = await session.execute(
        select(Meeting.rehearses_id, func.max(Occurrence.starts_at))
        .join(Occurrence, Occurrence.meeting_id == Meeting.id)
        .where(Meeting.rehearses_id.in_(meeting_ids), Occurrence.state == "planned")
        .group_by(Meeting.rehearses_id)
    )
    return dict(rows.all())  # type: ignore[arg-type]


def _answering(
    taken: _Taken, entry: BoardEntry, said: Mapping[tuple[str, str], str], rehearsed: Mapping[str, datetime]
) -> BoardEntry:
    """Add what the desk of the hall's unit may see. The desk answers for the invited unit, so that it sees the title also if its
    person belongs to another unit.
    """
    meeting_id = taken.row.meeting_id
    return replace(
        entry,
        title=taken.row.title,
        objects=meeting_id,
        objection=said.get((meeting_id, taken.hall_id), ""),
        rehearsal_at=rehearsed.get(meeting_id),
    )


def _entry(taken: _Taken, may: bool, actor: Actor) -> BoardEntry:
    row = taken.row
    return BoardEntry(
        occurrence_id=row.occurrence_id if may else "",
        meeting_id=row.meeting_id if may else "",
        hall_id=taken.hall_id,
        title=row.title if may else TAKEN,
        class_=row.class_,
        state=row.state,
        meeting_state=row.meeting_state,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        reserved_from=taken.kept_from,
        reserved_to=taken.kept_to,
        host_unit_name=row.short_name or row.name,
        mine=bool(actor.id) and row.created_by == actor.id,
        hold=taken.hold,
    )


# Search for a hall and a time


@dataclass(frozen=True)
class AvailabilityQuery:
    """The search terms: a hall that is large enough, between two instants, at a time when these people and terminals are also
    free.
    """

    starts_at: datetime
    ends_at: datetime
    duration_min: int
    seats: int = 0
    equipment: tuple[str, ...] = ()
    unit_id: str | None = None
    near_unit_id: str | None = None
    """The unit whose halls come first among the halls that are free at the same time. Halls of units near to it in the tree
    follow.
    """
    site_id: str | None = None
    hall_ids: tuple[str, ...] = ()
    person_ids: tuple[str, ...] = ()
    terminal_ids: tuple[str, ...] = ()
    legs: int = 0
    limit: int = 20


@dataclass(frozen=True)
class Slot:
    """A hall, and the first time at which the hall and all other resources are free."""

    hall_id: str
    hall_name: str
    site_name: str
    seats: int
    starts_at: datetime
    ends_at: datetime


@dataclass
class _Tables:
    """The taken times in the span. `others`: the people and terminals that must be free too. `full`: the quarters of an hour in
    which the pool has too few free legs (simultaneous calls of halls).
    """

    busy: Mapping[str, Sequence[Busy]]
    others: Sequence[str]
    full: set[datetime] = field(default_factory=set)


async def availability(session: AsyncSession, query: AvailabilityQuery, actor: Actor, now: datetime) -> list[Slot]:
    """Return, for each suitable hall, its first free time within the hours of the unit. The earliest time comes first, then the
    nearest hall, then the smallest hall. Raise `denied`, `bad_span`, `bad_duration`.
    """
    if not roles.anywhere(actor, "board.read"):
        raise Refusal("denied", "Tài khoản này không có quyền xem lịch.", "you may not read the calendar of halls")
    if not query.starts_at < query.ends_at <= query.starts_at + limits.AVAILABILITY_DAYS * DAY:
        raise Refusal(
            "bad_span",
            f"Hãy tìm trong tối đa {limits.AVAILABILITY_DAYS} ngày.",
            f"search in at most {limits.AVAILABILITY_DAYS} days",
        )
    if not limits.DURATION_LEAST_MIN <= query.duration_min <= limits.DURATION_MOST_MIN:
        raise Refusal(
            "bad_duration", "Thời lượng phải từ 5 phút đến 24 giờ.", "the duration must be 5 minutes to 24 hours"
        )
    halls = await _fitting(session, query)
    tables = await _tables(session, query, {hall.id for hall, _, _ in halls})
    rule = await _rule(session, query)
    starts = await _starts(session, query, rule, now)
    near = await _path(session, query.near_unit_id)
    found = [
        ((slot.starts_at, _steps(near, path), slot.seats, slot.hall_name), slot)
        for hall, site, path in halls
        if (slot := _first(hall, site, starts, query, tables))
    ]
    found.sort(key=lambda one: one[0])
    return [slot for _, slot in found[: min(query.limit, limits.SEARCH_ROWS)]]


async def _path(session: AsyncSession, unit_id: str | None) -> str:
    return (await session.scalar(select(Unit.path).where(Unit.id == unit_id)) or "") if unit_id else ""


def _steps(near: str, path: str) -> int:
    """Count the steps in the tree of units from one path to the other. Return 0 for the same unit, or if `near` is empty."""
    if not near:
        return 0
    ours, theirs = near.strip("/").split("/"), path.strip("/").split("/")
    shared = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(ours, theirs, strict=False)))
    return len(ours) + len(theirs) - 2 * shared


async def _fitting(session: AsyncSession, query: AvailabilityQuery) -> list[tuple[resources.Thing, str, str]]:
    """Return each suitable hall with the name of its site and the path of its unit."""
    day = day_of(query.starts_at)
    # The query selects columns instead of `Hall` objects: to make the objects takes a third of the whole search.
    columns = (Hall.id, Hall.name, Hall.setup_min, Hall.clearup_min, Hall.seats)
    # To decode the equipment takes a tenth of the search.
    equipment_of: Any = Hall.equipment if query.equipment else null()
    statement = (
        select(*columns, equipment_of, Site.name, Unit.path)
        .join(Site, Site.id == Hall.site_id)
        .join(Unit, Unit.id == Site.unit_id)
        .where(Hall.bookable, Hall.seats >= query.seats)
        .where(Site.valid_from <= day, or_(Site.valid_to.is_(None), Site.valid_to > day))
    )
    if query.unit_id:
        path = await _path(session, query.unit_id)
        statement = statement.where(Unit.path.startswith(path or "-", autoescape=True))
    if query.site_id:
        statement = statement.where(Hall.site_id == query.site_id)
    if query.hall_ids:
        statement = statement.where(Hall.id.in_(query.hall_ids[: limits.HALLS]))
    wanted = set(query.equipment)
    return [
        (
            resources.Thing("hall", id_, name, resources.buffer(setup), resources.buffer(clearup), seats=seats),
            site,
            path,
        )
        for id_, name, setup, clearup, seats, equipment, site, path in await session.execute(statement)
        if not wanted or wanted <= set(equipment)
    ]


async def _tables(session: AsyncSession, query: AvailabilityQuery, hall_ids: set[str]) -> _Tables:
    """Read all reservations in the span with one query. To pick the halls out of this list is cheaper than one query for each
    hall.
    """
    margin = timedelta(minutes=2 * resources.BUFFER_MOST_MIN)
    others = [*query.person_ids[:50], *query.terminal_ids[: limits.TERMINALS]]
    kinds = Reservation.kind == "hall"
    if others:
        kinds = or_(kinds, Reservation.resource_id.in_(others))
    rows = await session.execute(
        select(Reservation.resource_id, Reservation.starts_at, Reservation.ends_at)
        .where(kinds, Reservation.active)
        .where(
            Reservation.starts_at > query.starts_at - resources.LONGEST, Reservation.starts_at < query.ends_at + margin
        )
        .where(Reservation.ends_at > query.starts_at - margin)
        .order_by(Reservation.starts_at)
    )
    busy: dict[str, list[Busy]] = {}
    for resource_id, starts_at, ends_at in rows:
        if resource_id in hall_ids or resource_id in others:
            busy.setdefault(resource_id, []).append(Busy(starts_at, ends_at, "", ""))
    return _Tables(busy, others, await _full(session, query))


async def _full(session: AsyncSession, query: AvailabilityQuery) -> set[datetime]:
    if not query.legs:
        return set()
    rows = await session.scalars(
        select(CapacitySlot.starts_at)
        .join(Pool, Pool.code == CapacitySlot.pool)
        .where(CapacitySlot.starts_at >= query.starts_at - DAY, CapacitySlot.starts_at < query.ends_at + DAY)
        .where(
            CapacitySlot.used + query.legs > Pool.legs,
            Pool.counts == "all",
            or_(Pool.unit_id.is_(None), Pool.unit_id.in_(await _branch(session, query))),
        )
    )
    return set(rows)


async def _branch(session: AsyncSession, query: AvailabilityQuery) -> list[str]:
    """Return the asking unit and the units above it: their pools count its meetings."""
    return [one for one in (await _path(session, query.unit_id)).split("/") if one] if query.unit_id else []


async def _rule(session: AsyncSession, query: AvailabilityQuery) -> unit_rules.Rule:
    if not query.unit_id:
        return unit_rules.Rule()
    return await unit_rules.rule_of(session, await _path(session, query.unit_id))


async def _starts(
    session: AsyncSession, query: AvailabilityQuery, rule: unit_rules.Rule, now: datetime
) -> list[datetime]:
    """Return the starts: every quarter of an hour on working days, within the hours of the unit."""
    known = await calendar.load(session)
    length = timedelta(minutes=query.duration_min)
    found = []
    for n in range((query.ends_at - query.starts_at) // DAY + 2):
        day = day_of(query.starts_at) + n * DAY
        if unit_rules.trouble_of_day(rule, known, day):
            continue
        begin = midnight(day)
        at, last = begin + timedelta(minutes=rule.opens_min), begin + timedelta(minutes=rule.closes_min) - length
        while at <= last:
            if at >= query.starts_at and at + length <= query.ends_at and at > now:
                found.append(at)
            at += STEP
    return found


def _first(
    hall: resources.Thing, site: str, starts: Sequence[datetime], query: AvailabilityQuery, tables: _Tables
) -> Slot | None:
    length = timedelta(minutes=query.duration_min)
    until: datetime | None = None
    for at in starts:
        if until is not None and at < until:
            continue
        taken = clashes.meets(tables.busy.get(hall.id, ()), *hall.keeps(at, at + length))
        if taken:
            until = taken.ends_at + timedelta(minutes=hall.before_min)
            continue
        other = next(
            (b for one in tables.others if (b := clashes.meets(tables.busy.get(one, ()), at, at + length))), None
        )
        if other:
            until = other.ends_at
        elif not tables.full.intersection(resources.slots(at, at + length) if tables.full else ()):
            return Slot(hall.id, hall.name, site, hall.seats, at, at + length)
    return None
