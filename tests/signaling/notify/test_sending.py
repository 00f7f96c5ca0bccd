"""Sending to many: invitations, requests to answer once a day, and texts with links that answer but open no meeting."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.planning.requests import AttendeeRequest
from rooms.errors import Refusal
from rooms.meetings import answers, entry, links, sending
from rooms.meetings.invitations import Around
from rooms.meetings.sending import Message, Sent
from rooms.policy.actors import Actor
from rooms.store.tables.meetings import Attendee, Meeting
from rooms.store.tables.records import AuditEntry
from tests.rooms.invited import BASE, KEY, SENDER, Wanted
from tests.rooms.province import Province
from tests.signaling.notify.test_mail import (
    DOMAINS,
    START,
    MailRoom,
    booked,
    mail_server,
    mailbox,
    now,
    office,
    parts,
)

assert all((mail_server, mailbox, now, office)), "fixtures of test_mail"
XA1 = "xa1@longan.gov.vn"
TITLE = "Giao ban tháng 3 về chuyển đổi số"


async def sent(office: MailRoom, desk: Actor, meeting_id: str, what: str, *attendee_ids: str) -> Sent:
    send = sending.invite if what == "invite" else sending.nudge

    async def work(session: AsyncSession) -> Sent:
        row = await session.get_one(Meeting, meeting_id)
        return await send(session, row, attendee_ids, DOMAINS, desk, office.now)

    made = await office.database.transact(work)
    await office.worker.drain()
    return made


async def attendee_ids(office: MailRoom, meeting_id: str) -> dict[str, str]:
    """Return the attendees' identifiers by label."""
    async with office.database.reading() as session:
        rows = await session.scalars(select(Attendee).where(Attendee.meeting_id == meeting_id))
        return {one.label: one.id for one in rows}


async def test_the_invitation_goes_to_all_who_do_not_have_it(office: MailRoom, province: Province) -> None:
    meeting_id, desk = await booked(office.database, province, Wanted()), province.actor("secretary")
    await office.change(meeting_id, "approve")
    ids = await attendee_ids(office, meeting_id)
    before = len(office.mailbox.raw())
    late = await sent(office, desk, meeting_id, "invite")
    # xa2's mailbox refused the mail, and the guest's domain is not official.
    assert (late.queued, late.unreached) == ((ids["UBND xã Đức Lập"],), (ids["Lê Thị Ước"],))
    assert len(office.mailbox.raw()) == before
    again = await sent(office, desk, meeting_id, "invite", ids["Chủ tịch UBND xã Mỹ Hạnh"])
    assert len(again.queued) == 1
    assert [str(one["Subject"])[:9] for one in office.mailbox.to(XA1)] == ["[Mời họp]", "[Mời họp]"]
    async with office.database.reading() as session:
        entries = await session.scalars(select(AuditEntry).where(AuditEntry.action == "meeting.invite_many"))
        assert [one.detail["queued"] for one in entries] == [1, 1]


async def test_those_without_an_answer_are_asked_once_a_day(office: MailRoom, province: Province) -> None:
    meeting_id, desk = await booked(office.database, province, Wanted()), province.actor("secretary")
    await office.change(meeting_id, "approve")
    ids = await attendee_ids(office, meeting_id)

    async def decline(session: AsyncSession) -> None:
        row = await session.get_one(Attendee, ids["Nguyễn Văn YT - Giám đốc Sở Y tế"])
        await answers.answer(session, row, "declined", "", None, Actor("link", row.id), START)

    await office.database.transact(decline)
    first = await sent(office, desk, meeting_id, "remind")
    assert set(first.queued) == {ids["Chủ tịch UBND xã Mỹ Hạnh"], ids["UBND xã Đức Lập"]}
    assert first.unreached == (ids["Lê Thị Ước"],)
    (mail,) = [one for one in office.mailbox.to(XA1) if str(one["Subject"]).startswith("[Đề nghị trả lời]")]
    said = parts(mail)["text/plain"]
    assert "Thời gian: từ 14 giờ 00 đến 16 giờ 00" in said
    assert f"{BASE}/moi#" in said
    second = await sent(office, desk, meeting_id, "remind")
    assert (second.queued, set(second.again)) == ((), set(first.queued))
    office.now += timedelta(days=1)
    assert set((await sent(office, desk, meeting_id, "remind")).queued) == set(first.queued)
    assert len(office.mailbox.to(XA1)) == 3, "the invitation and two requests on two days"


