"""A terminal of the call list is reserved like a hall: no terminal can be called into two meetings at the same time."""

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, select

from rooms import limits
from rooms.booking.changes import creation, dates, deciding, editing, precedence
from rooms.booking.holds import restoring
from rooms.booking.planning import previews
from rooms.booking.planning.requests import AttendeeRequest, Request
from rooms.dialling import legs, planning
from rooms.errors import Refusal
from rooms.meetings import answers, views
from rooms.policy.actors import COMMAND
from rooms.sites import terminals
from rooms.store.database import Database
from rooms.store.tables.booking import Reservation
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.sites import Terminal
from tests.rooms.booking.test_calls import approved, date_id, wish
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

TINH_A, KHCN, XA1 = "terminal-tinh-a", "terminal-khcn", "terminal-xa1"
HOUR = timedelta(hours=1)


def at_khcn(province: Province, now: datetime, **changes: Any) -> Request:
    """Return a request of another unit, in its own hall, at the same time as `wish`."""
    given = {"host_unit_id": province.units["khcn"], "hall_ids": (province.halls["khcn"],), "title": "Họp chuyên đề"}
    return wish(province, now, **{**given, **changes})


async def held(database: Database, meeting_id: str) -> set[str]:
    """Return the terminals that the dates of the meeting have reserved."""
    async with database.reading() as session:
        rows = await session.scalars(
            select(Reservation.resource_id)
            .join(Occurrence, Occurrence.id == Reservation.occurrence_id)
            .where(Occurrence.meeting_id == meeting_id, Reservation.kind == "terminal", Reservation.active)
        )
        return set(rows)


async def book(database: Database, province: Province, request: Request, now: datetime) -> Meeting:
    unit = next(code for code, id_ in province.units.items() if id_ == request.host_unit_id)
    return (await creation.book(database, request, province.actor("secretary", unit), now)).meeting


async def change(database: Database, meeting: Meeting, now: datetime, **changes: Any) -> Meeting:
    async def work(session: Any) -> Meeting:
        version = (await session.get_one(Meeting, meeting.id)).version
        return await editing.edit(session, meeting.id, changes, COMMAND, now, version)

    return await database.transact(work)


async def in_transaction(database: Database, work: Callable[[Any], Any]) -> Any:
    return await database.transact(work)


async def test_a_booking_reserves_the_terminals_of_its_call_list(
    database: Database, province: Province, now: datetime
) -> None:
    request = wish(province, now, terminal_ids=(KHCN,))
    made = await book(database, province, request, now)
    assert await held(database, made.id) == {TINH_A, KHCN}, "that of the invited unit follows with the approval"
    await change(database, made, now, uncalled_ids=(XA1, KHCN))
    assert await held(database, made.id) == {TINH_A}
    await change(database, made, now, uncalled_ids=())
    assert await held(database, made.id) == {TINH_A, KHCN}
    await change(database, made, now, attendees=(AttendeeRequest(unit_id=province.units["xa2"]),))
    assert await held(database, made.id) == {TINH_A, KHCN}
    await in_transaction(database, lambda session: dates.cancel(session, made.id, "not_ready", "", COMMAND, now))
    assert await held(database, made.id) == set()


@POSTGRESQL_IN_SIM
async def test_a_terminal_that_dials_in_is_reserved_too(database: Database, province: Province, now: datetime) -> None:
    admin = province.actor("admin", "tinh")
    await in_transaction(database, lambda session: terminals.edit(session, KHCN, {"dialled": False}, admin, now))
    made = await book(database, province, at_khcn(province, now, attendees=(), connect="dial_in"), now)
    assert await held(database, made.id) == {KHCN}
    with pytest.raises(Refusal) as refused:
        await book(database, province, wish(province, now, terminal_ids=(KHCN,)), now)
    assert "Thiết bị khcn bận" in refused.value.vietnamese


