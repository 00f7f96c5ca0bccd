"""The title and the number of a hall's meeting. A hall that is alone in the meeting reads them in its picture."""

from __future__ import annotations

from contextlib import suppress

from conference import Conference
from rooms.dialling import planning
from rooms.errors import Refusal
from rooms.store.database import Database
from signaling.host.dates import PREFIX


async def meeting_of(database: Database, conference: str) -> tuple[str, str]:
    """Return title and number, or ("", "") if the conference is no date of a meeting. Raise Refusal `occurrence_unknown`."""
    if not conference.startswith(PREFIX):
        return "", ""
    async with database.reading() as session:
        meeting = (await planning.date_of(session, conference.removeprefix(PREFIX)))[1]
        return meeting.title, meeting.number or ""


async def name_meeting(database: Database, conference: Conference) -> None:
    """Set title and number in the picture of the halls, once."""
    if conference.program is None or conference.program.about != ("", ""):
        return
    with suppress(Refusal):  # The date was deleted a moment ago.
        title, number = await meeting_of(database, conference.name)
        if conference.program is not None:
            conference.program.set_about(title, number)
