"""The routes of meetings: search, booking, change, decision, cancellation, postponement; the dates and the history."""

import math
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import approval, creation, deciding, editing, precedence, proposals, resubmitting, undoing
from rooms.booking.changes import dates as booking_dates
from rooms.booking.meeting import history, leaders, naming, reading
from rooms.booking.planning import requests, templates
from rooms.booking.rules import settings
from rooms.meetings import entry, links, views
from rooms.store.tables.meetings import Attendee as AttendeeRow
from rooms.store.tables.meetings import MeetingType as TypeRow
from rooms.store.tables.meetings import Occurrence as OccurrenceRow
from signaling.api.ground.visits import Caller, IdempotencyKey, Rows, Version, Visit, anywhere, check_version, tag
from signaling.api.models import limits
from signaling.api.models.booking import FreeTime
from signaling.api.models.meetings import (
    Cancellation,
    Change,
    Decision,
    Displaced,
    DisplaceFields,
    Draft,
    ExtendFields,
    InTheWay,
    Meeting,
    MeetingChanges,
    MeetingFields,
    MeetingSummary,
    MeetingType,
    MeetingTypeFields,
    Moved,
    Occurrence,
    Postponement,
    Resubmission,
    Submission,
)
from signaling.api.models.parts import Code, Id, Instant, MeetingClass, MeetingState, Page, shown
from signaling.api.routes.calendar import shapes
from signaling.host.declared import OWN, needs
from signaling.host.routers import new_router

router = new_router("meetings")
Key = Annotated[Id, Path()]
Action = Callable[[AsyncSession], Awaitable[object]]


@router.get("/meeting-types", openapi_extra=needs("org.read"))
async def list_types(visit: Caller, rows: Rows) -> Page[MeetingType]:
    """List the types of meetings with their default values."""
    anywhere(visit, "org.read")

    async def work(session: AsyncSession) -> list[TypeRow]:
        return list(await session.scalars(select(TypeRow).order_by(TypeRow.position, TypeRow.name, TypeRow.code)))

    return rows.cut(await visit.read(work), lambda one: shown(MeetingType, one))


@router.put("/meeting-types/{code}", openapi_extra=needs("settings.write"))
async def set_type(visit: Caller, code: Annotated[Code, Path()], wanted: MeetingTypeFields) -> MeetingType:
    """Set a meeting type, new or changed."""
    row = await visit.write(
        lambda session: settings.set_type(session, code, wanted.model_dump(), visit.actor, visit.now)
    )
    return shown(MeetingType, row)


@router.get("/meetings", openapi_extra=needs(OWN))
async def search_meetings(
    visit: Caller,
    rows: Rows,
    q: Annotated[str, Query(max_length=limits.QUERY_CHARACTERS)] = "",
    state: Annotated[list[MeetingState] | None, Query(max_length=6)] = None,
    host_unit_id: Id | None = None,
    type_code: Code | None = None,
    class_: Annotated[MeetingClass | None, Query(alias="class")] = None,
    starts_from: Instant | None = None,
    starts_before: Instant | None = None,
    postponed: bool = False,
    connect_asked: bool = False,
) -> Page[MeetingSummary]:
    """List the meetings that the caller may read; the latest first date comes first. `q`: a part of the title, or the number of
    the meeting or of a document. `postponed`: only meetings with a postponed date.

    `connect_asked`: only meetings of the caller's desk that do not say yet whether the server calls their halls.
    """
    after = None
    if rows.after:
        after = (datetime.fromisoformat(rows.after[0][0]), str(rows.after[0][1]))
    query = views.SearchQuery(
        text=q,
        states=tuple(state or ()),
        host_unit_id=host_unit_id or "",
        type_code=type_code or "",
        class_=class_ or "",
        starts_at=starts_from,
        ends_at=starts_before,
        postponed=postponed,
        connect_asked=connect_asked,
        after=after,
        limit=rows.fetch,
    )
    actor = visit.actor

    async def work(session: AsyncSession) -> list[MeetingSummary]:
        found = await views.search(session, query, actor, visit.now)
        dates = await views.next_dates(session, [one.id for one in found], visit.now)
        names = await naming.units(session, [one.host_unit_id for one in found])
        keys.update({one.id: [one.first_starts_at.isoformat(), one.id] for one in found})
        return [shapes.summary_of(one, dates, names) for one in found]

    keys: dict[str, list[str]] = {}
    return rows.keyed(await visit.read(work), lambda one: one, lambda one: keys[one.id])