async def test_a_unit_with_two_invitations_is_in_one_of_them_and_the_other_says_so(
    database: Database, province: Province, now: datetime
) -> None:
    first = await approved(database, province, now)
    second = await approved(
        database, province, now, hall_ids=(province.halls["tinh"],), title="Họp khác", connect="dial_in"
    )
    assert await held(database, first.id) == {TINH_A, XA1}
    assert await held(database, second.id) == {"terminal-tinh"}
    actor = province.actor("secretary", "tinh")
    async with database.reading() as session:
        line = next(
            one
            for one in (await views.meeting_view(session, second.id, actor, now)).calls.lines
            if one.terminal_id == XA1
        )
        seen = await previews.preview(session, at_khcn(province, now), province.actor("secretary", "khcn"), now)
    assert line.taken is not None
    assert (line.taken.title, line.taken.dates, line.taken.starts_at) == ("Giao ban", 1, first.first_starts_at)
    assert seen.bookable
    [hidden] = [one.taken for one in seen.calls if one.terminal_id == XA1]
    assert hidden is not None
    assert (hidden.title, hidden.unit) == ("", "UBND tỉnh Long An")
    await in_transaction(database, lambda session: dates.cancel(session, first.id, "not_ready", "", COMMAND, now))
    await change(database, second, now, connect="call", uncalled_ids=("terminal-tinh",))
    assert await held(database, second.id) == {XA1}


async def test_the_booker_of_the_own_hall_gets_its_terminal_and_others_do_not(
    database: Database, province: Province, now: datetime
) -> None:
    """The commune's terminal is a guest of an approved meeting, which holds no hall of the commune."""
    guest = await approved(database, province, now)
    there = {"hall_ids": (province.halls["xa1"],), "attendees": ()}
    other = wish(province, now, host_unit_id=province.units["khcn"], **there)
    with pytest.raises(Refusal) as refused:
        await book(database, province, other, now)
    assert refused.value.code == "overlap"
    assert "Thiết bị xa1 bận 08:00-09:00" in refused.value.vietnamese
    made = await book(database, province, dataclasses.replace(other, uncalled_ids=(XA1,)), now)
    assert await held(database, made.id) == set()
    await in_transaction(database, lambda session: dates.cancel(session, made.id, "not_ready", "", COMMAND, now))
    own = wish(province, now, host_unit_id=province.units["xa1"], **there)
    async with database.reading() as session:
        seen = await previews.preview(session, own, province.actor("secretary", "xa1"), now)
    assert (seen.bookable, seen.clashing) == (True, 0)
    made = await book(database, province, own, now)
    assert (await held(database, made.id), await held(database, guest.id)) == ({XA1}, {TINH_A})
    with pytest.raises(Refusal) as refused:
        await book(database, province, dataclasses.replace(own, hall_ids=(), terminal_ids=(XA1,)), now)
    assert refused.value.code == "overlap", "what the host reserved is firm"


@POSTGRESQL_IN_SIM
async def test_a_change_that_waits_takes_the_terminal_of_the_own_hall(
    database: Database, province: Province, now: datetime
) -> None:
    """The change of an approved meeting is tried, rolled back and then reserved."""
    guest = await approved(database, province, now)
    later = guest.first_starts_at + HOUR * 3
    own = {"host_unit_id": province.units["xa1"], "hall_ids": (province.halls["xa1"],), "attendees": ()}
    made = await approved(database, province, now, starts_at=later, **own)

    async def move(session: Any) -> None:
        version = (await session.get_one(Meeting, made.id)).version
        actor = province.actor("secretary", "xa1")
        await editing.edit(session, made.id, {"starts_at": guest.first_starts_at}, actor, now, version)

    await in_transaction(database, move)
    assert (await held(database, made.id), await held(database, guest.id)) == ({XA1}, {TINH_A})


