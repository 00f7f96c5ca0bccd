"""Booking: all or nothing, clear messages about clashes, idempotency, the table of bad input. On SQLite and PostgreSQL."""

import asyncio
import dataclasses
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.changes import creation, editing
from rooms.booking.changes import dates as booking_dates
from rooms.booking.holds import resources
from rooms.booking.meeting.call_list import EMPTY, Device, call_list
from rooms.booking.planning import plans, previews
from rooms.booking.planning.requests import AttendeeRequest, DocumentRequest, Request
from rooms.booking.rules import settings
from rooms.booking.rules.calendar import day_of, local
from rooms.dialling import entering
from rooms.errors import Refusal
from rooms.meetings import entry
from rooms.policy.actors import Actor
from rooms.store.database import Database
from rooms.store.tables.booking import (
    CapacitySlot,
    CapacityUse,
    Change,
    Holiday,
    Idempotency,
    Reservation,
    UnitRule,
    Wanted,
)
from rooms.store.tables.meetings import Attendee, DocumentRef, Meeting, Occurrence
from rooms.store.tables.records import AuditEntry, Job
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

TABLES = (
    Meeting, Occurrence, Reservation, Wanted, CapacitySlot, CapacityUse, Attendee, DocumentRef, Change, Idempotency, Job,
    AuditEntry,
)  # fmt: skip
TITLE = "Giao ban tuần"


def wish(province: Province, now: datetime, **changes: Any) -> Request:
    """Return a request for Thursday 09:00-11:00 in the hall with 60 seats, with its terminal and the head of the province."""
    base = Request(
        title=TITLE,
        type_code="briefing",
        host_unit_id=province.units["vp"],
        starts_at=now + timedelta(days=2, hours=1),
        duration_min=120,
        hall_ids=(province.halls["tinh-a"],),
        terminal_ids=(province.terminals["tinh-a"],),
        chair_id=province.people["tinh-1"],
        attendees=(AttendeeRequest(unit_id=province.units["khcn"]), AttendeeRequest(unit_id=province.units["yt"])),
        urgent_reason="Họp đột xuất",
    )
    return dataclasses.replace(base, **changes)


async def counts(database: Database) -> dict[str, int]:
    async with database.reading() as session:
        return {one.__tablename__: await session.scalar(select(func.count()).select_from(one)) or 0 for one in TABLES}


async def make(database: Database, request: Request, actor: Actor, now: datetime, key: str = "") -> Meeting:
    return (await creation.book(database, request, actor, now, key)).meeting


async def refused(database: Database, request: Request, actor: Actor, now: datetime, key: str = "") -> Refusal:
    """Return the refusal. Check that the refused request left no rows."""
    before = await counts(database)
    with pytest.raises(Refusal) as caught:
        await make(database, request, actor, now, key)
    assert await counts(database) == before
    return caught.value


async def test_everything_of_a_booking_is_there(database: Database, province: Province, now: datetime) -> None:
    secretary = province.actor("secretary", "vp")
    documents = (DocumentRequest("5180 /UBND-VHXH", date(2021, 6, 4)),)
    meeting = await make(database, wish(province, now, documents=documents), secretary, now)
    assert (meeting.state, meeting.number, meeting.version) == ("held", None, 1)
    assert meeting.hold_until == now + timedelta(hours=48)
    async with database.reading() as session:
        rows = {one.kind: one for one in await session.scalars(select(Reservation))}
        assert set(rows) == {"hall", "terminal", "person"}
        assert rows["hall"].starts_at == meeting.first_starts_at - timedelta(minutes=15)
        assert rows["hall"].ends_at == meeting.first_starts_at + timedelta(minutes=135)
        assert rows["person"].starts_at == meeting.first_starts_at
        slots = list(await session.scalars(select(CapacitySlot)))
        assert len(slots) == 8
        assert {one.used for one in slots} == {meeting.legs}
        assert await session.scalar(select(DocumentRef.search_number)) == "5180/ubnd-vhxh"
        assert {one.kind for one in await session.scalars(select(Job))} == {"booking.hold"}
        actions = list(await session.scalars(select(AuditEntry.action)))
    assert "meeting.create" in actions


