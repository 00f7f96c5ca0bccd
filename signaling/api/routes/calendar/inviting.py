"""The routes of invitees, their answers, the letters, and the offices' templates for letters."""

import asyncio
import base64
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import File, Form, Path, Response, UploadFile
from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.meeting import attendees, naming, reading
from rooms.meetings import answers
from rooms.meetings.letters import fields as letters_fields
from rooms.meetings.letters import records, typesetting, word
from rooms.org.fields import today
from rooms.policy import roles
from rooms.store import audit
from rooms.store.tables.meetings import Attendee as AttendeeRow
from rooms.store.tables.meetings import DateAnswer as DateAnswerRow
from rooms.store.tables.meetings import Letter as LetterRow
from rooms.store.tables.meetings import LetterTemplate as LetterTemplateRow
from rooms.store.tables.meetings import Meeting as MeetingRow
from rooms.store.tables.org import Unit
from signaling.api.ground import problems
from signaling.api.ground.visits import Caller, Printing, Rows, Visit, anywhere, found
from signaling.api.models import limits
from signaling.api.models.meetings import (
    AnswerFields,
    Attendee,
    Consent,
    Letter,
    LetterFields,
    LetterPreview,
    LetterTemplate,
    MissingAttendee,
)
from signaling.api.models.parts import Id, Name200, Page, shown
from signaling.api.routes.calendar import shapes
from signaling.api.routes.calendar.published import record
from signaling.host.declared import needs
from signaling.host.routers import new_router

T = TypeVar("T")
router = new_router("inviting")
Key = Annotated[Id, Path()]
LetterKind = Literal["invite", "amend", "cancel"]
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the file",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("application/pdf", DOCX)},
    }
}


@router.get("/meetings/{meeting_id}/attendees", openapi_extra=needs("meetings.read", of="meeting"))
async def list_attendees(visit: Caller, rows: Rows, meeting_id: Key) -> Page[Attendee]:
    """List the invitees and their answers, in official order."""
    actor = visit.actor

    async def work(session: AsyncSession) -> tuple[list[AttendeeRow], dict[str, str], dict[str, list[DateAnswerRow]]]:
        await reading.meeting_of(session, meeting_id, actor)
        await reading.require_belongs(session, actor, meeting_id)
        everybody = await attendees.listed(session, meeting_id)
        names = await naming.units(session, [one.unit_id for one in everybody])
        return everybody, names, await answers.of_dates(session, meeting_id, visit.now)

    everybody, names, alone = await visit.read(work)
    return rows.cut(everybody, lambda one: shapes.attendee_of(one, names, alone.get(one.id, ())))


@router.get("/meetings/{meeting_id}/missing", openapi_extra=needs("meetings.read", of="meeting"))
async def list_missing(visit: Caller, rows: Rows, meeting_id: Key) -> Page[MissingAttendee]:
    """List the invitees whom the secretary must still call, with the reason and the contact details. Telephone numbers need an
    approved meeting and the right to record answers.
    """
    actor = visit.actor

    async def work(session: AsyncSession) -> tuple[bool, list[attendees.Missing]]:
        meeting, host = await reading.meeting_of(session, meeting_id, actor)
        roles.require(actor, "meetings.read", host.path)
        phones = meeting.state == "approved" and roles.allows(actor, "meetings.answers", host.path)
        return phones, await attendees.missing(session, meeting_id, visit.now)

    phones, late = await visit.read(work)
    return rows.cut(
        late,
        lambda one: MissingAttendee(
            attendee_id=one.attendee_id,
            label=one.label,
            why=one.why,
            name=one.contact.name,
            email=one.contact.email,
            phone=one.contact.phone if phones else "",
        ),
    )


@router.put(
    "/meetings/{meeting_id}/attendees/{attendee_id}/answer", openapi_extra=needs("meetings.answers", of="meeting")
)
async def take_down(visit: Caller, meeting_id: Key, attendee_id: Key, wanted: AnswerFields) -> Attendee:
    """Record an answer: the caller's own, or an answer that the secretary records for an invitee."""

    async def work(session: AsyncSession) -> AttendeeRow:
        row = await _attendee(session, visit, meeting_id, attendee_id)
        return await record(session, row, wanted, visit.actor, visit.now)

    return shown(Attendee, await visit.write(work))


