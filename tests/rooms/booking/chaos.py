"""Many clients that book at the same time, from several processes that may be killed. This module holds the clients, the
history that they write, and the checker.

A client writes each request to the history before it sends the request, and each answer after it receives the answer. It sends
a request again, with the same key, until it has an answer. A process that starts again continues with the requests of the
killed process that have no answer.
"""

import asyncio
import collections
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import asyncpg
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import creation
from rooms.booking.holds import resources
from rooms.booking.planning.requests import Request
from rooms.errors import Refusal
from rooms.policy.actors import Actor, Role
from rooms.store.database import Database
from rooms.store.tables.booking import CapacitySlot, CapacityUse, Idempotency, Pool, Reservation, UnitRule
from rooms.store.tables.meetings import Meeting, MeetingType, Occurrence
from rooms.store.tables.org import Person, Unit
from rooms.store.tables.records import AuditEntry
from rooms.store.tables.sites import Hall, Site

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HALLS, DAYS, SLOTS, PEOPLE = 40, 600, 8, 20
OVERLAPPING, REPEATED = 0.3, 0.1
LEGS = 100_000
ACTOR = Actor("account", "chaos", roles=(Role("operator", "u", "/u/"),), factors=2)
RETRY_S = 0.2


async def prepare(database: Database) -> None:
    """Write one unit that may book at any hour, with its halls and people."""

    async def work(session: AsyncSession) -> None:
        since = date(2020, 1, 1)
        session.add(
            Unit(
                id="u",
                code="u",
                name="U",
                search_name="u",
                kind="x",
                tier=1,
                block="other",
                path="/u/",
                valid_from=since,
            )
        )
        await session.flush()
        session.add(Site(id="s", code="s", name="S", search_name="s", unit_id="u", capability="hall", valid_from=since))
        session.add(MeetingType(code="t", name="T", default_class="ordinary"))
        session.add(Pool(code="main", name="P", legs=LEGS))
        free = {
            "opens_min": 0,
            "closes_min": 1440,
            "weekends": True,
            "meetings_a_week": 100_000,
            "hours_a_month": 100_000,
        }
        session.add(UnitRule(unit_id="u", **free))
        session.add_all(
            Person(id=f"p{n}", code=f"p{n}", name=f"P{n}", search_name="p", unit_id="u") for n in range(PEOPLE)
        )
        await session.flush()
        halls = (
            Hall(id=f"h{n}", code=f"h{n}", name=f"H{n}", search_name="h", site_id="s", seats=10, equipment=[])
            for n in range(HALLS)
        )
        session.add_all(halls)

    await database.transact(work)


def request_of(client: int, clients: int, place: int) -> Request:
    """Return the request of a client at a place: always the same for the same arguments. 70 % of the requests have their own
    hall and time. The others compete for a few halls within a week.
    """
    chance = random.Random(client * 1_000_003 + place)
    if chance.random() < OVERLAPPING:
        hours = chance.randrange(7 * 20)
        at = NOW + timedelta(days=DAYS + 10 + hours // 20, hours=hours % 20, minutes=chance.choice((0, 15, 30)))
        # The halls are sorted because each process orders a set differently. A different order would make a different request.
        halls = tuple(sorted({f"h{chance.randrange(3)}" for _ in range(2)}))
        return booked(at, chance.choice((30, 60, 90)), halls, f"p{chance.randrange(PEOPLE)}")
    cell = place * clients + client
    hall, slot, day = cell % HALLS, cell // HALLS % SLOTS, 2 + cell // (HALLS * SLOTS)
    return booked(NOW + timedelta(days=day, hours=3 * slot), 120, (f"h{hall}",), None)


def booked(at: datetime, minutes: int, halls: tuple[str, ...], chair: str | None) -> Request:
    return Request("Họp", "t", "u", at, minutes, hall_ids=halls, chair_id=chair, urgent_reason="x", legs=2)


class History:
    """A file of lines that survives the process. Each line is one write to a file that is only appended to."""

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)

    def note(self, *words: object) -> None:
        os.write(self.file, (" ".join(map(str, words)) + "\n").encode())


@dataclass
class Record:
    """The answers to one key: `ok MEETING` or `no CODE`."""

    asked: int = 0
    answers: set[tuple[str, str]] = field(default_factory=set)
    answered_ms: float = 0.0


def read(path: Path) -> dict[str, Record]:
    found: dict[str, Record] = collections.defaultdict(Record)
    text = path.read_text() if path.exists() else ""
    for line in text.splitlines():
        word, key, *rest = line.split()
        if word == "ask":
            found[key].asked += 1
        else:
            found[key].answers.add((word, rest[0]))
            found[key].answered_ms = float(rest[1])
    return found


async def run_client(
    database: Database, history: History, before: dict[str, Record], client: int, clients: int, most: int, until: float
) -> None:
    """Send the client's requests. A request of a killed process that has no answer is sent again, also after `until`. No new
    request is sent after `until`.
    """
    chance = random.Random(client)
    for place in range(most):
        key = f"{client}-{place}"
        if before.get(key, Record()).answers:
            continue
        if time.time() >= until and key not in before:
            continue
        await ask(database, history, key, request_of(client, clients, place))
        if chance.random() < REPEATED:
            await ask(database, history, key, request_of(client, clients, place))


