"""The queue of a leg: the order of its events, its limit, and the effect of a failed event on the events behind it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from conference.halls.dialout import Event
from conference.ports.halls import DialOrder
from rooms.dialling import legs, planning
from rooms.store.database import Database
from signaling.halls.dial.queues import LegEvent, LegQueues
from signaling.halls.ground import limits as bounds
from tests.clock import Clock
from tests.rooms.province import Province
from tests.signaling.halls import caller_doubles as doubles
from tests.signaling.halls.caller_doubles import Away, Called, Make, Refusing, Wire, book, rows, written

called, clock, make, now, wire = doubles.called, doubles.clock, doubles.make, doubles.now, doubles.wire
ORDER = DialOrder("leg", "date", "terminal", "call")


def kinds(queues: LegQueues) -> list[Event]:
    return [one.event for _, queue in queues.all() for one in queue.events]


async def test_events_after_an_unwritten_event_are_written_in_order(
    database: Database, wire: Wire, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing, caller, order = Refusing(monkeypatch, called.leg_id), called.caller, wire.orders[called.leg_id]
    caller.tell(order, Event.RANG)
    caller.tell(order, Event.ANSWERED)
    del wire.orders[called.leg_id]
    caller.ended(called.leg_id, Event.HUNG_UP, order)
    await written(caller)
    seen, change = list[str](), legs.change

    async def noted(*given: Any) -> Any:
        row = await change(*given)
        seen.append(row.state if row is not None else "")
        return row

    monkeypatch.setattr(legs, "change", noted)
    refusing.refuses = False
    await written(caller)
    assert seen == ["ringing", "connected", "failed"]
    assert (await called.now(database)).redialled


async def test_an_operator_hears_that_events_before_the_wish_wait(
    database: Database, wire: Wire, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing, caller = Refusing(monkeypatch, called.leg_id), called.caller
    caller.tell(wire.orders[called.leg_id], Event.RANG)
    await written(caller)
    assert await caller.want(called.leg_id, "drop") == "later"
    assert ((await called.now(database)).wish, called.leg_id in wire.orders) == ("drop", True)
    refusing.refuses = False
    await caller.tick()
    row = await called.now(database)
    assert (row.state, row.wish, wire.orders) == ("left", "", {})


async def test_an_internal_error_loses_only_one_event(
    database: Database, wire: Wire, called: Called, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    change, faults = legs.change, [KeyError("a defect of ours")]

    async def faulty(*given: Any) -> Any:
        if faults:
            raise faults.pop()
        return await change(*given)

    monkeypatch.setattr(legs, "change", faulty)
    order = wire.orders[called.leg_id]
    called.caller.tell(order, Event.RANG)
    called.caller.tell(order, Event.ANSWERED)
    await written(called.caller)
    assert "event rang of leg" in caplog.text
    assert (await called.now(database)).state == "connected"


async def test_a_server_that_stops_waits_for_the_database_alone(
    database: Database, wire: Wire, make: Make, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asyncio.timeout(bounds.NEWS_LAST_S / 2):
        await make("other").close()
    away = Away(monkeypatch, "change")
    called.caller.tell(wire.orders[called.leg_id], Event.RANG)
    closing = asyncio.create_task(called.caller.close())
    for _ in range(3):
        await away.tries.acquire()
    away.back = True
    await closing
    assert (await called.now(database)).state == "ringing"


async def test_equal_events_of_one_attempt_are_queued_once(clock: Clock) -> None:
    queues = LegQueues(clock.time)
    for order in (ORDER, replace(ORDER, call_id="next"), ORDER):
        queues.put("leg", LegEvent(Event.RANG, order))
    (queue,) = (queue for _, queue in queues.all())
    assert [one.order and one.order.call_id for one in queue.events] == ["next", "call"]
    async with queues.turn("leg"):  # the first event is being written
        queues.put("leg", LegEvent(Event.RANG, replace(ORDER, call_id="next")))
    assert [one.order and one.order.call_id for one in queue.events] == ["next", "call", "next"]


async def test_a_queue_is_gone_after_its_last_writer(clock: Clock) -> None:
    queues, second_waits = LegQueues(clock.time), asyncio.Event()

    async def write_second() -> None:
        second_waits.set()
        async with queues.turn("leg"):
            assert len(queues) == 1

    async with queues.turn("leg") as queue:
        second = asyncio.create_task(write_second())
        await second_waits.wait()
    assert dict(queues.all()) == {"leg": queue}, "the second one waits for its turn"
    await second
    assert len(queues) == 0


async def test_a_queue_is_bounded_and_keeps_its_head_and_its_end(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    queues = LegQueues(clock.time)
    for number in range(bounds.LEG_EVENTS):
        queues.put("leg", LegEvent(Event.RANG, replace(ORDER, call_id=str(number))))
    assert len(kinds(queues)) == bounds.LEG_EVENTS
    assert not caplog.text
    queues.put("leg", LegEvent(Event.DROP))
    (queue,) = (queue for _, queue in queues.all())
    calls = [one.order.call_id for one in queue.events if one.order is not None]
    assert (len(queue.events), calls[:2], queue.events[-1].event) == (bounds.LEG_EVENTS, ["0", "2"], Event.DROP)
    assert "too many events of leg leg" in caplog.text


async def test_the_queue_of_a_leg_is_dropped_when_it_is_empty(
    database: Database, clock: Clock, make: Make, called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, refusing = called.caller, Refusing(monkeypatch, called.leg_id)
    assert await caller.want(called.leg_id, "redial") == "later"
    assert len(caller._queues) == 1
    refusing.refuses = False
    await caller.tick()
    assert len(caller._queues) == 0
    assert (await rows(database))["h000"].epoch == 2
    refusing.refuses = True
    assert await caller.want(called.leg_id, "drop") == "later"
    await database.transact(lambda session: legs.set_wish(session, called.leg_id, ""))
    for _ in range(2):  # another worker may have done it
        clock.pass_s(bounds.TROUBLES_S)
        caller._queues.report()
    assert len(caller._queues) == 0


async def test_with_a_lost_database_each_tick_tries_one_due_leg(
    database: Database, province: Province, clock: Clock, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.transact(lambda session: book(session, province, clock.at, 2))
    await database.transact(lambda session: planning.plan(session, clock.at))
    caller, away = make(), Away(monkeypatch, "change")
    with pytest.raises(OSError, match="away"):
        await caller.tick()
    await away.tries.acquire()
    assert away.tries.locked()


@pytest.mark.parametrize("why", ["wake", "written"])
async def test_the_clockwork_does_at_once_what_is_due(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make, why: str
) -> None:
    """Show that a change wakes the caller at once. Otherwise the caller would look for due calls only at the next plan."""
    caller = make()
    if why == "written":
        await database.transact(lambda session: book(session, province, clock.at, 1))
        await caller.tick()
        await caller.happen((await rows(database))["h000"].id, Event.DROP)
    clockwork = asyncio.get_running_loop().create_task(caller.run())
    await asyncio.sleep(0.2)
    calls = wire.calls()
    if why == "written":
        await caller.happen((await rows(database))["h000"].id, Event.REDIAL)
    else:
        await database.transact(lambda session: book(session, province, clock.at, 1))
        caller.wake()
    async with asyncio.timeout(bounds.CALLER_PLAN_S - 1):
        while wire.calls() == calls:
            await asyncio.sleep(0.01)
    clockwork.cancel()
    await asyncio.wait([clockwork])
