"""Attendees without duplicates, changes of the list, personal links, answers and substitutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from rooms import limits
from rooms.booking.meeting import attendees
from rooms.booking.planning.requests import AttendeeRequest
from rooms.errors import Refusal
from rooms.identifiers import digest, new_id
from rooms.meetings import answers, entry, links, own_dates
from rooms.meetings.answers import MailReply, Substitute
from rooms.policy.actors import SYSTEM, Actor
from rooms.store.database import Database
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.org import Holding, RecipientRule, RecipientSet, Unit
from rooms.store.tables.records import AuditEntry, Job
from tests.rooms.invited import KEY, Wanted, meeting
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

DAY = date(2026, 3, 10)


async def communes(session: Any, province: Province) -> str:
    """Add the recipient set "UBND các xã"."""
    set_id = new_id()
    row = RecipientSet(
        id=set_id, code="xa", name="UBND các xã", search_name="ubnd cac xa", owner_unit_id=province.units["tinh"]
    )
    session.add(row)
    await session.flush()
    session.add(RecipientRule(id=new_id(), set_id=set_id, kind="committee", tier=3, below=False, excludes=False))
    await session.flush()
    return set_id


@POSTGRESQL_IN_SIM
async def test_everybody_is_invited_once(database: Database, province: Province) -> None:
    async def work(session: Any) -> list[attendees.Invited]:
        set_id = await communes(session, province)
        wishes = [
            AttendeeRequest(set_id=set_id),
            AttendeeRequest(unit_id=province.units["xa1"], must_be_head=True),
            AttendeeRequest(person_id=province.people["yt-1"], required=False),
            AttendeeRequest(person_id=province.people["yt-1"]),
            AttendeeRequest(guest_name="Lê  Thị Ước", guest_email="UOC@example.vn"),
            AttendeeRequest(guest_name="Ước", guest_email="uoc@example.vn"),
            AttendeeRequest(guest_name="Khách không có thư"),
        ]
        return await attendees.expand(session, wishes, DAY)

    found = await database.transact(work)
    assert {one.unit_id for one in found[:2]} == {province.units["xa1"], province.units["xa2"]}
    assert [(one.unit_id, one.person_id, one.guest_name) for one in found[2:]] == [
        (None, province.people["yt-1"], ""),
        (None, None, "Lê Thị Ước"),
        (None, None, "Khách không có thư"),
    ]
    by_unit = {one.unit_id: one for one in found}
    assert [one.unit_id for one in found if one.must_be_head] == [province.units["xa1"]]
    assert by_unit[province.units["xa1"]].site_id == province.sites["xa1"]
    person = next(one for one in found if one.person_id)
    assert person.required
    assert person.label == "Nguyễn Văn YT - Giám đốc Sở Y tế"
    assert next(one for one in found if one.guest_email).guest_email == "uoc@example.vn"


@POSTGRESQL_IN_SIM
async def test_a_new_unit_is_in_the_next_expansion_only(database: Database, province: Province, now: datetime) -> None:
    async def work(session: Any) -> tuple[int, int, int]:
        set_id = await communes(session, province)
        made = await meeting(session, province, Wanted(attendees=(AttendeeRequest(set_id=set_id),)), now)
        before = len(await attendees.listed(session, made.id))
        path = f"{province.paths['tinh']}unit-xa3/"
        third = Unit(
            id="unit-xa3",
            code="xa3",
            name="UBND xã Tân Phú",
            search_name="ubnd xa tan phu",
            kind="committee",
            tier=3,
            block="government",
            parent_id=province.units["tinh"],
            path=path,
            valid_from=date(2026, 3, 4),
        )
        session.add(third)
        await session.flush()
        later = await attendees.expand(session, [AttendeeRequest(set_id=set_id)], DAY)
        return before, len(later), len(await attendees.listed(session, made.id))

    assert await database.transact(work) == (2, 3, 2)


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (AttendeeRequest(), "bad_line"),
        (AttendeeRequest(unit_id="x", person_id="y"), "bad_line"),
        (AttendeeRequest(unit_id="nowhere"), "unknown_unit"),
        (AttendeeRequest(person_id="nobody"), "unknown_person"),
        (AttendeeRequest(guest_email="a@b.vn"), "bad_guest"),
        (AttendeeRequest(guest_name="Ước", guest_email="not an address"), "bad_guest"),
        (AttendeeRequest(guest_name="Ước", guest_email="a@b.vn\nBcc: c@d.vn"), "bad_guest"),
        (AttendeeRequest(guest_name="Ước", role="king"), "bad_line"),
        (AttendeeRequest(guest_name="x" * 201), "bad_guest"),
    ],
)
async def test_wrong_lines_are_named(database: Database, province: Province, wish: AttendeeRequest, code: str) -> None:
    async with database.reading() as session:
        with pytest.raises(Refusal) as refused:
            await attendees.expand(session, [AttendeeRequest(unit_id=province.units["xa1"]), wish], DAY)
    assert refused.value.code == "bad_attendees"
    assert [(one.code, one.where) for one in refused.value.troubles] == [(code, "attendees.1")]


@POSTGRESQL_IN_SIM
async def test_too_many_are_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    guests = [AttendeeRequest(guest_name=f"Khách {n}") for n in range(limits.ATTENDEE_REQUESTS + 1)]
    async with database.reading() as session:
        assert len(await attendees.expand(session, guests[:-1], DAY)) == limits.ATTENDEE_REQUESTS
        with pytest.raises(Refusal, match="too_many_attendees"):
            await attendees.expand(session, guests, DAY)
        monkeypatch.setattr(limits, "INVITED", 3)
        with pytest.raises(Refusal, match="too_many_attendees"):
            await attendees.expand(session, guests[:4], DAY)


async def test_replacing_the_list_keeps_answers(database: Database, province: Province, now: datetime) -> None:
    async def work(session: Any) -> tuple[attendees.Diff, list[Attendee], list[Job]]:
        made = await meeting(session, province, Wanted(), now)
        for one in await attendees.listed(session, made.id):
            one.notified = 0
            one.answer = "accepted"
        wishes = [AttendeeRequest(unit_id=province.units["xa1"]), AttendeeRequest(unit_id=province.units["khcn"])]
        diff = await attendees.replace(session, made, await attendees.expand(session, wishes, DAY), SYSTEM, now)
        jobs = list(await session.scalars(select(Job).where(Job.kind == "mail.removed")))
        return diff, await attendees.listed(session, made.id), jobs

    diff, left, jobs = await database.transact(work)
    assert [one.unit_id for one in diff.added] == [province.units["khcn"]]
    assert len(diff.removed) == 3
    assert [one.unit_id for one in diff.changed] == [province.units["xa1"]]
    assert {one.unit_id: one.answer for one in left} == {
        province.units["xa1"]: "accepted",
        province.units["khcn"]: "none",
    }
    assert {job.payload["email"] for job in jobs} == {
        "xa2@longan.gov.vn",
        "yt-1@longan.gov.vn",
        "uoc@khach.example.vn",
    }


async def test_a_link_is_derived_found_and_revoked(database: Database, province: Province, now: datetime) -> None:
    async def work(session: Any) -> None:
        made = await meeting(session, province, Wanted(), now)
        one, other, *_ = await attendees.listed(session, made.id)
        assert await links.find(session, links.secret_for(KEY, one.id)) is None  # no link was issued yet
        secret = links.issue(KEY, one)
        assert secret == links.secret_for(KEY, one.id)
        assert secret not in str(one.__dict__)
        assert one.link_digest == digest(secret)
        await session.flush()
        found = await links.find(session, secret)
        assert found is not None
        assert found.id == one.id
        assert secret != links.issue(KEY, other)
        links.revoke(one)
        await session.flush()
        assert await links.find(session, secret) is None
        assert links.issue(KEY, one) != secret
        for wrong in ("", "x", "x" * (links.SECRET_CHARACTERS + 1), secret[:-1]):
            assert await links.find(session, wrong) is None

    await database.transact(work)


def test_an_action_is_sealed_and_ends(now: datetime) -> None:
    action = links.Action("approve", "m" * 32, "s" * 32, now + timedelta(hours=1))
    token = links.action_token(KEY, action)
    assert links.read_action(KEY, token, now) == action
    with pytest.raises(Refusal, match="link_expired"):
        links.read_action(KEY, token, now + timedelta(hours=1))
    for wrong in ("", ".", token[:-1], "A" + token, links.action_token(b"x" * 32, action), token * 30):
        with pytest.raises(Refusal, match="link_invalid"):
            links.read_action(KEY, wrong, now)
    with pytest.raises(AssertionError):
        links.secret_for(b"short", "a")


async def one_of(database: Database, province: Province, now: datetime, unit: str = "xa1") -> tuple[str, str]:
    """Return the identifiers of a meeting and of the attendee of a unit."""

    async def work(session: Any) -> tuple[str, str]:
        made = await meeting(session, province, Wanted(), now)
        found = [one for one in await attendees.listed(session, made.id) if one.unit_id == province.units[unit]]
        return made.id, found[0].id

    return await database.transact(work)


async def give(
    database: Database, attendee_id: str, actor: Actor, now: datetime, given: str = "accepted", **more: Any
) -> Attendee:
    async def work(session: Any) -> Attendee:
        attendee = await session.get_one(Attendee, attendee_id)
        return await answers.answer(
            session, attendee, given, more.get("comment", ""), more.get("substitute"), actor, now
        )

    return await database.transact(work)


@POSTGRESQL_IN_SIM
async def test_of_a_unit_that_chairs_only_its_head_is_a_host(
    database: Database, province: Province, now: datetime
) -> None:
    """Every person of the unit may enter. Hosts are the head of the unit, the head's deputy, and a person whom the list names."""
    wishes = (
        AttendeeRequest(unit_id=province.units["xa1"], role="chair"),
        AttendeeRequest(person_id=province.people["yt-1"], role="secretary"),
    )

    async def work(session: Any) -> str:
        made = await meeting(session, province, Wanted(starts=(now,), attendees=wishes), now)
        found: str = (await session.scalars(select(Occurrence.id).where(Occurrence.meeting_id == made.id))).one()
        return found

    date_id = await database.transact(work)

    told: list[tuple[str, str]] = []

    async def hosts(person: str, *deputises: str) -> tuple[bool, bool]:
        actor = Actor("account", "a", person_id=province.people[person], deputises=deputises)
        async with database.reading() as session:
            found = await entry.by_account(session, date_id, actor, now)
            shown = await own_dates.dates(session, actor, now)
        told.append((found.role, found.unit))
        return found.host, any(one.can_enter for one in shown)

    assert await hosts("xa1-2") == (False, True)
    assert await hosts("xa1-1") == (True, True)
    assert await hosts("xa1-2", province.people["xa1-1"]) == (True, True)
    assert await hosts("yt-1") == (True, True)
    commune, health = ("UBND xã Mỹ Hạnh", "Sở Y tế")
    assert told == [("", commune), ("chair", commune), ("chair", commune), ("secretary", health)]


