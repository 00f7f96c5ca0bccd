"""Limits of invitations and webhooks that no other test reaches: a value at the limit is accepted, one more is refused."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from rooms import limits
from rooms.booking.meeting import attendees
from rooms.booking.planning.requests import AttendeeRequest
from rooms.errors import Refusal
from rooms.identifiers import new_id
from rooms.meetings import invitations
from rooms.meetings.invitations import Around
from rooms.meetings.letters import fields, word
from rooms.policy.actors import Actor
from rooms.sealing import Seal
from rooms.store import webhooks
from rooms.store.database import Database
from rooms.store.tables.booking import Step
from rooms.store.tables.records import Delivery
from tests.rooms.invited import BASE, KEY, SENDER, Wanted, meeting
from tests.rooms.people import add_account
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

AROUND = Around(KEY, BASE, SENDER)


@POSTGRESQL_IN_SIM
async def test_a_mail_names_the_first_dates_and_counts_the_rest(
    database: Database, province: Province, now: datetime
) -> None:
    starts = tuple(now + timedelta(days=day) for day in range(1, limits.MAIL_TIMES + 4))
    one = (AttendeeRequest(unit_id=province.units["xa1"]),)

    async def work(session: Any) -> list[invitations.Outgoing]:
        made = await meeting(session, province, Wanted(starts=starts, hall="", attendees=one), now)
        (row,) = await attendees.listed(session, made.id)
        payload = {"meeting_id": made.id, "attendee_id": row.id}
        return await invitations.prepare(session, "mail.invite", payload, AROUND, now)

    (mail,) = await database.transact(work)
    assert len(mail.times) == limits.MAIL_TIMES + 1
    assert (mail.times[-1], mail.times_en[-1]) == ("và 3 buổi sau", "and 3 more")


async def test_the_number_of_mailed_approvers_is_limited(
    database: Database, province: Province, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DECIDERS_MAILED", 2)

    async def work(session: Any) -> int:
        made = await meeting(session, province, Wanted(state="asked"), now)
        for place, person in enumerate(("tinh-1", "tinh-2", "vp-1")):
            await add_account(
                session, f"boss{place}", province.people[person], {"approver": province.units["tinh"]}, now
            )
        step = Step(id=new_id(), meeting_id=made.id, step=1, unit_id=province.units["tinh"], role="approver")
        session.add(step)
        await session.flush()
        payload = {"meeting_id": made.id, "step_id": step.id}
        return len(await invitations.prepare(session, "mail.approval", payload, AROUND, now))

    assert await database.transact(work) == 2


async def test_the_number_of_webhooks_and_log_lines_is_limited(
    database: Database, province: Province, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WEBHOOKS", 2)
    monkeypatch.setattr(limits, "DELIVERIES_SHOWN", 3)
    admin = province.actor("admin")

    async def make(session: Any) -> str:
        made, _ = await webhooks.create(
            session, Seal(KEY), province.units["tinh"], "https://a.example/", ["*"], admin, now
        )
        return made.id

    hook = await database.transact(make)
    await database.transact(make)
    with pytest.raises(Refusal, match="too_many"):
        await database.transact(make)

    async def log(session: Any) -> int:
        for number in range(4):
            session.add(Delivery(id=new_id(), webhook_id=hook, event=f"e{number}", body="{}", created_at=now, tries=[]))
        await session.flush()
        return len(await webhooks.deliveries(session, hook, admin))

    assert await database.transact(log) == 3


def test_a_document_that_became_too_large_is_not_given_away(monkeypatch: pytest.MonkeyPatch) -> None:
    made = word.docx(fields.sample())
    monkeypatch.setattr(limits, "TEMPLATE_RESULT_BYTES", len(made) - 1)
    with pytest.raises(Refusal, match="bad_template"):
        word.docx(fields.sample())


async def test_an_invitation_is_resent_and_its_link_revoked(
    database: Database, province: Province, now: datetime
) -> None:
    one = (AttendeeRequest(unit_id=province.units["xa1"]),)

    async def work(session: Any) -> None:
        made = await meeting(session, province, Wanted(attendees=one), now)
        (row,) = await attendees.listed(session, made.id)
        payload = {"meeting_id": made.id, "attendee_id": row.id}
        (first,) = await invitations.prepare(session, "mail.invite", payload, AROUND, now)
        await invitations.mailed(session, first, "sent")
        assert await invitations.prepare(session, "mail.invite", payload, AROUND, now) == []
        secretary, stranger = province.actor("secretary"), province.actor("secretary", "yt")
        for actor in (stranger, Actor("link", row.id)):
            with pytest.raises(Refusal, match="denied"):
                await invitations.take_link_back(session, row, actor, now)
            with pytest.raises(Refusal, match="denied"):
                await invitations.resend(session, row, actor, now)
        await invitations.take_link_back(session, row, secretary, now)
        await invitations.resend(session, row, secretary, now)
        (second,) = await invitations.prepare(session, "mail.invite", payload, AROUND, now)
        assert second.link != first.link
        made.state = "cancelled"
        with pytest.raises(Refusal, match="meeting_not_open"):
            await invitations.resend(session, row, secretary, now)

    await database.transact(work)


@POSTGRESQL_IN_SIM
async def test_an_important_meeting_is_not_entered_by_its_link(
    database: Database, province: Province, now: datetime
) -> None:
    one = (AttendeeRequest(unit_id=province.units["xa1"]),)

    async def work(session: Any, class_: str) -> bool:
        made = await meeting(session, province, Wanted(class_=class_, attendees=one, hall=""), now)
        (row,) = await attendees.listed(session, made.id)
        payload = {"meeting_id": made.id, "attendee_id": row.id}
        (mail,) = await invitations.prepare(session, "mail.invite", payload, AROUND, now)
        return mail.joins

    assert await database.transact(lambda s: work(s, "ordinary"))
    assert not await database.transact(lambda s: work(s, "important"))