async def test_an_internal_meeting_without_halls_has_a_number_at_once(
    database: Database, province: Province, now: datetime
) -> None:
    request = wish(province, now, type_code="internal", hall_ids=(), terminal_ids=(), attendees=())
    meeting = await make(database, request, province.actor("requester", "vp"), now)
    assert meeting.state == "approved"
    assert meeting.number is not None
    assert len(meeting.number) == 9
    assert meeting.number[0] != "0"
    assert len(meeting.pin) == 6


@POSTGRESQL_IN_SIM
async def test_a_series_has_a_longer_pin(database: Database, province: Province, now: datetime) -> None:
    """A PIN of a series is valid for months, and works in the same ways as a PIN of six digits."""
    request = wish(
        province, now, type_code="internal", hall_ids=(), terminal_ids=(), attendees=(), rule="FREQ=WEEKLY;COUNT=3"
    )
    meeting = await make(database, request, province.actor("requester", "vp"), now)
    assert meeting.state == "approved"
    assert meeting.number is not None
    assert re.fullmatch("[0-9]{8}", meeting.pin)
    number, pin, start = meeting.number, meeting.pin, request.starts_at
    async with database.reading() as session:
        assert (await entry.by_number(session, number, pin, "Khách", start)).meeting.id == meeting.id
        assert await entering.by_number(session, number, pin, "", "10.1.1.1", start) is not None
        for wrong in (pin[:6], pin[2:], pin + "0"):
            with pytest.raises(Refusal):
                await entry.by_number(session, number, wrong, "Khách", start)
            assert await entering.by_number(session, number, wrong, "", "10.1.1.1", start) is None


@POSTGRESQL_IN_SIM
async def test_a_clash_is_named_with_free_times_and_other_halls(
    database: Database, province: Province, now: datetime
) -> None:
    secretary = province.actor("secretary", "vp")
    await make(database, wish(province, now), secretary, now)
    other = wish(
        province, now, starts_at=now + timedelta(days=2, hours=2), chair_id=None, terminal_ids=(), title="Khác"
    )
    said = await refused(database, other, secretary, now)
    assert said.code == "overlap"
    trouble = said.troubles[0]
    assert trouble.vietnamese == (
        "Phòng họp tinh-a bận 08:45-11:15 (Giao ban tuần, Văn phòng UBND tỉnh). Trống: 11:30, 12:00, 12:30; "
        "phòng tương đương: Phòng họp tinh."
    )
    assert trouble.detail["equivalent_halls"] == [{"id": province.halls["tinh"], "name": "Phòng họp tinh"}]
    times = [datetime.fromisoformat(one) for one in trouble.detail["free_times"]]
    for at in times:  # every time that is offered as free is free
        async with database.reading() as session:
            shown = await previews.preview(session, dataclasses.replace(other, starts_at=at), secretary, now)
        assert shown.bookable


async def test_no_free_time_is_offered_that_is_over_or_too_near(
    database: Database, province: Province, now: datetime
) -> None:
    """The evening before, the morning is free. On the day, only times after the present time are offered."""
    secretary = province.actor("secretary", "vp")
    await make(database, wish(province, now), secretary, now)
    other = wish(province, now, chair_id=None, terminal_ids=(), title="Khác", duration_min=60)

    async def offered(at: datetime) -> list[datetime]:
        async with database.reading() as session:
            shown = await previews.preview(session, other, secretary, at)
        return [one.starts_at for one in shown.dates[0].clashes[0].free_times]

    assert min(await offered(now)) < other.starts_at
    late = other.starts_at - timedelta(minutes=10)
    assert await offered(late) != []
    assert all(at > late for at in await offered(late))

    async def ahead(session: AsyncSession) -> None:
        session.add(UnitRule(unit_id=province.units["vp"], ahead_min=240))

    await database.transact(ahead)
    async with database.reading() as session:
        shown = await previews.preview(session, other, secretary, late - timedelta(hours=4))
    assert all(one.starts_at >= late for one in shown.dates[0].clashes[0].free_times)


