"""The fixtures and options of all tests: long runs of properties, and a real server in a separate process."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.hanging", "tests.remains", "tests.skips", "tests.web.visiting"]
ROOT = Path(__file__).resolve().parent.parent
START_S = 60
SLOW = 50
"""Weight of a test marked `slow`, in ordinary tests. Chosen. Larger: only slow tests decide the order of the files. Smaller: a
slow file can start last, and one worker runs it alone.
"""
HEAVY = "heavy"
"""The group of the tests that use most of the machine: one at a time, beside tests of other groups."""
ALONE = "whole machine"
"""The group of the tests that run last, one at a time."""

LONG_RUN = "HYPOTHESIS_PROFILE" in os.environ
"""True in `make sim`, which runs counts, widths and databases that `make test` leaves out."""

settings.register_profile("short", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", deadline=None, max_examples=3000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))


def pytest_configure(config: pytest.Config) -> None:
    """Restore SIGINT. A run that a script started in the background ignores SIGINT, and its servers and commands would inherit
    this. The tests that press Ctrl+C need the signal.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(Groups())
    config.pluginmanager.register(Order())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of `rooms` or with the mark `both_databases` on SQLite and PostgreSQL, and the others on SQLite alone.

    Where LONG_RUN is set (`make sim`), every test with a database runs on both. A test may name its databases itself.
    """
    named = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "database_url" not in metafunc.fixturenames or "database_url" in named:
        return
    of_rooms = metafunc.definition.path.is_relative_to(ROOT / "tests" / "rooms")
    both = LONG_RUN or of_rooms or metafunc.definition.get_closest_marker("both_databases")
    metafunc.parametrize("database_url", ["sqlite", "postgresql"] if both else ["sqlite"], indirect=True)


class Groups:
    """The parts of a run that the workers share out: a file each, and one group for all tests that need the machine alone."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what only `make sim` runs, and name the group of each test before xdist reads the names."""
        if not LONG_RUN and (left_out := [item for item in items if item.get_closest_marker("sim")]):
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if not item.get_closest_marker("sim")]
        for item in items:
            item.add_marker(pytest.mark.xdist_group(group_of(item)))


class Order:
    """The order of the groups: long groups first, so that no worker is left with a long group at the end."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Sort the groups. Tests that need the machine alone come last."""
        takes = Counter[str]()
        for item in items:
            takes[group_of(item)] += SLOW if item.get_closest_marker("slow") else 1
        items.sort(key=lambda item: (group_of(item) == ALONE, -takes[group_of(item)], group_of(item)))


def group_of(item: pytest.Item) -> str:
    if item.get_closest_marker("whole_machine"):
        return ALONE
    if item.get_closest_marker("heavy"):
        return HEAVY
    return item.nodeid.split("::")[0]


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a test marked `whole_machine` run alone. Such a test checks each picture or fills the processors. No other test and
    no other fixture runs beside it, with any number of workers. The waiting time does not count as time of the test.
    """
    way = fcntl.LOCK_EX if item.get_closest_marker("whole_machine") else fcntl.LOCK_SH
    with (Path(tempfile.gettempdir()) / f"diemcau-tests-{os.getuid()}").open("w") as turn:
        fcntl.flock(turn, way)
        return (yield)


@dataclass
class LiveServer:
    """A running `diemcau dev`."""

    process: subprocess.Popen[str]
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


def start_server(data_dir: Path, *arguments: str, **variables: str) -> LiveServer:
    """Start `diemcau dev` on free ports of loopback. Raise RuntimeError with the server's output if it does not start."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DIEMCAU_")}
    command = [sys.executable, "-m", "signaling", "dev", "--http-port", "0", "--media-port", "0"]
    process = subprocess.Popen(
        [*command, "--data-dir", str(data_dir), *arguments],
        cwd=ROOT,
        env=environ | variables | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
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


def _read(process: subprocess.Popen[str], output: list[str], up: threading.Event) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            output.append(line)
            if "Ctrl+C" in line:
                up.set()
    up.set()


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server for all tests of this worker. Each test must use its own conference names."""
    server = start_server(tmp_path_factory.mktemp("server"))
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
