"""Wishes of operators for halls, and of the next date that needs a hall. Any server that can does them, once and in order, even
when the database refuses changes.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from conference import limits
from conference.halls.causes import Cause
from conference.halls.dialout import Event
from rooms.booking.changes import ending
from rooms.dialling import legs
from rooms.store.database import Database
from rooms.store.tables.booking import Wanted
from rooms.store.tables.dialling import DialLeg
from signaling.halls.dial.transitions import WISHES
from signaling.halls.ground import limits as bounds
from tests.clock import Clock
from tests.rooms.province import Province
from tests.signaling.halls import caller_doubles as doubles
from tests.signaling.halls.caller_doubles import Away, Called, Held, Late, Make, Refusing, Wire, book, rows, written

called, clock, make, now, wire = doubles.called, doubles.clock, doubles.make, doubles.now, doubles.wire


async def test_a_refused_operator_order_is_done_later_without_delay(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.transact(lambda session: book(session, province, clock.at, 2))
    caller = make()
    await caller.tick()
    one, two = (await rows(database)).values()
    for row in (one, two):
        await caller.happen(row.id, Event.ANSWERED, wire.orders[row.id])
        await database.transact(partial(legs.set_wish, leg_id=row.id, wish="drop"))
    refusing = Refusing(monkeypatch, one.id)
    for _ in range(2):
        clock.pass_s(bounds.CALLER_TICK_S)
        await caller.tick()
        states = {row.id: row.state for row in (await rows(database)).values()}
        assert states == {one.id: "connected", two.id: "left"}
    refusing.refuses = False
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    assert {row.state for row in (await rows(database)).values()} == {"left"}
    tries = refusing.tries
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    assert refusing.tries == tries == 2


async def test_an_operator_order_is_done_by_the_next_server(
    database: Database, clock: Clock, wire: Wire, make: Make, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, row = called.caller, called.row
    await caller.happen(row.id, Event.ANSWERED, wire.orders[row.id])
    await database.transact(partial(legs.set_wish, leg_id=row.id, wish="drop"))
    refusing = Refusing(monkeypatch, row.id)
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    await caller.close()
    assert refusing.tries == 1
    assert (await rows(database))[row.terminal_id].wish == "drop"
    refusing.refuses = False
    await make().tick()
    assert (await rows(database))[row.terminal_id].state == "left"


@pytest.mark.parametrize("wish", ["call", "drop"])
async def test_an_older_operator_order_is_not_done_after_a_newer_one(
    database: Database,
    clock: Clock,
    wire: Wire,
    called: Called,
    monkeypatch: pytest.MonkeyPatch,
    wish: str,
) -> None:
    caller, row = called.caller, called.row
    await caller.happen(row.id, Event.ANSWERED, wire.orders[row.id])
    await database.transact(partial(legs.set_wish, leg_id=row.id, wish=wish))
    refusing = Refusing(monkeypatch, row.id)
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    assert refusing.tries == 1
    refusing.refuses = False
    await caller.happen(row.id, Event.DROP if wish == "call" else Event.REDIAL)
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    assert ((await rows(database))[row.terminal_id].state == "left") is (wish == "call")


async def test_an_operator_order_survives_a_kill_during_its_work(
    database: Database, clock: Clock, wire: Wire, make: Make, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    leg_id, begun, change = called.leg_id, asyncio.Event(), legs.change
    await database.transact(partial(legs.set_wish, leg_id=leg_id, wish="drop"))

    async def slow(session: AsyncSession, leg: str, worker: str, *given: Any) -> DialLeg | None:
        if worker == "one":
            begun.set()
            await asyncio.sleep(60)
        return await change(session, leg, worker, *given)

    monkeypatch.setattr(legs, "change", slow)
    clock.pass_s(bounds.CALLER_TICK_S)
    clockwork = asyncio.get_running_loop().create_task(called.caller.tick())
    async with asyncio.timeout(10):
        await begun.wait()
    clockwork.cancel()
    await asyncio.wait([clockwork])
    clock.pass_s(bounds.LEG_LEASE_S + 1)
    await make("two", Wire()).tick()
    row = await called.now(database)
    assert (row.state, row.reason, row.wish) == ("left", "dropped", "")


@pytest.mark.parametrize(("older", "newer"), [("drop", "redial"), ("redial", "drop")])
async def test_a_later_order_replaces_one_that_could_not_be_written(
    database: Database,
    clock: Clock,
    wire: Wire,
    called: Called,
    monkeypatch: pytest.MonkeyPatch,
    older: str,
    newer: str,
) -> None:
    """Show that the newer of two wishes wins. It may come from another server, by its row alone, or while the older one runs."""
    caller, leg_id = called.caller, called.leg_id
    await caller.happen(leg_id, Event.ANSWERED, wire.orders[leg_id])
    await database.transact(partial(legs.set_wish, leg_id=leg_id, wish=older))
    refusing = Refusing(monkeypatch, leg_id)
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    assert refusing.tries == 1
    refusing.refuses = False
    await database.transact(partial(legs.set_wish, leg_id=leg_id, wish=newer))
    await caller.happen(leg_id, WISHES[older], granted=older)
    assert (await called.now(database)).state == "connected"
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    row = await called.now(database)
    assert (row.state, row.epoch, row.wish) == (("left", 1, "") if newer == "drop" else ("calling", 2, ""))


async def test_a_look_that_an_operator_wants_is_had_once(
    database: Database, clock: Clock, wire: Wire, called: Called
) -> None:
    looked = len(wire.probed)
    await database.transact(partial(legs.set_wish, leg_id=called.leg_id, wish="probe"))
    for _ in range(2):
        clock.pass_s(bounds.CALLER_TICK_S)
        await called.caller.tick()
    assert [one.leg_id for one in wire.probed[looked:]] == [called.leg_id]
    assert (await called.now(database)).wish == ""


async def test_an_unknown_order_is_dropped_and_delays_no_other(
    database: Database, clock: Clock, province: Province, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    await database.transact(lambda session: book(session, province, clock.at, 2))
    caller = make()
    await caller.tick()
    for row, wish in zip((await rows(database)).values(), ("dance", "drop"), strict=True):
        await database.transact(partial(legs.set_wish, leg_id=row.id, wish=wish))
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    found = {(row.state, row.wish) for row in (await rows(database)).values()}
    assert found == {("calling", ""), ("left", "")}
    assert "'dance'" in caplog.text


async def test_an_order_for_a_leg_of_another_worker_stays_for_it(
    database: Database, clock: Clock, make: Make, called: Called
) -> None:
    other = make("two", Wire())
    clock.pass_s(bounds.LEG_LEASE_S + 1)
    await other.tick()
    await database.transact(partial(legs.set_wish, leg_id=called.leg_id, wish="drop"))
    assert await called.caller.happen(called.leg_id, Event.DROP, granted="drop") is None
    assert (await called.now(database)).wish == "drop"
    clock.pass_s(bounds.CALLER_TICK_S)
    await other.tick()
    row = await called.now(database)
    assert (row.state, row.wish) == ("left", "")


async def test_leases_that_cannot_be_returned_are_logged(
    called: Called, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away = Away(monkeypatch, "hand_back")
    await called.caller.close()
    away.back = True
    assert "only after they expire" in caplog.text


async def test_an_arrived_hall_stays_in_despite_an_order_to_call_it(
    database: Database, clock: Clock, wire: Wire, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, row = called.caller, called.row
    await caller.happen(row.id, Event.REFUSED, wire.orders.pop(row.id), cause=Cause.BUSY)
    hall = Late(caller, row, wire)
    refusing = Refusing(monkeypatch, row.id)
    hall.comes()
    await hall.told()
    refusing.refuses = False
    await caller.happen(row.id, Event.REDIAL)
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    assert (await rows(database))[row.terminal_id].state == "connected"


@pytest.mark.parametrize("state", ["idle", "failed", "given_up", "left"])
@pytest.mark.parametrize("arrival", ["refused", "waits"])
async def test_a_drop_before_the_written_arrival_is_final(
    database: Database,
    clock: Clock,
    wire: Wire,
    called: Called,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    arrival: str,
) -> None:
    caller, leg_id = called.caller, called.leg_id
    if state == "idle":
        await caller.happen(leg_id, Event.RECOVER)
        del wire.orders[leg_id]
    elif state == "left":
        await caller.happen(leg_id, Event.DROP)
    else:
        cause = Cause.BUSY if state == "failed" else Cause.UNKNOWN_THERE
        await caller.happen(leg_id, Event.REFUSED, wire.orders.pop(leg_id), cause=cause)
    assert (await called.now(database)).state == state
    hall, refusing = Late(caller, called.row, wire), Refusing(monkeypatch, leg_id)
    if arrival == "waits":
        monkeypatch.setattr(bounds, "NEWS_AGAIN_S", 0.2)
    hall.comes()
    if arrival == "refused":
        await hall.told()
    while not refusing.tries:
        await asyncio.sleep(0.001)
    refusing.refuses = False
    await caller.happen(leg_id, Event.DROP)
    assert not wire.orders
    await hall.told()
    for _ in range(2):
        clock.pass_s(bounds.CALLER_TICK_S)
        await caller.tick()
    assert await hall.seen(database) == (False, "left", "")


@pytest.mark.parametrize("wanted", [Event.CALL, Event.REDIAL, Event.DROP])
async def test_an_arrival_under_a_dead_lease_survives_a_call_order(
    database: Database,
    clock: Clock,
    wire: Wire,
    make: Make,
    called: Called,
    monkeypatch: pytest.MonkeyPatch,
    wanted: Event,
) -> None:
    monkeypatch.setattr(bounds, "NEWS_AGAIN_S", 0.01)
    await called.caller.happen(called.leg_id, Event.ANSWERED, wire.orders[called.leg_id])
    other_wire = Wire()
    other = make("two", other_wire)
    hall = Late(other, called.row, other_wire)
    hall.comes()
    await asyncio.sleep(0)
    assert await other.happen(called.leg_id, wanted) is None
    assert (called.leg_id in other_wire.orders) is (wanted is not Event.DROP)
    clock.pass_s(bounds.LEG_LEASE_S + 1)
    await hall.told()
    stays = wanted is not Event.DROP
    assert await hall.seen(database) == ((True, "connected", "two") if stays else (False, "connected", "one"))


@pytest.mark.parametrize("how", ["wished", "put out", "put out just now"])
async def test_a_dropped_hall_that_is_due_is_not_called(
    database: Database,
    clock: Clock,
    wire: Wire,
    called: Called,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """Show that a dropped hall is not called while its row waits for the next try. The hall had dialled in, and neither its
    arrival nor its end was written.
    """
    caller, leg_id = called.caller, called.leg_id
    await caller.happen(leg_id, Event.REFUSED, wire.orders.pop(leg_id), cause=Cause.BUSY)
    hall, refusing, held = Late(caller, called.row, wire), Refusing(monkeypatch, leg_id), Held(monkeypatch, database)
    if how == "wished":
        await database.transact(partial(legs.set_wish, leg_id=leg_id, wish="drop"))
    else:
        hall.comes()
        await hall.told()
        with held.begins() if how == "put out just now" else nullcontext():
            hall.goes(Event.DROP)
        async with asyncio.timeout(10):
            await (hall.told() if how == "put out" else held.waits.wait())
    clock.pass_s(limits.BUSY_RETRY_S)
    calls, tries = wire.calls(), refusing.tries
    await caller.tick()
    assert refusing.tries - tries == (how != "put out just now")  # only the end is tried, and no call
    refusing.refuses = False
    held.goes_on.set()
    await hall.told()
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    assert wire.calls() == calls
    assert await hall.seen(database) == (False, "left", "")


async def test_a_hall_leaves_a_date_after_its_end_for_the_next_date(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make
) -> None:
    """The first date still runs, in the grace of its type. Only the hall that the next date calls has to leave."""
    _, date = await database.transact(lambda session: book(session, province, clock.at, 2))
    ends_at = clock.at + timedelta(hours=2)

    async def next_to_it(session: AsyncSession) -> str:
        meeting, after = await book(session, province, ends_at + timedelta(hours=1), 0)
        session.add(Wanted(meeting_id=meeting.id, resource_id="h000", kind="terminal"))
        await ending.opened(session, date, clock.at)
        return after

    after = await database.transact(next_to_it)
    caller = make()
    await caller.tick()
    first = {order.terminal: order for order in wire.orders.values()}
    for name in ("h000", "h001"):
        caller.tell(first[name], Event.ANSWERED)
    await written(caller)
    for at_min, left in ((30, []), (58, [("hang_up", "h000")])):
        clock.pass_s((ends_at + timedelta(minutes=at_min) - clock.at).total_seconds())
        await caller.tick()
        assert [one for one in wire.done if one[0] == "hang_up"] == left
    caller.tell(first["h000"], Event.HUNG_UP)
    await written(caller)
    clock.pass_s(60)
    await caller.tick()
    async with database.reading() as session:
        states = dict(
            (
                await session.execute(select(DialLeg.occurrence_id, DialLeg.state).where(DialLeg.terminal_id == "h000"))
            ).all()
        )
    assert (states[date], states[after] in ("calling", "ringing")) == ("left", True)
