"""A meeting for display, and the search for meetings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import and_, false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.changes import approval, resubmitting
from rooms.booking.changes.creation import Made, search_number
from rooms.booking.holds import rehearsals, resources, restoring, terminals
from rooms.booking.holds.resources import Span
from rooms.booking.meeting import attendees, call_list, history, leaders, reading
from rooms.booking.meeting.attendees import Invited
from rooms.booking.meeting.call_list import NamedList
from rooms.booking.rules import calendar
from rooms.booking.rules.calendar import Calendar
from rooms.errors import Refusal
from rooms.meetings import answers
from rooms.org.names import plain
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store.rows import seen, transient
from rooms.store.tables.booking import Change, Proposal, Reservation, Step, Wanted
from rooms.store.tables.dialling import RehearsalCheck
from rooms.store.tables.meetings import (
    STATES,
    Attendee,
    DateAnswer,
    DocumentRef,
    Meeting,
    MeetingType,
    Occurrence,
)
from rooms.store.tables.org import Unit


@dataclass(frozen=True)
class RehearsalDate:
    """The last date of a meeting's rehearsal. `signed`: the number of sites whose result is signed; `failed` of them failed."""

    meeting_id: str
    occurrence_id: str
    number: str | None
    starts_at: datetime
    ends_at: datetime
    state: str
    reason: str
    signed: int
    failed: int
    missing: tuple[str, ...] = ()
    """The booked halls of the meeting that the rehearsal has not reserved."""


@dataclass(frozen=True)
class Rehearsed:
    """The meeting that a rehearsal belongs to."""

    meeting_id: str
    title: str
    starts_at: datetime


@dataclass(frozen=True)
class MeetingView:
    """All parts of a meeting that the actor may see. `pin` is empty for an actor who may not know it."""

    meeting: Meeting
    unit: Unit
    type_: MeetingType
    occurrences: tuple[Occurrence, ...]
    reservations: tuple[Reservation, ...]
    """The reservations of halls and people. `calls` holds the terminals."""
    wanted: tuple[Wanted, ...]
    steps: tuple[Step, ...]
    proposal: Proposal | None
    """A change that waits for approval, for actors who read the host's meetings or decide about the change."""
    attendees: tuple[Attendee, ...]
    date_answers: Mapping[str, Sequence[DateAnswer]]
    """The answers to single dates, by attendee."""
    documents: tuple[DocumentRef, ...]
    calls: NamedList
    """Empty for an actor who may not see the attendees."""
    pin: str
    notice_due: date | None
    conclusion_due: date | None
    undo_until: datetime | None
    can: tuple[str, ...]
    """The actions that the actor may do now."""
    displaced: Mapping[str, Displacer]
    """The meetings that dates gave way to, by date."""
    names: Mapping[str, str]
    """The names of units, people, halls and terminals of a new meeting, by identifier. Empty: the caller must look up the
    names.
    """
    rehearsal: RehearsalDate | None = None
    rehearses: Rehearsed | None = None


@dataclass(frozen=True)
class Displacer:
    """The meeting that a date gave way to. All fields are empty if the actor may not read the meeting."""

    meeting_id: str = ""
    title: str = ""
    unit: str = ""


async def meeting_view(session: AsyncSession, meeting_id: str, actor: Actor, now: datetime) -> MeetingView:
    """Return the view of a meeting. Raise `unknown_meeting`."""
    meeting, unit = await reading.meeting_of(session, meeting_id, actor)
    type_ = await session.get(MeetingType, meeting.type_code)
    assert type_ is not None
    dates = await session.scalars(
        select(Occurrence).where(Occurrence.meeting_id == meeting_id).order_by(Occurrence.starts_at)
    )
    occurrences = tuple(dates)
    reservations = await session.scalars(
        select(Reservation)
        .join(Occurrence, Occurrence.id == Reservation.occurrence_id)
        .where(Occurrence.meeting_id == meeting_id, Reservation.active, ~Reservation.guest)
        .where(Reservation.kind != "terminal")
        .order_by(Reservation.starts_at)
    )
    steps = await session.scalars(select(Step).where(Step.meeting_id == meeting_id).order_by(Step.round, Step.step))
    documents = await session.scalars(select(DocumentRef).where(DocumentRef.meeting_id == meeting_id))
    change = await _undoable(session, meeting, now)
    belongs = await reading.belongs(session, actor, meeting_id)
    decides = await _may_decide(session, meeting, actor)
    concerned = roles.allows(actor, "meetings.read", unit.path) or decides
    proposal = await approval.pending(session, meeting_id) if concerned else None
    wanted = await resources.wanted(session, meeting_id)
    return _view(
        (meeting, unit, type_, await calendar.load(session)),
        actor,
        now,
        occurrences=occurrences,
        reservations=tuple(reservations),
        wanted=tuple(one for rows in wanted.values() for one in rows),
        steps=tuple(steps),
        proposal=proposal,
        attendees=tuple(await attendees.listed(session, meeting_id) if belongs else ()),
        date_answers=await answers.of_dates(session, meeting_id, now) if belongs and meeting.rule else {},
        documents=tuple(documents),
        calls=await _calls(session, meeting, occurrences, actor, now) if belongs else NamedList(),
        undo_until=change.undo_until if change else None,
        can=_can(meeting, unit, actor, change, decides, proposal),
        displaced=await _displaced(session, occurrences, actor),
        names={},
        rehearsal=await _rehearsal(session, meeting) if belongs else None,
        rehearses=await _rehearses(session, meeting),
    )


