"""The routes without sign-in: the public schedule, calendars by secret, answers by personal link, messages of other systems."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.meeting import attendees
from rooms.booking.rules import addressing
from rooms.meetings import answers, entry, feeds, intake, invitations, links
from rooms.meetings.wording import local
from rooms.org.fields import midnight, today
from rooms.policy.actors import Actor
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.org import Person, Unit
from signaling.api.ground import problems
from signaling.api.ground.visits import EntryPasses, Stranger, Visit, throttle
from signaling.api.models.joining import (
    AnswerDate,
    AnswerRehearsal,
    AnswerView,
    LinkAnswer,
    LinkFields,
    PublicMeeting,
    PublicSchedule,
    Taken,
)
from signaling.api.models.meetings import AnswerFields
from signaling.api.models.parts import Id
from signaling.host.declared import PUBLIC, SECRET, needs
from signaling.host.routers import new_router

router = new_router("public")
Secret = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{16,100}$")]
Week = Annotated[date | None, Query(description="Any day of the week. Absent: this week.")]
CALENDAR: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/calendar": {"schema": {"type": "string"}}}, "description": "iCalendar (RFC 5545)"}
}
WEEK = timedelta(days=7)
DATES = 60
"""Dates of a series that an invited person may answer one by one on the page of a personal link. Chosen: a year of weeks, and
some more. More: a larger page. Fewer: later dates can only be answered together with the series.
"""


@router.get("/public/schedule.json", openapi_extra=needs(PUBLIC))
async def public_schedule(visit: Stranger, week: Week = None) -> PublicSchedule:
    """List the public meetings of a week, from Monday on."""
    starts_at, ends_at = _week(visit, week)
    found = await visit.read(lambda session: feeds.schedule(session, starts_at, ends_at))
    meetings = [
        PublicMeeting(
            occurrence_id=one.occurrence_id,
            title=one.title,
            host_unit_name=one.host,
            chair=one.chair,
            place=one.place,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
        )
        for one in found
    ]
    return PublicSchedule(starts_at=starts_at, ends_at=ends_at, meetings=meetings)


@router.get("/public/schedule.ics", openapi_extra=needs(PUBLIC), responses=CALENDAR, response_class=Response)
async def public_calendar(visit: Stranger, week: Week = None) -> Response:
    """Return the public meetings as a calendar. Without `week`: two months from this week on."""
    starts_at, ends_at = _week(visit, week)
    if week is None:
        ends_at = starts_at + timedelta(days=60)
    content = await visit.read(
        lambda session: feeds.schedule_ics(session, starts_at, ends_at, _domain(visit), visit.now)
    )
    return Response(content, media_type="text/calendar; charset=utf-8")


@router.get("/feeds/{secret}.ics", openapi_extra=needs(SECRET), responses=CALENDAR, response_class=Response)
async def feed(visit: Stranger, passes: EntryPasses, secret: Secret) -> Response:
    """Return a subscribed calendar."""
    throttle(visit, passes)

    async def work(session: AsyncSession) -> bytes | None:
        found = await feeds.find(session, secret)
        return await feeds.ics(session, found, visit.base, _domain(visit), visit.now) if found else None

    content = await visit.read(work)
    if content is None:
        raise problems.refused("not_found")
    return Response(content, media_type="text/calendar; charset=utf-8")


@router.post("/answers/look", openapi_extra=needs(SECRET))
async def look_at_invitation(visit: Stranger, passes: EntryPasses, wanted: LinkFields) -> AnswerView:
    """Show the invitation and the answer of the bearer of a personal link. The secret is in the body: proxies in front of this
    server log addresses.
    """
    throttle(visit, passes)
    return await visit.read(lambda session: _invitation(session, visit, wanted.link))


@router.post("/answers", openapi_extra=needs(SECRET))
async def answer_by_link(visit: Stranger, passes: EntryPasses, wanted: LinkAnswer) -> AnswerView:
    """Record the answer of the bearer of a personal link; the last answer counts. A substitute for a head waits for the chair's
    consent.
    """
    throttle(visit, passes)

    async def work(session: AsyncSession) -> AnswerView:
        attendee = await _attendee(session, visit, wanted.link)
        actor = Actor("link", attendee.id, name=attendee.label, address=visit.address)
        # The host's desk can read a link that it passes on, so that such an answer is no consent of the invited unit.
        own = await links.find(session, wanted.link) is not None
        await record(session, attendee, wanted, actor, visit.now, "link" if own else "secretary")
        return await _invitation(session, visit, wanted.link)

    return await visit.write(work)


@router.post(
    "/hooks/{client_id}",
    status_code=202,
    openapi_extra={
        **needs(SECRET),
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
    },
)
async def hook(visit: Stranger, passes: EntryPasses, request: Request, client_id: Annotated[Id, Path()]) -> Taken:
    """Take a signed message (Standard Webhooks) of the document system or the one-stop shop, which opens a meeting."""
    throttle(visit, passes)
    body = await request.body()
    headers = {name.lower(): value for name, value in request.headers.items()}
    seal = visit.desk.seal
    meeting = await visit.write(
        lambda session: intake.receive(session, seal, client_id, headers, body, visit.address, visit.now)
    )
    return Taken(meeting_id=meeting.id, state=meeting.state)


async def record(
    session: AsyncSession,
    attendee: Attendee,
    wanted: AnswerFields,
    actor: Actor,
    now: datetime,
    channel: answers.Channel | None = None,
) -> Attendee:
    """Record the answer to the whole meeting, or to one date of a series."""
    if wanted.occurrence_id is not None:
        given = (wanted.occurrence_id, wanted.answer, wanted.comment)
        return await answers.answer_date(session, attendee, *given, actor, now, channel)
    substitute = _substitute_of(wanted)
    return await answers.answer(session, attendee, wanted.answer, wanted.comment, substitute, actor, now, channel)


def _substitute_of(wanted: AnswerFields) -> answers.Substitute | None:
    """Return the substitute that an answer names."""
    if not (wanted.substitute_name or wanted.substitute_person_id):
        return None
    return answers.Substitute(wanted.substitute_name, wanted.substitute_post, wanted.substitute_person_id or "")


async def _attendee(session: AsyncSession, visit: Visit, secret: str) -> Attendee:
    found = await links.find_answering(session, visit.desk.key, secret)
    if found is None:
        raise problems.refused("link_wrong")
    return found


async def _invitation(session: AsyncSession, visit: Visit, secret: str) -> AnswerView:
    attendee = await _attendee(session, visit, secret)
    meeting = await session.get_one(Meeting, attendee.meeting_id)
    host = await session.get_one(Unit, meeting.host_unit_id)
    dates = list(
        await session.scalars(
            select(Occurrence).where(Occurrence.meeting_id == meeting.id).order_by(Occurrence.starts_at, Occurrence.id)
        )
    )
    date_ = entry.nearest(dates, visit.now)
    ahead = [one for one in dates if one.state in ("planned", "running") and one.ends_at > visit.now]
    chair = await session.get(Person, meeting.chair_id) if meeting.chair_id else None
    of_unit = attendee.unit_id is not None and attendee.person_id is None
    return AnswerView(
        title=meeting.title,
        host_unit_name=host.name,
        meeting_state=meeting.state,
        starts_at=date_.starts_at,
        ends_at=date_.ends_at,
        chair=await attendees.person_label(session, chair, local(date_.starts_at).date()) if chair else "",
        place=(await feeds.places_of(session, [date_.id])).get(date_.id, ""),
        of_unit=of_unit,
        own_place="; ".join(await invitations.halls_at(session, date_.id, attendee.site_id)) if of_unit else "",
        rehearsal=await _rehearsal(session, meeting) if of_unit else None,
        class_=meeting.class_,
        dates=await _dates(session, attendee, ahead, visit.now) if meeting.rule else [],
        label=attendee.label,
        address=await addressing.word(session),
        required=attendee.required,
        must_be_head=attendee.must_be_head,
        answer=attendee.answer,
        comment=attendee.comment,
        substitute_name=attendee.substitute_name,
        substitute_post=attendee.substitute_post,
        substitute_state=attendee.substitute_state,
        enters=meeting.class_ == "ordinary" and await links.find(session, secret) is not None,
        open=meeting.state in ("approved", "asked", "held") and date_.ends_at > visit.now,
    )


async def _rehearsal(session: AsyncSession, meeting: Meeting) -> AnswerRehearsal | None:
    found = await invitations.coming_rehearsal(session, meeting)
    if found is None:
        return None
    rehearsal, date_ = found
    number = rehearsal.number if meeting.class_ == "ordinary" else ""
    return AnswerRehearsal(starts_at=date_.starts_at, ends_at=date_.ends_at, number=number or "")


async def _dates(session: AsyncSession, attendee: Attendee, ahead: list[Occurrence], now: datetime) -> list[AnswerDate]:
    own = (await answers.of_dates(session, attendee.meeting_id, now)).get(attendee.id, [])
    alone = {one.occurrence_id: one for one in own}
    return [
        AnswerDate(
            occurrence_id=one.id,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            answer=alone[one.id].answer if one.id in alone else "",
            comment=alone[one.id].comment if one.id in alone else "",
        )
        for one in ahead[:DATES]
    ]


def _week(visit: Visit, day: date | None) -> tuple[datetime, datetime]:
    first = day or today(visit.now)
    try:
        starts_at = midnight(first - timedelta(days=first.weekday()))
        return starts_at, starts_at + WEEK
    except OverflowError as error:
        raise problems.refused("request_malformed") from error


def _domain(visit: Visit) -> str:
    """Return the domain of the identifiers in calendars."""
    return visit.base.split("://", 1)[1].split(":")[0].split("/")[0] or "localhost"
