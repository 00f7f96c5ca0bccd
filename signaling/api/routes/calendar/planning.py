"""The routes of the board, free times, previews, waiting decisions, own meetings, and the class of a meeting."""

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import approval, class_changes
from rooms.booking.holds import grid
from rooms.booking.holds.attendance import Attendance
from rooms.booking.meeting import cards, naming, reading
from rooms.booking.planning import busy, previews
from rooms.meetings import own_dates, views
from rooms.policy import classes
from rooms.policy.classes import Presence
from signaling.api.ground import problems
from signaling.api.ground.visits import Caller, Present, Rows, Version, Visit, anywhere, check_version, tag
from signaling.api.models import limits
from signaling.api.models.booking import (
    Approval,
    Availability,
    AvailabilityFields,
    Board,
    BusyAttendees,
    ChangeLine,
    InvitedCount,
    MyMeeting,
    Occupied,
    Preview,
    Slot,
)
from signaling.api.models.meetings import ClassChange, ClassChanged, Dropped, Excluded, MeetingFields
from signaling.api.models.parts import Id, Instant, Page, shown
from signaling.api.routes.calendar import shapes
from signaling.host.declared import OWN, needs
from signaling.host.routers import new_router

router = new_router("planning")
Key = Annotated[Id, Path()]


@router.get("/board", openapi_extra=needs("board.read"))
async def get_board(
    visit: Caller,
    starts_at: Instant,
    ends_at: Instant,
    unit_id: Id | None = None,
    site_id: Id | None = None,
    hall_id: Annotated[list[Id] | None, Query(max_length=limits.HALLS)] = None,
) -> Board:
    """Return the halls by time, at most six weeks. A date that the caller may not read is shown as "Đã có lịch"."""
    actor = anywhere(visit, "board.read")
    where = (unit_id or "", site_id or "", tuple(hall_id or ()))
    found = await visit.read(lambda session: grid.board(session, starts_at, ends_at, actor, visit.now, *where))
    return Board.model_validate(found)


@router.post("/availability", openapi_extra=needs("board.read"))
async def find_free(visit: Caller, wanted: AvailabilityFields) -> Availability:
    """Return the first free time of each fitting hall within the span. The order is the earliest, then the nearest, then the
    smallest hall.
    """
    actor = anywhere(visit, "board.read")
    values = wanted.model_dump()
    lists = ("equipment", "hall_ids", "person_ids", "terminal_ids")
    query = grid.AvailabilityQuery(**{**values, **{name: tuple(values[name]) for name in lists}})
    slots = await visit.read(lambda session: grid.availability(session, query, actor, visit.now))
    return Availability(slots=[shown(Slot, one) for one in slots])


@router.post("/preview", openapi_extra=needs("meetings.create", of="unit"))
async def preview(
    visit: Caller, wanted: MeetingFields, excluding: Id | None = None, excluding_date: Id | None = None
) -> Preview:
    """Return every date of a booking, with every clash. Nothing is reserved. `excluding`: a meeting that is being changed.
    `excluding_date`: only this date of the meeting is being changed.
    """
    actor, request = visit.actor, shapes.request_of(wanted)
    own = (excluding or "", excluding_date or "")
    found = await visit.read(lambda session: previews.preview(session, request, actor, visit.now, *own))
    return Preview.model_validate(found)


@router.get("/approvals", openapi_extra=needs(OWN))
async def list_approvals(visit: Caller, rows: Rows) -> Page[Approval]:
    """List the decisions that wait for the caller, the nearest deadline first."""
    actor = visit.actor

    async def work(session: AsyncSession) -> list[Approval]:
        found = await approval.waiting(session, actor, visit.now)
        dates = await views.next_dates(session, [one.meeting.id for one in found], visit.now)
        names = await naming.accounts(session, [_asker(one) for one in found])
        starts = {meeting: span[0] for meeting, span in dates.items()}
        known = await cards.cards(session, [one.meeting for one in found], starts)
        return [_approval(one, dates, names, known[one.meeting.id]) for one in found]

    return rows.cut(await visit.read(work), lambda one: one)


@router.get("/approvals/{step_id}/busy", openapi_extra=needs(OWN))
async def list_busy(visit: Caller, step_id: Key) -> BusyAttendees:
    """Return who of the attendees is busy at the times of a meeting that the caller may decide."""
    actor = visit.actor

    async def work(session: AsyncSession) -> Attendance:
        waiting = await approval.waiting(session, actor, visit.now)
        one = next((one for one in waiting if one.step.id == step_id), None)
        return await busy.busy_of(session, one.meeting, actor, visit.now) if one is not None else Attendance()

    found = await visit.read(work)
    return BusyAttendees(occupied=[shown(Occupied, one) for one in found.occupied], busy=found.busy)


