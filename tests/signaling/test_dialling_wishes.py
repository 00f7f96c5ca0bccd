"""What operators want of halls: done once, by whoever can, in the order in which it was wanted, whatever the database refuses."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from conference.dialout import Event
from rooms.dialling import legs
from rooms.store.database import Database
from signaling import limits as bounds
from tests.rooms.province import Province
from tests.signaling import caller_doubles as doubles
from tests.signaling.caller_doubles import Called, Clock, Late, Make, Refusing, Wire, book, rows

called, clock, make, now, wire = doubles.called, doubles.clock, doubles.make, doubles.now, doubles.wire


async def test_what_an_operator_wants_is_done_though_the_database_refused_it_at_first_and_holds_up_no_other(
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


async def test_what_an_operator_wants_is_done_by_the_server_that_starts_next(
    database: Database, clock: Clock, wire: Wire, make: Make, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, row = called.caller, called.row
    await caller.happen(row.id, Event.ANSWERED, wire.orders[row.id])
    await database.transact(partial(legs.set_wish, leg_id=row.id, wish="drop"))
    refusing = Refusing(monkeypatch, row.id)
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    await caller.close()
    assert refusing.tries == 1 and (await rows(database))[row.terminal_id].wish == "drop"
    refusing.refuses = False
    await make().tick()
    assert (await rows(database))[row.terminal_id].state == "left"


@pytest.mark.parametrize("wish", ["call", "drop"])
async def test_what_an_operator_wanted_before_is_not_done_after_what_he_wants_now(
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


async def test_what_an_operator_wants_of_a_leg_that_another_worker_has_by_now_is_done_by_that(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.transact(lambda session: book(session, province, clock.at, 1))
    caller, other = make(), make("two", Wire())
    await caller.tick()
    (row,) = (await rows(database)).values()
    await database.transact(partial(legs.set_wish, leg_id=row.id, wish="drop"))
    refusing = Refusing(monkeypatch, row.id)
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    refusing.refuses = False
    clock.pass_s(bounds.LEG_LEASE_S + 1)
    await other.tick()
    await caller._take_wishes()
    assert (await rows(database))[row.terminal_id].wish == "drop"
    clock.pass_s(bounds.CALLER_TICK_S)
    await other.tick()
    assert (await rows(database))[row.terminal_id].state == "left"


async def test_who_has_come_is_in_though_the_operator_calls_it_before_that_is_written(
    database: Database, clock: Clock, wire: Wire, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, row = called.caller, called.row
    await caller.happen(row.id, Event.REFUSED, wire.orders.pop(row.id), status=486)
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
async def test_a_hall_that_an_operator_drops_before_its_arrival_is_written_is_out_for_good(
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
        await caller.happen(leg_id, Event.REFUSED, wire.orders.pop(leg_id), status=486 if state == "failed" else 404)
    assert (await called.now(database)).state == state
    hall, refusing = Late(caller, called.row, wire), Refusing(monkeypatch, leg_id)
    if arrival == "waits":
        refusing.hold(caller, Event.CAME)
    hall.comes()
    async with asyncio.timeout(10):
        await (refusing.waits.wait() if arrival == "waits" else hall.told())
    refusing.refuses = False
    await caller.happen(leg_id, Event.DROP)
    assert not wire.orders
    refusing.goes_on.set()
    await hall.told()
    for _ in range(2):
        clock.pass_s(bounds.CALLER_TICK_S)
        await caller.tick()
    assert await hall.seen(database) == (False, "left", "")


@pytest.mark.parametrize("wanted", [Event.CALL, Event.REDIAL, Event.DROP])
async def test_a_hall_that_came_while_a_dead_worker_has_its_lease_is_not_thrown_out_by_who_calls_it(
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