async def test_a_full_day_is_answered_with_free_times_of_other_days(
    database: Database, province: Province, now: datetime
) -> None:
    secretary = province.actor("secretary", "vp")
    await make(database, wish(province, now), secretary, now)
    long = wish(province, now, chair_id=None, terminal_ids=(), title="Cả ngày", duration_min=480)

    async def shown(at: datetime) -> previews.Preview:
        async with database.reading() as session:
            return await previews.preview(session, dataclasses.replace(long, starts_at=at), secretary, now)

    clash = (await shown(long.starts_at)).dates[0].clashes[0]
    assert len(clash.free_times) == limits.FREE_TIMES_TOLD
    assert all(day_of(one.starts_at) > day_of(long.starts_at) for one in clash.free_times)
    assert f"Trống: {local(clash.free_times[0].starts_at):%H:%M %d/%m}, " in clash.vi
    for one in clash.free_times:
        assert (await shown(one.starts_at)).bookable


async def test_the_other_dates_of_a_series_are_not_free_for_one_date(
    database: Database, province: Province, now: datetime
) -> None:
    """The times that are offered for a longer first date can be saved. The next date of the series has the same hour."""
    secretary = province.actor("secretary", "vp")
    own = {"chair_id": None, "terminal_ids": ()}
    series = await make(database, wish(province, now, rule="FREQ=DAILY;COUNT=2", **own), secretary, now)
    noon = now + timedelta(days=2, hours=4)
    await make(database, wish(province, now, starts_at=noon, title="Khác", **own), secretary, now)
    async with database.reading() as session:
        query = select(Occurrence).where(Occurrence.meeting_id == series.id).order_by(Occurrence.starts_at)
        first, second = await session.scalars(query)
    longer = wish(province, now, duration_min=360, **own)

    async def shown(at: datetime, date_id: str) -> previews.Preview:
        async with database.reading() as session:
            asked = dataclasses.replace(longer, starts_at=at)
            return await previews.preview(session, asked, secretary, now, series.id, date_id)

    assert (await shown(second.starts_at, "")).bookable, "the whole series moves"
    (clash,) = (await shown(second.starts_at, first.id)).dates[0].clashes
    assert clash.meeting_id == series.id
    offered = (await shown(first.starts_at, first.id)).dates[0].clashes[0].free_times
    assert offered
    for one in offered:
        assert (await shown(one.starts_at, first.id)).bookable

    async def save(session: AsyncSession) -> None:
        changes = {"starts_at": offered[0].starts_at, "duration_min": 360}
        await editing.edit(session, series.id, changes, secretary, now, series.version, "this", first.id)

    await database.transact(save)


async def test_a_free_time_names_its_day_if_it_is_not_the_day_that_was_asked_for(
    database: Database, province: Province, now: datetime
) -> None:
    """The other meeting ends on a later day, on which a free time is offered."""
    secretary = province.actor("secretary", "vp")
    own = {"chair_id": None, "terminal_ids": ()}
    begins = now + timedelta(days=2)
    night = wish(province, now, starts_at=begins, duration_min=24 * 60, **own)
    await make(database, night, province.actor("operator", "tinh"), now)
    async with database.reading() as session:
        shown = await previews.preview(session, wish(province, now, title="Khác", **own), secretary, now)
    (clash,) = shown.dates[0].clashes
    assert day_of(clash.ends_at) == day_of(clash.free_times[0].starts_at) > day_of(begins)
    assert f"Trống: {local(clash.free_times[0].starts_at):%H:%M %d/%m}" in clash.vi
    assert f"Free: {local(clash.free_times[0].starts_at):%H:%M %d/%m}" in clash.en


