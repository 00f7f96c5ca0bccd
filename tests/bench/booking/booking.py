"""Booking on both databases: availability search, board, creation, the page of the board, and the letters of a meeting.

Search and board have 240 halls and five years. Creation over HTTP has one client and 20 clients that invite 96 communes, and
64 clients with small meetings.

    python tests/bench/booking/booking.py [sqlite] [postgresql] [--seconds 20] [--clients 64] [--pause-ms 1000] [--tree OTHER
        --tree .]

`--tree` compares checkouts of this repository in one run, on one database. The script prints a table in Markdown. The titles of
rows state the budgets. The script exits with 1 if this checkout misses a budget.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.holds import grid
from rooms.identifiers import new_id
from rooms.policy.actors import Actor, Role
from rooms.store.database import Database
from rooms.store.migrations import steps
from rooms.store.tables.booking import Pool, Reservation
from rooms.store.tables.meetings import Meeting, MeetingType, Occurrence
from rooms.store.tables.org import Person, Unit
from rooms.store.tables.sites import Hall, Network, Site, Terminal
from tests.bench.booking import board_page, creation, letters
from tests.rooms.postgres import Postgres

ROOT = Path(__file__).resolve().parents[3]
HALLS, WEEKS = 240, 260
UNITS = creation.INVITED + 1
"""Each unit can invite the 96 others."""
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
"""Monday 08:00 in Việt Nam."""
SINCE = date(2020, 1, 1)
ASKED = 300
BUDGET_AVAILABILITY_MS, BUDGET_CREATION_MS = 20, 300
LARGE = ((1, 0.0, "one client", 150), (20, 1.0, "20 requests a second", 400))
"""The measurements with 96 invited communes: clients, pause of each client in seconds, words, budget of the p95 in ms."""
MISSED: list[str] = []
"""The budgets that this run missed."""


async def fill(database: Database) -> None:
    """Add units with halls and terminals. Each hall gets five series a week over five years: 312,000 dates in all."""
    await database.transact(_register)
    for hall in range(HALLS):
        await database.transact(partial(_series, hall=hall))
    if database.dialect == "postgresql":
        # PostgreSQL keeps its statistics itself, some time after the rows. SQLite works without statistics.
        async with database.engine.connect() as connection:
            await connection.exec_driver_sql("ANALYZE")
            await connection.commit()


async def _register(session: AsyncSession) -> None:
    session.add(MeetingType(code="t", name="Giao ban", default_class="ordinary"))
    session.add(Pool(code="main", name="P", legs=5000))
    session.add(Network(id="n", code="n", name="TSLCD", ranges=[], closed=True))
    root = {"kind": "x", "tier": 1, "block": "government", "valid_from": SINCE}
    session.add(Unit(id="u", code="u", name="Tỉnh", search_name="tinh", path="/u/", **root))
    await session.flush()
    for n in range(UNITS):
        session.add(
            Unit(
                id=f"u{n}", code=f"u{n}", name=f"Xã {n}", search_name=f"xa {n}", path=f"/u/u{n}/", parent_id="u", **root
            )
        )
    await session.flush()
    for n in range(UNITS):
        session.add(Person(id=f"p{n}", code=f"p{n}", name=f"Người {n}", search_name="nguoi", unit_id=f"u{n}"))
        session.add(
            Site(
                id=f"s{n}",
                code=f"s{n}",
                name=f"Điểm cầu {n}",
                search_name="x",
                unit_id=f"u{n}",
                capability="hall",
                valid_from=SINCE,
            )
        )
    await session.flush()
    for n in range(HALLS):
        session.add(
            Hall(
                id=f"h{n}",
                code=f"h{n}",
                name=f"Hội trường {n}",
                search_name="h",
                site_id=f"s{n % UNITS}",
                seats=30 + n,
                main=n < UNITS,
                equipment=["projector"],
            )
        )
    await session.flush()
    for n in range(HALLS):
        session.add(
            Terminal(
                id=f"t{n}",
                code=f"t{n}",
                name=f"T{n}",
                site_id=f"s{n % UNITS}",
                hall_id=f"h{n}",
                protocols=["sip"],
                sip_uri=f"sip:t{n}@10.1.{n // 200}.{n % 200 + 1}",
                codecs=[],
                network_id="n",
            )
        )


async def _series(session: AsyncSession, hall: int) -> None:
    quarter = timedelta(minutes=15)
    meetings, dates, taken = [], [], []
    for day in range(5):
        first = NOW - timedelta(weeks=WEEKS // 2) + timedelta(days=day, hours=(hall + day) % 3 * 3)
        meeting = _meeting(hall, first)
        meetings.append(meeting)
        for week in range(WEEKS):
            at, id_ = first + timedelta(weeks=week), new_id()
            end = at + timedelta(hours=2)
            dates.append(
                {
                    "id": id_,
                    "meeting_id": meeting["id"],
                    "original_at": at,
                    "starts_at": at,
                    "ends_at": end,
                    "reason": "",
                }
            )
            row = {"kind": "hall", "resource_id": f"h{hall}", "starts_at": at - quarter, "ends_at": end + quarter}
            taken.append({"id": new_id(), "occurrence_id": id_, "active": True, **row})
    await session.execute(insert(Meeting), meetings)
    await session.execute(insert(Occurrence), dates)
    await session.execute(insert(Reservation), taken)


def _meeting(hall: int, first: datetime) -> dict[str, object]:
    return {
        "id": new_id(),
        "number": f"{10**8 + random.randrange(9 * 10**8)}",
        "title": f"Giao ban {hall}",
        "search_title": f"giao ban {hall}",
        "type_code": "t",
        "class_": "ordinary",
        "state": "approved",
        "host_unit_id": f"u{hall % UNITS}",
        "created_by": "x",
        "created_at": NOW,
        "updated_at": NOW,
        "agenda": [],
        "first_starts_at": first,
        "duration_min": 120,
        "rule": "FREQ=WEEKLY",
    }


def actor_of(unit: int) -> Actor:
    return Actor("account", f"a{unit}", roles=(Role("secretary", f"u{unit}", f"/u/u{unit}/"),))


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def said(values: list[float]) -> str:
    return (
        f"p50 {percentile(values, 0.5):.1f}, p95 {percentile(values, 0.95):.1f}, p99 {percentile(values, 0.99):.1f} ms"
    )


def judged(title: str, values: list[float], part: float, most_ms: float) -> str:
    """Return the words of `said`, and note a missed budget."""
    found = percentile(values, part)
    if found > most_ms:
        MISSED.append(f"{title}: {found:.1f} ms")
    return said(values)


async def timed(work: Callable[[int], Awaitable[object]], count: int) -> list[float]:
    found = []
    for n in range(count):
        begin = time.perf_counter()
        await work(n)
        found.append((time.perf_counter() - begin) * 1000)
    return found[10:]


async def look(database: Database) -> dict[str, str]:
    """Time searches that run one after the other, as one person sends them."""
    chance = random.Random(1)

    async def search(span: timedelta, **more: object) -> None:
        start = NOW + timedelta(days=chance.randrange(300))
        query = grid.AvailabilityQuery(start, start + span, 120, seats=chance.randrange(200), **more)  # type: ignore[arg-type]
        async with database.reading() as session:
            await grid.availability(session, query, actor_of(1), NOW)

    async def board(span: timedelta) -> None:
        start = NOW + timedelta(days=chance.randrange(300))
        async with database.reading() as session:
            await grid.board(session, start, start + span, actor_of(1), NOW)

    day, week = timedelta(days=1), timedelta(days=7)
    with_people = {"person_ids": ("p1", "p2"), "terminal_ids": ("t1",), "legs": 50}
    title = f"availability, one day, 240 halls (p95 ≤ {BUDGET_AVAILABILITY_MS} ms)"
    values = await timed(lambda n: search(day), ASKED)
    return {
        title: judged(f"{database.dialect}: {title}", values, 0.95, BUDGET_AVAILABILITY_MS),
        "availability, one week, 240 halls": said(await timed(lambda n: search(week), ASKED)),
        "availability, one week, with people and legs": said(await timed(lambda n: search(week, **with_people), ASKED)),
        "board, 240 halls x a day": said(await timed(lambda n: board(day), 60)),
        "board, 240 halls x a week": said(await timed(lambda n: board(week), 60)),
    }


def measure(dialect: str, options: argparse.Namespace) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(durable=True) if dialect == "postgresql" else None
        try:
            url = f"sqlite:///{folder}/bench.db"
            if server:
                server.start()
                server.run_now("CREATE DATABASE bench")
                url = server.url("bench")
            return _measure(dialect, url, options)
        finally:
            if server:
                server.remove()


def _measure(dialect: str, url: str, options: argparse.Namespace) -> dict[str, str]:
    async def first() -> tuple[dict[str, str], list[str]]:
        await steps.upgrade(url)
        database = Database.open(url)
        begin = time.perf_counter()
        await fill(database)
        found = {"filling, 312,000 dates": f"{time.perf_counter() - begin:.0f} s"}
        found |= await look(database)
        cookies = await creation.sign_in(database, max(options.clients, UNITS), UNITS)
        await database.close()
        print(dialect, found, file=sys.stderr)
        return found, cookies

    found, cookies = asyncio.run(first())
    load = creation.Load(url, cookies, HALLS, UNITS)
    for tree in options.tree or [ROOT]:
        for clients, pause_s, how, most_ms in LARGE:
            found |= _invited(load, Path(tree).absolute(), options.seconds, clients, pause_s, how, most_ms)
        found |= _created(load, Path(tree).absolute(), options)
    return found | board_page.measured(url, cookies[0])


def _invited(
    load: creation.Load, tree: Path, seconds: float, clients: int, pause_s: float, how: str, most_ms: float
) -> dict[str, str]:
    """Measure meetings with 96 invited communes. Every hall is free, so that no latency is that of a refusal."""
    whose = "" if tree == ROOT else f"{tree.name}: "
    title = f"{whose}creation with {creation.INVITED} invited communes, {how} (p95 ≤ {most_ms} ms)"
    made = load.run(tree, seconds, pause_s, clients, large=True)
    assert not made.found.refused, f"{made.found.refused} refused"
    values = made.found.latencies_ms
    told = judged(f"{load.dialect}: {title}", values, 0.95, most_ms if tree == ROOT else float("inf"))
    print(title, told, made.said(), file=sys.stderr)
    return {title: f"{told}, {made.said()}"}


def _created(load: creation.Load, tree: Path, options: argparse.Namespace) -> dict[str, str]:
    """Measure a crowd of clients on the server of one checkout."""
    whose = "" if tree == ROOT else f"{tree.name}: "
    found = {}
    for pause_s, how in (
        (options.pause_ms / 1000, f"one in {options.pause_ms / 1000:g} s each (p99 ≤ {BUDGET_CREATION_MS} ms)"),
        (0, "without a pause"),
    ):
        before = load.booked()
        made = load.run(tree, options.seconds, pause_s, options.clients)
        assert load.booked() - before >= made.found.booked, "what was acknowledged is not there"
        title = f"{whose}creation over HTTP, {options.clients} clients, {how}"
        values = made.found.latencies_ms
        told = (
            judged(f"{load.dialect}: {title}", values, 0.99, BUDGET_CREATION_MS)
            if pause_s and not whose
            else said(values)
        )
        found[title] = f"{told}, {made.said()}"
        print(title, found[title], file=sys.stderr)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dialects", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--pause-ms", type=float, default=1000)
    parser.add_argument("--tree", action="append", help="a checkout whose server books; several are compared")
    options = parser.parse_args()
    results = {dialect: measure(dialect, options) for dialect in options.dialects}
    print(f"\n{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| Booking | " + " | ".join(results) + " |\n|---|" + "---|" * len(results))
    for title in next(iter(results.values())):
        print(f"| {title} | " + " | ".join(one[title] for one in results.values()) + " |")
    print("\n| Letters to 96 communes | |\n|---|---|")
    for title, told in letters.measured().items():
        print(f"| {title} | {told} |")
    if MISSED:
        raise SystemExit("\n".join(["", "missed budgets:", *MISSED]))


if __name__ == "__main__":
    main()
