"""`diemcau mail` in its own processes, as an operator and a mail server use it. Further cases run in the process of the test."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rooms.booking.meeting import attendees
from rooms.store.database import Database
from rooms.store.tables.meetings import Attendee
from signaling import cli
from tests.rooms.invited import BASE, SENDER, Wanted, meeting
from tests.rooms.province import Province
from tests.signaling.notify.mailbox import Mailbox
from tests.signaling.notify.test_replies import CALENDAR, MEETING, mail


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)  # the command uses the real clock


async def command(
    *words: str, environ: dict[str, str], given: bytes = b"", folder: Path
) -> subprocess.CompletedProcess[bytes]:
    arguments = [sys.executable, "-m", "signaling", "mail", *words, "--data-dir", str(folder)]
    root = Path(__file__).resolve().parents[3]
    return await asyncio.to_thread(
        subprocess.run,
        arguments,
        input=given,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(root), "HOME": str(folder), **environ},
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
    )


async def typed(*words: str, environ: dict[str, str], given: bytes = b"", folder: Path) -> Result:
    """Run the same command in this process, because a process of its own takes a second of a processor to start."""
    arguments = ["mail", *words, "--data-dir", str(folder)]
    unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("DIEMCAU_")}
    result = await asyncio.to_thread(CliRunner().invoke, cli.app, arguments, input=given, env={**unset, **environ})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


async def test_a_test_mail(tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    folder.mkdir()
    mailbox = Mailbox.open(folder)
    environ = {
        "DIEMCAU_SMTP_HOST": "127.0.0.1",
        "DIEMCAU_SMTP_PORT": str(mailbox.port),
        "DIEMCAU_SMTP_TLS": "none",
        "DIEMCAU_MAIL_FROM": SENDER,
        "DIEMCAU_MAIL_DOMAINS": "longan.gov.vn",
        "DIEMCAU_PUBLIC_URL": BASE,
    }
    try:
        done = await command("test", "a@longan.gov.vn", environ=environ, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        (received,) = mailbox.wait(1)
        assert "Ắ ằ ẵ ẫ ễ ỗ ữ ợ ỹ đ Đ" in received.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        refused = await typed("test", "a@gmail.example", environ=environ, folder=tmp_path)
        assert refused.exit_code == 1
        assert "longan.gov.vn" in refused.stderr
        forced = await typed("test", "a@gmail.example", "--reason", "thử", environ=environ, folder=tmp_path)
        assert forced.exit_code == 0
        assert len(mailbox.wait(2)) == 2
    finally:
        mailbox.close()
    away = await typed("test", "a@longan.gov.vn", environ=environ, folder=tmp_path)
    assert away.exit_code == 1
    assert "127.0.0.1" in away.stderr
    unset = await typed("test", "a@longan.gov.vn", environ={}, folder=tmp_path)
    assert unset.exit_code == 1
    assert "smtp_host" in unset.stderr
    wrong = await command("test", "a@b.vn", environ=environ | {"DIEMCAU_SMTP_TLS": "maybe"}, folder=tmp_path)
    assert wrong.returncode == 2


async def test_an_answer_is_piped_in(
    database: Database, database_url: str, province: Province, now: datetime, tmp_path: Path
) -> None:
    async def work(session: Any) -> tuple[str, str]:
        made = await meeting(session, province, Wanted(starts=(now + timedelta(days=7),)), now)
        found = next(one for one in await attendees.listed(session, made.id) if one.unit_id == province.units["xa1"])
        return made.id, found.id

    meeting_id, attendee_id = await database.transact(work)
    environ = {"DIEMCAU_DATABASE": database_url}
    raw = mail(CALENDAR.replace(MEETING, meeting_id))
    done = await command("receive", environ=environ, given=raw, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    async with database.reading() as session:
        row = await session.get_one(Attendee, attendee_id)
        assert (row.answer, row.answered_by, row.comment) == ("accepted", "mail", "Sẽ dự đủ thành phần")
    for wrong in (b"", b"From: x\r\n\r\nOK", mail(CALENDAR)):
        dropped = await typed("receive", environ=environ, given=wrong, folder=tmp_path)
        assert dropped.exit_code == 0
        assert "dropped" in dropped.stderr + dropped.stdout
    nowhere = {"DIEMCAU_DATABASE": f"sqlite:///{tmp_path}/no/such/folder/x.db"}
    later = await command("receive", environ=nowhere, given=raw, folder=tmp_path)
    assert later.returncode == 75
