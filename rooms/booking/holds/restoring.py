"""Take the reservations of a meeting again, and restore a meeting to its state before a change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.holds import clashes, guest_holds, loads, resources, terminals
from rooms.booking.holds.resources import Span, Taken, Thing
from rooms.booking.meeting import attendees, call_list, consent, history, timing
from rooms.booking.rules.calendar import day_of
from rooms.errors import Refusal
from rooms.policy import classes
from rooms.policy.actors import Actor
from rooms.store.tables.booking import Change, Reservation, Wanted
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import CONNECTS, Attendee, DocumentRef, Meeting, Occurrence
from rooms.store.tables.sites import Terminal

TAKES = guest_holds.TAKES
OVER = ("running", "ended", "released")
"""States of dates that must not change any more."""


@dataclass(frozen=True)
class _Need:
    """The needs of dates: all of `must` together, and those of `guests` that are free. See `rooms.booking.holds.terminals`."""

    must: tuple[Thing, ...]
    guests: tuple[Thing, ...]

    @property
    def names(self) -> set[str]:
        return {one.id for one in (*self.must, *self.guests)}


async def retake(
    session: AsyncSession,
    meeting: Meeting,
    dates: Sequence[Occurrence],
    actor: Actor,
    now: datetime,
    keeps: bool = False,
) -> None:
    """Release the reservations of these dates and reserve what the meeting needs, all or none. Raise `overlap`, `capacity`.

    `keeps`: the dates must keep the terminals and halls that they have now. Otherwise a terminal or hall of an invited unit
    that is not free is left out.
    """
    await session.flush()
    needs = await _needs(session, meeting, dates, keeps)
    await resources.lock(session, {name for one in needs.values() for name in one.names})
    await resources.give_back(session, [one.id for one in dates], forget=True)
    wishes, must = await _wishes(session, dates, needs)
    load = await loads.of_meeting(session, meeting)
    try:
        await resources.take(session, wishes, load, now)
    except Taken:
        raise await _refusal(session, meeting, must, load, actor) from None


async def renew(
    session: AsyncSession, rehearsal: Meeting, date: Occurrence, actor: Actor, now: datetime, strict: bool
) -> None:
    """Reserve what a rehearsal needs, and keep the reservations that stay the same. So a change of one unit costs as much as
    this unit.

    `strict`: raise `overlap`, `capacity`. Otherwise leave out what is not free. Raise `Taken` if the capacity is not enough.
    """
    await session.flush()
    needs = await _needs(session, rehearsal, [date])
    await resources.lock(session, needs[date.id].names)
    wishes, must = await _wishes(session, [date], needs, own=True)
    load = await loads.of_meeting(session, rehearsal)
    try:
        await resources.renew(session, wishes, load, now)
    except Taken:
        if strict:
            raise await _refusal(session, rehearsal, must, load, actor) from None
        needs = {date.id: _Need((), (*needs[date.id].must, *needs[date.id].guests))}
        await resources.renew(session, (await _wishes(session, [date], needs, own=True))[0], load, now)


async def _refusal(
    session: AsyncSession, meeting: Meeting, must: terminals.Wishes, load: resources.Load, actor: Actor
) -> Refusal:
    """Return what is taken, after `Taken`. Only a rehearsal still has reservations then."""
    rule = await timing.rule_of_meeting(session, meeting)
    own = meeting.id if meeting.rehearses_id is not None else ""
    found = await clashes.find(session, clashes.Question(must, load, actor, rule, own))
    return clashes.refusal(must, found)


async def take_guests(session: AsyncSession, meeting: Meeting, now: datetime, unit_id: str = "") -> None:
    """Reserve the terminals and held halls of invited units that are free and not reserved yet, for all coming dates.
    `unit_id`: only those of this unit, which has answered.
    """
    dates = await coming(session, meeting.id, now)
    wanted = await resources.wanted(session, meeting.id)
    of_key: dict[str, _Need] = {}
    for key in _keys(dates, wanted):
        known = {one.resource_id for one in wanted[key]}
        calls = await call_list.of_date(session, meeting, key)
        of_key[key] = _Need((), await _guests(session, meeting, calls, known, unit_id))
    if not any(one.guests for one in of_key.values()):
        return
    _, off = await terminals.of_operators(session, meeting.id)
    needs = {one.id: _on_the_day(of_key[_key(one, wanted)], (), off.get(one.id, ()), ()) for one in dates}
    await resources.lock(session, {name for one in needs.values() for name in one.names})
    await resources.take(session, (await _wishes(session, dates, needs))[0], resources.Load(), now)


async def release_hall(session: AsyncSession, meeting: Meeting, hall_id: str, now: datetime) -> None:
    """Release the hall of an invited unit and the terminals in it. Keep the terminals that the host added."""
    dates = select(Occurrence.id).where(
        Occurrence.meeting_id == meeting.id, Occurrence.state == "planned", Occurrence.starts_at > now
    )
    added = select(Wanted.resource_id).where(Wanted.meeting_id == meeting.id)
    devices = select(Terminal.id).where(Terminal.hall_id == hall_id, Terminal.id.not_in(added))
    of_hall = (Reservation.resource_id == hall_id) & Reservation.guest
    await session.execute(
        delete(Reservation).where(
            Reservation.occurrence_id.in_(dates), or_(of_hall, Reservation.resource_id.in_(devices))
        )
    )


async def release_site(session: AsyncSession, meeting: Meeting, site_id: str, now: datetime) -> None:
    """Release the terminals of a site whose unit declined. Keep those that the host booked or an operator called."""
    dates = select(Occurrence.id).where(
        Occurrence.meeting_id == meeting.id, Occurrence.state == "planned", Occurrence.starts_at > now
    )
    booked = select(Wanted.resource_id).where(Wanted.meeting_id == meeting.id)
    called = select(DialLeg.terminal_id).where(DialLeg.occurrence_id.in_(dates), DialLeg.asked_by == "operator")
    devices = select(Terminal.id).where(
        Terminal.site_id == site_id,
        Terminal.id.not_in(booked),
        Terminal.id.not_in(called),
        or_(Terminal.hall_id.is_(None), Terminal.hall_id.not_in(booked)),
    )
    await session.execute(
        delete(Reservation).where(Reservation.occurrence_id.in_(dates), Reservation.resource_id.in_(devices))
    )


async def settle_halls(session: AsyncSession, meeting: Meeting, now: datetime) -> None:
    """Release the halls of invited units that the meeting holds no longer."""
    dates = await coming(session, meeting.id, now)
    wanted = await resources.wanted(session, meeting.id)
    for key in _keys(dates, wanted):
        booked = {one.resource_id for one in wanted[key] if one.kind == "hall"}
        kept = {one.id for one in await guest_holds.halls_to_take(session, meeting, booked)}
        of_key = [one.id for one in dates if _key(one, wanted) == key]
        await session.execute(
            delete(Reservation).where(
                Reservation.occurrence_id.in_(of_key),
                Reservation.guest,
                Reservation.kind == "hall",
                Reservation.resource_id.not_in(kept),
            )
        )


async def _needs(
    session: AsyncSession, meeting: Meeting, dates: Sequence[Occurrence], keeps: bool = False
) -> dict[str, _Need]:
    """Return what each date needs, by its identifier."""
    wanted = await resources.wanted(session, meeting.id)
    day = day_of(dates[0].starts_at) if dates else day_of(meeting.first_starts_at)
    of_key: dict[str, _Need] = {}
    for key in _keys(dates, wanted):
        things = await resources.things_of(session, wanted[key], meeting.class_, day)
        calls = await call_list.of_date(session, meeting, key)
        must = terminals.needed(things, calls, meeting.host_unit_id)
        of_key[key] = _Need(must, await _guests(session, meeting, calls, {one.id for one in must}))
    called, off = await terminals.of_operators(session, meeting.id)
    kept = await _held_now(session, dates) if keeps else {}
    return {
        one.id: _on_the_day(
            of_key[_key(one, wanted)], called.get(one.id, ()), off.get(one.id, ()), kept.get(one.id, ())
        )
        for one in dates
    }


def _keys(dates: Iterable[Occurrence], wanted: Collection[str]) -> set[str]:
    return {_key(one, wanted) for one in dates}


def _key(date: Occurrence, wanted: Collection[str]) -> str:
    """Return the key of the date's wishes in `wanted`: its own wishes, or the wishes for every date."""
    return date.id if date.id in wanted else ""


