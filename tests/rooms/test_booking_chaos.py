"""64 clients in several processes book at once; processes are killed, PostgreSQL is restarted as after a crash. Nothing is booked
twice, lost or left over. `BOOKING_REQUESTS=100000` for the long run (`make sim`).
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rooms.store import migrations
from rooms.store.database import Database
from tests.rooms import chaos
from tests.rooms.postgres import Postgres

PROCESSES, CLIENTS = 4, 64
LONG = 100_000
REQUESTS = int(os.environ.get("BOOKING_REQUESTS", LONG if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 1920))
REQUESTS -= REQUESTS % CLIENTS


@pytest.fixture
def server() -> Iterator[Postgres]:
    """One that keeps what it has acknowledged."""
    server = Postgres(durable=True)
    try:
        server.start()
        server.run_now("CREATE DATABASE chaos")
        yield server
    finally:
        server.remove()


class Crowd:
    """The processes of the clients."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.histories = [folder / f"history-{place}" for place in range(PROCESSES)]
        self.processes = [self._start(place) for place in range(PROCESSES)]
        self.killed = 0

    def _start(self, place: int) -> subprocess.Popen[bytes]:
        numbers = map(str, (place, PROCESSES, CLIENTS, REQUESTS))
        arguments = [self.url, str(self.histories[place]), *numbers]
        return subprocess.Popen([sys.executable, "-m", "tests.rooms.chaos", *arguments], cwd=Path(__file__).parents[2])

    def answers(self) -> int:
        return sum(
            path.read_bytes().count(b"\nok ") + path.read_bytes().count(b"\nno ")
            for path in self.histories
            if path.exists()
        )

    def kill(self, place: int) -> None:
        """As the kernel does it, and start it again."""
        if self.processes[place].poll() is None:
            os.kill(self.processes[place].pid, signal.SIGKILL)
            self.processes[place].wait()
            self.processes[place] = self._start(place)
            self.killed += 1

    def wait_for(self, answers: float) -> None:
        while self.answers() < answers and any(one.poll() is None for one in self.processes):
            time.sleep(0.05)

    def finish(self) -> None:
        for one in self.processes:
            assert one.wait() == 0

    def end(self) -> None:
        for one in self.processes:
            if one.poll() is None:
                one.kill()
                one.wait()


def storm(url: str, folder: Path, server: Postgres | None) -> Crowd:
    crowd = Crowd(url, folder)
    try:
        for part, place in ((0.2, 0), (0.4, 1), (0.6, 2), (0.8, 0)):
            crowd.wait_for(REQUESTS * part)
            crowd.kill(place)
            if server is not None and part in (0.4, 0.8):
                server.stop(signal.SIGQUIT)
                server.start()
        crowd.finish()
    finally:
        crowd.end()
    return crowd


def prepared(url: str) -> None:
    async def work() -> None:
        await migrations.upgrade(url)
        database = Database.open(url)
        await chaos.prepare(database)
        await database.close()

    asyncio.run(work())


@pytest.mark.timeout(6 * 3600 if REQUESTS > 10_000 else 900)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_nothing_is_lost_doubled_or_left_over(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    server: Postgres | None = request.getfixturevalue("server") if dialect == "postgresql" else None
    url = server.url("chaos") if server else f"sqlite:///{tmp_path / 'chaos.db'}"
    prepared(url)
    begin = time.monotonic()
    crowd = storm(url, tmp_path, server)
    took = time.monotonic() - begin
    wrong = asyncio.run(chaos.check(url, crowd.histories, REQUESTS))
    records = [one for path in crowd.histories for one in chaos.read(path).values()]
    made = sum(next(iter(one.answers))[0] == "ok" for one in records if one.answers)
    slow = sorted(one.answered_ms for one in records)[int(len(records) * 0.99) - 1]
    print(
        f"{dialect}: {REQUESTS} requests, {made} booked, {crowd.killed} processes killed, {took:.0f} s, p99 {slow:.0f} ms"
    )
    assert not wrong, "\n".join(wrong[:20])
    assert crowd.killed >= 3
    assert 0.6 * REQUESTS < made < REQUESTS
