"""The stored side of the real command: first start, an outdated database, and commands."""

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from signaling import cli
from tests.conftest import ROOT, LiveServer
from tests.rooms.postgres import at_once
from tests.web.desk.province import furnish

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SECRET = "0123456789abcdef0123456789abcdef"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "signaling", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/tmp"} | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def choose_password(client: httpx.Client) -> None:
    """Set the password that a sign-in by link requires first."""
    chosen = client.put("/session/password", json={"new": "một mật khẩu đủ dài 77"})
    assert chosen.status_code < 300, chosen.text


def test_the_first_start_prints_the_administrators_link(own_server: Callable[..., LiveServer]) -> None:
    server = own_server()
    link = re.search(r"first administrator: (\S+)", "".join(server.output))
    assert link is not None
    with httpx.Client(base_url=f"{server.url}/api/v1", headers={"origin": server.url}, timeout=120) as client:
        assert client.get("/health").json() == {"live": True, "ready": True, "busy": False}
        assert client.get("/demo").json() == {"offered": True, "empty": True}
        signed = client.post("/session/link", json={"secret": link[1].split("#link=")[1]})
        assert signed.status_code == 200, signed.text
        choose_password(client)
        types = client.get("/meeting-types")
        assert types.status_code == 200, types.text
        assert len(types.json()["items"]) > 8
        assert client.post("/demo").status_code == 403, "an administrator without a second factor may not"


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Yield the text that `diemcau serve` prints until it is ready. Stop the server afterwards."""
    words = ("--host", "127.0.0.1", "--http-port", "0", "--media-port", "0", "--data-dir", str(folder))
    variables = {"DIEMCAU_API_KEY": "k", "DIEMCAU_API_SECRET": SECRET, "DIEMCAU_HALLS": "false"}
    with subprocess.Popen(
        [sys.executable, "-m", "signaling", "serve", *words],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/tmp", "PYTHONUNBUFFERED": "1"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        shown = ""
        for line in process.stdout:
            shown += line
            if "Ctrl+C" in line:
                break
        try:
            assert "Ctrl+C" in shown
            yield shown
        finally:
            process.terminate()


def test_serve_says_how_the_first_administrator_signs_in(tmp_path: Path) -> None:
    with serving(tmp_path) as shown:
        assert "no administrator yet: diemcau user link" in shown
        address = re.search(r"https?://\S+", shown)
        assert address is not None
        made = run("user", "link", "--data-dir", str(tmp_path))
        secret = made.stdout.split("#link=")[1].strip()
        origin = address[0].rstrip("/")
        with httpx.Client(base_url=f"{origin}/api/v1", headers={"origin": origin}, timeout=120) as client:
            assert client.post("/session/link", json={"secret": secret}).status_code == 200
            choose_password(client)
    with serving(tmp_path) as again:
        assert "no administrator" not in again


def test_commands_without_a_database_print_a_clear_error(tmp_path: Path) -> None:
    unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("DIEMCAU_")}
    away = {**unset, "DIEMCAU_DATABASE": "postgresql://x:secret@127.0.0.1:9/x"}
    command = ("user", "list", "--data-dir", str(tmp_path))
    done = run(*command)
    away_too = CliRunner().invoke(cli.app, command, env=away)
    assert (done.returncode, away_too.exit_code) == (1, 1)
    assert isinstance(away_too.exception, SystemExit)
    for stderr, told in ((done.stderr, "chưa có cơ sở dữ liệu"), (away_too.stderr, "không mở được cơ sở dữ liệu")):
        assert told in stderr.lower()
        assert not {"Traceback", "secret"} & set(stderr.split())
        assert len(stderr.splitlines()) == 2
    assert not list(tmp_path.iterdir())


def test_serve_does_not_touch_a_database_that_is_behind(tmp_path: Path) -> None:
    arguments = ("serve", "--host", "127.0.0.1", "--http-port", "0", "--media-port", "0", "--data-dir", str(tmp_path))
    no_sip = {f"DIEMCAU_SIP_{way}_PORT": "-1" for way in ("UDP", "TCP", "TLS")}
    with contextlib.closing(sqlite3.connect(tmp_path / "diemcau.sqlite")) as old, old:
        old.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        old.execute("INSERT INTO alembic_version VALUES ('an older step')")
    done = run(*arguments, DIEMCAU_API_KEY="k", DIEMCAU_API_SECRET=SECRET, **no_sip)
    assert done.returncode == 1
    assert "diemcau db upgrade" in done.stderr
    no_database = {"DIEMCAU_DATABASE": "postgresql://x@127.0.0.1:9/x"}
    away = run(*arguments, DIEMCAU_API_KEY="k", DIEMCAU_API_SECRET=SECRET, **no_sip, **no_database)
    assert away.returncode == 1
    assert "Không mở được cơ sở dữ liệu" in away.stderr


def test_bookings_by_command(tmp_path: Path) -> None:
    at = ("--data-dir", str(tmp_path))
    typed = lambda *words: CliRunner().invoke(cli.app, [*words, *at])  # noqa: E731
    at_once(furnish(tmp_path, datetime.fromtimestamp(int(time.time()), UTC)))
    assert typed("demo", "load").exit_code == 1
    listed = typed("booking", "list", "--limit", "5").stdout.splitlines()
    assert len(listed) == 5
    shown = typed("booking", "show", listed[0].split()[0])
    assert "PIN" in shown.stdout
    made = typed("booking", "create", "Họp thử", "--unit", "TN.NV", "--at", "2099-01-05 09:00")
    assert made.exit_code == 1  # the date is too far ahead
    assert "Chỉ đặt được đến ngày" in made.stderr
    off = typed("booking", "cancel", listed[0].split()[0], "--reason", "other")
    assert (off.exit_code, "Hãy ghi rõ lý do" in off.stderr) == (1, True)
    off = typed("booking", "cancel", listed[0].split()[0], "--reason", "not_ready")
    assert off.stdout.strip() == "cancelled"
    assert typed("audit", "verify").exit_code == 0