async def test_who_may_answer_for_an_attendee(database: Database, province: Province, now: datetime) -> None:
    _, attendee_id = await one_of(database, province, now)
    head = Actor("account", "a-head", person_id=province.people["xa1-1"])
    for actor, expected in (
        (Actor("link", attendee_id), "link"),
        (head, "account:a-head"),
        (province.actor("secretary", "xa1"), "account:secretary-xa1"),
        # The desk of the province is also the desk of the host, unless the secretary belongs to the commune.
        (province.actor("secretary", "tinh"), "secretary:secretary-tinh"),
        (replace(province.actor("secretary", "tinh"), person_id=province.people["xa1-2"]), "account:secretary-tinh"),
    ):
        assert (await give(database, attendee_id, actor, now)).answered_by == expected
    for actor in (
        Actor("link", "other"),
        province.actor("secretary", "xa2"),
        Actor("account", "a", person_id=province.people["xa2-1"]),
    ):
        with pytest.raises(Refusal, match="denied"):
            await give(database, attendee_id, actor, now)


async def test_my_meetings_offer_an_answer_only_to_those_entitled(
    database: Database, province: Province, now: datetime
) -> None:
    """The head and the desk of a unit may answer for the unit. The person who leads the meeting sees it, but may not answer."""
    await one_of(database, province, now)
    desk = province.actor("secretary", "xa1", person="xa1-2")
    async with database.reading() as session:
        for actor, role, answers_ in (
            (Actor("account", "a", person_id=province.people["xa1-1"]), "delegate", True),
            (Actor("account", "a", person_id=province.people["xa1-2"]), "delegate", False),
            (desk, "delegate", True),
            (Actor("account", "a", person_id=province.people["vp-2"]), "secretary", False),
        ):
            (found,) = await own_dates.dates(session, actor, now)
            assert (found.role, found.may_answer) == (role, answers_)


