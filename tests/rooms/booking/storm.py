"""64 clients in several processes book at the same time. Processes are killed, and PostgreSQL restarts as after a crash.

    python -m tests.rooms.booking.storm [postgresql] [sqlite] [--requests 100000] [--minutes 60]

Prints its progress every ten seconds. Sends no new requests when the time is over. Then checks the history of requests and
answers. Exits with 1 if a booking was made twice, was lost or was left over.
"""

import argparse
import asyncio
import multiprocessing
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from rooms.store.database import Database
from rooms.store.migrations import steps
from tests.rooms.booking import chaos
from tests.rooms.postgres import Postgres

PROCESSES, CLIENTS = 4, 64
LONG = 100_000
PROGRESS_S = 10.0
GRACE_S = 120.0
"""Seconds after `until` in which the clients must get their last answers. Longer: a client that hangs is found later. Shorter:
a slow machine fails the run.
"""
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([chaos.__name__])
"""The processes are forks of one process with all imports. A new interpreter would take a second of a processor each time."""
Say = Callable[[str], None]


class Crowd:
    """The processes of the clients."""

    def __init__(self, url: str, folder: Path, requests: int, until: float) -> None:
        """`until`: Unix seconds. The clients send no new request after this time."""
        self.url, self.requests, self.until = url, requests, until
        self.histories = [folder / f"history-{place}" for place in range(PROCESSES)]
        self.processes = [self._start(place) for place in range(PROCESSES)]
        self.killed = 0

    def _start(self, place: int) -> ForkServerProcess:
        words = (self.url, self.histories[place], place, PROCESSES, CLIENTS, self.requests, self.until)
        started = FORKS.Process(target=chaos.start, args=words)
        started.start()
        return started

    @property
    def running(self) -> bool:
        return any(one.is_alive() for one in self.processes)

    def answers(self) -> int:
        return sum(
            path.read_bytes().count(b"\nok ") + path.read_bytes().count(b"\nno ")
            for path in self.histories
            if path.exists()
        )

    def kill(self, place: int) -> None:
        """Kill the process at this place with SIGKILL, as the kernel does, and start it again. If that process has answered all
        its requests, kill the next one that has not.
        """
        for turn in range(PROCESSES):
            chosen = (place + turn) % PROCESSES
            if self.processes[chosen].is_alive():
                self.processes[chosen].kill()
                self.processes[chosen].join()
                self.processes[chosen] = self._start(chosen)
                self.killed += 1
                return

    def finish(self) -> None:
        deadline = max(self.until - time.time(), 0) + GRACE_S
        for one in self.processes:
            one.join(deadline)
            assert one.exitcode == 0

    def end(self) -> None:
        for one in self.processes:
            one.kill()
            one.join()


@dataclass(frozen=True)
class Outcome:
    """The result of a run. `wrong`: every fault, as text."""

    dialect: str
    requests: int
    asked: int
    """The number of different requests."""
    attempts: int
    made: int
    refused: int
    killed: int
    crashed: int
    seconds: float
    p50_ms: float
    p99_ms: float
    wrong: list[str]

    def said(self) -> str:
        return (
            f"{self.dialect}: {self.asked} of {self.requests} requests asked {self.attempts} times in {self.seconds:.0f} s, "
            f"{self.made} booked, {self.refused} refused, {self.killed} processes killed, {self.crashed} crashes of the "
            f"database, p50 {self.p50_ms:.0f}, p99 {self.p99_ms:.0f} ms; {len(self.wrong)} wrong"
        )


def storm(
    dialect: str, folder: Path, server: Postgres | None, requests: int, minutes: float, kills: int, say: Say
) -> Outcome:
    """Run the storm. `kills`: the number of processes to kill, spread evenly over the run. At every fourth kill PostgreSQL
    crashes too. `server` must be running.
    """
    if server:
        server.run_now("CREATE DATABASE storm")
    url = server.url("storm") if server else f"sqlite:///{folder / 'storm.db'}"
    prepare(url)
    begin = time.monotonic()
    crowd = Crowd(url, folder, requests - requests % CLIENTS, time.time() + minutes * 60)
    crashed = 0
    try:
        for number in range(1, kills + 1):
            _wait_for(crowd, crowd.requests * number / (kills + 1), dialect, begin, say)
            crowd.kill(number % PROCESSES)
            if server is not None and number % 4 == 2 and crowd.running:
                server.stop(signal.SIGQUIT)
                server.start()
                crashed += 1
        _wait_for(crowd, crowd.requests * 2, dialect, begin, say)
        crowd.finish()
    finally:
        crowd.end()
    return _judge(dialect, url, crowd, crashed, time.monotonic() - begin)


def prepare(url: str) -> None:
    async def work() -> None:
        await steps.upgrade(url)
        database = Database.open(url)
        await chaos.prepare(database)
        await database.close()

    asyncio.run(work())


def _wait_for(crowd: Crowd, answers: float, dialect: str, begin: float, say: Say) -> None:
    told = time.monotonic()
    while crowd.running:
        have = crowd.answers()
        now = time.monotonic()
        if now - told > PROGRESS_S:
            told = now
            rate = have / (now - begin)
            say(f"{dialect}: {have} answers of {crowd.requests} requests, {rate:.0f}/s, {crowd.killed} killed")
        if have >= answers:
            return
        time.sleep(0.05 if crowd.requests < LONG / 10 else 0.5)


def _judge(dialect: str, url: str, crowd: Crowd, crashed: int, seconds: float) -> Outcome:
    records = [one for path in crowd.histories for one in chaos.read(path).values()]
    whole = time.time() < crowd.until
    wrong = asyncio.run(chaos.check(url, crowd.histories, crowd.requests if whole else len(records)))
    slow = sorted(one.answered_ms for one in records)
    made = sum(next(iter(one.answers))[0] == "ok" for one in records if one.answers)
    return Outcome(
        dialect=dialect,
        requests=crowd.requests,
        asked=len(records),
        attempts=sum(one.asked for one in records),
        made=made,
        refused=len(records) - made,
        killed=crowd.killed,
        crashed=crashed,
        seconds=seconds,
        p50_ms=slow[len(slow) // 2],
        p99_ms=slow[int(len(slow) * 0.99) - 1],
        wrong=wrong,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dialects", nargs="*", default=["postgresql", "sqlite"])
    parser.add_argument("--requests", type=int, default=LONG)
    parser.add_argument("--minutes", type=float, default=60, help="of asking, for each database")
    parser.add_argument("--kills", type=int, default=40)
    given = parser.parse_args()
    failed = False
    for dialect in given.dialects:
        server = Postgres(durable=True) if dialect == "postgresql" else None
        try:
            if server:
                server.start()
            with tempfile.TemporaryDirectory(prefix="storm-") as folder:
                found = storm(dialect, Path(folder), server, given.requests, given.minutes, given.kills, _say)
        finally:
            if server:
                server.remove()
        _say("\n".join([found.said(), *found.wrong[:20]]))
        failed = failed or bool(found.wrong)
    raise SystemExit(failed)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
