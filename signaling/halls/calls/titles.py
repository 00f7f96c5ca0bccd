"""The title, the number and the start of a hall's meeting. A hall that has nobody to see reads them in its picture."""

from __future__ import annotations

from contextlib import suppress

from conference import About, Conference
from rooms.booking.rules import unit_rules
from rooms.dialling import planning
from rooms.errors import Refusal
from rooms.store.database import Database
from signaling.host.dates import PREFIX


async def meeting_of(database: Database, conference: str) -> About:
    """Return the meeting in words; without words if the conference is no date of a meeting. Raise Refusal
    `occurrence_unknown`.
    """
    if not conference.startswith(PREFIX):
        return About()
    async with database.reading() as session:
        date, meeting = await planning.date_of(session, conference.removeprefix(PREFIX))
        return About(meeting.title, meeting.number or "", unit_rules.clock(date.starts_at))


async def name_meeting(database: Database, conference: Conference) -> None:
    """Set title, number and start in the picture of the halls, once."""
    if conference.program is None or conference.program.splash.about != About():
        return
    with suppress(Refusal):  # The date was deleted a moment ago.
        about = await meeting_of(database, conference.name)
        if conference.program is not None:
            conference.program.splash.set_about(about)
