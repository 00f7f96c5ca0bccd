"""Mails that a real mail server gets: invitations, changes, cancellations, reminders, approvals, and who gets none."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import aiosmtplib
import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from rooms.booking.meeting import attendees
from rooms.booking.meeting.attendees import Contact
from rooms.booking.planning.requests import AttendeeRequest
from rooms.identifiers import new_id
from rooms.meetings import answers, invitations, links
from rooms.meetings.answers import Substitute
from rooms.meetings.invitations import Around, Outgoing
from rooms.meetings.sending import is_official
from rooms.policy.actors import SYSTEM, Actor
from rooms.sealing import Seal
from rooms.store import outbox
from rooms.store.database import Database
from rooms.store.tables.booking import Step
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.records import AuditEntry, Job
from signaling.notify import notices
from signaling.notify.mail import Mailer, MailServer, build, serialised
from signaling.notify.worker import Worker
from signaling.notify.works import works
from tests.rooms.invited import BASE, KEY, SENDER, Wanted, meeting
from tests.rooms.people import add_account
from tests.rooms.province import Province
from tests.signaling.notify.mailbox import Mailbox

START = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
DOMAINS = ("longan.gov.vn",)


@dataclass
class MailRoom:
    """A worker with a clock that the test moves."""

    database: Database
    mailbox: Mailbox
    server: MailServer
    now: datetime = START
    worker: Worker = field(init=False)

    def __post_init__(self) -> None:
        around = Around(KEY, BASE, SENDER)
        todo = works(self.database, Mailer(self.server), around, Seal(KEY))
        self.worker = Worker(self.database, todo, lambda: self.now)

    async def change(self, meeting_id: str, action: str, **values: Any) -> None:
        """Change a meeting as a booking does, and let the worker do the work that follows."""

        async def work(session: Any) -> None:
            row = await session.get_one(Meeting, meeting_id)
            for name, value in values.items():
                setattr(row, name, value)
            payload = {"meeting_id": meeting_id, "action": action, "version": row.version, "sequence": row.sequence}
            await outbox.enqueue(session, "meeting.changed", payload, self.now, self.now)

        await self.database.transact(work)
        await self.worker.drain()


@pytest.fixture(scope="module")
def mail_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    opened = Mailbox.open(tmp_path_factory.mktemp("mail"), refused="xa2@longan.gov.vn")
    yield opened
    opened.close()


@pytest.fixture
def mailbox(mail_server: Mailbox) -> Mailbox:
    for path in mail_server.folder.glob("*"):
        path.unlink()
    return mail_server


@pytest.fixture
def office(database: Database, province: Province, mailbox: Mailbox) -> MailRoom:
    server = MailServer("127.0.0.1", mailbox.port, tls="none", sender=SENDER, domains=DOMAINS)
    return MailRoom(database, mailbox, server)


@pytest.fixture
def now() -> datetime:
    return START


async def booked(database: Database, province: Province, wanted: Wanted) -> str:
    made = await database.transact(lambda session: meeting(session, province, wanted, START))
    return made.id


def parts(mail: EmailMessage) -> dict[str, str]:
    return {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}


async def test_an_invitation_arrives(office: MailRoom, province: Province) -> None:
    meeting_id = await booked(office.database, province, Wanted())
    await office.change(meeting_id, "approve")
    (mail,) = office.mailbox.to("xa1@longan.gov.vn")
    raw = next(one for one in office.mailbox.raw() if one.startswith(b"X-Rcpt: xa1@"))
    raw.decode("ascii")  # no part of the mail needs 8 bits
    assert mail["Subject"] == "[Mời họp] Giao ban tháng 3 về chuyển đổi số - 14 giờ 00, thứ Ba ngày 10/03/2026"
    assert mail["To"] == "UBND xã Mỹ Hạnh <xa1@longan.gov.vn>"
    assert mail["From"].addresses[0].addr_spec == SENDER
    body = parts(mail)
    assert list(body) == ["text/plain", "text/html", "text/calendar"]
    assert mail.get_content_type() == "multipart/alternative"
    said = body["text/plain"]
    assert said.index("trân trọng kính mời") < said.index("-- English --")
    assert "phải được chủ trì đồng ý" in said
    assert "Thời gian: từ 14 giờ 00 đến 16 giờ 00, thứ Ba ngày 10/03/2026" in said
    assert "Time (UTC+7): 14:00-16:00, Tuesday 10/03/2026" in said
    async with office.database.reading() as session:
        digits = (await session.get_one(Meeting, meeting_id)).number or ""
    assert f"Mã cuộc họp: {digits[:3]} {digits[3:6]} {digits[6:]}" in said
    assert f"Kiểm tra thiết bị: {BASE}/test" in said
    secret = re.search(rf"{BASE}{links.ANSWER_PAGE}#([\w-]+)", said)
    assert secret is not None
    async with office.database.reading() as session:
        attendee = await links.find(session, secret[1])
        assert attendee is not None
        assert attendee.unit_id == province.units["xa1"]
        assert (attendee.mail_state, attendee.notified) == ("sent", 0)
    calendar = next(part for part in mail.walk() if part.get_content_type() == "text/calendar")
    assert calendar.get_param("method") == "REQUEST"
    event = vobject.readOne(calendar.get_content()).vevent
    assert event.attendee.value == "mailto:xa1@longan.gov.vn"
    assert event.organizer.value == f"mailto:{SENDER}"
    assert secret[1] not in calendar.get_content()
    assert "yt-1" not in said + calendar.get_content()  # no other attendee's address


async def test_only_official_domains_unless_a_reason_is_given(office: MailRoom, province: Province) -> None:
    meeting_id = await booked(office.database, province, Wanted())
    await office.change(meeting_id, "approve")
    guest = "uoc@khach.example.vn"
    assert office.mailbox.to(guest) == []
    async with office.database.reading() as session:
        row = await session.scalar(select(Attendee).where(Attendee.guest_email == guest))
        assert row is not None
        assert row.mail_state == "refused"
        assert await session.scalar(select(AuditEntry).where(AuditEntry.action == "mail.refused")) is not None

    async def allow(session: Any) -> None:
        attendee = await session.get_one(Attendee, row.id)
        await attendees.allow_outside(session, attendee, "Chuyên gia mời dự", province.actor("secretary"), START)

    await office.database.transact(allow)
    await office.worker.drain()
    assert len(office.mailbox.to(guest)) == 1
    async with office.database.reading() as session:
        sent = await session.scalar(select(AuditEntry).where(AuditEntry.action == "mail.sent"))
        assert sent is not None
        assert sent.detail["why"] == "Chuyên gia mời dự"


async def test_changes_and_cancellations_are_mailed_to_invitees(office: MailRoom, province: Province) -> None:
    meeting_id = await booked(office.database, province, Wanted())
    await office.change(meeting_id, "approve")
    await office.change(meeting_id, "approve")  # approved twice: there is no second mail
    assert len(office.mailbox.to("xa1@longan.gov.vn")) == 1
    await office.change(meeting_id, "edit", title="Giao ban (mở rộng)", sequence=1, version=2)
    await office.change(meeting_id, "cancel", state="cancelled", reason="Mưa bão", sequence=2, version=3)
    first, second, third = office.mailbox.to("xa1@longan.gov.vn")
    events = [vobject.readOne(parts(one)["text/calendar"]) for one in (first, second, third)]
    assert [(one.method.value, one.vevent.sequence.value) for one in events] == [
        ("REQUEST", "0"),
        ("REQUEST", "1"),
        ("CANCEL", "2"),
    ]
    assert len({one.vevent.uid.value for one in events}) == 1
    assert second["Subject"].startswith("[Thay đổi]")
    assert "thay cho lời mời trước" in parts(second)["text/plain"]
    assert third["Subject"].startswith("[Hủy họp]")
    assert "Mưa bão" in parts(third)["text/plain"]


async def test_a_removed_invitee_gets_a_cancellation_mail(office: MailRoom, province: Province) -> None:
    meeting_id = await booked(office.database, province, Wanted())
    await office.change(meeting_id, "approve")

    async def remove(session: Any) -> None:
        row = await session.get_one(Meeting, meeting_id)
        gone = [one.id for one in await attendees.listed(session, meeting_id) if one.unit_id == province.units["xa1"]]
        await attendees.remove(session, row, gone, SYSTEM, START)

    await office.database.transact(remove)
    await office.worker.drain()
    last = office.mailbox.to("xa1@longan.gov.vn")[-1]
    assert last["Subject"].startswith("[Không cần dự]")
    assert vobject.readOne(parts(last)["text/calendar"]).method.value == "CANCEL"


async def test_a_mailbox_that_is_not_there_and_a_server_that_is_busy(office: MailRoom, province: Province) -> None:
    wanted = Wanted(
        attendees=tuple(AttendeeRequest(unit_id=province.units[code]) for code in ("xa1", "xa2"))  # xa2 is refused
    )
    meeting_id = await booked(office.database, province, wanted)
    office.mailbox.busy(True)
    await office.change(meeting_id, "approve")
    async with office.database.reading() as session:
        states = {one.unit_id: one.mail_state for one in await session.scalars(select(Attendee))}
        waiting = list(await session.scalars(select(Job).where(Job.kind == "mail.invite", Job.done_at.is_(None))))
    assert states == {province.units["xa1"]: "", province.units["xa2"]: "failed"}
    assert [(job.attempts, job.due_at > office.now) for job in waiting] == [(1, True)]
    office.mailbox.busy(False)
    office.now += timedelta(minutes=5)
    await office.worker.drain()
    assert len(office.mailbox.to("xa1@longan.gov.vn")) == 1
    assert office.mailbox.to("xa2@longan.gov.vn") == []


async def test_no_mail_server_is_no_error(database: Database, province: Province) -> None:
    meeting_id = await booked(database, province, Wanted())
    around = Around(KEY, BASE, SENDER)
    worker = Worker(database, works(database, None, around, Seal(KEY)), lambda: START)
    payload = {"meeting_id": meeting_id, "action": "approve"}
    await database.transact(lambda s: outbox.enqueue(s, "meeting.changed", payload, START, START))
    await worker.drain()
    async with database.reading() as session:
        assert {one.mail_state for one in await session.scalars(select(Attendee))} == {"off"}
    # A mail whose result is not stored is not prepared: its payload is not even read.
    await works(database, None, around, Seal(KEY))["mail.reminder"]({}, START)


async def test_reminders_a_day_and_an_hour_before_each_date(office: MailRoom, province: Province) -> None:
    starts = (START + timedelta(days=7), START + timedelta(days=14))
    one = (AttendeeRequest(unit_id=province.units["xa1"]), AttendeeRequest(person_id=province.people["yt-1"]))
    meeting_id = await booked(office.database, province, Wanted(starts=starts, attendees=one))
    await office.change(meeting_id, "approve")

    async def decline(session: Any) -> None:
        row = await session.scalar(select(Attendee).where(Attendee.person_id == province.people["yt-1"]))
        await answers.answer(session, row, "declined", "", None, Actor("link", row.id), START)

    await office.database.transact(decline)
    heard: list[tuple[datetime, int]] = []
    before = len(office.mailbox.raw())
    while office.now < starts[-1]:
        office.now += timedelta(minutes=30)
        await office.worker.drain()
        now = len(office.mailbox.raw())
        if now > before:
            heard.append((office.now, now - before))
            before = now
    assert heard == [(at - timedelta(minutes=lead), 1) for at in starts for lead in (24 * 60, 60)]
    last = office.mailbox.mails()[-1]
    assert last["Subject"].startswith("[Nhắc họp]")
    assert "trong 1 giờ nữa" in parts(last)["text/plain"]
    assert "17/03/2026" in last["Subject"]


async def test_a_date_that_was_moved_is_not_reminded_at_its_old_time(office: MailRoom, province: Province) -> None:
    meeting_id = await booked(
        office.database, province, Wanted(attendees=(AttendeeRequest(unit_id=province.units["xa1"]),))
    )
    await office.change(meeting_id, "approve")

    async def move(session: Any) -> None:
        row = await session.scalar(select(Occurrence).where(Occurrence.meeting_id == meeting_id))
        row.starts_at, row.ends_at = row.starts_at + timedelta(days=3), row.ends_at + timedelta(days=3)

    await office.database.transact(move)
    await office.change(meeting_id, "postpone", sequence=1, version=2)
    before = len(office.mailbox.raw())
    office.now = START + timedelta(days=7)
    await office.worker.drain()
    assert len(office.mailbox.raw()) == before


async def test_approvers_and_their_deputies_are_asked(office: MailRoom, province: Province) -> None:
    meeting_id = await booked(office.database, province, Wanted(state="asked"))
    hidden = Wanted(title="Họp kín", hall="", attendees=(AttendeeRequest(person_id=province.people["yt-1"]),))
    await booked(office.database, province, hidden)

    async def prepare(session: Any) -> str:
        await add_account(session, "boss", province.people["tinh-2"], {"approver": province.units["tinh"]}, START)
        await add_account(session, "other", province.people["yt-2"], {"approver": province.units["yt"]}, START)
        step = Step(
            id=new_id(),
            meeting_id=meeting_id,
            step=1,
            unit_id=province.units["vp"],
            role="approver",
            opened_at=START,
            deadline=START + timedelta(days=1),
        )
        session.add(step)
        await session.flush()
        return step.id

    step_id = await office.database.transact(prepare)
    await office.change(meeting_id, "submit")
    (mail,) = office.mailbox.mails()
    assert mail["X-Rcpt"] == "tinh-2@longan.gov.vn"
    said = parts(mail)["text/plain"]
    assert "Thành phần: 2 đơn vị cấp xã, 1 cá nhân, 1 khách mời" in said
    assert "Trùng lịch: Nguyễn Văn YT - Giám đốc Sở Y tế có lịch khác 14:00-16:00" in said
    assert "Họp kín" not in said, "the mail names no other meeting"
    tokens = re.findall(rf"{BASE}{links.ACTION_PAGE}#([\w.-]+)", said)
    actions = [links.read_action(KEY, one, START) for one in tokens[:2]]
    assert [(one.kind, one.step_id) for one in actions] == [("approve", step_id), ("refuse", step_id)]
    async with office.database.reading() as session:
        step = await session.get_one(Step, step_id)
        assert step.state == "open"  # the mail and its links change nothing when they are opened


async def test_the_chair_is_asked_about_a_substitute_and_answers(office: MailRoom, province: Province) -> None:
    meeting_id = await booked(office.database, province, Wanted())
    await office.change(meeting_id, "approve")

    async def ask(session: Any) -> str:
        row = await session.scalar(select(Attendee).where(Attendee.unit_id == province.units["xa1"]))
        given = Substitute("Trần Văn Phó", "Phó Chủ tịch")
        await answers.answer(session, row, "accepted", "Họp HĐND", given, Actor("link", row.id), START)
        return str(row.id)

    attendee_id = await office.database.transact(ask)
    await office.worker.drain()
    asked = [one for one in office.mailbox.mails() if one["Subject"].startswith("[Xin dự thay]")]
    assert {one["X-Rcpt"] for one in asked} == {"tinh-1@longan.gov.vn", "vp-2@longan.gov.vn"}
    assert "Trần Văn Phó - Phó Chủ tịch" in parts(asked[0])["text/plain"]

    async def agree(session: Any) -> None:
        row = await session.get_one(Attendee, attendee_id)
        chair = Actor("account", "c", person_id=province.people["tinh-1"])
        await answers.decide_substitute(session, row, True, chair, START)

    await office.database.transact(agree)
    await office.worker.drain()
    assert office.mailbox.to("xa1@longan.gov.vn")[-1]["Subject"].startswith("[Dự thay: đồng ý]")


async def test_no_mail_of_any_kind_holds_a_pin_or_a_password(office: MailRoom, province: Province) -> None:
    """Show that no part of any mail in the life of a meeting holds a PIN or a password."""
    wanted = Wanted(rule="FREQ=WEEKLY;COUNT=2", starts=(START + timedelta(days=7), START + timedelta(days=14)))
    meeting_id = await booked(office.database, province, wanted)
    await office.change(meeting_id, "approve")
    office.now = START + timedelta(days=6, hours=1)
    await office.worker.drain()
    await office.change(meeting_id, "cancel", state="cancelled", sequence=1, version=2)
    async with office.database.reading() as session:
        row = await session.get_one(Meeting, meeting_id)
    assert row.pin
    assert row.number
    assert len(office.mailbox.raw()) > 4
    for mail in office.mailbox.mails():
        text = "".join(parts(mail).values()) + str(mail["Subject"])
        bare = text.replace(meeting_id, "").replace(mail["Message-ID"], "")
        assert row.number not in bare, "only in groups of three digits, as text"
        assert not re.search(rf"(?<!\w){row.pin}(?!\w)", bare)
        assert not FORBIDDEN.search(bare)


WORDS = ["07", "giờ", "30", "phút,", "thứ", "hai", "ngày", "14/12/2026", "-", "[Mời", "họp]", "UBND", "xã"]
WORDS += ["(mở", "rộng)", "Giao", "ban", "🙂", "a", "b"]
FORBIDDEN = re.compile(r"(?i)\bpin\b|mật khẩu|password|passcode|mã số bí mật")


def outgoing(kind: str, **more: Any) -> Outgoing:
    values: dict[str, Any] = {
        "to": Contact("UBND xã <b>", "xa1@longan.gov.vn", ""),
        "outside_reason": "",
        "meeting_id": "m" * 32,
        "title": "<script>alert(1)</script>\r\nBcc: x@y.z",
        "host": "UBND tỉnh",
        "chair": "",
        "times": ["từ 14 giờ 00 đến 16 giờ 00"],
        "starts": "14 giờ 00",
        "times_en": ["14:00"],
        "places": [],
        "description": "",
        "important": False,
        "page": f"{BASE}/hop/m",
        "link": f"{BASE}/moi#s",
        "actions": {"approve": f"{BASE}/duyet#a", "refuse": f"{BASE}/duyet#r"},
    }
    return Outgoing(kind=kind, **{**values, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [one.removeprefix("mail.") for one in invitations.MAILS])
@pytest.mark.parametrize("important", [True, False])
def test_every_template_is_free_of_secrets_and_markup(kind: str, important: bool) -> None:
    said = notices.notice(outgoing(kind, important=important, must_be_head=True, again=True, lead_min=60))
    for text in (said.subject, said.text, said.html):
        assert not FORBIDDEN.search(text)
    assert "<script>" not in said.html
    assert "&lt;script&gt;" in said.html
    assert not re.search(
        r"(?i)<(img|script|link|iframe|form)\b|src=", said.html
    )  # no part is loaded when the mail is opened
    assert said.text.index("-- English --") > 0
    assert 'lang="vi"' in said.html
    message = Mailer(MailServer("h", 25, sender=SENDER)).compose(outgoing(kind), START)
    assert message["Bcc"] is None
    assert "\n" not in str(message["Subject"])


def test_equal_mails_have_the_same_identifier() -> None:
    first, again = notices.notice(outgoing("invite")), notices.notice(outgoing("invite"))
    assert first.identifier == again.identifier
    assert notices.notice(outgoing("invite", sequence=1)).identifier != first.identifier


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=30))
def test_a_long_subject_keeps_its_blanks(words: list[str]) -> None:
    wanted = " ".join(words)[:190].strip()
    said = notices.Notice(wanted, "x", "<p>x</p>", "id")
    raw = serialised(build(MailServer("h", 25, sender=SENDER), "UBND xã", "xa1@longan.gov.vn", said, START))
    raw.decode("ascii")
    assert BytesParser(policy=policy.default).parsebytes(raw)["Subject"] == wanted
    assert all(len(line) <= 78 for line in raw.split(b"\r\n\r\n")[0].split(b"\r\n"))


async def test_the_authorities_are_read_once_for_all_mails(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    whole = ssl.create_default_context

    def counted() -> ssl.SSLContext:
        read.append(1)
        return whole()

    monkeypatch.setattr(ssl, "create_default_context", counted)
    mailer = Mailer(MailServer("127.0.0.1", 1, tls="tls", sender=SENDER))
    message = mailer.compose(outgoing("invite"), START)
    for _ in range(3):
        with pytest.raises(aiosmtplib.SMTPConnectError):
            await mailer.send(message, "xa1@longan.gov.vn")
    assert len(read) == 1


def test_official_domains() -> None:
    assert is_official("a@longan.gov.vn", DOMAINS)
    assert is_official("a@xa.LongAn.gov.vn", DOMAINS)
    for wrong in ("a@evil-longan.gov.vn", "a@longan.gov.vn.evil.com", "a@gmail.com", "longan.gov.vn", ""):
        assert not is_official(wrong, DOMAINS)
    assert not is_official("a@longan.gov.vn", ())