@router.post("/meetings", status_code=201, openapi_extra=needs("meetings.create", of="unit"))
async def create_meeting(visit: Caller, response: Response, wanted: MeetingFields, key: IdempotencyKey) -> Meeting:
    """Book: hold (or submit at once with `submit`) halls, terminals, people and capacity together, or nothing.

    The same Idempotency-Key with the same request returns the same meeting. A clash is 409 `overlap` or `capacity`; each
    trouble names the taken resource, free times and other halls. A state secret is refused, and the server keeps nothing of it.
    """
    actor, request = visit.actor, shapes.request_of(wanted)
    made = await creation.book(visit.desk.database, request, actor, visit.now, key)
    if made.meeting.state != "held":
        # A hold has no due work before it ends.
        visit.desk.wake()
    response.headers["location"] = f"/api/v1/meetings/{made.meeting.id}"
    view = views.view_of_made(made, actor, visit.now)
    return await _answer(visit, response, made.meeting.id, view)


@router.post("/meetings/displace/look", openapi_extra=needs("meetings.precedence", of="unit"))
async def look_in_the_way(visit: Caller, wanted: MeetingFields) -> list[InTheWay]:
    """List the dates that would have to give way to this booking, and which of them do. Nothing is reserved."""
    actor, request = visit.actor, shapes.request_of(wanted)
    found = await visit.read(lambda session: precedence.in_the_way(session, request, actor, visit.now))
    return [shown(InTheWay, one) for one in found]


@router.post("/meetings/displace", status_code=201, openapi_extra=needs("meetings.precedence", of="unit"))
async def displace(visit: Caller, response: Response, wanted: DisplaceFields, key: IdempotencyKey) -> Displaced:
    """Book with precedence over lower meetings. Each clashing date gives way as the operator says."""
    actor, request = visit.actor, shapes.request_of(wanted.request)
    moves = {one.occurrence_id: one.starts_at for one in wanted.moves}
    made = await visit.write(
        lambda session: precedence.displace(session, request, moves, wanted.reason, actor, visit.now, key)
    )
    meeting = await _answer(visit, response, made.meeting.id)
    return Displaced(meeting=meeting, moved=[shown(Moved, one) for one in made.moved])


@router.get("/meetings/{meeting_id}", openapi_extra=needs("meetings.read", of="meeting"))
async def get_meeting(visit: Caller, response: Response, meeting_id: Key) -> Meeting:
    """Return all data of a meeting."""
    return await _answer(visit, response, meeting_id)


@router.patch("/meetings/{meeting_id}", openapi_extra=needs("meetings.edit", of="meeting"))
async def edit_meeting(
    visit: Caller, response: Response, meeting_id: Key, wanted: MeetingChanges, version: Version
) -> Meeting:
    """Change the given fields. If the edit clashes, the old booking stays as it is.

    If the meeting is approved and the edit needs approval, the edit becomes a proposal (`pending`), and the approved booking
    stays in force. `following` returns the new series.
    """
    actor = visit.actor
    given = (shapes.changes_of(wanted), actor, visit.now, version, wanted.scope, wanted.occurrence_id)
    before = (
        await visit.read(lambda session: _attendees(session, meeting_id)) if wanted.attendees is not None else set()
    )
    row = await visit.write(lambda session: editing.edit(session, meeting_id, *given))
    if before:
        gone = before - await visit.read(lambda session: _attendees(session, meeting_id))
        visit.desk.live.bar(gone, math.inf)
    await _set_doors(visit, meeting_id)
    return await _answer(visit, response, row.id)


@router.post("/meetings/{meeting_id}/submit", openapi_extra=needs("meetings.create", of="meeting"))
async def submit(
    visit: Caller, response: Response, meeting_id: Key, version: Version, wanted: Submission | None = None
) -> Meeting:
    """Submit a held booking for approval. `late_reason_missing`: the invitation would be late, so the approvers need a reason."""
    reason = wanted.urgent_reason if wanted is not None else ""
    given = (visit.actor, visit.now, reason)
    return await _act(visit, response, meeting_id, version, lambda s: approval.submit(s, meeting_id, *given))


@router.post("/meetings/{meeting_id}/resubmit", openapi_extra=needs("meetings.edit", of="meeting"))
async def resubmit(
    visit: Caller, response: Response, meeting_id: Key, wanted: Resubmission, version: Version
) -> Meeting:
    """Submit a refused or expired booking for approval again, with the given changes. All its dates are reserved again, or
    nothing.
    """
    given = (shapes.changes_of(wanted), visit.actor, visit.now, version)
    return await _act(visit, response, meeting_id, version, lambda s: resubmitting.resubmit(s, meeting_id, *given))


