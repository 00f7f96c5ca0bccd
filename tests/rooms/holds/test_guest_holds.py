"""The hold of the halls of invited units: soft, firm, refused to others, objected to, kept by every change. On both databases."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select, update

from rooms.booking.changes import dates as booking_dates
from rooms.booking.changes import deciding, editing, objecting, timers, undoing
from rooms.booking.holds import grid, guest_holds
from rooms.booking.planning.requests import AttendeeRequest, Request
from rooms.meetings import views
from rooms.policy.actors import COMMAND, Actor
from rooms.store.database import Database
from rooms.store.tables.booking import Reservation
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.sites import Hall
from tests.rooms.booking.test_creation import make, refused
from tests.rooms.booking.test_life import approved, denied, do
from tests.rooms.holds.test_attendance import answered, second, seen
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province


def holding(province: Province, now: datetime, *codes: str, **changes: Any) -> Request:
    """Return a request that invites these units and holds their halls."""
    invited = (AttendeeRequest(unit_id=province.units[one]) for one in codes or ("xa1", "khcn", "xa2"))
    return second(province, now, *invited, **{"title": "Hội nghị", "hold_guests": True, "submit": True} | changes)


def own(province: Province, now: datetime, code: str = "xa1", **changes: Any) -> Request:
    """Return a request of the unit for its own hall at the same time."""
    given = {"hall_ids": (province.halls[code],), "host_unit_id": province.units[code], "title": "Họp xã"}
    return second(province, now, **given | changes)


async def states(database: Database, meeting: Meeting, now: datetime) -> dict[str, str]:
    """Return the state of each hall by its unit."""
    async with database.reading() as session:
        stored = await session.get_one(Meeting, meeting.id)
        found = await guest_holds.of_meeting(session, stored, now)
    return {one.unit_id.removeprefix("unit-"): one.state for one in found}


async def firm(database: Database, meeting_id: str) -> list[tuple[str, datetime]]:
    """Return the halls that are reserved for invited units, with the start of the date."""
    async with database.reading() as session:
        rows = await session.execute(
            select(Reservation.resource_id, Occurrence.starts_at)
            .join(Occurrence, Occurrence.id == Reservation.occurrence_id)
            .where(
                Occurrence.meeting_id == meeting_id, Reservation.active, Reservation.guest, Reservation.kind == "hall"
            )
            .order_by(Occurrence.starts_at, Reservation.resource_id)
        )
    return [(hall, at) for hall, at in rows]


async def entries(database: Database, actor: Actor, request: Request, now: datetime, unit: str) -> list[Any]:
    async with database.reading() as session:
        found = await grid.board(
            session, request.starts_at - timedelta(hours=12), request.starts_at + timedelta(hours=12), actor, now, unit
        )
    return list(found.entries)


async def test_a_soft_hold_becomes_firm_and_is_refused_to_others(
    database: Database, province: Province, now: datetime
) -> None:
    desk, commune = province.actor("secretary", "vp"), province.actor("secretary", "xa1")
    approver, operator = province.actor("approver", "tinh"), province.actor("operator", "tinh")
    request = holding(province, now)
    meeting = await make(database, request, desk, now)
    assert await states(database, meeting, now) == {"xa1": "soft", "khcn": "soft", "xa2": "none"}
    (entry,) = await entries(database, commune, request, now, province.units["xa1"])
    assert (entry.hold, entry.title, entry.objects, entry.meeting_id) == ("soft", "Hội nghị", meeting.id, "")
    (entry,) = await entries(database, province.actor("requester", "yt"), request, now, province.units["xa1"])
    assert (entry.hold, entry.title, entry.objects) == ("soft", "Đã có lịch", "")
    shown = {one.hall_name: one.state for one in (await seen(database, holding(province, now), desk, now)).guest_halls}
    assert shown == {"Phòng họp xa1": "held", "Phòng họp khcn": "held", "": "none"}
    # A soft hold is no reservation: the commune may use its hall itself.
    other = await make(database, own(province, now), commune, now)
    await do(database, lambda s: deciding.decide(s, meeting.id, True, "", approver, now))
    assert await firm(database, meeting.id) == [], "the first step of the approval reserves nothing"
    await do(database, lambda s: deciding.decide(s, meeting.id, True, "", operator, now))
    assert await states(database, meeting, now) == {"xa1": "taken", "khcn": "firm", "xa2": "none"}
    said = await refused(database, own(province, now, "khcn"), province.actor("secretary", "khcn"), now)
    assert "Phòng họp khcn bận 08:45-11:15" in said.vietnamese
    assert "Văn phòng UBND tỉnh" in said.vietnamese
    (entry,) = await entries(database, province.actor("secretary", "khcn"), request, now, province.units["khcn"])
    assert (entry.hold, entry.objects) == ("firm", meeting.id)
    async with database.reading() as session:
        view = await views.meeting_view(session, meeting.id, desk, now)
    assert not [one for one in view.reservations if one.kind == "hall"], "the held halls are no place of the meeting"
    await do(database, lambda s: booking_dates.cancel(s, other.id, "other", "Bận", commune, now))
    await answered(database, meeting, province.units["xa1"], now)
    assert await states(database, meeting, now) == {"xa1": "firm", "khcn": "firm", "xa2": "none"}
    await answered(database, meeting, province.units["xa1"], now, answer="declined")
    assert await states(database, meeting, now) == {"khcn": "firm", "xa2": "none"}
    await make(database, own(province, now), commune, now)


@POSTGRESQL_IN_SIM
async def test_a_hall_that_is_still_cleared_up_from_the_day_before_is_not_held(
    database: Database, province: Province, now: datetime
) -> None:
    """The reservations of the hall meet in the evening before the meeting, and the approval leaves the hall out."""
    await do(
        database,
        lambda s: s.execute(
            update(Hall).where(Hall.id == province.halls["xa1"]).values(setup_min=12 * 60, clearup_min=6 * 60)
        ),
    )
    request = holding(province, now, starts_at=now + timedelta(days=7))
    before = own(province, now, starts_at=request.starts_at - timedelta(hours=16))
    await make(database, before, province.actor("secretary", "xa1"), now)
    meeting = await make(database, request, province.actor("secretary", "vp"), now)
    for role in ("approver", "operator"):
        actor = province.actor(role, "tinh")
        await do(
            database, partial(deciding.decide, meeting_id=meeting.id, approve_=True, reason="", actor=actor, now=now)
        )
    assert await states(database, meeting, now) == {"xa1": "taken", "khcn": "firm", "xa2": "none"}
    said = await refused(database, own(province, now, starts_at=request.starts_at), COMMAND, now)
    assert "Phòng họp xa1 bận" in said.vietnamese


async def test_a_unit_objects_and_the_host_gives_the_hall_back(
    database: Database, province: Province, now: datetime
) -> None:
    desk, hall = province.actor("secretary", "vp"), province.halls["xa1"]
    commune, other = province.actor("secretary", "xa1"), province.actor("secretary", "yt")
    meeting = await make(database, holding(province, now), desk, now)
    args = (meeting.id, hall)
    assert (await denied(database, lambda s: objecting.object_to(s, *args, "x", other, now))).code == "denied"
    assert (await denied(database, lambda s: objecting.object_to(s, *args, " ", commune, now))).code == "reason_missing"
    elsewhere = (meeting.id, province.halls["tinh"])
    tinh = province.actor("secretary", "tinh")
    assert (await denied(database, lambda s: objecting.object_to(s, *elsewhere, "x", tinh, now))).code == "unknown_hold"
    await do(database, lambda s: objecting.object_to(s, *args, "Họp HĐND xã", commune, now))
    assert (await states(database, meeting, now))["xa1"] == "free"
    assert await entries(database, commune, holding(province, now), now, province.units["xa1"]) == []
    await do(database, lambda s: objecting.withdraw(s, *args, commune, now))
    assert (await states(database, meeting, now))["xa1"] == "soft"
    for actor in (province.actor("approver"), province.actor("operator")):
        await do(
            database, partial(deciding.decide, meeting_id=meeting.id, approve_=True, reason="", actor=actor, now=now)
        )
    await do(database, lambda s: objecting.object_to(s, *args, "Họp HĐND xã", commune, now))
    assert (await states(database, meeting, now))["xa1"] == "firm", "a firm hold stays until the host gives it back"
    async with database.reading() as session:
        stored = await session.get_one(Meeting, meeting.id)
        assert [one.objection for one in await guest_holds.of_meeting(session, stored, now)] == ["", "Họp HĐND xã", ""]
    assert (await denied(database, lambda s: objecting.give_back(s, *args, commune, now))).code == "unknown_meeting"
    await do(database, lambda s: objecting.give_back(s, *args, desk, now))
    assert (await states(database, meeting, now))["xa1"] == "free"
    await make(database, own(province, now), commune, now)


async def test_changes_keep_the_firm_holds(database: Database, province: Province, now: datetime) -> None:
    """An edit, an extension, another time, a split series, further dates and an undo keep the halls, or release them."""
    operator = province.actor("operator", "tinh")
    meeting = await approved(database, province, holding(province, now, rule="FREQ=WEEKLY;COUNT=4"), now)
    halls = [province.halls["khcn"], province.halls["xa1"]]
    starts = [meeting.first_starts_at + timedelta(days=7 * n) for n in range(4)]
    assert await firm(database, meeting.id) == [(hall, at) for at in starts for hall in halls]

    async def change(scope: str = "all", date: int = 0, **changes: Any) -> Meeting:
        async with database.reading() as session:
            version = (await session.get_one(Meeting, meeting.id)).version
            ids = list(
                await session.scalars(
                    select(Occurrence.id).where(Occurrence.meeting_id == meeting.id).order_by(Occurrence.starts_at)
                )
            )
        given = (meeting.id, changes, COMMAND, now, version, scope, ids[date])
        return await do(database, lambda s: editing.edit(s, *given))  # type: ignore[arg-type]

    moved = starts[1] + timedelta(hours=3)
    await change("this", 1, starts_at=moved)
    assert [at for hall, at in await firm(database, meeting.id) if hall == halls[0]] == [starts[0], moved, *starts[2:]]
    part = await change("following", 2, title="Hội nghị kỳ sau")
    assert [at for hall, at in await firm(database, part.id) if hall == halls[0]] == starts[2:]
    await change(hold_guests=False)
    assert await firm(database, meeting.id) == []
    await do(database, lambda s: undoing.undo(s, meeting.id, operator, now))
    assert [at for hall, at in await firm(database, meeting.id) if hall == halls[1]] == [starts[0], moved]
    await do(database, lambda s: booking_dates.cancel(s, meeting.id, "other", "Bận", operator, now))
    assert await firm(database, meeting.id) == []


@POSTGRESQL_IN_SIM
async def test_a_unit_that_is_invited_later_must_accept(database: Database, province: Province, now: datetime) -> None:
    desk = province.actor("secretary", "vp")
    meeting = await approved(database, province, holding(province, now, "khcn"), now)
    units = [AttendeeRequest(unit_id=province.units[one]) for one in ("khcn", "xa1")]
    given = (meeting.id, {"attendees": tuple(units)}, desk, now, meeting.version)
    await do(database, lambda s: editing.edit(s, *given))
    assert await states(database, meeting, now) == {"khcn": "firm", "xa1": "soft"}


@POSTGRESQL_IN_SIM
async def test_a_hold_that_is_not_submitted_ends(database: Database, province: Province, now: datetime) -> None:
    desk = province.actor("secretary", "vp")
    meeting = await make(database, holding(province, now, submit=False, starts_at=now + timedelta(days=9)), desk, now)
    assert (await states(database, meeting, now))["xa1"] == "soft"
    over = now + timedelta(hours=48)
    await do(database, lambda s: timers.hold_over(s, {"meeting_id": meeting.id}, over))
    assert (await states(database, meeting, over))["xa1"] == "free"
