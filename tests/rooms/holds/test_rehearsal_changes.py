"""The rehearsal follows rare changes of its meeting: a split series, another time, a late approval, a late word, an objection."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from rooms.booking.changes import approval, deciding, editing, objecting
from rooms.booking.holds import loads, rehearsals
from rooms.booking.planning.requests import AttendeeRequest
from rooms.errors import Refusal
from rooms.policy.actors import COMMAND, Actor
from rooms.sites import halls
from rooms.store.database import Database
from rooms.store.tables.booking import CapacitySlot, CapacityUse, Pool, Reservation, Step
from rooms.store.tables.meetings import Meeting, Occurrence
from tests.rooms.booking.test_calls import wish
from tests.rooms.booking.test_terminal_holds import book, held
from tests.rooms.holds.test_rehearsals import (
    HOUR,
    TINH_A,
    XA1,
    approve,
    booked,
    followed,
    invited,
    rehearsal_of,
    rehearsed,
    told,
)
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province


async def edit(
    database: Database, meeting: Meeting, actor: Actor, now: datetime, scope: editing.Scope = "all", **changes: Any
) -> Meeting:
    """Edit the meeting, with another scope from its second date on. Then the rehearsal follows."""

    async def work(session: Any) -> Meeting:
        version = (await session.get_one(Meeting, meeting.id)).version
        rows = select(Occurrence.id).where(Occurrence.meeting_id == meeting.id).order_by(Occurrence.starts_at)
        date = None if scope == "all" else list(await session.scalars(rows))[1]
        return await editing.edit(session, meeting.id, changes, actor, now, version, scope, date)

    made: Meeting = await database.transact(work)
    await followed(database, now)
    return made


async def rehearsals_of(database: Database) -> dict[str | None, datetime]:
    """Return the time of each coming rehearsal, by the meeting that it rehearses."""
    async with database.reading() as session:
        rows = await session.execute(
            select(Meeting.rehearses_id, Occurrence.starts_at)
            .join(Occurrence, Occurrence.meeting_id == Meeting.id)
            .where(Meeting.rehearses_id.is_not(None), Occurrence.state == "planned", Meeting.state != "cancelled")
        )
        return {row.rehearses_id: row.starts_at for row in rows}


async def deadline_of(database: Database, meeting: Meeting) -> datetime | None:
    async with database.reading() as session:
        step = await approval.open_step(session, meeting.id)
        assert step is not None
        return step.deadline


async def test_a_part_of_a_series_has_no_rehearsal_unless_it_asks_for_one(
    database: Database, province: Province, now: datetime
) -> None:
    series, date = await booked(database, province, now, rule="FREQ=WEEKLY;COUNT=3")
    part = await edit(database, series, COMMAND, now, "following", hall_ids=(province.halls["tinh"],))
    assert part.id != series.id
    assert part.rehearsal_at is None, "the letter of the part says nothing of a rehearsal"
    assert await rehearsals_of(database) == {series.id: date.starts_at}
    at = part.first_starts_at + timedelta(days=6)
    with pytest.raises(Refusal) as refused:
        await edit(database, part, COMMAND, now, "following", rehearsal_at=at + timedelta(days=2))
    assert refused.value.code == "rehearsal_late"
    await book(database, province, wish(province, now, starts_at=at, hall_ids=part_halls(province), attendees=()), now)
    with pytest.raises(Refusal) as refused:
        await edit(database, part, COMMAND, now, "following", rehearsal_at=at)
    assert refused.value.code == "rehearsal_taken"
    last = await edit(database, part, COMMAND, now, "following", rehearsal_at=at + 2 * HOUR)
    assert await rehearsals_of(database) == {series.id: date.starts_at, last.id: at + 2 * HOUR}
    rehearsal, _ = await rehearsal_of(database, last)
    assert await held(database, rehearsal.id) == {"terminal-tinh", XA1}


def part_halls(province: Province) -> tuple[str, ...]:
    return (province.halls["tinh"],)


async def test_another_time_of_the_rehearsal_is_held_until_its_approval(
    database: Database, province: Province, now: datetime
) -> None:
    made, was = await booked(database, province, now)
    at, secretary = now + 5 * HOUR, province.actor("secretary", "tinh")
    await edit(database, made, secretary, now, rehearsal_at=at)
    other = wish(province, now, starts_at=at, attendees=(), title="Họp khác")
    with pytest.raises(Refusal) as refused:
        await book(database, province, other, now)
    assert refused.value.code == "overlap"
    rehearsal, same = await rehearsal_of(database, made)
    assert (same.id, same.starts_at) == (was.id, was.starts_at), "the old time is in force until the approval"
    assert await deadline_of(database, made) == at, "an approval after the new time would be too late"
    await approve(database, province, made, now)
    assert (await rehearsal_of(database, made))[1].starts_at == at
    assert await held(database, rehearsal.id) == {TINH_A, XA1}
    async with database.reading() as session:
        rows = await session.scalars(select(Reservation.starts_at).where(Reservation.occurrence_id == was.id))
        assert min(rows) >= at - HOUR, "the old time is free again"


@POSTGRESQL_IN_SIM
async def test_the_rehearsal_of_a_proposed_part_is_held_too(
    database: Database, province: Province, now: datetime
) -> None:
    series, _ = await booked(database, province, now, rule="FREQ=WEEKLY;COUNT=2")
    at, secretary = series.first_starts_at + timedelta(days=6), province.actor("secretary", "tinh")
    await edit(database, series, secretary, now, "following", rehearsal_at=at, title="Giao ban mới")
    with pytest.raises(Refusal) as refused:
        await book(database, province, wish(province, now, starts_at=at, attendees=()), now)
    assert refused.value.code == "overlap"
    await approve(database, province, series, now)
    assert sorted((await rehearsals_of(database)).values())[1:] == [at]


async def test_an_approval_after_the_time_of_the_rehearsal_skips_it_and_says_so(
    database: Database, province: Province, now: datetime
) -> None:
    made = await book(database, province, rehearsed(province, now), now)
    assert await deadline_of(database, made) == now + 3 * HOUR, "decided in time, the rehearsal takes place"
    approver = province.actor("approver", "tinh")
    await database.transact(lambda session: deciding.decide(session, made.id, True, "", approver, now))
    assert await deadline_of(database, made) == now + 3 * HOUR, "the second step"
    late = now + 4 * HOUR
    kept = await book(database, province, rehearsed(province, now, submit=False, hall_ids=part_halls(province)), now)
    await invited(database, kept)
    secretary = province.actor("secretary", "tinh")
    await database.transact(lambda session: approval.submit(session, kept.id, secretary, late))
    await approve(database, province, kept, late)
    rehearsal, date = await rehearsal_of(database, kept)
    assert (date.state, date.reason) == ("skipped", rehearsals.LATE)
    assert await held(database, rehearsal.id) == set()
    assert (await told(database, kept, late))[0] == [rehearsals.LATE]


async def test_a_later_word_of_the_system_counts_for_the_rehearsal(
    database: Database, province: Province, now: datetime
) -> None:
    """A meeting in the own hall needs no approval. It needs one as soon as it invites other units."""
    admin, free = province.actor("admin", "tinh"), {"needs_approval": False}
    await database.transact(lambda session: halls.edit(session, province.halls["tinh-a"], free, admin, now))
    made = await book(database, province, rehearsed(province, now, type_code="internal", attendees=()), now)
    assert made.state == "approved"
    await followed(database, now)
    rehearsal, _ = await rehearsal_of(database, made)
    assert await held(database, rehearsal.id) == {TINH_A}
    units = (AttendeeRequest(unit_id=province.units["xa1"]),)
    await edit(database, made, province.actor("secretary", "tinh"), now, attendees=units)
    assert await held(database, rehearsal.id) == {TINH_A}
    await approve(database, province, made, now)
    assert await held(database, made.id) == await held(database, rehearsal.id) == {TINH_A, XA1}
    async with database.reading() as session:
        steps = await session.scalars(select(Step.step).where(Step.meeting_id == rehearsal.id))
        assert list(steps) == [2]


async def test_a_withdrawn_objection_gives_the_hall_back_to_both(
    database: Database, province: Province, now: datetime
) -> None:
    """The unit writes its reason twice, and the host gives the hall back in between."""
    made, _ = await booked(database, province, now, hold_guests=True)
    rehearsal, _ = await rehearsal_of(database, made)
    desk, secretary = province.actor("secretary", "xa1"), province.actor("secretary", "tinh")
    hall = province.halls["xa1"]

    async def both() -> list[set[str]]:
        await followed(database, now)
        return [await held(database, one.id) for one in (made, rehearsal)]

    async def work(session: Any) -> None:
        await objecting.object_to(session, made.id, hall, "Họp xã", desk, now)
        await objecting.give_back(session, made.id, hall, secretary, now)
        await objecting.object_to(session, made.id, hall, "Họp xã đột xuất", desk, now + timedelta(minutes=1))

    await database.transact(work)
    assert await both() == [{TINH_A}, {TINH_A}]
    await database.transact(lambda session: objecting.withdraw(session, made.id, hall, desk, now))
    assert await both() == [{TINH_A, XA1}, {TINH_A, XA1}]


async def test_a_rehearsal_reserves_as_many_legs_as_its_meeting(
    database: Database, province: Province, now: datetime
) -> None:
    """The units of the meeting become more, then fewer, then more than the pool has left."""
    made, date = await booked(database, province, now)
    units = province.units

    async def legs() -> set[int]:
        """Return the legs of the date, and of each quarter of an hour."""
        async with database.reading() as session:
            use = CapacityUse.occurrence_id == date.id
            of_date = list(await session.scalars(select(CapacityUse.legs).where(use)))
            quarters = (CapacitySlot.starts_at >= date.starts_at, CapacitySlot.starts_at < date.ends_at)
            slots = list(await session.scalars(select(CapacitySlot.used).where(*quarters)))
            assert (len(of_date), len(slots)) == (1, 2)
            return {*of_date, *slots}

    async def wanted() -> int:
        async with database.reading() as session:
            rehearsal = await rehearsals.of_meeting(session, made.id)
            assert rehearsal is not None
            return (await loads.of_meeting(session, rehearsal)).legs

    async def invite(*codes: str) -> Meeting:
        invited = tuple(AttendeeRequest(unit_id=units[one]) for one in codes)
        return await edit(database, made, COMMAND, now, attendees=invited)

    before = await wanted()
    assert await legs() == {before}
    await invite("xa1", "khcn", "yt", "xa2")
    more = await wanted()
    assert await legs() == {more}
    await invite("xa1")
    fewer = await wanted()
    assert await legs() == {fewer}
    assert fewer < before < more
    await database.transact(lambda session: session.execute(update(Pool).values(legs=fewer)))
    with pytest.raises(Refusal) as said:
        await invite("xa1", "khcn", "yt")
    assert said.value.code == "capacity"
    assert await legs() == {fewer}