async def ask(database: Database, history: History, key: str, request: Request) -> None:
    history.note("ask", key)
    loop = asyncio.get_running_loop()
    begin = loop.time()
    while True:
        try:
            meeting = (await creation.book(database, request, ACTOR, NOW, key)).meeting
        except Refusal as refusal:
            history.note("no", key, refusal.code, (loop.time() - begin) * 1000)
        except (
            SQLAlchemyError,
            OSError,
            asyncpg.InterfaceError,
        ):  # `InterfaceError`: the server went away during the greeting
            await asyncio.sleep(RETRY_S)
            continue
        else:
            history.note("ok", key, meeting.id, (loop.time() - begin) * 1000)
        return


async def run(url: str, path: Path, place: int, processes: int, clients: int, requests: int, until: float) -> None:
    database, before, history = Database.open(url), read(path), History(path)
    mine = range(place, clients, processes)
    most = requests // clients
    await asyncio.gather(*(run_client(database, history, before, one, clients, most, until) for one in mine))
    await database.close()


def start(url: str, path: Path, place: int, processes: int, clients: int, requests: int, until: float) -> None:
    """Run the clients of one process."""
    asyncio.run(run(url, path, place, processes, clients, requests, until))


# The checker


async def check(url: str, paths: list[Path], requests: int) -> list[str]:
    """Return every fault as text. The list is empty if there is no fault."""
    database = Database.open(url)
    records = {key: one for path in paths for key, one in read(path).items()}
    wrong = [f"{len(records)} keys instead of {requests}"] if len(records) != requests else []
    wrong += [f"{key} was answered {one.answers}" for key, one in records.items() if len(one.answers) != 1]
    made = {key: word[1] for key, one in records.items() for word in one.answers if word[0] == "ok"}
    async with database.reading() as session:
        wrong += await _lost(session, made)
        wrong += await _doubled(session)
        wrong += await _orphans(session)
        wrong += await _capacity(session)
        wrong += await _unjust(session, records)
    await database.close()
    return wrong


async def _lost(session: AsyncSession, made: dict[str, str]) -> Iterator[str]:
    """Return the acknowledged meetings that are missing, and the stored meetings that no client has an acknowledgement for."""
    stored = dict((await session.execute(select(Idempotency.key, Idempotency.meeting_id))).all())
    meetings = set(await session.scalars(select(Meeting.id)))
    lost = [f"lost: {key} {id_}" for key, id_ in made.items() if stored.get(key) != id_ or id_ not in meetings]
    return iter(lost + [f"not acknowledged: {id_}" for id_ in meetings - set(made.values())])


async def _doubled(session: AsyncSession) -> Iterator[str]:
    """Return pairs of reservations that hold one resource at the same time. The check does not use the database's own
    constraint.
    """
    rows = await session.execute(
        select(Reservation.resource_id, Reservation.starts_at, Reservation.ends_at).where(Reservation.active)
    )
    by_resource: dict[str, list[tuple[datetime, datetime]]] = collections.defaultdict(list)
    for id_, start, end in rows:
        by_resource[id_].append((start, end))
    return (
        f"double booking: {id_} {one} {other}"
        for id_, spans in by_resource.items()
        for one, other in pairwise(sorted(spans))
        if other[0] < one[1]
    )


async def _orphans(session: AsyncSession) -> Iterator[str]:
    """Return a fault if the number of dates, capacity rows, keys, audit entries or reserved dates differs from the number of
    meetings.
    """
    meetings = await session.scalar(select(func.count()).select_from(Meeting)) or 0
    for name, count in (
        ("dates", select(func.count()).select_from(Occurrence)),
        ("capacity", select(func.count()).select_from(CapacityUse)),
        ("keys", select(func.count()).select_from(Idempotency)),
        ("audit", select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "meeting.create")),
        ("dates with reservations", select(func.count(func.distinct(Reservation.occurrence_id)))),
    ):
        found = await session.scalar(count)
        if found != meetings:
            return iter([f"{found} {name} of {meetings} meetings"])
    return iter(())


async def _capacity(session: AsyncSession) -> Iterator[str]:
    used: collections.Counter[datetime] = collections.Counter()
    for start, end, legs in await session.execute(select(CapacityUse.starts_at, CapacityUse.ends_at, CapacityUse.legs)):
        for at in resources.slots(start, end):
            used[at] += legs
    counted = dict((await session.execute(select(CapacitySlot.starts_at, CapacitySlot.used))).all())
    return (f"capacity at {at}: {n} instead of {used[at]}" for at, n in counted.items() if n != used[at])


async def _unjust(session: AsyncSession, records: dict[str, Record]) -> Iterator[str]:
    """Return the requests that were refused although the hall and the person were free. No reservation is released in this
    test, so a resource that was taken at the time of the refusal is still taken.
    """
    rows = await session.execute(select(Reservation.resource_id, Reservation.starts_at, Reservation.ends_at))
    taken = collections.defaultdict(list)
    for id_, start, end in rows:
        taken[id_].append((start, end))
    clients = max((int(key.split("-")[0]) for key in records), default=0) + 1
    found = []
    for key, record in records.items():
        code = next((word[1] for word in record.answers if word[0] == "no"), "")
        if not code:
            continue
        request = request_of(*_of(key, clients))
        margin = timedelta(minutes=15)
        wanted = [(hall, request.starts_at - margin, request.ends_at + margin) for hall in request.hall_ids]
        wanted += [(request.chair_id, request.starts_at, request.ends_at)] if request.chair_id else []
        if code != "overlap" or not any(s < end and e > start for id_, start, end in wanted for s, e in taken[id_]):
            found.append(f"refused without a reason: {key} {code}")
    return iter(found)


def _of(key: str, clients: int) -> tuple[int, int, int]:
    client, place = key.split("-")
    return int(client), clients, int(place)
