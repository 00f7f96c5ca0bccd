"""The invited people, the heads of invited units and the halls of invited units that are busy at the times of a request.

This module only warns: a person can leave another meeting, and a unit can send another person. `resources.take` refuses what the
request books itself. Busy means: reserved as a leader of another meeting, or invited to it without having declined.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal, TypeVar

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import clashes, guest_holds, restoring
from rooms.booking.holds.clashes import Busy, Heading, Timetable
from rooms.booking.holds.guest_halls import GuestHall
from rooms.booking.holds.resources import Span, touching
from rooms.booking.meeting import attendees
from rooms.booking.meeting.attendees import Invited
from rooms.booking.meeting.timing import LIVE
from rooms.booking.rules import addressing
from rooms.booking.rules.calendar import day_of, local
from rooms.policy.actors import Actor
from rooms.store.tables.meetings import Attendee, DateAnswer, Meeting, Occurrence
from rooms.store.tables.org import Holding, Person, Post, Unit

Kind = Literal["person", "unit"]
HallState = Literal["free", "held", "taken", "none", "many"]
"""`held`: another meeting holds the hall until its approval. `none`: the unit has no hall. `many`: the unit has several halls,
and none of them is the main hall.
"""
CHUNK = 500
"""Identifiers in one SQL statement; further ones go into the next. Chosen. More: longer statements. Fewer: more statements."""


@dataclass(frozen=True)
class Question:
    """Who is busy at these times? `leaders`: names of the chair and the other leaders, by person. `excluding`: a meeting that
    does not count, because the request changes it.
    """

    spans: Sequence[Span]
    invited: Sequence[Invited]
    leaders: Mapping[str, str]
    halls: Sequence[GuestHall]
    actor: Actor
    excluding: str = ""


@dataclass(frozen=True)
class Occupied:
    """A person or unit of the request that is busy on at least one date. Times and meeting are those of the first such date."""

    kind: Kind
    id: str
    who_vi: str
    who_en: str
    certain: bool
    """True if the busy person must come: the person is invited, leads, or is a head who must come. Otherwise the unit can send
    another person.
    """
    starts_at: datetime
    ends_at: datetime
    """The time of the other meeting."""
    dates: int
    """The number of dates of the request on which the person or unit is busy."""
    dated: bool
    """True if the request has several dates."""
    invited: bool
    """True if the person or unit is invited to the other meeting. False if the person leads it."""
    accepted: bool
    meeting_id: str
    """The other meeting. `meeting_id` and `title` are empty if the actor may not read it."""
    title: str = ""
    unit: str = ""

    @property
    def vi(self) -> str:
        return f"{self.who_vi} {self.what_vi}"

    @property
    def en(self) -> str:
        return f"{self.who_en}: {self.what_en}"

    @property
    def what_vi(self) -> str:
        """Return the sentence without its subject, for a page that names several units with the same meeting."""
        more = f" Còn {self.dates - 1} ngày khác cũng trùng." if self.dates > 1 else ""
        what = "bận" if not self.invited else "đã nhận lời dự họp" if self.accepted else "được mời họp"
        return f"{what if self.meeting_id else 'có lịch khác'} {self._when}.{more}"

    @property
    def what_en(self) -> str:
        more = f" Other dates that clash: {self.dates - 1}." if self.dates > 1 else ""
        what = "taken" if not self.invited else "accepted a meeting" if self.accepted else "invited to a meeting"
        return f"{what if self.meeting_id else 'taken'} {self._when}.{more}"

    @property
    def _when(self) -> str:
        return _when(self.starts_at, self.ends_at, self.dated, self.title, self.unit)


@dataclass(frozen=True)
class HallShown:
    """The hall of an invited unit, and whether the hall is free on all dates of the request. Times and meeting are those of the
    first date on which the hall is taken or held.
    """

    unit_id: str
    unit_name: str
    state: HallState
    hall_id: str = ""
    hall_name: str = ""
    dates: int = 0
    """The number of dates of the request on which the hall is taken or held."""
    dated: bool = False
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    meeting_id: str = ""
    title: str = ""
    unit: str = ""
    """The host of the meeting that has the hall."""

    @property
    def taken(self) -> str:
        """Return when the hall is taken, and by which meeting. The words are the same in both languages."""
        if self.starts_at is None or self.ends_at is None:
            return ""
        return _when(self.starts_at, self.ends_at, self.dated, self.title, self.unit)


def _when(starts_at: datetime, ends_at: datetime, dated: bool, title: str, unit: str) -> str:
    hours = clashes.hours_of(starts_at, ends_at)
    day = f" {local(starts_at):%d/%m}" if dated and day_of(starts_at) == day_of(ends_at) else ""
    whose = ", ".join(part for part in (title, unit) if part)
    return f"{hours}{day} ({whose})" if whose else hours + day


@dataclass(frozen=True)
class Attendance:
    """`occupied` holds the first `limits.OCCUPIED_TOLD` of the `busy` people and units. Those who must come are first."""

    occupied: tuple[Occupied, ...] = ()
    busy: int = 0
    halls: tuple[HallShown, ...] = ()


async def attendance(session: AsyncSession, question: Question) -> Attendance:
    """Return who is busy, and the state of each hall."""
    if not question.spans:
        return Attendance()
    whose = await _whose_time(session, question)
    # A leader who is reserved elsewhere is a clash of the request: `clashes.find` tells it.
    halls = {one.hall.id for one in question.halls if one.hall}
    reserved = halls | (whose.people.keys() - question.leaders.keys())
    days = clashes.days_of(question.spans)
    timetable = await clashes.timetable_of(session, reserved, days, question.excluding)
    found = _Found(question.spans)
    for person_id in sorted(whose.people):
        for busy in timetable.get(person_id, ()):
            found.add(whose.people[person_id], busy)
    await _add_invitations(session, question, whose, found)
    told = found.told(question.invited)
    held: dict[str, list[Busy]] = defaultdict(list)
    for soft in await guest_holds.soft(session, halls, days, question.excluding):
        held[soft.hall_id].append(soft.busy)
    shown = [_hall(one, question.spans, timetable, held) for one in question.halls]
    others = {one.meeting_id for one in told[: limits.OCCUPIED_TOLD]} | {one.meeting_id for one in shown}
    headings = await clashes.headings(session, question.actor, others - {""})
    return Attendance(
        tuple(_headed(one, headings) for one in told[: limits.OCCUPIED_TOLD]),
        len(told),
        tuple(_headed(one, headings) for one in shown),
    )


Told = TypeVar("Told", Occupied, HallShown)


def _headed(one: Told, headings: Mapping[str, Heading]) -> Told:
    heading = headings.get(one.meeting_id, Heading())
    return replace(one, meeting_id=heading.id, title=heading.title, unit=heading.unit)


def _hall(one: GuestHall, spans: Sequence[Span], timetable: Timetable, held: Timetable) -> HallShown:
    hall = one.hall
    if hall is None:
        return HallShown(one.unit_id, one.unit_name, "many" if one.gap == "many_halls" else "none")
    known = HallShown(one.unit_id, one.unit_name, "free", hall.id, hall.name, dated=len(spans) > 1)
    wanted = sorted(hall.keeps(span.starts_at, span.ends_at) for span in spans)
    tables: tuple[tuple[HallState, Timetable], ...] = (("taken", timetable), ("held", held))
    for state, table in tables:
        rows = table.get(hall.id, ())
        met = [busy for starts_at, ends_at in wanted if (busy := _meets(rows, starts_at, ends_at))]
        if met:
            first, last = met[0].starts_at, met[0].ends_at
            other = met[0].meeting_id
            return replace(known, state=state, dates=len(met), starts_at=first, ends_at=last, meeting_id=other)
    return known


def _meets(rows: Sequence[Busy], starts_at: datetime, ends_at: datetime) -> Busy | None:
    """Return the first of these times that overlaps the given time. Soft holds of one hall may overlap each other."""
    return next((one for one in rows if one.starts_at < ends_at and one.ends_at > starts_at), None)


# Whose time counts


@dataclass(frozen=True)
class _Guest:
    """A person or unit of the request, in the role in which another meeting takes their time."""

    kind: Kind
    id: str
    vi: str
    en: str
    certain: bool = True


@dataclass(frozen=True)
class _Whose:
    """The guests of the request by the person or the unit that another meeting can take."""

    people: Mapping[str, _Guest]
    units: Mapping[str, _Guest]


async def _whose_time(session: AsyncSession, question: Question) -> _Whose:
    """Look for the leaders and the invited people, the units that these people head, the invited units, and their heads."""
    day = day_of(question.spans[0].starts_at)
    word = await addressing.word(session)
    names = dict(question.leaders) | {one.person_id: one.label for one in question.invited if one.person_id}
    people = {id_: _Guest("person", id_, addressing.named(word, name), name) for id_, name in names.items()}
    units = {
        one.unit_id: _Guest(
            "person",
            one.person_id,
            f"{addressing.named(word, one.name)}, thủ trưởng {one.unit},",
            f"{one.name}, the head of {one.unit}",
        )
        for one in (await _headed_by(session, list(names), day) if names else ())
    }
    invited = {one.unit_id: one for one in question.invited if one.unit_id and not one.person_id}
    heads = await attendees.heads_of(session, invited, day) if invited else {}
    for unit_id, one in invited.items():
        must, name = one.must_be_head, one.unit.name if one.unit else one.label
        if unit_id in heads:
            person, post = heads[unit_id]
            head = f"{person.name}, {attendees.post_of(post.title, name)}"
            people.setdefault(person.id, _Guest("unit", unit_id, f"{addressing.named(word, head)},", head, must))
        vi, en = (f"Thủ trưởng {name}", f"The head of {name}") if must else (name, name)
        units[unit_id] = _Guest("unit", unit_id, vi, en, must)
    return _Whose(people, units)


async def _headed_by(session: AsyncSession, person_ids: list[str], day: date) -> Sequence[Any]:
    rows = await session.execute(
        select(Post.unit_id, Unit.name.label("unit"), Person.id.label("person_id"), Person.name)
        .join(Holding, Holding.post_id == Post.id)
        .join(Person, Person.id == Holding.person_id)
        .join(Unit, Unit.id == Post.unit_id)
        .where(Person.id.in_(person_ids), Post.is_head, Holding.valid_from <= day)
        .where(or_(Holding.valid_to.is_(None), Holding.valid_to > day))
    )
    return rows.all()


# What takes the time


class _Found:
    """The meetings that take the time of each guest, by date of the request."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = sorted(spans, key=lambda one: one.starts_at)
        self._found: dict[tuple[Kind, str], dict[int, Occupied]] = defaultdict(dict)

    def add(self, guest: _Guest, busy: Busy, invited: bool = False, accepted: bool = False) -> None:
        """Add a meeting that takes the time of the guest. The answer names the first such meeting of each date."""
        for place in self._touched(busy):
            told = Occupied(
                kind=guest.kind,
                id=guest.id,
                who_vi=guest.vi,
                who_en=guest.en,
                certain=guest.certain,
                starts_at=busy.starts_at,
                ends_at=busy.ends_at,
                dates=1,
                dated=len(self._spans) > 1,
                invited=invited,
                accepted=accepted,
                meeting_id=busy.meeting_id,
            )
            self._found[guest.kind, guest.id].setdefault(place, told)

    def told(self, invited: Sequence[Invited]) -> list[Occupied]:
        """Return each busy guest once. Those who must come are first; then the order of the list decides."""
        order = {one.person_id or one.unit_id: place for place, one in enumerate(invited)}
        told = [replace(dates[min(dates)], dates=len(dates)) for dates in self._found.values()]
        return sorted(told, key=lambda one: (not one.certain, order.get(one.id, -1), one.id))

    def _touched(self, busy: Busy) -> Iterator[int]:
        """Return the places of the dates that the meeting overlaps. The dates of a request do not overlap each other."""
        place = bisect.bisect_right(self._spans, busy.starts_at, key=lambda one: one.ends_at)
        while place < len(self._spans) and self._spans[place].starts_at < busy.ends_at:
            yield place
            place += 1