async def test_a_clash_does_not_reveal_titles_that_are_not_readable(
    database: Database, province: Province, now: datetime
) -> None:
    await make(database, wish(province, now), province.actor("secretary", "vp"), now)
    stranger = province.actor("secretary", "yt")
    request = wish(province, now, host_unit_id=province.units["yt"], attendees=())
    said = await refused(database, request, stranger, now)
    words = said.vietnamese + said.english + repr(said.troubles)
    assert TITLE not in words
    assert "Văn phòng UBND tỉnh" in words
    assert all(not one.detail["meeting_id"] for one in said.troubles)


async def test_leader_and_terminal_cannot_be_in_two_meetings(
    database: Database, province: Province, now: datetime
) -> None:
    secretary = province.actor("secretary", "tinh")
    await make(database, wish(province, now), secretary, now)
    leader = wish(province, now, hall_ids=(province.halls["tinh"],), terminal_ids=())
    assert "Nguyễn Văn TINH bận 09:00-11:00" in (await refused(database, leader, secretary, now)).vietnamese
    terminal = wish(province, now, hall_ids=(), chair_id=None)
    assert "Thiết bị tinh-a bận" in (await refused(database, terminal, secretary, now)).vietnamese


async def test_a_chair_who_also_operates_is_reserved_once(
    database: Database, province: Province, now: datetime
) -> None:
    request = wish(province, now, operator_id=province.people["tinh-1"])
    await make(database, request, province.actor("secretary", "vp"), now)


async def test_capacity_is_not_promised_twice(database: Database, province: Province, now: datetime) -> None:
    secretary = province.actor("secretary", "tinh")
    await make(database, wish(province, now, legs=30), secretary, now)
    other = wish(province, now, hall_ids=(province.halls["tinh"],), terminal_ids=(), chair_id=None, legs=11)
    said = await refused(database, other, secretary, now)
    assert said.code == "capacity"
    assert "chỉ còn 10 kết nối lúc 09:00-11:00" in said.vietnamese
    await make(database, dataclasses.replace(other, legs=10), secretary, now)


async def test_every_pool_that_counts_a_meeting_gives_legs(
    database: Database, province: Province, now: datetime
) -> None:
    """The pool of an office counts only its meetings. It comes before the pool of the province, by its code."""
    secretary, admin = province.actor("secretary", "tinh"), province.actor("admin", "tinh")
    vp, khcn = province.units["vp"], province.units["khcn"]
    await database.transact(lambda s: settings.set_pool(s, "a-vp", "Kênh Văn phòng", 12, admin, now, vp))
    first = await make(database, wish(province, now, legs=10), secretary, now)
    other = wish(province, now, hall_ids=(province.halls["tinh"],), terminal_ids=(), chair_id=None, legs=3)
    said = await refused(database, other, secretary, now)
    assert (said.code, "Kênh Văn phòng chỉ còn 2 kết nối" in said.vietnamese) == ("capacity", True)
    await make(database, dataclasses.replace(other, host_unit_id=khcn), secretary, now)
    await database.transact(lambda s: booking_dates.cancel(s, first.id, "superior_order", "", secretary, now))
    async with database.reading() as session:
        used = await session.execute(select(CapacitySlot.pool, func.max(CapacitySlot.used)).group_by(CapacitySlot.pool))
    assert dict(used.all()) == {"a-vp": 0, "main": 3}


