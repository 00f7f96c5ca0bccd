"""Mails about one changed date of a series. They name the date by RECURRENCE-ID and go to the invited attendees, over a real
mail server.

The desk of a date that gives way is notified. The tests book and change meetings as the desk does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import vobject
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import dates as booking_dates
from rooms.booking.changes import deciding, editing, precedence, proposals, undoing
from rooms.booking.planning.requests import AttendeeRequest
from rooms.meetings import answers
from rooms.meetings.invitations import Around, prepare
from rooms.meetings.letters import fields as letters_fields
from rooms.meetings.letters import records
from rooms.policy.actors import SYSTEM
from rooms.store.tables.meetings import Attendee, Meeting
from rooms.store.tables.org import Person
from rooms.store.tables.records import Job
from signaling.notify.replies import read
from tests.rooms.booking.test_creation import wish
from tests.rooms.booking.test_life import approved, dates
from tests.rooms.invited import BASE, KEY, SENDER
from tests.rooms.province import Province
from tests.signaling.notify.test_mail import MailRoom, mail_server, mailbox, now, office, parts

assert all((mail_server, mailbox, now, office)), "fixtures of test_mail"
T = TypeVar("T")
XA1, XA2 = "xa1@longan.gov.vn", "xa2@longan.gov.vn"


async def do(office: MailRoom, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Do the work in a transaction, then let the worker do the work that follows."""
    done = await office.database.transact(work)
    await office.worker.drain()
    return done


async def series(office: MailRoom, province: Province, **more: Any) -> Meeting:
    """Return an approved weekly meeting of four dates, with its invitations sent."""
    invited = tuple(AttendeeRequest(unit_id=province.units[one]) for one in ("xa1", "khcn"))
    values = {"rule": "FREQ=WEEKLY;COUNT=4", "attendees": invited, "class_": "ordinary", **more}
    made = await approved(office.database, province, wish(province, office.now, **values), office.now)
    await office.worker.drain()
    assert len(office.mailbox.to(XA1)) == 1
    return made


async def agree(office: MailRoom, province: Province, made: Meeting) -> None:
    """Let both steps approve the change that waits."""
    for one in (province.actor("approver", "tinh"), province.actor("operator", "tinh")):
        await office.database.transact(
            lambda s, a=one: deciding.decide(s, made.id, True, "", a, office.now)  # type: ignore[misc]
        )


def event_of(mail: Any) -> tuple[str, Any]:
    """Return the method and the only VEVENT."""
    read = vobject.readOne(parts(mail)["text/calendar"])
    (event,) = read.vevent_list
    return read.method.value, event


def at(event: Any, name: str) -> datetime:
    value: datetime = event.contents[name][0].value
    return value.astimezone(UTC)


async def test_a_date_that_is_called_off(office: MailRoom, province: Province) -> None:
    made = await series(office, province)
    rows, desk = await dates(office.database, made), province.actor("secretary", "tinh")
    await do(office, lambda s: booking_dates.cancel(s, made.id, "not_ready", "", desk, office.now, rows[1].id))
    _, told = office.mailbox.to(XA1)
    assert told["Subject"].startswith("[Hủy một buổi]")
    assert f"{rows[1].starts_at + timedelta(hours=7):%d/%m/%Y}" in told["Subject"]
    said = parts(told)["text/plain"]
    assert "các buổi khác giữ nguyên" in said
    assert "Chưa bảo đảm điều kiện chuẩn bị" in said
    assert f"{rows[0].starts_at + timedelta(hours=7):%d/%m/%Y}" not in said, "nothing of the other dates"
    method, event = event_of(told)
    assert (method, event.status.value, at(event, "recurrence-id")) == ("CANCEL", "CANCELLED", rows[1].original_at)
    assert "rrule" not in event.contents
    first = vobject.readOne(parts(office.mailbox.to(XA1)[0])["text/calendar"]).vevent
    assert event.uid.value == first.uid.value
    assert int(event.sequence.value) > int(first.sequence.value)


