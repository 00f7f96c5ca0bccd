"""`diemcau user …` as an operator types it, on a real database."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rooms.accounts import signing
from rooms.store.database import Database
from rooms.store.migrations import steps
from signaling import cli
from signaling.front import whereabouts
from tests.conftest import LiveServer

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path / 'diemcau.sqlite'}"
    asyncio.run(steps.upgrade(made))
    return made


@pytest.fixture
def run(tmp_path: Path, url: str) -> Run:
    """Return a function: `run("list")` returns the exit code and the printed text."""

    def typed(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli.app, ["user", *words, "--data-dir", str(tmp_path)])
        return done.exit_code, done.output

    return typed


def opened(url: str, printed: str) -> str:
    """Return the name of the account that the printed link opens."""
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


def test_a_link_opens_on_the_server_that_runs(own_server: Callable[..., LiveServer]) -> None:
    """Show that the link has the port of the running server. `dev` serves HTTP on a port that the command's settings do not
    contain.
    """
    server = own_server()
    done = CliRunner().invoke(cli.app, ["user", "link", "--data-dir", str(server.data_dir)])
    assert done.exit_code == 0
    assert f"\n{server.url}/sign-in#link=" in done.output


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"address": 1, "http_port": 2, "media_port": 3}', '{"port": 1}'])
def test_a_spoilt_note_of_the_address_is_none(run: Run, tmp_path: Path, kept: str) -> None:
    (tmp_path / whereabouts.FILE).write_text(kept)
    assert whereabouts.left(tmp_path) is None
    code, printed = run("link")
    assert code == 0
    assert "\nhttps://" in printed


def test_the_public_url_setting_overrides_the_stored_address(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whereabouts.leave(tmp_path, whereabouts.Started("http://localhost:7880", 7880, 7881))
    assert "\nhttp://localhost:7880/sign-in#link=" in run("link")[1]
    monkeypatch.setenv("DIEMCAU_PUBLIC_URL", "https://hop.example.vn/")
    assert "\nhttps://hop.example.vn/sign-in#link=" in run("link")[1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("add", "lan"), "--full-name"),
        (("add", "Lan Anh", "--unit", "goc", "--full-name", "Lan"), "đơn vị"),
        (("role", "ai", "admin", "--unit", "goc"), "Không có tài khoản này"),
        (("link", "ai"), "Không có tài khoản này"),
    ],
)
def test_a_command_that_fails_prints_a_readable_message(run: Run, words: tuple[str, ...], says: str) -> None:
    code, printed = run(*words)
    assert code == 1
    assert says in printed
    assert "Traceback" not in printed