async def test_a_pool_counts_the_halls_of_a_meeting_or_its_browsers(
    database: Database, province: Province, now: datetime
) -> None:
    """The call list has the hall of the host and that of an invited unit. An edit takes the same again."""
    secretary, admin = province.actor("secretary", "tinh"), province.actor("admin", "tinh")
    for code, name, legs in (("halls", "Cổng hội trường", 3), ("browsers", "Trình duyệt", 20)):
        given = (code, name, legs, admin, now, None, code)
        await database.transact(lambda s, g=given: settings.set_pool(s, *g))  # type: ignore[misc]

    async def used() -> dict[str, int]:
        async with database.reading() as session:
            rows = await session.execute(
                select(CapacitySlot.pool, func.max(CapacitySlot.used)).group_by(CapacitySlot.pool)
            )
            return dict(rows.all())

    first = await make(database, wish(province, now, legs=10), secretary, now)
    assert await used() == {"main": 10, "halls": 2, "browsers": 8}

    async def later(session: AsyncSession) -> None:
        row = await session.get_one(Meeting, first.id)
        at = row.first_starts_at + timedelta(minutes=15)
        await editing.edit(session, first.id, {"starts_at": at}, secretary, now, row.version)

    await database.transact(later)
    assert await used() == {"main": 10, "halls": 2, "browsers": 8}
    other = wish(province, now, hall_ids=(province.halls["tinh"],), terminal_ids=(), chair_id=None, legs=4)
    said = await refused(database, other, secretary, now)
    assert (said.code, "Cổng hội trường chỉ còn 1 kết nối" in said.vietnamese) == ("capacity", True)
    await make(database, dataclasses.replace(other, hall_ids=(), attendees=()), secretary, now)
    assert await used() == {"main": 14, "halls": 2, "browsers": 12}


async def test_neighbours_do_not_clash(database: Database, province: Province, now: datetime) -> None:
    secretary = province.actor("secretary", "vp")
    first = wish(province, now)
    await make(database, first, secretary, now)
    after = dataclasses.replace(first, starts_at=first.ends_at + timedelta(minutes=30))
    await make(database, after, secretary, now)


async def test_the_same_key_gives_the_same_meeting(database: Database, province: Province, now: datetime) -> None:
    secretary, request = province.actor("secretary", "vp"), wish(province, now)
    first = await make(database, request, secretary, now, "key-1")
    before = await counts(database)
    again = await make(database, request, secretary, now + timedelta(minutes=1), "key-1")
    assert again.id == first.id
    assert await counts(database) == before
    other = await refused(database, dataclasses.replace(request, title="Khác"), secretary, now, "key-1")
    assert other.code == "idempotency_key_reused"
    assert (
        await refused(database, request, secretary, now, "k" * (limits.IDEMPOTENCY_KEY + 1))
    ).code == "bad_idempotency_key"
    # A refusal does not use up the key: the same request may be sent again when the hall is free.
    assert (await refused(database, request, province.actor("secretary", "tinh"), now, "key-2")).code == "overlap"


async def test_the_same_key_at_the_same_time_books_once(database: Database, province: Province, now: datetime) -> None:
    secretary, request = province.actor("secretary", "vp"), wish(province, now)
    made = await asyncio.gather(*(make(database, request, secretary, now, "key") for _ in range(8)))
    assert len({one.id for one in made}) == 1


async def test_only_one_of_many_concurrent_bookings_gets_the_hall(
    database: Database, province: Province, now: datetime
) -> None:
    secretary = province.actor("secretary", "vp")

    async def one(place: int) -> str:
        shifted = wish(province, now, starts_at=now + timedelta(days=2, hours=1, minutes=5 * place))
        try:
            await make(database, shifted, secretary, now)
        except Refusal as refusal:
            return refusal.code
        return "booked"

    answers = await asyncio.gather(*(one(place) for place in range(10)))
    assert sorted(answers) == ["booked"] + ["overlap"] * 9


@POSTGRESQL_IN_SIM
async def test_a_secret_meeting_leaves_only_its_refusal(
    database: Database, province: Province, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    secretary = province.actor("secretary", "vp")
    caplog.set_level(0)
    request = wish(province, now, class_="secret", title="Phương án ABC")
    before = await counts(database)
    with pytest.raises(Refusal) as caught:
        await make(database, request, secretary, now, "key")
    assert caught.value.code == "state_secret"
    assert "ABC" not in repr(caught.value) + caught.value.vietnamese
    assert await counts(database) == before | {"audit_entry": before["audit_entry"] + 1}
    async with database.reading() as session:
        entry = (await session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(1))).one()
        assert entry.action == "meeting.secret_refused"
        assert entry.actor == secretary.label
        assert entry.detail == {}
        with pytest.raises(Refusal):
            await previews.preview(session, request, secretary, now)
    assert "ABC" not in caplog.text