async def test_precedence_takes_a_guest_terminal_and_lets_the_conference_stand(
    database: Database, province: Province, now: datetime
) -> None:
    guest = await approved(database, province, now)
    at_xa1 = {"hall_ids": (), "terminal_ids": (XA1,), "attendees": (), "precedence": 0, "title": "Khẩn"}
    at_xa1 |= {"precedence_reason": "Công điện"}
    higher, operator = at_khcn(province, now, **at_xa1), province.actor("operator", "tinh")
    async with database.reading() as session:
        (way,) = await precedence.in_the_way(session, higher, operator, now)
    assert (way.goes_on, way.why_not) == (True, "")
    done = await in_transaction(
        database, lambda session: precedence.displace(session, higher, {}, "Công điện", operator, now)
    )
    assert done.moved == ()
    assert (await held(database, done.meeting.id), await held(database, guest.id)) == ({XA1}, {TINH_A})
    async with database.reading() as session:
        assert (await session.get_one(Occurrence, way.occurrence_id)).state == "planned"


async def test_a_call_goes_on_until_the_meeting_that_took_the_terminal_calls_it(
    database: Database, province: Province, now: datetime
) -> None:
    guest = await approved(database, province, now)
    at = guest.first_starts_at - timedelta(minutes=15)
    await in_transaction(database, lambda session: planning.plan(session, at))
    date = await date_id(database, guest)

    async def connected(session: Any) -> str:
        leg = await planning.leg_of(session, date, XA1)
        assert leg is not None
        leg.state, leg.next_try_at = "connected", None
        return str(leg.id)

    leg = await in_transaction(database, connected)

    async def over(session: Any) -> list[str]:
        await planning.plan(session, at)
        await legs.claim(session, at, "one", 60)
        return await legs.over(session, at, "one")

    assert await in_transaction(database, over) == []
    at_xa1 = {"hall_ids": (), "terminal_ids": (XA1,), "attendees": (), "precedence": 0, "title": "Khẩn"}
    higher = at_khcn(province, now, **at_xa1, precedence_reason="Công điện")
    operator = province.actor("operator", "tinh")
    done = await in_transaction(
        database, lambda session: precedence.displace(session, higher, {}, "Công điện", operator, now)
    )
    assert await in_transaction(database, over) == [], "the other meeting is not approved"
    for role in ("approver", "operator"):
        decide = partial(deciding.decide, meeting_id=done.meeting.id, approve_=True, reason="", now=now)
        await in_transaction(database, partial(decide, actor=province.actor(role, "tinh")))
    assert await in_transaction(database, over) == [leg]


async def test_an_answer_reserves_the_terminal_at_the_site_of_another_unit(
    database: Database, province: Province, now: datetime
) -> None:
    """The unit that answers sits at a site of the host."""
    async with database.reading() as session:
        site = (await session.get_one(Terminal, KHCN)).site_id
    units = (AttendeeRequest(unit_id=province.units["xa1"], site_id=site),)
    own = {"host_unit_id": province.units["khcn"], "hall_ids": (), "type_code": "internal"}
    made = await book(database, province, wish(province, now, attendees=units, **own), now)

    async def given_back(session: Any) -> None:
        await session.execute(delete(Reservation).where(Reservation.resource_id == KHCN))

    async def again(session: Any) -> None:
        meeting = await session.get_one(Meeting, made.id)
        await restoring.take_guests(session, meeting, now, province.units["xa1"])

    await in_transaction(database, given_back)
    await in_transaction(database, again)
    assert await held(database, made.id) == {KHCN}


async def test_a_taken_hall_is_named_once(database: Database, province: Province, now: datetime) -> None:
    await book(database, province, wish(province, now), now)
    with pytest.raises(Refusal) as refused:
        await book(database, province, wish(province, now), now)
    assert [one.detail["kind"] for one in refused.value.troubles] == ["hall"]


async def test_an_internal_meeting_reserves_other_units_after_they_agree(
    database: Database, province: Province, now: datetime
) -> None:
    made = await book(database, province, wish(province, now, type_code="internal"), now)
    assert await held(database, made.id) == {TINH_A}

    async def accept(session: Any) -> None:
        row = await session.scalar(
            select(Attendee).where(Attendee.meeting_id == made.id, Attendee.unit_id == province.units["xa1"])
        )
        actor = province.actor("secretary", "xa1")
        await answers.answer(session, row, "accepted", "", None, actor, now)

    await in_transaction(database, accept)
    assert await held(database, made.id) == {TINH_A, XA1}


