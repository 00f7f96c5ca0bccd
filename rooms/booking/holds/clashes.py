"""The clashes of a date in plain words, with alternatives: free times, and equivalent halls.

This module only reports. The database decides whether a resource is taken (`resources.take`).
"""

from __future__ import annotations

import bisect
import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import resources
from rooms.booking.holds.resources import WINDOWS, Load, Span, Thing, touching
from rooms.booking.meeting import reading
from rooms.booking.rules.calendar import DAY, day_of, local, midnight
from rooms.booking.rules.unit_rules import Rule, clock
from rooms.errors import Refusal, Trouble
from rooms.policy.actors import Actor
from rooms.store.tables.booking import CapacitySlot, Reservation
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Hall, Site

STEP = timedelta(minutes=30)
"""The distance of the start times that are tried as an alternative to a clash. Chosen. Longer: free times are not offered.
Shorter: the search takes longer.
"""


@dataclass(frozen=True)
class FreeTime:
    """A time at which everything in the request is free."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Place:
    id: str
    name: str


@dataclass(frozen=True)
class Clash:
    """A resource that is taken. `meeting_id` and `title` are empty when the actor may not read the other meeting."""

    kind: str
    """`hall`, `terminal`, `person`, `operator`, `capacity`."""
    resource_id: str
    name: str
    starts_at: datetime
    ends_at: datetime
    """The end of the other reservation. The reservation includes the time to set up and to clear up."""
    meeting_id: str = ""
    title: str = ""
    unit: str = ""
    free: int = 0
    """The number of free legs, when `kind` is `capacity`."""
    free_times: tuple[FreeTime, ...] = ()
    equivalent_halls: tuple[Place, ...] = ()
    wanted_at: datetime | None = None
    """The start that was asked for. A free time of another day names its day. None: there are no free times."""

    @property
    def vi(self) -> str:
        return self.fact_vi + self._ways_out()

    @property
    def fact_vi(self) -> str:
        """Return the text without the alternatives, for a page that shows the alternatives as buttons."""
        hours = hours_of(self.starts_at, self.ends_at)
        if self.kind == "capacity":
            return f"{self.name or 'Hệ thống'} chỉ còn {self.free} kết nối lúc {hours}."
        whose = ", ".join(part for part in (self.title, self.unit) if part)
        return f"{self.name} bận {hours}" + (f" ({whose})." if whose else ".")

    @property
    def en(self) -> str:
        return self.fact_en + self._ways_out_en()

    @property
    def fact_en(self) -> str:
        hours = hours_of(self.starts_at, self.ends_at)
        if self.kind == "capacity":
            return f"Connections that are left{f' in {self.name}' if self.name else ''} at {hours}: {self.free}."
        whose = ", ".join(part for part in (self.title, self.unit) if part)
        return f"{self.name} is taken {hours}" + (f" ({whose})." if whose else ".")

    def _ways_out_en(self) -> str:
        ways = []
        if self.free_times:
            ways.append("Free: " + ", ".join(self._when(one) for one in self.free_times) + ".")
        if self.equivalent_halls:
            ways.append("Equivalent halls: " + ", ".join(one.name for one in self.equivalent_halls) + ".")
        return " " + " ".join(ways or [self._last_way()[1]])

    def _ways_out(self) -> str:
        ways = []
        if self.free_times:
            ways.append("Trống: " + ", ".join(self._when(one) for one in self.free_times))
        if self.equivalent_halls:
            word = "phòng tương đương: " if ways else "Phòng tương đương: "
            ways.append(word + ", ".join(one.name for one in self.equivalent_halls))
        return " " + "; ".join(ways) + "." if ways else f" {self._last_way()[0]}"

    def _when(self, free: FreeTime) -> str:
        """Return the clock time of a free time, with the day if it is another day than the day that was asked for."""
        same = self.wanted_at is not None and day_of(free.starts_at) == day_of(self.wanted_at)
        day = "" if same else f" {local(free.starts_at):%d/%m}"
        return f"{clock(free.starts_at)}{day}"

    def _last_way(self) -> tuple[str, str]:
        """Return what to do if the day has no free time and no hall is equivalent."""
        if self.kind == "capacity":
            return "Hãy chọn giờ khác hoặc bớt hội trường được gọi.", "Choose another time, or call fewer halls."
        what = {"hall": "hội trường", "terminal": "thiết bị"}.get(self.kind, "người")
        what_en = {"hall": "hall", "terminal": "terminal"}.get(self.kind, "person")
        return f"Hãy chọn ngày khác hoặc bỏ {what} này.", f"Choose another day, or leave this {what_en} out."

    def trouble(self, where: str, dated: bool) -> Trouble:
        detail = {
            "kind": self.kind,
            "resource_id": self.resource_id,
            "name": self.name,
            "starts_at": self.starts_at.isoformat(),
            "ends_at": self.ends_at.isoformat(),
            "meeting_id": self.meeting_id,
            "title": self.title,
            "unit": self.unit,
            "free": self.free,
            "free_times": [one.starts_at.isoformat() for one in self.free_times],
            "equivalent_halls": [{"id": one.id, "name": one.name} for one in self.equivalent_halls],
        }
        day = f"{date.fromisoformat(where):%d/%m/%Y}: "
        vi, en = (f"Ngày {day}{self.vi}", f"On {day}{self.en}") if dated else (self.vi, self.en)
        return Trouble("capacity" if self.kind == "capacity" else "overlap", vi, en, where, detail)


def of_trouble(trouble: Trouble) -> Clash:
    """Return the clash of an error, without its alternatives."""
    told = trouble.detail
    times = datetime.fromisoformat(told["starts_at"]), datetime.fromisoformat(told["ends_at"])
    names = told["meeting_id"], told["title"], told["unit"], told["free"]
    return Clash(told["kind"], told["resource_id"], told["name"], *times, *names)


def hours_of(starts_at: datetime, ends_at: datetime) -> str:
    if day_of(starts_at) == day_of(ends_at - timedelta(microseconds=1)):
        return f"{clock(starts_at)}-{clock(ends_at)}"
    return f"{clock(starts_at)} {local(starts_at):%d/%m} - {clock(ends_at)} {local(ends_at):%d/%m}"


@dataclass(frozen=True)
class Busy:
    """A stored reservation."""

    starts_at: datetime
    ends_at: datetime
    meeting_id: str
    occurrence_id: str
    guest: bool = False
    """A hall or terminal of an invited unit."""
    yields: bool = False
    """A terminal that leaves the date when its own unit books its hall (`Thing.outranks`)."""


Timetable = Mapping[str, Sequence[Busy]]
"""Reservations by resource, in order of time. Active reservations of one resource do not overlap."""


Used = Mapping[tuple[str, datetime], int]
"""Reserved legs by pool and quarter of an hour."""


@dataclass(frozen=True)
class Question:
    """A question: are these dates free? It also holds the actor, and the rule that limits the free times."""

    wishes: Sequence[tuple[Span, Sequence[Thing]]]
    """Each wish is one date, with the halls, terminals and people that must be free then."""
    load: Load
    actor: Actor
    rule: Rule
    excluding: str = ""
    """The identifier of a meeting, or of one date of a series. Its own reservations do not count."""
    now: datetime | None = None
    """No free time is earlier than this time and the minutes by which the unit must book ahead. None: the time is not known."""


async def find(session: AsyncSession, question: Question) -> list[tuple[Clash, ...]]:
    """Return the clashes of each wish, in the order of its things. Add alternatives to the first `CLASHES_TOLD` wishes that
    clash.
    """
    days = days_of(span for span, _ in question.wishes)
    ids = {thing.id for _, things in question.wishes for thing in things}
    timetable = await timetable_of(session, ids, days, question.excluding)
    used = await _used(session, question.load, [span for span, _ in question.wishes])
    found = [_of_wish(wish, timetable, used, question.load) for wish in question.wishes]
    if not any(found):
        return [()] * len(found)
    told = [place for place, clashes in enumerate(found) if clashes][: limits.CLASHES_TOLD]
    worded = await named(session, question.actor, found)
    others = await _other_halls(session, question, told, found)
    for place in told:
        span, things = question.wishes[place]
        free = _free_times(span, things, timetable, used, question)
        halls = others.get(place, {})
        worded[place] = tuple(
            replace(one, free_times=free, equivalent_halls=halls.get(one.resource_id, ()), wanted_at=span.starts_at)
            for one in worded[place]
        )
    return worded


async def free(
    session: AsyncSession, spans: Sequence[Span], things: Sequence[Thing], load: Load, excluding: str = ""
) -> list[Span]:
    """Return those of `spans` at which all things and the legs of `load` are free, in the same order."""
    timetable = await timetable_of(session, {one.id for one in things}, days_of(spans), excluding)
    used = await _used(session, load, spans)
    return [one for one in spans if not _of_wish((one, things), timetable, used, load)]


def days_of(spans: Iterable[Span]) -> list[tuple[datetime, datetime]]:
    """Return the whole local days that each span touches, with the time to set up a hall before and to clear it up after."""
    buffer = timedelta(minutes=resources.BUFFER_MOST_MIN)
    return [(midnight(day_of(one.starts_at)) - buffer, midnight(day_of(one.ends_at)) + DAY + buffer) for one in spans]


async def timetable_of(
    session: AsyncSession,
    resource_ids: Iterable[str],
    windows: Sequence[tuple[datetime, datetime]],
    excluding: str = "",
) -> dict[str, list[Busy]]:
    """Return the active reservations of these resources that touch at least one window. `excluding`: a meeting, or one date of
    a series, that does not count. The rehearsal of the meeting does not count then: it gives way to its own meeting.
    """
    ids = sorted(resource_ids)
    counts = _counts_beside(excluding) if excluding else true()
    found: dict[str, list[Busy]] = defaultdict(list)
    seen: set[str] = set()
    for touches in touching(Reservation, _merged(windows) if ids else ()):
        rows = await session.execute(
            select(
                Reservation.id,
                Reservation.resource_id,
                Reservation.starts_at,
                Reservation.ends_at,
                Occurrence.meeting_id,
                Occurrence.id,
                Reservation.guest,
                and_(Reservation.guest, Reservation.kind == "terminal", Occurrence.state == "planned"),
            )
            .join(Occurrence, Occurrence.id == Reservation.occurrence_id)
            .where(Reservation.resource_id.in_(ids), Reservation.active, touches)
            .where(counts)
        )
        for id_, resource_id, starts_at, ends_at, meeting_id, occurrence_id, guest, yields in rows:
            if id_ not in seen:
                seen.add(id_)
                found[resource_id].append(Busy(starts_at, ends_at, meeting_id, occurrence_id, guest, yields))
    for rows_of_one in found.values():
        rows_of_one.sort(key=lambda one: one.starts_at)
    return found


def _counts_beside(excluding: str) -> ColumnElement[bool]:
    """Return the SQL condition that a date counts beside this meeting, or beside this date of a series."""
    series = select(Occurrence.meeting_id).where(Occurrence.id == excluding).scalar_subquery()
    rehearsal = or_(Meeting.rehearses_id == excluding, Meeting.rehearses_id == series)
    own = select(Meeting.id).where(or_(Meeting.id == excluding, rehearsal))
    return and_(Occurrence.meeting_id.not_in(own), Occurrence.id != excluding)


def _merged(windows: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Sort the windows, and join the windows that touch each other."""
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(windows):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def meets(rows: Sequence[Busy], starts_at: datetime, ends_at: datetime) -> Busy | None:
    """Return the first reservation that overlaps the given time."""
    place = bisect.bisect_right(rows, starts_at, key=lambda one: one.ends_at)
    return rows[place] if place < len(rows) and rows[place].starts_at < ends_at else None


