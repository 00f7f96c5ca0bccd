"""The fixtures and options of all tests: long runs of properties, and a real server in a separate process."""

import gc
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TextIO

import pytest
from hypothesis import HealthCheck, settings

from tests.rooms import migrated
from tests.running.runs import LONG_RUN
from tests.running.warm import Forked, Warm

pytest_plugins = [
    "tests.running.groups",
    "tests.running.hanging",
    "tests.running.remains",
    "tests.running.skips",
    "tests.running.statements",
    "tests.web.visiting",
]
ROOT = Path(__file__).resolve().parent.parent
START_S = 60
Process = subprocess.Popen[str] | Forked

settings.register_profile("short", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", deadline=None, max_examples=3000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))


def pytest_configure(config: pytest.Config) -> None:
    """Restore SIGINT. A run that a script started in the background ignores SIGINT, and its servers and commands would inherit
    this. The tests that press Ctrl+C need the signal.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Import the tests without garbage collections, which take 2 of 15 s of CPU in each worker. Later collections leave out what
    is there now: it stays to the end.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of `rooms` or with the mark `both_databases` on SQLite and PostgreSQL, and the others on SQLite alone.

    Where LONG_RUN is set (`make sim`), every test with a database runs on both. A test may name its databases itself.
    """
    named = any("database_url" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if "database_url" not in metafunc.fixturenames or named:
        return
    of_rooms = metafunc.definition.path.is_relative_to(ROOT / "tests" / "rooms")
    both = LONG_RUN or of_rooms or metafunc.definition.get_closest_marker("both_databases")
    metafunc.parametrize("database_url", ["sqlite", "postgresql"] if both else ["sqlite"], indirect=True)


@dataclass
class LiveServer:
    """A running `diemcau dev`."""

    process: Process
    reader: threading.Thread
    url: str
    link: str
    api_key: str
    api_secret: str
    data_dir: Path
    output: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop the server and return its exit code. A negative code is the number of the signal that ended the server."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(30)
        self.reader.join(30)
        return code


def start_server(data_dir: Path, *arguments: str, module: str = "signaling", **variables: str) -> LiveServer:
    """Start `diemcau dev` on free ports of loopback. Raise RuntimeError with the server's output if it does not start."""
    if "DIEMCAU_DATABASE" not in variables:
        migrated.put(data_dir)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DIEMCAU_")}
    words = ["dev", "--http-port", "0", "--media-port", "0", "--data-dir", str(data_dir), *arguments]
    process = begin(module, words, environ | variables | {"PYTHONUNBUFFERED": "1"}, variables)
    output: list[str] = []
    up = threading.Event()
    reader = threading.Thread(target=_read, args=(process, output, up), daemon=True)
    reader.start()
    up.wait(START_S)
    text = "".join(output)
    link = re.search(r"https?://\S+/m/\S+", text)
    if link is None:
        process.kill()
        process.wait()
        raise RuntimeError(f"the server did not start:\n{text}")
    secret = variables.get("DIEMCAU_API_SECRET") or (data_dir / "devkey.secret").read_text().strip()
    key = variables.get("DIEMCAU_API_KEY", "devkey")
    return LiveServer(process, reader, link[0].split("/m/")[0], link[0], key, secret, data_dir, output)


def begin(
    module: str,
    words: list[str],
    environ: dict[str, str],
    own: Mapping[str, str],
    net: str = "",
    log: TextIO | None = None,
) -> Process:
    """Start a process, in the network namespace at the path `net`. `log`: the file for its errors, in place of its output.

    A variable that is no setting can need a new interpreter (for example `LD_PRELOAD`).
    """
    if all(name.startswith("DIEMCAU_") for name in own):
        return _warm().start(module, words, environ, net, log)
    return subprocess.Popen(
        [*(["nsenter", f"--net={net}", "--"] if net else []), sys.executable, "-m", module, *words],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if log is None else log,
        text=True,
    )


@cache
def _warm() -> Warm:
    return Warm(ROOT)


def _read(process: Process, output: list[str], up: threading.Event) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            output.append(line)
            if "Ctrl+C" in line:
                up.set()
    up.set()


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server for all tests of this worker. Each test must use its own conference names. The server waits longer for its
    database than a real one (`tests/patient.py`).
    """
    server = start_server(tmp_path_factory.mktemp("server"), module="tests.patient")
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """A function `own_server(*arguments, **variables)` that starts a server for this test only."""
    started: list[LiveServer] = []

    def start(*arguments: str, **variables: str) -> LiveServer:
        started.append(start_server(tmp_path / f"data{len(started)}", *arguments, **variables))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def now() -> float:
    """The current time of the clock that the servers of these tests also read."""
    return time.time()
