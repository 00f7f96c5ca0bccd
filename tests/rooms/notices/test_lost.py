"""Terminals that a meeting loses to their own unit: the notices and the history. On both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from rooms.booking.changes import dates as booking_dates
from rooms.booking.changes import undoing
from rooms.booking.holds import losing
from rooms.booking.meeting import history
from rooms.booking.planning.requests import AttendeeRequest
from rooms.meetings import views
from rooms.store.tables.booking import Change, Reservation
from rooms.store.tables.meetings import Meeting, Occurrence
from tests.rooms.booking.test_creation import make, wish
from tests.rooms.notices.test_notices import Office, office
from tests.rooms.people import SignedIn, signed_in

__all__ = ["office"]
XA1 = "xa1"


async def desk_of(office: Office) -> SignedIn:
    unit, person_id = office.province.units[XA1], office.province.people["xa1-1"]
    return await signed_in(office.database, "secretary", unit, office.now, person_id=person_id)


def guest(office: Office) -> tuple[AttendeeRequest, ...]:
    return (AttendeeRequest(unit_id=office.province.units[XA1]),)


async def own(office: Office, desk: SignedIn, **changes: Any) -> Meeting:
    """Book the hall of the invited unit, as this unit, and wait for the approval."""
    of_unit: dict[str, Any] = {
        "host_unit_id": office.province.units[XA1],
        "hall_ids": (office.province.halls[XA1],),
        "terminal_ids": (),
        "attendees": (),
        "chair_id": office.province.people["xa1-1"],
    }
    asked = wish(office.province, office.now, **of_unit | changes, title="Họp kín của xã", submit=True)
    return await make(office.database, asked, desk.actor, office.now)


async def dates_of(office: Office, meeting: Meeting) -> list[Occurrence]:
    of_meeting = select(Occurrence).where(Occurrence.meeting_id == meeting.id).order_by(Occurrence.starts_at)
    async with office.database.reading() as session:
        return list(await session.scalars(of_meeting))


async def guests(office: Office) -> int:
    """Return how many dates have the terminal of an invited unit."""
    async with office.database.reading() as session:
        return len(list(await session.scalars(select(Reservation.id).where(Reservation.guest, Reservation.active))))


async def lines(office: Office) -> list[tuple[str, str]]:
    async with office.database.reading() as session:
        rows = await session.scalars(select(Change).where(Change.action == losing.LOST))
        return [(one.meeting_id, one.summary) for one in rows]


async def test_a_meeting_and_a_unit_hear_of_a_terminal_that_its_unit_took_back(office: Office) -> None:
    """The meeting does not hold the hall, and the unit books it for the second and the third date."""
    unit, when = office.province.units[XA1], office.now + timedelta(days=9, hours=1)
    desk = await desk_of(office)
    series = {"rule": "FREQ=WEEKLY;COUNT=3", "operator_id": office.province.people["tinh-2"]}
    made = await office.approved(**series, attendees=guest(office))
    await own(office, desk, starts_at=when, rule="FREQ=WEEKLY;COUNT=2")
    await office.work()
    for who in (office.secretary, office.operator, office.chair, desk):
        (told,) = await office.notices(who, kind="hall_lost")
        assert (told.notice.about, told.notice.meeting_id) == ("Thiết bị xa1", made.id)
        assert (told.notice.reason, told.done) == (f"{losing.OWN} Số buổi: 2.", False)
    assert await lines(office) == [(made.id, f"Thiết bị xa1. {losing.OWN} Số buổi: 2.")]
    async with office.database.reading() as session:
        view = await views.meeting_view(session, made.id, office.secretary.actor, office.now)
    [line] = [one for one in view.calls.lines if one.unit_id == unit]
    assert line.taken is not None
    assert (line.taken.starts_at, line.taken.dates, line.taken.title) == (when, 2, ""), "not called, and by whom"


async def test_one_notice_tells_all_that_one_booking_takes(office: Office) -> None:
    """The unit books the time of the third date, and rehearses at the time of the second. The first date has begun by then."""
    made = await office.approved(rule="FREQ=WEEKLY;COUNT=3", attendees=guest(office))
    dates = await dates_of(office, made)
    await own(office, await desk_of(office), starts_at=dates[2].starts_at, rehearsal_at=dates[1].starts_at)
    begins = update(Occurrence).where(Occurrence.id == dates[1].id).values(state="running")
    await office.database.transact(lambda s: s.execute(begins))
    await office.work()
    assert await guests(office) == 1
    assert await lines(office) == [(made.id, f"Thiết bị xa1. {losing.OWN} Số buổi: 2.")]
    (told,) = await office.notices(office.secretary, kind="hall_lost")
    assert (told.notice.occurrence_id, told.notice.until) == (dates[1].id, dates[2].ends_at)


async def test_a_lost_terminal_leaves_the_version_and_the_undo(office: Office) -> None:
    made = await office.approved(attendees=guest(office))
    await office.edit(made, {"description": "Nội dung mới"})

    async def stored() -> tuple[int, str]:
        async with office.database.reading() as session:
            meeting = await session.get_one(Meeting, made.id)
            return meeting.version, (await history.last_undoable(session, meeting, office.now)).action

    before = await stored()
    await own(office, await desk_of(office), starts_at=made.first_starts_at)
    await office.work(office.now + timedelta(seconds=1))
    assert await stored() == before
    async with office.database.reading() as session:
        newest = (await history.changes(session, made.id, office.secretary.actor))[0]
    assert newest.action == losing.LOST
    await office.database.transact(lambda s: undoing.undo(s, made.id, office.secretary.actor, office.now))


async def test_a_terminal_that_its_unit_gives_back_is_taken_again(office: Office) -> None:
    desk = await desk_of(office)
    rehearsed = {"rehearsal_at": office.now + timedelta(days=1, hours=1)}
    made = await office.approved(attendees=guest(office), **rehearsed)
    assert await guests(office) == 2
    theirs = await own(office, desk, starts_at=made.first_starts_at, **rehearsed)
    await office.work()
    assert await guests(office) == 0
    (told,) = await office.notices(office.secretary, kind="hall_lost")
    assert (told.done, told.notice.also_at) == (False, rehearsed["rehearsal_at"])
    await office.database.transact(
        lambda s: booking_dates.cancel(s, theirs.id, "other", "Hoãn", desk.actor, office.now)
    )
    await office.work()
    assert await guests(office) == 2
    for who in (office.secretary, desk):
        assert [one.done for one in await office.notices(who, kind="hall_lost")] == [True]


async def test_a_terminal_that_a_rehearsal_loses_is_told_by_its_meeting(office: Office) -> None:
    desk, rehearsal_at = await desk_of(office), office.now + timedelta(days=1, hours=1)
    made = await office.approved(attendees=guest(office), rehearsal_at=rehearsal_at)
    await own(office, desk, starts_at=rehearsal_at)
    await office.work()
    [(meeting_id, summary)] = await lines(office)
    assert (meeting_id, summary[: -len(" 00:00 00/00/0000.")]) == (
        made.id,
        f"Thiết bị xa1. {losing.OWN} Buổi tổng duyệt",
    )
    for who in (office.secretary, desk):
        (told,) = await office.notices(who, kind="hall_lost")
        assert told.meeting is not None
        assert (told.meeting.id, told.date, told.notice.also_at, told.done) == (made.id, None, rehearsal_at, False)