async def test_a_date_that_is_put_off_and_booked_again(office: MailRoom, province: Province) -> None:
    made = await series(office, province)
    rows, desk = await dates(office.database, made), province.actor("secretary", "tinh")
    await do(office, lambda s: booking_dates.postpone(s, made.id, rows[2].id, "force_majeure", "", desk, office.now))
    assert office.mailbox.to(XA1)[-1]["Subject"].startswith("[Hoãn một buổi]")
    assert event_of(office.mailbox.to(XA1)[-1])[0] == "CANCEL"
    await do(office, lambda s: booking_dates.rebook(s, rows[2].id, desk, office.now))
    last = office.mailbox.to(XA1)[-1]
    method, event = event_of(last)
    assert (method, at(event, "recurrence-id"), at(event, "dtstart")) == (
        "REQUEST",
        rows[2].original_at,
        rows[2].starts_at,
    )
    assert len(office.mailbox.to(XA1)) == 3


async def test_a_moved_date_is_mailed_when_it_is_approved(office: MailRoom, province: Province) -> None:
    made = await series(office, province)
    rows, desk = await dates(office.database, made), province.actor("secretary", "tinh")
    to, hall = rows[1].starts_at + timedelta(days=1), (province.halls["tinh-a"],)
    changes = {"starts_at": to, "hall_ids": hall}
    await do(
        office,
        lambda s: editing.edit(s, made.id, changes, desk, office.now, made.version, "this", rows[1].id),
    )
    assert len(office.mailbox.to(XA1)) == 1, "nobody is told of what is not approved"
    await do(office, lambda s: booking_dates.cancel(s, made.id, "other", "Trùng lễ", desk, office.now, rows[3].id))
    assert len(office.mailbox.to(XA1)) == 2, "what was approved stands, and what happens to it is told"
    for one in (province.actor("approver", "tinh"), province.actor("operator", "tinh")):
        await do(office, lambda s, a=one: deciding.decide(s, made.id, True, "", a, office.now))  # type: ignore[misc]
    told = office.mailbox.to(XA1)[1:]
    assert sorted(one["Subject"].split("]")[0] for one in told) == ["[Hủy một buổi", "[Thay đổi một buổi"]
    moved = next(one for one in told if "Thay đổi" in one["Subject"])
    method, event = event_of(moved)
    assert (method, at(event, "recurrence-id"), at(event, "dtstart")) == ("REQUEST", rows[1].original_at, to)
    (invited,) = event.contents["attendee"]
    assert (invited.value, invited.params["RSVP"]) == (f"mailto:{XA1}", ["TRUE"])
    said = parts(moved)["text/plain"]
    assert "Theo lịch định kỳ" in said
    assert "Kính báo: UBND xã Mỹ Hạnh" in said
    assert len(event.location.value.split(";")) == 1, "the hall of that date"


async def test_a_refused_or_withdrawn_change_is_not_mailed(office: MailRoom, province: Province) -> None:
    made = await series(office, province)
    rows, desk = await dates(office.database, made), province.actor("secretary", "tinh")
    changes = {"starts_at": rows[1].starts_at + timedelta(days=1)}

    async def move(version: int) -> None:
        await do(office, lambda s: editing.edit(s, made.id, changes, desk, office.now, version, "this", rows[1].id))

    await move(made.version)
    await do(office, lambda s: deciding.decide(s, made.id, False, "Không", province.actor("approver"), office.now))
    async with office.database.reading() as session:
        version = (await session.get_one(Meeting, made.id)).version
    await move(version)
    undone = await do(office, lambda s: proposals.withdraw(s, made.id, desk, office.now))
    assert undone.state == "approved"
    assert len(office.mailbox.to(XA1)) == 1
    # An undo corrects the earlier notice, for that date only.
    await do(office, lambda s: booking_dates.cancel(s, made.id, "not_ready", "", desk, office.now, rows[1].id))
    await do(office, lambda s: undoing.undo(s, made.id, desk, office.now))
    assert [event_of(one)[0] for one in office.mailbox.to(XA1)[1:]] == ["CANCEL", "REQUEST"]


