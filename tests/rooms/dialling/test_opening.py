"""The opening of a date by its chair: whose hall may open it, and when."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.dialling import opening
from rooms.errors import Refusal
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.tables.meetings import Meeting, Occurrence
from tests.rooms.booking.test_calls import approved, date_id, legs_at
from tests.rooms.booking.test_creation import wish
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province


async def test_an_office_opens_from_the_hall_that_it_has_booked(
    database: Database, province: Province, now: datetime
) -> None:
    """The host is the office, and the hall is the province's. A booked hall of an invited unit is a guest's hall."""
    halls = (province.halls["tinh-a"], province.halls["khcn"])
    guests = wish(province, now).attendees[:1]
    meeting = await approved(database, province, now, hall_ids=halls, terminal_ids=(), chair_id=None, attendees=guests)
    legs = await legs_at(database, meeting, now)
    assert legs == {"terminal-tinh-a", "terminal-khcn"}
    date = await date_id(database, meeting)
    async with database.reading() as session:
        assert await opening.chairs(session, date) == {"terminal-tinh-a"}

    async def led(session: AsyncSession) -> frozenset[str]:
        (await session.get_one(Meeting, meeting.id)).chair_id = province.people["khcn-1"]
        return await opening.chairs(session, date)

    assert await database.transact(led) == legs, "the chair's own unit"


@POSTGRESQL_IN_SIM
async def test_a_date_is_opened_once_and_only_near_its_time(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await approved(database, province, now)
    date, at = await date_id(database, meeting), meeting.first_starts_at

    for when in (at - timedelta(hours=2, seconds=1), at + timedelta(hours=5)):
        with pytest.raises(Refusal, match="not_on_now"):
            await database.transact(lambda session, when=when: opening.begin(session, date, COMMAND, when))  # type: ignore[misc]
    for when in (at, at + timedelta(minutes=1)):
        await database.transact(lambda session, when=when: opening.begin(session, date, COMMAND, when))  # type: ignore[misc]
    async with database.reading() as session:
        assert (await session.get_one(Occurrence, date)).begun_at == at
