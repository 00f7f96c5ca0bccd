"""The life of a booking: approval, deputies, deadlines, edits, series, undo, postponing, classes, precedence. On both
databases.
"""

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import (
    approval,
    class_changes,
    creation,
    deciding,
    editing,
    ending,
    precedence,
    proposals,
    timers,
    undoing,
)
from rooms.booking.changes import dates as booking_dates
from rooms.booking.meeting import history, timing
from rooms.booking.planning import busy, previews
from rooms.booking.planning.requests import AttendeeRequest, Request
from rooms.booking.rules.calendar import local
from rooms.dialling import planning
from rooms.errors import Refusal
from rooms.meetings import views
from rooms.policy.actors import Actor
from rooms.policy.classes import Presence
from rooms.store.database import Database
from rooms.store.tables.accounts import Account, RoleGrant
from rooms.store.tables.booking import CapacitySlot, Reservation, Setting, Step
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.records import Job
from tests.rooms.booking.test_creation import counts, make, refused, wish
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

T = TypeVar("T")
WEEKLY = "FREQ=WEEKLY;COUNT=6"


async def do(database: Database, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    return await database.transact(work)


async def denied(database: Database, work: Callable[[AsyncSession], Awaitable[object]]) -> Refusal:
    """Return the refusal. Check that nothing changed."""
    before = await counts(database), await everything(database)
    with pytest.raises(Refusal) as caught:
        await database.transact(work)
    assert (await counts(database), await everything(database)) == before
    return caught.value


async def everything(database: Database) -> list[Any]:
    async with database.reading() as session:
        meetings = await session.execute(
            select(Meeting.id, Meeting.version, Meeting.state, Meeting.title, Meeting.class_)
        )
        dates = await session.execute(select(Occurrence.id, Occurrence.starts_at, Occurrence.ends_at, Occurrence.state))
        taken = await session.execute(
            select(Reservation.resource_id, Reservation.starts_at, Reservation.ends_at).where(Reservation.active)
        )
        used = await session.execute(select(CapacitySlot.starts_at, CapacitySlot.used).where(CapacitySlot.used > 0))
        return [sorted(map(tuple, rows)) for rows in (meetings, dates, taken, used)]


async def taken(database: Database) -> list[tuple[str, datetime, datetime]]:
    return list((await everything(database))[2])


async def dates(database: Database, meeting: Meeting) -> list[Occurrence]:
    async with database.reading() as session:
        rows = await session.scalars(
            select(Occurrence).where(Occurrence.meeting_id == meeting.id).order_by(Occurrence.starts_at)
        )
        return list(rows)


async def handled(session: AsyncSession, kind: str, payload: dict[str, Any], now: datetime) -> None:
    await timers.HANDLERS[kind](session, payload, now)


async def due(database: Database, kind: str, now: datetime) -> int:
    """Run the due jobs of this kind, each job twice, as after a worker that died once."""
    async with database.reading() as session:
        rows = await session.scalars(select(Job).where(Job.kind == kind, Job.due_at <= now, Job.done_at.is_(None)))
        jobs = [(one.id, one.payload) for one in rows]
    for id_, payload in jobs:
        for _ in range(2):
            await database.transact(partial(handled, kind=kind, payload=payload, now=now))

        async def done(session: AsyncSession, id_: str = id_) -> None:
            job = await session.get(Job, id_)
            assert job is not None
            job.done_at = now

        await database.transact(done)
    return len(jobs)


async def approved(database: Database, province: Province, request: Request, now: datetime) -> Meeting:
    meeting = await make(database, dataclasses.replace(request, submit=True), province.actor("secretary", "tinh"), now)
    approver, operator = province.actor("approver", "tinh"), province.actor("operator", "tinh")
    await do(database, lambda s: deciding.decide(s, meeting.id, True, "", approver, now))
    return await do(database, lambda s: deciding.decide(s, meeting.id, True, "", operator, now))


async def kinds(database: Database) -> list[str]:
    async with database.reading() as session:
        return sorted(await session.scalars(select(Job.kind).where(Job.done_at.is_(None))))


# Approval


async def test_two_steps_to_a_number(database: Database, province: Province, now: datetime) -> None:
    secretary = province.actor("secretary", "vp")
    held = await make(database, wish(province, now), secretary, now)
    asked = await do(database, lambda s: approval.submit(s, held.id, secretary, now))
    assert (asked.state, asked.version, asked.hold_until) == ("asked", 2, None)
    approver, operator = province.actor("approver", "vp"), province.actor("operator", "tinh")
    assert (await denied(database, lambda s: deciding.decide(s, held.id, True, "", secretary, now))).code == "denied"
    assert (await denied(database, lambda s: deciding.decide(s, held.id, True, "", operator, now))).code == "denied"
    assert (await denied(database, lambda s: approval.submit(s, held.id, secretary, now))).code == "wrong_state"
    async with database.reading() as session:
        assert [one.meeting.id for one in await approval.waiting(session, approver, now)] == [held.id]
        assert await approval.waiting(session, operator, now) == []
    first = await do(database, lambda s: deciding.decide(s, held.id, True, "", approver, now))
    assert (first.state, first.number) == ("asked", None)
    second = await do(database, lambda s: deciding.decide(s, held.id, True, "", operator, now))
    assert second.state == "approved"
    assert second.number
    assert second.pin
    assert "meeting.changed" in await kinds(database)
    assert len(await taken(database)) == 4


async def test_an_approver_sees_who_of_the_invited_is_busy(
    database: Database, province: Province, now: datetime
) -> None:
    secretary = province.actor("secretary", "tinh")
    bare: dict[str, Any] = {"hall_ids": (), "terminal_ids": (), "chair_id": None, "submit": True}
    first = await make(database, wish(province, now, **bare), secretary, now)
    second = await make(database, wish(province, now, title="Họp khác", **bare), secretary, now)
    approver = province.actor("approver", "tinh")
    async with database.reading() as session:
        found = await busy.busy_of(session, second, approver, now)
        later = await busy.busy_of(session, second, approver, second.first_starts_at + timedelta(days=1))
    assert {one.id for one in found.occupied} == {province.units["khcn"], province.units["yt"]}
    assert {one.meeting_id for one in found.occupied} == {first.id}
    assert (found.busy, later.busy) == (2, 0)


async def test_a_deputy_decides_for_the_represented_person(
    database: Database, province: Province, now: datetime
) -> None:
    head, deputy = province.people["vp-1"], province.people["vp-2"]

    async def accounts(session: AsyncSession) -> None:
        for id_, person in (("head", head), ("deputy", deputy)):
            session.add(Account(id=id_, name=id_, person_id=person, created_at=now, recovery=[]))
        await session.flush()
        unit = province.units["vp"]
        session.add(RoleGrant(id="g", account_id="head", role="approver", unit_id=unit, starts_at=now, granted_by="x"))

    await database.transact(accounts)
    meeting = await make(database, wish(province, now, submit=True), province.actor("secretary", "vp"), now)
    approver = province.actor("approver", "vp")
    passed = tuple(dataclasses.replace(one, for_person=head) for one in approver.roles)
    actor = dataclasses.replace(approver, id="deputy", person_id=deputy, deputises=(head,), roles=passed)
    await do(database, lambda s: deciding.decide(s, meeting.id, True, "", actor, now))
    async with database.reading() as session:
        step = (await session.scalars(select(Step).where(Step.step == 1))).one()
    assert (step.decided_by, step.decided_for) == ("deputy", head)
    # A deputy cannot decide the own request. The head can.
    secretary = province.actor("secretary", "vp").roles
    asks = dataclasses.replace(actor, roles=(*passed, *secretary))
    later = wish(province, now, submit=True, starts_at=meeting.first_starts_at + timedelta(days=1))
    own = await make(database, later, asks, now)
    assert (await denied(database, lambda s: deciding.decide(s, own.id, True, "", asks, now))).code == "own_request"
    async with database.reading() as session:
        assert await approval.waiting(session, asks, now) == []
        assert "decide" not in (await views.meeting_view(session, own.id, asks, now)).can
    personally = dataclasses.replace(asks, roles=(*approver.roles, *secretary))
    await do(database, lambda s: deciding.decide(s, own.id, True, "", personally, now))


@POSTGRESQL_IN_SIM
async def test_a_refusal_needs_a_reason_and_frees_everything(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await make(database, wish(province, now, submit=True), province.actor("secretary", "vp"), now)
    approver = province.actor("approver", "vp")
    assert (
        await denied(database, lambda s: deciding.decide(s, meeting.id, False, " ", approver, now))
    ).code == "reason_missing"
    gone = await do(database, lambda s: deciding.decide(s, meeting.id, False, "Trùng việc", approver, now))
    assert (gone.state, gone.reason) == ("refused", "Trùng việc")
    assert await taken(database) == []
    assert (await everything(database))[3] == []
    await make(database, wish(province, now), province.actor("secretary", "vp"), now)


async def test_a_hold_expires(database: Database, province: Province, now: datetime) -> None:
    secretary = province.actor("secretary", "vp")
    far = wish(province, now, starts_at=now + timedelta(days=7, hours=1))
    meeting = await make(database, far, secretary, now)
    assert await due(database, timing.HOLD, now + timedelta(hours=47)) == 0
    later = now + timedelta(hours=48)
    assert (await denied(database, lambda s: approval.submit(s, meeting.id, secretary, later))).code == "hold_expired"
    assert await due(database, timing.HOLD, later) == 1
    assert (await everything(database))[0][0][2] == "expired"
    assert await taken(database) == []


@POSTGRESQL_IN_SIM
async def test_a_submitted_hold_does_not_expire(database: Database, province: Province, now: datetime) -> None:
    secretary = province.actor("secretary", "vp")
    meeting = await make(database, wish(province, now, starts_at=now + timedelta(days=7, hours=1)), secretary, now)
    await do(database, lambda s: approval.submit(s, meeting.id, secretary, now))
    await due(database, timing.HOLD, now + timedelta(hours=49))
    assert (await everything(database))[0][0][2] == "asked"


@POSTGRESQL_IN_SIM
async def test_a_deadline_passes(database: Database, province: Province, now: datetime) -> None:
    meeting = await make(database, wish(province, now, submit=True), province.actor("secretary", "vp"), now)
    later = now + timedelta(hours=24)
    approver = province.actor("approver", "vp")
    assert (
        await denied(database, lambda s: deciding.decide(s, meeting.id, True, "", approver, later))
    ).code == "deadline_passed"
    assert await due(database, timing.DEADLINE, later) == 1
    assert (await everything(database))[0][0][2] == "expired"
    assert await taken(database) == []
    async with database.reading() as session:
        assert sorted(await session.scalars(select(Step.state))) == ["lapsed", "withdrawn"]


# Edits


async def test_an_edit_never_loses_the_old_booking(database: Database, province: Province, now: datetime) -> None:
    secretary = province.actor("secretary", "tinh")
    mine = await make(database, wish(province, now), secretary, now)
    other = wish(province, now, hall_ids=(province.halls["tinh"],), terminal_ids=(), chair_id=None)
    await make(database, other, secretary, now)
    changes: dict[str, Any] = {"hall_ids": (province.halls["tinh"],), "title": "Mới"}
    said = await denied(database, lambda s: editing.edit(s, mine.id, changes, secretary, now, 1))
    assert said.code == "overlap"
    moved = await do(
        database,
        lambda s: editing.edit(
            s, mine.id, changes | {"starts_at": mine.first_starts_at + timedelta(hours=3)}, secretary, now, 1
        ),
    )
    assert (moved.version, moved.title) == (2, "Mới")
    assert (
        await denied(database, lambda s: editing.edit(s, mine.id, {"title": "x"}, secretary, now, 1))
    ).code == "version_conflict"
    assert (
        await denied(database, lambda s: editing.edit(s, mine.id, {"state": "x"}, secretary, now, 2))
    ).code == "bad_field"
    assert (await do(database, lambda s: editing.edit(s, mine.id, {"title": "Mới"}, secretary, now, 2))).version == 2
    shift = {"starts_at": mine.first_starts_at + timedelta(minutes=190)}  # the new time overlaps only its own old time
    assert (await do(database, lambda s: editing.edit(s, mine.id, shift, secretary, now, 2))).version == 3


@POSTGRESQL_IN_SIM
async def test_a_refused_new_time_keeps_the_approved_time(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await approved(database, province, wish(province, now), now)
    before = await everything(database)
    secretary, approver = province.actor("secretary", "tinh"), province.actor("approver", "tinh")
    later = {"starts_at": meeting.first_starts_at + timedelta(hours=5)}
    waits = await do(database, lambda s: editing.edit(s, meeting.id, later, secretary, now, meeting.version))
    assert (waits.state, waits.first_starts_at) == ("approved", meeting.first_starts_at), "the approved one stands"
    assert waits.sequence == meeting.sequence, "nobody is told"
    back = await do(database, lambda s: deciding.decide(s, meeting.id, False, "Không dời", approver, now))
    assert (back.state, back.number, back.first_starts_at) == ("approved", meeting.number, meeting.first_starts_at)
    after = await everything(database)
    assert after[1:] == before[1:]


async def test_a_waiting_change_reserves_its_new_time_and_hall(
    database: Database, province: Province, now: datetime
) -> None:
    """The change reserves its new time and hall in addition to the approved time and hall. Each is free again when it is not
    needed.
    """
    meeting = await approved(database, province, wish(province, now), now)
    secretary, approver = province.actor("secretary", "tinh"), province.actor("approver", "tinh")
    place = {"hall_ids": (province.halls["tinh"],), "terminal_ids": (province.terminals["tinh"],)}
    later = {"starts_at": meeting.first_starts_at + timedelta(hours=1), **place}
    await do(database, lambda s: editing.edit(s, meeting.id, later, secretary, now, meeting.version))
    old = wish(province, now, chair_id=None, terminal_ids=())
    new = wish(province, now, **later, chair_id=None)
    for other in (old, new):
        said = await denied(database, lambda s, r=other: creation.create(s, r, secretary, now))  # type: ignore[misc]
        assert said.code == "overlap"
    again = await denied(
        database, lambda s: editing.edit(s, meeting.id, {"title": "Khác"}, secretary, now, meeting.version + 1)
    )
    assert again.code == "change_pending"
    for one in (approver, province.actor("operator", "tinh")):
        await do(database, lambda s, a=one: deciding.decide(s, meeting.id, True, "", a, now))  # type: ignore[misc]
    assert (await dates(database, meeting))[0].starts_at == later["starts_at"]
    await make(database, old, secretary, now)
    said = await denied(database, lambda s: creation.create(s, new, secretary, now))
    assert said.code == "overlap"


@POSTGRESQL_IN_SIM
async def test_a_change_is_withdrawn(database: Database, province: Province, now: datetime) -> None:
    meeting = await approved(database, province, wish(province, now), now)
    before = await everything(database)
    secretary = province.actor("secretary", "tinh")
    changes = {"hall_ids": (province.halls["tinh"],), "title": "Tên khác"}
    await do(database, lambda s: editing.edit(s, meeting.id, changes, secretary, now, meeting.version))
    assert await everything(database) != before
    stranger = province.actor("secretary", "khcn")
    assert (await denied(database, lambda s: proposals.withdraw(s, meeting.id, stranger, now))).code in (
        "denied",
        "unknown_meeting",
    )
    await do(database, lambda s: proposals.withdraw(s, meeting.id, secretary, now))
    assert (await everything(database))[1:] == before[1:]
    approver = province.actor("approver", "tinh")
    async with database.reading() as session:
        assert await approval.waiting(session, approver, now) == []
    assert (await denied(database, lambda s: proposals.withdraw(s, meeting.id, secretary, now))).code == (
        "nothing_pending"
    )


@POSTGRESQL_IN_SIM
async def test_a_lapsed_change_keeps_what_was_approved(database: Database, province: Province, now: datetime) -> None:
    meeting = await approved(database, province, wish(province, now), now)
    before = await everything(database)
    later = {"starts_at": meeting.first_starts_at + timedelta(hours=5)}
    secretary = province.actor("secretary", "tinh")
    await do(database, lambda s: editing.edit(s, meeting.id, later, secretary, now, meeting.version))
    await due(database, timing.DEADLINE, now + timedelta(hours=25))
    after = await everything(database)
    assert after[1:] == before[1:]
    assert after[0][0][2] == "approved"


@POSTGRESQL_IN_SIM
async def test_words_are_changed_without_approval(database: Database, province: Province, now: datetime) -> None:
    meeting = await approved(database, province, wish(province, now), now)
    secretary = province.actor("secretary", "tinh")
    changes = {"description": "Nội dung"}
    changed = await do(database, lambda s: editing.edit(s, meeting.id, changes, secretary, now, meeting.version))
    assert (changed.state, changed.description) == ("approved", "Nội dung")
    requester = province.actor("requester", "tinh")
    assert (
        await denied(database, lambda s: editing.edit(s, meeting.id, {"title": "x"}, requester, now, changed.version))
    ).code == "unknown_meeting"


@POSTGRESQL_IN_SIM
async def test_undo_within_a_day(database: Database, province: Province, now: datetime) -> None:
    secretary = province.actor("secretary", "tinh")
    request = wish(province, now, starts_at=now + timedelta(days=6, hours=1), rule=WEEKLY)
    meeting = await make(database, request, secretary, now)
    before = await everything(database)
    assert (await denied(database, lambda s: undoing.undo(s, meeting.id, secretary, now))).code == "nothing_to_undo"
    changes = {
        "starts_at": meeting.first_starts_at + timedelta(days=1),
        "hall_ids": (province.halls["tinh"],),
        "attendees": (),
    }
    await do(database, lambda s: editing.edit(s, meeting.id, changes, secretary, now, 1))
    assert await everything(database) != before
    late = now + timedelta(hours=24)
    assert (await denied(database, lambda s: undoing.undo(s, meeting.id, secretary, late))).code == "nothing_to_undo"
    await do(database, lambda s: undoing.undo(s, meeting.id, secretary, now + timedelta(hours=23)))
    assert (await everything(database))[1:] == before[1:]
    async with database.reading() as session:
        view = await views.meeting_view(session, meeting.id, secretary, now)
        assert len(view.attendees) == 2
        assert view.undo_until is None
        assert view.meeting.version == 3
        assert [one.action for one in await history.changes(session, meeting.id, secretary)] == [
            "undo",
            "edit",
            "create",
        ]


async def test_undo_does_not_take_what_others_have_now(database: Database, province: Province, now: datetime) -> None:
    secretary = province.actor("secretary", "tinh")
    meeting = await make(database, wish(province, now), secretary, now)
    await do(database, lambda s: booking_dates.cancel(s, meeting.id, "not_ready", "", secretary, now))
    await make(database, wish(province, now), secretary, now)
    assert (await denied(database, lambda s: undoing.undo(s, meeting.id, secretary, now))).code == "overlap"


# Cancelling, postponing, running


@POSTGRESQL_IN_SIM
async def test_cancelling_frees_and_undo_takes_again(database: Database, province: Province, now: datetime) -> None:
    meeting = await approved(database, province, wish(province, now), now)
    before = await everything(database)
    secretary = province.actor("secretary", "tinh")
    for code, reason, wrong in (("rain", "", "bad_reason"), ("other", " ", "reason_missing")):
        said = await denied(
            database,
            lambda s, c=code, r=reason: booking_dates.cancel(s, meeting.id, c, r, secretary, now),  # type: ignore[misc]
        )
        assert said.code == wrong
    gone = await do(database, lambda s: booking_dates.cancel(s, meeting.id, "force_majeure", "Bão", secretary, now))
    assert (gone.state, gone.reason_code, gone.sequence) == ("cancelled", "force_majeure", meeting.sequence + 1)
    assert await taken(database) == []
    back = await do(database, lambda s: undoing.undo(s, meeting.id, secretary, now))
    assert back.state == "approved"
    assert (await everything(database))[1:] == before[1:]


async def test_postponing_to_a_time_and_until_further_notice(
    database: Database, province: Province, now: datetime
) -> None:
    secretary = province.actor("secretary", "tinh")
    meeting = await make(database, wish(province, now), secretary, now)
    (date,) = await dates(database, meeting)
    await do(database, lambda s: booking_dates.postpone(s, meeting.id, date.id, "superior_order", "", secretary, now))
    assert (await dates(database, meeting))[0].state == "postponed"
    assert await taken(database) == []
    to = date.starts_at + timedelta(days=5)
    await do(
        database, lambda s: booking_dates.postpone(s, meeting.id, date.id, "superior_order", "", secretary, now, to)
    )
    (moved,) = await dates(database, meeting)
    assert (moved.state, moved.starts_at, moved.original_at, moved.moved) == ("planned", to, date.original_at, True)
    assert len(await taken(database)) == 3, "no terminal of an invited unit before the approval"


async def test_a_running_meeting_can_be_extended_until_the_next(
    database: Database, province: Province, now: datetime
) -> None:
    secretary = province.actor("secretary", "tinh")
    meeting = await approved(database, province, wish(province, now), now)
    (date,) = await dates(database, meeting)
    await make(
        database, wish(province, now, starts_at=date.ends_at + timedelta(minutes=60), chair_id=None), secretary, now
    )
    assert (
        await denied(database, lambda s: booking_dates.extend(s, date.id, 30, secretary, now))
    ).code == "not_running"
    late = date.ends_at - timedelta(minutes=5)
    await do(database, lambda s: ending.opened(s, date.id, date.starts_at))
    await do(database, lambda s: booking_dates.extend(s, date.id, 30, secretary, late))
    said = await denied(database, lambda s: booking_dates.extend(s, date.id, 15, secretary, late))
    assert said.code == "overlap"
    assert "Giao ban tuần" in said.vietnamese
    chair = Actor("account", "chair", person_id=province.people["tinh-1"])
    said = await denied(database, lambda s: booking_dates.extend(s, date.id, 481, chair, late))
    assert said.code == "bad_duration"


@POSTGRESQL_IN_SIM
async def test_a_date_without_participants_is_released(database: Database, province: Province, now: datetime) -> None:
    meeting = await approved(database, province, wish(province, now), now)
    (date,) = await dates(database, meeting)
    assert await due(database, timing.DATES, date.starts_at + timedelta(minutes=29)) == 0
    assert await due(database, timing.DATES, date.starts_at + timedelta(minutes=30)) == 1
    assert (await dates(database, meeting))[0].state == "released"
    assert await taken(database) == []


@POSTGRESQL_IN_SIM
async def test_a_date_is_kept_while_a_hall_waits_for_its_opening(
    database: Database, province: Province, now: datetime
) -> None:
    request = wish(province, now, attendees=(AttendeeRequest(unit_id=province.units["xa1"]),))
    meeting = await approved(database, province, request, now)
    (date,) = await dates(database, meeting)

    async def answers(session: AsyncSession) -> None:
        leg = await planning.came(session, date.id, "terminal-xa1", date.starts_at)
        leg.state = "connected"

    await do(database, answers)
    await due(database, timing.DATES, date.starts_at + timedelta(minutes=30))
    assert (await dates(database, meeting))[0].state == "planned"
    await due(database, timing.DATES, date.ends_at)
    assert (await dates(database, meeting))[0].state == "ended"


async def test_a_date_with_participants_runs_and_ends(database: Database, province: Province, now: datetime) -> None:
    meeting = await approved(database, province, wish(province, now, rule="FREQ=DAILY;COUNT=2"), now)
    first, second = await dates(database, meeting)
    await do(database, lambda s: ending.opened(s, first.id, first.starts_at))
    await due(database, timing.DATES, first.starts_at + timedelta(minutes=30))
    assert (await dates(database, meeting))[0].state == "running"
    await do(database, lambda s: ending.closed(s, first.id, first.ends_at - timedelta(minutes=1)))
    await due(database, timing.DATES, first.ends_at)
    assert (await dates(database, meeting))[0].state == "ended"
    assert await due(database, timing.DATES, second.starts_at + timedelta(minutes=30)) == 1
    assert (await dates(database, meeting))[1].state == "released"


@POSTGRESQL_IN_SIM
async def test_a_preview_warns_of_units_without_a_hall(database: Database, province: Province, now: datetime) -> None:
    """khcn has its own hall terminal, yt has none. An ordinary meeting needs no hall terminal."""
    secretary = province.actor("secretary", "tinh")
    important = wish(province, now, class_="important")
    nowhere = dataclasses.replace(important, hall_ids=(), terminal_ids=())
    said = []
    async with database.reading() as session:
        for request in (important, nowhere, wish(province, now, type_code="internal")):
            said.append((await previews.preview(session, request, secretary, now)).warnings)
    codes = [{one.code for one in warnings} - {"short_notice"} for warnings in said]
    assert codes == [{"units_without_hall"}, {"no_hall"}, set()]
    assert any(one.vi.startswith("1 đơn vị") for one in said[0])


# Series


async def test_a_series_with_clashes(database: Database, province: Province, now: datetime) -> None:
    secretary = province.actor("secretary", "tinh")
    request = wish(province, now, rule=WEEKLY)
    blocking = wish(province, now, starts_at=request.starts_at + timedelta(days=14), chair_id=None, terminal_ids=())
    other = await make(database, blocking, secretary, now)
    async with database.reading() as session:
        shown = await previews.preview(session, request, secretary, now)
    assert (len(shown.dates), shown.clashing, shown.bookable) == (6, 1, False)
    clash = shown.dates[2].clashes[0]
    assert clash.title == "Giao ban tuần"
    assert clash.free_times
    assert clash.equivalent_halls
    said = await refused(database, request, secretary, now)
    assert said.code == "overlap"
    assert said.vietnamese.startswith("Ngày 19/03/2026: Phòng họp tinh-a bận")
    assert said.english.startswith("On 19/03/2026: Phòng họp tinh-a is taken")
    skipping = dataclasses.replace(request, skip_clashes=True)
    async with database.reading() as session:
        assert (await previews.preview(session, skipping, secretary, now)).bookable
    meeting = await make(database, skipping, secretary, now)
    rows = await dates(database, meeting)
    assert [one.state for one in rows] == ["planned", "planned", "skipped", "planned", "planned", "planned"]
    assert "bận" in rows[2].reason
    said = await denied(database, lambda s: booking_dates.rebook(s, rows[2].id, secretary, now))
    assert said.code == "overlap"
    await do(database, lambda s: booking_dates.cancel(s, other.id, "not_ready", "", secretary, now))
    await do(database, lambda s: booking_dates.rebook(s, rows[2].id, secretary, now))
    assert {one.state for one in await dates(database, meeting)} == {"planned"}
    assert (
        await denied(database, lambda s: booking_dates.rebook(s, rows[2].id, secretary, now))
    ).code == "already_booked"


async def test_dates_are_skipped_by_wish_and_on_holidays(database: Database, province: Province, now: datetime) -> None:
    secretary = province.actor("secretary", "tinh")
    start = datetime.fromisoformat("2026-04-16T02:00:00+00:00")
    request = wish(province, now, starts_at=start, rule="FREQ=WEEKLY;COUNT=4")
    assert (await refused(database, request, secretary, now)).code == "day_off"  # 30 April is a holiday
    skip = (local(start).date(),)
    meeting = await make(database, dataclasses.replace(request, skip=skip, skip_clashes=True), secretary, now)
    rows = await dates(database, meeting)
    assert [one.state for one in rows] == ["skipped", "planned", "skipped", "planned"]
    assert "30/04/2026 là ngày nghỉ" in rows[2].reason
    everything_skipped = dataclasses.replace(request, skip=tuple(local(one.original_at).date() for one in rows))
    assert (await refused(database, everything_skipped, secretary, now)).code == "nothing_left"


@POSTGRESQL_IN_SIM
async def test_editing_one_date_of_a_series(database: Database, province: Province, now: datetime) -> None:
    secretary = province.actor("secretary", "tinh")
    meeting = await make(database, wish(province, now, rule=WEEKLY), secretary, now)
    third = (await dates(database, meeting))[2]
    changes: dict[str, Any] = {"starts_at": third.starts_at + timedelta(days=1), "hall_ids": (province.halls["tinh"],)}
    assert (
        await denied(
            database, lambda s: editing.edit(s, meeting.id, {"title": "x"}, secretary, now, 1, "this", third.id)
        )
    ).code == "bad_scope"
    assert (
        await denied(database, lambda s: editing.edit(s, meeting.id, changes, secretary, now, 1, "this", "none"))
    ).code == "unknown_date"
    await do(database, lambda s: editing.edit(s, meeting.id, changes, secretary, now, 1, "this", third.id))
    halls = [row for row in await taken(database) if row[0] == province.halls["tinh"]]
    assert len(halls) == 1
    assert halls[0][1] == third.starts_at + timedelta(days=1, minutes=-15)
    # All other dates move. The date that was changed alone stays at its time.
    shift = {"starts_at": meeting.first_starts_at + timedelta(hours=4)}
    await do(database, lambda s: editing.edit(s, meeting.id, shift, secretary, now, 2))
    rows = await dates(database, meeting)
    assert len(rows) == 6
    assert [local(one.starts_at).hour for one in rows] == [13, 13, 9, 13, 13, 13]
    assert len(await taken(database)) == 19, "the date in the other hall also has the terminal of that hall"


async def test_this_and_following(database: Database, province: Province, now: datetime) -> None:
    meeting = await approved(database, province, wish(province, now, rule=WEEKLY), now)
    operator, rows = province.actor("operator", "tinh"), await dates(database, meeting)
    changes = {"starts_at": rows[2].starts_at + timedelta(hours=4), "title": "Giao ban chiều"}
    waits = await do(
        database,
        lambda s: editing.edit(s, meeting.id, changes, operator, now, meeting.version, "following", rows[2].id),
    )
    assert waits.id == meeting.id
    assert waits.rule == meeting.rule
    for one in (province.actor("approver", "tinh"), operator):
        await do(database, lambda s, a=one: deciding.decide(s, meeting.id, True, "", a, now))  # type: ignore[misc]
    async with database.reading() as session:
        made = (await session.scalars(select(Meeting).where(Meeting.split_from_id == meeting.id))).one()
    assert made.rule == "FREQ=WEEKLY;COUNT=4"
    assert made.state == "approved"
    assert made.number not in (None, meeting.number)
    before, after = await dates(database, meeting), await dates(database, made)
    assert len(before) == 2
    assert len(after) == 4
    assert {local(one.starts_at).hour for one in after} == {13}
    async with database.reading() as session:
        view = await views.meeting_view(session, made.id, operator, now)
        old = await views.meeting_view(session, meeting.id, operator, now)
    assert len(view.attendees) == 2
    assert old.meeting.rule.startswith("FREQ=WEEKLY;UNTIL=20260319T015959Z")
    assert len(await taken(database)) == 24


@POSTGRESQL_IN_SIM
async def test_cancelling_one_date_of_a_series(database: Database, province: Province, now: datetime) -> None:
    secretary = province.actor("secretary", "tinh")
    meeting = await make(database, wish(province, now, rule=WEEKLY), secretary, now)
    rows = await dates(database, meeting)
    still = await do(
        database, lambda s: booking_dates.cancel(s, meeting.id, "not_ready", "", secretary, now, rows[1].id)
    )
    assert still.state == "held"
    assert len(await taken(database)) == 15
    for one in (*rows[:1], *rows[2:]):
        call = partial(
            booking_dates.cancel, meeting_id=meeting.id, reason_code="not_ready", reason="", actor=secretary, now=now
        )
        still = await do(database, partial(call, occurrence_id=one.id))
    assert still.state == "cancelled"
    assert await taken(database) == []


async def test_an_endless_series_is_carried_on(database: Database, province: Province, now: datetime) -> None:
    meeting = await approved(database, province, wish(province, now, rule="FREQ=WEEKLY", skip_clashes=True), now)
    rows = await dates(database, meeting)
    assert len(rows) == 104  # one date a week for 730 days
    later = now + timedelta(days=60)
    for _ in range(2):
        await due(database, timing.HORIZON, later)
    more = await dates(database, meeting)
    assert len(more) == 113
    assert len({one.original_at for one in more}) == 113
    assert more[-1].starts_at > rows[-1].starts_at + timedelta(days=50)


# Class


@POSTGRESQL_IN_SIM
async def test_raising_the_class_shows_who_would_be_dropped(
    database: Database, province: Province, now: datetime
) -> None:
    request = wish(province, now, class_="ordinary", attendees=(AttendeeRequest(guest_name="Bà Khách"),))
    meeting = await make(database, request, province.actor("secretary", "tinh"), now)
    operator = province.actor("operator", "tinh")
    present = [
        Presence("Điện thoại", "phone_browser", invited=True),
        Presence("Hội trường", "hall_terminal", True, True, invited=True),
    ]
    shown = await do(
        database, lambda s: class_changes.raise_class(s, meeting.id, "important", operator, now, present, preview=True)
    )
    assert not shown.applied
    assert [one.label for one in shown.dropped] == ["Điện thoại"]
    assert [one.label for one in shown.excluded] == ["Bà Khách"]
    raised = await do(database, lambda s: class_changes.raise_class(s, meeting.id, "important", operator, now, present))
    assert raised.applied
    assert raised.meeting.class_ == "important"
    assert raised.meeting.lobby
    assert (
        await denied(database, lambda s: undoing.undo(s, meeting.id, province.actor("secretary", "tinh"), now))
    ).code == "nothing_to_undo"
    assert (
        await denied(database, lambda s: class_changes.raise_class(s, meeting.id, "secret", operator, now))
    ).code == "state_secret"
    assert (
        await denied(database, lambda s: class_changes.raise_class(s, meeting.id, "important", operator, now))
    ).code == "not_raised"


async def test_lowering_is_for_the_head_with_a_reason(database: Database, province: Province, now: datetime) -> None:
    meeting = await make(database, wish(province, now), province.actor("secretary", "vp"), now)
    operator, secretary = province.actor("operator", "tinh"), province.actor("secretary", "vp")
    head = dataclasses.replace(secretary, person_id=province.people["vp-1"])
    for actor in (operator, secretary):
        said = await denied(
            database,
            lambda s, a=actor: class_changes.lower_class(s, meeting.id, "ordinary", "vì", a, now),  # type: ignore[misc]
        )
        assert said.code == "denied"
    assert (
        await denied(database, lambda s: class_changes.lower_class(s, meeting.id, "ordinary", " ", head, now))
    ).code == "reason_missing"
    lowered = await do(
        database, lambda s: class_changes.lower_class(s, meeting.id, "ordinary", "Có người ở nhà", head, now)
    )
    assert lowered.meeting.class_ == "ordinary"
    approver = province.actor("approver", "vp")
    await do(database, lambda s: class_changes.raise_class(s, meeting.id, "important", approver, now))
    await do(database, lambda s: class_changes.lower_class(s, meeting.id, "ordinary", "Như trên", approver, now))


# Precedence


@POSTGRESQL_IN_SIM
async def test_only_an_operator_moves_a_lower_meeting(database: Database, province: Province, now: datetime) -> None:
    lower = wish(province, now, host_unit_id=province.units["yt"], type_code="briefing", chair_id=None)
    other = await make(database, lower, province.actor("secretary", "yt"), now)
    (date,) = await dates(database, other)
    higher = wish(province, now, type_code="session", title="Phiên họp UBND")
    operator, secretary = province.actor("operator", "tinh"), province.actor("secretary", "tinh")
    assert (await refused(database, higher, operator, now)).code == "overlap"  # no meeting moves automatically
    moves = {date.id: date.starts_at + timedelta(days=1)}
    assert (
        await denied(database, lambda s: precedence.displace(s, higher, moves, "Chỉ đạo", secretary, now))
    ).code == "denied"
    said = await denied(database, lambda s: precedence.displace(s, higher, {}, "Chỉ đạo", operator, now))
    assert said.code == "move_missing"
    assert said.troubles[0].where == date.id
    done = await do(database, lambda s: precedence.displace(s, higher, moves, "Chỉ đạo", operator, now))
    (moved,) = done.moved
    assert (moved.title, moved.unit, moved.was, moved.to) == (
        "Giao ban tuần",
        "Sở Y tế",
        date.starts_at,
        moves[date.id],
    )
    assert (await dates(database, other))[0].starts_at == moves[date.id]
    back = dataclasses.replace(lower, title="Lại")
    said = await denied(database, lambda s: precedence.displace(s, back, {(done.meeting.id): None}, "x", operator, now))
    assert said.code == "move_missing"
    (mine,) = await dates(database, done.meeting)
    said = await denied(database, lambda s: precedence.displace(s, back, {mine.id: None}, "x", operator, now))
    assert said.code == "precedence_too_low"


@POSTGRESQL_IN_SIM
async def test_the_order_of_tiers_can_be_set(database: Database, province: Province, now: datetime) -> None:
    commune = wish(
        province,
        now,
        host_unit_id=province.units["xa1"],
        hall_ids=(province.halls["xa1"],),
        terminal_ids=(),
        chair_id=None,
    )
    await make(
        database,
        wish(province, now, hall_ids=(province.halls["xa1"],), terminal_ids=(), chair_id=None),
        province.actor("secretary", "vp"),
        now,
    )
    operator = province.actor("operator", "tinh")
    async with database.reading() as session:
        (date,) = await session.scalars(select(Occurrence))
    said = await denied(database, lambda s: precedence.displace(s, commune, {date.id: None}, "x", operator, now))
    assert said.code == "precedence_too_low"

    async def set_order(session: AsyncSession) -> None:
        session.add(Setting(name="precedence", value={"tiers": {"1": 3000, "3": 0}}))

    await database.transact(set_order)
    done = await do(database, lambda s: precedence.displace(s, commune, {date.id: None}, "Bão", operator, now))
    assert done.moved[0].to is None