@POSTGRESQL_IN_SIM
async def test_bad_and_late_answers(database: Database, province: Province, now: datetime) -> None:
    meeting_id, attendee_id = await one_of(database, province, now)
    link = Actor("link", attendee_id)
    for given, comment in (("perhaps", ""), ("none", ""), ("accepted", "x" * (limits.COMMENT_CHARACTERS + 1))):
        with pytest.raises(Refusal, match="bad_answer"):
            await give(database, attendee_id, link, now, given, comment=comment)
    with pytest.raises(Refusal, match="bad_substitute"):
        await give(database, attendee_id, link, now, substitute=Substitute("  "))
    with pytest.raises(Refusal, match="bad_substitute"):
        await give(database, attendee_id, link, now, substitute=Substitute("x" * (limits.NAME_CHARACTERS + 1)))
    with pytest.raises(Refusal, match="meeting_over"):
        await give(database, attendee_id, link, now + timedelta(days=8))

    async def off(session: Any) -> None:
        (await session.get_one(Meeting, meeting_id)).state = "cancelled"

    await database.transact(off)
    with pytest.raises(Refusal, match="meeting_not_open"):
        await give(database, attendee_id, link, now)


async def decide(
    database: Database, attendee_id: str, agrees: bool, actor: Actor, now: datetime, told_by: str = ""
) -> Attendee:
    async def work(session: Any) -> Attendee:
        attendee = await session.get_one(Attendee, attendee_id)
        return await answers.decide_substitute(session, attendee, agrees, actor, now, told_by)

    return await database.transact(work)


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize("agrees", [True, False])
async def test_a_substitute_for_a_head_waits_for_the_chair(
    database: Database, province: Province, now: datetime, agrees: bool
) -> None:
    meeting_id, attendee_id = await one_of(database, province, now)
    deputy = Substitute("Trần Văn Phó", "Phó Chủ tịch UBND xã")
    asked = await give(database, attendee_id, Actor("link", attendee_id), now, substitute=deputy)
    assert (asked.substitute_state, asked.answer) == ("asked", "tentative")
    async with database.reading() as session:
        waiting = await attendees.missing(session, meeting_id, now)
        assert ("substitute_asked" in {one.why for one in waiting}) is True
        assert (await answers.counts(session, meeting_id))["substitutes"] == 1
    chair = Actor("account", "a-chair", person_id=province.people["tinh-1"])
    for actor in (Actor("link", attendee_id), province.actor("secretary", "xa1"), province.actor("approver", "tinh")):
        with pytest.raises(Refusal, match="denied"):
            await decide(database, attendee_id, agrees, actor, now)
    with pytest.raises(Refusal, match="told_by_needed"):
        await decide(database, attendee_id, agrees, province.actor("secretary", "tinh"), now)
    decided = await decide(database, attendee_id, agrees, chair, now)
    assert (decided.substitute_state, decided.answer) == (("agreed", "accepted") if agrees else ("refused", "none"))
    with pytest.raises(Refusal, match="nothing_asked"):
        await decide(database, attendee_id, agrees, chair, now)
    async with database.reading() as session:
        late = {one.attendee_id: one.why for one in await attendees.missing(session, meeting_id, now)}
        assert late.get(attendee_id) == (None if agrees else "substitute_refused")
        kinds = set(await session.scalars(select(Job.kind)))
        assert {"mail.substitute", "mail.substitute_decided", "webhook.event"} <= kinds
        actions = list(await session.scalars(select(AuditEntry.action)))
        assert "attendee.answer" in actions
        assert "attendee.substitute" in actions