def taken(thing: Thing, span: Span, timetable: Timetable) -> Busy | None:
    """Return the reservation that keeps this thing from this date."""
    known = timetable.get(thing.id, ())
    if thing.outranks:
        known = [one for one in known if not one.yields]
    return meets(known, *thing.keeps(span.starts_at, span.ends_at))


def _of_wish(wish: tuple[Span, Sequence[Thing]], timetable: Timetable, used: Used, load: Load) -> tuple[Clash, ...]:
    span, things = wish
    found = []
    met = {thing.id: busy for thing in things if (busy := taken(thing, span, timetable))}
    for thing in things:
        busy = met.get(thing.id)
        # A taken hall already says why its terminal is taken too.
        if busy is not None and thing.hall_id not in met:
            found.append(Clash(thing.kind, thing.id, thing.name, busy.starts_at, busy.ends_at, busy.meeting_id))
    return (*found, *_short(span, used, load))


def _short(span: Span, used: Used, load: Load) -> tuple[Clash, ...]:
    found = []
    for one in load.shares:
        legs = {at: used.get((one.pool, at), 0) for at in resources.slots(span.starts_at, span.ends_at)}
        full = [at for at in legs if legs[at] + one.legs > one.most]
        if full:
            free = max(0, one.most - max(legs[at] for at in full))
            found.append(Clash("capacity", one.pool, one.name, full[0], full[-1] + resources.SLOT, free=free))
    return tuple(found)