@router.put(
    "/meetings/{meeting_id}/attendees/{attendee_id}/consent", openapi_extra=needs("meetings.answers", of="meeting")
)
async def consent(visit: Caller, meeting_id: Key, attendee_id: Key, wanted: Consent) -> Attendee:
    """Record the chair's decision about a substitute for a head. The secretary adds how the decision arrived."""

    async def work(session: AsyncSession) -> AttendeeRow:
        row = await _attendee(session, visit, meeting_id, attendee_id)
        return await answers.decide_substitute(session, row, wanted.agree, visit.actor, visit.now, wanted.told_by)

    return shown(Attendee, await visit.write(work))


@router.get("/meetings/{meeting_id}/letters", openapi_extra=needs("meetings.read", of="meeting"))
async def list_letters(visit: Caller, rows: Rows, meeting_id: Key) -> Page[Letter]:
    """List the letters of the meeting, the newest first."""
    actor = visit.actor

    async def work(session: AsyncSession) -> list[LetterRow]:
        await reading.meeting_of(session, meeting_id, actor)
        await reading.require_belongs(session, actor, meeting_id)
        return await records.listed(session, meeting_id)

    return rows.cut(await visit.read(work), lambda one: shown(Letter, one))


@router.post("/meetings/{meeting_id}/letters", status_code=201, openapi_extra=needs("meetings.letters", of="meeting"))
async def make_letter(visit: Caller, meeting_id: Key, wanted: LetterFields) -> Letter:
    """Make a letter of invitation (giấy mời), an amendment or a cancellation, from the present state of the meeting."""
    actor, dated = visit.actor, wanted.dated or today(visit.now)

    async def work(session: AsyncSession) -> LetterRow:
        meeting, fields = await _drafted(session, visit, meeting_id, wanted)
        if wanted.number and meeting.state != "approved" and wanted.kind != "cancel" and not wanted.not_approved_ok:
            raise problems.refused("letter_not_approved")
        text = (wanted.number, wanted.symbol)
        signer, template = wanted.signer_id, wanted.template_id
        return await records.make(
            session, meeting_id, wanted.kind, fields, *text, dated, signer, template, actor, visit.now
        )

    return shown(Letter, await visit.write(work))


@router.post("/meetings/{meeting_id}/letters/preview", openapi_extra=needs("meetings.letters", of="meeting"))
async def preview_letter(visit: Caller, printing: Printing, meeting_id: Key, wanted: LetterFields) -> LetterPreview:
    """Show how the letter will look, with the built-in page. Nothing is stored."""
    meeting, fields = await visit.read(lambda session: _drafted(session, visit, meeting_id, wanted))
    draft = meeting.state != "approved" and wanted.kind != "cancel"
    pages, count = await _printed(printing, lambda: typesetting.preview(fields, draft=draft))
    return LetterPreview(pages=[base64.b64encode(one).decode() for one in pages], count=count)


@router.get(
    "/meetings/{meeting_id}/letters/{letter_id}.{form}",
    openapi_extra=needs("meetings.read", of="meeting"),
    response_class=Response,
    responses=FILES,
)
async def get_letter(
    visit: Caller, printing: Printing, meeting_id: Key, letter_id: Key, form: Literal["pdf", "docx"]
) -> Response:
    """Return the letter as a file."""
    actor = visit.actor

    async def work(session: AsyncSession) -> tuple[LetterRow, bytes | None]:
        await reading.meeting_of(session, meeting_id, actor)
        await reading.require_belongs(session, actor, meeting_id)
        letter = await session.get(LetterRow, letter_id)
        if letter is None or letter.meeting_id != meeting_id:
            raise problems.refused("not_found")
        template = await session.get(LetterTemplateRow, letter.template_id) if letter.template_id else None
        return letter, template.docx if template else None

    letter, template = await visit.read(work)
    if form == "pdf":
        content = await _printed(printing, lambda: typesetting.pdf(letter.fields, letter.created_at))
    else:
        content = await _printed(printing, lambda: word.docx(letter.fields, template))
    media_type = "application/pdf" if form == "pdf" else DOCX
    name = f"{letter.kind}-{letter.dated.isoformat()}.{form}"
    return Response(content, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}"'})