async def _guests(
    session: AsyncSession, meeting: Meeting, calls: call_list.CallList, known: Collection[str], unit_id: str = ""
) -> tuple[Thing, ...]:
    """Return the terminals and halls of invited units, or of one of them, that the meeting may reserve.

    Until the approval, the meeting reserves only terminals of units that agreed: a terminal is no firmer than its hall.
    """
    halls = await guest_holds.halls_to_take(session, meeting, known, unit_id)
    # The invited unit may sit at the site of another unit, which owns the terminal.
    theirs = {one.device.id: one.device.unit_id for one in calls.lines if unit_id in ("", one.unit_id)}
    if not theirs:
        return halls
    agreed = await consent.consenting(session, meeting, set(theirs.values()))
    out = await guest_holds.released(session, meeting)
    devices = terminals.of_guests(calls, meeting.class_, known, agreed)
    return (*(one for one in devices if one.id in theirs and one.hall_id not in out), *halls)


def _on_the_day(need: _Need, called: Iterable[Thing], off: Collection[str], kept: Collection[str]) -> _Need:
    """Add the terminals that an operator called, and leave out the terminals that an operator took off. `kept`: the guests that
    the date must keep.
    """
    must = {one.id: one for one in (*need.must, *called, *(one for one in need.guests if one.id in kept))}
    return _Need(
        tuple(one for one in must.values() if one.id not in off),
        tuple(one for one in need.guests if one.id not in must and one.id not in off),
    )