async def test_a_refused_removal_of_invitees_sends_no_mail(office: MailRoom, province: Province) -> None:
    made, desk = await series(office, province), province.actor("secretary", "tinh")
    fewer = {"title": "Tên khác", "attendees": (AttendeeRequest(unit_id=province.units["khcn"]),)}
    before = len(office.mailbox.mails())
    await do(office, lambda s: editing.edit(s, made.id, fewer, desk, office.now, made.version))
    await do(office, lambda s: deciding.decide(s, made.id, False, "Không", province.actor("approver"), office.now))
    assert len(office.mailbox.mails()) == before
    async with office.database.reading() as session:
        version = (await session.get_one(Meeting, made.id)).version
    await do(office, lambda s: editing.edit(s, made.id, fewer, desk, office.now, version))
    await agree(office, province, made)
    await office.worker.drain()
    assert office.mailbox.to(XA1)[-1]["Subject"].startswith("[Không cần dự]")


async def test_changes_of_a_whole_series_are_mailed_as_a_whole(office: MailRoom, province: Province) -> None:
    made = await series(office, province, rule="FREQ=WEEKLY;COUNT=2")
    rows, desk = await dates(office.database, made), province.actor("secretary", "tinh")
    await do(office, lambda s: editing.edit(s, made.id, {"title": "Tên mới"}, desk, office.now, made.version))
    await agree(office, province, made)
    await office.worker.drain()
    whole = vobject.readOne(parts(office.mailbox.to(XA1)[-1])["text/calendar"])
    assert whole.vevent.summary.value == "Tên mới"
    assert "rrule" in whole.vevent.contents
    for row in rows:
        await do(office, lambda s, d=row.id: booking_dates.cancel(s, made.id, "not_ready", "", desk, office.now, d))  # type: ignore[misc]
    assert office.mailbox.to(XA1)[-1]["Subject"].startswith("[Hủy họp]")
    method, event = event_of(office.mailbox.to(XA1)[-1])
    assert method == "CANCEL"
    assert "recurrence-id" not in event.contents


async def test_a_new_reader_gets_all_and_a_later_invitation_is_a_date(office: MailRoom, province: Province) -> None:
    made = await series(office, province)
    rows, desk = await dates(office.database, made), province.actor("secretary", "tinh")

    async def forget(session: AsyncSession) -> None:
        for one in await session.scalars(select(Attendee).where(Attendee.unit_id == province.units["khcn"])):
            one.notified = -1

    await office.database.transact(forget)
    await office.database.transact(
        lambda s: booking_dates.cancel(s, made.id, "not_ready", "", desk, office.now, rows[1].id)
    )
    async with office.database.reading() as session:
        version = (await session.get_one(Meeting, made.id)).version
    # Before the worker handles that change, the whole series changes too.
    await office.database.transact(lambda s: editing.edit(s, made.id, {"title": "Tên mới"}, desk, office.now, version))
    await agree(office, province, made)
    await office.worker.drain()
    async with office.database.reading() as session:
        head = await session.scalar(select(Attendee).where(Attendee.unit_id == province.units["khcn"]))
        assert head is not None
        jobs = list(await session.scalars(select(Job).where(Job.kind.in_(("mail.date", "mail.invite")))))
    dated = [one for one in jobs if one.kind == "mail.date"]
    assert len(dated) == 1, "the one who had been invited"
    assert dated[0].payload["attendee_id"] != head.id, "the one who had been invited"
    whole = [one for one in office.mailbox.to(XA1)[1:] if one["Subject"].startswith("[Thay đổi] ")]
    (event,) = [vobject.readOne(parts(one)["text/calendar"]).vevent for one in whole]
    assert event.summary.value == "Tên mới"
    assert "exdate" in event.contents
    # That mail also named the date. A later mail about the date alone is not needed.
    again = {"attendee_id": dated[0].payload["attendee_id"], "meeting_id": made.id, "sequence": 1}
    around = Around(KEY, BASE, SENDER)
    late = again | {"occurrence_id": rows[1].id}
    assert await office.database.transact(lambda s: prepare(s, "mail.date", late, around, office.now)) == []