async def test_an_answer_reserves_only_what_belongs_to_the_unit(
    database: Database, province: Province, now: datetime
) -> None:
    """The terminal of the commune was busy at the approval. The answer of another unit does not try it again."""
    units = [AttendeeRequest(unit_id=province.units[code]) for code in ("xa1", "yt")]
    busy = await approved(database, province, now)
    made = await approved(
        database, province, now, hall_ids=(province.halls["tinh"],), attendees=tuple(units), title="Họp khác"
    )
    await in_transaction(database, lambda session: dates.cancel(session, busy.id, "not_ready", "", COMMAND, now))

    async def accept(session: Any, code: str) -> None:
        row = await session.scalar(
            select(Attendee).where(Attendee.meeting_id == made.id, Attendee.unit_id == province.units[code])
        )
        await answers.answer(session, row, "accepted", "", None, province.actor("secretary", code), now)

    before = await held(database, made.id)
    assert XA1 not in before
    await in_transaction(database, lambda session: accept(session, "yt"))
    assert await held(database, made.id) == before
    await in_transaction(database, lambda session: accept(session, "xa1"))
    assert await held(database, made.id) == before | {XA1}


@POSTGRESQL_IN_SIM
async def test_the_approval_of_the_system_reserves_other_units(
    database: Database, province: Province, now: datetime
) -> None:
    made = await approved(database, province, now, type_code="internal")
    assert await held(database, made.id) == {TINH_A, XA1}


async def test_a_date_is_not_extended_into_the_next_meeting_of_its_terminals(
    database: Database, province: Province, now: datetime
) -> None:
    first = await approved(database, province, now)
    begins = first.first_starts_at
    following = await approved(database, province, now, starts_at=begins + HOUR, hall_ids=(), title="Họp sau")
    assert await held(database, following.id) == {XA1}
    date, later = await date_id(database, first), begins + timedelta(minutes=50)
    with pytest.raises(Refusal) as refused:
        await in_transaction(database, lambda session: dates.extend(session, date, 15, COMMAND, later))
    assert "Thiết bị xa1 bận" in refused.value.vietnamese
    assert await held(database, first.id) == {TINH_A, XA1}
    await change(database, following, now, uncalled_ids=(XA1,))
    await in_transaction(database, lambda session: dates.extend(session, date, 15, COMMAND, later))
    assert await held(database, first.id) == {TINH_A, XA1}


@POSTGRESQL_IN_SIM
async def test_a_moved_date_leaves_out_a_guest_that_is_taken_then(
    database: Database, province: Province, now: datetime
) -> None:
    first = await approved(database, province, now)
    at, hall_ids = first.first_starts_at + HOUR, (province.halls["tinh"],)
    second = await approved(database, province, now, starts_at=at, hall_ids=hall_ids)
    assert await held(database, second.id) == {"terminal-tinh", XA1}
    await change(database, second, now, starts_at=first.first_starts_at)
    assert await held(database, second.id) == {"terminal-tinh"}


