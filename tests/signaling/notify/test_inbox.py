"""Answers fetched from a real mailbox: Dovecot over IMAP, with a database that is away and a reader that is killed."""

from __future__ import annotations

import asyncio
import imaplib
import ipaddress
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from rooms.booking.meeting import attendees
from rooms.store.database import Database
from rooms.store.tables.meetings import Attendee
from rooms.store.tables.records import AuditEntry, Job
from signaling.front import tls
from signaling.front.tls import Subject
from signaling.notify.inbox import FAILURES, KEYWORD, Inbox, MailAccount, Round
from tests.ports import free_port
from tests.rooms.invited import Wanted, meeting
from tests.rooms.province import Province
from tests.signaling.notify.dovecot import PASSWORD, USER, Dovecot
from tests.signaling.notify.test_replies import CALENDAR, MEETING, mail
from tests.waiting import until

FETCH = """
import os
from signaling.notify import inbox
from signaling import cli
inbox._Box.mark = lambda *given, **more: os._exit(9)  # as if killed between the commit and the mark
cli.app(["mail", "fetch"])
"""


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    opened = Dovecot.open()
    yield opened
    opened.close()


@pytest.fixture
def box(dovecot: Dovecot) -> Dovecot:
    dovecot.empty()
    return dovecot


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)  # the command uses the real clock


def account(box: Dovecot, **more: Any) -> MailAccount:
    return MailAccount("127.0.0.1", box.port, user=USER, password=PASSWORD, **{"tls": "none", **more})


async def invited(database: Database, province: Province, now: datetime) -> tuple[str, str]:
    """Return a meeting and its attendee xa1."""

    async def work(session: Any) -> tuple[str, str]:
        made = await meeting(session, province, Wanted(starts=(now + timedelta(days=7),)), now)
        found = next(one for one in await attendees.listed(session, made.id) if one.unit_id == province.units["xa1"])
        return made.id, found.id

    return await database.transact(work)


def reply(meeting_id: str, *changes: tuple[str, str]) -> bytes:
    calendar = CALENDAR.replace(MEETING, meeting_id)
    for old, new in changes:
        calendar = calendar.replace(old, new)
    return mail(calendar)


async def answer_of(database: Database, attendee_id: str) -> tuple[str, str]:
    async with database.reading() as session:
        row = await session.get_one(Attendee, attendee_id)
        return row.answer, row.answered_by


async def counts(database: Database) -> tuple[int | None, int | None]:
    """Return the number of audit entries and of events about answers."""
    async with database.reading() as session:
        trail = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "attendee.answer")
        events = select(func.count()).select_from(Job).where(Job.kind == "webhook.event")
        return await session.scalar(trail), await session.scalar(events)