async def give_address(office: MailRoom, province: Province) -> None:
    """Give the secretary of these meetings a mail address."""

    async def work(session: AsyncSession) -> None:
        (await session.get_one(Person, province.people["vp-2"])).email = "thuky@longan.gov.vn"

    await office.database.transact(work)


async def test_the_desk_of_a_date_that_gives_way_gets_a_mail_at_once(office: MailRoom, province: Province) -> None:
    made = await series(office, province, secretary_id=province.people["vp-2"])
    await give_address(office, province)
    rows, operator = await dates(office.database, made), province.actor("operator", "tinh")
    urgent = wish(
        province, office.now, title="Họp khẩn phòng chống bão", type_code="session", starts_at=rows[1].starts_at
    )
    to = rows[1].starts_at + timedelta(days=1)
    await do(
        office,
        lambda s: precedence.displace(s, urgent, {rows[1].id: to}, "Chỉ đạo phòng chống bão", operator, office.now),
    )
    (told,) = office.mailbox.to("thuky@longan.gov.vn")
    assert told["Subject"].startswith("[Nhường lịch]")
    said = parts(told)["text/plain"]
    assert "Chỉ đạo phòng chống bão" in said
    assert f"{to + timedelta(hours=7):%d/%m/%Y}" in said
    assert f"{to + timedelta(hours=7):%d/%m/%Y} (chờ duyệt)" in said
    assert "bão" not in str(told["Subject"])
    _, put_off = office.mailbox.to(XA1)  # the old time is cancelled at once: the new time waits for approval
    assert put_off["Subject"].startswith("[Hoãn")
    assert f"{to + timedelta(hours=7):%d/%m/%Y}" not in parts(put_off)["text/plain"]
    for one in (province.actor("approver", "tinh"), operator):
        await do(office, lambda s, a=one: deciding.decide(s, made.id, True, "", a, office.now))  # type: ignore[misc]
    method, event = event_of(office.mailbox.to(XA1)[-1])
    assert (method, at(event, "dtstart")) == ("REQUEST", to)


async def test_the_desk_gets_a_mail_when_a_new_time_is_not_approved(office: MailRoom, province: Province) -> None:
    """Show that the desk learns of new times that were not approved. Two dates give way: the first's new time is refused, and
    the second's could not be proposed at the same time.
    """
    made = await series(office, province, secretary_id=province.people["vp-2"])
    await give_address(office, province)
    rows, operator = await dates(office.database, made), province.actor("operator", "tinh")
    rule = "FREQ=WEEKLY;COUNT=2"
    urgent = wish(province, office.now, type_code="session", starts_at=rows[1].starts_at, rule=rule)
    moves: dict[str, datetime | None] = {one.id: one.starts_at + timedelta(days=1) for one in rows[1:3]}
    await do(office, lambda s: precedence.displace(s, urgent, moves, "Chỉ đạo", operator, office.now))
    first, second = office.mailbox.to("thuky@longan.gov.vn")
    assert first["Message-ID"] != second["Message-ID"]
    (bare,) = [said for one in (first, second) if "chưa trình duyệt được" in (said := parts(one)["text/plain"])]
    assert "Thời gian mới: Hoãn, chờ sắp xếp lại" in bare
    assert "(chờ duyệt)" not in bare
    approver = province.actor("approver", "tinh")
    await do(office, lambda s: deciding.decide(s, made.id, False, "Trùng lịch khác", approver, office.now))
    refused = office.mailbox.to("thuky@longan.gov.vn")[-1]
    assert refused["Subject"].startswith("[Vẫn hoãn]")
    said = parts(refused)["text/plain"]
    assert "vẫn hoãn, chưa có thời gian mới" in said
    assert "Trùng lịch khác" in said