async def _rehearsal(session: AsyncSession, meeting: Meeting) -> RehearsalDate | None:
    found = await rehearsals.of_meeting(session, meeting.id)
    dates = await rehearsals.dates_of(session, found.id) if found is not None else []
    if found is None or not dates:
        return None
    last = dates[-1]
    rows = await session.scalars(
        select(RehearsalCheck).where(RehearsalCheck.occurrence_id == last.id, RehearsalCheck.signed_at.is_not(None))
    )
    signed = list(rows)
    failed = sum(not (one.picture and one.sound_in and one.sound_out and one.name_plate) for one in signed)
    times = (last.starts_at, last.ends_at, last.state, last.reason)
    return RehearsalDate(
        found.id,
        last.id,
        found.number,
        *times,
        len(signed),
        failed,
        tuple(await rehearsals.missing_halls(session, last)),
    )


async def _rehearses(session: AsyncSession, meeting: Meeting) -> Rehearsed | None:
    if meeting.rehearses_id is None:
        return None
    whole = await session.get_one(Meeting, meeting.rehearses_id)
    dates = await restoring.coming(session, whole.id, meeting.first_starts_at)
    return Rehearsed(whole.id, whole.title, dates[0].starts_at if dates else whole.first_starts_at)


async def _calls(
    session: AsyncSession, meeting: Meeting, occurrences: Sequence[Occurrence], actor: Actor, now: datetime
) -> NamedList:
    coming = [one for one in occurrences if one.state in ("planned", "running") and one.ends_at > now]
    spans = [Span(one.id, one.starts_at, one.ends_at) for one in coming]
    return await terminals.with_taken(session, await call_list.shown(session, meeting), spans, actor, meeting.id)


def view_of_made(made: Made, actor: Actor, now: datetime) -> MeetingView | None:
    """Return the view of a new meeting from the rows just written. Return None if the caller must use `meeting_view`."""
    plan, written = made.plan, made.written
    if plan is None or len(plan.spans) > limits.DATES_KNOWN or made.meeting.created_by != actor.id:
        return None
    kept = sum(row["kind"] == "terminal" for row in written[Reservation])
    if plan.request.secretary_deputy_id or plan.request.operator_deputy_id:
        return None  # the plan does not know the names of the deputies
    if plan.request.rehearsal_at is not None:
        return None
    if kept < len(made.spans) * (len(plan.guests) + sum(one.kind == "terminal" for one in plan.needed)):
        return None  # another meeting may have a terminal, and only the database knows this meeting
    meeting, unit = made.meeting, plan.unit
    steps = [transient(Step, row) for row in written.get(Step, ())]
    decides = bool(steps) and roles.allows(actor, approval.ACTION_OF[1], unit.path)
    invited = zip(plan.invited, written[Attendee], strict=True)
    official = sorted(invited, key=lambda one: _place(one[0]))
    return _view(
        (meeting, unit, plan.type_, plan.calendar),
        actor,
        now,
        occurrences=tuple(
            sorted((transient(Occurrence, row) for row in written[Occurrence]), key=lambda one: one.starts_at)
        ),
        reservations=tuple(
            sorted(
                (transient(Reservation, row) for row in written[Reservation] if row["kind"] != "terminal"),
                key=lambda one: one.starts_at,
            )
        ),
        wanted=tuple(transient(Wanted, row) for row in written[Wanted]),
        steps=tuple(steps),
        proposal=None,
        attendees=tuple(seen(Attendee, row) for _, row in official),
        date_answers={},
        documents=tuple(transient(DocumentRef, row) for row in written[DocumentRef]),
        calls=call_list.in_words(plan.calls, plan.names),
        undo_until=None,
        can=_can(meeting, unit, actor, None, decides),
        displaced={},
        names=plan.names,
    )


