"""Numbers of meetings that were started without a booking: how long they are valid, and how many there are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from conference import ProcessMemory
from rooms import limits
from rooms.meetings import numbers
from rooms.store.database import Database
from signaling.api.ground.numbers import Numbers, Rows
from tests.clock import Clock
from tests.rooms.postgres import POSTGRESQL_IN_SIM

NOW = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


async def restarted(database: Database, clock: Clock) -> Numbers:
    rows = Rows(database, clock.now)
    found = Numbers(ProcessMemory(), rows)
    found.restore(await rows.all())
    return found


async def test_a_number_lives_seven_days_after_the_last_person_left(database: Database) -> None:
    clock = Clock(NOW)
    first = await restarted(database, clock)
    for number in ("abc-defg-hij", "klm-nopq-rst"):
        await first.add(number, "Giao ban", "192.0.2.1")
    clock.pass_time(days=5)
    await first.renew(["abc-defg-hij", "of-somebody-else"])
    second = await restarted(database, clock)
    assert second.title("abc-defg-hij") == "Giao ban"
    clock.pass_time(days=2, hours=1)
    await second.renew([])
    assert "abc-defg-hij" in second
    assert "klm-nopq-rst" not in second
    await second.use("abc-defg-hij")
    await second.renew([])
    clock.pass_time(days=6, hours=23)
    await second.renew([])
    assert "abc-defg-hij" in second
    clock.pass_time(days=1)
    await second.renew([])
    assert "abc-defg-hij" not in second
    assert await Rows(database, clock.now).all() == []


async def test_the_number_table_is_bounded_and_evicts_no_other_user(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "INSTANT_NUMBERS", 12)
    monkeypatch.setattr(limits, "INSTANT_NUMBERS_OF_A_SOURCE", 4)
    clock = Clock(NOW)
    kept = await restarted(database, clock)
    await kept.add("ours", "", "192.0.2.1")
    for number in range(30):
        clock.pass_time(seconds=1)
        await kept.add(f"theirs-{number}", "", "198.51.100.7")
    rows = [number for number, _ in await Rows(database, clock.now).all()]
    assert rows == ["ours", *(f"theirs-{number}" for number in range(26, 30))]
    assert all(number in kept for number in rows)
    assert "theirs-25" not in kept
    for source in range(20):
        clock.pass_time(seconds=1)
        await kept.add(f"one-of-{source}", "", f"203.0.113.{source}")
    assert len(await Rows(database, clock.now).all()) == 12


async def _away(*_: object) -> None:
    raise ConnectionError("the database is away")


@POSTGRESQL_IN_SIM
async def test_a_printed_link_gets_a_number_row_at_the_first_visit(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(NOW)
    kept = await restarted(database, clock)
    kept.announce("abc-defg-hij")
    assert "abc-defg-hij" in kept
    assert await Rows(database, clock.now).all() == []
    with monkeypatch.context() as away:
        away.setattr(numbers, "store", _away)
        with pytest.raises(ConnectionError):
            await kept.use("abc-defg-hij")
    await kept.use("abc-defg-hij")
    assert await Rows(database, clock.now).all() == [("abc-defg-hij", "")]


@POSTGRESQL_IN_SIM
async def test_many_numbers_are_renewed_and_end_together(database: Database) -> None:
    async with database.reading() as session:
        assert await numbers.stored(session) == []
    await database.transact(lambda session: numbers.touch(session, [f"n-{one}" for one in range(2_000)], NOW))
    assert await database.transact(lambda session: numbers.expire(session, NOW)) == []


class UsedNumbers:
    """A store that remembers which numbers each renewal names."""

    def __init__(self) -> None:
        self.named: list[set[str]] = []
        self.ends: list[str] = []

    async def keep(self, number: str, title: str, source: str) -> list[str]:
        return []

    async def renew(self, used: Iterable[str]) -> list[str]:
        self.named.append(set(used))
        return self.ends


async def test_an_ended_use_of_a_number_does_not_renew_a_later_use() -> None:
    """Otherwise the uses of ended numbers would fill the memory without a limit."""
    shared, shelf = ProcessMemory(), UsedNumbers()
    one, other = Numbers(shared, shelf), Numbers(shared, shelf)
    await one.add("abc-defg-hij", "", "192.0.2.1")
    await one.use("abc-defg-hij")
    shelf.ends = ["abc-defg-hij"]
    await other.renew([])
    shelf.ends = []
    await one.renew([])
    await other.add("abc-defg-hij", "", "192.0.2.1")
    await one.renew([])
    assert shelf.named == [set()] * 3
    await one.use("abc-defg-hij")
    await one.renew([])
    assert shelf.named[-1] == {"abc-defg-hij"}
