"""The routes of what happened in the meetings of a date: the timeline, and the attendance."""

from typing import Annotated

from fastapi import Path, Response
from fastapi.responses import PlainTextResponse

from rooms.org.fields import ZONE
from rooms.proceedings import attending, reading, timeline
from signaling.api.ground.visits import Caller, Rows, found
from signaling.api.models.parts import Id, Page
from signaling.api.models.records import Attended, TimelineLine
from signaling.api.routes.control.rights import require
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("halls")
Key = Annotated[Id, Path()]
READ = "halls.read"


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
    stays = await visit.read(lambda session: reading.stays(session, occurrence_id))
    turns = await visit.read(lambda session: reading.turns(session, occurrence_id))
    return rows.cut(attending.attended(stays, turns, visit.now), _attended)


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