async def test_a_deputy_or_the_chairs_word_counts_too(database: Database, province: Province, now: datetime) -> None:
    _, attendee_id = await one_of(database, province, now)
    link = Actor("link", attendee_id)
    await give(database, attendee_id, link, now, substitute=Substitute("Phó"))
    deputy = Actor("account", "d", person_id="p", deputises=(province.people["tinh-1"],))
    assert (await decide(database, attendee_id, True, deputy, now)).substitute_state == "agreed"
    await give(database, attendee_id, link, now, substitute=Substitute("Phó"))
    told = await decide(database, attendee_id, True, province.actor("secretary"), now, "Điện thoại lúc 8 giờ")
    assert told.substitute_state == "agreed"


async def test_units_may_name_any_known_substitute(database: Database, province: Province, now: datetime) -> None:
    _, attendee_id = await one_of(database, province, now, "xa2")
    link = Actor("link", attendee_id)
    sent = await give(database, attendee_id, link, now, substitute=Substitute("", person_id=province.people["xa2-2"]))
    assert (sent.substitute_state, sent.answer, sent.substitute_name) == ("agreed", "accepted", "Trần Thị XA2")
    with pytest.raises(Refusal, match="unknown_person"):
        await give(database, attendee_id, link, now, substitute=Substitute("", person_id="nobody"))
    back = await give(database, attendee_id, link, now, "declined", comment="Bận\u202e họp\x00 HĐND")
    assert (back.substitute_state, back.answer, back.comment) == ("", "declined", "Bận họp HĐND")


