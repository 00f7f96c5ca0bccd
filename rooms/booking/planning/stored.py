"""Make a booking request from a stored meeting."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.holds import resources
from rooms.booking.planning.requests import AgendaItem, DocumentRequest, Request
from rooms.store.tables.meetings import DocumentRef, Meeting


async def request_of(session: AsyncSession, meeting: Meeting) -> Request:
    """Return the request that would book this meeting. Leave out the attendees, because they may have answered already."""
    wanted = (await resources.wanted(session, meeting.id))[""]
    documents = await session.scalars(select(DocumentRef).where(DocumentRef.meeting_id == meeting.id))
    return Request(
        title=meeting.title,
        type_code=meeting.type_code,
        host_unit_id=meeting.host_unit_id,
        starts_at=meeting.first_starts_at,
        duration_min=meeting.duration_min,
        class_=meeting.class_,
        rule=meeting.rule,
        hall_ids=tuple(one.resource_id for one in wanted if one.kind == "hall"),
        terminal_ids=tuple(one.resource_id for one in wanted if one.kind == "terminal"),
        chair_id=meeting.chair_id,
        secretary_id=meeting.secretary_id,
        secretary_deputy_id=meeting.secretary_deputy_id,
        operator_id=meeting.operator_id,
        operator_deputy_id=meeting.operator_deputy_id,
        documents=tuple(DocumentRequest(d.number, d.dated, d.issuer, d.subject, d.link) for d in documents),
        agenda=tuple(AgendaItem(**item) for item in meeting.agenda),
        description=meeting.description,
        public=meeting.public,
        lobby=meeting.lobby,
        entry_muted=meeting.entry_muted,
        connect=meeting.connect,
        call_ahead_min=meeting.call_ahead_min,
        uncalled_ids=tuple(meeting.uncalled),
        hold_guests=meeting.hold_guests,
        legs=meeting.legs,
        rehearsal_at=meeting.rehearsal_at,
        rehearsal_min=meeting.rehearsal_min,
    )
