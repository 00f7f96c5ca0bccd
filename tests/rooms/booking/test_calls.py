"""The call list of a date: the terminals that the server calls, and the invited units and people without a terminal."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from rooms.booking.changes import creation, deciding, editing
from rooms.booking.meeting import call_list as calls
from rooms.booking.meeting.call_list import Device, Gap, Party, call_list
from rooms.booking.planning import previews
from rooms.booking.planning.requests import AttendeeRequest, Request
from rooms.dialling import entering, legs, planning
from rooms.errors import Refusal
from rooms.meetings import views
from rooms.policy.actors import COMMAND
from rooms.sites import halls
from rooms.store.database import Database
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.sites import Hall, Terminal
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province


def device(id_: str, site: str, hall: str | None, main: bool = False, dialled: bool = True) -> Device:
    return Device(id_, id_, site, hall, main, dialled, True)


def called(found: calls.CallList) -> list[str]:
    return [one.id for one in found.called]


def test_only_the_terminal_of_a_booked_hall_is_called() -> None:
    there = [device("a", "s", "a-hall"), device("b", "s", "b-hall"), device("c", "s", None)]
    assert called(call_list({"b-hall": "s"}, [], [], there)) == ["b"]


def test_a_unit_in_its_booked_hall_adds_no_second_terminal() -> None:
    there = [device("a", "s", "a-hall", main=True), device("b", "s", "b-hall")]
    assert called(call_list({"b-hall": "s"}, [Party("unit", "s")], [], there)) == ["b"]


def test_a_unit_is_called_in_its_main_hall_or_in_the_only_one() -> None:
    only = [device("a", "s", "a-hall")]
    two = [*only, device("b", "s", "b-hall")]
    main = [*only, device("b", "s", "b-hall", main=True)]
    assert called(call_list({}, [Party("unit", "s")], [], only)) == ["a"]
    assert called(call_list({}, [Party("unit", "s")], [], main)) == ["b"]
    undecided = call_list({}, [Party("unit", "s")], [], two)
    assert called(undecided) == []
    assert undecided.gaps == (Gap("unit", "unit", "many_halls"),)


def test_halls_and_units_without_a_terminal_are_marked() -> None:
    found = call_list({"hall": "s"}, [Party("one", "t"), Party("two", None)], [], [])
    assert found.gaps == (
        Gap("hall", "hall", "no_terminal"),
        Gap("unit", "one", "no_terminal"),
        Gap("unit", "two", "no_terminal"),
    )


def test_a_terminal_is_listed_once_and_can_be_excluded() -> None:
    there = [device("a", "s", "a-hall"), device("b", "t", None)]
    found = call_list({"a-hall": "s"}, [], ["a", "b", "gone"], there, out=["b"])
    assert [(one.device.id, one.why, one.out) for one in found.lines] == [("a", "hall", False), ("b", "added", True)]
    assert called(found) == ["a"]


def test_a_dial_in_terminal_is_called_only_if_it_was_added() -> None:
    there = [device("a", "s", "a-hall", dialled=False)]
    found = call_list({"a-hall": "s"}, [], [], there)
    assert [one.device.id for one in found.lines] == ["a"]
    assert called(found) == []
    assert called(call_list({}, [], ["a"], there)) == ["a"]


def test_only_one_of_two_terminals_in_a_hall_is_called() -> None:
    there = [device("a", "s", "hall", dialled=False), device("b", "s", "hall"), device("c", "s", "hall")]
    assert called(call_list({"hall": "s"}, [], [], there)) == ["b"]


# Stored meetings


def wish(province: Province, now: datetime, **changes: Any) -> Request:
    given: dict[str, Any] = {
        "title": "Giao ban",
        "type_code": "briefing",
        "class_": "ordinary",
        "host_unit_id": province.units["tinh"],
        "starts_at": now + timedelta(days=1),
        "duration_min": 60,
        "hall_ids": (province.halls["tinh-a"],),
        "attendees": (AttendeeRequest(unit_id=province.units["xa1"]), AttendeeRequest(unit_id=province.units["xa2"])),
        "submit": True,
        "urgent_reason": "Họp đột xuất",
    }
    return Request(**{**given, **changes})


async def approved(database: Database, province: Province, now: datetime, **changes: Any) -> Meeting:
    """Book a meeting as a secretary, and approve it by the two steps."""
    made = (
        await creation.book(database, wish(province, now, **changes), province.actor("secretary", "tinh"), now)
    ).meeting
    if made.state == "approved":
        return made
    for role in ("approver", "operator"):
        actor = province.actor(role, "tinh")
        await database.transact(
            partial(deciding.decide, meeting_id=made.id, approve_=True, reason="", actor=actor, now=now)
        )
    async with database.reading() as session:
        return await session.get_one(Meeting, made.id)


async def legs_at(database: Database, meeting: Meeting, now: datetime) -> set[str]:
    """Return the terminals that the server calls at the start. It only watches those that dial in."""
    at = meeting.first_starts_at
    await database.transact(lambda session: planning.plan(session, at))
    async with database.reading() as session:
        found = await session.scalars(
            select(DialLeg.terminal_id)
            .join(Occurrence, Occurrence.id == DialLeg.occurrence_id)
            .where(Occurrence.meeting_id == meeting.id, DialLeg.asked_by != planning.WATCH)
        )
        return set(found)


async def test_a_hall_that_was_booked_by_the_defaults_is_called(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await approved(database, province, now)
    assert await legs_at(database, meeting, now) == {province.terminals["tinh-a"], province.terminals["xa1"]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"connect": "dial_in"}, set()),
        ({"uncalled_ids": ("terminal-xa1",)}, {"terminal-tinh-a"}),
        ({"hall_ids": (), "attendees": (), "terminal_ids": ("terminal-khcn",)}, {"terminal-khcn"}),
    ],
    ids=["they dial in", "one is taken out", "one was added by hand"],
)
async def test_what_the_secretary_says_counts(
    database: Database, province: Province, now: datetime, changes: dict[str, Any], expected: set[str]
) -> None:
    assert province.terminals["xa1"] == "terminal-xa1"
    assert await legs_at(database, await approved(database, province, now, **changes), now) == expected


@POSTGRESQL_IN_SIM
async def test_another_value_of_connect_is_refused(database: Database, province: Province, now: datetime) -> None:
    with pytest.raises(Refusal) as refused:
        await creation.book(database, wish(province, now, connect="dial"), province.actor("secretary", "tinh"), now)
    assert refused.value.code == "bad_connect"
    assert "dial_in" in refused.value.english


@POSTGRESQL_IN_SIM
async def test_the_preview_and_the_meeting_show_the_list(database: Database, province: Province, now: datetime) -> None:
    actor = province.actor("secretary", "tinh")
    async with database.reading() as session:
        seen = await previews.preview(session, wish(province, now), actor, now)
    assert [(one.terminal_id, one.why, one.unit_name) for one in seen.calls] == [
        ("terminal-tinh-a", "hall", ""),
        ("terminal-xa1", "unit", "UBND xã Mỹ Hạnh"),
    ]
    assert [(one.name, one.reason) for one in seen.call_gaps] == [("UBND xã Đức Lập", "no_terminal")]
    meeting = await approved(database, province, now)
    async with database.reading() as session:
        view = await views.meeting_view(session, meeting.id, actor, now)
    assert view.calls.lines == seen.calls
    assert view.calls.gaps == seen.call_gaps


async def test_only_one_hall_of_a_site_is_the_main_hall(database: Database, province: Province, now: datetime) -> None:
    admin = province.actor("admin", "tinh")
    for code in ("tinh", "tinh-a"):
        hall = province.halls[code]
        await database.transact(partial(halls.edit, hall_id=hall, values={"main": True}, actor=admin, now=now))
        async with database.reading() as session:
            main = list(await session.scalars(select(Hall.code).where(Hall.main)))
        assert main == [code]


@pytest.mark.parametrize("class_", ["ordinary", "important"])
async def test_a_terminal_of_the_list_is_invited_by_dialling_in_too(
    database: Database, province: Province, now: datetime, class_: str
) -> None:
    """The terminal of the booked hall enters without PIN and lobby, although its unit is not invited. Another terminal is
    refused.
    """
    meeting = await approved(database, province, now, class_=class_, connect="dial_in", attendees=())
    at, number = meeting.first_starts_at, str(meeting.number)
    async with database.reading() as session:
        own = await entering.by_number(session, number, "", province.terminals["tinh-a"], "10.1.2.3", at)
        other = await entering.by_number(session, number, "", province.terminals["khcn"], "10.1.2.3", at)
    assert own is not None
    assert other is None
    assert (own.verdict.allowed, own.exempt or class_ == "important", own.closed) == (True, True, True)


@pytest.mark.parametrize(("asks", "state"), [(True, "asked"), (False, "approved")])
async def test_a_free_hall_makes_an_internal_meeting_need_no_approval(
    database: Database, province: Province, now: datetime, asks: bool, state: str
) -> None:
    hall = province.halls["tinh-a"]
    admin = province.actor("admin", "tinh")
    await database.transact(lambda session: halls.edit(session, hall, {"needs_approval": asks}, admin, now))
    request = wish(province, now, type_code="internal", attendees=())
    made = (await creation.book(database, request, province.actor("secretary", "tinh"), now)).meeting
    assert made.state == state


@POSTGRESQL_IN_SIM
async def test_the_answer_to_the_question_is_kept(database: Database, province: Province, now: datetime) -> None:
    meeting = await approved(database, province, now, connect="dial_in")

    async def ask(session: Any) -> None:
        (await session.get_one(Meeting, meeting.id)).connect_asked = True

    for answer in ("dial_in", "call"):
        await database.transact(ask)

        async def say(session: Any, answer: str = answer) -> Meeting:
            row = await session.get_one(Meeting, meeting.id)
            return await editing.edit(session, meeting.id, {"connect": answer}, COMMAND, now, row.version)

        said = await database.transact(say)
        assert (said.connect, said.connect_asked, said.state) == (answer, False, "approved")
        assert said.sequence == meeting.sequence  # the attendees get no mail about the change


# On the day


async def leg_rows(database: Database) -> dict[str, tuple[bool, str]]:
    async with database.reading() as session:
        found = await session.execute(select(DialLeg.terminal_id, DialLeg.taken_off, DialLeg.asked_by))
        return {one[0]: (one[1], one[2]) for one in found}


async def date_id(database: Database, meeting: Meeting) -> str:
    async with database.reading() as session:
        return (await session.scalars(select(Occurrence.id).where(Occurrence.meeting_id == meeting.id))).one()


async def test_what_is_not_called_yet_follows_the_list(database: Database, province: Province, now: datetime) -> None:
    meeting = await approved(database, province, now)
    at = meeting.first_starts_at - timedelta(minutes=10)
    await database.transact(lambda session: planning.plan(session, at))
    for changes, gone in (
        ({"uncalled_ids": ("terminal-xa1",)}, {"terminal-xa1"}),
        ({"uncalled_ids": ()}, set()),
        ({"connect": "dial_in"}, {"terminal-xa1", "terminal-tinh-a"}),
        ({"connect": "call"}, set()),
    ):

        async def edit(session: Any, changes: Any = changes) -> None:
            version = (await session.get_one(Meeting, meeting.id)).version
            await editing.edit(session, meeting.id, changes, COMMAND, now, version)

        await database.transact(edit)
        await database.transact(lambda session: planning.plan(session, at))
        assert {name for name, (off, by) in (await leg_rows(database)).items() if off or by == planning.WATCH} == gone


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize("changes", [{"connect": "dial_in"}, {"uncalled_ids": ("terminal-tinh-a",)}], ids=str)
async def test_a_hall_taken_off_the_call_list_can_still_dial_in(
    database: Database, province: Province, now: datetime, changes: dict[str, Any]
) -> None:
    """The secretary changes the meeting a few minutes before it begins, when the legs are already stored."""
    meeting = await approved(database, province, now)
    at, own = meeting.first_starts_at, "terminal-tinh-a"
    await database.transact(lambda session: planning.plan(session, at - timedelta(minutes=10)))

    async def edit(session: Any) -> None:
        version = (await session.get_one(Meeting, meeting.id)).version
        await editing.edit(session, meeting.id, changes, COMMAND, now, version)

    await database.transact(edit)
    await database.transact(lambda session: planning.plan(session, at))
    off, by = (await leg_rows(database))[own]
    assert off or by == planning.WATCH, "it is not called"
    async with database.reading() as session:
        found = await entering.by_number(session, str(meeting.number), "", own, "10.1.2.3", at)
    assert found is not None
    assert found.invited
    assert found.exempt


@pytest.mark.parametrize("class_", ["ordinary", "important"])
async def test_a_hall_removed_by_an_operator_is_not_called_or_invited(
    database: Database, province: Province, now: datetime, class_: str
) -> None:
    meeting = await approved(database, province, now, class_=class_)
    date, at, own = await date_id(database, meeting), meeting.first_starts_at, "terminal-tinh-a"
    await database.transact(lambda session: planning.plan(session, at))
    await database.transact(lambda session: planning.take_off(session, date, own))
    await database.transact(lambda session: planning.plan(session, at))

    async def invited(session: Any) -> bool:
        row = await session.get_one(Meeting, meeting.id)
        return await planning.invited(session, row, date, await session.get_one(Terminal, own))

    worker = "one"
    await database.transact(lambda session: legs.claim(session, at, worker, 60))
    async with database.reading() as session:
        assert [one.terminal_id for one in await legs.due(session, at, worker)] == ["terminal-xa1"]
        assert not await invited(session)
    await database.transact(lambda session: planning.ask(session, date, own, COMMAND, at))
    async with database.reading() as session:
        assert await invited(session)
