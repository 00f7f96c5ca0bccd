"""Many clients that book over HTTP at the same time, from servers that may be killed. This module holds the clients, what they
asked and were told, and the checker.

A client sends a request again, with the same key, until it has an answer. Some meetings hold the halls of the invited units;
their client also lets two approvers approve them. An approval is sent again until the server shows it.
"""

import asyncio
import collections
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import clients, signing
from rooms.booking.holds import resources
from rooms.booking.planning.requests import AttendeeRequest, Request
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.tables.booking import CapacitySlot, CapacityUse, Idempotency, Pool, Reservation, UnitRule
from rooms.store.tables.meetings import Meeting, MeetingType, Occurrence
from rooms.store.tables.org import Person, Unit
from rooms.store.tables.records import AuditEntry
from rooms.store.tables.sites import Hall, Site
from tests.rooms.people import add_account

NOW = datetime.combine(datetime.now(UTC).date(), time(), UTC) + timedelta(days=1)
"""The day after the start of this process. The servers have the real time."""
HALLS, GUESTS, DAYS, SLOTS, PEOPLE = 40, 8, 320, 8, 20
"""`GUESTS`: the units that are invited, each with one hall. `DAYS`: enough days for the separate slots of 100,000 requests."""
OVERLAPPING, INVITING, REPEATED = 0.3, 0.5, 0.1
"""The part of the requests that compete for the same halls, the part of these that invite units, and the part of all requests
that is sent twice.
"""
WEEKLY = 50
"""Requests of each client that compete for the halls of one week. More: a long run only gets refusals at its end."""
LEGS = 100_000
RETRY_S = 0.2
MARGIN = timedelta(minutes=15)
"""The time to set up and to clear up a hall."""
COOKIE = "diemcau-local"


@dataclass(frozen=True)
class Desk:
    """The key of the system that books, and the cookies of the two approvers in the order of the steps."""

    key: str
    approvers: tuple[str, str]


async def prepare(database: Database) -> Desk:
    """Write a unit that may book at any hour, with its halls and people, the invited units, and who books and approves."""

    async def work(session: AsyncSession) -> Desk:
        since = date(2020, 1, 1)
        session.add(_unit("u", None, since))
        await session.flush()
        session.add_all(_unit(f"v{n}", "u", since) for n in range(GUESTS))
        await session.flush()
        session.add(_site("s", "u", since))
        session.add_all(_site(f"s{n}", f"v{n}", since) for n in range(GUESTS))
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
        session.add_all(_hall(f"h{n}", "s") for n in range(HALLS))
        session.add_all(_hall(f"g{n}", f"s{n}") for n in range(GUESTS))
        await session.flush()
        now = datetime.now(UTC)
        _, key = await clients.create(session, "storm", "u", ["operator"], COMMAND, now)
        leader = await add_account(session, "lanhdao", None, {"approver": "u"}, now)
        operator = await add_account(session, "dieuhanh", None, {"operator": "u"}, now)
        secrets = [await signing.start(session, one, now, factors=2) for one in (leader, operator)]
        return Desk(key, (f"{COOKIE}={secrets[0]}", f"{COOKIE}={secrets[1]}"))

    return await database.transact(work)


def _unit(id_: str, parent: str | None, since: date) -> Unit:
    named = {"code": id_, "name": id_.upper(), "search_name": id_}
    path = f"/{parent}/{id_}/" if parent else f"/{id_}/"
    place = {"parent_id": parent, "tier": 3 if parent else 1, "path": path}
    return Unit(id=id_, kind="x", block="other", valid_from=since, **named, **place)


def _site(id_: str, unit: str, since: date) -> Site:
    return Site(id=id_, code=id_, name=id_.upper(), search_name="s", unit_id=unit, capability="hall", valid_from=since)


def _hall(id_: str, site: str) -> Hall:
    return Hall(id=id_, code=id_, name=id_.upper(), search_name="h", site_id=site, seats=10, equipment=[])


