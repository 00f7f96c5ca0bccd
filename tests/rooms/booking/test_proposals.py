"""New times that wait for approval: the bookings that they hold, the changes that replace them, and the notice at their end. On
both databases.
"""

from datetime import datetime, timedelta

from sqlalchemy import select

from rooms.booking.changes import approval, deciding, editing, precedence, undoing
from rooms.booking.changes import dates as booking_dates
from rooms.booking.meeting import timing
from rooms.booking.planning.requests import AttendeeRequest
from rooms.policy.actors import COMMAND, Actor
from rooms.store.database import Database
from rooms.store.tables.booking import Change, Proposal
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.records import Job
from tests.rooms.booking.test_creation import make, set_rule, wish
from tests.rooms.booking.test_life import dates, denied, do, due
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

HOURS_4 = timedelta(hours=4)


async def low(database: Database, province: Province, now: datetime, rule: str = "FREQ=WEEKLY;COUNT=3") -> Meeting:
    """Return an approved meeting of the health department."""
    lower = wish(province, now, host_unit_id=province.units["yt"], chair_id=None, rule=rule, submit=True)
    made = await make(database, lower, province.actor("secretary", "yt"), now)
    await agree(database, province, made, now)
    async with database.reading() as session:
        found = await session.get_one(Meeting, made.id)
    assert found.state == "approved"
    return found


async def agree(database: Database, province: Province, meeting: Meeting, now: datetime, yes: bool = True) -> None:
    for one in (province.actor("approver", "yt"), province.actor("operator", "tinh"))[: 2 if yes else 1]:
        await do(database, lambda s, a=one: deciding.decide(s, meeting.id, yes, "Trùng lịch", a, now))  # type: ignore[misc]


async def give_way(
    database: Database,
    province: Province,
    now: datetime,
    moves: dict[str, datetime | None],
    starts_at: datetime,
    rule: str = "",
    actor: Actor | None = None,
    key: str = "",
) -> precedence.Displaced:
    request = wish(
        province, now, type_code="session", title="Phiên họp", class_="important", starts_at=starts_at, rule=rule
    )
    who = actor or province.actor("admin", "tinh")
    return await do(database, lambda s: precedence.displace(s, request, moves, "Chỉ đạo", who, now, key))


async def lines(database: Database, meeting: Meeting) -> list[tuple[str, str]]:
    async with database.reading() as session:
        rows = await session.scalars(select(Change).where(Change.meeting_id == meeting.id).order_by(Change.version))
        return [(one.action, one.summary) for one in rows]


async def proposals_of(database: Database, meeting: Meeting) -> list[tuple[str, str]]:
    async with database.reading() as session:
        rows = await session.scalars(select(Proposal).where(Proposal.meeting_id == meeting.id).order_by(Proposal.round))
        return [(one.occurrence_id, one.state) for one in rows]


async def told(database: Database, meeting: Meeting) -> list[tuple[str, str, bool, str]]:
    """Return the mails to the desk about the meeting's dates: date, new time, whether the new time waits, reason."""
    async with database.reading() as session:
        rows = await session.scalars(select(Job).where(Job.kind == timing.DISPLACED))
        jobs = [one.payload for one in rows if one.payload["meeting_id"] == meeting.id]
    return [(one["occurrence_id"], one["to"], bool(one.get("waits")), one["reason"]) for one in jobs]


async def deadline(database: Database, meeting: Meeting) -> datetime:
    async with database.reading() as session:
        step = await approval.open_step(session, meeting.id)
    assert step is not None
    assert step.deadline is not None
    return step.deadline


async def by_id(database: Database, meeting: Meeting, date: Occurrence) -> Occurrence:
    return next(one for one in await dates(database, meeting) if one.id == date.id)


# Two dates of one series


@POSTGRESQL_IN_SIM
async def test_the_second_date_that_gives_way_gets_no_new_time(
    database: Database, province: Province, now: datetime
) -> None:
    """The first new time waits for approval, and then applies. The mail names no time for the second date, because no approver
    is asked about that time.
    """
    series = await low(database, province, now)
    _, second, third = await dates(database, series)
    moves: dict[str, datetime | None] = {one.id: one.starts_at + HOURS_4 for one in (second, third)}
    rule = "FREQ=WEEKLY;COUNT=2"
    done = await give_way(database, province, now, moves, second.starts_at, rule, key="key-1")
    said = {one.occurrence_id: one.to for one in done.moved}
    assert said == {second.id: moves[second.id], third.id: None}
    assert await proposals_of(database, series) == [(second.id, "waiting")]
    to = second.starts_at + HOURS_4
    mailed = {one: (at, waits) for one, at, waits, _ in await told(database, series)}
    assert mailed == {second.id: (to.isoformat(), True), third.id: ("", False)}
    (wished,) = [reason for one, _, _, reason in await told(database, series) if one == third.id]
    assert "chưa trình duyệt được" in wished
    again = await give_way(database, province, now, moves, second.starts_at, rule, key="key-1")
    assert {one.occurrence_id: one.to for one in again.moved} == said
    await agree(database, province, series, now)
    moved, off = await by_id(database, series, second), await by_id(database, series, third)
    assert (moved.state, moved.starts_at, off.state) == ("planned", to, "postponed")
    # The new time that was not requested can be requested now.
    desk, at = province.actor("secretary", "yt"), third.starts_at + HOURS_4
    await do(database, lambda s: booking_dates.postpone(s, series.id, third.id, "superior_order", "", desk, now, at))
    await agree(database, province, series, now)
    later = await by_id(database, series, third)
    assert (later.state, later.starts_at) == ("planned", at)