@POSTGRESQL_IN_SIM
async def test_each_date_of_a_series_reserves_what_is_free(
    database: Database, province: Province, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await approved(database, province, now)
    monkeypatch.setattr(limits, "GUEST_TERMINALS_HELD", 1)
    rule = "FREQ=DAILY;COUNT=3"
    series = await approved(database, province, now, rule=rule, hall_ids=(province.halls["tinh"],))
    async with database.reading() as session:
        rows = await session.execute(
            select(Occurrence.starts_at, Reservation.resource_id)
            .join(Reservation, Reservation.occurrence_id == Occurrence.id)
            .where(Occurrence.meeting_id == series.id, Reservation.resource_id == XA1)
            .order_by(Occurrence.starts_at)
        )
        found = [at for at, _ in rows]
    assert found == [first.first_starts_at + timedelta(days=1)], "the second date; the third exceeds the limit"


# On the day


async def states(database: Database, occurrence_id: str) -> dict[str, tuple[str, str]]:
    async with database.reading() as session:
        rows = await session.execute(
            select(DialLeg.terminal_id, DialLeg.state, DialLeg.reason).where(DialLeg.occurrence_id == occurrence_id)
        )
        return {one[0]: (one[1], one[2]) for one in rows}


async def test_a_taken_terminal_is_called_when_it_is_free_again(
    database: Database, province: Province, now: datetime
) -> None:
    first = await approved(database, province, now)
    second = await approved(database, province, now, hall_ids=(province.halls["tinh"],))
    date, at = await date_id(database, second), second.first_starts_at
    await in_transaction(database, lambda session: planning.plan(session, at))
    assert (await states(database, date))[XA1] == ("given_up", "taken_elsewhere")
    assert (await states(database, await date_id(database, first)))[XA1] == ("idle", "")
    await in_transaction(database, lambda session: dates.cancel(session, first.id, "not_ready", "", COMMAND, now))
    await in_transaction(database, lambda session: planning.plan(session, at))
    assert (await states(database, date))[XA1] == ("idle", "")
    assert await held(database, second.id) == {"terminal-tinh", XA1}


async def test_a_date_of_an_older_server_reserves_its_terminals_before_the_calls(
    database: Database, province: Province, now: datetime
) -> None:
    meeting = await approved(database, province, now)

    async def forget(session: Any) -> None:
        for one in await session.scalars(select(Reservation).where(Reservation.kind == "terminal")):
            await session.delete(one)

    await in_transaction(database, forget)
    await in_transaction(database, lambda session: planning.plan(session, meeting.first_starts_at))
    assert await held(database, meeting.id) == {TINH_A, XA1}


async def test_an_operator_calls_a_terminal_into_one_meeting(
    database: Database, province: Province, now: datetime
) -> None:
    first = await approved(database, province, now)
    second = await book(database, province, at_khcn(province, now, attendees=()), now)
    here, at = await date_id(database, first), first.first_starts_at
    operator = province.actor("operator", "tinh")

    def ask(terminal: str) -> Callable[[Any], Any]:
        return lambda session: planning.ask(session, here, terminal, operator, at)

    with pytest.raises(Refusal) as refused:
        await in_transaction(database, ask(KHCN))
    assert refused.value.code == "terminal_taken"
    assert "Thiết bị khcn bận 08:00-09:00 (Họp chuyên đề, Sở Khoa học và Công nghệ)" in refused.value.vietnamese
    await change(database, second, now, uncalled_ids=(KHCN,))
    await in_transaction(database, ask(KHCN))
    assert await held(database, first.id) == {TINH_A, XA1, KHCN}
    await in_transaction(database, lambda session: dates.extend(session, here, 15, COMMAND, at))
    assert await held(database, first.id) == {TINH_A, XA1, KHCN}, "an extension keeps what the operator added"
    await in_transaction(database, lambda session: planning.take_off(session, here, KHCN))
    assert await held(database, first.id) == {TINH_A, XA1}


async def test_the_schedule_waits_while_another_date_has_the_call(
    database: Database, province: Province, now: datetime
) -> None:
    """The first meeting continues after its end. An operator can still call the terminal away."""
    first = await approved(database, province, now)
    later_hall = (province.halls["tinh"],)
    second = await approved(database, province, now, starts_at=first.first_starts_at + HOUR, hall_ids=later_hall)
    at, worker = second.first_starts_at, "one"

    async def connected(session: Any) -> None:
        await planning.plan(session, first.first_starts_at)
        for leg in await session.scalars(select(DialLeg)):
            leg.state = "connected"
        await planning.plan(session, at)
        await legs.claim(session, at, worker, 60)

    async def due() -> set[tuple[str, str]]:
        async with database.reading() as session:
            return {(one.occurrence_id, one.terminal_id) for one in await legs.due(session, at, worker)}

    await in_transaction(database, connected)
    assert {terminal for _, terminal in await due()} == {"terminal-tinh"}
    later = await date_id(database, second)

    async def called(session: Any) -> None:
        leg = await planning.leg_of(session, later, XA1)
        assert leg is not None
        leg.asked_by = "operator"

    await in_transaction(database, called)
    assert await due() == {(later, XA1), (later, "terminal-tinh")}