async def test_missing_answers_are_listed_and_counted(database: Database, province: Province, now: datetime) -> None:
    meeting_id, attendee_id = await one_of(database, province, now)
    await give(database, attendee_id, Actor("link", attendee_id), now)
    async with database.reading() as session:
        late = await attendees.missing(session, meeting_id, now)
        counted = await answers.counts(session, meeting_id)
    assert [(one.why, one.contact.email) for one in late] == [
        ("no_answer", "xa2@longan.gov.vn"),
        ("no_answer", "yt-1@longan.gov.vn"),
    ]  # the guest's attendance is optional
    assert counted == {"none": 3, "accepted": 1, "declined": 0, "tentative": 0, "substitutes": 0}


async def test_an_answer_by_mail(database: Database, province: Province, now: datetime) -> None:
    meeting_id, _ = await one_of(database, province, now)
    reply = MailReply(meeting_id, "xa2@longan.gov.vn", "declined", 0, "Đi công tác")

    def by_mail(one: MailReply) -> Any:
        return database.transact(lambda session: answers.by_mail(session, one, now))

    answered = await by_mail(reply)
    assert (answered.answer, answered.answered_by, answered.comment) == ("declined", "mail", "Đi công tác")
    for wrong in (
        replace(reply, sender="xa3@longan.gov.vn"),
        replace(reply, sender=""),
        replace(reply, meeting_id="x"),
    ):
        with pytest.raises(Refusal, match="unknown_attendee"):
            await by_mail(wrong)

    async def newer(session: Any) -> None:
        attendee = await session.get_one(Attendee, answered.id)
        attendee.notified = 2

    await database.transact(newer)
    with pytest.raises(Refusal, match="reply_outdated"):
        await by_mail(replace(reply, sequence=1))
    assert (await by_mail(replace(reply, sequence=2, answer="accepted"))).answer == "accepted"


