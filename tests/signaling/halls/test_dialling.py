"""The caller of halls on both databases: when and how fast it calls, which halls it may call, and the rights of an old lease."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from conference import limits
from conference.halls.causes import Cause
from conference.halls.dialout import Event, State
from conference.ports.halls import DialOrder
from rooms import limits as room_limits
from rooms.dialling import legs, planning
from rooms.errors import Refusal
from rooms.policy.actors import COMMAND, Actor
from rooms.store.database import Database
from rooms.store.tables.dialling import DialLeg, LegAlarm
from rooms.store.tables.meetings import MeetingType, Occurrence
from rooms.store.tables.records import AuditEntry
from rooms.store.tables.sites import Terminal
from signaling.halls.dial.caller import Caller
from signaling.halls.dial.rows import order_of
from signaling.halls.ground import limits as bounds
from tests.clock import Clock
from tests.rooms.province import Province
from tests.signaling.halls import caller_doubles as doubles
from tests.signaling.halls.caller_doubles import (
    KEY,
    Away,
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


@pytest.mark.parametrize("ahead_min", [15, 40, 3, 0])
async def test_probed_a_quarter_before_the_calls_which_meeting_or_type_set(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make, ahead_min: int
) -> None:
    starts_at = clock.at + timedelta(minutes=20 + ahead_min)

    async def work(session: AsyncSession) -> None:
        meeting, _ = await book(session, province, starts_at, 3)
        type_ = await session.get_one(MeetingType, meeting.type_code)
        assert (type_.call_ahead_min, meeting.call_ahead_min) == (15, None), "the default of every type"
        if ahead_min == 40:
            type_.call_ahead_min = 40
        elif ahead_min != 15:
            meeting.call_ahead_min = ahead_min

    await database.transact(work)
    caller = make()
    await caller.tick()
    assert wire.done == []
    clock.pass_s(6 * 60)
    await caller.tick()
    assert sorted(one for one in wire.done if one[1].startswith("h")) == [("probe", f"h00{n}") for n in range(3)]
    for order, seen in zip(list(wire.probed), ("green", "red", "amber"), strict=False):
        caller.probed(order, seen, "")
    await caller.close()
    assert {one.state for one in (await rows(database)).values()} == {"idle"}
    clock.pass_s(13 * 60)
    await caller.tick()
    assert wire.calls() == 0
    clock.pass_s(60)
    await caller.tick()
    dialled = [name for verb, name in wire.done if verb == "dial"]
    red, amber, green = (wire.probed[place].terminal for place in (1, 2, 0))
    assert [one for one in dialled if one.startswith("h")] == [red, amber, green]  # the worst first


async def test_the_board_gets_the_date_of_each_changed_leg(
    database: Database, province: Province, clock: Clock, wire: Wire
) -> None:
    _, date = await database.transact(lambda session: book(session, province, clock.at, 1))
    told: list[str] = []
    caller = Caller(database, wire, key=KEY, worker="one", now=clock.time, changed=told.append)
    await caller.tick()
    order = next(one for one in wire.orders.values() if one.terminal == "h000")
    for what in (partial(caller.probed, order, "green", ""), partial(caller.tell, order, Event.RANG)):
        told.clear()
        what()
        await written(caller)
        assert set(told) == {date}
    told.clear()
    caller.tell(order, Event.RANG)
    await written(caller)
    assert told == [], "nothing moved"
    await caller.close()


async def test_a_bound_of_calls_a_second_over_all_dates(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make
) -> None:
    await database.transact(lambda session: book(session, province, clock.at, 2 * limits.INVITES_PER_S + 3))
    caller, most = make(), limits.INVITES_PER_S
    counts = []
    for _ in range(6):
        await caller.tick()
        counts.append(wire.calls())
        await caller.tick()
        assert wire.calls() == counts[-1]
        clock.pass_s(1)
    assert counts[:3] == [most, 2 * most, 2 * most + 3]
    assert max(b - a for a, b in pairwise(counts)) <= most


async def test_an_important_meeting_calls_only_closed_networks(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make
) -> None:
    await database.transact(lambda session: book(session, province, clock.at, 2, class_="important", network=None))
    await make().tick()
    found = await rows(database)
    assert {(one.state, one.reason) for one in found.values()} == {("given_up", "class_forbids")}
    assert {(one.readiness, one.readiness_reason) for one in found.values()} == {("red", "network_open")}
    assert not [one for one in wire.done if one[1].startswith("h")]
    async with database.reading() as session:
        entries = list(await session.scalars(select(AuditEntry).where(AuditEntry.action == "hall.refuse")))
    assert {one.detail["terminal"] for one in entries} >= {"h000", "h001"}
    assert {one.detail["code"] for one in entries} == {"network_open"}


async def test_an_operator_cannot_call_a_forbidden_or_early_hall(
    database: Database, province: Province, clock: Clock
) -> None:
    _, date = await database.transact(
        lambda session: book(session, province, clock.at, 1, class_="important", network=None)
    )
    with pytest.raises(Refusal, match="class_forbids"):
        await database.transact(lambda session: planning.ask(session, date, "h000", COMMAND, clock.at))
    early = clock.at - timedelta(hours=3)
    with pytest.raises(Refusal, match="not_on_now"):
        await database.transact(lambda session: planning.ask(session, date, "h000", COMMAND, early))


async def test_a_desk_can_call_only_invited_and_own_halls(database: Database, province: Province, clock: Clock) -> None:
    """Show that a desk may call only invited halls and its own halls, because halls answer by themselves."""
    _, date = await database.transact(lambda session: book(session, province, clock.at, 1))

    async def add(session: AsyncSession) -> None:
        for code, unit in (("spare", "tinh"), ("own", "xa1")):
            session.add(
                Terminal(
                    id=code,
                    code=code,
                    name=code,
                    site_id=province.sites[unit],
                    protocols=["sip"],
                    codecs=[],
                    sip_uri="sip:hall@10.0.0.1",
                    network_id=province.networks["tslcd"],
                )
            )

    await database.transact(add)
    secretary = province.actor("secretary", "xa1")

    async def ask(terminal: str, actor: Actor = secretary) -> None:
        await database.transact(lambda session: planning.ask(session, date, terminal, actor, clock.at))

    with pytest.raises(Refusal, match="denied"):
        await ask("spare")
    assert "spare" not in {one.terminal_id for one in await all_legs(database)}
    await ask("h000")
    await ask("own")
    await ask("spare", province.actor("secretary", "tinh"))
    await ask("spare")  # the hall has a leg now: the meeting's leader may call it back


async def all_legs(database: Database) -> list[DialLeg]:
    async with database.reading() as session:
        return list(await session.scalars(select(DialLeg)))


async def test_an_operator_can_call_a_hall_before_the_date_is_due(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make
) -> None:
    _, date = await database.transact(lambda session: book(session, province, clock.at + timedelta(minutes=24), 2))
    caller = make()
    await caller.tick()
    await database.transact(lambda session: planning.ask(session, date, "h000", COMMAND, clock.at))
    await caller.happen((await rows(database))["h000"].id, Event.CALL)
    await caller.tick()
    assert [one for one in wire.done if one[0] == "dial"] == [("dial", "h000")]


async def test_a_refused_leg_that_is_given_up_raises_one_alarm(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make
) -> None:
    _, date = await database.transact(lambda session: book(session, province, clock.at, 1))
    caller = make()
    await caller.tick()
    leg_id = (await rows(database))["h000"].id
    leg = await caller.happen(leg_id, Event.REFUSED, wire.orders[leg_id], cause=Cause.UNKNOWN_THERE)
    assert leg is not None
    assert leg.state is State.GIVEN_UP
    async with database.reading() as session:
        (alarm,) = await session.scalars(select(LegAlarm).where(LegAlarm.leg_id == leg_id))
    assert alarm.code == "unknown_there"
    for _ in range(2):
        seen = await database.transact(lambda session: legs.acknowledge(session, alarm.id, date, COMMAND, clock.at))
        assert seen.acknowledged_by == "command"
    with pytest.raises(Refusal, match="unknown_alarm"):
        await database.transact(lambda session: legs.acknowledge(session, alarm.id, "x", COMMAND, clock.at))


async def test_events_of_an_older_attempt_are_ignored(
    database: Database, clock: Clock, wire: Wire, called: Called
) -> None:
    caller, leg_id = called.caller, called.leg_id
    old = wire.orders[leg_id]
    await caller.happen(leg_id, Event.REFUSED, old, cause=Cause.BUSY)
    clock.pass_s(limits.BUSY_RETRY_S)
    await caller.tick()
    assert wire.orders[leg_id].call_id != old.call_id
    await caller.happen(leg_id, Event.REFUSED, old, cause=Cause.UNKNOWN_THERE)
    assert (await rows(database))["h000"].state == "calling"
    await caller.happen(leg_id, Event.ANSWERED, old)
    assert leg_id in wire.orders
    assert (await rows(database))["h000"].state == "calling"


@pytest.mark.parametrize("redialled", [False, True])
async def test_an_answer_that_crosses_a_hangup_ends_only_that_call(wire: Wire, called: Called, redialled: bool) -> None:
    caller, leg_id = called.caller, called.leg_id
    old = wire.orders[leg_id]
    await caller.happen(leg_id, Event.REDIAL if redialled else Event.DROP)
    assert leg_id not in wire.orders
    for there, left in ((replace(old, call_id="its own"), True), (old, False)):
        wire.orders[leg_id] = there
        await caller.happen(leg_id, Event.ANSWERED, old)
        assert (leg_id in wire.orders) is left


async def test_another_worker_waits_for_the_lease_and_repeats_the_try(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make
) -> None:
    await database.transact(lambda session: book(session, province, clock.at, 1))
    first, other_wire = make("one"), Wire()
    await first.tick()
    leg_id = (await rows(database))["h000"].id
    called = wire.orders[leg_id]
    second = make("two", other_wire)
    await second.tick()
    assert other_wire.done == []
    clock.pass_s(bounds.LEG_LEASE_S + 1)
    await second.tick()
    assert other_wire.orders[leg_id].call_id == called.call_id


async def test_a_worker_after_a_kill_does_not_wait_for_the_lease(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make
) -> None:
    """Show that a worker takes over the legs of a killed worker at once. The same ports prove that the old worker is dead. A
    worker on other ports keeps its legs.
    """
    await database.transact(lambda session: book(session, province, clock.at, 1))
    await make("here-one", place="here-").tick()
    leg_id = (await rows(database))["h000"].id
    called, elsewhere, after = wire.orders[leg_id], Wire(), Wire()
    await make("there-one", elsewhere, "there-").tick()
    await make("here-two", after, "here-").tick()
    assert not elsewhere.done
    assert after.orders[leg_id].call_id == called.call_id


async def test_a_date_is_planned_once_by_concurrent_workers(
    database: Database, province: Province, clock: Clock
) -> None:
    await database.transact(lambda session: book(session, province, clock.at + timedelta(minutes=22), 20))
    await asyncio.gather(
        *(database.transact(lambda session: planning.plan(session, clock.at)) for _ in range(4)), return_exceptions=True
    )
    keys = [(one.occurrence_id, one.terminal_id) for one in await all_legs(database)]
    assert len(keys) == len(set(keys)) >= 20


async def test_the_hall_of_the_leading_unit_is_called_first(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make
) -> None:
    await database.transact(lambda session: book(session, province, clock.at, limits.INVITES_PER_S + 3))

    async def lead(session: AsyncSession) -> None:
        last = await session.get_one(Terminal, f"h{limits.INVITES_PER_S + 2:03}")
        last.site_id = province.sites["tinh"]

    await database.transact(lead)
    await make().tick()
    assert next(name for verb, name in wire.done if verb == "dial") == f"h{limits.INVITES_PER_S + 2:03}"


async def test_a_worker_that_lost_its_leases_ends_its_calls(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make
) -> None:
    await database.transact(lambda session: book(session, province, clock.at, 2))
    sleeper, other_wire = make("one"), Wire()
    await sleeper.tick()
    (one, two) = (leg for name, leg in (await rows(database)).items() if name.startswith("h"))
    await sleeper.happen(one.id, Event.ANSWERED, wire.orders[one.id])
    order = wire.orders[two.id]
    clock.pass_s(bounds.LEG_LEASE_S + 1)
    other = make("two", other_wire)
    await other.tick()
    before = {name: (leg.state, leg.epoch, leg.leased_by) for name, leg in (await rows(database)).items()}
    assert await sleeper.happen(two.id, Event.ANSWERED, order) is None
    await sleeper.tick()
    assert not wire.orders  # both calls are ended
    after = {name: (leg.state, leg.epoch, leg.leased_by) for name, leg in (await rows(database)).items()}
    assert after == before
    assert {leg.leased_by for leg in (await rows(database)).values()} == {"two"}
    assert (await rows(database))[one.terminal_id].epoch == 2  # the connected hall is called again


@pytest.fixture
async def late(database: Database, province: Province, clock: Clock, wire: Wire, make: Make) -> Late:
    """Return a hall as after a restart: an operator dropped it, and its leg has no lease. The worker holds another leg."""
    await database.transact(lambda session: book(session, province, clock.at, 2))
    caller = make()
    await caller.tick()
    row = (await rows(database))["h001"]
    await caller.happen(row.id, Event.DROP)

    async def let_go(session: AsyncSession) -> None:
        found = await session.get_one(DialLeg, row.id)
        found.leased_by, found.lease_until = "", None

    await database.transact(let_go)
    return Late(caller, row, wire)


@pytest.mark.parametrize("written", ["meanwhile", "later"])
async def test_a_hall_that_dials_in_while_leases_are_renewed_stays(
    database: Database, clock: Clock, late: Late, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    """Show that an arrival also takes the lease of its leg. The arrival is written while the leases are renewed, or later."""
    caller, held = late.caller, Held(monkeypatch, database)
    transact = database.transact

    async def renewed(work: Any) -> Any:
        done = await transact(work)
        if isinstance(done, frozenset) and written == "meanwhile":
            held.goes_on.set()
            await late.told()
        return done

    monkeypatch.setattr(database, "transact", renewed)
    clock.pass_s(bounds.LEG_LEASE_S / 2)
    with held.begins():
        late.comes()
    await caller.tick()
    assert held.goes_on.is_set() is (written == "meanwhile")
    held.goes_on.set()
    await late.told()
    assert await late.seen(database) == (True, "connected", "one")
    clock.pass_s(bounds.LEG_LEASE_S / 2)
    await caller.tick()
    assert await late.seen(database) == (True, "connected", "one")


@pytest.mark.parametrize("stays", [True, False])
async def test_an_arrival_is_written_when_the_database_is_back(
    database: Database, late: Late, monkeypatch: pytest.MonkeyPatch, stays: bool
) -> None:
    """Show that an arrival is written later. If the hall has left again, its leg must not stay connected."""
    away = Away(monkeypatch, "change")
    late.comes()
    await away.tried(late.caller, 2)
    if not stays:
        late.caller.dialer.hang_up(late.leg_id)
    away.back = True
    await late.told()
    assert await late.seen(database) == ((True, "connected", "one") if stays else (False, "left", ""))


async def test_a_missed_lease_renewal_is_repeated_at_the_next_tick(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Show that the next tick also ends calls that another worker holds by now. Otherwise both workers would talk to one hall."""
    await database.transact(lambda session: book(session, province, clock.at, 2))
    sleeper = make("one")
    await sleeper.tick()
    clock.pass_s(bounds.LEG_LEASE_S + 1)
    await make("two", Wire()).tick()
    away = Away(monkeypatch, "renew")
    with pytest.raises(OSError, match="away"):
        await sleeper.tick()
    assert len(wire.orders) == 2
    away.back = True
    clock.pass_s(bounds.CALLER_TICK_S)
    await sleeper.tick()
    assert not wire.orders