async def _displaced(session: AsyncSession, dates: Sequence[Occurrence], actor: Actor) -> dict[str, Displacer]:
    ids = {one.id: one.displaced_by for one in dates if one.displaced_by}
    known = await reading.readable(session, actor, list(set(ids.values()))) if ids else set()
    rows = await session.execute(
        select(Meeting.id, Meeting.title, Unit.name)
        .join(Unit, Unit.id == Meeting.host_unit_id)
        .where(Meeting.id.in_(known))
    )
    found = {id_: Displacer(id_, title, unit) for id_, title, unit in rows}
    return {date: found.get(other, Displacer()) for date, other in ids.items()}


def _place(one: Invited) -> tuple[bool, int, int, str, str]:
    unit = one.unit
    return attendees.official(
        unit.tier if unit else None, unit.position if unit else None, unit.name if unit else None, one.label
    )


def _view(
    ground: tuple[Meeting, Unit, MeetingType, Calendar],
    actor: Actor,
    now: datetime,
    occurrences: tuple[Occurrence, ...],
    **parts: Any,
) -> MeetingView:
    meeting, unit, type_, days = ground
    coming = next((one for one in occurrences if one.ends_at > now and one.state in ("planned", "running")), None)
    next_ = coming or (occurrences[-1] if occurrences else None)
    notice = calendar.notice_due(days, next_.starts_at, type_.notice_days) if next_ and type_.notice_days else None
    return MeetingView(
        meeting=meeting,
        unit=unit,
        type_=type_,
        occurrences=occurrences,
        pin=meeting.pin if knows_pin(meeting, unit, actor) else "",
        notice_due=notice,
        conclusion_due=calendar.conclusion_due(days, next_.ends_at, type_.conclusion_days) if next_ else None,
        **parts,
    )


def knows_pin(meeting: Meeting, host: Unit, actor: Actor) -> bool:
    """Report whether the actor may read the PIN: the host's desk, and the leaders of the meeting."""
    return roles.allows(actor, "meetings.edit", host.path) or leaders.leads(meeting, actor)


async def _undoable(session: AsyncSession, meeting: Meeting, now: datetime) -> Change | None:
    try:
        change = await history.last_undoable(session, meeting, now)
    except Refusal:
        return None
    return None if await _place_taken(session, change) else change


async def _place_taken(session: AsyncSession, change: Change) -> bool:
    """Report whether the change is a displacement and the other meeting still has the place, so that an undo would fail."""
    if change.action != "displaced":
        return False
    other = select(Meeting.id).join(Occurrence, Occurrence.displaced_by == Meeting.id)
    stands = other.where(Occurrence.id == change.occurrence_id, Meeting.state.in_(restoring.TAKES))
    return await session.scalar(stands) is not None


@dataclass(frozen=True)
class _Act:
    """A rule for an action: actors with the `right` may do it, the maker in some states, and perhaps the leaders."""

    right: str
    states: Sequence[str] = ()
    """The permitted states of the meeting. Empty: any state."""
    class_: str = ""
    maker_in: Sequence[str] = ()
    """States in which the maker needs no right."""
    leaders: bool = False
    """True: chair, secretary and operator of the meeting need no right."""