@router.get("/letter-templates", openapi_extra=needs("board.read"))
async def list_letter_templates(visit: Caller, rows: Rows) -> Page[LetterTemplate]:
    """List the offices' own DOCX templates: those of the caller's units, and of units below and above them."""
    actor = anywhere(visit, "board.read")
    above = {part for one in actor.roles for part in one.unit_path.split("/") if part}
    below = [Unit.path.startswith(one.unit_path, autoescape=True) for one in actor.roles]

    async def work(session: AsyncSession) -> list[LetterTemplateRow]:
        query = select(LetterTemplateRow).join(Unit, Unit.id == LetterTemplateRow.unit_id)
        mine = query.where(or_(LetterTemplateRow.unit_id.in_(above), *below)).order_by(LetterTemplateRow.name)
        return list(await session.scalars(mine.limit(limits.SEARCHED)))

    return rows.cut(await visit.read(work), lambda one: shown(LetterTemplate, one))


@router.post("/letter-templates", status_code=201, openapi_extra=needs("meetings.letters", of="unit"))
async def upload_template(
    visit: Caller,
    printing: Printing,
    unit_id: Annotated[Id, Form()],
    kind: Annotated[LetterKind, Form()],
    name: Annotated[Name200, Form()],
    file: Annotated[UploadFile, File()],
) -> LetterTemplate:
    """Upload a DOCX with the fields of letters. It is checked and tried first, and replaces a template of the same name."""
    actor = visit.actor
    anywhere(visit, "meetings.letters")
    content = await contents(file)

    async def allowed(session: AsyncSession) -> None:
        unit = found(await session.get(Unit, unit_id))
        roles.require(actor, "meetings.letters", unit.path)

    await visit.read(allowed)
    await _printed(printing, lambda: word.check_template(content))
    given = (unit_id, kind, name, content, actor, visit.now)
    return shown(LetterTemplate, await visit.write(lambda session: records.upload_checked(session, *given)))


@router.delete(
    "/letter-templates/{template_id}", status_code=204, openapi_extra=needs("meetings.letters", of="letter_template")
)
async def delete_template(visit: Caller, template_id: Key) -> None:
    """Delete a template. Letters that used it now use the built-in template."""
    actor = visit.actor

    async def work(session: AsyncSession) -> None:
        row = found(await session.get(LetterTemplateRow, template_id))
        unit = await session.get_one(Unit, row.unit_id)
        roles.require(actor, "meetings.letters", unit.path)
        for letter in await session.scalars(select(LetterRow).where(LetterRow.template_id == template_id)):
            letter.template_id = None
        await session.flush()
        await session.execute(delete(LetterTemplateRow).where(LetterTemplateRow.id == template_id))
        await audit.record(session, visit.now, actor, "letter.template_remove", "letter_template", template_id, unit.id)

    await visit.write(work)


async def contents(file: UploadFile) -> bytes:
    """Return the content of an upload. Raise Refusal `file_too_long`."""
    content = await file.read(limits.UPLOAD_BYTES + 1)
    if len(content) > limits.UPLOAD_BYTES:
        raise problems.refused("file_too_long")
    return content


async def _drafted(
    session: AsyncSession, visit: Visit, meeting_id: str, wanted: LetterFields
) -> tuple[MeetingRow, letters_fields.Fields]:
    """Return the meeting and the fields of the letter, for a caller who may make letters."""
    meeting, host = await reading.meeting_of(session, meeting_id, visit.actor)
    roles.require(visit.actor, "meetings.letters", host.path)
    fields = await letters_fields.draft(
        session,
        meeting_id,
        wanted.kind,
        wanted.signer_id,
        wanted.dated or today(visit.now),
        visit.base,
        wanted.number,
        wanted.symbol,
        wanted.note,
        wanted.occurrence_id or "",
        checks=visit.desk.device_checks,
    )
    return meeting, fields


async def _attendee(session: AsyncSession, visit: Visit, meeting_id: str, attendee_id: str) -> AttendeeRow:
    await reading.meeting_of(session, meeting_id, visit.actor)
    row = await session.get(AttendeeRow, attendee_id)
    if row is None or row.meeting_id != meeting_id:
        raise problems.refused("not_found")
    return row


async def _printed(printing: Printing, work: Callable[[], T]) -> T:
    """Run work that makes a file in a thread, a few at once, because it is slow."""
    async with printing:
        return await asyncio.to_thread(work)
