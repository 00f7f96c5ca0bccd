"""The operator's list of dates, and the board before a meeting: whom to phone, and who may read the numbers."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.meeting import call_list
from rooms.booking.planning.requests import AttendeeRequest
from rooms.dialling import adding, contacts, dates, legs, planning
from rooms.errors import Refusal
from rooms.policy.actors import COMMAND, Actor
from rooms.sites import places
from rooms.store.database import Database
from rooms.store.tables.booking import Reservation
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from tests.rooms.booking.test_calls import approved, date_id
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province


async def test_an_operator_phones_each_site_and_the_others_see_it(
    database: Database, province: Province, now: datetime
) -> None:
    """Each site is listed, also one without a terminal (`xa2`). An operator of one branch reads no numbers of others."""
    meeting = await approved(database, province, now)
    date, commune, operator = (
        await date_id(database, meeting),
        province.sites["xa2"],
        province.actor("operator", "tinh"),
    )
    person = {"technician": "Trần Văn Kỹ", "technician_phone": "0912 345 678"}
    await database.transact(lambda session: places.edit(session, commune, person, COMMAND, now))
    for called in (True, False, True):
        await database.transact(
            partial(contacts.note, occurrence_id=date, site_id=commune, called=called, actor=operator, now=now)
        )
    async with database.reading() as session:
        found = {one.site_id: one for one in await contacts.of_date(session, date, operator, now)}
        foreign = {
            one.site_id: one for one in await contacts.of_date(session, date, province.actor("operator", "khcn"), now)
        }
    assert set(found) == {province.sites[one] for one in ("tinh", "xa1", "xa2")}
    xa2 = found[commune]
    assert (xa2.technician, xa2.phone) == ("Trần Văn Kỹ", "0912 345 678")
    assert xa2.called == contacts.Called(commune, now, "operator tinh")
    assert (foreign[commune].technician, foreign[commune].phone) == ("", "")


async def test_the_roll_call_expects_each_site_in_the_order_of_the_units(
    database: Database, province: Province, now: datetime
) -> None:
    """A row has the terminal that the date calls. A site without a called terminal (`xa2`) is expected too."""
    date, at = await date_id(database, await approved(database, province, now)), now + timedelta(days=1)
    await database.transact(lambda session: planning.plan(session, at))
    async with database.reading() as session:
        found = await contacts.expected(session, date, at)
        called = set(await session.scalars(select(DialLeg.terminal_id).where(DialLeg.occurrence_id == date)))
        invited = await session.scalars(select(Attendee).where(Attendee.unit_id.is_not(None)))
        units = {one.site_id: one.id for one in invited if one.person_id is None}
    assert any(units.get(one.site_id) for one in found)
    assert [one.site_id for one in found] == [province.sites[one] for one in ("tinh", "xa1", "xa2")]
    assert called
    assert {one.terminal_id for one in found if one.dialled} == called
    assert next(one for one in found if one.site_id == province.sites["xa2"]).terminal_id == ""
    invitations = {one.site_id: one.invitation for one in found}
    assert invitations == {site: units.get(site, "") for site in invitations}, (
        "a person's invitation belongs to no site"
    )


@POSTGRESQL_IN_SIM
async def test_a_site_outside_the_meeting_is_not_phoned(database: Database, province: Province, now: datetime) -> None:
    date = await date_id(database, await approved(database, province, now))
    with pytest.raises(Refusal, match="unknown_site"):
        await database.transact(
            lambda session: contacts.note(session, date, province.sites["khcn"], True, COMMAND, now)
        )


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize("connect", ["call", "dial_in"])
async def test_the_operators_list_has_each_date_of_today_and_tomorrow(
    database: Database, province: Province, now: datetime, connect: str
) -> None:
    """A date is listed for a hall, an invited site or a chair. A date of the day after tomorrow or without all these is not."""
    operator, xa2 = province.actor("operator", "tinh"), AttendeeRequest(unit_id=province.units["xa2"])
    start, alone = now + timedelta(days=1), {"connect": connect, "hall_ids": (), "attendees": ()}
    internal = alone | {"type_code": "internal"}
    halls = await approved(database, province, now, connect=connect, attendees=())
    site = await approved(
        database, province, now, **alone | {"attendees": (xa2,), "starts_at": start + timedelta(hours=2)}
    )
    led = internal | {"chair_id": province.people["tinh-2"], "starts_at": start + timedelta(hours=4)}
    chair = await approved(database, province, now, **led)
    await approved(database, province, now, **internal | {"starts_at": start + timedelta(hours=6)})
    next_day = await approved(database, province, now, connect=connect, starts_at=start + timedelta(days=1))
    await approved(database, province, now, connect=connect, starts_at=start + timedelta(days=2))
    async with database.reading() as session:
        listed = await dates.of_two_days(session, operator, start - timedelta(hours=1))
        elsewhere = await dates.of_two_days(session, province.actor("operator", "khcn"), start)
    found = [(one.meeting.id, one.tomorrow, one.expected, one.gaps) for one in listed]
    hall = ("terminal-tinh-a",)
    assert found == [
        (halls.id, False, hall, 0),
        (site.id, False, (), 1),
        (chair.id, False, (), 0),
        (next_day.id, True, (*hall, "terminal-xa1"), 1),
    ]
    assert elsewhere == []


async def test_the_lists_of_many_dates_are_the_lists_of_each(
    database: Database, province: Province, now: datetime
) -> None:
    """A date of a series has its own wishes, and one meeting takes a terminal out."""
    out = ("terminal-xa1",)
    one = await approved(database, province, now, rule="FREQ=DAILY;COUNT=2", uncalled_ids=out)
    other = await approved(database, province, now, hall_ids=(province.halls["khcn"],), attendees=())
    async with database.reading() as session:
        rows = await session.execute(
            select(Meeting, Occurrence.id).join(Occurrence, Occurrence.meeting_id == Meeting.id)
        )
        pairs = [(meeting, date) for meeting, date in rows.all() if meeting.id in (one.id, other.id)]
        assert len(pairs) == 3
        together = await call_list.of_dates(session, pairs)
        assert together == {date: await call_list.of_date(session, meeting, date) for meeting, date in pairs}
    assert {tuple(line.device.id for line in each.lines) for each in together.values()} == {
        ("terminal-tinh-a", "terminal-xa1"),
        ("terminal-khcn",),
    }


async def test_halls_to_add_are_found_without_accents_own_and_nearest_first(
    database: Database, province: Province, now: datetime
) -> None:
    operator = province.actor("operator", "tinh")
    meeting = await approved(database, province, now, attendees=())
    date, start = await date_id(database, meeting), meeting.first_starts_at
    other = await approved(database, province, now, hall_ids=(province.halls["xa1"],), attendees=())
    far = {"latitude": 10.9, "longitude": 106.3}
    for unit, place in (
        ("tinh", {"latitude": 10.5, "longitude": 106.4}),
        ("xa1", far),
        ("khcn", far | {"latitude": 10.6}),
    ):
        await database.transact(
            partial(places.edit, site_id=province.sites[unit], values=place, actor=COMMAND, now=now)
        )
    async with database.reading() as session:
        everywhere = await adding.candidates(session, date, "", operator, start)
        named = await adding.candidates(session, date, "xa my hanh", operator, start)
    order = [one.site.id for one in everywhere]
    assert order[0] == province.sites["tinh"]
    assert order.index(province.sites["khcn"]) < order.index(province.sites["xa1"])
    (commune,) = named
    assert commune.terminal.id == "terminal-xa1"
    assert round(commune.distance_km or 0) == 46
    assert commune.busy is not None
    assert commune.busy.meeting_id == other.id


async def test_a_hall_moves_to_another_meeting_with_its_reservation(
    database: Database, province: Province, now: datetime
) -> None:
    """The hall is in one date at a time. A hall that another date has cannot be moved there, and stays."""
    operator, terminal = province.actor("operator", "tinh"), "terminal-tinh-a"
    one = await approved(database, province, now, attendees=())
    other = await approved(database, province, now, hall_ids=(province.halls["khcn"],), attendees=())
    from_id, to_id, at = await date_id(database, one), await date_id(database, other), one.first_starts_at
    await database.transact(lambda session: planning.plan(session, at))
    async with database.reading() as session:
        leg = await planning.leg_of(session, from_id, terminal)
        assert leg is not None
    move = partial(adding.move, leg_id=leg.id, occurrence_id=from_id, to_id=to_id, actor=operator, now=at)
    made = await database.transact(move)
    async with database.reading() as session:
        left = await planning.leg_of(session, from_id, terminal)
        assert left is not None
        held = set(await session.scalars(select(Reservation.occurrence_id).where(Reservation.resource_id == terminal)))
    assert (left.taken_off, left.wish, made.wish) == (True, "drop", "call")
    assert (made.occurrence_id, made.terminal_id, made.taken_off) == (to_id, terminal, False)
    assert held == {to_id}
    async with database.reading() as session:
        assert list(await legs.wishes(session, "one", at)) == [left.id, made.id], "first the old call ends"
    await database.transact(lambda session: planning.plan(session, at))
    async with database.reading() as session:
        left = await planning.leg_of(session, from_id, terminal)
    assert left is not None
    assert left.taken_off, "the schedule does not call the hall back"
    with pytest.raises(Refusal, match="unknown_leg"):
        await database.transact(partial(move, to_id=from_id))


async def test_a_refused_move_changes_nothing(database: Database, province: Province, now: datetime) -> None:
    """Neither an operator of one of the two units, nor a date that is not on, moves a hall."""
    one = await approved(database, province, now, attendees=())
    later = one.first_starts_at + timedelta(days=1)
    other = await approved(database, province, now, host_unit_id=province.units["khcn"], starts_at=later, hall_ids=())
    from_id, to_id, at = await date_id(database, one), await date_id(database, other), one.first_starts_at
    await database.transact(lambda session: planning.plan(session, at))
    async with database.reading() as session:
        leg = await planning.leg_of(session, from_id, "terminal-tinh-a")
        assert leg is not None
    move = partial(adding.move, leg_id=leg.id, occurrence_id=from_id, to_id=to_id, now=at)
    for unit, code in (("khcn", "denied"), ("tinh", "not_on_now")):
        with pytest.raises(Refusal, match=code):
            await database.transact(partial(move, actor=province.actor("operator", unit)))
    async with database.reading() as session:
        left = await planning.leg_of(session, from_id, "terminal-tinh-a")
        assert left is not None
        assert (left.taken_off, left.wish, await planning.leg_of(session, to_id, "terminal-tinh-a")) == (
            False,
            "",
            None,
        )


async def test_a_hall_is_added_for_the_time_of_the_calls(database: Database, province: Province, now: datetime) -> None:
    """The hall is reserved, is not called before the time, and follows a new start. Nobody calls a hall of another unit so."""
    meeting = await approved(database, province, now, attendees=())
    date, operator = await date_id(database, meeting), province.actor("operator", "tinh")
    starts_at = meeting.first_starts_at
    early = starts_at - timedelta(hours=20)
    terminal = "terminal-khcn"

    async def add(at: datetime, actor: Actor = operator) -> DialLeg:
        return await database.transact(lambda session: planning.add(session, date, terminal, actor, at))

    for at in (starts_at - timedelta(hours=49), starts_at):
        with pytest.raises(Refusal, match="not_coming"):
            await add(at)
    with pytest.raises(Refusal, match="denied"):
        await add(early, province.actor("operator", "vp"))
    made = await add(early)
    assert (made.state, made.asked_by, made.next_try_at) == ("idle", "operator", starts_at - timedelta(minutes=15))
    again = await add(early + timedelta(hours=1))
    assert again.id == made.id

    async def due(at: datetime, *, called: bool = False) -> set[str]:
        """Return the halls to call. `called`: an operator calls the hall now."""

        async def work(session: AsyncSession) -> set[str]:
            if called:
                (await session.get_one(DialLeg, made.id)).next_try_at = at
            await planning.plan(session, at)
            await legs.claim(session, at, "one", 60)
            return {one.terminal_id for one in await legs.due(session, at, "one")}

        return await database.transact(work)

    assert terminal not in await due(starts_at - timedelta(minutes=16))
    assert terminal in await due(starts_at - timedelta(minutes=15))
    assert terminal in await due(starts_at - timedelta(minutes=25), called=True), "before the time too"
    async with database.reading() as session:
        held = select(Reservation.occurrence_id).where(Reservation.resource_id == terminal)
        assert list(await session.scalars(held)) == [date]


@pytest.mark.parametrize("state", ["left", "given_up"])
async def test_a_hall_that_was_tried_before_gets_all_tries_again(
    database: Database, province: Province, now: datetime, state: str
) -> None:
    meeting = await approved(database, province, now, attendees=())
    date, operator = await date_id(database, meeting), province.actor("operator", "tinh")
    at = meeting.first_starts_at - timedelta(minutes=30)

    async def add(session: AsyncSession) -> DialLeg:
        return await planning.add(session, date, "terminal-khcn", operator, at)

    leg = await database.transact(add)

    async def tried(session: AsyncSession, to: str = state) -> None:
        row = await session.get_one(DialLeg, leg.id)
        row.state, row.attempt, row.failures, row.failure, row.next_try_at, row.wish = to, 5, 4, "busy", None, "drop"

    await database.transact(tried)
    again = await database.transact(add)
    assert (again.state, again.epoch, again.attempt, again.failures, again.wish) == ("idle", 2, 1, 0, "")
    assert again.next_try_at == meeting.first_starts_at - timedelta(minutes=15)
    await database.transact(partial(tried, to="connected"))
    with pytest.raises(Refusal, match="hall_in_call"):
        await database.transact(add)


async def test_a_call_that_is_wanted_now_stays_due(database: Database, province: Province, now: datetime) -> None:
    """The ramp may have no room at once. The schedule moves only calls that are ahead."""
    meeting = await approved(database, province, now, attendees=())
    date, operator = await date_id(database, meeting), province.actor("operator", "tinh")
    at = meeting.first_starts_at - timedelta(minutes=25)
    leg = await database.transact(lambda session: planning.ask(session, date, "terminal-khcn", operator, at))

    async def wanted(session: AsyncSession) -> None:
        (await session.get_one(DialLeg, leg.id)).next_try_at = at

    await database.transact(wanted)
    await database.transact(lambda session: planning.plan(session, at))
    async with database.reading() as session:
        assert (await session.get_one(DialLeg, leg.id)).next_try_at == at
