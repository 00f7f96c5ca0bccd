"""Refused, expired and displaced meetings come back: submitted again, or at another free time. On both databases."""

import dataclasses
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.changes import (
    approval,
    creation,
    deciding,
    editing,
    precedence,
    precedence_asks,
    resubmitting,
    undoing,
)
from rooms.booking.changes import dates as booking_dates
from rooms.booking.meeting import timing
from rooms.errors import Refusal
from rooms.meetings import views
from rooms.store.database import Database
from rooms.store.tables.meetings import Attendee, Meeting
from tests.rooms.booking.test_bypass import reread
from tests.rooms.booking.test_creation import make, wish
from tests.rooms.booking.test_life import WEEKLY, dates, denied, do, due, everything, taken
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

# Refused and expired


async def test_a_refused_meeting_is_corrected_and_submitted_again(
    database: Database, province: Province, now: datetime
) -> None:
    """The form has everything: the meeting keeps its attendees, its halls are reserved again, and the approval starts again."""
    secretary, approver = province.actor("secretary", "vp"), province.actor("approver", "vp")
    meeting = await make(database, wish(province, now, submit=True), secretary, now)
    booked = await taken(database)
    refused = await do(database, lambda s: deciding.decide(s, meeting.id, False, "Trùng lịch Bí thư", approver, now))
    assert (refused.state, refused.reason, await taken(database)) == ("refused", "Trùng lịch Bí thư", [])
    async with database.reading() as session:
        view = await views.meeting_view(session, meeting.id, secretary, now)
    assert {"resubmit", "copy"} <= set(view.can)
    assert "edit" not in view.can

    changes = {"title": "Tên đã sửa"}
    again = await do(database, lambda s: resubmitting.resubmit(s, meeting.id, changes, secretary, now, refused.version))
    assert (again.state, again.title, again.reason) == ("asked", "Tên đã sửa", "")
    assert await taken(database) == booked
    async with database.reading() as session:
        assert len(list(await session.scalars(select(Attendee).where(Attendee.meeting_id == meeting.id)))) == 2
    for one in (approver, province.actor("operator", "tinh")):
        done = await do(database, lambda s, a=one: deciding.decide(s, meeting.id, True, "", a, now))  # type: ignore[misc]
    assert done.state == "approved"
    said = await denied(database, lambda s: resubmitting.resubmit(s, meeting.id, {}, secretary, now, done.version))
    assert said.code == "wrong_state"


@POSTGRESQL_IN_SIM
async def test_a_meeting_that_is_late_by_now_is_submitted_again_with_a_reason(
    database: Database, province: Province, now: datetime
) -> None:
    secretary, approver = province.actor("secretary", "vp"), province.actor("approver", "vp")
    early = {"starts_at": now + timedelta(days=9, hours=1), "urgent_reason": ""}
    meeting = await make(database, wish(province, now, **early, submit=True), secretary, now)
    refused = await do(database, lambda s: deciding.decide(s, meeting.id, False, "Chưa rõ", approver, now))
    given = (secretary, now + timedelta(days=8), refused.version)
    said = await denied(database, lambda s: resubmitting.resubmit(s, meeting.id, {}, *given))
    assert said.code == "late_reason_missing"
    changes = {"urgent_reason": "Công điện"}
    again = await do(database, lambda s: resubmitting.resubmit(s, meeting.id, changes, *given))
    assert (again.state, again.precedence_reason) == ("asked", "Công điện")


async def test_a_new_time_that_makes_the_invitation_late_needs_a_reason(
    database: Database, province: Province, now: datetime
) -> None:
    secretary, operator = province.actor("secretary", "vp"), province.actor("operator", "tinh")
    early = {"starts_at": now + timedelta(days=9, hours=1), "urgent_reason": ""}
    made = await make(database, wish(province, now, **early, submit=True), secretary, now)

    async def move(days: int, **reason: str) -> Meeting:
        changes = {"starts_at": now + timedelta(days=days, hours=1), **reason}

        async def work(session: AsyncSession) -> Meeting:
            row = await session.get_one(Meeting, made.id)
            return await editing.edit(session, row.id, changes, secretary, now, row.version)

        return await do(database, work)

    with pytest.raises(Refusal) as said:
        await move(1)
    assert said.value.code == "late_reason_missing"
    assert (await move(10)).precedence_reason == ""
    for one in (province.actor("approver", "vp"), operator):
        await do(database, lambda s, a=one: deciding.decide(s, made.id, True, "", a, now))  # type: ignore[misc]
    with pytest.raises(Refusal) as said:
        await move(1)
    assert said.value.code == "late_reason_missing"
    assert (await move(1, urgent_reason="Công điện")).state == "approved"
    async with database.reading() as session:
        proposal = await approval.pending(session, made.id)
    assert proposal is not None
    assert [line["after"] for line in proposal.lines if line["field"] == "reason"] == ["Công điện"]