@router.post("/meetings/{meeting_id}/decide", openapi_extra=needs("meetings.approve.unit", of="meeting"))
async def decide(visit: Caller, response: Response, meeting_id: Key, wanted: Decision, version: Version) -> Meeting:
    """Decide the open step: first the unit's leadership, then the operator of the system."""
    given = (wanted.approve, wanted.reason, visit.actor, visit.now)

    async def work(session: AsyncSession) -> None:
        if wanted.link:
            action = links.read_action(visit.desk.key, wanted.link, visit.now)
            await approval.require_open(session, meeting_id, action.meeting_id, action.step_id)
        await deciding.decide(session, meeting_id, *given)

    before = await visit.read(lambda session: _attendees(session, meeting_id))
    done = await _act(visit, response, meeting_id, version, work)
    visit.desk.live.bar(before - await visit.read(lambda session: _attendees(session, meeting_id)), math.inf)
    return done


@router.post("/meetings/{meeting_id}/cancel", openapi_extra=needs("meetings.cancel", of="meeting"))
async def cancel(visit: Caller, response: Response, meeting_id: Key, wanted: Cancellation, version: Version) -> Meeting:
    """Cancel one date, or all future dates."""
    given = (wanted.reason_code, wanted.reason, visit.actor, visit.now, wanted.occurrence_id)
    return await _act(visit, response, meeting_id, version, lambda s: booking_dates.cancel(s, meeting_id, *given))


@router.post("/meetings/{meeting_id}/postpone", openapi_extra=needs("meetings.edit", of="meeting"))
async def postpone(
    visit: Caller, response: Response, meeting_id: Key, wanted: Postponement, version: Version
) -> Meeting:
    """Postpone one date, to another time or until further notice."""
    why = (wanted.occurrence_id, wanted.reason_code, wanted.reason, visit.actor, visit.now, wanted.starts_at)
    return await _act(visit, response, meeting_id, version, lambda s: booking_dates.postpone(s, meeting_id, *why))


@router.post("/meetings/{meeting_id}/undo", openapi_extra=needs("meetings.edit", of="meeting"))
async def undo(visit: Caller, response: Response, meeting_id: Key, version: Version) -> Meeting:
    """Take back the newest change, within 24 hours."""
    return await _act(
        visit, response, meeting_id, version, lambda s: undoing.undo(s, meeting_id, visit.actor, visit.now)
    )


@router.post("/meetings/{meeting_id}/withdraw-change", openapi_extra=needs("meetings.edit", of="meeting"))
async def withdraw_change(visit: Caller, response: Response, meeting_id: Key, version: Version) -> Meeting:
    """Take back a change that waits for its approval."""
    return await _act(
        visit, response, meeting_id, version, lambda s: proposals.withdraw(s, meeting_id, visit.actor, visit.now)
    )


@router.get("/meetings/{meeting_id}/history", openapi_extra=needs("meetings.read", of="meeting"))
async def get_history(visit: Caller, rows: Rows, meeting_id: Key) -> Page[Change]:
    """List every change, the newest first."""
    actor = visit.actor

    async def work(session: AsyncSession) -> list[Change]:
        changes = await history.changes(session, meeting_id, actor)
        names = await naming.accounts(session, [one.by for one in changes])
        return [shown(Change, one, by_name=names.get(one.by, "")) for one in changes]

    return rows.cut(await visit.read(work), lambda one: one)


@router.get("/meetings/{meeting_id}/occurrences", openapi_extra=needs("meetings.read", of="meeting"))
async def list_dates(visit: Caller, rows: Rows, meeting_id: Key) -> Page[Occurrence]:
    """List all dates of the meeting in order."""
    actor = visit.actor

    async def work(session: AsyncSession) -> list[OccurrenceRow]:
        return list((await views.meeting_view(session, meeting_id, actor, visit.now)).occurrences)

    return rows.cut(await visit.read(work), shapes.occurrence_of)


@router.get("/meetings/{meeting_id}/copy", openapi_extra=needs("meetings.read", of="meeting"))
async def copy_meeting(visit: Caller, meeting_id: Key, starts_at: Instant | None = None) -> Draft:
    """Return the meeting as a new request of one date: the same weekday and hour in the next week, or at `starts_at`."""
    actor = visit.actor
    request = await visit.read(lambda session: templates.copy_last(session, meeting_id, actor, visit.now, starts_at))
    return Draft(request=draft_of(request))


