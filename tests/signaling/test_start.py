"""A starting server: it listens before it imports its modules, and it takes the sockets of a supervisor.

Clients that lost a server wait in the backlog for the next one, and are not refused.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.ports import HOST, free_port

KEY = {"DIEMCAU_API_KEY": "office", "DIEMCAU_API_SECRET": "0123456789abcdef0123456789abcdef"}
WAIT_S = 60.0
HELD = """
import os, sys, time

class Held:
    def find_spec(self, name, path=None, target=None):
        while name == "media" and not os.path.exists(os.environ["GO"]):
            time.sleep(0.01)

sys.meta_path.insert(0, Held())
"""
"""Startup code. It imports the packet plane, and all modules that use it, only when the file `GO` exists."""
HANDED = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-m", "signaling", *sys.argv[2:]])
"""
"""Startup code that does what systemd does with a listening socket: the socket becomes descriptor 3 of the process."""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function `start(words, descriptor, **variables)` that starts our process. The fixture ends the process after the
    test.
    """
    begun: list[subprocess.Popen[str]] = []

    def go(*words: str, handed: socket.socket | None = None, **variables: str) -> subprocess.Popen[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("DIEMCAU_")}
        command = [sys.executable, "-m", "signaling"]
        if handed is not None:
            command = [sys.executable, "-c", HANDED, str(handed.fileno())]
        begun.append(
            subprocess.Popen(
                [*command, *words, "--host", HOST, "--data-dir", str(tmp_path / "data")],
                cwd=ROOT,
                env=environ | KEY | variables,
                pass_fds=[handed.fileno()] if handed is not None else [],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return begun[-1]

    yield go
    for process in begun:
        process.kill()
        process.communicate()


def asks(port: int) -> socket.socket:
    """Return a client that has sent a request and waits. Raise ConnectionRefusedError."""
    client = socket.create_connection((HOST, port), timeout=WAIT_S)
    client.sendall(f"GET /api/v1/health HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode())
    return client


def answer(client: socket.socket) -> str:
    with client, client.makefile() as lines:
        return lines.readline().strip()


@pytest.mark.parametrize("profile", ["serve", "dev"])
def test_the_port_is_open_before_the_server_is_imported(start: Start, tmp_path: Path, profile: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(HELD)
    port, go, begin = free_port(), tmp_path / "go", time.monotonic()
    sip = {f"DIEMCAU_SIP_{name}_PORT": "-1" for name in ("UDP", "TCP", "TLS")}
    process = start(
        *(profile, "--http-port", str(port), "--media-port", "0"), PYTHONPATH=f"{tmp_path}:{ROOT}", GO=str(go), **sip
    )
    while True:
        try:
            client = asks(port)
            break
        except ConnectionRefusedError:
            assert process.poll() is None
            assert time.monotonic() < begin + WAIT_S
            time.sleep(0.01)
    waited_s = time.monotonic() - begin
    assert waited_s < 5.0, "0.2 s where the machine has nothing else to do; the import waits for `go`"
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(WAIT_S)
    go.touch()
    assert answer(client) == "HTTP/1.1 200 OK"


def test_a_visitor_between_two_servers_waits_at_the_supervisor(start: Start) -> None:
    with socket.create_server((HOST, 0)) as handed:
        port = handed.getsockname()[1]
        words = ("dev", "--http-port", str(port), "--media-port", "0")
        first = start(*words, handed=handed)
        assert answer(asks(port)) == "HTTP/1.1 200 OK"
        first.send_signal(signal.SIGKILL)
        first.wait(WAIT_S)
        between = asks(port)  # no server runs
        start(*words, handed=handed)
        assert answer(between) == "HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    ("words", "listens", "said"),
    [
        (["--http-port", "9"], True, "http_port = 9"),
        (["--http-port", "0"], False, "ListenStream"),
    ],
    ids=["another port", "no listener"],
)
def test_a_socket_that_does_not_fit_the_settings_is_refused(
    start: Start, words: list[str], listens: bool, said: str
) -> None:
    with socket.socket() as handed:
        handed.bind((HOST, 0))
        if listens:
            handed.listen()
        refused = start("dev", *words, "--media-port", "0", handed=handed)
        told, _ = refused.communicate(timeout=WAIT_S)
    assert refused.returncode == 1
    assert "A socket of the supervisor cannot be used" in told
    assert said in told
    assert "Không dùng được socket của trình giám sát" in told
    assert "Traceback" not in told


def test_an_open_socket_is_refused_where_settings_say_local(start: Start) -> None:
    """Show that a socket open to the network is refused when the settings say local. Its pages would have no TLS."""
    with socket.create_server(("0.0.0.0", 0)) as handed:
        refused = start("dev", "--http-port", "0", "--media-port", "0", handed=handed)
        told, _ = refused.communicate(timeout=WAIT_S)
    assert refused.returncode == 1
    assert f"host = {HOST}" in told


def test_a_starting_server_defers_work_that_no_call_needs() -> None:
    heavy = {
        "fastapi",
        "openpyxl",
        "docxtpl",
        "typst",
        "holidays",
        "icalendar",
        "numpy",
        "alembic",
        "authlib",
    }
    asked = f"import sys, signaling.server; print(sorted({heavy!r} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