@POSTGRESQL_IN_SIM
async def test_the_reason_of_a_late_submission_is_whole_and_replaces_no_other(
    database: Database, province: Province, now: datetime
) -> None:
    secretary, soon = province.actor("secretary", "vp"), {"starts_at": now + timedelta(days=1, hours=1)}
    free = {"hall_ids": (), "terminal_ids": (), "chair_id": None, "urgent_reason": ""}
    words = "L" * limits.URGENT_REASON
    long = wish(province, now, **{**soon, **free, "urgent_reason": f"{words}!"})
    assert (await denied(database, lambda s: creation.create(s, long, secretary, now))).code == "too_long"
    early = {"starts_at": now + timedelta(days=9, hours=1)}
    for request, stored in (
        ({**soon, **free}, words),
        ({**early, **free}, ""),
        ({**soon, **free, "precedence_reason": "Chỉ đạo"}, "Chỉ đạo"),
    ):
        made = await make(database, wish(province, now, **request), secretary, now)
        sent = await do(database, lambda s, m=made: approval.submit(s, m.id, secretary, now, words))  # type: ignore[misc]
        assert (sent.state, sent.precedence_reason) == ("asked", stored)


@POSTGRESQL_IN_SIM
async def test_a_meeting_is_submitted_again_only_at_a_free_time_to_come(
    database: Database, province: Province, now: datetime
) -> None:
    secretary, approver = province.actor("secretary", "vp"), province.actor("approver", "vp")
    meeting = await make(database, wish(province, now, submit=True), secretary, now)
    late = now + timedelta(hours=25)
    await due(database, timing.DEADLINE, late)
    expired = await reread(database, meeting)
    assert expired.state == "expired"
    stranger = province.actor("secretary", "khcn")
    again = lambda s, a=secretary, at=late, c=(), v=expired.version: resubmitting.resubmit(  # noqa: E731
        s, meeting.id, dict(c), a, at, v
    )
    assert (await denied(database, lambda s: again(s, stranger))).code in ("denied", "unknown_meeting")
    assert (await denied(database, lambda s: again(s, v=expired.version - 1))).code == "version_conflict"
    over = meeting.first_starts_at + timedelta(days=1)
    assert (await denied(database, lambda s: again(s, at=over))).code == "past"
    other = await make(database, wish(province, now, chair_id=None, submit=True), secretary, now)
    assert (await denied(database, lambda s: again(s))).code == "overlap"
    later = {"starts_at": meeting.first_starts_at + timedelta(days=7)}
    back = await do(database, lambda s: again(s, at=over, c=later.items()))
    assert (back.state, back.first_starts_at) == ("asked", later["starts_at"])
    assert [one.starts_at for one in await dates(database, meeting)] == [later["starts_at"]]
    await do(database, lambda s: deciding.decide(s, other.id, False, "Không cần", approver, now))


@POSTGRESQL_IN_SIM
async def test_a_refused_part_of_a_series_is_not_submitted_again(
    database: Database, province: Province, now: datetime
) -> None:
    """The dates of the part went back to the series, so the part would book them twice."""
    secretary, approver = province.actor("secretary", "tinh"), province.actor("approver", "tinh")
    request = dataclasses.replace(wish(province, now, rule=WEEKLY), submit=True)
    series = await make(database, request, secretary, now)
    third = (await dates(database, series))[2]
    title = {"title": "Tên khác"}
    part = await do(
        database,
        lambda s: editing.edit(s, series.id, title, secretary, now, series.version, "following", third.id),
    )
    refused = await do(database, lambda s: deciding.decide(s, part.id, False, "Không tách", approver, now))
    before = await everything(database)
    said = await denied(database, lambda s: resubmitting.resubmit(s, part.id, {}, secretary, now, refused.version))
    assert said.code == "part_of_series"
    assert await everything(database) == before


# Displaced