async def test_a_new_head_answers_in_the_first_hours_of_their_day(database: Database, province: Province) -> None:
    """A unit without a mail address has the address of its head. The day of the new head begins at 00:00 in Việt Nam, when the
    day in UTC is still the day before.
    """
    night = datetime(2026, 3, 9, 17, 30, tzinfo=UTC)
    meeting_id, _ = await one_of(database, province, night)

    async def new_head(session: Any) -> None:
        (await session.get_one(Unit, province.units["xa2"])).email = ""
        (await session.get_one(Holding, "holding-xa2")).valid_to = DAY
        person = province.people["xa2-2"]
        session.add(Holding(id=new_id(), post_id=province.posts["xa2"], person_id=person, valid_from=DAY))

    await database.transact(new_head)

    def by_mail(sender: str) -> Any:
        reply = MailReply(meeting_id, sender, "accepted", 0)
        return database.transact(lambda session: answers.by_mail(session, reply, night))

    with pytest.raises(Refusal, match="unknown_attendee"):
        await by_mail("xa2-1@longan.gov.vn")
    assert (await by_mail("xa2-2@longan.gov.vn")).answer == "accepted"


async def test_mails_that_overtake_each_other(database: Database, province: Province, now: datetime) -> None:
    """Two answers to one invitation have the same SEQUENCE. DTSTAMP says which answer is newer."""
    meeting_id, _ = await one_of(database, province, now)
    first = MailReply(meeting_id, "xa2@longan.gov.vn", "declined", 0, stamped=now - timedelta(minutes=9))
    second = replace(first, answer="accepted", stamped=now - timedelta(minutes=3))

    def by_mail(one: MailReply) -> Any:
        return database.transact(lambda session: answers.by_mail(session, one, now))

    assert (await by_mail(second)).answer == "accepted"
    with pytest.raises(Refusal, match="reply_outdated"):
        await by_mail(first)
    assert (await by_mail(replace(second, answer="tentative"))).answer == "tentative", (
        "the same moment: the last counts"
    )
    assert (await by_mail(replace(first, stamped=now + timedelta(days=900)))).answer == "declined"
    assert (await by_mail(replace(second, stamped=now))).answer == "accepted", "a date of the future shuts nobody out"
    assert (await by_mail(replace(first, stamped=None))).answer == "declined", "who says no moment is not older"