def request_of(client: int, clients: int, place: int) -> Request:
    """Return the request of a client at a place: always the same for the same arguments. 70 % of the requests have their own
    hall and time. The others compete for a few halls within a week. Half of these hold the halls of two invited units.
    """
    chance = random.Random(client * 1_000_003 + place)
    if chance.random() < OVERLAPPING:
        hours = chance.randrange(7 * 20)
        week = NOW + timedelta(days=DAYS + 10 + 7 * (place // WEEKLY))
        at = week + timedelta(days=hours // 20, hours=hours % 20, minutes=chance.choice((0, 15, 30)))
        # The halls are sorted because each process orders a set differently. A different order would make a different request.
        halls = tuple(sorted({f"h{chance.randrange(3)}" for _ in range(2)}))
        guests: tuple[int, ...] = ()
        if chance.random() < INVITING:
            guests = tuple(sorted(chance.sample(range(GUESTS), 2)))
        elif chance.random() < INVITING:
            halls = (f"g{chance.randrange(GUESTS)}",)
        return booked(at, chance.choice((30, 60, 90)), halls, f"p{chance.randrange(PEOPLE)}", guests)
    cell = place * clients + client
    hall, slot, day = cell % HALLS, cell // HALLS % SLOTS, 2 + cell // (HALLS * SLOTS)
    return booked(NOW + timedelta(days=day, hours=3 * slot), 120, (f"h{hall}",), None)


def booked(
    at: datetime, minutes: int, halls: tuple[str, ...], chair: str | None, guests: tuple[int, ...] = ()
) -> Request:
    invited = tuple(AttendeeRequest(unit_id=f"v{n}") for n in guests)
    holds: dict[str, Any] = {"attendees": invited, "hold_guests": bool(guests), "submit": bool(guests)}
    return Request("Họp", "t", "u", at, minutes, hall_ids=halls, chair_id=chair, urgent_reason="x", legs=2, **holds)


def body_of(request: Request) -> dict[str, Any]:
    return {
        "title": request.title,
        "type_code": request.type_code,
        "host_unit_id": request.host_unit_id,
        "starts_at": request.starts_at.isoformat(),
        "duration_min": request.duration_min,
        "hall_ids": list(request.hall_ids),
        "chair_id": request.chair_id,
        "attendees": [{"unit_id": one.unit_id} for one in request.attendees],
        "hold_guests": request.hold_guests,
        "submit": request.submit,
        "urgent_reason": request.urgent_reason,
        "legs": request.legs,
    }


@dataclass
class Record:
    """The answers to one key: `ok MEETING` or `no CODE`. `sent`: also counts what was sent again after a kill."""

    sent: int = 0
    answers: set[tuple[str, str]] = field(default_factory=set)
    answered_ms: float = 0.0
    approved: bool = False


class Line:
    """The connection of one client to the servers. It is opened again, to the next server, after each failure."""

    def __init__(self, ports: list[int], first: int) -> None:
        self._ports, self._turn = ports, first
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, headers: dict[str, str], body: object = None, record: Record | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Send a request until it has an answer, and return the status and the JSON."""
        while True:
            try:
                if record is not None:
                    record.sent += 1
                status, found = await self._once(method, path, headers, body)
            except (OSError, asyncio.IncompleteReadError):
                status, found = 503, {}
            if status != 503:
                return status, found
            self._turn += 1
            self.close()
            await asyncio.sleep(RETRY_S)

    async def _once(self, method: str, path: str, headers: dict[str, str], body: object) -> tuple[int, dict[str, Any]]:
        address = f"127.0.0.1:{self._ports[self._turn % len(self._ports)]}"
        if self._streams is None:
            self._streams = await asyncio.open_connection(*address.split(":"))
        reader, writer = self._streams
        content = b"" if body is None else json.dumps(body).encode()
        fixed = {"host": address, "content-type": "application/json", "content-length": str(len(content))}
        lines = "".join(
            f"{name}: {value}\r\n" for name, value in {**fixed, "origin": f"http://{address}", **headers}.items()
        )
        writer.write(f"{method} /api/v1{path} HTTP/1.1\r\n{lines}\r\n".encode() + content)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        return int(head[9:12]), json.loads(await reader.readexactly(length))

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Crowd:
    """The clients. `until`: the monotonic time after which no new request is sent."""

    def __init__(self, desk: Desk, ports: list[int], clients: int, requests: int, until: float) -> None:
        self.desk, self.ports, self.clients, self.requests, self.until = desk, ports, clients, requests, until
        self.records: dict[str, Record] = {}
        self.answers = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for client in range(self.clients):
                group.create_task(self._client(client))

    async def _client(self, client: int) -> None:
        chance, line = random.Random(client), Line(self.ports, client)
        loop = asyncio.get_running_loop()
        for place in range(self.requests // self.clients):
            if loop.time() >= self.until:
                break
            request = request_of(client, self.clients, place)
            record = self.records[f"{client}-{place}"] = Record()
            for _ in range(2 if chance.random() < REPEATED else 1):
                begin = loop.time()
                await self._book(line, f"{client}-{place}", request, record)
                record.answered_ms = (loop.time() - begin) * 1000
            self.answers += 1
        line.close()

    async def _book(self, line: Line, key: str, request: Request, record: Record) -> None:
        headers = {"authorization": f"Bearer {self.desk.key}", "idempotency-key": key}
        status, found = await line.ask("POST", "/meetings", headers, body_of(request), record)
        record.answers.add(("ok", found["id"]) if status == 201 else ("no", found["code"]))
        if status == 201 and request.hold_guests and not record.approved:
            await self._approve(line, found["id"])
            record.approved = True

    async def _approve(self, line: Line, meeting_id: str) -> None:
        for number, cookie in enumerate(self.desk.approvers, 1):
            while True:
                _, found = await line.ask("GET", f"/meetings/{meeting_id}", {"cookie": cookie})
                step = next(one for one in found["steps"] if one["step"] == number)
                if step["state"] != "open":
                    assert step["state"] == "approved", step
                    break
                headers = {"cookie": cookie, "if-match": f'"{found["version"]}"'}
                status, said = await line.ask("POST", f"/meetings/{meeting_id}/decide", headers, {"approve": True})
                # 409, 412: the decision of a server that was killed before its answer.
                assert status in (200, 409, 412), (status, said)


# The checker


async def check(url: str, crowd: Crowd, requests: int) -> list[str]:
    """Return every fault as text. The list is empty if there is no fault."""
    database = Database.open(url)
    records = crowd.records
    wrong = [f"{len(records)} keys instead of {requests}"] if len(records) != requests else []
    wrong += [f"{key} was answered {one.answers}" for key, one in records.items() if len(one.answers) != 1]
    made = {key: word[1] for key, one in records.items() for word in one.answers if word[0] == "ok"}
    approved = {made[key] for key, one in records.items() if one.approved}
    async with database.reading() as session:
        wrong += await _lost(session, made)
        wrong += await _doubled(session)
        wrong += await _orphans(session)
        wrong += await _capacity(session)
        wrong += await _unjust(session, crowd)
        wrong += await _unheld(session, crowd, made, approved)
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


async def _unjust(session: AsyncSession, crowd: Crowd) -> Iterator[str]:
    """Return the requests that were refused although the hall and the person were free. No reservation is released in this
    test, so a resource that was taken at the time of the refusal is still taken. A soft hold takes nothing.
    """
    taken = await _taken(session)
    found = []
    for key, record in crowd.records.items():
        code = next((word[1] for word in record.answers if word[0] == "no"), "")
        if not code:
            continue
        request = request_of(*_of(key, crowd.clients))
        wanted = [(hall, request.starts_at - MARGIN, request.ends_at + MARGIN) for hall in request.hall_ids]
        wanted += [(request.chair_id, request.starts_at, request.ends_at)] if request.chair_id else []
        if code != "overlap" or not any(s < end and e > start for id_, start, end in wanted for s, e, _ in taken[id_]):
            found.append(f"refused without a reason: {key} {code}")
    return iter(found)


async def _unheld(session: AsyncSession, crowd: Crowd, made: dict[str, str], approved: set[str]) -> Iterator[str]:
    """Return the acknowledged approvals that are lost, and the halls of invited units that were free at the approval and are not
    held.
    """
    taken = await _taken(session)
    states = dict((await session.execute(select(Meeting.id, Meeting.state))).all())
    dates = dict((await session.execute(select(Occurrence.meeting_id, Occurrence.id))).all())
    found = []
    for key, id_ in made.items():
        if id_ not in approved:
            continue
        if states.get(id_) != "approved":
            found.append(f"lost approval: {key} {id_}")
        request = request_of(*_of(key, crowd.clients))
        start, end = request.starts_at - MARGIN, request.ends_at + MARGIN
        for one in request.attendees:
            hall = f"g{(one.unit_id or '')[1:]}"
            met = [date for s, e, date in taken[hall] if s < end and e > start]
            if not met:
                found.append(f"not held: {hall} for {key}")
    held = set(await session.scalars(select(Reservation.occurrence_id).where(Reservation.guest)))
    if approved and not held & {dates[id_] for id_ in approved}:
        found.append("no hall of an invited unit is held")
    return iter(found)


async def _taken(session: AsyncSession) -> dict[str | None, list[tuple[datetime, datetime, str]]]:
    """Return (start, end, date) of all reservations, by resource."""
    rows = await session.execute(
        select(Reservation.resource_id, Reservation.starts_at, Reservation.ends_at, Reservation.occurrence_id)
    )
    taken: dict[str | None, list[tuple[datetime, datetime, str]]] = collections.defaultdict(list)
    for id_, start, end, date_id in rows:
        taken[id_].append((start, end, date_id))
    return taken


def _of(key: str, clients: int) -> tuple[int, int, int]:
    client, place = key.split("-")
    return int(client), clients, int(place)
