"""The rehearsal of a meeting: one press books both, and the rehearsal follows its meeting."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from rooms.booking.changes import dates, deciding, editing, objecting, precedence, resubmitting, timers, undoing
from rooms.booking.holds import grid, rehearsals
from rooms.booking.meeting import call_list, timing
from rooms.booking.planning import previews
from rooms.booking.planning.requests import AttendeeRequest, Request
from rooms.dialling import planning
from rooms.dialling.rehearsal import checks, day, site_pages
from rooms.dialling.rehearsal.checks import Result
from rooms.errors import Refusal
from rooms.meetings import answers, invitations, own_dates, sending, views, wording
from rooms.meetings.letters import fields
from rooms.notices import events
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.tables.accounts import Account
from rooms.store.tables.booking import Reservation
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.notices import Notice
from rooms.store.tables.org import Unit
from rooms.store.tables.records import Job
from signaling.notify import notices
from tests.rooms.booking.test_calls import wish
from tests.rooms.booking.test_terminal_holds import at_khcn, book, change, held
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

HOUR = timedelta(hours=1)
TINH_A, XA1, XA2 = "terminal-tinh-a", "terminal-xa1", "terminal-xa2"
GOOD = Result(True, True, True, True, 12)


def rehearsed(province: Province, now: datetime, **changes: Any) -> Request:
    """Return the request of a meeting tomorrow, with a rehearsal of 30 minutes in three hours."""
    return wish(province, now, **{"rehearsal_at": now + 3 * HOUR, "rehearsal_min": 30, **changes})


async def followed(database: Database, now: datetime) -> None:
    """Do the jobs of rehearsals, as the server does."""

    async def work(session: Any) -> None:
        jobs = await session.scalars(select(Job).where(Job.kind == timing.FOLLOW, Job.done_at.is_(None)))
        for job in list(jobs):
            await timers.follow(session, job.payload, now)
            job.done_at = now

    await database.transact(work)


async def invited(database: Database, meeting: Meeting) -> None:
    """Store that all attendees have the present invitation, as a mail server does. The maker gets an account for notices."""

    async def work(session: Any) -> None:
        whole = await session.get_one(Meeting, meeting.id)
        for one in await session.scalars(select(Attendee).where(Attendee.meeting_id == meeting.id)):
            one.notified = whole.sequence
        session.add(Account(id=whole.created_by, name="thuky", created_at=whole.created_at, recovery=[]))

    await database.transact(work)


async def told(database: Database, meeting: Meeting, now: datetime) -> tuple[list[str], list[str]]:
    """Do the jobs of notices and mails about rehearsals. Return the reasons of the notices, and the rehearsal in the mails."""
    around = invitations.Around(b"k" * 32, "https://hop.example", "")

    async def work(session: Any) -> list[str]:
        for kind, handle in ((timing.REHEARSED, events.rehearsal), (timing.REHEARSAL, invitations.rehearsal_changed)):
            for job in list(await session.scalars(select(Job).where(Job.kind == kind, Job.done_at.is_(None)))):
                await handle(session, job.payload, now)
                job.done_at = now
        texts = []
        for job in list(await session.scalars(select(Job).where(Job.kind == "mail.rehearsal", Job.done_at.is_(None)))):
            mails = await invitations.prepare(session, job.kind, job.payload, around, now)
            texts += [notices.notice(one).text for one in mails]
            job.done_at = now
        return texts

    texts = await database.transact(work)
    async with database.reading() as session:
        news = select(Notice.reason).where(Notice.kind == "rehearsal_changed", Notice.meeting_id == meeting.id)
        return sorted(set(await session.scalars(news))), texts


async def approve(database: Database, province: Province, meeting: Meeting, now: datetime) -> None:
    for role in ("approver", "operator"):
        actor = province.actor(role, "tinh")
        await database.transact(lambda session, actor=actor: deciding.decide(session, meeting.id, True, "", actor, now))  # type: ignore[misc]
    await followed(database, now)


async def rehearsal_of(database: Database, meeting: Meeting) -> tuple[Meeting, Occurrence]:
    async with database.reading() as session:
        found = await rehearsals.of_meeting(session, meeting.id)
        assert found is not None
        return found, (await rehearsals.dates_of(session, found.id))[-1]


async def booked(database: Database, province: Province, now: datetime, **changes: Any) -> tuple[Meeting, Occurrence]:
    """Return an approved meeting, and the date of its rehearsal."""
    made = await book(database, province, rehearsed(province, now, **changes), now)
    await approve(database, province, made, now)
    return made, (await rehearsal_of(database, made))[1]


async def test_one_press_books_both_with_the_same_call_list(
    database: Database, province: Province, now: datetime
) -> None:
    made = await book(database, province, rehearsed(province, now), now)
    rehearsal, date = await rehearsal_of(database, made)
    assert (rehearsal.title, rehearsal.state, rehearsal.number) == ("Tổng duyệt: Giao ban", "asked", None)
    assert (date.starts_at, date.ends_at) == (now + 3 * HOUR, now + 3.5 * HOUR)
    assert await held(database, rehearsal.id) == await held(database, made.id) == {TINH_A}
    await approve(database, province, made, now)
    rehearsal, date = await rehearsal_of(database, made)
    assert rehearsal.state == "approved"
    assert rehearsal.number
    assert await held(database, rehearsal.id) == await held(database, made.id) == {TINH_A, XA1}
    soon = date.starts_at - timedelta(minutes=20)
    await database.transact(lambda session: planning.plan(session, soon))
    async with database.reading() as session:
        legs = await session.scalars(select(DialLeg).where(DialLeg.occurrence_id == date.id))
        assert {(one.terminal_id, one.state, one.asked_by) for one in legs} == {
            (TINH_A, "idle", "schedule"),
            (XA1, "idle", "schedule"),
        }


async def test_the_rehearsal_follows_the_call_list_and_the_answers(
    database: Database, province: Province, now: datetime
) -> None:
    made, date = await booked(database, province, now)
    units = (AttendeeRequest(unit_id=province.units["xa2"]), AttendeeRequest(unit_id=province.units["xa1"]))
    await change(database, made, now, attendees=units, terminal_ids=("terminal-khcn",))
    await followed(database, now)
    rehearsal, same = await rehearsal_of(database, made)
    assert same.id == date.id
    async with database.reading() as session:
        whole = await session.get_one(Meeting, made.id)
        wanted, found = [await call_list.of_date(session, one) for one in (whole, rehearsal)]
    assert found == wanted

    async def decline(session: Any) -> None:
        rows = select(Attendee).where(Attendee.meeting_id == made.id, Attendee.unit_id == province.units["xa1"])
        attendee = (await session.scalars(rows)).one()
        await answers.answer(session, attendee, "declined", "", None, province.actor("unit_desk", "xa1"), now, "link")

    await database.transact(decline)
    await followed(database, now)
    assert XA1 not in await held(database, rehearsal.id)


async def test_a_rehearsal_keeps_what_does_not_change(database: Database, province: Province, now: datetime) -> None:
    """A job for the rehearsal writes as many rows as differ, and the answer of a person stores no job."""
    units = tuple(AttendeeRequest(unit_id=province.units[code]) for code in ("xa1", "khcn"))
    person = AttendeeRequest(person_id=province.people["khcn-2"])
    made, date = await booked(database, province, now, attendees=(*units, person))
    wrote: list[str] = []

    def seen(*given: Any) -> None:
        if changes := re.match(r"(?:WITH w0 AS \()?(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)", given[2]):
            wrote.append(changes[1])

    async def rows() -> dict[str, str]:
        found = select(Reservation.resource_id, Reservation.id).where(Reservation.occurrence_id == date.id)
        async with database.reading() as session:
            return dict((await session.execute(found)).all())

    async def answered(given: str, **who: str | None) -> None:
        async def work(session: Any) -> None:
            of_meeting = select(Attendee).where(Attendee.meeting_id == made.id)
            attendee = (await session.scalars(of_meeting.filter_by(**who))).one()
            await answers.answer(session, attendee, given, "", None, province.actor("admin", "tinh"), now)

        await database.transact(work)

    async def written() -> set[str]:
        wrote.clear()
        event.listen(database.engine.sync_engine, "before_cursor_execute", seen)
        await followed(database, now)
        event.remove(database.engine.sync_engine, "before_cursor_execute", seen)
        return set(wrote) - {"job"}

    first = await rows()
    assert set(first) == {province.halls["tinh-a"], TINH_A, XA1, "terminal-khcn"}
    await answered("accepted", unit_id=province.units["xa1"], person_id=None)
    assert await written() == {"attendee"}
    assert await rows() == first
    await answered("declined", unit_id=province.units["xa1"], person_id=None)
    assert await written() == {"attendee", "reservation"}
    assert await rows() == {thing: id_ for thing, id_ in first.items() if thing != XA1}
    await answered("accepted", unit_id=province.units["xa1"], person_id=None)
    assert await written() == {"attendee", "reservation"}
    again = await rows()
    assert again == {**first, XA1: again[XA1]}
    await answered("accepted", person_id=province.people["khcn-2"])
    async with database.reading() as session:
        assert await session.scalar(select(Job.id).where(Job.kind == timing.FOLLOW, Job.done_at.is_(None))) is None
    await change(database, made, now, starts_at=made.first_starts_at + HOUR)
    assert await rows() != again
    assert await written() == set(), "the edit has settled the rehearsal itself"


async def test_a_taken_hall_refuses_both_and_names_the_rehearsal(
    database: Database, province: Province, now: datetime
) -> None:
    at = {"starts_at": now + 3 * HOUR, "attendees": (), "hall_ids": (province.halls["tinh-a"],)}
    await book(database, province, wish(province, now, title="Họp khác", **at), now)
    with pytest.raises(Refusal) as refused:
        await book(database, province, rehearsed(province, now), now)
    assert refused.value.code == "rehearsal_taken"
    assert "Chưa đặt được tổng duyệt lúc" in refused.value.vietnamese
    assert "Họp khác" in refused.value.vietnamese
    async with database.reading() as session:
        assert await session.scalar(select(Meeting.id).where(Meeting.title == "Giao ban")) is None
        seen = await previews.preview(session, rehearsed(province, now), province.actor("secretary", "tinh"), now)
    assert not seen.bookable
    assert not seen.clashing
    assert seen.rehearsal is not None
    assert [one.kind for one in seen.rehearsal.clashes] == ["hall"]


@POSTGRESQL_IN_SIM
async def test_a_rehearsal_ends_before_the_meeting(database: Database, province: Province, now: datetime) -> None:
    for at, code in ((now + timedelta(days=1), "rehearsal_late"), (now, "rehearsal_past")):
        with pytest.raises(Refusal) as refused:
            await book(database, province, rehearsed(province, now, rehearsal_at=at), now)
        assert refused.value.code == code


async def test_a_cancelled_meeting_cancels_its_rehearsal_and_an_undo_brings_it_back(
    database: Database, province: Province, now: datetime
) -> None:
    made, date = await booked(database, province, now)
    rehearsal = (await rehearsal_of(database, made))[0]
    with pytest.raises(Refusal) as refused:
        await database.transact(lambda session: dates.cancel(session, rehearsal.id, "not_ready", "", COMMAND, now))
    assert refused.value.code == "follows_meeting"
    await database.transact(lambda session: dates.cancel(session, made.id, "not_ready", "", COMMAND, now))
    await followed(database, now)
    rehearsal, date = await rehearsal_of(database, made)
    assert (rehearsal.state, date.state) == ("cancelled", "cancelled")
    assert await held(database, rehearsal.id) == set()
    await database.transact(lambda session: undoing.undo(session, made.id, COMMAND, now))
    rehearsal, date = await rehearsal_of(database, made)
    assert (rehearsal.state, date.state) == ("approved", "planned")
    assert await held(database, rehearsal.id) == {TINH_A, XA1}


@POSTGRESQL_IN_SIM
async def test_another_time_of_the_rehearsal_waits_for_approval(
    database: Database, province: Province, now: datetime
) -> None:
    made, was = await booked(database, province, now)
    secretary = province.actor("secretary", "tinh")

    async def move(session: Any) -> None:
        version = (await session.get_one(Meeting, made.id)).version
        await editing.edit(session, made.id, {"rehearsal_at": now + 5 * HOUR}, secretary, now, version)

    await database.transact(move)
    await followed(database, now)
    assert (await rehearsal_of(database, made))[1].starts_at == now + 3 * HOUR
    await approve(database, province, made, now)
    rehearsal, moved = await rehearsal_of(database, made)
    assert moved.id == was.id, "links and results stay"
    assert (moved.starts_at, moved.state, rehearsal.state) == (now + 5 * HOUR, "planned", "approved")
    assert await held(database, rehearsal.id) == {TINH_A, XA1}
    await change(database, made, now, rehearsal_at=None)
    await followed(database, now)
    assert (await rehearsal_of(database, made))[0].state == "cancelled"


@POSTGRESQL_IN_SIM
async def test_results_are_signed_and_a_change_removes_the_signature(
    database: Database, province: Province, now: datetime
) -> None:
    made, date = await booked(database, province, now)
    operator = province.actor("operator", "tinh")
    site = province.sites["xa1"]
    at = date.starts_at

    async def enter(result: Result, sign: bool, version: int, when: datetime = at) -> checks.SiteResult:
        given = (date.id, site, result, sign, version, operator, when)
        return await database.transact(lambda session: checks.enter(session, *given))

    for code, given in (
        ("not_begun", (GOOD, True, 0, now)),
        ("not_signed_yet", (GOOD, True, 0, at - HOUR)),
        ("result_missing", (Result(picture=True), True, 0)),
        ("bad_result", (Result(delegates=-1), False, 0)),
        ("result_changed", (GOOD, True, 1)),
    ):
        with pytest.raises(Refusal) as refused:
            await enter(*given)
        assert refused.value.code == code
    signed = await enter(GOOD, True, 0)
    assert (signed.signed_at, signed.signed_name) == (at, "operator tinh")
    async with database.reading() as session:
        real = (await session.scalars(select(Occurrence.id).where(Occurrence.meeting_id == made.id))).one()
        seen = await checks.of_date(session, real)
        entered = await checks.entries(session, date.id)
    assert [(one.site_id, one.result, one.version) for one in entered] == [(site, GOOD, 1)]
    assert seen is not None
    assert seen.of_title == "Giao ban"
    assert {one.site: one.signed_name for one in seen.sites if one.version} == {signed.site: "operator tinh"}
    assert len(seen.sites) == 3, "also the commune without a hall"
    async with database.reading() as session:
        [row] = await day.of_today(session, operator, made.first_starts_at - HOUR)
        whole = await session.get_one(Meeting, made.id)
        letter = await fields.draft(session, made.id, "invite", None, now.date())
        told = await invitations.rehearsal_of(session, whole)
    assert (row.meeting_id, row.rehearsal) == (made.id, seen)
    when = "từ 11 giờ 00 đến 11 giờ 30, thứ Ba ngày 03/03/2026"
    assert told.startswith(f"{when}; mã ")
    assert any(f"Tổng duyệt {when}" in line for line in letter["requirements"])
    again = await enter(Result(True, False, True, True, 12, "Mất tiếng"), False, 1)
    assert again.signed_at is None


async def test_messages_give_the_rehearsal_its_own_number(
    database: Database, province: Province, now: datetime
) -> None:
    made, date = await booked(database, province, now)
    own = (await rehearsal_of(database, made))[0]
    around = invitations.Around(b"k" * 32, "https://hop.example", "")

    async def texts(session: Any) -> tuple[str, str]:
        whole = await session.get_one(Meeting, made.id)
        units = await sending.messages(session, whole, (), around, province.actor("secretary", "tinh"), now)
        return units[0].text, await sending.common(session, whole, around, province.actor("secretary", "tinh"), now)

    unit, common = await database.transact(texts)
    for text in (unit, common):
        assert f"Tổng duyệt: {wording.span(date.starts_at, date.ends_at)}" in text
        assert f"Mã tổng duyệt: {wording.number(own.number or '')}; mã PIN tổng duyệt: {own.pin}" in text
        assert text.index("Mã tổng duyệt") < text.index("Mã cuộc họp")
    assert f"{around.base}/moi#" in unit
    assert "/moi" not in common, "in a group everybody could answer for everybody"


@POSTGRESQL_IN_SIM
async def test_a_unit_answers_only_the_meeting_itself(database: Database, province: Province, now: datetime) -> None:
    made, _ = await booked(database, province, now)
    rehearsal = (await rehearsal_of(database, made))[0]

    async def answer(session: Any) -> None:
        rows = select(Attendee).where(Attendee.meeting_id == rehearsal.id, Attendee.unit_id == province.units["xa1"])
        attendee, desk = (await session.scalars(rows)).one(), province.actor("unit_desk", "xa1")
        await answers.answer(session, attendee, "accepted", "", None, desk, now, "link")

    with pytest.raises(Refusal) as refused:
        await database.transact(answer)
    assert refused.value.code == "follows_meeting"
    head = province.actor("unit_desk", "xa1", "xa1-1")
    async with database.reading() as session:
        mine = {one.meeting_id: one.may_answer for one in await own_dates.dates(session, head, now)}
        view = await views.meeting_view(session, rehearsal.id, province.actor("admin", "tinh"), now)
    assert mine == {made.id: True, rehearsal.id: False}
    assert view.can == ("extend",)
    assert view.rehearses is not None
    assert view.rehearses.meeting_id == made.id


@POSTGRESQL_IN_SIM
async def test_an_objection_counts_for_the_rehearsal_at_once(
    database: Database, province: Province, now: datetime
) -> None:
    made, date = await booked(database, province, now, hold_guests=True)
    desk, hall = province.actor("secretary", "xa1"), province.halls["xa1"]

    async def board() -> dict[datetime, tuple[str, datetime | None]]:
        span = (now, now + timedelta(days=3))
        async with database.reading() as session:
            found = await grid.board(session, *span, desk, now, province.units["xa1"])
        return {one.starts_at: (one.objection, one.rehearsal_at) for one in found.entries}

    assert await board() == {date.starts_at: ("", None), made.first_starts_at: ("", date.starts_at)}
    await database.transact(lambda session: objecting.object_to(session, made.id, hall, "Họp xã", desk, now))
    assert {said for said, _ in (await board()).values()} == {"Họp xã"}


@POSTGRESQL_IN_SIM
async def test_a_site_may_call_the_office_but_no_person(database: Database, province: Province, now: datetime) -> None:
    made, _ = await booked(database, province, now)

    async def work(session: Any) -> tuple[str, str]:
        unit = await session.get_one(Unit, made.host_unit_id)
        assert await site_pages.helper(session, made.id) == ("", "")
        unit.phone = "0272 3826 000"
        return await site_pages.helper(session, made.id)

    assert await database.transact(work) == ("UBND tỉnh Long An", "0272 3826 000")


@POSTGRESQL_IN_SIM
async def test_a_meeting_that_moves_before_its_rehearsal_only_warns(
    database: Database, province: Province, now: datetime
) -> None:
    made, date = await booked(database, province, now)
    await change(database, made, now, starts_at=now + 2.5 * HOUR)
    await followed(database, now)
    rehearsal = (await rehearsal_of(database, made))[0]
    assert await held(database, rehearsal.id) == set(), "the meeting itself has the halls at that time"
    assert (await told(database, made, now))[1] == [], "the mail about the meeting gives the time of the rehearsal"
    assert await held(database, made.id) == {TINH_A, XA1}
    async with database.reading() as session:
        view = await views.meeting_view(session, made.id, province.actor("admin", "tinh"), now)
    assert view.rehearsal is not None
    assert (view.rehearsal.starts_at, view.rehearsal.state) == (date.starts_at, "planned")


@POSTGRESQL_IN_SIM
async def test_a_hall_that_is_taken_then_is_left_out_of_the_rehearsal(
    database: Database, province: Province, now: datetime
) -> None:
    """A hall that is added later and is not free at the time of the rehearsal does not prevent the change of the meeting."""
    made, date = await booked(database, province, now)
    await invited(database, made)
    other = at_khcn(province, now, starts_at=date.starts_at, attendees=())
    await book(database, province, other, now)
    await change(database, made, now, hall_ids=(province.halls["tinh-a"], province.halls["khcn"]))
    await followed(database, now)
    rehearsal, same = await rehearsal_of(database, made)
    assert same.state == "planned"
    assert await held(database, rehearsal.id) == {TINH_A, XA1}
    assert await held(database, made.id) == {TINH_A, XA1, "terminal-khcn"}
    assert await told(database, made, now) == (["Chưa giữ được hội trường: Phòng họp khcn"], [])
    async with database.reading() as session:
        view = await views.meeting_view(session, made.id, province.actor("admin", "tinh"), now)
    assert view.rehearsal is not None
    assert view.rehearsal.missing == ("Phòng họp khcn",)


@POSTGRESQL_IN_SIM
async def test_a_meeting_that_is_put_off_takes_its_rehearsal_along(
    database: Database, province: Province, now: datetime
) -> None:
    made, _ = await booked(database, province, now)
    async with database.reading() as session:
        date_id = (await session.scalars(select(Occurrence.id).where(Occurrence.meeting_id == made.id))).one()

    async def put_off(session: Any, to: datetime | None) -> None:
        await dates.postpone(session, made.id, date_id, "not_ready", "", COMMAND, now, to)

    for to, state, taken in ((None, "cancelled", set()), (now + timedelta(days=2), "approved", {TINH_A, XA1})):
        await database.transact(lambda session, to=to: put_off(session, to))  # type: ignore[misc]
        await followed(database, now)
        rehearsal = (await rehearsal_of(database, made))[0]
        assert (rehearsal.state, await held(database, rehearsal.id)) == (state, taken)


@POSTGRESQL_IN_SIM
async def test_a_refused_meeting_that_is_submitted_again_has_its_rehearsal_again(
    database: Database, province: Province, now: datetime
) -> None:
    made = await book(database, province, rehearsed(province, now), now)
    approver, secretary = province.actor("approver", "tinh"), province.actor("secretary", "tinh")
    await database.transact(lambda session: deciding.decide(session, made.id, False, "Sai giờ", approver, now))
    await followed(database, now)
    rehearsal = (await rehearsal_of(database, made))[0]
    assert (rehearsal.state, await held(database, rehearsal.id)) == ("cancelled", set())

    async def again(session: Any) -> None:
        version = (await session.get_one(Meeting, made.id)).version
        await resubmitting.resubmit(session, made.id, {"rehearsal_at": now + 4 * HOUR}, secretary, now, version)

    await database.transact(again)
    await followed(database, now)
    rehearsal, date = await rehearsal_of(database, made)
    assert (rehearsal.state, date.starts_at, date.state) == ("asked", now + 4 * HOUR, "planned")
    assert await held(database, rehearsal.id) == {TINH_A}


@POSTGRESQL_IN_SIM
async def test_a_rehearsal_that_gave_way_stays_off_until_it_gets_another_time(
    database: Database, province: Province, now: datetime
) -> None:
    made, date = await booked(database, province, now)
    await invited(database, made)
    at = {"starts_at": date.starts_at, "attendees": (), "type_code": "session", "title": "Họp khẩn"}
    await database.transact(
        lambda session: precedence.displace(session, wish(province, now, **at), {date.id: None}, "Bão", COMMAND, now)
    )
    reasons, mails = await told(database, made, now)
    assert reasons == [], "the staff have the notice that it gave way"
    assert ["Tổng duyệt: hoãn, chưa có giờ mới" in one for one in mails] == [True, True], "one for each unit"
    await change(database, made, now, description="Nội dung mới")
    await followed(database, now)
    assert (await rehearsal_of(database, made))[1].state == "postponed"
    await change(database, made, now, rehearsal_at=now + 6 * HOUR)
    rehearsal, later = await rehearsal_of(database, made)
    assert (later.starts_at, later.state) == (now + 6 * HOUR, "planned")
    assert await held(database, rehearsal.id) == {TINH_A, XA1}