async def test_a_letter_can_be_about_one_date_of_a_series(office: MailRoom, province: Province) -> None:
    made = await series(office, province)
    rows, desk = await dates(office.database, made), province.actor("secretary", "tinh")

    async def letter(session: AsyncSession, kind: str, date_id: str) -> dict[str, Any]:
        day = office.now.date()
        fields = await letters_fields.draft(session, made.id, kind, None, day, BASE, date_id=date_id)
        if kind == "invite":
            await records.make(session, made.id, kind, fields, "12", "GM-UBND", day, None, None, SYSTEM, office.now)
        return fields

    await office.database.transact(lambda s: letter(s, "invite", ""))
    await office.database.transact(
        lambda s: booking_dates.cancel(s, made.id, "not_ready", "Chưa xong tài liệu", desk, office.now, rows[1].id)
    )
    said = await office.database.transact(lambda s: letter(s, "cancel", rows[1].id))
    day = "ngày 12 tháng 3 năm 2026"
    assert day in said["subject"]
    assert day in said["time"]
    assert said["times"] == []
    assert said["reason"] == "Chưa bảo đảm điều kiện chuẩn bị: Chưa xong tài liệu"
    assert said["replaces"].startswith("Hủy một buổi theo Giấy mời số 12/GM-UBND")
    assert "giữ nguyên" in said["closing"]
    assert said["places"]
    changes = {"starts_at": rows[2].starts_at + timedelta(days=1)}
    async with office.database.reading() as session:
        version = (await session.get_one(Meeting, made.id)).version
    await office.database.transact(
        lambda s: editing.edit(s, made.id, changes, desk, office.now, version, "this", rows[2].id)
    )
    await agree(office, province, made)
    said = await office.database.transact(lambda s: letter(s, "amend", rows[2].id))
    assert any("theo lịch định kỳ" in line for line in said["changes"])
    assert said["times"] == []
    assert said["replaces"].startswith("Điều chỉnh một buổi theo")


async def test_a_reply_to_one_date_counts_for_that_date_only(office: MailRoom, province: Province) -> None:
    """Show that an answer to one date counts for that date only. The calendar program sends the invitation's UID and the date's
    RECURRENCE-ID.
    """
    made = await series(office, province)
    rows, desk = await dates(office.database, made), province.actor("secretary", "tinh")
    (invitation,) = office.mailbox.to(XA1)
    uid = event_of(invitation)[1].uid.value
    lines = (
        "BEGIN:VCALENDAR VERSION:2.0 METHOD:REPLY BEGIN:VEVENT "
        f"UID:{uid} DTSTAMP:20260303T010000Z SEQUENCE:{made.sequence} "
        f"RECURRENCE-ID:{rows[1].original_at:%Y%m%dT%H%M%SZ} ATTENDEE;PARTSTAT=DECLINED:mailto:{XA1} "
        "END:VEVENT END:VCALENDAR"
    ).split(" ")
    raw = f"From: {XA1}\r\nContent-Type: text/calendar; method=REPLY\r\n\r\n" + "\r\n".join((*lines, ""))
    reply = read(raw.encode())
    await do(office, lambda s: answers.by_mail(s, reply, office.now))

    changes = {"starts_at": rows[1].starts_at, "duration_min": 90, "hall_ids": (province.halls["tinh-a"],)}
    await do(office, lambda s: editing.edit(s, made.id, changes, desk, office.now, made.version, "this", rows[1].id))
    for one in (province.actor("approver", "tinh"), province.actor("operator", "tinh")):
        await do(office, lambda s, a=one: deciding.decide(s, made.id, True, "", a, office.now))  # type: ignore[misc]
    changed = next(one for one in office.mailbox.to(XA1) if "Thay đổi" in one["Subject"])
    (party,) = event_of(changed)[1].contents["attendee"]
    assert party.params["PARTSTAT"] == ["DECLINED"]

    reminded: list[int] = []
    for place, row in enumerate(rows):
        for lead in (24 * 60, 60):
            office.now = row.starts_at - timedelta(minutes=lead)
            before = len(office.mailbox.to(XA1))
            await office.worker.drain()
            reminded += [place] * (len(office.mailbox.to(XA1)) - before)
    assert reminded == [0, 0, 2, 2, 3, 3], "the declined date is not reminded of, the others are"
