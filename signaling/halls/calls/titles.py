"""The title and the number of a hall's meeting: a hall that is alone there reads them in its picture."""

from __future__ import annotations

from contextlib import suppress

from conference import Conference
from rooms.dialling import planning
from rooms.errors import Refusal
from rooms.store.database import Database
from signaling.host.dates import PREFIX


async def meeting_of(database: Database, conference: str) -> tuple[str, str]:
    """Title and number; ("", "") for a conference that is no date of a meeting. Raises Refusal `occurrence_unknown`."""
    if not conference.startswith(PREFIX):
        return "", ""
    async with database.reading() as session:
        meeting = (await planning.date_of(session, conference.removeprefix(PREFIX)))[1]
        return meeting.title, meeting.number or ""


async def name_meeting(database: Database, conference: Conference) -> None:
    """Tells the program of its halls, once."""
    if conference.program is None or conference.program.about != ("", ""):
        return
    with suppress(Refusal):  # the date was deleted a moment ago
        title, number = await meeting_of(database, conference.name)
        if conference.program is not None:
            conference.program.set_about(title, number)