async def _held_now(session: AsyncSession, dates: Sequence[Occurrence]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    rows = await session.execute(
        select(Reservation.occurrence_id, Reservation.resource_id).where(
            Reservation.occurrence_id.in_([one.id for one in dates]),
            Reservation.kind.in_(("terminal", "hall")),
            Reservation.active,
        )
    )
    for date, terminal in rows:
        found.setdefault(date, set()).add(terminal)
    return found


async def _wishes(
    session: AsyncSession, dates: Sequence[Occurrence], needs: Mapping[str, _Need], own: bool = False
) -> tuple[terminals.Wishes, terminals.Wishes]:
    """Return what to reserve, and the part of it that must be free. `own`: what these dates have reserved is free for them."""
    having = frozenset(one.id for one in dates) if own else frozenset()
    groups: dict[_Need, list[Span]] = {}
    for one in dates:
        groups.setdefault(needs[one.id], []).append(Span(one.id, one.starts_at, one.ends_at))
    wishes: terminals.Wishes = []
    for need, spans in groups.items():
        wishes += await terminals.wishes(session, spans, need.must, need.guests, having)
    return wishes, [(span, need.must) for need, spans in groups.items() for span in spans]


async def needed(session: AsyncSession, meeting: Meeting, date: Occurrence) -> tuple[Thing, ...]:
    """Return what must be free for this date. See `rooms.booking.holds.terminals`."""
    return (await _needs(session, meeting, [date]))[date.id].must


def of_maker(change: Change, actor: Actor) -> bool:
    """Report whether the person who made the booking may undo this change. Before approval, this person may undo every change.
    After approval, this person may undo only their own changes.
    """
    return change.before["meeting"]["state"] != "approved" or change.by == (actor.id or actor.kind)[:32]


async def went_back(session: AsyncSession, meeting: Meeting, actor: Actor, now: datetime) -> bool:
    """Restore an approved meeting after a change of it was refused. Return False if there is no approved version, or if its
    times are no longer free.
    """
    change = await _approved_before(session, meeting.id)
    if change is None:
        return False
    before = await history.snapshot(session, meeting)
    try:
        async with session.begin_nested():
            await restore(session, meeting, change.before, actor, now)
    except Refusal:
        await session.refresh(meeting)
        return False
    # Attendees were not notified of the refused change. But a secretary may have raised the class after the change.
    raised = meeting.class_ != change.before["meeting"]["class_"]
    await history.finish(session, meeting, actor, now, "restore", "", before, False, tells=raised)
    if not raised:
        await timing.changed(session, meeting, "restore", now, only_new=True)
    return True


async def _approved_before(session: AsyncSession, meeting_id: str) -> Change | None:
    rows = await session.scalars(
        select(Change).where(Change.meeting_id == meeting_id).order_by(Change.version.desc()).limit(50)
    )
    return next((one for one in rows if one.before and one.before["meeting"]["state"] == "approved"), None)


async def restore(
    session: AsyncSession, meeting: Meeting, before: Mapping[str, Any], actor: Actor, now: datetime
) -> None:
    """Restore everything in the snapshot except the number, the versions and the dates that have begun.

    Never lower the class: a lower class needs a decision of the leadership, and the class may have been raised after the
    snapshot.
    """
    raised = classes.lowers(meeting.class_, before["meeting"]["class_"])
    kept = history.NEVER_RESTORED | ({"class_", "lobby"} if raised else set())
    for name, value in history.from_json(Meeting, before["meeting"]).items():
        if name not in kept:
            setattr(meeting, name, value)
    if meeting.connect not in CONNECTS:  # The snapshot is older than the present two values of `connect`.
        meeting.connect = "call" if meeting.connect == "dial" else "dial_in"
    await _replace(session, Wanted, meeting.id, before["wanted"])
    await _replace(session, DocumentRef, meeting.id, before["documents"])
    await attendees.replace(session, meeting, [_invited(one) for one in before["attendees"]], actor, now)
    await _restore_dates(session, meeting, before["occurrences"], actor, now)


async def _replace(session: AsyncSession, table: Any, meeting_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    await session.execute(delete(table).where(table.meeting_id == meeting_id))
    if rows:
        await session.execute(insert(table), [history.from_json(table, one) for one in rows])


def _invited(values: Mapping[str, Any]) -> attendees.Invited:
    names = attendees.STORED
    return attendees.Invited(
        **{name: value for name, value in history.from_json(Attendee, values).items() if name in names}
    )


async def _restore_dates(
    session: AsyncSession, meeting: Meeting, rows: Sequence[Mapping[str, Any]], actor: Actor, now: datetime
) -> None:
    wanted = {one["id"]: history.from_json(Occurrence, one) for one in rows}
    present = {
        one.id: one for one in await session.scalars(select(Occurrence).where(Occurrence.meeting_id == meeting.id))
    }
    open_ = {id_ for id_, one in present.items() if one.state not in OVER and one.ends_at > now}
    await resources.give_back(session, sorted(open_), forget=True)
    gone = sorted(open_ - wanted.keys())
    if gone:
        await session.execute(delete(Occurrence).where(Occurrence.id.in_(gone)))
        for id_ in gone:
            session.expunge(present[id_])
    await session.flush()
    for id_, values in wanted.items():
        if id_ not in present:
            session.add(Occurrence(**values))
        elif id_ in open_:
            for name in ("starts_at", "ends_at", "state", "moved", "reason_code", "reason", "displaced_by"):
                setattr(present[id_], name, values.get(name, ""))  # old snapshots have no `displaced_by`
    await session.flush()
    if meeting.state in TAKES:
        await retake(session, meeting, await coming(session, meeting.id, now), actor, now)


async def coming(session: AsyncSession, meeting_id: str, now: datetime) -> list[Occurrence]:
    """Return the planned dates that have not begun, in order."""
    rows = await session.scalars(
        select(Occurrence)
        .where(Occurrence.meeting_id == meeting_id, Occurrence.state == "planned", Occurrence.starts_at > now)
        .order_by(Occurrence.starts_at)
    )
    return list(rows)
