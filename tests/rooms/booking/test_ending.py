"""The end of a date: the grace of its type, a killed server, an extension in the grace, and the webhooks. On both databases."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.changes import dates as booking_dates
from rooms.booking.changes import ending, timers
from rooms.booking.meeting import timing
from rooms.dialling import opening
from rooms.errors import Refusal
from rooms.meetings import entry
from rooms.store.database import Database
from rooms.store.tables.booking import CapacitySlot, Reservation
from rooms.store.tables.meetings import Meeting, MeetingType, Occurrence
from rooms.store.tables.records import Job
from tests.rooms.booking.test_creation import make, wish
from tests.rooms.booking.test_life import approved, dates, denied, do, due
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

MINUTE = timedelta(minutes=1)


async def running(database: Database, province: Province, now: datetime, grace: int = 30, rule: str = "") -> Occurrence:
    """Return a running date of a type with this grace."""
    meeting = await approved(database, province, wish(province, now, rule=rule), now)

    async def graced(session) -> None:  # type: ignore[no-untyped-def]
        (await session.get_one(MeetingType, meeting.type_code)).grace_min = grace

    await do(database, graced)
    date = (await dates(database, meeting))[0]
    await do(database, lambda s: ending.opened(s, date.id, date.starts_at))
    return await again(database, date)


async def again(database: Database, date: Occurrence) -> Occurrence:
    async with database.reading() as session:
        return await session.get_one(Occurrence, date.id)


async def told(database: Database) -> list[tuple[str, str]]:
    """Return the events for webhooks, with their date, in order."""
    async with database.reading() as session:
        rows = await session.scalars(select(Job).where(Job.kind == "webhook.event").order_by(Job.due_at, Job.id))
        return [(one.payload["event"], one.payload["data"]["occurrence_id"]) for one in rows]


@pytest.mark.parametrize("grace", [0, 30, limits.GRACE_MOST_MIN])
async def test_the_server_ends_a_date_after_the_grace_of_its_type(
    database: Database, province: Province, now: datetime, grace: int
) -> None:
    date = await running(database, province, now, grace)
    closes = date.ends_at + grace * MINUTE
    assert await do(database, lambda s: ending.over(s, date.id, closes - MINUTE)) is False
    assert (await again(database, date)).state == "running"
    for _ in range(2):
        assert await do(database, lambda s: ending.over(s, date.id, closes)) is True
    ended = await again(database, date)
    assert (ended.state, ended.closed_at) == ("ended", closes)
    assert await told(database) == [("meeting.started", date.id), ("meeting.ended", date.id)]


async def test_a_date_of_a_killed_server_ends_and_frees_its_number(
    database: Database, province: Province, now: datetime
) -> None:
    """The server was killed with participants inside, so no report of their leaving came."""
    date = await running(database, province, now, rule="FREQ=DAILY;COUNT=2")
    await due(database, timing.DATES, date.ends_at)
    assert (await again(database, date)).state == "running"
    late = date.ends_at + (30 + limits.END_FORGOTTEN_MIN) * MINUTE
    assert await do(database, lambda s: ending.forgotten(s, late - MINUTE)) == []
    assert await do(database, lambda s: ending.forgotten(s, late)) == [date.id]
    assert (await again(database, date)).state == "ended"
    assert (await told(database))[-1] == ("meeting.ended", date.id)
    async with database.reading() as session:
        meeting = await session.get_one(Meeting, date.meeting_id)
        next_day = date.starts_at + timedelta(days=1)
        found = await entry.by_number(session, meeting.number or "", meeting.pin, "Khách", next_day)
        assert found.occurrence.starts_at == next_day
        assert entry.door(found, next_day) is None


@POSTGRESQL_IN_SIM
async def test_a_date_whose_operator_was_asked_goes_on_to_the_last_bound(
    database: Database, province: Province, now: datetime
) -> None:
    date = await running(database, province, now)
    asked = date.ends_at + 40 * MINUTE
    await do(database, lambda s: ending.ask(s, date.id, asked))
    assert await do(database, lambda s: ending.forgotten(s, asked + 10 * MINUTE)) == []
    assert await do(database, lambda s: ending.forgotten(s, asked + 16 * MINUTE)) == [date.id]
    assert limits.OVERRUN_MOST_MIN > limits.GRACE_MOST_MIN


async def test_an_extension_in_the_grace_counts_from_now(database: Database, province: Province, now: datetime) -> None:
    date = await running(database, province, now)
    at = date.ends_at + 22 * MINUTE
    await do(database, lambda s: ending.ask(s, date.id, at))
    secretary = province.actor("secretary", "tinh")
    longer = await do(database, lambda s: booking_dates.extend(s, date.id, 15, secretary, at))
    assert longer.ends_at == date.ends_at + 40 * MINUTE
    assert (await again(database, date)).end_asked_at is None
    assert await do(database, lambda s: ending.over(s, date.id, date.ends_at + 30 * MINUTE)) is False


async def test_a_refused_extension_says_who_comes_next_and_what_is_free(
    database: Database, province: Province, now: datetime
) -> None:
    date = await running(database, province, now)
    secretary = province.actor("secretary", "tinh")
    after = wish(province, now, title="Tập huấn", starts_at=date.ends_at + 60 * MINUTE, chair_id=None)
    await make(database, after, secretary, now)
    late = date.ends_at - 5 * MINUTE
    said = await denied(database, lambda s: booking_dates.extend(s, date.id, 60, secretary, late))
    assert (said.code, "Tập huấn" in said.vietnamese) == ("overlap", True)
    assert "Trống:" not in said.vietnamese
    free = int(said.vietnamese.split("Kéo dài được ")[1].split()[0])
    assert 0 < free < 60
    await denied(database, lambda s: booking_dates.extend(s, date.id, free + 5, secretary, late))
    await do(database, lambda s: booking_dates.extend(s, date.id, free, secretary, late))
    said = await denied(database, lambda s: booking_dates.extend(s, date.id, 15, secretary, late))
    assert "Không kéo dài thêm được nữa." in said.vietnamese


async def test_early_participants_start_the_meeting_at_its_booked_start(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await approved(database, province, wish(province, now), now)
    (date,) = await dates(database, meeting)
    early = date.starts_at - 60 * MINUTE
    await do(database, lambda s: ending.opened(s, date.id, early))
    await do(database, lambda s: ending.closed(s, date.id, early + MINUTE))
    await due(database, timing.BEGUN, date.starts_at)
    assert await told(database) == [], "a rehearsal: nobody is there at the start"
    await do(database, lambda s: ending.opened(s, date.id, date.starts_at - MINUTE))
    await due(database, timing.BEGUN, date.starts_at)
    await do(database, lambda s: ending.closed(s, date.id, date.ends_at))
    assert await told(database) == [("meeting.started", date.id), ("meeting.ended", date.id)]


@POSTGRESQL_IN_SIM
async def test_a_late_report_opens_no_ended_date(database: Database, province: Province, now: datetime) -> None:
    date = await running(database, province, now)
    assert await do(database, lambda s: ending.end_now(s, date.id, date.starts_at + MINUTE))
    await do(database, lambda s: ending.opened(s, date.id, date.starts_at + 2 * MINUTE))
    assert (await again(database, date)).state == "ended"
    assert timing.BEGUN in timers.HANDLERS


async def test_a_date_that_ends_early_frees_its_halls_people_and_places(
    database: Database, province: Province, now: datetime
) -> None:
    """The clear-up of the hall stays. The later quarters of the pool are free, and the earlier ones keep their use."""
    date = await running(database, province, now)
    secretary = province.actor("secretary", "tinh")
    at = date.starts_at + 20 * MINUTE
    after = wish(province, now, title="Tập huấn", starts_at=at + 40 * MINUTE, duration_min=30)
    with pytest.raises(Refusal) as refused:
        await make(database, after, secretary, now)
    assert refused.value.code == "overlap"

    async def places(session: AsyncSession) -> list[int]:
        slots = select(CapacitySlot.used).where(CapacitySlot.starts_at >= date.starts_at - 15 * MINUTE)
        return list(await session.scalars(slots.order_by(CapacitySlot.starts_at)))

    async def rows(session: AsyncSession) -> list[tuple[str, datetime]]:
        found = await session.scalars(select(Reservation).where(Reservation.occurrence_id == date.id))
        return sorted((one.kind, one.ends_at) for one in found)

    async with database.reading() as session:
        before, used = await rows(session), await places(session)
    assert await do(database, lambda s: ending.end_now(s, date.id, at))
    async with database.reading() as session:
        assert await rows(session) == [(kind, at + (end - date.ends_at)) for kind, end in before]
        begun = -((date.starts_at - at) // (15 * MINUTE))
        assert await places(session) == [*used[:begun], *(0 for _ in used[begun:])]
    await make(database, after, secretary, now)


async def test_halls_wait_again_after_a_rehearsal_that_all_have_left(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await approved(database, province, wish(province, now), now)
    (date,) = await dates(database, meeting)
    early = date.starts_at - 60 * MINUTE
    await do(database, lambda s: ending.opened(s, date.id, early))
    await do(database, lambda s: opening.begin(s, date.id, province.actor("operator", "tinh"), early))
    await do(database, lambda s: ending.closed(s, date.id, early + 10 * MINUTE))
    assert (await again(database, date)).begun_at is None
    await do(database, lambda s: opening.begin(s, date.id, province.actor("operator", "tinh"), date.starts_at))
    await do(database, lambda s: ending.opened(s, date.id, date.starts_at))
    await do(database, lambda s: ending.closed(s, date.id, date.starts_at + MINUTE))
    assert (await again(database, date)).begun_at == date.starts_at, "people who come back do not wait"