@POSTGRESQL_IN_SIM
async def test_an_answer_by_mail_can_apply_to_one_date(database: Database, province: Province, now: datetime) -> None:
    """Outlook declines the second date of an accepted series. The other dates stay accepted."""
    starts = tuple(now.replace(hour=7, minute=0) + timedelta(days=7 * n) for n in (1, 2, 3))
    wanted = Wanted(rule="FREQ=WEEKLY", starts=starts)
    made = await database.transact(lambda session: meeting(session, province, wanted, now))
    reply = MailReply(made.id, "xa2@longan.gov.vn", "accepted", 0)
    alone = replace(reply, answer="declined", comment="Họp\x00 HĐND", date_at=starts[1])

    def by_mail(one: MailReply, at: datetime = now) -> Any:
        return database.transact(lambda session: answers.by_mail(session, one, at))

    label = (await by_mail(reply)).label
    found = await by_mail(alone)
    assert (found.answer, found.comment) == ("accepted", ""), "the series is answered as before"
    assert (await by_mail(alone)).id == found.id, "sent twice"
    async with database.reading() as session:
        kept = (await answers.of_dates(session, made.id, now))[found.id]
        last = await answers.of_dates(session, made.id, starts[2])
        coming = {at: await attendees.missing(session, made.id, at) for at in (now, starts[1])}
        events = list(await session.scalars(select(Job.payload).where(Job.kind == "webhook.event")))
        trail = list(await session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "attendee.answer")))
    assert [(one.starts_at, one.answer, one.comment) for one in kept] == [(starts[1], "declined", "Họp HĐND")]
    assert last == {}, "what is over is not shown"
    assert label not in [one.label for one in coming[now]]
    assert ("declined", label) in [(one.why, one.label) for one in coming[starts[1]]]
    assert events[-1]["data"]["answer"] == "declined"
    assert events[-1]["data"]["occurrence_id"] == kept[0].occurrence_id
    assert "HĐND" not in str(trail)
    assert trail[-1]["occurrence_id"] == kept[0].occurrence_id
    for wrong, code in (
        (replace(alone, date_at=starts[1] + timedelta(hours=1)), "unknown_date"),
        (replace(alone, sender="xa3@longan.gov.vn"), "unknown_attendee"),
        (replace(alone, answer="delegated"), "bad_answer"),
        (replace(alone, sequence=-1), "reply_outdated"),
    ):
        if code == "reply_outdated":
            await _told(database, found.id, 0)
        with pytest.raises(Refusal, match=code):
            await by_mail(wrong)
    with pytest.raises(Refusal, match="meeting_over"):
        await by_mail(alone, starts[1] + timedelta(hours=3))


async def test_an_answer_to_a_date_ends_when_it_moves(database: Database, province: Province, now: datetime) -> None:
    starts = tuple(now.replace(hour=7, minute=0) + timedelta(days=7 * n) for n in (1, 2))
    wanted = Wanted(rule="FREQ=WEEKLY", starts=starts)
    made = await database.transact(lambda session: meeting(session, province, wanted, now))
    reply = MailReply(made.id, "xa2@longan.gov.vn", "declined", 0, date_at=starts[0])
    found = await database.transact(lambda session: answers.by_mail(session, reply, now))

    async def move(session: Any) -> None:
        date = await session.scalar(select(Occurrence).where(Occurrence.original_at == starts[0]))
        assert await attendees.answers_on(session, date) == {found.id: "declined"}
        date.starts_at, date.ends_at = date.starts_at + timedelta(days=1), date.ends_at + timedelta(days=1)
        await session.flush()
        assert await attendees.answers_on(session, date) == {}
        assert await answers.of_dates(session, made.id, now) == {}
        date.state = "postponed"

    await database.transact(move)
    with pytest.raises(Refusal, match="unknown_date"):
        await database.transact(lambda session: answers.by_mail(session, reply, now))


async def _told(database: Database, attendee_id: str, sequence: int) -> None:
    async def work(session: Any) -> None:
        (await session.get_one(Attendee, attendee_id)).notified = sequence

    await database.transact(work)


async def test_mail_outside_needs_a_reason_and_a_right(database: Database, province: Province, now: datetime) -> None:
    _, attendee_id = await one_of(database, province, now)

    def allow(reason: str, actor: Actor) -> Any:
        async def work(session: Any) -> Attendee:
            attendee = await session.get_one(Attendee, attendee_id)
            await attendees.allow_outside(session, attendee, reason, actor, now)
            return attendee

        return database.transact(work)

    with pytest.raises(Refusal, match="reason_needed"):
        await allow("  ", province.actor("secretary"))
    with pytest.raises(Refusal, match="denied"):
        await allow("vì", province.actor("secretary", "xa1"))
    assert (await allow("Chuyên gia mời", province.actor("secretary"))).outside_reason == "Chuyên gia mời"
    async with database.reading() as session:
        assert await session.scalar(select(Job.kind).where(Job.kind == "mail.invite")) == "mail.invite"
