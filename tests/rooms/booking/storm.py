"""64 clients book over HTTP at the same time. Servers are killed, and PostgreSQL restarts as after a crash.

    python -m tests.rooms.booking.storm [postgresql] [sqlite] [--requests 100000] [--minutes 60]

Prints its progress every ten seconds. Sends no new requests when the time is over. Then checks what the clients asked and were
told. Exits with 1 if a resource is held twice, or if an acknowledged booking or approval is lost or was left over.

SQLite has one server. PostgreSQL has two, so that transactions of different processes meet.
"""

import argparse
import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rooms.store.database import Database
from rooms.store.migrations import steps
from tests.conftest import Process, begin
from tests.ports import free_port
from tests.rooms.booking import chaos
from tests.rooms.booking.chaos import Crowd, Desk
from tests.rooms.postgres import Postgres

CLIENTS = 64
LONG = 100_000
PROGRESS_S = 10.0
START_S = 90.0
"""Seconds in which a server must start. Longer: a server that hangs is found later. Shorter: a busy machine fails the run."""
Say = Callable[[str], None]


class Server:
    """A `diemcau serve` on loopback that can be killed and started again."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url, self.http, self.media = folder, url, free_port(), free_port()
        self.process: Process | None = None
        folder.mkdir()

    async def start(self) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("DIEMCAU_")}
        own = {"DIEMCAU_API_KEY": "storm", "DIEMCAU_API_SECRET": "s" * 32, "DIEMCAU_DATABASE": self.url}
        own |= {"DIEMCAU_HOST": "127.0.0.1", "DIEMCAU_ANNOUNCED": "127.0.0.1"}
        own |= {f"DIEMCAU_SIP_{kind}_PORT": "-1" for kind in ("UDP", "TCP", "TLS")}
        words = [
            "serve",
            "--http-port",
            str(self.http),
            "--media-port",
            str(self.media),
            "--data-dir",
            str(self.folder),
        ]
        log = self.folder / "server.log"
        with log.open("a") as errors:
            self.process = begin("signaling", words, environ | own, own, log=errors)
        async with asyncio.timeout(START_S):
            while not await self._hears():
                assert self.process.poll() is None, log.read_text(errors="replace")[-2000:]

    async def _hears(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.http)
        except OSError:
            await asyncio.sleep(0.05)
            return False
        writer.close()
        return True

    def failures(self) -> str:
        """Return the end of the log from its last failure on, for a person who looks for the cause."""
        text = (self.folder / "server.log").read_text(errors="replace")
        return text[max(0, text.rfind("Traceback")) :][-4000:]

    async def kill(self) -> None:
        """End the process with SIGKILL, as the kernel does."""
        assert self.process is not None
        self.process.kill()
        await asyncio.to_thread(self.process.wait)
        assert self.process.stdout is not None
        self.process.stdout.close()


@dataclass(frozen=True)
class Outcome:
    """The result of a run. `wrong`: every fault, as text."""

    dialect: str
    requests: int
    asked: int
    """The number of different requests."""
    sent: int
    made: int
    refused: int
    approved: int
    """The meetings whose approval held the halls of invited units."""
    killed: int
    crashed: int
    seconds: float
    p50_ms: float
    p99_ms: float
    wrong: list[str]

    def said(self) -> str:
        return (
            f"{self.dialect}: {self.asked} of {self.requests} requests sent {self.sent} times in {self.seconds:.0f} s, "
            f"{self.made} booked, {self.refused} refused, {self.approved} approved with held halls, {self.killed} servers "
            f"killed, {self.crashed} crashes of the database, p50 {self.p50_ms:.0f}, p99 {self.p99_ms:.0f} ms; "
            f"{len(self.wrong)} wrong"
        )


def storm(
    dialect: str, folder: Path, server: Postgres | None, requests: int, minutes: float, kills: int, say: Say
) -> Outcome:
    """Run the storm. `kills`: the number of kills, spread evenly over the run. At every fourth kill PostgreSQL crashes too.
    `server` must be running.
    """
    if server:
        server.run_now("CREATE DATABASE storm")
    url = server.url("storm") if server else f"sqlite:///{folder / 'storm.db'}"
    return asyncio.run(_storm(dialect, url, folder, server, requests, minutes, kills, say))


async def _storm(
    dialect: str, url: str, folder: Path, server: Postgres | None, requests: int, minutes: float, kills: int, say: Say
) -> Outcome:
    desk = await _prepare(url)
    servers = [Server(folder / f"server-{n}", url) for n in range(2 if server else 1)]
    try:
        for one in servers:
            await one.start()
        begin = asyncio.get_running_loop().time()
        ports = [one.http for one in servers]
        crowd = Crowd(desk, ports, CLIENTS, requests - requests % CLIENTS, begin + minutes * 60)
        running = asyncio.create_task(crowd.run())
        telling = asyncio.create_task(_tell(dialect, crowd, say))
        killed = crashed = 0
        for number in range(1, kills + 1):
            await _reached(crowd, running, crowd.requests * number / (kills + 1))
            if running.done():
                break
            await servers[number % len(servers)].kill()
            killed += 1
            if server is not None and number % 4 == 2:
                await asyncio.to_thread(server.stop, signal.SIGQUIT)
                await asyncio.to_thread(server.start)
                crashed += 1
            await servers[number % len(servers)].start()
        await running
        telling.cancel()
        seconds = asyncio.get_running_loop().time() - begin
    except BaseException:
        say("\n".join(one.failures() for one in servers))
        raise
    finally:
        for one in servers:
            if one.process is not None:
                await one.kill()
    return await _judge(dialect, url, crowd, (killed, crashed), seconds)


async def _prepare(url: str) -> Desk:
    await steps.upgrade(url)
    database = Database.open(url)
    desk = await chaos.prepare(database)
    await database.close()
    return desk


async def _reached(crowd: Crowd, running: asyncio.Task[None], answers: float) -> None:
    while crowd.answers < answers and not running.done():
        await asyncio.wait([running], timeout=0.05)


async def _tell(dialect: str, crowd: Crowd, say: Say) -> None:
    begin = time.monotonic()
    while True:
        await asyncio.sleep(PROGRESS_S)
        rate = crowd.answers / (time.monotonic() - begin)
        say(f"{dialect}: {crowd.answers} answers of {crowd.requests} requests, {rate:.0f}/s")


async def _judge(dialect: str, url: str, crowd: Crowd, ended: tuple[int, int], seconds: float) -> Outcome:
    records = list(crowd.records.values())
    whole = asyncio.get_running_loop().time() < crowd.until
    wrong = await chaos.check(url, crowd, crowd.requests if whole else len(records))
    slow = sorted(one.answered_ms for one in records)
    made = sum(next(iter(one.answers))[0] == "ok" for one in records if one.answers)
    return Outcome(
        dialect=dialect,
        requests=crowd.requests,
        asked=len(records),
        sent=sum(one.sent for one in records),
        made=made,
        refused=len(records) - made,
        approved=sum(one.approved for one in records),
        killed=ended[0],
        crashed=ended[1],
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