_CHANGE = _Act("meetings.edit", restoring.TAKES, maker_in=("held", "asked"))
_ACTS: Final = {
    "submit": _Act("meetings.create", ("held",), maker_in=("held",)),
    "resubmit": _Act("meetings.edit", resubmitting.ENDED, maker_in=resubmitting.ENDED),
    "edit": _CHANGE,
    "cancel": _Act("meetings.cancel", restoring.TAKES, maker_in=restoring.TAKES),
    "postpone": _CHANGE,
    "extend": _Act("meetings.edit", ("approved",), leaders=True),
    "raise_class": _Act("meetings.raise_class", restoring.TAKES, "ordinary", leaders=True),
    "lower_class": _Act("meetings.lower_class", restoring.TAKES, "important"),
    "letters": _Act("meetings.letters", ("approved",)),
    "answers": _Act("meetings.answers"),
    "copy": _Act("meetings.create", maker_in=STATES),
}
_ORDER: Final = (
    "submit",
    "resubmit",
    "edit",
    "cancel",
    "postpone",
    "extend",
    "undo",
    "raise_class",
    "lower_class",
    "letters",
    "answers",
    "copy",
    "decide",
    "withdraw_change",
)
_OF_REHEARSAL: Final = ("extend", "decide", "withdraw_change")


def _can(
    meeting: Meeting,
    unit: Unit,
    actor: Actor,
    change: Change | None,
    decides: bool,
    proposal: Proposal | None = None,
) -> tuple[str, ...]:
    edits = roles.allows(actor, "meetings.edit", unit.path)
    own = _made(meeting, actor)
    can = {name: _is_open(act, meeting, unit, actor) for name, act in _ACTS.items()}
    can["undo"] = change is not None and (edits or (own and restoring.of_maker(change, actor)))
    can["decide"] = decides
    can["withdraw_change"] = proposal is not None and edits
    # A rehearsal follows its meeting.
    names = _ORDER if meeting.rehearses_id is None else _OF_REHEARSAL
    return tuple(name for name in names if can[name])


def _is_open(act: _Act, meeting: Meeting, unit: Unit, actor: Actor) -> bool:
    if (act.states and meeting.state not in act.states) or (act.class_ and meeting.class_ != act.class_):
        return False
    makes = meeting.state in act.maker_in and _made(meeting, actor)
    return makes or (act.leaders and leaders.leads(meeting, actor)) or roles.allows(actor, act.right, unit.path)


def _made(meeting: Meeting, actor: Actor) -> bool:
    return bool(actor.id) and meeting.created_by == actor.id


async def _may_decide(session: AsyncSession, meeting: Meeting, actor: Actor) -> bool:
    step = await approval.open_step(session, meeting.id) if meeting.state in ("asked", "approved") else None
    if step is None:
        return False
    path = await session.scalar(select(Unit.path).where(Unit.id == step.unit_id)) or ""
    allowed = roles.allows(actor, approval.ACTION_OF[step.step], path)
    return allowed and await approval.barred(session, step, meeting, path, actor) is None


# Search


@dataclass(frozen=True)
class SearchQuery:
    """The search terms. `text` matches the title, and the numbers of the meeting and its documents, without regard to
    diacritics. The times match any date of a meeting.
    """

    text: str = ""
    states: tuple[str, ...] = ()
    host_unit_id: str = ""
    type_code: str = ""
    class_: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    created_by: str = ""
    postponed: bool = False
    """True: only meetings with a date that is postponed until further notice."""
    connect_asked: bool = False
    """True: only meetings of the reader's desk that do not say yet whether the server calls their halls."""
    after: tuple[datetime, str] | None = None
    """The cursor: (first_starts_at, id) of the last meeting on the page before."""
    limit: int = 50


async def search(session: AsyncSession, query: SearchQuery, actor: Actor, now: datetime) -> list[Meeting]:
    """Return the matching meetings that `actor` may read, the latest first date first. Meetings that the actor may read only
    for an invited unit, as a substitute or as a deputy are not found.
    """
    statement = select(Meeting).join(Unit, Unit.id == Meeting.host_unit_id)
    may = _may_read(actor)
    if may is not None:
        statement = statement.where(may)
    if query.text.strip():
        statement = statement.where(_says(query.text[: limits.SEARCH_TEXT]))
    if query.states:
        statement = statement.where(Meeting.state.in_(query.states))
    for column, value in (
        (Meeting.host_unit_id, query.host_unit_id),
        (Meeting.type_code, query.type_code),
        (Meeting.class_, query.class_),
        (Meeting.created_by, query.created_by),
    ):
        if value:
            statement = statement.where(column == value)
    if query.starts_at or query.ends_at:
        statement = statement.where(Meeting.id.in_(_dated(query)))
    if query.postponed:
        off = select(Occurrence.meeting_id).where(Occurrence.state == "postponed")
        statement = statement.where(Meeting.id.in_(off), Meeting.state.in_(restoring.TAKES))
    if query.connect_asked:
        statement = statement.where(*_asked(actor, now))
    if query.after:
        at, id_ = query.after
        before = or_(Meeting.first_starts_at < at, and_(Meeting.first_starts_at == at, Meeting.id < id_))
        statement = statement.where(before)
    limit = max(1, min(query.limit, limits.SEARCH_ROWS))
    ordered = statement.order_by(Meeting.first_starts_at.desc(), Meeting.id.desc()).limit(limit)
    return list(await session.scalars(ordered))


