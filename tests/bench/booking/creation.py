"""Creation under realistic load: the bench starts a server, gives secretaries their sessions, and lets `crowd` book.

It measures the latency at the clients, and the CPU time of the server, of the database's processes and of the clients.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import signing
from rooms.booking.rules.calendar import Calendar
from rooms.identifiers import new_id
from rooms.store.database import Database
from rooms.store.tables.accounts import Account, RoleGrant
from rooms.store.tables.meetings import Meeting
from tests.bench import peers
from tests.bench.booking.crowd import Crowd, Found

COOKIE = "diemcau-local"
"""The session cookie's name on a server that clients reach on loopback without TLS."""
DAYS = range(3, 450)
INVITED = 96
BLOCKS_H = (0, 3, 6)
"""The hours after 08:00 at which the series of the bench's halls start. Each takes two hours."""


async def sign_in(database: Database, count: int, units: int) -> list[str]:
    """Create `count` secretaries of these units, each with a session, and return their cookies."""
    now = datetime.now(UTC)
    return [await database.transact(partial(_secretary, number=n, unit=n % units, now=now)) for n in range(count)]


async def _secretary(session: AsyncSession, number: int, unit: int, now: datetime) -> str:
    id_ = new_id()
    account = Account(id=id_, name=f"thuky.{number}.{id_[:8]}", person_id=None, created_at=now)
    if number == unit and await session.scalar(select(Account.id).where(Account.person_id == f"p{unit}")) is None:
        account.person_id = f"p{unit}"
    session.add(account)
    await session.flush()
    grant = {"account_id": id_, "role": "secretary", "unit_id": f"u{unit}", "granted_by": "x"}
    session.add(RoleGrant(id=new_id(), starts_at=now - timedelta(days=1), ends_at=None, **grant))
    return f"{COOKIE}={await signing.start(session, account, now)}"


def body(client: int, halls: int, units: int, chance: random.Random) -> str:
    """Return a booking as JSON: a hall, its terminal, the chair and four units, in a working hour of the next months."""
    hall, unit = chance.randrange(halls), client % units
    today = datetime.now(UTC).date()
    day = Calendar().later(today, chance.randrange(DAYS.start, DAYS.stop))
    at = datetime(day.year, day.month, day.day, 1, tzinfo=UTC) + timedelta(minutes=15 * chance.randrange(36))
    return json.dumps(
        {
            "title": "Họp chuyên đề",
            "type_code": "t",
            "host_unit_id": f"u{unit}",
            "starts_at": at.isoformat(),
            "duration_min": 30,
            "hall_ids": [f"h{hall}"],
            "terminal_ids": [f"t{hall}"],
            "chair_id": f"p{unit}",
            "attendees": [{"unit_id": f"u{chance.randrange(units)}"} for _ in range(4)],
        },
        ensure_ascii=False,
    )


def large(client: int, place: int, halls: int, units: int) -> str:
    """Return a booking as the form sends it, with 96 invited communes whose halls are held. Its hall, time and chair are free:
    each client has its own halls, and each place its own day.
    """
    unit = client % units
    hall = (unit + units * (place // len(DAYS))) % halls
    day = Calendar().later(datetime.now(UTC).date(), DAYS[place % len(DAYS)])
    taken = BLOCKS_H.index((hall + day.weekday()) % 3 * 3)
    at = datetime(day.year, day.month, day.day, 1, tzinfo=UTC) + timedelta(hours=BLOCKS_H[(taken + 1) % 3])
    return json.dumps(
        {
            "title": "Hội nghị trực tuyến toàn tỉnh",
            "type_code": "t",
            "host_unit_id": f"u{unit}",
            "starts_at": at.isoformat(),
            "duration_min": 90,
            "hall_ids": [f"h{hall}"],
            "chair_id": f"p{unit}",
            "attendees": [{"unit_id": f"u{one}", "must_be_head": True} for one in range(units) if one != unit],
            "connect": "call",
            "hold_guests": True,
            "submit": True,
            "urgent_reason": "Họp đột xuất",
        },
        ensure_ascii=False,
    )


class Load:
    """A crowd of clients on one server, and the CPU time of each process."""

    def __init__(self, url: str, cookies: list[str], halls: int, units: int) -> None:
        self.url, self.cookies, self.halls, self.units = url, cookies, halls, units
        self.dialect = url.partition(":")[0]
        self._places: Counter[int] = Counter()
        """The first unused place of each client in `large`."""

    def run(self, tree: Path, seconds: float, pause_s: float, clients: int, large: bool = False) -> "Measured":
        """Run the crowd on the server of the checkout `tree`. `large`: with 96 invited communes, whose halls are free."""
        with peers.diemcau(tree=tree, DATABASE=self.url) as server:
            self._crowd(server.port, 2, pause_s, clients, large)
            before, database = _cpu_s([server.pid]), _cpu_s(self._database())
            found = self._crowd(server.port, seconds, pause_s, clients, large)
            spent = _cpu_s([server.pid]) - before, _cpu_s(self._database()) - database
        assert not found.wrong, found.wrong[:3]
        return Measured(found, seconds, *spent)

    def booked(self) -> int:
        """Return the number of meetings in the database."""

        async def count() -> int:
            database = Database.open(self.url)
            async with database.reading() as session:
                found = await session.scalar(select(func.count()).select_from(Meeting)) or 0
            await database.close()
            return found

        return asyncio.run(count())

    def _crowd(self, port: int, seconds: float, pause_s: float, clients: int, of_all: bool) -> Found:
        chance = random.Random()
        most = int(seconds * (2 / pause_s if pause_s else 40 if of_all else 20)) + 2
        bodies = [
            [self._large(n) if of_all else body(n, self.halls, self.units, chance) for _ in range(most)]
            for n in range(clients)
        ]
        crowd = Crowd("127.0.0.1", port, seconds, pause_s, self.cookies[:clients], bodies)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(asdict(crowd), file)
            file.flush()
            words = [sys.executable, str(Path(__file__).with_name("crowd.py")), file.name]
            told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        return Found(**json.loads(told))

    def _large(self, client: int) -> str:
        self._places[client] += 1
        return large(client, self._places[client], self.halls, self.units)

    def _database(self) -> list[int]:
        """Return the processes of PostgreSQL that use the folder in `url`."""
        folder = self.url.partition("?host=")[2]
        if not folder:
            return []
        pid = int((Path(folder) / "data" / "postmaster.pid").read_text().split()[0])
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


class Measured:
    """The result of one crowd, and the CPU time of each booking."""

    def __init__(self, found: Found, seconds: float, server_s: float, database_s: float) -> None:
        self.found, self.seconds = found, seconds
        self.count = len(found.latencies_ms)
        self.server_ms, self.database_ms = server_s * 1000 / self.count, database_s * 1000 / self.count
        self.clients_ms = found.cpu_s * 1000 / self.count

    def said(self) -> str:
        return (
            f"{self.count / self.seconds:.0f}/s; CPU each {self.server_ms:.1f} + {self.database_ms:.1f} ms "
            f"(clients {self.clients_ms:.1f})"
        )


def _cpu_s(pids: Iterable[int]) -> float:
    """Return the user and system time of these processes and of their children that ended."""
    ticks = os.sysconf("SC_CLK_TCK")
    spent = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue
        spent += sum(map(int, fields[11:15]))
    return spent / ticks
