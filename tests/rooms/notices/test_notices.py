"""The notices of accounts: real bookings, decisions, answers and halls make them. Each job runs twice. On both databases."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.changes import dates as booking_dates
from rooms.booking.changes import deciding, editing, objecting, precedence, precedence_asks, timers
from rooms.booking.meeting import timing
from rooms.booking.planning.requests import AttendeeRequest
from rooms.dialling import legs
from rooms.meetings import answers, invitations
from rooms.meetings.answers import Substitute
from rooms.notices import events, records
from rooms.notices.records import News, Shown, Wanted
from rooms.policy.actors import Actor
from rooms.sealing import Seal
from rooms.store import webhooks
from rooms.store.database import Database
from rooms.store.tables.accounts import Account, RoleGrant
from rooms.store.tables.booking import Change
from rooms.store.tables.dialling import DialLeg
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.notices import Notice
from rooms.store.tables.org import Person
from rooms.store.tables.records import AuditEntry, Delivery, Job
from tests.rooms.booking.test_creation import TITLE, make, wish
from tests.rooms.booking.test_proposals import give_way
from tests.rooms.people import SignedIn, signed_in
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

WORKS = {**events.HANDLERS, **timers.HANDLERS, **invitations.HANDLERS}


@dataclass
class Office:
    """People with accounts around meetings of the unit `vp`."""

    database: Database
    province: Province
    now: datetime
    secretary: SignedIn
    leader: SignedIn
    operator: SignedIn
    chair: SignedIn

    async def work(self, now: datetime | None = None) -> None:
        """Run the due jobs until none is left, those of notices and losses twice, as after a worker that died once."""
        at = now or self.now
        while True:
            async with self.database.reading() as session:
                due = select(Job).where(Job.kind.in_(WORKS), Job.due_at <= at, Job.done_at.is_(None)).order_by(Job.id)
                jobs = [(one.id, one.kind, one.payload) for one in await session.scalars(due)]
            if not jobs:
                return
            for id_, kind, payload in jobs:
                for _ in range(2 if kind.startswith("notice.") or kind == timing.WON else 1):
                    await self.database.transact(lambda s, k=kind, p=payload: WORKS[k](s, p, at))  # type: ignore[misc]
                done = update(Job).where(Job.id == id_).values(done_at=at)
                await self.database.transact(lambda s, d=done: s.execute(d))  # type: ignore[misc]

    async def notices(self, who: SignedIn, now: datetime | None = None, **wanted: Any) -> list[Shown]:
        async with self.database.reading() as session:
            return await records.listed(
                session, who.account_id, who.actor, Wanted(**wanted), now or self.now, limit=100
            )

    async def kinds(self, who: SignedIn, now: datetime | None = None, **wanted: Any) -> list[str]:
        return [one.notice.kind for one in await self.notices(who, now, **wanted)]

    async def booked(self, **changes: Any) -> Meeting:
        asked = wish(self.province, self.now, secretary_id=self.province.people["vp-2"], submit=True, **changes)
        made = await make(self.database, asked, self.secretary.actor, self.now)
        await self.work()
        return made

    async def decide(self, meeting: Meeting, who: SignedIn, yes: bool = True, now: datetime | None = None) -> None:
        at = now or self.now
        await self.database.transact(lambda s: deciding.decide(s, meeting.id, yes, "Trùng lịch", who.actor, at))
        await self.work(at)

    async def edit(self, meeting: Meeting, changes: dict[str, Any]) -> None:
        """Edit the meeting as its secretary."""

        async def work(session: AsyncSession) -> None:
            row = await session.get_one(Meeting, meeting.id)
            await editing.edit(session, row.id, changes, self.secretary.actor, self.now, row.version)

        await self.database.transact(work)
        await self.work()

    async def approved(self, **changes: Any) -> Meeting:
        made = await self.booked(**changes)
        await self.decide(made, self.leader)
        await self.decide(made, self.operator)
        return made


@pytest.fixture
async def office(database: Database, province: Province, now: datetime) -> Office:
    async def account(role: str, unit: str, person: str) -> SignedIn:
        return await signed_in(database, role, province.units[unit], now, person_id=province.people[person])

    # An approver without a mail address gets notices too.
    silent = update(Person).where(Person.id == province.people["vp-1"]).values(email="")
    await database.transact(lambda session: session.execute(silent))
    secretary, leader = await account("secretary", "vp", "vp-2"), await account("approver", "vp", "vp-1")
    operator, chair = await account("operator", "tinh", "tinh-2"), await account("requester", "tinh", "tinh-1")
    return Office(database, province, now, secretary, leader, operator, chair)


async def test_a_refusal_reaches_the_people_of_the_meeting_and_other_systems(office: Office) -> None:
    """The meeting was never approved, so it has no number."""
    admin = office.province.actor("admin")
    hook = (office.province.units["tinh"], "https://a.example/", ["*"], admin, office.now)
    await office.database.transact(lambda s: webhooks.create(s, Seal(b"k" * 32), *hook))
    made = await office.booked()
    (asked,) = await office.notices(office.leader, waiting=True)
    assert (asked.notice.kind, asked.meeting and asked.meeting.title, asked.done) == ("approve", TITLE, False)
    assert "approve" not in await office.kinds(office.operator) + await office.kinds(office.secretary)
    await office.decide(made, office.leader, yes=False)
    assert await office.kinds(office.leader, waiting=True) == []
    assert [one.done for one in await office.notices(office.leader)] == [True]
    (told,) = await office.notices(office.secretary, unread=True)
    assert (told.notice.kind, told.notice.reason, told.host) == ("refused", "Trùng lịch", "Văn phòng UBND tỉnh")
    assert "refused" in await office.kinds(office.chair)
    async with office.database.reading() as session:
        assert list(await session.scalars(select(Delivery.event))) == ["meeting.refused"]


async def test_an_approved_meeting_is_told_and_announced_before_its_start(office: Office) -> None:
    head = await signed_in(
        office.database, "", "", office.now, person_id=office.province.people["khcn-1"], name="giam-doc"
    )
    made = await office.approved()
    assert await office.kinds(office.operator, kind="approved") == []  # the operator decided
    for who in (office.secretary, office.chair):
        assert await office.kinds(who, waiting=True, kind="approved") == ["approved"]
    start = made.first_starts_at
    await office.work(start - timedelta(minutes=limits.SOON_MIN, seconds=1))
    assert await office.kinds(head) == []
    await office.work(start - timedelta(minutes=limits.SOON_MIN))
    for who in (office.secretary, office.chair, head):
        assert await office.kinds(who, start, kind="soon", waiting=True) == ["soon"]
    assert await office.kinds(head, start + timedelta(minutes=120), waiting=True) == []


@POSTGRESQL_IN_SIM
async def test_a_moved_date_has_its_notice_at_its_new_time(office: Office) -> None:
    made = await office.approved()
    start = made.first_starts_at
    earlier = start - timedelta(hours=1)
    await office.edit(made, {"starts_at": earlier})
    await office.decide(made, office.leader)
    await office.decide(made, office.operator)
    assert await office.kinds(office.secretary, kind="change_approved") == ["change_approved"]
    await office.work(earlier - timedelta(minutes=limits.SOON_MIN))
    assert await office.kinds(office.secretary, earlier, kind="soon") == ["soon"]
    await office.work(start)
    assert await office.kinds(office.secretary, start, kind="soon") == ["soon"]


@POSTGRESQL_IN_SIM
async def test_a_refused_change_and_a_missed_deadline_are_told(office: Office) -> None:
    made = await office.approved()
    await office.edit(made, {"title": "Tên mới"})
    assert await office.kinds(office.leader, waiting=True) == ["approve"]
    await office.decide(made, office.leader, yes=False)
    (told,) = await office.notices(office.secretary, kind="change_refused")
    assert told.notice.reason == "Không duyệt thay đổi, giữ lịch đã duyệt: Trùng lịch"
    late = await office.booked(starts_at=office.now + timedelta(days=3))
    await office.work(office.now + timedelta(days=3))
    assert [one.notice.meeting_id for one in await office.notices(office.secretary, kind="expired")] == [late.id]


async def test_a_displaced_date_waits_until_it_is_arranged_again(office: Office) -> None:
    made = await office.approved()
    async with office.database.reading() as session:
        date = await session.scalar(select(Occurrence).where(Occurrence.meeting_id == made.id))
    assert date is not None
    await give_way(office.database, office.province, office.now, {date.id: None}, date.starts_at)
    await office.work()
    (told,) = await office.notices(office.secretary, kind="displaced", waiting=True)
    assert (told.notice.reason, told.meeting and told.meeting.id) == ("Chỉ đạo", made.id)
    why = ("other", "Không họp nữa", office.secretary.actor, office.now)
    await office.database.transact(lambda s: booking_dates.cancel(s, made.id, *why))
    await office.work()
    assert await office.kinds(office.secretary, kind="displaced", waiting=True) == []


async def test_a_meeting_and_a_unit_hear_of_a_hall_that_went_to_a_meeting_with_precedence(office: Office) -> None:
    hall, unit = office.province.halls["xa1"], office.province.units["xa1"]
    desk = await signed_in(office.database, "secretary", unit, office.now)
    made = await office.approved(hold_guests=True, attendees=(AttendeeRequest(unit_id=unit),))
    await office.work()
    assert await office.kinds(desk, kind="hall_held", unread=True) == ["hall_held"]
    at_hall: dict[str, Any] = {
        "hall_ids": (hall,),
        "host_unit_id": office.province.units["khcn"],
        "chair_id": office.province.people["khcn-1"],
    }
    at_hall |= {"terminal_ids": (), "title": "Họp khẩn"}
    higher = wish(office.province, office.now, **at_hall, precedence=0, precedence_reason="Công điện", attendees=())
    operator = office.province.actor("operator", "tinh")
    await office.database.transact(lambda s: precedence.displace(s, higher, {}, "Công điện 12", operator, office.now))
    await office.work()
    for who in (office.secretary, desk):
        (told,) = await office.notices(who, kind="hall_lost")
        assert (told.notice.about, told.notice.meeting_id) == ("Phòng họp xa1", made.id)
        assert told.notice.reason.endswith("Lý do: Công điện 12")
    async with office.database.reading() as session:
        line = await session.scalar(select(Change).where(Change.meeting_id == made.id, Change.action == "halls_lost"))
        assert line is not None
        assert line.summary.startswith("Phòng họp xa1. Dành cho cuộc họp ưu tiên của ")
        entry = await session.scalar(select(AuditEntry).where(AuditEntry.action == "meeting.displace"))
        assert entry is not None
        assert [hall in one["things"] for one in entry.detail["released"]] == [True]
    (told,) = await office.notices(desk, kind="hall_held")
    assert told.done, "the hold has ended"


async def test_answers_share_one_notice_and_a_substitute_is_a_task_of_the_chair(office: Office) -> None:
    head = AttendeeRequest(unit_id=office.province.units["xa1"], must_be_head=True)
    wanted = (head, AttendeeRequest(unit_id=office.province.units["yt"]))
    made = await office.approved(attendees=wanted)
    async with office.database.reading() as session:
        rows = {one.unit_id: one for one in await session.scalars(select(Attendee))}
    one, other = rows[office.province.units["xa1"]], rows[office.province.units["yt"]]

    async def answer(attendee: Attendee, given: str, substitute: Substitute | None, now: datetime) -> None:
        async def work(session: Any) -> None:
            row = await session.get_one(Attendee, attendee.id)
            await answers.answer(session, row, given, "Bận", substitute, Actor("link", row.id), now)

        await office.database.transact(work)
        await office.work(now)

    await answer(other, "declined", None, office.now)
    (told,) = await office.notices(office.secretary, kind="answered")
    assert told.tally == {"declined": 1, "none": 1}
    assert await office.kinds(office.chair, kind="answered") == []
    later = office.now + timedelta(minutes=5)
    await office.database.transact(
        lambda s: records.mark_read(s, office.secretary.account_id, [told.notice.id], office.now)
    )
    assert await office.kinds(office.secretary, kind="answered", unread=True) == []
    await answer(one, "accepted", Substitute("Lê Văn Phó"), later)
    (again,) = await office.notices(office.secretary, kind="answered", unread=True)
    assert (again.notice.id, again.notice.at, again.tally) == (told.notice.id, later, {"declined": 1, "tentative": 1})
    (task,) = await office.notices(office.chair, kind="substitute")
    assert task.notice.about.endswith(": Lê Văn Phó")
    await office.database.transact(lambda s: records.mark_read(s, office.chair.account_id, [], later, until=later))
    assert await office.kinds(office.chair, later, waiting=True) == ["substitute"]  # read, but not decided

    async def agree(session: Any) -> None:
        row = await session.get_one(Attendee, one.id)
        await answers.decide_substitute(session, row, True, office.chair.actor, later)

    await office.database.transact(agree)
    await office.work(later)
    assert await office.kinds(office.chair, later, waiting=True) == []
    assert made.id


async def test_a_hall_of_another_unit_is_told_when_it_is_taken(office: Office) -> None:
    """The hall belongs to the province. Its desk hears of it, and not the desk of the meeting."""
    desk = await signed_in(office.database, "secretary", office.province.units["tinh"], office.now)
    made = await office.booked()
    (told,) = await office.notices(desk, kind="hall_held")
    assert (told.notice.about, told.done) == ("Phòng họp tinh-a", False)
    assert await office.kinds(office.secretary, kind="hall_held") == []
    await office.decide(made, office.leader, yes=False)
    assert await office.kinds(desk, kind="hall_held", unread=True) == []


async def test_a_hall_that_is_not_ready_is_told_to_the_desk_of_the_date(office: Office) -> None:
    made = await office.approved(operator_id=office.province.people["tinh-2"], class_="ordinary")
    async with office.database.reading() as session:
        date = await session.scalar(select(Occurrence).where(Occurrence.meeting_id == made.id))
    assert date is not None
    leg = DialLeg(id="leg", occurrence_id=date.id, terminal_id=office.province.terminals["tinh-a"], since=office.now)

    async def put(session: Any) -> None:
        session.add(leg)

    await office.database.transact(put)

    async def seen(readiness: str, at: datetime) -> None:
        await office.database.transact(lambda s: legs.set_readiness(s, "leg", readiness, "not_registered", at))
        await office.work(at)

    await seen("red", office.now)
    assert await office.kinds(office.operator, kind="hall_unready") == []  # two days before the date
    await seen("green", office.now)
    near = date.starts_at - timedelta(hours=1)
    await seen("red", near)
    for who in (office.operator, office.secretary):
        (told,) = await office.notices(who, near, kind="hall_unready", waiting=True)
        assert told.notice.about == "Điểm cầu tinh"
    assert await office.kinds(office.chair, near, kind="hall_unready") == []
    await seen("green", near + timedelta(minutes=1))
    assert await office.kinds(office.operator, near, kind="hall_unready", waiting=True) == []


async def test_a_request_for_precedence_is_a_task_of_the_operator_and_its_answer_is_told(office: Office) -> None:
    """An operator of another branch hears nothing. Withdrawn requests are no task any more."""
    await office.approved()
    foreign = await signed_in(office.database, "operator", office.province.units["yt"], office.now)
    again = wish(office.province, office.now, chair_id=None, title="Họp khẩn")
    who, now = office.secretary.actor, office.now

    async def ask() -> str:
        made = await office.database.transact(lambda s: precedence_asks.ask(s, again, "Công điện", who, now))
        await office.work()
        (task,) = await office.notices(office.operator, kind="precedence_asked", waiting=True)
        assert (task.notice.about, task.notice.reason, task.notice.meeting_id) == (
            "Văn phòng UBND tỉnh",
            "Công điện",
            None,
        )
        return made.id

    one = await ask()
    assert await office.kinds(foreign) == []
    refuse = office.operator.actor
    await office.database.transact(lambda s: precedence_asks.refuse(s, one, "Đã kín lịch", refuse, now))
    await office.work()
    (told,) = await office.notices(office.secretary, kind="precedence_refused", waiting=True)
    assert (told.notice.reason, told.done) == ("Đã kín lịch", False)
    two = await ask()
    await office.database.transact(lambda s: precedence_asks.withdraw(s, two, who, now))
    await office.work()
    assert await office.kinds(office.operator, kind="precedence_asked", waiting=True) == []


@POSTGRESQL_IN_SIM
async def test_a_lost_right_hides_the_meeting_and_an_inactive_account_gets_nothing(office: Office) -> None:
    await office.booked()

    async def take_away(session: Any) -> None:
        await session.execute(update(RoleGrant).where(RoleGrant.role == "approver").values(ends_at=office.now))
        await session.execute(update(Account).where(Account.id == office.secretary.account_id).values(active=False))

    await office.database.transact(take_away)
    nobody = Actor("account", id=office.leader.account_id)
    async with office.database.reading() as session:
        (kept,) = await records.listed(session, nobody.id, nobody, Wanted(), office.now, limit=10)
    assert (kept.notice.kind, kept.meeting, kept.host, kept.date) == ("approve", None, "", None)
    await office.work(office.now + timedelta(days=2))
    assert await office.kinds(office.secretary, kind="expired") == []


async def test_the_list_goes_on_where_it_ended_and_ends_after_90_days(office: Office) -> None:
    for number in range(5):
        at = office.now + timedelta(days=number // 2)
        news = News("approved", f"key:{number}")
        await office.database.transact(lambda s, n=news, a=at: records.tell(s, [office.chair.account_id], n, a))  # type: ignore[misc]
    whole = await office.notices(office.chair)
    assert [one.notice.at for one in whole] == sorted((one.notice.at for one in whole), reverse=True)
    second = whole[1].notice
    assert await office.notices(office.chair, after=(second.at, second.id)) != []
    assert [one.notice.id for one in await office.notices(office.chair, after=(second.at, second.id))] == [
        one.notice.id for one in whole[2:]
    ]
    await office.database.transact(
        lambda s: records.purge(s, office.now + timedelta(days=limits.NOTICE_DAYS, seconds=1))
    )
    assert len(await office.notices(office.chair)) == 3


async def test_the_numbers_of_accounts_and_of_changes_are_limited(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "NOTICE_ACCOUNTS", 2)
    monkeypatch.setattr(limits, "NOTICE_CHANGES", 1)
    everybody = [office.secretary.account_id, office.leader.account_id, office.chair.account_id]
    await office.database.transact(lambda s: records.tell(s, everybody, News("approved", "one"), office.now))
    async with office.database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Notice)) == 2
        assert len(await records.changes(session, office.now - timedelta(seconds=1))) == 1
    made = await office.approved()
    async with office.database.reading() as session:
        told = await session.scalars(select(Notice.account_id).where(Notice.meeting_id == made.id))
        assert len(set(told)) > 0


async def test_the_notice_of_a_hold_names_the_rehearsal_that_holds_the_hall_too(office: Office) -> None:
    unit, now = office.province.units["xa1"], office.now
    desk = await signed_in(office.database, "secretary", unit, now)
    at = now + timedelta(days=1, hours=5)
    held = {"hold_guests": True, "attendees": (AttendeeRequest(unit_id=unit),)}
    made = await office.booked(**held, rehearsal_at=at, rehearsal_min=30)

    async def told() -> datetime | None:
        (only,) = await office.notices(desk, kind="hall_held", unread=True)
        assert only.notice.meeting_id == made.id
        await office.database.transact(lambda s: records.mark_read(s, desk.account_id, [only.notice.id], now))
        also: datetime | None = only.notice.also_at
        return also

    assert await told() == at
    await office.edit(made, {"rehearsal_at": at + timedelta(hours=1)})
    assert await told() == at + timedelta(hours=1), "the same notice, new again"
    of_unit: dict[str, Any] = {"host_unit_id": unit, "hall_ids": (office.province.halls["xa1"],), "terminal_ids": ()}
    of_unit |= {"starts_at": at + timedelta(hours=1), "duration_min": 30, "attendees": (), "chair_id": None}
    own = await make(office.database, wish(office.province, now, **of_unit, submit=True), desk.actor, now)
    for who in (office.leader, office.operator):
        await office.decide(made, who)
    assert await told() is None, "the unit has its hall at the time of the rehearsal"

    async def accept(session: Any) -> None:
        await booking_dates.cancel(session, own.id, "other", "Không họp nữa", desk.actor, now)
        row = (await session.scalars(select(Attendee).where(Attendee.meeting_id == made.id))).one()
        await answers.answer(session, row, "accepted", "", None, desk.actor, now)

    await office.database.transact(accept)
    await office.work()
    assert await told() == at + timedelta(hours=1), "the rehearsal has followed"


async def test_a_hold_and_an_objection_are_told(office: Office) -> None:
    """The commune hears of the soft hold of its hall, and the staff of the meeting hear of the objection."""
    hall, unit = office.province.halls["xa1"], office.province.units["xa1"]
    desk = await signed_in(office.database, "secretary", unit, office.now)
    made = await office.booked(hold_guests=True, attendees=(AttendeeRequest(unit_id=unit),))
    (told,) = await office.notices(desk, kind="hall_held")
    assert (told.notice.about, told.done) == ("Phòng họp xa1", False)
    given = (made.id, hall, "Họp HĐND xã", desk.actor, office.now)
    await office.database.transact(lambda session: objecting.object_to(session, *given))
    await office.work(office.now)
    (told,) = await office.notices(office.secretary, kind="hall_objected")
    assert (told.notice.about, told.notice.reason) == ("Phòng họp xa1", "Họp HĐND xã")


@POSTGRESQL_IN_SIM
async def test_more_invited_units_cost_no_more_statements(office: Office) -> None:
    """The booking and the notices of a meeting with a hundred communes take as many statements as those of a small one."""
    units = [office.province.units[code] for code in ("xa1", "khcn")]
    for unit in units:
        await signed_in(office.database, "secretary", unit, office.now)
    count = 0

    def seen(*_: Any) -> None:
        nonlocal count
        count += 1

    costs = []
    for day, invited in enumerate((units[:1], units)):
        attendees = tuple(AttendeeRequest(unit_id=one, must_be_head=True) for one in invited)
        asked = wish(office.province, office.now + timedelta(days=7 * day), hold_guests=True, attendees=attendees)
        count = 0
        event.listen(office.database.engine.sync_engine, "before_cursor_execute", seen)
        made = await make(office.database, replace(asked, submit=True), office.secretary.actor, office.now)
        await office.work()
        event.remove(office.database.engine.sync_engine, "before_cursor_execute", seen)
        costs.append(count)
        async with office.database.reading() as session:
            held = select(func.count()).select_from(Notice).where(Notice.meeting_id == made.id)
            # The province also hears of its own hall, which the meeting books.
            assert await session.scalar(held.where(Notice.kind == "hall_held")) == len(invited) + 1
    assert costs[0] == costs[1]
