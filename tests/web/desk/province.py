"""A province of 96 communes in a separate database, with some meetings. A secretary, an approver, an operator and an
administrator can sign in. The tests of the secretariat's pages use this province.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import creation, deciding
from rooms.booking.planning import requests
from rooms.booking.rules.calendar import public_holidays
from rooms.fixtures import loading
from rooms.policy.actors import COMMAND, Actor, Role
from rooms.store.database import Database
from rooms.store.migrations import steps
from rooms.store.tables.booking import Holiday
from rooms.store.tables.meetings import MeetingType
from rooms.store.tables.org import Person, Unit
from rooms.store.tables.sites import Hall
from tests.rooms.people import add_account

PASSWORD = "con gà trống cất tiếng gáy"
HASHED = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
ACCOUNTS: Mapping[str, tuple[str, str]] = {
    "thuky": ("secretary", "office"),
    "lanhdao": ("approver", "root"),
    "dieuhanh": ("operator", "root"),
    "quantri": ("admin", "root"),
}
"""Account name -> (role, unit of the role)."""
TYPES = (
    ("internal", "Họp nội bộ đơn vị", "ordinary", 60, 0, True, 100),
    ("crossunit", "Họp liên ngành góp ý dự thảo", "ordinary", 120, 3, False, 80),
    ("training", "Tập huấn nghiệp vụ", "ordinary", 180, 3, False, 90),
    ("briefing", "Giao ban Chủ tịch tỉnh với xã, phường", "important", 120, 3, False, 40),
    ("session", "Phiên họp UBND tỉnh thường kỳ", "important", 240, 5, False, 20),
)


@dataclass
class Desk:
    """The identifiers that tests use."""

    root: str = ""
    office: str = ""
    halls: list[str] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)
    """The persons of the accounts, by account name."""


def working_day(after: int, now: datetime) -> datetime:
    """Return 08:00 of the working day that comes `after` working days from today."""
    day = now.astimezone(ZONE).replace(hour=8, minute=0, second=0, microsecond=0)
    while after > 0 or day.weekday() > 4:
        day += timedelta(days=1)
        after -= day.weekday() <= 4
    return day


_MADE: dict[date, tuple[bytes, Desk]] = {}
"""The database of this province by the day of `now`. One database serves all files of tests of this process."""


async def furnish(data_dir: Path, now: datetime) -> Desk:
    """Write a migrated database with this province into `data_dir`, ready for `diemcau dev --data-dir`."""
    data_dir.mkdir(parents=True, exist_ok=True)
    file, day = data_dir / "diemcau.sqlite", now.astimezone(ZONE).date()
    if day not in _MADE:
        made = await _build(f"sqlite:///{file.absolute()}", now)
        assert sorted(data_dir.glob(f"{file.name}*")) == [file], "all rows are in the file"
        _MADE[day] = file.read_bytes(), made
    database, made = _MADE[day]
    file.write_bytes(database)
    file.chmod(0o600)
    return deepcopy(made)


async def _build(url: str, now: datetime) -> Desk:
    await steps.upgrade(url)
    database = Database.open(url)
    try:
        await database.transact(lambda session: loading.load(session, "tayninh-2025", COMMAND, now))
        made = await database.transact(lambda session: _staff(session, now))
        for request in _wanted(made, now):
            await creation.book(database, request, _actor(made), now)
    finally:
        await database.close()
    return made


async def approve(database: Database, meeting_id: str, now: datetime) -> None:
    """Approve a meeting by both steps."""
    for _ in range(2):
        await database.transact(lambda session: deciding.decide(session, meeting_id, True, "", COMMAND, now))


async def _staff(session: AsyncSession, now: datetime) -> Desk:
    made = Desk()
    await _work_on_holidays(session, now)
    for code, name, class_, minutes, notice, internal, precedence in TYPES:
        if await session.get(MeetingType, code) is None:
            session.add(
                MeetingType(
                    code=code,
                    name=name,
                    default_class=class_,
                    duration_min=minutes,
                    notice_days=notice,
                    internal=internal,
                    precedence=precedence,
                )
            )
    root = (await session.scalars(select(Unit).where(Unit.parent_id.is_(None)))).one()
    office = (await session.scalars(select(Unit).where(Unit.name.like("Văn phòng UBND%")))).first() or root
    made.root, made.office = root.id, office.id
    people = list(await session.scalars(select(Person).order_by(Person.code).limit(40)))
    own = [one for one in people if one.unit_id == office.id] + people
    for number, (name, (role, where)) in enumerate(ACCOUNTS.items()):
        person = own[number]
        if where == "office":
            person.unit_id = office.id
        made.people[name] = person.id
        await add_account(
            session, name, person.id, {role: root.id if where == "root" else office.id}, now, password=HASHED
        )
    made.halls = list(await session.scalars(select(Hall.id).order_by(Hall.seats.desc(), Hall.code).limit(20)))
    return made


async def _work_on_holidays(session: AsyncSession, now: datetime) -> None:
    """Make holidays from Monday to Friday working days: the tests run on any day, and their bookings must not fall on a day off.

    A holiday on a Saturday or Sunday stays a day off, because `working_day` does not count it.
    """
    there = set(await session.scalars(select(Holiday.day)))
    for year in (now.year, now.year + 1, now.year + 2):
        for day, name in public_holidays(year).items():
            if day not in there and day.weekday() <= 4:
                session.add(Holiday(day=day, name=name, works=True))


def _actor(made: Desk) -> Actor:
    return Actor(
        "account",
        id="",
        person_id=made.people["thuky"],
        name="Văn phòng",
        roles=(Role("admin", made.root, f"/{made.root}/"), Role("secretary", made.root, f"/{made.root}/")),
        factors=2,
    )


def _wanted(made: Desk, now: datetime) -> list[requests.Request]:
    """Return requests for some meetings of the next days: approved, waiting, held, a series."""
    seeds = (
        ("Họp giao ban Văn phòng", "internal", 0, (), "", 60),
        ("Họp góp ý dự thảo quy chế làm việc", "crossunit", 1, (0,), "", 120),
        ("Tập huấn nghiệp vụ văn thư, lưu trữ", "training", 2, (1,), "", 180),
        ("Giao ban Chủ tịch tỉnh với xã, phường", "briefing", 3, (2,), "FREQ=WEEKLY;COUNT=6", 120),
        ("Phiên họp UBND tỉnh thường kỳ tháng này", "session", 4, (0,), "", 240),
    )
    return [
        requests.Request(
            title=title,
            type_code=code,
            host_unit_id=made.office,
            starts_at=working_day(after + 1, now).astimezone(UTC),
            urgent_reason="Chỉ đạo của Chủ tịch UBND tỉnh",
            duration_min=minutes,
            rule=rule,
            hall_ids=tuple(made.halls[n] for n in halls),
            attendees=(requests.AttendeeRequest(unit_id=made.office),),
            submit=after != 2,
            chair_id=made.people["lanhdao"] if code != "internal" else None,
            agenda=(requests.AgendaItem("Báo cáo kết quả công tác tháng", "Chánh Văn phòng", 20),),
            public=code == "session",
        )
        for title, code, after, halls, rule, minutes in seeds
    ]