@POSTGRESQL_IN_SIM
async def test_a_waiting_change_survives_a_date_that_yields(
    database: Database, province: Province, now: datetime
) -> None:
    series = await low(database, province, now)
    first, second, _ = await dates(database, series)
    desk, to = province.actor("secretary", "yt"), first.starts_at + HOURS_4
    await do(database, lambda s: booking_dates.postpone(s, series.id, first.id, "not_ready", "", desk, now, to))
    done = await give_way(database, province, now, {second.id: second.starts_at + HOURS_4}, second.starts_at)
    assert [one.to for one in done.moved] == [None]
    assert await proposals_of(database, series) == [(first.id, "waiting")]
    await agree(database, province, series, now)
    assert (await by_id(database, series, first)).starts_at == to
    assert (await by_id(database, series, second)).state == "postponed"


@POSTGRESQL_IN_SIM
async def test_a_date_that_gives_way_withdraws_its_waiting_change(
    database: Database, province: Province, now: datetime
) -> None:
    series = await low(database, province, now)
    _, second, _ = await dates(database, series)
    desk, wanted = province.actor("secretary", "yt"), second.starts_at + timedelta(days=1)
    await do(database, lambda s: booking_dates.postpone(s, series.id, second.id, "not_ready", "", desk, now, wanted))
    to = second.starts_at + HOURS_4
    done = await give_way(database, province, now, {second.id: to}, second.starts_at)
    assert [one.to for one in done.moved] == [to]
    assert await proposals_of(database, series) == [(second.id, "withdrawn"), (second.id, "waiting")]
    assert [action for action, _ in await lines(database, series)][-3:] == ["withdraw", "propose", "displaced"]
    ((_, at, waits, reason),) = await told(database, series)
    assert (at, waits) == (to.isoformat(), True)
    assert "không còn hiệu lực: Hoãn" in reason


# Changes that replace a new time


@POSTGRESQL_IN_SIM
async def test_a_new_time_does_not_bring_a_cancelled_date_back(
    database: Database, province: Province, now: datetime
) -> None:
    series = await low(database, province, now)
    _, second, third = await dates(database, series)
    desk, to = province.actor("secretary", "yt"), second.starts_at + HOURS_4
    await do(database, lambda s: booking_dates.postpone(s, series.id, second.id, "force_majeure", "Bão", desk, now, to))
    await do(database, lambda s: booking_dates.cancel(s, series.id, "force_majeure", "Thôi", desk, now, third.id))
    assert await proposals_of(database, series) == [(second.id, "waiting")], "another date was called off"
    await do(database, lambda s: booking_dates.cancel(s, series.id, "force_majeure", "Thôi", desk, now, second.id))
    assert await proposals_of(database, series) == [(second.id, "withdrawn")]
    assert [action for action, _ in await lines(database, series)][-2:] == ["withdraw", "cancel"]
    approver = province.actor("approver", "yt")
    said = await denied(database, lambda s: deciding.decide(s, series.id, True, "", approver, now))
    assert said.code == "wrong_state"
    for at in (to, None):
        said = await denied(
            database,
            lambda s, t=at: booking_dates.postpone(s, series.id, second.id, "not_ready", "", desk, now, t),  # type: ignore[misc]
        )
        assert said.code == "date_cancelled"
    assert (await by_id(database, series, second)).state == "cancelled"


