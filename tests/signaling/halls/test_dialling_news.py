"""The caller of halls when the database is away or refuses news of a leg: the end of a call is not lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from conference import limits
from conference.halls.causes import Cause
from conference.halls.dialout import Event
from rooms.dialling import legs, planning
from rooms.store.database import Database
from rooms.store.tables.dialling import DialLeg
from signaling.halls.ground import limits as bounds
from tests.clock import Clock
from tests.rooms.province import Province
from tests.signaling.halls import caller_doubles as doubles
from tests.signaling.halls.caller_doubles import (
    Called,
    Held,
    Late,
    Make,
    Refusing,
    Wire,
    again,
    book,
    broken,
    rows,
    written,
)

called, clock, make, now, wire = doubles.called, doubles.clock, doubles.make, doubles.now, doubles.wire


@pytest.mark.parametrize(
    ("event", "before", "state", "reason", "pause_s"),
    [
        (Event.HUNG_UP, "connected", "failed", "hung_up", limits.HUNG_UP_RETRY_S),
        (Event.HUNG_UP, "redialled", "left", "hung_up", None),
        (Event.LOST, "connected", "failed", "lost", limits.LOST_RETRY_S),
        (Event.DROP, "connected", "left", "dropped", None),
        (Event.REFUSED, "calling", "failed", "busy", limits.BUSY_RETRY_S),
        (Event.FORBID, "calling", "given_up", "class_forbids", None),
    ],
)
async def test_a_refused_end_of_a_call_is_written_later(
    database: Database,
    province: Province,
    clock: Clock,
    wire: Wire,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    event: Event,
    before: str,
    state: str,
    reason: str,
    pause_s: float | None,
) -> None:
    """Show that the end is written later. Otherwise the row would stay connected, or a dropped hall would be called again."""
    await database.transact(lambda session: book(session, province, clock.at, 2))
    caller = make()
    await caller.tick()
    one, two = (await rows(database)).values()
    if before == "redialled":
        await caller.happen(one.id, Event.ANSWERED, wire.orders[one.id])
        await caller.happen(one.id, Event.HUNG_UP, wire.orders.pop(one.id))
        clock.pass_s(limits.HUNG_UP_RETRY_S)
        await caller.tick()
    if before != "calling":
        await caller.happen(one.id, Event.ANSWERED, wire.orders[one.id])
    await caller.happen(two.id, Event.REFUSED, wire.orders.pop(two.id), cause=Cause.BUSY)
    calls = wire.done.count(("dial", one.terminal_id))
    refusing = Refusing(monkeypatch, one.id)
    order = wire.orders.pop(one.id)
    if event in (Event.REFUSED, Event.FORBID):
        caller.tell(order, event, **({"cause": Cause.BUSY} if event is Event.REFUSED else {}))
    else:
        caller.ended(one.id, event, order)
    await written(caller)
    assert refusing.tries
    clock.pass_s(limits.BUSY_RETRY_S)
    await caller.tick()
    was = "calling" if before == "calling" else "connected"
    assert set(wire.orders) == {two.id}
    assert (await rows(database))[one.terminal_id].state == was
    refusing.refuses = False
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    row = (await rows(database))[one.terminal_id]
    assert (row.state, row.reason, row.epoch, set(wire.orders)) == (state, reason, 1, {two.id})
    assert row.next_try_at == (None if pause_s is None else clock.at + timedelta(seconds=pause_s))
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    assert wire.done.count(("dial", one.terminal_id)) == calls


async def test_a_leg_with_a_lost_answer_continues_as_of_a_dead_server(
    database: Database, clock: Clock, wire: Wire, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, one = called.caller, called.row
    refusing = Refusing(monkeypatch, one.id)
    caller.tell(wire.orders.pop(one.id), Event.ANSWERED)
    await written(caller)
    refusing.refuses = False
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    assert (await rows(database))[one.terminal_id].state == "calling"
    assert set(wire.orders) == {one.id}


async def test_a_lost_hall_is_called_again_despite_an_unwritten_drop(
    database: Database, clock: Clock, wire: Wire, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Show that a hall is called again after a loss, although an earlier drop was not written. The hall dialled in both times,
    and was lost between two ticks.
    """
    caller, row = called.caller, called.row
    hall = Late(caller, row, wire)
    hall.comes()
    await hall.told()
    refusing = Refusing(monkeypatch, row.id)
    hall.goes(Event.DROP)
    await hall.told()
    refusing.refuses = False
    hall.comes()
    await hall.told()
    hall.goes(Event.LOST)
    await hall.told()
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    assert await hall.seen(database) == (False, "failed", "one")