async def test_a_displaced_date_names_the_other_meeting_and_gets_a_free_time(
    database: Database, province: Province, now: datetime
) -> None:
    """The desk reads by which meeting and why. The offered times are free. The approved new time ends the displacement."""
    lower = wish(province, now, host_unit_id=province.units["yt"], chair_id=None, submit=True)
    desk, system = province.actor("secretary", "yt"), province.actor("operator", "tinh")
    meeting = await make(database, lower, desk, now)
    for one in (province.actor("approver", "yt"), system):
        await do(database, lambda s, a=one: deciding.decide(s, meeting.id, True, "", a, now))  # type: ignore[misc]
    (date,) = await dates(database, meeting)
    higher = wish(province, now, type_code="session", title="Phiên họp UBND", class_="important")
    await do(database, lambda s: precedence.displace(s, higher, {date.id: None}, "Chỉ đạo", system, now))
    (date,) = await dates(database, meeting)
    assert (date.state, date.reason) == ("postponed", "Chỉ đạo")
    version = (await reread(database, meeting)).version
    assert (await denied(database, lambda s: undoing.undo(s, meeting.id, desk, now))).code == "overlap"
    async with database.reading() as session:
        view = await views.meeting_view(session, meeting.id, desk, now)
        seen = await views.meeting_view(session, meeting.id, system, now)
        free = await booking_dates.free_times(session, date.id, desk, now)
    assert view.displaced[date.id] == views.Displacer(), "another unit's meeting is not named to this desk"
    assert seen.displaced[date.id].title == "Phiên họp UBND"
    assert (view.meeting.version, "undo" in view.can) == (version, False)

    assert len(free) == limits.REARRANGED_TIMES
    hall = timedelta(minutes=15)
    for at in free:
        assert at.ends_at - at.starts_at == date.ends_at - date.starts_at
        assert at.ends_at + hall <= date.starts_at - hall or at.starts_at - hall >= date.ends_at + hall, at
    stranger = province.actor("secretary", "khcn")
    with pytest.raises(Refusal):
        await do(database, lambda s: booking_dates.free_times(s, date.id, stranger, now))

    to = free[-1].starts_at
    again = lambda s: booking_dates.postpone(  # noqa: E731
        s, meeting.id, date.id, "superior_order", "Chỉ đạo", desk, now, to
    )
    await do(database, again)
    (waits,) = await dates(database, meeting)
    assert (waits.state, waits.displaced_by != "") == ("postponed", True)
    for one in (province.actor("approver", "yt"), system):
        await do(database, lambda s, a=one: deciding.decide(s, meeting.id, True, "", a, now))  # type: ignore[misc]
    (moved,) = await dates(database, meeting)
    assert (moved.state, moved.starts_at, moved.displaced_by) == ("planned", to, "")


# Precedence


async def test_a_secretary_asks_for_precedence_and_an_operator_books_it(
    database: Database, province: Province, now: datetime
) -> None:
    """The stored request becomes the meeting. A secretary asks only where something clashes, and decides nothing."""
    lower = wish(province, now, host_unit_id=province.units["yt"], chair_id=None)
    other = await make(database, lower, province.actor("secretary", "yt"), now)
    (date,) = await dates(database, other)
    desk, operator = province.actor("secretary", "vp"), province.actor("operator", "tinh")
    higher = wish(province, now, type_code="session", title="Phiên họp UBND", class_="important", submit=True)
    free = dataclasses.replace(higher, starts_at=higher.starts_at + timedelta(days=1))
    ask = lambda s, request=higher, why="Công điện 12": precedence_asks.ask(s, request, why, desk, now)  # noqa: E731
    assert (await denied(database, lambda s: ask(s, free))).code == "nothing_in_the_way"
    assert (await denied(database, lambda s: ask(s, why=" "))).code == "reason_missing"
    secret = dataclasses.replace(higher, class_="secret")
    assert (await denied(database, lambda s: ask(s, secret))).code == creation.SECRET
    made = await do(database, ask)
    again = await do(database, ask)
    async with database.reading() as session:
        assert {one.id for one, _ in await precedence_asks.asks(session, operator, now)} == {made.id, again.id}
        assert {one.id for one, _ in await precedence_asks.asks(session, desk, now)} == {made.id, again.id}
        assert await precedence_asks.asks(session, province.actor("operator", "yt"), now) == []
        (way,) = await precedence_asks.look(session, made.id, operator, now)
    assert (way.occurrence_id, way.why_not) == (date.id, "")
    give = lambda s, actor=operator, id_=made.id: precedence_asks.displace(  # noqa: E731
        s, id_, {date.id: None}, "Công điện 12", actor, now
    )
    assert (await denied(database, lambda s: give(s, desk))).code == "denied"
    done = await do(database, give)
    assert (done.meeting.title, done.meeting.state, done.meeting.created_by) == ("Phiên họp UBND", "asked", desk.id)
    assert (await denied(database, give)).code == "already_decided"
    await do(database, lambda s: precedence_asks.refuse(s, again.id, "Đã xếp", operator, now))
    async with database.reading() as session:
        states = {one.id: (one.state, one.answer) for one, _ in await precedence_asks.asks(session, desk, now)}
        assert await precedence_asks.asks(session, operator, now) == []
    assert states == {made.id: ("done", ""), again.id: ("refused", "Đã xếp")}
    late = now + timedelta(days=limits.PRECEDENCE_ASK_DAYS + 1)
    await do(database, lambda s: precedence_asks.forget(s, late))
    async with database.reading() as session:
        assert await precedence_asks.asks(session, desk, now) == []