async def test_an_arrival_waits_for_the_database_while_the_hall_stays(
    database: Database, clock: Clock, late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Away(monkeypatch, "change")
    late.comes()
    await away.tried(late.caller, 12)
    clock.pass_s(bounds.LEG_LEASE_S / 2)
    await late.caller.tick()
    assert await late.seen(database) == (True, "left", "")
    away.back = True
    await late.told()
    assert await late.seen(database) == (True, "connected", "one")


async def test_refused_updates_are_logged_and_written_later(
    database: Database, clock: Clock, late: Late, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    refusing = Refusing(monkeypatch, late.leg_id)
    late.comes()
    await late.told()
    assert refusing.tries
    assert f"leg {late.leg_id}" in caplog.text
    refusing.refuses = False
    clock.pass_s(bounds.CALLER_TICK_S)
    await late.caller.tick()
    assert await late.seen(database) == (True, "connected", "one")


async def test_a_long_database_outage_does_not_use_up_the_tries(
    database: Database, late: Late, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Show that errors of an outage do not use up the tries of a change. A restarted database may refuse a change once more,
    and accept it a second later.
    """
    change = legs.change
    errors: list[Exception] = [*(OSError("the database is away") for _ in range(12)), broken()]

    async def troubled(*given: Any) -> DialLeg | None:
        if errors:
            raise errors.pop(0)
        return await change(*given)

    monkeypatch.setattr(legs, "change", troubled)
    monkeypatch.setattr(bounds, "NEWS_AGAIN_S", 0)
    late.comes()
    while errors:
        await again(late.caller)
        await asyncio.sleep(0.001)
    await late.told()
    assert await late.seen(database) == (True, "connected", "one")


async def test_a_stopping_server_does_not_wait_for_a_lost_database(
    late: Late, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away = Away(monkeypatch, "change")
    monkeypatch.setattr(bounds, "NEWS_LAST_S", 0.1)
    late.comes()
    async with asyncio.timeout(10):
        await away.tries.acquire()
        await late.caller.close()
    assert f"the event of leg {late.leg_id} is dropped" in caplog.text


async def test_an_outage_longer_than_a_lease_ends_no_call(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.transact(lambda session: book(session, province, clock.at, 2))
    caller = make()
    await caller.tick()
    (one, two) = (leg.id for leg in (await rows(database)).values())
    await caller.happen(one, Event.ANSWERED, wire.orders[one])
    before, done = dict(wire.orders), list(wire.done)
    away = Away(monkeypatch, "renew")
    for _ in range(2):
        clock.pass_s(bounds.LEG_LEASE_S + 1)
        with pytest.raises(OSError, match="away"):
            await caller.tick()
    away.back = True
    clock.pass_s(bounds.CALLER_TICK_S)
    await caller.tick()
    assert (wire.orders, wire.done) == (before, done)
    found = {row.id: (row.state, row.epoch, row.leased_by) for row in (await rows(database)).values()}
    assert found == {one: ("connected", 1, "one"), two: ("calling", 1, "one")}


@pytest.mark.parametrize("written", ["before", "after"])
async def test_a_hall_back_after_a_kill_is_not_called(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make, written: str
) -> None:
    """Show that a worker does not call a hall that dials in again. Its row still names the dead server's call. `written` says
    whether the arrival is written before or after the worker's tick.
    """
    await database.transact(lambda session: book(session, province, clock.at, 1))
    first, other_wire = make("one"), Wire()
    await first.tick()
    row = (await rows(database))["h000"]
    await first.happen(row.id, Event.ANSWERED, wire.orders[row.id])
    clock.pass_s(bounds.LEG_LEASE_S + 1)
    hall = Late(make("two", other_wire), row, other_wire)
    if written == "before":
        hall.comes()
        await hall.told()
        assert await hall.seen(database) == (True, "connected", "two")
    other_wire.orders[row.id] = order_of(row, KEY)
    await hall.caller.tick()
    if written == "after":
        hall.comes()
        await hall.told()
    assert await hall.seen(database) == (True, "connected", "two")
    assert (await rows(database))["h000"].epoch == 1
    assert ("dial", "h000") not in other_wire.done


@pytest.mark.parametrize("killed", [True, False])
async def test_a_hall_back_before_the_lease_ended_stays_after_a_kill(
    database: Database,
    province: Province,
    clock: Clock,
    wire: Wire,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    killed: bool,
) -> None:
    """Show that a hall that dials in again keeps its call after a kill. Otherwise the row would stay with the other worker."""
    await database.transact(lambda session: book(session, province, clock.at, 1))
    first, other_wire, tries, change = make("one"), Wire(), asyncio.Semaphore(0), legs.change
    await first.tick()
    row = (await rows(database))["h000"]
    await first.happen(row.id, Event.ANSWERED, wire.orders[row.id])

    async def counted(session: Any, leg_id: str, worker: str, *given: Any) -> DialLeg | None:
        done = await change(session, leg_id, worker, *given)
        if worker == "two":
            tries.release()
        return done

    monkeypatch.setattr(legs, "change", counted)
    monkeypatch.setattr(bounds, "NEWS_AGAIN_S", 0.01)
    hall = Late(make("two", other_wire), row, other_wire)
    hall.comes()
    async with asyncio.timeout(10):
        for _ in range(2):
            while tries.locked():
                await again(hall.caller)
                await asyncio.sleep(0.001)
            await tries.acquire()
        clock.pass_s(bounds.LEG_LEASE_S / 2)
        if not killed:
            await first.tick()
        assert await hall.seen(database) == (True, "connected", "one")
        clock.pass_s(bounds.LEG_LEASE_S / 2 + 1)
        await hall.told()
    assert await hall.seen(database) == ((True, "connected", "two") if killed else (False, "connected", "one"))


async def test_an_arrival_renews_its_lease_before_the_next_plan(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make
) -> None:
    """Show that an arrival's lease is renewed when the meeting calls no hall. The worker then holds no other leg."""
    _, date = await database.transact(lambda session: book(session, province, clock.at, 1, connect="dial_in"))
    caller = make()
    await caller.tick()
    row = await database.transact(lambda session: planning.came(session, date, "h000", clock.at))
    hall = Late(caller, row, wire)
    hall.comes()
    await hall.told()
    clock.pass_s(bounds.CALLER_PLAN_S - 1)
    await caller.tick()
    assert await hall.seen(database) == (True, "connected", "one")
    assert (await rows(database))["h000"].lease_until == clock.at + timedelta(seconds=bounds.LEG_LEASE_S)


async def test_a_date_that_is_called_off_ends_its_calls(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make
) -> None:
    _, date = await database.transact(lambda session: book(session, province, clock.at, 1))
    caller = make()
    await caller.tick()
    leg_id = (await rows(database))["h000"].id
    await caller.happen(leg_id, Event.ANSWERED, wire.orders[leg_id])

    async def call_off(session: AsyncSession) -> None:
        (await session.get_one(Occurrence, date)).state = "cancelled"

    await database.transact(call_off)
    await caller.tick()
    assert ("hang_up", "h000") in wire.done
    assert (await rows(database))["h000"].state == "left"
    calls = wire.calls()
    clock.pass_s(3600)
    await caller.tick()
    assert wire.calls() == calls


async def test_finished_legs_lose_their_lease(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make
) -> None:
    """Show that finished legs lose their lease. Otherwise the process would load and renew the legs of all dates."""
    await database.transact(lambda session: book(session, province, clock.at, 2))
    caller = make()
    await caller.tick()
    given_up = (await rows(database))["h001"].id
    await caller.happen(given_up, Event.REFUSED, wire.orders[given_up], cause=Cause.UNKNOWN_THERE)
    for one in await all_legs(database):
        if one.id != given_up:
            await caller.happen(one.id, Event.END)

    async def seen() -> set[tuple[str, str, datetime | None]]:
        return {(one.state, one.leased_by, one.lease_until) for one in await all_legs(database)}

    before = await seen()
    clock.pass_s(bounds.LEG_LEASE_S / 2)
    await caller.tick()
    assert await seen() == before
    assert {state for state, *_ in before} == {"left", "given_up"}
    clock.pass_s(bounds.CALLER_PLAN_S)
    await caller.tick()
    assert await seen() == before
    assert caller._holds is False
    other = make("two", Wire())
    leg = await other.happen((await rows(database))["h000"].id, Event.REDIAL)
    assert leg is not None
    assert other._holds
    assert (await rows(database))["h000"].leased_by == "two"


@pytest.mark.parametrize("later_min", [4, 150, -6])
async def test_a_moved_date_takes_its_uncalled_halls_along(
    database: Database, province: Province, clock: Clock, wire: Wire, make: Make, later_min: int
) -> None:
    _, date = await database.transact(lambda session: book(session, province, clock.at + timedelta(minutes=22), 1))
    caller = make()
    await caller.tick()

    async def move(session: AsyncSession) -> None:
        found = await session.get_one(Occurrence, date)
        found.starts_at += timedelta(minutes=later_min)
        found.ends_at += timedelta(minutes=later_min)

    await database.transact(move)
    begins = clock.at + timedelta(minutes=22 + later_min - 15)
    while clock.at < begins - timedelta(minutes=1):
        clock.pass_s(min(60, (begins - clock.at).total_seconds() - 1))
        await caller.tick()
    assert wire.calls() == 0
    clock.pass_s(62)
    await caller.tick()
    assert ("dial", "h000") in wire.done


async def test_alarms_of_a_leg_are_bounded(database: Database, province: Province, clock: Clock, make: Make) -> None:
    await database.transact(lambda session: book(session, province, clock.at, 1))
    await make().tick()
    leg_id = (await rows(database))["h000"].id
    raised = []
    for number in range(room_limits.ALARMS_OF_A_LEG + 1):
        code = f"a{number}"
        raised.append(await database.transact(partial(legs.raise_alarm, leg_id=leg_id, code=code, now=clock.at)))
    assert raised == [True] * room_limits.ALARMS_OF_A_LEG + [False]


@pytest.mark.parametrize("what", ["probe", "call"])
async def test_refused_halls_delay_no_other_hall(
    database: Database,
    province: Province,
    clock: Clock,
    wire: Wire,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    """Show that refused rows do not stop the other rows. The refused rows are first in order and fill the calls of one second."""
    starts_at = clock.at + timedelta(minutes=29 if what == "probe" else 0)
    await database.transact(lambda session: book(session, province, starts_at, limits.INVITES_PER_S + 4))
    await database.transact(lambda session: planning.plan(session, clock.at))
    found = sorted((await rows(database)).values(), key=lambda row: row.id)
    bad, good = found[: limits.INVITES_PER_S], found[limits.INVITES_PER_S :]
    for row in bad:
        await database.transact(partial(set_red, leg_id=row.id))
    caller, refusing = make(), Refusing(monkeypatch, *(row.id for row in bad))
    done = (lambda: {one.leg_id for one in wire.probed}) if what == "probe" else wire.live
    for _ in range(3):
        await caller.tick()
        clock.pass_s(bounds.CALLER_TICK_S)
    assert done() >= {row.id for row in good}
    refusing.refuses = False
    for _ in range(3):
        await caller.tick()
        clock.pass_s(bounds.CALLER_TICK_S)
    assert done() >= {row.id for row in found}


async def set_red(session: AsyncSession, leg_id: str) -> None:
    (await session.get_one(DialLeg, leg_id)).readiness = "red"


async def test_a_refused_leg_is_logged_once_and_counted_once_a_minute(
    clock: Clock,
    called: Called,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await called.caller.happen(called.leg_id, Event.REFUSED, wire.orders.pop(called.leg_id), cause=Cause.BUSY)
    clock.pass_s(limits.BUSY_RETRY_S)
    refusing = Refusing(monkeypatch, called.leg_id)
    ticks = 3 * round(bounds.TROUBLES_S / 10)
    for _ in range(ticks):
        await called.caller.tick()
        clock.pass_s(10)
    assert refusing.tries == ticks
    told = [record.getMessage() for record in caplog.records if record.name.startswith("signaling.halls.dial.")]
    assert [called.leg_id in one for one in told] == [True] * 3
    assert ["must wait" in one for one in told] == [True, False, False]


async def test_an_unreachable_database_is_logged_once_a_minute(
    clock: Clock, called: Called, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    away, ticks = Away(monkeypatch, "due"), 0
    tick, over = called.caller.tick, asyncio.Event()

    async def ticked() -> None:
        nonlocal ticks
        ticks += 1
        clock.pass_s(10)
        if ticks == 2 * round(bounds.TROUBLES_S / 10):
            over.set()
        await tick()

    monkeypatch.setattr(called.caller, "tick", ticked)
    monkeypatch.setattr(bounds, "CALLER_TICK_S", 0)
    clockwork = asyncio.get_running_loop().create_task(called.caller.run())
    async with asyncio.timeout(30):
        await over.wait()
    clockwork.cancel()
    await asyncio.wait([clockwork])
    away.back = True
    assert caplog.text.count("halls cannot be called") == 2


@pytest.mark.parametrize("error", [broken(), KeyError("a defect of ours")])
async def test_unplannable_dates_do_not_delay_abandoned_legs(
    clock: Clock, make: Make, called: Called, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def fail(*_: Any) -> int:
        raise error

    monkeypatch.setattr(planning, "plan", fail)
    clock.pass_s(bounds.LEG_LEASE_S + 1)
    other_wire = Wire()
    await make("two", other_wire).tick()
    assert other_wire.live() == {called.leg_id}


async def test_a_defect_of_one_leg_does_not_stop_the_other_calls(
    database: Database, province: Province, clock: Clock, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.transact(lambda session: book(session, province, clock.at, 2))
    await database.transact(lambda session: planning.plan(session, clock.at))
    one, two = (await rows(database)).values()

    class Failing(Wire):
        def dial(self, order: DialOrder) -> None:
            if order.leg_id == one.id:
                raise KeyError("a defect of ours")
            super().dial(order)

    failing = Failing()
    await make("one", failing).tick()
    assert failing.live() == {two.id}