async def _used(session: AsyncSession, load: Load, spans: Sequence[Span]) -> Used:
    """Return the used legs of each quarter of an hour on the days of the spans, for the pools of the load."""
    pools = [one.pool for one in load.shares]
    if not pools or not spans:
        return {}
    windows = _merged(days_of(spans))
    found: dict[tuple[str, datetime], int] = {}
    for place in range(0, len(windows), WINDOWS):
        inside = or_(
            *(
                and_(CapacitySlot.starts_at >= start, CapacitySlot.starts_at < end)
                for start, end in windows[place : place + WINDOWS]
            )
        )
        rows = await session.execute(
            select(CapacitySlot.pool, CapacitySlot.starts_at, CapacitySlot.used).where(
                CapacitySlot.pool.in_(pools), inside
            )
        )
        found |= {(pool, at): legs for pool, at, legs in rows}
    return found


async def named(session: AsyncSession, actor: Actor, found: Sequence[tuple[Clash, ...]]) -> list[tuple[Clash, ...]]:
    """Add title and unit to each clash. Leave out the title and the meeting if `actor` may not read the meeting."""
    heads = await headings(session, actor, {one.meeting_id for clashes in found for one in clashes if one.meeting_id})

    def told(one: Clash) -> Clash:
        meeting = heads.get(one.meeting_id, Heading())
        return replace(one, meeting_id=meeting.id, title=meeting.title, unit=meeting.unit)

    return [tuple(told(one) for one in clashes) for clashes in found]


