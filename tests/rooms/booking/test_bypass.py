"""Tests that no way leads around an approval, around the class or around the old booking. On both databases."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from rooms import limits
from rooms.booking.changes import approval, class_changes, creation, deciding, editing, ending, precedence, undoing
from rooms.booking.changes import dates as booking_dates
from rooms.booking.meeting import timing
from rooms.booking.planning import templates
from rooms.booking.planning.requests import AttendeeRequest, as_json
from rooms.booking.rules import settings
from rooms.errors import Refusal
from rooms.meetings import entry, views
from rooms.store.database import Database
from rooms.store.tables.booking import Proposal, Reservation
from rooms.store.tables.meetings import Meeting
from tests.rooms.booking.test_creation import make, wish
from tests.rooms.booking.test_life import WEEKLY, approved, dates, denied, do, due, everything, taken
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province


async def reread(database: Database, meeting: Meeting) -> Meeting:
    async with database.reading() as session:
        return await session.get_one(Meeting, meeting.id)


# Class


async def test_a_refused_change_does_not_lower_the_class(database: Database, province: Province, now: datetime) -> None:
    meeting = await approved(database, province, wish(province, now, class_="ordinary", lobby=False), now)
    secretary, approver = province.actor("secretary", "tinh"), province.actor("approver", "tinh")
    later = {"starts_at": meeting.first_starts_at + timedelta(hours=5)}
    await do(database, lambda s: editing.edit(s, meeting.id, later, secretary, now, meeting.version))
    await do(database, lambda s: class_changes.raise_class(s, meeting.id, "important", secretary, now))
    back = await do(database, lambda s: deciding.decide(s, meeting.id, False, "Không dời", approver, now))
    assert (back.state, back.first_starts_at) == ("approved", meeting.first_starts_at)
    assert (back.class_, back.lobby) == ("important", True)


async def test_undoing_a_lowering_raises_again(database: Database, province: Province, now: datetime) -> None:
    meeting = await approved(database, province, wish(province, now), now)
    approver, secretary = province.actor("approver", "tinh"), province.actor("secretary", "tinh")
    await do(database, lambda s: class_changes.lower_class(s, meeting.id, "ordinary", "Mời rộng hơn", approver, now))
    assert (await do(database, lambda s: undoing.undo(s, meeting.id, secretary, now))).class_ == "important"


# Approval


async def waits(database: Database, meeting: Meeting) -> bool:
    """Report whether a change waits for approval. The meeting itself must be approved."""
    assert (await reread(database, meeting)).state == "approved"
    async with database.reading() as session:
        return await approval.pending(session, meeting.id) is not None


@POSTGRESQL_IN_SIM
async def test_a_date_postponed_to_a_new_time_needs_a_new_approval(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await approved(database, province, wish(province, now), now)
    before = await everything(database)
    secretary, approver = province.actor("secretary", "tinh"), province.actor("approver", "tinh")
    (date,) = await dates(database, meeting)
    to = date.starts_at + timedelta(days=5)
    await do(database, lambda s: booking_dates.postpone(s, meeting.id, date.id, "not_ready", "", secretary, now, to))
    assert await waits(database, meeting)
    assert (await dates(database, meeting))[0].starts_at == date.starts_at
    back = await do(database, lambda s: deciding.decide(s, meeting.id, False, "Giữ ngày cũ", approver, now))
    assert back.state == "approved"
    assert not await waits(database, meeting)
    assert (await everything(database))[1:] == before[1:]


@POSTGRESQL_IN_SIM
async def test_a_new_time_of_a_date_waits_while_the_series_holds(
    database: Database, province: Province, now: datetime
) -> None:
    """A later date is postponed while another date runs. A refusal changes nothing. An approval moves the date."""
    secretary = province.actor("secretary", "tinh")
    approver, operator = province.actor("approver", "tinh"), province.actor("operator", "tinh")
    meeting = await approved(database, province, wish(province, now, rule=WEEKLY), now)
    first, second, *_ = await dates(database, meeting)
    at = first.starts_at + timedelta(minutes=5)
    await do(database, lambda s: ending.opened(s, first.id, first.starts_at))
    to = second.starts_at + timedelta(days=1)
    why = ("force_majeure", "Bão số 9")
    put_off = lambda s: booking_dates.postpone(s, meeting.id, second.id, *why, secretary, at, to)  # noqa: E731
    for answer in (False, True):
        before = await dates(database, meeting)
        said = await do(database, put_off)
        assert (said.state, said.number) == ("approved", meeting.number)
        kept = await dates(database, meeting)
        assert [(one.starts_at, one.state) for one in kept] == [(one.starts_at, one.state) for one in before]
        assert any(start <= to < end for _, start, end in await taken(database)), "the new time is held for it"
        async with database.reading() as session:
            entered = await entry.by_number(session, meeting.number or "", meeting.pin, "Khách", at)
            view = await views.meeting_view(session, meeting.id, secretary, at)
        assert entered.occurrence.id == first.id
        assert view.proposal is not None
        assert "Bão số 9" in view.proposal.summary
        await do(database, lambda s, yes=answer: deciding.decide(s, meeting.id, yes, "Giữ lịch", approver, at))  # type: ignore[misc]
    await do(database, lambda s: deciding.decide(s, meeting.id, True, "", operator, at))
    moved = next(one for one in await dates(database, meeting) if one.id == second.id)
    assert (moved.starts_at, moved.state, moved.reason_code, moved.reason) == (to, "planned", *why)
    running = next(one for one in await dates(database, meeting) if one.id == first.id)
    assert running.state == "running"


async def test_a_series_that_gives_way_on_one_date_keeps_the_others(
    database: Database, province: Province, now: datetime
) -> None:
    """The date is cancelled immediately, because the higher meeting needs its hall. Its new time waits for approval. Users can
    join the other dates.
    """
    lower = wish(province, now, host_unit_id=province.units["yt"], chair_id=None, rule=WEEKLY, submit=True)
    other = await make(database, lower, province.actor("secretary", "yt"), now)
    approver, system = province.actor("approver", "yt"), province.actor("operator", "tinh")
    await do(database, lambda s: deciding.decide(s, other.id, True, "", approver, now))
    other = await do(database, lambda s: deciding.decide(s, other.id, True, "", system, now))
    assert other.state == "approved"
    first, second, *_ = await dates(database, other)
    higher = wish(
        province, now, type_code="session", title="Phiên họp UBND", class_="important", starts_at=second.starts_at
    )
    at = first.starts_at + timedelta(minutes=5)
    await do(database, lambda s: ending.opened(s, first.id, first.starts_at))
    to = second.starts_at + timedelta(days=1)
    admin = province.actor("admin", "tinh")  # an admin may move the date, but may not approve for the system
    done = await do(database, lambda s: precedence.displace(s, higher, {second.id: to}, "Chỉ đạo", admin, at))
    assert done.moved[0].to == to
    async with database.reading() as session:
        stands = await session.get_one(Meeting, other.id)
        entered = await entry.by_number(session, other.number or "", other.pin, "Khách", at)
        proposal = (await session.scalars(select(Proposal).where(Proposal.meeting_id == other.id))).all()
    assert (stands.state, entered.occurrence.id) == ("approved", first.id)
    assert [(one.occurrence_id, one.state) for one in proposal] == [(second.id, "waiting")]
    by_id = {one.id: one for one in await dates(database, other)}
    assert (by_id[second.id].state, by_id[second.id].reason) == ("postponed", "Chỉ đạo")
    await do(database, lambda s: deciding.decide(s, other.id, True, "", approver, at))
    await do(database, lambda s: deciding.decide(s, other.id, True, "", system, at))
    by_id = {one.id: one for one in await dates(database, other)}
    assert (by_id[second.id].state, by_id[second.id].starts_at) == ("planned", to)
    assert by_id[first.id].state == "running"


@POSTGRESQL_IN_SIM
async def test_an_open_ended_postponement_needs_no_approval(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await approved(database, province, wish(province, now), now)
    secretary = province.actor("secretary", "tinh")
    (date,) = await dates(database, meeting)
    await do(database, lambda s: booking_dates.postpone(s, meeting.id, date.id, "not_ready", "", secretary, now))
    assert (await reread(database, meeting)).state == "approved"


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize(
    ("mode", "halls", "alone"),
    [("halls", True, False), ("halls", False, True), ("always", False, False), ("never", True, True)],
)
async def test_an_operator_needs_approval_where_two_must_decide(
    database: Database, province: Province, now: datetime, mode: str, halls: bool, alone: bool
) -> None:
    """An operator changes an approved meeting without approval only if the meeting does not need two approvers. Otherwise the
    change waits for the leadership and then for an operator. Until then the meeting keeps its old date.
    """
    operator, admin = province.actor("operator", "tinh"), province.actor("admin", "tinh")
    await do(database, lambda s: settings.set_value(s, "approval", {"four_eyes": mode}, admin, now, 0))
    bare: dict[str, Any] = (
        {} if halls else {"hall_ids": (), "terminal_ids": (), "class_": "ordinary", "connect": "dial_in"}
    )
    meeting = await approved(database, province, wish(province, now, **bare), now)
    (date,) = await dates(database, meeting)
    to = date.starts_at + timedelta(days=5)
    await do(database, lambda s: booking_dates.postpone(s, meeting.id, date.id, "not_ready", "", operator, now, to))
    assert await waits(database, meeting) is not alone
    if alone:
        return
    said = await denied(database, lambda s: deciding.decide(s, meeting.id, True, "", operator, now))
    assert said.code == "denied"  # the first step belongs to the leadership
    refusing = province.actor("approver", "tinh")
    await do(database, lambda s: deciding.decide(s, meeting.id, False, "Giữ ngày cũ", refusing, now))
    (again,) = await dates(database, meeting)
    assert (await reread(database, meeting)).state == "approved"
    assert again.starts_at == date.starts_at


async def test_words_of_a_hall_booking_change_without_asking(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await approved(database, province, wish(province, now, connect="dial_in"), now)
    operator = province.actor("operator", "tinh")
    changes = {"description": "Nội dung khác"}
    await do(database, lambda s: editing.edit(s, meeting.id, changes, operator, now, meeting.version))
    assert (await reread(database, meeting)).state == "approved"
    fewer = {"attendees": (AttendeeRequest(unit_id=province.units["xa1"]),)}
    version = (await reread(database, meeting)).version
    await do(database, lambda s: editing.edit(s, meeting.id, fewer, operator, now, version))
    assert (await reread(database, meeting)).state == "approved"  # the operator decides about capacity
    thing = {"hall_ids": (province.halls["tinh"],)}
    later = (await reread(database, meeting)).version
    await do(database, lambda s: editing.edit(s, meeting.id, thing, operator, now, later))
    async with database.reading() as session:
        view = await views.meeting_view(session, meeting.id, operator, now)
    assert view.proposal is not None
    assert view.proposal.names == ["hall_ids"]
    assert [one.resource_id for one in view.wanted if one.kind == "hall"] == [province.halls["tinh-a"]]


@POSTGRESQL_IN_SIM
async def test_a_requester_cannot_postpone_an_approved_meeting(
    database: Database, province: Province, now: datetime
) -> None:
    requester, desk = province.actor("requester", "vp"), province.actor("secretary", "vp")
    meeting = await make(database, wish(province, now, submit=True), requester, now)
    for step in (province.actor("approver", "vp"), province.actor("operator", "tinh")):
        await do(database, lambda s, a=step: deciding.decide(s, meeting.id, True, "", a, now))  # type: ignore[misc]
    (date,) = await dates(database, meeting)
    to = date.starts_at + timedelta(days=5)
    said = await denied(
        database, lambda s: booking_dates.postpone(s, meeting.id, date.id, "not_ready", "", requester, now, to)
    )
    assert said.code == "denied"
    await do(database, lambda s: booking_dates.postpone(s, meeting.id, date.id, "superior_order", "", desk, now))
    assert (await denied(database, lambda s: undoing.undo(s, meeting.id, requester, now))).code == "denied"
    assert (await denied(database, lambda s: booking_dates.rebook(s, date.id, requester, now))).code == "denied"
    async with database.reading() as session:
        can = (await views.meeting_view(session, meeting.id, requester, now)).can
        assert not {"undo", "postpone"} & set(can)
        assert {"undo", "postpone"} <= set((await views.meeting_view(session, meeting.id, desk, now)).can)
    await do(database, lambda s: undoing.undo(s, meeting.id, desk, now))
    await do(database, lambda s: booking_dates.cancel(s, meeting.id, "not_ready", "", requester, now))
    back = await do(database, lambda s: undoing.undo(s, meeting.id, requester, now))  # the requester made this change
    assert back.state == "approved"


async def test_a_change_of_the_type_needs_a_new_approval(database: Database, province: Province, now: datetime) -> None:
    request = wish(province, now, type_code="internal", class_="ordinary", hall_ids=(), terminal_ids=(), attendees=())
    secretary = province.actor("secretary", "vp")
    meeting = await make(database, request, secretary, now)
    assert meeting.state == "approved"
    changes = {"type_code": "session"}
    waits = await do(database, lambda s: editing.edit(s, meeting.id, changes, secretary, now, meeting.version))
    assert (waits.state, waits.type_code) == ("approved", "internal")
    for one in (province.actor("approver", "vp"), province.actor("operator", "tinh")):
        await do(database, lambda s, a=one: deciding.decide(s, meeting.id, True, "", a, now))  # type: ignore[misc]
    assert (await reread(database, meeting)).type_code == "session"


# Old booking


@POSTGRESQL_IN_SIM
async def test_a_refused_split_gives_its_dates_back(database: Database, province: Province, now: datetime) -> None:
    meeting, made = await split(database, province, now)
    before = await dates(database, meeting)
    approver = province.actor("approver", "tinh")
    gone = await do(database, lambda s: deciding.decide(s, made.id, False, "Không đổi", approver, now))
    assert gone.state == "refused"
    after = await dates(database, meeting)
    assert len(before) == 2
    assert len(after) == 6
    assert {one.state for one in after} == {"planned"}
    assert (await reread(database, meeting)).rule == WEEKLY
    async with database.reading() as session:
        held = await session.scalars(select(Reservation).where(Reservation.active, Reservation.kind == "hall"))
        assert sorted(one.occurrence_id for one in held) == sorted(one.id for one in after)


async def test_a_lapsed_split_gives_its_dates_back(database: Database, province: Province, now: datetime) -> None:
    meeting, made = await split(database, province, now)
    await due(database, timing.DEADLINE, now + timedelta(hours=25))
    assert (await reread(database, made)).state == "expired"
    assert [one.state for one in await dates(database, meeting)] == ["planned"] * 6


async def test_a_refused_split_skips_dates_that_are_taken_meanwhile(
    database: Database, province: Province, now: datetime
) -> None:
    meeting, made = await split(database, province, now)
    third = meeting.first_starts_at + timedelta(weeks=2)
    await make(database, wish(province, now, starts_at=third), province.actor("secretary", "tinh"), now)
    approver = province.actor("approver", "tinh")
    await do(database, lambda s: deciding.decide(s, made.id, False, "Không đổi", approver, now))
    after = await dates(database, meeting)
    assert [one.state for one in after] == ["planned", "planned", "skipped", "planned", "planned", "planned"]
    assert after[2].reason
    assert "Giao ban" not in after[2].reason


async def split(database: Database, province: Province, now: datetime) -> tuple[Meeting, Meeting]:
    """Return a series of six dates and the split from its third date. The last four dates are requested five hours later,
    before the series is approved.
    """
    secretary = province.actor("secretary", "tinh")
    meeting = await make(database, wish(province, now, rule=WEEKLY, submit=True), secretary, now)
    third = (await dates(database, meeting))[2]
    changes: dict[str, Any] = {"starts_at": third.starts_at + timedelta(hours=5)}
    given = (changes, secretary, now, meeting.version, "following", third.id)
    made = await do(database, lambda s: editing.edit(s, meeting.id, *given))  # type: ignore[arg-type]
    assert made.id != meeting.id
    assert made.state == "asked"
    for one in (province.actor("approver", "tinh"), province.actor("operator", "tinh")):
        await do(database, lambda s, a=one: deciding.decide(s, meeting.id, True, "", a, now))  # type: ignore[misc]
    return meeting, made


@POSTGRESQL_IN_SIM
async def test_calling_off_a_series_leaves_the_date_that_is_on(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await approved(database, province, wish(province, now, rule=WEEKLY), now)
    first = (await dates(database, meeting))[0]
    during = first.starts_at + timedelta(minutes=30)
    await do(database, lambda s: ending.opened(s, first.id, during))
    secretary = province.actor("secretary", "tinh")
    await do(database, lambda s: booking_dates.cancel(s, meeting.id, "not_ready", "", secretary, during))
    assert {row[0] for row in await taken(database)} == {
        province.halls["tinh-a"],
        province.terminals["tinh-a"],
        province.terminals["khcn"],
        province.people["tinh-1"],
    }
    other = wish(province, now, starts_at=during + timedelta(minutes=30), chair_id=None, terminal_ids=())
    assert (await denied(database, lambda s: creation.create(s, other, secretary, during))).code == "overlap"


# Four eyes


@POSTGRESQL_IN_SIM
async def test_one_person_cannot_decide_both_approval_steps(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await make(database, wish(province, now, submit=True), province.actor("secretary", "tinh"), now)
    approver, operator = province.actor("approver", "tinh"), province.actor("operator", "tinh")
    both = dataclasses.replace(approver, roles=approver.roles + operator.roles)
    await do(database, lambda s: deciding.decide(s, meeting.id, True, "", both, now))
    async with database.reading() as session:
        assert await approval.waiting(session, both, now) == []
        assert "decide" not in (await views.meeting_view(session, meeting.id, both, now)).can
    said = await denied(database, lambda s: deciding.decide(s, meeting.id, True, "", both, now))
    assert said.code == "four_eyes"
    assert (await do(database, lambda s: deciding.decide(s, meeting.id, True, "", operator, now))).state == "approved"


async def test_four_eyes_can_be_set(database: Database, province: Province, now: datetime) -> None:
    admin = province.actor("admin", "tinh")
    approver, operator = province.actor("approver", "tinh"), province.actor("operator", "tinh")
    both = dataclasses.replace(approver, roles=approver.roles + operator.roles)
    bare = wish(province, now, submit=True, hall_ids=(), terminal_ids=(), chair_id=None, connect="dial_in")
    secretary = province.actor("secretary", "tinh")

    async def decided(mode: str, version: int, request: Any) -> str:
        if version >= 0:
            value = {"four_eyes": mode}
            await do(database, lambda s: settings.set_value(s, "approval", value, admin, now, version))
        meeting = await make(database, request, secretary, now)
        await do(database, lambda s: deciding.decide(s, meeting.id, True, "", both, now))
        try:
            return (await do(database, lambda s: deciding.decide(s, meeting.id, True, "", both, now))).state
        except Refusal as refusal:
            return refusal.code

    assert await decided("", -1, bare) == "approved"
    assert await decided("always", 0, bare) == "four_eyes"
    hall = wish(province, now, submit=True, terminal_ids=(), chair_id=None)
    assert await decided("never", 1, hall) == "approved"
    for wrong in ({"four_eyes": "sometimes"}, {}, {"four_eyes": "never", "x": 1}, {"tiers": {"0": 1}}):
        said = await denied(
            database,
            lambda s, v=wrong: settings.set_value(s, "approval", v, admin, now, 2),  # type: ignore[misc]
        )
        assert said.code == "bad_setting"


# Templates


@POSTGRESQL_IN_SIM
async def test_templates_keep_only_booking_fields(
    database: Database, province: Province, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    secretary, unit = province.actor("secretary", "tinh"), province.units["tinh"]
    good = as_json(wish(province, now))
    for wrong in ({"class_": "Mật"}, {"class_": ["secret"]}, {"description": "x" * limits.KEPT_CHARACTERS}):
        said = await denied(
            database,
            lambda s, w=wrong: templates.save_template(s, unit, "x", good | w, secretary, now),  # type: ignore[misc]
        )
        assert said.code == "bad_template"
    more = good | {"note": "ghi chú", "class": "secret"}
    kept = await do(database, lambda s: templates.save_template(s, unit, "x", more, secretary, now))
    assert not {"note", "class", "starts_at"} & kept.request.keys()
    monkeypatch.setattr(limits, "KEPT_EACH", 1)
    # saving the same template again is allowed
    await do(database, lambda s: templates.save_template(s, unit, "x", good, secretary, now))
    said = await denied(database, lambda s: templates.save_template(s, unit, "y", good, secretary, now))
    assert said.code == "too_many"


# Undo


async def test_undoing_a_cancellation_asks_again(database: Database, province: Province, now: datetime) -> None:
    secretary, approver = province.actor("secretary", "tinh"), province.actor("approver", "tinh")
    meeting = await make(database, wish(province, now, submit=True), secretary, now)
    await do(database, lambda s: booking_dates.cancel(s, meeting.id, "not_ready", "", secretary, now))
    assert (await do(database, lambda s: undoing.undo(s, meeting.id, secretary, now))).state == "asked"
    async with database.reading() as session:
        assert [one.meeting.id for one in await approval.waiting(session, approver, now)] == [meeting.id]
    await do(database, lambda s: deciding.decide(s, meeting.id, True, "", approver, now))
    assert await due(database, timing.DEADLINE, now + timedelta(hours=25)) > 0
    assert (await reread(database, meeting)).state == "expired"
    assert await taken(database) == []


@POSTGRESQL_IN_SIM
async def test_an_expired_hold_cannot_be_restored_by_undo(
    database: Database, province: Province, now: datetime
) -> None:
    secretary = province.actor("secretary", "tinh")
    far = wish(province, now, starts_at=now + timedelta(days=7, hours=1))
    meeting = await make(database, far, secretary, now)
    early, late = now + timedelta(hours=40), now + timedelta(hours=50)
    await do(database, lambda s: booking_dates.cancel(s, meeting.id, "not_ready", "", secretary, early))
    await due(database, timing.HOLD, late)
    assert (await denied(database, lambda s: undoing.undo(s, meeting.id, secretary, late))).code == "hold_expired"


# One request sent twice


async def test_the_same_key_displaces_once(database: Database, province: Province, now: datetime) -> None:
    lower = wish(province, now, hall_ids=(province.halls["xa1"],), terminal_ids=(), chair_id=None, type_code="internal")
    lower = dataclasses.replace(lower, host_unit_id=province.units["xa1"])
    first = await make(database, lower, province.actor("secretary", "xa1"), now)
    (date,) = await dates(database, first)
    higher = wish(province, now, hall_ids=(province.halls["xa1"],), terminal_ids=(), chair_id=None)
    operator = province.actor("operator", "tinh")

    async def displaced() -> precedence.Displaced:
        return await do(
            database, lambda s: precedence.displace(s, higher, {date.id: None}, "Bão", operator, now, "key-1")
        )

    made = await displaced()
    before = await everything(database)
    again = await displaced()
    assert again == precedence.Displaced(again.meeting, made.moved)
    assert again.meeting.id == made.meeting.id
    assert await everything(database) == before


# A series that moves to another day


async def test_another_weekday_keeps_the_decisions_on_single_dates(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await approved(database, province, wish(province, now, rule="FREQ=WEEKLY;COUNT=4"), now)
    operator = province.actor("operator", "tinh")
    _, second, third, _ = await dates(database, meeting)
    by_hand = {"starts_at": second.starts_at + timedelta(hours=3), "hall_ids": (province.halls["tinh"],)}
    given = (by_hand, operator, now, meeting.version, "this", second.id)

    async def agree() -> None:
        for one in (province.actor("approver", "tinh"), operator):
            await do(database, lambda s, a=one: deciding.decide(s, meeting.id, True, "", a, now))  # type: ignore[misc]

    await do(database, lambda s: editing.edit(s, meeting.id, *given))  # type: ignore[arg-type]
    await agree()
    await do(database, lambda s: booking_dates.cancel(s, meeting.id, "not_ready", "Chưa xong", operator, now, third.id))
    before, version = await everything(database), (await reread(database, meeting)).version
    first = meeting.first_starts_at + timedelta(days=1)
    await do(database, lambda s: editing.edit(s, meeting.id, {"starts_at": first}, operator, now, version))
    await agree()
    after = sorted(await dates(database, meeting), key=lambda one: one.original_at)
    assert [one.original_at for one in after] == [first + timedelta(weeks=n) for n in range(4)]
    assert [one.state for one in after] == ["planned", "planned", "cancelled", "planned"]
    assert (after[1].starts_at, after[1].moved) == (by_hand["starts_at"], True)
    assert (after[2].starts_at, after[2].reason) == (after[2].original_at, "Chưa xong")
    async with database.reading() as session:
        rows = await session.scalars(select(Reservation).where(Reservation.active, Reservation.kind == "hall"))
        halls = {one.occurrence_id: one.resource_id for one in rows}
    small, large = province.halls["tinh-a"], province.halls["tinh"]
    assert halls == {after[0].id: small, after[1].id: large, after[3].id: small}
    await do(database, lambda s: undoing.undo(s, meeting.id, operator, now))
    assert (await everything(database))[1:] == before[1:]