def _may_read(actor: Actor):  # type: ignore[no-untyped-def]
    """Return the SQL condition of `search`, or None if the actor may read everything."""
    paths = roles.scopes(actor, "meetings.read")
    if paths is None:
        return None
    allowed = [Meeting.public, *(Unit.path.startswith(one, autoescape=True) for one in paths)]
    if actor.id and actor.kind in ("account", "client"):
        allowed.append(Meeting.created_by == actor.id)
    if actor.person_id:
        allowed.append(leaders.led_by(leaders.persons_of(actor)))
        allowed.append(Meeting.id.in_(select(Attendee.meeting_id).where(Attendee.person_id == actor.person_id)))
    return or_(*allowed)


def _asked(actor: Actor, now: datetime) -> list[Any]:
    """Return the conditions for coming meetings that were booked before the server called halls by default. Meetings with a
    waiting change are left out, because that change must be decided first.
    """
    desks = [one.unit_id for one in actor.roles if one.role == roles.SECRETARY]
    own = [Meeting.created_by == actor.id] if actor.id else []
    if actor.person_id:
        own.append(leaders.led_by(leaders.persons_of(actor), leaders.SECRETARIES))
    paths = roles.scopes(actor, "meetings.edit")
    edits = [true()] if paths is None else [Unit.path.startswith(one, autoescape=True) for one in paths]
    coming = select(Occurrence.meeting_id).where(Occurrence.ends_at > now, Occurrence.state.in_(("planned", "running")))
    waits = select(Proposal.meeting_id).where(Proposal.state == "waiting")
    return [
        Meeting.connect_asked,
        Meeting.state.in_(restoring.TAKES),
        Meeting.id.in_(coming),
        Meeting.id.not_in(waits),
        or_(Meeting.host_unit_id.in_(desks), *own),
        or_(false(), *edits),
    ]


def _says(text: str):  # type: ignore[no-untyped-def]
    number = search_number(text)
    documents = select(DocumentRef.meeting_id).where(DocumentRef.search_number.contains(number, autoescape=True))
    found = [Meeting.search_title.contains(plain(text), autoescape=True), Meeting.id.in_(documents)]
    digits = "".join(letter for letter in text if letter.isdigit())
    if digits and not any(letter.isalpha() for letter in text):
        found.append(Meeting.number == digits)
    return or_(*found)


def _dated(query: SearchQuery):  # type: ignore[no-untyped-def]
    dates = select(Occurrence.meeting_id)
    if query.starts_at:
        dates = dates.where(Occurrence.ends_at > query.starts_at)
    if query.ends_at:
        dates = dates.where(Occurrence.starts_at < query.ends_at)
    return dates


async def next_dates(
    session: AsyncSession, meeting_ids: Sequence[str], now: datetime
) -> dict[str, tuple[datetime, datetime]]:
    """Return the next date of each meeting, or its last date if all dates are over."""
    ids = list(meeting_ids)[: limits.SEARCH_ROWS]
    coming = select(Occurrence.meeting_id, func.min(Occurrence.starts_at).label("at")).where(
        Occurrence.meeting_id.in_(ids), Occurrence.ends_at > now, Occurrence.state.in_(("planned", "running"))
    )
    last = select(Occurrence.meeting_id, func.max(Occurrence.starts_at).label("at")).where(
        Occurrence.meeting_id.in_(ids)
    )
    at = dict((await session.execute(last.group_by(Occurrence.meeting_id))).all())
    at |= dict((await session.execute(coming.group_by(Occurrence.meeting_id))).all())
    rows = await session.execute(
        select(Occurrence.meeting_id, Occurrence.starts_at, Occurrence.ends_at).where(
            Occurrence.meeting_id.in_(ids), Occurrence.starts_at.in_(list(at.values()))
        )
    )
    return {id_: (start, end) for id_, start, end in rows if at[id_] == start}