async def test_an_answer_counts_and_other_mail_stays_unread(
    box: Dovecot, database: Database, province: Province, now: datetime
) -> None:
    meeting_id, attendee_id = await invited(database, province, now)
    inbox = Inbox(account(box), database, lambda: now)
    box.put("Subject: Tuần sau ăn giỗ\r\n\r\nMời anh.\r\n".encode())
    box.put(b"From: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * 20_000)
    box.put(reply(meeting_id))
    box.put(reply("f" * 32))
    assert await inbox.look() == Round(recorded=1, refused=1, other=2)
    assert await answer_of(database, attendee_id) == ("accepted", "mail")
    seen = [{one for one in flags if one != "\\Recent"} for flags in box.flags()]
    assert seen == [{KEYWORD}, {KEYWORD}, {"\\Seen"}, {"\\Seen"}]
    assert await inbox.look() == Round(), "nothing is read twice"
    box.put(reply(meeting_id, ("ACCEPTED", "DECLINED"), ("T010000Z", "T020000Z")))
    assert await inbox.look() == Round(recorded=1)
    assert await answer_of(database, attendee_id) == ("declined", "mail")


async def test_a_mail_stays_unread_while_the_database_is_away(
    box: Dovecot, database: Database, province: Province, now: datetime
) -> None:
    meeting_id, attendee_id = await invited(database, province, now)
    box.put(reply(meeting_id))
    away = Database.open(f"postgresql://nobody@127.0.0.1:{free_port()}/away")
    try:
        with pytest.raises((OSError, SQLAlchemyError)):
            await Inbox(account(box), away, lambda: now).look()
    finally:
        await away.close()
    assert [flags & {"\\Seen", KEYWORD} for flags in box.flags()] == [set()]
    assert await Inbox(account(box), database, lambda: now).look() == Round(recorded=1)
    assert await answer_of(database, attendee_id) == ("accepted", "mail")
    assert [flags & {"\\Seen", KEYWORD} for flags in box.flags()] == [{"\\Seen"}]


async def test_a_killed_reader_leaves_one_answer_and_one_event(
    box: Dovecot, database: Database, database_url: str, province: Province, now: datetime, tmp_path: Path
) -> None:
    meeting_id, attendee_id = await invited(database, province, now)
    box.put(reply(meeting_id))
    environ = {
        "DIEMCAU_DATABASE": database_url,
        "DIEMCAU_DATA_DIR": str(tmp_path),
        "DIEMCAU_IMAP_HOST": "127.0.0.1",
        "DIEMCAU_IMAP_PORT": str(box.port),
        "DIEMCAU_IMAP_TLS": "none",
        "DIEMCAU_IMAP_USER": USER,
        "DIEMCAU_IMAP_PASSWORD": PASSWORD,
    }
    environ |= {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).resolve().parents[3]), "HOME": str(tmp_path)}
    program = [sys.executable, "-c", FETCH]
    killed = await asyncio.to_thread(subprocess.run, program, env=environ, capture_output=True, timeout=60, check=False)
    assert killed.returncode == 9, killed.stderr
    assert await answer_of(database, attendee_id) == ("accepted", "mail")
    assert [flags & {"\\Seen"} for flags in box.flags()] == [set()], "the mail is still unread"
    assert await counts(database) == (1, 1)
    later = now + timedelta(minutes=3)
    assert await Inbox(account(box), database, lambda: later).look() == Round(recorded=1)
    assert await counts(database) == (1, 1), "the second reading writes nothing"
    assert [flags & {"\\Seen"} for flags in box.flags()] == [{"\\Seen"}]


async def test_the_mailbox_is_read_over_tls_from_a_trusted_server_only(
    database: Database, province: Province, now: datetime, tmp_path: Path
) -> None:
    subject = Subject(("localhost",), (ipaddress.ip_address("127.0.0.1"),))
    issued = tls.issue(tmp_path / "tls", subject, now)
    secure = Dovecot.open((issued.chain, issued.key))
    try:
        meeting_id, attendee_id = await invited(database, province, now)
        secure.put(reply(meeting_id))
        with pytest.raises(OSError, match="certificate verify failed"):
            await Inbox(account(secure, tls="tls"), database, lambda: now).look()
        trusting = account(secure, tls="tls", trust=tls.client_context(issued.authority))
        assert await Inbox(trusting, database, lambda: now).look() == Round(recorded=1)
        assert await answer_of(database, attendee_id) == ("accepted", "mail")
    finally:
        secure.close()


async def test_a_wrong_password_and_a_missing_server_are_said_once(
    box: Dovecot, database: Database, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = MailAccount("127.0.0.1", box.port, "none", USER, "sai")
    with pytest.raises(imaplib.IMAP4.error):
        await Inbox(wrong, database, lambda: now).look()
    assert issubclass(imaplib.IMAP4.error, FAILURES)
    looks = 0

    def clock() -> datetime:
        return now

    class Counting(Inbox):
        async def look(self) -> Round:
            nonlocal looks
            looks += 1
            return await super().look()

    running = asyncio.create_task(Counting(MailAccount("127.0.0.1", free_port(), "none"), database, clock).run(0.01))
    await until(lambda: looks >= 3, "the loop goes on after failures")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [one.getMessage() for one in caplog.records if "mailbox" in one.getMessage()] == [
        "answers cannot be fetched from the mailbox: ConnectionRefusedError"
    ]


def test_reading_a_whole_mail_would_mark_it(box: Dovecot) -> None:
    """The control: FETCH of BODY[] without PEEK marks a mail as read, so the tests above would see it."""
    box.put(b"Subject: x\r\n\r\ny\r\n")
    server = box.signed_in()
    server.select("INBOX")
    server.fetch("1", "(BODY[])")
    server.logout()
    assert "\\Seen" in box.flags()[0]
