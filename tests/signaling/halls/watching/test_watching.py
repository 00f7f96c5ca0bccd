"""The readiness of halls that the server does not call yet, or never calls. On both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits as room_limits
from rooms.dialling import legs, planning
from rooms.errors import Refusal
from rooms.store.database import Database
from rooms.store.tables.meetings import Meeting
from tests.clock import Clock
from tests.rooms.province import Province
from tests.signaling.halls import caller_doubles as doubles
from tests.signaling.halls.caller_doubles import Make, Wire, book, rows, written

clock, make, now, wire = doubles.clock, doubles.make, doubles.now, doubles.wire


async def test_halls_that_dial_in_are_probed_and_not_called(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make
) -> None:
    """Show also that a secretary may change who calls, before and after."""
    starts_at = clock.at + timedelta(minutes=25)
    meeting, _ = await database.transact(lambda session: book(session, province, starts_at, 2, connect="dial_in"))
    caller = make()

    async def change(connect: str) -> None:
        async def work(session: AsyncSession) -> None:
            (await session.get_one(Meeting, meeting.id)).connect = connect

        await database.transact(work)
        await database.transact(lambda session: planning.plan(session, clock.at))

    await caller.tick()
    assert sorted(one for one in wire.done if one[1].startswith("h")) == [("probe", "h000"), ("probe", "h001")]
    for order in list(wire.probed):
        caller.probed(order, "green", "")
    await written(caller)
    await change("call")
    assert {(one.asked_by, one.next_try_at) for one in (await rows(database)).values()} == {
        ("schedule", starts_at - timedelta(minutes=15))
    }
    await change("dial_in")
    clock.pass_s(26 * 60)
    await caller.tick()
    assert wire.calls() == 0
    assert {one.asked_by for one in (await rows(database)).values()} == {"watch"}


async def test_an_operator_has_halls_probed_a_day_early_and_they_are_probed_again(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make
) -> None:
    starts_at = clock.at + timedelta(hours=24)
    _, date = await database.transact(lambda session: book(session, province, starts_at, 1))
    caller = make()

    async def ask(session: AsyncSession) -> None:
        for leg_id in await planning.watch(session, date, clock.at):
            await legs.set_wish(session, leg_id, "probe")

    await database.transact(ask)
    await database.transact(ask)  # the same rows
    caller.wake()
    await caller.tick()
    assert [one for one in wire.done if one[1] == "h000"] == [("probe", "h000")]
    caller.probed(wire.probed[0], "red", "not_registered")
    await written(caller)
    assert (await rows(database))["h000"].readiness == "red"
    clock.pass_s((24 * 60 - 29) * 60)
    await caller.tick()
    assert [one for one in wire.done if one[1] == "h000"] == [("probe", "h000")] * 2
    early = starts_at - timedelta(hours=room_limits.PROBE_ASKED_AHEAD_H, seconds=1)
    with pytest.raises(Refusal, match="too_early"):
        await database.transact(lambda session: planning.watch(session, date, early))