async def _add_invitations(session: AsyncSession, question: Question, whose: _Whose, found: _Found) -> None:
    """Add the other meetings to which the guests are invited. A substitute goes in the place of the invited one."""
    dates = await _dates(session, question)
    if not dates or not (whose.people or whose.units):
        return
    at: dict[str, list[Busy]] = defaultdict(list)
    for one in dates:
        at[one.meeting_id].append(one)
    invitations = await _invitations(session, list(at), whose)
    answers = await _answers(session, invitations, dates)
    for one in invitations:
        sent = one.substitute_state == "agreed"
        person_id = one.substitute_person_id if sent else one.person_id
        unit_id = None if sent or one.person_id else one.unit_id
        guest = whose.people.get(person_id or "") or whose.units.get(unit_id or "")
        for busy in at[one.meeting_id] if guest else ():
            answer = answers.get((one.id, busy.occurrence_id), one.answer)
            if guest and answer != "declined":
                found.add(guest, busy, invited=True, accepted=answer == "accepted")


async def _dates(session: AsyncSession, question: Question) -> list[Busy]:
    """Return the dates of other meetings at the times of the question, in order of time."""
    found: dict[str, Busy] = {}
    for touches in touching(Occurrence, [(span.starts_at, span.ends_at) for span in question.spans]):
        rows = await session.execute(
            select(Occurrence.id, Occurrence.starts_at, Occurrence.ends_at, Occurrence.meeting_id)
            .join(Meeting, Meeting.id == Occurrence.meeting_id)
            .where(touches, Occurrence.state.in_(LIVE), Meeting.state.in_(restoring.TAKES))
            # Technicians attend a rehearsal. The people and heads who are invited to its meeting are free.
            .where(Meeting.id != question.excluding, Occurrence.id != question.excluding)
            .where(Meeting.rehearses_id.is_(None))
        )
        found |= {id_: Busy(starts_at, ends_at, meeting_id, id_) for id_, starts_at, ends_at, meeting_id in rows}
    return sorted(found.values(), key=lambda one: (one.starts_at, one.meeting_id))