@router.post("/occurrences/{occurrence_id}/extend", openapi_extra=needs("meetings.edit", of="occurrence"))
async def extend(visit: Caller, occurrence_id: Key, wanted: ExtendFields) -> Occurrence:
    """Extend a running date, if its resources are free for this time."""
    given = (wanted.minutes, visit.actor, visit.now)
    row = await visit.write(lambda session: booking_dates.extend(session, occurrence_id, *given))
    return shapes.occurrence_of(row)


@router.get("/occurrences/{occurrence_id}/free-times", openapi_extra=needs("meetings.edit", of="occurrence"))
async def list_free_times(visit: Caller, occurrence_id: Key) -> list[FreeTime]:
    """List the next times at which everything that this date needs is free. Nothing is reserved."""
    actor = visit.actor

    async def work(session: AsyncSession) -> list[FreeTime]:
        found = await booking_dates.free_times(session, occurrence_id, actor, visit.now)
        return [shown(FreeTime, one) for one in found]

    return await visit.read(work)


@router.post("/occurrences/{occurrence_id}/rebook", openapi_extra=needs("meetings.edit", of="occurrence"))
async def rebook(visit: Caller, response: Response, occurrence_id: Key) -> Meeting:
    """Hold a skipped, postponed or cancelled date after all, at its original time."""
    row = await visit.write(lambda session: booking_dates.rebook(session, occurrence_id, visit.actor, visit.now))
    await _set_doors(visit, row.id)
    return await _answer(visit, response, row.id)


def draft_of(request: requests.Request) -> dict[str, Any]:
    """Return a request in the form of `MeetingFields`."""
    values = requests.as_json(request)
    values["class"] = values.pop("class_") or None
    return values


async def _act(visit: Visit, response: Response, meeting_id: str, version: int, action: Action) -> Meeting:
    """Make one change of a meeting that has this version, and return the meeting after the change."""
    actor = visit.actor

    async def work(session: AsyncSession) -> None:
        meeting, _ = await reading.locked(session, meeting_id, actor)
        check_version(version, meeting.version)
        await action(session)

    await visit.write(work)
    await _set_doors(visit, meeting_id)
    return await _answer(visit, response, meeting_id)


async def _set_doors(visit: Visit, meeting_id: str) -> None:
    """Set the doors of the running conferences, so that earlier tokens meet the new rules."""
    for one in await visit.read(lambda session: entry.doors(session, visit.now, meeting_id)):
        visit.desk.live.set_door(*one)


async def _attendees(session: AsyncSession, meeting_id: str) -> set[str]:
    return set(await session.scalars(select(AttendeeRow.id).where(AttendeeRow.meeting_id == meeting_id)))


async def _answer(visit: Visit, response: Response, meeting_id: str, view: views.MeetingView | None = None) -> Meeting:
    """Return the meeting as the caller sees it. `view`: the meeting, if it is known already."""

    async def work(session: AsyncSession) -> Meeting:
        found = await views.meeting_view(session, meeting_id, visit.actor, visit.now)
        return shapes.meeting_of(found, await _names(session, found))

    if view is None:
        made = await visit.read(work)
    else:
        # The booking has read every unit of a new meeting, except perhaps the unit at the top.
        unknown = {one.unit_id for one in view.steps} - view.names.keys()
        above = await visit.read(lambda session: naming.units(session, unknown), brief=True) if unknown else {}
        made = shapes.meeting_of(view, {**view.names, **above})
    tag(response, made.version)
    return made


async def _names(session: AsyncSession, view: views.MeetingView) -> dict[str, str]:
    """Return all names in the answer, by identifier."""
    row = view.meeting
    names = await naming.units(
        session, [*(one.unit_id for one in view.steps), *(one.unit_id for one in view.attendees)]
    )
    names |= await naming.people(session, [*leaders.people_of(row)])
    proposers = [view.proposal.by] if view.proposal is not None else []
    names |= await naming.accounts(session, [*(one.decided_by for one in view.steps), *proposers])
    names |= await naming.halls(session, [one.resource_id for one in view.reservations if one.kind == "hall"])
    names |= await naming.terminals(session, [one.resource_id for one in view.reservations if one.kind == "terminal"])
    return names