async def set_rule(database: Database, province: Province, **fields: Any) -> None:
    async def work(session: Any) -> None:
        session.add(UnitRule(unit_id=province.units["tinh"], **fields))

    await database.transact(work)


Change_ = Callable[[Province, datetime], dict[str, Any]]
BAD: dict[str, tuple[str, Change_]] = {
    "past": ("past", lambda p, now: {"starts_at": now - timedelta(hours=1)}),
    "now": ("past", lambda p, now: {"starts_at": now}),
    "too soon": ("too_soon", lambda p, now: {"starts_at": now + timedelta(minutes=30), "urgent_reason": ""}),
    "too far": ("too_far", lambda p, now: {"starts_at": now + timedelta(days=500)}),
    "at night": ("outside_hours", lambda p, now: {"starts_at": now + timedelta(days=2, hours=12)}),
    "over the closing hour": ("outside_hours", lambda p, now: {"starts_at": now + timedelta(days=2, hours=9)}),
    "over midnight": ("outside_hours", lambda p, now: {"duration_min": 1300}),
    "Saturday": ("day_off", lambda p, now: {"starts_at": now + timedelta(days=4, hours=1)}),
    "holiday": ("day_off", lambda p, now: {"starts_at": datetime(2026, 4, 30, 2, 0, tzinfo=UTC)}),
    "day off that was set": ("day_off", lambda p, now: {"starts_at": now + timedelta(days=3, hours=1)}),
    "unknown unit": ("unknown_unit", lambda p, now: {"host_unit_id": "nobody"}),
    "unknown hall": ("unknown_hall", lambda p, now: {"hall_ids": ("nowhere",)}),
    "unknown terminal": ("unknown_terminal", lambda p, now: {"terminal_ids": ("nothing",)}),
    "unknown chair": ("unknown_person", lambda p, now: {"chair_id": "nobody"}),
    "unknown type": ("unknown_type", lambda p, now: {"type_code": "party"}),
    "unknown class": ("unknown_class", lambda p, now: {"class_": "casual"}),
    "unknown attendee": ("bad_attendees", lambda p, now: {"attendees": (AttendeeRequest(unit_id="nobody"),)}),
    "two in one": ("bad_attendee", lambda p, now: {"attendees": (AttendeeRequest(unit_id="a", person_id="b"),)}),
    "no title": ("title_missing", lambda p, now: {"title": " \u200b "}),
    "long title": ("too_long", lambda p, now: {"title": "x" * (limits.TITLE + 1)}),
    "long text": ("too_long", lambda p, now: {"description": "x" * (limits.DESCRIPTION + 1)}),
    "long rule": ("too_long", lambda p, now: {"rule": "FREQ=DAILY;" * 50}),
    "too short": ("bad_duration", lambda p, now: {"duration_min": limits.DURATION_LEAST_MIN - 1}),
    "too long": ("bad_duration", lambda p, now: {"duration_min": limits.DURATION_MOST_MIN + 1}),
    "seconds": ("not_a_minute", lambda p, now: {"starts_at": now + timedelta(days=2, seconds=1)}),
    "no zone": ("zone_missing", lambda p, now: {"starts_at": datetime(2026, 3, 5, 9, 0)}),
    "too many halls": ("too_many", lambda p, now: {"hall_ids": ("h",) * (limits.HALLS + 1)}),
    "too many terminals": ("too_many", lambda p, now: {"terminal_ids": ("t",) * (limits.TERMINALS + 1)}),
    "too many documents": ("too_many", lambda p, now: {"documents": (DocumentRequest("1"),) * (limits.DOCUMENTS + 1)}),
    "too many attendees": (
        "too_many",
        lambda p, now: {"attendees": (AttendeeRequest(unit_id="u"),) * (limits.ATTENDEE_REQUESTS + 1)},
    ),
    "bad rule": ("bad_rule", lambda p, now: {"rule": "FREQ=OFTEN"}),
    "too often": ("rule_too_often", lambda p, now: {"rule": "FREQ=MINUTELY"}),
    "too long a series": ("series_too_long", lambda p, now: {"rule": f"FREQ=DAILY;COUNT={limits.OCCURRENCES + 1}"}),
    "off its rule": ("first_date_off_rule", lambda p, now: {"rule": "FREQ=WEEKLY;BYDAY=MO"}),
    "overlaps itself": ("series_overlaps_itself", lambda p, now: {"rule": "FREQ=DAILY;BYHOUR=9,10;COUNT=4"}),
    "connects oddly": ("bad_connect", lambda p, now: {"connect": "shout"}),
    "too many legs": ("bad_legs", lambda p, now: {"legs": limits.LEGS + 1}),
    "more legs than there are": ("capacity", lambda p, now: {"legs": 41}),
    "precedence without reason": ("reason_missing", lambda p, now: {"precedence": 1}),
    "long identifier": ("bad_identifier", lambda p, now: {"hall_ids": ("h" * 33,)}),
}