async def _invitations(session: AsyncSession, meeting_ids: Sequence[str], whose: _Whose) -> list[Any]:
    """Return the attendees of these meetings whose time counts."""
    people, units = list(whose.people), list(whose.units)
    found: list[Any] = []
    for chunk in _chunks(meeting_ids):
        rows = await session.execute(
            select(
                Attendee.id,
                Attendee.meeting_id,
                Attendee.unit_id,
                Attendee.person_id,
                Attendee.answer,
                Attendee.substitute_person_id,
                Attendee.substitute_state,
            )
            .where(Attendee.meeting_id.in_(chunk))
            .where(
                Attendee.person_id.in_(people) | Attendee.substitute_person_id.in_(people) | Attendee.unit_id.in_(units)
            )
        )
        found += rows.all()
    order = {id_: place for place, id_ in enumerate(meeting_ids)}
    return sorted(found, key=lambda one: (order[one.meeting_id], one.id))


async def _answers(
    session: AsyncSession, invitations: Iterable[Any], dates: Sequence[Busy]
) -> dict[tuple[str, str], str]:
    """Return the answers for one date alone, by attendee and date."""
    ids = {one.id for one in invitations}
    found: dict[tuple[str, str], str] = {}
    for chunk in _chunks([one.occurrence_id for one in dates] if ids else []):
        rows = await session.execute(
            select(DateAnswer.attendee_id, DateAnswer.occurrence_id, DateAnswer.answer)
            .join(Occurrence, Occurrence.id == DateAnswer.occurrence_id)
            .where(DateAnswer.occurrence_id.in_(chunk), DateAnswer.starts_at == Occurrence.starts_at)
        )
        found |= {(attendee, date_): answer for attendee, date_, answer in rows if attendee in ids}
    return found


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[place : place + CHUNK] for place in range(0, len(ids), CHUNK))