@POSTGRESQL_IN_SIM
async def test_an_edit_does_not_bring_a_cancelled_date_back(
    database: Database, province: Province, now: datetime
) -> None:
    series = await low(database, province, now)
    _, second, third = await dates(database, series)
    desk = province.actor("secretary", "yt")
    for scope, off in (("this", second), ("following", third)):
        async with database.reading() as session:
            version = (await session.get_one(Meeting, series.id)).version
        later = {"starts_at": second.starts_at + HOURS_4}
        given = (later, desk, now, version, scope, second.id)
        await do(database, lambda s, g=given: editing.edit(s, series.id, *g))  # type: ignore[misc]
        await do(database, lambda s, d=off: booking_dates.cancel(s, series.id, "not_ready", "", desk, now, d.id))  # type: ignore[misc]
        assert (await proposals_of(database, series))[-1] == (second.id, "withdrawn")
        if scope == "this":
            async with database.reading() as session:
                version = (await session.get_one(Meeting, series.id)).version
            given = (later, desk, now, version, scope, second.id)
            said = await denied(database, lambda s, g=given: editing.edit(s, series.id, *g))  # type: ignore[misc]
            assert said.code == "date_cancelled"
            await do(database, lambda s: booking_dates.rebook(s, second.id, desk, now))


@POSTGRESQL_IN_SIM
async def test_until_further_notice_overtakes_a_new_time_that_waits(
    database: Database, province: Province, now: datetime
) -> None:
    series = await low(database, province, now)
    _, second, _ = await dates(database, series)
    desk, to = province.actor("secretary", "yt"), second.starts_at + HOURS_4
    await do(database, lambda s: booking_dates.postpone(s, series.id, second.id, "force_majeure", "Bão", desk, now, to))
    await do(database, lambda s: booking_dates.postpone(s, series.id, second.id, "not_ready", "", desk, now))
    assert await proposals_of(database, series) == [(second.id, "withdrawn")]
    assert [action for action, _ in await lines(database, series)][-2:] == ["withdraw", "postpone"]


# Deadline of a new time


@POSTGRESQL_IN_SIM
async def test_both_steps_end_before_the_new_time(database: Database, province: Province, now: datetime) -> None:
    series = await low(database, province, now)
    *_, third = await dates(database, series)
    desk, to = province.actor("secretary", "yt"), now + timedelta(hours=26)
    soon = to - timedelta(hours=4)
    async with database.reading() as session:
        rule = await timing.rule_of_meeting(session, series)
    assert soon + timedelta(hours=rule.approval_hours) > to
    await do(database, lambda s: booking_dates.postpone(s, series.id, third.id, "not_ready", "", desk, now, to))
    assert await deadline(database, series) <= to
    approver = province.actor("approver", "yt")
    early = now + timedelta(hours=rule.approval_hours) - timedelta(minutes=1)
    await do(database, lambda s: deciding.decide(s, series.id, True, "", approver, min(early, soon)))
    assert await deadline(database, series) <= to


@POSTGRESQL_IN_SIM
async def test_the_new_time_of_a_yielded_date_limits_its_approval(
    database: Database, province: Province, now: datetime
) -> None:
    single = await low(database, province, now, "")
    (date,) = await dates(database, single)
    at, to = date.starts_at - timedelta(hours=1), date.starts_at + HOURS_4
    await give_way(database, province, at, {date.id: to}, date.starts_at)
    assert await deadline(database, single) == to


@POSTGRESQL_IN_SIM
async def test_a_change_submitted_in_time_can_be_approved_late(
    database: Database, province: Province, now: datetime
) -> None:
    """The unit books at least ten hours ahead. The last step is decided less than ten hours before the new time."""
    series = await low(database, province, now)
    *_, third = await dates(database, series)
    desk, operator = province.actor("secretary", "yt"), province.actor("operator", "tinh")
    await set_rule(database, province, ahead_min=600)
    to = now + timedelta(hours=26)
    late = to - timedelta(minutes=150)
    await do(database, lambda s: booking_dates.postpone(s, series.id, third.id, "not_ready", "", desk, now, to))
    early = now + timedelta(minutes=5)
    await do(database, lambda s: deciding.decide(s, series.id, True, "", province.actor("approver", "yt"), early))
    await do(database, lambda s: deciding.decide(s, series.id, True, "", operator, late))
    moved = await by_id(database, series, third)
    assert (moved.state, moved.starts_at) == ("planned", to)


# Notice at the end of a new time


@POSTGRESQL_IN_SIM
async def test_a_refused_new_time_postpones_and_notifies_the_desk(
    database: Database, province: Province, now: datetime
) -> None:
    series = await low(database, province, now)
    _, second, _ = await dates(database, series)
    to = second.starts_at + HOURS_4
    await give_way(database, province, now, {second.id: to}, second.starts_at)
    await agree(database, province, series, now, yes=False)
    assert (await lines(database, series))[-1] == (
        "refuse",
        "Không duyệt thay đổi, buổi họp vẫn hoãn, chưa có thời gian mới: Trùng lịch",
    )
    assert (await by_id(database, series, second)).state == "postponed"
    assert set(await told(database, series)) == {
        (second.id, to.isoformat(), True, "Chỉ đạo"),
        (second.id, "", False, "Trùng lịch"),
    }