@POSTGRESQL_IN_SIM
async def test_bad_input(database: Database, province: Province, now: datetime) -> None:
    await set_rule(database, province, ahead_min=60, ahead_days=400)

    async def work(session: Any) -> None:
        session.add(Holiday(day=(now + timedelta(days=3)).date(), name="Nghỉ bù"))

    await database.transact(work)
    secretary = province.actor("secretary", "vp")
    for case, (code, change) in BAD.items():
        said = await refused(database, wish(province, now, **change(province, now)), secretary, now)
        assert said.code == code, case
        assert said.vietnamese, case
        assert said.vietnamese[0].isupper(), case
        assert said.vietnamese.rstrip()[-1] == ".", case


async def test_quota_by_week_and_by_month(database: Database, province: Province, now: datetime) -> None:
    await set_rule(database, province, meetings_a_week=2, hours_a_month=5)
    secretary = province.actor("secretary", "vp")
    bare = wish(province, now, hall_ids=(), terminal_ids=(), chair_id=None)
    await make(database, bare, secretary, now)
    await make(database, bare, secretary, now)
    said = await refused(database, bare, secretary, now)
    assert said.code == "over_quota"
    assert "2 cuộc họp trong tuần từ 02/03/2026" in said.vietnamese
    next_week = dataclasses.replace(bare, starts_at=bare.starts_at + timedelta(days=7))
    said = await refused(database, next_week, secretary, now)
    assert said.code == "over_quota"
    assert "5 giờ họp trong tháng 03/2026" in said.vietnamese
    await make(database, dataclasses.replace(next_week, duration_min=60), secretary, now)
    # Another unit has its own quota.
    await make(
        database, dataclasses.replace(bare, host_unit_id=province.units["yt"]), province.actor("secretary", "yt"), now
    )


async def test_a_quota_holds_for_many_concurrent_bookings(
    database: Database, province: Province, now: datetime
) -> None:
    await set_rule(database, province, meetings_a_week=3)
    secretary = province.actor("secretary", "vp")
    bare = wish(province, now, hall_ids=(), terminal_ids=(), chair_id=None)

    async def one() -> str:
        try:
            await make(database, bare, secretary, now)
        except Refusal as refusal:
            return refusal.code
        return "booked"

    assert sorted(await asyncio.gather(*(one() for _ in range(9)))) == ["booked"] * 3 + ["over_quota"] * 6