async def test_with_a_lost_database_each_tick_tries_one_unsure_leg(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Show that each tick tries one unsure leg while the database is away. A try may take seconds, in which no lease is
    renewed. The next tick tries the other leg.
    """
    await database.transact(lambda session: book(session, province, clock.at, 3))
    await make("one").tick()
    clock.pass_s(bounds.LEG_LEASE_S + 1)
    other_wire, tried, change, is_away = Wire(), list[str](), legs.change, True
    caller = make("two", other_wire)

    async def away(session: AsyncSession, leg_id: str, *given: Any) -> DialLeg | None:
        tried.append(leg_id)
        if is_away:
            raise OSError("the database is away")
        return await change(session, leg_id, *given)

    monkeypatch.setattr(legs, "change", away)
    ids = {row.id for row in (await rows(database)).values()}
    for ticks in (1, 2, 3):
        await caller.tick()
        assert len(tried) == ticks
        clock.pass_s(bounds.CALLER_TICK_S)
    assert set(tried) == ids
    assert not other_wire.orders
    is_away = False
    await caller.tick()
    assert set(other_wire.orders) == ids


@pytest.mark.parametrize("place", [0, 1])
async def test_a_fully_refused_hall_delays_no_other_call_or_hangup(
    database: Database,
    province: Province,
    clock: Clock,
    wire: Wire,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    place: int,
) -> None:
    await database.transact(lambda session: book(session, province, clock.at, 2))
    await database.transact(lambda session: planning.plan(session, clock.at))
    both = list((await rows(database)).values())
    one, two = both[place], both[1 - place]
    caller, refusing = make(), Refusing(monkeypatch, one.id)
    await caller.tick()
    assert refusing.tries
    assert set(wire.orders) == {two.id}
    refusing.refuses = False
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    assert set(wire.orders) == {one.id, two.id}
    for row in both:
        await caller.happen(row.id, Event.ANSWERED, wire.orders[row.id])
    refusing.refuses = True
    clock.pass_s(24 * 3600)
    await caller.tick()
    assert set(wire.orders) == {one.id}


@pytest.mark.parametrize("ends", ["later", "refused", "lost"])
async def test_a_refused_answer_is_written_while_the_call_lasts(
    database: Database,
    clock: Clock,
    wire: Wire,
    called: Called,
    monkeypatch: pytest.MonkeyPatch,
    ends: str,
) -> None:
    """Show that a refused answer is written later. Otherwise the board would say that the hall is still called. `ends` says
    whether the hall hangs up when the answer is written, or before.
    """
    caller, one = called.caller, called.row
    refusing = Refusing(monkeypatch, one.id)
    caller.tell(wire.orders[one.id], Event.ANSWERED)
    await written(caller)
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    if ends == "later":
        refusing.refuses = False
        clock.pass_s(bounds.CALLER_TICK_S)
        await caller.tick()
        row = (await rows(database))[one.terminal_id]
        assert (row.state, row.epoch, set(wire.orders)) == ("connected", 1, {one.id})
    caller.ended(one.id, Event.LOST if ends == "lost" else Event.HUNG_UP, wire.orders.pop(one.id))
    await written(caller)
    refusing.refuses = False
    await caller.tick()
    row = (await rows(database))[one.terminal_id]
    reason, pause_s = ("lost", limits.LOST_RETRY_S) if ends == "lost" else ("hung_up", limits.HUNG_UP_RETRY_S)
    assert (row.state, row.reason, row.attempt, row.redialled) == ("failed", reason, 2, ends != "lost")
    assert row.next_try_at == clock.at + timedelta(seconds=pause_s)
    assert not wire.orders
    assert row.answered_at == clock.at


async def test_a_hangup_with_a_refused_answer_causes_no_redial(
    database: Database, clock: Clock, wire: Wire, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, one = called.caller, called.row
    refusing = Refusing(monkeypatch, one.id)
    caller.tell(wire.orders[one.id], Event.ANSWERED)
    await written(caller)
    held = Held(monkeypatch, database)
    with held.begins():
        caller.ended(one.id, Event.HUNG_UP, wire.orders.pop(one.id))
    async with asyncio.timeout(10):
        await held.waits.wait()
    refusing.refuses = False
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    assert not wire.orders
    held.goes_on.set()
    await written(caller)
    row = (await rows(database))[one.terminal_id]
    assert (row.state, row.reason) == ("failed", "hung_up")
    assert not wire.orders


@pytest.mark.parametrize("held", ["by nobody", "by one that died"])
async def test_a_hall_stays_connected_while_its_arrival_is_unwritten(
    database: Database,
    province: Province,
    clock: Clock,
    wire: Wire,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    held: str,
) -> None:
    """Show that the hall stays connected while its arrival is refused. The lease comes with the arrival, so its call must not
    end for lack of a lease.
    """
    await database.transact(lambda session: book(session, province, clock.at, 2))
    first = make("dead")
    await first.tick()
    one, two = (await rows(database)).values()
    await first.happen(one.id, Event.ANSWERED, wire.orders.pop(one.id))
    if held == "by nobody":
        await first.happen(one.id, Event.DROP)
    clock.pass_s(bounds.LEG_LEASE_S / 2)
    other_wire = Wire()
    caller = make("one", other_wire)
    hall, refusing = Late(caller, one, other_wire), Refusing(monkeypatch, one.id)
    hall.comes()
    await hall.told()
    for _ in range(2):
        clock.pass_s(bounds.LEG_LEASE_S / 6)
        caller._renewed_at, caller._holds = float("-inf"), True
        await caller.tick()
        assert set(other_wire.orders) - {two.id} == {one.id}
    refusing.refuses = False
    await caller.tick()
    clock.pass_s(bounds.LEG_LEASE_S / 3)
    await hall.told()
    await caller.tick()
    assert await hall.seen(database) == (True, "connected", "one")
    assert (await rows(database))[one.terminal_id].epoch == 1
    assert ("dial", one.terminal_id) not in other_wire.done


async def test_an_arrival_with_refused_rows_causes_no_redial(
    database: Database, clock: Clock, wire: Wire, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, one = called.caller, called.row
    hall, refusing = Late(caller, one, wire), Refusing(monkeypatch, one.id)
    caller.tell(wire.orders.pop(one.id), Event.REFUSED, cause=Cause.BUSY)
    await hall.told()
    hall.comes()
    await hall.told()
    refusing.refuses = False
    for _ in range(2):
        clock.pass_s(bounds.CALLER_TICK_S)
        await caller.tick()
        assert await hall.seen(database) == (True, "connected", "one")


@pytest.mark.parametrize("taken", [True, False])
async def test_a_dropped_hall_is_not_called_by_the_next_server(
    database: Database,
    province: Province,
    clock: Clock,
    wire: Wire,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    taken: bool,
) -> None:
    """Show that a refused end is tried once more before the worker gives its leases back. Otherwise the log names the lost
    news.
    """
    await database.transact(lambda session: book(session, province, clock.at, 2))
    caller, other_wire = make(), Wire()
    await caller.tick()
    one, other = (await rows(database)).values()
    await caller.happen(one.id, Event.ANSWERED, wire.orders[one.id])
    refusing = Refusing(monkeypatch, one.id)
    caller.ended(one.id, Event.DROP, wire.orders.pop(one.id))
    await written(caller)
    refusing.refuses = not taken
    held, change = Held(monkeypatch, database), legs.change

    async def noted(*given: Any) -> DialLeg | None:
        done = await change(*given)
        held.goes_on.set()
        return done

    monkeypatch.setattr(legs, "change", noted)
    if taken:  # news of another leg may take all of the time
        with held.begins():
            caller.ended(other.id, Event.HUNG_UP, wire.orders.pop(other.id))
        await held.waits.wait()
    await caller.close()
    assert (f"the event of leg {one.id} (drop) is lost" in caplog.text) is not taken
    refusing.refuses = False
    clock.pass_s(bounds.CALLER_TICK_S)
    await make("two", other_wire).tick()
    assert (await rows(database))[one.terminal_id].state == ("left" if taken else "calling")
    assert (one.id in other_wire.orders) is not taken


async def test_the_end_of_a_call_survives_a_stop_during_the_write(
    database: Database, wire: Wire, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, one = called.caller, called.row
    await caller.happen(one.id, Event.ANSWERED, wire.orders[one.id])
    refusing = Refusing(monkeypatch, one.id)
    caller.ended(one.id, Event.DROP, wire.orders.pop(one.id))
    await written(caller)
    refusing.refuses = False
    change, begun = legs.change, asyncio.Event()

    async def slow(*given: Any) -> DialLeg | None:
        if not begun.is_set():
            begun.set()
            await asyncio.sleep(60)
        return await change(*given)

    monkeypatch.setattr(legs, "change", slow)
    clockwork = asyncio.get_running_loop().create_task(caller.tick())
    async with asyncio.timeout(10):
        await begun.wait()
    clockwork.cancel()
    await asyncio.wait([clockwork])
    await caller.close()
    row = (await rows(database))[one.terminal_id]
    assert (row.state, row.reason, row.leased_by) == ("left", "dropped", "")


@pytest.mark.parametrize("trouble", ["away", "refused"])
@pytest.mark.parametrize("part", ["set_readiness", "change"])
async def test_a_probe_result_is_written_when_the_database_accepts(
    database: Database,
    province: Province,
    clock: Clock,
    wire: Wire,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    trouble: str,
    part: str,
) -> None:
    """Show that a probe's result is written later. Otherwise the row would stay in probing until its call."""
    await database.transact(lambda session: book(session, province, clock.at + timedelta(minutes=29), 1))
    caller = make()
    await caller.tick()
    (one,) = (await rows(database)).values()
    assert one.state == "probing"
    looked_at, tries, real, takes = clock.at, 0, getattr(legs, part), False

    async def troubled(*given: Any) -> Any:
        nonlocal tries
        tries += 1
        if not takes:
            raise OSError("the database is away") if trouble == "away" else broken()
        return await real(*given)

    monkeypatch.setattr(legs, part, troubled)
    monkeypatch.setattr(bounds, "NEWS_AGAIN_S", 0)
    caller.probed(next(order for order in wire.probed if order.leg_id == one.id), "green", "slow")
    while tries < 12:
        await again(caller)
        await asyncio.sleep(0.001)
    takes = True
    await written(caller)
    for _ in range(2):
        clock.pass_s(bounds.CALLER_TICK_S)
        await caller.tick()
    row = (await rows(database))[one.terminal_id]
    assert (row.state, row.readiness, row.readiness_reason, row.readiness_at) == ("idle", "green", "slow", looked_at)


async def test_an_older_probe_result_does_not_replace_a_newer_one(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Show that an older result of a probe does not replace a newer one. The operator probes again before the older result is
    written.
    """
    await database.transact(lambda session: book(session, province, clock.at + timedelta(minutes=29), 1))
    caller = make()
    await caller.tick()
    (one,) = (await rows(database)).values()
    order = next(order for order in wire.probed if order.leg_id == one.id)
    caller.probed(order, "amber", "slow")
    await written(caller)
    refuses, real = True, legs.set_readiness

    async def refusing(*given: Any) -> None:
        if refuses:
            raise broken()
        await real(*given)

    monkeypatch.setattr(legs, "set_readiness", refusing)
    monkeypatch.setattr(bounds, "NEWS_AGAIN_S", 0)
    for seen, is_refused in (("red", True), ("green", False)):
        refuses = is_refused
        clock.pass_s(bounds.CALLER_TICK_S)
        caller.probed(order, seen, "")
        await written(caller)
    looked_at = clock.at
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    row = (await rows(database))[one.terminal_id]
    assert (row.readiness, row.readiness_at) == ("green", looked_at)


async def test_an_older_probe_of_another_worker_is_ignored(database: Database, clock: Clock, called: Called) -> None:
    for seconds, seen in ((0, "green"), (-1, "red"), (0, "amber")):
        at = clock.at + timedelta(seconds=seconds)
        await database.transact(partial(legs.set_readiness, leg_id=called.leg_id, readiness=seen, reason="", at=at))
        row = await called.now(database)
        assert (row.readiness, row.readiness_at) == ("green" if seen == "red" else seen, clock.at)