@POSTGRESQL_IN_SIM
async def test_a_lapsed_new_time_postpones_and_notifies_the_desk(
    database: Database, province: Province, now: datetime
) -> None:
    series = await low(database, province, now)
    _, second, _ = await dates(database, series)
    await give_way(database, province, now, {second.id: second.starts_at + HOURS_4}, second.starts_at)
    await due(database, timing.DEADLINE, await deadline(database, series))
    assert (await lines(database, series))[-1] == (
        "lapse",
        "Thay đổi quá hạn duyệt, buổi họp vẫn hoãn, chưa có thời gian mới",
    )
    assert (second.id, "", False, "Quá hạn duyệt") in await told(database, series)


@POSTGRESQL_IN_SIM
async def test_a_date_moved_to_an_earlier_time_ends_at_that_time(
    database: Database, province: Province, now: datetime
) -> None:
    single = await low(database, province, now, "")
    (date,) = await dates(database, single)
    to = date.starts_at - timedelta(days=1)
    await give_way(database, province, now, {date.id: to}, date.starts_at, actor=COMMAND)
    moved = await by_id(database, single, date)
    assert (moved.state, moved.starts_at) == ("planned", to)
    await due(database, timing.DATES, moved.ends_at)
    await due(database, timing.DATES, moved.ends_at)  # released if no participant came, otherwise ended
    assert (await by_id(database, single, date)).state in ("released", "ended")


@POSTGRESQL_IN_SIM
async def test_a_later_change_of_the_desk_survives_the_yielding(
    database: Database, province: Province, now: datetime
) -> None:
    series = await low(database, province, now)
    _, second, third = await dates(database, series)
    done = await give_way(database, province, now, {second.id: None}, second.starts_at)
    await do(database, lambda s: booking_dates.cancel(s, done.meeting.id, "not_ready", "", COMMAND, now))
    desk, to = province.actor("secretary", "yt"), third.starts_at + HOURS_4
    await do(database, lambda s: booking_dates.postpone(s, series.id, third.id, "not_ready", "", desk, now, to))
    said = await denied(database, lambda s: undoing.undo(s, series.id, province.actor("operator", "tinh"), now))
    assert said.code == "nothing_to_undo"
    assert await proposals_of(database, series) == [(third.id, "waiting")]
    assert (await by_id(database, series, second)).state == "postponed"


async def test_yielding_is_undone_although_the_new_time_waits(
    database: Database, province: Province, now: datetime
) -> None:
    series = await low(database, province, now)
    _, second, _ = await dates(database, series)
    done = await give_way(database, province, now, {second.id: second.starts_at + HOURS_4}, second.starts_at)
    operator = province.actor("operator", "tinh")
    said = await denied(database, lambda s: undoing.undo(s, series.id, operator, now))
    assert said.code == "overlap"  # the higher meeting still takes the hall
    await do(database, lambda s: booking_dates.cancel(s, done.meeting.id, "not_ready", "", COMMAND, now))
    await do(database, lambda s: undoing.undo(s, series.id, operator, now))
    back = await by_id(database, series, second)
    assert (back.state, back.starts_at) == ("planned", second.starts_at)
    assert await proposals_of(database, series) == [(second.id, "withdrawn")]
    assert [action for action, _ in await lines(database, series)][-2:] == ["withdraw", "undo"]
    desk = province.actor("secretary", "yt")
    to = second.starts_at + HOURS_4
    await do(database, lambda s: booking_dates.postpone(s, series.id, second.id, "not_ready", "", desk, now, to))
    said = await denied(database, lambda s: undoing.undo(s, series.id, operator, now))
    assert said.code == "nothing_to_undo"  # the postponement waits for approval, so the desk withdraws it instead


async def test_an_unchanged_list_of_attendees_is_no_change(
    database: Database, province: Province, now: datetime
) -> None:
    """The form sends the whole list with each change. Only a list that differs is proposed, and only then people are told."""
    meeting = await low(database, province, now)
    desk, order = province.actor("secretary", "yt"), (province.units["yt"], province.units["khcn"])
    same = tuple(AttendeeRequest(unit_id=one) for one in order)

    async def edit(**changes: object) -> Meeting:
        async with database.reading() as session:
            version = (await session.get_one(Meeting, meeting.id)).version
        return await do(database, lambda s: editing.edit(s, meeting.id, changes, desk, now, version))

    await edit(description="Mang theo số liệu", attendees=same)
    assert (await lines(database, meeting))[-1][1] == "Sửa nội dung"
    await edit(title="Họp giao ban tuần", attendees=same)
    async with database.reading() as session:
        proposed = (await session.scalars(select(Proposal).where(Proposal.meeting_id == meeting.id))).one()
    assert [one["field"] for one in proposed.lines] == ["title"]
