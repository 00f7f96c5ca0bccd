"""The routes of what happened in the meetings of a date: the timeline, the attendance, and who was invited."""

import asyncio
from typing import Annotated

from fastapi import Path, Response
from fastapi.responses import PlainTextResponse

from rooms.exchange import attendance_sheets
from rooms.meetings import entry
from rooms.org.fields import ZONE
from rooms.proceedings import attending, expecting, notes, reading, summary, timeline
from signaling.api.ground import problems
from signaling.api.ground.sheets import FILE, download
from signaling.api.ground.visits import Caller, Rows, Visit, found
from signaling.api.models.parts import Id, Page
from signaling.api.models.records import (
    Attended,
    InvitedPerson,
    Note,
    NoteFields,
    NoteStored,
    RecordSummary,
    TimelineLine,
)
from signaling.api.routes.control.rights import require
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("halls")
Key = Annotated[Id, Path()]
READ = "halls.read"
EDIT = "meetings.edit"


@router.get("/occurrences/{occurrence_id}/timeline", openapi_extra=needs(READ, of="occurrence"))
async def read_timeline(visit: Caller, rows: Rows, occurrence_id: Key) -> Page[TimelineLine]:
    """List what happened in the meetings of a date, the earliest first: who came, left, spoke and was muted, and the calls of
    halls. The type of the meeting says for how many days the lines are kept.
    """
    await require(visit, occurrence_id, READ)
    after = (rows.after[0][0], rows.after[0][1], rows.after[0][2]) if rows.after else None
    found = await visit.read(lambda session: timeline.read(session, occurrence_id, after, rows.fetch))
    return rows.keyed(found, _line, lambda one: list(one.key))


@router.get("/occurrences/{occurrence_id}/attendance", openapi_extra=needs(READ, of="occurrence"))
async def read_attendance(visit: Caller, rows: Rows, occurrence_id: Key) -> Page[Attended]:
    """List who was in the meetings of a date, for how long, and who spoke for how long, in the order of arrival."""
    await require(visit, occurrence_id, READ)
    return rows.cut(await _all_attended(visit, occurrence_id), _attended)


@router.get(
    "/occurrences/{occurrence_id}/attendance.csv",
    responses=FILE,
    response_class=Response,
    openapi_extra=needs(READ, of="occurrence"),
)
async def download_attendance(visit: Caller, occurrence_id: Key) -> Response:
    """Download the attendance of a date as a CSV file that Excel can read."""
    await require(visit, occurrence_id, READ)
    rows = await _all_attended(visit, occurrence_id)
    content = await asyncio.to_thread(attendance_sheets.sheet, rows)
    return download(content, f"diem-danh-{occurrence_id}", "csv")


@router.get("/occurrences/{occurrence_id}/record", openapi_extra=needs(READ, of="occurrence"))
async def read_record(visit: Caller, occurrence_id: Key) -> RecordSummary:
    """Say what is stored about the meetings of a date, and until when."""
    await require(visit, occurrence_id, READ)
    kept = await visit.read(lambda session: summary.of_date(session, occurrence_id, visit.now))
    return RecordSummary.model_validate(kept)


@router.get("/occurrences/{occurrence_id}/invited", openapi_extra=needs(EDIT, of="occurrence"))
async def read_invited(visit: Caller, rows: Rows, occurrence_id: Key) -> Page[InvitedPerson]:
    """List the invited people and units of a date with their telephone numbers, and who has come. Only for the hosts of the
    meeting: chair, secretary, operator and the desk of its unit. The numbers are there only while the hosts may enter.
    """
    host = await require_host(visit, occurrence_id)
    phones = entry.door(host, visit.now) is None
    people = await visit.read(lambda session: expecting.of_date(session, occurrence_id, phones=phones))
    return rows.cut(people, InvitedPerson.model_validate)


@router.get(
    "/occurrences/{occurrence_id}/chat.txt",
    openapi_extra=needs(READ, of="occurrence"),
    response_class=PlainTextResponse,
)
async def download_chat(visit: Caller, occurrence_id: Key) -> Response:
    """Download the public lines of the chat of a date as text, if the type of the meeting exports the chat. Private lines are
    never in the file.
    """
    await require(visit, occurrence_id, READ)
    lines = found(await visit.read(lambda session: reading.exported(session, occurrence_id)))
    text = "".join(
        f"{one.at.astimezone(ZONE):%d/%m/%Y %H:%M:%S}\t{one.name}\t{_one_line(one.text)}\r\n" for one in lines
    )
    headers = {"content-disposition": f'attachment; filename="chat-{occurrence_id}.txt"'}
    return PlainTextResponse("\ufeff" + text, headers=headers)


@router.get("/occurrences/{occurrence_id}/notes", openapi_extra=needs(EDIT, of="occurrence"))
async def read_notes(visit: Caller, rows: Rows, occurrence_id: Key) -> Page[Note]:
    """List the notes of the secretary about a date, the earliest first. Only for the hosts of the meeting."""
    await require_host(visit, occurrence_id)
    found = await visit.read(lambda session: notes.read(session, occurrence_id))
    return rows.cut(found, Note.model_validate)


@router.put("/occurrences/{occurrence_id}/notes/{note_id}", openapi_extra=needs(EDIT, of="occurrence"))
async def write_note(visit: Caller, occurrence_id: Key, note_id: Key, wanted: NoteFields) -> NoteStored:
    """Store a note, also after the end of the meeting. The writer chooses the id. Refused with `note_changed` if another writer
    has changed the note since `version`; `note_early`, `note_stopped`, `note_limit`, `note_long`.
    """
    await require_host(visit, occurrence_id)
    written, name = notes.Written(note_id, wanted.item, wanted.text, wanted.version), visit.actor.name
    stored = await visit.write(lambda session: notes.put(session, occurrence_id, written, name, visit.now))
    return NoteStored(version=stored)


async def require_host(visit: Visit, occurrence_id: str) -> entry.Entry:
    """Require a host of the meeting, who leads it or edits it, and return the entry. Raise Refusal `occurrence_unknown`,
    `not_invited`, `denied`.
    """
    actor = visit.actor
    host = await visit.read(lambda session: entry.by_account(session, occurrence_id, actor, visit.now))
    if not host.host:
        raise problems.refused("denied")
    return host


async def _all_attended(visit: Visit, occurrence_id: str) -> list[attending.Attended]:
    stays = await visit.read(lambda session: reading.stays(session, occurrence_id))
    turns = await visit.read(lambda session: reading.turns(session, occurrence_id))
    return attending.attended(stays, turns, visit.now)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _line(one: timeline.Line) -> TimelineLine:
    return TimelineLine(
        at=one.at,
        kind=one.kind,
        by_name=one.by_name,
        for_chair=one.for_chair,
        way=one.way,
        on_id=one.on_id,
        on_name=one.on_name,
        detail=dict(one.detail or {}),
    )


def _attended(one: attending.Attended) -> Attended:
    return Attended(
        identity=one.identity,
        name=one.name,
        came_at=one.came_at,
        left_at=one.left_at,
        stays=one.stays,
        present_s=one.present_s,
        turns=one.turns,
        spoken_s=one.spoken_s,
        delegation=one.delegation,
    )
