"""Bookings that the database itself refuses from any client, sent as SQL as a faulty program would send them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.planning import previews
from rooms.identifiers import new_id
from rooms.store.database import Database
from rooms.store.tables.booking import CapacitySlot, Reservation
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Person
from rooms.store.tables.sites import Hall, Terminal
from tests.rooms.booking.test_creation import counts, make, wish
from tests.rooms.province import Province

Now = Any


@pytest.fixture
async def taken(database: Database, province: Province, now: Now) -> dict[str, Any]:
    """The values of a stored reservation."""
    await make(database, wish(province, now), province.actor("secretary", "vp"), now)
    async with database.reading() as session:
        one = (await session.scalars(select(Reservation).where(Reservation.kind == "hall"))).one()
        names = ("occurrence_id", "kind", "resource_id", "starts_at", "ends_at", "active")
        return {name: getattr(one, name) for name in names} | {"id": one.id}


async def refused(database: Database, work: Callable[[AsyncSession], Awaitable[object]], word: str) -> None:
    with pytest.raises(DBAPIError) as caught:
        await database.transact(work)
    assert word in str(caught.value.orig)


@pytest.mark.parametrize(
    ("start", "end", "clashes"),
    [(0, 0, True), (-60, -149, True), (149, 60, True), (10, -10, True), (-60, 60, True), (-150, -150, False), (150, 150, False)],
)  # fmt: skip
async def test_overlap(database: Database, taken: dict[str, Any], start: int, end: int, clashes: bool) -> None:
    """The table shifts the beginning and the end by minutes. The reservation takes 150 minutes."""
    other = taken | {
        "id": new_id(),
        "starts_at": taken["starts_at"] + timedelta(minutes=start),
        "ends_at": taken["ends_at"] + timedelta(minutes=end),
    }

    async def add(session: AsyncSession) -> None:
        await session.execute(insert(Reservation), [other])

    if clashes:
        await refused(database, add, "overlap")
    else:
        await database.transact(add)


async def test_an_inactive_reservation_clashes_only_when_activated(database: Database, taken: dict[str, Any]) -> None:
    other = taken | {"id": new_id(), "active": False}

    async def add(session: AsyncSession) -> None:
        await session.execute(insert(Reservation), [other])

    async def wake(session: AsyncSession) -> None:
        await session.execute(update(Reservation).where(Reservation.id == other["id"]).values(active=True))

    await database.transact(add)
    await refused(database, wake, "overlap")


async def test_a_reservation_is_moved_into_another(database: Database, taken: dict[str, Any]) -> None:
    later = timedelta(days=1)
    other = taken | {"id": new_id(), "starts_at": taken["starts_at"] + later, "ends_at": taken["ends_at"] + later}

    async def add(session: AsyncSession) -> None:
        await session.execute(insert(Reservation), [other])

    async def move(session: AsyncSession) -> None:
        values = {"starts_at": taken["starts_at"], "ends_at": taken["ends_at"]}
        await session.execute(update(Reservation).where(Reservation.id == other["id"]).values(values))

    await database.transact(add)
    await refused(database, move, "overlap")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"resource_id": "nowhere"}, "unknown_resource"),
        ({"kind": "person"}, "unknown_resource"),
        ({"kind": "boat"}, ""),
        ({"occurrence_id": "none"}, ""),
        ({"longer": 3}, "too_long"),
        ({"longer": -1}, ""),
    ],
)
async def test_what_a_reservation_may_be(
    database: Database, taken: dict[str, Any], changes: dict[str, Any], word: str
) -> None:
    at = taken["starts_at"] + timedelta(days=30)
    other = taken | {"id": new_id(), "starts_at": at, "ends_at": at + timedelta(hours=2)} | changes
    if "longer" in changes:
        other["ends_at"] = at + timedelta(days=other.pop("longer"), seconds=1)

    async def add(session: AsyncSession) -> None:
        await session.execute(insert(Reservation), [other])

    await refused(database, add, word)


@pytest.mark.parametrize(("table", "kind"), [(Hall, "hall"), (Terminal, "terminal"), (Person, "person")])
async def test_what_is_reserved_is_not_deleted(
    database: Database, taken: dict[str, Any], table: Any, kind: str
) -> None:
    async def remove(session: AsyncSession) -> None:
        ids = select(Reservation.resource_id).where(Reservation.kind == kind)
        await session.execute(delete(table).where(table.id.in_(ids)).execution_options(synchronize_session=False))

    await refused(database, remove, "reserved")


async def test_capacity_numbers_and_instants(database: Database, taken: dict[str, Any]) -> None:
    async def too_much(session: AsyncSession) -> None:
        await session.execute(update(CapacitySlot).values(used=CapacitySlot.most + 1))

    async def less_than_nothing(session: AsyncSession) -> None:
        await session.execute(update(CapacitySlot).values(used=-1))

    async def unnumbered(session: AsyncSession) -> None:
        await session.execute(update(Meeting).values(state="approved"))

    async def other_instant(session: AsyncSession) -> None:
        await session.execute(update(Occurrence).values(original_at=taken["starts_at"]))

    async def secret(session: AsyncSession) -> None:
        await session.execute(update(Meeting).values(class_="secret"))

    await refused(database, too_much, "capacity_slot")
    await refused(database, less_than_nothing, "capacity_slot")
    await refused(database, unnumbered, "unnumbered")
    await refused(database, other_instant, "original_at")
    await refused(database, secret, "")


async def test_a_preview_reserves_nothing(
    database: Database, province: Province, taken: dict[str, Any], now: Now
) -> None:
    secretary, before = province.actor("secretary", "vp"), await counts(database)
    async with database.reading() as session:
        shown = await previews.preview(session, wish(province, now), secretary, now)
    assert not shown.bookable
    assert "Giao ban tuần" in shown.dates[0].clashes[0].vi
    assert await counts(database) == before