@POSTGRESQL_IN_SIM
async def test_the_nearest_rule_above_decides(database: Database, province: Province, now: datetime) -> None:
    await set_rule(database, province, opens_min=9 * 60)

    async def work(session: Any) -> None:
        session.add(UnitRule(unit_id=province.units["yt"], opens_min=6 * 60, weekends=True))

    await database.transact(work)
    early = {"starts_at": now + timedelta(days=4, hours=-1), "hall_ids": (), "terminal_ids": ()}
    assert (
        await refused(database, wish(province, now, **early), province.actor("secretary", "vp"), now)
    ).code == "day_off"
    request = wish(province, now, **early, host_unit_id=province.units["yt"])
    await make(database, request, province.actor("secretary", "yt"), now)


@POSTGRESQL_IN_SIM
async def test_an_operator_with_a_reason_may_book_at_night(
    database: Database, province: Province, now: datetime
) -> None:
    await set_rule(database, province, ahead_min=180)
    night = wish(province, now, starts_at=now + timedelta(hours=12), urgent_reason="")
    operator = province.actor("operator", "tinh")
    assert (await refused(database, night, operator, now)).code == "outside_hours"
    await make(database, dataclasses.replace(night, urgent_reason="Ứng phó bão số 3"), operator, now)
    soon = wish(province, now, starts_at=now + timedelta(minutes=60), hall_ids=(), terminal_ids=(), chair_id=None)
    soon = dataclasses.replace(soon, urgent_reason="")
    secretary = province.actor("secretary", "vp")
    assert (await refused(database, soon, secretary, now)).code == "too_soon"
    await make(database, dataclasses.replace(soon, urgent_reason="Họp đột xuất"), secretary, now)


@POSTGRESQL_IN_SIM
async def test_users_without_the_right_role_or_factor_cannot_book(
    database: Database, province: Province, now: datetime
) -> None:
    for role, unit in (("auditor", "vp"), ("approver", "vp"), ("secretary", "yt"), ("requester", "xa1")):
        assert (await refused(database, wish(province, now), province.actor(role, unit), now)).code == "denied"
    single = dataclasses.replace(province.actor("operator", "tinh"), factors=1)
    assert (await refused(database, wish(province, now), single, now)).code == "second_factor_needed"


async def test_an_important_meeting_takes_only_closed_terminals(
    database: Database, province: Province, now: datetime
) -> None:
    async def work(session: Any) -> None:
        from rooms.store.tables.sites import Terminal

        terminal = await session.get(Terminal, province.terminals["tinh-a"])
        terminal.network_id = None

    await database.transact(work)
    secretary = province.actor("secretary", "vp")
    assert (await refused(database, wish(province, now), secretary, now)).code == "network_open"
    await make(database, wish(province, now, class_="ordinary"), secretary, now)


def test_slots_are_the_quarters_that_a_date_touches() -> None:
    at = datetime(2026, 3, 3, 1, 10, tzinfo=UTC)
    assert resources.slots(at, at + timedelta(minutes=5)) == [at.replace(minute=0)]
    assert len(resources.slots(at, at + timedelta(minutes=6))) == 2
    assert len(resources.slots(at.replace(minute=0), at.replace(minute=30))) == 2


def test_the_number_of_legs_follows_the_attendees() -> None:
    request = Request("x", "t", "u", datetime(2026, 3, 3, tzinfo=UTC), 60)
    devices = [Device(str(n), "", "s", None, False, True, True) for n in range(3)]
    calls = call_list({}, [], ["0", "1", "2"], devices)
    assert plans.wanted_legs(request, "important", calls, 50) == 3
    assert plans.wanted_legs(request, "ordinary", calls, 50) == 53
    assert plans.wanted_legs(request, "ordinary", EMPTY, 0) == 2
    staff = dataclasses.replace(
        request, secretary_id="lan", operator_id="hung", attendees=(AttendeeRequest(person_id="lan"),)
    )
    assert plans.wanted_legs(staff, "ordinary", calls, 50) == 54