@dataclass(frozen=True)
class Heading:
    """The part of another meeting that an actor may know. `id` and `title` are empty if the actor may not read the meeting."""

    id: str = ""
    title: str = ""
    unit: str = ""


async def headings(session: AsyncSession, actor: Actor, meeting_ids: Iterable[str]) -> dict[str, Heading]:
    """Return the headings of these meetings, by identifier."""
    ids = sorted(set(meeting_ids))
    may = await reading.readable(session, actor, ids)
    found: dict[str, Heading] = {}
    for chunk in (ids[at : at + 500] for at in range(0, len(ids), 500)):
        rows = await session.execute(
            select(Meeting.id, Meeting.title, Unit.short_name, Unit.name)
            .join(Unit, Unit.id == Meeting.host_unit_id)
            .where(Meeting.id.in_(chunk))
        )
        for id_, title, short, name in rows:
            found[id_] = Heading(id_, title, short or name) if id_ in may else Heading(unit=short or name)
    return found


# Alternatives


def _free_times(
    span: Span, things: Sequence[Thing], timetable: Timetable, used: Used, question: Question
) -> tuple[FreeTime, ...]:
    """Return the times of the same day, within the hours of the unit, at which everything is free. Return those nearest to the
    requested time.
    """
    length = span.ends_at - span.starts_at
    begin = midnight(day_of(span.starts_at))
    first = begin + timedelta(minutes=question.rule.opens_min)
    last = begin + timedelta(minutes=question.rule.closes_min) - length
    tried = [first + n * STEP for n in range(max(0, (last - first) // STEP + 1))]
    if question.now is not None:
        earliest = question.now + timedelta(minutes=question.rule.ahead_min)
        tried = [at for at in tried if at > question.now and at >= earliest]
    free = []
    for at in sorted(tried, key=lambda one: (abs(one - span.starts_at), one)):
        wish = (Span("", at, at + length), things)
        if at != span.starts_at and not _of_wish(wish, timetable, used, question.load):
            free.append(FreeTime(at, at + length))
            if len(free) == limits.FREE_TIMES_TOLD:
                break
    return tuple(sorted(free, key=lambda one: one.starts_at))


async def _other_halls(
    session: AsyncSession, question: Question, told: Sequence[int], found: Sequence[tuple[Clash, ...]]
) -> dict[int, dict[str, tuple[Place, ...]]]:
    """Return, for each wish in `told`, the free halls that can replace a clashing hall."""
    clashing = {one.resource_id for place in told for one in found[place] if one.kind == "hall"}
    if not clashing:
        return {}
    halls = {thing.id: thing for _, things in question.wishes for thing in things if thing.id in clashing}
    wanted = {thing.id for _, things in question.wishes for thing in things}
    day = day_of(question.wishes[told[0]][0].starts_at)
    compared = await _compared(session, list(halls.values()), wanted, day)
    ids = {one.id for several in compared.values() for one in several}
    days = days_of(question.wishes[place][0] for place in told)
    timetable = await timetable_of(session, ids, days, question.excluding)

    def free(hall_id: str, span: Span) -> tuple[Place, ...]:
        several = (
            one
            for one in compared[hall_id]
            if not meets(timetable.get(one.id, ()), *one.keeps(span.starts_at, span.ends_at))
        )
        return tuple(Place(one.id, one.name) for one, _ in zip(several, range(limits.HALLS_TOLD), strict=False))

    return {
        place: {
            one.resource_id: free(one.resource_id, question.wishes[place][0])
            for one in found[place]
            if one.kind == "hall"
        }
        for place in told
    }


_COMPARED = (
    Hall.id,
    Hall.code,
    Hall.name,
    Hall.site_id,
    Hall.seats,
    Hall.equipment,
    Hall.setup_min,
    Hall.clearup_min,
    Hall.needs_approval,
    Site.unit_id,
)


async def _compared(
    session: AsyncSession, halls: Sequence[Thing], wanted: set[str], day: date
) -> dict[str, list[Thing]]:
    """Return, for each hall, the halls with at least as many seats and the same equipment. Halls of the same site come first,
    then halls of the same unit, then the smallest halls.
    """
    site_ids = {one.site_id for one in halls}
    rows = (
        await session.execute(
            select(*_COMPARED)
            .join(Site, Site.id == Hall.site_id)
            .where(Hall.bookable, Hall.id.not_in(wanted), Hall.seats >= min(one.seats for one in halls))
            .where(Site.valid_from <= day, or_(Site.valid_to.is_(None), Site.valid_to > day))
        )
    ).all()
    units = dict((await session.execute(select(Site.id, Site.unit_id).where(Site.id.in_(site_ids)))).all())

    def best(wish: Thing) -> list[Thing]:
        fits = [
            (hall.site_id != wish.site_id, hall.unit_id != units.get(wish.site_id), hall.seats, hall.code, hall)
            for hall in rows
            if hall.seats >= wish.seats and set(wish.equipment) <= set(hall.equipment)
        ]
        ordered = heapq.nsmallest(limits.HALLS_COMPARED, fits, key=lambda row: row[:4])
        return [resources.hall_thing(row[4]) for row in ordered]

    return {one.id: best(one) for one in halls}


# Refusals


def refusal(wishes: Sequence[tuple[Span, Sequence[Thing]]], found: Sequence[tuple[Clash, ...]]) -> Refusal:
    """Return a refusal that lists every clash of every date."""
    several = len(wishes) > 1
    troubles = [
        one.trouble(day_of(span.starts_at).isoformat(), several)
        for (span, _), clashes in zip(wishes, found, strict=True)
        for one in clashes
    ]
    code = "capacity" if troubles and all(one.code == "capacity" for one in troubles) else "overlap"
    if not troubles:
        return Refusal(
            "overlap",
            "Có người vừa đặt trước. Hãy xem lại giờ trống rồi đặt lại.",
            "another user has just booked this: look at the free times again",
        )
    more = f" Và {len(troubles) - 3} trùng lịch khác." if len(troubles) > 3 else ""
    vietnamese = " ".join(one.vietnamese for one in troubles[:3]) + more
    more = f" More clashes: {len(troubles) - 3}." if len(troubles) > 3 else ""
    return Refusal(code, vietnamese, " ".join(one.english for one in troubles[:3]) + more, troubles)