async def texts(office: MailRoom, desk: Actor, meeting_id: str) -> list[Message]:
    async def work(session: AsyncSession) -> list[Message]:
        row = await session.get_one(Meeting, meeting_id)
        return await sending.messages(session, row, (), Around(KEY, BASE, SENDER), desk, office.now)

    return await office.database.transact(work)


async def test_a_passed_on_link_of_a_unit_answers_but_opens_no_meeting(
    office: MailRoom,
    province: Province,
) -> None:
    meeting_id = await booked(office.database, province, Wanted())
    made = {one.label: one for one in await texts(office, province.actor("secretary"), meeting_id)}
    unit, guest = made["Chủ tịch UBND xã Mỹ Hạnh"].text, made["Lê Thị Ước"].text
    async with office.database.reading() as session:
        row = await session.get_one(Meeting, meeting_id)
    assert f"mã PIN: {row.pin}" in unit
    assert f"{BASE}/join?number={row.number}" in unit
    assert f"mã PIN: {row.pin}" not in guest, "a guest has a link that opens the meeting"
    secrets = [re.findall(rf"{BASE}/moi#([\w-]+)", one)[0] for one in (unit, guest)]
    assert {len(one) for one in secrets} == {32}
    async with office.database.reading() as session:
        found = [await links.find_answering(session, KEY, one) for one in secrets]
        assert [one.label for one in found if one] == ["Chủ tịch UBND xã Mỹ Hạnh", "Lê Thị Ước"]
        assert (await entry.by_link(session, secrets[1], office.now)).attendee_id
        with pytest.raises(Refusal, match="link"):
            await entry.by_link(session, secrets[0], office.now)
        other = await links.find_answering(session, b"x" * 32, secrets[0])
        assert other is None, "another installation's seal"
        broken = secrets[0][:-1] + ("A" if secrets[0][-1] != "A" else "B")
        assert [await links.find_answering(session, KEY, one) for one in (broken, "é" * 32, "=" * 32)] == [None] * 3

    async def revoke(session: AsyncSession) -> None:
        attendee = await links.find_answering(session, KEY, secrets[0])
        assert attendee is not None
        links.revoke(attendee)

    await office.database.transact(revoke)
    async with office.database.reading() as session:
        assert await links.find_answering(session, KEY, secrets[0]) is None


async def test_texts_of_an_important_meeting_name_no_way_to_enter(office: MailRoom, province: Province) -> None:
    meeting_id = await booked(office.database, province, Wanted(class_="important"))
    for one in await texts(office, province.actor("secretary"), meeting_id):
        assert "chỉ dự tại hội trường" in one.text
        assert "PIN" not in one.text
        assert "/join" not in one.text
        assert "/test" not in one.text


async def test_only_the_desk_of_the_host_sends_to_many(office: MailRoom, province: Province) -> None:
    meeting_id = await booked(office.database, province, Wanted())
    stranger = province.actor("secretary", "yt")
    for what in ("invite", "remind"):
        with pytest.raises(Refusal, match="denied"):
            await sent(office, stranger, meeting_id, what)
    with pytest.raises(Refusal, match="denied"):
        await texts(office, stranger, meeting_id)
    with pytest.raises(Refusal, match="unknown_attendee"):
        await sent(office, province.actor("secretary"), meeting_id, "invite", "nobody")
    waiting = await booked(
        office.database,
        province,
        Wanted(state="asked", hall="", attendees=(AttendeeRequest(unit_id=province.units["xa1"]),)),
    )
    with pytest.raises(Refusal, match="meeting_not_open"):
        await sent(office, province.actor("secretary"), waiting, "invite")
