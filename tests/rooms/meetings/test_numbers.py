"""Numbers of meetings that were started without a booking: how long they live, and how many there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from conference import ProcessMemory
from rooms import limits
from rooms.meetings import numbers
from rooms.store.database import Database
from signaling.api.ground.numbers import Numbers, Rows

NOW = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


async def restarted(database: Database, clock: Clock) -> Numbers:
    rows = Rows(database, clock)
    found = Numbers(ProcessMemory(), rows)
    found.restore(await rows.all())
    return found


async def test_a_number_lives_seven_days_after_the_last_person_left(database: Database) -> None:
    clock = Clock()
    first = await restarted(database, clock)
    for number in ("abc-defg-hij", "klm-nopq-rst"):
        await first.add(number, "Giao ban", "192.0.2.1")
    clock.now += timedelta(days=5)
    await first.renew(["abc-defg-hij", "of-somebody-else"])
    second = await restarted(database, clock)
    assert second.title("abc-defg-hij") == "Giao ban"
    clock.now += timedelta(days=2, hours=1)
    await second.renew([])
    assert "abc-defg-hij" in second and "klm-nopq-rst" not in second
    await second.use("abc-defg-hij")
    await second.renew([])
    clock.now += timedelta(days=6, hours=23)
    await second.renew([])
    assert "abc-defg-hij" in second
    clock.now += timedelta(days=1)
    await second.renew([])
    assert "abc-defg-hij" not in second
    assert await Rows(database, clock).all() == []


async def test_nobody_fills_the_table_and_nobody_pushes_out_the_numbers_of_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "INSTANT_NUMBERS", 12)
    monkeypatch.setattr(limits, "INSTANT_NUMBERS_OF_A_SOURCE", 4)
    clock = Clock()
    kept = await restarted(database, clock)
    await kept.add("ours", "", "192.0.2.1")
    for number in range(30):
        clock.now += timedelta(seconds=1)
        await kept.add(f"theirs-{number}", "", "198.51.100.7")
    rows = [number for number, _ in await Rows(database, clock).all()]
    assert rows == ["ours", *(f"theirs-{number}" for number in range(26, 30))]
    assert all(number in kept for number in rows) and "theirs-25" not in kept
    for source in range(20):
        clock.now += timedelta(seconds=1)
        await kept.add(f"one-of-{source}", "", f"203.0.113.{source}")
    assert len(await Rows(database, clock).all()) == 12


async def _away(*_: object) -> None:
    raise ConnectionError("the database is away")


async def test_the_number_of_a_printed_link_becomes_a_row_when_somebody_comes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    kept = await restarted(database, clock)
    kept.announce("abc-defg-hij")
    assert "abc-defg-hij" in kept and await Rows(database, clock).all() == []
    with monkeypatch.context() as away:
        away.setattr(numbers, "store", _away)
        with pytest.raises(ConnectionError):
            await kept.use("abc-defg-hij")
    await kept.use("abc-defg-hij")
    assert await Rows(database, clock).all() == [("abc-defg-hij", "")]


async def test_many_numbers_are_renewed_and_end_together(database: Database) -> None:
    async with database.reading() as session:
        assert await numbers.stored(session) == []
    await database.transact(lambda session: numbers.touch(session, [f"n-{one}" for one in range(2_000)], NOW))
    assert await database.transact(lambda session: numbers.expire(session, NOW)) == []
