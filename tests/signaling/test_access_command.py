"""`diemcau user …` as it is typed, on a real database."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rooms.accounts import signing
from rooms.store import migrations
from rooms.store.database import Database
from signaling import cli

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path / 'diemcau.sqlite'}"
    asyncio.run(migrations.upgrade(made))
    return made


@pytest.fixture
def run(tmp_path: Path, url: str) -> Run:
    """`run("list")`: (exit code, all that was printed)."""

    def typed(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli.app, ["user", *words, "--data-dir", str(tmp_path)])
        return done.exit_code, done.output

    return typed


def opened(url: str, printed: str) -> str:
    """The name of the account that the printed link opens."""
    secret = re.search(r"#link=(\S+)", printed)
    assert secret is not None, printed

    async def use() -> str:
        database = Database.open(url)
        account, _ = await database.transact(lambda s: signing.use_link(s, secret[1], datetime.now(UTC)))
        await database.close()
        return account.name

    return asyncio.run(use())


def test_from_an_empty_installation_to_roles_and_back(run: Run, url: str) -> None:
    code, printed = run("link")
    assert (code, opened(url, printed)) == (0, "quantri")
    code, printed = run("add", "lan", "--unit", "goc", "--full-name", "Trần Thị Lan", "--role", "secretary")
    assert (code, opened(url, printed)) == (0, "lan")
    code, printed = run("list")
    assert code == 0
    assert re.search(r"^lan +Trần Thị Lan +secretary@goc$", printed, re.M)
    assert re.search(r"^quantri .* admin@goc$", printed, re.M)
    assert run("role", "lan", "approver", "--unit", "goc", "--until", "2099-12-31")[0] == 0
    assert run("role", "lan", "secretary", "--unit", "goc", "--revoke")[0] == 0
    assert "lan " in run("list", "tran thi")[1]
    assert "approver@goc" in run("list", "lan")[1]
    assert run("totp-reset", "lan")[0] == 0
    assert run("disable", "lan")[0] == 0
    assert "[khóa / off]" in run("list", "lan")[1]
    assert run("link", "lan")[0] == 1
    assert run("disable", "lan", "--enable")[0] == 0
    code, printed = run("link", "lan")
    assert (code, opened(url, printed)) == (0, "lan")
    code, printed = run("disable", "quantri")
    assert code == 1
    assert "quản trị viên cuối cùng" in printed


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("add", "lan"), "--full-name"),
        (("add", "Lan Anh", "--unit", "goc", "--full-name", "Lan"), "đơn vị"),
        (("role", "ai", "admin", "--unit", "goc"), "Không có tài khoản này"),
        (("link", "ai"), "Không có tài khoản này"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(run: Run, words: tuple[str, ...], says: str) -> None:
    code, printed = run(*words)
    assert code == 1
    assert says in printed
    assert "Traceback" not in printed