@router.get("/my-meetings", openapi_extra=needs(OWN))
async def my_meetings(
    visit: Caller, rows: Rows, starts_at: Instant | None = None, ends_at: Instant | None = None
) -> Page[MyMeeting]:
    """List the dates to which the caller is invited, or that belong to the caller's desk, from today on. `can_enter` says
    whether the caller can enter a date now.
    """
    actor = visit.actor
    found = await visit.read(lambda session: own_dates.dates(session, actor, visit.now, starts_at, ends_at))
    return rows.cut(found, lambda one: shown(MyMeeting, one))


@router.post("/meetings/{meeting_id}/class", openapi_extra=needs("meetings.raise_class", of="meeting"))
async def change_class(
    visit: Caller, response: Response, meeting_id: Key, wanted: ClassChange, version: Version
) -> ClassChanged:
    """Raise or lower the class. It can be raised also while the meeting runs.

    `preview` shows the participants whom the new class does not admit; without it they are dropped. Only the leadership of the
    host unit may lower the class, with a reason.
    """
    made, dates = await visit.write(lambda session: _change_class(session, visit, meeting_id, wanted, version))
    if made.applied:
        for date in dates:
            visit.desk.live.set_door(date, made.class_, made.meeting.version)
    # Only after the write: during the write a participant may have entered through the old door.
    leaving = _leaving(visit, dates, made.class_)
    if made.applied:
        for date, one in leaving:
            visit.desk.live.expel(date, one.identity)
    tag(response, made.meeting.version)
    return ClassChanged(
        applied=made.applied,
        version=made.meeting.version,
        class_=made.class_,
        dropped=[Dropped(identity=one.identity, name=one.name, way=one.way) for _, one in leaving],
        excluded=[
            Excluded(name=one.label, code=one.verdict.code, vi=one.verdict.vietnamese, en=one.verdict.english)
            for one in made.excluded
        ],
    )


async def _change_class(
    session: AsyncSession, visit: Visit, meeting_id: str, wanted: ClassChange, version: int
) -> tuple[class_changes.ClassChanged, list[str]]:
    """Return the change, and the dates whose conferences may be running."""
    actor = visit.actor
    meeting, _ = await reading.locked(session, meeting_id, actor)
    check_version(version, meeting.version)
    view = await views.meeting_view(session, meeting_id, actor, visit.now)
    dates = [one.id for one in view.occurrences if one.state not in ("cancelled", "skipped", "postponed")]
    if not classes.lowers(meeting.class_, wanted.class_):
        given = (wanted.class_, actor, visit.now, [one for _, one in _present(visit, dates)], wanted.preview)
        return await class_changes.raise_class(session, meeting_id, *given), dates
    if wanted.preview:
        raise problems.refused("nothing_to_preview")
    return await class_changes.lower_class(session, meeting_id, wanted.class_, wanted.reason, actor, visit.now), dates


def _present(visit: Visit, dates: list[str]) -> list[tuple[str, Presence]]:
    return [(date, _presence(one)) for date in dates for one in visit.desk.live.present(date)]


def _leaving(visit: Visit, dates: list[str], class_: str) -> list[tuple[str, Present]]:
    """Return the present participants whom this class does not admit."""
    here = [(date, one) for date in dates for one in visit.desk.live.present(date)]
    return [(date, one) for date, one in here if classes.dropped(class_, [_presence(one)])]


def _presence(one: Present) -> Presence:
    """Return the presence for the class policy. An ordinary meeting admits terminals that are not in the register, from any
    network.
    """
    strict = one.way in classes.HALL_WAYS and one.closed
    return Presence(one.identity, _way(one.way), terminal_registered=strict, network_closed=strict, invited=True)


def _way(way: str) -> classes.Way:
    return next((one for one in classes.WAYS if one == way), "browser")


def _approval(
    one: approval.Waiting, dates: dict[str, tuple[datetime, datetime]], names: dict[str, str], card: cards.Card
) -> Approval:
    meeting = one.meeting
    starts_at, ends_at = dates.get(meeting.id, (meeting.first_starts_at, meeting.first_starts_at))
    return Approval(
        step_id=one.step.id,
        step=one.step.step,
        meeting_id=meeting.id,
        title=meeting.title,
        class_=meeting.class_,
        host_unit_id=meeting.host_unit_id,
        host_unit_name=one.unit.name,
        starts_at=starts_at,
        ends_at=ends_at,
        rule=meeting.rule,
        requested_by=_asker(one),
        requested_by_name=names.get(_asker(one), ""),
        deadline=one.step.deadline,
        version=meeting.version,
        chair=card.chair,
        halls=list(card.halls),
        invited=InvitedCount(units=card.invited.units, people=card.invited.people, guests=card.invited.guests),
        notice_due=card.notice_due,
        skipped=card.skipped,
        rehearsal_at=card.rehearsal_at,
        holds_guests=meeting.hold_guests and card.invited.units > 0,
        urgent_reason=meeting.precedence_reason,
        change=[ChangeLine(**line) for line in (one.proposal.lines if one.proposal is not None else ())],
    )


def _asker(one: approval.Waiting) -> str:
    return one.proposal.by if one.proposal is not None else one.meeting.created_by
